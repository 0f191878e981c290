"""The examples beside models and cards as tables: what is given on a night, and what the model must answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from low_income.settings.contracts import Kind
from low_income.warehouse.given import TABLES
from low_income.warehouse.models import SAID_UNREADABLE, About, Card, Example, Published

from docs_site import words


@dataclass(frozen=True)
class Grid:
    """A table of texts. `heads` are (name, code), the code '' where the name is the code."""

    title: str
    table: str
    """The table that the rows are of, `accepted.<kind>` or `input.<table>`; '' for none."""
    heads: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Shown:
    """One example, ready for a page."""

    name: str
    night: str
    given: tuple[Grid, ...]
    only: str
    expected: Grid | None
    """None: the model gives no row."""
    verdict: str
    """For a rule, whether it lists somebody; else ''."""
    is_listed: bool


def shown(example: Example, about: About | Card, kinds: Mapping[str, Kind]) -> Shown:
    """An example as tables of texts, columns under the names that people read."""
    given = tuple(_given(table, rows, kinds) for table, rows in example.given.items() if rows)
    first = "person_id" if isinstance(about, Card) else about.key[0]
    rows = [row if isinstance(row, dict) else {first: row} for row in example.expect]
    names = _names(about)
    is_listed = any(row.get(SAID_UNREADABLE) is None for row in rows)
    return Shown(
        name=example.name,
        night=example.night.isoformat(),
        given=given,
        only="，".join(
            f"{names.get(column, column)}是{words.value(column, value)}" for column, value in example.only.items()
        ),
        expected=_grid("", "", rows, names) if rows else None,
        verdict=_verdict(rows, is_listed) if isinstance(about, Card) else "",
        is_listed=is_listed,
    )


def _verdict(rows: Sequence[Mapping[str, Any]], is_listed: bool) -> str:
    if not rows:
        return "不列出"
    return "列出" if is_listed else "说不准，不新列出"


def _given(table: str, rows: Sequence[Mapping[str, Any]], kinds: Mapping[str, Kind]) -> Grid:
    prefix, _, rest = table.rpartition(".")
    if rest not in kinds or prefix not in ("", "unproven"):
        said = TABLES[rest].title if rest in TABLES else ""
        return _grid(f"{said}（{table}）" if said else table, table, rows, {})
    kind = kinds[rest]
    names = {"unit_code": "报送单位", "period": "月份", "id_birth_date": "号码里的出生日期", "id_sex": "号码里的性别"}
    for field, column in kind.columns.items():
        names |= {field: column.header, f"{field}__unreadable": f"{column.header}（认不出来）"}
        names[f"{field}__text"] = f"{column.header}（原文）"
    suffix = "（只因号码退回的行）" if prefix else ""
    return _grid(f"{kind.title}{suffix}", f"accepted.{rest}", rows, names)


def _grid(title: str, table: str, rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> Grid:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return Grid(
        title=title,
        table=table,
        heads=tuple((names.get(column, column), column if column in names else "") for column in columns),
        rows=tuple(
            tuple(words.value(column, row[column]) if column in row else "" for column in columns) for row in rows
        ),
    )


def _names(about: About | Card) -> dict[str, str]:
    if isinstance(about, Card):
        return words.RULE_COLUMNS
    if isinstance(about, Published):
        return {column: _short(text) for column, text in about.columns.items()}
    return {}


def _short(comment: str) -> str:
    """The first words of a column's comment, up to the first mark."""
    for mark in "：；，。（":
        comment = comment.split(mark, 1)[0]
    return comment
