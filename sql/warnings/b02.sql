-- People on current rosters of two or more of dibao, tekun and edge. One pair is allowed by the rules and left out: alone in a dibao
-- household, and listed with an edge household whose other members are in edge and not in dibao. A person who stands alone on an edge roster
-- that is not whole may have others there.
with enrolled as (
    select
        enrolment.person_id,
        max(case when enrolment.registry = 'dibao' then 1 else 0 end) as is_dibao,
        max(case when enrolment.registry = 'tekun' then 1 else 0 end) as is_tekun,
        max(case when enrolment.registry = 'edge' then 1 else 0 end) as is_edge,
        max(case when enrolment.registry = 'dibao' then enrolment.members_listed end) as dibao_members,
        min(case when enrolment.registry = 'edge' then enrolment.members_listed end) as edge_members,
        min(case when enrolment.registry = 'dibao' then enrolment.row_id end) as dibao_row_id,
        min(case when enrolment.registry = 'tekun' then enrolment.row_id end) as tekun_row_id,
        min(case when enrolment.registry = 'edge' then enrolment.row_id end) as edge_row_id,
        min(enrolment.period) as roster_period
    from registry.enrolment as enrolment
    where enrolment.is_current
    group by enrolment.person_id
),

in_dibao as (
    select distinct enrolment.person_id
    from registry.enrolment as enrolment
    where enrolment.registry = 'dibao'
),

others_in_dibao as (
    select distinct enrolment.person_id
    from registry.enrolment as enrolment
    inner join registry.enrolment as other
        on
            enrolment.registry = other.registry
            and enrolment.division_code = other.division_code
            and enrolment.roster_head_id = other.roster_head_id
            and enrolment.person_id <> other.person_id
    inner join in_dibao
        on other.person_id = in_dibao.person_id
    where enrolment.registry = 'edge'
),

seems_alone as (
    select
        enrolment.person_id,
        coalesce(min(list_gap.said), '低保边缘名册不完整') || '，不知道同户还有没有别人' as unreadable
    from registry.enrolment as enrolment
    inner join registry.own_roster as own_roster
        on
            enrolment.division_code = own_roster.unit_code
            and enrolment.registry = own_roster.registry
            and not own_roster.is_whole
    left join registry.told_person as told
        on
            enrolment.person_id = told.person_id
            and enrolment.division_code = told.division_code
            and enrolment.registry = told.registry
    left join registry.list_gap as list_gap
        on enrolment.division_code = list_gap.division_code and list_gap.kind = 'edge_person'
    where enrolment.registry = 'edge' and enrolment.members_listed = 1 and told.person_id is null
    group by enrolment.person_id
)

select
    enrolled.person_id,
    person.household_id,
    person.division_code,
    'orange' as level,
    enrolled.is_dibao + enrolled.is_tekun + enrolled.is_edge as measured,
    concat_ws(
        '、',
        case when enrolled.is_dibao = 1 then '低保' end,
        case when enrolled.is_tekun = 1 then '特困' end,
        case when enrolled.is_edge = 1 then '低保边缘' end
    ) as registries,
    enrolled.roster_period,
    enrolled.dibao_row_id,
    enrolled.tekun_row_id,
    enrolled.edge_row_id,
    case
        when enrolled.is_tekun = 0 and enrolled.dibao_members = 1 and enrolled.edge_members = 1 then seems_alone.unreadable
    end as unreadable
from enrolled
inner join registry.person as person
    on enrolled.person_id = person.person_id
left join others_in_dibao
    on enrolled.person_id = others_in_dibao.person_id
left join seems_alone
    on enrolled.person_id = seems_alone.person_id
where
    enrolled.is_dibao + enrolled.is_tekun + enrolled.is_edge >= 2
    and not (
        enrolled.is_tekun = 0
        and enrolled.dibao_members = 1
        and enrolled.edge_members >= 2
        and others_in_dibao.person_id is null
    )
