"""What lies in a unit's returns/ after a night, and what comes of it when it is sent in again."""

from __future__ import annotations

import shutil
import subprocess
from datetime import date, timedelta
from pathlib import Path

import openpyxl
import pytest
from low_income import advice
from low_income.night import confirmations, night_report, rosters, run
from low_income.operate import integrity
from low_income.records import journal
from low_income.records.ledger import Ledger
from low_income.returns import listing, templates
from low_income.settings import contracts
from low_income.settings.home import BLANKS, Home

from tests.night_kit import DAY, PERSON, ask, book, copy_home, few_divisions, new_home, person, still

pytestmark = pytest.mark.slow

NAME = "边缘人员.xlsx"
STATUS = "select status, rows_read, rows_accepted from submission where file_name = ? order by received_at"
STATES = "select state, count(*) from validation_issue where unit_code = 'd01' group by state order by state"


def later(nights: int) -> date:
    return DAY + timedelta(days=nights)


def bad(serial: int) -> tuple[str, ...]:
    name, right, *rest = person(serial)
    return (name, right[:-1] + ("1" if right[-1] != "1" else "2"), right, *rest[1:])


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """After a night on which a list with two bad rows of four came, and something that is no list."""
    home = few_divisions(new_home(tmp_path_factory.mktemp("first") / "home"))
    book(home / "inbox/d01" / NAME, PERSON, [person(1), bad(2), bad(3), person(4)])
    book(home / "inbox/d02/台账.xlsx", ("姓名", "民族", "与户主关系"), [("某甲", "某族", "户主")])
    run.night(home, DAY)
    return home


@pytest.fixture
def home(first: Path, tmp_path: Path) -> Path:
    return copy_home(first, tmp_path / "home")


def blanks(home: Path) -> dict[str, int]:
    """Path below returns/ → when it was written."""
    found = (home / "returns").glob(f"*/{BLANKS}/*")
    return {str(path.relative_to(home / "returns")): path.stat().st_mtime_ns for path in found}


def send(copy: Path, target: Path) -> None:
    shutil.copy(copy, target)
    still(target)


# Blank workbooks -------------------------------------------------------------------------------------------------


def test_blank_workbooks_of_what_a_unit_may_send_lie_in_its_folder(first: Path) -> None:
    known = contracts.load().kinds.values()
    for unit in Home.open(first).units.values():
        may_send = {f"{kind.title}.xlsx" for kind in known if {unit.kind, unit.code} & set(kind.senders)}
        folder = first / "returns" / unit.code / BLANKS
        assert {path.name for path in folder.glob("*")} == may_send
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.glob("*"))
    kind = contracts.load().kinds["edge_person"]
    assert (first / f"returns/d01/{BLANKS}/{kind.title}.xlsx").read_bytes() == templates.content(kind)
    assert integrity.verify(first)["problems"] == []


def test_blank_workbooks_are_written_again_only_where_they_are_not_as_they_were(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = blanks(home)
    lost, spoilt, *_ = sorted(before)
    run.night(home, later(1))
    assert blanks(home) == before
    assert len([each for each in journal.read(Home.open(home)) if "blanks" in each.about]) == 1
    (home / "returns" / lost).unlink()
    (home / "returns" / spoilt).write_bytes(b"x")
    assert integrity.verify(home)["problems"] == [f"returns/{spoilt}：与写出时不同"]
    run.night(home, later(2))
    assert blanks(home).keys() == before.keys() and integrity.verify(home)["problems"] == []
    assert (home / "returns" / spoilt).read_bytes() != b"x"
    made_of = templates.file_name
    monkeypatch.setattr(templates, "file_name", lambda kind: f"新的{made_of(kind)}")
    run.night(home, later(3))
    assert {name.replace("新的", "") for name in blanks(home)} == before.keys()
    assert all("新的" in name for name in blanks(home)) and integrity.verify(home)["problems"] == []


def test_a_blank_workbook_that_is_filled_in_and_sent_with_its_folder_stays_blank_itself(home: Path) -> None:
    name = f"{BLANKS}/{contracts.load().kinds['edge_person'].title}.xlsx"
    blank = (home / "returns/d01" / name).read_bytes()
    workbook = openpyxl.load_workbook(home / "returns/d01" / name)
    page = workbook.worksheets[0]
    page["A1"] = f"{page['A1'].value} 2026年10月"
    heads = {str(cell.value).strip("*").partition("（")[0]: cell.column for cell in page[2]}
    for head, value in zip(PERSON, person(9), strict=True):
        if head in heads:
            page.cell(4, heads[head], value)
    (home / "inbox/d01" / BLANKS).mkdir()
    workbook.save(home / "inbox/d01" / name)
    still(home / "inbox/d01" / name)
    run.night(home, later(1))
    [(_, rows, _)] = ask(home, STATUS, name)
    assert rows == 1
    assert (home / "returns/d01" / name).read_bytes() == blank
    copy = home / "returns/d01" / name.replace(".xlsx", ".填好的.xlsx")
    assert openpyxl.load_workbook(copy).sheetnames[0] == "问题清单"
    assert integrity.verify(home)["problems"] == []


# Copies ----------------------------------------------------------------------------------------------------------


def test_a_file_that_is_refused_and_could_be_read_comes_back_with_its_data(first: Path) -> None:
    copy = openpyxl.load_workbook(first / "returns/d02/台账.xlsx")
    assert copy.sheetnames[0] == "问题清单" and [cell.value for cell in copy.worksheets[1][2]] == ["某甲", None, "户主"]
    said = [str(cell.value) for row in copy["问题清单"].iter_rows() for cell in row if cell.value]
    assert said[0] == "您需要做的 1 件事" and any("整份退回：一行也没有入库" in text for text in said)
    assert listing._HERE.format(where=listing._INBOX) in said


def test_a_copy_that_comes_back_unchanged_counts_nothing_twice_and_is_told_the_same(home: Path) -> None:
    copy = home / "returns/d01" / NAME
    told = {cell.coordinate: cell.value for row in openpyxl.load_workbook(copy)["Sheet1"].iter_rows() for cell in row}
    assert ask(home, STATES) == [("new", 2)]
    send(copy, home / "inbox/d01" / NAME)
    run.night(home, later(1))
    assert ask(home, STATUS, NAME) == [("superseded", 4, 2), ("partly_accepted", 4, 2)]
    assert ask(home, STATES) == [("open", 2)]
    assert ask(home, "select count(*) from enrolment where registry = 'edge'") == [(2,)]
    again = openpyxl.load_workbook(copy)
    assert again.sheetnames == ["问题清单", "Sheet1"], "our sheet is not there twice"
    assert {cell.coordinate: cell.value for row in again["Sheet1"].iter_rows() for cell in row} == told
    assert [cell.comment.text.count("〔检查结果〕") for cell in (again["Sheet1"]["B3"], again["Sheet1"]["B4"])] == [
        1,
        1,
    ]
    said = str([[cell.value for cell in row] for row in again["问题清单"].iter_rows()])
    assert "仍未改 2 处" in said
    # Once more, from a copy of a copy.
    send(copy, home / "inbox/d01" / NAME)
    run.night(home, later(2))
    assert ask(home, "select count(*) from enrolment where registry = 'edge'") == [(2,)]
    assert integrity.verify(home)["problems"] == []


# Correction workbooks --------------------------------------------------------------------------------------------


def test_a_correction_workbook_that_comes_back_unchanged_changes_nothing_and_says_what_to_do(home: Path) -> None:
    given = home / "returns/d01/边缘人员.更正.xlsx"
    kept = given.read_bytes()
    send(given, home / "inbox/d01" / given.name)
    run.night(home, later(1))
    assert ask(home, "select status, reason from submission where file_name = ?", given.name) == [
        ("refused", "更正表里没有任何改动")
    ]
    answer = openpyxl.load_workbook(home / "returns/d01/边缘人员.更正.回执.xlsx")["问题清单"]
    assert advice.CHANGE_COLOURED in [cell.value for row in answer.iter_rows() for cell in row]
    assert ask(home, STATUS, NAME) == [("partly_accepted", 4, 2)] and given.read_bytes() == kept
    workbook = openpyxl.load_workbook(given)
    page = workbook["更正1"]
    page.cell(3, next(cell.column for cell in page[2] if cell.value == "身份证号")).value = person(2)[1]
    workbook.save(home / "inbox/d01" / given.name)
    still(home / "inbox/d01" / given.name)
    run.night(home, later(2))
    assert ask(home, STATUS, NAME) == [("superseded", 4, 2), ("partly_accepted", 4, 3)]


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_a_correction_workbook_that_libreoffice_saved_is_taken(home: Path, tmp_path: Path) -> None:
    given = home / "returns/d01/边缘人员.更正.xlsx"
    workbook = openpyxl.load_workbook(given)
    page = workbook["更正1"]
    heads = {cell.value: cell.column for cell in page[2]}
    page.cell(3, heads["身份证号"]).value = person(2)[1]
    page.cell(4, 3).value = "是"
    workbook.save(tmp_path / given.name)
    subprocess.run(
        ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "xlsx",
         "--outdir", str(tmp_path / "out"), str(tmp_path / given.name)],
        check=True, capture_output=True, timeout=900,
    )  # fmt: skip
    send(tmp_path / "out" / given.name, home / "inbox/d01" / given.name)
    run.night(home, later(1))
    assert ask(home, STATUS, given.name) == [("accepted", 0, 0)]
    assert ask(home, STATUS, NAME) == [("superseded", 4, 2), ("accepted", 3, 3)]
    assert ask(home, STATES) == [("fixed", 2)]


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_a_copy_that_libreoffice_saved_is_taken(home: Path, tmp_path: Path) -> None:
    workbook = openpyxl.load_workbook(home / "returns/d01" / NAME)
    workbook["Sheet1"]["B3"] = person(2)[1]
    workbook.save(tmp_path / NAME)
    subprocess.run(
        ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "xlsx",
         "--outdir", str(tmp_path / "out"), str(tmp_path / NAME)],
        check=True, capture_output=True, timeout=900,
    )  # fmt: skip
    send(tmp_path / "out" / NAME, home / "inbox/d01" / NAME)
    run.night(home, later(1))
    assert ask(home, STATUS, NAME) == [("superseded", 4, 2), ("partly_accepted", 4, 3)]
    assert ask(home, STATES) == [("fixed", 1), ("open", 1)]
    copy = openpyxl.load_workbook(home / "returns/d01" / NAME)
    assert copy.sheetnames == ["问题清单", "Sheet1"]
    assert copy["Sheet1"]["B4"].comment is not None and copy["Sheet1"]["B3"].comment is None


# Rows that stand twice -------------------------------------------------------------------------------------------


def test_people_who_stand_in_two_lists_of_a_night_are_told_as_counted_once_and_nobody_is_missing(
    tmp_path: Path,
) -> None:
    """Sixty people are sent once more under another name: nothing is sent back, nothing is asked, the roster is whole."""
    home = few_divisions(new_home(tmp_path / "home"))
    people = [person(n) for n in range(1, 61)]
    book(home / "inbox/d01/边缘人员城乡.xlsx", PERSON, people)
    book(home / "inbox/d01/边缘人员再报.xlsx", PERSON, people[::-1])
    book(home / "inbox/d01/边缘人员其余.xlsx", PERSON, [*people[:2], bad(98), person(99)])
    run.night(home, DAY)
    told = dict(ask(home, "select file_name, reason from submission where unit_code = 'd01'"))
    alike = "行与别的行完全相同，只计一次"
    assert sorted(told.values()) == sorted(["1 行退回", f"2 {alike}", f"60 {alike}"])
    assert ask(home, "select distinct status from submission where unit_code = 'd01'") == [("partly_accepted",)]
    assert ask(home, "select count(*) from enrolment where registry = 'edge'") == [(61,)]
    assert ask(home, "select count(*) from coverage where state = 'incomplete' and unit_code = 'd01'") == [(0,)]
    [doubled] = [name for name, reason in told.items() if reason.startswith("60")]
    texts = lines_of(home / "returns/d01" / doubled)
    assert "您可以不改" in " ".join(texts)
    assert any("全部接收：与别的行完全相同的 60 行只计一次" in text for text in texts)
    assert any("退回 60 行（其中 60 行与别的行完全相同，不用改）" in text for text in texts)


def lines_of(copy: Path) -> list[str]:
    book_ = openpyxl.load_workbook(copy)
    return [str(cell) for row in book_["问题清单"].iter_rows(values_only=True) for cell in row if cell]


# Parts of a roster -------------------------------------------------------------------------------------------------


def not_come(home: Path, day: date) -> list[tuple[str, str, str]]:
    place, ledger = Home.open(home), Ledger.of(Home(home))
    found = [gap for gap in rosters.gaps(place, ledger, ledger.as_of(day), day) if gap.sort == "not_come"]
    return [(gap.file_name, gap.period, gap.reason) for gap in found]


def two_parts(home: Path, month: str, *parts: str, day: date) -> None:
    """The urban and the rural part of an edge roster, each with its own five people, taken in on a night."""
    people = {"城市": range(1, 6), "农村": range(6, 11)}
    for part in parts:
        name = f"{month}月{part}边缘人员.xlsx"
        book(home / "inbox/d01" / name, PERSON, [person(n, f"2026-{month}") for n in people[part]])
    for unit in run.collect(home, day):
        run.read(home, day, unit)
    run.check(home, day, "edge")


def test_a_roster_is_not_whole_while_a_part_that_it_had_last_month_has_not_come(tmp_path: Path) -> None:
    """Else everybody in the part that is late would count as not enrolled."""
    home = few_divisions(new_home(tmp_path / "home"))
    october, november = DAY, DAY + timedelta(days=12)
    two_parts(home, "10", "城市", "农村", day=october)
    assert not_come(home, october) == []
    two_parts(home, "11", "农村", day=november)
    assert not_come(home, november) == [
        ("10月城市边缘人员.xlsx", "2026-11", "2026-10 有这一份（5 人），2026-11 的还没有收到")
    ]
    told = night_report.status(Home.open(home), Ledger.of(Home(home)), november)
    assert "10月城市边缘人员.xlsx" in str(told["gaps"])
    # What is advised ends it: the data officer confirms that all of the month are there, or the part comes.
    confirmed = copy_home(home, tmp_path / "confirmed")
    [gap] = [each for each in told["gaps"] if each["sort"] == "not_come"]
    confirmations.confirm_submission(
        confirmed, gap["submission_id"], by_whom="数据员", reason="城市的并入农村", day=november
    )
    assert not_come(confirmed, november) == []
    two_parts(home, "11", "城市", day=november + timedelta(days=1))
    assert not_come(home, november + timedelta(days=1)) == []


@pytest.mark.parametrize(("stay", "is_missing"), [(3, False), (2, True)])
def test_a_part_that_came_under_another_name_is_known_by_its_people(
    tmp_path: Path, stay: int, is_missing: bool
) -> None:
    home = few_divisions(new_home(tmp_path / "home"))
    november = DAY + timedelta(days=12)
    two_parts(home, "10", "城市", "农村", day=DAY)
    rows = [person(n, "2026-11") for n in (*range(1, 1 + stay), *range(6, 11))]
    book(home / "inbox/d01/11月全区边缘人员.xlsx", PERSON, rows)
    for unit in run.collect(home, november):
        run.read(home, november, unit)
    run.check(home, november, "edge")
    assert bool(not_come(home, november)) is is_missing


def test_a_month_of_which_few_rows_are_held_is_no_measure(tmp_path: Path) -> None:
    """A list of one month of long ago, sent late in a folder of its own, is no part that every month must have."""
    home = few_divisions(new_home(tmp_path / "home"))
    book(home / "inbox/d01/往月/2026年8月/城市边缘人员.xlsx", PERSON, [person(99, "2026-08")])
    two_parts(home, "10", "城市", "农村", day=DAY)
    assert not_come(home, DAY) == []
