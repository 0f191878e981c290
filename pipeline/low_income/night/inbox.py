"""The inbox: finds dropped files that are settled and those never taken, and copies files into the archive byte for byte.

A file is copied into `archive/<aa>/<sha256>`, recorded by the caller, and only then taken out of the inbox. So a crash
at any point leaves it in one of the two.

Senders may write here at any time, so a file may change right after it was looked at. Every folder is opened from the
handle of the folder above it. Every file is looked at, opened, renamed and removed from the handle of its folder. No link
is followed on the way. So nothing outside the inbox is read, moved or removed. Only `inbox/` itself may be a link, since
the data officer made it. Attacks: docs/security.md.
"""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from low_income.model import mask
from low_income.reading import endings
from low_income.reading.endings import DONE
from low_income.records import archive
from low_income.settings.home import Home

_ASIDE = ".taken-"
_LONGEST_NAME = 255
_DEEPEST = 32
"""How deep folders may be nested: each open one costs a handle, and a sender must not use them all up."""
WHOLE_FOLDER = "（整个文件夹）"
"""The name shown for a unit's folder that cannot be opened."""
_OURS = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""Errors that are no fault of the file: the night cannot go on."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


Sort = endings.Sort | Literal["mark", "moving", "waiting", "waiting_answers", "late"]
"""Why a file is not taken. `mark`: a `.done` without its file; `moving`: a file that changed too recently; `waiting`: a file
beyond the number taken from a unit in one night; `waiting_answers`: the same for filled-in lists; `late`: taken, but not read,
because its unit's files took too long."""
PUT_OFF: dict[Sort, str] = {
    "waiting": "一个单位一夜最多收 {files} 份，先放进来的先收",
    "waiting_answers": "填好的清单，一个单位一夜最多收 {files} 份，先放进来的先收",
    "late": "一个单位的文件，一夜最多读 {unit_seconds} 秒，先来的先读",
}
"""Sort of file that waits for a later night → why, as a template for the values of `Limits`."""
Oddity = Literal["link", "hard_link", "owner"]
"""Why a file is never opened: it is a link, pipe or device; it has a second name (hard link); another account owns it."""
Seen = tuple[int, int, int]
"""(inode, size in bytes, time of last change in ns) of a file. It shows when other bytes lie under the same name."""


@dataclass(frozen=True)
class Dropped:
    """A file found in the inbox."""

    unit_code: str
    """The name of the folder in the inbox; it may name no configured unit."""
    inbox: Path
    way: tuple[str, ...]
    """The names of the folders below the inbox, then the name of the file."""
    name: str
    """Path below the unit's folder, with `/` between parts and control characters made visible."""
    oddity: Oddity | None = None
    """Why it is never opened."""
    trouble: OSError | None = None
    """Why the file, or the content of a folder, cannot even be looked at."""
    seen: Seen | None = None


@dataclass(frozen=True)
class Left:
    """A file in the inbox that is not taken: its name says that it is no list, or it is still being written."""

    unit_code: str
    """The name of the folder in the inbox; '' for files beside the folders."""
    name: str
    """As in `Dropped`; it may be a folder's name."""
    sort: Sort
    changed: float
    """Time of last change, in seconds."""


def settled(inbox: Path, settle_seconds: int, clock: float) -> tuple[list[Dropped], list[Left]]:
    """(files that may be taken, those still moving) below `inbox/<unit>/`, both sorted by unit and name.

    `clock` is the entry point's time in seconds. A file may be taken when its last change lies `settle_seconds` or more
    before it, or when a `.done` marks it as complete. A time in the future (a wrong clock on the sender's side) does not
    keep a file waiting for ever: only the difference counts.
    """
    ready, moving = [], []
    for found in _all(inbox):
        if found.sort:
            continue
        of_it = (found.unit_code, inbox, found.way, found.name)
        if isinstance(found.status, OSError):
            ready.append(Dropped(*of_it, trouble=found.status))
            continue
        age = abs(clock - found.status.st_mtime)
        if found.oddity or found.is_marked or age >= settle_seconds:
            ready.append(Dropped(*of_it, oddity=found.oddity, seen=_seen(found.status)))
        else:
            moving.append(Left(found.unit_code, found.name, "moving", found.status.st_mtime))
    return ready, moving


def within_budget(ready: Sequence[Dropped], most: int) -> tuple[list[Dropped], list[Dropped]]:
    """(files to take tonight, those that wait): from each unit at most `most`, oldest first. Both keep the order of `ready`."""
    by_age = sorted(ready, key=lambda each: (each.seen[2] if each.seen else 0, each.way))
    counted: Counter[str] = Counter()
    taken = set()
    for each in by_age:
        counted[each.unit_code] += 1
        if counted[each.unit_code] <= most:
            taken.add(each.way)
    return [each for each in ready if each.way in taken], [each for each in ready if each.way not in taken]


def left(inbox: Path) -> list[Left]:
    """Files below `inbox/` that are never taken, sorted by unit and name."""
    return [
        Left(found.unit_code, found.name, found.sort, found.status.st_mtime)
        for found in _all(inbox)
        if found.sort and not isinstance(found.status, OSError)
    ]


@dataclass(frozen=True)
class _Found:
    """A file in the inbox, with what is known of it, or why nothing is known."""

    unit_code: str
    way: tuple[str, ...]
    status: os.stat_result | OSError
    sort: Sort | None = None
    """None for a file that is taken."""
    oddity: Oddity | None = None
    is_marked: bool = False
    """Whether a `.done` says that it is complete."""

    @property
    def name(self) -> str:
        return visible("/".join(self.way[1:] if self.unit_code else self.way)) or WHOLE_FOLDER


def _all(inbox: Path) -> Iterator[_Found]:
    """All files below `inbox/<unit>/` or beside the units' folders, by unit and name. A folder that cannot be opened counts too."""
    with _opened(inbox, ()) as handle:
        host = os.fstat(handle)
        for entry in _entries(handle):
            if entry.is_dir(follow_symlinks=False) and not _is_closed(entry.name):
                yield from _below(handle, (entry.name,), entry.name)
            else:
                yield from _look(handle, (entry.name,), entry, "", host)


def _below(above: int, way: tuple[str, ...], unit: str, host: os.stat_result | None = None) -> Iterator[_Found]:
    """Each file of a folder, at any depth. Files that disappear meanwhile are left out.

    `above` is the handle of the parent folder, `host` the status of the unit's own folder.
    """
    try:
        handle = _step(above, way[-1], len(way))
    except FileNotFoundError:
        return
    except OSError as problem:
        yield _in_trouble(unit, way, problem)
        return
    try:
        host = host or os.fstat(handle)
        try:
            entries = _entries(handle)
        except OSError as problem:
            yield _in_trouble(unit, way, problem)
            return
        for entry in entries:
            yield from _look(handle, (*way, entry.name), entry, unit, host)
    finally:
        os.close(handle)


def _in_trouble(unit: str, way: tuple[str, ...], problem: OSError, sort: Sort | None = None) -> _Found:
    if problem.errno in _OURS:
        raise problem
    return _Found(unit, way, problem, sort)


def _look(
    handle: int, way: tuple[str, ...], entry: os.DirEntry[str], unit: str, host: os.stat_result
) -> Iterator[_Found]:
    name = entry.name
    sort: Sort | None = endings.never_a_list(name)
    if entry.is_dir(follow_symlinks=False):
        if not _is_closed(name):
            yield from _below(handle, way, unit, host)
            return
        if next(_below(handle, way, unit, host), None) is None:
            return
    elif name.lower().endswith(DONE):
        if _is_there(handle, name[: -len(DONE)]):
            return
        sort = "mark"
    try:
        status = os.stat(name, dir_fd=handle, follow_symlinks=False)
    except FileNotFoundError:
        return
    except OSError as problem:
        yield _in_trouble(unit, way, problem, sort)
        return
    is_marked = _is_there(handle, f"{name}{DONE}")
    yield _Found(unit, way, status, sort, _oddity(status, host), is_marked)


def _oddity(status: os.stat_result, host: os.stat_result) -> Oddity | None:
    """Why a file is not opened; `host` is the unit's own folder.

    The owner of a file must be the owner of the unit's folder, our account, or root. In a setgid folder, a file of the
    folder's group may have any owner. A person who links or moves another's file to here does not change its owner.
    """
    if not stat.S_ISREG(status.st_mode):
        return "link"
    if status.st_nlink > 1:
        return "hard_link"
    by_group = bool(host.st_mode & stat.S_ISGID) and status.st_gid == host.st_gid
    return None if by_group or status.st_uid in (host.st_uid, os.geteuid(), 0) else "owner"


def _is_closed(name: str) -> bool:
    """Whether a folder is a bin, an unfinished download, or a program's own folder: nobody puts a list there."""
    return endings.never_a_list(name) in ("by_programs", "unfinished")


def _entries(handle: int) -> list[os.DirEntry[str]]:
    with os.scandir(handle) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _is_there(handle: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=handle, follow_symlinks=False)
    except OSError:
        return False
    return True


@contextmanager
def _opened(inbox: Path, way: Sequence[str]) -> Iterator[int]:
    """The handle of a folder below the inbox, closed when the block ends. Raises OSError as `_step` does."""
    handle = os.open(inbox, _FOLDER)
    try:
        for depth, name in enumerate(way, 1):
            above, handle = handle, _step(handle, name, depth)
            os.close(above)
        yield handle
    finally:
        os.close(handle)


def _step(above: int, name: str, depth: int) -> int:
    """The handle of a folder that lies in another one.

    Raises OSError: ELOOP when it is now a link (or anything but a folder), ENAMETOOLONG when it is nested too deep.
    """
    if depth > _DEEPEST:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    try:
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=above)
    except NotADirectoryError as problem:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from problem


def visible(name: str) -> str:
    r"""A name that can be shown and stored: control characters and broken bytes as `\xNN`, ID numbers masked."""
    shown = "".join(
        f"\\x{ord(character):02x}" if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") else character
        for character in name
    )
    return mask(shown).replace("*", "x")


def take_in(home: Home, dropped: Dropped) -> tuple[str, int, Seen]:
    """Copy a file into the archive; returns (sha256, size in bytes, its `Seen` when the copy began).

    Raises StillMoving when the file changes meanwhile, became something else or is gone; Unreadable when it cannot be
    opened or read to its end; OSError when the machine cannot go on (full disk, no handles). The inbox is then unchanged.
    """
    called = f"{dropped.unit_code}/{dropped.name}"
    if dropped.trouble is not None:
        raise archive.Unreadable(dropped.trouble.errno, dropped.trouble.strerror) from dropped.trouble
    try:
        with _opened(dropped.inbox, dropped.way[:-1][:1]) as unit:
            host = os.fstat(unit)
        with _opened(dropped.inbox, dropped.way[:-1]) as folder:
            handle = os.open(dropped.way[-1], _FILE, dir_fd=folder)
    except FileNotFoundError:
        raise archive.StillMoving(f"收取时文件不见了：{called}") from None
    except OSError as problem:
        if problem.errno in _OURS:
            raise
        raise archive.Unreadable(problem.errno, problem.strerror) from problem
    with os.fdopen(handle, "rb") as source:
        status = os.fstat(source.fileno())
        if _oddity(status, host):
            raise archive.StillMoving(f"收取时变成了别的文件：{called}")
        return *archive.keep(home, source, called), _seen(status)


def take_out(dropped: Dropped, seen: Seen | None) -> bool:
    """Remove a file and its `.done` mark from the inbox after it was archived and recorded.

    Returns False when the file stays: other bytes now lie under its name (not `seen`) and wait for another time, or the
    folder allows no removal (`stuck`).
    """
    name = dropped.way[-1]
    aside = _aside(name)
    try:
        with _opened(dropped.inbox, dropped.way[:-1]) as folder:
            # Renamed first: between a look and a removal a sender may put another file there.
            os.rename(name, aside, src_dir_fd=folder, dst_dir_fd=folder)
            if _seen(os.stat(aside, dir_fd=folder, follow_symlinks=False)) != seen:
                _put_back(folder, aside, name)
                return False
            os.unlink(aside, dir_fd=folder)
            with suppress(OSError):  # a name of full length can have no mark
                os.unlink(f"{name}{DONE}", dir_fd=folder)
    except FileNotFoundError:
        return True
    except OSError as problem:
        if problem.errno in _OURS:
            raise
        return False  # archived and recorded; `stuck` reports it
    return True


def stuck(inbox: Path) -> list[str]:
    """Folders below `inbox/` from which we may remove nothing. Files there are taken again every night."""
    return sorted(
        visible("/".join(way))
        for way, handle in _folders(inbox)
        if way and not os.access(".", os.W_OK | os.X_OK, dir_fd=handle)
    )


def put_back(inbox: Path) -> None:
    """Rename back what a process had moved aside before it died. It is archived again, and the same bytes count once.

    A file that the folder does not allow to rename stays, and is reported as a file that is never taken.
    """
    for _, handle in _folders(inbox):
        for entry in _entries(handle):
            if entry.name.startswith(_ASIDE) and not entry.is_dir(follow_symlinks=False):
                with suppress(OSError):
                    _put_back(handle, entry.name, entry.name.removeprefix(_ASIDE))


def _folders(inbox: Path) -> Iterator[tuple[tuple[str, ...], int]]:
    """(names from the inbox down, handle) of the inbox and of each folder below it that can be opened."""

    def below(handle: int, way: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
        yield way, handle
        for entry in _entries(handle):
            if entry.is_dir(follow_symlinks=False):
                try:
                    inner = _step(handle, entry.name, len(way) + 1)
                except OSError:
                    continue
                try:
                    yield from below(inner, (*way, entry.name))
                finally:
                    os.close(inner)

    with _opened(inbox, ()) as handle:
        yield from below(handle, ())


def _aside(name: str) -> str:
    """The name for a file that is moved aside. It is no name of a list, and cut to the longest that a folder allows."""
    return os.fsencode(_ASIDE + name)[:_LONGEST_NAME].decode("utf-8", "ignore")


def _put_back(folder: int, aside: str, name: str) -> None:
    if name and not _is_there(folder, name):  # else a newer file has this name, and this older one is removed
        os.rename(aside, name, src_dir_fd=folder, dst_dir_fd=folder)
    else:
        os.unlink(aside, dir_fd=folder)


def _seen(status: os.stat_result) -> Seen:
    return status.st_ino, status.st_size, status.st_mtime_ns
