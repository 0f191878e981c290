"""Generates an invented bureau of any size: damaged, real-looking files in an inbox, and the truth about them.

`generate` is `monitor generate`; `generate_year` is its `--year`. All people are invented. The same arguments give the same bytes.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, timedelta, timezone
from pathlib import Path
from typing import Any

from low_income.generate.bureau import Bureau
from low_income.generate.crowd import MINIMUM, fill, in_scope_rows
from low_income.generate.damage import damage
from low_income.generate.figures import REAL_YEAR
from low_income.generate.files import Landed, evening_before, write
from low_income.generate.hostile import write_hostile
from low_income.generate.partners import SHARES, partner_files
from low_income.generate.plan import division_files, monitoring_file
from low_income.generate.planted_events import plant_events
from low_income.generate.planted_help import plant_help
from low_income.generate.planted_own import plant_own
from low_income.generate.planted_partner import plant_partner
from low_income.generate.planted_review import plant_review
from low_income.generate.planted_supplement import plant_supplement
from low_income.generate.records import in_scope_records
from low_income.generate.stage import Stage
from low_income.generate.truth import status_of, write_truth, write_year
from low_income.generate.turn import Turn
from low_income.generate.year import bureau_of, invent
from low_income.model import ConfigError

__all__ = ["MINIMUM", "REAL_YEAR", "generate", "generate_year"]

_PEOPLE_PER_TURN = 3_000
_IN_SCOPE = 0.12
"""Share of the partner rows that are about people on our lists."""


def generate(
    target: Path, *, people: int, seed: int, day: date, partner_rows: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Write `target`/inbox/<unit>/… and `target`/truth/*.csv for a night on `day`.

    `people` is the number of people in the registries (dibao, tekun, edge); every other list follows in the proportions of
    one real year. `partner_rows` is the number of rows in all partner bureaus' lists (4 × people when None). `progress` is
    called with (what is being done, files written, files in all; 0 when not known yet).

    Returns counts: files, rows by kind, submissions by status, warnings by rule.
    Raises ConfigError when `people` is below MINIMUM, or `target` holds an inbox or truth already.
    """
    inbox, truth = target / "inbox", target / "truth"
    _must_be_empty(target, inbox, truth)
    tell = progress or (lambda step, done, total: None)
    rows = 4 * people if partner_rows is None else partner_rows
    tell("编造人员和名册", 0, 0)
    stage = _invent(people, seed, day, rows)
    files = [*division_files(stage), monitoring_file(stage)]
    landed: list[Landed] = []
    for done, file in enumerate(files):
        tell("写文件", done, len(files))
        landed += write(file, inbox, day)
    for file in partner_files(stage, rows, seed):
        tell("写外部门名单", len(landed), 0)
        landed += write(file, inbox, day)
    landed += [*write_hostile(stage.bureau, inbox), _repeat(landed, inbox)]
    write_truth(stage, landed, truth)
    _lay_down(inbox, day)
    return {
        "files": sum(path.is_file() for path in inbox.rglob("*")),
        "rows": {kind: sum(sum(one.outcomes.values()) for one in landed if one.kind == kind) for kind in stage.tables},
        "submissions": dict(sorted(Counter(status_of(one) for one in landed).items())),
        "warnings": dict(sorted(Counter(warning[0] for warning in stage.warnings).items())),
    }


def generate_year(
    target: Path, *, year: int, people: int = REAL_YEAR.people, seed: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Write `target`/inbox/<unit>/… and `target`/truth/statistics.csv: a calendar year for a night on its 31 December.

    Twelve monthly rosters of every division and the year's ledger of temporary assistance have the figures of one
    real year (docs/performance.md, one real year), scaled to `people` in the registries. Nothing is damaged. `progress` as in `generate`.

    Returns counts: files, and the year's figures by name. Raises ConfigError when the figures do not fit so few
    people, or `target` holds an inbox or truth already.
    """
    inbox, truth, day = target / "inbox", target / "truth", date(year, 12, 31)
    _must_be_empty(target, inbox, truth)
    tell = progress or (lambda step, done, total: None)
    tell("编造人员和名册", 0, 0)
    made = invent(bureau_of(day, people), random.Random(f"{year} {people} {seed}"), people)  # noqa: S311 - reproducible
    files = 0
    for file in made.files():
        tell("写文件", files, 0)
        write(file, inbox, day)
        files += 1
    write_year(made.figure_rows(), year, truth)
    _lay_down(inbox, day)
    return {"files": files, "figures": asdict(made.figures)}


def _must_be_empty(target: Path, *folders: Path) -> None:
    if any(path.is_file() for folder in folders for path in folder.rglob("*")):
        raise ConfigError(f"{target} 里已经有文件，请换一个空的文件夹")


def _invent(people: int, seed: int, day: date, rows: int) -> Stage:
    """Make all lists, filled and damaged, before any file is written."""
    stage = Stage(Bureau.on(day), random.Random(f"{people} {seed} {day} {rows}"))  # noqa: S311 - reproducible, not secret
    for number in range(max(1, people // _PEOPLE_PER_TURN)):
        turn = Turn(stage, number)
        plant_own(turn)
        plant_partner(turn)
        plant_help(turn)
        plant_events(turn)
        plant_review(turn)
        plant_supplement(turn)
    firm = fill(stage, people)
    wanted = {kind: int(rows * share * _IN_SCOPE) for kind, share in SHARES.items()}
    in_scope_rows(stage, firm, wanted["medical_expense"], wanted["disability_certificate"])
    in_scope_records(stage, firm, wanted)
    damage(stage)
    return stage


def _repeat(landed: list[Landed], inbox: Path) -> Landed:
    """Write the same bytes once more, under a later name."""
    original = next(one for one in landed if one.kind == "edge_household")
    source = inbox / original.unit / original.file_name
    copy = source.with_name(f"{source.stem}_再发一次{source.suffix}")
    shutil.copyfile(source, copy)
    return Landed(original.unit, copy.name, "", "repeated")


def _lay_down(inbox: Path, day: date) -> None:
    """Date every file to the evening before, so that a night finds it at rest."""
    moment = evening_before(day).replace(tzinfo=timezone(timedelta(hours=8))).timestamp()
    for path in sorted(inbox.rglob("*")):
        os.utime(path, (moment, moment))
