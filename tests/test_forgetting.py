"""Who is forgotten stands nowhere in the home any more, whoever looks and however; a forgetting that is cut off is finished."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import re
import shutil
import signal
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from low_income import warehouse
from low_income.ask.person import person_of
from low_income.lists.words import FILLED_IN, WARNING_NUMBER
from low_income.model import TAKEN_OUT, mask
from low_income.night import check as step_check
from low_income.night import issues, run
from low_income.operate import forgetting, integrity, rights
from low_income.records import access, archive, journal
from low_income.records.ledger import Ledger
from low_income.settings.home import Home

from tests.night_kit import DAY, MEDICAL, ask, book, copy_home, few_divisions, new_home, number, person

pytestmark = pytest.mark.slow
WHO = {"who": "数据员", "because": "本人申请"}
HIS, NAME, TELEPHONE, ADDRESS = number(777), "欧阳不留名", "13900007777", "青禾区忘忧巷七号"
HOUSEHOLD = ("户主姓名", "户主身份证号", "家庭人口", "家庭月均收入", "纳入月份", "家庭住址", "联系电话", "数据月份")
EDGE = ("姓名", "身份证号", "户主身份证号", "与户主关系", "月收入", "数据月份")
SECOND = date(2027, 2, 27)
"""He is off the roster, and still in the window of those who left; the medical list names him."""
THIRD = date(2027, 2, 28)
"""The list of warnings comes back, filled in, and a list of another division with him is held."""
LATER = date(2029, 12, 31)
"""The roster with him is past its time; the medical list is not, and nothing justifies his row in it."""


MANY = 30
"""Rows of a roster, so many that it is held when few of the next one's can be used."""


def _roster(home: Path, month: str, *, with_him: bool) -> None:
    people = [person(n, month) for n in range(1, 6)]
    heads = [
        (each[0], each[1], "1", "900", "2025-08", f"青禾区新街{n}号", f"1390000000{n}", month)
        for n, each in enumerate(people)
    ]
    if with_him:
        # What the bureau writes back of the unreadable income quotes his telephone.
        people.append((NAME, HIS, HIS, "户主", f"电话{TELEPHONE}", month))
        heads.append((NAME, HIS, "1", "900", "2025-08", ADDRESS, TELEPHONE, month))
    book(home / "inbox/d01/边缘人员.xlsx", EDGE, people)
    book(home / "inbox/d01/边缘家庭.xlsx", HOUSEHOLD, heads, sheet="边缘家庭")


def _held(home: Path) -> None:
    """A roster of which so few rows can be used that it is held; what its sender is told quotes his telephone."""
    people = [(f"某甲{n}", "1234", "1234", "户主", "900", "2027-02") for n in range(MANY)]
    people.append((NAME, HIS, HIS, "户主", f"电话{TELEPHONE}", "2027-02"))
    book(home / "inbox/d02/边缘人员.xlsx", EDGE, people)


def _answers(home: Path) -> None:
    """What the division writes about his warning, and about his neighbour's."""
    his, others = (
        [warning_id for (warning_id,) in ask(home, "select warning_id from warning where subject_id_number = ?", of)]
        for of in (HIS, number(2))
    )
    assert his and others
    said = [(f"找过{NAME}本人", one) for one in his] + [
        (f"邻居 {HIS} 的电话 {TELEPHONE} 打不通", one) for one in others
    ]
    rows = [("", "核查中", "已入户核实", "张三", THIRD.isoformat(), note, one) for note, one in said]
    book(home / "decisions/inbox/d01/预警清单.xlsx", ("姓名", *FILLED_IN, WARNING_NUMBER), rows, sheet="预警")


def _bills(home: Path, name: str, *of: tuple[str, str]) -> None:
    rows = [(who, one, "2027-02-10", "一院", "90000", "80000", "青禾区") for who, one in of]
    book(home / f"inbox/medical_insurance/{name}.xlsx", MEDICAL, rows)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three nights: he is on the first one's roster, in a partner's list of the second one, and people write about him before the third."""
    home = few_divisions(new_home(tmp_path_factory.mktemp("forgetting") / "home"))
    _roster(home, "2026-10", with_him=True)
    book(home / "inbox/d02/边缘人员.xlsx", EDGE, [person(n) for n in range(101, 101 + MANY)])
    run.night(home, DAY)
    _roster(home, "2027-02", with_him=False)
    _bills(home, "高额医疗费用", (NAME, HIS), person(2)[:2])
    run.night(home, SECOND)
    _answers(home)
    _held(home)
    run.night(home, THIRD)
    return home


@pytest.fixture
def home(kept: Path, tmp_path: Path) -> Path:
    """The home of `kept`, with copies of its past beside it."""
    home = copy_home(kept, tmp_path / "home")
    aside = home / "before-recovery-1"
    aside.mkdir(0o700)
    for name in ("ledger.db", "accepted", "releases"):
        (shutil.copytree if (home / name).is_dir() else shutil.copy2)(home / name, aside / name)
    shutil.copytree(home / "releases/1", home / "releases/1.laid_aside")
    (home / "outbox/2027-02-27.附.md").write_text(f"{NAME} {HIS} 打来电话", encoding="utf-8")
    (home / "work/open-x").mkdir()
    (home / "work/open-x/file").write_text(f"{HIS}", encoding="utf-8")
    (home / "accepted/edge_person/.part-x").write_text(HIS, encoding="utf-8")
    return home


# who looks everywhere ------------------------------------------------------------------------------------------------


def _words() -> list[str]:
    return [HIS, HIS.lower(), f"{HIS[:6]}{HIS[8:17]}", NAME, TELEPHONE, ADDRESS]


def _opened(name: str, data: bytes) -> Iterator[bytes]:
    """The bytes of a file, without marks in between as well, and what is packed in it: members, columns, pages that are in use."""
    yield data
    if data.startswith(b"<"):
        yield re.sub(b"<[^>]*>", b"", data)
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for member in packed.namelist():
                yield from _opened(member, packed.read(member))
    if name.endswith(".parquet"):
        yield json.dumps(pq.read_table(io.BytesIO(data)).to_pylist(), ensure_ascii=False, default=str).encode()


def _tables(path: Path) -> bytes:
    if path.suffix == ".db":
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as ledger:
            return "\n".join(ledger.iterdump()).encode()
    with closing(duckdb.connect(str(path), read_only=True)) as con:
        names = con.execute("select table_name from duckdb_tables()").fetchall()
        return "\n".join(str(con.execute(f"select * from {name}").fetchall()) for (name,) in names).encode()


def found(home: Path) -> list[str]:
    """Each file of the home in which, or in whose name, he stands, in any of the encodings that lists come in."""
    words = {word.encode(coding) for word in _words() for coding in ("utf-8", "gb18030", "utf-16-le", "utf-16-be")}
    places = []
    for path in sorted(home.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        told = [path.name.encode(), *_opened(path.name, path.read_bytes())]
        if path.suffix in (".duckdb", ".db"):
            told.append(_tables(path))
        if any(word in text for word in words for text in told):
            places.append(path.relative_to(home).as_posix())
    return places


def _packed(name: str, data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr(name, data)
    return packed.getvalue()


def _plant(path: Path, word: str) -> None:
    """A file in which a word stands, as its kind of file has it."""
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"name": [word] * 3}), path, compression="zstd")
    elif path.suffix == ".duckdb":
        with closing(duckdb.connect(str(path))) as con:
            con.execute("create table person as select ? as name from range(3000)", [word])
    elif path.suffix == ".db":
        with closing(sqlite3.connect(path)) as con, con:
            con.execute("create table person (name text)")
            con.execute("insert into person values (?)", ["长" * 1363 + word])
    elif path.suffix == ".xlsx":
        book(path, ("姓名",), [(word,)])
    elif path.suffix == ".zip":
        half = f"<t>{word[:3]}</t><t>{word[3:]}</t>".encode()
        path.write_bytes(_packed("inner.xlsx", _packed("xl/comments1.xml", half)))
    else:
        path.write_bytes(word.encode(path.suffix[1:]))


@pytest.mark.parametrize("word", [HIS, NAME, TELEPHONE, ADDRESS])
@pytest.mark.parametrize(
    "name", ["a.parquet", "a.duckdb", "a.db", "a.xlsx", "a.zip", "a.utf-8", "a.utf-16", "a.gb18030", "deep/a.utf-8"]
)
def test_whoever_looks_finds_him_in_every_kind_of_file(tmp_path: Path, name: str, word: str) -> None:
    _plant(tmp_path / name, "某甲某乙")
    assert found(tmp_path) == []
    (tmp_path / name).unlink()
    _plant(tmp_path / name, word)
    assert found(tmp_path) == [name]


def sealed(home: Path) -> list[str]:
    """Where he stands for who has the keys: the journal, the ledger, and originals by the unit that sent them."""
    place = Home.open(home)
    ledger = Ledger.of(place)
    told = {"journal": str([entry.about for entry in journal.read(place)])}
    told["ledger"] = (
        f"{ledger.submissions()} {ledger.decisions.lines(date.max)} {ledger.said()} {ledger.left(date.max)}"
    )
    places = [name for name, text in told.items() if any(word in text for word in _words())]
    texts = {word.encode() for word in _words()}
    files = [*ledger.files(), *ledger.decisions.files()]
    units = {
        each.unit_code for each in files if any(word in text for text in _clear(home, each.sha256) for word in texts)
    }
    return [*places, *sorted(units)]


def test_who_is_forgotten_stands_in_no_byte_of_the_home(home: Path) -> None:
    before = found(home)
    for place in (
        "accepted/edge_person", "accepted/edge_household", "accepted/medical_expense", "accepted/validation_issue", "accepted/issue_life",
        "releases/3/", "releases/2/", "returns/d01/", "returns/d02/", "returns/medical_insurance/", "lists/", "before-recovery-1/",
        "outbox/", "work/",
    ):  # fmt: skip
        assert any(each.startswith(place) for each in before), f"he must have stood in {place}: {before}"
    assert sealed(home) == ["ledger", "d01", "d02", "medical_insurance"]
    assert ask(home, "select note from decision where note like '%' || ? || '%'", NAME), (
        "what people wrote is published"
    )
    [held] = ask(home, "select submission_id from submission where status = 'held'")
    assert ask(home, "select row from validation_issue where submission_id = ? and message like '%电话%'", *held)
    others = ask(home, "select warning_id, first_seen_on from warning where subject_id_number = ?", number(2))
    told = forgetting.forget(home, HIS, LATER, **WHO)
    assert found(home) == []
    assert sealed(home) == ["d01", "d02", "medical_insurance"], "the senders' bytes stay, closed, as is said"
    assert told["removed"] == 1 and told["kept"] == []
    # Who decided what, and when, stays; the words about him do not, nor in what is compared with.
    assert {note for (note,) in ask(home, "select note from decision")} == {TAKEN_OUT}
    assert {who for (who,) in ask(home, "select decided_by from decision")} == {"张三"}
    # Nobody else lost anything: what stood there of others stands there, since when it did.
    assert (
        others
        and ask(home, "select warning_id, first_seen_on from warning where subject_id_number = ?", number(2)) == others
    )
    assert rights.subject(home, HIS, LATER, **WHO)["rows"] == []
    assert integrity.verify(home)["problems"] == []
    assert not list(home.glob("before-recovery-*")) and not list((home / "releases").glob("*.laid_aside"))
    # What stays is said, why, and until when; and it is so.
    said = {each["在哪里"]: each for each in told["remains"]}
    assert all(each["为什么"] and each["到什么时候"] for each in said.values())
    for place in ("原始文件", "日志", "scope", "清单里登记的结果", "证件号写错", "decisions/inbox", "备份", "空闲块"):
        assert any(place in each for each in said), place
    # The nights go on from there.
    run.night(home, THIRD)
    assert found(home) == [] and integrity.verify(home)["problems"] == []


def _clear(home: Path, sha256: str) -> list[bytes]:
    with archive.opened(Home(home), sha256) as path:
        return [*_opened("", path.read_bytes())]


def test_what_a_rule_keeps_stays_and_is_said(home: Path) -> None:
    """Within its time the roster keeps him, so that nothing made of it goes either."""
    told = forgetting.forget(home, HIS, SECOND, **WHO)
    assert told["removed"] == 0 and told["outputs"] == [] and told["releases"] == []
    assert {row["种类"] for row in told["kept"]} == {"低保边缘人员", "低保边缘家庭", "高额医疗费用"}
    assert any("各版数据" in each["在哪里"] for each in told["remains"])
    assert [path for path in found(home) if path.startswith("releases/")]


def test_rows_of_a_list_that_a_later_one_replaced_go_as_well(kept: Path, tmp_path: Path) -> None:
    home = copy_home(kept, tmp_path / "home")
    third = date(2027, 3, 1)
    _bills(home, "高额医疗费用", person(2)[:2])
    run.night(home, third)
    assert any("medical_expense" in each for each in found(home))
    told = forgetting.forget(home, HIS, LATER, **WHO)
    assert told["removed"] == 1 and found(home) == []
    assert integrity.verify(home)["problems"] == []


# cut off ----------------------------------------------------------------------------------------------------------------


def _killed(home: Path, where: str) -> None:
    """Forget him in a process that dies where it is told to.

    A process of its own from the beginning: one that is forked from here may wait for ever for what a thread of this one held.
    """
    process = multiprocessing.get_context("spawn").Process(target=_forget_and_die, args=(home, where))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL, "it was to die, and ended"


def _forget_and_die(home: Path, where: str) -> None:
    owner, name = CUT[where]
    setattr(owner, name, _die)
    if name == "write_anew":
        _but_for_the_end(home)
    else:
        forgetting.forget(home, HIS, LATER, **WHO)


def _die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


CUT = {
    "rows are written and the ledger does not know": (step_check, "_tell"),
    "rows and copies are gone and lines are not": (issues, "forget"),
    "lines are gone and releases are not": (forgetting, "_leave_out"),
    "the release before is copied and not kept": (warehouse, "keep"),
    "others are told and not gone": (warehouse, "drop"),
    "the release is built and not published": (run, "publish"),
    "all is gone but free pages": (Ledger, "write_anew"),
}


@pytest.mark.parametrize("where", CUT)
def test_a_forgetting_that_was_killed_is_finished_by_the_next_command(home: Path, where: str) -> None:
    forgetting.purge(home, LATER, who="数据员")
    _killed(home, where)
    assert forgetting.finish(home, LATER, who="夜间任务") == 1
    assert found(home) == []
    assert integrity.verify(home)["problems"] == []
    assert forgetting.finish(home, LATER, who="夜间任务") == 0
    assert [entry.who for entry in journal.read(Home(home)) if entry.what == "forgot"] == ["夜间任务"]


def _but_for_the_end(home: Path) -> None:
    """Without the purge before it, which writes the ledger anew as well."""
    with access.alone(home):
        place, ledger = access.open_whole(home)
        person_id = person_of(place, HIS, LATER)
        forgetting.again(place, ledger, person_id, LATER, lines=[], **WHO)


def test_a_night_beside_a_forgetting_that_was_killed_still_publishes(home: Path) -> None:
    forgetting.purge(home, LATER, who="数据员")
    _killed(home, "rows are written and the ledger does not know")
    run.night(home, date(2027, 3, 1))
    assert forgetting.finish(home, LATER, who="夜间任务") == 1
    assert found(home) == [] and integrity.verify(home)["problems"] == []


def test_who_was_forgotten_does_not_come_back_by_a_recovery(home: Path) -> None:
    forgetting.forget(home, HIS, LATER, **WHO)
    integrity.recover(home)
    left = [each for each in found(home) if not each.startswith("before-recovery-")]
    assert left == []


# purge -------------------------------------------------------------------------------------------------------------------


def _ledger_bytes(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(home.glob("ledger.db*")))


def test_what_is_purged_is_in_nothing_laid_aside_and_in_no_free_page(home: Path) -> None:
    with closing(Ledger.of(Home(home))._engine.raw_connection()) as raw:
        [file_id] = (
            raw.cursor().execute("select file_id from received_file where night = '2026-10-31' limit 1").fetchone()
        )
    assert file_id.encode() in _ledger_bytes(home)
    told = forgetting.purge(home, LATER, who="数据员")
    assert told["files"] >= 2 and told["outputs"] >= 2
    assert not list(home.glob("before-recovery-*")) and not list((home / "releases").glob("*.laid_aside"))
    assert file_id.encode() not in _ledger_bytes(home)
    assert not [each for each in found(home) if each.startswith(("work/", "accepted/edge"))]


def test_what_was_laid_aside_goes_with_its_age(home: Path) -> None:
    old = 1_767_200_000
    os.utime(home / "before-recovery-1", (old, old))
    told = forgetting.purge(home, SECOND, who="数据员")
    assert told["files"] == 0 and told["outputs"] >= 1
    assert not (home / "before-recovery-1").exists() and (home / "releases/1.laid_aside").exists()


WORDS = forgetting._Words(frozenset({HIS}), frozenset({NAME}), frozenset({TELEPHONE}))


def test_a_copy_that_hides_the_number_and_gives_the_name_is_about_him() -> None:
    assert WORDS.stand_in(f"{NAME} {mask(HIS)}") and WORDS.stand_in(f"电话 {TELEPHONE}") and WORDS.stand_in(HIS)
    assert not WORDS.stand_in(NAME), "a namesake's list stays"
    assert not WORDS.stand_in(mask(HIS)), "others share what a mask shows"


WIDE = HIS.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})


@pytest.mark.parametrize(
    ("written", "coding"),
    [
        (HIS, "utf-8"), (HIS, "utf-16"), (HIS, "gb18030"), (WIDE, "utf-8"), (f"{HIS[:6]} {HIS[6:14]}\u200b{HIS[14:]}", "utf-8"),
        (f"<r>{HIS[:9]}</r><r>{HIS[9:]}</r>", "utf-8"), (f"欧 阳不留名<t>{mask(HIS)}</t>", "utf-16"), (f"欧阳不留名{mask(HIS)}", "gb18030"),
        ("".join(f"&#{ord(each)};" for each in HIS), "utf-8"),
    ],
)  # fmt: skip
def test_a_copy_is_about_him_however_the_sender_wrote_it(tmp_path: Path, written: str, coding: str) -> None:
    said = coding if coding != "utf-16" else "UTF-16"
    with zipfile.ZipFile(tmp_path / "copy.xlsx", "w") as book:
        book.writestr("xl/a.xml", f'<?xml version="1.0" encoding="{said}"?><t>{written}</t>'.encode(coding))
        book.writestr("xl/picture.png", bytes(range(256)))
    assert WORDS.stand_in(forgetting._text_of(tmp_path / "copy.xlsx"))
