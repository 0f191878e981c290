"""The bureau's ledger and its partner's table on a real PostgreSQL: a copy for each trial."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import sqlalchemy as sa
import yaml
from low_income.model import MonitorError
from low_income.night import run
from low_income.records.ledger.tables import metadata, open_engine
from low_income.records.seal import Seal
from low_income.settings.home import Home

from trials.fault_injection import bureau, server
from trials.fault_injection.stage import Night, Stage


class Ledgers:
    """Databases of one server: a ledger for each trial that breaks the line to it, a partner's table for each night."""

    def __init__(self, stage: Stage, url: str) -> None:
        self._stage, self._url = stage, url
        self._carried: dict[tuple[str, int], int] = {}

    @classmethod
    @contextmanager
    def open(cls, stage: Stage) -> Iterator[Ledgers]:
        """A server of our own, as long as it is needed."""
        with server.postgresql() as url:
            yield cls(stage, url)

    def configure(self, home: Path) -> None:
        """Let a home keep its ledger there."""
        config = home / "monitor.yml"
        settings = yaml.safe_load(config.read_text(encoding="utf-8")) | {"ledger": f"env:{bureau.LEDGER_VARIABLE}"}
        config.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
        for file in home.glob("ledger.db*"):
            file.unlink()

    def ledger(self, name: object, night: int) -> str:
        """A new ledger that says what the home's says before a night; its URL."""
        url = self._database(f"ledger_{name}")
        place = Home(self._stage.before(night))
        seal = Seal.of(place)
        engine = open_engine(url, seal)
        if (place.root / "ledger.db").exists():
            with open_engine(place.ledger_url, seal).connect() as source, engine.begin() as target:
                for table in metadata.sorted_tables:
                    rows = [dict(row._mapping) for row in source.execute(sa.select(table))]
                    target.execute(sa.delete(table))
                    if rows:
                        target.execute(sa.insert(table), rows)
        return url

    def source(self, night: int) -> str:
        """The partner's table as it stands on a night; the URL of its database."""
        url = self._database(f"partner_{night}", or_there=True)
        with psycopg.connect(url) as connection:
            columns = ", ".join(f'"{name}" text' for name in bureau.TABLE_COLUMNS)
            connection.execute(f'drop table if exists "{bureau.TABLE}"'.encode())
            connection.execute(f'create table "{bureau.TABLE}" ({columns})'.encode())
            with connection.cursor() as cursor:
                cursor.executemany(f'insert into "{bureau.TABLE}" values (%s, %s, %s)'.encode(), bureau.table_of(night))
        return url

    def bytes_of_ledger(self, night: int) -> int:
        """How much comes back from the ledger over a whole undisturbed night."""

        def measure(home: Path) -> int:
            self.configure(home)
            url = self.ledger(f"measured_{night}", night)
            with server.line(url) as (through, counted):
                self._night(
                    home, night, {bureau.SOURCE_VARIABLE: self._stage.source(night), bureau.LEDGER_VARIABLE: through}
                )
                return int(counted.read_text())

        return self._measured(("ledger", night), measure)

    def bytes_of_source(self, night: int) -> int:
        """How much comes back from the partner's database while its table is read."""

        def measure(home: Path) -> int:
            with server.line(self.source(night)) as (through, counted):
                night_of = Night(
                    home.parent / "measured-night",
                    lambda: run.fetch(home, bureau.NIGHTS[night], bureau.SOURCE),
                    {bureau.SOURCE_VARIABLE: through},
                )
                _ended_well(night_of)
                return int(counted.read_text())

        return self._measured(("source", night), measure)

    def _measured(self, what: tuple[str, int], measure: Callable[[Path], int]) -> int:
        if what not in self._carried:
            home = self._stage.folder / "measured"
            shutil.copytree(self._stage.before(what[1]), home, symlinks=True)
            self._carried[what] = measure(home)
            shutil.rmtree(home)
        return self._carried[what]

    def _night(self, home: Path, night: int, environment: dict[str, str]) -> None:
        _ended_well(Night(home.parent / "measured-night", lambda: run.night(home, bureau.NIGHTS[night]), environment))

    def _database(self, name: str, *, or_there: bool = False) -> str:
        with psycopg.connect(self._url, autocommit=True) as connection:
            there = connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone()
            if not (there and or_there):
                connection.execute(f'create database "{name}"'.encode())
        return self._url.replace("/postgres?", f"/{name}?")


def _ended_well(night: Night) -> None:
    ended = night.wait()
    if ended.code != 0:
        raise MonitorError(f"没有受干扰的一夜也没有完成：{ended.said}")
