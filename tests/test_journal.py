"""The journal: what is written is read again, nothing personal lies open, and whoever touches a line is noticed."""

import itertools
import json
import multiprocessing
import os
from datetime import UTC, datetime

import pytest
from low_income.model import ConfigError, MonitorError
from low_income.records import journal, seal
from low_income.records.journal import Head
from low_income.settings.home import Home

AT = datetime(2026, 10, 31, 18, 0, tzinfo=UTC)


@pytest.fixture
def home(tmp_path):
    Home.create(tmp_path / "home")
    home = Home(tmp_path / "home")
    for n in range(4):
        journal.write(home, "looked", {"warning_id": f"ab!{n}", "because": "核对某甲的情况"}, who="分析员", at=AT)
    return home


def lines(home):
    return journal.path(home).read_text(encoding="utf-8").splitlines(keepends=True)


def test_what_was_written_is_read_in_order_and_lies_sealed(home):
    entries = list(journal.read(home))
    assert [(each.seq, each.about["warning_id"], each.at) for each in entries] == [
        (n + 1, f"ab!{n}", AT) for n in range(4)
    ]
    assert "某甲" not in "".join(lines(home)) and "ab!0" not in "".join(lines(home))
    assert journal.path(home).stat().st_mode & 0o777 == 0o600
    assert journal.head(home) == Head(4, entries[-1].hash)


@pytest.mark.parametrize(
    "order",
    [p for p in itertools.permutations(range(4)) if p != (0, 1, 2, 3)] + [(1, 2, 3), (0, 2, 3), (0, 1, 3), (0, 0, 1)],
)
def test_lines_reordered_removed_or_doubled_are_noticed(home, order):
    before = lines(home)
    journal.path(home).write_text("".join(before[n] for n in order), encoding="utf-8")
    with pytest.raises(MonitorError, match=r"日志第 \d+ 行"):
        list(journal.read(home))


@pytest.mark.parametrize(
    "change",
    [{"who": "别人"}, {"what": "decided"}, {"at": "2026-10-30T18:00:00.000000Z"}, {"sealed": "x"}, {"hash": "0" * 64}],
)
def test_a_changed_line_is_noticed(home, change):
    text = lines(home)
    text[1] = json.dumps(json.loads(text[1]) | change, ensure_ascii=False) + "\n"
    journal.path(home).write_text("".join(text), encoding="utf-8")
    with pytest.raises(MonitorError, match="日志第 2 行"):
        list(journal.read(home))


def test_details_of_one_line_moved_to_another_are_noticed(home):
    text = [json.loads(line) for line in lines(home)]
    text[1]["sealed"], text[2]["sealed"] = text[2]["sealed"], text[1]["sealed"]
    journal.path(home).write_text("".join(json.dumps(line) + "\n" for line in text), encoding="utf-8")
    with pytest.raises(MonitorError, match="日志第 2 行"):
        list(journal.read(home))


def test_lines_cut_off_at_the_end_are_noticed_by_who_remembers_the_last(home):
    last = journal.head(home)
    assert journal.holds(home, last) and journal.holds(home, Head(0, "0" * 64))
    journal.path(home).write_text("".join(lines(home)[:3]), encoding="utf-8")
    assert len(list(journal.read(home))) == 3
    assert not journal.holds(home, last)
    journal.write(home, "looked", {"warning_id": "other"}, who="别人", at=AT)
    assert not journal.holds(home, last)


@pytest.mark.parametrize("half", [b'{"seq": 5, "at"', b"\x00" * 300])
def test_half_a_line_that_a_crash_left_is_cut_off(home, half):
    with journal.path(home).open("ab") as file:
        file.write(half)
    assert journal.head(home).seq == 4
    journal.write(home, "looked", {}, who="分析员", at=AT)
    assert [each.seq for each in journal.read(home)] == [1, 2, 3, 4, 5]


def _write_ten(root):
    for _ in range(10):
        journal.write(Home(root), "looked", {}, who="x", at=AT)


def test_many_writers_make_one_chain(home):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_ten, args=(home.root,)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [each.seq for each in journal.read(home)] == list(range(1, 35))


def test_a_new_key_leaves_the_chain_as_it_was_and_the_old_key_opens_nothing(home):
    before, old = list(journal.read(home)), (home.keys / "ledger.key").read_text()
    assert journal.renew(home, seal.add_key(home)) == 4
    seal.drop_old_keys(home)
    assert list(journal.read(home)) == before
    (home.keys / "ledger.key").write_text(old)
    with pytest.raises(seal.Unopened, match=r"日志一行也打不开.*ledger\.key"):
        list(journal.read(home))


def test_one_line_that_does_not_open_is_a_changed_line_and_no_other_key(home):
    first, *rest = lines(home)
    told = json.loads(first)
    spoilt = json.dumps(told | {"sealed": told["sealed"][:-8] + "AAAAAA=="}) + "\n"
    journal.path(home).write_text("".join([spoilt, *rest]), encoding="utf-8")
    with pytest.raises(MonitorError, match="日志第 1 行"):
        list(journal.read(home))
    journal.path(home).write_text('{"sealed": 5}\nno line\n[]\n', encoding="utf-8")
    with pytest.raises(MonitorError, match="日志第 1 行"):
        list(journal.read(home))


def test_a_key_that_others_can_read_or_that_is_none_is_refused(home):
    key = home.keys / "ledger.key"
    key.chmod(0o640)
    with pytest.raises(ConfigError, match="0600"):
        list(journal.read(home))
    key.chmod(0o600)
    for broken in ("", "abc"):
        key.write_text(broken)
        with pytest.raises(ConfigError, match=r"keys/ledger\.key"):
            list(journal.read(home))


def test_a_line_that_did_not_fit_on_the_disk_is_an_error_and_leaves_no_trace(home, monkeypatch):
    before, honest = journal.path(home).read_bytes(), os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda handle, line: honest(handle, line[:40]))
        with pytest.raises(OSError, match="No space"):
            journal.write(home, "looked", {}, who="分析员", at=AT)
    assert journal.path(home).read_bytes() == before
    journal.write(home, "looked", {}, who="分析员", at=AT)
    assert [entry.seq for entry in journal.read(home)] == [1, 2, 3, 4, 5]


def test_a_line_is_on_the_disk_before_anybody_is_told_that_it_was_written(home, monkeypatch):
    synced, honest = [], os.fsync

    def fsync(handle):
        honest(handle)
        synced.append(os.pread(handle, os.fstat(handle).st_size, 0))

    monkeypatch.setattr(os, "fsync", fsync)
    journal.write(home, "looked", {}, who="分析员", at=AT)
    assert synced == [journal.path(home).read_bytes()], "once, with the whole line in it"


def test_half_a_line_is_cut_off_on_the_disk_as_well(home, monkeypatch):
    whole, synced, honest = journal.path(home).read_bytes(), [], os.fsync
    journal.path(home).write_bytes(whole + b'{"seq":')

    def fsync(handle):
        honest(handle)
        synced.append(os.fstat(handle).st_size)

    monkeypatch.setattr(os, "fsync", fsync)
    journal.head(home)
    assert synced == [len(whole)]
