"""Whose turn it is: nights that a scheduler runs wait for each other, so that a home never holds two of them.

A night in one process holds the kernel's lock from its first step to its last (`access.alone`). Airflow's tasks are processes
of their own: between two of them nobody holds the lock, and a backfill, a night asked for by hand and the night that is due
would mix in one folder of work. So a run of the scheduler takes the turn first, and gives it up when all of it is done.
Of those that wait the earliest night goes first: a later one would take the place of it.

The file `.turn` of the home holds the runs that wait or work: names of runs and nights, nothing of anybody.
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

from pipeline.model import NotNow

STILL_SECONDS: Final = 15 * 60
"""A night of the scheduler that did nothing for so long has ended without saying so: a command need not wait for it.

Longer than what lies between two tries of a task."""
_NAME = ".turn"
_ours: set[str] = set()
"""The runs of which this process does a step."""


class _Run(TypedDict):
    run: str
    night: str
    is_at_work: bool


def take(home_dir: Path, night: date, run: str, is_running: Callable[[str], bool]) -> str:
    """Take the turn for a run of the scheduler; '' when it has it now, else in Chinese for whom it waits.

    `is_running` tells of the name of another run whether it goes on: one that was stopped gives its place up here.
    """
    _ours.add(run)
    with _open(home_dir) as runs:
        runs[:] = [each for each in runs if each["run"] == run or is_running(each["run"])]
        mine = _place(runs, run, night)
        at_work = next((each for each in runs if each["is_at_work"]), None)
        first = at_work or min(runs, key=lambda each: each["night"])  # of one night, who came first
        if first is not mine:
            return f"{first['night']} 这一夜{'正在做' if at_work else '先做'}，做完再做 {night} 这一夜"
        mine["is_at_work"] = True
    return ""


def hold(home_dir: Path, night: date, run: str) -> None:
    """Say that a run goes on with its night. Raises NotNow when another has the turn; one that nobody has is taken."""
    _ours.add(run)
    with _open(home_dir) as runs:
        at_work = next((each for each in runs if each["is_at_work"]), None)
        if at_work and at_work["run"] != run:
            raise NotNow(f"{at_work['night']} 这一夜正在做，这一步等它做完再做")
        _place(runs, run, night)["is_at_work"] = True


def give_up(home_dir: Path, run: str) -> None:
    """All of a run is done, or it gives its night up."""
    with _open(home_dir) as runs:
        runs[:] = [each for each in runs if each["run"] != run]


def require_free_turn(home_dir: Path) -> None:
    """Raises NotNow while a night of the scheduler goes on: whoever works by command would be between two of its steps.

    One that did nothing for `STILL_SECONDS` is taken to have ended, and loses its turn. A step of that night itself may.
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
    """The runs, under a lock of the file's own, that is held for a moment; what is changed in them is written."""
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
    """Half a file, after a power cut, is nobody's turn: the runs that go on take it again."""
    try:
        runs: list[_Run] = json.loads(told or b"[]")
    except ValueError:
        return []
    return runs
