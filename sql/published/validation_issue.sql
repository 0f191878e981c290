-- Every failing cell, row and file, and its history.
select
    issue.issue_id as issue_id,
    issue.submission_id as submission_id,
    issue.unit_code as unit_code,
    issue.file_name as file_name,
    issue.sheet as sheet,
    issue."row" as "row",
    issue."column" as "column",
    issue.header as header,
    issue.value_masked as value_masked,
    issue.rule as rule,
    issue.level as level,
    issue.severity as severity,
    issue.message as message,
    issue.fix as fix,
    issue.state as state,
    issue.first_seen_on as first_seen_on
from input.issue as issue
