-- Of each division and registry, the accepted roster of the latest period not after D: the current one.
with delivered as (
    select dibao_person.unit_code as division_code, 'dibao' as registry, dibao_person.period as period
    from accepted.dibao_person as dibao_person
    union all
    select tekun_person.unit_code as division_code, 'tekun' as registry, tekun_person.period as period
    from accepted.tekun_person as tekun_person
    union all
    select edge_person.unit_code as division_code, 'edge' as registry, edge_person.period as period
    from accepted.edge_person as edge_person
),

latest as (
    select
        delivered.division_code as division_code,
        delivered.registry as registry,
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
)

select
    unit.unit_code as division_code,
    registries.registry as registry,
    registries.registry_rank as registry_rank,
    latest.period as period,
    cast(latest.period || '-01' as date) as period_start,
    coalesce(cast(latest.period || '-01' as date) >= horizon.fresh_start, false) as is_current
from house.unit as unit
cross join registries
cross join registry.horizon as horizon
left join latest
    on unit.unit_code = latest.division_code and registries.registry = latest.registry
where unit.unit_kind = 'division'
