-- How many an assistance rule may miss: the share of those in need in the random sample that people checked, times how many it was asked about
-- without listing them. The samples are those of the trailing year. Where nothing was checked, the number is unknown; it is not 0.
with drawn as (
    select
        sample_check.rule_code, sample_check.division_code, sample_check.state,
        verdict.counts_as
    from main.sample_check as sample_check
    cross join registry.horizon as horizon
    left join input.verdict as verdict
        on verdict.purpose = 'sample' and sample_check.outcome = verdict.outcome
    where sample_check.sampled_on > horizon.year_start
),

every as (
    select rule_code, division_code, 1 as subjects, cast(null as varchar) as state, cast(null as varchar) as counts_as
    from life.unlisted_candidates
    union all
    select rule_code, division_code, 0 as subjects, state, counts_as
    from drawn
),

everywhere as (
    select rule_code, division_code, subjects, state, counts_as from every
    union all
    select rule_code, 'all' as division_code, subjects, state, counts_as from every
),

counted as (
    select
        everywhere.rule_code,
        everywhere.division_code,
        cast(sum(everywhere.subjects) as bigint) as subjects,
        count(everywhere.state) as sampled,
        count(case when everywhere.state in ('open', 'verifying') then 1 end) as waiting,
        count(case when everywhere.counts_as in ('right', 'wrong') then 1 end) as checked,
        count(case when everywhere.counts_as = 'right' then 1 end) as found,
        count(case when everywhere.counts_as = 'source' then 1 end) as wrong_data
    from everywhere
    group by everywhere.rule_code, everywhere.division_code
),

shares as (
    select
        counted.rule_code,
        counted.division_code,
        counted.subjects,
        counted.sampled,
        counted.waiting,
        counted.checked,
        counted.found,
        counted.wrong_data,
        cast(counted.found as double) / nullif(cast(counted.checked as double), 0) as share,
        case when counted.checked > 0 then wilson_low(counted.found, counted.checked) end as low,
        case when counted.checked > 0 then wilson_high(counted.found, counted.checked) end as high
    from counted
)

select
    shares.rule_code,
    rule.title,
    shares.division_code,
    shares.subjects as population,
    shares.sampled,
    shares.waiting,
    shares.checked,
    shares.found,
    shares.wrong_data,
    cast(shares.share as decimal(6, 4)) as share,
    cast(shares.low as decimal(6, 4)) as low,
    cast(shares.high as decimal(6, 4)) as high,
    cast(round(shares.share * shares.subjects) as bigint) as missed,
    cast(floor(shares.low * shares.subjects) as bigint) as missed_low,
    cast(ceil(shares.high * shares.subjects) as bigint) as missed_high
from shares
left join input.rule as rule
    on shares.rule_code = rule.rule_code
