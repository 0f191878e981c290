"""Judges raw rows: makes accepted rows, rows set aside, and one error line per failing cell. Never raises on bad data.

`judge_parts` judges a dataset group for all units at once: the rows of a kind from every unit go through Great
Expectations together, since a suite costs more to set up than to run. What is expected is written in expectations/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from low_income import values
from low_income.checks import across_time, door, lines, suites
from low_income.checks.lines import ISSUE_COLUMNS
from low_income.checks.suites import Fault
from low_income.checks.validation import failing_rows
from low_income.folding import literal
from low_income.model import IDENTICAL_TWIN, NO_NUMBER_YET, PROVISIONAL, BalanceError, Reading, quote
from low_income.records import keyed_ids
from low_income.settings.contracts import Across, Contracts, Kind
from low_income.settings.home import atomically

if TYPE_CHECKING:
    import duckdb

__all__ = ["ISSUE_COLUMNS", "CheckContext", "Part", "Verdict", "failing_cells", "judge_parts"]


@dataclass(frozen=True)
class Part:
    """One submission to be judged."""

    submission_id: str
    unit_code: str
    kind: str
    group: str
    """Parts with the same group are one delivery: duplicates and references are looked for within it."""
    file_name: str
    order: int
    reading: Reading
    own_faults_of: str = ""
    """Part name of the file, in kinds where each file has its own error lines; '' where all files of the kind are one list."""
    before: tuple[Path, ...] = ()
    """Files with the accepted rows of the last roster before this one, of the same unit and kind."""
    lacks: frozenset[str] = frozenset()
    """Kinds of which rows of this delivery are missing, or may be: a person who is not on such a list may still belong to it."""


@dataclass
class Verdict:
    """What became of one submission's rows. Raises BalanceError unless `read = accepted + set_aside + out_of_scope`."""

    submission_id: str
    rows_read: int
    rows_accepted: int
    rows_set_aside: int
    rows_out_of_scope: int
    issues: pd.DataFrame
    unasked: frozenset[str] = frozenset()
    """Rules that could not be asked of all its rows: a list that they need is missing, or not whole."""

    def __post_init__(self) -> None:
        """Check the balance."""
        told = self.rows_accepted + self.rows_set_aside + self.rows_out_of_scope
        if told != self.rows_read:
            raise BalanceError(
                f"提交 {self.submission_id}：读取 {self.rows_read} 行，去向合计 {told} 行，不相等，本批未入库"
            )


@dataclass(frozen=True)
class CheckContext:
    """What judging needs from outside the files. The caller gives all of it; this package looks nothing up by itself."""

    night: date
    identity_key: bytes
    places: Callable[[Iterable[str]], dict[str, list[tuple[str, str]]]]
    """Distinct texts → (division code, township) candidates."""
    scope: door.Scope | None = None
    """Who is in scope; needed for partners' lists only."""
    excepted: frozenset[str] = frozenset()
    """issue_id of each fault that is waived: the cell stands as written."""


def judge_parts(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, parts: Sequence[Part], context: CheckContext, out: Path
) -> list[Verdict]:
    """Judge parts of one dataset group; write `out`/<kind>/<submission_id>.parquet and the same under set_aside/.

    Under unproven/ it writes the rows that lack only a usable number: a person may decide whose they are.

    Args:
        con: an in-memory connection, used for vectorised work; tables made in it are named after the kinds.
        contracts: what is expected.
        parts: all parts of every group touched, of all kinds of the dataset group.
        context: the night, keys, places, scope.
        out: the accepted/ folder.

    Raises CheckError when a validation could not be carried out, BalanceError when the counts of rows do not add up.
    """
    typed = _all_typed(con, contracts, parts, context)
    for folder in (*typed, "set_aside", "unproven"):
        (out / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    verdicts = []
    for kind in typed:
        mine = [part for part in parts if part.kind == kind]
        verdicts += _judge(con, contracts, contracts.kinds[kind], typed, mine, context, out)
    return verdicts


def failing_cells(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, parts: Sequence[Part], context: CheckContext
) -> pd.DataFrame:
    """The failing cells that `judge_parts` would find: a frame of kind, sheet, row_number, field, rule. Writes nothing."""
    typed = _all_typed(con, contracts, parts, context)
    frames = []
    for kind in typed:
        mine = [part for part in parts if part.kind == kind]
        rows, found = _found(con, contracts, contracts.kinds[kind], typed, mine)
        con.register("found_now", found[["position", "field", "rule"]])
        frames.append(
            con.execute(
                f"""select '{kind}' as kind, own_sheet as sheet, row_number, field, rule
                from found_now inner join {rows} using (position) order by position, field, rule"""
            ).df()
        )
        con.unregister("found_now")
    return pd.concat(frames, ignore_index=True)


def _all_typed(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, parts: Sequence[Part], context: CheckContext
) -> dict[str, str]:
    """Kind → the table of its typed rows, for every kind among the parts, sorted by name."""
    kinds = sorted({part.kind for part in parts})
    con.execute(
        "create or replace temp table part (submission_id varchar, unit_code varchar, grp varchar, part_order integer)"
    )
    con.executemany(
        "insert into part values (?, ?, ?, ?)", [[p.submission_id, p.unit_code, p.group, p.order] for p in parts]
    )
    return {kind: _typed(con, contracts.kinds[kind], [p for p in parts if p.kind == kind], context) for kind in kinds}


# Raw → typed -----------------------------------------------------------------------------------------------------


def _typed(con: duckdb.DuckDBPyConnection, kind: Kind, parts: list[Part], context: CheckContext) -> str:
    """Make one table of all rows of a kind's parts: typed, with places, household head and duplicates worked out; its name."""
    raw = _stack(con, kind, parts)
    told = _told(con, kind, raw, parts)
    if kind.door:
        raw = door.filter_to_scope(con, kind, raw, context.night, context.scope, told)
    table = values.parse(con, raw, kind, context.night, **told)
    _mend_cell_problems(con, kind, table, parts)
    _resolve_places(con, kind, table, context)
    return _who_and_how_often(con, kind, table)


def _stack(con: duckdb.DuckDBPyConnection, kind: Kind, parts: list[Part]) -> str:
    """Make one view of the raw rows of all parts; its name. `sheet` is made unique over files, as the key of units and defaults."""
    name = f"raw_{kind.name}"
    paths: dict[str, str] = {str(part.reading.rows_path): part.submission_id for part in parts}
    con.execute("create or replace temp table staged (path varchar, submission_id varchar)")
    con.executemany(
        "insert into staged values (?, ?)", [[path, submission] for path, submission in sorted(paths.items())]
    )
    files = ", ".join(map(quote, sorted(paths)))
    # A view, because most columns of a partner's millions of rows are never read.
    con.execute(
        f"""create or replace temp view {name} as
        select rows.* exclude (filename, sheet),
            staged.submission_id || '#' || rows.sheet as sheet, rows.sheet as own_sheet,
            part.submission_id, part.unit_code, part.grp, part.part_order
        from read_parquet([{files}], union_by_name = true, filename = true) as rows
        inner join staged on staged.path = rows.filename
        inner join part on part.submission_id = staged.submission_id"""
    )
    return name


def _told(con: duckdb.DuckDBPyConnection, kind: Kind, raw: str, parts: list[Part]) -> values.SheetFacts:
    sheets = [(f"{part.submission_id}#{sheet.sheet}", sheet) for part in parts for sheet in part.reading.sheets]
    units = {(name, use.field): use.unit for name, sheet in sheets for use in sheet.columns if use.unit}
    return {
        "units": units,
        "defaults": {(name, field): word for name, sheet in sheets for field, word in sheet.defaults.items()},
        "date1904_sheets": [name for name, sheet in sheets if sheet.date1904],
        "mixed_units": values.mixed_units(con, raw, kind, units),
    }


_SAYS_NOTHING = ("unreadable_bytes", "garbled")
"""Problems of cells that hold a text which must not be believed."""


def _mend_cell_problems(con: duckdb.DuckDBPyConnection, kind: Kind, table: str, parts: list[Part]) -> None:
    """Write into `<field>__problem` what the reader found wrong with a cell: an error value, no formula result, bytes that are no text.

    Cells with a problem of `_SAYS_NOTHING` become empty.
    """
    found: list[tuple[str, int, str, str]] = [
        (f"{part.submission_id}#{problem.sheet}", problem.row_number, problem.field, problem.problem)
        for part in parts
        for problem in part.reading.cell_problems
    ]
    if not found:
        return
    con.execute(
        "create or replace temp table cell_problem (sheet varchar, row_number integer, field varchar, problem varchar)"
    )
    con.executemany("insert into cell_problem values (?, ?, ?, ?)", found)
    for field in sorted({row[2] for row in found} & set(kind.columns)):
        con.execute(
            f"""update {table} set {field}__problem = cell_problem.problem,
                {field} = case when cell_problem.problem in ({", ".join(map(literal, _SAYS_NOTHING))}) then null else {field} end
            from cell_problem
            where cell_problem.field = ? and cell_problem.sheet = {table}.sheet and cell_problem.row_number = {table}.row_number""",
            [field],
        )


def _resolve_places(con: duckdb.DuckDBPyConnection, kind: Kind, table: str, context: CheckContext) -> None:
    """Replace each township by its own name; mark one that is unknown or of another division in `<field>__problem`."""
    for field in [field for field, column in kind.columns.items() if column.type == "township"]:
        texts = [
            text
            for (text,) in con.execute(f"select distinct {field} from {table} where {field} is not null").fetchall()
        ]
        found = [
            [text, division, township]
            for text, candidates in sorted(context.places(texts).items())
            for division, township in candidates
        ]
        con.execute("create or replace temp table place (text varchar, division_code varchar, township varchar)")
        if found:
            con.executemany("insert into place values (?, ?, ?)", found)
        con.execute(
            f"""update {table} set {field}__problem = 'unknown_township' where {field} is not null
            and {field} not in (select text from place)"""
        )
        con.execute(
            f"""update {table} set {field}__problem = 'other_division' where {field} in (select text from place)
            and not exists (select 1 from place where place.text = {table}.{field} and place.division_code = {table}.unit_code)"""
        )
        con.execute(
            f"""update {table} set {field} = place.township from place
            where place.text = {table}.{field} and place.division_code = {table}.unit_code"""
        )


def _who_and_how_often(con: duckdb.DuckDBPyConnection, kind: Kind, table: str) -> str:
    """Make a table that adds the row's person, the household's head and duplicates of the key in the group; its name.

    Adds `who`, `who_state`, `who_sex`, `who_birth_date`, `head_number`, `head_missing`, `key_hash`, `twin` (the row repeats
    an earlier row with the same key and values) and `differs` (another row has the same key and other values).
    """
    person = kind.person
    head, head_missing = "cast(null as varchar)", "cast(null as varchar)"
    if person.head:
        relation = "'户主'"
        if person.relation:  # a blank relation means the head; an unreadable one is an unknown relation
            relation = (
                f"case when {person.relation}__problem is null then coalesce({person.relation}, '户主') else '' end"
            )
        blank = f"{person.head} is null and {person.head}__problem is null"
        head = f"case when {blank} and {relation} = '户主' then {person.id_number} else {person.head} end"
        head_missing = f"case when {blank} and {relation} <> '户主' then 'household_unknown' end"
    # Only rows whose key occurs more than once are hashed and ranked: they are few among millions.
    same = " and ".join(f"own.{field} is not distinct from keys.{field}" for field in ("grp", *kind.key))
    kept = {field: f"coalesce(cast(own.{field} as varchar), own.{field}__text, '')" for field in kind.columns}
    # For people without authorisation, review-only values may be part of the key; after that they are dropped.
    forgotten = []
    for field in kind.review_only if kind.door else []:
        kept[field] = f"case when own.is_authorised then {kept[field]} end"
        forgotten += [
            f"case when rows.is_authorised then rows.{field}{end} end as {field}{end}"
            for end in ("", "__text", "__problem")
        ]
    content, forget = ", ".join(kept.values()), f"replace ({', '.join(forgotten)})" if forgotten else ""
    key = ", ".join(f"coalesce(cast(own.{field} as varchar), '')" for field in kind.key)
    con.execute(
        f"""create or replace temp table doubled as
        with keys as (
            select grp, {", ".join(kind.key)} from {table} where {kind.key[0]} is not null group by all having count(*) > 1
        ),
        hashed as (
            select own.sheet, own.row_number, own.part_order, md5(concat_ws('\x1f', own.grp, {key})) as key_hash,
                md5(concat_ws('\x1f', {content})) as content_hash
            from {table} as own inner join keys on {same}
        )
        select sheet, row_number, key_hash,
            row_number() over (partition by key_hash order by part_order, sheet, row_number) as key_rank,
            min(content_hash) over (partition by key_hash) <> max(content_hash) over (partition by key_hash) as has_other
        from hashed"""
    )
    name = f"judged_{kind.name}"
    con.execute(
        f"""create or replace temp table {name} as
        select rows.* {forget}, {person.id_number} as who, {person.id_number}__state as who_state, {person.id_number}__sex as who_sex,
            {person.id_number}__birth_date as who_birth_date, {head} as head_number, {head_missing} as head_missing,
            doubled.key_hash, coalesce(doubled.has_other, false) as differs,
            coalesce(doubled.key_rank > 1 and not doubled.has_other, false) as twin
        from {table} as rows
        left join doubled on doubled.sheet = rows.sheet and doubled.row_number = rows.row_number"""
    )
    return name


def _look_across(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, kind: Kind, typed: Mapping[str, str], parts: list[Part]
) -> None:
    """Add the columns that checks look up in another kind of the group; where that is missing or not whole, nothing is asked."""
    mine = typed[kind.name]
    for check in kind.checks:
        for column, across in check.across.items():
            field = across.count_by or across.lookup or ""
            here = _joined_by(kind, field)
            con.execute(
                f"alter table {mine} add column if not exists {column} {'bigint' if across.count_by else 'varchar'}"
            )
            if across.kind not in typed:
                if across.lookup:
                    con.execute(f"update {mine} set {column} = 'not asked'")
                continue
            other = contracts.kinds[across.kind]
            theirs = (
                f"(select grp, {_joined_by(other, field)} as value, coalesce(key_hash, cast(rowid as varchar)) as one"
                f" from {typed[across.kind]})"
            )
            in_part = [[part.group] for part in parts if across.kind in part.lacks] or [[""]]
            con.execute("create or replace temp table in_part (grp varchar)")
            con.executemany("insert into in_part values (?)", in_part)
            con.execute(
                f"""create or replace temp table wanted as
                select mine.grp, mine.value, count(distinct found.one) as rows
                from (select distinct grp, {here} as value from {mine} where {here} is not null) as mine
                left join {theirs} as found on found.grp = mine.grp and found.value = mine.value
                where mine.grp in (select grp from {theirs}) and mine.grp not in (select grp from in_part) group by all"""
            )
            expected = f"{mine}.{check.marks}" if across.count_by else "1"
            con.execute(
                f"""create or replace temp table may_be as
                select wanted.grp, wanted.value, count(distinct lost.one) as rows
                from wanted
                inner join (select grp, {here} as value, {expected} as rows from {mine}) as asked
                    on asked.grp = wanted.grp and asked.value = wanted.value and wanted.rows < asked.rows
                left join ({_named(kind, mine, here)}) as known on known.grp = wanted.grp and known.value = wanted.value
                inner join ({_lost(other, typed[across.kind], field)}) as lost on lost.grp = wanted.grp
                where lost.name = known.name
                    or damerau_levenshtein(lost.text, wanted.value) <= 1
                    or lost.text like '%000' and left(lost.text, 15) = left(wanted.value, 15)
                    or not regexp_full_match(lost.text, '[0-9]{{14,18}}[0-9Xx]?') and (lost.is_member or known.name is null)
                group by all"""
            )
            if across.count_by:
                con.execute(
                    f"""update {mine} set {column} = wanted.rows
                    from wanted left join may_be on may_be.grp = wanted.grp and may_be.value = wanted.value
                    where wanted.grp = {mine}.grp and wanted.value = {mine}.{here}
                        and not coalesce({expected} between wanted.rows + 1 and wanted.rows + may_be.rows, false)"""
                )
            else:
                con.execute(
                    f"""update {mine} set {column} = {here} where not exists (
                        select 1 from wanted anti join may_be on may_be.grp = wanted.grp and may_be.value = wanted.value
                        where wanted.grp = {mine}.grp and wanted.value = {mine}.{here} and wanted.rows = 0
                    )"""
                )


def _named(kind: Kind, table: str, here: str) -> str:
    """Query of grp, value, name: the name of each household's head in this list; in a list of people, from the head's own row."""
    of_heads = f" and coalesce({kind.person.relation}, '户主') = '户主'" if kind.person.relation else ""
    return (
        f"select grp, {here} as value, any_value({kind.person.name} order by rowid) as name from {table}"
        f" where {here} is not null{of_heads} group by all"
    )


def _lost(kind: Kind, table: str, field: str) -> str:
    """Query of grp, name, text, is_member, one: rows whose household is unknown, with the text in the cell that should name it."""
    person = kind.person
    text = f"coalesce({field}__text, '')"
    if field == person.head:  # where it is blank, the row's own number counts
        text = f"coalesce({field}__text, {person.id_number}__text, '')"
    is_member = f"coalesce({person.relation}, '户主') <> '户主'" if person.relation else "false"
    return (
        f"select grp, {person.name} as name, {text} as text, {is_member} as is_member,"
        f" coalesce(key_hash, cast(rowid as varchar)) as one from {table} where {_joined_by(kind, field)} is null"
    )


def _joined_by(kind: Kind, field: str) -> str:
    """The column that names the household: `head_number` for a head's number, since a blank one may mean the row's own person."""
    return "head_number" if field == kind.person.head else field


# Typed → judged --------------------------------------------------------------------------------------------------


def _judge(
    con: duckdb.DuckDBPyConnection,
    contracts: Contracts,
    kind: Kind,
    typed: Mapping[str, str],
    parts: list[Part],
    context: CheckContext,
    out: Path,
) -> list[Verdict]:
    rows, found = _found(con, contracts, kind, typed, parts)
    issues = lines.in_words(con, kind, rows, parts, found, context)
    members = [
        each for each in contracts.kinds.values() if each.dataset_group == kind.dataset_group and each.person.head
    ]
    if members and kind.person.head is None and kind.period == "month":
        of_files = across_time.vanished(con, kind, typed, members[0], parts, context)
        issues = pd.concat([issues, of_files], ignore_index=True) if len(of_files) else issues
    verdicts = _write(con, kind, rows, found, issues, parts, context, out)
    of_part = {part.submission_id: part for part in parts}
    for verdict in verdicts:
        verdict.unasked = _unasked(con, contracts, kind, typed, of_part[verdict.submission_id])
    return verdicts


def _unasked(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, kind: Kind, typed: Mapping[str, str], part: Part
) -> frozenset[str]:
    """Rules that need another list of the delivery, or last month's, where that is missing or not whole.

    A list with a row of unknown household is not whole: that row may be the one that is looked for.
    """

    def says_all(across: Across) -> bool:
        if across.kind in part.lacks or across.kind not in typed:
            return False
        tied = _joined_by(contracts.kinds[across.kind], across.count_by or across.lookup or "")
        rows = f"select count(*), count({tied}) from {typed[across.kind]} where grp = ?"
        ((rows_here, rows_tied),) = con.execute(rows, [part.group]).fetchall()
        return bool(rows_here) and rows_here == rows_tied

    rules = {check.rule for check in kind.checks if not all(says_all(each) for each in check.across.values())}
    if not part.before:
        rules |= {fault.rule for fault in across_time.faults(kind)}
    if not part.before or part.lacks:
        rules.add(across_time.VANISHED)
    return frozenset(rules)


def _found(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, kind: Kind, typed: Mapping[str, str], parts: list[Part]
) -> tuple[str, pd.DataFrame]:
    """(the table of a kind's rows with their positions; the failing cells as `_failing_cells` gives them)."""
    _look_across(con, contracts, kind, typed, parts)
    across_time.look_back(con, kind, typed[kind.name], parts)
    rows = f"rows_{kind.name}"
    # Positions are worked out on the few columns that decide them: sorting whole rows costs three times as much.
    con.execute(
        f"""create or replace temp table {rows} as
        select rows.*, places.position {_given(kind)} from {typed[kind.name]} as rows
        inner join (
            select rowid as place, row_number() over (order by part_order, sheet, row_number) - 1 as position
            from {typed[kind.name]}
        ) as places on places.place = rows.rowid"""
    )
    there = {column for column, *_ in con.execute(f"describe raw_{kind.name}").fetchall()}
    found = _failing_cells(con, kind, rows, [*suites.suite(kind, there), *across_time.faults(kind)])
    for unit_code in sorted({part.unit_code for part in parts}):
        own = contracts.for_unit(kind.name, unit_code).checks[len(kind.checks) :]
        if own:
            found = pd.concat(
                [found, _failing_cells(con, kind, rows, suites.of_checks(own), unit_code)], ignore_index=True
            )
    return rows, found


def _given(kind: Kind) -> str:
    """SQL of the columns that only the expectations need: `<field>__given`, `differing_key`."""
    groups = {field: [field] for field, column in kind.columns.items() if column.required is True}
    groups |= {"__or__".join(group): group for group in kind.required_groups() if len(group) > 1}
    filled = {field: f"{field} is not null or {field}__problem is not null" for field in kind.columns}
    for field in kind.review_only if kind.door else []:
        filled[field] += " or not is_authorised"
    given = [
        f"case when {' or '.join(filled[field] for field in group)} then true end as {name}__given"
        for name, group in groups.items()
    ]
    if kind.member:  # a member without a number may be a newborn; a head may not
        number = kind.person.id_number
        at = list(groups).index(number)
        given[at] = f"case when {filled[number]} or {kind.member} then true end as {number}__given"
        given.append(f"case when {filled[number]} or not {kind.member} then true end as {NO_NUMBER_YET}__given")
    return "".join(f", {column}" for column in [*given, "case when differs then key_hash end as differing_key"])


def _failing_cells(
    con: duckdb.DuckDBPyConnection, kind: Kind, rows: str, faults: list[Fault], unit_code: str | None = None
) -> pd.DataFrame:
    """(position, field, rule, severity, problem, message, fix, unknown_after) per failing row and expectation, in the faults' order.

    Each also has its `level` and `order`.
    """
    named = {
        str(value) for fault in faults for key, value in fault.expectation.kwargs.items() if key.startswith("column")
    }
    number_problem = f"{kind.person.id_number}__problem"
    where, values_ = ("where unit_code = ?", [unit_code]) if unit_code else ("", [])
    present = [column for column, *_ in con.execute(f"describe {rows}").fetchall()]
    asked = [column for column in present if column in {*named, number_problem}]
    frame = con.execute(f"select position, {', '.join(asked)} from {rows} {where} order by position", values_).df()
    results = failing_rows(
        frame[[column for column in frame.columns if column in named]], [fault.expectation for fault in faults]
    )
    found = []
    for order, (fault, at) in enumerate(zip(faults, results, strict=True)):
        some = frame.iloc[at]
        if kind.is_partner and fault.marks != kind.person.id_number:
            # Scope cannot be judged without a usable number, so nothing else is asked of such a row.
            some = some[some[number_problem].isna()]
        told = pd.DataFrame({"position": some["position"].to_numpy()})
        told["field"], told["order"], told["severity"] = fault.marks, order, fault.severity
        told["level"], told["unknown_after"] = fault.level, fault.unknown_after
        told["problem"] = some[fault.expectation.kwargs["column"]].to_numpy() if fault.message is None else None
        told["rule"], told["message"], told["fix"] = fault.rule, fault.message, fault.fix
        for problem in sorted(set(told["problem"].dropna())):
            mine = told["problem"] == problem
            told.loc[mine, ["message", "fix"]] = values.explain(problem, kind.columns[fault.marks])
            told.loc[mine, "rule"] = f"{fault.marks}.{problem}"
        found.append(told)
    return pd.concat(found, ignore_index=True)


# Judged → written ------------------------------------------------------------------------------------------------


def _write(
    con: duckdb.DuckDBPyConnection, kind: Kind, rows: str, found: pd.DataFrame, issues: pd.DataFrame,
    parts: list[Part], context: CheckContext, out: Path,
) -> list[Verdict]:  # fmt: skip
    stands = issues.loc[issues["is_excepted"].astype(bool), ["position", "rule"]].apply(tuple, axis=1).tolist()
    confirmed = pd.MultiIndex.from_frame(found[["position", "rule"]]).isin(stands)
    for field, some in found[found["unknown_after"].astype(bool) & ~confirmed].groupby("field"):
        con.register("chosen", some[["position"]])
        con.execute(
            f"""update {rows} set {field} = null, {field}__problem = coalesce({field}__problem, 'unknown')
            where position in (select position from chosen)"""
        )
        con.unregister("chosen")
    newborn = pd.Series(confirmed, found.index) & found["rule"].eq(f"{kind.person.id_number}.{NO_NUMBER_YET}")
    keeps_out = (found["severity"] == "must_fix") & ~newborn | (found["rule"] == IDENTICAL_TWIN)
    aside = found[keeps_out].drop_duplicates("position")
    aside = aside.assign(otherwise_good=~aside["position"].isin(_at_fault_elsewhere(con, kind, rows, found)))
    con.register(
        "aside_now", aside[["position", "rule", "otherwise_good"]].astype({"position": "int64", "rule": "str"})
    )
    con.execute(
        "create or replace temp table aside as select cast(position as bigint) as position, cast(rule as varchar) as rule,"
        " cast(otherwise_good as boolean) as otherwise_good from aside_now"
    )
    con.unregister("aside_now")
    numbers = [n for (n,) in con.execute(f"select who from {rows} where who is not null union select head_number from {rows} where head_number is not null").fetchall()]  # fmt: skip  # noqa: E501
    ids = keyed_ids.person_ids(context.identity_key, sorted(numbers))
    con.register("ids_now", pd.DataFrame({"number": list(ids), "person_id": list(ids.values())}, dtype="str"))
    con.execute("create or replace temp table ids as select * from ids_now")
    con.unregister("ids_now")
    _without_number(con, kind, rows, found.loc[newborn, "position"].tolist(), context.identity_key)
    periods = {part.submission_id: part.reading.period for part in parts}
    kept = _by_submission(con, _accepted_query(kind, rows), periods)
    left = _by_submission(con, _aside_query(kind, rows), periods)
    unproven = _by_submission(con, _accepted_query(kind, rows, unproven=True), periods)
    outside: dict[str, int] = {}
    if kind.door:
        outside = dict(con.execute(f"select submission_id, rows from raw_{kind.name}_out").fetchall())
    verdicts = []
    for part in parts:
        name = part.submission_id
        _put(kept[name], out / kind.name / f"{name}.parquet")
        _put(left[name], out / "set_aside" / f"{name}.parquet")
        _put(unproven[name], out / "unproven" / f"{name}.parquet")
        said = issues[issues["submission_id"] == name][ISSUE_COLUMNS].reset_index(drop=True)
        read, accepted, aside_rows = part.reading.rows_read, kept[name].num_rows, left[name].num_rows
        verdicts.append(Verdict(name, read, accepted, aside_rows, outside.get(name, 0), said))
    return verdicts


def _without_number(con: duckdb.DuckDBPyConnection, kind: Kind, rows: str, positions: list[int], key: bytes) -> None:
    """Make the table `newborn` (position, person_id): members whose missing number was confirmed, with an id within their household."""
    found: list[tuple[Any, ...]] = []
    if positions:
        person = kind.person
        head, born = (person.head and "head_number") or person.household_no, person.birth_date or "cast(null as date)"
        con.register("chosen", pd.DataFrame({"position": positions}, dtype="int64"))
        found = con.execute(
            f"""select position, unit_code, {head}, {keyed_ids.name_key_sql(person.name)} as name_key, cast({born} as varchar) as born,
                row_number() over (partition by grp, {head}, name_key, born order by position) as turn
            from {rows} where position in (select position from chosen) order by position"""
        ).fetchall()
        con.unregister("chosen")
    ids = [keyed_ids.provisional_id(key, kind.dataset_group, *about) for _, *about in found]
    newborn = pd.DataFrame({"position": [row[0] for row in found], "person_id": ids})
    con.register("newborn_now", newborn.astype({"position": "int64", "person_id": "str"}))
    con.execute(
        "create or replace temp table newborn as select cast(position as bigint) as position,"
        " cast(person_id as varchar) as person_id from newborn_now"
    )
    con.unregister("newborn_now")


def _at_fault_elsewhere(con: duckdb.DuckDBPyConnection, kind: Kind, rows: str, found: pd.DataFrame) -> list[int]:
    """Positions with a must_fix fault in another cell than the person's number, or than the same number in the head's cell.

    For kinds that only reviews read, all positions: without authorisation nothing of a person is kept (docs/boundaries.md, 3).
    """
    person = kind.person
    if kind.is_review_only:
        return [int(position) for position in found["position"].unique()]
    other = found[(found["severity"] == "must_fix") & (found["field"] != person.id_number)]
    if not person.head or other.empty:
        return [int(position) for position in other["position"].unique()]
    con.register("others_now", other[["position", "field"]])
    mine = con.execute(
        f"""select distinct others_now.position from others_now inner join {rows} as judged on judged.position = others_now.position
        where not (others_now.field = '{person.head}' and {person.head}__text = {person.id_number}__text) order by 1"""
    ).fetchall()
    con.unregister("others_now")
    return [int(position) for (position,) in mine]


def _accepted_query(kind: Kind, rows: str, *, unproven: bool = False) -> str:
    """Query of the accepted rows; with `unproven`, of rows in the same shape that lack only a usable number."""
    which = (
        "coalesce(who.person_id, newborn.person_id) is not null and judged.position not in (select position from aside)"
    )
    if unproven:
        which = "judged.who is null and judged.position in (select position from aside where otherwise_good)"
    has_head = "head.person_id" if kind.person.head else "cast(null as varchar)"
    fields = ", ".join(
        f"cast({field} as {column.sql_type}) as {field}, {field}__text"
        + (
            f", {field} is null and {field}__problem is not null as {field}__unreadable"
            if field in kind.optional
            else ""
        )
        for field, column in kind.columns.items()
    )
    return f"""select submission_id || '#' || own_sheet || '#' || row_number as row_id, submission_id, unit_code,
            cast(null as varchar) as period, own_sheet as sheet, cast(row_number as integer) as row_number,
            coalesce(who.person_id, newborn.person_id) as person_id, {has_head} as head_person_id,
            case when newborn.person_id is not null then '{PROVISIONAL}' else who_state end as identity_state, who_sex as id_sex,
            cast(who_birth_date as date) as id_birth_date, {fields}
        from {rows} as judged
        left join ids as who on who.number = judged.who
        left join newborn on newborn.position = judged.position
        left join ids as head on head.number = judged.head_number
        where {which}
        order by submission_id, own_sheet, row_number"""


def _aside_query(kind: Kind, rows: str) -> str:
    person = kind.person
    digits = f"regexp_replace({person.id_number}__text, '[^0-9]', '', 'g')"
    # The birth date as far as the row gives it: a person who was set aside must still be found as "cannot tell".
    told = f"cast(try_strptime(substr({digits}, 7, 8), '%Y%m%d') as date)"
    born = f"coalesce(who_birth_date, {f'{person.birth_date}, ' if person.birth_date else ''}{told})"
    lost = "false" if kind.is_review_only else "judged.who is null"
    phone = "phone" if "phone" in kind.columns else "null"
    return f"""select submission_id || '#' || own_sheet || '#' || row_number as row_id, submission_id, '{kind.name}' as kind, unit_code,
            cast(null as varchar) as period, own_sheet as sheet, cast(row_number as integer) as row_number,
            {person.name} as name, cast({born} as date) as birth_date, aside.rule as reason, who.person_id,
            case when {lost} then who_state end as number_state,
            case when {lost} then {values.folded_number(f"{person.id_number}__text")} end as number,
            case when {lost} then {told} end as number_birth_date,
            case when {lost} then cast({phone} as varchar) end as phone,
            {lost} and aside.otherwise_good as is_unproven
        from {rows} as judged inner join aside on aside.position = judged.position
        left join ids as who on who.number = judged.who
        order by submission_id, own_sheet, row_number"""


def _by_submission(
    con: duckdb.DuckDBPyConnection, query: str, periods: Mapping[str, str | None]
) -> dict[str, pa.Table]:
    """Submission → its rows of a query that is sorted by submission, with the period filled in."""
    rows: pa.Table = con.sql(query).to_arrow_table()
    ids = rows.column("submission_id").to_numpy(zero_copy_only=False)
    column = rows.schema.get_field_index("period")
    tables = {}
    for submission, period in periods.items():
        first, last = np.searchsorted(ids, submission, "left"), np.searchsorted(ids, submission, "right")
        mine = rows.slice(int(first), int(last - first))
        tables[submission] = mine.set_column(column, "period", pa.array([period] * mine.num_rows, pa.string()))
    return tables


def _put(rows: pa.Table, target: Path) -> None:
    """Write rows as one Parquet file, whole or not at all; without rows the file is removed."""
    if not rows.num_rows:
        target.unlink(missing_ok=True)
        return
    with atomically(target) as part:
        pq.write_table(rows, part, compression="zstd")
