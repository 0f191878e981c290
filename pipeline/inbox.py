"""The inbox: which dropped files stand still, and their way into the archive, byte for byte.

A file is copied into `archive/<aa>/<sha256>`, recorded by the caller, and only then taken out of the inbox, so that
a crash at any point leaves it in one of the two. Links are never followed, whatever they point to.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline import archive
from pipeline.home import Home
from pipeline.model import mask

_NOT_SUBMISSIONS = ("~$", ".~", ".")
_NOT_SUBMISSIONS_ENDINGS = (".tmp", ".part", ".crdownload")
_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", ".ds_store"})
DONE = ".done"
"""`<name>.done` beside a file says: complete, take it at once."""


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
            is_link = not stat.S_ISREG(status.st_mode)
            dropped = Dropped(unit.name, path, visible(path.relative_to(unit).as_posix()), is_link)
            age = abs(clock - status.st_mtime)
            if is_link or age >= settle_seconds or path.with_name(path.name + DONE).exists():
                ready.append(dropped)
            else:
                moving.append(f"{unit.name}/{dropped.name}")
    return ready, moving


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        lowered = entry.name.lower()
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        elif not (
            lowered in _SYSTEM_FILES
            or lowered.endswith((*_NOT_SUBMISSIONS_ENDINGS, DONE))
            or lowered.startswith(_NOT_SUBMISSIONS)
        ):
            yield Path(entry.path), entry.stat(follow_symlinks=False)


def visible(name: str) -> str:
    r"""A name fit to be shown and stored: control characters and broken bytes as `\xNN`, an ID number in it masked."""
    shown = "".join(
        f"\\x{ord(character):02x}" if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") else character
        for character in name
    )
    return mask(shown).replace("*", "x")


def take_in(home: Home, dropped: Dropped) -> tuple[str, int]:
    """Copy a file into the archive; returns (sha256, size in bytes).

    Raises OSError when the disk is full or the file vanished; the inbox is untouched then.
    """
    handle = os.open(dropped.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as source:
        if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            raise OSError(f"不是普通文件:{dropped.unit_code}/{dropped.name}")
        return archive.keep(home, source, f"{dropped.unit_code}/{dropped.name}")


def take_out(dropped: Dropped) -> None:
    """Remove a file from the inbox after it was archived and recorded, with its `.done` mark."""
    dropped.path.unlink(missing_ok=True)
    dropped.path.with_name(dropped.path.name + DONE).unlink(missing_ok=True)
