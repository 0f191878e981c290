"""Files within files, written byte by byte: compound files and zip archives."""

from __future__ import annotations

import io
import zipfile


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


def compound(*streams: str) -> bytes:
    """The smallest old compound file (512-byte sectors) whose directory names these streams."""

    def entry(name: str, kind: int, child: int = -1, right: int = -1) -> bytes:
        raw = name.encode("utf-16-le") + b"\0\0"
        return (
            raw.ljust(64, b"\0") + len(raw).to_bytes(2, "little") + bytes([kind, 1])
            + (-1).to_bytes(4, "little", signed=True) + right.to_bytes(4, "little", signed=True)
            + child.to_bytes(4, "little", signed=True) + b"\0" * 36 + (-2).to_bytes(4, "little", signed=True) + b"\0" * 8
        )  # fmt: skip

    names = [entry(name, 2, right=at + 2 if at + 1 < len(streams) else -1) for at, name in enumerate(streams)]
    directory = (entry("Root Entry", 5, child=1) + b"".join(names)).ljust(1024, b"\0")
    header = bytearray(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504)
    header[24:34] = b"\x3e\0\x03\0\xfe\xff\x09\0\x06\0"
    header[44:48] = (1).to_bytes(4, "little")  # one sector of allocation table
    header[48:52] = (1).to_bytes(4, "little")  # the directory begins in sector 1
    header[56:60] = (4096).to_bytes(4, "little")
    header[60:64] = header[68:72] = (-2).to_bytes(4, "little", signed=True)
    header[76:512] = (0).to_bytes(4, "little") + b"\xff" * 432
    table = [-3, 2, -2] + [-1] * 125
    return bytes(header) + b"".join(value.to_bytes(4, "little", signed=True) for value in table) + directory
