"""Homes with a warning list, and lists that a unit fills in."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl

from tests.night_kit import DAY, PERSON, book, few_divisions, new_home, number, person, still

NEXT = DAY + timedelta(days=1)


HOUSEHOLD = (
    "户编号",
    "户主姓名",
    "户主身份证号",
    "家庭人口",
    "城乡类别",
    "家庭年总收入",
    "是否有法定赡养抚养人",
    "调查日期",
)


MEMBER = ("户编号", "姓名", "身份证号", "与户主关系")


DIBAO = ("姓名", "身份证号", "户主身份证号", "与户主关系", "个人分类施保金额", "数据月份")


TEKUN = ("姓名", "身份证号", "供养方式", "生活自理能力", "基本生活标准", "纳入月份", "数据月份")


def listed_home(root: Path, households: int = 4) -> Path:
    """A home whose division d01 has surveyed poor households on no roster: as many warnings of A01."""
    home = few_divisions(new_home(root))
    inbox, names = home / "inbox/d01", "甲乙丙丁"
    surveyed = [(f"H{n}", f"某{names[n]}", number(11 + 2 * n)) for n in range(households)]
    book(inbox / "摸底户.xlsx", HOUSEHOLD, [(*who, "1", "城市", "3000", "是", "2026-10-12") for who in surveyed])
    book(inbox / "摸底人.xlsx", MEMBER, [(*who, "户主") for who in surveyed])
    book(inbox / "低保.xlsx", DIBAO, [("某子", number(901), number(901), "户主", "100", "2026-10")])
    book(inbox / "特困.xlsx", TEKUN, [("某丑", number(903), "集中", "全自理", "900", "2020-01", "2026-10")])
    book(inbox / "边缘.xlsx", PERSON, [person(905)])
    return home


def fill_in(
    home: Path, source: Path, target: str, by_name: dict[str, dict[str, Any]], sheet_name: str = "预警"
) -> None:
    """A list as staff fill it in: values by header, for the lines about these people."""
    workbook = openpyxl.load_workbook(source)
    sheet = workbook[sheet_name]
    at = {cell.value: cell.column for cell in sheet[2]}
    for row in range(3, sheet.max_row + 1):
        for header, value in by_name.get(sheet.cell(row, at["姓名"]).value, {}).items():
            sheet.cell(row, at[header]).value = value
    path = home / "decisions/inbox" / target
    path.parent.mkdir(exist_ok=True, parents=True)
    workbook.save(path)
    still(path)


def lines_of(path: Path, sheet: str = "预警") -> list[dict[str, Any]]:
    with closing(openpyxl.load_workbook(path)) as workbook:
        rows = list(workbook[sheet].iter_rows(min_row=2, values_only=True))
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
