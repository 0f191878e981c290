-- Residential units of the people whose means may be looked at; of several rows about one owner and unit the later one counts. Blanks and case
-- in the unit's number do not make it another unit.
with ranked as (
    select
        real_estate.row_id,
        real_estate.person_id,
        upper(translate(real_estate.unit_no, ' 　', '')) as unit_no,
        real_estate.usage,
        real_estate.usage__unreadable as unreadable,
        row_number() over (
            partition by real_estate.person_id, upper(translate(real_estate.unit_no, ' 　', ''))
            order by real_estate.received_seq desc, real_estate.row_id
        ) as row_rank
    from accepted.real_estate as real_estate
    left join registry.name_conflict as name_conflict
        on real_estate.row_id = name_conflict.row_id
    where name_conflict.row_id is null and real_estate.person_id is not null
)

select
    ranked.row_id,
    ranked.person_id,
    review_person.household_id,
    ranked.unit_no,
    ranked.unreadable
from ranked
inner join registry.review_person as review_person
    on ranked.person_id = review_person.person_id
where ranked.row_rank = 1 and (ranked.usage = '住宅' or ranked.unreadable is not null)
