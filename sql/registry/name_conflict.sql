-- Disputed rows: they are kept and shown, and no rule uses them until a person says that the row is about that person.
select
    name_difference.row_id,
    name_difference.person_id,
    name_difference.id_number,
    name_difference.kept_name,
    name_difference.other_name,
    name_difference.is_in_use,
    name_difference.source_rank,
    name_difference.state
from registry.name_difference as name_difference
where name_difference.state <> 'same'
