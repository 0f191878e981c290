"""Silence and fairness: who is silent and who cannot be told, what may be said of few, and that no subtraction undoes it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner
from hypothesis import example as pinned
from hypothesis import given, settings
from hypothesis import strategies as st
from low_income import warehouse
from low_income.ask import report
from low_income.cli import monitor
from low_income.model import ModelError, MonitorError
from low_income.records import journal
from low_income.settings.home import Home
from low_income.warehouse.models import Example

from tests.night_kit import DAY, ask, copy_home, night_of_the_bureau
from tests.sql_kit import LIMITS, inputs, models_of
from tests.warehouse_kit import NOTE, models_with

pytestmark = pytest.mark.slow

LEAST = 4


def sql(table: str) -> str:
    return models_of().models[table].sql


# rates -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Town:
    """A township: of so many people so many are listed; in each the first few are men, the rest women."""

    division: str
    name: str
    known: int
    listed: int
    men: int = 0


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as con:
        for macro in warehouse.MACROS:
            con.execute(macro)
        for schema in ("input", "life", "registry"):
            con.execute(f"create schema {schema}")
        con.execute(f"create table registry.night_policy as select {LEAST} as smallest_cell")
        con.execute("create table input.rule as select 'assistance' as purpose")
        yield con


def rates(
    con: duckdb.DuckDBPyConnection, towns: list[Town], strangers: int = 0
) -> dict[tuple[str, str], dict[str, object]]:
    """(division or '', value) → the published row."""
    groups, reached = [], [("assistance", "persons", f"x{at}") for at in range(strangers)]
    for town in towns:
        for at in range(town.known):
            who = f"{town.division}{town.name}{at}"
            groups += [
                ("persons", "all", "all", "all", who),
                ("persons", "division", town.division, town.division, who),
            ]
            groups += [("persons", "township", town.division, town.name, who)]
            groups += [("persons", "sex", "all", "男" if at < town.men else "女", who)]
            reached += [("assistance", "persons", who)] if at < town.listed else []
    con.execute(
        "create or replace table registry.person_group (counted text, dimension text, division_code text, value text, member_id text)"
    )
    con.execute("create or replace table life.reached (purpose text, counted text, member_id text)")
    for table, rows in (("registry.person_group", groups), ("life.reached", reached)):
        if rows:
            con.execute(f"insert into {table} select unnest($1), unnest($2), unnest($3)" + (", unnest($4), unnest($5)" if len(rows[0]) == 5 else ""),
                        [list(column) for column in zip(*rows, strict=True)])  # fmt: skip
    con.execute(f"create or replace table registry.group_size as {sql('registry.group_size')}")
    con.execute(f"create or replace table main.warning_rate as {sql('main.warning_rate')}")
    for name, query in models_of().published["main.warning_rate"].must_hold.items():
        assert con.execute(query).fetchall() == [], name
    answer = con.execute("select * from warning_rate")
    columns = [column for column, *_ in answer.description or []]
    found = [dict(zip(columns, row, strict=True)) for row in answer.fetchall()]
    return {
        ("" if row["dimension"] in ("all", "sex", "elsewhere") else row["division_code"], row["value"]): row
        for row in found
    }


def said(row: dict[str, object]) -> tuple[object, object]:
    return row["known"], row["listed"]


def test_both_sides_of_the_least(con: duckdb.DuckDBPyConnection) -> None:
    towns = [Town("d01", "甲", 20, LEAST), Town("d01", "乙", 20, 12, men=10), Town("d02", "丙", 20, 0, men=10)]
    found = rates(con, towns)
    assert [said(found["d01", name]) for name in ("甲", "乙")] == [(20, 4), (20, 12)]
    assert said(found["d02", "丙"]) == (20, 0), "that nobody is listed may be said"
    assert said(found["", "all"]) == (60, 16)
    fewer = rates(con, [Town("d01", "甲", 20, LEAST - 1), *towns[1:]])
    assert said(fewer["d01", "甲"]) == (20, None)
    assert said(fewer["d01", "乙"]) == (20, None), "else 甲 is the division less 乙"
    assert said(fewer["d01", "d01"]) == (40, 15)
    nearly_all = rates(con, [Town("d01", "甲", 20, 20 - LEAST + 1), *towns[1:]])
    assert said(nearly_all["d01", "甲"]) == (20, None), "who is not listed is few too"


def test_a_group_too_small_to_be_counted_hides_another(con: duckdb.DuckDBPyConnection) -> None:
    found = rates(con, [Town("d01", "甲", LEAST - 1, 0), Town("d01", "乙", 9, 5), Town("d01", "丙", 30, 9)])
    assert [said(found["d01", name]) for name in "甲乙丙"] == [(None, None), (None, None), (30, 9)]
    assert said(rates(con, [Town("d01", "甲", LEAST, 0), Town("d01", "乙", 9, 5)])["d01", "甲"]) == (LEAST, 0)


def test_a_hidden_division_hides_its_townships_and_hidden_all_everything(con: duckdb.DuckDBPyConnection) -> None:
    towns = [Town("d01", "甲", 30, 1), Town("d01", "乙", 30, 1), Town("d02", "丙", 30, 8), Town("d03", "丁", 30, 9)]
    found = rates(con, towns)
    hidden = {value for _, value in found if said(found[_, value])[1] is None}
    assert hidden == {"d01", "甲", "乙", "d02", "丙"}
    found = rates(con, [Town("d01", "甲", 30, 2), Town("d02", "乙", 30, 0)])
    assert {said(row)[1] for row in found.values()} == {None}


def test_rates_have_wilsons_interval_and_are_held_against_all(con: duckdb.DuckDBPyConnection) -> None:
    found = rates(con, [Town("d01", "甲", 500, 100, men=500), Town("d02", "乙", 500, 20)])
    assert [(float(row[name]), row["against_all"]) for row in (found["d01", "d01"], found["d02", "d02"]) for name in ("rate",)] == [
        (0.2, "above"), (0.04, "below"),
    ]  # fmt: skip
    assert float(found["", "all"]["ratio"]) == 1 and float(found["", "男"]["ratio"]) == 1.67
    assert [float(found["d02", "d02"][name]) for name in ("low", "high")] == [0.0260, 0.0610], "Wilson, 20 of 500"


def test_whom_no_list_of_ours_knows_is_counted_apart(con: duckdb.DuckDBPyConnection) -> None:
    found = rates(con, [Town("d01", "甲", 30, 8)], strangers=LEAST)
    assert said(found["", "elsewhere"]) == (None, LEAST) and found["", "elsewhere"]["rate"] is None
    assert said(rates(con, [Town("d01", "甲", 30, 8)], strangers=LEAST - 1)["", "elsewhere"]) == (None, None)


def bounds(found: dict[tuple[str, str], dict[str, object]], figure: str) -> dict[tuple[str, str], tuple[float, float]]:
    """What somebody who has the whole table can work out of each cell: narrowed by every total until nothing moves."""
    ceiling = float("inf")
    known = {key: float(row["known"]) if row["known"] is not None else ceiling for key, row in found.items()}  # type: ignore[arg-type]
    able = {
        key: (float(row[figure]), float(row[figure])) if row[figure] is not None else (0.0, known[key])  # type: ignore[arg-type]
        for key, row in found.items()
    }
    sums: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    parts: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for key, row in found.items():
        parts[str(row["dimension"])].append(key)
        if row["dimension"] == "township":
            sums[key[0], key[0]].append(key)
    equations = [*sums.items(), *((("", "all"), parts[dimension]) for dimension in ("division", "sex"))]
    moved = True
    while moved:
        moved = False
        for total, cells in equations:
            low, high = sum(able[cell][0] for cell in cells), sum(able[cell][1] for cell in cells)
            narrowed = {total: (max(able[total][0], low), min(able[total][1], high))}
            for cell in cells:
                rest_low = sum(able[other][0] for other in cells if other != cell)
                rest_high = sum(able[other][1] for other in cells if other != cell)
                narrowed[cell] = (
                    max(able[cell][0], able[total][0] - rest_high),
                    min(able[cell][1], able[total][1] - rest_low),
                )
            for cell, limits in narrowed.items():
                if limits != able[cell]:
                    able[cell], moved = limits, True
    return able


PLACES = [("d01", "甲"), ("d01", "乙"), ("d01", "丙"), ("d02", "甲"), ("d02", "丁"), ("d03", "戊"), ("d04", "己")]


@st.composite
def bureaus(draw: st.DrawFn) -> list[Town]:
    towns = []
    for division, name in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=len(PLACES), unique=True)):
        known = draw(st.one_of(st.integers(1, 2 * LEAST), st.integers(1, 40)))
        listed = draw(st.one_of(st.integers(0, min(known, LEAST)), st.integers(0, known), st.just(known)))
        towns.append(Town(division, name, known, listed, draw(st.integers(0, known))))
    return towns


@given(bureaus())
@settings(max_examples=40)
@pinned([Town("d01", "甲", 30, 1), Town("d01", "乙", 30, 1), Town("d01", "丙", 30, 9)])
@pinned([Town("d01", "甲", 30, 3), Town("d02", "甲", 30, 30), Town("d03", "戊", 30, 0)])
def test_nothing_hidden_follows_from_what_is_said(con: duckdb.DuckDBPyConnection, towns: list[Town]) -> None:
    found = rates(con, towns)
    truth = {(town.division, town.name): town for town in towns}
    for figure in ("listed", "known"):
        able = bounds(found, figure)
        for key, row in found.items():
            low, high = able[key]
            if key in truth:
                assert low <= getattr(truth[key], figure) <= high, "the published figures contradict each other"
            if row[figure] is None and not (figure == "listed" and found["", "all"]["listed"] == 0):
                total = found.get((key[0], key[0])) if row["dimension"] == "township" else found["", "all"]
                if figure == "listed" and total and total["listed"] == 0:
                    continue  # of a place where nobody is listed, nobody is in any part of it
                assert high - low >= LEAST, f"{key}: {figure} is {low} to {high}"


# silence ----------------------------------------------------------------------------------------------------------

BEFORE, SINCE, LATELY = "2026-08-02", "2026-08-03", "2026-10-30"
"""The window is (2026-08-02, 2026-10-31]."""


def silence(
    con: duckdb.DuckDBPyConnection, **given: list[tuple[object, ...]]
) -> dict[tuple[str, str, str], tuple[object, ...]]:
    """(division, township, topic) → (state, last_on, persons)."""
    shapes = {
        "input.unit": "unit_code text, unit_kind text",
        "input.township": "division_code text, name text",
        "input.expected": "unit_code text, kind text, period text",
        "input.submission": "unit_code text, kind text, night date, status text",
        "registry.township_file": "division_code text, township text, last_received_on date",
        "registry.household_fact": "household_id text, township text",
        "registry.group_size": "counted text, dimension text, division_code text, value text, members bigint, is_hidden boolean",
        "registry.horizon": "report_start date",
        "life.listed": "division_code text, township text, household_id text, purpose text, last_seen_on date, is_overdue boolean, decided_on date",
    }
    given = {
        "input.unit": [("bureau", "bureau"), ("d01", "division")], "input.township": [("d01", "甲")],
        "input.expected": [("d01", "dibao_person", "2026-10"), ("d01", "survey_person", "")],
        "registry.horizon": [(BEFORE,)], **{name.replace("__", "."): rows for name, rows in given.items()},
    }  # fmt: skip
    for table, columns in shapes.items():
        con.execute(f"create or replace table {table} ({columns})")
        for row in given.get(table, []):
            con.execute(f"insert into {table} values ({', '.join('?' * len(row))})", list(row))
    con.execute(f"create or replace table main.silence as {sql('main.silence')}")
    for name, query in models_of().published["main.silence"].must_hold.items():
        assert con.execute(query).fetchall() == [], name
    rows = con.execute(
        "select division_code, township, topic, state, cast(last_on as varchar), persons from silence"
    ).fetchall()
    return {row[:3]: row[3:] for row in rows}


DELIVERED = {
    "input__submission": [("d01", "dibao_person", LATELY, "accepted"), ("d01", "survey_person", "2025-01-01", "accepted")],
    "registry__township_file": [("d01", "甲", LATELY)],
    "registry__group_size": [
        ("persons", "division", "d01", "d01", 2000, False), ("persons", "township", "d01", "甲", 2000, False),
        ("households", "division", "d01", "d01", 900, False),
    ],
}  # fmt: skip


def listed(
    last: str,
    *,
    purpose: str = "assistance",
    township: str | None = "甲",
    overdue: bool = False,
    decided: str | None = None,
):
    return ("d01", township, "户", purpose, last, overdue, decided)


def test_no_warning_among_many_is_silence_and_among_nobody_is_not(con: duckdb.DuckDBPyConnection) -> None:
    found = silence(con, **DELIVERED)
    assert found["d01", "", "warnings"] == ("silent", None, 2000)
    assert found["d01", "甲", "warnings"] == ("silent", None, 2000)
    assert found["d01", "", "outcomes"][0] == "nobody", "nothing was asked, so nothing can be answered"
    nobody = silence(con, **{**DELIVERED, "registry__group_size": []})
    assert nobody["d01", "", "warnings"] == ("nobody", None, None)
    hidden = [(*row[:4], 3, True) for row in DELIVERED["registry__group_size"]]
    assert silence(con, **{**DELIVERED, "registry__group_size": hidden})["d01", "甲", "warnings"] == (
        "silent",
        None,
        None,
    )


def test_where_no_list_came_nobody_can_tell(con: duckdb.DuckDBPyConnection) -> None:
    found = silence(con)
    assert found["d01", "", "files"] == ("silent", None, None)
    assert {found["d01", place, topic][0] for place in ("", "甲") for topic in ("warnings", "outcomes")} == {
        "cannot_tell"
    }
    assert found["d01", "甲", "files"][0] == "cannot_tell", (
        "the division said nothing, so neither did it leave the township out"
    )
    assert found["bureau", "", "files"][0] == "not_expected"
    refused = silence(con, input__submission=[("d01", "dibao_person", LATELY, "refused")])
    assert refused["d01", "", "files"] == ("silent", None, None)
    left_out = silence(con, **{**DELIVERED, "registry__township_file": []})
    assert left_out["d01", "甲", "files"] == ("silent", None, 2000)
    assert left_out["d01", "甲", "warnings"][0] == "cannot_tell"


@pytest.mark.parametrize(("night", "state"), [(BEFORE, "silent"), (SINCE, "heard")])
def test_files_of_the_window_are_heard(con: duckdb.DuckDBPyConnection, night: str, state: str) -> None:
    survey = ("d01", "survey_person", BEFORE, "accepted")
    assert silence(con, input__submission=[("d01", "dibao_person", night, "accepted"), survey])["d01", "", "files"][
        :2
    ] == (state, night)


def test_a_list_that_is_missing_is_named(con: duckdb.DuckDBPyConnection) -> None:
    found = silence(con, input__submission=[("d01", "edge_person", LATELY, "accepted")])
    assert found["d01", "", "files"][0] == "partly"
    assert con.execute(
        "select kinds_missing from silence where topic = 'files' and division_code = 'd01' and township = ''"
    ).fetchall() == [("dibao_person,survey_person",)]


@pytest.mark.parametrize(
    ("warning", "warnings", "outcomes"),
    [
        (listed(BEFORE), "silent", "nobody"),
        (listed(SINCE), "heard", "not_due"),
        (listed(LATELY, purpose="supplement", overdue=True), "heard", "silent"),
        (listed(LATELY, purpose="entitlement_review", overdue=True), "silent", "silent"),
        (listed(LATELY, overdue=True, decided=BEFORE), "heard", "silent"),
        (listed(LATELY, overdue=True, decided=SINCE), "heard", "heard"),
        (listed(BEFORE, decided=LATELY), "silent", "heard"),
    ],
)
def test_who_talks_and_who_does_not(
    con: duckdb.DuckDBPyConnection, warning: tuple[object, ...], warnings: str, outcomes: str
) -> None:
    found = silence(con, **DELIVERED, life__listed=[warning])
    for place in ("", "甲"):
        assert (found["d01", place, "warnings"][0], found["d01", place, "outcomes"][0]) == (warnings, outcomes)


def test_a_withdrawn_warning_counts_where_its_household_lives(con: duckdb.DuckDBPyConnection) -> None:
    found = silence(
        con, **DELIVERED, life__listed=[listed(LATELY, township=None)], registry__household_fact=[("户", "甲")]
    )
    assert found["d01", "甲", "warnings"][:2] == ("heard", LATELY)


# purposes ---------------------------------------------------------------------------------------------------------

STATISTIC = NOTE + "purpose: statistics\ncomment: 试\ncolumns: {person_id: 人}\n"


@pytest.mark.parametrize(
    ("source", "refused"),
    [
        (
            "registry.spent",
            r"published/tried\.sql：用途是 statistics，不得使用 medical_expense.*main\.tried ← registry\.spent ← accepted\.medical",
        ),
        ("main.warning", r"published/tried\.sql：用途是 statistics"),
        ("accepted.dibao_person", None),
        ("registry.person", None),
    ],
)
def test_a_statistic_reaches_no_kind_that_serves_none(tmp_path: Path, source: str, refused: str | None) -> None:
    spent = ("select person_id as person_id from accepted.medical_expense", NOTE)
    tried = (f"select distinct source.person_id as person_id from {source} as source", STATISTIC)
    warning = ("select person_id as person_id from registry.spent", STATISTIC.replace("purpose: statistics\n", ""))
    models = models_with(tmp_path / "sql", registry__spent=spent, published__tried=tried, published__warning=warning)
    if refused is None:
        models.validate(["main.tried"])
        return
    with pytest.raises(ModelError, match=refused):
        models.validate(["main.tried"])


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ("select warning_id as warning_id, person_id as person_id from main.warning", None),
        ("select warning_id as warning_id, rule_code as rule_code from main.warning", "却带出了：rule_code"),
        ("select warning_id as warning_id from main.warning where rule_code = 'A05'", "rule_code 只能"),
        ("select warning_id as warning_id from main.warning where reason like '%残疾%'", "却用到了：reason"),
        ("select person_id as warning_id from registry.spent", "却读了：registry.spent"),
    ],
)
def test_a_model_that_carries_warnings_says_only_that_somebody_was_asked(
    tmp_path: Path, query: str, refused: str | None
) -> None:
    spent = ("select person_id as person_id from accepted.medical_expense", NOTE)
    columns = "person_id as person_id, person_id as warning_id, person_id as rule_code, person_id as reason"
    note = "grain: one row per warning\nkey: [warning_id]\ncarries: warnings\n"
    warning = (f"select {columns} from registry.spent", STATISTIC.replace("purpose: statistics\n", ""))
    tried = ("select listed.warning_id as person_id from life.listed as listed", STATISTIC)
    models = models_with(
        tmp_path / "sql",
        registry__spent=spent,
        published__warning=warning,
        published__tried=tried,
        life__listed=(query, note),
    )
    if refused is None:
        models.validate(["main.tried"])
        return
    with pytest.raises(ModelError, match=refused):
        models.validate(["main.tried"])


def test_all_that_is_published_as_a_statistic_is_held_to_it() -> None:
    held = {name for name, about in models_of().published.items() if about.purpose == "statistics"}
    assert held == {"main.monthly_statistics", "main.roster_history", "main.silence", "main.warning_rate"}
    for name in held:
        reached = [reached.partition(".") for reached in models_of().lineage(name)]
        kinds = models_of().kinds
        assert reached and all(
            "statistics" in (kinds[kind].narrowed[field] if field else kinds[kind].purposes)
            for kind, _, field in reached
        )


# whole ------------------------------------------------------------------------------------------------------------


def test_whom_a_warning_reaches() -> None:
    """A rule about people the person, one about heads the household; the window is that of the policy."""
    given = {
        "survey_household": [
            {
                "head_id_number": "甲",
                "household_no": "H1",
                "household_size": 2,
                "yearly_income_fen": 1,
                "area_type": "城市",
            }
        ],
        "survey_person": [{"id_number": "乙", "household_no": "H1", "relation": "女"}],
        "dibao_person": [{"id_number": "丙"}, {"id_number": "丁", "head_id_number": "丙", "relation": "子"}],
        "tekun_person": [{"id_number": "丁", "self_care": "全自理"}],
        "edge_person": [{"id_number": "旁人"}],
    }
    example = Example(name="", night=DAY, given=given, expect=[])
    rows = warehouse.ask(inputs(example), models_of(), "life.reached", limits=LIMITS).to_pylist()
    found = {(row["purpose"], row["counted"], row["member_id"]) for row in rows}
    assert {who for purpose, counted, who in found if (purpose, counted) == ("assistance", "persons")} == {"甲", "乙"}
    assert ("assistance", "households", "户甲") in found
    reviewed = {who for purpose, counted, who in found if (purpose, counted) == ("entitlement_review", "persons")}
    assert "丁" in reviewed and "丙" not in reviewed, "enrolled twice is the person's question alone"


@pytest.fixture(scope="module")
def bureau(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_home(night_of_the_bureau(tmp_path_factory), tmp_path_factory.mktemp("report") / "home")


def test_the_report_tells_the_silent_division_and_names_nobody(bureau: Path, tmp_path: Path) -> None:
    page = tmp_path / "报告.html"
    done = CliRunner().invoke(monitor, ["--home", str(bureau), "report", "--json", "--out", str(page)])
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert told["date"] == DAY.isoformat() and told["days"] == 90
    silent = {
        row["division_code"]
        for row in told["silence"]
        if (row["topic"], row["state"], row["township"]) == ("files", "silent", "")
    }
    delivered = {unit for (unit,) in ask(bureau, "select unit_code from submission where rows_accepted > 0")}
    divisions = {row["division_code"] for row in told["silence"]} - {"bureau"}
    assert silent == divisions - delivered and silent
    text = page.read_text(encoding="utf-8")
    tables, heads = text.count("<table"), text.count("<thead><tr><th")
    assert heads == tables - 1 and "thead{break-inside:avoid}" in text, "printed, each page of a table has its headings"
    names = {name for (name,) in ask(bureau, "select distinct name from person") if len(name) > 2}
    assert not [name for name in names if name in text] and not re.search(r"\d{15}", text)
    assert report.page(report.report(bureau, None)) == text, "same release, same bytes"
    looked = [entry.about for entry in journal.read(Home.open(bureau)) if entry.what == "looked"]
    assert looked[-1]["command"] == "report"
    on_screen = CliRunner().invoke(monitor, ["--home", str(bureau), "report", "--date", DAY.isoformat()])
    assert "没有报送的区" in on_screen.output and "不公布" in on_screen.output


def test_a_release_older_than_the_report_is_told_so(home: Home) -> None:
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute("create table release as select date '2026-10-31' as run_date")
    with pytest.raises(MonitorError, match="2026-10-31 那一版还没有"):
        report.report(home.root, None)


def test_a_night_that_is_not_kept_cannot_be_reported(bureau: Path) -> None:
    with pytest.raises(MonitorError, match="没有保留 2026-01-01"):
        report.report(bureau, date(2026, 1, 1))
