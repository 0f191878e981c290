-- What this build is made of.
with people as (
    select count(*) as rows_found from main.person
),

households as (
    select count(*) as rows_found from main.household
),

open_warnings as (
    select count(*) as rows_found from main.warning_list
),

received as (
    select
        count(*) as rows_found,
        coalesce(sum(submission.rows_read), 0) as rows_read,
        coalesce(sum(submission.rows_accepted), 0) as rows_accepted,
        coalesce(sum(submission.rows_set_aside), 0) as rows_set_aside,
        coalesce(sum(submission.rows_out_of_scope), 0) as rows_out_of_scope
    from main.submission as submission
)

select
    night.run_date,
    release.built_at,
    release.code_version,
    rules.rules_version,
    release.policy_version,
    release.settings_version,
    release.input_digest,
    people.rows_found as persons,
    households.rows_found as households,
    open_warnings.rows_found as open_warnings,
    received.rows_found as submissions,
    cast(received.rows_read as bigint) as rows_read,
    cast(received.rows_accepted as bigint) as rows_accepted,
    cast(received.rows_set_aside as bigint) as rows_set_aside,
    cast(received.rows_out_of_scope as bigint) as rows_out_of_scope
from input.night as night
cross join input.rules as rules
cross join people
cross join households
cross join open_warnings
cross join received
cross join input.release as release
