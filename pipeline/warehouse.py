"""The only door to a DuckDB file: load accepted rows, build sql/, examine the result, publish it whole or not at all.

A release is built in a private directory, examined, renamed into releases/<n>, and becomes current by one
rename of the link `warehouse.duckdb`. Readers see the old release or the new one, never a mixture.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline import contracts, evidence
from pipeline.model import ModelError, PublishRefused, mask
from pipeline.models import EVERY, SQL, About, Card, Models, Published, read_models

Rows = pa.Table | Sequence[Path]
"""Rows in memory, or Parquet files that hold them."""

HOUSE: dict[str, dict[str, str]] = {
    "unit": {"unit_code": "VARCHAR", "name": "VARCHAR", "unit_kind": "VARCHAR", "policy_region": "VARCHAR"},
    "township": {"division_code": "VARCHAR", "name": "VARCHAR", "is_border": "BOOLEAN"},
    "policy": {
        "key": "VARCHAR", "policy_region": "VARCHAR", "area_type": "VARCHAR", "valid_from": "DATE",
        "value": "DECIMAL(18,4)", "value_fen": "BIGINT", "value_x10000": "BIGINT", "unit": "VARCHAR", "source": "VARCHAR",
    },
    "calendar": {"day": "DATE", "is_working": "BOOLEAN"},
    "identity": {"person_id": "VARCHAR", "household_id": "VARCHAR"},
    "submission": {
        "submission_id": "VARCHAR", "unit_code": "VARCHAR", "kind": "VARCHAR", "file_name": "VARCHAR", "sha256": "VARCHAR",
        "received_at": "TIMESTAMP", "period": "VARCHAR", "rows_read": "BIGINT", "rows_accepted": "BIGINT",
        "rows_set_aside": "BIGINT", "rows_out_of_scope": "BIGINT", "status": "VARCHAR", "reason": "VARCHAR",
        "received_seq": "BIGINT",
    },
    "column": {
        "submission_id": "VARCHAR", "sheet": "VARCHAR", "field": "VARCHAR", "header": "VARCHAR", "letter": "VARCHAR",
    },
    "issue": {
        "issue_id": "VARCHAR", "submission_id": "VARCHAR", "unit_code": "VARCHAR", "file_name": "VARCHAR",
        "sheet": "VARCHAR", "row": "INTEGER", "column": "VARCHAR", "header": "VARCHAR", "value_masked": "VARCHAR",
        "rule": "VARCHAR", "severity": "VARCHAR", "message": "VARCHAR", "fix": "VARCHAR", "state": "VARCHAR",
        "first_seen_on": "DATE",
    },
    "set_aside": {
        "row_id": "VARCHAR", "submission_id": "VARCHAR", "kind": "VARCHAR", "unit_code": "VARCHAR", "period": "VARCHAR",
        "sheet": "VARCHAR", "row_number": "INTEGER", "name": "VARCHAR", "birth_date": "DATE",
        "id_number_masked": "VARCHAR", "reason": "VARCHAR",
    },
    "place": {"row_id": "VARCHAR", "division_code": "VARCHAR"},
    "expected": {"unit_code": "VARCHAR", "kind": "VARCHAR", "period": "VARCHAR"},
    "previous_warning": {
        "warning_id": "VARCHAR", "run_date": "DATE", "rule_code": "VARCHAR", "title": "VARCHAR", "purpose": "VARCHAR",
        "level": "VARCHAR", "status": "VARCHAR", "outcome": "VARCHAR", "household_id": "VARCHAR", "person_id": "VARCHAR",
        "subject_id": "VARCHAR", "subject_name": "VARCHAR", "subject_id_number": "VARCHAR", "division_code": "VARCHAR",
        "township": "VARCHAR", "first_seen_on": "DATE", "last_seen_on": "DATE", "due_on": "DATE", "measured": "BIGINT",
        "reason": "VARCHAR", "caveat": "VARCHAR", "remark": "VARCHAR", "evidence": "VARCHAR", "freshness": "VARCHAR",
        "policy": "VARCHAR",
    },
}  # fmt: skip
"""Tables `house.<name>` that are given to the build; `house.night` and the cards' tables are made here (docs/design.md)."""

CARD_TABLES: dict[str, dict[str, str]] = {
    "rule": {
        "rule_code": "VARCHAR", "title": "VARCHAR", "purpose": "VARCHAR", "subject": "VARCHAR", "caveat": "VARCHAR",
        "not_in_of": "VARCHAR", "of_the_dead": "BOOLEAN",
    },
    "rule_yields": {"rule_code": "VARCHAR", "stronger_code": "VARCHAR"},
    "rule_not_in": {"rule_code": "VARCHAR", "registry": "VARCHAR"},
    "rule_roster": {"rule_code": "VARCHAR", "registry": "VARCHAR"},
    "rule_policy": {"rule_code": "VARCHAR", "key": "VARCHAR"},
}  # fmt: skip
"""The cards as data: tables `house.<name>`, so that published models apply them without a list of rules."""


@dataclass(frozen=True)
class Inputs:
    """All that a build is a function of, beside sql/ and expectations/."""

    day: date
    """The night's date D."""
    accepted: Mapping[str, Rows] = field(default_factory=dict)
    """Kind → rows of the submissions in force; a kind that is not named has none."""
    house: Mapping[str, Rows] = field(default_factory=dict)
    """Table of HOUSE → its rows; a table that is not named is empty."""
    previous: Path | None = None
    """warehouse.duckdb of the last release of an earlier night (`previous_release`)."""
    warning_id: Callable[[str, str, date], str] | None = None
    """(rule_code, subject_id, first_seen_on) → keyed hash; needed for `main` models only."""


@dataclass(frozen=True)
class Limits:
    """What one build may take of the machine."""

    memory: str = "4GB"
    threads: int = 2


def ask(inputs: Inputs, table: str, *, sql: Path = SQL, limits: Limits = Limits()) -> pa.Table:
    """One table of sql/, with only what it is made from built, in memory.

    `table` is `registry.<name>`, `warnings.<name>` or `main.<name>`. Raises ModelError.
    """
    kinds = contracts.load().kinds
    models = read_models(kinds, sql)
    models.examine([table])
    with closing(_connect(":memory:", None, limits)) as con:
        _make(con, inputs, models, [table])
        return con.sql(f"select * from {table}").to_arrow_table()


def _connect(path: str, spill: Path | None, limits: Limits) -> duckdb.DuckDBPyConnection:
    config = {
        "memory_limit": limits.memory,
        "threads": str(limits.threads),
        "preserve_insertion_order": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "default_null_order": "nulls_last",
    }
    if spill:
        config["temp_directory"] = str(spill)
    return duckdb.connect(path, config=config)


def _make(con: duckdb.DuckDBPyConnection, inputs: Inputs, models: Models, wanted: Iterable[str]) -> None:
    """Load what the wanted tables need, then make them in order."""
    order = models.order(wanted)
    for schema in ("accepted", "house", "registry", "warnings"):
        con.execute(f"create schema {schema}")
    load(con, inputs, models, order)
    for name in order:
        if name == EVERY:
            evidence.make_every(con, models)
        elif name in models.models:
            _create(con, name, models)


def _create(con: duckdb.DuckDBPyConnection, name: str, models: Models) -> None:
    model = models.models[name]
    try:
        con.execute(f"create table {name} as {model.sql}")
    except duckdb.Error as problem:
        raise ModelError(f"{model.path.parent.name}/{model.path.name}:{mask(str(problem))}") from problem


def load(con: duckdb.DuckDBPyConnection, inputs: Inputs, models: Models, names: Iterable[str]) -> None:
    """Create the tables accepted.* and house.* among `names`, typed, from what is given.

    Columns that a file lacks are NULL; columns that the contract no longer names are left out.
    """
    needed = set(names)
    con.execute(
        "create table house.night as select cast(? as date) as run_date, date_trunc('month', cast(? as date))::date as month_start",
        [inputs.day, inputs.day],
    )
    for table, columns in HOUSE.items():
        if table == "previous_warning" and inputs.previous:
            continue
        _fill(con, f"house.{table}", columns, inputs.house.get(table, ()))
    _load_cards(con, models)
    for kind, contract in models.kinds.items():
        if f"accepted.{kind}" in needed:
            _fill(con, f"made_{kind}", contract.accepted_columns(), inputs.accepted.get(kind, ()), temporary=True)
            con.execute(
                f"create table accepted.{kind} as select row.*, submission.received_seq, submission.file_name"
                f" from made_{kind} as row join house.submission as submission using (submission_id)"
            )
            con.execute(f"drop table made_{kind}")


def _fill(
    con: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str], rows: Rows, *, temporary: bool = False
) -> None:
    """A table of these columns, filled by name."""
    typed = ", ".join(f'"{name}" {sql_type}' for name, sql_type in columns.items())
    con.execute(f"create {'temp ' if temporary else ''}table {table} ({typed})")
    if not len(rows):
        return
    if isinstance(rows, pa.Table):
        con.register("given", rows)
        source = "given"
    else:
        files = ", ".join("'" + str(path).replace("'", "''") + "'" for path in rows)
        source = f"read_parquet([{files}], union_by_name = true, hive_partitioning = false)"
    present = {name for name, *_ in con.sql(f"describe select * from {source}").fetchall()}
    taken = [name for name in columns if name in present]
    names = ", ".join(f'"{name}"' for name in taken)
    values = ", ".join(f'cast("{name}" as {columns[name]})' for name in taken)
    con.execute(f"insert into {table} ({names}) select {values} from {source}")
    if isinstance(rows, pa.Table):
        con.unregister("given")


def _load_cards(con: duckdb.DuckDBPyConnection, models: Models) -> None:
    cards = list(models.cards.values())
    rows: dict[str, list[tuple[object, ...]]] = {
        "rule": [
            (card.code, card.title, card.purpose, card.subject, card.caveat, card.not_in_of or "household", card.of_the_dead)
            for card in cards
        ],
        "rule_yields": [(card.code, code) for card in cards for code in card.yields_to],
        "rule_not_in": [(card.code, registry) for card in cards for registry in card.not_in],
        "rule_roster": [(card.code, registry) for card in cards for registry in card.rosters(models.kinds)],
        "rule_policy": [(card.code, key) for card in cards for key in card.reads_policy],
    }  # fmt: skip
    for table, columns in CARD_TABLES.items():
        names = list(columns)
        values = {name: [row[at] for row in rows[table]] for at, name in enumerate(names)}
        arrow = pa.table(
            values,
            schema=pa.schema([(name, pa.string() if columns[name] == "VARCHAR" else pa.bool_()) for name in names]),
        )
        _fill(con, f"house.{table}", columns, arrow)
