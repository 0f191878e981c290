"""What the list of another division claims about somebody: until a person has decided, nothing changes where he lives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from low_income import warehouse

from tests.claim_kit import (
    BILLS,
    HIS,
    KNOWN,
    OTHER,
    SICK,
    SICK_CARD,
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
    seen_in,
    set_aside_in_d02,
)
from tests.claim_kit import first as first  # noqa: PLC0414 - a fixture
from tests.claim_kit import unlisted as unlisted  # noqa: PLC0414 - a fixture
from tests.identity_kit import after_the_first, answer, first_of
from tests.life_kit import after, said
from tests.warehouse_kit import (
    NIGHT,
    ROSTERS,
    Nights,
    apart,
    apart_name,
    apart_number,
    each_apart,
    given,
    merged,
    models_with,
    survey,
)

pytestmark = pytest.mark.slow


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
    "a row that was set aside": set_aside_in_d02(
        "dibao_person", period="2026-10", name="假三", person_id="甲", number_state="verified"
    ),
}  # fmt: skip

OF_D01 = {
    "people": "select person_id, name, household_id, division_code from person where regexp_full_match(person_id, '[甲乙丙丁].')",
    "households": "select * from household where regexp_full_match(household_id, '户[甲乙丙丁].')",
    "members": "select household_id, person_id from household_member where regexp_full_match(household_id, '户[甲乙丙丁].')",
    "open warnings": "select warning_id, level, division_code, status, reason from warning where status <> 'closed'",
    "withdrawn": "select warning_id from warning_withdrawn",
}  # fmt: skip


def of_d01(nights: Nights) -> dict[str, list[tuple[Any, ...]]]:
    return {what: nights.rows(f"{query} order by all") for what, query in OF_D01.items()}


@pytest.fixture(scope="module")
def apart_first(first: Nights) -> Iterator[Nights]:
    """The night before any claim, of four households for each of CLAIMS."""
    yield from first_of(first.models, each_apart(lists() for _ in CLAIMS))


def test_the_list_of_another_division_changes_nothing_where_somebody_lives(apart_first: Nights) -> None:
    before = of_d01(apart_first)
    assert len(before["open warnings"]) == len(before["people"]) == len(before["households"]) == 4 * len(CLAIMS)
    nights = after_the_first(apart_first)
    claimed = each_apart(lists(**claim) for claim in CLAIMS.values())
    nights.night(given(after(1), **claimed))
    assert of_d01(nights) == before
    # Nor on the night after, when the claim stood on the release before.
    nights.night(given(after(2), **claimed))
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
    decided = lists(**claim) | {"dibao_person": [*own, *claim["dibao_person"]], "input__decision": [same]}
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


# --- of whom no division's roster knows ------------------------------------------------------------------------------


def applied(*names: str) -> list[dict[str, Any]]:
    """Applications in d02, later than all others, on each of the numbers under each of these names."""
    return [
        {"id_number": who, "name": name, "application_no": f"B{who}{at}", "unit_code": "d02", "accepted_on": "2026-10-01"}
        for who in KNOWN
        for at, name in enumerate(names)
    ]  # fmt: skip


WRONG = "郑十"
GUESSES: dict[str, dict[str, list[dict[str, Any]]]] = {
    "an application under an invented name": {"temporary_grant": applied("假名")},
    "applications under the surname alone": {
        "temporary_grant": [row | {"name": KNOWN[row["id_number"]][0][0]} for row in applied("")]
    },
    "applications under every name there is": {
        "temporary_grant": applied(WRONG, *(name for name, _ in KNOWN.values()))
    },
    "lists of months that are over under a name each": {
        "tekun_person": [
            {"id_number": "旁戊", "name": "旁人", "unit_code": "d02"},
            *(
                {"id_number": who, "name": name, "unit_code": "d02", "period": month}
                for who, (right, _) in KNOWN.items()
                for name, month in ((right, "2026-03"), (WRONG, "2026-04"))
            ),
        ],
        "edge_person": [
            {"id_number": "旁己", "name": "旁人", "unit_code": "d02"},
            *({"id_number": who, "name": WRONG, "unit_code": "d02", "period": "2026-02"} for who in KNOWN),
        ],
    },
    "children tied to the numbers": {
        "dibao_person": [
            {"id_number": f"子{who}", "head_id_number": who, "relation": "子", "unit_code": "d02", "start_month": "2026-10"}
            for who in KNOWN
        ],
        "edge_person": [{"id_number": f"女{who}", "head_id_number": who, "relation": "女", "unit_code": "d02"} for who in KNOWN],
    },
    "children tied to the numbers, the households under an invented name": {
        "dibao_household": [{"head_id_number": who, "head_name": "假名", "unit_code": "d02"} for who in KNOWN if who != "戊"],
        "dibao_person": [
            {"id_number": f"子{who}", "head_id_number": who, "relation": "子", "unit_code": "d02"} for who in KNOWN if who != "戊"
        ],
    },
}  # fmt: skip

COUNTED = {
    "people": "select person_id, name, household_id, division_code from person where regexp_full_match(person_id, '[戊己庚].')",
    "households": "select * exclude (colour) from household where regexp_full_match(household_id, '户[戊己庚].')",
    "members": "select household_id, person_id from household_member where regexp_full_match(household_id, '户[戊己庚].')",
    "open warnings": "select warning_id, level, division_code, subject_name, status, reason from warning where status <> 'closed'",
    "withdrawn": "select warning_id from warning_withdrawn",
}


def counted(nights: Nights) -> dict[str, list[tuple[Any, ...]]]:
    return {what: nights.rows(f"{query} order by all") for what, query in COUNTED.items()}


def told_of(nights: Nights, names: Iterable[str], guessed: dict[str, list[dict[str, Any]]]) -> list[str]:
    """The real names that d02 reads more often than it has written them, right or wrong."""
    seen = seen_in(nights, "d02")
    sent = Counter(row["name"] for rows in guessed.values() for row in rows if "name" in row)
    return [name for name in names if seen.count(name) > sent[name]]


GUESSED = each_apart(GUESSES.values())
ALL_KNOWN = {
    apart_number(who, at): (apart_name(name, at), where)
    for at in range(len(GUESSES))
    for who, (name, where) in KNOWN.items()
}
"""The people of KNOWN, once for each of GUESSES."""


def test_who_is_on_no_roster_is_neither_moved_nor_named(unlisted: Nights) -> None:
    nights = Nights(unlisted.models)
    nights.night(given(NIGHT, **each_apart(known() for _ in GUESSES)))
    before = counted(nights)
    assert {(row[0], *row[1::2]) for row in before["people"]} == {(who, *of) for who, of in ALL_KNOWN.items()}
    assert len(before["open warnings"]) == len(ALL_KNOWN)
    for night in (1, 2):
        nights.night(given(after(night), **each_apart(known(**guess) for guess in GUESSES.values())))
        assert counted(nights) == before
        assert told_of(nights, (name for name, _ in ALL_KNOWN.values()), GUESSED) == []
    assert nights.rows("select distinct division_code from identity_question where is_asked") == [("bureau",)]
    children = {row["id_number"] for rows in GUESSED.values() for row in rows if row.get("id_number", "-")[0] in "子女"}
    mine = nights.rows(
        "select person_id, division_code from person where starts_with(person_id, '子') or starts_with(person_id, '女')"
    )
    assert sorted(mine) == sorted((child, "d02") for child in children), "who is on its roster is its own all the same"


def test_nor_on_the_night_on_which_the_claim_and_he_come_together(unlisted: Nights) -> None:
    nights = Nights(unlisted.models)
    for night in (0, 1):
        nights.night(given(after(night), **each_apart(known(**guess) for guess in GUESSES.values())))
        assert told_of(nights, (name for name, _ in ALL_KNOWN.values()), GUESSED) == []
        assert nights.rows("select person_id from warning where division_code = 'd02'") == []


def test_a_number_taken_before_anybody_knew_it_tells_no_name_later(unlisted: Nights) -> None:
    nights = Nights(unlisted.models)
    taken = {
        "temporary_grant": applied("假名"),
        "survey_household": survey({"head_id_number": "己", "head_name": "假名", "unit_code": "d02"}),
    }
    mine = {"medical_expense": [bill | {"name": "假名"} for bill in BILLS], **taken, **ROSTERS}
    nights.night(given(NIGHT, **mine))
    assert nights.rows("select distinct subject_name, division_code from warning") == [("假名", "d02")]
    for night in (1, 2):
        nights.night(given(after(night), **known(**taken)))
        seen = seen_in(nights, "d02")
        assert [name for name, _ in KNOWN.values() if name in seen] == []


# --- families of whose head a number is all that is known, and who left a list --------------------------------------

FAMILY = [
    {"id_number": who, "name": name, "head_id_number": "父", "relation": relation, "start_month": "2026-01"}
    for who, name, relation in (("娃", "王小娃", "子"), ("母", "李大母", "配偶"))
]
LEFT = [{"id_number": "戌", "name": "陈去", "period": "2026-07"}]
TAKEN: dict[str, dict[str, list[dict[str, Any]]]] = {
    "an application": {"temporary_grant": [{"id_number": "父", "name": "假名", "application_no": "B1", "unit_code": "d02"}]},
    "a child": {"dibao_person": [{"id_number": "女", "name": "假女", "head_id_number": "父", "relation": "女", "unit_code": "d02"}]},
    "a roster": {"dibao_person": [{"id_number": who, "name": "假名", "unit_code": "d02", "start_month": "2026-10"} for who in ("父", "戌")]},
    "the survey": {"survey_household": survey(*({"head_id_number": who, "head_name": "假名", "unit_code": "d02"} for who in ("父", "戌")))},
    "a household": {
        "dibao_household": [
            {"head_id_number": who, "head_name": "假名", "unit_code": "d02", "start_month": "2026-10"} for who in ("父", "戌")
        ],
    },
    "a list of long ago": {"tekun_person": [{"id_number": who, "name": "假名", "unit_code": "d02", "period": "2026-03"} for who in ("父", "戌")]},
}  # fmt: skip


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    models = models_with(tmp_path_factory.mktemp("family") / "sql", {"x01": (SICK, SICK_CARD)})
    yield from first_of(models, known(dibao_person=[*FAMILY, *LEFT]))


def test_a_family_whose_head_nobody_named_and_who_left_a_list_stay_where_they_are(family: Nights) -> None:
    nights = Nights(family.models)
    own = known(dibao_person=[*FAMILY, *LEFT])
    nights.night(given(NIGHT, **each_apart(own for _ in TAKEN)))
    where = (
        "select person_id, name, household_id, division_code from person where left(person_id, 1) in ('娃', '母', '戌')"
    )
    households = [f"户{apart_number('父', at)}-d01" for at in range(len(TAKEN))]
    home = [
        (apart_number(who, at), apart_name(name, at), household if who != "戌" else f"户{apart_number(who, at)}", "d01")
        for at, household in enumerate(households)
        for who, name in (("娃", "王小娃"), ("母", "李大母"), ("戌", "陈去"))
    ]
    assert sorted(nights.rows(where)) == sorted(home)
    for night in (1, 2):
        nights.night(given(after(night), **each_apart(merged(own, claim) for claim in TAKEN.values())))
        assert sorted(nights.rows(where)) == sorted(home)
        sizes = nights.rows(
            "select household_id, division_code, size from household where left(household_id, 2) = '户父'"
        )
        assert {row for row in sizes if row[0] in households} == {(household, "d01", 2) for household in households}
        seen = seen_in(nights, "d02")
        assert [name for _, name, *_ in home if name[0] == "陈" and name in seen] == []


def test_a_bill_of_the_head_parts_no_family(family: Nights) -> None:
    """His number alone names nobody: he is not theirs before their list says his name; nor is he called not enrolled meanwhile."""
    nights = after_the_first(family)
    bill = [{"id_number": "父", "name": "王大父", "settled_on": "2026-09-05", "burden_fen": 900000}]
    lists_now = known(dibao_person=[*FAMILY, *LEFT], medical_expense=bill)
    both = "select distinct household_id, division_code from person where person_id in ('娃', '母')"
    for night in (1, 2):
        nights.night(given(after(night), **lists_now))
        assert nights.rows(both) == [("户父-d01", "d01")]
        assert nights.rows("select household_id, division_code from person where person_id = '父'") == [
            ("户父", "bureau")
        ]
        assert "王大父" not in seen_in(nights, "d01")
        assert nights.rows("select warning_id from warning where person_id = '父'") == []
    named = merged(
        lists_now, {"dibao_household": [{"head_id_number": "父", "head_name": "王大父", "start_month": "2026-01"}]}
    )
    nights.night(given(after(3), **named))
    assert nights.rows(
        "select distinct household_id, division_code from person where person_id in ('父', '娃', '母')"
    ) == [("户父", "d01")]


KNOWN_FATHER: dict[str, list[dict[str, Any]]] = {
    "dibao_household": [
        {
            "head_id_number": "父",
            "head_name": "王大父",
            "start_month": "2026-01",
            "household_size": 3,
            "period": "2026-10",
        }
    ],
    "dibao_person": [{"id_number": "父", "name": "王大父", "head_id_number": "父", "start_month": "2026-01"}],
}
CHILD: dict[str, list[dict[str, Any]]] = {
    "dibao_person": [
        {
            "id_number": "假",
            "name": "假娃",
            "head_id_number": "父",
            "relation": "子",
            "unit_code": "d02",
            "start_month": "2026-10",
            "period": "2026-10",
        }
    ],
    "edge_person": [
        {
            "id_number": "伪",
            "name": "伪娃",
            "head_id_number": "父",
            "relation": "女",
            "unit_code": "d02",
            "period": "2026-10",
        }
    ],
}
OF_FATHER = (
    "select person_id, name, household_id, division_code from person where person_id in ('父', '娃', '母') order by all"
)
OF_FATHERS = (
    "select person_id, name, household_id, division_code from person where left(person_id, 1) in ('父', '娃', '母')"
)
OF_FAMILY = {"父": "王大父", "娃": "王小娃", "母": "李大母"}
FATHERS = [(who, name, "户父", "d01") for who, name in sorted(OF_FAMILY.items())]


def fathers(cases: Iterable[int]) -> list[tuple[Any, ...]]:
    """What OF_FATHERS tells of the families of these cases (`apart`), sorted."""
    return sorted(
        (apart_number(who, at), apart_name(name, at), f"户{apart_number('父', at)}", "d01")
        for at in cases
        for who, name in OF_FAMILY.items()
    )


def fathers_seen(nights: Nights, cases: Iterable[int]) -> list[str]:
    """Whose name of these families d02 reads."""
    seen = seen_in(nights, "d02")
    return [name for at in cases for each in OF_FAMILY.values() if (name := apart_name(each, at)) in seen]


def test_a_number_taken_the_night_before_its_own_list_came_brings_no_family(family: Nights) -> None:
    """d02 ties a child to the number, or takes it under an invented name, or both; then d01's list gives it; then d02 ties again."""
    nights = Nights(family.models)
    number_itself = {
        "dibao_person": [{"id_number": "父", "name": "假父", "unit_code": "d02", "start_month": "2026-10"}]
    }
    claims = [CHILD, number_itself, merged(CHILD, number_itself)]
    both = 2
    nights.night(given(NIGHT, **of_october(each_apart(merged(known(), claim) for claim in claims))))
    truth = merged(known(dibao_person=FAMILY), KNOWN_FATHER)
    nights.night(given(after(1), **of_october(each_apart(merged(truth, claim) for claim in claims))))
    # d02 still gives the number that it had first, and to the same child: a person must decide.
    father, at_home = apart_number("父", both), f"户{apart_number('父', both)}-d01"
    undecided = [
        (father, apart_name("假父", both), f"户{father}", "d02"),
        *((apart_number(who, both), apart_name(OF_FAMILY[who], both), at_home, "d01") for who in ("娃", "母")),
    ]
    for night in (2, 3):
        nights.night(given(after(night), **of_october(each_apart(merged(truth, CHILD) for _ in claims))))
        assert sorted(nights.rows(OF_FATHERS)) == sorted([*fathers(range(both)), *undecided])
        assert nights.rows(
            "select left(right_ref, 1), division_code from identity_question where is_asked and about = 'name'"
        ) == 2 * [("父", "bureau")]
        sizes = "select household_id, division_code, size from household where household_id in ('户父A', '户父B') order by all"
        assert nights.rows(sizes) == [("户父A", "d01", 3), ("户父B", "d01", 3)]
        assert fathers_seen(nights, range(len(claims))) == []
        mine = "select distinct division_code from person where left(person_id, 1) in ('假', '伪')"
        assert nights.rows(mine) == [("d02",)]


def test_facts_and_places_of_another_division_do_not_reach_a_family_whose_head_it_names(family: Nights) -> None:
    """The night after d02 has named the number as a member elsewhere, and as head of a household, all is as before."""
    before = family.rows("select * from household where household_id = '户父-d01'")
    nights = after_the_first(family)
    named: dict[str, list[dict[str, Any]]] = {
        "dibao_household": [
            {"head_id_number": "父", "head_name": "假父", "unit_code": "d02", "start_month": "2026-10", "household_size": 9,
             "area_type": "城市"},
            {"head_id_number": "他", "head_name": "假他", "unit_code": "d02", "start_month": "2026-10"},
        ],
        "edge_person": [{"id_number": "父", "name": "假父", "head_id_number": "他", "relation": "子", "unit_code": "d02"}],
    }  # fmt: skip
    for night in (1, 2, 3):
        nights.night(given(after(night), **of_october(merged(known(dibao_person=[*FAMILY, *LEFT]), named))))
        assert nights.rows("select * from household where household_id = '户父-d01'") == before
        assert {row[2:] for row in nights.rows(OF_FATHER) if row[0] != "父"} == {("户父-d01", "d01")}


def test_two_divisions_that_tie_one_number_share_no_household(family: Nights) -> None:
    nights = Nights(family.models)
    edge = [{key: value for key, value in row.items() if key != "start_month"} for row in FAMILY]
    nights.night(given(NIGHT, **of_october(merged(known(edge_person=edge), CHILD))))
    found = nights.rows(
        "select person_id, household_id, division_code from person where person_id in ('娃', '母', '假', '伪')"
    )
    assert sorted(found) == [
        ("伪", "户父-d02", "d02"),
        ("假", "户父-d02", "d02"),
        ("娃", "户父-d01", "d01"),
        ("母", "户父-d01", "d01"),
    ]


def set_aside(
    name: str | None, *kinds: str, night: int = 1, unit: str = "d01", period: str = "2026-10"
) -> dict[str, list[dict[str, Any]]]:
    """Rows with the father's number that his division's list had, and that were set aside."""
    return {
        "input__set_aside": [
            {"row_id": f"Z#a#{at}", "submission_id": "Z", "kind": kind, "unit_code": unit, "period": period,
             "sheet": "a", "row_number": at, "name": name, "reason": "x", "person_id": "父", "number_state": "verified"}
            for at, kind in enumerate(kinds, 2)
        ],
        "input__submission": [
            {"submission_id": "Z", "unit_code": unit, "kind": kinds[0], "file_name": "z.xlsx", "period": period,
             "status": "partly_accepted", "received_seq": 99, "night": str(after(night))},
        ],
    }  # fmt: skip


def taken(name: str = "假父") -> dict[str, list[dict[str, Any]]]:
    """d02 claims the father's number."""
    return {"dibao_person": [{"id_number": "父", "name": name, "unit_code": "d02", "start_month": "2026-10"}]}


def test_whose_own_row_was_set_aside_is_not_taken_meanwhile(family: Nights) -> None:
    names = ["王大父", "王大父（户主）", None]
    cases = range(len(names))
    truth = merged(known(dibao_person=FAMILY), KNOWN_FATHER)
    nights = Nights(family.models)
    nights.night(given(NIGHT, **of_october(each_apart(truth for _ in names))))
    assert sorted(nights.rows(OF_FATHERS)) == fathers(cases)
    spoilt = [merged(merged(known(dibao_person=FAMILY), set_aside(name, *KNOWN_FATHER)), taken()) for name in names]
    for night in (1, 2):
        nights.night(given(after(night), **of_october(each_apart(spoilt))))
        assert sorted(nights.rows(OF_FATHERS)) == fathers(cases)
        told = "select kept_name, other_name, kept_unit_code, state from name_conflict where left(person_id, 1) = '父' order by person_id"
        assert nights.rows(told) == [
            (apart_name("王大父", at), apart_name("假父", at), "d01", "disputed") for at in cases
        ]
        assert nights.rows(
            "select right_ref, division_code from identity_question where is_asked and about = 'name' order by all"
        ) == [(apart_number("父", at), "bureau") for at in cases]
        assert fathers_seen(nights, cases) == []
    nights.night(given(after(3), **of_october(each_apart(merged(truth, taken()) for _ in names))))
    assert sorted(nights.rows(OF_FATHERS)) == fathers(cases)


def test_a_row_that_was_set_aside_long_ago_does_not_keep_a_number_for_who_took_it(family: Nights) -> None:
    nights = Nights(family.models)
    old = set_aside(None, "tekun_person", night=0, unit="d02", period="2026-03")
    nights.night(given(NIGHT, **of_october(merged(merged(known(), old), taken()))))
    truth = merged(merged(known(dibao_person=FAMILY), KNOWN_FATHER), old)
    for night in (1, 2):
        nights.night(given(after(night), **of_october(truth)))
    assert nights.rows(OF_FATHER) == FATHERS


# --- beginnings of names, and names tried one after the other --------------------------------------------------------


def test_the_beginning_of_a_name_is_not_the_name_for_another_division(unlisted: Nights) -> None:
    long = "买买提艾力"
    nights = Nights(unlisted.models)
    bills = [BILLS[0] | {"name": long}, *BILLS[1:]]
    mine = {"medical_expense": bills, **ROSTERS}
    claims = [
        {
            "temporary_grant": [{"id_number": "戊", "name": short, "application_no": "B1", "unit_code": "d02"}],
            "edge_person": [{"id_number": "戊", "name": short, "unit_code": "d02"}],
        }
        for short in ("买买提", "买买提艾", "买买")
    ]
    nights.night(given(NIGHT, **of_october(each_apart(mine for _ in claims))))
    together = Nights(unlisted.models)
    together.night(given(NIGHT, **of_october(each_apart(merged(mine, claim) for claim in claims))))
    nights.night(given(after(1), **of_october(each_apart(merged(mine, claim) for claim in claims))))
    names = [apart_name(long, at) for at in range(len(claims))]
    told = "select name, division_code from person where left(person_id, 1) = '戊' order by person_id"
    assert nights.rows(told) == [(name, "bureau") for name in names]
    for each in (nights, together):
        seen = seen_in(each, "d02")
        assert [name for name in names if name in seen] == []


def test_a_surname_of_two_characters_does_not_let_the_rest_be_tried(unlisted: Nights) -> None:
    nights = Nights(unlisted.models)
    mine = {"medical_expense": [BILLS[0] | {"name": "欧阳春"}, *BILLS[1:]], **ROSTERS}
    nights.night(given(NIGHT, **of_october(mine)))
    tried = [
        {"id_number": "戊", "name": f"欧阳{last}", "application_no": f"B{last}", "unit_code": "d02"}
        for last in "一二三春夏秋冬"
    ]
    for night in (1, 2):
        nights.night(given(after(night), **of_october(merged(mine, {"temporary_grant": tried}))))
        assert nights.rows("select name, division_code from person where person_id = '戊'") == [("欧阳春", "bureau")]
        assert seen_in(nights, "d02").count("欧阳春") == seen_in(nights, "d02").count("欧阳夏")
        assert nights.rows("select distinct division_code from identity_question where is_asked") == [("bureau",)]


@pytest.mark.parametrize("partner", ["medical_insurance", "civil"])
def test_a_slip_in_its_own_ledger_takes_nobody_from_a_division(unlisted: Nights, partner: str) -> None:
    nights = Nights(unlisted.models)
    own = known()
    own["medical_expense"] = [row | {"unit_code": partner} for row in BILLS]
    nights.night(given(NIGHT, **of_october(own)))
    slip = {
        "temporary_grant": [{"id_number": "庚", "name": "伍九", "application_no": "A2", "accepted_on": "2026-10-01"}]
    }
    nights.night(given(after(1), **of_october(merged(own, slip))))
    assert nights.rows("select name, division_code from person where person_id = '庚'") == [("吴九", "d01")]
    assert nights.rows("select division_code, status from warning where person_id = '庚'") == [("d01", "open")]


# --- families of whom the survey says that they are poor -------------------------------------------------------------

EDGE_FAMILY = [{key: value for key, value in row.items() if key != "start_month"} for row in FAMILY]
POOR_MOTHER = survey({"head_id_number": "母", "head_name": "李大母", "household_no": "H7"})
POOR_FATHER = {"edge_person": [{"id_number": "父", "name": "王大父", "head_id_number": "父"}]}
OPEN = "select subject_id, division_code, status from warning where rule_code = 'X01' order by all"
LISTED = [("户父H-d01", "d01", "open")]
"""What OPEN tells when only a family without any trouble is listed (`and_one_listed`)."""


def poor(**more: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """A family on d01's edge list, its mother in the survey; `more` beside it."""
    return merged(merged({"edge_person": EDGE_FAMILY, "survey_household": POOR_MOTHER}, ROSTERS), more)


def and_one_listed(cases: Iterable[dict[str, list[dict[str, Any]]]]) -> dict[str, list[dict[str, Any]]]:
    """The cases apart, and a family like theirs that is listed: else a division of which nobody is listed would pass."""
    return merged(each_apart(cases), apart(poor(), 7))


def test_a_family_whose_head_was_only_ever_set_aside_is_neither_listed_nor_taken(first: Nights) -> None:
    nights = Nights(first.models)
    mine = [merged(poor(), set_aside(name, "edge_person", night=0)) for name in ("王大父", None)]
    nights.night(given(NIGHT, **of_october(and_one_listed(mine))))
    where = "select person_id, household_id, division_code from person where regexp_full_match(person_id, '[娃母][AB]') order by all"
    home = [(who, f"户父{who[1]}-d01", "d01") for who in ("娃A", "娃B", "母A", "母B")]
    for night, claim in ((1, taken()), (2, taken()), (3, {})):
        nights.night(given(after(night), **of_october(and_one_listed(merged(each, claim) for each in mine))))
        assert nights.rows(where) == home
        assert nights.rows(OPEN) == LISTED, "his row may say that he is enrolled"
        assert nights.rows("select * from warning_withdrawn") == []


def test_an_enrolled_head_whose_row_is_set_aside_does_not_have_his_family_listed(first: Nights) -> None:
    cases = [(name, is_billed) for name in ("王大父", "王大夫", None) for is_billed in (True, False)]
    bill = [{"id_number": "父", "name": "王大父", "settled_on": "2026-09-05", "burden_fen": 900000}]
    mine = [poor(**({"medical_expense": bill} if is_billed else {})) for _, is_billed in cases]
    enrolled = {"dibao_person": [{"id_number": "父", "name": "王大父", "start_month": "2026-01"}]}
    nights = Nights(first.models)
    nights.night(given(NIGHT, **of_october(and_one_listed(merged(each, enrolled) for each in mine))))
    assert nights.rows(OPEN) == LISTED
    spoilt = [merged(each, set_aside(name, "dibao_person")) for (name, _), each in zip(cases, mine, strict=True)]
    home = sorted(
        (apart_number(who, at), f"户{apart_number('父', at)}") for at in range(len(cases)) for who in ("娃", "母")
    )
    for night in (1, 2):
        nights.night(given(after(night), **of_october(and_one_listed(spoilt))))
        assert nights.rows(OPEN) == LISTED
        where = "select person_id, household_id from person where regexp_full_match(person_id, '[娃母][A-F]')"
        assert sorted(nights.rows(where)) == home


def test_a_dispute_about_the_head_does_not_have_his_family_listed(first: Nights) -> None:
    baits: list[dict[str, list[dict[str, Any]]]] = [
        {"edge_person": [{"id_number": "父", "name": "假父", "unit_code": "d02"}]},
        {"medical_expense": [{"id_number": "父", "name": "王太父", "settled_on": "2026-09-05", "burden_fen": 100}]},
    ]
    nights = Nights(first.models)
    nights.night(given(NIGHT, **of_october(and_one_listed(merged(ROSTERS, bait) for bait in baits))))
    enrolled = {"dibao_person": [{"id_number": "父", "name": "王大父", "start_month": "2026-01"}]}
    nights.night(
        given(after(1), **of_october(and_one_listed(merged(merged(poor(), bait), enrolled) for bait in baits)))
    )
    assert nights.rows(OPEN) == LISTED


def test_a_household_keeps_its_number_while_its_head_is_left_out_or_its_members_change(first: Nights) -> None:
    nights = Nights(first.models)
    nights.night(given(NIGHT, **of_october(poor())))
    listed = nights.rows("select warning_id, subject_id, first_seen_on from warning")
    assert [row[1] for row in listed] == ["户父-d01"]
    newborn = [{"id_number": "丁", "name": "王丁", "head_id_number": "父", "relation": "子"}]
    grown = poor(edge_person=newborn)
    without = poor()
    without["edge_person"] = [row for row in without["edge_person"] if row["id_number"] != "娃"]
    for night, now in ((1, grown), (2, without), (3, poor())):
        nights.night(given(after(night), **of_october(now)))
        assert nights.rows("select warning_id, subject_id, first_seen_on from warning") == listed
        assert nights.rows("select * from warning_withdrawn") == []
    dead = [{"id_number": "娃", "name": "王小娃", "died_on": "2026-10-20"}]
    nights.night(given(after(4), **of_october(poor(death_notice=dead))))
    assert nights.rows("select warning_id, subject_id, first_seen_on from warning") == listed, "his mother lives"


def test_a_family_keeps_its_number_when_the_row_of_its_head_is_missing(first: Nights) -> None:
    bill = [{"id_number": "父", "name": "王大父", "settled_on": "2026-09-05", "burden_fen": 100}]
    mine = [poor(medical_expense=bill), poor()]
    nights = Nights(first.models)
    nights.night(given(NIGHT, **of_october(each_apart(merged(each, POOR_FATHER) for each in mine))))
    listed = "select warning_id, subject_id, first_seen_on from warning order by all"
    before = nights.rows(listed)
    assert [row[1] for row in before] == ["户父A", "户父B"]
    for night, more in ((1, {}), (2, {}), (3, POOR_FATHER)):
        nights.night(given(after(night), **of_october(each_apart(merged(each, more) for each in mine))))
        assert nights.rows(listed) == before
        assert nights.rows("select * from warning_withdrawn") == []


def test_what_a_division_closed_about_another_name_silences_nobody_elsewhere(first: Nights) -> None:
    nights = Nights(first.models)
    claim = survey({"head_id_number": "父", "head_name": "假父", "household_no": "H8", "unit_code": "d02"})
    nights.night(given(NIGHT, **of_october(merged(ROSTERS, {"survey_household": claim}))))
    ((warning,),) = nights.rows("select warning_id from warning")
    done = said(warning, unit_code="d02", file_name="d02.xlsx")
    nights.night(given(after(1), **of_october(merged(ROSTERS, {"survey_household": claim, "input__decision": [done]}))))
    assert nights.rows("select status from warning") == [("closed",)]
    truth = survey({"head_id_number": "父", "head_name": "王大父", "household_no": "H7"})
    for night in (2, 3):
        nights.night(
            given(after(night), **of_october(merged(ROSTERS, {"survey_household": truth, "input__decision": [done]})))
        )
    found = nights.rows("select division_code, status, subject_name from warning where division_code = 'd01'")
    assert found == [("d01", "open", "王大父")]


def test_a_claim_does_not_win_while_the_row_of_a_head_is_missing_and_his_family_is_tied_to_him(first: Nights) -> None:
    nights = Nights(first.models)
    nights.night(given(NIGHT, **of_october(merged(poor(), POOR_FATHER))))
    before = nights.rows("select warning_id, subject_id, first_seen_on, status from warning")
    for night, more in ((1, {}), (2, {}), (3, POOR_FATHER)):
        nights.night(given(after(night), **of_october(merged(merged(poor(), taken()), more))))
        assert nights.rows(OF_FATHER) == FATHERS
        assert nights.rows("select warning_id, subject_id, first_seen_on, status from warning") == before
        assert nights.rows("select kept_name, other_name, flips from name_conflict where person_id = '父'") == [
            ("王大父", "假父", True)
        ]
        assert nights.rows("select division_code from identity_question where is_asked and about = 'name'") == [
            ("bureau",)
        ]


def test_a_name_on_lists_of_other_months_is_kept_against_a_claim(family: Nights) -> None:
    coming = {"dibao_person": [{"id_number": "父", "name": "王大父", "period": "2026-11", "start_month": "2026-11"}]}
    nights = Nights(family.models)
    nights.night(given(NIGHT, **of_october(merged(known(), coming))))
    nights.night(given(after(1), **of_october(merged(merged(known(), coming), taken()))))
    assert nights.rows("select name, division_code from person where person_id = '父'") == [("王大父", "bureau")]


def test_a_warning_stands_when_the_name_on_its_row_comes_into_dispute(unlisted: Nights) -> None:
    """His division writes another name: the bill under the old one is used no more, and nobody has said that it is not his."""
    nights = after_the_first(unlisted)
    renamed = [{"id_number": "庚", "name": "吴十", "application_no": "A1", "accepted_on": "2026-03-01"}]
    lists_now = known()
    lists_now["temporary_grant"] = renamed
    lists_now["survey_household"] = survey({"head_id_number": "庚", "head_name": "吴十", "household_no": "H9"})
    nights.night(given(after(1), **of_october(lists_now)))
    told = "select subject_name, division_code, remark from warning where person_id = '庚' and status <> 'closed'"
    kept = nights.rows(told)
    assert [row[1] for row in kept] == ["d01"] and "所依据的数据行姓名有争议，今晚无法核对，保留原预警" in kept[0][2]
    assert nights.rows("select warning_id from warning_withdrawn") == []
    # The partner's list comes again: the bill has another row, and its name is disputed all the same.
    lists_now["medical_expense"] = [
        row | {"row_id": f"n{row['row_id']}", "submission_id": "again"} for row in lists_now["medical_expense"]
    ]
    nights.night(given(after(2), **of_october(lists_now)))
    assert nights.rows(told) == kept and nights.rows("select warning_id from warning_withdrawn") == []
    lists_now["dibao_person"] = [
        *lists_now["dibao_person"],
        {"id_number": "庚", "name": "吴十", "start_month": "2026-10"},
    ]
    nights.night(given(after(3), **of_october(lists_now)))
    ((because,),) = nights.rows("select because from warning_withdrawn where subject_id = '庚'")
    assert because.startswith("已在册：低保")


def test_whom_partners_alone_know_a_roster_takes_in_under_his_name_only(unlisted: Nights) -> None:
    nights = after_the_first(unlisted)
    claim = [{"id_number": who, "name": "假名", "unit_code": "d02", "start_month": "2026-10"} for who in KNOWN]
    for night in (1, 2):
        nights.night(given(after(night), **known(dibao_person=claim)))
        assert nights.rows("select name, division_code from person where person_id = '戊'") == [("孙七", "bureau")]
        assert {row[1:] for row in nights.rows(
            "select warning_id, division_code, remark from warning where status <> 'closed' and person_id = '戊'"
        )} == {("bureau", "说不准是否在册（低保），今晚无法核对，保留原预警")}  # fmt: skip
        assert told_of(nights, (name for name, _ in KNOWN.values()), {}) == []
        assert nights.rows("select distinct division_code from identity_question where is_asked") == [("bureau",)]
    own = [row | {"name": KNOWN[row["id_number"]][0]} for row in claim]
    nights.night(given(after(3), **known(dibao_person=own)))
    ((because,),) = nights.rows("select because from warning_withdrawn where subject_id = '戊'")
    assert because.startswith("已在册：低保")


def test_a_claim_that_waits_does_not_win_when_his_own_list_leaves_him_out(first: Nights) -> None:
    nights = after_the_first(first)
    bill = [{"id_number": "甲", "name": "张三", "settled_on": "2026-09-05", "burden_fen": 900000}]
    claim = [{"id_number": "甲", "name": "假三", "unit_code": "d02", "start_month": "2026-10"}]
    nights.night(given(after(1), **lists(dibao_person=claim, medical_expense=bill)))
    others = lists(dibao_person=claim, medical_expense=bill)
    others["survey_household"] = [row for row in others["survey_household"] if row["head_id_number"] != "甲"]
    for night in (2, 3):
        nights.night(given(after(night), **others))
        assert nights.rows("select name, division_code from person where person_id = '甲'") == [("张三", "bureau")]


def test_what_a_division_sees_of_a_release_are_no_counts_of_all(unlisted: Nights) -> None:
    """Else one more or one person fewer would say whether a number is known."""
    about = unlisted.models.published["main.release"]
    (mine,) = unlisted.rows(f"select {warehouse._shown_to('d02', about)} from release")
    (whole,) = unlisted.rows("select * from release")
    shown = dict(zip(about.columns, mine, strict=True))
    told = dict(zip(about.columns, whole, strict=True))
    assert shown["run_date"] == told["run_date"] and told["persons"] and told["rows_read"]
    assert not [name for name in shown if name not in ("run_date", "built_at") and isinstance(shown[name], int)]


# answers of a division about its own, and somebody who is another's later ---------------------------------------------


TRAPS: dict[str, tuple[Callable[..., dict[str, Any]], tuple[str, ...], str]] = {
    "another number": (lambda *numbers: of_d02(*numbers, SOCK), (), "张大明"),
    "a smaller number": (lambda *numbers: of_d02(*numbers, SMALLER), (), "张大明"),
    "a row set aside": (of_d02_and_set_aside, (), "张大明"),
    "another number and his": (lambda *numbers: of_d02(*numbers, SOCK), (HIS,), "张大明"),
    "a row set aside and his": (of_d02_and_set_aside, (HIS,), "张大明"),
    # The name was guessed; his number alone under it would be a move like any other.
    "another number under his name": (lambda *numbers: of_d02(*numbers, SOCK), (), "假大名"),
    "a row set aside under his name": (of_d02_and_set_aside, (), "假大名"),
}
"""What d02 sends of its own, which of it is left when it sends it again, and the name by which d01 knows who bears the number."""


def test_what_a_division_said_of_its_own_moves_nobody_whom_another_one_has(first: Nights) -> None:
    """Two numbers of d02 are said to be one while both are its own; then d01 has who bears one of them."""
    nights = after_the_first(first)
    trapped = each_apart(trap(HIS) for trap, *_ in TRAPS.values())
    nights.night(given(after(1), **lists(**trapped)))
    questions = nights.rows(
        "select question_id from identity_question where about = 'pair' and is_asked and division_code = 'd02' order by all"
    )
    assert len(questions) == len(TRAPS)
    said_so = {
        "input__decision": [
            answer(
                question, "same", after(1), unit_code="d02", file_name="d02.xlsx", decision_id=f"第{at}", row_number=at
            )
            for at, (question,) in enumerate(questions, 3)
        ]
    }
    nights.night(given(after(2), **lists(**merged(trapped, said_so))))
    assert nights.rows("select state from identity_decision") == [("stands",)] * len(TRAPS)
    assert nights.rows(
        "select count(distinct person_id) from enrolment where division_code = 'd02' and registry = 'dibao'"
    )
    # His number is taken back, and d01 has him alone for a night; then d02 sends its list again.
    named = each_apart(named_by_d01(name) for *_, name in TRAPS.values())
    nights.night(given(after(3), **lists(**merged(named, said_so))))
    his = [(apart_number(HIS, at), apart_name(name, at)) for at, (*_, name) in enumerate(TRAPS.values())]
    numbers = ", ".join(f"'{number}'" for number, _ in his)
    told = (
        f"select person_id, name, division_code, household_id from person where person_id in ({numbers}) order by all"
    )
    listed = "select warning_id, status, reason, division_code from warning where status <> 'closed' order by all"
    people, warnings = nights.rows(told), nights.rows(listed)
    assert people == [(number, name, "d01", f"户{number}") for number, name in his] and len(warnings) == 4 + len(his)
    left = each_apart(trap(*numbers) for trap, numbers, _ in TRAPS.values())
    for night in (4, 5):
        nights.night(given(after(night), **lists(**merged(left, merged(named, said_so)))))
        assert nights.rows(told) == people and nights.rows(listed) == warnings
        assert nights.rows("select warning_id from warning_withdrawn") == []
        assert nights.rows("select state from identity_decision") == [("moved",)] * len(TRAPS)
        asked = nights.rows("select distinct division_code from identity_question where is_asked")
        assert asked in ([], [("bureau",)])


def test_what_a_division_said_holds_where_both_are_its_own_and_nobody_came_first(first: Nights) -> None:
    nights = after_the_first(first)
    nights.night(given(after(1), **lists(**of_d02(HIS, SOCK))))
    ((question,),) = nights.rows("select question_id from identity_question where about = 'pair' and is_asked")
    said_so = {"input__decision": [answer(question, "same", after(1), unit_code="d02", file_name="d02.xlsx")]}
    one = f"select person_id, name, division_code from person where person_id in ('{HIS}', '{SOCK}')"
    for night in (2, 3):
        nights.night(given(after(night), **lists(**merged(of_d02(HIS, SOCK), said_so))))
        assert nights.rows(one) == [(SOCK, "假大名", "d02")]
    # d01 names him on the very night on which d02 takes his number back: the answer was about another one.
    nights.night(given(after(4), **lists(**merged(of_d02(SOCK), merged(named_by_d01(), said_so)))))
    assert nights.rows(f"{one} order by all") == [(HIS, "张大明", "d01"), (SOCK, "假大名", "d02")]
    # What the bureau says holds everywhere.
    bureau = {
        "input__decision": [
            answer(question, "same", after(4), unit_code="bureau", decision_id="later", night=str(after(5)))
        ]
    }
    nights.night(given(after(5), **lists(**merged(of_d02(HIS, SOCK), merged(said_so, bureau)))))
    assert nights.rows("select unit_code, state from identity_decision order by all") == [
        ("bureau", "stands"), ("d02", "replaced"),
    ]  # fmt: skip


def test_a_name_that_is_mended_where_a_row_was_joined_asks_no_second_question(first: Nights) -> None:
    """The pair is the question; the same two sides in a question about the name would bear its number."""
    nights = after_the_first(first)
    nights.night(given(after(1), **lists(**of_d02_and_set_aside(HIS))))
    ((question,),) = nights.rows("select question_id from identity_question where about = 'pair' and is_asked")
    mended = merged(
        of_d02_and_set_aside(HIS), {"input__decision": [answer(question, "same", after(1), unit_code="d02")]}
    )
    nights.night(given(after(2), **lists(**mended)))
    mended["edge_person"] = [row | {"name": "贾大明"} for row in mended["edge_person"]]
    nights.night(given(after(3), **lists(**mended)))
    assert nights.rows("select state from identity_decision") == [("stands",)]
    assert nights.rows("select about from identity_question where left_ref = 'R#a#2'") == [("pair",)]


def test_a_row_that_one_division_said_is_its_own_is_taken_by_no_other(first: Nights) -> None:
    """By the later day alone whoever enters a near number would take the bill, and with it what was listed for it."""
    nights = after_the_first(first)
    given_now = merged(named_by_d01(), a_bill())
    nights.night(given(after(1), **lists(**given_now)))
    mine = answer(asked_of(nights, "d01"), "same", after(1), night=str(after(2)))
    nights.night(given(after(2), **lists(**merged(given_now, {"input__decision": [mine]}))))
    whose = "select person_id from record_link where identity_state = 'decided'"
    assert nights.rows(whose) == [(HIS,)]
    given_now = merged(given_now, {"edge_person": [{"id_number": OTHER, "name": "张大明", "unit_code": "d02"}]})
    nights.night(given(after(3), **lists(**merged(given_now, {"input__decision": [mine]}))))
    assert nights.rows(whose) == [(HIS,)]
    question = asked_of(nights, "d02")
    theirs = answer(question, "same", after(3), unit_code="d02", decision_id="二", night=str(after(4)), received_seq=2)
    nights.night(given(after(4), **lists(**merged(given_now, {"input__decision": [mine, theirs]}))))
    states = "select unit_code, state from identity_decision order by all"
    assert nights.rows(states) == [("d01", "contradicted"), ("d02", "contradicted")] and nights.rows(whose) == []
    told = nights.rows("select distinct contradiction from identity_decision")
    assert len(told) == 1 and "青禾区" in told[0][0] and "云岫区" in told[0][0]
    bureau = mine | {
        "unit_code": "bureau",
        "decision_id": "三",
        "decided_on": str(after(4)),
        "night": str(after(5)),
        "received_seq": 3,
    }
    nights.night(given(after(5), **lists(**merged(given_now, {"input__decision": [mine, theirs, bureau]}))))
    assert nights.rows(states) == [("bureau", "stands"), ("d01", "replaced"), ("d02", "replaced")]
    assert nights.rows(whose) == [(HIS,)]


def test_who_answers_later_for_his_own_row_still_says_whose_it_is(first: Nights) -> None:
    nights = after_the_first(first)
    near = {"edge_person": [{"id_number": OTHER, "name": "张大明", "unit_code": "d01"}]}
    given_now = merged(merged(named_by_d01(), a_bill()), near)
    nights.night(given(after(1), **lists(**given_now)))
    questions = dict(nights.rows("select right_ref, question_id from identity_question where is_asked"))
    one = answer(questions[HIS], "same", after(1), night=str(after(3)))
    two = answer(questions[OTHER], "same", after(2), decision_id="二", night=str(after(3)), received_seq=2)
    nights.night(given(after(2), **lists(**given_now)))
    nights.night(given(after(3), **lists(**merged(given_now, {"input__decision": [one, two]}))))
    assert nights.rows("select decision_id, state from identity_decision order by all") == [
        ("一", "replaced"),
        ("二", "stands"),
    ]
    assert nights.rows("select person_id from record_link where identity_state = 'decided'") == [(OTHER,)]


def test_a_damaged_number_is_asked_about_where_it_was_written_whatever_others_send(first: Nights) -> None:
    row = {"kind": "dibao_person", "unit_code": "d01", "period": "2026-10", "number": f"{HIS[:15]}000", "number_state": "damaged",
           "number_birth_date": None, "birth_date": None}  # fmt: skip
    own = {kind: rows for kind, rows in a_bill(**row).items() if not kind.startswith("unproven")}
    own["input__submission"] = [
        own["input__submission"][0] | {"unit_code": "d01", "kind": "dibao_person", "period": "2026-10"}
    ]
    others = [{"id_number": f"{HIS[:15]}444", "name": "张大明", "unit_code": "d02"}]
    # Two of its own it cannot tell apart by that, and is not asked.
    two = [others[0] | {"unit_code": "d01"}]
    for more, asked in (([], [("d01", HIS)]), (others, [("d01", HIS)]), (two, [])):
        nights = after_the_first(first)
        nights.night(given(after(1), **lists(**merged(merged(named_by_d01(), own), {"edge_person": more}))))
        assert nights.rows("select division_code, right_ref from identity_question where is_asked") == asked


def test_a_family_is_not_listed_because_a_member_s_row_is_disputed(first: Nights) -> None:
    """He may be on a list by which the family has help; his number under another name keeps him from being counted as a member."""
    nights = after_the_first(first)
    family = {
        "survey_household": survey({"head_id_number": "妻", "head_name": "李妻", "household_no": "H9"}),
        "survey_person": [
            {"id_number": "妻", "name": "李妻", "household_no": "H9", "relation": "户主"},
            {"id_number": "夫", "name": "王大夫", "household_no": "H9", "relation": "配偶"},
        ],
        "tekun_person": [{"id_number": "夫", "name": "王大夫"}],
    }
    asked = "select answer from registry.household_check where household_id = '户妻' and registry = 'tekun'"
    bait = {"temporary_grant": [{"id_number": "夫", "name": "假夫", "application_no": "Z", "unit_code": "d02"}]}
    nights.night(given(after(1), **lists(**bait)))
    nights.night(given(after(2), **lists(**merged(bait, family))))
    assert nights.rows(asked) == [("cannot_tell",)]
    # A slip of its own does the same, until people say that it is he, or that it is not.
    nights = after_the_first(first)
    slip = merged({}, family)
    slip["survey_person"] = [
        slip["survey_person"][0],
        slip["survey_person"][1] | {"name": "王太夫", "row_id": "P#x#3", "submission_id": "P"},
    ]
    nights.night(given(after(1), **lists(**slip)))
    assert nights.rows(asked) == [("cannot_tell",)]
    for said_so, answered in (("not_same", "not_enrolled"), ("same", "enrolled")):
        word = {"input__identity_decision": [{"left_ref": "P#x#3", "right_ref": "夫", "decision": said_so}]}
        others = after_the_first(nights)
        others.night(given(after(2), **lists(**merged(slip, word))))
        assert others.rows(asked) == [(answered,)]


def test_that_the_row_of_a_household_is_not_his_frees_him(first: Nights) -> None:
    nights = after_the_first(first)
    bait = {"dibao_household": [{
        "head_id_number": "甲", "head_name": "假三", "unit_code": "d02", "start_month": "2026-10", "row_id": "B#x#3", "submission_id": "B",
    }]}  # fmt: skip
    asked = "select answer from registry.registry_check where person_id = '甲' and registry = 'dibao'"
    nights.night(given(after(1), **lists(**bait)))
    assert nights.rows(asked) == [("cannot_tell",)]
    word = {"input__identity_decision": [{"left_ref": "B#x#3", "right_ref": "甲", "decision": "not_same"}]}
    nights.night(given(after(2), **lists(**merged(bait, word))))
    assert nights.rows(asked) == [("not_enrolled",)]


def test_a_division_is_told_no_counts_of_others_beside_its_samples(unlisted: Nights) -> None:
    about = unlisted.models.published["main.sample_check"]
    shown = warehouse._shown_to("d02", about)
    assert "case when false then population end as population" in shown
    ranked = unlisted.models.published["main.warning_list"]
    mine = unlisted.rows(
        f"select urgency from (select {warehouse._shown_to('d01', ranked)} from warning_list where division_code = 'd01')"
    )
    assert mine and sorted(mine) == [(at,) for at in range(1, len(mine) + 1)]
