-- The rows that show it: on each roster the person's row, and the row of the person's household.
select
    double_enrolment.person_id,
    double_enrolment.row_id
from registry.double_enrolment as double_enrolment
union all
select
    double_enrolment.person_id,
    double_enrolment.household_row_id as row_id
from registry.double_enrolment as double_enrolment
where double_enrolment.household_row_id is not null
