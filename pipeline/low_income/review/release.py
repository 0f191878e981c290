"""Opens the current release for one question, and asks it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from low_income.records import seal
from low_income.review.people import Reviewer
from low_income.settings.home import Home

if TYPE_CHECKING:
    import duckdb

Row = dict[str, Any]


@contextmanager
def opened(home: Home, reviewer: Reviewer) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to the current release, for one request, so that a release that is swapped is seen at the next one.

    A reviewer of a division gets his division's own file, in which no row of another division stands. There is none for a partner
    bureau: pages for its reviewers ask for the rows of their unit alone. Raises PublishRefused
    when nothing was published yet, or his division is not in the release.
    """
    from low_income import warehouse  # noqa: PLC0415 - brings duckdb

    path = home.warehouse
    if reviewer.unit is not None and reviewer.has_lists:
        path = path.resolve().parent / "divisions" / f"{reviewer.unit.code}.duckdb"
    with closing(warehouse.read(path, seal.release_keys(home))) as con:
        yield con


def rows(con: duckdb.DuckDBPyConnection, query: str, values: Sequence[object] = ()) -> list[Row]:
    """The rows of a query, column → value."""
    answer = con.execute(query, list(values))
    names = [column[0] for column in answer.description or []]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
