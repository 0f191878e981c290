-- Every accepted row that names a person, and its standing when two rows differ about who the person is.
with named as (
    select
        'dibao_household' as kind, 'dibao' as list, row_id, unit_code,
        unit_code as own_unit_code, submission_id, sheet, row_number, received_seq, period, person_id,
        head_id_number as id_number, head_name as name, identity_state, id_sex, id_birth_date
    from accepted.dibao_household
    union all
    select
        'dibao_person' as kind, 'dibao' as list, row_id, unit_code,
        unit_code as own_unit_code, submission_id, sheet, row_number, received_seq, period, person_id,
        id_number as id_number, name as name, identity_state, id_sex, id_birth_date
    from accepted.dibao_person
    union all
    select
        'tekun_person' as kind, 'tekun' as list, row_id, unit_code,
        unit_code as own_unit_code, submission_id, sheet, row_number, received_seq, period, person_id,
        id_number as id_number, name as name, identity_state, id_sex, id_birth_date
    from accepted.tekun_person
    union all
    select
        'edge_household' as kind, 'edge' as list, row_id, unit_code,
        unit_code as own_unit_code, submission_id, sheet, row_number, received_seq, period, person_id,
        head_id_number as id_number, head_name as name, identity_state, id_sex, id_birth_date
    from accepted.edge_household
    union all
    select
        'edge_person' as kind, 'edge' as list, row_id, unit_code,
        unit_code as own_unit_code, submission_id, sheet, row_number, received_seq, period, person_id,
        id_number as id_number, name as name, identity_state, id_sex, id_birth_date
    from accepted.edge_person
    union all
    select
        'survey_household' as kind, 'survey' as list, row_id, unit_code,
        unit_code as own_unit_code, submission_id, sheet, row_number, received_seq, period, person_id,
        head_id_number as id_number, head_name as name, identity_state, id_sex, id_birth_date
    from accepted.survey_household
    union all
    select
        'survey_person' as kind, 'survey' as list, row_id, unit_code,
        unit_code as own_unit_code, submission_id, sheet, row_number, received_seq, period, person_id,
        id_number as id_number, name as name, identity_state, id_sex, id_birth_date
    from accepted.survey_person
    union all
    select
        'poverty_return_monitoring' as kind, 'monitoring' as list, row_id, unit_code,
        cast(null as varchar) as own_unit_code, submission_id, sheet, row_number,
        received_seq, period, person_id,
        id_number as id_number, name as name, identity_state, id_sex, id_birth_date
    from accepted.poverty_return_monitoring
    union all
    select
        'temporary_grant' as kind, 'other' as list, row_id, unit_code,
        unit_code as own_unit_code, submission_id, sheet, row_number, received_seq, period, person_id,
        id_number as id_number, name as name, identity_state, id_sex, id_birth_date
    from accepted.temporary_grant
    union all
    select
        'medical_expense' as kind, 'other' as list, row_id, unit_code,
        cast(null as varchar) as own_unit_code, submission_id, sheet, row_number, received_seq, period, person_id,
        id_number as id_number, name as name, identity_state, id_sex, id_birth_date
    from accepted.medical_expense
    union all
    select
        'disability_certificate' as kind, 'other' as list, row_id, unit_code,
        cast(null as varchar) as own_unit_code, submission_id, sheet, row_number, received_seq, period, person_id,
        id_number as id_number, name as name, identity_state, id_sex, id_birth_date
    from accepted.disability_certificate
    union all
    select
        'death_notice' as kind, 'other' as list, row_id, unit_code,
        cast(null as varchar) as own_unit_code, submission_id, sheet, row_number, received_seq, period, person_id,
        id_number as id_number, name as name, identity_state, id_sex, id_birth_date
    from accepted.death_notice
    union all
    select
        'unemployment' as kind, 'other' as list, row_id, unit_code,
        cast(null as varchar) as own_unit_code, submission_id, sheet, row_number, received_seq, period, person_id,
        id_number as id_number, name as name, identity_state, id_sex, id_birth_date
    from accepted.unemployment
    union all
    select
        'social_insurance' as kind, 'other' as list, row_id, unit_code,
        cast(null as varchar) as own_unit_code, submission_id, sheet, row_number, received_seq, period, person_id,
        id_number as id_number, name as name, identity_state, id_sex, id_birth_date
    from accepted.social_insurance
    union all
    select
        'pension' as kind, 'other' as list, row_id, unit_code,
        cast(null as varchar) as own_unit_code, submission_id, sheet, row_number, received_seq, period, person_id,
        id_number as id_number, name as name, identity_state, id_sex, id_birth_date
    from accepted.pension
    union all
    select
        'student_status' as kind, 'other' as list, row_id, unit_code,
        cast(null as varchar) as own_unit_code, submission_id, sheet, row_number, received_seq, period, person_id,
        id_number as id_number, name as name, identity_state, id_sex, id_birth_date
    from accepted.student_status
    union all
    select
        'real_estate' as kind, 'other' as list, row_id, unit_code,
        cast(null as varchar) as own_unit_code, submission_id, sheet, row_number, received_seq, period, person_id,
        id_number as id_number, name as name, identity_state, id_sex, id_birth_date
    from accepted.real_estate
    union all
    select
        'vehicle' as kind, 'other' as list, row_id, unit_code,
        cast(null as varchar) as own_unit_code, submission_id, sheet, row_number, received_seq, period, person_id,
        id_number as id_number, name as name, identity_state, id_sex, id_birth_date
    from accepted.vehicle
    union all
    select
        'business_registration' as kind, 'other' as list, row_id, unit_code,
        cast(null as varchar) as own_unit_code, submission_id, sheet, row_number, received_seq, period, person_id,
        id_number as id_number, name as name, identity_state, id_sex, id_birth_date
    from accepted.business_registration
    union all
    select
        'disaster_loss' as kind, 'other' as list, row_id, unit_code,
        cast(null as varchar) as own_unit_code, submission_id, sheet, row_number, received_seq, period, person_id,
        id_number as id_number, name as name, identity_state, id_sex, id_birth_date
    from accepted.disaster_loss
)

select
    named.row_id as row_id,
    named.kind as kind,
    named.list as list,
    named.unit_code as unit_code,
    named.own_unit_code as own_unit_code,
    named.submission_id as submission_id,
    named.sheet as sheet,
    named.row_number as row_number,
    named.received_seq as received_seq,
    named.period as period,
    named.person_id as person_id,
    named.id_number as id_number,
    named.name as name,
    folded_name(named.name) as folded_name,
    named.identity_state as identity_state,
    named.id_sex as id_sex,
    named.id_birth_date as id_birth_date,
    case
        when named.period is not null and (roster.period is null or named.period <> roster.period) then 6
        when named.list = 'survey' then 4
        when named.list = 'monitoring' then 5
        else coalesce(roster.registry_rank, 6)
    end as source_rank,
    coalesce(named.period = roster.period, named.period is null) as is_current
from named
left join registry.roster as roster
    on named.unit_code = roster.division_code and named.list = roster.registry
-- People who have no number yet are known by the lists in use only.
where named.person_id is not null and (named.identity_state <> 'provisional' or coalesce(named.period = roster.period, named.period is null))
