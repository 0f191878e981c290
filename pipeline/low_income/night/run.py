"""The order of the steps of a night. Read this first.

    fetch → collect → read → check → give_back → build → publish → notify

Each step is a function of the home and the night's date D, with small JSON-able results. `dags/nightly.py` runs them as
tasks, `monitor run` calls them in this order (`night`). Every step may be run again: it finds what is already done.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from low_income.night import work_folder
from low_income.night.build import build, silent_rules
from low_income.night.check import WAVES, check, dataset_groups
from low_income.night.collect import collect
from low_income.night.fetch import fetch, sources
from low_income.night.give_back import give_back
from low_income.night.notify import notify, send, still_moving
from low_income.night.publish import current_night, publish
from low_income.night.read import read
from low_income.records import access
from low_income.settings import contracts
from low_income.settings.home import Home

__all__ = [
    "WAVES", "build", "check", "collect", "dataset_groups", "fetch", "give_back", "night", "notify", "publish", "read",
    "replay_night", "send", "sources",
]  # fmt: skip
Step = Callable[[str, int, int], None]
"""Called with (name of the step, number done, total), for a progress bar."""


ATTEMPTS = 3
"""How many times `monitor run` tries a database source in one night. Airflow counts its own retries."""


CHECKERS = 2
"""Dataset groups judged at the same time: DuckDB parses the values of one while the expectations of another run."""


READERS = 2
"""Units read at the same time; each file is parsed in a child process of its own."""


def night(home_dir: Path, day: date, on_step: Step | None = None) -> dict[str, Any]:
    """Run one whole night in one process; returns its summary. Raises MonitorError when it is refused; the last release then stays."""
    say = on_step or (lambda name, done, total: None)
    with (
        access.alone(home_dir),
        _seldom_collecting(),
        ThreadPoolExecutor(READERS) as pool,
        ThreadPoolExecutor(1) as beside,
    ):
        # `sources` verifies that journal and ledger agree, before anything else is read from them.
        names = sources(home_dir, day)
        before = _came(home_dir, day)
        with ThreadPoolExecutor(max(len(names), 1)) as at_once:  # a slow source delays no other one
            for done, _ in enumerate(at_once.map(lambda name: fetch(home_dir, day, name, attempts=ATTEMPTS), names)):
                say("读数据库", done, len(names))
        say("收文件", 0, 1)
        units = collect(home_dir, day)
        came = _came(home_dir, day)
        # Files are read in child processes; meanwhile this process loads what the checks need.
        if units:
            beside.submit(_load_checks)
        canaries = beside.submit(_ask_canaries, home_dir)
        failed: dict[str, Exception] = {}
        reading = ((unit, pool.submit(read, home_dir, day, unit)) for unit in _largest_first(home_dir, units))
        for done, (unit, future) in enumerate(list(reading), start=1):
            _wait(future, f"读文件 {unit}", failed)
            say("读文件", done, len(units))
        returned: dict[str, Future[int]] = {}
        for wave in range(WAVES):
            touched = dataset_groups(home_dir, day, wave)
            say(f"检查（{wave + 1}/{WAVES}）", 0, len(touched))
            with ThreadPoolExecutor(CHECKERS) as judges:
                for done, _ in enumerate(
                    judges.map(lambda dataset_group: check(home_dir, day, dataset_group), touched), start=1
                ):
                    say(f"检查（{wave + 1}/{WAVES}）", done, len(touched))
            # Copies are marked in child processes, while checks and build go on here.
            for unit in _judged(home_dir, [unit for unit in units if unit not in returned]):
                returned[unit] = pool.submit(give_back, home_dir, day, unit)
        say("建库", 0, 1)
        canaries.result()
        rows = build(home_dir, day)
        for done, unit in enumerate(units, start=1):
            if unit in returned:  # else its waiting files were not read
                _wait(returned[unit], f"退回 {unit}", failed)
            say("退回", done, len(units))
        say("发布", 0, 1)
        release = publish(home_dir, day)
        message = notify(home_dir, day, failed=sorted(failed))
        not_sent = send(home_dir, day)
        if failed:  # a failure of one unit did not stop the others
            raise failed[min(failed)]
        moving = still_moving(access.open_home(home_dir)[0])
        current = current_night(home_dir)
    return {
        "date": day.isoformat(), "units": units, "rows": rows, "release": release, "message": message, "moving": moving,
        "came": sorted({unit for unit, _ in came}), "came_now": sorted({unit for unit, _ in came - before}),
        "not_sent": not_sent, "current_night": current.isoformat() if current else "",
    }  # fmt: skip


def _came(home_dir: Path, day: date) -> set[tuple[str, str]]:
    """(unit, file_id) of all that came on a night: files, tables, filled-in lists."""
    _, ledger = access.open_home(home_dir)
    files = {(each.unit_code, each.file_id) for each in ledger.files(night=day)}
    return files | {(each.unit_code, each.file_id) for each in ledger.decisions.files(night=day)}


def _wait(work: Future[Any], step: str, failed: dict[str, Exception]) -> None:
    """Wait for the work on one unit. Keep its failure in `failed` under the name of the step."""
    try:
        work.result()
    except Exception as problem:  # noqa: BLE001 - raised when the others are done
        failed[step] = problem


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Let garbage collection run seldom: it walks all objects of the libraries each time, and took a tenth of a night."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _load_checks() -> None:
    """Load libraries that take seconds to load, before they are needed."""
    from low_income.checks import validation  # noqa: PLC0415

    validation.load()


def replay_night(home_dir: Path, day: date) -> None:
    """Replay a lost night on what waits in the ledger: read, check, build and publish. No marked copies of data files are written."""
    _, ledger = access.open_home(home_dir)
    waiting = {file.unit_code for file in ledger.files(state="received")}
    for unit in sorted(waiting | {file.unit_code for file in ledger.decisions.files(state="received")}):
        read(home_dir, day, unit, is_limited=False)  # the journal says what was late
    for wave in range(WAVES):
        for dataset_group in dataset_groups(home_dir, day, wave):
            check(home_dir, day, dataset_group)
    build(home_dir, day)
    publish(home_dir, day)
    ledger.finish_night(day, "done", at=datetime.now(UTC), counts={"submissions": len(ledger.submissions(night=day))})
    work_folder.empty_work(Home(home_dir))


def _ask_canaries(home_dir: Path) -> None:
    """Ask early, while files are read, what the build asks first (`build.silent_rules`). The answer is cached."""
    from low_income.warehouse import models  # noqa: PLC0415 - brings duckdb

    home, _ = access.open_home(home_dir)
    silent_rules(home, models.read_sound_models(contracts.load().kinds))


def _largest_first(home_dir: Path, units: Sequence[str]) -> list[str]:
    """Units sorted by waiting bytes, largest first: the longest work begins first, so that it does not delay the end."""
    _, ledger = access.open_home(home_dir)
    sizes = Counter(dict.fromkeys(units, 0))
    for file in ledger.files(state="received"):
        sizes[file.unit_code] += file.size
    return sorted(units, key=lambda unit: (-sizes[unit], unit))


def _judged(home_dir: Path, units: Sequence[str]) -> list[str]:
    """Units without submissions that wait to be checked."""
    _, ledger = access.open_home(home_dir)
    waiting = {submission.unit_code for submission in ledger.submissions(outcome="read")}
    return [unit for unit in units if unit not in waiting]
