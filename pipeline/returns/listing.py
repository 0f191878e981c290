"""The sheet 问题清单: what the sender has to do, what became of the file, then one line per fault."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import xlsxwriter

from pipeline.model import SEVERITIES, SEVERITY_TITLES, Reading, column_letter
from pipeline.returns.package import FILLS, LISTING

Status = Literal["accepted", "partly_accepted", "refused", "held", "superseded", "repeated"]

MOST_LINES = 10_000
MOST_ACTIONS = 50
MOST_LINKS = 60_000
MOST_RANGES = 40
_WIDTHS = (6, 8, 14, 7, 6, 15, 22, 46, 34)
_HEADER = ("序号", "级别", "工作表", "行", "列", "表头", "您填的内容", "问题", "怎么改")
ILLEGAL = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]+")
_STATUS: dict[str, str] = {
    "accepted": "全部接收",
    "partly_accepted": "部分接收:退回的行没有入库,其余已经入库",
    "refused": "整份退回:一行也没有入库",
    "held": "暂存:等市局核对后再入库,您暂时不用重报",
    "superseded": "已由后来的文件代替",
    "repeated": "与以前收到的文件完全相同,没有重复入库",
}


@dataclass(frozen=True)
class SubmissionSummary:
    """What became of one kind in one file. Rows add up: read = accepted + set aside + out of scope."""

    kind_title: str
    reading: Reading
    rows_read: int
    rows_accepted: int
    rows_set_aside: int
    rows_out_of_scope: int
    status: Status
    reason: str = ""
    notices: Sequence[str] = field(default=())
    accepted_path: Path | None = None
    """The accepted rows (Parquet with `sheet`, `row_number`), so that the sender is told which they are."""


class _Page:
    """Writes rows of our sheet, top to bottom; all text is text, whatever it begins with."""

    def __init__(self, target: Path) -> None:
        self.book = xlsxwriter.Workbook(
            str(target),
            {
                "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
                "strings_to_numbers": False, "max_url_length": 2079,
            },
        )  # fmt: skip
        self.book.set_properties({"author": "数据检查", "created": datetime(2000, 1, 1, tzinfo=UTC)})
        self.sheet = self.book.add_worksheet(LISTING)
        self.row = 0
        self.links = 0
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
            "link": {**text, "font_color": "#0B5CAD", "underline": 1},
            "line": line,
            "centre": {**line, "align": "center"},
            "count": {**line, "num_format": 0, "quote_prefix": False, "align": "center"},
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
        for column, width in enumerate(_WIDTHS):
            self.sheet.set_column(column, column, width)
        self.sheet.freeze_panes(2, 0)
        self.sheet.hide_gridlines(2)
        self.sheet.set_landscape()
        self.sheet.set_paper(9)
        self.sheet.fit_to_pages(1, 0)
        self.sheet.repeat_rows(0, 1)
        self.sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        self.sheet.set_footer("&C第 &P 页,共 &N 页")

    def wide(self, text: str, look: str = "text", first: int = 0, size: int = 10) -> None:
        """One text across the page from column `first` on, as high as it needs."""
        self.span(first, len(_WIDTHS) - 1, text, look, size)
        self.row += 1

    def span(self, first: int, last: int, text: str, look: str = "text", size: int = 10) -> None:
        """A text across columns of the current row."""
        room = sum(_WIDTHS[first : last + 1]) * 10 / size
        lines = sum(-(-max(_width(part), 1) // int(room)) for part in clean(text, keep_lines=True).split("\n"))
        self.sheet.set_row(self.row, max(lines, 1) * size * 1.65 + 3)
        if first < last:
            self.sheet.merge_range(self.row, first, self.row, last, "", self.looks[look])
        self.text(first, clean(text, keep_lines=True), look)

    def text(self, column: int, text: str, look: str) -> None:
        """A text in a cell of the current row."""
        if text:
            self.sheet.write_string(self.row, column, text, self.looks[look])
        else:
            self.sheet.write_blank(self.row, column, None, self.looks[look])

    def link(self, column: int, text: str, sheet: str, cell: str, look: str) -> None:
        """A text that leads to a cell of this workbook; plain text once there are as many as a sheet bears."""
        if self.links >= MOST_LINKS:
            self.text(column, text, look)
            return
        self.links += 1
        place = f"internal:'{sheet.replace(chr(39), chr(39) * 2)}'!{cell}"
        self.sheet.write_url(self.row, column, place, self.looks[look], text, f"转到 {cell}")

    def close(self) -> None:
        self.book.close()


def clean(text: str, *, keep_lines: bool = False, most: int = 30_000) -> str:
    """Text that a workbook bears: no control characters, no lone surrogates, not too long."""
    if keep_lines:
        text = "\n".join(ILLEGAL.sub(" ", line) for line in text.split("\n"))
    else:
        text = ILLEGAL.sub(" ", text)
    return text if len(text) <= most else text[:most] + "…"


def write(
    target: Path,
    file_name: str,
    summaries: Sequence[SubmissionSummary],
    issues: pd.DataFrame,
    sheets: frozenset[str],
    remarks: Sequence[str],
) -> None:
    """Write a workbook whose only sheet is 问题清单.

    `sheets` are those that links may lead to; `remarks` are sentences about the copy itself (what was capped, simplified).
    """
    page = _Page(target)
    issues = _ordered(issues)
    actions = _actions(issues)
    orders = _orders(summaries, issues)
    page.text(0, _title(summaries, len(orders) + len(actions)), "title")
    page.sheet.set_row(0, 34)
    page.row = 1
    for column, header in enumerate(_HEADER):
        page.text(column, header, "strip")
    page.sheet.set_row(1, 20)
    page.row = 2
    page.wide(f"文件:{file_name}", "small")
    lines = _chosen(issues)
    _write_actions(page, orders, actions, issues, lines, sheets)
    _write_outcome(page, summaries)
    said = list(dict.fromkeys([note for one in summaries for note in (*one.reading.notices, *one.notices)]))
    if said or remarks:
        _section(page, "系统的处理和提醒")
        for note in [*said, *remarks]:
            page.wide(f"· {note}")
    if len(issues):
        _write_lines(page, issues, lines, sheets)
    page.close()


def write_refusal(target: Path, file_name: str, reason: str, fix: str) -> None:
    """Write the receipt of a file that could not be opened."""
    page = _Page(target)
    page.text(0, "您需要做的 1 件事", "title")
    page.sheet.set_row(0, 34)
    page.row = 2
    page.wide(f"文件:{file_name}", "small")
    _action_line(page, 1, "must_fix", fix)
    page.row += 1
    _section(page, "文件结果")
    page.wide(f"整份退回:{reason}")
    page.wide("这份文件打不开,所以没有逐行检查,一行也没有入库。您报来的原文件已经原样存档。")
    page.close()


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WFA" else 1 for letter in text)


def _ordered(issues: pd.DataFrame) -> pd.DataFrame:
    """By place, the whole file first; `position` numbers the lines, `rank` the severity, 0 the gravest."""
    issues = issues.assign(
        rank=pd.Categorical(issues["severity"], categories=list(SEVERITIES)).codes.astype("int64"),
        at_row=issues["row_number"].fillna(0).astype("int64"),
        at_column=issues["column"].fillna(0).astype("int64"),
    )
    order = ["sheet", "at_row", "at_column", "rank", "rule"]
    return issues.sort_values(order, kind="stable", ignore_index=True)


def _actions(issues: pd.DataFrame) -> pd.DataFrame:
    """One row per thing to do: rank, rule, fix, cells, rows, first (position of its first fault), most rows first."""
    asked = issues[issues["severity"].ne("notice")]
    if asked.empty:
        return pd.DataFrame(columns=["rank", "rule", "fix", "cells", "rows", "first"])
    keys = ["rank", "rule", "fix"]
    asked = asked.assign(position=asked.index)
    actions = asked.groupby(keys, sort=False, as_index=False).agg(
        cells=("position", "size"), first=("position", "min"), in_rows=("at_row", lambda rows: int(rows.gt(0).sum()))
    )
    rows = asked[asked["at_row"].gt(0)].drop_duplicates([*keys, "sheet", "at_row"]).groupby(keys).size()
    actions["rows"] = pd.MultiIndex.from_frame(actions[keys]).map(rows.to_dict()).fillna(0).astype("int64")
    actions["-rows"] = -actions["rows"]
    return actions.sort_values(["rank", "-rows", "first", "rule"], ignore_index=True)


def _orders(summaries: Sequence[SubmissionSummary], issues: pd.DataFrame) -> list[tuple[str, str]]:
    """(what to do, why) for each kind that was refused as a whole, unless a fault of the whole file says it already."""
    said = set(issues.loc[issues["at_row"].eq(0), "fix"])
    found = []
    for one in summaries:
        if one.status == "refused":
            refusal = one.reading.refusal
            fix = refusal.fix if refusal else f"{one.kind_title}:请按“文件结果”里的原因改好后重新报送"
            reason = one.reason or (refusal.reason if refusal else "")
            if fix not in said:
                found.append((fix, reason))
    return list(dict.fromkeys(found))


def _title(summaries: Sequence[SubmissionSummary], count: int) -> str:
    if count:
        return f"您需要做的 {count} 件事"
    states = {one.status for one in summaries}
    if states == {"repeated"}:
        return "这份文件以前已经收到过,您不需要做任何事"
    if "held" in states:
        return "文件已收到,正在等市局核对,您暂时不需要做任何事"
    return "全部接收,您不需要做任何事"


def _section(page: _Page, title: str) -> None:
    page.row += 1
    page.wide(title, "section", size=13)


def _action_line(page: _Page, number: int, severity: str, fix: str) -> None:
    page.span(2, len(_WIDTHS) - 1, fix, "action", 12)
    page.sheet.write_number(page.row, 0, number, page.looks["number"])
    page.text(1, SEVERITY_TITLES[severity], f"action_{severity}")  # type: ignore[index]
    page.row += 1


def _write_actions(
    page: _Page,
    orders: list[tuple[str, str]],
    actions: pd.DataFrame,
    issues: pd.DataFrame,
    lines: pd.Index[int],
    sheets: frozenset[str],
) -> None:
    for number, (fix, reason) in enumerate(orders, start=1):
        _action_line(page, number, "must_fix", fix)
        if reason:
            page.wide(reason, first=2)
    shown = actions.head(MOST_ACTIONS)
    listed = issues.loc[lines].groupby(["rank", "rule", "fix"]).size().to_dict() if len(issues) else {}
    groups = issues.groupby(["rank", "rule", "fix"], sort=False).indices if len(issues) else {}
    many_sheets = issues.loc[issues["at_row"].gt(0), "sheet"].nunique() > 1
    for number, one in enumerate(shown.itertuples(index=False), start=len(orders) + 1):
        key = (one.rank, one.rule, one.fix)
        _action_line(page, number, SEVERITIES[one.rank], one.fix)
        count = f"涉及 {one.rows} 行、{one.cells} 处" if one.rows else f"{one.cells} 处(整份文件)"
        if (inside := listed.get(key, 0)) < one.cells:
            count += f"(下面列出 {inside} 处)"
        places = issues.iloc[groups[key][:3]]
        places = places[places["at_row"].gt(0)]
        page.span(2, 5 if len(places) else len(_WIDTHS) - 1, count)
        for column, place in enumerate(places.itertuples(index=False), start=6):
            cell = f"{column_letter(max(place.at_column, 1))}{place.at_row}"
            text = clean(f"{place.sheet}!{cell}" if many_sheets else f"看 {cell}({place.header or '整行'})", most=60)
            if place.sheet in sheets and place.at_row <= 1_048_576:
                page.link(column, text, place.sheet, cell, "link")
            else:
                page.text(column, text, "text")
        page.row += 1
    if len(actions) > MOST_ACTIONS:
        rest = actions.iloc[MOST_ACTIONS:]
        page.wide(f"另有 {len(rest)} 件事、{int(rest['cells'].sum())} 处,没有列在这里,见下面的逐处清单。")
    _write_gain(page, actions, issues)
    if orders or len(actions):
        page.row += 1
        page.wide(
            "改好后请把整份文件再放进原来的收件文件夹。可以直接在本文件上改:这张“问题清单”、颜色和批注都不用删,系统收到后自己略过。"
        )
        page.wide("红色=退回,改好才能入库;黄色=请确认,已入库,但这一格暂不使用;蓝色=提醒,可以不改。", "small")


def _write_gain(page: _Page, actions: pd.DataFrame, issues: pd.DataFrame) -> None:
    """How many of the rows that were sent back the first five things to do would cure."""
    grave = actions[actions["rank"].eq(0)]
    bad = issues[issues["rank"].eq(0) & issues["at_row"].gt(0)]
    if len(grave) <= 5 or bad.empty:
        return
    first = pd.MultiIndex.from_frame(grave[["rule", "fix"]].head(5))
    is_later = ~pd.MultiIndex.from_frame(bad[["rule", "fix"]]).isin(first)
    keys = [bad["sheet"].to_numpy(), bad["at_row"].to_numpy()]
    uncured = pd.Series(is_later).groupby(keys).any()
    page.row += 1
    page.wide(f"先做标“退回”的前 5 件:有问题的 {len(uncured)} 行里,{int((~uncured).sum())} 行就没有要退回的问题了。")


def _write_outcome(page: _Page, summaries: Sequence[SubmissionSummary]) -> None:
    _section(page, "文件结果")
    for one in summaries:
        title = one.kind_title + (
            f"({one.reading.period[:4]}年{int(one.reading.period[5:])}月)" if one.reading.period else ""
        )
        page.wide(f"{title} —— {_STATUS[one.status]}", "action", size=12)
        if one.status != "repeated":
            page.wide(
                f"读取 {one.rows_read} 行 = 接收 {one.rows_accepted} 行 + 退回 {one.rows_set_aside} 行"
                f" + 不在范围 {one.rows_out_of_scope} 行"
            )
        reason = one.reason or (one.reading.refusal.reason if one.reading.refusal else "")
        if reason:
            page.wide(f"原因:{reason}")
        for text in _accepted_rows(one):
            page.wide(text, "small")


def _accepted_rows(one: SubmissionSummary) -> list[str]:
    """Which rows were accepted, sheet by sheet. Not for lists of which only people in scope are kept: it would tell who they are."""
    if one.accepted_path is None or not one.rows_accepted or one.rows_out_of_scope:
        return []
    table = pq.read_table(one.accepted_path, columns=["sheet", "row_number"]).to_pandas()
    texts = []
    for sheet, rows in table.groupby("sheet", sort=True)["row_number"]:
        numbers = np.unique(rows.to_numpy())
        breaks = np.flatnonzero(np.diff(numbers) > 1)
        firsts, lasts = numbers[np.r_[0, breaks + 1]], numbers[np.r_[breaks, len(numbers) - 1]]
        parts = [f"{first}" if first == last else f"{first}—{last}" for first, last in zip(firsts, lasts, strict=True)]
        text = f"接收的行{f'(工作表“{sheet}”)' if sheet else ''}:第 {'、'.join(parts[:MOST_RANGES])} 行"
        if len(parts) > MOST_RANGES:
            left = int((lasts[MOST_RANGES:] - firsts[MOST_RANGES:] + 1).sum())
            text += f",另有 {len(parts) - MOST_RANGES} 段共 {left} 行"
        texts.append(text + "。")
    return texts


def _chosen(issues: pd.DataFrame) -> pd.Index[int]:
    """Which faults get a line: each rule its first ones in turn, so that a frequent fault does not hide a rare one."""
    turn = issues.groupby("rule").cumcount().sort_values(kind="stable")
    return turn.index[:MOST_LINES].sort_values()


def _write_lines(page: _Page, issues: pd.DataFrame, lines: pd.Index[int], sheets: frozenset[str]) -> None:
    _section(page, f"逐处清单(共 {len(issues)} 处)")
    if len(lines) < len(issues):
        page.wide(
            f"下面列出 {len(lines)} 处,另有 {len(issues) - len(lines)} 处没有列出(每种问题都列了最前面的若干处);"
            "没有列出的在原表里同样标了颜色。"
        )
    columns = ["severity", "sheet", "at_row", "at_column", "header", "value", "message", "fix"]
    for number, line in enumerate(issues.loc[lines, columns].itertuples(index=False), start=1):
        severity, sheet, row, column, header, value, message, fix = line
        page.sheet.write_number(page.row, 0, number, page.looks["count"])
        page.text(1, SEVERITY_TITLES[severity], f"line_{severity}")  # type: ignore[index]
        page.text(2, clean(sheet), "line")
        if row:
            cell = f"{column_letter(max(column, 1))}{row}"
            is_linked = sheet in sheets and row <= 1_048_576
            for place, text in ((3, str(row)), (4, column_letter(column) if column else "整行")):
                if is_linked and place == 3:
                    page.link(place, text, sheet, cell, "line_link")
                else:
                    page.text(place, text, "centre")
        else:
            page.text(3, "整份", "centre")
            page.text(4, "", "centre")
        page.text(5, clean(header, most=100), "line")
        page.text(6, clean(value, most=200), "line")
        page.text(7, clean(message, most=2_000), "line")
        page.text(8, clean(fix, most=1_000), "line")
        page.row += 1
