"""Makes registry.suggestion from registry.suggestion_pair: which pairs are offered to people, how alike they are, and why.

In Python, since a library measures likeness; the pairs are few, because the SQL found them by equal keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import groupby
from operator import itemgetter

import duckdb
import pyarrow as pa

from low_income.warehouse import likeness

_TYPES = {"left_ref": pa.string(), "right_ref": pa.string(), "score": pa.decimal128(3, 2), "reason": pa.string()}


def make_suggestion(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Create the table `name` (left_ref, right_ref, score, reason): one row per pair that is offered."""
    rows = con.execute(
        "select left_ref, right_ref, ground, left_number, right_number from registry.suggestion_pair"
        " order by left_ref, right_ref, ground"
    ).fetchall()
    distances = likeness.edits([row[3] for row in rows], [row[4] for row in rows])
    offered = list(_offered(rows, [int(each) for each in distances]))
    given = pa.table({column: pa.array([each[column] for each in offered], of) for column, of in _TYPES.items()})
    con.register("given_suggestion", given)
    con.execute(f"create table {name} as select * from given_suggestion")
    con.unregister("given_suggestion")


def _offered(rows: list[tuple[str, ...]], distances: list[int]) -> Iterator[dict[str, str | Decimal]]:
    for (left, right), some in groupby(zip(rows, distances, strict=True), key=lambda pair: itemgetter(0, 1)(pair[0])):
        pairs = list(some)
        _, _, _, left_number, right_number = pairs[0][0]
        distance = pairs[0][1]
        grounds = {row[2] for row, _ in pairs if row[2] != "number" or distance <= 1}
        if grounds:
            yield {
                "left_ref": left,
                "right_ref": right,
                "score": likeness.score(grounds, distance),
                "reason": likeness.reason(grounds, left_number, right_number),
            }
