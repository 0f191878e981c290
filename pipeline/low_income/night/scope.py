"""Says which people are in scope tonight, and who entered or left it since a partner's files were last read.

Some people are kept because their rows meet a help rule (docs/boundaries.md, 3). They count as in scope for lists with
`or_let_in` (deaths). So a person who died is not put on a list of people in need.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from low_income import warehouse
from low_income.checks.door import Scope
from low_income.records import accepted_store
from low_income.settings import contracts
from low_income.settings.home import Home, atomically
from low_income.warehouse import models

if TYPE_CHECKING:
    import duckdb

_asking = threading.Lock()
Build = Callable[[], warehouse.Inputs]
"""Gives the build's inputs, only when they are needed: most dataset groups have no door."""


@dataclass(frozen=True)
class Tonight:
    """The people in scope for one dataset group's lists."""

    door: Scope | None
    has_gained: bool
    """Whether a person entered the scope since the files were last read."""
    _home: Home
    _dataset_group: str
    _people: pa.Table | None
    _lost: pa.Array[Any]

    def reads_again(self, kind: str, submission_id: str) -> bool:
        """Whether a judged submission must be read again: a person entered the scope, or rows of a person must be dropped."""
        if self.has_gained or not len(self._lost):
            return self.has_gained
        paths = (accepted_store.rows_path(self._home, folder, submission_id) for folder in (kind, "set_aside"))
        return any(
            pc.any(pc.is_in(pq.read_table(path, columns=["person_id"]).column(0), value_set=self._lost)).as_py()
            for path in paths
            if path.exists()
        )

    def holds(self, person_id: str) -> bool:
        """Whether the person is in one of the scopes that the dataset group's doors ask about."""
        return self._people is not None and person_id in self._people.column("person_id").to_pylist()

    def remember(self) -> None:
        """Keep the list of people for whom the dataset group's files have now been read."""
        if self._people is not None:
            _write(self._home, self._dataset_group, self._people.select(["person_id", "scope"]))


def tonight(
    con: duckdb.DuckDBPyConnection, home: Home, day: date, dataset_group: str, inputs: Build, left: Sequence[str] = ()
) -> Tonight:
    """The scope for a dataset group. Registers a table `scope_<scope>` in `con` for each scope that its doors ask about.

    `left`: person_ids whose rows are read again when none of the scopes holds them any more.
    """
    scopes = _scopes(dataset_group)
    if not scopes:
        return Tonight(None, False, home, dataset_group, None, pa.array([], pa.string()))
    people = _people(home, dataset_group, inputs)
    for scope in scopes:
        con.register(f"scope_{scope}", people.filter(pc.field("scope") == scope).select(["id_number"]))
    values = {value.key: value for value in home.policy.on(day) if not value.policy_region and not value.area_type}
    named = {key: int(value.value) for key, value in values.items() if value.value == int(value.value)}
    named |= {f"{key}_fen": value.value_fen for key, value in values.items() if value.value_fen is not None}
    gained, lost = _changes(home, dataset_group, people)
    asked = pa.array(left, pa.string())
    lost = pa.concat_arrays([lost, asked.filter(pc.invert(pc.is_in(asked, value_set=people.column("person_id"))))])
    door = Scope({scope: f"scope_{scope}" for scope in scopes}, named)
    return Tonight(door, gained, home, dataset_group, people, lost)


PEOPLE = "registry.door_person"
"""The table that is built from our own lists."""


def ask(home: Home, inputs: Build) -> pa.Table:
    """(person_id, id_number, scope) of the people that our own lists put into a scope. Built once a night, kept in work/.

    Raises any error with which a build fails.
    """
    kept = _kept(home)
    with _asking:
        if kept.exists():
            return pq.read_table(kept)
        people = warehouse.ask(inputs(), models.read_models(contracts.load().kinds), PEOPLE, work=home.work)
        with atomically(kept) as part:
            pq.write_table(people, part)
        return people


def forget(home: Home) -> None:
    """Remove the kept answer, so that our own lists are asked again: one of them has changed."""
    _kept(home).unlink(missing_ok=True)


def _kept(home: Home) -> Path:
    return home.work / "scope.parquet"


def has_changed(home: Home, dataset_group: str, inputs: Build) -> bool:
    """Whether a dataset group's files must be looked at again, because the people whose rows may be kept have changed."""
    if not _scopes(dataset_group) or not _path(home, dataset_group).exists():
        return False
    gained, lost = _changes(home, dataset_group, _people(home, dataset_group, inputs))
    return gained or len(lost) > 0


def _scopes(dataset_group: str) -> list[contracts.Scope]:
    known = contracts.load()
    return sorted({scope for kind in known.dataset_groups()[dataset_group] for scope in known.kinds[kind].scopes})


def _people(home: Home, dataset_group: str, inputs: Build) -> pa.Table:
    """(person_id, id_number, scope) of the scopes that the dataset group asks about, sorted."""
    people = ask(home, inputs)
    people = people.filter(pc.is_in(people.column("scope"), value_set=pa.array(_scopes(dataset_group))))
    known = contracts.load().kinds.values()
    if any(kind.door and kind.door.or_let_in for kind in known if kind.dataset_group == dataset_group):
        for kind in known:
            if kind.door and kind.door.or_when:
                number = kind.person.id_number
                for path in sorted((home.accepted / kind.name).glob("*.parquet")):
                    rows = pq.read_table(path, columns=["person_id", number]).rename_columns(["person_id", "id_number"])
                    rows = rows.append_column("scope", pa.array([kind.door.scope] * rows.num_rows, pa.string()))
                    people = pa.concat_tables([people, rows])
    unique = people.group_by(["person_id", "id_number", "scope"]).aggregate([])
    return unique.sort_by([("person_id", "ascending"), ("scope", "ascending")])


def _changes(home: Home, dataset_group: str, people: pa.Table) -> tuple[bool, pa.Array[Any]]:
    """(whether somebody entered a scope, people who lost an authorisation) since the dataset group's files were last read.

    People who left the help scope are not among them: retention removes their rows.
    """
    path = _path(home, dataset_group)
    nobody: pa.Array[Any] = pa.array([], pa.string())
    if not path.exists():
        return False, nobody
    before = pq.read_table(path)
    gained, lost = False, [nobody]
    for scope in _scopes(dataset_group):
        then, now = (
            table.filter(pc.field("scope") == scope).column("person_id").combine_chunks() for table in (before, people)
        )
        gained = gained or not pc.all(pc.is_in(now, value_set=then), min_count=0).as_py()
        if scope == "authorised":
            lost.append(then.filter(pc.invert(pc.is_in(then, value_set=now))))
    return gained, pa.concat_arrays(lost)


def _path(home: Home, dataset_group: str) -> Path:
    return accepted_store.rows_path(home, "scope", dataset_group)


def _write(home: Home, dataset_group: str, people: pa.Table) -> None:
    path = _path(home, dataset_group)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with atomically(path) as part:
        pq.write_table(people, part, compression="zstd")
