-- Surveyed people who live alone, are 60 or older and have less than the standard. As far as the survey knows, nobody is bound to support
-- them. An unknown supporter does not mean "none".
with surveyed as (
    select
        survey_household.head_person_id as person_id,
        survey_household.area_type,
        survey_household.household_size,
        survey_household.has_supporter,
        survey_household.supporter_unreadable,
        survey_household.yearly_income_fen,
        survey_household.standard_fen,
        12 * survey_household.household_size * survey_household.standard_fen as limit_fen,
        survey_household.surveyed_on,
        survey_household.row_id as survey_row_id
    from registry.survey_household as survey_household
)

select
    person.person_id,
    person.household_id,
    person.division_code,
    'red' as level,
    surveyed.limit_fen - surveyed.yearly_income_fen as measured,
    surveyed.area_type,
    age.age,
    surveyed.yearly_income_fen,
    surveyed.standard_fen,
    surveyed.limit_fen,
    surveyed.surveyed_on,
    tekun.registry_period as roster_period,
    surveyed.survey_row_id,
    surveyed.supporter_unreadable as unreadable
from surveyed
inner join registry.person as person
    on surveyed.person_id = person.person_id
inner join registry.age as age
    on surveyed.person_id = age.person_id
inner join registry.registry_check as dibao
    on surveyed.person_id = dibao.person_id and dibao.registry = 'dibao' and dibao.answer = 'not_enrolled'
inner join registry.registry_check as tekun
    on surveyed.person_id = tekun.person_id and tekun.registry = 'tekun' and tekun.answer = 'not_enrolled'
where
    surveyed.household_size = 1
    and age.age >= 60
    and (surveyed.has_supporter = false or surveyed.supporter_unreadable is not null)
    and surveyed.yearly_income_fen < surveyed.limit_fen
