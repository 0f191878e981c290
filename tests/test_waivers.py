"""What a sender, or the data officer, confirms with a reason stands as written and is asked no more, until it expires."""

from __future__ import annotations

import unicodedata
from contextlib import nullcontext
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from click.testing import CliRunner
from low_income.cli import monitor
from low_income.model import CONFIRM
from low_income.night import run, waivers
from low_income.returns.page import HEADER as HEADS
from low_income.returns.page import WIDTHS
from openpyxl import load_workbook

from tests.night_kit import DAY, ask, book, few_divisions, new_home, number, still

pytestmark = pytest.mark.slow

HEADER = ("姓名", "身份证号", "与户主关系", "性别", "月收入", "数据月份")
NAME = "低保人员.xlsx"
LINES = "select rule, state from validation_issue order by rule"


def later(nights: int) -> date:
    return DAY + timedelta(days=nights)


def first_night(home: Path) -> Path:
    """One whose sex contradicts his number, one in order; the returned workbook."""
    book(home / "inbox/d01" / NAME, HEADER,
         [("某甲", number(1), "户主", "女", "900", "2026-10"), ("某乙", number(3), "户主", "男", "900", "2026-10")])  # fmt: skip
    run.night(home, DAY)
    return home / "returns/d01" / NAME


def header_row(page) -> int:
    return next(row[0].row for row in page.iter_rows() if row[0].value == "序号")


def answer(returned: Path, target: Path, *words: str) -> None:
    """Fill the three cells of the first line that asks, as a clerk does, and drop the workbook back."""
    workbook = load_workbook(returned)
    page = workbook["问题清单"]
    top = header_row(page)
    heads = {cell.value: cell.column for cell in page[top]}
    row = next(row for row in range(top + 1, page.max_row + 1) if page.cell(row, heads[CONFIRM[-1]]).value)
    for name, word in zip(CONFIRM, words, strict=False):
        page.cell(row, heads[name]).value = word
    workbook.save(target)
    still(target)


@pytest.mark.parametrize("pixels", [7, 8])
def test_where_a_line_is_confirmed_is_seen_on_a_screen_of_1600_pixels(pixels):
    """A character of a column takes 7 pixels in a workbook of Excel's own font, 8 in one of 宋体; a cell 5 more."""
    last = HEADS.index(CONFIRM[2])
    beside = 40 + 20  # the numbers of the rows, the bar to scroll with
    assert beside + sum(width * pixels + 5 for width in WIDTHS[: last + 1]) <= 1600


def accepted_sex(home: Path) -> list[str | None]:
    import pyarrow.parquet as pq

    [(submission,)] = ask(home, "select submission_id from submission where status = 'accepted' and rows_accepted > 0")
    return pq.read_table(home / f"accepted/dibao_person/{submission}.parquet").column("sex").to_pylist()


def test_answers_on_a_copy_are_read_whichever_form_its_marks_have():
    """A copy that was handed out by an older version bears half-width brackets in its heads."""
    from low_income.reading.layout import _confirmations

    from tests.grid_kit import grid

    before = [unicodedata.normalize("NFKC", name) for name in CONFIRM]
    assert before != list(CONFIRM)
    for heads in (before, CONFIRM):
        found = _confirmations(
            grid(("提醒", *heads), ("x", "是", "户口如此", "某办事员", "i1"), ("x", "", "", "", "i2"))
        )
        assert [(each.issue_id, each.reason) for each in found] == [("i1", "户口如此")]


def test_a_yes_beside_what_cannot_be_confirmed_is_answered(monkeypatch):
    """A line that was sent back has no number of a question: the yes on it is not passed over in silence."""
    from low_income.reading.layout import _confirmations

    from tests.grid_kit import grid

    answers = _confirmations(grid(("退回", *CONFIRM), ("x", "是", "就这样", "某办事员", ""), ("x", "", "", "", "")))
    monkeypatch.setattr(waivers, "_confirmable", lambda *_: pd.DataFrame(columns=["kind"]))
    ledger, file = SimpleNamespace(at_once=nullcontext), SimpleNamespace(unit_code="d01", file_id="f")
    (said,) = waivers.take_answers(None, ledger, DAY, file, answers)
    assert said.startswith("“问题清单”第2行的确认没有采用：") and "标“退回”的要改正，不能确认" in said


@pytest.mark.slow
def test_confirmed_in_the_returned_workbook_the_line_is_excepted_and_the_value_stands(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    returned = first_night(home)
    assert ask(home, LINES) == [("sex.sex_contradicts", "new")]
    assert accepted_sex(home) == [None, "男"]
    page = load_workbook(returned)["问题清单"]
    heads = [cell.value for cell in page[header_row(page)]]
    assert heads[-7:] == ["问题", "怎么改", *CONFIRM[:-1], "层级", CONFIRM[-1]], "confirmed beside the problem"
    assert page.column_dimensions["N"].hidden
    assert "行" in [row[12].value for row in page.iter_rows()]
    assert [str(one.sqref).startswith("J") for one in page.data_validations.dataValidation] == [True]

    answer(returned, home / "inbox/d01" / NAME, "是", "户口登记就是这样,已核", "某办事员")
    run.night(home, later(1))
    assert ask(home, LINES) == [("sex.sex_contradicts", "excepted")]
    assert accepted_sex(home) == ["女", "男"]
    told = [str(row[0].value) for row in load_workbook(returned)["问题清单"].iter_rows()]
    assert any("收到 1 处确认" in text for text in told)
    assert not any("请确认" in text for text in told if text.startswith("您需要做"))

    # The same rows again without our sheet: still excepted; when the year is over it is asked again.
    run.night(home, later(2))
    assert ask(home, LINES) == [("sex.sex_contradicts", "excepted")]
    run.night(home, date(2027, 11, 1))
    assert ask(home, LINES) == [("sex.sex_contradicts", "open")]
    assert accepted_sex(home) == [None, "男"]


def test_an_answer_without_reason_or_name_is_not_taken_and_comes_back_with_why(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    returned = first_night(home)
    answer(returned, home / "inbox/d01" / NAME, "是", "", "某办事员")
    run.night(home, later(1))
    assert ask(home, LINES) == [("sex.sex_contradicts", "open")]
    page = load_workbook(returned)["问题清单"]
    told = [str(row[0].value) for row in page.iter_rows()]
    assert told[0] == "您需要做的 2 件事"
    to_do = [str(row[2].value) for row in page.iter_rows(max_row=told.index("文件结果"))]
    assert any("没有采用" in text and "确认原因和确认人" in text for text in to_do), "it has to be done"
    assert not any("没有采用" in text for text in told)
    assert any("仍未改 1 处" in text for text in told)


def test_our_sheet_alone_with_the_answers_on_it_is_enough(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    returned = first_night(home)
    workbook = load_workbook(returned)
    del workbook["Sheet1"]
    workbook.save(tmp_path / "alone.xlsx")
    answer(tmp_path / "alone.xlsx", home / "inbox/d01" / NAME, "是", "已核", "某办事员")
    run.night(home, later(1))
    assert ask(home, LINES) == [("sex.sex_contradicts", "excepted")]
    assert accepted_sex(home) == ["女", "男"]
    assert ask(home, "select kind, status, rows_read from submission order by rows_read") == [
        (None, "accepted", 0), ("dibao_person", "accepted", 2)]  # fmt: skip


@pytest.mark.slow
def test_the_data_officer_says_so_with_a_command_and_an_expiry(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    first_night(home)
    [(issue,)] = ask(home, "select issue_id from validation_issue")
    words = ["--by", "数据员甲", "--because", "登记有误,户籍已核", "--date", later(1).isoformat()]
    base = ["--home", str(home), "except"]
    assert CliRunner().invoke(monitor, [*base, "f" * 64, *words]).exit_code != 0
    assert CliRunner().invoke(monitor, [*base, issue[:12], *words, "--until", later(3).isoformat()]).exit_code == 0
    run.night(home, later(1))
    assert (ask(home, LINES), accepted_sex(home)) == ([("sex.sex_contradicts", "excepted")], ["女", "男"])
    run.night(home, later(3))
    assert (ask(home, LINES), accepted_sex(home)) == ([("sex.sex_contradicts", "open")], [None, "男"])


def test_a_fault_that_must_be_mended_cannot_be_confirmed_away(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    wrong = number(1)[:-1] + ("1" if number(1)[-1] != "1" else "2")
    book(
        home / "inbox/d01" / NAME,
        HEADER,
        [("某甲", wrong, "户主", "男", "9", "2026-10"), ("某乙", number(3), "户主", "男", "9", "2026-10")],
    )
    run.night(home, DAY)
    [(issue,)] = ask(home, "select issue_id from validation_issue where rule = 'id_number.check_digit'")
    result = CliRunner().invoke(monitor, ["--home", str(home), "except", issue, "--by", "甲", "--because", "乙"])
    assert result.exit_code != 0
