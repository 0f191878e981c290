-- People whose rows in a partner's list may be kept, by the scope that the list is kept for (docs/boundaries.md, 3).
select
    scope_person.person_id,
    scope_person.id_number,
    'help' as scope
from registry.scope_person as scope_person
union all
select
    authorised_person.person_id,
    authorised_person.id_number,
    'authorised' as scope
from registry.authorised_person as authorised_person
