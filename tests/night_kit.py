"""Whole nights for tests: an invented bureau's night, made once and shared by all who look at it, and small homes by hand."""

from __future__ import annotations

import csv
import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import xlsxwriter
from low_income.generate import generate
from low_income.generate.people import check_character
from low_income.night import run
from low_income.settings.home import Home

from trials.fault_injection.verdict import differences  # noqa: F401 - one comparison, which the tests ask for here

DAY = date(2026, 10, 31)
PEOPLE = 300
PERSON = ("姓名", "身份证号", "户主身份证号", "与户主关系", "月收入", "数据月份")
"""Header of the smallest monthly roster of persons: edge_person."""
MEDICAL = ("姓名", "身份证号", "结算时间", "就诊机构", "医疗费总额", "个人负担总金额", "所属区")


def number(serial: int, born: str = "19860501", prefix: str = "990101") -> str:
    """The number of an invented person; serial 1 … 999, odd for men."""
    first = f"{prefix}{born}{serial:03d}"
    return first + check_character(first)


def person(serial: int, month: str = "2026-10", *, head: int | None = None, income: str = "900") -> tuple[str, ...]:
    """A row under PERSON; his own head unless said otherwise."""
    relation = "户主" if head is None or head == serial else "子"
    return f"某{_name(serial)}", number(serial), number(head or serial), relation, income, month


def _name(serial: int) -> str:
    return "甲乙丙丁戊己庚辛壬癸"[serial % 10] + "子丑寅卯辰巳午未申酉戌亥"[serial // 10 % 12]


def book(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]], sheet: str = "") -> Path:
    """A workbook of text cells (numbers stay numbers), with the same bytes for the same content, at rest for long.

    A list under PERSON could be of dibao as well: where the file's name does not say, the sheet's does.
    """
    says_nothing = set(PERSON[:4]) <= set(header) and not {"低保", "边缘"} & {
        path.stem[at : at + 2] for at in range(len(path.stem))
    }
    sheet = sheet or ("边缘人员" if says_nothing else "Sheet1")
    path.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(path) as workbook:
        workbook.set_properties({"created": datetime(2026, 10, 1)})  # noqa: DTZ001 - written as it is
        page = workbook.add_worksheet(sheet)
        for at, row in enumerate([header, *rows]):
            for column, value in enumerate(row):
                if isinstance(value, str):
                    page.write_string(at, column, value)
                else:
                    page.write_number(at, column, value)
    return still(path)


def still(path: Path) -> Path:
    """As if it had lain there since the year began."""
    os.utime(path, (1_767_200_000, 1_767_200_000), follow_symlinks=False)
    return path


def new_home(root: Path) -> Path:
    """A home with the sample configuration and always the same key, so that homes can be compared; its folder."""
    Home.create(root)
    (root / "keys/identity.key").write_bytes(bytes(range(32)))
    return root


def few_divisions(home: Path, kept: frozenset[str] = frozenset({"d01", "d02", "d06", "d11"})) -> Path:
    """A new home with fewer divisions (one of each policy region at least): a file and a list less to write for each of the others."""
    settings = home / "monitor.yml"
    head, *units = re.split(r"(?m)^(?=  - code: )", settings.read_text(encoding="utf-8"))
    codes = [re.findall(r"\A  - code: (\w+)", unit)[0] for unit in units]
    stay = [unit for unit, code in zip(units, codes, strict=True) if code in kept or not re.fullmatch(r"d\d+", code)]
    settings.write_text(head + "".join(stay), encoding="utf-8")
    return home


def copy_home(home: Path, to: Path) -> Path:
    """A home to spoil: times of files and the link stay."""
    shutil.copytree(home, to, symlinks=True)
    return to


def night_of_the_bureau(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after the night of DAY on generated files. Never changed by tests; made once for all test processes."""
    return _once(tmp_path_factory, "bureau", _make_night)


def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """inbox/ and truth/ as generated, for homes that take a part of them."""
    return _once(tmp_path_factory, "generated", _generate)


def _once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    base = factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    target, unfinished = shared / name, shared / f"{name}.unfinished"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            shutil.rmtree(unfinished, ignore_errors=True)
            make(unfinished)
            unfinished.rename(target)
    return target


def _generate(target: Path) -> None:
    generate(target, people=PEOPLE, seed=1, day=DAY)


def _make_night(target: Path) -> None:
    new_home(target)
    _generate(target)
    run.night(target, DAY)


def truth(home: Path, name: str) -> list[dict[str, str]]:
    """Lines of truth/<name>.csv."""
    with (home / "truth" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def ask(home: Path, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """What the current release answers."""
    with closing(duckdb.connect(str((home / "warehouse.duckdb").resolve()), read_only=True)) as con:
        return con.execute(query, list(values)).fetchall()
