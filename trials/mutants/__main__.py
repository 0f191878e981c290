"""`python -m trials.mutants [--sample N] [--seed N] [NAME …]`: mutants of the modules in tests.toml and the models of sql/life.

A NAME is a part of a file's name, as `values/dates` or `sql/life/said`. The exit code is 0 whatever survives: the score is for people.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from low_income.model import ROOT, MonitorError
from low_income.settings import contracts
from low_income.warehouse.models import Models, read_models

from trials.mutants import Score, chosen, python, settings, sql, told


def of_models(
    models: Models, tables: list[str], sample: int | None, seed: int, say: Callable[[str], None]
) -> list[Score]:
    """The scores of models of sql/."""
    scores = []
    for table in tables:
        with sql.judging(models, table) as judge:
            tried = chosen(sql.mutants(models, table), lambda mutant: mutant.sql, sample, seed)
            verdicts = [verdict for verdict in map(judge, tried) if verdict is not None]
        survivors = [
            f"{each.mutant.what}{' (seen, not asked for)' * each.is_seen}" for each in verdicts if not each.noticed_by
        ]
        score = Score(sql.file_of(models, table), len(verdicts) - len(survivors), sorted(survivors))
        scores.append(score)
        say(told([score]))
    return scores


def of_modules(modules: dict[str, list[str]], sample: int | None, seed: int, say: Callable[[str], None]) -> list[Score]:
    """The scores of Python modules."""
    scores = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as copy:
        python.copy_checkout(ROOT, Path(copy))
        seconds: dict[tuple[str, ...], float] = {}
        for module, tests in modules.items():
            if tuple(tests) not in seconds:
                seconds[tuple(tests)] = python.measure(Path(copy), tests)
            score = python.try_module(
                Path(copy),
                module,
                tests,
                settings()["left-out"],
                seconds=seconds[tuple(tests)],
                sample=sample,
                seed=seed,
            )
            scores.append(score)
            say(told([score]))
    return scores


def main() -> None:
    """Try what is asked for, and print the scores and the survivors."""
    parser = argparse.ArgumentParser(prog="python -m trials.mutants")
    parser.add_argument("--sample", type=int, help="at most so many mutants of each file; all of them otherwise")
    parser.add_argument("--seed", type=int, default=1, help="another seed draws another sample")
    parser.add_argument("names", nargs="*", help="parts of file names; all files otherwise")
    asked = parser.parse_args()

    def is_asked(file: str) -> bool:
        return not asked.names or any(name in file for name in asked.names)

    def say(line: str) -> None:
        sys.stderr.write(f"{line}\n")

    models = read_models(contracts.load().kinds)
    tables = [
        name for name in sorted(models.models) if name.startswith("life.") and is_asked(sql.file_of(models, name))
    ]
    modules = {module: tests for module, tests in settings()["modules"].items() if is_asked(module)}
    try:
        scores = of_models(models, tables, asked.sample, asked.seed, say)
        scores += of_modules(modules, asked.sample, asked.seed, say)
    except MonitorError as problem:
        sys.exit(str(problem))
    sys.stdout.write(f"{told(scores)}\n")


if __name__ == "__main__":
    main()
