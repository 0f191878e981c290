-- For each division and kind of list, the last file that could not be taken in whole (`pipeline/low_income/night/rosters.py`), and when it came. A
-- partner's file is about people of all divisions. The bureau's own people may stand in any division's list.
with missing as (
    select
        unit.unit_code as division_code,
        gap.kind,
        gap.night,
        gap.latest_period,
        concat(sender.name, '《', gap.file_name, '》', gap.reason) as said,
        row_number() over (
            partition by unit.unit_code, gap.kind
            order by gap.latest_period desc nulls last, gap.night desc nulls last, gap.file_name, gap.submission_id
        ) as row_rank
    from input.gap as gap
    left join input.unit as sender
        on gap.unit_code = sender.unit_code
    inner join input.unit as unit
        on
            unit.unit_kind <> 'partner'
            and (
                gap.unit_code = unit.unit_code
                or unit.unit_kind = 'bureau'
                or coalesce(sender.unit_kind, 'partner') = 'partner'
            )
)

select
    missing.division_code,
    missing.kind,
    missing.night,
    missing.latest_period,
    missing.said
from missing
where missing.row_rank = 1
