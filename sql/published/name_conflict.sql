-- Rows whose number belongs to somebody of another name; used by no rule until a person says that it is that person's.
with flipped as (
    select distinct what_if.left_ref as row_id
    from warnings.what_if as what_if
    where what_if.answer <> 'placed'
)

select
    name_difference.person_id as person_id,
    name_difference.id_number as id_number,
    name_difference.kept_name as kept_name,
    name_difference.other_name as other_name,
    own_row.submission_id as submission_id,
    own_row.sheet as sheet,
    own_row.row_number as "row",
    own_row.kind as kind,
    name_difference.state as state,
    coalesce(kept_row.unit_code, returned.division_code) as kept_unit_code,
    flipped.row_id is not null as flips
from registry.name_difference as name_difference
inner join registry.person_row as own_row
    on name_difference.row_id = own_row.row_id
inner join registry.identity as identity
    on name_difference.person_id = identity.person_id
left join registry.person_row as kept_row
    on identity.row_id = kept_row.row_id
left join registry.returned_person as returned
    on identity.person_id = returned.person_id
left join flipped
    on name_difference.row_id = flipped.row_id
