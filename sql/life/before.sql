-- The warnings of the release before, as they stand after all that people have written about them up to tonight. The effect of a line is
-- undone when the line no longer holds, because another line of the same day contradicts it.
with standing as (
    select
        decision.warning_id as warning_id, decision.decision_id as decision_id, decision.result as result,
        decision.measure as measure, decision.decided_by as decided_by, decision.decided_on as decided_on,
        decision.note as note
    from main.decision as decision
    where decision.state = 'stands'
),

unsaid as (
    select decision.decision_id as decision_id
    from main.decision as decision
    where decision.state <> 'stands'
),

earlier as (
    select
        previous.warning_id as warning_id,
        case when unsaid.decision_id is null then previous.status else 'open' end as status,
        case when unsaid.decision_id is null then previous.outcome end as outcome,
        case when unsaid.decision_id is null then previous.decision_id end as decision_id,
        case when unsaid.decision_id is null then previous.decided_on end as decided_on,
        case when unsaid.decision_id is null then previous.decided_by end as decided_by,
        case when unsaid.decision_id is null then previous.measure end as measure,
        case when unsaid.decision_id is null then previous.note end as note
    from input.previous_warning as previous
    left join unsaid
        on previous.decision_id = unsaid.decision_id
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
        when standing.result is null then earlier.status
        when standing.result = 'verifying' then 'verifying'
        else 'closed'
    end as status,
    case
        when standing.result is null then earlier.outcome
        when standing.result <> 'verifying' then standing.result
    end as outcome,
    coalesce(standing.decision_id, earlier.decision_id) as decision_id,
    coalesce(standing.decided_on, earlier.decided_on) as decided_on,
    coalesce(standing.decided_by, earlier.decided_by) as decided_by,
    case when standing.result is null then earlier.measure else standing.measure end as measure,
    coalesce(standing.note, earlier.note) as note,
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
inner join earlier
    on previous.warning_id = earlier.warning_id
left join standing
    on previous.warning_id = standing.warning_id
