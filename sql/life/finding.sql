-- What people have found about the warnings and samples of the release before, by all that they have written up to tonight. The effect of a
-- line is undone when the line no longer holds, because another line of the same day contradicts it.
with told_before as (
    select 'warning' as about, warning_id as subject, status as state, outcome, decision_id, decided_on, decided_by, measure, note
    from input.previous_warning
    union all
    select 'sample' as about, sample_id as subject, state, outcome, decision_id, decided_on, decided_by, measure, note
    from input.previous_sample
),

earlier as (
    select
        told_before.about,
        told_before.subject,
        case when unsaid.decision_id is null then told_before.state else 'open' end as state,
        case when unsaid.decision_id is null then told_before.outcome end as outcome,
        case when unsaid.decision_id is null then told_before.decision_id end as decision_id,
        case when unsaid.decision_id is null then told_before.decided_on end as decided_on,
        case when unsaid.decision_id is null then told_before.decided_by end as decided_by,
        case when unsaid.decision_id is null then told_before.measure end as measure,
        case when unsaid.decision_id is null then told_before.note end as note
    from told_before
    left join main.decision as unsaid
        on told_before.decision_id = unsaid.decision_id and unsaid.state <> 'stands' and told_before.state <> 'lapsed'
)

select
    earlier.about,
    earlier.subject,
    case
        when standing.result is null then earlier.state
        when standing.result = 'verifying' then 'verifying'
        when earlier.about = 'sample' then 'checked'
        else 'closed'
    end as state,
    case
        when standing.result is null then earlier.outcome
        when standing.result <> 'verifying' then standing.result
    end as outcome,
    coalesce(standing.decision_id, earlier.decision_id) as decision_id,
    coalesce(standing.decided_on, earlier.decided_on) as decided_on,
    coalesce(standing.decided_by, earlier.decided_by) as decided_by,
    case when standing.result is null then earlier.measure else standing.measure end as measure,
    coalesce(standing.note, earlier.note) as note
from earlier
left join main.decision as standing
    on
        earlier.about = standing.about
        and earlier.subject = coalesce(standing.warning_id, standing.sample_id)
        and standing.state = 'stands'
