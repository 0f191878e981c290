-- What the registries say tonight, for open warnings whose rule asks them: about the person of the warning, or the person's household.
with asked as (
    select
        before.warning_id,
        before.person_id,
        before.household_id,
        rule.not_in_of,
        not_in.registry
    from life.before as before
    inner join input.rule as rule
        on before.rule_code = rule.rule_code
    inner join input.rule_not_in as not_in
        on before.rule_code = not_in.rule_code
    where before.status <> 'closed'
)

select
    asked.warning_id,
    asked.registry,
    answered.answer,
    answered.is_whole
from asked
inner join registry.household_check as answered
    on asked.household_id = answered.household_id and asked.registry = answered.registry
where asked.not_in_of = 'household'
union all
select
    asked.warning_id,
    asked.registry,
    answered.answer,
    answered.is_whole
from asked
inner join registry.registry_check as answered
    on asked.person_id = answered.person_id and asked.registry = answered.registry
where asked.not_in_of = 'person'
