"""A night begins only where journal, ledger and keys belong together; each refusal says what to do, and what it says works."""

import secrets
import shutil
import sqlite3
from datetime import timedelta

import psycopg
import pytest
from low_income.ask import explain as explaining
from low_income.ask import why_not
from low_income.model import ConfigError, MonitorError
from low_income.night import confirmations, notify, run
from low_income.operate import forgetting, integrity, rights
from low_income.records import access, agreement, journal
from low_income.records.agreement import IDENTITY
from low_income.records.ledger import Ledger
from low_income.settings.home import Home

from tests.night_kit import DAY, PERSON, ask, book, copy_home, few_divisions, new_home, number, person

pytestmark = pytest.mark.slow
EVE = DAY - timedelta(days=1)
NEXT = DAY + timedelta(days=1)


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    """`home` after two nights, `old` as it was after the first, `other` another bureau's; never changed by tests."""
    folder = tmp_path_factory.mktemp("agreement")
    home = few_divisions(new_home(folder / "home"))
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(n) for n in range(1, 6)])
    run.night(home, EVE)
    copy_home(home, folder / "old")
    book(home / "inbox/d02/边缘人员.xlsx", PERSON, [person(n) for n in range(11, 15)])
    run.night(home, DAY)
    other = few_divisions(new_home(folder / "other"))
    book(other / "inbox/d06/边缘人员.xlsx", PERSON, [person(n) for n in range(21, 25)])
    run.night(other, EVE)
    return folder


@pytest.fixture
def home(nights, tmp_path):
    return copy_home(nights / "home", tmp_path / "home")


def take(home, *names):
    for name in names:
        for path in home.glob(f"{name}*"):
            path.unlink()


def put(source, home, *names):
    """Put files of another home, or of an earlier day, in place of this one's."""
    take(home, *names)
    for name in names:
        for path in source.glob(f"{name}*"):
            shutil.copy2(path, home / path.relative_to(source))


def sql(home, *statements):
    with sqlite3.connect(home / "ledger.db") as connection:
        for statement in statements:
            connection.execute(statement)


def garbage(home):
    take(home, "ledger.db")
    (home / "ledger.db").write_bytes(b"no database " * 900)


def empty(home, name):
    take(home, name)
    (home / name).touch(0o600)


SPOILT = [
    ("ledger deleted", lambda home, of: take(home, "ledger.db"), r"运行记录库不全.*少了 2 份收到过的文件.*monitor recover"),
    ("ledger emptied", lambda home, of: empty(home, "ledger.db"), r"运行记录库不全.*monitor recover"),
    ("ledger spoilt", lambda home, of: garbage(home), r"运行记录库坏了.*monitor recover"),
    ("rows deleted", lambda home, of: sql(home, "delete from submission", "delete from received_file"), r"运行记录库不全"),
    ("one row deleted", lambda home, of: sql(home, "delete from submission where unit_code = 'd02'"), r"运行记录库里 d02 的记录"),
    ("table dropped", lambda home, of: sql(home, "drop table submission"), r"运行记录库里 d01、d02 的记录"),
    ("nights deleted", lambda home, of: sql(home, "delete from night"), r"2 个发布过的夜晚"),
    ("older ledger", lambda home, of: put(of / "old", home, "ledger.db"), r"运行记录库不全.*1 份收到过的文件"),
    ("ledger of another home", lambda home, of: put(of / "other", home, "ledger.db"), r"运行记录库不是这个数据目录的"),
    ("journal deleted", lambda home, of: take(home, "journal.jsonl"), r"日志不见了.*恢复 journal\.jsonl"),
    ("journal emptied", lambda home, of: empty(home, "journal.jsonl"), r"日志不见了或是空的"),
    ("accepted rows deleted", lambda home, of: take(home, "accepted/edge_person/*.p"), r"accepted/ 里少了 2 份.*monitor recover"),
    ("older journal", lambda home, of: put(of / "old", home, "journal.jsonl"), r"1 份文件日志没有记.*恢复 journal"),
    ("journal of another home", lambda home, of: put(of / "other", home, "journal.jsonl"), r"日志一行也打不开.*别的数据目录的日志.*恢复 journal"),
    ("both deleted", lambda home, of: take(home, "ledger.db", "journal.jsonl"), r"而 archive/、accepted/、releases/ 里有内容"),
    ("both older", lambda home, of: put(of / "old", home, "ledger.db", "journal.jsonl"), r"都是旧的一份：releases/ 里有第 2 版"),
    (
        "both of another home, with its key",
        lambda home, of: put(of / "other", home, "ledger.db", "journal.jsonl", "keys/ledger.key"),
        r"都是旧的一份|archive\.key|原来的密钥",
    ),
    ("another ledger.key", lambda home, of: put(of / "other", home, "keys/ledger.key"), r"ledger\.key 换过"),
    ("no ledger.key", lambda home, of: take(home, "keys/ledger.key"), r"ledger\.key：密钥不见了；请从备份恢复"),
    (
        "another identity.key",
        lambda home, of: (home / "keys/identity.key").write_bytes(secrets.token_bytes(32)),
        r"identity\.key：不是这个数据目录原来的密钥.*从备份恢复",
    ),
    ("no identity.key", lambda home, of: take(home, "keys/identity.key"), r"identity\.key：读不了密钥.*从备份恢复"),
    ("no archive.key", lambda home, of: take(home, "keys/archive.key"), r"archive\.key：密钥不见了.*从备份恢复"),
    ("another archive.key", lambda home, of: put(of / "other", home, "keys/archive.key"), r"archive\.key：不是这个数据目录原来的"),
    ("open archive.key", lambda home, of: (home / "keys/archive.key").chmod(0o640), r"archive\.key：.*别人也能读.*chmod"),
    ("open keys", lambda home, of: (home / "keys").chmod(0o750), r"keys：权限是 0750，别人也能读写.*chmod"),
    ("open home", lambda home, of: home.chmod(0o755), r"home：权限是 0755，别人也能读写.*chmod"),
    ("open releases", lambda home, of: (home / "releases").chmod(0o750), r"releases：权限是 0750"),
    ("open journal", lambda home, of: (home / "journal.jsonl").chmod(0o644), r"journal\.jsonl：权限是 0644"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "says"), [case[1:] for case in SPOILT], ids=[case[0] for case in SPOILT])
def test_a_night_does_not_begin_where_something_is_lost_old_or_of_another_home(home, nights, spoil, says):
    spoil(home, nights)
    lines = (home / "journal.jsonl").read_bytes() if (home / "journal.jsonl").exists() else b""
    with pytest.raises(MonitorError, match=says):
        run.night(home, NEXT)
    with pytest.raises(MonitorError, match=says):  # as Airflow begins, when its first task failed
        run.collect(home, NEXT)
    assert ask(home, "select run_date from release") == [(DAY,)]
    assert {path.name for path in (home / "releases").iterdir()} == {"1", "2"}
    assert ((home / "journal.jsonl").read_bytes() if (home / "journal.jsonl").exists() else b"") == lines


def test_the_journal_is_read_once_before_a_night(home, monkeypatch):
    read, reads = journal.read, []
    monkeypatch.setattr(journal, "read", lambda place: reads.append(place) or read(place))
    with access.alone(home):
        run.sources(home, NEXT)
        run.collect(home, NEXT)
    assert len(reads) == 1


def test_an_untouched_home_goes_on_night_after_night(home):
    run.night(home, NEXT)
    run.night(home, NEXT)
    run.night(home, NEXT + timedelta(days=1))
    assert ask(home, "select count(*) from person") == [(9,)]
    assert integrity.verify(home)["problems"] == []
    lines = [entry for entry in journal.read(Home(home)) if entry.what == IDENTITY]
    assert len(lines) == 1 and lines[0].seq == 1


@pytest.mark.parametrize(
    "name", ["ledger deleted", "ledger spoilt", "older ledger", "one row deleted", "accepted rows deleted"]
)
def test_recovery_makes_the_next_night_begin_with_everybody(home, nights, name):
    next(case[1] for case in SPOILT if case[0] == name)(home, nights)
    integrity.recover(home)
    run.night(home, NEXT)
    assert ask(home, "select count(*) from person") == [(9,)]
    assert integrity.verify(home)["problems"] == []


@pytest.mark.parametrize("name", ["older journal", "journal deleted", "another identity.key", "another archive.key"])
def test_what_was_restored_from_a_backup_makes_the_next_night_begin(home, nights, name):
    next(case[1] for case in SPOILT if case[0] == name)(home, nights)
    put(nights / "home", home, "journal.jsonl", "keys/identity.key", "keys/archive.key")
    run.night(home, NEXT)
    assert ask(home, "select count(*) from person") == [(9,)]


def test_a_home_restored_whole_from_an_older_backup_takes_what_is_sent_again(nights, tmp_path):
    home = copy_home(nights / "old", tmp_path / "home")
    book(home / "inbox/d02/边缘人员.xlsx", PERSON, [person(n) for n in range(11, 15)])
    run.night(home, NEXT)
    assert ask(home, "select count(*) from person") == [(9,)]


def test_recovery_with_another_identity_key_is_refused(home):
    (home / "keys/identity.key").write_bytes(secrets.token_bytes(32))
    with pytest.raises(ConfigError, match="原来的密钥"):
        integrity.recover(home)
    assert not list(home.glob("before-recovery-*"))


def test_nobody_is_told_that_nothing_is_held_where_the_ledger_was_lost(home):
    take(home, "ledger.db")
    words = {"who": "某", "because": "本人申请"}
    for asked in (
        lambda: rights.subject(home, number(1), NEXT, **words),
        lambda: forgetting.forget(home, number(1), NEXT, **words),
        lambda: forgetting.purge(home, NEXT, who="某"),
        lambda: why_not.why_not(home, number(1), "A01"),
        lambda: notify.status(home, DAY),
        lambda: explaining.explain(home, "ab"),
        lambda: confirmations.confirm_submission(home, "x", by_whom="某", reason="某", day=DAY),
    ):
        with pytest.raises(MonitorError, match="运行记录库不全"):
            asked()


def test_verify_does_not_make_a_shortened_journal_whole(home, nights):
    put(nights / "old", home, "journal.jsonl")
    assert integrity.verify(home)["problems"]
    assert integrity.verify(home)["problems"]
    with pytest.raises(MonitorError, match="日志没有记"):
        run.night(home, NEXT)


# what is no disagreement ---------------------------------------------------------------------------------------------


def test_a_home_without_data_begins(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    run.night(home, EVE)
    run.night(home, DAY)
    assert integrity.verify(home)["problems"] == []


def test_a_home_that_was_asked_before_its_first_night_begins(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    notify.status(home, EVE)
    assert integrity.verify(home)["problems"] == []
    rights.subject(home, number(1), EVE, who="某", because="本人申请")
    take(home, "ledger.db")  # nothing had come yet
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(1)])
    run.night(home, EVE)
    assert ask(home, "select count(*) from person") == [(1,)]


def test_a_first_night_that_was_cut_off_is_taken_up(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(1)])
    run.collect(home, EVE)
    run.night(home, DAY)
    assert ask(home, "select count(*) from person") == [(1,)]


def test_a_home_older_than_the_check_value_gets_it_on_its_first_night(home):
    """Its journal has no such line: it is written where journal and ledger agree, and holds from then on."""
    path, ledger = journal.path(Home(home)), Ledger.of(Home(home))
    entries = [entry for entry in journal.read(Home(home)) if entry.what != IDENTITY]
    path.unlink()
    for entry in entries:
        head = journal.write(Home(home), entry.what, entry.about, who=entry.who, at=entry.at)
    ledger.remember_journal(head.seq, head.hash)
    run.night(home, NEXT)
    assert [entry.what for entry in journal.read(Home(home))].count(IDENTITY) == 1
    (home / "keys/identity.key").write_bytes(secrets.token_bytes(32))
    with pytest.raises(ConfigError, match="原来的密钥"):
        run.night(home, NEXT)


def test_what_a_cut_off_night_told_the_journal_alone_is_taken_up(home, monkeypatch):
    book(home / "inbox/d06/边缘人员.xlsx", PERSON, [person(n) for n in range(31, 33)])
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record_file", lambda *told, **more: (_ for _ in ()).throw(OSError("cut off")))
        with pytest.raises(OSError, match="cut off"):
            run.night(home, NEXT)
    agreement.verify_agreement(Home(home), Ledger.of(Home(home)))
    run.night(home, NEXT)
    assert ask(home, "select count(*) from person") == [(11,)]
    assert integrity.verify(home)["problems"] == []


def test_a_purge_that_was_cut_off_does_not_stop_the_night(home, monkeypatch):
    later = DAY.replace(year=DAY.year + 9)
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "forget", lambda *told: (_ for _ in ()).throw(OSError("cut off")))
        book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(n, "2026-11") for n in range(1, 6)])
        run.night(home, NEXT)
        with pytest.raises(OSError, match="cut off"):
            forgetting.purge(home, later, who="某")
    agreement.verify_agreement(Home(home), Ledger.of(Home(home)))


def test_one_spoilt_file_of_the_archive_says_nothing_of_the_key(home):
    path = min((home / "archive").glob("??/*"), key=lambda each: (each.stat().st_size, each.name))
    path.chmod(0o600)
    path.write_bytes(b"spoilt")
    run.night(home, NEXT)


# PostgreSQL --------------------------------------------------------------------------------------------------------------


def test_on_postgresql_too_an_empty_or_foreign_ledger_is_refused(nights, tmp_path, postgres, monkeypatch):
    def schema(name):
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute(f"create schema agreement_{name}")
        return f"{postgres}&options=-csearch_path%3Dagreement_{name}"

    homes = []
    for name in ("one", "two"):
        home = few_divisions(new_home(tmp_path / name))
        text = (home / "monitor.yml").read_text(encoding="utf-8")
        (home / "monitor.yml").write_text(text.replace("ledger: sqlite", "ledger: env:OUR_LEDGER"), encoding="utf-8")
        homes.append(home)
    one, two = homes
    for home, unit in ((two, "d02"), (one, "d01")):
        monkeypatch.setenv("OUR_LEDGER", schema(home.name))
        book(home / f"inbox/{unit}/边缘人员.xlsx", PERSON, [person(n) for n in range(1, 4)])
        run.night(home, EVE)
        shutil.rmtree(one / "keys")
        shutil.copytree(two / "keys", one / "keys")  # of one bureau, so that only the content tells them apart
    monkeypatch.setenv("OUR_LEDGER", f"{postgres}&options=-csearch_path%3Dagreement_two")
    with pytest.raises(MonitorError, match=r"不是一套.*monitor\.yml 的 ledger"):
        run.night(one, DAY)
    monkeypatch.setenv("OUR_LEDGER", schema("empty"))
    with pytest.raises(MonitorError, match=r"运行记录库不全.*换一个空库，再运行 monitor recover"):
        run.night(one, DAY)
    integrity.recover(one)
    run.night(one, DAY)
    assert ask(one, "select count(*) from person") == [(3,)]
    fresh = few_divisions(new_home(tmp_path / "fresh"))
    shutil.copy(one / "monitor.yml", fresh / "monitor.yml")
    shutil.rmtree(fresh / "keys")
    shutil.copytree(one / "keys", fresh / "keys")
    # Another home's ledger, of a home in which nothing happened yet.
    with pytest.raises(MonitorError, match=r"日志不见了.*改 monitor\.yml 的 ledger"):
        run.night(fresh, DAY)
