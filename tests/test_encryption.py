"""Releases that DuckDB encrypts: refused where it cannot be done safely, read back by every reader, opened by nobody else.

No build of `httpfs` for our DuckDB is to be had, so the way to a safe encryption is not tried here: tests alone put DuckDB's own
cryptography in its place (`force_mbedtls_unsafe`), which writes the same files with weaker random numbers.
"""

import re
import shutil
from contextlib import closing
from datetime import timedelta

import duckdb
import pytest
from low_income import warehouse
from low_income.ask import backtest, why_not
from low_income.ask import explain as explaining
from low_income.model import ROOT, ConfigError, PublishRefused
from low_income.night import notify, run
from low_income.operate import integrity, rights
from low_income.records import journal, seal
from low_income.settings.home import Home

from tests.night_kit import DAY, MEDICAL, PERSON, book, copy_home, number, person

EVE = DAY - timedelta(days=1)


@pytest.fixture(scope="module", autouse=True)
def bare():
    """A machine without extensions, whatever the developer's has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", "/nonexistent")
        yield


@pytest.fixture
def unsafe(monkeypatch):
    _switch_on(monkeypatch)


def _switch_on(patch):
    patch.setattr(warehouse, "_load_cryptography", lambda con: con.execute("set force_mbedtls_unsafe = 'true'"))


def _encrypt(home):
    text = (home / "monitor.yml").read_text(encoding="utf-8")
    (home / "monitor.yml").write_text(
        text.replace("encrypt_releases: false", "encrypt_releases: true"), encoding="utf-8"
    )


def _new(folder):
    home = folder / "home"
    Home.create(home, folder / "keys")
    return home


def _next_night(home):
    run.collect(home, DAY)
    run.build(home, DAY)
    run.publish(home, DAY)
    run.notify(home, DAY)


def _ask(home, query):
    with closing(warehouse.read(home / "warehouse.duckdb", seal.release_keys(Home(home)))) as con:
        return con.execute(query).fetchall()


def test_where_duckdb_cannot_write_safely_the_night_does_not_begin(tmp_path, monkeypatch):
    home = _new(tmp_path)
    _encrypt(home)
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(1)])
    with pytest.raises(ConfigError, match=r"encrypt_releases：这台机器上 DuckDB 不能安全地写加密文件.*httpfs"):
        run.night(home, DAY)
    assert (home / "inbox/d01/边缘人员.xlsx").exists() and not list((home / "archive").iterdir())
    assert not journal.path(Home(home)).exists() and not list((home / "releases").iterdir())
    monkeypatch.setattr("low_income.warehouse.examples.silent_rules", lambda _: [])
    with pytest.raises(ConfigError, match="httpfs"):  # nor does a build that is asked for by itself
        run.build(home, DAY)


def test_with_its_key_in_the_home_it_is_no_encryption(tmp_path):
    Home.create(tmp_path / "home")
    _encrypt(tmp_path / "home")
    with pytest.raises(ConfigError, match="密钥还在数据目录里"):
        run.collect(tmp_path / "home", DAY)
    assert not (tmp_path / "home/keys/release.key").exists()


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    """A home after one encrypted night."""
    home = _new(tmp_path_factory.mktemp("closed"))
    medical = [(person(n)[0], number(n), "2026-09-15", "一院", "90000", "80000", "青禾区") for n in (1, 2)]
    book(home / "inbox/medical_insurance/高额医疗费用.xlsx", MEDICAL, medical)
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(n) for n in range(1, 4)])
    _encrypt(home)
    with pytest.MonkeyPatch.context() as patch:
        _switch_on(patch)
        spilled = []
        honest = warehouse.verify_release
        patch.setattr(
            warehouse, "verify_release",
            lambda con, models: (
                spilled.extend(con.execute("select current_setting('temp_file_encryption')").fetchall()) or honest(con, models)
            ),
        )  # fmt: skip
        run.night(home, EVE)
        assert spilled == [(True,)]
    return home


@pytest.fixture
def home(closed, tmp_path):
    (tmp_path / "keys").mkdir(mode=0o700)
    for path in (closed.parent / "keys").iterdir():
        (tmp_path / "keys" / path.name).write_bytes(path.read_bytes())
        (tmp_path / "keys" / path.name).chmod(0o600)
    copied = copy_home(closed, tmp_path / "home")
    text = (copied / "monitor.yml").read_text(encoding="utf-8")
    (copied / "monitor.yml").write_text(text.replace(str(closed.parent), str(tmp_path)), encoding="utf-8")
    return copied


@pytest.mark.slow
def test_nobody_without_the_key_opens_a_release_or_a_divisions_file(closed, tmp_path):
    told = [path for path in (closed / "releases").rglob("*.duckdb") if path.is_file()]
    for path in told:
        content = path.read_bytes()
        assert b"warning_list" not in content and person(1)[0].encode() not in content, path
        with pytest.raises(duckdb.CatalogException, match="encrypted"):
            duckdb.connect(str(path), read_only=True)
        for keys in ((), ("cd" * 32,)):
            with pytest.raises(PublishRefused, match=r"是加密的，现有的密钥打不开"):
                warehouse.read(path, keys)
    assert len(told) > 10
    with closing(duckdb.connect(str(tmp_path / "open.duckdb"))) as con:
        con.execute("create table warning_list as select 1 as a")
    assert b"warning_list" in (tmp_path / "open.duckdb").read_bytes(), "it is seen in a file that is not encrypted"
    key = seal.closing_key(Home(closed))
    assert key and not any(key.encode() in path.read_bytes() for path in closed.rglob("*") if path.is_file())
    assert (closed.parent / "keys/release.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_all_who_read_a_release_read_it_and_reach_nothing_else(closed, tmp_path):
    """Without the extension: reading needs none."""
    keys = seal.release_keys(Home(closed))
    assert _ask(closed, "select run_date from main.release") == [(EVE,)]
    [(warning_id,)] = _ask(closed, f"select warning_id from warning where subject_id_number like '%{number(1)[-3:]}'")
    assert notify.status(closed, EVE)["released"]["run_date"] == EVE.isoformat()
    assert explaining.explain(closed, warning_id)
    assert rights.subject(closed, number(1), EVE, who="数据员", because="试")["published"]["预警"]
    assert why_not.why_not(closed, number(3), "A07", None) is not None
    assert integrity.verify(closed)["problems"] == []
    changed = tmp_path / "changed"
    changed.mkdir()
    shutil.copy(ROOT / "sql/warnings/a07.yml", changed)
    assert len(backtest.backtest(closed, changed, EVE, DAY)["nights"]) == 1
    with closing(warehouse.read((closed / "warehouse.duckdb").resolve().parent / "divisions/d01.duckdb", keys)) as con:
        assert con.execute("select count(*) from warning_list").fetchall()[0][0] > 0
        for query in (
            "select * from read_text('/etc/hostname')", f"attach '{closed}/releases/1/divisions/d02.duckdb' as other (read_only)",
            "set enable_external_access = true", "insert into warning_list select * from warning_list",
            "create table opened.t as select 1", "copy warning_list to '/tmp/x.csv'", "load httpfs",
        ):  # fmt: skip
            with pytest.raises(duckdb.Error):
                con.execute(query)


@pytest.mark.slow
def test_the_manuals_words_open_it(closed, monkeypatch):
    page = (ROOT / "docs/manual.md").read_text(encoding="utf-8").partition("### 加密的预警库")[2]
    sql = re.findall(r"```sql\n(.*?)```", page, flags=re.S)[0]
    sql = sql.replace("/etc/monitor/keys", str(closed.parent / "keys"))
    monkeypatch.chdir(closed)
    with closing(duckdb.connect()) as con:
        con.execute(sql)
        assert con.execute("select run_date from release").fetchall() == [(EVE,)]
        assert con.execute("select getvariable('release_key')").fetchall() == [(None,)]
        with pytest.raises(duckdb.Error):
            con.execute("select * from read_text('/etc/hostname')")


@pytest.mark.slow
def test_new_keys_close_the_next_release_and_the_old_ones_open_what_is_kept(home, unsafe):
    before = seal.release_keys(Home(home))
    integrity.rotate_keys(home)
    after = seal.release_keys(Home(home))
    assert after[1:] == before and len(after) == 2
    assert _ask(home, "select run_date from release") == [(EVE,)]
    warnings = _ask(home, "select warning_id, reason, first_seen_on from warning order by all")
    _next_night(home)
    # The night before was read: what was found then is no news.
    assert warnings == _ask(home, "select warning_id, reason, first_seen_on from warning order by all") != []
    assert {day for *_, day in warnings} == {EVE}
    latest = (home / "warehouse.duckdb").resolve()
    with closing(warehouse.read(latest, after[:1])), pytest.raises(PublishRefused):
        warehouse.read(latest, before)
    assert integrity.rollback(home, None, who="数据员", because="试").release == "releases/1"
    assert _ask(home, "select run_date from release") == [(EVE,)]
    assert integrity.verify(home)["problems"] == []
    shutil.rmtree(home / "releases/2.laid_aside")
    integrity.rotate_keys(home)
    assert seal.release_keys(Home(home))[1:] == before, "of the older keys those stay that a kept release needs"
    # Not wanted any more: the next release is open, the ones before are still read.
    text = (home / "monitor.yml").read_text(encoding="utf-8")
    (home / "monitor.yml").write_text(
        text.replace("encrypt_releases: true", "encrypt_releases: false"), encoding="utf-8"
    )
    assert seal.closing_key(Home(home)) is None
    assert warehouse.previous_release(home / "releases", DAY, seal.release_keys(Home(home)))


@pytest.mark.slow
def test_a_lost_key_is_said_in_a_sentence(home):
    path = home.parent / "keys/release.key"
    path.write_text("ab" * 32 + "\n")
    for do in (
        lambda: notify.status(home, DAY),
        lambda: integrity.recover and run.build(home, DAY + timedelta(days=1)),
    ):
        with pytest.raises((PublishRefused, ConfigError), match="加密"):
            do()
    path.write_text("no key\n")
    with pytest.raises(ConfigError, match="不是可用的密钥"):
        notify.status(home, DAY)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="别人也能读"):
        notify.status(home, DAY)
