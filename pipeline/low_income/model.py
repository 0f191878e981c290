"""The data types that all packages share, and the tree of errors. Imports the standard library only.

    MonitorError                 the step stops and names a file or a step of ours; bad data never raises one of these
    ├── ContractError            a file in expectations/ is malformed
    ├── PolicyError              a value in policy/ is missing, undated, unsourced or out of bounds
    ├── ConfigError              monitor.yml or the home is not usable
    ├── ModelError               a model in sql/ does not build, or reads a kind that its purpose forbids
    ├── CheckError               a validation could not be carried out in full (fails closed)
    ├── BalanceError             read != accepted + set aside + out of scope
    └── PublishRefused           the new release failed its examination; yesterday's release stays current
        └── NotWritten           the release could not be written to the disk, or read back

Users read the messages of these errors: they are in Chinese, and never contain a value from a person's row.
"""

from __future__ import annotations

import errno
import os
import re
import traceback
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

_CHECKOUT = Path(__file__).resolve().parents[2]
ROOT = _CHECKOUT if (_CHECKOUT / "expectations" / "kinds").is_dir() else Path(__file__).resolve().parent / "shipped"
"""The folder that contains sql/, expectations/ and policy/: the checkout, or low_income/shipped/ where a wheel was installed."""

Severity = Literal["must_fix", "confirm", "notice"]
SEVERITIES: tuple[Severity, ...] = ("must_fix", "confirm", "notice")
SEVERITY_TITLES: dict[Severity, str] = {"must_fix": "退回", "confirm": "请确认", "notice": "提醒"}

CheckLevel = Literal["file", "value", "row", "household", "across_files", "across_time"]
CHECK_LEVEL_TITLES: dict[CheckLevel, str] = {
    "file": "文件", "value": "单元格", "row": "行", "household": "家庭", "across_files": "跨文件", "across_time": "跨时间",
}  # fmt: skip
"""What a check looks at: the six levels that every error line names."""

Purpose = Literal["assistance", "supplement", "entitlement_review", "statistics"]


CONFIRM = ("确认（是）", "确认原因", "确认人", "编号")
"""Columns of 问题清单 in which a sender confirms a value. The last one is hidden and identifies the line when it comes back."""
NO_NUMBER_YET = "no_number_yet"
"""Last part of the rule name for a household member without a number: the only `must_fix` that a sender may confirm."""
NOT_CONFIRMED = "的确认没有采用："
"""Words about an incomplete confirmation: the sender has to write it again."""
PROVISIONAL = "provisional"
"""`identity_state` of such a member while the confirmation is valid: the member counts inside the own household only."""


CORRECTION_SHEET = "更正依据"
"""The hidden sheet of a correction workbook: says which received file it is about, and what each sheet stands for."""
NEVER_RECEIVED = "按规定不接收"
"""The words for profiling columns, wherever a message mentions them."""
CORRECTION_HEADS = ("原工作表", "原行号", "去掉这一行")
CORRECTION_WHY = "问题和改法"
"""The first columns of a correction workbook's sheets are CORRECTION_HEADS, then CORRECTION_WHY; the sender's own follow."""


class MonitorError(Exception):
    """Base class of all errors that stop a step. `str()` is a Chinese sentence for the user."""


class NotNow(MonitorError):
    """Another night holds the home, or the ledger's database does not answer; the same step may succeed a little later."""


class ContractError(MonitorError):
    """A contract in expectations/ is malformed; names the file and the key."""


class PolicyError(MonitorError):
    """A policy value is missing, undated, without source, or out of bounds; names the file and the key."""


class ConfigError(MonitorError):
    """The home or its monitor.yml cannot be used; names the file and the key."""


class ModelError(MonitorError):
    """A SQL model does not build or reads a kind its purpose forbids; names the model."""


class CheckError(MonitorError):
    """A validation was not run, raised an error, or returned fewer positions than it counted."""


class BalanceError(MonitorError):
    """Rows were lost or counted twice in a submission."""


class PublishRefused(MonitorError):
    """The built release failed its examination; the link to yesterday's release was not moved."""


class NotWritten(PublishRefused):
    """The built release could not be written: the disk is full or broken."""


@dataclass(frozen=True)
class Near:
    """A kind that an unrecognised sheet looks like."""

    kind: str
    title: str
    missing: tuple[tuple[str, str | None], ...]
    """(missing required column, the most similar header of the file or None)."""


IDENTICAL_TWIN = "row.identical_twin"
"""The rule that sets a row aside because another row is identical: they count once, so nobody is missing."""


@dataclass(frozen=True)
class Refusal:
    """Why a file, or one kind in it, was not taken. The clerk reads all of it in Chinese, except `code` and `fault`."""

    code: str
    """Stable short name: `empty`, `password`, `unrecognised`, `no_period`, `wrong_unit`, …"""
    reason: str
    fix: str
    nearest: tuple[Near, ...] = ()
    """The kinds that an unrecognised sheet resembles, the most similar first."""
    fault: str = ""
    """Where our own program failed (name of the exception, file and line), for the data officer only; '' when it did not."""
    divisions: tuple[str, ...] = ()
    """Codes of other divisions, sorted: the title or the names in the file say that the list is theirs."""

    @staticmethod
    def from_json(data: dict[str, Any]) -> Refusal:
        """The inverse of `asdict`."""
        nearest = tuple(
            Near(near["kind"], near["title"], tuple((column, meant) for column, meant in near["missing"]))
            for near in data.get("nearest", ())
        )
        divisions = tuple(data.get("divisions", ()))
        return Refusal(data["code"], data["reason"], data["fix"], nearest, data.get("fault", ""), divisions)


@dataclass(frozen=True)
class ColumnUse:
    """The column of the sender's sheet from which one field of the contract is read."""

    field: str
    header: str
    column: int
    """1-based column number in the sheet (for text files: the field's position)."""
    unit: str | None = None
    """The unit in the header's brackets, e.g. `万元`; None when the header names none."""
    alias: str | None = None
    """The alias in the contract that the header matches; None when the header is the column's own name."""


@dataclass(frozen=True)
class CellProblem:
    """A cell without a readable value, found while the file was read."""

    sheet: str
    row_number: int
    column: int
    field: str
    problem: Literal[
        "error_value",
        "formula_without_value",
        "unreadable_bytes",
        "stored_elsewhere",
        "garbled",
        "ragged_line",
        "cut_line",
    ]
    """`unreadable_bytes`: some bytes are no character in the file's encoding. `stored_elsewhere`: the content is in another
    file, like that of a memo field of a .dbf table. `garbled`: a name that another program read in the wrong encoding before
    it came to us. The last two are noted on the key field, since the whole row cannot be taken. `ragged_line`: the line of a
    text file has more fields than the header, so it is not known which value belongs to which column. `cut_line`: the last
    line is too short and has no line end."""


@dataclass
class SheetReading:
    """What was found in one sheet (text files have one, named '')."""

    sheet: str
    header_rows: tuple[int, int]
    """First and last row of the header, 1-based, as in the sheet."""
    columns: list[ColumnUse]
    why: str = ""
    """A Chinese sentence: why the sheet was recognised as this kind."""
    unused: list[str] = field(default_factory=list)
    """Headers that the contract neither maps nor ignores; reported once."""
    refused_columns: list[tuple[int, str]] = field(default_factory=list)
    """(column, header) of columns that are never stored (docs/boundaries.md, 1)."""
    rows_read: int = 0
    rows_left_out: dict[str, int] = field(default_factory=dict)
    """Number of rows that are not data, by sort: `total`, `footnote`, `blank`, `example`, `repeated_header`, `column_numbers`, `ruler`
    (lines drawn between rows), `page_line` (第2页 共5页, 续表), `row_count` (a database program's count below its rows)."""
    hidden_rows: int = 0
    defaults: dict[str, str] = field(default_factory=dict)
    """Field → value for its blank or missing cells, from a word (`else_from`) in the title, sheet name or file name."""
    date1904: bool = False
    """True when the workbook counts days from 1904; then a bare number in a date column means another date."""


@dataclass(frozen=True)
class HiddenSheet:
    """A hidden sheet that contains a list. It was not read: a sheet that nobody sees adds no kind, no period and no rows."""

    sheet: str
    kind: str
    """Name of the kind that the sheet would be, even when a required column is missing."""
    rows: int
    """Number of its data rows."""
    is_very_hidden: bool
    """True when the menu of the spreadsheet program cannot show it."""


@dataclass(frozen=True)
class Confirmation:
    """A sender's answer on our sheet 问题清单: the value that a line asks about is right as written."""

    issue_id: str
    reason: str
    by_whom: str
    row_number: int
    """Row on the sheet 问题清单."""


@dataclass(frozen=True)
class Correction:
    """A correction workbook that came back filled in: cells for another file, kept in a Parquet because they are personal data."""

    base_file_id: str
    cells_path: str
    """Parquet of sheet, row_number, column (1-based; 0: remove the whole row), text, is_number."""


Area = tuple[int, int, int]
"""Adjacent cells of one column: (first row, last row, column), 1-based."""


@dataclass
class Reading:
    """One submission as read: one kind in one file. Its rows are in a Parquet of raw text at `rows_path`.

    That Parquet has `sheet` VARCHAR, `row_number` INTEGER, and one VARCHAR column per contract field that the file has
    (raw text, NULL for an empty cell). Fields of type id_number, date, month and disability_number also have a BOOLEAN
    `<field>__numeric`: true when the cell contained a number, not text.
    """

    kind: str | None
    sheets: list[SheetReading] = field(default_factory=list)
    period: str | None = None
    """`YYYY-MM`, for kinds whose contract says `period: month`."""
    rows_path: str | None = None
    rows_read: int = 0
    cell_problems: list[CellProblem] = field(default_factory=list)
    refusal: Refusal | None = None
    notices: list[str] = field(default_factory=list)
    """Chinese sentences about the whole file: columns not used, hidden rows, columns never received."""
    gaps: list[str] = field(default_factory=list)
    """Chinese clauses, one for each part of the file that was not read and may belong to this list: people may be missing."""
    confirmations: list[Confirmation] = field(default_factory=list)
    """All confirmations of the file; they are on its first Reading."""
    correction: Correction | None = None
    hidden_sheets: list[HiddenSheet] = field(default_factory=list)
    """Hidden sheets of this Reading's kind. When no visible sheet has their kind, they are on the file's first Reading."""
    emptied: dict[str, list[Area]] = field(default_factory=dict)
    """Sheet → areas outside the lists (titles, footnotes, sheets without a list) with content that is never received, sorted.
    For the whole file, on its first Reading. Outside the lists, only these cells are emptied in the copy that goes back."""
    comes_back: bool = False
    """True when the file could be read: it goes back with its data even where its lists are refused."""

    def as_json(self) -> dict[str, Any]:
        """Plain data for a JSON file; `from_json` is the inverse."""
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> Reading:
        """The inverse of `as_json`."""
        sheets = [
            SheetReading(
                **{
                    **sheet,
                    "header_rows": tuple(sheet["header_rows"]),
                    "columns": [ColumnUse(**use) for use in sheet["columns"]],
                    "refused_columns": [(column, header) for column, header in sheet["refused_columns"]],
                }
            )
            for sheet in data["sheets"]
        ]
        return Reading(
            **{
                **data,
                "sheets": sheets,
                "cell_problems": [CellProblem(**problem) for problem in data["cell_problems"]],
                "correction": Correction(**found) if (found := data.get("correction")) else None,
                "emptied": {sheet: [tuple(area) for area in areas] for sheet, areas in data.get("emptied", {}).items()},
                "hidden_sheets": [HiddenSheet(**each) for each in data.get("hidden_sheets", [])],
                "confirmations": [Confirmation(**each) for each in data.get("confirmations", [])],
                "refusal": Refusal.from_json(data["refusal"]) if data["refusal"] else None,
            }
        )


@dataclass(frozen=True)
class CellIssue:
    """One line for the clerk: a cell, a row (`column` None) or the whole file (`row_number` None)."""

    rule: str
    """Stable short name of the fault, e.g. `id_number.check_digit`; counted and linked by it."""
    severity: Severity
    message: str
    """What is wrong → the sender's value → one action → correct example → consequence. Values are unmasked: for the sender only."""
    fix: str
    """The one action, in short; also the heading of the group in 问题清单."""
    sheet: str = ""
    row_number: int | None = None
    column: int | None = None
    header: str = ""
    value: str = ""
    """The sender's own text. It is masked before it goes anywhere except back to the sender."""


def month_of(day: date) -> str:
    """`YYYY-MM` of a day."""
    return f"{day.year:04d}-{day.month:02d}"


def column_letter(column: int) -> str:
    """The letters of a column as a spreadsheet shows them: `A` for 1, `AA` for 27."""
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


_ID_IN_TEXT = re.compile(r"(?<!\d)(\d{6})\d{4,11}(\d{2}[\dXx])(?!\d)")
_BETWEEN = r"(?:[\s\-‐-―_.,·•/\\|+~\u200b-\u200f\u2060\ufeff]|\\[ux][0-9a-f]{2,4}){0,3}"
"""Characters that may stand between the digits of one number: blanks and separators, also as `legible` writes them."""


def _apart(*digits: str) -> str:
    return _BETWEEN.join(digits)


def _one_of(digits: str) -> str:
    """Pattern: one of these digits, half-width or full-width."""
    return f"[{digits}{digits.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})}]"


_LAST = _one_of("0123456789Xx")
_REGION = _apart(*[r"\d"] * 6)
_MONTH = f"(?:{_apart(_one_of('0'), _one_of('123456789'))}|{_apart(_one_of('1'), _one_of('012'))})"
_DAY = (
    f"(?:{_apart(_one_of('0'), _one_of('123456789'))}|{_apart(_one_of('12'), _one_of('0123456789'))}"
    f"|{_apart(_one_of('3'), _one_of('01'))})"
)
_BORN = _apart(
    f"(?:{_apart(_one_of('1'), _one_of('9'))}|{_apart(_one_of('2'), _one_of('0'))})", r"\d", r"\d", _MONTH, _DAY
)
_SERIAL = _apart(r"\d", r"(\d", r"\d", f"{_LAST})")
_SHORT_DAY = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_ID_APART = re.compile(
    rf"(?<!\d)({_REGION}){_BETWEEN}(?:{_BORN}{_BETWEEN}{_SERIAL}|\d\d{_SHORT_DAY}{_BETWEEN}(\d{{3}}))(?!\d)"
)
"""An 18-digit number (birth year 1900 to 2099) with separators between digits, or a 15-digit one written as 6, 6 and 3 digits."""


TAKEN_OUT = "（本人要求清除，已抹去）"
"""Replaces a text that somebody wrote about a person whose data was removed (`forget`)."""


def quote(text: str) -> str:
    """The text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def mask(text: str) -> str:
    """Hide the middle of any 13- to 20-digit number in a text.

    Also of a number with blanks or separators in it, when it may be an ID number. The product has no other masking function.
    """
    return _ID_APART.sub(_hide, _ID_IN_TEXT.sub(r"\1********\2", text))


def _hide(found: re.Match[str]) -> str:
    return f"{_digits(found[1])}********{_digits(found[2] or found[3])}"


def _digits(text: str) -> str:
    return re.sub(r"[^\dXxＸｘ]", "", re.sub(r"\\[ux][0-9a-f]{2,4}", "", text))


def holds_number(text: str) -> bool:
    """Whether a text contains a whole ID number (18 or 15 digits with a birth date), with or without separators."""
    return bool(_ID_APART.search(text))


def legible(text: str) -> str:
    """A text that is safe on any screen: control characters (ESC, C1), direction marks and broken bytes are escaped; line breaks stay."""
    return "".join(
        letter
        if letter.isprintable() or letter in " \n\u3000\xa0"
        else letter.encode("unicode_escape", "surrogatepass").decode()
        for letter in text
    )


def first_line(problem: object) -> str:
    """The first line of a program's message, masked and safe on any screen; the lines after it (place in the query, help) are cut."""
    return mask(legible(str(problem).strip().split("\n")[0]))[:_LONGEST]


_LONGEST = 300
"""The most characters of another program's message that are shown."""


def is_final(problem: BaseException) -> bool:
    """Whether the step fails again until a person repairs what the error names (a setting, a key, a disk that others may read)."""
    return isinstance(problem, MonitorError) and not isinstance(problem, NotNow)


NOT_SHOWN = "原话可能引用名单里的内容，不显示"


_SYSTEM = {
    errno.ENOSPC: "磁盘满了", errno.EDQUOT: "磁盘的配额用完了", errno.EROFS: "磁盘只能读，不能写", errno.EIO: "磁盘读写出错",
    errno.EFBIG: "文件太大，磁盘放不下", errno.EACCES: "没有权限", errno.EPERM: "没有权限",
    errno.ENOENT: "没有这个文件或文件夹", errno.EEXIST: "已经有同名的文件或文件夹", errno.EISDIR: "是文件夹，不是文件",
    errno.ENOTDIR: "路径中间有一段不是文件夹", errno.ENOTEMPTY: "文件夹里还有东西", errno.ENAMETOOLONG: "名字太长",
    errno.ELOOP: "链接套着链接", errno.EXDEV: "两处不在同一个磁盘上", errno.EBUSY: "正在被别的程序使用",
    errno.ESTALE: "共享文件夹断开过，请重新挂载", errno.EMFILE: "打开的文件太多", errno.ENFILE: "打开的文件太多",
    errno.ENOMEM: "内存不够", errno.EPIPE: "接收的程序已经退出", errno.EADDRINUSE: "端口被别的程序占用",
    errno.ECONNREFUSED: "对方没有程序应答", errno.ECONNRESET: "连接断了", errno.ETIMEDOUT: "等了太久，没有应答",
    errno.EHOSTUNREACH: "网络不通", errno.ENETUNREACH: "网络不通",
}  # fmt: skip


def why_of_system(problem: OSError) -> str:
    """The reason of an operating system error, in Chinese; for a rare one its number and the system's own words."""
    if problem.errno is None:  # raised by a library, or by our own code
        said = str(problem) or type(problem).__name__
        return said if re.search("[一-鿿]", said) else f"读写没有成功，{OWN_WORDS}{said}"
    return _SYSTEM.get(problem.errno) or f"系统错误 {problem.errno}，{OWN_WORDS}{problem.strerror}"


OWN_WORDS = "原话："
"""Stands before a message in English of another program."""

_OF_THE_MACHINE = {
    "MemoryError": "内存不够，请关掉别的程序或加内存", "OutOfMemoryException": "内存不够，请关掉别的程序或加内存",
    "IOException": "磁盘读写没有成功，多半是满了",
}  # fmt: skip
"""Other failures of the machine, by their exception name in Python or DuckDB → the Chinese reason."""


def tell_failure(problem: BaseException) -> str:
    """The text about a failure that may be shown on any screen and in any log.

    Libraries quote cells in their messages. Our own messages (MonitorError) and the operating system's contain no cells.
    For any other exception only its type is told, and where it happened.
    """
    if isinstance(problem, OSError):
        files = "、".join(
            os.fsdecode(each)
            for each in (problem.filename, problem.filename2)
            if isinstance(each, str | bytes | os.PathLike)
        )
        return mask(legible(why_of_system(problem) + (f"（{files}）" if files else "")))
    if isinstance(problem, MonitorError):
        return mask(legible(str(problem)))
    if said := _OF_THE_MACHINE.get(type(problem).__name__):
        return said
    frames = [
        frame
        for frame in traceback.extract_tb(problem.__traceback__)
        if f"{os.sep}low_income{os.sep}" in frame.filename
    ]
    where = f"，{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"程序出错（{type(problem).__name__}{where}）；{NOT_SHOWN}"
