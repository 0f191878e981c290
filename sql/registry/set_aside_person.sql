-- Rows of lists in force that were set aside, and the people whom each may be about. What such a row would have said of a person is not known.
select
    set_aside.row_id,
    possible_person.person_id,
    person.household_id,
    set_aside.kind,
    set_aside.unit_code,
    set_aside.row_number,
    submission.night,
    submission.received_seq
from input.set_aside as set_aside
inner join registry.possible_person as possible_person
    on set_aside.row_id = possible_person.row_id
inner join registry.person as person
    on possible_person.person_id = person.person_id
inner join input.submission as submission
    on set_aside.submission_id = submission.submission_id
