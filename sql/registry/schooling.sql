-- The latest school status of a pupil; one without date counts as of the night its file came.
with ranked as (
    select
        student_status.row_id as row_id,
        student_status.person_id as person_id,
        student_status.stage as stage,
        student_status.enrolment_status as enrolment_status,
        student_status.status_on as status_on,
        row_number() over (
            partition by student_status.person_id
            order by
                coalesce(student_status.status_on, submission.night) desc,
                student_status.received_seq desc, student_status.row_id
        ) as place
    from accepted.student_status as student_status
    inner join house.submission as submission
        on student_status.submission_id = submission.submission_id
    left join registry.name_conflict as name_conflict
        on student_status.row_id = name_conflict.row_id
    where name_conflict.row_id is null and student_status.person_id is not null
)

select
    ranked.row_id as row_id,
    ranked.person_id as person_id,
    ranked.stage as stage,
    ranked.enrolment_status as enrolment_status,
    ranked.status_on as status_on
from ranked
where ranked.place = 1
