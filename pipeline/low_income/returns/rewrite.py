"""Writes a plain workbook of the sender's values where the file itself cannot be marked: text, .xls, .dbf, odd workbooks."""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xlsxwriter
from xlsxwriter import workbook as xlsxwriter_workbook

from low_income.model import column_letter
from low_income.reading.grid import Grid
from low_income.returns.listing import MOST_ROWS
from low_income.returns.package import LISTING

_DIGITS_OF_A_NUMBER = 15
LONGEST = 32_767
"""The most characters in a cell."""
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_KEPT = ' xml:space="preserve"'
_SPACED = r"^[\s\x{a0}\x{3000}]|[\s\x{a0}\x{3000}]$|\n"
"""Finds texts whose blanks a reading program may drop unless it is told to keep them."""
TEXT_SHEET = "数据"
"""The name of the sheet that a text file becomes."""


class _Unpacked(xlsxwriter.Workbook):  # type: ignore[misc]
    """A workbook whose parts are not compressed, since it is read again at once; xlsxwriter has no option for that."""

    def _store_workbook(self) -> None:
        as_it_is = xlsxwriter_workbook.ZipFile
        xlsxwriter_workbook.ZipFile = lambda *words, **more: zipfile.ZipFile(
            *words, **more | {"compression": zipfile.ZIP_STORED}
        )
        try:
            super()._store_workbook()
        finally:
            xlsxwriter_workbook.ZipFile = as_it_is


def rewrite(
    grids: list[Grid], target: Path, refused: dict[str, dict[int, int]], *, is_packed: bool = True
) -> tuple[dict[str, str], int]:
    """Write values and merged cells; row n of the sheet, or line n of the text file, stays row n.

    Each text becomes a text cell, so that long numbers stay whole and nothing becomes a formula; cells that held numbers
    stay numbers. `refused`: sheet → column → last row of its header; nothing below is written. Gives (old name → new name
    of each sheet, how many rows had no room).
    """
    book = (xlsxwriter.Workbook if is_packed else _Unpacked)(
        str(target),
        {
            "constant_memory": True, "tmpdir": str(target.parent), "strings_to_formulas": False,
            "strings_to_urls": False, "strings_to_numbers": False,
        },
    )  # fmt: skip
    book.set_properties({"author": "数据检查", "created": datetime(2000, 1, 1, tzinfo=UTC)})
    look = {"font_name": "宋体", "font_size": 11, "valign": "vcenter"}
    text = book.add_format({**look, "num_format": 49, "quote_prefix": True})
    number = book.add_format(look)
    blank = book.add_format({**look, "num_format": 49})
    names: dict[str, str] = {}
    lost = 0
    any_shown = any(grid.shown == "visible" for grid in grids if grid.sheet != LISTING)
    shown_first = False
    for grid in grids:
        if grid.sheet == LISTING:
            continue
        name = names[grid.sheet] = _fitting(grid.sheet, {LISTING, *names.values()})
        sheet = book.add_worksheet(name)
        if grid.shown == "visible":
            if not shown_first:
                sheet.activate()
                sheet.set_first_sheet()
            shown_first = True
        elif any_shown:
            sheet.very_hidden() if grid.shown == "very_hidden" else sheet.hide()
        titles = _titles(grid)
        for column, cells in enumerate(grid.columns):
            width = _width(cells, grid.numeric.get(column), titles)
            sheet.set_column(column, column, width, blank if grid.sheet == "" else None)
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
        # merge_range would write the area's cells at once, and in constant memory no earlier row could follow.
        sheet.merge.extend(_separate(grid.merges))
        lost += int((grid.row_numbers > MOST_ROWS).sum())
        if any(mask.any() for mask in grid.numeric.values()):
            _write_rows(sheet, grid, refused.get(grid.sheet, {}), text, number)
        else:
            _write_texts(sheet, grid, refused.get(grid.sheet, {}), text)
    book.close()
    return names, lost


def _fitting(name: str, taken: set[str]) -> str:
    """A sheet name that Excel allows: not too long, without brackets and slashes, not used twice."""
    base = re.sub(r"[\[\]:*?/\\]", " ", _ILLEGAL.sub("", name)).strip("' ")[:31] or TEXT_SHEET
    folded = {one.casefold() for one in taken}
    tries = (base, *(f"{base[:27]}({number})" for number in range(2, 10_000)))
    return next(one for one in tries if one.casefold() not in folded)


def _separate(areas: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """The merged areas that overlap no earlier one and have a usual size: Excel would repair a file with others."""
    seen: set[tuple[int, int]] = set()
    kept = []
    for top, left, bottom, right in areas:
        size = (bottom - top + 1) * (right - left + 1)
        if bottom >= MOST_ROWS or not 1 < size <= 200_000:
            continue
        cells = {(row, column) for row in range(top, bottom + 1) for column in range(left, right + 1)}
        if not cells & seen:
            seen |= cells
            kept.append((top, left, bottom, right))
    return kept


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


def _write_texts(sheet: Any, grid: Grid, refused: dict[int, int], text: Any) -> None:
    """The same as `_write_rows`, for a grid of texts only (every text file): whole columns at a time, ten times as fast.

    In constant memory xlsxwriter keeps finished rows in a file of its own; this writes rows there in the same form.
    """
    fits = grid.row_numbers <= MOST_ROWS
    if not grid.columns or not fits.any():
        return
    style = text._get_xf_index()
    last = int(grid.row_numbers[fits].max())
    sheet.dim_rowmin, sheet.dim_rowmax, sheet.dim_colmin, sheet.dim_colmax = 0, last - 1, 0, len(grid.columns) - 1
    for start in range(0, grid.height, 20_000):
        numbers = grid.row_numbers[start : start + 20_000]
        shown = pa.array(numbers).cast(pa.string())
        cells = []
        for column, values in enumerate(grid.columns):
            hidden = numbers > refused.get(column + 1, MOST_ROWS)
            place = f'<c r="{column_letter(column + 1)}'
            kept = pc.if_else(pa.array(hidden), pa.scalar(None, pa.string()), _escaped(values.slice(start, 20_000)))
            is_spaced = pc.any(pc.match_substring_regex(kept, _SPACED)).as_py()
            told = f'" s="{style}" t="inlineStr"><is><t{_KEPT if is_spaced else ""}>'
            cells.append(pc.fill_null(pc.binary_join_element_wise(place, shown, told, kept, "</t></is></c>", ""), ""))
        rows = pc.binary_join_element_wise('<row r="', shown, '">', *cells, "</row>", "")
        sheet.row_data_fh.write("".join(rows.filter(pa.array(numbers <= MOST_ROWS)).to_pylist()))


def _escaped(values: pa.StringArray) -> pa.StringArray:
    """Texts as a sheet's XML needs them: without characters that XML does not allow; a literal `_x0041_` stays literal."""
    values = pc.replace_substring_regex(values, r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{fffe}\x{ffff}]", "")
    values = pc.utf8_slice_codeunits(values, 0, LONGEST)
    values = pc.replace_substring_regex(values, r"(_x[0-9A-Fa-f]{4}_)", r"_x005F\1")
    for plain, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "_x000D_")):
        values = pc.replace_substring(values, plain, written)
    return values


def _rows(grid: Grid) -> Iterator[tuple[int, tuple[str | float | None, ...]]]:
    """(row number, cells) of each row; made in slices, so that a large file is never all Python objects at once."""
    for start in range(0, grid.height, 20_000):
        columns = [_cells(grid, column, start) for column in range(len(grid.columns))]
        numbers = grid.row_numbers[start : start + 20_000].tolist()
        yield from zip(numbers, zip(*columns, strict=True) if columns else (() for _ in numbers), strict=True)


def _cells(grid: Grid, column: int, start: int) -> list[str | float | None]:
    cells = grid.columns[column].slice(start, 20_000)
    texts: list[str | float | None] = [
        None if value is None else _ILLEGAL.sub("", value)[:LONGEST] for value in cells.to_pylist()
    ]
    mask = grid.numeric.get(column)
    if mask is not None:
        for position in np.flatnonzero(mask[start : start + 20_000]).tolist():
            value = texts[position]
            # Dates and durations stay texts; so do long numbers of .dbf tables, which would lose their last digits.
            if isinstance(value, str) and len(re.sub(r"\D", "", value).strip("0")) <= _DIGITS_OF_A_NUMBER:
                with suppress(ValueError):
                    if math.isfinite(
                        number := float(value)
                    ):  # a workbook has no number for NaN or infinity: the word stays
                        texts[position] = number
    return texts


def _titles(grid: Grid) -> frozenset[int]:
    """Positions, among the first rows, of those with one filled cell: a title or footnote may run over the cells beside it."""
    if len(grid.columns) < 2:
        return frozenset()
    first = [cells.slice(0, _FIRST_ROWS).to_pylist() for cells in grid.columns]
    return frozenset(at for at, row in enumerate(zip(*first, strict=True)) if sum(map(bool, row)) == 1)


_FIRST_ROWS = 200


def _width(
    cells: pa.StringArray,
    is_number: np.ndarray[Any, Any] | None = None,
    titles: Collection[int] = (),
) -> float:
    """Width of a column for its first cells and all its numbers, at most 42: a number without room is shown as ###.

    `titles`: positions of rows whose text does not count.
    """
    longest = 8
    for at, value in enumerate(cells.slice(0, _FIRST_ROWS).to_pylist()):
        if at in titles:
            continue
        longest = max(longest, min(len((value or "").encode("gbk", "replace")), 40))
    if is_number is not None and is_number.any():
        lengths = pc.utf8_length(cells.filter(pa.array(is_number)))
        longest = max(longest, min(pc.max(lengths).as_py() or 0, 40))
    return longest + 2.0
