-- Pairs of grants in the trailing year to one person for one cause by two divisions, at most the policy's days apart: every grant that
-- belongs to such a pair.
with granted as (
    select
        temporary_grant.person_id as person_id,
        temporary_grant.division_code as division_code,
        temporary_grant.application_no as application_no,
        temporary_grant.cause as cause,
        temporary_grant.granted_on as granted_on,
        temporary_grant.amount_fen as amount_fen,
        temporary_grant.row_id as row_id,
        person.division_code as own_division,
        cast(same_cause.value as integer) as days_apart
    from registry.temporary_grant as temporary_grant
    cross join registry.horizon as horizon
    inner join registry.person as person
        on temporary_grant.person_id = person.person_id
    inner join registry.division_policy as same_cause
        on person.division_code = same_cause.division_code and same_cause.area_type = '' and same_cause.key = 'same_cause_window'
    where temporary_grant.is_granted and not temporary_grant.is_disputed and temporary_grant.granted_on > horizon.year_start
)

select
    granted.row_id as row_id,
    granted.person_id as person_id,
    granted.division_code as division_code,
    granted.cause as cause,
    granted.granted_on as granted_on,
    granted.amount_fen as amount_fen,
    min(abs(date_diff('day', granted.granted_on, other.granted_on))) as days_apart
from granted
inner join granted as other
    on
        granted.person_id = other.person_id
        and granted.cause = other.cause
        and granted.division_code <> other.division_code
        and abs(date_diff('day', granted.granted_on, other.granted_on)) <= granted.days_apart
group by
    granted.row_id, granted.person_id, granted.division_code, granted.cause, granted.granted_on, granted.amount_fen
