"""Bytes → grids: formats told by content, encodings and delimiters, cell types, row numbers, what is refused and why."""

from __future__ import annotations

import datetime
import io
import random
from pathlib import Path

import openpyxl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from low_income.model import ConfigError, Refusal
from low_income.reading import delimited, readers
from low_income.reading.cells import number_text, number_texts
from low_income.reading.grid import Grid
from low_income.reading.readers import Book
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from tests import biff_kit, dbf_kit
from tests.container_kit import compound, zipped


def book(path: Path, name: str | None = None) -> Book:
    read = readers.read(path, name or path.name)
    assert isinstance(read, Book), read
    return read


def refusal(path: Path, name: str | None = None) -> Refusal:
    read = readers.read(path, name or path.name)
    assert isinstance(read, Refusal)
    return read


def texts(data: bytes, tmp_path: Path, name: str = "x.csv") -> Grid:
    (tmp_path / name).write_bytes(data)
    (grid,) = book(tmp_path / name).grids
    return grid


def lines(grid: Grid) -> list[list[str | None]]:
    return [list(row) for row in zip(*(column.to_pylist() for column in grid.columns), strict=True)]


def workbook(tmp_path: Path, cells: dict[str, object], **properties: object) -> Grid:
    wb = openpyxl.Workbook()
    for name, value in properties.items():
        setattr(wb, name, value)
    for place, value in cells.items():
        wb.active[place] = value
    wb.save(tmp_path / "x.xlsx")
    (grid,) = book(tmp_path / "x.xlsx").grids
    return grid


# Text files ------------------------------------------------------------------------------------------------------

TABLE = "姓名,身份证号\n买买提·艾力,990101195001011234\n䶮某,990101195001011242\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le-bom"])
def test_encodings_that_are_told_for_certain(tmp_path: Path, encoding: str) -> None:
    data = b"\xff\xfe" + TABLE.encode("utf-16-le") if encoding == "utf-16-le-bom" else TABLE.encode(encoding)
    assert lines(texts(data, tmp_path))[2] == ["䶮某", "990101195001011242"]


def test_gbk_is_read_as_gb18030_and_never_as_gb2312(tmp_path: Path) -> None:
    assert lines(texts("姓名,号\n朱镕基,1\n".encode("gbk"), tmp_path))[1] == ["朱镕基", "1"]


def test_bytes_in_no_encoding_are_refused_with_their_line(tmp_path: Path) -> None:
    data = "姓名,身份证号\n".encode() + b"\xff\xff\xff\xff,1\n" * 5
    (tmp_path / "x.csv").write_bytes(data)
    found = refusal(tmp_path / "x.csv")
    assert found.code == "encoding"
    assert "第2行" in found.reason


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_of_a_file_cut_inside_a_character_the_last_line_is_known_as_cut(tmp_path: Path, encoding: str) -> None:
    whole = ("姓名,号\n" * 20 + "张三,某").encode(encoding)
    for data, count in ((whole[:-1], delimited.CUT), (whole, 2)):
        grid = texts(data, tmp_path)
        assert grid.fields is not None and grid.fields.tolist() == [2] * 20 + [count]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_delimiters(tmp_path: Path, delimiter: str) -> None:
    data = delimiter.join(["姓名", "号", "备注"]) + "\n" + delimiter.join(["张三", "1", ""]) + "\n"
    assert lines(texts(data.encode(), tmp_path)) == [["姓名", "号", "备注"], ["张三", "1", None]]


def test_commas_inside_cells_of_a_tab_file_do_not_split_them(tmp_path: Path) -> None:
    data = "姓名\t住址\n" + "张三\t北营镇,一连,二号,三室\n" * 3
    assert lines(texts(data.encode(), tmp_path))[1] == ["张三", "北营镇,一连,二号,三室"]


def test_trailing_empty_fields_of_a_tab_file_are_fields(tmp_path: Path) -> None:
    grid = texts("姓名\t号\t备注\n张三\t1\t\n李四\t2\t".encode(), tmp_path)
    assert grid.fields is not None
    assert grid.fields.tolist() == [3, 3, 3]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("rows", [1, 5, 30])
def test_line_ends_and_line_numbers(tmp_path: Path, end: str, rows: int) -> None:
    data = end.join(["姓名,号", *(f"张三,{n}" for n in range(rows))]) + end
    grid = texts(data.encode(), tmp_path)
    assert grid.row_numbers.tolist() == list(range(1, rows + 2))
    assert lines(grid)[-1] == ["张三", str(rows - 1)]


def test_blank_lines_in_the_middle_keep_the_numbers_below_right(tmp_path: Path) -> None:
    data = "姓名,号\n" + "张三,1\n" * 20 + "\n\n李四,2\n\n\n"
    grid = texts(data.encode(), tmp_path)
    at = grid.columns[0].to_pylist().index("李四")
    assert grid.row_numbers[at] == 24
    assert grid.height == 24


def test_a_line_break_inside_quotes_is_one_row_and_two_lines(tmp_path: Path) -> None:
    data = "姓名,住址,号\n" + "张三,x,0\n" * 20 + '李四,"一连\n二号",1\n王五,y,2\n'
    grid = texts(data.encode(), tmp_path)
    assert lines(grid)[21] == ["李四", "一连\n二号", "1"]
    assert grid.row_numbers[-2:].tolist() == [22, 24]


def test_quotes_doubled_and_delimiters_inside_quotes(tmp_path: Path) -> None:
    data = "姓名,住址\n" + '"张""三""","一连,二号"\n' * 30
    assert lines(texts(data.encode(), tmp_path))[30] == ['张"三"', "一连,二号"]


@pytest.mark.parametrize("before", [0, 40])
def test_a_quote_that_never_closes_takes_nobody_with_it(tmp_path: Path, before: int) -> None:
    data = "姓名,号\n" + "张三,1\n" * before + '"李四,2\n' + "王五,3\n" * 40
    (tmp_path / "x.csv").write_bytes(data.encode())
    found = refusal(tmp_path / "x.csv")
    assert found.code == "unpaired_quote"
    assert f"第{before + 2}行" in found.reason


def test_two_stray_quotes_take_nobody_with_them(tmp_path: Path) -> None:
    data = "姓名,号\n" + "张三,1\n" * 30 + '"李四,2\n' + "王五,3\n" * 3 + '赵六",4\n' + "王五,3\n" * 30
    (tmp_path / "x.csv").write_bytes(data.encode())
    assert refusal(tmp_path / "x.csv").code == "unpaired_quote"


def test_short_and_long_lines_say_how_many_fields_they_had(tmp_path: Path) -> None:
    data = "姓名,号,址\n" + "张三,1,x\n" * 30 + "李四,2\n王五,3,x,y,z\n"
    grid = texts(data.encode(), tmp_path)
    assert grid.fields is not None
    assert grid.fields[-3:].tolist() == [3, 2, 5]
    assert lines(grid)[-1] == ["王五", "3", "x", "yz"]
    assert lines(grid)[-2] == ["李四", "2", None, None]


def test_a_last_line_cut_inside_quotes_is_known(tmp_path: Path) -> None:
    for rows in (2, 30):
        grid = texts(("姓名,址\n" + '张三,"一连"\n' * rows + '李四,"二连').encode(), tmp_path)
        assert grid.fields is not None
        assert grid.fields[-1] == -1


def test_text_formulas_are_unwrapped_and_nothing_else_is(tmp_path: Path) -> None:
    data = '姓名,号\n=1+1,"=""990101195001011234"""\n' + '+x,="0012"\n' * 30
    grid = texts(data.encode(), tmp_path)
    assert lines(grid)[1] == ["=1+1", "990101195001011234"]
    assert lines(grid)[9] == ["+x", "0012"]


def test_blanks_and_apostrophes_stay_as_they_were(tmp_path: Path) -> None:
    assert lines(texts("姓名,号\n 张 三 ,'99 01\n".encode(), tmp_path))[1] == [" 张 三 ", "'99 01"]


FIELD = st.text(st.sampled_from("张a1 ,\"\n;'="), max_size=4)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(FIELD, min_size=3, max_size=3), min_size=1, max_size=25), st.booleans())
def test_what_the_csv_module_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], crlf: bool
) -> None:
    import csv

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n" if crlf else "\n", quoting=csv.QUOTE_ALL)
    writer.writerows([["姓名", "身份证号", "住址"], *rows, ["末", "末", "末"]])
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    path.write_text(out.getvalue(), newline="")
    # Lines inside a field that look like rows of their own are refused rather than believed.
    assume(not any("\n" in "".join(row) and "," in "".join(row) for row in rows))
    (grid,) = book(path).grids
    expected = [[field or None for field in row] for row in rows]
    # A leading = before a quote is the text-formula notation, which is unwrapped on purpose.
    if not any(field.startswith('="') for row in rows for field in row):
        assert lines(grid)[1:-1] == expected
    assert grid.height == len(rows) + 2


# Workbooks -------------------------------------------------------------------------------------------------------


def test_rows_and_columns_are_the_sheets_own(tmp_path: Path) -> None:
    grid = workbook(tmp_path, {"C4": "姓名", "D6": "x"})
    assert grid.row_numbers.tolist() == [1, 2, 3, 4, 5, 6]
    assert lines(grid)[3] == [None, None, "姓名", None]
    assert lines(grid)[5] == [None, None, None, "x"]


def test_each_type_of_cell_has_its_text(tmp_path: Path) -> None:
    grid = workbook(
        tmp_path,
        {
            "A1": 3, "B1": 3.0, "C1": 0.1 + 0.2, "D1": 1234.5, "E1": 990003199001011234, "F1": True,
            "G1": datetime.date(1986, 5, 1), "H1": datetime.datetime(2026, 10, 1, 8, 30),  # noqa: DTZ001 - a cell has no time zone
            "I1": datetime.time(8, 30),
            "J1": "007", "K1": -12, "L1": 202610, "M1": datetime.timedelta(hours=30),
        },
    )  # fmt: skip
    assert lines(grid) == [
        ["3", "3", "0.3", "1234.5", "990003199001011000", "TRUE", "1986-05-01", "2026-10-01 08:30:00", "08:30:00",
         "007", "-12", "202610", "30:00:00"]
    ]  # fmt: skip
    assert {column for column, mask in grid.numeric.items() if mask[0]} == {0, 1, 2, 3, 4, 10, 11}


def test_numbers_and_texts_in_one_column_are_told_apart(tmp_path: Path) -> None:
    grid = workbook(
        tmp_path, {"A1": "身份证号", "A2": "990101195001011234", "A3": 990101195001011234, "A4": None, "A5": "x"}
    )
    assert grid.columns[0].to_pylist() == ["身份证号", "990101195001011234", "990101195001011000", None, "x"]
    assert grid.numeric[0].tolist() == [False, False, True, False, False]


def test_columns_are_whole_over_blocks_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "ROWS_AT_ONCE", 7)
    grid = workbook(tmp_path, {f"B{n}": (n if n % 9 == 0 else f"x{n}") for n in range(3, 60)})
    assert grid.columns[1].to_pylist()[2:] == [str(n) if n % 9 == 0 else f"x{n}" for n in range(3, 60)]
    assert [n + 1 for n, number in enumerate(grid.numeric[1]) if number] == [9, 18, 27, 36, 45, 54]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (9.90003199001011e17, "990003199001011000"), (1e14, "100000000000000"), (1e15, "1000000000000000"), (1e21, "1E+21"),
        (0.1, "0.1"), (2026.1, "2026.1"), (-0.5, "-0.5"), (1e-5, "0.00001"), (123456789012.35, "123456789012.35"), (1e-9, "1E-09"),
    ],
)  # fmt: skip
def test_a_number_is_written_as_a_sheet_shows_it(number: float, text: str) -> None:
    assert number_text(number) == text


@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_whole_numbers_lose_no_digit(number: int) -> None:
    import numpy as np

    assert number_texts(np.array([float(number)])).to_pylist() == [str(number)]
    assert number_text(float(number)) == str(number)


@given(st.integers(-(10**11), 10**11))
def test_amounts_with_two_decimals_keep_them(fen: int) -> None:
    from decimal import Decimal

    assert Decimal(number_text(float(Decimal(fen) / 100))) == Decimal(fen) / 100


def test_the_date_system_of_1904(tmp_path: Path) -> None:
    grid = workbook(tmp_path, {"A1": datetime.date(1986, 5, 1)}, epoch=CALENDAR_MAC_1904)
    assert lines(grid) == [["1986-05-01"]]


def test_errors_and_formulas_without_a_result_are_found(tmp_path: Path) -> None:
    grid = workbook(tmp_path, {"A1": "姓名", "B2": "#N/A", "C3": "=1+1", "A3": "x", "C1": "y"})
    assert grid.problems == [(1, 1, "error_value"), (2, 2, "formula_without_value")]
    assert grid.text(1, 1) == grid.text(2, 2) == ""


def test_a_formula_with_a_result_is_its_result(tmp_path: Path) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(str(tmp_path / "x.xlsx")) as wb:
        ws = wb.add_worksheet()
        ws.write_formula("A1", "=1+1", value=2)
        ws.write_formula("B1", '="a"&"b"', value="ab")
        ws.write_formula("C1", '=""', value="")
        ws.write_formula("D1", "=1/0", value="#DIV/0!")
    (grid,) = book(tmp_path / "x.xlsx").grids
    assert lines(grid) == [["2", "ab", None, None]]
    assert [problem for problem in grid.problems if problem[2] == "error_value"] == [(0, 3, "error_value")]


def test_merges_hidden_rows_and_hidden_sheets_are_known(tmp_path: Path) -> None:
    wb = openpyxl.Workbook()
    wb.active["A1"], wb.active["A5"] = "x", "y"
    wb.active.merge_cells("A2:B4")
    wb.active.row_dimensions[5].hidden = True
    second = wb.create_sheet("藏")
    second["A1"], second.sheet_state = "z", "veryHidden"
    wb.create_sheet("空")
    wb.create_chartsheet("图")
    wb.save(tmp_path / "x.xlsx")
    first, hidden = book(tmp_path / "x.xlsx").grids
    assert (first.merges, first.hidden_rows.tolist(), first.shown) == ([(1, 0, 3, 1)], [5], "visible")
    assert (hidden.sheet, hidden.shown) == ("藏", "very_hidden")


def test_formatted_empty_rows_below_cost_nothing(tmp_path: Path) -> None:
    wb = openpyxl.Workbook()
    wb.active["A1"] = "x"
    for number in range(2, 3000):
        wb.active.cell(number, 5).font = openpyxl.styles.Font(bold=True)
    wb.save(tmp_path / "x.xlsx")
    assert book(tmp_path / "x.xlsx").grids[0].height == 1


# What is refused, and why ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "code", "words"),
    [
        ("x.xlsx", b"", "empty", "空"),
        ("x.csv", b"\xef\xbb\xbf\r\n \r\n", "empty", "空"),
        ("x.pdf", b"%PDF-1.7 x", "not_a_table", "PDF"),
        ("x.xlsx", b"\x89PNG\r\n\x1a\n", "not_a_table", "图片"),
        ("x.jpg", b"\xff\xd8\xff\xe0", "not_a_table", "图片"),
        ("x.rar", b"Rar!\x1a\x07", "not_a_table", "压缩包"),
        ("x.docx", zipped("[Content_Types].xml", "word/document.xml"), "not_a_table", "Word"),
        ("x.ods", zipped("mimetype", "content.xml"), "not_a_table", "OpenDocument"),
        ("x.xlsb", zipped("xl/workbook.bin"), "not_a_table", "xlsb"),
        ("x.zip", zipped("低保.xlsx"), "not_a_table", "压缩包"),
        ("x.xls", b"<html><table><tr><td>x</td></tr></table>", "web_page", "网页"),
        ("x.xls", "\ufeff\n<!DOCTYPE html>".encode(), "web_page", "网页"),
        ("x.xls", b'<?xml version="1.0"?><Workbook/>', "web_page", "XML"),
        ("x.txt", b"ID;PWXL;N;E\r\nP;PGeneral\r\n", "not_a_table", "SYLK"),
        ("x.csv", b'TABLE\r\n0,1\r\n"EXCEL"\r\n', "not_a_table", "DIF"),
        ("x.txt", b'[{"a": 1}]', "not_a_table", "JSON"),
        ("x.dbf", b"\x03\x7a\x0a\x01\x05\x00\x00\x00", "corrupt", "dbf"),
        ("x.csv", b"abc\x00\x01\x02\x03def", "not_a_table", "不是表格"),
        ("x.xlsx", b"PK\x03\x04 and no more", "corrupt", "损坏"),
    ],
)  # fmt: skip
def test_refusals_say_what_the_file_is(tmp_path: Path, name: str, data: bytes, code: str, words: str) -> None:
    (tmp_path / "x").write_bytes(data)
    found = refusal(tmp_path / "x", name)
    assert found.code == code
    assert words in found.reason
    assert len(found.fix) > 5


@pytest.mark.parametrize(
    ("name", "streams", "code"),
    [
        ("x.xlsx", ["EncryptionInfo", "EncryptedPackage"], "password"),
        ("x.doc", ["WordDocument"], "not_a_table"),
        ("x.xls", ["Other"], "not_a_table"),
        ("x.et", ["Workbook"], "wps"),
        ("x.wps", ["WordDocument"], "wps"),
        ("x.xls", ["Workbook", "_VBA_PROJECT_CUR"], "macro"),
        ("x.xls", ["Workbook"], "corrupt"),
    ],
)
def test_old_compound_files(tmp_path: Path, name: str, streams: list[str], code: str) -> None:
    (tmp_path / "x").write_bytes(compound(*streams))
    assert refusal(tmp_path / "x", name).code == code


OLD = {
    "十月": [
        ["户主", "身份证号", "纳入日期", "收入"],
        ["买买提·艾力", "990101195001011234", (40000.0,), 900.5],
        ["", "990101195001011242", (40001.0,), 1200],
    ],
    "空表": [[""]],
    "南片": [["姓名"], ["某乙"]],
}


@pytest.mark.parametrize(("date1904", "day"), [(False, "2009-07-06"), (True, "2013-07-07")])
def test_old_workbooks_with_their_merged_cells_and_their_calendar(tmp_path: Path, date1904: bool, day: str) -> None:
    (tmp_path / "x.xls").write_bytes(biff_kit.workbook(OLD, date1904=date1904, merges=[(1, 2, 0, 0)]))
    first, last = book(tmp_path / "x.xls").grids
    assert (first.sheet, last.sheet) == ("十月", "南片")
    assert lines(first)[1] == ["买买提·艾力", "990101195001011234", day, "900.5"]
    assert lines(first)[2] == [None, "990101195001011242", day[:-1] + str(int(day[-1]) + 1), "1200"]
    assert first.merges == [(1, 0, 2, 0)]
    assert first.date1904 is date1904
    assert first.numeric[3].tolist() == [False, True, True]
    assert first.row_numbers.tolist() == [1, 2, 3]


def test_hidden_rows_of_an_old_workbook_are_known(tmp_path: Path) -> None:
    (tmp_path / "x.xls").write_bytes(biff_kit.workbook(OLD, hidden=[1]))
    first, last = book(tmp_path / "x.xls").grids
    assert first.hidden_rows.tolist() == last.hidden_rows.tolist() == [2]
    (tmp_path / "y.xls").write_bytes(biff_kit.workbook(OLD))
    assert [grid.hidden_rows.tolist() for grid in book(tmp_path / "y.xls").grids] == [[], []]


@pytest.mark.parametrize("codepage", [1252, 936, 65001, 0])
def test_texts_of_an_old_workbook_are_unicode_whatever_its_code_page_says(tmp_path: Path, codepage: int) -> None:
    (tmp_path / "x.xls").write_bytes(biff_kit.workbook(OLD, codepage=codepage))
    assert lines(book(tmp_path / "x.xls").grids[0])[1][0] == "买买提·艾力"


ROWS = [["姓名", "身份证号"], ["买买提艾力", "990101195001011234"], ["某乙", "990101195001011242"]]


@pytest.mark.parametrize("codepage", [936, 1252, 437])
def test_excel_95_and_programs_that_name_no_chinese_code_page(tmp_path: Path, codepage: int) -> None:
    (tmp_path / "x.xls").write_bytes(biff_kit.excel95(ROWS, codepage=codepage))
    (grid,) = book(tmp_path / "x.xls").grids
    assert (grid.sheet, lines(grid)) == ("名册", ROWS)


def test_a_western_workbook_stays_what_it_says(tmp_path: Path) -> None:
    rows = [["Zoé"], ["Müller"]]
    (tmp_path / "x.xls").write_bytes(biff_kit.excel95([["Book"], *rows], codepage=1252, encoding="cp1252", name="A"))
    assert lines(book(tmp_path / "x.xls").grids[0])[1:] == rows


@pytest.mark.parametrize("version", [2, 3, 4])
def test_sheets_of_the_first_versions(tmp_path: Path, version: int) -> None:
    (tmp_path / "x.xls").write_bytes(biff_kit.single_sheet(ROWS, version))
    (grid,) = book(tmp_path / "x.xls").grids
    assert lines(grid) == ROWS


def test_a_bare_stream_is_a_workbook_and_a_cut_one_is_refused(tmp_path: Path) -> None:
    whole = biff_kit.workbook(OLD, is_bare=True)
    (tmp_path / "x.xls").write_bytes(whole)
    assert [grid.sheet for grid in book(tmp_path / "x.xls").grids] == ["十月", "南片"]
    for size in range(8, len(whole) - 1, 7):
        (tmp_path / "x.xls").write_bytes(whole[:size])
        assert refusal(tmp_path / "x.xls").code in ("corrupt", "no_sheets"), size


def test_sheets_of_an_old_workbook_that_are_hidden(tmp_path: Path) -> None:
    (tmp_path / "x.xls").write_bytes(biff_kit.workbook(OLD, states={"十月": 2, "南片": 1}))
    assert [grid.shown for grid in book(tmp_path / "x.xls").grids] == ["very_hidden", "hidden"]


def test_error_values_of_an_old_workbook_are_found(tmp_path: Path) -> None:
    (tmp_path / "x.xls").write_bytes(biff_kit.workbook({"甲": [["姓名", "收入"], ["某", "#N/A"], ["", "#N/A"]]}))
    (grid,) = book(tmp_path / "x.xls").grids
    assert grid.problems == [(1, 1, "error_value"), (2, 1, "error_value")]
    assert (lines(grid)[1], grid.height) == (["某", None], 3)


@pytest.mark.parametrize("is_bare", [True, False])
def test_an_encrypted_old_workbook_is_told(tmp_path: Path, is_bare: bool) -> None:
    (tmp_path / "x.xls").write_bytes(biff_kit.workbook(OLD, is_encrypted=True, is_bare=is_bare))
    found = refusal(tmp_path / "x.xls")
    assert (found.code, "加了密" in found.reason) == ("password", True)


def test_an_old_workbook_cut_short_is_refused(tmp_path: Path) -> None:
    whole = biff_kit.workbook({"甲": [["姓名", "号"], *[[f"某{n}", "1"] for n in range(300)]]})
    for size in (600, 2000, len(whole) // 2, len(whole) - 2048):
        (tmp_path / "x.xls").write_bytes(whole[:size])
        assert isinstance(readers.read(tmp_path / "x.xls", "x.xls"), Refusal), size


def test_a_workbook_under_another_suffix_is_read_and_told(tmp_path: Path) -> None:
    workbook(tmp_path, {"A1": "姓名"})
    read = book(tmp_path / "x.xlsx", "名单.csv")
    assert len(read.grids) == 1
    assert "已按内容读取" in read.notices[0]
    assert book(tmp_path / "x.xlsx", "名单.XLSX").notices == []


@pytest.mark.parametrize("name", ["名单.xls", "名单.csv", "名单.dbf", "名单"])
def test_a_workbook_that_lies_under_another_suffix_is_read_as_what_it_is(tmp_path: Path, name: str) -> None:
    """The night reads from the archive, where names have no suffix; a check reads the file where it lies."""
    workbook(tmp_path, {"A1": "姓名"})
    (tmp_path / "x.xlsx").rename(tmp_path / name)
    assert lines(book(tmp_path / name, "名单.xlsx").grids[0]) == [["姓名"]]


@pytest.mark.parametrize("size", [6000, 8191, 8192, 100_000])
def test_blank_lines_before_the_content_are_no_empty_file(tmp_path: Path, size: int) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"\n" * size + "姓名,号\n某甲,1\n".encode())
    found = book(path).grids[0]
    assert lines(found)[size:] == [["姓名", "号"], ["某甲", "1"]]
    assert found.row_numbers[size] == size + 1
    for page in ("<html><table><tr><td>某甲</td></tr></table></html>", "<table><tr><td>某甲</td></tr></table>"):
        path.write_bytes(b"\r\n" * (size // 2) + page.encode())
        assert refusal(path, "x.xls").code == "web_page"
    path.write_bytes(b" \n" * size)
    assert refusal(path).code == "empty"


@pytest.mark.parametrize("blanks", [b"\r\n", b"\r\n" * 9000, b"\xef\xbb\xbf", b" \t\0\n"])
@pytest.mark.parametrize("suffix", ["xlsx", "xls", "dbf"])
def test_what_a_web_server_wrote_before_a_workbook_is_left_out(tmp_path: Path, blanks: bytes, suffix: str) -> None:
    rows = [["姓名", "身份证号"], ["张三", "990101195001011234"]]
    if suffix == "xlsx":
        workbook(tmp_path, {"A1": rows[0][0], "B1": rows[0][1], "A2": rows[1][0], "B2": rows[1][1]})
        good = (tmp_path / "x.xlsx").read_bytes()
    else:
        good = (
            biff_kit.workbook({"Sheet1": rows})
            if suffix == "xls"
            else dbf_kit.table([("姓名", "C", 9), ("号", "C", 18)], rows[1:])
        )
    path = tmp_path / f"名单.{suffix}"
    path.write_bytes(blanks + good)
    found = book(path)
    assert lines(found.grids[0])[1] == rows[1]
    assert found.notices == [f"文件开头有{len(blanks)}个多余的空白字节（多半是网页导出程序写进去的），已略去后读取"]
    path.write_bytes(good)
    assert book(path).notices == []
    path.write_bytes(blanks + good[: len(good) // 5])
    assert refusal(path).code in ("corrupt", "truncated")


def test_a_file_that_we_cannot_open_is_our_own_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        readers.read(tmp_path / "none.xlsx", "none.xlsx")


def test_any_bytes_are_a_book_or_a_refusal(tmp_path: Path) -> None:
    chance = random.Random(7)
    for number in range(200):
        data = bytes(chance.randrange(256) for _ in range(chance.randrange(200)))
        (tmp_path / "x").write_bytes(data)
        assert isinstance(readers.read(tmp_path / "x", f"{number}.csv"), Book | Refusal)
