"""What is measured is the same work: every peer points at the same cells, ours too, whatever the time."""

import pytest

from pipeline.bench import peers
from tests.night_kit import PERSON, ask, book, new_home, person

pytestmark = pytest.mark.slow


def test_all_find_the_same_cells_and_read_the_same_rows(tmp_path):
    table, book = tmp_path / "rows.parquet", tmp_path / "名单.xlsx"
    peers.make_rows(table, 1_000)
    peers.make_book(table, book)
    found = {name: peer(table)() for name, (_, peer) in peers.VALIDATING.items()}
    assert len(found["ours"]) == 30
    assert all(cells == found["ours"] for cells in found.values())
    assert {frozenset(reader(book)()) for _, reader in peers.READING.values()} == {frozenset({(1_000, "rows")})}


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
    from pipeline import bench

    home = new_home(tmp_path / "home")
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(n) for n in range(1, 4)])
    for name, where in (("floor", home), ("night", home), ("quiet", home)):
        assert bench._in_a_process(name, where, tmp_path)["cpu_s"] > 0
    assert ask(home, "select rows_accepted from submission") == [(3,)]
