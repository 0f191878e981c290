"""Writes a good list as other programs would write it: one small function for each kind of damage to a whole file.

Each takes a list of text and gives a file's bytes. The expected result is the same for all: the list is read with the
values that it had, or rows or the file are refused with the reason. This module asks the product nothing.
"""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from xml.sax.saxutils import escape

import xlsxwriter

Row = list[str]


@dataclass(frozen=True)
class Lines:
    """A list of text: the lines above its header, the header, and its rows; '' is an empty cell."""

    above: list[Row]
    header: Row
    rows: list[Row]

    @property
    def all(self) -> list[Row]:
        """All rows as in the sheet, from the first one."""
        return [*self.above, self.header, *self.rows]


@dataclass(frozen=True)
class Written:
    """A file as a program wrote it."""

    data: bytes
    suffix: str
    keeps_rows: bool = True
    """True: every row of the list is in the file, so none may be missing when it is read."""
    never_returned: bytes = b""
    """Bytes in a part of the workbook that no returned copy may contain."""


Program = Callable[[random.Random, Lines], Written]


# text ------------------------------------------------------------------------------------------------------------


def _text(rows: Sequence[Sequence[str]], delimiter: str = ",", end: str = "\r\n") -> str:
    def cell(text: str) -> str:
        return (
            '"' + text.replace('"', '""') + '"' if any(mark in text for mark in (delimiter, '"', "\n", "\r")) else text
        )

    return "".join(delimiter.join(map(cell, row)) + end for row in rows)


def plain(lines: Lines) -> Written:
    """The list as it is, for comparison."""
    return Written(_text(lines.all).encode("utf-8-sig"), ".csv")


def _without_empty_ends(row: Row) -> Row:
    last = max((at for at, cell in enumerate(row) if cell), default=-1)
    return row[: last + 1]


def _short_lines(rng: random.Random, lines: Lines) -> Written:
    return Written(_text([_without_empty_ends(row) for row in lines.all]).encode("gb18030"), ".csv")


def _short_lines_below_a_long_header(rng: random.Random, lines: Lines) -> Written:
    longer = [*lines.above, [*lines.header, "", ""], *map(_without_empty_ends, lines.rows)]
    return Written(_text(longer, "\t").encode("utf-8-sig"), ".txt")


def _ruled(rng: random.Random, lines: Lines) -> Written:
    """With the ruler line and the count that sqlcmd, psql and SQL*Plus write."""
    count = len(lines.rows)
    told = rng.choice(
        (
            f"({count} rows affected)",
            f"({count} 行受影响)",
            f"({count} 行记录)",
            f"已选择{count}行。",
            f"({count} rows)",
        )
    )
    ruler = ["-" * rng.randint(2, 18) for _ in lines.header]
    rows = [*lines.above, lines.header, ruler, *lines.rows, [], [told]]
    return Written(_text(rows, rng.choice(",\t|")).encode("gb18030"), ".txt")


def _pages(rng: random.Random, lines: Lines) -> Written:
    half = len(lines.rows) // 2
    rows = [*lines.above, lines.header, *lines.rows[:half], ["续表"], lines.header, *lines.rows[half:], ["第2页 共2页"]]
    return Written(_text([[*row, *[""] * (len(lines.header) - len(row))] for row in rows]).encode("gb18030"), ".csv")


def _bad_byte(rng: random.Random, lines: Lines) -> Written:
    data = bytearray(_text(lines.all).encode(rng.choice(("gb18030", "utf-8"))))
    data[rng.randrange(len(data) // 2, len(data) - 2)] = 0xFF  # this byte is part of no character in either encoding
    return Written(bytes(data), ".csv", keeps_rows=False)


def _half_a_character(rng: random.Random, lines: Lines) -> Written:
    data = _text(lines.all).encode("gb18030")
    high = [at for at in range(len(data) // 2, len(data)) if data[at] >= 0x81] or [len(data) - 1]
    at = rng.choice(high)
    return Written(data[:at] + data[at + 1 :], ".csv", keeps_rows=False)


def _utf16_without_mark(rng: random.Random, lines: Lines) -> Written:
    return Written(_text(lines.all, "\t").encode(rng.choice(("utf-16-le", "utf-16-be"))), ".txt")


def _tabs_as_workbook(rng: random.Random, lines: Lines) -> Written:
    encoding = rng.choice(("gb18030", "utf-8", "utf-8-sig", "utf-16"))
    return Written(_text(lines.all, "\t").encode(encoding), ".xls")


def _web_page(rng: random.Random, lines: Lines) -> Written:
    cells = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in lines.all)
    begin = rng.choice(
        ("<div>", "<!-- 导出 --><html>", "<style>td{}</style>", "<center>", "<?xml version='1.0'?><html>")
    )
    encoding = rng.choice(("utf-8", "gb18030", "utf-16"))
    return Written(f"{begin}<table>{cells}</table>".encode(encoding), rng.choice((".xls", ".csv", ".txt")))


def _cut_off(rng: random.Random, lines: Lines) -> Written:
    data = _text(lines.all).encode("gb18030")
    return Written(data[: rng.randrange(len(data) // 2, len(data))], ".csv", keeps_rows=False)


def _words_for_nothing(rng: random.Random, lines: Lines) -> Written:
    word = rng.choice((r"\N", "nan", "NaN", "NaT", "(null)", "NULL", "None"))
    return Written(
        _text([*lines.above, lines.header, *([cell or word for cell in row] for row in lines.rows)]).encode(), ".csv"
    )


def _garbled(rng: random.Random, lines: Lines) -> Written:
    """UTF-8 that was read as GBK and written again."""
    text = _text(lines.rows).encode("utf-8").decode("gb18030", "replace")
    return Written((_text([*lines.above, lines.header]) + text).encode("utf-8"), ".csv")


def _half_empty_lines(rng: random.Random, lines: Lines) -> Written:
    return Written(_text(lines.all, end="\r\n\r\n").encode("gb18030"), ".csv")


def _unread_ending(rng: random.Random, lines: Lines) -> Written:
    return Written(_text(lines.all).encode("gb18030"), rng.choice((".dat", "", ".tsv", ".csv.1")))


def _left_over(rng: random.Random, lines: Lines) -> Written:
    data = _text(lines.all).encode("gb18030")
    return Written(
        data[: len(data) * 2 // 3], rng.choice((".csv.filepart", ".csv.part", ".crdownload", ".csv~", ".bak", ".cpg"))
    )


# workbooks -------------------------------------------------------------------------------------------------------

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


@dataclass(frozen=True)
class _Book:
    """How a program spells a workbook."""

    sheets: list[tuple[str, str, list[Row]]]
    """(name, `state` of the sheet, rows)."""
    prefix: str = ""
    quote: str = '"'
    has_references: bool = True
    folder: str = "xl"
    separator: str = "/"
    type_by_default: bool = False
    hidden_rows: frozenset[int] = field(default_factory=frozenset)

    def data(self) -> bytes:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
            for name, text in self._parts().items():
                spelt = text if self.quote == '"' else text.replace('"', self.quote)
                package.writestr(zipfile.ZipInfo(name.replace("/", self.separator), (2026, 1, 1, 0, 0, 0)), spelt)
        return made.getvalue()

    def _parts(self) -> dict[str, str]:
        package = "http://schemas.openxmlformats.org/package/2006"
        numbers = range(1, len(self.sheets) + 1)
        defaults = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        main = f"{_TYPE}.sheet.main+xml"
        if self.type_by_default:
            defaults += f'<Default Extension="xml" ContentType="{main}"/>'
        else:
            defaults += f'<Override PartName="/{self.folder}/workbook.xml" ContentType="{main}"/>'
        pages = "".join(
            f'<Override PartName="/{self.folder}/worksheets/sheet{n}.xml" ContentType="{_TYPE}.worksheet+xml"/>'
            for n in numbers
        )
        p = f"{self.prefix}:" if self.prefix else ""
        space = f'xmlns{":" + self.prefix if self.prefix else ""}="{_MAIN}"'
        listed = "".join(
            f'<{p}sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"{f" state={chr(34)}{state}{chr(34)}" if state else ""}/>'
            for n, (name, state, _) in zip(numbers, self.sheets, strict=True)
        )
        links = "".join(
            f'<Relationship Id="rId{n}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n in numbers
        )
        office = f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="{self.folder}/workbook.xml"/>'
        return {
            "[Content_Types].xml": f'<Types xmlns="{package}/content-types">{defaults}{pages}</Types>',
            "_rels/.rels": f'<Relationships xmlns="{package}/relationships">{office}</Relationships>',
            f"{self.folder}/workbook.xml": f'<{p}workbook {space} xmlns:r="{_RELATIONS}"><{p}sheets>{listed}</{p}sheets></{p}workbook>',
            f"{self.folder}/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">{links}</Relationships>',
            **{
                f"{self.folder}/worksheets/sheet{n}.xml": f"<{p}worksheet {space}><{p}sheetData>{self._rows(rows, p)}</{p}sheetData></{p}worksheet>"
                for n, (_, _, rows) in zip(numbers, self.sheets, strict=True)
            },
        }

    def _rows(self, rows: list[Row], p: str) -> str:
        made = []
        for at, row in enumerate(rows, 1):
            cells = "".join(self._cell(text, at, column, p) for column, text in enumerate(row))
            number = f' r="{at}"' if self.has_references else ""
            hidden = ' hidden="1"' if at in self.hidden_rows else ""
            made.append(f"<{p}row{number}{hidden}>{cells}</{p}row>")
        return "".join(made)

    def _cell(self, text: str, row: int, column: int, p: str) -> str:
        place = f' r="{_letters(column)}{row}"' if self.has_references else ""
        if not text:
            return "" if self.has_references else f"<{p}c/>"
        return f'<{p}c{place} t="inlineStr"><{p}is><{p}t xml:space="preserve">{escape(text)}</{p}t></{p}is></{p}c>'


def _letters(column: int) -> str:
    return (chr(64 + column // 26) if column >= 26 else "") + chr(65 + column % 26)


def _spelt(**how: object) -> Program:
    """A workbook in a spelling that few programs use, though all may."""
    return lambda rng, lines: Written(replace(_Book([("Sheet1", "", lines.all)]), **how).data(), ".xlsx")  # type: ignore[arg-type]


def _hidden_sheet(rng: random.Random, lines: Lines) -> Written:
    """Beside the list a hidden list of other people: their numbers have digits reversed, so nobody is on both."""
    others = [
        [cell[:6] + cell[6:14][::-1] + cell[14:] if len(cell) == 18 else cell for cell in row] for row in lines.rows
    ]
    hidden = ("草稿", rng.choice(("hidden", "veryHidden")), [*lines.above, lines.header, *lines.rows[:1], *others])
    return Written(_Book([hidden, ("名单", "", lines.all)]).data(), ".xlsx")


def _side_by_side(rng: random.Random, lines: Lines) -> Written:
    half = (len(lines.rows) + 1) // 2
    blank = [""] * len(lines.header)
    right = [*lines.rows[half:], *[blank] * (2 * half - len(lines.rows))]
    gap = [""] * rng.randint(0, 1)
    rows = [*lines.above, [*lines.header, *gap, *lines.header]]
    rows += [[*_full(one, lines), *gap, *_full(two, lines)] for one, two in zip(lines.rows[:half], right, strict=True)]
    return Written(_Book([("Sheet1", "", rows)]).data(), ".xlsx")


def _full(row: Row, lines: Lines) -> Row:
    return [*row, *[""] * (len(lines.header) - len(row))]


def _three_header_rows(rng: random.Random, lines: Lines) -> Written:
    top = ["基本情况", *[""] * (len(lines.header) - 1)]
    middle = ["", *["其他情况" if at == 1 else "" for at in range(1, len(lines.header))]]
    return Written(_Book([("Sheet1", "", [*lines.above, top, middle, lines.header, *lines.rows])]).data(), ".xlsx")


def _characters_without_shape(rng: random.Random, lines: Lines) -> Written:
    marks, blanks = "\u200b\ufeff\u00ad\u2060\u200e\u202c", "\u202f\u00a0\u2003 "

    def strewn(row: Row) -> Row:
        return [text[:1] + rng.choice(marks) + text[1:] + rng.choice(blanks) if text else text for text in row]

    rows = [*map(strewn, lines.above), strewn(lines.header), *map(strewn, lines.rows)]
    return Written(_Book([("Sheet1", "", rows)]).data(), ".xlsx")


def _mail_address_in_title(rng: random.Random, lines: Lines) -> Written:
    said = rng.choice(
        ("联系邮箱:adnan_dna@qq.com", "填表人 QQ邮箱 dnaqq@example.com", "发至 wechat.list@qq.com,电话另告")
    )
    return Written(_Book([("Sheet1", "", [[said], *lines.all])]).data(), ".xlsx")


def _hidden_rows(rng: random.Random, lines: Lines) -> Written:
    """Some rows are hidden; hidden rows are data."""
    first = len(lines.above) + 2
    chosen = frozenset(rng.sample(range(first, first + len(lines.rows)), k=max(len(lines.rows) // 3, 1)))
    book = _Book([("Sheet1", "", lines.all)], hidden_rows=chosen, has_references=rng.random() < 0.5)
    return Written(book.data(), ".xlsx")


def _photographs(rng: random.Random, lines: Lines) -> Written:
    """Photographs float over a column of their own. Drawings are anchored in three ways, and spelt with or without a prefix."""
    face = _png(rng.randbytes(20))
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"created": datetime(2026, 1, 1, tzinfo=UTC)})
        sheet = book.add_worksheet()
        for row, cells in enumerate([*lines.above, [*lines.header, "照片"], *lines.rows]):
            for column, text in enumerate(cells):
                sheet.write_string(row, column, text) if text else None
        how = {"image_data": io.BytesIO(face), "object_position": rng.choice((1, 2, 3))}
        sheet.insert_image(len(lines.above) + 1, len(lines.header), "face.png", how)
    is_plain = rng.random() < 0.5
    respelt = io.BytesIO()
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(respelt, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if is_plain and name == "xl/drawings/drawing1.xml":
                data = data.replace(b"xmlns:xdr=", b"xmlns=").replace(b"<xdr:", b"<").replace(b"</xdr:", b"</")
            new.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data)
    return Written(respelt.getvalue(), ".xlsx", never_returned=face)


def _png(said: bytes) -> bytes:
    """A picture of one pixel with a text in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    point = zlib.compress(b"\0\0")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*each) for each in ((b"IHDR", head), (b"tEXt", b"face\0" + said), (b"IDAT", point), (b"IEND", b""))
    )


# old workbooks ---------------------------------------------------------------------------------------------------


def _code_page(rng: random.Random, lines: Lines) -> Written:
    """BIFF8 stores texts in UTF-16, whatever code page the report tool names."""
    stream = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0x0DBB, 1997, 0, 0x06000000))
    stream += _record(0x0042, struct.pack("<H", rng.choice((1252, 936, 65001, 0, 10008))))
    stream += _record(0x00E0, struct.pack("<HHH", 0, 0, 0) + bytes(14))
    name = "Sheet1".encode("utf-16-le")
    stream += _record(0x0085, struct.pack("<IHBB", len(stream) + 12 + len(name) + 4, 0, 6, 1) + name)
    stream += _record(0x000A, b"") + _record(
        0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0x0DBB, 1997, 0, 0x06000000)
    )
    for row, column, text in _cells(lines):
        letters = text.encode("utf-16-le")
        stream += _record(0x0204, struct.pack("<HHHHB", row, column, 0, len(letters) // 2, 1) + letters)
    return Written(stream + _record(0x000A, b""), ".xls")


def _code_page_of_excel_95(rng: random.Random, lines: Lines) -> Written:
    """BIFF5 stores texts in a code page, which programs in China do not always name correctly."""
    stream = _record(0x0809, struct.pack("<HHHH", 0x0500, 0x0005, 0x0DBB, 1997))
    stream += _record(0x0042, struct.pack("<H", rng.choice((936, 1252, 10008)))) + _record(0x00E0, bytes(16))
    stream += _record(0x0085, struct.pack("<IHB", len(stream) + 11 + 6 + 4, 0, 6) + b"Sheet1") + _record(0x000A, b"")
    stream += _record(0x0809, struct.pack("<HHHH", 0x0500, 0x0010, 0x0DBB, 1997))
    for row, column, text in _cells(lines):
        letters = text.encode("gbk", "replace")
        stream += _record(0x0204, struct.pack("<HHHH", row, column, 0, len(letters)) + letters)
    return Written(stream + _record(0x000A, b""), ".xls", keeps_rows=False)


def _cells(lines: Lines) -> list[tuple[int, int, str]]:
    return [(row, column, text) for row, cells in enumerate(lines.all) for column, text in enumerate(cells) if text]


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


# tables ----------------------------------------------------------------------------------------------------------


def _varying_texts(rng: random.Random, lines: Lines) -> Written:
    """Visual FoxPro 9: texts of varying length, some nullable; the last byte is the length of a text that does not fill its field."""
    encoding = rng.choice(("gb18030", "utf-8"))
    columns = [at for at, name in enumerate(lines.header) if name]
    cells = [[row[at].encode(encoding) if at < len(row) else b"" for at in columns] for row in lines.rows]
    widths = [min(max(2, *(len(row[at]) + rng.randint(0, 1) for row in cells)), 250) for at in range(len(columns))]
    nullable = [rng.random() < 0.5 for _ in columns]
    flags_width = (len(columns) + sum(nullable) + 7) // 8
    head = b""
    for at, column in enumerate(columns):
        name = lines.header[column].encode(encoding)[:10].ljust(11, b"\0")
        head += name + b"V" + bytes(4) + bytes([widths[at], 0, 2 * nullable[at]]) + bytes(13)
    head += b"_NullFlags\x000" + bytes(4) + bytes([flags_width, 0, 5]) + bytes(13)
    body = b""
    for row in cells:
        flags, bit, record = 0, 0, b" "
        for cell, width, may_be_null in zip(row, widths, nullable, strict=True):
            cut = cell[:width]
            flags |= (len(cut) < width) << bit
            flags |= (may_be_null and not cut) << (bit + 1)
            bit += 1 + may_be_null
            record += cut if len(cut) == width else cut + bytes(width - 1 - len(cut)) + bytes([len(cut)])
        body += record + flags.to_bytes(flags_width, "little")
    head_length, record_length = 32 + len(head) + 1 + 263, 1 + sum(widths) + flags_width
    begin = struct.pack("<BBBBIHH", 0x32, 126, 10, 31, len(cells), head_length, record_length).ljust(29, b"\0")
    return Written(begin + b"\x7a\0\0" + head + b"\r" + bytes(263) + body + b"\x1a", ".dbf")


PROGRAMS: dict[str, Program] = {
    "short_lines": _short_lines,
    "short_lines_below_a_long_header": _short_lines_below_a_long_header,
    "ruled": _ruled,
    "pages": _pages,
    "bad_byte": _bad_byte,
    "half_a_character": _half_a_character,
    "utf16_without_mark": _utf16_without_mark,
    "tabs_as_workbook": _tabs_as_workbook,
    "web_page": _web_page,
    "cut_off": _cut_off,
    "words_for_nothing": _words_for_nothing,
    "garbled": _garbled,
    "half_empty_lines": _half_empty_lines,
    "unread_ending": _unread_ending,
    "left_over": _left_over,
    "no_references": _spelt(has_references=False),
    "prefixed": _spelt(prefix="x"),
    "single_quotes": _spelt(quote="'"),
    "no_references_prefixed": _spelt(prefix="ns0", has_references=False, quote="'"),
    "backslashes": _spelt(separator="\\"),
    "type_by_default": _spelt(type_by_default=True),
    "workbook_elsewhere": _spelt(folder="book"),
    "hidden_sheet": _hidden_sheet,
    "hidden_rows": _hidden_rows,
    "side_by_side": _side_by_side,
    "three_header_rows": _three_header_rows,
    "characters_without_shape": _characters_without_shape,
    "mail_address_in_title": _mail_address_in_title,
    "photographs": _photographs,
    "code_page": _code_page,
    "code_page_of_excel_95": _code_page_of_excel_95,
    "varying_texts": _varying_texts,
}
"""Kind of damage → the function that writes such a file."""
