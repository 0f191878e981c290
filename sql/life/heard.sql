-- What becomes of each filled-in line beside the other lines about the same matter. The later day holds; the same words count once. Lines of
-- one day may contradict each other about one warning, sample or pair, or say that one row is two people. Then none of them holds, whoever
-- wrote them and in whatever file, row or order; all writers are told, until a line of a later day comes. When another division said whose a
-- row is, the later day does not decide: no line holds until the bureau says whose it is. About who is who, only the bureau changes what the
-- bureau said, and an answer that sleeps (life.asleep) is compared with no other. "Looking into it" is no result, and contradicts none.
with given as (
    select
        said.decision_id,
        said.problem is null and asleep.decision_id is not null as is_asleep,
        said.about = 'identity' and coalesce(unit.unit_kind <> 'bureau', true)
        and max(
            case
                when said.about = 'identity' and said.problem is null and unit.unit_kind = 'bureau' and said.result in ('same', 'not_same')
                    then 1
                else 0
            end
        ) over (partition by said.about, said.subject) = 1 as is_below
    from life.said as said
    left join input.unit as unit
        on said.unit_code = unit.unit_code
    left join life.asleep as asleep
        on said.decision_id = asleep.decision_id
),

counted as (
    select
        said.decision_id, said.about, said.subject, said.result,
        said.measure, said.decided_by, said.decided_on, said.note,
        said.unit_code, said.file_name, said.sheet, said.row_number,
        said.night, said.received_seq, said.rule_code, said.left_ref,
        said.right_ref, said.division_code, said.problem,
        given.is_asleep, given.is_below,
        said.problem is null and said.result <> 'verifying' and not given.is_asleep as is_conclusion,
        said.problem is null and said.result <> 'verifying' and not given.is_asleep and not given.is_below as is_weighed,
        coalesce(unit.name, said.unit_code) || said.decided_by || ' ' || cast(said.decided_on as varchar)
        || '“' || coalesce(outcome.title, answer.title) || '”' as words,
        case said.about when 'identity' then '（疑问 ' when 'sample' then '（抽样 ' else '（预警 ' end
        || substr(said.subject, 1, 8) || '）' as about_which,
        max(
            case when said.problem is null and not given.is_asleep and not given.is_below then said.decided_on end
        ) over (partition by said.about, said.subject) as last_on,
        row_number() over (
            partition by
                said.problem, said.about, said.subject, said.result, said.measure, said.decided_by, said.decided_on, said.note
            order by said.night, said.received_seq, said.unit_code, said.sheet, said.row_number, said.decision_id
        ) as time_said
    from life.said as said
    inner join given
        on said.decision_id = given.decision_id
    left join input.unit as unit
        on said.unit_code = unit.unit_code
    left join input.outcome as outcome
        on said.about <> 'identity' and said.result = outcome.outcome
    left join input.answer as answer
        on said.about = 'identity' and said.result = answer.answer
),

concluded as (
    select
        counted.about, counted.subject, counted.decided_on,
        min(counted.left_ref) as left_ref,
        max(case when counted.result = 'same' then 1 else 0 end) as is_same,
        min(counted.result) <> max(counted.result) as is_torn,
        min(case when counted.result = 'same' then counted.unit_code end) as unit_code,
        max(case when counted.result = 'same' and unit.unit_kind = 'bureau' then 1 else 0 end) as is_bureau
    from counted
    left join input.unit as unit
        on counted.unit_code = unit.unit_code
    where counted.is_weighed and counted.decided_on = counted.last_on
    group by counted.about, counted.subject, counted.decided_on
),

row_last as (
    select
        concluded.subject,
        concluded.left_ref,
        concluded.unit_code,
        concluded.is_bureau,
        concluded.is_bureau = max(concluded.is_bureau) over (partition by concluded.left_ref)
        and concluded.decided_on
        = max(concluded.decided_on) over (partition by concluded.left_ref, concluded.is_bureau) as is_last
    from concluded
    where concluded.about = 'identity' and concluded.is_same = 1 and concluded.left_ref like '%#%'
),

row_said as (
    select
        mine.subject,
        mine.left_ref,
        mine.is_last,
        max(
            case
                when mine.is_last and other.is_last then 1
                when mine.is_last = other.is_last or mine.unit_code = other.unit_code then 0
                when mine.is_last then 1 - mine.is_bureau
                else 1 - other.is_bureau
            end
        ) = 1 as is_torn
    from row_last as mine
    inner join row_last as other
        on mine.left_ref = other.left_ref and mine.subject <> other.subject
    group by mine.subject, mine.left_ref, mine.is_last
),

judged as (
    select
        concluded.about,
        concluded.subject,
        concluded.decided_on,
        case when row_said.is_torn then concluded.left_ref else concluded.subject end as topic,
        concluded.is_torn or coalesce(row_said.is_torn, false) as is_torn,
        coalesce(not row_said.is_last and not row_said.is_torn, false) as is_others
    from concluded
    left join row_said
        on concluded.subject = row_said.subject
),

torn as (
    select
        judged.about,
        judged.topic,
        string_agg(
            distinct counted.words || counted.about_which, '、' order by counted.words || counted.about_which
        ) as told
    from judged
    inner join counted
        on
            judged.about = counted.about and judged.subject = counted.subject and judged.decided_on = counted.decided_on
            and counted.is_weighed
    where judged.is_torn
    group by judged.about, judged.topic
),

placed as (
    select
        counted.decision_id, counted.about, counted.subject, counted.left_ref,
        counted.result, counted.unit_code, counted.decided_by,
        counted.decided_on,
        counted.is_weighed and judged.is_torn and counted.decided_on = judged.decided_on as is_torn,
        judged.is_others or (counted.about = 'identity' and judged.is_torn) as is_out,
        judged.topic,
        row_number() over (
            partition by
                counted.about, counted.subject,
                coalesce(counted.is_weighed and judged.is_torn and counted.decided_on = judged.decided_on, false)
            order by
                counted.is_below, counted.decided_on desc, counted.night desc, counted.received_seq desc, counted.unit_code desc,
                counted.sheet desc, counted.row_number desc, counted.decision_id desc
        ) as row_rank
    from counted
    left join judged
        on counted.about = judged.about and counted.subject = judged.subject
    where counted.problem is null and not counted.is_asleep and counted.time_said = 1
),

of_another as (
    select
        mine.decision_id,
        '同一行还判断为另一个人（' || string_agg(
            coalesce(unit.name, other.unit_code) || other.decided_by || ' ' || cast(other.decided_on as varchar), '、'
            order by other.decided_on desc, other.unit_code, other.decided_by, other.decision_id
        ) || '）' as told
    from placed as mine
    inner join placed as other
        on mine.left_ref = other.left_ref and mine.subject <> other.subject
    left join input.unit as unit
        on other.unit_code = unit.unit_code
    where
        mine.left_ref like '%#%'
        and mine.row_rank = 1 and mine.result = 'same' and other.row_rank = 1 and other.result = 'same'
    group by mine.decision_id
),

conclusion as (
    select distinct
        counted.about, counted.subject, counted.unit_code,
        counted.decided_by, counted.result, counted.decided_on,
        counted.words
    from counted
    where counted.is_conclusion and counted.result <> 'cannot_tell'
),

conflict as (
    select
        conclusion.about,
        conclusion.subject,
        string_agg(
            conclusion.words, '、' order by conclusion.decided_on, conclusion.unit_code, conclusion.decided_by, conclusion.result
        ) as told
    from conclusion
    group by conclusion.about, conclusion.subject
    having
        count(distinct conclusion.result) > 1
        and (count(distinct conclusion.unit_code) > 1 or count(distinct conclusion.decided_by) > 1)
)

select
    counted.decision_id,
    counted.about,
    counted.subject,
    counted.result,
    counted.measure,
    counted.decided_by,
    counted.decided_on,
    counted.note,
    counted.unit_code,
    counted.file_name,
    counted.sheet,
    counted.row_number,
    counted.night as received_on,
    counted.received_seq,
    counted.rule_code,
    counted.left_ref,
    counted.right_ref,
    counted.division_code,
    case
        when counted.problem is not null then 'misfit'
        when counted.time_said > 1 then 'repeated'
        when counted.is_below then 'replaced'
        when counted.is_asleep then 'moved'
        when placed.is_torn then 'contradicted'
        when placed.row_rank = 1 and not coalesce(placed.is_out, false) then 'stands'
        else 'replaced'
    end as state,
    counted.problem,
    case
        when counted.is_conclusion and counted.result <> 'cannot_tell' and not coalesce(placed.is_torn, false)
            then coalesce(conflict.told, of_another.told)
    end as conflict,
    case when placed.is_torn then torn.told end as contradiction
from counted
left join placed
    on counted.decision_id = placed.decision_id
left join torn
    on placed.about = torn.about and placed.topic = torn.topic
left join of_another
    on counted.decision_id = of_another.decision_id
left join conflict
    on counted.about = conflict.about and counted.subject = conflict.subject
