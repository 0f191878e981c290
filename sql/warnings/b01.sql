-- People who died before the first day of a current roster's month and are still on that roster. Months and amounts are those of all rosters
-- on file for the months after the month of death.
with listed as (
    select
        roster_row_after_death.person_id,
        roster_row_after_death.registry,
        roster_row_after_death.registry_rank,
        max(roster_row_after_death.period) as roster_period
    from registry.roster_row_after_death as roster_row_after_death
    inner join registry.person as person
        on roster_row_after_death.person_id = person.person_id
    inner join registry.division_policy as tolerance
        on
            person.division_code = tolerance.division_code
            and tolerance.area_type = ''
            and tolerance.key = 'death_tolerance'
    where
        roster_row_after_death.is_current
        and year(roster_row_after_death.period_start) * 12 + month(roster_row_after_death.period_start)
        - year(roster_row_after_death.died_on) * 12 - month(roster_row_after_death.died_on) > tolerance.value
    group by
        roster_row_after_death.person_id, roster_row_after_death.registry, roster_row_after_death.registry_rank
),

standing as (
    select
        listed.person_id,
        string_agg(
            case listed.registry when 'dibao' then '低保' when 'tekun' then '特困' else '低保边缘' end, '、' order by listed.registry_rank
        ) as registries,
        max(listed.roster_period) as roster_period
    from listed
    group by listed.person_id
),

paid as (
    select
        roster_row_after_death.person_id,
        min(roster_row_after_death.died_on) as died_on,
        min(roster_row_after_death.death_row_id) as death_row_id,
        count(distinct roster_row_after_death.period) as months,
        max(case when roster_row_after_death.registry = 'edge' then 0 else 1 end) = 1 as has_amounts,
        case
            when max(case when roster_row_after_death.is_amount_unknown then 1 else 0 end) = 0
                then cast(coalesce(sum(roster_row_after_death.amount_fen), 0) as bigint)
        end as paid_fen
    from registry.roster_row_after_death as roster_row_after_death
    group by roster_row_after_death.person_id
)

select
    standing.person_id,
    person.household_id,
    person.division_code,
    'red' as level,
    paid.months as measured,
    standing.registries,
    standing.roster_period,
    paid.died_on,
    paid.months,
    paid.paid_fen,
    case
        when not paid.has_amounts then ''
        else
            coalesce(
                '，名册金额合计' || cast(cast(cast(paid.paid_fen as decimal(20, 2)) * 0.01 as decimal(22, 2)) as varchar)
                || '元（低保为全户金额）',
                '，名册金额合计未知'
            )
    end as paid_said,
    paid.death_row_id
from standing
inner join paid
    on standing.person_id = paid.person_id
inner join registry.person as person
    on standing.person_id = person.person_id
