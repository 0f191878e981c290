-- Rosters by month, township and registry: how many households and persons, and how much money. The township is the one that that month's
-- roster names; '' when it names none. The rows of one month add up to its line in monthly_statistics.
with member as (
    select
        person.registry,
        person.month,
        person.division_code,
        coalesce(named.township, '') as township,
        person.person_id,
        person.head_person_id
    from registry.counted_person as person
    left join registry.household_township as named
        on
            person.registry = named.registry and person.month = named.month and person.division_code = named.division_code
            and person.head_person_id = named.head_person_id
    where person.registry <> 'temporary'
),

home as (
    select member.month, member.division_code, member.person_id, min(member.township) as township
    from member
    where member.registry = 'tekun'
    group by member.month, member.division_code, member.person_id
),

paid as (
    select
        amount.registry,
        amount.month,
        amount.division_code,
        coalesce(home.township, named.township, '') as township,
        amount.amount_fen
    from registry.counted_amount as amount
    left join home
        on
            amount.registry = 'tekun' and amount.month = home.month and amount.division_code = home.division_code
            and amount.payee_id = home.person_id
    left join registry.household_township as named
        on
            amount.registry = named.registry and amount.month = named.month and amount.division_code = named.division_code
            and amount.payee_id = named.head_person_id
    where amount.registry <> 'temporary'
),

counted as (
    select
        member.registry,
        member.month,
        member.division_code,
        member.township,
        count(distinct member.head_person_id) as households,
        count(distinct member.person_id) as persons
    from member
    group by member.registry, member.month, member.division_code, member.township
),

summed as (
    select
        paid.registry,
        paid.month,
        paid.division_code,
        paid.township,
        sum(paid.amount_fen) as amount_fen,
        count(*) - count(paid.amount_fen) as without_amount
    from paid
    group by paid.registry, paid.month, paid.division_code, paid.township
),

held as (
    select registry, month, division_code, township from counted
    union
    select registry, month, division_code, township from summed
)

select
    held.month,
    held.division_code,
    held.township,
    held.registry,
    counted.households,
    counted.persons,
    cast(cast(summed.amount_fen as decimal(20, 2)) * 0.01 as decimal(18, 2)) as amount,
    coalesce(summed.without_amount, 0) as without_amount,
    in_part.registry is null as is_whole,
    night.run_date as counted_on
from held
cross join input.night as night
left join counted
    on
        held.registry = counted.registry and held.month = counted.month and held.division_code = counted.division_code
        and held.township = counted.township
left join summed
    on
        held.registry = summed.registry and held.month = summed.month and held.division_code = summed.division_code
        and held.township = summed.township
left join registry.month_in_part as in_part
    on held.registry = in_part.registry and held.month = in_part.month and held.division_code = in_part.division_code
