-- The person to ask about a household: its head, or when the head has died the eldest living member, adults first. Households without a living
-- member have no row.
with living as (
    select
        concerned.household_id,
        concerned.person_id,
        case when household.head_person_id = concerned.person_id then 0 else 1 end as head_rank,
        case when age.age >= 18 then 0 else 1 end as adult_rank,
        age.birth_date
    from registry.concerned as concerned
    inner join registry.household as household
        on concerned.household_id = household.household_id
    left join registry.age as age
        on concerned.person_id = age.person_id
    left join registry.death as death
        on concerned.person_id = death.person_id
    where death.person_id is null
),

ranked as (
    select
        living.household_id,
        living.person_id,
        living.head_rank = 0 as is_head,
        count(*) over (partition by living.household_id) as people_left,
        row_number() over (
            partition by living.household_id
            order by living.head_rank, living.adult_rank, living.birth_date nulls last, living.person_id
        ) as row_rank
    from living
)

select
    ranked.household_id,
    ranked.person_id,
    ranked.is_head,
    ranked.people_left
from ranked
where ranked.row_rank = 1
