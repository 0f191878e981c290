-- Every person of whom a row was accepted.
select
    person.person_id,
    person.id_number,
    person.name,
    person.sex,
    person.birth_date,
    death.died_on as death_date,
    person.division_code,
    person.household_id,
    person.identity_state
from registry.person as person
left join registry.death as death
    on person.person_id = death.person_id
