"""Old workbooks (.xls, BIFF8 in a compound file) made byte by byte: no library of ours writes them any more. [MS-XLS], [MS-CFB]."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

_DATE = 14
"""Built-in number format of a day."""


def workbook(
    sheets: Mapping[str, Sequence[Sequence[str | float | tuple[float]]]], *, date1904: bool = False,
    merges: Sequence[tuple[int, int, int, int]] = (), hidden: Sequence[int] = (), codepage: int = 1200,
    states: Mapping[str, int] | None = None, is_encrypted: bool = False, is_bare: bool = False,
) -> bytes:  # fmt: skip
    """Sheets of texts, numbers and days (a day is a tuple of its number). `merges` of every sheet: first row, last row, columns.

    `hidden`: rows of every sheet, from 0, that are not shown. `states`: sheet → 1 hidden, 2 very hidden. A text `#N/A` is the
    error value. `is_bare`: the stream alone, without a compound file around it.
    """
    formats = [0] * 16 + [_DATE]
    head = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0x0DBB, 1997, 0, 0x06000000))
    if is_encrypted:
        head += _record(0x002F, struct.pack("<HHH", 1, 1, 1) + bytes(48))
    head += _record(0x0042, struct.pack("<H", codepage)) + _record(0x0022, struct.pack("<H", date1904))
    head += b"".join(
        _record(0x00E0, struct.pack("<HHH", 0, number, 0 if at == 16 else 0xFFF5) + bytes(14))
        for at, number in enumerate(formats)
    )
    names = [(len(name), name.encode("utf-16-le")) for name in sheets]
    size = len(head) + sum(4 + 8 + len(raw) for _, raw in names) + 4
    bodies = [_sheet(rows, merges, hidden) for rows in sheets.values()]
    for name, (letters, raw), body in zip(sheets, names, bodies, strict=True):
        head += _record(0x0085, struct.pack("<IHBB", size, (states or {}).get(name, 0), letters, 1) + raw)
        size += len(body)
    stream = head + _record(0x000A, b"") + b"".join(bodies)
    return stream if is_bare else _compound(stream)


def excel95(rows: Sequence[Sequence[str]], *, codepage: int = 936, encoding: str = "gbk", name: str = "名册") -> bytes:
    """The bare stream of a workbook of Excel 5 or 95: texts are bytes of a code page. `rows` are texts alone."""
    raw = name.encode(encoding)
    head = _record(0x0809, struct.pack("<HHHH", 0x0500, 0x0005, 0x0DBB, 1997))
    head += _record(0x0042, struct.pack("<H", codepage)) + _record(0x00E0, bytes(16))
    at = len(head) + 4 + 7 + len(raw) + 4
    head += _record(0x0085, struct.pack("<IHB", at, 0, len(raw)) + raw) + _record(0x000A, b"")
    body = _record(0x0809, struct.pack("<HHHH", 0x0500, 0x0010, 0x0DBB, 1997))
    return head + body + _labels(rows, encoding, 0x0204, 2) + _record(0x000A, b"")


def single_sheet(rows: Sequence[Sequence[str]], version: int) -> bytes:
    """The bare stream of a sheet of Excel 2, 3 or 4; texts in GBK under the code page of Windows."""
    head = {2: (0x0009, "<HH"), 3: (0x0209, "<HHH"), 4: (0x0409, "<HHH")}[version]
    words = (version, 0x0010, 0)[: head[1].count("H")]
    stream = _record(head[0], struct.pack(head[1], *words)) + _record(0x0042, struct.pack("<H", 1252))
    return (
        stream
        + _labels(rows, "gbk", 0x0004 if version == 2 else 0x0204, 1 if version == 2 else 2)
        + _record(0x000A, b"")
    )


def _labels(rows: Sequence[Sequence[str]], encoding: str, kind: int, width: int) -> bytes:
    body = b""
    for at, row in enumerate(rows):
        for column, text in enumerate(row):
            raw = text.encode(encoding)
            style = bytes(3 if width == 1 else 2)
            body += _record(kind, struct.pack("<HH", at, column) + style + len(raw).to_bytes(width, "little") + raw)
    return body


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _sheet(
    rows: Sequence[Sequence[str | float | tuple[float]]], merges: Sequence[tuple[int, int, int, int]],
    hidden: Sequence[int] = (),
) -> bytes:  # fmt: skip
    width = max(len(row) for row in rows)
    body = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0x0DBB, 1997, 0, 0x06000000))
    body += _record(0x0200, struct.pack("<IIHHH", 0, len(rows), 0, width, 0))
    for at in range(len(rows)):
        flags = 0x0120 if at in hidden else 0x0100
        body += _record(0x0208, struct.pack("<HHHHHHHH", at, 0, width, 0x00FF, 0, 0, flags, 15))
    for at, row in enumerate(rows):
        for column, value in enumerate(row):
            if value == "#N/A":
                body += _record(0x0205, struct.pack("<HHHBB", at, column, 15, 42, 1))
            elif isinstance(value, str):
                text = struct.pack("<HB", len(value), 1) + value.encode("utf-16-le")
                body += _record(0x0204, struct.pack("<HHH", at, column, 15) + text) if value else b""
            else:
                style, amount = (16, value[0]) if isinstance(value, tuple) else (15, value)
                body += _record(0x0203, struct.pack("<HHHd", at, column, style, amount))
    if merges:
        body += _record(
            0x00E5, struct.pack("<H", len(merges)) + b"".join(struct.pack("<HHHH", *each) for each in merges)
        )
    return body + _record(0x000A, b"")


def _compound(stream: bytes) -> bytes:
    """A compound file of 512-byte sectors with the one stream `Workbook`."""
    stream = stream.ljust(max(4096, -(-len(stream) // 512) * 512), b"\0")
    sectors = len(stream) // 512
    assert sectors + 2 <= 128, "one sector of allocation table"

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        raw = name.encode("utf-16-le") + b"\0\0"
        return (
            raw.ljust(64, b"\0") + struct.pack("<HBBiii", len(raw), kind, 1, -1, -1, child) + bytes(36)
            + struct.pack("<iQ", start, size)
        )  # fmt: skip

    directory = entry("Root Entry", 5, 1, -2, 0) + entry("Workbook", 2, -1, 2, len(stream))
    chain = [-3, -2, *range(3, 2 + sectors), -2]
    table = struct.pack(f"<{len(chain)}i", *chain).ljust(512, b"\xff")
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    head += struct.pack("<IIiIIiIiI", 0, 1, 1, 0, 4096, -2, 0, -2, 0) + struct.pack("<i", 0)
    return head.ljust(512, b"\xff") + table + directory.ljust(512, b"\0") + stream
