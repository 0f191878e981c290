-- Four answers per person and registry; absence of evidence is never "not enrolled".
select
    registry_check.person_id,
    registry_check.registry,
    registry_check.answer,
    registry_check.registry_period
from registry.registry_check as registry_check
