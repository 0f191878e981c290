-- For each rule and division: about how many subjects the rule can be asked, and about how many it cannot: no current roster, in doubt,
-- unreadable. Each subject is counted once.
with population as (
    select
        rule.rule_code,
        subject.division_code,
        count(*) as subjects
    from input.rule as rule
    inner join life.subject as subject
        on rule.subject = subject.subject_kind
    where rule.of_the_dead or subject.death_date is null
    group by rule.rule_code, subject.division_code
),

stale as (
    select asked.rule_code, own_roster.unit_code as division_code
    from input.rule_roster as asked
    inner join registry.own_roster as own_roster
        on asked.registry = own_roster.registry
    left join input.rule_not_in as not_in
        on asked.rule_code = not_in.rule_code and asked.registry = not_in.registry
    group by asked.rule_code, own_roster.unit_code
    having
        max(case when not_in.registry is not null and not own_roster.is_current then 1 else 0 end) = 1
        or max(case when own_roster.is_current then 1 else 0 end) = 0
),

doubted as (
    select rule.rule_code, person.division_code, person.person_id as subject_id
    from input.rule as rule
    inner join input.rule_not_in as asked
        on rule.rule_code = asked.rule_code
    inner join registry.registry_check as answer
        on asked.registry = answer.registry and answer.answer = 'cannot_tell'
    inner join main.person as person
        on answer.person_id = person.person_id
    where rule.subject = 'person' and (rule.of_the_dead or person.death_date is null)
    union
    select rule.rule_code, household.division_code, household.household_id as subject_id
    from input.rule as rule
    inner join input.rule_not_in as asked
        on rule.rule_code = asked.rule_code
    inner join registry.household_check as answer
        on asked.registry = answer.registry and answer.answer = 'cannot_tell'
    inner join registry.household as household
        on answer.household_id = household.household_id
    inner join main.person as head
        on household.head_person_id = head.person_id
    where rule.subject = 'head' and (rule.of_the_dead or head.death_date is null)
),

unread as (
    select unreadable.rule_code, subject.division_code, unreadable.subject_id
    from warnings.unreadable as unreadable
    inner join input.rule as rule
        on unreadable.rule_code = rule.rule_code
    inner join life.subject as subject
        on rule.subject = subject.subject_kind and unreadable.subject_id = subject.subject_id
    left join doubted
        on unreadable.rule_code = doubted.rule_code and unreadable.subject_id = doubted.subject_id
    where (rule.of_the_dead or subject.death_date is null) and doubted.rule_code is null
),

doubted_count as (
    select doubted.rule_code, doubted.division_code, count(*) as subjects
    from doubted
    group by doubted.rule_code, doubted.division_code
),

unread_count as (
    select unread.rule_code, unread.division_code, count(*) as subjects
    from unread
    group by unread.rule_code, unread.division_code
)

select
    population.rule_code,
    population.division_code,
    population.subjects,
    stale.rule_code is not null as is_stale,
    case when stale.rule_code is null then coalesce(doubted_count.subjects, 0) else 0 end as doubtful,
    case when stale.rule_code is null then coalesce(unread_count.subjects, 0) else 0 end as unread,
    case
        when stale.rule_code is not null then population.subjects
        else coalesce(doubted_count.subjects, 0) + coalesce(unread_count.subjects, 0)
    end as not_asked
from population
left join stale
    on population.rule_code = stale.rule_code and population.division_code = stale.division_code
left join doubted_count
    on population.rule_code = doubted_count.rule_code and population.division_code = doubted_count.division_code
left join unread_count
    on population.rule_code = unread_count.rule_code and population.division_code = unread_count.division_code
