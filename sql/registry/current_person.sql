-- The row that counts for a person on the current rosters of one registry. Of two divisions' rows it is the one with the later start month,
-- then the one of the lower division code (is_row_unreadable: one of these months cannot be read, so the other row may be the right one). No
-- question is asked about people who have no number yet.
with ranked as (
    select
        enrolment.person_id,
        person.household_id,
        person.division_code,
        enrolment.registry,
        enrolment.division_code as roster_division,
        enrolment.period,
        enrolment.supplement_fen,
        roster_household.area_type,
        roster_household.area_unreadable,
        enrolment.row_id,
        enrolment.household_row_id,
        max(case when enrolment.is_start_unreadable then 1 else 0 end) over (partition by enrolment.person_id, enrolment.registry) = 1
        and count(*) over (partition by enrolment.person_id, enrolment.registry) > 1 as is_row_unreadable,
        row_number() over (
            partition by enrolment.person_id, enrolment.registry
            order by enrolment.start_month desc nulls last, enrolment.division_code
        ) as row_rank
    from registry.enrolment as enrolment
    inner join registry.person as person
        on enrolment.person_id = person.person_id
    left join registry.roster_household as roster_household
        on enrolment.household_row_id = roster_household.row_id
    where enrolment.is_current and person.identity_state <> 'provisional'
)

select
    ranked.person_id,
    ranked.household_id,
    ranked.division_code,
    ranked.registry,
    ranked.roster_division,
    ranked.period,
    ranked.supplement_fen,
    ranked.area_type,
    ranked.area_unreadable,
    ranked.is_row_unreadable,
    standard.value_fen as standard_fen,
    ranked.row_id,
    ranked.household_row_id
from ranked
left join registry.division_policy as standard
    on
        ranked.roster_division = standard.division_code
        and ranked.area_type = standard.area_type
        and standard.key = 'dibao_standard'
where ranked.row_rank = 1
