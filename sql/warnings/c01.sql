-- People in dibao who are under 18, 60 or older, severely disabled or seriously ill, and whose supplement is blank or 0.
with listed as (
    select
        current_person.person_id,
        current_person.household_id,
        current_person.division_code,
        current_person.period as roster_period,
        dibao_person.is_seriously_ill,
        dibao_person.is_seriously_ill__unreadable as ill_unreadable,
        dibao_person.supplement_fen__unreadable as supplement_unreadable,
        case when current_person.is_row_unreadable then '最初享受月份认不出来' end as start_unreadable,
        current_person.row_id
    from registry.current_person as current_person
    inner join accepted.dibao_person as dibao_person
        on current_person.row_id = dibao_person.row_id
    where
        current_person.registry = 'dibao'
        and (coalesce(current_person.supplement_fen, 0) = 0 or current_person.is_row_unreadable)
),

severe as (
    select
        disability.person_id,
        disability.row_id,
        disability.status_unreadable,
        row_number() over (
            partition by disability.person_id
            order by disability.is_severe desc nulls last, disability.level_number, disability.issued_on desc, disability.row_id
        ) as row_rank
    from registry.disability as disability
    where coalesce(disability.is_severe, true)
),

entitled as (
    select
        listed.person_id,
        listed.household_id,
        listed.division_code,
        listed.roster_period,
        listed.row_id,
        severe.row_id as certificate_row_id,
        case when age.age < 18 then '未满18周岁' end as as_minor,
        case when age.age >= 60 then '年满60周岁' end as as_elderly,
        case when severe.person_id is not null and severe.status_unreadable is null then '重度残疾' end as as_disabled,
        case when listed.is_seriously_ill then '重病' end as as_ill,
        nullif(concat_ws('；', listed.supplement_unreadable, listed.start_unreadable), '') as amount_unreadable,
        nullif(concat_ws('；', listed.ill_unreadable, severe.status_unreadable), '') as circumstance_unreadable
    from listed
    left join registry.age as age
        on listed.person_id = age.person_id
    left join severe
        on listed.person_id = severe.person_id and severe.row_rank = 1
)

select
    entitled.person_id,
    entitled.household_id,
    entitled.division_code,
    'yellow' as level,
    case when entitled.as_minor is null then 0 else 1 end + case when entitled.as_elderly is null then 0 else 1 end
    + case when entitled.as_disabled is null then 0 else 1 end + case when entitled.as_ill is null then 0 else 1 end as measured,
    concat_ws('、', entitled.as_minor, entitled.as_elderly, entitled.as_disabled, entitled.as_ill) as circumstances,
    entitled.roster_period,
    entitled.row_id as dibao_row_id,
    entitled.certificate_row_id,
    case
        when coalesce(entitled.as_minor, entitled.as_elderly, entitled.as_disabled, entitled.as_ill) is not null
            then entitled.amount_unreadable
        else concat_ws('；', entitled.amount_unreadable, entitled.circumstance_unreadable)
    end as unreadable
from entitled
where
    coalesce(entitled.as_minor, entitled.as_elderly, entitled.as_disabled, entitled.as_ill) is not null
    or entitled.circumstance_unreadable is not null
