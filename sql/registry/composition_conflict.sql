-- People whom lists tie to a head other than the head of the household in which they are counted.
select
    household_group.person_id,
    max(identity.id_number) as id_number,
    household_member.head_person_id as kept_head_id,
    household_group.head_person_id as other_head_id,
    household_member.standing as kept_standing,
    min(household_group.standing_rank) as other_standing_rank,
    min(household_group.division_code) as other_division_code
from registry.household_group as household_group
inner join registry.household_member as household_member
    on
        household_group.person_id = household_member.person_id
        and household_group.head_person_id <> household_member.head_person_id
inner join registry.identity as identity
    on household_group.person_id = identity.person_id
group by
    household_group.person_id, household_member.head_person_id, household_group.head_person_id, household_member.standing
