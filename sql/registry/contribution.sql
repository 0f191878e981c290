-- Months in which a person paid contributions to social insurance. Of several rows about one month the one received last counts. Only person,
-- month and status are read from this list (docs/boundaries.md, 3).
with ranked as (
    select
        social_insurance.row_id,
        social_insurance.person_id,
        social_insurance.pay_month,
        social_insurance.insurance_status,
        row_number() over (
            partition by social_insurance.person_id, social_insurance.pay_month
            order by
                social_insurance.received_seq desc,
                case when social_insurance.insurance_status = '参保缴费' then 0 else 1 end, social_insurance.row_id
        ) as row_rank
    from accepted.social_insurance as social_insurance
    left join registry.name_conflict as name_conflict
        on social_insurance.row_id = name_conflict.row_id
    where name_conflict.row_id is null and social_insurance.person_id is not null
)

select
    ranked.row_id,
    ranked.person_id,
    ranked.pay_month
from ranked
where ranked.row_rank = 1 and ranked.insurance_status = '参保缴费'
