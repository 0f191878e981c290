-- Every household, with the colour of the help that it needs; without open warnings, the colour of what it already has.
with standing as (
    select distinct household_member.household_id, enrolment.registry as ground
    from registry.household_member as household_member
    inner join registry.enrolment as enrolment
        on household_member.person_id = enrolment.person_id
    union
    select distinct household_member.household_id, 'temporary' as ground
    from registry.household_member as household_member
    inner join registry.temporary_grant as temporary_grant
        on household_member.person_id = temporary_grant.person_id
    cross join registry.horizon as horizon
    where temporary_grant.is_granted and not temporary_grant.is_disputed and temporary_grant.granted_on > horizon.year_start
),

coloured as (
    select standing.household_id, min(cast(colour.colour_rank as integer)) as colour_rank
    from standing
    inner join input.colour as colour
        on standing.ground = colour.ground
    group by standing.household_id
),

named_colour as (
    select distinct cast(colour.colour_rank as integer) as colour_rank, colour.colour
    from input.colour as colour
)

select
    household.household_id,
    household.head_person_id,
    household.division_code,
    household_fact.township,
    household_fact.area_type,
    household_fact.household_size as size,
    coalesce(household_warning.colour, named_colour.colour) as colour
from registry.household as household
left join registry.household_fact as household_fact
    on household.household_id = household_fact.household_id
left join main.household_warning as household_warning
    on household.household_id = household_warning.household_id
left join coloured
    on household.household_id = coloured.household_id
left join named_colour
    on coloured.colour_rank = named_colour.colour_rank
