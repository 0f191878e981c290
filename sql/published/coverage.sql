-- Which unit was expected to deliver what, and what of it is on file.
with received as (
    select
        submission.unit_code,
        submission.kind,
        coalesce(submission.period, '') as period,
        sum(case when submission.status in ('accepted', 'partly_accepted') then submission.rows_accepted else 0 end) as rows_held,
        max(case when submission.status in ('accepted', 'partly_accepted') then 1 else 0 end) as is_received,
        max(case when submission.status = 'held' then 1 else 0 end) as is_held
    from input.submission as submission
    where submission.kind is not null and submission.status <> 'repeated'
    group by submission.unit_code, submission.kind, coalesce(submission.period, '')
),

asked as (
    select expected.unit_code, expected.kind, coalesce(expected.period, '') as period
    from input.expected as expected
),

missing as (
    select distinct gap.unit_code, gap.kind, gap.period
    from input.gap as gap
    where gap.period <> ''
),

places as (
    select unit_code, kind, period from received
    union
    select unit_code, kind, period from asked
),

freshness as (
    select
        places.unit_code,
        places.kind,
        places.period,
        asked.unit_code is not null as is_expected,
        coalesce(received.is_received, 0) = 1 as is_received,
        coalesce(received.is_held, 0) = 1 as is_held,
        missing.unit_code is not null as is_missing_some,
        coalesce(received.rows_held, 0) as rows_held,
        case
            when places.period <> '' then
                last_day(
                    cast(cast(places.period || '-01' as date) + night_policy.roster_fresh_months * interval 1 month as date)
                )
        end as fresh_until
    from places
    left join received
        on places.unit_code = received.unit_code and places.kind = received.kind and places.period = received.period
    left join asked
        on places.unit_code = asked.unit_code and places.kind = asked.kind and places.period = asked.period
    left join missing
        on places.unit_code = missing.unit_code and places.kind = missing.kind and places.period = missing.period
    cross join registry.night_policy as night_policy
)

select
    freshness.unit_code,
    freshness.kind,
    freshness.period,
    freshness.is_expected as expected,
    freshness.is_received as received,
    cast(freshness.rows_held as bigint) as "rows",
    freshness.fresh_until,
    case
        when freshness.is_held then 'shrunken'
        when not freshness.is_received then 'absent'
        when freshness.fresh_until < night.run_date then 'late'
        when freshness.is_missing_some then 'incomplete'
        else 'fresh'
    end as state,
    delivery.due_on,
    case
        when delivery.due_on is not null
            then greatest(date_diff('day', delivery.due_on, coalesce(delivery.first_taken_on, night.run_date)), 0)
    end as days_late
from freshness
cross join input.night as night
left join registry.delivery as delivery
    on
        freshness.unit_code = delivery.unit_code and freshness.kind = delivery.kind
        and coalesce(nullif(freshness.period, ''), strftime(night.run_date, '%Y-%m')) = delivery.month
