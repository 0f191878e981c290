-- Disability certificates; of several rows with one number the later one counts. Severe means: in force, and level 1 or 2, or level 3 of
-- intellectual or mental disability. It is unknown when the level is such and nobody can read whether the certificate is in force.
with ranked as (
    select
        disability_certificate.row_id,
        disability_certificate.person_id,
        disability_certificate.certificate_no,
        disability_certificate.disability_type,
        disability_certificate.disability_level,
        disability_certificate.issued_on,
        case
            when disability_certificate.certificate_status__unreadable is null
                then coalesce(disability_certificate.certificate_status, '正常')
        end as certificate_status,
        disability_certificate.certificate_status__unreadable as status_unreadable,
        row_number() over (
            partition by disability_certificate.certificate_no
            order by disability_certificate.received_seq desc, disability_certificate.row_id
        ) as row_rank
    from accepted.disability_certificate as disability_certificate
    left join registry.name_conflict as name_conflict
        on disability_certificate.row_id = name_conflict.row_id
    where name_conflict.row_id is null and disability_certificate.person_id is not null
)

select
    ranked.row_id,
    ranked.person_id,
    ranked.disability_type,
    ranked.disability_level,
    case ranked.disability_level when '一级' then 1 when '二级' then 2 when '三级' then 3 when '四级' then 4 end as level_number,
    ranked.issued_on,
    ranked.status_unreadable,
    ranked.certificate_status = '正常'
    and (
        ranked.disability_level in ('一级', '二级')
        or (ranked.disability_level = '三级' and ranked.disability_type in ('智力', '精神'))
    ) as is_severe
from ranked
where ranked.row_rank = 1
