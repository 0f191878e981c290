"""The eight limits of docs/boundaries.md: each with tests that try to break it, by what a night leaves behind, byte for byte.

| limit | tried here | and beside it |
|---|---|---|
| 1 no profiling | planted under headers and beside them, in every format, by every door; every byte, unpacked | `test_layout`, `test_returns` |
| 2 purposes | rules that reach a forbidden kind, by every path that there is, do not build | `test_warehouse` |
| 3 scope, authorisation | partners' rows of outsiders, and review lists of those who did not sign, in every format | `test_door` |
| 4 a warning is a question | what is published, said and asked stops no benefit; partners' databases stay as they were | `test_life` |
| 5 no merging without proof | five near-identical people stay apart | `test_values`, `test_who_is_who` |
| 6 rights | what is held is told with its source and who looked, and nothing that is not held | `test_rights` |
| 7 least sight | divisions' files, masks, logs, modes, doors of a published file | `test_dags`, `test_doctor` |
| 8 invented people | no number of ours can be anybody's | `test_generate`, `test_docs` |

What `archive/` holds is encrypted and purged first (docs/design.md): its bytes are looked through as they are.
"""

import hashlib
import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from low_income import cli, warehouse
from low_income.generate.people import check_character
from low_income.lists.words import FILLED_IN, WARNING_NUMBER
from low_income.model import ROOT, ModelError, PublishRefused, mask
from low_income.night import run
from low_income.operate import rights
from low_income.records import journal
from low_income.settings import contracts
from low_income.settings.home import Home
from low_income.warehouse import models

from tests import biff_kit, dbf_kit
from tests.home_kit import texts_of_home
from tests.night_kit import (
    DAY,
    MEDICAL,
    PERSON,
    ask,
    book,
    copy_home,
    few_divisions,
    generated,
    new_home,
    night_of_the_bureau,
    number,
    person,
    still,
)

pytestmark = pytest.mark.slow

MARKS = (
    "标记甲族",
    "标记乙教",
    "标记丙党",
    "标记丁血型",
    "标记戊轨迹",
    "标记己航班",
    "标记庚前科",
    "标记辛相片",
    "标记壬微信",
)
BESIDE = ("标记子族", "标记丑党", "标记寅教", "标记卯血型", "标记辰轨迹", "标记巳航班")
"""Planted beside a list instead of under its header: title, line of the unit, footnote, other sheets, a note."""
HEADERS = ("民族", "宗教信仰", "政治面貌", "血型", "行动轨迹", "航班号", "前科情况", "照片", "微信号")
FULL_NUMBER = re.compile(r"(?<!\d)99\d{15}[\dXx](?!\d)")
OUTSIDERS = range(900, 930)
UNSIGNED = range(1, 4)
"""On a roster, but nobody signed for them: nothing of the review lists about them may be kept."""
VEHICLES = ("姓名", "身份证号", "号牌号码", "车辆类型", "注册日期", "机动车状态")
PENSIONS = ("姓名", "身份证号", "险种类型", "发放月份", "月养老金额", "待遇状态")


def sheets(path, **pages):
    """A workbook of several sheets of text cells; a sheet of which the name begins with `hidden_` is hidden."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(path) as workbook:
        for name, rows in pages.items():
            page = workbook.add_worksheet(name.removeprefix("hidden_"))
            if name.startswith("hidden_"):
                page.hide()
            for at, row in enumerate(rows):
                for column, value in enumerate(row):
                    page.write_string(at, column, value)
    return still(path)


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """(home, what the commands printed) after a night on lists that carry what nobody may keep."""
    home = new_home(tmp_path_factory.mktemp("marked") / "home")
    inbox = home / "inbox"
    rows = [person(n) for n in range(1, 6)]
    rows[4] = (rows[4][0], rows[4][1][:-1], *rows[4][2:])
    beside = [("姓名", "民族", "住在哪里"), (person(1)[0], BESIDE[3], "行动轨迹"), ("", BESIDE[3], BESIDE[4])]
    sheets(
        inbox / "d01/边缘人员.xlsx",
        Sheet1=[
            (f"2026年10月边缘人员（民族：{BESIDE[0]}）",),
            ("填报单位:青禾区", "政 治 面 貌", BESIDE[1]),
            (*HEADERS[:4], *PERSON, *HEADERS[4:]),
            *((*MARKS[:4], *row, *MARKS[4:]) for row in rows),
            (f"注:以上人员宗教信仰为{BESIDE[2]}",),
        ],
        附表=beside,
        hidden_底稿=beside,
    )
    text = "\n".join(
        [f"2026年10月边缘人员 民族 {BESIDE[0]}", f"填报单位:云岫区,政治面貌:{BESIDE[1]}", ",".join((*PERSON, *HEADERS)),
         *(",".join((*person(n), *MARKS)) for n in range(11, 15)), f"注:宗教信仰:{BESIDE[2]}"]
    )  # fmt: skip
    (inbox / "d02/边缘人员.csv").write_text(text, encoding="gb18030")
    still(inbox / "d02/边缘人员.csv")
    book(inbox / f"d03/{number(21)}的边缘人员.xlsx", PERSON, [person(n) for n in range(21, 24)])
    medical = [(f"外人{n}", number(n), "2026-09-15", f"外院{n}", "300", "200", "青禾区", MARKS[0]) for n in OUTSIDERS]
    inside = (person(1)[0], number(1), "2026-09-15", "一院", "90000", "80000", "青禾区", MARKS[0])
    book(inbox / "medical_insurance/高额医疗费用.xlsx", (*MEDICAL, "民族"), [*medical, inside])
    old = [
        [f"2026年10月边缘人员 民族:{BESIDE[0]}"], [f"政治面貌:{BESIDE[1]}"], [*PERSON, *HEADERS],
        *([*person(n), *MARKS] for n in (31, 32)), [f"填表说明:宗教信仰{BESIDE[2]}"],
    ]  # fmt: skip
    (inbox / "d04/边缘人员.xls").write_bytes(biff_kit.workbook({"Sheet1": old, "附表": [list(row) for row in beside]}))
    still(inbox / "d04/边缘人员.xls")
    columns = [("姓名", "C", 20), ("身份证号", "C", 18), ("死亡日期", "C", 10), ("民族", "C", 20), ("血型", "C", 20)]
    dead = [(person(n)[0], number(n), "2026-10-01", MARKS[0], MARKS[3]) for n in (2, 901)]
    (inbox / "civil_registration/死亡.dbf").write_bytes(dbf_kit.table(columns, dead))
    still(inbox / "civil_registration/死亡.dbf")
    # What only reviews ask about, in each format: of people who did not sign, and of outsiders.
    asked = [*UNSIGNED, 902, 903]
    cars = [(f"车主{n}", number(n), f"样A{n:05d}", "小型轿车", "2020-01-01", "正常") for n in asked]
    book(inbox / "traffic/车辆.xlsx", VEHICLES, cars)
    (inbox / "traffic/车辆二.xls").write_bytes(biff_kit.workbook({"Sheet1": [list(VEHICLES), *map(list, cars)]}))
    still(inbox / "traffic/车辆二.xls")
    paid = [(f"养老{n}", number(n), "企业职工", "2026-09", f"{26_000 + n}.37", "正常") for n in asked]
    text = "\n".join(map(",".join, (PENSIONS, *paid)))
    (inbox / "human_resources/养老.csv").write_text(text, encoding="gb18030")
    still(inbox / "human_resources/养老.csv")
    widths = [(name[:5], "C", 24) for name in PENSIONS]
    (inbox / "human_resources/养老二.dbf").write_bytes(dbf_kit.table(widths, [(*row[:5], "正常") for row in paid]))
    still(inbox / "human_resources/养老二.dbf")
    # No header, of which nothing comes back, and a list with one that is not enough, which comes back without these columns.
    bare = [(person(n)[0], MARKS[0], MARKS[2], "户主", "900") for n in (51, 52)]
    sheets(inbox / "d05/没有表头.xlsx", Sheet1=bare)
    sheets(inbox / "d05/认不出.xlsx", Sheet1=[("姓名", "民族", "政治面貌", "与户主关系"), *(row[:4] for row in bare)])
    with closing(sqlite3.connect(home.parent / "partner.db")) as con, con:
        names = ", ".join(f'"{name}" text' for name in (*PERSON, *HEADERS))
        con.execute(f"create table 边缘人员 ({names})")
        wide = [(*person(n), *MARKS) for n in (41, 42)]
        con.executemany(f"insert into 边缘人员 values ({', '.join('?' * len(wide[0]))})", wide)
        con.execute(f"create table 车辆 ({', '.join(f'{name} text' for name in VEHICLES)})")
        con.executemany("insert into 车辆 values (?, ?, ?, ?, ?, ?)", cars)
    settings = (home / "monitor.yml").read_text(encoding="utf-8")
    source = (
        "databases: [{name: 六区库, unit: d06, url: 'env:MARKED_D06', table: 边缘人员},"
        " {name: 车辆库, unit: traffic, url: 'env:MARKED_D06', table: 车辆}]"
    )
    before = hashlib.sha256((home.parent / "partner.db").read_bytes()).hexdigest()
    (home / "monitor.yml").write_text(settings.replace("databases: []", source), encoding="utf-8")
    said = ("已纳入保障", "已协助申请低保", "张三", "2026-10-31", "已批准", "ab" * 32, *MARKS)
    sheets(
        home / "decisions/inbox/d01/清单.xlsx",
        预警=[(f"核查登记 民族:{BESIDE[0]}",), (*FILLED_IN, WARNING_NUMBER, *HEADERS), said],
        说明=[("市公安局提供死亡登记",), ("民族", BESIDE[1])],
        附表=beside,
    )
    told = []
    for command in (
        ("run", "--really", "--date", str(DAY)),
        ("status", "--date", str(DAY)),
        ("status", "--json", "--date", str(DAY)),
    ):
        done = subprocess.run(
            [sys.executable, "-c", "from low_income.cli import main; main()", "--home", str(home), *command],
            check=False, capture_output=True, text=True, cwd=ROOT,
            env=os.environ | {"MARKED_D06": f"sqlite:///{home.parent / 'partner.db'}"},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        told.append(done.stdout + done.stderr)
    assert hashlib.sha256((home.parent / "partner.db").read_bytes()).hexdigest() == before, "read, and nothing else"
    return home, "\n".join(told)


@pytest.fixture(scope="module")
def seen(marked):
    """All that `marked` left behind, read through once."""
    return list(texts_of_home(marked[0]))


def test_profiling_values_are_in_no_byte_of_the_home(marked, seen):
    home, told = marked
    found = sorted({(place, mark) for place, text in seen for mark in (*MARKS, *BESIDE) if mark in text})
    assert found == []
    assert not [mark for mark in (*MARKS, *BESIDE) if mark in told]
    accepted = dict(ask(home, "select unit_code, rows_accepted from submission"))
    assert accepted == {
        "d01": 4, "d02": 4, "d03": 3, "d04": 2, "d05": 0, "d06": 2, "medical_insurance": 1, "civil_registration": 1,
        "traffic": 0, "human_resources": 0,
    }  # fmt: skip
    decided = home / "returns/d01/清单.xlsx"
    told_back = "\n".join(text for place, text in seen if place.startswith(f"returns/d01/{decided.name}"))
    assert decided.exists() and "微信号" in told_back
    back = "\n".join(text for place, text in seen if place.startswith("returns/d01"))
    assert "按规定不接收" in back and "民族" in back


def test_nor_are_they_when_corrections_and_confirmations_come_back(marked, tmp_path):
    """Somebody adds such a column to what we returned, and drops it in again."""
    home = copy_home(marked[0], tmp_path / "home")
    for name, target in (("边缘人员.更正.xlsx", "边缘人员.更正.xlsx"), ("边缘人员.xlsx", "边缘人员.xlsx")):
        with closing(openpyxl.load_workbook(home / "returns/d01" / name)) as workbook:
            for sheet in workbook.worksheets:
                at = sheet.max_column + 1
                head = next((row for row in range(1, 4) if sheet.cell(row, 1).value), None)
                if head is None:  # a sheet that was emptied
                    continue
                for row in range(1, sheet.max_row + 1):
                    sheet.cell(row, at).value = MARKS[5]
                sheet.cell(head, at).value = "航班号"
                if sheet.title.startswith("更正"):
                    sheet.cell(2, at).value = "航班号"
            workbook.save(home / "inbox/d01" / target)
        still(home / "inbox/d01" / target)
    (home / "monitor.yml").write_text(
        re.sub(r"(?m)^databases:.*$", "databases: []", (home / "monitor.yml").read_text(encoding="utf-8")),
        encoding="utf-8",
    )
    run.night(home, DAY + timedelta(days=1))
    found = {place for place, text in texts_of_home(home) for mark in MARKS if mark in text}
    assert {place for place in found if not place.startswith("returns/d01/")} == set()
    assert not {place for place in found if "sheet" not in place}


def test_outsiders_of_partner_lists_are_in_no_byte_but_of_their_own_file_sent_back(marked, seen):
    home, told = marked
    own = tuple(
        f"returns/{unit}/" for unit in ("medical_insurance", "civil_registration", "traffic", "human_resources")
    )
    whole = [(place, text) for place, text in seen if not place.startswith(own)]
    words = [word for n in OUTSIDERS for word in (number(n), f"外院{n}", f"外人{n}", f"车主{n}", f"养老{n}")]
    assert sorted({(place, word) for place, text in whole for word in words if word in text}) == []
    assert not [word for word in words if word in told]
    assert any(number(1) in text for place, text in whole if place.startswith("accepted"))
    assert ask(home, "select rows_out_of_scope from submission where kind = 'medical_expense'") == [(len(OUTSIDERS),)]


def test_of_who_did_not_sign_nothing_that_reviews_ask_about_is_kept_in_any_byte(marked, seen):
    """They are on a roster, so that lists which help may know them: it is the signature that is missing."""
    home, told = marked
    own = ("returns/traffic/", "returns/human_resources/")
    words = [
        word
        for n in UNSIGNED
        for word in (f"样A{n:05d}", f"车主{n}", f"养老{n}", f"{26_000 + n}.37", f"{26_000 + n}37")
    ]
    texts = [(place, text) for place, text in seen if not place.startswith(own)]
    assert sorted({(place, word) for place, text in texts for word in words if word in text}) == []
    assert any(word in text for place, text in seen if place.startswith(own) for word in words), "it would be seen"
    assert not [word for word in words if word in told]
    counted = ask(
        home, "select file_name, rows_read, rows_accepted, rows_set_aside, rows_out_of_scope from submission"
        " where kind in ('vehicle', 'pension') order by all",
    )  # fmt: skip
    assert counted == [
        (name, 5, 0, 0, 5) for name in ("养老.csv", "养老二.dbf", "车辆.xlsx", "车辆二.xls", "车辆库/车辆")
    ]
    assert not [*(home / "accepted/vehicle").glob("*"), *(home / "accepted/pension").glob("*")]
    on_a_roster = "select count(*) from enrolment join person using (person_id) where id_number in (?, ?, ?)"
    assert ask(home, on_a_roster, *map(number, UNSIGNED)) == [(3,)]


WHOLE = ("id_number", "subject_id_number", "head_id_number")
"""Columns of a release that are a person's own number, whole. `evidence` shows the cell of one from which a birth date was read."""
OF_EVIDENCE = "号（出生日期）"
SAMPLES = {"990101198605011237", "99010119500501123X"}
"""The numbers of the sample rows in blank templates and in hints."""


def numbers_published(path):
    """(table, column) of each full number in a published file where none may be: every table, every column."""
    number = "'(^|[^0-9])99[0-9]{15}[0-9Xx]($|[^0-9])'"
    found = set()
    with closing(duckdb.connect(str(path), read_only=True)) as con:
        columns = con.execute(
            "select table_name, column_name from duckdb_columns() where schema_name = 'main' and not internal"
            " and database_name = current_database()"
        ).fetchall()
        for table, column in columns:
            cells = con.execute(
                f'select "{column}"::varchar from "{table}" where regexp_matches("{column}"::varchar, {number})'
            ).fetchall()
            if column == "evidence":
                facts = [fact for (cell,) in cells for fact in json.loads(cell)]
                cells = [
                    fact for fact in facts if not fact["fact"].endswith(OF_EVIDENCE) and FULL_NUMBER.search(str(fact))
                ]
            if cells and column not in WHOLE:
                found.add((table, column))
    return found


def numbers_kept(home):
    """Files of a home with a full number, but for rows of units, what they get back, and the release (`numbers_published`)."""
    rows = {f"accepted/{kind}" for kind in (*contracts.load().kinds, "set_aside", "unproven")}
    for place, text in texts_of_home(
        home, but=("archive", "inbox", "lists", "releases", "returns", "truth", "warehouse.duckdb")
    ):
        if not place.startswith(tuple(f"{each}/" for each in rows)) and FULL_NUMBER.search(text):
            yield place
    if any(FULL_NUMBER.search(str(entry)) for entry in journal.read(Home(home))):
        yield "journal.jsonl, decrypted"


def published_files(home):
    files = sorted((home / "warehouse.duckdb").resolve().parent.rglob("*.duckdb"))
    assert len(files) > 1, "that of the bureau, and those of the divisions"
    return files


def test_full_numbers_are_in_no_name_message_ledger_or_log(marked, seen):
    home, told = marked
    assert not FULL_NUMBER.search(told)
    assert not [path for path in home.rglob("*") if FULL_NUMBER.search(path.name)]
    places = dict(seen)
    looked_at = [place for place in places if place.startswith(("outbox/", "ledger.db"))]
    assert any(place.startswith("ledger.db") for place in looked_at)
    assert list(numbers_kept(home)) == []


def test_full_numbers_are_in_no_column_of_a_release_but_the_persons_own_and_in_no_file_of_ours(tmp_path_factory):
    """Also not of rows that were returned for their number, of which the release tells with the value masked."""
    home = night_of_the_bureau(tmp_path_factory)
    masked = (
        "select count(*) from validation_issue where regexp_matches(value_masked, '^99[0-9]{4}[*]{8}[0-9Xx]{3,4}$')"
    )
    assert ask(home, masked)[0][0] > 0
    assert {str(path): found for path in published_files(home) if (found := numbers_published(path))} == {}
    assert list(numbers_kept(home)) == []


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("validation_issue", "value_masked"),
        ("warning_list", "reason"),
        ("warning_list", "evidence"),
        ("submission", "file_name"),
    ],
)
def test_a_full_number_in_any_other_column_would_be_found(tmp_path_factory, tmp_path, table, column):
    planted = f"甲 {number(1)}。"
    if column == "evidence":
        planted = json.dumps([{"fact": "备注", "value": planted}], ensure_ascii=False)
    for path in published_files(night_of_the_bureau(tmp_path_factory))[:2]:
        copy = Path(shutil.copy(path, tmp_path / path.name))
        with closing(duckdb.connect(str(copy))) as con:
            con.execute(
                f'create or replace table "{table}" as select * replace (? as "{column}") from "{table}" limit 1',
                [planted],
            )
            at_all = con.execute(f'select count(*) from "{table}"').fetchall()[0][0]
        assert numbers_published(copy) == ({(table, column)} if at_all else set())
    assert path.parent.name == "divisions"


def test_a_full_number_in_any_file_of_ours_would_be_found(marked, tmp_path):
    home = copy_home(marked[0], tmp_path / "home")
    planted = (f"outbox/{DAY}.txt", "log/新.log", "ledger.db-wal")
    for place in planted:
        (home / place).parent.mkdir(exist_ok=True)
        (home / place).write_bytes(f"\x00{number(1)}\x00".encode("utf-8" if place.endswith("wal") else "utf-16-le"))
    (home / "accepted/validation_issue").mkdir(exist_ok=True)
    pq.write_table(pa.table({"value_masked": [number(1)]}), home / "accepted/validation_issue/a.parquet")
    journal.write(Home(home), "looked", {"about": number(1)}, who="某", at=datetime(2026, 11, 1, tzinfo=UTC))
    found = set(numbers_kept(home))
    assert {*planted, "journal.jsonl, decrypted", "accepted/validation_issue/a.parquet!rows"} <= found


def test_a_unit_gets_back_full_numbers_that_it_sent_and_no_others(tmp_path_factory):
    home, sent = night_of_the_bureau(tmp_path_factory), generated(tmp_path_factory)

    def numbers(folder):
        found = {}
        for place, text in texts_of_home(folder):
            if "空白模板" not in place:
                found.setdefault(place.split("/")[0], set()).update(each.upper() for each in FULL_NUMBER.findall(text))
        return found

    of, back = numbers(sent / "inbox"), numbers(home / "returns")
    others = {(unit, each) for unit, found in back.items() for each in found - of[unit] - SAMPLES}
    # A cell that is a number keeps fifteen digits: what is shown of it ends in 000, and is nobody's number.
    assert {(unit, each) for unit, each in others if not each.endswith("000")} == set()
    assert sum(map(len, back.values())) > 100


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("990101198605010014", "990101********014"),
        ("990101 19860501 001X", "990101********01X"),
        ("990101-19860501-0014", "990101********014"),
        ("990101\u30001986.05.01_0014张三", "990101********014张三"),
        ("9 9 0 1 0 1 1 9 8 6 0 5 0 1 0 0 1 4", "990101********014"),
        ("990101\u200b198605010014", "990101********014"),
        ("990101\\u200b198605010014", "990101********014"),
        ("990101\\x1b198605010014", "990101********014"),
        ("９９０１０１ １９８６０５０１ ００１４", "９９０１０１********０１４"),
        ("990101860501001", "990101********001"),
        ("990101 860501 001", "990101********001"),
        *((text, text) for text in (
            "2026-10-31 2026-11-30", "2026-10-31 12:30:45", "2026-10-31_123045_123", "13800138000",
            "100000.00 12000.00 12000.00", "1234.56 1999.00 2000-01-02", "第 12 行、第 2026 行",
        )),
    ],
)  # fmt: skip
def test_a_number_is_masked_also_with_blanks_and_separators_in_it(text, shown):
    assert mask(text) == shown


def test_lists_hold_a_full_number_only_where_the_unit_could_not_find_the_person(tmp_path_factory):
    home = night_of_the_bureau(tmp_path_factory)
    may = {(unit, subject) for unit, subject in ask(
        home,
        "with shown as (select person_id, division_code, subject_id_number from warning_list union all"
        " select person_id, division_code, subject_id_number from sample_check)"
        " select division_code, subject_id_number from shown where not exists (select 1 from record_link"
        " join submission using (submission_id) where record_link.person_id = shown.person_id and"
        " submission.unit_code = shown.division_code)")}  # fmt: skip
    shown = set()
    for place, text in texts_of_home(home, but=("archive", "releases", "returns", "accepted", "truth")):
        if place.startswith("lists/"):
            shown |= {(Path(place.partition("!")[0]).stem, found) for found in FULL_NUMBER.findall(text)}
    assert shown <= may
    assert shown
    names = [path.name for path in home.rglob("*")]
    assert not [name for name in names if FULL_NUMBER.search(name)]


def test_a_division_sees_its_own_people_only(tmp_path_factory):
    home = night_of_the_bureau(tmp_path_factory)
    listed = ask(home, "select division_code, subject_name, subject_id_number from warning_list")
    of = {
        unit: {number for code, _, number in listed if code == unit}
        for unit in {code for code, _, _ in listed} - {"bureau"}
    }
    for unit, own in of.items():
        path = (home / "warehouse.duckdb").resolve().parent / f"divisions/{unit}.duckdb"
        with closing(duckdb.connect(str(path), read_only=True)) as con:
            seen = con.execute("select subject_id_number, division_code from warning_list").fetchall()
            sampled = con.execute("select distinct division_code from sample_check").fetchall()
        assert sampled in ([], [(unit,)])
        assert {number for number, _ in seen} == own
        assert {code for _, code in seen} == {unit}


def test_a_number_under_an_invented_name_gives_its_sender_no_real_name(tmp_path):
    """d02 knows two numbers and invents names: of one somebody of d01 stands on a list, of the other only a partner knows."""
    home = few_divisions(new_home(tmp_path / "home"))
    (own, alone), invented = (person(1), person(2)), ("假一", "假二")
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [own, person(5)])
    bait = [(name, *row[1:]) for name, row in zip(invented, (own, alone), strict=True)]
    book(home / "inbox/d02/边缘人员.xlsx", PERSON, [*bait, person(7)])
    bill = (alone[0], alone[1], "2026-09-15", "一院", "60000", "50000", "青禾区")
    book(home / "inbox/medical_insurance/高额医疗费用.xlsx", MEDICAL, [bill])
    run.night(home, DAY)
    both = "select kept_name, other_name, kept_unit_code, kind from name_conflict order by all"
    assert ask(home, both) == [
        (invented[1], alone[0], "d02", "medical_expense"),
        (own[0], invented[0], "d01", "edge_person"),
    ]
    # The bureau is asked, with both sides.
    assert set(ask(home, "select left_name, right_name, division_code from identity_question")) == {
        (alone[0], invented[1], "bureau"),
        (invented[0], own[0], "bureau"),
    }
    release = (home / "warehouse.duckdb").resolve().parent
    with closing(duckdb.connect(str(release / "divisions/d02.duckdb"), read_only=True)) as con:
        assert con.execute(both).fetchall() == [(None, invented[0], None, "edge_person")]
        tables = [name for (name,) in con.execute("select table_name from duckdb_tables()").fetchall()]
        theirs = "\n".join(str(row) for name in tables for row in con.execute(f"from {name}").fetchall())
    theirs += "\n".join(
        text for place, text in texts_of_home(home, but=("archive", "releases", "accepted")) if "d02" in place
    )
    assert invented[0] in theirs and own[0] not in theirs and alone[0] not in theirs
    # To d01 nothing happened.
    with closing(duckdb.connect(str(release / "divisions/d01.duckdb"), read_only=True)) as con:
        assert con.execute("select name from person order by name").fetchall() == [(own[0],), (person(5)[0],)]
        assert con.execute("select * from name_conflict").fetchall() == []


ESCAPES = {
    "another file": "select * from read_csv('{file}', header = false)",
    "a file as a table": "select * from '{file}'",
    "its text": "select * from read_text('{file}')",
    "names of files": "select * from glob('{folder}/*')",
    "another database": "attach '{folder}/other.duckdb'",
    "another division": "attach '{other}' as other (read_only)",
    "writing a table": "insert into warning_list select * from warning_list",
    "writing a file": "copy warning_list to '{folder}/out.csv'",
    "writing all": "export database '{folder}/out'",
    "an extension": "install httpfs",
    "loading one": "load httpfs",
    "opening the door": "set enable_external_access = true",
    "back to what is usual": "reset enable_external_access",
    "a spill file": "set temp_directory = '{folder}'",
    "a file of profiles": "set profiling_output = '{folder}/profile.json'",
    "a variable of the program": "select * from leaked",
}


def test_who_reads_a_published_file_reaches_nothing_else(tmp_path_factory, tmp_path):
    home = night_of_the_bureau(tmp_path_factory)
    leaked = pa.table({"a": [1]})
    assert leaked.num_rows
    (tmp_path / "secret.csv").write_text("1,2\n")
    release = (home / "warehouse.duckdb").resolve().parent
    for path in (home / "warehouse.duckdb", release / "divisions/d01.duckdb"):
        words = {"file": tmp_path / "secret.csv", "folder": tmp_path, "other": release / "divisions/d02.duckdb"}
        with closing(warehouse.read(path)) as con:
            assert con.execute("select count(*) from warning_list").fetchall()[0][0] > 0
            for what, query in ESCAPES.items():
                with pytest.raises(duckdb.Error):
                    con.execute(query.format(**words))
                    pytest.fail(what)
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o027, 0o077])
def test_every_step_begins_with_the_umask_of_the_owner_alone(tmp_path_factory, umask):
    home = night_of_the_bureau(tmp_path_factory)
    before = os.umask(umask)
    try:
        run.dataset_groups(home, DAY, 0)
        assert os.umask(umask) == 0o077
    finally:
        os.umask(before)


def test_every_step_writes_for_its_owner_alone_under_the_loosest_umask(tmp_path):
    before = os.umask(0o000)
    try:
        home = new_home(tmp_path / "home")
        book(
            home / "inbox/d01/镇/边缘人员.xlsx",
            PERSON,
            [*(person(n) for n in range(1, 4)), ("某", "1", "", "", "", "2026-10")],
        )
        book(
            home / "inbox/medical_insurance/医疗.xlsx",
            MEDICAL,
            [(person(1)[0], number(1), "2026-09-15", "一院", "9", "8", "青禾区")],
        )
        open_to_others, modes = set(), set()

        def look():
            for path in [home, *home.rglob("*")]:
                mode = stat.S_IMODE(path.lstat().st_mode)
                is_dropped = path.is_relative_to(home / "inbox") and path.relative_to(home).parts[2:]
                if not path.is_symlink() and not is_dropped:
                    modes.add((path.is_dir(), mode))
                    if mode & 0o077:
                        open_to_others.add((str(path.relative_to(home)), oct(mode)))

        units = run.collect(home, DAY)
        for unit in units:
            run.read(home, DAY, unit)
            look()
        for wave in range(run.WAVES):
            for dataset_group in run.dataset_groups(home, DAY, wave):
                run.check(home, DAY, dataset_group)
                look()
        for unit in units:
            run.give_back(home, DAY, unit)
        run.build(home, DAY)
        look()
        run.publish(home, DAY)
        look()
        run.notify(home, DAY)
        look()
        assert open_to_others == set()
        assert modes == {(True, 0o700), (False, 0o600), (False, 0o400)}
        assert (home / "ledger.db").exists() and list((home / "returns/d01/镇").glob("*.更正.xlsx"))
    finally:
        os.umask(before)


def test_what_a_night_writes_is_for_its_owner(marked):
    home, _ = marked
    open_to_others = []
    for folder, folders, files in os.walk(home):
        for name in (".", *folders, *files):
            path = Path(folder) / name
            mode = stat.S_IMODE(path.lstat().st_mode)
            if not path.is_symlink() and mode & stat.S_IRWXO:
                open_to_others.append((str(path.relative_to(home)), oct(mode)))
    assert open_to_others == []
    assert {stat.S_IMODE((home / name).stat().st_mode) for name in
            (".", "inbox", "archive", "accepted", "returns", "lists", "decisions", "releases", "outbox", "keys")} == {0o700}  # fmt: skip
    assert {stat.S_IMODE(path.stat().st_mode) for path in (home / "keys").iterdir()} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (home / "archive").rglob("*") if path.is_file()} == {0o400}


# Purposes ------------------------------------------------------------------------------------------------------------

_RULE = """
select
    {table}.person_id as person_id, {table}.person_id as household_id, 'd01' as division_code, 'yellow' as level,
    1 as measured, {table}.row_id as its_row_id
from {source} as {table}
"""
_CARD = """
code: X09
title: 试探
purpose: {purpose}
subject: person
level: yellow
condition: 试探。
why: 试探。
citation: 试探
caveat: 试探。
reason: 试探
evidence: [{{fact: 试探, kind: {kind}, field: name, row: its_row_id}}]
examples:
  - {{name: 是, night: 2026-10-31, expect: [甲]}}
  - {{name: 否, night: 2026-10-31, expect: []}}
"""


@pytest.mark.parametrize(
    ("source", "evidence", "reached"),
    [
        ("accepted.medical_expense", "dibao_person", "medical_expense"),
        ("registry.burden_row", "dibao_person", "medical_expense"),
        ("registry.enrolment", "medical_expense", "medical_expense"),
        ("registry.disability", "dibao_person", "disability_certificate"),
        ("accepted.student_status", "dibao_person", "student_status"),
        ("accepted.disaster_loss", "dibao_person", "disaster_loss"),
        ("accepted.unemployment", "dibao_person", "unemployment"),
    ],
)
def test_a_rule_beyond_its_purpose_stops_the_build_before_anything_is_built(
    marked, tmp_path, monkeypatch, source, evidence, reached
):
    home = copy_home(marked[0], tmp_path / "home")
    before = sorted(str(path.relative_to(home)) for path in home.rglob("*"))
    sql = tmp_path / "sql"
    shutil.copytree(models.SQL, sql)
    table = source.partition(".")[2]
    (sql / "warnings/x09.sql").write_text(_RULE.format(source=source, table=table), encoding="utf-8")
    card = _CARD.format(purpose="entitlement_review", kind=evidence)
    (sql / "warnings/x09.yml").write_text(card, encoding="utf-8")
    monkeypatch.setattr(models, "read_models", partial(models.read_models, folder=sql))
    with pytest.raises(ModelError, match="不得使用") as refused:
        run.build(home, DAY)
    assert reached in str(refused.value) and "x09" in str(refused.value)
    assert sorted(str(path.relative_to(home)) for path in home.rglob("*")) == before
    assert ask(home, "select run_date from release") == [(DAY,)]


_CONTRIBUTIONS = """
with own as (select {columns} from accepted.social_insurance)

select * from own
"""


@pytest.mark.parametrize(
    ("columns", "evidence", "purpose", "refused"),
    [
        ("person_id, row_id, insurance_status, pay_month", "insurance_status", "assistance", None),
        ("person_id, row_id, base_fen", "insurance_status", "assistance", "base_fen"),
        ("person_id, row_id, employer__text", "insurance_status", "assistance", "employer"),
        ("*", "insurance_status", "assistance", "base_fen"),
        ("person_id, row_id", "base_fen", "assistance", "base_fen"),
        ("person_id, row_id, base_fen", "base_fen", "entitlement_review", None),
        ("person_id, row_id, base_fen", "pay_month", "supplement", "social_insurance"),
    ],
)
def test_of_contributions_assistance_learns_no_more_than_that_somebody_pays(
    tmp_path, columns, evidence, purpose, refused
):
    sql = tmp_path / "sql"
    shutil.copytree(models.SQL, sql)
    (sql / "registry/x08.sql").write_text(_CONTRIBUTIONS.format(columns=columns), encoding="utf-8")
    (sql / "registry/x08.yml").write_text("{grain: one row per contribution, key: [row_id]}", encoding="utf-8")
    (sql / "warnings/x09.sql").write_text(_RULE.format(source="registry.x08", table="x08"), encoding="utf-8")
    card = _CARD.format(purpose=purpose, kind="social_insurance").replace("field: name", f"field: {evidence}")
    (sql / "warnings/x09.yml").write_text(card, encoding="utf-8")
    sql_models = models.read_models(contracts.load().kinds, sql)
    if refused is None:
        sql_models.validate(["warnings.x09"])
        return
    with pytest.raises(ModelError, match="不得使用") as stopped:
        sql_models.validate(["warnings.x09"])
    assert refused in str(stopped.value)


PURPOSES = {
    "assistance": {
        "medical_expense", "disability_certificate", "unemployment", "social_insurance", "student_status", "death_notice",
        "disaster_loss",
    },
    "supplement": {"disability_certificate"},
    "entitlement_review": {
        "social_insurance", "pension", "death_notice", "real_estate", "vehicle", "business_registration",
    },
    "statistics": set(),
}  # fmt: skip


def test_what_partners_send_serves_what_the_specification_says_and_nothing_else():
    partners = [kind for kind in contracts.load().kinds.values() if kind.is_partner]
    for purpose, kinds in PURPOSES.items():
        assert {kind.name for kind in partners if purpose in kind.purposes} == kinds
    for kind in partners:
        assert kind.door is not None
        assert (kind.door.scope == "authorised") == (kind.purposes == ["entitlement_review"])


def test_messages_about_bad_rows_name_places_and_no_person(marked, tmp_path, monkeypatch):
    home = copy_home(marked[0], tmp_path / "home")
    planted = 'must_hold: {planted: "select person_id, id_number, name from main.person"}\n'
    number_as_date = (r"(\w+\.id_number),", r"cast(cast(\1 as date) as varchar) as id_number,")
    for name, pattern, by, error in (
        ("person.yml", r"\A", planted, PublishRefused),
        ("person.sql", *number_as_date, ModelError),
    ):
        sql = tmp_path / name
        shutil.copytree(models.SQL, sql)
        file = sql / "published" / name
        text = re.sub(r"(?ms)^must_hold:.*?(?=^\S)", "", file.read_text(encoding="utf-8"))
        changed = re.sub(pattern, by, text, count=1)
        assert changed != text
        file.write_text(changed, encoding="utf-8")
        with monkeypatch.context() as patch:
            patch.setattr(models, "read_models", partial(models.read_models, folder=sql))
            with pytest.raises(error) as refused:
                run.build(home, DAY)
        assert not FULL_NUMBER.search(str(refused.value))
        assert person(1)[0] not in str(refused.value)


def test_nobody_is_merged_without_a_verified_number(tmp_path):
    """Same name, same birth date, a number one digit off, cut, stored as a number, or missing: all set aside, none joined."""
    home = new_home(tmp_path / "home")
    of = person(1)
    twisted = number(1)[:-2] + number(1)[-1] + number(1)[-2]
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [of])
    wrong = [twisted, number(1)[:-1], "", float(number(1)[:-3] + "000") if number(1)[:-3].isdigit() else 0.0]
    book(home / "inbox/d02/边缘人员.xlsx", PERSON, [(of[0], each, each, *of[3:]) for each in wrong])
    book(home / "inbox/d03/边缘人员.xlsx", PERSON, [(of[0], number(3), number(3), *of[3:])])
    run.night(home, DAY)
    assert ask(home, "select id_number, name from person order by all") == [(number(1), of[0]), (number(3), of[0])]
    assert ask(home, "select rows_read, rows_set_aside from submission where unit_code = 'd02'") == [(4, 4)]
    assert ask(home, "select count(distinct person_id), count(*) from record_link") == [(2, 2)]
    assert ask(home, "select identity_state, count(*) from person group by all") == [("verified", 2)]


# A warning is a question ---------------------------------------------------------------------------------------------

_TAKES_AWAY = re.compile("停发|减发|追回|扣发|停保|清退|取消待遇|取消资格")
"""What would be done to somebody's benefit. 停发 and 核减 also stand in what the registries say of the past."""
_DENIED = re.compile("不|没有|前不得|宽限")
_SENTENCE = re.compile(r"[^。；;\n]+")
_ACTS = re.compile(
    r"(?:^|_)(?:stop|suspend|terminate|revoke|cancel|recover|deduct|withhold|clawback|payout|disburse|approve)(?:_|$)"
)


def test_nothing_that_is_published_or_said_takes_a_benefit_away():
    """Names of tables and columns, their comments, what may be answered, and every sentence of cards, lists, messages, pages."""
    sql_models = models.read_models(contracts.load().kinds)
    published = sql_models.published
    names = [word for name, about in published.items() for word in (name.removeprefix("main."), *about.columns)]
    assert len(names) > 200 and [name for name in names if _ACTS.search(name)] == []
    said = [text for about in published.values() for text in (about.comment, *about.columns.values())]
    said += [
        text for path in sorted((ROOT / "sql/published").glob("*.csv")) for text in [path.read_text(encoding="utf-8")]
    ]
    said += [path.read_text(encoding="utf-8") for path in sorted((ROOT / "sql/warnings").glob("*.yml"))]
    for room in ("lists", "returns", "checks", "night", "ask", "operate", "cli"):
        said += [
            path.read_text(encoding="utf-8") for path in sorted((ROOT / "pipeline" / "low_income" / room).glob("*.py"))
        ]
    wrong = [
        sentence
        for text in said
        for sentence in _SENTENCE.findall(text)
        if _TAKES_AWAY.search(sentence) and not _DENIED.search(sentence)
    ]
    assert [each for each in wrong if "已停发、死亡或迁出的不用改" not in each] == []
    assert _TAKES_AWAY.search("核实后停发低保") and not _DENIED.search("核实后停发低保"), "it would be seen"
    for card in sql_models.cards.values():
        assert card.caveat, card.code
        if card.purpose == "entitlement_review":
            assert re.search("可以(?:出示|说明)", card.caveat) and re.search("核实前不得(?:停发|追回)", card.caveat), (
                card.code
            )


def test_no_command_writes_anywhere_but_into_the_home_and_what_people_answer_changes_no_roster(marked):
    """Verbs of the command line, the answers that may be given, and who is on a roster before and after they were given."""
    verbs = set(cli.monitor.commands)
    assert len(verbs) > 15
    assert not [verb for verb in verbs if _ACTS.search(verb.replace("-", "_")) and verb != "recover"]
    with closing(warehouse.read(marked[0] / "warehouse.duckdb")) as con:
        tables = {name for (name,) in con.execute("select table_name from duckdb_tables()").fetchall()}
    sql_models = models.read_models(contracts.load().kinds)
    published = sql_models.published
    assert {name.removeprefix("main.") for name in published} == tables
    # What a registry says is made from the divisions' own lists alone: no warning, and no answer to one, is among its sources.
    for name in ("registry.enrolment", "registry.registry_check", "registry.roster_person", "registry.counted_amount"):
        reached = {
            each
            for each in sql_models.order([name])
            if each.startswith(("warnings.", "life.", "main.", "input.decision"))
        }
        assert reached == set(), name


# Invented people -----------------------------------------------------------------------------------------------------


def test_no_number_of_ours_can_be_anybodys(tmp_path_factory):
    """No region begins with 99 (GB/T 2260), so that a number with that prefix is nobody's."""
    home = night_of_the_bureau(tmp_path_factory)
    texts = [path.read_text(encoding="utf-8") for path in sorted((home / "truth").glob("*.csv"))]
    texts += [path.read_text(encoding="utf-8") for path in sorted((ROOT / "data_samples").rglob("*.yml"))]
    found = {word for text in texts for word in re.findall(r"(?<![0-9A-Fa-f])\d{17}[\dX](?![0-9A-Fa-f])", text)}
    found |= {word for (word,) in ask(home, "select id_number from person where id_number is not null")}
    whole = [word for word in found if check_character(word[:17]) == word[17]]
    assert len(whole) > 300 and [word for word in whole if not word.startswith("99")] == []


# Rights --------------------------------------------------------------------------------------------------------------


def test_a_person_is_told_what_is_held_and_nothing_that_is_not(marked, tmp_path):
    home = copy_home(marked[0], tmp_path / "home")
    told = rights.subject(home, number(1), DAY, who="数据员", because="本人申请")
    assert {row["文件"] for row in told["rows"]} == {"边缘人员.xlsx", "高额医疗费用.xlsx"}
    page = rights.page(told, "民政局（本级）")
    assert not [mark for mark in (*MARKS, *BESIDE) if mark in str(told) or mark in page]
    assert not re.search("样A|养老1|车主", page) and number(2) not in page
    for outsider in (902, 905):
        told = rights.subject(home, number(outsider), DAY, who="数据员", because="本人申请")
        assert (told["rows"], told["published"], told["lists"]) == ([], {}, [])
    assert [each["为什么"] for each in told["looked"]] == ["本人申请"], "who asked is held, and told"
