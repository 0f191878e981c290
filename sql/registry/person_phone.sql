-- Telephone numbers that our own lists give for a person: digits only, and enough digits to be the number of one person. No list that is
-- added later belongs here: our own lists are those that the floor names.
with written as (
    select person_id, row_id, phone from accepted.dibao_household
    union all
    select person_id, row_id, phone from accepted.dibao_person
    union all
    select person_id, row_id, phone from accepted.tekun_person
    union all
    select person_id, row_id, phone from accepted.edge_household
    union all
    select person_id, row_id, phone from accepted.survey_household
),

folded as (
    select
        written.person_id,
        written.row_id,
        regexp_replace(written.phone, '[^0-9]', '', 'g') as phone
    from written
    where written.phone is not null
)

select distinct
    folded.person_id,
    folded.phone
from folded
left join registry.name_conflict as name_conflict
    on folded.row_id = name_conflict.row_id
where length(folded.phone) >= 7 and name_conflict.row_id is null
