-- For each expected list: the last night on which it is in time, and the night on which something of it was first taken. A list without a
-- period belongs to the month of the night on which it came; it is asked for until it has been taken once. In a month that has fewer days, the
-- list is due on the last day. Nothing is due for the months before the first night, since nobody could send it then.
with asked as (
    select expected.unit_code, expected.kind, max(coalesce(expected.due_day, 31)) as due_day
    from input.expected as expected
    group by expected.unit_code, expected.kind
),

received as (
    select
        submission.unit_code,
        submission.kind,
        coalesce(nullif(submission.period, ''), strftime(submission.night, '%Y-%m')) as month,
        max(
            case
                when
                    coalesce(submission.period, '') = ''
                    and submission.status in ('accepted', 'partly_accepted', 'superseded')
                    then 1
                else 0
            end
        ) = 1 as is_without_period,
        min(
            case when submission.status in ('accepted', 'partly_accepted', 'superseded') then submission.night end
        ) as first_taken_on
    from input.submission as submission
    group by submission.unit_code, submission.kind, coalesce(nullif(submission.period, ''), strftime(submission.night, '%Y-%m'))
),

begun as (
    select strftime(min(submission.night), '%Y-%m') as month
    from input.submission as submission
),

once as (
    select received.unit_code, received.kind, min(received.month) as month
    from received
    where received.first_taken_on is not null and received.is_without_period
    group by received.unit_code, received.kind
),

monthly as (
    select asked.unit_code, asked.kind, horizon.run_month as month
    from asked
    cross join registry.horizon as horizon
    union
    select received.unit_code, received.kind, received.month
    from received
)

select
    monthly.unit_code,
    monthly.kind,
    monthly.month,
    cast(
        least(
            cast(monthly.month || '-01' as date) + (asked.due_day - 1) * interval 1 day,
            last_day(cast(monthly.month || '-01' as date))
        ) as date
    ) as due_on,
    received.first_taken_on
from monthly
cross join begun
inner join asked
    on monthly.unit_code = asked.unit_code and monthly.kind = asked.kind
left join received
    on monthly.unit_code = received.unit_code and monthly.kind = received.kind and monthly.month = received.month
left join once
    on monthly.unit_code = once.unit_code and monthly.kind = once.kind
where monthly.month >= coalesce(begun.month, monthly.month) and monthly.month <= coalesce(once.month, monthly.month)
