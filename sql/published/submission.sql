-- Every file and table received, and what became of its rows.
select
    submission.submission_id,
    submission.unit_code,
    submission.kind,
    submission.file_name,
    submission.sha256,
    submission.received_at,
    submission.period,
    submission.rows_read,
    submission.rows_accepted,
    submission.rows_set_aside,
    submission.rows_out_of_scope,
    submission.status,
    submission.reason,
    submission.night,
    delivery.due_on,
    case
        when delivery.first_taken_on < submission.night then 0
        when delivery.due_on is not null then greatest(date_diff('day', delivery.due_on, submission.night), 0)
    end as days_late
from input.submission as submission
left join registry.delivery as delivery
    on
        submission.unit_code = delivery.unit_code and submission.kind = delivery.kind
        and coalesce(nullif(submission.period, ''), strftime(submission.night, '%Y-%m')) = delivery.month
