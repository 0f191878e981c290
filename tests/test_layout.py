"""Grids → kinds and rows: every damage of layout that real files show is read right or refused with its reason."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from low_income import advice
from low_income.model import ConfigError, HiddenSheet, Reading
from low_income.reading import layout, sandbox
from low_income.reading.months import month_of_cell, months_in
from low_income.settings import contracts
from low_income.settings.contracts import fold_header
from openpyxl.comments import Comment

PERSON = ["姓名", "身份证号", "与户主关系", "户主身份证号"]
TITLE = "2026年10月低保人员名单"
HOUSEHOLD = ["户主姓名", "户主身份证号", "家庭人口", "保障人口", "家庭月总收入(元)", "户月保障金额", "最初享受月份"]
EDGE_HOUSEHOLD = ["户主姓名", "户主身份证号", "家庭人口", "家庭月均收入", "纳入月份"]
SURVEY_PERSON = ["户编号", "姓名", "身份证号", "与户主关系"]
DIVISION = {"division", "d01"}

Row = Sequence[object]


def number(sequence: int) -> str:
    return f"99010119500101{sequence:04d}"


def people(count: int, start: int = 0) -> list[list[object]]:
    return [[f"张三{n}", number(n), "户主", number(n)] for n in range(start, start + count)]


def workbook(path: Path, *sheets: tuple[str, Sequence[Row]], merges: Sequence[str] = ()) -> Path:
    wb = openpyxl.Workbook()
    wb.remove(wb.active)
    for name, rows in sheets:
        ws = wb.create_sheet(name)
        for row, values in enumerate(rows, 1):
            for column, value in enumerate(values, 1):
                if value is not None:
                    ws.cell(row, column).value = value
    for place in merges:
        wb.worksheets[0].merge_cells(place)
    wb.save(path)
    return path


def read_all(path: Path, name: str = "名单.xlsx", senders: set[str] = DIVISION, unit: str = "d01") -> list[Reading]:
    return layout.read_submissions(path, name, unit, senders, path.parent / "work")


def read(
    tmp_path: Path, rows: Sequence[Row], sheet: str = "Sheet1", merges: Sequence[str] = (), name: str = "低保人员.xlsx"
) -> Reading:
    (reading,) = read_all(workbook(tmp_path / "x.xlsx", (sheet, rows), merges=merges), name)
    return reading


def rows_of(reading: Reading) -> list[dict[str, object]]:
    assert reading.refusal is None, reading.refusal
    assert reading.rows_path
    rows: list[dict[str, object]] = pq.read_table(reading.rows_path).to_pylist()
    return rows


def names(reading: Reading, field: str = "name") -> list[object]:
    return [row[field] for row in rows_of(reading)]


def code(reading: Reading) -> str:
    assert reading.refusal is not None
    assert reading.rows_path is None
    return reading.refusal.code


# Header ----------------------------------------------------------------------------------------------------------


def test_the_parquet_is_as_the_model_says(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        [[TITLE], [*PERSON, "出生日期", "月收入"], ["张三", number(1), "户主", 990101195001010001, "1950.1", 5.5]],
    )
    (row,) = rows_of(reading)
    assert row == {
        "sheet": "Sheet1", "row_number": 3, "name": "张三", "id_number": number(1), "id_number__numeric": False,
        "head_id_number": "990101195001010000", "head_id_number__numeric": True, "relation": "户主",
        "birth_date": "1950.1", "birth_date__numeric": False, "monthly_income_fen": "5.5",
    }  # fmt: skip
    schema = pq.read_schema(reading.rows_path)
    assert str(schema.field("row_number").type) == "int32"
    assert (reading.kind, reading.period, reading.rows_read) == ("dibao_person", "2026-10", 1)
    assert [(use.field, use.column) for use in reading.sheets[0].columns][:2] == [("name", 1), ("id_number", 2)]
    assert Reading.from_json(reading.as_json()) == reading


@pytest.mark.parametrize("above", [*range(4), 7, 12])
def test_a_header_below_titles_and_blank_rows(tmp_path: Path, above: int) -> None:
    rows: list[Row] = [[TITLE], ["填报单位:某区", None, "2026年11月2日"], *[[]] * 10][:above]
    reading = read(tmp_path, [*rows, PERSON, *people(3)], sheet="2026-10")
    assert reading.sheets[0].header_rows == (above + 1, above + 1)
    assert [row["row_number"] for row in rows_of(reading)] == [above + 2, above + 3, above + 4]
    assert reading.period == "2026-10"


def test_a_header_is_looked_for_in_so_many_filled_rows_and_the_refusal_says_how_many(tmp_path: Path) -> None:
    above: list[Row] = [["填表说明"], []] * 19
    assert read(tmp_path, [*above, [TITLE], PERSON, *people(3)]).rows_read == 0  # the title is the twentieth
    assert read(tmp_path, [*above, PERSON, *people(3)], sheet="2026-10").rows_read == 3
    refused = read(tmp_path, [["填表说明"]] * 20 + [PERSON, *people(3)])
    assert code(refused) == "unrecognised"
    assert refused.refusal and "前20行（空行不计）里没有找到表头" in refused.refusal.reason


def test_a_sheet_without_a_word_names_what_the_unit_may_send(tmp_path: Path) -> None:
    refused = read(tmp_path, [[1, 2], [3, 4]])
    assert refused.refusal and "本单位可以报送：" in refused.refusal.reason
    assert "没有本单位可以报送的种类" not in refused.refusal.reason
    (nobody,) = read_all(workbook(tmp_path / "y.xlsx", ("一", [[1, 2]])), senders={"stranger"})
    assert nobody.refusal and "没有本单位可以报送的种类" in nobody.refusal.reason


GRANT_GROUPS: list[Row] = [
    ["申请编号", "申请人", None, "救助", None, None, None, "处理结果"],
    [None, "姓名", "身份证号", "类别", None, "时间和金额", None, None],
    [None, None, None, "救助类型", "困难类型", "受理日期", "救助金额", None],
]


@pytest.mark.parametrize("merges", [(), ("A1:A3", "B1:C1", "D1:G1", "H1:H3", "B2:B3", "C2:C3", "D2:E2", "F2:G2")])
@pytest.mark.parametrize("title", [[], [["2026年临时救助台账"]]])
def test_a_header_of_three_rows(tmp_path: Path, merges: Sequence[str], title: list[Row]) -> None:
    row = ["G1", "张三", number(1), "支出型", "疾病", "2026-09-22", 1005, "同意"]
    moved = [f"{one[0]}{int(one[1]) + 1}:{one[3]}{int(one[4]) + 1}" if title else one for one in merges]
    reading = read(tmp_path, [*title, *GRANT_GROUPS, row, [*row[:1], *row[1:]]], merges=moved)
    assert reading.kind == "temporary_grant"
    first = 1 + len(title)
    assert reading.sheets[0].header_rows == (first, first + 2)
    assert reading.rows_read == 2
    assert [use.header for use in reading.sheets[0].columns] == [
        "申请编号", "申请人姓名", "身份证号" if not merges else "申请人身份证号", "救助类型", "困难类型", "受理日期", "救助金额", "处理结果",
    ]  # fmt: skip


def test_a_header_of_four_rows(tmp_path: Path) -> None:
    groups: list[Row] = [["台账", *[None] * 7], *GRANT_GROUPS]
    groups[0] = ["申请编号", "基本情况", None, "救助情况", None, None, None, "处理结果"]
    groups[1] = [None, *GRANT_GROUPS[0][1:7], None]
    row = ["G1", "张三", number(1), "支出型", "疾病", "2026-09-22", 1005, "同意"]
    reading = read(tmp_path, [*groups, row])
    assert (reading.rows_read, reading.sheets[0].header_rows) == (1, (1, 4))


def test_a_header_that_is_too_deep_is_refused_as_such(tmp_path: Path) -> None:
    deep = [GRANT_GROUPS[0], [None, "甲"], [None, "乙"], [None, "丙"], *GRANT_GROUPS[1:]]
    reading = read(tmp_path, [*deep, ["G1", "张三", number(1), "支出型", "疾病", "2026-09-22", 1005, "同意"]])
    assert reading.refusal
    assert "列名写在好几行里：“申请编号”" in reading.refusal.reason
    assert "把表头合成一行" in reading.refusal.fix


# Tables side by side ---------------------------------------------------------------------------------------------


def beside(*tables: Sequence[Row], gap: int = 0) -> list[Row]:
    """Tables put next to each other, `gap` empty columns between them."""
    widths = [max(map(len, table)) for table in tables]
    return [
        [
            value
            for table, width in zip(tables, widths, strict=True)
            for value in [*(table[at] if at < len(table) else []), *[None] * (width + gap)][: width + gap]
        ]
        for at in range(max(map(len, tables)))
    ]


@pytest.mark.parametrize("gap", [0, 1, 2])
@pytest.mark.parametrize("heights", [(3, 3), (5, 2), (2, 5), (2, 2, 2)])
def test_tables_of_one_kind_side_by_side_are_refused_as_such(
    tmp_path: Path, gap: int, heights: tuple[int, ...]
) -> None:
    tables = [[PERSON, *people(count, 10 * at)] for at, count in enumerate(heights)]
    reading = read(tmp_path, [[TITLE], *beside(*tables, gap=gap)])
    assert code(reading) == "side_by_side"
    assert reading.refusal
    begins = [f"{'AEIMQ'[at] if not gap else 'AFKPU'[at] if gap == 1 else 'AGMSY'[at]}2" for at in range(len(heights))]
    assert f"{'两' if len(heights) == 2 else 3}个表并排（表头从{'、'.join(begins)}开始）" in reading.refusal.reason
    assert "剪切到一张新的工作表" in reading.refusal.fix


@pytest.mark.parametrize("gap", [0, 1])
def test_tables_of_two_kinds_side_by_side_are_refused_as_such(tmp_path: Path, gap: int) -> None:
    household = [HOUSEHOLD, ["张三", number(1), 3, 3, 600, 1500, "2024-03"]]
    reading = read(tmp_path, [["2026年10月"], *beside(household, [PERSON, *people(3)], gap=gap)])
    assert code(reading) == "side_by_side"


@pytest.mark.parametrize("down", [1, 3, 30])
def test_a_table_beside_another_that_begins_lower_is_seen(tmp_path: Path, down: int) -> None:
    right = [[]] * down + [PERSON, *people(2, 50)]
    reading = read(tmp_path, [[TITLE], *beside([PERSON, *people(4)], right, gap=1)])
    assert code(reading) == "side_by_side"
    assert reading.refusal and f"A2、F{down + 2}" in reading.refusal.reason


def test_side_by_side_in_a_text_file(tmp_path: Path) -> None:
    rows = beside([PERSON, *people(2)], [PERSON, *people(2, 9)])
    path = tmp_path / "x.csv"
    path.write_text("\n".join(",".join("" if v is None else str(v) for v in row) for row in rows) + "\n", "utf-8")
    (reading,) = read_all(path, "2026-10.csv")
    assert code(reading) == "side_by_side"
    assert reading.refusal and "标题、表头另存为一个文件" in reading.refusal.fix


def test_what_the_refusal_of_tables_side_by_side_advises_is_accepted(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "x.xlsx", ("一", [[TITLE], PERSON, *people(3)]), ("Sheet2", [[TITLE], PERSON, *people(2, 9)])
    )
    (reading,) = read_all(path)
    assert (reading.rows_read, reading.refusal) == (5, None)


def test_a_guardians_columns_are_no_second_table(tmp_path: Path) -> None:
    rows = [
        [TITLE],
        [*PERSON, "性别", "月收入", "就业状况", "姓名", "身份证号"],
        [*people(1)[0], "男", 0, "", "李四", number(5)],
    ]
    assert code(read(tmp_path, rows)) == "duplicate_column"


def test_a_header_of_two_rows_with_groups(tmp_path: Path) -> None:
    rows = [
        [TITLE],
        ["序号", "个人情况", None, "家庭情况", None, "健康状况"],
        [None, "姓名", "身份证号", "户主身份证号", "与户主关系", None],
        [1, "张三", number(1), number(1), "户主", "x"],
    ]
    merges = ["A1:F1", "A2:A3", "B2:C2", "D2:E2", "F2:F3"]
    reading = read(tmp_path, rows, merges=merges)
    assert reading.sheets[0].header_rows == (2, 3)
    assert {use.field: use.column for use in reading.sheets[0].columns} == {
        "name": 2, "id_number": 3, "head_id_number": 4, "relation": 5, "health": 6,
    }  # fmt: skip
    assert reading.rows_read == 1


def test_a_group_that_makes_another_header_of_the_one_below(tmp_path: Path) -> None:
    rows = [
        [TITLE.replace("人员", "家庭")],
        ["户主", None, *HOUSEHOLD[2:]],
        ["姓名", "身份证号"],
        ["张三", number(1), 3, 3, 600, 1500, "2024-03"],
    ]
    reading = read(tmp_path, rows, merges=["A2:B2", *(f"{letter}2:{letter}3" for letter in "CDEFG")])
    assert reading.kind == "dibao_household"
    assert [use.header for use in reading.sheets[0].columns][:2] == ["户主姓名", "户主身份证号"]


def test_a_header_in_cells_two_rows_high(tmp_path: Path) -> None:
    reading = read(tmp_path, [PERSON, [], *people(2)], sheet="2026年10月", merges=["A1:A2", "B1:B2", "C1:C2", "D1:D2"])
    assert reading.sheets[0].header_rows == (1, 2)
    assert (reading.rows_read, reading.sheets[0].rows_left_out) == (2, {})


@pytest.mark.parametrize(
    "spelling", ["身份证号*", " 身份 证号\n", "身份证号", "＊身份证号", "公民身份号码", "证件号码"]
)
def test_headers_are_folded(tmp_path: Path, spelling: str) -> None:
    assert read(tmp_path, [[TITLE], ["姓名", spelling, "与户主关系"], *people(1)]).kind == "dibao_person"


def test_units_of_headers_and_of_the_title(tmp_path: Path) -> None:
    rows = [
        ["2026年10月", None, "单位：万元"],
        [*HOUSEHOLD, "距离（公里）"],
        ["张三", number(1), 3, 3, 1, 2, "2024-03", 5],
    ]
    units = {use.field: use.unit for use in read(tmp_path, rows).sheets[0].columns}
    assert units["monthly_income_fen"] == "元"
    assert units["monthly_benefit_fen"] == "万元"
    assert units["distance_km"] == "公里"
    assert units["household_size"] is None


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("户月保障金额（元）", "元"), ("户月保障金额/元", "元"), ("户月保障金额(单位：万元)", "万元"), ("户月保障金额，单位：元", "元"),
        ("户月保障金额\n[万元]", "万元"), ("户月保障金额（元/户）", "元/户"), ("户月保障金额", None),
    ],
)  # fmt: skip
def test_a_unit_behind_a_header_however_it_is_put(tmp_path: Path, header: str, unit: str | None) -> None:
    rows = [
        ["2026年10月"],
        [header if name == "户月保障金额" else name for name in HOUSEHOLD],
        ["张三", number(1), 3, 3, 1, 2, "2024-03"],
    ]
    units = {use.field: use.unit for use in read(tmp_path, rows).sheets[0].columns}
    assert units["monthly_benefit_fen"] == unit


def test_a_reporting_unit_is_no_unit_of_money(tmp_path: Path) -> None:
    rows = [["2026年10月 填报单位:元山区"], HOUSEHOLD, ["张三", number(1), 3, 3, 1, 2, "2024-03"]]
    assert {use.unit for use in read(tmp_path, rows).sheets[0].columns} <= {None, "元"}
    assert (
        next(use.unit for use in read(tmp_path, rows).sheets[0].columns if use.field == "monthly_benefit_fen") is None
    )


def test_two_columns_for_one_field_are_refused_naming_both(tmp_path: Path) -> None:
    reading = read(tmp_path, [[TITLE], [*PERSON, "公民身份号码"], *people(1)])
    assert code(reading) == "duplicate_column"
    assert (
        reading.refusal and "B列“身份证号”" in reading.refusal.reason and "E列“公民身份号码”" in reading.refusal.reason
    )


def test_the_same_header_twice_is_refused_only_where_it_is_used(tmp_path: Path) -> None:
    assert code(read(tmp_path, [[TITLE], [*PERSON, "姓名"], *people(1)])) == "duplicate_column"
    assert read(tmp_path, [[TITLE], [*PERSON, "爱好", "爱好"], *people(1)]).refusal is None


# What is never stored, what is not used ----------------------------------------------------------------------------


def test_profiling_columns_are_dropped_before_anything_is_written(tmp_path: Path) -> None:
    rows = [
        [TITLE],
        [*PERSON, "民 族", "政治面貌(必填)", "照片", "民族乡"],
        [*people(1)[0], "维族甲", "党员乙", "图丙", "某乡"],
    ]
    reading = read(tmp_path, rows)
    assert reading.sheets[0].refused_columns == [(5, "民族"), (6, "政治面貌(必填)"), (7, "照片")]
    assert reading.rows_path
    written = Path(reading.rows_path).read_bytes() + str(reading).encode()
    for value in ("维族甲", "党员乙", "图丙"):
        assert value.encode() not in written
    assert [notice for notice in reading.notices if "不接收" in notice] == [
        "按规定不接收的列，没有读取：民族、政治面貌(必填)、照片"
    ]
    assert reading.sheets[0].unused == ["民族乡"]


def test_no_header_of_ours_is_one_that_is_never_stored() -> None:
    agreed = contracts.load()
    for kind in agreed.kinds.values():
        for column in kind.columns.values():
            for header in [column.header, *column.aliases]:
                assert agreed.headers.refusal_of(header) is None, (kind.name, header)


def test_unused_columns_are_told_once_and_ignored_ones_never(tmp_path: Path) -> None:
    rows = [[TITLE], [*PERSON, "爱好", "年龄", "序号", None], [*people(1)[0], "棋", 70, 1, "无名列"]]
    path = workbook(tmp_path / "x.xlsx", ("一", rows), ("二", [*rows[:2], *people(1, 5)]))
    (reading,) = read_all(path)
    assert [notice for notice in reading.notices if "没有使用" in notice] == ["没有使用的列：爱好、H列（无列名）"]


@pytest.mark.parametrize(("more", "end"), [(100, "特长99、特长100"), (101, "特长99、特长100……等 101 列")])
def test_of_very_many_unused_columns_a_hundred_are_named(tmp_path: Path, more: int, end: str) -> None:
    extra = [f"特长{number}" for number in range(1, more + 1)]
    path = workbook(tmp_path / "x.xlsx", ("一", [[TITLE], [*PERSON, *extra], [*people(1)[0], *extra]]))
    (reading,) = read_all(path)
    (told,) = [notice for notice in reading.notices if "没有使用" in notice]
    assert told.endswith(end) and len(reading.sheets[0].unused) == more


# Recognition -----------------------------------------------------------------------------------------------------


def test_sheets_of_two_kinds_are_two_readings(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "x.xlsx",
        ("家庭", [[TITLE], HOUSEHOLD, ["张三", number(1), 3, 3, 600, 1500, "2024-03"]]),
        ("人员", [[TITLE], PERSON, *people(2)]),
        ("说明", [["本表由各区填报"], ["姓名", "按身份证填写"]]),
        ("Sheet3", []),
    )
    household, person = read_all(path)
    assert [(r.kind, r.rows_read) for r in (household, person)] == [("dibao_household", 1), ("dibao_person", 2)]
    assert "没有读取的工作表：说明" in household.notices
    assert len(rows_of(household)) == 1
    assert len(rows_of(person)) == 2


def test_several_sheets_of_one_kind_are_one_reading(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "x.xlsx",
        ("北营镇", [[TITLE], [*PERSON, "月收入"], *([*row, 5] for row in people(2))]),
        (
            "南营镇",
            [[TITLE], [], [*reversed(PERSON), "出生日期"], *([*reversed(row), 19500101] for row in people(3, 10))],
        ),
    )
    (reading,) = read_all(path)
    rows = rows_of(reading)
    assert reading.rows_read == 5
    assert [row["sheet"] for row in rows] == ["北营镇"] * 2 + ["南营镇"] * 3
    assert [row["row_number"] for row in rows] == [3, 4, 4, 5, 6]
    assert [row["id_number"] for row in rows] == [number(n) for n in (0, 1, 10, 11, 12)]
    assert [row["monthly_income_fen"] for row in rows] == ["5", "5", None, None, None]
    assert [row["birth_date__numeric"] for row in rows] == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("title", "sheet", "kind"),
    [
        ("2026年10月低保边缘人员", "Sheet1", "edge_person"),
        ("2026年10月低保边缘", "Sheet1", "edge_person"),
        ("2026年10月", "低保边缘家庭成员", "edge_person"),
        ("2026年10月低收入家庭成员名单", "Sheet1", "edge_person"),
        ("2026年10月低保人员", "Sheet1", "dibao_person"),
        ("2026年10月农村低保名单", "Sheet1", "dibao_person"),
        ("低收入人口动态监测平台 2026年10月低保名单", "Sheet1", "dibao_person"),
    ],
)
def test_kinds_with_the_same_columns_are_told_apart_by_title(tmp_path: Path, title: str, sheet: str, kind: str) -> None:
    assert read(tmp_path, [[title], PERSON, *people(2)], sheet=sheet, name="名单.xlsx").kind == kind


def test_a_title_decides_even_against_more_columns(tmp_path: Path) -> None:
    rows = [["2026年10月低保边缘人员"], [*PERSON, "性别", "出生日期", "健康状况"], *people(2)]
    assert read(tmp_path, rows, name="名单.xlsx").kind == "edge_person"


def test_without_a_title_the_columns_decide(tmp_path: Path) -> None:
    assert (
        read(tmp_path, [["2026年10月"], [*PERSON, "性别", "是否残疾", "患病病种"], *people(2)]).kind == "dibao_person"
    )
    assert read(tmp_path, [["家庭成员"], SURVEY_PERSON, ["h1", *people(1)[0][:3]]]).kind == "survey_person"
    assert (
        read(tmp_path, [["2026年10月"], EDGE_HOUSEHOLD, ["张三", number(1), 3, 800, "2025-08"]]).kind
        == "edge_household"
    )


def test_the_file_name_never_decides_the_kind_against_the_title(tmp_path: Path) -> None:
    reading = read(tmp_path, [["2026年10月低保人员"], PERSON, *people(1)], name="低保边缘人员2026-09.xlsx")
    assert (reading.kind, code(reading)) == (None, "which_kind")


def test_a_kind_that_this_unit_does_not_send_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", ("x", [["姓名", "身份证号", "死亡日期"], ["张三", number(1), "2026-10-01"]]))
    (reading,) = read_all(path)
    assert (reading.kind, code(reading)) == ("death_notice", "wrong_sender")
    (reading,) = read_all(path, senders={"partner", "civil_registration"}, unit="civil_registration")
    assert (reading.kind, reading.refusal) == ("death_notice", None)


def test_an_unrecognised_file_names_the_nearest_kind_and_what_is_missing(tmp_path: Path) -> None:
    reading = read(tmp_path, [[TITLE], ["姓名", "身份证", "性别", "出生日期"], *people(1)])
    assert (reading.kind, code(reading)) == (None, "unrecognised")
    assert reading.refusal
    assert "低保人员" in reading.refusal.reason
    assert "与户主关系" in reading.refusal.reason
    assert "身份证号（文件中的“身份证”是不是它？）" in reading.refusal.reason


def test_one_income_of_two_is_enough(tmp_path: Path) -> None:
    yearly = ["家庭年总收入" if "收入" in header else header for header in HOUSEHOLD]
    none = [header for header in HOUSEHOLD if "收入" not in header]
    assert read(tmp_path, [[TITLE], yearly, ["张三", number(1), 3, 3, 600, 1500, "2024-03"]]).kind == "dibao_household"
    reading = read(tmp_path, [[TITLE], none, ["张三", number(1), 3, 3, 1500, "2024-03"]])
    assert code(reading) == "unrecognised"
    assert reading.refusal and "家庭月总收入或家庭年总收入" in reading.refusal.reason


@pytest.mark.parametrize("given", ["家庭月总收入（元）", "家庭月均支出"])
def test_a_total_is_not_offered_as_a_mean(tmp_path: Path, given: str) -> None:
    """Who followed it would spoil every row; a header that may be meant is offered as before."""
    header = ["户主姓名", "户主身份证号", "家庭人口", given, "认定时间"]
    reading = read(tmp_path, [[TITLE], header, ["张三", number(1), 3, 600, "2024-03"]])
    assert reading.refusal and "家庭月均收入" in reading.refusal.reason
    assert ("家庭月均收入（文件中的" in reading.refusal.reason) == (given == "家庭月均支出")


def test_a_sheet_with_a_misspelt_header_beside_good_ones_is_not_silently_skipped(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "x.xlsx",
        ("北营镇", [[TITLE], PERSON, *people(2)]),
        ("南营镇", [[TITLE], ["姓名", "身份证号", "关系", "户主身份证号"], *people(3, 10)]),
    )
    readings = read_all(path)
    assert any(reading.refusal and "南营镇" in reading.refusal.reason for reading in readings)


def test_our_own_returned_sheet_is_dropped_without_a_word(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "x.xlsx",
        ("问题清单", [["姓名", "身份证号", "问题"], ["a", "b", "c"]]),
        ("一", [[TITLE], PERSON, *people(1)]),
    )
    (reading,) = read_all(path)
    assert (reading.kind, reading.notices) == ("dibao_person", [])


def test_a_header_without_rows_is_refused(tmp_path: Path) -> None:
    assert code(read(tmp_path, [[TITLE], PERSON])) == "no_rows"
    assert code(read(tmp_path, [[TITLE], PERSON, ["合计", None], ["示例:张三", number(1)]])) == "no_rows"


def test_two_tables_in_one_sheet_are_refused_with_the_row(tmp_path: Path) -> None:
    rows = [[TITLE], PERSON, *people(3), [], HOUSEHOLD, ["张三", number(1), 3, 3, 600, 1500, "2024-03"]]
    reading = read(tmp_path, rows)
    assert code(reading) == "two_tables"
    assert reading.refusal and "第7行" in reading.refusal.reason


def test_hidden_rows_are_data_with_a_notice(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", ("一", [[TITLE], PERSON, *people(4)]))
    wb = openpyxl.load_workbook(path)
    wb["一"].row_dimensions[4].hidden = True
    wb["一"].row_dimensions[1].hidden = True
    wb.save(path)
    (reading,) = read_all(path)
    assert reading.rows_read == 4
    assert [sheet.hidden_rows for sheet in reading.sheets] == [1]
    assert "有1行是隐藏的，也作为数据读取了" in reading.notices


# Hidden sheets ---------------------------------------------------------------------------------------------------


def with_hidden(path: Path, state: str, *sheets: tuple[str, Sequence[Row]], hidden: Sequence[str]) -> Path:
    workbook(path, *sheets)
    wb = openpyxl.load_workbook(path)
    for name in hidden:
        wb[name].sheet_state = state
    wb.active = next((at for at, name in enumerate(wb.sheetnames) if name not in hidden), 0)
    wb.save(path)
    return path


ROSTER = [[TITLE], PERSON, *people(4)]
MENU, EDITOR = "取消隐藏工作表", "Alt+F11"


@pytest.mark.parametrize(("state", "how"), [("hidden", MENU), ("veryHidden", EDITOR)])
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("草稿", [[TITLE], PERSON, *people(5)]),
        ("2026年9月", [["2026年9月低保人员"], PERSON, *people(5, 20)]),
        ("另一种", [["2026年10月低保家庭"], HOUSEHOLD, *([["张三", number(1), 3, 3, 600, 1500, "2024-03"]] * 5)]),
        ("缺一列", [["2026年10月低保人员"], [*PERSON[:2], "关系", PERSON[3], "性别"], *people(5)]),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_hidden_list_adds_nothing_and_is_named(
    tmp_path: Path, state: str, how: str, name: str, rows: list[Row], is_first: bool
) -> None:
    sheets = [(name, rows), ("名册", ROSTER)] if is_first else [("名册", ROSTER), (name, rows)]
    (reading,) = read_all(with_hidden(tmp_path / "x.xlsx", state, *sheets, hidden=[name]))
    assert (reading.kind, reading.period, reading.rows_read, reading.refusal) == ("dibao_person", "2026-10", 4, None)
    kind = "dibao_household" if name == "另一种" else "dibao_person"
    assert reading.hidden_sheets == [HiddenSheet(name, kind, 5, state == "veryHidden")]
    assert Reading.from_json(reading.as_json()) == reading
    (said,) = [notice for notice in reading.notices if name in notice]
    assert "5行" in said and how in said and (MENU in said) != (EDITOR in said)


@pytest.mark.parametrize(("state", "how"), [("hidden", MENU), ("veryHidden", EDITOR)])
def test_a_file_whose_only_list_is_hidden_is_refused_by_the_sheets_name(tmp_path: Path, state: str, how: str) -> None:
    path = with_hidden(tmp_path / "x.xlsx", state, ("说明", [["填表要求"]]), ("名册", ROSTER), hidden=["名册"])
    (reading,) = read_all(path)
    assert (reading.kind, reading.rows_read, reading.rows_path) == ("dibao_person", 0, None)
    assert code(reading) == "hidden_sheet"
    assert reading.refusal and "“名册”（4行）" in reading.refusal.reason and how in reading.refusal.fix
    assert reading.hidden_sheets == [HiddenSheet("名册", "dibao_person", 4, state == "veryHidden")]


def test_hidden_sheets_without_a_list_are_named_apart(tmp_path: Path) -> None:
    sheets = [("名册", ROSTER), ("计算", [["品名"], ["米"]]), ("联系表", [["电话"]])]
    (reading,) = read_all(with_hidden(tmp_path / "x.xlsx", "hidden", *sheets, hidden=["计算"]))
    assert "没有读取的工作表：联系表" in reading.notices
    assert any(notice.startswith("没有读取的隐藏工作表：计算") and MENU in notice for notice in reading.notices)
    assert reading.hidden_sheets == []


def test_a_workbook_in_which_nothing_is_shown_says_so(tmp_path: Path) -> None:
    path = with_hidden(tmp_path / "x.xlsx", "hidden", ("空", []), ("计算", [["品名"], ["米"]]), hidden=["计算"])
    (reading,) = read_all(path)
    assert reading.refusal and "隐藏的工作表“计算”" in reading.refusal.reason and MENU in reading.refusal.fix


def test_a_header_of_several_rows_may_have_a_blank_one_in_it(tmp_path: Path) -> None:
    groups, own = (
        ["申请编号", "申请人", None, "救助类型", "困难类型", "受理日期"],
        [None, "姓名", "身份证号", None, None, None],
    )
    person = ["GK1", "张三", number(1), "急难型", "疾病", "2026-09-05"]
    reading = read(tmp_path, [["临时救助台账"], groups, [], own, person])
    assert (reading.kind, reading.rows_read, reading.refusal) == ("temporary_grant", 1, None)
    assert reading.sheets[0].header_rows == (2, 4)
    # A person between two rows is no part of a header.
    assert read(tmp_path, [["临时救助台账"], groups, person, own, person]).refusal is not None


# Rows ------------------------------------------------------------------------------------------------------------


def test_rows_that_are_no_data_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [
        [TITLE], ["序号", *PERSON],
        [0, "示例:张三", number(9), "户主", number(9)],
        [1, *people(1)[0]],
        [None, "小  计", None, "1户", 1],
        [],
        ["序号", *PERSON],
        [2, *people(1, 1)[0]],
        ["北营镇小计", None, None, None, 2],
        [3],
        ["合计", None, None, None, 2],
        ["注：以上数据截至10月底"],
        ["填表人:李四", None, "审核人:王五 13900001111"],
        [TITLE],
    ]  # fmt: skip
    reading = read(tmp_path, rows)
    assert names(reading) == ["张三0", "张三1"]
    assert reading.sheets[0].rows_left_out == {
        "blank": 2,
        "example": 1,
        "footnote": 2,
        "repeated_header": 2,
        "total": 3,
    }


@pytest.mark.parametrize(
    "numbering",
    [[1, 2, 3, 4, 5], ["1", "2", "3", "4", "5"], ["甲", "乙", "丙", 1, "2"], ["(1)", "(2)", None, "(4)", "(5)"],
     ["栏次", "A", "B", "3", "4=2+3"]],
)  # fmt: skip
def test_a_row_that_numbers_the_columns_is_no_data(tmp_path: Path, numbering: list[object]) -> None:
    reading = read(tmp_path, [[TITLE], ["序号", *PERSON], numbering, [1, *people(1)[0]]])
    assert names(reading) == ["张三0"]
    assert reading.sheets[0].rows_left_out == {"column_numbers": 1}


def test_a_person_of_few_letters_and_no_number_is_no_numbering(tmp_path: Path) -> None:
    rows = [[1, "甲", None, None, None], [2, "乙", None, "子", None], [3, "丙", "1", "2", "1"]]
    reading = read(tmp_path, [[TITLE], ["序号", *PERSON], *rows, [4, *people(1)[0]]])
    assert names(reading) == ["甲", "乙", "丙", "张三0"]


@pytest.mark.parametrize(
    "remark",
    [
        "单位负责人：某某    联系电话：13900001111",
        "民政局(盖章):",
        "2.本表一式两份,一份存档",
        "二、数据来源为各街道",
        "本表由街道填报,区民政局审核。",
    ],
)
def test_remarks_below_a_list_are_footnotes(tmp_path: Path, remark: str) -> None:
    reading = read(tmp_path, [[TITLE], PERSON, *people(1), [remark]])
    assert names(reading) == ["张三0"]
    assert reading.sheets[0].rows_left_out == {"footnote": 1}


@pytest.mark.parametrize("name", ["合计买提", "小计", "注某", "说明", "负责人甲", "总计·艾力"])
def test_a_person_whose_name_begins_like_a_total_is_a_person(tmp_path: Path, name: str) -> None:
    reading = read(
        tmp_path, [[TITLE], PERSON, [name, number(1), "户主", number(1)], [name, 990101195001011234, "户主", None]]
    )
    assert names(reading) == [name, name]


def test_people_without_a_number_or_name_are_still_data(tmp_path: Path) -> None:
    rows = [
        [TITLE],
        PERSON,
        ["张三", None, "户主"],
        [None, number(2), "子"],
        ["李四", "不详", "女"],
        ["王五", "12345", None],
    ]
    assert read(tmp_path, rows).rows_read == 4


def test_a_number_with_blanks_or_wide_digits_is_a_number(tmp_path: Path) -> None:
    wide = number(1).translate({ord(str(n)): chr(0xFF10 + n) for n in range(10)})
    spaced = " ".join(number(2))
    assert names(read(tmp_path, [[TITLE], PERSON, ["合计甲", wide, "子"], ["合计乙", spaced, "子"]])) == [
        "合计甲",
        "合计乙",
    ]


def test_formatted_empty_rows_below_are_not_counted(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", ("一", [[TITLE], PERSON, *people(2)]))
    wb = openpyxl.load_workbook(path)
    for row in range(5, 3000):
        wb.active.cell(row, 2).number_format = "@"
    wb.active["B2999"] = ""
    wb.save(path)
    (reading,) = read_all(path)
    assert (reading.rows_read, reading.sheets[0].rows_left_out) == (2, {})


def test_merged_household_cells_are_filled_down_and_only_those(tmp_path: Path) -> None:
    rows = [[TITLE], PERSON, *people(6)]
    for at in (3, 4, 6, 7):
        rows[at] = [*rows[at][:3], None]
    reading = read(tmp_path, rows, merges=["D3:D5"])
    heads = [row["head_id_number"] for row in rows_of(reading)]
    assert heads == [number(0), number(0), number(0), number(3), None, None]


def test_a_merged_number_stays_a_number_in_each_row(tmp_path: Path) -> None:
    rows = [[TITLE], PERSON, *people(3)]
    rows[2] = [*rows[2][:3], 990101195001010000]
    rows[3] = [*rows[3][:3], None]
    reading = read(tmp_path, rows, merges=["D3:D4"])
    assert [row["head_id_number__numeric"] for row in rows_of(reading)] == [True, True, False]


def test_error_cells_and_formulas_are_cell_problems_of_data_rows(tmp_path: Path) -> None:
    rows = [
        [TITLE],
        [*PERSON, "月收入", "爱好"],
        [*people(1)[0], "#N/A", "#N/A"],
        [*people(1, 1)[0], "=1+1"],
        ["合计", None, None, None, "#N/A"],
    ]
    reading = read(tmp_path, rows)
    assert [(p.row_number, p.column, p.field, p.problem) for p in reading.cell_problems] == [
        (3, 5, "monthly_income_fen", "error_value"),
        (4, 5, "monthly_income_fen", "formula_without_value"),
    ]
    assert [row["monthly_income_fen"] for row in rows_of(reading)] == [None, None]


def csv(tmp_path: Path, text: str, encoding: str = "utf-8") -> Reading:
    (tmp_path / "x.csv").write_bytes(text.encode(encoding))
    (reading,) = read_all(tmp_path / "x.csv", "低保人员202610.csv")
    return reading


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_a_text_file(tmp_path: Path, encoding: str) -> None:
    reading = csv(tmp_path, ",".join(PERSON) + "\n" + f"张三,{number(1)},户主,\n合计,1,,\n", encoding)
    assert (reading.kind, reading.period, reading.rows_read) == ("dibao_person", "2026-10", 1)
    (row,) = rows_of(reading)
    assert (row["sheet"], row["row_number"], row["id_number__numeric"]) == ("", 2, False)
    assert reading.sheets[0].rows_left_out == {"total": 1}


def test_a_text_file_with_titles_above_its_header(tmp_path: Path) -> None:
    reading = csv(
        tmp_path,
        TITLE + "\n" + "某区民政局,2026年11月2日\n" + ",".join(PERSON) + "\n" + f"张三,{number(1)},户主,\n" * 20,
    )
    assert (reading.kind, reading.period, reading.sheets[0].header_rows) == ("dibao_person", "2026-10", (3, 3))
    assert [row["row_number"] for row in rows_of(reading)] == list(range(4, 24))
    assert reading.cell_problems == []


def test_a_line_with_a_value_too_many_and_a_last_line_cut_off_are_problems_of_their_rows_only(tmp_path: Path) -> None:
    good = f"张三,{number(1)},户主,\n"
    text = (
        ",".join(PERSON)
        + "\n"
        + good * 20
        + f"李四,{number(2)}\n王五,{number(3)},户主,,,\n赵六,{number(4)},户主,,x\n\n小计\n"
        + f"末,{number(5)},户"
    )
    reading = csv(tmp_path, text)
    assert [(p.row_number, p.field, p.problem) for p in reading.cell_problems] == [
        (24, "id_number", "ragged_line"), (27, "id_number", "cut_line"),
    ]  # fmt: skip
    assert reading.rows_read == 24
    assert reading.sheets[0].rows_left_out == {"blank": 1, "total": 1}


# Periods and defaults --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("2026年10月低保", ["2026-10"]), ("2026 年 1 月份", ["2026-01"]), ("2026-10", ["2026-10"]), ("2026.1", ["2026-01"]),
        ("二〇二六年十月", ["2026-10"]), ("二○二六年十二月名单", ["2026-12"]), ("二零二六年三月", ["2026-03"]), ("２０２６年１０月", ["2026-10"]),
        ("低保202610", ["2026-10"]), ("202613", []), ("2026年11月2日", []), ("2026-11-02", []), ("20261102", []), ("二〇二六年十月三日", []),
        ("截至2026年10月31日", ["2026-10"]), ("2026年9月、2026年10月", ["2026-09", "2026-10"]), ("2026年13月", []), ("2026/10", ["2026-10"]),
        ("2026年度10月", ["2026-10"]), ("二0二六年十月", ["2026-10"]), ("名册2 2026-10", ["2026-10"]), ("2026 年 1 0 月", ["2026-10"]),
        ("第202610号", ["2026-10"]), ("电话13920261012", []), ("2026年", []), ("", []),
    ],
)  # fmt: skip
def test_months_in_a_text(text: str, months: list[str]) -> None:
    assert months_in(text) == months


@pytest.mark.parametrize(
    ("text", "numeric", "month"),
    [
        ("202610", True, "2026-10"), ("2026.1", True, None), ("2026.1", False, "2026-01"), ("2026.11", True, "2026-11"),
        ("2026-10-31", False, "2026-10"), ("2026年10月1日", False, "2026-10"), ("20261001", True, "2026-10"), ("十月", False, None),
        ("46296", True, None), ("2026-10-01 00:00:00", False, "2026-10"),
    ],
)  # fmt: skip
def test_the_month_in_a_cell(text: str, numeric: bool, month: str | None) -> None:
    assert month_of_cell(text, numeric) == month


def test_the_order_in_which_a_period_is_looked_for(tmp_path: Path) -> None:
    table = [[*PERSON, "数据月份"], *([*row, "2026年6月"] for row in people(3))]
    plain = [PERSON, *people(3)]
    title = [["2026年7月低保人员"]]
    assert read(tmp_path, [*title, *table], "2026-08", name="低保人员202609.xlsx").period == "2026-06"
    assert read(tmp_path, [*title, *plain], "2026-08", name="低保人员202609.xlsx").period == "2026-07"
    assert read(tmp_path, plain, "2026-08", name="低保人员202609.xlsx").period == "2026-08"
    assert read(tmp_path, plain, "一", name="低保人员202609.xlsx").period == "2026-09"
    assert code(read(tmp_path, plain, "一", name="低保人员.xlsx")) == "no_period"
    blank = [[*PERSON, "数据月份"], *people(3)]
    assert read(tmp_path, [*title, *blank], "2026-08").period == "2026-07"


def test_several_months_in_one_file_are_refused(tmp_path: Path) -> None:
    table = [[*PERSON, "所属月份"], *([*row, f"2026年{n + 6}月"] for n, row in enumerate(people(3)))]
    reading = read(tmp_path, table)
    assert code(reading) == "several_periods"
    assert reading.refusal and "2026-06、2026-07、2026-08" in reading.refusal.reason
    sheets = [("九月", [["2026年9月"], PERSON, *people(1)]), ("十月", [["2026年10月"], PERSON, *people(1)])]
    (reading,) = read_all(workbook(tmp_path / "y.xlsx", *sheets), "低保人员.xlsx")
    assert code(reading) == "several_periods"


def test_a_month_that_two_months_could_be_is_refused(tmp_path: Path) -> None:
    table = [[*PERSON, "统计月份"], *([*row, 2026.1] for row in people(3))]
    assert code(read(tmp_path, table, name="低保人员202610.xlsx")) == "no_period"


def test_kinds_without_periods_have_none(tmp_path: Path) -> None:
    assert read(tmp_path, [["2026年10月摸底排查"], SURVEY_PERSON, ["h1", *people(1)[0][:3]]]).period is None


@pytest.mark.parametrize(
    ("title", "sheet", "name", "area"),
    [
        ("2026年10月农村低保家庭", "城市低保", "x.xlsx", "农村"), ("2026年10月", "城市低保", "农村低保.xlsx", "城市"),
        ("2026年10月", "x", "农村低保.xlsx", "农村"), ("2026年10月", "x", "农村.xlsx", None),
    ],
)  # fmt: skip
def test_defaults_by_word(tmp_path: Path, title: str, sheet: str, name: str, area: str | None) -> None:
    reading = read(tmp_path, [[title], HOUSEHOLD, ["张三", number(1), 3, 3, 1, 2, "2024-03"]], sheet=sheet, name=name)
    assert reading.sheets[0].defaults.get("area_type") == area


# The law: no row is lost -----------------------------------------------------------------------------------------

CELL = st.sampled_from(
    [
        None,
        None,
        "合计",
        "张三",
        "x",
        "姓名",
        "身份证号",
        "与户主关系",
        number(1),
        "注:x",
        "示例:李四",
        "  ",
        5,
        0.5,
        number(2),
    ]
)


@settings(max_examples=120, deadline=None)
@given(
    above=st.integers(0, 3),
    body=st.lists(st.lists(CELL, min_size=5, max_size=5), max_size=12),
    as_text=st.booleans(),
)
def test_every_row_below_the_header_is_read_or_counted(
    tmp_path_factory: pytest.TempPathFactory, above: int, body: list[list[object]], as_text: bool
) -> None:
    folder = tmp_path_factory.mktemp("law")
    header = ["姓名", "身份证号", "与户主关系", "爱好", "月收入"]
    sure = ["甲", number(7), "户主", None, None]
    rows: list[Row] = [*([[TITLE], ["某局"], []][:above]), header, sure, *body, sure]
    if as_text:
        path = folder / "x.csv"
        path.write_text(
            "\n".join(
                ",".join("" if cell is None else str(cell) for cell in [*row, *[None] * (5 - len(row))]) for row in rows
            )
        )
    else:
        path = workbook(folder / "x.xlsx", ("2026-10", rows))
    (reading,) = read_all(path, "202610" + path.suffix)
    if reading.refusal:
        assert reading.refusal.code == "two_tables"
        return
    (sheet,) = reading.sheets
    assert sheet.rows_read + sum(sheet.rows_left_out.values()) == len(body) + 2
    kept = {row["row_number"]: row for row in rows_of(reading)}
    assert len(kept) == sheet.rows_read
    for at, row in enumerate(body):
        if any(isinstance(cell, str) and cell.startswith("990") for cell in row[1:2]) and not str(row[0]).startswith(
            "示例"
        ):
            assert above + 3 + at in kept, "a row with an ID number is data"


@settings(max_examples=60, deadline=None)
@given(st.permutations(PERSON), st.sampled_from(["", " ", "\n", "*"]), st.booleans())
def test_order_and_dress_of_headers_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, order: list[str], dress: str, wide: bool
) -> None:
    folder = tmp_path_factory.mktemp("order")
    values = dict(zip(PERSON, people(1)[0], strict=True))
    heads = [dress + header[:1] + dress.strip("*") + header[1:] + ("（元）" if wide else "") for header in order]
    reading = read(folder, [[TITLE], heads, [values[header] for header in order]])
    (row,) = rows_of(reading)
    assert (row["name"], row["id_number"], row["relation"]) == ("张三0", number(0), "户主")


# The door --------------------------------------------------------------------------------------------------------


def test_the_door_gives_what_the_sandbox_read(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", ("一", [[TITLE], PERSON, *people(3)]))
    outside = layout.read_file(path, "名单.xlsx", "d01", DIVISION, tmp_path / "a")
    inside = layout.read_submissions(path, "名单.xlsx", "d01", DIVISION, tmp_path / "b")
    outside[0].rows_path = inside[0].rows_path = None
    assert outside == inside
    assert (tmp_path / "a" / "dibao_person.parquet").read_bytes() == (
        tmp_path / "b" / "dibao_person.parquet"
    ).read_bytes()


@pytest.mark.parametrize(("reason", "code"), [("memory", "too_big"), ("time", "too_big"), ("crash", "unreadable")])
def test_a_killed_child_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str, code: str) -> None:
    def call(*args: object, **kwargs: object) -> object:
        raise sandbox.Killed(reason, "SIGABRT")  # type: ignore[arg-type]

    monkeypatch.setattr(sandbox, "call", call)
    path = workbook(tmp_path / "x.xlsx", ("一", [PERSON]))
    (reading,) = layout.read_file(path, "名单.xlsx", "d01", DIVISION, tmp_path)
    assert reading.refusal
    assert (reading.kind, reading.refusal.code) == (None, code)


@pytest.mark.parametrize("reason", ["memory", "time"])
@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_what_a_file_that_takes_too_much_is_advised_leads_to_acceptance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str, ending: str
) -> None:
    """Here a file takes too much when it is longer than a bound, which stands for the real ones."""
    parts = [people(40), people(40, 40)]
    if ending == "csv":
        paths = [text_file(tmp_path / f"{at}.csv", rows) for at, rows in enumerate([*parts, people(80)])]
        said = advice.EXPORT_IN_PARTS
    else:
        paths = [workbook(tmp_path / f"{at}.xlsx", ("一", [[TITLE], PERSON, *rows])) for at, rows in enumerate(parts)]
        far = openpyxl.load_workbook(paths[0])
        for row in range(100, 2000):
            far.worksheets[0].cell(row, 30).number_format = "0.00"
        far.save(tmp_path / "2.xlsx")
        paths.append(tmp_path / "2.xlsx")
        said = advice.MAKE_SMALLER
    *smaller, whole = paths
    bound = max(path.stat().st_size for path in smaller) + 500
    assert whole.stat().st_size > bound

    def call(function: Callable[..., object], path: Path, *words: object, **limits: int) -> object:
        if path.stat().st_size > bound:
            raise sandbox.Killed(reason)  # type: ignore[arg-type]
        return function(path, *words)

    monkeypatch.setattr(sandbox, "call", call)
    (reading,) = layout.read_file(whole, f"低保人员.{ending}", "d01", DIVISION, tmp_path / "work")
    assert reading.refusal and reading.refusal.fix == said
    if ending == "xlsx":  # what stands beyond the data is deleted
        tidy = openpyxl.load_workbook(whole)
        tidy.worksheets[0].delete_rows(43, 2000)
        tidy.worksheets[0].delete_cols(5, 40)
        tidy.save(whole)
        (reading,) = layout.read_file(whole, "低保人员.xlsx", "d01", DIVISION, tmp_path / "work")
        assert names(reading) == [row[0] for row in people(40)]
    read_in = []
    for at, path in enumerate(smaller):
        (reading,) = layout.read_file(path, f"低保人员{at}.{ending}", "d01", DIVISION, tmp_path / "work")
        read_in += names(reading)
    assert read_in == [row[0] for row in people(80)]


def text_file(path: Path, rows: Sequence[Row]) -> Path:
    """A list as text, as another system writes it."""
    lines = [[TITLE, "", "", ""], PERSON, *rows]
    path.write_text("\n".join(",".join(map(str, line)) for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["低保人员.xlsx", "低保人员.csv", "低保人员.xls", "低保人员.dbf"])
def test_what_is_advised_for_a_fault_of_ours_gets_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The fault is in what stands beside the rows; nobody is told to open as a table what is perhaps a text."""
    path = workbook(tmp_path / "x.xlsx", ("一", [[TITLE], PERSON, *people(3)]))
    odd = openpyxl.load_workbook(path)
    odd.worksheets[0]["A1"].comment = Comment("批注", "某人")
    odd.save(path)
    if not name.endswith(".xlsx"):
        path = text_file(tmp_path / "x", [*people(3), ["批注", "", "", ""]])

    def call(function: Callable[..., object], path: Path, *words: object, **limits: int) -> object:
        bytes_ = path.read_bytes()
        if b"comments" in bytes_ or "批注".encode() in bytes_:
            raise sandbox.Killed("crash", "TypeError readers.py:1")
        return function(path, *words)

    monkeypatch.setattr(sandbox, "call", call)
    (reading,) = layout.read_file(path, name, "d01", DIVISION, tmp_path / "work")
    assert reading.refusal and reading.refusal.code == "unreadable"
    assert reading.refusal.fix == (advice.OURS_TO_MEND if name.endswith(".xlsx") else advice.OURS_TO_EXPORT)
    # Pasted into a new workbook, or exported as one, its number column as text.
    new = workbook(tmp_path / "new.xlsx", ("Sheet1", [[TITLE], PERSON, *people(3)]))
    (reading,) = layout.read_file(new, "低保人员.xlsx", "d01", DIVISION, tmp_path / "work")
    assert names(reading, "id_number") == [row[1] for row in people(3)]


def test_a_work_folder_that_cannot_be_written_is_our_fault(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", ("一", [[TITLE], PERSON, *people(1)]))
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ConfigError):
        layout.read_file(path, "名单.xlsx", "d01", DIVISION, tmp_path / "taken")
    with pytest.raises(ConfigError):
        layout.read_file(tmp_path / "none", "名单.xlsx", "d01", DIVISION, tmp_path)


def test_every_kind_is_recognised_by_its_own_template_headers(tmp_path: Path) -> None:
    for kind in contracts.load().kinds.values():
        headers = [column.header for column in kind.columns.values()]
        values = [number(1) if column.type == "id_number" else "x" for column in kind.columns.values()]
        path = workbook(tmp_path / "x.xlsx", (kind.title[:25], [[f"2026年10月{kind.title}"], headers, values]))
        (reading,) = read_all(path, senders=set(kind.senders), unit=kind.senders[0])
        assert (reading.kind, reading.refusal) == (kind.name, None)
        assert {use.field for use in reading.sheets[0].columns} == set(kind.columns)
        assert all(unicodedata.is_normalized("NFKC", fold_header(header)[0]) for header in headers)


def test_small_files_read_together_are_read_as_each_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names_of = ["低保人员查询.xlsx", "青禾区低保.csv", "别的.txt", "空.xlsx"]
    paths = [
        workbook(tmp_path / "1", ("一", [[TITLE], PERSON, *people(3)])), text_file(tmp_path / "2", people(4)),
        tmp_path / "3", tmp_path / "4",
    ]  # fmt: skip
    paths[2].write_text("没有名单")
    paths[3].write_bytes(b"")
    waiting = [
        layout.Waiting(path, name, "d01", DIVISION, tmp_path / f"work{path.name}", None)
        for path, name in zip(paths, names_of, strict=True)
    ]
    together = layout.read_together(waiting)
    assert together and [len(each[0].sheets) for each in together] == [1, 1, 0, 0]
    rows = [pq.read_table(each[0].rows_path) for each in together[:2]]
    alone = [layout.read_file(each.path, each.file_name, "d01", DIVISION, each.work_dir) for each in waiting]
    assert together == alone and rows == [pq.read_table(each[0].rows_path) for each in alone[:2]]
    given: list[dict[str, int]] = []

    def call(*_: object, **limits: int) -> object:
        given.append(limits)
        raise sandbox.Killed("memory")

    monkeypatch.setattr(sandbox, "call", call)
    assert layout.read_together(waiting, memory_mb=300, seconds=90) is None
    assert given == [{"memory_mb": 300, "seconds": 30}], "all together have what one of them may take"
