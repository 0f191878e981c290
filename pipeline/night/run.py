"""The natural path of a night, top to bottom. Read this first.

    fetch → collect → read → check → give_back → build → publish → notify

Each step is a function of the home and the night's date D, with small JSON-able results: `dags/nightly.py` runs them as
tasks, `monitor run` calls them one after the other (`night`). Every step may be run again: what was done is found done.
"""

from __future__ import annotations

import errno
import fcntl
import gc
import hashlib
import os
import secrets
import shutil
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipeline import advice
from pipeline.model import (
    SEVERITIES,
    CheckError,
    ConfigError,
    MonitorError,
    NotNow,
    NotWritten,
    PublishRefused,
    Reading,
    Refusal,
    column_letter,
    legible,
    mask,
    tell_failure,
)
from pipeline.night import inbox, turns
from pipeline.reading.endings import READ
from pipeline.records import agreement, archive, journal, people, published, seal
from pipeline.records.ledger import TAKEN, Ledger, NightState, ReadBy, ReceivedFile, Submission, shown_name
from pipeline.records.ledger.parts import part_name
from pipeline.settings import contracts
from pipeline.settings.home import (
    BLANKS,
    KEY_BYTES,
    PART,
    Database,
    Home,
    Limits,
    Unit,
    digest_of,
    examine_modes,
    keep_to_owner,
    sweep,
)

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.checks import Verdict
    from pipeline.night import isolation
    from pipeline.night.decisions import Answer
    from pipeline.returns import Mending
    from pipeline.settings.places import Gazetteer
    from pipeline.warehouse.models import Models

NIGHT = "夜间任务"
"""Who acts, in the journal, when nobody in particular does."""
Step = Callable[[str, int, int], None]
"""(what is being done, how many are done, of how many): for a progress bar."""
CORRECTION = "更正"
"""`<name>.更正.xlsx` beside a returned copy holds only its rows with faults; filled in it is a patch (`corrections`)."""
WAVES = 3
"""Families are checked in three waves: our own lists; partners' lists; those that follow whom others let in."""
SMALL_BYTES = 2_000_000
"""Files up to this size are marked several in one child process: starting one costs as much as marking a small file."""
_LONGEST_NAME = 255
ATTEMPTS = 3
"""How often a database source is asked in one night by `monitor run`; Airflow counts its own retries."""
PAUSE_SECONDS = 5.0
CHECKERS = 2
"""Families judged at the same time: while the engine types one, the other's expectations are asked."""
READERS = 2
"""Files read at the same time; each is parsed in a child process of its own."""


def night(home: Path, day: date, on_step: Step | None = None) -> dict[str, Any]:
    """One whole night in one process. Raises MonitorError when it is refused; yesterday's release then stays."""
    say = on_step or (lambda name, done, total: None)
    with alone(home), _seldom_collecting(), ThreadPoolExecutor(READERS) as pool, ThreadPoolExecutor(1) as beside:
        names = sources(
            home, day
        )  # whether journal and ledger agree is asked here, before anything else is read of them
        before = _came(home, day)
        with ThreadPoolExecutor(max(len(names), 1)) as at_once:  # one that is slow keeps no other waiting
            for done, _ in enumerate(at_once.map(lambda name: fetch(home, day, name, attempts=ATTEMPTS), names)):
                say("读数据库", done, len(names))
        say("收文件", 0, 1)
        units = collect(home, day)
        came = _came(home, day)
        # Files are read in children; meanwhile this process gets ready for what comes next.
        if units:
            beside.submit(_load_checks)
        canaries = beside.submit(lambda: _silent_rules(_sound_models()))
        failed: dict[str, Exception] = {}
        reading = ((unit, pool.submit(read, home, day, unit)) for unit in _largest_first(home, units))
        for done, (unit, future) in enumerate(list(reading), start=1):
            _wait(future, f"读文件 {unit}", failed)
            say("读文件", done, len(units))
        returned: dict[str, Future[int]] = {}
        for wave in range(WAVES):
            touched = families(home, day, wave)
            say(f"检查（{wave + 1}/{WAVES}）", 0, len(touched))
            with ThreadPoolExecutor(CHECKERS) as judges:
                for done, _ in enumerate(judges.map(lambda family: check(home, day, family), touched), start=1):
                    say(f"检查（{wave + 1}/{WAVES}）", done, len(touched))
            # Copies are marked in children of their own, beside the checks and the build that still go on here.
            for unit in _judged(home, [unit for unit in units if unit not in returned]):
                returned[unit] = pool.submit(give_back, home, day, unit)
        say("建库", 0, 1)
        canaries.result()
        rows = build(home, day)
        for done, unit in enumerate(units, start=1):
            if unit in returned:  # else what waits of it was not read
                _wait(returned[unit], f"退回 {unit}", failed)
            say("退回", done, len(units))
        say("发布", 0, 1)
        release = publish(home, day)
        message = notify(home, day, failed=sorted(failed))
        not_sent = send(home, day)
        if failed:  # what concerns one unit stopped nobody else
            raise failed[min(failed)]
        moving = _moving(_open(home)[0])
        current = current_night(home)
    return {
        "date": day.isoformat(), "units": units, "rows": rows, "release": release, "message": message, "moving": moving,
        "came": sorted({unit for unit, _ in came}), "came_now": sorted({unit for unit, _ in came - before}),
        "not_sent": not_sent, "current_night": current.isoformat() if current else "",
    }  # fmt: skip


def _came(home: Path, day: date) -> set[tuple[str, str]]:
    """(unit, what came of it) of a night: files, tables, filled-in lists."""
    _, ledger = _open(home)
    files = {(each.unit_code, each.file_id) for each in ledger.files(night=day)}
    return files | {(each.unit_code, each.file_id) for each in ledger.decisions.files(night=day)}


def _wait(work: Future[Any], step: str, failed: dict[str, Exception]) -> None:
    """Wait for what is done of one unit; its failure is kept in `failed`, as the step's."""
    try:
        work.result()
    except Exception as problem:  # noqa: BLE001 - raised when the others are done
        failed[step] = problem


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Garbage is looked for seldom: each time, all that the libraries of a night hold is walked, a tenth of its time."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _load_checks() -> None:
    """Libraries that take seconds to load, loaded before they are asked."""
    from pipeline.checks import validation  # noqa: PLC0415

    validation.load()


def again(home: Path, day: date) -> None:
    """A night that was lost, on what waits in the ledger: read, checked, built and published, with nothing sent back."""
    _, ledger = _open(home)
    waiting = {file.unit_code for file in ledger.files(state="received")}
    for unit in sorted(waiting | {file.unit_code for file in ledger.decisions.files(state="received")}):
        read(home, day, unit, is_limited=False)  # what was late is written down
    for wave in range(WAVES):
        for family in families(home, day, wave):
            check(home, day, family)
    build(home, day)
    publish(home, day)
    ledger.finish_night(day, "done", at=datetime.now(UTC), counts={"submissions": len(ledger.submissions(night=day))})
    _clear_work(Home(home))


def _largest_first(home: Path, units: Sequence[str]) -> list[str]:
    """Units by the bytes that wait to be read: what takes longest begins first, so that nobody waits for it at the end."""
    _, ledger = _open(home)
    sizes = Counter(dict.fromkeys(units, 0))
    for file in ledger.files(state="received"):
        sizes[file.unit_code] += file.size
    return sorted(units, key=lambda unit: (-sizes[unit], unit))


def _judged(home: Path, units: Sequence[str]) -> list[str]:
    """Units none of whose submissions wait to be checked."""
    _, ledger = _open(home)
    waiting = {submission.unit_code for submission in ledger.submissions(outcome="read")}
    return [unit for unit in units if unit not in waiting]


# fetch -----------------------------------------------------------------------------------------------------------


def sources(home: Path, day: date, *, units: Sequence[str] | None = None) -> list[str]:
    """Names of the database sources that have not delivered for this night yet, in the order of monitor.yml.

    What was read once for a night is not read again: a night that is run again judges the same rows.
    """
    place, ledger = _open(home)
    with shared(home):
        _begin(place, ledger)
        # Before anything newer is recorded: the order of receipt is that of the journal.
        _take_up_arrivals(place, ledger)
    asked = ledger.sources(day)
    return [
        source.name
        for source in place.settings.databases
        if asked.get(source.name, ("not_delivered",))[0] == "not_delivered" and (units is None or source.unit in units)
    ]


def fetch(
    home: Path, day: date, name: str, *, resolve: Callable[[str], str] | None = None, attempts: int = 1
) -> dict[str, Any]:
    """Read one database source into the archive, from where it goes on as a file of its unit; what became of it.

    Gives source, state (delivered / unchanged / not_delivered), rows, reason, may_pass: whether another try may help. A
    source that fails keeps nothing and stops nobody. `resolve` finds the address behind a `url` of monitor.yml.
    """
    from pipeline.night import databases  # noqa: PLC0415 - brings sqlalchemy and pyarrow

    place, ledger = _open(home)
    source = next((each for each in place.settings.databases if each.name == name), None)
    if source is None:
        raise MonitorError(f"monitor.yml 的 databases 里没有 {name}；请写其中一个的 name")
    told: dict[str, Any] = {"source": name, "state": "not_delivered", "rows": 0, "reason": "", "may_pass": False}
    with shared(home), tempfile.TemporaryDirectory(dir=place.root, prefix=f"{PART}fetch-") as folder:
        target = Path(folder) / "table"
        for attempt in range(1, attempts + 1):
            try:
                url = (resolve or databases.from_environment)(source.url)
                rows = databases.read(source, url, target, place.time_zone, day)
            except databases.NotRead as problem:
                told |= {"reason": str(problem), "may_pass": problem.may_pass}
                if not problem.may_pass or attempt == attempts:
                    break
                time.sleep(PAUSE_SECONDS * attempt)
            else:
                is_new = _take_table(place, ledger, source, target, day)
                told |= {"state": "delivered" if is_new else "unchanged", "rows": rows, "reason": ""}
                break
        ledger.record_source(day, name, told["state"], rows=told["rows"], reason=told["reason"], at=datetime.now(UTC))
    return told


def _take_table(home: Home, ledger: Ledger, source: Database, table: Path, day: date) -> bool:
    """Archive and record what a source gave; False when it is what it gave the last time."""
    from pipeline.reading import stored  # noqa: PLC0415 - brings pyarrow

    now = datetime.now(UTC)
    before = [each for each in ledger.files(unit_code=source.unit) if each.file_name == shown_name(source.file_name)]
    with table.open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    if before and before[-1].sha256 != digest and digest in {each.sha256 for each in before}:
        stored.tell_apart(table, day.isoformat())  # as it was once, but not the last time: news, no repeat
    with table.open("rb") as data:
        digest, size = archive.keep(home, data, f"{source.unit}/{source.file_name}")
    taken = _Taken(digest, size, str(archive.path(home, digest).relative_to(home.root)))
    _record(home, ledger, source.unit, source.file_name, taken, day, now)
    return not before or before[-1].sha256 != digest


# collect ---------------------------------------------------------------------------------------------------------


def collect(home: Path, day: date, *, units: Sequence[str] | None = None) -> list[str]:
    """Archive and record every settled file of the inbox; returns the units that have something to do tonight, sorted.

    A file of a folder that names no unit is taken as well, and refused with that reason when it is read. One that cannot be
    opened is refused with that reason, and stays where it lies.
    """
    place, ledger = _open(home)
    now = datetime.now(UTC)
    with _alone_for_a_step(home):
        entries = _begin(place, ledger)
        sweep(place)
        _take_up_arrivals(place, ledger)
        left_over = _take_up_unfinished(place, ledger, day, entries)
        journal.write(
            place, "night", {"run_date": day.isoformat()} | published.on_begin(place, entries), who=NIGHT, at=now
        )
        ledger.begin_night(day, owner=f"{socket.gethostname()}:{os.getpid()}", at=now)
        _lay_blanks(place, day, entries)
        not_taken: list[tuple[str, str, str]] = []
        for folder, take in ((place.inbox, _take), (place.decisions / "inbox", _take_decisions)):
            inbox.put_back(folder)
            ready, moving = inbox.settled(folder, place.settings.settle_seconds, now.timestamp())
            is_list = folder == place.inbox
            ready, put_off = inbox.within_budget(ready, place.settings.limits.files)
            still_there = [(each.unit_code, each.name, "waiting" if is_list else "waiting_answers") for each in put_off]
            if is_list:  # what else stays of filled-in lists makes no list less than whole; it is seen where it lies
                still_there += [(each.unit_code, each.name, str(each.sort)) for each in [*inbox.left(folder), *moving]]
            for dropped in ready:
                if units is None or dropped.unit_code in units:
                    try:
                        take(place, ledger, dropped, day, now)
                    except archive.StillMoving:  # it stays where it lies, and is told of as moving
                        if is_list:
                            still_there.append((dropped.unit_code, dropped.name, "moving"))
            not_taken += [each for each in still_there if units is None or each[0] in units]
        if not_taken:
            _leave(place, ledger, day, not_taken)
        _sweep_archive(place, ledger, now)
        waiting = {file.unit_code for file in ledger.files(state="received")}
        waiting |= {file.unit_code for file in ledger.decisions.files(state="received")}
        waiting |= {file.unit_code for file in ledger.files() if file.night == day and not file.archived}
        waiting |= {submission.unit_code for submission in ledger.submissions(night=day, outcome="repeated")}
        waiting |= {submission.unit_code for submission in _confirmed(ledger, day)}
        waiting |= {unit for unit, _ in ledger.exceptions_changed(day)}
        waiting |= left_over
    return sorted(waiting if units is None else waiting & set(units))


def _begin(home: Home, ledger: Ledger) -> Sequence[journal.Entry]:
    """Refuse what must not begin, before anything is done; the lines of the journal as they stood.

    A home that others may read, a release that could not be closed, journal, ledger and keys that do not belong together.
    A night that holds the home from its first step to its last is asked once.
    """
    if (begun := _begun.get(home.root)) is not None:
        return begun
    examine_modes(home)
    if seal.closing_key(home):
        _examine_encryption()
    entries = agreement.examine(home, ledger)
    agreement.examine_archive_key(home)
    agreement.leave_check_value(home, entries, who=NIGHT, at=datetime.now(UTC))
    if home.root in _begun:
        _begun[home.root] = entries
    return entries


def _lay_blanks(home: Home, day: date, entries: Sequence[journal.Entry]) -> None:
    """Blank workbooks of what each unit may send lie in its returns/; they are written where the last line about them is not so.

    `entries`: the journal as it stood.
    """
    from pipeline.returns import templates  # noqa: PLC0415 - brings openpyxl

    known = contracts.load()
    wanted = {
        f"returns/{unit.code}/{BLANKS}/{templates.file_name(kind)}": known.for_unit(kind.name, unit.code)
        for unit in home.units.values()
        for kind in known.kinds.values()
        if {unit.kind, unit.code} & set(kind.senders)
    }
    version = templates.version(wanted)
    nothing: dict[str, Any] = {"outputs": {}}
    told = next((entry.about for entry in reversed(entries) if "blanks" in entry.about), nothing)
    there = published.digests(home, [home.root / name for name in wanted])
    if told.get("blanks") == version and there == {name: told["outputs"].get(name) for name in wanted}:
        return
    for name, kind in wanted.items():
        target = home.root / name
        for folder in (target.parent.parent, target.parent):
            folder.mkdir(exist_ok=True, mode=0o700)  # `parents=True` would leave those above open to all
        part = target.with_name(f"{PART}{target.name}")  # half of one is noticed by its digest, and written anew
        part.write_bytes(templates.content(kind))
        part.chmod(0o600)
        part.replace(target)
    gone = [home.root / name for name in told["outputs"] if name not in wanted]
    for path in gone:
        path.unlink(missing_ok=True)
    outputs = published.digests(home, [*(home.root / name for name in wanted), *gone])
    about = {"run_date": day.isoformat(), "outputs": outputs, "blanks": version}
    journal.write(home, "returned", about, who=NIGHT, at=datetime.now(UTC))


def _examine_encryption() -> None:
    from pipeline import warehouse  # noqa: PLC0415 - brings duckdb

    warehouse.examine_encryption()


def _take(home: Home, ledger: Ledger, dropped: inbox.Dropped, day: date, now: datetime) -> None:
    taken = _archived(home, dropped)
    _record(home, ledger, dropped.unit_code, dropped.name, taken, day, now)
    if not taken.stays:
        inbox.take_out(dropped, taken.seen)


def _take_decisions(home: Home, ledger: Ledger, dropped: inbox.Dropped, day: date, now: datetime) -> None:
    taken = _archived(home, dropped)
    _record(home, ledger, dropped.unit_code, dropped.name, taken, day, now, what="filled_in")
    if not taken.stays:
        inbox.take_out(dropped, taken.seen)


@dataclass(frozen=True)
class _Taken:
    """What became of a dropped file."""

    sha256: str
    """Of its name where it could not be opened."""
    size: int = 0
    archived: str = ""
    """Path below the home; '' where it could not be opened."""
    refusal: Refusal | None = None
    """Why it could not be opened."""
    seen: inbox.Seen | None = None
    stays: bool = False
    """Nobody has its bytes yet, so it is not taken away: it comes again on the next night."""


_NEVER_OPENED: Final[Mapping[inbox.Oddity, tuple[str, str]]] = {
    "link": ("是链接或管道，不是文件", advice.COPY_FILE_ITSELF),
    "hard_link": ("在系统里还有另一个名字（硬链接），可能是别处的文件", advice.COPY_FILE_ITSELF),
    "owner": ("属于另一个账户，不是本单位文件夹的账户", advice.COPY_AS_OWN_ACCOUNT),
}


def _archived(home: Home, dropped: inbox.Dropped) -> _Taken:
    """A dropped file, now in the archive, or why it is not."""
    of_name = hashlib.sha256(dropped.name.encode()).hexdigest()
    if dropped.oddity:
        said, fix = _NEVER_OPENED[dropped.oddity]
        refusal = Refusal(dropped.oddity, f"“{dropped.name}”{said}，没有打开", fix)
        return _Taken(of_name, refusal=refusal, seen=dropped.seen, stays=dropped.oddity != "link")
    try:
        digest, size, seen = inbox.take_in(home, dropped)
    except archive.Unreadable as problem:
        return _Taken(of_name, refusal=_unopened(dropped, problem), stays=True)
    return _Taken(digest, size, str(archive.path(home, digest).relative_to(home.root)), seen=seen)


def _unopened(dropped: inbox.Dropped, problem: OSError) -> Refusal:
    if problem.errno in (errno.EACCES, errno.EPERM):
        said, fix = (
            "系统账户没有读取它的权限",
            advice.GIVE_ACCESS,
        )
    elif problem.errno == errno.ELOOP:
        said, fix = "它变成了链接", advice.COPY_FILE_ITSELF
    elif problem.errno == errno.ENAMETOOLONG:
        said, fix = "文件夹一层套一层，套得太深", advice.USE_FLAT_FOLDER
    else:
        said, fix = "存放它的磁盘或共享文件夹读不出来", advice.COPY_AGAIN
    return Refusal("unopened", f"“{dropped.name}”打不开：{said}，没有收", fix)


def _record(
    home: Home, ledger: Ledger, unit: str, name: str, taken: _Taken, day: date, now: datetime, *, what: str = "received"
) -> None:
    """Write down that a file arrived, in the journal and in the ledger. What was refused unopened is not in the archive."""
    arrived = {
        "unit_code": unit, "file_name": name, "sha256": taken.sha256, "size": taken.size, "archived": taken.archived,
        "night": day.isoformat(), "received_at": now.isoformat(),
        "refusal": [taken.refusal.code, taken.refusal.reason, taken.refusal.fix] if taken.refusal else None,
    }  # fmt: skip
    journal.write(home, what, arrived, who=NIGHT, at=now)
    into_ledger(ledger, what, arrived)


def _leave(home: Home, ledger: Ledger, day: date, found: Iterable[tuple[str, str, str]]) -> None:
    """Write down what a night did not take, or read: (unit_code, file name, sort as `inbox.Sort`)."""
    told = {"run_date": day.isoformat(), "left": sorted(found)}
    journal.write(home, "left", told, who=NIGHT, at=datetime.now(UTC))
    left_in_ledger(ledger, told)


def left_in_ledger(ledger: Ledger, told: Mapping[str, Any]) -> None:
    """What a line `left` of the journal tells, in the ledger: what a night did not take from the inbox."""
    found = [(unit, shown_name(name), sort) for unit, name, sort in told["left"]]
    ledger.record_left(date.fromisoformat(told["run_date"]), found)


def into_ledger(ledger: Ledger, what: str, arrived: Mapping[str, Any]) -> None:
    """What a line of `journal.ARRIVALS` tells, in the ledger."""
    received_at, night = datetime.fromisoformat(arrived["received_at"]), date.fromisoformat(arrived["night"])
    of_it = {"sha256": arrived["sha256"], "archived": arrived["archived"], "received_at": received_at, "night": night}
    refusal = None if arrived["archived"] else Refusal(*arrived["refusal"])
    if what == "filled_in":
        filled = ledger.decisions.record_file(arrived["unit_code"], arrived["file_name"], **of_it)
        if refusal:
            ledger.decisions.record_lines(filled.file_id, [], [], refusal)
        return
    file = ledger.record_file(arrived["unit_code"], arrived["file_name"], size=arrived["size"], **of_it)
    if refusal:
        ledger.record_readings(file.file_id, [Reading(kind=None, refusal=refusal)], {})


def _finish_in_ledger(ledger: Ledger, about: Mapping[str, Any], at: datetime) -> None:
    """What a line `finished` of the journal tells, in the ledger."""
    ledger.finish_night(date.fromisoformat(about["run_date"]), about["state"], at=at, counts=about["counts"])


def _take_up_arrivals(home: Home, ledger: Ledger) -> None:
    """What the journal says arrived, or ended, and a night that was cut off did not write into the ledger, is written there now.

    Its sender may have put another file in its place meanwhile, so that nobody would ever record it.
    """
    lines = journal.since_published(home)
    last = next((each for each in reversed(lines) if each.what in ("night", "finished")), None)
    if last and last.what == "finished" and ledger.state_of(date.fromisoformat(last.about["run_date"])) == "running":
        _finish_in_ledger(ledger, last.about, last.at)
    waiting = [each for each in lines if each.what in (*journal.ARRIVALS, "purged")]
    if not waiting:
        return
    known = {(each.unit_code, each.file_name, each.sha256) for each in ledger.files()}
    filled = {(each.unit_code, each.sha256) for each in ledger.decisions.files()}
    purged = {sha256 for each in waiting if each.what == "purged" for sha256 in each.about["archive"]}
    for entry in waiting:
        if entry.what in journal.ARRIVALS and entry.about["sha256"] not in purged:
            unit, name, sha256 = (entry.about[word] for word in ("unit_code", "file_name", "sha256"))
            is_list = entry.what == "filled_in"
            if not ((unit, sha256) in filled if is_list else (unit, shown_name(name), sha256) in known):
                into_ledger(ledger, entry.what, entry.about)


def _sweep_archive(home: Home, ledger: Ledger, now: datetime) -> None:
    """Bytes that a night which was cut off archived and told nobody of: whose they were nobody knows any more.

    What still lay in the inbox was archived once more and recorded, so what is left was replaced or taken back by its sender.
    """
    told = {each.sha256 for each in ledger.files()} | {each.sha256 for each in ledger.decisions.files()}
    if not set(archive.kept(home)) - told:
        return
    told |= {each.about["sha256"] for each in journal.read(home) if each.what in journal.ARRIVALS}
    if nobodys := sorted(set(archive.kept(home)) - told):
        journal.write(home, "swept", {"archive": nobodys}, who=NIGHT, at=now)
        for sha256 in nobodys:
            archive.drop(home, sha256)


def _take_up_unfinished(home: Home, ledger: Ledger, day: date, entries: Sequence[journal.Entry]) -> set[str]:
    """Files that a night which died, or failed, read but did not give back are read again; the units that wait for a copy.

    Its work is thrown away but for the marks of what was given back. What was judged is judged again as well: between
    the ledger's word and the copy stand the error lines, the journal and the rows that the copy shows.
    """
    unfinished = _unfinished(ledger, day)
    given_back = {path.stem for path in home.work.glob(f"*{_GIVEN_BACK}")}
    units = set()
    again = {
        submission.file_id for submission in [*ledger.submissions(outcome="read"), *half_judged(home, ledger, entries)]
    }
    for submission in ledger.submissions():
        is_judged = _issues_path(home, submission).exists()
        if (submission.night in unfinished or is_judged) and submission.file_id not in given_back:
            units.add(submission.unit_code)
            if submission.kind and submission.outcome != "repeated":
                again.add(submission.file_id)
    for file_id in sorted(again):
        ledger.read_again(file_id)
    clear_work(home)
    return units


def half_judged(home: Home, ledger: Ledger, entries: Sequence[journal.Entry]) -> list[Submission]:
    """Submissions in force whose rows are not those of the journal, since somebody's forgetting was cut off: to be read again.

    `entries`: the whole journal, as it stands or stood when the night began.
    """
    if not agreement.open_forgettings(entries):
        return []
    told = agreement.last_of_parts(entries)
    found = []
    for each in ledger.in_force():
        path = home.accepted / str(each.kind) / f"{each.submission_id}.parquet"
        if told.get(str(path.relative_to(home.root))) != (digest_of(path) if path.exists() else None):
            found.append(each)
    return found


def clear_work(home: Home) -> None:
    """Throw away what a night or somebody's forgetting left in work/, but for the marks of the files that were given back."""
    for path in sorted(home.work.iterdir()):
        if path.suffix != _GIVEN_BACK:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _unfinished(ledger: Ledger, day: date) -> set[date]:
    """The night and the one before it, unless they ended well."""
    nights = {each.run_date: each.state for each in ledger.nights() if each.run_date <= day}
    asked = {day, max((night for night in nights if night < day), default=day)}
    return {night for night in asked if nights.get(night, "done") != "done"}


_GIVE_BACK_AGAIN = ".again"
"""`work/<unit>.again` says that copies of a unit were written before the build held one of its files, or one judged with it."""
_GIVEN_BACK = ".given_back"
"""`work/<file_id>.given_back` says that the copy of a file is written; so that a night taken up again goes on from there."""


# read ------------------------------------------------------------------------------------------------------------


def read(home: Path, day: date, unit: str, *, is_limited: bool = True) -> dict[str, int]:
    """Read the waiting files of one unit into work/, its filled-in lists into the ledger; counts by outcome.

    Each file is parsed in a child process. When they take longer than one unit may (`Limits.unit_seconds`; always when not
    `is_limited`), the others wait for the next night, as if they came then.
    """
    from pipeline.night import corrections, decisions, exceptions, issues  # noqa: PLC0415 - brings pandas
    from pipeline.reading import layout  # noqa: PLC0415 - brings pyarrow and the readers

    place, ledger = _open(home)
    counts = {"files": 0, "readings": 0, "refused": 0}
    refused: list[tuple[str, str | None]] = [(unit, None)]
    began = time.monotonic()
    with shared(home):
        late = {
            each.file_name: each.last_on for each in ledger.left(day) if (each.unit_code, each.sort) == (unit, "late")
        }
        # A correction makes a whole new file of its unit, which is then read as well.
        while waiting := [
            each for each in ledger.files(state="received", unit_code=unit) if late.get(each.file_name) != day
        ]:
            if is_limited and counts["files"] and time.monotonic() - began >= place.settings.limits.unit_seconds:
                _leave(place, ledger, day, [(unit, each.file_name, "late") for each in waiting])
                break
            file = ledger.come_on(waiting[0].file_id, day) if waiting[0].file_name in late else waiting[0]
            try:
                readings = _read_by_a_name(place, ledger, file)
                if correction := readings[0].correction:
                    readings = [corrections.apply(place, ledger, day, datetime.now(UTC), file, correction, NIGHT)]
                if answers := [answer for reading in readings for answer in reading.confirmations]:
                    readings[0].notices += exceptions.take(place, ledger, day, file, answers)
            except (MonitorError, OSError):
                raise  # of the home or the machine: no other file could be read either
            except Exception as problem:  # noqa: BLE001 - a fault of ours over one file; it is told, with its place
                readings = [Reading(kind=None, refusal=layout.not_read(tell_failure(problem), file.file_name))]
            for recorded in ledger.record_readings(file.file_id, readings, _read_by(unit)):
                if (
                    recorded.kind is None and recorded.outcome == "read"
                ):  # our sheet alone came back, with answers on it
                    ledger.settle(recorded.submission_id, "accepted", reason="；".join(recorded.reading["notices"]))
            counts["files"] += 1
            counts["readings"] += len(readings)
            counts["refused"] += sum(reading.refusal is not None for reading in readings)
            refused += [(unit, reading.kind) for reading in readings if reading.refusal]
        issues.remember(place, ledger, day, refused)
        decisions.take_in(place, ledger, unit)
    return counts


def _read_by_a_name(home: Home, ledger: Ledger, file: ReceivedFile) -> list[Reading]:
    """The readings of a file; where neither it nor its name says of which kind it is, by another name of the very same bytes."""
    readings = read_file(home, file)
    if not _is_undecided(readings):
        return readings
    names = {each.file_name for each in ledger.files(unit_code=file.unit_code) if each.sha256 == file.sha256}
    for name in sorted(names - {file.file_name}):
        readings = read_file(home, replace(file, file_name=name))
        if not _is_undecided(readings):
            break
    return readings


def _is_undecided(readings: list[Reading]) -> bool:
    return any(reading.refusal and reading.refusal.code == "which_kind" for reading in readings)


def read_file(home: Home, file: ReceivedFile | Submission) -> list[Reading]:
    """What stands in an archived file, list by list; its rows lie in work/ until a night, or who forgets, clears it."""
    from pipeline.reading import layout  # noqa: PLC0415 - brings pyarrow and the readers

    unit = home.units.get(file.unit_code)
    if unit is None:
        known = "、".join(f"{code}（{each.name}）" for code, each in home.units.items())
        refusal = Refusal(
            "unknown_unit",
            f"收件箱文件夹“{file.unit_code}”不是任何已配置的单位"
            if file.unit_code
            else "文件没有放在任何单位的文件夹里",
            advice.use_own_folder(known),
        )
        return [Reading(kind=None, refusal=refusal)]
    work = home.work / file.file_id
    work.mkdir(mode=0o700, exist_ok=True)
    allowed = home.settings.limits
    with archive.opened(home, file.sha256) as path:
        return layout.read_file(
            path, file.file_name, file.unit_code, {unit.kind, unit.code}, work, places=_places_of_others(home, unit),
            memory_mb=allowed.memory_mb, seconds=allowed.seconds,
        )  # fmt: skip


def _places_of_others(home: Home, unit: Unit) -> Gazetteer | None:
    """By which a list of another division is known; a partner, and the bureau, send lists of all of them."""
    return home.gazetteer if unit.kind == "division" else None


def _read_by(unit: str) -> dict[str, ReadBy]:
    known = contracts.load()
    return {name: ReadBy(_digest(known.for_unit(name, unit)), kind.replace) for name, kind in known.kinds.items()}


def _digest(kind: contracts.Kind) -> str:
    return hashlib.sha256(kind.model_dump_json().encode()).hexdigest()


# check -----------------------------------------------------------------------------------------------------------


def families(home: Path, day: date, wave: int) -> list[str]:
    """Families of kinds that have something to check in a wave, sorted.

    Partners' families are also checked again when somebody entered the scope since their files were last read (what was
    dropped at the door then is wanted now, so the order of arrival never matters), or when an authorisation ended (what
    was kept then must go; docs/boundaries.md, 3).
    """
    from pipeline.night import inputs, scope  # noqa: PLC0415 - brings duckdb

    place, ledger = _open(home)
    waiting = {submission.kind for submission in [*ledger.submissions(outcome="read"), *_confirmed(ledger, day)]}
    waiting |= {kind for _, kind in ledger.exceptions_changed(day)}
    touched = []
    if wave:
        _ask_scope(home, day)
    with shared(home):
        for family, kinds in contracts.load().families().items():
            if _wave_of(family) != wave:
                continue
            if waiting & set(kinds) or (
                wave and scope.has_changed(place, family, lambda: inputs.of_lists(place, ledger, day))
            ):
                touched.append(family)
    return touched


def _ask_scope(home: Path, day: date) -> None:
    """Ask our own lists who is in scope, before a partner's is judged; what our program cannot get over is held first."""
    from pipeline import warehouse  # noqa: PLC0415 - brings duckdb
    from pipeline.night import inputs, isolation, scope  # noqa: PLC0415 - brings duckdb

    place, ledger = _open(home)
    broken: dict[str, isolation.Broken] = {}
    with shared(home):
        while True:
            try:
                scope.ask(place, lambda: inputs.of_lists(place, ledger, day))
            except warehouse.OF_THE_MACHINE:
                raise
            except Exception:
                found = isolation.of_build(
                    place, _sound_models(), _sent_tonight(place, ledger, day),
                    lambda without: inputs.of_lists(place, ledger, day, without), [scope.PEOPLE],
                )  # fmt: skip
                if not found:
                    raise
                broken |= found
                _judge_without(home, day, broken, found, waves=1)
            else:
                return


def _confirmed(ledger: Ledger, day: date) -> list[Submission]:
    """Submissions that were held and that the data officer let go on."""
    confirmed = ledger.confirmed(day)
    held = [each for each in ledger.submissions(outcome="held") if each.status == "held" and each.night <= day]
    return [each for each in held if each.submission_id in confirmed]


def _wave_of(family: str) -> int:
    known = contracts.load()
    doors = [known.kinds[kind].door for kind in known.families()[family]]
    if not any(doors):
        return 0
    return 2 if any(door and door.or_let_in for door in doors) else 1


def check(
    home: Path, day: date, family: str, *, left: Sequence[str] = (), broken: Mapping[str, str] | None = None
) -> dict[str, int]:
    """Judge all waiting submissions of one family, over all units; write accepted rows and issues.

    Whenever a part of a delivery arrives or is corrected, all its parts in force are read again from the archive and
    judged together (decision 0005). `left`: person_ids whose rows must go when they are no longer in scope. `broken`:
    submission_id → why it is held, of those that our program cannot get over; the others are judged without them, also
    without those that judging itself fails on.
    """
    from pipeline import checks, warehouse  # noqa: PLC0415 - brings pandas
    from pipeline.night import deliveries, inputs, isolation, issues, scope  # noqa: PLC0415 - brings pandas

    place, ledger = _open(home)
    faults: dict[str, str] = {}

    def isolate(parts: Sequence[checks.Part]) -> dict[str, str]:
        found = isolation.of_check(
            parts, lambda some, out: checks.examine(con, contracts.load(), some, around, out), place.work
        )
        faults.update({of_submission: each.fault for of_submission, each in found.items()})
        return {of_submission: each.reason for of_submission, each in found.items()}

    with shared(home), warehouse.in_memory(place.work) as con:
        kinds = contracts.load().families()[family]
        waiting = [each for each in ledger.submissions(outcome="read") if each.kind in kinds]
        fresh = deliveries.decide(con, place, ledger, day, kinds)
        known = scope.tonight(con, place, day, family, lambda: inputs.of_lists(place, ledger, day), left)
        around = checks.Surroundings(
            day, place.identity_key(), place.places, known.door, frozenset(ledger.exceptions(day))
        )
        outcome = deliveries.judge(
            place, ledger, day, fresh, kinds,
            lambda judged, dropped: deliveries.together(
                place, ledger, judged, family, day, dropped=dropped,
                reads_again=known.reads_again, read_again=lambda old: read_file(place, old),
            ),
            lambda parts: checks.examine(con, contracts.load(), parts, around, place.accepted) if parts else [],
            isolate, broken or {},
        )  # fmt: skip
        parts, verdicts = outcome.parts, outcome.verdicts
        _tell(place, ledger, [*verdicts, *outcome.faults_of_held])
        _settle(ledger, verdicts)
        written: dict[str, str | None] = {}
        settled = [(part.kind, part.submission_id) for part in parts]
        for kind, of_submission in settled + [(str(held.kind), held.submission_id) for held in outcome.broken]:
            written |= _parts_of(place, kind, of_submission)
        if written:
            about = {"run_date": day.isoformat(), "family": family, "parts": written}
            journal.write(place, "judged", about, who=NIGHT, at=datetime.now(UTC))
        for held in outcome.broken:
            if held.submission_id in faults:
                _tell_broken(place, day, held, faults[held.submission_id])
        if broken:  # copies were given back before, or are being written now: once more when all is done (`notify`)
            for unit in {each.unit_code for each in parts} | {each.unit_code for each in outcome.broken}:
                (place.work / f"{unit}{_GIVE_BACK_AGAIN}").touch(0o600)
        judged: list[Submission | checks.Part] = [*waiting, *parts, *outcome.broken]
        whose = {part.submission_id: (part.unit_code, part.kind) for part in parts}
        unasked = {(*whose[each.submission_id], rule) for each in verdicts for rule in each.unasked}
        issues.remember(place, ledger, day, [(each.unit_code, each.kind) for each in judged], unasked)
        if outcome.is_whole:  # else those who came into scope are looked for again tomorrow
            known.remember()
    return {
        "submissions": len(verdicts),
        "read": sum(verdict.rows_read for verdict in verdicts),
        "accepted": sum(verdict.rows_accepted for verdict in verdicts),
        "set_aside": sum(verdict.rows_set_aside for verdict in verdicts),
        "out_of_scope": sum(verdict.rows_out_of_scope for verdict in verdicts),
    }


def _tell_broken(home: Home, day: date, each: Submission, fault: str) -> None:
    """Write down that a submission is held for a fault of our program."""
    about = {
        "run_date": day.isoformat(), "submission_id": each.submission_id, "unit_code": each.unit_code,
        "file_name": each.file_name, "reason": each.reason, "fault": fault,
    }  # fmt: skip
    journal.write(home, "broken", about, who=NIGHT, at=datetime.now(UTC))


def _settle(ledger: Ledger, verdicts: list[Verdict]) -> None:
    """Write verdicts down, all counts at once; their issues must have been (`_tell`)."""
    from pipeline import returns  # noqa: PLC0415 - brings pandas

    with ledger.at_once():
        for verdict in verdicts:
            outcome: Any = "accepted" if not verdict.rows_set_aside else "partly_accepted"
            alike = returns.counted_once(verdict.issues)
            aside = verdict.rows_set_aside - alike
            said = [f"{aside} 行退回" if aside else "", f"{alike} 行与别的行完全相同，只计一次" if alike else ""]
            reason = "；".join(filter(None, said))
            if aside and not alike and not verdict.rows_accepted and not verdict.rows_out_of_scope:
                outcome, reason = "refused", returns.NO_ROW
            ledger.settle(
                verdict.submission_id, outcome, accepted=verdict.rows_accepted, set_aside=verdict.rows_set_aside,
                out_of_scope=verdict.rows_out_of_scope, reason=reason,
            )  # fmt: skip


def _tell(home: Home, ledger: Ledger, verdicts: list[Verdict]) -> None:
    """Write issues down: for the sender (in work/), masked ones for the warehouse."""
    from pipeline.night import issues  # noqa: PLC0415 - brings pandas

    known = {each.submission_id: each for each in ledger.submissions()}
    for verdict in verdicts:
        verdict.issues.to_parquet(_issues_path(home, known[verdict.submission_id]))
        issues.keep(home, known[verdict.submission_id], verdict.issues)


def _parts_of(home: Home, kind: str, submission_id: str) -> dict[str, str | None]:
    """Path below the home → SHA-256 of a submission's accepted rows and of what lies beside them; None where there are none."""
    paths = [home.accepted / folder / f"{submission_id}.parquet" for folder in (kind, *BESIDE_ACCEPTED)]
    return {str(path.relative_to(home.root)): digest_of(path) if path.exists() else None for path in paths}


BESIDE_ACCEPTED = ("set_aside", "unproven")
"""Folders of accepted/ beside those of the kinds: who was set aside, and the rows that only lack a usable number."""


def kinds() -> list[str]:
    """Names of all record kinds, sorted: the folders of accepted/."""
    return sorted(contracts.load().kinds)


def _issues_path(home: Home, submission: Submission) -> Path:
    return home.work / f"{submission.submission_id}.issues.parquet"


# give back -------------------------------------------------------------------------------------------------------


def give_back(home: Path, day: date, unit: str) -> int:
    """Write the annotated copy of each file of one unit that came or was judged tonight; returns how many."""
    from pipeline.night import issues  # noqa: PLC0415 - brings pandas

    place, ledger = _open(home)
    with shared(home):
        mine = ledger.submissions(unit_code=unit)
        nights = {day, *_unfinished(ledger, day)}
        tonight = {each.file_id for each in mine if each.night in nights or _issues_path(place, each).exists()}
        tonight -= _marked_before(place, mine, day)
        files = {file.file_id: file for file in ledger.files(unit_code=unit) if file.file_id in tonight}
        replaced = _replaced(files, mine)
        names = [each.file_name for each in files.values() if each.file_id not in replaced or each.night == day]
        excepted = ledger.exceptions(day)
        lines = issues.on(place, [each for each in mine if each.night <= day], excepted, day)
        copies = []
        targets = []
        with ExitStack() as clear:
            for file in files.values():
                if file.file_id in replaced:
                    continue
                own = [each for each in mine if each.file_id == file.file_id]
                target = place.returns / unit / _returned_name(file.file_name, names)
                _make_room(place, target)
                told = _told_before(place, own, mine, excepted)
                if copy := _copy_of(place, file, own, target, clear, lines, told):
                    copies.append(copy)
                targets.append(target)
            gone: dict[Path, tuple[str, str]] = {}
            others = [each.file_name for each in ledger.files(unit_code=unit) if each.file_id not in files]
            taken = {*targets, *(place.returns / unit / _returned_name(name, [name]) for name in others)}
            for file_id, by in replaced.items():
                file = files[file_id]
                for target in _copies_of(place, file, names, taken, is_new=file.night == day):
                    _make_room(place, target)
                    gone[target] = file.file_name, by
            targets += gone
            beside = [_beside(target) for target in targets]
            before = published.digests(place, beside)
            unmarked: dict[Path, str] = {}
            try:
                _tell_replaced(gone)
                unmarked = _mark(copies)
            finally:
                written = published.digests(place, targets)
                written |= dict(published.digests(place, beside).items() - before.items())
                _tell_returned(place, day, written, unmarked)
        for file_id in files:
            (place.work / f"{file_id}{_GIVEN_BACK}").touch(0o600)
    return len(files)


def _make_room(home: Home, target: Path) -> None:
    """Make the folders of a copy in returns/."""
    for folder in reversed([each for each in target.parents if each.is_relative_to(home.returns)]):
        folder.mkdir(exist_ok=True, mode=0o700)  # `parents=True` would leave those above open to all


def _replaced(files: Mapping[str, ReceivedFile], submissions: Sequence[Submission]) -> dict[str, str]:
    """Of these files those in whose place later ones of other names stand: file_id → the name of the last of them.

    Also of lists that add row by row: what a correction made of one bears its name with another ending, and its copy tells of both.
    """
    known = {each.submission_id: each for each in submissions}
    found: dict[str, str] = {}
    of_name: dict[tuple[str, str | None], list[Submission]] = {}
    for each in submissions:
        if each.kind and each.file_id in files and each.status in TAKEN:
            of_name.setdefault((part_name(each.file_name), each.kind), []).append(each)
    for same in of_name.values():
        last = max(same, key=lambda each: each.received_seq)
        found |= {
            each.file_id: last.file_name
            for each in same
            if each.file_name != last.file_name and each.night < last.night
        }
    for file_id in files:
        own = [each for each in submissions if each.file_id == file_id]
        if own and all(each.status == "superseded" for each in own):
            last = own[0]
            while last.superseded_by in known:
                last = known[last.superseded_by]
            found[file_id] = last.file_name
    return found


def _copies_of(
    home: Home, file: ReceivedFile, names: Sequence[str], taken: Collection[Path], *, is_new: bool
) -> list[Path]:
    """Where copies of a file that was replaced lie, or belong because it came tonight, and nobody else's is to lie (`taken`)."""
    folder, as_workbook = home.returns / file.unit_code, str(Path(file.file_name).with_suffix(".xlsx"))
    usual = folder / _returned_name(file.file_name, names)
    possible = [usual, folder / _returned_name(file.file_name, [file.file_name, as_workbook])]
    return [
        each for each in dict.fromkeys(possible) if each not in taken and (each.exists() or (is_new and each == usual))
    ]


def _tell_replaced(copies: Mapping[Path, tuple[str, str]]) -> None:
    """Write of each copy's file (its name, its successor's) that it was replaced; its correction workbook goes."""
    from pipeline import returns  # noqa: PLC0415 - brings lxml and xlsxwriter

    for target, (file_name, by) in copies.items():
        returns.write_replaced(target, file_name, by)
        _beside(target).unlink(missing_ok=True)


def _tell_returned(
    home: Home, day: date, written: Mapping[str, str | None], unmarked: Mapping[Path, str] | None = None
) -> None:
    """Write down which files of returns/ the night wrote, with their digests, and which of them are no marked copies."""
    if written:
        about = {"run_date": day.isoformat(), "outputs": dict(written), "unmarked": _below(home, unmarked or {})}
        journal.write(home, "returned", about, who=NIGHT, at=datetime.now(UTC))


def _below(home: Home, unmarked: Mapping[Path, str]) -> dict[str, str]:
    return {target.relative_to(home.root).as_posix(): fault for target, fault in unmarked.items()}


def _beside(target: Path) -> Path:
    """The correction workbook beside a returned copy."""
    return target.with_name(f"{target.stem}.{CORRECTION}.xlsx")


def _marked_before(home: Home, submissions: Sequence[Submission], day: date) -> set[str]:
    """Files whose faults an earlier run of the night gave back, and which are not at hand any more: their copies stay."""
    from pipeline.night import issues  # noqa: PLC0415 - brings pandas

    repeated = {each.file_id for each in submissions if each.outcome == "repeated" and each.night == day}
    return {
        each.file_id for each in submissions if issues.has_lines(home, each) and not _issues_path(home, each).exists()
    } - repeated


def _told_before(
    home: Home, own: Sequence[Submission], mine: Sequence[Submission], excepted: Collection[str]
) -> dict[str, pd.DataFrame]:
    """File that came before with the same bytes and still holds → the error lines it got: they stand in these bytes too."""
    from pipeline.night import issues  # noqa: PLC0415 - brings pandas

    # Under its own name a file is not read again: no kind is known of the repeat.
    again = {(each.sha256, each.kind and (each.kind, each.period)) for each in own if each.outcome == "repeated"}
    return {
        each.file_id: issues.told(home, each, excepted)
        for each in mine
        if {(each.sha256, None), (each.sha256, (each.kind, each.period))} & again
        and each.outcome != "repeated"
        and each.superseded_by is None
        and issues.has_lines(home, each)
    }


_Copy = tuple[Path, str, Path, list[Any], "pd.DataFrame", "Mending | None"]
"""What `returns.write` takes: source, name, target, summaries, issues, correction workbook."""


def _copy_of(
    home: Home,
    file: ReceivedFile,
    submissions: list[Submission],
    target: Path,
    clear: ExitStack,
    lines: pd.DataFrame,
    told_before: Mapping[str, pd.DataFrame],
) -> _Copy | None:
    """What is to be written for one file, its original open as long as `clear` is. None when a mere receipt was the answer, and is written.

    `told_before`: `_told_before`; a correction is then one of the file that holds.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415

    from pipeline import returns  # noqa: PLC0415 - brings lxml and xlsxwriter

    readings = [(each, Reading.from_json(each.reading) if each.reading else Reading(each.kind)) for each in submissions]
    refusals = [reading.refusal for _, reading in readings if reading.refusal]
    if refusals and all(reading.kind is None and not reading.comes_back for _, reading in readings):
        returns.write_receipt(target, file.file_name, refusals[0])
        return None
    kinds = contracts.load().kinds
    summaries = []
    for each, reading in readings:
        of_list = lines[
            lines["kind"].eq(each.kind or "") & lines["file_name"].map(part_name).eq(part_name(file.file_name))
        ]
        accepted = home.accepted / (each.kind or "") / f"{each.submission_id}.parquet"
        summaries.append(
            returns.SubmissionSummary(
                kind_title=kinds[each.kind].title if each.kind else "", reading=reading, rows_read=each.rows_read,
                rows_accepted=each.rows_accepted, rows_set_aside=each.rows_set_aside,
                rows_out_of_scope=each.rows_out_of_scope, status=each.status if each.status != "read" else "held",
                reason=f"{each.reason}；其中的问题还没有改，这里再标一次" if told_before and each.outcome == "repeated" else each.reason,
                notices=reading.notices, accepted_path=accepted if each.rows_accepted else None,
                trend={str(state): int(count) for state, count in of_list["state"].value_counts().items()},
            )
        )  # fmt: skip
    paths = [path for each in submissions if (path := _issues_path(home, each)).exists()]
    faults = _joined([*(pq.ParquetFile(path).read().to_pandas() for path in paths), *told_before.values()])
    asked = faults[~faults["is_excepted"].astype(bool)]
    mending = None
    if file.file_id not in told_before:  # else its rows are not at hand, and the correction workbook of before stays
        mending = returns.Mending(_beside(target), next(iter(told_before), file.file_id))
    return clear.enter_context(archive.opened(home, file.sha256)), file.file_name, target, summaries, asked, mending


def _mark(copies: list[_Copy]) -> dict[Path, str]:
    """Mark copies in child processes with limits, since the sender's bytes are parsed once more.

    Small files share a child; when it dies, each gets one of its own, so that only the one at fault goes without a copy: it
    is answered by 问题清单 alone, and the correction workbook of before goes: it is not of this file. Gives the targets of those that
    were not marked, with where our own program failed over them; '' of those that met a limit.
    """
    from pipeline import returns  # noqa: PLC0415
    from pipeline.reading import layout, sandbox  # noqa: PLC0415 - brings pyarrow and the readers

    together = [copy for copy in copies if copy[0].stat().st_size <= SMALL_BYTES]
    alone = [copy for copy in copies if copy[0].stat().st_size > SMALL_BYTES]
    if together:
        limits = [layout.limits(copy[0]) for copy in together]
        memory_mb, seconds = 2 * max(memory for memory, _ in limits), 3 * sum(second for _, second in limits)
        try:
            sandbox.call(returns.write_all, together, memory_mb=memory_mb, seconds=seconds)
        except (sandbox.Killed, CheckError):
            alone += together
    unmarked: dict[Path, str] = {}
    for copy in alone:
        memory_mb, seconds = layout.limits(copy[0])
        if mending := copy[-1]:
            mending.target.unlink(missing_ok=True)
        try:
            sandbox.call(returns.write, *copy, memory_mb=2 * memory_mb, seconds=3 * seconds)
        except (sandbox.Killed, CheckError) as problem:
            _, file_name, target, summaries, issues, _ = copy
            reason = "太大或结构特殊，超过了标注的时间或内存"
            unmarked[target] = ""
            if isinstance(problem, CheckError) or problem.reason == "crash":
                reason = "标注时我们的程序出了错，不是您的文件写错了"
                unmarked[target] = tell_failure(problem) if isinstance(problem, CheckError) else problem.detail
            returns.write_list_alone(target, file_name, summaries, issues, reason)
    return unmarked


def _returned_name(name: str, names: Sequence[str]) -> Path:
    """`<name>.xlsx`; where two files of a night differ in their ending only, the ending stays in the name."""
    path = Path(name)
    if path.parts[0] == BLANKS:  # filled in and sent with its folder: the blank one stays beside it
        path = path.with_name(f"{path.stem}.填好的{path.suffix}")
    if path.stem.endswith(f".{CORRECTION}"):  # its own name is that of the next correction workbook
        return path.with_name(f"{path.stem}.回执.xlsx")
    if path.suffix.lower() == ".xlsx":
        return path
    alone = sum(Path(other).with_suffix("") == path.with_suffix("") for other in names) == 1
    return path.with_suffix(".xlsx") if alone and path.suffix else path.with_name(f"{path.name}.xlsx")


# build, publish, notify ------------------------------------------------------------------------------------------


def _sound_models() -> Models:
    """What sql/ says. What may not be built at all is said first, as a ModelError."""
    from pipeline.warehouse import models  # noqa: PLC0415 - brings duckdb

    house = models.read_models(contracts.load().kinds)
    house.examine(house.everything())
    return house


def _silent_rules(house: Models) -> list[str]:
    from pipeline.warehouse import examples  # noqa: PLC0415 - brings duckdb

    return examples.silent_rules(house)


def build(home: Path, day: date) -> dict[str, int]:
    """Build and examine the release of the night in work/; published table → rows.

    Where it fails on rows of submissions that were judged tonight, these are held, and it is built without them: the last
    ones of their units stand, or the lists count as missing. Raises PublishRefused for what no submission explains, also
    when a rule does not find its canary.
    """
    from pipeline import warehouse  # noqa: PLC0415 - brings duckdb
    from pipeline.night import inputs, isolation  # noqa: PLC0415 - brings duckdb

    place, ledger = _open(home)
    broken: dict[str, isolation.Broken] = {}
    built_at = datetime.now(UTC)
    with shared(home):
        target = _built(place, day)
        shutil.rmtree(target, ignore_errors=True)
        house = _sound_models()
        if silent := _silent_rules(house):
            raise PublishRefused(
                f"规则 {'、'.join(silent)} 没有找出为它虚构的样例户，可能什么也查不出来；新的一版没有发布，仍用上一版"
            )
        while True:
            try:
                given = inputs.gather(place, ledger, day, built_at)
                return warehouse.build(given, house, target, work=place.work, key=seal.closing_key(place))
            except (ConfigError, NotWritten):
                raise
            except warehouse.OF_THE_MACHINE:
                raise
            except Exception:
                found = isolation.of_build(
                    place, house, _sent_tonight(place, ledger, day),
                    lambda without: inputs.gather(place, ledger, day, built_at, without=without),
                )  # fmt: skip
                if not found:
                    raise
                broken |= found
                _judge_without(home, day, broken, found, waves=WAVES)


def _sent_tonight(home: Home, ledger: Ledger, day: date) -> list[isolation.Sent]:
    """Submissions in force that came or were judged tonight, and filled-in lists that came, each in order of receipt."""
    from pipeline.night import isolation  # noqa: PLC0415 - brings duckdb

    nights = {day, *_unfinished(ledger, day)}
    sent = [
        isolation.Sent(each.submission_id, each.unit_code, each)
        for each in ledger.in_force()
        if each.night in nights or (each.night <= day and _issues_path(home, each).exists())
    ]
    lines: dict[str, dict[str, isolation.Row]] = {}
    for file, decision_id, line in ledger.decisions.lines(day):
        lines.setdefault(file.file_id, {})[decision_id] = isolation.Row(line.sheet, line.row_number)
    return sent + [
        isolation.Sent(file.file_id, file.unit_code, lines=lines[file.file_id])
        for file in ledger.decisions.files()
        if file.night in nights and file.file_id in lines
    ]


def _judge_without(
    home: Path, day: date, broken: Mapping[str, isolation.Broken], found: Collection[str], *, waves: int
) -> None:
    """Hold what a build cannot get over, and judge once more what was judged with it or let in by it.

    A filled-in list is answered as one that could not be read: its lines go, and its unit may send it again.

    `broken`: all that were found tonight, `found`: those that are not held yet. `waves`: how many were judged when it failed.
    """
    from pipeline.night import scope  # noqa: PLC0415 - brings duckdb

    place, ledger = _open(home)
    known = contracts.load()
    reasons = {of_submission: each.reason for of_submission, each in broken.items()}
    new = [each for each in ledger.in_force() if each.submission_id in found]
    touched = {known.kinds[str(each.kind)].family for each in new}
    people = _people_of(place, new)
    for list_ in (file for file in ledger.decisions.files() if file.file_id in found):
        refusal = Refusal("unreadable", reasons[list_.file_id], advice.SEND_AGAIN_WHEN_MENDED)
        ledger.decisions.record_lines(list_.file_id, [], [], refusal)
        about = {
            "run_date": day.isoformat(), "file_id": list_.file_id, "unit_code": list_.unit_code,
            "file_name": list_.file_name, "reason": refusal.reason, "fault": broken[list_.file_id].fault,
        }  # fmt: skip
        journal.write(place, "broken", about, who=NIGHT, at=datetime.now(UTC))
    scope.forget(place)
    for wave in range(waves):
        mine = [family for family in known.families() if _wave_of(family) == wave]
        for family in sorted({*families(home, day, wave), *(each for each in mine if wave or each in touched)}):
            check(home, day, family, left=people, broken=reasons)
    for each in new:
        [now] = [one for one in ledger.submissions(file_id=each.file_id) if one.submission_id == each.submission_id]
        _tell_broken(place, day, now, broken[each.submission_id].fault)


def _people_of(home: Home, submissions: Sequence[Submission]) -> list[str]:
    """Who stands in the accepted rows of these submissions: person_ids, sorted."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    found: set[str | None] = set()
    for each in submissions:
        path = home.accepted / str(each.kind) / f"{each.submission_id}.parquet"
        found.update(pq.read_table(path, columns=["person_id"]).column(0).unique().to_pylist() if path.exists() else [])
    return sorted(one for one in found if one)


def publish(home: Path, day: date) -> str:
    """Write the lists and the answers to filled-in ones, then make the release the current one by one rename.

    Returns the release's folder.
    """
    from pipeline import lists, warehouse  # noqa: PLC0415 - brings duckdb and xlsxwriter
    from pipeline.night import decisions  # noqa: PLC0415 - brings duckdb and xlsxwriter

    place, ledger = _open(home)
    with shared(home):
        built, keys = _built(place, day), seal.release_keys(place)
        with closing(warehouse.read(built / "warehouse.duckdb", keys)) as con:
            titles = {k: v.title for k, v in contracts.load().kinds.items()}
            written = lists.write(con, place.lists, place.units, day, titles)
            told = decisions.answers(ledger, con)
        answers, unmarked = _answer(place, ledger, told)
        written += answers
        kept = place.settings.retention.releases
        planned = warehouse.plan(built, place.releases, place.warehouse, kept=kept, keys=keys)
        about = {
            "run_date": day.isoformat(), "files": published.files_of(built), "kept": kept_beside(place, ledger),
            "outputs": published.digests(place, written), "unmarked": _below(place, unmarked), "release": planned.number,
            "becomes_current": planned.becomes_current, "retired": list(planned.retired),
        }  # fmt: skip
        journal.write(place, "published", about, who=NIGHT, at=datetime.now(UTC))
        release = warehouse.publish(built, place.releases, place.warehouse, planned)
        done = {"run_date": day.isoformat(), "release": planned.number}
        journal.write(place, "released", done, who=NIGHT, at=datetime.now(UTC))
    return str(release.relative_to(place.root))


def current_night(home: Path) -> date | None:
    """The night of the release that is current: a later one than was just published when that was a night of the past."""
    from pipeline import warehouse  # noqa: PLC0415 - brings duckdb

    place = Home(home)
    if not place.warehouse.exists():
        return None
    with closing(warehouse.read(place.warehouse, seal.release_keys(place))) as release:
        night: date = release.execute("select run_date from release").fetchall()[0][0]
    return night


def kept_beside(home: Home, ledger: Ledger) -> dict[str, Any]:
    """Digests of what no line of the journal names by itself: the ledger's rows by unit, and folders of accepted/ beside the rows'."""
    folders: dict[str, str] = {}
    for folder in sorted(each for each in home.accepted.glob("*") if each.name not in {*kinds(), *BESIDE_ACCEPTED}):
        names = [
            f"{path.relative_to(folder)} {digest_of(path)}" for path in sorted(folder.rglob("*")) if path.is_file()
        ]
        folders[folder.name] = hashlib.sha256("\n".join(names).encode()).hexdigest()
    return {"ledger": ledger.digests(), "form": ledger.form(), "folders": folders}


def _answer(home: Home, ledger: Ledger, told: list[Answer]) -> tuple[list[Path], dict[Path, str]]:
    """Mark the copies of filled-in lists and leave them in returns/, beside those of data files; where they lie, and `_mark`'s word."""
    from pipeline import returns  # noqa: PLC0415 - brings lxml and xlsxwriter

    copies: list[_Copy] = []
    targets = []
    with ExitStack() as clear:
        for each in told:
            unit = each.file.unit_code
            folder = f"decisions/inbox/{unit}/"
            data = {_returned_name(file.file_name, []) for file in ledger.files(unit_code=unit)}
            name = _returned_name(each.file.file_name, [each.file.file_name])
            if name in data:
                name = name.with_name(f"{name.stem}.核查登记.xlsx")
            target = home.returns / unit / name
            _make_room(home, target)
            targets.append(target)
            if each.refusal:
                returns.write_receipt(target, each.file.file_name, each.refusal, folder=folder)
            else:
                original = clear.enter_context(archive.opened(home, each.file.sha256))
                summaries = [replace(one, folder=folder) for one in each.summaries]
                copies.append((original, each.file.file_name, target, summaries, each.issues, None))
        unmarked = _mark(copies)
    for each in told:
        ledger.decisions.answered(each.file.file_id)
    return targets, unmarked


def _built(home: Home, day: date) -> Path:
    return home.work / f"release-{day.isoformat()}"


def notify(home: Path, day: date, *, failed: Sequence[str] = ()) -> str:
    """Tell the data officer how the night went: a message in the outbox. Returns its path below the home.

    `failed` names the steps that did not succeed; what they left in work/ then stays, so that they can be taken up again.
    Where journal and ledger do not belong together, so that the night did not begin, neither is written to.
    """
    from pipeline.night import notice  # noqa: PLC0415 - brings rich

    place, ledger = _open(home)
    with shared(home):
        for mark in sorted(place.work.glob(f"*{_GIVE_BACK_AGAIN}")):
            give_back(home, day, mark.name.removesuffix(_GIVE_BACK_AGAIN))
            mark.unlink()
        _tell_put_off(place, ledger, day)
        told = _status(place, ledger, day) | {"failed": list(failed)}
        path = notice.write(place.outbox, day, told)
        if not failed or _agrees(place, ledger):
            _finish(place, ledger, day, "failed" if failed else "done", path)
        if not failed:
            _clear_work(place)
    return str(path.relative_to(place.root))


def _agrees(home: Home, ledger: Ledger) -> bool:
    try:
        agreement.examine(home, ledger)
    except MonitorError:  # said by the step that did not begin for it
        return False
    return True


def _finish(home: Home, ledger: Ledger, day: date, state: NightState, letter: Path) -> None:
    """Write down how the night ended, in the journal and in the ledger, which then remembers where the journal ends."""
    about = {
        "run_date": day.isoformat(), "state": state, "counts": {"submissions": len(ledger.submissions(night=day))},
        "outputs": published.digests(home, [letter]),
    }  # fmt: skip
    now = datetime.now(UTC)
    end = journal.write(home, "finished", about, who=NIGHT, at=now)
    ledger.remember_journal(end.seq, end.hash)
    _finish_in_ledger(ledger, about, now)


def _clear_work(home: Home) -> None:
    """What a night had in work/ is of that night alone: who is in scope, what was judged, which copies are written."""
    shutil.rmtree(home.work)
    home.work.mkdir(mode=0o700)


def send(home: Path, day: date) -> list[str]:
    """Send the night's message on, as monitor.yml says; what went wrong, [] when nothing did or nothing is wanted."""
    from pipeline.night import post  # noqa: PLC0415 - brings smtplib and urllib

    place, _ = _open(home)
    return post.send(place.settings.notify, place.outbox / f"{day.isoformat()}.md")


# asked by people -------------------------------------------------------------------------------------------------


def status(home: Path, day: date) -> dict[str, Any]:
    """Who was expected, who delivered, what was refused, how fresh each registry is, what the night listed."""
    place, ledger = open_whole(home)
    return _status(place, ledger, day)


def _status(place: Home, ledger: Ledger, day: date) -> dict[str, Any]:
    from pipeline.night import notice  # noqa: PLC0415

    return notice.status(place, ledger, day) | {
        "moving": _moving(place), "settle_seconds": place.settings.settle_seconds,
        "left": _left(place),
        "put_off": {sort: [f"{_called(place, unit)} {name}" for unit, name in files] for sort, files in _put_off(ledger, day).items()},
        "limits": place.settings.limits.model_dump(),
        "stuck": [*inbox.stuck(place.inbox), *(f"decisions/{name}" for name in inbox.stuck(place.decisions / "inbox"))],
    }  # fmt: skip


def _called(home: Home, unit: str) -> str:
    return home.units[unit].name if unit in home.units else unit


def _put_off(ledger: Ledger, day: date) -> dict[inbox.Sort, list[tuple[str, str]]]:
    """Of what has its turn on a later night than `day`: sort (`inbox.PUT_OFF`) → (unit_code, file name), sorted."""
    found = [each for each in ledger.left(day) if each.last_on == day]
    return {
        sort: sorted((each.unit_code, each.file_name) for each in found if each.sort == sort) for sort in inbox.PUT_OFF
    }


def _tell_put_off(home: Home, ledger: Ledger, day: date) -> None:
    """Leave each unit whose files have their turn on a later night a sheet that says so, in returns/."""
    from pipeline import returns  # noqa: PLC0415 - brings lxml and xlsxwriter

    told: dict[str, dict[str, list[str]]] = {}
    for sort, files in _put_off(ledger, day).items():
        why = inbox.PUT_OFF[sort].format(**home.settings.limits.model_dump())
        for unit, name in files:
            told.setdefault(unit, {}).setdefault(why, []).append(name)
    written = []
    try:
        for unit, names in told.items():
            if unit in home.units:
                folder = home.returns / unit
                folder.mkdir(exist_ok=True, mode=0o700)
                written.append(target := folder / f"{day.isoformat()}.还没有轮到的文件.xlsx")
                returns.write_put_off(target, names)
    finally:
        _tell_returned(home, day, published.digests(home, written))


def _left(home: Home) -> list[dict[str, Any]]:
    """What lies in the inbox and is never taken: unit_code, unit, path, sort, and for how many whole days it has lain there."""
    clock = datetime.now(UTC).timestamp()
    return [
        {
            "unit_code": each.unit_code,
            "unit": home.units[each.unit_code].name if each.unit_code in home.units else "",
            "path": "/".join(part for part in (beside, each.unit_code, each.name) if part),
            "sort": each.sort,
            "days": max(int((clock - each.changed) // 86_400), 0),
        }
        for folder, beside in ((home.inbox, ""), (home.decisions / "inbox", "decisions"))
        for each in inbox.left(folder)
    ]


def _moving(home: Home) -> list[str]:
    """Dropped files that do not stand still yet, and so were not taken."""
    settle, clock = home.settings.settle_seconds, datetime.now(UTC).timestamp()
    return [
        "/".join(part for part in (beside, each.unit_code, each.name) if part)
        for folder, beside in ((home.inbox, ""), (home.decisions / "inbox", "decisions"))
        for each in inbox.settled(folder, settle, clock)[1]
    ]


def confirm(home: Path, submission_id: str, *, by_whom: str, reason: str, day: date) -> dict[str, Any]:
    """The data officer's word, for nights from `day` on: a held roster is right as it is, or nobody is missing because of a submission.

    Raises MonitorError when the submission is neither held nor makes a roster less than whole.
    """
    from pipeline.night import rosters  # noqa: PLC0415 - not needed to begin a night

    place, ledger = open_whole(home)
    by_whom, reason = by_whom.strip(), reason.strip()
    if not by_whom or not reason:
        raise MonitorError("要写明是谁确认的（--by）和原因（--because）")
    words: dict[str, Any] = {"by_whom": by_whom, "reason": reason, "decided_on": day}
    titles = {name: kind.title for name, kind in contracts.load().kinds.items()}
    if any(each.submission_id == submission_id for each in ledger.submissions(outcome="held")):
        held = ledger.confirm(submission_id, **words)
        what, unit, name, rows = "confirmed", held.unit_code, held.file_name, held.rows_read
        lists = [f"{titles[held.kind or '']} {held.period}"]
    else:
        missing = rosters.gaps(place, ledger, ledger.as_of(day), day)
        of_it = [gap for gap in missing if gap.submission_id == submission_id]
        if not of_it:
            raise MonitorError(
                f"编号为“{submission_id}”的报送没有扣住、待确认，也没有使名单不完整；编号见 monitor status"
            )
        ledger.confirm_gap(submission_id, **words)
        what, unit, name, rows = "confirmed_gap", of_it[0].unit_code, of_it[0].file_name, 0
        lists = [f"{titles[gap.kind]} {gap.period}".rstrip() for gap in of_it]
    about = {"submission_id": submission_id, "by_whom": by_whom, "reason": reason, "night": day.isoformat()}
    write_down(place, ledger, what, about, who=by_whom)
    return {
        "submission_id": submission_id, "unit": place.units[unit].name, "file_name": name, "what": what, "lists": lists,
        "rows": rows, "night": day.isoformat(),
    }  # fmt: skip


def except_issue(
    home: Path, issue_id: str, *, by_whom: str, reason: str, until: date | None, day: date
) -> dict[str, Any]:
    """The data officer's word that a fault is right as written, until a day (policy: exception_validity). Raises MonitorError."""
    from pipeline.night import exceptions  # noqa: PLC0415 - brings pandas

    place, ledger = open_whole(home)
    said = exceptions.say(place, ledger, day, issue_id, by_whom=by_whom.strip(), reason=reason.strip(), until=until)
    known = ledger.exceptions(day)[said["issue_id"]]
    about = asdict(known) | {"night": day.isoformat()}
    about |= {"decided_on": day.isoformat(), "expires_on": known.expires_on.isoformat()}
    write_down(place, ledger, "excepted", about, who=known.by_whom)
    return said


def write_down(home: Home, ledger: Ledger, what: str, about: Mapping[str, Any], *, who: str) -> None:
    """What a person did or looked at, in the journal; the ledger remembers the line, so that nobody cuts it off unseen."""
    end = journal.write(home, what, about, who=who, at=datetime.now(UTC))
    ledger.remember_journal(end.seq, end.hash)


def explain(home: Path, warning_id: str, day: date | None = None) -> dict[str, Any]:
    """All that stands behind one warning of the published release, and whether its rule still holds on the rows in force.

    It is asked again for the release's own night, or for another `day`.

    Raises MonitorError when nothing is published yet or the release does not hold the warning.
    """
    from pipeline import warehouse  # noqa: PLC0415 - brings duckdb
    from pipeline.ask import explain as explaining  # noqa: PLC0415
    from pipeline.night import inputs  # noqa: PLC0415 - brings duckdb
    from pipeline.warehouse import models  # noqa: PLC0415 - brings duckdb

    place, ledger = open_whole(home)
    if not place.warehouse.exists():
        raise MonitorError("还没有发布过预警清单，请先运行 monitor run")
    house = models.read_models(contracts.load().kinds)
    with closing(warehouse.read(place.warehouse, seal.release_keys(place))) as release:
        asked_on = day or release.execute("select run_date from release").fetchall()[0][0]
        given = inputs.gather(place, ledger, asked_on)
        return explaining.explain(
            release,
            warning_id,
            cards=house.cards,
            policy_titles=place.policy.titles,
            unit_names={code: unit.name for code, unit in place.units.items()},
            ask_rule=lambda code: warehouse.ask(given, house, f"warnings.{code.lower()}"),
            ask_unanswered=lambda: {
                row["warning_id"]: row["said"] for row in warehouse.ask(given, house, "life.unanswered").to_pylist()
            },
            asked_on=asked_on,
        )


def person_of(home: Home, id_number: str, day: date) -> str:
    """The person_id of a number that somebody typed. Raises MonitorError as `read_number` does."""
    return people.person_id(home.identity_key(), read_number(id_number, day))


def read_number(typed: str, day: date) -> str:
    """An ID number that somebody typed, as lists have it. Raises MonitorError for what is no usable number; the message never repeats it."""
    from pipeline import values, warehouse  # noqa: PLC0415 - brings duckdb

    with warehouse.in_memory() as con:
        con.execute(
            "create temp table asked (sheet varchar, row_number integer, number varchar, number__numeric boolean)"
        )
        con.execute("insert into asked values ('', 1, ?, false)", [typed])
        table = values.parse_ids(con, "asked", "number", day)
        [(number, problem)] = con.execute(f"select number, number__problem from {table}").fetchall()
    if number is None or problem:
        raise MonitorError("这不是可用的身份证号（位数、日期或校验位不对），请核对后再输入")
    return str(number)


def check_file(home: Path | None, file: Path, unit_code: str | None, day: date) -> dict[str, Any]:
    """Judge one file without taking it in; the annotated copy is written beside it.

    Without a unit, neither the sender nor its townships are examined; without a home (a clerk's own computer), townships
    are not known at all. A partner's rows are all judged, whoever they are about: nothing is kept.

    Raises MonitorError for an unknown unit, and for what is no file or stands where nothing can be written.
    """
    from pipeline import checks, returns, warehouse  # noqa: PLC0415 - brings pandas, lxml and the readers
    from pipeline.reading import layout  # noqa: PLC0415 - brings pandas, lxml and the readers

    place = Home.open(home) if home else None
    units = place.units if place else {}
    if unit_code is not None and unit_code not in units:
        choice = f"可选：{'、'.join(units)}" if units else "这里没有数据目录（--home），不写 --unit 就能检查"
        raise MonitorError(f"没有“{unit_code}”这个单位。{choice}")
    if not file.is_file() or not os.access(file, os.R_OK) or not os.access(file.parent, os.W_OK):
        raise MonitorError(f"“{shown_name(file.name)}”不是可以读取的文件，或者它所在的文件夹不能写入检查结果")
    known = contracts.load()
    senders = {sender for kind in known.kinds.values() for sender in kind.senders}
    if unit_code:
        senders = {unit_code, units[unit_code].kind}
    target = file.with_name(_cut_to_fit(_apart_from_its_like(file), ".检查结果.xlsx"))
    if place:
        place.work.mkdir(mode=0o700, exist_ok=True)
    scratch = place.work if place else None
    with tempfile.TemporaryDirectory(dir=scratch, prefix="check-") as folder, warehouse.in_memory(Path(folder)) as con:
        work = Path(folder)
        allowed = place.settings.limits if place else Limits()
        readings = layout.read_file(
            file, file.name, unit_code or "", senders, work,
            places=_places_of_others(place, units[unit_code]) if place and unit_code else None,
            memory_mb=allowed.memory_mb, seconds=allowed.seconds,
        )  # fmt: skip
        taken = [reading for reading in readings if reading.refusal is None and reading.kind]
        parts = [
            checks.Part(f"check{n}", unit_code or "", str(reading.kind), "check", file.name, n, reading)
            for n, reading in enumerate(taken)
        ]
        open_doors = known.model_copy(
            update={"kinds": {name: kind.model_copy(update={"door": None}) for name, kind in known.kinds.items()}}
        )
        # Who is who within this one file: without a home any key will do.
        key = place.identity_key() if place else secrets.token_bytes(KEY_BYTES)
        around = checks.Surroundings(day, key, place.places if place and unit_code else _anywhere(place))
        verdicts = checks.examine(con, open_doors, parts, around, work) if parts else []
        found = {part.submission_id: part.reading for part in parts}
        summaries = [
            returns.SubmissionSummary(
                kind_title=known.kinds[str(found[each.submission_id].kind)].title, reading=found[each.submission_id],
                rows_read=each.rows_read, rows_accepted=each.rows_accepted, rows_set_aside=each.rows_set_aside,
                rows_out_of_scope=each.rows_out_of_scope, reason="", notices=found[each.submission_id].notices,
                status="checked",
            )
            for each in verdicts
        ]  # fmt: skip
        refusals = [reading.refusal for reading in readings if reading.refusal]
        only_asked = ["只是检查，什么都没有收下。"] if not verdicts else []
        told = [
            returns.SubmissionSummary(
                kind_title=known.kinds[reading.kind].title if reading.kind else "", reading=reading, rows_read=0,
                rows_accepted=0, rows_set_aside=0, rows_out_of_scope=0, status="refused", notices=only_asked,
            )
            for reading in readings if reading.refusal
        ]  # fmt: skip
        faults = [each.issues for each in verdicts]
        not_marked: list[str] = []
        if verdicts or any(reading.comes_back for reading in readings):
            not_marked += _mark([(file, file.name, target, [*summaries, *told], _joined(faults), None)]).values()
        elif refusals:
            returns.write_receipt(target, file.name, refusals[0], is_taken=False)
    unknown = [
        f"标注时我们的程序出了错，检查结果里只有问题清单；请告诉数据员（给开发者：{fault}）"
        for fault in not_marked
        if fault
    ]
    unknown += [] if place else ["这里没有数据目录：街道（乡镇）是不是本地的没有核对，其余都检查了"]
    all_faults = _joined(faults)
    groups = all_faults.groupby(["severity", "rule", "fix"], sort=True)
    to_do = [
        {
            "severity": severity, "fix": fix, "cells": len(group), "header": group["header"].iloc[0],
            "what": mask(legible(returns.what_to_do(group["header"].iloc[0], group["value"].tolist(), str(fix), str(rule)))),
        }
        for (severity, rule, fix), group in groups
    ]  # fmt: skip
    return {
        "file": str(file),
        "annotated": str(target) if verdicts or refusals else "",
        "not_examined": "" if verdicts or refusals else _not_examined(readings),
        "recognised": [
            line for reading in readings if reading.kind for line in _recognised(reading, known.kinds[reading.kind])
        ],
        "refused": [asdict(each) for each in refusals],
        "kinds": [
            {
                "title": each.kind_title,
                "read": each.rows_read,
                "accepted": each.rows_accepted,
                "set_aside": each.rows_set_aside,
            }
            for each in summaries
        ],
        "notices": sorted({notice for reading in readings for notice in reading.notices} | set(unknown)),
        "must_fix": int(all_faults["severity"].eq("must_fix").sum()),
        "to_do": sorted(to_do, key=lambda one: (SEVERITIES.index(one["severity"]), -one["cells"], one["what"])),
    }


def _apart_from_its_like(file: Path) -> str:
    """What the name of a file's copy begins with: without its ending, unless a file beside it is called the same but for that."""
    like = [file.with_suffix(ending).name.casefold() for ending in READ if ending != file.suffix.lower()]
    return file.name if any(each.name.casefold() in like for each in file.parent.iterdir()) else file.stem


def _not_examined(readings: Sequence[Reading]) -> str:
    """Of a file of ours that came back, which is no list by itself: what it is, and when it is looked at."""
    if any(reading.correction for reading in readings):
        return "这是更正表，这里不能检查：放进收件箱，当夜并进原来的名单以后才查"
    return "这里面只有“问题清单”，没有名单可以检查：填好的确认放进收件箱，当夜采用"


def _cut_to_fit(stem: str, ending: str) -> str:
    """A name of at most the 255 bytes that a folder takes."""
    room = _LONGEST_NAME - len(ending.encode())
    return os.fsencode(stem)[:room].decode("utf-8", "ignore") + ending


def _recognised(reading: Reading, kind: contracts.Kind) -> list[dict[str, Any]]:
    """Sheet by sheet: which kind it was taken for and why, and which header is which column, by which name and in which unit."""
    return [
        {
            "sheet": sheet.sheet, "kind": kind.name, "title": kind.title, "period": reading.period, "why": sheet.why,
            "columns": [
                {
                    "column": column_letter(use.column), "header": use.header, "field": use.field,
                    "title": kind.columns[use.field].header, "alias": use.alias, "unit": use.unit,
                }
                for use in sheet.columns
            ],
            "unused": sheet.unused, "never_received": [header for _, header in sheet.refused_columns],
            "rows": sheet.rows_read, "rows_left_out": sheet.rows_left_out, "hidden_rows": sheet.hidden_rows,
        }
        for sheet in reading.sheets
    ]  # fmt: skip


def _anywhere(home: Home | None) -> Callable[[Iterable[str]], dict[str, list[tuple[str, str]]]]:
    """Places as seen without knowing the sender: a known township of any division is in order; without a home, any text."""

    def places(texts: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
        if home is None:
            return {text: [("", text)] for text in texts}
        return {text: [("", found[0][1])] if found else [] for text, found in home.places(texts).items()}

    return places


def _joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415

    from pipeline.checks import ISSUE_COLUMNS  # noqa: PLC0415

    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=ISSUE_COLUMNS)


# within ----------------------------------------------------------------------------------------------------------


def _open(home: Path) -> tuple[Home, Ledger]:
    """The home and its ledger; a night in one process examines them once."""
    keep_to_owner()
    if home in _alone_in:
        return _alone_in[home]
    place = Home.open(home)
    return place, Ledger.of(place)


_alone_in: dict[Path, tuple[Home, Ledger]] = {}
_begun: dict[Path, Sequence[journal.Entry] | None] = {}
"""Homes that are held alone: the journal as it was when the night began, once it did."""


def open_whole(home: Path) -> tuple[Home, Ledger]:
    """The home and its ledger for somebody who asks what is held, or says a word: what a ledger lost must not be told as not being there.

    Raises MonitorError, with what to do, when journal, ledger and keys do not belong together.
    """
    place, ledger = _open(home)
    agreement.examine(place, ledger)
    return place, ledger


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Hold the home without opening its ledger. Raises NotNow, naming the owner, when a night runs."""
    with _locked(home, fcntl.LOCK_EX):
        turns.examine(home)
        yield


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold the home for a whole night, or as long. Raises NotNow, naming the owner, when another night runs."""
    with _locked(home, fcntl.LOCK_EX):
        turns.examine(home)
        _alone_in[home] = _open(home)
        _begun[_alone_in[home][0].root] = None
        try:
            yield
        finally:
            del _begun[_alone_in.pop(home)[0].root]


@contextmanager
def _alone_for_a_step(home: Path) -> Iterator[None]:
    """Hold the home for one step beside which there may be no other, as when a night begins."""
    if home in _alone_in:
        yield
        return
    with _locked(home, fcntl.LOCK_EX):
        yield


@contextmanager
def shared(home: Path) -> Iterator[None]:
    """Hold the home for one step, beside other steps of the same night."""
    if home in _alone_in:
        yield
        return
    with _locked(home, fcntl.LOCK_SH):
        yield


@contextmanager
def _locked(home: Path, how: int) -> Iterator[None]:
    """A kernel lock: it dies with its process, so that a dead owner never holds up the next night."""
    handle = os.open(home / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, how | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(handle, 200, 0).decode(errors="replace").strip()
            raise NotNow(f"另一个夜间任务正在运行（{owner or '进程不明'}），这一次没有开始") from None
        # One write of one length: whoever asks meanwhile reads the whole name of somebody who holds it, or did last.
        os.pwrite(handle, f"{socket.gethostname()} 进程 {os.getpid()}".ljust(100).encode()[:200], 0)
        yield
    finally:
        os.close(handle)
