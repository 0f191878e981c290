"""Reads old workbooks (.xls of every version) → grids. Texts are right even where the file names a wrong code page.

It reads the stream of a compound file, and also a bare stream, as programs of the eighties and some report tools write it.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import xlrd
from xlrd.biffh import XL_CELL_BLANK, XL_CELL_BOOLEAN, XL_CELL_DATE, XL_CELL_ERROR
from xlrd.compdoc import CompDocError
from xlrd.xldate import xldate_as_datetime

from low_income import advice
from low_income.reading.cells import column
from low_income.reading.grid import Grid, Problem, Refused, Shown

_BEGINS = tuple(struct.pack("<HH", kind, size) for kind in (0x0009, 0x0209, 0x0409, 0x0809) for size in (4, 6, 8, 16))
"""First bytes of a stream: the record BOF of each version, in each of its sizes."""
_UNICODE = 80
"""The first version whose texts are always Unicode, whatever code page the file names."""
_WESTERN = frozenset({"ascii", "cp1252", "cp437", "cp850", "iso-8859-1", "latin_1", "mac_roman"})
"""Encodings named by programs that do not know the real code page: bytes of Chinese texts are GBK even then."""
_TORN = (
    xlrd.XLRDError, CompDocError, struct.error, AssertionError, AttributeError, LookupError, NameError,
    NotImplementedError, OverflowError, RecursionError, TypeError, ValueError, ZeroDivisionError,
)  # fmt: skip
"""Exceptions that the library raises for a damaged stream."""
_SHOWN: dict[int, Shown] = {0: "visible", 1: "hidden", 2: "very_hidden"}


def looks_like(start: bytes) -> bool:
    """Whether a file begins like a workbook stream without a compound file."""
    return start.startswith(_BEGINS)


def read_biff(stream: bytes) -> list[Grid]:
    """The non-empty worksheets of a workbook stream. Raises Refused: encrypted, damaged, empty."""
    try:
        book = _open(stream)
        sheets = [book.sheet_by_index(number) for number in range(book.nsheets)]
        grids = [_grid(sheet, book.datemode) for sheet in sheets]
    except _TORN as error:
        if isinstance(error, xlrd.XLRDError) and "encrypted" in str(error):
            raise Refused(
                "password", "工作簿加了密（设了打开密码，或在旧格式里设了“保护工作簿”），无法读取", advice.UNLOCK_OLD
            ) from error
        raise Refused("corrupt", "旧版本工作簿（.xls）的内部结构已损坏，读不出来", advice.SAVE_AS_XLSX) from error
    if not grids:
        raise Refused("no_sheets", "工作簿里没有工作表", advice.CHECK_CONTENT)
    if not any(grid.height for grid in grids):
        raise Refused("empty", "工作簿里没有任何内容", advice.CHECK_CONTENT)
    return [grid for grid in grids if grid.height]


def _open(stream: bytes) -> xlrd.Book:
    def opened(encoding: str | None) -> xlrd.Book:
        return xlrd.open_workbook(
            file_contents=stream, logfile=io.StringIO(), formatting_info=True, ragged_rows=True,
            encoding_override=encoding,
        )  # fmt: skip

    book = opened(None)
    if book.biff_version < _UNICODE and book.encoding in _WESTERN:
        try:
            return opened("gb18030")
        except UnicodeDecodeError:
            pass  # the encoding that the file names is right
    return book


def _grid(sheet: Any, datemode: int) -> Grid:
    """A sheet from cell A1. Cells with an error value are empty and are listed as problems."""
    rows = [_cells(sheet, at, datemode) for at in range(sheet.nrows)]
    height = max((at + 1 for at, row in enumerate(rows) if any(cell != "" for cell in row)), default=0)
    errors = [
        (at, place)
        for at in range(sheet.nrows)
        for place, kind in enumerate(sheet.row_types(at))
        if kind == XL_CELL_ERROR
    ]
    height = max([height, *(at + 1 for at, _ in errors)])
    width = max((len(row) for row in rows[:height]), default=0)
    texts, numeric = [], {}
    for number in range(width):
        text, numbers = column([row[number] if number < len(row) else "" for row in rows[:height]])
        texts.append(text)
        if numbers is not None:
            numeric[number] = numbers
    problem: Problem = "error_value"
    return Grid(
        sheet.name, texts if height else [], np.arange(1, height + 1), numeric,
        sorted((top, left, bottom - 1, right - 1) for top, bottom, left, right in sheet.merged_cells),
        shown=_SHOWN.get(sheet.visibility, "hidden"), date1904=bool(datemode),
        hidden_rows=np.array(sorted(at + 1 for at, row in sheet.rowinfo_map.items() if row.hidden), dtype=np.int64),
        problems=[(at, place, problem) for at, place in errors],
    )  # fmt: skip


def _cells(sheet: Any, at: int, datemode: int) -> list[Any]:
    values: list[Any] = sheet.row_values(at)
    kinds = sheet.row_types(at)
    for place, kind in enumerate(kinds):
        if kind == XL_CELL_DATE:
            moment = xldate_as_datetime(values[place], datemode)
            values[place] = moment.time() if 0 <= values[place] < 1 else moment
        elif kind == XL_CELL_BOOLEAN:
            values[place] = bool(values[place])
        elif kind in (XL_CELL_BLANK, XL_CELL_ERROR):
            values[place] = ""
    return values
