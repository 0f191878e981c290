-- Which person stands with which head on which list in use. Tekun is left out: it forms no group while another one exists. People tied to a
-- number that the list cannot claim (registry.claimed_head) form a household of that number and division. It is separate from the person to
-- whom the number belongs.
with tied as (
    select
        roster_person.person_id,
        roster_person.head_person_id as tied_head_id,
        case
            when claimed_head.head_person_id is null then roster_person.head_person_id
            else roster_person.head_person_id || '-' || roster_person.division_code
        end as head_person_id,
        roster_person.registry,
        roster_person.registry_rank,
        roster_person.period,
        roster_person.division_code,
        roster_person.relation,
        roster_person.start_month,
        roster_person.row_id
    from registry.roster_person as roster_person
    left join registry.claimed_head as claimed_head
        on
            roster_person.registry = claimed_head.registry
            and roster_person.division_code = claimed_head.division_code
            and roster_person.head_person_id = claimed_head.head_person_id
    where roster_person.is_in_use and roster_person.registry <> 'tekun'
),

grouped as (
    select
        tied.person_id,
        tied.head_person_id,
        tied.tied_head_id,
        tied.registry as standing,
        tied.registry_rank as standing_rank,
        tied.period,
        tied.division_code,
        tied.relation,
        tied.start_month,
        tied.row_id
    from tied
    union all
    select
        roster_household.head_person_id as person_id,
        roster_household.head_person_id,
        roster_household.head_person_id as tied_head_id,
        roster_household.registry as standing,
        roster_household.registry_rank as standing_rank,
        roster_household.period,
        roster_household.division_code,
        '户主' as relation,
        roster_household.start_month,
        roster_household.row_id
    from registry.roster_household as roster_household
    where roster_household.is_in_use
    union all
    select
        numbered_group.person_id,
        numbered_group.head_person_id,
        numbered_group.head_person_id as tied_head_id,
        numbered_group.standing,
        numbered_group.standing_rank,
        cast(null as varchar) as period,
        case when numbered_group.standing = 'survey' then numbered_group.unit_code else place.division_code end as division_code,
        numbered_group.relation,
        cast(null as date) as start_month,
        numbered_group.row_id
    from registry.numbered_group as numbered_group
    left join input.place as place
        on numbered_group.row_id = place.row_id
)

select
    grouped.person_id,
    grouped.head_person_id,
    grouped.tied_head_id,
    grouped.standing,
    grouped.standing_rank,
    grouped.period,
    grouped.division_code,
    grouped.relation,
    grouped.start_month,
    grouped.row_id
from grouped
