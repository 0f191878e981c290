"""What is done to a night from within its own process: its boundaries are counted, and at one of them it is struck.

A boundary is whatever can leave something half done: begin and end of a step, each change of a name on the disk, each file
opened to be written, each sync, each commit of the ledger, each line of the journal. Python tells them itself (audit
events); nothing in the product knows that it is watched. Only ever used in a process forked for one trial: audit hooks
cannot be taken off again.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from low_income.night import inbox, run
from low_income.records import journal
from low_income.settings.home import Home

STEPS = ("fetch", "collect", "read", "dataset_groups", "check", "give_back", "build", "publish", "notify")
_CHANGES = frozenset(
    {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "shutil.rmtree"}
)
_PRIVATE = re.compile(r"(\.part-|\.fetch-|\.policy-|open-|build-|check-)\w+|\b[0-9a-f]{16,64}\b|\.duckdb\.\d+")
"""What differs from run to run in the names of files."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

Point = tuple[str, int]
"""(what happens, the how-manyeth time, from 1)."""


def kill() -> None:
    """End this process as a power cut would: nothing of ours runs any more."""
    os.kill(os.getpid(), signal.SIGKILL)


def disk_full() -> None:
    """What the operating system says when nothing more fits."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def watch(home: Path, reached: Callable[[str, int], None]) -> None:
    """Tell `reached` each boundary of a night of this home, just before it is passed, with how often it came."""
    seen: Counter[str] = Counter()
    root = str(home)

    def pass_by(what: str) -> None:
        seen[what] += 1
        reached(what, seen[what])

    def place(path: Any) -> str | None:
        name = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else ""
        if not name.startswith(root):
            return None
        return _PRIVATE.sub(lambda found: (found[1] or "") + "…", name[len(root) :].lstrip("/"))

    def told(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITING and (name := place(path)) is not None:
                pass_by(f"open {name}")
        elif event in _CHANGES and (name := place(arguments[0])) is not None:
            pass_by(f"{event} {name}")

    sys.addaudithook(told)
    for name in STEPS:
        setattr(run, name, _around(getattr(run, name), f"step {name}", pass_by))
    setattr(journal, "write", _around(journal.write, "journal", pass_by))  # noqa: B010 - as the steps
    setattr(os, "fsync", _around(os.fsync, "fsync", pass_by))  # noqa: B010
    sa.event.listen(sa.Engine, "commit", lambda connection: pass_by("commit"))


def _around(do: Callable[..., Any], name: str, pass_by: Callable[[str], None]) -> Callable[..., Any]:
    @wraps(do)
    def watched(*arguments: Any, **keywords: Any) -> Any:
        pass_by(f"before {name}")
        result = do(*arguments, **keywords)
        pass_by(f"after {name}")
        return result

    return watched


def around_a_taking(unit: str, when: str, act: Callable[[], None]) -> None:
    """Act once: before the inbox is listed, or before the first file of a unit is taken, or after it was copied and before it is removed."""
    take_in, pending = inbox.take_in, [act]

    @wraps(take_in)
    def taking(home: Home, dropped: inbox.Dropped) -> tuple[str, int, inbox.Seen]:
        is_its = dropped.unit_code == unit
        if is_its and pending and when == "before a file is taken":
            pending.pop()()
        taken = take_in(home, dropped)
        if is_its and pending:
            pending.pop()()
        return taken

    if when == "before the night looks":
        act()
    else:
        setattr(inbox, "take_in", taking)  # noqa: B010 - as the steps


def at(point: Point, act: Callable[[], None]) -> Callable[[str, int], None]:
    """For `watch`: act when a boundary is reached."""

    def reached(what: str, times: int) -> None:
        if (what, times) == point:
            act()

    return reached
