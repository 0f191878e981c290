"""Lays out a warning list: sheets 户, 预警, 身份疑问, 抽样核查, figures and 说明, with words, drop-downs and page setup.

Every text is written as text: it never becomes a formula, a link or a number, whatever it begins with. The same content
gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import xlsxwriter

from low_income.lists import figures
from low_income.lists.words import (
    ANSWER_HINTS,
    ANSWER_TITLES,
    COVERAGE_TITLES,
    FILLED_IN,
    HOUSEHOLD_COLOURS,
    HOW_TO_FILL,
    JUDGED,
    LEVEL_COLOURS,
    LEVEL_HINTS,
    LEVEL_TITLES,
    MEASURES,
    OPEN_COLOURS,
    OUTCOME_HINTS,
    OUTCOME_TITLES,
    QUESTION_NUMBER,
    SAMPLE_NUMBER,
    SAMPLED,
    WARNING_NUMBER,
    WHAT_IT_IS,
    WHO_IS_WHO,
)  # fmt: skip
from low_income.model import mask

MOST_ROWS = 100_000
"""The most rows of one sheet: nobody works through more in a workbook."""
_NUMBERS = ("subject_number", "head_number", "warning_id", "left_number", "right_number", "question_id", "sample_id")
"""Fields that are not masked here: the caller masked them, or they must stay whole."""
_SHORT = 12
"""A text of at most so many characters holds no number that `mask` would hide."""
_LINE_HEIGHT = 15
"""Height of one line of text, in points."""
_HIGHEST_ROW = 405
"""Greatest height of a row, in points; spreadsheet programs allow 409."""
_MADE_AT = datetime(2000, 1, 1)  # noqa: DTZ001 - a fixed mark in the file, so that equal lists have equal bytes

_ZOOM = 90
"""Zoom in per cent, so that the columns to fill in are within the 1,600 pixels of a usual screen."""

Sort = Literal["text", "centre", "number", "date", "level", "colour", "fill", "fill_date"]


@dataclass(frozen=True)
class _Column:
    field: str
    header: str
    width: int
    sort: Sort = "text"
    bureau_only: bool = False
    division_only: bool = False
    """For the staff who visit."""
    printed: bool = True
    tint: str = "#D9E2F0"
    """Background colour of its header."""


_HOUSEHOLD_COLUMNS = (
    _Column("place", "户序号", 6, "number"),
    _Column("colour", "颜色", 6, "colour"),
    _Column("level", "级别", 7, "level"),
    _Column("unit", "单位", 11, bureau_only=True),
    _Column("township", "乡镇（街道）", 12),
    _Column("head_name", "户主", 11),
    _Column("head_number", "户主证件号码", 20, "centre"),
    _Column("size", "家庭人口\n（人）", 9, "number"),
    _Column("matters", "预警事项", 34),
    _Column("open_count", "待办预警\n（条）", 9, "number"),
    _Column("oldest_on", "最早发现", 12, "date"),
    _Column("due_on", "最近期限", 12, "date"),
    _Column("overdue", "已逾期\n（天）", 8, "number"),
    _Column("referrals", "可转介的服务", 30),
    _Column("change", "比上次", 8, "centre"),
)
_FILL_COLUMNS = (
    _Column("result", FILLED_IN[0], 12, "fill"),
    _Column("measure", FILLED_IN[1], 13, "fill"),
    _Column("decided_by", FILLED_IN[2], 8, "fill"),
    _Column("decided_on", FILLED_IN[3], 11, "fill_date"),
    _Column("note", FILLED_IN[4], 14, "fill"),
)
_WARNING_COLUMNS = (
    _Column("place", "户序号", 6, "number"),
    _Column("level", "级别", 7, "level"),
    _Column("due_on", "办理期限", 12, "date"),
    _Column("unit", "单位", 11, bureau_only=True),
    _Column("township", "乡镇（街道）", 10),
    _Column("subject_name", "姓名", 9),
    _Column("subject_number", "证件号码", 20, "centre"),
    _Column("rule", "预警事项", 16),
    _Column("reason", "为什么列出", 30),
    _Column("caveat", "可能不准的情形（先排除）", 26),
    _Column("address", "住址", 16, division_only=True),
    _Column("phone", "电话", 13, "centre", division_only=True),
    *_FILL_COLUMNS,
    _Column("head_name", "户主", 10, printed=False),
    _Column("state", "状态", 8, "centre", printed=False),
    _Column("overdue", "已逾期\n（天）", 8, "number", printed=False),
    _Column("first_seen_on", "首次发现", 12, "date", printed=False),
    _Column("evidence", "依据和来源（文件/工作表/行列）", 90, printed=False),
    _Column("freshness", "依据有多新", 44, printed=False),
    _Column("warning_id", WARNING_NUMBER, 68, printed=False),
)
_LEFT, _RIGHT = "#FCE4D6", "#E2EFDA"
_QUESTION_COLUMNS = (
    _Column("place", "序号", 5, "number"),
    _Column("about", "种类", 8, "centre"),
    _Column("unit", "由谁判断", 9, bureau_only=True),
    _Column("left_name", "甲方\n姓名", 9, tint=_LEFT),
    _Column("left_number", "甲方\n号码", 19, "centre", tint=_LEFT),
    _Column("left_place", "甲方在哪里\n（文件/工作表/行）", 22, tint=_LEFT),
    _Column("right_name", "乙方\n姓名", 9, tint=_RIGHT),
    _Column("right_number", "乙方\n号码", 19, "centre", tint=_RIGHT),
    _Column("right_place", "乙方在哪里\n（文件/工作表/行）", 22, tint=_RIGHT),
    _Column("likeness", "相像\n程度", 7, "centre"),
    _Column("reason", "为什么提出", 20),
    _Column("consequence", "判断会改变什么", 26),
    _Column("result", JUDGED[0], 12, "fill"),
    _Column("decided_by", JUDGED[1], 8, "fill"),
    _Column("decided_on", JUDGED[2], 11, "fill_date"),
    _Column("note", JUDGED[3], 16, "fill"),
    _Column("first_asked_on", "首次列出", 12, "date", printed=False),
    _Column("question_id", QUESTION_NUMBER, 36, printed=False),
)
_GREY = "#EDEDED"
_SAMPLE_COLUMNS = (
    _Column("place", "序号", 5, "number"),
    _Column("is_what", "这是什么", 11, "centre", tint=_GREY),
    _Column("unit", "单位", 11, bureau_only=True),
    _Column("township", "乡镇（街道）", 10),
    _Column("subject_name", "姓名", 9),
    _Column("subject_number", "证件号码", 20, "centre"),
    _Column("rule", "为哪条规则抽的", 16),
    _Column("question", "那条规则问的条件（看实际是不是其实符合，或另有困难）", 38),
    _Column("address", "住址", 18, division_only=True),
    _Column("phone", "电话", 13, "centre", division_only=True),
    *_FILL_COLUMNS,
    _Column("week_start", "哪一周抽的\n（星期一）", 12, "date", tint=_GREY),
    _Column("valid_until", "列到", 12, "date", tint=_GREY),
    _Column("sample_id", SAMPLE_NUMBER, 36, printed=False),
)


@dataclass(frozen=True)
class Content:
    """The content of one workbook; rows are ready to be shown, most urgent first."""

    name: str
    """The unit's name."""
    code: str
    day: date
    households: list[dict[str, Any]]
    """Values by `field` of the columns of sheet 户, and `group`: a thicker line goes above the first row of each group."""
    warnings: list[dict[str, Any]]
    """The same for sheet 预警."""
    questions: list[dict[str, Any]]
    """The same for sheet 身份疑问, open ones that change most first; `group`: whether it was answered."""
    samples: list[dict[str, Any]]
    """The same for sheet 抽样核查; `group`: the week."""
    coverage: list[dict[str, Any]]
    """The lists that the warnings rest on: `unit`, `title`, `period`, `rows`, `state`, `received`, `due_on`, `days_late` of the
    latest list that is expected or was received; `used_period` and `used_state` of the latest received one, None if none was."""
    with_units: bool
    """Whether the rows are of many units: then a column names each row's unit."""
    figures: Sequence[figures.Table] = ()
    """Tables of counts, one sheet each."""


def write(path: Path, content: Content) -> None:
    """Write one workbook to `path`."""
    _Book(path, content).write()


_Line = tuple[str, str, tuple[str, str] | None]
"""A line of sheet 说明: word, text, and the word's (background, font) colours."""


class _Book:
    def __init__(self, path: Path, content: Content) -> None:
        self.content = content
        self.book = xlsxwriter.Workbook(
            str(path),
            {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True},
        )
        self.book.set_properties(
            {"title": f"{content.name} 预警清单", "author": "低收入人口动态监测", "created": _MADE_AT}
        )
        self.formats: dict[tuple[object, ...], Any] = {}

    def write(self) -> None:
        households, warnings = self.content.households, self.content.warnings
        empty = self._why_empty()
        self._sheet("户", _HOUSEHOLD_COLUMNS, households, f"共 {len(households)} 户", after="head_name", empty=empty)
        sheet, columns = self._sheet(
            "预警", _WARNING_COLUMNS, warnings, self._counts(), after="subject_name", empty=empty
        )
        self._drop_downs(sheet, columns, min(len(warnings), MOST_ROWS), self._found_rules("warning_id", "这条预警"))
        questions = self.content.questions
        sheet, columns = self._sheet(
            "身份疑问", _QUESTION_COLUMNS, questions, self._question_counts(), after="left_name",
            empty=f"截至 {self.content.day.isoformat()}，没有要请{self.content.name}判断的身份疑问。",
        )  # fmt: skip
        self._drop_downs(sheet, columns, min(len(questions), MOST_ROWS), self._question_rules())
        samples = self.content.samples
        sheet, columns = self._sheet(
            "抽样核查", _SAMPLE_COLUMNS, samples, self._sample_counts(), after="subject_name",
            empty=f"截至 {self.content.day.isoformat()}，没有抽中要请{self.content.name}去看的人。",
        )  # fmt: skip
        self._drop_downs(sheet, columns, min(len(samples), MOST_ROWS), self._found_rules("sample_id", "这条抽样"))
        for table in self.content.figures:
            self._figures(table)
        self._notes()
        self.book.close()

    def _counts(self) -> str:
        warnings = self.content.warnings
        if not warnings:
            return "共 0 条"
        levels = [
            f"{title} {count} 条"
            for level, title in LEVEL_TITLES.items()
            if (count := sum(row["level"] == level for row in warnings))
        ]
        late = sum(row["overdue"] is not None for row in warnings)
        return f"共 {len(warnings)} 条（{'、'.join(levels)}；其中已逾期 {late} 条）"

    def _question_counts(self) -> str:
        questions = self.content.questions
        if not questions:
            return "共 0 条"
        answered = sum(row["result"] is not None for row in questions)
        return f"共 {len(questions)} 条（待判断 {len(questions) - answered} 条，已判断 {answered} 条）"

    def _sample_counts(self) -> str:
        return f"共 {len(self.content.samples)} 个（随机抽样，不是预警：没有级别和期限，不计入预警条数）"

    def _why_empty(self) -> str:
        content = self.content
        said = f"截至 {content.day.isoformat()}，{content.name}没有待办预警。"
        if not content.coverage:
            return said + "还没有收到任何名单，所以无法判断有没有困难家庭没被发现。"
        if wanting := self._wanting():
            return said + f"但有 {len(wanting)} 份名单没有收到、不完整或过期（见“说明”页），没有预警不等于没有困难。"
        if not_due := sum(map(_is_not_due, content.coverage)):
            others = "，其余都收到了" if not_due < len(content.coverage) else ""
            stands = f"应有的 {len(content.coverage)} 份名单里，还没到应报日的 {not_due} 份{_STILL_USED}{others}"
        else:
            in_time = "按期" if all(row["days_late"] == 0 for row in content.coverage) else ""
            stands = f"所依据的 {len(content.coverage)} 份名单都{in_time}收到了"
        return said + f"{stands}；按现行规则，没有发现需要上门核查的情况。"

    def _wanting(self) -> list[tuple[dict[str, Any], str]]:
        """Lists that are late, not whole, or no longer fresh, with words about each."""
        return [(row, said) for row in self.content.coverage if (said := _wanting_words(row))]

    def _format(self, *marks: object, **more: Any) -> Any:
        """The cell format with this name (`marks`), made once."""
        if marks not in self.formats:
            base = {"font_name": "微软雅黑", "font_size": 10, "valign": "vcenter", "text_wrap": True, "num_format": "@"}
            self.formats[marks] = self.book.add_format(base | {"quote_prefix": True} | more)
        return self.formats[marks]

    def _cell_format(self, sort: Sort, value: Any, *, late: bool, first: bool) -> Any:
        marks = ("cell", sort, value if sort in ("level", "colour") else None, late, first)
        if marks in self.formats:
            return self.formats[marks]
        more: dict[str, Any] = {"border": 1, "border_color": "#BFBFBF"}
        if first:
            more |= {"top": 2, "top_color": "#7F7F7F"}
        if sort not in ("text", "fill"):
            more["align"] = "center"
        if sort in ("date", "fill_date"):
            more |= {"num_format": "yyyy-mm-dd", "quote_prefix": False}
        if sort == "number":
            more |= {"num_format": "0", "quote_prefix": False}
        if sort in ("fill", "fill_date"):
            more |= {"bg_color": "#FFFBE6"}
        if sort in ("level", "colour"):
            back, front, *_ = LEVEL_COLOURS[value] if sort == "level" else HOUSEHOLD_COLOURS[value]
            more |= {"bg_color": back, "font_color": front, "bold": True}
        if late:
            more |= {"font_color": "#C00000", "bold": True}
        return self._format(*marks, **more)

    def _sheet(
        self, name: str, columns: Sequence[_Column], rows: list[dict[str, Any]], counts: str, *, after: str, empty: str
    ) -> tuple[Any, list[_Column]]:
        """Write a sheet; columns up to the field `after` are frozen, `empty` is written when there is no row.

        Gives the sheet and the columns that it has.
        """
        content = self.content
        columns = [
            column for column in columns if not (column.division_only if content.with_units else column.bureau_only)
        ]
        fields = [column.field for column in columns]
        sheet = self.book.add_worksheet(name)
        title = f"{content.name} 预警清单·{name}   数据日期 {content.day.isoformat()}   {counts}"
        if (cut := len(rows) - MOST_ROWS) > 0:
            title += f"   本页只列最急的 {MOST_ROWS} 行，还有 {cut} 行没有列出，请在数据仓库中查询"
            rows = rows[:MOST_ROWS]
        sheet.set_row(0, 26)
        sheet.write_string(0, 0, title, self._format("title", bold=True, font_size=13, text_wrap=False))
        sheet.set_row(1, 34)
        for at, column in enumerate(columns):
            sheet.set_column(at, at, column.width)
            colour = "#FFE08A" if column.sort in ("fill", "fill_date") else column.tint if column.printed else "#E7E6E6"
            heading = self._format("header", colour, bold=True, align="center", border=1, bg_color=colour)
            sheet.write_string(1, at, column.header, heading)
        before = None
        for line, row in enumerate(rows, start=2):
            self._line(sheet, line, columns, row, first=row["group"] != before)
            before = row["group"]
        printed = max(at for at, column in enumerate(columns) if column.printed)
        if rows:
            sheet.autofilter(1, 0, 1 + len(rows), len(columns) - 1)
        else:
            sheet.set_row(2, 60)
            sheet.merge_range(2, 0, 2, printed, "", self._format("empty", border=1, font_size=11))
            sheet.write_string(2, 0, empty, self._format("empty"))
        sheet.freeze_panes(2, fields.index(after) + 1)
        sheet.set_zoom(_ZOOM)
        sheet.set_landscape()
        sheet.repeat_rows(1)
        sheet.print_area(0, 0, 1 + max(len(rows), 1), printed)
        self._page(sheet, name)
        return sheet, columns

    def _line(self, sheet: Any, line: int, columns: Sequence[_Column], row: dict[str, Any], *, first: bool) -> None:
        lines = 1
        for at, column in enumerate(columns):
            value = row.get(column.field)
            late = column.field in ("due_on", "overdue") and row["overdue"] is not None
            late = late or (column.field == "consequence" and row["is_heavy"])
            cell = self._cell_format(column.sort, value, late=late, first=first)
            if value is None or value == "":
                sheet.write_blank(line, at, None, cell)
            elif column.sort in ("date", "fill_date"):
                sheet.write_datetime(line, at, value, cell)
            elif column.sort == "number":
                sheet.write_number(line, at, value, cell)
            else:
                text = LEVEL_TITLES.get(value, value) if column.sort == "level" else str(value)
                if len(text) > _SHORT:
                    text = text if column.field in _NUMBERS else mask(text)
                    lines = max(lines, _lines(text, column.width))
                elif 2 * len(text) >= column.width or "\n" in text:
                    lines = max(lines, _lines(text, column.width))
                sheet.write_string(line, at, text, cell)
        sheet.set_row(line, min(_LINE_HEIGHT * lines + 8, _HIGHEST_ROW))

    def _figures(self, table: figures.Table) -> None:
        """Write a sheet of counts: no names, nothing to fill in."""
        content = self.content
        sheet = self.book.add_worksheet(table.name)
        sheet.set_row(0, 26)
        title = f"{content.name} {table.name}   数据日期 {content.day.isoformat()}   {table.says}"
        sheet.write_string(0, 0, title, self._format("title", bold=True, font_size=13, text_wrap=False))
        sheet.set_row(1, 34)
        heading = self._format("header", "#D9E2F0", bold=True, align="center", border=1, bg_color="#D9E2F0")
        for at, column in enumerate(table.columns):
            sheet.set_column(at, at, column.width)
            sheet.write_string(1, at, column.header, heading)
        for line, row in enumerate(table.rows, start=2):
            lines = 1
            for at, column in enumerate(table.columns):
                value = row[column.field]
                cell = self._figure_format(column.sort, value)
                if value is None or column.sort in ("text", "centre"):
                    text = figures.text_of(value, column.sort)
                    sheet.write_string(line, at, text, cell)
                    lines = max(lines, _lines(text, column.width))
                elif column.sort == "date":
                    sheet.write_datetime(line, at, value, cell)
                else:
                    sheet.write_number(line, at, value, cell)
            sheet.set_row(line, _LINE_HEIGHT * lines + 6)
        if table.rows:
            sheet.autofilter(1, 0, 1 + len(table.rows), len(table.columns) - 1)
        else:
            sheet.write_string(2, 0, table.if_empty, self._format("empty", font_size=11, text_wrap=False))
        sheet.freeze_panes(2, 0)
        sheet.set_landscape()
        sheet.repeat_rows(1)
        self._page(sheet, table.name)

    def _figure_format(self, sort: figures.Sort, value: Any) -> Any:
        """The format of a figure. Whole averages are shown without decimals, so that a month's count looks like one."""
        shown = "text" if value is None else "count" if sort == "average" and value == int(value) else sort
        numbers = {"count": "#,##0", "average": "#,##0.00", "yuan": "#,##0.00", "share": "0.0%", "date": "yyyy-mm-dd"}
        more: dict[str, Any] = {"border": 1, "border_color": "#BFBFBF"}
        if sort == "text":
            more["indent"] = 1  # a number that ends at the line to its left would run into the text
        else:
            more["align"] = "center" if sort in ("centre", "date") else "right"
        if shown in numbers:
            more |= {"num_format": numbers[shown], "quote_prefix": False}
        return self._format("figure", sort, shown, **more)

    def _page(self, sheet: Any, name: str) -> None:
        sheet.set_paper(9)
        sheet.set_margins(left=0.4, right=0.4, top=0.7, bottom=0.6)
        sheet.fit_to_pages(1, 0)
        unit = self.content.name.replace("&", "&&")
        sheet.set_header(f"&L{unit} 预警清单·{name}&R数据日期 {self.content.day.isoformat()}")
        sheet.set_footer("&L内部资料，含个人信息，注意保密&R第 &P 页，共 &N 页")

    def _notes(self) -> None:
        """Write sheet 说明: what the list is, what its words and colours mean, how to fill it in, what it rests on."""
        content = self.content
        sheet = self.book.add_worksheet("说明")
        sheet.set_column(0, 0, 18)
        sheet.set_column(1, 1, 92)
        title = f"{content.name} 预警清单·说明   数据日期 {content.day.isoformat()}"
        sheet.set_row(0, 26)
        sheet.write_string(0, 0, title, self._format("title", bold=True, font_size=13, text_wrap=False))
        line = 1
        for heading, pairs in self._chapters():
            sheet.set_row(line, 24)
            sheet.merge_range(
                line, 0, line, 1, "", self._format("chapter", bold=True, bg_color="#D9E2F0", font_size=11)
            )
            sheet.write_string(line, 0, heading, self._format("chapter"))
            for word, text, paint in pairs:
                line += 1
                more = {"bg_color": paint[0], "font_color": paint[1]} if paint else {}
                word_format = self._format("word", paint, bold=True, border=1, border_color="#BFBFBF", **more)
                sheet.write_string(line, 0, word, word_format)
                sheet.write_string(line, 1, mask(text), self._format("text", border=1, border_color="#BFBFBF"))
                sheet.set_row(line, _LINE_HEIGHT * max(_lines(text, 92), _lines(word, 18)) + 6)
            line += 2
        sheet.set_portrait()
        self._page(sheet, "说明")

    def _chapters(self) -> list[tuple[str, list[_Line]]]:
        content = self.content
        warnings = content.warnings
        levels: list[_Line] = [
            (
                title,
                f"{sum(row['level'] == level for row in warnings)} 条。{LEVEL_HINTS[level]}",
                LEVEL_COLOURS[level],
            )
            for level, title in LEVEL_TITLES.items()
        ]
        colours: list[_Line] = [
            (colour, f"{sum(row['colour'] == colour for row in content.households)} 户。{hint}", (back, front))
            for colour, (back, front, hint) in HOUSEHOLD_COLOURS.items()
            if colour in OPEN_COLOURS
        ]
        return [
            ("预警是提问，不是结论", [(word, text, None) for word, text in WHAT_IT_IS]),
            (
                "本表的日期和单位",
                [
                    ("数据日期", f"{content.day.isoformat()}。所有数字都截至这一天夜间比对时。", None),
                    ("范围", "全部单位。" if content.with_units else f"只有{content.name}的家庭。", None),
                    (
                        "单位",
                        f"“户”页一行一户，共 {len(content.households)} 户；“预警”页一行一条，{self._counts()}；"
                        f"“身份疑问”页一行一对，{self._question_counts()}；“抽样核查”页一行一个人或户，{self._sample_counts()}。",
                        None,
                    ),
                ],
            ),
            ("级别（“预警”页；“户”页取本户最高的）", levels),
            ("颜色（“户”页，表示需要哪一类帮助）", colours),
            ("怎么填、怎么交回", [(word, text.format(code=content.code), None) for word, text in HOW_TO_FILL]),
            ("核查结果各项的意思", [(OUTCOME_TITLES[key], hint, None) for key, hint in OUTCOME_HINTS.items()]),
            ("身份疑问怎么看、怎么填", [(word, text, None) for word, text in WHO_IS_WHO]),
            ("判断各项的意思", [(ANSWER_TITLES[key], hint, None) for key, hint in ANSWER_HINTS.items()]),
            ("抽样核查是什么、怎么填", [(word, text, None) for word, text in SAMPLED]),
            ("依据的名单到了没有", self._arrived()),
        ]

    def _arrived(self) -> list[_Line]:
        coverage, wanting = self.content.coverage, self._wanting()
        received = [row for row in coverage if row["received"] and row["state"] != "late"]
        not_due = sum(map(_is_not_due, coverage))
        late = sum(bool(row["days_late"]) for row in received)
        parts = [f"收到 {len(received)} 份" + (f"（其中晚到 {late} 份）" if late else "")]
        if not_due:
            parts.append(f"还没到应报日的 {not_due} 份{_STILL_USED}")
        if others := len(coverage) - len(received) - not_due:
            parts.append(f"没有收到、扣着或过期的 {others} 份")
        warns = (
            "下列名单没有收到、不完整或过期：有关预警不会因此新增或取消，但可能有家庭还没被发现。" if wanting else ""
        )
        said: list[_Line] = [("总数", f"应有名单 {len(coverage)} 份：{'，'.join(parts)}。{warns}", None)]
        units: dict[str, dict[str, list[str]]] = {}
        for row, words in wanting:
            units.setdefault(row["unit"], {}).setdefault(words, []).append(row["title"])
        said += [(unit, "；".join(map(_alike, by_words.values(), by_words)), None) for unit, by_words in units.items()]
        return said

    def _drop_downs(
        self, sheet: Any, columns: Sequence[_Column], rows: int, rules: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """Set what may be filled in. `rules`: field → data validation of its cells in all rows."""
        at = {column.field: place for place, column in enumerate(columns)}
        for field, rule in rules.items() if rows else ():
            sheet.data_validation(2, at[field], 1 + rows, at[field], dict(rule))

    def _found_rules(self, number: str, what: str) -> dict[str, dict[str, Any]]:
        """Rules for the columns FILLED_IN; `number` is the field that identifies the line."""
        return {
            "result": _one_of(FILLED_IN[0], OUTCOME_TITLES.values()),
            "measure": {
                "validate": "list", "source": list(MEASURES), "error_type": "information",
                "input_title": FILLED_IN[1], "input_message": "可以选，也可以自己写。",
                "error_title": "自己写的措施", "error_message": "不在常用项里，可以照写。",
            },
            "decided_by": _somebody(FILLED_IN[2], "核查"),
            "decided_on": self._some_day(FILLED_IN[3]),
            "note": {
                "validate": "any", "input_title": FILLED_IN[4],
                "input_message": "写清理由：看到了什么，问了谁，为什么这样处理。填了结果就要写。",
            },
            number: _not_to_touch(what),
        }  # fmt: skip

    def _question_rules(self) -> dict[str, dict[str, Any]]:
        return {
            "result": _one_of(JUDGED[0], ANSWER_TITLES.values()),
            "decided_by": _somebody(JUDGED[1], "判断"),
            "decided_on": self._some_day(JUDGED[2]),
            "note": {
                "validate": "any", "input_title": JUDGED[3],
                "input_message": "写清依据：看了什么材料，问了谁。选了判断就要写。",
            },
            "question_id": _not_to_touch("这条疑问"),
        }  # fmt: skip

    def _some_day(self, header: str) -> dict[str, Any]:
        today = self.content.day
        return {
            "validate": "date", "criteria": ">=", "value": date(today.year - 1, 1, 1),
            "input_title": header, "input_message": f"写成 {today.isoformat()} 这样。",
            "error_title": "认不出日期", "error_message": f"请写成 {today.isoformat()} 这样的日期。",
        }  # fmt: skip


_STILL_USED = "（有上一期的，先用上一期）"


def _is_not_due(row: Mapping[str, Any]) -> bool:
    """Whether the latest expected list has not come, and is not due yet."""
    return bool(row["state"] == "absent" and row["days_late"] == 0)


def _wanting_words(row: Mapping[str, Any]) -> str:
    """What is wrong with a list, in Chinese, or with the earlier one in use while it is not due; '' when nothing is wrong."""
    state, used = row["state"], row["used_state"]
    if state == "fresh":
        return ""
    if _is_not_due(row):
        return f"{COVERAGE_TITLES[used]}，最近一期 {row['used_period']}" if used not in (None, "fresh") else ""
    words = COVERAGE_TITLES[state]
    if state == "absent" and row["days_late"]:
        words += f"，晚了 {row['days_late']} 天"
    if row["used_period"] and state != "incomplete":
        words += f"，最近一期 {row['used_period']}"
        if state != "late" and used != "fresh":
            words += f"，{COVERAGE_TITLES[used]}"
    return words


def _alike(titles: Sequence[str], words: str) -> str:
    """The titles of lists with the same words about them, and these words."""
    return f"{'、'.join(titles)}（{'都是：' if len(titles) > 1 else ''}{words}）"


def _one_of(header: str, words: Iterable[str]) -> dict[str, Any]:
    return {
        "validate": "list", "source": list(words),
        "input_title": header, "input_message": "请从下拉列表中选一个。各项的意思见“说明”页。",
        "error_title": "不在选项内", "error_message": "请从下拉列表中选择，别的写法无法登记。",
    }  # fmt: skip


def _somebody(header: str, does: str) -> dict[str, Any]:
    return {
        "validate": "length", "criteria": "between", "minimum": 2, "maximum": 40,
        "input_title": header, "input_message": f"写姓名。谁{does}，谁签名，会留下记录。",
        "error_title": "请写姓名", "error_message": f"请写{header}的姓名，2 到 40 个字。",
    }  # fmt: skip


def _not_to_touch(what: str) -> dict[str, Any]:
    return {"validate": "any", "input_title": "请勿改动", "input_message": f"交回时靠这个编号对上{what}。"}


def _lines(text: str, width: int) -> int:
    """Number of lines of a text in a column of `width` half-width characters; a Chinese character takes two, as in GBK."""
    return sum(max(1, -(-len(part.encode("gb18030", "replace")) // (width - 1))) for part in text.split("\n"))
