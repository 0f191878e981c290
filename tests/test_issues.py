"""Error lines with a life: what is new, still there, cured or back, told by what was sent on which night."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from low_income.model import mask
from low_income.night import issues, run
from low_income.records.ledger.parts import BROKE

from tests.night_kit import DAY, PERSON, ask, book, few_divisions, new_home, number, person, still

pytestmark = pytest.mark.slow

LINES = 'select rule, state, first_seen_on, "row", issue_id from validation_issue order by all'
FILE = "inbox/d01/边缘人员.xlsx"


def later(nights: int) -> date:
    return DAY + timedelta(days=nights)


def states(home: Path) -> dict[str, str]:
    return {rule: state for rule, state, *_ in ask(home, LINES)}


def bad(serial: int, month: str = "2026-10") -> tuple[str, ...]:
    """A row with a wrong check character: it is sent back."""
    name, right, _, *rest = person(serial, month)
    wrong = right[:-1] + ("1" if right[-1] != "1" else "2")
    return (name, wrong, wrong, *rest)


@pytest.mark.slow
def test_a_fault_is_new_then_open_then_fixed_for_one_night_then_back(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    odd = (*person(2)[:4], "很多", "2026-10")
    book(home / FILE, PERSON, [person(1), odd, bad(3)])
    run.night(home, DAY)
    first = ask(home, LINES)
    assert {line[:3] for line in first} == {
        ("head_id_number.check_digit", "new", DAY), ("id_number.check_digit", "new", DAY),
        ("monthly_income_fen.unreadable", "new", DAY),
    }  # fmt: skip
    run.night(home, DAY)
    assert ask(home, LINES) == first  # the same night again says the same
    run.night(home, later(1))
    assert {(line[1], line[2]) for line in ask(home, LINES)} == {("open", DAY)}
    assert [line[4] for line in ask(home, LINES)] == [line[4] for line in first]

    # One cured, the others moved down a row: the same lines still, at their new place.
    book(home / FILE, PERSON, [person(1), person(2), person(4), bad(3)])
    run.night(home, later(2))
    found = ask(home, LINES)
    assert states(home) == {
        "head_id_number.check_digit": "open", "id_number.check_digit": "open", "monthly_income_fen.unreadable": "fixed",
    }  # fmt: skip
    assert [line[4] for line in found] == [line[4] for line in first]
    assert {line[3] for line in found if line[1] == "open"} == {5}
    run.night(home, later(3))
    assert set(states(home).values()) == {"open"}

    book(home / FILE, PERSON, [person(1), odd, person(3)])
    run.night(home, later(4))
    assert states(home) == {
        "head_id_number.check_digit": "fixed", "id_number.check_digit": "fixed", "monthly_income_fen.unreadable": "came_back",
    }  # fmt: skip
    run.night(home, later(5))
    assert [line[:3] for line in ask(home, LINES)] == [("monthly_income_fen.unreadable", "open", DAY)]


def test_a_newer_month_cures_nothing_and_an_older_one_adds_nothing_for_long(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    book(home / "inbox/d01/边缘人员九月.xlsx", PERSON, [person(1, "2026-09"), bad(3, "2026-09"), bad(5, "2026-09")])
    run.night(home, DAY)
    assert [line[1] for line in ask(home, LINES)] == ["new"] * 4
    book(home / "inbox/d01/边缘人员十月.xlsx", PERSON, [person(1), person(2)])
    run.night(home, later(1))
    assert ask(home, LINES) == []  # nobody corrected anything
    book(home / "inbox/d01/边缘人员十月二.xlsx", PERSON, [person(4), bad(5)])
    run.night(home, later(2))
    assert [line[1:3] for line in ask(home, LINES)] == [("open", DAY)] * 2
    # September once more, one mended and one as it was.
    book(home / "inbox/d01/边缘人员九月.xlsx", PERSON, [person(1, "2026-09"), person(3, "2026-09"), bad(5, "2026-09")])
    run.night(home, later(3))
    assert sorted(line[1] for line in ask(home, LINES)) == ["fixed", "fixed", "open", "open"]
    book(home / "inbox/d01/边缘人员八月.xlsx", PERSON, [person(1, "2026-08"), bad(7, "2026-08")])
    run.night(home, later(4))
    assert sorted(line[1] for line in ask(home, LINES)) == ["new", "new", "open", "open"]
    run.night(home, later(5))
    assert [line[1] for line in ask(home, LINES)] == ["open", "open"]


def test_what_two_newer_months_do_not_have_was_away_when_it_is_met_again(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    months = [("2026-08", bad(3, "2026-08")), ("2026-09", person(3, "2026-09")), ("2026-10", person(3))]
    for nights, (month, row) in enumerate(months):
        book(home / f"inbox/d01/边缘人员{month}.xlsx", PERSON, [person(1, month), row])
        run.night(home, later(nights))
        assert set(states(home).values()) == ({"new"} if not nights else set())
    book(home / "inbox/d01/边缘人员2026-11.xlsx", PERSON, [person(1, "2026-11"), bad(3, "2026-11")])
    run.night(home, later(3))
    assert set(states(home).values()) == {"came_back"}


HOUSE = ("户主姓名", "户主身份证号", "家庭人口", "家庭月均收入", "纳入月份", "数据月份")


def test_nobody_is_asked_about_a_list_that_was_refused_until_it_comes(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    house = [(person(at)[0], number(at), "1", "900", "2026-01", "2026-10") for at in (1, 2, 3)]
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(1), person(2), person(4)])
    book(home / "inbox/d01/边缘家庭东.xlsx", HOUSE, house[:1])
    (home / "inbox/d01/边缘家庭西.xlsx").write_bytes(b"PK\x03\x04 torn")
    still(home / "inbox/d01/边缘家庭西.xlsx")
    run.night(home, DAY)
    assert "head_listed" not in states(home)
    book(home / "inbox/d01/边缘家庭西.xlsx", HOUSE, house[1:])
    run.night(home, later(1))
    assert {line[:4] for line in ask(home, LINES)} == {
        ("head_listed", "new", later(1), 4), ("file.corrupt", "fixed", DAY, None),
    }  # fmt: skip


def test_a_question_that_cannot_be_asked_again_is_not_said_to_be_answered(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    house = [(person(at)[0], number(at), "1", "900", "2026-01", "2026-10") for at in (1, 2, 3, 4)]
    spoilt = (house[3][0], bad(4)[1], *house[3][2:])
    book(home / "inbox/d01/边缘家庭.xlsx", HOUSE, house[:2])
    book(home / FILE, PERSON, [person(1), person(2), person(3)])
    run.night(home, DAY)
    assert states(home) == {"head_listed": "new"}
    further = home / "inbox/d01/边缘家庭北.xlsx"
    book(further, HOUSE, [spoilt])
    run.night(home, later(1))
    assert "head_listed" not in states(home)
    book(further, HOUSE, house[3:])
    run.night(home, later(2))
    told = [line[:3] for line in ask(home, LINES) if line[0] == "head_listed"]
    assert told == [("head_listed", "open", DAY)], "asked again, it is the question of the first night"
    book(further, HOUSE, house[2:])
    run.night(home, later(3))
    assert states(home)["head_listed"] == "fixed"


def test_a_file_sent_back_whole_has_a_line_until_its_kind_comes_in_order(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    (home / FILE).write_bytes(b"PK\x03\x04 torn")
    still(home / FILE)
    book(home / "inbox/d01/没有月份.xlsx", PERSON[:5], [person(1)[:5]], "边缘人员")
    run.night(home, DAY)
    lines = ask(home, 'select rule, level, severity, state, "row" from validation_issue order by 1')
    assert {line[0] for line in lines} >= {"file.no_period"} and len(lines) == 2
    assert {line[1:] for line in lines} == {("file", "must_fix", "new", None)}
    book(home / FILE, PERSON, [person(1), person(2)])
    run.night(home, later(1))
    assert [line[1] for line in ask(home, LINES)] == ["fixed", "fixed"]


def test_two_people_of_one_name_without_a_number_have_a_line_each(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    blank = ("某某", "", number(1), "子", "900", "2026-10")
    book(home / FILE, PERSON, [person(1), blank, blank])
    run.night(home, DAY)
    lines = ask(home, "select issue_id from validation_issue where rule = 'id_number.no_number_yet'")
    assert len(set(lines)) == 2


def test_each_line_names_its_level(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    rows = [
        person(1),
        bad(2),
        person(3),
        (*person(3)[:4], "950", "2026-10"),
        ("某某", number(4), "", "子", "9", "2026-10"),
    ]
    book(home / FILE, PERSON, rows)
    book(home / "inbox/d01/边缘家庭.xlsx", ("户主姓名", "户主身份证号", "家庭人口", "家庭月均收入", "纳入月份", "数据月份"),
         [("某甲", number(1), "3", "900", "2026-01", "2026-10")])  # fmt: skip
    run.night(home, DAY)
    assert dict(ask(home, "select rule, max(level) from validation_issue group by rule")) == {
        "id_number.check_digit": "value", "head_id_number.check_digit": "value", "row.differing_twin": "row",
        "head_id_number.household_unknown": "household", "members_listed": "household", "head_listed": "across_files",
    }  # fmt: skip


def test_the_value_of_an_error_line_is_kept_masked(home):
    """What stands in `value_masked` of the release, and what its message quotes."""
    line = {
        "issue_id": "a", "sheet": "", "rule": "id_number.check_digit", "level": "row", "fix": "", "header": "身份证号", "severity": "error",
        "row_number": 2, "column": 2, "value": number(1), "message": f"填的“{number(1)}”校验不通过",
    }  # fmt: skip
    submission = SimpleNamespace(submission_id="s", unit_code="d01", kind="edge_person", file_name="甲.xlsx")
    issues.keep(home, submission, pd.DataFrame([line]))
    told = issues.reported_issues(home, submission, []).iloc[0]
    assert number(1) not in str(told.to_dict())
    assert told["value"] == mask(number(1)) == f"{number(1)[:6]}********{number(1)[-3:]}"


@pytest.mark.parametrize(
    ("outcome", "reason", "rule"),
    [
        ("held", f"{BROKE}（建库时错在第 3 行），先扣住不用", "file.broken"),
        ("held", "行数比上次少了一半", "file.shrunken"),
        ("refused", "整份不用", "file.refused"),
        ("accepted", f"{BROKE}（上一次）", None),
    ],
)
def test_a_held_list_is_the_senders_to_look_at_only_where_it_shrank(outcome, reason, rule):
    told = issues._of_the_file(SimpleNamespace(outcome=outcome, reason=reason, reading={}))
    assert (told and told[0]) == rule
    assert told is None or (told[2] == "notice") == (rule == "file.broken")
