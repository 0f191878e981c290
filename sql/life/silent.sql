-- The last closed episode of each rule and subject that stands tonight: whether the warning may fire again, and why. What one division closed
-- about a person of another name silences no other division.
with last_closed as (
    select
        before.warning_id, before.rule_code, before.subject_id,
        before.level, before.measured, before.decided_on, before.outcome,
        before.division_code, folded_name(before.subject_name) as folded_name,
        row_number() over (
            partition by before.rule_code, before.subject_id
            order by before.first_seen_on desc, before.decided_on desc, before.warning_id
        ) as row_rank
    from life.before as before
    where before.status = 'closed'
),

compared as (
    select
        standing.rule_code, standing.subject_id,
        last_closed.warning_id as episode_before, last_closed.outcome as outcome_before,
        last_closed.decided_on, night_policy.snooze_days,
        cast(level_now.level_rank as integer) < cast(level_then.level_rank as integer) as is_level_up,
        coalesce(
            standing.measured > last_closed.measured
            and standing.measured * 10000 >= last_closed.measured * night_policy.worse_factor_x10000, false
        ) as is_more,
        date_diff('day', last_closed.decided_on, night.run_date) >= night_policy.snooze_days as is_over
    from life.standing as standing
    inner join last_closed
        on
            standing.rule_code = last_closed.rule_code and standing.subject_id = last_closed.subject_id
            and last_closed.row_rank = 1
    left join registry.identity as identity
        on standing.person_id = identity.person_id
    inner join input.level as level_now
        on standing.level = level_now.level
    inner join input.level as level_then
        on last_closed.level = level_then.level
    cross join registry.night_policy as night_policy
    cross join input.night as night
    where
        last_closed.division_code = standing.division_code
        or coalesce(last_closed.folded_name = folded_name(identity.name), true)
)

select
    compared.rule_code,
    compared.subject_id,
    compared.episode_before,
    compared.outcome_before,
    coalesce(compared.is_level_up or compared.is_more or compared.is_over, true) as fires_again,
    case
        when compared.is_level_up then '级别比办结时上升'
        when compared.is_more then '数值比办结时明显加重'
        when compared.is_over
            then '办结满' || cast(compared.snooze_days as varchar) || '天，情况仍然成立'
        when compared.is_over is null then '办结日期不明，情况仍然成立'
    end as because
from compared
