"""The models whose SQL follows from the contracts, so that a kind of list is one file in expectations/kinds/ and nothing else.

Such a model has a note in sql/ as every other one, and no query beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from low_income.model import quote
from low_income.settings.contracts import Kind

PARTNER: Final = "partner"
"""What `list` says of every partner's row alike: on which of their lists somebody stands would be a fact."""


def _accepted_row(kinds: dict[str, Kind]) -> str:
    """SQL of all accepted rows, each with the number and the name that its contract calls the person's."""
    return "\nunion all\n".join(_rows_of(kind) for kind in kinds.values())


def _rows_of(kind: Kind) -> str:
    stands_on = PARTNER if kind.is_partner else kind.dataset_group
    own_unit = "unit_code" if not kind.is_partner and "division" in kind.senders else "cast(null as varchar)"
    return f"""select
    {quote(kind.name)} as kind, {quote(stands_on)} as list, row_id, unit_code,
    {own_unit} as own_unit_code, submission_id, sheet, row_number,
    received_seq, period, person_id,
    "{kind.person.id_number}" as id_number, "{kind.person.name}" as name,
    identity_state, id_sex, id_birth_date
from accepted.{kind.name}"""


QUERIES: Final[dict[str, Callable[[dict[str, Kind]], str]]] = {"registry.accepted_row": _accepted_row}
"""Table → what writes its query from the kinds."""
