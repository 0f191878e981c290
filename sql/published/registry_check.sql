-- Four answers per person and registry; absence of evidence is never "not enrolled".
select
    registry_check.person_id as person_id,
    registry_check.registry as registry,
    registry_check.answer as answer,
    registry_check.registry_period as registry_period
from registry.registry_check as registry_check
