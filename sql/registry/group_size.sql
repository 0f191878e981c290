-- How many people or households each group has, and whether the number may be shown. A group smaller than smallest_cell is hidden. With it,
-- further groups of the same total are hidden, until all hidden groups together are no smaller than smallest_cell: so no hidden number follows
-- by subtraction. Where a division is hidden, its townships are hidden too; where the total of all is hidden, everything is hidden.
with sized as (
    select
        person_group.counted,
        person_group.dimension,
        person_group.division_code,
        person_group.value,
        case when person_group.dimension = 'township' then person_group.division_code else 'all' end as total_of,
        cast(count(*) as bigint) as members
    from registry.person_group as person_group
    group by person_group.counted, person_group.dimension, person_group.division_code, person_group.value
),

ranked as (
    select
        sized.counted, sized.dimension, sized.division_code, sized.value,
        sized.total_of, sized.members, night_policy.smallest_cell as smallest,
        sized.members < night_policy.smallest_cell as is_few,
        row_number() over (
            partition by sized.counted, sized.dimension, sized.total_of order by sized.members, sized.value
        ) as row_rank
    from sized
    cross join registry.night_policy as night_policy
),

chosen as (
    select
        ranked.counted, ranked.dimension, ranked.division_code, ranked.value,
        ranked.members,
        ranked.is_few
        or (
            min(ranked.members) over (partition by ranked.counted, ranked.dimension, ranked.total_of) < ranked.smallest
            and sum(ranked.members) over (
                partition by ranked.counted, ranked.dimension, ranked.total_of
                order by ranked.row_rank
                rows between unbounded preceding and 1 preceding
            ) < ranked.smallest
        ) as is_chosen
    from ranked
),

above as (
    select counted, 'all' as division_code, is_chosen from chosen
    where dimension = 'all'
    union all
    select counted, division_code, is_chosen from chosen
    where dimension = 'division'
)

select
    chosen.counted,
    chosen.dimension,
    chosen.division_code,
    chosen.value,
    chosen.members,
    chosen.is_chosen or whole.is_chosen or coalesce(chosen.dimension = 'township' and division.is_chosen, false) as is_hidden
from chosen
inner join above as whole
    on chosen.counted = whole.counted and whole.division_code = 'all'
left join above as division
    on chosen.counted = division.counted and chosen.division_code = division.division_code and chosen.division_code <> 'all'
