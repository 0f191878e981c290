-- People of last night whose number is still given by their own division or by a partner, although no row of theirs could be used. The number
-- stands on a row that was set aside from a list that is still fresh; the name there begins like theirs, or cannot be read. Or the number
-- stands as the head of those who lived with them. They stay where they were. What another division claims about them in the meantime changes
-- nothing.
with tied as (
    select unit_code as division_code, 'dibao' as registry, period, person_id, head_person_id from accepted.dibao_person
    union all
    select unit_code as division_code, 'edge' as registry, period, person_id, head_person_id from accepted.edge_person
),

given_number as (
    select held.person_id, set_aside.row_id
    from registry.held_person as held
    cross join registry.horizon as horizon
    inner join input.set_aside_name as set_aside
        on
            held.person_id = set_aside.person_id
            and coalesce(held.division_code = set_aside.own_unit_code, true)
            and coalesce(left(held.folded_name, 2) = left(folded_name(set_aside.name), 2), true)
    where coalesce(cast(set_aside.period || '-01' as date) >= horizon.fresh_start, true)
    union all
    select held.person_id, held.person_id || '-' || held.division_code as row_id
    from registry.held_person as held
    inner join input.previous_person as previous
        on held.person_id = previous.person_id
    inner join input.previous_person as family
        on previous.household_id = family.household_id and previous.person_id <> family.person_id
    inner join tied
        on
            family.person_id = tied.person_id
            and held.person_id = tied.head_person_id
            and held.division_code = tied.division_code
    inner join registry.roster as roster
        on tied.division_code = roster.division_code and tied.registry = roster.registry and tied.period = roster.period
)

select
    held.person_id,
    held.name,
    held.division_code,
    min(given_number.row_id) as row_id
from registry.held_person as held
inner join given_number
    on held.person_id = given_number.person_id
group by held.person_id, held.name, held.division_code
