"""A plain workbook with the sender's values, where his own cannot be marked: text files, .xls, .dbf, workbooks of odd build."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xlsxwriter

from pipeline.grid import Grid
from pipeline.returns.listing import ILLEGAL
from pipeline.returns.package import LISTING

MOST_ROWS = 1_048_576
LONGEST = 32_767
TEXT_SHEET = "数据"
"""The name of the sheet that a text file becomes."""


def rewrite(grids: list[Grid], target: Path, refused: dict[str, dict[int, int]]) -> int:
    """Write values and merged cells; row n of the sheet, or line n of the text file, stays row n.

    Every text is a text cell, so that long numbers stay whole and nothing is ever a formula; cells that held numbers
    stay numbers. `refused`: sheet → column → last row of its header: nothing below is written. Gives how many rows
    had no room in a sheet.
    """
    book = xlsxwriter.Workbook(
        str(target),
        {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    book.set_properties({"author": "数据检查", "created": datetime(2000, 1, 1, tzinfo=UTC)})
    look = {"font_name": "宋体", "font_size": 11, "valign": "vcenter"}
    text = book.add_format({**look, "num_format": 49, "quote_prefix": True})
    number = book.add_format(look)
    blank = book.add_format({**look, "num_format": 49})
    lost = 0
    for grid in grids:
        if grid.sheet == LISTING and len(grids) > 1:
            continue
        sheet = book.add_worksheet(grid.sheet or TEXT_SHEET)
        if grid.hidden:
            sheet.hide()
        for column, cells in enumerate(grid.columns):
            sheet.set_column(column, column, _width(cells), blank if grid.sheet == "" else None)
        if grid.columns and grid.height:
            sheet.ignore_errors({"number_stored_as_text": f"A1:{xlsxwriter.utility.xl_rowcol_to_cell(MOST_ROWS - 1, len(grid.columns) - 1)}"})  # fmt: skip
        for top, left, bottom, right in grid.merges:
            if bottom < MOST_ROWS and (bottom, right) > (top, left):
                sheet.merge_range(top, left, bottom, right, "")
        lost += int((grid.row_numbers > MOST_ROWS).sum())
        _write_rows(sheet, grid, refused.get(grid.sheet, {}), text, number)
    if not any(not sheet.hidden for sheet in book.worksheets()):
        book.add_worksheet(TEXT_SHEET)
    book.close()
    return lost


def _write_rows(sheet: Any, grid: Grid, refused: dict[int, int], text: Any, number: Any) -> None:
    for row_number, values in _rows(grid):
        row = row_number - 1
        if row >= MOST_ROWS:
            return
        for column, value in enumerate(values):
            if value is None or row_number > refused.get(column + 1, MOST_ROWS):
                continue
            if isinstance(value, float):
                sheet.write_number(row, column, value, number)
            else:
                sheet.write_string(row, column, value, text)


def _rows(grid: Grid) -> Iterator[tuple[int, tuple[str | float | None, ...]]]:
    """Row number and cells, in slices, so that a large file is never all Python objects at once."""
    for start in range(0, grid.height, 20_000):
        columns = [_cells(grid, column, start) for column in range(len(grid.columns))]
        numbers = grid.row_numbers[start : start + 20_000].tolist()
        yield from zip(numbers, zip(*columns, strict=True) if columns else (() for _ in numbers), strict=True)


def _cells(grid: Grid, column: int, start: int) -> list[str | float | None]:
    cells = grid.columns[column].slice(start, 20_000)
    texts: list[str | float | None] = [
        None if value is None else ILLEGAL.sub(_escaped, value)[:LONGEST] for value in cells.to_pylist()
    ]
    mask = grid.numeric.get(column)
    if mask is not None:
        for position in np.flatnonzero(mask[start : start + 20_000]).tolist():
            value = texts[position]
            if isinstance(value, str):
                try:
                    texts[position] = float(value)
                except ValueError:  # a date or a duration: its text says more than its number
                    continue
    return texts


def _escaped(found: Any) -> str:
    return "".join(letter if letter in "\t\n" else "" for letter in found[0])


def _width(cells: pa.Array) -> float:
    """A column wide enough for its first cells, within reason."""
    longest = 8
    for value in cells.slice(0, 200).to_pylist():
        size = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in value or "")
        longest = max(longest, min(size, 40))
    return longest + 2.0
