-- What people wrote about who is who: the writer, the date, the reason, and what became of each line.
select
    answer.decision_id,
    answer.question_id,
    answer.left_ref,
    answer.right_ref,
    answer.division_code,
    answer.decision,
    answer.decided_by,
    answer.decided_on,
    answer.note,
    answer.unit_code,
    answer.file_name,
    answer.sheet,
    answer.row_number as "row",
    answer.received_on,
    answer.received_seq,
    answer.state,
    answer.problem,
    answer.conflict,
    answer.contradiction
from life.answer as answer
