"""A changed rule or policy asked of past nights: who would be listed, who would be missed, and what people found."""

from __future__ import annotations

import fcntl
import io
import json
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import yaml
from click.testing import CliRunner
from low_income.ask.backtest import _found, _Help, backtest, past, precision, show
from low_income.cli import monitor
from low_income.model import MonitorError
from low_income.night import run
from low_income.records import journal
from low_income.records.ledger import Ledger
from low_income.settings.home import Home
from low_income.warehouse.models import SQL, Models
from rich.cells import cell_len
from rich.console import Console

from tests.backtest_kit import WHERE, rule
from tests.decision_kit import HOUSEHOLD, NEXT, fill_in, listed_home
from tests.night_kit import DAY, PERSON, ask, book, new_home, number, person

pytestmark = pytest.mark.slow

LATER = NEXT + timedelta(days=3)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two nights: four poor households, one of them twice as poor as the others.

    Then of three of the others one was enrolled, one was not eligible and one came on the edge roster; the poorest was rich by
    a new survey. The second night published but its message failed; a third one was cut off before it published.
    """
    home = listed_home(tmp_path_factory.mktemp("backtest") / "home")
    surveyed(home, 丙="3000")
    run.night(home, DAY)
    said = {"核查人": "张三", "核查日期": DAY, "说明": "上门看过"}
    fill_in(
        home, home / f"lists/{DAY}/d01.xlsx", "d01/清单.xlsx",
        {"某甲": {"核查结果": "已纳入保障", **said}, "某乙": {"核查结果": "核实后不符合条件", **said}},
    )  # fmt: skip
    surveyed(home, 丙="90000")
    book(home / "inbox/d01/边缘户.xlsx", EDGE_HOUSEHOLD, [("某丁", number(17), "1", "600", "2026-10", "2026-10")])
    listed = ("某丁", number(17), number(17), "户主", "600", "2026-10")
    book(home / "inbox/d01/边缘.xlsx", PERSON, [person(905), listed])
    run.night(home, NEXT)
    Ledger.of(Home.open(home)).finish_night(NEXT, "failed", at=datetime.now(UTC), counts={})
    run.collect(home, NEXT + timedelta(days=1))
    return home


EDGE_HOUSEHOLD = ("户主姓名", "户主身份证号", "家庭人口", "家庭月均收入", "纳入月份", "数据月份")


def surveyed(home: Path, **other: str) -> None:
    incomes = {"甲": "6000", "乙": "6000", "丙": "3000", "丁": "6000"} | other
    rows = [
        (f"H{n}", f"某{name}", number(11 + 2 * n), "1", "城市", incomes[name], "是", "2026-10-12")
        for n, name in enumerate("甲乙丙丁")
    ]
    book(home / "inbox/d01/摸底户.xlsx", HOUSEHOLD, rows)


@pytest.mark.slow
def test_the_rule_in_force_changes_nothing_and_each_night_is_asked_as_it_was(home: Path, tmp_path: Path) -> None:
    result = backtest(home, rule(tmp_path / "same", WHERE), DAY, LATER)
    assert [(each["date"], each["before"], each["after"]) for each in result["nights"]] == [
        (DAY.isoformat(), 4, 4), (NEXT.isoformat(), 3, 3),
    ]  # fmt: skip
    assert result["rules"] == result["shown"] == result["unsound"] == result["tried_early"] == []
    assert [(each["date"], each["because"]) for each in result["not_run"]] == [
        ("2026-11-02", "夜间任务没有跑完，没有发布"), ("2026-11-03", "没有运行过夜间任务"), ("2026-11-04", "没有运行过夜间任务"),
    ]  # fmt: skip
    ledger = Ledger.of(Home.open(home))
    first = {(each.file_name, each.night): each.status for each in ledger.as_of(DAY)}
    second = {(each.file_name, each.night): each.status for each in ledger.as_of(NEXT)}
    assert first["摸底户.xlsx", DAY] == "accepted" and second["摸底户.xlsx", DAY] == "superseded"


@pytest.mark.slow
def test_what_a_narrower_rule_would_miss_is_said(home: Path, tmp_path: Path) -> None:
    """Half the standard: of three that it leaves out one was enrolled, one was not eligible, one was helped in that very month."""
    narrow = rule(tmp_path / "narrow", WHERE.replace("surveyed.yearly", "2 * surveyed.yearly"), card_too=True)
    result = backtest(home, narrow, DAY, NEXT)
    everybody, here = result["rules"]
    assert (everybody["before"], everybody["after"], everybody["added"], everybody["dropped"]) == (4, 1, 0, 3)
    assert everybody["found_of_dropped"] == {"right": 1, "wrong": 1, "helped": 1}
    assert everybody["precision_before"] == {"closed": 2, "precision": 0.5, "low": 0.0945, "high": 0.9055}
    assert everybody["precision_after"]["precision"] is None
    assert (here["division_code"], here["dropped"]) == ("d01", 3)
    assert len(result["shown"]) == 3
    # Its card still says what it was: no night would publish, and the examples that it no longer finds are named.
    (unsound,) = result["unsound"]
    assert (unsound["rule_code"], unsound["is_silent"], unsound["finds_nobody"]) == ("A01", True, False)
    assert len(unsound["examples"]) >= 1


@pytest.mark.slow
def test_a_rule_that_finds_nobody_any_more_is_said_to_be_dead(home: Path, tmp_path: Path) -> None:
    rule(tmp_path / "dead", WHERE.replace("surveyed.limit_fen", "0"), card_too=True)
    words = words_of(home, tmp_path / "dead", DAY, DAY)
    assert "A01 收入低于低保标准未纳入 找不出卡片里为它虚构的样例户，这些夜里也一个都没有列出" in words
    assert "夜里不会发布" in words and "改后会漏掉 2 个已经查实或帮到的对象" in words


def words_of(home: Path, folder: Path, first: date, last: date, *more: str) -> str:
    asked = ["--home", str(home), "backtest", str(folder), "--from", str(first), "--to", str(last), *more]
    return CliRunner().invoke(monitor, asked, catch_exceptions=False, terminal_width=300).output.replace("\n", "")


@pytest.mark.slow
def test_a_policy_value_is_tried_like_a_rule(home: Path, tmp_path: Path) -> None:
    """At 450 yuan three of the four are above the standard, and below one and a half times as much."""
    before = (
        ask(home, "select * from warning order by all"),
        sorted(path.name for path in (home / "releases").iterdir()),
    )
    folder = with_standard(home, tmp_path / "now", "area: 城市, value: 740", "area: 城市, value: 450")
    result = json.loads(words_of(home, folder, DAY, NEXT, "--json"))
    assert moved(result) == {"A01": (0, 3), "A02": (3, 0)}
    assert result["changes"] == ["policy/dibao.yml"] and result["tried_early"] == []
    assert before == (
        ask(home, "select * from warning order by all"), sorted(path.name for path in (home / "releases").iterdir())
    )  # fmt: skip


@pytest.mark.slow
def test_a_value_that_begins_later_is_tried_on_past_nights_and_that_is_said(home: Path, tmp_path: Path) -> None:
    text = (home / "policy/dibao.yml").read_text(encoding="utf-8")
    line = next(each for each in text.splitlines() if "北片, area: 城市, value: 740" in each)
    later = line.replace("value: 740", "value: 450").replace("2026-01-01", "2027-01-01")
    assert later.count("2027-01-01") == 1
    folder = with_standard(home, tmp_path / "later", line, f"{line}\n{later}")
    words = words_of(home, folder, NEXT, NEXT)
    assert "（北片城市） 450 元/人/月：2027-01-01 起才生效，这里当作那些夜里已经生效来试" in words
    assert "A02" in words and "不会改变任何清单" not in words and number(11) not in words


def with_standard(home: Path, folder: Path, old: str, new: str) -> Path:
    (folder / "policy").mkdir(parents=True)
    text = (home / "policy/dibao.yml").read_text(encoding="utf-8")
    assert text.count(old) == 1 or old in text
    (folder / "policy/dibao.yml").write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


def moved(result: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {
        line["rule_code"]: (line["added"], line["dropped"])
        for line in result["rules"]
        if line["division_code"] == "all"
    }


def test_no_night_begins_meanwhile_and_during_one_it_is_not_asked(home: Path, tmp_path: Path) -> None:
    with (home / ".lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(MonitorError, match="另一个夜间任务或命令正在运行"):
            backtest(home, rule(tmp_path / "same", WHERE), DAY, NEXT)


def test_what_people_found_in_the_random_sample_speaks_of_whom_a_rule_would_newly_list() -> None:
    verdict = pa.table(dict(zip(("purpose", "outcome", "counts_as"), zip(*VERDICTS, strict=True), strict=True)))
    with closing(duckdb.connect()) as con:
        con.execute(
            "create table warning as select * from (values ('A01', '甲', 'assistance', 'not_eligible', date '2026-10-02', 'w', 'closed'),"
            " ('A01', '乙', 'assistance', null, null, 'v', 'open'))"
            " as t(rule_code, subject_id, purpose, outcome, decided_on, warning_id, status)"
        )
        con.execute(
            "create table sample_check as select * from (values ('A01', '甲', 'granted', date '2026-10-01', 's', 'checked'),"
            " ('A01', '丙', 'granted', date '2026-10-01', 't', 'checked'), ('A01', '丁', null, null, 'u', 'open'))"
            " as t(rule_code, subject_id, outcome, decided_on, sample_id, state)"
        )
        assert _found(con, Models({}, {}, {"verdict": verdict})) == {("A01", "甲"): "wrong", ("A01", "丙"): "right"}


VERDICTS = [("assistance", "not_eligible", "wrong"), ("sample", "granted", "right")]


@pytest.mark.parametrize(
    ("begins_on", "is_month", "is_known", "counts"),
    [
        ("2026-10-01", True, False, True),  # the month of the night, and not on the roster that was known then
        ("2026-10-01", True, True, False),
        ("2026-09-01", True, False, False),  # a late roster: he was helped before
        ("2026-11-01", True, False, True),
        ("2026-10-30", False, False, False),
        ("2026-10-31", False, False, True),
        ("2026-10-31", False, True, False),
    ],
)
def test_help_counts_when_it_came_after_the_night(begins_on: str, is_month: bool, is_known: bool, counts: bool) -> None:
    help = _Help("户", "人", "edge", date.fromisoformat(begins_on), is_month)
    assert help.came_after(date(2026, 10, 31), {("人", "edge")} if is_known else {("人", "dibao")}) is counts


ONE_KEY = yaml.safe_dump(
    {"edge_multiple": yaml.safe_load((SQL.parent / "policy/dibao.yml").read_text(encoding="utf-8"))["edge_multiple"]},
    allow_unicode=True,
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ({"a01.sql": "select person_id as person_id from accepted.pension"}, "不得使用 pension"),
        ({"a01.yml": "code: A01\nlevel: pink\n"}, "a01.yml"),
        ({"policy/dibao.yml": "dibao_standard: {}\n"}, "policy/dibao.yml"),
        ({"policy/dibao.yml": ONE_KEY}, "policy/dibao.yml：少了 .*dibao_standard.*夜间任务不会开始"),
        ({"notes.txt": "x"}, "不认识 notes.txt"),
        ({}, "没有要试的规则"),
    ],
)
def test_what_could_not_be_switched_on_cannot_be_tried(
    home: Path, tmp_path: Path, spoil: dict[str, str], says: str
) -> None:
    for name, text in spoil.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with pytest.raises(MonitorError, match=says):
        backtest(home, tmp_path, DAY, NEXT)


@pytest.mark.slow
def test_a_range_without_nights_is_said(home: Path, tmp_path: Path) -> None:
    with pytest.raises(MonitorError, match="没有发布过清单的夜间任务"):
        backtest(home, rule(tmp_path / "r", WHERE), LATER, LATER)


def test_precision_counts_what_people_closed() -> None:
    assert precision(["unknown", "source"])["precision"] is None
    assert precision(["right"] * 3) == {"closed": 3, "precision": 1.0, "low": 0.4385, "high": 1.0}
    assert precision(["wrong"] * 3 + ["source"]) == {"closed": 3, "precision": 0.0, "low": 0.0, "high": 0.5615}


def test_what_was_judged_and_held_counts_as_judged_on_the_night_on_which_its_rows_came_in(tmp_path):
    """A part that is told without a digest was left empty."""
    home = Home.open(new_home(tmp_path / "home"))
    for night, digest in ((DAY, None), (NEXT, "0" * 64), (LATER, "1" * 64)):
        about = {"run_date": night.isoformat(), "family": "edge", "parts": {"accepted/edge_person/one.parquet": digest}}
        journal.write(home, "judged", about, who="夜间任务", at=datetime.now(UTC))
    assert past(home).judged_on == {"one": NEXT}


def test_the_table_fits_a_terminal_of_80_columns() -> None:
    closed = {"closed": 12, "precision": 0.833, "low": 0.601, "high": 0.954}
    line = {
        "rule_code": "A06", "title": "失业且家庭无其他缴费收入", "before": 1234, "after": 1034, "added": 12, "dropped": 212,
        "other_level": 3, "found_of_added": {"right": 2, "unknown": 10}, "found_of_dropped": {"wrong": 200},
        "precision_before": closed, "precision_after": closed,
    }  # fmt: skip
    rules = [line | {"division_code": code, "division": name} for code, name in (("all", "全局"), ("d07", "小望山区"))]
    result = {
        "nights": [{"date": "2026-10-31"}], "changes": ["规则 A06"], "tried_early": [], "unsound": [], "not_run": [],
        "rules": rules, "shown": [],
    }  # fmt: skip
    out = io.StringIO()
    show(result, Console(file=out, width=80, color_system=None))
    lines = out.getvalue().splitlines()
    rows = [each for each in lines if each.startswith("│")]
    assert len(rows) == len(rules), "no cell is folded"
    assert all(cell_len(each) <= 80 for each in lines)
    assert "A06 失业且家庭无其他缴费收入" in rows[0] and "小望山区" in rows[1] and "1234" in rows[1]
    text = "".join(lines)
    assert "小望山区：多列的后来：查实或已帮到 2、还不知道 10；少列的后来：查后不符 200；" in text
    assert "准确率 83%（60%—95%，办结 12）" in text
