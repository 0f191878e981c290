-- Surveyed households below the standard, where no roster of dibao or tekun has anybody of the household. Both sides are multiplied by twelve
-- and by the household's size, so that nothing is divided: h < i means yearly income < 12 × household size × i.
with surveyed as (
    select
        survey_household.head_person_id as person_id,
        survey_household.household_id,
        survey_household.division_code,
        survey_household.area_type,
        survey_household.household_size,
        survey_household.yearly_income_fen,
        survey_household.standard_fen,
        12 * survey_household.household_size * survey_household.standard_fen as limit_fen,
        survey_household.surveyed_on,
        survey_household.row_id as survey_row_id
    from registry.survey_household as survey_household
)

select
    surveyed.person_id,
    surveyed.household_id,
    surveyed.division_code,
    'red' as level,
    surveyed.limit_fen - surveyed.yearly_income_fen as measured,
    surveyed.area_type,
    surveyed.household_size,
    surveyed.yearly_income_fen,
    surveyed.standard_fen,
    surveyed.limit_fen,
    surveyed.surveyed_on,
    dibao.registry_period as roster_period,
    surveyed.survey_row_id,
    household_in_part.unreadable || '，不知道是不是有人在册' as unreadable
from surveyed
inner join registry.household_check as dibao
    on surveyed.household_id = dibao.household_id and dibao.registry = 'dibao' and dibao.answer = 'not_enrolled'
inner join registry.household_check as tekun
    on surveyed.household_id = tekun.household_id and tekun.registry = 'tekun' and tekun.answer = 'not_enrolled'
left join warnings.a12 as a12
    on surveyed.person_id = a12.person_id and a12.unreadable is null
left join registry.household_in_part as household_in_part
    on surveyed.household_id = household_in_part.household_id
where surveyed.yearly_income_fen < surveyed.limit_fen and a12.person_id is null
