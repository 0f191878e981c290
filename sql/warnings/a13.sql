-- People who left dibao or tekun within the window, are in neither now, and paid more than the threshold in the trailing year.
with listed as (
    select
        roster_person.person_id,
        roster_person.row_id,
        case roster_person.registry when 'dibao' then '低保' else '特困' end as registry_name,
        roster_person.period,
        row_number() over (
            partition by roster_person.person_id
            order by roster_person.period desc, roster_person.registry_rank, roster_person.division_code, roster_person.row_id
        ) as row_rank
    from registry.roster_person as roster_person
    cross join registry.horizon as horizon
    where
        roster_person.registry in ('dibao', 'tekun')
        and last_day(roster_person.period_start) > horizon.exited_start
        and last_day(roster_person.period_start) <= horizon.run_date
)

select
    person.person_id,
    person.household_id,
    person.division_code,
    'orange' as level,
    burden.burden_fen as measured,
    listed.registry_name,
    listed.period as last_period,
    burden.burden_fen,
    burden.settlements,
    burden.last_settled_on,
    threshold.value_fen as threshold_fen,
    dibao.registry_period as roster_period,
    listed.row_id as roster_row_id
from listed
inner join registry.person as person
    on listed.person_id = person.person_id
inner join registry.burden as burden
    on listed.person_id = burden.person_id
inner join registry.division_policy as threshold
    on
        person.division_code = threshold.division_code
        and threshold.area_type = ''
        and threshold.key = 'medical_threshold_exited'
inner join registry.registry_check as dibao
    on listed.person_id = dibao.person_id and dibao.registry = 'dibao' and dibao.answer = 'not_enrolled'
inner join registry.registry_check as tekun
    on listed.person_id = tekun.person_id and tekun.registry = 'tekun' and tekun.answer = 'not_enrolled'
where listed.row_rank = 1 and burden.burden_fen > threshold.value_fen
