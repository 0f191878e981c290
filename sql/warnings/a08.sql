-- Households struck by a disaster within the window, with a loss or a number of damaged rooms that reaches the policy's line. No member was
-- paid temporary assistance on the day of the disaster or after it. Of several disasters a red one counts first, then the one with the greater
-- loss.
with suffered as (
    select
        disaster.household_id,
        household.division_code,
        disaster.row_id,
        disaster.disaster_type,
        disaster.happened_on,
        disaster.damaged_rooms,
        disaster.loss_fen,
        case when disaster.damaged_rooms >= 1 then 'red' else 'orange' end as level,
        case when disaster.loss_fen < least.value_fen and disaster.damaged_rooms is null then disaster.rooms_unreadable end as unreadable
    from registry.disaster as disaster
    inner join registry.household as household
        on disaster.household_id = household.household_id
    inner join registry.division_policy as recent
        on
            household.division_code = recent.division_code
            and recent.area_type = ''
            and recent.key = 'disaster_window'
    inner join registry.division_policy as least
        on
            household.division_code = least.division_code
            and least.area_type = ''
            and least.key = 'disaster_loss_minimum'
    cross join input.night as night
    where
        disaster.happened_on <= night.run_date
        and date_diff('day', disaster.happened_on, night.run_date) < recent.value
        and (disaster.loss_fen >= least.value_fen or disaster.damaged_rooms >= 1 or disaster.rooms_unreadable is not null)
),

helped as (
    select
        concerned.household_id,
        granted_row.granted_on,
        granted_row.row_id,
        row_number() over (
            partition by concerned.household_id order by granted_row.granted_on desc, granted_row.row_id
        ) as row_rank
    from registry.granted_row as granted_row
    inner join registry.concerned as concerned
        on granted_row.person_id = concerned.person_id
),

possible as (
    select
        suffered.household_id,
        suffered.row_id,
        min(possible_grant.unreadable) as unreadable
    from suffered
    inner join registry.concerned as concerned
        on suffered.household_id = concerned.household_id
    inner join registry.possible_grant as possible_grant
        on
            concerned.person_id = possible_grant.person_id
            and coalesce(possible_grant.granted_on, possible_grant.known_on) >= suffered.happened_on
    group by suffered.household_id, suffered.row_id
),

doubted as (
    select
        suffered.household_id,
        suffered.row_id,
        coalesce(
            suffered.unreadable,
            possible.unreadable,
            list_gap.said || '，不知道受灾以后有没有救助',
            household_in_part.unreadable || '，不知道有没有救助'
        ) as unreadable
    from suffered
    left join possible
        on suffered.household_id = possible.household_id and suffered.row_id = possible.row_id
    left join registry.list_gap as list_gap
        on
            suffered.division_code = list_gap.division_code
            and list_gap.kind = 'temporary_grant'
            and suffered.happened_on <= list_gap.night
    left join registry.household_in_part as household_in_part
        on suffered.household_id = household_in_part.household_id
),

ranked as (
    select
        suffered.household_id,
        suffered.division_code,
        suffered.row_id,
        suffered.disaster_type,
        suffered.happened_on,
        suffered.damaged_rooms,
        suffered.loss_fen,
        suffered.level,
        helped.granted_on as last_granted_on,
        helped.row_id as grant_row_id,
        doubted.unreadable,
        row_number() over (
            partition by suffered.household_id
            order by
                case when doubted.unreadable is null then 0 else 1 end,
                case when suffered.level = 'red' then 0 else 1 end,
                suffered.loss_fen desc, suffered.happened_on desc, suffered.row_id
        ) as row_rank
    from suffered
    left join helped
        on suffered.household_id = helped.household_id and helped.row_rank = 1
    inner join doubted
        on suffered.household_id = doubted.household_id and suffered.row_id = doubted.row_id
    where helped.granted_on is null or helped.granted_on < suffered.happened_on
)

select
    speaker.person_id,
    ranked.household_id,
    ranked.division_code,
    ranked.level,
    ranked.loss_fen as measured,
    ranked.disaster_type,
    ranked.happened_on,
    ranked.loss_fen,
    ranked.damaged_rooms,
    coalesce('最近一次发放是' || cast(ranked.last_granted_on as varchar) || '，在受灾以前', '台账里没有发放记录') as help_given,
    ranked.row_id as disaster_row_id,
    ranked.grant_row_id,
    ranked.unreadable
from ranked
inner join registry.household_speaker as speaker
    on ranked.household_id = speaker.household_id
where ranked.row_rank = 1
