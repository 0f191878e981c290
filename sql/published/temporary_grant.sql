-- Applications for temporary assistance. Disputed rows are left out, since it is not known that they are about this person.
select
    temporary_grant.application_no,
    temporary_grant.person_id,
    temporary_grant.division_code,
    temporary_grant.type,
    temporary_grant.cause,
    temporary_grant.accepted_on,
    temporary_grant.granted_on,
    cast(cast(temporary_grant.amount_fen as decimal(20, 2)) * 0.01 as decimal(14, 2)) as amount,
    temporary_grant.result
from registry.temporary_grant as temporary_grant
where not temporary_grant.is_disputed
