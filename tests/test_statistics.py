"""What is counted and published: precision of rules. (What they miss: test_sample.)"""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest
from low_income.lists.words import OUTCOME_TITLES
from low_income.warehouse import MACROS

from tests.sql_kit import models_of


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("create schema input")
    for macro in MACROS:
        con.execute(macro)
    con.register("verdict_rows", models_of().lists["verdict"])
    con.execute("create table input.verdict as select * from verdict_rows")
    con.execute("create table input.rule as select 'A01' as rule_code, '收入低于低保标准未纳入' as title")
    con.execute(
        "create table warning (rule_code varchar, division_code varchar, purpose varchar, status varchar, outcome varchar)"
    )
    return con


def close(con: duckdb.DuckDBPyConnection, unit: str, outcome: str, times: int, purpose: str = "assistance") -> None:
    rows = [["A01", unit, purpose, "closed", outcome]] * times
    con.executemany("insert into warning values (?, ?, ?, ?, ?)", rows)


def precision(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[object, ...]]:
    con.execute(f"create or replace table rule_precision as {models_of().models['main.rule_precision'].sql}")
    rows = con.execute(
        'select division_code, closed, helped_or_confirmed, "precision", low, high, wrong_data from rule_precision order by all'
    ).fetchall()
    return {unit: tuple(rest) for unit, *rest in rows}


def test_precision_has_wilsons_interval(con: duckdb.DuckDBPyConnection) -> None:
    close(con, "d01", "granted", 8)
    close(con, "d01", "not_eligible", 2)
    close(con, "d02", "not_eligible", 3)
    found = precision(con)
    # Wilson 95 %: 8 of 10 is 0.4902 … 0.9433, 0 of 3 is 0 … 0.5615 (Newcombe 1998, method 3).
    assert found["d01"] == (10, 8, Decimal("0.8000"), Decimal("0.4902"), Decimal("0.9433"), 0)
    assert found["d02"] == (3, 0, Decimal("0.0000"), Decimal("0.0000"), Decimal("0.5615"), 0)
    assert found["all"][:3] == (13, 8, Decimal("0.6154"))


def test_wrong_data_counts_against_the_source(con: duckdb.DuckDBPyConnection) -> None:
    close(con, "d01", "enrolled", 1)
    close(con, "d01", "not_eligible", 1)
    close(con, "d01", "wrong_data", 5)
    close(con, "d02", "wrong_data", 2)
    found = precision(con)
    assert found["d01"][:3] == (2, 1, Decimal("0.5000"))
    assert found["d01"][-1] == 5
    assert found["d02"] == (0, 0, None, Decimal("0.0000"), Decimal("1.0000"), 2), "nothing known: anything is possible"


def test_a_review_is_right_when_the_doubt_was_founded(con: duckdb.DuckDBPyConnection) -> None:
    close(con, "d01", "not_eligible", 3, purpose="entitlement_review")
    close(con, "d01", "enrolled", 1, purpose="entitlement_review")
    assert precision(con)["d01"][:2] == (4, 3)


def test_open_warnings_are_not_counted(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("insert into warning values ('A01', 'd01', 'assistance', 'open', null)")
    assert precision(con) == {}


def test_every_outcome_of_every_purpose_has_its_verdict(con: duckdb.DuckDBPyConnection) -> None:
    known = set(con.execute("select purpose, outcome from input.verdict").fetchall())
    purposes = {card.purpose for card in models_of().cards.values()}
    outcomes = set(OUTCOME_TITLES) - {"verifying"}
    assert known == {(purpose, outcome) for purpose in {*purposes, "sample"} for outcome in outcomes}
