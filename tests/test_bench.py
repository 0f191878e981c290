"""What is measured is the same work: every peer points at the same cells, ours too, whatever the time."""

from collections import Counter

import pytest
from click.testing import CliRunner
from low_income.cli import monitor
from low_income.model import MonitorError

from tests.night_kit import PERSON, ask, book, new_home, person
from trials import bench
from trials.bench import peers, steps

pytestmark = pytest.mark.slow


def test_all_find_the_same_cells_and_read_the_same_rows(tmp_path):
    table, book = tmp_path / "rows.parquet", tmp_path / "名单.xlsx"
    peers.make_rows(table, 1_000)
    peers.make_book(table, book)
    found = {name: peer(table)() for name, (_, peer) in peers.VALIDATING.items()}
    assert len(found["ours"]) == 30
    assert all(cells == found["ours"] for cells in found.values())
    assert {frozenset(reader(book)()) for _, reader in peers.READING.values()} == {frozenset({(1_000, "rows")})}
    marked = {frozenset(marker(book)()()) for _, marker in peers.MARKING.values()}
    assert marked == {frozenset((row, "E") for row in range(3, 1_003, 100))}


def test_a_spoilt_roster_is_spoilt_by_the_share_that_is_said_and_its_clean_twin_not_at_all(tmp_path):
    for share in (0.0, 0.3):
        peers.make_rows(tmp_path / "rows.parquet", 1_000, bad_cells=share)
        failing = Counter(field for _, field in peers.VALIDATING["ours"][1](tmp_path / "rows.parquet")())
        # A relation that is no word of ours is 其他.
        assert failing == dict.fromkeys(set(peers.FIELDS) - {"relation"}, 300) if share else not failing
    assert {share for _, share in bench.ERRORS.values()} == {0.0, 0.3}


def test_a_measurement_of_different_work_is_none(monkeypatch):
    monkeypatch.setattr(peers, "VALIDATING", {name: peers.VALIDATING[name] for name in ("ours", "pandera")})
    ask = peers._in_a_process
    monkeypatch.setattr(
        peers,
        "_in_a_process",
        lambda what, name, path: ask(what, name, path) | ({"digest": ""} if name != "ours" else {}),
    )
    with pytest.raises(Exception, match="测量作废"):
        peers.measure(500, rounds=1, on_step=lambda *_: None)


def test_each_measured_thing_runs_in_a_process_of_its_own(tmp_path):
    home = new_home(tmp_path / "home")
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(n) for n in range(1, 4)])
    for name, where in (("floor", home), ("night", home), ("quiet", home)):
        assert bench._in_a_process(name, where, tmp_path)["cpu_s"] > 0
    assert ask(home, "select rows_accepted from submission") == [(3,)]


def test_the_steps_one_after_the_other_are_the_whole_night(tmp_path):
    home = new_home(tmp_path / "home")
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(n) for n in range(1, 4)])
    used = steps.measure_steps(home, bench.NIGHT, lambda: bench.usage()["cpu_s"])
    assert [*used, "quiet"] == list(steps.TITLES)
    assert ask(home, "select rows_accepted from submission") == [(3,)]
    assert (home / "returns/d01/边缘人员.xlsx").exists()
    assert list((home / "outbox").glob("2026-10-31*"))


@pytest.mark.parametrize(
    ("kept", "now", "is_dearer"),
    [
        (2.0, 2.5, False), (2.0, 2.51, True), (2.0, 1.0, False),
        (0.1, 0.29, False), (0.1, 0.37, False), (0.1, 0.38, True),
    ],
)  # fmt: skip
def test_a_step_is_named_when_it_costs_a_quarter_more_than_before(kept, now, is_dearer):
    before, ratios = {"read": kept, "check": 1.0}, {"read": now, "check": 1.0, "build": 9.0}
    assert steps.grown(ratios, before) == (["read"] if is_dearer else [])
    said = steps.as_text(ratios, before)
    assert ("注意：“读”的 CPU 是上一次的" in said) == is_dearer
    assert ("没有哪一步" in said) == (not is_dearer)
    assert "| 建 | 9.00 | 没有 |" in said


def test_figures_are_kept_and_read_again(tmp_path):
    kept = tmp_path / "build/figures.json"
    assert steps.read_kept(kept) == {}
    steps.keep(kept, {"read": 1.234, "check": 2.0})
    assert steps.read_kept(kept) == {"read": 1.23, "check": 2.0}
    for spoilt in ("[1]", "{", '{"read": "多"}', '{"read": null}'):
        kept.write_text(spoilt, encoding="utf-8")
        with pytest.raises(MonitorError, match="读不出上一次的测量"):
            steps.read_kept(kept)


def test_the_quick_measurement_compares_with_what_was_kept_and_keeps_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "QUICK", (300, 600))
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    steps.keep(before, dict.fromkeys(steps.TITLES, 1_000.0))
    done = CliRunner().invoke(
        monitor, ["bench", "--quick", "--figures", str(before), "--keep-figures", str(after)], catch_exceptions=False
    )
    assert done.exit_code == 0
    assert "1000.00" in done.output
    assert list(steps.read_kept(after)) == list(steps.TITLES)
    refused = CliRunner().invoke(monitor, ["bench", "--figures", str(before)])
    assert refused.exit_code == 2
    assert "--quick" in refused.output
