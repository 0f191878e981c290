"""A changed rule or policy asked of past nights: who would be listed, who would be missed, and what people found."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline import run
from pipeline.backtest import backtest, precision
from pipeline.cli import monitor
from pipeline.home import Home
from pipeline.ledger import Ledger
from pipeline.model import MonitorError
from pipeline.warehouse.models import SQL
from tests.night_kit import DAY, ask, book, number
from tests.test_decisions import HOUSEHOLD, NEXT, fill_in, listed_home

LATER = NEXT + timedelta(days=3)
WHERE = "where surveyed.yearly_income_fen < surveyed.limit_fen"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two nights: four poor households; then one was enrolled, one was not eligible, and a new survey makes one rich."""
    home = listed_home(tmp_path_factory.mktemp("backtest") / "home")
    run.night(home, DAY)
    said = {"核查人": "张三", "核查日期": DAY, "说明": "上门看过"}
    fill_in(
        home, home / f"lists/{DAY}/d01.xlsx", "d01/清单.xlsx",
        {"某甲": {"核查结果": "已纳入保障", **said}, "某乙": {"核查结果": "核实后不符合条件", **said}},
    )  # fmt: skip
    rows = [
        (f"H{n}", f"某{name}", number(11 + 2 * n), "1", "城市", "90000" if name == "丙" else "3000", "是", "2026-10-12")
        for n, name in enumerate("甲乙丙丁")
    ]
    book(home / "inbox/d01/摸底户.xlsx", HOUSEHOLD, rows)
    run.night(home, NEXT)
    return home


def rule(folder: Path, where: str) -> Path:
    """A folder in which A01 has another condition."""
    folder.mkdir()
    sql = (SQL / "warnings/a01.sql").read_text(encoding="utf-8")
    assert WHERE in sql
    (folder / "a01.sql").write_text(sql.replace(WHERE, where), encoding="utf-8")
    return folder


@pytest.mark.slow
def test_the_rule_in_force_changes_nothing_and_each_night_is_asked_as_it_was(home: Path, tmp_path: Path) -> None:
    result = backtest(home, rule(tmp_path / "same", WHERE), DAY, LATER)
    assert [(each["date"], each["before"], each["after"]) for each in result["nights"]] == [
        (DAY.isoformat(), 4, 4), (NEXT.isoformat(), 3, 3),
    ]  # fmt: skip
    assert result["rules"] == [] and result["shown"] == []
    assert len(result["not_run"]) == 3
    ledger = Ledger.of(Home.open(home))
    first = {(each.file_name, each.night): each.status for each in ledger.as_of(DAY)}
    second = {(each.file_name, each.night): each.status for each in ledger.as_of(NEXT)}
    assert first["摸底户.xlsx", DAY] == "accepted" and second["摸底户.xlsx", DAY] == "superseded"


@pytest.mark.slow
def test_what_a_narrower_rule_would_miss_is_said(home: Path, tmp_path: Path) -> None:
    narrow = rule(tmp_path / "narrow", "where surveyed.yearly_income_fen < 0")
    everybody, here = backtest(home, narrow, DAY, NEXT)["rules"]
    assert (everybody["before"], everybody["after"], everybody["added"], everybody["dropped"]) == (4, 0, 0, 4)
    assert everybody["found_of_dropped"] == {"right": 1, "wrong": 1, "unknown": 2}
    assert everybody["precision_before"] == {"closed": 2, "precision": 0.5, "low": 0.0945, "high": 0.9055}
    assert everybody["precision_after"]["precision"] is None
    assert (here["division_code"], here["dropped"]) == ("d01", 4)


@pytest.mark.slow
def test_a_policy_value_is_tried_like_a_rule(home: Path, tmp_path: Path) -> None:
    """At 200 yuan the four are above the standard, and three of them below one and a half times as much."""
    (tmp_path / "policy").mkdir()
    text = (home / "policy/dibao.yml").read_text(encoding="utf-8")
    assert "area: 城市, value: 740" in text
    (tmp_path / "policy/dibao.yml").write_text(
        text.replace("area: 城市, value: 740", "area: 城市, value: 200"), encoding="utf-8"
    )
    before = (
        ask(home, "select * from warning order by all"),
        sorted(path.name for path in (home / "releases").iterdir()),
    )
    shown = CliRunner().invoke(
        monitor,
        ["--home", str(home), "backtest", str(tmp_path), "--from", str(DAY), "--to", str(NEXT), "--json"],
        catch_exceptions=False,
    )
    result = json.loads(shown.output)
    moved = {
        line["rule_code"]: (line["added"], line["dropped"])
        for line in result["rules"]
        if line["division_code"] == "all"
    }
    assert moved == {"A01": (0, 4), "A02": (4, 0)}
    assert result["changes"] == ["policy/dibao.yml"]
    assert before == (
        ask(home, "select * from warning order by all"), sorted(path.name for path in (home / "releases").iterdir())
    )  # fmt: skip
    words = (
        CliRunner()
        .invoke(monitor, ["--home", str(home), "backtest", str(tmp_path), "--from", str(DAY), "--to", str(NEXT)])
        .output
    )
    assert "改后会漏掉 1 个已经查实或帮到的对象" in words and number(11) not in words


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ({"a01.sql": "select person_id as person_id from accepted.pension"}, "不得使用 pension"),
        ({"a01.yml": "code: A01\nlevel: pink\n"}, "a01.yml"),
        ({"policy/dibao.yml": "dibao_standard: {}\n"}, "policy/dibao.yml"),
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
    with pytest.raises(MonitorError, match="没有跑完的夜间任务"):
        backtest(home, rule(tmp_path / "r", WHERE), LATER, LATER)


def test_precision_counts_what_people_closed() -> None:
    assert precision(["unknown", "source"])["precision"] is None
    assert precision(["right"] * 3) == {"closed": 3, "precision": 1.0, "low": 0.4385, "high": 1.0}
    assert precision(["wrong"] * 3 + ["source"]) == {"closed": 3, "precision": 0.0, "low": 0.0, "high": 0.5615}
