"""Reads tables of partners' databases in one state: PostgreSQL, MySQL/MariaDB, SQLite, and others that SQLAlchemy supports.

One read-only transaction sees one state of the database. It counts the rows, then streams them in pieces. An incomplete
result is thrown away. A complete one is a file that is archived and read like any other submission. Secrets come from
outside (a resolver turns `env:NAME` into an address) and never stand in an error: our own words replace the driver's.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, NoSuchTableError

from low_income.model import MonitorError
from low_income.reading import stored
from low_income.reading.cells import number_text
from low_income.reading.grid import Mask, Texts
from low_income.settings import contracts
from low_income.settings.contracts import fold_header
from low_income.settings.home import Database

CONNECT_SECONDS = 10
Resolver = Callable[[str], str]
"""`env:NAME` or `airflow:conn_id` → SQLAlchemy address. Raises NotRead when there is none."""

_PG_CODES = {
    "28": "login", "3D": "no_database", "42P01": "no_table", "3F": "no_table", "42703": "no_column", "42501": "not_allowed",
    "57014": "slow", "55P03": "slow", "57P": "lost", "08": "lost", "53": "down", "40": "changed",
}  # fmt: skip
_MYSQL_CODES = {
    1045: "login", 1698: "login", 1044: "not_allowed", 1142: "not_allowed", 1143: "not_allowed", 1049: "no_database",
    1146: "no_table", 1054: "no_column", 2002: "down", 2003: "down", 2005: "down", 2006: "lost", 2013: "lost", 2014: "lost",
    1040: "down", 1053: "lost", 1927: "lost", 1317: "slow", 3024: "slow", 1969: "slow", 1205: "slow", 1412: "changed",
}  # fmt: skip
_WORDS = {
    "no_address": ("没有找到数据库的地址", "请按 monitor.yml 里 databases 的 url 设置环境变量，或在 Airflow 里建好这个连接"),
    "bad_address": ("数据库的地址写法不对", "应如 postgresql://用户:密码@主机/库名；密码里的特殊字符要用百分号转写"),
    "no_driver": ("没有装这种数据库的驱动程序", "请换成 PostgreSQL、MySQL（MariaDB）或 SQLite，或请维护人员安装驱动"),
    "down": ("连不上数据库", "请确认数据库开着、网络通、主机和端口没有变"),
    "login": ("数据库不认用户名或密码", "请向对方核对账号；为免账号被锁，今晚不再重试"),
    "no_database": ("服务器上没有这个库", "请向对方核对库名"),
    "not_allowed": ("账号没有读这张表的权限", "请对方给账号授予只读（SELECT）权限"),
    "no_table": ("库里没有这张表", "请向对方核对表名（或视图名）是否改过"),
    "no_column": ("表里没有约定的列", "请核对 monitor.yml 里 databases 的 columns，或请对方恢复这一列"),
    "slow": ("太久没有读完", "请对方检查数据库是否繁忙或有锁；确实很大的表，把 databases 的 seconds 调大"),
    "lost": ("读到一半连接断了", "读到的部分没有采用；会自动重试"),
    "changed": ("读的时候数据在变，没有得到同一时刻的数据", "读到的部分没有采用；会自动重试"),
    "count": ("读到的行数与数据库自己数的不等", "读到的部分没有采用；会自动重试"),
    "other": ("数据库读不出来", "请维护人员看是哪一种错误"),
}  # fmt: skip
_BY_WORDS = [
    (r"no such table", "no_table"), (r"no such column", "no_column"), (r"interrupted|locked", "slow"),
    (r"unable to open|not a database", "down"), (r"password|authentication|认证|role .* does not exist|角色", "login"),
    (r"database .* does not exist|数据库.*不存在", "no_database"), (r"server closed|terminat|consuming input", "lost"),
    (r"connection|connect|连接", "down"),
]  # fmt: skip
"""Some drivers give words and no code: SQLite's, and PostgreSQL's before a session is open."""
_PASSING = frozenset({"down", "slow", "lost", "changed", "count", "other"})
"""Failures that may pass after a while. A wrong password is not tried again, since accounts get locked."""


class NotRead(MonitorError):
    """A source did not deliver. `str()` says why, in Chinese, without a secret or a value."""

    def __init__(self, code: str, detail: str = "") -> None:
        reason, self.fix = _WORDS[code]
        self.code = code
        self.reason = f"{reason}（{detail}）" if detail else reason
        self.may_pass = code in _PASSING
        super().__init__(f"{self.reason}。{self.fix}")


@dataclass(frozen=True)
class _Asked:
    """One column of the file: the header it gets, and what is selected for it (None: nothing is taken from it)."""

    header: str
    selected: Any


def from_environment(reference: str) -> str:
    """The address in `env:NAME`. Raises NotRead for an Airflow connection, which only Airflow's own tasks can read."""
    kind, _, name = reference.partition(":")
    if kind != "env":
        raise NotRead("no_address", f"Airflow 连接 {name} 只有 Airflow 里的夜间任务读得到")
    if not (url := os.environ.get(name, "").strip()):
        raise NotRead("no_address", f"环境变量 {name} 没有设置")
    return url


def address(
    kind: str, user: str | None, password: str | None, host: str | None, port: int | None, database: str | None,
    extra: Mapping[str, Any],
) -> str:  # fmt: skip
    """The address from the fields of a form. For SQLite the database is its path. Of `extra` only the entries about TLS are used."""
    if kind == "sqlite":
        return sa.URL.create(kind, database=database or host).render_as_string()
    about_tls = {key: str(value) for key, value in extra.items() if key.startswith("ssl")}
    whole = sa.URL.create(kind, user, password, host, port, database, about_tls)
    return whole.render_as_string(hide_password=False)


def read(source: Database, url: str, target: Path, zone: ZoneInfo, day: datetime.date) -> int:
    """Write all rows of a source to `target`; returns how many. Moments are written in `zone`; MySQL uses its offset on `day`.

    Of columns that are never stored, that hold bytes, or that no list knows, only the name is written: none of their values
    leaves the database. Raises NotRead when the table cannot be read; `target` is then removed.
    """
    try:
        with _connected(url, source.seconds, zone, day) as connection:
            table, order, asked = _asked(connection, source)
            wanted = [one.selected for one in asked if one.selected is not None]
            counted = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            rows = 0
            with stored.writer(target, [one.header for one in asked]) as write:
                if wanted:
                    streaming = connection.execution_options(stream_results=True, max_row_buffer=source.chunk_rows)
                    result = streaming.execute(sa.select(*wanted).select_from(table).order_by(*order))
                    for block in result.partitions(source.chunk_rows):
                        write(_piece(block, asked))
                        rows += len(block)
            if wanted and rows != counted:
                raise NotRead("count", f"数到 {counted} 行，读到 {rows} 行")
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return rows


# the connection ---------------------------------------------------------------------------------------------------


@contextmanager
def _connected(url: str, seconds: int, zone: ZoneInfo, day: datetime.date) -> Iterator[sa.Connection]:
    """Open one read-only transaction that sees one state. Every error of the database is raised as NotRead."""
    late = threading.Event()
    try:
        engine = _engine(url, seconds)
        with engine.connect() as connection:
            watch = threading.Timer(seconds, _cut, (connection.connection.driver_connection, late))
            watch.daemon = True
            watch.start()
            try:
                _begin(connection, engine, seconds, zone, day)
                yield connection
            finally:
                watch.cancel()
                # An error while a broken connection is closed adds nothing to the first error.
                with contextlib.suppress(sa.exc.SQLAlchemyError, sqlite3.Error, OSError):
                    connection.invalidate()
    except (sa.exc.SQLAlchemyError, sqlite3.Error) as problem:
        failed = NotRead("slow") if late.is_set() else _said(problem)
    except ImportError:
        failed = NotRead("no_driver")
    else:
        return
    raise failed


def _engine(url: str, seconds: int) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
        backend = parsed.get_backend_name()
        if backend in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
            arguments: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS}
        elif backend in ("mysql", "mariadb"):
            from pymysql.constants import FIELD_TYPE  # noqa: PLC0415
            from pymysql.converters import conversions  # noqa: PLC0415

            # Dates as the server writes them: Python has no date 0000-00-00.
            days = (FIELD_TYPE.DATE, FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP, FIELD_TYPE.TIME, FIELD_TYPE.NEWDATE)
            texts = {key: value for key, value in conversions.items() if key not in days}
            parsed = parsed.set(drivername=f"{backend}+pymysql").update_query_dict({"charset": "utf8mb4"})
            arguments = {"connect_timeout": CONNECT_SECONDS, "read_timeout": seconds, "conv": texts}
            arguments["password"] = (
                str(parsed.password) if parsed.password else ""
            ).encode()  # as text it must be Latin
        elif backend == "sqlite":
            return sa.create_engine("sqlite://", creator=lambda: _sqlite(parsed.database or ""), poolclass=sa.NullPool)
        else:
            arguments = {}
        return sa.create_engine(parsed, hide_parameters=True, poolclass=sa.NullPool, connect_args=arguments)
    except ArgumentError as problem:
        code = "no_driver" if isinstance(problem, NoSuchModuleError) else "bad_address"
    raise NotRead(code)


def _sqlite(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(path)}?mode=ro", uri=True, timeout=CONNECT_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.text_factory = _text_of_bytes
    return connection


def _text_of_bytes(raw: bytes) -> str:
    """Decode text that should be UTF-8. Old programs write GBK there."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("gb18030", "replace")


def _begin(connection: sa.Connection, engine: sa.Engine, seconds: int, zone: ZoneInfo, day: datetime.date) -> None:
    if engine.dialect.name == "postgresql":
        from psycopg.types.string import TextLoader  # noqa: PLC0415

        driver: Any = connection.connection.driver_connection
        for name in ("date", "time", "timetz", "timestamp", "timestamptz", "interval", "json", "jsonb"):
            driver.adapters.register_loader(
                name, TextLoader
            )  # as the server writes them: Python has no date `infinity`
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        for setting, value in (
            ("statement_timeout", f"{seconds}s"), ("lock_timeout", f"{seconds}s"), ("datestyle", "iso, ymd"),
            ("timezone", zone.key),
        ):  # fmt: skip
            connection.execute(sa.select(sa.func.set_config(setting, value, True)))
    elif engine.dialect.name in ("mysql", "mariadb"):
        connection.execution_options(isolation_level="REPEATABLE READ")
        is_mariadb = bool(getattr(engine.dialect, "is_mariadb", False))
        clock = datetime.datetime.combine(day, datetime.time(12), zone).strftime("%z")
        offset = f"{clock[:3]}:{clock[3:]}"  # MySQL servers often know no names of time zones
        limit = f"max_statement_time = {seconds}" if is_mariadb else f"max_execution_time = {seconds * 1000}"
        connection.exec_driver_sql(f"set session {limit}, lock_wait_timeout = {seconds}, time_zone = '{offset}'")
        connection.exec_driver_sql("start transaction with consistent snapshot, read only")
    elif engine.dialect.name == "sqlite":
        connection.exec_driver_sql("begin")
    else:
        levels = engine.dialect.get_isolation_level_values(connection.connection.dbapi_connection)  # type: ignore[arg-type]
        level = next((name for name in ("SNAPSHOT", "REPEATABLE READ", "SERIALIZABLE") if name in levels), None)
        if level is None:
            raise NotRead("no_driver", "这种数据库不能保证读到同一时刻的数据")
        connection.execution_options(isolation_level=level)


def _cut(driver: Any, late: threading.Event) -> None:
    """Break a connection that hangs, since a silent database would keep us waiting for ever."""
    late.set()
    with contextlib.suppress(Exception):  # it may have ended by itself at the same moment
        if hasattr(driver, "interrupt"):
            driver.interrupt()
        elif hasattr(driver, "fileno"):
            with socket.socket(fileno=os.dup(driver.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)
        else:
            driver._sock.shutdown(socket.SHUT_RDWR)


def _said(problem: Exception) -> NotRead:
    """A driver's error in our own words, since the driver's text may name the user, the host, or quote a row."""
    if isinstance(problem, NoSuchTableError):
        return NotRead("no_table")
    orig: Any = getattr(problem, "orig", None) or problem
    if isinstance(orig.__context__, TimeoutError):
        return NotRead("slow")  # PyMySQL calls a read that timed out a lost connection
    code = None
    if state := getattr(orig, "sqlstate", None):
        code = next((_PG_CODES[state[:size]] for size in (5, 3, 2) if state[:size] in _PG_CODES), None)
    elif orig.args and isinstance(orig.args[0], int):
        code = _MYSQL_CODES.get(orig.args[0])
    else:
        words = str(orig).lower()
        code = next((code for pattern, code in _BY_WORDS if re.search(pattern, words)), None)
    if code is None:
        code = "lost" if getattr(problem, "connection_invalidated", False) else "other"
    return NotRead(code, type(orig).__name__ if code == "other" else "")


# columns and cells ------------------------------------------------------------------------------------------------


def _asked(connection: sa.Connection, source: Database) -> tuple[sa.TableClause, list[Any], list[_Asked]]:
    """The table, its order, and the columns of the file."""
    schema, _, name = source.table.rpartition(".")
    looking = sa.inspect(connection)
    found = {column["name"]: column["type"] for column in looking.get_columns(name, schema or None)}
    if missing := [column for column in source.columns if column not in found]:
        raise NotRead("no_column", "、".join(missing))
    known = contracts.load()
    taken = {header for kind in known.kinds for header in known.for_unit(kind, source.unit).header_fields()}
    taken |= {fold_header(word)[0] for word in known.headers.period}
    asked: list[_Asked] = []
    for column, wanted in (source.columns or {column: column for column in found}).items():
        is_bytes = re.search("BLOB|BINARY|BYTEA|IMAGE|RAW", _type_name(found[column]))
        group = known.headers.refusal_of_column(column)
        # A column whose own name is never received gets a header that says so, whatever `wanted` is.
        header = f"{column}（{group}）" if group and known.headers.refusal_of(wanted) is None else wanted
        is_taken = fold_header(header)[0] in taken and known.headers.refusal_of(header) is None and not is_bytes
        asked.append(_Asked(header, _selected(column, found[column]).label(f"c{len(asked)}") if is_taken else None))
    keys = looking.get_pk_constraint(name, schema or None)["constrained_columns"]
    order: list[Any] = [sa.column(key) for key in keys] or [
        _in_bytes(connection, one.selected) for one in asked if one.selected is not None
    ]
    return sa.table(name, schema=schema or None), order, asked


def _type_name(kind: Any) -> str:
    return type(kind).__name__.upper()


def _selected(column: str, kind: Any) -> Any:
    """The expression for a column. Moments with a zone are given in the session's time zone, which is the bureau's."""
    if getattr(kind, "timezone", False) and _type_name(kind) == "TIMESTAMP":
        return sa.cast(sa.column(column), sa.DateTime())
    return sa.column(column)


def _in_bytes(connection: sa.Connection, column: Any) -> Any:
    """The expression to order by when there is no key: the bytes of a column. A server's own order may treat 甲 and 乙, or a and A, as equal."""
    column = column.element
    if connection.dialect.name in ("mysql", "mariadb"):
        return sa.cast(column, sa.LargeBinary)
    if connection.dialect.name == "postgresql":
        return sa.cast(column, sa.Text).collate("C")
    return sa.cast(column, sa.Text)


def _piece(block: Sequence[Sequence[Any]], asked: Sequence[_Asked]) -> list[tuple[Texts, Mask]]:
    columns = iter(zip(*block, strict=True))
    none = np.zeros(len(block), bool)
    return [
        _column(next(columns)) if one.selected is not None else (pa.nulls(len(block), pa.string()), none)
        for one in asked
    ]


def _column(cells: Sequence[Any]) -> tuple[Texts, Mask]:
    """(texts without loss, which of them were binary floating-point numbers: only 15 of their digits are exact)."""
    kinds = set(map(type, cells))
    texts: Texts = pa.array(cells if kinds <= {str, type(None)} else [_text(cell) for cell in cells], pa.string())
    numbers = (
        np.fromiter((type(cell) is float for cell in cells), bool, len(cells))
        if float in kinds
        else np.zeros(len(cells), bool)
    )
    return pc.if_else(pc.equal(texts, pa.scalar("")), pa.scalar(None, pa.string()), texts), numbers


def _text(cell: Any) -> str | None:
    return None if cell is None else _WORDS_OF.get(type(cell), str)(cell)


def _json(cell: Any) -> str:
    return json.dumps(cell, ensure_ascii=False, sort_keys=True, default=str)


_WORDS_OF: dict[type, Callable[[Any], str]] = {
    bool: lambda cell: "TRUE" if cell else "FALSE",
    float: number_text,
    Decimal: lambda cell: f"{cell:f}",
    datetime.datetime: lambda cell: cell.isoformat(" "),
    datetime.date: datetime.date.isoformat,
    datetime.time: datetime.time.isoformat,
    bytes: _text_of_bytes,
    list: _json,
    dict: _json,
}
"""Types of drivers whose `str` differs from what a list would contain."""
