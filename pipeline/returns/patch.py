"""The sender's own workbook, marked: sheet XML edited inside the zip, our sheet put first, all else copied byte for byte."""

from __future__ import annotations

import posixpath
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from pipeline.reading.spelling import Parts
from pipeline.returns import notes
from pipeline.returns.marks import Merges, SheetMarks
from pipeline.returns.package import (
    COMMENTS_TYPE,
    LISTING,
    SHEET_TYPE,
    VML_TYPE,
    CannotPatch,
    ContentTypes,
    Relationships,
    Styles,
    Workbook,
    add_title,
    open_archive,
    serialise,
)
from pipeline.returns.sheet import Emptied, SheetParts, SheetPatch, legacy_drawing_id, merged_areas, with_legacy_drawing

_HARMLESS = re.compile(
    r"\[Content_Types\]\.xml|_rels/\.rels|docProps/(?:app|core|custom)\.xml"
    r"|xl/(?:_rels/)?(?:workbook|styles|sharedStrings|calcChain|metadata)\.xml(?:\.rels)?"
    r"|xl/theme/.*|xl/printerSettings/.*|xl/worksheets/(?:_rels/)?[^/]+"
    r"|xl/comments\d*\.xml|xl/comments/[^/]+|xl/drawings/.*|xl/media/.*|xl/tables/.*"
)
"""Parts that cannot hide a copy of a cell's value, or are searched for it. With any other, refused columns force a rewrite."""
_ANCHOR = re.compile(
    rb"<xdr:from>\s*<xdr:col>(\d+)</xdr:col>.*?<xdr:row>(\d+)</xdr:row>.*?</xdr:from>"
    rb"(?:\s*<xdr:to>\s*<xdr:col>(\d+)</xdr:col>.*?<xdr:row>(\d+)</xdr:row>)?",
    re.DOTALL,
)


@dataclass
class Patched:
    """What was done, for the examination that follows."""

    changed: list[str] = field(default_factory=list)
    """XML parts that are not as they were."""
    values_read_again: list[str] = field(default_factory=list)
    """Sheets whose cells were touched."""
    removed_texts: set[str] = field(default_factory=set)
    """XML texts that must stand nowhere outside cells."""


def patch(source: Path, target: Path, marks: dict[str, SheetMarks], listing: Path) -> Patched:
    """Write `source` to `target` with marks in its sheets and the only sheet of `listing` as its first.

    Raises CannotPatch when the workbook is not built as expected; `target` may then be half written.
    """
    with open_archive(source) as archive, zipfile.ZipFile(listing) as ours, _new(target) as out:
        return _Patch(archive, out, marks).run(ours)


def merges(source: Path) -> Merges:
    """Every worksheet, but for an earlier listing, with its merged areas. Raises CannotPatch."""
    with open_archive(source) as archive:
        parts = Workbook(archive, ContentTypes(archive)).parts
        found = {}
        for sheet, part in parts.items():
            if sheet != LISTING or len(parts) == 1:
                if part not in archive.namelist():
                    raise CannotPatch("sheet without part")
                with archive.open(part) as data:
                    found[sheet] = merged_areas(data)
        return found


def _new(target: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1)  # 6 costs thrice the time


class _Patch:
    def __init__(self, archive: zipfile.ZipFile, out: zipfile.ZipFile, marks: dict[str, SheetMarks]) -> None:
        self.archive = archive
        self.out = out
        self.marks = marks
        self.done = Patched()
        self.names = set(archive.namelist())
        self.types = ContentTypes(archive)
        self.workbook = Workbook(archive, self.types)
        self.styles_part = self._only("styles")
        self.styles = Styles(archive.read(self.styles_part))
        self.written: set[str] = set()
        self.forgotten: set[str] = set()
        self.beside: dict[str, bytes] = {}
        """Parts of the sheet in work: a zip is written one entry at a time."""
        self.emptied = Emptied()
        self.refuses = any(mark.refused for mark in marks.values())
        self.used: set[int] | None = set() if self.refuses else None
        if not Parts(archive).is_usual():
            raise CannotPatch("parts where not every program looks for them")
        if missing := set(marks) - set(self.workbook.parts):
            raise CannotPatch(f"{len(missing)} sheets without part")

    def run(self, listing: zipfile.ZipFile) -> Patched:
        if self.refuses:
            self._refuse_hiding_places()
        old = self.workbook.drop_listing()
        if old:
            self._forget(old)
            self._forget(posixpath.join(posixpath.dirname(old), "_rels", posixpath.basename(old) + ".rels"))
        for number, (sheet, part) in enumerate(self.workbook.parts.items(), start=1):
            if part not in self.names:
                raise CannotPatch("sheet without part")
            self._sheet(number, sheet, part)
        self._shared_strings()
        self._listing(listing)
        for name in [one for one in self.names if posixpath.basename(one) == "calcChain.xml"]:
            self.workbook.relationships.drop(
                name
            )  # Excel builds it anew; one that names an emptied formula is an error
            self._forget(name)
        if "docProps/app.xml" in self.names:
            self._write("docProps/app.xml", add_title(self.archive.read("docProps/app.xml")))
        self._write(self.styles_part, self.styles.bytes())
        self._write(self.workbook.name, serialise(self.workbook.root))
        self._write(self.workbook.relationships.name, serialise(self.workbook.relationships.root))
        self._write(self.types.name, serialise(self.types.root))
        for info in self.archive.infolist():
            if info.filename not in self.written and not info.is_dir():
                with self.archive.open(info) as source:
                    self._stream(info.filename, source)
        return self.done

    def _sheet(self, number: int, sheet: str, part: str) -> None:
        marks = self.marks.get(sheet, SheetMarks())
        relationships = Relationships(self.archive, part)
        with self.archive.open(part) as source:
            if marks.is_empty and not self.refuses and not self.styles.was_marked:
                self._stream(part, source, without_selection=True)
                return
            patch = SheetPatch(marks, self.styles.marked, self.styles.was_marked, self.emptied, self.used)
            with self.out.open(part, "w", force_zip64=True) as target:
                patch.run(source, target, lambda parts: self._notes(number, marks, parts, relationships))
        self.written.add(part)
        self.done.changed.append(part)
        self.done.values_read_again.append(sheet)
        for name, data in self.beside.items():
            self._write(name, data)
        self.beside.clear()

    def _notes(self, number: int, marks: SheetMarks, parts: SheetParts, relationships: Relationships) -> bytes:
        """Writes the note parts; gives the sheet's epilog."""
        comment_parts = list(relationships.by_type("comments").values())
        if not marks.notes and not comment_parts:
            return parts.epilog
        name = comment_parts[0] if comment_parts else self._free("xl/comments{}.xml")
        comments = notes.Comments(self.archive.read(name) if comment_parts else None)
        comments.drop(marks.refused)
        comments.add(marks.notes)
        identifier = legacy_drawing_id(parts)
        epilog, drawing, before = parts.epilog, "", None
        if identifier is None:
            drawing = self._free("xl/drawings/vmlDrawing{}.vml")
            epilog = with_legacy_drawing(parts, relationships.add("vmlDrawing", drawing))
        else:
            drawing = relationships.by_type("vmlDrawing").get(identifier, "")
            if drawing not in self.names:
                raise CannotPatch("drawing without part")
            before = self.archive.read(drawing)
        self.beside[drawing] = notes.vml(before, comments.cells(), number, parts.widths)
        self.beside[name] = comments.bytes()
        if not comment_parts:
            relationships.add("comments", name)
        self.types.override(name, COMMENTS_TYPE)
        self.types.default("vml", VML_TYPE)
        if relationships.is_changed:
            self.beside[relationships.name] = serialise(relationships.root)
        return epilog

    def _shared_strings(self) -> None:
        """Texts that only emptied cells used are blanked; numbers of the others stay as they are."""
        self.done.removed_texts = set(self.emptied.texts)
        orphans = self.emptied.shared - (self.used or set())
        if not orphans:
            return
        part = self._only("sharedStrings")
        position = -1

        def blank(found: re.Match[bytes]) -> bytes:
            nonlocal position
            position += 1
            if position not in orphans:
                return found[0]
            text = b"".join(re.findall(rb"<t(?:\s[^>]*)?>([^<]*)</t>", found[0]))
            self.done.removed_texts.add(text.decode())
            return b"<si><t/></si>"

        data = self.archive.read(part)
        if b"<!--" in data or b"<![CDATA[" in data or b"<!DOCTYPE" in data:
            raise CannotPatch("shared strings of another shape")
        data = re.sub(rb"<si\s*/>|<si(?:\s[^>]*)?>.*?</si>", blank, data, flags=re.DOTALL)
        if position < max(orphans):
            raise CannotPatch("shared strings of another shape")
        self._write(part, data)

    def _listing(self, listing: zipfile.ZipFile) -> None:
        numbers = self.styles.take_in(listing.read("xl/styles.xml"))
        data = listing.read("xl/worksheets/sheet1.xml")
        data = re.sub(
            rb'(<(?:c|row) r="[^"]*"[^>]*? s=")(\d+)"', lambda found: found[1] + b'%d"' % numbers[int(found[2])], data
        )
        part = self._free("xl/worksheets/sheet{}.xml")
        self.workbook.put_listing_first(part, f"{LISTING}!$1:$2")
        self.types.override(part, SHEET_TYPE)
        self._write(part, data)

    def _refuse_hiding_places(self) -> None:
        """Pivot caches, charts, pictures in cells, previews, … hold copies of values: with those we rewrite."""
        if any(not name.endswith("/") and not _HARMLESS.fullmatch(name) for name in self.names):
            raise CannotPatch("parts that may hold copies of refused values")
        for sheet, marks in self.marks.items():
            relationships = Relationships(self.archive, self.workbook.parts[sheet])
            for drawing in relationships.by_type("drawing").values():
                for left, top, right, bottom in _ANCHOR.findall(self.archive.read(drawing)):
                    columns = range(int(left) + 1, int(right or left) + 2)
                    if any(one in columns and int(bottom or top) + 1 > last for one, last in marks.refused.items()):
                        raise CannotPatch("a picture stands in a refused column")

    def _only(self, last: str) -> str:
        parts = list(self.workbook.relationships.by_type(last).values())
        if len(parts) != 1 or parts[0] not in self.names:
            raise CannotPatch(f"no single {last}")
        return parts[0]

    def _free(self, pattern: str) -> str:
        taken = {name.lower() for name in (self.names | self.written) - self.forgotten}
        return next(name for n in range(1, 100_000) if (name := pattern.format(n)).lower() not in taken)

    def _forget(self, part: str) -> None:
        self.types.drop(part)
        self.written.add(part)
        self.forgotten.add(part)

    def _write(self, name: str, data: bytes) -> None:
        if name in self.names - self.forgotten and self.archive.read(name) == data:
            return
        with self.out.open(name, "w") as target:
            target.write(data)
        self.written.add(name)
        self.done.changed.append(name)

    def _stream(self, name: str, source: IO[bytes], without_selection: bool = False) -> None:
        with self.out.open(name, "w", force_zip64=True) as target:
            if without_selection:  # two selected sheets would be edited together
                first = source.read(1 << 20)
                head, mark, rest = first.partition(b"<sheetData")
                target.write(re.sub(rb"""\stabSelected=["'](?:1|true)["']""", b"", head) + mark + rest)
            while data := source.read(1 << 20):
                target.write(data)
        self.written.add(name)
