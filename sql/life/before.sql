-- The warnings of the release before, as they stand after all that people have written about them up to tonight.
with standing as (
    select
        decision.warning_id as warning_id, decision.decision_id as decision_id, decision.result as result,
        decision.measure as measure, decision.decided_by as decided_by, decision.decided_on as decided_on,
        decision.note as note
    from main.decision as decision
    where decision.state = 'stands'
)

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
    case
        when standing.result is null then previous.status
        when standing.result = 'verifying' then 'verifying'
        else 'closed'
    end as status,
    case
        when standing.result is null then previous.outcome
        when standing.result <> 'verifying' then standing.result
    end as outcome,
    coalesce(standing.decision_id, previous.decision_id) as decision_id,
    coalesce(standing.decided_on, previous.decided_on) as decided_on,
    coalesce(standing.decided_by, previous.decided_by) as decided_by,
    case when standing.result is null then previous.measure else standing.measure end as measure,
    coalesce(standing.note, previous.note) as note,
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
from house.previous_warning as previous
left join standing
    on previous.warning_id = standing.warning_id
