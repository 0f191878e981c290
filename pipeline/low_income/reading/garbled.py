"""Finds garbled names: their bytes were read in a wrong encoding before they came to us (寮犱笁 for 张三, ÕÅÈý, ????, 锟斤拷).

If a garbled name were accepted, every such person would have a name conflict. The test reads the name back: it is encoded
again in the wrong encoding, and the bytes are good Chinese in another one. One search by Arrow finds the few candidates;
only these are tested one by one.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from low_income.folding import INVISIBLE, visible
from low_income.reading.encodings import common_share
from low_income.reading.grid import Mask, Texts, mask

_UTF_8_IN_GBK = "".join(
    bytes((lead, next_)).decode("gb18030", "ignore") for lead in range(0xE3, 0xEA) for next_ in range(0x81, 0xC0)
)
"""Possible first characters when Chinese in UTF-8 was read as GBK."""
_OF_ONE_BYTE = ("cp1252", "cp437", "cp850")
"""Encodings, one byte per character, that Western programs use for unknown text."""
_REPLACED = frozenset("\ufffd\x1a\xbf\u2426")
"""Marks of programs for a lost character, which people do not write: U+FFFD, SUB, ¿ (Oracle), ␦. People may write `?`."""
_LOST = r"[?？\x{fffd}锟斤拷]"
_SUSPECT = (
    rf"^[{INVISIBLE}]*(?:[{_UTF_8_IN_GBK}]|{_LOST}(?:{_LOST}|[{INVISIBLE}·])+$)"
    r"|[\x{fffd}\x{1a}\x{bf}\x{2426}]|[\x{80}-\x{b6}\x{b8}-\x{ff}\x{192}\x{2500}-\x{25a0}]"
)
"""Pattern that matches every garbled name, and a few good ones."""
MOST_GARBLED = 0.2
LEAST_GARBLED = 3
"""The whole column was read in the wrong encoding when its share of garbled names is above, and their number at least, this."""


def garbled(names: Texts) -> Mask:
    """True for each name that is certainly garbled; False for blanks, and where `?` replaces only some characters."""
    suspects = mask(pc.match_substring_regex(names, _SUSPECT))
    if not suspects.any():
        return suspects
    texts = names.filter(pa.array(suspects)).unique().to_pylist()
    return mask(pc.is_in(names, pa.array([text for text in texts if is_garbled(text)], pa.string())))


def is_garbled(text: str) -> bool:
    """Whether a character was lost, nothing readable is left, or the bytes are better Chinese in another encoding."""
    if not _REPLACED.isdisjoint(text):
        return True
    seen = visible(text)
    left = [char for char in seen if char not in "?？\ufffd锟斤拷·"]
    if len(seen) > 1 and len(left) * 2 <= len(seen) and not any(map(_is_han, left)):
        return True
    return _from_gbk(seen.rstrip("?？\ufffd")) or any(_from_one_byte(text.strip(" "), name) for name in _OF_ONE_BYTE)


def _from_gbk(text: str) -> bool:
    """Whether it is UTF-8 read as GBK. Part of the last character may be lost, and characters that U+FFFD replaces."""
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
    """Whether it is GBK or UTF-8 read one byte at a time. Not a Western name, which has mostly ASCII letters."""
    if len(text) < 2 or sum(map(str.isascii, text)) * 2 > len(text):
        return False
    try:
        # Programs keep a byte that the code page does not define, or lose it.
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
