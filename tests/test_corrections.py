"""The correction workbook: only the rows with faults; filled in and dropped back it mends the file that it was made from."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from low_income import advice
from low_income.model import CORRECTION_SHEET, Reading, Refusal
from low_income.night import rosters, run
from low_income.operate import integrity
from low_income.reading import readers, sandbox
from low_income.records.ledger import Ledger
from low_income.returns import correction
from low_income.returns.rewrite import rewrite
from low_income.settings.home import Home
from openpyxl import load_workbook

from tests.night_kit import DAY, PERSON, ask, book, copy_home, few_divisions, new_home, person, still

pytestmark = pytest.mark.slow

STATUS = "select file_name, status, rows_read, rows_accepted from submission order by file_name, rows_accepted"


def later(nights: int) -> date:
    return DAY + timedelta(days=nights)


def bad(serial: int) -> tuple[str, ...]:
    name, right, _, *rest = person(serial)
    wrong = right[:-1] + ("1" if right[-1] != "1" else "2")
    return (name, wrong, person(serial)[1], *rest)


def text_file(home: Path, name: str) -> None:
    path = home / "inbox/d01" / name
    path.write_bytes(
        ("\n".join(",".join(row) for row in [PERSON, person(1), bad(2), bad(3), person(4)]) + "\n").encode("gb18030")
    )
    still(path)


@pytest.fixture(params=["边缘人员.xlsx", "边缘人员.csv"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """After the night on which a file with two bad rows of four came."""
    made = few_divisions(new_home(tmp_path / "home"))
    if request.param.endswith(".csv"):
        text_file(made, request.param)
    else:
        book(made / "inbox/d01" / request.param, PERSON, [person(1), bad(2), bad(3), person(4)])
    run.night(made, DAY)
    return made


def fill_in(home: Path, *, drop: int | None = None) -> None:
    """Mend the first row and drop the workbook back, as a clerk does; `drop`: this row is to go."""
    workbook = load_workbook(home / "returns/d01/边缘人员.更正.xlsx")
    page = workbook["更正1"]
    assert [page.cell(row, 2).value for row in (3, 4)] == ["3", "4"] and page.max_row == 4
    heads = {cell.value: cell.column for cell in page[2]}
    assert "校验不通过" in page.cell(3, heads["问题和改法"]).value
    assert page.cell(3, heads["身份证号"]).number_format == "@"
    assert page.cell(3, heads["身份证号"]).fill.fgColor.rgb != page.cell(3, heads["姓名"]).fill.fgColor.rgb
    assert workbook[CORRECTION_SHEET].sheet_state == "veryHidden"
    page.cell(3, heads["身份证号"]).value = person(2)[1]
    if drop:
        page.cell(drop, 3).value = "是"
    target = home / "inbox/d01/边缘人员.更正.xlsx"
    workbook.save(target)
    still(target)


def taken(home: Path, day: date) -> list[tuple[str, str, int]]:
    """What became of the files of d01 that came on a day and say something of people: (name, status, rows accepted)."""
    for unit in run.collect(home, day):
        run.read(home, day, unit)
    run.check(home, day, "edge")
    came = Ledger.of(Home.open(home)).submissions(unit_code="d01")
    return sorted((each.file_name, each.status, each.rows_accepted) for each in came if each.night == day and each.kind)


def said_in(path: Path) -> list[str]:
    """The cells of a workbook's 问题清单."""
    return [str(cell.value) for row in load_workbook(path)["问题清单"].iter_rows() for cell in row if cell.value]


def test_a_blank_cell_beside_a_filled_one_stays_blank(tmp_path: Path) -> None:
    base = book(tmp_path / "a.xlsx", PERSON, [(*person(1)[:3], ""), (*person(2)[:3], "")], "Sheet1")
    made = tmp_path / "made.xlsx"
    said = [(2, 2, person(3)[1]), (2, 4, None), (3, 2, person(2)[1]), (3, 4, "之妻")]
    lines = [
        {"sheet": "Sheet1", "row_number": row, "column": column, "text": text, "is_number": False}
        for row, column, text in said
    ]
    pq.write_table(pa.Table.from_pylist(lines), tmp_path / "cells.parquet")
    assert correction.merge(base, "a.xlsx", tmp_path / "cells.parquet", made) == 2
    rows = [row[:4] for row in load_workbook(made).worksheets[0].iter_rows(min_row=2, values_only=True)]
    assert rows == [(person(1)[0], person(3)[1], person(1)[2], None), (*person(2)[:3], "之妻")]


@pytest.mark.slow
def test_filled_in_it_becomes_a_new_whole_file_under_the_same_row_numbers(home):
    [(name, *_)] = ask(home, STATUS)
    fill_in(home, drop=4)
    old = [home / f"returns/d01/边缘人员.csv{ending}.xlsx" for ending in ("", ".更正")]
    if name.endswith(".csv"):  # as where a workbook of the same name had come the same night
        shutil.copy(home / "returns/d01/边缘人员.xlsx", old[0])
        shutil.copy(home / "returns/d01/边缘人员.更正.xlsx", old[1])
    run.night(home, later(1))
    assert [each.exists() for each in old] == [name.endswith(".csv"), False]
    if name.endswith(".csv"):
        assert said_in(old[0])[0] == "已由后来的文件（《边缘人员.xlsx》）代替，您不需要做任何事"
        assert "件事" not in str(said_in(old[0])) and load_workbook(old[0]).sheetnames == ["问题清单"]
    told = said_in(answer(home))
    assert told[0] == "已收到，结果见下面；改过的那份名单另有退回件" and "全部接收" not in str(told)
    found = ask(home, STATUS)
    assert (name, "superseded", 4, 2) in found
    assert ("边缘人员.xlsx", "accepted", 3, 3) in found
    assert ask(
        home, "select state, count(*) from validation_issue where rule = 'id_number.check_digit' group by all"
    ) == [("fixed", 2)]
    rows = ask(
        home,
        "select record_link.\"row\" from record_link join submission using (submission_id) where status = 'accepted'",
    )
    assert sorted(rows) == [(2,), (3,), (5,)]
    copy = load_workbook(home / "returns/d01/边缘人员.xlsx")
    values = [[cell.value for cell in row] for page in copy if page.title != "问题清单" for row in page.iter_rows()]
    assert values[2][1] == person(2)[1]
    assert integrity.verify(home)["problems"] == []
    assert not (home / "returns/d01/边缘人员.更正.xlsx").exists()
    assert (home / "returns/d01/边缘人员.更正.回执.xlsx").exists()


@pytest.mark.slow
def test_when_the_base_was_replaced_meanwhile_it_is_refused_with_that_reason(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(1), bad(2), bad(3), person(4)])
    run.night(home, DAY)
    fill_in(home)
    waiting = (home / "inbox/d01/边缘人员.更正.xlsx").rename(home / "kept.xlsx")
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(1), person(2), bad(3), person(5)])
    run.night(home, later(1))
    waiting.rename(home / "inbox/d01/边缘人员.更正.xlsx")
    run.night(home, later(2))
    [(status, reason)] = ask(home, "select status, reason from submission where file_name like '%更正%'")
    assert status == "refused" and "已有新的一份（又报送的，或由更正得到的）" in reason
    assert ask(home, "select rows_accepted from submission where status = 'partly_accepted'") == [(3,)]
    assert advice.CORRECT_LATEST in said_in(answer(home))
    # The advice is followed, on the one that the later file was given back with.
    latest = load_workbook(home / "returns/d01/边缘人员.更正.xlsx")
    page = latest["更正1"]
    assert page.cell(3, 2).value == "4" and page.max_row == 3
    page.cell(3, next(cell.column for cell in page[2] if cell.value == "身份证号")).value = person(3)[1]
    latest.save(home / "inbox/d01/边缘人员.更正.xlsx")
    still(home / "inbox/d01/边缘人员.更正.xlsx")
    other = copy_home(home, tmp_path / "other")
    assert taken(home, later(3)) == [("边缘人员.xlsx", "accepted", 4)]
    # Or the list itself is mended, and sent whole.
    (other / "inbox/d01/边缘人员.更正.xlsx").unlink()
    book(other / "inbox/d01/边缘人员.xlsx", PERSON, [person(1), person(2), person(3), person(5)])
    assert taken(other, later(3)) == [("边缘人员.xlsx", "accepted", 4)]


def test_a_correction_over_which_our_program_fails_is_told_to_the_data_officer_and_not_blamed_on_its_sender(
    tmp_path, monkeypatch
):
    home = few_divisions(new_home(tmp_path / "home"))
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(1), bad(2), bad(3)])
    run.night(home, DAY)
    fill_in(home)
    call = sandbox.call
    killed = sandbox.Killed("crash", "TypeError correction.py:10")

    def stumble(function: Any, *words: Any, **limits: Any) -> Any:
        if function is correction.merge:
            raise killed
        return call(function, *words, **limits)

    monkeypatch.setattr(sandbox, "call", stumble)
    run.night(home, later(1))
    letter = (home / f"outbox/{later(1)}.md").read_text(encoding="utf-8")
    to_do, _, rest = letter.partition("## 这一夜")
    assert "程序自己出错的文件 1 份（青禾区 1 份）：不是报送单位的错" in to_do and "请提醒整份退回的单位" not in to_do
    assert "给开发者：TypeError correction.py:10" in rest
    told = str(said_in(answer(home)))
    assert "合成更正时我们的程序出了问题，已告知数据员，不能说明您填错了" in told
    assert advice.MEND_ORIGINAL in told and "太大" not in told and "correction.py" not in told
    assert ask(home, "select rows_accepted from submission where status = 'partly_accepted'") == [(1,)]
    # Where it takes too much it is told that, and the same advice; which is followed while the program is as it was.
    killed = sandbox.Killed("memory")
    fill_in(home)
    assert taken(home, later(2)) == []
    refusals = [each.reading["refusal"] for each in Ledger.of(Home.open(home)).submissions(unit_code="d01")]
    assert [(each["reason"], each["fix"]) for each in refusals if each][1:] == [
        ("原文件太大，不能用更正表", advice.MEND_ORIGINAL)
    ]
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(1), person(2), person(3)])
    assert taken(home, later(3)) == [("边缘人员.xlsx", "accepted", 3)]


def test_a_row_deleted_from_a_correction_workbook_changes_nothing_and_it_is_said_how_one_goes(
    home: Path, tmp_path: Path
) -> None:
    given = home / "returns/d01/边缘人员.更正.xlsx"
    waiting = home / "inbox/d01/边缘人员.更正.xlsx"
    workbook = load_workbook(given)
    workbook["更正1"].delete_rows(4)
    workbook.save(waiting)
    still(waiting)
    assert taken(home, later(1)) == []
    *_, came = Ledger.of(Home.open(home)).submissions(unit_code="d01")
    assert came.reading["refusal"]["fix"] == advice.CHANGE_COLOURED and "去掉这一行" in advice.CHANGE_COLOURED
    workbook = load_workbook(given)
    workbook["更正1"].cell(4, 3).value = "是"
    workbook.save(waiting)
    still(waiting)
    assert taken(home, later(2)) == [("边缘人员.xlsx", "partly_accepted", 2)]


def test_a_row_that_was_emptied_is_asked_about_and_nobody_leaves_the_list_by_it(home: Path) -> None:
    given = home / "returns/d01/边缘人员.更正.xlsx"
    waiting = home / "inbox/d01/边缘人员.更正.xlsx"

    def send(row_4: str | None, *, is_deleted: bool = False) -> None:
        workbook = load_workbook(given)
        page = workbook["更正1"]
        for column in range(5, page.max_column + 1):
            page.cell(4, column).value = None
        page.cell(4, 3).value = row_4
        if is_deleted:
            page.delete_rows(4)
        page.cell(3, next(cell.column for cell in page[2] if cell.value == "身份证号")).value = person(2)[1]
        workbook.save(waiting)
        still(waiting)

    send(None)
    assert taken(home, later(1)) == []
    *_, came = Ledger.of(Home.open(home)).submissions(unit_code="d01")
    assert came.reading["refusal"]["fix"] == advice.EMPTY_NO_ROW
    assert came.reason.startswith("更正表里原表的") and "第 4 行整行清空了" in came.reason
    place, ledger = Home.open(home), Ledger.of(Home.open(home))
    missing = rosters.gaps(place, ledger, ledger.as_of(later(1)), later(1))
    assert came.submission_id not in {gap.submission_id for gap in missing}
    send(None, is_deleted=True)
    assert taken(home, later(2)) == [("边缘人员.xlsx", "partly_accepted", 3)]


def test_a_list_longer_than_a_sheet_is_to_be_mended_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = book(tmp_path / "a.xlsx", PERSON, [person(1), person(2)])
    monkeypatch.setattr(correction, "MOST_ROWS", 2)
    refusal = correction.merge(base, "a.xlsx", tmp_path / "cells.parquet", tmp_path / "made.xlsx")
    assert isinstance(refusal, Refusal) and (refusal.code, refusal.fix) == ("too_big", advice.MEND_ORIGINAL)


def answer(home: Path) -> Path:
    """What is said of a correction workbook that came back."""
    return home / "returns/d01/边缘人员.更正.回执.xlsx"


def test_a_corrected_text_of_a_list_that_adds_row_by_row_comes_back_once(tmp_path: Path) -> None:
    home = few_divisions(new_home(tmp_path / "home"))
    path = home / "inbox/civil_registration/死亡登记.csv"
    rows = [("姓名", "身份证号", "死亡日期"), (*bad(1)[:2], "2026-10-02"), (*bad(2)[:2], "2026-10-03")]
    path.write_bytes(("\n".join(map(",".join, rows)) + "\n").encode())
    still(path)
    run.night(home, DAY)
    returned = home / "returns/civil_registration"
    workbook = load_workbook(returned / "死亡登记.更正.xlsx")
    page = workbook["更正1"]
    page.cell(3, next(cell.column for cell in page[2] if cell.value == "身份证号")).value = person(1)[1]
    waiting = home / "inbox/civil_registration/死亡登记.更正.xlsx"
    workbook.save(waiting)
    still(waiting)
    for night in (1, 2):
        run.night(home, later(night))
        copies = sorted(each.name for each in returned.glob("死亡登记*.xlsx"))
        assert copies == ["死亡登记.xlsx", "死亡登记.更正.xlsx", "死亡登记.更正.回执.xlsx"], night
    assert said_in(returned / "死亡登记.xlsx")[0].startswith("您需要做的 1 件事")
    assert load_workbook(returned / "死亡登记.更正.xlsx")["更正1"].max_row == 3


def test_another_units_correction_is_refused(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(1), bad(2), bad(3)])
    run.night(home, DAY)
    fill_in(home)
    (home / "inbox/d01/边缘人员.更正.xlsx").rename(home / "inbox/d02/边缘人员.更正.xlsx")
    run.night(home, later(1))
    [(unit, status)] = ask(home, "select unit_code, status from submission where file_name like '%更正%'")
    assert (unit, status) == ("d02", "refused")
    assert advice.CORRECT_OWN_FILE in said_in(home / "returns/d02/边缘人员.更正.回执.xlsx")
    # The advice is followed: into the folder from which the list came, or the list itself is mended and sent whole.
    other = copy_home(home, tmp_path / "other")
    fill_in(home)
    assert taken(home, later(2)) == [("边缘人员.xlsx", "partly_accepted", 2)]
    book(other / "inbox/d01/边缘人员.xlsx", PERSON, [person(1), person(2), person(3)])
    assert taken(other, later(2)) == [("边缘人员.xlsx", "accepted", 3)]


def test_a_correction_that_was_saved_as_text_is_refused_as_what_it_is_and_nobody_is_missing_for_it(
    tmp_path: Path,
) -> None:
    home = few_divisions(new_home(tmp_path / "home"))
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(1), bad(2), bad(3)])
    run.night(home, DAY)
    fill_in(home)
    filled_in = home / "inbox/d01/边缘人员.更正.xlsx"
    as_text = home / "inbox/d01/边缘人员.更正.csv"
    rows = load_workbook(filled_in)["更正1"].iter_rows(values_only=True)
    as_text.write_text("\n".join(",".join(f'"{cell or ""}"' for cell in row) for row in rows) + "\n", "gb18030")
    still(as_text)
    filled_in.unlink()
    assert taken(home, later(1)) == []
    ledger = Ledger.of(Home.open(home))
    [came] = [each for each in ledger.submissions(unit_code="d01") if each.night == later(1)]
    refusal = came.reading["refusal"]
    assert (came.kind, refusal["code"], refusal["fix"]) == (None, "correction_changed", advice.CORRECT_AS_XLSX)
    missing = rosters.gaps(Home.open(home), ledger, ledger.as_of(later(1)), later(1))
    assert came.submission_id not in {gap.submission_id for gap in missing}
    run.give_back(home, later(1), "d01")
    assert not (home / "returns/d01/边缘人员.更正.回执.更正.xlsx").exists()
    assert advice.CORRECT_AS_XLSX in said_in(answer(home))
    # The advice is followed: what was given back is filled in, and saved as it is.
    fill_in(home)
    assert taken(home, later(2)) == [("边缘人员.xlsx", "partly_accepted", 2)]


@pytest.fixture
def handed_out(tmp_path: Path) -> Path:
    """A correction workbook of rows 2, 3 and 5 of a list of four people."""
    from low_income.reading import layout

    base = book(tmp_path / "边缘人员.xlsx", PERSON, [person(1), person(2), person(3), person(4)])
    (reading,) = layout.read_submissions(base, base.name, "d01", {"d01", "division"}, tmp_path)
    lines = [
        {"sheet": reading.sheets[0].sheet, "row_number": row, "column": 2, "severity": "must_fix", "message": "请改"}
        for row in (2, 3, 5)
    ]
    target = tmp_path / "边缘人员.更正.xlsx"
    assert correction.write(target, "b1", [reading], pd.DataFrame(lines)) == 3
    return target


def test_no_text_of_a_correction_workbook_runs_over_a_blank_cell_and_all_of_it_is_seen(handed_out: Path) -> None:
    page = load_workbook(handed_out)["更正1"]
    assert all(cell.alignment.wrap_text for row in page.iter_rows(min_row=3) for cell in row)
    assert all(page.row_dimensions[row].height >= 16.5 for row in (3, 4, 5))


@pytest.mark.parametrize(("columns", "across"), [(4, 1), (6, 1), (7, 2), (28, 4)])
def test_printed_it_can_be_read_and_each_page_says_which_row(tmp_path: Path, columns: int, across: int) -> None:
    names = [f"列{number}" for number in range(1, columns + 1)]
    base = tmp_path / "a.xlsx"
    fault = correction._Fault(2, 0, 1, "请改")
    rows = pa.table({"row_number": [2], **{name: ["甲"] for name in names}})
    with xlsxwriter.Workbook(base) as written:
        correction._sheet(
            written.add_worksheet(), correction._looks(written), "Sheet1",
            [(name, number) for number, name in enumerate(names, start=1)], rows, [fault],
        )  # fmt: skip
    page = load_workbook(base).active
    assert (page.page_setup.fitToWidth or 1, page.page_setup.fitToHeight) == (across, 0)
    assert (page.print_title_rows, page.print_title_cols) == ("$1:$2", "$A:$B")


def changed(path: Path, change: Any) -> Reading:
    """Read back after somebody changed the sheet."""
    from low_income.reading import layout

    workbook = load_workbook(path)
    change(workbook["更正1"])
    workbook.save(path)
    (reading,) = layout.read_submissions(path, path.name, "d01", {"d01", "division"}, path.parent)
    return reading


def cells(reading: Reading) -> dict[tuple[int, int], str | None]:
    assert reading.refusal is None and reading.correction is not None
    table = pd.read_parquet(reading.correction.cells_path)
    return {
        (row, column): text for row, column, text in table[["row_number", "column", "text"]].itertuples(index=False)
    }


def test_rows_may_be_taken_out_and_columns_moved_and_put_beside(handed_out: Path) -> None:
    def change(page: Any) -> None:
        page.cell(3, 6).value = "改过的"
        page.delete_rows(4)
        page.insert_cols(4)  # a remark of the clerk's own
        page["D2"], page["D3"] = "我的备注", "看过"
        page.move_range("A2:A5", cols=20)  # 原工作表 now stands last

    found = cells(changed(handed_out, change))
    assert {row for row, _ in found} == {2, 5}
    assert found[2, 2] == "改过的" and found[5, 1] == person(4)[0] and "看过" not in found.values()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda page: page.delete_cols(6), "“身份证号”一列少了、多了或改了名"),
        (lambda page: setattr(page["F2"], "value", "号码"), "“身份证号”一列少了、多了或改了名"),
        (lambda page: setattr(page["H2"], "value", "身份证号"), "“身份证号”"),
        (lambda page: setattr(page["B3"], "value", "1"), "的“原行号”写着“1”，更正表里原来没有这一行"),
        (lambda page: setattr(page["B3"], "value", "4"), "的“原行号”写着“4”，更正表里原来没有这一行"),
        (lambda page: setattr(page["B3"], "value", "9" * 25), "更正表里原来没有这一行"),
        (lambda page: setattr(page["B3"], "value", "二"), "的“原行号”写着“二”"),
        (lambda page: setattr(page["B3"], "value", None), "第3行没有“原行号”"),
        (lambda page: page.append(["", "", "", "", "新来的人"]), "第6行没有“原行号”"),
        (lambda page: setattr(page["B4"], "value", "2"), "第4行的“原行号”2与前面一行的重复"),
        (lambda page: setattr(page["A3"], "value", "别的表"), "第3行的“原工作表”改过"),
        (lambda page: setattr(page, "title", "改好的"), "工作表“改好的”不是更正表里原有的"),
    ],
)
def test_a_correction_of_which_it_cannot_be_told_what_goes_where_changes_nothing(
    handed_out: Path, change: Any, said: str
) -> None:
    as_it_came = handed_out.read_bytes()
    reading = changed(handed_out, change)
    assert reading.correction is None and reading.refusal is not None
    assert reading.refusal.code == "correction_changed" and said in reading.refusal.reason
    assert reading.refusal.fix == advice.CORRECT_AS_IT_CAME

    def follow(page: Any) -> None:
        page["F3"] = person(9)[1]
        page.delete_rows(4)

    handed_out.write_bytes(as_it_came)
    found = cells(changed(handed_out, follow))
    assert {row for row, _ in found} == {2, 5} and found[2, 2] == person(9)[1]


def as_before(page: Any) -> None:
    """What is wrong stands last, as older versions had it."""
    for row in page.iter_rows(min_row=2, max_row=page.max_row):
        values = [cell.value for cell in row]
        for cell, value in zip(row, [*values[:3], *values[4:], values[3]], strict=True):
            cell.value = value


def test_what_is_wrong_stands_beside_the_row_and_a_workbook_with_it_at_the_end_still_counts(handed_out: Path) -> None:
    page = load_workbook(handed_out)["更正1"]
    assert [cell.value for cell in page[2]][:5] == ["原工作表", "原行号", "去掉这一行", "问题和改法", PERSON[0]]
    widths = [page.column_dimensions[column].width for column in "ABCDE"]
    assert sum(width * 8 + 5 for width in widths) <= 1600

    def change(page: Any) -> None:
        as_before(page)
        page["E3"] = person(9)[1]

    before = cells(changed(handed_out, change))
    assert (
        before[2, 2] == person(9)[1]
        and before[2, 1] == person(1)[0]
        and {column for _, column in before} == {1, 2, 3, 4, 5}
    )


def test_columns_of_one_name_are_told_apart_by_their_order_old_and_new(tmp_path: Path) -> None:
    from low_income.reading.layout import _read_back

    from tests.grid_kit import grid

    told = ["表", "1,2,3", '["姓名", "电话", "电话"]', "2"]
    new = grid(
        ("提示",),
        ("原工作表", "原行号", "去掉这一行", "问题和改法", "姓名", "电话", "电话"),
        ("表", "2", "", "错", "甲", "一", "二"),
    )
    old = grid(
        ("提示",),
        ("原工作表", "原行号", "去掉这一行", "姓名", "电话", "电话", "问题和改法"),
        ("表", "2", "", "甲", "一", "二", "错"),
    )
    for given in (new, old):
        lines: list[dict[str, object]] = []
        wrong: list[str] = []
        _read_back(given, told, lines, wrong)
        assert wrong == [] and [line["text"] for line in lines] == ["甲", "一", "二"]


def test_a_correction_that_an_older_version_handed_out_is_read_by_position(handed_out: Path) -> None:
    workbook = load_workbook(handed_out)
    as_before(workbook["更正1"])
    for row in workbook[CORRECTION_SHEET].iter_rows(min_row=2, min_col=4):
        for cell in row:
            cell.value = None
    workbook.save(handed_out)
    assert cells(changed(handed_out, lambda page: None))[3, 2] == person(2)[1]


def test_a_title_makes_no_column_as_wide_as_it_is_and_what_is_lost_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    title = "青禾区低保边缘人员查询结果汇总表二〇二六年十月"
    path.write_bytes("\n".join(",".join(row) for row in [(title, *[""] * 6), PERSON, person(1)]).encode())
    book_read = readers.read(path, "a.csv")
    assert not isinstance(book_read, Refusal)
    rewrite(book_read.grids, tmp_path / "made.xlsx", {})
    page = load_workbook(tmp_path / "made.xlsx").worksheets[0]
    assert page["A1"].value == title and page.column_dimensions["A"].width < len(title)
    assert page.column_dimensions["B"].width >= 18
