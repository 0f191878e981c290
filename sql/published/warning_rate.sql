-- How many of the people and households on our lists were listed by a warning within the window: by place, sex, age, disability and list,
-- separately for help, supplements and reviews. A figure that could point to a person is hidden: fewer than smallest_cell listed, or fewer
-- than smallest_cell not listed. With it, further groups of the same total are hidden, until all hidden groups together have no fewer than
-- smallest_cell listed and no fewer not listed: so nothing follows by subtraction. Where a division is hidden, its townships are hidden too;
-- where the total of all is hidden, everything is hidden.
with purposes as (
    select distinct rule.purpose
    from input.rule as rule
),

hit as (
    select
        reached.purpose,
        person_group.counted,
        person_group.dimension,
        person_group.division_code,
        person_group.value,
        count(*) as listed
    from registry.person_group as person_group
    inner join life.reached as reached
        on person_group.counted = reached.counted and person_group.member_id = reached.member_id
    group by reached.purpose, person_group.counted, person_group.dimension, person_group.division_code, person_group.value
),

cell as (
    select
        purposes.purpose,
        group_size.counted,
        group_size.dimension,
        group_size.division_code,
        group_size.value,
        case when group_size.dimension = 'township' then group_size.division_code else 'all' end as total_of,
        night_policy.smallest_cell as smallest,
        group_size.members as known,
        cast(coalesce(hit.listed, 0) as bigint) as listed,
        group_size.members - coalesce(hit.listed, 0) as not_listed,
        group_size.is_hidden as is_size_hidden,
        group_size.is_hidden
        or (coalesce(hit.listed, 0) > 0 and coalesce(hit.listed, 0) < night_policy.smallest_cell)
        or group_size.members - coalesce(hit.listed, 0) < night_policy.smallest_cell as is_telling
    from registry.group_size as group_size
    cross join purposes
    cross join registry.night_policy as night_policy
    left join hit
        on
            purposes.purpose = hit.purpose
            and group_size.counted = hit.counted
            and group_size.dimension = hit.dimension
            and group_size.division_code = hit.division_code
            and group_size.value = hit.value
),

ranked as (
    select
        cell.purpose, cell.counted, cell.dimension, cell.division_code,
        cell.value, cell.total_of, cell.smallest, cell.known, cell.listed,
        cell.not_listed, cell.is_size_hidden, cell.is_telling,
        sum(case when cell.is_telling then 1 else 0 end) over (
            partition by cell.purpose, cell.counted, cell.dimension, cell.total_of
        ) as telling,
        row_number() over (
            partition by cell.purpose, cell.counted, cell.dimension, cell.total_of
            order by
                case when cell.is_telling then 0 else 1 end,
                case when cell.listed = 0 then 1 else 0 end,
                cell.listed, cell.known, cell.value
        ) as row_rank
    from cell
),

before as (
    select
        ranked.purpose, ranked.counted, ranked.dimension, ranked.division_code,
        ranked.value, ranked.smallest, ranked.known, ranked.listed,
        ranked.is_size_hidden, ranked.is_telling, ranked.telling,
        sum(ranked.listed) over (
            partition by ranked.purpose, ranked.counted, ranked.dimension, ranked.total_of
        ) as listed_in_all,
        coalesce(sum(ranked.listed) over (
            partition by ranked.purpose, ranked.counted, ranked.dimension, ranked.total_of
            order by ranked.row_rank
            rows between unbounded preceding and 1 preceding
        ), 0) as listed_before,
        coalesce(sum(ranked.not_listed) over (
            partition by ranked.purpose, ranked.counted, ranked.dimension, ranked.total_of
            order by ranked.row_rank
            rows between unbounded preceding and 1 preceding
        ), 0) as not_listed_before
    from ranked
),

chosen as (
    select
        before.purpose, before.counted, before.dimension, before.division_code,
        before.value, before.known, before.listed, before.is_size_hidden,
        before.is_telling
        or (
            before.telling > 0 and before.listed_in_all > 0
            and (before.listed_before < before.smallest or before.not_listed_before < before.smallest)
        ) as is_chosen
    from before
),

above as (
    select purpose, counted, 'all' as division_code, is_chosen, listed, known from chosen
    where dimension = 'all'
    union all
    select purpose, counted, division_code, is_chosen, listed, known from chosen
    where dimension = 'division'
),

shown as (
    select
        chosen.purpose,
        chosen.counted,
        chosen.dimension,
        chosen.division_code,
        chosen.value,
        case when not chosen.is_size_hidden then chosen.known end as known,
        case
            when not chosen.is_chosen and not whole.is_chosen and not coalesce(chosen.dimension = 'township' and division.is_chosen, false)
                then chosen.listed
        end as listed,
        whole.listed as all_listed,
        whole.known as all_known
    from chosen
    inner join above as whole
        on chosen.purpose = whole.purpose and chosen.counted = whole.counted and whole.division_code = 'all'
    left join above as division
        on
            chosen.purpose = division.purpose
            and chosen.counted = division.counted
            and chosen.division_code = division.division_code
            and chosen.division_code <> 'all'
    union all
    select
        reached.purpose,
        reached.counted,
        'elsewhere' as dimension,
        'all' as division_code,
        'elsewhere' as value,
        cast(null as bigint) as known,
        case when count(*) >= max(night_policy.smallest_cell) then count(*) end as listed,
        cast(null as bigint) as all_listed,
        cast(null as bigint) as all_known
    from life.reached as reached
    cross join registry.night_policy as night_policy
    left join registry.person_group as person_group
        on reached.counted = person_group.counted and reached.member_id = person_group.member_id and person_group.dimension = 'all'
    where person_group.member_id is null
    group by reached.purpose, reached.counted
),

measured as (
    select
        shown.purpose,
        shown.counted,
        shown.dimension,
        shown.division_code,
        shown.value,
        shown.known,
        shown.listed,
        cast(shown.listed as double) / nullif(cast(shown.known as double), 0) as rate,
        wilson_low(shown.listed, shown.known) as low,
        wilson_high(shown.listed, shown.known) as high,
        cast(shown.all_listed as double) / nullif(cast(shown.all_known as double), 0) as all_rate
    from shown
)

select
    measured.purpose,
    measured.counted,
    measured.dimension,
    measured.division_code,
    measured.value,
    measured.known,
    measured.listed,
    measured.listed is null as is_hidden,
    cast(measured.rate as decimal(6, 4)) as rate,
    cast(measured.low as decimal(6, 4)) as low,
    cast(measured.high as decimal(6, 4)) as high,
    cast(measured.rate / nullif(measured.all_rate, 0) as decimal(12, 2)) as ratio,
    case
        when measured.dimension = 'all' or measured.rate is null then cast(null as varchar)
        when measured.high < measured.all_rate then 'below'
        when measured.low > measured.all_rate then 'above'
        else 'like'
    end as against_all
from measured
