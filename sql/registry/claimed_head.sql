-- Heads to whom a division's list in use ties people, though last night they lived in another division, and that list of that month does
-- not name them under their own name: until a person has decided, nobody is counted with them for it.
with tied as (
    select distinct
        roster_person.registry as registry,
        roster_person.division_code as division_code,
        roster_person.period as period,
        roster_person.head_person_id as head_person_id
    from registry.roster_person as roster_person
    where roster_person.is_latest and roster_person.head_person_id <> roster_person.person_id
),

named as (
    select registry, division_code, period, person_id from registry.roster_person
    union
    select registry, division_code, period, head_person_id as person_id from registry.roster_household
)

select
    tied.registry as registry,
    tied.division_code as division_code,
    tied.head_person_id as head_person_id
from tied
inner join registry.held_person as held
    on tied.head_person_id = held.person_id and tied.division_code <> held.division_code
left join named
    on
        tied.registry = named.registry
        and tied.division_code = named.division_code
        and tied.period = named.period
        and tied.head_person_id = named.person_id
where named.person_id is null
