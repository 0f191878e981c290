-- Heads to whom a division's dibao or edge list ties people, though last night they lived in another division, and that list itself does not
-- name them under their own name: until a person has decided, nobody is counted with them for it.
with tied as (
    select 'dibao' as registry, unit_code as division_code, period, head_person_id
    from accepted.dibao_person
    where head_person_id <> person_id
    union
    select 'edge' as registry, unit_code as division_code, period, head_person_id
    from accepted.edge_person
    where head_person_id <> person_id
),

listed as (
    select 'dibao' as registry, unit_code as division_code, period, person_id, row_id from accepted.dibao_household
    union all
    select 'dibao' as registry, unit_code as division_code, period, person_id, row_id from accepted.dibao_person
    union all
    select 'edge' as registry, unit_code as division_code, period, person_id, row_id from accepted.edge_household
    union all
    select 'edge' as registry, unit_code as division_code, period, person_id, row_id from accepted.edge_person
),

named as (
    select distinct
        listed.registry as registry,
        listed.division_code as division_code,
        listed.period as period,
        listed.person_id as person_id
    from listed
    left join registry.name_conflict as name_conflict
        on listed.row_id = name_conflict.row_id
    where name_conflict.row_id is null
)

select
    tied.registry as registry,
    tied.division_code as division_code,
    tied.period as period,
    tied.head_person_id as head_person_id
from tied
inner join house.previous_person as previous
    on tied.head_person_id = previous.person_id
inner join house.unit as unit
    on previous.division_code = unit.unit_code
left join named
    on
        tied.registry = named.registry
        and tied.division_code = named.division_code
        and tied.period = named.period
        and tied.head_person_id = named.person_id
where unit.unit_kind = 'division' and previous.division_code <> tied.division_code and named.person_id is null
