"""Who is who, decided by people: the sheet goes out, comes back, is judged, holds, is contradicted and taken back."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import assume, settings
from hypothesis import given as given_strategy
from hypothesis import strategies as st
from low_income import warehouse
from low_income.ask.backtest import backtest
from low_income.lists.words import ANSWER_TITLES, JUDGED, QUESTION_NUMBER
from low_income.night import decisions, run
from low_income.operate import forgetting, integrity, rights
from low_income.records.ledger.decisions import DecisionFile, DecisionLine
from low_income.warehouse.models import Models

from tests.backtest_kit import WHERE, rule
from tests.decision_kit import DIBAO, HOUSEHOLD, fill_in, listed_home
from tests.identity_kit import after_the_first, answer, first_of
from tests.life_kit import after, said
from tests.likeness_kit import aside, whole
from tests.night_kit import DAY, MEDICAL, PERSON, ask, book, copy_home, differences, number, person, still
from tests.warehouse_kit import NIGHT, ROSTERS, Nights, given, survey

pytestmark = pytest.mark.slow

ME, TWIN = number(1), number(5)


# the build alone -----------------------------------------------------------------------------------------------------


def rows(*decisions: dict[str, Any], **more: list[dict[str, Any]]) -> dict[str, Any]:
    """Poor 张三, surveyed; a row of the dibao roster with his name and one other digit, so nobody can tell whether he is enrolled."""
    return {
        "survey_household": survey({"head_id_number": ME, "head_name": "张三"}),
        **ROSTERS, "input__set_aside": [aside()[1]], "unproven__dibao_person": [whole()[1] | {"id_number": ME}],
        "input__decision": list(decisions), **more,
    }  # fmt: skip


RENAMED = {"id_number": ME, "name": "章三", "row_id": "M#x#2", "submission_id": "M", "settled_on": "2026-10-01"}
"""A row with his number under another name: while that is open, nobody can tell either."""


OTHER_NAMES: dict[str, Any] = {"medical_expense": [RENAMED]} | {
    kind: [{"id_number": ME, "name": "章三"}] for kind in ("vehicle", "pension")
}


def asked(nights: Nights, about: str = "pair") -> str:
    ((question_id,),) = nights.rows(f"select question_id from identity_question where about = '{about}' and is_asked")
    return str(question_id)


@pytest.fixture(scope="module")
def plain(models: Models) -> Iterator[Nights]:
    """The night that asks about the pair alone."""
    yield from first_of(models, rows())


@pytest.fixture(scope="module")
def renamed(models: Models) -> Iterator[Nights]:
    """The night that asks about the pair and about a name; other rows under another name are of kinds that only reviews may use."""
    yield from first_of(models, rows(**OTHER_NAMES))


LISTED = "select level from warning where rule_code = 'X01' and status = 'open'"
DECISIONS = "select decision_id, state, problem from identity_decision order by all"


def test_what_is_asked_names_both_sides_and_what_an_answer_changes(renamed: Nights) -> None:
    (name, pair) = renamed.rows(
        "select about, division_code, left_name, right_name, left_kind, left_row, right_kind, consequence, first_asked_on"
        " from identity_question order by about"
    )
    assert pair[:7] == ("pair", "d01", "张三", "张三", "dibao_person", 3, "survey_household")
    assert pair[7].startswith("若不是：列出X01") and pair[8] == NIGHT
    assert name[:7] == ("name", "bureau", "章三", "张三", "medical_expense", 2, "survey_household")
    assert not [text for row in renamed.rows("select * from identity_question") for text in row if ME in str(text)
                and str(text) != ME]  # fmt: skip


def test_an_answer_holds_until_a_later_one_and_the_lists_say_so(plain: Nights) -> None:
    nights = after_the_first(plain)
    question = asked(nights)
    assert nights.rows(LISTED) == []
    no = answer(question)
    nights.night(given(after(1), **rows(no)))
    assert nights.rows(LISTED) == [("yellow",)]
    ((change, because),) = nights.rows("select change, because from warning_change")
    assert change == "added" and because.endswith("（身份判断：张三 2026-10-30“不是同一人”）")
    yes = answer(
        question, "same", after(1), decision_id="二", decided_by="李四", unit_code="bureau", night=str(after(2))
    )
    nights.night(given(after(2), **rows(no, yes)))
    assert nights.rows(LISTED) == []
    ((change, because),) = nights.rows("select change, because from warning_change")
    assert change == "withdrawn" and because.startswith("已在册：低保") and "李四 2026-10-31“是同一人”" in because
    assert nights.rows("select decision_id, state, conflict is not null from identity_decision order by all") == [
        ("一", "replaced", True), ("二", "stands", True),
    ]  # fmt: skip
    assert nights.rows("select decision, decided_by from identity_question where about = 'pair'") == [("same", "李四")]


PUBLISHED = ("person", "household", "household_member", "enrolment", "registry_check", "record_link", "name_conflict", "warning",
             "warning_list", "household_warning", "duplicate_suggestion", "monthly_statistics")  # fmt: skip


def state(nights: Nights, tables: tuple[str, ...] = PUBLISHED) -> dict[str, list[tuple[Any, ...]]]:
    return {table: nights.rows(f"select * from {table} order by all") for table in tables}


def test_taken_back_all_is_as_if_it_had_never_been(renamed: Nights) -> None:
    """Whatever was said in between: of two roads to one last word the tables are the same."""
    nights, lists = after_the_first(renamed), OTHER_NAMES
    question, name = asked(nights), asked(nights, "name")
    yes = [answer(question, "same"), answer(name, "same", decision_id="名", unit_code="bureau")]
    nights.night(given(after(1), **rows(*yes, **lists)))
    assert nights.rows("select count(*) from record_link where identity_state = 'decided'") == [(1,)]
    back = [
        answer(question, "cannot_tell", after(1), decision_id="二", night=str(after(2))),
        answer(
            name, "cannot_tell", after(1), decision_id="名二", unit_code="bureau", night=str(after(2)), received_seq=2
        ),
    ]
    nights.night(given(after(2), **rows(*yes, *back, **lists)))
    straight = after_the_first(renamed)
    straight.night(given(after(2), **rows(*back, **lists)))
    assert state(nights) == state(straight)
    assert [row[1] for row in nights.rows(DECISIONS)].count("replaced") == 2


def test_two_people_said_to_be_one_stay_asked_about_and_come_apart_again(nights: Nights, models: Models) -> None:
    twins = {
        "survey_household": survey({"head_id_number": ME, "head_name": "张三", "phone": "19900012345"}), **ROSTERS,
        "dibao_person": [*ROSTERS["dibao_person"], {"id_number": TWIN, "name": "张 三", "phone": "19900012345"}],
    }  # fmt: skip
    nights.night(given(NIGHT, **twins))
    question = asked(nights)
    yes = answer(question, "same")
    nights.night(given(after(1), **{**twins, "input__decision": [yes]}))
    assert nights.rows("select count(*) from person where name like '张%'") == [(1,)]
    assert asked(nights) == question, "so that it can be taken back"
    no = answer(question, "not_same", after(1), decision_id="二", night=str(after(2)))
    nights.night(given(after(2), **{**twins, "input__decision": [yes, no]}))
    apart = Nights(models)
    apart.night(given(after(2), **twins))
    tables = ("person", "household", "record_link", "registry_check", "enrolment", "household_member")
    assert state(nights, tables) == state(apart, tables)


def test_a_row_is_one_persons_and_both_who_said_so_are_told(nights: Nights) -> None:
    phone = {"phone": "19900012345"}
    lists = rows() | {
        "survey_household": survey(
            {"head_id_number": ME, "head_name": "张三", **phone}, {"head_id_number": TWIN, "head_name": "张三", **phone}
        ),
        "input__set_aside": [aside(number=None, number_state="missing", **phone)[1]],
    }
    nights.night(given(NIGHT, **lists))
    of_the_row = "select question_id from identity_question where left_ref like '%#%' order by right_ref"
    one, other = (row[0] for row in nights.rows(of_the_row))
    first, second = answer(one, "same"), answer(other, "same", after(1), decision_id="二", decided_by="李四")
    nights.night(given(after(1), **{**lists, "input__decision": [first, second]}))
    told = nights.rows("select decision_id, state, conflict from identity_decision order by all")
    assert told == [
        ("一", "replaced", "同一行还判断为另一个人（青禾区李四 2026-10-31）"),
        ("二", "stands", "同一行还判断为另一个人（青禾区张三 2026-10-30）"),
    ]
    assert nights.rows("select person_id from record_link where identity_state = 'decided'") == [(max(ME, TWIN),)]


def test_what_does_not_fit_changes_nothing_and_says_why(plain: Nights) -> None:
    nights = after_the_first(plain)
    question = asked(nights)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"subject": "nobody"}, "没有这个编号的身份疑问"),
        ({"unit_code": "d02"}, "不由本单位判断"),
        ({"unit_code": "traffic"}, "只有各区和市局"),
        ({"decided_on": str(after(2))}, "判断日期在将来"),
        ({"decided_on": str(after(-1))}, "早于这条疑问首次列出的日期（2026-10-30）"),
        ({"problem": "没有写理由"}, "没有写理由"),
    ]
    lines = [answer(question) | changes | {"decision_id": f"{at}"} for at, (changes, _) in enumerate(wrong)]
    nights.night(given(after(1), **rows(*lines)))
    for (_, state, why), (_, told) in zip(nights.rows(DECISIONS), wrong, strict=True):
        assert state == "misfit" and told in why
    assert nights.rows(LISTED) == []
    # Each was judged on its night; the bureau may answer for a division.
    lines.append(answer(question, unit_code="bureau", decision_id="good", night=str(after(2))))
    nights.night(given(after(2), **rows(*lines)))
    assert [state for _, state, _ in nights.rows(DECISIONS)] == ["misfit"] * 6 + ["stands"]
    assert nights.rows(LISTED) == [("yellow",)]


def test_rows_that_only_reviews_may_use_are_not_asked_about(renamed: Nights) -> None:
    assert renamed.rows("select left_kind from identity_question where about = 'name'") == [("medical_expense",)]
    assert renamed.rows("select count(*) from name_conflict where kind in ('vehicle', 'pension')") == [(2,)]
    assert not [cell for row in renamed.rows("select * from identity_question") for cell in row
                if "vehicle" in str(cell) or "pension" in str(cell)]  # fmt: skip


# answers that cannot all be true ---------------------------------------------------------------------------------------

CHAINS: list[tuple[list[tuple[str, str, str]], set[int]]] = [
    # (left, right, answer) …, and which of them join nobody
    ([("甲", "乙", "same"), ("乙", "丙", "same"), ("甲", "丙", "not_same")], {0, 1}),
    ([("甲", "乙", "same"), ("乙", "丙", "same")], set()),
    ([("甲", "乙", "same"), ("乙", "丙", "same"), ("甲", "丙", "cannot_tell")], set()),
    ([("甲", "乙", "same"), ("乙", "丙", "not_same")], set()),
    # Who hangs at the side of it, or elsewhere, is who he was said to be.
    ([("甲", "乙", "same"), ("乙", "丙", "same"), ("甲", "丙", "not_same"), ("丙", "丁", "same"), ("戊", "己", "same")], {0, 1}),
    ([("甲", "乙", "same"), ("乙", "丙", "same"), ("丙", "丁", "same"), ("甲", "丙", "not_same"), ("乙", "丁", "not_same")], {0, 1, 2}),
    # Two ways round are both in doubt.
    ([("甲", "乙", "same"), ("乙", "丙", "same"), ("甲", "丁", "same"), ("丁", "丙", "same"), ("甲", "丙", "not_same")], {0, 1, 2, 3}),
    # A row is counted as somebody who was said to be somebody of whom it is not.
    ([("S#x#3", "甲", "same"), ("甲", "乙", "same"), ("S#x#3", "乙", "not_same")], {0, 1}),
]  # fmt: skip


@pytest.mark.parametrize(("chain", "apart"), CHAINS)
def test_a_chain_of_answers_merges_nobody_against_another_answer(
    models: Models, chain: list[tuple[str, str, str]], apart: set[int]
) -> None:
    """Whatever the order in which they came; each who took part is told of all of them, and nobody else."""
    questions = [
        {"question_id": f"问{at}", "left_ref": left, "right_ref": right, "division_code": "d01", "first_asked_on": str(NIGHT)}
        for at, (left, right, _) in enumerate(chain)
    ]  # fmt: skip
    said = [
        answer(f"问{at}", decision, decision_id=f"{at}", decided_by=f"经办{at}", received_seq=at)
        for at, (_, _, decision) in enumerate(chain)
    ]
    told = []
    for turned in (said, [one | {"received_seq": 9 - one["received_seq"]} for one in reversed(said)]):
        inputs = given(
            after(1), input__previous_question=questions, input__decision=turned, dibao_person=everybody(questions)
        )
        lines = {int(row["decision_id"]): row for row in warehouse.ask(inputs, models, "life.answer").to_pylist()}
        assert {at for at, row in lines.items() if row["state"] == "contradicted"} == apart
        told.append({at: (row["state"], row["contradiction"]) for at, row in lines.items()})
    assert told[0] == told[1]
    texts = {at: text for at, (_, text) in told[0].items() if text}
    denied = {at for at, (_, _, decision) in enumerate(chain) if decision == "not_same"}
    assert set(texts) == (apart | denied if apart else set()) and len(set(texts.values())) == bool(apart)
    for text in texts.values():
        assert {at for at in range(len(chain)) if f"青禾区经办{at} 2026-10-30“" in text} == set(texts)


def everybody(questions: list[dict[str, str]]) -> list[dict[str, str]]:
    """Rows of the division that answers, of all whom the questions are about: else it says nothing of its own."""
    refs = {question[side] for question in questions for side in ("left_ref", "right_ref")}
    return [{"id_number": ref} for ref in sorted(refs) if "#" not in ref]


LATER = str(after(1))
SAME_DAY: list[tuple[list[tuple[str, str, str, str]], list[str]]] = [
    # (left, right, answer, day) …, and what becomes of each
    ([("甲", "乙", "same", "now"), ("甲", "乙", "not_same", "now")], ["contradicted", "contradicted"]),
    ([("甲", "乙", "same", "now"), ("甲", "乙", "cannot_tell", "now")], ["contradicted", "contradicted"]),
    ([("甲", "乙", "same", "now"), ("甲", "乙", "same", "now")], ["replaced", "stands"]),
    ([("甲", "乙", "same", "now"), ("甲", "乙", "not_same", "now"), ("甲", "乙", "same", "later")], ["replaced", "replaced", "stands"]),
    # The earlier answer does not come back to life by a later day on which people disagree.
    ([("甲", "乙", "same", "now"), ("甲", "乙", "same", "later"), ("甲", "乙", "not_same", "later")], ["replaced", "contradicted", "contradicted"]),
    ([("甲", "乙", "same", "now"), ("甲", "乙", "not_same", "later")], ["replaced", "stands"]),
    # One row, two people.
    ([("S#x#3", "甲", "same", "now"), ("S#x#3", "乙", "same", "now")], ["contradicted", "contradicted"]),
    ([("S#x#3", "甲", "same", "now"), ("S#x#3", "乙", "same", "now"), ("S#x#3", "丙", "same", "now")], ["contradicted"] * 3),
    ([("S#x#3", "甲", "same", "now"), ("S#x#3", "乙", "same", "later")], ["replaced", "stands"]),
    ([("S#x#3", "甲", "same", "now"), ("S#x#3", "乙", "not_same", "now")], ["stands", "stands"]),
    ([("S#x#3", "甲", "same", "now"), ("S#x#3", "乙", "same", "now"), ("S#x#3", "乙", "not_same", "later")], ["stands", "replaced", "stands"]),
    ([("S#x#3", "甲", "same", "now"), ("S#x#3", "乙", "same", "now"), ("S#x#3", "乙", "not_same", "now")], ["contradicted"] * 3),
    (
        [("S#x#3", "丙", "same", "now"), ("S#x#3", "甲", "same", "later"), ("S#x#3", "乙", "same", "later")],
        ["replaced", "contradicted", "contradicted"],
    ),
    ([("S#x#3", "甲", "same", "now"), ("T#x#3", "甲", "same", "now")], ["stands", "stands"]),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "states"), SAME_DAY)
@pytest.mark.parametrize("by_one", [True, False])
def test_answers_of_one_day_that_contradict_each_other_join_nobody(
    models: Models, lines: list[tuple[str, str, str, str]], states: list[str], by_one: bool
) -> None:
    """Whoever gave them, in one file or several, in whatever order: all who took part are told of all, and nobody else."""
    pairs = sorted({(left, right) for left, right, *_ in lines})
    questions = [
        {"question_id": f"问{at}", "left_ref": left, "right_ref": right, "division_code": "d01", "first_asked_on": str(NIGHT)}
        for at, (left, right) in enumerate(pairs)
    ]  # fmt: skip
    said = [
        answer(
            f"问{pairs.index((left, right))}", decision, NIGHT if day == "now" else after(1), decision_id=f"{at}", received_seq=at,
            decided_by="张三" if by_one else f"经办{at}", note=f"第{at}次", row_number=at, night=LATER,
        )
        for at, (left, right, decision, day) in enumerate(lines)
    ]  # fmt: skip
    for turned in (said, [one | {"received_seq": 0, "row_number": 9 - one["row_number"]} for one in reversed(said)]):
        inputs = given(
            after(1), input__previous_question=questions, input__decision=turned, dibao_person=everybody(questions)
        )
        found = {int(row["decision_id"]): row for row in warehouse.ask(inputs, models, "life.answer").to_pylist()}
        told = {at: row["contradiction"] for at, row in found.items() if row["contradiction"]}
        assert {at for at, row in found.items() if row["state"] == "contradicted"} == set(told)
        assert len(set(told.values())) <= 1
        if turned is said:
            assert [found[at]["state"] for at in range(len(lines))] == states
        else:
            assert set(told) == {at for at, state in enumerate(states) if state == "contradicted"}
        for text in told.values():
            assert by_one or all(f"经办{at} " in text for at in told)


FINDINGS: list[tuple[list[tuple[str, date]], list[str]]] = [
    ([("enrolled", NIGHT), ("declined", NIGHT)], ["contradicted", "contradicted"]),
    ([("enrolled", NIGHT), ("declined", after(1))], ["replaced", "stands"]),
    ([("enrolled", NIGHT), ("declined", NIGHT), ("referred", after(1))], ["replaced", "replaced", "stands"]),
    ([("enrolled", NIGHT), ("declined", NIGHT), ("verifying", after(1))], ["replaced", "replaced", "stands"]),
    # What was found before holds on; to be looking into it is no result.
    ([("granted", NIGHT), ("enrolled", after(1)), ("declined", after(1))], ["stands", "contradicted", "contradicted"]),
    ([("verifying", NIGHT), ("enrolled", NIGHT)], ["replaced", "stands"]),
    ([("verifying", NIGHT), ("enrolled", NIGHT), ("declined", NIGHT)], ["stands", "contradicted", "contradicted"]),
]


@pytest.mark.parametrize(("lines", "states"), FINDINGS)
@pytest.mark.parametrize("about", ["warning", "sample"])
def test_two_results_of_one_day_are_both_not_taken(
    models: Models, lines: list[tuple[str, date]], states: list[str], about: str
) -> None:
    known: dict[str, Any] = (
        {"input__previous_warning": [{"warning_id": "警", "rule_code": "X01", "subject_id": "户甲", "division_code": "d01",
         "first_seen_on": str(NIGHT), "status": "open"}]} if about == "warning" else
        {"input__previous_sample": [{"sample_id": "警", "rule_code": "X01", "subject_id": "户甲", "division_code": "d01",
         "sampled_on": str(NIGHT), "state": "open"}]}
    )  # fmt: skip
    lined = [
        said("警", result, on, about=about, decision_id=f"{at}", received_seq=at, note=f"第{at}次", night=str(after(1)))
        for at, (result, on) in enumerate(lines)
    ]
    inputs = given(after(1), input__decision=lined, **known)
    found = {int(row["decision_id"]): row for row in warehouse.ask(inputs, models, "life.heard").to_pylist()}
    assert [found[at]["state"] for at in range(len(lines))] == states
    torn = {at for at, state in enumerate(states) if state == "contradicted"}
    texts = {found[at]["contradiction"] for at in torn}
    assert len(texts) == bool(torn) and {at for at in found if found[at]["contradiction"]} == torn


def test_contradicting_answers_are_told_to_all_who_gave_them_until_one_is_changed(nights: Nights) -> None:
    """Two divisions' people and the bureau: 甲 is 乙, 乙 is 丙, 甲 is not 丙. Nobody is merged; once it is settled all are one."""
    people = [ME, TWIN, number(9)]
    listed = [{"id_number": one, "name": "张三", "phone": "19900012345"} for one in people]
    lists = {
        "survey_household": survey({"head_id_number": ME, "head_name": "张三", "phone": "19900012345"}), **ROSTERS,
        "dibao_person": [*ROSTERS["dibao_person"], *listed[1:]],
    }  # fmt: skip
    nights.night(given(NIGHT, **lists))
    asked_of = {
        frozenset(pair): question
        for question, *pair in nights.rows("select question_id, left_ref, right_ref from identity_question")
    }
    one, two, three = (asked_of[frozenset({people[at], people[to]})] for at, to in ((0, 1), (1, 2), (0, 2)))
    words = [
        answer(one, "same", decision_id="一"),
        answer(two, "same", decision_id="二", unit_code="bureau", received_seq=2),
        answer(three, "not_same", decision_id="三", decided_by="李四", received_seq=3),
    ]
    nights.night(given(after(1), **{**lists, "input__decision": words}))
    assert nights.rows("select count(*) from person where name = '张三'") == [(3,)]
    states = nights.rows("select decision_id, state, contradiction from identity_decision order by all")
    assert [row[:2] for row in states] == [("一", "contradicted"), ("三", "stands"), ("二", "contradicted")]
    (text,) = {row[2] for row in states}
    assert "民政局（本级）张三 2026-10-30“是同一人”" in text and "青禾区李四 2026-10-30“不是同一人”" in text
    assert one[:8] in text and ME not in text
    again = nights.rows(
        "select question_id, is_asked, decision from identity_question where consequence like '%互相矛盾%'"
    )
    assert sorted(again) == sorted([(one, True, None), (two, True, None)])

    answers = decisions.answers(Filled(words), nights.con)  # type: ignore[arg-type]
    notes = {each.file.unit_code: each.issues["message"].tolist() for each in answers}
    assert {unit: len(told) for unit, told in notes.items()} == {"d01": 2, "bureau": 1}
    assert all("互相矛盾，不能都对" in note and text in note for told in notes.values() for note in told)
    assert any("都不采用" in notice for notice in answers[0].summaries[0].notices)

    words.append(answer(three, "same", after(1), decision_id="四", night=str(after(2)), received_seq=4))
    nights.night(given(after(2), **{**lists, "input__decision": words}))
    assert nights.rows("select count(*) from person where name = '张三'") == [(1,)]
    assert nights.rows("select count(*) from identity_decision where contradiction is not null") == [(0,)]


class Filled:
    """A ledger that holds these lines, a file for each unit."""

    def __init__(self, words: list[dict[str, Any]]) -> None:
        at, night = datetime(2026, 10, 31, tzinfo=UTC), after(1)
        self.decisions, self.words = self, words
        self.file_of = {
            unit: DecisionFile(unit, unit, f"{unit}.xlsx", "", at, night, 1, "", "answered" if unit == "d01" else "read",
                               [{"sheet": "身份疑问", "header_row": 2, "columns": {"result": 4}}], None, None)
            for unit in sorted({word["unit_code"] for word in words})
        }  # fmt: skip

    def files(self) -> list[DecisionFile]:
        return list(self.file_of.values())

    def lines(self, until: date) -> list[tuple[DecisionFile, str, DecisionLine]]:
        return [
            (self.file_of[word["unit_code"]], word["decision_id"],
             DecisionLine("identity", word["subject"], word["result"], NIGHT, {}, "身份疑问", at, 4, None))
            for at, word in enumerate(self.words, start=3)
        ]  # fmt: skip


# in whatever order ---------------------------------------------------------------------------------------------------

ENDS = ("person", "household", "household_member", "enrolment", "registry_check", "record_link", "name_conflict", "warning",
        "duplicate_suggestion", "household_warning", "rule_precision", "monthly_statistics")  # fmt: skip
LISTS = rows(
    medical_expense=[RENAMED],
    survey_household=survey(
        {"head_id_number": ME, "head_name": "张三"}, {"head_id_number": "甲"}, {"head_id_number": "乙"}
    )
)  # fmt: skip


@pytest.fixture(scope="module")
def first_night(models: Models) -> Iterator[Nights]:
    yield from first_of(models, LISTS)


@pytest.fixture(scope="module")
def straight(first_night: Nights) -> dict[str, list[tuple[Any, ...]]]:
    return ends(first_night, list(range(6)), [2] * 6)


def ends(first_night: Nights, order: list[int], days: list[int]) -> dict[str, list[tuple[Any, ...]]]:
    """The tables two days later, when people's words came in this order, a night for each day on which any came: findings about
    warnings and answers about people, some contradicting each other."""
    nights = after_the_first(first_night)
    pair, name, later = asked(nights), asked(nights, "name"), NIGHT + timedelta(days=1)
    spoken = [
        said(f"X01-户甲-{NIGHT}", "enrolled", NIGHT), said(f"X01-户甲-{NIGHT}", "declined", later),
        said(f"X01-户乙-{NIGHT}", "verifying", NIGHT), answer(pair, "same"), answer(pair, "cannot_tell", later),
        answer(name, "same", unit_code="bureau"),
    ]  # fmt: skip
    came = [
        spoken[at] | {"decision_id": f"{at}", "night": str(after(days[at])), "received_seq": days[at] * 10 + place}
        for place, at in enumerate(order)
    ]
    for day in sorted({*days, 2}):
        so_far = [one for one in came if one["night"] <= str(after(day))]
        nights.night(given(after(day), **{**LISTS, "input__decision": so_far}))
    told = state(nights, ENDS)
    for table in ("decision", "identity_decision"):
        told[table] = nights.rows(f"select decision_id, state, decided_by, decided_on, note from {table} order by all")
    assert nights.con
    nights.con.close()
    return told


@given_strategy(order=st.permutations(range(6)), days=st.lists(st.integers(1, 2), min_size=6, max_size=6))
@settings(max_examples=1, deadline=None)
def test_decisions_over_several_nights_end_the_same_in_whatever_order(
    first_night: Nights, straight: dict[str, list[tuple[Any, ...]]], order: list[int], days: list[int]
) -> None:
    assume(set(days) == {1, 2})  # all on one day is `straight` itself
    assert ends(first_night, order, days) == straight
    assert [row[1] for row in straight["decision"]] == ["replaced", "stands", "stands"]
    assert [row[1] for row in straight["identity_decision"]] == ["replaced", "stands", "stands"]


# whole nights --------------------------------------------------------------------------------------------------------

NEXT, THIRD = DAY + timedelta(days=1), DAY + timedelta(days=2)
HIS = number(11)
"""某甲's number (test_decisions.listed_home); the dibao roster has it with one other digit."""


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after a night that asks whether 某甲 is on the roster; never changed by tests."""
    home = listed_home(tmp_path_factory.mktemp("asked") / "home", households=3)
    typed = HIS[:-1] + ("0" if HIS[-1] != "0" else "1")
    roster = [
        ("某子", number(901), number(901), "户主", "100", "2026-10"),
        ("某甲", typed, typed, "户主", "100", "2026-10"),
    ]
    book(home / "inbox/d01/低保.xlsx", DIBAO, roster)
    run.night(home, DAY)
    return home


def sheet_of(path: Path) -> list[dict[str, Any]]:
    with closing(openpyxl.load_workbook(path)) as workbook:
        lines = list(workbook["身份疑问"].iter_rows(min_row=2, values_only=True))
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def hand_in(home: Path, source: Path, target: str, found: dict[str, dict[str, Any]], **answers: Any) -> None:
    """The list as staff fill it in: `found` on sheet 预警 by name, the answers on every line of sheet 身份疑问."""
    path = home / "decisions/inbox" / target
    fill_in(home, source, target, found)
    workbook = openpyxl.load_workbook(path)
    sheet = workbook["身份疑问"]
    at = {cell.value: cell.column for cell in sheet[2]}
    for row in range(3, sheet.max_row + 1):
        for header, value in answers.items():
            sheet.cell(row, at[header]).value = value
    workbook.save(path)
    still(path)


def no(by: str, on: date, decision: str = "不是同一人") -> dict[str, Any]:
    return {"判断": decision, "判断人": by, "判断日期": on, "理由": f"{by}看了户口簿"}


@pytest.mark.slow
def test_the_sheet_goes_out_comes_back_is_contradicted_and_taken_back(listed: Path, tmp_path: Path) -> None:
    home = copy_home(listed, tmp_path / "home")
    own, all_of_it = (home / f"lists/{DAY}/{unit}.xlsx" for unit in ("d01", "bureau"))
    (line,) = sheet_of(own)
    assert (line["甲方\n姓名"], line["乙方\n姓名"], line["种类"]) == ("某甲", "某甲", "疑似同一人")
    assert line["甲方在哪里\n（文件/工作表/行）"] == "青禾区·低保人员\n低保.xlsx/Sheet1/第3行"
    assert "A01" in line["判断会改变什么"] and line[QUESTION_NUMBER] and HIS not in str(line)
    assert len(sheet_of(all_of_it)) == 1 and sheet_of(home / f"lists/{DAY}/d02.xlsx")[0]["序号"].startswith("截至")
    with closing(openpyxl.load_workbook(own)) as workbook:
        rules = [rule.formula1 for rule in workbook["身份疑问"].data_validations.dataValidation if rule.type == "list"]
    assert [rule.strip('"').split(",") for rule in rules] == [list(ANSWER_TITLES.values())]

    done = {"核查结果": "已纳入保障", "核查人": "张三", "核查日期": DAY, "说明": "已批准"}
    hand_in(home, own, "d01/d01.xlsx", {"某乙": done}, **no("张三", DAY))
    hand_in(home, own, "d01/又一份.xlsx", {}, **no("张三", DAY) | {"理由": None})
    run.night(home, NEXT)
    assert ask(home, "select subject_name, status from warning where subject_name in ('某甲', '某乙') order by all") == [
        ("某乙", "closed"), ("某甲", "open"),
    ]  # fmt: skip
    assert ask(home, "select because from warning_change where change = 'added'") == [
        (f"新符合条件（身份判断：张三 {DAY}“不是同一人”）",)
    ]
    (line,) = sheet_of(home / f"lists/{NEXT}/d01.xlsx")
    assert [line[header] for header in JUDGED] == ["不是同一人", "张三", line["判断日期"], "张三看了户口簿"]
    with closing(openpyxl.load_workbook(home / "returns/d01/又一份.xlsx")) as workbook:
        notes = [cell.comment.text for row in workbook["身份疑问"].iter_rows() for cell in row if cell.comment]
    assert len(notes) == 1 and "没有写“理由”" in notes[0]

    # The bureau says otherwise: both are told, the later day holds, and the list is as it was.
    hand_in(home, all_of_it, "bureau/bureau.xlsx", {}, **no("李四", NEXT, "是同一人"))
    run.night(home, THIRD)
    assert ask(home, "select count(*) from warning_list where subject_name = '某甲'") == [(0,)]
    for unit in ("d01/d01.xlsx", "bureau/bureau.xlsx"):
        with closing(openpyxl.load_workbook(home / "returns" / unit)) as workbook:
            notes = [cell.comment.text for row in workbook["身份疑问"].iter_rows() for cell in row if cell.comment]
        assert any("张三" in note and "李四" in note and "判断日期较晚的为准" in note for note in notes), unit
    assert ask(home, "select registry, period from enrolment where registry = 'dibao' order by all") == [
        ("dibao", "2026-10"), ("dibao", "2026-10"),
    ]  # fmt: skip

    # Who may know, knows; a lost ledger is rebuilt to the same.
    told = rights.subject(home, HIS, THIRD, who="数据员", because="本人申请")
    assert sorted(each["decided_by"] for each in told["published"]["身份判断"]) == ["张三", "张三", "李四"]
    assert ("低保人员", "低保.xlsx", 3) in [(row["种类"], row["文件"], row["行"]) for row in told["rows"]]
    kept = forgetting.forget(home, HIS, THIRD, who="数据员", because="本人申请")["kept"]
    assert [row["种类"] for row in kept].count("身份判断") == 3
    assert integrity.verify(home)["problems"] == []
    before = copy_home(home, tmp_path / "before")
    integrity.recover(home)
    assert differences(before, home, without={"release": ["built_at"], "submission": ["received_at"]}) == {}
    # Asked again when the release that it was compared with is not kept any more, the second night has its answer still.
    shutil.rmtree(before / "releases/1")
    tried = backtest(before, rule(tmp_path / "same", WHERE), NEXT, NEXT)
    assert [night["before"] for night in tried["nights"]] == [3], "某甲 is found, by the answer of that night; 某乙 was"
    # Lists go when they are as old as facts may be and nothing that they decide on is left.
    assert forgetting.purge(home, THIRD + timedelta(days=36 * 31), who="数据员")["lists"] == 0


# Files and people's words, in whatever order -------------------------------------------------------------------------

ENDED = ("person", "household", "household_member", "enrolment", "registry_check", "record_link", "name_conflict", "warning",
         "household_warning", "decision", "identity_decision", "identity_question", "rule_precision", "monthly_statistics")  # fmt: skip
BY_NIGHT = {
    "warning": ("warning_id", "first_seen_on", "due_on", "evidence", "freshness", "decision_id"),
    "household_warning": ("oldest_on", "change"),
    "decision": ("received_on", "received_seq", "decision_id"),
    "identity_decision": ("received_on", "received_seq", "decision_id"),
}
"""What tells on which night something came or was first seen; and which workbook it was, since each is saved at another moment."""


def _late(home: Path) -> None:
    book(home / "inbox/d01/边缘九月.xlsx", PERSON, [person(905, "2026-09"), person(907, "2026-09")])


def _partner(home: Path) -> None:
    rows = [("某乙", number(13), f"2026-0{month}-15", "一院", "9000", "8000", "青禾区") for month in (8, 9)]
    book(home / "inbox/medical_insurance/高额医疗费用.xlsx", MEDICAL, rows)


def _corrected(home: Path) -> None:
    rows = [
        (f"H{n}", f"某{name}", number(11 + 2 * n), "1", "城市", income, "是", "2026-10-12")
        for n, (name, income) in enumerate([("甲", "3000"), ("乙", "2000"), ("丙", "90000")])
    ]
    book(home / "inbox/d01/摸底户.xlsx", HOUSEHOLD, rows)


def _repeated(home: Path) -> None:
    book(home / "inbox/d01/边缘又一份.xlsx", PERSON, [person(905)])


def _division_says(home: Path) -> None:
    found = {"核查结果": "已纳入保障", "核查人": "张三", "核查日期": DAY, "说明": "已批准"}
    hand_in(home, home / f"lists/{DAY}/d01.xlsx", "d01/d01.xlsx", {"某乙": found}, **no("张三", DAY, "是同一人"))


def _bureau_says(home: Path) -> None:
    """Something else of both, on a later day."""
    found = {"核查结果": "本人放弃或不愿申请", "核查人": "李四", "核查日期": NEXT, "说明": "当面说不办"}
    hand_in(home, home / f"lists/{DAY}/bureau.xlsx", "bureau/bureau.xlsx", {"某乙": found}, **no("李四", NEXT))


ARRIVALS = (_late, _partner, _corrected, _repeated, _division_says, _bureau_says)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0])
def test_files_and_decisions_end_the_same_in_whatever_order_they_come(listed: Path, tmp_path: Path, seed: int) -> None:
    """All on one night, against what chance spreads over two: late, corrected, repeated files, findings and answers that contradict."""
    turns = random.Random(seed).choices((0, 1), k=len(ARRIVALS))
    assert turns[-2:] == [1, 0], "the bureau's later word comes before the division's earlier one"
    together, spread = copy_home(listed, tmp_path / "together"), copy_home(listed, tmp_path / "spread")
    for turn, night in enumerate((NEXT, THIRD)):
        for arrive, mine in zip(ARRIVALS, turns, strict=True):
            if mine == turn:
                arrive(spread)
        run.night(spread, night)
    for arrive in ARRIVALS:
        arrive(together)
    run.night(together, THIRD)
    assert differences(together, spread, only=ENDED, without=BY_NIGHT) == {}
    held = "select subject_name, rule_code, status, outcome from warning where rule_code = 'A01' order by all"
    assert ask(spread, held) == [("某乙", "A01", "closed", "declined"), ("某甲", "A01", "open", None)]
    assert ask(spread, "select decision, state from identity_decision order by all") == [
        ("not_same", "stands"), ("same", "replaced"),
    ]  # fmt: skip
    assert sorted(status for (status,) in ask(spread, "select status from submission where file_name like '边缘%'")) == [
        "accepted", "accepted", "repeated",
    ]  # fmt: skip
