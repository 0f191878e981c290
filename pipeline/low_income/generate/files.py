"""Writes rows into files as a unit would write them, and tells where each row and each planted fault stands."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import xlsxwriter

from low_income.generate.people import Array
from low_income.generate.styles import Style, cells, header_of, in_wan
from low_income.settings import contracts
from low_income.settings.contracts import Kind

_BIG = 20_000
"""A workbook with more rows than this is written without being held in memory."""
_MERGED_FIELDS = ("head_id_number", "household_no")
_ALWAYS = ("supplement_fen", "household_supplement_fen", "remote_supplement_fen")
"""Columns that exports have even when all their cells are empty; other empty optional columns are left out."""


@dataclass
class Sheet:
    """Rows of one kind on one sheet. A text file has one sheet, named ''."""

    kind: str
    name: str
    title: str
    columns: dict[str, Array]
    """As `Table.arrays`, in the order of the file."""
    period: date | None = None

    def __len__(self) -> int:
        return len(self.columns["_unit"])


@dataclass
class File:
    """One file of a unit's inbox folder."""

    unit: str
    name: str
    style: Style
    sheets: list[Sheet]
    district: str = ""
    folder: str = ""

    @property
    def path(self) -> str:
        """Its path in the unit's folder."""
        return f"{self.folder}/{self.name}" if self.folder else self.name


@dataclass
class Landed:
    """What became of the rows of one kind in one file, and where the planted faults stand."""

    unit: str
    file_name: str
    """Its path below the unit's folder."""
    kind: str
    period: str
    outcomes: Counter[str] = field(default_factory=Counter)
    issues: list[tuple[str, str, str, int, str, str]] = field(default_factory=list)
    """unit_code, file_name, sheet, row, header, fault."""


@dataclass
class _Column:
    header: str
    field: str | None
    group: str
    cells: Array
    values: Array | None = None
    """Amounts to be summed, fen."""


def evening_before(day: date) -> datetime:
    """The time of every file: 18:00 of the day before, so that a night finds the inbox at rest."""
    return datetime.combine(day - timedelta(days=1), time(18))


def write(file: File, inbox: Path, day: date) -> list[Landed]:
    """Write a file below `inbox`. Returns one `Landed` per kind in it."""
    path = inbox / file.unit / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    laid_out = [_columns(sheet, file, day) for sheet in file.sheets]
    if file.style.suffix == ".xlsx":
        rows = _write_workbook(path, file, laid_out, day)
    else:
        rows = [_write_text(path, file.style, laid_out[0], len(file.sheets[0]))]
    landed: dict[str, Landed] = {}
    for sheet, columns, numbers in zip(file.sheets, laid_out, rows, strict=True):
        period = f"{sheet.period:%Y-%m}" if sheet.period else ""
        of_kind = landed.setdefault(sheet.kind, Landed(file.unit, file.path, sheet.kind, period))
        of_kind.outcomes.update(sheet.columns["_outcome"].tolist())
        headers = {column.field: column.header for column in columns}
        faults = sheet.columns["_fault"]
        sheet_name = sheet.name if file.style.suffix == ".xlsx" else ""
        for position in np.flatnonzero(faults != None):  # noqa: E711 - elementwise
            header = headers[sheet.columns["_spoilt_field"][position]]
            of_kind.issues.append((file.unit, file.path, sheet_name, int(numbers[position]), header, faults[position]))
    return list(landed.values())


def _columns(sheet: Sheet, file: File, day: date) -> list[_Column]:
    """The columns of a sheet with their cells, in the order in which they are written."""
    kind, style, count = contracts.load().kinds[sheet.kind], file.style, len(sheet)
    found = [_column(kind, name, sheet, file) for name in kind.columns if _is_written(kind, name, sheet, file)]
    found[2:2] = [
        _Column(name, None, "", _all(count, "汉族" if name == "民族" else "群众")) for name in style.profiling
    ]
    if style.serial:
        found.insert(0, _Column("序号", None, "", np.arange(1, count + 1).astype(object)))
    if sheet.period and style.period == "column":
        found.insert(1, _Column("数据月份", None, "", _all(count, f"{sheet.period:%Y-%m}")))
    numbers = sheet.columns[kind.person.id_number]
    for name in style.unused:
        if name == "年龄":
            shown = [f"{day.year - int(number[6:10])}" for number in numbers]
        elif name == "户月保障金额":
            if sheet.kind != "dibao_person":
                continue
            shown = [fen / 100 for fen in sheet.columns["_household_fen"]]
        else:
            shown = ["初中"] * count
        found.append(_Column(name, None, "", np.array(shown, dtype=object)))
    return found


def _is_written(kind: Kind, name: str, sheet: Sheet, file: File) -> bool:
    column = kind.columns[name]
    if name == "area_type" and column.else_from and sheet.kind == "dibao_household" and not file.style.by_township:
        return file.style.name == "plain"  # in other styles the title or the file's name says it
    if column.required is True or column.required_column or name in _ALWAYS:
        return True
    return any(value is not None for value in sheet.columns[name]) or bool(
        (sheet.columns["_spoilt_field"] == name).any()
    )


def _column(kind: Kind, name: str, sheet: Sheet, file: File) -> _Column:
    column, style, values = kind.columns[name], file.style, sheet.columns[name]
    header, shown = header_of(column, style), cells(column, values, style, file.district)
    if style.in_wan and (sheet.kind, name) == ("survey_household", "yearly_income_fen"):
        header, shown = f"{column.header}\uff08万元\uff09", np.array([in_wan(fen) for fen in values], dtype=object)
    spoilt = np.flatnonzero(sheet.columns["_spoilt_field"] == name)
    for position in spoilt:
        cell = sheet.columns["_spoilt_cell"][position]
        if cell is not None:
            shown[position] = _as_text(cell) if style.suffix != ".xlsx" else cell or None
    group = {"name": "基本信息", "id_number": "基本信息", "money": "收入与金额"}.get(column.type, "")
    return _Column(header, name, group, shown, values if column.type == "money" else None)


def _as_text(cell: str | float) -> str:
    """The text that a spreadsheet writes into a text file for a cell: long numbers lose digits."""
    return cell if isinstance(cell, str) else f"{cell:.5E}" if cell > 1e11 else f"{cell:g}"


def _all(count: int, text: str) -> Array:
    return np.full(count, text, dtype=object)


def _write_text(path: Path, style: Style, columns: Sequence[_Column], count: int) -> Array:
    with path.open("w", encoding=style.encoding, newline="") as file:
        writer = csv.writer(file, delimiter=style.delimiter)
        writer.writerow([column.header for column in columns])
        writer.writerows(zip(*[column.cells.tolist() for column in columns], strict=True))
    return np.arange(2, count + 2)


def _write_workbook(path: Path, file: File, laid_out: Sequence[Sequence[_Column]], day: date) -> list[Array]:
    big = max(len(sheet) for sheet in file.sheets) > _BIG
    with xlsxwriter.Workbook(
        str(path), {"constant_memory": big, "default_date_format": "yyyy-mm-dd", "date_1904": file.style.epoch_1904}
    ) as book:
        book.set_properties({"created": evening_before(day), "author": "样例"})
        painter = _Painter(book, file, day)
        rows = [painter.paint(sheet, columns) for sheet, columns in zip(file.sheets, laid_out, strict=True)]
        if file.style.extra_sheets:
            painter.extra_sheets()
    return rows


class _Painter:
    """Writes sheets into one workbook, row after row (constant memory allows no other order)."""

    def __init__(self, book: Any, file: File, day: date) -> None:
        self.book, self.file, self.style, self.day = book, file, file.style, day
        self.bold = book.add_format({"bold": True, "align": "center", "border": 1, "text_wrap": True})
        self.bordered = book.add_format({"border": 1})

    def paint(self, sheet: Sheet, columns: Sequence[_Column]) -> Array:
        """Write one sheet. Returns the row number of each data row, 1-based."""
        style, page = self.style, self.book.add_worksheet(sheet.name)
        if style.lead:
            page.write_string(0, 0, sheet.title, self.bold)
        if style.lead > 1:
            period = sheet.period or self.day
            unit = self.file.district or "样例"
            page.write_string(1, 0, f"填报单位\uff1a{unit}    填报日期\uff1a{period.year}年{period.month}月")
        first = self._header(page, style.lead, columns)
        merges = self._merges(sheet, columns) if style.merged else []
        numbers, last = self._rows(page, first, sheet, columns)
        for start, end, number, text in merges:
            page.merge_range(numbers[start] - 1, number, numbers[end] - 1, number, text)
        end = last
        if style.totals:
            end = self._total(page, end, "合计", columns, slice(None))
        if style.footnote:
            page.write_string(end + 1, 0, "填表人\uff1a样例甲    审核人\uff1a样例乙")
        if style.autofilter:
            page.autofilter(first - 1, 0, last - 1, len(columns) - 1)
        if style.hides:
            page.set_column(len(columns) - 2, len(columns) - 2, None, None, {"hidden": True})
            for hidden in range(first + 1, min(first + 3, last)):
                page.set_row(hidden, None, None, {"hidden": True})
        for blank in range(style.trailing_blanks):
            for number in range(3):
                page.write_blank(end + blank, number, None, self.bordered)
        return numbers

    def _rows(self, page: Any, row: int, sheet: Sheet, columns: Sequence[_Column]) -> tuple[Array, int]:
        """Write the data rows from `row` on. Returns their 1-based numbers, and the first row after them."""
        numbers = np.empty(len(sheet), dtype=np.int64)
        closes, opened = self._closes(sheet), 0
        write = {str: page.write_string, int: page.write_number, float: page.write_number, date: page.write_datetime}
        for position, row_cells in enumerate(zip(*[column.cells.tolist() for column in columns], strict=True)):
            for number, cell in enumerate(row_cells):
                if cell is not None:
                    write[type(cell)](row, number, cell)
            numbers[position] = row + 1
            row += 1
            if closes[position]:
                row = self._total(page, row, "小计", columns, slice(opened, position + 1))
                opened = position + 1
        return numbers, row

    def _header(self, page: Any, row: int, columns: Sequence[_Column]) -> int:
        """Write the header. Returns the first row after it."""
        if not self.style.two_header_rows:
            for number, column in enumerate(columns):
                page.write_string(row, number, column.header, self.bold)
            return row + 1
        start = 0
        while start < len(columns):
            end = start
            while columns[start].group and end + 1 < len(columns) and columns[end + 1].group == columns[start].group:
                end += 1
            if end > start:
                page.merge_range(row, start, row, end, columns[start].group, self.bold)
                for number in range(start, end + 1):
                    page.write_string(row + 1, number, columns[number].header, self.bold)
            else:
                page.merge_range(row, start, row + 1, start, columns[start].header, self.bold)
            start = end + 1
        return row + 2

    def _merges(self, sheet: Sheet, columns: Sequence[_Column]) -> list[tuple[int, int, int, str]]:
        """Household cells that span their members' rows: (first, last, column, text). Empties the cells that it takes."""
        merges = []
        if not sheet.kind.endswith("_person"):
            return []
        groups = sheet.columns["_group"]
        for number, column in enumerate(columns):
            if column.field not in _MERGED_FIELDS:
                continue
            start = 0
            for end in range(1, len(sheet) + 1):
                same = end < len(sheet) and (groups[end], column.cells[end]) == (groups[start], column.cells[start])
                if same:
                    continue
                if end - start > 1 and column.cells[start] is not None:
                    merges.append((start, end - 1, number, column.cells[start]))
                    column.cells[start:end] = None
                start = end
        return merges

    def _closes(self, sheet: Sheet) -> list[bool]:
        """For each row, whether a 小计 follows it: where the township changes, in lists that have townships."""
        if not self.style.merged or "township" not in contracts.load().kinds[sheet.kind].columns:
            return [False] * len(sheet)
        townships = sheet.columns["_township"]
        return [*(townships[1:] != townships[:-1]).tolist(), True]

    def _total(self, page: Any, row: int, word: str, columns: Sequence[_Column], rows: slice) -> int:
        page.write_string(row, 0, word, self.bold)
        for number, column in enumerate(columns):
            if column.values is not None and number:
                page.write_number(row, number, sum(int(fen) for fen in column.values[rows] if fen is not None) / 100)
        return row + 1

    def extra_sheets(self) -> None:
        """Add the extra sheets that such workbooks have."""
        page = self.book.add_worksheet("说明")
        for row, line in enumerate(("填表说明", "1. 金额单位为元。", "2. 日期写到日。")):
            page.write_string(row, 0, line)
        page = self.book.add_worksheet("字典")
        for row, pair in enumerate((("代码", "名称"), ("01", "户主"), ("10", "配偶"), ("20", "子"), ("30", "女"))):
            page.write_row(row, 0, pair)
        self.book.add_worksheet("Sheet2")
