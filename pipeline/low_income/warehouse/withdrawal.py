"""Finds why a warning is gone: it asks the rules again on the rows of the night before, with one change of tonight at a time.

The changes are tonight's date, one policy value, the answers about who is who, and the rows of one dataset_group of lists.
The change that withdraws the warning by itself is the reason; nothing is guessed from what happened to arrive. Only the rows
of the households concerned are used, and one row of each submission, so that rosters stay as current as they are. On a night
on which no warning went, nothing is asked.

Rows of partners are removed when nobody may hold them any more (docs/boundaries.md, 3): then the night before cannot be asked
again in full. For such a warning the reason is the change that by itself ends the right to hold the rows: the authorisation
ended, or the list changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from low_income.settings.contracts import Kind
from low_income.warehouse.decided import Rows, read_once, same_rows, source

if TYPE_CHECKING:
    from low_income.warehouse import Inputs

WITHDRAWAL = {"warning_id": "VARCHAR", "change": "VARCHAR", "what": "VARCHAR"}
"""Columns of the table of reasons. `change`: rule, value, setting, date, policy, identity, rows; `what`: the policy key or the dataset group."""

TURNED = {
    "warning_id": "VARCHAR",
    "submission_id": "VARCHAR",
    "dataset_group": "VARCHAR",
    "kind": "VARCHAR",
    "is_own": "BOOLEAN",
}
"""Columns of the table of submissions, taken tonight, that changed the rows about the people concerned.
`is_own`: it has rows about them; else it replaced a submission that had."""


@dataclass(frozen=True)
class Answer:
    """The result for other inputs."""

    gone: frozenset[str]
    """warning_ids that would be gone."""
    let_in: frozenset[tuple[str, str]]
    """(person_id, scope) of the people whose partner rows may be held."""


Trial = Callable[["Inputs"], Answer]
"""Runs the rules on other inputs."""

_IN_FORCE = "('accepted', 'partly_accepted')"
_CORE = """
create temp table core as
select warning_id, person_id from life.withdrawn where person_id is not null
union
select gone.warning_id, member.person_id from life.withdrawn as gone join registry.household_member as member using (household_id)
"""


@dataclass(frozen=True)
class _Two:
    """The rows concerned, of one kind: of the night before, and of tonight."""

    kind: Kind
    before: pa.Table
    after: pa.Table
    """The same object as `before` when both nights were given the same rows."""


def make_withdrawal(
    con: duckdb.DuckDBPyConnection, inputs: Inputs, kinds: Mapping[str, Kind], trial: Trial, reasons: str, turned: str
) -> None:
    """Create the tables `reasons` (WITHDRAWAL) and `turned` (TURNED). `con` holds the tables built tonight from `inputs`."""
    for table, columns in ((reasons, WITHDRAWAL), (turned, TURNED)):
        con.execute(f"create table {table} ({', '.join(f'{name} {sql_type}' for name, sql_type in columns.items())})")
    gone = {one for (one,) in con.execute("select warning_id from life.withdrawn").fetchall()}
    night = con.execute("select max(run_date) from input.previous_release").fetchall()[0][0]
    if not gone or night is None or inputs.earlier is None:
        return
    earlier = inputs.earlier(night)
    con.execute(_CORE)
    rows = _concerned(con, earlier, inputs, kinds)
    _turn(con, rows, turned)
    dataset_groups = [
        dataset_group
        for (dataset_group,) in con.execute(
            f"select distinct dataset_group from {turned} order by dataset_group"
        ).fetchall()
    ]
    changes = _changes(con, inputs, earlier, rows, dataset_groups)
    before = trial(next(changes)[2])
    unheld = _unheld(con, before.gone & gone)
    found, shut_out_of = [], set[str]()
    for change, what, other in changes:
        answer = trial(other)
        shut_out = {person_id for person_id, _ in before.let_in - answer.let_in}
        of_unheld = {warning_id for warning_id, people in unheld.items() if people & shut_out}
        shut_out_of |= of_unheld
        found += [(each, change, what) for each in sorted((answer.gone & gone - unheld.keys()) | of_unheld)]
    unsaid = sorted(unheld.keys() - shut_out_of)
    found += [(each, change, None) for change in _versions(con) for each in unsaid]
    if found:
        con.executemany(f"insert into {reasons} values (?, ?, ?)", found)
    con.execute("drop table core")


def _unheld(con: duckdb.DuckDBPyConnection, warnings: Iterable[str]) -> dict[str, set[str]]:
    """Each of the warnings that the rows of the night before, as they are held now, no longer give → the people concerned."""
    people: dict[str, set[str]] = {each: set() for each in warnings}
    for warning_id, person_id in con.execute("select warning_id, person_id from core").fetchall():
        if warning_id in people:
            people[warning_id].add(person_id)
    return people


def _concerned(
    con: duckdb.DuckDBPyConnection, earlier: Inputs, tonight: Inputs, kinds: Mapping[str, Kind]
) -> dict[str, _Two]:
    """From both nights, the rows of the people concerned and of all whom a list ties to them, and one row of each submission."""
    given = [
        (kind, source(con, rows, f"{which}_{kind}"))
        for which, inputs in (("before", earlier), ("after", tonight))
        for kind, rows in sorted(inputs.accepted.items())
        if len(rows) and not (which == "after" and same_rows(rows, earlier.accepted.get(kind, ())))
    ]
    headed = [
        f"select person_id, head_person_id as tie from {rows} where head_person_id is not null"
        for kind, rows in given if kinds[kind].person.head
    ]  # fmt: skip
    numbered = [
        f"select person_id, concat_ws('#', '{kinds[kind].dataset_group}', unit_code, household_no) as tie from {rows} where household_no is not null"
        for kind, rows in given if "household_no" in kinds[kind].columns
    ]  # fmt: skip
    ties = " union ".join([*headed, *numbered]) or "select null as person_id, null as tie"
    con.execute(f"create temp table tie as {ties}")
    con.execute(
        """create temp table concerned as
        select warning_id, person_id from core
        union
        select core.warning_id, other.person_id from core join tie on core.person_id = tie.person_id join tie as other using (tie)
        union
        select core.warning_id, tie.person_id from core join tie on core.person_id = tie.tie
        union
        select core.warning_id, tie.tie from core join tie using (person_id)"""
    )
    found = {}
    empty = pa.table({"person_id": pa.array([], pa.string())})
    for kind in sorted({kind for kind, _ in given}):
        given_rows = [inputs.accepted.get(kind, ()) for inputs in (earlier, tonight)]
        if same_rows(*given_rows):
            given_rows.pop()
        smaller = [_smaller(con, source(con, rows, "asked_rows")) if len(rows) else empty for rows in given_rows]
        found[kind] = _Two(kinds[kind], smaller[0], smaller[-1])
    con.execute("drop table tie")
    return found


def _smaller(con: duckdb.DuckDBPyConnection, rows: str) -> pa.Table:
    found: pa.Table = con.sql(
        f"""select * from {rows} as rows
        where person_id in (select person_id from concerned) or head_person_id in (select person_id from concerned)
            or row_id in (select min(row_id) from {rows} as rows group by submission_id) order by row_id"""
    ).to_arrow_table()
    return found


def _turn(con: duckdb.DuckDBPyConnection, rows: Mapping[str, _Two], turned: str) -> None:
    """Fill `turned`: which submissions taken tonight changed the rows of the people concerned."""
    con.execute(
        f"""create temp table taken as
        select now.submission_id, now.unit_code, now.kind from input.submission as now
        left join input.previous_submission as earlier using (submission_id)
        where now.status in {_IN_FORCE} and (earlier.submission_id is null or earlier.status = 'held')"""
    )
    for kind, two in rows.items():
        if two.before is two.after:
            continue
        for name, side in (("rows_before", two.before), ("rows_after", two.after)):
            con.register("side", side)
            con.execute(f"create temp table {name} as {_said(two.kind, 'side') if side.num_rows else _NOTHING_SAID}")
            con.unregister("side")
        con.execute(
            f"""insert into {turned}
            with changed as (
                (select person_id, unit_code, said from rows_before except select person_id, unit_code, said from rows_after)
                union
                (select person_id, unit_code, said from rows_after except select person_id, unit_code, said from rows_before)
            )
            select concerned.warning_id, taken.submission_id, $1, $2, bool_or(mine.person_id is not null)
            from concerned join changed using (person_id)
            join taken on changed.unit_code = taken.unit_code and taken.kind = $2
            left join rows_after as mine
                on mine.submission_id = taken.submission_id and mine.person_id = changed.person_id
            group by concerned.warning_id, taken.submission_id order by all""",
            [two.kind.dataset_group, kind],
        )
        con.execute("drop table rows_before; drop table rows_after")
    con.execute("drop table taken")


_NOTHING_SAID = "select null as person_id, null as unit_code, null as submission_id, null as said where false"


def _said(kind: Kind, rows: str) -> str:
    """SQL for what the rows of a list say about whom; for a roster also which rows are in its last month, since earlier months stay."""
    fields = ", ".join(f'"{field}"' for field in kind.columns)
    said = f"person_id, unit_code, submission_id, md5(cast(row({fields}) as varchar))"
    found = f"select distinct {said} as said from {rows}"
    if kind.period == "month":
        found += f" union select {said} || ' now' from {rows} cross join registry.horizon where period <= run_month"
        found += " qualify period = max(period) over (partition by unit_code)"
    return found


def _changes(
    con: duckdb.DuckDBPyConnection,
    tonight: Inputs,
    earlier: Inputs,
    rows: Mapping[str, _Two],
    dataset_groups: Iterable[str],
) -> Iterator[tuple[str, str | None, Inputs]]:
    """Yields (change, what, the night before with this one change of tonight); first the night before as it is held now."""
    before: dict[str, Any] = {
        **earlier.given_tables,
        **read_once(con, earlier.given_tables),
        "identity": _both(con, earlier, tonight, "identity", "person_id, household_id"),
        "place": _both(con, earlier, tonight, "place", "row_id, division_code, township"),
        "identity_decision": con.sql("select left_ref, right_ref, decision from input.previous_answer where state = 'stands'").to_arrow_table(),
        "calendar": tonight.given_tables.get("calendar", ()),
        "previous_person": con.sql(
            "select * from input.previous_person where person_id in (select person_id from concerned)"
        ).to_arrow_table(),
        "previous_release": con.sql("select * from input.previous_release").to_arrow_table(),
        "previous_warning": con.sql(
            "select * replace ('open' as status, cast(null as varchar) as outcome) from input.previous_warning"
            " where warning_id in (select warning_id from life.withdrawn)"
        ).to_arrow_table(),
    }  # fmt: skip
    accepted: dict[str, Rows] = {kind: two.before for kind, two in rows.items() if two.before.num_rows}
    base = replace(
        tonight, accepted=accepted, unproven=earlier.unproven, given_tables=before, previous=None, earlier=None
    )
    yesterday = replace(
        base, day=earlier.day, given_tables={**before, "calendar": earlier.given_tables.get("calendar", ())}
    )
    yield "", None, yesterday
    yield "date", None, base
    for key in _keys(con, earlier):
        yield "policy", key, replace(base, given_tables={**before, "policy": _policy(con, earlier, key)})
    decided = con.sql("select left_ref, right_ref, decision from input.identity_decision").to_arrow_table()
    if sorted(decided.to_pylist(), key=str) != sorted(before["identity_decision"].to_pylist(), key=str):
        yield (
            "identity",
            None,
            replace(base, given_tables={**before, "identity_decision": decided}, unproven=tonight.unproven),
        )
    for dataset_group in dataset_groups:
        yield "rows", dataset_group, _with_dataset_group(con, base, tonight, earlier, rows, dataset_group)


def _versions(con: duckdb.DuckDBPyConnection) -> list[str]:
    """What changed in the program or its files since the release before: `rule`, else `value` and `setting`.

    `rule`: sql/ or the program is another one; `value`: a policy file changed; `setting`: the settings of a unit changed.
    No trial can tell these apart, since the night before is gathered with the files of today.
    """
    return [
        change
        for (change,) in con.execute(
            """with release as (
                select before.rules_version <> rules.rules_version or before.code_version <> release.code_version as is_rule,
                    before.policy_version <> release.policy_version as is_value,
                    coalesce(before.settings_version <> release.settings_version, false) as is_setting
                from input.previous_release as before cross join input.rules as rules cross join input.release as release
            )
            select 'rule' as change from release where is_rule
            union all select 'setting' as change from release where not is_rule and is_setting
            union all select 'value' as change from release where not is_rule and is_value"""
        ).fetchall()
        if change
    ]


def _policies(con: duckdb.DuckDBPyConnection, earlier: Inputs) -> str:
    """The name of a table with the policy values in force on the night before."""
    return source(
        con, earlier.given_tables.get("policy", pa.table({"key": pa.array([], pa.string())})), "policy_before"
    )


def _keys(con: duckdb.DuckDBPyConnection, earlier: Inputs) -> list[str]:
    """Keys of the policy values that are different tonight."""
    columns = "key, policy_region, area_type, cast(value as decimal(18, 4)) as value"
    before, after = f"select {columns} from {_policies(con, earlier)}", f"select {columns} from input.policy"
    found = con.execute(
        f"select distinct key from (({before} except {after}) union ({after} except {before})) order by key"
    )
    return [key for (key,) in found.fetchall()]


def _policy(con: duckdb.DuckDBPyConnection, earlier: Inputs, key: str) -> pa.Table:
    """The values of the night before, with tonight's for one key."""
    before = _policies(con, earlier)
    names = ", ".join(
        f"cast({name} as varchar) as {name}" for name, *_ in con.sql(f"describe select * from {before}").fetchall()
    )
    found: pa.Table = con.sql(
        f"select {names} from {before} where key <> $1 union all select {names} from input.policy where key = $1",
        params=[key],
    ).to_arrow_table()
    return found


def _both(con: duckdb.DuckDBPyConnection, earlier: Inputs, tonight: Inputs, table: str, columns: str) -> Rows:
    """Rows of a given table that one night or the other knows; they say who people are, and that does not change."""
    given = [inputs.given_tables.get(table, ()) for inputs in (earlier, tonight)]
    sides = [
        f"select {columns} from {source(con, side, f'{table}_{at}')}" for at, side in enumerate(given) if len(side)
    ]
    return con.sql(" union ".join(sides) + " order by all").to_arrow_table() if sides else ()


def _with_dataset_group(
    con: duckdb.DuckDBPyConnection,
    base: Inputs,
    tonight: Inputs,
    earlier: Inputs,
    rows: Mapping[str, _Two],
    dataset_group: str,
) -> Inputs:
    """The night before with tonight's lists of one dataset group: accepted and set-aside rows, gaps, and which submissions are in force."""
    theirs = {kind for kind, two in rows.items() if two.kind.dataset_group == dataset_group}
    accepted = {**base.accepted, **{kind: rows[kind].after for kind in theirs}}
    unproven = {**base.unproven, **{kind: tonight.unproven.get(kind, ()) for kind in theirs}}
    given_tables = dict(base.given_tables)
    kinds = ", ".join(f"'{kind}'" for kind in sorted(theirs))
    for table in ("submission", "set_aside", "gap"):
        sides = [
            f"select * from {source(con, side, f'{table}_{at}')} where {test}"
            for at, (side, test) in enumerate(
                (
                    (earlier.given_tables.get(table, ()), f"kind is null or kind not in ({kinds})"),
                    (tonight.given_tables.get(table, ()), f"kind in ({kinds})"),
                )
            )
            if len(side)
        ]
        if sides:
            given_tables[table] = con.sql(" union all by name ".join(sides)).to_arrow_table()
    return replace(base, accepted=accepted, unproven=unproven, given_tables=given_tables)
