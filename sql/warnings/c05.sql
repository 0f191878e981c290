-- Household benefits that differ from the amount due: the standard times the people covered, less the month's income, raised to whole yuan
-- once, at the end. Everything is multiplied by 12, since rural incomes are stated per year.
with declared as (
    select
        current_household.household_id,
        current_household.head_person_id,
        current_household.division_code,
        current_household.area_type,
        current_household.period,
        current_household.row_id,
        current_household.insured_count,
        current_household.standard_fen,
        dibao_household.monthly_benefit_fen,
        tolerance.value_fen as tolerance_fen,
        case
            when dibao_household.yearly_income_fen is null then false
            when dibao_household.monthly_income_fen is null then true
            else current_household.area_type = '农村'
        end as is_yearly,
        dibao_household.monthly_income_fen,
        dibao_household.yearly_income_fen,
        current_household.area_unreadable as unreadable
    from registry.current_household as current_household
    inner join accepted.dibao_household as dibao_household
        on current_household.row_id = dibao_household.row_id
    inner join registry.division_policy as tolerance
        on
            current_household.roster_division = tolerance.division_code
            and coalesce(current_household.area_type, '') = tolerance.area_type
            and tolerance.key = 'benefit_tolerance'
    where current_household.registry = 'dibao'
),

lacking as (
    select
        declared.household_id,
        declared.head_person_id,
        declared.division_code,
        declared.area_type,
        declared.period,
        declared.row_id,
        declared.insured_count,
        declared.standard_fen,
        declared.monthly_benefit_fen,
        declared.tolerance_fen,
        declared.unreadable,
        case when declared.is_yearly then '家庭年总收入' else '家庭月总收入' end as income_name,
        case when declared.is_yearly then declared.yearly_income_fen else declared.monthly_income_fen end as income_fen,
        12 * declared.standard_fen * declared.insured_count
        - case when declared.is_yearly then declared.yearly_income_fen else 12 * declared.monthly_income_fen end as lacking_fen
    from declared
),

computed as (
    select
        lacking.household_id,
        lacking.head_person_id,
        lacking.division_code,
        lacking.area_type,
        lacking.period,
        lacking.row_id,
        lacking.insured_count,
        lacking.standard_fen,
        lacking.monthly_benefit_fen,
        lacking.tolerance_fen,
        lacking.unreadable,
        lacking.income_name,
        lacking.income_fen,
        cast(case when lacking.lacking_fen <= 0 then 0 else (lacking.lacking_fen + 1199) // 1200 * 100 end as bigint) as computed_fen
    from lacking
    where lacking.lacking_fen is not null or lacking.unreadable is not null
)

select
    computed.head_person_id as person_id,
    computed.household_id,
    computed.division_code,
    'blue' as level,
    cast(abs(computed.monthly_benefit_fen - computed.computed_fen) as bigint) as measured,
    computed.area_type,
    computed.period as roster_period,
    computed.insured_count,
    computed.standard_fen,
    computed.income_name,
    computed.income_fen,
    computed.monthly_benefit_fen,
    computed.computed_fen,
    case when computed.monthly_benefit_fen < computed.computed_fen then '少' else '多' end as direction,
    cast(abs(computed.monthly_benefit_fen - computed.computed_fen) as bigint) as difference_fen,
    computed.row_id as dibao_row_id,
    computed.unreadable
from computed
where abs(computed.monthly_benefit_fen - computed.computed_fen) > computed.tolerance_fen or computed.unreadable is not null
