-- Applications for temporary assistance that have waited for a decision longer than the policy allows, in working days in (accepted, D]. For
-- an application older than the calendar, at least all days of the calendar are counted.
with worked as (
    select
        calendar.day,
        sum(case when calendar.is_working then 1 else 0 end) over (order by calendar.day) as days_worked
    from input.calendar as calendar
),

waiting as (
    select
        temporary_grant.row_id,
        temporary_grant.person_id,
        temporary_grant.division_code,
        temporary_grant.application_no,
        temporary_grant.type,
        temporary_grant.accepted_on,
        temporary_grant.result,
        temporary_grant.type = '急难型' as is_urgent,
        cast(tonight.days_worked - coalesce(begun.days_worked, 0) as bigint) as working_days,
        temporary_grant.unreadable,
        temporary_grant.told_on,
        temporary_grant.received_seq
    from registry.temporary_grant as temporary_grant
    cross join input.night as night
    inner join worked as tonight
        on night.run_date = tonight.day
    left join worked as begun
        on temporary_grant.accepted_on = begun.day
    -- Without a decision and a payment, as far as the cells can be read.
    where
        (temporary_grant.result is null or temporary_grant.result = '办理中')
        and temporary_grant.granted_on is null
        and temporary_grant.accepted_on <= night.run_date
        and not temporary_grant.is_disputed
        and temporary_grant.person_id is not null
),

later as (
    select
        waiting.row_id,
        min(set_aside_person.row_number) as row_number
    from waiting
    inner join registry.set_aside_person as set_aside_person
        on
            waiting.person_id = set_aside_person.person_id
            and waiting.division_code = set_aside_person.unit_code
            and waiting.received_seq < set_aside_person.received_seq
            and set_aside_person.kind = 'temporary_grant'
    group by waiting.row_id
)

select
    waiting.row_id,
    waiting.person_id,
    waiting.division_code,
    waiting.application_no,
    waiting.type,
    waiting.accepted_on,
    waiting.result,
    waiting.is_urgent,
    waiting.working_days,
    deadline.value as deadline,
    coalesce(
        waiting.unreadable,
        '临时救助台账后来的第' || cast(later.row_number as varchar) || '行被退回，不知道是不是已有结果',
        list_gap.said || '，不知道后来是不是已有结果'
    ) as unreadable
from waiting
left join later
    on waiting.row_id = later.row_id
left join registry.list_gap as list_gap
    on
        waiting.division_code = list_gap.division_code
        and list_gap.kind = 'temporary_grant'
        and waiting.told_on <= list_gap.night
inner join registry.division_policy as deadline
    on
        waiting.division_code = deadline.division_code
        and deadline.area_type = ''
        and deadline.key = case when waiting.is_urgent then 'urgent_grant_deadline' else 'grant_deadline' end
where waiting.working_days > deadline.value
