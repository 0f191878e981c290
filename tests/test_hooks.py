"""`make hooks`: what git runs before a commit lets a clean change pass and stops another, without fetching anything."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from low_income.model import ROOT

HOOK = ROOT / ".ci" / "hooks" / "pre-commit"


def tool(folder: Path, name: str, exit_code: int) -> None:
    """A program that writes its arguments down and ends with a code."""
    path = folder / ".venv" / "bin" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\necho {name} "$@" >> asked.txt\nexit {exit_code}\n', encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git = shutil.which("git")
    if not git:
        pytest.skip("git is not installed")
    subprocess.run([git, "init", "-q", str(tmp_path)], check=True)
    for name in ("a.sql", "b.py"):
        (tmp_path / name).write_text("select 1\n", encoding="utf-8")
    subprocess.run([git, "add", "."], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.parametrize(("ruff", "sqlfluff", "code"), [(0, 0, 0), (1, 0, 1), (0, 1, 1)])
def test_a_commit_is_stopped_by_what_ruff_and_sqlfluff_find(
    checkout: Path, ruff: int, sqlfluff: int, code: int
) -> None:
    tool(checkout, "ruff", ruff)
    tool(checkout, "sqlfluff", sqlfluff)
    done = subprocess.run([str(HOOK)], cwd=checkout, check=False, capture_output=True, text=True)
    assert done.returncode == code
    asked = (checkout / "asked.txt").read_text(encoding="utf-8").splitlines()
    assert asked[0] == "ruff check --quiet"
    if not ruff:
        assert asked[1:] == ["ruff format --check --quiet", "sqlfluff lint --nocolor a.sql"]


def test_without_an_environment_it_says_what_to_do(checkout: Path) -> None:
    done = subprocess.run([str(HOOK)], cwd=checkout, check=False, capture_output=True, text=True)
    assert done.returncode == 1 and "make lint" in done.stderr


def test_make_hooks_switches_on_what_is_in_the_repository() -> None:
    assert "\n\tgit config core.hooksPath .ci/hooks\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
    text = HOOK.read_text(encoding="utf-8")
    assert "http" not in text and "pip" not in text
