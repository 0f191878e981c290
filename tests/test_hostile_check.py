"""Hostile files and names through `monitor check`: a reason or a result, within limits, and never a traceback."""

from __future__ import annotations

import io
import resource
import struct
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from low_income import cli
from low_income.model import CheckError
from low_income.reading import layout, preflight

from tests.damage_kit import one_column, person_number, sheet
from tests.night_kit import DAY, new_home

pytestmark = pytest.mark.slow


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    home = new_home(tmp_path / "home")

    def call(path: Path) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["monitor", "--home", str(home), "check", "--date", str(DAY), str(path)])
        try:
            cli.main()
            code: Any = 0
        except SystemExit as end:
            code = end.code
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return int(code or 0), (printed.out + printed.err).replace("\n", "")

    return call


def roster(path: Path, name: str = "张三") -> Path:
    rows = one_column("dibao_person", "health", ["无"])
    rows[2][0] = name
    return sheet(path, rows)


@pytest.mark.parametrize(
    "name",
    ["名" * 83 + ".xlsx", "😀名单😀.xlsx", "a\nb\x1b[31m\u202e.xlsx", "-rf.xlsx", "名单'\"$(id)`;.xlsx"],
)
def test_odd_names_are_checked_like_any_other(tmp_path: Path, check: Any, name: str) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    code, text = check(roster(folder / "x.xlsx").rename(folder / name))
    assert code == 0 and "可接收 1 行" in text
    assert "\x1b" not in text and "\u202e" not in text
    assert len(list(folder.iterdir())) == 2


def test_a_name_that_begins_with_a_dot_is_no_list_whatever_is_in_it(tmp_path: Path, check: Any) -> None:
    code, text = check(roster(tmp_path / "x.xlsx").rename(tmp_path / ".xlsx"))
    assert code == 1 and "不能当名单读" in text and "可接收" not in text


def test_what_is_no_file_is_said_and_never_waited_for(tmp_path: Path, check: Any) -> None:
    import os

    os.mkfifo(tmp_path / "x.xlsx")
    code, text = check(tmp_path / "x.xlsx")
    assert code in (1, 2) and "x.xlsx" in text


@pytest.mark.parametrize(
    "text", ["=cmd|' /C calc'!A0", '=HYPERLINK("http://x.invalid","y")', "+1+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]
)
def test_text_that_begins_like_a_formula_stays_text(tmp_path: Path, check: Any, text: str) -> None:
    path = tmp_path / "x.xlsx"
    with xlsxwriter.Workbook(path, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        page = book.add_worksheet()
        for at, row in enumerate(one_column("dibao_person", "health", [text, "好"])):
            for column, value in enumerate(row):
                page.write_string(at, column, str(value))
    check(path)
    copy = openpyxl.load_workbook(tmp_path / "x.检查结果.xlsx")
    cells = [cell for page in copy for row in page.iter_rows() for cell in row]
    assert not [cell.coordinate for cell in cells if cell.data_type == "f"]
    assert any(text.strip() in str(cell.value) for cell in cells)


def test_sixteen_thousand_columns(tmp_path: Path, check: Any) -> None:
    rows = one_column("dibao_person", "health", ["无"])
    rows[1] += [f"多余{at}" for at in range(16_384 - len(rows[1]))]
    code, text = check(sheet(tmp_path / "x.xlsx", rows))
    assert code in (0, 1) and ("可接收 1 行" in text or "不能接收" in text)


class CountingReads(io.BufferedIOBase):
    """A stream that tells how much was read from it."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.bytes_read = stream, 0

    def read(self, size: int | None = -1) -> bytes:
        data: bytes = self.stream.read(size)
        self.bytes_read += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self.stream.seek(offset, whence))

    def tell(self) -> int:
        return int(self.stream.tell())


def test_a_directory_of_a_million_entries_costs_us_nothing(tmp_path: Path, check: Any) -> None:
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    directory = entry * 400_000
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(directory), 0, 0)
    path = tmp_path / "x.xlsx"
    path.write_bytes(b"PK\3\4" + directory + end)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with path.open("rb") as stream:
        counting = CountingReads(stream)
        assert preflight.claimed_size(counting) == 0
    assert counting.bytes_read < 1 << 20  # of 20 MB: the end alone, not the directory
    memory_mb, seconds = layout.limits(path)
    assert memory_mb <= 1024 and seconds <= 60
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
    code, text = check(path)
    assert code == 1 and "不能接收" in text


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("memory", "超过了标注的时间或内存"), ("crash", "我们的程序出了错"),
        ("a copy that does not pass its examination", "我们的程序出了错"),
    ],
)  # fmt: skip
def test_a_copy_that_cannot_be_marked_ends_the_child_and_not_us(
    tmp_path: Path, check: Any, monkeypatch: pytest.MonkeyPatch, reason: Any, told: str
) -> None:
    """What was found is told all the same; nobody is told that nothing was taken in."""
    from low_income.reading import sandbox

    honest = sandbox.call

    def dying(function: Any, *arguments: Any, **limits: Any) -> Any:
        if function.__name__.startswith("write"):
            raise sandbox.Killed(reason) if reason in ("memory", "crash") else CheckError(reason)
        return honest(function, *arguments, **limits)

    monkeypatch.setattr(sandbox, "call", dying)
    code, _ = check(roster(tmp_path / "x.xlsx", person_number(3)))
    assert code in (0, 1)
    page = openpyxl.load_workbook(tmp_path / "x.检查结果.xlsx").worksheets[0]
    said = "".join(str(cell) for row in page.iter_rows(values_only=True) for cell in row if cell)
    assert "原文件无法标注" in said and told in said
    assert "整份退回" not in said and "一行也没有入库" not in said


def test_formulas_without_result_that_show_what_is_never_received_come_back_empty(tmp_path: Path, check: Any) -> None:
    """They stand right of the last value, and a filter names a value too, so the copy is written anew: with the table."""
    rows = one_column("dibao_person", "remark", ["无", "无"])
    end = len(rows[1]) + 1
    for row, value in zip(rows[1:], ("民族", "某族", "某某族"), strict=True):
        row.append(value)
    path = sheet(tmp_path / "x.xlsx", rows)
    book = openpyxl.load_workbook(path)
    page = book.worksheets[0]
    letter = page.cell(3, end).column_letter
    page.cell(3, end + 2).value = f"={letter}3"
    page.auto_filter.ref = f"A2:{letter}4"
    page.auto_filter.add_filter_column(end - 1, ["某族"])
    book.save(path)
    code, text = check(path)
    assert code == 0 and "可接收 2 行" in text
    listed, copy = openpyxl.load_workbook(tmp_path / "x.检查结果.xlsx").worksheets
    assert listed.title == "问题清单"
    assert [copy.cell(at, end).value for at in (2, 3, 4)] == ["民族", None, None]
    assert copy.cell(3, end + 2).value is None
    assert "某族" not in str([*copy.values]) and not copy.auto_filter.filterColumn
