"""Tables of partners' databases: one state, whole or nothing, in text without loss; every failure told, no secret with it."""

from __future__ import annotations

import hashlib
import itertools
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from low_income.model import ConfigError
from low_income.night import databases
from low_income.night.databases import NotRead
from low_income.reading import readers, stored
from low_income.reading.readers import Book
from low_income.settings.home import Database, Settings
from low_income.settings.strict_yaml import read_shape

from tests import night_kit as kit

pytestmark = pytest.mark.slow

ZONE, DAY = ZoneInfo("Asia/Shanghai"), date(2026, 10, 31)
_tables = itertools.count()

Server = tuple[str, sa.Engine]
"""(the address as a bureau writes it, an engine of our own to make tables with)."""


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """An empty place in each real database."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'partner.db'}"
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            connection.exec_driver_sql("pragma journal_mode = wal")
    else:
        url = request.getfixturevalue("postgres" if request.param == "postgresql" else "mariadb")
        driver = "postgresql+psycopg" if request.param == "postgresql" else "mysql+pymysql"
        engine = sa.create_engine(sa.make_url(url).set(drivername=driver))
    yield url, engine
    engine.dispose()


def source(table: str, **more: Any) -> Database:
    return Database(name="医保库", unit="medical_insurance", url="env:PARTNER", table=table, **more)


def run_sql(engine: sa.Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def quoted(engine: sa.Engine, name: str) -> str:
    return engine.dialect.identifier_preparer.quote(name)


def new_table(engine: sa.Engine, columns: dict[str, str], rows: list[dict[str, Any]] = (), key: str = "") -> str:  # type: ignore[assignment]
    name = f"结算_{next(_tables)}"
    parts = [f"{quoted(engine, column)} {kind}" for column, kind in columns.items()]
    parts += [f"primary key ({quoted(engine, key)})"] if key else []
    run_sql(engine, f"create table {quoted(engine, name)} ({', '.join(parts)})")
    if rows:
        with engine.begin() as connection:
            connection.execute(sa.insert(sa.table(name, *map(sa.column, columns))), rows)
    return name


def read(server: Server, asked: Database, target: Path) -> list[list[str | None]]:
    """What came: header and rows."""
    rows = databases.read(asked, server[0], target, ZONE, DAY)
    book = readers.read(target, asked.file_name)
    assert isinstance(book, Book), book
    (grid,) = book.grids
    assert grid.height == rows + 1
    return [list(row) for row in zip(*(column.to_pylist() for column in grid.columns), strict=True)]


MEDICAL = {
    "姓名": "varchar(40)", "身份证号": "varchar(18)", "结算时间": "date", "就诊机构": "varchar(60)",
    "医疗费总额": "decimal(12,2)", "个人负担总金额": "decimal(12,2)",
}  # fmt: skip


def medical(serial: int, burden: str = "8600.10") -> dict[str, Any]:
    return {
        "姓名": "买买提·某", "身份证号": kit.number(serial), "结算时间": date(2026, 9, 15), "就诊机构": "一院",
        "医疗费总额": "23000.00", "个人负担总金额": burden,
    }  # fmt: skip


# what comes -------------------------------------------------------------------------------------------------------


def test_every_type_becomes_text_without_loss(server: Server, tmp_path: Path) -> None:
    engine = server[1]
    is_sqlite = engine.dialect.name == "sqlite"
    columns = MEDICAL | {"号": "bigint"}
    table = new_table(engine, columns, key="号")
    literal = "'23000.10'" if is_sqlite else "23000.10"
    run_sql(
        engine,
        f"insert into {quoted(engine, table)} values ('䶮某', '{kit.number(1)}', '2026-09-15', '', {literal}, 0.30, 990101198605010011)",
    )
    found = read(server, source(table, columns={"姓名": "姓名", "号": "身份证号", "结算时间": "结算时间", "就诊机构": "就诊机构",
                                                "医疗费总额": "医疗费总额", "个人负担总金额": "个人负担总金额"}), tmp_path / "t")  # fmt: skip
    total = "23000.1" if is_sqlite else "23000.10"  # SQLite keeps no scale
    assert found[1] == ["䶮某", "990101198605010011", "2026-09-15", None, total, "0.3" if is_sqlite else "0.30"]


def test_columns_that_nobody_may_or_does_keep_give_their_name_alone(server: Server, tmp_path: Path) -> None:
    engine = server[1]
    blob = "bytea" if engine.dialect.name == "postgresql" else "blob"
    table = new_table(engine, {"姓名": "varchar(20)", "民族": "varchar(20)", "照片": blob, "内部评分": "int"})
    run_sql(engine, f"insert into {quoted(engine, table)} values ('某', '某族', null, 7)")
    target = tmp_path / "t"
    assert read(server, source(table), target) == [["姓名", "民族", "照片", "内部评分"], ["某", None, None, None]]
    assert "某族".encode() not in target.read_bytes()


def test_the_same_state_gives_the_same_bytes_with_a_key_and_without(server: Server, tmp_path: Path) -> None:
    """Without a key every column orders, by bytes: a server may take 甲 and 乙, or a and A, for equal."""
    engine = server[1]
    names = ["a", "A", "甲", "乙", "", "b ", "b"]
    digests = set()
    for order in (names, names[::-1]):
        table = new_table(engine, {"姓名": "varchar(20)", "就诊机构": "varchar(20)"})
        with engine.begin() as connection:
            for name in order:
                connection.execute(sa.insert(sa.table(table, sa.column("姓名"))), {"姓名": name})
        read(server, source(table, chunk_rows=2), tmp_path / "t")
        digests.add(hashlib.sha256((tmp_path / "t").read_bytes()).hexdigest())
    assert len(digests) == 1
    keyed = new_table(engine, {"身份证号": "varchar(18)", "姓名": "varchar(20)"}, key="身份证号")
    for serial in (3, 1, 2):
        run_sql(engine, f"insert into {quoted(engine, keyed)} values ('{kit.number(serial)}', '某')")
    assert [row[0] for row in read(server, source(keyed), tmp_path / "t")[1:]] == sorted(map(kit.number, (1, 2, 3)))


def test_a_view_is_read_like_a_table_and_an_evil_name_is_only_a_name(server: Server, tmp_path: Path) -> None:
    engine = server[1]
    table = new_table(engine, {"姓名": "varchar(20)", 'x"; drop table a; --': "varchar(9)"})
    view = f"v'--_{next(_tables)}"
    run_sql(engine, f"create view {quoted(engine, view)} as select * from {quoted(engine, table)}".replace("%", "%%"))
    assert read(server, source(view), tmp_path / "t") == [["姓名", 'x"; drop table a; --']]


def test_moments_are_told_where_the_bureau_is(postgres: str, tmp_path: Path) -> None:
    engine = sa.create_engine(sa.make_url(postgres).set(drivername="postgresql+psycopg"))
    table = new_table(engine, {"姓名": "text", "结算时间": "timestamptz"})
    run_sql(engine, f"insert into {table} values ('甲', '2026-09-30 16:00:00+00'), ('乙', 'infinity')")
    found = read((postgres, engine), source(table), tmp_path / "t")
    assert sorted(row[1] or "" for row in found[1:]) == ["2026-10-01 00:00:00", "infinity"]


# one state or nothing ---------------------------------------------------------------------------------------------


def between_pieces(monkeypatch: pytest.MonkeyPatch, do: Callable[[], None]) -> None:
    """Does something once, after the first piece was read."""
    piece, done = databases._piece, threading.Event()

    def first_then(block: Any, asked: Any) -> Any:
        if not done.is_set():
            done.set()
            do()
        return piece(block, asked)

    monkeypatch.setattr(databases, "_piece", first_then)


def test_a_writer_between_two_pieces_mixes_nothing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = server[1]
    table = new_table(engine, MEDICAL, [medical(serial) for serial in range(1, 400)], key="身份证号")
    name, burden = quoted(engine, table), quoted(engine, "个人负担总金额")
    between_pieces(
        monkeypatch,
        lambda: run_sql(
            engine,
            f"update {name} set {burden} = 1",
            f"delete from {name} where {quoted(engine, '身份证号')} > '{kit.number(300)}'",
        ),
    )
    before = read(server, source(table, chunk_rows=50), tmp_path / "t")
    assert len(before) == 400
    assert {row[5] for row in before[1:]} == ({"8600.1"} if engine.dialect.name == "sqlite" else {"8600.10"})
    after = read(server, source(table, chunk_rows=50), tmp_path / "t")
    assert 1 < len(after) < 400
    assert {row[5] for row in after[1:]} <= {"1", "1.00"}


def failure(server: Server, asked: Database, target: Path) -> NotRead:
    with pytest.raises(NotRead) as caught:
        databases.read(asked, server[0], target, ZONE, DAY)
    assert not target.exists()
    return caught.value


def test_a_count_that_differs_is_no_delivery(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = new_table(server[1], MEDICAL, [medical(serial) for serial in range(1, 9)])
    real = sa.Result.partitions

    def loses_the_last(self: Any, size: int | None = None) -> Any:
        yield from list(real(self, size))[:-1]

    monkeypatch.setattr(sa.CursorResult, "partitions", loses_the_last)
    found = failure(server, source(table, chunk_rows=3), tmp_path / "t")
    assert found.code == "count"
    assert "数到 8 行，读到 6 行" in found.reason
    assert found.may_pass


@pytest.mark.parametrize("which", ["postgresql", "mariadb"])
def test_a_connection_killed_mid_read_keeps_nothing(
    which: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = request.getfixturevalue("postgres" if which == "postgresql" else "mariadb")
    driver = "postgresql+psycopg" if which == "postgresql" else "mysql+pymysql"
    engine = sa.create_engine(sa.make_url(url).set(drivername=driver))
    table = new_table(
        engine, MEDICAL | {"现住址": "text"}, [medical(n % 998 + 1) | {"现住址": "某" * 2000} for n in range(6000)]
    )

    def kill() -> None:
        with engine.connect() as connection:
            if which == "postgresql":
                connection.exec_driver_sql(
                    "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'"
                )
                return
            others = "select id from information_schema.processlist where id <> connection_id() and user = 'root'"
            for (other,) in connection.exec_driver_sql(others).all():
                connection.exec_driver_sql(f"kill {other}")

    between_pieces(monkeypatch, kill)
    found = failure((url, engine), source(table, chunk_rows=100), tmp_path / "t")
    assert found.code == "lost", found
    assert found.may_pass


def test_a_database_that_keeps_silent_is_left(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = server[1]
    table = new_table(engine, MEDICAL, [medical(1)])
    slow = {
        "postgresql": "select '甲' as 姓名 from pg_sleep(20)",
        "mysql": "select concat('甲', sleep(20)) as 姓名 from dual",
        "mariadb": "select concat('甲', sleep(20)) as 姓名 from dual",
        "sqlite": "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) as 姓名 from n where i < 0",
    }[engine.dialect.name]
    view = f"慢_{next(_tables)}"
    run_sql(engine, f"create view {quoted(engine, view)} as {slow}")
    assert table
    found = failure(server, source(view, seconds=1), tmp_path / "t")
    assert found.code == "slow", found
    assert found.may_pass


def test_a_server_that_accepts_and_never_greets_is_slow_and_not_lost(tmp_path: Path) -> None:
    """Its read times out before a query was asked; a lost connection would be another reason, with another advice."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"mysql+pymysql://reader:x@127.0.0.1:{silent.getsockname()[1]}/partner"
        with pytest.raises(NotRead) as caught:
            databases.read(source("名单", seconds=1), url, tmp_path / "t", ZONE, DAY)
    assert (caught.value.code, caught.value.may_pass) == ("slow", True)


# what is told -----------------------------------------------------------------------------------------------------


def test_a_missing_table_or_column_is_told_by_name_and_not_tried_again(server: Server, tmp_path: Path) -> None:
    found = failure(server, source("没有这张表"), tmp_path / "t")
    assert (found.code, found.may_pass) == ("no_table", False)
    table = new_table(server[1], MEDICAL)
    found = failure(server, source(table, columns={"XM": "姓名", "姓名": "姓名"}), tmp_path / "t")
    assert (found.code, found.may_pass) == ("no_column", False)
    assert "XM" in found.reason


SECRET = "hunter2-秘密"


@pytest.mark.parametrize("which", ["postgresql", "mariadb"])
def test_a_wrong_password_is_told_without_it(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if which == "mariadb":
        url = sa.make_url(request.getfixturevalue("mariadb"))
        engine = sa.create_engine(url.set(drivername="mysql+pymysql"))
        run_sql(engine, "create or replace user 'reader'@'localhost' identified by 'right'")
        expected = {"login"}
    else:
        url = sa.make_url(request.getfixturevalue("postgres"))
        expected = {"login"}  # the server trusts its socket: no such role is refused in the same words
    wrong = url.set(username="reader" if which == "mariadb" else "nobody_we_know", password=SECRET)
    found = failure((wrong.render_as_string(hide_password=False), None), source("t"), tmp_path / "t")  # type: ignore[arg-type]
    assert found.code in expected, found
    assert not found.may_pass
    assert SECRET not in f"{found!r}{found}{found.__cause__}{found.__context__}"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("postgresql://u:p@127.0.0.1:1/x", "down"), ("mysql://u:p@127.0.0.1:1/x", "down"), ("sqlite:////nowhere/x.db", "down"),
        ("not an address", "bad_address"), ("klingon://u:p@h/x", "no_driver"), ("oracle://u:p@h/x", "no_driver"),
    ],
)  # fmt: skip
def test_what_does_not_answer_is_told(url: str, code: str, tmp_path: Path) -> None:
    found = failure((url, None), source("t"), tmp_path / "t")  # type: ignore[arg-type]
    assert found.code == code
    assert found.may_pass == (code == "down")
    assert "u:p" not in str(found)


def test_a_missing_database_is_told(postgres: str, tmp_path: Path) -> None:
    url = sa.make_url(postgres).set(database="no_such_库").render_as_string(hide_password=False)
    assert failure((url, None), source("t"), tmp_path / "t").code == "no_database"  # type: ignore[arg-type]


def test_nothing_can_be_written_through_it(server: Server) -> None:
    table = new_table(server[1], MEDICAL)
    with pytest.raises(NotRead), databases._connected(server[0], 60, ZONE, DAY) as connection:
        connection.exec_driver_sql(f"delete from {quoted(server[1], table)}")


def test_other_parquet_is_handed_in_by_nobody(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"姓名": ["某"]}), tmp_path / "x.xlsx")
    found = readers.read(tmp_path / "x.xlsx", "x.xlsx")
    assert not isinstance(found, Book)
    assert "Parquet" in found.reason
    (tmp_path / "y").write_bytes(stored.MAGIC + b"\0" * 100)
    assert not isinstance(readers.read(tmp_path / "y", "y"), Book)


# monitor.yml ------------------------------------------------------------------------------------------------------

UNIT = {"code": "bureau", "name": "局", "kind": "bureau", "policy_region": "北"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": "postgresql://u:secret@h/x"}, "env:环境变量名"), ({"url": "secret"}, "不写在这个文件里"),
        ({"unit": "nobody"}, "没有 nobody 这个单位"), ({"table": "select * from x"}, "databases 第 1 项的 table"),
        ({"colums": {}}, "databases 第 1 项的 colums"), ({"chunk_rows": 0}, "不能小于 1"),
    ],
)  # fmt: skip
def test_a_wrong_source_stops_the_night_by_name(change: dict[str, Any], said: str) -> None:
    good = {"name": "医保库", "unit": "bureau", "url": "env:PARTNER", "table": "s.t"}
    read_shape(Settings, Path("a/monitor.yml"), {"units": [UNIT], "databases": [good]}, ConfigError)
    with pytest.raises(ConfigError) as caught:
        read_shape(Settings, Path("a/monitor.yml"), {"units": [UNIT], "databases": [good | change]}, ConfigError)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)
    with pytest.raises(ConfigError, match="写了两次"):
        read_shape(Settings, Path("a/monitor.yml"), {"units": [UNIT], "databases": [good, good]}, ConfigError)


def test_text_of_another_code_page_in_sqlite_is_read(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("create table t (姓名 text)")
        connection.execute("insert into t values (cast(? as text))", ("某甲".encode("gbk"),))
    connection.close()
    assert read((f"sqlite:///{tmp_path / 'x.db'}", None), source("t"), tmp_path / "o")[1] == ["某甲"]  # type: ignore[arg-type]
