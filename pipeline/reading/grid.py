"""A sheet as read: columns of text with what the cell was, before anybody knows what the columns mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.folding import INVISIBLE
from pipeline.model import Refusal

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
Texts = Any
"""A pyarrow string array. Its published types do not follow what the compute functions take and give."""
Problem = Literal["error_value", "formula_without_value", "unreadable_bytes"]
Shown = Literal["visible", "hidden", "very_hidden"]


class Refused(Exception):
    """Ends the reading of one file from the inside; caught where the reading began, and never leaves the sandbox."""

    def __init__(self, code: str, reason: str, fix: str) -> None:
        super().__init__(code)
        self.refusal = Refusal(code, reason, fix)


def apart(name: str) -> str:
    """A name as it stands after a Chinese word: Latin letters stand apart."""
    return f" {name}" if name[:1].isascii() else name


@dataclass
class Grid:
    """One sheet. All columns have the same length; columns and cells count from 0 here, and from 1 in `row_numbers`."""

    sheet: str
    columns: list[Texts]
    """Text of the cells; null where the cell is empty."""
    row_numbers: Numbers
    """The sheet's own row number; in a text file the physical line where the record begins."""
    numeric: dict[int, Mask] = field(default_factory=dict)
    """Column → cells that held a number; a column without such cells is not listed."""
    merges: list[tuple[int, int, int, int]] = field(default_factory=list)
    """(first row, first column, last row, last column) of merged cells, from 0, ends included."""
    shown: Shown = "visible"
    """Whether the program that opens the file shows the sheet; a very hidden one is in no menu."""
    date1904: bool = False
    """The workbook counts its days from 1904."""
    hidden_rows: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    """Row numbers of hidden rows."""
    problems: list[tuple[int, int, Problem]] = field(default_factory=list)
    """(row, column) of cells that hold an error, a formula without a result, or bytes that are no character; from 0."""
    is_table: bool = False
    """A table with named columns (.dbf, a database): the first row is its header, and nothing stands above it."""
    cut_names: str = ""
    """The encoding in which the names of the columns were cut to ten bytes (.dbf); '' where names have any length."""
    fields: Numbers | None = None
    """Text files: how many fields the line had. Fields beyond those of the first lines stand together in the last column."""

    elsewhere: dict[int, Mask] = field(default_factory=dict)
    """.dbf: memo column → cells whose content lies in another file, which nobody reads."""
    has_open_end: bool = False
    """Text files: nothing ends the last line."""

    @property
    def height(self) -> int:
        """Rows, blank ones included."""
        return len(self.row_numbers)

    def text(self, row: int, column: int) -> str:
        """The text of one cell, '' for an empty one."""
        return self.columns[column][row].as_py() or ""


def filled(column: Texts) -> Mask:
    """True where a cell holds something that can be seen."""
    return mask(pc.match_substring_regex(column, f"[^{INVISIBLE}]"))


def mask(answer: Any) -> Mask:
    """A boolean array of pyarrow's, unknown counting as False."""
    return np.asarray(pc.fill_null(answer, pa.scalar(False)), dtype=bool)
