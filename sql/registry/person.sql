-- One row per person: who it is, of which household, of which division.
select
    identity.person_id as person_id,
    identity.id_number as id_number,
    identity.name as name,
    identity.sex as sex,
    identity.birth_date as birth_date,
    identity.identity_state as identity_state,
    household_member.household_id as household_id,
    household_member.head_person_id as head_person_id,
    household.division_code as division_code
from registry.identity as identity
inner join registry.household_member as household_member
    on identity.person_id = household_member.person_id
inner join registry.household as household
    on household_member.household_id = household.household_id
