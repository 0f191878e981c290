-- Households struck by a disaster within the window, with loss or damaged rooms from the policy's line on, to no member of which
-- temporary assistance was paid on the day of the disaster or after it. Of several disasters the red one stands, then the greater loss.
with suffered as (
    select
        disaster.household_id as household_id,
        household.division_code as division_code,
        disaster.row_id as row_id,
        disaster.disaster_type as disaster_type,
        disaster.happened_on as happened_on,
        disaster.damaged_rooms as damaged_rooms,
        disaster.loss_fen as loss_fen,
        case when disaster.damaged_rooms >= 1 then 'red' else 'orange' end as level
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
    cross join house.night as night
    where
        disaster.happened_on <= night.run_date
        and date_diff('day', disaster.happened_on, night.run_date) < recent.value
        and (disaster.loss_fen >= least.value_fen or disaster.damaged_rooms >= 1)
),

helped as (
    select
        concerned.household_id as household_id,
        granted_row.granted_on as granted_on,
        granted_row.row_id as row_id,
        row_number() over (
            partition by concerned.household_id order by granted_row.granted_on desc, granted_row.row_id
        ) as place
    from registry.granted_row as granted_row
    inner join registry.concerned as concerned
        on granted_row.person_id = concerned.person_id
),

ranked as (
    select
        suffered.household_id as household_id,
        suffered.division_code as division_code,
        suffered.row_id as row_id,
        suffered.disaster_type as disaster_type,
        suffered.happened_on as happened_on,
        suffered.damaged_rooms as damaged_rooms,
        suffered.loss_fen as loss_fen,
        suffered.level as level,
        helped.granted_on as last_granted_on,
        helped.row_id as grant_row_id,
        row_number() over (
            partition by suffered.household_id
            order by
                case when suffered.level = 'red' then 0 else 1 end,
                suffered.loss_fen desc, suffered.happened_on desc, suffered.row_id
        ) as place
    from suffered
    left join helped
        on suffered.household_id = helped.household_id and helped.place = 1
    where helped.granted_on is null or helped.granted_on < suffered.happened_on
)

select
    speaker.person_id as person_id,
    ranked.household_id as household_id,
    ranked.division_code as division_code,
    ranked.level as level,
    ranked.loss_fen as measured,
    ranked.disaster_type as disaster_type,
    ranked.happened_on as happened_on,
    ranked.loss_fen as loss_fen,
    ranked.damaged_rooms as damaged_rooms,
    coalesce('最近一次发放是' || cast(ranked.last_granted_on as varchar) || ',在受灾以前', '台账里没有发放记录') as help_given,
    ranked.row_id as disaster_row_id,
    ranked.grant_row_id as grant_row_id
from ranked
inner join registry.household_speaker as speaker
    on ranked.household_id = speaker.household_id
where ranked.place = 1
