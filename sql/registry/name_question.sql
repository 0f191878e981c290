-- Rows with a person's number and not that person's name, about which people are asked. They are accepted rows (registry.name_difference), and
-- rows of other divisions that were set aside: from a roster in use with another name or none, and from the ledger of applications without a
-- name. Such a row may be about the person all the same. So nobody can say that the person is not on that roster (registry.registry_check) or
-- was granted nothing (registry.possible_grant). Whoever writes a number into a row that cannot be used must not decide that alone: therefore
-- people are asked. When a division gives several names, each of them is asked about; otherwise the one that is not asked about would be the
-- real one. When a person has two numbers, the row may carry either.
with given_name as (
    select set_aside.unit_code, set_aside.person_id, folded_name(set_aside.name) as folded_name
    from input.set_aside as set_aside
    where set_aside.person_id is not null
    union
    select person_row.own_unit_code as unit_code, person_row.person_id, person_row.folded_name
    from registry.person_row as person_row
    where person_row.own_unit_code is not null
),

guessed as (
    select given_name.unit_code, given_name.person_id
    from given_name
    group by given_name.unit_code, given_name.person_id
    having count(distinct given_name.folded_name) > 1
),

joined_person as (
    select distinct unnest([decided.left_ref, decided.right_ref]) as person_id
    from input.identity_decision as decided
    where decided.decision = 'same' and decided.left_ref not like '%#%'
),

accepted_row as (
    select
        difference.row_id, difference.person_id, difference.id_number,
        difference.kept_name, difference.other_name, difference.is_in_use,
        difference.state, person_row.kind, person_row.unit_code,
        person_row.submission_id, person_row.sheet, person_row.row_number,
        false as is_set_aside
    from registry.name_difference as difference
    inner join registry.person_row as person_row
        on difference.row_id = person_row.row_id
),

set_aside_row as (
    select
        set_aside.row_id, set_aside.person_id,
        case when joined_person.person_id is null then person.id_number end as id_number,
        person.name as kept_name, set_aside.name as other_name, true as is_in_use,
        coalesce(decided.decision, 'disputed') as state, set_aside.kind, set_aside.unit_code,
        set_aside.submission_id, set_aside.sheet, set_aside.row_number,
        true as is_set_aside
    from input.set_aside as set_aside
    inner join registry.person as person
        on set_aside.person_id = person.person_id and set_aside.unit_code <> person.division_code
    left join registry.roster_unusable as roster_unusable
        on set_aside.row_id = roster_unusable.row_id
    left join guessed
        on set_aside.unit_code = guessed.unit_code and set_aside.person_id = guessed.person_id
    left join joined_person
        on set_aside.person_id = joined_person.person_id
    left join input.identity_decision as decided
        on set_aside.row_id = decided.left_ref and set_aside.person_id = decided.right_ref
    where
        (set_aside.kind = 'temporary_grant' and set_aside.name is null)
        or (
            roster_unusable.row_id is not null
            and (guessed.person_id is not null or coalesce(folded_name(set_aside.name) <> folded_name(person.name), true))
        )
)

select
    row_id, person_id, id_number, kept_name, other_name, is_in_use, state, kind, unit_code, submission_id, sheet, row_number,
    is_set_aside
from accepted_row
union all
select
    row_id, person_id, id_number, kept_name, other_name, is_in_use, state, kind, unit_code, submission_id, sheet, row_number,
    is_set_aside
from set_aside_row
