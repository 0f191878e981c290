"""Opens a home and locks it: for one step beside others, or alone for a whole night."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from low_income.model import NotNow
from low_income.records import agreement, journal, turns
from low_income.records.ledger import Ledger
from low_income.settings.home import Home, keep_to_owner


def open_home(home_dir: Path) -> tuple[Home, Ledger]:
    """The home and its ledger. While this process holds the home alone, the pair that it opened first."""
    keep_to_owner()
    if home_dir in _alone_in:
        return _alone_in[home_dir]
    home = Home.open(home_dir)
    return home, Ledger.of(home)


_alone_in: dict[Path, tuple[Home, Ledger]] = {}


begun: dict[Path, Sequence[journal.Entry] | None] = {}
"""Root of each home that is held alone → the journal's lines when the night began; None until it begins."""


def open_whole(home_dir: Path) -> tuple[Home, Ledger]:
    """The home and its ledger, for a command that says what is held or records a word: rows that a ledger lost must not seem absent.

    Raises MonitorError, with what to do, when journal, ledger and keys do not belong together.
    """
    home, ledger = open_home(home_dir)
    agreement.verify_agreement(home, ledger)
    return home, ledger


@contextmanager
def held(home_dir: Path) -> Iterator[None]:
    """Hold the home alone without opening its ledger. Raises NotNow, with the owner's name, when a night runs."""
    with _locked(home_dir, fcntl.LOCK_EX):
        turns.require_free_turn(home_dir)
        yield


@contextmanager
def alone(home_dir: Path) -> Iterator[None]:
    """Hold the home alone, open, for a whole night or another long task. Raises NotNow, with the owner's name, when a night runs."""
    with _locked(home_dir, fcntl.LOCK_EX):
        turns.require_free_turn(home_dir)
        _alone_in[home_dir] = open_home(home_dir)
        begun[_alone_in[home_dir][0].root] = None
        try:
            yield
        finally:
            del begun[_alone_in.pop(home_dir)[0].root]


@contextmanager
def alone_for_a_step(home_dir: Path) -> Iterator[None]:
    """Hold the home alone for one step, such as the beginning of a night."""
    if home_dir in _alone_in:
        yield
        return
    with _locked(home_dir, fcntl.LOCK_EX):
        yield


@contextmanager
def shared(home_dir: Path) -> Iterator[None]:
    """Hold the home for one step, together with other steps of the same night."""
    if home_dir in _alone_in:
        yield
        return
    with _locked(home_dir, fcntl.LOCK_SH):
        yield


@contextmanager
def _locked(home_dir: Path, how: int) -> Iterator[None]:
    """Hold a kernel lock. It ends with its process, so a dead process never blocks the next night."""
    handle = os.open(home_dir / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, how | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(handle, 200, 0).decode(errors="replace").strip()
            raise NotNow(f"另一个夜间任务或命令正在运行（{owner or '进程不明'}），这一次没有开始") from None
        # One write of fixed length: a process that reads meanwhile finds one whole name, of this owner or of the last.
        os.pwrite(handle, f"{socket.gethostname()} 进程 {os.getpid()}".ljust(100).encode()[:200], 0)
        yield
    finally:
        os.close(handle)
