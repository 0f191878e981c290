"""Writes and reads a table of a partner's database as the archive keeps it: Parquet with all values as text.

The column names are the header, row 1; record n is row n + 1, as in a .dbf table. The same rows in the same order,
written in pieces of the same size, give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from low_income import advice
from low_income.reading.grid import Grid, Mask, Refused, Texts

MAGIC = b"PAR1"
_MARK = b"monitor.table"

Piece = Sequence[tuple[Texts, Mask]]
"""Per column: texts (null where the database has NULL), and which of them were inexact numbers."""


@contextmanager
def writer(path: Path, headers: Sequence[str]) -> Iterator[Callable[[Piece], None]]:
    """Write a table piece by piece: call the given function with each piece. Raises OSError when the disk is full."""
    fields = [
        (f"{sort}{n}", kind)
        for n in range(len(headers))
        for sort, kind in (("text", pa.string()), ("number", pa.bool_()))
    ]
    schema = pa.schema(fields, {_MARK: json.dumps(list(headers), ensure_ascii=False).encode()})
    with pq.ParquetWriter(path, schema, compression="zstd") as parquet:

        def write(piece: Piece) -> None:
            arrays = [array for texts, numbers in piece for array in (texts, pa.array(numbers))]
            parquet.write_table(pa.Table.from_arrays(arrays, schema=schema))

        yield write


def read_stored(path: Path) -> Grid:
    """The table as a grid. Raises Refused for a Parquet file that we did not write."""
    try:
        table = pq.read_table(path, memory_map=True)
    except (pa.ArrowException, OSError) as error:
        raise Refused("not_a_table", "文件内容不是表格，也不是文本", advice.EXPORT_AS_XLSX) from error
    known = (table.schema.metadata or {}).get(_MARK)
    if known is None:
        raise Refused("not_a_table", "这是 Parquet 文件，不能直接接收", advice.EXPORT_AS_XLSX)
    headers = json.loads(known)
    columns, numeric = [], {}
    for number, header in enumerate(headers):
        texts = pa.chunked_array([pa.array([header], pa.string()), *table.column(f"text{number}").chunks])
        columns.append(pa.concat_arrays(texts.chunks))
        numbers = table.column(f"number{number}")
        if pc.any(numbers).as_py():
            numeric[number] = np.concatenate([[False], numbers.to_numpy()])
    return Grid("", columns, np.arange(1, table.num_rows + 2), numeric, is_table=True)


def tell_apart(path: Path, said: str) -> None:
    """Change the bytes of a table with the same rows, by adding `said` (why): an earlier state that is true again counts as new."""
    table = pq.read_table(path)
    known = dict(table.schema.metadata or {}) | {b"monitor.again": said.encode()}
    pq.write_table(table.replace_schema_metadata(known), path, compression="zstd")
