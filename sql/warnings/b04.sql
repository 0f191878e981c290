-- Owners of vehicles in use, among the people of authorised households on current rosters.
with owned as (
    select
        vehicle.person_id,
        count(case when vehicle.is_asked_about then 1 end) as vehicles,
        string_agg(case when vehicle.is_asked_about then vehicle.vehicle_type end, '、' order by vehicle.vehicle_type, vehicle.row_id)
            as vehicle_types,
        min(vehicle.unreadable) as unreadable
    from registry.vehicle as vehicle
    where vehicle.is_asked_about or vehicle.unreadable is not null
    group by vehicle.person_id
)

select
    owned.person_id,
    review_person.household_id,
    review_person.division_code,
    'yellow' as level,
    owned.vehicles as measured,
    review_person.registry_name,
    review_person.period as roster_period,
    review_person.authorised_on,
    owned.vehicles,
    owned.vehicle_types,
    review_person.row_id as authorisation_row_id,
    case when owned.vehicles = 0 then owned.unreadable end as unreadable
from owned
inner join registry.review_person as review_person
    on owned.person_id = review_person.person_id
