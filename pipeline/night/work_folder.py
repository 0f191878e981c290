"""What a night keeps in work/ until it ends: error lines, marks of what was given back, the release that is built."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from pipeline.records.ledger import Ledger, Submission
from pipeline.settings.home import Home

GIVE_BACK_AGAIN = ".again"
"""`work/<unit>.again` says that copies of a unit were written before the build held one of its files, or one judged with it."""


GIVEN_BACK = ".given_back"
"""`work/<file_id>.given_back` says that the copy of a file is written; so that a night taken up again goes on from there."""


def issues_path(home: Home, submission: Submission) -> Path:
    """Where the error lines of a submission that was judged tonight lie."""
    return home.work / f"{submission.submission_id}.issues.parquet"


def built(home: Home, day: date) -> Path:
    """The folder in which the release of a night is built."""
    return home.work / f"release-{day.isoformat()}"


def unfinished_nights(ledger: Ledger, day: date) -> set[date]:
    """The night and the one before it, unless they ended well."""
    nights = {each.run_date: each.state for each in ledger.nights() if each.run_date <= day}
    asked = {day, max((night for night in nights if night < day), default=day)}
    return {night for night in asked if nights.get(night, "done") != "done"}


def clear_work(home: Home) -> None:
    """Throw away what a night or somebody's forgetting left in work/, but for the marks of the files that were given back."""
    for path in sorted(home.work.iterdir()):
        if path.suffix != GIVEN_BACK:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def empty_work(home: Home) -> None:
    """What a night had in work/ is of that night alone: who is in scope, what was judged, which copies are written."""
    shutil.rmtree(home.work)
    home.work.mkdir(mode=0o700)
