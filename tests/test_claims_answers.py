"""Attacks on what a division's answers and rows do to the people of another one: who came by a number and an invented name gains nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from low_income.lists.words import JUDGED, QUESTION_NUMBER
from low_income.night import run
from low_income.operate import forgetting, integrity
from low_income.warehouse.models import SQL

from tests.claim_kit import (
    HIS,
    OTHER,
    SMALLER,
    SOCK,
    a_bill,
    asked_of,
    known,
    lists,
    named_by_d01,
    of_d02,
    of_d02_and_set_aside,
    of_october,
    rows_seen_in,
    seen_in,
    set_aside_in_d02,
)
from tests.claim_kit import first as first  # noqa: PLC0414 - a fixture
from tests.claim_kit import unlisted as unlisted  # noqa: PLC0414 - a fixture
from tests.decision_kit import DIBAO
from tests.home_kit import texts_of_home
from tests.identity_kit import after_the_first, answer, first_of
from tests.life_kit import after
from tests.night_kit import (
    DAY,
    MEDICAL,
    PERSON,
    ask,
    book,
    copy_home,
    differences,
    few_divisions,
    new_home,
    number,
    person,
)
from tests.warehouse_kit import NIGHT, Nights, apart_name, apart_number, each_apart, given, merged, models_with, survey

pytestmark = pytest.mark.slow


def broken(severity: str, cause: str) -> pytest.MarkDecorator:
    return pytest.mark.xfail(strict=True, reason=f"{severity}: {cause}")


def pairs_asked_of_d01(nights: Nights) -> dict[frozenset[str], str]:
    """Both people of a pair → the question about them."""
    rows = nights.rows(
        "select left_ref, right_ref, question_id from identity_question where is_asked and about = 'pair' and division_code = 'd01'"
    )
    return {frozenset((left, right)): question for left, right, question in rows}


HIS_BILL = [
    {
        "id_number": HIS,
        "name": "张大明",
        "row_id": "b#1#2",
        "submission_id": "b",
        "settled_on": "2026-09-05",
        "burden_fen": 900000,
    }
]


def said_same(nights: Nights, night: int, rows: dict[str, Any], questions: int = 1) -> dict[str, list[dict[str, Any]]]:
    """d02 is asked about two numbers of its own and says that they are one; or about so many pairs, and says it of each."""
    nights.night(given(after(night), **rows))
    asked = nights.rows(
        "select question_id from identity_question where about = 'pair' and is_asked and division_code = 'd02' order by all"
    )
    assert len(asked) == questions
    words = [
        answer(
            question, "same", after(night), unit_code="d02", file_name="d02.xlsx", night=str(after(night + 1)),
            decision_id="一二三四"[at], row_number=3 + at,
        )
        for at, (question,) in enumerate(asked)
    ]  # fmt: skip
    return {"input__decision": words}


def his(cases: int) -> list[tuple[str, str]]:
    """The number and the name of 张大明 in each of so many cases (`apart`)."""
    return [(apart_number(HIS, at), apart_name("张大明", at)) for at in range(cases)]


def about(people: list[tuple[str, str]]) -> str:
    """A query for where these people are."""
    numbers = ", ".join(f"'{number}'" for number, _ in people)
    return f"select person_id, name, division_code from person where person_id in ({numbers}) order by all"


def test_an_answer_of_a_division_takes_nobody_whom_the_bureau_has(unlisted: Nights) -> None:
    """d02 says that two invented people of its own are one, or that a spoilt row of its own is one of them, and takes its lists back;
    when a partner's bill has named who bears the number, d02 sends a part again, or all.

    The answer sleeps while somebody else, a partner as well, names one of the numbers; the row that is sent again is disputed like
    any other under another name.
    """
    traps: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (of_d02(HIS, SOCK), of_d02(SOCK)),
        (of_d02(HIS, SMALLER), of_d02(SMALLER)),
        (of_d02(HIS, SOCK), of_d02(HIS, SOCK)),
        (of_d02_and_set_aside(HIS), of_d02_and_set_aside()),
    ]
    nights = after_the_first(unlisted)
    sent, sent_again = (each_apart(of[which] for of in traps) for which in (0, 1))
    word = said_same(nights, 1, known(**sent), len(traps))
    nights.night(given(after(2), **known(**merged(sent, word))))
    bills = each_apart({"medical_expense": HIS_BILL} for _ in traps)
    nights.night(given(after(3), **known(**merged(bills, word))))
    people = his(len(traps))
    listed = "select warning_id, division_code, status, reason from warning where status <> 'closed' order by all"
    warnings = nights.rows(listed)
    told = [(number, name, "bureau") for number, name in people]
    assert nights.rows(about(people)) == told and len(warnings) == 3 + len(traps)
    for night in (4, 5):
        nights.night(given(after(night), **known(**merged(merged(bills, word), sent_again))))
        seen = seen_in(nights, "d02")
        assert [name for _, name in people if name in seen] == []
        assert nights.rows(about(people)) == told
        assert nights.rows(listed) == warnings


def test_an_answer_about_a_number_that_its_division_gave_up_catches_nobody_who_comes_new(unlisted: Nights) -> None:
    """d02 says that two of its numbers are one and gives one up; then a partner's row with an address in d01 names that one.

    A number that no list of d02 gives any more is not caught by what d02 said of it.
    """
    nights = after_the_first(unlisted)
    word = said_same(nights, 1, known(**of_d02(HIS, SOCK)))
    nights.night(given(after(2), **known(**merged(of_d02(SOCK), word))))
    bill = {"medical_expense": HIS_BILL, "input__place": [{"row_id": "b#1#2", "division_code": "d01"}]}
    for night in (3, 4):
        nights.night(given(after(night), **known(**merged(merged(bill, word), of_d02(SOCK)))))
        assert nights.rows(f"select name, division_code from person where person_id = '{HIS}'") == [("张大明", "d01")]


PHONE = "13811112222"
BORN = "99010119600101"
TWIN, THIRD = f"{BORN}6669", f"{BORN}7777"


def of_d01(*numbers: str) -> dict[str, list[dict[str, Any]]]:
    return {
        "dibao_person": [
            {"id_number": each, "name": "张大明", "phone": PHONE, "start_month": "2026-01"} for each in numbers
        ]
    }


def test_a_sleeping_answer_contradicts_no_answer_of_those_who_have_them(first: Nights) -> None:
    """d02 says that two invented people are one; later d01 has both numbers and a third, and answers otherwise about its own."""
    nights = after_the_first(first)
    word = said_same(nights, 1, lists(**of_d02(HIS, TWIN)))
    nights.night(given(after(2), **lists(**merged(of_d02(HIS, TWIN), word))))
    nights.night(given(after(3), **lists(**merged(of_d01(HIS, TWIN, THIRD), word))))
    questions = pairs_asked_of_d01(nights)
    mine = [
        answer(questions[frozenset((TWIN, THIRD))], "same", after(3), night=str(after(4)), decision_id="二"),
        answer(questions[frozenset((HIS, THIRD))], "not_same", after(3), night=str(after(4)), decision_id="三"),
    ]
    alone = after_the_first(nights)
    alone.night(given(after(4), **lists(**merged(of_d01(HIS, TWIN, THIRD), {"input__decision": mine}))))
    nights.night(
        given(
            after(4),
            **lists(**merged(of_d01(HIS, TWIN, THIRD), {"input__decision": [*word["input__decision"], *mine]})),
        )
    )
    people = "select person_id, name, division_code from person where name = '张大明' order by all"
    states = (
        "select unit_code, state, contradiction from identity_decision where unit_code = 'd01' order by decision_id"
    )
    assert nights.rows(states) == alone.rows(states)
    assert nights.rows(people) == alone.rows(people)


def test_a_claim_to_a_row_that_is_said_to_be_another_s_withdraws_no_warning(unlisted: Nights) -> None:
    """d01 has said that a partner's spoilt bill is its person's, and the warning is listed; d02 enters a near number and claims the bill.

    Both answers rest until the bureau says; what was listed by the row stays listed meanwhile.
    """
    nights = after_the_first(unlisted)
    given_now = merged(known(**named_by_d01()), a_bill())
    nights.night(given(after(1), **given_now))
    mine = answer(asked_of(nights, "d01"), "same", after(1), night=str(after(2)))
    nights.night(given(after(2), **merged(given_now, {"input__decision": [mine]})))
    listed = "select warning_id, division_code, status from warning where status <> 'closed' and division_code = 'd01' order by all"
    warnings = nights.rows(listed)
    assert any(HIS in row[0] for row in warnings)
    given_now = merged(given_now, {"edge_person": [{"id_number": OTHER, "name": "张大明", "unit_code": "d02"}]})
    nights.night(given(after(3), **merged(given_now, {"input__decision": [mine]})))
    question = asked_of(nights, "d02")
    theirs = answer(question, "same", after(3), unit_code="d02", decision_id="二", night=str(after(4)), received_seq=2)
    for night in (4, 5):
        nights.night(given(after(night), **merged(given_now, {"input__decision": [mine, theirs]})))
        assert nights.rows("select warning_id from warning_withdrawn") == []
        assert nights.rows(listed) == warnings


def test_a_claim_that_was_taken_back_does_not_keep_a_row_from_its_own(unlisted: Nights) -> None:
    """d02 enters a near number, claims a partner's spoilt bill for it, and takes the number back; then d01, who has the person, claims it.

    An answer about somebody whom nobody holds does not stand against one about somebody who is there.
    """
    nights = after_the_first(unlisted)
    bait = {"edge_person": [{"id_number": OTHER, "name": "张大明", "unit_code": "d02"}]}
    now = merged(known(**bait), a_bill())
    nights.night(given(after(1), **now))
    theirs = answer(asked_of(nights, "d02"), "same", after(1), unit_code="d02", night=str(after(2)))
    nights.night(given(after(2), **merged(now, {"input__decision": [theirs]})))
    # The bait is gone; d01 has who bears the near number.
    now = merged(known(**named_by_d01()), a_bill())
    nights.night(given(after(3), **merged(now, {"input__decision": [theirs]})))
    mine = answer(asked_of(nights, "d01"), "same", after(3), decision_id="二", night=str(after(4)), received_seq=2)
    nights.night(given(after(4), **merged(now, {"input__decision": [theirs, mine]})))
    assert nights.rows("select person_id from record_link where identity_state = 'decided'") == [(HIS,)]


def test_a_number_of_anybody_s_choice_ends_no_question_about_a_partner_s_row(first: Nights) -> None:
    """A partner's row has a damaged number; d01 has the one person whom it may be. d02 enters a number with the same beginning and name."""
    damaged = {"number": f"{HIS[:15]}000", "number_state": "damaged", "number_birth_date": None, "birth_date": None}
    own = {kind: rows for kind, rows in a_bill(**damaged).items() if not kind.startswith("unproven")}
    others = [{"id_number": f"{HIS[:15]}444", "name": "张大明", "unit_code": "d02"}]
    for more in ([], others):
        nights = after_the_first(first)
        nights.night(given(after(1), **lists(**merged(merged(named_by_d01(), own), {"edge_person": more}))))
        assert ("d01", HIS) in nights.rows("select division_code, right_ref from identity_question where is_asked")


def test_two_baits_do_not_tell_that_two_numbers_are_one_person(first: Nights) -> None:
    """d01 has said that two of its numbers are one person; d02 gives both numbers under invented names.

    What d02 reads of its own rows bears no person_id, so it does not tell that another division holds the two for one person.
    """
    nights = after_the_first(first)
    mine = of_d01(HIS, TWIN)
    nights.night(given(after(1), **lists(**mine)))
    word = {"input__decision": [answer(asked_of(nights, "d01"), "same", after(1), night=str(after(2)))]}
    nights.night(given(after(2), **lists(**merged(mine, word))))
    bait = {
        "edge_person": [{"id_number": HIS, "name": "假一", "unit_code": "d02"}],
        "tekun_person": [{"id_number": TWIN, "name": "假二", "unit_code": "d02"}],
    }
    nights.night(given(after(3), **lists(**merged(merged(mine, word), bait))))
    assert nights.rows("select state from identity_decision") == [("stands",)]
    bears = f"person_id in ('{HIS}', '{TWIN}')"
    for table in ("record_link", "name_conflict"):
        of_two = f"submission_id in (select submission_id from submission where unit_code = 'd02') and {bears}"
        assert nights.rows(f"select count(*), count(distinct person_id) from {table} where {of_two}") == [(2, 1)]
        own = rows_seen_in(nights, "d02", table)
        assert len(own) >= 2 and not any(row["person_id"] in (HIS, TWIN) for row in own)


def test_a_roster_sent_ahead_does_not_give_its_people_to_an_old_answer(unlisted: Nights) -> None:
    """d02 says that two invented people are one and gives one up; d01's roster in use names that number for the first time, and d01
    has sent a list of a later month without him: whose list in use names somebody has him.
    """
    nights = after_the_first(unlisted)
    word = said_same(nights, 1, known(**of_d02(HIS, SOCK)))
    nights.night(given(after(2), **known(**merged(of_d02(SOCK), word))))
    ahead = {
        "edge_person": [
            {"id_number": "旁丙", "period": "2027-03"},
            {"id_number": HIS, "name": "张大明", "period": "2026-11"},
        ]
    }
    for night in (3, 4):
        nights.night(given(after(night), **known(**merged(merged(ahead, word), of_d02(SOCK)))))
        assert nights.rows(f"select name, division_code from person where person_id = '{HIS}'") == [("张大明", "d01")]


def test_a_no_of_a_division_says_nothing_of_whom_another_one_has(unlisted: Nights) -> None:
    """d02 baits with a number beside a partner's spoilt row, answers “not the same”, gives the number up; then d01 has the person.

    The answer decides nothing about somebody of d01: the row may be his.
    """
    nights = after_the_first(unlisted)
    bait = {"edge_person": [{"id_number": HIS, "name": "张大明", "unit_code": "d02"}]}
    now = merged(known(**bait), a_bill())
    nights.night(given(after(1), **now))
    no = answer(asked_of(nights, "d02"), "not_same", after(1), unit_code="d02", night=str(after(2)))
    nights.night(given(after(2), **merged(now, {"input__decision": [no]})))
    now = merged(known(**named_by_d01()), a_bill())
    for night in (3, 4):
        nights.night(given(after(night), **merged(now, {"input__decision": [no]})))
        assert nights.rows("select row_id from registry.possible_person where person_id = $$" + HIS + "$$") == [
            ("R#a#2",)
        ]


@pytest.mark.parametrize(
    "names",
    [
        ("假名",),
        pytest.param(
            ("假名", "另名"),
            marks=broken("low", "identity_question: d02 loses its own question once a partner names him"),
        ),
    ],
    ids=["one name", "two names"],
)
def test_what_partners_say_of_a_stranger_whom_an_invented_application_let_in_is_shown_to_nobody(
    unlisted: Nights, names: tuple[str, ...]
) -> None:
    """d02 invents an application under a number, under one name or two; it comes into the scope, and a partner's bill is let in.

    What d02 sees does not tell whether a partner knows the number; with two names it does, in that a question leaves d02's list.
    """
    nights = after_the_first(unlisted)
    bait = {
        "temporary_grant": [
            {
                "id_number": "癸",
                "name": name,
                "application_no": f"B{name}",
                "unit_code": "d02",
                "accepted_on": "2026-10-01",
            }
            for name in names
        ]
    }
    nights.night(given(after(1), **known(**bait)))
    bill = {
        "medical_expense": [
            {
                "id_number": "癸",
                "name": "钱真",
                "row_id": "b#1#2",
                "submission_id": "b",
                "settled_on": "2026-09-05",
                "burden_fen": 900000,
            }
        ],
        "input__place": [{"row_id": "b#1#2", "division_code": "d01"}],
    }
    nights.night(given(after(2), **known(**merged(bait, bill))))
    assert "钱真" not in seen_in(nights, "d02")
    assert nights.rows("select warning_id from warning where person_id = '癸'") == []
    alone = after_the_first(unlisted)
    alone.night(given(after(1), **known(**bait)))
    alone.night(given(after(2), **known(**bait)))
    assert seen_in(nights, "d02") == seen_in(alone, "d02")


def test_a_question_that_was_asked_of_the_bait_s_sender_is_not_answered_for_whom_others_name(unlisted: Nights) -> None:
    """d02 gives a number and a spoilt one under an invented name, is asked whether they are one, takes the first back, and answers
    “same” after a partner has named who bears it: no person of the bureau becomes d02's by that, nor one who lives in d01.
    """
    nights = after_the_first(unlisted)
    nights.night(given(after(1), **known(**each_apart(of_d02_and_set_aside(HIS) for _ in range(2)))))
    asked = "select question_id from identity_question where is_asked and decision is null and division_code = 'd02' order by all"
    questions = [question for (question,) in nights.rows(asked)]
    assert len(questions) == 2
    bill: dict[str, Any] = {"medical_expense": HIS_BILL}
    bills = each_apart([bill, bill | {"input__place": [{"row_id": "b#1#2", "division_code": "d01"}]}])
    # The row with the right digits is taken back; a partner's bill names him.
    bait = each_apart(of_d02_and_set_aside() for _ in range(2))
    for night in (2, 3):
        nights.night(given(after(night), **known(**merged(bills, bait))))
    people = his(2)
    listed = "select warning_id, division_code, status, reason from warning where status <> 'closed' order by all"
    told, warnings = nights.rows(about(people)), nights.rows(listed)
    assert told == [(*people[0], "bureau"), (*people[1], "d01")]
    words = [
        answer(
            question, "same", after(3), unit_code="d02", night=str(after(4)), decision_id="一二"[at], row_number=3 + at
        )
        for at, question in enumerate(questions)
    ]
    seen = seen_in(nights, "d02")
    assert [name for _, name in people if name in seen] == []
    for night in (4, 5):
        nights.night(given(after(night), **known(**merged(merged(bills, {"input__decision": words}), bait))))
        seen = seen_in(nights, "d02")
        assert [name for _, name in people if name in seen] == []
        assert nights.rows(about(people)) == told
        assert nights.rows(listed) == warnings


def test_a_no_of_a_division_contradicts_no_answer_of_those_who_have_them(first: Nights) -> None:
    """d02 says that two invented people are not one; later d01 has both numbers and a third, and says that all three are one."""
    nights = after_the_first(first)
    nights.night(given(after(1), **lists(**of_d02(HIS, THIRD))))
    no = answer(asked_of(nights, "d02"), "not_same", after(1), unit_code="d02", night=str(after(2)))
    nights.night(given(after(2), **lists(**merged(of_d02(HIS, THIRD), {"input__decision": [no]}))))
    nights.night(given(after(3), **lists(**merged(of_d01(HIS, TWIN, THIRD), {"input__decision": [no]}))))
    questions = pairs_asked_of_d01(nights)
    mine = [
        answer(questions[frozenset((TWIN, THIRD))], "same", after(3), night=str(after(4)), decision_id="二"),
        answer(questions[frozenset((HIS, TWIN))], "same", after(3), night=str(after(4)), decision_id="三"),
    ]
    alone = after_the_first(nights)
    alone.night(given(after(4), **lists(**merged(of_d01(HIS, TWIN, THIRD), {"input__decision": mine}))))
    nights.night(given(after(4), **lists(**merged(of_d01(HIS, TWIN, THIRD), {"input__decision": [no, *mine]}))))
    people = "select person_id, name, division_code from person where name = '张大明' order by all"
    states = (
        "select unit_code, state, contradiction from identity_decision where unit_code = 'd01' order by decision_id"
    )
    assert nights.rows(people) == alone.rows(people)
    assert nights.rows(states) == alone.rows(states)


def test_who_answered_about_invented_people_is_not_told_what_others_answer_about_theirs(first: Nights) -> None:
    """d02 says that two invented people are one; later d01 has the numbers and answers otherwise about them.

    Whose answer sleeps is told nothing of the division that has the person: not which, who answered there, when, or what.
    """
    nights = after_the_first(first)
    word = said_same(nights, 1, lists(**of_d02(HIS, TWIN)))
    nights.night(given(after(2), **lists(**merged(of_d01(HIS, TWIN, THIRD), word))))
    questions = pairs_asked_of_d01(nights)
    before = seen_in(nights, "d02")
    mine = [
        answer(
            questions[frozenset((TWIN, THIRD))],
            "same",
            after(2),
            night=str(after(3)),
            decision_id="二",
            decided_by="戴某",
        ),
        answer(
            questions[frozenset((HIS, THIRD))],
            "not_same",
            after(2),
            night=str(after(3)),
            decision_id="三",
            decided_by="戴某",
        ),
    ]
    nights.night(
        given(
            after(3),
            **lists(**merged(of_d01(HIS, TWIN, THIRD), {"input__decision": [*word["input__decision"], *mine]})),
        )
    )
    assert "青禾区" not in before
    seen = seen_in(nights, "d02")
    assert "青禾区" not in seen and "戴某" not in seen


@pytest.fixture(scope="module")
def struck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    """A disaster of which d01 has given no help yet is listed on the second night."""
    real = tuple((SQL / f"warnings/a08.{end}").read_text(encoding="utf-8") for end in ("sql", "yml"))
    models = models_with(tmp_path_factory.mktemp("struck") / "sql", {"a08": real})
    yield from first_of(models, lists())


LOSS = {
    "disaster_loss": [
        {"id_number": "甲", "name": "张三", "disaster_type": "洪涝", "happened_on": "2026-10-20", "loss_fen": 900000}
    ]
}


def test_an_application_of_another_division_keeps_no_need_unlisted(struck: Nights) -> None:
    """d02's ledger holds a spoilt application with the number of somebody of d01 under an invented name, or without a number.

    It counts as little as an accepted one under another name, whether it was there before the need was listed or comes after.
    """
    baits: list[dict[str, Any]] = [
        {},
        {"temporary_grant": [{"id_number": "甲", "name": "假三", "application_no": "B1", "unit_code": "d02", "accepted_on": "2026-10-21",
                              "granted_on": "2026-10-25", "result": "同意"}]},
        set_aside_in_d02("temporary_grant", name="假三", person_id="甲", number_state="verified"),
        set_aside_in_d02("temporary_grant", name="张三", number_state="missing", birth_date=None),
    ]  # fmt: skip
    before = Nights(struck.models)
    before.night(given(NIGHT, **each_apart(lists() for _ in baits)))
    listed_first = after_the_first(before)
    listed_first.night(given(after(1), **each_apart(lists(**LOSS) for _ in baits)))
    told = "select household_id, division_code, status, remark from warning where left(household_id, 2) = '户甲' order by all"
    for nights in (before, listed_first):
        for night in (2, 3):
            nights.night(given(after(night), **each_apart(lists(**merged(LOSS, bait)) for bait in baits)))
            assert nights.rows(told) == [
                (f"户{apart_number('甲', at)}", "d01", "open", None) for at in range(len(baits))
            ]


# real files ----------------------------------------------------------------------------------------------------------

REAL, TOLD_BY = "欧阳真名", "假大某"
MINE = number(31)
NEAR = MINE[:-2] + str((int(MINE[-2]) + 1) % 10) + MINE[-1]
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


def in_d02(home: Path) -> str:
    """All that d02 may open of a home: its lists, letters, returned copies, and its file of the release."""
    release = (home / "warehouse.duckdb").resolve().parent
    with closing(duckdb.connect(str(release / "divisions/d02.duckdb"), read_only=True)) as con:
        tables = [name for (name,) in con.execute("select table_name from duckdb_tables()").fetchall()]
        said = "\n".join(str(row) for name in tables for row in con.execute(f"from {name}").fetchall())
    apart = ("archive", "releases", "accepted", "inbox", "work")
    return said + "\n".join(text for place, text in texts_of_home(home, but=apart) if "d02" in place)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """d02 gives numbers in old and broad writing under invented names, and a number with a row beside it that has one other digit."""
    home = few_divisions(new_home(tmp_path_factory.mktemp("real") / "home"))
    one, two = person(1), person(2)
    old, broad, mine = one[1][:6] + one[1][8:17], two[1].translate(FULL_WIDTH), MINE
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [one, person(5)])
    near = [(TOLD_BY, NEAR, NEAR, "户主", "0", "2026-10"), ("某酉", number(41), number(41), "户主", "0", "2026-10")]
    book(home / "inbox/d02/低保.xlsx", DIBAO, near)
    baits = [("假老", old, old, *one[3:]), ("假宽", broad, broad, *two[3:]), person(7)]
    book(home / "inbox/d02/边缘人员.xlsx", PERSON, [*baits, (TOLD_BY, mine, mine, *one[3:])])
    bills = [(two[0], two[1], "2026-09-15", "一院", "60000", "50000", "青禾区")]
    book(home / "inbox/medical_insurance/高额医疗费用.xlsx", MEDICAL, bills)
    run.night(home, DAY)
    book(home / "inbox/d02/边缘人员.xlsx", PERSON, baits)
    book(
        home / "inbox/medical_insurance/高额医疗费用.xlsx",
        MEDICAL,
        [*bills, (REAL, mine, "2026-09-15", "一院", "90000", "80000", "")],
    )
    run.night(home, DAY + timedelta(1))
    return home


def test_old_and_broad_digits_are_no_better_bait(real: Path) -> None:
    names = ask(
        real,
        "select id_number, name, division_code from person where id_number in (?, ?, ?) order by all",
        number(1),
        number(2),
        MINE,
    )
    assert (number(1), person(1)[0], "d01") in names
    seen = in_d02(real)
    assert person(1)[0] not in seen and person(2)[0] not in seen and REAL not in seen
    assert "假老" in seen and "假宽" in seen


@pytest.fixture(scope="module")
def answered(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The night after d02 answers what it was asked on the first one."""
    home = copy_home(real, tmp_path_factory.mktemp("answered") / "home")
    assert ask(home, "select name, division_code from person where id_number = ?", MINE) == [(REAL, "bureau")]
    ((question,),) = ask(
        home, "select question_id from identity_question where about = 'pair' and division_code = 'd02'"
    )
    third = DAY + timedelta(2)
    words = ("是同一人", "李四", third.isoformat(), "看了户口簿")
    lines = [(TOLD_BY, *words, question)]
    book(home / "decisions/inbox/d02/清单.xlsx", ("姓名", *JUDGED, QUESTION_NUMBER), lines, sheet="身份疑问")
    run.night(home, third)
    return home


def test_a_late_answer_in_a_real_list_tells_no_name(answered: Path) -> None:
    """The same as the question that is not asked any more, with workbooks, a filled-in list and three nights."""
    assert ask(answered, "select name, division_code from person where id_number = ?", MINE) == [(REAL, "bureau")]
    assert REAL not in in_d02(answered)


def test_after_the_plays_a_rebuilt_home_tells_the_same(answered: Path, tmp_path: Path) -> None:
    home = copy_home(answered, tmp_path / "home")
    integrity.recover(home)
    assert differences(answered, home, without={"release": ["built_at"]}) == {}
    assert integrity.verify(home)["problems"] == []


def test_who_asks_to_be_forgotten_is_not_kept_by_the_row_of_another_division(answered: Path, tmp_path: Path) -> None:
    """After d02's late answer the person whom only a partner knows asks to be forgotten, years later: he is on no list but by a bait."""
    home = copy_home(answered, tmp_path / "home")
    told = forgetting.forget(home, MINE, date(2029, 12, 31), who="数据员", because="本人申请")
    assert told["kept"] == []


def test_a_claim_to_a_row_of_which_the_bureau_said_whose_it_is_takes_it_from_nobody(unlisted: Nights) -> None:
    """The bureau has said that a partner's spoilt bill is a person of d01; d02 enters a near number and claims the bill later.

    After the bureau has said whose the row is, a division's word changes nothing.
    """
    nights = after_the_first(unlisted)
    given_now = merged(known(**named_by_d01()), a_bill())
    nights.night(given(after(1), **given_now))
    bureau = answer(asked_of(nights, "d01"), "same", after(1), unit_code="bureau", night=str(after(2)))
    nights.night(given(after(2), **merged(given_now, {"input__decision": [bureau]})))
    assert nights.rows("select person_id from record_link where identity_state = 'decided'") == [(HIS,)]
    given_now = merged(given_now, {"edge_person": [{"id_number": OTHER, "name": "张大明", "unit_code": "d02"}]})
    nights.night(given(after(3), **merged(given_now, {"input__decision": [bureau]})))
    theirs = answer(
        asked_of(nights, "d02"),
        "same",
        after(3),
        unit_code="d02",
        decision_id="二",
        night=str(after(4)),
        received_seq=2,
    )
    nights.night(given(after(4), **merged(given_now, {"input__decision": [bureau, theirs]})))
    assert nights.rows("select warning_id from warning_withdrawn") == []
    assert nights.rows("select person_id from record_link where identity_state = 'decided'") == [(HIS,)]


def test_what_the_bureau_said_is_not_undone_by_the_bait_s_sender(unlisted: Nights) -> None:
    """The bureau says that d02's spoilt row is not the person of d01; a day later d02 answers its old question “same”.

    A division's later word, let alone one that sleeps, does not replace the bureau's.
    """
    nights = after_the_first(unlisted)
    nights.night(given(after(1), **known(**of_d02_and_set_aside(HIS))))
    question = asked_of(nights, "d02")
    bill: dict[str, Any] = {"medical_expense": HIS_BILL, "input__place": [{"row_id": "b#1#2", "division_code": "d01"}]}
    for night in (2, 3):
        nights.night(given(after(night), **known(**merged(bill, of_d02_and_set_aside()))))
    told = f"select person_id, name, division_code from person where person_id = '{HIS}'"
    person = nights.rows(told)
    words = [
        answer(question, "not_same", after(3), unit_code="bureau", night=str(after(4))),
        answer(question, "same", after(4), unit_code="d02", decision_id="二", night=str(after(5))),
    ]
    nights.night(
        given(after(4), **known(**merged(merged(bill, {"input__decision": words[:1]}), of_d02_and_set_aside())))
    )
    for night in (5, 6):
        nights.night(
            given(after(night), **known(**merged(merged(bill, {"input__decision": words}), of_d02_and_set_aside())))
        )
        assert nights.rows(told) == person
        assert nights.rows("select unit_code, state from identity_decision where state = 'stands'") == [
            ("bureau", "stands")
        ]


def test_a_household_of_another_division_is_in_no_doubt_by_disputed_rows(first: Nights) -> None:
    nights = after_the_first(first)
    bait: dict[str, Any] = {
        "dibao_person": [
            {"id_number": "乙", "name": "假乙", "head_id_number": "丙", "relation": "子", "unit_code": "d02"}
        ],
        "edge_person": [
            {"id_number": "丁", "name": "假丁", "head_id_number": "丙", "relation": "子", "unit_code": "d02"}
        ],
        "survey_person": [
            {"id_number": "丁", "name": "假丁", "household_no": "H2", "relation": "子", "unit_code": "d02"}
        ],
    }
    asked = "select household_id, registry, answer from registry.household_check where household_id in ('户丙') order by all"
    before = nights.rows(asked)
    for night in (1, 2):
        nights.night(given(after(night), **lists(**bait)))
        assert nights.rows(asked) == before
        assert nights.rows("select warning_id from warning_withdrawn") == []


def test_an_answer_that_slept_takes_nobody_when_it_wakes(unlisted: Nights) -> None:
    """d01 has him for some nights, its list leaves him out, and a partner alone names him, at an address in d01 or at none; d02, who once
    said that he is one with its invention, names the invention alone: the answer does not wake while anybody else names him.
    """
    nights = after_the_first(unlisted)
    word = said_same(nights, 1, known(**each_apart(of_d02(HIS, SOCK) for _ in range(2))), 2)
    bill: dict[str, Any] = {"medical_expense": HIS_BILL}
    placed = bill | {"input__place": [{"row_id": "b#1#2", "division_code": "d01"}]}
    invented = merged(word, each_apart(of_d02(SOCK) for _ in range(2)))
    people = his(2)
    for night in (2, 3):
        nights.night(
            given(
                after(night), **known(**merged(each_apart(merged(placed, named_by_d01()) for _ in range(2)), invented))
            )
        )
        assert nights.rows("select state from identity_decision") == [("moved",)] * 2
    for night in (4, 5, 6):
        nights.night(given(after(night), **known(**merged(each_apart([placed, bill]), invented))))
        assert [row[:2] for row in nights.rows(about(people))] == people


def test_a_row_that_was_set_aside_elsewhere_is_shown_to_the_bureau_with_what_it_changes(first: Nights) -> None:
    """d02's roster has a spoilt row with the number of a poor person under an invented name; then d01's survey finds that person.

    He is not listed as long as the row lies there; the bureau sees what the row keeps from him, and what it says is done.
    """
    nights = after_the_first(first)
    bait = set_aside_in_d02("dibao_person", period="2026-10", name="假新", person_id="新", number_state="verified")
    poor = {"survey_household": survey({"head_id_number": "新", "head_name": "新人", "household_no": "H9"})}
    alone = after_the_first(nights)
    alone.night(given(after(1), **of_october(lists(**poor))))
    assert alone.rows("select division_code from warning where subject_id = '户新'") == [("d01",)]
    for night in (1, 2):
        nights.night(given(after(night), **of_october(lists(**merged(poor, bait)))))
    listed = nights.rows("select division_code from warning where subject_id = '户新'")
    assert listed == []
    assert nights.rows("select kept_name, other_name, state, flips from name_conflict where person_id = '新'") == [
        ("新人", "假新", "disputed", True)
    ]
    asked = "select division_code, consequence, question_id from identity_question where is_asked and right_ref = '新'"
    ((asker, consequence, question),) = nights.rows(asked)
    assert asker == "bureau" and consequence.startswith("若不是：列出X01")
    assert "新人" not in seen_in(nights, "d02")
    for said, then in (("not_same", [("d01",)]), ("same", [])):
        told = after_the_first(nights)
        word = answer(question, said, after(2), unit_code="bureau", night=str(after(3)))
        told.night(given(after(3), **of_october(lists(**merged(merged(poor, bait), {"input__decision": [word]})))))
        assert told.rows("select division_code from warning where subject_id = '户新'") == then


NEW = {"survey_household": survey({"head_id_number": "新", "head_name": "新人", "household_no": "H9"})}


def set_aside_rows(kind: str, *names: str | None, period: str | None = "2026-10", **more: Any) -> dict[str, Any]:
    """A list of d02, of which rows with one number under these names were set aside for something other than the number."""
    whole = set_aside_in_d02(kind, period=period)
    (row,) = whole["input__set_aside"]
    rows = [
        row | {"row_id": f"Z#a#{at}", "row_number": at, "name": name, "person_id": "新"} | more
        for at, name in enumerate(names, 2)
    ]
    return {"input__set_aside": rows, "input__submission": whole["input__submission"]}


def test_names_that_are_tried_in_rows_that_cannot_be_used_tell_nothing_and_each_is_asked_about(first: Nights) -> None:
    """The name that is right is asked about like the wrong ones, or its absence would tell it; until the last is answered nobody is listed."""
    nights = after_the_first(first)
    bait = set_aside_rows("dibao_person", "假一", "新人", "假二")
    nights.night(given(after(1), **of_october(lists(**merged(NEW, bait)))))
    assert rows_seen_in(nights, "d02", "name_conflict") == [] and "新人" not in seen_in(nights, "d02")
    asked = (
        "select left_name, question_id from identity_question where is_asked and division_code = 'bureau' order by all"
    )
    questions = dict(nights.rows(asked))
    assert list(questions) == ["假一", "假二", "新人"]
    listed = "select division_code from warning where subject_id = '户新'"
    for answered in (["假一", "假二"], ["假一", "假二", "新人"]):
        told = after_the_first(nights)
        words = [
            answer(questions[name], "not_same", after(1), unit_code="bureau", decision_id=name, night=str(after(2)))
            for name in answered
        ]
        told.night(given(after(2), **of_october(lists(**merged(NEW, merged(bait, {"input__decision": words}))))))
        assert told.rows(listed) == ([("d01",)] if len(answered) == 3 else [])


def test_a_row_that_cannot_be_used_does_not_tell_the_other_number_of_its_person(first: Nights) -> None:
    nights = after_the_first(first)
    mine = of_d01(HIS, TWIN)
    nights.night(given(after(1), **of_october(lists(**mine))))
    word = {"input__decision": [answer(asked_of(nights, "d01"), "same", after(1), night=str(after(2)))]}
    for borne, other in ((HIS, TWIN), (TWIN, HIS)):
        told = after_the_first(nights)
        bait = set_aside_rows("dibao_person", "假一", person_id=borne)
        told.night(given(after(2), **of_october(lists(**merged(merged(mine, word), bait)))))
        assert told.rows("select state from identity_decision") == [("stands",)]
        assert other not in seen_in(told, "d02")
        ((number_shown,),) = told.rows(
            "select left_number_masked from identity_question where is_asked and about = 'name'"
        )
        assert number_shown is None, "nobody knows here which of the two numbers the row bears"


@pytest.mark.parametrize("kind", ["dibao_household", "edge_household"])
def test_a_household_of_a_month_that_is_not_in_use_keeps_nobody_of_another_division_unlisted(
    first: Nights, kind: str
) -> None:
    nights = after_the_first(first)
    bait = {kind: [{"head_id_number": "新", "head_name": "假新", "unit_code": "d02", "period": "2026-09"}]}
    for night in (1, 2):
        nights.night(given(after(night), **of_october(lists(**merged(NEW, bait)))))
    check = "select answer from registry.registry_check where person_id = '新' and registry = ?"
    assert nights.rows(check.replace("?", f"'{kind.removesuffix('_household')}'")) == [("not_enrolled",)]
    assert nights.rows("select division_code from warning where subject_id = '户新'") == [("d01",)]


def test_an_application_of_another_division_without_a_name_is_asked_about(struck: Nights) -> None:
    """It may be his, so nothing is listed; that rests with the bureau, whose answer lets it be listed."""
    nights = after_the_first(struck)
    bait = set_aside_rows("temporary_grant", None, period=None, person_id="甲")
    nights.night(given(after(2), **lists(**merged(LOSS, bait))))
    listed = "select division_code from warning where household_id = '户甲'"
    assert nights.rows(listed) == []
    ((asker, question),) = nights.rows("select division_code, question_id from identity_question where is_asked")
    assert asker == "bureau" and rows_seen_in(nights, "d02", "identity_question") == []
    word = answer(question, "not_same", after(2), unit_code="bureau", night=str(after(3)))
    nights.night(given(after(3), **lists(**merged(LOSS, merged(bait, {"input__decision": [word]})))))
    assert nights.rows(listed) == [("d01",)]


def test_what_an_answer_would_change_elsewhere_is_not_told_on_the_first_night(first: Nights) -> None:
    """He stands on d02's list under his name and lives in d01: d02 is told nothing of what its own rows would change there."""
    nights = after_the_first(first)
    both: dict[str, Any] = {
        "tekun_person": [{"id_number": "新", "name": "新人", "unit_code": "d02"}],
        "edge_person": [{"id_number": "新", "name": "新人", "unit_code": "d01"}],
        "survey_person": [{"id_number": "新", "name": "假新", "unit_code": "d02", "household_no": "H2"}],
    }
    nights.night(given(after(1), **of_october(lists(**merged(NEW, both)))))
    assert nights.rows("select division_code from person where person_id = '新'") == [("d01",)]
    shown = rows_seen_in(nights, "d02", "name_conflict")
    assert [row["flips"] for row in shown if row["other_name"] == "假新"] == [None]
