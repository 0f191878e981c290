-- Heads who are not on a division's list of people of the month, although its latest list of households names them, or its latest list of
-- people ties a person to them. Some programs export the head with the household only, or leave out the head's row, so the head may well be
-- enrolled. Left out are rows of households that people said are about somebody else. Left out too are rows of another month, of a division
-- other than the person's, under another name: nobody is asked about these.
with households as (
    select row_id, person_id, unit_code, 'dibao' as registry, period from accepted.dibao_household
    union all
    select row_id, person_id, unit_code, 'edge' as registry, period from accepted.edge_household
),

heads as (
    select households.person_id, households.unit_code as division_code, households.registry, households.period, 1 as is_named
    from households
    left join registry.name_conflict as name_conflict
        on households.row_id = name_conflict.row_id
    left join registry.person as person
        on households.person_id = person.person_id
    where
        case name_conflict.state
            when 'not_same' then false
            when 'past' then coalesce(households.unit_code = person.division_code, true)
            else true
        end
    union all
    select head_person_id as person_id, unit_code as division_code, 'dibao' as registry, period, 0 as is_named from accepted.dibao_person
    union all
    select head_person_id as person_id, unit_code as division_code, 'edge' as registry, period, 0 as is_named from accepted.edge_person
),

people as (
    select person_id, unit_code as division_code, 'dibao' as registry, period from accepted.dibao_person
    union all
    select person_id, unit_code as division_code, 'edge' as registry, period from accepted.edge_person
),

latest as (
    select
        heads.division_code,
        heads.registry,
        heads.is_named,
        max(heads.period) as period
    from heads
    cross join registry.horizon as horizon
    where heads.period <= horizon.run_month
    group by heads.division_code, heads.registry, heads.is_named
)

select
    heads.person_id,
    heads.division_code,
    heads.registry,
    max(heads.is_named) = 1 as is_named
from heads
inner join latest
    on
        heads.division_code = latest.division_code
        and heads.registry = latest.registry
        and heads.is_named = latest.is_named
        and heads.period = latest.period
cross join registry.horizon as horizon
left join people
    on
        heads.person_id = people.person_id
        and heads.division_code = people.division_code
        and heads.registry = people.registry
        and heads.period = people.period
where
    people.person_id is null
    and heads.person_id is not null
    and cast(heads.period || '-01' as date) >= horizon.fresh_start
group by heads.person_id, heads.division_code, heads.registry
