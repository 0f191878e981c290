-- People on current rosters of one registry in two or more divisions. The division that entered them last is asked. The overlap runs from the
-- last start to the last month that all these rosters cover.
with ranked as (
    select
        double_enrolment.person_id,
        double_enrolment.division_code,
        row_number() over (
            partition by double_enrolment.person_id
            order by double_enrolment.start_month desc nulls last, double_enrolment.division_code
        ) as row_rank
    from registry.double_enrolment as double_enrolment
),

shared as (
    select
        double_enrolment.person_id,
        double_enrolment.registry,
        double_enrolment.registry_rank,
        count(*) as divisions,
        case double_enrolment.registry when 'dibao' then '低保' when 'tekun' then '特困' else '低保边缘' end as registry_name,
        case when count(double_enrolment.start_month) = count(*) then max(double_enrolment.start_month) end as start_month,
        min(double_enrolment.period) as period,
        cast(min(double_enrolment.period) || '-01' as date) as period_start,
        string_agg(
            concat(
                double_enrolment.division, '（', coalesce(strftime(double_enrolment.start_month, '%Y-%m'), '未知'), '起',
                case
                    when double_enrolment.amount_fen is not null
                        then
                            concat(
                                '，每月',
                                cast(cast(cast(double_enrolment.amount_fen as decimal(20, 2)) * 0.01 as decimal(22, 2)) as varchar),
                                '元'
                            )
                end,
                '）'
            ),
            '、' order by double_enrolment.start_month desc nulls last, double_enrolment.division_code
        ) as places
    from registry.double_enrolment as double_enrolment
    group by double_enrolment.person_id, double_enrolment.registry, double_enrolment.registry_rank
),

counted as (
    select
        shared.person_id,
        shared.registry_rank,
        shared.registry_name,
        shared.places,
        shared.divisions,
        shared.period,
        year(shared.period_start) * 12 + month(shared.period_start) - year(shared.start_month) * 12 - month(shared.start_month) + 1
            as overlap_months
    from shared
),

told as (
    select
        counted.person_id,
        cast(sum(counted.divisions) as bigint) as measured,
        string_agg(concat(counted.registry_name, '名册：', counted.places), '；' order by counted.registry_rank) as places,
        min(counted.period) as roster_period,
        max(case when counted.overlap_months < 0 then 0 else counted.overlap_months end) as overlap_months
    from counted
    group by counted.person_id
)

select
    told.person_id,
    person.household_id,
    ranked.division_code,
    'orange' as level,
    told.measured,
    told.places,
    told.roster_period,
    told.overlap_months
from told
inner join ranked
    on told.person_id = ranked.person_id and ranked.row_rank = 1
inner join registry.person as person
    on told.person_id = person.person_id
