-- Temporary assistance that may have been granted, where nobody can read whether it was: applications with cells that do not count;
-- applications in the person's own division that give the number another name; and rows that were set aside, those of other divisions only
-- when they are not under another name. `known_on` is the night on which the file came.
select
    temporary_grant.row_id,
    temporary_grant.person_id,
    person.household_id,
    temporary_grant.division_code,
    temporary_grant.cause,
    temporary_grant.granted_on,
    temporary_grant.told_on as known_on,
    case
        when temporary_grant.is_disputed
            then '临时救助台账上同一号码写的姓名是“' || name_conflict.other_name || '”，是不是本人还没有弄清'
        else temporary_grant.grant_unreadable
    end as unreadable
from registry.temporary_grant as temporary_grant
inner join registry.person as person
    on temporary_grant.person_id = person.person_id
left join registry.household as household
    on person.household_id = household.household_id
left join registry.name_conflict as name_conflict
    on temporary_grant.row_id = name_conflict.row_id
where
    case
        when not temporary_grant.is_disputed then temporary_grant.grant_unreadable is not null
        else
            name_conflict.state <> 'not_same'
            and temporary_grant.division_code = household.division_code
            and (temporary_grant.is_granted or temporary_grant.grant_unreadable is not null)
    end
union all
select
    set_aside_person.row_id,
    set_aside_person.person_id,
    set_aside_person.household_id,
    set_aside_person.unit_code as division_code,
    cast(null as varchar) as cause,
    cast(null as date) as granted_on,
    set_aside_person.night as known_on,
    '临时救助台账第' || cast(set_aside_person.row_number as varchar) || '行被退回，不知道是不是已经发放' as unreadable
from registry.set_aside_person as set_aside_person
inner join input.set_aside as set_aside
    on set_aside_person.row_id = set_aside.row_id
inner join registry.person as person
    on set_aside_person.person_id = person.person_id
left join registry.household as household
    on set_aside_person.household_id = household.household_id
where
    set_aside_person.kind = 'temporary_grant'
    and (
        set_aside_person.unit_code = household.division_code
        or not coalesce(folded_name(set_aside.name) <> folded_name(person.name), false)
    )
