-- Open warnings that tonight's rules do not list again and that cannot be asked about: they are kept. Those about the dead are kept only for
-- rules about the dead.
select
    before.warning_id,
    before.rule_code,
    before.subject_id,
    before.person_id,
    before.household_id,
    before.division_code,
    before.level,
    unanswered.remark
from life.before as before
inner join life.unanswered as unanswered
    on before.warning_id = unanswered.warning_id
inner join input.rule as rule
    on before.rule_code = rule.rule_code
left join main.person as person
    on before.person_id = person.person_id
left join warnings.every as every
    on before.rule_code = every.rule_code and before.subject_id = every.subject_id
where every.rule_code is null and (rule.of_the_dead or person.death_date is null)
