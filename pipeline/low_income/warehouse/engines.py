"""Errors of DuckDB and SQLGlot in Chinese: which file and line, what is wrong, what to do, and the engine's own message last.

The engines write English, and quote cells when a row causes the error: their messages are shown only for faults of a query.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow
import sqlglot
from sqlglot.errors import ParseError, SqlglotError

from low_income.model import NOT_SHOWN, OWN_WORDS, ModelError, first_line

VERSIONS = {each.__name__: each.__version__ for each in (duckdb, pyarrow, sqlglot)}
"""What the result of a query may depend on, beside the query."""
OF_THE_MACHINE: tuple[type[Exception], ...] = (OSError, MemoryError, duckdb.OutOfMemoryException, duckdb.IOException)
"""Failures that no row causes: the disk or the memory is full, or a file cannot be read."""

_OF_QUERIES: dict[tuple[type[Exception], ...], str] = {
    (SqlglotError, duckdb.ParserException, duckdb.SyntaxException): "SQL 的写法不对，读不懂",
    (duckdb.CatalogException,): "用到的表或函数不存在，可能写错了名字",
    (duckdb.BinderException,): "列名、类型或函数的参数对不上",
    (duckdb.NotImplementedException,): "这种写法 DuckDB 不支持",
}
_OF_ROWS = "有一行的值算不出来：换不成要的类型、超出范围，或者一处得到了几行"


@contextmanager
def plainly(where: str, *, is_whole_file: bool = False) -> Iterator[None]:
    """Context for running a query from one of our files, named by `where`. Raises ModelError when an engine refuses it.

    `is_whole_file`: the query is the whole file, so line numbers are those of the file. Failures of the machine
    (OF_THE_MACHINE) are raised unchanged.
    """
    try:
        yield
    except OF_THE_MACHINE:
        raise
    except (duckdb.Error, SqlglotError) as problem:
        said = next((words for kinds, words in _OF_QUERIES.items() if isinstance(problem, kinds)), None)
        words = own_words(problem) if said else NOT_SHOWN
        raise ModelError(
            f"{where}{_line(problem) if is_whole_file else ''}：{said or _OF_ROWS}。改好以后再运行，已发布的照用。{words}"
        ) from problem


def own_words(problem: Exception) -> str:
    """The first line of an engine's message, after the engine's name; only for failures that are about no row."""
    said = str(problem)
    if isinstance(problem, ParseError) and problem.errors:
        said = str(problem.errors[0].get("description") or said)
    engine = "SQLGlot" if isinstance(problem, SqlglotError) else "DuckDB"
    return f"{engine} 的{OWN_WORDS}{first_line(said)}"


def place(path: Path) -> str:
    """The name of a file of sql/ in messages: folder and file."""
    return f"{path.parent.name}/{path.name}"


def _line(problem: Exception) -> str:
    if isinstance(problem, ParseError):
        line = problem.errors[0].get("line") if problem.errors else None
    else:
        found = re.search(r"^LINE (\d+):", str(problem), re.MULTILINE)
        line = found[1] if found else None
    return f" 第 {line} 行" if line else ""
