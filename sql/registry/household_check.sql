-- A household is in a registry when any member is. It is in none when every usable member, and the head, is known not to be. There are two
-- cases in which this cannot be told. First: the list gives only the number of a head, who is therefore not looked up. Then it cannot be told
-- while somebody names that number. Nor can it when a row with that number was set aside from a roster or by the household's own division.
-- Second: a disputed row ties a person to the household, and this person may be a member.
with unsure as (
    select distinct household_member.household_id
    from registry.household_member as household_member
    inner join registry.household_group as household_group
        on
            household_member.person_id = household_group.person_id
            and household_member.head_person_id = household_group.head_person_id
    left join registry.identity as identity
        on household_group.tied_head_id = identity.person_id
    left join registry.household as household
        on household_member.household_id = household.household_id
    left join input.set_aside_name as set_aside
        on household_group.tied_head_id = set_aside.person_id
    left join registry.roster_unusable as roster_unusable
        on set_aside.row_id = roster_unusable.row_id
    where
        (household_group.tied_head_id <> household_group.head_person_id and identity.person_id is not null)
        or (
            identity.person_id is null and set_aside.person_id is not null
            and (roster_unusable.row_id is not null or set_aside.own_unit_code = household.division_code)
        )
    union
    select disputed_member.household_id from registry.disputed_member as disputed_member
)

select
    concerned.household_id,
    registry_check.registry,
    case
        when max(case when registry_check.answer = 'enrolled' then 1 else 0 end) = 1 then 'enrolled'
        when max(case when registry_check.answer = 'not_current' then 1 else 0 end) = 1 then 'not_current'
        when
            max(case when registry_check.answer = 'cannot_tell' or unsure.household_id is not null then 1 else 0 end) = 1
            then 'cannot_tell'
        else 'not_enrolled'
    end as answer,
    min(registry_check.registry_period) as registry_period,
    min(case when registry_check.is_whole then 1 else 0 end) = 1 as is_whole
from registry.concerned as concerned
inner join registry.registry_check as registry_check
    on concerned.person_id = registry_check.person_id
left join unsure
    on concerned.household_id = unsure.household_id
group by concerned.household_id, registry_check.registry
