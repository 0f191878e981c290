-- What the rosters on file say of the months that began after a person's death: the person's own row, and the row of his dibao household with
-- its amount. Without the household's row, it is unknown what the household was paid.
with listed as (
    select
        roster_person.row_id,
        roster_person.person_id,
        roster_person.registry,
        roster_person.registry_rank,
        roster_person.division_code,
        roster_person.head_person_id,
        roster_person.period,
        roster_person.period_start,
        roster_person.own_amount_fen,
        roster_person.is_own_amount_unreadable,
        roster_person.is_in_use and roster_person.is_current as is_current,
        death.died_on,
        death.row_id as death_row_id
    from registry.roster_person as roster_person
    inner join registry.death as death
        on roster_person.person_id = death.person_id
    where roster_person.period_start > death.died_on
)

select
    listed.row_id,
    listed.person_id,
    listed.registry,
    listed.registry_rank,
    listed.period,
    listed.period_start,
    listed.own_amount_fen as amount_fen,
    listed.is_own_amount_unreadable or (listed.registry = 'dibao' and roster_household.row_id is null) as is_amount_unknown,
    listed.is_current,
    listed.died_on,
    listed.death_row_id
from listed
left join registry.roster_household as roster_household
    on
        listed.registry = roster_household.registry
        and listed.division_code = roster_household.division_code
        and listed.head_person_id = roster_household.head_person_id
        and listed.period = roster_household.period
union all
select
    roster_household.row_id,
    listed.person_id,
    listed.registry,
    listed.registry_rank,
    listed.period,
    listed.period_start,
    roster_household.amount_fen,
    roster_household.is_amount_unreadable as is_amount_unknown,
    false as is_current,
    listed.died_on,
    listed.death_row_id
from listed
inner join registry.roster_household as roster_household
    on
        listed.registry = roster_household.registry
        and listed.division_code = roster_household.division_code
        and listed.head_person_id = roster_household.head_person_id
        and listed.period = roster_household.period
