-- The submission because of which a warning came or changed: the newest of those that say most directly why. Also the submission because of
-- which a warning went: one that was taken tonight, and whose rows, of all that is new tonight, make the warning go (warnings.withdrawal).
with touched as (
    select
        warning.warning_id, warning.rule_code, warning.subject_id,
        warning.person_id, warning.household_id, warning.division_code
    from main.warning as warning
    left join input.previous_warning as previous
        on warning.warning_id = previous.warning_id
    where
        warning.status <> 'closed' and warning.last_seen_on = warning.run_date
        and (previous.warning_id is null or previous.reason <> warning.reason or previous.level <> warning.level)
),

stands_on as (
    select touched.warning_id, source.submission_id
    from touched
    inner join warnings.source as source
        on touched.rule_code = source.rule_code and touched.subject_id = source.subject_id
),

stood as (
    select
        stands_on.warning_id, submission.unit_code, submission.kind,
        submission.submission_id,
        submission.status in ('accepted', 'partly_accepted') as is_in_force
    from stands_on
    inner join input.submission as submission
        on stands_on.submission_id = submission.submission_id
),

enrolled as (
    select distinct withdrawn.warning_id, split_part(enrolment.row_id, '#', 1) as submission_id
    from life.withdrawn as withdrawn
    inner join input.rule as rule
        on withdrawn.rule_code = rule.rule_code
    inner join input.rule_not_in as asked
        on withdrawn.rule_code = asked.rule_code
    inner join registry.enrolment as enrolment
        on
            asked.registry = enrolment.registry
            and (
                (rule.not_in_of = 'household' and withdrawn.household_id = enrolment.household_id)
                or (rule.not_in_of = 'person' and withdrawn.person_id = enrolment.person_id)
            )
),

by_rows as (
    select
        withdrawn.warning_id,
        max(case when withdrawal.change = 'rows' then 1 else 0 end) as is_of_one_dataset_group,
        max(case when withdrawal.change is not null and withdrawal.change <> 'rows' then 1 else 0 end) as is_of_else
    from life.withdrawn as withdrawn
    left join warnings.withdrawal as withdrawal
        on withdrawn.warning_id = withdrawal.warning_id
    group by withdrawn.warning_id
),

told as (
    select
        withdrawn.warning_id,
        case
            when enrolled.warning_id is not null then 1
            when rule_evidence.rule_code is not null and turned.is_own then 2
            when rule_evidence.rule_code is not null then 3
            when turned.is_own then 4
            else 5
        end as cause_rank,
        turned.submission_id
    from life.withdrawn as withdrawn
    inner join by_rows
        on withdrawn.warning_id = by_rows.warning_id and by_rows.is_of_else = 0
    inner join warnings.turned as turned
        on withdrawn.warning_id = turned.warning_id
    left join warnings.withdrawal as withdrawal
        on turned.warning_id = withdrawal.warning_id and withdrawal.change = 'rows' and turned.dataset_group = withdrawal.what
    left join enrolled
        on turned.warning_id = enrolled.warning_id and turned.submission_id = enrolled.submission_id
    left join input.rule_evidence as rule_evidence
        on withdrawn.rule_code = rule_evidence.rule_code and turned.kind = rule_evidence.kind
    where by_rows.is_of_one_dataset_group = 0 or withdrawal.warning_id is not null
    union all
    select stood.warning_id, 2 as cause_rank, new_submissions.submission_id
    from stood
    inner join life.new_submissions as new_submissions
        on stood.submission_id = new_submissions.submission_id
    union all
    select
        stood.warning_id,
        case when stood.is_in_force then 4 else 3 end as cause_rank,
        new_submissions.submission_id
    from stood
    inner join life.new_submissions as new_submissions
        on stood.unit_code = new_submissions.unit_code and stood.kind = new_submissions.kind and stood.submission_id <> new_submissions.submission_id
),

untold as (
    select
        touched.warning_id, touched.rule_code, touched.household_id,
        touched.division_code
    from touched
    left join told
        on touched.warning_id = told.warning_id
    where told.warning_id is null
),

looked_for as (
    select untold.warning_id, 5 as cause_rank, new_submissions.submission_id
    from untold
    inner join input.rule_kind as rule_kind
        on untold.rule_code = rule_kind.rule_code
    inner join life.new_submissions as new_submissions
        on rule_kind.kind = new_submissions.kind
    inner join registry.household_member as household_member
        on untold.household_id = household_member.household_id
    inner join main.record_link as record_link
        on new_submissions.submission_id = record_link.submission_id and household_member.person_id = record_link.person_id
    union
    select untold.warning_id, 6 as cause_rank, new_submissions.submission_id
    from untold
    inner join input.rule_not_in as asked
        on untold.rule_code = asked.rule_code
    inner join life.new_submissions as new_submissions
        on untold.division_code = new_submissions.unit_code and asked.registry || '_person' = new_submissions.kind
),

every as (
    select warning_id, cause_rank, submission_id from told
    union all
    select warning_id, cause_rank, submission_id from looked_for
),

ranked as (
    select
        every.warning_id, every.cause_rank, submission.submission_id,
        coalesce(unit.name, submission.unit_code) || '《' || submission.file_name || '》' as called,
        row_number() over (
            partition by every.warning_id
            order by every.cause_rank, submission.received_seq desc, submission.submission_id
        ) as row_rank
    from every
    inner join input.submission as submission
        on every.submission_id = submission.submission_id
    left join input.unit as unit
        on submission.unit_code = unit.unit_code
)

select
    ranked.warning_id,
    ranked.cause_rank,
    ranked.submission_id,
    ranked.called
from ranked
where ranked.row_rank = 1
