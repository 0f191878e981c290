-- Households with a person about whom it was decided, since the release before, who that person is. Also those where an answer no longer
-- holds, because another answer contradicts it or because its row was found to be somebody else's. This explains why a warning there came,
-- changed or went.
with fresh as (
    select
        answer.decision_id, answer.left_ref, answer.right_ref,
        answer.decided_by, answer.decided_on, title.title
    from life.answer as answer
    inner join input.answer as title
        on answer.decision = title.answer
    left join input.previous_answer as previous
        on answer.decision_id = previous.decision_id and previous.state = 'stands'
    where answer.state = 'stands' and previous.decision_id is null
    union all
    select
        answer.decision_id, answer.left_ref, answer.right_ref,
        answer.decided_by, answer.decided_on,
        title.title || case
            when answer.state = 'contradicted' or instead.question_id is null then '（与别的判断矛盾，先不生效）'
            else '（已改判）'
        end as title
    from life.answer as answer
    inner join input.answer as title
        on answer.decision = title.answer
    inner join input.previous_answer as previous
        on answer.decision_id = previous.decision_id and previous.state = 'stands'
    left join life.answer as instead
        on answer.left_ref = instead.left_ref and answer.decision_id <> instead.decision_id and instead.state = 'stands'
    where answer.state <> 'stands' and (instead.decision_id is null or instead.question_id <> answer.question_id)
),

people as (
    select
        decision_id, right_ref as person_id, decided_by, decided_on, title
    from fresh
    union
    select
        decision_id, left_ref as person_id, decided_by, decided_on, title
    from fresh
),

homes as (
    select people.decision_id, household_member.household_id, people.decided_by, people.decided_on, people.title
    from people
    inner join registry.household_member as household_member
        on people.person_id = household_member.person_id
    union
    select people.decision_id, identity.household_id, people.decided_by, people.decided_on, people.title
    from people
    inner join input.identity as identity
        on people.person_id = identity.person_id
)

select
    homes.household_id,
    '（身份判断：' || string_agg(
        homes.decided_by || ' ' || cast(homes.decided_on as varchar) || '“' || homes.title || '”', '、'
        order by homes.decided_on, homes.decided_by, homes.decision_id
    ) || '）' as said
from homes
group by homes.household_id
