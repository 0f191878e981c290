-- People whom lists tie to two heads, and whether a warning about either household stands on who belongs to it.
with household_findings as (
    select distinct household.head_person_id as head_person_id
    from warnings.every as every
    inner join house.rule as rule
        on every.rule_code = rule.rule_code
    inner join registry.household as household
        on every.household_id = household.household_id
    where rule.subject = 'head'
)

select
    composition_conflict.person_id as person_id,
    composition_conflict.id_number as id_number,
    composition_conflict.kept_head_id as kept_head_id,
    composition_conflict.other_head_id as other_head_id,
    kept_finding.head_person_id is not null or other_finding.head_person_id is not null as flips
from registry.composition_conflict as composition_conflict
left join household_findings as kept_finding
    on composition_conflict.kept_head_id = kept_finding.head_person_id
left join household_findings as other_finding
    on composition_conflict.other_head_id = other_finding.head_person_id
