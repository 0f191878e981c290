-- Written authorisations (核对授权) that are in date on D, and the people whom each one covers: those whom a roster in use lists with the head who
-- gave it. It covers nobody else in the household: a person whom the survey alone ties to it has signed nothing.
with signed as (
    select
        roster_person.person_id, roster_person.registry, roster_household.registry_rank,
        roster_person.division_code, roster_household.period,
        roster_household.authorised_on, roster_household.row_id
    from registry.roster_person as roster_person
    inner join registry.roster_household as roster_household
        on
            roster_person.registry = roster_household.registry
            and roster_person.division_code = roster_household.division_code
            and roster_person.head_person_id = roster_household.head_person_id
    where roster_person.is_in_use and roster_household.is_in_use
    union
    select
        roster_household.head_person_id as person_id, roster_household.registry,
        roster_household.registry_rank, roster_household.division_code,
        roster_household.period, roster_household.authorised_on, roster_household.row_id
    from registry.roster_household as roster_household
    inner join registry.roster_person as roster_person
        on
            roster_household.registry = roster_person.registry
            and roster_household.division_code = roster_person.division_code
            and roster_household.head_person_id = roster_person.head_person_id
    where roster_person.is_in_use and roster_household.is_in_use
    union
    select
        roster_person.person_id, roster_person.registry, roster_person.registry_rank,
        roster_person.division_code, roster_person.period,
        tekun_person.authorised_on, tekun_person.row_id
    from registry.roster_person as roster_person
    inner join accepted.tekun_person as tekun_person
        on roster_person.row_id = tekun_person.row_id
    where roster_person.is_in_use
),

-- In date: the date plus the months of validity is not before D. Compared in months and days, since adding months stops at the month's end.
measured as (
    select
        signed.person_id,
        signed.registry,
        signed.registry_rank,
        signed.division_code,
        signed.period,
        signed.authorised_on,
        signed.row_id,
        roster.is_current and cast(signed.period || '-01' as date) >= horizon.fresh_start as is_current,
        (year(signed.authorised_on) * 12 + month(signed.authorised_on) + horizon.authorisation_months)
        - (year(horizon.run_date) * 12 + month(horizon.run_date)) as months_left,
        day(signed.authorised_on) - day(horizon.run_date) as days_left
    from signed
    cross join registry.horizon as horizon
    inner join registry.roster as roster
        on signed.registry = roster.registry and signed.division_code = roster.division_code
    where signed.authorised_on <= horizon.run_date
)

select
    measured.person_id,
    measured.row_id,
    measured.registry,
    measured.registry_rank,
    measured.division_code,
    measured.period,
    measured.authorised_on,
    measured.is_current
from measured
where measured.months_left > 0 or (measured.months_left = 0 and measured.days_left >= 0)
