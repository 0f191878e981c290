"""Names whose bytes were read in another encoding before they came to us: 寮犱笁 for 张三, ÕÅÈý, ????, 锟斤拷.

A garbled name is nobody's name: believed, it would make a conflict of every person. Told by reading it back: its bytes, in
the encoding that they were taken for, are good Chinese in another. One search by Arrow finds the few that may be; only those
are looked at singly.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.folding import INVISIBLE, visible
from pipeline.reading.encodings import common_share
from pipeline.reading.grid import Mask, Texts, mask

_UTF_8_IN_GBK = "".join(
    bytes((lead, next_)).decode("gb18030", "ignore") for lead in range(0xE3, 0xEA) for next_ in range(0x81, 0xC0)
)
"""First characters of Chinese in UTF-8 that was read as GBK."""
_OF_ONE_BYTE = ("cp1252", "cp437", "cp850")
"""Encodings in which Western programs read what they do not know, one byte a character."""
_REPLACED = frozenset("\ufffd\x1a\xbf\u2426")
"""What programs put for a character that they lost, and nobody writes: U+FFFD, SUB, ¿ (Oracle), ␦. A `?` may be somebody's doubt."""
_LOST = r"[?？\x{fffd}锟斤拷]"
_SUSPECT = (
    rf"^[{INVISIBLE}]*(?:[{_UTF_8_IN_GBK}]|{_LOST}(?:{_LOST}|[{INVISIBLE}·])+$)"
    r"|[\x{fffd}\x{1a}\x{bf}\x{2426}]|[\x{80}-\x{b6}\x{b8}-\x{ff}\x{192}\x{2500}-\x{25a0}]"
)
"""What every garbled name has in it; and a few names that are good."""
MOST_GARBLED = 0.2
LEAST_GARBLED = 3
"""Share of names above which, and number from which, the column as a whole was read in the wrong encoding."""


def garbled(names: Texts) -> Mask:
    """True for each name that is garbled beyond doubt; False for blanks, and where a `?` stands for some characters."""
    suspects = mask(pc.match_substring_regex(names, _SUSPECT))
    if not suspects.any():
        return suspects
    texts = names.filter(pa.array(suspects)).unique().to_pylist()
    return mask(pc.is_in(names, pa.array([text for text in texts if is_garbled(text)], pa.string())))


def is_garbled(text: str) -> bool:
    """A text is garbled when something of it was lost, nothing is left, or its bytes are better Chinese in their own encoding."""
    if not _REPLACED.isdisjoint(text):
        return True
    seen = visible(text)
    left = [char for char in seen if char not in "?？\ufffd锟斤拷·"]
    if len(seen) > 1 and len(left) * 2 <= len(seen) and not any(map(_is_han, left)):
        return True
    return _from_gbk(seen.rstrip("?？\ufffd")) or any(_from_one_byte(text.strip(" "), name) for name in _OF_ONE_BYTE)


def _from_gbk(text: str) -> bool:
    """UTF-8 read as GBK. At the end a part of its last character may be lost, in the middle what U+FFFD stands for."""
    raw = b"".join({"€": b"\x80", "\ufffd": b"\xff", "?": b"\xff"}.get(char) or char.encode("gb18030") for char in text)
    has_lost = b"\xff" in raw
    for lost in range(3):
        try:
            read = raw[: len(raw) - lost].decode("utf-8", "ignore" if has_lost else "strict")
        except UnicodeDecodeError:
            continue
        return _is_chinese(read) and len(read.encode()) * 2 >= len(raw) and common_share(read) > common_share(text)
    return False


def _from_one_byte(text: str, encoding: str) -> bool:
    """GBK or UTF-8 read one byte at a time. Western names have more plain letters than others."""
    if len(text) < 2 or sum(map(str.isascii, text)) * 2 > len(text):
        return False
    try:
        # What the code page leaves free is passed on as it is, or lost.
        raw = b"".join(
            b"\xff" if char == "\ufffd" else char.encode("latin-1" if "\x80" <= char <= "\x9f" else encoding)
            for char in text
        )
    except UnicodeEncodeError:
        return False
    read = [raw.decode(real, "ignore") for real in ("utf-8", "gb18030")]
    sizes = [len(text.encode(real)) for text, real in zip(read, ("utf-8", "gb18030"), strict=True)]
    return any(_is_chinese(text) and size * 2 >= len(raw) for text, size in zip(read, sizes, strict=True))


def _is_chinese(text: str) -> bool:
    return any(map(_is_han, text)) and all(_is_han(char) or char in "·•()()" or not visible(char) for char in text)


def _is_han(char: str) -> bool:
    return "\u4e00" <= char <= "\u9fff"
