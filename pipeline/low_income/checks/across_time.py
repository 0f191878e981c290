"""Checks across time: what changed since the last roster of the same unit and kind. The sixth level of checks, all of it.

    sex, birth date    of the same number: other than last month                                  confirm
    number             of the same name in the same household: other, and of another birth or sex  confirm
    amounts            with `jump` in the contract: that many times last month's, or more           confirm
    households         on last month's list, on none of this month's: one line, with how many       notice

`Part.before` names the accepted rows of that last roster; a part without them is not checked. A roster that lost too
many people at once is held before it comes here (`deliveries.hold_back`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from low_income.checks.suites import Fault
from low_income.checks.validation import Expectation
from low_income.model import SEVERITY_TITLES
from low_income.records import keyed_ids
from low_income.settings.contracts import Kind

if TYPE_CHECKING:
    import duckdb

    from low_income.checks import CheckContext, Part

VANISHED = "household.vanished"
"""Rule of the line that says how many households of last month are on no list now."""
_NAMED = 10
"""For how many households the notice shows the last digits of the head's number; no names, since the notice outlives the rows."""


def faults(kind: Kind) -> list[Fault]:
    """What is expected of a kind's rows compared with last month's, on the columns that `look_back` adds."""
    if kind.period != "month":
        return []
    found = []
    for field in _steady(kind):
        title = kind.columns[field].header
        expectation = Expectation(
            f"{kind.name}.{field}.as_before", "expect_column_pair_values_to_be_equal",
            {"column_A": field, "column_B": f"{field}__before", "ignore_row_if": "either_value_is_missing"},
        )  # fmt: skip
        message = f"“{{header}}”填的“{{value}}”与上一份名单里同一个人的不一样。请对照证件核对{title}；无误请确认。"
        found.append(Fault(expectation, f"{field}.changed", field, "confirm", message, f"核对与上月不同的{title}",
                           "across_time"))  # fmt: skip
    number = kind.person.id_number
    if kind.person.head:
        expectation = Expectation(
            f"{kind.name}.{number}.as_before", "expect_column_values_to_not_be_in_set",
            {"column": "number_changed", "value_set": [True]},
        )  # fmt: skip
        message = (
            "上一份名单里，同一户同名的人用的是另一个身份证号，出生日期或性别不同。"
            "请对照证件核对“{header}”填的“{value}”；确实换了人或改了号码的请确认。"
        )
        fix = "核对与上月不同的身份证号"
        found.append(Fault(expectation, f"{number}.changed", number, "confirm", message, fix, "across_time"))
    for field, times in _jumping(kind).items():
        expectation = Expectation(
            f"{kind.name}.{field}.no_jump", "expect_column_values_to_not_be_in_set",
            {"column": f"{field}__jumped", "value_set": [True]},
        )  # fmt: skip
        message = (
            f"“{{header}}”填的“{{value}}”是上一份名单的 {times} 倍以上。请核对有无多打位数或弄混单位；无误请确认。"
        )
        fix = f"核对比上月大 {times} 倍以上的{kind.columns[field].header}"
        found.append(Fault(expectation, f"{field}.jumped", field, "confirm", message, fix, "across_time"))
    return found


def look_back(con: duckdb.DuckDBPyConnection, kind: Kind, table: str, parts: list[Part]) -> None:
    """Add columns about the last roster to a table of rows: `<field>__before`, `<field>__jumped`, `number_changed`.

    Makes the table `before_<kind>` (grp, number, head, name, …) too.
    """
    number, head, name = kind.person.id_number, kind.person.head or kind.person.id_number, kind.person.name
    fields = {field: kind.columns[field].sql_type for field in [*_steady(kind), *_jumping(kind)]}
    before = f"before_{kind.name}"
    columns = ", ".join(f"{field} {sql_type}" for field, sql_type in fields.items())
    con.execute(
        f"create or replace temp table {before} (grp varchar, number varchar, head varchar, name varchar"
        f"{', ' + columns if columns else ''})"
    )
    for group, paths in sorted({part.group: part.before for part in parts if part.before}.items()):
        rows = "read_parquet(?, union_by_name = true)"
        files = [[str(path) for path in paths]]
        present = {column for column, *_ in con.execute(f"describe select * from {rows}", files).fetchall()}
        kept = "".join(f", any_value({field} order by row_id) as {field}" for field in fields if field in present)
        con.execute(
            f"insert into {before} by name select ? as grp, {number} as number, any_value({head} order by row_id) as head,"
            f" any_value({name} order by row_id) as name{kept} from {rows} group by {number}",
            [group, *files],
        )
    for field, sql_type in fields.items():
        con.execute(f"alter table {table} add column {field}__before {sql_type}")
        con.execute(
            f"""update {table} set {field}__before = {before}.{field} from {before}
            where {before}.grp = {table}.grp and {before}.number = {table}.{number}"""
        )
    for field, times in _jumping(kind).items():
        con.execute(f"alter table {table} add column {field}__jumped boolean")
        con.execute(
            f"""update {table} set {field}__jumped = true
            where {field}__before > 0 and {field} >= {int(times)} * {field}__before"""
        )
    if kind.person.head:
        con.execute(f"alter table {table} add column number_changed boolean")
        con.execute(
            f"""update {table} set number_changed = true from {before} as old
            where old.grp = {table}.grp and old.name = {table}.{name} and old.head = {table}.head_number
                and {table}.{number} is not null
                and (substr(old.number, 7, 8) <> substr({table}.{number}, 7, 8)
                    or cast(substr(old.number, 17, 1) as integer) % 2 <> cast(substr({table}.{number}, 17, 1) as integer) % 2)
                and not exists (select 1 from {table} as still where still.grp = old.grp and still.{number} = old.number)
                and not exists (select 1 from {before} as known where known.grp = old.grp and known.number = {table}.{number})"""
        )


def vanished(
    con: duckdb.DuckDBPyConnection,
    kind: Kind,
    typed: Mapping[str, str],
    members: Kind,
    parts: list[Part],
    context: CheckContext,
) -> pd.DataFrame:
    """An issue frame: one line per delivery of a household list in which households of last month are on no list now.

    `members`: the kind of the same dataset group that lists the people. No line where one of the lists is not whole. A head
    whose name is on a row without a usable number does not count as gone.
    """
    number = kind.person.id_number
    now = f"select grp, {number} as number from {typed[kind.name]} where {number} is not null"
    if members.name in typed:
        who = members.person.id_number
        now += f" union all select grp, {who} from {typed[members.name]} where {who} is not null"
        now += f" union all select grp, head_number from {typed[members.name]} where head_number is not null"
    gone = con.execute(
        f"""select grp, number from before_{kind.name} as before anti join ({now}) as now using (grp, number)
        where not exists (
            select 1 from {typed[kind.name]} as lost
            where lost.grp = before.grp and lost.{number} is null and lost.{kind.person.name} = before.name
        ) order by all"""
    ).df()
    in_part = {part.group for part in parts if part.lacks & {kind.name, members.name}}
    gone = gone[~gone["grp"].isin(in_part)]
    first = {part.group: part for part in reversed(parts) if part.before}
    said = []
    for group, some in gone.groupby("grp", sort=True):
        part = first[str(group)]
        ends = "、".join(some["number"].str[-4:].tolist()[:_NAMED]) + ("等" if len(some) > _NAMED else "")
        message = (
            f"上一份名单里有 {len(some)} 户，这一份里没有了，也没有说明去向（{kind.columns[number].header}末四位：{ends}）。"
            "已停发、死亡或迁出的不用改；漏报的请补上。"
        )
        said.append(
            {
                "issue_id": keyed_ids.issue_id(
                    context.identity_key, part.unit_code, kind.name, VANISHED, str(part.reading.period)
                ),
                "submission_id": part.submission_id, "sheet": "", "row_number": pd.NA, "column": pd.NA, "header": "",
                "value": "", "rule": VANISHED, "level": "across_time", "severity": "notice",
                "message": f"【{SEVERITY_TITLES['notice']}】{message}", "fix": "核对上月有、本月没有的家庭", "is_excepted": False,
            }
        )  # fmt: skip
    return pd.DataFrame(said)


def _steady(kind: Kind) -> list[str]:
    """Fields of a person that should not change from month to month."""
    return [field for field in (kind.person.sex, kind.person.birth_date) if field]


def _jumping(kind: Kind) -> dict[str, int]:
    return {field: column.jump for field, column in kind.columns.items() if column.jump and kind.period == "month"}
