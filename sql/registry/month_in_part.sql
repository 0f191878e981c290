-- Months in which something is known to be missing from a division's roster, for statistics: the numbers may be too small.
select distinct
    roster.registry,
    gap.period as month,
    gap.unit_code as division_code
from input.gap as gap
inner join registry.roster as roster
    on gap.unit_code = roster.division_code and gap.kind in (roster.registry || '_person', roster.registry || '_household')
where gap.period <> ''
