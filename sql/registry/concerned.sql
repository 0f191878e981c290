-- Who speaks for a household when a list is asked about it: its members, and its head, though he be counted in another one. Members
-- without a number are not asked, and keep nobody waiting for an answer.
select
    person.household_id as household_id,
    person.person_id as person_id
from registry.person as person
where person.identity_state <> 'provisional'
union
select
    household.household_id as household_id,
    household.head_person_id as person_id
from registry.household as household
