-- Legal representatives and shareholders of companies among the people of authorised households on current rosters.
with held as (
    select
        business_role.person_id as person_id,
        count(distinct business_role.credit_code) as businesses,
        max(business_role.capital_fen) as capital_fen,
        max(case when business_role.role = '法定代表人' then '法定代表人' end) as as_representative,
        max(case when business_role.role = '股东' then '股东' end) as as_shareholder
    from registry.business_role as business_role
    group by business_role.person_id
)

select
    held.person_id as person_id,
    review_person.household_id as household_id,
    review_person.division_code as division_code,
    'yellow' as level,
    held.capital_fen as measured,
    review_person.registry_name as registry_name,
    review_person.period as roster_period,
    review_person.authorised_on as authorised_on,
    held.businesses as businesses,
    held.capital_fen as capital_fen,
    concat_ws('、', held.as_representative, held.as_shareholder) as roles,
    review_person.row_id as authorisation_row_id
from held
inner join registry.review_person as review_person
    on held.person_id = review_person.person_id
