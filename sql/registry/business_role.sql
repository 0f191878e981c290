-- Companies that a review asks about, and who holds which office in them. Of several rows about one company, person and office the later one
-- counts. Such a company still exists, is neither a one-man business nor a farmers' cooperative, and has capital above the limit; the person
-- is its legal representative or a shareholder.
with ranked as (
    select
        business_registration.row_id,
        business_registration.person_id,
        business_registration.credit_code,
        business_registration.business_type,
        business_registration.role,
        business_registration.capital_fen,
        business_registration.role__unreadable as role_unreadable,
        business_registration.capital_fen__unreadable as capital_unreadable,
        business_registration.status,
        row_number() over (
            partition by business_registration.credit_code, business_registration.person_id, business_registration.role
            order by business_registration.received_seq desc, business_registration.row_id
        ) as row_rank
    from accepted.business_registration as business_registration
    left join registry.name_conflict as name_conflict
        on business_registration.row_id = name_conflict.row_id
    where name_conflict.row_id is null and business_registration.person_id is not null
)

select
    ranked.row_id,
    ranked.person_id,
    ranked.credit_code,
    ranked.role,
    ranked.capital_fen,
    nullif(concat_ws('；', ranked.role_unreadable, ranked.capital_unreadable), '') as unreadable
from ranked
inner join registry.person as person
    on ranked.person_id = person.person_id
inner join registry.division_policy as highest
    on person.division_code = highest.division_code and highest.area_type = '' and highest.key = 'business_capital_maximum'
where
    ranked.row_rank = 1
    and ranked.status = '存续'
    and ranked.business_type not in ('个体工商户', '农民专业合作社')
    and (ranked.role in ('法定代表人', '股东') or ranked.role_unreadable is not null)
    and (ranked.capital_fen > highest.value_x10000 * 100 or ranked.capital_unreadable is not null)
