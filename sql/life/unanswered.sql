-- Open warnings that cannot be asked about tonight. They are carried over with a remark; what nobody knows withdraws nothing. The reasons are:
-- a roster is not current; it is not whole and says nothing about the people of the warning; nobody can tell whether they are on it (another
-- name under the number, or a row set aside that may be theirs); a cell cannot be read; the name on a row that the warning stands on is now
-- disputed; or people contradict each other about whose the row is.
with unanswered as (
    select
        answered.warning_id,
        answered.registry,
        case when answered.answer = 'not_current' then 'old' when answered.is_whole then 'unsure' else 'in_part' end as sort
    from life.registry_answer as answered
    where answered.answer in ('not_current', 'cannot_tell')
    union
    select before.warning_id, asked.registry, 'old' as sort
    from life.before as before
    inner join input.rule as rule
        on before.rule_code = rule.rule_code and rule.purpose in ('entitlement_review', 'supplement')
    inner join input.previous_source as asked
        on before.warning_id = asked.warning_id
    inner join registry.own_roster as own_roster
        on asked.unit_code = own_roster.unit_code and asked.registry = own_roster.registry
    where before.status <> 'closed' and not own_roster.is_current
    union
    select before.warning_id, asked.registry, 'in_part' as sort
    from life.before as before
    inner join input.previous_source as asked
        on before.warning_id = asked.warning_id
    inner join registry.own_roster as own_roster
        on asked.unit_code = own_roster.unit_code and asked.registry = own_roster.registry
    left join registry.told_person as told
        on
            before.person_id = told.person_id
            and asked.unit_code = told.division_code
            and asked.registry = told.registry
    where before.status <> 'closed' and not own_roster.is_whole and told.person_id is null
),

named as (
    select
        unanswered.warning_id,
        unanswered.sort,
        max(case when unanswered.registry = 'dibao' then '低保、' else '' end) as dibao,
        max(case when unanswered.registry = 'tekun' then '特困、' else '' end) as tekun,
        max(case when unanswered.registry = 'edge' then '低保边缘、' else '' end) as edge
    from unanswered
    group by unanswered.warning_id, unanswered.sort
),

enrolled as (
    select distinct answered.warning_id
    from life.registry_answer as answered
    where answered.answer = 'enrolled'
),

disputed_row as (
    select distinct
        name_conflict.person_id,
        household_member.household_id,
        person_row.kind,
        person_row.own_unit_code
    from registry.name_conflict as name_conflict
    inner join registry.person_row as person_row
        on name_conflict.row_id = person_row.row_id
    left join registry.household_member as household_member
        on name_conflict.person_id = household_member.person_id
    left join input.review_only as review_only
        on person_row.kind = review_only.kind
    where
        name_conflict.is_in_use and name_conflict.state in ('disputed', 'cannot_tell')
        and review_only.kind is null
),

disputed as (
    select distinct before.warning_id
    from life.before as before
    inner join input.rule as rule
        on before.rule_code = rule.rule_code
    inner join input.rule_evidence as evidence
        on before.rule_code = evidence.rule_code
    inner join disputed_row
        on
            evidence.kind = disputed_row.kind
            and case rule.subject when 'person' then before.person_id else before.household_id end
            = case rule.subject when 'person' then disputed_row.person_id else disputed_row.household_id end
            and coalesce(before.division_code = disputed_row.own_unit_code, true)
    left join enrolled
        on before.warning_id = enrolled.warning_id
    where before.status <> 'closed' and enrolled.warning_id is null
),

torn as (
    select distinct before.warning_id
    from life.before as before
    inner join life.answer as answer
        on answer.state = 'contradicted' and answer.decision = 'same'
    left join registry.household_member as household_member
        on before.household_id = household_member.household_id
    left join enrolled
        on before.warning_id = enrolled.warning_id
    where
        before.status <> 'closed' and enrolled.warning_id is null
        and (
            before.person_id in (answer.left_ref, answer.right_ref)
            or household_member.person_id in (answer.left_ref, answer.right_ref)
        )
),

remark as (
    select
        named.warning_id,
        case named.sort when 'old' then '名单不是最新（' when 'in_part' then '名单不完整（' else '说不准是否在册（' end
        || rtrim(named.dibao || named.tekun || named.edge, '、') || '）' as said,
        case named.sort when 'old' then 1 when 'in_part' then 2 else 3 end as said_order
    from named
    union all
    select
        before.warning_id,
        unreadable.unreadable as said,
        4 as said_order
    from life.before as before
    inner join warnings.unreadable as unreadable
        on before.rule_code = unreadable.rule_code and before.subject_id = unreadable.subject_id
    where before.status <> 'closed'
    union all
    select
        disputed.warning_id,
        '所依据的数据行姓名有争议' as said,
        5 as said_order
    from disputed
    union all
    select
        torn.warning_id,
        '各单位对谁是谁的判断互相矛盾' as said,
        6 as said_order
    from torn
)

select
    remark.warning_id,
    string_agg(remark.said, '；' order by remark.said_order) as said,
    string_agg(remark.said || '，今晚无法核对，保留原预警', '；' order by remark.said_order) as remark
from remark
group by remark.warning_id
