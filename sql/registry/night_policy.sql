-- The policy values of the night that hold for everybody, whatever the region and area type; one row.
select
    max(case when policy.key = 'roster_fresh' then cast(policy.value as integer) end) as roster_fresh_months,
    max(case when policy.key = 'exited_window' then cast(policy.value as integer) end) as exited_months,
    max(case when policy.key = 'authorisation_validity' then cast(policy.value as integer) end) as authorisation_months,
    max(case when policy.key = 'report_window' then cast(policy.value as integer) end) as report_days,
    max(case when policy.key = 'retention_facts' then cast(policy.value as integer) end) as retention_months,
    max(case when policy.key = 'snooze' then cast(policy.value as integer) end) as snooze_days,
    max(case when policy.key = 'worse_factor' then policy.value_x10000 end) as worse_factor_x10000,
    max(case when policy.key = 'sample_per_week' then cast(policy.value as integer) end) as sample_per_week,
    max(case when policy.key = 'sample_valid' then cast(policy.value as integer) end) as sample_valid_days,
    max(case when policy.key = 'smallest_cell' then policy.value end) as smallest_cell
from input.policy as policy
where policy.policy_region = '' and policy.area_type = ''
