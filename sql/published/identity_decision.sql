-- What people wrote about who is who: the writer, the date, the reason, and what became of each line.
select
    answer.decision_id as decision_id,
    answer.question_id as question_id,
    answer.left_ref as left_ref,
    answer.right_ref as right_ref,
    answer.division_code as division_code,
    answer.decision as decision,
    answer.decided_by as decided_by,
    answer.decided_on as decided_on,
    answer.note as note,
    answer.unit_code as unit_code,
    answer.file_name as file_name,
    answer.sheet as sheet,
    answer.row_number as "row",
    answer.received_on as received_on,
    answer.received_seq as received_seq,
    answer.state as state,
    answer.problem as problem,
    answer.conflict as conflict,
    answer.contradiction as contradiction
from life.answer as answer
