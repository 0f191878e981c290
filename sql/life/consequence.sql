-- What a decision about who is who would change on tonight's lists, in one sentence, and how much that is.
with weighed as (
    select
        what_if.left_ref,
        what_if.right_ref,
        sum(
            what_if.warnings
            * case what_if.level when 'red' then 1000 when 'orange' then 100 when 'yellow' then 10 else 1 end
        ) as weight
    from warnings.what_if as what_if
    where what_if.answer <> 'placed'
    group by what_if.left_ref, what_if.right_ref
),

worded as (
    select
        what_if.left_ref,
        what_if.right_ref,
        what_if.answer,
        string_agg(
            case what_if.change when 'listed' then '列出' when 'moved' then '转到别的区划：' else '撤回' end || rule.rule_code || rule.title
            || '（' || level.title || '）'
            || case when what_if.warnings > 1 then cast(what_if.warnings as varchar) || '条' else '' end, '、'
            order by level.level_rank, what_if.change, rule.rule_code
        ) as said
    from warnings.what_if as what_if
    inner join input.rule as rule
        on what_if.rule_code = rule.rule_code
    inner join input.level as level
        on what_if.level = level.level
    where what_if.answer <> 'placed'
    group by what_if.left_ref, what_if.right_ref, what_if.answer
)

select
    weighed.left_ref,
    weighed.right_ref,
    case when same.said is not null then '若是同一人：' || same.said || '。' else '' end
    || case when another.said is not null then '若不是：' || another.said || '。' else '' end as said,
    cast(weighed.weight as bigint) as weight
from weighed
left join worded as same
    on weighed.left_ref = same.left_ref and weighed.right_ref = same.right_ref and same.answer = 'same'
left join worded as another
    on weighed.left_ref = another.left_ref and weighed.right_ref = another.right_ref and another.answer = 'not_same'
