"""The step `fetch`: reads tables of partners' databases into the archive."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from low_income.model import MonitorError
from low_income.night.begin import begin
from low_income.records import access, archive, bookkeeping
from low_income.records.ledger import Ledger, shown_name
from low_income.settings.home import PART, Database, Home

PAUSE_SECONDS = 5.0


def sources(home_dir: Path, day: date, *, units: Sequence[str] | None = None) -> list[str]:
    """Names of the database sources that have not delivered for this night yet, in the order of monitor.yml.

    A table that was read once for a night is not read again, so a night that runs again judges the same rows.
    """
    home, ledger = access.open_home(home_dir)
    with access.shared(home_dir):
        begin(home, ledger)
        # This comes before anything newer is recorded, since the order of receipt is that of the journal.
        bookkeeping.take_up_arrivals(home, ledger)
    asked = ledger.sources(day)
    return [
        source.name
        for source in home.settings.databases
        if asked.get(source.name, ("not_delivered",))[0] == "not_delivered" and (units is None or source.unit in units)
    ]


def fetch(
    home_dir: Path, day: date, name: str, *, resolve: Callable[[str], str] | None = None, attempts: int = 1
) -> dict[str, Any]:
    """Read one database source into the archive, where it counts as a file of its unit; returns the result.

    The result has source, state (delivered / unchanged / not_delivered), rows, reason, and may_pass (whether another try
    may help). A source that fails stores nothing and stops no other one. `resolve` finds the address behind a `url` of
    monitor.yml. Raises MonitorError when monitor.yml has no source of this name.
    """
    from low_income.night import databases  # noqa: PLC0415 - brings sqlalchemy and pyarrow

    home, ledger = access.open_home(home_dir)
    source = next((each for each in home.settings.databases if each.name == name), None)
    if source is None:
        raise MonitorError(f"monitor.yml 的 databases 里没有 {name}；请写其中一个的 name")
    told: dict[str, Any] = {"source": name, "state": "not_delivered", "rows": 0, "reason": "", "may_pass": False}
    with access.shared(home_dir), tempfile.TemporaryDirectory(dir=home.root, prefix=f"{PART}fetch-") as folder:
        target = Path(folder) / "table"
        for attempt in range(1, attempts + 1):
            try:
                url = (resolve or databases.from_environment)(source.url)
                rows = databases.read(source, url, target, home.time_zone, day)
            except databases.NotRead as problem:
                told |= {"reason": str(problem), "may_pass": problem.may_pass}
                if not problem.may_pass or attempt == attempts:
                    break
                time.sleep(PAUSE_SECONDS * attempt)
            else:
                is_new = _take_table(home, ledger, source, target, day)
                told |= {"state": "delivered" if is_new else "unchanged", "rows": rows, "reason": ""}
                break
        ledger.record_source(day, name, told["state"], rows=told["rows"], reason=told["reason"], at=datetime.now(UTC))
    return told


def _take_table(home: Home, ledger: Ledger, source: Database, table: Path, day: date) -> bool:
    """Archive and record the table of a source; False when it equals the last one of this source."""
    from low_income.reading import stored  # noqa: PLC0415 - brings pyarrow

    now = datetime.now(UTC)
    before = [each for each in ledger.files(unit_code=source.unit) if each.file_name == shown_name(source.file_name)]
    with table.open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    if before and before[-1].sha256 != digest and digest in {each.sha256 for each in before}:
        stored.tell_apart(table, day.isoformat())  # equal to an earlier one, but not to the last: no repeat
    with table.open("rb") as data:
        digest, size = archive.keep(home, data, f"{source.unit}/{source.file_name}")
    arrival = bookkeeping.Arrival(digest, size, str(archive.path(home, digest).relative_to(home.root)))
    bookkeeping.record_arrival(home, ledger, source.unit, source.file_name, arrival, day, now)
    return not before or before[-1].sha256 != digest
