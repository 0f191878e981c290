-- The warnings of the release before, as they stand after all that people have written about them up to tonight (life.finding).
select
    previous.warning_id,
    previous.rule_code,
    previous.subject_id,
    previous.person_id,
    previous.household_id,
    previous.division_code,
    previous.township,
    previous.level,
    previous.status as status_before,
    previous.outcome as outcome_before,
    finding.state as status,
    finding.outcome,
    finding.decision_id,
    finding.decided_on,
    finding.decided_by,
    finding.measure,
    finding.note,
    previous.episode_before,
    previous.subject_name,
    previous.subject_id_number,
    previous.first_seen_on,
    previous.last_seen_on,
    previous.due_on,
    previous.measured,
    previous.reason,
    previous.evidence,
    previous.freshness,
    previous.policy
from input.previous_warning as previous
inner join life.finding as finding
    on finding.about = 'warning' and previous.warning_id = finding.subject
