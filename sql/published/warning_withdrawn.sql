-- Warnings that were withdrawn, tonight or before, and why. They are kept so that a finding about a withdrawn warning can still be matched to
-- it by its id. The reason is what the rules answered when they were asked again with one change of tonight at a time (warnings.withdrawal):
-- time first, whatever files came.
with registry_said as (
    select
        answered.warning_id,
        max(case when answered.answer = 'enrolled' and answered.registry = 'dibao' then '低保、' else '' end) as dibao,
        max(case when answered.answer = 'enrolled' and answered.registry = 'tekun' then '特困、' else '' end) as tekun,
        max(case when answered.answer = 'enrolled' and answered.registry = 'edge' then '低保边缘、' else '' end) as edge,
        max(case when answered.answer = 'enrolled' then 1 else 0 end) as is_enrolled
    from life.registry_answer as answered
    group by answered.warning_id
),

outdone as (
    select withdrawn.warning_id, min(stronger.rule_code) as stronger_code
    from life.withdrawn as withdrawn
    inner join input.rule_yields as yields
        on withdrawn.rule_code = yields.rule_code
    inner join life.standing as stronger
        on yields.stronger_code = stronger.rule_code and withdrawn.person_id = stronger.person_id
    group by withdrawn.warning_id
),

corrected as (
    select distinct cause.warning_id
    from life.cause as cause
    inner join input.submission as news
        on cause.submission_id = news.submission_id
    inner join input.previous_source as source
        on cause.warning_id = source.warning_id
    left join input.submission as submission
        on source.submission_id = submission.submission_id
    where
        submission.submission_id is null
        or (
            submission.status not in ('accepted', 'partly_accepted')
            and submission.unit_code = news.unit_code and submission.kind = news.kind
        )
),

named as (
    select distinct policy.key, coalesce(policy.title, policy.key) as title
    from input.policy as policy
),

changed as (
    select
        withdrawal.warning_id,
        max(case when withdrawal.change = 'rule' then 1 else 0 end) = 1 as is_rule,
        max(case when withdrawal.change = 'value' then 1 else 0 end) = 1 as is_value,
        max(case when withdrawal.change = 'setting' then 1 else 0 end) = 1 as is_setting,
        max(case when withdrawal.change = 'date' then 1 else 0 end) = 1 as is_date,
        max(case when withdrawal.change = 'policy' then 1 else 0 end) = 1 as is_policy,
        max(case when withdrawal.change = 'identity' then 1 else 0 end) = 1 as is_identity,
        string_agg(distinct named.title, '、' order by named.title) as policy_titles
    from warnings.withdrawal as withdrawal
    left join named
        on withdrawal.change = 'policy' and withdrawal.what = named.key
    group by withdrawal.warning_id
),

explained as (
    select
        withdrawn.warning_id,
        rule.rule_code is not null as has_a_cause,
        case
            when rule.rule_code is null then '规则已停用'
            when changed.is_rule then '规则有调整，条件不再成立'
            when changed.is_value and changed.is_setting then '标准或单位设置有调整，条件不再成立'
            when changed.is_setting then '单位设置有调整（monitor.yml），条件不再成立'
            when changed.is_value then '标准有调整（改动了以前的值），条件不再成立'
            when outdone.warning_id is not null then '同一对象已有更急的预警 ' || outdone.stronger_code
            when changed.is_date then '期限已过，条件不再成立'
            when changed.is_policy then '标准调整（' || changed.policy_titles || '），条件不再成立'
            when person.death_date is not null and not rule.of_the_dead then '对象已登记死亡'
            when registry_said.is_enrolled = 1
                then '已在册：' || rtrim(registry_said.dibao || registry_said.tekun || registry_said.edge, '、')
            when changed.is_identity then '身份判断有变，条件不再成立'
            when corrected.warning_id is not null then '所依据的文件已更正'
            when cause.warning_id is not null then '按新收到的数据，条件不再成立'
            when settled.household_id is not null then '身份判断有变，条件不再成立'
            else '条件不再成立'
        end as because,
        case
            when changed.is_rule or changed.is_value or changed.is_setting or changed.is_date or changed.is_policy then ''
            when changed.is_identity or cause.warning_id is null then coalesce(settled.said, '')
            else ''
        end as settled
    from life.withdrawn as withdrawn
    left join changed
        on withdrawn.warning_id = changed.warning_id
    left join life.settled as settled
        on withdrawn.household_id = settled.household_id
    left join input.rule as rule
        on withdrawn.rule_code = rule.rule_code
    left join main.person as person
        on withdrawn.person_id = person.person_id
    left join outdone
        on withdrawn.warning_id = outdone.warning_id
    left join registry_said
        on withdrawn.warning_id = registry_said.warning_id
    left join corrected
        on withdrawn.warning_id = corrected.warning_id
    left join life.cause as cause
        on withdrawn.warning_id = cause.warning_id
)

select
    withdrawn.warning_id,
    withdrawn.rule_code,
    withdrawn.subject_id,
    withdrawn.household_id,
    withdrawn.division_code,
    withdrawn.level,
    withdrawn.first_seen_on,
    night.run_date as withdrawn_on,
    explained.because || case when explained.has_a_cause then coalesce('（' || cause.called || '）', '') else '' end
    || explained.settled as because,
    case when explained.has_a_cause then cause.submission_id end as submission_id
from life.withdrawn as withdrawn
cross join input.night as night
inner join explained
    on withdrawn.warning_id = explained.warning_id
left join life.cause as cause
    on withdrawn.warning_id = cause.warning_id
union all
select
    before.warning_id,
    before.rule_code,
    before.subject_id,
    before.household_id,
    before.division_code,
    before.level,
    before.first_seen_on,
    before.withdrawn_on,
    before.because,
    before.submission_id
from input.previous_withdrawn as before
cross join registry.horizon as horizon
where before.withdrawn_on > horizon.retention_start
