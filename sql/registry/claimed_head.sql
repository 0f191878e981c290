-- Heads to whom a division's list in use ties people, though they are not that division's and it does not name them under their own name:
-- until a person has decided, nobody is counted with them for it. Whoever lived in another division last night, or headed a household there
-- that knew his number alone, must be named by that very list; whom no division had, and whose name and address others give, by any list
-- of the division. Whom only another division names is no stranger where his household stood before; of whom nothing else is known, the
-- list may say what it says.
with tied as (
    select distinct
        roster_person.registry as registry,
        roster_person.division_code as division_code,
        roster_person.period as period,
        roster_person.head_person_id as head_person_id
    from registry.roster_person as roster_person
    where roster_person.is_latest and roster_person.head_person_id <> roster_person.person_id
),

listed as (
    select registry, division_code, period, person_id from registry.roster_person
    union
    select registry, division_code, period, head_person_id as person_id from registry.roster_household
),

named as (
    select distinct
        person_row.own_unit_code as division_code,
        person_row.person_id as person_id
    from registry.person_row as person_row
    left join registry.name_conflict as name_conflict
        on person_row.row_id = name_conflict.row_id
    where person_row.is_current and person_row.own_unit_code is not null and name_conflict.row_id is null
)

select
    tied.registry as registry,
    tied.division_code as division_code,
    tied.head_person_id as head_person_id
from tied
left join registry.held_person as held
    on tied.head_person_id = held.person_id and held.is_of_division
left join registry.headless_household as headless
    on tied.head_person_id = headless.head_person_id
left join listed
    on
        tied.registry = listed.registry
        and tied.division_code = listed.division_code
        and tied.period = listed.period
        and tied.head_person_id = listed.person_id
left join registry.identity as identity
    on tied.head_person_id = identity.person_id
left join registry.person_row as kept_row
    on identity.row_id = kept_row.row_id
left join named
    on tied.division_code = named.division_code and tied.head_person_id = named.person_id
left join registry.addressed_person as addressed
    on tied.head_person_id = addressed.person_id
where
    listed.person_id is null
    and case
        when held.person_id is not null then held.division_code <> tied.division_code
        when headless.division_code <> tied.division_code then true
        else
            kept_row.row_id is not null
            and case
                when kept_row.own_unit_code is null then true
                else kept_row.own_unit_code <> tied.division_code and headless.head_person_id is null
            end
            and named.person_id is null
            and coalesce(addressed.division_code <> tied.division_code, true)
    end
