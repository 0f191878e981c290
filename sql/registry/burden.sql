-- What each person paid out of pocket in the trailing year.
select
    burden_row.person_id,
    burden_row.household_id,
    cast(sum(burden_row.burden_fen) as bigint) as burden_fen,
    count(*) as settlements,
    max(burden_row.settled_on) as last_settled_on
from registry.burden_row as burden_row
group by burden_row.person_id, burden_row.household_id
