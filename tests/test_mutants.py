"""The faults that are put in on purpose: a gap of the examples or tests is found, and where there is none none is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from low_income.model import ROOT, MonitorError
from low_income.settings import contracts
from low_income.warehouse.models import Models, read_models

from trials import mutants
from trials.mutants import python, sql

QUERY = """
select unit.unit_code as unit_code
from input.unit as unit
where unit.unit_kind = 'division' and unit.policy_region <> '北片'
"""
TWO = "{unit_code: d01, unit_kind: division, policy_region: 北片}, {unit_code: d02, unit_kind: division, policy_region: 南片}"
BUREAU = "{unit_code: bureau, unit_kind: bureau, policy_region: 南片}"


def models_of(folder: Path, units: str, query: str = QUERY, expect: str = "[d02]") -> Models:
    """One model, `registry.elsewhere`, with one example on these units."""
    (folder / "registry").mkdir(parents=True)
    (folder / "registry" / "elsewhere.sql").write_text(query, encoding="utf-8")
    example = f"{{name: one, night: 2026-10-31, given: {{input.unit: [{units}]}}, expect: {expect}}}"
    (folder / "registry" / "elsewhere.yml").write_text(
        f"grain: one row per division outside the north\nkey: [unit_code]\nexamples: [{example}]\n", encoding="utf-8"
    )
    return read_models(contracts.load().kinds, folder)


def survivors(models: Models) -> list[str]:
    table = "registry.elsewhere"
    with sql.judging(models, table) as judge:
        verdicts = [judge(each) for each in sql.mutants(models, table)]
    assert len(verdicts) == 5 and None not in verdicts
    return [each.mutant.what for each in verdicts if each and not each.noticed_by]


def test_a_condition_that_no_example_needs_is_found(tmp_path: Path) -> None:
    assert survivors(models_of(tmp_path, TWO)) == [
        "result: the right condition alone: unit.unit_kind = 'division' AND unit.policy_region <> '北片'"
    ]


def test_where_every_condition_is_needed_no_fault_survives(tmp_path: Path) -> None:
    assert survivors(models_of(tmp_path, f"{TWO}, {BUREAU}")) == []


def test_an_example_that_does_not_hold_is_no_judge(tmp_path: Path) -> None:
    with (
        pytest.raises(sql.Unsound, match="one: expected, but not found"),
        sql.judging(models_of(tmp_path, TWO, expect="[d01]"), "registry.elsewhere"),
    ):
        pass


def test_what_is_wrong_with_a_reader_is_noticed_by_its_example(tmp_path: Path) -> None:
    """The example beside the model does not look at the second column; the one beside its reader does."""
    models_of(tmp_path, TWO, QUERY.replace("as unit_code", "as unit_code, coalesce(unit.name, '无') as name"))
    (tmp_path / "registry" / "named.sql").write_text(
        "select elsewhere.name as name from registry.elsewhere as elsewhere", encoding="utf-8"
    )
    (tmp_path / "registry" / "named.yml").write_text(
        f"grain: one row per name\nkey: [name]\nexamples: [{{name: two, night: 2026-10-31, given: {{input.unit: [{TWO}]}}, expect: [无]}}]\n",
        encoding="utf-8",
    )
    models = read_models(contracts.load().kinds, tmp_path)
    (dropped,) = [each for each in sql.mutants(models, "registry.elsewhere") if "default" in each.what]
    with sql.judging(models, "registry.elsewhere") as judge:
        assert judge(dropped) == sql.Verdict(dropped, "registry.named: two", is_seen=True)


EVERYTHING = """
select distinct
    min(case when a.x > 1 then 7 when a.x in (2, 3) then 8 else 9 end) over (partition by a.x, a.y order by a.z desc) as low,
    coalesce(b.y, 0) + 1 as more
from input.a as a
left join input.b as b on a.x = b.x
inner join input.c as c on a.x = c.x
where not a.y < 5
union all
select d.low as low, d.more as more from input.d as d
"""


def test_each_kind_of_fault_is_put_in(tmp_path: Path) -> None:
    models = models_of(tmp_path, TWO, EVERYTHING)
    made = sql.mutants(models, "registry.elsewhere")
    assert {each.what.split(": ")[1] for each in made} == {
        "1 becomes 0", "1 becomes 2", "2 becomes 1", "2 becomes 3", "3 becomes 2", "3 becomes 4", "5 becomes 4", "5 becomes 6",
        "7 becomes 6", "7 becomes 8", "8 becomes 7", "8 becomes 9", "9 becomes 10", "9 becomes 8", "0 becomes -1", "0 becomes 1",
        "add becomes sub", "distinct is dropped", "else is dropped", "eq becomes neq", "gt becomes gte",
        "item no. 1 is dropped", "item no. 2 is dropped", "left join becomes inner join", "lt becomes lte", "min becomes max",
        "partition no. 1 is dropped", "partition no. 2 is dropped", "the condition is dropped", "the last default is dropped",
        "the lower branch alone", "the order is turned round", "the upper branch alone", "when no. 1 is dropped",
        "when no. 2 is dropped", "without not",
    }  # fmt: skip
    assert len({each.sql for each in made}) == len(made), "each is another query"


def test_a_sample_is_the_same_whatever_the_order_and_a_larger_one_holds_it() -> None:
    names = [f"fault {number}" for number in range(50)]
    few = mutants.chosen(names, str, 5, seed=1)
    assert len(few) == 5 and few != names[:5]
    assert mutants.chosen(reversed(names), str, 5, seed=1) == few == mutants.chosen(names, str, 9, seed=1)[:5]
    assert mutants.chosen(names, str, 5, seed=2) != few
    assert sorted(mutants.chosen(names, str, None, seed=1)) == sorted(names)


def test_every_module_that_is_mutated_names_its_tests() -> None:
    asked = mutants.settings()["modules"]
    there = [
        module
        for folder in ("values", "checks", "night/issues.py")
        for module in mutants.below(ROOT, f"pipeline/low_income/{folder}")
    ]
    assert sorted(asked) == sorted(there)
    assert [test for tests in asked.values() for test in tests if not (ROOT / test).is_file()] == []
    assert all(asked.values())


def test_a_score_names_what_survived() -> None:
    text = mutants.told([mutants.Score("a.py", 3, ["line 7: x"]), mutants.Score("b.py", 1)])
    assert text.splitlines()[1:] == [
        "       3      4  a.py", "       1      1  b.py", "       4      5  together: 80%", "", "Survivors in a.py:", "  line 7: x",
    ]  # fmt: skip


def test_a_copy_has_what_git_knows_and_what_is_new_and_nothing_that_is_ignored(tmp_path: Path) -> None:
    checkout, copy = tmp_path / "checkout", tmp_path / "copy"
    (checkout / "sub").mkdir(parents=True)
    for name in ("known.py", "sub/new.py", "ignored.db", "gone.py"):
        (checkout / name).write_text(name, encoding="utf-8")
    (checkout / ".gitignore").write_text("*.db\n", encoding="utf-8")
    for command in (["init", "-q"], ["add", "known.py", "gone.py"]):
        subprocess.run(["git", *command], cwd=checkout, check=True)
    (checkout / "gone.py").unlink()
    python.copy_checkout(checkout, copy)
    found = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    assert found == {".gitignore", "known.py", "sub/new.py"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "adult.py").write_text(
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import ast\n\n\n"
        "def adult(age: int | None) -> bool:\n    return age is not None and age >= 18\n",
        encoding="utf-8",
    )
    (tmp_path / "test_adult.py").write_text(
        "from adult import adult\n\n\ndef test_adult():\n    assert adult(20) and not adult(7)\n", encoding="utf-8"
    )
    return tmp_path


def try_adult(checkout: Path, left_out: list[str]) -> mutants.Score:
    return python.try_module(checkout, "adult.py", ["test_adult.py"], left_out, seconds=5, sample=None, seed=1)


LEFT_OUT = [r"ReplaceComparisonOperator_\w+_(?!Gt$|IsNot$|Is$)\w+", "ReplaceBinaryOperator_.*"]


@pytest.mark.slow
def test_an_edge_that_no_test_asks_about_is_found_and_an_annotation_is_no_edge(checkout: Path) -> None:
    before = (checkout / "adult.py").read_bytes()
    score = try_adult(checkout, LEFT_OUT)
    assert any("age > 18" in each and each.startswith("line 8, adult") for each in score.survivors)
    asked = (checkout / "test_adult.py").read_text(encoding="utf-8")
    more = "    assert adult(18) and not adult(17) and not adult(None)\n"
    (checkout / "test_adult.py").write_text(asked + more, encoding="utf-8")
    closed = try_adult(checkout, LEFT_OUT)
    assert closed.survivors == [] and closed.noticed == score.tried
    assert try_adult(checkout, ["(?!ReplaceBinaryOperator).*"]).tried == 0, "of `int | None` nobody asks"
    assert (checkout / "adult.py").read_bytes() == before


@pytest.mark.slow
def test_tests_that_fail_without_any_change_are_no_judge(checkout: Path) -> None:
    (checkout / "test_adult.py").write_text("def test_nothing():\n    assert False\n", encoding="utf-8")
    with pytest.raises(MonitorError, match="fail without any change"):
        python.measure(checkout, ["test_adult.py"])
