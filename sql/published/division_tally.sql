-- For each division: how many warnings are open, looked into, overdue and closed.
select
    unit.unit_code as division_code,
    unit.name,
    count(case when warning.status = 'open' then 1 end) as open_count,
    count(case when warning.status = 'verifying' then 1 end) as verifying_count,
    count(case when warning.is_overdue then 1 end) as overdue_count,
    count(case when warning.is_overdue and warning.level = 'red' then 1 end) as overdue_red_count,
    min(case when warning.is_overdue then warning.due_on end) as overdue_since,
    count(case when warning.status = 'closed' then 1 end) as closed_count
from input.unit as unit
left join main.warning as warning
    on unit.unit_code = warning.division_code
where unit.unit_kind in ('division', 'bureau')
group by unit.unit_code, unit.name
