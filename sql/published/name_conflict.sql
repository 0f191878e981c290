-- Rows whose number belongs to somebody of another name; used by no rule until a person decides.
select
    name_conflict.person_id as person_id,
    name_conflict.id_number as id_number,
    name_conflict.kept_name as kept_name,
    name_conflict.other_name as other_name,
    name_conflict.submission_id as submission_id,
    name_conflict.sheet as sheet,
    name_conflict.row_number as "row",
    name_conflict.kind as kind,
    case when name_conflict.is_current then 'disputed' else 'past' end as state
from registry.name_conflict as name_conflict
