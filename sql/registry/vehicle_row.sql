-- The vehicles that a review asks about.
select
    vehicle.row_id,
    vehicle.person_id,
    vehicle.vehicle_type
from registry.vehicle as vehicle
where vehicle.is_asked_about
