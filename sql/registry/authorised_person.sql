-- People whom a written authorisation (核对授权) on file covers on D.
select
    identity.person_id,
    min(identity.id_number) as id_number,
    max(authorisation.authorised_on) as authorised_on
from registry.authorisation as authorisation
inner join registry.identity as identity
    on authorisation.person_id = identity.person_id
where identity.identity_state <> 'provisional'
group by identity.person_id
