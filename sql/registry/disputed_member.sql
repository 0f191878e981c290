-- Households to whose head a list in use of their own division ties a person by a disputed row. This person may be a member. So a condition
-- such as "no member has …" cannot be answered for these households. Rows that people said belong to somebody else are left out.
with doubted as (
    select name_conflict.row_id, name_conflict.person_id
    from registry.name_conflict as name_conflict
    where name_conflict.is_in_use and name_conflict.state <> 'not_same'
),

tied as (
    select row_id, unit_code, head_person_id from accepted.dibao_person
    union all
    select row_id, unit_code, head_person_id from accepted.edge_person
),

numbered as (
    select row_id, 'survey' as standing, unit_code, household_no from accepted.survey_person
    union all
    select row_id, 'monitoring' as standing, unit_code, household_no from accepted.poverty_return_monitoring
),

headed as (
    select doubted.person_id, tied.unit_code as division_code, household_group.head_person_id
    from doubted
    inner join tied
        on doubted.row_id = tied.row_id
    inner join registry.household_group as household_group
        on tied.head_person_id = household_group.tied_head_id and tied.unit_code = household_group.division_code
    union
    select
        doubted.person_id,
        case when numbered.standing = 'survey' then numbered.unit_code end as division_code,
        numbered_group.head_person_id
    from doubted
    inner join numbered
        on doubted.row_id = numbered.row_id
    inner join registry.numbered_group as numbered_group
        on
            numbered.standing = numbered_group.standing
            and numbered.unit_code = numbered_group.unit_code
            and numbered.household_no = numbered_group.household_no
)

select distinct
    household.household_id,
    headed.person_id
from headed
inner join registry.household_member as household_member
    on headed.head_person_id = household_member.head_person_id
inner join registry.household as household
    on
        household_member.household_id = household.household_id
        and coalesce(headed.division_code, household.division_code) = household.division_code
left join registry.household_member as own
    on headed.person_id = own.person_id and household.household_id = own.household_id
where own.person_id is null
