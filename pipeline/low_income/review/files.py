"""What a unit sent (报送): each file with its rows, the faults that stand, and the copies and blanks to take away."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from low_income.lists import place_text
from low_income.model import legible, mask
from low_income.night import issues
from low_income.night.night_report import DELIVERY_TITLES, SENT_BACK_TITLES, status
from low_income.records.ledger import Ledger, Submission
from low_income.settings import contracts
from low_income.settings.home import BLANKS, Home

STATUS_TITLES = {
    "accepted": "全部接收", "partly_accepted": "部分接收", "superseded": "已由后来的文件代替", "repeated": "与收过的相同，没有重复计",
    "read": "还没有检查完", **SENT_BACK_TITLES,
}  # fmt: skip
PAGE_LINES = 50
"""Files, and faults, on one page."""
_STANDING = ("came_back", "new", "open", "fixed", "excepted")
"""States of a fault, in the order in which they are shown."""


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


def read_files(home: Home, ledger: Ledger, unit_code: str, day: date, number: int) -> Part:
    """A page of the files that a unit sent up to the night of `day`, the latest first."""
    mine = sorted(
        (each for each in ledger.as_of(day) if each.unit_code == unit_code),
        key=lambda each: (each.night, each.received_seq, each.submission_id),
        reverse=True,
    )
    kinds = contracts.load().kinds
    at = _page(number, len(mine))
    shown = mine[(at - 1) * PAGE_LINES : at * PAGE_LINES]
    return Part([_line(each, kinds[each.kind].title if each.kind else "") for each in shown], len(mine), at)


def _line(each: Submission, title: str) -> dict[str, Any]:
    refusal = each.reading.get("refusal") or {}
    return {
        "file_name": mask(legible(each.file_name)), "title": title, "period": each.period, "night": each.night.isoformat(),
        "status": each.status, "said": STATUS_TITLES[each.status], "reason": mask(each.reason),
        "fix": mask(refusal.get("fix", "")), "rows_read": each.rows_read, "rows_accepted": each.rows_accepted,
        "rows_set_aside": each.rows_set_aside, "rows_out_of_scope": each.rows_out_of_scope, "bar": _bar(each),
    }  # fmt: skip


BAR_WIDTH = 160


def _bar(each: Submission) -> list[dict[str, Any]]:
    """The parts of read = accepted + set aside + out of scope as pieces of one bar of BAR_WIDTH; [] when nothing was read."""
    pieces, at = [], 0.0
    for name, title, rows in (
        ("accepted", "接收", each.rows_accepted),
        ("set-aside", "退回", each.rows_set_aside),
        ("out-of-scope", "不在范围", each.rows_out_of_scope),
    ):
        if rows and each.rows_read:
            width = BAR_WIDTH * rows / each.rows_read
            pieces.append({"name": name, "title": title, "rows": rows, "at": round(at, 2), "width": round(width, 2)})
            at += width
    return pieces


def read_faults(home: Home, ledger: Ledger, unit_code: str, day: date, number: int) -> tuple[dict[str, int], Part]:
    """How many of a unit's error lines are in each state on the night of `day`, and a page of those that stand or came back."""
    mine = [each for each in ledger.as_of(day) if each.unit_code == unit_code and each.outcome != "read"]
    lines = issues.issues_as_of(home, mine, ledger.waivers(day), day)
    counted = lines["state"].value_counts().to_dict()
    states = {issues.STATE_TITLES[state]: int(counted.get(state, 0)) for state in _STANDING}
    standing = lines[lines["state"].isin(["came_back", "new", "open"])].sort_values(
        ["file_name", "sheet", "row", "column", "rule"], kind="stable"
    )
    at = _page(number, len(standing))
    shown = standing.iloc[(at - 1) * PAGE_LINES : at * PAGE_LINES].astype(object).to_dict("records")
    return states, Part(
        [_fault({str(name): _given(value) for name, value in each.items()}) for each in shown], len(standing), at
    )


def _given(value: Any) -> Any:
    """The value of a cell of a frame; None where it has none."""
    return None if value is None or value != value else value  # noqa: PLR0124 - NaN alone differs from itself


def _fault(each: dict[str, Any]) -> dict[str, Any]:
    place = {"file_name": "", "sheet": each["sheet"] or "", "row": each["row"], "column": each["column"]}
    return {
        "file_name": mask(legible(each["file_name"])), "place": place_text(place) if each["row"] else "整个文件",
        "header": each["header"] or "", "value": each["value_masked"] or "", "message": mask(each["message"]),
        "fix": mask(each["fix"]), "state": issues.STATE_TITLES[each["state"]],
    }  # fmt: skip


def read_due(home: Home, ledger: Ledger, unit_code: str, day: date) -> list[dict[str, Any]]:
    """The lists that a unit owes for the month of `day`, with their state in words, and those of the month before that never came."""
    told = status(home, ledger, day)
    return [
        {
            "title": line["title"], "period": line["period"], "state": line["state"], "said": DELIVERY_TITLES[line["state"]],
            "due_on": line["due_on"], "days_late": max(line["days_late"], 0),
        }
        for line in [*told["owed"], *told["expected"]]
        if line["unit_code"] == unit_code
    ]  # fmt: skip


@dataclass(frozen=True)
class Returned:
    """A file that may be taken: its name, and the key by which an address names it. Names may hold what no address should."""

    key: str
    name: str
    path: Path


def returned_files(home: Home, unit_code: str) -> dict[str, list[Returned]]:
    """What lies in a unit's folder of returns/ to be taken: 退回件 and 空白模板, by name."""
    folder = home.returns / unit_code
    found = [
        Returned(_key(name := path.relative_to(folder).as_posix()), mask(legible(name)), path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
    ]
    blanks = [each for each in found if each.path.is_relative_to(folder / BLANKS)]
    return {"退回件": [each for each in found if each not in blanks], BLANKS: blanks}


def returned_file(home: Home, unit_code: str, key: str) -> Returned | None:
    """One of `returned_files` by its key; None for any other key, so that no address leads out of the folder."""
    return next((each for group in returned_files(home, unit_code).values() for each in group if each.key == key), None)


def _key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:20]


def _page(number: int, total: int) -> int:
    return min(max(number, 1), max(-(-total // PAGE_LINES), 1))
