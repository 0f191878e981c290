"""Edits one sheet's XML as a stream of bytes: styles of marked cells, emptied cells, and the elements around the rows.

All other bytes are copied unchanged. XML that is not as Excel, WPS, POI, openpyxl or xlsxwriter write it raises
CannotPatch. Source: ECMA-376 part 1, 18.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Protocol
from xml.parsers import expat

from low_income.model import column_letter
from low_income.reading.spelling import MAIN
from low_income.returns.marks import SheetMarks
from low_income.returns.package import OFFICE, CannotPatch, parse

CHUNK = 1 << 20
MOST_EPILOG = 256 << 20

_LETTERS = [b"", *(column_letter(column).encode() for column in range(1, 16_385))]
_NUMBERS = {letters: column for column, letters in enumerate(_LETTERS)}
_ROW = re.compile(rb"<row\b([^>]*?)(/?)>")
_ROW_NUMBER = re.compile(rb"""\sr=["'](\d+)["']""")
_CELL = re.compile(rb"<c(?=[\s/>])([^>]*?)(?:/>|>(.*?)</c>)", re.DOTALL)
_CELL_AT = re.compile(rb"""\sr=["']([A-Z]{1,3})(\d+)["']""")
_STYLE = re.compile(rb"""\ss=["'](\d+)["']""")
_USUAL_ROW = re.compile(
    rb"""<row r="(\d+)"[^<>]*>(?:<c r="[A-Z]{1,3}\1"(?:\s[^<>]*)?"""
    rb"""(?:(?<=/)>|(?<!/)>(?:<f>[^<]*</f>)?(?:<v>[^<]*</v>|<is><t[^<>]*>[^<]*</t></is>)</c>))*</row>"""
)
"""A row of nothing but cells, all with their names, as nearly all programs write it."""
_USUAL_CELL = re.compile(rb'<c r="([A-Z]+)')
_SPANS = re.compile(rb"""\sspans=["'][^"']*["']""")
_SHARED = re.compile(rb"""<c(?=\s)[^>]*?\st=["']s["'][^>]*>\s*<v>(\d+)</v>""")
_STRING_TYPE = re.compile(rb"""\st=["'](\w+)["']""")
_TEXT = re.compile(rb"<(?:v|t)(?:\s[^>]*)?>([^<]*)</(?:v|t)>")
_FORMULA_AREA = re.compile(rb"""<f\b[^>]*\sref=["']([A-Z]+)(\d+)(?::([A-Z]+)(\d+))?["']""")
_RICH_VALUE = re.compile(rb"""\s(?:vm|cm)=["']\d+["']""")
_SHOWS_RICH_VALUE = re.compile(rb"""<c\s[^<>]*?\s(?:vm|cm)=["']\d+["']""")
CELL_PICTURE = re.compile(rb"DISPIMG\((?:&quot;|\")([^&\"]+)")
"""Finds in a formula the name of a picture in WPS's `cellimages.xml`."""
_TAB_SELECTED = re.compile(rb"""\stabSelected=["'](?:1|true)["']""")
_VALIDATION = re.compile(rb"<dataValidation\b[^>]*?(?:/>|>.*?</dataValidation>)", re.DOTALL)
_MERGE = re.compile(rb"""<mergeCell\s+ref=["']([A-Z]{1,3})(\d+):([A-Z]{1,3})(\d+)["']""")
_SQREF = re.compile(rb"""(\ssqref=)["']([^"']*)["']""")

_AFTER_LEGACY_DRAWING = (
    "legacyDrawingHF", "drawingHF", "picture", "oleObjects", "controls", "AlternateContent", "webPublishItems",
    "tableParts", "extLst",
)  # fmt: skip


_TEXT_TYPES = frozenset({b"s", b"str", b"inlineStr"})


def _is_blank(row: bytes, at: int) -> bool:
    """Whether the cell that begins at `at` has no content."""
    end = row.index(b">", at)
    return row[end - 1 : end] == b"/" or row.startswith(b"</c>", end + 1)


class _Out(Protocol):
    def write(self, data: bytes, /) -> object: ...


@dataclass
class Emptied:
    """The content of the emptied cells. It is kept only to check that none of it remains."""

    shared: set[int] = field(default_factory=set)
    """Numbers of shared strings."""
    texts: set[str] = field(default_factory=set)
    """Texts and numbers that were in the cells themselves, as XML text."""
    pictures_left: set[str] = field(default_factory=set)
    """Names of WPS's pictures in the cells that stay."""
    rich_values_left: bool = False
    """Whether a cell that stays uses rich data (Excel's pictures in cells), or spills."""


@dataclass
class SheetParts:
    """The text of a sheet before and after its rows, and its column widths."""

    prolog: bytes
    epilog: bytes
    widths: dict[int, float]
    """Column → width in characters, where the sheet gives one."""


class SheetPatch:
    """Copies one sheet as a stream, with its marks; see `run`."""

    def __init__(
        self,
        marks: SheetMarks,
        style: Callable[[int, int | None, bool], int],
        within: Callable[[int, bool], int],
        was_marked: frozenset[int],
        emptied: Emptied,
        used: set[int] | None,
    ) -> None:
        """`style`: as `Styles.marked`. `within`: as `Styles.within`. `was_marked`: formats of marks of an earlier return.

        `used` collects the numbers of the shared strings that remain in use; None when that does not matter.
        """
        self.marks = marks
        self.gone = marks.gone
        self.style = style
        self.within = within
        self.was_marked = was_marked
        self.emptied = emptied
        self.used = used
        self.restyled: dict[tuple[bytes, int | None, bool], bytes] = {}
        self.in_order: set[tuple[bytes, ...]] = set()
        self.column_styles: list[tuple[int, int, int]] = []
        self.next_mark = 0
        old = b"|".join(b"%d" % one for one in sorted(was_marked))
        self.old_mark = re.compile(rb"""<c\s[^>]*?\ss=["'](?:%s)["']""" % old) if was_marked else None

    def run(self, source: IO[bytes], out: _Out, close: Callable[[SheetParts], bytes]) -> None:
        """Copy the sheet from `source` to `out`. `close` gets the text before and after the rows, and gives the new text after them."""
        prolog, rest = _prolog(source)
        widths = self._read_columns(prolog)
        out.write(_TAB_SELECTED.sub(b"", prolog))
        epilog = self._rows(source, out, rest)
        _refuse_odd(epilog)
        out.write(close(SheetParts(prolog, self._without_refused_lists(epilog), widths)))

    def _read_columns(self, prolog: bytes) -> dict[int, float]:
        widths: dict[int, float] = {}
        root = parse(re.sub(rb"<sheetData\s*/?>$", b"", prolog) + b"</worksheet>")
        if root.tag != f"{{{MAIN}}}worksheet":
            raise CannotPatch("sheet of another namespace")
        for one in root.iterfind(f"{{{MAIN}}}cols/{{{MAIN}}}col"):
            first, last = int(one.get("min", "1")), int(one.get("max", "1"))
            self.column_styles.append((first, last, int(one.get("style", "0"))))
            if one.get("width"):
                widths.update(dict.fromkeys(range(first, min(last, 300) + 1), float(one.get("width", "9"))))
        return widths

    def _rows(self, source: IO[bytes], out: _Out, buffer: bytes) -> bytes:
        """Copy the rows; gives all bytes from `</sheetData>` on."""
        previous = 0
        ended = False
        while True:
            pieces: list[bytes] = []
            position = 0
            while True:
                jump, previous = self._unmarked(buffer, position, previous)
                pieces.append(buffer[position:jump])
                position = jump
                start = buffer.find(b"<", position)
                if start < 0 or (end := buffer.find(b">", start)) < 0:
                    break
                if buffer.startswith(b"</sheetData", start):
                    pieces.append(buffer[position:start])
                    position, ended = start, True
                    break
                tag = _ROW.match(buffer, start)
                if tag is None:
                    raise CannotPatch("unexpected element among the rows")
                if not tag[2]:
                    close = buffer.find(b"</row>", end)
                    if close < 0:
                        break
                    end = close + 5
                at = _ROW_NUMBER.search(tag[1])
                if at is None or (number := int(at[1])) <= previous:
                    raise CannotPatch("rows without number or order")
                self._missing_rows(number, pieces)
                pieces.append(buffer[position:start])
                pieces.append(self._row(buffer[start : end + 1], number, tag))
                previous, position = number, end + 1
            if ended:
                self._missing_rows(1 << 30, pieces)
            self._emit(out, b"".join(pieces))
            buffer = buffer[position:]
            if ended:
                return buffer + _read_all(source)
            more = source.read(CHUNK)
            if not more:
                raise CannotPatch("sheet is cut off")
            buffer += more

    def _unmarked(self, buffer: bytes, position: int, previous: int) -> tuple[int, int]:
        """(end in `buffer` of the whole rows without a mark that begin at `position`, number of the last of them).

        Gives `position`, `previous` when there are none, or when each row must be examined.
        """
        if self.gone or self.old_mark:
            return position, previous
        rows = self.marks.rows
        wanted = rows[self.next_mark] if self.next_mark < len(rows) else 1 << 30
        if wanted <= previous + 1:
            return position, previous
        # Nearly all programs write it so, and a pattern for each row costs more.
        end = buffer.find(b'<row r="%d"' % wanted, position)
        if end < 0:
            found = re.compile(rb"""<row\b[^>]*?\sr=["']%d["']""" % wanted).search(buffer, position)
            end = found.start() if found else buffer.rfind(b"</row>") + len(b"</row>")
        last = buffer.rfind(b"<row", position, end)
        tag = _ROW.match(buffer, last) if last >= position else None
        number = _ROW_NUMBER.search(tag[1]) if tag else None
        if number is None or not previous < int(number[1]) < wanted:
            return position, previous
        return end, int(number[1])

    def _emit(self, out: _Out, data: bytes) -> None:
        if self.used is not None:
            self.used.update(map(int, _SHARED.findall(data)))
            self.emptied.pictures_left.update(name.decode() for name in CELL_PICTURE.findall(data))
            self.emptied.rich_values_left |= _SHOWS_RICH_VALUE.search(data) is not None
        out.write(data)

    def _take_marks(self, number: int) -> list[tuple[int, int]]:
        rows, begin = self.marks.rows, self.next_mark
        end = begin
        while end < len(rows) and rows[end] == number:
            end += 1
        self.next_mark = end
        return list(zip(self.marks.columns[begin:end], self.marks.ranks[begin:end], strict=True))

    def _missing_rows(self, before: int, pieces: list[bytes]) -> None:
        """Add the rows up to `before` that have a mark and are not in the sheet, since they are empty."""
        rows = self.marks.rows
        while self.next_mark < len(rows) and rows[self.next_mark] < before:
            number = rows[self.next_mark]
            cells = b"".join(self._new_cell(number, column, rank, None) for column, rank in self._take_marks(number))
            pieces.append(b'<row r="%d">%s</row>' % (number, cells))

    def _row(self, row: bytes, number: int, tag: re.Match[bytes]) -> bytes:
        marks = self._take_marks(number)
        done = self._marked_row(row, number, tag, marks)
        for column, _ in marks:
            done = self._kept_clear(done, number, column)
        return done

    def _marked_row(self, row: bytes, number: int, tag: re.Match[bytes], marks: list[tuple[int, int]]) -> bytes:
        empty = self.gone.in_row(number)
        if (empty and not self._is_usual(row)) or (self.old_mark and self.old_mark.search(row)):
            return self._rebuilt(row, number, tag, marks, empty)
        if not empty and not marks:
            return row
        pieces, position = [], 0
        if empty:
            position = tag.end() - tag.start()
            pieces.append(_SPANS.sub(b"", row[:position]))
        todo: dict[int, int | None] = {**dict.fromkeys(empty), **dict(marks)}
        for column, rank in sorted(todo.items()) if empty else marks:
            name = b'<c r="%s%d"' % (_LETTERS[column], number)
            at = row.find(name, position)
            if at < 0 and rank is None:
                continue
            if at < 0:
                return self._rebuilt(row, number, tag, marks, empty)
            if column in empty and (cell := _CELL.match(row, at)):
                pieces += row[position:at], self._cell(cell, column, rank, is_emptied=True)
                position = cell.end()
                continue
            at += len(name)
            end = row.index(b">", at)
            pieces.append(row[position:at])
            pieces.append(self._restyled(row[at:end], column, rank))
            position = end
        pieces.append(row[position:])
        return b"".join(pieces)

    def _is_usual(self, row: bytes) -> bool:
        """Whether a row has only cells with their names, in order: then a cell that is not found by its name is not there."""
        if not _USUAL_ROW.fullmatch(row):
            return False
        letters = tuple(_USUAL_CELL.findall(row))
        if letters not in self.in_order:  # few ways in a sheet
            columns = [_NUMBERS.get(one, 0) for one in letters]
            if columns != sorted(set(columns) - {0}):
                return False
            if len(self.in_order) < 10_000:
                self.in_order.add(letters)
        return True

    def _restyled(self, head: bytes, column: int, rank: int | None) -> bytes:
        """A cell's tag up to its `>`, or the part of it after the name, with the format of its mark."""
        key = (head, rank, rank is not None and column in self.marks.text_columns)
        if (known := self.restyled.get(key)) is None:
            found = _STYLE.search(head)
            style = b' s="%d"' % self.style(int(found[1]) if found else 0, rank, key[2])
            start, end = found.span() if found else (len(head.removesuffix(b"/")),) * 2
            known = head[:start] + style + head[end:]
            if len(self.restyled) < 100_000:
                self.restyled[key] = known
        return known

    def _kept_clear(self, row: bytes, number: int, column: int) -> bytes:
        """The row in which texts of neighbours do not run over a marked cell that is blank.

        The cell itself stays blank; the neighbours get a format that keeps their texts within their own cells.
        """
        at = row.find(b'<c r="%s%d"' % (_LETTERS[column], number))
        if at < 0 or not _is_blank(row, at):
            return row
        after = row.find(b"<c ", at + 1)
        while after >= 0 and _is_blank(row, after):
            after = row.find(b"<c ", after + 1)
        before = row.rfind(b"<c ", 0, at)
        while before >= 0 and _is_blank(row, before):
            before = row.rfind(b"<c ", 0, before)
        for start, is_right in ((after, True), (before, False)):  # later place first: the other stays right
            if start >= 0:
                end = row.index(b">", start)
                row = row[:start] + self._held(row[start:end], is_right) + row[end:]
        return row

    def _held(self, head: bytes, is_right: bool) -> bytes:
        """A cell's tag up to its `>`, with a format that keeps its text within the cell; unchanged for a cell without text."""
        kind = _STRING_TYPE.search(head)
        if kind is None or kind[1] not in _TEXT_TYPES:
            return head
        found = _STYLE.search(head)
        original = int(found[1]) if found else 0
        if (number := self.within(original, is_right)) == original:
            return head
        start, end = found.span() if found else (len(head),) * 2
        return head[:start] + b' s="%d"' % number + head[end:]

    def _new_cell(self, number: int, column: int, rank: int, row_style: int | None) -> bytes:
        original = row_style
        if original is None:
            original = next((style for first, last, style in self.column_styles if first <= column <= last), 0)
        style = self.style(original, rank, column in self.marks.text_columns)
        return b'<c r="%s%d" s="%d"/>' % (_LETTERS[column], number, style)

    def _rebuilt(
        self, row: bytes, number: int, tag: re.Match[bytes], marks: list[tuple[int, int]], empty: frozenset[int]
    ) -> bytes:
        """The row built again cell by cell: for a marked cell that is absent, a cell to be emptied, or an old mark to be removed."""
        ranks = dict(marks)
        row_style = _STYLE.search(tag[1]) if b"customFormat=" in tag[1] else None
        style = int(row_style[1]) if row_style else None
        head = row[: tag.end() - tag.start()]
        body = b"" if tag[2] else row[len(head) : -len(b"</row>")]
        if tag[2]:
            head = head[:-2] + b">"
        pieces: list[bytes] = []
        previous, position = 0, 0
        waiting = sorted(ranks)
        for cell in _CELL.finditer(body):
            at = _CELL_AT.search(cell[1])
            if at is None or int(at[2]) != number or (column := _NUMBERS.get(at[1], 0)) <= previous:
                raise CannotPatch("cells without name or order")
            if body[position : cell.start()].strip():
                raise CannotPatch("unexpected element among the cells")
            while waiting and waiting[0] < column:
                new = waiting.pop(0)
                pieces.append(self._new_cell(number, new, ranks[new], style))
            if waiting and waiting[0] == column:
                waiting.pop(0)
            pieces.append(self._cell(cell, column, ranks.get(column), is_emptied=column in empty))
            previous, position = column, cell.end()
        pieces += [self._new_cell(number, new, ranks[new], style) for new in waiting]
        return _SPANS.sub(b"", head) + b"".join(pieces) + body[position:] + b"</row>"

    def _cell(self, cell: re.Match[bytes], column: int, rank: int | None, *, is_emptied: bool) -> bytes:
        text = cell[0]
        if is_emptied and cell[2] is not None:
            self._remember(cell)
            text = b"<c" + _RICH_VALUE.sub(b"", _STRING_TYPE.sub(b"", cell[1])) + b"/>"
        found = _STYLE.search(cell[1])
        if rank is None and not (found and int(found[1]) in self.was_marked):
            return text
        end = text.index(b">")
        return self._restyled(text[:end], column, rank) + text[end:]

    def _remember(self, cell: re.Match[bytes]) -> None:
        content = cell[2]
        for left, top, right, bottom in _FORMULA_AREA.findall(content):
            if not self.gone.covers(int(top), _NUMBERS[left], int(bottom or top), _NUMBERS[right or left]):
                raise CannotPatch("formula shared with cells that stay")
        kind = _STRING_TYPE.search(cell[1])
        values = _TEXT.findall(content)
        if kind and kind[1] == b"s":
            self.emptied.shared.update(map(int, values))
        else:
            self.emptied.texts.update(value.decode() for value in values)

    def _without_refused_lists(self, epilog: bytes) -> bytes:
        """The epilog without drop-down lists of emptied columns, since their words are what is never received."""
        refused = self.gone.columns
        if not refused:
            return epilog

        def trim(found: re.Match[bytes]) -> bytes:
            area = _SQREF.search(found[0])
            if area is None:
                return found[0]
            kept = [one for one in area[2].split() if not self._columns_of(one) <= refused]
            if not kept:
                return b""
            return found[0][: area.start()] + area[1] + b'"' + b" ".join(kept) + b'"' + found[0][area.end() :]

        trimmed = _VALIDATION.sub(trim, epilog)
        trimmed = re.sub(rb"<dataValidations\b[^>]*>\s*</dataValidations>", b"", trimmed)
        count = len(_VALIDATION.findall(trimmed))
        return re.sub(rb"""(<dataValidations\b[^>]*?\scount=)["']\d+["']""", rb'\g<1>"%d"' % count, trimmed)

    def _columns_of(self, area: bytes) -> set[int]:
        letters = [_NUMBERS.get(re.sub(rb"[^A-Z]", b"", one), 0) for one in area.split(b":")]
        return set(range(letters[0], letters[-1] + 1))


def _prolog(source: IO[bytes]) -> tuple[bytes, bytes]:
    """(all up to and with `<sheetData>`, what was read beyond). An empty `<sheetData/>` becomes an open and a close tag."""
    data = b""
    while True:
        more = source.read(CHUNK)
        data += more
        found = re.search(rb"<sheetData\s*(/?)>", data)
        if found:
            break
        if not more or len(data) > MOST_EPILOG:
            raise CannotPatch("no rows element")
    if not data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<") or b"<worksheet" not in data[: found.start()]:
        raise CannotPatch("sheet of another encoding or prefix")
    _refuse_odd(data[: found.start()])
    encoding = re.match(rb"""(?:\xef\xbb\xbf)?<\?xml[^>]*encoding=["']([\w-]+)["']""", data)
    if encoding and encoding[1].lower() not in (b"utf-8", b"us-ascii", b"ascii"):
        raise CannotPatch("sheet of another encoding")
    prolog = data[: found.start()] + b"<sheetData>"
    rest = data[found.end() :]
    return prolog, b"</sheetData>" + rest if found[1] else rest


def _read_all(source: IO[bytes]) -> bytes:
    data = source.read(MOST_EPILOG)
    if source.read(1):
        raise CannotPatch("too much after the rows")
    return data


def _refuse_odd(data: bytes) -> None:
    if b"<!DOCTYPE" in data or b"<![CDATA[" in data:
        raise CannotPatch("document type or character data section")


def top_level(parts: SheetParts) -> Iterator[tuple[str, int]]:
    """(local name, offset in the epilog) of each top-level element after the rows."""
    opening = re.search(rb"<worksheet\b[^>]*>", parts.prolog)
    if opening is None:
        raise CannotPatch("no root element")
    start = opening[0]
    found: list[tuple[str, int]] = []
    depth = 0
    parser = expat.ParserCreate()

    def begin(name: str, _: dict[str, str]) -> None:
        nonlocal depth
        if depth == 1:
            found.append((name.rpartition(":")[2], parser.CurrentByteIndex - len(start) - len(b"<sheetData>")))
        depth += 1

    def finish(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser.StartElementHandler = begin
    parser.EndElementHandler = finish
    try:
        parser.Parse(start + b"<sheetData>" + parts.epilog, True)
    except expat.ExpatError as problem:
        raise CannotPatch("not well-formed after the rows") from problem
    return iter(found[1:])


def merged_areas(source: IO[bytes]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """The sheet's merged areas as ((first row, first column), (last row, last column)), 1-based."""
    data = b""
    while more := source.read(CHUNK):
        data = data[-20:] + more  # of the rows, keep only bytes that may begin the end tag
        if b"</sheetData" in data or re.search(rb"<sheetData\s*/>", data):
            data += _read_all(source)
            break
    areas = []
    for found in _MERGE.finditer(data):
        left, top, right, bottom = found.groups()
        areas.append(((int(top), column_number(left)), (int(bottom), column_number(right))))
    return areas


def column_number(letters: bytes) -> int:
    """1 for `A`, 27 for `AA`. Raises CannotPatch beyond the last column."""
    if letters not in _NUMBERS:
        raise CannotPatch("column out of range")
    return _NUMBERS[letters]


def relationship_of(parts: SheetParts, element: str) -> str | None:
    """The relationship id that an element after the rows names; None where the sheet has no such element."""
    for name, offset in top_level(parts):
        if name == element:
            tag = parts.epilog[offset : parts.epilog.index(b">", offset)]
            found = re.search(rb"""\s\w+:id=["']([^"']+)["']""", tag)
            if found is None:
                raise CannotPatch("drawing without relationship")
            return found[1].decode()
    return None


def without_element(parts: SheetParts, element: str) -> bytes:
    """The epilog without the first such element; the element may have no elements in it."""
    for name, offset in top_level(parts):
        if name == element:
            end = parts.epilog.index(b">", offset) + 1
            if not parts.epilog.startswith(b"/", end - 2):
                end = parts.epilog.index(b">", parts.epilog.index(b"</", end)) + 1
            return parts.epilog[:offset] + parts.epilog[end:]
    return parts.epilog


def with_legacy_drawing(parts: SheetParts, identifier: str) -> bytes:
    """The epilog with a `legacyDrawing` element where the schema requires it."""
    offset = next(
        (offset for name, offset in top_level(parts) if name in _AFTER_LEGACY_DRAWING),
        parts.epilog.rindex(b"</worksheet"),
    )
    tag = f'<legacyDrawing xmlns:r="{OFFICE}" r:id="{identifier}"/>'.encode()
    return parts.epilog[:offset] + tag + parts.epilog[offset:]
