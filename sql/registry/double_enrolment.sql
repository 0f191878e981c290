-- People on current rosters of one registry in two or more divisions, one row for each roster.
with listed as (
    select
        enrolment.person_id,
        enrolment.registry,
        enrolment.registry_rank,
        enrolment.division_code,
        enrolment.period,
        enrolment.start_month,
        enrolment.row_id,
        enrolment.household_row_id,
        count(*) over (partition by enrolment.person_id, enrolment.registry) as divisions
    from registry.enrolment as enrolment
    where enrolment.is_current
)

select
    listed.person_id,
    listed.registry,
    listed.registry_rank,
    listed.division_code,
    unit.name as division,
    listed.period,
    listed.start_month,
    coalesce(roster_person.own_amount_fen, roster_household.amount_fen) as amount_fen,
    listed.row_id,
    listed.household_row_id
from listed
inner join input.unit as unit
    on listed.division_code = unit.unit_code
inner join registry.roster_person as roster_person
    on listed.row_id = roster_person.row_id
left join registry.roster_household as roster_household
    on listed.household_row_id = roster_household.row_id
where listed.divisions > 1
