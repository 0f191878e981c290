"""Attacks on what a division's answers and rows do to the people of another one: who came by a number and an invented name gains nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from test_claims import (
    BILLS,
    HIS,
    OTHER,
    ROSTERS,
    SICK,
    SICK_CARD,
    SMALLER,
    SOCK,
    a_bill,
    asked_of,
    known,
    lists,
    merged,
    named_by_d01,
    of_d02,
    of_d02_and_set_aside,
    seen_in,
)
from test_claims import first as first
from test_claims import unlisted as unlisted
from test_identity_decisions import after_the_first, answer, first_of
from test_life import after
from test_warehouse import Nights, given, models_with

from pipeline import warehouse
from pipeline.warehouse.models import SQL

pytestmark = pytest.mark.slow

HIS_BILL = [{"id_number": HIS, "name": "张大明", "row_id": "b#1#2", "submission_id": "b", "settled_on": "2026-09-05", "burden_fen": 900000}]


def said_same(nights: Nights, night: int, rows: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """d02 is asked about two numbers of its own and says that they are one."""
    nights.night(given(after(night), **rows))
    ((question,),) = nights.rows(
        "select question_id from identity_question where about = 'pair' and is_asked and division_code = 'd02'"
    )
    word = answer(question, "same", after(night), unit_code="d02", file_name="d02.xlsx", night=str(after(night + 1)))
    return {"house__decision": [word]}


@pytest.mark.parametrize("trap", [(SOCK,), (SMALLER,), (HIS, SOCK)], ids=str)
def test_an_answer_of_a_division_takes_nobody_whom_the_bureau_has(unlisted: Nights, trap: tuple[str, ...]) -> None:
    nights = after_the_first(unlisted)
    sock = next(each for each in (*trap, SOCK) if each != HIS)
    word = said_same(nights, 1, known(**of_d02(HIS, sock)))
    nights.night(given(after(2), **known(**merged(of_d02(HIS, sock), word))))
    bill = {"medical_expense": HIS_BILL}
    nights.night(given(after(3), **known(**merged(bill, word))))
    told = f"select person_id, name, division_code from person where person_id = '{HIS}'"
    listed = "select warning_id, division_code, status, reason from warning where status <> 'closed' order by all"
    person, warnings = nights.rows(told), nights.rows(listed)
    assert person == [(HIS, "张大明", "bureau")] and len(warnings) == 4
    for night in (4, 5):
        nights.night(given(after(night), **known(**merged(merged(bill, word), of_d02(*trap)))))
        print(night, nights.rows(told), nights.rows(listed), nights.rows("select * from warning_withdrawn"),
              nights.rows("select state from identity_decision"), nights.rows("select * from person where name='假大名' or name='张大明'"))
        assert "张大明" not in seen_in(nights, "d02")
        assert nights.rows(told) == person
        assert nights.rows(listed) == warnings


def test_an_answer_about_a_number_that_its_division_gave_up_catches_nobody_who_comes_new(unlisted: Nights) -> None:
    nights = after_the_first(unlisted)
    word = said_same(nights, 1, known(**of_d02(HIS, SOCK)))
    nights.night(given(after(2), **known(**merged(of_d02(SOCK), word))))
    bill = {"medical_expense": HIS_BILL, "house__place": [{"row_id": "b#1#2", "division_code": "d01"}]}
    for night in (3, 4):
        nights.night(given(after(night), **known(**merged(merged(bill, word), of_d02(SOCK)))))
        print(nights.rows("select * from person where name in ('假大名', '张大明')"), nights.rows("select * from name_conflict"))
        assert nights.rows(f"select name, division_code from person where person_id = '{HIS}'") == [("张大明", "d01")]


PHONE = "13811112222"
BORN = "99010119600101"
TWIN, THIRD = f"{BORN}6669", f"{BORN}7777"


def of_d01(*numbers: str) -> dict[str, list[dict[str, Any]]]:
    return {"dibao_person": [{"id_number": each, "name": "张大明", "phone": PHONE, "start_month": "2026-01"} for each in numbers]}


def test_a_sleeping_answer_contradicts_no_answer_of_those_who_have_them(first: Nights) -> None:
    nights = after_the_first(first)
    word = said_same(nights, 1, lists(**of_d02(HIS, TWIN)))
    nights.night(given(after(2), **lists(**merged(of_d02(HIS, TWIN), word))))
    nights.night(given(after(3), **lists(**merged(of_d01(HIS, TWIN, THIRD), word))))
    questions = {
        frozenset((left, right)): question
        for left, right, question in nights.rows(
            "select left_ref, right_ref, question_id from identity_question where is_asked and about = 'pair' and division_code = 'd01'"
        )
    }
    print(questions, nights.rows("select unit_code, state from identity_decision"))
    mine = [
        answer(questions[frozenset((TWIN, THIRD))], "same", after(3), night=str(after(4)), decision_id="二"),
        answer(questions[frozenset((HIS, THIRD))], "not_same", after(3), night=str(after(4)), decision_id="三"),
    ]
    alone = after_the_first(nights)
    alone.night(given(after(4), **lists(**merged(of_d01(HIS, TWIN, THIRD), {"house__decision": mine}))))
    nights.night(given(after(4), **lists(**merged(of_d01(HIS, TWIN, THIRD), {"house__decision": [*word["house__decision"], *mine]}))))
    people = "select person_id, name, division_code from person where name = '张大明' order by all"
    states = "select unit_code, state, contradiction from identity_decision where unit_code = 'd01' order by decision_id"
    print(nights.rows("select unit_code, state, contradiction from identity_decision"))
    assert nights.rows(states) == alone.rows(states)
    assert nights.rows(people) == alone.rows(people)


def test_a_claim_to_a_row_that_is_said_to_be_another_s_withdraws_no_warning(unlisted: Nights) -> None:
    nights = after_the_first(unlisted)
    given_now = merged(known(**named_by_d01()), a_bill())
    nights.night(given(after(1), **given_now))
    mine = answer(asked_of(nights, "d01"), "same", after(1), night=str(after(2)))
    nights.night(given(after(2), **merged(given_now, {"house__decision": [mine]})))
    listed = "select warning_id, division_code, status from warning where status <> 'closed' and division_code = 'd01' order by all"
    warnings = nights.rows(listed)
    assert any(HIS in row[0] for row in warnings)
    given_now = merged(given_now, {"edge_person": [{"id_number": OTHER, "name": "张大明", "unit_code": "d02"}]})
    nights.night(given(after(3), **merged(given_now, {"house__decision": [mine]})))
    question = asked_of(nights, "d02")
    theirs = answer(question, "same", after(3), unit_code="d02", decision_id="二", night=str(after(4)), received_seq=2)
    for night in (4, 5):
        nights.night(given(after(night), **merged(given_now, {"house__decision": [mine, theirs]})))
        print(nights.rows(listed), nights.rows("select warning_id, because from warning_withdrawn"), nights.rows("select warning_id, remark from warning"))
        assert nights.rows("select warning_id from warning_withdrawn") == []
        assert nights.rows(listed) == warnings


def test_a_claim_that_was_taken_back_does_not_keep_a_row_from_its_own(unlisted: Nights) -> None:
    nights = after_the_first(unlisted)
    bait = {"edge_person": [{"id_number": OTHER, "name": "张大明", "unit_code": "d02"}]}
    now = merged(known(**bait), a_bill())
    nights.night(given(after(1), **now))
    theirs = answer(asked_of(nights, "d02"), "same", after(1), unit_code="d02", night=str(after(2)))
    nights.night(given(after(2), **merged(now, {"house__decision": [theirs]})))
    # The bait is gone; d01 has who bears the near number.
    now = merged(known(**named_by_d01()), a_bill())
    nights.night(given(after(3), **merged(now, {"house__decision": [theirs]})))
    mine = answer(asked_of(nights, "d01"), "same", after(3), decision_id="二", night=str(after(4)), received_seq=2)
    nights.night(given(after(4), **merged(now, {"house__decision": [theirs, mine]})))
    print(nights.rows("select unit_code, state, contradiction from identity_decision"))
    assert nights.rows("select person_id from record_link where identity_state = 'decided'") == [(HIS,)]


def test_a_number_of_anybody_s_choice_ends_no_question_about_a_partner_s_row(first: Nights) -> None:
    damaged = {"number": f"{HIS[:15]}000", "number_state": "damaged", "number_birth_date": None, "birth_date": None}
    own = {kind: rows for kind, rows in a_bill(**damaged).items() if not kind.startswith("unproven")}
    others = [{"id_number": f"{HIS[:15]}444", "name": "张大明", "unit_code": "d02"}]
    for more in ([], others):
        nights = after_the_first(first)
        nights.night(given(after(1), **lists(**merged(merged(named_by_d01(), own), {"edge_person": more}))))
        print(more)
        assert ("d01", HIS) in nights.rows("select division_code, right_ref from identity_question where is_asked")


def test_two_baits_do_not_tell_that_two_numbers_are_one_person(first: Nights) -> None:
    nights = after_the_first(first)
    mine = of_d01(HIS, TWIN)
    nights.night(given(after(1), **lists(**mine)))
    word = {"house__decision": [answer(asked_of(nights, "d01"), "same", after(1), night=str(after(2)))]}
    nights.night(given(after(2), **lists(**merged(mine, word))))
    bait = {
        "edge_person": [{"id_number": HIS, "name": "假一", "unit_code": "d02"}],
        "tekun_person": [{"id_number": TWIN, "name": "假二", "unit_code": "d02"}],
    }
    nights.night(given(after(3), **lists(**merged(merged(mine, word), bait))))
    for name, about in sorted(nights.models.published.items()):
        if about.by_division is not None:
            rows = nights.rows(f"select {warehouse._shown_to('d02', about)} from {name} where {about.by_division.replace('$division', repr('d02'))}")
            for row in rows:
                if HIS in str(row) or TWIN in str(row) or "假一" in str(row) or "假二" in str(row) or "张大明" in str(row):
                    print(name, row)
    assert nights.rows("select state from identity_decision") == [("stands",)]
    ids = nights.rows(
        "select count(*), count(distinct person_id) from record_link where submission_id in (select submission_id from submission where unit_code = 'd02')"
        f" and person_id in ('{HIS}', '{TWIN}')"
    )
    assert ids == [(2, 2)]


def test_a_row_set_aside_that_its_sender_said_is_his_takes_nobody_whom_the_bureau_has(unlisted: Nights) -> None:
    nights = after_the_first(unlisted)
    word = said_same(nights, 1, known(**of_d02_and_set_aside(HIS)))
    nights.night(given(after(2), **known(**merged(of_d02_and_set_aside(HIS), word))))
    bill = {"medical_expense": HIS_BILL}
    nights.night(given(after(3), **known(**merged(bill, word))))
    told = f"select person_id, name, division_code from person where person_id = '{HIS}'"
    listed = "select warning_id, division_code, status, reason from warning where status <> 'closed' order by all"
    person, warnings = nights.rows(told), nights.rows(listed)
    assert person == [(HIS, "张大明", "bureau")] and len(warnings) == 4
    for night in (4, 5):
        nights.night(given(after(night), **known(**merged(merged(bill, word), of_d02_and_set_aside()))))
        print(night, nights.rows(told), nights.rows(listed), nights.rows("select warning_id, because from warning_withdrawn"),
              nights.rows("select state from identity_decision"), nights.rows("select * from name_conflict"))
        assert nights.rows(told) == person
        assert nights.rows(listed) == warnings


def test_a_roster_sent_ahead_does_not_give_its_people_to_an_old_answer(unlisted: Nights) -> None:
    nights = after_the_first(unlisted)
    word = said_same(nights, 1, known(**of_d02(HIS, SOCK)))
    nights.night(given(after(2), **known(**merged(of_d02(SOCK), word))))
    ahead = {"edge_person": [{"id_number": "旁丙", "period": "2027-03"}, {"id_number": HIS, "name": "张大明", "period": "2026-11"}]}
    for night in (3, 4):
        nights.night(given(after(night), **known(**merged(merged(ahead, word), of_d02(SOCK)))))
        print(nights.rows("select state from identity_decision"), nights.rows("select * from person where name in ('假大名', '张大明')"))
        assert nights.rows(f"select name, division_code from person where person_id = '{HIS}'") == [("张大明", "d01")]


def test_a_no_of_a_division_says_nothing_of_whom_another_one_has(unlisted: Nights) -> None:
    nights = after_the_first(unlisted)
    bait = {"edge_person": [{"id_number": HIS, "name": "张大明", "unit_code": "d02"}]}
    now = merged(known(**bait), a_bill())
    nights.night(given(after(1), **now))
    no = answer(asked_of(nights, "d02"), "not_same", after(1), unit_code="d02", night=str(after(2)))
    nights.night(given(after(2), **merged(now, {"house__decision": [no]})))
    now = merged(known(**named_by_d01()), a_bill())
    for night in (3, 4):
        nights.night(given(after(night), **merged(now, {"house__decision": [no]})))
        print(nights.rows("select unit_code, state from identity_decision"), nights.rows("select * from identity_question where division_code = 'd01'"))
        assert nights.rows("select row_id from registry.possible_person where person_id = $$" + HIS + "$$") == [("R#a#2",)]


@pytest.mark.parametrize("names", [("假名",), ("假名", "另名")], ids=["one name", "two names"])
def test_an_invented_application_lets_no_stranger_into_the_lists_of_partners(unlisted: Nights, names: tuple[str, ...]) -> None:
    nights = after_the_first(unlisted)
    bait = {"temporary_grant": [
        {"id_number": "癸", "name": name, "application_no": f"B{name}", "unit_code": "d02", "accepted_on": "2026-10-01"} for name in names
    ]}
    nights.night(given(after(1), **known(**bait)))
    scope = nights.rows("select * from registry.door_person where person_id = '癸'")
    bill = {"medical_expense": [{"id_number": "癸", "name": "钱真", "row_id": "b#1#2", "submission_id": "b", "settled_on": "2026-09-05", "burden_fen": 900000}],
            "house__place": [{"row_id": "b#1#2", "division_code": "d01"}]}
    nights.night(given(after(2), **known(**merged(bait, bill))))
    print(scope, nights.rows("select * from person where person_id = '癸'"), nights.rows("select * from warning where person_id = '癸'"),
          nights.rows("select * from registry.door_person where person_id = '癸'"))
    assert "钱真" not in seen_in(nights, "d02")
    assert nights.rows("select warning_id from warning where person_id = '癸'") == []
    assert nights.rows("select * from registry.door_person where person_id = '癸'") == []


@pytest.mark.parametrize("place", [None, "d01"])
def test_a_question_that_was_asked_of_the_bait_s_sender_is_not_answered_for_whom_others_name(unlisted: Nights, place: str | None) -> None:
    nights = after_the_first(unlisted)
    nights.night(given(after(1), **known(**of_d02_and_set_aside(HIS))))
    question = asked_of(nights, "d02")
    bill: dict[str, Any] = {"medical_expense": HIS_BILL}
    if place:
        bill["house__place"] = [{"row_id": "b#1#2", "division_code": place}]
    # The row with the right digits is taken back; a partner's bill names him.
    for night in (2, 3):
        nights.night(given(after(night), **known(**merged(bill, of_d02_and_set_aside()))))
    told = f"select person_id, name, division_code from person where person_id = '{HIS}'"
    listed = "select warning_id, division_code, status, reason from warning where status <> 'closed' order by all"
    person, warnings = nights.rows(told), nights.rows(listed)
    print(person, warnings, nights.rows("select division_code, is_asked, about, left_name, right_name from identity_question"))
    assert person == [(HIS, "张大明", place or "bureau")]
    assert "张大明" not in seen_in(nights, "d02")
    word = {"house__decision": [answer(question, "same", after(3), unit_code="d02", night=str(after(4)))]}
    for night in (4, 5):
        nights.night(given(after(night), **known(**merged(merged(bill, word), of_d02_and_set_aside()))))
        print(nights.rows(told), nights.rows(listed), nights.rows("select state, problem from identity_decision"))
        assert "张大明" not in seen_in(nights, "d02")
        assert nights.rows(told) == person
        assert nights.rows(listed) == warnings


def test_a_no_of_a_division_contradicts_no_answer_of_those_who_have_them(first: Nights) -> None:
    nights = after_the_first(first)
    nights.night(given(after(1), **lists(**of_d02(HIS, THIRD))))
    no = answer(asked_of(nights, "d02"), "not_same", after(1), unit_code="d02", night=str(after(2)))
    nights.night(given(after(2), **lists(**merged(of_d02(HIS, THIRD), {"house__decision": [no]}))))
    nights.night(given(after(3), **lists(**merged(of_d01(HIS, TWIN, THIRD), {"house__decision": [no]}))))
    questions = {
        frozenset((left, right)): question
        for left, right, question in nights.rows(
            "select left_ref, right_ref, question_id from identity_question where is_asked and about = 'pair' and division_code = 'd01'"
        )
    }
    mine = [
        answer(questions[frozenset((TWIN, THIRD))], "same", after(3), night=str(after(4)), decision_id="二"),
        answer(questions[frozenset((HIS, TWIN))], "same", after(3), night=str(after(4)), decision_id="三"),
    ]
    alone = after_the_first(nights)
    alone.night(given(after(4), **lists(**merged(of_d01(HIS, TWIN, THIRD), {"house__decision": mine}))))
    nights.night(given(after(4), **lists(**merged(of_d01(HIS, TWIN, THIRD), {"house__decision": [no, *mine]}))))
    people = "select person_id, name, division_code from person where name = '张大明' order by all"
    states = "select unit_code, state, contradiction from identity_decision where unit_code = 'd01' order by decision_id"
    print(nights.rows("select unit_code, state, contradiction from identity_decision"))
    assert nights.rows(people) == alone.rows(people)
    assert nights.rows(states) == alone.rows(states)


def test_who_answered_about_invented_people_is_not_told_what_others_answer_about_theirs(first: Nights) -> None:
    nights = after_the_first(first)
    word = said_same(nights, 1, lists(**of_d02(HIS, TWIN)))
    nights.night(given(after(2), **lists(**merged(of_d01(HIS, TWIN, THIRD), word))))
    questions = {
        frozenset((left, right)): question
        for left, right, question in nights.rows(
            "select left_ref, right_ref, question_id from identity_question where is_asked and about = 'pair' and division_code = 'd01'"
        )
    }
    before = seen_in(nights, "d02")
    mine = [
        answer(questions[frozenset((TWIN, THIRD))], "same", after(2), night=str(after(3)), decision_id="二", decided_by="戴某"),
        answer(questions[frozenset((HIS, THIRD))], "not_same", after(2), night=str(after(3)), decision_id="三", decided_by="戴某"),
    ]
    nights.night(given(after(3), **lists(**merged(of_d01(HIS, TWIN, THIRD), {"house__decision": [*word["house__decision"], *mine]}))))
    assert "青禾区" not in before
    seen = seen_in(nights, "d02")
    assert "青禾区" not in seen and "戴某" not in seen


@pytest.fixture(scope="module")
def struck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    """A disaster of which d01 has given no help yet is listed on the second night."""
    real = tuple((SQL / f"warnings/a08.{end}").read_text(encoding="utf-8") for end in ("sql", "yml"))
    models = models_with(tmp_path_factory.mktemp("struck") / "sql", {"a08": real})
    yield from first_of(models, lists())


LOSS = {"disaster_loss": [{"id_number": "甲", "name": "张三", "disaster_type": "洪涝", "happened_on": "2026-10-20", "loss_fen": 900000}]}


def application(**more: Any) -> dict[str, list[dict[str, Any]]]:
    """An application for temporary assistance that d02 sent, set aside."""
    return {
        "house__set_aside": [
            {"row_id": "Z#a#2", "submission_id": "Z", "kind": "temporary_grant", "unit_code": "d02", "sheet": "a", "row_number": 2,
             "reason": "x"} | more,
        ],
        "house__submission": [
            {"submission_id": "Z", "unit_code": "d02", "kind": "temporary_grant", "file_name": "z.xlsx", "status": "partly_accepted",
             "received_seq": 99, "night": str(after(1))},
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    "bait",
    [
        {},
        {"temporary_grant": [{"id_number": "甲", "name": "假三", "application_no": "B1", "unit_code": "d02", "accepted_on": "2026-10-21",
                              "granted_on": "2026-10-25", "result": "同意"}]},
        application(name="假三", person_id="甲", number_state="verified"),
        application(name="张三", number_state="missing", birth_date=None),
    ],
    ids=["none", "another name", "set aside with his number", "set aside without number"],
)  # fmt: skip
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_application_of_another_division_keeps_no_need_unlisted(struck: Nights, bait: dict[str, Any], when: str) -> None:
    nights = after_the_first(struck)
    if when == "after":
        nights.night(given(after(1), **lists(**LOSS)))
    for night in (2, 3):
        nights.night(given(after(night), **lists(**merged(LOSS, bait))))
        print(nights.rows("select * from registry.possible_grant"), nights.rows("select warning_id, remark from warning"))
        assert nights.rows("select division_code, status, remark from warning where household_id = '户甲'") == [("d01", "open", None)]
