-- Every person of whom a row was accepted.
select
    person.person_id as person_id,
    person.id_number as id_number,
    person.name as name,
    person.sex as sex,
    person.birth_date as birth_date,
    death.died_on as death_date,
    person.division_code as division_code,
    person.household_id as household_id,
    person.identity_state as identity_state
from registry.person as person
left join registry.death as death
    on person.person_id = death.person_id
