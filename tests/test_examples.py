"""Canaries: every rule finds its invented household before a release is built, and one that does not is named."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from low_income import warehouse
from low_income.model import ModelError, MonitorError, PublishRefused
from low_income.night import build, run
from low_income.warehouse import engines, examples
from low_income.warehouse.models import Models

from tests import sql_kit
from tests.night_kit import DAY, few_divisions, new_home
from tests.warehouse_kit import POOR, POOR_CARD, models_with

CARD = POOR_CARD.replace("yields_to: [X02]", "")


def test_a_new_rule_has_its_canary_without_registration(tmp_path: Path) -> None:
    assert examples.silent_rules(models_with(tmp_path / "sql", {"x01": (POOR, CARD)})) == []


@pytest.mark.parametrize("change", [("< 100000", "< 1"), ("'not_enrolled'", "'no_answer'")])
def test_a_rule_that_finds_nobody_is_named(tmp_path: Path, change: tuple[str, str]) -> None:
    sql = POOR.replace(*change)
    assert sql != POOR
    assert examples.silent_rules(models_with(tmp_path / "sql", {"x01": (sql, CARD)})) == ["X01"]


def test_the_release_is_refused_and_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = new_home(tmp_path / "home")
    monkeypatch.setattr(examples, "silent_rules", lambda models: ["A05", "C01"])
    run.collect(home, DAY)
    with pytest.raises(PublishRefused, match="规则 A05、C01 没有找出为它虚构的样例户"):
        run.build(home, DAY)
    assert not (home / "warehouse.duckdb").exists()


def _other_kinds(models: Models, monkeypatch: pytest.MonkeyPatch) -> Models:
    kind = models.kinds["dibao_person"]
    return replace(models, kinds=models.kinds | {"dibao_person": kind.model_copy(update={"title": "别的"})})


def _other_policy(models: Models, monkeypatch: pytest.MonkeyPatch) -> Models:
    known = examples._policies()
    less = replace(known, values=known.values[1:])
    monkeypatch.setattr(examples, "_policies", lambda: less)
    return models


def _other_given(models: Models, monkeypatch: pytest.MonkeyPatch) -> Models:
    monkeypatch.setitem(warehouse.INPUT, "unit", warehouse.INPUT["unit"] | {"more": "VARCHAR"})
    return models


def _other_engine(models: Models, monkeypatch: pytest.MonkeyPatch) -> Models:
    monkeypatch.setitem(engines.VERSIONS, "duckdb", "0.0.1")
    return models


@pytest.mark.parametrize("change", [_other_kinds, _other_policy, _other_given, _other_engine])
def test_what_rules_stand_on_has_a_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Models, pytest.MonkeyPatch], Models]
) -> None:
    models = models_with(tmp_path / "sql", {"x01": (POOR, CARD)})
    before = examples.version(models)
    assert examples.version(models) == before
    assert examples.version(change(models, monkeypatch)) != before


@pytest.mark.parametrize(
    "rule", [(POOR.replace("< 100000", "< 100001"), CARD), (POOR, CARD.replace("收入可能有变", "收入会变"))]
)
def test_a_changed_query_or_card_has_another_version(tmp_path: Path, rule: tuple[str, str]) -> None:
    assert rule != (POOR, CARD)
    before = examples.version(models_with(tmp_path / "sql", {"x01": (POOR, CARD)}))
    assert examples.version(models_with(tmp_path / "sql", {"x01": rule})) != before


def test_a_changed_line_of_the_program_has_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "room").mkdir()
    file = tmp_path / "room/module.py"
    file.write_text("A = 1")
    monkeypatch.setattr(examples, "_PACKAGE", tmp_path)
    models = sql_kit.models_of()
    before = examples.version(models)
    file.write_text("A = 2")
    assert examples.version(models) != before


class Canaries:
    """In place of asking: what is found, and how often it was asked. `version` in place of the digest of all they depend on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.version, self.silent, self.asked = "one", list[str](), 0
        monkeypatch.setattr(examples, "silent_rules", lambda models: self._ask())
        monkeypatch.setattr(examples, "version", lambda models: self.version)

    def _ask(self) -> list[str]:
        self.asked += 1
        return self.silent

    def asked_in(self, home: Path, day: int) -> bool:
        """Whether a night asks, in a process that knows nothing of nights before."""
        before = self.asked
        build.found_sound.clear()
        run.night(home, DAY + timedelta(days=day))
        return self.asked > before


def test_rules_are_asked_again_when_something_changed_and_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, canaries = few_divisions(new_home(tmp_path / "home")), Canaries(monkeypatch)
    assert [canaries.asked_in(home, day) for day in (0, 1, 2)] == [True, False, False]
    canaries.version, canaries.silent = "two", ["A05"]
    for _ in range(2):
        with pytest.raises(PublishRefused, match="规则 A05 没有找出"):
            canaries.asked_in(home, 3)
    canaries.silent = []
    assert [canaries.asked_in(home, day) for day in (3, 4)] == [True, False]


def test_an_answer_in_a_changed_journal_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, canaries = few_divisions(new_home(tmp_path / "home")), Canaries(monkeypatch)
    assert canaries.asked_in(home, 0)
    canaries.version = "two"
    journal = home / "journal.jsonl"
    lines = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    told = next(line for line in lines if line["what"] == "published")
    told["sealed"] = next(line for line in lines if line["what"] == "released")["sealed"]
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    with pytest.raises(MonitorError, match=f"日志第 {told['seq']} 行被改动"):
        canaries.asked_in(home, 1)


def test_a_step_that_runs_alone_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has not examined the journal."""
    home, canaries = few_divisions(new_home(tmp_path / "home")), Canaries(monkeypatch)
    assert canaries.asked_in(home, 0)
    asked = canaries.asked
    run.collect(home, DAY + timedelta(days=1))
    run.build(home, DAY + timedelta(days=1))
    assert canaries.asked == asked + 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("dibao_person: [{id_number: 旁}]", "dibao: [{id_number: 旁}]"), "没有 dibao 这个数据种类"),
        (("[{id_number: 旁}]", "[{number: 旁}]"), "dibao_person 没有 number 这一列"),
        (("[{id_number: 旁}]", "[{name: 旁}]"), "dibao_person：要写 id_number（或 person_id），说明是谁的一行"),
        (("dibao_person: [{id_number: 旁}]", "input.no: [{id_number: 旁}]"), "没有 input.no 这张表"),
        (("dibao_person: [{id_number: 旁}]", "input.unit: [{number: 旁}]"), "input.unit 没有 number 这一列"),
        (("yearly_income_fen: 1}", "yearly_income_fen: 一元}"), "有一行的值算不出来"),
    ],
)
def test_a_wrong_example_is_told_with_its_card_and_its_name(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    models = models_with(tmp_path / "sql", warnings__x01=(POOR, POOR_CARD.replace(*change)))
    example = next(card for card in models.cards.values() if card.code == "X01").examples[0]
    with pytest.raises(ModelError) as refused:
        examples.differences(models, "warnings.x01", example)
    assert str(refused.value).startswith(f"warnings/x01.yml:examples（低）：{said}")
