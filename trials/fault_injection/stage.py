"""Homes to spoil, and nights in processes of their own: forked from one that has everything loaded, so that hundreds are cheap."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import pickle
import shutil
import signal
import socket
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from low_income import checks
from low_income.checks import validation
from low_income.checks.validation import Expectation
from low_income.model import MonitorError
from low_income.night import run
from low_income.reading import sandbox
from low_income.settings import contracts
from low_income.warehouse import models

from trials.fault_injection import bureau, strike, verdict

if TYPE_CHECKING:
    import pandas as pd

PATIENCE = 300.0
"""Seconds after which a night that does not end is a finding."""
SAID, BROKEN = 1, 3
"""Exit codes of a night: an error of ours or the system's; one that a user must never see."""


@dataclass(frozen=True)
class Recording:
    """One undisturbed night, as it passed by."""

    points: list[strike.Point]
    seconds: float


class Stage:
    """The homes before and after each night, made once, copied for each trial."""

    def __init__(self, folder: Path, nights: int = len(bureau.NIGHTS)) -> None:
        """Run the bureau's first nights undisturbed in `folder`."""
        self.folder = folder
        self.nights = nights
        self._recordings: dict[int, Recording] = {}
        _think_ahead()
        home = folder / "undisturbed"
        bureau.create(home)
        for night in range(nights):
            bureau.drop(home, night)
            shutil.copytree(home, self.before(night), symlinks=True)
            with Environment({bureau.SOURCE_VARIABLE: self.source(night)}):
                run.night(home, bureau.NIGHTS[night])
            shutil.copytree(home, self.after(night), symlinks=True)
        sandbox.close()

    def before(self, night: int) -> Path:
        """The home with a night's files in its inbox."""
        return self.folder / f"before-{night}"

    def after(self, night: int) -> Path:
        """The home after that night."""
        return self.folder / f"after-{night}"

    def source(self, night: int) -> str:
        """The address of the partner's database as it stood on a night."""
        path = self.folder / f"source-{night}.db"
        return f"sqlite:///{path}" if path.exists() else bureau.write_source(path, night)

    def allowed(self, night: int) -> frozenset[str]:
        """What the release may say before, during and after a night."""
        links = [home / "warehouse.duckdb" for home in (self.before(night), self.after(night))]
        return frozenset(verdict.contents(link.resolve()) for link in links if link.exists())

    def recorded(self, night: int) -> Recording:
        """The boundaries of an undisturbed night, and how long it takes in a process like those of the trials."""
        if night not in self._recordings:
            home = self.folder / "recorded"
            shutil.copytree(self.before(night), home, symlinks=True)
            told = self.folder / "points.json"

            def record() -> None:
                points: list[strike.Point] = []
                strike.watch(home, lambda what, times: points.append((what, times)))
                run.night(home, bureau.NIGHTS[night])
                told.write_text(json.dumps(points), encoding="utf-8")

            started = time.monotonic()
            ended = Night(self.folder / "recording", record, {bureau.SOURCE_VARIABLE: self.source(night)}).wait()
            seconds = time.monotonic() - started
            if ended.code != 0:
                raise MonitorError(f"没有受干扰的一夜也没有完成：{ended.said}")
            points = [(str(what), int(times)) for what, times in json.loads(told.read_text(encoding="utf-8"))]
            self._recordings[night] = Recording(points, seconds)
            shutil.rmtree(home)
        return self._recordings[night]


def _think_ahead() -> None:
    """What a night works out in memory, of sql/ or of the same rows, is worked out once for all trials.

    Nothing that can be disturbed half-way is left out by that: none of it touches the disk.
    """
    sql_models = models.read_models(contracts.load().kinds)
    lineage, order, version = functools.cache(sql_models.lineage), functools.cache(sql_models.order), sql_models.version

    class Known(models.Models):
        def lineage(self, name: str) -> dict[str, list[str]]:
            return lineage(name)

        def order(self, wanted: Iterable[str], instead: Collection[str] = ()) -> list[str]:
            return order(tuple(wanted), tuple(sorted(instead)))

        @property
        def version(self) -> str:
            return version

    known = Known(sql_models.models, sql_models.kinds, sql_models.lists)
    answers: dict[bytes, Any] = {}
    judge = validation.failing_rows

    def judged(frame: pd.DataFrame, expectations: Sequence[Expectation]) -> Any:
        asked = hashlib.sha256(pickle.dumps((frame.reset_index(drop=True), list(expectations)))).digest()
        if asked not in answers:
            answers[asked] = judge(frame, expectations)
        return answers[asked]

    models.read_models = lambda *_: known
    setattr(checks, "failing_rows", judged)  # noqa: B010 - where the checks look it up


@dataclass(frozen=True)
class Ended:
    """How a night's process ended."""

    code: int
    """0 done; SAID, BROKEN; negative: the signal that ended it."""
    said: str


class Night:
    """Something done to a home in a process of its own, which leads its own group and has its own folder for temporary files."""

    def __init__(self, folder: Path, do: Callable[[], Any], environment: Mapping[str, str]) -> None:
        """Begin it at once. `folder` is made: it takes what was said, and temporary files."""
        folder.mkdir(exist_ok=True)
        self.temporary = folder / "tmp"
        self.temporary.mkdir(exist_ok=True)
        self._told = folder / "said"
        self._told.unlink(missing_ok=True)
        self._status: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            self._be(do, environment)

    def _be(self, do: Callable[[], Any], environment: Mapping[str, str]) -> None:
        """The child: never returns."""
        import tempfile  # noqa: PLC0415

        code = BROKEN
        try:
            os.setsid()
            os.chdir(self.temporary)
            os.environ.update({**environment, "TMPDIR": str(self.temporary)})
            tempfile.tempdir = None
            _fork_the_sandbox()
            do()
            code = 0
        except (MonitorError, OSError) as problem:
            self._say(f"{type(problem).__name__}: {problem}")
            code = SAID
        except BaseException as problem:  # noqa: BLE001 - what no user may see is what is looked for
            frames = [
                frame
                for frame in traceback.extract_tb(problem.__traceback__)
                if {"low_income", "trials"} & set(Path(frame.filename).parts)
            ]
            where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
            self._say(f"{type(problem).__name__} at {where}")
        finally:
            os._exit(code)

    def _say(self, text: str) -> None:
        import contextlib  # noqa: PLC0415

        with contextlib.suppress(OSError):  # the disk that is full may be this one
            self._told.write_text(text, encoding="utf-8")

    @property
    def is_over(self) -> bool:
        """Whether it has ended by now."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = status if pid else None
        return self._status is not None

    def kill(self) -> None:
        """As a power cut does, or the machine's guard against full memory: this process alone."""
        if not self.is_over:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, seconds: float = PATIENCE) -> Ended:
        """How it ended; killed when that takes too long."""
        ends = time.monotonic() + seconds
        while not self.is_over:
            if time.monotonic() > ends:
                self.kill()
                os.waitpid(self.pid, 0)
                return Ended(BROKEN, f"did not end within {seconds:.0f} s")
            time.sleep(0.01)
        said = self._told.read_text(encoding="utf-8") if self._told.exists() else ""
        return Ended(os.waitstatus_to_exitcode(self._status or 0), said)

    def children(self) -> list[int]:
        """Processes that it started and that still live: they stand in its folder for temporary files."""
        mark = str(self.temporary)
        found = []
        for path in Path("/proc").glob("[0-9]*/cwd"):
            try:
                if str(path.readlink()) == mark:
                    found.append(int(path.parent.name))
            except OSError:
                continue  # ended meanwhile, or not ours to look at
        return [pid for pid in found if pid != self.pid]


def _fork_the_sandbox() -> None:
    """Start the sandbox's server from what is loaded here already; in all else it is the product's own."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        kept = os.dup2(theirs.fileno(), 3)
        os.closerange(4, 1 << 16)
        try:
            sandbox.serve(kept)
        finally:
            os._exit(0)
    theirs.close()
    started = sandbox._Server.__new__(sandbox._Server)
    started.process, started.control = cast("Any", _Forked(pid)), ours
    sandbox._Server._current = started


class _Forked:
    def __init__(self, pid: int) -> None:
        self.pid, self.returncode = pid, 0

    def wait(self) -> None:
        os.waitpid(self.pid, 0)


class Environment:
    """Variables of the environment, set while a block lasts."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __enter__(self) -> None:
        os.environ.update(self._values)

    def __exit__(self, *_: object) -> None:
        for name in self._values:
            os.environ.pop(name, None)


class Watch:
    """A reader that opens the release again and again while a night is disturbed."""

    PAUSE = 0.25

    def __init__(self, folder: Path, home: Path, allowed: frozenset[str] | None) -> None:
        """Begin reading. `allowed`: what the release may say; None when any whole one will do."""
        self._told = folder / "watch"
        self._stop = folder / "watch-ends"
        self._is_there = (home / "warehouse.duckdb").exists()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self._look(home, allowed)
            finally:
                os._exit(0)

    def _look(self, home: Path, allowed: frozenset[str] | None) -> None:
        reads, problems, whole = 0, set(), Path()
        parent = os.getppid()
        while not self._stop.exists() and os.getppid() == parent:
            if (home / "warehouse.duckdb").exists():
                self._is_there = True
                release = (home / "warehouse.duckdb").resolve()
                found = verdict.unreadable(release, allowed, only_looked_at=release == whole)
                if found and release != (home / "warehouse.duckdb").resolve():
                    continue  # of one release that is kept, a second one takes the place at once
                problems |= set(found)
                reads += 1
                whole = release
            elif self._is_there:
                problems.add("release: gone")
            time.sleep(self.PAUSE)
        self._told.write_text(json.dumps([reads, sorted(problems)]), encoding="utf-8")

    def end(self) -> tuple[int, list[str]]:
        """(how often it read, what was wrong)."""
        self._stop.touch()
        os.waitpid(self.pid, 0)
        self._stop.unlink()
        if not self._told.exists():
            return 0, ["the reader itself died"]
        reads, problems = json.loads(self._told.read_text(encoding="utf-8"))
        return reads, problems
