-- The weekly random sample of people and households about whom an assistance rule asked and whom it did not list. A person checks whether they
-- need help all the same. It is no warning. A keyed word of the week decides who is drawn: the same all week, in whatever order the files
-- came.
with tonight as (
    select
        night.run_date,
        cast(date_trunc('week', night.run_date) as date) as week_start,
        night_policy.sample_per_week as per_week,
        night_policy.sample_valid_days as days_valid,
        night_policy.snooze_days as days_left_alone
    from input.night as night
    cross join registry.night_policy as night_policy
),

before as (
    select
        previous.sample_id, previous.week_start, previous.rule_code,
        previous.title, previous.question, previous.subject_id,
        previous.person_id, previous.household_id,
        previous.division_code, previous.sampled_on,
        previous.valid_until, previous.population,
        previous.subject_name,
        previous.lapsed_on, previous.because,
        finding.state,
        finding.outcome,
        finding.decision_id,
        finding.decided_on,
        finding.decided_by,
        finding.measure,
        finding.note
    from input.previous_sample as previous
    inner join life.finding as finding
        on finding.about = 'sample' and previous.sample_id = finding.subject
    cross join registry.horizon as horizon
    where previous.sampled_on > horizon.retention_start
),

ended as (
    select
        before.sample_id,
        subject.division_code,
        case
            when rule.rule_code is null then '规则已停用'
            when subject.subject_id is null then '数据里已经没有这个对象'
            when subject.death_date is not null then '对象已登记死亡'
            when warning.warning_id is not null then '这条规则后来列出了预警，按预警核查'
            when tonight.run_date > before.valid_until then '到期没有核查结果'
        end as because
    from before
    cross join tonight
    left join input.rule as rule
        on before.rule_code = rule.rule_code
    left join life.subject as subject
        on rule.subject = subject.subject_kind and before.subject_id = subject.subject_id
    left join main.warning as warning
        on before.rule_code = warning.rule_code and before.subject_id = warning.subject_id and warning.status <> 'closed'
    where before.state in ('open', 'verifying')
),

drawn_before as (
    select
        before.rule_code,
        before.subject_id,
        max(before.sampled_on) as sampled_on,
        max(before.week_start) as week_start
    from before
    group by before.rule_code, before.subject_id
),

free as (
    select rule.rule_code, max(tonight.per_week) - count(drawn_before.subject_id) as places
    from input.rule as rule
    cross join tonight
    left join drawn_before
        on rule.rule_code = drawn_before.rule_code and tonight.week_start = drawn_before.week_start
    where rule.purpose = 'assistance'
    group by rule.rule_code
),

shuffled as (
    select
        unlisted_candidates.rule_code,
        unlisted_candidates.subject_id,
        free.places,
        count(*) over (partition by unlisted_candidates.rule_code) as population,
        md5(draw.salt || ' ' || unlisted_candidates.rule_code || ' ' || unlisted_candidates.subject_id) as sample_id,
        coalesce(date_diff('day', drawn_before.sampled_on, tonight.run_date) < tonight.days_left_alone, false) as is_left_alone
    from free
    inner join life.unlisted_candidates as unlisted_candidates
        on free.rule_code = unlisted_candidates.rule_code and free.places > 0
    cross join input.draw as draw
    cross join tonight
    left join drawn_before
        on unlisted_candidates.rule_code = drawn_before.rule_code and unlisted_candidates.subject_id = drawn_before.subject_id
),

placed as (
    select
        shuffled.rule_code, shuffled.subject_id, shuffled.places,
        shuffled.population, shuffled.sample_id,
        row_number() over (partition by shuffled.rule_code order by shuffled.sample_id, shuffled.subject_id) as row_rank
    from shuffled
    where not shuffled.is_left_alone
),

every as (
    select
        before.sample_id, before.week_start, before.rule_code,
        before.title, before.question, before.subject_id,
        before.person_id, before.household_id,
        coalesce(ended.division_code, before.division_code) as division_code, before.sampled_on,
        before.valid_until, before.population, before.subject_name,
        case when ended.because is not null then 'lapsed' else before.state end as state,
        before.outcome,
        case when ended.because is not null then tonight.run_date else before.lapsed_on end as lapsed_on,
        coalesce(ended.because, before.because) as because,
        before.decision_id, before.decided_on, before.decided_by,
        before.measure, before.note
    from before
    cross join tonight
    left join ended
        on before.sample_id = ended.sample_id
    union all
    select
        placed.sample_id, tonight.week_start, placed.rule_code,
        rule.title, rule.condition as question, placed.subject_id,
        subject.person_id, subject.household_id,
        subject.division_code, tonight.run_date as sampled_on,
        cast(tonight.run_date + tonight.days_valid * interval 1 day as date) as valid_until,
        placed.population, cast(null as varchar) as subject_name, 'open' as state, cast(null as varchar) as outcome,
        cast(null as date) as lapsed_on, cast(null as varchar) as because, cast(null as varchar) as decision_id,
        cast(null as date) as decided_on, cast(null as varchar) as decided_by, cast(null as varchar) as measure,
        cast(null as varchar) as note
    from placed
    cross join tonight
    inner join input.rule as rule
        on placed.rule_code = rule.rule_code
    inner join life.subject as subject
        on rule.subject = subject.subject_kind and placed.subject_id = subject.subject_id
    where placed.row_rank <= placed.places
)

select
    every.sample_id,
    every.week_start,
    every.rule_code,
    every.title,
    every.question,
    every.subject_id,
    every.person_id,
    every.household_id,
    case
        when every.subject_name is null or person.division_code = every.division_code then coalesce(person.name, every.subject_name)
        else every.subject_name
    end as subject_name,
    person.id_number as subject_id_number,
    every.division_code,
    household_fact.township,
    every.sampled_on,
    every.valid_until,
    cast(every.population as bigint) as population,
    every.state,
    every.outcome,
    every.lapsed_on,
    every.because,
    every.decision_id,
    every.decided_on,
    every.decided_by,
    every.measure,
    every.note
from every
left join main.person as person
    on every.person_id = person.person_id
left join registry.household_fact as household_fact
    on every.household_id = household_fact.household_id
