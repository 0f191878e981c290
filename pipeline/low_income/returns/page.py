"""The page on which 问题清单 is written: columns, formats, links. Texts stay texts, whatever they begin with."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import xlsxwriter

from low_income.model import CONFIRM, SEVERITIES
from low_income.returns.package import FILLS, LISTING

MOST_LINKS = 60_000
"""Excel allows 65,530 links in a sheet."""
_UNLINKED = {"link": "place", "line_link": "centre"}
"""Look of a link → look of the same text where there is nothing to go to."""
HEADER = (
    "序号",
    "级别",
    "工作表",
    "行",
    "列",
    "表头",
    "您填的内容",
    "问题",
    "怎么改",
    *CONFIRM[:-1],
    "层级",
    CONFIRM[-1],
)
WIDTHS = (5, 7, 12, 7, 5, 14, 18, 38, 30, 10, 22, 10, 8, 10)
"""Widths in characters. The columns up to where a line is confirmed fit on a screen of 1,600 pixels, in any font of the sender's workbook."""
LAST = 8
"""The last column of texts that go across the page."""
ANSWER = LAST + 1
"""The first of the columns in which a line is confirmed, next to the problem and what to do."""
LEVEL = HEADER.index("层级")
_ILLEGAL = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]+")


class Page:
    """Writes rows of our sheet, from top to bottom; a text stays a text, whatever it begins with."""

    def __init__(self, target: Path) -> None:
        self.book = xlsxwriter.Workbook(
            str(target),
            {
                "constant_memory": True, "tmpdir": str(target.parent), "strings_to_formulas": False, "strings_to_urls": False,
                "strings_to_numbers": False, "max_url_length": 2079,
            },
        )  # fmt: skip
        # Our small parts cost more as files on the disk. As an option, in_memory would end constant_memory and its inline texts.
        self.book.in_memory = True
        self.book.set_properties({"author": "数据检查", "created": datetime(2000, 1, 1, tzinfo=UTC)})
        self.sheet = self.book.add_worksheet(LISTING)
        self.row = 0
        self.links = 0
        self.answers: list[int] = []
        base = {"font_name": "微软雅黑", "font_size": 10, "font_color": "#1F2933", "valign": "vcenter"}
        text = {**base, "num_format": 49, "quote_prefix": True, "text_wrap": True}
        line = {**text, "border": 1, "border_color": "#C9D1D9", "valign": "top"}
        looks: dict[str, dict[str, Any]] = {
            "title": {**text, "font_size": 18, "bold": True, "font_color": "#0B3D66", "text_wrap": False},
            "strip": {**text, "bold": True, "bg_color": "#0B3D66", "font_color": "#FFFFFF", "align": "center"},
            "section": {**text, "font_size": 13, "bold": True, "font_color": "#0B3D66", "bottom": 2, "bottom_color": "#0B3D66"},
            "text": text,
            "small": {**text, "font_color": "#52606D"},
            "action": {**text, "font_size": 12, "bold": True, "top": 1, "top_color": "#C9D1D9"},
            "number": {**base, "font_size": 12, "bold": True, "align": "center", "top": 1, "top_color": "#C9D1D9"},
            "link": {**text, "font_color": "#0B5CAD", "underline": 1, "text_wrap": False, "shrink": True},
            "place": {**text, "text_wrap": False, "shrink": True},
            "line": line,
            "centre": {**line, "align": "center"},
            "count": {**line, "num_format": 0, "quote_prefix": False, "align": "center"},
            "answer": {**line, "bg_color": "#FFFDF0", "locked": False},
            "id": {**text, "font_color": "#FFFFFF", "font_size": 8, "text_wrap": False},
            "line_link": {**line, "font_color": "#0B5CAD", "underline": 1, "align": "center"},
        }  # fmt: skip
        for severity, fill in zip(SEVERITIES, FILLS, strict=True):
            looks[f"line_{severity}"] = {**line, "bg_color": f"#{fill[2:]}", "align": "center"}
            looks[f"action_{severity}"] = {
                **looks["action"],
                "font_size": 10,
                "bg_color": f"#{fill[2:]}",
                "align": "center",
            }
        self.looks = {name: self.book.add_format(look) for name, look in looks.items()}
        for column, width in enumerate(WIDTHS):
            self.sheet.set_column(column, column, width)
        self.sheet.set_column(len(WIDTHS) - 1, len(WIDTHS) - 1, WIDTHS[-1], None, {"hidden": True})
        self.sheet.hide_gridlines(2)
        self.sheet.set_landscape()
        self.sheet.set_paper(9)
        self.sheet.fit_to_pages(1, 0)
        self.sheet.repeat_rows(0, 0)
        self.sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        self.sheet.set_footer("&C第 &P 页，共 &N 页")

    def heading(self, title: str, file_name: str) -> None:
        """Write the top of the page: title and file name."""
        self.sheet.set_row(0, 34)
        self.text(0, title, "title")
        self.row = 1
        self.wide(f"文件：{file_name}", "small")

    def header(self) -> None:
        """Write the names of the columns above the lines; they are printed on every page."""
        self.sheet.set_row(self.row, 20)
        for column, header in enumerate(HEADER):
            self.text(column, header, "strip")
        self.sheet.repeat_rows(self.row)
        self.row += 1

    def section(self, title: str) -> None:
        """Write a heading within the page."""
        self.row += 1
        self.wide(title, "section", size=13)

    def line(self, texts: tuple[str, ...]) -> None:
        """Give the current row the height that these texts need in their columns; the caller writes them."""
        lines = max(lines_in(text, width) for text, width in zip(texts, WIDTHS[5 : 5 + len(texts)], strict=True))
        self.sheet.set_row(self.row, lines * 16.5 + 2)

    def wide(self, text: str, look: str = "text", first: int = 0, size: int = 10) -> None:
        """Write one text across the page from column `first` on, in a row of the height that it needs."""
        self.span(first, LAST, text, look, size)
        self.row += 1

    def span(self, first: int, last: int, text: str, look: str = "text", size: int = 10) -> None:
        """Write a text across columns of the current row."""
        text = clean(text, keep_lines=True)
        lines = lines_in(text, sum(WIDTHS[first : last + 1]) * 10 / size)
        self.sheet.set_row(self.row, lines * size * 1.65 + 3)
        if first < last:
            self.sheet.merge_range(self.row, first, self.row, last, "", self.looks[look])
        self.text(first, text, look)

    def join(self, first: int, last: int) -> None:
        """Merge cells of the current row. The caller then writes the first one."""
        self.sheet.merge_range(self.row, first, self.row, last, "", self.looks["text"])

    def text(self, column: int, text: str, look: str) -> None:
        """Write a text in a cell of the current row."""
        if text:
            self.sheet.write_string(self.row, column, text, self.looks[look])
        else:
            self.sheet.write_blank(self.row, column, None, self.looks[look])

    def link(self, column: int, text: str, sheet: str, cell: str, look: str, is_possible: bool) -> None:
        """Write a text with a link to a cell of this workbook.

        Without a link, and without the look of one, when `is_possible` is false or the sheet is full of links.
        """
        text = clean(text, most=60)
        if not is_possible or self.links >= MOST_LINKS:
            self.text(column, text, _UNLINKED[look])
            return
        self.links += 1
        place = f"internal:'{sheet.replace(chr(39), chr(39) * 2)}'!{cell}"
        self.sheet.write_url(self.row, column, place, self.looks[look], text, f"转到 {cell}")

    def answer(self, issue_id: str) -> None:
        """Write the cells of the current row in which a line is confirmed; plain cells when there is no `issue_id`."""
        for column in range(ANSWER, LEVEL):
            self.text(column, "", "answer" if issue_id else "line")
        if not issue_id:
            return
        self.text(len(HEADER) - 1, issue_id, "id")
        self.answers.append(self.row)

    def close(self) -> None:
        """Write the file to the disk."""
        if self.answers:
            shown = {"input_title": "确认", "input_message": "核对无误、就是这样的，选“是”，再写原因和确认人"}
            self.sheet.data_validation(
                self.answers[0], ANSWER, self.answers[-1], ANSWER, {"validate": "list", "source": ["是"], **shown}
            )
        self.book.close()


def clean(text: str, *, keep_lines: bool = False, most: int = 30_000) -> str:
    """A text that a workbook can hold: without control characters and lone surrogates, not too long."""
    if _ILLEGAL.search(text):
        lines = text.split("\n") if keep_lines else [text]
        text = "\n".join(_ILLEGAL.sub(" ", line) for line in lines)
    return text if len(text) <= most else text[:most] + "…"


def _width(text: str) -> int:
    """Width on the screen: a Chinese character takes two columns, as in GBK."""
    return len(text.encode("gbk", "replace"))


def lines_in(text: str, room: float) -> int:
    """Number of lines of a text in a cell of this width in characters; a wide character is never cut in two."""
    most = max(int(room) - 1, 1)
    if 2 * len(text) <= most and "\n" not in text:
        return 1  # most texts of a list
    return sum(max(1, -(-_width(part) // most)) for part in text.split("\n"))
