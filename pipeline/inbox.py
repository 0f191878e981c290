"""The inbox: which dropped files stand still, and their way into the archive, byte for byte.

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

from pipeline import archive
from pipeline.home import Home
from pipeline.model import mask

_NOT_SUBMISSIONS = ("~$", ".~", ".")
_NOT_SUBMISSIONS_ENDINGS = (".tmp", ".part", ".crdownload")
_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", ".ds_store"})
_ASIDE = ".taken-"
_LONGEST_NAME = 255
DONE = ".done"
"""`<name>.done` beside a file says: complete, take it at once."""
WHOLE_FOLDER = "(整个文件夹)"
"""How a unit's folder is called when it cannot be looked into."""
_OURS = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""What is no fault of the file: the night cannot go on."""


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


def settled(inbox: Path, settle_seconds: int, clock: float) -> tuple[list[Dropped], list[str]]:
    """(files that may be taken, names of those still moving) below `inbox/<unit>/`, both sorted by unit and name.

    `clock` is the entry point's time in seconds; a file counts as still when its last change lies `settle_seconds`
    or more before it. A time in the future (a wrong clock on the sender's side) does not hold a file back for ever:
    only its difference counts.
    """
    ready, moving = [], []
    for unit in sorted(path for path in inbox.iterdir() if not path.name.startswith(".")):
        if unit.is_symlink() or not unit.is_dir():
            ready.append(Dropped("", unit, visible(unit.name), is_link=unit.is_symlink()))
            continue
        for path, status in _files(unit):
            name = visible(path.relative_to(unit).as_posix()) if path != unit else WHOLE_FOLDER
            if isinstance(status, OSError):
                ready.append(Dropped(unit.name, path, name, is_link=False, trouble=status))
                continue
            is_link = not stat.S_ISREG(status.st_mode)
            dropped = Dropped(unit.name, path, name, is_link)
            age = abs(clock - status.st_mtime)
            if is_link or age >= settle_seconds or os.path.lexists(f"{path}{DONE}"):
                ready.append(dropped)
            else:
                moving.append(f"{unit.name}/{dropped.name}")
    return ready, moving


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result | OSError]]:
    """Each file with what is known of it; a folder, or a file, that cannot be looked at with the reason. What just went is left out."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    except OSError as problem:
        yield folder, problem
        return
    for entry in entries:
        lowered = entry.name.lower()
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        elif not (
            lowered in _SYSTEM_FILES
            or lowered.endswith((*_NOT_SUBMISSIONS_ENDINGS, DONE))
            or lowered.startswith(_NOT_SUBMISSIONS)
        ):
            try:
                status: os.stat_result | OSError = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            except OSError as problem:
                status = problem
            yield Path(entry.path), status


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
