-- Which person an accepted row is about.
select
    person_row.submission_id,
    person_row.sheet,
    person_row.row_number as "row",
    person_row.kind,
    person_row.person_id,
    person_row.identity_state
from registry.person_row as person_row
