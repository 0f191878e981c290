"""Returned workbooks: the sender's file survives, marks sit on the right cells, and what is never received is gone."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from low_income import advice, returns
from low_income.model import CheckError, ColumnUse, Confirmation, Reading, Refusal, SheetReading
from low_income.reading import layout, readers
from low_income.reading.grid import Grid
from low_income.reading.spelling import MAIN
from low_income.returns import listing, marks, page
from low_income.returns.package import FILLS, CannotPatch
from low_income.returns.patch import patch
from low_income.returns.rewrite import rewrite
from low_income.returns.verify_copy import verify_copy
from low_income.settings import contracts
from lxml import etree
from python_calamine import CalamineWorkbook

from tests.advice_kit import CASES, Case
from tests.advice_kit import HEADER as LEDGER
from tests.advice_kit import ROWS as LEDGER_ROWS
from tests.advice_kit import text as text_of
from tests.advice_kit import xlsx as workbook_of

FIX = "请对照证件逐位核对后改正"
COLUMNS = [
    "issue_id",
    "rule",
    "level",
    "severity",
    "message",
    "fix",
    "sheet",
    "row_number",
    "column",
    "header",
    "value",
]
HEADERS = ["序号", "姓名", "身份证号", "民族", "与户主关系", "月收入(元)", "备注"]
PEOPLE = [
    ["张三一", "990101199001011234", "鄂温克族", "户主", 500, "住在望山区"],
    ["李四二", "990101199202022345", "塔塔尔族", "配偶", 0, "="],
    ["王五三", "990101201003033456", "塔塔尔族", "儿子", None, "+86 138"],
    ["赵六四", "990101195004044567", "汉族", "户主", 1200.5, "@提醒"],
    ["钱七五", "990101196005055678", "门巴族", "配偶", 300, "汉族"],
]


def png() -> bytes:
    """A red dot."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + b"\xc0\x10\x10" * 8 for _ in range(8)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def sender_workbook(path: Path) -> Path:
    """Two sheets, as divisions build them: title, merged cells, drop-downs, pictures, rich text, formulas, comments."""
    import io

    book = xlsxwriter.Workbook(str(path))
    bold, red = book.add_format({"bold": True}), book.add_format({"font_color": "red", "bold": True})
    cell = book.add_format({"border": 1})
    as_text = book.add_format({"border": 1, "num_format": "@"})
    head = book.add_format({"border": 1, "bold": True, "bg_color": "#DDEBF7"})
    sheet = book.add_worksheet("人员")
    sheet.merge_range("A1:G1", "望山区低保人员名单(2026年10月)", bold)
    sheet.write("A2", "填报单位:望山区民政局")
    sheet.write_comment("A2", "请于每月 5 日前报送", {"author": "王科长"})
    for column, header in enumerate(HEADERS):
        sheet.write(2, column, header, head)
    for row, person in enumerate(PEOPLE, start=3):
        sheet.write_number(row, 0, row - 2, cell)
        for column, value in enumerate(person, start=1):
            look = as_text if column == 2 else cell
            if isinstance(value, str):
                sheet.write_string(row, column, value, look)
            elif value is not None:
                sheet.write_number(row, column, value, look)
    sheet.write_comment("B4", "此人已迁入", {"author": "王科长"})
    sheet.write_rich_string("A12", "填表人:", red, "王五", "  审核人:赵六")
    sheet.write_formula("F9", "=SUM(F4:F8)", cell, 2000.5)
    sheet.write_formula("G9", '=A2&"!"', cell, "填报单位:望山区民政局!")
    sheet.set_column("B:B", 12)
    sheet.set_column("C:C", 24.5)
    sheet.data_validation("E4:E100", {"validate": "list", "source": ["户主", "配偶", "儿子"]})
    sheet.data_validation("D4:D100", {"validate": "list", "source": ["汉族", "塔塔尔族", "门巴族"]})
    sheet.conditional_format("F4:F8", {"type": "data_bar"})
    sheet.insert_image("I2", "dot.png", {"image_data": io.BytesIO(png())})
    sheet.insert_textbox("I6", "填写前先看说明")
    sheet.freeze_panes(3, 0)
    sheet.autofilter("A3:G8")
    sheet.print_area("A1:G12")
    other = book.add_worksheet("家庭")
    for column, header in enumerate(["户主姓名", "户主身份证号", "家庭人口"]):
        other.write(0, column, header)
    other.merge_range("A2:A4", "张三一", cell)
    for row in range(1, 4):
        other.write_string(row, 1, "990101199001011234")
        other.write_number(row, 2, row)
    other.repeat_rows(0)
    notes = book.add_worksheet("说明")
    notes.write("A1", "塔塔尔族等民族不用填")
    notes.write_formula("A2", "=人员!F9", None, 2000.5)
    notes.activate()
    book.close()
    return path


def people(refused: bool = False, **more: Any) -> SheetReading:
    uses = [
        ColumnUse("name", "姓名", 2),
        ColumnUse("id_number", "身份证号", 3),
        ColumnUse("monthly_income_fen", "月收入(元)", 6),
    ]
    return SheetReading("人员", (3, 3), uses, refused_columns=[(4, "民族")] if refused else [], **more)


HOUSES = SheetReading("家庭", (1, 1), [ColumnUse("head_id_number", "户主身份证号", 2)])


def summary(*sheets: SheetReading, kind: str | None = "dibao_person", **more: Any) -> returns.SubmissionSummary:
    values: dict[str, Any] = {
        "kind_title": "低保人员", "rows_read": 5, "rows_accepted": 3, "rows_set_aside": 2, "rows_out_of_scope": 0,
        "status": "partly_accepted",
    }  # fmt: skip
    reading = Reading(
        kind, list(sheets), "2026-10", notices=more.pop("reading_notices", []), refusal=more.pop("refusal", None),
        gaps=more.pop("gaps", []),
    )  # fmt: skip
    return returns.SubmissionSummary(reading=reading, **{**values, **more})


def fault(row: int | None, column: int | None, rule: str = "id_number.check_digit", **more: Any) -> dict[str, Any]:
    values = {
        "severity": "must_fix", "message": f"第{row}行的身份证号校验不通过。", "fix": FIX, "sheet": "人员",
        "header": "身份证号", "value": "990101199001011234",
    }  # fmt: skip
    return {
        "issue_id": f"id-{rule}-{row}-{column}",
        "level": "value",
        "rule": rule,
        **values,
        "row_number": row,
        "column": column,
        **more,
    }


def frame(*faults: dict[str, Any]) -> pd.DataFrame:
    issues = pd.DataFrame(list(faults), columns=COLUMNS)
    return issues.astype({"row_number": "Int32", "column": "Int32"})


def give_back(
    source: Path, issues: pd.DataFrame, *summaries: returns.SubmissionSummary, name: str = "名单.xlsx"
) -> Path:
    target = source.parent / "返回.xlsx"
    returns.write(source, name, target, list(summaries), issues)
    return target


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def fill(sheet: Any, cell: str) -> str | None:
    colour = sheet[cell].fill.fgColor.rgb if sheet[cell].fill.fill_type else None
    return colour


def texts(sheet: Any) -> list[str]:
    """All texts of our sheet, top to bottom."""
    return [str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value is not None]


def edited(source: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    content = parts(source)
    change(content)
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return source


MIXED = (
    fault(4, 3),
    fault(6, 3),
    fault(7, 6, "money.unreadable", severity="confirm", message="月收入看不懂", fix="请只填数字", header="月收入(元)", value="1200.5"),
    fault(8, None, "row.duplicate", message="与第4行重复", fix="请删掉一行", header="", value=""),
    fault(6, 6, "money.empty", severity="notice", message="月收入没有填", fix="可以不填", header="月收入(元)", value=""),
)  # fmt: skip


# What survives ---------------------------------------------------------------------------------------------------


def test_everything_the_sender_made_survives_byte_for_byte(tmp_path: Path) -> None:
    source = sender_workbook(tmp_path / "a.xlsx")
    before, after = parts(source), parts(give_back(source, frame(*MIXED), summary(people()), summary(HOUSES)))
    changed = {name for name in before if before[name] != after.get(name)}
    assert changed == {
        "[Content_Types].xml", "docProps/app.xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml",
        "xl/worksheets/sheet1.xml",  # marked
        "xl/worksheets/sheet3.xml",  # no longer the selected one
        "xl/comments1.xml", "xl/drawings/vmlDrawing1.vml",
    }  # fmt: skip
    assert {"xl/media/image1.png", "xl/drawings/drawing1.xml", "xl/sharedStrings.xml", "xl/theme/theme1.xml"} <= set(
        after
    )
    assert set(after) - set(before) == {"xl/worksheets/sheet4.xml"}

    def bare(sheet: bytes) -> bytes:
        return re.sub(rb' (s|spans)="[^"]*"', b"", sheet)

    marked = bare(after["xl/worksheets/sheet1.xml"]).replace(b'<c r="F6"/>', b"")  # a cell that was not there
    assert marked == bare(before["xl/worksheets/sheet1.xml"])  # only formats of cells differ
    assert after["xl/worksheets/sheet3.xml"] == before["xl/worksheets/sheet3.xml"].replace(b' tabSelected="1"', b"")


def test_every_part_stays_well_formed_and_no_formula_is_added(tmp_path: Path) -> None:
    source = sender_workbook(tmp_path / "a.xlsx")
    before, after = parts(source), parts(give_back(source, frame(*MIXED), summary(people())))
    for name, data in after.items():
        if name.endswith((".xml", ".rels", ".vml")):
            etree.fromstring(data)
    formula = re.compile(rb"<f[ />]")
    assert sum(len(formula.findall(data)) for data in after.values() if b"<worksheet" in data) == sum(
        len(formula.findall(data)) for data in before.values() if b"<worksheet" in data
    )
    assert b"<f>" not in after["xl/worksheets/sheet4.xml"]


def test_cached_results_of_formulas_stay(tmp_path: Path) -> None:
    source = sender_workbook(tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(give_back(source, frame(fault(9, 6)), summary(people())), data_only=True)
    assert book["人员"]["F9"].value == 2000.5
    assert book["说明"]["A2"].value == 2000.5
    assert fill(book["人员"], "F9") == FILLS[0]


def test_same_input_same_bytes(tmp_path: Path) -> None:
    source = sender_workbook(tmp_path / "a.xlsx")
    first = give_back(source, frame(*MIXED), summary(people())).read_bytes()
    assert give_back(source, frame(*reversed(MIXED)), summary(people())).read_bytes() == first


# Marks and notes -------------------------------------------------------------------------------------------------


def test_marks_and_notes_sit_on_the_failing_cells(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(give_back(sender_workbook(tmp_path / "a.xlsx"), frame(*MIXED), summary(people())))
    sheet = book["人员"]
    marked = {
        cell.coordinate: FILLS.index(cell.fill.fgColor.rgb)
        for row in sheet.iter_rows()
        for cell in row
        if cell.fill.fill_type and cell.fill.fgColor.rgb in FILLS
    }
    assert marked == {"C4": 0, "C6": 0, "F7": 1, "A8": 0, "F6": 2}
    assert {cell.coordinate for row in sheet.iter_rows() for cell in row if cell.comment} == {*marked, "A2", "B4"}
    assert "第4行的身份证号校验不通过" in sheet["C4"].comment.text
    assert sheet["A2"].comment.text == "请于每月 5 日前报送"
    assert sheet["C4"].border.left.style == "thin"  # the format is the sender's, but for the fill
    assert sheet["C4"].number_format == "@"


def test_a_number_in_an_id_column_is_marked_as_text_so_that_it_can_be_typed_anew(tmp_path: Path) -> None:
    source = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "人员"
    sheet["C3"], sheet["C4"], sheet["F4"] = "身份证号", 9.90003e17, 5
    book.save(source)
    issues = frame(fault(4, 3), fault(4, 6, "x"))
    sheet = openpyxl.load_workbook(give_back(source, issues, summary(people())))["人员"]
    assert (sheet["C4"].number_format, sheet["F4"].number_format) == ("@", "General")
    assert sheet["C4"].value == 990003000000000000


def test_a_note_of_the_sender_keeps_its_text(tmp_path: Path) -> None:
    source = sender_workbook(tmp_path / "a.xlsx")
    target = give_back(source, frame(fault(4, 2, message="姓名里有数字")), summary(people()))
    note = openpyxl.load_workbook(target)["人员"]["B4"].comment
    assert note.text.startswith("此人已迁入")
    assert "姓名里有数字" in note.text
    assert parts(target)["xl/drawings/vmlDrawing1.vml"].count(b"<v:shape ") == 2  # no second shape for that cell


def test_cells_and_rows_that_the_sheet_leaves_out_are_put_in(tmp_path: Path) -> None:
    source = sender_workbook(tmp_path / "a.xlsx")
    issues = frame(fault(6, 6, "a"), fault(6, 30, "a"), fault(10, 2, "a"), fault(40, 3, "a"))
    sheet = openpyxl.load_workbook(give_back(source, issues, summary(people())))["人员"]
    assert [fill(sheet, cell) for cell in ("F6", "AD6", "B10", "C40")] == [FILLS[0]] * 4
    assert fill(sheet, "F5") is None


def test_a_blank_failing_cell_stays_blank_and_no_text_beside_it_runs_over_it(tmp_path: Path) -> None:
    """A sheet shows a long text across blank cells beside it, so that those seem to be filled in."""
    source = tmp_path / "a.xlsx"
    long = "很长的住址" * 8
    with xlsxwriter.Workbook(str(source)) as book:
        looks = {name: book.add_format({name: value, "bold": True}) for name, value in
                 (("text_wrap", True), ("align", "center"))}  # fmt: skip
        looks["blank"] = book.add_format({"border": 1})
        page = book.add_worksheet("人员")
        rows: list[list[tuple[Any, str]]] = [
            [(long, ""), (None, "blank"), ("右", "")],  # the cell is there
            [(long, ""), (None, ""), ("右", "align")],  # it is not, and what is right of it stands in the middle
            [(long, "text_wrap"), (None, "blank"), (7, "")],
            [(long, ""), (None, "blank"), (None, "blank"), (None, "blank")],  # the fault is two cells further on
            [(long, ""), ("不空", ""), (None, "blank")],
            [(9, ""), (None, "blank")],
        ]
        for row, cells in enumerate(rows):
            for column, (value, look) in enumerate(cells):
                if value is not None or look:
                    page.write(row, column, value, looks.get(look))
    faults = [fault(row, 2) for row in (1, 2, 3, 5, 6)] + [fault(4, 4)]
    sheet = openpyxl.load_workbook(give_back(source, frame(*faults), summary(people())))["人员"]
    held = {cell.coordinate for row in sheet.iter_rows() for cell in row if cell.alignment.shrink_to_fit}
    assert held == {"A1", "A2", "C2", "A4"}
    assert [sheet[cell].value for cell in ("B1", "B2", "B3", "D4", "B6")] == [None] * 5
    assert [fill(sheet, cell) for cell in ("A1", "B1", "B2", "D4")] == [None, FILLS[0], FILLS[0], FILLS[0]]
    assert sheet["A1"].value == long and sheet["C2"].font.bold and sheet["C2"].alignment.horizontal == "center"


def test_a_fault_inside_merged_cells_marks_the_visible_one(tmp_path: Path) -> None:
    source = sender_workbook(tmp_path / "a.xlsx")
    issues = frame(
        fault(3, 1, "name.x", sheet="家庭", severity="confirm"),
        fault(4, None, "row.y", sheet="家庭"),
        fault(2, None, "row.z", sheet="家庭", severity="notice"),
    )
    sheet = openpyxl.load_workbook(give_back(source, issues, summary(HOUSES, kind="dibao_household")))["家庭"]
    assert [fill(sheet, cell) for cell in ("A2", "B4", "B2", "B3")] == [FILLS[1], FILLS[0], None, None]


def test_two_faults_in_one_cell_give_the_graver_colour_and_both_texts(tmp_path: Path) -> None:
    issues = frame(fault(4, 1, "b", severity="notice", message="提醒的话"), fault(4, None, "a", message="退回的话"))
    sheet = openpyxl.load_workbook(give_back(sender_workbook(tmp_path / "a.xlsx"), issues, summary(people())))["人员"]
    assert fill(sheet, "A4") == FILLS[0]
    assert "提醒的话" in sheet["A4"].comment.text
    assert "退回的话" in sheet["A4"].comment.text


def test_notes_are_capped_per_rule_and_sheet_and_the_rest_is_said_exactly(tmp_path: Path) -> None:
    source = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    book.active.title = "人员"
    for row in range(1, 1301):
        book.active.append([f"r{row}c{column}" for column in range(1, 4)])
    book.save(source)
    faults = [fault(row, 1, f"rule{row % 13}") for row in range(1, 1301)] + [
        fault(row, 2, "many") for row in range(1, 1300)
    ]
    target = give_back(source, frame(*faults), summary(people()))
    read = openpyxl.load_workbook(target)
    noted = [cell.coordinate for row in read["人员"].iter_rows() for cell in row if cell.comment]
    assert len(noted) == 13 * 100 + 200
    assert {f"B{row}" for row in range(1, 201)} <= set(noted)
    assert sum(fill(read["人员"], f"B{row}") == FILLS[0] for row in range(1, 1301)) == 1299  # all are coloured
    said = next(text for text in texts(read["问题清单"]) if "另有" in text and "批注" in text)
    assert "2599 个单元格" in said
    assert "其中 1500 个" in said
    assert "另有 1099 个没有批注" in said


def test_the_cap_of_a_sheet_leaves_each_rule_its_share() -> None:
    faults = [fault(row, rule, f"rule{rule:02}") for rule in range(1, 21) for row in range(1, 301)]
    own = marks.plan(frame(*faults), {"人员": []}, {}, {}, {})["人员"]
    assert len(own.rows) == 6000
    assert len(own.notes) == marks.NOTES_PER_SHEET
    by_rule = pd.Series([column for _, column in own.notes]).value_counts()
    assert set(by_rule) == {100}
    assert own.cells_without_note == 4000


def test_the_next_return_takes_away_the_marks_of_cells_that_were_corrected(tmp_path: Path) -> None:
    source = sender_workbook(tmp_path / "a.xlsx")
    first = give_back(source, frame(fault(4, 2), fault(6, 3)), summary(people()))
    again = tmp_path / "again.xlsx"
    first.rename(again)
    book = openpyxl.load_workbook(give_back(again, frame(fault(6, 3, message="还是不对")), summary(people())))
    sheet = book["人员"]
    assert book.sheetnames == ["问题清单", "人员", "家庭", "说明"]
    assert fill(sheet, "B4") is None
    assert fill(sheet, "C6") == FILLS[0]
    assert sheet["B4"].comment.text == "此人已迁入"
    assert sheet["C6"].comment.text.count(marks.NOTE_SIGN) == 1
    assert "还是不对" in sheet["C6"].comment.text
    assert sorted(name for name in parts(again) if "worksheets/sheet" in name) == [
        f"xl/worksheets/sheet{number}.xml" for number in range(1, 5)
    ]


# Our sheet -------------------------------------------------------------------------------------------------------


def test_our_sheet_is_first_shown_and_names_keep_their_sheets(tmp_path: Path) -> None:
    target = give_back(sender_workbook(tmp_path / "a.xlsx"), frame(*MIXED), summary(people()))
    book = openpyxl.load_workbook(target)
    assert book.sheetnames == ["问题清单", "人员", "家庭", "说明"]
    assert book.active.title == "问题清单"
    assert [sheet.title for sheet in book if sheet.sheet_view.tabSelected] == ["问题清单"]
    assert book["人员"].print_area == "'人员'!$A$1:$G$12"
    assert book["家庭"].print_title_rows == "$1:$1"
    at = next(row[0].row for row in book["问题清单"].iter_rows() if row[0].value == "序号")
    assert book["问题清单"].print_title_rows == f"${at}:${at}"
    app = parts(target)["docProps/app.xml"].decode()
    assert app.index("问题清单") < app.index("人员")


def test_it_begins_with_what_to_do_most_rows_first(tmp_path: Path) -> None:
    sheet = openpyxl.load_workbook(give_back(sender_workbook(tmp_path / "a.xlsx"), frame(*MIXED), summary(people())))[
        "问题清单"
    ]
    assert sheet["A1"].value == "您需要做的 3 件事"
    actions = [
        (row[0].value, row[1].value, row[2].value)
        for row in sheet.iter_rows(max_row=12)
        if isinstance(row[0].value, int)
    ]
    assert actions == [
        (1, "退回", f"“身份证号”填的“990101199001011234”：{FIX}"), (2, "退回", "请删掉一行"),
        (3, "请确认", "“月收入(元)”填的“1200.5”：请只填数字"),
    ]  # fmt: skip
    assert "涉及 2 行、2 处" in texts(sheet)
    first = [str(row[0].value) for row in sheet.iter_rows()]
    of_table = next(at for at, text in enumerate(first) if text.startswith("逐处清单"))
    assert first[of_table + 1 : of_table + 3] == ["序号", "1"], "the heads stand right above their lines"
    assert "序号" not in first[:of_table]


def test_links_lead_to_the_cells(tmp_path: Path) -> None:
    source = sender_workbook(tmp_path / "a.xlsx")
    sheet = openpyxl.load_workbook(give_back(source, frame(*MIXED), summary(people())))["问题清单"]
    links = {cell.coordinate: cell.hyperlink.location for row in sheet.iter_rows() for cell in row if cell.hyperlink}
    lines = {row[0].value: row for row in sheet.iter_rows(min_row=14) if isinstance(row[0].value, int)}
    seen = [
        (row[1].value, row[2].value, row[3].value, row[4].value, row[5].value, row[6].value, links[row[3].coordinate])
        for row in lines.values()
    ]
    assert seen == [
        ("退回", "人员", "4", "C", "身份证号", "990101199001011234", "'人员'!C4"),
        ("退回", "人员", "6", "C", "身份证号", "990101199001011234", "'人员'!C6"),
        ("提醒", "人员", "6", "F", "月收入(元)", None, "'人员'!F6"),
        ("请确认", "人员", "7", "F", "月收入(元)", "1200.5", "'人员'!F7"),
        ("退回", "人员", "8", "整行", None, None, "'人员'!A8"),
    ]
    first_action = [links[cell.coordinate] for cell in sheet[4] if cell.hyperlink]
    assert first_action == ["'人员'!C4", "'人员'!C6"]


def test_links_to_a_sheet_with_a_quote_in_its_name(tmp_path: Path) -> None:
    source = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    book.active.title = "望山's 表"
    book.active["A1"] = "x"
    book.save(source)
    reading = SheetReading("望山's 表", (1, 1), [])
    sheet = openpyxl.load_workbook(give_back(source, frame(fault(1, 1, sheet="望山's 表")), summary(reading)))[
        "问题清单"
    ]
    links = {cell.hyperlink.location for row in sheet.iter_rows() for cell in row if cell.hyperlink}
    assert links == {"'望山''s 表'!A1"}


def test_lines_are_capped_with_exact_counts_and_rare_faults_are_all_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_LINES", 50)
    faults = [fault(row, 3, "often") for row in range(4, 104)] + [fault(200, 2, "rare", fix="补填", message="少见的错")]
    sheet = openpyxl.load_workbook(give_back(sender_workbook(tmp_path / "a.xlsx"), frame(*faults), summary(people())))[
        "问题清单"
    ]
    all_texts = texts(sheet)
    assert "逐处清单（共 101 处）" in all_texts
    assert any("下面列出 50 处，另有 51 处没有列出" in text for text in all_texts)
    assert "少见的错" in all_texts
    assert "涉及 100 行、100 处（下面列出 49 处）" in all_texts


def test_beyond_the_cap_of_links_lines_are_plain_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MOST_LINKS", 5)
    faults = [fault(row, 3) for row in range(4, 24)]
    sheet = openpyxl.load_workbook(give_back(sender_workbook(tmp_path / "a.xlsx"), frame(*faults), summary(people())))[
        "问题清单"
    ]
    assert sum(1 for row in sheet.iter_rows() for cell in row if cell.hyperlink) == 5
    assert "23" in texts(sheet)


def test_a_formula_without_a_result_is_not_said_to_be_blank(tmp_path: Path) -> None:
    empty = fault(4, 3, "income.formula_without_value", header="月收入", value="", fix="把公式改成数值")
    refused = summary(people(), status="refused", reason=listing.NO_ROW, rows_read=1, rows_accepted=0, rows_set_aside=1)
    shown = texts(
        openpyxl.load_workbook(give_back(sender_workbook(tmp_path / "a.xlsx"), frame(empty), refused))["问题清单"]
    )
    assert shown[0] == "您需要做的 1 件事" and "“月收入”的公式没有算出结果：把公式改成数值" in shown
    assert not any("没有填" in text for text in shown)


def test_the_outcome_adds_up_and_accepted_rows_are_named(tmp_path: Path) -> None:
    accepted = tmp_path / "accepted.parquet"
    pq.write_table(pa.table({"sheet": ["人员"] * 4, "row_number": pa.array([8, 4, 5, 6], pa.int32())}), accepted)
    one = summary(
        people(), accepted_path=accepted, rows_accepted=4, rows_set_aside=1, notices=["隐藏的 2 行也按数据读取了"]
    )
    other = summary(
        HOUSES,
        status="refused",
        rows_read=3,
        rows_accepted=0,
        rows_set_aside=3,
        reason="没有一行可以接收",
        kind_title="低保家庭",
    )
    sheet = openpyxl.load_workbook(give_back(sender_workbook(tmp_path / "a.xlsx"), frame(fault(7, 3)), one, other))[
        "问题清单"
    ]
    all_texts = texts(sheet)
    assert "读取 5 行 = 接收 4 行 + 退回 1 行 + 不在范围 0 行" in all_texts
    assert "读取 3 行 = 接收 0 行 + 退回 3 行 + 不在范围 0 行" in all_texts
    assert "接收的行（工作表“人员”）：第 4—6、8 行。" in all_texts
    assert "原因：没有一行可以接收" in all_texts
    assert "· 隐藏的 2 行也按数据读取了" in all_texts
    assert all_texts[0] == "您需要做的 1 件事"  # what is wrong with each row, not once more of the whole
    assert not any("再整份重新报送" in text for text in all_texts)


def test_which_rows_of_a_partner_list_are_in_scope_is_not_told(tmp_path: Path) -> None:
    accepted = tmp_path / "accepted.parquet"
    pq.write_table(pa.table({"sheet": ["人员"], "row_number": pa.array([4], pa.int32())}), accepted)
    one = summary(
        people(), accepted_path=accepted, rows_accepted=1, rows_set_aside=0, rows_out_of_scope=4, status="accepted"
    )
    sheet = openpyxl.load_workbook(give_back(sender_workbook(tmp_path / "a.xlsx"), frame(), one))["问题清单"]
    assert not any("接收的行" in text for text in texts(sheet))


def test_the_gain_of_the_first_five_is_counted_in_rows(tmp_path: Path) -> None:
    """And said only where so few things to do cure clearly more rows than they are."""

    def said(tops: list[int]) -> list[str]:
        faults = [fault(row, 3, f"r{rule}", fix=f"改{rule}") for rule, top in enumerate(tops) for row in range(top, 30)]
        own = frame(*faults).drop_duplicates(["row_number", "column", "rule"])
        book = openpyxl.load_workbook(give_back(sender_workbook(tmp_path / "a.xlsx"), own, summary(people())))
        return [text for text in texts(book["问题清单"]) if "就没有要退回的问题了" in text]

    # rows 10 to 19 have none of the last two faults; 20 to 29 have the sixth, 21 to 29 the seventh
    [gain] = said([10, 11, 12, 13, 14, 20, 21])
    assert gain == "先做标“退回”的前 5 件：有问题的 20 行里，10 行就没有要退回的问题了。"
    assert not said([10, 11, 12, 13, 14, 19, 20]), "nine rows of five things to do"


def test_nothing_wrong_is_a_friendly_receipt(tmp_path: Path) -> None:
    one = summary(people(), rows_accepted=5, rows_set_aside=0, status="accepted")
    sheet = openpyxl.load_workbook(give_back(sender_workbook(tmp_path / "a.xlsx"), frame(), one))["问题清单"]
    assert sheet["A1"].value == "全部接收，您不需要做任何事"


def test_a_repeated_file_gets_a_receipt_that_says_so(tmp_path: Path) -> None:
    source = sender_workbook(tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(give_back(source, frame(), summary(status="repeated", kind="dibao_person")))
    assert book.sheetnames == ["问题清单"]
    assert "已经收到过" in book["问题清单"]["A1"].value


def test_a_held_file_asks_nothing_of_the_clerk(tmp_path: Path) -> None:
    one = summary(people(), status="held", reason="比上月少了 40%", rows_accepted=5, rows_set_aside=0)
    sheet = openpyxl.load_workbook(give_back(sender_workbook(tmp_path / "a.xlsx"), frame(), one))["问题清单"]
    assert "暂时不需要做任何事" in sheet["A1"].value
    assert "原因：比上月少了 40%" in texts(sheet)


def test_a_refused_file_without_recognised_sheet_says_what_to_do(tmp_path: Path) -> None:
    refusal = Refusal("unrecognised", "认不出是哪种名单", "请用模板重新填写")
    one = summary(kind=None, status="refused", refusal=refusal, rows_read=0, rows_accepted=0, rows_set_aside=0)
    sheet = openpyxl.load_workbook(give_back(sender_workbook(tmp_path / "a.xlsx"), frame(), one))["问题清单"]
    assert [sheet["A1"].value, sheet["C3"].value, sheet["C4"].value] == [
        "您需要做的 1 件事",
        refusal.fix,
        refusal.reason,
    ]


@pytest.mark.parametrize(
    ("reason", "title", "first"),
    [
        (
            "与《乙.xlsx》有一半以上的人员相同，分不清以哪一份为准。请用原来的文件名再交一次", "您需要做的 1 件事",
            ["低保人员：请用原来的文件名再交一次", "与《乙.xlsx》有一半以上的人员相同，分不清以哪一份为准"],
        ),
        ("之后收到了完整的一份，以那一份为准", "整份没有采用，您不需要做任何事（原因见下面）", []),
    ],
)  # fmt: skip
def test_a_thing_to_do_about_a_whole_list_says_itself_what_to_do(
    tmp_path: Path, reason: str, title: str, first: list[str]
) -> None:
    one = summary(people(), status="refused", reason=reason, rows_accepted=0, rows_set_aside=5, kind_title="低保人员")
    sheet = openpyxl.load_workbook(give_back(sender_workbook(tmp_path / "a.xlsx"), frame(), one))["问题清单"]
    assert sheet["A1"].value == title
    assert [text for text in (sheet["C3"].value, sheet["C4"].value) if text] == first
    assert f"原因：{reason}" in texts(sheet)


def test_only_a_copy_that_holds_the_senders_table_says_that_it_may_be_edited(tmp_path: Path) -> None:
    side_by_side = Refusal("beside", "有两个表并排", "请一张工作表只放一个表")
    one = summary(status="refused", refusal=side_by_side, rows_read=0, rows_accepted=0, rows_set_aside=0)
    without = openpyxl.load_workbook(give_back(sender_workbook(tmp_path / "a.xlsx"), frame(), one))
    assert without.sheetnames == ["问题清单"]
    assert any("请在您自己的原文件上改" in text for text in texts(without["问题清单"]))
    assert not any("在本文件上改" in text for text in texts(without["问题清单"]))
    with_it = openpyxl.load_workbook(
        give_back(sender_workbook(tmp_path / "b.xlsx"), frame(fault(4, 3)), summary(people()))
    )
    assert any("可以直接在本文件上改" in text for text in texts(with_it["问题清单"]))


def test_the_sender_of_a_roster_that_is_not_whole_is_asked_about_it(tmp_path: Path) -> None:
    source = sender_workbook(tmp_path / "a.xlsx")
    gap = "隐藏的工作表“农村”没有读取，里面有 3 个名单上没有的身份证号"
    whole = {"status": "accepted", "rows_accepted": 5, "rows_set_aside": 0}
    sheet = openpyxl.load_workbook(give_back(source, frame(), summary(people(), gaps=[gap], **whole)))["问题清单"]
    assert sheet["A1"].value == "您需要做的 1 件事" and sheet["B3"].value == "请确认"
    assert "用原来的文件名再交" in sheet["C3"].value and gap in sheet["C4"].value
    for kind, is_asked in (
        ("temporary_grant", True),
        ("medical_expense", False),
    ):  # absence from a list of facts says nothing
        told = summary(people(), kind=kind, kind_title="台账", gaps=[gap], **whole)
        sheet = openpyxl.load_workbook(give_back(source, frame(), told))["问题清单"]
        assert ("用原来的文件名再交" in str(sheet["C3"].value)) is is_asked
        assert (sheet["A1"].value == "全部接收，您不需要做任何事") is not is_asked


def test_the_receipt_of_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    target = tmp_path / "r.xlsx"
    returns.write_receipt(
        target, "=坏\x0b\ud800的.xlsx", Refusal("password", "文件设了打开密码", "请去掉打开密码后重新提交")
    )
    book = openpyxl.load_workbook(target)
    assert book.sheetnames == ["问题清单"]
    assert book["问题清单"]["A1"].value == "您需要做的 1 件事"
    assert "请去掉打开密码后重新提交" in texts(book["问题清单"])
    assert any("文件设了打开密码" in text for text in texts(book["问题清单"]))
    assert list(tmp_path.iterdir()) == [target]


def refused(source: Path, name: str, kinds: str = "division") -> tuple[list[Reading], list[returns.SubmissionSummary]]:
    """What is read of a file that is refused, and what is said of it when it goes back."""
    readings = layout.read_submissions(source, name, "d01", {kinds}, source.parent)
    title = {name: kind.title for name, kind in contracts.load().kinds.items()}
    return readings, [
        returns.SubmissionSummary(title.get(each.kind or "", ""), each, each.rows_read, 0, 0, 0, "refused")
        for each in readings
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.said}-{case.name}")
def test_a_refused_file_that_could_be_read_comes_back_with_its_data(case: Case, tmp_path: Path) -> None:
    source = tmp_path / "file"
    source.write_bytes(case.spoilt())
    book = readers.read(source, case.name)
    readings, summaries = refused(source, case.name, case.kinds)
    copy = openpyxl.load_workbook(give_back(source, frame(), *summaries, name=case.name))
    said = texts(copy["问题清单"])
    assert copy.sheetnames[0] == "问题清单" and said[0] == "您需要做的 1 件事"
    refusal = readings[0].refusal
    assert refusal and refusal.fix in said and any(refusal.reason in text for text in said)
    assert any(text == "没有逐行检查。" or text.startswith("读取 ") for text in said) and not any(
        "读取 0 行" in text for text in said
    )
    has_no_header = case.said in ("WRITE_HEADER", "EXPORT_AS_READ")
    if isinstance(book, Refusal) or case.code in ("wrong_sender", "refused_sheet_name") or has_no_header:
        assert copy.sheetnames == ["问题清单"] and any("请在您自己的原文件上改" in text for text in said)
        return
    assert any("可以直接在本文件上改" in text for text in said)
    for grid, sheet in zip(book.grids, copy.worksheets[1:], strict=False):
        sent = {(int(row), column) for column, cells in enumerate(grid.columns, start=1)
                for row, cell in zip(grid.row_numbers, cells.to_pylist(), strict=True) if cell is not None}  # fmt: skip
        assert (
            sent
            and {(cell.row, cell.column) for row in sheet.iter_rows() for cell in row if cell.value is not None} == sent
        )
        assert (sheet.sheet_state == "visible") == (grid.shown == "visible")


def test_a_refused_copy_that_is_mended_is_taken(tmp_path: Path) -> None:
    """What its first page says works: to mend the copy itself and send it again."""
    source = tmp_path / "file"
    source.write_bytes(workbook_of([["申请编号", "救助类型", *LEDGER[4:]], *LEDGER_ROWS]))
    _, summaries = refused(source, "台账.xlsx")
    copy = give_back(source, frame(), *summaries)
    book = openpyxl.load_workbook(copy)
    for column, header in enumerate(LEDGER, start=1):
        book.worksheets[1].cell(1, column, header)
    book.save(copy)
    ([taken], _) = refused(copy, "台账.xlsx")
    assert taken.refusal is None and taken.rows_read == 4


NATION = "鄂温克族"


@pytest.mark.parametrize(
    ("code", "name", "rows"),
    [
        ("duplicate_column", "台账.xlsx", [[*row, row[2], nation] for row, nation in
                                         zip([LEDGER, *LEDGER_ROWS], ["民族", *[NATION] * 4], strict=True)]),
        ("unrecognised", "台账.xlsx", [["申请编号", "救助类型", "民族", *LEDGER[4:]],
                                     *[[row[0], row[3], NATION, *row[4:]] for row in LEDGER_ROWS]]),
        ("two_tables", "台账.xlsx", [LEDGER, *LEDGER_ROWS, [], ["姓名", "民族", "身份证号", "户主身份证号", "与户主关系"],
                                   ["李四", NATION, LEDGER_ROWS[0][2], LEDGER_ROWS[0][2], "户主"]]),
        ("side_by_side", "台账.xlsx", [[*row, "", *row, nation] for row, nation in
                                     zip([LEDGER, *LEDGER_ROWS], ["民族", *[NATION] * 4], strict=True)]),
        ("wrong_ending", "台账.tsv", [[*row, nation] for row, nation in
                                    zip([LEDGER, *LEDGER_ROWS], ["民族", *[NATION] * 4], strict=True)]),
    ],
)  # fmt: skip
def test_what_is_never_received_does_not_come_back_in_a_refused_file(
    tmp_path: Path, code: str, name: str, rows: list[list[str]]
) -> None:
    source = tmp_path / "file"
    source.write_bytes(workbook_of(rows) if name.endswith(".xlsx") else text_of(rows))
    readings, summaries = refused(source, name)
    assert readings[0].refusal and readings[0].refusal.code == code and readings[0].comes_back
    target = give_back(source, frame(), *summaries, name=name)
    assert NATION.encode() not in everything(target)
    values = [cell.value for row in openpyxl.load_workbook(target).worksheets[1].iter_rows() for cell in row]
    assert "民族" in values and LEDGER_ROWS[0][0] in values


def test_a_refused_list_without_a_header_does_not_come_back(tmp_path: Path) -> None:
    """In which of its columns something stands that is never received, nobody can say."""
    source = tmp_path / "file"
    source.write_bytes(workbook_of([[row[1], NATION, "户主", "900"] for row in LEDGER_ROWS]))
    readings, summaries = refused(source, "台账.xlsx")
    assert readings[0].refusal and not readings[0].comes_back
    assert NATION.encode() not in everything(give_back(source, frame(), *summaries))


def test_a_long_text_file_that_is_refused_comes_back_as_the_list_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(returns, "MOST_BARE_COPIED", 4)
    source = tmp_path / "file"
    source.write_bytes(text_of([["申请编号", "救助类型", *LEDGER[4:]], *LEDGER_ROWS]))
    _, summaries = refused(source, "台账.csv")
    copy = openpyxl.load_workbook(give_back(source, frame(), *summaries, name="台账.csv"))
    assert copy.sheetnames == ["问题清单"]
    assert any("文件有 5 行，超过 4 行的这类文件不再附原表" in text for text in texts(copy["问题清单"]))


def long_text(folder: Path, *faults: dict[str, Any], corrected: bool) -> list[str]:
    """What 问题清单 says of a text file of five rows, four of which would still come back."""
    source, name = folder / "file", "台账.csv"
    source.write_bytes(text_of([LEDGER, *LEDGER_ROWS]))
    readings = layout.read_submissions(source, name, "d01", {"division"}, folder)
    whose = [summary(*each.sheets, kind=each.kind) for each in readings]
    whose = [replace(one, reading=each) for one, each in zip(whose, readings, strict=True)]
    beside = returns.CorrectionWorkbook(folder / "台账.更正.xlsx", "f1") if corrected else None
    target = folder / "返回.xlsx"
    returns.write(source, name, target, whose, frame(*faults), beside)
    copy = openpyxl.load_workbook(target)
    assert copy.sheetnames == ["问题清单"]
    return texts(copy["问题清单"])


def test_a_long_text_file_comes_back_as_its_faulty_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returns, "MOST_BARE_COPIED", 4)
    monkeypatch.setattr(listing, "MOST_LINES", 1)
    faults = [fault(row, 3, sheet="") for row in (2, 4)]
    said = long_text(tmp_path, *faults, corrected=True)
    assert any("要改的 2 行都在旁边的更正表里：改好放回即可，原文件不用再交" in text for text in said)
    assert any(text.startswith("本文件里没有原表：请在旁边的更正表上改") for text in said)
    assert any("没有列出的，要改和要确认的行都在更正表里。" in text for text in said)
    assert (tmp_path / "台账.更正.xlsx").exists()
    page = openpyxl.load_workbook(tmp_path / "返回.xlsx")["问题清单"]
    assert any(str(cell.value).startswith("看 ") for row in page.iter_rows() for cell in row)
    assert not any(cell.font.underline for row in page.iter_rows() for cell in row)  # nothing looks like a link


def test_a_long_text_file_without_a_correction_workbook_is_mended_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(returns, "MOST_BARE_COPIED", 4)
    monkeypatch.setattr(listing, "MOST_LINES", 1)
    said = long_text(tmp_path, *[fault(row, 3, sheet="") for row in (2, 4)], corrected=False)
    assert any("不再附原表。只列出问题；行号就是原文件的行号。" in text for text in said)
    assert any(text.startswith("本文件里没有原表：请在您自己的原文件上改") for text in said)
    assert any("请照上面要做的事在原文件里查找" in text for text in said)
    assert not any("更正表" in text for text in said)


def test_faults_without_a_line_are_said_to_be_marked_where_the_list_itself_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_LINES", 1)
    source = tmp_path / "file"
    source.write_bytes(text_of([LEDGER, *LEDGER_ROWS]))
    readings, _ = refused(source, "台账.csv")
    summaries = [returns.SubmissionSummary("临时救助", each, 4, 2, 2, 0, "partly_accepted") for each in readings]
    faults = frame(fault(2, 3, sheet=""), fault(4, 3, sheet=""))
    copy = openpyxl.load_workbook(give_back(source, faults, *summaries, name="台账.csv"))
    assert len(copy.sheetnames) == 2
    assert any(text.endswith("没有列出的在原表里同样标了颜色。") for text in texts(copy["问题清单"]))


# Never received --------------------------------------------------------------------------------------------------


def everything(path: Path) -> bytes:
    return b"\n".join(name.encode() + data for name, data in parts(path).items())


def test_refused_columns_are_emptied_to_the_last_byte(tmp_path: Path) -> None:
    source = sender_workbook(tmp_path / "a.xlsx")
    target = give_back(source, frame(*MIXED), summary(people(refused=True)))
    whole = everything(target)
    for word in ("鄂温克族", "门巴族"):
        assert word.encode() in everything(source)
        assert word.encode() not in whole
    assert b"drawing1.xml" in whole  # it was no rewrite: the picture is still there
    sheet = openpyxl.load_workbook(target)["人员"]
    assert [sheet[f"D{row}"].value for row in range(3, 9)] == ["民族", None, None, None, None, None]
    assert "按规定不接收" in sheet["D3"].comment.text
    assert sheet["G8"].value == "汉族"  # another cell's own text
    assert sheet["D5"].border.left.style == "thin"
    assert [str(one.sqref) for one in sheet.data_validations.dataValidation] == ["E4:E100"]


_INLINE = 't="inlineStr"><{0}is><{0}t>赫哲族</{0}t></{0}is></{0}c>'


@pytest.mark.parametrize(
    "cell",
    [
        '<c s="1" r="D4" ' + _INLINE.format(""),
        '<c r="D5" ' + _INLINE.format(""),
        '<c r="D4"><v>1</v></c><c r="D4" ' + _INLINE.format(""),
        f'<x:c xmlns:x="{MAIN}" r="D4" ' + _INLINE.format("x:"),
        '<c r="E4"><v>1</v></c><c r="D4" ' + _INLINE.format(""),
        "<c " + _INLINE.format(""),
    ],
)
def test_a_refused_value_is_found_however_its_cell_is_spelt(tmp_path: Path, cell: str) -> None:
    def spell(content: dict[str, bytes]) -> None:
        sheet = content["xl/worksheets/sheet1.xml"]
        content["xl/worksheets/sheet1.xml"] = re.sub(rb'<c r="D4".*?</c>', cell.encode(), sheet, count=1)

    target = give_back(edited(sender_workbook(tmp_path / "a.xlsx"), spell), frame(), summary(people(refused=True)))
    assert "赫哲族".encode() not in everything(target)
    assert len(openpyxl.load_workbook(target).sheetnames) == 4


@pytest.mark.parametrize("row", [2, 51, 120, 200])
def test_a_value_that_changed_in_any_row_of_a_copy_is_noticed(tmp_path: Path, row: int) -> None:
    source, made, ours = tmp_path / "a.xlsx", tmp_path / "made.xlsx", tmp_path / "ours.xlsx"
    book = xlsxwriter.Workbook(str(source))
    sheet = book.add_worksheet("人员")
    for at in range(200):
        sheet.write_row(at, 0, [at, 0, f"民族{at}", 7])
    book.close()
    plan = marks.plan(frame(fault(3, 1)), {"人员": []}, {"人员": {3: 1}}, {}, {})
    listing.write(ours, "a.xlsx", [], frame(), frozenset({"人员"}), [])
    done = patch(source, made, plan, ours)
    verify_copy(source, made, plan, done)
    was, now = f'<c r="A{row}"><v>{row - 1}</v>', f'<c r="A{row}"><v>{row}</v>'
    for sender, copy in ((was, now), (f'<c r="D{row}"><v>7</v></c>', "")):

        def change(content: dict[str, bytes], sender: str = sender, copy: str = copy) -> None:
            (part,) = [name for name, data in content.items() if sender.encode() in data]
            content[part] = content[part].replace(sender.encode(), copy.encode())

        patch(source, made, plan, ours)
        edited(made, change)
        with pytest.raises(CannotPatch, match="values are not the same"):
            verify_copy(source, made, plan, done)


def test_notes_on_refused_cells_go_too(tmp_path: Path) -> None:
    source = tmp_path / "a.xlsx"
    book = xlsxwriter.Workbook(str(source))
    sheet = book.add_worksheet("人员")
    sheet.write(2, 3, "民族")
    sheet.write(3, 3, "鄂温克族")
    sheet.write(3, 1, "张三一")
    sheet.write_comment(3, 3, "本人说是鄂温克族")
    sheet.write_comment(3, 1, "留着")
    book.close()
    target = give_back(source, frame(), summary(people(refused=True)))
    assert "鄂温克族".encode() not in everything(target)
    assert openpyxl.load_workbook(target)["人员"]["B4"].comment.text == "留着"
    assert parts(target)["xl/drawings/vmlDrawing1.vml"].count(b"<v:shape ") == 2


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("xl/pivotCache/pivotCacheRecords1.xml", "<r>鄂温克族</r>"),
        ("xl/charts/chart1.xml", "<c>门巴族</c>"),
        ("docProps/thumbnail.jpeg", "x"),
        ("xl/drawings/drawing9.xml", "<d>鄂温克族</d>"),
        ("docProps/custom.xml", "<p>门巴族</p>"),
    ],
)
def test_where_a_copy_of_refused_values_may_hide_the_file_is_rewritten(tmp_path: Path, part: str, content: str) -> None:
    source = edited(sender_workbook(tmp_path / "a.xlsx"), lambda old: old.update({part: content.encode()}))
    target = give_back(source, frame(*MIXED), summary(people(refused=True)))
    whole = everything(target)
    assert "鄂温克族".encode() not in whole
    assert "门巴族".encode() not in whole
    assert part.encode() not in whole
    sheet = openpyxl.load_workbook(target)["人员"]
    assert [sheet["C4"].value, sheet["D4"].value, fill(sheet, "C4")] == ["990101199001011234", None, FILLS[0]]
    assert "按规定不接收" in sheet["D3"].comment.text


def test_a_photograph_in_a_refused_column_is_not_sent_back(tmp_path: Path) -> None:
    import io

    source = tmp_path / "a.xlsx"
    book = xlsxwriter.Workbook(str(source))
    sheet = book.add_worksheet("人员")
    sheet.write(2, 3, "照片")
    sheet.write(3, 1, "张三一")
    sheet.insert_image(3, 3, "face.png", {"image_data": io.BytesIO(png())})
    book.close()
    target = give_back(source, frame(), summary(people(refused=True)))
    assert not [name for name in parts(target) if "media" in name]


ANCHORS: dict[str, Callable[[bytes], bytes]] = {
    "twoCellAnchor": lambda drawing: drawing,
    "without a prefix": lambda drawing: (
        drawing.replace(b"<xdr:", b"<").replace(b"</xdr:", b"</").replace(b"xmlns:xdr=", b"xmlns=")
    ),
    "another prefix": lambda drawing: drawing.replace(b"xdr:", b"ns0:"),
    "oneCellAnchor": lambda drawing: re.sub(
        rb"<xdr:to>.*?</xdr:to>", b'<xdr:ext cx="300000" cy="300000"/>', drawing, flags=re.DOTALL
    ).replace(b"twoCellAnchor", b"oneCellAnchor"),
    "absoluteAnchor": lambda drawing: re.sub(
        rb"<xdr:from>.*?</xdr:to>",
        b'<xdr:pos x="1" y="1"/><xdr:ext cx="300000" cy="300000"/>',
        drawing,
        flags=re.DOTALL,
    ).replace(b"twoCellAnchor", b"absoluteAnchor"),
    "single quotes and comments": lambda drawing: drawing.replace(b'"', b"'").replace(
        b"<xdr:from>", b"<xdr:from><!-- -->"
    ),
    "a group": lambda drawing: drawing.replace(b"<xdr:pic>", b"<xdr:grpSp><xdr:pic>").replace(
        b"</xdr:pic>", b"</xdr:pic></xdr:grpSp>"
    ),
    "unreadable": lambda drawing: drawing[:-20],
}


def photographs(path: Path, *, logo: bool = False) -> Path:
    """A list with a column of photographs that float over its cells, D4 and D5, and perhaps a picture far from them."""
    import io

    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("人员")
        sheet.write_row(2, 1, ["姓名", "身份证号", "照片"])
        for row in (3, 4):
            sheet.write_row(row, 1, ["张三一", "990101199001011234"])
            sheet.insert_image(row, 3, f"face{row}.png", {"image_data": io.BytesIO(png() + b"%d" % row)})
        if logo:
            sheet.insert_image(0, 8, "logo.png", {"image_data": io.BytesIO(png() + b"logo")})
    return path


@pytest.mark.parametrize("how", ANCHORS)
def test_however_a_drawing_is_written_its_photographs_go(tmp_path: Path, how: str) -> None:
    def change(old: dict[str, bytes]) -> None:
        old["xl/drawings/drawing1.xml"] = ANCHORS[how](old["xl/drawings/drawing1.xml"])

    source = edited(photographs(tmp_path / "a.xlsx"), change)
    target = give_back(source, frame(*MIXED), summary(people(refused=True)))
    left = parts(target)
    assert not [name for name in left if "media" in name or "drawings/drawing" in name]
    assert b"<drawing" not in b"".join(data for name, data in left.items() if "worksheets/sheet" in name)
    assert not any(b"drawings/drawing" in data for data in left.values())
    assert "sheet1.xml.rels" in " ".join(left)  # marked in place, no rewrite: the notes hang on the sender's sheet
    assert openpyxl.load_workbook(target)["人员"]["B4"].value == "张三一"


@pytest.mark.parametrize("how", ["twoCellAnchor", "without a prefix", "oneCellAnchor"])
def test_a_picture_that_stands_elsewhere_stays(tmp_path: Path, how: str) -> None:
    def change(old: dict[str, bytes]) -> None:
        old["xl/drawings/drawing1.xml"] = ANCHORS[how](old["xl/drawings/drawing1.xml"])

    source = edited(photographs(tmp_path / "a.xlsx", logo=True), change)
    left = parts(give_back(source, frame(*MIXED), summary(people(refused=True))))
    media = [data for name, data in left.items() if "media" in name]
    assert [data.endswith(b"logo") for data in media] == [True]
    assert left["xl/drawings/drawing1.xml"].count(b"blip ") == 1


SHOWN = {
    "H4": ("=D4", "门巴族"), "H5": ("=D5", "塔塔尔族"), "I4": ('=LEFT(D4,1)&"!"', "门!"), "J4": ('=H4&"x"', "门巴族x"),
    "K4": ("=VLOOKUP(B4,B:F,3,0)", "门巴族"), "L4": ("=INDEX(民,2)", "塔塔尔族"), "M4": ("=INDIRECT(A1)", "门巴族"),
    "N4": ('=COUNTIF($D:$D,"*")', 22), "P4": ("=人员!D4", "门巴族"), "Q4": ("=J4", "门巴族x"),
}  # fmt: skip
"""Cells whose formula shows what stands in D: its own value, a part of it, by way of another, a look-up that found it."""
KEPT_FORMULAS = {
    "H8": ("=B4", "张三一"), "I8": ("=SUM(F4:F8)", 77), "J8": ("=VLOOKUP(B4,B:F,5,0)", 78), "K8": ("=F4*2", 79), "L8": ('="D4"', "D4"),
    "M8": ("=INDIRECT(A2)", "某某"),
}  # fmt: skip


OLE, OFFICE_LINKS = (
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1evil",
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
)
MACROS = "http://schemas.microsoft.com/office/2006/relationships/vbaProject"
ACTIVE: dict[str, tuple[str, str, str, dict[str, bytes]]] = {
    # what: (its word, type of the relationship, where it leads, parts)
    "macros under another name": ("宏", MACROS, "media/image9.png", {"xl/media/image9.png": b"evil"}),
    "a compound file that nobody names": ("嵌入的对象", "", "", {"xl/printerSettings/printerSettings1.bin": OLE}),
    "a workbook within": ("嵌入的对象", "", "", {"customXml/item1.xml": b"PK\x03\x04evil"}),
    "an object": ("嵌入的对象", f"{OFFICE_LINKS}/oleObject", "embeddings/a.txt", {"xl/embeddings/a.txt": b"evil"}),
    "a control": ("嵌入的对象", f"{OFFICE_LINKS}/control", "activeX/a.xml", {"xl/activeX/a.xml": b"<evil/>"}),
    "a link to another workbook": ("指向别的文件的链接", f"{OFFICE_LINKS}/externalLink", "links/a.xml", {"xl/links/a.xml": b"<evil/>"}),
    "a picture from the net": ("指向别的文件的链接", f"{OFFICE_LINKS}/image", "http://evil.invalid/a.png", {}),
}  # fmt: skip


@pytest.mark.parametrize("what", ACTIVE)
def test_what_acts_when_a_workbook_is_opened_is_not_handed_on_and_the_copy_says_so(tmp_path: Path, what: str) -> None:
    word, kind, target, added = ACTIVE[what]
    mode = "External" if "://" in target else "Internal"
    relation = f'<Relationship Id="rIdEvil" Type="{kind}" Target="{target}" TargetMode="{mode}"/>'

    def change(old: dict[str, bytes]) -> None:
        old.update(added)
        if kind:
            rels = old["xl/_rels/workbook.xml.rels"].decode()
            old["xl/_rels/workbook.xml.rels"] = rels.replace("</Relationships>", f"{relation}</Relationships>").encode()

    source = edited(sender_workbook(tmp_path / "a.xlsx"), change)
    copy = give_back(source, frame(*MIXED), summary(people()))
    assert not [name for name, data in parts(copy).items() if b"evil" in data or b"\xd0\xcf\x11\xe0" in data]
    book = openpyxl.load_workbook(copy)
    assert any(f"原文件里有{word}，退回件不带这些" in text for text in texts(book["问题清单"]))
    assert book["人员"]["B4"].value == openpyxl.load_workbook(source)["人员"]["B4"].value
    assert fill(book["人员"], "C4") is not None


def test_a_link_to_click_is_no_reason_to_lose_the_layout(tmp_path: Path) -> None:
    source = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(source)) as book:
        sheet = book.add_worksheet("人员")
        sheet.write_row(2, 1, ["姓名", "身份证号", "邮箱"])
        sheet.write_row(3, 1, ["张三一", "990101199001011234"])
        sheet.write_url("D4", "mailto:a@example.org")
        sheet.set_column(1, 1, 33)
    copy = openpyxl.load_workbook(give_back(source, frame(*MIXED[:1]), summary(people())))
    assert (
        copy["人员"].column_dimensions["B"].width > 30 and copy["人员"]["D4"].hyperlink.target == "mailto:a@example.org"
    )
    assert not any("不带这些" in text for text in texts(copy["问题清单"]))


@pytest.mark.parametrize("is_rewritten", [False, True])
def test_a_formula_elsewhere_keeps_nothing_of_what_is_emptied(tmp_path: Path, is_rewritten: bool) -> None:
    source = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(source)) as book:
        sheet = book.add_worksheet("人员")
        sheet.write_row(2, 1, ["姓名", "身份证号", "民族", "关系", "月收入(元)"])
        for row, nation in ((3, "门巴族"), (4, "塔塔尔族")):
            sheet.write_row(row, 1, ["张三一", "990101199001011234", nation, "户主", 800])
        for place, (formula, value) in (SHOWN | KEPT_FORMULAS).items():
            sheet.write_formula(place, formula, None, value)
        sheet.write_array_formula("R4:R5", "{=D4:D5}", None, "门巴族")
        sheet.write_string("R5", "塔塔尔族")
        book.define_name("民", "=人员!$D$4:$D$5")
        other = book.add_worksheet("汇总")
        other.write_formula("A1", "='人员'!D4", None, "门巴族")
        other.write_formula("A2", "='人员'!B4", None, "张三一")
    if is_rewritten:
        source = edited(source, lambda old: old.update({"xl/embeddings/x.bin": b"?"}))
    target = give_back(source, frame(*MIXED[:1]), summary(people(refused=True)))
    text = b"".join(parts(target).values()).decode("utf-8", "ignore")
    assert not [word for word in ("门巴", "塔塔尔", "门！") if word in text]
    cells = openpyxl.load_workbook(target, data_only=True)
    assert [place for place in [*SHOWN, "R4", "R5"] if cells["人员"][place].value is not None] == []
    assert {place: cells["人员"][place].value for place in KEPT_FORMULAS} == {
        p: value for p, (_, value) in KEPT_FORMULAS.items()
    }
    assert (cells["汇总"]["A1"].value, cells["汇总"]["A2"].value) == (None, "张三一")
    formulas = openpyxl.load_workbook(target)["人员"]
    assert (formulas["I8"].value == "=SUM(F4:F8)") is not is_rewritten


def test_columns_of_a_table_are_followed_by_their_names(tmp_path: Path) -> None:
    source = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(source)) as book:
        sheet = book.add_worksheet("人员")
        names = ["姓名", "身份证号", "民族", "简称", "称呼"]
        formulas = [None, None, None, "=LEFT([@民族],1)", "=[@姓名]"]
        columns = [
            {"header": name} | ({"formula": text} if text else {}) for name, text in zip(names, formulas, strict=True)
        ]
        data = [["张三一", "990101199001011234", "门巴族", "门", "张三一"]]
        sheet.add_table("B3:F4", {"columns": columns, "data": data, "name": "名册"})
        sheet.write_formula("E4", "=LEFT(名册[[#This Row],[民族]],1)", None, "门")
        sheet.write_formula("F4", "=名册[[#This Row],[姓名]]", None, "张三一")
    target = give_back(source, frame(*MIXED[:1]), summary(people(refused=True)))
    cells = openpyxl.load_workbook(target, data_only=True)["人员"]
    assert (cells["D4"].value, cells["E4"].value, cells["F4"].value) == (None, None, "张三一")


def test_pictures_behind_the_sheet_in_its_margins_and_in_notes_go(tmp_path: Path) -> None:
    import io

    source = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(source)) as book:
        sheet = book.add_worksheet("人员")
        sheet.write_row(2, 1, ["姓名", "身份证号", "照片"])
        sheet.write_row(3, 1, ["张三一", "990101199001011234"])
        sheet.write_comment(3, 1, "留着")
        sheet.set_background(io.BytesIO(png() + b"1"))
        sheet.set_header("&L&G", {"image_left": "face.png", "image_data_left": io.BytesIO(png() + b"2")})

    def change(old: dict[str, bytes]) -> None:
        note = old["xl/drawings/vmlDrawing1.vml"]
        assert b"<v:fill " in note
        old["xl/drawings/vmlDrawing1.vml"] = note.replace(b"<v:fill ", b'<v:fill o:relid="rId1" type="frame" ', 1)
        old["xl/drawings/_rels/vmlDrawing1.vml.rels"] = (
            b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
            b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image" Target="../media/face9.png"/>'
            b"</Relationships>"
        )
        old["xl/media/face9.png"] = png() + b"3"
        old["docProps/thumbnail.jpeg"] = png() + b"4"

    target = give_back(edited(source, change), frame(*MIXED), summary(people(refused=True)))
    left = parts(target)
    assert not [name for name in left if "media" in name or "thumbnail" in name]
    assert not any(b"o:relid" in data or b"media/" in data for data in left.values())
    assert openpyxl.load_workbook(target)["人员"]["B4"].comment.text.startswith("留着")


def wps_pictures(path: Path, used: str = "") -> Path:
    """A list whose photographs stand in the cells D4 and, when `used` says so, C4, as WPS keeps them."""
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("人员")
        sheet.write_row(2, 1, ["姓名", "身份证号", "照片"])
        sheet.write_row(3, 1, ["张三一", "990101199001011234"])
        sheet.write_formula(3, 3, '=_xlfn.DISPIMG("ID_AA",1)', None, '=DISPIMG("ID_AA",1)')
        if used:
            sheet.write_formula(3, 5, f'=_xlfn.DISPIMG("{used}",1)', None, "x")

    def change(old: dict[str, bytes]) -> None:
        def one(name: str, at: int) -> str:
            return (
                f'<etc:cellImage><xdr:pic><xdr:nvPicPr><xdr:cNvPr id="{at}" name="{name}"/></xdr:nvPicPr><xdr:blipFill>'
                f'<a:blip r:embed="rId{at}"/></xdr:blipFill></xdr:pic></etc:cellImage>'
            )

        old["xl/cellimages.xml"] = (
            '<etc:cellImages xmlns:etc="http://www.wps.cn/officeDocument/2017/etCustomData" xmlns:xdr="http://schemas.openxml'
            'formats.org/drawingml/2006/spreadsheetDrawing" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
            'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
            + one("ID_AA", 1) + one("ID_BB", 2) + "</etc:cellImages>"
        ).encode()  # fmt: skip
        image = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"
        old["xl/_rels/cellimages.xml.rels"] = (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            + "".join(f'<Relationship Id="rId{n}" Type="{image}" Target="media/image{n}.png"/>' for n in (1, 2))
            + "</Relationships>"
        ).encode()
        old |= {"xl/media/image1.png": png() + b"1", "xl/media/image2.png": png() + b"2"}
        old["xl/_rels/workbook.xml.rels"] = old["xl/_rels/workbook.xml.rels"].replace(
            b"</Relationships>",
            b'<Relationship Id="rId77" Type="http://www.wps.cn/officeDocument/2020/cellImage" Target="cellimages.xml"/>'
            b"</Relationships>",
        )

    return edited(path, change)


def test_photographs_in_cells_go_with_their_cells(tmp_path: Path) -> None:
    left = parts(give_back(wps_pictures(tmp_path / "a.xlsx"), frame(*MIXED), summary(people(refused=True))))
    assert not [name for name in left if "media" in name or "cellimages" in name]
    assert not any(b"ID_AA" in data or b"cellimages" in data for data in left.values())
    used = parts(give_back(wps_pictures(tmp_path / "b.xlsx", "ID_BB"), frame(*MIXED), summary(people(refused=True))))
    assert [name for name in used if "media" in name] == ["xl/media/image2.png"]
    assert b"ID_AA" not in used["xl/cellimages.xml"] and b"ID_BB" in used["xl/cellimages.xml"]


def test_what_stands_beside_a_list_is_emptied_cell_by_cell(tmp_path: Path) -> None:
    source = sender_workbook(tmp_path / "a.xlsx")
    one = summary(people())
    one.reading.emptied = {"人员": [(12, 12, 1)], "说明": [(1, 1, 1)]}
    before = openpyxl.load_workbook(source)
    gone = [before["人员"]["A12"].value, before["说明"]["A1"].value]
    target = give_back(source, frame(*MIXED), one)
    after = openpyxl.load_workbook(target)
    assert [after["人员"]["A12"].value, after["说明"]["A1"].value] == [None, None] and all(gone)
    assert "按规定不接收" in after["人员"]["A12"].comment.text
    for sheet in before.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                if (sheet.title, cell.coordinate) not in {("人员", "A12"), ("说明", "A1")}:
                    assert after[sheet.title][cell.coordinate].value == cell.value
    assert "版式已简化" not in " ".join(texts(after["问题清单"]))
    assert b"drawing1.xml" in everything(target)
    assert not any(text.encode() in everything(target) for text in gone)


# Conversations ---------------------------------------------------------------------------------------------------


def conversation(path: Path, cell: str = "C4") -> Path:
    """A list with a conversation on one cell, as a new Excel keeps it: the thread, who spoke, and a note for older programs."""
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("人员")
        sheet.write_row(2, 1, ["姓名", "身份证号", "民族"])
        sheet.write_row(3, 1, ["张三一", "990101199001011234", "鄂温克族"])
        sheet.write_comment(cell, "[线程批注]\n注释:\n    请核对", {"author": "tc={A}"})

    def change(old: dict[str, bytes]) -> None:
        ns = 'xmlns="http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments"'
        old["xl/threadedComments/threadedComment1.xml"] = (
            f'<ThreadedComments {ns}><threadedComment ref="{cell}" dT="2026-10-01T01:00:00.00" personId="{{P}}" id="{{A}}">'
            f"<text>请核对</text></threadedComment></ThreadedComments>"
        ).encode()
        old["xl/persons/person.xml"] = f'<personList {ns}><person displayName="样" id="{{P}}"/></personList>'.encode()
        for name, line in (
            ("xl/worksheets/_rels/sheet1.xml.rels", ("threadedComment", "../threadedComments/threadedComment1.xml")),
            ("xl/_rels/workbook.xml.rels", ("person", "persons/person.xml")),
        ):
            told = (
                f'<Relationship Id="rId88" Type="http://schemas.microsoft.com/office/2017/10/relationships/{line[0]}" '
            )
            old[name] = old[name].replace(b"</Relationships>", f'{told}Target="{line[1]}"/></Relationships>'.encode())

    return edited(path, change)


def talk(path: Path) -> list[tuple[str | None, ...]]:
    """(cell, who, the comment answered, text) of each comment in the conversations of the first sheet."""
    root = etree.fromstring(parts(path)["xl/threadedComments/threadedComment1.xml"])
    names = {one.get("id"): one.get("displayName") for one in etree.fromstring(parts(path)["xl/persons/person.xml"])}
    return [(one.get("ref"), names[one.get("personId")], one.get("parentId"), "".join(one.itertext())) for one in root]


def test_in_a_conversation_our_note_is_a_reply(tmp_path: Path) -> None:
    """A new Excel shows the thread in place of the note."""
    source = conversation(tmp_path / "a.xlsx")
    target = give_back(source, frame(*MIXED), summary(people()))
    (first, second) = talk(target)
    assert first == ("C4", "样", None, "请核对")
    assert second[:3] == ("C4", "数据检查", "{A}") and str(second[3]).startswith("〔检查结果〕退回\n")
    note = openpyxl.load_workbook(target)["人员"]["C4"].comment.text
    assert note.startswith("[线程批注]") and str(second[3]).split("\n")[1] in note  # older programs show the note
    again = give_back(target, frame(*MIXED), summary(people()), name="b.xlsx")
    assert talk(again) == [first, second]
    cured = give_back(target, frame(), summary(people()), name="c.xlsx")
    assert talk(cured) == [first]


def test_a_conversation_on_a_cell_that_is_never_received_goes(tmp_path: Path) -> None:
    source = conversation(tmp_path / "a.xlsx", "D4")
    target = give_back(source, frame(*MIXED), summary(people(refused=True)))
    assert talk(target) == []
    assert "请核对".encode() not in everything(target)


def test_refused_columns_of_a_text_file_are_not_written(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("姓名,民族,身份证号\n张三一,鄂温克族,990101199001011234\n", encoding="gb18030")
    reading = SheetReading("", (1, 1), [ColumnUse("id_number", "身份证号", 3)], refused_columns=[(2, "民族")])
    target = give_back(source, frame(), summary(reading), name="a.csv")
    assert "鄂温克族".encode() not in everything(target)
    sheet = openpyxl.load_workbook(target)["数据"]
    assert [cell.value for cell in sheet[1]] == ["姓名", "民族", "身份证号"]
    assert [cell.value for cell in sheet[2]] == ["张三一", None, "990101199001011234"]


# The rewrite -----------------------------------------------------------------------------------------------------


def test_text_files_come_back_as_xlsx_with_lines_where_they_were(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text(
        '姓名,身份证号,备注\n张三一,990101199001011234,"两\n行"\n\n李四二,000123,=1+1\n王五三,9.90003E+17,+86\n',
        encoding="utf-8",
    )
    reading = SheetReading("", (1, 1), [ColumnUse("name", "姓名", 1), ColumnUse("id_number", "身份证号", 2)])
    target = give_back(
        source, frame(fault(5, 2, sheet=""), fault(6, None, "row", sheet="")), summary(reading), name="a.csv"
    )
    book = openpyxl.load_workbook(target)
    sheet = book["数据"]
    assert [sheet[cell].value for cell in ("A1", "B2", "C2", "A3", "B5", "C5", "B6")] == [
        "姓名", "990101199001011234", "两\n行", None, "000123", "=1+1", "9.90003E+17",
    ]  # fmt: skip
    assert {sheet[cell].number_format for cell in ("B2", "B5", "C5")} == {"@"}
    assert [fill(sheet, cell) for cell in ("B5", "A6", "B2")] == [FILLS[0], FILLS[0], None]
    assert sheet["C5"].data_type == "s"
    assert not any(b"<f" in data for name, data in parts(target).items() if "worksheets/sheet" in name)
    links = {cell.hyperlink.location for row in book["问题清单"].iter_rows() for cell in row if cell.hyperlink}
    assert links == {"'数据'!B5", "'数据'!A6"}
    assert any("转成 .xlsx" in text for text in texts(book["问题清单"]))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda old: (
            old.pop("xl/styles.xml"),
            old.update(
                {
                    "xl/_rels/workbook.xml.rels": re.sub(
                        rb"<Relationship [^>]*styles[^>]*/>", b"", old["xl/_rels/workbook.xml.rels"]
                    )
                }
            ),
        ),
        lambda old: old.pop("xl/drawings/vmlDrawing1.vml"),
        lambda old: old.update(
            {
                "xl/worksheets/sheet1.xml": re.sub(
                    rb'(<row r="4".*?</row>)(<row r="5".*?</row>)', rb"\2\1", old["xl/worksheets/sheet1.xml"]
                )
            }
        ),
    ],
    ids=["no styles", "notes without a drawing", "rows out of order"],
)
def test_a_workbook_that_cannot_be_patched_is_rewritten_and_says_so(tmp_path: Path, spoil: Any) -> None:
    source = edited(sender_workbook(tmp_path / "a.xlsx"), spoil)
    book = openpyxl.load_workbook(give_back(source, frame(*MIXED), summary(people())))
    assert book.sheetnames == ["问题清单", "人员", "家庭", "说明"]
    sheet = book["人员"]
    assert [sheet[cell].value for cell in ("A1", "B4", "C4", "F7", "G5", "F9")] == [
        "望山区低保人员名单(2026年10月)", "张三一", "990101199001011234", 1200.5, "=", 2000.5,
    ]  # fmt: skip
    assert sheet["G5"].data_type == "s"
    assert {str(one) for one in sheet.merged_cells.ranges} == {"A1:G1"}
    assert {str(one) for one in book["家庭"].merged_cells.ranges} == {"A2:A4"}
    assert [[cell.value for cell in row] for row in book["家庭"].iter_rows(max_row=3)] == [
        ["户主姓名", "户主身份证号", "家庭人口"], ["张三一", "990101199001011234", 1], [None, "990101199001011234", 2],
    ]  # fmt: skip
    assert [fill(sheet, cell) for cell in ("C4", "F7", "A8")] == [FILLS[0], FILLS[1], FILLS[0]]
    assert any("版式已简化" in text for text in texts(book["问题清单"]))


@pytest.mark.parametrize(
    ("usual", "odd"),
    [(rb'<row r="\d+"', b"<row"), (rb"</sheetData>", b"<!-- --></sheetData>")],
    ids=["rows without numbers", "comment among the rows"],
)
def test_an_odd_but_legal_spelling_is_marked_in_place(tmp_path: Path, usual: bytes, odd: bytes) -> None:
    def spell(old: dict[str, bytes]) -> None:
        # Without numbers the signatures below the table move up: two empty rows before them are then none.
        old["xl/worksheets/sheet1.xml"] = re.sub(usual, odd, old["xl/worksheets/sheet1.xml"])

    source = edited(sender_workbook(tmp_path / "a.xlsx"), spell)
    book = openpyxl.load_workbook(give_back(source, frame(*MIXED), summary(people())))
    sheet = book["人员"]
    assert [sheet[cell].value for cell in ("A1", "B4", "C4", "F7")] == [
        "望山区低保人员名单(2026年10月)", "张三一", "990101199001011234", 1200.5,
    ]  # fmt: skip
    assert [fill(sheet, cell) for cell in ("C4", "F7", "A8")] == [FILLS[0], FILLS[1], FILLS[0]]
    assert sheet.auto_filter.ref and sheet.freeze_panes  # the layout is the sender's own
    assert not any("版式已简化" in text for text in texts(book["问题清单"]))


def test_a_patch_that_fails_its_examination_is_not_given_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from low_income.returns.sheet import SheetPatch

    whole = SheetPatch._row
    monkeypatch.setattr(
        SheetPatch,
        "_row",
        lambda self, row, number, tag: whole(self, row.replace(b"<v>1200.5<", b"<v>1200<"), number, tag),
    )
    book = openpyxl.load_workbook(give_back(sender_workbook(tmp_path / "a.xlsx"), frame(), summary(people())))
    assert book["人员"]["F7"].value == 1200.5  # the sheet was not touched, so it was not spoiled

    source = sender_workbook(tmp_path / "b.xlsx")
    with pytest.raises(CheckError):  # the rewrite is spoiled in the same way here, and nothing is written at all
        returns.write(source, "b.xlsx", tmp_path / "no.xlsx", [summary(people())], frame(*MIXED))
    assert not (tmp_path / "no.xlsx").exists()


@pytest.mark.parametrize("stops_after", ["a.xlsx", "usual.xlsx"], ids=["as sent", "and in the usual spelling"])
@pytest.mark.parametrize("spoiled", ["fill", "value", "note", "value of a row without a mark", "row", "tag"])
def test_what_the_examination_finds_is_not_given_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoiled: str, stops_after: str
) -> None:
    """Next the same workbook is marked in the usual spelling; what fails there too ends in a rewrite."""
    from low_income.returns import notes
    from low_income.returns.sheet import SheetPatch

    whole, restyled, add, emit = SheetPatch._row, SheetPatch._restyled, notes.Comments.add, SheetPatch._emit
    order = ["a.xlsx", "usual.xlsx", "plain.xlsx"]
    tried: list[str] = []
    left: Iterator[str] = iter(())

    def attempt(base: Path, *rest: Any) -> Any:
        nonlocal left
        assert next(left, None) is None  # the attempt before was spoiled indeed
        tried.append(base.name)
        left = iter([spoiled] if order.index(base.name) <= order.index(stops_after) else [])  # once in each attempt
        return patch(base, *rest)

    def row(self: Any, text: bytes, number: int, tag: Any) -> bytes:
        if spoiled == "value" and b"<v>1200.5<" in text and next(left, None):
            text = text.replace(b"<v>1200.5<", b"<v>1200.4<")
        return whole(self, text, number, tag)

    def style(self: Any, head: bytes, column: int, rank: int | None) -> bytes:
        return head if spoiled == "fill" and next(left, None) else restyled(self, head, column, rank)

    def put(self: Any, more: dict[tuple[int, int], str]) -> None:
        add(self, {} if spoiled == "note" and next(left, None) else more)

    changes = {
        "value of a row without a mark": (rb'(<c r="F5"[^>]*><v>)0<', rb"\g<1>1<"),
        "row": (rb'<row r="5".*?</row>', b""),
        "tag": (rb'(<c r="F5"[^>]*>)<v>', rb"\1<w>"),
    }

    def out(self: Any, target: Any, data: bytes) -> None:
        if spoiled in changes and next(left, None):
            data, count = re.subn(*changes[spoiled], data, count=1)
            assert count
        emit(self, target, data)

    patch = returns.patch  # type: ignore[attr-defined]
    monkeypatch.setattr(returns, "patch", attempt)
    monkeypatch.setattr(SheetPatch, "_emit", out)
    monkeypatch.setattr(SheetPatch, "_row", row)
    monkeypatch.setattr(SheetPatch, "_restyled", style)
    monkeypatch.setattr(notes.Comments, "add", put)
    book = openpyxl.load_workbook(give_back(sender_workbook(tmp_path / "a.xlsx"), frame(*MIXED), summary(people())))
    assert tried == order[: order.index(stops_after) + 2]
    sheet = book["人员"]
    assert [fill(sheet, cell) for cell in ("C4", "C6", "F7")] == [FILLS[0], FILLS[0], FILLS[1]]
    assert sheet["F7"].value == 1200.5
    assert "校验不通过" in sheet["C4"].comment.text
    is_plain = any("版式已简化" in text for text in texts(book["问题清单"]))
    assert is_plain is (tried[-1] == "plain.xlsx")


@pytest.mark.parametrize("damage", ["removed", "cut", "emptied"])
def test_whatever_part_is_damaged_an_answer_comes_back(tmp_path: Path, damage: str) -> None:
    whole = sender_workbook(tmp_path / "a.xlsx").read_bytes()
    for part in parts(tmp_path / "a.xlsx"):
        (tmp_path / "a.xlsx").write_bytes(whole)

        def spoil(old: dict[str, bytes], part: str = part) -> None:
            data = old.pop(part)
            if damage != "removed":
                old[part] = data[: len(data) // 2] if damage == "cut" else b""

        target = give_back(edited(tmp_path / "a.xlsx", spoil), frame(*MIXED), summary(people(refused=True)))
        assert "鄂温克族".encode() not in everything(target)
        with CalamineWorkbook.from_path(target) as book:  # openpyxl would not open some of them, as it did not before
            assert book.sheet_names[0] == "问题清单"
            rows = book.get_sheet_by_name("问题清单").to_python()
        assert rows[0][0] == "您需要做的 3 件事"


def test_a_macro_workbook_is_rewritten(tmp_path: Path) -> None:
    def macro(old: dict[str, bytes]) -> None:
        types = old["[Content_Types].xml"]
        old["[Content_Types].xml"] = types.replace(
            b"openxmlformats-officedocument.spreadsheetml.sheet.main", b"ms-excel.sheet.macroEnabled.main"
        ).replace(b"application/vnd.ms-excel.sheet", b"application/vnd.ms-excel.sheet")

    source = edited(sender_workbook(tmp_path / "a.xlsx"), macro)
    book = openpyxl.load_workbook(give_back(source, frame(*MIXED), summary(people())))
    assert fill(book["人员"], "C4") == FILLS[0]


# Hostile text ----------------------------------------------------------------------------------------------------

HOSTILE = [
    '=HYPERLINK("http://x","y")', "=cmd|' /C calc'!A0", "{=1+1}", "+1", "-2", "@SUM(A1)", "\t=1", "\r=1", "https://example.invalid/",
    "#REF!", "internal:'人员'!A1", "_x0041_", "\x00\x0b\uffff坏", "<c r=\"C4\" s=\"9\">", "]]>", "&amp;", "长" * 40_000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_becomes_a_formula_or_breaks_the_file(tmp_path: Path, text: str) -> None:
    issues = frame(
        fault(4, 3, value=text, message=text, fix=text or "x", header=text),
        fault(None, None, "file", sheet="", message=text, fix=text),
    )
    one = summary(people(), reason=text, notices=[text])
    target = give_back(sender_workbook(tmp_path / "a.xlsx"), issues, one, name=f"{text[:50]}.xlsx")
    ours = parts(target)["xl/worksheets/sheet4.xml"]
    assert b"<f>" not in ours
    assert b't="e"' not in ours
    assert b"r:id" not in ours.replace(b"xmlns:r", b"")
    book = openpyxl.load_workbook(target)
    assert fill(book["人员"], "C4") == FILLS[0]
    lines = [cell for row in book["问题清单"].iter_rows(min_row=10) for cell in row if cell.column == 7 and cell.value]
    assert lines
    assert all(cell.data_type == "s" and cell.quotePrefix for cell in lines)


def test_hostile_text_in_a_csv_stays_text(tmp_path: Path) -> None:
    import csv

    source = tmp_path / "a.csv"
    rows = [text.replace("\x00", "") for text in HOSTILE[:-1]]
    with source.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([["姓名", "备注"], *([f"名{number}", text] for number, text in enumerate(rows))])
    target = give_back(source, frame(), summary(SheetReading("", (1, 1), [])), name="a.csv")
    content = parts(target)
    assert not any(
        b"<f" in data or b"<hyperlink" in data for name, data in content.items() if name.endswith("sheet1.xml")
    )
    sheet = openpyxl.load_workbook(target)["数据"]
    cells = [cell for row in sheet.iter_rows(min_col=2, max_col=2) for cell in row if cell.value]
    assert len(cells) >= len(rows)
    assert all(cell.data_type == "s" and cell.quotePrefix for cell in cells)
    assert '=HYPERLINK("http://x","y")' in [cell.value for cell in cells]


# Any sheet -------------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.sets(st.tuples(st.integers(1, 30), st.integers(1, 30)), max_size=60),
    faults=st.dictionaries(
        st.tuples(st.integers(1, 40), st.integers(1, 40)),
        st.sampled_from(["must_fix", "confirm", "notice"]),
        max_size=40,
    ),
)
def test_exactly_the_faulty_cells_are_marked_and_all_values_stay(
    tmp_path: Path, cells: set[tuple[int, int]], faults: dict[tuple[int, int], str]
) -> None:
    source = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    book.active.title = "人员"
    for row, column in cells:
        book.active.cell(row, column, f"{row}/{column}")
    book.save(source)
    issues = frame(*(fault(row, column, severity=severity) for (row, column), severity in faults.items()))
    sheet = openpyxl.load_workbook(give_back(source, issues, summary(people())))["人员"]
    filled = {
        (cell.row, cell.column): cell.fill.fgColor.rgb
        for row in sheet.iter_rows()
        for cell in row
        if cell.fill.fill_type
    }
    order = ["must_fix", "confirm", "notice"]
    assert filled == {place: FILLS[order.index(severity)] for place, severity in faults.items()}
    values = {
        (cell.row, cell.column): cell.value for row in sheet.iter_rows() for cell in row if cell.value is not None
    }
    assert values == {(row, column): f"{row}/{column}" for row, column in cells}
    assert {(cell.row, cell.column) for row in sheet.iter_rows() for cell in row if cell.comment} == set(faults)


def test_odd_text_of_a_text_file_comes_back_as_it_was(tmp_path: Path) -> None:
    from low_income.reading.grid import Grid
    from low_income.returns.rewrite import rewrite

    odd = ["=1+1", 'a&b<c>"d"', "_x0041_", "两行\n一格", "回\r车", "  前后空 ", "", None, "控\x07制", "末"]
    grid = Grid("", [pa.array(odd, pa.string()), pa.array(["列"] * len(odd), pa.string())], np.arange(1, len(odd) + 1))
    target = tmp_path / "plain.xlsx"
    names, lost = rewrite([grid], target, {"": {2: 1}})
    assert lost == 0
    sheet = CalamineWorkbook.from_path(str(target)).get_sheet_by_name(names[""])
    cells = [row[0] for row in sheet.to_python(skip_empty_area=False)]
    assert cells == [(text or "").replace("\x07", "") for text in odd]
    with zipfile.ZipFile(target) as package:
        xml = package.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in xml
    assert xml.count("列") == 1, "below its header a refused column is empty"


def test_a_column_has_room_for_its_longest_number(tmp_path: Path) -> None:
    """A number that has no room is shown as ###; a text is not."""
    texts_of = ["1"] * 300 + ["123456789012.5"]
    column = pa.array(texts_of, pa.string())
    grid = Grid("表", [column], np.arange(1, 302), numeric={0: np.ones(301, bool)})
    rewrite([grid], tmp_path / "x.xlsx", {})
    assert openpyxl.load_workbook(tmp_path / "x.xlsx")["表"].column_dimensions["A"].width > 15


def test_hidden_sheets_stay_hidden_in_a_plain_rewrite(tmp_path: Path) -> None:
    from low_income.reading.grid import Grid
    from low_income.returns.rewrite import rewrite

    names = ("藏", "深", "名册")
    states = ("hidden", "very_hidden", "visible")
    grids = [
        Grid(name, [pa.array(["x"])], np.array([1]), shown=state) for name, state in zip(names, states, strict=True)
    ]
    rewrite(grids, tmp_path / "x.xlsx", {})
    book = openpyxl.load_workbook(tmp_path / "x.xlsx")
    assert [book[name].sheet_state for name in names] == ["hidden", "veryHidden", "visible"]


@pytest.mark.parametrize("word", ["NAN", "INF", "-inf", "nan"])
def test_what_no_workbook_has_a_number_for_is_shown_as_its_word(tmp_path: Path, word: str) -> None:
    """Old workbooks and tables hold them; the copy is made all the same."""
    columns = [pa.array(["收入", word, "12.5"], pa.string())]
    grid = Grid("表", columns, np.arange(1, 4), numeric={0: np.array([False, True, True])})
    rewrite([grid], tmp_path / "x.xlsx", {})
    assert [row[0].value for row in openpyxl.load_workbook(tmp_path / "x.xlsx")["表"].iter_rows()] == [
        "收入",
        word,
        12.5,
    ]


def test_relationships_that_we_add_are_declared_where_the_workbook_declared_none(tmp_path: Path) -> None:
    declared = b'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'

    def change(old: dict[str, bytes]) -> None:
        kept = old["[Content_Types].xml"]
        assert declared in kept and "xl/worksheets/_rels/sheet1.xml.rels" not in old
        own = "".join(
            f'<Override PartName="/{name}" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            for name in old if name.endswith(".rels")
        )  # fmt: skip
        old["[Content_Types].xml"] = kept.replace(declared, b"").replace(b"</Types>", own.encode() + b"</Types>")

    source = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(source) as book:
        sheet = book.add_worksheet("人员")
        for row in range(8):
            sheet.write_row(row, 0, ["一", "二", "三", "四", "五", "六", "七"])
    target = give_back(edited(source, change), frame(*MIXED), summary(people()))
    assert "xl/worksheets/_rels/sheet1.xml.rels" in parts(target)
    assert declared in parts(target)["[Content_Types].xml"]


@pytest.mark.parametrize(
    ("status", "more", "title"),
    [
        ("accepted", {}, "全部接收，您不需要做任何事"),
        ("partly_accepted", {"rows_set_aside": 1, "rows_accepted": 4}, "已接收，其中 1 行没有采用（见下面），您可以不改"),
        ("superseded", {}, "已由后来的文件代替，您不需要做任何事"),
        ("repeated", {}, "这份文件以前已经收到过，您不需要做任何事"),
        ("held", {}, "文件已收到，正在等市局核对，您暂时不需要做任何事"),
        ("checked", {}, "没有发现要改的。只是检查，没有收下：放进收件箱才算报送"),
    ],
)  # fmt: skip
def test_that_all_was_accepted_is_said_of_nothing_else(
    tmp_path: Path, status: str, more: dict[str, int], title: str
) -> None:
    counts = {"rows_read": 5, "rows_accepted": 5, "rows_set_aside": 0} | more
    source = sender_workbook(tmp_path / "a.xlsx")
    target = give_back(source, frame(), summary(people(), status=status, **counts))
    shown = texts(openpyxl.load_workbook(target)["问题清单"])
    assert shown[0] == title
    assert any("没有收下" in text for text in shown) is (status == "checked")
    if status == "checked":
        assert not any("入库" in text for text in shown)


def test_of_a_correction_and_of_answers_alone_no_list_is_said_to_be_accepted(tmp_path: Path) -> None:
    for reading in (
        Reading(None),  # a correction, when it was put into its list
        Reading(None, confirmations=[Confirmation("i", "r", "w", 3)]),
    ):
        told = returns.SubmissionSummary("", reading, 0, 0, 0, 0, "accepted", notices=["已更正《甲.xlsx》的 1 行"])
        listing.write(tmp_path / "x.xlsx", "甲.更正.xlsx", [told], frame(), None, [])
        assert texts(openpyxl.load_workbook(tmp_path / "x.xlsx").worksheets[0])[0].startswith("已收到，结果见下面")


@pytest.mark.parametrize(
    ("name", "code", "fix", "folder", "said"),
    [
        ("城市低保.xlsx", "password", advice.UNLOCK, "", "改好后用原来的文件名再放进收件箱。"),
        ("城市低保.et", "wps", advice.SAVE_AS_XLSX, "", "改好后用文件名“城市低保.xlsx”再放进收件箱。"),
        ("城市低保.xls", "xml_workbook", advice.SAVE_AS_XLSX, "",
         "改好后用原来的文件名再放进收件箱；改存成 .xlsx 的，文件名是“城市低保.xlsx”。"),
        ("城市低保.tsv", "wrong_ending", advice.add_ending(".txt"), "", ""),
        ("城市低保.xlsx", "unknown_unit", advice.use_own_folder("d01"), "", ""),
        ("城市低保.zip", "not_a_table", advice.UNPACK, "", ""),
        ("d06.xlsx", "no_form", advice.USE_OUR_LIST, "decisions/inbox/d06/", "改好后请放进 decisions/inbox/d06/。"),
    ],
)  # fmt: skip
def test_a_refusal_without_a_table_says_under_which_name_to_send_again(
    tmp_path: Path, name: str, code: str, fix: str, folder: str, said: str
) -> None:
    returns.write_receipt(tmp_path / "x.xlsx", name, Refusal(code, "读不了", fix), folder=folder)
    shown = texts(openpyxl.load_workbook(tmp_path / "x.xlsx").worksheets[0])
    assert [text for text in shown if text.startswith("改好后")] == ([said] if said else [])
    assert any("没有登记" in text for text in shown) is bool(folder)


def test_a_filled_in_list_is_to_go_where_it_was_put_and_its_rows_are_no_data(tmp_path: Path) -> None:
    for status in ("refused", "partly_accepted"):
        one = summary(people(), kind=None, kind_title="核查登记", status=status, folder="decisions/inbox/d06/")
        book = openpyxl.load_workbook(give_back(sender_workbook(tmp_path / "a.xlsx"), frame(fault(4, 3)), one))
        shown = str(texts(book["问题清单"]))
        assert "改好后请把整份文件再放进 decisions/inbox/d06/。" in shown
        assert "收件箱" not in shown and "入库" not in shown


def test_the_receipt_of_a_file_that_was_only_checked_says_so(tmp_path: Path) -> None:
    refusal = Refusal("password", "文件设了打开密码，无法读取", "请去掉打开密码后重新提交")
    for is_taken, words, others in ((True, "已经原样存档", "没有收下"), (False, "什么都没有收下", "存档")):
        returns.write_receipt(tmp_path / "x.xlsx", "a.xlsx", refusal, is_taken=is_taken)
        shown = "".join(texts(openpyxl.load_workbook(tmp_path / "x.xlsx").worksheets[0]))
        assert words in shown and others not in shown


@pytest.mark.parametrize(
    ("header", "values", "fix", "said"),
    [
        ("劳动能力", ["外星", "外星"], "改成可选的一种", "“劳动能力”填的“外星”：改成可选的一种"),
        ("月收入", ["约500元", "370/月"], "按样例重写", "“月收入”填的“约500元”等：按样例重写"),
        ("劳动能力", ["乙", "", "甲"], "改成可选的一种", "“劳动能力”填的“乙”等：改成可选的一种"),
        ("结算时间", ["", ""], "补上日", "“结算时间”没有填：补上日"),
        ("身份证号", [""], "补填“身份证号”", "补填“身份证号”"),
        ("受理编号", ["", ""], "补填“申请编号”", "补填“受理编号”"),
        (
            "证件号",
            ["无"],
            "补填“身份证号”；还没有号码的写明原因",
            "“证件号”填的“无”：补填“证件号”；还没有号码的写明原因",
        ),
        ("", ["x"], "重新导出", "重新导出"),
        ("备用", ["一" * 30], "补上日", f"“备用”填的“{'一' * 20}…”：补上日"),
    ],
)
def test_a_thing_to_do_names_the_column_what_stands_there_and_what_belongs_there(
    header: str, values: list[str], fix: str, said: str
) -> None:
    assert returns.what_to_do(header, values, fix) == said
