-- What changed since the release before: new warnings, withdrawn ones, and others that say something else now.
with before as (
    select warning_id, rule_code, subject_id, person_id, household_id, division_code, level, reason
    from house.previous_warning
    where status in ('open', 'verifying')
),

now_open as (
    select warning_id, rule_code, person_id, household_id, division_code, level, reason
    from main.warning
    where status in ('open', 'verifying')
),

gone as (
    select
        before.warning_id as warning_id, before.rule_code as rule_code, before.subject_id as subject_id,
        before.person_id as person_id, before.household_id as household_id, before.division_code as division_code,
        before.reason as reason
    from before
    left join main.warning as warning
        on before.warning_id = warning.warning_id
    where warning.warning_id is null
),

answered as (
    select gone.warning_id as warning_id, answer.registry as registry, answer.answer as answer
    from gone
    inner join house.rule as rule
        on gone.rule_code = rule.rule_code and rule.not_in_of = 'household'
    inner join house.rule_not_in as asked
        on gone.rule_code = asked.rule_code
    inner join registry.household_check as answer
        on gone.household_id = answer.household_id and asked.registry = answer.registry
    union all
    select gone.warning_id as warning_id, answer.registry as registry, answer.answer as answer
    from gone
    inner join house.rule as rule
        on gone.rule_code = rule.rule_code and rule.not_in_of = 'person'
    inner join house.rule_not_in as asked
        on gone.rule_code = asked.rule_code
    inner join registry.registry_check as answer
        on gone.person_id = answer.person_id and asked.registry = answer.registry
),

registry_said as (
    select
        answered.warning_id as warning_id,
        max(case when answered.answer = 'enrolled' and answered.registry = 'dibao' then '低保、' else '' end) as dibao,
        max(case when answered.answer = 'enrolled' and answered.registry = 'tekun' then '特困、' else '' end) as tekun,
        max(case when answered.answer = 'enrolled' and answered.registry = 'edge' then '低保边缘、' else '' end) as edge,
        max(case when answered.answer = 'enrolled' then 1 else 0 end) as is_enrolled,
        max(case when answered.answer = 'cannot_tell' then 1 else 0 end) as is_unknown
    from answered
    group by answered.warning_id
),

outdone as (
    select gone.warning_id as warning_id, min(stronger.rule_code) as stronger_code
    from gone
    inner join house.rule_yields as yields
        on gone.rule_code = yields.rule_code
    inner join now_open as stronger
        on yields.stronger_code = stronger.rule_code and gone.person_id = stronger.person_id
    group by gone.warning_id
),

corrected as (
    select distinct gone.warning_id as warning_id
    from gone
    inner join house.previous_source as source
        on gone.warning_id = source.warning_id
    left join house.submission as submission
        on source.submission_id = submission.submission_id and submission.status in ('accepted', 'partly_accepted')
    where submission.submission_id is null
),

withdrawn as (
    select
        gone.warning_id as warning_id,
        gone.rule_code as rule_code,
        gone.household_id as household_id,
        gone.division_code as division_code,
        'withdrawn' as change,
        gone.reason as "before",
        cast(null as varchar) as "after",
        case
            when rule.rule_code is null then '规则已停用'
            when person.death_date is not null and not rule.of_the_dead then '对象已登记死亡'
            when outdone.warning_id is not null then '同一对象已有更急的预警 ' || outdone.stronger_code
            when registry_said.is_enrolled = 1
                then '已在册:' || rtrim(registry_said.dibao || registry_said.tekun || registry_said.edge, '、')
            when registry_said.is_unknown = 1 then '无法确认是否在册(姓名有争议,或名单中有疑似同一人的退回行)'
            when corrected.warning_id is not null then '所依据的文件已更正'
            else '条件不再成立(期限已过或情况有变)'
        end as because
    from gone
    left join house.rule as rule
        on gone.rule_code = rule.rule_code
    left join main.person as person
        on gone.person_id = person.person_id
    left join outdone
        on gone.warning_id = outdone.warning_id
    left join registry_said
        on gone.warning_id = registry_said.warning_id
    left join corrected
        on gone.warning_id = corrected.warning_id
),

compared as (
    select
        now_open.warning_id as warning_id, now_open.rule_code as rule_code, now_open.household_id as household_id,
        now_open.division_code as division_code, before.warning_id is not null as was_open,
        before.level as level_before, now_open.level as level_after,
        before.reason as reason_before, now_open.reason as reason_after
    from now_open
    left join before
        on now_open.warning_id = before.warning_id
),

changed as (
    select
        warning_id, rule_code, household_id, division_code, 'added' as change,
        cast(null as varchar) as "before", reason_after as "after", '新符合条件' as because
    from compared
    where not was_open
    union all
    select
        warning_id, rule_code, household_id, division_code, 'level' as change,
        level_before as "before", level_after as "after", '级别有变' as because
    from compared
    where was_open and level_before <> level_after
    union all
    select
        warning_id, rule_code, household_id, division_code, 'reason' as change,
        reason_before as "before", reason_after as "after", '所依据的数值有变' as because
    from compared
    where was_open and reason_before <> reason_after
    union all
    select warning_id, rule_code, household_id, division_code, change, "before", "after", because
    from withdrawn
)

select
    night.run_date as run_date,
    changed.warning_id as warning_id,
    changed.rule_code as rule_code,
    changed.household_id as household_id,
    changed.division_code as division_code,
    changed.change as change,
    changed."before" as "before",
    changed."after" as "after",
    changed.because as because
from changed
cross join house.night as night
