"""Deliveries: which submissions are judged together tonight, and what a new one is to those already taken.

The rules themselves are in `parts.py`; here they meet the ledger, the archive and the people in the files.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import contracts, values
from pipeline.checks import Part
from pipeline.home import Home
from pipeline.ledger import Ledger, Submission
from pipeline.ledger.parts import part_name, superseded_by
from pipeline.model import MonitorError, Reading

if TYPE_CHECKING:
    import duckdb

ReadAgain = Callable[[Submission], list[Reading]]
"""Reads a submission's file from the archive once more."""


def decide(con: duckdb.DuckDBPyConnection, home: Home, ledger: Ledger, day: date, kinds: list[str]) -> list[Submission]:
    """The waiting submissions that are to be judged; repeats and unanswered questions are settled here."""
    fresh = []
    for submission in [each for kind in kinds for each in ledger.submissions(kind=kind, outcome="read")]:
        rivals = ledger.rivals(submission)
        overlaps = {rival.submission_id: _overlap(con, home, submission, rival, day) for rival in rivals}
        decision = ledger.decide(submission, overlaps)
        if decision.outcome == "repeated":
            ledger.settle(submission.submission_id, "repeated", reason=decision.reason)
        elif decision.outcome == "asks":
            reason = f"{decision.reason}。{decision.fix}" if decision.fix else decision.reason
            ledger.settle(submission.submission_id, "refused", set_aside=submission.rows_read, reason=reason)
        else:
            fresh.append(submission)
    return fresh


def _overlap(con: duckdb.DuckDBPyConnection, home: Home, new: Submission, old: Submission, day: date) -> float:
    """Share of people that two files of one kind have in common, of the smaller of the two."""
    kind = contracts.load().kinds[new.kind or ""]
    number = kind.person.id_number
    con.execute(
        f"create or replace temp view new_rows as select * from {_parquet(Path(str(new.reading['rows_path'])))}"
    )
    ids = values.parse_ids(con, "new_rows", number, day)
    old_rows = _parquet(home.accepted / kind.name / f"{old.submission_id}.parquet")
    found = con.execute(
        f"""with new_people as (select distinct {number} as id_number from {ids} where {number} is not null),
            old_people as (select distinct {number} as id_number from {old_rows})
        select (select count(*) from new_people semi join old_people using (id_number)),
            least((select count(*) from new_people), (select count(*) from old_people))"""
    ).fetchall()
    common, smaller = found[0]
    return common / smaller if smaller else 0.0


def together(
    ledger: Ledger,
    fresh: list[Submission],
    family: str,
    day: date,
    *,
    reads_again: Callable[[str, str], bool],
    read_again: ReadAgain,
) -> list[Part]:
    """What is to be judged: the fresh submissions, and every other part in force of the deliveries they belong to.

    `reads_again` says of (kind, submission id) in force whether it must be judged once more, since whose rows may be kept
    has changed; the parts of its delivery are then judged with it.
    """
    known = contracts.load()
    kinds = known.families()[family]
    settled = [each for kind in kinds for each in ledger.in_force(kind=kind) if each.night <= day]
    touched = {_group(each) for each in fresh}
    touched |= {_group(each) for each in settled if reads_again(each.kind or "", each.submission_id)}
    again = [each for each in settled if _group(each) in touched]
    judged = sorted({each.submission_id: each for each in [*again, *fresh]}.values(), key=_order)
    replaced = superseded_by([each.delivery for each in judged], known.kinds[kinds[0]].replace)
    parts = []
    for order, submission in enumerate(judged):
        reading = Reading.from_json(submission.reading)
        if submission not in fresh:
            reading = _again(submission, read_again)
        group = _group(submission)
        if submission.submission_id in replaced:
            # Replaced in the same night: judged by itself, so that its rows are accounted for, and twins nobody.
            group += f"|{submission.submission_id}"
        parts.append(
            Part(
                submission.submission_id, submission.unit_code, submission.kind or "", group, submission.file_name,
                order, reading, part_name(submission.file_name) if submission.replace == "key" else "",
            )
        )  # fmt: skip
    return parts


def _order(submission: Submission) -> tuple[str, str, str]:
    """Order of parts within a night: by what they are, not by when they came."""
    return submission.unit_code, part_name(submission.file_name), submission.submission_id


def _group(submission: Submission) -> str:
    """Parts of one group are one delivery."""
    kind = contracts.load().kinds[submission.kind or ""]
    if kind.replace == "key":
        return f"{submission.unit_code}|{kind.family}|{submission.night.isoformat()}"
    return f"{submission.unit_code}|{kind.family}|{submission.period}"


def _again(submission: Submission, read_again: ReadAgain) -> Reading:
    for reading in read_again(submission):
        if reading.kind == submission.kind and reading.refusal is None:
            return reading
    raise MonitorError(
        f"{submission.unit_code}《{submission.file_name}》以前读过,现在从档案中读不出来了;请看约定(expectations/)是否改过"
    )


def _parquet(path: Path) -> str:
    return f"read_parquet('{str(path).replace(chr(39), chr(39) * 2)}')"
