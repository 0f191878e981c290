"""How good the tests are: small faults are put into the code on purpose, and it is counted how many of them are noticed.

`python -m trials.mutants` (docs/tests.md). A fault that nobody notices is a survivor. Either it changes nothing that
anybody could see, or a test is missing.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from low_income.model import ROOT

TESTS = ROOT / "trials" / "mutants" / "tests.toml"
"""Which tests are run for which module, and which exchanges of operators are left out."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Score:
    """What came of the mutants of one file."""

    file: str
    noticed: int
    survivors: list[str] = field(default_factory=list)
    """Where each survivor is and what was done there."""

    @property
    def tried(self) -> int:
        """All that could be run."""
        return self.noticed + len(self.survivors)


def settings() -> dict[str, Any]:
    """What tests.toml says."""
    return tomllib.loads(TESTS.read_text(encoding="utf-8"))


def chosen(items: Iterable[Item], name: Callable[[Item], str], sample: int | None, seed: int) -> list[Item]:
    """So many of the items, the same for the same seed whatever order they come in; all of them without a `sample`."""
    mixed = sorted(items, key=lambda item: hashlib.sha256(f"{seed}\0{name(item)}".encode()).digest())
    return mixed[:sample]


def told(scores: list[Score]) -> str:
    """The scores as a table, and the survivors below it."""
    lines = [f"{'noticed':>8} {'tried':>6}  file"]
    lines += [f"{score.noticed:>8} {score.tried:>6}  {score.file}" for score in scores]
    noticed, tried = sum(score.noticed for score in scores), sum(score.tried for score in scores)
    if len(scores) > 1 and tried:
        lines.append(f"{noticed:>8} {tried:>6}  together: {noticed / tried:.0%}")
    for score in scores:
        lines += [f"\nSurvivors in {score.file}:" * bool(score.survivors), *(f"  {each}" for each in score.survivors)]
    return "\n".join(line for line in lines if line)


def below(checkout: Path, folder: str) -> list[str]:
    """The modules below a folder of a checkout, or the one module that is named, sorted."""
    at = checkout / folder
    found = [at] if at.is_file() else sorted(at.rglob("*.py"))
    return [path.relative_to(checkout).as_posix() for path in found]
