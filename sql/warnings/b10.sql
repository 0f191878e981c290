-- People to whom two divisions granted temporary assistance for one cause within days of each other.
with told as (
    select
        same_cause_grant.person_id as person_id,
        count(*) as grants,
        min(same_cause_grant.days_apart) as days_apart,
        cast(sum(same_cause_grant.amount_fen) as bigint) as amount_fen,
        max(same_cause_grant.granted_on) as last_granted_on,
        string_agg(
            concat(unit.name, cast(same_cause_grant.granted_on as varchar), '(', same_cause_grant.cause, ')'),
            '、' order by same_cause_grant.granted_on, same_cause_grant.division_code, same_cause_grant.row_id
        ) as places
    from registry.same_cause_grant as same_cause_grant
    inner join house.unit as unit
        on same_cause_grant.division_code = unit.unit_code
    group by same_cause_grant.person_id
)

select
    told.person_id as person_id,
    person.household_id as household_id,
    person.division_code as division_code,
    'yellow' as level,
    told.grants as measured,
    told.grants as grants,
    told.days_apart as days_apart,
    told.amount_fen as amount_fen,
    told.places as places,
    told.last_granted_on as last_granted_on
from told
inner join registry.person as person
    on told.person_id = person.person_id
