"""What several rooms' tests share: a home as `monitor init` makes it, and both databases of the ledger."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pymysql
import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings
from low_income.settings.home import Home

from trials.fault_injection import server

if TYPE_CHECKING:
    from low_income.warehouse.models import Models

    from tests.warehouse_kit import Nights

# The same examples on every machine, however busy: a landing must not hang on luck. `make explore` looks further.
settings.register_profile("house", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

FURTHER = 20
"""How many times as many examples `make explore` tries of each property."""


def look_further(settings_of_test: settings) -> settings:
    """What a property asks for, with FURTHER times as many examples, others each time, and no fixed seed."""
    more = settings_of_test.max_examples * FURTHER
    return settings(settings_of_test, max_examples=more, derandomize=False)


LONG = (
    "test_scheduler.py", "test_dags.py", "test_formats.py", "test_damage_property.py", "test_extending.py", "test_claims_answers.py",
    "test_claims.py", "test_forgetting.py", "test_night.py",
)  # fmt: skip
"""Files that take minutes: they begin first, so that no process of a whole run waits for the other one at its end."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put LONG first. With the profile `explore`: what a property says of itself (`@settings`) would count more than the profile."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))
    if config.getoption("--hypothesis-profile") != "explore":
        return
    tests = {item.obj for item in items if isinstance(item, pytest.Function) and is_hypothesis_test(item.obj)}
    for test in {getattr(test, "__func__", test) for test in tests}:
        test._hypothesis_internal_use_settings = look_further(test._hypothesis_internal_use_settings)


_PASSED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep whether all parts of a test passed so far."""
    report = yield
    item.stash[_PASSED] = report.passed and item.stash.get(_PASSED, True)
    return report


@pytest.fixture
def tmp_path(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The folder of a test, emptied after it passed: the homes of a whole run fill a disk.

    The empty folder stays, so no other test gets the same path: results are cached by path. pytest's own
    `tmp_path_retention_policy` removes it.
    """
    yield tmp_path
    if request.node.stash.get(_PASSED, False):
        with suppress(OSError):  # a test may have closed its folder to its user
            for each in tmp_path.iterdir():
                if each.is_dir() and not each.is_symlink():
                    shutil.rmtree(each, ignore_errors=True)
                else:
                    each.unlink()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A fresh home with the sample configuration."""
    Home.create(tmp_path / "home")
    return Home.open(tmp_path / "home")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """The real registry, life and published models with three small rules (warehouse_kit.RULES); read once, never changed."""
    from tests.warehouse_kit import models_with

    return models_with(tmp_path_factory.mktemp("models") / "sql")


@pytest.fixture
def nights(models: Models) -> Iterator[Nights]:
    """One night after the other, in memory."""
    from tests.warehouse_kit import Nights

    nights = Nights(models)
    yield nights
    if nights.con:
        nights.con.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A real PostgreSQL on a socket of its own; gives the URL of its maintenance database."""
    with server.postgresql() as url:
        yield url


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
            while True:
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
            process.wait(timeout=600)


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
