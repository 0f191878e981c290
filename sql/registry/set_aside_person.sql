-- Rows of lists in force that were set aside, and the people whom each may be about. What such a row would have said of a person is not known.
select
    set_aside.row_id as row_id,
    possible_person.person_id as person_id,
    person.household_id as household_id,
    set_aside.kind as kind,
    set_aside.unit_code as unit_code,
    set_aside.row_number as row_number,
    submission.night as night,
    submission.received_seq as received_seq
from input.set_aside as set_aside
inner join registry.possible_person as possible_person
    on set_aside.row_id = possible_person.row_id
inner join registry.person as person
    on possible_person.person_id = person.person_id
inner join input.submission as submission
    on set_aside.submission_id = submission.submission_id
