-- Who a number belongs to. Whoever was known last night keeps the name that the lists of his own division give, else the name that he had,
-- as long as somebody gives it: what another division claims changes nothing until a person has decided. Of all others the name of the
-- current dibao roster stands, then tekun, edge, survey, monitoring, then the earliest row; "earliest" is told by month, sender and place
-- in the file before receipt, so that the order of arrival is no matter. A division that gives one number several names
-- (registry.guessed_person) names nobody of another division, and by no application or list that is over, while somebody else does.
with ranked as (
    select
        person_row.person_id as person_id,
        person_row.row_id as row_id,
        person_row.id_number as id_number,
        person_row.name as name,
        person_row.id_sex as sex,
        person_row.id_birth_date as birth_date,
        max(person_row.identity_state) over (partition by person_row.person_id) as identity_state,
        row_number() over (
            partition by person_row.person_id
            order by
                case
                    when
                        guessed.person_id is not null
                        and coalesce(guessed.unit_code <> held.division_code, true)
                        and (held.person_id is not null or person_row.source_rank = 6)
                        then 3
                    when held.person_id is null then 2
                    when person_row.unit_code = held.division_code and person_row.source_rank <= 5 then 0
                    when
                        person_row.folded_name = held.folded_name
                        and (person_row.is_current or person_row.own_unit_code = held.division_code)
                        then 1
                    else 2
                end,
                person_row.source_rank, person_row.period nulls last, person_row.unit_code, person_row.kind,
                person_row.received_seq, person_row.sheet, person_row.row_number, person_row.row_id
        ) as place
    from registry.person_row as person_row
    left join registry.held_person as held
        on person_row.person_id = held.person_id
    left join registry.guessed_person as guessed
        on
            person_row.person_id = guessed.person_id
            and person_row.own_unit_code = guessed.unit_code
)

select
    ranked.person_id as person_id,
    ranked.row_id as row_id,
    ranked.id_number as id_number,
    ranked.name as name,
    ranked.sex as sex,
    ranked.birth_date as birth_date,
    ranked.identity_state as identity_state
from ranked
where ranked.place = 1
