-- Candidates of tonight whose last episode was withdrawn, on whichever night, with that episode. A candidate whose last episode is open, or
-- was closed by people, has no row.
with ended as (
    select
        withdrawn.rule_code, withdrawn.subject_id, withdrawn.warning_id,
        withdrawn.first_seen_on, withdrawn.withdrawn_on, withdrawn.because
    from input.previous_withdrawn as withdrawn
    union all
    select
        before.rule_code, before.subject_id, before.warning_id,
        before.first_seen_on, cast(null as date) as withdrawn_on, cast(null as varchar) as because
    from life.before as before
),

last_ended as (
    select
        ended.rule_code, ended.subject_id, ended.warning_id,
        ended.withdrawn_on, ended.because,
        row_number() over (
            partition by ended.rule_code, ended.subject_id
            order by ended.first_seen_on desc, ended.withdrawn_on desc nulls first, ended.warning_id
        ) as row_rank
    from ended
)

select
    standing.rule_code,
    standing.subject_id,
    last_ended.warning_id as episode_before,
    last_ended.withdrawn_on,
    last_ended.because
from life.standing as standing
inner join last_ended
    on
        standing.rule_code = last_ended.rule_code and standing.subject_id = last_ended.subject_id
        and last_ended.row_rank = 1 and last_ended.withdrawn_on is not null
