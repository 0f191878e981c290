-- People whom our own lists know, for statistics: everybody in help scope, and members who have no number yet. People known only from a
-- partner's list are left out, since nobody knows how many such people there are. The dead are included, since death notices do not serve
-- statistics.
with named as (
    select scope_person.person_id, scope_person.reason as list, 1 as list_rank
    from registry.scope_person as scope_person
    union all
    select enrolment.person_id, 'enrolled' as list, 2 as list_rank
    from registry.enrolment as enrolment
    union all
    select numbered_group.person_id, 'survey' as list, 3 as list_rank
    from registry.numbered_group as numbered_group
    where numbered_group.standing = 'survey'
),

known as (
    select named.person_id, arg_min(named.list, named.list_rank) as list
    from named
    group by named.person_id
)

select
    person.person_id,
    person.household_id,
    person.division_code,
    household_fact.township,
    household_fact.area_type,
    person.sex,
    age.age,
    reported_disability.is_disabled,
    known.list
from known
inner join registry.person as person
    on known.person_id = person.person_id
left join registry.household_fact as household_fact
    on person.household_id = household_fact.household_id
left join registry.age as age
    on person.person_id = age.person_id
left join registry.reported_disability as reported_disability
    on person.person_id = reported_disability.person_id
