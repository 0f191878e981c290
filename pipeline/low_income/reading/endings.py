"""Judges files by their names, before they are opened: which names a list may have, and which are never a list.

A broken upload, a backup, an index beside a .dbf table or a lock file contains half a list, an old list, or none. If it
were read, everybody who is not in it would seem to be gone. Such files are named to the data officer and not moved.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from low_income import advice
from low_income.folding import plain_blanks

READ = (".xlsx", ".xls", ".csv", ".txt", ".dbf")
"""Endings of files that are read as lists. Any other file in the inbox is refused with a reason."""
DONE = ".done"
"""`<name>.done` beside a file means that the file is complete and can be taken at once."""

Sort = Literal["unfinished", "backup", "beside_table", "companion", "by_programs"]
"""Why a file is never a list: half a file; an old or spare copy; a part of a .dbf table; a part of another file; a
program's own file."""

WORDS: dict[Sort, tuple[str, str]] = {
    "unfinished": ("上传或下载中断留下的半份文件", advice.SEND_WHOLE),
    "backup": ("备份文件", advice.GIVE_NAME_OF_LIST),
    "beside_table": (".dbf 表的伴随文件（备注、索引、编码等），表里的行不在这个文件里", advice.SEND_TABLE_ITSELF),
    "companion": ("别的文件的伴随文件（校验值、锁等）", advice.NEED_NOT_ACT),
    "by_programs": ("电脑程序自己留下的文件，或名字以点开头的", advice.USE_PLAIN_NAME),
}
"""Sort → (what such a file is, what to do about it)."""

_UNFINISHED = re.compile(
    r"(?:\.baiduyun\.p)?\.(?:filepart|part\d*|partial|\w*download|(?:down|up)loading|upload|incomplete|unfinished|tmp|temp|aria2|xltd|td"
    r"|!\w+|[bj]c!)(?:\.cfg)?$"
)
"""WinSCP, Firefox, Edge, Chromium, Safari, Opera, 百度网盘, 迅雷, aria2, BitTorrent clients, FlashGet, rclone, ownCloud."""
_SPARE = r"~$|\.(?:bak\d*|backup|bkp|old|orig|save|wbk|xlk|asd|sw[nop])$"
_BACKUP = re.compile(rf"{_SPARE}|^#.*#$")
_BESIDE_TABLE = re.compile(r"\.(?:cdx|cpg|fpt|dbt|smt|mdx|idx|ntx|nsx|ndx|tbk|dbc|dct|dcx|adi|adm|_x)$")
"""Indexes, memos and code pages of .dbf tables (dBase, FoxPro, Clipper, ADS), and files of FoxPro databases."""
_COMPANION = re.compile(r"\.(?:md5|sha1|sha256|sm3|lck|lock|ldb|laccdb|identifier)$|^schema\.ini$")
"""Checksums; locks; `名单.xlsx:Zone.Identifier`, which Windows writes beside a download."""
_BY_PROGRAMS = re.compile(
    r"^(?:\.|~\$|~lock\.)|^(?:thumbs\.db|ehthumbs\.db|desktop\.ini|icon|autorun\.inf|__macosx|\$recycle\.bin|#recycle|@eadir"
    r"|lost\+found|system volume information)(?::|$)"
)
"""Lock files, thumbnails, recycle bins; names that begin with a dot, which file managers hide."""
_ADDED = re.compile(rf"{_UNFINISHED.pattern}|{_SPARE}|^\.?~lock\.|^(?:\._|\.?~\$?|\.)|^#|#$|{re.escape(DONE)}$")
"""What programs add to a file's name for their temporary and spare files."""


def ending(name: str) -> str:
    """The last ending of a name with its dot, lower case and half-width: `.xlsx`; '' for none."""
    stem, dot, last = _folded(name).rpartition(".")
    return f".{last}" if dot and stem else ""


def as_xlsx(name: str) -> str:
    """The name of a list that is saved as .xlsx: only its ending changes. A number after a dot is not an ending."""
    stem, dot, last = name.rpartition(".")
    is_ending = dot and stem and last.isascii() and last.isalpha()
    return f"{stem if is_ending else name}.xlsx"


def bare(name: str) -> str:
    """The name of the list to which a leftover file belongs: `名单.csv.filepart` and `~$名单.csv` give `名单.csv`.

    The folder before the name stays. The result is lower case and half-width. A name of no list gives what is left of it.
    """
    folder, slash, left = _folded(name).rpartition("/")
    before = ""
    while left != before and (never_a_list(left) or left.endswith(DONE)):
        before, left = left, _ADDED.sub("", left)
    return f"{folder}{slash}{left}"


def never_a_list(name: str) -> Sort | None:
    """Why a file or folder with this name is never a list, whatever it contains; None for one that is to be read or refused."""
    folded = _folded(name)
    if _BY_PROGRAMS.search(folded):
        return "by_programs"
    if _UNFINISHED.search(folded):
        return "unfinished"
    if _BACKUP.search(folded):
        return "backup"
    if _BESIDE_TABLE.search(folded):
        return "beside_table"
    return "companion" if _COMPANION.search(folded) else None


def _folded(name: str) -> str:
    """The name half-width, lower case, without shapeless characters, with single blanks and none at the ends."""
    return plain_blanks(unicodedata.normalize("NFKC", name)).casefold()
