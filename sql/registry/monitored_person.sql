-- People on the list of the rural-revitalisation bureau. The entry is open until the risk is eliminated.
with ranked as (
    select
        monitoring.person_id,
        monitoring.row_id,
        monitoring.category,
        monitoring.is_risk_eliminated,
        monitoring.identified_on,
        row_number() over (
            partition by monitoring.person_id
            order by monitoring.received_seq desc, monitoring.identified_on desc, monitoring.row_id
        ) as row_rank
    from accepted.poverty_return_monitoring as monitoring
    left join registry.name_conflict as name_conflict
        on monitoring.row_id = name_conflict.row_id
    where name_conflict.row_id is null and monitoring.person_id is not null
)

select
    ranked.person_id,
    person.household_id,
    ranked.row_id,
    ranked.category,
    not ranked.is_risk_eliminated as is_open,
    ranked.identified_on
from ranked
inner join registry.person as person
    on ranked.person_id = person.person_id
where ranked.row_rank = 1
