"""What we stand on: hashed, licensed, asked about, and looked at by rules of security that nobody switches off without a reason."""

import importlib.metadata
import importlib.util
import json
import re
import tomllib

import pytest
from low_income.model import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

specification = importlib.util.spec_from_file_location("supply_chain", ROOT / ".ci" / "supply_chain.py")
assert specification and specification.loader
supply_chain = importlib.util.module_from_spec(specification)
specification.loader.exec_module(supply_chain)


def test_the_licence_page_is_in_step_with_the_lock_and_with_what_is_installed():
    assert supply_chain.PAGE.read_text(encoding="utf-8") == supply_chain.page(), "run: make licences"
    assert len(supply_chain.locked()) > 200


def needed(names: list[str]) -> set[str]:
    """What these distributions need, and what that needs, as it is installed here; markers are judged for this machine."""
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(name) for name in names]
    while waiting:
        each = waiting.pop()
        name = canonicalize_name(each.name)
        for extra in {"", *each.extras}:
            if (name, extra) in found:
                continue
            found.add((name, extra))
            waiting += [
                one
                for one in map(Requirement, importlib.metadata.requires(name) or [])
                if one.marker is None or one.marker.evaluate({"extra": extra})
            ]
    return {name for name, _ in found}


def test_the_lock_of_the_operator_has_what_the_wheel_needs_and_nothing_that_only_development_does():
    locked, of_development = (
        supply_chain.locked(supply_chain.LOCK),
        supply_chain.locked(supply_chain.LOCK_OF_DEVELOPMENT),
    )
    wheel = needed(["low-income-monitoring[airflow,mysql,postgres]"]) - {"low-income-monitoring"}
    assert "apache-airflow-core" in wheel and "pytest" in of_development
    assert wheel <= set(locked)
    assert not wheel & set(of_development)
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    assert needed(groups["dev"]) <= {*locked, *of_development}


def test_the_split_takes_out_what_the_other_lock_has_under_the_same_condition(tmp_path, monkeypatch):
    ours, theirs = tmp_path / "a.lock", tmp_path / "b.lock"
    ours.write_text("a==1 \\\n    --hash=sha256:1\nb==2 ; sys_platform == 'win32' \\\n    --hash=sha256:2\n")
    theirs.write_text("a==1 \\\n    --hash=sha256:1\nb==2 \\\n    --hash=sha256:2\nc==3 \\\n    --hash=sha256:3\n")
    monkeypatch.setattr(supply_chain, "LOCK", ours)
    monkeypatch.setattr(supply_chain, "LOCK_OF_DEVELOPMENT", theirs)
    assert supply_chain.main(["split"]) == 0
    assert theirs.read_text() == "b==2 \\\n    --hash=sha256:2\nc==3 \\\n    --hash=sha256:3\n"
    assert supply_chain.locked() == {"a": ["1"], "b": ["2"], "c": ["3"]}


def test_the_bill_names_all_that_an_operator_installs_and_is_the_same_text_each_time():
    text = supply_chain.bill()
    assert text == supply_chain.bill()
    told = {(each["name"], each["version"]): each for each in json.loads(text)["components"]}
    assert set(told) == {
        (name, version) for name, versions in supply_chain.locked(supply_chain.LOCK).items() for version in versions
    }
    block = next(each for each in supply_chain.blocks(supply_chain.LOCK) if each.startswith("lxml=="))
    (lxml,) = (each for (name, _), each in told.items() if name == "lxml")
    assert sorted(each["content"] for each in lxml["hashes"]) == sorted(re.findall(r"sha256:(\w+)", block))
    assert lxml["licenses"] == [{"expression": "BSD-3-Clause"}]


def test_every_licence_is_one_that_is_allowed():
    refused = {
        name: licence
        for name in supply_chain.locked()
        if not supply_chain.is_allowed(licence := supply_chain.licence_of(name))
    }
    assert refused == {}


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("(MIT AND PSF-2.0) OR GPL-3.0-only", True),
        ("AGPL-3.0-only", False),
        ("Proprietary", False),
        ("", False),
    ],
)
def test_a_licence_that_is_unknown_or_forbidden_is_refused(expression, allowed):
    assert supply_chain.is_allowed(expression) is allowed


def answer(*packages):
    return json.dumps({"dependencies": list(packages), "fixes": []})


CLEAN = {"name": "lxml", "version": "6.0", "vulns": []}
SKIPPED = {"name": "duckdb", "skip_reason": "Dependency not found on PyPI and could not be audited"}
KNOWN = {"name": "x", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}


@pytest.mark.parametrize(
    ("told", "code", "said"),
    [
        (answer(CLEAN), 0, "1 packages asked about, no known vulnerability"),
        (answer(CLEAN, KNOWN), 1, "x 1.0: PYSEC-1 (fixed in: 1.1)"),
        (answer(SKIPPED, KNOWN), 1, "PYSEC-1"),
        (answer(SKIPPED, SKIPPED), 3, "could NOT be asked about 2 of 2"),
        (answer(CLEAN, SKIPPED), 3, "could NOT be asked about 1 of 2"),
        (answer(), 3, "could NOT be asked"),
        ("", 3, "could NOT be asked: connection refused"),
    ],
)
def test_an_audit_that_could_not_ask_never_passes_for_one_that_did(capsys, told, code, said):
    assert supply_chain.judge(told, "warning\nconnection refused\n") == code
    assert said in capsys.readouterr().out


def test_the_gate_asks_and_only_a_known_vulnerability_stops_it():
    rules = dict(
        re.findall(r"^(\S+):[^\n]*\n((?:\t[^\n]*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M)
    )
    assert re.search(r"supply_chain\.py audit \|\| \[ \$\$\? -eq 3 \]", rules["test"])
    assert rules["audit"].strip().endswith("supply_chain.py audit")


def test_rules_of_security_are_on_and_each_exception_has_its_reason():
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    assert "S" in ruff["select"]
    assert {rule for rule in ruff["ignore"] if re.match(r"S\d", rule)} == {"S101", "S608"}
    assert {
        where for where, rules in ruff["per-file-ignores"].items() if any(re.match(r"S(\d|$)", rule) for rule in rules)
    } == {"tests/**"}
    bare = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for folder in ("pipeline", "trials", "docs_site", "dags", ".ci")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"# noqa: [^-]*\bS\d{3}", line) and not re.search(r"# noqa: [A-Z0-9, ]+ - \w", line)
    ]
    assert bare == []
