-- The lists on which a household stands: dibao, tekun and edge by rosters in use, whatever their age; survey; open monitoring.
with listed as (
    select
        enrolment.registry as standing, enrolment.person_id,
        enrolment.period, enrolment.row_id
    from registry.enrolment as enrolment
    union all
    select
        'survey' as standing, numbered_group.person_id,
        cast(null as varchar) as period, numbered_group.row_id
    from registry.numbered_group as numbered_group
    where numbered_group.standing = 'survey'
    union all
    select
        'monitoring' as standing, monitored_person.person_id,
        cast(null as varchar) as period, monitored_person.row_id
    from registry.monitored_person as monitored_person
    where monitored_person.is_open
),

ranked as (
    select
        concerned.household_id,
        listed.standing,
        listed.period,
        listed.row_id,
        row_number() over (
            partition by concerned.household_id, listed.standing
            order by listed.period desc nulls last, listed.row_id
        ) as row_rank
    from registry.concerned as concerned
    inner join listed
        on concerned.person_id = listed.person_id
)

select
    ranked.household_id,
    ranked.standing,
    case ranked.standing
        when 'dibao' then '低保' when 'tekun' then '特困' when 'edge' then '低保边缘'
        when 'survey' then '摸底排查' else '防返贫监测'
    end as standing_name,
    case ranked.standing when 'dibao' then 1 when 'tekun' then 2 when 'edge' then 3 when 'survey' then 4 else 5 end as standing_rank,
    ranked.period,
    ranked.row_id
from ranked
where ranked.row_rank = 1
