-- The row that counts for a household on the current rosters of dibao and edge. Of two divisions' rows it is the one with the later start
-- month, then the one of the lower division code. Where this month's household file has not come yet, last month's counts for the heads whom
-- the persons' roster still names.
with listed as (
    select distinct
        enrolment.registry,
        enrolment.division_code,
        enrolment.roster_head_id as head_person_id
    from registry.enrolment as enrolment
),

ranked as (
    select
        household.household_id,
        household.head_person_id,
        household.division_code,
        roster_household.registry,
        roster_household.division_code as roster_division,
        roster_household.period,
        roster_household.area_type,
        roster_household.area_unreadable,
        roster_household.household_size,
        roster_household.insured_count,
        roster_household.start_month,
        roster_household.row_id,
        row_number() over (
            partition by household.household_id, roster_household.registry
            order by roster_household.start_month desc nulls last, roster_household.division_code
        ) as row_rank
    from registry.roster_household as roster_household
    inner join registry.roster as roster
        on
            roster_household.registry = roster.registry
            and roster_household.division_code = roster.division_code
            and roster.is_current
    cross join registry.horizon as horizon
    inner join registry.household as household
        on roster_household.head_person_id = household.head_person_id
    left join listed
        on
            roster_household.registry = listed.registry
            and roster_household.division_code = listed.division_code
            and roster_household.head_person_id = listed.head_person_id
    where
        roster_household.is_in_use
        and cast(roster_household.period || '-01' as date) >= horizon.fresh_start
        and (roster_household.period = roster.period or listed.head_person_id is not null)
)

select
    ranked.household_id,
    ranked.head_person_id,
    ranked.division_code,
    ranked.registry,
    ranked.roster_division,
    ranked.period,
    ranked.area_type,
    ranked.area_unreadable,
    ranked.household_size,
    ranked.insured_count,
    ranked.start_month,
    standard.value_fen as standard_fen,
    ranked.row_id
from ranked
left join registry.division_policy as standard
    on
        ranked.roster_division = standard.division_code
        and ranked.area_type = standard.area_type
        and standard.key = 'dibao_standard'
where ranked.row_rank = 1
