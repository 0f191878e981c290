-- People who paid more in the trailing year than the threshold of their standing. The first standing that applies counts: tekun, dibao, edge
-- or open monitoring, everybody else. This rule does not ask whether a person is on no roster, so the roster in use serves whatever its age;
-- roster_period says its month.
with standings as (
    select
        enrolment.person_id,
        case enrolment.registry when 'tekun' then 1 when 'dibao' then 2 else 3 end as standing_rank,
        enrolment.registry as threshold_of,
        case enrolment.registry when 'tekun' then '特困人员' when 'dibao' then '低保对象' else '低保边缘对象' end as standing,
        enrolment.period as roster_period,
        enrolment.row_id
    from registry.enrolment as enrolment
    union all
    select
        monitored_person.person_id,
        4 as standing_rank,
        'edge' as threshold_of,
        '防返贫监测对象' as standing,
        cast(null as varchar) as roster_period,
        monitored_person.row_id
    from registry.monitored_person as monitored_person
    where monitored_person.is_open
),

ranked as (
    select
        standings.person_id,
        standings.threshold_of,
        standings.standing,
        standings.roster_period,
        standings.row_id,
        row_number() over (
            partition by standings.person_id
            order by standings.standing_rank, standings.roster_period desc nulls last, standings.row_id
        ) as row_rank
    from standings
)

select
    person.person_id,
    person.household_id,
    person.division_code,
    case when ranked.threshold_of in ('tekun', 'dibao') then 'yellow' else 'orange' end as level,
    burden.burden_fen as measured,
    household_fact.area_type,
    coalesce(ranked.standing, '未在名单人员') as standing,
    burden.burden_fen,
    threshold.value_fen as threshold_fen,
    burden.settlements,
    burden.last_settled_on,
    ranked.roster_period,
    ranked.row_id as standing_row_id
from registry.burden as burden
inner join registry.person as person
    on burden.person_id = person.person_id
inner join registry.household_fact as household_fact
    on person.household_id = household_fact.household_id
left join ranked
    on burden.person_id = ranked.person_id and ranked.row_rank = 1
inner join registry.division_policy as threshold
    on
        person.division_code = threshold.division_code
        and coalesce(household_fact.area_type, '') = threshold.area_type
        and threshold.key = 'medical_threshold_' || coalesce(ranked.threshold_of, 'other')
where burden.burden_fen > threshold.value_fen
