"""A bureau small enough to spoil hundreds of its nights: three divisions (one of them silent), two partners, one partner's database, three nights.

Between them they bring what a night must not lose or count twice: a correction, a repeat, a late list, a row with a fault,
people outside the scope, filled-in lists, and a table that changed. Nobody in it exists.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import xlsxwriter
import yaml
from low_income.generate.people import check_character
from low_income.lists.words import FILLED_IN, WARNING_NUMBER
from low_income.settings.home import Home

NIGHTS = (date(2026, 10, 30), date(2026, 10, 31), date(2026, 11, 1))
UNITS = ("bureau", "d01", "d06", "d11", "medical_insurance", "civil_registration")
SOURCE = "死亡登记库"
TABLE = "死亡人员"
TABLE_COLUMNS = ("姓名", "身份证号", "死亡日期")
SOURCE_VARIABLE = "MONITOR_FAULTS_SOURCE"
"""Where the partner's database is; the environment of each trial says it."""
LEDGER_VARIABLE = "MONITOR_FAULTS_LEDGER"

_HOUSEHOLD = (
    "户编号", "户主姓名", "户主身份证号", "家庭人口", "城乡类别", "家庭年总收入", "是否有法定赡养抚养人", "调查日期",
)  # fmt: skip
_MEMBER = ("户编号", "姓名", "身份证号", "与户主关系")
_DIBAO = ("姓名", "身份证号", "户主身份证号", "与户主关系", "个人分类施保金额", "数据月份")
_TEKUN = ("姓名", "身份证号", "供养方式", "生活自理能力", "基本生活标准", "纳入月份", "数据月份")
_EDGE = ("姓名", "身份证号", "户主身份证号", "与户主关系", "月收入", "数据月份")
_MEDICAL = ("姓名", "身份证号", "结算时间", "就诊机构", "医疗费总额", "个人负担总金额", "所属区")
_LONG_AGO = 1_767_200_000
"""When the dropped files were last written: the same on every run."""


def create(root: Path, *, on_postgresql: bool = False) -> None:
    """A home of this bureau, before its first night. One release is kept, so that pruning is among what is disturbed."""
    Home.create(root)
    config = root / "monitor.yml"
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    gone = [unit["code"] for unit in settings["units"] if unit["code"] not in UNITS]
    settings["units"] = [unit for unit in settings["units"] if unit["code"] in UNITS]
    settings["expected"] = {
        code: kinds for code, kinds in settings["expected"].items() if code in (*UNITS, "division", "partner")
    }
    settings["settle_seconds"] = 0
    settings["retention"]["releases"] = 1
    settings["databases"] = [
        {"name": SOURCE, "unit": "civil_registration", "url": f"env:{SOURCE_VARIABLE}", "table": TABLE}
    ]
    if on_postgresql:
        settings["ledger"] = f"env:{LEDGER_VARIABLE}"
    config.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    for code in gone:
        for folder in (root / "inbox", root / "decisions" / "inbox"):
            shutil.rmtree(folder / code)


def drop(root: Path, night: int) -> None:
    """Put into the inbox what came for a night (a position in NIGHTS); the nights before have been run."""
    inbox = root / "inbox"
    month = f"{NIGHTS[night]:%Y-%m}"
    if night == 0:
        surveyed = [(f"H{n}", f"某{n}", number(11 + 2 * n)) for n in range(3)]
        book(
            inbox / "d01/摸底户.xlsx",
            _HOUSEHOLD,
            [(*who, "1", "城市", "3000", "是", "2026-10-12") for who in surveyed],
        )
        book(inbox / "d01/摸底人.xlsx", _MEMBER, [(*who, "户主") for who in surveyed])
        book(inbox / "d01/低保.xlsx", _DIBAO, [("某子", number(901), number(901), "户主", "100", month)])
        book(inbox / "d01/特困.xlsx", _TEKUN, [("某丑", number(903), "集中", "全自理", "900", "2020-01", month)])
        book(inbox / "d01/边缘.xlsx", _EDGE, [_edge(n, month) for n in range(101, 105)])
        text(inbox / "d06/边缘.csv", _EDGE, [_edge(n, month) for n in range(201, 204)])
        book(inbox / "medical_insurance/九月.xlsx", _MEDICAL, [_bill(101, "一院"), _bill(777, "一院")])
    elif night == 1:
        wrong = (*_edge(105, month)[:4], "九百", month)
        book(inbox / "d01/边缘.xlsx", _EDGE, [*(_edge(n, month) for n in range(101, 104)), wrong])
        text(inbox / "d06/边缘.csv", _EDGE, [_edge(n, month) for n in range(201, 204)])
        book(inbox / "medical_insurance/又九月.xlsx", _MEDICAL, [_bill(202, "二院"), _bill(778, "二院")])
        _fill_in(root, "d01", "核查结果.xlsx", 1)
    else:
        _correct(root / "returns/d01/边缘.更正.xlsx", inbox / "d01/边缘.更正.xlsx")
        text(inbox / "d06/边缘.csv", _EDGE, [_edge(n, "2026-10") for n in range(201, 205)])
        _fill_in(root, "d01", "核查结果二.xlsx", 2)


def table_of(night: int) -> list[tuple[str, ...]]:
    """What the partner's table holds on a night: it grows on the second one."""
    rows: list[tuple[str, ...]] = [("某申", number(301), "2026-09-30"), ("某酉", number(303), "2026-10-02")]
    return rows if night == 0 else [*rows, ("某2", number(15), "2026-10-20")]


def write_source(path: Path, night: int) -> str:
    """The partner's database as one file; its address."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"create table {TABLE} ({', '.join(f'{name} text' for name in TABLE_COLUMNS)})")
        connection.executemany(f"insert into {TABLE} values (?, ?, ?)", table_of(night))
    return f"sqlite:///{path}"


def number(serial: int) -> str:
    """The number of an invented person; serial 1 … 999, odd for men."""
    first = f"99010119860501{serial:03d}"
    return first + check_character(first)


def _edge(serial: int, month: str) -> tuple[str, ...]:
    return f"某{serial}", number(serial), number(serial), "户主", "900", month


def _bill(serial: int, hospital: str) -> tuple[str, ...]:
    return f"某{serial}", number(serial), "2026-09-15", hospital, "60000", "50000", "青禾区"


def _fill_in(root: Path, unit: str, name: str, lines: int) -> None:
    """A list as it comes back: the first warnings of the release, answered."""
    with closing(duckdb.connect(str((root / "warehouse.duckdb").resolve()), read_only=True)) as con:
        listed = con.execute(
            "select warning_id from warning_list where division_code = ? order by rule_code, warning_id", [unit]
        ).fetchall()
    said = ("已纳入保障", "已协助申请低保", "张三", "2026-10-31", "已批准")
    rows = [(*said, warning_id) for (warning_id,) in listed[:lines]]
    if not rows:
        raise AssertionError("the bureau's first night lists nobody")
    book(root / "decisions/inbox" / unit / name, (*FILLED_IN, WARNING_NUMBER), rows, sheet="预警")


def _correct(returned: Path, target: Path) -> None:
    """The correction workbook of the second night, its one fault mended."""
    with closing(openpyxl.load_workbook(returned)) as workbook:
        [cell] = [cell for row in workbook.worksheets[0].iter_rows() for cell in row if cell.value == "九百"]
        cell.value = "900"
        workbook.save(target)
    _still(target)


def book(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]], sheet: str = "Sheet1") -> None:
    """A workbook of text cells, with the same bytes for the same content."""
    with xlsxwriter.Workbook(path) as workbook:
        workbook.set_properties({"created": datetime(2026, 10, 1)})  # noqa: DTZ001 - written as it is
        page = workbook.add_worksheet(sheet)
        for at, row in enumerate([header, *rows]):
            for column, value in enumerate(row):
                page.write_string(at, column, value)
    _still(path)


def text(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A text file as an old program writes it."""
    written = io.StringIO()
    csv.writer(written).writerows([header, *rows])
    path.write_bytes(written.getvalue().encode("gb18030"))
    _still(path)


def _still(path: Path) -> None:
    os.utime(path, (_LONG_AGO, _LONG_AGO))
