-- Records that look like one person. Those whose decision would change most on the lists come first. This table merges nothing.
with offered as (
    select
        suggestion.left_ref,
        suggestion.right_ref,
        suggestion.score,
        suggestion.reason,
        coalesce(set_aside.name, other.name) as left_name,
        coalesce(set_aside.number, other.id_number) as left_number,
        person.name as right_name,
        person.id_number as right_number,
        set_aside.submission_id,
        set_aside.sheet,
        set_aside.row_number,
        coalesce(set_aside.is_unproven, true) as is_ready,
        case
            when set_aside.row_id is not null and coalesce(sender.unit_kind, 'partner') = 'partner' then person.division_code
            when coalesce(set_aside.unit_code, other.division_code) = person.division_code then person.division_code
            else bureau.unit_code
        end as division_code
    from registry.suggestion as suggestion
    inner join registry.person as person
        on suggestion.right_ref = person.person_id
    left join input.set_aside as set_aside
        on suggestion.left_ref = set_aside.row_id
    left join input.unit as sender
        on set_aside.unit_code = sender.unit_code
    left join registry.person as other
        on suggestion.left_ref = other.person_id
    left join input.unit as bureau
        on bureau.unit_kind = 'bureau'
)

select
    offered.left_ref,
    offered.right_ref,
    offered.score,
    offered.reason,
    coalesce(consequence.said, '今晚的清单不变。')
    || case when offered.is_ready then '' else '这一行另有错误，改正重报后才能并入。' end as consequence,
    decided.decision,
    decided.decided_by,
    decided.decided_on,
    decided.note,
    coalesce(consequence.weight, 0) as weight,
    offered.division_code,
    submission.kind,
    submission.unit_code,
    submission.file_name,
    offered.sheet,
    offered.row_number as "row",
    offered.left_name,
    case
        when length(offered.left_number) >= 15 then masked_number(offered.left_number)
        when offered.left_number is not null then '（不完整）'
    end as left_number_masked,
    offered.right_name,
    masked_number(offered.right_number) as right_number_masked
from offered
left join input.submission as submission
    on offered.submission_id = submission.submission_id
left join input.identity_decision as decided
    on offered.left_ref = decided.left_ref and offered.right_ref = decided.right_ref
left join life.consequence as consequence
    on offered.left_ref = consequence.left_ref and offered.right_ref = consequence.right_ref
