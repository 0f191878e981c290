"""Mutants of Python modules, made and tried by Cosmic Ray on a copy of the checkout, so that no mutant can stay in it.

Each module is a session of its own, since only the tests that matter for it are run (tests.toml).
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from low_income.model import MonitorError

from trials.mutants import Score, chosen

_PATIENCE = 4
"""A mutant may take so many times as long as the unchanged code; then it counts as noticed, since it hangs."""


@dataclass(frozen=True)
class Spec:
    """One mutant, as Cosmic Ray has it."""

    job: str
    operator: str
    occurrence: int
    start: tuple[int, int]

    @property
    def name(self) -> str:
        """The same for the same code."""
        return f"{self.operator} {self.occurrence}"


def copy_checkout(checkout: Path, to: Path) -> None:
    """Copy what git knows of a checkout, and what is new in it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=checkout, capture_output=True, check=True).stdout.decode().split("\0")  # noqa: S603 - our own checkout
    for name in filter(None, listed):
        if (checkout / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(checkout / name, to / name)


def unevaluated(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where a module holds what nobody evaluates, (line, column) to (line, column): annotations, `if TYPE_CHECKING`. A fault there is none."""
    found = []
    for node in ast.walk(ast.parse(source)):
        asked = node.test if isinstance(node, ast.If) else None
        of_types = asked if isinstance(asked, ast.Name) and asked.id == "TYPE_CHECKING" else None
        for each in (getattr(node, "annotation", None), getattr(node, "returns", None), of_types):
            if isinstance(each, ast.expr):
                found.append(((each.lineno, each.col_offset), (each.end_lineno or 0, each.end_col_offset or 0)))
    return found


def measure(copy: Path, tests: list[str]) -> float:
    """Seconds that the tests take on the unchanged code. Raises MonitorError when they fail there."""
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own tools
        _pytest(tests), cwd=copy, env=_environment(copy), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MonitorError(f"{' '.join(tests)}: the tests fail without any change\n{done.stdout[-2000:]}")
    return time.monotonic() - began


def _pytest(tests: list[str]) -> list[str]:
    return [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]


def try_module(
    copy: Path, module: str, tests: list[str], left_out: list[str], *, seconds: float, sample: int | None, seed: int
) -> Score:
    """Try mutants of a module in a copy of the checkout. `seconds` is what the tests take on the unchanged code."""
    patience = _PATIENCE * seconds + 30
    configuration, session = copy / "cosmic-ray.toml", copy / "session.sqlite"
    configuration.write_text(
        f"[cosmic-ray]\nmodule-path = [{module!r}]\ntimeout = {patience:.1f}\nexcluded-modules = []\n"
        f"test-command = {shlex.join(_pytest(tests))!r}\n\n[cosmic-ray.distributor]\nname = 'local'\n",
        encoding="utf-8",
    )
    session.unlink(missing_ok=True)
    _cosmic_ray(copy, "init", configuration.name, session.name)
    excluded = re.compile("|".join(left_out) or "(?!)")
    within = unevaluated((copy / module).read_text(encoding="utf-8"))
    usable = [
        spec
        for spec in _specs(session)
        if not excluded.fullmatch(spec.operator.removeprefix("core/"))
        and not any(start <= spec.start < end for start, end in within)
    ]
    _keep(session, {spec.job for spec in chosen(usable, lambda spec: spec.name, sample, seed)})
    _cosmic_ray(copy, "exec", configuration.name, session.name)
    return _score(session, module)


def _environment(copy: Path) -> dict[str, str]:
    path = os.pathsep.join([str(copy / "pipeline"), str(copy)])
    return {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}


def _cosmic_ray(copy: Path, *arguments: str) -> None:
    command = [str(Path(sys.executable).with_name("cosmic-ray")), *arguments]
    done = subprocess.run(command, cwd=copy, env=_environment(copy), capture_output=True, text=True, check=False)  # noqa: S603 - our own tools
    if done.returncode:
        raise MonitorError(f"cosmic-ray {' '.join(arguments)}: {done.stderr[-2000:]}")


def _specs(session: Path) -> list[Spec]:
    query = "select job_id, operator_name, occurrence, start_pos_row, start_pos_col from mutation_specs"
    with closing(sqlite3.connect(session)) as con:
        return [Spec(job, operator, nth, (row, column)) for job, operator, nth, row, column in con.execute(query)]


def _keep(session: Path, jobs: set[str]) -> None:
    """Take the other mutants out of a session that has not begun."""
    with closing(sqlite3.connect(session)) as con, con:
        others = [(spec.job,) for spec in _specs(session) if spec.job not in jobs]
        for table in ("mutation_specs", "work_items"):
            con.executemany(f"delete from {table} where job_id = ?", others)


def _score(session: Path, module: str) -> Score:
    query = (
        "select test_outcome, diff, coalesce(definition_name, 'module'), start_pos_row, operator_name"
        " from work_results join mutation_specs using (job_id) where worker_outcome = 'NORMAL' order by start_pos_row, operator_name"
    )
    with closing(sqlite3.connect(session)) as con:
        rows = con.execute(query).fetchall()
    survivors = [
        f"line {line}, {within}: {_changed(diff)} ({operator.removeprefix('core/')})"
        for outcome, diff, within, line, operator in rows
        if outcome == "SURVIVED"
    ]
    return Score(module, sum(outcome == "KILLED" for outcome, *_ in rows), survivors)


def _changed(diff: str) -> str:
    """The lines of a diff that were taken out and put in, on one line."""
    taken, put = (
        [line[1:].strip() for line in diff.splitlines() if line[:1] == sign and line[:3] != sign * 3] for sign in "-+"
    )
    return f"{' '.join(taken)}  →  {' '.join(put) or '(gone)'}"
