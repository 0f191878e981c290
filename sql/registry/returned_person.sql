-- People of last night of whom their own division, or a partner, gave a row again that had to be set aside: under their name, or without a
-- readable one. They are where they were; what another division claims of them meanwhile changes nothing.
select
    held.person_id as person_id,
    held.name as name,
    held.division_code as division_code,
    min(set_aside.row_id) as row_id
from registry.held_person as held
inner join house.set_aside_name as set_aside
    on
        held.person_id = set_aside.person_id
        and coalesce(held.division_code = set_aside.own_unit_code, true)
        and coalesce(held.folded_name = folded_name(set_aside.name), true)
group by held.person_id, held.name, held.division_code
