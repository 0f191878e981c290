"""The morning (早报) of the data officer: the letter of the night, what stands on the lists, and who sent what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from low_income.lists.words import LEVEL_TITLES
from low_income.model import legible
from low_income.review import files
from low_income.review.release import Row, rows
from low_income.settings.home import Home, Unit

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Section:
    """A part of the letter: its heading, and its sentences."""

    title: str
    lines: list[str]


_MARK = re.compile(r"^(?:-|\d+\.) ")
"""What begins a line of a list in the letter."""


def read_letter(home: Home, day: date) -> tuple[str, list[Section]]:
    """The letter of a night as it was written into outbox/: (headline, sections); ('', []) where there is none."""
    path = home.outbox / f"{day.isoformat()}.md"
    if not path.is_file():
        return "", []
    title, sections = "", [Section("", [])]
    for line in legible(path.read_text(encoding="utf-8")).splitlines():
        if line.startswith("# "):
            title = line.removeprefix("# ")
        elif line.startswith("## "):
            sections.append(Section(line.removeprefix("## "), []))
        elif line.strip():
            sections[-1].lines.append(_MARK.sub("", line))
    return title, [each for each in sections if each.lines]


def read_standing(con: duckdb.DuckDBPyConnection, unit_names: dict[str, str]) -> dict[str, Any]:
    """What stands on the lists of the open release: households by their most urgent level, and divisions with what is overdue."""
    night: date = rows(con, "select max(run_date) as run_date from release")[0]["run_date"]
    query = "select level, count(*) as households from household_warning group by level"
    counted = {row["level"]: row["households"] for row in rows(con, query)}
    divisions: list[Row] = rows(
        con,
        "select division_code, open_count, verifying_count, overdue_count, overdue_red_count, overdue_since, closed_count"
        " from division_tally order by overdue_red_count desc, overdue_count desc, open_count desc, division_code",
    )
    return {
        "night": night,
        "levels": [{"level": level, "title": title, "households": counted.get(level, 0)} for level, title in LEVEL_TITLES.items()],
        "divisions": [each | {"unit": unit_names.get(each["division_code"], each["division_code"])} for each in divisions],
    }  # fmt: skip


def read_deliveries(con: duckdb.DuckDBPyConnection, units: Mapping[str, Unit]) -> dict[str, Any]:
    """Who owes which list. Divisions as a table of this month's lists; earlier ones that never came, and partners', line by line."""
    owed = files.read_due(con)
    last = {each["kind"]: max(one["period"] for one in owed if one["kind"] == each["kind"]) for each in owed}
    titles: dict[str, str] = {}
    divisions: dict[str, dict[str, Any]] = {}
    others = []
    for each in owed:
        unit = units.get(each["unit_code"])
        line = each | {"unit": unit.name if unit else each["unit_code"], "late": _late(each)}
        if unit and unit.kind == "division" and each["period"] == last[each["kind"]]:
            titles[each["kind"]] = f"{each['title']} {each['period']}".strip()
            divisions.setdefault(each["unit_code"], {"unit_code": each["unit_code"], "unit": unit.name, "lists": {}})[
                "lists"
            ][each["kind"]] = line
        else:
            others.append(line)
    return {"titles": titles, "divisions": list(divisions.values()), "others": others}


def _late(each: Mapping[str, Any]) -> str:
    return f"，晚了 {each['days_late']} 天" if each["days_late"] else ""
