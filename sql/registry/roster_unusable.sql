-- People whose row was set aside from a roster in use (or from a later one of which nothing could be used): they may well be enrolled.
select
    set_aside.row_id as row_id,
    roster.division_code as division_code,
    roster.registry as registry,
    upper(translate(set_aside.name, '·•・．.‧∙●･ 　', '')) as folded_name,
    set_aside.birth_date as birth_date
from house.set_aside as set_aside
cross join registry.horizon as horizon
inner join registry.roster as roster
    on
        set_aside.unit_code = roster.division_code
        and set_aside.kind in (roster.registry || '_person', roster.registry || '_household')
        and set_aside.period >= roster.period
where set_aside.period <= horizon.run_month and set_aside.name is not null and set_aside.birth_date is not null
