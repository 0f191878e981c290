-- Which person an accepted row is about.
select
    person_row.submission_id as submission_id,
    person_row.sheet as sheet,
    person_row.row_number as "row",
    person_row.kind as kind,
    person_row.person_id as person_id,
    person_row.identity_state as identity_state
from registry.person_row as person_row
