"""The journal: what came in, who decided or looked at what, and what was published; append-only, each line bound to the last.

A line is JSON: `seq`, `at` (UTC), `what`, `sealed` (who and the details, encrypted) and `hash`. The hash is SHA-256 over
the hash of the line before and the clear text of this line. A random `salt` in that text keeps anybody from guessing
details from the hash. A changed, removed or reordered line breaks the chain. The ledger remembers the last line
(`head`), so lines cut off at the end are noticed. `monitor recover` rebuilds a lost ledger from the journal. See
docs/bad_input.md.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from low_income.model import MonitorError
from low_income.records.seal import Seal, Unopened
from low_income.settings.home import Home, atomically

NIGHT = "夜间任务"
"""Who acts, in the journal, when it is the night and no person."""
ARRIVALS = ("received", "filled_in")
"""Lines that tell that a file came: data, or a list that people filled in."""
CONFIRMED = ("confirmed", "confirmed_gap")
"""Lines that tell the data officer's confirmation: of a held roster, or of a gap in a roster."""
_START = "0" * 64
_LINE = {"seq", "at", "what", "sealed", "hash"}


@dataclass(frozen=True)
class Entry:
    """One line, decrypted."""

    seq: int
    """1 for the first."""
    at: datetime
    who: str
    """Who did it: a login name, or NIGHT."""
    what: str
    """`identity`, `night`, `received`, `decided`, `published`, `swept`, `looked`, `rolled_back`, `forgot`, …"""
    about: dict[str, Any]
    hash: str


@dataclass(frozen=True)
class Head:
    """Where the journal ended at some moment."""

    seq: int
    hash: str


def path(home: Home) -> Path:
    """journal.jsonl of a home."""
    return home.root / "journal.jsonl"


def write(home: Home, what: str, about: Mapping[str, Any], *, who: str, at: datetime) -> Head:
    """Add a line, and return when it is on the disk. Raises OSError when the disk is full; the journal is whole then too.

    `about` holds JSON values only, and never a full ID number: a person is named by person_id.
    """
    seal = Seal.of(home)
    with _locked(home) as handle:
        last = _mend(handle)
        told = {"who": who, "about": dict(about), "salt": secrets.token_hex(16)}
        text = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        seq = last.seq + 1
        digest = _hash(last.hash, seq, at, what, text)
        line = {"seq": seq, "at": _moment(at), "what": what, "sealed": seal.encrypt(text), "hash": digest}
        end = os.fstat(handle).st_size
        written = json.dumps(line, ensure_ascii=False).encode() + b"\n"
        try:
            if os.write(handle, written) != len(written):  # a short write raises no error by itself
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path(home)))
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, end)
            raise
    return Head(seq, digest)


def _mend(handle: int) -> Head:
    """Cut off half a line that a crash left, since no caller was told that it was written; gives the last whole line."""
    size = os.fstat(handle).st_size
    reach = min(size, 1 << 20)
    tail = os.pread(handle, reach, size - reach)
    whole = tail.rfind(b"\n") + 1
    if whole != len(tail):
        os.ftruncate(handle, size - len(tail) + whole)
        os.fsync(handle)
    lines = tail[:whole].splitlines()
    if not lines:
        return Head(0, _START)
    last = json.loads(lines[-1])
    return Head(int(last["seq"]), str(last["hash"]))


def head(home: Home) -> Head:
    """Where the journal ends now; `Head(0, "00…")` when it is empty."""
    if not path(home).exists():
        return Head(0, _START)
    with _locked(home) as handle:
        return _mend(handle)


@contextmanager
def _locked(home: Home) -> Iterator[int]:
    """The open journal, locked for one process. A key change replaces the file, so this looks again once it has the lock."""
    while True:
        handle = os.open(path(home), os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if os.fstat(handle).st_ino == path(home).stat().st_ino:
                yield handle
                return
        finally:
            os.close(handle)


def read(home: Home) -> Iterator[Entry]:
    """All lines in order. Raises MonitorError, with the line's number, at the first one that does not fit the one before.

    Raises Unopened when the keys of the home open none of the lines: then the key is another one, and no line was changed.
    """
    if not path(home).exists():
        return
    seal, last = Seal.of(home), Head(0, _START)
    with path(home).open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                told = json.loads(line)
                text = seal.decrypt(told["sealed"])
                at = datetime.strptime(told["at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
                digest = _hash(last.hash, told["seq"], at, told["what"], text)
                fits = (told["seq"], told["hash"]) == (last.seq + 1, digest) and set(told) == _LINE
            except (ValueError, KeyError, TypeError, AttributeError, MonitorError):
                fits = False
            if not fits:
                if number == 1 and _is_of_another_key(home, seal):
                    raise Unopened(
                        "日志一行也打不开（journal.jsonl）：多半是 ledger.key 换过，或者这是别的数据目录的日志。请先核对 ledger.key 是不是原来的"
                    )
                raise MonitorError(f"日志第 {number} 行被改动、删除或调换过（journal.jsonl）")
            last = Head(told["seq"], told["hash"])
            yield _opened(told, text)


def _is_of_another_key(home: Home, seal: Seal) -> bool:
    """Whether the journal has sealed lines, and `seal` opens none of them."""
    unopened = 0
    for line in path(home).read_bytes().splitlines():
        try:
            seal.decrypt(json.loads(line)["sealed"])
        except Unopened:
            unopened += 1
        except (ValueError, KeyError, TypeError, AttributeError):  # a spoilt line says nothing about the key
            continue
        else:
            return False
    return unopened > 0


def since_published(home: Home) -> list[Entry]:
    """The lines after the last `published`, in order: what an unfinished night wrote. Their chain is not examined."""
    if not path(home).exists():
        return []
    lines: list[dict[str, Any]] = []
    for line in reversed(path(home).read_bytes().splitlines()):
        try:
            told = json.loads(line)
        except ValueError:  # half a line that a crash left: no caller was told that it was written
            continue
        if told["what"] == "published":
            break
        lines.append(told)
    seal = Seal.of(home)
    return [_opened(told, seal.decrypt(told["sealed"])) for told in reversed(lines)]


def lines_of(home: Home, sorts: Collection[str]) -> Iterator[Entry]:
    """The lines of these sorts, in order. Their chain is not examined; half a line that a crash left is skipped."""
    if not path(home).exists():
        return
    seal = Seal.of(home)
    for line in path(home).read_bytes().splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if told["what"] in sorts:
            yield _opened(told, seal.decrypt(told["sealed"]))


def _opened(told: Mapping[str, Any], text: str) -> Entry:
    inside = json.loads(text)
    at = datetime.strptime(told["at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    return Entry(told["seq"], at, inside["who"], told["what"], inside["about"], told["hash"])


def holds(home: Home, remembered: Head) -> bool:
    """Whether the line that was remembered as the last is still in its place."""
    return remembered.seq == 0 or any(
        entry.seq == remembered.seq and entry.hash == remembered.hash for entry in read(home)
    )


def renew(home: Home, seal: Seal) -> int:
    """Seal every line anew with the first key of `seal`; gives how many. The clear text, and so the chain, stays the same."""
    count = 0
    if path(home).exists():
        with (
            _locked(home),
            atomically(path(home)) as part,
            path(home).open("rb") as file,
            part.open("w", encoding="utf-8") as fresh,
        ):
            for line in file:
                told = json.loads(line)
                fresh.write(json.dumps(told | {"sealed": seal.renew(told["sealed"])}, ensure_ascii=False) + "\n")
                count += 1
    return count


def _hash(before: str, seq: int, at: datetime, what: str, sealed: str) -> str:
    content = json.dumps([before, seq, _moment(at), what, sealed], ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
