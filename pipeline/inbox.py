"""The inbox: which dropped files stand still, which are never taken, and their way into the archive, byte for byte.

A file is copied into `archive/<aa>/<sha256>`, recorded by the caller, and only then taken out of the inbox, so that
a crash at any point leaves it in one of the two. Links are never followed, whatever they point to.
"""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline import archive
from pipeline.home import Home
from pipeline.model import mask
from pipeline.reading import endings
from pipeline.reading.endings import DONE

_ASIDE = ".taken-"
_LONGEST_NAME = 255
WHOLE_FOLDER = "(整个文件夹)"
"""How a unit's folder is called when it cannot be looked into."""
_OURS = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""What is no fault of the file: the night cannot go on."""


Sort = endings.Sort | Literal["mark", "moving"]
"""Why something is not taken; `mark`: a `.done` beside which no file stands; `moving`: a file that does not stand still yet."""
_Look = tuple[Path, os.stat_result | OSError, Sort | None]


@dataclass(frozen=True)
class Dropped:
    """A file found in the inbox."""

    unit_code: str
    """The inbox folder's name; perhaps no unit that is configured."""
    path: Path
    name: str
    """Path below the unit's folder, `/` between parts, control characters made visible."""
    is_link: bool
    """A link, pipe or device: never opened."""
    trouble: OSError | None = None
    """Why it, or what lies in it when it is a folder, cannot even be looked at."""


@dataclass(frozen=True)
class Left:
    """What lies in the inbox and is not taken: its name says that it is no list, or it is still being written."""

    unit_code: str
    """The inbox folder's name; '' for what lies beside the folders."""
    name: str
    """As of `Dropped`; perhaps that of a folder."""
    sort: Sort
    changed: float
    """When it was last written, in seconds."""


def settled(inbox: Path, settle_seconds: int, clock: float) -> tuple[list[Dropped], list[Left]]:
    """(files that may be taken, those still moving) below `inbox/<unit>/`, both sorted by unit and name.

    `clock` is the entry point's time in seconds; a file counts as still when its last change lies `settle_seconds`
    or more before it. A time in the future (a wrong clock on the sender's side) does not hold a file back for ever:
    only its difference counts.
    """
    ready, moving = [], []
    for found in _all(inbox):
        if found.sort:
            continue
        if isinstance(found.status, OSError):
            ready.append(Dropped(found.unit_code, found.path, found.name, is_link=False, trouble=found.status))
            continue
        is_link = not stat.S_ISREG(found.status.st_mode)
        age = abs(clock - found.status.st_mtime)
        if is_link or age >= settle_seconds or os.path.lexists(f"{found.path}{DONE}"):
            ready.append(Dropped(found.unit_code, found.path, found.name, is_link))
        else:
            moving.append(Left(found.unit_code, found.name, "moving", found.status.st_mtime))
    return ready, moving


def left(inbox: Path) -> list[Left]:
    """What lies below `inbox/` and is never taken, sorted by unit and name."""
    return [
        Left(found.unit_code, found.name, found.sort, found.status.st_mtime)
        for found in _all(inbox)
        if found.sort and not isinstance(found.status, OSError)
    ]


@dataclass(frozen=True)
class _Found:
    """What lies in the inbox, with what is known of it or why nothing is."""

    unit_code: str
    path: Path
    name: str
    status: os.stat_result | OSError
    sort: Sort | None
    """None for what is taken."""


def _all(inbox: Path) -> Iterator[_Found]:
    """Whatever lies below `inbox/<unit>/` or beside the units' folders, by unit and name; a folder that cannot be looked into too."""
    for entry in sorted(os.scandir(inbox), key=lambda entry: entry.name):
        is_unit = entry.is_dir(follow_symlinks=False) and not _is_closed(entry)
        folder = Path(entry.path) if is_unit else inbox
        for path, status, sort in _below(folder) if is_unit else _look(entry):
            name = visible(path.relative_to(folder).as_posix()) if path != folder else WHOLE_FOLDER
            yield _Found(entry.name if is_unit else "", path, name, status, sort)


def _below(folder: Path) -> Iterator[_Look]:
    """Each file of a folder, at any depth. What just went is left out."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    except OSError as problem:
        yield folder, problem, None
        return
    for entry in entries:
        yield from _look(entry)


def _look(entry: os.DirEntry[str]) -> Iterator[_Look]:
    sort: Sort | None = endings.never_a_list(entry.name)
    if entry.is_dir(follow_symlinks=False):
        if not _is_closed(entry):
            yield from _below(Path(entry.path))
            return
        if not any(files for _, _, files in os.walk(entry.path)):
            return
    elif entry.name.startswith(_ASIDE):
        return
    elif entry.name.lower().endswith(DONE):
        if os.path.lexists(entry.path[: -len(DONE)]):
            return
        sort = "mark"
    try:
        status: os.stat_result | OSError = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return
    except OSError as problem:
        status = problem
    yield Path(entry.path), status, sort


def _is_closed(folder: os.DirEntry[str]) -> bool:
    """A bin, a download that goes on, or what a program keeps for itself: nobody puts a list there."""
    return endings.never_a_list(folder.name) in ("by_programs", "unfinished")


def visible(name: str) -> str:
    r"""A name fit to be shown and stored: control characters and broken bytes as `\xNN`, an ID number in it masked."""
    shown = "".join(
        f"\\x{ord(character):02x}" if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") else character
        for character in name
    )
    return mask(shown).replace("*", "x")


Seen = tuple[int, int, int]
"""Which file it was, how long, and when it was last written: other bytes under the same name show by it."""


def take_in(home: Home, dropped: Dropped) -> tuple[str, int, Seen]:
    """Copy a file into the archive; (sha256, size in bytes, what was seen of it when the copy began).

    Raises StillMoving when the file changes meanwhile or is gone, Unreadable when it cannot be opened or read to its end,
    OSError when the disk is full; the inbox is untouched then.
    """
    if dropped.trouble is not None:
        raise archive.Unreadable(dropped.trouble.errno, dropped.trouble.strerror) from dropped.trouble
    try:
        handle = os.open(dropped.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise archive.StillMoving(f"收取时文件不见了:{dropped.unit_code}/{dropped.name}") from None
    except OSError as problem:
        if problem.errno in _OURS:
            raise
        raise archive.Unreadable(problem.errno, problem.strerror) from problem
    with os.fdopen(handle, "rb") as source:
        status = os.fstat(source.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise archive.StillMoving(f"收取时不再是普通文件:{dropped.unit_code}/{dropped.name}")
        return *archive.keep(home, source, f"{dropped.unit_code}/{dropped.name}"), _seen(status)


def take_out(dropped: Dropped, seen: Seen | None = None) -> bool:
    """Remove a file from the inbox after it was archived and recorded, with its `.done` mark.

    When other bytes lie under its name by now (not `seen`), they stay, for another time: False. So does a file that the
    folder does not let go (`stuck`).
    """
    if seen is not None:
        # Moved aside first: between a look and a removal somebody might put another file there.
        aside = _aside(dropped.path)
        try:
            dropped.path.rename(aside)
        except FileNotFoundError:
            return True
        except OSError as problem:
            if problem.errno in _OURS:
                raise
            return False  # archived and recorded; `stuck` says that it lies there
        if _seen(aside.lstat()) != seen:
            _put_back(aside, dropped.path)
            return False
        aside.unlink()
    else:
        try:
            dropped.path.unlink(missing_ok=True)
        except OSError:
            return False
    with suppress(OSError):  # beside a name of full length none can stand
        Path(f"{dropped.path}{DONE}").unlink(missing_ok=True)
    return True


def stuck(inbox: Path) -> list[str]:
    """Folders below `inbox/` from which we may take nothing away: what lies there comes again every night."""
    folders = (Path(folder) for folder, *_ in os.walk(inbox))
    return sorted(
        visible(folder.relative_to(inbox).as_posix())
        for folder in folders
        if folder != inbox and not os.access(folder, os.W_OK | os.X_OK)
    )


def put_back(inbox: Path) -> None:
    """Let what a process that died had moved aside be found again: archived once more, the same bytes count once."""
    there = [Path(folder) / name for folder, _, names in os.walk(inbox) for name in names if name.startswith(_ASIDE)]
    for aside in sorted(there):
        _put_back(aside, aside.with_name(aside.name.removeprefix(_ASIDE)))


def _aside(path: Path) -> Path:
    """A name for it that is no submission's, cut where the folder takes no longer one."""
    name = os.fsencode(_ASIDE + path.name)[:_LONGEST_NAME].decode("utf-8", "ignore")
    return path.with_name(name)


def _put_back(aside: Path, path: Path) -> None:
    if not os.path.lexists(path):  # else it is newer still, and takes the place that it was given
        aside.rename(path)
    aside.unlink(missing_ok=True)


def _seen(status: os.stat_result) -> Seen:
    return status.st_ino, status.st_size, status.st_mtime_ns
