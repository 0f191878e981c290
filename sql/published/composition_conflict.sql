-- People whom lists tie to two heads, and whether a warning would come or go if they were counted with the other head.
with flipped as (
    select distinct what_if.left_ref as person_id, what_if.right_ref as other_head_id
    from warnings.what_if as what_if
    where what_if.answer = 'placed'
)

select
    composition_conflict.person_id,
    composition_conflict.id_number,
    composition_conflict.kept_head_id,
    composition_conflict.other_head_id,
    flipped.person_id is not null as flips
from registry.composition_conflict as composition_conflict
left join flipped
    on
        composition_conflict.person_id = flipped.person_id
        and composition_conflict.other_head_id = flipped.other_head_id
