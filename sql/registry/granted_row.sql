-- Applications that were granted, with the household in which the applicant is counted. Disputed applications are left out.
select
    temporary_grant.row_id,
    temporary_grant.person_id,
    person.household_id,
    temporary_grant.application_no,
    temporary_grant.division_code,
    temporary_grant.cause,
    temporary_grant.granted_on,
    temporary_grant.amount_fen,
    temporary_grant.granted_on > horizon.year_start as is_in_year
from registry.temporary_grant as temporary_grant
cross join registry.horizon as horizon
inner join registry.person as person
    on temporary_grant.person_id = person.person_id
where temporary_grant.is_granted and not temporary_grant.is_disputed
