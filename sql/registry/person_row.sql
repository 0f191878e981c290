-- Every accepted row that names a person, and its standing when two rows differ about who the person is.
select
    named.row_id,
    named.kind,
    named.list,
    named.unit_code,
    named.own_unit_code,
    named.submission_id,
    named.sheet,
    named.row_number,
    named.received_seq,
    named.period,
    named.person_id,
    named.id_number,
    named.name,
    folded_name(named.name) as folded_name,
    named.identity_state,
    named.id_sex,
    named.id_birth_date,
    case
        when named.period is not null and (roster.period is null or named.period <> roster.period) then 6
        when named.list = 'survey' then 4
        when named.list = 'monitoring' then 5
        else coalesce(roster.registry_rank, 6)
    end as source_rank,
    coalesce(named.period = roster.period, named.period is null) as is_in_use
from registry.accepted_row as named
left join registry.roster as roster
    on named.unit_code = roster.division_code and named.list = roster.registry
-- People who have no number yet are known by the lists in use only.
where named.person_id is not null and (named.identity_state <> 'provisional' or coalesce(named.period = roster.period, named.period is null))
