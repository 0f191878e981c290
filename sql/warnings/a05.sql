-- People newly certified as severely disabled, within the window (D - 90 days, D], who are on no roster of dibao or tekun.
with certified as (
    select
        disability.person_id,
        disability.row_id,
        disability.disability_type,
        disability.disability_level,
        disability.level_number,
        disability.issued_on,
        disability.status_unreadable,
        person.household_id,
        person.division_code,
        row_number() over (
            partition by disability.person_id
            order by disability.is_severe desc nulls last, disability.level_number, disability.issued_on desc, disability.row_id
        ) as row_rank
    from registry.disability as disability
    inner join registry.person as person
        on disability.person_id = person.person_id
    inner join registry.division_policy as severe_window
        on
            person.division_code = severe_window.division_code
            and severe_window.area_type = ''
            and severe_window.key = 'severe_disability_window'
    cross join input.night as night
    where
        coalesce(disability.is_severe, true)
        and disability.issued_on <= night.run_date
        and date_diff('day', disability.issued_on, night.run_date) < severe_window.value
)

select
    certified.person_id,
    certified.household_id,
    certified.division_code,
    'orange' as level,
    5 - certified.level_number as measured,
    certified.disability_type,
    certified.disability_level,
    certified.issued_on,
    dibao.registry_period as roster_period,
    certified.row_id as certificate_row_id,
    certified.status_unreadable as unreadable
from certified
inner join registry.registry_check as dibao
    on certified.person_id = dibao.person_id and dibao.registry = 'dibao' and dibao.answer = 'not_enrolled'
inner join registry.registry_check as tekun
    on certified.person_id = tekun.person_id and tekun.registry = 'tekun' and tekun.answer = 'not_enrolled'
where certified.row_rank = 1
