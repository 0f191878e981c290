-- People of working age registered as unemployed within the window. Their household is on the edge roster, or was surveyed with less than the
-- edge line. Nobody in it paid contributions in the month of D or in the two months before.
with registered as (
    select
        unemployment.person_id,
        unemployment.row_id,
        unemployment.registered_on,
        row_number() over (
            partition by unemployment.person_id
            order by unemployment.registered_on desc, unemployment.received_seq desc, unemployment.row_id
        ) as row_rank
    from accepted.unemployment as unemployment
    cross join input.night as night
    left join registry.name_conflict as name_conflict
        on unemployment.row_id = name_conflict.row_id
    where
        name_conflict.row_id is null and unemployment.person_id is not null
        and unemployment.registered_on <= night.run_date
),

surveyed as (
    select
        survey_household.household_id,
        survey_household.row_id,
        survey_household.household_size,
        survey_household.yearly_income_fen,
        12 * survey_household.household_size * survey_household.standard_fen * survey_household.edge_multiple_x10000 as edge_x10000
    from registry.survey_household as survey_household
),

paid as (
    select
        concerned.household_id,
        contribution.row_id,
        contribution.pay_month,
        row_number() over (
            partition by concerned.household_id
            order by contribution.pay_month desc, contribution.row_id
        ) as row_rank
    from registry.contribution as contribution
    inner join registry.concerned as concerned
        on contribution.person_id = concerned.person_id
    cross join input.night as night
    where contribution.pay_month <= night.month_start
),

unknown as (
    select
        concerned.household_id,
        min(set_aside_person.row_number) as row_number
    from registry.set_aside_person as set_aside_person
    inner join registry.concerned as concerned
        on set_aside_person.person_id = concerned.person_id
    cross join input.night as night
    where
        set_aside_person.kind = 'social_insurance'
        and set_aside_person.night >= cast(night.month_start - interval 2 month as date)
    group by concerned.household_id
)

select
    person.person_id,
    person.household_id,
    person.division_code,
    'yellow' as level,
    1 as measured,
    age.age,
    registered.registered_on,
    concat_ws(
        '、',
        case when edge.household_id is not null then '在低保边缘名册上' end,
        case
            when surveyed.household_id is not null
                then
                    '摸底' || surveyed.household_size || '人、年总收入'
                    || cast(cast(cast(surveyed.yearly_income_fen as decimal(20, 2)) * 0.01 as decimal(22, 2)) as varchar)
                    || '元，低于低保边缘的'
                    || cast(cast(cast(surveyed.edge_x10000 // 10000 as decimal(20, 2)) * 0.01 as decimal(22, 2)) as varchar) || '元'
        end
    ) as ground,
    coalesce('最近一次是' || strftime(paid.pay_month, '%Y-%m'), '没有见到任何一次') as last_paid,
    edge.period as roster_period,
    registered.row_id as unemployment_row_id,
    surveyed.row_id as survey_row_id,
    edge.row_id as edge_row_id,
    paid.row_id as contribution_row_id,
    coalesce(
        '参保缴费名单第' || cast(unknown.row_number as varchar) || '行被退回，不知道家里有没有人缴费',
        list_gap.said || '，不知道家里有没有人缴费',
        household_in_part.unreadable || '，不知道有没有人缴费'
    ) as unreadable
from registered
inner join registry.person as person
    on registered.person_id = person.person_id
inner join registry.age as age
    on registered.person_id = age.person_id
inner join registry.division_policy as recent
    on
        person.division_code = recent.division_code
        and recent.area_type = ''
        and recent.key = 'unemployment_window'
cross join input.night as night
left join registry.household_standing as edge
    on person.household_id = edge.household_id and edge.standing = 'edge'
left join surveyed
    on
        person.household_id = surveyed.household_id
        and surveyed.yearly_income_fen * 10000 < surveyed.edge_x10000
left join paid
    on person.household_id = paid.household_id and paid.row_rank = 1
left join unknown
    on person.household_id = unknown.household_id
left join registry.list_gap as list_gap
    on
        person.division_code = list_gap.division_code
        and list_gap.kind = 'social_insurance'
        and list_gap.night >= cast(night.month_start - interval 2 month as date)
left join registry.household_in_part as household_in_part
    on person.household_id = household_in_part.household_id
where
    registered.row_rank = 1
    and date_diff('day', registered.registered_on, night.run_date) < recent.value
    and age.age >= 16
    and age.age <= 59
    and (edge.household_id is not null or surveyed.household_id is not null)
    and (paid.household_id is null or paid.pay_month < cast(night.month_start - interval 2 month as date))
