-- How many households, persons and applications, and how much money: per month, and per year with monthly averages; for each division and for
-- all. A person on the rosters of two divisions is counted once for all; what both divisions paid is added up.
with person as (
    select registry, month, division_code, person_id, head_person_id
    from registry.counted_person
    union all
    select registry, month, 'all' as division_code, person_id, head_person_id
    from registry.counted_person
),

paid as (
    select registry, month, division_code, amount_fen
    from registry.counted_amount
    union all
    select registry, month, 'all' as division_code, amount_fen
    from registry.counted_amount
),

counted as (
    select
        person.registry,
        person.month,
        person.division_code,
        count(distinct person.head_person_id) as households,
        count(distinct person.person_id) as persons
    from person
    group by person.registry, person.month, person.division_code
),

summed as (
    select
        paid.registry,
        paid.month,
        paid.division_code,
        sum(paid.amount_fen) as amount_fen,
        case when paid.registry = 'temporary' then count(*) end as grants,
        count(*) - count(paid.amount_fen) as without_amount
    from paid
    group by paid.registry, paid.month, paid.division_code
),

held as (
    select registry, month, division_code from counted
    union
    select registry, month, division_code from summed
),

monthly as (
    select
        held.registry,
        held.month,
        held.division_code,
        counted.households,
        counted.persons,
        summed.grants,
        summed.amount_fen,
        coalesce(summed.without_amount, 0) as without_amount
    from held
    left join counted
        on held.registry = counted.registry and held.month = counted.month and held.division_code = counted.division_code
    left join summed
        on held.registry = summed.registry and held.month = summed.month and held.division_code = summed.division_code
),

entered as (
    select
        person.registry,
        substr(person.month, 1, 4) as year,
        person.division_code,
        count(distinct person.person_id) as persons_entered
    from person
    group by person.registry, substr(person.month, 1, 4), person.division_code
),

reporting as (
    select
        person.registry,
        person.month,
        count(distinct person.division_code) as divisions
    from registry.counted_person as person
    group by person.registry, person.month
),

absent as (
    select distinct
        person.registry,
        person.month
    from person
    inner join input.expected as expected
        on expected.kind = person.registry || '_person'
    left join input.submission as submission
        on
            expected.unit_code = submission.unit_code and expected.kind = submission.kind
            and person.month = submission.period and submission.status in ('accepted', 'partly_accepted')
    where submission.submission_id is null
),

reported as (
    select
        reporting.registry,
        reporting.month,
        reporting.divisions,
        absent.registry is null as is_by_all
    from reporting
    left join absent
        on reporting.registry = absent.registry and reporting.month = absent.month
),

year_reported as (
    select
        reported.registry,
        substr(reported.month, 1, 4) as year,
        max(case when reported.is_by_all then 1 else 0 end) as has_whole_month,
        max(reported.divisions) as most_divisions
    from reported
    group by reported.registry, substr(reported.month, 1, 4)
),

partly_reported as (
    select
        reported.registry, reported.month, 'all' as division_code,
        year_reported.has_whole_month,
        year_reported.has_whole_month = 1 or reported.divisions < year_reported.most_divisions as is_left_out
    from reported
    inner join year_reported
        on reported.registry = year_reported.registry and substr(reported.month, 1, 4) = year_reported.year
    where not reported.is_by_all
),

known_to_lack as (
    select in_part.registry, in_part.month, in_part.division_code, 1 as divisions
    from registry.month_in_part as in_part
    union all
    select in_part.registry, in_part.month, 'all' as division_code, count(*) as divisions
    from registry.month_in_part as in_part
    group by in_part.registry, in_part.month
),

not_whole as (
    select
        known_to_lack.registry,
        known_to_lack.month,
        known_to_lack.division_code,
        case
            when known_to_lack.division_code = 'all' then '；有' || cast(known_to_lack.divisions as varchar) || '个区的名册不完整，数可能偏少'
            else '；名册不完整，数可能偏少'
        end as caveat
    from known_to_lack
    union all
    select
        known_to_lack.registry,
        substr(known_to_lack.month, 1, 4) as month,
        known_to_lack.division_code,
        '；有' || cast(count(distinct known_to_lack.month) as varchar) || '个月的名册不完整，数可能偏少' as caveat
    from known_to_lack
    group by known_to_lack.registry, substr(known_to_lack.month, 1, 4), known_to_lack.division_code
),

shown as (
    select
        monthly.registry,
        monthly.month,
        monthly.division_code,
        cast(monthly.households as decimal(14, 2)) as households,
        cast(monthly.persons as decimal(14, 2)) as persons,
        monthly.persons as persons_entered,
        monthly.grants,
        monthly.amount_fen,
        monthly.without_amount,
        1 as months,
        case when monthly.division_code = 'all' then coalesce(reporting.divisions, 0) else 1 end as divisions,
        '户数：户，人数：人，为' || monthly.month || '当月数' as counted_how
    from monthly
    left join reporting
        on monthly.registry = reporting.registry and monthly.month = reporting.month
    union all
    select
        monthly.registry,
        substr(monthly.month, 1, 4) as month,
        monthly.division_code,
        cast(
            cast(sum(case when not coalesce(partly_reported.is_left_out, false) then monthly.households end) as decimal(18, 4))
            / nullif(count(case when not coalesce(partly_reported.is_left_out, false) then monthly.persons end), 0) as decimal(14, 2)
        ) as households,
        cast(
            cast(sum(case when not coalesce(partly_reported.is_left_out, false) then monthly.persons end) as decimal(18, 4))
            / nullif(count(case when not coalesce(partly_reported.is_left_out, false) then monthly.persons end), 0) as decimal(14, 2)
        ) as persons,
        max(entered.persons_entered) as persons_entered,
        sum(monthly.grants) as grants,
        sum(monthly.amount_fen) as amount_fen,
        sum(monthly.without_amount) as without_amount,
        count(case when not coalesce(partly_reported.is_left_out, false) then monthly.persons end) as months,
        case
            when monthly.division_code = 'all'
                then min(case when not coalesce(partly_reported.is_left_out, false) then coalesce(reporting.divisions, 0) end)
            else 1
        end as divisions,
        '户数：户，人数：人，为' || substr(monthly.month, 1, 4) || '年'
        || cast(count(case when not coalesce(partly_reported.is_left_out, false) then monthly.persons end) as varchar) || '个月的月均数'
        || case
            when count(partly_reported.month) = 0 then ''
            when max(case when partly_reported.is_left_out then 1 else 0 end) = 0
                then '（没有一个月各区都报了名册，按报了的算，可能偏少）'
            else
                case
                    when max(partly_reported.has_whole_month) = 1 then '（有的区没有报名册，不计入月均：'
                    else '（没有一个月各区都报了名册，只算报得最全的月份，可能偏少；不计入月均：'
                end
                || string_agg(partly_reported.month, '、' order by partly_reported.month) filter (where partly_reported.is_left_out)
                || '；期内合计和进入人数含这些月，可能偏少）'
        end as counted_how
    from monthly
    left join reporting
        on monthly.registry = reporting.registry and monthly.month = reporting.month
    left join entered
        on
            monthly.registry = entered.registry
            and monthly.division_code = entered.division_code
            and substr(monthly.month, 1, 4) = entered.year
    left join partly_reported
        on
            monthly.registry = partly_reported.registry
            and monthly.month = partly_reported.month
            and monthly.division_code = partly_reported.division_code
    group by monthly.registry, substr(monthly.month, 1, 4), monthly.division_code
)

select
    shown.month,
    shown.division_code,
    shown.registry,
    shown.households,
    shown.persons,
    cast(shown.persons_entered as bigint) as persons_entered,
    cast(shown.grants as bigint) as grants,
    cast(cast(shown.amount_fen as decimal(20, 2)) * 0.01 as decimal(18, 2)) as amount,
    cast(shown.without_amount as bigint) as without_amount,
    cast(shown.months as bigint) as months,
    cast(shown.divisions as bigint) as divisions,
    shown.counted_how
    || case shown.registry
        when 'temporary' then '；笔数：人次（已发放），金额：元，为期内合计'
        when 'edge' then '；名单上没有金额'
        else '；金额：元，为期内合计，每户（特困每人）每月一次'
    end || coalesce(not_whole.caveat, '') as unit_notes,
    night.run_date as counted_on
from shown
cross join input.night as night
left join not_whole
    on shown.registry = not_whole.registry and shown.month = not_whole.month and shown.division_code = not_whole.division_code
