-- Who lived in a division on the night before, and how he was called. Whom the bureau had is nobody's: any division's list may take him in.
select
    previous.person_id as person_id,
    previous.name as name,
    previous.division_code as division_code
from house.previous_person as previous
inner join house.unit as unit
    on previous.division_code = unit.unit_code
where unit.unit_kind = 'division'
