-- Numbers to which a division gives several names, in its ledger of applications, on its lists of this month or of others. It may be a slip;
-- it may be somebody who tries name after name to hit upon the real one. Names of which one begins with the other are one name, so two
-- characters tell.
select
    person_row.own_unit_code as unit_code,
    person_row.person_id as person_id
from registry.person_row as person_row
where person_row.own_unit_code is not null
group by person_row.own_unit_code, person_row.person_id
having count(distinct left(person_row.folded_name, 2)) > 1
