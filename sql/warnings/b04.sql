-- Owners of vehicles in use among the people of authorised households on current rosters.
with owned as (
    select
        vehicle_row.person_id as person_id,
        count(*) as vehicles,
        string_agg(vehicle_row.vehicle_type, '、' order by vehicle_row.vehicle_type, vehicle_row.row_id) as vehicle_types
    from registry.vehicle_row as vehicle_row
    group by vehicle_row.person_id
)

select
    owned.person_id as person_id,
    review_person.household_id as household_id,
    review_person.division_code as division_code,
    'yellow' as level,
    owned.vehicles as measured,
    review_person.registry_name as registry_name,
    review_person.period as roster_period,
    review_person.authorised_on as authorised_on,
    owned.vehicles as vehicles,
    owned.vehicle_types as vehicle_types,
    review_person.row_id as authorisation_row_id
from owned
inner join registry.review_person as review_person
    on owned.person_id = review_person.person_id
