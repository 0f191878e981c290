"""Deliveries: which submissions are judged together tonight, and what a new one is to those already taken.

The rules themselves are in `parts.py`; here they meet the ledger, the archive and the people in the files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import contracts, values
from pipeline.checks import Part
from pipeline.home import Home
from pipeline.ledger import Ledger, Submission
from pipeline.ledger.parts import is_shrunken, part_name, superseded_by
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


def hold_back(home: Home, ledger: Ledger, day: date, fresh: list[Submission], kinds: list[str]) -> list[Submission]:
    """Of the fresh submissions and those held before, what is to be judged tonight; shrunken rosters are held.

    A roster is all parts of a unit, kind and month. It is held against the same month's roster in force, else the
    newest month before it. A further part that makes it whole, or the data officer's word, lets what was held go on.
    """
    known = contracts.load().kinds
    monthly = [kind for kind in kinds if known[kind].period == "month"]
    confirmed = ledger.confirmed(day)
    shrunken = partial(
        is_shrunken,
        more_than_share=home.policy.value("volume_drop_ratio", day).value,
        more_than_rows=int(home.policy.value("volume_drop_rows", day).value),
    )
    judged = [each for each in fresh if each.kind not in monthly]
    rosters: dict[tuple[str, str, str], list[Submission]] = {}
    for kind in monthly:
        held = [each for each in ledger.submissions(kind=kind, outcome="held") if each.status == "held"]
        for each in [*held, *fresh]:
            if each.kind == kind and each.night <= day:
                rosters.setdefault((each.unit_code, kind, each.period), []).append(each)
    for (unit, kind, period), waiting in sorted(rosters.items()):
        in_force = [each for each in ledger.in_force(kind=kind, unit_code=unit) if each.night <= day]
        taken = [each for each in in_force if each.period == period]
        trusted = [each for each in waiting if each.submission_id in confirmed]
        news = [each for each in waiting if each not in trusted and each.outcome == "read"]
        before, of_month = _rows_before(in_force, taken + trusted, period)
        taken += trusted
        judged += trusted
        held = [each for each in waiting if each not in trusted and each.outcome == "held"]
        if not shrunken(_rows(taken + news), before):
            judged += news
            names = {part_name(each.file_name) for each in news}  # by its own name the ledger knows it is replaced
            for old in [each for each in held if names and part_name(each.file_name) not in names]:
                reason = "之后收到了完整的一份,以那一份为准"
                ledger.settle(old.submission_id, "refused", set_aside=old.rows_read, reason=reason)
        elif not shrunken(now := _rows(taken + news + held), before):
            judged += news + held
        else:
            gone = before - now
            reason = (
                f"{of_month}的名单有 {before} 行,这一份只有 {now} 行,少了 {gone} 行({gone * 100 // before}%),"
                "先扣住不用;上一份仍然有效"
            )
            for each in news:
                ledger.settle(each.submission_id, "held", set_aside=each.rows_read, reason=reason)
    return judged


def _rows_before(in_force: list[Submission], taken: list[Submission], period: str) -> tuple[int, str]:
    """(rows, month) of the roster that the month's new one is held against; 0 rows when there is none."""
    if taken:
        return _rows(taken), period
    earlier = max((each.period for each in in_force if each.period < period), default="")
    return sum(each.rows_read for each in in_force if each.period == earlier), earlier


def _rows(parts_of_roster: list[Submission]) -> int:
    """Rows of a roster's parts, each name's last one."""
    gone = superseded_by([replace(each.delivery, is_held=False) for each in parts_of_roster], "period")
    return sum(each.rows_read for each in parts_of_roster if each.submission_id not in gone)


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
    home: Home,
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
    for pair in ledger.exceptions_changed(day):  # what stands as written is judged anew, in the newest roster
        mine = [each for each in settled if (each.unit_code, each.kind) == pair]
        newest = max((each.period for each in mine), default="")
        touched |= {_group(each) for each in mine if each.period == newest}
    touched |= {_group(each) for each in settled if reads_again(each.kind or "", each.submission_id)}
    again = [each for each in settled if _group(each) in touched]
    judged = sorted({each.submission_id: each for each in [*again, *fresh]}.values(), key=_order)
    replaced = superseded_by([each.delivery for each in judged], known.kinds[kinds[0]].replace)
    parts = []
    for order, submission in enumerate(judged):
        is_read = submission.outcome == "read"
        reading = Reading.from_json(submission.reading) if is_read else _again(submission, read_again)
        group, before = _group(submission), _before(home, settled, submission)
        if submission.submission_id in replaced:
            # Replaced in the same night: judged by itself, so that its rows are accounted for, and twins nobody.
            group, before = f"{group}|{submission.submission_id}", ()
        parts.append(
            Part(
                submission.submission_id, submission.unit_code, submission.kind or "", group, submission.file_name,
                order, reading, part_name(submission.file_name) if submission.replace == "key" else "",
                before,
            )
        )  # fmt: skip
    return parts


def _before(home: Home, in_force: list[Submission], new: Submission) -> tuple[Path, ...]:
    """Accepted rows of the newest month before this one's, of the same unit and kind."""
    older = [
        each for each in in_force
        if (each.unit_code, each.kind) == (new.unit_code, new.kind) and each.period < new.period and each.rows_accepted
    ]  # fmt: skip
    last = max((each.period for each in older), default="")
    found = {home.accepted / str(new.kind) / f"{each.submission_id}.parquet" for each in older if each.period == last}
    return tuple(sorted(found))


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
