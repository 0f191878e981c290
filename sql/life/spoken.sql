-- What people wrote about who is who, and what becomes of each line by itself; judged from what was asked before, since it must be
-- known before any row is loaded. Each line is judged once, on the night on which it came; of those that fit, the later day holds, then the later
-- receipt. A row is one person's: of two persons that it was said to be, the later decision holds.
with examined as (
    select
        decision.decision_id as decision_id, decision.subject as question_id, decision.result as decision,
        decision.decided_by as decided_by, decision.decided_on as decided_on,
        decision.note as note, decision.unit_code as unit_code, decision.file_name as file_name,
        decision.sheet as sheet, decision.row_number as row_number, decision.night as night,
        decision.received_seq as received_seq,
        coalesce(before.left_ref, question.left_ref) as left_ref,
        coalesce(before.right_ref, question.right_ref) as right_ref,
        coalesce(before.division_code, question.division_code, decision.unit_code) as division_code,
        case
            when before.decision_id is not null then before.problem
            when decision.problem is not null then decision.problem
            when unit.unit_kind is null or unit.unit_kind = 'partner' then '只有各区和市局判断身份疑问'
            when question.question_id is null
                then
                    '没有这个编号的身份疑问:编号可能被改动或截断,或者那一行已经改正重报、不用再判断。'
                    || '请从最新清单里复制整个编号'
            when unit.unit_kind = 'division' and question.division_code <> decision.unit_code
                then '这一条不由本单位判断,请交给清单里列出它的单位填写'
            when decision.decided_on > decision.night then '判断日期在将来,请填实际判断的那一天'
            when decision.decided_on < question.first_asked_on
                then
                    '判断日期早于这条疑问首次列出的日期(' || cast(question.first_asked_on as varchar)
                    || '),请填看到它以后判断的那一天'
        end as problem
    from house.decision as decision
    left join house.previous_question as question
        on decision.subject = question.question_id
    left join house.unit as unit
        on decision.unit_code = unit.unit_code
    left join house.previous_answer as before
        on decision.decision_id = before.decision_id
    where decision.about = 'identity'
),

counted as (
    select
        examined.decision_id as decision_id, examined.question_id as question_id, examined.decision as decision,
        examined.decided_by as decided_by, examined.decided_on as decided_on, examined.note as note,
        examined.unit_code as unit_code, examined.file_name as file_name, examined.sheet as sheet,
        examined.row_number as row_number, examined.night as night, examined.received_seq as received_seq,
        examined.left_ref as left_ref, examined.right_ref as right_ref, examined.division_code as division_code,
        examined.problem as problem,
        row_number() over (
            partition by
                examined.problem, examined.question_id, examined.decision, examined.decided_by, examined.decided_on,
                examined.note
            order by
                examined.night, examined.received_seq, examined.unit_code, examined.sheet, examined.row_number,
                examined.decision_id
        ) as time_said
    from examined
),

ranked as (
    select
        counted.decision_id as decision_id, counted.left_ref as left_ref, counted.right_ref as right_ref,
        counted.decision as decision, counted.decided_by as decided_by, counted.decided_on as decided_on,
        counted.night as night, counted.received_seq as received_seq, counted.unit_code as unit_code,
        counted.sheet as sheet, counted.row_number as row_number,
        row_number() over (
            partition by counted.question_id
            order by
                counted.decided_on desc, counted.night desc, counted.received_seq desc, counted.unit_code desc,
                counted.sheet desc, counted.row_number desc, counted.decision_id desc
        ) as place
    from counted
    where counted.problem is null and counted.time_said = 1
),

whose as (
    select
        ranked.decision_id as decision_id, ranked.left_ref as left_ref, ranked.right_ref as right_ref,
        ranked.decided_by as decided_by, ranked.decided_on as decided_on, ranked.unit_code as unit_code,
        row_number() over (
            partition by ranked.left_ref
            order by
                ranked.decided_on desc, ranked.night desc, ranked.received_seq desc, ranked.unit_code desc,
                ranked.sheet desc, ranked.row_number desc, ranked.decision_id desc
        ) as place
    from ranked
    where ranked.place = 1 and ranked.decision = 'same' and ranked.left_ref like '%#%'
),

torn as (
    select
        whose.decision_id as decision_id,
        '同一行还判断为另一个人(' || string_agg(
            coalesce(unit.name, other.unit_code) || other.decided_by || ' ' || cast(other.decided_on as varchar), '、'
            order by other.place
        ) || ')' as said
    from whose
    inner join whose as other
        on whose.left_ref = other.left_ref and whose.decision_id <> other.decision_id
    left join house.unit as unit
        on other.unit_code = unit.unit_code
    group by whose.decision_id
),

conclusion as (
    select distinct
        counted.question_id as question_id, counted.unit_code as unit_code, counted.decided_by as decided_by,
        counted.decision as decision, counted.decided_on as decided_on
    from counted
    where counted.problem is null and counted.decision <> 'cannot_tell'
),

conflict as (
    select
        conclusion.question_id as question_id,
        string_agg(
            coalesce(unit.name, conclusion.unit_code) || conclusion.decided_by || ' '
            || cast(conclusion.decided_on as varchar) || '“' || answer.title || '”', '、'
            order by conclusion.decided_on, conclusion.unit_code, conclusion.decided_by, conclusion.decision
        ) as said
    from conclusion
    inner join house.answer as answer
        on conclusion.decision = answer.answer
    left join house.unit as unit
        on conclusion.unit_code = unit.unit_code
    group by conclusion.question_id
    having
        count(distinct conclusion.decision) > 1
        and (count(distinct conclusion.unit_code) > 1 or count(distinct conclusion.decided_by) > 1)
)

select
    counted.decision_id as decision_id,
    counted.question_id as question_id,
    counted.left_ref as left_ref,
    counted.right_ref as right_ref,
    counted.division_code as division_code,
    counted.decision as decision,
    counted.decided_by as decided_by,
    counted.decided_on as decided_on,
    counted.note as note,
    counted.unit_code as unit_code,
    counted.file_name as file_name,
    counted.sheet as sheet,
    counted.row_number as row_number,
    counted.night as received_on,
    counted.received_seq as received_seq,
    case
        when counted.problem is not null then 'misfit'
        when counted.time_said > 1 then 'repeated'
        when ranked.place = 1 and coalesce(whose.place, 1) = 1 then 'stands'
        else 'replaced'
    end as state,
    counted.problem as problem,
    case
        when counted.problem is not null or counted.decision = 'cannot_tell' then null
        else coalesce(conflict.said, torn.said)
    end as conflict
from counted
left join ranked
    on counted.decision_id = ranked.decision_id
left join whose
    on counted.decision_id = whose.decision_id
left join torn
    on counted.decision_id = torn.decision_id
left join conflict
    on counted.question_id = conflict.question_id
