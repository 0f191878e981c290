-- What changed in every warning, night after night: tonight's changes, and the earlier ones as the release before gives them, as long as facts
-- are kept.
select
    change.run_date as run_date,
    change.warning_id as warning_id,
    change.rule_code as rule_code,
    change.household_id as household_id,
    change.division_code as division_code,
    change.change as change,
    change."before" as "before",
    change."after" as "after",
    change.because as because,
    change.submission_id as submission_id
from main.warning_change as change
union all
select
    earlier.run_date as run_date,
    earlier.warning_id as warning_id,
    earlier.rule_code as rule_code,
    earlier.household_id as household_id,
    earlier.division_code as division_code,
    earlier.change as change,
    earlier."before" as "before",
    earlier."after" as "after",
    earlier.because as because,
    earlier.submission_id as submission_id
from input.previous_change as earlier
cross join registry.horizon as horizon
where earlier.run_date > horizon.retention_start
