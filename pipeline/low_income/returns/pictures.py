"""Removes drawings over cells with values that are never received, and drawings whose place is unknown.

Sources: ECMA-376 part 1, 20.5 (spreadsheet drawings); part 4, 19 (VML); WPS keeps pictures of cells in `cellimages.xml`.
"""

from __future__ import annotations

import re

from lxml import etree

from low_income.reading.spelling import serialise
from low_income.returns.marks import Gone
from low_income.returns.package import OFFICE, CannotPatch, parse

_DEFAULT_WIDTH = 8.0
"""Width in characters of a column that gives none."""
_EMU_PER_CHARACTER = 5 * 9_525
"""A low value, for the narrowest usual letters: so a picture never seems to cover fewer columns than it does."""
_EMU_PER_ROW = 8 * 12_700
_VML_PICTURE = re.compile(rb"<v:imagedata\b[^>]*?(?:/>|>\s*</v:imagedata>)")
_VML_FILL = re.compile(rb"""<v:fill\b[^>]*?\so:relid=["'][^"']*["'][^>]*?(/?)>""")


def without_gone(data: bytes, gone: Gone, widths: dict[int, float]) -> tuple[bytes | None, set[str]]:
    """(the drawing, None when nothing remains or it cannot be parsed; ids of the relationships that it still uses).

    An anchor stays when it says where it begins and ends, and no emptied cell is there.
    """
    try:
        root = parse(data)
    except CannotPatch:
        return None, set()
    for anchor in list(root):
        if isinstance(anchor.tag, str) and any(not _is_elsewhere(one, gone, widths) for one in _anchors(anchor)):
            root.remove(anchor)
    if not any(isinstance(one.tag, str) for one in root):
        return None, set()
    return serialise(root), _used(root)


def _anchors(element: etree._Element) -> list[etree._Element]:
    """The anchors within an element that offers alternatives; else the element itself."""
    inner = [one for one in element.iter() if _name(one) in ("twoCellAnchor", "oneCellAnchor", "absoluteAnchor")]
    return inner or [element]


def _is_elsewhere(anchor: etree._Element, gone: Gone, widths: dict[int, float]) -> bool:
    try:
        column, row = _corner(anchor, "from")
        if _name(anchor) == "twoCellAnchor":
            right, bottom = _corner(anchor, "to")
        elif _name(anchor) == "oneCellAnchor":
            extent = next(one for one in anchor if _name(one) == "ext")
            right = _column_at(column, int(extent.get("cx", "")), widths)
            bottom = row + int(extent.get("cy", "")) // _EMU_PER_ROW + 1
        else:
            return False
    except (StopIteration, ValueError):
        return False
    return not gone.touches(min(row, bottom), min(column, right), max(row, bottom), max(column, right))


def _corner(anchor: etree._Element, which: str) -> tuple[int, int]:
    """(column, row) of a corner, 1-based. Raises StopIteration or ValueError where the anchor gives none."""
    corner = next(one for one in anchor if _name(one) == which)
    column, row = (next(one for one in corner if _name(one) == part).text or "" for part in ("col", "row"))
    return int(column) + 1, int(row) + 1


def _column_at(column: int, width: int, widths: dict[int, float]) -> int:
    """The last column that a picture of this width (EMU), which begins in `column`, can reach."""
    while width > 0:
        width -= int(max(widths.get(column, _DEFAULT_WIDTH), 1) * _EMU_PER_CHARACTER)
        column += 1
    return column


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _used(root: etree._Element) -> set[str]:
    """Ids of the relationships that an element, or an element in it, names."""
    return {
        value
        for one in root.iter()
        if isinstance(one.tag, str)
        for key, value in one.attrib.items()
        if str(key).startswith(f"{{{OFFICE}}}")
    }


def vml_without_pictures(data: bytes) -> bytes:
    """A VML drawing without the pictures in its shapes and their fills."""
    return _VML_FILL.sub(rb"<v:fill\1>", _VML_PICTURE.sub(b"", data))


def cell_pictures_in_use(data: bytes, names: set[str]) -> tuple[bytes | None, set[str]]:
    """WPS's part of cell pictures with only the pictures of these names; gives the same as `without_gone`."""
    try:
        root = parse(data)
    except CannotPatch:
        return None, set()
    for picture in list(root):
        if not any(_name(one) == "cNvPr" and one.get("name") in names for one in picture.iter()):
            root.remove(picture)
    if not len(root):
        return None, set()
    return serialise(root), _used(root)
