-- What people wrote about who is who, and what became of it beside everything else that was written. An answer "the same" may lead, by a chain
-- of answers, to a person who was said to be another: it joins nobody until people settle it (life.contradiction).
select
    heard.decision_id,
    heard.subject as question_id,
    heard.left_ref,
    heard.right_ref,
    heard.division_code,
    heard.result as decision,
    heard.decided_by,
    heard.decided_on,
    heard.note,
    heard.unit_code,
    heard.file_name,
    heard.sheet,
    heard.row_number,
    heard.received_on,
    heard.received_seq,
    case
        when contradiction.decision_id is not null and heard.result = 'same' then 'contradicted'
        else heard.state
    end as state,
    heard.problem,
    heard.conflict,
    coalesce(heard.contradiction, contradiction.said) as contradiction
from life.heard as heard
left join life.contradiction as contradiction
    on heard.decision_id = contradiction.decision_id
where heard.about = 'identity'
