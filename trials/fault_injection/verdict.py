"""Whether a home is as if nothing had happened: its tables, its files, its books; and whether its release can be read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
from low_income.model import MonitorError
from low_income.operate import integrity
from low_income.records import archive, journal
from low_income.records.ledger import Ledger
from low_income.settings.home import Home, digest_of

CLOCKS: Mapping[str, Sequence[str]] = {"release": ["built_at"], "submission": ["received_at"]}
"""Table → columns that say when something was done, which no two runs have in common."""


def differences(
    one: Path, other: Path, *, only: Sequence[str] = (), without: Mapping[str, Sequence[str]] | None = None
) -> dict[str, list[Any]]:
    """Published table → rows that stand in the current release of one home only; `without`: table → columns not compared."""
    found: dict[str, list[Any]] = {}
    with closing(duckdb.connect()) as con:
        names: dict[str, set[str]] = {}
        for name, home in (("one", one), ("other", other)):
            con.execute(f"attach '{(home / 'warehouse.duckdb').resolve()}' as {name} (read_only)")
            tables = con.execute("select table_name from duckdb_tables() where database_name = ?", [name]).fetchall()
            names[name] = {table for (table,) in tables}
        if odd := names["one"] ^ names["other"]:
            return {"tables": sorted(odd)}
        for table in only or sorted(names["one"]):
            left_out = ", ".join((without or {}).get(table, ()))
            columns = f"* exclude ({left_out})" if left_out else "*"
            both = [f"select {columns} from {name}.main.{table}" for name in ("one", "other")]
            rows = [
                (side, *row)
                for side, (mine, theirs) in (("one", both), ("other", both[::-1]))
                for row in con.execute(f"{mine} except all {theirs}").fetchall()
            ]
            if rows:
                found[table] = rows
    return found


def contents(release: Path) -> str:
    """One word for all that a release says, clocks excepted. Raises duckdb.Error when it cannot be read through."""
    told = hashlib.sha256()
    with closing(duckdb.connect(str(release), read_only=True)) as con:
        for (table,) in con.execute("select table_name from duckdb_tables() order by 1").fetchall():
            left_out = ", ".join(CLOCKS.get(table, ()))
            columns = f"* exclude ({left_out})" if left_out else "*"
            query = f"select count(*), sum(hash(source)) from (select {columns} from {table}) as source"
            told.update(f"{table} {con.execute(query).fetchall()}".encode())
    return told.hexdigest()


def wrong(home: Path, undisturbed: Path, *, in_between: bool = False) -> list[str]:
    """What is not as in the undisturbed home after the night was run again; [] when all is.

    `in_between`: another version of a file stood in the inbox and may rightly have been taken as well, so that only what
    is concluded is compared, not what was received.
    """
    found = [f"table {name}: {len(rows)} rows differ" for name, rows in _tables(home, undisturbed, in_between).items()]
    place, same = Home.open(home), Home.open(undisturbed)
    ledger = Ledger.of(place)
    found += [
        f"submission {each.submission_id}: {each.rows_read} read, but {each.rows_accepted} accepted,"
        f" {each.rows_set_aside} set aside, {each.rows_out_of_scope} out of scope"
        for each in ledger.submissions()
        if each.rows_read != each.rows_accepted + each.rows_set_aside + each.rows_out_of_scope
    ]
    found += [f"night {each.run_date} is {each.state}" for each in ledger.nights() if each.state != "done"]
    if waiting := [*ledger.files(state="received"), *ledger.submissions(outcome="read")]:
        found.append(f"{len(waiting)} files or submissions still wait")
    if not in_between:
        if archive.kept(place) != archive.kept(same):
            found.append("archive: not the same files")
        for folder in ("returns", "lists", "outbox", "inbox", "decisions", "accepted"):
            mine, theirs = _names(home / folder), _names(undisturbed / folder)
            found += [
                f"{folder}: {name} is {'missing' if name in theirs else 'too many'}" for name in sorted(mine ^ theirs)
            ]
        mine_there = {name for name in _names(home / "accepted") if (undisturbed / "accepted" / name).exists()}
        found += [
            f"accepted: {name} has other bytes"
            for name in sorted(mine_there)
            if digest_of(home / "accepted" / name) != digest_of(undisturbed / "accepted" / name)
        ]
    found += [f"left behind: {name}" for name in left_behind(home)]
    found += [f"releases: {len(_releases(home))} are kept"] * (len(_releases(home)) > len(_releases(undisturbed)) + 1)
    found += [f"verify: {problem}" for problem in integrity.verify(home)["problems"]]
    return found


def _tables(home: Path, undisturbed: Path, in_between: bool) -> dict[str, list[Any]]:
    if not in_between:
        return differences(undisturbed, home, without=CLOCKS)
    concluded = ("person", "household_member", "enrolment", "registry_check", "temporary_grant")
    same = differences(undisturbed, home, only=concluded)
    keys = {"warning": ["evidence", "freshness", "policy"], "warning_list": ["evidence", "freshness", "policy"]}
    return same | differences(undisturbed, home, only=tuple(keys), without=keys)


def bytes_of(folder: Path, *, without: Sequence[str] = ()) -> dict[str, str]:
    """File below a folder → SHA-256 of its bytes, of a link where it points to; `without`: names left out."""
    return {
        path.relative_to(folder).as_posix(): str(path.readlink())
        if path.is_symlink()
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if (path.is_symlink() or path.is_file()) and path.relative_to(folder).as_posix() not in without
    }


def left_behind(home: Path) -> list[str]:
    """Files that only a work in progress has: names that begin with a point, and all of work/."""
    hidden = [path for path in home.rglob(".*") if path.name != ".lock"]
    return sorted(str(path.relative_to(home)) for path in [*hidden, *(home / "work").iterdir()])


def one_writer(home: Path) -> list[str]:
    """Nights that ran into each other, by the journal."""
    running = False
    for entry in journal.read(Home(home)):
        if entry.what == "night":
            running = True
        elif entry.what == "published":
            if not running:
                return [f"journal line {entry.seq}: published twice in one night"]
            running = False
    return []


def unreadable(release: Path, allowed: frozenset[str] | None, *, only_looked_at: bool = False) -> list[str]:
    """Why a release is not one of those allowed (any that can be read, when None); read through, or one that was looked at."""
    try:
        if only_looked_at:
            with closing(duckdb.connect(str(release), read_only=True)) as con:
                con.execute(
                    "select run_date, (select count(*) from person), (select count(*) from warning) from release"
                )
            return []
        said = contents(release)
    except (duckdb.Error, MonitorError) as problem:
        return [f"release: {type(problem).__name__}"]
    return [] if allowed is None or said in allowed else ["release: neither the one before nor the one after"]


def _names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def _releases(home: Path) -> list[Path]:
    return sorted((home / "releases").iterdir())
