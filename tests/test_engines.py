"""What DuckDB and SQLGlot refuse is told in Chinese, with its file and line, and never with what stands in a row."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest
from low_income import warehouse
from low_income.model import NOT_SHOWN, ModelError, tell_failure
from low_income.warehouse import engines

from tests.night_kit import number
from tests.warehouse_kit import NOTE, given, models_with, only

OF_QUERIES = [
    ("select *\nfrm people", "SQL 的写法不对，读不懂", "Parser Error: syntax error"),
    ("select name\nfrom nobody", "用到的表或函数不存在", "Catalog Error: Table with name nobody does not exist!"),
    ("select\nno_such(name) from people", "用到的表或函数不存在", "Catalog Error: Scalar Function with name no_such"),
    ("select\nnmae from people", "列名、类型或函数的参数对不上", 'Binder Error: Referenced column "nmae" not found'),
    ("select\nsum(name) from people", "列名、类型或函数的参数对不上", "Binder Error: No function matches"),
]
OF_ROWS = [
    "select cast(name as integer) from people",
    "select cast(name as date) from people",
    "select strptime(name, '%Y') from people",
    "select error('见 ' || name) from people",
    "select cast(id_number as integer) from people",
]


def refusal(query: str, **how: bool) -> str:
    with duckdb.connect() as con:
        con.execute("create table people as select '张三丰' as name, ? as id_number", [number(1)])
        with pytest.raises(ModelError) as raised, engines.plainly("registry/a.sql", **how):
            con.execute(f"create table a as {query}")
    return str(raised.value)


@pytest.mark.parametrize(("query", "wrong", "words"), OF_QUERIES)
def test_a_query_that_cannot_be_is_told_with_file_line_what_to_do_and_the_engine_s_words_last(
    query: str, wrong: str, words: str
) -> None:
    said = refusal(query, is_whole_file=True)
    assert re.fullmatch(
        rf"registry/a\.sql 第 2 行：{wrong}[^。]*。改好以后再运行，已发布的照用。DuckDB 的原话：{re.escape(words)}.*",
        said,
    )
    assert "第 2 行" not in refusal(query), "lines of a query that is written by us are nobody's"


@pytest.mark.parametrize("query", OF_ROWS)
def test_what_stands_in_a_row_is_never_told(query: str) -> None:
    said = refusal(query)
    assert said == f"registry/a.sql：{engines._OF_ROWS}。改好以后再运行，已发布的照用。{NOT_SHOWN}"


@pytest.mark.parametrize(
    "problem", [OSError("full"), MemoryError(), duckdb.OutOfMemoryException("x"), duckdb.IOException("x")]
)
def test_a_full_disk_or_memory_is_no_fault_of_a_file(problem: Exception) -> None:
    with pytest.raises(type(problem)), engines.plainly("registry/a.sql"):
        raise problem
    said = tell_failure(problem)
    assert re.search("内存不够|磁盘|读写", said) and "程序出错" not in said


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select (\n1,\n2 from a\nx y", "SQLGlot 的原话：Expecting )"),
        ("select 'abc", "SQLGlot 的原话：Error tokenizing"),
    ],
)
def test_a_model_that_cannot_be_read_is_told_so(tmp_path: Path, sql: str, said: str) -> None:
    with pytest.raises(ModelError, match=r"registry/a\.sql.*：SQL 的写法不对，读不懂。改好以后再运行") as raised:
        only(tmp_path, registry__a=(sql, NOTE))
    told = str(raised.value)
    assert told.split("已发布的照用。")[1].startswith(said)
    assert "\x1b" not in told and "\n" not in told
    assert ("registry/a.sql 第 3 行：" in told) == ("\n" in sql)


@pytest.mark.parametrize(
    ("sql", "note", "said"),
    [
        ("select unit.unit_cod as person_id\nfrom input.unit as unit", NOTE, r"registry/a\.sql 第 1 行：列名、类型"),
        ("select cast(unit.name as integer) as person_id from input.unit as unit", NOTE, r"registry/a\.sql 第 1 行：有一行"),
        (
            "select unit.unit_code as person_id from input.unit as unit", NOTE + 'must_hold: {one: "select nothing"}\n',
            r"registry\.a\.one（registry/a\.yml）：列名、类型",
        ),
    ],
)  # fmt: skip
def test_a_release_that_cannot_be_built_names_the_file(tmp_path: Path, sql: str, note: str, said: str) -> None:
    models = models_with(tmp_path / "sql", registry__a=(sql, note))
    failure = warehouse.attempt(given(date(2026, 10, 31)), models, ["registry.a"], work=tmp_path)
    assert failure is not None
    assert re.match(said, failure.said)


def test_a_release_that_the_machine_cannot_build_is_laid_on_no_submission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a table is made, too: what tries which submission is to blame must hear of a full memory, and stop."""
    models = models_with(tmp_path / "sql", registry__a=("select unit.name as person_id from input.unit as unit", NOTE))
    models.models["registry.a"] = replace(models.models["registry.a"], sql="select repeat('x', 400000000) as person_id")
    monkeypatch.setattr(warehouse, "LIMITS", warehouse.Limits("64MB", threads=1))
    with pytest.raises(duckdb.OutOfMemoryException):
        warehouse.attempt(given(date(2026, 10, 31)), models, ["registry.a"], work=tmp_path)
