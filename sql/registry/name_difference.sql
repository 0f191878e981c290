-- Rows that carry a person's number under a name that is not the person's, and what people have said about each row. Rows that count as a
-- person's because people said so are left out: their question has been asked. A longer name is the same as a shorter one when the shorter has
-- two characters or more, since a surname alone names nobody. A row of another division must give the whole name; the person's own division is
-- the one where he lived last night, else the one whose name for him is kept. Where a division gives one number several names, each of its
-- rows is here, even one with the right name. This does not hold when its name for the person is kept, or the person lived there. The reason:
-- otherwise a person who tries one name after another would find the real one.
with named as (
    select
        identity.person_id,
        identity.name as kept_name,
        case when person_row.row_id is null then returned.division_code else person_row.own_unit_code end as kept_own_unit_code,
        case when person_row.row_id is null then folded_name(returned.name) else person_row.folded_name end as kept_folded_name
    from registry.identity as identity
    left join registry.person_row as person_row
        on identity.row_id = person_row.row_id
    left join registry.returned_person as returned
        on identity.person_id = returned.person_id
)

select
    person_row.row_id,
    person_row.person_id,
    person_row.id_number,
    named.kept_name,
    person_row.name as other_name,
    person_row.is_in_use,
    person_row.source_rank,
    coalesce(decided.decision, case when person_row.is_in_use then 'disputed' else 'past' end) as state
from registry.person_row as person_row
inner join named
    on person_row.person_id = named.person_id and person_row.identity_state <> 'decided'
left join input.identity_decision as decided
    on person_row.row_id = decided.left_ref and person_row.person_id = decided.right_ref
left join registry.held_person as held
    on person_row.person_id = held.person_id
left join registry.guessed_person as guessed
    on
        person_row.own_unit_code = guessed.unit_code
        and person_row.person_id = guessed.person_id
        and coalesce(person_row.own_unit_code <> named.kept_own_unit_code, true)
        and coalesce(person_row.own_unit_code <> held.division_code, true)
where
    guessed.person_id is not null
    or (
        person_row.folded_name <> named.kept_folded_name
        and (
            person_row.own_unit_code <> coalesce(held.division_code, named.kept_own_unit_code, '')
            or least(length(person_row.folded_name), length(named.kept_folded_name)) < 2
            or (
                not starts_with(person_row.folded_name, named.kept_folded_name)
                and not starts_with(named.kept_folded_name, person_row.folded_name)
            )
        )
    )
