"""Whoever changes what is kept is found; a kept release comes back; a lost ledger is rebuilt to the same tables."""

import json
import re
import shutil
import sqlite3
from datetime import timedelta

import psycopg
import pytest
import sqlalchemy as sa
from low_income.model import ConfigError, MonitorError
from low_income.night import run
from low_income.operate import integrity
from low_income.records import archive, journal, seal
from low_income.records.ledger import Ledger
from low_income.records.ledger.tables import metadata, open_engine
from low_income.records.seal import Seal
from low_income.settings.home import Home

from tests.night_kit import (
    DAY,
    MEDICAL,
    PERSON,
    ask,
    book,
    copy_home,
    differences,
    few_divisions,
    new_home,
    number,
    person,
    still,
)

pytestmark = pytest.mark.slow
EVE = DAY - timedelta(days=1)
BEFORE = EVE - timedelta(days=1)


@pytest.fixture(scope="module")
def three_nights(tmp_path_factory):
    """Rosters, a correction, a repeat, a bad file, a link, a partner's list before its people; never changed by tests."""
    home = few_divisions(new_home(tmp_path_factory.mktemp("kept") / "home"))
    rows = [person(n) for n in range(1, 6)]
    medical = [(person(n)[0], number(n), "2026-09-15", "一院", "90000", "80000", "青禾区") for n in (2, 3, 12)]
    book(home / "inbox/medical_insurance/高额医疗费用.xlsx", MEDICAL, medical)
    first = book(home / "inbox/d01/边缘人员.xlsx", PERSON, rows).read_bytes()
    run.night(home, BEFORE)
    (home / "inbox/d01/链接.xlsx").symlink_to(home / "monitor.yml")
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [*rows[:4], person(7)])
    (home / "inbox/d02/空.xlsx").write_bytes(b"")
    still(home / "inbox/d02/空.xlsx")
    run.night(home, EVE)
    (home / "inbox/d01/又一次.xlsx").write_bytes(first)
    still(home / "inbox/d01/又一次.xlsx")
    book(home / "inbox/d02/边缘人员.xlsx", PERSON, [person(n) for n in range(11, 15)])
    run.night(home, DAY)
    assert ask(home, "select count(*) > 0 from warning") == [(True,)]
    return home


@pytest.fixture
def home(three_nights, tmp_path):
    return copy_home(three_nights, tmp_path / "home")


def test_an_untouched_home_holds(home):
    told = integrity.verify(home)
    assert told["problems"] == []
    assert told["releases"] == 3 and told["archive"] == len(archive.kept(Home(home))) > 3 and told["accepted"] >= 4


def _file_in_archive(home):
    return next(path for path in sorted((home / "archive").glob("??/*")))


def _link_in_place(path):
    path.parent.chmod(0o700)
    elsewhere = path.parents[2] / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def _lay_below(folder):
    (folder / "x").mkdir()
    (folder / "x/y").write_bytes(b"x")


def _spoil(path):
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x55
    path.write_bytes(data)


def _ledger(home, statement):
    with sqlite3.connect(home / "ledger.db") as connection:
        connection.execute(statement)


def _journal_line(home, change):
    path = journal.path(Home(home))
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(change(lines)), encoding="utf-8")


@pytest.mark.parametrize(
    ("what", "change", "says"),
    [
        ("archived file changed", lambda home: _spoil(_file_in_archive(home)), "改动过"),
        ("archived file removed", lambda home: _file_in_archive(home).unlink(), "归档里少了文件"),
        ("archived file added", lambda home: shutil.copy(_file_in_archive(home), home / "archive/00" / ("0" * 64)), "归档里多出文件"),
        ("accepted part changed", lambda home: _spoil(next((home / "accepted/edge_person").glob("*"))), "内容被改动过"),
        ("accepted part removed", lambda home: next((home / "accepted/edge_person").glob("*")).unlink(), "不见了"),
        (
            "accepted part added",
            lambda home: shutil.copy(next((home / "accepted/edge_person").glob("*")), home / "accepted/edge_person/0.parquet"),
            "不是夜间任务写的",
        ),
        ("a file beside the archived ones", lambda home: (home / "archive/odd").write_bytes(b"x"), "archive/odd：不是收文件时归档的"),
        ("a link in place of an archived file", lambda home: _link_in_place(_file_in_archive(home)), "不是收文件时归档的"),
        (
            "a link in place of an accepted part",
            lambda home: _link_in_place(next((home / "accepted/edge_person").glob("*"))),
            "parquet：换成了链接",
        ),
        ("a file below the accepted parts", lambda home: _lay_below(home / "accepted/edge_person"), "edge_person/x/y：不是夜间任务写的"),
        ("all accepted rows removed", lambda home: shutil.rmtree(home / "accepted"), "不见了"),
        ("release changed", lambda home: _spoil(home / "releases/3/warehouse.duckdb"), "releases/3/warehouse.duckdb：与发布时不同"),
        ("division's release changed", lambda home: _spoil(home / "releases/2/divisions/d01.duckdb"), "releases/2/divisions/d01.duckdb"),
        ("release swapped", lambda home: (home / "releases/3").rename(home / "releases/9"), "没有指向任何一版"),
        ("file left out of the ledger", lambda home: _ledger(home, "update received_file set sha256 = 'x' || sha256"), "运行记录库里少了"),
        (
            "sealed text of the ledger changed",
            lambda home: _ledger(home, "update received_file set file_name = substr(file_name, 1, 40) || 'A' || substr(file_name, 42)"),
            "打不开",
        ),
        ("no version in the ledger", lambda home: _ledger(home, "delete from schema_version"), "少了版本号"),
        ("a day that is none", lambda home: _ledger(home, "update received_file set night = night || 'x'"), "有一格读不出来"),
        ("counts that are none", lambda home: _ledger(home, "update night set counts = 'x'"), "有一格读不出来"),
        ("a file's size in the ledger changed", lambda home: _ledger(home, "update received_file set size = size + 1"), "的记录与发布时不同"),
        ("the remembered end of the journal removed", lambda home: _ledger(home, "delete from journal_head"), "“日志写到第几行”"),
        (
            "row of the ledger changed",
            lambda home: _ledger(home, "update submission set rows_accepted = 1, rows_set_aside = 4 where rows_read = 5 and unit_code = 'd01'"),
            "运行记录库里 d01 的记录与发布时不同",
        ),
        ("row of the ledger removed", lambda home: _ledger(home, "delete from submission where unit_code = 'd02'"), "运行记录库里 d02"),
        (
            "a word that nobody said",
            lambda home: _ledger(home, "insert into confirmation select submission_id, night, reason, reason from submission limit 1"),
            "运行记录库里多出 2026",
        ),
        ("error lines changed", lambda home: _spoil(next((home / "accepted/issue_life").glob("*"))), "accepted/issue_life"),
        ("journal emptied", lambda home: journal.path(Home(home)).write_text(""), "日志末尾被截掉"),
        ("journal line removed", lambda home: _journal_line(home, lambda lines: lines[:2] + lines[3:]), "日志第 3 行"),
        ("journal cut at its end", lambda home: _journal_line(home, lambda lines: lines[:-1]), "日志末尾被截掉"),
        ("who looked cut off", lambda home: (
            integrity.looked(home, "explain", warning_id="x"), _journal_line(home, lambda lines: lines[:-1])), "日志末尾被截掉"),
        ("journal lines reordered", lambda home: _journal_line(
            home, lambda lines: [lines[1], lines[0], *lines[2:]]), "日志第 1 行"),
        ("journal cut in the middle of its last line", lambda home: _journal_line(
            home, lambda lines: [*lines[:-1], lines[-1][:40]]), "日志第"),
        ("journal line changed", lambda home: _journal_line(
            home, lambda lines: [json.dumps(json.loads(lines[0]) | {"who": "别人"}) + "\n", *lines[1:]]), "日志第 1 行"),
    ],
)  # fmt: skip
def test_each_change_is_found(home, what, change, says):
    (home / "archive/00").mkdir(exist_ok=True)
    change(home)
    problems = integrity.verify(home)["problems"]
    assert any(says in problem for problem in problems), (what, problems)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ledger.key", r"日志一行也打不开.*ledger\.key"),
        ("archive.key", r"keys/archive\.key：不是这个数据目录原来的密钥"),
        ("identity.key", r"keys/identity\.key：不是这个数据目录原来的密钥"),
    ],
)
def test_another_key_is_named_as_the_one_thing_that_is_wrong(home, tmp_path, name, says):
    others = few_divisions(new_home(tmp_path / "other"))
    for make in (archive.make_key, seal.make_key):
        make(Home(others))
    (others / "keys/identity.key").write_bytes(bytes(32))  # the homes of the tests have one in common
    shutil.copy(others / "keys" / name, home / "keys" / name)
    (problem,) = integrity.verify(home)["problems"]
    assert re.search(says, problem), problem


def test_a_kept_release_comes_back_and_the_next_night_goes_on_from_it(home):
    assert integrity.rollback(home, None, who="数据员", because="名册错了") == ("releases/2", EVE, "releases/3", DAY)
    assert ask(home, "select run_date from release") == [(EVE,)]
    assert integrity.verify(home)["problems"] == []
    with pytest.raises(MonitorError, match=r"没有保留“3”"):
        integrity.rollback(home, "3", who="数据员", because="又要回来")
    run.night(home, DAY)
    assert ask(home, "select run_date from release") == [(DAY,)]
    assert (home / "releases/4").is_dir() and (home / "releases/3.laid_aside").is_dir()
    integrity.rollback(home, "1", who="数据员", because="再早一版")
    assert ask(home, "select run_date from release") == [(BEFORE,)]
    told = [each for each in journal.read(Home(home)) if each.what == "rolled_back"]
    assert [(each.who, each.about["to"], each.about["because"]) for each in told] == [
        ("数据员", 2, "名册错了"),
        ("数据员", 1, "再早一版"),
    ]
    with pytest.raises(MonitorError, match="没有保留"):
        integrity.rollback(home, None, who="数据员", because="没有更早的")


def test_without_a_number_a_night_of_the_past_that_never_was_current_is_passed_over(home):
    run.night(home, EVE)
    later = DAY + timedelta(days=1)
    run.night(home, later)
    assert {"releases/4", "releases/5"} <= {f"releases/{path.name}" for path in (home / "releases").iterdir()}
    back = integrity.rollback(home, None, who="数据员", because="名册错了")
    assert back == ("releases/3", DAY, "releases/5", later)
    assert ask(home, "select run_date from release") == [(DAY,)]


@pytest.mark.parametrize("lost", ["ledger", "ledger, accepted rows and releases"])
def test_a_lost_ledger_is_rebuilt_to_the_same_tables(three_nights, home, lost):
    for path in home.glob("ledger.db*"):
        path.unlink()
    if lost != "ledger":
        for folder in ("accepted", "releases"):
            shutil.rmtree(home / folder)
            (home / folder).mkdir()
        (home / "warehouse.duckdb").unlink()
    told = integrity.recover(home)
    assert told["nights"] == [each.isoformat() for each in (BEFORE, EVE, DAY)]
    assert differences(three_nights, home, without={"release": ["built_at"]}) == {}
    assert integrity.verify(home)["problems"] == []
    with pytest.raises(MonitorError, match="归档里少了"):
        _file_in_archive(home).unlink()
        integrity.recover(home)


def test_new_keys_open_all_and_the_home_still_holds(three_nights, home):
    before = {path.name: path.read_bytes() for path in (home / "keys").iterdir()}
    told = integrity.rotate_keys(home)
    after = {path.name: path.read_bytes() for path in (home / "keys").iterdir()}
    assert told["archive"] == len(archive.kept(Home(home)))
    assert {name for name in before if before[name] != after[name]} == {"archive.key", "ledger.key"}
    assert integrity.verify(home)["problems"] == []
    run.night(home, DAY)
    assert differences(three_nights, home, without={"release": ["built_at"]}) == {}


def test_keys_outside_the_home_serve_nights_new_keys_and_recovery(tmp_path, monkeypatch):
    home, keys = tmp_path / "home", tmp_path / "safe" / "keys"
    made = Home.create(home, keys)
    assert f"{keys}/" in made and str(keys / "identity.key") in made
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(n) for n in range(1, 4)])
    run.night(home, EVE)
    assert {path.name for path in keys.iterdir()} == {"identity.key", "archive.key", "ledger.key"}
    assert not (home / "keys").exists()
    before = copy_home(home, tmp_path / "before")
    assert len(ask(home, "select id_number from person")) == 3
    integrity.rotate_keys(home)
    # Moved, and named by a variable from now on.
    keys.rename(elsewhere := tmp_path / "credentials")
    text = (home / "monitor.yml").read_text(encoding="utf-8")
    (home / "monitor.yml").write_text(text.replace(f'keys: "{keys}"', "keys: env:OUR_KEYS"), encoding="utf-8")
    with pytest.raises(ConfigError, match="OUR_KEYS"):
        run.night(home, DAY)
    monkeypatch.setenv("OUR_KEYS", str(elsewhere))
    (home / "ledger.db").unlink()
    integrity.recover(home)
    assert differences(before, home, without={"release": ["built_at"]}) == {}
    assert integrity.verify(home)["problems"] == []
    monkeypatch.setenv("OUR_KEYS", str(keys))
    with pytest.raises(ConfigError, match=r"identity\.key"):
        run.night(home, DAY)
    assert not keys.exists()
    with pytest.raises(ConfigError, match="先移走密钥文件"):
        Home.create(home, tmp_path / "third")


def test_on_postgresql_too_new_keys_a_lost_ledger_and_new_keys_again_end_in_the_same_tables(
    three_nights, home, postgres, monkeypatch
):
    """The ledger is moved there as it is, gets new keys, is lost, and is rebuilt in another database from archive and journal."""
    before = Home(home)
    monkeypatch.setenv("OUR_LEDGER", url := _new_schema(postgres, "moved"))
    seal = Seal.of(before)
    with open_engine(before.ledger_url, seal).connect() as source, open_engine(url, seal).begin() as target:
        for table in metadata.sorted_tables:
            target.execute(sa.delete(table))
            if rows := [dict(row._mapping) for row in source.execute(sa.select(table))]:
                target.execute(sa.insert(table), rows)
    text = (home / "monitor.yml").read_text(encoding="utf-8")
    (home / "monitor.yml").write_text(text.replace("ledger: sqlite", "ledger: env:OUR_LEDGER"), encoding="utf-8")
    for path in home.glob("ledger.db*"):
        path.unlink()
    files = Ledger.of(Home(home)).files()
    moved = integrity.verify(home)["problems"]
    assert len(files) >= 6 and len(moved) == 1 and moved[0].startswith("monitor.yml："), "no night has read it yet"
    integrity.rotate_keys(home)
    assert Ledger.of(Home(home)).files() == files and integrity.verify(home)["problems"] == moved
    with pytest.raises(MonitorError, match="运行记录库的数据库不是空的"):
        integrity.recover(home)
    assert not list(home.glob("before-recovery-*")), "nothing is laid aside for a recovery that is refused"
    monkeypatch.setenv("OUR_LEDGER", _new_schema(postgres, "rebuilt"))
    integrity.recover(home)
    integrity.rotate_keys(home)
    assert [file.sha256 for file in Ledger.of(Home(home)).files()] == [file.sha256 for file in files]
    assert differences(three_nights, home, without={"release": ["built_at"]}) == {}
    assert integrity.verify(home)["problems"] == [] and not list(home.glob("ledger.db*"))


def _new_schema(postgres, name):
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"create schema custody_{name}")
    return f"{postgres}&options=-csearch_path%3Dcustody_{name}"
