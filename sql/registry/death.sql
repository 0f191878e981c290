-- Deaths not after D, with the person's age in whole years on that day. Of several notices about one person the later one counts.
with ranked as (
    select
        death_notice.row_id,
        death_notice.person_id,
        death_notice.died_on,
        row_number() over (
            partition by death_notice.person_id order by death_notice.received_seq desc, death_notice.row_id
        ) as row_rank
    from accepted.death_notice as death_notice
    left join registry.name_conflict as name_conflict
        on death_notice.row_id = name_conflict.row_id
    where name_conflict.row_id is null and death_notice.person_id is not null
),

died as (
    select
        ranked.person_id,
        person.household_id,
        ranked.row_id,
        ranked.died_on,
        person.birth_date,
        year(ranked.died_on) - year(person.birth_date) as calendar_years
    from ranked
    inner join registry.person as person
        on ranked.person_id = person.person_id
    cross join input.night as night
    where ranked.row_rank = 1 and ranked.died_on <= night.run_date
)

select
    died.person_id,
    died.household_id,
    died.row_id,
    died.died_on,
    case
        when cast(died.birth_date + died.calendar_years * interval 12 month as date) > died.died_on then died.calendar_years - 1
        else died.calendar_years
    end as age_at_death
from died
