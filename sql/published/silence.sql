-- Where nothing is heard: per division and township whether files come, whether help is found to be owed, and whether anybody reports what
-- came of it. Where no list came, or where nobody is known, an empty list of warnings says nothing. No counts of warnings are given, since a
-- small count could point to a person.
with area as (
    select unit.unit_code as division_code, '' as township
    from input.unit as unit
    where unit.unit_kind in ('division', 'bureau')
    union all
    select township.division_code, township.name as township
    from input.township as township
),

known as (
    select
        group_size.division_code,
        case when group_size.dimension = 'township' then group_size.value else '' end as township,
        max(case when group_size.counted = 'persons' and not group_size.is_hidden then group_size.members end) as persons,
        max(case when group_size.counted = 'households' and not group_size.is_hidden then group_size.members end) as households,
        max(case when group_size.counted = 'persons' then 1 else 0 end) as is_somebody
    from registry.group_size as group_size
    where group_size.dimension in ('division', 'township')
    group by group_size.division_code, case when group_size.dimension = 'township' then group_size.value else '' end
),

received as (
    select
        submission.unit_code,
        submission.kind,
        max(submission.night) as last_received_on
    from input.submission as submission
    where submission.status in ('accepted', 'partly_accepted')
    group by submission.unit_code, submission.kind
),

asked as (
    select
        expected.unit_code,
        expected.kind,
        max(case when expected.period <> '' then 1 else 0 end) = 1 as is_monthly
    from input.expected as expected
    group by expected.unit_code, expected.kind
),

missing as (
    select
        asked.unit_code,
        count(*) as kinds_expected,
        string_agg(
            case
                when received.last_received_on is null or (asked.is_monthly and received.last_received_on <= horizon.report_start)
                    then asked.kind
            end, ',' order by asked.kind
        ) as kinds_missing
    from asked
    cross join registry.horizon as horizon
    left join received
        on asked.unit_code = received.unit_code and asked.kind = received.kind
    group by asked.unit_code
),

delivered as (
    select received.unit_code, max(received.last_received_on) as last_received_on
    from received
    group by received.unit_code
),

placed as (
    select
        listed.division_code,
        coalesce(listed.township, household_fact.township) as township,
        listed.purpose,
        listed.last_seen_on,
        listed.is_overdue,
        listed.decided_on
    from life.listed as listed
    left join registry.household_fact as household_fact
        on listed.household_id = household_fact.household_id
),

everywhere as (
    select division_code, '' as township, purpose, last_seen_on, is_overdue, decided_on from placed
    union all
    select division_code, township, purpose, last_seen_on, is_overdue, decided_on from placed
    where township is not null
),

warned as (
    select
        everywhere.division_code,
        everywhere.township,
        max(case when everywhere.purpose <> 'entitlement_review' then everywhere.last_seen_on end) as help_listed_on,
        max(everywhere.last_seen_on) as any_listed_on,
        max(everywhere.decided_on) as decided_on,
        max(case when everywhere.is_overdue then 1 else 0 end) as is_overdue
    from everywhere
    group by everywhere.division_code, everywhere.township
),

gathered as (
    select
        area.division_code,
        area.township,
        horizon.report_start,
        known.persons,
        known.households,
        coalesce(known.is_somebody, 0) = 1 as is_somebody,
        case when area.township = '' then missing.kinds_missing end as kinds_missing,
        coalesce(missing.kinds_expected, 0) as kinds_expected,
        delivered.last_received_on as division_received_on,
        case when area.township = '' then delivered.last_received_on else township_file.last_received_on end as received_on,
        warned.help_listed_on,
        warned.any_listed_on,
        warned.decided_on,
        coalesce(warned.is_overdue, 0) = 1 as is_overdue
    from area
    cross join registry.horizon as horizon
    left join known
        on area.division_code = known.division_code and area.township = known.township
    left join missing
        on area.division_code = missing.unit_code
    left join delivered
        on area.division_code = delivered.unit_code
    left join registry.township_file as township_file
        on area.division_code = township_file.division_code and area.township = township_file.township
    left join warned
        on area.division_code = warned.division_code and area.township = warned.township
),

heard as (
    select
        gathered.division_code, gathered.township, gathered.report_start,
        gathered.persons, gathered.households, gathered.is_somebody,
        gathered.kinds_missing, gathered.received_on,
        gathered.help_listed_on, gathered.any_listed_on, gathered.decided_on,
        gathered.is_overdue,
        case
            when gathered.kinds_expected = 0 and gathered.division_received_on is null then 'not_expected'
            when gathered.township <> '' and coalesce(gathered.division_received_on <= gathered.report_start, true) then 'cannot_tell'
            when coalesce(gathered.received_on <= gathered.report_start, true) then 'silent'
            when gathered.kinds_missing is not null then 'partly'
            else 'heard'
        end as files
    from gathered
),

judged as (
    select
        heard.division_code, heard.township, heard.report_start,
        heard.persons, heard.households, heard.kinds_missing,
        heard.received_on, heard.help_listed_on, heard.decided_on,
        heard.files,
        case
            when heard.help_listed_on > heard.report_start then 'heard'
            when heard.files not in ('heard', 'partly') then 'cannot_tell'
            when not heard.is_somebody then 'nobody'
            else 'silent'
        end as warnings,
        case
            when heard.decided_on > heard.report_start then 'heard'
            when coalesce(heard.any_listed_on <= heard.report_start, true) and heard.files not in ('heard', 'partly') then 'cannot_tell'
            when coalesce(heard.any_listed_on <= heard.report_start, true) then 'nobody'
            when not heard.is_overdue then 'not_due'
            else 'silent'
        end as outcomes
    from heard
),

told as (
    select division_code, township, 'files' as topic, files as state, received_on as last_on, persons, households, kinds_missing from judged
    union all
    select
        division_code, township, 'warnings' as topic, warnings as state, help_listed_on as last_on, persons, households,
        cast(null as varchar) as kinds_missing
    from judged
    union all
    select
        division_code, township, 'outcomes' as topic, outcomes as state, decided_on as last_on, persons, households,
        cast(null as varchar) as kinds_missing
    from judged
)

select
    told.division_code,
    told.township,
    told.topic,
    told.state,
    told.last_on,
    told.persons,
    told.households,
    told.kinds_missing,
    horizon.report_start as silent_from
from told
cross join registry.horizon as horizon
