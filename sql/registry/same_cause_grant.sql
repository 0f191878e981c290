-- Grants in the trailing year to one person for one cause by two divisions, at most the policy's number of days apart: every grant that
-- belongs to such a pair. Where nobody can read whether one of the two is a grant, the pair is uncertain and its grants are marked unreadable.
-- A cause or a day that cannot be read may be the one that is looked for.
with may_be_granted as (
    select
        temporary_grant.row_id,
        temporary_grant.person_id,
        temporary_grant.division_code,
        temporary_grant.cause,
        temporary_grant.granted_on,
        temporary_grant.granted_on as known_on,
        temporary_grant.amount_fen,
        cast(null as varchar) as unreadable
    from registry.temporary_grant as temporary_grant
    where temporary_grant.is_granted and not temporary_grant.is_disputed
    union all
    select
        possible_grant.row_id,
        possible_grant.person_id,
        possible_grant.division_code,
        possible_grant.cause,
        possible_grant.granted_on,
        possible_grant.known_on,
        cast(null as bigint) as amount_fen,
        possible_grant.unreadable
    from registry.possible_grant as possible_grant
),

granted as (
    select
        may_be_granted.row_id,
        may_be_granted.person_id,
        may_be_granted.division_code,
        may_be_granted.cause,
        may_be_granted.granted_on,
        may_be_granted.amount_fen,
        may_be_granted.unreadable,
        cast(same_cause.value as integer) as days_apart
    from may_be_granted
    cross join registry.horizon as horizon
    inner join registry.person as person
        on may_be_granted.person_id = person.person_id
    inner join registry.division_policy as same_cause
        on person.division_code = same_cause.division_code and same_cause.area_type = '' and same_cause.key = 'same_cause_window'
    where coalesce(may_be_granted.granted_on, may_be_granted.known_on) > horizon.year_start
),

paired as (
    select
        granted.row_id,
        granted.person_id,
        granted.division_code,
        granted.cause,
        granted.granted_on,
        granted.amount_fen,
        abs(date_diff('day', granted.granted_on, other.granted_on)) as days_apart,
        coalesce(granted.unreadable, other.unreadable) as unreadable
    from granted
    inner join granted as other
        on
            granted.person_id = other.person_id
            and coalesce(granted.cause = other.cause, true)
            and granted.division_code <> other.division_code
            and coalesce(abs(date_diff('day', granted.granted_on, other.granted_on)) <= granted.days_apart, true)
)

select
    paired.row_id,
    paired.person_id,
    paired.division_code,
    paired.cause,
    paired.granted_on,
    paired.amount_fen,
    min(case when paired.unreadable is null then paired.days_apart end) as days_apart,
    case when count(*) = count(paired.unreadable) then min(paired.unreadable) end as unreadable
from paired
group by
    paired.row_id, paired.person_id, paired.division_code, paired.cause, paired.granted_on, paired.amount_fen
