-- The roster that answers for a division's people. For the bureau's own people the rosters of all divisions must be current, and whole.
select
    roster.division_code as unit_code,
    roster.registry,
    roster.period,
    roster.is_current,
    roster.is_whole
from registry.roster as roster
union all
select
    unit.unit_code,
    roster.registry,
    case when count(roster.period) = count(*) then min(roster.period) end as period,
    min(case when roster.is_current then 1 else 0 end) = 1 as is_current,
    min(case when roster.is_whole then 1 else 0 end) = 1 as is_whole
from input.unit as unit
cross join registry.roster as roster
where unit.unit_kind = 'bureau'
group by unit.unit_code, roster.registry
