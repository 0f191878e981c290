-- When a division's rows last named each of its townships: rows of all our own lists that have one. Only files in force count: a file that was
-- refused or replaced says nothing.
with named as (
    select unit_code, township, submission_id from accepted.dibao_household
    union
    select unit_code, township, submission_id from accepted.tekun_person
    union
    select unit_code, township, submission_id from accepted.edge_household
    union
    select unit_code, township, submission_id from accepted.survey_household
    union
    select unit_code, township, submission_id from accepted.temporary_grant
)

select
    named.unit_code as division_code,
    named.township,
    max(submission.night) as last_received_on
from named
inner join input.submission as submission
    on named.submission_id = submission.submission_id
where named.township is not null
group by named.unit_code, named.township
