"""Turns raw text columns into typed values, with the reason where one is unreadable; by vectorised SQL.

`parse` types every field of a kind, `parse_ids` only the ID number; `explain` gives the clerk's message for a problem.
The package builds SQL and runs it on the caller's connection. It opens no file and calls no Python per row.
See docs/sources.md (how real files are damaged), docs/identity.md (the ID number).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import TYPE_CHECKING, TypedDict, Unpack

from low_income.folding import INVISIBLE, identifier, literal, matches_fully, says_something
from low_income.settings.contracts import NUMBER_SENSITIVE, Column, Kind, Type
from low_income.values import amounts, dates, numbers, words
from low_income.values.fields import Field, Layers
from low_income.values.numbers import folded_number
from low_income.values.wording import explain

if TYPE_CHECKING:
    import duckdb

__all__ = ["SheetFacts", "explain", "folded_number", "mixed_units", "parse", "parse_ids"]

_READ: dict[Type, tuple[str, Callable[[Field], Layers]]] = {
    "id_number": (numbers.QUICK_ID, numbers.read_id),
    "disability_number": (numbers.QUICK_CERTIFICATE, numbers.read_certificate),
    "date": (dates.QUICK_DATE, dates.read_date),
    "month": (dates.QUICK_DATE, dates.read_month),
    "money": (amounts.QUICK_MONEY, amounts.read_money),
    "integer": (amounts.QUICK_INTEGER, amounts.read_integer),
    "decimal": (amounts.QUICK_DECIMAL, amounts.read_decimal),
    "boolean": (words.QUICK_WORD, words.read_boolean),
    "code": (words.QUICK_WORD, words.read_code),
    "name": (words.QUICK_NAME, words.read_name),
    "text": (words.QUICK_TEXT, words.read_text),
    "township": (words.QUICK_TEXT, words.read_text),
    "place": (words.QUICK_TEXT, words.read_text),
}
"""Type → (pattern of texts that need no folding, function that gives its SQL)."""


class SheetFacts(TypedDict, total=False):
    """Facts about cells that are given outside the cells; keys are (sheet, field) or a sheet."""

    units: Mapping[tuple[str, str], str]
    """The unit in the header's brackets."""
    defaults: Mapping[tuple[str, str], str]
    """The text used for a blank cell or a missing column (`else_from`)."""
    date1904_sheets: Collection[str]
    """Sheets of workbooks that count days from 1904."""
    mixed_units: Collection[tuple[str, str]]
    """Columns found by `mixed_units`, in which an amount without a unit is ambiguous."""


def parse(
    con: duckdb.DuckDBPyConnection,
    raw_table: str,
    kind: Kind,
    night: date,
    **told: Unpack[SheetFacts],
) -> str:
    """Type every field of a kind; returns the name of the temporary table made, `<raw_table>_typed`.

    Args:
        con: the connection with `raw_table`.
        raw_table: a table or view with `sheet`, and for each field a VARCHAR column of raw text; fields may be absent.
            For the types of NUMBER_SENSITIVE it may have a BOOLEAN `<field>__numeric`.
        kind: the kind to read.
        night: the night's date; birth dates and `not_after` are compared with it.
        told: what the sheets say outside the cells, see `SheetFacts`.

    The table has all other columns of `raw_table` unchanged, and for each field: the value under its own name
    (`Column.sql_type`; NULL when blank or unreadable), `<field>__text` (the sender's text, unchanged) and
    `<field>__problem` (a code for `explain`, else NULL). ID numbers have also `__state` (docs/identity.md), `__sex` (男, 女)
    and `__birth_date`, both from a usable number; names have `__flag` (a code for `explain`: the name is kept, and the sender is asked).
    """
    units, defaults = told.get("units", {}), told.get("defaults", {})
    fields = [
        Field(
            name,
            column,
            night,
            header_units={sheet: unit for (sheet, field), unit in units.items() if field == name},
            date1904_sheets=frozenset(told.get("date1904_sheets", ())),
            mixed_sheets=frozenset(sheet for sheet, field in told.get("mixed_units", ()) if field == name),
        )
        for name, column in kind.columns.items()
    ]
    stand_ins = {
        name: _stand_in(column, {sheet: word for (sheet, field), word in defaults.items() if field == name})
        for name, column in kind.columns.items()
    }
    return _create(con, raw_table, f"{raw_table}_typed", fields, stand_ins)


def parse_ids(con: duckdb.DuckDBPyConnection, raw_table: str, field: str, night: date) -> str:
    """Type the ID number of one field and leave everything else raw, so that scope can be judged first.

    Returns the name of the temporary table made, `<raw_table>_ids`. It has the columns of `raw_table`; `field` becomes
    the number, `<field>__state` and `<field>__problem`, as `parse` gives them.
    """
    asked = Field(field, Column(header=field, type="id_number"), night)
    return _create(con, raw_table, f"{raw_table}_ids", [asked], {field: None}, ("", "__state", "__problem"))


def mixed_units(
    con: duckdb.DuckDBPyConnection, raw_table: str, kind: Kind, units: Mapping[tuple[str, str], str]
) -> frozenset[tuple[str, str]]:
    """(sheet, field) of amounts whose header names no unit while some cells name a unit like 万元.

    The unit of the other cells is then unknown. Call it on all rows of a sheet, before rows are filtered by scope.
    """
    present = {column for column, *_ in con.execute(f"describe {identifier(raw_table)}").fetchall()}
    fields = [name for name, column in kind.columns.items() if column.type == "money" and name in present]
    if not fields:
        return frozenset()
    found = ", ".join(f"bool_or({amounts.names_large_unit(identifier(field))})" for field in fields)
    rows = con.execute(f"select sheet, {found} from {identifier(raw_table)} group by sheet").fetchall()
    return frozenset(
        (sheet, field)
        for sheet, *mixed in rows
        for field, is_mixed in zip(fields, mixed, strict=True)
        if is_mixed and (sheet, field) not in units
    )


def _stand_in(column: Column, by_sheet: Mapping[str, str]) -> str | None:
    """SQL of the text used for a blank cell; None when there is none."""
    last = literal(column.else_) if column.else_ is not None else None
    if not by_sheet:
        return last
    cases = " ".join(f"when {literal(sheet)} then {literal(word)}" for sheet, word in sorted(by_sheet.items()))
    return f"case sheet {cases} else {last or 'null'} end"


def _create(
    con: duckdb.DuckDBPyConnection,
    raw_table: str,
    name: str,
    fields: list[Field],
    stand_ins: Mapping[str, str | None],
    wanted: Collection[str] | None = None,
) -> str:
    present = [column for column, *_ in con.execute(f"describe {identifier(raw_table)}").fetchall()]
    own = {field.name for field in fields} | {f"{field.name}__numeric" for field in fields}
    passed = [identifier(column) for column in present if column not in own]
    steps: list[dict[str, str]] = []
    results: list[str] = []
    for field in fields:
        quick, read = _READ[field.column.type]
        layers = [*_given(field, present, quick, stand_ins[field.name]), *read(field)]
        for depth, layer in enumerate(layers):
            if depth == len(steps):
                steps.append({})
            steps[depth] |= {field.at(suffix): sql for suffix, sql in layer.items()}
        given = {suffix for layer in layers for suffix in layer if not suffix.startswith("#")}
        results += [_typed(field, suffix) for suffix in sorted(given.intersection(wanted) if wanted else given)]
    source = identifier(raw_table)
    for depth, step in enumerate(steps):
        carried = ", ".join(passed) if depth == 0 else "*"
        added = ", ".join(f"{sql} as {column}" for column, sql in step.items())
        source = f"(select {', '.join(part for part in (carried, added) if part)} from {source})"
    con.execute(
        f"create or replace temp table {identifier(name)} as select {', '.join([*passed, *results])} from {source}"
    )
    return name


def _given(field: Field, present: list[str], quick: str, stand_in: str | None) -> Layers:
    raw, text = identifier(field.name), field.at("__text")
    known = field.name in present
    given = {
        "__text": raw if known else "cast(null as varchar)",
        "#quick": f"coalesce({matches_fully(raw, quick)}, false)" if known else "false",
    }
    if field.column.type in NUMBER_SENSITIVE:
        flag = f"{field.name}__numeric"
        given["#numeric"] = f"coalesce({identifier(flag)}, false)" if flag in present else "false"
    filled = f"case when {field.quick} or not {matches_fully(text, f'[{INVISIBLE}]*')} then {text} end"
    if stand_in:
        filled = f"case when {says_something(text)} then {text} else {stand_in} end"
    return [given, {"#text": filled}]


def _typed(field: Field, suffix: str) -> str:
    """A result cast to its type: a column without any value would have no type."""
    sql_type = {
        "": field.column.sql_type, "__birth_date": "DATE",
    }.get(suffix, "VARCHAR")  # fmt: skip
    return f"cast({field.at(suffix)} as {sql_type}) as {field.at(suffix)}"
