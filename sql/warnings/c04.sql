-- Remote supplements above the share of the standard times the people covered. Both sides are multiplied by 10,000, so that nothing is
-- divided.
with paid as (
    select
        current_household.household_id,
        current_household.head_person_id,
        current_household.division_code,
        current_household.area_type,
        current_household.period,
        current_household.row_id,
        current_household.insured_count,
        current_household.standard_fen,
        dibao_household.remote_supplement_fen,
        current_household.standard_fen * current_household.insured_count * highest.value_x10000 as limit_x10000,
        nullif(
            concat_ws(
                '；',
                dibao_household.remote_supplement_fen__unreadable,
                current_household.area_unreadable
            ), ''
        ) as unreadable
    from registry.current_household as current_household
    inner join accepted.dibao_household as dibao_household
        on current_household.row_id = dibao_household.row_id
    inner join registry.division_policy as highest
        on
            current_household.roster_division = highest.division_code
            and coalesce(current_household.area_type, '') = highest.area_type
            and highest.key = 'remote_supplement_maximum'
    where
        current_household.registry = 'dibao'
        and (dibao_household.remote_supplement_fen > 0 or dibao_household.remote_supplement_fen__unreadable is not null)
)

select
    paid.head_person_id as person_id,
    paid.household_id,
    paid.division_code,
    'blue' as level,
    cast(paid.remote_supplement_fen - paid.limit_x10000 // 10000 as bigint) as measured,
    paid.area_type,
    paid.period as roster_period,
    paid.remote_supplement_fen,
    paid.insured_count,
    paid.standard_fen,
    cast(paid.limit_x10000 // 10000 as bigint) as limit_fen,
    paid.row_id as dibao_row_id,
    paid.unreadable
from paid
where paid.remote_supplement_fen * 10000 > paid.limit_x10000 or paid.unreadable is not null
