"""Waivers: a person confirms that a fault is right as written, with a reason and an expiry.

A sender does so on the returned sheet 问题清单, the data officer with `monitor except`. Both are data in the ledger. While
a waiver holds, its line is `excepted`, is asked no more, and the value counts. This module says which faults may be
confirmed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd

from low_income.model import NO_NUMBER_YET, NOT_CONFIRMED, Confirmation, MonitorError
from low_income.night import issues
from low_income.records.ledger import COMMAND, Ledger, ReceivedFile
from low_income.settings import contracts
from low_income.settings.home import Home


def take_answers(
    home: Home, ledger: Ledger, day: date, file: ReceivedFile, answers: Sequence[Confirmation]
) -> list[str]:
    """Write a sender's answers into the ledger. Returns Chinese sentences for the next copy: what was taken, and what could not be."""
    lines = _confirmable(home, ledger, day, file.unit_code)
    said: list[str] = []
    taken = 0
    with ledger.at_once():
        for answer in answers:
            place = f"“问题清单”第{answer.row_number}行"
            where = f"{place}{NOT_CONFIRMED}"
            if not answer.issue_id:
                said.append(f"{where}请在“逐处清单”里标“请确认”的那一行上选“是”；标“退回”的要改正，不能确认")
            elif answer.issue_id not in lines.index:
                said.append(f"{place}的确认用不上：这个问题已经没有了，或者不能用确认代替改正")
            elif not answer.reason or not answer.by_whom:
                said.append(f"{where}要同时写明确认原因和确认人")
            else:
                ledger.add_waiver(
                    answer.issue_id, unit_code=file.unit_code, kind=str(lines.at[answer.issue_id, "kind"]),
                    by_whom=answer.by_whom, reason=answer.reason, decided_on=day, expires_on=_expiry(home, day),
                    source=file.file_id,
                )  # fmt: skip
                taken += 1
    if taken:
        said.insert(0, f"收到 {taken} 处确认，有效到 {_expiry(home, day)} 之前；这些格按您填的采用，不再提示")
    return said


def grant(
    home: Home, ledger: Ledger, day: date, issue_id: str, *, by_whom: str, reason: str, until: date | None
) -> dict[str, Any]:
    """Record the data officer's waiver for one line, from `day` until the day before `until`. Raises MonitorError when it is not possible."""
    if not by_whom or not reason:
        raise MonitorError("要写明是谁确认的（--by）和原因（--because）")
    if until is not None and until <= day:
        raise MonitorError("截止日期（--until）应晚于今天")
    lines = _confirmable(home, ledger, day, None)
    found = lines[lines.index.str.startswith(issue_id)] if len(issue_id) >= 8 else lines.iloc[:0]
    if len(found) != 1:
        raise MonitorError(
            "没有这一条问题，或者它不能用确认代替改正；编号在预警库的 validation_issue 表，写全或至少前 8 位"
        )
    line, expires_on = found.iloc[0], until or _expiry(home, day)
    ledger.add_waiver(
        str(found.index[0]), unit_code=str(line["unit_code"]), kind=str(line["kind"]), by_whom=by_whom, reason=reason,
        decided_on=day, expires_on=expires_on, source=COMMAND,
    )  # fmt: skip
    return {"issue_id": str(found.index[0]), "unit": home.units[str(line["unit_code"])].name,
            "file_name": str(line["file_name"]), "rule": str(line["rule"]), "expires_on": expires_on.isoformat()}  # fmt: skip


def _confirmable(home: Home, ledger: Ledger, day: date, unit: str | None) -> pd.DataFrame:
    """Open lines that may be confirmed, by issue_id: lines that ask for confirmation, and people without a number yet (newborns)."""
    submissions = [each for each in ledger.submissions(unit_code=unit) if each.night <= day and each.outcome != "read"]
    lines = issues.issues_as_of(home, submissions, (), day)
    kinds = contracts.load().kinds
    asks = lines["severity"].eq("confirm") & lines["kind"].isin(list(kinds)) & ~lines["rule"].str.startswith("file.")
    has_none = lines["rule"].str.endswith(f".{NO_NUMBER_YET}")
    return lines[(asks | has_none) & lines["state"].ne("fixed")].set_index("issue_id")


def _expiry(home: Home, day: date) -> date:
    """The first day on which a waiver given on `day` no longer holds."""
    months = int(home.policy.value("exception_validity", day).value)
    later: date = (pd.Timestamp(day) + pd.DateOffset(months=months)).date()
    return later
