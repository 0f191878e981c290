-- What people wrote about warnings and samples, and what became of it. Each line is judged once, on the night on which it came; of those that
-- fit, the later day holds, then the later receipt, whatever the order in which they came.
with known as (
    select
        'warning' as about, previous.warning_id as subject, previous.rule_code as rule_code, previous.subject_id as subject_id,
        previous.division_code as division_code, previous.first_seen_on as since, cast(null as date) as ended_on
    from house.previous_warning as previous
    union all
    select
        'warning' as about, withdrawn.warning_id as subject, withdrawn.rule_code as rule_code, withdrawn.subject_id as subject_id,
        withdrawn.division_code as division_code, withdrawn.first_seen_on as since, withdrawn.withdrawn_on as ended_on
    from house.previous_withdrawn as withdrawn
    union all
    select
        'sample' as about, sampled.sample_id as subject, sampled.rule_code as rule_code, sampled.subject_id as subject_id,
        sampled.division_code as division_code, sampled.sampled_on as since, sampled.lapsed_on as ended_on
    from house.previous_sample as sampled
),

followed as (
    select distinct known.subject as warning_id
    from known
    inner join house.previous_warning as later
        on
            known.rule_code = later.rule_code and known.subject_id = later.subject_id
            and known.since < later.first_seen_on
    where known.about = 'warning'
),

said as (
    select
        decision.decision_id as decision_id, decision.about as about, decision.subject as subject, decision.result as result,
        decision.measure as measure, decision.decided_by as decided_by, decision.decided_on as decided_on,
        decision.note as note, decision.unit_code as unit_code, decision.file_name as file_name, decision.sheet as sheet,
        decision.row_number as row_number, decision.night as night, decision.received_seq as received_seq,
        decision.problem as problem,
        case when decision.about = 'sample' then '抽样核查' else '预警' end as called,
        case when decision.about = 'sample' then '抽中' else '首次发现' end as began,
        case when decision.about = 'sample' then '失效' else '撤回' end as ended
    from house.decision as decision
    where decision.about in ('warning', 'sample')
),

examined as (
    select
        decision.decision_id as decision_id, decision.about as about, decision.subject as subject, decision.result as result,
        decision.measure as measure, decision.decided_by as decided_by, decision.decided_on as decided_on,
        decision.note as note, decision.unit_code as unit_code, decision.file_name as file_name,
        decision.sheet as sheet, decision.row_number as row_number, decision.night as night,
        decision.received_seq as received_seq,
        coalesce(before.rule_code, known.rule_code) as rule_code,
        coalesce(before.division_code, known.division_code, decision.unit_code) as division_code,
        case
            when before.decision_id is not null then before.problem
            when decision.problem is not null then decision.problem
            when unit.unit_kind is null or unit.unit_kind = 'partner' then '只有各区和市局登记核查结果'
            when known.subject is null
                then '没有这个编号的' || decision.called || ':编号可能被改动或截断,请从最新清单里复制整个编号'
            when unit.unit_kind = 'division' and known.division_code <> decision.unit_code
                then '这条' || decision.called || '不在本单位的清单里,请交给它所属的区填写'
            when known.ended_on is not null
                then
                    '这条' || decision.called || '已于 ' || cast(known.ended_on as varchar) || ' ' || decision.ended
                    || ',不用再核查'
            when decision.decided_on > decision.night then '核查日期在将来,请填实际核查的那一天'
            when decision.decided_on < known.since
                then
                    '核查日期早于这条' || decision.called || decision.began || '的日期(' || cast(known.since as varchar)
                    || '),请填看到' || decision.called || '以后核查的那一天'
            when followed.warning_id is not null and decision.result = 'verifying'
                then '这条预警办结后又重新出现,请填清单里新的那一条'
        end as problem
    from said as decision
    left join known
        on decision.about = known.about and decision.subject = known.subject
    left join followed
        on decision.about = 'warning' and decision.subject = followed.warning_id
    left join house.unit as unit
        on decision.unit_code = unit.unit_code
    left join house.previous_decision as before
        on decision.decision_id = before.decision_id
),

counted as (
    select
        examined.decision_id as decision_id, examined.about as about, examined.subject as subject, examined.result as result,
        examined.measure as measure, examined.decided_by as decided_by, examined.decided_on as decided_on,
        examined.note as note, examined.unit_code as unit_code, examined.file_name as file_name,
        examined.sheet as sheet, examined.row_number as row_number, examined.night as night,
        examined.received_seq as received_seq, examined.rule_code as rule_code,
        examined.division_code as division_code, examined.problem as problem,
        row_number() over (
            partition by
                examined.problem, examined.about, examined.subject, examined.result, examined.measure, examined.decided_by,
                examined.decided_on, examined.note
            order by
                examined.night, examined.received_seq, examined.unit_code, examined.sheet, examined.row_number,
                examined.decision_id
        ) as time_said
    from examined
),

ranked as (
    select
        counted.decision_id as decision_id,
        row_number() over (
            partition by counted.about, counted.subject
            order by
                counted.decided_on desc, counted.night desc, counted.received_seq desc, counted.unit_code desc,
                counted.sheet desc, counted.row_number desc, counted.decision_id desc
        ) as place
    from counted
    where counted.problem is null and counted.time_said = 1
),

conclusion as (
    select distinct
        counted.about as about, counted.subject as subject, counted.unit_code as unit_code, counted.decided_by as decided_by,
        counted.result as result, counted.decided_on as decided_on
    from counted
    where counted.problem is null and counted.result <> 'verifying'
),

conflict as (
    select
        conclusion.about as about,
        conclusion.subject as subject,
        string_agg(
            coalesce(unit.name, conclusion.unit_code) || conclusion.decided_by || ' '
            || cast(conclusion.decided_on as varchar) || '“' || outcome.title || '”', '、'
            order by conclusion.decided_on, conclusion.unit_code, conclusion.decided_by, conclusion.result
        ) as said
    from conclusion
    inner join house.outcome as outcome
        on conclusion.result = outcome.outcome
    left join house.unit as unit
        on conclusion.unit_code = unit.unit_code
    group by conclusion.about, conclusion.subject
    having
        count(distinct conclusion.result) > 1
        and (count(distinct conclusion.unit_code) > 1 or count(distinct conclusion.decided_by) > 1)
)

select
    counted.decision_id as decision_id,
    counted.about as about,
    case when counted.about = 'warning' then counted.subject end as warning_id,
    case when counted.about = 'sample' then counted.subject end as sample_id,
    counted.rule_code as rule_code,
    counted.division_code as division_code,
    counted.result as result,
    counted.measure as measure,
    counted.decided_by as decided_by,
    counted.decided_on as decided_on,
    counted.note as note,
    counted.unit_code as unit_code,
    counted.file_name as file_name,
    counted.sheet as sheet,
    counted.row_number as "row",
    counted.night as received_on,
    counted.received_seq as received_seq,
    case
        when counted.problem is not null then 'misfit'
        when counted.time_said > 1 then 'repeated'
        when ranked.place = 1 then 'stands'
        else 'replaced'
    end as state,
    counted.problem as problem,
    case when counted.problem is null and counted.result <> 'verifying' then conflict.said end as conflict
from counted
left join ranked
    on counted.decision_id = ranked.decision_id
left join conflict
    on counted.about = conflict.about and counted.subject = conflict.subject
