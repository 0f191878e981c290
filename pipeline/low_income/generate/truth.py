"""Writes the truth about the invented bureau: what a night must find in it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from low_income.generate.files import Landed
from low_income.generate.stage import Stage
from low_income.generate.table import Table

_README = """\
# Truth

What a night on {day} must find in `../inbox`. Written by those who built the cases, without asking the rules.
UTF-8 csv, sorted.

- `warnings.csv`: the warnings of {day}. These, and no others, of the rules {codes}; of every other rule none at all.
- `silent.csv`: near misses. This rule must not list this person, and why.
- `submissions.csv`: per file (its path below the unit's folder) and kind the rows read, accepted, set aside, out of scope.
  Files that are `refused` or `repeated` have no kind and no counts; of two files with the same bytes the one later by
  name is the repeated one.
- `issues.csv`: planted faults, by the sheet's own row numbers (text files: physical lines, `sheet` empty). Cells that
  look odd and must be read right are not in it. A night may find more: one fault can have several consequences
  (a member set aside changes the count of his household).
- `registries.csv`: per division and registry the roster's month, the distinct people on accepted rows, and the
  distinct heads of these.

Faults are named `<what>.<how>`. `duplicate.identical` stands at the later of the two rows, `duplicate.differing` at both.
Division `{missing}` delivers nothing. The newest rosters of `{stale}` are of three months ago, so they answer "not current";
those of `{aging}` are of two months ago, which is current still. All people are invented: their numbers begin with 99.
"""


_YEAR_README = """\
# Truth

What `monitor run --date {year}-12-31` must find in `../inbox`. Counted by those who wrote the lists, without asking the product.

- `statistics.csv`: every line of the published table `monthly_statistics`: a month (YYYY-MM) or the year (YYYY: households
  and persons are monthly averages, persons_entered is everybody once, grants and amount are the year's sums), a division or
  `all`, a registry. Amounts are yuan. Lines of {before}-12 are grants that the ledger says were paid before the year began.

All people are invented: their numbers begin with 99.
"""


def write_year(rows: Iterable[Sequence[str | int]], year: int, target: Path) -> None:
    """Write truth/statistics.csv and its README below `target`."""
    target.mkdir(parents=True, exist_ok=True)
    header = ("month", "division_code", "registry", "households", "persons", "persons_entered", "grants", "amount")
    _write(target / "statistics.csv", header, rows)
    (target / "README.md").write_text(_YEAR_README.format(year=year, before=year - 1), encoding="utf-8")


def write_truth(stage: Stage, landed: Sequence[Landed], target: Path) -> None:
    """Write truth/*.csv and its README below `target`."""
    target.mkdir(parents=True, exist_ok=True)
    _write(
        target / "warnings.csv",
        ("rule_code", "subject_id_number", "subject_name", "division_code", "level", "why"),
        stage.warnings,
    )
    _write(target / "silent.csv", ("rule_code", "subject_id_number", "why"), stage.silences)
    _write(
        target / "submissions.csv",
        (
            "unit_code",
            "file_name",
            "kind",
            "rows_read",
            "rows_accepted",
            "rows_set_aside",
            "rows_out_of_scope",
            "status",
            "period",
        ),
        [_submission(one) for one in landed],
    )
    _write(
        target / "issues.csv", ("unit_code", "file_name", "sheet", "row", "header", "fault"),
        [issue for one in landed for issue in one.issues],
    )  # fmt: skip
    _write(
        target / "registries.csv", ("division_code", "registry", "period", "persons", "households"), _registries(stage)
    )
    bureau = stage.bureau
    codes = " ".join(sorted({warning[0] for warning in stage.warnings} | {silence[0] for silence in stage.silences}))
    readme = _README.format(day=stage.day, codes=codes, missing=bureau.missing, stale=bureau.stale, aging=bureau.aging)
    (target / "README.md").write_text(readme, encoding="utf-8")


def status_of(landed: Landed) -> str:
    """The status that the submission must get."""
    if not landed.kind:
        return "repeated" if landed.period == "repeated" else "refused"
    return "partly_accepted" if landed.outcomes["set_aside"] else "accepted"


def _submission(landed: Landed) -> tuple[str | int, ...]:
    outcomes, status = landed.outcomes, status_of(landed)
    counts: tuple[str | int, ...] = ("", "", "", "")
    if landed.kind:
        counts = (sum(outcomes.values()), outcomes["accepted"], outcomes["set_aside"], outcomes["out_of_scope"])
    period = landed.period if landed.kind else ""
    return (landed.unit, landed.file_name, landed.kind, *counts, status, period)


def _registries(stage: Stage) -> list[tuple[str | int, ...]]:
    found: list[tuple[str | int, ...]] = []
    for registry in ("dibao", "tekun", "edge"):
        persons = _accepted(stage.tables[f"{registry}_person"], "id_number")
        heads = _accepted(stage.tables[f"{registry}_person"], "id_number" if registry == "tekun" else "_group")
        for code in stage.bureau.delivering:
            period = f"{stage.bureau.period(code):%Y-%m}"
            found.append((code, registry, period, len(persons.get(code, ())), len(heads.get(code, ()))))
    return found


def _accepted(table: Table, name: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    columns = table.columns
    for unit, value, outcome, back in zip(
        columns["_unit"], columns[name], columns["_outcome"], columns["_back"], strict=True
    ):
        if outcome == "accepted" and not back:
            found.setdefault(unit, set()).add(value)
    return found


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str | int]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(
            sorted(rows, key=lambda row: [str(value).rjust(8) if isinstance(value, int) else value for value in row])
        )
