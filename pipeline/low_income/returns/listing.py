"""Writes the sheet 问题清单: what the sender has to do, what became of the file, then one line per fault."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from low_income import advice
from low_income.model import (
    CHECK_LEVEL_TITLES,
    IDENTICAL_TWIN,
    NO_NUMBER_YET,
    NOT_CONFIRMED,
    SEVERITIES,
    SEVERITY_TITLES,
    Reading,
    Refusal,
    Severity,
    column_letter,
    mask,
)
from low_income.reading import endings
from low_income.returns.page import LAST, LEVEL, Page, clean
from low_income.settings import contracts

Status = Literal["accepted", "partly_accepted", "refused", "held", "superseded", "repeated", "checked"]
"""`checked`: judged for a person who asked (`monitor check`), and not taken in."""

NO_ROW = "没有一行可以接收"
"""The reason of a kind that was refused because each of its rows was sent back for its own faults."""
MOST_LINES = 10_000
MOST_ACTIONS = 50
MOST_RANGES = 40
MOST_ROWS = 1_048_576
"""The most rows of a sheet."""
_STATUS: dict[str, str] = {
    "accepted": "全部接收",
    "partly_accepted": "部分接收：退回的行没有入库，其余已经入库",
    "refused": "整份退回：一行也没有入库",
    "held": "暂存：等市局核对后再入库，您暂时不用重报",
    "superseded": "已由后来的文件代替",
    "repeated": "与以前收到的文件完全相同，没有重复入库",
    "checked": "只是检查，没有收下",
}


_STATUS_OF_LIST = {
    "partly_accepted": "部分接收：退回的行没有登记，其余已经登记",
    "refused": "整份退回：一行也没有登记",
}
"""Statuses of a filled-in list: its rows are recorded, not stored as data."""


@dataclass(frozen=True)
class SubmissionSummary:
    """What became of one kind in one file; read = accepted + set aside + out of scope."""

    kind_title: str
    reading: Reading
    rows_read: int
    rows_accepted: int
    rows_set_aside: int
    rows_out_of_scope: int
    status: Status
    reason: str = ""
    notices: Sequence[str] = field(default=())
    trend: Mapping[str, int] = field(default_factory=dict)
    """State (`validation_issue.state`) → how many error lines of the kind are in it."""
    accepted_path: Path | None = None
    """The accepted rows (Parquet with `sheet`, `row_number`), so that the sheet can name them."""
    folder: str = ""
    """The folder of a filled-in list, into which it is put again; '' for a data file, which goes into its unit's inbox."""


def write(
    target: Path,
    file_name: str,
    summaries: Sequence[SubmissionSummary],
    issues: pd.DataFrame,
    sheets: frozenset[str] | None,
    remarks: Sequence[str],
    *,
    has_correction: bool = False,
) -> None:
    """Write a workbook whose only sheet is 问题清单.

    `sheets`: those to which links may lead; None when the sender's own sheets are not in the copy. `remarks`: sentences
    about the copy itself (what was capped, simplified). `has_correction`: a correction workbook stands beside a copy
    without the sender's sheets.
    """
    page = Page(target)
    found = _Lines(issues)
    actions = _actions(found)
    orders = _orders(summaries, found)
    page.heading(_title(summaries, len(orders) + len(actions)), file_name)
    listed = _chosen(found)
    is_check = any(one.status == "checked" for one in summaries)
    folder = next((one.folder for one in summaries), "")
    where = _where_to_mend(sheets, has_correction=has_correction)
    _write_actions(page, orders, actions, found, listed, sheets, where=where, is_check=is_check, folder=folder)
    _write_outcome(page, summaries, found)
    said = [note for note in _notes(summaries) if NOT_CONFIRMED not in note]
    if said or remarks:
        page.section("系统的处理和提醒")
        for note in [*said, *remarks]:
            page.wide(f"· {note}")
    if len(found):
        _write_lines(page, found, listed, sheets, _unlisted(sheets, has_correction=has_correction))
    page.close()


def _notes(summaries: Sequence[SubmissionSummary]) -> list[str]:
    return list(dict.fromkeys(note for one in summaries for note in (*one.reading.notices, *one.notices)))


def write_refusal(target: Path, file_name: str, refusal: Refusal, *, is_taken: bool, folder: str) -> None:
    """Write the receipt of a file that could not be opened. `is_taken`: the file was sent, and is in the archive.

    `folder`: as in `SubmissionSummary`.
    """
    page = Page(target)
    page.heading("您需要做的 1 件事", file_name)
    _action_line(page, 1, "must_fix", refusal.fix)
    if is_taken and (where := _where_again(file_name, refusal, folder)):
        page.wide(where, first=2)
    page.row += 1
    page.section("文件结果")
    page.wide(f"整份退回：{refusal.reason}")
    kept = (
        f"一行也没有{'登记' if folder else '入库'}。您报来的原文件已经原样存档。"
        if is_taken
        else "只是检查，什么都没有收下。"
    )
    page.wide(f"这份文件没有逐行检查，{kept}")
    page.close()


_SAYS_ITSELF = frozenset({
    "unknown_unit", "unopened", "never_a_list", "wrong_sender", "other_division", "which_kind",
    "no_base", "base_changed", "nothing_changed", "correction_changed", "filled_list",
})  # fmt: skip
"""Codes of refusals whose own words are enough: they ask for another name, folder or file, or the file is no list."""


def _where_again(file_name: str, refusal: Refusal, folder: str) -> str:
    """A sentence: where the corrected file goes, and under which name, so that it replaces the refused one; '' when not needed."""
    ending, as_xlsx = endings.ending(file_name), mask(endings.as_xlsx(file_name))
    if refusal.fix in (advice.UNPACK, advice.SEND_AGAIN_WHEN_MENDED) or refusal.code in _SAYS_ITSELF:
        return ""
    if folder:
        return f"改好后请放进 {folder}。"
    if refusal.fix.startswith(advice.add_ending("")[:9]):
        return ""
    if ending not in endings.READ:
        return f"改好后用文件名“{as_xlsx}”再放进收件箱。"
    other = "" if ending == ".xlsx" else f"；改存成 .xlsx 的，文件名是“{as_xlsx}”"
    return f"改好后用原来的文件名再放进收件箱{other}。"


def write_replaced(target: Path, file_name: str, by: str) -> None:
    """Write that the later file `by` replaced this file, and that nothing needs to be done about it."""
    page = Page(target)
    page.heading(f"已由后来的文件（《{mask(by)}》）代替，您不需要做任何事", file_name)
    page.wide("要改的，都写在后来那份文件的退回件里。请不要再报这一份。")
    page.close()


def write_put_off(target: Path, told: Mapping[str, Sequence[str]]) -> None:
    """Write which files are put off to a later night. `told`: why → their names."""
    page = Page(target)
    count = sum(map(len, told.values()))
    page.heading("还没有轮到的文件：您不需要做任何事", f"{count} 份")
    page.wide("下一夜接着收，不用重报，也请不要删。轮到以前，这些名单按没有交齐算：不会因为里面没有谁就下结论。")
    page.wide("文件本来就多或大的，请告诉市局数据员。")
    for why, names in told.items():
        page.section(why)
        for name in names:
            page.wide(mask(name))
    page.close()


class _Lines:
    """The error lines as parallel lists, sorted by place, those of the whole file first.

    Most files have a few lines, for which each operation of pandas costs a thousand times what these lists cost.
    """

    def __init__(self, issues: pd.DataFrame) -> None:
        rank_of = {severity: rank for rank, severity in enumerate(SEVERITIES)}
        ranks = [rank_of[severity] for severity in issues["severity"].tolist()]
        rows = issues["row_number"].fillna(0).astype("int64").to_numpy()
        columns = issues["column"].fillna(0).astype("int64").to_numpy()
        rules, sheets = _shared(issues["rule"]), _shared(issues["sheet"])
        order = np.lexsort([_codes(rules), np.array(ranks, np.int64), columns, rows, _codes(sheets)])
        self._issues, self._order = issues, order
        at = order.tolist()
        self.rank = [ranks[one] for one in at]
        """Severity as its position in SEVERITIES: 0 is the gravest."""
        self.rule = [rules[one] for one in at]
        self.sheet = [sheets[one] for one in at]
        self.row: list[int] = rows[order].tolist()
        """0: the whole file."""
        self.column: list[int] = columns[order].tolist()
        """1-based; 0: the whole row."""
        fixes, headers, values = (_shared(issues[name]) for name in ("fix", "header", "value"))
        self.fix = [fixes[one] for one in at]
        self.header = [headers[one] for one in at]
        self.value = [values[one] for one in at]

    def __len__(self) -> int:
        return len(self.rank)

    def key(self, at: int) -> tuple[int, str, str]:
        """What one thing to do has in common."""
        return self.rank[at], self.rule[at], self.fix[at]

    def texts(self, name: str, listed: Sequence[int]) -> list[str]:
        """A column at these positions; for columns that are read only where a line is written."""
        texts: list[str] = self._issues[name].take(self._order[list(listed)]).tolist()
        return texts

    def counted_once(self, sheets: Collection[str]) -> int:
        """How many rows on these sheets were left out only because they repeat another row."""
        if IDENTICAL_TWIN not in self.rule:
            return 0
        severities = [SEVERITIES[rank] for rank in self.rank]
        lines = zip(self.sheet, self.row, self.rule, severities, strict=True)
        return _counted_once(line for line in lines if line[0] in sheets)

    def may_be_confirmed(self, at: int) -> bool:
        """Whether the sender may confirm a line with a reason in place of a correction."""
        rule: str = self.rule[at]
        return SEVERITIES[self.rank[at]] == "confirm" or rule.endswith(f".{NO_NUMBER_YET}")


def _shared(texts: pd.Series[Any]) -> list[Any]:
    """A column as a list in which equal texts are one object."""
    known: dict[Any, Any] = {}
    return [known.setdefault(text, text) for text in texts.tolist()]


def _codes(texts: Sequence[str]) -> np.ndarray[Any, Any]:
    """For each text its position among the different texts, sorted."""
    code = {text: at for at, text in enumerate(sorted(set(texts)))}
    return np.array([code[text] for text in texts], np.int64)


@dataclass(frozen=True)
class _Action:
    """One thing to do, and how many cells and rows it is about; `places`: positions of its first faults."""

    rank: int
    rule: str
    fix: str
    what: str
    """The fix, with the sender's column and what is written there."""
    cells: int
    rows: int
    places: list[int]


_SHOWN_OF_A_VALUE = 20


_WITHOUT_TEXT = {
    "formula_without_value": "的公式没有算出结果",
    "error_value": "的公式出了错",
    "stored_elsewhere": "的内容不在这个文件里",
}
"""Problem of a cell that has content but no text → words for it: such a cell is not blank."""


def what_to_do(header: str, values: Sequence[str], fix: str, rule: str = "") -> str:
    """One thing to do, in Chinese: the sender's own column, what is written there, what belongs there.

    `values`: the texts of the cells that the `rule` found, '' for a blank one; the first text is shown.
    """
    fix = by_own_header(fix, header)
    written = list(dict.fromkeys(value for value in values if value))
    if header and not written and (told := _WITHOUT_TEXT.get(rule.rpartition(".")[2])):
        return f"“{header}”{told}：{fix}"
    if not header or (not written and header in fix):
        return fix
    if not written:
        return f"“{header}”没有填：{fix}"
    shown = written[0] if len(written[0]) <= _SHOWN_OF_A_VALUE else f"{written[0][:_SHOWN_OF_A_VALUE]}…"
    return f"“{header}”填的“{shown}”{'等' if len(written) > 1 else ''}：{fix}"


def by_own_header(fix: str, header: str) -> str:
    """The fix of a blank cell, with the sender's name of the column in place of ours (which the letter uses)."""
    return re.sub("^补填“[^”]*”", lambda _: f"补填“{header}”", fix) if header else fix


def _actions(lines: _Lines) -> list[_Action]:
    """What the sender is asked to do, one per rule and fix: the gravest first, then those with most rows."""
    groups: dict[tuple[int, str, str], list[int]] = {}
    for at, rank in enumerate(lines.rank):
        if SEVERITIES[rank] != "notice":
            groups.setdefault(lines.key(at), []).append(at)
    found = [
        _Action(
            rank, rule, fix, what_to_do(lines.header[group[0]], [lines.value[at] for at in group], fix, rule),
            len(group), len({(lines.sheet[at], lines.row[at]) for at in group if lines.row[at]}), group[:3],
        )
        for (rank, rule, fix), group in groups.items()
    ]  # fmt: skip
    return sorted(found, key=lambda one: (one.rank, -one.rows, one.places[0], one.rule))


def _orders(summaries: Sequence[SubmissionSummary], lines: _Lines) -> list[tuple[Severity, str, str]]:
    """(severity, what to do, why) of kinds refused as a whole, of lists with gaps, and of confirmations that were not taken.

    Without what a fault of the whole file says already.
    """
    said = {fix for fix, row in zip(lines.fix, lines.row, strict=True) if not row}
    found: list[tuple[Severity, str, str]] = [
        ("confirm", note, "") for note in _notes(summaries) if NOT_CONFIRMED in note
    ]
    for one in summaries:
        if one.status == "refused":
            refusal = one.reading.refusal
            fix, reason = refusal.fix if refusal else "", one.reason or (refusal.reason if refusal else "")
            if not refusal and reason not in ("", NO_ROW):  # the reason's second sentence, if any, says what to do
                reason, _, fix = reason.partition("。")
                fix = f"{one.kind_title}：{fix}" if fix else ""
            elif not refusal and SEVERITIES.index("must_fix") not in lines.rank:  # else the rows say it
                fix = f"{one.kind_title}：请改好清单里标出的行，再整份重新报送"
            if fix and fix not in said:
                found.append(("must_fix", fix, reason))
        elif one.status in ("accepted", "partly_accepted", "checked") and one.reading.gaps and _has_gaps(one):
            fix = f"{one.kind_title}：漏掉了人的，补全后用原来的文件名再交；没有漏掉人的，请告诉市局数据员确认"
            found.append(("confirm", fix, f"在此以前这份名单按不完整算：{'；'.join(one.reading.gaps)}"))
    return list(dict.fromkeys(found))


def _has_gaps(one: SubmissionSummary) -> bool:
    """Whether a gap in the list matters to rules (`Kind.has_gaps`)."""
    return bool(one.reading.kind) and contracts.load().kinds[str(one.reading.kind)].has_gaps


def _title(summaries: Sequence[SubmissionSummary], count: int) -> str:
    """The title, which the sender reads first. It says that all was accepted only when that is so."""
    if count:
        return f"您需要做的 {count} 件事"
    states = {one.status for one in summaries}
    aside = sum(one.rows_set_aside for one in summaries)
    # A correction workbook, or confirmations alone.
    is_about_another = any(not one.kind_title and one.status == "accepted" for one in summaries)
    said = (
        ("repeated" in states and states <= {"repeated", "superseded"}, "这份文件以前已经收到过，您不需要做任何事"),
        ("held" in states, "文件已收到，正在等市局核对，您暂时不需要做任何事"),
        ("checked" in states, "没有发现要改的。只是检查，没有收下：放进收件箱才算报送"),
        (is_about_another, "已收到，结果见下面；改过的那份名单另有退回件"),
        (states == {"refused"}, "整份没有采用，您不需要做任何事（原因见下面）"),
        (aside > 0, f"已接收，其中 {aside} 行没有采用（见下面），您可以不改"),
        ("superseded" in states, "已由后来的文件代替，您不需要做任何事"),
    )
    return next((words for is_so, words in said if is_so), "全部接收，您不需要做任何事")


def _action_line(page: Page, number: int, severity: Severity, fix: str) -> None:
    page.span(2, LAST, fix, "action", 12)
    page.sheet.write_number(page.row, 0, number, page.looks["number"])
    page.text(1, SEVERITY_TITLES[severity], f"action_{severity}")
    page.row += 1


def _write_actions(
    page: Page,
    orders: list[tuple[Severity, str, str]],
    actions: list[_Action],
    lines: _Lines,
    listed: Sequence[int],
    sheets: frozenset[str] | None,
    *,
    where: str,
    is_check: bool,
    folder: str,
) -> None:
    for number, (severity, fix, reason) in enumerate(orders, start=1):
        _action_line(page, number, severity, fix)
        if reason:
            page.wide(reason, first=2)
    inside_of = Counter(map(lines.key, listed))
    is_many = len({sheet for sheet, row in zip(lines.sheet, lines.row, strict=True) if row}) > 1
    for number, one in enumerate(actions[:MOST_ACTIONS], start=len(orders) + 1):
        _action_line(page, number, SEVERITIES[one.rank], one.what)
        inside = inside_of[one.rank, one.rule, one.fix]
        count = f"涉及 {one.rows} 行、{one.cells} 处" if one.rows else f"{one.cells} 处（整份文件）"
        if inside < one.cells:
            count += f"（下面列出 {inside} 处）"
        places = [at for at in one.places if lines.row[at]]
        page.span(6 if places else 2, LAST, count)
        for column, at in zip((2, 3, 5), places, strict=False):
            sheet, row = lines.sheet[at], lines.row[at]
            if column == 3:
                page.join(3, 4)
            cell = f"{column_letter(max(lines.column[at], 1))}{row}"
            page.link(
                column, f"{sheet}!{cell}" if is_many else f"看 {cell}", sheet, cell, "link", row in _room(sheet, sheets)
            )
        page.row += 1
    if rest := actions[MOST_ACTIONS:]:
        page.wide(f"另有 {len(rest)} 件事、{sum(one.cells for one in rest)} 处，没有列在这里，见下面的逐处清单。")
    _write_gain(page, actions, lines)
    if orders or actions:
        page.row += 1
        page.wide(where.format(where=f" {folder}" if folder else _INBOX))
        if any(map(lines.may_be_confirmed, range(len(lines)))):
            page.wide(
                "标“请确认”的，如果核对后就是这样：在清单右边选“是”，写上原因和确认人，随文件一起放回，以后不再问。"
            )
        page.wide(_OF_LIST if folder else _WHAT_WOULD_BE if is_check else _WHAT_COLOURS_SAY, "small")


_WHAT_COLOURS_SAY = "红色：退回，改好才能入库；黄色：请确认，已入库，但这一格暂不使用；蓝色：提醒，可以不改。"
_WHAT_WOULD_BE = "红色：报上来会退回；黄色：请确认，会收，但这一格暂不使用；蓝色：提醒，可以不改。"
_OF_LIST = "红色：退回，改好才能登记；黄色：请确认；蓝色：提醒，可以不改。"
_INBOX = "收件箱（inbox 里本单位的文件夹）"
_HERE = (
    "改好后请把整份文件再放进{where}。可以直接在本文件上改：这张“问题清单”、颜色和批注都不用删，系统收到后自己略过。"
)
_ELSEWHERE = "本文件里没有原表：请在您自己的原文件上改，改好后用原来的文件名再放进{where}。"
_IN_CORRECTION = (
    "本文件里没有原表：请在旁边的更正表上改，改好后放进{where}；也可以在您自己的原文件上改，用原来的文件名再放进去。"
)


def _where_to_mend(sheets: frozenset[str] | None, *, has_correction: bool) -> str:
    """A sentence with a place for the folder: in which file the sender mends the faults, and where it goes."""
    if sheets is not None:
        return _HERE
    return _IN_CORRECTION if has_correction else _ELSEWHERE


def _unlisted(sheets: frozenset[str] | None, *, has_correction: bool) -> str:
    """A sentence: where those faults are to be found for which the list has no room."""
    if sheets is not None:
        return "没有列出的在原表里同样标了颜色。"
    if has_correction:
        return "没有列出的，要改和要确认的行都在更正表里。"
    return "没有列出的是同样的几种问题，请照上面要做的事在原文件里查找。"


def _room(sheet: str, sheets: frozenset[str] | None) -> range:
    """The rows of a sheet to which links may lead."""
    return range(1, MOST_ROWS + 1) if sheets and sheet in sheets else range(0)


def _write_gain(page: Page, actions: list[_Action], lines: _Lines) -> None:
    """Write how many of the rows that were sent back the first five things to do would cure, where that is many."""
    grave = [(one.rule, one.fix) for one in actions if one.rank == 0]
    if len(grave) <= _FIRST_TO_DO:
        return
    first = set(grave[:_FIRST_TO_DO])
    uncured: dict[tuple[str, int], bool] = {}
    for rank, rule, fix, sheet, row in zip(lines.rank, lines.rule, lines.fix, lines.sheet, lines.row, strict=True):
        if rank == 0 and row:
            uncured[sheet, row] = uncured.get((sheet, row), False) or (rule, fix) not in first
    cured = len(uncured) - sum(uncured.values())
    if cured < 2 * _FIRST_TO_DO:
        return
    page.row += 1
    page.wide(f"先做标“退回”的前 {_FIRST_TO_DO} 件：有问题的 {len(uncured)} 行里，{cured} 行就没有要退回的问题了。")


_FIRST_TO_DO = 5


def counted_once(issues: pd.DataFrame) -> int:
    """How many rows of a submission were left out only because they repeat another row."""
    if not issues["rule"].eq(IDENTICAL_TWIN).any():
        return 0
    columns = (issues[name].tolist() for name in ("sheet", "row_number", "rule", "severity"))
    return _counted_once(zip(*columns, strict=True))


def _counted_once(lines: Iterable[tuple[str, int, str, str]]) -> int:
    """The same of (sheet, row, rule, severity) of each line."""
    alike, faulty = set(), set()
    for sheet, row, rule, severity in lines:
        if severity == "must_fix":
            faulty.add((sheet, row))
        if rule == IDENTICAL_TWIN:
            alike.add((sheet, row))
    return len(alike - faulty)


def _write_outcome(page: Page, summaries: Sequence[SubmissionSummary], lines: _Lines) -> None:
    page.section("文件结果")
    for one in summaries:
        # Without a kind: a correction or confirmation that was taken, a repeated file, or a sheet that was not recognised.
        is_known = one.status in ("accepted", "repeated")
        title = (one.kind_title or ("这份文件" if is_known else "认不出种类的工作表")) + (
            f"（{one.reading.period[:4]}年{int(one.reading.period[5:])}月）" if one.reading.period else ""
        )
        alike = lines.counted_once({sheet.sheet for sheet in one.reading.sheets})
        is_all = one.status == "partly_accepted" and alike == one.rows_set_aside
        became = f"全部接收：与别的行完全相同的 {alike} 行只计一次" if is_all else _STATUS[one.status]
        if one.folder:
            became = _STATUS_OF_LIST.get(one.status, became)
        if one.status == "accepted" and not one.kind_title:
            became = "已收到"
        page.wide(f"{title} —— {became}", "action", size=12)
        if one.status == "refused" and one.reading.refusal and not one.rows_read:
            page.wide("没有逐行检查。")
        elif one.status != "repeated" and (one.kind_title or one.status != "accepted"):
            taken, back = ("可以接收", "要退回") if one.status == "checked" else ("接收", "退回")
            page.wide(
                f"读取 {one.rows_read} 行 = {taken} {one.rows_accepted} 行 + {back} {one.rows_set_aside} 行"
                f"{f'（其中 {alike} 行与别的行完全相同，不用改）' if alike else ''} + 不在范围 {one.rows_out_of_scope} 行"
            )
        reason = one.reason or (one.reading.refusal.reason if one.reading.refusal else "")
        if reason and reason not in one.notices:
            page.wide(f"原因：{reason}")
        if one.trend:
            page.wide(f"与上次相比：{_trend_words(one.trend)}", "small")
        for text in _accepted_rows(one):
            page.wide(text, "small")


def _trend_words(trend: Mapping[str, int]) -> str:
    """The trend in Chinese; corrected faults first, since they are the sender's work."""
    titles = {
        "fixed": "已改正",
        "open": "仍未改",
        "came_back": "改过又出现",
        "new": "新出现",
        "excepted": "已确认，不再提示",
    }
    return "、".join(f"{title} {trend.get(state, 0)} 处" for state, title in titles.items() if trend.get(state, 0))


def _accepted_rows(one: SubmissionSummary) -> list[str]:
    """Sentences that name the accepted rows, by sheet; none where rows were out of scope: they would tell who is in scope."""
    if one.accepted_path is None or not one.rows_accepted or one.rows_out_of_scope:
        return []
    with pq.ParquetFile(one.accepted_path) as file:
        table = file.read(["sheet", "row_number"])
    sheets, rows = table.column("sheet"), table.column("row_number")
    texts = []
    for sheet in sorted(str(one) for one in pc.unique(sheets).to_pylist()):
        numbers = np.unique(rows.filter(pc.equal(sheets, pa.scalar(sheet))).to_numpy())
        breaks = np.flatnonzero(np.diff(numbers) > 1)
        firsts, lasts = numbers[np.r_[0, breaks + 1]], numbers[np.r_[breaks, len(numbers) - 1]]
        parts = [f"{first}" if first == last else f"{first}—{last}" for first, last in zip(firsts, lasts, strict=True)]
        text = f"接收的行{f'（工作表“{sheet}”）' if sheet else ''}：第 {'、'.join(parts[:MOST_RANGES])} 行"
        if len(parts) > MOST_RANGES:
            left = int((lasts[MOST_RANGES:] - firsts[MOST_RANGES:] + 1).sum())
            text += f"，另有 {len(parts) - MOST_RANGES} 段共 {left} 行"
        texts.append(text + "。")
    return texts


def _chosen(lines: _Lines) -> Sequence[int]:
    """The faults that get a line: first of each rule its first fault, then its second, …, so that frequent faults hide no rare one."""
    if len(lines) <= MOST_LINES:
        return range(len(lines))
    seen: Counter[str] = Counter()
    turns = []
    for rule in lines.rule:
        turns.append(seen[rule])
        seen[rule] += 1
    return sorted(np.argsort(turns, kind="stable")[:MOST_LINES].tolist())


def _write_lines(
    page: Page, lines: _Lines, listed: Sequence[int], sheets: frozenset[str] | None, unlisted: str
) -> None:
    """Write one line per fault. `unlisted`: where those are that get no line."""
    page.section(f"逐处清单（共 {len(lines)} 处）")
    if len(listed) < len(lines):
        page.wide(
            f"下面列出 {len(listed)} 处，另有 {len(lines) - len(listed)} 处没有列出（每种问题都列了最前面的若干处）；{unlisted}"
        )
    page.header()
    more = (lines.texts(name, listed) for name in ("message", "level", "issue_id"))
    for number, (at, message, level, issue_id) in enumerate(zip(listed, *more, strict=True), start=1):
        severity, sheet, row, column = SEVERITIES[lines.rank[at]], lines.sheet[at], lines.row[at], lines.column[at]
        page.sheet.write_number(page.row, 0, number, page.looks["count"])
        page.text(1, SEVERITY_TITLES[severity], f"line_{severity}")
        page.text(2, clean(sheet), "line")
        if row:
            cell = f"{column_letter(max(column, 1))}{row}"
            page.link(3, str(row), sheet, cell, "line_link", row in _room(sheet, sheets))
            page.text(4, column_letter(column) if column else "整行", "centre")
        else:
            page.text(3, "整份", "centre")
            page.text(4, "", "centre")
        header = lines.header[at]
        fix = by_own_header(lines.fix[at], header)
        texts = (
            clean(header, most=100),
            clean(lines.value[at], most=200),
            clean(message, most=2_000),
            clean(fix, most=1_000),
        )
        page.line(texts)
        for place, text in enumerate(texts, start=5):
            page.text(place, text, "line")
        page.text(LEVEL, CHECK_LEVEL_TITLES.get(level, ""), "centre")
        page.answer(issue_id if lines.may_be_confirmed(at) else "")
        page.row += 1
