-- Every failing cell, row and file, and its history.
select
    issue.issue_id,
    issue.submission_id,
    issue.unit_code,
    issue.file_name,
    issue.sheet,
    issue."row",
    issue."column",
    issue.header,
    issue.value_masked,
    issue.rule,
    issue.level,
    issue.severity,
    issue.message,
    issue.fix,
    issue.state,
    issue.first_seen_on
from input.issue as issue
