"""A sheet as read: columns of text, with facts about the cells; the meaning of the columns is not known yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from low_income.folding import INVISIBLE
from low_income.model import Refusal

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
Texts = Any
"""A pyarrow string array. Any, because pyarrow's published types do not fit its compute functions."""
Problem = Literal["error_value", "formula_without_value", "unreadable_bytes"]
Shown = Literal["visible", "hidden", "very_hidden"]


class Refused(Exception):
    """Ends the reading of one file. `readers.read` catches it; it never leaves the sandbox."""

    def __init__(self, code: str, reason: str, fix: str) -> None:
        super().__init__(code)
        self.refusal = Refusal(code, reason, fix)


def apart(name: str) -> str:
    """A name as written after a Chinese word: with a blank before Latin letters."""
    return f" {name}" if name[:1].isascii() else name


@dataclass
class Grid:
    """One sheet. All columns have the same length; columns and cells count from 0 here, and from 1 in `row_numbers`."""

    sheet: str
    columns: list[Texts]
    """Text of the cells; null where the cell is empty."""
    row_numbers: Numbers
    """Row numbers of the sheet; in a text file the physical line where the record begins."""
    numeric: dict[int, Mask] = field(default_factory=dict)
    """Column → mask of cells that contained a number; columns without such cells are left out."""
    merges: list[tuple[int, int, int, int]] = field(default_factory=list)
    """(first row, first column, last row, last column) of merged cells, from 0, ends included."""
    shown: Shown = "visible"
    """Whether spreadsheet programs show the sheet; a very hidden one is in no menu."""
    date1904: bool = False
    """True when the workbook counts days from 1904."""
    hidden_rows: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    """Row numbers of hidden rows."""
    problems: list[tuple[int, int, Problem]] = field(default_factory=list)
    """(row, column, problem), from 0, of cells with an error value, a formula without result, or unreadable bytes."""
    is_table: bool = False
    """True for a table with named columns (.dbf, a database): the first row is its header."""
    cut_names: str = ""
    """The encoding in which column names were cut to ten bytes (.dbf); '' where names have any length."""
    fields: Numbers | None = None
    """Text files: number of fields of each line, or CUT, OUT_OF_STEP (`delimited`). Extra fields are joined in the last column."""

    elsewhere: dict[int, Mask] = field(default_factory=dict)
    """.dbf: column → mask of cells with content that is not read: in another file (memo), or binary."""
    has_open_end: bool = False
    """Text files: the last line has no line end."""

    @property
    def height(self) -> int:
        """Number of rows, blank ones included."""
        return len(self.row_numbers)

    def text(self, row: int, column: int) -> str:
        """The text of one cell, '' for an empty one."""
        return self.columns[column][row].as_py() or ""


def filled(column: Texts) -> Mask:
    """True where a cell contains a visible character."""
    return mask(pc.match_substring_regex(column, f"[^{INVISIBLE}]"))


def mask(answer: Any) -> Mask:
    """A pyarrow boolean array as NumPy mask; null becomes False."""
    return np.asarray(pc.fill_null(answer, pa.scalar(False)), dtype=bool)
