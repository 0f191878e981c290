-- Whether a person is disabled, as the dibao rosters in use say it, for statistics. The federation's certificates serve assistance and
-- supplements only. No other list of ours asks about it, so it is not known of all other people.
with said as (
    select
        enrolment.person_id,
        case
            when dibao_person.is_disabled is not null or dibao_person.is_disabled__unreadable is not null then dibao_person.is_disabled
            when dibao_person.disability_type is not null or dibao_person.disability_level is not null then true
        end as is_disabled
    from registry.enrolment as enrolment
    inner join accepted.dibao_person as dibao_person
        on enrolment.row_id = dibao_person.row_id
)

select
    said.person_id,
    max(case when said.is_disabled then 1 else 0 end) = 1 as is_disabled
from said
where said.is_disabled is not null
group by said.person_id
