-- Dibao households in remote or border places without the remote supplement. What the household's row says about the border goes before the
-- township's flag. The flag does not stand in for a cell that cannot be read. An unknown distance does not count as far.
with placed as (
    select
        current_household.household_id,
        current_household.head_person_id,
        current_household.division_code,
        current_household.area_type,
        current_household.period,
        current_household.row_id,
        dibao_household.township,
        dibao_household.distance_km,
        dibao_household.distance_km > remote_distance.value as is_far,
        case
            when dibao_household.is_border__unreadable is null then coalesce(dibao_household.is_border, township.is_border)
        end as is_border,
        dibao_household.remote_supplement_fen__unreadable as supplement_unreadable,
        nullif(
            concat_ws(
                '；',
                dibao_household.distance_km__unreadable,
                dibao_household.is_border__unreadable,
                case
                    when dibao_household.is_border is null and dibao_household.is_border__unreadable is null
                        then dibao_household.township__unreadable
                end
            ), ''
        ) as place_unreadable,
        dibao_household.is_border is null as is_border_by_township
    from registry.current_household as current_household
    inner join accepted.dibao_household as dibao_household
        on current_household.row_id = dibao_household.row_id
    inner join registry.division_policy as remote_distance
        on
            current_household.roster_division = remote_distance.division_code
            and coalesce(current_household.area_type, '') = remote_distance.area_type
            and remote_distance.key = 'remote_distance'
    left join input.township as township
        on current_household.roster_division = township.division_code and dibao_household.township = township.name
    where current_household.registry = 'dibao' and coalesce(dibao_household.remote_supplement_fen, 0) = 0
)

select
    placed.head_person_id as person_id,
    placed.household_id,
    placed.division_code,
    'yellow' as level,
    cast(case when placed.is_far then 1 else 0 end + case when placed.is_border then 1 else 0 end as bigint) as measured,
    placed.area_type,
    concat_ws(
        '、',
        case when placed.is_far then concat('距团镇驻地', cast(placed.distance_km as varchar), '公里') end,
        case
            when placed.is_border and placed.is_border_by_township then concat(placed.township, '是边境乡镇')
            when placed.is_border then '名册上填为边境'
        end
    ) as circumstances,
    placed.period as roster_period,
    placed.row_id as dibao_row_id,
    case
        when placed.is_far or placed.is_border then placed.supplement_unreadable
        else concat_ws('；', placed.supplement_unreadable, placed.place_unreadable)
    end as unreadable
from placed
where placed.is_far or placed.is_border or placed.place_unreadable is not null
