"""The rooms: who may know whom, what stands where, what things are called, and what must not be there at all."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "pipeline" / "low_income"
MODULES = sorted(path for folder in ("pipeline", "trials", "docs_site") for path in (ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": f"{folder / 'pipeline'}{os.pathsep}{folder}", "PATH": ""},
    )


def test_rooms_keep_to_themselves():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("records/keyed_ids.py", "import airflow", "does not know Airflow"),
        ("operate/doctor.py", "from trials import bench", "does not know by what it is tried"),
        ("operate/doctor.py", "from docs_site import pages", "does not know by what it is tried"),
        ("settings/policy.py", "from low_income.records import keyed_ids", "Floors"),
        ("values/dates.py", "from low_income.reading import months", "Floors"),
        ("model.py", "from low_income.settings import contracts", "Floors"),
        ("warehouse/decided.py", "from low_income.night import build_inputs", "Floors"),
        ("night/read.py", "from low_income.night import run", "The night"),
        ("night/inbox.py", "from low_income.night import rosters", "The night"),
        ("records/journal.py", "from low_income.records import access", "Records"),
        ("night/night_report.py", "import duckdb", "One door to DuckDB"),
        ("night/build_inputs.py", "import great_expectations", "One door to Great Expectations"),
        ("night/inbox.py", "import sqlalchemy", "One door to Great Expectations"),
    ],
)
def test_a_step_into_another_room_is_noticed(tmp_path, file, line, broken):
    import shutil

    for package in ("pipeline", "trials", "docs_site"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    module = tmp_path / "pipeline" / "low_income" / file
    module.write_text(module.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    said = " ".join(done.stdout.split())
    assert re.search(rf"{broken}[^.]*? BROKEN", said), done.stdout


def test_dags_say_when_and_not_what():
    allowed = re.compile(
        r"^(airflow|failures|pendulum|low_income|__future__|os|sys|datetime|pathlib|typing|collections|contextlib|json|logging|importlib|signal|socket|subprocess|re|time|types)\b"
    )
    for path in sorted((ROOT / "dags").glob("*.py")):
        assert not [name for name in imported(path) if not allowed.match(name)], path.name


ENTRY_POINTS = {
    "cli/command.py": "today, where the night's date is not given",
    "cli/home.py": "how old what a home keeps is, for `doctor`",
    "records/bookkeeping.py": "moments written down in the journal",
    "records/turns.py": "how long a night of the scheduler did nothing; no table depends on it",
    "operate/integrity.py": "moments written down in the journal",
    "operate/rights.py": "moments written down in the journal",
} | dict.fromkeys(
    [
        f"night/{step}.py"
        for step in ("begin", "build", "check", "collect", "fetch", "give_back", "notify", "publish", "read", "run")
    ],
    "moments written down in journal and ledger, and whether a file stands still; what a step works with is told the moment",
)


def test_nobody_below_the_entry_points_asks_a_clock():
    clock = re.compile(r"\b(?:datetime\.now|datetime\.utcnow|date\.today|time\.time|current_date|now\(\))")
    asking = {
        path.relative_to(ROOT / "pipeline" / "low_income").as_posix()
        if path.is_relative_to(ROOT / "pipeline" / "low_income")
        else path.name
        for path in MODULES
        if clock.search(re.sub(r"#[^\n]*|\"\"\".*?\"\"\"", "", path.read_text(encoding="utf-8"), flags=re.S))
    }
    assert asking == set(ENTRY_POINTS)
    for path in sorted((ROOT / "sql").rglob("*.sql")):
        assert not re.search(
            r"\b(?:current_date|current_timestamp|now\s*\(|today\s*\()", path.read_text(encoding="utf-8")
        ), path.name


def test_the_page_of_words_is_true_and_words_that_were_given_up_stay_away():
    page = (ROOT / "docs" / "words.md").read_text(encoding="utf-8")
    verbs = {
        verb.replace(" ", "_")
        for cell in re.findall(r"^\| ([a-z ,]+) \|", page.split("## Verbs")[1].split("## Nouns")[0], re.M)
        for verb in cell.split(", ")
        if verb != "verb"
    }
    called = {
        node.name.lstrip("_")
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert sorted(verb for verb in verbs if not any(re.match(rf"{verb}(_|$)", name) for name in called)) == []
    given_up = re.compile(r"examine|pass_through|write_down|told_before|surroundings|mending|exception", re.IGNORECASE)
    assert sorted(name for name in called if given_up.match(name)) == []


def test_what_a_room_says_that_it_offers_is_there():
    import importlib

    offers = [path for path in MODULES if re.search(r"^__all__\b", path.read_text(encoding="utf-8"), re.M)]
    assert len(offers) > 4
    for path in offers:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        module = importlib.import_module(name)
        assert [each for each in module.__all__ if not hasattr(module, each)] == [], name


def test_no_drawer_for_everything_and_no_second_version():
    names = [path.stem for path in [*MODULES, *(ROOT / "sql").rglob("*.sql")]]
    assert not [name for name in names if name in ("utils", "helpers", "common", "misc") or re.search(r"_v\d+$", name)]


def test_each_dependency_has_its_reason_beside_it():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)
    extras = project["project"]["optional-dependencies"]
    named = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    named += [dependency for extra in extras.values() for dependency in extra]
    for dependency in named:
        assert re.search(rf'"{re.escape(dependency)}",\s+# \w+', text), f"{dependency} has no reason"


@pytest.mark.parametrize("file", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_is_hashed_and_names_no_address(file):
    lock = (ROOT / file).read_text(encoding="utf-8")
    assert "://" not in lock and "index" not in re.sub(r"^[a-z].*==.*$", "", lock, flags=re.M)
    for block in re.split(r"\n(?=[a-z0-9])", lock.strip()):
        assert "==" in block and "--hash=sha256:" in block, block.splitlines()[0]


def test_ci_runs_what_the_readme_says():
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make test" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_what_make_explore_changes_is_what_a_property_goes_by():
    """Its hook of tests/conftest.py uses an attribute that Hypothesis does not document."""

    @settings(max_examples=1, database=None)
    @given(strategies.integers())
    def once(each: int) -> None:
        tried.append(each)

    tried: list[int] = []
    once._hypothesis_internal_use_settings = settings(once._hypothesis_internal_use_settings, max_examples=7)
    once()
    assert len(tried) == 7


def test_test_modules_share_by_kits_and_name_them_in_one_way():
    """No test module imports another one; a kit is imported as `tests.x_kit`, so that there is one of it in a process."""
    kits = {path.stem for path in (ROOT / "tests").glob("*_kit.py")}
    for path in sorted((ROOT / "tests").glob("*.py")):
        parts = {name for each in imported(path) for name in each.removeprefix("tests.").split(".")[:1]}
        assert not [name for name in parts if name.startswith("test_")], path.name
        assert not [name for name in imported(path) if name.split(".")[0] in kits], path.name
