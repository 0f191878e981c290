-- Where a household lives: of the lists that tie it the one with the later start month, then the lower division; people whom no
-- list ties live where their tekun roster, else their last roster, their latest application, or the address in partner rows says.
with heads as (
    select
        household_member.household_id as household_id,
        household_member.head_person_id as head_person_id,
        min(case when household_member.standing in ('tekun', 'other') then 1 else 0 end) as is_alone
    from registry.household_member as household_member
    group by household_member.household_id, household_member.head_person_id
),

addressed as (
    select
        person_row.person_id as person_id,
        min(place.division_code) as division_code
    from registry.person_row as person_row
    inner join house.place as place
        on person_row.row_id = place.row_id
    where person_row.list = 'other'
    group by person_row.person_id
    having count(distinct place.division_code) = 1
),

named as (
    select
        head_person_id, 1 as tier, standing_rank, division_code,
        case when person_id = head_person_id then start_month end as since
    from registry.household_group
    union all
    select
        person_id as head_person_id, case when is_latest then 2 else 3 end as tier, registry_rank as standing_rank, division_code,
        case when is_latest then start_month else period_start end as since
    from registry.roster_person
    where registry = 'tekun' or not is_latest
    union all
    select person_id as head_person_id, 4 as tier, 6 as standing_rank, unit_code as division_code, accepted_on as since
    from accepted.temporary_grant
    union all
    select person_id as head_person_id, 5 as tier, 6 as standing_rank, division_code, cast(null as date) as since
    from addressed
),

ranked as (
    select
        heads.household_id as household_id,
        heads.head_person_id as head_person_id,
        named.division_code as division_code,
        row_number() over (
            partition by heads.head_person_id
            order by
                case when named.division_code is null then 1 else 0 end,
                named.tier, named.since desc nulls last,
                case when named.since is null then named.standing_rank end nulls last, named.division_code
        ) as place
    from heads
    left join named
        on heads.head_person_id = named.head_person_id and (named.tier = 1 or heads.is_alone = 1)
),

bureau as (
    select min(unit.unit_code) as unit_code
    from house.unit as unit
    where unit.unit_kind = 'bureau'
)

select
    ranked.household_id as household_id,
    ranked.head_person_id as head_person_id,
    coalesce(ranked.division_code, bureau.unit_code) as division_code
from ranked
cross join bureau
where ranked.place = 1
