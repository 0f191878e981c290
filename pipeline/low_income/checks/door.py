"""The door for partners' lists: keeps the rows of people who may be kept, and only counts the others.

It reads each row's number before anything else. So rows of people outside the scope, often millions, never reach a
later step (docs/boundaries.md, 3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from low_income import values
from low_income.model import ContractError
from low_income.settings.contracts import Kind

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Scope:
    """Who is in scope on the night."""

    tables: Mapping[str, str]
    """Each of `Kind.scopes` → a table in the connection with a column id_number."""
    policy: Mapping[str, int]
    """Values that a door's `or_when` may name as `:key`: whole numbers; amounts in fen as `:key_fen`."""


def filter_to_scope(
    con: duckdb.DuckDBPyConnection,
    kind: Kind,
    raw: str,
    night: date,
    scope: Scope | None,
    told: values.SheetFacts,
) -> str:
    """Judge the scope of all rows of `raw`; gives the table of rows that are kept or have no usable number.

    `told`: what their sheets say, as `values.parse` takes it. Makes the table `<raw>_out` (submission_id, rows) too. For kinds
    with `review_only` fields, `is_authorised` says whether those are kept as well. Raises ContractError without a scope.
    """
    if kind.door is None or scope is None:
        raise ContractError(f"{kind.name}：外部名单要先有范围才能读")
    number = kind.person.id_number
    needed = [number, *_named_in(kind)]
    present = {column for column, *_ in con.execute(f"describe {raw}").fetchall()}
    thin = [name for field in needed for name in (field, f"{field}__numeric") if name in present]
    con.execute(
        f"create or replace temp view {raw}_thin as select sheet, row_number, submission_id, {', '.join(thin)} from {raw}"
    )
    ids = values.parse_ids(con, f"{raw}_thin", number, night)
    con.execute(
        f"""create or replace temp table {raw}_seen as
        select seen.*, seen.{number} is not null and scope.id_number is null as is_outsider
        from {ids} as seen left join (select distinct id_number from {scope.tables[kind.door.scope]}) as scope
            on scope.id_number = seen.{number}"""
    )
    is_authorised = ""
    if kind.review_only:
        is_authorised = (
            f", coalesce(seen.{number} in (select id_number from {scope.tables['authorised']}), false) as is_authorised"
        )
    con.execute(f"create or replace temp table {raw}_kept (submission_id varchar, number varchar)")
    if kind.door.or_when:
        condition = _filled_in(kind.door.or_when, night, scope.policy)
        outsiders = f"select * rename ({number} as outsider_number) from {raw}_seen where is_outsider"
        for fields in _asked_in_turn(kind):
            con.execute(f"create or replace temp view outsider as {outsiders}")
            narrow = kind.model_copy(update={"columns": {field: kind.columns[field] for field in fields}})
            typed = values.parse(con, "outsider", narrow, night, **told)
            asked = [*fields, *(f"{f}__problem is not null as {f}__unreadable" for f in fields if f in kind.optional)]
            con.execute(
                f"""create or replace temp table {raw}_kept as select submission_id, outsider_number as number from
                (select {"distinct" if fields != _named_in(kind) else ""} submission_id, outsider_number, {", ".join(asked)} from {typed})
                group by all having {condition}"""
            )
            # Few people are left after the first look. Only for them a second look counts repeated rows once.
            outsiders = f"""select raw.* exclude ({number}), kept.number as outsider_number from {raw} as raw
                inner join {raw}_seen as seen on seen.sheet = raw.sheet and seen.row_number = raw.row_number
                inner join {raw}_kept as kept on kept.submission_id = seen.submission_id and kept.number = seen.{number}"""
    inside = f"""from {raw}_seen as seen left join {raw}_kept as kept
        on kept.submission_id = seen.submission_id and kept.number = seen.{number}"""
    con.execute(
        f"""create or replace temp table {raw}_out as select seen.submission_id, count(*) as rows {inside}
        where seen.is_outsider and kept.number is null group by all"""
    )
    raw_columns = [column for column, *_ in con.execute(f"describe {raw}").fetchall()]
    columns = ", ".join(f'raw."{column}"' for column in raw_columns)
    con.execute(
        f"""create or replace temp table {raw}_in as select {columns} {", is_authorised" if is_authorised else ""}
        from {raw} as raw inner join (select seen.sheet, seen.row_number {is_authorised} {inside}
        where not (seen.is_outsider and kept.number is null)) as inside
        on inside.sheet = raw.sheet and inside.row_number = raw.row_number"""
    )
    return f"{raw}_in"


def _asked_in_turn(kind: Kind) -> list[list[str]]:
    """Lists of fields to read of outsiders' rows, one for each look; where identical rows count once, the second includes the key."""
    named = _named_in(kind)
    key = [field for field in kind.columns if field in {*kind.key, *named} - {kind.person.id_number}]
    return [named, key] if kind.identical_counts_once else [named]


def _named_in(kind: Kind) -> list[str]:
    """Fields that the door's condition names."""
    condition = kind.door.or_when if kind.door and kind.door.or_when else ""
    return [field for field in kind.columns if re.search(rf"\b{field}\b", condition)]


def _filled_in(condition: str, night: date, policy: Mapping[str, int]) -> str:
    """`or_when` with its `:names` filled in. Raises ContractError for a name without a value."""

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if name == "night":
            return f"date '{night.isoformat()}'"
        if name not in policy:
            raise ContractError(f"door.or_when：没有 :{name} 这个政策值")
        return str(int(policy[name]))

    return re.sub(r"(?<!:):([a-z]\w*)", fill, condition)
