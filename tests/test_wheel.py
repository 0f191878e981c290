"""What is installed from the wheel works without the checkout: its SQL, contracts, policy and samples are in it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.slow

Monitor = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def monitor(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Monitor:
    """The command in an environment of its own, started in another folder, where a stranger's package stands at the front.

    The libraries come from the environment of the tests, by a .pth file; the checkout's own .pth is not followed from
    there, so nothing leads to the checkout.
    """
    environment, work = tmp_path_factory.mktemp("environment"), tmp_path_factory.mktemp("work")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / "bin" / "python"
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (work / "dags" / "pipeline").mkdir(parents=True)
    strangers = work / "dags" / "pipeline" / "__init__.py"
    strangers.write_text("raise ImportError('the package of somebody else')\n", encoding="utf-8")
    around = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    around |= {"PYTHONPATH": str(work / "dags"), "MONITOR_REALLY": "1"}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(environment / "bin" / "monitor"), *words]
        return subprocess.run(command, cwd=work, env=around, capture_output=True, text=True, check=False)

    where = "import low_income.model as model; print(model.ROOT)"
    root = subprocess.run([str(python), "-c", where], cwd=work, env=around, capture_output=True, text=True, check=True)
    assert Path(root.stdout.strip()) == site / "low_income" / "shipped"
    return run


def test_the_wheel_holds_what_stands_beside_the_code_and_nothing_by_which_it_is_tried(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder in ("sql", "expectations", "policy", "dags"):
        here = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*") if path.is_file()}
        here = {name for name in here if "__pycache__" not in name}
        assert {name for name in here if f"low_income/shipped/{name}" not in names} == set()
    assert not [name for name in names if name.startswith(("trials/", "docs_site/", "tests/"))]


def test_what_was_installed_makes_a_home_and_runs_a_night(monitor: Monitor, tmp_path: Path) -> None:
    home, made, blank = tmp_path / "home", tmp_path / "made", tmp_path / "空白.xlsx"

    def works(*words: str) -> str:
        done = monitor(*words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    works("--home", str(home), "init")
    works("generate", "--people", "300", "--seed", "1", "--date", "2026-10-31", str(made))
    sent = sorted((made / "inbox" / "d01").glob("*.xlsx"))[0]
    dropped = home / "inbox" / "d01" / sent.name
    dropped.write_bytes(sent.read_bytes())
    os.utime(dropped, (0, 0))
    works("--home", str(home), "run", "--date", "2026-10-31", "--really")
    assert (home / "warehouse.duckdb").exists() and list((home / "returns" / "d01").glob("*.xlsx"))
    works("--home", str(home), "report", "--out", str(tmp_path / "报告.html"))
    assert (tmp_path / "报告.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    works("template", "dibao_person", "--out", str(blank))
    checked = monitor("--home", str(home), "check", str(blank), "--unit", "d01")
    assert checked.returncode == 1 and "Traceback" not in checked.stderr, checked
    assert "低保人员" in checked.stdout, checked
