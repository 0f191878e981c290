"""The step `notify`: writes the night report for the data officer into the outbox, and gives `status` for the screen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from low_income.model import MonitorError
from low_income.night import inbox, work_folder
from low_income.night.give_back import give_back, put_off, tell_put_off
from low_income.records import access, agreement, bookkeeping, journal, published
from low_income.records.ledger import Ledger, NightState
from low_income.settings.home import Home


def notify(home_dir: Path, day: date, *, failed: Sequence[str] = ()) -> str:
    """Write the night report for the data officer into the outbox. Returns its path below the home.

    `failed` names the steps that did not succeed. Their work in work/ then stays, so that it can be taken up again.
    When journal and ledger do not belong together, the night did not begin, and neither of them is written.
    """
    from low_income.night import night_report  # noqa: PLC0415 - brings rich

    home, ledger = access.open_home(home_dir)
    with access.shared(home_dir):
        for mark in sorted(home.work.glob(f"*{work_folder.GIVE_BACK_AGAIN}")):
            give_back(home_dir, day, mark.name.removesuffix(work_folder.GIVE_BACK_AGAIN))
            mark.unlink()
        tell_put_off(home, ledger, day)
        told = _status(home, ledger, day) | {"failed": list(failed)}
        path = night_report.write(home.outbox, day, told)
        if not failed or _agrees(home, ledger):
            _finish(home, ledger, day, "failed" if failed else "done", path)
        if not failed:
            work_folder.empty_work(home)
    return str(path.relative_to(home.root))


def _agrees(home: Home, ledger: Ledger) -> bool:
    try:
        agreement.verify_agreement(home, ledger)
    except MonitorError:  # the step that did not begin because of it reports it
        return False
    return True


def _finish(home: Home, ledger: Ledger, day: date, state: NightState, letter: Path) -> None:
    """Write how the night ended into journal and ledger. The ledger then remembers where the journal ends."""
    about = {
        "run_date": day.isoformat(), "state": state, "counts": {"submissions": len(ledger.submissions(night=day))},
        "outputs": published.digests(home, [letter]),
    }  # fmt: skip
    now = datetime.now(UTC)
    end = journal.write(home, "finished", about, who=journal.NIGHT, at=now)
    ledger.remember_journal(end.seq, end.hash)
    bookkeeping.finish_in_ledger(ledger, about, now)


def send(home_dir: Path, day: date) -> list[str]:
    """Send the night report as monitor.yml says. Returns problems in Chinese; [] when there are none or nothing is wanted."""
    from low_income.night import post  # noqa: PLC0415 - brings smtplib and urllib

    home, _ = access.open_home(home_dir)
    return post.send(home.settings.notify, home.outbox / f"{day.isoformat()}.md")


def status(home_dir: Path, day: date) -> dict[str, Any]:
    """The state of a night: expected and received lists, refusals, how fresh each registry is, and the warnings listed."""
    home, ledger = access.open_whole(home_dir)
    return _status(home, ledger, day)


def _status(home: Home, ledger: Ledger, day: date) -> dict[str, Any]:
    from low_income.night import night_report  # noqa: PLC0415

    return night_report.status(home, ledger, day) | {
        "moving": still_moving(home), "settle_seconds": home.settings.settle_seconds,
        "left": _left(home),
        "put_off": {sort: [f"{_called(home, unit)} {name}" for unit, name in files] for sort, files in put_off(ledger, day).items()},
        "limits": home.settings.limits.model_dump(),
        "stuck": [*inbox.stuck(home.inbox), *(f"decisions/{name}" for name in inbox.stuck(home.decisions / "inbox"))],
    }  # fmt: skip


def _called(home: Home, unit: str) -> str:
    return home.units[unit].name if unit in home.units else unit


def _left(home: Home) -> list[dict[str, Any]]:
    """Files in the inbox that are never taken: unit_code, unit, path, sort, and whole days since their last change."""
    clock = datetime.now(UTC).timestamp()
    return [
        {
            "unit_code": each.unit_code,
            "unit": home.units[each.unit_code].name if each.unit_code in home.units else "",
            "path": "/".join(part for part in (beside, each.unit_code, each.name) if part),
            "sort": each.sort,
            "days": max(int((clock - each.changed) // 86_400), 0),
        }
        for folder, beside in ((home.inbox, ""), (home.decisions / "inbox", "decisions"))
        for each in inbox.left(folder)
    ]


def still_moving(home: Home) -> list[str]:
    """Dropped files that changed too recently and so are not taken yet."""
    settle, clock = home.settings.settle_seconds, datetime.now(UTC).timestamp()
    return [
        "/".join(part for part in (beside, each.unit_code, each.name) if part)
        for folder, beside in ((home.inbox, ""), (home.decisions / "inbox", "decisions"))
        for each in inbox.settled(folder, settle, clock)[1]
    ]
