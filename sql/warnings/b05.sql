-- Authorised households whose members own more than one residential unit. A unit that two members share counts once.
with owned as (
    select
        residence.household_id,
        count(distinct case when residence.unreadable is null then residence.unit_no end) as units,
        count(distinct case when residence.unreadable is null then residence.person_id end) as owners,
        count(distinct residence.unit_no) as possible_units,
        min(residence.unreadable) as unreadable
    from registry.residence as residence
    group by residence.household_id
),

ranked as (
    select
        review_person.household_id,
        review_person.division_code,
        review_person.registry_name,
        review_person.period,
        review_person.authorised_on,
        review_person.row_id,
        row_number() over (
            partition by review_person.household_id
            order by review_person.registry_rank, review_person.authorised_on desc, review_person.row_id
        ) as row_rank
    from registry.review_person as review_person
)

select
    household.head_person_id as person_id,
    owned.household_id,
    household.division_code,
    'yellow' as level,
    owned.units as measured,
    ranked.registry_name,
    ranked.period as roster_period,
    ranked.authorised_on,
    owned.units,
    owned.owners,
    ranked.row_id as authorisation_row_id,
    case when owned.units <= 1 then owned.unreadable end as unreadable
from owned
inner join registry.household as household
    on owned.household_id = household.household_id
inner join ranked
    on owned.household_id = ranked.household_id and ranked.row_rank = 1
where owned.possible_units > 1
