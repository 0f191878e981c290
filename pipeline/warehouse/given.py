"""The tables `input.<name>` that a night gives to the SQL, as `sql/input.yml` lists them."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from pipeline.model import ROOT, ModelError
from pipeline.settings.strict_yaml import Strict, read_shape, read_yaml

_PATH = ROOT / "sql" / "input.yml"


class Given(Strict):
    """One table."""

    about: Annotated[str, Field(min_length=1)]
    """What it is, for docs/design.md; its columns by name."""
    columns: dict[str, str]
    """Name → type of DuckDB."""
    from_release: str | None = None
    """The published table of the release before that it is read from."""
    from_cards: bool = False
    """Whether it is made from the cards beside the SQL, and not by the night."""


def read_given() -> dict[str, Given]:
    """Table → what it is, in the order of the file. Raises ModelError for a file that is not so."""
    told = read_yaml(_PATH, ModelError)
    return {name: read_shape(Given, _PATH, about, ModelError) for name, about in told.items()}


TABLES: Final = read_given()
INPUT: Final = {name: table.columns for name, table in TABLES.items() if not table.from_cards}
"""Tables that are given to the build; `input.night` is made there (docs/design.md)."""
PREVIOUS: Final = {name: table.from_release for name, table in TABLES.items() if table.from_release}
"""Tables of INPUT that are read from the release before, and what they are called there."""
CARD_TABLES: Final = {name: table.columns for name, table in TABLES.items() if table.from_cards}
"""The cards as data, so that published models apply them without a list of rules."""
