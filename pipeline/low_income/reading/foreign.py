"""Refuses files that are not tables, with advice on what to do. They are recognised by their first bytes, not by their name."""

from __future__ import annotations

import re
from collections.abc import Callable

from low_income import advice
from low_income.folding import visible
from low_income.reading.encodings import wide
from low_income.reading.grid import Refused, apart

_SIGNATURES = [
    (b"%PDF", "PDF 文件"), (b"\x89PNG", "图片"), (b"\xff\xd8\xff", "图片"), (b"GIF8", "图片"), (b"BM", "图片"),
    (b"II*\0", "图片"), (b"MM\0*", "图片"), (b"RIFF", "图片"), (b"Rar!", "压缩包"), (b"7z\xbc\xaf", "压缩包"),
    (b"\x1f\x8b", "压缩包"), (b"{\\rtf", "RTF 文档"),
]  # fmt: skip
_EXCHANGE = [
    (r"ID;P[^\r\n]*\r?\n[A-Z];", "SYLK 格式（.slk）的表"), (r"TABLE\r?\n0,1\r?\n", "DIF 格式的表"),
    (r'(?:\{|\[\s*\{)\s*"', "JSON 数据"),
]  # fmt: skip
"""Beginnings of exchange formats, in which a row is not a line."""
_BINARY = bytes({*range(9), *range(14, 26), 27, 28, 29, 30, 31})
_HIVE = b"\1"
_MOST_BINARY = 0.01
"""Share of control characters above which a file is not text; one stray byte in a list is allowed."""
_TAG = re.compile(r"<(?:!--|!doctype|!\[|\?|/?[a-z][a-z0-9:_-]*(?:\s|/?>|$))", re.IGNORECASE)
_TABLE_INSIDE = re.compile(r"<table\b[^<>]*>.*?<(?:tr|td|th|thead|tbody)\b", re.IGNORECASE | re.DOTALL)
_WEB_ARCHIVE = re.compile(r"^(?:mime-version:|content-type:\s*(?:multipart|text/html))", re.IGNORECASE | re.MULTILINE)
_WEB_WORDS = re.compile(r"<(?:!doctype\s+)?html\b|<(?:table|body|div)\b", re.IGNORECASE)
_SPREADSHEET_XML = re.compile(r"excel\.sheet|urn:schemas-microsoft-com:office:spreadsheet", re.IGNORECASE)
_LONG_NUMBER = re.compile(rb"""["']Number["'][^<>]*>\s*[\d.]{16,}""")
"""In an XML spreadsheet: a number cell with so many digits that a spreadsheet program keeps only 15 of them."""


def refuse_foreign(start: bytes, suffix: str, read_all: Callable[[], bytes]) -> None:
    """Raises Refused when a file that begins with `start` is no text file with a row in each line.

    `suffix` is used only in the reason. `read_all` gives the whole file; it is called only where the advice depends on it.
    """
    for signature, what in _SIGNATURES:
        # A header may begin with these letters too.
        if start.startswith(signature) and not (signature in (b"BM", b"RIFF") and start[:64].isascii()):
            fix = advice.UNPACK if what == "压缩包" else advice.FROM_DOCUMENT
            raise Refused("not_a_table", f"这是{apart(what)}，不是表格", fix)
    width = wide(start)
    if not width:
        _refuse_binary(start, suffix)
    head = start[: len(start) & ~1].decode(width, "replace") if width else start.decode("utf-8", "replace")
    _refuse_markup(head, read_all)
    for pattern, what in _EXCHANGE:
        if re.match(pattern, head):
            raise Refused("not_a_table", f"这是{apart(what)}，不能直接接收", advice.EXPORT_AS_XLSX)


def _refuse_binary(start: bytes, suffix: str) -> None:
    if _is_text(start):
        return
    if suffix == ".dbf":
        raise Refused("corrupt", "这个 .dbf 表已损坏或没有传完，表头读不出来", advice.EXPORT_AGAIN)
    if _is_text(start.replace(_HIVE, b"")):
        what = "看不见的控制字符（Hive 默认的 ^A）"
        raise Refused("separator", f"文件的列与列之间用的是{what}，分不出列", advice.EXPORT_WITH_COMMAS)
    raise Refused("not_a_table", "文件内容不是表格，也不是文本", advice.EXPORT_AS_XLSX)


def _is_text(start: bytes) -> bool:
    return len(start) - len(start.translate(None, _BINARY)) <= _MOST_BINARY * len(start)


def _refuse_markup(head: str, read_all: Callable[[], bytes]) -> None:
    begins = next((at for at, char in enumerate(head) if visible(char)), 0)
    if _WEB_ARCHIVE.search(head[begins : begins + 2000]):
        raise Refused("web_page", "这是网页存档（.mht），只是改了后缀，不是真正的表格", advice.FROM_WEB_PAGE)
    is_markup = _TAG.match(head, begins) is not None
    if is_markup and _SPREADSHEET_XML.search(head):
        reason = "这是 Excel 2003 的 XML 表格（XML Spreadsheet 2003），不能直接接收"
        if _LONG_NUMBER.search(read_all().replace(b"\0", b"")):
            reason += "；里面的号码存成了数字，打开后末尾几位会变成 000"
            raise Refused("xml_workbook", reason, advice.EXPORT_AS_XLSX)
        raise Refused("xml_workbook", reason, advice.SAVE_AS_XLSX)
    if is_markup and head.startswith("<?", begins) and not _WEB_WORDS.search(head):
        raise Refused("web_page", "这是 XML 数据，不是表格", advice.EXPORT_AS_XLSX)
    if is_markup or _TABLE_INSIDE.search(head):
        raise Refused("web_page", "这是网页，只是改了后缀，不是真正的表格", advice.FROM_WEB_PAGE)
