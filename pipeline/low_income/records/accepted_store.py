"""The folder accepted/: one Parquet file of accepted rows for each submission, and the folders beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from low_income.records import agreement, journal
from low_income.records.ledger import Ledger, Submission
from low_income.settings import contracts
from low_income.settings.home import Home, digest_of

BESIDE_ACCEPTED = ("set_aside", "unproven")
"""Folders of accepted/ beside those of the kinds: rows set aside, and rows that lack only a usable number."""


def rows_path(home: Home, folder: str, name: str) -> Path:
    """Where the rows of a submission lie in accepted/; it need not exist.

    `folder`: its kind, or one of those beside them (`set_aside`, `unproven`, `validation_issue`, …). `name`: the
    submission_id; in a folder of another key, that key.
    """
    return home.accepted / folder / f"{name}.parquet"


def kind_names() -> list[str]:
    """Names of all kinds, sorted; each is a folder of accepted/."""
    return sorted(contracts.load().kinds)


def digests_of_parts(home: Home, kind: str, submission_id: str) -> dict[str, str | None]:
    """Path below the home → SHA-256, of each file that a submission may have in accepted/; None where there is no file."""
    paths = [rows_path(home, folder, submission_id) for folder in (kind, *BESIDE_ACCEPTED)]
    return {str(path.relative_to(home.root)): digest_of(path) if path.exists() else None for path in paths}


def side_store_digests(home: Home, ledger: Ledger) -> dict[str, Any]:
    """Digests of what no journal line names one by one: the ledger's rows by unit, and the other folders of accepted/."""
    folders: dict[str, str] = {}
    for folder in sorted(
        each for each in home.accepted.glob("*") if each.name not in {*kind_names(), *BESIDE_ACCEPTED}
    ):
        names = [
            f"{path.relative_to(folder)} {digest_of(path)}" for path in sorted(folder.rglob("*")) if path.is_file()
        ]
        folders[folder.name] = hashlib.sha256("\n".join(names).encode()).hexdigest()
    return {"ledger": ledger.digests(), "form": ledger.form(), "folders": folders}


def people_of(home: Home, submissions: Sequence[Submission]) -> list[str]:
    """person_ids in the accepted rows of these submissions, sorted."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    found: set[str | None] = set()
    for each in submissions:
        path = rows_path(home, str(each.kind), each.submission_id)
        found.update(pq.read_table(path, columns=["person_id"]).column(0).unique().to_pylist() if path.exists() else [])
    return sorted(one for one in found if one)


def half_judged(home: Home, ledger: Ledger, entries: Sequence[journal.Entry]) -> list[Submission]:
    """Submissions in force whose rows differ from the journal because a forgetting was cut off; they must be read again.

    `entries`: the whole journal, as it is now or was when the night began.
    """
    if not agreement.open_forgettings(entries):
        return []
    told = agreement.last_of_parts(entries)
    found = []
    for each in ledger.in_force():
        path = rows_path(home, str(each.kind), each.submission_id)
        if told.get(str(path.relative_to(home.root))) != (digest_of(path) if path.exists() else None):
            found.append(each)
    return found
