-- Heads whom a division's latest list of households names and its list of people of that month does not. Some programs export the head with
-- the household alone, so he may well be enrolled.
with households as (
    select person_id, unit_code as division_code, 'dibao' as registry, period from accepted.dibao_household
    union all
    select person_id, unit_code as division_code, 'edge' as registry, period from accepted.edge_household
),

people as (
    select person_id, unit_code as division_code, 'dibao' as registry, period from accepted.dibao_person
    union all
    select person_id, unit_code as division_code, 'edge' as registry, period from accepted.edge_person
),

latest as (
    select
        households.division_code as division_code,
        households.registry as registry,
        max(households.period) as period
    from households
    cross join registry.horizon as horizon
    where households.period <= horizon.run_month
    group by households.division_code, households.registry
)

select distinct
    households.person_id as person_id,
    households.division_code as division_code,
    households.registry as registry
from households
inner join latest
    on
        households.division_code = latest.division_code
        and households.registry = latest.registry
        and households.period = latest.period
cross join registry.horizon as horizon
left join people
    on
        households.person_id = people.person_id
        and households.division_code = people.division_code
        and households.registry = people.registry
        and households.period = people.period
where
    people.person_id is null
    and households.person_id is not null
    and cast(households.period || '-01' as date) >= horizon.fresh_start
