-- About whom a rule may ask: every person, and every household by its head.
select
    'person' as subject_kind,
    person.person_id as subject_id,
    person.person_id,
    person.household_id,
    person.division_code,
    person.death_date,
    person.identity_state = 'provisional' as is_provisional
from main.person as person
union all
select
    'head' as subject_kind,
    household.household_id as subject_id,
    household.head_person_id as person_id,
    household.household_id,
    household.division_code,
    head.death_date,
    head.identity_state = 'provisional' as is_provisional
from registry.household as household
inner join main.person as head
    on household.head_person_id = head.person_id
