"""Reads the written copy again before it goes back: values unchanged, marks where they belong, no refused value left.

Most rows of a copy are the sender's own bytes: equal bytes need no parsing. Only rows that differ are parsed and compared.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import unescape

from lxml import etree
from python_calamine import CalamineWorkbook

from low_income.model import column_letter
from low_income.reading.spelling import MAIN
from low_income.returns import threads
from low_income.returns.marks import Gone, SheetMarks
from low_income.returns.package import (
    LISTING,
    CannotPatch,
    ContentTypes,
    Relationships,
    Workbook,
    marked_formats,
    parse,
)
from low_income.returns.patch import Patched
from low_income.returns.sheet import column_number

_CELL_STYLE = rb"""<c\s[^>]*?\br=["']([A-Z]+\d+)["'][^>]*?\ss=["'](%s)["']"""
_STYLED = re.compile(rb"""(<c\s[^>]*?)\ss=["']\d+["']""")
_EMPTY_CELL = re.compile(rb"<c\s[^>]*/>")
_CELL_OF = rb"""<c\s[^>]*?\br=["'](?:%s)\d+["'][^>]*?(?:/>|>.*?</c>)"""
_SPANS = re.compile(rb"""(?<=<row)([^>]*?)\sspans=["'][^"']*["']""")
_SHARED = re.compile(rb"""<c(?=\s)[^>]*?\st=["']s["'][^>]*>\s*<v>(\d+)</v>""")
_ROW_NUMBER = re.compile(rb"""^[^>]*?\sr=["'](\d+)["']""")
_STRING = re.compile(rb"<si\s*/>|<si(?:\s[^>]*)?>.*?</si>", re.DOTALL)
_CELL_NAME = re.compile(r"([A-Z]{1,3})(\d+)")
_C = f"{{{MAIN}}}c"
_AT_ONCE = 5_000
"""Rows that are parsed at a time, since a tree needs many times the memory of its text."""
_TOGETHER = 50
"""Rows that are compared at a time."""


def verify_copy(source: Path, target: Path, marks: dict[str, SheetMarks], done: Patched) -> None:
    """Raise CannotPatch, with the reason, when the copy `target` is not as it should be. Both workbooks are closed at the end."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target) as new:
        workbook, before = Workbook(new, ContentTypes(new)), Workbook(old, ContentTypes(old))
        if next(iter(workbook.parts)) != LISTING:
            raise CannotPatch("our sheet is not first")
        touched = {workbook.parts[sheet] for sheet in done.values_read_again}
        for part in done.changed:
            if part not in touched:
                _well_formed(part, [new.read(part)])
        formats = marked_formats(new.read(next(iter(workbook.relationships.by_type("styles").values()))))
        texts = _shared_strings(old, before), _shared_strings(new, workbook)
        strings = None if texts[0] == texts[1] else (_STRING.findall(texts[0]), _STRING.findall(texts[1]))
        for sheet in done.values_read_again:
            part, mark = workbook.parts[sheet], marks.get(sheet, SheetMarks())
            rows = _Rows(old.read(before.parts[sheet]), new.read(part), strings)
            _well_formed(part, [rows.prolog, *rows.new, rows.epilog])
            _marks_stand(rows.new, mark, formats)
            _same_values(rows, mark)
        for sheet, mark in marks.items():
            if sheet not in done.values_read_again and mark.rows:
                raise CannotPatch("marks are missing")
            _notes_stand(new, workbook.parts[sheet], mark)
        _nothing_left(new, done.removed_texts)
    with CalamineWorkbook.from_path(source) as first, CalamineWorkbook.from_path(target) as after:
        names = [name for name in first.sheet_names if name != LISTING or len(first.sheet_names) == 1]
        if after.sheet_names != [LISTING, *names]:
            raise CannotPatch("sheets are not the same")


class _Rows:
    """The rows of a sheet that differ in their bytes from before, and the new text around the rows."""

    def __init__(self, old: bytes, new: bytes, strings: tuple[list[bytes], list[bytes]] | None) -> None:
        """`strings`: the shared strings before and now, where they differ. Raises CannotPatch when one that is in use differs."""
        _, before, _ = _split(old)
        self.prolog, after, self.epilog = _split(new)
        if strings and any(strings[0][at] != strings[1][at] for at in {int(one) for one in _SHARED.findall(new)}):
            raise CannotPatch("values are not the same")
        if len(before) == len(after):
            pairs = zip(before, after, strict=True)
        else:  # the old sheet left out empty rows; those with a mark are there now
            numbered = {_number(row): row for row in before}
            pairs = zip([numbered.pop(_number(row), b"") for row in after], after, strict=True)
            if numbered:
                raise CannotPatch("rows are missing")
        self.pairs = [(was, now) for was, now in pairs if was != now]
        self.new = [now for _, now in self.pairs]


def _split(data: bytes) -> tuple[bytes, list[bytes], bytes]:
    """(the text before the rows, each row with its tags, the text after them)."""
    start = data.index(b">", data.index(b"<sheetData")) + 1
    if data[start - 2 : start] == b"/>":
        return data[:start], [], data[start:]
    end = data.rindex(b"</sheetData")
    first, *rows = data[start:end].split(b"<row")
    return data[:start] + first, [b"<row" + row for row in rows], data[end:]


def _number(row: bytes) -> int:
    found = _ROW_NUMBER.match(row)
    if found is None:
        raise CannotPatch("rows without number")
    return int(found[1])


def _shared_strings(archive: zipfile.ZipFile, workbook: Workbook) -> bytes:
    parts = list(workbook.relationships.by_type("sharedStrings").values())
    return archive.read(parts[0]) if parts else b""


def _well_formed(part: str, pieces: Iterable[bytes]) -> None:
    if not part.endswith((".xml", ".rels")):
        return  # VML as Excel writes it may be no XML
    parser = expat.ParserCreate()
    try:
        for piece in pieces:
            parser.Parse(piece)
        parser.Parse(b"", True)
    except expat.ExpatError as problem:
        raise CannotPatch("written part is not well-formed") from problem


def _marks_stand(rows: list[bytes], mark: SheetMarks, formats: dict[int, int]) -> None:
    """Raise CannotPatch unless exactly the marked cells have our fills, each the fill of its severity."""
    names = b"|".join(b"%d" % one for one in formats)
    found = re.findall(_CELL_STYLE % names, b"".join(rows)) if formats else []
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
    for threaded in Relationships(archive, part).by_type("threadedComment").values():
        talked, ours = threads.replied(archive.read(threaded))
        if not talked & {f"{column_letter(column)}{row}" for row, column in mark.notes} <= ours:
            raise CannotPatch("notes are hidden by a conversation")


def _nothing_left(archive: zipfile.ZipFile, removed: set[str]) -> None:
    """Raise CannotPatch when a removed text is still outside cells: in filters, conditional formats, names, notes, shapes, properties.

    Texts that are too short to tell from markup (one character, a few digits) are not searched for.
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


def _same_values(rows: _Rows, mark: SheetMarks) -> None:
    """Raise CannotPatch unless rows differ only in formats, in empty cells, or in cells that are never received."""
    all_gone = mark.gone
    refused = b"|".join(column_letter(column).encode() for column in sorted(all_gone.columns))
    gone = re.compile(_CELL_OF % refused, re.DOTALL) if refused else None
    pairs = _differing(rows.pairs, gone)
    for start in range(0, len(pairs), _AT_ONCE):
        some = pairs[start : start + _AT_ONCE]
        was, now = (_values(rows.prolog, [pair[which] for pair in some]) for which in (0, 1))
        if now != {cell: value for cell, value in was.items() if not _is_gone(cell, all_gone)}:
            raise CannotPatch("values are not the same")


def _differing(pairs: list[tuple[bytes, bytes]], gone: re.Pattern[bytes] | None) -> list[tuple[bytes, bytes]]:
    """The pairs of rows that differ in what must be the same.

    Each row begins with `<row`, which is nowhere else (`_split`): rows that are equal when joined are equal one by one.
    """
    found = []
    for start in range(0, len(pairs), _TOGETHER):
        some = pairs[start : start + _TOGETHER]
        if _bare(b"".join(was for was, _ in some), gone) != _bare(b"".join(now for _, now in some), None):
            found += [(was, now) for was, now in some if _bare(was, gone) != _bare(now, None)]
    return found


def _bare(rows: bytes, gone: re.Pattern[bytes] | None) -> bytes:
    """Rows without what may differ: formats, cells that are empty or never received, and `spans`."""
    # Splitting keeps the groups: as `sub` with the group in its place, in half the time.
    bare = b"".join(_STYLED.split(gone.sub(b"", rows) if gone else rows))
    return b"".join(_SPANS.split(_EMPTY_CELL.sub(b"", bare)))


def _values(prolog: bytes, rows: list[bytes]) -> dict[tuple[str, int], bytes]:
    """(letters, row) of each cell with content → its type and content as bytes."""
    declared = prolog[prolog.index(b"<worksheet") :]
    found = {}
    for cell in parse(declared + b"".join(rows) + b"</sheetData></worksheet>").iter(_C):
        name = _CELL_NAME.fullmatch(cell.get("r", ""))
        if name is None:
            raise CannotPatch("cells without name")
        if content := b"".join(etree.tostring(child, with_tail=False) for child in cell):
            found[name[1], int(name[2])] = f"{cell.get('t', '')} ".encode() + content
    return found


def _is_gone(cell: tuple[str, int], gone: Gone) -> bool:
    return column_number(cell[0].encode()) in gone.in_row(cell[1])
