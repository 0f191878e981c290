-- For each rule: how many it asked about, how many it lists, how many it could not ask about and why. A rule that asked about nobody has not
-- shown that nobody is concerned.
with summed as (
    select
        rule_asked.rule_code,
        sum(rule_asked.subjects) as subjects,
        sum(rule_asked.not_asked) as not_asked,
        sum(rule_asked.doubtful) as doubtful,
        sum(rule_asked.unread) as unread,
        string_agg(case when rule_asked.is_stale then rule_asked.division_code end, '、' order by rule_asked.division_code) as stale_divisions
    from life.rule_asked as rule_asked
    group by rule_asked.rule_code
),

feed as (
    select
        submission.kind,
        max(submission.night) as last_received_on,
        sum(submission.rows_accepted) as rows_held
    from input.submission as submission
    where submission.status in ('accepted', 'partly_accepted')
    group by submission.kind
),

dried_up as (
    select
        asked.rule_code,
        asked.kind || case
            when feed.kind is null then ' 还没有收到过'
            else ' 最近一次收到是 ' || cast(feed.last_received_on as varchar)
        end as said
    from input.rule_evidence as asked
    cross join registry.horizon as horizon
    left join feed
        on asked.kind = feed.kind and feed.rows_held > 0
    where feed.kind is null or feed.last_received_on < horizon.fresh_start
),

without_input as (
    select dried_up.rule_code, string_agg(dried_up.said, '、' order by dried_up.said) as said
    from dried_up
    group by dried_up.rule_code
),

fired_before as (
    select previous.rule_code, count(*) as subjects
    from input.previous_warning as previous
    where previous.status in ('open', 'verifying') and previous.last_seen_on = previous.run_date
    group by previous.rule_code
),

fired as (
    select warning.rule_code, count(*) as subjects
    from main.warning as warning
    where warning.last_seen_on = warning.run_date and warning.status in ('open', 'verifying')
    group by warning.rule_code
)

select
    rule.rule_code,
    rule.title,
    cast(coalesce(summed.subjects, 0) - coalesce(summed.not_asked, 0) as bigint) as asked,
    coalesce(fired.subjects, 0) as fired,
    cast(coalesce(summed.not_asked, 0) as bigint) as could_not_be_asked,
    case
        when coalesce(summed.subjects, 0) = 0 then '没有可问的对象'
        when summed.not_asked = 0 then cast(null as varchar)
        else
            concat_ws(
                '；',
                '名单不是最新：' || summed.stale_divisions,
                case when summed.doubtful > 0 then '无法确认是否在册：' || cast(cast(summed.doubtful as bigint) as varchar) end,
                case when summed.unread > 0 then '名单里有认不出来的格或退回的行：' || cast(cast(summed.unread as bigint) as varchar) end
            )
    end as reason,
    coalesce(fired_before.subjects, 0) as fired_before,
    fired.subjects is null and without_input.rule_code is not null as is_dead,
    case when fired.subjects is null then without_input.said end as dead_because
from input.rule as rule
left join summed
    on rule.rule_code = summed.rule_code
left join fired
    on rule.rule_code = fired.rule_code
left join fired_before
    on rule.rule_code = fired_before.rule_code
left join without_input
    on rule.rule_code = without_input.rule_code
