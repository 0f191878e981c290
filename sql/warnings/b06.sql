-- Legal representatives and shareholders of companies, among the people of authorised households on current rosters.
with held as (
    select
        business_role.person_id,
        count(distinct case when business_role.unreadable is null then business_role.credit_code end) as businesses,
        max(case when business_role.unreadable is null then business_role.capital_fen end) as capital_fen,
        max(case when business_role.role = '法定代表人' and business_role.unreadable is null then '法定代表人' end) as as_representative,
        max(case when business_role.role = '股东' and business_role.unreadable is null then '股东' end) as as_shareholder,
        min(business_role.unreadable) as unreadable
    from registry.business_role as business_role
    group by business_role.person_id
)

select
    held.person_id,
    review_person.household_id,
    review_person.division_code,
    'yellow' as level,
    held.capital_fen as measured,
    review_person.registry_name,
    review_person.period as roster_period,
    review_person.authorised_on,
    held.businesses,
    held.capital_fen,
    concat_ws('、', held.as_representative, held.as_shareholder) as roles,
    review_person.row_id as authorisation_row_id,
    case when held.businesses = 0 then held.unreadable end as unreadable
from held
inner join registry.review_person as review_person
    on held.person_id = review_person.person_id
