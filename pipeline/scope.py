"""Who is in scope tonight, and whether somebody entered it since a partner's files were last read.

Persons whose rows were let in by a help rule of their own (mission, boundary 3) count as in scope for lists that have no
such rule, so that somebody who died is not put on a list of people in need.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline import contracts, warehouse
from pipeline.checks.door import Scope
from pipeline.home import Home, atomically
from pipeline.warehouse import models

if TYPE_CHECKING:
    import duckdb

Build = Callable[[], warehouse.Inputs]
"""Gives the build's inputs when they are needed: most families have no door."""


@dataclass(frozen=True)
class Tonight:
    """Who is in scope for one family's lists."""

    door: Scope | None
    has_gained: bool
    """Somebody is in scope whose rows were dropped at the door before."""
    _home: Home
    _family: str
    _people: pa.Table | None

    def remember(self) -> None:
        """Keep for whom the family's files have now been read."""
        if self._people is not None:
            _write(self._home, self._family, self._people.select(["person_id"]))


def tonight(con: duckdb.DuckDBPyConnection, home: Home, day: date, family: str, inputs: Build) -> Tonight:
    """The scope for a family; registers the table `scope_help` in `con` when the family has a door."""
    if not _has_door(family):
        return Tonight(None, False, home, family, None)
    people = _people(home, family, inputs)
    con.register("scope_help", people.select(["id_number"]))
    values = {value.key: value for value in home.policy.on(day) if not value.policy_region and not value.area_type}
    named = {key: int(value.value) for key, value in values.items() if value.value == int(value.value)}
    named |= {f"{key}_fen": value.value_fen for key, value in values.items() if value.value_fen is not None}
    return Tonight(Scope({"help": "scope_help"}, named), _gained(home, family, people), home, family, people)


def has_gained(home: Home, family: str, inputs: Build) -> bool:
    """Whether somebody entered the scope of a family that has been read before."""
    if not _has_door(family) or not _path(home, family).exists():
        return False
    return _gained(home, family, _people(home, family, inputs))


def _has_door(family: str) -> bool:
    known = contracts.load()
    return any(known.kinds[kind].is_partner for kind in known.families()[family])


def _people(home: Home, family: str, inputs: Build) -> pa.Table:
    """(person_id, id_number), sorted. Our own lists are asked once a night."""
    kept = home.work / "scope.parquet"
    if kept.exists():
        people = pq.read_table(kept)
    else:
        people = warehouse.ask(inputs(), models.read_models(contracts.load().kinds), "registry.scope_person").select(
            ["person_id", "id_number"]
        )
        with atomically(kept) as part:
            pq.write_table(people, part)
    known = contracts.load().kinds
    if all((door := kind.door) is None or door.or_when is None for kind in known.values() if kind.family == family):
        for kind in known.values():
            if kind.door and kind.door.or_when:
                paths = sorted((home.accepted / kind.name).glob("*.parquet"))
                rows = [pq.read_table(path, columns=["person_id", kind.person.id_number]) for path in paths]
                people = pa.concat_tables(
                    [people, *(table.rename_columns(["person_id", "id_number"]) for table in rows)]
                )
    unique = people.group_by(["person_id", "id_number"]).aggregate([])
    return unique.sort_by([("person_id", "ascending")])


def _gained(home: Home, family: str, people: pa.Table) -> bool:
    path = _path(home, family)
    if not path.exists():
        return False
    before = pq.read_table(path).column("person_id")
    return not pc.all(pc.is_in(people.column("person_id"), value_set=before.combine_chunks())).as_py()


def _path(home: Home, family: str) -> Path:
    return home.accepted / "scope" / f"{family}.parquet"


def _write(home: Home, family: str, people: pa.Table) -> None:
    path = _path(home, family)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with atomically(path) as part:
        pq.write_table(people, part, compression="zstd")
