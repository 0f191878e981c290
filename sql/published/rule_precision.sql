-- Of the warnings that people closed, how many were right, per rule and division, and for all. Wilson's interval at 95 % is given, since most
-- divisions close few. Wrong data is the source's fault, not the rule's: it is counted beside, and in no other figure.
with closed as (
    select warning.rule_code, warning.division_code, verdict.counts_as
    from main.warning as warning
    inner join input.verdict as verdict
        on warning.purpose = verdict.purpose and warning.outcome = verdict.outcome
    where warning.status = 'closed'
),

everywhere as (
    select rule_code, division_code, counts_as from closed
    union all
    select rule_code, 'all' as division_code, counts_as from closed
),

tallied as (
    select
        everywhere.rule_code,
        everywhere.division_code,
        sum(case when everywhere.counts_as <> 'source' then 1 else 0 end) as closed,
        sum(case when everywhere.counts_as = 'right' then 1 else 0 end) as confirmed,
        sum(case when everywhere.counts_as = 'source' then 1 else 0 end) as wrong_data
    from everywhere
    group by everywhere.rule_code, everywhere.division_code
),

shares as (
    select
        tallied.rule_code,
        tallied.division_code,
        cast(tallied.closed as bigint) as closed,
        cast(tallied.confirmed as bigint) as confirmed,
        cast(tallied.wrong_data as bigint) as wrong_data
    from tallied
)

select
    shares.rule_code,
    rule.title,
    shares.division_code,
    shares.closed,
    shares.confirmed as helped_or_confirmed,
    cast(cast(shares.confirmed as double) / nullif(cast(shares.closed as double), 0) as decimal(6, 4)) as "precision",
    cast(wilson_low(shares.confirmed, shares.closed) as decimal(6, 4)) as low,
    cast(wilson_high(shares.confirmed, shares.closed) as decimal(6, 4)) as high,
    shares.wrong_data
from shares
left join input.rule as rule
    on shares.rule_code = rule.rule_code
