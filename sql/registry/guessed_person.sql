-- Numbers to which a division gives several names, in its ledger of applications, on its lists of this month or of others, on rows that were
-- set aside. It may be a slip; it may be somebody who tries name after name to hit upon the real one. Names of which one begins with the
-- other are one name, so two characters tell.
with given_name as (
    select person_row.own_unit_code as unit_code, person_row.person_id as person_id, person_row.folded_name as folded_name
    from registry.person_row as person_row
    union all
    select set_aside.own_unit_code as unit_code, set_aside.person_id as person_id, folded_name(set_aside.name) as folded_name
    from house.set_aside_name as set_aside
)

select
    given_name.unit_code as unit_code,
    given_name.person_id as person_id
from given_name
where given_name.unit_code is not null
group by given_name.unit_code, given_name.person_id
having count(distinct left(given_name.folded_name, 2)) > 1
