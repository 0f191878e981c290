"""The step `collect`: archives dropped files, records them and takes them out of the inbox."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from low_income import advice
from low_income.model import Refusal
from low_income.night import inbox
from low_income.night.begin import begin, lay_blanks, sweep_archive, take_up_unfinished
from low_income.records import access, archive, bookkeeping, journal, published
from low_income.records.ledger import Ledger
from low_income.settings.home import Home, sweep


def collect(home_dir: Path, day: date, *, units: Sequence[str] | None = None) -> list[str]:
    """Archive and record every settled file of the inbox; returns the units that have something to do tonight, sorted.

    A file in a folder that names no unit is taken as well, and refused for this reason when it is read. A file that
    cannot be opened is refused for this reason, and stays in the inbox. A link or pipe is refused and removed.
    """
    home, ledger = access.open_home(home_dir)
    now = datetime.now(UTC)
    with access.alone_for_a_step(home_dir):
        entries = begin(home, ledger)
        sweep(home)
        bookkeeping.take_up_arrivals(home, ledger)
        left_over = take_up_unfinished(home, ledger, day, entries)
        about = {"run_date": day.isoformat()} | published.on_begin(home, entries)
        journal.write(home, "night", about, who=journal.NIGHT, at=now)
        ledger.begin_night(day, owner=f"{socket.gethostname()}:{os.getpid()}", at=now)
        lay_blanks(home, day, entries)
        not_taken: list[tuple[str, str, str]] = []
        for folder, what in ((home.inbox, "received"), (home.decisions / "inbox", "filled_in")):
            inbox.put_back(folder)
            ready, moving = inbox.settled(folder, home.settings.settle_seconds, now.timestamp())
            is_list = folder == home.inbox
            ready, put_off = inbox.within_budget(ready, home.settings.limits.files)
            still_there = [(each.unit_code, each.name, "waiting" if is_list else "waiting_answers") for each in put_off]
            if is_list:  # other filled-in lists that stay make no list incomplete; `status` shows them
                still_there += [(each.unit_code, each.name, str(each.sort)) for each in [*inbox.left(folder), *moving]]
            for dropped in ready:
                if units is None or dropped.unit_code in units:
                    try:
                        _take(home, ledger, dropped, day, now, what=what)
                    except archive.StillMoving:  # it stays in the inbox, and is reported as moving
                        if is_list:
                            still_there.append((dropped.unit_code, dropped.name, "moving"))
            not_taken += [each for each in still_there if units is None or each[0] in units]
        if not_taken:
            bookkeeping.record_left(home, ledger, day, not_taken)
        sweep_archive(home, ledger, now)
        waiting = {file.unit_code for file in ledger.files(state="received")}
        waiting |= {file.unit_code for file in ledger.decisions.files(state="received")}
        waiting |= {file.unit_code for file in ledger.files() if file.night == day and not file.archived}
        waiting |= {submission.unit_code for submission in ledger.submissions(night=day, outcome="repeated")}
        waiting |= {submission.unit_code for submission in ledger.let_go_on(day)}
        waiting |= {unit for unit, _ in ledger.waivers_changed(day)}
        waiting |= left_over
    return sorted(waiting if units is None else waiting & set(units))


def _take(home: Home, ledger: Ledger, dropped: inbox.Dropped, day: date, now: datetime, *, what: str) -> None:
    """Archive, record and remove a dropped file. `what`: one of `journal.ARRIVALS`."""
    taken = _archived(home, dropped)
    bookkeeping.record_arrival(home, ledger, dropped.unit_code, dropped.name, taken.arrival, day, now, what=what)
    if not taken.stays:
        inbox.take_out(dropped, taken.seen)


@dataclass(frozen=True)
class _Taken:
    """What became of a dropped file."""

    arrival: bookkeeping.Arrival
    seen: inbox.Seen | None = None
    stays: bool = False
    """Its bytes are not archived, so it stays in the inbox and is tried again on the next night."""


_NEVER_OPENED: Final[Mapping[inbox.Oddity, tuple[str, str]]] = {
    "link": ("是链接或管道，不是文件", advice.COPY_FILE_ITSELF),
    "hard_link": ("在系统里还有另一个名字（硬链接），可能是别处的文件", advice.COPY_FILE_ITSELF),
    "owner": ("属于另一个账户，不是本单位文件夹的账户", advice.COPY_AS_OWN_ACCOUNT),
}


def _archived(home: Home, dropped: inbox.Dropped) -> _Taken:
    """Archive a dropped file, or say why it is not archived."""
    of_name = hashlib.sha256(dropped.name.encode()).hexdigest()
    if dropped.oddity:
        said, fix = _NEVER_OPENED[dropped.oddity]
        refusal = Refusal(dropped.oddity, f"“{dropped.name}”{said}，没有打开", fix)
        return _Taken(bookkeeping.Arrival(of_name, refusal=refusal), seen=dropped.seen, stays=dropped.oddity != "link")
    try:
        digest, size, seen = inbox.take_in(home, dropped)
    except archive.Unreadable as problem:
        return _Taken(bookkeeping.Arrival(of_name, refusal=_unopened(dropped, problem)), stays=True)
    kept = str(archive.path(home, digest).relative_to(home.root))
    return _Taken(bookkeeping.Arrival(digest, size, kept), seen=seen)


def _unopened(dropped: inbox.Dropped, problem: OSError) -> Refusal:
    if problem.errno in (errno.EACCES, errno.EPERM):
        said, fix = "系统账户没有读取它的权限", advice.GIVE_ACCESS
    elif problem.errno == errno.ELOOP:
        said, fix = "它变成了链接", advice.COPY_FILE_ITSELF
    elif problem.errno == errno.ENAMETOOLONG:
        said, fix = "文件夹一层套一层，套得太深", advice.USE_FLAT_FOLDER
    else:
        said, fix = "存放它的磁盘或共享文件夹读不出来", advice.COPY_AGAIN
    return Refusal("unopened", f"“{dropped.name}”打不开：{said}，没有收", fix)
