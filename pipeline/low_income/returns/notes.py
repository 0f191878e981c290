"""Cell notes: xl/comments*.xml and the VML that draws them, merged with the notes that the sheet already has.

Sources: ECMA-376 part 1, 18.7; part 4, 19 (VML).
"""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

from lxml import etree

from low_income.model import column_letter
from low_income.reading.spelling import MAIN, serialise
from low_income.returns.marks import NOTE_SIGN, Gone
from low_income.returns.package import CannotPatch, parse
from low_income.returns.sheet import column_number

Cell = tuple[int, int]
"""(row, column), 1-based."""
AUTHOR = "数据检查"
_NOTE_WIDTH = 300  # pixels
_SHAPE = re.compile(rb"<v:shape\b(?:(?!</v:shape>).)*?</v:shape>", re.DOTALL)
_SHAPE_ROW = re.compile(rb"<x:Row>\s*(\d+)\s*</x:Row>")
_SHAPE_COLUMN = re.compile(rb"<x:Column>\s*(\d+)\s*</x:Column>")
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML does not allow."""


class Comments:
    """The notes of one sheet."""

    def __init__(self, data: bytes | None) -> None:
        """Read the part (None: the sheet has none yet), and remove our notes of an earlier return. Raises CannotPatch."""
        self.root = parse(data) if data else _new_comments()
        authors, entries = self.root.find(f"{{{MAIN}}}authors"), self.root.find(f"{{{MAIN}}}commentList")
        if authors is None or entries is None:
            raise CannotPatch("comments of another shape")
        self.authors, self.entries = authors, entries
        for one in list(self.entries):
            _strip_ours(one)
            if not "".join(one.itertext()).strip():
                self.entries.remove(one)

    def cells(self) -> set[Cell]:
        """The cells with a note."""
        return {cell_of(one.get("ref", "")) for one in self.entries}

    def drop(self, gone: Gone) -> None:
        """Remove the notes in cells that are emptied."""
        for one in list(self.entries):
            row, column = cell_of(one.get("ref", ""))
            if column in gone.in_row(row):
                self.entries.remove(one)

    def add(self, notes: dict[Cell, str]) -> None:
        """Add notes. A note that is there already keeps its text; ours follows."""
        standing = {cell_of(one.get("ref", "")): one for one in self.entries}
        author = next((index for index, one in enumerate(self.authors) if one.text == AUTHOR), None)
        if author is None:
            author = len(self.authors)
            etree.SubElement(self.authors, f"{{{MAIN}}}author").text = AUTHOR
        for cell, text in notes.items():
            entry = standing.get(cell)
            lead = "\n" if entry is not None else ""
            if entry is None:
                name = f"{column_letter(cell[1])}{cell[0]}"
                entry = etree.SubElement(self.entries, f"{{{MAIN}}}comment", ref=name, authorId=str(author))
                etree.SubElement(entry, f"{{{MAIN}}}text")
            body = entry.find(f"{{{MAIN}}}text")
            if body is None:
                raise CannotPatch("comment without text")
            plain = body.find(f"{{{MAIN}}}t")
            if plain is not None:
                _run(body, plain.text or "", False)
                body.remove(plain)
            for part, line in enumerate(re.split(f"(?={NOTE_SIGN})", text)[1:]):
                title, _, message = line.partition("\n")
                _run(body, (lead if part == 0 else "") + title + "\n", True)
                _run(body, message, False)
        self.entries[:] = sorted(self.entries, key=lambda one: cell_of(one.get("ref", "")))

    def bytes(self) -> bytes:
        """The part's XML."""
        return serialise(self.root)


def vml(data: bytes | None, keep: set[Cell], sheet_number: int, widths: dict[int, float]) -> bytes:
    """The VML drawing with one note shape for each cell in `keep`; shapes that are no notes stay as they are.

    It is edited as bytes, since Excel itself writes VML that is no XML. `widths`: column → width in characters.
    """
    text = data or _new_vml(sheet_number, len(keep))
    drawn: set[Cell] = set()

    def keep_known(found: re.Match[bytes]) -> bytes:
        row, column = _SHAPE_ROW.search(found[0]), _SHAPE_COLUMN.search(found[0])
        if b'ObjectType="Note"' not in found[0] or row is None or column is None:
            return found[0]
        cell = (int(row[1]) + 1, int(column[1]) + 1)
        if cell not in keep:
            return b""
        drawn.add(cell)
        return found[0]

    text = _SHAPE.sub(keep_known, text)
    end = text.rfind(b"</xml>")
    if end < 0:
        raise CannotPatch("drawing of another shape")
    if b'id="_x0000_t202"' not in text:
        text = text[:end] + _SHAPE_TYPE + text[end:]
        end = text.rfind(b"</xml>")
    taken = [int(one) for one in re.findall(rb"_x0000_s(\d+)", text)]
    number = max([*taken, 1024 * sheet_number]) + 1
    shapes = [_shape(number + step, cell, widths) for step, cell in enumerate(sorted(keep - drawn))]
    return text[:end] + "".join(shapes).encode() + text[end:]


def _new_comments() -> etree._Element:
    root = etree.Element(f"{{{MAIN}}}comments", None, {None: MAIN})
    etree.SubElement(root, f"{{{MAIN}}}authors")
    etree.SubElement(root, f"{{{MAIN}}}commentList")
    return root


def _run(body: etree._Element, text: str, is_bold: bool) -> None:
    run = etree.SubElement(body, f"{{{MAIN}}}r")
    properties = etree.SubElement(run, f"{{{MAIN}}}rPr")
    if is_bold:
        etree.SubElement(properties, f"{{{MAIN}}}b")
    etree.SubElement(properties, f"{{{MAIN}}}sz", val="10")
    etree.SubElement(properties, f"{{{MAIN}}}color", indexed="81")
    etree.SubElement(properties, f"{{{MAIN}}}rFont", val="宋体")
    etree.SubElement(properties, f"{{{MAIN}}}charset", val="134")
    content = etree.SubElement(run, f"{{{MAIN}}}t")
    content.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    content.text = ILLEGAL.sub("", text)


def _strip_ours(comment: etree._Element) -> None:
    """Cut off a comment's text from NOTE_SIGN on."""
    cutting = False
    for one in list(comment.iter(f"{{{MAIN}}}t")):
        text = one.text or ""
        if cutting:
            one.text = ""
        elif NOTE_SIGN in text:
            one.text = text[: text.index(NOTE_SIGN)].rstrip("\n")
            cutting = True


def cell_of(name: str) -> Cell:
    """`C3` → (3, 3). Raises CannotPatch for any other shape."""
    found = re.fullmatch(r"([A-Z]{1,3})(\d+)", name)
    if found is None:
        raise CannotPatch("comment without cell")
    return int(found[2]), column_number(found[1].encode())


_SHAPE_TYPE = (
    b'<v:shapetype id="_x0000_t202" coordsize="21600,21600" o:spt="202" path="m,l,21600r21600,l21600,xe">'
    b'<v:stroke joinstyle="miter"/><v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype>'
)


def _new_vml(sheet_number: int, shapes: int) -> bytes:
    blocks = ",".join(str(sheet_number + step) for step in range(1 + shapes // 1024))
    return (
        '<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" '
        'xmlns:x="urn:schemas-microsoft-com:office:excel"><o:shapelayout v:ext="edit">'
        f'<o:idmap v:ext="edit" data="{blocks}"/></o:shapelayout></xml>'
    ).encode()


def _shape(number: int, cell: Cell, widths: dict[int, float]) -> str:
    row, column = cell[0] - 1, cell[1] - 1
    right, rest = column + 1, _NOTE_WIDTH
    while rest > (width := round(widths.get(right + 1, 9) * 7 + 5)):
        rest -= width
        right += 1
    top = max(row - 1, 0)
    anchor = f"{column + 1}, 12, {top}, 8, {right}, {rest}, {top + 7}, 4"
    return (
        f'<v:shape id="_x0000_s{number}" type="#_x0000_t202" style="position:absolute;margin-left:80pt;margin-top:5pt;'
        f'width:225pt;height:100pt;z-index:1;visibility:hidden" fillcolor="{escape("#ffffe1")}" o:insetmode="auto">'
        '<v:fill color2="#ffffe1"/><v:shadow on="t" color="black" obscured="t"/><v:path o:connecttype="none"/>'
        '<v:textbox style="mso-direction-alt:auto;mso-fit-shape-to-text:t"><div style="text-align:left"></div></v:textbox>'
        f'<x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/><x:Anchor>{anchor}</x:Anchor>'
        f"<x:AutoFill>False</x:AutoFill><x:Row>{row}</x:Row><x:Column>{column}</x:Column></x:ClientData></v:shape>"
    )
