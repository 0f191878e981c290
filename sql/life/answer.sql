-- What people wrote about who is who, and what became of it beside everything else that was said: "the same" that leads by a chain
-- to somebody who was said to be another joins nobody until people settle it (life.contradiction).
select
    spoken.decision_id as decision_id,
    spoken.question_id as question_id,
    spoken.left_ref as left_ref,
    spoken.right_ref as right_ref,
    spoken.division_code as division_code,
    spoken.decision as decision,
    spoken.decided_by as decided_by,
    spoken.decided_on as decided_on,
    spoken.note as note,
    spoken.unit_code as unit_code,
    spoken.file_name as file_name,
    spoken.sheet as sheet,
    spoken.row_number as row_number,
    spoken.received_on as received_on,
    spoken.received_seq as received_seq,
    case when contradiction.decision_id is not null and spoken.decision = 'same' then 'contradicted' else spoken.state end as state,
    spoken.problem as problem,
    spoken.conflict as conflict,
    contradiction.said as contradiction
from life.spoken as spoken
left join life.contradiction as contradiction
    on spoken.decision_id = contradiction.decision_id
