-- Households to whose members temporary assistance was paid several times in the trailing year, and that no roster knows.
with granted as (
    select
        granted_row.household_id as household_id,
        count(*) as grants,
        min(granted_row.granted_on) as first_granted_on,
        max(granted_row.granted_on) as last_granted_on,
        cast(sum(granted_row.amount_fen) as bigint) as amount_fen
    from registry.granted_row as granted_row
    where granted_row.is_in_year
    group by granted_row.household_id
)

select
    household.head_person_id as person_id,
    household.household_id as household_id,
    household.division_code as division_code,
    'orange' as level,
    granted.grants as measured,
    granted.grants as grants,
    granted.first_granted_on as first_granted_on,
    granted.last_granted_on as last_granted_on,
    granted.amount_fen as amount_fen,
    edge.registry_period as roster_period,
    true as is_in_year
from granted
inner join registry.household as household
    on granted.household_id = household.household_id
inner join registry.division_policy as fewest
    on
        household.division_code = fewest.division_code
        and fewest.area_type = ''
        and fewest.key = 'repeated_grants_minimum'
inner join registry.household_check as dibao
    on granted.household_id = dibao.household_id and dibao.registry = 'dibao' and dibao.answer = 'not_enrolled'
inner join registry.household_check as tekun
    on granted.household_id = tekun.household_id and tekun.registry = 'tekun' and tekun.answer = 'not_enrolled'
inner join registry.household_check as edge
    on granted.household_id = edge.household_id and edge.registry = 'edge' and edge.answer = 'not_enrolled'
where granted.grants >= fewest.value
