-- Warnings that were open, and that the rules no longer list and nothing keeps: they are to be withdrawn.
select
    before.warning_id,
    before.rule_code,
    before.subject_id,
    before.person_id,
    before.household_id,
    before.division_code,
    before.level,
    before.first_seen_on,
    before.reason
from life.before as before
left join main.warning as warning
    on before.warning_id = warning.warning_id
where before.status <> 'closed' and warning.warning_id is null
