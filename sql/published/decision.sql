-- What people wrote about warnings, and what became of it. Each line is judged once, on the night on which it came; of those that
-- fit, the later day holds, then the later receipt, whatever the order in which they came.
with known as (
    select
        previous.warning_id as warning_id, previous.rule_code as rule_code, previous.subject_id as subject_id,
        previous.division_code as division_code, previous.first_seen_on as first_seen_on, cast(null as date) as withdrawn_on
    from house.previous_warning as previous
    union all
    select
        withdrawn.warning_id as warning_id, withdrawn.rule_code as rule_code, withdrawn.subject_id as subject_id,
        withdrawn.division_code as division_code, withdrawn.first_seen_on as first_seen_on, withdrawn.withdrawn_on as withdrawn_on
    from house.previous_withdrawn as withdrawn
),

followed as (
    select known.warning_id as warning_id, min(later.first_seen_on) as followed_on
    from known
    inner join house.previous_warning as later
        on
            known.rule_code = later.rule_code and known.subject_id = later.subject_id
            and known.first_seen_on < later.first_seen_on
    group by known.warning_id
),

examined as (
    select
        decision.decision_id as decision_id, decision.subject as warning_id, decision.result as result,
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
            when known.warning_id is null then '没有这个编号的预警:编号可能被改动或截断,请从最新清单里复制整个编号'
            when unit.unit_kind = 'division' and known.division_code <> decision.unit_code
                then '这条预警不在本单位的清单里,请交给它所属的区填写'
            when known.withdrawn_on is not null
                then '这条预警已于 ' || cast(known.withdrawn_on as varchar) || ' 撤回,不用再核查'
            when decision.decided_on > decision.night then '核查日期在将来,请填实际核查的那一天'
            when decision.decided_on < known.first_seen_on
                then
                    '核查日期早于这条预警首次发现的日期(' || cast(known.first_seen_on as varchar)
                    || '),请填看到预警以后核查的那一天'
            when followed.warning_id is not null and decision.result = 'verifying'
                then '这条预警办结后又重新出现,请填清单里新的那一条'
        end as problem
    from house.decision as decision
    left join known
        on decision.subject = known.warning_id
    left join followed
        on decision.subject = followed.warning_id
    left join house.unit as unit
        on decision.unit_code = unit.unit_code
    left join house.previous_decision as before
        on decision.decision_id = before.decision_id
    where decision.about = 'warning'
),

counted as (
    select
        examined.decision_id as decision_id, examined.warning_id as warning_id, examined.result as result,
        examined.measure as measure, examined.decided_by as decided_by, examined.decided_on as decided_on,
        examined.note as note, examined.unit_code as unit_code, examined.file_name as file_name,
        examined.sheet as sheet, examined.row_number as row_number, examined.night as night,
        examined.received_seq as received_seq, examined.rule_code as rule_code,
        examined.division_code as division_code, examined.problem as problem,
        row_number() over (
            partition by
                examined.problem, examined.warning_id, examined.result, examined.measure, examined.decided_by,
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
            partition by counted.warning_id
            order by
                counted.decided_on desc, counted.night desc, counted.received_seq desc, counted.unit_code desc,
                counted.sheet desc, counted.row_number desc, counted.decision_id desc
        ) as place
    from counted
    where counted.problem is null and counted.time_said = 1
),

conclusion as (
    select distinct
        counted.warning_id as warning_id, counted.unit_code as unit_code, counted.decided_by as decided_by,
        counted.result as result, counted.decided_on as decided_on
    from counted
    where counted.problem is null and counted.result <> 'verifying'
),

conflict as (
    select
        conclusion.warning_id as warning_id,
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
    group by conclusion.warning_id
    having
        count(distinct conclusion.result) > 1
        and (count(distinct conclusion.unit_code) > 1 or count(distinct conclusion.decided_by) > 1)
)

select
    counted.decision_id as decision_id,
    counted.warning_id as warning_id,
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
    on counted.warning_id = conflict.warning_id
