-- Of each rule: how many were asked, how many it lists, whom it could not be asked about and why. A rule that asked nobody is not clean.
with population as (
    select
        rule.rule_code as rule_code,
        subject.division_code as division_code,
        count(*) as subjects
    from house.rule as rule
    inner join life.subject as subject
        on rule.subject = subject.subject_kind
    where rule.of_the_dead or subject.death_date is null
    group by rule.rule_code, subject.division_code
),

stale as (
    select asked.rule_code as rule_code, own_roster.unit_code as division_code
    from house.rule_roster as asked
    inner join registry.own_roster as own_roster
        on asked.registry = own_roster.registry
    left join house.rule_not_in as not_in
        on asked.rule_code = not_in.rule_code and asked.registry = not_in.registry
    group by asked.rule_code, own_roster.unit_code
    having
        max(case when not_in.registry is not null and not own_roster.is_current then 1 else 0 end) = 1
        or max(case when own_roster.is_current then 1 else 0 end) = 0
),

doubted as (
    select rule.rule_code as rule_code, person.division_code as division_code, person.person_id as subject_id
    from house.rule as rule
    inner join house.rule_not_in as asked
        on rule.rule_code = asked.rule_code
    inner join registry.registry_check as answer
        on asked.registry = answer.registry and answer.answer = 'cannot_tell'
    inner join main.person as person
        on answer.person_id = person.person_id
    where rule.subject = 'person' and (rule.of_the_dead or person.death_date is null)
    union
    select rule.rule_code as rule_code, household.division_code as division_code, household.household_id as subject_id
    from house.rule as rule
    inner join house.rule_not_in as asked
        on rule.rule_code = asked.rule_code
    inner join registry.household_check as answer
        on asked.registry = answer.registry and answer.answer = 'cannot_tell'
    inner join registry.household as household
        on answer.household_id = household.household_id
    inner join main.person as head
        on household.head_person_id = head.person_id
    where rule.subject = 'head' and (rule.of_the_dead or head.death_date is null)
),

unread as (
    select unreadable.rule_code as rule_code, subject.division_code as division_code, unreadable.subject_id as subject_id
    from warnings.unreadable as unreadable
    inner join house.rule as rule
        on unreadable.rule_code = rule.rule_code
    inner join life.subject as subject
        on rule.subject = subject.subject_kind and unreadable.subject_id = subject.subject_id
    left join doubted
        on unreadable.rule_code = doubted.rule_code and unreadable.subject_id = doubted.subject_id
    where (rule.of_the_dead or subject.death_date is null) and doubted.rule_code is null
),

doubted_count as (
    select doubted.rule_code as rule_code, doubted.division_code as division_code, count(*) as subjects
    from doubted
    group by doubted.rule_code, doubted.division_code
),

unread_count as (
    select unread.rule_code as rule_code, unread.division_code as division_code, count(*) as subjects
    from unread
    group by unread.rule_code, unread.division_code
),

tallied as (
    select
        population.rule_code as rule_code,
        population.division_code as division_code,
        population.subjects as subjects,
        stale.rule_code is not null as is_stale,
        case when stale.rule_code is null then coalesce(doubted_count.subjects, 0) else 0 end as doubtful,
        case when stale.rule_code is null then coalesce(unread_count.subjects, 0) else 0 end as unread,
        case
            when stale.rule_code is not null then population.subjects
            else coalesce(doubted_count.subjects, 0) + coalesce(unread_count.subjects, 0)
        end as not_asked
    from population
    left join stale
        on population.rule_code = stale.rule_code and population.division_code = stale.division_code
    left join doubted_count
        on population.rule_code = doubted_count.rule_code and population.division_code = doubted_count.division_code
    left join unread_count
        on population.rule_code = unread_count.rule_code and population.division_code = unread_count.division_code
),

summed as (
    select
        tallied.rule_code as rule_code,
        sum(tallied.subjects) as subjects,
        sum(tallied.not_asked) as not_asked,
        sum(tallied.doubtful) as doubtful,
        sum(tallied.unread) as unread,
        string_agg(case when tallied.is_stale then tallied.division_code end, '、' order by tallied.division_code) as stale_divisions
    from tallied
    group by tallied.rule_code
),

feed as (
    select
        submission.kind as kind,
        max(submission.night) as last_received_on,
        sum(submission.rows_accepted) as rows_held
    from house.submission as submission
    where submission.status in ('accepted', 'partly_accepted')
    group by submission.kind
),

dried_up as (
    select
        asked.rule_code as rule_code,
        asked.kind || case
            when feed.kind is null then ' 还没有收到过'
            else ' 最近一次收到是 ' || cast(feed.last_received_on as varchar)
        end as said
    from house.rule_evidence as asked
    cross join registry.horizon as horizon
    left join feed
        on asked.kind = feed.kind and feed.rows_held > 0
    where feed.kind is null or feed.last_received_on < horizon.fresh_start
),

without_input as (
    select dried_up.rule_code as rule_code, string_agg(dried_up.said, '、' order by dried_up.said) as said
    from dried_up
    group by dried_up.rule_code
),

fired_before as (
    select previous.rule_code as rule_code, count(*) as subjects
    from house.previous_warning as previous
    where previous.status in ('open', 'verifying') and previous.last_seen_on = previous.run_date
    group by previous.rule_code
),

fired as (
    select warning.rule_code as rule_code, count(*) as subjects
    from main.warning as warning
    where warning.last_seen_on = warning.run_date and warning.status in ('open', 'verifying')
    group by warning.rule_code
)

select
    rule.rule_code as rule_code,
    rule.title as title,
    cast(coalesce(summed.subjects, 0) - coalesce(summed.not_asked, 0) as bigint) as asked,
    coalesce(fired.subjects, 0) as fired,
    cast(coalesce(summed.not_asked, 0) as bigint) as could_not_be_asked,
    case
        when coalesce(summed.subjects, 0) = 0 then '没有可问的对象'
        when summed.not_asked = 0 then cast(null as varchar)
        else
            concat_ws(
                ';',
                '名单不是最新:' || summed.stale_divisions,
                case when summed.doubtful > 0 then '无法确认是否在册:' || cast(cast(summed.doubtful as bigint) as varchar) end,
                case when summed.unread > 0 then '名单里有认不出来的格或退回的行:' || cast(cast(summed.unread as bigint) as varchar) end
            )
    end as reason,
    coalesce(fired_before.subjects, 0) as fired_before,
    fired.subjects is null and without_input.rule_code is not null as is_dead,
    case when fired.subjects is null then without_input.said end as dead_because
from house.rule as rule
left join summed
    on rule.rule_code = summed.rule_code
left join fired
    on rule.rule_code = fired.rule_code
left join fired_before
    on rule.rule_code = fired_before.rule_code
left join without_input
    on rule.rule_code = without_input.rule_code
