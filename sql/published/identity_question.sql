-- What people are asked about who is who: pairs that look like one person, and rows whose number belongs to a person of another name. A unit
-- decides when it may be told where both sides stand; a question across divisions goes to the bureau. So does every question about a name that
-- is not on two rows of one division: otherwise a person who sends a number with an invented name would be told the real name. A question that
-- was asked before stays known as long as both sides are held: so an answer finds its question, and can be taken back. Rows that only reviews
-- may use are not asked about.
with named as (
    select suggestion.left_ref as person_id from main.duplicate_suggestion as suggestion
    union
    select suggestion.right_ref as person_id from main.duplicate_suggestion as suggestion
    union
    select question.person_id from registry.name_question as question
    where question.is_in_use
),

placed as (
    select
        person_row.person_id,
        person_row.kind,
        person_row.unit_code,
        person_row.submission_id,
        person_row.sheet,
        person_row.row_number,
        row_number() over (
            partition by person_row.person_id
            order by
                case when identity.row_id is null then 1 else 0 end, person_row.source_rank, person_row.period desc nulls last,
                person_row.unit_code, person_row.kind, person_row.sheet, person_row.row_number, person_row.row_id
        ) as row_rank
    from named
    inner join registry.person_row as person_row
        on named.person_id = person_row.person_id
    left join registry.identity as identity
        on person_row.row_id = identity.row_id
    left join registry.name_conflict as name_conflict
        on person_row.row_id = name_conflict.row_id
    left join input.review_only as review_only
        on person_row.kind = review_only.kind
    where person_row.identity_state <> 'decided' and review_only.kind is null and name_conflict.row_id is null
),

stands_at as (
    select
        identity.person_id,
        identity.name,
        identity.id_number,
        placed.kind,
        placed.unit_code,
        submission.file_name,
        placed.sheet,
        placed.row_number
    from named
    inner join registry.identity as identity
        on named.person_id = identity.person_id
    left join placed
        on identity.person_id = placed.person_id and placed.row_rank = 1
    left join input.submission as submission
        on placed.submission_id = submission.submission_id
),

pair as (
    select
        'pair' as about,
        suggestion.left_ref,
        suggestion.right_ref,
        suggestion.division_code,
        suggestion.score,
        suggestion.reason,
        suggestion.consequence,
        suggestion.weight,
        suggestion.left_name,
        suggestion.left_number_masked,
        coalesce(suggestion.kind, other.kind) as left_kind,
        coalesce(suggestion.unit_code, other.unit_code) as left_unit_code,
        coalesce(suggestion.file_name, other.file_name) as left_file_name,
        coalesce(suggestion.sheet, other.sheet) as left_sheet,
        coalesce(suggestion."row", other.row_number) as left_row
    from main.duplicate_suggestion as suggestion
    left join stands_at as other
        on suggestion.left_ref = other.person_id
),

disputed as (
    select
        'name' as about,
        question.row_id as left_ref,
        question.person_id as right_ref,
        case
            when
                submission.unit_code = coalesce(kept_row.unit_code, returned.division_code)
                and submission.unit_code = person.division_code
                then person.division_code
            else bureau.unit_code
        end as division_code,
        cast(null as decimal(3, 2)) as score,
        case
            when not question.is_set_aside then '号码逐位相同，姓名不同；这一行的姓名有争议，暂不用于任何规则'
            when question.kind = 'temporary_grant'
                then '这一行的号码是这个人的，没有姓名，已被退回；判断以前，不知道这笔救助是不是发给这个人的'
            when question.other_name is null
                then '这一行的号码是这个人的，没有姓名，已被退回；判断以前，不知道这个人在不在那份名册上'
            else '这一行的号码是这个人的，姓名有疑问，已被退回；判断以前，不知道这个人在不在那份名册上'
        end as reason,
        coalesce(consequence.said, '今晚的清单不变。')
        || case when question.is_set_aside then '这一行要改正重报后才能使用。' else '' end as consequence,
        coalesce(consequence.weight, 0) as weight,
        question.other_name as left_name,
        masked_number(question.id_number) as left_number_masked,
        question.kind as left_kind,
        submission.unit_code as left_unit_code,
        submission.file_name as left_file_name,
        question.sheet as left_sheet,
        question.row_number as left_row
    from registry.name_question as question
    inner join registry.person as person
        on question.person_id = person.person_id
    inner join input.submission as submission
        on question.submission_id = submission.submission_id
    inner join registry.identity as identity
        on question.person_id = identity.person_id
    left join registry.person_row as kept_row
        on identity.row_id = kept_row.row_id
    left join registry.returned_person as returned
        on identity.person_id = returned.person_id
    left join input.unit as bureau
        on bureau.unit_kind = 'bureau'
    left join input.review_only as review_only
        on question.kind = review_only.kind
    left join life.consequence as consequence
        on question.row_id = consequence.left_ref and question.person_id = consequence.right_ref
    where question.is_in_use and review_only.kind is null
),

asked as (
    select
        about, left_ref, right_ref, division_code, score, reason, consequence, weight, left_name, left_number_masked, left_kind,
        left_unit_code, left_file_name, left_sheet, left_row
    from pair
    union all
    select
        about, left_ref, right_ref, division_code, score, reason, consequence, weight, left_name, left_number_masked, left_kind,
        left_unit_code, left_file_name, left_sheet, left_row
    from disputed
),

tonight as (
    select
        md5(asked.left_ref || ' ' || asked.right_ref) as question_id,
        asked.about, asked.left_ref, asked.right_ref, asked.division_code,
        true as is_asked, asked.score, asked.reason, asked.consequence,
        asked.weight, asked.left_name, asked.left_number_masked,
        asked.left_kind, asked.left_unit_code, asked.left_file_name,
        asked.left_sheet, asked.left_row, other.name as right_name,
        masked_number(other.id_number) as right_number_masked,
        other.kind as right_kind, other.unit_code as right_unit_code, other.file_name as right_file_name,
        other.sheet as right_sheet, other.row_number as right_row, cast(null as date) as asked_before_on
    from asked
    inner join stands_at as other
        on asked.right_ref = other.person_id
),

before as (
    select
        previous.question_id,
        previous.about, previous.left_ref, previous.right_ref,
        previous.division_code,
        left_person.person_id is not null and decided.decision = 'same' as is_asked,
        previous.score, previous.reason,
        case
            when left_person.person_id is not null and decided.decision = 'same' then '已按同一个人计；改判为不是，两人就重新分开。'
        end as consequence,
        0 as weight, previous.left_name, previous.left_number_masked,
        previous.left_kind, previous.left_unit_code,
        previous.left_file_name, previous.left_sheet, previous.left_row,
        previous.right_name, previous.right_number_masked,
        previous.right_kind, previous.right_unit_code,
        previous.right_file_name, previous.right_sheet,
        previous.right_row, previous.first_asked_on as asked_before_on
    from input.previous_question as previous
    left join tonight
        on previous.question_id = tonight.question_id
    left join input.submission as submission
        on
            split_part(previous.left_ref, '#', 1) = submission.submission_id
            and submission.status in ('accepted', 'partly_accepted')
    left join input.identity as left_person
        on previous.left_ref = left_person.person_id
    inner join input.identity as right_person
        on previous.right_ref = right_person.person_id
    left join input.identity_decision as decided
        on previous.left_ref = decided.left_ref and previous.right_ref = decided.right_ref
    where
        tonight.question_id is null
        and (submission.submission_id is not null or left_person.person_id is not null)
),

torn as (
    select distinct answer.question_id
    from life.answer as answer
    where answer.state = 'contradicted'
),

every as (
    select
        question_id, about, left_ref, right_ref, division_code, is_asked, score, reason, consequence, weight, left_name,
        left_number_masked, left_kind, left_unit_code, left_file_name, left_sheet, left_row, right_name, right_number_masked,
        right_kind, right_unit_code, right_file_name, right_sheet, right_row, asked_before_on
    from tonight
    union all
    select
        question_id, about, left_ref, right_ref, division_code, is_asked, score, reason, consequence, weight, left_name,
        left_number_masked, left_kind, left_unit_code, left_file_name, left_sheet, left_row, right_name, right_number_masked,
        right_kind, right_unit_code, right_file_name, right_sheet, right_row, asked_before_on
    from before
)

select
    every.question_id,
    every.about,
    every.left_ref,
    every.right_ref,
    every.division_code,
    every.is_asked,
    coalesce(previous.first_asked_on, every.asked_before_on, night.run_date) as first_asked_on,
    every.score,
    every.reason,
    case
        when torn.question_id is null then every.consequence
        else '已有的判断互相矛盾，先不生效，请各方商定后重新判断，判断日期写商定的那一天。' || coalesce(every.consequence, '')
    end as consequence,
    cast(every.weight as bigint) as weight,
    every.left_name,
    every.left_number_masked,
    every.left_kind,
    every.left_unit_code,
    case when left_elsewhere.unit_code is null then every.left_file_name end as left_file_name,
    case when left_elsewhere.unit_code is null then every.left_sheet end as left_sheet,
    case when left_elsewhere.unit_code is null then every.left_row end as left_row,
    every.right_name,
    every.right_number_masked,
    every.right_kind,
    every.right_unit_code,
    case when right_elsewhere.unit_code is null then every.right_file_name end as right_file_name,
    case when right_elsewhere.unit_code is null then every.right_sheet end as right_sheet,
    case when right_elsewhere.unit_code is null then every.right_row end as right_row,
    decided.decision,
    decided.decided_by,
    decided.decided_on,
    decided.note
from every
cross join input.night as night
left join input.previous_question as previous
    on every.question_id = previous.question_id
left join input.unit as asker
    on every.division_code = asker.unit_code
left join input.unit as left_elsewhere
    on
        every.left_unit_code = left_elsewhere.unit_code
        and left_elsewhere.unit_kind = 'division'
        and asker.unit_kind = 'division'
        and asker.unit_code <> left_elsewhere.unit_code
left join input.unit as right_elsewhere
    on
        every.right_unit_code = right_elsewhere.unit_code
        and right_elsewhere.unit_kind = 'division'
        and asker.unit_kind = 'division'
        and asker.unit_code <> right_elsewhere.unit_code
left join input.identity_decision as decided
    on every.left_ref = decided.left_ref and every.right_ref = decided.right_ref
left join torn
    on every.question_id = torn.question_id
