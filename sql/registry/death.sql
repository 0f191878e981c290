-- Deaths not after D, the later notice of one person.
with ranked as (
    select
        death_notice.row_id as row_id,
        death_notice.person_id as person_id,
        death_notice.died_on as died_on,
        row_number() over (
            partition by death_notice.person_id order by death_notice.received_seq desc, death_notice.row_id
        ) as place
    from accepted.death_notice as death_notice
    left join registry.name_conflict as name_conflict
        on death_notice.row_id = name_conflict.row_id
    where name_conflict.row_id is null and death_notice.person_id is not null
)

select
    ranked.person_id as person_id,
    ranked.row_id as row_id,
    ranked.died_on as died_on
from ranked
cross join house.night as night
where ranked.place = 1 and ranked.died_on <= night.run_date
