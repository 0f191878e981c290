"""Reads dBase and FoxPro tables (.dbf) → grid, whole columns at a time: a million records take a few seconds.

The field names are the header, row 1; record n is row n + 1, as spreadsheet programs show it. Chinese systems write code
page 936, whatever the file declares, and newer ones write UTF-8, which the bytes show: a .cpg file beside the table is not
needed. Source: "Xbase file format description" (clicketyclick.dk) and Microsoft's "Table file structure" for Visual
FoxPro. There the last column `_NullFlags` has bits for null values, and bits for texts of varying length that do not fill
their field: such a text has its length in the last byte of the field.
"""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from low_income import advice
from low_income.reading.encodings import LOST, MARK, mark_lost
from low_income.reading.grid import Grid, Mask, Refused, Texts, mask

SIGNATURES = frozenset({0x02, 0x03, 0x30, 0x31, 0x32, 0x43, 0x63, 0x83, 0x8B, 0x8E, 0xCB, 0xF5, 0xFB})
"""First bytes of the versions that have this layout."""
_DBASE_7 = frozenset({0x04, 0x8C})
_BIG5 = frozenset({0x4F, 0x68, 0x78})
"""Language driver bytes of code page 950; 0x4D and 0x7A mean 936, and any other byte from a Chinese office is read as 936."""
NAME_BYTES = 10
"""Names of fields are cut to this many bytes."""
_RECORDS_AT_ONCE = 65_536
_MAX_FIELDS = 2046
_SEPARATORS = (0x0A, 0x1E, 0x1F, 0x1C, 0x1D, 0x0B, 0x0C, 0x01, 0x02, 0x03, 0x04, 0x05)
"""Bytes that are never part of a multi-byte character; one that occurs in no cell is used as the separator of cells."""
_FOXPRO = frozenset({0x30, 0x31, 0x32})
_ELSEWHERE = frozenset("MGPW")
"""Field types whose content is in another file. `B` is one too, except in Visual FoxPro, where it is a number."""
_VARYING = frozenset("VQ")
_NO_TEXT = frozenset("Q")
_NULL_FLAGS = "0"
_IS_SYSTEM, _IS_NULLABLE = 0x01, 0x02
_SAID_OF = {"utf-8": "UTF-8", "gb18030": "GB18030", "cp950": "Big5"}
"""Encoding of the texts → its name in messages."""
_NUMBERS = frozenset("NFIBYO")
_TEXTS = frozenset("CV")
_SAMPLE = 5_000
"""Number of records by which the encoding of the texts is found."""
_UNIX_EPOCH_JULIAN = 2_440_588

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class _Field:
    name: bytes
    type: str
    offset: int
    """In bytes from the beginning of the record, whose first byte is the deletion mark."""
    length: int
    decimals: int
    is_system: bool = False
    """True for a column of the program itself, which is no column of the list."""
    length_bit: int | None = None
    """Position in the table's flags, from 0, of the bit that says: the last byte is the length of the text."""
    null_bit: int | None = None
    """Position of the bit that says: the value is null, whatever the bytes are."""


def looks_like(start: bytes, size: int) -> bool:
    """Whether a file begins like a .dbf table: a known version, a possible date, lengths that fit `size`."""
    if len(start) < 32 or start[0] not in SIGNATURES | _DBASE_7:
        return False
    month, day, head, record = start[2], start[3], *struct.unpack_from("<HH", start, 8)
    return month <= 12 and day <= 31 and 32 < head <= size and record > 0 and start[12:14] == b"\0\0"


def read_dbf(source: Path | io.BytesIO) -> tuple[Grid, list[str]]:
    """(the table, notices about it). Raises Refused: damaged, cut off, encrypted, or dBASE 7 with its other layout."""
    data: Bytes = (
        np.memmap(source, np.uint8, mode="r")
        if isinstance(source, Path)
        else np.frombuffer(source.getbuffer(), np.uint8)
    )
    head = data[: 1 << 17].tobytes()
    if head[0] in _DBASE_7:
        raise Refused("dbf_version", "这是 dBASE 7 的表，不能直接接收", advice.EXPORT_AS_XLSX)
    count, head_length, record_length = struct.unpack_from("<IHH", head, 4)
    fields = _fields(head[:head_length], record_length, is_foxpro=head[0] in _FOXPRO)
    if head[15] == 1:
        raise Refused("password", "这个 .dbf 表加了密，无法读取", advice.EXPORT_UNLOCKED)
    held = (len(data) - head_length) // record_length
    if held < count:
        raise Refused(
            "truncated",
            f"文件没有传完：表头写着 {count} 条记录，文件里只有 {max(held, 0)} 条",
            advice.EXPORT_AGAIN,
        )
    end = head_length + count * record_length
    if held > count and data[end] in (0x20, 0x2A):
        raise Refused(
            "corrupt",
            f"表头写着 {count} 条记录，后面却还有记录：导出没有正常结束",
            advice.EXPORT_AGAIN,
        )
    records = data[head_length:end].reshape(count, record_length)
    kept = np.flatnonzero(records[:, 0] != 0x2A)
    shown = [field for field in fields if not field.is_system]
    memo_types = _ELSEWHERE if head[0] in _FOXPRO else _ELSEWHERE | {"B"}
    not_read = memo_types | _NO_TEXT
    flags = _flags(records, fields)
    names = _encoding(head[29], [field.name for field in shown])
    encoding = _encoding_of_texts(
        [_cells(records, kept[:_SAMPLE], field, flags)[0] for field in shown if field.type in _TEXTS], names, head[29]
    )
    columns, numeric = [], {}
    elsewhere: dict[int, Mask] = {}
    for number, field in enumerate(shown):
        header = pa.array([_text(field.name, names)])
        if field.type in not_read:
            columns.append(pa.concat_arrays([header, pa.nulls(len(kept), pa.string())]))
            cells, is_null, _ = _cells(records, kept, field, flags)
            elsewhere[number] = np.concatenate([[False], _holds_something(cells) & ~is_null])
            continue
        texts, is_number = _column(records, kept, field, encoding, flags)
        columns.append(pa.concat_arrays([header, texts]))
        if is_number is not None and is_number.any():
            numeric[number] = np.concatenate([[False], is_number])
    notices = []
    if deleted := count - len(kept):
        notices.append(f"有{deleted}条记录带删除标记，没有读取")
    if memos := [_text(field.name, names) for field in shown if field.type in memo_types]:
        notices.append(f"备注型字段的内容不在 .dbf 文件里，没有读取：{'、'.join(memos)}。{advice.EXPORT_FIELDS}")
    if binaries := [_text(field.name, names) for field in shown if field.type in _NO_TEXT]:
        notices.append(f"二进制型字段不是文字，没有读取：{'、'.join(binaries)}。{advice.EXPORT_FIELDS}")
    grid = Grid("", columns, np.concatenate([[1], kept + 2]), numeric, is_table=True, cut_names=names)
    grid.elsewhere = elsewhere
    return grid, [*notices, *mark_lost(grid, _SAID_OF[encoding])]


def _fields(head: bytes, record_length: int, *, is_foxpro: bool) -> list[_Field]:
    fields: list[_Field] = []
    offset, at, bits = 1, 32, itertools.count()
    while at + 32 <= len(head) and head[at] not in (0x0D, 0x00) and len(fields) <= _MAX_FIELDS:
        name, kind, length, decimals = struct.unpack_from("<11sc4xBB", head, at)
        if kind == b"C" and decimals:  # the way of FoxPro and Clipper to write a long text field
            length, decimals = length + 256 * decimals, 0
        of_it = head[at + 18] if is_foxpro else 0  # only Visual FoxPro uses this byte
        field = _Field(name.split(b"\0")[0][:NAME_BYTES], kind.decode("latin-1"), offset, length, decimals)
        is_system = field.type == _NULL_FLAGS or bool(of_it & _IS_SYSTEM)
        # Bits are in the order of the fields; where a field has both bits, the length bit comes first.
        length_bit = next(bits) if field.type in _VARYING and not is_system else None
        null_bit = next(bits) if of_it & _IS_NULLABLE and not is_system else None
        fields.append(replace(field, is_system=is_system, length_bit=length_bit, null_bit=null_bit))
        offset += length
        at += 32
    if not fields or offset != record_length or not head.find(b"\r", at) == at:
        raise Refused("corrupt", "这个 .dbf 表的表头已损坏，各列的长度对不上", advice.EXPORT_AGAIN)
    return fields


def _encoding(driver: int, names: list[bytes]) -> str:
    """The encoding of the field names. No byte of the head means UTF-8; the names themselves show it."""
    if driver in _BIG5:
        return "cp950"
    try:
        read = "".join(_uncut(name, "utf-8") for name in names)
    except UnicodeDecodeError:
        return "gb18030"
    return "gb18030" if read.isascii() else "utf-8"


def _encoding_of_texts(columns: list[Bytes], of_names: str, driver: int) -> str:
    """The encoding of the texts: UTF-8 when most non-ASCII texts are good UTF-8, else the code page; `of_names` when half are.

    The names are no proof: some programs write names in code page 936 and texts in UTF-8. A text whose last character is
    cut off by the end of the field counts as good.
    """
    special = good = 0
    for cells in columns:
        cells = cells[(cells >= 0x80).any(axis=1)]  # noqa: PLW2901 - the plain ones tell nothing
        texts = _decoded(cells, "utf-8")
        is_good = mask(pc.match_substring_regex(texts, r"\p{Han}"))
        is_good &= ~mask(pc.match_substring_regex(texts, rf"(?s){LOST}[^{LOST}\x00 ]"))
        special, good = special + len(cells), good + int(is_good.sum())
    if good * 2 > special:
        return "utf-8"
    code_page = "cp950" if driver in _BIG5 else "gb18030"
    return of_names if good * 2 == special else code_page


def _uncut(name: bytes, encoding: str) -> str:
    """A decoded name without the half character that a cut at ten bytes may leave. Raises UnicodeDecodeError for other damage."""
    try:
        return name.decode(encoding)
    except UnicodeDecodeError as error:
        if len(name) < NAME_BYTES or error.start < NAME_BYTES - 3:
            raise
        return name[: error.start].decode(encoding)


def _text(name: bytes, encoding: str) -> str:
    try:
        return _uncut(name, encoding).strip()
    except UnicodeDecodeError:
        return name.decode(encoding, "replace").strip()


def cut(name: str, encoding: str) -> str:
    """A name as a .dbf table stores it: its first ten bytes, without half a character at the end."""
    return name.encode(encoding, "replace")[:NAME_BYTES].decode(encoding, "ignore")


def _flags(records: Bytes, fields: list[_Field]) -> Bytes | None:
    """The bytes of `_NullFlags` of all records, deleted ones too; None where the table has no flags."""
    bits = [bit for field in fields for bit in (field.length_bit, field.null_bit) if bit is not None]
    column = next((field for field in fields if field.type == _NULL_FLAGS), None)
    if column is None or not bits:
        return None  # there may be texts of varying length, of a program that pads them with blanks
    if max(bits) >= 8 * column.length:
        raise Refused("corrupt", "这个 .dbf 表的表头已损坏，空值标记的长度对不上", advice.EXPORT_AGAIN)
    return records[:, column.offset : column.offset + column.length]


def _is_set(flags: Bytes | None, rows: npt.NDArray[np.int64], bit: int | None) -> Mask:
    if flags is None or bit is None:
        return np.zeros(len(rows), bool)
    return np.asarray(flags[rows, bit // 8] >> (bit % 8) & 1, dtype=bool)


def _cells(records: Bytes, rows: npt.NDArray[np.int64], field: _Field, flags: Bytes | None) -> tuple[Bytes, Mask, Mask]:
    """(bytes of a field's cells, zeros after a text that does not fill its field; which are null; which have an impossible length)."""
    cells = np.ascontiguousarray(records[rows, field.offset : field.offset + field.length])
    is_null = _is_set(flags, rows, field.null_bit)
    is_short = _is_set(flags, rows, field.length_bit) & ~is_null
    lengths = np.where(is_short, cells[:, -1], field.length)
    is_torn = is_short & (lengths >= field.length)
    if is_short.any():
        cells[np.arange(field.length) >= lengths[:, None]] = 0
    return cells, is_null, is_torn


def _holds_something(cells: Bytes) -> Mask:
    """Memo cells with a pointer to another file (four bytes or digits), and binary cells that are not empty."""
    if cells.shape[1] == 4:
        return np.asarray((cells != 0).any(axis=1) & (cells != 0x20).any(axis=1))
    return np.asarray(((cells != 0) & (cells != 0x20) & (cells != 0x30)).any(axis=1))


def _column(
    records: Bytes, kept: npt.NDArray[np.int64], field: _Field, encoding: str, flags: Bytes | None
) -> tuple[Texts, Mask | None]:
    """(texts of one field, which of them are numbers), without the records that are marked as deleted."""
    pieces = []
    for start in range(0, len(kept), _RECORDS_AT_ONCE):
        cells, is_null, is_torn = _cells(records, kept[start : start + _RECORDS_AT_ONCE], field, flags)
        texts = _null_where(_texts_of(cells, field, encoding), pa.array(is_null))
        pieces.append(pc.if_else(pa.array(is_torn), pa.scalar(LOST), texts) if is_torn.any() else texts)
    texts = pa.concat_arrays(pieces) if pieces else pa.array([], pa.string())
    return texts, mask(pc.is_valid(texts)) if field.type in _NUMBERS else None


def _texts_of(cells: Bytes, field: _Field, encoding: str) -> Texts:
    if binary := _BINARY.get((field.type, field.length)):
        return binary(cells)
    texts = _decoded(cells, encoding)
    if field.type in _TEXTS:  # bytes after a zero are remains of other content
        texts = pc.replace_substring_regex(texts, r"(?s) *\x00.*", "")
        texts = _null_where(texts, pc.equal(texts, pa.scalar("")))
    elif field.type == "D":
        texts = pc.replace_substring_regex(texts, r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3")
        texts = _null_where(texts, pc.match_substring_regex(texts, r"^[0\s/.-]*$"))
    elif field.type == "L":
        texts = pc.if_else(pc.match_substring_regex(texts, r"^[TtYy]$"), "TRUE", texts)
        texts = pc.if_else(pc.match_substring_regex(texts, r"^[FfNn]$"), "FALSE", texts)
        texts = _null_where(texts, pc.equal(texts, pa.scalar("?")))
    elif field.type in _NUMBERS:
        texts = pc.utf8_ltrim_whitespace(texts)
    return texts


def _null_where(texts: Texts, found: Texts) -> Texts:
    return pc.if_else(found, pa.scalar(None, pa.string()), texts)


def _decoded(cells: Bytes, encoding: str) -> Texts:
    """Texts of cells of one width, without padding blanks and zeros; bytes that are no character become LOST."""
    separator = next((byte for byte in _SEPARATORS if not (cells == byte).any()), None)
    if separator is None:
        raise Refused("not_text", "文本列里有不是文字的内容", advice.EXPORT_AS_XLSX)
    apart = np.full((cells.shape[0], cells.shape[1] + 1), separator, np.uint8)
    apart[:, :-1] = cells
    written = apart.tobytes()
    if apart.max(initial=0) >= 0x80:
        written = written.decode(encoding, MARK).encode()
    letters = np.frombuffer(written, np.uint8)
    ends = np.flatnonzero(letters == separator)
    offsets = np.concatenate([[0], ends - np.arange(len(ends))]).astype(np.int32)
    texts: Texts = pa.StringArray.from_buffers(
        len(ends), pa.py_buffer(offsets.tobytes()), pa.py_buffer(letters[letters != separator].tobytes())
    )
    if len(texts) != len(cells):
        raise Refused("not_text", "文本列里有不是文字的内容", advice.EXPORT_AS_XLSX)
    texts = pc.replace_substring_regex(texts, r"[\x00 ]+$", "")
    return _null_where(texts, pc.equal(texts, pa.scalar("")))


def _integers(cells: Bytes) -> Texts:
    return pc.cast(pa.array(cells.view("<i4").ravel()), pa.string())


def _currency(cells: Bytes) -> Texts:
    """Amounts, stored as integers in units of 1/10000."""
    whole: Texts = pa.array(cells.view("<i8").ravel()).cast(pa.decimal128(19, 0))
    return pc.cast(pc.multiply(whole, pa.scalar(Decimal("0.0001"))), pa.string())


def _doubles(cells: Bytes) -> Texts:
    return pa.array([repr(value) for value in cells.view("<f8").ravel().tolist()], pa.string())


def _moments(cells: Bytes) -> Texts:
    """Moments stored as Julian day and milliseconds → `2026-10-31`, with the time when it is not midnight."""
    days, milliseconds = cells.view("<i4").reshape(-1, 2).T.astype(np.int64)
    seconds = (days - _UNIX_EPOCH_JULIAN) * 86_400 + (milliseconds + 500) // 1000
    known = (days > 1_721_425) & (days < 5_373_485)  # years 1 … 9999
    moments: Texts = pa.array(np.where(known, seconds, 0)).cast(pa.timestamp("s"))
    texts = pc.strftime(moments, "%Y-%m-%d %H:%M:%S")
    texts = pc.replace_substring_regex(texts, " 00:00:00$", "")
    return _null_where(texts, pa.array(~known))


_BINARY: dict[tuple[str, int], Callable[[Bytes], Texts]] = {
    ("I", 4): _integers, ("Y", 8): _currency, ("B", 8): _doubles, ("T", 8): _moments,
}  # fmt: skip
"""(type, width) of Visual FoxPro's binary fields → their reader."""
