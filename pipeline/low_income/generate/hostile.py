"""Writes files that must be refused: empty, without rows, locked, cut off, of an unknown kind, of a refused format."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import date
from io import BytesIO
from pathlib import Path

import xlsxwriter

from low_income.generate.bureau import Bureau
from low_income.generate.files import Landed, evening_before

_SECTOR = 512
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def write_hostile(bureau: Bureau, inbox: Path) -> list[Landed]:
    """Put one file of each sort into the folders of divisions that deliver. All must be refused, each with its reason."""
    day = bureau.day
    roster = ("姓名", "身份证号", "户主身份证号", "与户主关系", "性别", "出生日期", "个人分类施保金额")
    stock = ("物资名称", "规格", "库存数量", "存放地点")
    goods = [("棉被", "双人", "20", "一号库"), ("帐篷", "12平方米", "5", "二号库")]
    whole = _workbook(day, stock, goods * 200)
    files = {
        "空文件.xlsx": b"",
        "低保人员_只有表头.xlsx": _workbook(day, roster, []),
        "低保人员_有密码.xlsx": compound_file(
            {"EncryptionInfo": b"\x04\x00\x04\x00" * 1024, "EncryptedPackage": b"\xa5" * 6000}
        ),
        "特困人员_没传完.xlsx": whole[: len(whole) * 6 // 10],
        "物资库存.xlsx": whole,
        "低保边缘家庭.et": compound_file({"Workbook": b"\x09\x08\x10\x00" * 1500}),
    }
    landed = []
    for number, (name, content) in enumerate(files.items()):
        unit = bureau.delivering[number * 2 % len(bureau.delivering)]
        path = inbox / unit / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        landed.append(Landed(unit, name, "", ""))
    return landed


def _workbook(day: date, header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> bytes:
    buffer = BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        book.set_properties({"created": evening_before(day)})
        page = book.add_worksheet()
        for number, row in enumerate((header, *rows)):
            page.write_row(number, 0, row)
    return buffer.getvalue()


def compound_file(streams: dict[str, bytes]) -> bytes:
    """Make a minimal OLE compound file (MS-CFB, version 3), the container of old workbooks, .et and locked .xlsx.

    At most three streams, each of 4,096 bytes or more (smaller ones would need a mini stream).
    """
    fat = [_FAT, _END]
    entries = [_entry("Root Entry", 5, _END, 0, child=1)]
    body = b""
    for number, (name, content) in enumerate(streams.items(), 1):
        start, sectors = len(fat), -(-len(content) // _SECTOR)
        fat += [*range(start + 1, start + sectors), _END]
        body += content.ljust(sectors * _SECTOR, b"\0")
        right = number + 1 if number < len(streams) else _FREE
        entries.append(_entry(name, 2, start, len(content), right=right))
    entries += [_entry("", 0, 0, 0)] * (4 - len(entries))
    header = struct.pack(
        "<8s16sHHHHH6sIIIIIIIIII", bytes.fromhex("d0cf11e0a1b11ae1"), b"", 0x3E, 3, 0xFFFE, 9, 6, b"", 0, 1, 1, 0, 4096,
        _END, 0, _END, 0, 0,
    )  # fmt: skip
    table = struct.pack(f"<{_SECTOR // 4}I", *fat, *[_FREE] * (_SECTOR // 4 - len(fat)))
    return header + struct.pack("<108I", *[_FREE] * 108) + table + b"".join(entries) + body


def _entry(name: str, sort: int, start: int, size: int, *, right: int = _FREE, child: int = _FREE) -> bytes:
    encoded = name.encode("utf-16-le")
    length = len(encoded) + 2 if name else 0
    return struct.pack("<64sHBBIII16sIQQIQ", encoded, length, sort, 1, _FREE, right, child, b"", 0, 0, 0, start, size)
