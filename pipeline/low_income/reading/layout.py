"""Reads a received file: finds kind, header and data rows of each sheet, and writes the raw rows as Parquet.

`read_file` is the entry point: it starts the sandbox and turns a killed child into a Refusal. The functions below the
line "In the sandbox" run there.
"""

from __future__ import annotations

import dataclasses
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path, PurePath
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from low_income import advice
from low_income.folding import INVISIBLE, fold_word, visible
from low_income.model import (
    CONFIRM,
    CORRECTION_HEADS,
    CORRECTION_SHEET,
    CORRECTION_WHY,
    Area,
    CellProblem,
    ColumnUse,
    ConfigError,
    Confirmation,
    Correction,
    HiddenSheet,
    MonitorError,
    Near,
    Reading,
    Refusal,
    SheetReading,
    column_letter,
    why_of_system,
)
from low_income.reading import beside, endings, preflight, readers, sandbox
from low_income.reading.delimited import CUT, OUT_OF_STEP
from low_income.reading.garbled import LEAST_GARBLED, MOST_GARBLED, garbled
from low_income.reading.grid import Grid, Mask, Shown, Texts, filled, mask
from low_income.reading.months import month_of_cell, months_in
from low_income.reading.nearness import unrecognised
from low_income.reading.readers import Book
from low_income.reading.recognise import Header, Match, Recogniser, Undecided
from low_income.reading.rows import DataRows, data_rows, header_beside, raw_table
from low_income.settings import contracts
from low_income.settings.contracts import Contracts, Kind
from low_income.settings.places import Gazetteer

HOSTILE_MB = 1024
"""MiB of memory that a small file may take."""
MOST_MB = 4096
SECONDS = 60
"""Seconds of clock time that a small file may take; its CPU time is a third of that (sandbox)."""
MAX_DISTINCT_PERIODS = 1000


def read_file(
    path: Path, file_name: str, unit_code: str, sender_kinds: set[str], work_dir: Path, *,
    places: Gazetteer | None = None, memory_mb: int = HOSTILE_MB, seconds: int = SECONDS,
) -> list[Reading]:  # fmt: skip
    """Read one received file in the sandbox: at least one Reading, one per kind; each is refused or has rows in `work_dir`.

    `file_name` is the sender's name of the file; `sender_kinds` is what the unit counts as in `Kind.senders`
    (`{"division", "d01"}`). `places` are the places of all divisions, to notice a list of another division; None for a unit
    that sends lists of several divisions. `work_dir` is for this file only. `memory_mb` and `seconds` (clock time) are the
    limits for a small file; a large one gets more, by its size. When the child is killed, the Reading has a Refusal.
    Raises ContractError, and ConfigError when `path` cannot be read or `work_dir` cannot be written.
    """
    memory, cpu = limits(path, memory_mb, seconds)
    try:
        return sandbox.call(
            read_submissions, path, file_name, unit_code, sender_kinds, work_dir, None, places,
            memory_mb=memory, seconds=cpu,
        )  # fmt: skip
    except sandbox.Killed as killed:
        return [Reading(kind=None, refusal=_of_killed(killed, file_name))]


@dataclass(frozen=True)
class Waiting:
    """A file that is to be read: the words of `read_file`."""

    path: Path
    file_name: str
    unit_code: str
    sender_kinds: set[str]
    work_dir: Path
    places: Gazetteer | None


def read_together(
    files: Sequence[Waiting], *, memory_mb: int = HOSTILE_MB, seconds: int = SECONDS
) -> list[list[Reading]] | None:
    """Read small files of one sender in one child process, which saves its beginning and end; the same as `read_file` of each.

    All together have the limits of one of them, so what is read here is read alone too. None when the child did not get over
    one of them, and nobody knows which: then each is to be read alone.
    """
    allowed = [limits(file.path, memory_mb, seconds) for file in files]
    try:
        return sandbox.call(
            _read_each, list(files), memory_mb=min(memory for memory, _ in allowed), seconds=min(cpu for _, cpu in allowed)
        )  # fmt: skip
    except (sandbox.Killed, MonitorError):
        return None


def not_read(fault: str, file_name: str) -> Refusal:
    """The refusal of a file on which our own program failed; `fault`: where it failed, for the data officer."""
    return Refusal(
        "unreadable",
        "读取程序处理这个文件时出了问题，没有读成。这是我们的程序的问题，已告知数据员，不能说明您的文件写错了",
        advice.OURS_TO_MEND if _is_workbook(file_name) else advice.OURS_TO_EXPORT,
        fault=fault,
    )


def _is_workbook(file_name: str) -> bool:
    """Whether the sender may open the file safely. A text file named .xls would open, and its long numbers would be damaged."""
    return endings.ending(file_name) == ".xlsx"


def _of_killed(killed: sandbox.Killed, file_name: str) -> Refusal:
    if killed.reason == "crash":
        return not_read(killed.detail, file_name)
    what = "内存" if killed.reason == "memory" else "时间"
    return Refusal(
        "too_big",
        f"读取这个文件需要的{what}超出限度，文件过大或内部结构异常",
        advice.MAKE_SMALLER if _is_workbook(file_name) else advice.EXPORT_IN_PARTS,
    )


def limits(path: Path, memory_mb: int = HOSTILE_MB, seconds: int = SECONDS) -> tuple[int, int]:
    """(MiB, CPU seconds) that a file may take: little for a small file, whatever unpacked size it claims.

    Raises ConfigError when the file cannot be opened.
    """
    try:
        size = path.stat().st_size / 1024**2
        with path.open("rb") as stream:
            unpacked = preflight.claimed_size(stream)
        claimed = size * 8 if unpacked is None else 2 * unpacked / 1024**2
    except OSError as error:
        raise ConfigError(f"收到的文件打不开：{why_of_system(error)}") from error
    grown = memory_mb + max(0.0, min(claimed, size * 24) - memory_mb / 8)
    cpu = max(seconds // sandbox.WALL_PER_CPU_SECOND, 1)
    return int(max(min(grown, MOST_MB), memory_mb)), int(max(min(cpu + size, 240), cpu))


# In the sandbox --------------------------------------------------------------------------------------------------


@dataclass
class _Sheet:
    """A visible sheet of a kind, with a refusal when it cannot be taken."""

    grid: Grid
    header: Header
    match: Match
    rows: DataRows
    refusal: Refusal | None = None


_DATE = re.compile(r"[0-9〇一二三四五六七八九十]+[年月日]")
"""A date, after which the name of a place may begin."""


@dataclass(frozen=True)
class _Name:
    """The name of a file, and its sender."""

    path: str
    """The file name with the folders below the sender's own folder."""
    unit_code: str
    places: Gazetteer | None
    """See `read_file`."""

    @property
    def stem(self) -> str:
        return PurePath(self.path).stem

    def refusal_of(self, sheet: _Sheet) -> Refusal | None:
        """The refusal that asks whose list a sheet is, when the first text that names places names only other divisions.

        The texts are, in this order: the title, the sheet's name, the file's name, the folders' names from the inside out.
        """
        if self.places is None:
            return None
        said = [("标题", " ".join(sheet.header.titles)), ("工作表名", sheet.grid.sheet), ("文件名", self.stem)]
        said += [("文件夹名", folder) for folder in reversed(PurePath(self.path).parts[:-1])]
        for where, text in said:
            [named] = self.places.places([_DATE.sub("/", text)], self.unit_code).values()
            codes = sorted({code for code, _ in named})
            if self.unit_code in codes:
                return None
            if codes:
                own, others = self.places.names[self.unit_code], [(code, self.places.names[code]) for code in codes]
                names = "、".join(name for _, name in others)
                reason = f"{where}里写的是{names}，报送的却是{own}：请问是谁的名单？没有弄清以前不收"
                return Refusal("other_division", reason, advice.say_whose(where, own, others), divisions=tuple(codes))
        return None


def read_submissions(
    path: Path,
    file_name: str,
    unit_code: str,
    sender_kinds: set[str],
    work_dir: Path,
    contracts_folder: Path | None = None,
    places: Gazetteer | None = None,
) -> list[Reading]:
    """The same as `read_file`, but in this process: for the sandbox and for tests."""
    book = readers.read(path, file_name)
    if isinstance(book, Refusal):
        return [Reading(kind=None, refusal=book)]
    agreed = contracts.load(contracts_folder) if contracts_folder else contracts.load()
    recogniser = Recogniser(agreed, unit_code, sender_kinds)
    readings = _submissions(book, _Name(file_name, unit_code, places), recogniser, work_dir)
    if book.misnamed:
        return [_misnamed(reading, book.misnamed) for reading in readings]
    return readings


def _read_each(files: list[Waiting]) -> list[list[Reading]]:
    return [
        read_submissions(
            file.path, file.file_name, file.unit_code, file.sender_kinds, file.work_dir, places=file.places
        )
        for file in files
    ]


def _misnamed(reading: Reading, misnamed: Refusal) -> Reading:
    """The Reading refused for the file's ending. It keeps its kind, so that it is known which list is missing.

    A sheet of no kind keeps its code and its nearest kinds: they tell whether a roster may be incomplete without it.
    """
    refusal, own = misnamed, reading.refusal
    if own and own.code == _UNRECOGNISED:
        refusal = replace(own, reason=f"{misnamed.reason}，也没有认出是哪种名单", fix=advice.EXPORT_AS_READ)
    elif own:
        refusal = replace(own, fix=f"{own.fix}；另外，{misnamed.reason}，{misnamed.fix}")
    return Reading(
        kind=reading.kind,
        period=reading.period,
        rows_read=reading.rows_read,
        refusal=refusal,
        notices=reading.notices,
        gaps=reading.gaps,
        emptied=reading.emptied,
        comes_back=reading.comes_back,
    )


def _submissions(book: Book, name: _Name, recogniser: Recogniser, work_dir: Path) -> list[Reading]:
    if reference := [grid for grid in book.grids if grid.sheet == CORRECTION_SHEET]:
        return [_correction(reference[0], book.grids, work_dir)]
    if any(_has_heads(grid, CORRECTION_HEADS) for grid in book.grids):
        reason = f"这是更正表，却没有其中的工作表“{CORRECTION_SHEET}”，不知道改的是哪一份文件"
        return [Reading(kind=None, refusal=Refusal("correction_changed", reason, advice.CORRECT_AS_XLSX))]
    found = _sort_sheets(book.grids, recogniser, name.path)
    if _is_filled_list(book.grids, found):
        fix = advice.use_inbox_of_lists(name.unit_code)
        return [Reading(kind=None, refusal=Refusal("filled_list", "这是发下去填写核查结果的清单，不是要报的名单", fix))]
    missing = _gaps(book.grids, found, recogniser.agreed)
    if found.by_kind or found.undecided:
        readings = _lists(found, recogniser, name, work_dir, book.notices, missing)
    else:
        readings = _without_list(found, recogniser, book.notices, missing)
    taken: dict[str, _Sheet] = {}
    if not book.misnamed:
        lists = [sheet for reading in readings if reading.sheets for sheet in found.by_kind[str(reading.kind)]]
        taken = {sheet.grid.sheet: sheet for sheet in lists}
    emptied = readings[0].emptied = _emptied(book.grids, taken, found.headers, recogniser)
    readings[0].notices[:0] = [beside.in_words(*each) for each in emptied.items()]
    refused = {reading.refusal.code for reading in readings if reading.refusal}
    # Without a header it is not known which columns contain what is never received.
    is_headed = all(header for _, header in found.strangers)
    holds_data = found.by_kind or found.undecided or found.hidden or (found.strangers and is_headed)
    if holds_data and not refused & _KEPT_FROM_ITS_SENDER:
        for reading in readings:
            reading.comes_back = True
    return readings


_KEPT_FROM_ITS_SENDER = frozenset({"refused_sheet_name", "wrong_sender", "other_division"})
"""Refusals of readable files that go back without their data. A refused sheet name tells of everybody in the list what is
never received; a sender who may not send a list may have got it by mistake."""


def _lists(
    found: _Sheets, recogniser: Recogniser, name: _Name, work_dir: Path, notices: list[str], missing: list[str]
) -> list[Reading]:
    """One Reading for each kind with a visible list, and one when the kind of a visible list is undecided."""
    readings = [_reading(recogniser, kind, sheets, name, work_dir) for kind, sheets in sorted(found.by_kind.items())]
    readings += [Reading(kind=None, refusal=refusal) for refusal in found.undecided[:1]]
    for reading in readings:
        reading.gaps += missing
    readings[0].notices[:0] = [*notices, *_left_out(found.strangers)]
    readings[0].confirmations = found.answers
    by_kind = {reading.kind: reading for reading in readings}
    for sheet in found.hidden:
        reading = by_kind.get(sheet.kind, readings[0])
        reading.hidden_sheets.append(sheet)
        reading.notices.append(_hidden_words(sheet, recogniser.agreed))
    return readings


@dataclass
class _Sheets:
    """The sheets of a file, sorted by what they are."""

    by_kind: dict[str, list[_Sheet]] = dataclasses.field(default_factory=dict)
    """Kind → visible lists."""
    hidden: list[HiddenSheet] = dataclasses.field(default_factory=list)
    """Hidden lists."""
    strangers: list[tuple[Grid, Header | None]] = dataclasses.field(default_factory=list)
    """Sheets that are no list, each with its header or None."""
    answers: list[Confirmation] = dataclasses.field(default_factory=list)
    undecided: list[Refusal] = dataclasses.field(default_factory=list)
    """Refusals of visible lists that fit several kinds equally; they ask which kind it is."""
    headers: dict[str, Header | None] = dataclasses.field(default_factory=dict)
    """Sheet → header, for all sheets except our own."""


def _sort_sheets(grids: list[Grid], recogniser: Recogniser, file_name: str) -> _Sheets:
    found = _Sheets()
    for number, grid in enumerate(grids, start=1):
        name = visible(grid.sheet)
        if name == recogniser.headers.returned_sheet:
            found.answers += _confirmations(grid)
            continue
        header = recogniser.header(grid)
        found.headers[grid.sheet] = header
        match, nearest, undecided = recogniser.recognise(grid, header, file_name) if header else (None, [], None)
        near = nearest[0] if header and not match and recogniser.is_near(nearest[0]) else None
        listed = match or near
        if not header or not listed:
            if name != recogniser.headers.instructions_sheet:
                found.strangers.append((grid, header))
        elif grid.shown != "visible":
            rows = len(data_rows(grid, header, listed, recogniser).keep)
            found.hidden.append(HiddenSheet(grid.sheet, listed.kind.name, rows, grid.shown == "very_hidden"))
        elif undecided:
            found.undecided.append(_ask_which(_read_sheet(grid, header, undecided.matches[0], recogniser), undecided))
        elif match:
            sheet = _read_sheet(grid, header, match, recogniser)
            if group := recogniser.headers.refusal_of(grid.sheet, is_header=False):
                sheet.refusal = _of_sheet_name(number, group)
            found.by_kind.setdefault(match.kind.name, []).append(sheet)
        else:
            nothing = DataRows(np.zeros(0, np.int64), {}, None)
            refusal = unrecognised(header, nearest[:1], [listed.kind.name], grid.sheet, recogniser.sendable)
            sheet = _Sheet(grid, header, listed, nothing, refusal)
            found.by_kind.setdefault(listed.kind.name, []).append(sheet)
    for refusal in found.undecided:
        # The undecided sheet may belong to a list in the same file, and that list would be incomplete.
        for sheet in [sheet for near in refusal.nearest for sheet in found.by_kind.get(near.kind, [])]:
            sheet.refusal = sheet.refusal or refusal
    return found


def _of_sheet_name(number: int, group: str) -> Refusal:
    """The refusal of a list whose sheet name tells of everybody in it what is never received; the text does not repeat the name."""
    return Refusal(
        "refused_sheet_name",
        f"第{number}张工作表的名字说的是按规定不接收的内容（{group}），等于给表里每个人都记上了一笔",
        advice.RENAME_SHEET,
    )


def _ask_which(sheet: _Sheet, undecided: Undecided) -> Refusal:
    """The refusal that asks which kind a sheet is. A sheet that has another refusal keeps that one, with the possible kinds."""
    kinds = [match.kind for match in undecided.matches]
    nearest = tuple(Near(kind.name, kind.title, ()) for kind in kinds)
    if sheet.refusal:
        return replace(sheet.refusal, nearest=nearest)
    titles = [f"“{kind.title}”" for kind in kinds]
    where = f"工作表“{sheet.grid.sheet}”" if sheet.grid.sheet else "文件"
    said = "，".join(
        f"{place}说是{'和'.join(f'“{kind.title}”' for kind in kinds if kind.name in named)}"
        for place, named in undecided.told.items()
    )
    why = f"{said}，说法不一" if said else "标题、工作表名和文件名里都没有写明"
    fix = advice.say_which_kind(titles, is_table=sheet.grid.is_table, is_said=bool(said))
    return Refusal(
        "which_kind", f"{where}的列名同样合于{'和'.join(titles)}，{why}：请问是哪一种？没有写明以前不收", fix, nearest
    )


def _without_list(found: _Sheets, recogniser: Recogniser, notices: list[str], gaps: list[str]) -> list[Reading]:
    """The Readings of a file without a visible list; `gaps`: see `Reading.gaps`."""
    if found.hidden:
        return _only_hidden(found.hidden, recogniser, notices)
    if not found.strangers:
        refusal = None if found.answers else _EMPTY
        return [Reading(kind=None, notices=notices, refusal=refusal, confirmations=found.answers)]
    grid, header = max(
        found.strangers, key=lambda each: (each[0].shown == "visible", each[1] is not None, each[0].height)
    )
    row = header or recogniser.likeliest_row(grid)
    nearest = [recogniser.match(kind, row) for kind in recogniser.sendable] if row else []
    titled = recogniser.titled(grid, row) if row else []
    refusal = unrecognised(row, nearest, titled, grid.sheet, recogniser.sendable, is_row=header is None)
    if grid.shown != "visible":
        refusal = replace(
            refusal, reason=f"工作簿里没有看得见的内容。隐藏的{refusal.reason}", fix=_how_to_show(grid.shown)
        )
    return [Reading(kind=None, notices=notices, refusal=refusal, gaps=gaps)]


def _only_hidden(hidden: list[HiddenSheet], recogniser: Recogniser, notices: list[str]) -> list[Reading]:
    """One refused Reading per kind: the list was meant to be sent, so nobody counts as absent."""
    titles = {kind.name: kind.title for kind in recogniser.kinds}
    readings = []
    for kind in sorted({sheet.kind for sheet in hidden}):
        own = [sheet for sheet in hidden if sheet.kind == kind]
        named = "、".join(f"“{sheet.sheet}”（{sheet.rows}行）" for sheet in own)
        refusal = Refusal(
            "hidden_sheet",
            f"“{titles[kind]}”只在隐藏的工作表{named}里，隐藏的工作表不读取",
            advice.show_and_send(_how_to_show(_shown(own))),
        )
        readings.append(Reading(kind=kind, refusal=refusal, hidden_sheets=own))
    readings[0].notices = notices
    return readings


def _left_out(strangers: list[tuple[Grid, Header | None]]) -> list[str]:
    """Notices about sheets that are no list, visible and hidden."""
    said = []
    for shown in ("visible", "hidden", "very_hidden"):
        if names := "、".join(grid.sheet for grid, _ in strangers if grid.shown == shown):
            said.append(
                f"没有读取的工作表：{names}"
                if shown == "visible"
                else f"没有读取的隐藏工作表：{names}，里面没有认出名单。{_how_to_show(shown)}"
            )
    return said


def _hidden_words(sheet: HiddenSheet, agreed: Contracts) -> str:
    return (
        f"隐藏的工作表“{sheet.sheet}”里有{sheet.rows}行，像“{agreed.kinds[sheet.kind].title}”：隐藏的工作表不读取，这些行没有报上来。"
        f"要报送的，{advice.show_and_send(_how_to_show(_shown([sheet])))}"
    )


def _shown(sheets: list[HiddenSheet]) -> Shown:
    return "very_hidden" if any(sheet.is_very_hidden for sheet in sheets) else "hidden"


def _how_to_show(shown: Shown) -> str:
    return advice.SHOW_VERY_HIDDEN_SHEET if shown == "very_hidden" else advice.SHOW_SHEET


_PERSON = re.compile(
    r"\d{6}((18|19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}[\dX]|\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3})"
    r"|[1-9](\.\d+)?E\+1[47]"
)
"""An ID number of 18 or 15 digits, or what a number cell keeps of it (like 1.1E+17)."""


def _gaps(grids: list[Grid], found: _Sheets, agreed: Contracts) -> list[str]:
    """For each sheet that is no visible list: how many people in it are in no visible list; see `Reading.gaps`.

    Hidden lists of kinds without a month are left out: nobody is missing from a roster because of them.
    """
    shown = {sheet.grid.sheet for sheets in found.by_kind.values() for sheet in sheets}
    others_of = {sheet.sheet for sheet in found.hidden if agreed.kinds[sheet.kind].period != "month"}
    ours = {agreed.headers.returned_sheet, agreed.headers.instructions_sheet}
    others = [grid for grid in grids if grid.sheet not in shown | others_of and visible(grid.sheet) not in ours]
    known: set[str] = set()
    if others:
        known = known.union(*(_people_in(grid) for grid in grids if grid.sheet in shown))
    said = []
    for grid in others:
        if missing := _people_in(grid) - known:
            where = f"{'隐藏的' if grid.shown != 'visible' else ''}工作表“{grid.sheet}”" if grid.sheet else "文件"
            said.append(f"{where}没有读取，里面有 {len(missing)} 个名单上没有的身份证号")
    return said


def _people_in(grid: Grid) -> set[str]:
    """All ID numbers in a sheet, in any column."""
    found: set[str] = set()
    for column in grid.columns:
        if column.null_count < len(column):
            texts = pc.replace_substring_regex(column, f"[{INVISIBLE}'`]+", "")
            long = texts.filter(mask(pc.match_substring_regex(texts, r"\p{Nd}{14}|E\+|e\+")))
            plain = (unicodedata.normalize("NFKC", text).upper() for text in long.unique().to_pylist())
            found.update(text for text in plain if _PERSON.fullmatch(text))
    return found


def _emptied(
    grids: list[Grid], taken: dict[str, _Sheet], headers: dict[str, Header | None], recogniser: Recogniser
) -> dict[str, list[Area]]:
    """Areas with what is never received, outside the lists and in lists that are not taken; see `Reading.emptied`."""
    emptied = {}
    for grid in grids:
        if visible(grid.sheet) == recogniser.headers.returned_sheet:
            continue
        ours, columns = np.zeros(0, np.int64), []
        if sheet := taken.get(grid.sheet):
            ours = np.concatenate([np.arange(sheet.header.first, sheet.header.last + 1), sheet.rows.keep])
        elif header := headers.get(grid.sheet):
            first, last = int(grid.row_numbers[header.last]) + 1, int(grid.row_numbers[-1])
            columns = [(first, last, column) for column, _ in recogniser.refused_columns(header) if first <= last]
        if areas := beside.joined([*beside.areas_to_empty(grid, recogniser.agreed, ours), *columns]):
            emptied[grid.sheet] = areas
    return emptied


_MOST_HEADS = 100
"""The most rows of our sheet that are tried as its header, which is below the list of things to do."""


def _confirmations(grid: Grid) -> list[Confirmation]:
    """The answers on our sheet 问题清单, one for each line with yes, also where no confirmation is allowed."""
    asked = [fold_word(name) for name in CONFIRM]
    by_whom_is_said = {
        at for column in grid.columns for at, text in enumerate(column.to_pylist()) if text and CONFIRM[2] in text
    }
    for row in sorted(by_whom_is_said)[:_MOST_HEADS]:
        heads = [fold_word(grid.text(row, column)) for column in range(len(grid.columns))]
        if set(asked) <= set(heads):
            break
    else:
        return []
    yes, reason, by_whom, issue_id = (grid.columns[heads.index(name)].to_pylist() for name in asked)
    return [
        Confirmation(
            (issue_id[at] or "").strip(),
            (reason[at] or "").strip(),
            (by_whom[at] or "").strip(),
            int(grid.row_numbers[at]),
        )
        for at in range(row + 1, grid.height)
        if fold_word(yes[at] or "") in _YES
    ]


FORMS = (("预警编号", "核查结果", "核查人"), ("抽样编号", "核查结果", "核查人"), ("疑问编号", "判断", "判断人"))
"""Headers of the sheets of our warning lists that people fill in (`lists.words`)."""


def _is_filled_list(grids: list[Grid], found: _Sheets) -> bool:
    """Whether a file is one of our lists to fill in. A file with a complete, undecided or hidden list of a kind is not."""
    if found.undecided or found.hidden or any(not each.match.missing for of in found.by_kind.values() for each in of):
        return False
    return any(_has_heads(grid, heads) for grid in grids for heads in FORMS)


def _has_heads(grid: Grid, heads: Sequence[str]) -> bool:
    """Whether one of the first ten rows of a sheet has all these headers."""
    asked = {fold_word(head) for head in heads}
    return any(
        asked <= {fold_word(grid.text(row, column)) for column in range(len(grid.columns))}
        for row in range(min(grid.height, 10))
    )


def _correction(reference: Grid, grids: list[Grid], work_dir: Path) -> Reading:
    """Read a correction workbook: every cell of every row that is still in it.

    People may delete rows and move columns. When a cell can no longer be matched to its cell in the original file, the whole
    workbook is refused. The refusal says what was changed.
    """
    told = {
        reference.text(at, 0): [reference.text(at, column) for column in range(1, len(reference.columns))]
        for at in range(reference.height)
    }
    base = (told.pop(CORRECTION_SHEET, None) or [""])[0]
    lines: list[dict[str, object]] = []
    wrong: list[str] = []
    for grid in grids:
        if grid.sheet in told:
            _read_back(grid, told[grid.sheet], lines, wrong)
        elif grid is not reference and any(visible(grid.text(at, 1)) for at in range(2, grid.height)):
            wrong.append(f"工作表“{grid.sheet}”不是更正表里原有的")
    if wrong:
        more = f"等 {len(wrong)} 处" if len(wrong) > _MOST_SAID else ""
        said = f"更正表改得对不上原表了：{'；'.join(wrong[:_MOST_SAID])}{more}"
        return Reading(kind=None, refusal=Refusal("correction_changed", said, advice.CORRECT_AS_IT_CAME))
    path = work_dir / "correction.parquet"
    pq.write_table(pa.Table.from_pylist(lines, schema=_CELLS), path)
    return Reading(kind=None, correction=Correction(base, str(path)))


_MOST_SAID = 5


def _read_back(grid: Grid, told: list[str], lines: list[dict[str, object]], wrong: list[str]) -> None:
    """Read one sheet of a correction workbook: adds its cells to `lines`, or to `wrong` why they cannot be matched.

    `told`: the original's sheet, its column numbers, headers and row numbers, as they were handed out. A workbook from an
    older version has no headers and no row numbers, and is read by position.
    """
    sheet, columns = told[0], [int(one) for one in told[1].split(",") if one.isdecimal()]
    heads = json.loads(told[2]) if len(told) > 2 and told[2] else []
    given = {one for part in told[3:] for one in part.split(",") if one}
    expected = [*CORRECTION_HEADS, *heads] if heads else []
    places = list(range(len(CORRECTION_HEADS) + len(columns)))
    if heads:
        shown = [fold_word(grid.text(1, column)) for column in range(len(grid.columns))]
        asked = [fold_word(head) for head in expected]
        before = len(CORRECTION_HEADS)
        as_given = [*asked[:before], fold_word(CORRECTION_WHY), *asked[before:]]
        if shown[: len(as_given)] == as_given:
            places = [*range(before), *range(before + 1, len(as_given))]
        elif shown[: len(asked)] != asked:  # not as an older version handed it out, with the fault in the last column
            if lost := sorted(
                {head for head, one in zip(expected, asked, strict=True) if shown.count(one) != asked.count(one)}
            ):
                wrong.append(f"工作表“{grid.sheet}”里{'、'.join(f'“{head}”' for head in lost)}一列少了、多了或改了名")
                return
            if len(set(asked)) != len(asked):
                wrong.append(f"工作表“{grid.sheet}”的列换了位置，而有几列同名，分不清哪一列是哪一列")
                return
            places = [shown.index(one) for one in asked]
    of_sheet, of_row, of_gone, *of_cells = places
    seen: set[str] = set()
    for at in range(2, grid.height):
        row = visible(grid.text(at, of_row))
        if not row and not any(grid.text(at, column) for column in of_cells if column < len(grid.columns)):
            continue
        where = f"工作表“{grid.sheet}”第{int(grid.row_numbers[at])}行"
        if not row.isdecimal() or (given and row not in given) or len(row) > _DIGITS_OF_A_ROW:
            wrong.append(
                f"{where}的“原行号”写着“{row[:20]}”，更正表里原来没有这一行" if row else f"{where}没有“原行号”"
            )
        elif row in seen:
            wrong.append(f"{where}的“原行号”{row}与前面一行的重复")
        elif heads and fold_word(grid.text(at, of_sheet)) != fold_word(sheet):
            wrong.append(f"{where}的“原工作表”改过，或者是从别的工作表移过来的")
        else:
            seen.add(row)
            lines += _cells_of_row(
                grid, at, {"sheet": sheet, "row_number": int(row)}, of_gone, dict(zip(of_cells, columns, strict=False))
            )


_DIGITS_OF_A_ROW = 7


def _cells_of_row(
    grid: Grid, at: int, place: dict[str, object], of_gone: int, columns: dict[int, int]
) -> list[dict[str, object]]:
    if fold_word(grid.text(at, of_gone)) in _YES:
        return [{**place, "column": 0, "text": None, "is_number": False}]
    found = []
    for shown, column in columns.items():
        if shown < len(grid.columns):
            numbers = grid.numeric.get(shown)
            is_number = bool(numbers is not None and numbers[at])
            found.append({**place, "column": column, "text": grid.text(at, shown) or None, "is_number": is_number})
    return found


_CELL: list[tuple[str, pa.DataType]] = [
    ("sheet", pa.string()), ("row_number", pa.int64()), ("column", pa.int64()), ("text", pa.string()), ("is_number", pa.bool_()),
]  # fmt: skip
_CELLS = pa.schema(_CELL)
_YES = frozenset({"是", "√", "y", "yes", "1", "对", "确认"})
_EMPTY = Refusal("empty", "文件里没有名单", advice.CHECK_CONTENT)
_UNRECOGNISED = "unrecognised"
"""Code of the refusal of a sheet of no kind (`nearness`)."""


def _read_sheet(grid: Grid, header: Header, match: Match, recogniser: Recogniser) -> _Sheet:
    where = f"工作表“{grid.sheet}”" if grid.sheet else "文件"
    rows = data_rows(grid, header, match, recogniser)
    sheet = _Sheet(grid, header, match, rows)
    if match.kind.name not in recogniser.may_send:
        sheet.refusal = Refusal(
            "wrong_sender",
            f"{where}是“{match.kind.title}”，本单位不报送这种名单",
            advice.ANOTHER_SENDER,
        )
    elif len(beside := recogniser.tables(grid, header, match)) > 1:
        sheet.refusal = _side_by_side(grid, [(header.first, column) for column in beside])
    elif found := header_beside(grid, header, recogniser):
        sheet.refusal = _side_by_side(grid, [(header.first, match.uses[0].column - 1), found])
    elif twice := match.twice():
        first = twice[0]
        columns = [use for use in twice if use.field == first.field]
        named = "、".join(f"{column_letter(use.column)}列“{use.header}”" for use in columns)
        sheet.refusal = Refusal(
            "duplicate_column",
            f"{where}有{len(columns)}列都是“{match.kind.columns[first.field].header}”：{named}，不知以哪一列为准",
            advice.KEEP_ONE_COLUMN,
        )
    elif rows.other_header is not None:
        row = int(grid.row_numbers[rows.other_header])
        sheet.refusal = Refusal("two_tables", f"{where}中有两个表，第{row}行是另一个表头", advice.SEPARATE_TABLES)
    return sheet


def _side_by_side(grid: Grid, heads: list[tuple[int, int]]) -> Refusal:
    """The refusal of tables side by side, whose headers begin at `heads` (row, column): one row would be two people."""
    where = f"工作表“{grid.sheet}”" if grid.sheet else "文件"
    count = "两" if len(heads) == 2 else str(len(heads))
    begins = "、".join(
        f"{column_letter(column + 1)}{grid.row_numbers[row]}" for row, column in sorted(heads, key=itemgetter(1))
    )
    return Refusal(
        "side_by_side",
        f"{where}里有{count}个表并排（表头从{begins}开始），一行里放着不止一条记录，不能当一个表读",
        advice.MOVE_TABLE_TO_SHEET if grid.sheet else advice.MOVE_TABLE_TO_FILE,
    )


def _reading(recogniser: Recogniser, kind_name: str, sheets: list[_Sheet], name: _Name, work_dir: Path) -> Reading:
    """The Reading of all sheets of one kind. If one sheet cannot be taken, all are refused: a part is not a roster."""
    kind = sheets[0].match.kind
    reading = Reading(kind=kind_name)
    if refused := [sheet.refusal for sheet in sheets if sheet.refusal]:
        reading.refusal = refused[0]
        return reading
    reading.sheets = [_sheet_reading(recogniser, sheet, name.stem) for sheet in sheets]
    reading.notices = _notices(recogniser, sheets, reading.sheets)
    reading.rows_read = sum(sheet.rows_read for sheet in reading.sheets)
    if not reading.rows_read:
        reading.refusal = Refusal("no_rows", f"“{kind.title}”只有表头，没有数据行", advice.FILL_ROWS)
        return reading
    if kind.period == "month":
        period = _period(recogniser, sheets, name.stem)
        if isinstance(period, Refusal):
            reading.refusal = period
            return reading
        reading.period = period
    reading.refusal = next(filter(None, (name.refusal_of(sheet) for sheet in sheets)), None)
    if reading.refusal:
        return reading
    tables = [raw_table(sheet.grid, sheet.header, sheet.match, sheet.rows.keep) for sheet in sheets]
    for sheet, table in zip(sheets, tables, strict=True):
        names = _garbled_names(sheet, table)
        if isinstance(names, Refusal):
            reading.refusal = names
            return reading
        reading.cell_problems += _cell_problems(sheet) + names
    if any(problem.problem == "cut_line" for problem in reading.cell_problems):
        reading.gaps.append("最后一行不完整，文件多半没有传完，后面的人没有收到")
    reading.rows_path = _write(kind, tables, work_dir)
    return reading


def _sheet_reading(recogniser: Recogniser, sheet: _Sheet, stem: str) -> SheetReading:
    grid, header, match = sheet.grid, sheet.header, sheet.match
    below = header.last + 1
    filled = {
        number
        for number, column in enumerate(grid.columns)
        if column.slice(below).null_count < len(column) - below
        and not _is_separator(column.slice(below), header.names[number])
    }
    return SheetReading(
        sheet=grid.sheet,
        header_rows=(int(grid.row_numbers[header.first]), int(grid.row_numbers[header.last])),
        columns=match.uses,
        why=match.why,
        unused=recogniser.unused(header, match, filled),
        refused_columns=recogniser.refused_columns(header),
        rows_read=len(sheet.rows.keep),
        rows_left_out=sheet.rows.left_out,
        hidden_rows=int(np.isin(grid.row_numbers[sheet.rows.keep], grid.hidden_rows).sum()),
        defaults=_defaults(match.kind, [header.title, visible(grid.sheet), visible(stem)]),
        date1904=grid.date1904,
    )


def _is_separator(cells: Texts, name: str) -> bool:
    """Whether a column is only a part of the separator: `|#|` is read as a bar, a column of `#`, and a bar."""
    is_mark = bool(name) and not any(map(str.isalnum, name))
    return is_mark and bool(pc.all(pc.equal(pc.utf8_trim_whitespace(cells), pa.scalar(name))).as_py())


def _defaults(kind: Kind, places: list[str]) -> dict[str, str]:
    """Field → value, by the longest word in the first of the places that contains one."""
    defaults = {}
    for field, column in kind.columns.items():
        for place in places:
            if words := [word for word in column.else_from if word in place]:
                defaults[field] = column.else_from[max(words, key=len)]
                break
    return defaults


MOST_NAMED = 100
"""The most columns that a sentence names: a sheet can have sixteen thousand."""


def _listed(headers: list[str]) -> str:
    more = f"……等 {len(headers)} 列" if len(headers) > MOST_NAMED else ""
    return "、".join(headers[:MOST_NAMED]) + more


def _notices(recogniser: Recogniser, sheets: list[_Sheet], readings: list[SheetReading]) -> list[str]:
    notices = []
    if refused := list(dict.fromkeys(header for reading in readings for _, header in reading.refused_columns)):
        notices.append(f"按规定不接收的列，没有读取：{_listed(refused)}")
    if unused := list(dict.fromkeys(header for reading in readings for header in reading.unused)):
        notices.append(f"没有使用的列：{_listed(unused)}")
    if hidden := sum(reading.hidden_rows for reading in readings):
        notices.append(f"有{hidden}行是隐藏的，也作为数据读取了")
    notices += [
        f"工作表“{sheet.grid.sheet}”已写满{preflight.MAX_ROWS}行，可能有行被截掉了"
        for sheet in sheets
        if sheet.grid.sheet and sheet.grid.height >= preflight.MAX_ROWS
    ]
    return notices


def _period(recogniser: Recogniser, sheets: list[_Sheet], stem: str) -> str | Refusal:
    """The month of a list: from period column, title or sheet name; a sheet without one takes the others', else the file name's."""
    months: set[str] = set()
    for sheet in sheets:
        found = _column_months(recogniser, sheet)
        if isinstance(found, Refusal):
            return found
        months |= found or set(months_in(sheet.header.title)) or set(months_in(sheet.grid.sheet))
    months = months or set(months_in(stem))
    if not months:
        return Refusal(
            "no_period",
            "看不出是哪个月的名单",
            advice.NAME_MONTH,
        )
    if len(months) > 1:
        return Refusal(
            "several_periods",
            f"一个文件里有几个月份：{'、'.join(sorted(months)[:6])}",
            advice.ONE_MONTH_EACH,
        )
    return months.pop()


def _column_months(recogniser: Recogniser, sheet: _Sheet) -> set[str] | Refusal:
    months = set()
    for column, folded in enumerate(sheet.header.folded):
        if folded not in recogniser.period:
            continue
        keep = sheet.rows.keep
        texts = sheet.grid.columns[column].take(pa.array(keep))
        numeric = sheet.grid.numeric.get(column)
        is_number = pa.array(np.zeros(len(keep), bool) if numeric is None else numeric[keep])
        cells = pa.table({"text": texts, "number": is_number}).group_by(["text", "number"]).aggregate([])
        for text, number in zip(
            *(cells[name][:MAX_DISTINCT_PERIODS].to_pylist() for name in ("text", "number")), strict=True
        ):
            if text and visible(text):
                month = month_of_cell(text, number)
                if month is None:
                    return Refusal(
                        "no_period",
                        f"“{sheet.header.names[column]}”列里的月份认不出来",
                        advice.WRITE_MONTH,
                    )
                months.add(month)
    return months


def _cell_problems(sheet: _Sheet) -> list[CellProblem]:
    """Unreadable mapped cells of data rows, lines with too many fields, and a last line that was cut off."""
    grid, keep = sheet.grid, set(sheet.rows.keep.tolist()) if sheet.grid.problems else set()
    uses = {use.column - 1: use for use in sheet.match.uses}
    problems = [
        CellProblem(grid.sheet, int(grid.row_numbers[row]), column + 1, uses[column].field, problem)
        for row, column, problem in grid.problems
        if row in keep and column in uses
    ]
    for column, cells in grid.elsewhere.items():
        if column in uses:
            numbers = grid.row_numbers[sheet.rows.keep[cells[sheet.rows.keep]]].tolist()
            problems += [
                CellProblem(grid.sheet, row, column + 1, uses[column].field, "stored_elsewhere") for row in numbers
            ]
    if grid.fields is not None:
        key = _key_use(sheet.match)
        width = int(grid.fields[sheet.header.first : sheet.header.last + 1].max())
        fields, numbers = grid.fields[sheet.rows.keep], grid.row_numbers[sheet.rows.keep]
        ragged = fields > width
        if ragged.any():
            extra = np.zeros(len(fields), bool)
            for column in grid.columns[width:]:
                extra |= filled(column)[sheet.rows.keep]
            ragged &= extra
        cut = fields == CUT
        cut[-1:] |= grid.has_open_end and sheet.rows.keep[-1] == grid.height - 1 and fields[-1] < width
        said: list[tuple[_LineProblem, Mask]] = [("ragged_line", ragged | (fields == OUT_OF_STEP)), ("cut_line", cut)]
        problems += [
            CellProblem(grid.sheet, row, key.column, key.field, problem)
            for problem, rows in said
            for row in numbers[rows].tolist()
        ]
    return problems


def _garbled_names(sheet: _Sheet, table: pa.Table) -> list[CellProblem] | Refusal:
    """Garbled names as cell problems; a Refusal when it is the whole column."""
    problems: list[CellProblem] = []
    for use in sheet.match.uses:
        if sheet.match.kind.columns[use.field].type != "name":
            continue
        names = table.column(use.field)
        torn = [
            row
            for row, column, problem in sheet.grid.problems
            if (column, problem) == (use.column - 1, "unreadable_bytes")
        ]
        rows = garbled(names) & ~np.isin(sheet.rows.keep, torn)  # these have a problem already
        numbers = table.column("row_number").to_numpy()[rows].tolist()
        if len(numbers) >= LEAST_GARBLED and len(numbers) > MOST_GARBLED * (len(names) - names.null_count):
            where = f"工作表“{sheet.grid.sheet}”的" if sheet.grid.sheet else ""
            return Refusal(
                "garbled",
                f"{where}“{use.header}”一列是乱码（第{numbers[0]}行起，共{len(numbers)}行）：转换文件时文字编码弄错了，已认不出是谁",
                advice.CHECK_ENCODING,
            )
        problems += [CellProblem(sheet.grid.sheet, row, use.column, use.field, "garbled") for row in numbers]
    return problems


_LineProblem = Literal["ragged_line", "cut_line"]


def _key_use(match: Match) -> ColumnUse:
    """The column with the ID number of the row's person."""
    return next((use for use in match.uses if use.field == match.kind.person.id_number), match.uses[0])


def _write(kind: Kind, tables: list[pa.Table], work_dir: Path) -> str:
    """Write all rows of one kind to one Parquet; fields in the contract's order, without those that no sheet has."""
    wanted = ["sheet", "row_number", *(name for field in kind.columns for name in (field, f"{field}__numeric"))]
    carried = {name: table.schema.field(name).type for table in tables for name in table.column_names}
    schema = pa.schema([(name, carried[name]) for name in wanted if name in carried])
    path = work_dir / f"{kind.name}.parquet"
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        # Read twice and thrown away: fast to write and to read counts more than a few bytes.
        with pq.ParquetWriter(path, schema, compression="lz4", write_statistics=False) as writer:
            for table in tables:
                writer.write_table(_with_all(table, schema))
    except OSError as error:
        raise ConfigError(f"工作目录写不进去：{why_of_system(error)}") from error
    return str(path)


def _with_all(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A sheet's table, plus the columns that only other sheets have: empty text, not a number."""
    for name in schema.names:
        if name not in table.column_names:
            text = schema.field(name).type == pa.string()
            flags = pa.nulls(table.num_rows, pa.string()) if text else pa.array(np.zeros(table.num_rows, bool))
            table = table.append_column(name, flags)
    return table.select(schema.names)
