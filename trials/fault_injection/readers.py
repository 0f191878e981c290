"""Readers while releases are swapped: thousands of reads, none of which may fail or see two releases at once.

Releases follow each other by the product's own `publish`, old ones are pruned to as many as a bureau keeps, and readers
open the link as analysts do: afresh each time, kept open over several swaps, and late, after having looked where it points.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
from low_income import warehouse

from trials.fault_injection import bureau
from trials.fault_injection.stage import Stage

KEPT = 7
STAMPED = ("release", "warning", "warning_list", "warning_change")
"""Tables that say of each row in which release it stands."""
_NIGHTS = "select distinct run_date from {table}"


def search(
    swaps: int, *, readers: int = 3, seed: int = 1, pause: float = 0.15, stage: Stage | None = None,
    on_step: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> dict[str, Any]:  # fmt: skip
    """Swap so many releases while readers read; reads by way of reading, and the findings.

    `stage`: one whose first night was run; made when there is none. `pause`: seconds between two swaps.
    """
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        folder = Path(name)
        source = (stage or Stage(folder, 1)).after(0) / "warehouse.duckdb"
        home = folder / "home"
        home.mkdir()
        releases, link = home / "releases", home / "warehouse.duckdb"
        original = source.resolve().parent
        _publish(_stamped(original, folder / "built", 0), releases, link)
        ends = folder / "ends"
        started = [_start(folder, number, link, ends, random.Random(f"{seed} {number}")) for number in range(readers)]  # noqa: S311 - no secret: the same reads again
        for number in range(1, swaps + 1):
            _publish(_stamped(original, folder / "built", number), releases, link)
            on_step("换了一版", number, swaps)
            time.sleep(pause)
        ends.touch()
        for pid in started:
            os.waitpid(pid, 0)
        told = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("reader-*.json"))]
        findings = [problem for each in told for problem in each["problems"]]
        if len(told) != readers:
            findings.append(f"{readers - len(told)} readers died")
        ways: dict[str, int] = {}
        for each in told:
            for way, count in each["reads"].items():
                ways[way] = ways.get(way, 0) + count
        return {
            "swaps": swaps, "readers": readers, "kept": len(list(releases.iterdir())), "reads": sum(ways.values()),
            "ways": ways, "releases_seen": len({night for each in told for night in each["nights"]}), "findings": findings,
        }  # fmt: skip


def _publish(built: Path, releases: Path, link: Path) -> None:
    warehouse.publish(built, releases, link, warehouse.plan(built, releases, link, kept=KEPT))


def _stamped(original: Path, built: Path, number: int) -> Path:
    """The release as of another night: every row that names its night names that one."""
    shutil.copytree(original, built)
    file = built / "warehouse.duckdb"
    file.chmod(0o600)
    night = bureau.NIGHTS[0] + timedelta(days=number)
    with closing(duckdb.connect(str(file))) as con:
        for table in STAMPED:
            con.execute(f"update {table} set run_date = ?", [night])
        con.execute("checkpoint")
    file.chmod(0o400)
    return built


def _start(folder: Path, number: int, link: Path, ends: Path, rng: random.Random) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            told = _read_on(link, ends, rng)
            (folder / f"reader-{number}.json").write_text(json.dumps(told), encoding="utf-8")
        finally:
            os._exit(0)
    return pid


def _read_on(link: Path, ends: Path, rng: random.Random) -> dict[str, Any]:
    reads = {"afresh": 0, "kept open": 0, "late": 0}
    problems: set[str] = set()
    nights: set[str] = set()
    parent = os.getppid()
    while not ends.exists() and os.getppid() == parent:
        way = rng.choices(list(reads), (20, 1, 3))[0]
        try:
            if way == "late":
                path = link.resolve()
                time.sleep(rng.random() * 0.3)
                con = duckdb.connect(str(path), read_only=True)
            else:
                con = warehouse.read(link) if rng.random() < 0.5 else duckdb.connect(str(link), read_only=True)
            with closing(con):
                for _ in range(rng.randrange(3, 8) if way == "kept open" else 1):
                    seen = {
                        str(night)
                        for table in STAMPED
                        for (night,) in con.execute(_NIGHTS.format(table=table)).fetchall()
                    }
                    nights |= seen
                    reads[way] += 1
                    if len(seen) != 1:
                        problems.add(f"{way}: {len(seen)} releases at once")
                    if way == "kept open":
                        time.sleep(rng.random() * 0.3)
        except Exception as problem:  # noqa: BLE001 - whatever a reader meets is a finding
            problems.add(f"{way}: {type(problem).__name__}")
    return {"reads": reads, "problems": sorted(problems), "nights": sorted(nights)}
