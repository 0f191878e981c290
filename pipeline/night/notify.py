"""The step `notify`: what the data officer is told, in the outbox and on screen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pipeline.model import MonitorError
from pipeline.night import inbox, work_folder
from pipeline.night.give_back import give_back, put_off, tell_put_off
from pipeline.records import access, agreement, bookkeeping, journal, published
from pipeline.records.ledger import Ledger, NightState
from pipeline.settings.home import Home


def notify(home: Path, day: date, *, failed: Sequence[str] = ()) -> str:
    """Tell the data officer how the night went: a message in the outbox. Returns its path below the home.

    `failed` names the steps that did not succeed; what they left in work/ then stays, so that they can be taken up again.
    Where journal and ledger do not belong together, so that the night did not begin, neither is written to.
    """
    from pipeline.night import notice  # noqa: PLC0415 - brings rich

    place, ledger = access.open_home(home)
    with access.shared(home):
        for mark in sorted(place.work.glob(f"*{work_folder.GIVE_BACK_AGAIN}")):
            give_back(home, day, mark.name.removesuffix(work_folder.GIVE_BACK_AGAIN))
            mark.unlink()
        tell_put_off(place, ledger, day)
        told = _status(place, ledger, day) | {"failed": list(failed)}
        path = notice.write(place.outbox, day, told)
        if not failed or _agrees(place, ledger):
            _finish(place, ledger, day, "failed" if failed else "done", path)
        if not failed:
            work_folder.empty_work(place)
    return str(path.relative_to(place.root))


def _agrees(home: Home, ledger: Ledger) -> bool:
    try:
        agreement.examine(home, ledger)
    except MonitorError:  # said by the step that did not begin for it
        return False
    return True


def _finish(home: Home, ledger: Ledger, day: date, state: NightState, letter: Path) -> None:
    """Write down how the night ended, in the journal and in the ledger, which then remembers where the journal ends."""
    about = {
        "run_date": day.isoformat(), "state": state, "counts": {"submissions": len(ledger.submissions(night=day))},
        "outputs": published.digests(home, [letter]),
    }  # fmt: skip
    now = datetime.now(UTC)
    end = journal.write(home, "finished", about, who=journal.NIGHT, at=now)
    ledger.remember_journal(end.seq, end.hash)
    bookkeeping.finish_in_ledger(ledger, about, now)


def send(home: Path, day: date) -> list[str]:
    """Send the night's message on, as monitor.yml says; what went wrong, [] when nothing did or nothing is wanted."""
    from pipeline.night import post  # noqa: PLC0415 - brings smtplib and urllib

    place, _ = access.open_home(home)
    return post.send(place.settings.notify, place.outbox / f"{day.isoformat()}.md")


def status(home: Path, day: date) -> dict[str, Any]:
    """Who was expected, who delivered, what was refused, how fresh each registry is, what the night listed."""
    place, ledger = access.open_whole(home)
    return _status(place, ledger, day)


def _status(place: Home, ledger: Ledger, day: date) -> dict[str, Any]:
    from pipeline.night import notice  # noqa: PLC0415

    return notice.status(place, ledger, day) | {
        "moving": still_moving(place), "settle_seconds": place.settings.settle_seconds,
        "left": _left(place),
        "put_off": {sort: [f"{_called(place, unit)} {name}" for unit, name in files] for sort, files in put_off(ledger, day).items()},
        "limits": place.settings.limits.model_dump(),
        "stuck": [*inbox.stuck(place.inbox), *(f"decisions/{name}" for name in inbox.stuck(place.decisions / "inbox"))],
    }  # fmt: skip


def _called(home: Home, unit: str) -> str:
    return home.units[unit].name if unit in home.units else unit


def _left(home: Home) -> list[dict[str, Any]]:
    """What lies in the inbox and is never taken: unit_code, unit, path, sort, and for how many whole days it has lain there."""
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
    """Dropped files that do not stand still yet, and so were not taken."""
    settle, clock = home.settings.settle_seconds, datetime.now(UTC).timestamp()
    return [
        "/".join(part for part in (beside, each.unit_code, each.name) if part)
        for folder, beside in ((home.inbox, ""), (home.decisions / "inbox", "decisions"))
        for each in inbox.settled(folder, settle, clock)[1]
    ]
