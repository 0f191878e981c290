"""The tables `input.<name>` that a night gives to the SQL, as `sql/input.yml` lists them."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, model_validator

from low_income.model import ROOT, ModelError
from low_income.settings.strict_yaml import Strict, read_shape, read_yaml

_PATH = ROOT / "sql" / "input.yml"


class Given(Strict):
    """One table."""

    about: Annotated[str, Field(min_length=1)]
    """What the table is, for docs/design.md; it names the columns."""
    title: str = ""
    """What stands in it, in Chinese, for `make docs`; '' for tables of the release before and of the cards, whose title follows."""
    columns: dict[str, str]
    """Column name → DuckDB type."""
    from_release: str | None = None
    """The published table of the release before from which it is read."""
    from_cards: bool = False
    """True when it is made from the cards beside the SQL, and not by the night."""
    from_build: bool = False
    """True when the build makes it of what it was given."""

    @model_validator(mode="after")
    def _has_a_title(self) -> Given:
        if bool(self.title) == bool(self.from_release or self.from_cards):
            raise ValueError("input.yml 里的表要写 title（表里是什么）；上一版的表和由卡片写成的表不写")
        return self


def read_given() -> dict[str, Given]:
    """Table → what it is, in the order of the file. Raises ModelError for a file of another shape."""
    told = read_yaml(_PATH, ModelError)
    return {name: read_shape(Given, _PATH, about, ModelError) for name, about in told.items()}


TABLES: Final = read_given()
INPUT: Final = {name: table.columns for name, table in TABLES.items() if not (table.from_cards or table.from_build)}
"""Tables that are given to the build, with their columns."""
PREVIOUS: Final = {name: table.from_release for name, table in TABLES.items() if table.from_release}
"""Tables of INPUT that are read from the release before → their names there."""
CARD_TABLES: Final = {name: table.columns for name, table in TABLES.items() if table.from_cards}
"""The cards as data, so that published models apply them without a list of rules."""
