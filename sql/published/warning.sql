-- The warnings of tonight: those that stand, under the id of the night on which each began; those that cannot be asked about, carried over
-- unchanged except for how fresh tonight's lists are; and those that people have closed, as long as facts are kept. A closed warning fires
-- again only when it got worse or its silence ended, and then as an episode of its own; so does a withdrawn one that holds again. A warning
-- that is kept where the person does not live any more keeps the name under which it was listed there.
with working_day as (
    select
        calendar.day,
        calendar.is_working,
        sum(case when calendar.is_working then 1 else 0 end) over (order by calendar.day) as days_worked
    from input.calendar as calendar
),

open_before as (
    select
        before.warning_id, before.rule_code, before.subject_id,
        before.status, before.first_seen_on, before.due_on,
        before.decision_id, before.decided_on, before.decided_by,
        before.measure, before.note, before.episode_before
    from life.before as before
    where before.status <> 'closed'
),

found as (
    select
        coalesce(open_before.warning_id, episode.warning_id) as warning_id,
        standing.rule_code, standing.subject_id, standing.person_id,
        standing.household_id, standing.division_code,
        cast(null as varchar) as township, cast(null as varchar) as subject_name,
        cast(null as varchar) as subject_id_number,
        coalesce(open_before.status, 'open') as status, cast(null as varchar) as outcome, standing.level,
        coalesce(open_before.first_seen_on, night.run_date) as first_seen_on, night.run_date as last_seen_on,
        open_before.due_on as due_before, standing.measured, standing.reason,
        standing.evidence, standing.freshness, standing.policy,
        cast(null as varchar) as remark,
        open_before.decision_id, open_before.decided_on,
        open_before.decided_by, open_before.measure, open_before.note,
        case
            when open_before.warning_id is null then coalesce(returned.episode_before, silent.episode_before)
            else open_before.episode_before
        end as episode_before
    from life.standing as standing
    cross join input.night as night
    left join open_before
        on standing.rule_code = open_before.rule_code and standing.subject_id = open_before.subject_id
    left join life.silent as silent
        on standing.rule_code = silent.rule_code and standing.subject_id = silent.subject_id
    left join life.returned as returned
        on standing.rule_code = returned.rule_code and standing.subject_id = returned.subject_id
    left join warnings.episode as episode
        on standing.rule_code = episode.rule_code and standing.subject_id = episode.subject_id
    where open_before.warning_id is not null or silent.fires_again is null or silent.fires_again
    union all
    select
        before.warning_id,
        before.rule_code, before.subject_id, before.person_id,
        before.household_id, before.division_code,
        before.township, before.subject_name, before.subject_id_number,
        before.status, before.outcome, before.level,
        before.first_seen_on, before.last_seen_on,
        before.due_on as due_before, before.measured, before.reason,
        before.evidence, freshness.freshness, before.policy,
        carried.remark,
        before.decision_id, before.decided_on,
        before.decided_by, before.measure, before.note,
        before.episode_before
    from life.before as before
    inner join life.carried as carried
        on before.warning_id = carried.warning_id
    inner join warnings.freshness as freshness
        on before.rule_code = freshness.rule_code and before.subject_id = freshness.subject_id
    union all
    select
        before.warning_id,
        before.rule_code, before.subject_id, before.person_id,
        before.household_id, before.division_code,
        before.township, before.subject_name, before.subject_id_number,
        before.status, before.outcome, before.level,
        before.first_seen_on, before.last_seen_on,
        before.due_on as due_before, before.measured, before.reason,
        before.evidence, before.freshness, before.policy,
        cast(null as varchar) as remark,
        before.decision_id, before.decided_on,
        before.decided_by, before.measure, before.note,
        before.episode_before
    from life.before as before
    cross join registry.horizon as horizon
    where before.status = 'closed' and coalesce(before.decided_on > horizon.retention_start, true)
),

due as (
    select found.warning_id, min(working_day.day) as due_on
    from found
    inner join input.policy as allowed
        on allowed.key = 'due_' || found.level and allowed.policy_region = '' and allowed.area_type = ''
    inner join working_day as begun
        on found.first_seen_on = begun.day
    inner join working_day
        on working_day.is_working and working_day.days_worked = begun.days_worked + cast(allowed.value as integer)
    where found.status <> 'closed'
    group by found.warning_id
)

select
    found.warning_id,
    night.run_date,
    found.rule_code,
    coalesce(rule.title, previous.title) as title,
    coalesce(rule.purpose, previous.purpose) as purpose,
    found.level,
    found.status,
    found.outcome,
    found.household_id,
    found.person_id,
    found.subject_id,
    case
        when found.subject_name is null or person.division_code = found.division_code then coalesce(person.name, found.subject_name)
        else found.subject_name
    end as subject_name,
    coalesce(person.id_number, found.subject_id_number) as subject_id_number,
    found.division_code,
    coalesce(household_fact.township, found.township) as township,
    found.first_seen_on,
    found.last_seen_on,
    coalesce(due.due_on, found.due_before) as due_on,
    found.status <> 'closed' and coalesce(due.due_on, found.due_before) < night.run_date as is_overdue,
    found.measured,
    found.reason,
    coalesce(rule.caveat, previous.caveat) as caveat,
    found.remark,
    found.decision_id,
    found.decided_on,
    found.decided_by,
    found.measure,
    found.note,
    case
        when found.status = 'closed' then cast(found.decided_on + night_policy.snooze_days * interval 1 day as date)
    end as silent_until,
    found.episode_before,
    found.evidence,
    found.freshness,
    found.policy
from found
cross join input.night as night
cross join registry.night_policy as night_policy
left join input.rule as rule
    on found.rule_code = rule.rule_code
left join input.previous_warning as previous
    on found.warning_id = previous.warning_id
left join due
    on found.warning_id = due.warning_id
left join main.person as person
    on found.person_id = person.person_id
left join registry.household_fact as household_fact
    on found.household_id = household_fact.household_id
