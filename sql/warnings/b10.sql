-- People to whom two divisions granted temporary assistance for one cause within days of each other.
with told as (
    select
        same_cause_grant.person_id,
        count(*) as grants,
        min(same_cause_grant.days_apart) as days_apart,
        case
            when count(same_cause_grant.amount_fen) = count(*) then cast(sum(same_cause_grant.amount_fen) as bigint)
        end as amount_fen,
        max(same_cause_grant.granted_on) as last_granted_on,
        string_agg(
            concat(unit.name, cast(same_cause_grant.granted_on as varchar), '（', same_cause_grant.cause, '）'),
            '、' order by same_cause_grant.granted_on, same_cause_grant.division_code, same_cause_grant.row_id
        ) as places,
        cast(null as varchar) as unreadable
    from registry.same_cause_grant as same_cause_grant
    inner join input.unit as unit
        on same_cause_grant.division_code = unit.unit_code
    where same_cause_grant.unreadable is null
    group by same_cause_grant.person_id
),

doubted as (
    select
        same_cause_grant.person_id,
        min(same_cause_grant.unreadable) as unreadable
    from registry.same_cause_grant as same_cause_grant
    left join told
        on same_cause_grant.person_id = told.person_id
    where told.person_id is null
    group by same_cause_grant.person_id
),

asked as (
    select person_id, grants, days_apart, amount_fen, last_granted_on, places, unreadable
    from told
    union all
    select
        person_id, 0 as grants, cast(null as bigint) as days_apart, cast(null as bigint) as amount_fen,
        cast(null as date) as last_granted_on, cast(null as varchar) as places, unreadable
    from doubted
)

select
    asked.person_id,
    person.household_id,
    person.division_code,
    'yellow' as level,
    asked.grants as measured,
    asked.grants,
    asked.days_apart,
    asked.amount_fen,
    asked.places,
    asked.last_granted_on,
    asked.unreadable
from asked
inner join registry.person as person
    on asked.person_id = person.person_id
