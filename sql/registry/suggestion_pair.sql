-- Records that may be about one person, found by equal keys only, so that no list is compared with every other: a set-aside row and a person,
-- or two persons. Where the end of a number is damaged, people whom the row's own sender names go before all others. Of those left, a person
-- is offered only when no other person of the same division fits. Otherwise numbers of somebody's own choice could make the question
-- impossible to answer. How alike the numbers are is judged afterwards (registry.suggestion).
with aside as (
    select
        set_aside.row_id,
        set_aside.submission_id,
        folded_name(set_aside.name) as folded_name,
        set_aside.name,
        set_aside.birth_date,
        set_aside.number_birth_date,
        set_aside.number_state,
        set_aside.number,
        regexp_replace(set_aside.phone, '[^0-9]', '', 'g') as phone,
        set_aside.unit_code,
        coalesce(sender.unit_kind, 'partner') as sender_kind
    from input.set_aside as set_aside
    left join input.unit as sender
        on set_aside.unit_code = sender.unit_code
    left join registry.roster as roster
        on
            set_aside.unit_code = roster.division_code
            and set_aside.kind in (roster.registry || '_person', roster.registry || '_household')
    where
        set_aside.number_state is not null
        and set_aside.name is not null
        and (set_aside.period is null or roster.period is null or set_aside.period >= roster.period)
),

known as (
    select distinct
        person_row.person_id,
        person_row.folded_name,
        person_row.name,
        person_row.id_number,
        person_row.id_birth_date as birth_date,
        person_row.own_unit_code
    from registry.person_row as person_row
    left join registry.name_conflict as name_conflict
        on person_row.row_id = name_conflict.row_id
    where name_conflict.row_id is null
),

listed as (
    select distinct
        person_row.person_id,
        person_row.submission_id
    from registry.person_row as person_row
),

born as (
    select row_id, folded_name, name, number, sender_kind, birth_date from aside
    where number is not null and birth_date is not null
    union
    select row_id, folded_name, name, number, sender_kind, number_birth_date as birth_date from aside
    where number is not null and number_birth_date is not null
),

by_number as (
    select
        born.row_id as left_ref, known.person_id as right_ref, 'number' as ground, born.name as left_name, known.name as right_name,
        born.number as left_number, known.id_number as right_number, born.sender_kind
    from born
    inner join known
        on born.folded_name = known.folded_name and born.birth_date = known.birth_date
    where length(born.number) between 17 and 19
),

beginning as (
    select
        aside.row_id, aside.submission_id, aside.name, aside.number,
        aside.sender_kind, known.person_id, known.name as known_name, known.id_number,
        person.division_code,
        max(case when known.own_unit_code = aside.unit_code then 1 else 0 end) as is_own
    from aside
    inner join known
        on aside.folded_name = known.folded_name and substr(aside.number, 1, 15) = substr(known.id_number, 1, 15)
    inner join registry.person as person
        on known.person_id = person.person_id
    where aside.number_state = 'damaged' and length(aside.number) >= 15
    group by
        aside.row_id, aside.submission_id, aside.name, aside.number, aside.sender_kind, known.person_id, known.name,
        known.id_number, person.division_code
),

nearest as (
    select
        beginning.row_id, max(beginning.is_own) as is_own
    from beginning
    group by beginning.row_id
),

only_one as (
    select beginning.row_id, min(beginning.person_id) as person_id
    from beginning
    inner join nearest
        on beginning.row_id = nearest.row_id and beginning.is_own = nearest.is_own
    group by beginning.row_id, beginning.division_code
    having min(beginning.person_id) = max(beginning.person_id)
),

by_beginning as (
    select distinct
        beginning.row_id as left_ref, beginning.person_id as right_ref, 'beginning' as ground, beginning.name as left_name,
        beginning.known_name as right_name, beginning.number as left_number, beginning.id_number as right_number,
        beginning.sender_kind
    from beginning
    inner join only_one
        on beginning.row_id = only_one.row_id and beginning.person_id = only_one.person_id
    inner join listed
        on beginning.person_id = listed.person_id and beginning.submission_id <> listed.submission_id
),

by_phone as (
    select
        aside.row_id as left_ref, known.person_id as right_ref, 'phone' as ground, aside.name as left_name, known.name as right_name,
        aside.number as left_number, known.id_number as right_number, aside.sender_kind
    from aside
    inner join registry.person_phone as person_phone
        on aside.phone = person_phone.phone
    inner join known
        on
            person_phone.person_id = known.person_id
            and aside.folded_name = known.folded_name
            and aside.birth_date = known.birth_date
),

two_numbers as (
    select
        one.person_id as left_ref, other.person_id as right_ref, 'phone' as ground, one.name as left_name, other.name as right_name,
        one.id_number as left_number, other.id_number as right_number, 'division' as sender_kind
    from known as one
    inner join registry.person_phone as one_phone
        on one.person_id = one_phone.person_id
    inner join registry.person_phone as other_phone
        on one_phone.phone = other_phone.phone and one_phone.person_id < other_phone.person_id
    inner join known as other
        on
            other_phone.person_id = other.person_id
            and one.folded_name = other.folded_name
            and one.birth_date = other.birth_date
),

pairs as (
    select left_ref, right_ref, ground, left_name, right_name, left_number, right_number, sender_kind from by_number
    union
    select left_ref, right_ref, ground, left_name, right_name, left_number, right_number, sender_kind from by_beginning
    union
    select left_ref, right_ref, ground, left_name, right_name, left_number, right_number, sender_kind from by_phone
    union
    select left_ref, right_ref, ground, left_name, right_name, left_number, right_number, sender_kind from two_numbers
)

select
    pairs.left_ref,
    pairs.right_ref,
    pairs.ground,
    min(pairs.left_name) as left_name,
    min(pairs.right_name) as right_name,
    min(pairs.left_number) as left_number,
    min(pairs.right_number) as right_number
from pairs
left join registry.scope_person as scope_person
    on pairs.right_ref = scope_person.person_id
where pairs.sender_kind <> 'partner' or scope_person.person_id is not null
group by pairs.left_ref, pairs.right_ref, pairs.ground
