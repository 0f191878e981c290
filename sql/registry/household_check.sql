-- A household is in a registry when any member is; it is in none when every usable member, and the head, is known not to be.
select
    concerned.household_id as household_id,
    registry_check.registry as registry,
    case
        when max(case when registry_check.answer = 'enrolled' then 1 else 0 end) = 1 then 'enrolled'
        when max(case when registry_check.answer = 'not_current' then 1 else 0 end) = 1 then 'not_current'
        when max(case when registry_check.answer = 'cannot_tell' then 1 else 0 end) = 1 then 'cannot_tell'
        else 'not_enrolled'
    end as answer,
    min(registry_check.registry_period) as registry_period,
    min(case when registry_check.is_whole then 1 else 0 end) = 1 as is_whole
from registry.concerned as concerned
inner join registry.registry_check as registry_check
    on concerned.person_id = registry_check.person_id
group by concerned.household_id, registry_check.registry
