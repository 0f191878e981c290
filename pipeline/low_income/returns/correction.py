"""The correction workbook: only the rows with faults, to be filled in and sent again; and its merge into the base file.

`write` makes it, `reading.layout` reads it back as cells, `merge` puts these cells into the file that they are about.
The result is a whole corrected file under the sender's own row numbers, which is then treated like any other file.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xlsxwriter

from low_income import advice
from low_income.model import (
    CORRECTION_HEADS,
    CORRECTION_SHEET,
    CORRECTION_WHY,
    SEVERITIES,
    ColumnUse,
    Reading,
    Refusal,
    column_letter,
)
from low_income.reading import readers
from low_income.reading.grid import Grid
from low_income.returns.listing import MOST_LINES, MOST_ROWS
from low_income.returns.package import FILLS
from low_income.returns.page import clean, lines_in
from low_income.returns.rewrite import rewrite
from low_income.settings.home import PART, sync

_AT_ONCE = 65_536
"""Rows that are read at a time."""
_NAMED = 5
"""How many emptied rows a refusal names."""
_NUMBERS_OF_A_CELL = 3_000
"""Row numbers written into one cell: they have at most seven digits, and a cell holds 32,767 characters."""
_WIDTH = 20
"""Width of a sender's column, in characters."""
_WIDE = 60
"""Width of the column that says what is wrong, in characters."""
_ACROSS = 180
"""The most characters across one printed page that can still be read."""
_HIGHEST = 409.0
"""The greatest height of a row."""
_HINT = (
    "只列出有问题的行。改好有颜色的格，整份放回本单位的收件箱即可，原表不用再交；删去的行保持原样；"
    "要从原表去掉一行，在“去掉这一行”选“是”。原工作表、原行号请不要改。"
)


def write(target: Path, file_id: str, readings: Sequence[Reading], issues: pd.DataFrame) -> int:
    """Write the rows that an error line sends back or asks about, with the faults beside each; gives how many.

    Without such a row, or for a file of more rows than a sheet has, there is no workbook. `issues`: as for `returns.write`.
    `file_id`: the received file that the rows are of.
    """
    wanted = _faults(issues)
    if not wanted or sum(reading.rows_read for reading in readings) > MOST_ROWS:
        target.unlink(missing_ok=True)
        return 0
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=PART) as folder:
        made = Path(folder) / "made.xlsx"
        rows = _write(made, file_id, readings, wanted)
        if rows:
            made.chmod(0o600)
            sync(made)
            made.replace(target)
        else:
            target.unlink(missing_ok=True)
    return rows


class _Fault(NamedTuple):
    row: int
    rank: int
    """Position in SEVERITIES: 0 is the gravest."""
    column: int
    """1-based; 0: the whole row."""
    message: str


def _faults(issues: pd.DataFrame) -> dict[str, list[_Fault]]:
    """Sheet → the lines that send a row back or ask about it, sorted by row and severity. Most files have so few that pandas costs more."""
    found: dict[str, list[_Fault]] = {}
    rows = issues["row_number"].fillna(0).astype("int64").tolist()
    columns = issues["column"].fillna(0).astype("int64").tolist()
    lines = zip(issues["severity"].tolist(), issues["sheet"].tolist(), issues["message"].tolist(), strict=True)
    for row, column, (severity, sheet, message) in zip(rows, columns, lines, strict=True):
        if row and severity != "notice":
            found.setdefault(sheet, []).append(_Fault(row, SEVERITIES.index(severity), column, message))
    for faults in found.values():
        faults.sort(key=lambda one: (one.row, one.rank))
    return found


def _rows_with(path: Path, names: Sequence[str], wanted: Mapping[str, Sequence[_Fault]]) -> pa.Table:
    """The rows of a Reading that a fault may be about: `sheet`, `row_number` and those of these columns that it has."""
    numbers = pa.array(sorted({fault.row for faults in wanted.values() for fault in faults}), pa.int32())
    with pq.ParquetFile(path) as file:
        columns = [name for name in file.schema_arrow.names if name in {"sheet", "row_number", *names}]
        kept = [
            batch.filter(pc.is_in(batch.column("row_number"), numbers))
            for batch in file.iter_batches(_AT_ONCE, columns=columns)
        ]
        return pa.Table.from_batches(kept, pa.schema([file.schema_arrow.field(name) for name in columns]))


def _write(made: Path, file_id: str, readings: Sequence[Reading], wanted: Mapping[str, Sequence[_Fault]]) -> int:
    """Write the workbook of the rows that the `wanted` lines are about; gives how many."""
    book = xlsxwriter.Workbook(
        str(made),
        {
            "constant_memory": True, "tmpdir": str(made.parent), "strings_to_formulas": False,
            "strings_to_urls": False, "strings_to_numbers": False,
        },
    )  # fmt: skip
    book.in_memory = sum(map(len, wanted.values())) <= MOST_LINES  # as in `page`
    book.set_properties({"author": "数据检查", "created": datetime(2000, 1, 1, tzinfo=UTC)})
    looks = _looks(book)
    about: list[tuple[str, ...]] = []
    rows = 0
    for reading in readings:
        if reading.rows_path is None or not Path(reading.rows_path).exists():
            continue
        if not any(sheet.sheet in wanted for sheet in reading.sheets):
            continue
        fields = [use.field for sheet in reading.sheets for use in sheet.columns]
        raw = _rows_with(Path(reading.rows_path), fields, wanted)
        for sheet in reading.sheets:
            faults = wanted.get(sheet.sheet, [])
            numbers = pa.array({fault.row for fault in faults}, pa.int32())
            mine = raw.filter(
                pc.and_(
                    pc.equal(raw.column("sheet"), pa.scalar(sheet.sheet)),
                    pc.is_in(raw.column("row_number"), numbers),
                )
            )
            if not mine.num_rows:
                continue
            title = f"更正{len(about) + 1}"
            uses = [use for use in sheet.columns if use.field in mine.column_names]
            about.append((title, sheet.sheet, ",".join(str(use.column) for use in uses), *_given(uses, mine)))
            _sheet(book.add_worksheet(title), looks, sheet.sheet, [(use.header, use.column) for use in uses],
                   mine.select(["row_number", *(use.field for use in uses)]), faults)  # fmt: skip
            rows += mine.num_rows
    reference = book.add_worksheet(CORRECTION_SHEET)
    for at, line in enumerate([(CORRECTION_SHEET, file_id), *about]):
        for column, text in enumerate(line):
            reference.write_string(at, column, text)
    reference.protect()
    if about:
        reference.very_hidden()
    book.close()
    return rows


def _given(uses: Sequence[ColumnUse], rows: pa.Table) -> list[str]:
    """What the sheet contained when it was sent out: its headers as JSON, then its row numbers, many in each cell."""
    numbers = np.sort(rows.column("row_number").to_numpy()).tolist()
    return [
        json.dumps([clean(use.header) for use in uses], ensure_ascii=False),
        *(
            ",".join(map(str, numbers[at : at + _NUMBERS_OF_A_CELL]))
            for at in range(0, len(numbers), _NUMBERS_OF_A_CELL)
        ),
    ]


def _looks(book: Any) -> dict[str, Any]:
    base = {"font_name": "微软雅黑", "font_size": 10, "valign": "top", "border": 1, "border_color": "#C9D1D9"}
    text = {**base, "num_format": 49, "text_wrap": True}  # a text that wraps does not run over a blank cell beside it
    looks = {
        "hint": {
            "font_name": "微软雅黑",
            "font_size": 10,
            "font_color": "#0B3D66",
            "text_wrap": True,
            "valign": "vcenter",
        },
        "head": {**text, "bold": True, "bg_color": "#0B3D66", "font_color": "#FFFFFF"},
        "cell": text,
        "place": {**text, "font_color": "#52606D", "bg_color": "#F1F4F7"},
        "why": text,
    }
    for severity, fill in zip(SEVERITIES, FILLS, strict=True):
        looks[severity] = {**text, "bg_color": f"#{fill[2:]}"}
    return {name: book.add_format(look) for name, look in looks.items()}


def _sheet(
    page: Any,
    looks: dict[str, Any],
    sheet: str,
    columns: Sequence[tuple[str, int]],
    rows: pa.Table,
    faults: Sequence[_Fault],
) -> None:
    heads = [*CORRECTION_HEADS, CORRECTION_WHY, *(header for header, _ in columns)]
    why_at = len(CORRECTION_HEADS)
    page.set_row(0, 48)
    page.merge_range(0, 0, 0, min(len(heads) - 1, 11), "", looks["hint"])
    page.write_string(0, 0, _HINT, looks["hint"])
    for column, head in enumerate(heads):
        page.write_string(1, column, clean(head), looks["head"])
        page.set_column(column, column, _WIDE if column == why_at else _WIDTH if column > why_at else 11)
    page.freeze_panes(2, 2)
    page.set_landscape()
    page.set_paper(9)
    # One page holds as many columns as can be read; further pages repeat the row's place and the headers.
    page.fit_to_pages(-(-(len(columns) * _WIDTH + _WIDE) // _ACROSS), 0)
    page.repeat_rows(0, 1)
    page.repeat_columns(0, 1)
    fill: dict[tuple[int, int], str] = {}
    why: dict[int, list[str]] = {}
    for fault in faults:
        fill.setdefault((fault.row, fault.column), SEVERITIES[fault.rank])
        why.setdefault(fault.row, []).append(fault.message)
    taken = list(zip(*(rows.column(name).to_pylist() for name in rows.column_names), strict=True))
    for at, (row, *texts) in enumerate(sorted(taken, key=lambda one: one[0]), start=2):
        said = clean("\n".join(why[row]), keep_lines=True, most=2_000)
        height = max([lines_in(said, _WIDE), *(lines_in(text or "", _WIDTH) for text in texts)])
        page.set_row(at, min(height * 16.5 + 2, _HIGHEST))
        page.write_string(at, 0, sheet, looks["place"])
        page.write_string(at, 1, str(row), looks["place"])
        page.write_blank(at, 2, None, looks["cell"])
        page.write_string(at, why_at, said, looks["why"])
        for column, (text, (_, number)) in enumerate(zip(texts, columns, strict=True), start=why_at + 1):
            look = looks[fill.get((row, number), "cell")]
            if text:
                page.write_string(at, column, clean(text, keep_lines=True), look)
            else:
                page.write_blank(at, column, None, look)
    last = rows.num_rows + 1
    page.data_validation(2, 2, last, 2, {"validate": "list", "source": ["是"]})
    page.ignore_errors({"number_stored_as_text": f"A1:{column_letter(len(heads))}{last + 1}"})


def merge(base: Path, file_name: str, cells: Path, target: Path) -> int | Refusal:
    """Write `base` with the cells of a correction put in, as an .xlsx of values under the same row numbers.

    `cells`: a Parquet file of sheet, row_number, column (1-based; 0: the whole row goes), text, is_number. Gives how many
    rows changed, or a Refusal when the base file cannot take the correction.
    """
    book = readers.read(base, file_name)
    if isinstance(book, Refusal):
        return book
    if any(grid.height and int(grid.row_numbers.max()) > MOST_ROWS for grid in book.grids):
        return Refusal("too_big", "原文件的行数超过一张工作表能放下的，不能用更正表", advice.MEND_ORIGINAL)
    wanted = pq.read_table(cells).to_pandas().fillna({"text": ""})  # pandas makes a blank text NaN, a number
    if emptied := _emptied(book.grids, wanted):
        rows = "、".join(f"{f'“{sheet}”' if sheet else ''}第 {row} 行" for sheet, row in emptied[:_NAMED])
        more = f"等 {len(emptied)} 行" if len(emptied) > _NAMED else ""
        return Refusal("row_emptied", f"更正表里原表的{rows}{more}整行清空了，没有选“去掉这一行”", advice.EMPTY_NO_ROW)
    changed = 0
    for grid in book.grids:
        changed += _put_in(grid, wanted[wanted["sheet"].eq(grid.sheet)])
    rewrite(book.grids, target, {})
    return changed


def _emptied(grids: Sequence[Grid], wanted: pd.DataFrame) -> list[tuple[str, int]]:
    """(sheet, row number) of rows that had content, that the correction left wholly empty, and that it did not remove."""
    says = wanted["text"].ne("") | wanted["column"].eq(0)
    of_rows = list(zip(wanted["sheet"].tolist(), wanted["row_number"].tolist(), strict=True))
    silent = set(of_rows) - {of_row for of_row, says_it in zip(of_rows, says.tolist(), strict=True) if says_it}
    found = []
    for grid in grids:
        for at, row in enumerate(int(number) for number in grid.row_numbers):
            if (grid.sheet, row) in silent and any(column[at].as_py() for column in grid.columns):
                found.append((grid.sheet, row))
    return found


def _put_in(grid: Grid, wanted: pd.DataFrame) -> int:
    """Change a grid's cells; gives how many of its rows changed."""
    position = {int(number): at for at, number in enumerate(grid.row_numbers)}
    wanted = wanted[wanted["row_number"].isin(position)]
    changed: set[int] = set()
    gone = [position[row] for row in wanted.loc[wanted["column"].eq(0), "row_number"].tolist()]
    for column in range(len(grid.columns)):
        mine = wanted[wanted["column"].eq(column + 1)]
        if mine.empty and not gone:
            continue
        texts = grid.columns[column].to_pylist()
        numeric = grid.numeric.get(column, np.zeros(grid.height, bool)).copy()
        for row, text, is_number in mine[["row_number", "text", "is_number"]].itertuples(index=False):
            at, new = position[row], text or None
            if (texts[at] or None) != new:
                texts[at], numeric[at] = new, bool(is_number)
                changed.add(at)
        for at in gone:
            texts[at], numeric[at] = None, False
        grid.columns[column] = pa.array(texts, pa.string())
        grid.numeric[column] = numeric
    return len(changed | set(gone))
