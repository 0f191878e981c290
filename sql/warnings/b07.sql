-- Authorised dibao and edge households whose members' contribution bases and pensions, per head of 家庭人口, are above the standard (edge: above
-- its multiple of the standard). Everything is multiplied by 10,000, so that nothing is divided.
with paid as (
    select
        review_income.household_id,
        cast(coalesce(sum(review_income.amount_fen), 0) as bigint) as income_fen,
        count(distinct case when review_income.unreadable is null then review_income.person_id end) as earners,
        min(case when review_income.unreadable is null then review_income.paid_month end) as first_month,
        max(case when review_income.unreadable is null then review_income.paid_month end) as last_month,
        min(review_income.unreadable) as unreadable,
        min(review_income.later_unread) as later_unread
    from registry.review_income as review_income
    group by review_income.household_id
),

authorised as (
    select
        current_household.household_id,
        current_household.head_person_id,
        current_household.division_code,
        current_household.registry,
        current_household.period,
        current_household.area_type,
        current_household.household_size,
        current_household.standard_fen,
        current_household.area_unreadable,
        case current_household.registry when 'dibao' then 10000 else edge_multiple.value_x10000 end as multiple_x10000,
        authorisation.authorised_on,
        current_household.row_id,
        row_number() over (
            partition by current_household.household_id order by case current_household.registry when 'dibao' then 1 else 2 end
        ) as row_rank
    from registry.current_household as current_household
    inner join registry.authorisation as authorisation
        on
            current_household.row_id = authorisation.row_id
            and current_household.head_person_id = authorisation.person_id
    inner join registry.division_policy as edge_multiple
        on
            current_household.roster_division = edge_multiple.division_code
            and coalesce(current_household.area_type, '') = edge_multiple.area_type
            and edge_multiple.key = 'edge_multiple'
)

select
    authorised.head_person_id as person_id,
    authorised.household_id,
    authorised.division_code,
    'yellow' as level,
    paid.income_fen as measured,
    authorised.area_type,
    case authorised.registry when 'dibao' then '低保' else '低保边缘' end as registry_name,
    case authorised.registry when 'dibao' then '低保标准' else '低保边缘标准' end as line_name,
    authorised.period as roster_period,
    authorised.authorised_on,
    authorised.household_size,
    paid.earners,
    paid.income_fen,
    case
        when paid.first_month = paid.last_month then strftime(paid.last_month, '%Y-%m')
        else concat(strftime(paid.first_month, '%Y-%m'), '至', strftime(paid.last_month, '%Y-%m'), '各自')
    end as months,
    cast(authorised.standard_fen * authorised.household_size * authorised.multiple_x10000 // 10000 as bigint) as line_fen,
    authorised.row_id as household_row_id,
    case
        when paid.income_fen * 10000 > authorised.standard_fen * authorised.household_size * authorised.multiple_x10000
            then paid.later_unread || '，不知道最近一个月是不是还有这些收入'
        else nullif(concat_ws('；', paid.unreadable, authorised.area_unreadable), '')
    end as unreadable
from authorised
inner join paid
    on authorised.household_id = paid.household_id
where
    authorised.row_rank = 1
    and (
        paid.income_fen * 10000 > authorised.standard_fen * authorised.household_size * authorised.multiple_x10000
        or paid.unreadable is not null
        or authorised.area_unreadable is not null
    )
