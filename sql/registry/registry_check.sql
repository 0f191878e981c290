-- The four answers of a registry. A person on a roster in use of any division is enrolled. "Not enrolled" needs all of this: the own
-- division's roster is current and whole; the person has a number, and it is not disputed; no row that may be his was set aside from that
-- roster (registry.possible_person); no row with his very number was set aside from a roster of any division. A person who heads a household
-- on a roster, and is not on the list of people himself, may be enrolled; where a list gives only his number, as the head of others, this
-- counts for the roster of his own division only. A number is disputed when two of our own lists in use (source_rank 1 to 5) give it different
-- names. A slip at a partner, in an application or in a month that is over only means that this one row is not used.
with enrolled as (
    select
        enrolment.person_id,
        enrolment.registry,
        max(enrolment.period) as period
    from registry.enrolment as enrolment
    group by enrolment.person_id, enrolment.registry
),

disputed as (
    select distinct name_conflict.person_id
    from registry.name_conflict as name_conflict
    where name_conflict.is_in_use and name_conflict.source_rank <= 5 and name_conflict.state <> 'not_same'
),

unusable as (
    select distinct
        possible_person.person_id,
        roster_unusable.registry
    from registry.roster_unusable as roster_unusable
    inner join registry.possible_person as possible_person
        on roster_unusable.row_id = possible_person.row_id
    inner join registry.person as person
        on possible_person.person_id = person.person_id
    inner join input.unit as unit
        on person.division_code = unit.unit_code
    where
        possible_person.bears_number
        or unit.unit_kind = 'bureau'
        or person.division_code = roster_unusable.division_code
),

heading as (
    select distinct
        unlisted_head.person_id,
        unlisted_head.registry
    from registry.unlisted_head as unlisted_head
    inner join registry.person as person
        on unlisted_head.person_id = person.person_id
    inner join input.unit as unit
        on person.division_code = unit.unit_code
    where unlisted_head.is_named or unit.unit_kind = 'bureau' or person.division_code = unlisted_head.division_code
)

select
    person.person_id,
    own_roster.registry,
    person.household_id,
    case
        when enrolled.person_id is not null then 'enrolled'
        when person.identity_state = 'provisional' then 'cannot_tell'
        when not own_roster.is_current then 'not_current'
        when not own_roster.is_whole or heading.person_id is not null then 'cannot_tell'
        when disputed.person_id is not null or unusable.person_id is not null then 'cannot_tell'
        else 'not_enrolled'
    end as answer,
    coalesce(enrolled.period, own_roster.period) as registry_period,
    own_roster.is_whole
from registry.person as person
inner join registry.own_roster as own_roster
    on person.division_code = own_roster.unit_code
left join enrolled
    on person.person_id = enrolled.person_id and own_roster.registry = enrolled.registry
left join disputed
    on person.person_id = disputed.person_id
left join heading
    on person.person_id = heading.person_id and own_roster.registry = heading.registry
left join unusable
    on person.person_id = unusable.person_id and own_roster.registry = unusable.registry
