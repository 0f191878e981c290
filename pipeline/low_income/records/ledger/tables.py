"""The ledger's tables, and how its database is opened: SQLite (WAL) or PostgreSQL, one writer at a time on both.

What people wrote or are called (names of files and sheets, headers, reasons, who said so) is in `Sealed` columns.
Ids, codes, counts and days are in the clear, so that the database can find, order and count. A test checks each column.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
import sqlalchemy.orm  # load it before any thread: while another one loads it (Great Expectations does), statements fail
from sqlalchemy import Column, Connection
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError
from sqlalchemy.types import TypeDecorator

from low_income.model import OWN_WORDS, ConfigError, MonitorError, NotNow, first_line, why_of_system
from low_income.records.seal import Seal

SCHEMA_VERSION = 2
BUSY_SECONDS = 30
"""How long a writer waits for another writer before it gives up."""
_WRITER_LOCK = 42_070_001
"""The advisory lock that writers share on PostgreSQL."""
_OUTSIDE = "AUTOCOMMIT"
"""The isolation level for VACUUM, which must run outside a transaction."""


def restore_or_rebuild(what: str) -> str:
    """What to do (in Chinese) where the home's ledger or its accepted rows are lost, spoilt or out of date."""
    return (
        f"请从最近一夜以后的备份恢复 {what}；没有这样的备份，就运行 monitor recover：它由日志和 archive/ 重建，"
        "原来的内容移到 before-recovery-…/，不会丢"
    )


def spoilt(said: object) -> MonitorError:
    """The error for a ledger file that cannot be read, or not all of it."""
    return MonitorError(f"运行记录库坏了（ledger.db：{said}）；{restore_or_rebuild('ledger.db')}")


class _Plain(TypeDecorator[Any]):
    """A column type for a day, a moment or a JSON value in the clear.

    Raises MonitorError for a value that cannot be read: SQLite stores any value in any column.
    """

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """As in SQLAlchemy; a value that cannot be read raises MonitorError."""
        process = super().result_processor(dialect, coltype)
        if process is None:
            return None

        def read(value: Any) -> Any:
            try:
                return process(value)
            except (ValueError, TypeError) as problem:
                raise spoilt("里面有一格读不出来") from problem

        return read


class _Day(_Plain):
    impl = sa.Date
    cache_ok = True


class _Counts(_Plain):
    impl = sa.JSON
    cache_ok = True


class _Utc(_Plain):
    """A moment, kept in UTC, since SQLite stores no time zone. Raises ValueError for a moment without one."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: object) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: object) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Sealed(TypeDecorator[Any]):
    """A JSON value, encrypted with the home's ledger.key. The database sees a different text each time.

    So no query may compare, order or join by it.
    """

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        """The sealed text; None stays NULL."""
        return None if value is None else _keys[dialect].encrypt(json.dumps(value, ensure_ascii=False))

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:
        """The value again. Raises MonitorError when no key opens it."""
        return None if value is None else json.loads(_keys[dialect].decrypt(value))


class _Keys:
    """Encrypts and decrypts an engine's sealed columns. A night reads the same rows many times, so decrypted texts are cached."""

    def __init__(self, seal: Seal):
        self.encrypt = seal.encrypt
        self.decrypt = lru_cache(_OPEN_TEXTS)(seal.decrypt)


_OPEN_TEXTS = 1 << 14
_keys: WeakKeyDictionary[sa.Dialect, _Keys] = WeakKeyDictionary()
"""Keyed by the engine's dialect: each engine has its own, and a column type is given nothing else."""

metadata = sa.MetaData()
version_table = sa.Table(
    "schema_version", metadata, Column("version", sa.Integer, primary_key=True, autoincrement=False)
)
received_file = sa.Table(
    "received_file", metadata,
    Column("file_id", sa.String, primary_key=True),
    Column("unit_code", sa.String, nullable=False),
    Column("file_name", Sealed, nullable=False),
    Column("sha256", sa.String, nullable=False),
    Column("size", sa.BigInteger, nullable=False),
    Column("received_at", _Utc, nullable=False),
    Column("night", _Day, nullable=False),
    Column("received_seq", sa.BigInteger, nullable=False),
    Column("archived", sa.String, nullable=False),
    Column("state", sa.String, sa.CheckConstraint("state in ('received', 'read')"), nullable=False),
    sa.UniqueConstraint("unit_code", "received_seq"),
)  # fmt: skip
submission_table = sa.Table(
    "submission", metadata,
    Column("submission_id", sa.String, primary_key=True),
    Column("file_id", sa.String, sa.ForeignKey("received_file.file_id"), nullable=False, index=True),
    Column("unit_code", sa.String, nullable=False),
    Column("kind", sa.String),
    Column("file_name", Sealed, nullable=False),
    Column("sha256", sa.String, nullable=False),
    Column("received_at", _Utc, nullable=False),
    Column("night", _Day, nullable=False),
    Column("received_seq", sa.BigInteger, nullable=False),
    Column("period", sa.String, nullable=False),
    Column("rows_read", sa.BigInteger, nullable=False),
    Column("rows_accepted", sa.BigInteger, nullable=False),
    Column("rows_set_aside", sa.BigInteger, nullable=False),
    Column("rows_out_of_scope", sa.BigInteger, nullable=False),
    Column("outcome", sa.String, nullable=False),
    Column("reason", Sealed, nullable=False),
    Column("superseded_by", sa.String),
    Column("replace", sa.String, nullable=False),
    Column("reading", Sealed, nullable=False),
    Column("contract_digest", sa.String, nullable=False),
    Column("scope_digest", sa.String),
    sa.CheckConstraint("outcome = 'read' or rows_read = rows_accepted + rows_set_aside + rows_out_of_scope"),
)  # fmt: skip
decision_file = sa.Table(
    "decision_file", metadata,
    Column("file_id", sa.String, primary_key=True),
    Column("unit_code", sa.String, nullable=False),
    Column("file_name", Sealed, nullable=False),
    Column("sha256", sa.String, nullable=False),
    Column("received_at", _Utc, nullable=False),
    Column("night", _Day, nullable=False),
    Column("received_seq", sa.BigInteger, nullable=False),
    Column("archived", sa.String, nullable=False),
    Column("state", sa.String, sa.CheckConstraint("state in ('received', 'read', 'answered')"), nullable=False),
    Column("sheets", Sealed, nullable=False),
    Column("refusal", Sealed),
    Column("came_again", _Day),
    sa.UniqueConstraint("unit_code", "sha256"),
    sa.UniqueConstraint("unit_code", "received_seq"),
)  # fmt: skip
decision_line = sa.Table(
    "decision_line", metadata,
    Column("decision_id", sa.String, primary_key=True),
    Column("file_id", sa.String, sa.ForeignKey("decision_file.file_id"), nullable=False, index=True),
    Column("about", sa.String, nullable=False),
    Column("result", sa.String),
    Column("decided_on", _Day),
    Column("row_number", sa.Integer, nullable=False),
    Column("column", sa.Integer, nullable=False),
    Column("written", Sealed, nullable=False),
)  # fmt: skip
night_table = sa.Table(
    "night", metadata,
    Column("run_date", _Day, primary_key=True),
    Column("started_at", _Utc, nullable=False),
    Column("finished_at", _Utc),
    Column("state", sa.String, sa.CheckConstraint("state in ('running', 'done', 'failed')"), nullable=False),
    Column("owner", sa.String, nullable=False),
    Column("counts", _Counts, nullable=False),
)  # fmt: skip

journal_table = sa.Table(
    "journal_head", metadata,
    Column("id", sa.Integer, primary_key=True, autoincrement=False),
    Column("seq", sa.BigInteger, nullable=False),
    Column("hash", sa.String, nullable=False),
)  # fmt: skip
confirmation_table = sa.Table(
    "confirmation", metadata,
    Column("submission_id", sa.String, primary_key=True),  # stays while a file is read again
    Column("decided_on", _Day, primary_key=True),
    Column("by_whom", Sealed, nullable=False),
    Column("reason", Sealed, nullable=False),
)  # fmt: skip
"""Held submissions that the data officer confirmed. A later word of the same day replaces a row; a purge removes it."""
gap_table = sa.Table(
    "gap_confirmation", metadata,
    Column("submission_id", sa.String, primary_key=True),  # stays while a file is read again
    Column("decided_on", _Day, primary_key=True),
    Column("by_whom", Sealed, nullable=False),
    Column("reason", Sealed, nullable=False),
)  # fmt: skip
"""Submissions and files left in the inbox of which the data officer confirmed that no person is missing because of them."""
left_table = sa.Table(
    "left_file", metadata,
    Column("left_id", sa.String, primary_key=True),
    Column("unit_code", sa.String, nullable=False),
    Column("file_name", Sealed, nullable=False),
    Column("sort", sa.String, nullable=False),
    Column("first_on", _Day, nullable=False),
    Column("last_on", _Day, nullable=False),
)  # fmt: skip
"""Files in the inbox that were not taken, with their first and last night: broken-off uploads, copies, files still changing."""
waiver_table = sa.Table(
    "issue_exception", metadata,
    Column("issue_id", sa.String, primary_key=True),
    Column("decided_on", _Day, primary_key=True),
    Column("expires_on", _Day, nullable=False),
    Column("unit_code", sa.String, nullable=False),
    Column("kind", sa.String, nullable=False),
    Column("by_whom", Sealed, nullable=False),
    Column("reason", Sealed, nullable=False),
    Column("source", sa.String, nullable=False),
)  # fmt: skip
"""Waivers: faults that stand as written until they expire. `source`: the file (file_id) or `command`."""
source_table = sa.Table(
    "database_read", metadata,
    Column("run_date", _Day, primary_key=True),
    Column("source", sa.String, primary_key=True),
    Column("state", sa.String, sa.CheckConstraint("state in ('delivered', 'unchanged', 'not_delivered')"), nullable=False),
    Column("rows", sa.BigInteger, nullable=False),
    Column("reason", Sealed, nullable=False),
    Column("at", _Utc, nullable=False),
)  # fmt: skip
"""What became of each database source on each night; the last attempt counts."""


def seal_anew(engine: sa.Engine) -> None:
    """Seal every sealed value again, with the first of the engine's keys; all of them or none."""
    with writing(engine) as connection:
        for table in metadata.sorted_tables:
            sealed = [column for column in table.columns if isinstance(column.type, Sealed)]
            keys = list(table.primary_key.columns)
            if not sealed:
                continue
            for row in connection.execute(sa.select(*keys, *sealed)).all():
                same = (key == row._mapping[key] for key in keys)
                values = {column.name: row._mapping[column] for column in sealed}
                connection.execute(sa.update(table).where(*same).values(values))


def write_anew(engine: sa.Engine) -> None:
    """Write the tables into fresh pages, so that no removed value stays in free pages, dead rows or SQLite's WAL.

    Raises MonitorError when another program reads for so long that the old pages cannot be removed.
    """
    with _spoken(), engine.connect() as connection:
        connection.execution_options(isolation_level=_OUTSIDE)
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("vacuum")
            [busy, *_] = connection.exec_driver_sql("pragma wal_checkpoint(truncate)").one()
            if busy:
                raise MonitorError(
                    "运行记录库正在被别的程序读（ledger.db），旧的内容还没有抹去；关掉那个程序，再运行一次"
                )
            return
        connection.exec_driver_sql(f"set lock_timeout = '{BUSY_SECONDS}s'")
        for table in metadata.sorted_tables:
            connection.exec_driver_sql(f"vacuum (full) {connection.dialect.identifier_preparer.format_table(table)}")


def open_engine(url: str, seal: Seal) -> sa.Engine:
    """An engine, with the tables made and their version checked. Raises ConfigError for an unknown sort of URL or schema version."""
    engine = _engine(url)
    _keys[engine.dialect] = _Keys(seal)
    with looking(engine) as connection:
        is_incomplete = not set(metadata.tables) <= set(sa.inspect(connection).get_table_names())
    if is_incomplete:
        with writing(engine) as connection:
            metadata.create_all(connection)
            if connection.execute(sa.select(version_table)).first() is None:
                connection.execute(sa.insert(version_table).values(version=SCHEMA_VERSION))
    with looking(engine) as connection:
        version = connection.execute(sa.select(version_table.c.version)).scalar_one_or_none()
    if version is None:
        raise spoilt("少了版本号")
    if version != SCHEMA_VERSION:
        raise ConfigError(f"运行记录库的版本是 {version}，本程序认得的是 {SCHEMA_VERSION}；请使用相同版本的程序")
    return engine


@dataclass(frozen=True)
class Reached:
    """How a ledger's database is reached."""

    is_sqlite: bool
    is_on_this_machine: bool
    tls: str
    """PostgreSQL's `sslmode`; its default is `prefer`, which does not check the server's certificate."""
    has_password: bool


def how_reached(url: str) -> Reached:
    """How a URL reaches its database. Raises ConfigError for a text that is no URL."""
    try:
        told = sa.make_url(url)
    except ArgumentError as problem:
        raise ConfigError("monitor.yml:ledger：不是数据库地址，应如 postgresql://用户@主机/库名") from problem
    query = {name: value for name, value in told.query.items() if isinstance(value, str)}
    host = query.get("host") or told.host or "/"
    here = host.startswith("/") or host in ("localhost", "127.0.0.1", "::1")
    return Reached(told.get_backend_name() == "sqlite", here, query.get("sslmode", "prefer"), bool(told.password))


def _engine(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
    except ArgumentError as problem:
        raise ConfigError("monitor.yml:ledger：不是数据库地址，应如 postgresql://用户@主机/库名") from problem
    if parsed.get_backend_name() == "postgresql":
        try:
            return sa.create_engine(
                parsed.set(drivername="postgresql+psycopg"), hide_parameters=True, poolclass=sa.NullPool
            )
        except ImportError as problem:
            raise ConfigError("monitor.yml:ledger：没有安装 PostgreSQL 的驱动（psycopg），请安装后再试") from problem
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        return _sqlite(parsed, Path(parsed.database))
    raise ConfigError(f"monitor.yml:ledger：运行记录库只用 SQLite 或 PostgreSQL，不用 {parsed.get_backend_name()}")


def _sqlite(url: sa.URL, path: Path) -> sa.Engine:
    try:
        path.touch(mode=0o600)
    except OSError as problem:
        raise ConfigError(f"{path}：建不了运行记录库：{why_of_system(problem)}") from problem
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        poolclass=sa.NullPool,
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},
    )

    @sa.event.listens_for(engine, "connect")
    def _settings(connection: Any, _: object) -> None:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("pragma foreign_keys = on")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A reader that becomes a writer can fail to get the lock at once; so a writer takes it when it begins.
        options = connection.get_execution_options()
        if options.get("isolation_level") == _OUTSIDE:
            return
        is_writer = options.get("is_writer", False)
        connection.exec_driver_sql("begin immediate" if is_writer else "begin")

    return engine


@contextmanager
def writing(engine: sa.Engine) -> Iterator[Connection]:
    """One transaction that may write; other writers wait for it. Raises NotNow when the wait is too long."""
    with _spoken(), engine.execution_options(is_writer=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text(f"set local lock_timeout = '{BUSY_SECONDS}s'"))
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITER_LOCK)))
        yield connection


@contextmanager
def looking(engine: sa.Engine) -> Iterator[Connection]:
    """One transaction that only reads."""
    with _spoken(), engine.begin() as connection:
        yield connection


@contextmanager
def _spoken() -> Iterator[None]:
    """Turn the error of a database that is gone, locked, full or spoilt into a sentence for the user."""
    try:
        yield
    except OperationalError as problem:
        raise NotNow(
            f"运行记录库现在用不了；本次改动没有写入，稍后再运行。数据库的{OWN_WORDS}{first_line(problem.orig)}"
        ) from problem
    except sqlite3.DatabaseError as problem:  # the file is no database, or a spoilt one: opening it fails
        raise spoilt(problem) from problem
    except DatabaseError as problem:
        if not isinstance(problem.orig, sqlite3.DatabaseError) or type(problem) is not DatabaseError:
            raise
        raise spoilt(problem.orig) from problem
