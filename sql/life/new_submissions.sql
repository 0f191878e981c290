-- Submissions in force that came since the release before; all submissions in force when there is no such release.
with since as (
    select coalesce(max(previous.run_date), date '1900-01-01') as run_date
    from input.previous_release as previous
)

select
    submission.submission_id,
    submission.unit_code,
    submission.kind,
    submission.received_seq,
    coalesce(unit.name, submission.unit_code) || '《' || submission.file_name || '》' as called
from input.submission as submission
cross join since
left join input.unit as unit
    on submission.unit_code = unit.unit_code
where submission.status in ('accepted', 'partly_accepted') and submission.night > since.run_date
