"""Every door at which a fact that is never stored may knock: groups over columns, names of sheets, tables of databases, policy."""

from __future__ import annotations

import csv
import datetime
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pyarrow.parquet as pq
import pytest
from low_income.model import ROOT, ContractError, PolicyError, Reading
from low_income.night import databases
from low_income.reading import layout
from low_income.settings import contracts, policy
from low_income.settings.home import Database

from tests.damage_kit import person_number as number
from tests.night_kit import PERSON, person

SECURITY = ROOT / "docs/security.md"
MARK = "标记"
"""Stands in every cell that may not be kept."""


def read(folder: Path, rows: list[list[str]], merges: tuple[str, ...] = (), sheet: str = "Sheet1") -> Reading:
    book = openpyxl.Workbook()
    page = book.worksheets[0]
    page.title = sheet
    for row in rows:
        page.append(row)
    for merge in merges:
        page.merge_cells(merge)
    book.save(folder / "x.xlsx")
    (reading,) = layout.read_submissions(folder / "x.xlsx", "2026年10月低保人员.xlsx", "d01", {"division"}, folder)
    return reading


def read_text(folder: Path, rows: list[list[str]]) -> Reading:
    with (folder / "x.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    (reading,) = layout.read_submissions(folder / "x.csv", "2026年10月低保人员.csv", "d01", {"division"}, folder)
    return reading


def kept(reading: Reading) -> list[str]:
    """All texts of the raw rows."""
    assert reading.refusal is None, reading.refusal
    rows = pq.read_table(str(reading.rows_path)).drop_columns(["sheet", "row_number"]).to_pylist()
    return [str(value) for row in rows for value in row.values() if value is not None]


ROW = ["张三", number(1), "户主"]
HEAD = ["姓名", "身份证号", "与户主关系"]

GROUPED: dict[str, tuple[list[list[str]], tuple[str, ...]]] = {
    "a merged group within the header": (
        [[*HEAD, "民族情况", ""], ["", "", "", "健康状况", "就业状况"], [*ROW, MARK, MARK]], ("D1:E1",),
    ),
    "merged cells beside it as well": (
        [[*HEAD, "政治面貌", ""], ["", "", "", "健康状况", "就业状况"], [*ROW, MARK, MARK]],
        ("A1:A2", "B1:B2", "C1:C2", "D1:E1"),
    ),
    "a row of groups above the header": (
        [["基本信息", "", "", "宗教信仰", ""], [*HEAD, "健康状况", "就业状况"], [*ROW, MARK, MARK]], ("A1:C1", "D1:E1"),
    ),
    "a title above the groups": (
        [["2026年10月低保人员名单", "", "", "", ""], ["基本信息", "", "", "信教", ""], [*HEAD, "健康状况", "就业状况"], [*ROW, MARK, MARK]],
        ("A1:E1", "A2:C2", "D2:E2"),
    ),
    "groups of groups": (
        [[*HEAD, "其他", ""], ["", "", "", "案底", ""], ["", "", "", "健康状况", "就业状况"], [*ROW, MARK, MARK]],
        ("A1:A3", "B1:B3", "C1:C3", "D1:E1", "D2:E2"),
    ),
    "leaves below the header's row": (
        [[*HEAD, "健康状况", "就业状况"], ["", "", "", "民族", "血型"], [*ROW, MARK, MARK]], (),
    ),
    "a group with a leaf that has no name": ([[*HEAD, "人脸", ""], ["", "", "", "健康状况", ""], [*ROW, MARK, MARK]], ("D1:E1",)),
    "shapeless characters in the group": (
        [[*HEAD, "民\u200b 族", ""], ["", "", "", "健康状况", "就业状况"], [*ROW, MARK, MARK]], ("D1:E1",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GROUPED.values(), ids=GROUPED)
def test_a_group_over_columns_refuses_all_of_them(
    tmp_path: Path, case: tuple[list[list[str]], tuple[str, ...]]
) -> None:
    reading = read(tmp_path, *case)
    assert set(ROW) <= set(kept(reading)) and MARK not in kept(reading)
    assert [column for column, _ in reading.sheets[0].refused_columns] == [4, 5]
    assert any("按规定不接收的列" in notice for notice in reading.notices)


@pytest.mark.parametrize("name", [name for name, (_, merges) in GROUPED.items() if merges])
def test_so_it_does_in_a_text_file_that_knows_no_merged_cells(tmp_path: Path, name: str) -> None:
    reading = read_text(tmp_path, GROUPED[name][0])
    assert set(ROW) <= set(kept(reading)) and MARK not in kept(reading)


@pytest.mark.parametrize(
    ("above", "merges"),
    [
        ([["2026年10月低保人员名单(民族:甲族)"]], ()),
        ([["2026年10月少数民族低保人员名单", "", "", "", "单位:元"]], ("A1:D1",)),
        ([["少数民族低保人员名单", "", "", "", "望山区"]], ("A1:D1",)),
        ([["填报单位:青禾区", "政治面貌", "党员", "", ""]], ()),
        ([["望山区公安局提供", "", "", "望山区民政局", ""]], ("A1:C1", "D1:E1")),
        ([["基本信息", "", "", "其他", ""]], ("A1:C1", "D1:E1")),
        ([["少数民族", "", "", "", ""]], ("A1:E1",)),
    ],
)
def test_what_stands_above_a_list_and_is_no_group_refuses_no_column(
    tmp_path: Path, above: list[list[str]], merges: tuple[str, ...]
) -> None:
    rows = [*above, [*HEAD, "健康状况", "就业状况"], [*ROW, "良好", "在家"]]
    for reading in (read(tmp_path, rows, merges), read_text(tmp_path, rows)):
        assert {"良好", "在家", *ROW} <= set(kept(reading))
        assert reading.sheets[0].refused_columns == []


def test_a_first_row_of_data_is_no_part_of_the_header(tmp_path: Path) -> None:
    rows = [[*HEAD, "健康状况", "就业状况"], ["李四", "", "户主", "良好", "在公安局做保洁"], [*ROW, "良好", "在家"]]
    reading = read(tmp_path, rows)
    assert "在公安局做保洁" in kept(reading) and reading.rows_read == 2


# names of sheets ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sheet", ["少数民族", "党员", "信教人员", "民\u200b族", "涉毒", "上访户"])
def test_a_list_on_a_sheet_whose_name_says_it_of_everybody_is_refused(tmp_path: Path, sheet: str) -> None:
    reading = read(tmp_path, [list(PERSON), list(person(1))], sheet=sheet)
    assert reading.refusal is not None and reading.refusal.code == "refused_sheet_name"
    assert reading.kind == "dibao_person" and reading.rows_path is None
    assert sheet not in reading.as_json(), "what the name says is told nowhere"


@pytest.mark.parametrize("sheet", ["民族乡", "望山民族中学片区", "公安局", "低保人员", "Sheet1", "预警情况"])
def test_a_place_or_an_office_is_no_such_name(tmp_path: Path, sheet: str) -> None:
    assert read(tmp_path, [list(PERSON), list(person(1))], sheet=sheet).refusal is None


# databases ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["民族", "族别", "mz", "ethnic_code", "bloodType", "zzmm", "gps_lng"])
def test_a_column_of_a_database_is_refused_by_its_own_name_whatever_it_is_to_be_called(
    tmp_path: Path, column: str
) -> None:
    with closing(sqlite3.connect(tmp_path / "partner.db")) as con:
        con.execute(f'create table t ("姓名" text, "身份证号" text, "{column}" text)')
        con.execute("insert into t values (?, ?, ?)", ("张三", number(1), MARK))
        con.commit()
    mapping = {"姓名": "姓名", "身份证号": "身份证号", column: "健康状况"}
    source = Database(name="x", unit="d01", url="env:X", table="t", columns=mapping)
    zone, night = ZoneInfo("Asia/Shanghai"), datetime.date(2026, 10, 31)
    assert databases.read(source, f"sqlite:///{tmp_path}/partner.db", tmp_path / "out", zone, night) == 1
    assert MARK.encode() not in (tmp_path / "out").read_bytes()
    (reading,) = layout.read_submissions(tmp_path / "out", "x/t", "d01", {"division"}, tmp_path / "work")
    names = [name for sheet in reading.sheets for _, name in sheet.refused_columns]
    assert reading.refusal is not None or names == [f"{column}({contracts.load().headers.refusal_of_column(column)})"]


# policy -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("dibao_standard:", "ethnic_bonus:"),
        ("title: ", "title: 少数民族"),
        ("region: ", "region: 信教"),
    ],
)
def test_no_policy_value_hangs_on_what_is_never_stored(tmp_path: Path, old: str, new: str) -> None:
    folder = tmp_path / "policy"
    shutil.copytree(policy.POLICY, folder)
    path = folder / "dibao.yml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PolicyError, match="按规定不接收"):
        policy.load(folder)


# free text ----------------------------------------------------------------------------------------------------------

SENTENCE = "此人信奉某教、是某族、曾被判刑"
"""What somebody may write into any cell that takes a text."""
FREE = ("备注", "备注信息", "说明", "其他说明", "走访情况", "入户谈话")


@pytest.mark.parametrize("name", sorted(contracts.load().kinds))
def test_of_sentences_only_what_stands_in_a_text_column_is_kept_and_the_page_on_security_names_each(
    tmp_path: Path, name: str
) -> None:
    kind = contracts.load().kinds[name]
    planted = {
        field: f"{SENTENCE}{at}" for at, (field, column) in enumerate(kind.columns.items()) if column.type == "text"
    }
    required = [field for field in kind.columns if kind.columns[field].required or kind.columns[field].required_column]
    fields = [*required, *(field for field in planted if field not in required)]
    cells = [
        planted[field] if field in planted else str(kind.columns[field].example or "1").replace("示例：", "")
        for field in fields
    ]
    book = openpyxl.Workbook()
    page = book.worksheets[0]
    page.append([f"2026年10月{kind.title}"])
    page.append([*(kind.columns[field].header for field in fields), *FREE])
    page.append([*cells, *(f"{SENTENCE}{at}备" for at, _ in enumerate(FREE))])
    book.save(tmp_path / "x.xlsx")
    senders = {"division", *kind.senders}
    (reading,) = layout.read_submissions(tmp_path / "x.xlsx", "x.xlsx", "d01", senders, tmp_path)
    assert (reading.kind, reading.refusal) == (name, None)
    (row,) = pq.read_table(str(reading.rows_path)).to_pylist()
    assert {field for field, value in row.items() if SENTENCE in str(value)} == set(planted)
    assert not [value for value in row.values() if "备" in str(value)]
    listed = re.search(rf"^\| {re.escape(kind.title)} \|(.*)\|$", SECURITY.read_text(encoding="utf-8"), re.MULTILINE)
    said = listed[1].strip().split("、") if listed else []
    assert said == [kind.columns[field].header for field in planted], "docs/security.md, Sentences in text columns"


@pytest.mark.parametrize("header", ["备注", "情况说明", "村委会意见", "备 注", "remark"])
def test_no_kind_declares_a_column_of_sentences(tmp_path: Path, header: str) -> None:
    agreed = tmp_path / "expectations"
    shutil.copytree(contracts.EXPECTATIONS, agreed)
    path = agreed / "kinds/dibao_person.yml"
    text = path.read_text(encoding="utf-8")
    assert "{header: 联系电话, aliases: [" in text
    changed = text.replace("{header: 联系电话, aliases: [", f"{{header: 联系电话, aliases: [{header}, ")
    path.write_text(changed, encoding="utf-8")
    with pytest.raises(ContractError, match="写句子的列"):
        contracts.load(agreed)
