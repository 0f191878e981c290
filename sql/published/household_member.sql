-- Which person belongs to which household, and the list that says so.
select
    household_member.household_id,
    household_member.person_id,
    household_member.relation,
    household_member.standing
from registry.household_member as household_member
