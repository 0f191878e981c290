"""Whole files as divisions send them: every damage of layout at once, through reading and judging. See docs/sources.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.styles import PatternFill

from tests.damage_kit import judged, person_number, sheet, sheets

pytestmark = pytest.mark.slow

EDGE = ["户主姓名", "户主身份证号", "家庭人口", "家庭月均收入", "纳入月份"]
PERSON = ["姓名", "身份证号", "与户主关系", "户主身份证号", "月收入"]


def member(serial: int, head: int | None = None, income: Any = 900) -> list[Any]:
    relation = "户主" if head in (None, serial) else "子"
    return [
        f"张{'一二三四五六七八九'[serial % 9]}",
        person_number(serial),
        relation,
        person_number(head or serial),
        income,
    ]


def roster(*serials: int) -> list[list[Any]]:
    return [PERSON, *(member(serial) for serial in serials)]


def everything(path: Path, above: int) -> Path:
    """One sheet with all that goes wrong around a table; the header has two rows and begins below `above` rows."""
    book = openpyxl.Workbook()
    page = book.worksheets[0]
    page.title = "人员名单"
    page["A1"] = "青禾区2026年10月城市低保人员名单"
    if above > 1:
        page["A2"], page["E2"] = "报送单位:青禾区民政局(盖章)", "2026年10月28日"
    top = above + 1
    groups = ["序号", "户主情况", "个人情况", None, None, "收入", "备注"]
    owns = [None, "户主身份证号", "姓名", "身份证号", "与户主关系", "月收入(元)", None]
    for at, (group, own) in enumerate(zip(groups, owns, strict=True), 1):
        page.cell(top, at).value, page.cell(top + 1, at).value = group, own
    for merged in (f"A{top}:A{top + 1}", f"C{top}:E{top}", f"G{top}:G{top + 1}"):
        page.merge_cells(merged)
    page.merge_cells("A1:G1")
    first = top + 2
    lines: list[list[Any]] = []
    for household in range(3):
        head = household * 3 + 1
        for serial in range(head, head + 3):
            lines.append(
                [serial, person_number(head) if serial == head else None, *_who(serial, head), 500 + serial, None]
            )
        lines.append(
            [None, None, f"{'北营镇向阳镇团结镇'[household * 3 : household * 3 + 3]}小计", 3, None, 1500, None]
        )
    lines.append(["合计", None, None, 9, None, 4500, None])
    lines.append([None] * 7)
    lines.append(["填表人:某甲    审核人:某乙    联系电话:13900000000"])
    lines.append(["填表说明:1.本表一式两份。2.身份证号18位。"])
    for at, line in enumerate(lines, first):
        for column, value in enumerate(line, 1):
            page.cell(at, column).value = value
    for household in range(3):
        at = first + household * 4
        page.merge_cells(f"B{at}:B{at + 2}")
    page.row_dimensions[first + 1].hidden = True
    page.row_dimensions[first + 4].hidden = True
    page.column_dimensions["F"].hidden = True
    page.auto_filter.ref = f"A{top + 1}:G{first + 10}"
    for at in range(first + 20, first + 2500):
        page.cell(at, 3).fill = PatternFill("solid", fgColor="FFFF00")
    book.create_sheet("说明")["A1"] = "请各区每月25日前报送,姓名与身份证一致。"
    dictionary = book.create_sheet("字典")
    for at, word in enumerate(("与户主关系", "户主", "配偶", "子"), 1):
        dictionary.cell(at, 1).value = word
    book.create_sheet("Sheet2")
    book.save(path)
    return path


def _who(serial: int, head: int) -> list[Any]:
    return [f"张{'一二三四五六七八九'[serial - 1]}", person_number(serial), "户主" if serial == head else "子"]


@pytest.mark.parametrize("above", [1, 2, 4, 7])
def test_all_damage_of_layout_at_once(tmp_path: Path, above: int) -> None:
    outcome = judged(everything(tmp_path / "低保人员.xlsx", above))
    assert outcome.refusal is None
    assert len(outcome.accepted) == 9 and outcome.aside == {}
    assert outcome.values("id_number") == [person_number(serial) for serial in range(1, 10)]
    assert outcome.values("head_id_number") == [person_number(serial) for serial in (1, 1, 1, 4, 4, 4, 7, 7, 7)]
    assert outcome.values("monthly_income_fen") == [50_000 + 100 * serial for serial in range(1, 10)]
    assert [place[1] for place in outcome.accepted] == [above + 3 + at for at in (0, 1, 2, 4, 5, 6, 8, 9, 10)]
    assert outcome.left_out == {"blank": 1, "footnote": 2, "total": 4}
    assert "有2行是隐藏的" in outcome.notices
    assert "说明" in outcome.notices and "字典" in outcome.notices and "Sheet2" not in outcome.notices


def test_a_sheet_per_township_and_a_summary(tmp_path: Path) -> None:
    title = [["2026年10月低保人员名单"]]
    summary = [["2026年10月低保人数汇总"], ["乡镇", "户数", "人数"], ["北营镇", 1, 2], ["向阳镇", 1, 1], ["合计", 2, 3]]
    pages = {
        "汇总": summary,
        "北营镇": [*title, *roster(1, 2)],
        "向阳镇": [*title, *roster(3)],
        "团结镇": [*title, PERSON],
    }
    outcome = judged(sheets(tmp_path / "x.xlsx", pages))
    assert sorted(outcome.accepted) == [("北营镇", 3), ("北营镇", 4), ("向阳镇", 3)]
    assert "汇总" in outcome.notices


def test_households_and_people_in_one_workbook_are_two_submissions(tmp_path: Path) -> None:
    household = ["户主姓名", "户主身份证号", "家庭人口", "保障人口", "家庭月总收入", "户月保障金额", "最初享受月份"]
    pages = {
        "低保家庭": [["2026年10月"], household, ["张二", person_number(1), 1, 1, 900, 300, "2024-01"]],
        "低保人员": [["2026年10月"], *roster(1)],
    }
    outcome = judged(sheets(tmp_path / "x.xlsx", pages))
    assert [reading.kind for reading in outcome.readings] == ["dibao_household", "dibao_person"]
    assert len(outcome.accepted) == 2


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([[*PERSON, "身份证号码"], [*member(1), person_number(1)]], "duplicate_column"),
        ([[*PERSON, None, *PERSON], [*member(1), None, *member(2)]], "side_by_side"),
        ([*roster(1, 2), [], ["2026年10月低保人员(农村)"], *roster(3, 4)], None),
        ([*roster(1, 2), [], EDGE, ["张", person_number(3), 1, 5, "2024-01"]], "two_tables"),
        ([PERSON], "no_rows"),
        ([["2026年10月低保人员名单"], ["张三", person_number(1)]], "unrecognised"),
        ([[*PERSON[:2], PERSON[4]], [*member(1)[:2], 900]], "unrecognised"),
    ],
)  # fmt: skip
def test_two_tables_and_wrong_headers(tmp_path: Path, rows: list[list[Any]], code: str | None) -> None:
    outcome = judged(sheet(tmp_path / "x.xlsx", [["2026年10月低保人员"], *rows]))
    assert (outcome.refusal.code if outcome.refusal else None) == code
    assert len(outcome.accepted) == (0 if code else 4)
    if outcome.refusal:
        assert outcome.refusal.reason and outcome.refusal.fix


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_a_text_file_with_all_of_it(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = [
        ["2026年10月低保人员"],
        ["单位:青禾区"],
        *roster(1, 2),
        ["小计", "2"],
        *[member(3)],
        [],
        ["合计", "3"],
        ["填表人:某甲"],
    ]
    text = "\r\n".join(delimiter.join(str(cell) for cell in row) for row in rows)
    path = tmp_path / "x.txt"
    path.write_bytes(text.encode(encoding))
    outcome = judged(path)
    assert outcome.values("id_number") == [person_number(serial) for serial in (1, 2, 3)]
    assert [place[1] for place in outcome.accepted] == [4, 5, 7]
    assert outcome.left_out == {"blank": 1, "footnote": 1, "total": 2}


def test_a_blank_head_is_the_merged_ranges_value_else_the_person_himself_else_unknown(tmp_path: Path) -> None:
    rows = [["2026年10月低保人员"], *roster(1, 2, 3, 4, 5)]
    for at in (2, 3, 4, 5, 6):
        rows[at][3] = None
    rows[2][3] = person_number(1)
    rows[3][2] = rows[5][2] = "子"
    path = sheet(tmp_path / "x.xlsx", rows)
    book = openpyxl.load_workbook(path)
    book.worksheets[0].merge_cells("D3:D4")
    book.save(path)
    outcome = judged(path)
    heads = {place[1]: row["head_person_id"] == row["person_id"] for place, row in outcome.accepted.items()}
    assert heads == {3: True, 4: False, 5: True, 7: True}
    assert outcome.aside == {("Sheet1", 6): "head_id_number.household_unknown"}


def test_household_amounts_on_every_member_stay_on_their_rows(tmp_path: Path) -> None:
    """A household's amount repeated on each member is no column of the person list: told once, never summed."""
    rows = [["2026年10月低保人员"], [*PERSON, "户月保障金额"], [*member(1), 600], [*member(2, 1), 600]]
    outcome = judged(sheet(tmp_path / "x.xlsx", rows))
    assert len(outcome.accepted) == 2 and "户月保障金额" in outcome.notices
    assert all("600" not in str(row.values()) for row in outcome.accepted.values())


def test_profiling_columns_are_said_once_and_nowhere_kept(tmp_path: Path) -> None:
    columns = ["民族", "政治面貌", "宗教信仰", "照片", "人脸编号", "手机定位", "通话记录", "乘车记录", "有无犯罪记录"]
    rows = [
        ["2026年10月低保人员"],
        [*PERSON, *columns],
        [*member(1), *["绝不能留下"] * 9],
        [*member(2), *["绝不能留下"] * 9],
    ]
    outcome = judged(sheet(tmp_path / "x.xlsx", rows))
    assert outcome.notices.count("按规定不接收") == 1 and all(column in outcome.notices for column in columns)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "x.xlsx.work").rglob("*.parquet"))
    assert "绝不能留下".encode() not in kept and len(outcome.accepted) == 2
