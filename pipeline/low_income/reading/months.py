"""Reads months as people write them in titles, sheet names, file names and period columns."""

from __future__ import annotations

import re
import unicodedata

from low_income.folding import plain_blanks

_DIGITS = {
    "0": "0",
    "〇": "0",
    "零": "0",
    "○": "0",
    "一": "1",
    "二": "2",
    "三": "3",
    "四": "4",
    "五": "5",
    "六": "6",
    "七": "7",
    "八": "8",
    "九": "9",
}
_CHINESE_MONTH = {
    "十": 10,
    "十一": 11,
    "十二": 12,
    **{word: int(digit) for word, digit in _DIGITS.items() if digit != "0"},
}

_YEAR = r"(?<!\d)(20\d\d)"
_MONTH = r"(1[0-2]|0?[1-9])"
_IN_TEXT = [
    # A full date in a title is a day of signing, unless 截至 says that it is the end of the period.
    re.compile(rf"(?:截至|截止到?){_YEAR}[年\-./]{_MONTH}[月\-./]\d{{1,2}}"),
    re.compile(rf"{_YEAR}年度?{_MONTH}月(?!\d{{1,2}}日)"),
    re.compile(rf"{_YEAR}[-./]{_MONTH}(?![\d]|[-./]\d|-\d)"),
    re.compile(rf"{_YEAR}(1[0-2]|0[1-9])(?!\d)"),
]
_CHINESE = re.compile(
    r"(二[〇零○0][〇零○0一二三四五六七八九]{2})年度?(十[一二]?|[一二三四五六七八九])月(?![一二三四五六七八九十]{1,3}日)"
)
_DAY = re.compile(rf"^{_YEAR}(?:[-./年]{_MONTH}[-./月]\d{{1,2}}日?|(1[0-2]|0[1-9])\d\d)(?: .*)?$")


def months_in(text: str) -> list[str]:
    """Every month (`YYYY-MM`) that a text names, sorted. A full date names none, except after 截至 (截至2026年10月31日)."""
    text = plain_blanks(unicodedata.normalize("NFKC", text))
    # Blanks inside a month do not count. If no month is found so, a blank may separate it from another number (`名册2 2026-10`).
    return _months_in(text.replace(" ", "")) or _months_in(text)


def _months_in(text: str) -> list[str]:
    found = {f"{year}-{int(month):02d}" for pattern in _IN_TEXT for year, month in pattern.findall(text)}
    for year, month in _CHINESE.findall(text):
        found.add(f"{''.join(_DIGITS[word] for word in year)}-{_CHINESE_MONTH[month]:02d}")
    return sorted(found)


def month_of_cell(text: str, numeric: bool) -> str | None:
    """The month (`YYYY-MM`) in a cell of a period column; None when it names none, or is the number 2026.1 (January or October)."""
    text = plain_blanks(unicodedata.normalize("NFKC", text))
    if numeric and re.fullmatch(r"20\d\d\.1", text):
        return None
    if day := _DAY.match(text):
        return f"{day[1]}-{int(day[2] or day[3]):02d}"
    found = months_in(text)
    return found[0] if len(found) == 1 else None
