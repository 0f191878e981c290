-- People in tekun who need nursing, and for whom nothing is paid for it.
select
    current_person.person_id,
    current_person.household_id,
    current_person.division_code,
    'yellow' as level,
    cast(case tekun_person.self_care when '全护理' then 2 else 1 end as bigint) as measured,
    tekun_person.self_care,
    current_person.period as roster_period,
    current_person.row_id as tekun_row_id,
    tekun_person.care_amount_fen__unreadable as unreadable
from registry.current_person as current_person
inner join accepted.tekun_person as tekun_person
    on current_person.row_id = tekun_person.row_id
where
    current_person.registry = 'tekun'
    and tekun_person.self_care in ('半护理', '全护理')
    and coalesce(tekun_person.care_amount_fen, 0) = 0
