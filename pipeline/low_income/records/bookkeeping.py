"""Writes what both journal and ledger must know, the journal first; and takes a journal line over into the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from low_income.model import Reading, Refusal
from low_income.records import journal
from low_income.records.ledger import Ledger, shown_name
from low_income.settings.home import Home


@dataclass(frozen=True)
class Arrival:
    """A file that arrived: where its bytes are in the archive, or why they are not there."""

    sha256: str
    """Hash of the content; of the name where the file could not be opened."""
    size: int = 0
    archived: str = ""
    """Path below the home; '' where the file could not be opened."""
    refusal: Refusal | None = None
    """Why the file could not be opened."""


def record_arrival(
    home: Home,
    ledger: Ledger,
    unit: str,
    name: str,
    arrival: Arrival,
    day: date,
    now: datetime,
    *,
    what: str = "received",
) -> None:
    """Record in journal and ledger that a file arrived; `what` is one of `journal.ARRIVALS`. One refused unopened is not in the archive."""
    arrived = {
        "unit_code": unit, "file_name": name, "sha256": arrival.sha256, "size": arrival.size, "archived": arrival.archived,
        "night": day.isoformat(), "received_at": now.isoformat(),
        "refusal": [arrival.refusal.code, arrival.refusal.reason, arrival.refusal.fix] if arrival.refusal else None,
    }  # fmt: skip
    journal.write(home, what, arrived, who=journal.NIGHT, at=now)
    into_ledger(ledger, what, arrived)


def record_left(home: Home, ledger: Ledger, day: date, found: Iterable[tuple[str, str, str]]) -> None:
    """Record the files that a night did not take or read. `found`: (unit_code, file name, sort as `inbox.Sort`)."""
    told = {"run_date": day.isoformat(), "left": sorted(found)}
    journal.write(home, "left", told, who=journal.NIGHT, at=datetime.now(UTC))
    left_in_ledger(ledger, told)


def left_in_ledger(ledger: Ledger, told: Mapping[str, Any]) -> None:
    """Write into the ledger what the journal line `left` tells: the files that a night did not take from the inbox."""
    found = [(unit, shown_name(name), sort) for unit, name, sort in told["left"]]
    ledger.record_left(date.fromisoformat(told["run_date"]), found)


def into_ledger(ledger: Ledger, what: str, arrived: Mapping[str, Any]) -> None:
    """Write into the ledger what a line of `journal.ARRIVALS` tells."""
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


def finish_in_ledger(ledger: Ledger, about: Mapping[str, Any], at: datetime) -> None:
    """Write into the ledger what the journal line `finished` tells."""
    ledger.finish_night(date.fromisoformat(about["run_date"]), about["state"], at=at, counts=about["counts"])


def take_up_arrivals(home: Home, ledger: Ledger) -> None:
    """Write into the ledger the arrivals, and the end of a night, that the journal tells and a night that was cut off left out.

    The sender may have put another file in the same place meanwhile: then nothing else would record the first one.
    """
    lines = journal.since_published(home)
    last = next((each for each in reversed(lines) if each.what in ("night", "finished")), None)
    if last and last.what == "finished" and ledger.state_of(date.fromisoformat(last.about["run_date"])) == "running":
        finish_in_ledger(ledger, last.about, last.at)
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


def audit(home: Home, ledger: Ledger, what: str, about: Mapping[str, Any], *, who: str) -> None:
    """Write into the journal what a person did or looked at. The ledger remembers the line: a journal cut short is noticed."""
    end = journal.write(home, what, about, who=who, at=datetime.now(UTC))
    ledger.remember_journal(end.seq, end.hash)
