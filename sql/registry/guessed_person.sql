-- Numbers to which one division gives several names: in its ledger of applications, on its lists of this month or of other months. It may be a
-- slip. It may also be a person who tries one name after another to find the real one. Two names are the same name when one of them begins
-- with the other.
with given_name as (
    select distinct
        person_row.own_unit_code as unit_code, person_row.person_id, person_row.folded_name
    from registry.person_row as person_row
    where person_row.own_unit_code is not null
)

select distinct
    one.unit_code,
    one.person_id
from given_name as one
inner join given_name as other
    on one.unit_code = other.unit_code and one.person_id = other.person_id
where not starts_with(one.folded_name, other.folded_name) and not starts_with(other.folded_name, one.folded_name)
