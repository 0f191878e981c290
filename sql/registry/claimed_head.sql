-- Heads to whom a division's list in use ties people, though no row of that division names them under their name: not on its lists of this
-- month, not on those of others, not in its applications, not on a row that had to be set aside. Such a number heads nobody there, whoever
-- else knows it: else tying an invented child to a number would bring the family of that number, and a family would move when others name
-- its head. Whoever lived in another division last night must be named by that very list.
with tied as (
    select distinct
        roster_person.registry as registry,
        roster_person.division_code as division_code,
        roster_person.period as period,
        roster_person.head_person_id as head_person_id
    from registry.roster_person as roster_person
    where roster_person.is_latest and roster_person.head_person_id <> roster_person.person_id
),

listed as (
    select registry, division_code, period, person_id from registry.roster_person
    union
    select registry, division_code, period, head_person_id as person_id from registry.roster_household
),

named as (
    select distinct
        person_row.own_unit_code as division_code,
        person_row.person_id as person_id
    from registry.person_row as person_row
    left join registry.name_conflict as name_conflict
        on person_row.row_id = name_conflict.row_id
    where person_row.own_unit_code is not null and name_conflict.row_id is null
    union
    select
        set_aside.own_unit_code as division_code,
        set_aside.person_id as person_id
    from house.set_aside_name as set_aside
    left join registry.identity as identity
        on set_aside.person_id = identity.person_id
    left join registry.guessed_person as guessed
        on set_aside.person_id = guessed.person_id and set_aside.own_unit_code = guessed.unit_code
    where
        set_aside.own_unit_code is not null
        and guessed.person_id is null
        and coalesce(folded_name(set_aside.name) = folded_name(identity.name), identity.person_id is null)
)

select
    tied.registry as registry,
    tied.division_code as division_code,
    tied.head_person_id as head_person_id
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
where
    listed.person_id is null
    and (named.person_id is null or held.division_code <> tied.division_code)
