-- Households of the night before whose head no list of their division names: one of its lists may tie people to his number, and say no more
-- of him. Whether another division that claims the number means the same cannot be told by a name.
with headed as (
    select distinct
        identity.person_id as head_person_id,
        previous.division_code as division_code
    from house.previous_person as previous
    inner join house.identity as identity
        on previous.household_id = identity.household_id
    inner join house.unit as unit
        on previous.division_code = unit.unit_code and unit.unit_kind = 'division'
)

select
    headed.head_person_id as head_person_id,
    headed.division_code as division_code
from headed
left join registry.person_row as person_row
    on headed.head_person_id = person_row.person_id and headed.division_code = person_row.own_unit_code
where person_row.row_id is null
