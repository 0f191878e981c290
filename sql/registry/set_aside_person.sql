-- Rows of lists in force that were set aside, and whom each may be about: whose number it bears, else who has the name and birth date of
-- it. What such a row would have said of him is not known, but where somebody has found whose row it is.
with named as (
    select
        set_aside.row_id as row_id,
        set_aside.person_id as person_id
    from house.set_aside as set_aside
    where set_aside.person_id is not null
    union
    select
        set_aside.row_id as row_id,
        person.person_id as person_id
    from house.set_aside as set_aside
    inner join registry.person as person
        on
            upper(translate(set_aside.name, '·•・．.‧∙●･ 　', '')) = upper(translate(person.name, '·•・．.‧∙●･ 　', ''))
            and set_aside.birth_date = person.birth_date
    where set_aside.person_id is null
)

select
    set_aside.row_id as row_id,
    named.person_id as person_id,
    person.household_id as household_id,
    set_aside.kind as kind,
    set_aside.unit_code as unit_code,
    set_aside.row_number as row_number,
    submission.night as night,
    submission.received_seq as received_seq
from house.set_aside as set_aside
inner join named
    on set_aside.row_id = named.row_id
inner join registry.person as person
    on named.person_id = person.person_id
inner join house.submission as submission
    on set_aside.submission_id = submission.submission_id
left join house.identity_decision as decided
    on
        set_aside.row_id = decided.left_ref
        and named.person_id = decided.right_ref
        and decided.decision in ('same', 'not_same')
where decided.left_ref is null
