-- People and households about whom an assistance rule asked tonight and found nothing. Left out are those whom the rule or a stronger one
-- found; those that are silent since a warning was closed; those who are enrolled, where the rule asks who is not; those about whom it cannot
-- be told, or a cell cannot be read. A person without a number is no subject.
with listed as (
    select every.rule_code, every.subject_id, every.person_id
    from warnings.every as every
    union all
    select unreadable.rule_code, unreadable.subject_id, cast(null as varchar) as person_id
    from warnings.unreadable as unreadable
    union all
    select warning.rule_code, warning.subject_id, warning.person_id
    from main.warning as warning
    where warning.status <> 'closed' or warning.silent_until > warning.run_date
),

answered as (
    select rule.rule_code, subject.subject_id
    from input.rule as rule
    inner join input.rule_not_in as asked
        on rule.rule_code = asked.rule_code
    inner join registry.household_check as answer
        on asked.registry = answer.registry and answer.answer <> 'not_enrolled'
    inner join life.subject as subject
        on rule.subject = subject.subject_kind and answer.household_id = subject.household_id
    where rule.purpose = 'assistance' and rule.not_in_of = 'household'
    union all
    select rule.rule_code, subject.subject_id
    from input.rule as rule
    inner join input.rule_not_in as asked
        on rule.rule_code = asked.rule_code
    inner join registry.registry_check as answer
        on asked.registry = answer.registry and answer.answer <> 'not_enrolled'
    inner join life.subject as subject
        on rule.subject = subject.subject_kind and answer.person_id = subject.person_id
    where rule.purpose = 'assistance' and rule.not_in_of = 'person'
),

barred as (
    select answered.rule_code, answered.subject_id
    from answered
    union
    select listed.rule_code, listed.subject_id
    from listed
    union
    select yields.rule_code, subject.subject_id
    from listed
    inner join input.rule_yields as yields
        on listed.rule_code = yields.stronger_code
    inner join input.rule as rule
        on yields.rule_code = rule.rule_code
    inner join life.subject as subject
        on rule.subject = subject.subject_kind and listed.person_id = subject.person_id
)

select
    rule.rule_code,
    subject.subject_id,
    subject.division_code
from input.rule as rule
inner join life.subject as subject
    on rule.subject = subject.subject_kind
left join barred
    on rule.rule_code = barred.rule_code and subject.subject_id = barred.subject_id
where
    rule.purpose = 'assistance'
    and subject.death_date is null
    and not subject.is_provisional
    and barred.subject_id is null
