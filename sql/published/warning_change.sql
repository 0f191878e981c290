-- What changed since the release before: warnings that are new, withdrawn or closed, that came back, or that say something else now. Each has
-- the reason and the submission or the person behind it. Where no row of its own explains the change, the policy values that it stands on are
-- named, if they came into force since.
with compared as (
    select
        warning.warning_id, warning.rule_code, warning.household_id,
        warning.division_code, warning.subject_id,
        warning.status, warning.outcome, warning.level, warning.reason,
        warning.decided_by, warning.decided_on, warning.note,
        warning.episode_before, previous.warning_id as known_before,
        previous.status as status_before, previous.outcome as outcome_before, previous.level as level_before,
        previous.reason as reason_before
    from main.warning as warning
    left join input.previous_warning as previous
        on warning.warning_id = previous.warning_id
),

changed as (
    select
        warning_id, 'added' as change, cast(null as varchar) as "before", reason as "after", '新符合条件' as because
    from compared
    where known_before is null and status <> 'closed' and episode_before is null
    union all
    select
        compared.warning_id, 'reopened' as change, closed.outcome as "before", compared.reason as "after",
        '再次出现：' || silent.because as because
    from compared
    inner join life.silent as silent
        on compared.rule_code = silent.rule_code and compared.subject_id = silent.subject_id
    inner join life.before as closed
        on compared.episode_before = closed.warning_id
    where compared.known_before is null and compared.status <> 'closed'
    union all
    select
        compared.warning_id, 'reopened' as change, 'withdrawn' as "before", compared.reason as "after",
        '再次出现：' || cast(returned.withdrawn_on as varchar) || ' 撤回过，现在又符合条件' as because
    from compared
    inner join life.returned as returned
        on compared.episode_before = returned.episode_before
    where compared.known_before is null and compared.status <> 'closed'
    union all
    select
        warning_id, 'reopened' as change, outcome_before as "before", status as "after",
        coalesce(
            decided_by || ' ' || cast(decided_on as varchar) || ' 重新核查：' || note,
            '同一天有互相矛盾的核查结果，都不采用'
        ) as because
    from compared
    where status_before = 'closed' and status <> 'closed'
    union all
    select
        warning_id, 'closed' as change, coalesce(outcome_before, status_before) as "before", outcome as "after",
        decided_by || ' ' || cast(decided_on as varchar) || ' 核查：' || note as because
    from compared
    where status = 'closed' and (status_before <> 'closed' or outcome_before <> outcome)
    union all
    select warning_id, 'level' as change, level_before as "before", level as "after", '级别有变' as because
    from compared
    where status <> 'closed' and level_before <> level
    union all
    select warning_id, 'reason' as change, reason_before as "before", reason as "after", '所依据的数值有变' as because
    from compared
    where status <> 'closed' and reason_before <> reason
),

adjusted as (
    select
        warning.warning_id,
        '，其间标准有调整（' || string_agg(distinct coalesce(policy.title, policy.key), '、' order by coalesce(policy.title, policy.key)) || '）'
            as said
    from main.warning as warning
    inner join input.rule_policy as asked
        on warning.rule_code = asked.rule_code
    inner join input.unit as unit
        on warning.division_code = unit.unit_code
    inner join input.policy as policy
        on asked.key = policy.key and (policy.policy_region = '' or unit.policy_region = policy.policy_region)
    inner join input.previous_release as previous
        on policy.valid_from > previous.run_date
    where
        strpos(
            warning.policy,
            '"key":"' || policy.key || '","value":"' || regexp_replace(cast(policy.value as varchar), '\.?0+$', '') || '"'
        ) > 0
    group by warning.warning_id
),

told as (
    select
        compared.warning_id, compared.rule_code, compared.household_id,
        compared.division_code, changed.change, changed."before",
        changed."after",
        changed.because
        || case
            when changed.change = 'closed' then ''
            else
                coalesce('（' || cause.called || '）', '') || coalesce(settled.said, '')
                || case
                    when changed.change in ('added', 'level', 'reason') and coalesce(cause.cause_rank, 9) > 4 and settled.said is null
                        then coalesce(adjusted.said, '')
                    else ''
                end
        end as because,
        case when changed.change <> 'closed' then cause.submission_id end as submission_id
    from changed
    inner join compared
        on changed.warning_id = compared.warning_id
    left join life.cause as cause
        on changed.warning_id = cause.warning_id
    left join life.settled as settled
        on compared.household_id = settled.household_id
    left join adjusted
        on changed.warning_id = adjusted.warning_id
    union all
    select
        withdrawn.warning_id, withdrawn.rule_code, withdrawn.household_id,
        withdrawn.division_code, 'withdrawn' as change, withdrawn.reason as "before",
        cast(null as varchar) as "after", told.because, told.submission_id
    from life.withdrawn as withdrawn
    inner join main.warning_withdrawn as told
        on withdrawn.warning_id = told.warning_id
)

select
    night.run_date,
    told.warning_id,
    told.rule_code,
    told.household_id,
    told.division_code,
    told.change,
    told."before",
    told."after",
    told.because,
    told.submission_id
from told
cross join input.night as night
