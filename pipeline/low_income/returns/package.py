"""Edits the parts of an .xlsx around its sheets: relationships, content types, workbook, styles. Nothing is rebuilt.

Sources: ECMA-376 parts 1 and 2.
"""

from __future__ import annotations

import copy
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from lxml import etree

from low_income.reading.spelling import MAIN, relations_of, resolve, serialise

OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
TYPES: Final = "http://schemas.openxmlformats.org/package/2006/content-types"
WORKBOOK_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
SHEET_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
COMMENTS_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.comments+xml"
RELATIONSHIPS_TYPE: Final = "application/vnd.openxmlformats-package.relationships+xml"
VML_TYPE: Final = "application/vnd.openxmlformats-officedocument.vmlDrawing"
LISTING: Final = "问题清单"
FILLS: Final = ("FFF8CBCD", "FFFFEFB3", "FFD6E9F8")
"""Soft red, yellow, blue, in the order of SEVERITIES. The values are uncommon, so that our own marks are found again by them."""
MOST_FORMATS = 64_000
"""Excel allows 65,490 cell formats."""


_ACTIVE: Final = {
    "vbaproject": "宏", "wordvbadata": "宏", "xlmacrosheet": "宏", "xlintlmacrosheet": "宏", "dialogsheet": "宏",
    "attachedtoolbars": "宏", "extensibility": "宏", "webextension": "宏", "webextensiontaskpanes": "宏",
    "oleobject": "嵌入的对象", "package": "嵌入的对象", "control": "嵌入的对象", "ctrlprop": "嵌入的对象",
    "activexcontrolbinary": "嵌入的对象", "externallink": "指向别的文件的链接",
}  # fmt: skip
"""Last word of a relationship's type → what it brings, in Chinese: what acts when a workbook is opened, or comes from elsewhere.

Sources: ECMA-376 part 1, 12 and 15.2; [MS-OFFMACRO2].
"""
_COMPOUND, _ZIP = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04"
"""The first bytes of a compound file (macros, OLE objects, old workbooks) and of a zip (newer documents)."""


class CannotPatch(Exception):
    """This workbook cannot be edited part by part, and must be rewritten. The text says why, without values."""


def parse(data: bytes) -> etree._Element:
    """The tree of an XML part. Raises CannotPatch when it is not well-formed or declares a document type."""
    if b"<!DOCTYPE" in data:
        raise CannotPatch("document type declared")
    try:
        return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    except etree.XMLSyntaxError as problem:
        raise CannotPatch("part is not well-formed") from problem


def active_content(archive: zipfile.ZipFile) -> list[str]:
    """Names in Chinese of what in a workbook must not be given back, sorted; found by relationships and by content, not by file name.

    Hyperlinks may stay. Raises CannotPatch where relationships cannot be read.
    """
    found = set()
    for info in archive.infolist():
        if info.filename.lower().endswith(".rels"):
            for one in parse(archive.read(info)):
                last = one.get("Type", "").rpartition("/")[2].lower()
                if word := _ACTIVE.get(last):
                    found.add(word)
                elif one.get("TargetMode") == "External" and last != "hyperlink":
                    found.add(_ACTIVE["externallink"])
        elif not info.is_dir():
            with archive.open(info) as part:
                start = part.read(len(_COMPOUND))
            if start == _COMPOUND or start.startswith(_ZIP):
                found.add(_ACTIVE["oleobject"])
    return sorted(found)


class Relationships:
    """The relationships of one part; `part` is that part's name ('' for the package)."""

    def __init__(self, archive: zipfile.ZipFile, part: str) -> None:
        """Read them; a part without relationships gets an empty list."""
        self.part = part
        self.name = relations_of(part)
        self.is_changed = False
        found = self.name in archive.namelist()
        self.root = (
            parse(archive.read(self.name))
            if found
            else etree.Element(f"{{{PACKAGE}}}Relationships", None, {None: PACKAGE})
        )

    def by_type(self, last: str) -> dict[str, str]:
        """Id → part name, for internal relationships whose type ends in `/<last>`."""
        return {
            one.get("Id", ""): resolve(self.part, one.get("Target", ""))
            for one in self.root
            if isinstance(one.tag, str)
            and one.get("Type", "").endswith(f"/{last}")
            and one.get("TargetMode") != "External"
        }

    def add(self, last: str, part: str, family: str = OFFICE) -> str:
        """Add a relationship to a part; gives the new id. Its type is `family`, `/`, `last`."""
        self.is_changed = True
        taken = {one.get("Id") for one in self.root}
        number = next(n for n in range(1, len(taken) + 2) if f"rIdList{n}" not in taken)
        etree.SubElement(
            self.root, f"{{{PACKAGE}}}Relationship", Id=f"rIdList{number}", Type=f"{family}/{last}", Target=f"/{part}"
        )
        return f"rIdList{number}"

    def drop(self, part: str) -> None:
        """Remove the relationships to a part."""
        for one in list(self.root):
            if self.target(one) == part:
                self.root.remove(one)
                self.is_changed = True

    def target(self, one: etree._Element) -> str | None:
        """The part to which a relationship leads; None where it leads outside the file."""
        return None if one.get("TargetMode") == "External" else resolve(self.part, one.get("Target", ""))


class ContentTypes:
    """The part [Content_Types].xml."""

    name = "[Content_Types].xml"

    def __init__(self, archive: zipfile.ZipFile) -> None:
        """Read it. Raises CannotPatch when there is none."""
        if self.name not in archive.namelist():
            raise CannotPatch("no content types")
        self.root = parse(archive.read(self.name))

    def of(self, part: str) -> str:
        """The declared type of a part; '' when only its extension decides."""
        return next((one.get("ContentType", "") for one in self.root if one.get("PartName") == f"/{part}"), "")

    def override(self, part: str, kind: str) -> None:
        """Declare the type of a part that has none yet."""
        if not self.of(part):
            etree.SubElement(self.root, f"{{{TYPES}}}Override", PartName=f"/{part}", ContentType=kind)

    def default(self, extension: str, kind: str) -> None:
        """Declare the type of an extension that has none yet."""
        if all(one.get("Extension", "").lower() != extension for one in self.root):
            self.root.insert(0, etree.Element(f"{{{TYPES}}}Default", Extension=extension, ContentType=kind))

    def drop(self, part: str) -> None:
        """Remove the declaration of a part."""
        for one in list(self.root):
            if one.get("PartName") == f"/{part}":
                self.root.remove(one)


class Workbook:
    """xl/workbook.xml with its relationships: the sheets and their order."""

    def __init__(self, archive: zipfile.ZipFile, types: ContentTypes) -> None:
        """Read it. Raises CannotPatch for anything but a plain .xlsx workbook (macros, strict, templates)."""
        documents = list(Relationships(archive, "").by_type("officeDocument").values())
        if len(documents) != 1 or types.of(documents[0]) != WORKBOOK_TYPE:
            raise CannotPatch("not a plain .xlsx workbook")
        self.name = documents[0]
        self.root = parse(archive.read(self.name))
        if self.root.tag != f"{{{MAIN}}}workbook":
            raise CannotPatch("workbook of another namespace")
        self.relationships = Relationships(archive, self.name)
        sheets = self.root.find(f"{{{MAIN}}}sheets")
        if sheets is None or not len(sheets):
            raise CannotPatch("no sheets")
        self.sheets = sheets
        parts = self.relationships.by_type("worksheet")
        self.parts: dict[str, str] = {}
        """Sheet name → part name, of worksheets; chart sheets stay as they are."""
        for sheet in self.sheets:
            part = parts.get(sheet.get(f"{{{OFFICE}}}id", ""))
            if part is not None:
                self.parts[sheet.get("name", "")] = part

    def drop_listing(self) -> str | None:
        """Remove 问题清单 of an earlier return; gives its part name, None where there is none."""
        names = [sheet.get("name", "") for sheet in self.sheets]
        if LISTING not in names or len(names) == 1:
            return None
        gone = names.index(LISTING)
        self.sheets.remove(self.sheets[gone])
        self._renumber(lambda old: None if old == gone else old - (old > gone))
        part = self.parts.pop(LISTING, None)
        if part:
            self.relationships.drop(part)
        return part

    def put_listing_first(self, part: str, print_titles: str) -> None:
        """Add our sheet as the first and active one; defined names that belong to a sheet still belong to it. Raises CannotPatch."""
        if LISTING in {sheet.get("name") for sheet in self.sheets}:
            raise CannotPatch("a workbook of our sheet alone")
        number = max(int(sheet.get("sheetId", "0")) for sheet in self.sheets) + 1
        sheet = etree.Element(f"{{{MAIN}}}sheet", name=LISTING, sheetId=str(number))
        sheet.set(f"{{{OFFICE}}}id", self.relationships.add("worksheet", part))
        self.sheets.insert(0, sheet)
        self._renumber(lambda old: old + 1)
        names = self.root.find(f"{{{MAIN}}}definedNames")
        if names is None:
            names = etree.Element(f"{{{MAIN}}}definedNames")
            before = [self.root.find(f"{{{MAIN}}}{tag}") for tag in ("externalReferences", "functionGroups", "sheets")]
            next(one for one in before if one is not None).addnext(names)
        title = etree.SubElement(names, f"{{{MAIN}}}definedName", name="_xlnm.Print_Titles", localSheetId="0")
        title.text = print_titles
        views = self.root.find(f"{{{MAIN}}}bookViews")
        for view in [] if views is None else views:
            view.set("activeTab", "0")
            view.attrib.pop("firstSheet", None)

    def _renumber(self, new: Callable[[int], int | None]) -> None:
        """Give defined names the new position of their sheet; where `new` gives None the sheet is gone, and the name goes too."""
        names = self.root.find(f"{{{MAIN}}}definedNames")
        if names is None:
            return
        for name in list(names):
            if (old := name.get("localSheetId")) is not None:
                if (number := new(int(old))) is None:
                    names.remove(name)
                else:
                    name.set("localSheetId", str(number))
        if not len(names):
            self.root.remove(names)


class Styles:
    """xl/styles.xml: adds copies of cell formats in use with our fill, and the formats of our sheet."""

    def __init__(self, data: bytes) -> None:
        """Read it. Raises CannotPatch when a table to which we add is missing."""
        self.root = parse(data)
        self.formats = self._table("cellXfs")
        self.fills = self._table("fills")
        if not len(self.formats) or not len(self.fills):
            raise CannotPatch("no cell formats")
        self._ours = {index for index, fill in enumerate(self.fills) if _colour(fill) in FILLS}
        self._fill_of: dict[int, str] = {}
        self._made: dict[tuple[int, int | None, bool], int] = {}
        self._held: dict[tuple[int, bool], int] = {}
        self.was_marked = frozenset(
            index for index, one in enumerate(self.formats) if int(one.get("fillId", "0")) in self._ours
        )
        """Numbers of the formats with our fill, from an earlier return of this file."""

    def marked(self, original: int, rank: int | None, as_text: bool) -> int:
        """Number of a copy of format `original` with the fill of a severity (None: without our fill), and the text format where asked."""
        key = (original, rank, as_text)
        if key not in self._made:
            if not 0 <= original < len(self.formats) or len(self.formats) >= MOST_FORMATS:
                raise CannotPatch("cell formats out of range")
            clone = copy.deepcopy(self.formats[original])
            clone.set("fillId", "0" if rank is None else self._fill(rank))
            clone.set("applyFill", "0" if rank is None else "1")
            if as_text:
                clone.set("numFmtId", "49")
                clone.set("applyNumberFormat", "1")
            self._made[key] = len(self.formats)
            self.formats.append(clone)
        return self._made[key]

    def within(self, original: int, is_right: bool) -> int:
        """Number of a copy of format `original` that shrinks a long text, so that it does not run over a blank cell beside it.

        `is_right`: the cell is to the right of the blank one, where only a centred or right-aligned text runs over. A format
        whose text stays within its cell anyway is given back itself.
        """
        if (original, is_right) not in self._held:
            if not 0 <= original < len(self.formats) or len(self.formats) >= MOST_FORMATS:
                raise CannotPatch("cell formats out of range")
            clone = copy.deepcopy(self.formats[original])
            alignment = clone.find(f"{{{MAIN}}}alignment")
            if alignment is None:
                alignment = etree.Element(f"{{{MAIN}}}alignment")
                clone.insert(0, alignment)
            where = alignment.get("horizontal", "general")
            runs_over = where in (("center", "right") if is_right else ("general", "left", "center"))
            if not runs_over or any(alignment.get(name) in ("1", "true") for name in ("wrapText", "shrinkToFit")):
                self._held[original, is_right] = original
            else:
                alignment.set("shrinkToFit", "1")
                clone.set("applyAlignment", "1")
                self._held[original, is_right] = len(self.formats)
                self.formats.append(clone)
        return self._held[original, is_right]

    def take_in(self, data: bytes) -> list[int]:
        """Add the formats of another styles.xml; gives their new numbers, in order. It may use built-in number formats only."""
        other = Styles(data)
        shifts = {}
        for name, attribute in (("fonts", "fontId"), ("fills", "fillId"), ("borders", "borderId")):
            table = self._table(name)
            shifts[attribute] = len(table)
            table.extend([copy.deepcopy(one) for one in other._table(name)])
        numbers = []
        for one in list(other.formats):
            clone = copy.deepcopy(one)
            for attribute, shift in shifts.items():
                clone.set(attribute, str(int(clone.get(attribute, "0")) + shift))
            clone.set("xfId", "0")
            numbers.append(len(self.formats))
            self.formats.append(clone)
        return numbers

    def bytes(self) -> bytes:
        """The part's XML."""
        for name in ("fonts", "fills", "borders", "cellXfs"):
            table = self._table(name)
            table.set("count", str(len(table)))
        return serialise(self.root)

    def _table(self, name: str) -> etree._Element:
        table = self.root.find(f"{{{MAIN}}}{name}")
        if table is None:
            raise CannotPatch(f"no {name}")
        return table

    def _fill(self, rank: int) -> str:
        if rank not in self._fill_of:
            fill = etree.SubElement(self.fills, f"{{{MAIN}}}fill")
            pattern = etree.SubElement(fill, f"{{{MAIN}}}patternFill", patternType="solid")
            etree.SubElement(pattern, f"{{{MAIN}}}fgColor", rgb=FILLS[rank])
            etree.SubElement(pattern, f"{{{MAIN}}}bgColor", indexed="64")
            self._fill_of[rank] = str(len(self.fills) - 1)
        return self._fill_of[rank]


def marked_formats(styles: bytes) -> dict[int, int]:
    """Format number → rank of its severity, for the formats with one of our fills."""
    root = parse(styles)
    fills = [_colour(fill) for fill in root.iterfind(f"{{{MAIN}}}fills/{{{MAIN}}}fill")]
    found = {}
    for index, one in enumerate(root.iterfind(f"{{{MAIN}}}cellXfs/{{{MAIN}}}xf")):
        colour = fills[int(one.get("fillId", "0"))]
        if colour in FILLS:
            found[index] = FILLS.index(colour)
    return found


def _colour(fill: etree._Element) -> str:
    colour = fill.find(f"{{{MAIN}}}patternFill/{{{MAIN}}}fgColor")
    return "" if colour is None else colour.get("rgb", "").upper()


def add_title(app: bytes) -> bytes:
    """docProps/app.xml with our sheet among the titles of parts; unchanged when it is not built as Office builds it."""
    root = parse(app)
    kinds = {name: root.find(f"{{*}}{name}/{{*}}vector") for name in ("HeadingPairs", "TitlesOfParts")}
    heads, titles = kinds["HeadingPairs"], kinds["TitlesOfParts"]
    if heads is None or titles is None or len(heads) < 2:
        return app
    count = heads[1].find("{*}i4")
    if count is None or not (count.text or "").isdigit() or any(one.text == LISTING for one in titles):
        return app
    count.text = str(int(count.text or "0") + 1)
    first = etree.Element(re.sub(r"}.*", "}lpstr", str(titles.tag)))
    first.text = LISTING
    titles.insert(0, first)
    titles.set("size", str(len(titles)))
    return serialise(root)


def open_archive(source: Path) -> zipfile.ZipFile:
    """Open a zip file. Raises CannotPatch when it is none, two names differ only in case, or an entry is encrypted."""
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, OSError) as problem:
        raise CannotPatch("not a zip archive") from problem
    names = [info.filename.lower() for info in archive.infolist()]
    if len(set(names)) != len(names) or any(info.flag_bits & 1 for info in archive.infolist()):
        archive.close()
        raise CannotPatch("doubtful archive")
    return archive
