-- Where to find a household of a division, by that division's own lists only: the rosters in use first, then the survey, then applications
-- for temporary assistance, the newest first. In each list the head's row comes first; what one list leaves out is taken from the next. The
-- place where a person is registered comes last: people in extreme hardship have no other address on their roster.
with listed as (
    select 1 as standing_rank, unit_code, period, person_id, row_id, address, phone, 'dibao' as registry
    from accepted.dibao_household
    union all
    select 2 as standing_rank, unit_code, period, person_id, row_id, cast(null as varchar) as address, phone, 'tekun' as registry
    from accepted.tekun_person
    union all
    select 3 as standing_rank, unit_code, period, person_id, row_id, address, phone, 'edge' as registry
    from accepted.edge_household
),

said as (
    select
        listed.standing_rank, listed.unit_code, listed.person_id,
        listed.row_id, listed.address, listed.phone, cast(null as date) as told_on
    from listed
    inner join registry.roster as roster
        on
            listed.unit_code = roster.division_code and listed.registry = roster.registry
            and listed.period = roster.period
    union all
    select 4 as standing_rank, unit_code, person_id, row_id, address, phone, cast(null as date) as told_on
    from accepted.survey_household
    union all
    select
        5 as standing_rank, unit_code, person_id, row_id, current_address as address, cast(null as varchar) as phone,
        accepted_on as told_on
    from accepted.temporary_grant
    union all
    select
        7 as standing_rank, unit_code, person_id, row_id, '户籍：' || registered_address as address, cast(null as varchar) as phone,
        accepted_on as told_on
    from accepted.temporary_grant
    union all
    select
        6 as standing_rank, tekun_person.unit_code, tekun_person.person_id,
        tekun_person.row_id, '户籍：' || tekun_person.registered_address as address,
        cast(null as varchar) as phone, cast(null as date) as told_on
    from accepted.tekun_person
    inner join registry.roster as roster
        on
            tekun_person.unit_code = roster.division_code and roster.registry = 'tekun'
            and tekun_person.period = roster.period
),

ranked as (
    select
        household.household_id,
        said.address,
        said.phone,
        row_number() over (
            partition by household.household_id
            order by
                said.standing_rank,
                case when said.person_id = household.head_person_id then 0 else 1 end,
                said.told_on desc nulls last,
                said.row_id
        ) as row_rank
    from said
    inner join registry.household_member as household_member
        on said.person_id = household_member.person_id
    inner join registry.household as household
        on household_member.household_id = household.household_id and said.unit_code = household.division_code
    left join registry.name_conflict as name_conflict
        on said.row_id = name_conflict.row_id
    where name_conflict.row_id is null
)

select
    ranked.household_id,
    arg_min(ranked.address, ranked.row_rank) filter (where ranked.address is not null) as address,
    arg_min(ranked.phone, ranked.row_rank) filter (where ranked.phone is not null) as phone
from ranked
where ranked.address is not null or ranked.phone is not null
group by ranked.household_id
