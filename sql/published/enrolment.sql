-- People on the rosters in use. A household's amount stands on one of its rows only, so that the column can be summed.
select
    enrolment.person_id,
    enrolment.registry,
    enrolment.division_code,
    enrolment.household_id,
    enrolment.period,
    enrolment.start_month,
    cast(cast(enrolment.monthly_amount_fen as decimal(20, 2)) * 0.01 as decimal(14, 2)) as monthly_amount,
    cast(cast(enrolment.supplement_fen as decimal(20, 2)) * 0.01 as decimal(14, 2)) as supplement_amount,
    enrolment.is_current
from registry.enrolment as enrolment
