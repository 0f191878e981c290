-- What is to be looked into, most urgent first.
select
    warning.warning_id as warning_id,
    warning.run_date as run_date,
    warning.rule_code as rule_code,
    warning.title as title,
    warning.purpose as purpose,
    warning.level as level,
    warning.status as status,
    warning.outcome as outcome,
    warning.household_id as household_id,
    warning.person_id as person_id,
    warning.subject_id as subject_id,
    warning.subject_name as subject_name,
    warning.subject_id_number as subject_id_number,
    warning.division_code as division_code,
    warning.township as township,
    warning.first_seen_on as first_seen_on,
    warning.last_seen_on as last_seen_on,
    warning.due_on as due_on,
    warning.is_overdue as is_overdue,
    warning.measured as measured,
    warning.reason as reason,
    warning.caveat as caveat,
    warning.remark as remark,
    warning.decision_id as decision_id,
    warning.decided_on as decided_on,
    warning.decided_by as decided_by,
    warning.measure as measure,
    warning.note as note,
    warning.episode_before as episode_before,
    warning.evidence as evidence,
    warning.freshness as freshness,
    warning.policy as policy,
    row_number() over (
        order by
            cast(level.level_rank as integer), warning.due_on, warning.first_seen_on, warning.division_code,
            warning.rule_code, warning.warning_id
    ) as urgency
from main.warning as warning
inner join input.level as level
    on warning.level = level.level
where warning.status in ('open', 'verifying')
