-- Children of school age whose latest school status says that they are not at school, in households that stand on any of our lists.
with placed as (
    select
        household_standing.household_id,
        household_standing.standing_name,
        household_standing.period,
        household_standing.row_id,
        row_number() over (
            partition by household_standing.household_id order by household_standing.standing_rank
        ) as row_rank
    from registry.household_standing as household_standing
)

select
    person.person_id,
    person.household_id,
    person.division_code,
    'orange' as level,
    1 as measured,
    age.age,
    schooling.enrolment_status,
    coalesce(schooling.stage || '阶段', '') as stage,
    schooling.status_on,
    placed.standing_name,
    placed.period as roster_period,
    schooling.row_id as student_row_id,
    placed.row_id as standing_row_id,
    coalesce(schooling.unreadable, list_gap.said || '，不知道后来是不是已经上学') as unreadable
from registry.schooling as schooling
inner join registry.person as person
    on schooling.person_id = person.person_id
inner join registry.age as age
    on schooling.person_id = age.person_id
inner join placed
    on person.household_id = placed.household_id and placed.row_rank = 1
left join registry.list_gap as list_gap
    on
        person.division_code = list_gap.division_code
        and list_gap.kind = 'student_status'
        and schooling.told_on <= list_gap.night
where
    (schooling.enrolment_status in ('休学', '退学', '辍学') or schooling.unreadable is not null)
    and age.age >= 6
    and age.age <= 15
