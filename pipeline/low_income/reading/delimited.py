"""Reads text files (.csv, .txt) → grid: finds encoding and delimiter strictly, drops no row, keeps physical line numbers.

Arrow reads most files. The csv module reads exactly, but more slowly, the files that Arrow cannot: those with line breaks
inside quotes, or with lines that have more fields than the first ones.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from typing import IO, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from low_income import advice
from low_income.folding import visible
from low_income.reading.encodings import GB18030, LOST, Decoded, decode, mark_lost, name_lines
from low_income.reading.grid import Grid, Numbers, Refused, Texts, mask

HEAD_LINES = 12
"""Lines from the first filled one: titles, header and first rows, which show the delimiter and the number of fields."""
MAX_COLUMNS = 2000
ROWS_AT_ONCE = 65_536
DELIMITERS = ",\t;|"
CUT = -1
"""In `Grid.fields`: the last line ends inside quotes or inside a character, so the file was cut off there."""
_CONTROLS = "\x01\x02\x03\x04\x1c\x1d\x1e\x1f"
"""A control character that occurs in no line serves as delimiter, so that lines are read whole."""
OUT_OF_STEP = -2
"""In `Grid.fields`: a delimiter of the line was lost, so it is not known which value belongs to which column."""


_OTHER_SEPARATORS = {"\uff0c": "全角逗号", "、": "顿号", r"(?: |\u3000){2,}": "空格"}
"""Pattern of a separator that also occurs inside values, so that columns cannot be told apart → its name."""
_COLUMNS = 3
"""The fewest columns of a list."""


def read_delimited(data: bytes) -> tuple[Grid, list[str]]:
    """(the grid of a text file, notices about its encoding).

    Raises Refused: encoding unknown, quotes that do not pair, too many columns, a separator that cannot be used.
    """
    decoded = decode(data)
    whole = decoded.body.rstrip(b"\x1a\0")
    if b"\n" not in whole:
        whole = whole.replace(b"\r", b"\n")
    body = whole.rstrip(b"\r\n")
    head = _first_lines(body)
    delimiter = _delimiter(head)
    records = list(csv.reader(head, delimiter=delimiter))
    width = max((len(record) for record in records), default=0)
    if width > MAX_COLUMNS:
        raise Refused("too_wide", f"一行有{width}列，不像一张名单", advice.SPLIT_COLUMNS)
    _refuse_other_separators(head, records)
    grid = _fast(body, head, records, width, delimiter)
    if grid is None:
        grid = _exact(body, width, delimiter)
    grid.has_open_end = len(whole) == len(body)
    if whole.endswith(LOST.encode()) and grid.fields is not None:
        grid.fields[-1:] = CUT
    if delimiter == "|" and decoded.encoding == GB18030:
        _mark_swallowed(grid, width)
    grid.columns = [_without_text_formula(column) for column in grid.columns]
    return grid, [*_said(decoded), *(mark_lost(grid, decoded.encoding) if decoded.has_lost else [])]


def _refuse_other_separators(lines: Sequence[str], records: Sequence[Sequence[str]]) -> None:
    """Raises Refused when most lines are one field, but would be several fields with another separator."""
    whole = [line for line, record in zip(lines, records, strict=False) if visible(line) and len(record) == 1]
    for pattern, what in _OTHER_SEPARATORS.items():
        several = sum(len(re.split(pattern, line.strip())) >= _COLUMNS for line in whole)
        if several >= 2 and several * 2 > sum(map(bool, records)):
            raise Refused("separator", f"文件的列与列之间用的是{what}，分不出列", advice.EXPORT_WITH_COMMAS)
    # Prose has single blanks too, but their number differs from line to line.
    pieces, alike = max(
        ((n, c) for n, c in Counter(len(line.split()) for line in whole).items()),
        key=lambda each: (each[1], each[0]),
        default=(0, 0),
    )
    if pieces >= _COLUMNS and alike >= 2 and alike * 2 > sum(map(bool, records)):
        raise Refused("separator", "文件的列与列之间用的是空格，分不出列", advice.EXPORT_WITH_COMMAS)


def _mark_swallowed(grid: Grid, width: int) -> None:
    """Mark short lines in which half a character and a following `|` were read as one character: a field end is lost there."""
    fields = grid.fields
    if fields is None or not (short := fields < width).any():
        return
    pairs = [bytes((lead, ord("|"))).decode("gb18030", "ignore") for lead in range(0x81, 0xFF)]
    for column in grid.columns:
        fields[short & mask(pc.match_substring_regex(column, f"[{''.join(pairs)}]"))] = OUT_OF_STEP


def _said(decoded: Decoded) -> list[str]:
    return [
        f"文件是 {decoded.encoding} 编码，{name_lines(numbers)}却是 {other} 编码，已分别读取"
        for other, numbers in decoded.others.items()
    ]


def _first_lines(body: bytes) -> list[str]:
    # 4 MiB are enough: a header is not longer. Half a character at the cut is ignored.
    start = body[: 4 << 20]
    lines = list(io.StringIO(start.decode("utf-8", "ignore"), newline=""))
    above = next((at for at, line in enumerate(lines) if visible(line)), 0)
    return lines[: above + HEAD_LINES]


def _delimiter(lines: Sequence[str]) -> str:
    bare = re.sub(r'"[^"]*"', "", "".join(lines)).split("\n")

    def weight(delimiter: str) -> tuple[int, int]:
        counts = Counter(count for line in bare if (count := line.count(delimiter)))
        count, lines_alike = max(counts.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
        return lines_alike, count

    return max(DELIMITERS, key=weight)  # the first of equals: a comma


def _names(width: int) -> list[str]:
    return [str(number) for number in range(width)]


def _fast(body: bytes, head: list[str], records: list[list[str]], width: int, delimiter: str) -> Grid | None:
    """Read by Arrow. None when a record has several lines, or when a line has more non-empty fields than the first lines."""
    if len(records) != len(head) or not all(line.endswith("\n") for line in head[:-1]):
        return None
    if body[body.rfind(b"\n") + 1 :].count(b'"') % 2:
        return None
    offset = len("".join(head).encode())
    columns = [
        _texts([record[number] if number < len(record) else "" for record in records]) for number in range(width)
    ]
    fields = [len(record) for record in records]
    rest = body[offset:]
    if rest:
        lines = rest.count(b"\n") + 1
        table, sizes = _parsed(rest, width, delimiter), np.full(lines, width)
        if table is None and (evened := _evened(rest, width, delimiter)):
            rest, sizes = evened
            table = _parsed(rest, width, delimiter)
        if table is None or table.num_rows != lines:
            return None
        columns = [pa.concat_arrays([column, *table.column(number).chunks]) for number, column in enumerate(columns)]
        fields += sizes.tolist()
    return Grid("", columns, np.arange(1, len(fields) + 1), fields=np.array(fields, dtype=np.int64))


def _parsed(rest: bytes, width: int, delimiter: str) -> pa.Table | None:
    """The lines as a table of `width` columns; None when a line has another number of fields."""
    try:
        return pyarrow.csv.read_csv(
            cast("IO[bytes]", pa.BufferReader(rest)),
            read_options=pyarrow.csv.ReadOptions(column_names=_names(width), block_size=8 << 20),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, ignore_empty_lines=False),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(_names(width), pa.string()), null_values=[""], strings_can_be_null=True
            ),
        )
    except pa.ArrowInvalid:
        return None


def _evened(rest: bytes, width: int, delimiter: str) -> tuple[bytes, Numbers] | None:
    """(lines with exactly `width` fields, number of fields that each line had).

    Adds missing delimiters at the end of a line, and removes extra empty fields. None when a quote goes over several lines,
    or when an extra field is not empty.
    """
    never = next((char for char in _CONTROLS if char.encode() not in rest), None)
    if never is None:
        return None
    whole = pyarrow.csv.read_csv(
        cast("IO[bytes]", pa.BufferReader(rest)),
        read_options=pyarrow.csv.ReadOptions(column_names=["line"], block_size=8 << 20),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=never, quote_char=False, double_quote=False, ignore_empty_lines=False
        ),
        convert_options=pyarrow.csv.ConvertOptions(column_types={"line": pa.large_string()}),
    )
    lines = whole.column("line").combine_chunks()
    sizes = _field_counts(lines, delimiter)
    if sizes is None:
        return None
    fields = sizes
    if (longer := sizes > width).any():
        behind = rf"(?:{re.escape(delimiter)}(?:[ \x{{a0}}\x{{3000}}]|\"\")*)+$"
        lines = pc.if_else(pa.array(longer), pc.replace_substring_regex(lines, behind, ""), lines)
        trimmed = _field_counts(lines, delimiter)
        if trimmed is None or (trimmed > width).any():
            return None
        fields = trimmed
    ends: Texts = pc.binary_repeat(pa.scalar(delimiter, pa.large_string()), np.maximum(width - fields, 0).tolist())
    nothing: Texts = pa.scalar("", pa.large_string())
    evened: Texts = pc.binary_join_element_wise(lines, ends, nothing)
    return b"\n".join(evened.cast(pa.large_binary()).to_pylist()), sizes


def _field_counts(lines: Texts, delimiter: str) -> Numbers | None:
    """Number of fields of each line; None when a quote is not closed in its line."""
    bare = lines
    if pc.any(pc.match_substring(lines, '"')).as_py():
        bare = pc.replace_substring_regex(lines, '"[^"]*"', "")
        if pc.any(pc.match_substring(bare, '"')).as_py():
            return None
    counts: Texts = pc.count_substring(bare, delimiter)
    found: Numbers = counts.to_numpy().astype(np.int64) + 1
    return found


def _exact(body: bytes, width: int, delimiter: str) -> Grid:
    """Read by the csv module. Fields beyond the width of the first lines are joined into one extra column."""
    lines = list(io.StringIO(body.decode("utf-8"), newline=""))
    reader = csv.reader(lines, delimiter=delimiter)
    pieces: list[list[Texts]] = [[] for _ in range(width + 1)]
    rows: list[list[str]] = []
    starts: list[int] = []
    fields: list[int] = []
    before = 0
    try:
        for record in reader:
            end, size = reader.line_num, len(record)
            cut = end == len(lines) and _ends_inside_quotes(lines[before:end], delimiter)
            # A stray opening quote puts the next lines into its field: their people would be lost.
            if end - before > 1 and (
                size > width or cut or _are_rows(lines[before:end], width, delimiter) or _has_taken(record, delimiter)
            ):
                raise _unpaired(before + 1)
            starts.append(before + 1)
            fields.append(CUT if cut else size)
            before = end
            record[width:] = ["".join(record[width:])] if size > width else [""] * (width + 1 - size)
            rows.append(record)
            if len(rows) == ROWS_AT_ONCE:
                _pour(rows, pieces)
    except csv.Error as error:
        raise _unpaired(before + 1) from error
    _pour(rows, pieces)
    columns = [pa.concat_arrays(column) if column else pa.array([], pa.string()) for column in pieces]
    if columns[-1].null_count == len(columns[-1]):
        columns.pop()
    return Grid("", columns, np.array(starts, dtype=np.int64), fields=np.array(fields, dtype=np.int64))


def _pour(rows: list[list[str]], pieces: list[list[Texts]]) -> None:
    """Move rows into columns, so that only a part of a large file is in memory as Python strings."""
    for piece, column in zip(pieces, zip(*rows, strict=True), strict=False):
        piece.append(_texts(column))
    rows.clear()


def _are_rows(lines: list[str], width: int, delimiter: str) -> bool:
    """Whether each of these lines is a row of its own: then two stray quotes joined them into one record."""
    return all(line.count(delimiter) >= width - 1 for line in lines)


def _has_taken(record: list[str], delimiter: str) -> bool:
    """Whether a field of several lines has delimiters after its first line: then it contains other rows."""
    return any(delimiter in field.partition("\n")[2] for field in record if "\n" in field)


def _ends_inside_quotes(lines: list[str], delimiter: str) -> bool:
    try:
        list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False


def _unpaired(line: int) -> Refused:
    return Refused(
        "unpaired_quote",
        f"第{line}行起有一个双引号没有配对，后面的行会被并成一格",
        advice.mend_quote(line),
    )


def _texts(values: Sequence[str]) -> Texts:
    column = pa.array(values, pa.string())
    return pc.if_else(pc.equal(column, pa.scalar("")), pa.scalar(None, pa.string()), column)


def _without_text_formula(column: Texts) -> Texts:
    """Remove `="…"`: text files write `="123"` to mark a number as text."""
    if not pc.any(pc.starts_with(column, '="')).as_py():
        return column
    return pc.replace_substring_regex(column, r'^="([^"]*)"$', r"\1")
