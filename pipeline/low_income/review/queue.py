"""The queue: households with open warnings, the most urgent first, as the address of the page filters them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from low_income.lists.words import CHANGE_TITLES, LEVEL_TITLES, STATE_TITLES
from low_income.model import holds_number
from low_income.review.release import Row, rows

if TYPE_CHECKING:
    import duckdb

MOST_LETTERS = 60
"""How many characters of a word are looked for."""
PAGE_ROWS = 50
"""Households on one page."""
COLOURS = ("赤", "橙", "黄", "紫")
DUE_TITLES = {"overdue": "已逾期", "today": "今天到期", "later": "还没有到期"}

_LINES = """
with due as (
    select
        household_id, min(due_on) as due_on, bool_or(is_overdue) as is_overdue, max(run_date) as run_date,
        list(distinct status) as statuses
    from warning_list
    group by household_id
),

line as (
    select
        household_warning.household_id, household_warning.division_code, household_warning.township, household_warning.head_name,
        household_warning.head_id_number, household_warning.size, household_warning.level, household_warning.colour,
        household_warning.codes, household_warning.open_count, household_warning.oldest_on, household_warning.change,
        due.due_on, due.is_overdue, due.statuses,
        case when due.is_overdue then 'overdue' when due.due_on = due.run_date then 'today' else 'later' end as due_state,
        list_position(['red', 'orange', 'yellow', 'blue'], household_warning.level) as level_rank
    from household_warning
    inner join due on household_warning.household_id = due.household_id
)
"""
_ORDER = "order by level_rank, due_on, household_id"
_CONDITIONS = {
    "division": "division_code = ?",
    "township": "coalesce(township, '') = ?",
    "level": "level = ?",
    "rule": "list_contains(string_split(codes, ','), ?)",
    "status": "list_contains(statuses, ?)",
    "due": "due_state = ?",
    "colour": "colour = ?",
    "change": "change = ?",
}
_WORDS = (
    "(contains(coalesce(head_name, ''), ?) or household_id in (select household_id from warning_list"
    " where contains(coalesce(subject_name, ''), ?) or starts_with(warning_id, ?) or starts_with(household_id, ?)))"
)


@dataclass(frozen=True)
class Filters:
    """What of the queue is asked for; '' for all. Each is a word of the page's address."""

    division: str = ""
    township: str = ""
    level: str = ""
    rule: str = ""
    status: str = ""
    due: str = ""
    colour: str = ""
    change: str = ""
    words: str = ""
    """A part of a name, or the beginning of a warning's or household's number. Never an ID number: addresses are kept by browsers."""

    def address(self, **changed: object) -> str:
        """The query of an address with these filters, some of them changed; '' when nothing is filtered."""
        told = {name: value for name, value in {**asdict(self), **changed}.items() if value not in ("", None)}
        return f"?{urlencode(told)}" if told else ""

    @property
    def are_any(self) -> bool:
        """Whether anything is filtered."""
        return any(asdict(self).values())


@dataclass(frozen=True)
class Choice:
    """A filter as a list to choose from."""

    name: str
    title: str
    options: Mapping[str, str]
    """Value → its words."""


def choices(con: duckdb.DuckDBPyConnection, divisions: Mapping[str, str]) -> list[Choice]:
    """What can be chosen in each filter; townships and rules are those of tonight. `divisions`: code → name."""
    townships = rows(
        con, "select distinct township from household_warning where township is not null order by township"
    )
    rules = rows(con, "select distinct rule_code, title from warning_list order by rule_code")
    every = [
        Choice("division", "单位", divisions),
        Choice("township", "街道（乡镇）", {each["township"]: each["township"] for each in townships}),
        Choice("level", "级别", LEVEL_TITLES),
        Choice("rule", "规则", {rule["rule_code"]: f"{rule['rule_code']} {rule['title']}" for rule in rules}),
        Choice("status", "状态", {state: STATE_TITLES[state] for state in ("open", "verifying")}),
        Choice("due", "期限", DUE_TITLES),
        Choice("colour", "帮扶颜色", {colour: colour for colour in COLOURS}),
        Choice("change", "变化", CHANGE_TITLES),
    ]
    return [each for each in every if each.options or each.name != "division"]


def read_filters(asked: Mapping[str, str], offered: list[Choice]) -> tuple[Filters, list[str]]:
    """The filters in an address, and a sentence for each word in it that means nothing and was left out."""
    known = {each.name: each for each in offered}
    taken: dict[str, str] = {}
    notes = []
    for field in fields(Filters):
        value = asked.get(field.name, "").strip()
        if not value:
            continue
        if field.name in ("words", "township") and holds_number(value):
            notes.append("身份证号不写在这里：地址会留在浏览器的记录里。请写姓名，或预警、家庭的编号")
        elif field.name in ("words", "township"):  # a township that has nothing tonight gives nothing
            taken[field.name] = value[:MOST_LETTERS]
            if len(value) > MOST_LETTERS:
                notes.append(f"只按前 {MOST_LETTERS} 个字查找")
        elif (field.name in known and value in known[field.name].options) or (
            field.name == "rule" and re.fullmatch(r"[A-Z]\d\d", value)  # so is a rule
        ):
            taken[field.name] = value
        else:
            title = known[field.name].title if field.name in known else field.name
            notes.append(f"“{title}”里没有“{value[:30]}”，没有按它筛选")
    return Filters(**taken), notes


@dataclass(frozen=True)
class Page:
    """One page of the queue."""

    lines: list[Row]
    total: int
    """Households in all, by the very query that gives the lines."""
    number: int
    """From 1."""

    @property
    def pages(self) -> int:
        """How many pages there are; at least 1."""
        return max(-(-self.total // PAGE_ROWS), 1)

    @property
    def counter(self) -> str:
        """Which of how many are shown."""
        if not self.total:
            return "0 户"
        first = (self.number - 1) * PAGE_ROWS + 1
        return f"第 {first}–{first + len(self.lines) - 1} 户，共 {self.total} 户"


def read_page(con: duckdb.DuckDBPyConnection, filters: Filters, number: int) -> Page:
    """A page of the queue; the last one when there are not so many."""
    where, values = _where(filters)
    total = int(rows(con, f"{_LINES} select count(*) as households from line {where}", values)[0]["households"])
    last = max(-(-total // PAGE_ROWS), 1)
    at = min(max(number, 1), last)
    lines = rows(
        con, f"{_LINES} select * from line {where} {_ORDER} limit {PAGE_ROWS} offset {(at - 1) * PAGE_ROWS}", values
    )
    return Page(lines, total, at)


def neighbours(con: duckdb.DuckDBPyConnection, filters: Filters, household_id: str) -> tuple[str | None, str | None]:
    """The households before and after one in the queue; None at its ends, or when the household is not in it."""
    where, values = _where(filters)
    found = rows(
        con,
        f"{_LINES} select * from (select household_id, lag(household_id) over ({_ORDER}) as before_id,"
        f" lead(household_id) over ({_ORDER}) as after_id from line {where}) where household_id = ?",
        [*values, household_id],
    )
    return (found[0]["before_id"], found[0]["after_id"]) if found else (None, None)


def _where(filters: Filters) -> tuple[str, list[str]]:
    conditions, values = [], []
    for name, value in asdict(filters).items():
        if value and name in _CONDITIONS:
            conditions.append(_CONDITIONS[name])
            values.append(value)
    if filters.words:
        conditions.append(_WORDS)
        values += [filters.words] * 4
    return (f"where {' and '.join(conditions)}" if conditions else ""), values
