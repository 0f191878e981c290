"""The ledger: what arrived and what became of it. It holds counts and hashes; texts and file names of people are sealed.

SQLite in the home, or PostgreSQL by URL. Both behave the same: one writer at a time (BEGIN IMMEDIATE, advisory lock);
each function is one transaction and is safe to call again. Which part is in force is derived from what was recorded
(night, then order within the night), so the order of the calls does not matter. The rules are in `parts.py`.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from fractions import Fraction
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import Connection, delete, func, insert, select, update

from low_income.model import BalanceError, MonitorError, Reading, legible
from low_income.records.ledger import parts
from low_income.records.ledger.decisions import DecisionFile, DecisionLine, Decisions
from low_income.records.ledger.parts import Arrangement, Delivery, Replace
from low_income.records.ledger.tables import (
    confirmation_table,
    gap_table,
    journal_table,
    left_table,
    looking,
    metadata,
    night_table,
    open_engine,
    received_file,
    seal_anew,
    source_table,
    submission_table,
    waiver_table,
    write_anew,
    writing,
)
from low_income.records.seal import Seal
from low_income.settings.home import Home

_PER_NIGHT = 1_000_000
"""Files of one unit in one night, at most: received_seq = night × this + order within the night."""

FileState = Literal["received", "read"]
Outcome = Literal["read", "accepted", "partly_accepted", "refused", "held", "repeated"]
"""What became of a submission by itself; `read`: read, not yet judged."""
Status = Literal["read", "accepted", "partly_accepted", "refused", "held", "repeated", "superseded"]
"""As published: the outcome, or `superseded` when a later part of the same name holds."""
SourceState = Literal["delivered", "unchanged", "not_delivered"]
NightState = Literal["running", "done", "failed"]
TAKEN = ("accepted", "partly_accepted")
"""Outcomes of submissions that the build may read."""


@dataclass(frozen=True)
class ReceivedFile:
    """One file of one unit, as it came."""

    file_id: str
    unit_code: str
    file_name: str
    sha256: str
    size: int
    received_at: datetime
    night: date
    received_seq: int
    archived: str
    """Path of the original below the home."""
    state: FileState


@dataclass(frozen=True)
class Submission:
    """One kind in one file. `kind` is None when none was recognised, `period` '' when the kind has none."""

    submission_id: str
    file_id: str
    unit_code: str
    kind: str | None
    file_name: str
    sha256: str
    received_at: datetime
    night: date
    received_seq: int
    """Order of receipt: by night, then within the unit. Two units may have the same; unit_code then decides."""
    period: str
    rows_read: int
    rows_accepted: int
    rows_set_aside: int
    rows_out_of_scope: int
    outcome: Outcome
    reason: str
    superseded_by: str | None
    replace: Replace
    """As the kind's contract says."""
    reading: dict[str, Any]
    """`model.Reading.as_json()`."""
    contract_digest: str
    scope_digest: str | None

    @property
    def status(self) -> Status:
        """As published."""
        return "superseded" if self.superseded_by and self.outcome in (*TAKEN, "held") else self.outcome

    @property
    def delivery(self) -> Delivery:
        """What the rules of parts and corrections look at (`parts.py`)."""
        return Delivery(
            self.submission_id, self.unit_code, self.kind or "", self.period, self.night, self.received_seq,
            self.file_name, self.sha256, is_held=self.outcome == "held",
        )  # fmt: skip


@dataclass(frozen=True)
class LeftFile:
    """A file that was in a unit's inbox, on one night or several in a row, and was not taken."""

    left_id: str
    unit_code: str
    file_name: str
    sort: str
    """As `inbox.Sort`."""
    first_on: date
    last_on: date


@dataclass(frozen=True)
class ReadBy:
    """The contract by which a kind was read: its digest, and whether a new delivery replaces earlier ones."""

    digest: str
    replace: Replace


COMMAND = "command"
"""The source of a waiver that did not come in a file."""


@dataclass(frozen=True)
class Waiver:
    """A fault that a person confirmed: the cell stands as written until the waiver expires."""

    issue_id: str
    decided_on: date
    expires_on: date
    unit_code: str
    kind: str
    by_whom: str
    reason: str
    source: str
    """file_id of the workbook that it came in, or COMMAND."""


@dataclass(frozen=True)
class Night:
    """One night's run and how it ended."""

    run_date: date
    started_at: datetime
    finished_at: datetime | None
    state: NightState
    owner: str
    counts: dict[str, int]


def shown_name(name: str) -> str:
    """A file name for any screen and any database: control characters and broken bytes are written out."""
    return legible(name).replace("\n", "\\n")


def file_id(unit_code: str, sha256: str, file_name: str) -> str:
    """The id of a file: equal unit, bytes and name give the same id, on every machine and in every rebuild."""
    return _short_hash(unit_code, sha256, shown_name(file_name))


def submission_id(of_file: str, kind: str | None) -> str:
    """The id of a submission: one per (file, kind)."""
    return _short_hash(of_file, kind or "")


def _short_hash(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]


class Ledger:
    """One ledger, opened by URL. Connections are short, so threads may share it and it works after a fork.

    Every function raises MonitorError (in Chinese) when the database cannot be reached or stays locked.
    """

    @staticmethod
    def of(home: Home) -> Ledger:
        """The ledger of a home, with the home's keys. Raises ConfigError."""
        return Ledger(home.ledger_url, Seal.of(home))

    def __init__(self, url: str, seal: Seal):
        """Open, and create the tables where there are none. Raises ConfigError for an unknown sort of URL or schema version."""
        self._engine = open_engine(url, seal)
        self._open_in = threading.local()
        self.decisions = Decisions(self._engine, self._writing)
        """What people wrote in the lists that came back."""

    # ---- files

    def record_file(
        self,
        unit_code: str,
        file_name: str,
        *,
        sha256: str,
        size: int,
        received_at: datetime,
        night: date,
        archived: str,
    ) -> ReceivedFile:
        """Record that a file arrived; a second call for the same night changes nothing.

        `file_name` is the path inside the unit's inbox folder, with `/`. The same bytes under the same name on another
        night are a repeat, recorded as a submission of its own with that outcome. But when everything in the file had
        been refused, the file is read again, as if it came that night.
        """
        name = shown_name(file_name)
        of_file = file_id(unit_code, sha256, name)
        arrival = {"received_at": received_at, "night": night}
        with self._writing() as connection:
            known = connection.execute(select(received_file).where(received_file.c.file_id == of_file)).one_or_none()
            if known is None:
                row = {
                    "file_id": of_file, "unit_code": unit_code, "file_name": name, "sha256": sha256, "size": size,
                    "archived": archived, "state": "received", "received_seq": _next_seq(connection, unit_code, night),
                }  # fmt: skip
                connection.execute(insert(received_file).values(**row, **arrival))
            elif known.night != night and known.state == "read":
                old = _submissions(connection, submission_table.c.file_id == of_file)
                if any(submission.outcome != "refused" for submission in old):
                    _record_repeat(connection, _received(known), received_at, night)
                else:
                    connection.execute(delete(submission_table).where(submission_table.c.file_id == of_file))
                    seq = _next_seq(connection, unit_code, night)
                    changes = {"state": "received", "received_seq": seq, **arrival}
                    connection.execute(
                        update(received_file).where(received_file.c.file_id == of_file).values(**changes)
                    )
            return _received(connection.execute(select(received_file).where(received_file.c.file_id == of_file)).one())

    def files(
        self, *, state: FileState | None = None, unit_code: str | None = None, night: date | None = None
    ) -> list[ReceivedFile]:
        """Files in order of receipt; `state="received"` gives those that wait to be read."""
        query = select(received_file).order_by(received_file.c.received_seq, received_file.c.unit_code)
        if state is not None:
            query = query.where(received_file.c.state == state)
        if unit_code is not None:
            query = query.where(received_file.c.unit_code == unit_code)
        if night is not None:
            query = query.where(received_file.c.night == night)
        with looking(self._engine) as connection:
            return [_received(row) for row in connection.execute(query)]

    # ---- submissions

    def record_readings(
        self, of_file: str, readings: Sequence[Reading], contracts: Mapping[str, ReadBy]
    ) -> list[Submission]:
        """Record what was read in a file, one submission per kind, and that the file is read.

        `contracts`: kind → the contract it was read by. A refused reading is settled at once, and its rows count as
        set aside; the others wait for `settle`. Reading a file again replaces what was recorded before.
        """
        with self._writing() as connection:
            file = _received(connection.execute(select(received_file).where(received_file.c.file_id == of_file)).one())
            rows = [_as_row(file, reading, contracts) for reading in readings]
            ids = [row["submission_id"] for row in rows]
            before = [
                old for old in _submissions(connection, submission_table.c.file_id == of_file) if not _is_receipt(old)
            ]
            gone = [old.submission_id for old in before]
            connection.execute(delete(submission_table).where(submission_table.c.submission_id.in_(gone)))
            if rows:
                connection.execute(insert(submission_table), rows)
            for old in before:
                _supersede(connection, old)
            connection.execute(update(received_file).where(received_file.c.file_id == of_file).values(state="read"))
            return _submissions(connection, submission_table.c.submission_id.in_(ids))

    def read_again(self, of_file: str) -> None:
        """Let a file wait to be read again; its submissions that are not yet settled are removed."""
        of_it = submission_table.c.file_id == of_file
        with self._writing() as connection:
            connection.execute(delete(submission_table).where(of_it, submission_table.c.outcome == "read"))
            connection.execute(update(received_file).where(received_file.c.file_id == of_file).values(state="received"))

    def come_on(self, of_file: str, night: date) -> ReceivedFile:
        """Count a file that waits to be read as received on a later night, since its own night did not read it."""
        of_it = received_file.c.file_id == of_file
        with self._writing() as connection:
            file = connection.execute(select(received_file).where(of_it)).one()
            if file.night < night:
                seq = _next_seq(connection, file.unit_code, night)
                connection.execute(update(received_file).where(of_it).values(night=night, received_seq=seq))
            return _received(connection.execute(select(received_file).where(of_it)).one())

    def rivals(self, submission: Submission) -> list[Submission]:
        """The parts for which `arrange` needs the overlap with this submission; see `parts.rivals`."""
        known = self._known(submission)
        rivals = parts.rivals(submission.delivery, [delivery for _, delivery in known], submission.replace)
        ids = {rival.submission_id for rival in rivals}
        return [other for other, delivery in known if delivery.submission_id in ids]

    def arrange(self, submission: Submission, overlaps: Mapping[str, float | Fraction]) -> Arrangement:
        """What a submission that was read is to those before it; see `parts.arrange`. Writes nothing."""
        known = [delivery for _, delivery in self._known(submission)]
        return parts.arrange(submission.delivery, known, submission.replace, overlaps)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """One transaction for all that this thread writes by this ledger inside the block: all of it, or nothing."""
        with writing(self._engine) as connection:
            self._open_in.connection = connection
            try:
                yield
            finally:
                self._open_in.connection = None

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        if (already := getattr(self._open_in, "connection", None)) is not None:
            yield already
            return
        with writing(self._engine) as connection:
            yield connection

    def settle(
        self, of_submission: str, outcome: Outcome, *, accepted: int = 0, set_aside: int = 0,
        out_of_scope: int = 0, reason: str = "", scope_digest: str | None = None,
    ) -> Submission:  # fmt: skip
        """Record what became of a submission, and which part of its name holds now. May be called again.

        A repeated one counts no rows. Raises BalanceError when accepted + set aside + out of scope is not rows read.
        """
        with self._writing() as connection:
            [old] = _submissions(connection, submission_table.c.submission_id == of_submission)
            rows_read = 0 if outcome == "repeated" else old.rows_read
            if rows_read != accepted + set_aside + out_of_scope:
                raise BalanceError(
                    f"{old.unit_code}《{old.file_name}》{old.kind}：读了 {rows_read} 行，"
                    f"接收 {accepted} + 搁置 {set_aside} + 范围外 {out_of_scope} 与它不等"
                )
            values = {
                "outcome": outcome, "rows_read": rows_read, "rows_accepted": accepted, "rows_set_aside": set_aside,
                "rows_out_of_scope": out_of_scope, "reason": reason, "scope_digest": scope_digest,
            }  # fmt: skip
            connection.execute(
                update(submission_table).where(submission_table.c.submission_id == of_submission).values(**values)
            )
            _supersede(connection, old)
            [new] = _submissions(connection, submission_table.c.submission_id == of_submission)
            return new

    def submissions(
        self, *, unit_code: str | None = None, kind: str | None = None, night: date | None = None,
        outcome: Outcome | None = None, file_id: str | None = None,
    ) -> list[Submission]:  # fmt: skip
        """Submissions in order of receipt; `outcome="read"` gives those that wait to be judged."""
        asked = {"unit_code": unit_code, "kind": kind, "night": night, "outcome": outcome, "file_id": file_id}
        with looking(self._engine) as connection:
            return _submissions(
                connection, *(submission_table.c[name] == value for name, value in asked.items() if value is not None)
            )

    def in_force(self, *, kind: str | None = None, unit_code: str | None = None) -> list[Submission]:
        """The submissions that the build reads: accepted, wholly or in part, and not superseded; of all periods."""
        return [
            submission
            for submission in self.submissions(kind=kind, unit_code=unit_code)
            if submission.kind and submission.status in TAKEN
        ]

    def as_of(
        self, day: date, judged_on: Mapping[str, date] | None = None, without: Collection[str] = ()
    ) -> list[Submission]:
        """Submissions that had arrived by the night of `day`, in order of receipt, superseded only by others of them.

        A submission that was confirmed after `day` is still held here. The journal alone knows when a later part made a
        held roster whole: `judged_on` gives submission → the night on which it was first judged. `without`: submissions
        that are given as if they were held.
        """
        with looking(self._engine) as connection:
            rows = connection.execute(
                select(confirmation_table.c.submission_id, sa.func.min(confirmation_table.c.decided_on)).group_by(
                    confirmation_table.c.submission_id
                )
            )
            taken_on: dict[str, date] = {row[0]: row[1] for row in rows} | dict(judged_on or {})
        arrived = [
            _as_held(each)
            if each.outcome in TAKEN
            and (each.submission_id in without or taken_on.get(each.submission_id, each.night) > day)
            else each
            for each in self.submissions()
            if each.night <= day
        ]
        rosters: dict[tuple[str, str | None, str], list[Submission]] = {}
        for each in arrived:
            rosters.setdefault((each.unit_code, each.kind, each.period), []).append(each)
        later_of: dict[str, str] = {}
        for mine in rosters.values():
            taken = [each.delivery for each in mine if each.outcome in TAKEN]
            later_of |= parts.superseded_by(taken, mine[0].replace)
            later_of |= parts.answered_by([each.delivery for each in mine if each.outcome == "held"], taken)
        return [replace(each, superseded_by=later_of.get(each.submission_id)) for each in arrived]

    # ---- what people confirm

    def confirm(self, of_submission: str, *, by_whom: str, reason: str, decided_on: date) -> Submission:
        """Record that a held submission is right as it is; nights from `decided_on` on take it.

        Of two confirmations for one day the later one stands. Raises MonitorError for a submission that is not held.
        """
        with self._writing() as connection:
            found = _submissions(connection, submission_table.c.submission_id == of_submission)
            if not found or found[0].status != "held":
                raise MonitorError(f"没有扣住、待确认的报送“{of_submission}”；编号见 monitor status")
            _say(connection, confirmation_table, of_submission, by_whom, reason, decided_on)
            return found[0]

    def confirm_gap(self, of_what: str, *, by_whom: str, reason: str, decided_on: date) -> None:
        """Record that no person is missing because of a submission or a file left in the inbox; it holds for nights from `decided_on` on.

        Of two confirmations for one day the later one stands. Raises MonitorError for an unknown id.
        """
        with self._writing() as connection:
            is_left = select(left_table.c.left_id).where(left_table.c.left_id == of_what)
            if not connection.execute(is_left).first() and not _submissions(
                connection, submission_table.c.submission_id == of_what
            ):
                raise MonitorError(f"没有编号为“{of_what}”的报送；编号见 monitor status")
            _say(connection, gap_table, of_what, by_whom, reason, decided_on)

    def confirmed(self, day: date) -> dict[str, str]:
        """Held submission that was confirmed up to a day → who confirmed it, when and why, in Chinese."""
        return self._said_by(confirmation_table, day)

    def let_go_on(self, day: date) -> list[Submission]:
        """Held submissions that came, and that the data officer confirmed, up to a day."""
        confirmed = self.confirmed(day)
        held = [each for each in self.submissions(outcome="held") if each.status == "held" and each.night <= day]
        return [each for each in held if each.submission_id in confirmed]

    def confirmed_gaps(self, day: date) -> dict[str, str]:
        """Submission or left file whose gap was confirmed up to a day → who confirmed it, when and why, in Chinese."""
        return self._said_by(gap_table, day)

    def _said_by(self, table: sa.Table, day: date) -> dict[str, str]:
        query = select(table).where(table.c.decided_on <= day).order_by(table.c.decided_on)
        with looking(self._engine) as connection:
            rows = connection.execute(query).all()
        return {row.submission_id: f"{row.by_whom} {row.decided_on} 确认：{row.reason}" for row in rows}

    def add_waiver(
        self, issue_id: str, *, unit_code: str, kind: str, by_whom: str, reason: str, decided_on: date, expires_on: date,
        source: str,
    ) -> None:  # fmt: skip
        """Record that a fault stands as written from `decided_on` until the day before `expires_on`; a later waiver replaces it."""
        values = {
            "expires_on": expires_on, "unit_code": unit_code, "kind": kind, "by_whom": by_whom, "reason": reason,
            "source": source,
        }  # fmt: skip
        same = (waiver_table.c.issue_id == issue_id, waiver_table.c.decided_on == decided_on)
        with self._writing() as connection:
            connection.execute(delete(waiver_table).where(*same))
            connection.execute(insert(waiver_table).values(issue_id=issue_id, decided_on=decided_on, **values))

    def waivers(self, day: date) -> dict[str, Waiver]:
        """issue_id → the waiver that holds on a day: the last one up to it, unless that has expired."""
        query = select(waiver_table).where(waiver_table.c.decided_on <= day)
        with looking(self._engine) as connection:
            rows = connection.execute(query.order_by(waiver_table.c.decided_on, waiver_table.c.issue_id)).all()
        last = {row.issue_id: Waiver(**row._mapping) for row in rows}
        return {issue_id: each for issue_id, each in last.items() if day < each.expires_on}

    def waivers_changed(self, day: date) -> set[tuple[str, str]]:
        """(unit, kind) whose waivers differ from those of the night before: some are new, or expired."""
        nights = [each.run_date for each in self.nights() if each.run_date < day]
        with looking(self._engine) as connection:
            rows = connection.execute(select(waiver_table)).all()
        return {
            (row.unit_code, row.kind)
            for row in rows
            if row.decided_on == day
            or (row.source == COMMAND and (not nights or nights[-1] <= row.decided_on < day))
            or (nights and nights[-1] < row.expires_on <= day)
        }

    # ---- nights

    def begin_night(self, run_date: date, *, owner: str, at: datetime) -> None:
        """Record that `owner` runs the night of `run_date`; a later run of the same night replaces it."""
        values: dict[str, Any] = {
            "started_at": at,
            "finished_at": None,
            "state": "running",
            "owner": owner,
            "counts": {},
        }
        with self._writing() as connection:
            connection.execute(delete(night_table).where(night_table.c.run_date == run_date))
            connection.execute(insert(night_table).values(run_date=run_date, **values))

    def finish_night(
        self, run_date: date, state: Literal["done", "failed"], *, at: datetime, counts: Mapping[str, int]
    ) -> None:
        """Record how the night ended."""
        values = {"finished_at": at, "state": state, "counts": dict(counts)}
        with self._writing() as connection:
            connection.execute(update(night_table).where(night_table.c.run_date == run_date).values(**values))

    def nights(self) -> list[Night]:
        """Every night ever run, by date."""
        with looking(self._engine) as connection:
            return [Night(*row) for row in connection.execute(select(night_table).order_by(night_table.c.run_date))]

    def state_of(self, run_date: date) -> NightState | None:
        """How a night ended, or `running`; None when it never began."""
        return next((each.state for each in self.nights() if each.run_date == run_date), None)

    def forget(self, file_ids: Sequence[str]) -> None:
        """Remove files that were purged, with their submissions, confirmations and waivers."""
        of_them = select(submission_table.c.submission_id).where(submission_table.c.file_id.in_(file_ids))
        with self._writing() as connection:
            connection.execute(delete(confirmation_table).where(confirmation_table.c.submission_id.in_(of_them)))
            connection.execute(delete(waiver_table).where(waiver_table.c.source.in_(file_ids)))
            connection.execute(delete(submission_table).where(submission_table.c.file_id.in_(file_ids)))
            connection.execute(delete(received_file).where(received_file.c.file_id.in_(file_ids)))

    # ---- databases

    def record_source(
        self, run_date: date, source: str, state: SourceState, *, rows: int = 0, reason: str = "", at: datetime
    ) -> None:
        """Record what became of a database source on a night; a later attempt replaces it."""
        of_it = (source_table.c.run_date == run_date, source_table.c.source == source)
        with self._writing() as connection:
            connection.execute(delete(source_table).where(*of_it))
            connection.execute(
                insert(source_table).values(
                    run_date=run_date, source=source, state=state, rows=rows, reason=reason, at=at
                )
            )

    def sources(self, run_date: date) -> dict[str, tuple[SourceState, int, str]]:
        """Source → (state, rows, reason) on a night, without the sources that were not asked yet."""
        query = select(source_table).where(source_table.c.run_date == run_date).order_by(source_table.c.source)
        with looking(self._engine) as connection:
            return {row.source: (row.state, row.rows, row.reason) for row in connection.execute(query)}

    def record_left(self, run_date: date, found: Sequence[tuple[str, str, str]]) -> None:
        """Record the files that a night did not take from the inbox: (unit_code, file name, sort as `inbox.Sort`).

        A file that was there on the night before too is the same one. After a night without it, it counts as a new one.
        """
        with self._writing() as connection:
            nights = select(sa.func.max(night_table.c.run_date)).where(night_table.c.run_date < run_date)
            before = connection.execute(nights).scalar() or run_date
            known = {(each.unit_code, each.file_name, each.sort): each for each in _left(connection, before)}
            for unit_code, file_name, sort in sorted(set(found)):
                if (old := known.get((unit_code, file_name, sort))) and old.first_on <= run_date:
                    last = max(old.last_on, run_date)
                    connection.execute(
                        update(left_table).where(left_table.c.left_id == old.left_id).values(last_on=last)
                    )
                    continue
                row = LeftFile(
                    _short_hash(unit_code, file_name, sort, run_date.isoformat()), unit_code, file_name, sort, run_date, run_date
                )  # fmt: skip
                connection.execute(insert(left_table).values(**asdict(row)))

    def left(self, day: date) -> list[LeftFile]:
        """Files that were not taken on the nights up to a day, the earliest first, whether they are still there or not."""
        with looking(self._engine) as connection:
            found = _left(connection)
        return [each for each in found if each.first_on <= day]

    # ---- the whole of it

    def digests(self) -> dict[str, str]:
        """Unit → SHA-256 over its rows in the ledger; database source → SHA-256 over what became of it on each night.

        The rows of a unit: files, files left in the inbox, submissions, waivers in its files, filled-in lists, their lines.
        """
        with looking(self._engine) as connection:
            of_files = connection.execute(select(waiver_table).where(waiver_table.c.source != COMMAND)).all()
            of_sources = connection.execute(select(source_table)).all()
        held: list[Any] = [*self.files(), *self.left(date.max), *self.submissions(), *self.decisions.files()]
        told: list[tuple[str, list[Any]]] = [
            *((each.unit_code, _values(each)) for each in held),
            *((each.unit_code, list(each)) for each in of_files),
            *((each.source, list(each)) for each in of_sources),
            *((file.unit_code, [of_line, *_values(line)]) for file, of_line, line in self.decisions.lines(date.max)),
        ]
        rows: dict[str, list[str]] = {}
        for unit, values in told:
            rows.setdefault(unit, []).append(json.dumps(values, ensure_ascii=False, sort_keys=True, default=str))
        return {
            unit: hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest() for unit, lines in sorted(rows.items())
        }

    @staticmethod
    def form() -> str:
        """A hash of the columns that `digests` goes over. Digests of two versions can be compared only where it is equal."""
        columns = [
            [each.name for each in fields(of)]
            for of in (ReceivedFile, LeftFile, Submission, DecisionFile, DecisionLine)
        ]
        columns += [[column.name for column in table.columns] for table in (waiver_table, source_table)]
        return hashlib.sha256(json.dumps(columns).encode()).hexdigest()[:16]

    def said(self) -> set[tuple[str, ...]]:
        """What the data officer said on the command line: (confirmed or confirmed_gap, id, day, who, why), (excepted, …, until)."""
        with looking(self._engine) as connection:
            confirmed = connection.execute(select(confirmation_table)).all()
            gaps = connection.execute(select(gap_table)).all()
            excepted = connection.execute(select(waiver_table).where(waiver_table.c.source == COMMAND)).all()
        return {
            *(("confirmed", each.submission_id, str(each.decided_on), each.by_whom, each.reason) for each in confirmed),
            *(("confirmed_gap", each.submission_id, str(each.decided_on), each.by_whom, each.reason) for each in gaps),
            *(
                ("excepted", each.issue_id, str(each.decided_on), each.by_whom, each.reason, str(each.expires_on))
                for each in excepted
            ),
        }

    def dangling(self) -> list[str]:
        """Sentences in Chinese about rows that refer to a missing row: SQLite checks that only while the pragma is on."""
        said = []
        with looking(self._engine) as connection:
            for table in metadata.sorted_tables:
                for key in sorted(table.foreign_keys, key=lambda each: each.parent.name):
                    there = select(key.column).where(key.column == key.parent)
                    count = connection.execute(
                        select(func.count()).select_from(table).where(key.parent.is_not(None), ~there.exists())
                    ).scalar_one()
                    if count:
                        said.append(
                            f"运行记录库里有 {count} 条 {table.name} 在 {key.column.table.name} 里没有对应的一条"
                        )
        return said

    def write_anew(self) -> None:
        """Leave nothing of removed rows in the database's tables (`tables.write_anew`); not in its own logs and copies."""
        write_anew(self._engine)

    # ---- keys and the journal

    def seal_anew(self) -> None:
        """Seal all sealed values again, with the first of the keys with which this ledger was opened."""
        seal_anew(self._engine)

    def remember_journal(self, seq: int, digest: str) -> None:
        """Remember where the journal ends: so lines cut off at its end are noticed."""
        with self._writing() as connection:
            connection.execute(delete(journal_table))
            connection.execute(insert(journal_table).values(id=1, seq=seq, hash=digest))

    def journal_head(self) -> tuple[int, str] | None:
        """(seq, hash) of the journal line that was remembered last; None when there is none."""
        with looking(self._engine) as connection:
            row = connection.execute(select(journal_table.c.seq, journal_table.c.hash)).one_or_none()
            return None if row is None else (int(row.seq), str(row.hash))

    # ---- within

    def _known(self, submission: Submission) -> list[tuple[Submission, Delivery]]:
        """Others of the same unit and kind: taken or held ones, and earlier ones that still wait to be judged."""
        known = []
        for other in self.submissions(unit_code=submission.unit_code, kind=submission.kind):
            if other.outcome in (*TAKEN, "held"):
                known.append((other, other.delivery))
            elif other.outcome == "read" and other.received_seq < submission.received_seq:
                known.append((other, replace(other.delivery, is_held=True)))
        return known


def _values(row: Any) -> list[Any]:
    return [getattr(row, each.name) for each in fields(row)]


def _say(
    connection: Connection, table: sa.Table, of_submission: str, by_whom: str, reason: str, decided_on: date
) -> None:
    connection.execute(delete(table).where(table.c.submission_id == of_submission, table.c.decided_on == decided_on))
    row = {"submission_id": of_submission, "decided_on": decided_on, "by_whom": by_whom, "reason": reason}
    connection.execute(insert(table).values(**row))


def _next_seq(connection: Connection, unit_code: str, night: date) -> int:
    first = night.toordinal() * _PER_NIGHT
    last = connection.execute(
        select(sa.func.max(received_file.c.received_seq)).where(
            received_file.c.unit_code == unit_code, received_file.c.received_seq.between(first, first + _PER_NIGHT - 1)
        )
    ).scalar()
    return first + 1 if last is None else int(last) + 1


def _received(row: sa.Row[Any]) -> ReceivedFile:
    return ReceivedFile(**row._mapping)


def _as_held(submission: Submission) -> Submission:
    """The submission as it was while it was held: all its rows set aside."""
    nothing: dict[str, Any] = {"rows_accepted": 0, "rows_set_aside": submission.rows_read, "rows_out_of_scope": 0}
    return replace(submission, outcome="held", reason="", **nothing)


def _delivery(submission: Submission) -> Delivery:
    return submission.delivery


def _submissions(connection: Connection, *where: Any) -> list[Submission]:
    order = (submission_table.c.received_seq, submission_table.c.unit_code, submission_table.c.submission_id)
    query = select(*(submission_table.c[field.name] for field in fields(Submission))).where(*where).order_by(*order)
    return [Submission(*row) for row in connection.execute(query)]


def _left(connection: Connection, since: date | None = None) -> list[LeftFile]:
    """Files that were not taken; with `since`, only those that were there on that day or later."""
    query = select(*(left_table.c[field.name] for field in fields(LeftFile))).order_by(
        left_table.c.first_on, left_table.c.left_id
    )
    if since is not None:
        query = query.where(left_table.c.last_on >= since)
    return [LeftFile(*row) for row in connection.execute(query)]


def _as_row(file: ReceivedFile, reading: Reading, contracts: Mapping[str, ReadBy]) -> dict[str, Any]:
    refusal = reading.refusal
    by = contracts[reading.kind] if reading.kind else ReadBy("", "key")
    return {
        **_row_of_file(file),
        "submission_id": submission_id(file.file_id, reading.kind), "kind": reading.kind,
        "period": reading.period or "", "rows_read": reading.rows_read,
        "rows_set_aside": reading.rows_read if refusal else 0,
        "outcome": "refused" if refusal else "read", "reason": refusal.reason if refusal else "",
        "reading": reading.as_json(),
        "contract_digest": by.digest, "replace": by.replace,
    }  # fmt: skip


def _row_of_file(file: ReceivedFile) -> dict[str, Any]:
    return {
        "file_id": file.file_id, "unit_code": file.unit_code, "file_name": file.file_name, "sha256": file.sha256,
        "received_at": file.received_at, "night": file.night, "received_seq": file.received_seq, "kind": None,
        "period": "", "rows_read": 0, "rows_accepted": 0, "rows_set_aside": 0, "rows_out_of_scope": 0,
        "superseded_by": None, "reading": {}, "contract_digest": "", "scope_digest": None,
        "replace": "key",
    }  # fmt: skip


def _record_repeat(connection: Connection, file: ReceivedFile, received_at: datetime, night: date) -> None:
    """Record a submission of its own for a file that came again: without rows; its reason says when the file first came."""
    of_repeat = _short_hash(file.file_id, "repeated", night.isoformat())
    if not _submissions(connection, submission_table.c.submission_id == of_repeat):
        row = _row_of_file(file) | {
            "submission_id": of_repeat, "received_at": received_at, "night": night, "outcome": "repeated",
            "reason": f"与 {file.night.isoformat()} 收到的同一份文件完全相同，只计一次",
            "received_seq": night.toordinal() * _PER_NIGHT,
        }  # fmt: skip
        connection.execute(insert(submission_table).values(**row))


def _is_receipt(submission: Submission) -> bool:
    """Whether a submission only records that its file came again; what was read is in the file's other submissions."""
    return submission.submission_id != submission_id(submission.file_id, submission.kind)


def _supersede(connection: Connection, of: Submission) -> None:
    """Work out again which part replaces which, for all parts of this submission's roster."""
    roster = (
        submission_table.c.unit_code == of.unit_code, submission_table.c.kind == of.kind, submission_table.c.period == of.period
    )  # fmt: skip
    taken = [other for other in _submissions(connection, *roster) if other.outcome in TAKEN]
    later_of = parts.superseded_by(map(_delivery, taken), of.replace)
    held = [other for other in _submissions(connection, *roster) if other.outcome == "held"]
    later_of |= parts.answered_by(map(_delivery, held), list(map(_delivery, taken)))
    connection.execute(update(submission_table).where(*roster).values(superseded_by=None))
    for old, new in sorted(later_of.items()):
        connection.execute(
            update(submission_table).where(submission_table.c.submission_id == old).values(superseded_by=new)
        )
