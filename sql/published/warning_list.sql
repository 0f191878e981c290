-- What is to be looked into, most urgent first.
select
    warning.warning_id,
    warning.run_date,
    warning.rule_code,
    warning.title,
    warning.purpose,
    warning.level,
    warning.status,
    warning.outcome,
    warning.household_id,
    warning.person_id,
    warning.subject_id,
    warning.subject_name,
    warning.subject_id_number,
    warning.division_code,
    warning.township,
    warning.first_seen_on,
    warning.last_seen_on,
    warning.due_on,
    warning.is_overdue,
    warning.measured,
    warning.reason,
    warning.caveat,
    warning.remark,
    warning.decision_id,
    warning.decided_on,
    warning.decided_by,
    warning.measure,
    warning.note,
    warning.episode_before,
    warning.evidence,
    warning.freshness,
    warning.policy,
    row_number() over (
        order by
            cast(level.level_rank as integer), warning.due_on, warning.first_seen_on, warning.division_code,
            warning.rule_code, warning.warning_id
    ) as urgency
from main.warning as warning
inner join input.level as level
    on warning.level = level.level
where warning.status in ('open', 'verifying')
