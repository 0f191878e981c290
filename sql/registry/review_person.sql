-- People whose means may be looked at: those whom an authorisation in date covers on a current roster, with the row that says so.
with ranked as (
    select
        person.person_id,
        person.household_id,
        person.division_code,
        authorisation.registry,
        authorisation.registry_rank,
        authorisation.period,
        authorisation.authorised_on,
        authorisation.row_id,
        row_number() over (
            partition by person.person_id
            order by authorisation.registry_rank, authorisation.authorised_on desc, authorisation.row_id
        ) as row_rank
    from registry.authorisation as authorisation
    inner join registry.person as person
        on authorisation.person_id = person.person_id
    where authorisation.is_current
)

select
    ranked.person_id,
    ranked.household_id,
    ranked.division_code,
    ranked.registry,
    case ranked.registry when 'dibao' then '低保' when 'tekun' then '特困' else '低保边缘' end as registry_name,
    ranked.registry_rank,
    ranked.period,
    ranked.authorised_on,
    ranked.row_id
from ranked
where ranked.row_rank = 1
