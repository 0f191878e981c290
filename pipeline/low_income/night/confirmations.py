"""Confirmations by the data officer: a held roster is right, a submission leaves nobody out, a fault is right as written."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from low_income.model import MonitorError
from low_income.records import access, bookkeeping
from low_income.settings import contracts


def confirm_submission(home_dir: Path, submission_id: str, *, by_whom: str, reason: str, day: date) -> dict[str, Any]:
    """Confirm, for nights from `day` on, that a held roster is right, or that nobody is missing because of a submission.

    Raises MonitorError when the submission is neither held nor makes a list incomplete.
    """
    from low_income.night import rosters  # noqa: PLC0415 - not needed to begin a night

    home, ledger = access.open_whole(home_dir)
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
        missing = rosters.gaps(home, ledger, ledger.as_of(day), day)
        of_it = [gap for gap in missing if gap.submission_id == submission_id]
        if not of_it:
            raise MonitorError(
                f"编号为“{submission_id}”的报送没有扣住、待确认，也没有使名单不完整；编号见 monitor status"
            )
        ledger.confirm_gap(submission_id, **words)
        what, unit, name, rows = "confirmed_gap", of_it[0].unit_code, of_it[0].file_name, 0
        lists = [f"{titles[gap.kind]} {gap.period}".rstrip() for gap in of_it]
    about = {"submission_id": submission_id, "by_whom": by_whom, "reason": reason, "night": day.isoformat()}
    bookkeeping.audit(home, ledger, what, about, who=by_whom)
    return {
        "submission_id": submission_id, "unit": home.units[unit].name, "file_name": name, "what": what, "lists": lists,
        "rows": rows, "night": day.isoformat(),
    }  # fmt: skip


def waive_issue(
    home_dir: Path, issue_id: str, *, by_whom: str, reason: str, until: date | None, day: date
) -> dict[str, Any]:
    """Confirm that a fault is right as written, until a day (policy: exception_validity). Raises MonitorError when it cannot hold."""
    from low_income.night import waivers  # noqa: PLC0415 - brings pandas

    home, ledger = access.open_whole(home_dir)
    said = waivers.grant(home, ledger, day, issue_id, by_whom=by_whom.strip(), reason=reason.strip(), until=until)
    known = ledger.waivers(day)[said["issue_id"]]
    about = asdict(known) | {"night": day.isoformat()}
    about |= {"decided_on": day.isoformat(), "expires_on": known.expires_on.isoformat()}
    bookkeeping.audit(home, ledger, "excepted", about, who=known.by_whom)
    return said
