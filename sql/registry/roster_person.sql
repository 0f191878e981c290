-- Rosters of every month not after D, person by person. Disputed rows are left out.
with listed as (
    select
        row_id, person_id, 'dibao' as registry, unit_code as division_code, period,
        coalesce(head_person_id, person_id) as head_person_id, relation, start_month, supplement_fen,
        start_month__unreadable is not null as is_start_unreadable,
        cast(null as bigint) as own_amount_fen, cast(null as varchar) as township, false as is_township_unreadable
    from accepted.dibao_person
    union all
    select
        row_id, person_id, 'tekun' as registry, unit_code as division_code, period,
        person_id as head_person_id, '户主' as relation, start_month, cast(null as bigint) as supplement_fen,
        false as is_start_unreadable,
        case when care_amount_fen__unreadable is null then basic_amount_fen + coalesce(care_amount_fen, 0) end as own_amount_fen,
        township, township__unreadable is not null as is_township_unreadable
    from accepted.tekun_person
    union all
    select
        row_id, person_id, 'edge' as registry, unit_code as division_code, period,
        coalesce(head_person_id, person_id) as head_person_id, relation, cast(null as date) as start_month,
        cast(null as bigint) as supplement_fen, false as is_start_unreadable, cast(null as bigint) as own_amount_fen,
        cast(null as varchar) as township, false as is_township_unreadable
    from accepted.edge_person
)

select
    listed.row_id,
    listed.person_id,
    listed.registry,
    roster.registry_rank,
    listed.division_code,
    listed.period,
    cast(listed.period || '-01' as date) as period_start,
    listed.head_person_id,
    listed.relation,
    listed.start_month,
    listed.supplement_fen,
    listed.is_start_unreadable,
    listed.own_amount_fen,
    listed.registry = 'tekun' and listed.own_amount_fen is null as is_own_amount_unreadable,
    listed.township,
    listed.is_township_unreadable,
    listed.period = roster.period as is_in_use,
    listed.period = roster.period and roster.is_current as is_current
from listed
inner join registry.roster as roster
    on
        listed.division_code = roster.division_code
        and listed.registry = roster.registry
        and listed.period <= roster.period
left join registry.name_conflict as name_conflict
    on listed.row_id = name_conflict.row_id
where name_conflict.row_id is null and listed.person_id is not null
