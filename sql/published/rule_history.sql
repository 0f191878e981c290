-- Every night's answer of each rule in each division: how many it asked about, found, and could not ask about. Earlier nights stand as the
-- release before gives them, as long as facts are kept.
with found as (
    select
        warning.rule_code,
        warning.division_code,
        count(case when warning.last_seen_on = warning.run_date then 1 end) as fired,
        count(*) as open_count,
        count(case when warning.is_overdue then 1 end) as overdue_count
    from main.warning as warning
    where warning.status in ('open', 'verifying')
    group by warning.rule_code, warning.division_code
)

select
    night.run_date,
    rule.rule_code,
    unit.unit_code as division_code,
    coalesce(rule_asked.subjects, 0) - coalesce(rule_asked.not_asked, 0) as asked,
    coalesce(found.fired, 0) as fired,
    coalesce(rule_asked.not_asked, 0) as could_not_be_asked,
    coalesce(found.open_count, 0) as open,
    coalesce(found.overdue_count, 0) as overdue
from input.rule as rule
inner join input.unit as unit
    on unit.unit_kind in ('division', 'bureau')
cross join input.night as night
left join life.rule_asked as rule_asked
    on rule.rule_code = rule_asked.rule_code and unit.unit_code = rule_asked.division_code
left join found
    on rule.rule_code = found.rule_code and unit.unit_code = found.division_code
union all
select
    before.run_date,
    before.rule_code,
    before.division_code,
    before.asked,
    before.fired,
    before.could_not_be_asked,
    before.open,
    before.overdue
from input.previous_rule_history as before
cross join registry.horizon as horizon
where before.run_date > horizon.retention_start
