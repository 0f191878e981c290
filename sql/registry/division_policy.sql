-- The policy value that holds in a division. A value for its own region goes before a value for all regions; a value for the area type goes
-- before a value for both types.
with areas as (
    select '' as area_type
    union all
    select '城市' as area_type
    union all
    select '农村' as area_type
),

held as (
    select
        unit.unit_code as division_code,
        areas.area_type,
        policy.key,
        policy.value,
        policy.value_fen,
        policy.value_x10000,
        row_number() over (
            partition by unit.unit_code, areas.area_type, policy.key
            order by
                case when policy.policy_region = '' then 1 else 0 end,
                case when policy.area_type = '' then 1 else 0 end
        ) as row_rank
    from input.unit as unit
    cross join areas
    inner join input.policy as policy
        on
            (policy.policy_region = '' or unit.policy_region = policy.policy_region)
            and (policy.area_type = '' or areas.area_type = policy.area_type)
    where unit.unit_kind <> 'partner'
)

select
    held.division_code,
    held.area_type,
    held.key,
    held.value,
    held.value_fen,
    held.value_x10000
from held
where held.row_rank = 1
