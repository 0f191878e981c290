-- Whom the warnings of the window are about, each once for a purpose: of a rule about people the person, of one about heads everybody in
-- the household. A household is reached by either.
with recent as (
    select
        listed.purpose as purpose,
        listed.subject as subject,
        listed.person_id as person_id,
        listed.household_id as household_id
    from life.listed as listed
    cross join registry.horizon as horizon
    where listed.purpose is not null and listed.last_seen_on > horizon.report_start
)

select
    recent.purpose as purpose,
    'persons' as counted,
    recent.person_id as member_id
from recent
where recent.subject = 'person'
union
select
    recent.purpose as purpose,
    'persons' as counted,
    household_member.person_id as member_id
from recent
inner join registry.household_member as household_member
    on recent.household_id = household_member.household_id
where recent.subject = 'household'
union
select
    recent.purpose as purpose,
    'households' as counted,
    recent.household_id as member_id
from recent
