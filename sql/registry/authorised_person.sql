-- Whom a written authorisation (核对授权) on file covers on D: the people that a roster in use lists with the head who gave it.
-- Nobody else of the household: who is tied to it by the survey alone has signed nothing.
with signed as (
    select roster_person.person_id as person_id, roster_household.authorised_on as authorised_on
    from registry.roster_person as roster_person
    inner join registry.roster_household as roster_household
        on
            roster_person.registry = roster_household.registry
            and roster_person.division_code = roster_household.division_code
            and roster_person.head_person_id = roster_household.head_person_id
    where roster_person.is_latest and roster_household.is_latest
    union all
    select roster_household.head_person_id as person_id, roster_household.authorised_on as authorised_on
    from registry.roster_household as roster_household
    where roster_household.is_latest
    union all
    select roster_person.person_id as person_id, tekun_person.authorised_on as authorised_on
    from registry.roster_person as roster_person
    inner join accepted.tekun_person as tekun_person
        on roster_person.row_id = tekun_person.row_id
    where roster_person.is_latest
),

-- The date plus the months of validity is not before D, said in months and days, since months clamp to the month's end.
measured as (
    select
        signed.person_id as person_id,
        signed.authorised_on as authorised_on,
        (year(signed.authorised_on) * 12 + month(signed.authorised_on) + horizon.authorisation_months)
        - (year(horizon.run_date) * 12 + month(horizon.run_date)) as months_left,
        day(signed.authorised_on) - day(horizon.run_date) as days_left
    from signed
    cross join registry.horizon as horizon
    where signed.authorised_on <= horizon.run_date
)

select
    identity.person_id as person_id,
    min(identity.id_number) as id_number,
    max(measured.authorised_on) as authorised_on
from measured
inner join registry.identity as identity
    on measured.person_id = identity.person_id
where measured.months_left > 0 or (measured.months_left = 0 and measured.days_left >= 0)
group by identity.person_id
