-- Size, area type and township of a household, from the list of highest standing in its division. What this list does not say is taken from
-- the next; what nobody can read there is unknown. For people on no list the township comes from that division too: from their last roster,
-- else from their newest application for temporary assistance. If both are missing, the addresses in partners' rows name it.
with members as (
    select
        household_member.household_id,
        household_member.head_person_id,
        count(*) as members_listed
    from registry.household_member as household_member
    group by household_member.household_id, household_member.head_person_id
),

said as (
    select
        head_person_id, registry_rank as standing_rank, division_code, start_month, row_id,
        household_size, area_type, township,
        area_unreadable is not null as is_area_unreadable, is_township_unreadable
    from registry.roster_household
    where is_in_use
    union all
    select
        person_id as head_person_id, 2 as standing_rank, division_code, start_month, row_id,
        cast(null as bigint) as household_size, cast(null as varchar) as area_type, township,
        false as is_area_unreadable, is_township_unreadable
    from registry.roster_person
    where is_in_use and registry = 'tekun'
    union all
    select
        numbered_group.head_person_id, 4 as standing_rank, survey_household.unit_code as division_code,
        cast(null as date) as start_month, survey_household.row_id,
        survey_household.household_size, survey_household.area_type,
        survey_household.township,
        false as is_area_unreadable, survey_household.township__unreadable is not null as is_township_unreadable
    from registry.numbered_group as numbered_group
    inner join accepted.survey_household as survey_household
        on numbered_group.row_id = survey_household.row_id
    union all
    select
        numbered_group.head_person_id, 5 as standing_rank, cast(null as varchar) as division_code,
        cast(null as date) as start_month, monitoring.row_id,
        cast(null as bigint) as household_size, cast(null as varchar) as area_type, monitoring.township,
        false as is_area_unreadable, false as is_township_unreadable
    from registry.numbered_group as numbered_group
    inner join accepted.poverty_return_monitoring as monitoring
        on numbered_group.row_id = monitoring.row_id
    union all
    select
        left_person.person_id as head_person_id, 6 as standing_rank, left_person.division_code,
        left_person.period_start as start_month, left_person.row_id,
        cast(null as bigint) as household_size, cast(null as varchar) as area_type,
        coalesce(left_person.township, left_household.township) as township,
        false as is_area_unreadable,
        left_person.is_township_unreadable or coalesce(left_household.is_township_unreadable, false) as is_township_unreadable
    from registry.roster_person as left_person
    left join registry.roster_household as left_household
        on
            left_person.registry = left_household.registry
            and left_person.division_code = left_household.division_code
            and left_person.period = left_household.period
            and left_person.head_person_id = left_household.head_person_id
    where not left_person.is_in_use
    union all
    select
        application.person_id as head_person_id, 7 as standing_rank, application.unit_code as division_code,
        application.accepted_on as start_month, application.row_id,
        cast(null as bigint) as household_size, cast(null as varchar) as area_type, application.township,
        false as is_area_unreadable, false as is_township_unreadable
    from accepted.temporary_grant as application
    inner join registry.household as household
        on application.person_id = household.head_person_id and application.unit_code = household.division_code
    left join registry.name_conflict as name_conflict
        on application.row_id = name_conflict.row_id
    where name_conflict.row_id is null
    union all
    select
        addressed_person.person_id as head_person_id, 8 as standing_rank, addressed_person.division_code,
        cast(null as date) as start_month, addressed_person.person_id as row_id,
        cast(null as bigint) as household_size, cast(null as varchar) as area_type, addressed_person.township,
        false as is_area_unreadable, false as is_township_unreadable
    from registry.addressed_person as addressed_person
    inner join registry.household as household
        on addressed_person.person_id = household.head_person_id and addressed_person.division_code = household.division_code
),

ranked as (
    select
        household.household_id,
        household.head_person_id,
        said.household_size,
        said.area_type,
        said.township,
        coalesce(said.is_area_unreadable, false) as is_area_unreadable,
        coalesce(said.is_township_unreadable, false) as is_township_unreadable,
        row_number() over (
            partition by household.household_id
            order by
                case when said.division_code = household.division_code then 0 else 1 end,
                said.standing_rank nulls last, said.start_month desc nulls last, said.division_code nulls last, said.row_id
        ) as row_rank
    from registry.household as household
    left join said
        on household.head_person_id = said.head_person_id
)

select
    members.household_id,
    coalesce(
        arg_min(ranked.household_size, ranked.row_rank) filter (where ranked.household_size is not null), max(members.members_listed)
    ) as household_size,
    nullif(
        arg_min(coalesce(ranked.area_type, ''), ranked.row_rank) filter (where ranked.area_type is not null or ranked.is_area_unreadable), ''
    ) as area_type,
    nullif(
        arg_min(coalesce(ranked.township, ''), ranked.row_rank) filter (where ranked.township is not null or ranked.is_township_unreadable), ''
    ) as township
from members
inner join ranked
    on members.household_id = ranked.household_id
group by members.household_id
