-- Settlements of the trailing year. Rows alike in person, day, hospital and all amounts are one settlement.
with ranked as (
    select
        medical_expense.row_id as row_id,
        medical_expense.person_id as person_id,
        medical_expense.settled_on as settled_on,
        medical_expense.burden_fen as burden_fen,
        row_number() over (
            partition by
                medical_expense.person_id, medical_expense.settled_on, medical_expense.hospital, medical_expense.total_fen,
                medical_expense.pooled_fen, medical_expense.serious_illness_fen, medical_expense.medical_aid_fen,
                medical_expense.burden_fen
            order by medical_expense.received_seq desc, medical_expense.row_id
        ) as place
    from accepted.medical_expense as medical_expense
    cross join registry.horizon as horizon
    left join registry.name_conflict as name_conflict
        on medical_expense.row_id = name_conflict.row_id
    where
        medical_expense.settled_on > horizon.year_start
        and medical_expense.settled_on <= horizon.run_date
        and name_conflict.row_id is null
        and medical_expense.person_id is not null
)

select
    ranked.row_id as row_id,
    ranked.person_id as person_id,
    person.household_id as household_id,
    ranked.settled_on as settled_on,
    ranked.burden_fen as burden_fen
from ranked
inner join registry.person as person
    on ranked.person_id = person.person_id
where ranked.place = 1
