-- The people of a household who are looked up when a registry is asked about it: its members, and its head, even when he is counted in another
-- household. Members without a number are not looked up; no answer waits for them.
select
    person.household_id,
    person.person_id
from registry.person as person
where person.identity_state <> 'provisional'
union
select
    household.household_id,
    household.head_person_id as person_id
from registry.household as household
