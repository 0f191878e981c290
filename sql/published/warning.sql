-- The warnings of tonight: candidates that stand, each with the id of the night it began; and those of yesterday that could
-- not be asked, since a roster is not current: carried over unchanged, with that remark.
with alive as (
    select
        every.rule_code as rule_code, every.subject_id as subject_id, every.person_id as person_id,
        every.household_id as household_id, every.division_code as division_code, every.level as level,
        every.measured as measured, every.reason as reason, every.evidence as evidence,
        every.freshness as freshness, every.policy as policy
    from warnings.every as every
    inner join house.rule as rule
        on every.rule_code = rule.rule_code
    left join main.person as person
        on every.person_id = person.person_id
    where rule.of_the_dead or person.death_date is null
),

outdone as (
    select distinct weaker.rule_code as rule_code, weaker.subject_id as subject_id
    from alive as weaker
    inner join house.rule_yields as yields
        on weaker.rule_code = yields.rule_code
    inner join alive as stronger
        on yields.stronger_code = stronger.rule_code and weaker.person_id = stronger.person_id
),

standing as (
    select
        alive.rule_code as rule_code, alive.subject_id as subject_id, alive.person_id as person_id,
        alive.household_id as household_id, alive.division_code as division_code, alive.level as level,
        alive.measured as measured, alive.reason as reason, alive.evidence as evidence,
        alive.freshness as freshness, alive.policy as policy
    from alive
    left join outdone
        on alive.rule_code = outdone.rule_code and alive.subject_id = outdone.subject_id
    where outdone.rule_code is null
),

open_before as (
    select
        warning_id, rule_code, subject_id, person_id, household_id, division_code, township, level, status,
        subject_name, subject_id_number, first_seen_on, last_seen_on, due_on, measured, reason, evidence, freshness, policy
    from house.previous_warning
    where status in ('open', 'verifying')
),

unanswered as (
    select open_before.warning_id as warning_id, asked.registry as registry
    from open_before
    inner join house.rule as rule
        on open_before.rule_code = rule.rule_code and rule.not_in_of = 'household'
    inner join house.rule_not_in as asked
        on open_before.rule_code = asked.rule_code
    inner join registry.household_check as answered
        on open_before.household_id = answered.household_id and asked.registry = answered.registry
    where answered.answer = 'not_current'
    union
    select open_before.warning_id as warning_id, asked.registry as registry
    from open_before
    inner join house.rule as rule
        on open_before.rule_code = rule.rule_code and rule.not_in_of = 'person'
    inner join house.rule_not_in as asked
        on open_before.rule_code = asked.rule_code
    inner join registry.registry_check as answered
        on open_before.person_id = answered.person_id and asked.registry = answered.registry
    where answered.answer = 'not_current'
    union
    select open_before.warning_id as warning_id, asked.registry as registry
    from open_before
    inner join house.rule as rule
        on open_before.rule_code = rule.rule_code and rule.purpose in ('entitlement_review', 'supplement')
    inner join house.previous_source as asked
        on open_before.warning_id = asked.warning_id
    inner join registry.own_roster as own_roster
        on asked.unit_code = own_roster.unit_code and asked.registry = own_roster.registry
    where not own_roster.is_current
),

remarked as (
    select
        unanswered.warning_id as warning_id,
        max(case when unanswered.registry = 'dibao' then '低保、' else '' end) as dibao,
        max(case when unanswered.registry = 'tekun' then '特困、' else '' end) as tekun,
        max(case when unanswered.registry = 'edge' then '低保边缘、' else '' end) as edge
    from unanswered
    group by unanswered.warning_id
),

working_day as (
    select
        calendar.day as day,
        calendar.is_working as is_working,
        sum(case when calendar.is_working then 1 else 0 end) over (order by calendar.day) as days_worked
    from house.calendar as calendar
),

found as (
    select
        coalesce(open_before.warning_id, episode.warning_id) as warning_id,
        standing.rule_code as rule_code, standing.subject_id as subject_id, standing.person_id as person_id,
        standing.household_id as household_id, standing.division_code as division_code,
        coalesce(open_before.status, 'open') as status, standing.level as level,
        coalesce(open_before.first_seen_on, night.run_date) as first_seen_on, night.run_date as last_seen_on,
        open_before.due_on as due_before, standing.measured as measured, standing.reason as reason,
        standing.evidence as evidence, standing.freshness as freshness, standing.policy as policy,
        cast(null as varchar) as remark
    from standing
    cross join house.night as night
    left join open_before
        on standing.rule_code = open_before.rule_code and standing.subject_id = open_before.subject_id
    left join warnings.episode as episode
        on standing.rule_code = episode.rule_code and standing.subject_id = episode.subject_id
    union all
    select
        open_before.warning_id as warning_id,
        open_before.rule_code as rule_code, open_before.subject_id as subject_id, open_before.person_id as person_id,
        open_before.household_id as household_id, open_before.division_code as division_code,
        open_before.status as status, open_before.level as level,
        open_before.first_seen_on as first_seen_on, open_before.last_seen_on as last_seen_on,
        open_before.due_on as due_before, open_before.measured as measured, open_before.reason as reason,
        open_before.evidence as evidence, open_before.freshness as freshness, open_before.policy as policy,
        '名单不是最新('
        || rtrim(remarked.dibao || remarked.tekun || remarked.edge, '、') || '),今晚无法核对,保留原预警' as remark
    from open_before
    inner join remarked
        on open_before.warning_id = remarked.warning_id
    inner join house.rule as rule
        on open_before.rule_code = rule.rule_code
    left join main.person as person
        on open_before.person_id = person.person_id
    left join alive
        on open_before.rule_code = alive.rule_code and open_before.subject_id = alive.subject_id
    where alive.rule_code is null and (rule.of_the_dead or person.death_date is null)
),

due as (
    select found.warning_id as warning_id, min(working_day.day) as due_on
    from found
    inner join house.policy as allowed
        on allowed.key = 'due_' || found.level and allowed.policy_region = '' and allowed.area_type = ''
    inner join working_day as begun
        on found.first_seen_on = begun.day
    inner join working_day
        on working_day.is_working and working_day.days_worked = begun.days_worked + cast(allowed.value as integer)
    group by found.warning_id
)

select
    found.warning_id as warning_id,
    night.run_date as run_date,
    found.rule_code as rule_code,
    rule.title as title,
    rule.purpose as purpose,
    found.level as level,
    found.status as status,
    cast(null as varchar) as outcome,
    found.household_id as household_id,
    found.person_id as person_id,
    found.subject_id as subject_id,
    person.name as subject_name,
    person.id_number as subject_id_number,
    found.division_code as division_code,
    household_fact.township as township,
    found.first_seen_on as first_seen_on,
    found.last_seen_on as last_seen_on,
    coalesce(due.due_on, found.due_before) as due_on,
    found.measured as measured,
    found.reason as reason,
    rule.caveat as caveat,
    found.remark as remark,
    found.evidence as evidence,
    found.freshness as freshness,
    found.policy as policy
from found
cross join house.night as night
inner join house.rule as rule
    on found.rule_code = rule.rule_code
left join due
    on found.warning_id = due.warning_id
left join main.person as person
    on found.person_id = person.person_id
left join registry.household_fact as household_fact
    on found.household_id = household_fact.household_id
