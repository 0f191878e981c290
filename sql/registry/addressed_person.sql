-- The one division that the addresses in partners' rows about a person name, and the township where they all name the same one. Rows under
-- another name do not count.
select
    person_row.person_id,
    min(place.division_code) as division_code,
    case when count(distinct nullif(place.township, '')) = 1 then max(nullif(place.township, '')) end as township
from registry.person_row as person_row
inner join input.place as place
    on person_row.row_id = place.row_id
left join registry.name_conflict as name_conflict
    on person_row.row_id = name_conflict.row_id
where person_row.list = 'partner' and name_conflict.row_id is null
group by person_row.person_id
having count(distinct place.division_code) = 1
