"""Decodes the bytes of a text file to UTF-8. The encoding is found for the whole file; lines that differ are read one by one.

Bytes that no encoding explains become LOST, so that the damaged cell is known and nothing is guessed. No decoder here
reads a line end, a comma, a tab, a semicolon or a quote as the second half of a character.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field

import numpy as np
import pyarrow.compute as pc

from low_income import advice
from low_income.reading.grid import Grid, Refused, mask

LOST = "\ufdd0"
"""Replaces bytes that could not be read: a code point that no text contains."""
MARK = "monitor-lost"
"""Value of a decoder's `errors` argument that puts LOST in place of such bytes."""
UTF_8, GB18030, UTF_16 = "UTF-8", "GB18030", "UTF-16"

_SAMPLED = 4096
"""Number of lines by which the encoding of a file is found."""
_MOSTLY = 0.6
"""Least share of a line's high bytes in whole UTF-8 characters: nearly all in UTF-8, even when damaged; few in GBK."""
_MOST_LOST = 0.2
"""Share of lost characters above which the encoding must be an unknown one."""
_HAN_IN_UTF_8 = re.compile(rb"[\xe3-\xe9\xef][\x80-\xbf]{2}")
_HIGH = re.compile(rb"[\x80-\xff]")
_OTHERS = {
    "Big5（繁体中文）": ("cp950", [(0xA4, 0xC6)]), "Shift-JIS（日文）": ("cp932", [(0x82, 0x83), (0x88, 0x97)]),
}  # fmt: skip
"""Encodings that are recognised but not read: name → (codec, ranges of the first byte of the most common characters)."""
_MOSTLY_COMMON, _RARELY_COMMON = 0.9, 0.6
"""Least share of common characters when the encoding is right, and the most when it is wrong."""
_LEAST_TOLD = 8
"""Fewest characters outside ASCII by which an encoding can be found."""
_SHIFTED = re.compile("[\u0900\u0a00\u0d00]")
"""A tab or line end in UTF-16 text that is read shifted by one byte."""
_TOLD_BY = 65_536
"""Number of bytes or characters by which an encoding that is not read is recognised."""
_WIDE_HEADS = (512, 8192)
"""Numbers of first bytes by which UTF-16 without a BOM is recognised: few, because later bytes may be shifted."""


@dataclass
class Decoded:
    """A text file in UTF-8."""

    body: bytes
    encoding: str
    """Its name in messages."""
    others: dict[str, list[int]] = field(default_factory=dict)
    """Other encoding → lines (from 1) that were decoded with it."""
    has_lost: bool = False
    """True when the body contains LOST."""


def decode(data: bytes) -> Decoded:
    """Decode a text file; half a character at its end becomes LOST. Raises Refused: unknown encoding, or UTF-16 with shifted bytes."""
    if width := wide(data):
        return _decode_wide(data, width)
    data = data.removeprefix(codecs.BOM_UTF8).rstrip(b"\x1a\0")
    try:
        data.decode("utf-8")
        return Decoded(data, UTF_8)
    except UnicodeDecodeError:
        is_utf_8, is_mixed = _sample(data)
    text = data.decode("utf-8" if is_utf_8 else "gb18030", MARK)
    found = Decoded(b"", UTF_8 if is_utf_8 else GB18030)
    if LOST in text or is_mixed:
        text = _line_by_line(data, text, found)
    if not is_utf_8:
        _refuse_if_other(data, text)
    if LOST in text:
        found.has_lost = True
        _refuse_if_lost(text)
    found.body = text.encode()
    return found


def wide(data: bytes) -> str | None:
    """The codec of UTF-16 text, with or without a BOM; None for any other encoding. Raises Refused for UTF-32."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise Refused("encoding", "文件是 UTF-32 编码，不能直接接收", advice.IMPORT_TEXT)
    if data.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le"
    if data.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be"
    for size in _WIDE_HEADS:
        head = data[: min(size, len(data) & ~1)]
        even, odd = head[0::2].count(0), head[1::2].count(0)
        # Digits and delimiters have a zero byte on one side; 一 (U+4E00) has it on the other.
        if head and max(even, odd) * 20 >= len(head) and max(even, odd) >= 4 * min(even, odd):
            codec = "utf-16-le" if odd > even else "utf-16-be"
            text = head.decode(codec, "replace")
            if "\0" not in text and re.search("[\r\n\t,;|<]", text):
                return codec
    return None


def common_share(text: str) -> float:
    """Share of the Chinese and private-use characters of a text that are among the 3755 commonest (GB 2312, level 1)."""
    han = sum("\u3400" <= char <= "\u9fff" or "\ue000" <= char <= "\uf8ff" for char in text)
    common: list[bytes] = re.findall(rb"[\xa1-\xfe]{2}", text.encode("gb2312", "ignore"))
    return sum(0xB0 <= pair[0] <= 0xD7 for pair in common) / max(han, 1)


def _refuse_if_other(data: bytes, text: str) -> None:
    """Raises Refused when the text is rare Chinese in GB18030, but common Chinese or Japanese in an encoding that is not read.

    Big5 is not read because the second byte of a character may be `|` or a backslash, and its characters differ from our headers.
    """
    if common_share(text[:_TOLD_BY]) >= _RARELY_COMMON:
        return
    for name, (codec, common) in _OTHERS.items():
        coded = [char.encode(codec, "ignore") for char in data[:_TOLD_BY].decode(codec, "ignore")]
        special = [char for char in coded if char >= b"\x80"]
        told = sum(len(char) == 2 and any(first <= char[0] <= last for first, last in common) for char in special)
        if len(special) >= _LEAST_TOLD and told >= _MOSTLY_COMMON * len(special):
            line = next(at for at, each in enumerate(data.split(b"\n"), 1) if not each.isascii())
            raise Refused(
                "encoding",
                f"文件多半是 {name}编码，不是能读的 UTF-8 或 GB18030（GBK）：第{line}行起认不出文字",
                advice.IMPORT_TEXT,
            )


def mark_lost(grid: Grid, encoding: str) -> list[str]:
    """Note the cells that contain LOST and show it as `\ufffd`; returns the notices about them."""
    rows = np.zeros(grid.height, bool)
    for at, column in enumerate(grid.columns):
        lost = mask(pc.match_substring(column, LOST))
        if lost.any():
            rows |= lost
            grid.problems += [(int(row), at, "unreadable_bytes") for row in np.flatnonzero(lost)]
            grid.columns[at] = pc.replace_substring(column, LOST, "\ufffd")
    grid.problems.sort()
    if not rows.any():
        return []
    lines = name_lines([int(number) for number in grid.row_numbers[rows]])
    return [f"文件按 {encoding} 编码读取，{lines}里有读不出来的字节（多半是被截掉了半个汉字），以“\ufffd”代替"]


def name_lines(numbers: list[int]) -> str:
    """`第3、7行`: the first five line numbers, and the count when there are more."""
    return "第" + "、".join(map(str, numbers[:5])) + ("行" if len(numbers) <= 5 else f"等{len(numbers)}行")


def _decode_wide(data: bytes, codec: str) -> Decoded:
    data = data[2:] if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else data
    is_torn = len(data) % 2 and data[-1:] not in (b"\n", b"\r", b"\0", b"\x1a")
    text = data[: len(data) & ~1].decode(codec, MARK).rstrip("\x1a\0") + LOST * is_torn
    if shift := _SHIFTED.search(text):
        line = text.count("\n", 0, shift.start()) + 1
        raise Refused(
            "encoding", f"文件是 UTF-16 编码，第{line}行里少了或多了一个字节，从那里起文字全部错位", advice.IMPORT_TEXT
        )
    if LOST in text:
        _refuse_if_lost(text)
    return Decoded(text.encode(), UTF_16, has_lost=LOST in text)


def _mark_lost(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    # Windows writes the euro as 0x80 in code page 936; GB 18030 has nothing there.
    if error.encoding.startswith("gb") and error.object[error.start] == 0x80:
        return "€", error.start + 1
    return LOST, error.end


codecs.register_error(MARK, _mark_lost)


def _sample(data: bytes) -> tuple[bool, bool]:
    """(are most lines UTF-8, do some lines differ), by sample lines from the whole file."""
    if len(data) < 1 << 20:
        lines = data.split(b"\n")
        lines = lines[:: max(len(lines) // _SAMPLED, 1)]
    else:
        starts = [data.find(b"\n", at) + 1 for at in range(0, len(data), len(data) // _SAMPLED)]
        lines = [data[:4096].split(b"\n")[0], *(data[at : at + 4096].split(b"\n")[0] for at in starts)]
    said = [_is_utf_8(line) for line in lines if not line.isascii()]
    return sum(said) * 2 >= len(said), 0 < sum(said) < len(said)


def _is_utf_8(line: bytes) -> bool:
    high = len(_HIGH.findall(line))
    return len(_HAN_IN_UTF_8.findall(line)) * 3 >= high * _MOSTLY


def _line_by_line(data: bytes, text: str, found: Decoded) -> str:
    """The text, in which each line in the other encoding is decoded with that one. Line ends are the same in both encodings."""
    raw, lines = data.split(b"\n"), text.split("\n")
    is_utf_8 = found.encoding == UTF_8
    other, codec = (GB18030, "gb18030") if is_utf_8 else (UTF_8, "utf-8")
    for at, line in enumerate(raw):
        if LOST not in lines[at] if is_utf_8 else not _HAN_IN_UTF_8.search(line):
            continue
        if _is_utf_8(line) == is_utf_8:
            continue
        read = line.decode(codec, MARK)
        if read.count(LOST) < lines[at].count(LOST) or (
            LOST not in read and common_share(read) > common_share(lines[at])
        ):
            lines[at] = read
            found.others.setdefault(other, []).append(at + 1)
    return "\n".join(lines)


def _refuse_if_lost(text: str) -> None:
    """Raises Refused when so many characters are lost that the encoding must be another one."""
    if text.count(LOST) == 1 and text.endswith(LOST):
        return  # where the file was cut
    # The share among characters outside ASCII; bytes that are lost one by one count as one each.
    if text.count(LOST) > _MOST_LOST * (len(text) - len(text.encode("ascii", "ignore"))):
        line = text.count("\n", 0, text.index(LOST)) + 1
        raise Refused(
            "encoding", f"文字编码认不出来：第{line}行起既不是 UTF-8 也不是 GB18030（GBK）", advice.IMPORT_TEXT
        )
