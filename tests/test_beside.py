"""What is never received, by its words: words are words, and beside a list only the cells go that hold it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openpyxl
import pytest
from low_income.reading import beside, layout
from low_income.reading.grid import Grid
from low_income.settings.contracts import load

from tests.grid_kit import grid
from tests.night_kit import PERSON, person

HEADERS = load().headers


@pytest.mark.parametrize(
    "text",
    [
        "QQ", "QQ号", "qq:", "QQ12345678", "联系QQ 12345", "QQ号码", "Q\u200bQ号", "VIP QQ", "QQ/微信", "DNA检测", "有无DNA", "GPS坐标",
        "IP地址", "WeChat", "民族", "民 族", "民\u200b族(必填)", "少数民族", "宗教信仰", "是否党员", "列入党员名单", "照片", "一寸照片", "近照",
        "监护照片", "定位信息", "护照号", "QQ号(如12345@qq.com)", "族别", "是否信教", "案号", "档案号(案号)", "通话记录",
    ],
)  # fmt: skip
def test_a_word_is_found_however_it_is_written(text: str) -> None:
    assert HEADERS.refusal_of(text) is not None
    assert HEADERS.refusal_of(text, is_header=False) is not None


@pytest.mark.parametrize(
    "text",
    [
        "12345@qq.com", "联系邮箱:abc@QQ.COM", "abc@qq.com", "https://mail.qq.com/a?dna=1", "mail.qq.com", "填报人:张三(qq.com邮箱)",
        "Adnan", "ADNAN", "EQQ1", "A1QQ2", "VIP", "ZIP", "Equipment", "GPSX", "民族路12号", "民族团结社区", "民族乡", "望山民族中学", "民族自治州",
        "警民共建", "回族自治县", "信仰街3号", "公安县", "日间看护照料", "监护照顾情况", "目前科室", "支出行次", "提出行政复议", "办公安排",
        "固定位置", "出血型脑卒中", "简短信息", "家庭档案号", "备案号", "普通话水平", "虹膜炎", "公安小区3幢", "法院家属院",
    ],
)  # fmt: skip
def test_a_word_within_another_or_in_an_address_is_none(text: str) -> None:
    assert HEADERS.refusal_of(text) is None


def test_names_of_offices_are_no_value_but_no_header_either() -> None:
    for office in ("望山区民族宗教事务局", "市公安局提供", "由公安机关核实", "区民族事务委员会"):
        assert HEADERS.refusal_of(office, is_header=False) is None
        assert HEADERS.refusal_of(office) is not None


def left(sheet: Grid, ours: list[int] | None = None) -> list[list[str]]:
    """The sheet's texts, row by row, when what is never received is emptied; `*` stands where something was."""
    shown = [[sheet.text(row, column) for column in range(len(sheet.columns))] for row in range(sheet.height)]
    for first, last, column in beside.areas_to_empty(sheet, load(), np.array(ours or [], np.int64)):
        for row in range(first - 1, last):
            shown[row][column - 1] = "*" if shown[row][column - 1] else ""
    return shown


def test_a_column_of_a_sheet_that_is_no_list_loses_its_values_alone() -> None:
    assert left(grid(("姓名", "民族", "住在哪里"), ("张三", "某族", "南街"), ("李四", "", "北街"), ("王五", "某族", "西街"))) == [
        ["姓名", "民族", "住在哪里"], ["张三", "*", "南街"], ["李四", "", "北街"], ["王五", "*", "西街"],
    ]  # fmt: skip


def test_relations_that_sound_like_a_header_leave_a_table_a_table() -> None:
    assert left(grid(("姓名", "与户主关系", "政治面貌", "备注"), ("张三", "户主", "党员", "甲"), ("李四", "配偶", "群众", "乙"))) == [
        ["姓名", "与户主关系", "政治面貌", "备注"], ["张三", "户主", "*", "甲"], ["李四", "配偶", "*", "乙"],
    ]  # fmt: skip


def test_a_header_over_several_columns_takes_all_of_them() -> None:
    sheet = grid(("姓名", "民族", "", "备注"), ("张三", "某族", "又一族", "甲"), merges=[(0, 1, 0, 2)])
    assert left(sheet) == [["姓名", "民族", "", "备注"], ["张三", "*", "*", "甲"]]


def test_in_a_form_the_value_stands_to_the_right() -> None:
    assert left(
        grid(("姓名", "张三", "民族", "某族"), ("性别", "男", "政治面貌", "党员"), ("家庭住址", "南街1号", "联系电话", "13900000000"))
    ) == [
        ["姓名", "张三", "*", "*"], ["性别", "男", "*", "*"], ["家庭住址", "南街1号", "联系电话", "13900000000"],
    ]  # fmt: skip


def test_a_value_that_sounds_like_a_name_takes_nothing_with_it() -> None:
    rows = (
        ("姓名", "张三", "是否党员", "党员"),
        ("性别", "男", "联系电话", "13900000000"),
        ("家庭住址", "南街", "备注", "无"),
    )
    assert left(grid(*rows)) == [["姓名", "张三", "*", "*"], *map(list, rows[1:])]


def test_headers_side_by_side_each_take_their_column() -> None:
    assert left(grid(("民族", "政治面貌", "甲", "乙"), ("某族", "某党", "1", "2"))) == [
        ["*", "*", "*", "乙"],
        ["*", "*", "1", "2"],
    ]


def test_where_it_cannot_be_told_both_go() -> None:
    assert left(grid(("民族", "某族"), ("住在", "南街"))) == [["*", "*"], ["*", "南街"]]


def test_of_a_title_only_the_cell_goes_and_what_its_name_announces() -> None:
    rows = (
        ("2026年10月名单(民族:某族)", "青禾区"),
        ("填报单位:青禾区", "政 治 面 貌", "某党", "共3人"),
        ("姓名", "身份证号"),
        ("张三", "990101199001011234"),
        ("填表人:李四", "邮箱12345@qq.com"),
        ("注:以上人员信仰某教",),
    )
    assert left(grid(*rows), [2, 3]) == [
        ["*", "青禾区", "", ""], ["填报单位:青禾区", "*", "*", "共3人"], ["姓名", "身份证号", "", ""],
        ["张三", "990101199001011234", "", ""], ["填表人:李四", "邮箱12345@qq.com", "", ""], ["*", "", "", ""],
    ]  # fmt: skip


def test_what_we_said_ourselves_is_no_value() -> None:
    assert beside.areas_to_empty(grid(("民族：按规定不接收",)), load(), np.zeros(0, np.int64)) == []


def test_the_sender_is_told_which_cells(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (("2026年10月边缘人员",), ("民族:某族", "邮箱 12345@qq.com"), PERSON, person(1), person(2)):
        sheet.append(row)
    other = book.create_sheet("附表")
    for row in (("姓名", "民族"), ("张三", "某族"), ("Adnan", "某族")):
        other.append(row)
    other.sheet_state = "hidden"
    book.save(tmp_path / "名单.xlsx")
    (reading,) = layout.read_submissions(tmp_path / "名单.xlsx", "名单.xlsx", "d01", {"division"}, tmp_path)
    assert reading.rows_read == 2
    assert reading.emptied == {"Sheet": [(2, 2, 1)], "附表": [(2, 3, 2)]}
    assert [notice for notice in reading.notices if "按规定不接收" in notice] == [
        "工作表“Sheet”的A2里有按规定不接收的内容，没有读取，退回件里只清空了这些单元格",
        "工作表“附表”的B2至B3里有按规定不接收的内容，没有读取，退回件里只清空了这些单元格",
    ]
    assert type(reading).from_json(reading.as_json()) == reading
