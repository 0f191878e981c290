-- People of whom a roster says all there is to say, whether it is whole or not: they stand on it, with their household, and it lists as many
-- members as it covers.
select
    enrolment.person_id,
    enrolment.division_code,
    enrolment.registry
from registry.enrolment as enrolment
left join registry.roster_household as roster_household
    on enrolment.household_row_id = roster_household.row_id
where
    enrolment.registry = 'tekun'
    or (
        roster_household.period = enrolment.period
        and enrolment.members_listed >= coalesce(roster_household.insured_count, roster_household.household_size)
    )
