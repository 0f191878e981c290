-- Where each person lived on the night before, and the name that the person had. A person who was counted at the bureau may be taken in by any
-- division's list under his name.
select
    previous.person_id,
    previous.name,
    folded_name(previous.name) as folded_name,
    previous.division_code,
    unit.unit_kind = 'division' as is_of_division
from input.previous_person as previous
inner join input.unit as unit
    on previous.division_code = unit.unit_code
