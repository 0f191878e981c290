"""Small .dbf tables made byte by byte, so that their damage can be chosen."""

from __future__ import annotations

import struct
from collections.abc import Sequence

Column = tuple[str, str, int]
"""(name, type, width in bytes)."""


def table(
    columns: Sequence[Column], records: Sequence[Sequence[str | bytes]], *, version: int = 0x03, driver: int = 0,
    encoding: str = "gbk", deleted: Sequence[int] = (), count: int | None = None, decimals: int = 0,
    texts_in: str | None = None, bits: Sequence[int] = (),
) -> bytes:  # fmt: skip
    """A table; names are cut to ten bytes as every program does. `deleted` are records from 0; `count` is what the head claims.

    `texts_in` is the encoding of the texts where it is not that of the names; `bits` what Visual FoxPro says of each column.
    """
    widths = [width for _, _, width in columns]
    head_length = 32 + 32 * len(columns) + 1 + (263 if version in (0x30, 0x31, 0x32) else 0)
    head = struct.pack(
        "<BBBBIHH", version, 126, 10, 31, len(records) if count is None else count, head_length, 1 + sum(widths)
    )
    head = head.ljust(29, b"\0") + bytes([driver, 0, 0])
    for at, (name, kind, width) in enumerate(columns):
        long_text = (width % 256, width // 256) if kind == "C" else (width, decimals if kind == "N" else 0)
        head += name.encode(encoding)[:10].ljust(11, b"\0") + kind.encode() + bytes(4) + bytes(long_text)
        head += bytes([bits[at] if bits else 0]) + bytes(13)
    head = (head + b"\r").ljust(head_length, b"\0")
    body = b""
    for number, record in enumerate(records):
        body += b"*" if number in deleted else b" "
        for (_, kind, width), value in zip(columns, record, strict=True):
            cell = value if isinstance(value, bytes) else value.encode(texts_in or encoding)
            body += cell.rjust(width) if kind in "NF" else cell[:width].ljust(width)
    return head + body + b"\x1a"


def foxpro_table(
    columns: Sequence[Column], records: Sequence[Sequence[str | bytes | None]], *, nullable: Sequence[str] = (),
    encoding: str = "gbk", texts_in: str | None = None, deleted: Sequence[int] = (), filler: bytes = b"\0",
) -> bytes:  # fmt: skip
    """A table of Visual FoxPro 9 with its column `_NullFlags`: V of varying length, None for null in the columns named `nullable`.

    `filler` is what stands between the end of a text of varying length and the byte that holds its length.
    """
    places, count = {}, 0
    for name, kind, _ in columns:
        for what in (["length"] if kind in "VQ" else []) + (["null"] if name in nullable else []):
            places[name, what], count = count, count + 1
    wide = max((count + 7) // 8, 1)
    rows = []
    for record in records:
        flags, cells = 0, []
        for (name, kind, width), value in zip(columns, record, strict=True):
            cell = b"" if value is None else value if isinstance(value, bytes) else value.encode(texts_in or encoding)
            if kind in "VQ" and len(cell) < width and value is not None:
                flags |= 1 << places[name, "length"]
                cell = cell + (filler * width)[: width - 1 - len(cell)] + bytes([len(cell)])
            elif value is None:
                flags |= 1 << places[name, "null"]
                cell = bytes(width) if kind in "IYBTVQ" else b" " * width
            cells.append(cell)
        rows.append([*cells, flags.to_bytes(wide, "little")])
    bits = [0x02 if name in nullable else 0 for name, _, _ in columns]
    return table(
        [*columns, ("_NullFlags", "0", wide)], rows, version=0x32, driver=0x7A, encoding=encoding, texts_in=texts_in,
        bits=[*bits, 0x05], deleted=deleted,
    )  # fmt: skip
