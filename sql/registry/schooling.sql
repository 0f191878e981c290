-- The latest school status of a pupil. A status without a date counts from the night on which its file came. A status with an unreadable date
-- has no place in time: where it says something else than the latest of the others, it is unknown which is the latest.
with ranked as (
    select
        student_status.row_id,
        student_status.person_id,
        student_status.stage,
        student_status.enrolment_status,
        student_status.status_on,
        submission.night as told_on,
        student_status.enrolment_status in ('休学', '退学', '辍学') as is_away,
        min(
            case
                when student_status.status_on__unreadable is null then null
                when student_status.enrolment_status in ('休学', '退学', '辍学') then 1 else 0
            end
        ) over (partition by student_status.person_id) as least_away,
        max(
            case
                when student_status.status_on__unreadable is null then null
                when student_status.enrolment_status in ('休学', '退学', '辍学') then 1 else 0
            end
        ) over (partition by student_status.person_id) as most_away,
        max(student_status.status_on__unreadable) over (partition by student_status.person_id) as date_unreadable,
        row_number() over (
            partition by student_status.person_id
            order by
                case when student_status.status_on__unreadable is not null then 1 else 0 end,
                coalesce(student_status.status_on, submission.night) desc,
                student_status.received_seq desc, student_status.row_id
        ) as row_rank
    from accepted.student_status as student_status
    inner join input.submission as submission
        on student_status.submission_id = submission.submission_id
    left join registry.name_conflict as name_conflict
        on student_status.row_id = name_conflict.row_id
    where name_conflict.row_id is null and student_status.person_id is not null
)

select
    ranked.row_id,
    ranked.person_id,
    ranked.stage,
    ranked.enrolment_status,
    ranked.status_on,
    ranked.told_on,
    case
        when (ranked.is_away and ranked.least_away = 0) or (not ranked.is_away and ranked.most_away = 1) then ranked.date_unreadable
    end as unreadable
from ranked
where ranked.row_rank = 1
