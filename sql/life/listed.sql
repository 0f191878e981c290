-- Warnings that stand, were closed or were withdrawn: about whom, for which purpose and how far each got, without the reason.
select
    warning.warning_id,
    warning.purpose,
    case when warning.subject_id = warning.household_id then 'household' else 'person' end as subject,
    warning.person_id,
    warning.household_id,
    warning.division_code,
    warning.township,
    warning.status,
    warning.first_seen_on,
    warning.last_seen_on,
    warning.is_overdue,
    warning.decided_on
from main.warning as warning
union all
select
    withdrawn.warning_id,
    rule.purpose,
    case when withdrawn.subject_id = withdrawn.household_id then 'household' else 'person' end as subject,
    case when withdrawn.subject_id <> withdrawn.household_id then withdrawn.subject_id end as person_id,
    withdrawn.household_id,
    withdrawn.division_code,
    cast(null as varchar) as township,
    'withdrawn' as status,
    withdrawn.first_seen_on,
    withdrawn.withdrawn_on as last_seen_on,
    false as is_overdue,
    cast(null as date) as decided_on
from main.warning_withdrawn as withdrawn
left join input.rule as rule
    on withdrawn.rule_code = rule.rule_code
