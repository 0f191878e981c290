-- How far back this night looks. Months are added in whole months and clamp to the month's end.
with everywhere as (
    select
        max(case when policy.key = 'roster_fresh' then policy.value end) as roster_fresh,
        max(case when policy.key = 'exited_window' then policy.value end) as exited_window,
        max(case when policy.key = 'authorisation_validity' then policy.value end) as authorisation_validity,
        max(case when policy.key = 'report_window' then policy.value end) as report_window,
        max(case when policy.key = 'retention_facts' then policy.value end) as retention_facts
    from input.policy as policy
    where policy.policy_region = '' and policy.area_type = ''
)

select
    night.run_date as run_date,
    night.month_start as month_start,
    strftime(night.month_start, '%Y-%m') as run_month,
    cast(night.run_date - interval 12 month as date) as year_start,
    cast(night.month_start - cast(everywhere.roster_fresh as integer) * interval 1 month as date) as fresh_start,
    cast(night.run_date - cast(everywhere.exited_window as integer) * interval 1 month as date) as exited_start,
    cast(everywhere.authorisation_validity as integer) as authorisation_months,
    cast(night.run_date - cast(everywhere.report_window as integer) * interval 1 day as date) as report_start,
    cast(night.run_date - cast(everywhere.retention_facts as integer) * interval 1 month as date) as retention_start
from input.night as night
cross join everywhere
