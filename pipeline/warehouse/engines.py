"""What DuckDB and SQLGlot refuse, told in Chinese: which file and line, what is wrong there, what to do; their own words last.

They speak English, and quote cells where they stumble over a row: their words are told only where they are about a query.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from sqlglot.errors import ParseError, SqlglotError

from pipeline.model import NOT_SHOWN, OWN_WORDS, ModelError, first_line

OF_THE_MACHINE: tuple[type[Exception], ...] = (OSError, MemoryError, duckdb.OutOfMemoryException, duckdb.IOException)
"""Failures that no row is to blame for: the disk or the memory is full, or a file cannot be read."""

_OF_QUERIES: dict[tuple[type[Exception], ...], str] = {
    (SqlglotError, duckdb.ParserException, duckdb.SyntaxException): "SQL 的写法不对，读不懂",
    (duckdb.CatalogException,): "用到的表或函数不存在，可能写错了名字",
    (duckdb.BinderException,): "列名、类型或函数的参数对不上",
    (duckdb.NotImplementedException,): "这种写法 DuckDB 不支持",
}
_OF_ROWS = "有一行的值算不出来：换不成要的类型、超出范围，或者一处得到了几行"


@contextmanager
def plainly(where: str, *, is_whole_file: bool = False) -> Iterator[None]:
    """What is done within is a query of a file of ours, which `where` names. Raises ModelError where an engine refuses it.

    `is_whole_file`: it is what stands in the file, so that its lines are the file's. Failures of the machine go on as they are.
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
    """What an engine said first, behind whose words they are; for failures that are about no row."""
    said = str(problem)
    if isinstance(problem, ParseError) and problem.errors:
        said = str(problem.errors[0].get("description") or said)
    engine = "SQLGlot" if isinstance(problem, SqlglotError) else "DuckDB"
    return f"{engine} 的{OWN_WORDS}{first_line(said)}"


def place(path: Path) -> str:
    """A file of sql/ as messages name it."""
    return f"{path.parent.name}/{path.name}"


def _line(problem: Exception) -> str:
    if isinstance(problem, ParseError):
        line = problem.errors[0].get("line") if problem.errors else None
    else:
        found = re.search(r"^LINE (\d+):", str(problem), re.MULTILINE)
        line = found[1] if found else None
    return f" 第 {line} 行" if line else ""
