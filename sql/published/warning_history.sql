-- What changed in every warning, night after night: tonight's changes, and the earlier ones as the release before gives them, as long as facts
-- are kept.
select
    change.run_date,
    change.warning_id,
    change.rule_code,
    change.household_id,
    change.division_code,
    change.change,
    change."before",
    change."after",
    change.because,
    change.submission_id
from main.warning_change as change
union all
select
    earlier.run_date,
    earlier.warning_id,
    earlier.rule_code,
    earlier.household_id,
    earlier.division_code,
    earlier.change,
    earlier."before",
    earlier."after",
    earlier.because,
    earlier.submission_id
from input.previous_change as earlier
cross join registry.horizon as horizon
where earlier.run_date > horizon.retention_start
