-- The roster in use of each division and registry: the accepted one of the latest period not after D. It is whole when no gap is known in it,
-- nor in a later one that could not be used. Where it is not whole, a person who is missing from it may still be enrolled.
with delivered as (
    select dibao_person.unit_code as division_code, 'dibao' as registry, dibao_person.period
    from accepted.dibao_person as dibao_person
    union all
    select tekun_person.unit_code as division_code, 'tekun' as registry, tekun_person.period
    from accepted.tekun_person as tekun_person
    union all
    select edge_person.unit_code as division_code, 'edge' as registry, edge_person.period
    from accepted.edge_person as edge_person
),

latest as (
    select
        delivered.division_code,
        delivered.registry,
        max(delivered.period) as period
    from delivered
    cross join registry.horizon as horizon
    where delivered.period <= horizon.run_month
    group by delivered.division_code, delivered.registry
),

registries as (
    select 'dibao' as registry, 1 as registry_rank
    union all
    select 'tekun' as registry, 2 as registry_rank
    union all
    select 'edge' as registry, 3 as registry_rank
),

missing as (
    select
        gap.unit_code as division_code,
        registries.registry,
        max(gap.latest_period) as period
    from input.gap as gap
    inner join registries
        on gap.kind in (registries.registry || '_person', registries.registry || '_household')
    cross join registry.horizon as horizon
    where gap.latest_period <= horizon.run_month
    group by gap.unit_code, registries.registry
)

select
    unit.unit_code as division_code,
    registries.registry,
    registries.registry_rank,
    latest.period,
    cast(latest.period || '-01' as date) as period_start,
    coalesce(cast(latest.period || '-01' as date) >= horizon.fresh_start, false) as is_current,
    coalesce(missing.period < latest.period, missing.period is null) as is_whole
from input.unit as unit
cross join registries
cross join registry.horizon as horizon
left join latest
    on unit.unit_code = latest.division_code and registries.registry = latest.registry
left join missing
    on unit.unit_code = missing.division_code and registries.registry = missing.registry
where unit.unit_kind = 'division'
