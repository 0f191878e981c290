-- One row per person: who it is, of which household, of which division.
select
    identity.person_id,
    identity.id_number,
    identity.name,
    identity.sex,
    identity.birth_date,
    identity.identity_state,
    household_member.household_id,
    household_member.head_person_id,
    household.division_code
from registry.identity as identity
inner join registry.household_member as household_member
    on identity.person_id = household_member.person_id
inner join registry.household as household
    on household_member.household_id = household.household_id
