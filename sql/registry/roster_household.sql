-- Household facts of the dibao and edge rosters, month by month. The one in use is the latest not later than the persons' roster. The sum of
-- the parts stands in for a total that is blank, not for one that cannot be read.
with listed as (
    select
        row_id, person_id as head_person_id, 'dibao' as registry, unit_code as division_code, period,
        household_size, insured_count, area_type, township, start_month, authorised_on,
        case
            when total_fen is not null then total_fen
            when coalesce(total_fen__unreadable, household_supplement_fen__unreadable, remote_supplement_fen__unreadable) is null
                then monthly_benefit_fen + coalesce(household_supplement_fen, 0) + coalesce(remote_supplement_fen, 0)
        end as amount_fen,
        area_type__unreadable as area_unreadable,
        township__unreadable is not null as is_township_unreadable
    from accepted.dibao_household
    union all
    select
        row_id, person_id as head_person_id, 'edge' as registry, unit_code as division_code, period,
        household_size, insured_count, area_type, township, start_month, authorised_on, cast(null as bigint) as amount_fen,
        area_type__unreadable as area_unreadable,
        township__unreadable is not null as is_township_unreadable
    from accepted.edge_household
),

usable as (
    select
        listed.row_id,
        listed.head_person_id,
        listed.registry,
        roster.registry_rank,
        listed.division_code,
        listed.period,
        listed.household_size,
        listed.insured_count,
        listed.area_type,
        listed.township,
        listed.start_month,
        listed.authorised_on,
        listed.amount_fen,
        listed.registry = 'dibao' and listed.amount_fen is null as is_amount_unreadable,
        listed.area_unreadable,
        listed.is_township_unreadable,
        name_conflict.row_id is not null as is_disputed,
        listed.period = max(listed.period) over (partition by listed.division_code, listed.registry) as is_in_use
    from listed
    inner join registry.roster as roster
        on
            listed.division_code = roster.division_code
            and listed.registry = roster.registry
            and listed.period <= roster.period
    left join registry.name_conflict as name_conflict
        on listed.row_id = name_conflict.row_id
)

select * exclude (is_disputed)
from usable
where not is_disputed and head_person_id is not null
