-- Answers of divisions that have no effect tonight. A division's answer holds while all people whom it is about belong to that division: a row
-- of its own, of any month, names them, or a partner's row with an address there. It does not hold while such a person lived elsewhere last
-- night (at the bureau too). Nor does it while lists in use of other divisions name the person and no list in use of its own does. It holds
-- again when that is over. An answer of the bureau always has effect.
with side as (
    select
        said.decision_id,
        said.unit_code,
        unnest([said.left_ref, said.right_ref]) as person_id
    from life.said as said
    inner join input.unit as unit
        on said.unit_code = unit.unit_code
    where
        said.about = 'identity' and said.problem is null and said.result in ('same', 'not_same')
        and unit.unit_kind = 'division'
),

named as (
    select
        side.decision_id,
        side.person_id,
        max(case when named_in.unit_code = side.unit_code then 1 else 0 end) as is_own,
        max(case when named_in.unit_code = side.unit_code and named_in.is_in_use then 1 else 0 end) as is_own_in_use,
        max(case when named_in.unit_code <> side.unit_code and named_in.is_in_use then 1 else 0 end) as is_of_others
    from side
    left join life.named_in as named_in
        on side.person_id = named_in.person_id
    where side.person_id not like '%#%'
    group by side.decision_id, side.person_id
)

select named.decision_id
from named
where named.is_own = 0 or (named.is_of_others = 1 and named.is_own_in_use = 0)
union
select side.decision_id
from side
inner join input.previous_person as previous
    on side.person_id = previous.person_id
where previous.division_code <> side.unit_code
