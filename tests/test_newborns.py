"""Members without a number: while their absence is confirmed with a reason they count in their own household, and nowhere else."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from low_income.cli import monitor
from low_income.model import CONFIRM
from low_income.night import run
from low_income.operate import integrity
from low_income.records import keyed_ids
from openpyxl import load_workbook

from tests.night_kit import DAY, ask, book, copy_home, differences, few_divisions, new_home, number, still

pytestmark = pytest.mark.slow

HEADER = ("姓名", "身份证号", "户主身份证号", "与户主关系", "性别", "出生日期", "是否重病", "数据月份")
NAME = "低保人员.xlsx"
CHILD = "某小宝"


def head(serial: int, month: str = "2026-10") -> tuple[str, ...]:
    return f"某{'甲乙丙丁'[serial // 2]}", number(serial), "", "户主", "男", "", "", month


def child(
    of: int, month: str = "2026-10", *, id_number: str = "", relation: str = "子", name: str = CHILD
) -> tuple[str, ...]:
    return name, id_number, number(of) if of else "", relation, "男", "2026-09-20", "是", month


def later(nights: int) -> date:
    return DAY + timedelta(days=nights)


def members(home: Path) -> list[tuple[str, ...]]:
    """(name, number, name of the head, identity_state) of everybody, by name."""
    return ask(
        home,
        "select p.name, p.id_number, h.name, p.identity_state from person p join household using (household_id)"
        " join person h on h.person_id = head_person_id order by all",
    )


@pytest.fixture(scope="module")
def confirmed(tmp_path_factory):
    """Two nights: a child without a number in two lists of one household, then the confirmation of the one in dibao."""
    home = few_divisions(new_home(tmp_path_factory.mktemp("newborn") / "home"))
    book(home / "inbox/d01" / NAME, HEADER, [head(1), child(1), head(3)])
    book(home / "inbox/d01/摸底.xlsx", ("户编号", "姓名", "身份证号", "与户主关系"),
         [("H1", "某丙", number(5), "户主"), ("H1", CHILD, "", "子")])  # fmt: skip
    book(home / "inbox/d02" / NAME, HEADER, [head(7), child(0, relation="户主"), child(0)])
    run.night(home, DAY)
    before = copy_home(home, home.parent / "before")
    [(issue,)] = ask(home, "select issue_id from validation_issue v join submission s using (submission_id)"
                     " where s.kind = 'dibao_person' and rule = 'id_number.no_number_yet'")  # fmt: skip
    returned = home / "returns/d01" / NAME
    workbook = load_workbook(returned)
    page = workbook["问题清单"]
    [head_row] = [row for row in page.iter_rows() if CONFIRM[-1] in [cell.value for cell in row]]
    heads = {cell.value: cell.column for cell in head_row}
    [row] = [row for row in range(3, page.max_row + 1) if page.cell(row, heads[CONFIRM[-1]]).value == issue]
    for name, word in zip(CONFIRM, ("是", "新生儿,还没有上户口", "某办事员"), strict=False):
        page.cell(row, heads[name]).value = word
    workbook.save(home / "inbox/d01" / NAME)
    still(home / "inbox/d01" / NAME)
    run.night(home, later(1))
    return before, home


def test_before_the_confirmation_the_row_is_set_aside_and_the_copy_says_what_may_be_done(confirmed):
    before, _ = confirmed
    assert [row[0] for row in members(before)] == ["某丁", "某丙", "某乙", "某甲"]
    assert ask(
        before, "select rows_accepted, rows_set_aside from submission where kind = 'dibao_person' and unit_code = 'd01'"
    ) == [(2, 1)]
    told = [
        str(cell.value) for row in load_workbook(before / "returns/d01" / NAME)["问题清单"].iter_rows() for cell in row
    ]
    assert any("新生儿" in text and "选“是”" in text for text in told)


def test_confirmed_it_is_a_member_of_that_household_alone(confirmed):
    _, home = confirmed
    assert members(home) == [
        ("某丁", number(7), "某丁", "verified"), ("某丙", number(5), "某丙", "verified"), ("某乙", number(3), "某乙", "verified"),
        (CHILD, None, "某甲", "provisional"), ("某甲", number(1), "某甲", "verified"),
    ]  # fmt: skip
    accepted = "select rows_accepted, rows_set_aside from submission where kind = 'dibao_person' and unit_code = 'd01' and status = 'accepted'"
    assert ask(home, accepted) == [(3, 0)]
    states = "select s.kind, v.state from validation_issue v join submission s using (submission_id) where rule like '%no_number_yet' order by 1"
    assert ask(home, states) == [("dibao_person", "excepted"), ("survey_person", "open")]
    # Its list of another sort says the same name: nobody joins the two, and nothing is offered.
    assert ask(home, "select count(*) from duplicate_suggestion") == [(0,)]
    assert ask(
        home,
        "select persons from monthly_statistics where month = '2026-10' and division_code = 'd01' and registry = 'dibao'",
    ) == [(3,)]


def test_it_is_asked_nothing_that_needs_a_number(confirmed):
    _, home = confirmed
    answers = "select registry, answer from registry_check join person using (person_id) where name = ? order by 1"
    assert ask(home, answers, CHILD) == [("dibao", "enrolled"), ("edge", "cannot_tell"), ("tekun", "cannot_tell")]
    # Seriously ill and without a supplement: a child with a number would be asked about (C01).
    assert ask(home, "select count(*) from warning where rule_code in ('C01', 'C02') and subject_name = ?", CHILD) == [
        (0,)
    ]


def test_it_is_the_same_next_month_and_gone_when_the_confirmation_is_over(confirmed, tmp_path):
    home = copy_home(confirmed[1], tmp_path / "home")
    [(first,)] = ask(home, "select person_id from person where identity_state = 'provisional'")
    book(home / "inbox/d01/十一月.xlsx", HEADER, [head(3, "2026-11"), head(1, "2026-11"), child(1, "2026-11")])
    run.night(home, date(2026, 11, 20))
    assert ask(home, "select person_id from person where identity_state = 'provisional'") == [(first,)]
    run.night(home, date(2027, 11, 2))
    assert [row[0] for row in members(home)] == ["某丁", "某丙", "某乙", "某甲"]
    assert ask(home, "select rows_accepted, rows_set_aside from submission where period = '2026-11'") == [(2, 1)]
    assert ("open",) in ask(home, "select state from validation_issue where rule = 'id_number.no_number_yet'")


@pytest.mark.slow
def test_a_lost_ledger_comes_back_with_it(confirmed, tmp_path):
    home = copy_home(confirmed[1], tmp_path / "home")
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (home / name).unlink(missing_ok=True)
    shutil.rmtree(home / "accepted/dibao_person")
    integrity.recover(home)
    assert members(home) == members(confirmed[1])
    assert differences(confirmed[1], home, only=["person", "household_member", "enrolment", "registry_check"]) == {}


def test_without_a_household_there_is_nothing_to_be_a_member_of(confirmed):
    before, home = confirmed
    mine = "from validation_issue v join submission s using (submission_id) where s.unit_code = 'd02'"
    assert ask(before, f'select "row", rule {mine} order by all') == [
        (3, "id_number.blank"), (4, "head_id_number.household_unknown"), (4, "id_number.blank"),
    ]  # fmt: skip
    [(issue,)] = ask(before, f'select issue_id {mine} and "row" = 3')
    words = ["--home", str(home), "except", issue, "--by", "甲", "--because", "乙", "--date", later(1).isoformat()]
    assert CliRunner().invoke(monitor, words).exit_code != 0


def test_the_id_is_of_the_list_and_household_alone():
    key = bytes(range(32))
    about = ("dibao", "d01", number(1), CHILD, "2026-09-20", 1)
    others = [("edge", *about[1:]), ("dibao", "d02", *about[2:]), (*about[:2], number(3), *about[3:]),
              (*about[:3], "某大宝", *about[4:]), (*about[:4], "2026-09-21", 1), (*about[:5], 2), (*about[:4], None, 1)]  # fmt: skip
    ids = {keyed_ids.provisional_id(key, *each) for each in [about, *others]}
    assert len(ids) == len(others) + 1
    assert not ids & set(keyed_ids.person_ids(key, [number(1), number(3)]).values())
    assert keyed_ids.provisional_id(key, *about) == keyed_ids.provisional_id(key, *about)
