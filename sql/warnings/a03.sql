-- Surveyed households from the edge line on (1.5 times the standard) and below the average income, with rigid expenditure above the policy's
-- share of the income. Parts that nobody stated are unknown and add nothing: the known parts alone must exceed the share. Settled medical
-- costs stand in for a medical expenditure that nobody declared, not for one that nobody can read.
with paid as (
    select
        burden.household_id,
        cast(sum(burden.burden_fen) as bigint) as burden_fen
    from registry.burden as burden
    group by burden.household_id
),

surveyed as (
    select
        survey_household.head_person_id as person_id,
        survey_household.household_id,
        survey_household.division_code,
        survey_household.area_type,
        survey_household.household_size,
        survey_household.yearly_income_fen,
        survey_household.standard_fen,
        12 * survey_household.household_size * survey_household.standard_fen * survey_household.edge_multiple_x10000 as edge_x10000,
        survey_household.household_size * average.value_fen as average_limit_fen,
        case
            when survey_household.medical_unreadable is not null then null
            when paid.burden_fen > coalesce(survey_household.medical_fen, 0) then paid.burden_fen
            else coalesce(survey_household.medical_fen, 0)
        end as medical_part_fen,
        paid.burden_fen,
        case when survey_household.education_unreadable is null then coalesce(survey_household.education_fen, 0) end as education_part_fen,
        case when survey_household.rehabilitation_unreadable is null then coalesce(survey_household.rehabilitation_fen, 0) end
            as rehabilitation_part_fen,
        case when survey_household.other_unreadable is null then coalesce(survey_household.other_rigid_fen, 0) end as other_part_fen,
        nullif(
            concat_ws(
                '；',
                survey_household.medical_unreadable, survey_household.education_unreadable,
                survey_household.rehabilitation_unreadable, survey_household.other_unreadable
            ), ''
        ) as part_unreadable,
        ratio.value_x10000 as ratio_x10000,
        survey_household.surveyed_on,
        survey_household.row_id as survey_row_id
    from registry.survey_household as survey_household
    inner join registry.division_policy as average
        on
            survey_household.division_code = average.division_code
            and survey_household.area_type = average.area_type
            and average.key = 'disposable_income_per_head'
    inner join registry.division_policy as ratio
        on
            survey_household.division_code = ratio.division_code
            and survey_household.area_type = ratio.area_type
            and ratio.key = 'rigid_expenditure_ratio'
    left join paid
        on survey_household.household_id = paid.household_id
),

weighed as (
    select
        surveyed.person_id,
        surveyed.household_id,
        surveyed.division_code,
        surveyed.area_type,
        surveyed.household_size,
        surveyed.yearly_income_fen,
        surveyed.edge_x10000,
        surveyed.average_limit_fen,
        surveyed.medical_part_fen,
        surveyed.burden_fen,
        surveyed.education_part_fen,
        surveyed.rehabilitation_part_fen,
        surveyed.other_part_fen,
        coalesce(surveyed.medical_part_fen, 0) + coalesce(surveyed.education_part_fen, 0)
        + coalesce(surveyed.rehabilitation_part_fen, 0) + coalesce(surveyed.other_part_fen, 0) as rigid_fen,
        surveyed.part_unreadable,
        surveyed.ratio_x10000,
        surveyed.surveyed_on,
        surveyed.survey_row_id
    from surveyed
)

select
    weighed.person_id,
    weighed.household_id,
    weighed.division_code,
    'orange' as level,
    weighed.rigid_fen * 10000 // nullif(weighed.yearly_income_fen, 0) as measured,
    weighed.area_type,
    weighed.household_size,
    weighed.yearly_income_fen,
    weighed.edge_x10000 // 10000 as edge_limit_fen,
    weighed.average_limit_fen,
    weighed.medical_part_fen,
    weighed.burden_fen,
    weighed.education_part_fen,
    weighed.rehabilitation_part_fen,
    weighed.other_part_fen,
    weighed.rigid_fen,
    cast(weighed.ratio_x10000 * 0.01 as decimal(10, 2)) as ratio_percent,
    weighed.surveyed_on,
    edge.registry_period as roster_period,
    weighed.survey_row_id,
    coalesce(
        case when weighed.rigid_fen * 10000 <= weighed.yearly_income_fen * weighed.ratio_x10000 then weighed.part_unreadable end,
        household_in_part.unreadable || '，不知道是不是有人在册'
    ) as unreadable
from weighed
inner join registry.household_check as dibao
    on weighed.household_id = dibao.household_id and dibao.registry = 'dibao' and dibao.answer = 'not_enrolled'
inner join registry.household_check as tekun
    on weighed.household_id = tekun.household_id and tekun.registry = 'tekun' and tekun.answer = 'not_enrolled'
inner join registry.household_check as edge
    on weighed.household_id = edge.household_id and edge.registry = 'edge' and edge.answer = 'not_enrolled'
left join registry.household_in_part as household_in_part
    on weighed.household_id = household_in_part.household_id
where
    weighed.yearly_income_fen * 10000 >= weighed.edge_x10000
    and weighed.yearly_income_fen < weighed.average_limit_fen
    and (
        weighed.rigid_fen * 10000 > weighed.yearly_income_fen * weighed.ratio_x10000
        or weighed.part_unreadable is not null
    )
