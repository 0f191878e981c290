"""What stands published is held against the journal: each attack on it is found, and nothing is said where nothing is wrong."""

import importlib
import json
import shutil
import sqlite3
from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest
from click.testing import CliRunner
from low_income import warehouse
from low_income.cli import monitor
from low_income.night import run
from low_income.operate import attestation, forgetting, integrity
from low_income.records import archive, bookkeeping, journal, published
from low_income.records.ledger import Ledger
from low_income.settings.home import Home

from tests.night_kit import DAY, MEDICAL, PERSON, book, copy_home, few_divisions, new_home, number, person

pytestmark = pytest.mark.slow
EVE = DAY - timedelta(days=1)
NEXT = DAY + timedelta(days=1)
COPY = "returns/d01/边缘人员.xlsx"
LIST = f"lists/{DAY}/d01.xlsx"
LETTER = f"outbox/{DAY}.md"


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    """A home after two nights; never changed by tests."""
    home = few_divisions(new_home(tmp_path_factory.mktemp("published") / "home"))
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(n) for n in range(1, 6)])
    run.night(home, EVE)
    spent = [(person(2)[0], number(2), "2026-09-15", "一院", "90000", "80000", "青禾区")]
    book(home / "inbox/medical_insurance/高额医疗费用.xlsx", MEDICAL, spent)
    run.night(home, DAY)
    return home


@pytest.fixture
def home(nights, tmp_path):
    return copy_home(nights, tmp_path / "home")


def problems(home):
    return integrity.verify(home)["problems"]


def write(path, change=lambda data: data + b" "):
    path.chmod(0o600)
    path.write_bytes(change(path.read_bytes()))


def put_back(home, number, other):
    """The files of one release in the folder of another."""
    shutil.rmtree(home / f"releases/{number}")
    shutil.copytree(home / f"releases/{other}", home / f"releases/{number}")


def point(home, target):
    (home / "warehouse.duckdb").unlink()
    (home / "warehouse.duckdb").symlink_to(target)


def link_in_place(path):
    path.parent.chmod(0o700)
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def change_night(home, night, change):
    with sqlite3.connect(home / "ledger.db") as connection:
        connection.execute(f"update night set {change} where run_date = '{night}'")


def take_night(home, night):
    with sqlite3.connect(home / "ledger.db") as connection:
        connection.execute(f"delete from night where run_date = '{night}'")


ATTACKS = [
    ("an older release put back in the newer one's folder", lambda home: put_back(home, 2, 1), "releases/2：里面是第 1 版的内容"),
    ("the link set to an older release", lambda home: point(home, "releases/1/warehouse.duckdb"), "指向 releases/1，应当指向 releases/2"),
    ("the link set to a division's file", lambda home: point(home, "releases/2/divisions/d01.duckdb"), "没有指向任何一版"),
    ("the link set to a file elsewhere", lambda home: point(home, "accepted/warehouse.duckdb"), "没有指向任何一版"),
    ("the link taken away", lambda home: (home / "warehouse.duckdb").unlink(), "warehouse.duckdb：不见了"),
    (
        "a file in place of the link",
        lambda home: ((home / "warehouse.duckdb").unlink(), shutil.copy(home / "releases/2/warehouse.duckdb", home / "warehouse.duckdb")),
        "warehouse.duckdb：不是指向",
    ),
    ("a kept release deleted", lambda home: shutil.rmtree(home / "releases/1"), "releases/1：不见了"),
    ("all releases deleted", lambda home: shutil.rmtree(home / "releases"), "releases/2：不见了"),
    ("a release changed", lambda home: write(home / "releases/2/warehouse.duckdb"), "releases/2/warehouse.duckdb：与发布时不同"),
    ("a division's file deleted", lambda home: (home / "releases/1/divisions/d01.duckdb").unlink(), "releases/1/divisions/d01.duckdb"),
    ("a file laid beside a release", lambda home: (home / "releases/2/warehouse.duckdb.wal").touch(), "releases/2/warehouse.duckdb.wal"),
    ("a link in place of a release's file", lambda home: link_in_place(home / "releases/2/warehouse.duckdb"), "releases/2/warehouse.duckdb"),
    ("a release that nobody published", lambda home: shutil.copytree(home / "releases/2", home / "releases/3"), "releases/3：没有发布过"),
    ("a list changed", lambda home: write(home / LIST), f"{LIST}：与写出时不同"),
    ("a list deleted", lambda home: (home / LIST).unlink(), f"{LIST}：不见了"),
    ("the lists of a night deleted", lambda home: shutil.rmtree(home / f"lists/{EVE}"), f"lists/{EVE}/bureau.xlsx：不见了"),
    ("a list of another night put back", lambda home: shutil.copy(home / f"lists/{EVE}/d01.xlsx", home / LIST), f"{LIST}：与写出时不同"),
    ("a list that nobody wrote", lambda home: shutil.copy(home / LIST, home / f"lists/{DAY}/d99.xlsx"), f"lists/{DAY}/d99.xlsx：不是"),
    ("a returned copy changed", lambda home: write(home / COPY), f"{COPY}：与写出时不同"),
    ("a link in place of a returned copy", lambda home: link_in_place(home / COPY), f"{COPY}：与写出时不同"),
    ("a copy that nobody returned", lambda home: shutil.copy(home / COPY, home / "returns/d01/请删去这些人.xlsx"), "请删去这些人.xlsx：不是"),
    ("a letter changed", lambda home: write(home / LETTER), f"{LETTER}：与写出时不同"),
    ("a letter deleted", lambda home: (home / LETTER).unlink(), f"{LETTER}：不见了"),
    ("a policy value changed", lambda home: write(home / "policy/retention.yml"), f"policy/retention.yml：与{DAY} 夜里读到的不同"),
    ("a policy file added", lambda home: shutil.copy(home / "policy/retention.yml", home / "policy/z.txt"), "policy/z.txt：与"),
    ("a release under an odd number", lambda home: shutil.copytree(home / "releases/1", home / "releases/01"), "releases/01：没有发布过"),
    (
        "a link in place of a release",
        lambda home: ((home / "releases/1").rename(home / "elsewhere"), (home / "releases/1").symlink_to(home / "elsewhere")),
        "releases/1：是链接",
    ),
    ("a letter of no night", lambda home: (home / "outbox/通知.md").write_text("请停发"), "outbox/通知.md：不是夜间任务写的"),
    ("holidays changed", lambda home: write(home / "policy/holidays.csv", lambda data: data + b"\n"), "policy/holidays.csv：与"),
    ("monitor.yml changed", lambda home: write(home / "monitor.yml", lambda data: data + b"\n"), f"monitor.yml：与{DAY} 夜里"),
    ("a night said to have failed", lambda home: change_night(home, EVE, "state = 'failed'"), f"运行记录库里 {EVE} 这一夜是“有步骤没有成功”"),
    ("the last night said to run", lambda home: change_night(home, DAY, "state = 'running'"), f"运行记录库里 {DAY} 这一夜是“没有做完”"),
    ("a night's counts changed", lambda home: change_night(home, DAY, "counts = '{}'"), f"运行记录库里 {DAY} 这一夜的份数"),
    ("a night taken out", lambda home: take_night(home, EVE), f"运行记录库里少了 {EVE} 这一夜"),
    ("a night that never was", lambda home: change_night(home, EVE, "run_date = '2026-01-01'"), "运行记录库里多出 2026-01-01 这一夜"),
]  # fmt: skip


@pytest.mark.parametrize(("attack", "says"), [case[1:] for case in ATTACKS], ids=[case[0] for case in ATTACKS])
def test_each_attack_on_what_is_published_is_found(home, attack, says):
    attack(home)
    said = problems(home)
    assert any(says in each for each in said), said


def test_nothing_is_said_where_nothing_is_wrong(home):
    told = integrity.verify(home)
    assert told["problems"] == [] and told["notes"] == []
    assert told["releases"] == 2
    assert told["outputs"] == sum(
        path.is_file() for name in ("returns", "lists", "outbox") for path in (home / name).rglob("*")
    )


def bytes_of(home):
    """All files and what is in them, but for the lock, which names its last owner."""
    there = [path for path in home.rglob("*") if path.is_file() and path.name != ".lock"]
    return {path.relative_to(home): (path.is_symlink(), path.read_bytes()) for path in there}


def test_nothing_is_changed_by_looking(home, monkeypatch):
    place, opened = Home(home), []
    journal.write(
        place, "looked", {"command": "explain"}, who="某", at=next(journal.read(place)).at
    )  # not yet remembered
    before = bytes_of(home)
    monkeypatch.setattr(archive, "opened", lambda *told: opened.append(told))
    assert problems(home) == [] and bytes_of(home) == before
    assert not opened, "no received file is written in the clear"
    (home / "ledger.db").unlink()
    assert ["运行记录库不见了" in each for each in problems(home)] == [True]
    assert not list(home.glob("ledger.db*")), "an empty one would look like one that was emptied"


def test_nights_without_news_and_of_earlier_days_leave_nothing_to_say(home):
    for day in (NEXT, EVE):
        run.night(home, day)
        told = integrity.verify(home)
        assert (told["problems"], told["notes"]) == ([], []), day


def test_a_recovery_leaves_nothing_to_say(home):
    for path in home.glob("ledger.db*"):
        path.unlink()
    integrity.recover(home)
    told = integrity.verify(home)
    assert (told["problems"], told["notes"]) == ([], [])
    run.night(home, NEXT)
    told = integrity.verify(home)
    assert (told["problems"], told["notes"]) == ([], []), "after the night that followed it"


@pytest.mark.parametrize(("where", "step"), [("low_income.warehouse", "build"), ("low_income.night.give_back", "mark")])
def test_a_night_that_failed_and_was_repeated_leaves_nothing_to_say(home, monkeypatch, where, step):
    book(
        home / "inbox/d01/边缘人员.xlsx",
        PERSON,
        [*(person(n) for n in range(1, 6)), ("某", "不是号码", *person(1)[2:])],
    )
    with monkeypatch.context() as patch:
        patch.setattr(importlib.import_module(where), step, fail)
        with pytest.raises(OSError, match="cut off"):
            run.night(home, NEXT)
    assert problems(home) == [], "cut off"
    run.notify(home, NEXT, failed=["建库"])
    assert problems(home) == [], "said to have failed"
    write(home / f"outbox/{NEXT}.md")
    assert problems(home) == [f"outbox/{NEXT}.md：与写出时不同"], "its letter was told"
    run.night(home, NEXT)
    told = integrity.verify(home)
    assert (told["problems"], told["notes"]) == ([], [])
    write(home / COPY)
    assert problems(home) == [f"{COPY}：与写出时不同"]


def test_a_release_that_was_written_anew_is_found_by_what_its_rows_refer_to(home):
    """Whoever can write the journal can give a release a digest that fits; its rows must still fit each other."""
    release = home / "releases/2/warehouse.duckdb"
    release.chmod(0o600)
    with duckdb.connect(str(release)) as con:
        con.execute("delete from person where id_number = ?", [number(2)])
    files = published.files_of(release.parent)
    bookkeeping.audit(Home(home), Ledger.of(Home(home)), "rewritten", {"releases": {"2": files}}, who="某")
    said = problems(home)
    assert "releases/2:main.record_link.person_id：在 person.person_id 里没有：2 行" in "".join(said), said
    assert all(each.startswith("releases/2:") for each in said)


def test_rows_of_the_ledger_that_refer_to_nothing_are_found(home):
    with sqlite3.connect(home / "ledger.db") as connection:
        connection.execute("delete from received_file where unit_code = 'd01'")
    assert "运行记录库里有 1 条 submission 在 received_file 里没有对应的一条" in problems(home)


def test_a_database_that_is_said_to_have_been_read_already_is_found(home):
    """Such a row, planted for the night to come, would keep it from being read."""
    ledger = Ledger.of(Home(home))
    ledger.record_source(date(2029, 6, 1), "人社库", "unchanged", at=datetime(2029, 5, 31, tzinfo=UTC))
    assert problems(home) == ["运行记录库里 人社库 的记录与发布时不同"]


def test_what_was_taken_away_rightly_is_no_damage(home):
    (home / COPY).unlink()
    told = integrity.verify(home)
    assert told["problems"] == [] and told["notes"] == ["退回件有 1 份已不在 returns/（取走了），没有核对"]


def test_nights_retire_forget_purge_and_roll_back_and_nothing_is_said(home):
    """The older release is retired, a partner's list loses its last row, copies and lists get old, the new release is laid aside."""
    write(home / "monitor.yml", lambda data: data.replace(b"releases: 7", b"releases: 2"))
    later = date(2029, 5, 31)
    shutil.copytree(home / "releases/1", kept := home.with_name("release"))
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(n, "2029-05") for n in (1, 3, 4, 5)])
    run.night(home, later)
    assert {path.name for path in (home / "releases").iterdir()} == {"2", "3"} and problems(home) == []
    before = integrity.verify(home)["statement"].encode()
    part = next((home / "accepted/medical_expense").glob("*.parquet"))
    assert (
        forgetting.forget(home, number(2), later, who="数据员", because="本人申请")["removed"] == 1
        and not part.exists()
    )
    assert not (home / COPY).exists() and not (home / LIST).exists(), "their time was over too"
    told = integrity.verify(home, statement=before)
    assert told["problems"] == [] and told["notes"] == [], "nor does a statement of before contradict"
    (home / LETTER).write_text("旧信", encoding="utf-8")
    assert problems(home) == [f"{LETTER}：已清除的一份，还在（或放了回来）"]
    (home / LETTER).unlink()
    run.sources(home, later)  # nor does the next night refuse
    # Of the releases those of the last two nights stay, written without the person, and the bureau can go back to the one before.
    current = (home / "warehouse.duckdb").resolve().parent.name
    kept_on = {path.name for path in (home / "releases").iterdir()}
    assert len(kept_on) == 2 and kept_on.isdisjoint({"1", "2", "3"})
    integrity.rollback(home, None, who="数据员", because="名册错了")
    assert problems(home) == [] and (home / "warehouse.duckdb").resolve().parent.name == min(kept_on)
    shutil.rmtree(home / f"releases/{current}.laid_aside")
    for statement in (before, told["statement"].encode()):
        assert integrity.verify(home, statement=statement)["problems"] == []
    shutil.copytree(kept, home / "releases/1")
    assert problems(home) == ["releases/1：早已不再保存的一版，被放了回来"]


def test_a_release_laid_aside_comes_back_neither_as_itself_nor_changed(home):
    integrity.rollback(home, None, who="数据员", because="名册错了")
    write(home / "releases/2.laid_aside/warehouse.duckdb")
    assert problems(home) == ["releases/2.laid_aside/warehouse.duckdb：与发布时不同"]
    (home / "releases/2.laid_aside").rename(home / "releases/2")
    point(home, "releases/2/warehouse.duckdb")
    said = problems(home)
    assert any("releases/2：已退回到更早的一版" in each for each in said)
    assert "warehouse.duckdb：指向 releases/2，应当指向 releases/1" in said


def cut_off(monkeypatch, home, where, name, does):
    """The last night once more, cut off while something is done."""
    run.build(home, DAY)
    with monkeypatch.context() as patch:
        patch.setattr(where, name, does)
        with pytest.raises(OSError, match="cut off"):
            run.publish(home, DAY)


def fail(*told, **more):
    raise OSError("cut off")


def test_a_publication_that_was_cut_off_is_told_as_such_and_mended_by_the_next(home, monkeypatch):
    cut_off(monkeypatch, home, warehouse, "publish", fail)
    told = integrity.verify(home)
    assert told["problems"] == [] and any("第 3 版的发布没有做完" in each for each in told["notes"])
    with monkeypatch.context() as patch:
        patch.setattr(warehouse, "_swap", fail)
        with pytest.raises(OSError, match="cut off"):
            run.publish(home, DAY)
    assert (home / "releases/3").is_dir() and problems(home) == []
    run.build(home, DAY)
    run.publish(home, DAY)
    told = integrity.verify(home)
    assert (told["problems"], told["notes"], told["releases"]) == ([], [], 4)
    shutil.rmtree(home / "releases/3")
    assert problems(home) == ["releases/3：不见了"]


def test_the_lists_of_a_night_that_failed_in_part_are_held_against_what_was_told(home):
    """It published: nothing that was changed since may be taken for what it left untold."""
    run.collect(home, DAY)
    run.build(home, DAY)
    run.publish(home, DAY)
    run.notify(home, DAY, failed=["退回"])
    write(home / LIST)
    assert problems(home) == [f"{LIST}：与写出时不同"]
    (home / LIST).unlink()
    assert problems(home) == [f"{LIST}：不见了"]


def test_how_a_night_ended_is_taken_up_from_the_journal(home, monkeypatch):
    Ledger.of(Home(home)).begin_night(DAY, owner="x", at=next(journal.read(Home(home))).at)
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "finish_night", fail)
        with pytest.raises(OSError, match="cut off"):
            run.notify(home, DAY)
    assert any("这一夜是“没有做完”" in each for each in problems(home))
    run.sources(home, NEXT)
    assert problems(home) == []


def test_the_letter_of_a_night_that_did_not_begin_is_no_damage(home):
    """Where journal and ledger do not belong together, nothing is written into either: else one would cover up for the other."""
    lines = journal.path(Home(home)).read_bytes()
    (home / "ledger.db").rename(kept := home.with_name("ledger.db"))
    run.notify(home, NEXT, failed=["收文件"])
    assert journal.path(Home(home)).read_bytes() == lines
    assert Ledger.of(Home(home)).journal_head() is None
    kept.replace(home / "ledger.db")
    told = integrity.verify(home)
    assert told["problems"] == [] and told["notes"] == [f"outbox/{NEXT}.md：那一夜没有开始，信没有登记"]
    run.notify(home, NEXT, failed=["收文件"])  # refused for another reason, such as rights
    told = integrity.verify(home)
    assert told["problems"] == [] and told["notes"] == []


NEW_LINES = ("released", "returned", "finished")
NEW_WORDS = ("settings", "found", "outputs", "release", "becomes_current", "retired")


def test_what_a_home_made_before_never_told_is_information_and_told_from_the_next_night_on(home):
    """Its journal names no number, no copy, no letter and no setting; lists and contents of releases it does."""
    place = Home(home)
    entries = list(journal.read(place))
    journal.path(place).unlink()
    for entry in entries:
        about = {name: value for name, value in entry.about.items() if name not in NEW_WORDS}
        if entry.what == "published":
            about["lists"] = {
                name: digest for name, digest in entry.about["outputs"].items() if name.startswith("lists")
            }
        if entry.what not in NEW_LINES:
            head = journal.write(place, entry.what, about, who=entry.who, at=entry.at)
    Ledger.of(place).remember_journal(head.seq, head.hash)
    told = integrity.verify(home)
    assert told["problems"] == [] and len(told["notes"]) == 1 and "早先版本的程序" in told["notes"][0]
    as_it_was = (home / LIST).read_bytes()
    write(home / LIST)
    assert problems(home) == [f"{LIST}：与写出时不同"]
    run.night(home, NEXT)
    told = integrity.verify(home)
    assert told["problems"] == [f"{LIST}：与写出时不同"], "what was told before is not told anew"
    assert told["notes"] == ["releases/ 里的 1、2 是早先版本的程序发布的，没有记下编号：只核对了内容"]
    (home / LIST).write_bytes(as_it_was)
    assert problems(home) == []
    write(home / COPY)
    write(home / "releases/1/warehouse.duckdb")
    assert problems(home) == ["releases/1/warehouse.duckdb：与发布时不同", f"{COPY}：与写出时不同"]


# --- a statement kept elsewhere --------------------------------------------------------------------------------------


def test_a_whole_older_copy_of_the_home_agrees_with_itself_but_not_with_the_statement(home, tmp_path):
    older = copy_home(home, tmp_path / "older")
    integrity.looked(home, "explain", warning_id="x")
    statement = integrity.verify(home)["statement"]
    integrity.looked(home, "explain", warning_id="y")
    assert integrity.verify(home, statement=statement.encode())["problems"] == [], "the home has gone on since"
    assert integrity.verify(older)["problems"] == []
    assert "更早的一份" in integrity.verify(older, statement=statement.encode())["problems"][0]
    for warning in "abc":
        integrity.looked(older, "explain", warning_id=warning)
    assert "日志换过" in integrity.verify(older, statement=statement.encode())["problems"][0], (
        "older, and worked with since"
    )


def test_a_statement_says_where_the_home_stood_and_that_it_is_unchanged(home, nights):
    place, told = Home(home), integrity.verify(home)
    said = json.loads(told["statement"].encode())
    assert said["journal"] == {"lines": told["journal"], "hash": told["head"]}
    assert said["night"] == {"run_date": str(DAY), "state": "done"}
    assert said["release"]["number"] == 2
    assert said["counts"]["archive"] == len(archive.kept(place)) == 2
    entries = list(journal.read(place))
    for change in (
        {"counts": {}}, {"journal": said["journal"] | {"lines": 1}}, {"signature": "00" * 64}, {"at": "2026-01-01T00:00:00+00:00"},
    ):  # fmt: skip
        assert attestation.compare(place, entries, json.dumps(said | change).encode()) == ["这份说明被改过：签名对不上"]
    for text in ("", "[]", "{}", json.dumps(said | {"more": 1}), json.dumps(said | {"signature": 1})):
        assert "不是 monitor verify --head 写的" in attestation.compare(place, entries, text.encode())[0]
    write(home / "releases/2/warehouse.duckdb")
    assert attestation.compare(place, entries, told["statement"].encode()) == [
        f"当前的一版不是 {said['at']} 写这份说明时的那一版"
    ]
    assert integrity.verify(home)["statement"] == "", "nothing is signed where something is wrong"
    (home / "keys/identity.key").write_bytes(bytes(32))
    assert "不是这个数据目录的" in attestation.compare(Home(home), entries, told["statement"].encode())[0]


def test_new_keys_leave_a_statement_valid(home):
    statement = integrity.verify(home)["statement"]
    integrity.rotate_keys(home)
    assert integrity.verify(home, statement=statement.encode())["problems"] == []


def test_the_command_prints_a_statement_and_holds_a_home_against_it(home, tmp_path):
    def verify(*arguments):
        return CliRunner().invoke(monitor, ["--home", str(home), "verify", *arguments])

    made = verify("--head")
    assert made.exit_code == 0 and json.loads(made.stdout)["form"] == attestation.FORM
    kept = tmp_path / "head.json"
    kept.write_text(made.stdout, encoding="utf-8")
    assert verify("--against", str(kept)).exit_code == 0
    assert json.loads(verify("--against", str(kept), "--json").stdout)["problems"] == []
    assert json.loads(verify("--head", "--json").stdout)["form"] == attestation.FORM
    kept.write_text(made.stdout, encoding="utf-16")
    assert verify("--against", str(kept)).exit_code == 0, "as Windows redirects"
    kept.write_text(made.stdout.replace('"lines"', '"Lines"'), encoding="utf-8")
    assert verify("--against", str(kept)).exit_code == 1
    kept.write_bytes(b"\xff\x00\xfe")
    assert "不是 monitor verify --head 写的" in verify("--against", str(kept)).stdout
    assert verify("--against", str(tmp_path / "none")).exit_code == 2
    (home / LETTER).unlink()
    wrong = verify("--head")
    assert wrong.exit_code == 1 and LETTER in wrong.stdout and "signature" not in wrong.stdout
