"""Marks the sender's own workbook: edits sheet XML inside the zip, puts our sheet first, copies the rest byte for byte."""

from __future__ import annotations

import posixpath
import re
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from lxml import etree

from low_income.reading.spelling import Parts, relations_of, serialise
from low_income.returns import notes, pictures, threads
from low_income.returns.marks import Gone, Merges, SheetMarks
from low_income.returns.package import (
    COMMENTS_TYPE,
    LISTING,
    RELATIONSHIPS_TYPE,
    SHEET_TYPE,
    VML_TYPE,
    CannotPatch,
    ContentTypes,
    Relationships,
    Styles,
    Workbook,
    add_title,
    open_archive,
)
from low_income.returns.sheet import (
    Emptied,
    SheetParts,
    SheetPatch,
    merged_areas,
    relationship_of,
    with_legacy_drawing,
    without_element,
)

_HARMLESS = re.compile(
    r"\[Content_Types\]\.xml|_rels/\.rels|docProps/(?:app|core|custom)\.xml"
    r"|xl/(?:_rels/)?(?:workbook|styles|sharedStrings|calcChain|metadata)\.xml(?:\.rels)?"
    r"|xl/theme/.*|xl/printerSettings/.*|xl/worksheets/(?:_rels/)?[^/]+"
    r"|xl/comments\d*\.xml|xl/comments/[^/]+|xl/threadedComments/.*|xl/persons/.*|xl/drawings/.*|xl/media/.*|xl/tables/.*"
    r"|xl/(?:_rels/)?cellimages\.xml(?:\.rels)?|xl/richData/.*|docProps/thumbnail\.\w+"
)
"""Parts that cannot hide a copy of a cell's value, or that are searched for one. With any other part, refused columns force a rewrite."""
_RICH_DATA = ("rdRichValue", "rdRichValueStructure", "rdRichValueTypes", "richValueRel", "rdArray", "richStyles",
              "rdSupportingPropertyBag", "rdSupportingPropertyBagStructure", "rdRichValueWebImage", "sheetMetadata")  # fmt: skip
"""Types of a workbook's relationships to the parts behind pictures in cells (Excel)."""
_PICTURE = re.compile(r"xl/(?:media/|richData/|cellimages\.xml$)|docProps/thumbnail\.")
"""Parts that are pictures, or lead only to pictures: they are removed when no relationship leads to them."""
_BACKGROUND = {"picture": "image", "legacyDrawingHF": "vmlDrawing", "drawingHF": "drawing"}
"""Elements of a sheet that draw behind it or in its margins → the type of relationship that they name."""


@dataclass
class Patched:
    """What was changed, for the examination that follows."""

    changed: list[str] = field(default_factory=list)
    """Parts that were written and are not as before."""
    values_read_again: list[str] = field(default_factory=list)
    """Sheets whose cells may have changed: their values are compared again."""
    removed_texts: set[str] = field(default_factory=set)
    """XML texts that must not be anywhere outside cells."""


def patch(source: Path, target: Path, marks: dict[str, SheetMarks], listing: Path) -> Patched:
    """Write `source` to `target` with marks in its sheets, and the only sheet of `listing` as the first sheet.

    Raises CannotPatch when the workbook is not built as expected; `target` may then be half written.
    """
    with open_archive(source) as archive, zipfile.ZipFile(listing) as ours, _new(target) as out:
        return _Patch(archive, out, marks).run(ours)


def merges(source: Path) -> Merges:
    """Worksheet → its merged areas, for every worksheet but an earlier 问题清单. Raises CannotPatch."""
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
    return zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1)  # level 6 takes three times as long


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
        """Parts to write after the sheet that is written now: a zip is written one entry at a time."""
        self.rels: dict[str, etree._Element] = {}
        """Relationships that were changed: name of their part → the new ones."""
        self.loose: set[str] = set()
        """Parts that lost a relationship which led to them."""
        self.replies = False
        """Whether a conversation got our reply."""
        self.emptied = Emptied()
        self.refuses = any(mark.gone for mark in marks.values())
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
            self._forget(relations_of(old))
        for number, (sheet, part) in enumerate(self.workbook.parts.items(), start=1):
            if part not in self.names:
                raise CannotPatch("sheet without part")
            self._sheet(number, sheet, part)
        self._shared_strings()
        if self.replies:
            self._person()
        if self.refuses:
            self._cell_pictures()
            self._thumbnail()
            self.loose |= {name for name in self.names if _PICTURE.match(name)}
            self.rels[self.workbook.relationships.name] = self.workbook.relationships.root
            self._forget_loose()
        self._listing(listing)
        for name in [one for one in self.names if posixpath.basename(one) == "calcChain.xml"]:
            self.workbook.relationships.drop(
                name
            )  # Excel makes a new one; one that names an emptied formula would be an error
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
            patch = SheetPatch(
                marks, self.styles.marked, self.styles.within, self.styles.was_marked, self.emptied, self.used
            )
            with self.out.open(part, "w", force_zip64=True) as target:
                patch.run(source, target, lambda parts: self._around(number, marks, parts, relationships))
        self._put_beside(relationships)
        self.written.add(part)
        self.done.changed.append(part)
        self.done.values_read_again.append(sheet)
        for name, data in self.beside.items():
            self._write(name, data)
        self.beside.clear()

    def _around(self, number: int, marks: SheetMarks, parts: SheetParts, relationships: Relationships) -> bytes:
        """Edit the sheet's drawings, conversations and notes; gives the sheet's new epilog."""
        if marks.gone:
            parts = self._without_pictures(marks.gone, parts, relationships)
        for part in relationships.by_type("threadedComment").values():
            self._threads(part, marks)
        return self._notes(number, marks, parts, relationships)

    def _threads(self, part: str, marks: SheetMarks) -> None:
        """Remove conversations on emptied cells, and add our notes to the others as replies."""
        own = threads.Threads(self._part(part))
        own.drop(marks.gone)
        self.replies |= own.reply(marks.notes)
        if own.is_changed:
            self.beside[part] = own.bytes()

    def _person(self) -> None:
        """Write the persons part with our person, the author of our replies."""
        workbook = self.workbook.relationships
        name = next(iter(workbook.by_type("person").values()), None)
        data = self._part(name) if name else None
        if name is None:
            name = self._free("xl/persons/person{}.xml")
            workbook.add("person", name, threads.RELATIONSHIP)
        self.types.override(name, threads.PERSONS_TYPE)
        self._write(name, threads.with_our_person(data))

    def _notes(self, number: int, marks: SheetMarks, parts: SheetParts, relationships: Relationships) -> bytes:
        """Make the note parts; gives the sheet's new epilog."""
        comment_parts = list(relationships.by_type("comments").values())
        if not marks.notes and not comment_parts:
            return parts.epilog
        name = comment_parts[0] if comment_parts else self._free("xl/comments{}.xml")
        comments = notes.Comments(self.archive.read(name) if comment_parts else None)
        comments.drop(marks.gone)
        comments.add(marks.notes)
        identifier = relationship_of(parts, "legacyDrawing")
        epilog, drawing, before = parts.epilog, "", None
        if identifier is None:
            drawing = self._free("xl/drawings/vmlDrawing{}.vml")
            epilog = with_legacy_drawing(parts, relationships.add("vmlDrawing", drawing))
        else:
            drawing = relationships.by_type("vmlDrawing").get(identifier, "")
            if drawing not in self.names:
                raise CannotPatch("drawing without part")
            before = self.archive.read(drawing)
            if marks.gone:
                before = pictures.vml_without_pictures(before)
                own = Relationships(self.archive, drawing)
                self._keep(own, set())
                self._put_beside(own)
        self.beside[drawing] = notes.vml(before, comments.cells(), number, parts.widths)
        self.beside[name] = comments.bytes()
        if not comment_parts:
            relationships.add("comments", name)
        self.types.override(name, COMMENTS_TYPE)
        self.types.default("vml", VML_TYPE)
        return epilog

    def _shared_strings(self) -> None:
        """Blank the shared strings that only emptied cells used; the others keep their numbers."""
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
        self.workbook.put_listing_first(part, _print_titles(listing.read("xl/workbook.xml")))
        self.types.override(part, SHEET_TYPE)
        self._write(part, data)

    def _refuse_hiding_places(self) -> None:
        """Raise CannotPatch when columns are emptied and a part may hold copies of values (pivot caches, charts, embedded files, …)."""
        if not any(marks.gone.columns for marks in self.marks.values()):
            return
        if any(not name.endswith("/") and not _HARMLESS.fullmatch(name) for name in self.names):
            raise CannotPatch("parts that may hold copies of refused values")

    def _without_pictures(self, gone: Gone, parts: SheetParts, relationships: Relationships) -> SheetParts:
        """The sheet's parts without drawings over emptied cells, behind the sheet, or in its margins."""
        epilog = parts.epilog
        for drawing in relationships.by_type("drawing").values():
            left, used = pictures.without_gone(self._part(drawing), gone, parts.widths)
            own = Relationships(self.archive, drawing)
            self._keep(own, used)
            if left is None:
                self._drop(relationships, drawing)
                epilog = without_element(replace(parts, epilog=epilog), "drawing")
            else:
                self.beside[drawing] = left
                self._put_beside(own)
        for element, kind in _BACKGROUND.items():
            identifier = relationship_of(replace(parts, epilog=epilog), element)
            if identifier is not None:
                epilog = without_element(replace(parts, epilog=epilog), element)
                if part := relationships.by_type(kind).get(identifier):
                    self._drop(relationships, part)
        return replace(parts, epilog=epilog)

    def _cell_pictures(self) -> None:
        """Remove pictures in cells that no remaining cell shows."""
        workbook = self.workbook.relationships
        for part in workbook.by_type("cellImage").values():
            left, used = pictures.cell_pictures_in_use(self._part(part), self.emptied.pictures_left)
            own = Relationships(self.archive, part)
            self._keep(own, used)
            if left is None:
                self._drop(workbook, part)
            else:
                self._write(part, left)
                if own.is_changed:
                    self._write(own.name, serialise(own.root))
                    self.rels[own.name] = own.root
        rich = [part for last in _RICH_DATA for part in workbook.by_type(last).values()]
        if any(part.startswith("xl/richData/") for part in rich):
            if self.emptied.rich_values_left:
                raise CannotPatch("pictures in cells that stay")
            for part in rich:
                self._drop(workbook, part)

    def _thumbnail(self) -> None:
        package = Relationships(self.archive, "")
        for part in package.by_type("thumbnail").values():
            self._drop(package, part)
        if package.is_changed:
            self._write(package.name, serialise(package.root))
            self.rels[package.name] = package.root

    def _put_beside(self, relationships: Relationships) -> None:
        """Put relationships among the parts to write, when they were changed."""
        if relationships.is_changed:
            self.beside[relationships.name] = serialise(relationships.root)
            self.rels[relationships.name] = relationships.root
            self.types.default("rels", RELATIONSHIPS_TYPE)

    def _keep(self, relationships: Relationships, used: set[str]) -> None:
        """Remove all relationships but those with these ids."""
        for one in list(relationships.root):
            if one.get("Id") not in used:
                relationships.root.remove(one)
                relationships.is_changed = True
                if target := relationships.target(one):
                    self.loose.add(target)

    def _drop(self, relationships: Relationships, part: str) -> None:
        relationships.drop(part)
        self.loose.add(part)

    def _forget_loose(self) -> None:
        """Remove loose parts to which no relationship leads any more, and then parts to which only they led."""
        while self.loose:
            parts, self.loose = self.loose, set()
            led_to = {
                (target or "").casefold()
                for name in self.names - self.forgotten
                if name.endswith(".rels")
                for target in self._targets(name)
            }
            for part in [part for part in sorted(parts & self.names - self.forgotten) if part.casefold() not in led_to]:
                own = Relationships(self.archive, part)
                self._keep(own, set())
                self._forget(part)
                self._forget(own.name)

    def _targets(self, name: str) -> set[str | None]:
        """Parts to which a relationships part leads, as it will be written."""
        folder, base = posixpath.split(name)
        own = Relationships(self.archive, posixpath.join(posixpath.dirname(folder), base.removesuffix(".rels")))
        return {own.target(one) for one in self.rels.get(name, own.root)}

    def _part(self, name: str) -> bytes:
        if name not in self.names:
            raise CannotPatch("drawing without part")
        return self.archive.read(name)

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


def _print_titles(workbook: bytes) -> str:
    """The rows of our sheet that are printed on every page, as a reference."""
    found = re.search(rb"_xlnm\.Print_Titles[^>]*>([^<]+)<", workbook)
    return found[1].decode() if found else f"{LISTING}!$1:$1"
