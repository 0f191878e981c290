"""The rows of one kind before they are written into a file, with notes about each row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import numpy as np

from low_income.generate.people import Array

Outcome = Literal["accepted", "set_aside", "out_of_scope"]

NOTES = (
    "_unit",
    "_area",
    "_township",
    "_group",
    "_part",
    "_outcome",
    "_fragile",
    "_back",
    "_fault",
    "_spoilt_field",
    "_spoilt_cell",
    "_household_fen",
)
"""Notes about a row, beside its values: the sender, the file, and the expected outcome.

`_back`: by how many months the row's roster is older than the unit's newest. `_fault` names the planted fault (None: no
fault, or an odd spelling that must be read right); `_spoilt_cell` is written in the cell of `_spoilt_field` instead of its
value. `_household_fen`: the household's money, which some files of persons repeat on each row.
"""

BLANK = ""
"""A spoilt cell that is empty."""

LONG_TERM = date.max
"""A date without end, written 长期."""


@dataclass(frozen=True)
class Spoilt:
    """A cell that is not written as its value. `cell`: a float is a number cell, a text a text cell, None the value itself."""

    field: str
    cell: str | float | None
    fault: str | None
    outcome: Outcome = "accepted"


@dataclass
class Table:
    """Columns of equal length: canonical values by field of the kind, then `NOTES`."""

    kind: str
    fields: tuple[str, ...]
    columns: dict[str, list[Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.columns = {name: [] for name in (*self.fields, *NOTES)}

    def __len__(self) -> int:
        return len(self.columns["_unit"])

    def add(self, unit: str, values: dict[str, Any], **notes: Any) -> int:
        """Append a row; columns without a value are None. Returns its position."""
        row = {"_unit": unit, "_outcome": "accepted", "_fragile": False, "_back": 0, **values}
        row.update((f"_{name}", value) for name, value in notes.items())
        for name, column in self.columns.items():
            column.append(row.pop(name, None))
        if row:
            raise KeyError(f"{self.kind}: {sorted(row)}")
        return len(self) - 1

    def change(self, position: int, **values: Any) -> None:
        """Change some fields of a row; position -1 is the last row."""
        for name, value in values.items():
            self.columns[name][position] = value

    def spoil(self, position: int, spoilt: Spoilt) -> None:
        """Note that a cell of a row is written otherwise, and the expected outcome of the row."""
        self.columns["_fault"][position] = spoilt.fault
        self.columns["_spoilt_field"][position] = spoilt.field
        self.columns["_spoilt_cell"][position] = spoilt.cell
        if spoilt.outcome != "accepted":
            self.columns["_outcome"][position] = spoilt.outcome

    def copy_row(self, position: int) -> int:
        """Append a copy of a row. Returns the copy's position."""
        for column in self.columns.values():
            column.append(column[position])
        return len(self) - 1

    def drop(self, positions: Iterable[int]) -> None:
        """Remove rows."""
        gone = set(positions)
        for name, column in self.columns.items():
            self.columns[name] = [value for n, value in enumerate(column) if n not in gone]

    def arrays(self, positions: Iterable[int] | None = None) -> dict[str, Array]:
        """The columns as arrays of objects: all rows, or those at `positions`, in that order."""
        chosen = None if positions is None else np.fromiter(positions, dtype=np.int64)
        arrays = {}
        for name, column in self.columns.items():
            array = np.empty(len(column), dtype=object)
            array[:] = column
            arrays[name] = array if chosen is None else array[chosen]
        return arrays
