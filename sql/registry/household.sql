-- Where a household lives. Of the lists that tie it and name a division, the one with the later start month counts, then the lower division
-- code. Where only the monitoring list ties the household, the order is: a roster in use (dibao, tekun, edge) that has one of its people, the
-- survey that has one, the address. Where no list ties a person, the order is: the tekun roster, the last roster, the latest application, the
-- address in partners' rows. If all are missing and a row of the person was set aside, the person lives where he lived before. An application
-- or an address under another name does not count.
with heads as (
    select
        household_member.household_id,
        household_member.head_person_id,
        min(case when household_member.standing in ('tekun', 'other') then 1 else 0 end) as is_alone
    from registry.household_member as household_member
    group by household_member.household_id, household_member.head_person_id
),

monitored as (
    select distinct household_group.head_person_id, household_group.person_id
    from registry.household_group as household_group
    where household_group.standing = 'monitoring'
),

named as (
    select
        head_person_id, 1 as tier, standing_rank, division_code,
        case when person_id = head_person_id then start_month end as since
    from registry.household_group
    where standing <> 'monitoring'
    union all
    select
        monitored.head_person_id, 1 + roster_person.registry_rank as tier, roster_person.registry_rank as standing_rank,
        roster_person.division_code, coalesce(roster_person.start_month, roster_household.start_month) as since
    from monitored
    inner join registry.roster_person as roster_person
        on monitored.person_id = roster_person.person_id and roster_person.is_in_use
    left join registry.roster_household as roster_household
        on
            roster_person.registry = roster_household.registry
            and roster_person.division_code = roster_household.division_code
            and roster_person.head_person_id = roster_household.head_person_id
            and roster_household.is_in_use
    union all
    select
        monitored.head_person_id, 5 as tier, surveyed.standing_rank, surveyed.division_code, cast(null as date) as since
    from monitored
    inner join registry.household_group as surveyed
        on monitored.person_id = surveyed.person_id and surveyed.standing = 'survey'
    union all
    select head_person_id, 6 as tier, standing_rank, division_code, cast(null as date) as since
    from registry.household_group
    where standing = 'monitoring'
    union all
    select
        person_id as head_person_id, case when is_in_use then 7 else 8 end as tier, registry_rank as standing_rank, division_code,
        case when is_in_use then start_month else period_start end as since
    from registry.roster_person
    where registry = 'tekun' or not is_in_use
    union all
    select
        application.person_id as head_person_id, 9 as tier, 6 as standing_rank, application.unit_code as division_code,
        application.accepted_on as since
    from accepted.temporary_grant as application
    left join registry.name_conflict as name_conflict
        on application.row_id = name_conflict.row_id
    where name_conflict.row_id is null
    union all
    select person_id as head_person_id, 10 as tier, 6 as standing_rank, division_code, cast(null as date) as since
    from registry.addressed_person
    union all
    select
        returned.person_id as head_person_id, 11 as tier, 6 as standing_rank, returned.division_code, cast(null as date) as since
    from registry.returned_person as returned
    inner join registry.identity as identity
        on returned.row_id = identity.row_id
),

ranked as (
    select
        heads.household_id,
        heads.head_person_id,
        named.division_code,
        row_number() over (
            partition by heads.head_person_id
            order by
                case when named.division_code is null then 1 else 0 end,
                named.tier, named.since desc nulls last,
                case when named.since is null then named.standing_rank end nulls last, named.division_code
        ) as row_rank
    from heads
    left join named
        on heads.head_person_id = named.head_person_id and (named.tier <= 6 or heads.is_alone = 1)
),

bureau as (
    select min(unit.unit_code) as unit_code
    from input.unit as unit
    where unit.unit_kind = 'bureau'
)

select
    ranked.household_id,
    ranked.head_person_id,
    coalesce(ranked.division_code, bureau.unit_code) as division_code
from ranked
cross join bureau
where ranked.row_rank = 1
