-- Vehicles; of several rows about one plate and owner the later one counts.
with ranked as (
    select
        vehicle.row_id,
        vehicle.person_id,
        vehicle.plate_no,
        vehicle.vehicle_type,
        vehicle.vehicle_type__unreadable as type_unreadable,
        vehicle.status,
        row_number() over (
            partition by vehicle.person_id, vehicle.plate_no order by vehicle.received_seq desc, vehicle.row_id
        ) as row_rank
    from accepted.vehicle as vehicle
    left join registry.name_conflict as name_conflict
        on vehicle.row_id = name_conflict.row_id
    where name_conflict.row_id is null and vehicle.person_id is not null
)

select
    ranked.row_id,
    ranked.person_id,
    ranked.plate_no,
    ranked.vehicle_type,
    ranked.status = '正常' and ranked.vehicle_type in ('小型轿车', '小型客车', '货车') as is_asked_about,
    case when ranked.status = '正常' then ranked.type_unreadable end as unreadable
from ranked
where ranked.row_rank = 1
