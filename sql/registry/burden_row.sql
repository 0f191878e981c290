-- Settlements of the trailing year. Rows that are alike in person, day, hospital and all amounts are one settlement. An unreadable amount is
-- not a different amount: a row with one is not counted again beside a row that agrees with it in all that can be read.
with ranked as (
    select
        medical_expense.row_id,
        medical_expense.person_id,
        medical_expense.settled_on,
        medical_expense.hospital,
        medical_expense.total_fen,
        medical_expense.pooled_fen,
        medical_expense.serious_illness_fen,
        medical_expense.medical_aid_fen,
        medical_expense.burden_fen,
        medical_expense.pooled_fen__unreadable as pooled_unreadable,
        medical_expense.serious_illness_fen__unreadable as serious_illness_unreadable,
        medical_expense.medical_aid_fen__unreadable as medical_aid_unreadable,
        row_number() over (
            partition by
                medical_expense.person_id, medical_expense.settled_on, medical_expense.hospital, medical_expense.total_fen,
                medical_expense.pooled_fen, medical_expense.serious_illness_fen, medical_expense.medical_aid_fen,
                medical_expense.burden_fen, medical_expense.pooled_fen__unreadable,
                medical_expense.serious_illness_fen__unreadable, medical_expense.medical_aid_fen__unreadable
            order by medical_expense.received_seq desc, medical_expense.row_id
        ) as row_rank
    from accepted.medical_expense as medical_expense
    cross join registry.horizon as horizon
    left join registry.name_conflict as name_conflict
        on medical_expense.row_id = name_conflict.row_id
    where
        medical_expense.settled_on > horizon.year_start
        and medical_expense.settled_on <= horizon.run_date
        and name_conflict.row_id is null
        and medical_expense.person_id is not null
),

again as (
    select distinct ranked.row_id
    from ranked
    inner join ranked as other
        on
            ranked.person_id = other.person_id
            and ranked.settled_on = other.settled_on
            and ranked.hospital is not distinct from other.hospital
            and ranked.total_fen = other.total_fen
            and ranked.burden_fen = other.burden_fen
            and (
                coalesce(ranked.pooled_unreadable, other.pooled_unreadable) is not null
                or ranked.pooled_fen is not distinct from other.pooled_fen
            )
            and (
                coalesce(ranked.serious_illness_unreadable, other.serious_illness_unreadable) is not null
                or ranked.serious_illness_fen is not distinct from other.serious_illness_fen
            )
            and (
                coalesce(ranked.medical_aid_unreadable, other.medical_aid_unreadable) is not null
                or ranked.medical_aid_fen is not distinct from other.medical_aid_fen
            )
    where
        ranked.row_rank = 1
        and other.row_rank = 1
        and coalesce(ranked.pooled_unreadable, ranked.serious_illness_unreadable, ranked.medical_aid_unreadable) is not null
        and (
            coalesce(other.pooled_unreadable, other.serious_illness_unreadable, other.medical_aid_unreadable) is null
            or other.row_id < ranked.row_id
        )
)

select
    ranked.row_id,
    ranked.person_id,
    person.household_id,
    ranked.settled_on,
    ranked.burden_fen
from ranked
inner join registry.person as person
    on ranked.person_id = person.person_id
left join again
    on ranked.row_id = again.row_id
where ranked.row_rank = 1 and again.row_id is null
