-- Rows that carry a person's number under a name that is not the person's, and what people have said about each.
with named as (
    select
        identity.person_id as person_id,
        person_row.name as kept_name,
        person_row.folded_name as kept_folded_name
    from registry.identity as identity
    inner join registry.person_row as person_row
        on identity.row_id = person_row.row_id
)

select
    person_row.row_id as row_id,
    person_row.person_id as person_id,
    person_row.id_number as id_number,
    named.kept_name as kept_name,
    person_row.name as other_name,
    person_row.is_current as is_current,
    person_row.source_rank as source_rank,
    coalesce(decided.decision, case when person_row.is_current then 'disputed' else 'past' end) as state
from registry.person_row as person_row
inner join named
    on person_row.person_id = named.person_id
left join house.identity_decision as decided
    on person_row.row_id = decided.left_ref and person_row.person_id = decided.right_ref
where
    not starts_with(person_row.folded_name, named.kept_folded_name)
    and not starts_with(named.kept_folded_name, person_row.folded_name)
