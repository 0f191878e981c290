-- Heads to whom a division's list in use ties people, although no row of that division names them under their own name: not on its lists of
-- this month, not on those of other months, not in its applications. Such a number heads no household there, even where others know it.
-- Otherwise a division could tie an invented child to a number and so bring in the family of that number. A family would also move when others
-- name its head. There are two exceptions. The number stays a head when the person lived in this division last night and still has the same
-- name. It also stays a head when a household of that person stood there last night and nobody names the person at all: the person may have
-- left the list, or the row may be missing. A person who lived in another division last night must be named by that very list.
with tied as (
    select distinct
        roster_person.registry,
        roster_person.division_code,
        roster_person.period,
        roster_person.head_person_id
    from registry.roster_person as roster_person
    where roster_person.is_in_use and roster_person.head_person_id <> roster_person.person_id
),

listed as (
    select registry, division_code, period, person_id from registry.roster_person
    union
    select registry, division_code, period, head_person_id as person_id from registry.roster_household
),

named as (
    select distinct
        person_row.own_unit_code as division_code,
        person_row.person_id
    from registry.person_row as person_row
    left join registry.name_conflict as name_conflict
        on person_row.row_id = name_conflict.row_id
    where person_row.own_unit_code is not null and name_conflict.row_id is null
),

headed as (
    select distinct
        house_identity.person_id,
        previous.division_code
    from input.previous_person as previous
    inner join input.identity as house_identity
        on previous.household_id = house_identity.household_id
)

select
    tied.registry,
    tied.division_code,
    tied.head_person_id
from tied
left join listed
    on
        tied.registry = listed.registry
        and tied.division_code = listed.division_code
        and tied.period = listed.period
        and tied.head_person_id = listed.person_id
left join named
    on tied.division_code = named.division_code and tied.head_person_id = named.person_id
left join registry.held_person as held
    on tied.head_person_id = held.person_id and held.is_of_division
left join registry.identity as identity
    on tied.head_person_id = identity.person_id
left join headed
    on tied.head_person_id = headed.person_id and tied.division_code = headed.division_code
where
    listed.person_id is null
    and case
        when held.division_code <> tied.division_code then true
        when named.person_id is not null then false
        when identity.person_id is null then headed.person_id is null
        else coalesce(held.folded_name <> folded_name(identity.name), true)
    end
