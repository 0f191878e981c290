"""A real file with its damage → what became of each row: read and judged as on a night, in this process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow.parquet as pq
from low_income import checks
from low_income.model import Reading, Refusal
from low_income.reading import layout
from low_income.settings import contracts

NIGHT = date(2026, 10, 31)
TOWNSHIPS = {"北营镇": "d01", "北营": "d01", "向阳镇": "d01", "东湾镇": "d02"}
EVERYBODY = frozenset(sender for kind in contracts.load().kinds.values() for sender in kind.senders)


def places(texts: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    return {text: [(TOWNSHIPS[text], text)] if text in TOWNSHIPS else [] for text in texts}


@dataclass
class Outcome:
    """What became of one file; rows by (sheet, row number)."""

    readings: list[Reading]
    accepted: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    aside: dict[tuple[str, int], str] = field(default_factory=dict)
    """The rule that set the row aside."""
    issues: list[dict[str, Any]] = field(default_factory=list)

    @property
    def refusal(self) -> Refusal | None:
        return next((reading.refusal for reading in self.readings if reading.refusal), None)

    @property
    def notices(self) -> str:
        return "\n".join(notice for reading in self.readings for notice in reading.notices)

    @property
    def left_out(self) -> dict[str, int]:
        """Rows that are no data, by sort, over all sheets."""
        counts: dict[str, int] = {}
        for sheet in (sheet for reading in self.readings for sheet in reading.sheets):
            for sort, rows in sheet.rows_left_out.items():
                counts[sort] = counts.get(sort, 0) + rows
        return counts

    def values(self, name: str) -> list[Any]:
        """One field of the accepted rows, in the file's order."""
        return [row[name] for row in self.accepted.values()]

    def said(self, row: int, name: str | None = None) -> list[str]:
        """Rules of the lines about a row, of one field or all."""
        return [
            line["rule"]
            for line in self.issues
            if line["row_number"] == row and (name is None or str(line["rule"]).startswith(f"{name}."))
        ]


def judged(path: Path, name: str | None = None, unit: str = "d01", senders: Iterable[str] = EVERYBODY) -> Outcome:
    """Read and judge one file, every partner row included. read = accepted + set aside is held on the way."""
    work = path.parent / f"{path.name}.work"
    work.mkdir(exist_ok=True)
    readings = layout.read_submissions(path, name or path.name, unit, set(senders), work)
    outcome = Outcome(readings)
    parts = [
        checks.Part(f"s{at}", unit, str(reading.kind), "g", path.name, at, reading)
        for at, reading in enumerate(readings)
        if reading.refusal is None
    ]
    if not parts:
        return outcome
    known = contracts.load()
    open_doors = known.model_copy(
        update={"kinds": {name: kind.model_copy(update={"door": None}) for name, kind in known.kinds.items()}}
    )
    with duckdb.connect() as con:
        verdicts = checks.judge_parts(con, open_doors, parts, checks.CheckContext(NIGHT, b"k" * 32, places), work)
    for part, verdict in zip(parts, verdicts, strict=True):
        assert verdict.rows_accepted + verdict.rows_set_aside == verdict.rows_read == part.reading.rows_read
        outcome.issues += verdict.issues.to_dict("records")
        outcome.accepted |= _rows(work / part.kind / f"{part.submission_id}.parquet")
        aside = _rows(work / "set_aside" / f"{part.submission_id}.parquet")
        outcome.aside |= {place: row["reason"] for place, row in aside.items()}
        assert len(outcome.accepted) + len(outcome.aside) >= verdict.rows_read
    return outcome


def _rows(path: Path) -> dict[tuple[str, int], dict[str, Any]]:
    rows = pq.read_table(path).to_pylist() if path.exists() else []
    return {(row["sheet"], row["row_number"]): row for row in sorted(rows, key=lambda row: row["row_number"])}


def sheet(path: Path, rows: Sequence[Sequence[Any]], name: str = "Sheet1") -> Path:
    """A workbook of one sheet; None is an empty cell."""
    return sheets(path, {name: rows})


def sheets(path: Path, pages: Mapping[str, Sequence[Sequence[Any]]]) -> Path:
    """A workbook."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in pages.items():
        page = book.create_sheet(name)
        for at, row in enumerate(rows, 1):
            for column, value in enumerate(row, 1):
                if value is not None:
                    page.cell(at, column).value = value
    book.save(path)
    return path


def person_number(serial: int, born: str = "19860501") -> str:
    """The valid number of an invented man; serial below 500."""
    first = f"990101{born}{serial * 2 + 1:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return first + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(first, weights, strict=True)) % 11]


def one_column(kind: str, name: str, cells: Sequence[Any], header: str | None = None) -> list[list[Any]]:
    """Rows of a good list of a kind (title, header, a row per cell) in which one field holds the cells given."""
    known = contracts.load().kinds[kind]
    wanted = {each: column for each, column in known.columns.items() if column.required is True or each == name}
    for group in known.required_groups():
        if not set(group) & set(wanted):
            wanted[group[0]] = known.columns[group[0]]
    rows: list[list[Any]] = [
        [f"2026年10月{known.titles[0]}"],
        [header if header and each == name else column.header for each, column in wanted.items()],
    ]
    for serial, cell in enumerate(cells):
        good = {
            "name": "张三", "id_number": person_number(serial), "disability_number": person_number(serial) + "42",
            "date": "2024-01-05", "month": "2024-01", "money": 3, "integer": 3, "decimal": 3, "boolean": "是", "text": f"T{serial}",
        }  # fmt: skip
        rows.append(
            [
                cell if each == name else next(iter(column.codes)) if column.type == "code" else good[column.type]
                for each, column in wanted.items()
            ]
        )
    return rows


def readings_of(
    folder: Path, kind: str, name: str, cells: Sequence[Any], header: str | None = None, write: Any = None
) -> list[Any]:
    """What each cell of a field is read as in a real workbook: the value, or `!problem` (`!!problem` when it took the row)."""
    path = folder / f"{kind}.{name}.xlsx"
    (write or sheet)(path, one_column(kind, name, cells, header))
    outcome = judged(path)
    assert outcome.refusal is None, outcome.refusal
    assert len(outcome.accepted) + len(outcome.aside) == len(cells)
    found = []
    for at in range(3, len(cells) + 3):
        said = [rule.partition(".")[2] for rule in outcome.said(at, name)]
        row = outcome.accepted.get(("Sheet1", at))
        if row is not None:
            assert row[f"{name}__text"] is not None or cells[at - 3] in (None, "")
        found.append(f"!!{said[0]}" if row is None else f"!{said[0]}" if said and row[name] is None else row[name])
    return found
