-- Candidates of tonight that stand. Left out are candidates about the dead, except for rules about the dead. Left out too are candidates that
-- yield to a stronger warning about the same person: one of tonight, or one that is carried over because it cannot be asked about.
with alive as (
    select
        every.rule_code, every.subject_id, every.person_id,
        every.household_id, every.division_code, every.level,
        every.measured, every.reason, every.evidence,
        every.freshness, every.policy
    from warnings.every as every
    inner join input.rule as rule
        on every.rule_code = rule.rule_code
    left join main.person as person
        on every.person_id = person.person_id
    where rule.of_the_dead or person.death_date is null
),

strong as (
    select alive.rule_code, alive.person_id
    from alive
    union
    select before.rule_code, before.person_id
    from life.before as before
    inner join life.unanswered as unanswered
        on before.warning_id = unanswered.warning_id
),

outdone as (
    select weaker.rule_code, weaker.subject_id, min(stronger.rule_code) as stronger_code
    from alive as weaker
    inner join input.rule_yields as yields
        on weaker.rule_code = yields.rule_code
    inner join strong as stronger
        on yields.stronger_code = stronger.rule_code and weaker.person_id = stronger.person_id
    group by weaker.rule_code, weaker.subject_id
)

select
    alive.rule_code,
    alive.subject_id,
    alive.person_id,
    alive.household_id,
    alive.division_code,
    alive.level,
    alive.measured,
    alive.reason,
    alive.evidence,
    alive.freshness,
    alive.policy
from alive
left join outdone
    on alive.rule_code = outdone.rule_code and alive.subject_id = outdone.subject_id
where outdone.rule_code is null
