"""What lies in the inbox and cannot be opened is told of and stops nobody; what a dying night had begun to take is not lost."""

import errno
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import openpyxl
import pytest
from low_income import advice
from low_income.model import MonitorError
from low_income.night import inbox, night_report, notify, rosters, run
from low_income.operate import integrity
from low_income.reading import endings, layout, sandbox
from low_income.records import archive, journal
from low_income.records.ledger import Ledger
from low_income.settings.home import Home, digest_of

from tests.night_kit import DAY, PERSON, book, new_home, person, still

pytestmark = pytest.mark.slow

EVE = DAY - timedelta(days=1)


def _roster(home, unit, *people, name="边缘人员.xlsx"):
    return book(home / "inbox" / unit / name, PERSON, [person(n) for n in people])


@pytest.mark.parametrize(
    ("changed", "is_taken"), [(-60, True), (-59, False), (0, False), (59, False), (60, True)],
    ids=["60 s ago", "59 s ago", "now", "59 s ahead", "60 s ahead"],
)  # fmt: skip
def test_a_file_is_taken_from_the_second_on_which_it_settled(tmp_path, changed, is_taken):
    clock = 1_793_000_000
    (tmp_path / "d01").mkdir()
    (tmp_path / "d01/边缘人员.csv").write_text("姓名")
    os.utime(tmp_path / "d01/边缘人员.csv", (clock + changed, clock + changed))
    ready, moving = inbox.settled(tmp_path, 60, clock)
    assert (len(ready), len(moving)) == ((1, 0) if is_taken else (0, 1))


def _accepted(home, day, unit="d01", dataset_group="edge"):
    """What of a unit's files a night takes: names."""
    for each in run.collect(home, day):
        run.read(home, day, each)
    run.check(home, day, dataset_group)
    return [each.file_name for each in Ledger.of(Home(home)).submissions(unit_code=unit) if each.outcome == "accepted"]


@pytest.fixture
def refusing(monkeypatch):
    """Paths that the system refuses to open: {path: errno}. Root may do all, so it has to be told."""
    said = {}
    opened = os.open

    def open_(path, *rest, dir_fd=None):
        whole = path_of(dir_fd) / path if dir_fd is not None else Path(path)
        for each, number in said.items():
            if whole == each:
                raise OSError(number, os.strerror(number), str(path))
        return opened(path, *rest, dir_fd=dir_fd)

    monkeypatch.setattr(inbox.os, "open", open_)
    return said


def path_of(handle):
    return Path(f"/proc/self/fd/{handle}").readlink()


@pytest.mark.parametrize(
    ("number", "says", "fix"),
    [
        (errno.EACCES, "没有读取它的权限", advice.GIVE_ACCESS),
        (errno.EIO, "读不出来", advice.COPY_AGAIN),
        (errno.ELOOP, "链接", advice.COPY_FILE_ITSELF),
    ],
    ids=["access", "disk", "link"],
)
def test_a_file_that_does_not_open_is_told_of_and_stays_and_the_others_go_on(tmp_path, refusing, number, says, fix):
    home = new_home(tmp_path / "home")
    bad, _ = _roster(home, "d01", 1), _roster(home, "d02", 11)
    sent = bad.read_bytes()
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
    assert [(each.refusal["code"], each.refusal["fix"]) for each in ledger.decisions.files()] == [("unopened", fix)]
    assert {each.reading["refusal"]["fix"] for each in ledger.submissions()} == {fix}
    assert bad.read_bytes() == sent
    assert {each.unit_code for each in ledger.files(state="received")} == {"d02"}
    assert len(archive.kept(Home(home))) == 1
    run.give_back(home, DAY, "d01")
    answer = openpyxl.load_workbook(home / "returns/d01/边缘人员.xlsx")["问题清单"]
    assert fix in [cell.value for row in answer.iter_rows() for cell in row]
    assert says in "\n".join(night_report._message(notify.status(home, DAY)))
    # The next night it still does not open, the one after it does.
    run.collect(home, DAY + timedelta(days=1))
    assert len(ledger.submissions(unit_code="d01")) == 1 and bad.exists()
    # The advice is followed: the access is given, or another copy is put in its place.
    refusing.clear()
    if fix != advice.GIVE_ACCESS:
        bad.unlink()
        bad.write_bytes(sent)
        still(bad)
    run.collect(home, DAY + timedelta(days=2))
    assert not bad.exists() and not listed.exists()
    assert {each.unit_code for each in ledger.files(state="received")} == {"d01", "d02"}
    assert _accepted(home, DAY + timedelta(days=2)) == ["边缘人员.xlsx"]
    assert integrity.verify(home)["problems"] == []


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
    told = refused.reading["refusal"]
    assert "管道" in told["reason"] and told["fix"] == advice.COPY_FILE_ITSELF
    assert not (home / "inbox/d01/管道.xlsx").exists()


def test_a_link_is_refused_and_a_copy_of_the_file_itself_is_taken(tmp_path):
    home = new_home(tmp_path / "home")
    own = book(tmp_path / "边缘人员.xlsx", PERSON, [person(1)])
    link = home / "inbox/d01/边缘人员.xlsx"
    link.symlink_to(own)
    assert _accepted(home, EVE) == []
    [told] = Ledger.of(Home(home)).submissions()
    assert (told.reading["refusal"]["code"], told.reading["refusal"]["fix"]) == ("link", advice.COPY_FILE_ITSELF)
    assert own.exists() and not link.is_symlink()
    still(Path(shutil.copy(own, link)))
    assert _accepted(home, DAY) == ["边缘人员.xlsx"]


def test_a_file_that_goes_while_the_folder_is_read_is_no_fault(tmp_path, monkeypatch):
    home = new_home(tmp_path / "home")
    gone, _ = _roster(home, "d01", 1), _roster(home, "d01", 2, name="乙.xlsx")
    honest = os.scandir

    class Entry:
        def __init__(self, entry):
            self._entry = entry

        def __getattr__(self, name):
            return getattr(self._entry, name)

        def is_dir(self, **named):
            gone.unlink(missing_ok=True)
            return self._entry.is_dir(**named)

    class Entries:
        def __init__(self, handle):
            self._entries = honest(handle)

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
    honest, access = os.rename, os.access

    def rename(name, target, *, src_dir_fd, dst_dir_fd):
        if path_of(src_dir_fd) / name == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return honest(name, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(inbox.os, "rename", rename)
    monkeypatch.setattr(
        inbox.os,
        "access",
        lambda name, how, dir_fd: path_of(dir_fd) != path.parent and access(name, how, dir_fd=dir_fd),
    )
    for night in (EVE, DAY):
        run.collect(home, night)
    assert path.exists() and len(Ledger.of(Home(home)).files()) == 1 and len(archive.kept(Home(home))) == 1
    told = notify.status(home, DAY)
    assert told["stuck"] == ["d01"] and "移不走" in "\n".join(night_report._message(told))


# a sender who wants what is not his ------------------------------------------------------------------------------------


@pytest.fixture
def lured(tmp_path):
    """(the home, a sub-folder of d01 with a list, a folder of somebody else with a list of the same name)."""
    home = new_home(tmp_path / "home")
    own = still(_text(home / "inbox/d01/子/名单.csv", "我的")).parent
    other = still(_text(home / "inbox/d02/名单.csv", "别人的")).parent
    return Home(home), own, other


def _text(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _for_a_link(own, other):
    own.rename(own.with_name(".藏"))
    own.symlink_to(other)


def _kept(home):
    texts = []
    for sha256 in archive.kept(home):
        with archive.opened(home, sha256) as clear:
            texts.append(clear.read_text(encoding="utf-8"))
    return sorted(texts)


def test_a_folder_that_became_a_link_after_the_listing_is_not_followed(lured):
    home, own, other = lured
    ready, _ = inbox.settled(home.inbox, 0, 0)
    [dropped] = [each for each in ready if each.unit_code == "d01"]
    _for_a_link(own, other)
    with pytest.raises(archive.Unreadable) as problem:
        inbox.take_in(home, dropped)
    assert problem.value.errno == errno.ELOOP and _kept(home) == []
    assert inbox.take_out(dropped, inbox._seen((other / "名单.csv").stat())) is False
    assert (other / "名单.csv").read_text(encoding="utf-8") == "别人的"
    # Nor a part further up, nor the unit's own folder.
    own.unlink()
    own.with_name(".藏").rename(own)
    (other / "子").mkdir()
    (other / "名单.csv").rename(other / "子/名单.csv")
    _for_a_link(own.parent, other)
    with pytest.raises(archive.Unreadable):
        inbox.take_in(home, dropped)
    assert inbox.take_out(dropped, inbox._seen((other / "子/名单.csv").stat())) is False
    assert [each.way for each in inbox.settled(home.inbox, 0, 0)[0] if each.oddity] == [("d01",)]


def test_a_folder_that_became_a_link_between_the_copy_and_the_removal_loses_nothing(lured):
    home, own, other = lured
    [dropped] = [each for each in inbox.settled(home.inbox, 0, 0)[0] if each.unit_code == "d01"]
    _, _, seen = inbox.take_in(home, dropped)
    _for_a_link(own, other)
    assert inbox.take_out(dropped, seen) is False
    assert [path.name for path in other.iterdir()] == ["名单.csv"] and _kept(home) == ["我的"]


def test_what_a_link_points_to_is_neither_put_back_nor_listed_nor_called_stuck(lured):
    home, own, other = lured
    (other / "名单.csv").rename(other / ".taken-名单.csv")
    _for_a_link(own, other.rename(home.root / "外面"))
    inbox.put_back(home.inbox)
    assert [path.name for path in (home.root / "外面").iterdir()] == [".taken-名单.csv"]
    ready, _ = inbox.settled(home.inbox, 0, 0)
    assert [(each.name, each.oddity) for each in ready] == [("子", "link")]
    assert [each.name for each in inbox.left(home.inbox)] == [".藏"]


def test_a_link_that_became_a_file_before_it_was_removed_stays(lured):
    home, own, other = lured
    link = own / "甲.csv"
    link.symlink_to(other / "名单.csv")
    [dropped] = [each for each in inbox.settled(home.inbox, 0, 0)[0] if each.oddity]
    link.unlink()
    _text(link, "真的")
    assert inbox.take_out(dropped, dropped.seen) is False and link.read_text(encoding="utf-8") == "真的"


def test_a_file_with_another_name_is_refused_and_stays(tmp_path):
    home = new_home(tmp_path / "home")
    archive.make_key(Home(home))
    [secret] = Home(home).keys.glob("archive.key")
    bait, copy = home / "inbox/d01/名单.csv", _text(home / "inbox/d02/名单.csv", "证件")
    os.link(secret, bait)
    os.link(copy, home / "inbox/d03/名单.csv")
    for path in (bait, copy):
        still(path)
    before = secret.read_bytes()
    for night in (EVE, DAY):  # told once, although they still lie there
        assert run.collect(home, night) == ["d01", "d02", "d03"]
    ledger = Ledger.of(Home(home))
    told = {each.unit_code: each.reading["refusal"] for each in ledger.submissions()}
    assert {unit: refusal["code"] for unit, refusal in told.items()} == dict.fromkeys(
        ("d01", "d02", "d03"), "hard_link"
    )
    assert all("硬链接" in refusal["reason"] for refusal in told.values())
    assert {refusal["fix"] for refusal in told.values()} == {advice.COPY_FILE_ITSELF}
    assert archive.kept(Home(home)) == [] and secret.read_bytes() == before and bait.exists()
    # The advice is followed: a copy of its own is taken.
    bait.unlink()
    linked = home / "inbox/d03/名单.csv"
    linked.unlink()
    still(Path(shutil.copy(copy, linked)))
    run.collect(home, DAY)
    assert {each.unit_code for each in ledger.files(state="received")} == {"d02", "d03"}
    assert not linked.exists() and not copy.exists(), "of a file with one name each"


OURS, ROOT, SENDER, OTHER, GROUP = 7001, 0, 7002, 7003, 8001


@pytest.mark.parametrize(
    ("owner", "group", "folder", "oddity"),
    [
        (SENDER, 1, (0o700, SENDER, GROUP), None),
        (OURS, 1, (0o700, SENDER, GROUP), None),
        (ROOT, 1, (0o700, SENDER, GROUP), None),
        (OTHER, GROUP, (0o2770, OURS, GROUP), None),
        (OTHER, GROUP, (0o770, OURS, GROUP), "owner"),
        (OTHER, 1, (0o2770, OURS, GROUP), "owner"),
        (OTHER, 1, (0o700, SENDER, GROUP), "owner"),
    ],
)
def test_whose_file_may_lie_in_a_folder(monkeypatch, owner, group, folder, oddity):
    def status(mode, uid, gid):
        return os.stat_result((mode, 5, 1, 1, uid, gid, 10, 0, 0, 0))

    monkeypatch.setattr(inbox.os, "geteuid", lambda: OURS)
    mode, uid, gid = folder
    assert inbox._oddity(status(0o100600, owner, group), status(0o040000 | mode, uid, gid)) == oddity


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another account")
def test_a_file_of_another_account_is_refused_and_taken_when_the_folder_is_given_to_it(tmp_path):
    home = new_home(tmp_path / "home")
    os.chown(home / "inbox/d01", SENDER, GROUP)
    path, other = _roster(home, "d01", 1), _roster(home, "d02", 2)
    sent = path.read_bytes()
    os.chown(path, OTHER, GROUP)
    os.chown(other, OTHER, GROUP)
    assert run.collect(home, EVE) == ["d01", "d02"] and path.read_bytes() == sent
    told = [each.reading["refusal"] for each in Ledger.of(Home(home)).submissions()]
    assert [(each["code"], each["fix"]) for each in told] == [("owner", advice.COPY_AS_OWN_ACCOUNT)] * 2
    # The advice is followed: d01 copies it again as itself, the folder of d02 is given to whose the file is.
    path.unlink()
    path.write_bytes(sent)
    os.chown(still(path), SENDER, GROUP)
    os.chown(other.parent, OTHER, GROUP)
    assert _accepted(home, DAY) == _accepted(home, DAY, "d02") == ["边缘人员.xlsx"]
    assert not path.exists() and not other.exists()


def test_folders_without_end_cost_their_sender_alone(tmp_path):
    home = new_home(tmp_path / "home")
    deep = os.open(home / "inbox/d01", os.O_RDONLY)
    for _ in range(100):
        os.mkdir("a", dir_fd=deep)
        deep, above = os.open("a", os.O_RDONLY, dir_fd=deep), deep
        os.close(above)
    os.close(deep)
    _roster(home, "d02", 1)
    assert run.collect(home, DAY) == ["d01", "d02"]
    [told] = Ledger.of(Home(home)).submissions()
    assert told.unit_code == "d01" and "套得太深" in told.reading["refusal"]["reason"]
    assert told.reading["refusal"]["fix"] == advice.USE_FLAT_FOLDER
    assert inbox.stuck(home / "inbox") == []
    # The advice is followed: straight into the unit's folder.
    _roster(home, "d01", 2)
    assert _accepted(home, DAY) == _accepted(home, DAY, "d02") == ["边缘人员.xlsx"]


@pytest.mark.parametrize("folder", ["nobody", "."])
def test_a_list_in_no_unit_s_folder_is_refused_and_taken_where_the_advice_says(tmp_path, folder):
    home = new_home(tmp_path / "home")
    path = _roster(home, folder, 1)
    sent = path.read_bytes()
    assert _accepted(home, EVE, unit="nobody" if folder == "nobody" else "") == []
    [told] = Ledger.of(Home(home)).submissions()
    known = "、".join(f"{code}（{unit.name}）" for code, unit in Home.open(home).units.items())
    assert told.reading["refusal"]["fix"] == advice.use_own_folder(known) and "d01（青禾区）" in known
    (home / "inbox/d01/边缘人员.xlsx").write_bytes(sent)
    still(home / "inbox/d01/边缘人员.xlsx")
    assert _accepted(home, DAY) == ["边缘人员.xlsx"]


def _of_place(home, unit, *people, name="边缘人员.xlsx", title="", sheet="边缘人员"):
    """A roster that names a place: in a title above its header, in its sheet's name, or where it lies."""
    header, *rows = [PERSON, *(person(n) for n in people)]
    path = home / "inbox" / unit / name
    return book(path, [title], [header, *rows], sheet) if title else book(path, header, rows, sheet)


def _gaps(home, day):
    place, ledger = Home.open(home), Ledger.of(Home(home))
    return sorted((gap.unit_code, gap.kind, gap.period) for gap in rosters.gaps(place, ledger, ledger.as_of(day), day))


FOREIGN = [
    ({"title": "松涧区2026年10月边缘人员花名册"}, {"title": "青禾区2026年10月边缘人员花名册"}, "标题"),
    ({"title": "填报单位：松涧区民政局"}, {"title": "填报单位：青禾区民政局"}, "标题"),
    ({"sheet": "松涧区边缘人员"}, {"sheet": "青禾区边缘人员"}, "工作表名"),
    ({"name": "2026年10月松涧区边缘人员.xlsx"}, {"name": "2026年10月青禾区边缘人员.xlsx"}, "文件名"),
    ({"name": "松涧区/边缘人员.xlsx"}, {"name": "青禾区/边缘人员.xlsx"}, "文件夹名"),
    ({"name": "松涧区/10月/边缘人员.xlsx"}, {"name": "边缘人员.xlsx"}, "文件夹名"),
]


@pytest.mark.parametrize(("foreign", "own", "where"), FOREIGN)
def test_a_list_that_names_another_division_is_asked_about_and_holds_both(tmp_path, foreign, own, where):
    """Taken as the sender's own, it would move people, and stand for the whole of a roster that lacks the sender's own."""
    home = new_home(tmp_path / "home")
    sent = _of_place(home, "d01", 1, 2, **foreign).read_bytes()
    assert _accepted(home, EVE) == []
    [told] = Ledger.of(Home(home)).submissions()
    refusal = told.reading["refusal"]
    assert (told.status, refusal["code"], refusal["divisions"]) == ("refused", "other_division", ["d06"])
    assert f"{where}里写的是松涧区，报送的却是青禾区" in refusal["reason"]
    assert refusal["fix"] == advice.say_whose(where, "青禾区", [("d06", "松涧区")])
    assert [gap[:2] for gap in _gaps(home, EVE)] == [("d01", "edge_person"), ("d06", "edge_person")]
    # Either way of the advice is followed.
    theirs = tmp_path / "theirs"
    shutil.copytree(home, theirs, symlinks=True)
    (theirs / "inbox/d06/边缘人员10月.xlsx").write_bytes(sent)
    still(theirs / "inbox/d06/边缘人员10月.xlsx")
    assert _accepted(theirs, DAY, "d06") == ["边缘人员10月.xlsx"] and _gaps(theirs, DAY) == []
    _of_place(home, "d01", 1, 2, **own)
    assert _accepted(home, DAY) == [own.get("name", "边缘人员.xlsx")]
    is_the_same_file = where in ("文件名", "文件夹名")
    assert _gaps(home, DAY) == ([] if is_the_same_file else [("d06", "edge_person", told.period or "2026-10")])


@pytest.mark.parametrize(
    "own",
    [
        {"title": "由松涧区迁入青禾区的边缘人员"},
        {"title": "青禾区边缘人员", "name": "松涧区/边缘人员.xlsx"},  # what stands next to the rows counts
        {"name": "新河镇边缘人员.xlsx"},  # a township of its own, and of others
        {"name": "全市/边缘人员.xlsx"},
        {"name": "团结路边缘人员.xlsx"},
    ],
)
def test_a_list_that_names_its_own_place_or_none_is_taken(tmp_path, own):
    home = new_home(tmp_path / "home")
    _of_place(home, "d01", 1, 2, **own)
    assert _accepted(home, DAY) == [own.get("name", "边缘人员.xlsx")]


SWAPPER = """
import contextlib, os, sys
own, hidden, other = sys.argv[1:]
def tried(act, *names):
    with contextlib.suppress(OSError):
        act(*names)
while True:
    tried(os.rename, own, hidden)
    tried(os.symlink, other, own)
    with open(hidden + "/名单.csv", "w", encoding="utf-8") as file:
        file.write("我的")
    tried(os.unlink, own)
    tried(os.rename, hidden, own)
    print(flush=True)
"""


def test_folders_swapped_for_links_all_the_time_give_nothing_away(lured):
    """A thousand rounds against a process that swaps: nothing outside is read, moved or removed."""
    home, own, other = lured
    outside = other.rename(home.root / "外面")
    (outside / "名单.csv.done").touch()
    _text(outside / ".taken-甲.csv", "别人的")
    before = sorted(path.name for path in outside.iterdir())
    swapping = [sys.executable, "-c", SWAPPER, own, own.with_name("藏"), outside]
    with subprocess.Popen(swapping, stdout=subprocess.PIPE) as swapper:
        try:
            assert swapper.stdout is not None
            for _ in range(1_000):
                swapper.stdout.readline()
                inbox.put_back(home.inbox)
                for dropped in inbox.settled(home.inbox, 0, 0)[0]:
                    seen = dropped.seen
                    with suppress(archive.StillMoving, archive.Unreadable):
                        if not dropped.oddity:
                            _, _, seen = inbox.take_in(home, dropped)
                        inbox.take_out(dropped, seen)
                inbox.left(home.inbox)
                inbox.stuck(home.inbox)
        finally:
            swapper.kill()
    assert set(_kept(home)) <= {"我的", ""} and sorted(path.name for path in outside.iterdir()) == before
    assert (outside / "名单.csv").read_text(encoding="utf-8") == "别人的"


def test_more_files_than_one_night_takes_wait_their_turn_and_count_as_missing(tmp_path):
    home = new_home(tmp_path / "home")
    settings = home / "monitor.yml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("files: 500", "files: 2"), encoding="utf-8")
    for serial in range(4):
        path = _roster(home, "d01", serial + 1, name=f"边缘人员{4 - serial}.xlsx")
        os.utime(path, (1_767_200_000 + serial, 1_767_200_000 + serial))
    _roster(home, "d02", 11)
    run.collect(home, EVE)
    ledger = Ledger.of(Home(home))
    taken = {(each.unit_code, each.file_name) for each in ledger.files()}
    assert taken == {("d01", "边缘人员4.xlsx"), ("d01", "边缘人员3.xlsx"), ("d02", "边缘人员.xlsx")}
    told = notify.status(home, EVE)
    assert told["put_off"]["waiting"] == ["青禾区 边缘人员1.xlsx", "青禾区 边缘人员2.xlsx"] and told["moving"] == []
    assert "一夜最多收 2 份" in "\n".join(night_report._message(told))
    gaps = rosters.gaps(Home(home), ledger, ledger.submissions(), EVE)
    counted = {(gap.unit_code, gap.kind) for gap in gaps if "没有轮到" in gap.reason}
    assert ("d01", "edge_person") in counted and {unit for unit, _ in counted} == {"d01"}
    run.collect(home, DAY)
    assert len([each for each in ledger.files() if each.unit_code == "d01"]) == 4
    assert notify.status(home, DAY)["put_off"]["waiting"] == []
    run.read(home, DAY, "d01")
    assert not [gap for gap in rosters.gaps(Home(home), ledger, ledger.submissions(), DAY) if "没有轮到" in gap.reason]


def test_more_filled_in_lists_than_one_night_takes_wait_as_well_and_make_no_list_less_than_whole(tmp_path):
    home = new_home(tmp_path / "home")
    settings = home / "monitor.yml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("files: 500", "files: 1"), encoding="utf-8")
    for serial in (1, 2):
        path = home / f"decisions/inbox/d01/低保{serial}.xlsx"
        path.write_bytes(bytes([serial]))
        os.utime(path, (1_767_200_000 + serial, 1_767_200_000 + serial))
    run.collect(home, EVE)
    ledger = Ledger.of(Home(home))
    assert [each.file_name for each in ledger.decisions.files()] == ["低保1.xlsx"]
    told = notify.status(home, EVE)
    assert told["put_off"]["waiting_answers"] == ["青禾区 低保2.xlsx"]
    assert "填好的清单，一个单位一夜最多收 1 份" in "\n".join(night_report._message(told))
    assert rosters.gaps(Home(home), ledger, ledger.submissions(), EVE) == []
    run.notify(home, EVE)
    assert "低保2.xlsx" in _told(home, "d01", EVE) and not list((home / "returns/d02").glob("*.xlsx"))
    sheet = f"returns/d01/{EVE}.还没有轮到的文件.xlsx"
    told = [
        line.about["outputs"]
        for line in journal.read(Home(home))
        if line.what == "returned" and "blanks" not in line.about
    ]
    assert told == [{sheet: digest_of(home / sheet)}], "verify holds it against this line"
    run.collect(home, DAY)
    assert len(ledger.decisions.files()) == 2 and notify.status(home, DAY)["put_off"]["waiting_answers"] == []


def test_a_unit_whose_files_take_too_long_is_read_on_the_next_night_counts_as_missing_and_is_told(
    tmp_path, monkeypatch
):
    home = new_home(tmp_path / "home")
    settings = home / "monitor.yml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace("unit_seconds: 3600", "unit_seconds: 9"), encoding="utf-8"
    )
    clock = SimpleNamespace(monotonic=partial(next, count(0, 9)))  # each file takes as long as a unit may
    monkeypatch.setattr("low_income.night.read.time", clock)
    for serial in (1, 2, 3):
        _roster(home, "d01", serial, name=f"边缘人员{serial}.xlsx")
    for unit in run.collect(home, EVE):
        run.read(home, EVE, unit)
    place, ledger = Home(home), Ledger.of(Home(home))
    seen = {each.file_name: each.state for each in ledger.files()}
    assert seen == {"边缘人员1.xlsx": "read", "边缘人员2.xlsx": "received", "边缘人员3.xlsx": "received"}
    counted = {
        (gap.unit_code, gap.kind, gap.file_name) for gap in rosters.gaps(place, ledger, ledger.submissions(), EVE)
    }
    assert ("d01", "edge_person", "边缘人员2.xlsx") in counted
    assert notify.status(home, EVE)["put_off"]["late"] == ["青禾区 边缘人员2.xlsx", "青禾区 边缘人员3.xlsx"]
    run.notify(home, EVE)
    said = _told(home, "d01", EVE)
    assert "边缘人员2.xlsx" in said and "一夜最多读 9 秒" in said and "不用重报" in said

    # Asked again for the same night it waits still; on the next one it has its turn, as if it came then.
    run.read(home, EVE, "d01")
    assert len(ledger.submissions()) == 1
    assert run.collect(home, DAY) == ["d01"]
    run.read(home, DAY, "d01", is_limited=False)
    assert [each.night for each in ledger.submissions()] == [EVE, DAY, DAY]
    assert rosters.gaps(place, ledger, ledger.submissions(), DAY) == []


def _told(home, unit, day):
    """All that stands on the sheet about what has its turn later."""
    book = openpyxl.load_workbook(home / f"returns/{unit}/{day}.还没有轮到的文件.xlsx")
    return " ".join(str(cell.value) for row in book.worksheets[0].iter_rows() for cell in row if cell.value)


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
    told = integrity.verify(home)
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
    assert integrity.verify(home)["problems"] == []


def test_of_an_older_ledger_nothing_is_swept(tmp_path):
    """The journal knows what the ledger does not: `monitor recover` needs those bytes."""
    home = new_home(tmp_path / "home")
    _roster(home, "d01", 1)
    run.collect(home, EVE)
    kept = archive.kept(Home(home))
    told = {"run_date": EVE.isoformat(), "files": {}}
    journal.write(Home(home), "published", told, who="t", at=datetime.now(UTC))
    (home / "ledger.db").unlink()
    with pytest.raises(MonitorError, match="运行记录库不全"):
        run.collect(home, DAY)
    assert archive.kept(Home(home)) == kept
    # Nor while the journal itself cannot be trusted.
    text = journal.path(Home(home)).read_text(encoding="utf-8")
    journal.path(Home(home)).write_text(text.replace('"seq": 1,', '"seq": 7,'), encoding="utf-8")
    with pytest.raises(MonitorError, match="日志第 1 行"):
        run.collect(home, DAY)
    assert archive.kept(Home(home)) == kept


# never a list ---------------------------------------------------------------------------------------------------------

NEVER = {
    "unfinished": (
        "名单.csv.filepart", "名单.PART", "名单.xlsx.part1", "未确认 271828.crdownload", "名单.xlsx.download", "名单.xlsx.partial",
        "名单.baiduyun.p.downloading", "名单.xlsx.xltd", "名单.td.cfg", "名单.aria2", "名单.!ut", "~WRD0001.tmp", "名单.ＦＩＬＥＰＡＲＴ",
        "名单.csv.filepart\u200b", "名单.csv.filepart ",
    ),
    "backup": ("名单.xlsx.bak", "名单.xlsx~", "备份 名单.xlk", "#名单.csv#", "名单.csv.old", "名单.csv.swp"),
    "beside_table": ("名单.cpg", "名单.CDX", "名单.fpt", "名单.dbt", "名单.mdx", "名单.idx", "名单.ntx", "名单._x"),
    "companion": ("名单.xlsx:Zone.Identifier", "名单.xlsx.md5", "schema.ini"),
    "by_programs": (
        "._名单.xlsx", "~$名单.xlsx", ".~lock.名单.xlsx#", ".~名单.xlsx", ".名单.csv", "Thumbs.db", "DESKTOP.INI", ".DS_Store", "~lock.名单.xls#",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("sort", "name"), [(sort, name) for sort, names in NEVER.items() for name in names])
def test_what_a_name_says_before_anybody_looks(sort, name):
    assert endings.never_a_list(name) == sort


@pytest.mark.parametrize(
    "name",
    [
        "名单.xlsx",
        "名单.XLS",
        "名单.part.xlsx",
        "名单.bak.csv",
        "~名单.xlsx",
        "名单.tmp.txt",
        "tmp",
        "part",
        "名单(1).csv",
        "名单.dbf",
    ],
)
def test_a_list_is_not_taken_for_a_leftover(name):
    assert endings.never_a_list(name) is None


def test_what_is_never_a_list_is_neither_read_nor_lost_in_silence(tmp_path):
    home = new_home(tmp_path / "home")
    names = [name for names in NEVER.values() for name in names]
    for name in names:
        _roster(home, "d01", 1, name=name)
    _roster(home, "d02/.Trash-1000", 1)
    _roster(home, "d02/__MACOSX", 1)
    _roster(home, "d02/名单.xlsx.download", 1)
    _roster(home, ".", 1, name="名单.csv.part")
    _roster(home, "d03", 1, name="名单.xlsx.done")
    (home / "inbox/d03/.空").mkdir()
    list_ = home / "decisions/inbox/d04/~$清单.xlsx"
    still(book(list_, ("a",), [("b",)]))
    _roster(home, "d05", 1)
    there = sorted(path for path in home.rglob("*") if path.is_file() and "inbox" in path.parts)
    for night in (EVE, DAY):  # the second night says so again: they still lie there
        assert run.collect(home, night) == ["d05"]
        told = notify.status(home, night)
        assert {line["path"].removeprefix("d01/") for line in told["left"] if line["unit_code"] == "d01"} == {
            inbox.visible(name) for name in names
        }
        assert {(line["path"], line["sort"]) for line in told["left"] if line["unit_code"] != "d01"} == {
            ("d02/.Trash-1000", "by_programs"), ("d02/__MACOSX", "by_programs"), ("d02/名单.xlsx.download", "unfinished"),
            ("名单.csv.part", "unfinished"), ("d03/名单.xlsx.done", "mark"), ("decisions/d04/~$清单.xlsx", "by_programs"),
        }  # fmt: skip
        message = "\n".join(night_report._message(told))
        assert all(inbox.visible(name).strip() in message for name in names)
        to_do = (advice.SEND_WHOLE, advice.GIVE_NAME_OF_LIST, advice.SEND_TABLE_ITSELF, advice.NEED_NOT_ACT,
                 advice.USE_PLAIN_NAME, advice.BRING_THE_FILE)  # fmt: skip
        assert all(each in message for each in to_do) and "天）" in message and told["moving"] == []
    left = sorted(path for path in home.rglob("*") if path.is_file() and "inbox" in path.parts)
    assert left == [path for path in there if path.parent.name != "d05"]
    assert len(Ledger.of(Home(home)).files()) == 1 and integrity.verify(home)["problems"] == []


def test_a_list_that_a_program_s_mark_or_folder_hides_is_taken_under_a_plain_name(tmp_path):
    home = new_home(tmp_path / "home")
    names = [*NEVER["by_programs"], "__MACOSX/边缘人员.xlsx", ".Trash-1000/边缘人员.xlsx", "__MACOSX/._边缘人员.xlsx"]
    hidden = [_roster(home, "d01", 1 + at, name=name) for at, name in enumerate(names)]
    assert _accepted(home, EVE) == []
    assert advice.USE_PLAIN_NAME in "\n".join(night_report._message(notify.status(home, EVE)))
    for at, path in enumerate(hidden):  # .csv and the like say which list it was; the bytes are a workbook's
        path.rename(home / f"inbox/d01/边缘人员{at}.xlsx")
    assert len(_accepted(home, DAY)) == len(names)
    # Under another name than the mark's it is not known that it is the same list: that is asked, and ends on a word.
    ledger = Ledger.of(Home(home))
    asked = rosters.gaps(Home.open(home), ledger, ledger.submissions(), DAY)
    assert asked and all("用文件名“名单." in gap.fix and "monitor confirm" in gap.fix for gap in asked)


def test_what_a_program_left_beside_a_list_that_came_need_not_be_touched(tmp_path):
    home = new_home(tmp_path / "home")
    _roster(home, "d01", 1)
    beside = ["~$边缘人员.xlsx", "Thumbs.db", "边缘人员.xlsx:Zone.Identifier", "边缘人员.xlsx.md5", "schema.ini"]
    left = [_roster(home, "d01", 1, name=name) for name in beside]
    assert _accepted(home, EVE) == ["边缘人员.xlsx"]
    said = night_report._never_taken_words(notify.status(home, EVE)["left"])
    [of_file], [of_program] = ([each for each in said if name in each] for name in (beside[3], beside[0]))
    assert of_file.endswith(f"{advice.NEED_NOT_ACT}。") and of_program.endswith(f"{advice.USE_PLAIN_NAME}。")
    ledger = Ledger.of(Home(home))
    assert rosters.gaps(Home.open(home), ledger, ledger.submissions(), EVE) == [], "nothing is missing"
    for path in left:
        path.unlink()
    assert _accepted(home, DAY) == ["边缘人员.xlsx"] and notify.status(home, DAY)["left"] == []
    assert rosters.gaps(Home.open(home), ledger, ledger.submissions(), DAY) == []


def test_the_file_that_a_mark_speaks_of_is_taken_when_it_comes(tmp_path):
    home = new_home(tmp_path / "home")
    mark = home / "inbox/d01/边缘人员.xlsx.done"
    mark.touch()
    assert _accepted(home, EVE) == []
    assert f"边缘人员.xlsx.done。{advice.BRING_THE_FILE}。" in "\n".join(
        night_report._message(notify.status(home, EVE))
    )
    os.utime(_roster(home, "d01", 1))  # just now: the mark says that it is whole
    assert _accepted(home, DAY) == ["边缘人员.xlsx"]
    assert not mark.exists() and notify.status(home, DAY)["left"] == []


def test_many_leftovers_are_told_in_one_line_of_bounded_length(tmp_path):
    home = new_home(tmp_path / "home")
    for n in range(40):
        _roster(home, "d01", name=f"{n:02}.tmp")
    told = notify.status(home, DAY)
    (line,) = night_report._left_words(told)
    assert "29.tmp" in line and "30.tmp" not in line and "等 40 个" in line and len(told["left"]) == 40


def test_the_whole_file_of_the_next_night_is_taken_without_a_question(tmp_path):
    """The half of the first night was never a part of the delivery, so nothing overlaps and nobody is asked."""
    home = new_home(tmp_path / "home")
    whole = _roster(home, "d12", *range(1, 9))
    content = whole.read_bytes()
    whole.rename(whole.with_name("边缘人员.xlsx.filepart"))
    run.night(home, EVE)
    whole.write_bytes(content)
    still(whole)
    run.night(home, DAY)
    (told,) = notify.status(home, DAY)["received"]
    assert (told["status"], told["rows_read"], told["rows_accepted"], told["reason"]) == ("accepted", 8, 8, "")
    assert [line["path"] for line in notify.status(home, DAY)["left"]] == ["d12/边缘人员.xlsx.filepart"]


# names that are not read ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("边缘人员", "加上“.xlsx”"),
        ("边缘人员.dat", "加上“.xlsx”"),
        ("边缘人员.xlsx.1", "加上“.xlsx”"),
        ("边缘人员.xlsm", "另存为 .xlsx"),
    ],
)
def test_a_list_under_another_ending_is_refused_as_what_it_is_and_taken_when_the_advice_is_followed(
    tmp_path, name, fix
):
    home = new_home(tmp_path / "home")
    first = _roster(home, "d01", 1, 2, name=name)
    content = first.read_bytes()
    run.collect(home, EVE)
    run.read(home, EVE, "d01")
    ledger = Ledger.of(Home(home))
    [refused] = ledger.submissions()
    # Recognised, so that it is known whose rows are missing.
    assert (refused.outcome, refused.kind, refused.period, refused.rows_set_aside) == (
        "refused",
        "edge_person",
        "2026-10",
        2,
    )
    told = refused.reading["refusal"]
    assert ".dbf" in told["reason"] and "xlsx 工作簿" in told["reason"] and fix in told["fix"]
    again = first.with_name(f"{first.name}.xlsx")
    again.write_bytes(content)
    still(again)
    run.collect(home, DAY)
    run.read(home, DAY, "d01")
    run.check(home, DAY, "edge")
    assert [each.outcome for each in ledger.submissions()] == ["refused", "accepted"]


def test_text_under_another_ending_is_refused_and_what_is_no_list_is_not_promised_to_be_one(tmp_path):
    table = "\n".join("\t".join(row) for row in [PERSON, person(1)]).encode()
    for name, content, code, fix in (
        ("边缘人员.tsv", table, "wrong_ending", "加上“.txt”"),
        ("数据.json", b'{"a": [1, 2]}\n', "not_a_table", "导出"),
    ):
        (tmp_path / "x").write_bytes(content)
        (told,) = layout.read_submissions(tmp_path / "x", name, "d01", {"division"}, tmp_path)
        assert told.refusal.code == code and fix in told.refusal.fix and told.rows_path is None
    (told,) = layout.read_submissions(tmp_path / "x", "名单.csv.filepart", "d01", {"division"}, tmp_path)
    assert told.refusal.code == "never_a_list"


def test_a_filled_in_list_under_another_ending_goes_back_with_that_reason(tmp_path):
    home = new_home(tmp_path / "home")
    book(home / "decisions/inbox/d01/清单.dat", ("a",), [("b",)])
    run.collect(home, DAY)
    run.read(home, DAY, "d01")
    assert [each.refusal["code"] for each in Ledger.of(Home(home)).decisions.files()] == ["wrong_ending"]


@pytest.mark.parametrize(
    "name",
    [
        "990101 19860501 0014张三.xlsx",
        "990101-19860501-0014.xlsx",
        "990101\u200b19860501\u202e0014.xlsx",
        "990101_860501_001.xls",
    ],
)
def test_a_number_with_blanks_or_separators_in_a_name_is_masked_where_the_name_is_kept(name):
    assert "860501" not in inbox.visible(name) and inbox.visible(name).startswith("990101xxxxxxxx0")


def test_a_file_that_ends_its_reader_takes_no_neighbour_along_and_is_tried_together_once(tmp_path, monkeypatch):
    home = new_home(tmp_path / "home")
    for serial in (1, 2, 3, 4):
        _roster(home, "d01", serial, name=f"边缘人员{serial}.xlsx")
    (home / "inbox/d01/边缘人员2.xlsx").write_text("poison")
    still(home / "inbox/d01/边缘人员2.xlsx")
    asked = []

    def call(function, first, *words, **limits):
        paths = [each.path for each in first] if isinstance(first, list) else [first]
        asked.append(len(paths))
        if any(path.read_bytes() == b"poison" for path in paths):
            raise sandbox.Killed("memory")
        return function(first, *words)

    monkeypatch.setattr(sandbox, "call", call)
    run.collect(home, EVE)
    run.read(home, EVE, "d01")
    seen = {
        each.file_name: (each.outcome, (each.reading["refusal"] or {}).get("code"))
        for each in Ledger.of(Home(home)).submissions()
    }
    good = {f"边缘人员{serial}.xlsx": ("read", None) for serial in (1, 3, 4)}
    assert seen == good | {"边缘人员2.xlsx": ("refused", "too_big")}
    assert asked == [4, 1, 1, 1, 1]
