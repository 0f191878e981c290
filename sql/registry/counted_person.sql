-- Who is counted in which month, for statistics only: every accepted row of the four registries. Rows under a disputed name count too, since
-- the division pays somebody by them. A person on the rosters of two divisions is one person for the bureau.
with listed as (
    select 'dibao' as registry, period as month, unit_code, row_id, person_id, coalesce(head_person_id, person_id) as head_person_id
    from accepted.dibao_person
    union all
    select 'edge' as registry, period as month, unit_code, row_id, person_id, coalesce(head_person_id, person_id) as head_person_id
    from accepted.edge_person
    union all
    select 'tekun' as registry, period as month, unit_code, row_id, person_id, cast(null as varchar) as head_person_id
    from accepted.tekun_person
    union all
    select
        'temporary' as registry, strftime(temporary_grant.granted_on, '%Y-%m') as month, temporary_grant.division_code as unit_code,
        temporary_grant.row_id, temporary_grant.person_id, cast(null as varchar) as head_person_id
    from registry.temporary_grant as temporary_grant
    where temporary_grant.is_granted
)

select
    listed.row_id,
    listed.registry,
    listed.month,
    listed.unit_code as division_code,
    coalesce(listed.person_id, listed.row_id) as person_id,
    coalesce(listed.head_person_id, household_member.head_person_id, listed.person_id, listed.row_id) as head_person_id
from listed
cross join input.night as night
left join registry.household_member as household_member
    on listed.person_id = household_member.person_id
where listed.month <= strftime(night.run_date, '%Y-%m')
