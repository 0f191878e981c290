"""Small .dbf tables made byte by byte, so that their damage can be chosen."""

from __future__ import annotations

import struct
from collections.abc import Sequence

Column = tuple[str, str, int]
"""(name, type, width in bytes)."""


def table(
    columns: Sequence[Column], records: Sequence[Sequence[str | bytes]], *, version: int = 0x03, driver: int = 0,
    encoding: str = "gbk", deleted: Sequence[int] = (), count: int | None = None, decimals: int = 0,
) -> bytes:  # fmt: skip
    """A table; names are cut to ten bytes as every program does. `deleted` are records from 0; `count` is what the head claims."""
    widths = [width for _, _, width in columns]
    head_length = 32 + 32 * len(columns) + 1 + (263 if version in (0x30, 0x31, 0x32) else 0)
    head = struct.pack(
        "<BBBBIHH", version, 126, 10, 31, len(records) if count is None else count, head_length, 1 + sum(widths)
    )
    head = head.ljust(29, b"\0") + bytes([driver, 0, 0])
    for name, kind, width in columns:
        long_text = (width % 256, width // 256) if kind == "C" else (width, decimals if kind == "N" else 0)
        head += name.encode(encoding)[:10].ljust(11, b"\0") + kind.encode() + bytes(4) + bytes(long_text) + bytes(14)
    head = (head + b"\r").ljust(head_length, b"\0")
    body = b""
    for number, record in enumerate(records):
        body += b"*" if number in deleted else b" "
        for (_, kind, width), value in zip(columns, record, strict=True):
            cell = value if isinstance(value, bytes) else value.encode(encoding)
            body += cell.rjust(width) if kind in "NF" else cell[:width].ljust(width)
    return head + body + b"\x1a"
