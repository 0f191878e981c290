-- What people wrote about warnings and samples, and what became of it.
select
    heard.decision_id,
    heard.about,
    case when heard.about = 'warning' then heard.subject end as warning_id,
    case when heard.about = 'sample' then heard.subject end as sample_id,
    heard.rule_code,
    heard.division_code,
    heard.result,
    heard.measure,
    heard.decided_by,
    heard.decided_on,
    heard.note,
    heard.unit_code,
    heard.file_name,
    heard.sheet,
    heard.row_number as "row",
    heard.received_on,
    heard.received_seq,
    heard.state,
    heard.problem,
    heard.conflict,
    heard.contradiction
from life.heard as heard
where heard.about in ('warning', 'sample')
