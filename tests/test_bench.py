"""What is measured is the same work: every peer points at the same cells, ours too, whatever the time."""

from collections import Counter

import pytest

from tests.night_kit import PERSON, ask, book, new_home, person
from trials.bench import peers

pytestmark = pytest.mark.slow


def test_all_find_the_same_cells_and_read_the_same_rows(tmp_path):
    table, book = tmp_path / "rows.parquet", tmp_path / "名单.xlsx"
    peers.make_rows(table, 1_000)
    peers.make_book(table, book)
    found = {name: peer(table)() for name, (_, peer) in peers.VALIDATING.items()}
    assert len(found["ours"]) == 30
    assert all(cells == found["ours"] for cells in found.values())
    assert {frozenset(reader(book)()) for _, reader in peers.READING.values()} == {frozenset({(1_000, "rows")})}


def test_a_spoilt_roster_is_spoilt_by_the_share_that_is_said_and_its_clean_twin_not_at_all(tmp_path):
    from trials import bench

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
    from trials import bench

    home = new_home(tmp_path / "home")
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(n) for n in range(1, 4)])
    for name, where in (("floor", home), ("night", home), ("quiet", home)):
        assert bench._in_a_process(name, where, tmp_path)["cpu_s"] > 0
    assert ask(home, "select rows_accepted from submission") == [(3,)]
