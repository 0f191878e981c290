-- People in help scope (docs/boundaries.md, 3), from our own lists only. Such a person is on a roster in use, in the survey or on the open
-- monitoring list; or left a registry within the window; or asked for temporary assistance in the trailing year. A month lies in the window
-- when its last day does.
with rostered as (
    select person_id, id_number, unit_code, 'dibao' as registry, period from accepted.dibao_person
    union all
    select person_id, head_id_number as id_number, unit_code, 'dibao' as registry, period from accepted.dibao_household
    union all
    select person_id, id_number, unit_code, 'tekun' as registry, period from accepted.tekun_person
    union all
    select person_id, id_number, unit_code, 'edge' as registry, period from accepted.edge_person
    union all
    select person_id, head_id_number as id_number, unit_code, 'edge' as registry, period from accepted.edge_household
),

named as (
    select
        rostered.person_id, rostered.id_number,
        case when rostered.period = roster.period then 1 else 4 end as reason_rank,
        case when rostered.period = roster.period then 'enrolled' else 'exited' end as reason
    from rostered
    inner join registry.roster as roster
        on rostered.unit_code = roster.division_code and rostered.registry = roster.registry
    cross join registry.horizon as horizon
    where
        rostered.period = roster.period
        or (
            rostered.period <= horizon.run_month
            and last_day(cast(rostered.period || '-01' as date)) > horizon.exited_start
        )
    union all
    select person_id, head_id_number as id_number, 2 as reason_rank, 'survey' as reason from accepted.survey_household
    union all
    select person_id, id_number, 2 as reason_rank, 'survey' as reason from accepted.survey_person
    union all
    select person_id, id_number, 3 as reason_rank, 'monitoring' as reason
    from accepted.poverty_return_monitoring
    where not is_risk_eliminated
    union all
    select
        temporary_grant.person_id, temporary_grant.id_number,
        5 as reason_rank, 'temporary_grant' as reason
    from accepted.temporary_grant as temporary_grant
    cross join registry.horizon as horizon
    where temporary_grant.accepted_on > horizon.year_start and temporary_grant.accepted_on <= horizon.run_date
),

ranked as (
    select
        named.person_id,
        named.id_number,
        named.reason,
        row_number() over (partition by named.person_id order by named.reason_rank, named.id_number) as row_rank
    from named
    where named.person_id is not null and named.id_number is not null
)

select
    ranked.person_id,
    ranked.id_number,
    ranked.reason
from ranked
where ranked.row_rank = 1
