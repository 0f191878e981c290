-- Households of which fewer members are known than their size says, while a list of people of their division could not be taken in whole. The
-- missing members may stand there. So a condition such as "no member has …" cannot be answered for these households.
with listed as (
    select
        household_member.household_id,
        count(*) as members
    from registry.household_member as household_member
    group by household_member.household_id
),

missing as (
    select list_gap.division_code, list_gap.said
    from registry.list_gap as list_gap
    where list_gap.kind = 'survey_person'
    union all
    select list_gap.division_code, list_gap.said
    from registry.list_gap as list_gap
    inner join registry.own_roster as own_roster
        on
            list_gap.division_code = own_roster.unit_code
            and list_gap.kind = own_roster.registry || '_person'
            and coalesce(list_gap.latest_period >= own_roster.period, true)
)

select
    household.household_id,
    min(missing.said) || '，家里还有谁不清楚' as unreadable
from registry.household as household
inner join registry.household_fact as household_fact
    on household.household_id = household_fact.household_id
inner join listed
    on household.household_id = listed.household_id
inner join missing
    on household.division_code = missing.division_code
where listed.members < household_fact.household_size
group by household.household_id
