"""Turns of the scheduler's runs: nights wait for each other, so that a home never works on two of them.

A night in one process holds the kernel's lock from its first step to its last (`access.alone`). Airflow's tasks are
separate processes: between two of them the lock is free. A backfill, a night started by hand and the night that is due
would then mix in one work folder. So a run of the scheduler takes the turn first, and gives it up when it is done.
Of the runs that wait, the earliest night goes first: a later night would take its place.

The file `.turn` of the home lists the runs that wait or work: names of runs and nights, no personal data.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final, TypedDict

from low_income.model import NotNow

STILL_SECONDS: Final = 15 * 60
"""After so long without a step, a night of the scheduler counts as ended: a command need not wait for it.

Longer than the time between two tries of a task."""
_NAME = ".turn"
_ours: set[str] = set()
"""Runs of which this process does a step."""


class _Run(TypedDict):
    run: str
    night: str
    is_at_work: bool


def take(home_dir: Path, night: date, run: str, is_running: Callable[[str], bool]) -> str:
    """Take the turn for a run of the scheduler. Gives '' when it has the turn now, else in Chinese which night it waits for.

    `is_running`: name of a run → whether it still runs. Runs that were stopped lose their place here.
    """
    _ours.add(run)
    with _open(home_dir) as runs:
        runs[:] = [each for each in runs if each["run"] == run or is_running(each["run"])]
        mine = _place(runs, run, night)
        at_work = next((each for each in runs if each["is_at_work"]), None)
        first = at_work or min(runs, key=lambda each: each["night"])  # of one night, the run that came first
        if first is not mine:
            return f"{first['night']} 这一夜{'正在做' if at_work else '先做'}，做完再做 {night} 这一夜"
        mine["is_at_work"] = True
    return ""


def hold(home_dir: Path, night: date, run: str) -> None:
    """Note that a run goes on with its night, and take a turn that is free. Raises NotNow when another run has it."""
    _ours.add(run)
    with _open(home_dir) as runs:
        at_work = next((each for each in runs if each["is_at_work"]), None)
        if at_work and at_work["run"] != run:
            raise NotNow(f"{at_work['night']} 这一夜正在做，这一步等它做完再做")
        _place(runs, run, night)["is_at_work"] = True


def give_up(home_dir: Path, run: str) -> None:
    """Remove a run from the turns: it is done, or gives its night up."""
    with _open(home_dir) as runs:
        runs[:] = [each for each in runs if each["run"] != run]


def require_free_turn(home_dir: Path) -> None:
    """Raise NotNow while a night of the scheduler goes on: a command would work between two of its steps.

    A night that did nothing for `STILL_SECONDS` counts as ended and loses its turn. A step of that night itself may go on.
    """
    path = home_dir / _NAME
    if not path.exists():
        return
    quiet = time.time() - path.stat().st_mtime
    with _open(home_dir, touch=False) as runs:
        at_work = next((each for each in runs if each["is_at_work"]), None)
        if at_work is None or at_work["run"] in _ours:
            return
        if quiet < STILL_SECONDS:
            left = int((STILL_SECONDS - quiet) // 60) + 1
            raise NotNow(
                f"Airflow 正在做 {at_work['night']} 这一夜，这一次没有开始；等它做完再运行。"
                f"它确实已经停了的，{left} 分钟后再运行就可以"
            )
        runs.remove(at_work)


def _place(runs: list[_Run], run: str, night: date) -> _Run:
    mine = next((each for each in runs if each["run"] == run), None)
    if mine is None:
        mine = {"run": run, "night": night.isoformat(), "is_at_work": False}
        runs.append(mine)
    return mine


@contextmanager
def _open(home_dir: Path, *, touch: bool = True) -> Iterator[list[_Run]]:
    """The runs, under a short lock on their file; changes are written at the end."""
    handle = os.open(home_dir / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        told = os.pread(handle, 1 << 20, 0)
        runs: list[_Run] = _read(told)
        yield runs
        if (new := json.dumps(runs).encode()) != told:
            os.ftruncate(handle, 0)
            os.pwrite(handle, new, 0)
        if touch:
            os.utime(handle)
    finally:
        os.close(handle)


def _read(told: bytes) -> list[_Run]:
    """The runs in the file; none when it is half written after a power cut: runs that go on take the turn again."""
    try:
        runs: list[_Run] = json.loads(told or b"[]")
    except ValueError:
        return []
    return runs
