"""Text files (.csv, .txt) → grid: encoding and delimiter found strictly, no row dropped, physical line numbers kept.

Arrow reads the many files whose lines are all alike; the csv module reads those with line breaks inside quotes or
with lines of differing length, exactly and more slowly.
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

from pipeline import advice
from pipeline.reading.grid import Grid, Refused, Texts

HEAD_LINES = 12
"""Titles and header stand in the first eight lines; the next ones tell how wide a line is."""
MAX_COLUMNS = 2000
ROWS_AT_ONCE = 65_536
DELIMITERS = ",\t;|"
CUT = -1
"""Number of fields of a last line that ends inside quotes: the file was cut there."""


def read_delimited(data: bytes) -> Grid:
    """The grid of a text file. Raises Refused: encoding unknown, cut in mid-character, quotes that do not pair, too wide."""
    body = _as_utf8(data).rstrip(b"\r\n\x1a\0")
    head = _first_lines(body)
    delimiter = _delimiter(head)
    records = list(csv.reader(head, delimiter=delimiter))
    width = max((len(record) for record in records), default=0)
    if width > MAX_COLUMNS:
        raise Refused("too_wide", f"一行有{width}列,不像一张名单", advice.SPLIT_COLUMNS)
    grid = _fast(body, head, records, width, delimiter)
    if grid is None:
        grid = _exact(body, width, delimiter)
    grid.columns = [_without_text_formula(column) for column in grid.columns]
    return grid


def _as_utf8(data: bytes) -> bytes:
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16").encode()
        except UnicodeError as error:
            raise _bad_encoding(data, getattr(error, "start", 0)) from error
    try:
        data.decode("utf-8")
        return data
    except UnicodeDecodeError as error:
        # Everything but the last character is good UTF-8: the file was cut, it is not in another encoding.
        if error.start >= len(data) - 3 and not data[: error.start].isascii():
            raise _bad_encoding(data, error.start) from error
    try:
        return data.decode("gb18030").encode()
    except UnicodeDecodeError as error:
        raise _bad_encoding(data, error.start) from error


def _bad_encoding(data: bytes, offset: int) -> Refused:
    if offset >= len(data) - 4:
        return Refused("truncated", "文件没有传完:最后一个字不完整", advice.EXPORT_AGAIN)
    return Refused(
        "encoding",
        f"文字编码认不出来(第{offset + 1}个字节起既不是 UTF-8 也不是 GB18030)",
        advice.IMPORT_TEXT,
    )


def _first_lines(body: bytes) -> list[str]:
    # Cut where a line ends, so that no character is torn; a first line longer than this is no header.
    start = body[: 4 << 20]
    lines = list(io.StringIO(start.decode("utf-8", "ignore"), newline=""))
    return lines[:HEAD_LINES]


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
    """By Arrow; None when the lines are not all alike."""
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
        try:
            table = pyarrow.csv.read_csv(
                cast("IO[bytes]", pa.BufferReader(rest)),
                read_options=pyarrow.csv.ReadOptions(column_names=_names(width), block_size=8 << 20),
                parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, ignore_empty_lines=False),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(_names(width), pa.string()), null_values=[""], strings_can_be_null=True
                ),
            )
        except pa.ArrowInvalid:
            return None
        if table.num_rows != lines:
            return None
        columns = [pa.concat_arrays([column, *table.column(number).chunks]) for number, column in enumerate(columns)]
        fields += [width] * lines
    return Grid("", columns, np.arange(1, len(fields) + 1), fields=np.array(fields, dtype=np.int64))


def _exact(body: bytes, width: int, delimiter: str) -> Grid:
    """By the csv module. Fields beyond the width of the first lines are joined into one further column."""
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
            # A quote that opened in error takes the lines below into its field: people would be lost in it.
            if end - before > 1 and (size != width or cut or _are_rows(lines[before:end], width, delimiter)):
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
    """Rows into columns, so that only a part of a large file lies about as single strings."""
    for piece, column in zip(pieces, zip(*rows, strict=True), strict=False):
        piece.append(_texts(column))
    rows.clear()


def _are_rows(lines: list[str], width: int, delimiter: str) -> bool:
    """Lines that two stray quotes made into one record, though each is a row of its own."""
    return all(line.count(delimiter) >= width - 1 for line in lines)


def _ends_inside_quotes(lines: list[str], delimiter: str) -> bool:
    try:
        list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False


def _unpaired(line: int) -> Refused:
    return Refused(
        "unpaired_quote",
        f"第{line}行起有一个双引号没有配对,后面的行会被并成一格",
        advice.mend_quote(line),
    )


def _texts(values: Sequence[str]) -> Texts:
    column = pa.array(values, pa.string())
    return pc.if_else(pc.equal(column, pa.scalar("")), pa.scalar(None, pa.string()), column)


def _without_text_formula(column: Texts) -> Texts:
    """`="123"` is how text files say that a number is text; the wrapping is no part of the value."""
    if not pc.any(pc.starts_with(column, '="')).as_py():
        return column
    return pc.replace_substring_regex(column, r'^="([^"]*)"$', r"\1")
