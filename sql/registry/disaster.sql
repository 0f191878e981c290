-- Disasters that people reported, with the household in which the person is counted. Of several rows about one person, sort and day the later
-- one counts.
with ranked as (
    select
        disaster_loss.row_id,
        disaster_loss.person_id,
        disaster_loss.disaster_type,
        disaster_loss.happened_on,
        disaster_loss.damaged_rooms,
        disaster_loss.damaged_rooms__unreadable as rooms_unreadable,
        disaster_loss.loss_fen,
        row_number() over (
            partition by disaster_loss.person_id, disaster_loss.disaster_type, disaster_loss.happened_on
            order by disaster_loss.received_seq desc, disaster_loss.row_id
        ) as row_rank
    from accepted.disaster_loss as disaster_loss
    left join registry.name_conflict as name_conflict
        on disaster_loss.row_id = name_conflict.row_id
    where name_conflict.row_id is null and disaster_loss.person_id is not null
)

select
    ranked.row_id,
    ranked.person_id,
    person.household_id,
    ranked.disaster_type,
    ranked.happened_on,
    ranked.damaged_rooms,
    ranked.rooms_unreadable,
    ranked.loss_fen
from ranked
inner join registry.person as person
    on ranked.person_id = person.person_id
where ranked.row_rank = 1
