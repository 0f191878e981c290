"""Cells as real files damage them: each is read right, or refused with its reason. See docs/sources.md (how real files are damaged)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from tests import biff_kit
from tests.damage_kit import judged, one_column, person_number, readings_of, sheet, sheets

pytestmark = pytest.mark.slow

DAY, MONTH = date(1986, 5, 1), date(1986, 5, 1)


def hold(folder: Path, kind: str, field: str, wanted: dict[Any, Any], header: str | None = None) -> None:
    assert dict(zip(wanted, readings_of(folder, kind, field, list(wanted), header), strict=True)) == wanted


def test_days(tmp_path: Path) -> None:
    hold(tmp_path, "dibao_person", "birth_date", {
        "1986-05-01": DAY, "1986/5/1": DAY, "1986.5.1": DAY, "19860501": DAY, "1986年5月1日": DAY, "一九八六年五月一日": DAY,
        "1986-05-01 ": DAY, " 1986/5/1\t": DAY, "'1986-05-01": DAY, "１９８６．５．１": DAY, "1986-05-01 00:00:00": DAY,
        31533: DAY, 19860501: DAY, DAY: DAY,
        # No day.
        "1986.05": "!no_day", "198605": "!no_day", "1986年5月": "!no_day", "一九八六年五月": "!no_day", "二〇二三年": "!no_month",
        # Two readings.
        1986.1: "!ambiguous_month", "1986.1": "!ambiguous_month", "03/04/1986": "!ambiguous_date", "01-02-03": "!ambiguous_date",
        "86.5.1": "!ambiguous_date", "5/1/86": "!ambiguous_date", "860501": "!ambiguous_date",
        # No such day, not yet, no end.
        "1986-05-00": "!zero_day_or_month", "1986-00-01": "!zero_day_or_month", "19860500": "!zero_day_or_month",
        "1986-02-30": "!no_such_day", "1986.13.1": "!no_such_day", "2026-11-01": "!in_future", "长期": "!no_end", "至今": "!no_end",
        "不详": "!unreadable", "31533": "!unreadable",
        # Nothing said.
        "/": None, "-": None, "—": None, "无": None, "": None,
    })  # fmt: skip


def test_months(tmp_path: Path) -> None:
    hold(tmp_path, "dibao_person", "start_month", {
        "1986.05": MONTH, "198605": MONTH, "1986年5月": MONTH, "一九八六年五月": MONTH, "1986-05-01": MONTH, "1986/5": MONTH,
        1986.05: MONTH, 1986.5: MONTH, 31533: MONTH, "1986.10": date(1986, 10, 1), "二〇二三年十二月": date(2023, 12, 1),
        "2026.10": date(2026, 10, 1), "2026.11": "!in_future", "二〇二三年": "!no_month", 1986.1: "!ambiguous_month",
        "1986.1": "!ambiguous_month", "1986-00": "!zero_day_or_month", "190512": "!ambiguous_date",
    })  # fmt: skip


def test_the_day_of_a_death_may_be_a_month(tmp_path: Path) -> None:
    last = date(2018, 5, 31)
    hold(tmp_path, "death_notice", "died_on", {
        "2018.5": last, "2018年5月": last, "201805": last, "2018-05-00": last, "20180500": last, "2018-05-02": date(2018, 5, 2),
        "2018-00-00": "!!zero_day_or_month", "2018.1": "!!ambiguous_month", "2018": "!!no_month", "2026-11-01": "!!in_future", "/": "!!blank",
    })  # fmt: skip


def test_no_end(tmp_path: Path) -> None:
    hold(tmp_path, "edge_household", "valid_until", {
        "长期": date(9999, 12, 31), "至今": date(9999, 12, 31),
        "2027-01-01": date(2027, 1, 1), "2027-01-00": "!zero_day_or_month", "以后": "!unreadable",
    })  # fmt: skip


@pytest.mark.parametrize("since_1904", [False, True])
def test_the_number_behind_a_day_by_the_workbooks_own_calendar(tmp_path: Path, since_1904: bool) -> None:
    def write(path: Path, rows: Any) -> None:
        sheet(path, rows)
        book = openpyxl.load_workbook(path)
        if since_1904:
            book.epoch = CALENDAR_MAC_1904
        book.save(path)

    days = 31533 - (1462 if since_1904 else 0)
    assert readings_of(tmp_path, "dibao_person", "birth_date", [days, float(days)], write=write) == [DAY, DAY]


@pytest.mark.parametrize("since_1904", [False, True])
def test_the_number_behind_a_day_of_an_old_workbook_by_its_own_calendar(tmp_path: Path, since_1904: bool) -> None:
    days = 31533.0 - (1462 if since_1904 else 0)
    rows = one_column("dibao_person", "birth_date", [days, (days,), "1986-05-01"])
    cells = [[float(cell) if isinstance(cell, int) else cell for cell in row] for row in rows]
    (tmp_path / "x.xls").write_bytes(biff_kit.workbook({"名册": cells}, date1904=since_1904))
    outcome = judged(tmp_path / "x.xls")
    assert (outcome.values("birth_date"), outcome.issues) == ([DAY] * 3, [])


def test_amounts(tmp_path: Path) -> None:
    hold(tmp_path, "dibao_person", "monthly_income_fen", {
        "￥1,234.50": 123450, "¥1234.5": 123450, "１２３４．５０": 123450, "1234.5元": 123450, "1 234.50": 123450, "'500": 50000,
        1234.5: 123450, 0.1 + 0.2: 30, "0": 0, "0.00元": 0, "/": None, "-": None, "无": None, "—": None, "": None,
        "约500": "!unreadable", "12,34": "!unreadable", "五百": "!unreadable", "100-200": "!unreadable", "-5": "!too_small",
        "1234.567": "!too_many_decimals", True: "!unreadable",
    })  # fmt: skip


def test_amounts_that_name_their_unit(tmp_path: Path) -> None:
    hold(tmp_path, "survey_household", "yearly_income_fen", {
        "1.2万元": 1_200_000, "1.2万": 1_200_000, "１．２ 万元": 1_200_000, "12000元": 1_200_000, "￥12,000": 1_200_000, "0": 0,
        # As 万元 this would be 120 million: it is yuan. 1.2 may be either.
        "12000": 1_200_000, 12000: 1_200_000, "1.2": "!!unit_unsaid", 1.2: "!!unit_unsaid", "/": "!!blank",
    })  # fmt: skip
    hold(tmp_path, "survey_household", "yearly_income_fen", {
        "1.2": 1_200_000, 1.3: 1_300_000, "1.2万元": 1_200_000, "12000元": 1_200_000, "12000元整": 1_200_000,
    }, header="家庭年总收入（万元）")  # fmt: skip
    hold(tmp_path, "survey_household", "yearly_income_fen", {
        "12000": 1_200_000, "12000元": 1_200_000, "1.2万元": 1_200_000, "1.2": 120,
    }, header="家庭年总收入(元)")  # fmt: skip


def test_a_mixed_column_of_one_sheet_says_nothing_of_another(tmp_path: Path) -> None:
    mixed = one_column("dibao_person", "monthly_income_fen", ["0.12万元", "30"])
    plain = one_column("dibao_person", "monthly_income_fen", ["300元", "400"])
    for at, row in enumerate(plain[2:], 300):
        row[1] = person_number(at)
    outcome = judged(sheets(tmp_path / "x.xlsx", {"甲": mixed, "乙": plain}))
    found = {place: row["monthly_income_fen"] for place, row in outcome.accepted.items()}
    assert found == {("甲", 3): 120_000, ("甲", 4): None, ("乙", 3): 30_000, ("乙", 4): 40_000}
    (line,) = [line for line in outcome.issues if line["rule"] == "monthly_income_fen.unit_unsaid"]
    assert (line["sheet"], line["row_number"], line["severity"]) == ("甲", 4, "confirm")
    assert "万元" in line["message"] and "30" in line["message"]


def test_yes_and_no(tmp_path: Path) -> None:
    hold(tmp_path, "dibao_person", "is_disabled", {
        "是": True, "有": True, "√": True, "1": True, "Y": True, "y": True, "Ｙ": True, 1: True, " 是 ": True,
        "否": False, "无": False, "0": False, "N": False, "×": False, 0: False,
        "": None, "/": None, "待查": "!not_yes_or_no", "2": "!not_yes_or_no",
    })  # fmt: skip


def test_codes(tmp_path: Path) -> None:
    hold(tmp_path, "dibao_person", "disability_type", {
        "肢体": "肢体", "4": "肢体", 4: "肢体", "四": "肢体", "肢体残疾": "肢体", "７": "多重", "04": "肢体", "无": None, "/": None,
        "8": "!not_in_list", "身体": "!not_in_list",
    })  # fmt: skip
    hold(tmp_path, "disability_certificate", "disability_level", {
        "一级": "一级", "1": "一级", 2: "二级", "三": "三级", "四级": "四级", "2级": "二级", "五级": "!!not_in_list", "无": "!!blank",
    })  # fmt: skip
    hold(tmp_path, "dibao_person", "work_ability", {"无": "无", "完全丧失": "完全丧失", "有": "有", "-": None})


def test_relations_and_sexes(tmp_path: Path) -> None:
    relations = {
        "户主": "户主", "本人": "户主", "户 主": "户主", "配偶": "配偶", "妻": "配偶", "夫": "配偶", "之妻": "配偶", "儿子": "子",
        "长子": "子", "二子": "子", "女": "女", "次女": "女", "养女": "女", "父": "父", "之父": "父", "母": "母", "孙女": "孙子女",
        "侄子": "其他",
    }  # fmt: skip
    rows = one_column("dibao_person", "relation", list(relations))
    head = person_number(400)
    rows = [rows[0], [*rows[1], "户主身份证号"], *([*row, head] for row in rows[2:])]
    outcome = judged(sheet(tmp_path / "x.xlsx", rows))
    assert outcome.values("relation") == list(relations.values())
    sexes = {
        "男": "男",
        "女": "!sex_contradicts",
        "1": "男",
        2: "!sex_contradicts",
        "男性": "男",
        "3": "!not_in_list",
        "/": None,
    }
    hold(tmp_path, "dibao_person", "sex", sexes)


@pytest.mark.parametrize("dot", "·•・．.‧∙●･ \u3000")
def test_the_dot_of_a_name(tmp_path: Path, dot: str) -> None:
    hold(tmp_path, "dibao_person", "name", {f"买买提{dot}艾力江": "买买提·艾力江"})


def test_names_are_kept_and_what_not_everybody_can_show_is_flagged(tmp_path: Path) -> None:
    hold(tmp_path, "dibao_person", "name", {
        "张 三": "张三", "张\u3000三": "张三", "张\n三": "张三", "ＡＢ张": "AB张", "张𠮷": "张𠮷", "张\ue863": "张\ue863", "张?": "张?",
        "=张三": "!!formula_without_value", "+张三": "+张三", "123": "!!unreadable", "": "!!blank",
    })  # fmt: skip
    outcome = judged(tmp_path / "dibao_person.name.xlsx")
    flags = {
        row: (line["rule"], line["severity"]) for line in outcome.issues if (row := line["row_number"]) in (7, 8, 9)
    }
    assert flags == {
        7: ("name.rare_character", "notice"), 8: ("name.private_use", "notice"), 9: ("name.lost_character", "confirm"),
    }  # fmt: skip
    assert [row["name__text"] for place, row in outcome.accepted.items() if place[1] < 6] == [
        "张 三",
        "张\u3000三",
        "张\n三",
    ]


def test_a_name_in_gbk_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    text = f"2026年10月低保人员\n姓名,身份证号,与户主关系\n买买提·艾力,{person_number(1)},户主\n张䶮,{person_number(2)},户主\n"
    path.write_bytes(text.encode("gb18030"))
    outcome = judged(path)
    assert outcome.values("name") == ["买买提·艾力", "张䶮"]
    assert outcome.said(4) == ["name.rare_character"]


def test_numbers_of_people(tmp_path: Path) -> None:
    ends_in_x = next(number for serial in range(100) if (number := person_number(serial, "19700101")).endswith("X"))
    right = [person_number(serial) for serial in range(100, 110)]
    wide = right[0].translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789X"})
    rounded = float(right[8][:15] + "000")
    hold(tmp_path, "dibao_person", "id_number", {
        ends_in_x.lower(): ends_in_x, wide: right[0], f"'{right[1]}": right[1], f" {right[2][:6]} {right[2][6:]}\t": right[2],
        right[3][:6] + right[3][8:17]: right[3], int(right[4]) if right[4].isdigit() else 1.0: "!!stored_as_number",
        rounded: "!!stored_as_number", "9.90101E+17": "!!stored_as_number", right[5][:17]: "!!one_digit_missing",
        right[5] + "0": "!!digits_extra", right[6] + "42": "!!disability_number", right[6] + "42B1": "!!disability_number",
        right[7][:16] + "00": "!!check_digit", "无": "!!blank", "": "!!blank", "O" + right[9][1:]: "!!characters",
        "990101198613010015": "!!birth_date", right[9]: right[9],
    })  # fmt: skip


def test_a_number_cell_that_passes_the_check_is_still_damaged(tmp_path: Path) -> None:
    """Digits below 2^53 that a float keeps exactly prove nothing: the cell was a number."""
    lucky = next(
        number
        for serial in range(400)
        if (number := person_number(serial)).isdigit() and int(float(number)) == int(number)
    )
    assert readings_of(tmp_path, "dibao_person", "id_number", [int(lucky), lucky]) == ["!!stored_as_number", lucky]


def test_old_names_of_categories(tmp_path: Path) -> None:
    for title, kind in (
        ("农村五保供养人员名单", "tekun_person"),
        ("城市三无人员名单", "tekun_person"),
        ("低收入家庭名单", "edge_household"),
    ):
        rows = one_column(kind, "start_month", ["2024-01"])
        rows[0][0] = f"2026年10月{title}"
        outcome = judged(sheet(tmp_path / f"{title}.xlsx", rows))
        assert [reading.kind for reading in outcome.readings] == [kind]
        assert len(outcome.accepted) == 1
