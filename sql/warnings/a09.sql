-- Households on a list of ours that lost a member of working age within the window. The person to ask is the head, or the eldest adult left.
with lost as (
    select
        death.household_id,
        count(*) over (partition by death.household_id) as deaths,
        death.row_id,
        death.died_on,
        death.age_at_death,
        row_number() over (partition by death.household_id order by death.died_on desc, death.row_id) as row_rank
    from registry.death as death
    inner join registry.household as household
        on death.household_id = household.household_id
    inner join registry.division_policy as recent
        on
            household.division_code = recent.division_code
            and recent.area_type = ''
            and recent.key = 'death_window'
    cross join input.night as night
    where
        date_diff('day', death.died_on, night.run_date) < recent.value
        and death.age_at_death >= 18
        and death.age_at_death <= 59
),

placed as (
    select
        household_standing.household_id,
        household_standing.standing_name,
        household_standing.period,
        household_standing.row_id,
        row_number() over (
            partition by household_standing.household_id order by household_standing.standing_rank
        ) as row_rank
    from registry.household_standing as household_standing
    where household_standing.standing <> 'tekun'
)

select
    speaker.person_id,
    household.household_id,
    household.division_code,
    'orange' as level,
    lost.deaths as measured,
    lost.deaths,
    lost.died_on,
    lost.age_at_death,
    speaker.people_left,
    placed.standing_name,
    placed.period as roster_period,
    lost.row_id as death_row_id,
    placed.row_id as standing_row_id
from lost
inner join registry.household as household
    on lost.household_id = household.household_id
inner join placed
    on lost.household_id = placed.household_id and placed.row_rank = 1
inner join registry.household_speaker as speaker
    on lost.household_id = speaker.household_id
where lost.row_rank = 1
