"""Who is who where no number proves it: what is offered, what a decision changes, and that nothing joins by itself."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from low_income import warehouse
from low_income.warehouse import likeness

from tests import sql_kit
from tests.likeness_kit import BORN, ME, TWIN, aside, whole, wrong
from tests.night_kit import number

pytestmark = pytest.mark.slow

NIGHT = date(2026, 10, 31)
ROSTERS: list[tuple[str, dict[str, Any]]] = [
    ("dibao_person", {"id_number": number(101), "name": "旁人甲"}),
    ("tekun_person", {"id_number": number(103), "name": "旁人乙"}),
    ("edge_person", {"id_number": number(105), "name": "旁人丙"}),
]
SURVEYED: tuple[str, dict[str, Any]] = (
    "survey_household",
    {"head_id_number": ME, "head_name": "张三", "household_no": "H1", "household_size": 1, "yearly_income_fen": 100},
)


def decided(left: str, right: str, decision: str) -> tuple[str, dict[str, Any]]:
    return "input.identity_decision", {"left_ref": left, "right_ref": right, "decision": decision}


def inputs(*rows: tuple[str, dict[str, Any]]) -> warehouse.Inputs:
    collected = sql_kit.Given(NIGHT)
    for table, row in [*ROSTERS, *rows]:
        collected.add(table, row)
    for row in collected.unproven.get("dibao_person", []):
        if row["head_person_id"] == "-":
            row |= {"head_person_id": None, "head_id_number": None, "head_id_number__text": None}
    return collected.inputs()


def ask(table: str, *rows: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return warehouse.ask(inputs(*rows), sql_kit.models_of(), table, limits=sql_kit.LIMITS).to_pylist()


def offered(*rows: tuple[str, dict[str, Any]]) -> list[tuple[str, str, str]]:
    return sorted((row["left_ref"], row["right_ref"], row["reason"]) for row in ask("registry.suggestion", *rows))


# likeness --------------------------------------------------------------------------------------------------------


def test_edits_between_numbers() -> None:
    swapped = ME[:15] + ME[16] + ME[15] + ME[17]
    left = [ME, wrong(ME), swapped, ME[:5] + ME[6:], wrong(wrong(ME, 3), 9), wrong(wrong(wrong(ME, 3), 9), 12), None]
    assert list(likeness.edits(left, [ME] * len(left))) == [0, 1, 1, 1, 2, 3, 3]
    assert list(likeness.edits([], [])) == []


def test_reasons_show_where_the_numbers_differ_and_no_digit_of_them() -> None:
    swapped = ME[:15] + ME[16] + ME[15] + ME[17]
    assert likeness.reason({"number"}, wrong(ME, 4), ME) == "姓名、出生日期相同；号码只有第5位不同"
    assert likeness.reason({"number", "phone"}, swapped, ME).endswith("号码第16、17位互换了")
    assert likeness.reason({"number"}, ME[:-1], ME).endswith("号码少了一位")
    assert likeness.reason({"phone"}, None, ME).endswith("这一行没有号码")


def test_the_score_grows_with_what_agrees() -> None:
    by_number = likeness.score({"number"}, 1)
    assert Decimal(0) < likeness.score({"phone"}, 3) < by_number < likeness.score({"number", "phone"}, 1) <= Decimal(1)


# what is offered -------------------------------------------------------------------------------------------------


def test_a_number_one_edit_away_is_offered_two_are_not() -> None:
    rows = [aside(3), aside(4, number=ME[:15] + ME[16] + ME[15] + ME[17]), aside(5, number=wrong(wrong(ME), 15))]
    found = offered(SURVEYED, *rows)
    assert [left for left, _, _ in found] == ["S#x#3", "S#x#4"]
    assert {right for _, right, _ in found} == {ME}


def test_another_name_or_birth_date_is_not_offered() -> None:
    assert offered(SURVEYED, aside(3, name="张四"), aside(4, birth_date="1986-05-02", number_birth_date=None)) == []


def test_a_wrong_digit_in_the_birth_date_is_found_by_the_birth_date_that_the_row_tells() -> None:
    typed = ME[:13] + "2" + ME[14:]
    found = offered(SURVEYED, aside(3, number=typed, birth_date=BORN, number_birth_date="1986-05-02"))
    assert found == [("S#x#3", ME, "姓名、出生日期相同；号码只有第14位不同")]


def test_a_damaged_number_is_offered_when_its_beginning_is_one_persons_of_another_list() -> None:
    damaged = {"number_state": "damaged", "number": ME[:15] + "000", "birth_date": None}
    assert [pair[:2] for pair in offered(SURVEYED, aside(3, **damaged))] == [("S#x#3", ME)]
    like_me = number(2)
    assert like_me[:15] == ME[:15]
    another = ("survey_household", SURVEYED[1] | {"head_id_number": like_me, "household_no": "H2"})
    assert offered(SURVEYED, another, aside(3, **damaged)) == [], "two people begin like this: nobody knows which"
    own_list = ("survey_household", SURVEYED[1] | {"submission_id": "S"})
    assert offered(own_list, aside(3, **damaged, kind="survey_household", period=None)) == [], (
        "only its own list names him"
    )


def test_the_same_telephone_is_offered_with_and_without_a_number() -> None:
    phone = {"phone": "199000 12345"}
    listed = ("survey_household", SURVEYED[1] | {"phone": "19900012345"})
    found = offered(
        listed, aside(3, number=None, number_state="missing", **phone), aside(4, number=None, number_state="missing")
    )
    assert [pair[:2] for pair in found] == [("S#x#3", ME)]


def test_two_people_of_one_name_birth_date_and_telephone_are_offered_to_be_one() -> None:
    one = ("survey_household", SURVEYED[1] | {"phone": "19900012345", "id_birth_date": BORN})
    other = ("dibao_person", {"id_number": TWIN, "name": "张 三", "phone": "19900012345", "id_birth_date": BORN})
    assert [pair[:2] for pair in offered(one, other)] == [(min(ME, TWIN), max(ME, TWIN))]
    assert offered(one, ("dibao_person", other[1] | {"phone": "19900054321"})) == []


def test_a_partners_row_is_compared_with_people_in_help_scope_only() -> None:
    row = aside(3, kind="medical_expense", unit_code="medical_insurance", period=None)
    assert [pair[:2] for pair in offered(SURVEYED, row)] == [("S#x#3", ME)]
    by_partner = ("disability_certificate", {"id_number": ME, "name": "张三"})
    assert offered(by_partner, row) == []


def test_a_row_of_a_roster_that_is_no_longer_in_use_is_not_offered() -> None:
    assert offered(SURVEYED, aside(3, period="2026-09")) == []


# what a decision changes -----------------------------------------------------------------------------------------


def dibao_answer(*rows: tuple[str, dict[str, Any]]) -> str:
    found = ask("registry.registry_check", SURVEYED, aside(), whole(), *rows)
    return next(str(row["answer"]) for row in found if (row["person_id"], row["registry"]) == (ME, "dibao"))


def test_a_decision_settles_whether_somebody_is_enrolled() -> None:
    assert dibao_answer() == "cannot_tell"
    assert dibao_answer(decided("S#x#3", ME, "cannot_tell")) == "cannot_tell"
    assert dibao_answer(decided("S#x#3", ME, "same")) == "enrolled"
    assert dibao_answer(decided("S#x#3", ME, "not_same")) == "not_enrolled"


def test_a_suggestion_says_what_a_decision_would_change() -> None:
    (found,) = ask("main.duplicate_suggestion", SURVEYED, aside(), whole())
    assert found["consequence"] == "若不是：列出A01收入低于低保标准未纳入（红色）。"
    assert (found["weight"], found["decision"], found["division_code"]) == (1000, None, "d01")
    assert ME not in str({key: value for key, value in found.items() if key != "right_ref"})
    (found,) = ask("main.duplicate_suggestion", SURVEYED, aside(), whole(), decided("S#x#3", ME, "not_same"))
    assert found["consequence"] == "若是同一人：撤回A01收入低于低保标准未纳入（红色）。"


def test_a_row_with_other_faults_says_so_and_joins_nobody() -> None:
    rows = (SURVEYED, aside(is_unproven=False), decided("S#x#3", ME, "same"))
    (found,) = ask("main.duplicate_suggestion", *rows)
    assert found["consequence"].endswith("这一行另有错误，改正重报后才能并入。")
    assert [row["person_id"] for row in ask("registry.enrolment", *rows) if row["registry"] == "dibao"] == [number(101)]


def test_suggestions_across_divisions_are_the_bureaus() -> None:
    elsewhere = ("survey_household", SURVEYED[1] | {"unit_code": "d02"})
    (found,) = ask("main.duplicate_suggestion", elsewhere, aside(), whole())
    assert found["division_code"] == "bureau"


TABLES = ("registry.person", "registry.enrolment", "registry.registry_check", "registry.identity")


def state(*rows: tuple[str, dict[str, Any]]) -> dict[str, list[str]]:
    queries = {table: f"select * from {table} order by all" for table in (*TABLES, "main.record_link")}
    found = warehouse.ask_for(inputs(*rows), sql_kit.models_of(), queries, limits=sql_kit.LIMITS)
    return {table: [str(row) for row in rows.to_pylist()] for table, rows in found.items()}


def test_a_reversed_decision_restores_the_earlier_state() -> None:
    rows = (SURVEYED, aside(), whole())
    before, joined = state(*rows), state(*rows, decided("S#x#3", ME, "same"))
    assert len(joined["main.record_link"]) == len(before["main.record_link"]) + 1
    assert state(*rows, decided("S#x#3", ME, "cannot_tell")) == before


def test_nobody_is_put_twice_on_a_list() -> None:
    there = ("dibao_person", {"id_number": ME, "name": "张三"})
    enrolled = ask("registry.roster_person", there, aside(), whole(), decided("S#x#3", ME, "same"))
    assert [row["person_id"] for row in enrolled if row["registry"] == "dibao"].count(ME) == 1
    two = (SURVEYED, aside(3), whole(3), aside(4), whole(4), decided("S#x#3", ME, "same"), decided("S#x#4", ME, "same"))
    enrolled = ask("registry.roster_person", *two)
    assert [row["person_id"] for row in enrolled if row["registry"] == "dibao"].count(ME) == 1


def test_two_people_said_to_be_one_are_counted_once_and_come_apart_again() -> None:
    rows = (SURVEYED, ("dibao_person", {"id_number": TWIN, "name": "张三"}))
    left, right = sorted((ME, TWIN))
    people = {row["person_id"] for row in ask("registry.person", *rows, decided(left, right, "same"))}
    assert right in people
    assert left not in people
    listed = {row["person_id"] for row in ask("registry.enrolment", *rows, decided(left, right, "same"))}
    assert right in listed
    both = (*rows, ("dibao_person", {"id_number": ME, "name": "张三"}))
    enrolled = ask("registry.roster_person", *both, decided(left, right, "same"))
    assert [row["person_id"] for row in enrolled if row["registry"] == "dibao"].count(right) == 1


def test_moving_somebody_to_his_other_head_flips_or_does_not() -> None:
    head = {
        "head_id_number": ME,
        "head_name": "张三",
        "household_no": "H1",
        "household_size": 2,
        "yearly_income_fen": 100,
    }
    child = ("survey_person", {"id_number": TWIN, "name": "张小", "household_no": "H1", "relation": "子"})
    other = ("dibao_person", {"id_number": number(101), "name": "旁人甲"})
    kept = ("dibao_person", {"id_number": TWIN, "name": "张小", "head_id_number": number(101), "relation": "子"})
    rows = (("survey_household", head), child, other, kept)
    (found,) = ask("main.composition_conflict", *rows[:2], kept)
    assert (found["kept_head_id"], found["other_head_id"], found["flips"]) == (number(101), ME, True)
    rich = ("survey_household", head | {"yearly_income_fen": 100_000_000})
    (found,) = ask("main.composition_conflict", rich, child, kept)
    assert found["flips"] is False


# nothing by itself -----------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["张三", "张 三", "李四"])
SERIALS = st.integers(1, 4)


@st.composite
def lists(draw: st.DrawFn) -> list[tuple[str, dict[str, Any]]]:
    rows: list[tuple[str, dict[str, Any]]] = []
    for at, serial in enumerate(draw(st.lists(SERIALS, min_size=1, max_size=6, unique=True))):
        kind = draw(st.sampled_from(["dibao_person", "tekun_person"]))
        rows.append(
            (kind, {"id_number": number(serial), "name": draw(NAMES), "phone": "19900012345", "row_id": f"A#{at}"})
        )
    for at in range(draw(st.integers(1, 4))):
        like = number(draw(SERIALS))
        text = draw(st.sampled_from([wrong(like), wrong(like, 15), like[:15] + "000", like]))
        rows.append(aside(at, name=draw(NAMES), number=text, phone="19900012345", number_state="damaged"))
        rows.append(whole(at))
    return rows


@given(rows=lists())
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_merges_by_itself_without_a_verified_number(rows: list[tuple[str, dict[str, Any]]]) -> None:
    accepted = {
        row["id_number"] for table, row in [*ROSTERS, *rows] if table in ("dibao_person", "tekun_person", "edge_person")
    }
    queries = {"registry.identity": "select person_id from registry.identity", "main.record_link": "select person_id, identity_state from main.record_link"}  # fmt: skip # noqa: E501
    found = warehouse.ask_for(inputs(*rows), sql_kit.models_of(), queries, limits=sql_kit.LIMITS)
    assert sorted(found["registry.identity"].column(0).to_pylist()) == sorted(accepted)
    links: pa.Table = found["main.record_link"]
    assert set(links.column("identity_state").to_pylist()) <= {"verified", "upgraded"}
    assert links.num_rows == sum(
        table in ("dibao_person", "tekun_person", "edge_person") for table, _ in [*ROSTERS, *rows]
    )


@pytest.mark.parametrize("decision", [None, "not_same", "cannot_tell"])
def test_only_the_decision_same_joins(decision: str | None) -> None:
    rows = [SURVEYED, aside(), whole(), *([decided("S#x#3", ME, decision)] if decision else [])]
    assert {row["identity_state"] for row in ask("main.record_link", *rows)} == {"verified"}
