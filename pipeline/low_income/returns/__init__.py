"""Annotated copies: the sender's own file comes back with its faults marked, and the sheet 问题清单 in front.

A workbook is edited inside its zip, so everything that the sender made stays. Every marked copy is read again (`verify_copy`).
A workbook that cannot be edited, or whose copy fails there, is written anew with its values only, and 问题清单 says so.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from xml.parsers import expat

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from lxml import etree
from python_calamine import CalamineError

from low_income.model import OWN_WORDS, CheckError, Refusal
from low_income.reading import readers, spelling
from low_income.reading.grid import Grid, Mask
from low_income.returns import correction, formulas, listing, marks
from low_income.returns.listing import MOST_ROWS, NO_ROW, SubmissionSummary, counted_once, what_to_do
from low_income.returns.marks import Gone
from low_income.returns.package import CannotPatch, active_content
from low_income.returns.patch import merges, patch
from low_income.returns.rewrite import rewrite
from low_income.returns.verify_copy import verify_copy
from low_income.settings import contracts
from low_income.settings.home import PART, sync

_ODD = (
    zipfile.BadZipFile, zlib.error, EOFError, KeyError, IndexError, ValueError, NotImplementedError, CalamineError,
    expat.ExpatError, etree.XMLSyntaxError,
)  # fmt: skip
"""What the libraries raise on a workbook of odd build: parts missing or cut off, numbers that are none. Then the workbook is
rewritten, examined again, and 问题清单 says what happened."""

__all__ = [
    "NO_ROW",
    "CorrectionWorkbook",
    "SubmissionSummary",
    "counted_once",
    "what_to_do",
    "write",
    "write_all",
    "write_put_off",
    "write_receipt",
    "write_replaced",
]

_ODD_BUILD = "原文件的格式比较特殊，无法在上面直接标注：本文件保留了全部数据，版式已简化。"
MOST_COPIED = 100_000
"""The most rows of an old workbook that still comes back whole, written anew."""
MOST_BARE_COPIED = 5_000
"""The same of a list without a layout: text, .dbf, a database's table. Above it the faulty rows alone come back (decision 0009)."""


@dataclass(frozen=True)
class CorrectionWorkbook:
    """The correction workbook beside a copy: its path, and the received file that it is about."""

    target: Path
    file_id: str


def write(
    source: Path, file_name: str, target: Path, summaries: Sequence[SubmissionSummary], issues: pd.DataFrame,
    correction_workbook: CorrectionWorkbook | None = None,
) -> None:  # fmt: skip
    """Write the annotated copy of one received file; `target` ends in .xlsx and appears whole or not at all.

    `summaries`: one per kind found in the file. `issues`: rule, severity, message, fix, sheet, row_number (null: the
    whole file), column (1-based; null: the whole row), header, value; at most one row per cell; rows of text files by
    physical line, sheet ''. A file without faults that was repeated, or has nothing to give back, is answered by 问题清单
    alone. Raises CheckError when even the plain rewrite fails its examination.
    """
    corrected = 0
    if correction_workbook:
        corrected = correction.write(
            correction_workbook.target, correction_workbook.file_id, [one.reading for one in summaries], issues
        )
    with _whole(target) as made:
        if issues.empty and not any(_comes_back(one) for one in summaries):
            listing.write(made, file_name, summaries, issues, None, [])
        else:
            _Copy(source, file_name, summaries, issues, made.parent, corrected).write(made)


def _comes_back(one: SubmissionSummary) -> bool:
    return one.status != "repeated" and (one.reading.comes_back or bool(one.reading.sheets))


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """A path to write to, in a folder of its own that is removed; the file then becomes `target`, whole or not at all."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=PART) as folder:
        made = Path(folder) / "made.xlsx"
        yield made
        made.chmod(0o600)
        sync(made)
        made.replace(target)


def write_all(
    copies: Sequence[tuple[Path, str, Path, Sequence[SubmissionSummary], pd.DataFrame, CorrectionWorkbook | None]],
) -> None:
    """Call `write` for each of several copies: the work of one child process."""
    for copy in copies:
        write(*copy)


def write_receipt(target: Path, file_name: str, refusal: Refusal, *, is_taken: bool = True, folder: str = "") -> None:
    """Write the answer to a file that could not be opened: a workbook with the sheet 问题清单 only.

    `is_taken`: the file was sent, and is in the archive; else it was only checked. `folder`: as in `SubmissionSummary`.
    """
    with _whole(target) as made:
        listing.write_refusal(made, file_name, refusal, is_taken=is_taken, folder=folder)


def write_replaced(target: Path, file_name: str, by: str) -> None:
    """Write the answer to a file that the later file `by` replaced."""
    with _whole(target) as made:
        listing.write_replaced(made, file_name, by)


def write_put_off(target: Path, told: Mapping[str, Sequence[str]]) -> None:
    """Write for a unit which of its files are put off to a later night. `told`: why → their names."""
    with _whole(target) as made:
        listing.write_put_off(made, told)


def write_list_alone(
    target: Path, file_name: str, summaries: Sequence[SubmissionSummary], issues: pd.DataFrame, reason: str
) -> None:
    """Write the answer to a file that was judged but could not be marked: the sheet 问题清单 with all that was found.

    `reason`: why it could not be marked, in Chinese. The sender's bytes are not read.
    """
    with _whole(target) as made:
        listing.write(made, file_name, summaries, issues, None, [_list_alone(reason)])


def _list_alone(reason: str) -> str:
    return f"原文件无法标注（{reason}），所以只有这张清单。"


class _Copy:
    def __init__(
        self, source: Path, file_name: str, summaries: Sequence[SubmissionSummary], issues: pd.DataFrame, folder: Path,
        corrected: int = 0,
    ) -> None:  # fmt: skip
        """`corrected`: how many rows the correction workbook has; 0 where there is none."""
        self.source = source
        self.file_name = file_name
        self.summaries = summaries
        self.folder = folder
        self.corrected = corrected
        self.issues = issues
        self.refused: dict[str, dict[int, int]] = {}
        self.text_columns: dict[str, frozenset[int]] = {}
        self.formulas_known = True
        """Whether it is known which formulas show what is never received; false for a workbook that was not examined yet."""
        self.emptied = {sheet: areas for one in summaries for sheet, areas in one.reading.emptied.items()}
        for one in summaries:
            fields = contracts.load().kinds[one.reading.kind].columns if one.reading.kind else {}
            for sheet in one.reading.sheets:
                last = sheet.header_rows[1]
                columns = {column: last for column, _ in sheet.refused_columns}
                self.refused[sheet.sheet] = self.refused.get(sheet.sheet, {}) | columns
                numbers = {
                    use.column
                    for use in sheet.columns
                    if use.field in fields and fields[use.field].type in ("id_number", "disability_number")
                }
                self.text_columns[sheet.sheet] = self.text_columns.get(sheet.sheet, frozenset()) | numbers

    def write(self, made: Path) -> None:
        if base := self._package():
            self.formulas_known = not any([*self.refused.values(), *self.emptied.values()])
            try:
                with zipfile.ZipFile(base) as archive:
                    active = active_content(archive)
            except (CannotPatch, *_ODD):
                self._rewrite(made, _ODD_BUILD)
                return
            if active:
                self._write_without(active, base, made)
                return
            try:
                self._mark(base, made, [])
            except (CannotPatch, *_ODD):
                self._mark_respelled(base, made)
        else:
            self._write_other(made)

    def _write_other(self, made: Path) -> None:
        """Write the values of another format as a workbook, and mark that; of a long list 问题清单 alone."""
        named = [sheet.sheet for one in self.summaries for sheet in one.reading.sheets]
        rows = sum(one.rows_read for one in self.summaries)
        if rows > (most := _most_copied(named)):
            self._write_list_of(rows, most, made)
        else:
            remark = "您报来的不是 .xlsx 工作簿：已把全部数据转成 .xlsx 后标注，原来的版式没有保留。"
            self._rewrite(made, remark, is_uncounted=not rows)

    def _write_list_of(self, rows: int, most: int, made: Path) -> None:
        """Write 问题清单 alone. Nobody looks through so many lines by hand: who exports them needs the faulty ones, soon."""
        then = (
            f"要改的 {self.corrected} 行都在旁边的更正表里：改好放回即可，原文件不用再交"
            if self.corrected
            else "只列出问题"
        )
        remark = f"文件有 {rows} 行，超过 {most} 行的这类文件不再附原表。{then}；行号就是原文件的行号。"
        listing.write(
            made, self.file_name, self.summaries, self.issues, None, [remark], has_correction=self.corrected > 0
        )

    def _package(self) -> Path | None:
        """The workbook whose XML can be marked, without text that a web server wrote before it; None for another format."""
        with readers.open_content(self.source) as file:
            if file.read(4) != b"PK\x03\x04":
                return None
            if not isinstance(file, io.BytesIO):
                return self.source
            bare = self.folder / "bare.xlsx"
            bare.write_bytes(file.getbuffer())
            return bare

    def _write_without(self, active: list[str], base: Path, made: Path) -> None:
        """Write the values alone: macros, objects and links to other files are not given back."""
        with suppress(CannotPatch, *_ODD):  # else what the formulas show stays unknown, and only 问题清单 is written
            self._find_formulas(base)
        words = "、".join(active)
        self._rewrite(made, f"原文件里有{words}，退回件不带这些：本文件保留了全部数据，版式已简化。")

    def _mark_respelled(self, base: Path, made: Path) -> None:
        """Mark the workbook after respelling it as Excel does, with its layout; where that fails too, rewrite it."""
        usual = self.folder / "usual.xlsx"
        try:
            with zipfile.ZipFile(base) as archive, usual.open("wb") as target:
                spelling.respell(archive, target)
            self._mark(usual, made, [])
        except (CannotPatch, spelling.Doctype, *_ODD):
            self._rewrite(made, _ODD_BUILD)

    def _find_formulas(self, base: Path) -> None:
        """Add to the emptied cells those whose formula shows what is never received. Raises CannotPatch."""
        gone = {
            sheet: marks.SheetMarks(refused=self.refused.get(sheet, {}), emptied=self.emptied.get(sheet, [])).gone
            for sheet in {*self.refused, *self.emptied}
        }
        if any(gone.values()):
            for sheet, areas in formulas.areas_shown(base, gone, lambda: _grids(base)).items():
                self.emptied[sheet] = sorted({*self.emptied.get(sheet, []), *areas})
        self.formulas_known = True

    def _rewrite(self, made: Path, remark: str, *, is_uncounted: bool = False) -> None:
        """Write a plain workbook of the values and mark that; or 问题清单 alone, where it must.

        `is_uncounted`: a refused file of another format, whose rows were not counted before.
        """
        plain = self.folder / "plain.xlsx"
        book = readers.read(self.source, self.file_name)
        if isinstance(book, Refusal) or not self.formulas_known:
            reason = book.reason if isinstance(book, Refusal) else "看不出公式是不是引用了按规定不接收的内容"
            listing.write(made, self.file_name, self.summaries, self.issues, None, [_list_alone(reason)])
            return
        rows, most = sum(grid.height for grid in book.grids), _most_copied([grid.sheet for grid in book.grids])
        if is_uncounted and rows > most:
            self._write_list_of(rows, most, made)
            return
        grids = [_without(grid, Gone(self.emptied.get(grid.sheet, []))) for grid in book.grids]
        names, lost = rewrite(grids, plain, self.refused, is_packed=False)
        self.refused = {names.get(sheet, sheet): columns for sheet, columns in self.refused.items()}
        self.emptied = {names.get(sheet, sheet): areas for sheet, areas in self.emptied.items()}
        self.text_columns = {names.get(sheet, sheet): columns for sheet, columns in self.text_columns.items()}
        self.issues = self.issues.assign(sheet=self.issues["sheet"].replace(names))
        remarks = [remark]
        if lost:
            remarks.append(
                f"一张工作表最多 {MOST_ROWS} 行：文件最后的 {lost} 行没有放进本文件，其中的问题只列在清单里。"
            )
        try:
            self._mark(plain, made, remarks)
        except CannotPatch as problem:
            raise CheckError(
                f"退回件没有通过复核，没有写出；请把这一句告诉维护人员。程序的{OWN_WORDS}{problem}"
            ) from problem

    def _mark(self, base: Path, made: Path, remarks: list[str]) -> None:
        self._find_formulas(base)
        placed = self.issues[~(self.issues["row_number"] > MOST_ROWS).fillna(False).astype(bool)]
        areas = merges(base)
        if {sheet for sheet, gone in [*self.refused.items(), *self.emptied.items()] if gone} - set(areas):
            raise CannotPatch("a sheet with refused values is not there")
        plan = marks.plan(placed, areas, self.refused, self.emptied, self.text_columns)
        page = self.folder / "listing.xlsx"
        remarks = [*remarks, *_said_about(plan)]
        listing.write(page, self.file_name, self.summaries, self.issues, frozenset(plan), remarks)
        done = patch(base, made, plan, page)
        verify_copy(base, made, plan, done)


def _most_copied(sheets: Sequence[str]) -> int:
    """The most rows that come back as a workbook written anew. `sheets`: names, '' for a list without a layout."""
    return MOST_COPIED if any(sheets) else MOST_BARE_COPIED


def _grids(base: Path) -> list[Grid]:
    book = readers.read(base, f"{base.stem}.xlsx")
    if isinstance(book, Refusal):
        raise CannotPatch("values that cannot be read")
    return book.grids


def _without(grid: Grid, gone: Gone) -> Grid:
    """A sheet with these cells empty. Cells beyond its last value (formulas without a result) are skipped."""
    if not gone:
        return grid
    columns = list(grid.columns)
    inside: dict[int, Mask] = {}
    for first, last, column in gone.areas:
        start, end = np.searchsorted(grid.row_numbers, [first, last + 1])
        if column <= len(columns):
            inside.setdefault(column - 1, np.zeros(grid.height, bool))[start:end] = True
    for column, mask in inside.items():
        columns[column] = pc.if_else(pa.array(mask), pa.scalar(None, pa.string()), columns[column])
    return replace(grid, columns=columns)


def _said_about(plan: dict[str, marks.SheetMarks]) -> list[str]:
    """Sentences about the notes that the copy leaves out, with exact counts."""
    said = []
    for sheet, own in plan.items():
        if own.cells_without_note:
            noted = len(own.notes) - own.heads
            said.append(
                f"工作表“{sheet}”有问题的 {noted + own.cells_without_note} 个单元格都标了颜色；批注太多会打不开，"
                f"只给其中 {noted} 个加了批注，另有 {own.cells_without_note} 个没有批注。"
            )
    return said
