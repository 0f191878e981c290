-- Supplements below the lower or above the upper share of the standard. Both sides are multiplied by 10,000, so that nothing is divided.
with paid as (
    select
        current_person.person_id,
        current_person.household_id,
        current_person.division_code,
        current_person.area_type,
        current_person.period,
        current_person.supplement_fen,
        current_person.standard_fen,
        current_person.is_row_unreadable,
        lowest.value_x10000 as minimum_x10000,
        highest.value_x10000 as maximum_x10000,
        current_person.row_id,
        current_person.household_row_id,
        nullif(
            concat_ws(
                '；',
                dibao_person.supplement_fen__unreadable,
                case when current_person.is_row_unreadable then '最初享受月份认不出来' end,
                current_person.area_unreadable
            ), ''
        ) as unreadable
    from registry.current_person as current_person
    inner join accepted.dibao_person as dibao_person
        on current_person.row_id = dibao_person.row_id
    inner join registry.division_policy as lowest
        on
            current_person.roster_division = lowest.division_code
            and coalesce(current_person.area_type, '') = lowest.area_type
            and lowest.key = 'supplement_minimum'
    inner join registry.division_policy as highest
        on
            current_person.roster_division = highest.division_code
            and coalesce(current_person.area_type, '') = highest.area_type
            and highest.key = 'supplement_maximum'
    where
        current_person.registry = 'dibao'
        and (
            current_person.supplement_fen > 0
            or dibao_person.supplement_fen__unreadable is not null
            or current_person.is_row_unreadable
        )
)

select
    paid.person_id,
    paid.household_id,
    paid.division_code,
    'blue' as level,
    case
        when paid.supplement_fen * 10000 < paid.standard_fen * paid.minimum_x10000
            then paid.standard_fen * paid.minimum_x10000 // 10000 - paid.supplement_fen
        else paid.supplement_fen - paid.standard_fen * paid.maximum_x10000 // 10000
    end as measured,
    paid.area_type,
    paid.period as roster_period,
    paid.supplement_fen,
    paid.standard_fen,
    cast(paid.standard_fen * paid.minimum_x10000 // 10000 as bigint) as minimum_fen,
    cast(paid.standard_fen * paid.maximum_x10000 // 10000 as bigint) as maximum_fen,
    case when paid.supplement_fen * 10000 < paid.standard_fen * paid.minimum_x10000 then '低于下限' else '高于上限' end as found,
    paid.row_id as dibao_row_id,
    paid.household_row_id,
    paid.unreadable
from paid
where
    paid.supplement_fen * 10000 < paid.standard_fen * paid.minimum_x10000
    or paid.supplement_fen * 10000 > paid.standard_fen * paid.maximum_x10000
    or paid.is_row_unreadable
    or ((paid.supplement_fen is null or paid.standard_fen is null) and paid.unreadable is not null)
