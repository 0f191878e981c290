"""What a unit sent (报送): each file with its rows, the faults that stand, and the copies and blanks to take away.

All but the copies comes from the release, as it stood on the release's night.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from low_income.lists import place_text
from low_income.model import legible, mask
from low_income.night.issues import STATE_TITLES
from low_income.night.night_report import SENT_BACK_TITLES
from low_income.review.release import Row, rows
from low_income.settings import contracts
from low_income.settings.home import BLANKS, Home

if TYPE_CHECKING:
    import duckdb

STATUS_TITLES = {
    "accepted": "全部接收", "partly_accepted": "部分接收", "superseded": "已由后来的文件代替", "repeated": "与收过的相同，没有重复计",
    **SENT_BACK_TITLES,
}  # fmt: skip
DUE_TITLES = {
    "fresh": "已收", "incomplete": "已收，不完整", "late": "已收的过期了", "shrunken": "有一份扣着，待市局确认", "absent": "没有收到",
}  # fmt: skip
"""State of a list that is owed → its name."""
PAGE_LINES = 50
"""Files, and faults, on one page."""
BAR_WIDTH = 160


@dataclass(frozen=True)
class Part:
    """One page of a longer list."""

    lines: list[dict[str, Any]]
    total: int
    number: int

    @property
    def pages(self) -> int:
        """How many pages there are; at least 1."""
        return max(-(-self.total // PAGE_LINES), 1)


def _part(con: duckdb.DuckDBPyConnection, table: str, where: str, order: str, unit_code: str, number: int) -> Part:
    total = int(rows(con, f"select count(*) as n from {table} where {where}", [unit_code])[0]["n"])
    at = min(max(number, 1), max(-(-total // PAGE_LINES), 1))
    query = f"select * from {table} where {where} order by {order} limit {PAGE_LINES} offset {(at - 1) * PAGE_LINES}"
    return Part(rows(con, query, [unit_code]), total, at)


def read_files(con: duckdb.DuckDBPyConnection, unit_code: str, number: int) -> Part:
    """A page of the files that a unit sent, the latest first."""
    part = _part(con, "submission", "unit_code = ?", "night desc, received_at desc, submission_id", unit_code, number)
    return Part([_line(each) for each in part.lines], part.total, part.number)


def _line(each: Row) -> dict[str, Any]:
    kinds = contracts.load().kinds
    return {
        "file_name": _legible(each["file_name"]), "title": kinds[each["kind"]].title if each["kind"] in kinds else "",
        "period": each["period"] or "", "night": each["night"].isoformat(), "status": each["status"],
        "said": STATUS_TITLES[each["status"]], "reason": mask(each["reason"] or ""), "rows_read": each["rows_read"],
        "rows_accepted": each["rows_accepted"], "rows_set_aside": each["rows_set_aside"],
        "rows_out_of_scope": each["rows_out_of_scope"], "bar": _bar(each),
    }  # fmt: skip


def _bar(each: Row) -> list[dict[str, Any]]:
    """The parts of read = accepted + set aside + out of scope as pieces of one bar of BAR_WIDTH; [] when nothing was read."""
    pieces, at = [], 0.0
    for name, title, count in (
        ("accepted", "接收", each["rows_accepted"]),
        ("set-aside", "退回", each["rows_set_aside"]),
        ("out-of-scope", "不在范围", each["rows_out_of_scope"]),
    ):
        if count and each["rows_read"]:
            width = BAR_WIDTH * count / each["rows_read"]
            pieces.append({"name": name, "title": title, "rows": count, "at": round(at, 2), "width": round(width, 2)})
            at += width
    return pieces


def read_faults(con: duckdb.DuckDBPyConnection, unit_code: str, number: int) -> tuple[dict[str, int], Part]:
    """How many of a unit's error lines are in each state, and a page of those that stand: they came back, are new or still open."""
    query = "select state, count(*) as lines from validation_issue where unit_code = ? group by state"
    counted = {each["state"]: each["lines"] for each in rows(con, query, [unit_code])}
    part = _part(
        con, "validation_issue", "unit_code = ? and state in ('came_back', 'new', 'open')",
        'file_name, sheet nulls first, "row" nulls first, "column" nulls first, rule, issue_id', unit_code, number,
    )  # fmt: skip
    states = {title: counted.get(state, 0) for state, title in STATE_TITLES.items()}
    return states, Part([_fault(each) for each in part.lines], part.total, part.number)


def _fault(each: Row) -> dict[str, Any]:
    place = {"file_name": "", "sheet": each["sheet"] or "", "row": each["row"], "column": each["column"]}
    return {
        "file_name": _legible(each["file_name"]), "place": place_text(place) if each["row"] else "整个文件",
        "header": each["header"] or "", "value": each["value_masked"] or "", "message": mask(each["message"]),
        "fix": mask(each["fix"]), "state": STATE_TITLES[each["state"]],
    }  # fmt: skip


def read_due(con: duckdb.DuckDBPyConnection, unit_code: str | None = None) -> list[dict[str, Any]]:
    """The lists that a unit owes (all units when None), and earlier ones that never came: their state in words."""
    kinds = contracts.load().kinds
    found = rows(
        con,
        "select unit_code, kind, period, state, due_on, days_late from coverage"
        " where (expected or state = 'absent') and coalesce(unit_code = ?, true) order by unit_code, kind, period",
        [unit_code],
    )
    return [
        {
            "unit_code": each["unit_code"], "kind": each["kind"], "title": kinds[each["kind"]].title, "period": each["period"],
            "state": each["state"], "said": DUE_TITLES[each["state"]],
            "due_on": each["due_on"].isoformat() if each["due_on"] else "", "days_late": max(each["days_late"] or 0, 0),
        }
        for each in found
    ]  # fmt: skip


@dataclass(frozen=True)
class Returned:
    """A file that may be taken: its name, and the key by which an address names it. Names may hold what no address should."""

    key: str
    name: str
    """As it is shown, and as it is called when it is taken: numbers masked, nothing invisible."""
    path: Path
    is_blank: bool


def returned_files(home: Home, unit_code: str) -> dict[str, list[Returned]]:
    """What lies in a unit's folder of returns/ to be taken: 退回件 and 空白模板, by name."""
    folder = home.returns / unit_code
    found = [
        Returned(
            _key(name := path.relative_to(folder).as_posix()),
            _legible(name),
            path,
            path.is_relative_to(folder / BLANKS),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".") and not folder.is_symlink()
    ]
    return {"退回件": [each for each in found if not each.is_blank], BLANKS: [each for each in found if each.is_blank]}


def returned_file(home: Home, unit_code: str, key: str) -> Returned | None:
    """One of `returned_files` by its key; None for any other key, so that no address leads out of the folder."""
    return next((each for group in returned_files(home, unit_code).values() for each in group if each.key == key), None)


def _legible(name: str) -> str:
    return mask(legible(name).replace("\n", "\\n"))


def _key(name: str) -> str:
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:20]
