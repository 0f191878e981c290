-- What people whose means may be looked at were paid, per list, in the latest month known: contribution bases of that month with all
-- employers, pensions of that month. A month counts when it is at most the policy's number of calendar months before the month of D. The basic
-- pension of residents is left out. When a cell cannot be read, it is unknown whether a pension is that one, or is paid at all.
with contributed as (
    select
        social_insurance.row_id,
        social_insurance.person_id,
        social_insurance.pay_month as paid_month,
        social_insurance.base_fen as amount_fen,
        social_insurance.insurance_status = '参保缴费' as counts,
        cast(null as varchar) as unreadable,
        submission.night as told_on,
        row_number() over (
            partition by social_insurance.person_id, social_insurance.pay_month, social_insurance.employer
            order by social_insurance.received_seq desc, social_insurance.row_id
        ) as row_rank
    from accepted.social_insurance as social_insurance
    inner join input.submission as submission
        on social_insurance.submission_id = submission.submission_id
    left join registry.name_conflict as name_conflict
        on social_insurance.row_id = name_conflict.row_id
    where name_conflict.row_id is null
),

pensioned as (
    select
        pension.row_id,
        pension.person_id,
        pension.pay_month as paid_month,
        pension.pension_fen as amount_fen,
        pension.benefit_status = '正常' and pension.scheme__unreadable is null as counts,
        coalesce(
            pension.benefit_status__unreadable, case when pension.benefit_status = '正常' then pension.scheme__unreadable end
        ) as unreadable,
        submission.night as told_on,
        row_number() over (
            partition by pension.person_id, pension.pay_month, pension.scheme
            order by pension.received_seq desc, pension.row_id
        ) as row_rank
    from accepted.pension as pension
    inner join input.submission as submission
        on pension.submission_id = submission.submission_id
    left join registry.name_conflict as name_conflict
        on pension.row_id = name_conflict.row_id
    where name_conflict.row_id is null and coalesce(pension.scheme, '') <> '城乡居民'
),

paid as (
    select row_id, person_id, paid_month, amount_fen, counts, unreadable, told_on, 'social_insurance' as list
    from contributed
    where row_rank = 1
    union all
    select row_id, person_id, paid_month, amount_fen, counts, unreadable, told_on, 'pension' as list
    from pensioned
    where row_rank = 1
),

known as (
    select
        paid.row_id,
        paid.person_id,
        review_person.household_id,
        paid.list,
        paid.paid_month,
        paid.amount_fen,
        paid.counts,
        paid.unreadable,
        list_gap.said as later_unread,
        max(paid.paid_month) over (partition by paid.person_id, paid.list) as latest_month
    from paid
    inner join registry.review_person as review_person
        on paid.person_id = review_person.person_id
    inner join registry.division_policy as evidence_age
        on
            review_person.division_code = evidence_age.division_code
            and evidence_age.area_type = ''
            and evidence_age.key = 'income_evidence_age'
    cross join input.night as night
    left join registry.list_gap as list_gap
        on
            review_person.division_code = list_gap.division_code
            and paid.list = list_gap.kind
            and paid.told_on <= list_gap.night
    where
        paid.paid_month <= night.month_start
        and paid.paid_month >= cast(night.month_start - cast(evidence_age.value as integer) * interval 1 month as date)
)

select
    known.row_id,
    known.person_id,
    known.household_id,
    known.list,
    known.paid_month,
    case when known.unreadable is null then known.amount_fen end as amount_fen,
    known.unreadable,
    known.later_unread
from known
where
    known.paid_month = known.latest_month
    and known.amount_fen is not null
    and (known.counts or known.unreadable is not null)
