-- Applications for temporary assistance; of several rows with one application number the later one counts. Granted means: agreed, and paid not
-- after D. grant_unreadable: it may have been granted, but some cells cannot be read.
with ranked as (
    select
        temporary_grant.row_id,
        temporary_grant.application_no,
        temporary_grant.person_id,
        temporary_grant.unit_code as division_code,
        temporary_grant.type,
        temporary_grant.cause,
        temporary_grant.accepted_on,
        temporary_grant.granted_on,
        temporary_grant.amount_fen,
        temporary_grant.result,
        temporary_grant.result__unreadable as result_unreadable,
        temporary_grant.granted_on__unreadable as date_unreadable,
        submission.night as told_on,
        temporary_grant.received_seq,
        row_number() over (
            partition by temporary_grant.unit_code, temporary_grant.application_no
            order by temporary_grant.received_seq desc, temporary_grant.row_id
        ) as row_rank
    from accepted.temporary_grant as temporary_grant
    inner join input.submission as submission
        on temporary_grant.submission_id = submission.submission_id
)

select
    ranked.row_id,
    ranked.application_no,
    ranked.person_id,
    ranked.division_code,
    ranked.type,
    ranked.cause,
    ranked.result,
    ranked.amount_fen,
    ranked.accepted_on,
    ranked.granted_on,
    coalesce(ranked.result = '同意' and ranked.granted_on <= night.run_date, false) as is_granted,
    case
        when
            (ranked.result = '同意' or ranked.result_unreadable is not null)
            and (ranked.granted_on <= night.run_date or ranked.date_unreadable is not null)
            then nullif(concat_ws('；', ranked.result_unreadable, ranked.date_unreadable), '')
    end as grant_unreadable,
    nullif(concat_ws('；', ranked.result_unreadable, ranked.date_unreadable), '') as unreadable,
    ranked.told_on,
    ranked.received_seq,
    name_conflict.row_id is not null as is_disputed
from ranked
cross join input.night as night
left join registry.name_conflict as name_conflict
    on ranked.row_id = name_conflict.row_id
where ranked.row_rank = 1
