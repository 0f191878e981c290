-- One line per household with open warnings: how urgent it is, which colour of help, which services, and whether it is news.
with listed as (
    select
        warning_list.household_id, warning_list.rule_code, warning_list.level,
        warning_list.purpose, warning_list.first_seen_on,
        warning_list.division_code,
        cast(level.level_rank as integer) as level_rank
    from main.warning_list as warning_list
    inner join input.level as level
        on warning_list.level = level.level
),

counted as (
    select
        listed.household_id,
        min(listed.division_code) as division_code,
        min(listed.level_rank) as level_rank,
        count(*) as open_count,
        min(listed.first_seen_on) as oldest_on
    from listed
    group by listed.household_id
),

coded as (
    select codes.household_id, string_agg(codes.rule_code, ',' order by codes.rule_code) as codes
    from (select distinct household_id, rule_code from listed) as codes
    group by codes.household_id
),

coloured as (
    select listed.household_id, min(cast(colour.colour_rank as integer)) as colour_rank
    from listed
    inner join input.colour as colour
        on listed.purpose = colour.ground and (colour.level is null or listed.level = colour.level)
    group by listed.household_id
),

named_colour as (
    select distinct cast(colour.colour_rank as integer) as colour_rank, colour.colour
    from input.colour as colour
),

needed as (
    select listed.household_id, cast(referral.service_rank as integer) as service_rank, referral.service
    from listed
    inner join input.referral as referral
        on referral.ground = 'rule' and listed.rule_code = referral.rule_code
    union
    select counted.household_id, cast(referral.service_rank as integer) as service_rank, referral.service
    from counted
    inner join registry.household_member as household_member
        on counted.household_id = household_member.household_id
    inner join registry.age as age
        on household_member.person_id = age.person_id
    inner join input.referral as referral
        on
            referral.ground = 'age'
            and age.age >= coalesce(cast(referral.from_age as integer), 0)
            and (referral.below_age is null or age.age < cast(referral.below_age as integer))
    left join registry.death as death
        on household_member.person_id = death.person_id
    where death.person_id is null
    union
    select counted.household_id, cast(referral.service_rank as integer) as service_rank, referral.service
    from counted
    inner join registry.household_member as household_member
        on counted.household_id = household_member.household_id
    inner join registry.disability as disability
        on household_member.person_id = disability.person_id and disability.is_severe
    inner join input.referral as referral
        on referral.ground = 'disability'
    left join registry.death as death
        on household_member.person_id = death.person_id
    where death.person_id is null
),

referred as (
    select needed.household_id, string_agg(needed.service, ',' order by needed.service_rank) as referrals
    from needed
    group by needed.household_id
),

open_before as (
    select
        previous.household_id, previous.rule_code,
        cast(level.level_rank as integer) as level_rank
    from input.previous_warning as previous
    inner join input.level as level
        on previous.level = level.level
    where previous.status in ('open', 'verifying')
),

level_before as (
    select open_before.household_id, min(open_before.level_rank) as level_rank
    from open_before
    group by open_before.household_id
),

further as (
    select distinct listed.household_id
    from listed
    left join open_before
        on listed.household_id = open_before.household_id and listed.rule_code = open_before.rule_code
    where open_before.household_id is null
)

select
    counted.household_id,
    household.head_person_id,
    head.name as head_name,
    head.id_number as head_id_number,
    coalesce(household.division_code, counted.division_code) as division_code,
    household_fact.township,
    household_fact.household_size as size,
    level.level,
    named_colour.colour,
    coded.codes,
    counted.open_count,
    counted.oldest_on,
    coalesce(referred.referrals, '') as referrals,
    case
        when level_before.household_id is null then 'new'
        when counted.level_rank < level_before.level_rank or further.household_id is not null then 'worse'
        else 'same'
    end as change
from counted
left join registry.household as household
    on counted.household_id = household.household_id
inner join input.level as level
    on counted.level_rank = cast(level.level_rank as integer)
left join registry.household_fact as household_fact
    on counted.household_id = household_fact.household_id
left join main.person as head
    on household.head_person_id = head.person_id
left join coded
    on counted.household_id = coded.household_id
left join coloured
    on counted.household_id = coloured.household_id
left join named_colour
    on coloured.colour_rank = named_colour.colour_rank
left join referred
    on counted.household_id = referred.household_id
left join level_before
    on counted.household_id = level_before.household_id
left join further
    on counted.household_id = further.household_id
