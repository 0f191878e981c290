-- Age in whole years on D. Adding months stops at the end of the month: a person born on the 29th of February is a year older on the 28th.
with years as (
    select
        person.person_id,
        person.birth_date,
        night.run_date,
        year(night.run_date) - year(person.birth_date) as calendar_years
    from registry.person as person
    cross join input.night as night
    where person.birth_date is not null
)

select
    years.person_id,
    years.birth_date,
    case
        when cast(years.birth_date + years.calendar_years * interval 12 month as date) > years.run_date then years.calendar_years - 1
        else years.calendar_years
    end as age
from years
