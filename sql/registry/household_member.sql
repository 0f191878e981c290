-- The one household of each person. When lists name different heads, the list of highest standing decides: dibao, edge, survey, monitoring.
-- Among equals the latest period decides, then the lower division code, then the head's id. A person in no group is a household of one.
with ranked as (
    select
        household_group.person_id,
        household_group.head_person_id,
        household_group.tied_head_id,
        household_group.standing,
        household_group.relation,
        row_number() over (
            partition by household_group.person_id
            order by
                case when placed.head_person_id is null then 1 else 0 end, household_group.standing_rank, household_group.period desc nulls last,
                household_group.division_code nulls last, household_group.head_person_id,
                case when household_group.relation is null then 1 else 0 end, household_group.row_id
        ) as row_rank
    from registry.household_group as household_group
    left join input.placed as placed
        on household_group.person_id = placed.person_id and household_group.head_person_id = placed.head_person_id
),

tekun as (
    select distinct roster_person.person_id
    from registry.roster_person as roster_person
    where roster_person.is_in_use and roster_person.registry = 'tekun'
),

placed as (
    select
        identity.person_id,
        coalesce(ranked.head_person_id, identity.person_id) as head_person_id,
        coalesce(ranked.tied_head_id, identity.person_id) as tied_head_id,
        case
            when coalesce(ranked.head_person_id, identity.person_id) = identity.person_id then '户主'
            else ranked.relation
        end as relation,
        case
            when ranked.person_id is not null then ranked.standing
            when tekun.person_id is not null then 'tekun'
            else 'other'
        end as standing
    from registry.identity as identity
    left join ranked
        on identity.person_id = ranked.person_id and ranked.row_rank = 1
    left join tekun
        on identity.person_id = tekun.person_id
)

select
    house_identity.household_id || substr(placed.head_person_id, length(placed.tied_head_id) + 1) as household_id,
    placed.person_id,
    placed.head_person_id,
    placed.relation,
    placed.standing
from placed
inner join input.identity as house_identity
    on placed.tied_head_id = house_identity.person_id
