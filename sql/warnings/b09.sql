-- Edge households whose qualification has run out: by the date on the roster, else by the months of validity after the start month. The
-- measure is the number of periods of validity missed, so that one more day does not make it worse.
with valid as (
    select
        current_household.household_id,
        current_household.head_person_id,
        current_household.division_code,
        current_household.area_type,
        current_household.period,
        current_household.row_id,
        current_household.start_month,
        edge_household.valid_until is not null as is_dated,
        edge_household.valid_until__unreadable as unreadable,
        cast(edge_validity.value as integer) as validity_months,
        coalesce(
            edge_household.valid_until,
            cast(current_household.start_month + cast(edge_validity.value as integer) * interval 1 month as date)
        ) as valid_until
    from registry.current_household as current_household
    inner join accepted.edge_household as edge_household
        on current_household.row_id = edge_household.row_id
    inner join registry.division_policy as edge_validity
        on
            current_household.division_code = edge_validity.division_code
            and coalesce(current_household.area_type, '') = edge_validity.area_type
            and edge_validity.key = 'edge_validity'
    where current_household.registry = 'edge'
)

select
    valid.head_person_id as person_id,
    valid.household_id,
    valid.division_code,
    'blue' as level,
    cast(
        (year(night.run_date) * 12 + month(night.run_date) - year(valid.valid_until) * 12 - month(valid.valid_until))
        // valid.validity_months + 1 as bigint
    ) as measured,
    valid.area_type,
    case
        when valid.is_dated then '有效期至'
        else concat('没有填有效期，按纳入月份', strftime(valid.start_month, '%Y-%m'), '起', cast(valid.validity_months as varchar), '个月，至')
    end as since_what,
    valid.valid_until,
    valid.period as roster_period,
    valid.row_id as edge_row_id,
    valid.unreadable
from valid
cross join input.night as night
where valid.valid_until < night.run_date or valid.unreadable is not null
