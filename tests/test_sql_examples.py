"""Every example beside every model and card of sql/."""

import json
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from low_income import warehouse
from low_income.model import ModelError
from low_income.warehouse.models import EVERY, Card, Example

from tests import sql_kit


@pytest.mark.parametrize(
    ("table", "example"), [pytest.param(*pair, id=f"{pair[0]}: {pair[1].name}") for pair in sql_kit.examples()]
)
def test_example(table: str, example: Example) -> None:
    assert sql_kit.run(table, example) == []


def test_every_published_table_has_examples() -> None:
    published = sql_kit.models_of().published
    assert [name for name, about in published.items() if not about.examples] == []


def test_every_model_of_the_registry_and_of_the_life_of_a_warning_has_examples() -> None:
    """None is excepted: a table that a model reads and that is hard to bring about can be given (tests/sql_kit.py)."""
    models = sql_kit.models_of().models
    asked = [name for name in models if name.startswith(("registry.", "life."))]
    assert len(asked) > 90
    assert [name for name in asked if not getattr(models[name].about, "examples", [])] == []


def life_gone(given: dict[str, list[dict[str, Any]]], *expect: str | dict[str, Any]) -> list[str]:
    """What differs where `life.withdrawn` is asked on these rows."""
    return sql_kit.run("life.withdrawn", Example(name="", night=date(2026, 10, 31), given=given, expect=list(expect)))


def test_a_table_that_a_build_makes_can_be_given_instead_with_the_types_of_the_real_one() -> None:
    opened = {"warning_id": "w", "status": "open", "first_seen_on": "2026-10-01"}
    assert (
        life_gone({"life.before": [opened], "main.warning": []}, {"warning_id": "w", "first_seen_on": "2026-10-01"})
        == []
    )
    assert life_gone({"life.before": [opened], "main.warning": [{"warning_id": "w"}]}) == []
    with pytest.raises(pa.ArrowInvalid):
        life_gone({"life.before": [{"warning_id": "w", "first_seen_on": "上周"}]})


def test_a_given_table_that_has_no_such_column_is_refused() -> None:
    with pytest.raises(ModelError, match=r"life\.before 没有这些列：state"):
        life_gone({"life.before": [{"warning_id": "w", "state": "open"}]})


def test_the_example_of_a_rule_is_made_of_rows_alone() -> None:
    """Its first positive one is asked every night, on everything that the rule is made from."""
    example = Example(name="", night=date(2026, 10, 31), given={"registry.person": []}, expect=[])
    with pytest.raises(ModelError, match="规则的例子只能给名单"):
        sql_kit.run("warnings.a01", example)


CARDS = [about for _, about in sorted(sql_kit.models_of().cards.items())]


@pytest.mark.parametrize("card", CARDS, ids=[card.code for card in CARDS])
def test_what_fires_can_be_told(card: Card) -> None:
    """Its reason is a whole sentence, each fact is shown with its cell, and the policy that it asks is cited."""
    example = next(example for example in card.examples if example.expect)
    rows = warehouse.ask(sql_kit.inputs(example), sql_kit.models_of(), EVERY, limits=sql_kit.LIMITS).to_pylist()
    found = [row for row in rows if row["rule_code"] == card.code]
    assert len(found) == len(example.expect)
    for row in found:
        assert "{" not in row["reason"]
        assert row["level"] in card.levels
        shown = {fact["fact"] for fact in json.loads(row["evidence"])}
        assert shown, "a warning rests on something"
        assert shown <= {item.fact for item in card.evidence}
        assert all(fact["file_name"] and fact["row"] for fact in json.loads(row["evidence"]))
        assert {value["key"] for value in json.loads(row["policy"])} == set(card.reads_policy)


def rosters_told(given: dict[str, Any], *codes: str) -> dict[str, set[tuple[Any, ...]]]:
    """Rule → (registry, unit, period, whether current, whether the warning rests on it) of its one warning on 2026-10-31."""
    example = Example(name="", night="2026-10-31", given=given, expect=[])  # type: ignore[arg-type]
    rows = warehouse.ask(sql_kit.inputs(example), sql_kit.models_of(), EVERY, limits=sql_kit.LIMITS).to_pylist()
    keys = ("registry", "unit_code", "period", "is_current", "is_evidence")
    return {
        row["rule_code"]: {tuple(each[key] for key in keys) for each in json.loads(row["freshness"])["registries"]}
        for row in rows
        if row["rule_code"] in codes
    }


def test_freshness_says_on_which_roster_an_assistance_warning_rests_however_old() -> None:
    """Five months old, and of another division; beside it those that were asked of the own division."""
    old = {"period": "2026-05"}
    given = {
        "dibao_person": [
            {"id_number": "学生", "id_birth_date": "2014-01-01", **old},
            {"id_number": "病人", **old},
            {"id_number": "遗属", "id_birth_date": "1980-01-01", **old},
            {"id_number": "亡人", "head_id_number": "遗属", "relation": "配偶", "id_birth_date": "1980-01-01", **old},
        ],
        "edge_person": [
            {"id_number": "失业", "id_birth_date": "1980-01-01", "unit_code": "d02", **old},
            {"id_number": "旁人"},
        ],
        "student_status": [{"id_number": "学生", "enrolment_status": "辍学", "status_on": "2026-09-10"}],
        "medical_expense": [{"id_number": "病人", "burden_fen": 600000, "settled_on": "2026-09-01"}],
        "death_notice": [{"id_number": "亡人", "died_on": "2026-10-01"}],
        "unemployment": [{"id_number": "失业", "registered_on": "2026-10-01"}],
    }
    dibao, edge, tekun = (
        ("dibao", "d01", "2026-05", False, True), ("edge", "d01", "2026-10", True, False), ("tekun", "d01", None, False, False)
    )  # fmt: skip
    assert rosters_told(given, "A04", "A06", "A07", "A09") == {
        "A04": {dibao, edge, tekun}, "A06": {("edge", "d02", "2026-05", False, True)}, "A07": {dibao, edge, tekun}, "A09": {dibao, edge},
    }  # fmt: skip


def test_freshness_names_the_rosters_that_were_asked_of_somebody_on_none() -> None:
    given = {
        "dibao_person": [{"id_number": "旁人", "period": "2026-09"}],
        "tekun_person": [{"id_number": "旁人"}],
        "edge_person": [{"id_number": "旁人"}, {"id_number": "邻人", "unit_code": "d02"}],
        "survey_household": [
            {"head_id_number": "病人", "household_no": "H1", "yearly_income_fen": 100, "household_size": 2}
        ],
        "survey_person": [{"id_number": "病人", "household_no": "H1", "relation": "户主"}],
        "temporary_grant": [
            {"id_number": "病人", "application_no": f"G{day}", "result": "同意", "granted_on": f"2026-0{day}-10"}
            for day in (4, 5, 6)
        ],
        "medical_expense": [{"id_number": "病人", "burden_fen": 1600000, "settled_on": "2026-09-01"}],
    }
    dibao, tekun, edge = (
        ("dibao", "d01", "2026-09", True, False), ("tekun", "d01", "2026-10", True, False), ("edge", "d01", "2026-10", True, False)
    )  # fmt: skip
    assert rosters_told(given, "A01", "A04", "A10") == {
        "A01": {dibao, tekun},
        "A04": {dibao, tekun, edge},
        "A10": {dibao, tekun, edge},
    }


def test_a_roster_that_somebody_left_is_asked_and_is_no_longer_what_the_warning_rests_on() -> None:
    given = {
        "dibao_person": [{"id_number": "病人", "period": "2026-03"}, {"id_number": "旁人"}],
        "tekun_person": [{"id_number": "旁人"}],
        "medical_expense": [{"id_number": "病人", "burden_fen": 600000, "settled_on": "2026-09-01"}],
    }
    assert rosters_told(given, "A13")["A13"] == {
        ("dibao", "d01", "2026-10", True, False), ("tekun", "d01", "2026-10", True, False),
    }  # fmt: skip


def test_freshness_of_a_review_names_the_rosters_of_its_evidence_in_whichever_division() -> None:
    given = {
        "dibao_person": [{"id_number": "甲"}, {"id_number": "乙"}, {"id_number": "乙", "unit_code": "d02"}],
        "tekun_person": [{"id_number": "甲", "unit_code": "d02", "period": "2026-09"}],
        "edge_person": [{"id_number": "旁人"}],
    }
    assert rosters_told(given, "B02", "B03") == {
        "B02": {("dibao", "d01", "2026-10", True, True), ("tekun", "d02", "2026-09", True, True)},
        "B03": {("dibao", "d01", "2026-10", True, True), ("dibao", "d02", "2026-10", True, True)},
    }
