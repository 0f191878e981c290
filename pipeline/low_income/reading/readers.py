"""Reads the bytes of a file of any format → grids. Runs in the sandbox; the entry point outside is `layout.read_file`.

The content decides the format; the name only says whether the file may be a list (`endings`). Calamine reads .xlsx
workbooks and keeps the type of each cell; `biff`, `dbf`, `stored` and `delimited` read the other formats. For a file that
cannot be read, the result is a Refusal that says what to do.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePath
from typing import IO

import numpy as np
import olefile
import pyarrow as pa
import python_calamine

from low_income import advice
from low_income.model import ConfigError, Refusal, why_of_system
from low_income.reading import biff, dbf, endings, preflight, stored
from low_income.reading.cells import column
from low_income.reading.delimited import read_delimited
from low_income.reading.foreign import refuse_foreign
from low_income.reading.grid import Grid, Mask, Refused, Shown, Texts, apart

ROWS_AT_ONCE = 65_536
"""Rows that are turned into columns at a time: as Python objects, a whole large sheet would take too much memory."""
MAX_AREA = 100_000_000
"""The most cells of a sheet, empty ones included: all rows of 95 columns."""

_FORMATS = {".xlsx": "xlsx 工作簿", ".xls": "xls 工作簿", ".dbf": "dbf 表"}
_TEXT = "文本"
_START = 8192
_BLANK = b"\0 \t\r\n\xef\xbb\xbf"
_BINARY = (b"PK\3\4", olefile.MAGIC)
"""First bytes of workbooks."""
_OTHER_WORKBOOKS = frozenset({".xlsm", ".xltx", ".xltm", ".xlam", ".xlt", ".xlsb", ".et", ".ett", ".ods", ".numbers"})
"""Endings of workbooks that a spreadsheet program would not open with another ending."""
_WPS_SUFFIXES = {
    ".et": "WPS 表格（.et）",
    ".ett": "WPS 表格（.ett）",
    ".wps": "WPS 文字（.wps）",
    ".dps": "WPS 演示（.dps）",
}


@dataclass
class Book:
    """All non-empty sheets of a file, in its order, and notices about the file."""

    grids: list[Grid]
    notices: list[str] = field(default_factory=list)
    misnamed: Refusal | None = None
    """The refusal of a file whose name has none of the endings that are read (`endings.READ`): its lists are refused."""


def read(path: Path, file_name: str) -> Book | Refusal:
    """Read a file of any format. `file_name`, the sender's name for it, may show that it is never a list, or misnamed.

    Raises ConfigError when the file cannot be opened, which is not the sender's fault.
    """
    try:
        return _read(path, file_name)
    except Refused as refused:
        return refused.refusal


def _read(path: Path, file_name: str) -> Book:
    suffix, start = endings.ending(file_name), _start(path)
    if start.startswith(stored.MAGIC):
        return Book([stored.read_stored(path)])  # a database table has no file name to judge
    if sort := endings.never_a_list(PurePath(file_name).name):
        what, to_do = endings.WORDS[sort]
        raise Refused("never_a_list", f"从文件名看，这是{apart(what)}，不能当名单读", to_do)
    if not start:
        raise Refused("empty", "文件是空的", advice.CHECK_CONTENT)
    source, start = _without_blanks(path, start)
    size = path.stat().st_size if isinstance(source, Path) else source.getbuffer().nbytes
    if start.startswith(b"PK"):
        book = _workbook(preflight.inspect_package(source))
        expected = {".xlsx"}
    elif start.startswith(olefile.MAGIC):
        book = Book(biff.read_biff(_inspect_ole(source, suffix)))
        expected = {".xls"}
    elif biff.looks_like(start):
        book = Book(biff.read_biff(path.read_bytes()))
        expected = {".xls"}
    elif dbf.looks_like(start, size):
        grid, notices = dbf.read_dbf(source)
        book = Book([grid], notices)
        expected = {".dbf"}
    else:
        refuse_foreign(start, suffix, path.read_bytes)
        grid, notices = read_delimited(path.read_bytes())
        book = Book([grid], notices)
        expected = {".csv", ".txt"}
    if blanks := path.stat().st_size - size:
        book.notices.insert(0, f"文件开头有{blanks}个多余的空白字节（多半是网页导出程序写进去的），已略去后读取")
    if suffix not in expected:
        what = _FORMATS[next(iter(expected))] if len(expected) == 1 else _TEXT
        if suffix in endings.READ:
            book.notices.insert(0, f"文件名后缀是“{suffix}”，内容是{what}，已按内容读取")
        else:
            right = next(iter(expected)) if len(expected) == 1 else ".txt"
            book.misnamed = _misnamed(suffix, what, right)
    return book


def _start(path: Path) -> bytes:
    """The first bytes of a file. When more than a block of blank bytes comes first, from shortly before the content on.

    Empty when the file has only blank bytes.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(_START)
            while start and not start.strip(_BLANK):
                start = stream.read(_START)
                start += stream.read(_START) if start.strip(_BLANK) else b""
    except OSError as error:
        raise ConfigError(f"收到的文件打不开：{why_of_system(error)}") from error
    return start


def _without_blanks(path: Path, start: bytes) -> tuple[Path | io.BytesIO, bytes]:
    """(the file, its first bytes), for a workbook or table without the blank bytes that a web server wrote before it.

    Any other file is given as it is.
    """
    bare = start.lstrip(_BLANK)
    if len(bare) == len(start) or not (bare.startswith(_BINARY) or dbf.looks_like(bare, path.stat().st_size)):
        return path, start
    whole = path.read_bytes().lstrip(_BLANK)
    return io.BytesIO(whole), whole[:_START]


def open_content(path: Path) -> IO[bytes]:
    """Open a received file at the beginning of its content: see `_without_blanks`."""
    source, _ = _without_blanks(path, _start(path))
    return source if isinstance(source, io.BytesIO) else source.open("rb")


def _misnamed(suffix: str, what: str, right: str) -> Refusal:
    """The refusal of a wrong ending; `what`: what the content is, `right`: the right ending for it."""
    said = f"文件名以“{suffix}”结尾" if suffix else "文件名没有后缀"
    reason = f"{said}，只收以 {'、'.join(endings.READ)} 结尾的；看内容是{apart(what)}"
    is_workbook = suffix in _OTHER_WORKBOOKS and what != _TEXT
    return Refusal("wrong_ending", reason, advice.SAVE_AS_XLSX if is_workbook else advice.add_ending(right))


def _inspect_ole(source: Path | io.BytesIO, suffix: str) -> bytes:
    """The workbook stream of a compound file. Raises Refused when it is not a plain .xls."""
    if suffix in _WPS_SUFFIXES:
        raise Refused("wps", f"这是 {_WPS_SUFFIXES[suffix]}文件，不能直接接收", advice.SAVE_AS_XLSX)
    try:
        with olefile.OleFileIO(str(source) if isinstance(source, Path) else source) as ole:
            streams = {stream[0].casefold() for stream in ole.listdir(streams=True, storages=True) if stream}
            records = next((ole.openstream(name).read() for name in ("Workbook", "Book") if ole.exists(name)), b"")
    except (
        OSError,
        ValueError,
        IndexError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:  # errors of the library on a damaged directory
        raise Refused("corrupt", "文件已损坏或没有传完，打不开", advice.SEND_AGAIN) from error
    if "encryptedpackage" in streams or "encryptioninfo" in streams:
        raise Refused("password", "文件设了打开密码，无法读取", advice.UNLOCK)
    if "worddocument" in streams:
        raise Refused("not_a_table", "这是 Word 或 WPS 文字文档，不是表格", advice.FROM_DOCUMENT)
    if not streams & {"workbook", "book"}:
        raise Refused("not_a_table", "这不是 Excel 工作簿", advice.SAVE_AS_XLSX)
    if "_vba_project_cur" in streams:
        raise Refused("macro", "工作簿里带有宏，为安全起见不接收", advice.SAVE_WITHOUT_MACROS)
    return records


# Workbooks -------------------------------------------------------------------------------------------------------


def _workbook(package: preflight.Package) -> Book:
    try:
        with python_calamine.load_workbook(_by_content(package.source)) as workbook:
            sheets = [
                sheet for sheet in workbook.sheets_metadata if sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
            ]
            if not sheets:
                raise Refused("no_sheets", "工作簿里没有工作表", advice.CHECK_CONTENT)
            grids = []
            for sheet in sheets:
                grid = _grid(workbook.get_sheet_by_name(sheet.name))
                if grid.height:
                    grid.date1904 = package.date1904
                    grid.shown = _shown(sheet.visible)
                    if facts := package.sheets.get(sheet.name):
                        grid.hidden_rows = preflight.hidden_rows(facts)
                        grid.problems = preflight.problem_cells(package.source, facts)
                    grids.append(grid)
    except python_calamine.PasswordError as error:
        raise Refused("password", "文件设了打开密码，无法读取", advice.UNLOCK) from error
    except python_calamine.CalamineError as error:
        raise Refused("corrupt", "工作簿的内部结构已损坏，读不出来", advice.SAVE_AS_XLSX) from error
    if not grids:
        raise Refused("empty", "工作簿里没有任何内容", advice.CHECK_CONTENT)
    return Book(grids, package.notices)


def _by_content(source: Path | io.BytesIO) -> Path | io.BytesIO:
    """The source without a misleading name: calamine trusts a path's ending, and senders name an .xlsx workbook `名单.xls`."""
    if isinstance(source, Path) and source.suffix.casefold() not in ("", ".xlsx"):
        return io.BytesIO(source.read_bytes())
    return source


def _shown(visible: python_calamine.SheetVisibleEnum) -> Shown:
    if visible == python_calamine.SheetVisibleEnum.Visible:
        return "visible"
    return "very_hidden" if visible == python_calamine.SheetVisibleEnum.VeryHidden else "hidden"


def _grid(sheet: python_calamine.CalamineSheet) -> Grid:
    """A sheet as columns, from cell A1; calamine may begin at the first used row and column."""
    if sheet.start is None or sheet.end is None:
        return Grid(sheet.name, [], np.zeros(0, np.int64))
    height, width, left = sheet.end[0] + 1, sheet.end[1] + 1, sheet.start[1]
    if height > preflight.MAX_ROWS or width > preflight.MAX_COLUMNS:
        raise preflight.bad_reference()
    if height * width > MAX_AREA:
        raise preflight.far_cells(height, width)
    pieces: list[list[Texts]] = [[] for _ in range(width - left)]
    masks: list[list[Mask | None]] = [[] for _ in range(width - left)]
    sizes = []
    rows = sheet.iter_rows()
    while block := list(islice(rows, ROWS_AT_ONCE)):
        sizes.append(len(block))
        for number, cells in enumerate(zip(*block, strict=True)):
            text, numeric = column(cells)
            pieces[number].append(text)
            masks[number].append(numeric)
    above = height - sum(sizes)  # 0 now: this calamine gives blank rows above, but no blank columns to the left
    empty = [pa.nulls(above, pa.string())] if above else []
    columns = [pa.nulls(height, pa.string()) for _ in range(left)]
    columns += [pa.concat_arrays([*empty, *parts]) for parts in pieces]
    numeric_columns = {}
    for number, parts in enumerate(masks):
        if any(part is not None for part in parts):
            filled = [np.zeros(size, bool) if part is None else part for part, size in zip(parts, sizes, strict=True)]
            numeric_columns[left + number] = np.concatenate([np.zeros(above, bool), *filled])
    merges = [(first[0], first[1], last[0], last[1]) for first, last in sheet.merged_cell_ranges or []]
    return Grid(sheet.name, columns, np.arange(1, height + 1), numeric_columns, sorted(merges))
