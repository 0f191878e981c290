-- How far back this night looks. Months are added as whole months and stop at the end of the month.
select
    night.run_date,
    night.month_start,
    strftime(night.month_start, '%Y-%m') as run_month,
    cast(night.run_date - interval 12 month as date) as year_start,
    cast(night.month_start - night_policy.roster_fresh_months * interval 1 month as date) as fresh_start,
    cast(night.run_date - night_policy.exited_months * interval 1 month as date) as exited_start,
    night_policy.authorisation_months,
    cast(night.run_date - night_policy.report_days * interval 1 day as date) as report_start,
    cast(night.run_date - night_policy.retention_months * interval 1 month as date) as retention_start
from input.night as night
cross join registry.night_policy as night_policy
