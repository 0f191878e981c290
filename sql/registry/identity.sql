-- To which person a number belongs, and under which name. A person who was known last night has the name that the lists of his own division
-- give. Otherwise he keeps the name that he had, as long as somebody still gives it. He keeps it too while his number stands on a row that was
-- set aside, or as the head of his family (registry.returned_person). What another division claims changes nothing until a person has decided.
-- When nobody gives that name or number any more, partners and his own division come before other divisions. For a person who was not known
-- last night, the name on the dibao roster in use counts, then tekun, edge, survey, monitoring, then other rows. Among equals the rows of
-- lists in use come before those of other months, and then the earliest row counts: by month, sender and kind of list first, then by receipt
-- and place in the file. So the order of arrival matters only between files of one sender, month and kind. A division that gives one number
-- several names (registry.guessed_person) counts last for a person who lived in another division last night. For a person who was not known
-- last night, its applications and the lists that are over count last.
with judged as (
    select
        person_row.person_id,
        person_row.row_id,
        person_row.id_number,
        person_row.name,
        person_row.id_sex as sex,
        person_row.id_birth_date as birth_date,
        person_row.identity_state,
        case
            when
                guessed.person_id is not null
                and coalesce(guessed.unit_code <> held.division_code, true)
                and (held.person_id is not null or person_row.source_rank = 6)
                then 4
            when held.person_id is null then 2
            when person_row.own_unit_code = held.division_code and person_row.source_rank <= 5 then 0
            when person_row.folded_name = held.folded_name then 1
            when person_row.own_unit_code <> held.division_code then 3
            else 2
        end as tier,
        person_row.source_rank,
        person_row.is_in_use,
        person_row.period,
        person_row.unit_code,
        person_row.kind,
        person_row.received_seq,
        person_row.sheet,
        person_row.row_number
    from registry.person_row as person_row
    left join registry.held_person as held
        on person_row.person_id = held.person_id
    left join registry.guessed_person as guessed
        on
            person_row.person_id = guessed.person_id
            and person_row.own_unit_code = guessed.unit_code
),

ranked as (
    select
        judged.person_id,
        judged.row_id,
        judged.id_number,
        judged.name,
        judged.sex,
        judged.birth_date,
        judged.tier,
        max(judged.identity_state) over (partition by judged.person_id) as identity_state,
        row_number() over (
            partition by judged.person_id
            order by
                judged.tier, judged.source_rank, case when judged.is_in_use then 0 else 1 end, judged.period nulls last,
                judged.unit_code, judged.kind, judged.received_seq, judged.sheet, judged.row_number, judged.row_id
        ) as row_rank
    from judged
)

select
    ranked.person_id,
    case when ranked.tier >= 2 and returned.person_id is not null then returned.row_id else ranked.row_id end as row_id,
    ranked.id_number,
    case when ranked.tier >= 2 and returned.person_id is not null then returned.name else ranked.name end as name,
    ranked.sex,
    ranked.birth_date,
    ranked.identity_state
from ranked
left join registry.returned_person as returned
    on ranked.person_id = returned.person_id
where ranked.row_rank = 1
