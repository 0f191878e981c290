-- Who is on the roster in use. A dibao amount belongs to the household, so it stands on one row of the household only (the head's, else the
-- first): the column can be summed. The household's start month stands in for a person's start month that is blank, not for one that cannot be
-- read.
with listed as (
    select
        roster_person.row_id,
        roster_person.person_id,
        roster_person.registry,
        roster_person.registry_rank,
        roster_person.division_code,
        roster_person.period,
        roster_person.head_person_id as roster_head_id,
        roster_person.start_month,
        roster_person.is_start_unreadable,
        roster_person.supplement_fen,
        roster_person.own_amount_fen,
        roster_person.is_current,
        count(*) over (
            partition by roster_person.registry, roster_person.division_code, roster_person.head_person_id
        ) as members_listed,
        row_number() over (
            partition by roster_person.registry, roster_person.division_code, roster_person.head_person_id
            order by
                case when roster_person.person_id = roster_person.head_person_id then 0 else 1 end, roster_person.row_id
        ) as place_in_household
    from registry.roster_person as roster_person
    where roster_person.is_in_use
)

select
    listed.person_id,
    listed.registry,
    listed.registry_rank,
    listed.division_code,
    person.household_id,
    listed.period,
    case when not listed.is_start_unreadable then coalesce(listed.start_month, roster_household.start_month) end as start_month,
    listed.is_start_unreadable,
    case
        when listed.registry = 'tekun' then listed.own_amount_fen
        when listed.place_in_household = 1 then roster_household.amount_fen
    end as monthly_amount_fen,
    listed.supplement_fen,
    listed.roster_head_id,
    listed.members_listed,
    listed.row_id,
    roster_household.row_id as household_row_id,
    listed.is_current
from listed
inner join registry.person as person
    on listed.person_id = person.person_id
left join registry.roster_household as roster_household
    on
        listed.registry = roster_household.registry
        and listed.division_code = roster_household.division_code
        and listed.roster_head_id = roster_household.head_person_id
        and roster_household.is_in_use
