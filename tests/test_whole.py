"""A list of which something is missing: nobody's absence from it lists anybody, or clears a warning, until it is whole."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from low_income.ask import explain as explaining
from low_income.cli import monitor
from low_income.model import MonitorError
from low_income.night import confirmations, notify, run
from low_income.operate.integrity import recover, verify
from low_income.records.ledger import Ledger
from low_income.settings.home import Home

from tests.decision_kit import DIBAO, TEKUN, lines_of
from tests.night_kit import DAY, PERSON, ask, book, few_divisions, new_home, number, person, still
from tests.roster_kit import NOT_IN, bureau, dibao

pytestmark = pytest.mark.slow
NEXT = DAY + timedelta(days=1)


@pytest.fixture(scope="module")
def in_part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The north of the dibao roster was taken; the south, where 某甲 stands, has no column of numbers."""
    home = bureau(tmp_path_factory.mktemp("part") / "home")
    book(home / "inbox/d01/低保北片.xlsx", DIBAO, dibao(901, 907))
    south = [(name, *rest) for name, _, *rest in [("某甲", "", number(11), "户主", "100", "2026-10")]]
    book(home / "inbox/d01/低保南片.xlsx", [each for each in DIBAO if each != "身份证号"], south, sheet="低保人员")
    run.night(home, DAY)
    return home


def test_nobody_is_listed_for_not_standing_on_half_a_roster(in_part: Path) -> None:
    assert ask(in_part, NOT_IN) == []
    answers = "select answer, count(*) from registry_check where registry = 'dibao' group by all order by all"
    assert dict(ask(in_part, answers))["enrolled"] == 2
    assert "not_enrolled" not in dict(ask(in_part, answers))
    said = ask(
        in_part, "select kind, period, received, rows, state from coverage where kind like 'dibao%' and received"
    )
    assert said == [("dibao_person", "2026-10", True, 2, "incomplete")]


def test_officer_and_analyst_are_told_what_is_missing_and_what_ends_it(in_part: Path) -> None:
    [(south,)] = ask(in_part, "select submission_id from submission where file_name = '低保南片.xlsx'")
    letter = (in_part / f"outbox/{DAY}.md").read_text(encoding="utf-8")
    assert "不完整的名单" in letter and "低保人员 2026-10：《低保南片.xlsx》整份退回" in letter
    assert f"monitor confirm {south}" in letter
    status = CliRunner().invoke(monitor, ["--home", str(in_part), "status", "--date", str(DAY)], terminal_width=200)
    assert "不完整" in status.output and f"monitor confirm {south}" in status.output.replace("\n", "")
    words = " ".join(str(cell) for row in lines_of(in_part / f"lists/{DAY}/d01.xlsx", "说明") for cell in row.values())
    assert "低保人员（不完整" in words
    asked = ["--home", str(in_part), "why-not", "-", "A01"]
    answer = CliRunner().invoke(monitor, asked, input=number(11), terminal_width=200)
    assert "名册不完整" in answer.output


def test_a_corrected_part_ends_it(in_part: Path, tmp_path: Path) -> None:
    home = shutil.copytree(in_part, tmp_path / "home", symlinks=True)
    book(home / "inbox/d01/低保南片.xlsx", DIBAO, dibao(11))
    run.night(home, NEXT)
    assert ask(home, NOT_IN) == [("某丙",), ("某乙",)]
    assert ask(home, "select distinct state from coverage where kind = 'dibao_person' and received") == [("fresh",)]


def test_the_word_of_the_officer_ends_it(in_part: Path, tmp_path: Path) -> None:
    home = shutil.copytree(in_part, tmp_path / "home", symlinks=True)
    [(south,)] = ask(home, "select submission_id from submission where file_name = '低保南片.xlsx'")
    [(north,)] = ask(home, "select submission_id from submission where file_name = '低保北片.xlsx'")
    with pytest.raises(MonitorError, match="没有使名单不完整"):
        confirmations.confirm_submission(home, north, by_whom="数据员甲", reason="没有漏", day=NEXT)
    told = confirmations.confirm_submission(home, south, by_whom="数据员甲", reason="南片已并入北片", day=NEXT)
    assert told["lists"] == ["低保人员 2026-10"]
    run.night(home, NEXT)
    assert ask(home, NOT_IN) == [("某丙",), ("某乙",), ("某甲",)]
    assert ask(home, "select distinct state from coverage where kind = 'dibao_person' and received") == [("fresh",)]
    assert "不完整的名单" not in (home / f"outbox/{NEXT}.md").read_text(encoding="utf-8")
    ledger = Ledger.of(Home.open(home))
    assert south in ledger.confirmed_gaps(NEXT) and not ledger.confirmed_gaps(DAY)


# what lies in the inbox and is not taken ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def half_uploaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The north of the dibao roster was taken; of the south, where 某甲 stands, an upload left its half."""
    home = bureau(tmp_path_factory.mktemp("half") / "home")
    book(home / "inbox/d01/低保北片.xlsx", DIBAO, dibao(901, 907))
    south = book(home / "inbox/d01/低保南片.xlsx", DIBAO, dibao(11))
    south.rename(south.with_name("低保南片.xlsx.filepart"))
    run.night(home, DAY)
    return home


def test_half_an_upload_lists_nobody_and_is_told_with_what_ends_it(half_uploaded: Path) -> None:
    assert ask(half_uploaded, NOT_IN) == []
    said = "select state from coverage where kind = 'dibao_person' and received"
    assert ask(half_uploaded, said) == [("incomplete",)]
    letter = (half_uploaded / f"outbox/{DAY}.md").read_text(encoding="utf-8")
    (left,) = Ledger.of(Home.open(half_uploaded)).left(DAY)
    assert (
        "低保人员 2026-10：《低保南片.xlsx.filepart》没有传完，只留下半份。请报送单位把整份名单用文件名“低保南片.xlsx”交来"
        in letter
    )
    assert f"monitor confirm {left.left_id}" in letter
    assert verify(half_uploaded)["problems"] == []


def test_the_whole_file_ends_it_and_nothing_is_asked(half_uploaded: Path, tmp_path: Path) -> None:
    home = shutil.copytree(half_uploaded, tmp_path / "home", symlinks=True)
    book(home / "inbox/d01/低保南片.xlsx", DIBAO, dibao(11))
    run.night(home, NEXT)
    assert ask(home, NOT_IN) == [("某丙",), ("某乙",)]
    assert notify.status(home, NEXT)["gaps"] == []


def test_that_somebody_took_the_half_away_does_not_end_it_but_the_word_of_the_officer_does(
    half_uploaded: Path, tmp_path: Path
) -> None:
    home = shutil.copytree(half_uploaded, tmp_path / "home", symlinks=True)
    (home / "inbox/d01/低保南片.xlsx.filepart").unlink()
    run.night(home, NEXT)
    assert ask(home, NOT_IN) == []
    (left,) = Ledger.of(Home.open(home)).left(NEXT)
    assert (left.first_on, left.last_on) == (DAY, DAY)
    last = NEXT + timedelta(days=1)
    told = confirmations.confirm_submission(home, left.left_id, by_whom="数据员甲", reason="传错了,不要了", day=last)
    assert told["file_name"] == "低保南片.xlsx.filepart" and told["lists"] == ["低保家庭 2026-10", "低保人员 2026-10"]
    run.night(home, last)
    assert ask(home, NOT_IN) == [("某丙",), ("某乙",), ("某甲",)]


def test_a_lost_ledger_knows_again_what_lay_there_and_what_was_said_of_it(half_uploaded: Path, tmp_path: Path) -> None:
    home = shutil.copytree(half_uploaded, tmp_path / "home", symlinks=True)
    before = Ledger.of(Home.open(home))
    (left,) = before.left(DAY)
    confirmations.confirm_submission(home, left.left_id, by_whom="数据员甲", reason="传错了,不要了", day=NEXT)
    assert verify(home)["problems"] == []
    (home / "ledger.db").unlink()
    recover(home)
    after = Ledger.of(Home.open(home))
    assert after.left(NEXT) == [left] and left.left_id in after.confirmed_gaps(NEXT)
    assert ask(home, NOT_IN) == []


def test_a_file_that_still_moves_when_the_night_begins_lists_nobody(tmp_path: Path) -> None:
    home = bureau(tmp_path / "home")
    book(home / "inbox/d01/低保北片.xlsx", DIBAO, dibao(901, 907))
    south = book(home / "inbox/d01/低保南片.xlsx", DIBAO, dibao(11))
    south.touch()
    run.night(home, DAY)
    assert ask(home, NOT_IN) == []
    still(south)
    run.night(home, NEXT)
    assert ask(home, NOT_IN) == [("某丙",), ("某乙",)]
    half = home / "inbox/d01/低保西片.xlsx.filepart"
    half.write_bytes(b"PK")
    still(half)
    run.night(home, NEXT + timedelta(days=1))
    [(kept, remark), _] = ask(home, "select warning_id, remark from warning where rule_code = 'A01' order by 1")
    assert remark == "名单不完整（低保），今晚无法核对，保留原预警"
    again = explaining.explain(home, kept)["again"]
    assert (again["answer"], again["unreadable"]) == ("unreadable", "名单不完整（低保）"), (
        "it is not said to hold no more"
    )


# lists without a month ---------------------------------------------------------------------------------------------------


LEDGER = ("申请编号", "申请人姓名", "申请人身份证号", "救助类型", "困难类型", "受理日期", "发放日期", "处理结果")
INSURED = ("姓名", "社会保障号码", "参保状态", "缴费月份", "缴费基数(元)")
OPEN = "select rule_code, remark from warning where status <> 'closed' order by rule_code"


def two_lists(home: Path, name: str, *, helped: bool, refused: bool = False) -> None:
    """The division's ledger and the list of contributions: 某甲 stands in both when `helped`; without a number nobody does."""
    ledger, insured = LEDGER, INSURED
    if refused:
        ledger, insured = (
            tuple(each for each in header if "号码" not in each and "证号" not in each) for header in (LEDGER, INSURED)
        )
    who, serial = ("某甲", 11) if helped else ("某寅", 921)
    row = {
        "申请编号": name, "申请人姓名": who, "申请人身份证号": number(serial), "救助类型": "急难型", "困难类型": "灾害",
        "受理日期": "2026-10-21", "发放日期": "2026-10-25", "处理结果": "同意",
        "姓名": who, "社会保障号码": number(serial), "参保状态": "参保缴费", "缴费月份": "2026-10", "缴费基数(元)": "4000",
    }  # fmt: skip
    book(home / f"inbox/d01/临时救助台账{name}.xlsx", ledger, [[row[each] for each in ledger]])
    book(home / f"inbox/human_resources/参保缴费{name}.xlsx", insured, [[row[each] for each in insured]])


def test_a_ledger_that_was_refused_lists_nobody_as_not_helped_and_keeps_who_is_listed(tmp_path: Path) -> None:
    home = few_divisions(new_home(tmp_path / "home"))
    book(home / "inbox/d01/边缘.xlsx", PERSON, [("某甲", *person(11)[1:])])
    book(home / "inbox/d01/特困.xlsx", TEKUN, [("某寅", number(921), "集中", "全自理", "900", "2020-01", "2026-10")])
    disaster = ("户主", "身份证号", "灾害种类", "发生时间", "直接经济损失")
    book(home / "inbox/emergency/灾情.xlsx", disaster, [("某甲", number(11), "洪涝", "2026-10-20", "9000")])
    book(
        home / "inbox/human_resources/失业.xlsx", ("姓名", "身份证号", "登记日期"), [("某甲", number(11), "2026-10-12")]
    )
    nights = [DAY + timedelta(days=days) for days in range(4)]

    two_lists(home, "甲", helped=True, refused=True)
    run.night(home, nights[0])
    assert ask(home, OPEN) == []
    letter = (home / f"outbox/{nights[0]}.md").read_text(encoding="utf-8")
    assert "临时救助台账：《临时救助台账甲.xlsx》整份退回" in letter and "没有的记录不算“没有”" in letter
    assert ask(home, "select count(*) from coverage where state = 'incomplete'") == [(0,)]

    two_lists(home, "甲", helped=False)
    run.night(home, nights[1])
    assert ask(home, OPEN) == [("A06", None), ("A08", None)]
    assert "不完整的名单" not in (home / f"outbox/{nights[1]}.md").read_text(encoding="utf-8")

    two_lists(home, "乙", helped=True, refused=True)
    run.night(home, nights[2])
    [(_, insured), (_, ledger)] = ask(home, OPEN)
    assert "《参保缴费乙.xlsx》整份退回" in insured and "《临时救助台账乙.xlsx》整份退回" in ledger
    assert all(remark.endswith("今晚无法核对，保留原预警") for remark in (insured, ledger))

    two_lists(home, "乙", helped=True)
    run.night(home, nights[3])
    assert ask(home, OPEN) == []
    withdrawn = "select rule_code, because from warning_withdrawn order by rule_code"
    assert [(rule, "乙.xlsx" in because) for rule, because in ask(home, withdrawn)] == [("A06", True), ("A08", True)]
