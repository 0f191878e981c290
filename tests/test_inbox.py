"""What lies in the inbox and cannot be opened is told of and stops nobody; what a dying night had begun to take is not lost."""

import errno
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline import archive, custody, inbox, journal, notice, run
from pipeline.home import Home
from pipeline.ledger import Ledger
from tests.night_kit import DAY, PERSON, book, new_home, person, still

pytestmark = pytest.mark.slow

EVE = DAY - timedelta(days=1)


def _roster(home, unit, *people, name="边缘人员.xlsx"):
    return book(home / "inbox" / unit / name, PERSON, [person(n) for n in people])


@pytest.fixture
def refusing(monkeypatch):
    """Paths below which the system refuses to open, list or look: {path: errno}. Root may do all, so it has to be told."""
    said = {}
    opened, listed = os.open, os.scandir

    def asked(path):
        for each, number in said.items():
            if str(path) == str(each):
                raise OSError(number, os.strerror(number), str(path))

    def open_(path, *rest, **named):
        asked(path)
        return opened(path, *rest, **named)

    def scandir(path="."):
        asked(path)
        return listed(path)

    monkeypatch.setattr(inbox.os, "open", open_)
    monkeypatch.setattr(inbox.os, "scandir", scandir)
    return said


@pytest.mark.parametrize(
    ("number", "says"),
    [(errno.EACCES, "没有读取它的权限"), (errno.EIO, "读不出来"), (errno.ELOOP, "链接")],
)
def test_a_file_that_does_not_open_is_told_of_and_stays_and_the_others_go_on(tmp_path, refusing, number, says):
    home = new_home(tmp_path / "home")
    bad, _ = _roster(home, "d01", 1), _roster(home, "d02", 11)
    listed = home / "decisions/inbox/d01/清单.xlsx"
    listed.write_bytes(b"x")
    still(listed)
    (home / "inbox/d03/里面").mkdir()
    refusing |= {bad: number, listed: number, home / "inbox/d03/里面": number, home / "inbox/d04": number}
    assert run.collect(home, DAY) == ["d01", "d02", "d03", "d04"]
    assert bad.exists() and listed.exists() and not (home / "inbox/d02/边缘人员.xlsx").exists()
    ledger = Ledger.of(Home(home))
    told = {(each.unit_code, each.file_name): each.reading["refusal"]["reason"] for each in ledger.submissions()}
    assert set(told) == {("d01", "边缘人员.xlsx"), ("d03", "里面"), ("d04", inbox.WHOLE_FOLDER)}
    assert all(says in reason for reason in told.values())
    assert [each.refusal["code"] for each in ledger.decisions.files()] == ["unopened"]
    assert {each.unit_code for each in ledger.files(state="received")} == {"d02"}
    assert len(archive.kept(Home(home))) == 1
    run.give_back(home, DAY, "d01")
    assert (home / "returns/d01/边缘人员.xlsx").exists()
    assert says in "\n".join(notice._message(run.status(home, DAY)))
    # The next night it still does not open, the one after it does.
    run.collect(home, DAY + timedelta(days=1))
    assert len(ledger.submissions(unit_code="d01")) == 1 and bad.exists()
    refusing.clear()
    run.collect(home, DAY + timedelta(days=2))
    assert not bad.exists() and not listed.exists()
    assert {each.unit_code for each in ledger.files(state="received")} == {"d01", "d02"}
    assert custody.verify(home)["problems"] == []


def test_a_disk_that_fails_while_a_file_is_read_is_the_files_fault_and_a_full_one_of_ours_is_not(tmp_path, monkeypatch):
    home = new_home(tmp_path / "home")
    bad = _roster(home, "d01", 1)
    honest = archive._Counting.read

    def broken(self, size=-1):
        if (
            self.hash.name
            and self._source.name
            and os.path.realpath(f"/proc/self/fd/{self._source.fileno()}") == str(bad)
        ):
            self._source = _Broken()
        return honest(self, size)

    class _Broken:
        def read(self, size):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(archive._Counting, "read", broken)
        assert run.collect(home, DAY) == ["d01"]
    assert bad.exists() and archive.kept(Home(home)) == []
    assert [each.outcome for each in Ledger.of(Home(home)).submissions()] == ["refused"]

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(archive.pyrage, "encrypt_io", full)
    with pytest.raises(OSError, match="No space"):
        run.collect(home, DAY)


def test_what_is_no_file_is_refused_and_never_opened(tmp_path):
    home = new_home(tmp_path / "home")
    os.mkfifo(home / "inbox/d01/管道.xlsx")
    (home / "inbox/d01/名单.xlsx").mkdir()
    _roster(home, "d01/名单.xlsx", 1)
    assert run.collect(home, DAY) == ["d01"]
    ledger = Ledger.of(Home(home))
    assert [each.file_name for each in ledger.files(state="received")] == ["名单.xlsx/边缘人员.xlsx"]
    [refused] = ledger.submissions()
    assert "管道" in refused.reading["refusal"]["reason"] and not (home / "inbox/d01/管道.xlsx").exists()


def test_a_file_that_goes_while_the_folder_is_read_is_no_fault(tmp_path, monkeypatch):
    home = new_home(tmp_path / "home")
    gone, _ = _roster(home, "d01", 1), _roster(home, "d01", 2, name="乙.xlsx")
    honest = os.scandir

    class Entry:
        def __init__(self, entry):
            self._entry = entry

        def __getattr__(self, name):
            return getattr(self._entry, name)

        def stat(self, **named):
            gone.unlink(missing_ok=True)
            return self._entry.stat(**named)

    class Entries:
        def __init__(self, path="."):
            self._entries = honest(path)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self._entries.close()

        def __iter__(self):
            return self

        def __next__(self):
            return Entry(next(self._entries))

    monkeypatch.setattr(inbox.os, "scandir", Entries)
    run.collect(home, DAY)
    assert [each.file_name for each in Ledger.of(Home(home)).files()] == ["乙.xlsx"]


@pytest.mark.parametrize("settled", [True, False])
def test_a_name_of_full_length_is_taken_like_any_other(tmp_path, settled):
    home = new_home(tmp_path / "home")
    name = "名" * 83 + ".xlsx"
    path = _roster(home, "d01", 1, name=name + "x")
    assert len(path.name.encode()) == 255
    if not settled:
        os.utime(path)
    run.collect(home, DAY)
    assert path.exists() is not settled
    assert len(Ledger.of(Home(home)).files()) == settled


def test_what_a_folder_does_not_let_go_is_recorded_and_told_of(tmp_path, monkeypatch):
    home = new_home(tmp_path / "home")
    path = _roster(home, "d01", 1)
    honest, access = Path.rename, os.access

    def rename(self, target):
        if self == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return honest(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    monkeypatch.setattr(inbox.os, "access", lambda folder, how: folder != path.parent and access(folder, how))
    for night in (EVE, DAY):
        run.collect(home, night)
    assert path.exists() and len(Ledger.of(Home(home)).files()) == 1 and len(archive.kept(Home(home))) == 1
    told = run.status(home, DAY)
    assert told["stuck"] == ["d01"] and "移不走" in "\n".join(notice._message(told))


# cut off while it was taken -------------------------------------------------------------------------------------------


class _Died(BaseException):
    pass


def _die(*_, **__):
    raise _Died


@pytest.mark.parametrize("before", ["the journal's line", "the ledger's row"])
def test_what_was_archived_when_the_night_died_and_then_replaced_is_recorded_or_gone(tmp_path, monkeypatch, before):
    home = new_home(tmp_path / "home")
    _roster(home, "d01", 1, 2)
    listed = home / "decisions/inbox/d02/清单.xlsx"
    with monkeypatch.context() as patch:
        if before == "the ledger's row":
            patch.setattr(Ledger, "record_file", _die)
        else:
            honest = journal.write
            patch.setattr(
                journal,
                "write",
                lambda home, what, *rest, **more: _die() if what == "received" else honest(home, what, *rest, **more),
            )
        with pytest.raises(_Died):
            run.collect(home, EVE)
    [first] = archive.kept(Home(home))
    _roster(home, "d01", 1, 3)
    still(book(listed, ("a",), [("b",)]))
    assert run.collect(home, DAY) == ["d01", "d02"]
    told = custody.verify(home)
    swept = [each.about["archive"] for each in journal.read(Home(home)) if each.what == "swept"]
    files = [(each.sha256 == first, each.night) for each in Ledger.of(Home(home)).files()]
    assert told["problems"] == [] and told["archive"] == len(files) + 1
    if before == "the ledger's row":
        # The journal had it: it was received, and what came after it is its correction.
        assert files == [(True, EVE), (False, DAY)] and (swept, told["swept"]) == ([], 0)
    else:
        assert files == [(False, DAY)] and (swept, told["swept"]) == ([[first]], 1)
    run.collect(home, DAY)
    assert files == [(each.sha256 == first, each.night) for each in Ledger.of(Home(home)).files()]


def test_a_list_that_was_written_down_when_the_night_died_and_then_replaced_is_recorded(tmp_path, monkeypatch):
    home = new_home(tmp_path / "home")
    listed = book(home / "decisions/inbox/d02/清单.xlsx", ("a",), [("b",)])
    ledger = Ledger.of(Home(home))
    with monkeypatch.context() as patch:
        patch.setattr(type(ledger.decisions), "record_file", _die)
        with pytest.raises(_Died):
            run.collect(home, EVE)
    book(listed, ("a",), [("c",)])
    run.collect(home, DAY)
    assert [each.night for each in ledger.decisions.files()] == [EVE, DAY]
    assert custody.verify(home)["problems"] == []


def test_of_an_older_ledger_nothing_is_swept(tmp_path):
    """The journal knows what the ledger does not: `monitor recover` needs those bytes."""
    home = new_home(tmp_path / "home")
    _roster(home, "d01", 1)
    run.collect(home, EVE)
    kept = archive.kept(Home(home))
    journal.write(Home(home), "published", {}, who="t", at=datetime.now(UTC))
    (home / "ledger.db").unlink()
    run.collect(home, DAY)
    assert archive.kept(Home(home)) == kept
    # Nor while the journal itself cannot be trusted.
    text = journal.path(Home(home)).read_text(encoding="utf-8")
    journal.path(Home(home)).write_text(text.replace('"seq": 1,', '"seq": 7,'), encoding="utf-8")
    run.collect(home, DAY)
    assert archive.kept(Home(home)) == kept
