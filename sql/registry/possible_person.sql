-- Rows of lists in force that name no person for sure, and the people whom each may be about: rows that were set aside, and people who stand
-- on a roster without a number. A row is about the person whose number it carries. Else it may be about any person of that name, unless birth
-- date and number both say that it is somebody else. When people said that a row is about a person, it counts as possible until the row itself
-- is used as that person's. A birth date that was read from an unusable number may itself be wrong, so the numbers are compared as well (two
-- slips of typing; an old number of 15 characters is three short). A row without a birth date may be about anybody of that name in the
-- sender's division.
with nameless as (
    select row_id, unit_code, person_id, name, birth_date, number, coalesce(is_unproven, false) as is_unproven
    from input.set_aside
    union all
    select
        row_id,
        unit_code,
        cast(null as varchar) as person_id,
        name,
        birth_date,
        cast(null as varchar) as number,
        false as is_unproven
    from accepted.dibao_person
    where identity_state = 'provisional'
),

possible as (
    select
        nameless.row_id,
        nameless.person_id,
        true as bears_number,
        nameless.is_unproven
    from nameless
    where nameless.person_id is not null
    union
    select
        nameless.row_id,
        person.person_id,
        false as bears_number,
        nameless.is_unproven
    from nameless
    inner join registry.person as person
        on folded_name(nameless.name) = folded_name(person.name)
    where
        nameless.person_id is null
        and (
            nameless.birth_date = person.birth_date
            or levenshtein(nameless.number, person.id_number) <= 3
            or (nameless.birth_date is null and nameless.unit_code = person.division_code)
        )
)

select
    possible.row_id,
    possible.person_id,
    possible.bears_number
from possible
left join input.identity_decision as decided
    on possible.row_id = decided.left_ref and possible.person_id = decided.right_ref
where
    case decided.decision
        when 'not_same' then false
        when 'same' then not possible.is_unproven
        else true
    end
