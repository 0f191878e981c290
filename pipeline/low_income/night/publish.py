"""The step `publish`: writes lists and answers, and makes the release current by one rename."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

from low_income.night import work_folder
from low_income.night.build import found_sound
from low_income.night.give_back import give_back_answers, unmarked_below
from low_income.records import accepted_store, access, journal, published, seal
from low_income.settings import contracts
from low_income.settings.home import Home


def publish(home_dir: Path, day: date) -> str:
    """Write the lists and the answers to filled-in ones, then make the release the current one by one rename.

    Returns the release's folder below the home. A night that is earlier than the current release does not become current.
    """
    from low_income import lists, warehouse  # noqa: PLC0415 - brings duckdb and xlsxwriter
    from low_income.night import decisions  # noqa: PLC0415 - brings duckdb and xlsxwriter

    home, ledger = access.open_home(home_dir)
    with access.shared(home_dir):
        built, keys = work_folder.built(home, day), seal.release_keys(home)
        with closing(warehouse.read(built / "warehouse.duckdb", keys)) as con:
            titles = {k: v.title for k, v in contracts.load().kinds.items()}
            written = lists.write(con, home.lists, home.units, day, titles)
            told = decisions.answers(ledger, con)
        answers, unmarked = give_back_answers(home, ledger, told)
        written += answers
        kept = home.settings.retention.releases
        planned = warehouse.plan(built, home.releases, home.warehouse, kept=kept, keys=keys)
        about = {
            "run_date": day.isoformat(), "files": published.files_of(built), "kept": accepted_store.side_store_digests(home, ledger),
            "outputs": published.digests(home, written), "unmarked": unmarked_below(home, unmarked), "release": planned.number,
            "becomes_current": planned.becomes_current, "retired": list(planned.retired), "canaries": found_sound.get(home.root),
        }  # fmt: skip
        journal.write(home, "published", about, who=journal.NIGHT, at=datetime.now(UTC))
        release = warehouse.publish(built, home.releases, home.warehouse, planned)
        done = {"run_date": day.isoformat(), "release": planned.number}
        journal.write(home, "released", done, who=journal.NIGHT, at=datetime.now(UTC))
    return str(release.relative_to(home.root))


def current_night(home_dir: Path) -> date | None:
    """The night of the current release; None without a release. It is later than the one just published when that is of the past."""
    from low_income import warehouse  # noqa: PLC0415 - brings duckdb

    home = Home(home_dir)
    if not home.warehouse.exists():
        return None
    with closing(warehouse.read(home.warehouse, seal.release_keys(home))) as release:
        night: date = release.execute("select run_date from release").fetchall()[0][0]
    return night
