-- The warnings of the release before, as they stand after all that people have written about them up to tonight (life.finding).
select
    previous.warning_id as warning_id,
    previous.rule_code as rule_code,
    previous.subject_id as subject_id,
    previous.person_id as person_id,
    previous.household_id as household_id,
    previous.division_code as division_code,
    previous.township as township,
    previous.level as level,
    previous.status as status_before,
    previous.outcome as outcome_before,
    finding.state as status,
    finding.outcome as outcome,
    finding.decision_id as decision_id,
    finding.decided_on as decided_on,
    finding.decided_by as decided_by,
    finding.measure as measure,
    finding.note as note,
    previous.episode_before as episode_before,
    previous.subject_name as subject_name,
    previous.subject_id_number as subject_id_number,
    previous.first_seen_on as first_seen_on,
    previous.last_seen_on as last_seen_on,
    previous.due_on as due_on,
    previous.measured as measured,
    previous.reason as reason,
    previous.evidence as evidence,
    previous.freshness as freshness,
    previous.policy as policy
from input.previous_warning as previous
inner join life.finding as finding
    on finding.about = 'warning' and previous.warning_id = finding.subject
