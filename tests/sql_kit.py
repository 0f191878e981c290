"""Runs the examples that stand beside the models and cards of sql/.

An example gives accepted rows, sparsely, and says what the model must answer that night:

    - name: 人均收入等于标准时不预警
      night: 2026-10-31
      given:
        survey_household: [{head_id_number: 甲, household_no: H1, yearly_income_fen: 1440000, household_size: 2}]
        survey_person: [{id_number: 甲, household_no: H1}, {id_number: 乙, household_no: H1, relation: 女}]
        input.policy: [{key: dibao_standard, policy_region: 北片, area_type: 城市, value: 700}]   # beside the sample policy
      expect: []                       # or [甲], or [{person_id: 甲, level: red}]: one entry per row of the result

Given rows: any column of `accepted.<kind>` or `input.<table>` may be named; the rest is filled so that the row is valid:
sender d01 (partners: themselves), one submission per (unit, kind, period), period = month of the night for monthly
kinds, row_id `<submission_id>#<sheet>#<row>`, `<field>__text` = the value as text, identity_state verified.
A required field that is not named takes the contract's example. `input.submission` may say more of a submission that rows name.
A person is whoever the kind's id_number field says: `甲`,
or a number of 18 characters, from which sex and birth date are read; person_id is that same text, head_person_id that of
the head field (or oneself), household_id of 甲 is `户甲`. Money is in fen, as the column name says.
`unproven.<kind>` rows are set aside for their number alone; `input.set_aside` does not follow from them.
`input.policy` always holds the sample policy in force on the night (policy/); rows given replace those of
the same key, region and area. `input.calendar`: Monday to Friday are working days, but for days given. Units and townships are
UNITS and TOWNSHIPS of pipeline/low_income/warehouse/examples.py; given ones take their place. `only: {column: value}` looks at a part of the result.
A table that a build makes (`life.before`, `main.warning`, `warnings.every`, …) may be given too: then it is not made, and neither is what
only it needs. Its rows have the columns of the real one, NULL where the example names none; `[]` is a table without rows.
`warnings.source` and `warnings.unreadable` are made with `warnings.every`, `warnings.turned` with `warnings.withdrawal`: give them together.
For `warnings.*`, an expected text is the person_id of a row; for other models, the value of the first key column.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from low_income.settings import contracts
from low_income.warehouse.examples import LIMITS, TOWNSHIPS, UNITS, Given, differences, inputs
from low_income.warehouse.models import SQL, Example, Models, read_models
from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

__all__ = ["LIMITS", "TOWNSHIPS", "UNITS", "Given", "build_alone", "examples", "inputs", "models_of", "run"]


@cache
def models_of(sql: Path = SQL) -> Models:
    """The models in a folder, read once."""
    return read_models(contracts.load().kinds, sql)


def examples(sql: Path = SQL) -> list[tuple[str, Example]]:
    """Every example beside every model, as (table, example)."""
    models = read_models(contracts.load().kinds, sql)
    return [
        (name, example)
        for name, model in sorted(models.models.items())
        for example in getattr(model.about, "examples", [])
    ]


def run(table: str, example: Example, sql: Path = SQL) -> list[str]:
    """Build the model on the example's rows; the differences from what is expected, in words; [] when there is none."""
    return differences(models_of(sql), table, example)


def build_alone(table: str, given: dict[str, list[dict[str, Any]]], sql: Path = SQL) -> duckdb.DuckDBPyConnection:
    """Build one model on tables of any room, given sparsely; of these, columns not given are NULL, and tables not given are empty."""
    model = models_of(sql).models[table]
    named: dict[str, dict[str, None]] = {name: {} for name in model.reads}
    for scope in traverse_scope(model.query):
        for column in scope.columns:
            source = scope.sources.get(column.table)
            if isinstance(source, exp.Table):
                named[f"{source.db}.{source.name}"][column.name] = None
    assert given.keys() <= named.keys(), "the model reads them"
    con = duckdb.connect()
    for name, columns in named.items():
        rows = given.get(name, [])
        fields = [pa.array([row.get(column) for row in rows]) for column in columns]
        typed = [each.cast(pa.string()) if pa.types.is_null(each.type) else each for each in fields]
        con.register("given", pa.table(dict(zip(columns, typed, strict=True))))
        con.execute(f"create schema if not exists {name.partition('.')[0]}")
        con.execute(f"create table {name} as from given")
    con.execute(f"create schema if not exists {table.partition('.')[0]}")
    con.execute(f"create table {table} as {model.sql}")
    return con
