"""One field to be read, and its reading as layers of SQL expressions. Each layer can use the columns of earlier layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from low_income.folding import identifier
from low_income.settings.contracts import Column

Layers = list[dict[str, str]]
"""Each layer: suffix → expression. Suffix '' is the value, `__…` other results, `#…` intermediate steps."""


@dataclass(frozen=True)
class Field:
    """One field to be read. All texts in `text` are NULL when blank."""

    name: str
    column: Column
    night: date
    header_units: Mapping[str, str] = field(default_factory=dict)
    """Sheet → unit in the header's brackets."""
    date1904_sheets: frozenset[str] = frozenset()
    mixed_sheets: frozenset[str] = frozenset()
    """Sheets where some cells of this amount say 万元 and the header names no unit."""

    def at(self, suffix: str) -> str:
        """The SQL name of one of this field's columns."""
        return identifier(self.name + suffix)

    @property
    def quick(self) -> str:
        """Boolean: the cell's text matches the pattern of its type that needs no folding. NULL for an empty cell."""
        return self.at("#quick")

    @property
    def text(self) -> str:
        """The text to read: the cell's, or the one used for a blank cell."""
        return self.at("#text")

    @property
    def numeric(self) -> str:
        """Boolean: the cell contained a number. Only for the types of `contracts.NUMBER_SENSITIVE`."""
        return self.at("#numeric")


def day(value: date) -> str:
    """A day as an SQL literal."""
    return f"date '{value.isoformat()}'"
