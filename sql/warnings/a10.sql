-- Households whose members were paid temporary assistance several times in the trailing year, where no roster has anybody of the household.
with granted as (
    select
        granted_row.household_id,
        count(*) as grants,
        min(granted_row.granted_on) as first_granted_on,
        max(granted_row.granted_on) as last_granted_on,
        case when count(granted_row.amount_fen) = count(*) then cast(sum(granted_row.amount_fen) as bigint) end as amount_fen
    from registry.granted_row as granted_row
    where granted_row.is_in_year
    group by granted_row.household_id
),

possible as (
    select
        possible_grant.household_id,
        count(*) as grants,
        min(possible_grant.unreadable) as unreadable
    from registry.possible_grant as possible_grant
    cross join registry.horizon as horizon
    where coalesce(possible_grant.granted_on, possible_grant.known_on) > horizon.year_start
    group by possible_grant.household_id
),

counted as (
    select
        household.household_id,
        household.head_person_id,
        household.division_code,
        coalesce(granted.grants, 0) as grants,
        granted.first_granted_on,
        granted.last_granted_on,
        granted.amount_fen,
        coalesce(possible.grants, 0) as possible_grants,
        possible.unreadable
    from registry.household as household
    left join granted
        on household.household_id = granted.household_id
    left join possible
        on household.household_id = possible.household_id
    where granted.household_id is not null or possible.unreadable is not null
)

select
    counted.head_person_id as person_id,
    counted.household_id,
    counted.division_code,
    'orange' as level,
    counted.grants as measured,
    counted.grants,
    counted.first_granted_on,
    counted.last_granted_on,
    counted.amount_fen,
    edge.registry_period as roster_period,
    case
        when dibao.registry_period = edge.registry_period and tekun.registry_period = edge.registry_period
            then edge.registry_period || '的低保、特困、低保边缘'
        else dibao.registry_period || '的低保、' || tekun.registry_period || '的特困、' || edge.registry_period || '的低保边缘'
    end as rosters,
    true as is_in_year,
    coalesce(
        case when counted.grants < fewest.value then counted.unreadable end,
        household_in_part.unreadable || '，不知道是不是有人在册'
    ) as unreadable
from counted
inner join registry.division_policy as fewest
    on
        counted.division_code = fewest.division_code
        and fewest.area_type = ''
        and fewest.key = 'repeated_grants_minimum'
inner join registry.household_check as dibao
    on counted.household_id = dibao.household_id and dibao.registry = 'dibao' and dibao.answer = 'not_enrolled'
inner join registry.household_check as tekun
    on counted.household_id = tekun.household_id and tekun.registry = 'tekun' and tekun.answer = 'not_enrolled'
inner join registry.household_check as edge
    on counted.household_id = edge.household_id and edge.registry = 'edge' and edge.answer = 'not_enrolled'
left join registry.household_in_part as household_in_part
    on counted.household_id = household_in_part.household_id
where counted.grants + counted.possible_grants >= fewest.value
