-- Rows that were set aside from a roster in use (or from a later one of which nothing could be used): the people whom they are about may well
-- be enrolled. The same holds for people who stand on it without a number.
with nameless as (
    select row_id, unit_code, kind, period from input.set_aside
    union all
    select row_id, unit_code, 'dibao_person' as kind, period
    from accepted.dibao_person
    where identity_state = 'provisional'
)

select
    nameless.row_id,
    roster.division_code,
    roster.registry
from nameless
cross join registry.horizon as horizon
inner join registry.roster as roster
    on
        nameless.unit_code = roster.division_code
        and nameless.kind in (roster.registry || '_person', roster.registry || '_household')
        and nameless.period >= roster.period
where nameless.period <= horizon.run_month
