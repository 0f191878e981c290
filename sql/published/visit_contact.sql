-- Where to find the households that are to be visited tonight: those with an open warning, and those drawn for the weekly check.
with visited as (
    select household_id
    from main.warning_list
    union
    select household_id
    from main.sample_check
    where state in ('open', 'verifying')
)

select
    contact.household_id,
    household.division_code,
    contact.address,
    contact.phone
from visited
inner join registry.household_contact as contact
    on visited.household_id = contact.household_id
inner join registry.household as household
    on contact.household_id = household.household_id
