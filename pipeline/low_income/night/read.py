"""The step `read`: reads a unit's files in child processes into work/, and its filled-in lists into the ledger."""

from __future__ import annotations

import hashlib
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from low_income import advice
from low_income.model import MonitorError, Reading, Refusal, tell_failure
from low_income.records import access, archive, bookkeeping, journal
from low_income.records.ledger import Ledger, ReadBy, ReceivedFile, Submission
from low_income.settings import contracts
from low_income.settings.home import Home, Unit

if TYPE_CHECKING:
    from low_income.reading import layout
    from low_income.settings.places import Gazetteer

SMALL_BYTES = 500_000
"""A file of at most so many bytes is read in one child process with others of its unit."""
MOST_TOGETHER = 16


def read(home_dir: Path, day: date, unit: str, *, is_limited: bool = True) -> dict[str, int]:
    """Read the waiting files of one unit into work/, its filled-in lists into the ledger; returns counts.

    Each file is parsed in a child process. When the files take longer than `Limits.unit_seconds`, the remaining ones wait for
    the next night, as if they came then. Without `is_limited` all are read.
    """
    from low_income.night import corrections, decisions, issues, waivers  # noqa: PLC0415 - brings pandas
    from low_income.reading import layout  # noqa: PLC0415 - brings pyarrow and the readers

    home, ledger = access.open_home(home_dir)
    counts = {"files": 0, "readings": 0, "refused": 0}
    refused: list[tuple[str, str | None]] = [(unit, None)]
    began = time.monotonic()
    with access.shared(home_dir):
        late = {
            each.file_name: each.last_on for each in ledger.left(day) if (each.unit_code, each.sort) == (unit, "late")
        }
        ahead: dict[str, list[Reading] | None] = {}
        # A correction makes a whole new file of its unit, which is then read too.
        while waiting := [
            each for each in ledger.files(state="received", unit_code=unit) if late.get(each.file_name) != day
        ]:
            if is_limited and counts["files"] and time.monotonic() - began >= home.settings.limits.unit_seconds:
                bookkeeping.record_left(home, ledger, day, [(unit, each.file_name, "late") for each in waiting])
                break
            file = ledger.come_on(waiting[0].file_id, day) if waiting[0].file_name in late else waiting[0]
            try:
                if file.file_id not in ahead:
                    ahead |= _read_together(home, [each for each in [file, *waiting[1:]] if each.file_id not in ahead])
                readings = _read_by_a_name(home, ledger, file, ahead.pop(file.file_id, None))
                if correction := readings[0].correction:
                    readings = [
                        corrections.apply(home, ledger, day, datetime.now(UTC), file, correction, journal.NIGHT)
                    ]
                if answers := [answer for reading in readings for answer in reading.confirmations]:
                    readings[0].notices += waivers.take_answers(home, ledger, day, file, answers)
            except (MonitorError, OSError):
                raise  # of the home or the machine: no other file could be read either
            except Exception as problem:  # noqa: BLE001 - a fault of ours over one file; it is told, with its place
                readings = [Reading(kind=None, refusal=layout.not_read(tell_failure(problem), file.file_name))]
            for recorded in ledger.record_readings(file.file_id, readings, _read_by(unit)):
                if (
                    recorded.kind is None and recorded.outcome == "read"
                ):  # only our sheet 问题清单 came back, with answers
                    ledger.settle(recorded.submission_id, "accepted", reason="；".join(recorded.reading["notices"]))
            counts["files"] += 1
            counts["readings"] += len(readings)
            counts["refused"] += sum(reading.refusal is not None for reading in readings)
            refused += [(unit, reading.kind) for reading in readings if reading.refusal]
        issues.remember(home, ledger, day, refused)
        decisions.take_in(home, ledger, unit)
    return counts


def _read_together(home: Home, waiting: list[ReceivedFile]) -> dict[str, list[Reading] | None]:
    """File → readings, for the first file and the small ones after it; None for those that are to be read alone."""
    from low_income.reading import layout  # noqa: PLC0415 - brings pyarrow and the readers

    few = [file for file in waiting if file.size <= SMALL_BYTES][:MOST_TOGETHER]
    if few[:1] != waiting[:1] or len(few) == 1 or few[0].unit_code not in home.units:
        return {}
    unit, allowed = home.units[few[0].unit_code], home.settings.limits
    alone: dict[str, list[Reading] | None] = dict.fromkeys(file.file_id for file in few)
    try:
        with ExitStack() as opened:
            files = [
                _waiting(home, file, unit, opened.enter_context(archive.opened(home, file.sha256))) for file in few
            ]
            found = layout.read_together(files, memory_mb=allowed.memory_mb, seconds=allowed.seconds)
    except (MonitorError, OSError):  # met again when it is the turn of the file at fault; those before it are read
        return alone
    return dict(zip(alone, found, strict=True)) if found else alone


def _read_by_a_name(home: Home, ledger: Ledger, file: ReceivedFile, readings: list[Reading] | None) -> list[Reading]:
    """The readings of a file, unless they are given. While its kind is undecided, other names of the same bytes are tried."""
    readings = read_file(home, file) if readings is None else readings
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
    """Read an archived file, list by list. Its rows stay in work/ until a night, or a forgetting, clears it."""
    from low_income.reading import layout  # noqa: PLC0415 - brings pyarrow and the readers

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
    allowed = home.settings.limits
    with archive.opened(home, file.sha256) as path:
        one = _waiting(home, file, unit, path)
        return layout.read_file(
            one.path, one.file_name, one.unit_code, one.sender_kinds, one.work_dir, places=one.places,
            memory_mb=allowed.memory_mb, seconds=allowed.seconds,
        )  # fmt: skip


def _waiting(home: Home, file: ReceivedFile | Submission, unit: Unit, path: Path) -> layout.Waiting:
    """A file, opened at `path`, with its folder in work/."""
    from low_income.reading import layout  # noqa: PLC0415 - brings pyarrow and the readers

    work = home.work / file.file_id
    work.mkdir(mode=0o700, exist_ok=True)
    return layout.Waiting(
        path, file.file_name, file.unit_code, {unit.kind, unit.code}, work, places_of_others(home, unit)
    )


def places_of_others(home: Home, unit: Unit) -> Gazetteer | None:
    """The gazetteer that recognises lists of other divisions; None for partners and the bureau, whose lists cover all divisions."""
    return home.gazetteer if unit.kind == "division" else None


def _read_by(unit: str) -> dict[str, ReadBy]:
    known = contracts.load()
    return {name: ReadBy(_digest(known.for_unit(name, unit)), kind.replace) for name, kind in known.kinds.items()}


def _digest(kind: contracts.Kind) -> str:
    return hashlib.sha256(kind.model_dump_json().encode()).hexdigest()
