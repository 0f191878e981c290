"""Every example beside every model and card of sql/."""

import json

import pytest
import sql_kit

from pipeline import warehouse
from pipeline.warehouse.models import EVERY, Card, Example


@pytest.mark.parametrize(
    ("table", "example"), [pytest.param(*pair, id=f"{pair[0]}: {pair[1].name}") for pair in sql_kit.examples()]
)
def test_example(table: str, example: Example) -> None:
    assert sql_kit.run(table, example) == []


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


def test_freshness_names_the_rosters_on_which_the_person_stands() -> None:
    """Of reviews those of the evidence, in whichever division; of "not in" those of the own division that were asked."""
    given = {
        "dibao_person": [{"id_number": "甲"}, {"id_number": "乙"}, {"id_number": "乙", "unit_code": "d02"}],
        "tekun_person": [{"id_number": "甲", "unit_code": "d02", "period": "2026-09"}],
        "edge_person": [{"id_number": "旁人"}],
    }
    example = Example(name="", night="2026-10-31", given=given, expect=[])  # type: ignore[arg-type]
    rows = warehouse.ask(sql_kit.inputs(example), sql_kit.models_of(), EVERY, limits=sql_kit.LIMITS).to_pylist()
    told = {
        row["rule_code"]: [
            (each["registry"], each["unit_code"], each["period"]) for each in json.loads(row["freshness"])["registries"]
        ]
        for row in rows
        if row["rule_code"] in ("B02", "B03")
    }
    assert told == {
        "B02": [("dibao", "d01", "2026-10"), ("tekun", "d02", "2026-09")],
        "B03": [("dibao", "d01", "2026-10"), ("dibao", "d02", "2026-10")],
    }
