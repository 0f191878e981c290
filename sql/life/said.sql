-- What people wrote in the lists that came back, line by line, and what is wrong with a line by itself. A line is judged once, on the night on
-- which it came, by what was listed and asked before: the result must be known before any row is loaded.
with known as (
    select
        'warning' as about, previous.warning_id as subject, previous.rule_code, previous.subject_id,
        previous.division_code, previous.first_seen_on as since, cast(null as date) as ended_on
    from input.previous_warning as previous
    union all
    select
        'warning' as about, withdrawn.warning_id as subject, withdrawn.rule_code, withdrawn.subject_id,
        withdrawn.division_code, withdrawn.first_seen_on as since, withdrawn.withdrawn_on as ended_on
    from input.previous_withdrawn as withdrawn
    union all
    select
        'sample' as about, sampled.sample_id as subject, sampled.rule_code, sampled.subject_id,
        sampled.division_code, sampled.sampled_on as since, sampled.lapsed_on as ended_on
    from input.previous_sample as sampled
),

followed as (
    select distinct known.subject as warning_id
    from known
    inner join input.previous_warning as later
        on
            known.rule_code = later.rule_code and known.subject_id = later.subject_id
            and known.since < later.first_seen_on
    where known.about = 'warning'
),

worded as (
    select
        decision.decision_id, decision.about, decision.subject, decision.result,
        decision.decided_on, decision.unit_code, decision.night, decision.problem,
        case when decision.about = 'sample' then '抽样核查' else '预警' end as called,
        case when decision.about = 'sample' then '抽中' else '首次发现' end as began,
        case when decision.about = 'sample' then '失效' else '撤回' end as ended
    from input.decision as decision
    where decision.about in ('warning', 'sample')
),

judged as (
    select
        decision.decision_id,
        coalesce(before.rule_code, known.rule_code) as rule_code,
        cast(null as varchar) as left_ref,
        cast(null as varchar) as right_ref,
        coalesce(before.division_code, known.division_code, decision.unit_code) as division_code,
        case
            when before.decision_id is not null then before.problem
            when decision.problem is not null then decision.problem
            when unit.unit_kind is null or unit.unit_kind = 'partner' then '只有各区和市局登记核查结果'
            when known.subject is null
                then '没有这个编号的' || decision.called || '：编号可能被改动或截断，请从最新清单里复制整个编号'
            when unit.unit_kind = 'division' and known.division_code <> decision.unit_code
                then '这条' || decision.called || '不在本单位的清单里，请交给它所属的区填写'
            when known.ended_on is not null
                then
                    '这条' || decision.called || '已于 ' || cast(known.ended_on as varchar) || ' ' || decision.ended
                    || '，不用再核查'
            when decision.decided_on > decision.night then '核查日期在将来，请填实际核查的那一天'
            when decision.decided_on < known.since
                then
                    '核查日期早于这条' || decision.called || decision.began || '的日期（' || cast(known.since as varchar)
                    || '），请填看到' || decision.called || '以后核查的那一天'
            when followed.warning_id is not null and decision.result = 'verifying'
                then '这条预警办结后又重新出现，请填清单里新的那一条'
        end as problem
    from worded as decision
    left join known
        on decision.about = known.about and decision.subject = known.subject
    left join followed
        on decision.about = 'warning' and decision.subject = followed.warning_id
    left join input.unit as unit
        on decision.unit_code = unit.unit_code
    left join input.previous_decision as before
        on decision.decision_id = before.decision_id
    union all
    select
        decision.decision_id,
        cast(null as varchar) as rule_code,
        coalesce(before.left_ref, question.left_ref) as left_ref,
        coalesce(before.right_ref, question.right_ref) as right_ref,
        coalesce(before.division_code, question.division_code, decision.unit_code) as division_code,
        case
            when before.decision_id is not null then before.problem
            when decision.problem is not null then decision.problem
            when unit.unit_kind is null or unit.unit_kind = 'partner' then '只有各区和市局判断身份疑问'
            when question.question_id is null
                then
                    '没有这个编号的身份疑问：编号可能被改动或截断，或者那一行已经改正重报、不用再判断。'
                    || '请从最新清单里复制整个编号'
            when unit.unit_kind = 'division' and question.division_code <> decision.unit_code
                then '这一条不由本单位判断，请交给清单里列出它的单位填写'
            when decision.decided_on > decision.night then '判断日期在将来，请填实际判断的那一天'
            when decision.decided_on < question.first_asked_on
                then
                    '判断日期早于这条疑问首次列出的日期（' || cast(question.first_asked_on as varchar)
                    || '），请填看到它以后判断的那一天'
        end as problem
    from input.decision as decision
    left join input.previous_question as question
        on decision.subject = question.question_id
    left join input.unit as unit
        on decision.unit_code = unit.unit_code
    left join input.previous_answer as before
        on decision.decision_id = before.decision_id
    where decision.about = 'identity'
)

select
    decision.decision_id,
    decision.about,
    decision.subject,
    decision.result,
    decision.measure,
    decision.decided_by,
    decision.decided_on,
    decision.note,
    decision.unit_code,
    decision.file_name,
    decision.sheet,
    decision.row_number,
    decision.night,
    decision.received_seq,
    judged.rule_code,
    judged.left_ref,
    judged.right_ref,
    judged.division_code,
    judged.problem
from input.decision as decision
inner join judged
    on decision.decision_id = judged.decision_id
