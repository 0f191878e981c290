-- What people wrote about warnings and samples, and what became of it.
select
    heard.decision_id as decision_id,
    heard.about as about,
    case when heard.about = 'warning' then heard.subject end as warning_id,
    case when heard.about = 'sample' then heard.subject end as sample_id,
    heard.rule_code as rule_code,
    heard.division_code as division_code,
    heard.result as result,
    heard.measure as measure,
    heard.decided_by as decided_by,
    heard.decided_on as decided_on,
    heard.note as note,
    heard.unit_code as unit_code,
    heard.file_name as file_name,
    heard.sheet as sheet,
    heard.row_number as "row",
    heard.received_on as received_on,
    heard.received_seq as received_seq,
    heard.state as state,
    heard.problem as problem,
    heard.conflict as conflict,
    heard.contradiction as contradiction
from life.heard as heard
where heard.about in ('warning', 'sample')
