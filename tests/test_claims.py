"""What the list of another division claims about somebody: until a person has decided, nothing changes where he lives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from test_identity_decisions import after_the_first, answer, first_of
from test_life import after
from test_warehouse import POOR, POOR_CARD, ROSTERS, Nights, given, models_with, survey

pytestmark = pytest.mark.slow

HEADS = {"甲": "张三", "乙": "李四", "丙": "王五", "丁": "赵六"}
"""Heads of four poor households of d01, and how they are called."""


def lists(**more: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What d01 sends, and `more` rows of each kind beside it."""
    own = {
        "survey_household": survey(*({"head_id_number": who, "head_name": name} for who, name in HEADS.items())),
        **ROSTERS,
    }
    return {kind: [*own.get(kind, []), *more.get(kind, [])] for kind in own | more}


CLAIMS: dict[str, dict[str, list[dict[str, Any]]]] = {
    "a number under an invented name": {
        "dibao_person": [{"id_number": "甲", "name": "假三", "unit_code": "d02", "start_month": "2026-10"}],
        "edge_person": [{"id_number": "乙", "name": "假四", "unit_code": "d02"}],
        "tekun_person": [{"id_number": "丙", "name": "假五", "unit_code": "d02"}],
    },
    "members tied to his number, the household under an invented name": {
        "dibao_household": [{"head_id_number": "甲", "head_name": "假三", "unit_code": "d02", "start_month": "2026-10"}],
        "dibao_person": [{"id_number": "子", "head_id_number": "甲", "relation": "子", "unit_code": "d02"}],
    },
    "members tied to his number alone": {
        "dibao_person": [{"id_number": "子", "head_id_number": "甲", "relation": "子", "unit_code": "d02"}],
        "edge_person": [{"id_number": "丑", "head_id_number": "乙", "relation": "子", "unit_code": "d02"}],
    },
    "a row that was set aside": {
        "house__set_aside": [
            {"row_id": "Z#a#2", "submission_id": "Z", "kind": "dibao_person", "unit_code": "d02", "period": "2026-10",
             "sheet": "a", "row_number": 2, "name": "假三", "reason": "x", "person_id": "甲", "number_state": "verified"},
        ],
        "house__submission": [
            {"submission_id": "Z", "unit_code": "d02", "kind": "dibao_person", "file_name": "z.xlsx", "period": "2026-10",
             "status": "partly_accepted", "received_seq": 99, "night": str(after(1))},
        ],
    },
}  # fmt: skip

OF_D01 = {
    "people": "select person_id, name, household_id, division_code from person where person_id in ('甲', '乙', '丙', '丁')",
    "households": "select * from household where household_id in ('户甲', '户乙', '户丙', '户丁')",
    "members": "select household_id, person_id from household_member where household_id in ('户甲', '户乙', '户丙', '户丁')",
    "open warnings": "select warning_id, level, division_code, status, reason from warning where status <> 'closed'",
    "withdrawn": "select warning_id from warning_withdrawn",
}  # fmt: skip


def of_d01(nights: Nights) -> dict[str, list[tuple[Any, ...]]]:
    return {what: nights.rows(f"{query} order by all") for what, query in OF_D01.items()}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    """The night before any claim, with a rule that lists a household where it lives."""
    living = (
        POOR.replace("survey_household.unit_code", "household.division_code").replace("house.identity", "registry.person")
        .replace("where ", "inner join registry.household as household on identity.household_id = household.household_id where ")
    )  # fmt: skip
    models = models_with(
        tmp_path_factory.mktemp("claims") / "sql", {"x01": (living, POOR_CARD.replace("yields_to: [X02]", ""))}
    )
    yield from first_of(models, lists())


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_list_of_another_division_changes_nothing_where_somebody_lives(first: Nights, claim: str) -> None:
    before = of_d01(first)
    assert len(before["open warnings"]) == len(before["people"]) == len(before["households"]) == 4
    nights = after_the_first(first)
    nights.night(given(after(1), **lists(**CLAIMS[claim])))
    assert of_d01(nights) == before
    # Nor on the night after, when the claim stood on the release before.
    nights.night(given(after(2), **lists(**CLAIMS[claim])))
    assert of_d01(nights) == before


def test_why_it_is_kept_is_said_and_what_the_claim_would_change(first: Nights) -> None:
    nights = after_the_first(first)
    nights.night(given(after(1), **lists(**CLAIMS["a number under an invented name"])))
    kept = dict(nights.rows("select subject_name, remark from warning"))
    unsure = "说不准是否在册（低保），今晚无法核对，保留原预警"
    assert kept == {"张三": unsure, "李四": unsure, "王五": unsure, "赵六": None}
    told = nights.rows(
        "select person_id, kept_name, other_name, kept_unit_code, state, flips from name_conflict order by all"
    )
    assert told == [("丙", "王五", "假五", "d01", "disputed", False), ("乙", "李四", "假四", "d01", "disputed", True),
                    ("甲", "张三", "假三", "d01", "disputed", True)]  # fmt: skip
    asked = nights.rows(
        "select left_name, right_name, division_code, consequence from identity_question where about = 'name' order by all"
    )
    assert asked == [
        ("假三", "张三", "bureau", "若是同一人：撤回X01收入很低（黄色）。"),
        ("假五", "王五", "bureau", "今晚的清单不变。"),
        ("假四", "李四", "bureau", "若是同一人：转到别的区划：X01收入很低（黄色）。"),
    ]


def test_when_a_person_has_decided_the_claim_holds(first: Nights) -> None:
    nights = after_the_first(first)
    claim = {
        kind: [row | {"row_id": f"C#{kind}#2", "submission_id": f"C-{kind}", "period": "2026-10"} for row in claimed]
        for kind, claimed in CLAIMS["members tied to his number, the household under an invented name"].items()
    }
    nights.night(given(after(1), **lists(**claim)))
    assert nights.rows("select flips from name_conflict") == [(True,)]
    ((question, division),) = nights.rows(
        "select question_id, division_code from identity_question where about = 'name'"
    )
    assert division == "bureau"
    same = answer(question, "same", after(1), unit_code="bureau", night=str(after(2)))
    own = [row | {"period": "2026-10"} for row in ROSTERS["dibao_person"]]
    decided = lists(**claim) | {"dibao_person": [*own, *claim["dibao_person"]], "house__decision": [same]}
    nights.night(given(after(2), **decided))
    assert nights.rows("select person_id from household_member where household_id = '户甲' order by all") == [
        ("子",),
        ("甲",),
    ]
    assert nights.rows("select division_code from person where person_id = '甲'") == [("d02",)]
    ((because,),) = nights.rows("select because from warning_withdrawn where household_id = '户甲'")
    assert because.startswith("已在册：低保")


def test_who_moves_under_his_own_name_moves(first: Nights) -> None:
    nights = after_the_first(first)
    moved = {"dibao_person": [{"id_number": "甲", "name": "张三", "unit_code": "d02", "start_month": "2026-10"}]}
    nights.night(given(after(1), **lists(**moved)))
    assert nights.rows("select division_code from person where person_id = '甲'") == [("d02",)]
    assert nights.rows("select left(because, 6) from warning_withdrawn") == [("已在册：低保",)]
