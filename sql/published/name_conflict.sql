-- Rows whose number belongs to somebody of another name; used by no rule until a person says that it is that person's.
select
    name_difference.person_id as person_id,
    name_difference.id_number as id_number,
    name_difference.kept_name as kept_name,
    name_difference.other_name as other_name,
    name_difference.submission_id as submission_id,
    name_difference.sheet as sheet,
    name_difference.row_number as "row",
    name_difference.kind as kind,
    name_difference.state as state
from registry.name_difference as name_difference
