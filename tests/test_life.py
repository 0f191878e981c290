"""The life of a warning: found, looked into, closed with a reason, silent, back when it got worse; no benefit is ever touched."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import sql_kit
from tests.life_kit import after, said
from tests.warehouse_kit import NIGHT, ROSTERS, Nights, apart_number, each_apart, given, models_with, survey

pytestmark = pytest.mark.slow

LIFE = "select status, outcome, level, first_seen_on from warning where rule_code = 'X01' order by first_seen_on"
CHANGES = "select change, before, after, because from warning_change where rule_code = 'X01' order by all"
DECISIONS = "select decision_id, state, problem from decision order by all"


def poor(**more: Any) -> dict[str, Any]:
    """A household that the test rule lists: yellow, measured is its income (more is worse, for the test)."""
    return {"survey_household": survey({"head_id_number": "甲", **more}), **ROSTERS}


def with_decisions(rows: dict[str, Any], *decisions: dict[str, Any]) -> dict[str, Any]:
    return {**rows, "input__decision": list(decisions)}


FIRST = f"X01-户甲-{NIGHT}"


def test_it_is_looked_into_then_closed_and_stays_in_warning_but_not_in_the_list(nights: Nights) -> None:
    nights.night(given(NIGHT, **poor()))
    start = said(FIRST, "verifying", measure="已安排服务或探访")
    nights.night(given(after(1), **with_decisions(poor(), start)))
    assert nights.rows(LIFE) == [("verifying", None, "yellow", NIGHT)]
    assert nights.rows("select status, decided_by, decided_on, measure, note from warning_list") == [
        ("verifying", "张三", NIGHT, "已安排服务或探访", "上门看过")
    ]
    assert nights.rows(CHANGES) == []
    end = said(FIRST, "enrolled", after(1), decision_id="二", night=str(after(2)), note="已办低保")
    nights.night(given(after(2), **with_decisions(poor(), start, end)))
    assert nights.rows(LIFE) == [("closed", "enrolled", "yellow", NIGHT)]
    assert nights.rows("select count(*) from warning_list") == [(0,)]
    assert nights.rows("select count(*) from household_warning") == [(0,)]
    assert nights.rows(CHANGES) == [("closed", "verifying", "enrolled", "张三 2026-10-31 核查：已办低保")]
    assert nights.rows(DECISIONS) == [("一", "replaced", None), ("二", "stands", None)]
    nights.night(given(after(3), **with_decisions(poor(), start, end)))
    assert nights.rows(LIFE) == [("closed", "enrolled", "yellow", NIGHT)], "it does not cry again"
    assert nights.rows(CHANGES) == []


def closed(nights: Nights, outcome: str = "not_eligible", **more: Any) -> dict[str, Any]:
    """A warning found on NIGHT and closed on the next; the decision."""
    nights.night(given(NIGHT, **poor(**more)))
    decision = said(FIRST, outcome)
    nights.night(given(after(1), **with_decisions(poor(**more), decision)))
    assert nights.rows("select status from warning") == [("closed",)]
    return decision


WORSE = [
    ({"yearly_income_fen": 70000}, {"yearly_income_fen": 84000}, True),  # exactly 1.2 times
    ({"yearly_income_fen": 70000}, {"yearly_income_fen": 83999}, False),
    ({"yearly_income_fen": 60000}, {"yearly_income_fen": 49999}, True),  # yellow becomes red
    ({"yearly_income_fen": 49999}, {"yearly_income_fen": 50001}, False),  # red becomes yellow
    ({"yearly_income_fen": 0}, {"yearly_income_fen": 0}, False),  # 1.2 times nothing is nothing
    ({"yearly_income_fen": 0}, {"yearly_income_fen": 1}, True),
]
"""What a household had when its warning was closed, what it has now, and whether it is warned about again."""


def answered(at: int, household: str, **more: Any) -> dict[str, Any]:
    """An answer about the warning of one household of several (`apart`)."""
    return said(f"X01-{household}-{NIGHT}", decision_id=f"第{at}", row_number=3 + at) | more


def test_closed_ones_fire_again_only_when_worse(nights: Nights) -> None:
    households = [f"户{apart_number('甲', at)}" for at in range(len(WORSE))]
    decisions = [answered(at, household) for at, household in enumerate(households)]
    before = each_apart(poor(**had) for had, *_ in WORSE)
    nights.night(given(NIGHT, **before))
    nights.night(given(after(1), **with_decisions(before, *decisions)))
    states = "select household_id, status from warning where rule_code = 'X01' order by all"
    assert nights.rows(states) == [(household, "closed") for household in households]
    nights.night(given(after(2), **with_decisions(each_apart(poor(**has) for _, has, _ in WORSE), *decisions)))
    again = [household for household, (*_, fires) in zip(households, WORSE, strict=True) if fires]
    assert nights.rows(states) == sorted([(each, "closed") for each in households] + [(each, "open") for each in again])
    changes = nights.rows(
        "select household_id, change, before, because from warning_change where rule_code = 'X01' order by all"
    )
    assert [row[:3] for row in changes] == [(household, "reopened", "not_eligible") for household in again]
    assert all(because.startswith("再次出现：") for *_, because in changes)
    assert nights.rows("select warning_id, episode_before, first_seen_on from warning_list order by all") == [
        (f"X01-{household}-{after(2)}", f"X01-{household}-{NIGHT}", after(2)) for household in again
    ]
    assert nights.rows("select household_id, change from household_warning order by all") == [
        (each, "new") for each in again
    ]


@pytest.mark.parametrize(("days", "fires"), [(179, False), (180, True)])
def test_silence_lasts_a_hundred_and_eighty_days(nights: Nights, days: int, fires: bool) -> None:
    """Counted from the day of the finding: (D - 180, D] holds it, or no longer."""
    decision = closed(nights)
    rosters = {kind: [{**row, "period": f"{after(days):%Y-%m}"} for row in rows] for kind, rows in ROSTERS.items()}
    nights.night(given(after(days), **with_decisions({**poor(), **rosters}, decision)))
    assert [row[0] for row in nights.rows(LIFE)] == (["closed", "open"] if fires else ["closed"])
    assert nights.rows(f"select silent_until from warning where warning_id = '{FIRST}'") == [(after(180),)]
    if fires:
        assert (
            nights.rows(CHANGES)[0][3] == "再次出现：办结满180天，情况仍然成立（青禾区《d01-survey_household.xlsx》）"
        )


def test_closed_and_worse_on_one_night_is_closed_and_back(nights: Nights) -> None:
    nights.night(given(NIGHT, **poor()))
    nights.night(given(after(1), **with_decisions(poor(yearly_income_fen=100), said(FIRST))))
    assert nights.rows(LIFE) == [
        ("closed", "not_eligible", "yellow", NIGHT), ("open", None, "red", after(1)),
    ]  # fmt: skip
    assert [row[0] for row in nights.rows(CHANGES)] == ["closed", "reopened"]


def test_what_somebody_found_counts_even_when_the_condition_went_the_same_night(nights: Nights) -> None:
    nights.night(given(NIGHT, **poor()))
    enrolled = {**poor(), "dibao_person": [*ROSTERS["dibao_person"], {"id_number": "甲"}]}
    nights.night(given(after(1), **with_decisions(enrolled, said(FIRST, "enrolled"))))
    assert nights.rows(LIFE) == [("closed", "enrolled", "yellow", NIGHT)]
    assert [row[0] for row in nights.rows(CHANGES)] == ["closed"]


def test_a_closing_can_be_taken_back(nights: Nights) -> None:
    decision = closed(nights)
    back = said(FIRST, "verifying", after(1), decision_id="二", night=str(after(2)), note="弄错了户")
    nights.night(given(after(2), **with_decisions(poor(), decision, back)))
    assert nights.rows(LIFE) == [("verifying", None, "yellow", NIGHT)]
    assert nights.rows(CHANGES)[0][:3] == ("reopened", "not_eligible", "verifying")
    assert nights.rows("select count(*) from warning_list") == [(1,)]


@pytest.mark.parametrize("holds_on", [2, 4])
def test_a_withdrawn_warning_that_holds_again_is_a_new_episode_that_names_it(nights: Nights, holds_on: int) -> None:
    """Also when nights without it lie between."""
    nights.night(given(NIGHT, **poor()))
    for day in range(1, holds_on):
        nights.night(given(after(day), **poor(yearly_income_fen=100000)))
        assert nights.rows("select warning_id, withdrawn_on from warning_withdrawn") == [(FIRST, after(1))]
    again = f"X01-户甲-{after(holds_on)}"
    for day in (holds_on, holds_on + 1):
        nights.night(given(after(day), **poor()))
        assert nights.rows(LIFE) == [("open", None, "yellow", after(holds_on))]
        assert nights.rows("select warning_id, episode_before from warning_list") == [(again, FIRST)]
        told = [row[:2] + row[3:] for row in nights.rows(CHANGES)]
        because = "再次出现：2026-10-31 撤回过，现在又符合条件（青禾区《d01-survey_household.xlsx》）"
        assert told == ([("reopened", "withdrawn", because)] if day == holds_on else [])
    assert nights.rows("select warning_id, withdrawn_on from warning_withdrawn") == [(FIRST, after(1))]


def test_the_last_episode_is_named_whichever_way_it_ended(nights: Nights) -> None:
    """Withdrawn, back and closed, back since it is worse: closed; that one withdrawn, and back: withdrawn."""
    nights.night(given(NIGHT, **poor()))
    nights.night(given(after(1), **poor(yearly_income_fen=100000)))
    nights.night(given(after(2), **poor()))
    second = f"X01-户甲-{after(2)}"
    decision = said(second, on=after(2), night=str(after(3)))
    nights.night(given(after(3), **with_decisions(poor(), decision)))
    worse = poor(yearly_income_fen=80000)
    nights.night(given(after(4), **with_decisions(worse, decision)))
    third = f"X01-户甲-{after(4)}"
    assert nights.rows("select warning_id, episode_before from warning_list") == [(third, second)]
    assert [row[:2] for row in nights.rows(CHANGES)] == [("reopened", "not_eligible")]
    nights.night(given(after(5), **with_decisions(poor(yearly_income_fen=100000), decision)))
    nights.night(given(after(6), **with_decisions(worse, decision)))
    assert nights.rows("select warning_id, episode_before from warning_list") == [(f"X01-户甲-{after(6)}", third)]
    assert [row[:2] for row in nights.rows(CHANGES)] == [("reopened", "withdrawn")]


def test_why_it_came_changed_and_went_names_the_file(nights: Nights) -> None:
    first = poor()
    nights.night(given(NIGHT, **first))
    second = poor(yearly_income_fen=70000, submission_id="S2", file_name="摸底二.xlsx")
    nights.night(given(after(1), **second))
    assert nights.rows("select change, because, submission_id from warning_change") == [
        ("reason", "所依据的数值有变（青禾区《摸底二.xlsx》）", "S2")
    ]
    third = poor(yearly_income_fen=170000, submission_id="S3", file_name="摸底三.xlsx")
    nights.night(given(after(2), **third))
    assert nights.rows("select change, because, submission_id from warning_change") == [
        ("withdrawn", "所依据的文件已更正（青禾区《摸底三.xlsx》）", "S3")
    ]


def test_overdue_is_the_day_after_the_due_day(nights: Nights) -> None:
    nights.night(given(NIGHT, **poor(yearly_income_fen=1)))
    ((due,),) = nights.rows("select due_on from warning")
    for day, late in ((due, False), (due + timedelta(days=1), True)):
        nights.night(given(day, **poor(yearly_income_fen=1)))
        assert nights.rows("select is_overdue from warning_list") == [(late,)]


# decisions -----------------------------------------------------------------------------------------------------------


MISFITS: list[tuple[dict[str, Any], str | None]] = [
    ({"subject": "nobody"}, "没有这个编号的预警"),
    ({"unit_code": "d02"}, "不在本单位的清单里"),
    ({"unit_code": "traffic"}, "只有各区和市局"),
    ({"decided_on": str(after(2))}, "核查日期在将来"),
    ({"decided_on": str(after(-1))}, "早于这条预警首次发现的日期（2026-10-30）"),
    ({"problem": "没有写说明"}, "没有写说明"),
    ({"decided_on": str(after(1))}, None),
    ({"decided_on": str(NIGHT)}, None),
    ({"unit_code": "bureau"}, None),
]


def test_what_does_not_fit_changes_nothing_and_says_why(nights: Nights) -> None:
    households = [f"户{apart_number('甲', at)}" for at in range(len(MISFITS))]
    decisions = [
        answered(at, household, **changes)
        for at, (household, (changes, _)) in enumerate(zip(households, MISFITS, strict=True))
    ]
    rows = each_apart(poor() for _ in MISFITS)
    nights.night(given(NIGHT, **rows))
    for day in (1, 2):
        nights.night(given(after(day), **with_decisions(rows, *decisions)))
        told = {decision: (state, why) for decision, state, why in nights.rows(DECISIONS)}
        status = dict(nights.rows("select household_id, status from warning where rule_code = 'X01'"))
        for at, (household, (_, problem)) in enumerate(zip(households, MISFITS, strict=True)):
            state, why = told[f"第{at}"]
            assert (state, status[household]) == (("misfit", "open") if problem else ("stands", "closed")), problem
            assert (problem or "") in (why or "") and bool(why) == bool(problem)


def test_about_a_withdrawn_one_it_says_when_and_that_answer_stays(nights: Nights) -> None:
    nights.night(given(NIGHT, **poor()))
    nights.night(given(after(1), **poor(yearly_income_fen=100000)))
    late = said(FIRST, night=str(after(2)))
    for day in (2, 3):
        nights.night(given(after(day), **with_decisions(poor(yearly_income_fen=100000), late)))
        assert nights.rows(DECISIONS) == [("一", "misfit", "这条预警已于 2026-10-31 撤回，不用再核查")]


def test_the_same_twice_counts_once_and_the_later_day_holds_whichever_came_first(nights: Nights) -> None:
    nights.night(given(NIGHT, **poor()))
    one = said(FIRST, "enrolled", after(1), night=str(after(1)))
    again = one | {"decision_id": "一又", "unit_code": "bureau", "file_name": "bureau.xlsx"}
    other = said(FIRST, "declined", NIGHT, decision_id="二", decided_by="李四", unit_code="bureau", night=str(after(2)))
    nights.night(given(after(1), **with_decisions(poor(), again, one)))
    assert sorted(state for _, state, _ in nights.rows(DECISIONS)) == ["repeated", "stands"]
    nights.night(given(after(2), **with_decisions(poor(), again, one, other)))
    assert nights.rows(LIFE)[0][1] == "enrolled", "found later, though it came first"
    text = "民政局（本级）李四 2026-10-30“本人放弃或不愿申请”"
    conflicts = dict(nights.rows("select decision_id, conflict from decision"))
    assert text in conflicts["一"] and text in conflicts["二"] and "张三 2026-10-31“已纳入保障”" in conflicts["二"]
    assert dict(nights.rows("select decision_id, state from decision"))["二"] == "replaced"


def test_another_result_of_the_same_day_undoes_the_closing_in_whatever_order_they_come(nights: Nights) -> None:
    first = closed(nights, "enrolled")
    other = said(FIRST, "declined", decision_id="二", decided_by="李四", unit_code="bureau", night=str(after(2)))
    nights.night(given(after(2), **with_decisions(poor(), first, other)))
    assert nights.rows(LIFE) == [("open", None, "yellow", NIGHT)]
    assert nights.rows("select decision_id, decided_by, note from warning_list") == [(None, None, None)]
    assert nights.rows(CHANGES) == [("reopened", "enrolled", "open", "同一天有互相矛盾的核查结果，都不采用")]
    assert nights.rows("select decision_id, state, contradiction from decision order by all") == [
        (one, "contradicted", "民政局（本级）李四 2026-10-30“本人放弃或不愿申请”（预警 X01-户甲-2）、"
         "青禾区张三 2026-10-30“已纳入保障”（预警 X01-户甲-2）")
        for one in ("一", "二")
    ]  # fmt: skip
    last = said(FIRST, "declined", after(2), decision_id="三", night=str(after(3)))
    nights.night(given(after(3), **with_decisions(poor(), first, other, last)))
    assert nights.rows(LIFE) == [("closed", "declined", "yellow", NIGHT)]


def test_progress_is_no_conflict_and_correcting_oneself_neither(nights: Nights) -> None:
    nights.night(given(NIGHT, **poor()))
    steps = [
        said(FIRST, "verifying", decision_id="一", decided_by="李四"),
        said(FIRST, "declined", decision_id="二", received_seq=2),
        said(FIRST, "referred", after(1), decision_id="三", received_seq=3),
    ]
    nights.night(given(after(1), **with_decisions(poor(), *steps)))
    assert nights.rows("select count(conflict) from decision") == [(0,)]
    assert nights.rows(LIFE)[0][1] == "referred"


def test_a_rule_reads_nothing_of_what_people_decided(tmp_path: Path) -> None:
    from low_income.model import ModelError

    from tests.warehouse_kit import POOR, POOR_CARD

    sql = POOR.replace("from accepted", "from life.before as before cross join accepted")
    models = models_with(tmp_path / "sql", {"x01": (sql, POOR_CARD.replace("yields_to: [X02]", ""))})
    with pytest.raises(ModelError, match=r"规则不能读 life\.before"):
        models.validate(models.everything())


# rules without input -------------------------------------------------------------------------------------------------

DEAD = "select rule_code, fired, fired_before, is_dead, dead_because from rule_tally where rule_code = 'X01'"


def test_a_rule_whose_list_is_gone_is_told_and_one_that_finds_nobody_is_not(nights: Nights) -> None:
    nights.night(given(NIGHT, **poor()))
    assert nights.rows(DEAD) == [("X01", 1, 0, False, None)]
    nights.night(given(after(1), **ROSTERS))
    assert nights.rows(DEAD) == [("X01", 0, 1, True, "survey_household 还没有收到过")]
    nights.night(given(after(2), **poor(yearly_income_fen=100000)))
    assert nights.rows(DEAD) == [("X01", 0, 0, False, None)]


def test_each_division_is_told_what_is_overdue(nights: Nights) -> None:
    rows = {
        "survey_household": survey(
            {"head_id_number": "甲", "yearly_income_fen": 1},
            {"head_id_number": "乙"},
            {"head_id_number": "丙", "unit_code": "d02"},
        ),
        **ROSTERS,
    }
    nights.night(given(NIGHT, **rows))
    nights.night(given(after(6), **with_decisions(rows, said(f"X01-户乙-{NIGHT}"))))
    told = "select division_code, open_count, overdue_count, overdue_red_count, closed_count from division_tally where name <> '' order by all"
    assert nights.rows(told) == [("bureau", 0, 0, 0, 0), ("d01", 1, 1, 1, 1), ("d02", 1, 0, 0, 0)]


# history --------------------------------------------------------------------------------------------------------------

HISTORY = "select run_date, change, because from warning_history where rule_code = 'X01' order by run_date, change"
ANSWERS = (
    "select run_date, asked, fired, could_not_be_asked, open, overdue from rule_history"
    " where rule_code = 'X01' and division_code = 'd01' order by run_date"
)


def test_every_night_s_changes_stay_to_be_asked_for(nights: Nights) -> None:
    nights.night(given(NIGHT, **poor()))
    nights.night(given(after(1), **poor()))
    nights.night(given(after(2), **poor(yearly_income_fen=60001)))
    told = [(NIGHT, "added"), (after(2), "reason")]
    assert [line[:2] for line in nights.rows(HISTORY)] == told
    nights.night(given(after(3), **ROSTERS))
    assert [line[:2] for line in nights.rows(HISTORY)] == [*told, (after(3), "withdrawn")]
    tonight = "select change, because from warning_change order by all"
    last = f"select change, because from warning_history where run_date = '{after(3)}' order by all"
    assert nights.rows(tonight) == nights.rows(last)


def test_each_rule_s_answer_of_every_night_is_told_for_each_division(nights: Nights) -> None:
    old = {name: [line | {"period": "2026-10"} for line in lines] for name, lines in ROSTERS.items()}
    nights.night(given(NIGHT, **{**poor(), **old}))
    nights.night(given(after(100), **{**poor(), **old}))
    assert nights.rows(ANSWERS) == [(NIGHT, 4, 1, 0, 1, 0), (after(100), 0, 0, 4, 1, 1)], "carried over, and overdue"
    rules, divisions, lines = nights.rows(
        "select count(distinct rule_code), count(distinct division_code), count(*) from rule_history"
        f" where run_date = '{NIGHT}'"
    )[0]
    assert lines == rules * divisions > divisions > 1, "a rule that finds nobody has its line too"
    total = f"select sum(asked), sum(fired), sum(could_not_be_asked) from rule_history where rule_code = 'X01' and run_date = '{after(100)}'"
    assert nights.rows(total) == nights.rows(
        "select asked, fired, could_not_be_asked from rule_tally where rule_code = 'X01'"
    )


def test_history_goes_with_the_retention_rules(nights: Nights) -> None:
    """36 months by the sample policy: the night 36 months ago is not told any more, the one after it is."""
    nights.night(given(NIGHT, **poor()))
    nights.night(given(date(2026, 11, 1), **poor()))
    nights.night(given(date(2029, 10, 31), **ROSTERS))
    for table in ("warning_history", "rule_history"):
        nights_told = f"select distinct run_date from {table} where run_date < date '2029-01-01'"
        told = [night for (night,) in nights.rows(nights_told)]
        assert NIGHT not in told, table
    assert date(2026, 11, 1) in [night for (night,) in nights.rows("select distinct run_date from rule_history")]


# ---- which submission a change is put down to (life.cause)

CAUSE = "select warning_id, cause_rank, submission_id from life.cause"


def submissions(*names: str, **more: str) -> list[dict[str, Any]]:
    """Each came later than the one before it."""
    return [
        {
            "submission_id": name,
            "unit_code": name,
            "kind": "edge_person",
            "received_seq": at,
            "status": "accepted",
            **more,
        }
        for at, name in enumerate(names)
    ]


@pytest.mark.parametrize("gone_before", range(5))
def test_of_what_withdrew_a_warning_the_most_direct_is_named_and_not_the_newest(gone_before: int) -> None:
    """Own rows of a roster, own rows of the rule's evidence, others of it, own rows of another kind, others: in this order."""
    names = ["roster", "evidence", "replaced evidence", "own", "replaced"]
    turned = [
        {"warning_id": "w", "submission_id": name, "dataset_group": "f", "is_own": not name.startswith("replaced"),
         "kind": "death_notice" if "evidence" in name else "edge_person"}
        for name in names[gone_before:]
    ]  # fmt: skip
    con = sql_kit.build_alone("life.cause", {
        "life.withdrawn": [{"warning_id": "w", "rule_code": "X01", "person_id": "甲"}],
        "warnings.turned": turned,
        "warnings.withdrawal": [{"warning_id": "w", "change": "rows", "what": "f"}],
        "input.rule": [{"rule_code": "X01", "not_in_of": "person"}],
        "input.rule_not_in": [{"rule_code": "X01", "registry": "dibao"}],
        "input.rule_evidence": [{"rule_code": "X01", "kind": "death_notice"}],
        "registry.enrolment": [{"row_id": "roster#a#1", "registry": "dibao", "person_id": "甲"}],
        "input.submission": submissions(*names),
    })  # fmt: skip
    assert con.execute(CAUSE).fetchall() == [("w", gone_before + 1, names[gone_before])]


@pytest.mark.parametrize("gone_before", range(3))
def test_of_what_a_new_warning_stands_on_its_own_file_is_named_first(gone_before: int) -> None:
    """A file of tonight on which it stands, one that replaced such a file, one that came beside such a file: in this order."""
    stands_on = ["new", "replaced", "in force"]
    came = ["new", "newer", "newest"]
    earlier = submissions(*stands_on)
    earlier[1]["status"] = "replaced"
    news = submissions(*came)
    for old, new in zip(earlier[1:], news[1:], strict=True):
        new |= {"unit_code": old["unit_code"], "received_seq": 9 + new["received_seq"]}
    con = sql_kit.build_alone("life.cause", {
        "main.warning": [{"warning_id": "w", "rule_code": "X01", "subject_id": "甲", "run_date": NIGHT, "last_seen_on": NIGHT, "status": "open"}],
        "warnings.source": [{"rule_code": "X01", "subject_id": "甲", "submission_id": name} for name in stands_on[gone_before:]],
        "life.new_submissions": news[gone_before:],
        "input.submission": [*earlier, *news[1:]],
    })  # fmt: skip
    assert con.execute(CAUSE).fetchall() == [("w", gone_before + 2, came[gone_before])]


@pytest.mark.parametrize("gone_before", range(2))
def test_of_what_a_new_warning_does_not_stand_on_lists_of_its_household_come_before_rosters(gone_before: int) -> None:
    news = submissions("household", "roster")
    news[1] |= {"unit_code": "d01", "kind": "dibao_person"}
    con = sql_kit.build_alone("life.cause", {
        "main.warning": [
            {"warning_id": "w", "rule_code": "X01", "household_id": "户甲", "division_code": "d01", "run_date": NIGHT,
             "last_seen_on": NIGHT, "status": "open"},
        ],
        "life.new_submissions": news[gone_before:],
        "input.rule_kind": [{"rule_code": "X01", "kind": "edge_person"}],
        "input.rule_not_in": [{"rule_code": "X01", "registry": "dibao"}],
        "registry.household_member": [{"household_id": "户甲", "person_id": "甲"}],
        "main.record_link": [{"submission_id": "household", "person_id": "甲"}],
        "input.submission": news,
    })  # fmt: skip
    assert con.execute(CAUSE).fetchall() == [("w", gone_before + 5, ["household", "roster"][gone_before])]
