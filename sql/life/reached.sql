-- The people and households whom the warnings of the window are about, each once for each purpose. For a rule about a person it is that
-- person; for a rule about a head it is everybody in the household. Either kind of rule counts for the household.
with recent as (
    select
        listed.purpose,
        listed.subject,
        listed.person_id,
        listed.household_id
    from life.listed as listed
    cross join registry.horizon as horizon
    where listed.purpose is not null and listed.last_seen_on > horizon.report_start
)

select
    recent.purpose,
    'persons' as counted,
    recent.person_id as member_id
from recent
where recent.subject = 'person'
union
select
    recent.purpose,
    'persons' as counted,
    household_member.person_id as member_id
from recent
inner join registry.household_member as household_member
    on recent.household_id = household_member.household_id
where recent.subject = 'household'
union
select
    recent.purpose,
    'households' as counted,
    recent.household_id as member_id
from recent
