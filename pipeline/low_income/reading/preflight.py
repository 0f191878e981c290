"""Inspects a zipped workbook before any parser opens it: what it is, what is wrong with it, facts about its sheets.

Small files can crash spreadsheet parsers: cells far apart, zip bombs, repeated parts. The module mainly searches bytes,
block by block; it resolves no entity and follows no link.
"""

from __future__ import annotations

import io
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from xml.parsers import expat

import numpy as np
from lxml import etree

from low_income import advice
from low_income.reading import spelling
from low_income.reading.grid import Numbers, Problem, Refused, apart

CHUNK = 4 * 1024 * 1024
MAX_PARTS = 2000
MAX_TOTAL = 4 * 1024**3
MAX_RATIO = 300
RATIO_FLOOR = 50 * 1024 * 1024
"""MAX_RATIO applies to parts larger than this. Real workbooks are compressed up to 100 times; small parts may be more."""
MAX_ROWS = 1_048_576
MAX_COLUMNS = 16_384
SPARSE_AREA = 4_000_000
SPARSE_SHARE = 50
"""A sheet is refused when its used area has more cells than this, and less than one in SPARSE_SHARE is filled."""
MAX_DIRECTORY = MAX_PARTS * 512
_END = struct.Struct("<4s4HL")
"""The record at the end of a zip's directory, up to the field with the directory's size."""
_TAIL = 65_536 + 22
MAX_SMALL_PART = 16 * 1024 * 1024

_OTHER_PACKAGES = {
    "word/document.xml": ("Word 文档", advice.FROM_DOCUMENT), "ppt/presentation.xml": ("演示文稿", advice.FROM_DOCUMENT),
    "xl/workbook.bin": ("二进制工作簿（.xlsb）", advice.SAVE_AS_XLSX),
    "content.xml": ("OpenDocument 文件（.ods 等）", advice.SAVE_AS_XLSX), "OFD.xml": ("版式文件（.ofd）", advice.FROM_DOCUMENT),
}  # fmt: skip
"""Part that only this kind of package has → (what it is, advice)."""
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, OSError, ValueError, etree.XMLSyntaxError,
    expat.ExpatError,
)  # fmt: skip


@dataclass
class SheetFacts:
    """Facts in the bytes of one sheet that the parser does not give."""

    part: str
    has_errors: bool = False
    has_formulas: bool = False
    hidden_rows: list[int] = field(default_factory=list)
    hides_rows: bool = False
    """True when rows are hidden by default."""
    filled_cells: int = 0
    last_row: int = 0
    last_column: int = 0


@dataclass
class Package:
    """A workbook that is safe to parse."""

    source: Path | io.BytesIO
    """The file itself; for a workbook in unusual spelling, the same workbook in the usual one (`spelling`)."""
    sheets: dict[str, SheetFacts]
    notices: list[str]
    date1904: bool = False


def inspect_package(path: Path | io.BytesIO) -> Package:
    """Inspect a zip file; a stream in memory is left at its beginning.

    Raises Refused: not a workbook, damaged, encrypted, a zip bomb, macros, cells far apart.
    """
    try:
        with zipfile.ZipFile(path) as package:
            _refuse_unfit(package)
            facts, is_usual = _read_parts(package)
            if is_usual and spelling.Parts(package).is_usual():
                found = _package(path, package, facts)
                if isinstance(path, io.BytesIO):
                    path.seek(0)
                return found
            usual = io.BytesIO()
            spelling.respell(package, usual)
        with zipfile.ZipFile(usual) as package:
            found = _package(usual, package, _read_parts(package)[0])
        usual.seek(0)
        return found
    except spelling.Doctype as error:
        raise _doctype() from error
    except _DAMAGE as error:
        raise Refused("corrupt", "文件已损坏或没有传完，打不开", advice.SEND_AGAIN) from error


def _refuse_unfit(package: zipfile.ZipFile) -> None:
    entries = package.infolist()
    _refuse_bomb(entries)
    folded = [spelling.plain_name(entry.filename).casefold() for entry in entries]
    if any(entry.flag_bits & 1 for entry in entries):
        raise Refused("password", "文件加了密码，无法读取", advice.UNLOCK)
    if len(set(folded)) < len(folded):
        raise Refused("duplicate_part", "文件内部有重名的部件，不同软件读出的内容会不一样", advice.SAVE_AS_XLSX)
    if spelling.Parts(package).workbook() is None:
        other = next((said for part, said in _OTHER_PACKAGES.items() if part.casefold() in folded), None)
        if any(name.endswith(".iwa") or name == "index.zip" for name in folded):
            other = ("苹果电脑的 Numbers 表格（.numbers）", advice.EXPORT_FROM_NUMBERS)
        if other:
            raise Refused("not_a_table", f"这是{apart(other[0])}，不是 Excel 工作簿", other[1])
        raise Refused("not_a_table", "这是压缩包，不是 Excel 工作簿", advice.UNPACK)
    if any("vbaproject" in name or "/macrosheets/" in name for name in folded):
        raise Refused("macro", "工作簿里带有宏，为安全起见不接收", advice.SAVE_WITHOUT_MACROS)


def _package(source: Path | io.BytesIO, package: zipfile.ZipFile, facts: dict[str, SheetFacts]) -> Package:
    folded = [name.casefold() for name in package.namelist()]
    notices = []
    if any(name.startswith("xl/externallinks/") for name in folded):
        notices.append("工作簿引用了其他文件，引用没有打开，只读取了保存在本文件中的结果")
    if any(name.endswith("/connections.xml") for name in folded):
        notices.append("工作簿带有外部数据连接，连接没有打开，只读取了保存在本文件中的结果")
    parts = spelling.Parts(package)
    settings = _elements(package, spelling.WORKBOOK, "workbookPr")
    date1904 = any(element.get("date1904") in ("1", "true", "on") for element in settings)
    for sheet in facts.values():
        _refuse_sparse(sheet)
    linked = {link: facts[part] for link, _, part in parts.relations(spelling.WORKBOOK) if part in facts}
    named = {}
    for element in _elements(package, spelling.WORKBOOK, "sheet"):
        link = next((str(value) for key, value in element.attrib.items() if str(key).endswith("}id")), "")
        if link in linked:
            named[str(element.get("name", ""))] = linked[link]
    return Package(source, named, notices, date1904)


def _read_parts(package: zipfile.ZipFile) -> tuple[dict[str, SheetFacts], bool]:
    """(sheet part → facts, is everything spelled as Excel does). Reads every XML part to its end, which checks its checksum."""
    parts = spelling.Parts(package)
    workbook = parts.workbook() or ""
    sheets = {part for _, last, part in parts.relations(workbook) if last == "worksheet"}
    facts, is_usual = {}, True
    for name, entry in parts.entries.items():
        # Other parts are data of programs; no reader uses them.
        if not name.casefold().endswith((".xml", ".rels", ".vml")):
            continue
        is_ours = not name.casefold().startswith("customxml/")
        sheet = SheetFacts(entry)
        for number, chunk in enumerate(_chunks(package, entry)):
            is_wide = number == 0 and b"\0" in chunk[:64]
            if is_ours and (b"<!DOCTYPE" in chunk or (is_wide and _declares_type(package, entry))):
                raise _doctype()
            if name in sheets:
                _note(sheet, chunk)
                is_usual = is_usual and spelling.is_usual(chunk, is_first=number == 0)
            is_usual = is_usual and not (is_ours and is_wide)
        if name in sheets:
            facts[name] = sheet
    return facts, is_usual


def _declares_type(package: zipfile.ZipFile, entry: str) -> bool:
    """Whether a part in UTF-16 declares a document type."""
    if package.getinfo(entry).file_size > MAX_SMALL_PART:
        raise Refused("zip_bomb", "文件内部的目录大得不正常，不予打开", advice.SAVE_AS_XLSX)
    return "<!DOCTYPE" in package.read(entry).decode("utf-16", "replace")


def _doctype() -> Refused:
    return Refused("doctype", "文件内部含有不允许的文档类型声明", advice.SAVE_AS_XLSX)


def claimed_size(stream: IO[bytes]) -> int | None:
    """The unpacked size in bytes that a zip file claims; 0 when its directory is damaged or too large, None for no zip file.

    The only inspection outside the sandbox: it reads no directory larger than that of a real workbook.
    """
    stream.seek(0, os.SEEK_END)
    stream.seek(max(stream.tell() - _TAIL, 0))
    tail = stream.read(_TAIL)
    end = tail[max(tail.rfind(b"PK\5\6"), 0) :]
    if not end.startswith(b"PK"):
        return None
    if len(end) < _END.size or _END.unpack_from(end)[-1] > MAX_DIRECTORY:
        return 0
    try:
        with zipfile.ZipFile(stream) as package:
            return sum(entry.file_size for entry in package.infolist())
    except (*_DAMAGE, struct.error):
        return 0


def _refuse_bomb(entries: list[zipfile.ZipInfo]) -> None:
    total = sum(entry.file_size for entry in entries)
    swollen = any(
        entry.file_size > RATIO_FLOOR and entry.file_size > MAX_RATIO * max(entry.compress_size, 1) for entry in entries
    )
    if len(entries) > MAX_PARTS or total > MAX_TOTAL or swollen:
        raise Refused("zip_bomb", "文件解开后大得不正常，不予打开", advice.PASTE_INTO_NEW)


def _chunks(package: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """The bytes of a part in pieces, each cut before a `<row` where there is one, so that no tag is split."""
    tail = b""
    with package.open(part) as stream:
        while block := stream.read(CHUNK):
            block = tail + block
            cut = block.rfind(b"<row")
            if cut <= 0:
                cut = max(len(block) - 4096, 0)
            tail = block[cut:] if len(block) - cut <= CHUNK else b""
            if piece := block[:cut] if tail else block:
                yield piece
    if tail:
        yield tail


def _note(sheet: SheetFacts, chunk: bytes) -> None:
    sheet.has_errors = sheet.has_errors or b't="e"' in chunk
    sheet.has_formulas = sheet.has_formulas or b"<f>" in chunk or b"<f " in chunk
    values = chunk.count(b"<v>") + chunk.count(b"<is>")
    sheet.filled_cells += values
    if values:
        end = max(chunk.rfind(b"<v>"), chunk.rfind(b"<is>"))
        rows = re.findall(rb'<row\b[^>]*?\br="(\d{1,18})"', chunk[chunk.rfind(b"<row", 0, end) : end])
        rows += re.findall(rb'<row\b[^>]*?\br="(\d{8,18})"', chunk)
        sheet.last_row = max([sheet.last_row, *map(int, rows)])
        # Columns after Z with non-empty cells (an empty formatted cell closes itself).
        letters = set(re.findall(rb'<c r="([A-Z]{2,8})\d+"[^>/]*>', chunk))
        sheet.last_column = max([sheet.last_column, 26, *map(_column_number, letters)])
    if b"zeroHeight=" in chunk:
        sheet.hides_rows |= re.search(rb'<sheetFormatPr\b[^>]*\bzeroHeight="(?:1|true)"', chunk) is not None
    if sheet.hides_rows or b"hidden=" in chunk or b'ht="0' in chunk:
        for tag in re.findall(rb"<row\b([^>]*)>", chunk):
            number = re.search(rb'\br="(\d{1,7})"', tag)
            if number and _is_hidden(tag, sheet.hides_rows):
                sheet.hidden_rows.append(int(number[1]))


def _is_hidden(row: bytes, hides_rows: bool) -> bool:
    """Whether a row is hidden: by its attribute, by height 0, or by default when it has neither."""
    height = re.search(rb'\bht="([\d.]*)"', row)
    if height and not height[1].strip(b"0."):
        return True
    said = re.search(rb'\bhidden="(\w*)"', row)
    return said[1] in (b"1", b"true") if said else hides_rows and not height


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _refuse_sparse(sheet: SheetFacts) -> None:
    area = sheet.last_row * sheet.last_column
    if sheet.last_row > MAX_ROWS or sheet.last_column > MAX_COLUMNS:
        raise bad_reference()
    if area > SPARSE_AREA and sheet.filled_cells * SPARSE_SHARE < area:
        raise far_cells(sheet.last_row, sheet.last_column)


def bad_reference() -> Refused:
    """The refusal of a row or column number that no sheet can have."""
    return Refused("bad_reference", "文件内部的行号或列号超出了工作表的范围", advice.SAVE_AS_XLSX)


def far_cells(last_row: int, last_column: int) -> Refused:
    """The refusal of content far outside the table: reading the empty cells between would fill the memory."""
    return Refused(
        "far_cells",
        f"工作表中有零散内容远离数据区（用到了第{last_row}行、第{last_column}列）",
        advice.REMOVE_FAR_CELLS,
    )


def _elements(package: zipfile.ZipFile, part: str, name: str) -> list[etree._Element]:
    if package.getinfo(part).file_size > MAX_SMALL_PART:
        raise Refused("zip_bomb", "文件内部的目录大得不正常，不予打开", advice.SAVE_AS_XLSX)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    root = etree.fromstring(package.read(part), parser)
    return [
        element for element in root.iter() if isinstance(element.tag, str) and etree.QName(element).localname == name
    ]


def problem_cells(source: Path | io.BytesIO, sheet: SheetFacts) -> list[tuple[int, int, Problem]]:
    """(row, column, problem), from 0, of cells with an error value and of formulas without a saved result; sorted."""
    if not (sheet.has_errors or sheet.has_formulas):
        return []
    error = re.compile(rb'<c\b([^>]*\bt="e"[^>]*)>')
    formula = re.compile(rb"<c\b([^>]*[^/])>\s*<f\b(?:[^>]*/>|[^>]*>[^<]*</f>)\s*(<v>[^<]+)?")
    found: dict[tuple[int, int], Problem] = {}
    with zipfile.ZipFile(source) as package:
        for chunk in _chunks(package, sheet.part):
            if sheet.has_formulas:
                for attributes, value in formula.findall(chunk):
                    # A text result may be empty; it is a result.
                    if not value and b't="str"' not in attributes:
                        _mark(found, attributes, "formula_without_value")
            if b't="e"' in chunk:
                for attributes in error.findall(chunk):
                    _mark(found, attributes, "error_value")
    return [(row, column, problem) for (row, column), problem in sorted(found.items())]


def _mark(found: dict[tuple[int, int], Problem], attributes: bytes, problem: Problem) -> None:
    cell = re.search(rb'\br="([A-Z]{1,3})(\d{1,7})"', attributes)
    if cell:
        found[int(cell[2]) - 1, _column_number(cell[1]) - 1] = problem


def hidden_rows(sheet: SheetFacts) -> Numbers:
    """Row numbers of hidden rows, sorted."""
    return np.array(sorted(set(sheet.hidden_rows)), dtype=np.int64)
