-- What was paid in each month, once per household: 合计, or else the sum of its parts; for tekun basic and care; for temporary assistance the
-- applications granted in the month. An unreadable amount is unknown, not 0. The amount is also unknown for a household that only the month's
-- list of people names. The edge registry itself pays nothing.
with household_month as (
    select
        dibao_household.period as month,
        dibao_household.unit_code as division_code,
        coalesce(dibao_household.person_id, dibao_household.row_id) as payee_id,
        max(
            case
                when dibao_household.total_fen is not null then dibao_household.total_fen
                when
                    coalesce(
                        dibao_household.total_fen__unreadable, dibao_household.household_supplement_fen__unreadable,
                        dibao_household.remote_supplement_fen__unreadable
                    ) is null
                    then
                        dibao_household.monthly_benefit_fen
                        + coalesce(dibao_household.household_supplement_fen, 0)
                        + coalesce(dibao_household.remote_supplement_fen, 0)
            end
        ) as amount_fen
    from accepted.dibao_household as dibao_household
    group by
        dibao_household.period, dibao_household.unit_code, coalesce(dibao_household.person_id, dibao_household.row_id)
),

paid as (
    select 'dibao' as registry, month, division_code, payee_id, amount_fen
    from household_month
    union all
    select distinct
        'dibao' as registry, counted_person.month, counted_person.division_code,
        counted_person.head_person_id as payee_id, cast(null as bigint) as amount_fen
    from registry.counted_person as counted_person
    left join household_month
        on
            counted_person.month = household_month.month and counted_person.division_code = household_month.division_code
            and counted_person.head_person_id = household_month.payee_id
    where counted_person.registry = 'dibao' and household_month.payee_id is null
    union all
    select
        'tekun' as registry, period as month, unit_code as division_code, coalesce(person_id, row_id) as payee_id,
        case when care_amount_fen__unreadable is null then basic_amount_fen + coalesce(care_amount_fen, 0) end as amount_fen
    from accepted.tekun_person
    union all
    select
        'temporary' as registry, strftime(granted_on, '%Y-%m') as month, division_code, application_no as payee_id, amount_fen
    from registry.temporary_grant
    where is_granted
)

select
    paid.registry,
    paid.month,
    paid.division_code,
    paid.payee_id,
    paid.amount_fen
from paid
cross join input.night as night
where paid.month <= strftime(night.run_date, '%Y-%m')
