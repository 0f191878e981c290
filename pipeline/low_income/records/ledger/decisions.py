"""What people wrote in the lists that came back: each file once, each filled-in line for good.

A line is never changed; a later line holds in its place. Only two things remove: forgetting a person takes words out of
lines, and a purge removes a file with its lines. What people wrote is sealed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, delete, insert, select, update

from low_income.model import TAKEN_OUT, Refusal
from low_income.records.ledger.tables import decision_file, decision_line, looking

_PER_NIGHT = 1_000_000


@dataclass(frozen=True)
class DecisionFile:
    """One filled-in workbook of one unit."""

    file_id: str
    unit_code: str
    file_name: str
    sha256: str
    received_at: datetime
    night: date
    received_seq: int
    """Order of receipt: by night, then within the unit."""
    archived: str
    """Path of the original below the home."""
    state: Literal["received", "read", "answered"]
    sheets: list[dict[str, Any]]
    """Of each sheet that was read: `sheet`, `header_row`, and `columns` (field → 1-based column)."""
    refusal: dict[str, str] | None
    """`Refusal` as data, when nothing in the file could be read."""
    came_again: date | None
    """The last later night on which the same file came again."""


@dataclass(frozen=True)
class DecisionLine:
    """One filled-in line."""

    about: str
    """What it decides about: `warning`, `sample`, or `identity` (who is who)."""
    subject: str
    """Id of the warning, sample or question, as written."""
    result: str | None
    decided_on: date | None
    words: dict[str, str | None]
    """Measure, who decided, and note, in people's own words."""
    sheet: str
    row_number: int
    column: int
    """1-based column of the cell at fault; of the result when no cell is."""
    problem: str | None
    """What is wrong with the line by itself, in words for the clerk; None when it can be judged."""


_WRITTEN = ("subject", "words", "sheet", "problem")
"""Fields of a line that are in the sealed column `written`."""


class Decisions:
    """The part of the ledger about decisions; see `Ledger.decisions`."""

    def __init__(self, engine: Engine, writing: Callable[[], AbstractContextManager[Connection]]):
        self._engine = engine
        self._writing = writing

    def record_file(
        self, unit_code: str, file_name: str, *, sha256: str, received_at: datetime, night: date, archived: str
    ) -> DecisionFile:
        """Record that a file came. The same bytes from one unit count once; on a later night they are answered again.

        A file that could not be read before is read again.
        """
        of_file = _short_hash(unit_code, sha256)
        same = decision_file.c.file_id == of_file
        with self._writing() as connection:
            known = connection.execute(select(decision_file).where(same)).one_or_none()
            if known is None:
                row = {
                    "file_id": of_file, "unit_code": unit_code, "file_name": file_name, "sha256": sha256,
                    "received_at": received_at, "night": night, "archived": archived, "state": "received", "sheets": [],
                    "received_seq": _next_seq(connection, unit_code, night), "refusal": None, "came_again": None,
                }  # fmt: skip
                connection.execute(insert(decision_file).values(**row))
            elif known.refusal is not None:
                seq = _next_seq(connection, unit_code, night)
                anew = {"received_at": received_at, "night": night, "received_seq": seq}
                connection.execute(update(decision_file).where(same).values(state="received", refusal=None, **anew))
            elif known.night != night:
                state = "received" if known.state == "received" else "read"
                connection.execute(update(decision_file).where(same).values(state=state, came_again=night))
            return _file(connection.execute(select(decision_file).where(same)).one())

    def record_lines(
        self, of_file: str, lines: Sequence[DecisionLine], sheets: list[dict[str, Any]], refusal: Refusal | None = None
    ) -> None:
        """Record what was read in a file. Reading it again replaces what was recorded before."""
        rows = []
        for line in lines:
            told = asdict(line)
            written = {name: told.pop(name) for name in _WRITTEN}
            of_line = _short_hash(of_file, line.sheet, str(line.row_number))
            rows.append({"decision_id": of_line, "file_id": of_file, "written": written} | told)
        with self._writing() as connection:
            connection.execute(delete(decision_line).where(decision_line.c.file_id == of_file))
            if rows:
                connection.execute(insert(decision_line), rows)
            values = {
                "state": "read",
                "sheets": sheets,
                "refusal": {"code": refusal.code, "reason": refusal.reason, "fix": refusal.fix} if refusal else None,
            }
            connection.execute(update(decision_file).where(decision_file.c.file_id == of_file).values(**values))

    def answered(self, of_file: str) -> None:
        """Record that the unit has the answer to its file."""
        with self._writing() as connection:
            connection.execute(update(decision_file).where(decision_file.c.file_id == of_file).values(state="answered"))

    def forget(self, file_ids: Sequence[str]) -> None:
        """Remove files that were purged, and the lines in them."""
        with self._writing() as connection:
            for table in (decision_line, decision_file):
                connection.execute(delete(table).where(table.c.file_id.in_(file_ids)))

    def take_out_words(self, decision_ids: Sequence[str]) -> None:
        """Remove measure and note from lines about a person who is forgotten; who decided what, and when, stays."""
        with self._writing() as connection:
            of_them = decision_line.c.decision_id.in_(decision_ids)
            query = select(decision_line.c.decision_id, decision_line.c.written).where(of_them)
            for decision_id, written in connection.execute(query).all():
                told = {name: TAKEN_OUT for name, said in written["words"].items() if said and name != "decided_by"}
                same = decision_line.c.decision_id == decision_id
                changed = written | {"words": written["words"] | told}
                connection.execute(update(decision_line).where(same).values(written=changed))

    def files(self, *, state: str | None = None, night: date | None = None) -> list[DecisionFile]:
        """Files in order of receipt."""
        query = select(decision_file).order_by(decision_file.c.received_seq, decision_file.c.unit_code)
        if state is not None:
            query = query.where(decision_file.c.state == state)
        if night is not None:
            query = query.where(decision_file.c.night == night)
        with looking(self._engine) as connection:
            return [_file(row) for row in connection.execute(query)]

    def lines(self, until: date) -> list[tuple[DecisionFile, str, DecisionLine]]:
        """(file, decision_id, line) of all lines that came up to a night, in order of receipt."""
        names = [field.name for field in fields(DecisionLine) if field.name not in _WRITTEN]
        query = select(*(decision_line.c[name] for name in ("file_id", "decision_id", "written", *names)))
        files = {file.file_id: file for file in self.files() if file.night <= until}
        with looking(self._engine) as connection:
            found = [
                (files[of_file], decision_id, DecisionLine(**written, **dict(zip(names, line, strict=True))))
                for of_file, decision_id, written, *line in connection.execute(query)
                if of_file in files
            ]
        return sorted(found, key=lambda one: (one[0].received_seq, one[0].unit_code, one[2].sheet, one[2].row_number))


def _file(row: sa.Row[Any]) -> DecisionFile:
    return DecisionFile(**row._mapping)


def _next_seq(connection: Connection, unit_code: str, night: date) -> int:
    first = night.toordinal() * _PER_NIGHT
    mine = (
        decision_file.c.unit_code == unit_code,
        decision_file.c.received_seq.between(first, first + _PER_NIGHT - 1),
    )
    last = connection.execute(select(sa.func.max(decision_file.c.received_seq)).where(*mine)).scalar()
    return first + 1 if last is None else int(last) + 1


def _short_hash(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]
