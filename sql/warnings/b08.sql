-- Dibao households whose last recheck (else start month) lies further back than the interval. The short interval holds when the roster says
-- that a member can work. The measure is the number of rechecks missed, so that one more day does not make it worse.
with able as (
    select
        enrolment.division_code,
        enrolment.roster_head_id as head_person_id,
        min(case when dibao_person.work_ability in ('有', '部分丧失') then enrolment.row_id end) as row_id,
        count(case when dibao_person.work_ability in ('有', '部分丧失') then 1 end) as members,
        max(dibao_person.work_ability__unreadable) as unreadable
    from registry.enrolment as enrolment
    inner join accepted.dibao_person as dibao_person
        on enrolment.row_id = dibao_person.row_id
    where enrolment.registry = 'dibao' and enrolment.is_current
    group by enrolment.division_code, enrolment.roster_head_id
),

checked as (
    select
        current_household.household_id,
        current_household.head_person_id,
        current_household.division_code,
        current_household.area_type,
        current_household.period,
        current_household.row_id,
        coalesce(dibao_household.last_recheck_on, current_household.start_month) as checked_on,
        dibao_household.last_recheck_on__unreadable as recheck_unreadable,
        case when able.row_id is null then able.unreadable end as able_unreadable,
        case when dibao_household.last_recheck_on is null then '没有复查记录，从最初享受月份' else '上次复查' end as since_what,
        able.row_id as able_row_id,
        able.members as able_members,
        case when able.row_id is null then 'recheck_interval' else 'recheck_interval_able' end as interval_key
    from registry.current_household as current_household
    inner join accepted.dibao_household as dibao_household
        on current_household.row_id = dibao_household.row_id
    left join able
        on current_household.roster_division = able.division_code and current_household.head_person_id = able.head_person_id
    where current_household.registry = 'dibao'
),

due as (
    select
        checked.household_id,
        checked.head_person_id,
        checked.division_code,
        checked.area_type,
        checked.period,
        checked.row_id,
        checked.able_row_id,
        checked.since_what,
        checked.checked_on,
        case when checked.able_row_id is null then '' else '家中有人有劳动能力，' end as because,
        cast(recheck_interval.value as integer) as interval_months,
        cast(checked.checked_on + cast(recheck_interval.value as integer) * interval 1 month as date) as due_on,
        cast(checked.checked_on + cast(able_interval.value as integer) * interval 1 month as date) as due_if_able_on,
        checked.recheck_unreadable,
        checked.able_unreadable
    from checked
    inner join registry.division_policy as recheck_interval
        on
            checked.division_code = recheck_interval.division_code
            and coalesce(checked.area_type, '') = recheck_interval.area_type
            and checked.interval_key = recheck_interval.key
    inner join registry.division_policy as able_interval
        on
            checked.division_code = able_interval.division_code
            and coalesce(checked.area_type, '') = able_interval.area_type
            and able_interval.key = 'recheck_interval_able'
)

select
    due.head_person_id as person_id,
    due.household_id,
    due.division_code,
    'blue' as level,
    cast(
        (year(night.run_date) * 12 + month(night.run_date) - year(due.due_on) * 12 - month(due.due_on)) // due.interval_months + 1 as bigint
    ) as measured,
    due.area_type,
    due.because,
    due.interval_months,
    due.since_what,
    due.checked_on,
    due.due_on as recheck_due_on,
    due.period as roster_period,
    due.row_id as dibao_row_id,
    due.able_row_id,
    case
        when due.recheck_unreadable is not null then due.recheck_unreadable
        when due.due_on >= night.run_date then due.able_unreadable
    end as unreadable
from due
cross join input.night as night
where
    due.due_on < night.run_date
    or (coalesce(due.recheck_unreadable, due.able_unreadable) is not null and due.due_if_able_on < night.run_date)
