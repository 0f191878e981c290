"""The content of work/ until a night ends: error lines, marks of files given back, the release that is built."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from low_income.records.ledger import Ledger, Submission
from low_income.settings.home import Home

GIVE_BACK_AGAIN = ".again"
"""`work/<unit>.again` says that a unit's copies must be written again: a file of it, or one judged with it, was held later."""


GIVEN_BACK = ".given_back"
"""`work/<file_id>.given_back` says that the copy of a file is written, so that a night that is taken up goes on from there."""


def issues_path(home: Home, submission: Submission) -> Path:
    """The path of the error lines of a submission that was judged tonight."""
    return home.work / f"{submission.submission_id}.issues.parquet"


def built(home: Home, day: date) -> Path:
    """The folder in which the release of a night is built."""
    return home.work / f"release-{day.isoformat()}"


def unfinished_nights(ledger: Ledger, day: date) -> set[date]:
    """Those of this night and the last one before it that began and did not end well."""
    nights = {each.run_date: each.state for each in ledger.nights() if each.run_date <= day}
    asked = {day, max((night for night in nights if night < day), default=day)}
    return {night for night in asked if nights.get(night, "done") != "done"}


def clear_work(home: Home) -> None:
    """Remove what a night or a forgetting left in work/, except the marks of files that were given back."""
    for path in sorted(home.work.iterdir()):
        if path.suffix != GIVEN_BACK:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def empty_work(home: Home) -> None:
    """Remove everything in work/: scope, error lines and marks belong to one night alone."""
    shutil.rmtree(home.work)
    home.work.mkdir(mode=0o700)
