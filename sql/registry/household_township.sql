-- The township of each household by the roster of that month. It is unknown where that month's list does not say it or nobody can read it. A
-- later list is not used, since the household may have moved after that month.
with named as (
    select
        'dibao' as registry, period as month, unit_code as division_code, coalesce(person_id, row_id) as head_person_id, township
    from accepted.dibao_household
    union all
    select
        'edge' as registry, period as month, unit_code as division_code, coalesce(person_id, row_id) as head_person_id, township
    from accepted.edge_household
    union all
    select
        counted_person.registry, counted_person.month, counted_person.division_code,
        counted_person.head_person_id, tekun_person.township
    from registry.counted_person as counted_person
    inner join accepted.tekun_person as tekun_person
        on counted_person.row_id = tekun_person.row_id
    where counted_person.registry = 'tekun'
)

select
    named.registry,
    named.month,
    named.division_code,
    named.head_person_id,
    min(named.township) as township
from named
where named.township is not null
group by named.registry, named.month, named.division_code, named.head_person_id
