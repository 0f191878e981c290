"""Canaries: every rule finds its invented household each night, and one that does not is named."""

from pathlib import Path

import pytest
from low_income.model import ModelError, PublishRefused
from low_income.night import run
from low_income.warehouse import examples

from tests.night_kit import DAY, new_home
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
