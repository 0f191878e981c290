-- Rows whose number belongs to a person of another name. No rule uses them until a person says that the row is about that person.
with flipped as (
    select distinct what_if.left_ref as row_id
    from warnings.what_if as what_if
    where what_if.answer <> 'placed'
)

select
    question.person_id,
    question.id_number,
    question.kept_name,
    question.other_name,
    question.submission_id,
    question.sheet,
    question.row_number as "row",
    question.kind,
    question.state,
    question.is_set_aside,
    coalesce(kept_row.unit_code, returned.division_code) as kept_unit_code,
    flipped.row_id is not null as flips
from registry.name_question as question
inner join registry.identity as identity
    on question.person_id = identity.person_id
left join registry.person_row as kept_row
    on identity.row_id = kept_row.row_id
left join registry.returned_person as returned
    on identity.person_id = returned.person_id
left join flipped
    on question.row_id = flipped.row_id
