"""How units write files: format, lines around the table, and how each type of value looks in a cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pandas as pd

from low_income.generate.people import Array
from low_income.generate.table import LONG_TERM
from low_income.settings.contracts import Column

_NUMERALS = str.maketrans("0123456789", "〇一二三四五六七八九")
_RELATIONS = {"户主": "本人", "子": "儿子", "女": "女儿", "父": "父亲", "母": "母亲"}


@dataclass(frozen=True)
class Style:
    """One unit's way of writing. A cell may be text, a number, or a real date."""

    name: str
    suffix: Literal[".xlsx", ".csv", ".txt"] = ".xlsx"
    encoding: str = "utf-8"
    delimiter: str = ","
    period: Literal["column", "title", "sheet", "file"] = "column"
    lead: int = 0
    """Number of lines above the header: the title, then unit and date, then blank lines."""
    two_header_rows: bool = False
    merged: bool = False
    """Household cells are merged over the members' rows, and a 小计 row follows each township."""
    totals: bool = False
    footnote: bool = False
    by_township: bool = False
    """Dibao in one workbook, with a sheet per township and kind."""
    header_units: bool = False
    in_wan: bool = False
    """The survey's yearly income in 万元."""
    alias: int = 0
    """Which of a column's names the header has."""
    spelling: int = 0
    """0: canonical words, 1: the next spelling."""
    dates: str = "%Y-%m-%d"
    """A strftime pattern, `cell` for real date cells, `serial` for the number of the day without date format."""
    epoch_1904: bool = False
    """The workbook counts its days from 1904."""
    months: str = "%Y-%m"
    """A strftime pattern, or `numerals` for 二〇二三年五月."""
    money: Literal["number", "text", "yuan"] = "number"
    nothing: str = ""
    """Text in cells of optional amounts that are not known."""
    words: tuple[str, str] = ("是", "否")
    dot: str = "·"
    padded: bool = False
    """Names of two characters have a wide blank between them."""
    full_township: bool = False
    """Townships are written with their division's name."""
    serial: bool = False
    profiling: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    extra_sheets: bool = False
    trailing_blanks: int = 0
    autofilter: bool = False
    hides: bool = False
    """A hidden column and a few hidden rows."""


PLAIN = Style("plain", serial=True, autofilter=True, unused=("年龄", "文化程度"))
TITLED = Style(
    "titled", period="title", lead=2, header_units=True, totals=True, footnote=True, serial=True, dates="%Y.%-m.%-d",
    months="%Y年%-m月", words=("是", "否"), dot="•", profiling=("民族",),
)  # fmt: skip
MERGED = Style(
    "merged", period="sheet", lead=1, two_header_rows=True, merged=True, totals=True, footnote=True, header_units=True,
    alias=1, dates="%Y年%-m月%-d日", months="numerals", words=("√", "否"), dot="・", extra_sheets=True, serial=True,
)  # fmt: skip
GB18030 = Style(
    "gb18030", ".csv", "gb18030", period="file", spelling=1, dates="%Y/%-m/%-d", months="%Y%m", money="text", alias=1
)
TABBED = Style(
    "tabbed", ".txt", "utf-8-sig", "\t", period="file", dates="%Y%m%d", months="%Y.%m", money="text", words=("1", "0"),
    spelling=1, dot="‧",
)  # fmt: skip
TOWNSHIPS = Style(
    "townships", period="title", lead=4, by_township=True, words=("有", "无"), dates="cell", months="%Y-%m", dot="."
)
NUMBERS_AS_TEXT = replace(
    PLAIN, name="numbers_as_text", money="text", hides=True, trailing_blanks=3_000, dates="cell", epoch_1904=True, profiling=("民族", "政治面貌"),
    alias=2, dot="∙", padded=True,
)  # fmt: skip
CURRENCY = replace(
    TITLED,
    name="currency",
    money="yuan",
    words=("Y", "N"),
    nothing="/",
    alias=2,
    dot=" ",
    full_township=True,
    in_wan=True,
)
SEMICOLON = Style(
    "semicolon",
    ".csv",
    "utf-8-sig",
    ";",
    period="column",
    money="yuan",
    nothing="-",
    dates="%Y-%m-%d",
    alias=3,
    unused=("年龄",),
)
MERGED_SERIAL = replace(MERGED, name="merged_serial", dates="serial")
GB18030_FULL = replace(GB18030, name="gb18030_full", full_township=True)
DIVISION_STYLES = (
    PLAIN, TITLED, MERGED, GB18030, TABBED, TOWNSHIPS, NUMBERS_AS_TEXT, CURRENCY, PLAIN, SEMICOLON, MERGED_SERIAL, PLAIN,
    CURRENCY, GB18030_FULL,
)  # fmt: skip
"""Styles by position of the division in the configuration."""
PARTNER_STYLES = (
    replace(TITLED, name="partner_titled", totals=False, profiling=()),
    replace(GB18030, name="partner_gb18030", spelling=0),
    replace(TABBED, name="partner_tabbed", spelling=0),
)
"""The first style writes a workbook, the others text files of any size."""


def header_of(column: Column, style: Style) -> str:
    """The header that a style writes for a column."""
    names = [column.header, *column.aliases]
    name = names[style.alias % len(names)]
    if column.type == "money" and style.header_units:
        return f"{name}\uff08{column.unit}\uff09"
    return name


def cells(column: Column, values: Array, style: Style, district: str) -> Array:
    """Canonical values → contents of the cells: text, number, date, or None for an empty cell.

    `district` is the name of the sending division, for townships written in full.
    """
    codes, unique = pd.factorize(values)
    show = _writer(column, style, district)
    shown = np.empty(len(unique) + 1, dtype=object)
    shown[:-1] = [show(value) for value in unique]
    if column.type == "money" and not column.required:
        shown[-1] = style.nothing or None
    return shown[codes]


def _writer(column: Column, style: Style, district: str) -> Callable[[Any], Any]:
    is_text = style.suffix != ".xlsx"
    yes, no = (*column.true_words, style.words[0])[0], (*column.false_words, style.words[1])[0]
    township: Callable[[Any], Any] = (lambda name: district + str(name)) if style.full_township else str
    writers: dict[str, Callable[[Any], Any]] = {
        "name": lambda name: _name(name, style),
        "money": lambda fen: in_wan(int(fen)) if column.unit == "万元" else _money(int(fen), style),
        "date": lambda day: _date(day, style.dates),
        "month": lambda day: _date(day, style.months),
        "boolean": lambda value: yes if value else no,
        "code": lambda code: _spelled(code, column, style),
        "township": township,
        "integer": str if is_text or style.money == "text" else int,
        "decimal": str if is_text else float,
    }
    return writers.get(column.type, str)


def _name(name: str, style: Style) -> str:
    if style.padded and len(name) == 2:
        return f"{name[0]}\u3000{name[1]}"
    return name.replace("·", style.dot)


def _money(fen: int, style: Style) -> str | float:
    if style.money == "yuan":
        return f"\uffe5{fen / 100:,.2f}"
    if style.money == "text" or style.suffix != ".xlsx":
        return f"{fen // 100}.{fen % 100:02d}"
    return fen / 100


def in_wan(fen: int) -> str:
    """Fen as 万元, exact."""
    return f"{(Decimal(fen) / 1_000_000).normalize():f}"


def _date(day: date, pattern: str) -> str | int | date:
    if day == LONG_TERM:
        return "长期"
    if pattern == "cell":
        return day
    if pattern == "serial":
        return (day - date(1899, 12, 30)).days
    if pattern == "numerals":
        months = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")
        return f"{day.year}年".translate(_NUMERALS) + months[day.month - 1] + "月"
    return day.strftime(pattern)


def _spelled(code: str, column: Column, style: Style) -> str:
    spellings = column.codes.get(code, [])
    if not style.spelling or not spellings:
        return code
    if "户主" in column.codes:
        return _RELATIONS.get(code, code)
    return spellings[0]
