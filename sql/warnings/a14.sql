-- People whose application for temporary assistance has waited beyond the deadline. Of several applications an urgent one counts first, then
-- the one that waited longest.
with ranked as (
    select
        overdue.person_id,
        overdue.row_id,
        overdue.division_code as handling_code,
        overdue.application_no,
        overdue.type,
        overdue.accepted_on,
        overdue.is_urgent,
        overdue.working_days,
        overdue.deadline,
        overdue.unreadable,
        count(case when overdue.unreadable is null then 1 end) over (partition by overdue.person_id) as applications,
        row_number() over (
            partition by overdue.person_id
            order by
                case when overdue.unreadable is null then 0 else 1 end,
                case when overdue.is_urgent then 0 else 1 end,
                overdue.working_days desc, overdue.division_code, overdue.application_no, overdue.row_id
        ) as row_rank
    from registry.overdue_application as overdue
)

select
    person.person_id,
    person.household_id,
    person.division_code,
    case when ranked.is_urgent then 'red' else 'yellow' end as level,
    ranked.working_days as measured,
    unit.name as handled_by,
    ranked.application_no,
    ranked.type,
    ranked.accepted_on,
    ranked.working_days,
    ranked.deadline,
    case when ranked.applications > 1 then '；另有' || (ranked.applications - 1) || '笔也已超时' else '' end as further,
    ranked.unreadable
from ranked
inner join registry.person as person
    on ranked.person_id = person.person_id
inner join input.unit as unit
    on ranked.handling_code = unit.unit_code
where ranked.row_rank = 1
