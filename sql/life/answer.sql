-- What people wrote about who is who, and what became of it beside everything else that was said: "the same" that leads by a chain
-- to somebody who was said to be another joins nobody until people settle it (life.contradiction). What a division said of its own holds
-- nobody whom another division has by now: whoever was said to be one lived in another one last night, or stands in lists in use of
-- others and in none of its own. The question is asked anew there, and the answer holds again when that is over.
with said_same as (
    select
        heard.decision_id as decision_id,
        heard.unit_code as unit_code,
        unnest([heard.left_ref, heard.right_ref]) as person_id
    from life.heard as heard
    inner join house.unit as unit
        on heard.unit_code = unit.unit_code
    where heard.about = 'identity' and heard.state = 'stands' and heard.result = 'same' and unit.unit_kind = 'division'
),

named as (
    select
        said_same.decision_id as decision_id,
        said_same.person_id as person_id,
        max(case when named_in.unit_code = said_same.unit_code then 1 else 0 end) as is_own
    from said_same
    inner join life.named_in as named_in
        on said_same.person_id = named_in.person_id
    inner join house.unit as unit
        on named_in.unit_code = unit.unit_code
    where unit.unit_kind = 'division'
    group by said_same.decision_id, said_same.person_id
),

moved as (
    select named.decision_id as decision_id
    from named
    where named.is_own = 0
    union
    select said_same.decision_id as decision_id
    from said_same
    inner join house.previous_person as previous
        on said_same.person_id = previous.person_id
    inner join house.unit as unit
        on previous.division_code = unit.unit_code
    where unit.unit_kind = 'division' and previous.division_code <> said_same.unit_code
)

select
    heard.decision_id as decision_id,
    heard.subject as question_id,
    heard.left_ref as left_ref,
    heard.right_ref as right_ref,
    heard.division_code as division_code,
    heard.result as decision,
    heard.decided_by as decided_by,
    heard.decided_on as decided_on,
    heard.note as note,
    heard.unit_code as unit_code,
    heard.file_name as file_name,
    heard.sheet as sheet,
    heard.row_number as row_number,
    heard.received_on as received_on,
    heard.received_seq as received_seq,
    case
        when contradiction.decision_id is not null and heard.result = 'same' then 'contradicted'
        when moved.decision_id is not null then 'moved'
        else heard.state
    end as state,
    heard.problem as problem,
    heard.conflict as conflict,
    coalesce(heard.contradiction, contradiction.said) as contradiction
from life.heard as heard
left join life.contradiction as contradiction
    on heard.decision_id = contradiction.decision_id
left join moved
    on heard.decision_id = moved.decision_id
where heard.about = 'identity'
