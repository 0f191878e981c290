-- Survey and monitoring lists tie people by 户编号. The head is the one in the household file, else the row that says 户主, else the first row.
with listed as (
    select
        'survey' as standing, 4 as standing_rank, unit_code, household_no, person_id, '户主' as relation,
        0 as head_rank, sheet, row_number, row_id
    from accepted.survey_household
    union all
    select
        'survey' as standing, 4 as standing_rank, unit_code, household_no, person_id, relation,
        case when identity_state = 'provisional' then 3 when relation = '户主' then 1 else 2 end as head_rank, sheet, row_number, row_id
    from accepted.survey_person
    union all
    select
        'monitoring' as standing, 5 as standing_rank, unit_code, household_no, person_id, relation,
        case when identity_state = 'provisional' then 3 when relation = '户主' then 1 else 2 end as head_rank, sheet, row_number, row_id
    from accepted.poverty_return_monitoring
),

usable as (
    select
        listed.standing,
        listed.standing_rank,
        listed.unit_code,
        listed.household_no,
        listed.person_id,
        listed.relation,
        listed.row_id,
        row_number() over (
            partition by listed.standing, listed.unit_code, listed.household_no
            order by listed.head_rank, listed.sheet, listed.row_number, listed.row_id
        ) as row_rank
    from listed
    left join registry.name_conflict as name_conflict
        on listed.row_id = name_conflict.row_id
    where name_conflict.row_id is null and listed.person_id is not null
)

select
    usable.row_id,
    usable.person_id,
    head.person_id as head_person_id,
    usable.standing,
    usable.standing_rank,
    usable.unit_code,
    usable.household_no,
    usable.relation
from usable
inner join usable as head
    on
        usable.standing = head.standing
        and usable.unit_code = head.unit_code
        and usable.household_no = head.household_no
        and head.row_rank = 1
