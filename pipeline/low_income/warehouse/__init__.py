"""Builds, examines, publishes and reads the DuckDB files of a home; no other module opens such a file.

It loads accepted rows, makes the tables of sql/, examines the result, and publishes it whole or not at all.

A release is built in a private directory, examined, renamed into releases/<n>, and becomes current by one
rename of the link `warehouse.duckdb`. Readers see the old release or the new one, never a mixture.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from low_income.folding import says_something
from low_income.model import TAKEN_OUT, ConfigError, ModelError, NotWritten, PublishRefused, mask, quote, tell_failure
from low_income.settings.contracts import Kind
from low_income.settings.home import PART, sync
from low_income.warehouse import engines, evidence, suggestion, what_if, why_not, withdrawal
from low_income.warehouse.decided import DECIDED, Decided, Rows, make_contradiction, make_named_in, source
from low_income.warehouse.engines import OF_THE_MACHINE as OF_THE_MACHINE
from low_income.warehouse.engines import own_words
from low_income.warehouse.given import CARD_TABLES as CARD_TABLES
from low_income.warehouse.given import INPUT as INPUT
from low_income.warehouse.given import PREVIOUS as PREVIOUS
from low_income.warehouse.models import (
    ANSWER,
    CONTRADICTION,
    EPISODE,
    EVERY,
    FRESHNESS,
    NAMED_IN,
    SUGGESTION,
    TURNED,
    WHAT_IF,
    WITHDRAWAL,
    About,
    Models,
    Published,
)

RECEIPT = {"received_seq": "BIGINT", "file_name": "VARCHAR"}
"""Columns of `accepted.<kind>`, beside the kind's own, about the submission in which a row came."""

_WILSON = (
    "create macro wilson_{side}(hits, n) as case when hits = {edge} then {bound} else"
    " (hits / nullif(n, 0)::double + 1.920729 / nullif(n, 0) {sign} 1.959964 * sqrt(hits / nullif(n, 0)::double"
    " * (1 - hits / nullif(n, 0)::double) / nullif(n, 0) + 0.960365 / nullif(n * n, 0)::double))"
    " / (1 + 3.841459 / nullif(n, 0)) end"
)
MACROS = (
    _WILSON.format(side="low", edge="0", bound="0", sign="-"),
    _WILSON.format(side="high", edge="n", bound="1", sign="+"),
    "create macro folded_name(name) as upper(translate(name, '·•・．.‧∙●･ 　', ''))",
    "create macro masked_number(number) as substr(number, 1, 6) || '********' || right(number, 3)",
)
"""`wilson_low(hits, n)` and `wilson_high(hits, n)`: the bounds, from 0 to 1, of a share of counts, by Wilson's interval at 95 % (z = 1.959964);
0 and 1 where n is 0. `folded_name(name)`: a name as it is compared, without case, blanks and the dots of long names.
`masked_number(number)`: a number as `model.mask` shows it.

The only macros that sql/ may use; another engine needs them by these names.
"""

KEPT = 7
"""Releases that stay on disk (docs/outputs.md, the home)."""

POSITIONS = frozenset(
    {"row_id", "submission_id", "unit_code", "division_code", "registry", "period", "kind", "rule_code", "warning_id"}
)
"""Columns that say where a bad row is, and do not say about whom it is."""


@dataclass(frozen=True)
class Inputs:
    """All that the result of a build depends on, beside sql/ and expectations/."""

    day: date
    """The night's date D."""
    accepted: Mapping[str, Rows] = field(default_factory=dict)
    """Kind → rows of the submissions in force; a kind that is not named has no rows."""
    unproven: Mapping[str, Rows] = field(default_factory=dict)
    """Kind → set-aside rows of the same submissions whose only fault is their number; `person_id` is NULL."""
    given_tables: Mapping[str, Rows] = field(default_factory=dict)
    """Table of INPUT → its rows; a table that is not named is empty."""
    made: Mapping[str, pa.Table] = field(default_factory=dict)
    """Table that a build makes → rows that are used instead; only for examples beside models."""
    previous: Path | None = None
    """warehouse.duckdb of the last release of an earlier night (`previous_release`)."""
    keys: Sequence[str] = field(default=(), repr=False)
    """What opens `previous` when it is encrypted."""
    earlier: Callable[[date], Inputs] | None = field(default=None, repr=False)
    """The night of an earlier release → its inputs, as far as they decide who is listed; called when a warning is gone."""
    warning_id: Callable[[str, str, date], str] | None = None
    """(rule_code, subject_id, first_seen_on) → keyed hash; needed for `main` models only."""


@dataclass(frozen=True)
class Limits:
    """What one build may take of the machine."""

    memory: str = "4GB"
    threads: int = 2


LIMITS = Limits()
HARDENED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,  # no other file, no network, no ATTACH, no COPY
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,  # a table's name is never a variable of the program
    "temp_directory": "",  # what does not fit into memory fails; nothing of it lands on a disk
    "memory_limit": LIMITS.memory,
    "threads": LIMITS.threads,
    "lock_configuration": True,
}
"""How a published file is opened. An analyst's shell should be opened the same way (docs/manual.md)."""
_LAST = ("enable_external_access", "lock_configuration")
"""Settings of HARDENED that are made only after an encrypted file is attached, since attaching it is a query."""


def ask(inputs: Inputs, models: Models, table: str, *, limits: Limits = LIMITS, work: Path | None = None) -> pa.Table:
    """One table of sql/, built in memory with only the tables that it is made from; `work` as in `in_memory`.

    `table` is `registry.<name>`, `warnings.<name>` or `main.<name>`. Raises ModelError.
    """
    return ask_for(inputs, models, {table: f"select * from {table}"}, limits=limits, work=work)[table]


def ask_for(
    inputs: Inputs, models: Models, queries: Mapping[str, str], *, limits: Limits = LIMITS, is_trial: bool = False,
    work: Path | None = None,
) -> dict[str, pa.Table]:  # fmt: skip
    """Table of sql/ → the answer to a query over it; as `ask`, but tables that several of them need are built once.

    `is_trial`: only who would be listed matters, so warnings have no reason and no evidence.
    """
    models.validate(queries)
    with in_memory(work, limits) as con:
        _make(con, inputs, models, queries, is_trial=is_trial)
        return {table: con.sql(query).to_arrow_table() for table, query in queries.items()}


def trace(inputs: Inputs, models: Models, rule: str, person_id: str) -> list[why_not.Failing] | None:
    """The conditions of a rule (`warnings.<code>`) that do not hold for a person; [] when all hold, None when the person is unknown."""
    models.validate([rule])
    with closing(_connect(None, LIMITS)) as con:
        _make(con, inputs, models, [rule, "registry.person", "registry.household_member"])
        found = con.execute(
            "select person_id, household_id, head_person_id from registry.person where person_id = ?", [person_id]
        ).fetchall()
        return why_not.trace(con, models, rule, why_not.Subject(*found[0])) if found else None


@dataclass(frozen=True)
class Failure:
    """Why a release cannot be built."""

    table: str
    """The table that could not be made, or that fails its examination; '' where rows could not be loaded."""
    said: str
    """The reason in words, without a value from a row."""


def attempt(
    inputs: Inputs, models: Models, wanted: Sequence[str] | None = None, *, work: Path, key: str | None = None
) -> Failure | None:
    """Make and examine a release in memory, and write nothing; gives the first failure, None when there is none.

    `wanted`: make only these tables and the tables that they are made from, and examine only these. `work`, `key`: as in
    `build`. Raises only OF_THE_MACHINE.
    """
    begun: list[str] = []
    with (
        tempfile.TemporaryDirectory(dir=work, prefix="build-") as private,
        _spilling(Path(private), key, LIMITS) as con,
    ):
        try:
            _make(con, inputs, models, wanted or models.everything(), begun=begun)
            wrong = _verify_tables(con, models, set(wanted) if wanted else None)
            if not wrong and not wanted:
                wrong = _verify_counts(con)
        except OF_THE_MACHINE:
            raise
        except Exception as problem:  # noqa: BLE001 - any failure is told, and the caller asks which rows cause it
            return Failure(begun[-1] if begun else "", tell_failure(problem))
    return Failure(*wrong[0]) if wrong else None


def build(
    inputs: Inputs, models: Models, target: Path, *, work: Path, key: str | None = None, limits: Limits = LIMITS
) -> dict[str, int]:
    """Build and examine a whole release in the directory `target`; published table → rows.

    Writes `warehouse.duckdb` and `divisions/<unit>.duckdb`, checkpointed and read-only. The build itself is in memory.
    What does not fit is written below `work`, so `work` lies on the home's encrypted volume; one build at a time uses it.
    What an interrupted night left in `work` or `target` is removed first. With a `key`, DuckDB encrypts the files and what
    is written below `work`.

    Raises ModelError, before anything is built, when sql/ or the policy cannot be used; ConfigError when DuckDB cannot
    encrypt safely here; PublishRefused when the result fails its examination: then `target` does not exist.
    """
    models.validate(models.everything())
    if key:
        verify_encryption()
    for left in [*work.glob("build-*"), target]:
        if left.exists():
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=work, prefix="build-") as private:
        release = Path(private) / "release"
        release.mkdir(mode=0o700)
        (release / "divisions").mkdir(mode=0o700)
        with _spilling(Path(private), key, limits) as con:
            _make(con, inputs, models, models.everything())
            if wrong := verify_release(con, models):
                raise PublishRefused("新的一版没有通过检查，仍用上一版：\n" + "\n".join(wrong))
            published = models.published
            units = con.execute(
                "select unit_code from input.unit where unit_kind = 'division' order by unit_code"
            ).fetchall()
            try:
                digests = _write(con, release / "warehouse.duckdb", published, None, key)
                shown = _shown_tables(con, published, [unit for (unit,) in units])
                for (unit,) in units:
                    _write(con, release / "divisions" / f"{unit}.duckdb", shown[unit], unit, key)
                _read_back(release / "warehouse.duckdb", digests, key)
            # These messages name a file and what the system said, and no row: the written tables have no constraint that a row could break.
            except (duckdb.IOException, duckdb.TransactionException) as problem:
                raise NotWritten(f"新的一版没有写成，仍用上一版（磁盘满了或坏了？）。{own_words(problem)}") from problem
        for path in sorted(release.rglob("*.duckdb")):
            path.chmod(0o400)
        for path in [*sorted(release.rglob("*")), release]:
            sync(path)
        release.rename(target)
    return {name: rows for name, (rows, _) in digests.items()}


@dataclass(frozen=True)
class Publication:
    """What publishing a built release will do; known before it is done, so that the journal can tell it first."""

    number: int
    """The number n of its folder `releases/<n>`."""
    becomes_current: bool
    """False for a release of an earlier night than the current one."""
    retired: tuple[int, ...]
    """Numbers of the releases that are removed, ascending."""


def plan(built: Path, releases: Path, link: Path, *, kept: int = KEPT, keys: Sequence[str] = ()) -> Publication:
    """What `publish` is to do with a built release. `keys` open releases that are encrypted.

    The last `kept` releases stay, and the one that `previous_release` needs to run this night again.
    """
    number = next_number(releases)
    night = _night_of(built, keys)
    current = link.resolve().parent if link.exists() else None
    becomes_current = current is None or _night_of(current, keys) <= night
    needed = {number if becomes_current or current is None else int(current.name)}
    if earlier := previous_release(releases, night, keys):
        needed.add(int(earlier.parent.name))
    older = [*_numbers(releases), number][:-kept]
    return Publication(number, becomes_current, tuple(each for each in older if each not in needed))


def publish(built: Path, releases: Path, link: Path, planned: Publication) -> Path:
    """Do what was planned for a built release; gives its directory `releases/<n>`.

    A crash before the last rename leaves the link as it was.
    """
    releases.mkdir(exist_ok=True, mode=0o700)
    release = keep(built, releases, planned.number)
    if planned.becomes_current:
        _swap(link, release / "warehouse.duckdb")
    drop(releases, [str(number) for number in planned.retired])
    return release


def kept_releases(folder: Path) -> list[int]:
    """Numbers of the kept releases, ascending; those laid aside are not among them."""
    return _numbers(folder)


def roll_back(folder: Path, link: Path, number: int) -> None:
    """Make a kept release the current one, by one rename; the later ones become `<n>.laid_aside`."""
    _swap(link, folder / str(number) / "warehouse.duckdb")
    for later in _numbers(folder):
        if later > number:
            (folder / str(later)).rename(folder / f"{later}.laid_aside")
    sync(folder)


def previous_release(releases: Path, day: date, keys: Sequence[str] = ()) -> Path | None:
    """warehouse.duckdb of the last release of a night before `day`; None when there is none. `keys` open encrypted ones."""
    nights = [(_night_of(releases / str(number), keys), number) for number in _numbers(releases)]
    earlier = [pair for pair in nights if pair[0] < day]
    return releases / str(max(earlier)[1]) / "warehouse.duckdb" if earlier else None


def release_of(releases: Path, day: date, keys: Sequence[str] = ()) -> Path | None:
    """warehouse.duckdb of the last kept release of the night of `day`; None when there is none. `keys` open encrypted ones."""
    of_it = [number for number in _numbers(releases) if _night_of(releases / str(number), keys) == day]
    return releases / str(of_it[-1]) / "warehouse.duckdb" if of_it else None


WRITTEN = ("measure", "note")
"""Columns with texts that people wrote in filled-in lists, in published tables that have a `decision_id`."""


@dataclass(frozen=True)
class LeftOut:
    """The rows of a release that a copy of it leaves out."""

    words: frozenset[str] = frozenset()
    """Rows whose texts contain one of these, except in the tables that stay `whole`."""
    issues: frozenset[str] = frozenset()
    """Numbers of issues."""
    contacts: frozenset[str] = frozenset()
    """Households whose address and telephone are left out (`visit_contact`)."""
    decisions: frozenset[str] = frozenset()
    """decision_ids whose written texts are taken out; their rows stay, and say so (TAKEN_OUT)."""
    whole: frozenset[str] = frozenset()

    def condition(self, table: str, columns: str | None) -> tuple[str, list[Any]]:
        """SQL condition for the rows that are left out, and its parameters; `columns`: the table's text columns, quoted, with commas."""
        conditions, values = ["false"], list[Any]()
        if self.words and columns and table not in self.whole:
            values.append("|".join(re.escape(word) for word in sorted(self.words)))
            there = columns.split(", ")
            notes = {f'"{column}"' for column in WRITTEN} if '"decision_id"' in there else set()
            texts = ", ".join(column for column in there if column not in notes) or "''"
            conditions.append(f"regexp_matches(concat_ws(chr(10), {texts}), ${len(values)})")
        if self.issues and table == "validation_issue":
            values.append(sorted(self.issues))
            conditions.append(f"issue_id in (select unnest(${len(values)}))")
        if self.contacts and table == "visit_contact":
            values.append(sorted(self.contacts))
            conditions.append(f"household_id in (select unnest(${len(values)}))")
        return " or ".join(conditions), values


def without(release: Path, left_out: LeftOut, target: Path, keys: Sequence[str] = ()) -> int:
    """Write a copy of a release without some rows and notes; gives how many rows are gone or changed, in all of its files.

    The files of the release are not touched. `keys` open it when it is encrypted; the copy is encrypted with the same key.
    """
    gone = 0
    for path in sorted(release.rglob("*.duckdb")):
        copy = target / path.relative_to(release)
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with closing(_connect(None, LIMITS)) as con:
            key = _attach(con, path, "old", keys)
            if key:
                _load_cryptography(con)
            closed = (", encryption_key $1", [key]) if key else ("", [])
            con.execute(f"attach {quote(str(copy))} as ready (storage_version 'v1.5.0'{closed[0]})", closed[1])
            con.execute("set checkpoint_threshold = '0KB'")
            con.begin()
            con.execute("copy from database old to ready (schema)")
            texts = con.execute(
                "select table_name, string_agg('\"' || column_name || '\"', ', ') filter (data_type = 'VARCHAR')"
                " from duckdb_columns() where database_name = 'old' and schema_name = 'main' group by all order by all"
            ).fetchall()
            for table, columns in texts:
                told, values = left_out.condition(table, columns)
                there = (columns or "").replace('"', "").split(", ")
                notes = [column for column in WRITTEN if column in there and "decision_id" in there]
                values += [sorted(left_out.decisions)] if notes else []
                is_said = f"coalesce(decision_id in (select unnest(${len(values)})), false)" if notes else "false"
                shown = ", ".join(
                    f"case when {is_said} and {column} is not null then {quote(TAKEN_OUT)} else {column} end as {column}"
                    for column in notes
                )
                rows = f"select * {f'replace ({shown})' if shown else ''} from old.{table} where not ({told})"
                changed = f"select count(*) from old.{table} where ({told}) or {is_said}"
                gone += con.execute(changed, values).fetchall()[0][0]
                con.execute(f"insert into ready.{table} {rows}", values)
            con.commit()
            con.execute("checkpoint ready")
            con.execute("detach ready")
        copy.chmod(0o400)
        sync(copy)
    sync(target)
    return gone


def next_number(releases: Path) -> int:
    """The number of the next release; those that were laid aside keep theirs."""
    used = [path.name.split(".")[0] for path in releases.iterdir()] if releases.exists() else []
    return max((int(name) for name in used if name.isdecimal()), default=0) + 1


def keep(release: Path, releases: Path, number: int) -> Path:
    """Put a release among the kept ones, without making it the current one; gives its folder."""
    kept = releases / str(number)
    release.rename(kept)
    sync(releases)
    return kept


def others(releases: Path, kept: Collection[str]) -> list[str]:
    """Names of all releases except those `kept`, sorted; also those laid aside, and those that were only half removed."""
    return sorted(path.name for path in releases.iterdir() if path.name not in kept)


def drop(releases: Path, names: Iterable[str]) -> None:
    """Remove releases."""
    for name in names:
        # After a crash, half a release under its own name would be taken for a whole one.
        gone = releases / (name if name.startswith(PART) else f"{PART}{name}")
        (releases / name).rename(gone)
        shutil.rmtree(gone)


def read(link: Path, keys: Sequence[str] = ()) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the current release, or to a division's file of one; close it after use.

    `keys`: what may open it when it is encrypted (`seal.release_keys`); reading needs no extension.

    Queries on it reach this one file and nothing else on the machine (HARDENED). The link is resolved first: while a
    process has one connection open, opening the same path again would give it the old release. Raises PublishRefused when
    nothing was published yet, or no key opens it.
    """
    if not link.exists():
        raise PublishRefused("还没有任何一版数据，先运行一晚：monitor run")
    return _read_only(link.resolve(), keys)


def _read_only(path: Path, keys: Sequence[str]) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), read_only=True, config=HARDENED)
    except duckdb.CatalogException:  # it is encrypted: such a file is attached, with its key
        con = duckdb.connect(config={name: value for name, value in HARDENED.items() if name not in _LAST})
    try:
        _attach(con, path, "opened", keys)
        con.execute("use opened")
        for name in _LAST:
            con.execute(f"set {name} = {HARDENED[name]}")
    except BaseException:
        con.close()
        raise
    return con


def _attach(con: duckdb.DuckDBPyConnection, path: Path, name: str, keys: Sequence[str]) -> str | None:
    """Attach a file for reading, encrypted or not; gives the key that opened it. Raises PublishRefused when no key does."""
    try:
        con.execute(f"attach {quote(str(path))} as {name} (read_only)")
    except duckdb.CatalogException:  # "without a key"
        pass
    else:
        return None
    for key in keys:
        try:  # the key is a bound value, so that no message and no log of queries can hold it
            con.execute(f"attach {quote(str(path))} as {name} (read_only, encryption_key $1)", [key])
        except duckdb.InvalidInputException:  # "Wrong encryption key"
            continue
        return key
    place = "/".join(path.parts[-2:])
    raise PublishRefused(f"{place} 是加密的，现有的密钥打不开；请从备份恢复 release.key（密钥文件夹里）")


def keys_in_use(releases: Path, keys: Sequence[str]) -> set[str]:
    """The keys that some release on the disk, laid aside or not, needs to be opened; all `keys` when a release is damaged."""
    used = set()
    for path in sorted(releases.glob("*/warehouse.duckdb")):
        with closing(_connect(None, LIMITS)) as con:
            try:
                used.add(_attach(con, path, "opened", keys))
            except (duckdb.Error, PublishRefused):
                return set(keys)
    return {key for key in used if key}


def verify_encryption() -> None:
    """Try whether DuckDB writes encrypted files safely on this machine. Raises ConfigError, in words, when it does not.

    DuckDB's own cryptography only reads such files: its authors withdrew it from writing, since its random numbers are
    weak. The extension httpfs brings OpenSSL's. The setting that writes without it (`force_mbedtls_unsafe`) is never used.
    """
    with tempfile.TemporaryDirectory() as folder, closing(_connect(None, LIMITS)) as con:
        try:
            _load_cryptography(con)
            con.execute(
                f"attach {quote(f'{folder}/tried.duckdb')} as tried (encryption_key $1)", [secrets.token_hex(32)]
            )
            con.execute("create table tried.tried as select 1 as tried")
        except duckdb.Error as problem:
            raise ConfigError(
                "monitor.yml:encrypt_releases：这台机器上 DuckDB 不能安全地写加密文件"
                f"（缺它的 httpfs 扩展 {duckdb.__version__} 版，程序从不联网下载）；按使用手册“加密的预警库”装好，"
                f"或者改成 false、靠卷加密保护。{own_words(problem)}"
            ) from problem


def _load_cryptography(con: duckdb.DuckDBPyConnection) -> None:
    """Load OpenSSL's cryptography from an extension on this machine; nothing is fetched (`autoinstall_known_extensions`)."""
    con.execute("load httpfs")


def _swap(link: Path, target: Path) -> None:
    fresh = link.with_name(f"{PART}{link.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(os.path.relpath(target, link.parent))
    fresh.replace(link)
    sync(link.parent)


def _numbers(releases: Path) -> list[int]:
    return sorted(int(path.name) for path in releases.iterdir() if path.name.isdecimal()) if releases.exists() else []


def _night_of(release: Path, keys: Sequence[str]) -> date:
    try:
        with closing(_read_only(release / "warehouse.duckdb", keys)) as con:
            found = con.execute("select run_date from release").fetchall()
    except duckdb.Error as problem:
        raise PublishRefused(
            f"releases/{release.name} 打不开，可能已损坏；移走它再运行。{own_words(problem)}"
        ) from problem
    night: date = found[0][0]
    return night


@contextmanager
def in_memory(work: Path | None = None, limits: Limits = LIMITS) -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine for vectorised work on columns, without any database file.

    What does not fit into memory is written to a folder in `work`, which is removed with the engine. Without `work`
    nothing is written to a disk, and what does not fit raises duckdb.OutOfMemoryException.
    """
    if work is None:
        with closing(_connect(None, limits)) as con:
            yield con
        return
    with tempfile.TemporaryDirectory(dir=work, prefix="spill-") as spill, closing(_connect(Path(spill), limits)) as con:
        yield con


def _connect(spill: Path | None, limits: Limits) -> duckdb.DuckDBPyConnection:
    """A database in memory. What exceeds the limit is written to the directory `spill`; without one it fails."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": limits.memory,
        "threads": limits.threads,
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "temp_directory": str(spill or ""),  # else DuckDB takes `.tmp` in the current folder
    }
    return duckdb.connect(":memory:", config=config)


@contextmanager
def _spilling(folder: Path, key: str | None, limits: Limits) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory for a build. What exceeds the limit is written below `folder`, encrypted when there is a `key`."""
    with closing(_connect(folder / "spill", limits)) as con:
        if key:
            _load_cryptography(con)
            con.execute("set temp_file_encryption = true")
        yield con


def _make(
    con: duckdb.DuckDBPyConnection,
    inputs: Inputs,
    models: Models,
    wanted: Iterable[str],
    *,
    is_trial: bool = False,
    begun: list[str] | None = None,
) -> None:
    """Load what the wanted tables need, then make them in order; each name is added to `begun` before its table is made."""
    begun = [] if begun is None else begun
    order = models.order(wanted, inputs.made)
    for schema in ("accepted", "input", "registry", "warnings", "life"):
        con.execute(f"create schema {schema}")
    for macro in MACROS:
        con.execute(macro)
    made = load(con, inputs, models, order)
    for name in order:
        if name in made:
            continue
        begun.append(name)
        if name in inputs.made:
            con.register("given", inputs.made[name])
            con.execute(f"create table {name} as select * from given")
            con.unregister("given")
        elif name == EVERY:
            evidence.make_every(con, models, is_trial=is_trial)
        elif name == EPISODE:
            _make_episode(con, inputs)
        elif name == WHAT_IF:
            what_if.make_what_if(con, inputs, lambda other: _try(other, models), name)
        elif name == WITHDRAWAL:
            withdrawal.make_withdrawal(con, inputs, models.kinds, lambda other: _try_gone(other, models), name, TURNED)
        else:
            _make_table(con, inputs, models, name)


def _make_table(con: duckdb.DuckDBPyConnection, inputs: Inputs, models: Models, name: str) -> None:
    """Make a model, or a table of the builder that needs only other tables or rows that are not loaded yet; else do nothing."""
    if name == NAMED_IN:
        make_named_in(con, name, models.kinds, inputs.accepted)
    elif name in _FROM_TABLES:
        _FROM_TABLES[name](con, name)
    elif name in models.models:
        _make_model(con, models, name)


_FROM_TABLES: dict[str, Callable[[duckdb.DuckDBPyConnection, str], None]] = {
    CONTRADICTION: make_contradiction,
    FRESHNESS: evidence.make_freshness,
    SUGGESTION: suggestion.make_suggestion,
}
"""Tables of the builder that need only other tables."""


def _make_model(con: duckdb.DuckDBPyConnection, models: Models, name: str) -> None:
    model = models.models[name]
    with engines.plainly(engines.place(model.path), is_whole_file=True):
        con.execute(f"create table {name} as {model.sql}")


def _try(inputs: Inputs, models: Models) -> dict[str, pa.Table]:
    """What the rules would list for other inputs, in a database of its own (`what_if.Trial`)."""
    columns = "rule_code, subject_id, person_id, household_id, division_code, level"
    asked = {name: f"select {columns} from {name}" for name in ("life.standing", "life.carried")}
    people = "registry.person"
    found = ask_for(inputs, models, asked | {people: f"select person_id, household_id from {people}"}, is_trial=True)
    return {"warnings": pa.concat_tables([found[name] for name in asked]), "person": found[people]}


def _try_gone(inputs: Inputs, models: Models) -> withdrawal.Answer:
    """What other inputs would withdraw, and whose rows they would let in, in a database of its own (`withdrawal.Trial`)."""
    people = "registry.door_person"
    asked = {
        "life.withdrawn": "select warning_id from life.withdrawn",
        people: f"select person_id, scope from {people}",
    }
    found = ask_for(inputs, models, {name: asked[name] for name in asked if name in models.models}, is_trial=True)
    let_in = found[people].to_pylist() if people in found else []
    return withdrawal.Answer(
        frozenset(map(str, found["life.withdrawn"].column("warning_id").to_pylist())),
        frozenset((row["person_id"], row["scope"]) for row in let_in),
    )


def _make_episode(con: duckdb.DuckDBPyConnection, inputs: Inputs) -> None:
    """Make `warnings.episode`: the id of each candidate that would begin tonight. In Python, since the key never enters SQL."""
    if inputs.warning_id is None:
        raise ModelError("warnings.episode：缺少生成预警编号的函数")
    fresh = con.execute(
        "select every.rule_code, every.subject_id from warnings.every as every"
        " anti join (select rule_code, subject_id from life.before where status <> 'closed') as open_before"
        " using (rule_code, subject_id) order by all"
    ).fetchall()
    names = ["rule_code", "subject_id", "warning_id"]
    ids = [(code, subject, inputs.warning_id(code, subject, inputs.day)) for code, subject in fresh]
    _fill(con, EPISODE, dict.fromkeys(names, "VARCHAR"), _texts(names, ids))


def load(con: duckdb.DuckDBPyConnection, inputs: Inputs, models: Models, names: Iterable[str]) -> set[str]:
    """Create the tables accepted.* among `names` and input.*, typed, from what is given; gives the models made on the way.

    Columns that a file lacks are NULL; columns that the contract no longer names are left out. Raises ModelError when
    a card needs a policy value that is not in force.
    """
    is_answered = "identity_decision" not in inputs.given_tables and len(inputs.given_tables.get("decision", ())) > 0
    answers = models.order([ANSWER]) if is_answered else []
    needed = {*names, *answers, "input.submission", "input.identity_decision"}
    if "input.set_aside_name" in needed:
        needed.add("input.set_aside")
    if "input.previous_source" in needed:
        needed.add("input.previous_warning")
    _load_house(con, inputs, models, needed)
    made = {name for name in answers if name in models.models or name in (CONTRADICTION, NAMED_IN)}
    for name in answers:
        _make_table(con, inputs, models, name)
    if is_answered:
        names_of = ", ".join(INPUT["identity_decision"])
        con.execute(f"insert into input.identity_decision select {names_of} from {ANSWER} where state = 'stands'")
    _load_accepted(con, inputs, models, needed)
    return made


def _load_house(con: duckdb.DuckDBPyConnection, inputs: Inputs, models: Models, needed: set[str]) -> None:
    con.execute(
        "create table input.night as select cast($1 as date) as run_date, cast(date_trunc('month', cast($1 as date)) as date) as month_start",
        [inputs.day],
    )
    for table, columns in INPUT.items():
        if f"input.{table}" in needed:
            _fill(con, f"input.{table}", columns, inputs.given_tables.get(table, ()))
    if inputs.previous:
        _load_previous(con, inputs.previous, inputs.keys, needed)
    if "input.set_aside_name" in needed:
        partners = _texts(["kind"], [(kind.name,) for kind in models.kinds.values() if kind.is_partner])
        _fill(con, "partner_kind", {"kind": "VARCHAR"}, partners)
        con.execute(_SET_ASIDE_NAME)
    if "input.previous_source" in needed:
        rosters = [(kind.name, kind.dataset_group) for kind in models.kinds.values() if kind.period == "month"]
        _fill(con, "roster_kind", {"kind": "VARCHAR", "registry": "VARCHAR"}, _texts(["kind", "registry"], rosters))
        con.execute(_PREVIOUS_SOURCE)
    _load_cards(con, models, needed)
    for name, entries in models.lists.items():
        if f"input.{name}" in needed:
            _fill(con, f"input.{name}", dict.fromkeys(entries.column_names, "VARCHAR"), entries)
    if "input.rule_policy" in needed:
        missing = con.execute(
            "select rule_code, key from input.rule_policy anti join input.policy using (key) order by all"
        ).fetchall()
        if missing:
            said = "、".join(f"{code} 需要 {key}" for code, key in missing)
            raise ModelError(f"这一天没有生效的政策值：{said}")


def _load_accepted(con: duckdb.DuckDBPyConnection, inputs: Inputs, models: Models, needed: set[str]) -> None:
    """Load the rows of the kinds, after applying what people decided about who is who."""
    kinds = [kind for name, kind in models.kinds.items() if f"accepted.{name}" in needed]
    if kinds:
        decided = Decided(con, models.kinds, inputs.accepted)
        for kind in kinds:
            _load_kind(con, kind, inputs, decided)
        decided.merge_set_aside()


def _load_kind(con: duckdb.DuckDBPyConnection, kind: Kind, inputs: Inputs, decided: Decided) -> None:
    """Load the rows of one kind: as they are given, unless people decided anything that may concern them."""
    rows, unproven = inputs.accepted.get(kind.name, ()), inputs.unproven.get(kind.name, ())
    if not len(rows) and not len(unproven):
        doubts = {f"{field}__unreadable": "VARCHAR" for field in kind.optional}
        _fill(con, f"accepted.{kind.name}", {**kind.accepted_columns(), **doubts, **RECEIPT}, ())
        return
    in_words = ", ".join(_say_unreadable(field, kind.columns[field].header) for field in kind.optional)
    told = f"source.* replace ({in_words})" if in_words else "source.*"
    given = f"({_typed_rows(con, kind, rows)})"
    is_concerned = decided.concerns(unproven)
    if is_concerned:
        con.execute(f"create table given_rows as select * from {given}")
        given = "given_rows"
        if decided.joins and len(unproven):
            con.execute(f"create table unproven_rows as {_typed_rows(con, kind, unproven)}")
            decided.join(kind, given, "unproven_rows")
            con.execute("drop table unproven_rows")
        decided.merge(kind, given)
    con.execute(
        f"create table accepted.{kind.name} as select {told}, submission.received_seq, submission.file_name"
        f" from {given} as source join input.submission as submission using (submission_id)"
    )
    if is_concerned:
        con.execute("drop table given_rows")
    con.unregister("given")


_SET_ASIDE_NAME = """
create table input.set_aside_name as
select
    set_aside.row_id, set_aside.person_id, set_aside.name, set_aside.period,
    case when partner_kind.kind is null then set_aside.unit_code end as own_unit_code
from input.set_aside
left join partner_kind using (kind)
where set_aside.person_id is not null
"""
"""Rows that were set aside and carry a person's number, with their name, and the sender if it is one of our own lists.

No more of such a row may be used to tell who is who."""

_PREVIOUS_SOURCE = """
create table input.previous_source as
with source as (
    select distinct warning_id, unnest(json_extract_string(evidence, '$[*].submission_id')) as submission_id
    from input.previous_warning
)
select source.warning_id, source.submission_id, submission.unit_code, roster_kind.registry
from source
left join input.submission as submission using (submission_id)
left join roster_kind using (kind)
"""


def _load_previous(con: duckdb.DuckDBPyConnection, previous: Path, keys: Sequence[str], needed: set[str]) -> None:
    """Load what the release before says; a table or column that it did not have yet stays empty."""
    _attach(con, previous, "before", keys)
    there: dict[str, set[str]] = {}
    for table, column in con.execute(
        "select table_name, column_name from duckdb_columns() where database_name = 'before' and schema_name = 'main'"
    ).fetchall():
        there.setdefault(table, set()).add(column)
    for table, published in PREVIOUS.items():
        if f"input.{table}" in needed and published in there:
            names = ", ".join(f'"{name}"' for name in INPUT[table] if name in there[published])
            con.execute(f"insert into input.{table} ({names}) select {names} from before.main.{published}")
    con.execute("detach before")


def _fill(con: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str], rows: Rows) -> None:
    """Create a table with these columns, filled by name."""
    if not len(rows):
        typed = ", ".join(f'"{name}" {sql_type}' for name, sql_type in columns.items())
        con.execute(f"create table {table} ({typed})")
        return
    con.execute(f"create table {table} as {_typed(con, columns, rows)}")
    if isinstance(rows, pa.Table):
        con.unregister("given")


def _typed(con: duckdb.DuckDBPyConnection, columns: Mapping[str, str], rows: Rows) -> str:
    """SQL for these columns of rows, typed; a column that the rows lack is NULL. Rows in memory are registered as `given`."""
    given, present = "(select null where false)", set[str]()
    if len(rows):
        given = source(con, rows, "given")
        present = set(rows.column_names) if isinstance(rows, pa.Table) else _columns_of(con, given)
    said = {name: f'"{name}"' if name in present else "null" for name in columns}
    values = ", ".join(f'cast({said[name]} as {sql_type}) as "{name}"' for name, sql_type in columns.items())
    return f"select {values} from {given}"


def _columns_of(con: duckdb.DuckDBPyConnection, given: str) -> set[str]:
    return {name for name, *_ in con.sql(f"describe select * from {given}").fetchall()}


def _typed_rows(con: duckdb.DuckDBPyConnection, kind: Kind, rows: Rows) -> str:
    """SQL for a kind's rows, typed.

    In files written before unreadable cells were marked, a cell is unreadable when it has a text and no value.
    """
    typed = _typed(con, kind.accepted_columns(), rows)
    unsaid = " or ".join(f"{field}__unreadable is null" for field in kind.optional)
    if not unsaid or not con.execute(f"select 1 from ({typed}) where {unsaid} limit 1").fetchall():
        return typed
    marks = ", ".join(
        f"coalesce({field}__unreadable, {field} is null and {says_something(f'{field}__text')}) as {field}__unreadable"
        for field in kind.optional
    )
    return f"select * replace ({marks}) from ({typed})"


def _say_unreadable(field: str, header: str) -> str:
    """`<field>__unreadable` in words, so that a rule can say which cell it cannot read: 发放日期写着“上周”,认不出来; else NULL."""
    written = f"coalesce('写着“' || left({field}__text, 20) || '”，', '')"
    return f"case when {field}__unreadable then {quote(header)} || {written} || '认不出来' end as {field}__unreadable"


def _load_cards(con: duckdb.DuckDBPyConnection, models: Models, needed: set[str]) -> None:
    cards = models.cards
    rows: dict[str, Callable[[], list[tuple[str | None, ...]]]] = {
        "rule": lambda: [
            (
                card.code, card.title, card.purpose, card.subject, card.condition, card.caveat, card.asks_of,
                str(card.of_the_dead),
            )
            for card in cards.values()
        ],
        "rule_yields": lambda: [(card.code, code) for card in cards.values() for code in card.yields_to],
        "rule_not_in": lambda: [(card.code, registry) for card in cards.values() for registry in card.not_in],
        "rule_kind": lambda: [(card.code, kind) for name, card in cards.items() for kind in sorted(models.lineage(name))],
        "rule_evidence": lambda: [
            (card.code, kind) for card in cards.values() for kind in sorted({item.kind for item in card.evidence})
        ],
        "rule_roster": lambda: [
            (card.code, registry) for card in cards.values() for registry in card.rosters(models.kinds)
        ],
        "rule_policy": lambda: [(card.code, key) for card in cards.values() for key in card.reads_policy],
        "rules": lambda: [(models.version,)],
        "review_only": lambda: [
            (kind.name,) for _, kind in sorted(models.kinds.items()) if kind.purposes == ["entitlement_review"]
        ],
    }  # fmt: skip
    for table, columns in CARD_TABLES.items():
        if f"input.{table}" in needed:
            _fill(con, f"input.{table}", columns, _texts(list(columns), rows[table]()))


def _texts(names: list[str], rows: Sequence[tuple[str | None, ...]]) -> pa.Table:
    return pa.table({name: pa.array([row[at] for row in rows], pa.string()) for at, name in enumerate(names)})


def verify_release(con: duckdb.DuckDBPyConnection, models: Models) -> list[str]:
    """What is wrong with a built release, in Chinese, with positions and counts only; [] when it may be published."""
    return [said for _, said in [*_verify_tables(con, models), *_verify_counts(con)]]


_Wrong = list[tuple[str, str]]
"""(table, what is wrong with it)."""


def _verify_tables(con: duckdb.DuckDBPyConnection, models: Models, wanted: set[str] | None = None) -> _Wrong:
    """What is wrong with the tables that models make; with `wanted`, only these are examined."""
    wrong: _Wrong = []

    def look(table: str, name: str, query: str) -> None:
        model = models.models.get(table)
        file = f"（{engines.place(model.path.with_suffix('.yml'))}）" if model else ""
        wrong.extend((table, said) for said in _bad_rows(con, name, query, file))

    keys = {name: model.about.key for name, model in models.models.items() if isinstance(model.about, About)}
    if models.cards:
        keys[EVERY] = ["rule_code", "subject_id"]
    empty_tables = _empty_tables(con)
    for name, key in sorted(keys.items()):
        if name not in empty_tables and (wanted is None or name in wanted):
            names = ", ".join(key)
            empty = " or ".join(f"{column} is null" for column in key)
            look(name, f"{name}：主键（{names}）有空值", f"select * from {name} where {empty}")
            repeated = f"select {names} from {name} group by all having count(*) > 1"
            look(name, f"{name}：主键（{names}）重复", repeated)
    for name, model in sorted(models.models.items()):
        if wanted is not None and name not in wanted:
            continue
        for rule, query in sorted(model.about.must_hold.items()):
            look(name, f"{name}.{rule}", query)
        if isinstance(model.about, Published):
            # When only some tables are made, the tables that they refer to may be missing.
            for column, target in sorted(model.about.references.items()) if wanted is None else ():
                if name not in empty_tables:
                    look(name, _says_of(name, column, target), _dangling(name, column, target))
            there = [column for column, *_ in con.sql(f"describe {name}").fetchall()]
            if odd := sorted(set(there) ^ set(model.about.columns)):
                wrong.append((name, f"{name}：列与说明不符：{'、'.join(odd)}"))
    return wrong


def _empty_tables(con: duckdb.DuckDBPyConnection) -> set[str]:
    """`schema.name` of the tables into which no row was ever written: no key repeats there, and no reference dangles."""
    found = con.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where estimated_size = 0 and not temporary"
    ).fetchall()
    return {name for (name,) in found}


def _verify_counts(con: duckdb.DuckDBPyConnection) -> _Wrong:
    """Kinds of which the number of rows loaded is not the number in the ledger."""
    wrong: _Wrong = []
    loaded = con.sql("select table_name from duckdb_tables() where schema_name = 'accepted' order by all").fetchall()
    for (kind,) in loaded:
        table = f"accepted.{kind}"
        found = _bad_rows(
            con,
            f"{table}：读入的行数与登记的不同",
            f"select submission_id from (select submission_id, count(*) as rows from {table}"
            f" where identity_state <> '{DECIDED}' group by all) join input.submission using (submission_id)"
            " where rows > rows_accepted or rows < rows_accepted"
            " and not exists (select 1 from input.identity_decision where decision = 'same')",
        )
        wrong += [(table, said) for said in found]
    return wrong


def dangling(con: duckdb.DuckDBPyConnection, published: Mapping[str, Published]) -> list[str]:
    """References of an opened release without a target, in Chinese; tables and columns that an earlier version did not write are left out."""
    there = set(
        con.execute(
            "select 'main.' || table_name || '.' || column_name from duckdb_columns() where schema_name = 'main' and not internal"
        ).fetchall()
    )
    return [
        each
        for name, about in sorted(published.items())
        for column, target in sorted(about.references.items())
        if {(f"{name}.{column}",), (f"main.{target}",)} <= there
        for each in _bad_rows(con, _says_of(name, column, target), _dangling(name, column, target))
    ]


def _says_of(name: str, column: str, target: str) -> str:
    return f"{name}.{column}：在 {target} 里没有"


def _dangling(name: str, column: str, target: str) -> str:
    table, key = target.split(".")
    return (
        f'select source."{column}" from {name} as source anti join main.{table} as target'
        f' on source."{column}" = target."{key}" where source."{column}" is not null'
    )


def _bad_rows(con: duckdb.DuckDBPyConnection, name: str, query: str, file: str = "") -> list[str]:
    """One line when the query gives rows, with at most three of their positions. `file`: where the query is written."""
    with engines.plainly(f"{name}{file}"):
        count = con.execute(f"select count(*) from ({query})").fetchall()[0][0]
        if not count:
            return []
        found = con.execute(f"select * from ({query}) limit 3")
        columns = [column for column, *_ in found.description or []]
        rows = found.fetchall()
    shown = [at for at, column in enumerate(columns) if column in POSITIONS]
    places = "；".join(sorted(mask(" ".join(str(row[at]) for at in shown)) for row in rows)) if shown else ""
    return [f"{name}：{count} 行" + (f"，如 {places}" if places else "")]


def _write(
    con: duckdb.DuckDBPyConnection, path: Path, published: dict[str, Published], unit: str | None, key: str | None
) -> dict[str, tuple[int, int]]:
    """Copy published tables into a new file: first all into the whole one, then to each division those of `_shown_tables`.

    Gives table → rows, digest, of the whole one.
    """
    closed = (", encryption_key $1", [key]) if key else ("", [])
    con.execute(f"attach {quote(str(path))} as ready (storage_version 'v1.5.0'{closed[0]})", closed[1])
    con.execute("set checkpoint_threshold = '0KB'")  # the commit writes the file itself, without a .wal before it
    con.begin()  # one transaction: otherwise each comment waits for the disk
    digests = {}
    if unit:
        con.execute("copy from database shape to ready (schema)")
    for name, about in published.items():
        table = f"ready.{name}"
        mine = f"where {about.by_division.replace('$division', quote(unit))}" if unit and about.by_division else ""
        order = ", ".join([*about.order_by, *(column for column in about.key if column not in about.order_by)])
        if unit:
            con.execute(f"insert into {table} select {_shown_to(unit, about)} from {name} {mine} order by {order}")
            continue
        con.execute(f"create table {table} as select * from {name} order by {order}")
        said = [f"comment on table {table} is {quote(about.comment)}"]
        said += [f'comment on column {table}."{column}" is {quote(text)}' for column, text in about.columns.items()]
        con.execute(";".join(said))
        digests[name] = _digest(con, name)
    con.commit()
    if unit is None:
        _keep_shape(con, [name for name, about in published.items() if about.by_division is None])
    con.execute("checkpoint ready")
    con.execute("detach ready")
    return digests


def _shown_tables(
    con: duckdb.DuckDBPyConnection, published: dict[str, Published], units: Sequence[str]
) -> dict[str, dict[str, Published]]:
    """Unit → the published tables of which its file shows at least one row. One query for each table, not one for each unit and table."""
    shown: dict[str, dict[str, Published]] = {unit: {} for unit in units}
    for name, about in published.items():
        if about.by_division is None or not units:
            continue
        theirs = (f"coalesce(bool_or({about.by_division.replace('$division', quote(unit))}), false)" for unit in units)
        has_rows = con.execute(f"select {', '.join(theirs)} from {name}").fetchall()[0]
        for unit in (unit for unit, has_row in zip(units, has_rows, strict=True) if has_row):
            shown[unit][name] = about
    return shown


def _shown_to(unit: str, about: Published) -> str:
    """What a division's file shows of a table: all except what belongs to another division, or is counted over all divisions."""
    shown = [
        f"case when {condition.replace('$division', quote(unit))} then {column} end as {column}"
        for column, condition in about.shown_to_division.items()
    ] + [f"{said} as {column}" for column, said in about.within_division.items()]
    return f"* replace ({', '.join(shown)})" if shown else "*"


def _keep_shape(con: duckdb.DuckDBPyConnection, of_the_whole: list[str]) -> None:
    """Copy the tables of `ready`, without rows, to `shape`, except those `of_the_whole`.

    So the hundreds of comments are written once, not once per division.
    """
    con.execute("attach ':memory:' as shape")
    con.execute("copy from database ready to shape (schema)")
    for name in of_the_whole:
        con.execute(f"drop table shape.{name}")


def _digest(con: duckdb.DuckDBPyConnection, table: str) -> tuple[int, int]:
    query = f"select count(*), coalesce(bit_xor(hash(source)), 0) from {table} as source"
    rows, digest = con.execute(query).fetchall()[0]
    return int(rows), int(digest)


def _read_back(path: Path, digests: dict[str, tuple[int, int]], key: str | None) -> None:
    """Read every block from the file. Raises NotWritten when it does not hold what was written."""
    if path.with_name(path.name + ".wal").exists():
        raise NotWritten(f"{path.name} 旁边还有 .wal 文件，没有写完整")
    with closing(_read_only(path, [key] if key else [])) as con:
        for name, digest in digests.items():
            if _digest(con, name) != digest:
                raise NotWritten(f"{path.name}：{name} 写入后读回的内容不同，磁盘可能有问题")
