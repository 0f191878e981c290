"""Opens the current release for one question, and asks it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from low_income.model import PublishRefused, legible, mask
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
        if home.warehouse.exists() and not path.is_file():
            raise PublishRefused(f"这一版里没有{reviewer.unit.name}的预警库，请告诉市局的数据员")
    try:
        con = warehouse.read(path, seal.release_keys(home))
    except warehouse.OF_THE_MACHINE as problem:
        raise PublishRefused(
            f"{path.name} 打不开：可能坏了，也可能是这台机器的内存或磁盘不够。请告诉市局的数据员运行 monitor verify"
        ) from problem
    with closing(con):
        yield con


def rows(con: duckdb.DuckDBPyConnection, query: str, values: Sequence[object] = ()) -> list[Row]:
    """The rows of a query, column → value. Texts are masked and legible, except ids and what is JSON (`_AS_IT_IS`)."""
    answer = con.execute(query, list(values))
    names = [column[0] for column in answer.description or []]
    return [{name: _shown(name, value) for name, value in zip(names, row, strict=True)} for row in answer.fetchall()]


_AS_IT_IS = ("evidence", "freshness", "policy")
"""Columns of JSON: what they hold is masked where it is shown."""


def _shown(name: str, value: Any) -> Any:
    if not isinstance(value, str) or name.endswith("_id") or name in _AS_IT_IS:
        return value
    return mask(legible(value))
