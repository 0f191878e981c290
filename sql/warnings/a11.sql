-- Households with a person on the monitoring list whose risk has not been eliminated, where no roster has anybody of the household.
with monitored as (
    select
        monitored_person.household_id,
        count(*) as people,
        min(monitored_person.category) as category,
        min(monitored_person.identified_on) as identified_on
    from registry.monitored_person as monitored_person
    where monitored_person.is_open
    group by monitored_person.household_id
)

select
    household.head_person_id as person_id,
    household.household_id,
    household.division_code,
    'yellow' as level,
    monitored.people as measured,
    monitored.people,
    monitored.category,
    monitored.identified_on,
    edge.registry_period as roster_period,
    true as is_open,
    household_in_part.unreadable || '，不知道是不是有人在册' as unreadable
from monitored
inner join registry.household as household
    on monitored.household_id = household.household_id
inner join registry.household_check as dibao
    on monitored.household_id = dibao.household_id and dibao.registry = 'dibao' and dibao.answer = 'not_enrolled'
inner join registry.household_check as tekun
    on monitored.household_id = tekun.household_id and tekun.registry = 'tekun' and tekun.answer = 'not_enrolled'
inner join registry.household_check as edge
    on monitored.household_id = edge.household_id and edge.registry = 'edge' and edge.answer = 'not_enrolled'
left join registry.household_in_part as household_in_part
    on monitored.household_id = household_in_part.household_id
