"""The written copy is read again before anyone sees it: values unchanged, marks where they belong, nothing refused left."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import unescape

from python_calamine import CalamineWorkbook

from pipeline.model import column_letter
from pipeline.returns.marks import SheetMarks
from pipeline.returns.package import LISTING, CannotPatch, ContentTypes, Relationships, Workbook, marked_formats
from pipeline.returns.patch import Patched

_CELL_STYLE = rb"""<c\s[^>]*?\br=["']([A-Z]+\d+)["'][^>]*?\ss=["'](%s)["']"""


def examine(source: Path, target: Path, marks: dict[str, SheetMarks], done: Patched) -> None:
    """Raises CannotPatch, saying what is not as it should be. All workbooks are closed again."""
    with zipfile.ZipFile(target) as archive:
        for part in done.changed:
            _well_formed(archive, part)
        workbook = Workbook(archive, ContentTypes(archive))
        if next(iter(workbook.parts)) != LISTING:
            raise CannotPatch("our sheet is not first")
        formats = marked_formats(archive.read(next(iter(workbook.relationships.by_type("styles").values()))))
        for sheet, mark in marks.items():
            part = workbook.parts[sheet]
            _marks_stand(archive.read(part), mark, formats)
            _notes_stand(archive, part, mark)
        _nothing_left(archive, done.removed_texts)
    with CalamineWorkbook.from_path(source) as before, CalamineWorkbook.from_path(target) as after:
        old_names = [name for name in before.sheet_names if name != LISTING or len(before.sheet_names) == 1]
        if after.sheet_names != [LISTING, *old_names]:
            raise CannotPatch("sheets are not the same")
        for sheet in done.values_read_again:
            _same_values(before, after, sheet, marks.get(sheet, SheetMarks()))


def _well_formed(archive: zipfile.ZipFile, part: str) -> None:
    if not part.endswith((".xml", ".rels")):
        return  # Excel's own VML is no XML
    parser = expat.ParserCreate()
    try:
        with archive.open(part) as data:
            parser.ParseFile(data)
    except expat.ExpatError as problem:
        raise CannotPatch("written part is not well-formed") from problem


def _marks_stand(data: bytes, mark: SheetMarks, formats: dict[int, int]) -> None:
    """Exactly the marked cells carry our fills, each that of its severity."""
    names = b"|".join(b"%d" % one for one in formats)
    found = re.findall(_CELL_STYLE % names, data) if formats else []
    ranks = {b"%d" % number: rank for number, rank in formats.items()}
    letters = [column_letter(column) if column else "" for column in range(max(mark.columns, default=0) + 1)]
    expected = [f"{letters[column]}{row}".encode() for row, column in zip(mark.rows, mark.columns, strict=True)]
    if [name for name, _ in found] != expected or [ranks[style] for _, style in found] != mark.ranks:
        raise CannotPatch("marks are not where they belong")


def _notes_stand(archive: zipfile.ZipFile, part: str, mark: SheetMarks) -> None:
    parts = list(Relationships(archive, part).by_type("comments").values())
    found = set(re.findall(rb'<comment\s[^>]*?ref="([A-Z]+\d+)"', archive.read(parts[0]))) if parts else set()
    if not {f"{column_letter(column)}{row}".encode() for row, column in mark.notes} <= found:
        raise CannotPatch("notes are missing")


def _nothing_left(archive: zipfile.ZipFile, removed: set[str]) -> None:
    """No text of a refused column stands outside cells: filters, conditional formats, names, notes, shapes, properties.

    Texts too short to tell from markup (one character, a few digits) are not searched for.
    """
    starts: dict[str, set[str]] = {}
    for text in removed:
        for form in {text, unescape(text, {"&quot;": '"', "&apos;": "'"})}:
            if len(form) >= (5 if form.isascii() else 2):
                starts.setdefault(form[:2], set()).add(form)
    if not starts:
        return
    for name in archive.namelist():
        if name.endswith((".xml", ".rels", ".vml")) and not name.endswith("sharedStrings.xml"):
            data = archive.read(name)
            if b"<sheetData>" in data:
                data = data[: data.index(b"<sheetData>")] + data[data.index(b"</sheetData>") :]
            text = data.decode("utf-8", "replace")
            at = [place for place in range(len(text) - 1) if text[place : place + 2] in starts]
            if any(text.startswith(form, place) for place in at for form in starts[text[place : place + 2]]):
                raise CannotPatch("refused values remain")


def _same_values(before: CalamineWorkbook, after: CalamineWorkbook, sheet: str, mark: SheetMarks) -> None:
    old: list[list[Any]] = before.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    new: list[list[Any]] = after.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    for column, last in mark.refused.items():
        for row in old[last:]:
            if column <= len(row):
                row[column - 1] = ""
    if old != new and _trimmed(old) != _trimmed(new):
        raise CannotPatch("values are not the same")


def _trimmed(grid: list[list[Any]]) -> list[list[Any]]:
    """Without the empty cells and rows at the ends: a mark on an empty cell may widen the sheet."""
    rows = [row[: next((n for n in range(len(row), 0, -1) if row[n - 1] != ""), 0)] for row in grid]
    while rows and not rows[-1]:
        rows.pop()
    return rows
