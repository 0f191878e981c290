-- The survey row that counts for a household, with the standard that holds where the household lives.
with surveyed as (
    select
        household.household_id,
        household.head_person_id,
        household.division_code,
        survey_household.row_id,
        survey_household.area_type,
        survey_household.township,
        survey_household.household_size,
        survey_household.yearly_income_fen,
        survey_household.medical_fen,
        survey_household.medical_fen__unreadable as medical_unreadable,
        survey_household.education_fen,
        survey_household.education_fen__unreadable as education_unreadable,
        survey_household.rehabilitation_fen,
        survey_household.rehabilitation_fen__unreadable as rehabilitation_unreadable,
        survey_household.other_rigid_fen,
        survey_household.other_rigid_fen__unreadable as other_unreadable,
        survey_household.has_supporter,
        survey_household.has_supporter__unreadable as supporter_unreadable,
        survey_household.surveyed_on,
        row_number() over (
            partition by household.household_id
            order by
                case when survey_household.unit_code = household.division_code then 0 else 1 end,
                survey_household.surveyed_on desc nulls last, survey_household.unit_code, survey_household.row_id
        ) as row_rank
    from accepted.survey_household as survey_household
    inner join registry.household as household
        on survey_household.person_id = household.head_person_id
    left join registry.name_conflict as name_conflict
        on survey_household.row_id = name_conflict.row_id
    where name_conflict.row_id is null
)

select
    surveyed.household_id,
    surveyed.head_person_id,
    surveyed.division_code,
    surveyed.row_id,
    surveyed.area_type,
    surveyed.township,
    surveyed.household_size,
    surveyed.yearly_income_fen,
    standard.value_fen as standard_fen,
    edge_multiple.value_x10000 as edge_multiple_x10000,
    surveyed.medical_fen,
    surveyed.medical_unreadable,
    surveyed.education_fen,
    surveyed.education_unreadable,
    surveyed.rehabilitation_fen,
    surveyed.rehabilitation_unreadable,
    surveyed.other_rigid_fen,
    surveyed.other_unreadable,
    surveyed.has_supporter,
    surveyed.supporter_unreadable,
    surveyed.surveyed_on
from surveyed
left join registry.division_policy as standard
    on
        surveyed.division_code = standard.division_code
        and surveyed.area_type = standard.area_type
        and standard.key = 'dibao_standard'
left join registry.division_policy as edge_multiple
    on
        surveyed.division_code = edge_multiple.division_code
        and surveyed.area_type = edge_multiple.area_type
        and edge_multiple.key = 'edge_multiple'
where surveyed.row_rank = 1
