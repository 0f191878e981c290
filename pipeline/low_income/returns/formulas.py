"""Finds formulas that show what is never received: a workbook keeps each formula's last result, after its source is emptied.

A formula shows such a value in two cases: all columns of an area that it asks for have emptied cells there (`=J2`,
`=LEFT(J2,1)`, `COUNTIF(J:J,…)`); or only some have (a look-up over the whole table), and its result is one of the values
that were there. A formula that asks for such a formula counts as one too. Names of areas and columns of tables are
followed; where a formula does not say what it asks for (INDIRECT, OFFSET), the result decides.
"""

from __future__ import annotations

import re
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc
from lxml import etree
from openpyxl.formula.translate import Translator

from low_income.model import Area, column_letter
from low_income.reading.grid import Grid
from low_income.reading.spelling import MAIN, Parts
from low_income.returns.marks import Gone
from low_income.returns.package import CannotPatch, ContentTypes, Workbook, open_archive
from low_income.returns.sheet import column_number

_LAST_ROW, _LAST_COLUMN = 1_048_576, 16_384
_FORMULA = re.compile(rb"""<c\s([^>]*)>\s*<f\b([^>]*?)(?:/>|>([^<]*)</f>)""")
_ANY, _ODD = re.compile(rb"<f[\s/>]"), re.compile(rb"<[\w.-]+:f[\s/>]")
_PLACE = re.compile(rb"""\br=["']([A-Z]{1,3})(\d{1,7})["']""")
_SHARED_GROUP = re.compile(rb"""\bsi=["'](\d+)["']""")
_TEXT = re.compile(r'"[^"]*"')
_REFERENCE = re.compile(
    r"(?:('(?:[^']|'')+'|[^\s'!(),;:=+\-*/&<>^{}\[\]\"@]+)!)?"
    r"(?:\$?([A-Z]{1,3})\$?(\d{1,7})(?::\$?([A-Z]{1,3})\$?(\d{1,7}))?|\$?([A-Z]{1,3}):\$?([A-Z]{1,3})|\$?(\d{1,7}):\$?(\d{1,7}))(?![\w(.!])"
)
"""A sheet's name where one is given, then a cell, an area, whole columns, or whole rows."""
_WORD = re.compile(r"[^\W\d][\w.]*(?![\w.(!])")

_COLUMN_OF_TABLE = re.compile(r"\[@?([^\[\]@#]+)\]")
_SPREAD = re.compile(rb"""\bt=["'](?:array|dataTable)["']""")
_AREA = re.compile(rb"""\bref=["']([A-Z]+)(\d+)(?::([A-Z]+)(\d+))?["']""")
_MOST_SPREAD = 1_000_000
Asked = tuple[str, int, int, int, int]
"""(sheet, top, left, bottom, right)."""


@dataclass(frozen=True)
class _Formula:
    """A formula: its cells, and the areas that it asks for."""

    sheet: str
    cells: tuple[tuple[int, int], ...]
    """(row, column) of its cell, or of all cells over which an array formula spreads."""
    asks: tuple[Asked, ...]
    is_vague: bool
    """It may ask for more than its text says."""


def areas_shown(source: Path, gone: Mapping[str, Gone], read: Callable[[], Iterable[Grid]]) -> dict[str, list[Area]]:
    """Sheet → areas of the cells outside `gone` whose formula shows a cell in `gone`; sorted.

    `source`: a workbook in the usual spelling. `read` gives its sheets as read; it is called only when there are formulas.
    Raises CannotPatch when the workbook is not built as expected.
    """
    formulas = list(_formulas(source))
    if not formulas:
        return {}
    grids = {grid.sheet: grid for grid in read()}
    values = _values_in(grids, gone)
    found: dict[str, set[tuple[int, int]]] = defaultdict(set)
    known = dict(gone)
    left = [one for one in formulas if not _is_gone(one, known)]
    while shows := [one for one in left if _shows(one, known, values, grids)]:
        for one in shows:
            found[one.sheet].update(one.cells)
            values |= _texts_of(one, grids)
        known = {
            sheet: Gone([*(gone[sheet].areas if sheet in gone else []), *_as_areas(found[sheet])])
            for sheet in {*gone, *found}
        }
        left = [one for one in left if not _is_gone(one, known)]
    return {sheet: _as_areas(cells) for sheet, cells in sorted(found.items()) if cells}


def _is_gone(formula: _Formula, gone: Mapping[str, Gone]) -> bool:
    own = gone.get(formula.sheet)
    return own is not None and all(column in own.in_row(row) for row, column in formula.cells)


def _shows(formula: _Formula, gone: Mapping[str, Gone], values: set[str], grids: Mapping[str, Grid]) -> bool:
    is_near = formula.is_vague
    for sheet, top, left, bottom, right in formula.asks:
        if own := gone.get(sheet):
            touched = {
                column
                for first, last, column in own.areas
                if left <= column <= right and first <= bottom and last >= top
            }
            if touched and len(touched) == right - left + 1:
                return True
            is_near |= bool(touched)
    return is_near and not values.isdisjoint(_texts_of(formula, grids))


def _texts_of(formula: _Formula, grids: Mapping[str, Grid]) -> set[str]:
    grid = grids.get(formula.sheet)
    if grid is None:
        return set()
    inside = [(row, column) for row, column in formula.cells if row <= grid.height and column <= len(grid.columns)]
    return {text for row, column in inside if (text := grid.text(row - 1, column - 1))}


def _values_in(grids: Mapping[str, Grid], gone: Mapping[str, Gone]) -> set[str]:
    """The texts in the cells that will be emptied."""
    found: set[str] = set()
    for sheet, own in gone.items():
        if grid := grids.get(sheet):
            for first, last, column in own.areas:
                if column <= len(grid.columns):
                    start, end = grid.row_numbers.searchsorted([first, last + 1])
                    found.update(pc.unique(grid.columns[column - 1].slice(start, end - start)).to_pylist())
    return {text for text in found if text}


def _as_areas(cells: set[tuple[int, int]]) -> list[Area]:
    """The same cells as areas of one column each, as few as possible."""
    areas: list[Area] = []
    for column, row in sorted((column, row) for row, column in cells):
        if areas and areas[-1][2] == column and areas[-1][1] == row - 1:
            areas[-1] = (areas[-1][0], row, column)
        else:
            areas.append((row, row, column))
    return sorted(areas)


# What formulas ask for -------------------------------------------------------------------------------------------


def _formulas(source: Path) -> Iterator[_Formula]:
    with open_archive(source) as archive:
        workbook = Workbook(archive, ContentTypes(archive))
        data = {sheet: archive.read(part) for sheet, part in workbook.parts.items() if part in archive.namelist()}
        if any(_ODD.search(one[: one.rfind(b"sheetData>")]) or b"\0" in one[:64] for one in data.values()):
            raise CannotPatch("sheet of another encoding or prefix")
        if not any(_ANY.search(one) for one in data.values()):
            return
        if not Parts(archive).is_usual():
            raise CannotPatch("parts where not every program looks for them")
        sheets = {sheet.casefold(): sheet for sheet in data}
        names = _names(archive, workbook)
        for sheet, one in data.items():
            masters: dict[bytes, tuple[str, str]] = {}
            found = 0
            for head, attributes, body in _FORMULA.findall(one):
                place = _PLACE.search(head)
                if place is None:
                    raise CannotPatch("cells without name or order")
                found += 1
                text, group = f"={_unescaped(body)}", _SHARED_GROUP.search(attributes)
                at = f"{place[1].decode()}{place[2].decode()}"
                if group and body:
                    masters[group[1]] = text, at
                elif group and group[1] in masters:
                    first, origin = masters[group[1]]
                    text = Translator(first, origin=origin).translate_formula(at)
                asks, is_vague = _asked(text, sheet, sheets, names)
                yield _Formula(sheet, _cells(place, attributes), asks, is_vague)
            if found != len(_ANY.findall(one)):
                raise CannotPatch("formulas of another shape")


def _cells(place: re.Match[bytes], attributes: bytes) -> tuple[tuple[int, int], ...]:
    area = _AREA.search(attributes) if _SPREAD.search(attributes) else None
    if area is None:
        return ((int(place[2]), column_number(place[1])),)
    left, top, right, bottom = area.groups()
    rows = range(int(top), int(bottom or top) + 1)
    columns = range(column_number(left), column_number(right or left) + 1)
    if len(rows) * len(columns) > _MOST_SPREAD:
        raise CannotPatch("a formula spread over the whole sheet")
    return tuple((row, column) for row in rows for column in columns)


def _unescaped(body: bytes) -> str:
    return "".join(etree.fromstring(b"<f>" + body + b"</f>").itertext())


def _names(archive: zipfile.ZipFile, workbook: Workbook) -> dict[str, str]:
    """Defined names, tables, and columns of tables (`[name]`), in lower case → the areas that they mean."""
    names = {
        str(one.get("name")).casefold(): "".join(one.itertext()) for one in workbook.root.iter(f"{{{MAIN}}}definedName")
    }
    parts = Parts(archive)
    for sheet, part in workbook.parts.items():
        for _, last, table in parts.relations(part):
            if last == "table":
                root = etree.fromstring(parts.read(table))
                quoted = sheet.replace("'", "''")
                area = str(root.get("ref"))
                names[str(root.get("displayName")).casefold()] = f"'{quoted}'!{area}"
                first = re.match(r"([A-Z]+)\d+", area)
                for at, column in enumerate(root.iter(f"{{{MAIN}}}tableColumn")):
                    letter = column_letter((column_number(first[1].encode()) if first else 1) + at)
                    name = f"[{column.get('name')}]".casefold()
                    names[name] = ",".join(filter(None, (names.get(name), f"'{quoted}'!{letter}:{letter}")))
    return names


def _asked(
    text: str, sheet: str, sheets: Mapping[str, str], names: Mapping[str, str]
) -> tuple[tuple[Asked, ...], bool]:
    """(areas that a formula asks for, whether it may ask for more than its text says)."""
    bare = _TEXT.sub('""', text)
    is_vague = re.search(r"\b(?:INDIRECT|OFFSET)\s*\(|\[|![^\w$]", bare, re.IGNORECASE) is not None
    said_names = [*_WORD.findall(bare), *(f"[{column}]" for column in _COLUMN_OF_TABLE.findall(bare))]
    bare = re.sub(r"\[[^\[\]]*\]", "", bare)
    for meant in (names.get(word.casefold()) for word in said_names):
        bare += f",{meant or ''}"
    asks = []
    for said, first, top, last, bottom, left, right, row, to_row in _REFERENCE.findall(bare):
        own = said.strip("'").replace("''", "'").casefold()
        if own and own not in sheets:
            is_vague |= ":" in own  # vague: several sheets at once; a sheet of another workbook does not matter
            continue
        where = sheets[own] if own else sheet
        if first:
            columns, rows = (first, last or first), (int(top), int(bottom or top))
        elif left:
            columns, rows = (left, right), (1, _LAST_ROW)
        else:
            columns, rows = ("A", "XFD"), (int(row), int(to_row))
        try:
            numbers = sorted(column_number(each.encode()) for each in columns)
        except CannotPatch:
            continue  # a word that looks like a cell
        asks.append((where, min(rows), numbers[0], max(rows), min(numbers[1], _LAST_COLUMN)))
    return tuple(asks), is_vague
