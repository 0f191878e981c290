-- The groups in which each known person and each household is counted. What is not known of a person is a group of its own.
with person as (
    select
        known_person.person_id,
        known_person.household_id,
        known_person.division_code,
        coalesce(known_person.township, 'unknown') as township,
        coalesce(known_person.area_type, 'unknown') as area_type,
        coalesce(known_person.sex, 'unknown') as sex,
        coalesce(age_band.band, 'unknown') as band,
        known_person.list,
        case when known_person.is_disabled then 'yes' when not known_person.is_disabled then 'no' else 'unknown' end as disabled
    from registry.known_person as known_person
    left join input.age_band as age_band
        on known_person.age between cast(age_band.from_age as integer) and cast(age_band.to_age as integer)
),

household as (
    select
        person.household_id,
        person.division_code,
        person.township,
        person.area_type
    from person
    group by person.household_id, person.division_code, person.township, person.area_type
),

grouped as (
    select 'persons' as counted, 'all' as dimension, 'all' as division_code, 'all' as value, person_id as member_id from person
    union all
    select 'persons' as counted, 'division' as dimension, division_code, division_code as value, person_id as member_id from person
    union all
    select 'persons' as counted, 'township' as dimension, division_code, township as value, person_id as member_id from person
    union all
    select 'persons' as counted, 'area_type' as dimension, 'all' as division_code, area_type as value, person_id as member_id from person
    union all
    select 'persons' as counted, 'sex' as dimension, 'all' as division_code, sex as value, person_id as member_id from person
    union all
    select 'persons' as counted, 'age' as dimension, 'all' as division_code, band as value, person_id as member_id from person
    union all
    select 'persons' as counted, 'disability' as dimension, 'all' as division_code, disabled as value, person_id as member_id from person
    union all
    select 'persons' as counted, 'list' as dimension, 'all' as division_code, list as value, person_id as member_id from person
    union all
    select 'households' as counted, 'all' as dimension, 'all' as division_code, 'all' as value, household_id as member_id from household
    union all
    select 'households' as counted, 'division' as dimension, division_code, division_code as value, household_id as member_id from household
    union all
    select 'households' as counted, 'township' as dimension, division_code, township as value, household_id as member_id from household
    union all
    select 'households' as counted, 'area_type' as dimension, 'all' as division_code, area_type as value, household_id as member_id from household
)

select
    grouped.counted,
    grouped.dimension,
    grouped.division_code,
    grouped.value,
    grouped.member_id
from grouped
