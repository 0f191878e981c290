"""Turns failing cells into error lines: one per cell, in the clerk's words, with an id that stays the same every night."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from low_income.model import IDENTICAL_TWIN, SEVERITY_TITLES
from low_income.records import keyed_ids
from low_income.settings.contracts import Kind

if TYPE_CHECKING:
    import duckdb

    from low_income.checks import CheckContext, Part

ISSUE_COLUMNS = [
    "issue_id", "submission_id", "sheet", "row_number", "column", "header", "value", "rule", "level", "severity",
    "message", "fix", "is_excepted",
]  # fmt: skip
"""Columns of an issue frame: the cell, its header and value as the sender wrote them, the fault, and what to do.

Row and column are null in a line about the whole file. `issue_id` is the same on every night that finds the fault, also
when its row has moved."""


def in_words(
    con: duckdb.DuckDBPyConnection,
    kind: Kind,
    rows: str,
    parts: list[Part],
    found: pd.DataFrame,
    context: CheckContext,
) -> pd.DataFrame:
    """A frame of `position` and ISSUE_COLUMNS, by position: the first fault of each failing cell, and its first fault across time.

    A row that repeats another one gets no `confirm` lines: the other row gets them.
    """
    counts_once = found.loc[found["rule"].eq(IDENTICAL_TWIN), "position"]
    found = found[~(found["severity"].eq("confirm") & found["position"].isin(counts_once))]
    in_time = found["level"].eq("across_time")
    found = found[~found.assign(in_time=in_time).duplicated(["position", "field", "in_time"])]
    places = pd.DataFrame(
        [
            (part.submission_id, sheet.sheet, use.field, use.column, use.header)
            for part in parts
            for sheet in part.reading.sheets
            for use in sheet.columns
        ],
        columns=["submission_id", "sheet", "field", "column", "header"],
    )
    texts = [_texts(con, kind, rows, str(field), some) for field, some in found.groupby("field", sort=True)]
    if not texts:
        return pd.DataFrame(columns=["position", *ISSUE_COLUMNS])
    lines = pd.concat(texts, ignore_index=True).merge(places, on=["submission_id", "sheet", "field"], how="left")
    titles = {field: column.header for field, column in kind.columns.items()}
    lines["header"] = lines["header"].fillna(lines["field"].map(titles))
    lines["column"] = lines["column"].astype("Int64")
    lines["value"] = lines["value"].fillna("")
    called = {(name, sheet, field): header for name, sheet, field, _, header in places.itertuples(index=False)}
    others, afar = _others(con, kind, rows, lines, {part.submission_id: part.file_name for part in parts}, called)
    lines.loc[lines["position"].isin(afar) & lines["rule"].str.startswith("row."), "level"] = "across_files"
    lines["message"] = [
        f"【{SEVERITY_TITLES[severity]}】"
        + message.replace("{header}", header)
        .replace("{said}", f"填了“{value[:40]}”" if value else "没有填")
        .replace("{others}", others.get(position, ""))
        .replace("{value}", value[:40])
        for position, severity, message, header, value in zip(
            lines["position"], lines["severity"], lines["message"], lines["header"], lines["value"], strict=True
        )
    ]
    lines = lines.sort_values(["position", "order", "field"], kind="stable", ignore_index=True)
    lines["issue_id"] = _ids(kind, lines, parts, context.identity_key)
    lines["is_excepted"] = lines["issue_id"].isin(context.excepted)
    return lines[["position", *ISSUE_COLUMNS]]


def _ids(kind: Kind, lines: pd.DataFrame, parts: list[Part], key: bytes) -> list[str]:
    """One id per line: from unit, kind, rule, field, whose row it is and file; a turn number tells equal ones apart."""
    part_of = {part.submission_id: part for part in parts}
    told = lines[["rule", "field", "subject"]].assign(
        unit=[part_of[each].unit_code for each in lines["submission_id"]],
        file=[part_of[each].own_faults_of for each in lines["submission_id"]],
        delivery=[part_of[each].group for each in lines["submission_id"]],
    )
    told["turn"] = told.groupby(list(told.columns), sort=False).cumcount()
    columns = [told[name].tolist() for name in ("unit", "rule", "field", "subject", "file", "turn")]
    return [keyed_ids.issue_id(key, unit, kind.name, rule, *about) for unit, rule, *about in zip(*columns, strict=True)]


def _texts(con: duckdb.DuckDBPyConnection, kind: Kind, rows: str, field: str, some: pd.DataFrame) -> pd.DataFrame:
    """Add sheet, row, value as written, and `subject`: a hash of the row's key, else of its texts for key, number, name, household."""
    con.register("chosen", some[["position"]])
    key = ", ".join(f"coalesce(cast({each} as varchar), '')" for each in kind.key)
    written = ", ".join(
        f"coalesce({each}__text, '')"
        for each in dict.fromkeys(
            [kind.key[0], kind.person.id_number, kind.person.name, kind.person.head, kind.person.household_no]
        )
        if each
    )
    where = con.execute(
        f"""select position, submission_id, own_sheet as sheet, row_number, {field}__text as value,
            case when {kind.key[0]} is not null then md5(concat_ws('\x1f', 'key', {key}))
                else md5(concat_ws('\x1f', 'text', {written})) end as subject
        from {rows} where position in (select position from chosen)"""
    ).df()
    con.unregister("chosen")
    return some.merge(where, on="position", how="inner", validate="many_to_one")


def _others(
    con: duckdb.DuckDBPyConnection,
    kind: Kind,
    rows: str,
    lines: pd.DataFrame,
    files: Mapping[str, str],
    headers: Mapping[tuple[str, str, str], str],
) -> tuple[dict[int, str], set[int]]:
    """(position → words: where the other rows with the same key are and in which columns they differ; positions with one in another file).

    Values are compared as read, not as written. `files`: submission → the name of its file. `headers`: (submission, sheet,
    field) → the sender's name of the column.
    """
    twins = lines.loc[lines["rule"].str.startswith("row."), ["position"]]
    if twins.empty:
        return {}, set()
    con.register("twins", twins)
    differing = ", ".join(
        f"case when count(distinct coalesce(cast({field} as varchar), {field}__text, '')) > 1 then '{field}' end"
        for field in kind.columns
    )
    alike = con.execute(
        f"""select list(position order by position), list(submission_id order by position), list(own_sheet order by position),
            list(row_number order by position), [{differing}]
        from {rows}
        where key_hash in (select key_hash from {rows} where position in (select position from twins))
        group by key_hash order by min(position)"""
    ).fetchall()
    con.unregister("twins")
    told: dict[int, str] = {}
    afar: set[int] = set()
    for positions, submissions, sheets, numbers, fields in alike:
        different = [field for field in fields if field]
        where = [
            (position, submission, f"{'“' + sheet + '”' if sheet else ''}第{row}行")
            for position, submission, sheet, row in zip(positions, submissions, sheets, numbers, strict=True)
        ]
        if len(set(submissions)) > 1:
            afar.update(positions)
        for (position, submission, _), sheet in zip(where, sheets, strict=True):
            called = [headers.get((submission, sheet, field), kind.columns[field].header) for field in different]
            ends = f"（不同的栏：{'、'.join(called)}）" if called else ""
            elsewhere = [
                ("" if other == submission else f"《{files[other]}》") + text
                for at, other, text in where
                if at != position
            ]
            told[position] = "、".join(elsewhere) + ends
    return told, afar
