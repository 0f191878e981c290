"""What the product refuses to do, looked for in every byte that a night leaves behind."""

import io
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import zipfile
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import contracts, run, warehouse
from pipeline.lists.words import FILLED_IN, WARNING_NUMBER
from pipeline.model import ROOT, ModelError, PublishRefused
from pipeline.warehouse import models
from tests import biff_kit, dbf_kit
from tests.night_kit import (
    DAY,
    MEDICAL,
    PERSON,
    ask,
    book,
    copy_home,
    new_home,
    night_of_the_bureau,
    number,
    person,
    still,
)

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
HEADERS = ("民族", "宗教信仰", "政治面貌", "血型", "行动轨迹", "航班号", "前科情况", "照片", "微信号")
FULL_NUMBER = re.compile(r"(?<!\d)99\d{15}[\dXx](?!\d)")
OUTSIDERS = range(900, 930)


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """(home, what the commands printed) after a night on lists that carry what nobody may keep."""
    home = new_home(tmp_path_factory.mktemp("marked") / "home")
    inbox = home / "inbox"
    rows = [person(n) for n in range(1, 6)]
    rows[4] = (rows[4][0], rows[4][1][:-1], *rows[4][2:])
    book(
        inbox / "d01/边缘人员.xlsx",
        (*HEADERS[:4], *PERSON, *HEADERS[4:]),
        [(*MARKS[:4], *row, *MARKS[4:]) for row in rows],
    )
    text = "\n".join([",".join((*PERSON, *HEADERS)), *(",".join((*person(n), *MARKS)) for n in range(11, 15))])
    (inbox / "d02/边缘人员.csv").write_text(text, encoding="gb18030")
    still(inbox / "d02/边缘人员.csv")
    book(inbox / f"d03/{number(21)}的名单.xlsx", PERSON, [person(n) for n in range(21, 24)])
    medical = [(f"外人{n}", number(n), "2026-09-15", f"外院{n}", "300", "200", "青禾区", MARKS[0]) for n in OUTSIDERS]
    inside = (person(1)[0], number(1), "2026-09-15", "一院", "90000", "80000", "青禾区", MARKS[0])
    book(inbox / "medical_insurance/高额医疗费用.xlsx", (*MEDICAL, "民族"), [*medical, inside])
    old = [["2026年10月边缘人员"], [*PERSON, *HEADERS], *([*person(n), *MARKS] for n in (31, 32))]
    (inbox / "d04/边缘人员.xls").write_bytes(biff_kit.workbook({"Sheet1": old}))
    still(inbox / "d04/边缘人员.xls")
    columns = [("姓名", "C", 20), ("身份证号", "C", 18), ("死亡日期", "C", 10), ("民族", "C", 20), ("血型", "C", 20)]
    dead = [(person(n)[0], number(n), "2026-10-01", MARKS[0], MARKS[3]) for n in (2, 901)]
    (inbox / "civil_registration/死亡.dbf").write_bytes(dbf_kit.table(columns, dead))
    still(inbox / "civil_registration/死亡.dbf")
    with closing(sqlite3.connect(home.parent / "partner.db")) as con, con:
        names = ", ".join(f'"{name}" text' for name in (*PERSON, *HEADERS))
        con.execute(f"create table 边缘人员 ({names})")
        wide = [(*person(n), *MARKS) for n in (41, 42)]
        con.executemany(f"insert into 边缘人员 values ({', '.join('?' * len(wide[0]))})", wide)
    settings = (home / "monitor.yml").read_text(encoding="utf-8")
    source = "databases: [{name: 六区库, unit: d06, url: 'env:MARKED_D06', table: 边缘人员}]"
    (home / "monitor.yml").write_text(settings.replace("databases: []", source), encoding="utf-8")
    said = ("已纳入保障", "已协助申请低保", "张三", "2026-10-31", "已批准", "ab" * 32, *MARKS)
    book(home / "decisions/inbox/d01/清单.xlsx", (*FILLED_IN, WARNING_NUMBER, *HEADERS), [said], sheet="预警")
    told = []
    for command in (
        ("run", "--date", str(DAY)),
        ("status", "--date", str(DAY)),
        ("status", "--json", "--date", str(DAY)),
    ):
        done = subprocess.run(
            [sys.executable, "-c", "from pipeline.cli import main; main()", "--home", str(home), *command],
            check=True, capture_output=True, text=True, cwd=ROOT,
            env=os.environ | {"MARKED_D06": f"sqlite:///{home.parent / 'partner.db'}"},
        )  # fmt: skip
        told.append(done.stdout + done.stderr)
    return home, "\n".join(told)


def _texts(home, *, but=()):
    """(place, everything legible in it) for every file of a home, whatever it is packed in."""
    for path in sorted(home.rglob("*")):
        place = path.relative_to(home)
        if path.is_symlink() or not path.is_file() or place.parts[0] in but:
            continue
        content = path.read_bytes()
        yield str(place), str(place) + "\n" + _legible(content)
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(io.BytesIO(content)) as packed:
                for name in packed.namelist():
                    yield f"{place}!{name}", _legible(packed.read(name))
        elif path.suffix == ".parquet":
            yield f"{place}!rows", str(pq.read_table(path).to_pylist())
        elif path.suffix == ".duckdb":
            with closing(duckdb.connect(str(path), read_only=True)) as con:
                for (table,) in con.execute("select table_name from duckdb_tables()").fetchall():
                    yield f"{place}!{table}", str(con.execute(f"select * from {table}").fetchall())


def _legible(content):
    return "\n".join(content.decode(code, "replace") for code in ("utf-8", "gb18030", "utf-16-le"))


def test_profiling_values_are_in_no_byte_of_the_home(marked):
    home, told = marked
    found = [(place, mark) for place, text in _texts(home) for mark in MARKS if mark in text]
    assert found == []
    assert not [mark for mark in MARKS if mark in told]
    accepted = dict(ask(home, "select unit_code, rows_accepted from submission"))
    assert accepted == {
        "d01": 4, "d02": 4, "d03": 3, "d04": 2, "d06": 2, "medical_insurance": 1, "civil_registration": 1,
    }  # fmt: skip
    decided = home / "returns/d01/清单.xlsx"
    told_back = "\n".join(
        text for place, text in _texts(home, but=("releases",)) if place.startswith(f"returns/d01/{decided.name}")
    )
    assert decided.exists() and "微信号" in told_back
    seen = "\n".join(text for place, text in _texts(home, but=("releases",)) if place.startswith("returns/d01"))
    assert "按规定不接收" in seen and "民族" in seen


def test_nor_are_they_when_corrections_and_confirmations_come_back(marked, tmp_path):
    """Somebody adds such a column to what we returned, and drops it in again."""
    home = copy_home(marked[0], tmp_path / "home")
    for name, target in (("边缘人员.更正.xlsx", "边缘人员.更正.xlsx"), ("边缘人员.xlsx", "边缘人员.xlsx")):
        with closing(openpyxl.load_workbook(home / "returns/d01" / name)) as workbook:
            for sheet in workbook.worksheets:
                at = sheet.max_column + 1
                head = next(row for row in range(1, 4) if sheet.cell(row, 1).value)
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
    found = {place for place, text in _texts(home) for mark in MARKS if mark in text}
    assert {place for place in found if not place.startswith("returns/d01/")} == set()
    assert not {place for place in found if "sheet" not in place}


def test_outsiders_of_partner_lists_are_in_no_byte_but_of_their_own_file_sent_back(marked):
    home, told = marked
    own = ("returns/medical_insurance/", "returns/civil_registration/")
    whole = [(place, text) for place, text in _texts(home) if not place.startswith(own)]
    assert [(place, n) for n in OUTSIDERS for place, text in whole if number(n) in text or f"外院{n}" in text] == []
    assert "外人9" not in told
    assert any(number(1) in text for place, text in whole if place.startswith("accepted"))
    assert ask(home, "select rows_out_of_scope from submission where kind = 'medical_expense'") == [(len(OUTSIDERS),)]


def test_full_numbers_are_in_no_name_message_ledger_or_log(marked):
    home, told = marked
    assert not FULL_NUMBER.search(told)
    assert not [path for path in home.rglob("*") if FULL_NUMBER.search(path.name)]
    places = dict(_texts(home))
    looked_at = [place for place in places if place.startswith(("outbox/", "ledger.db"))]
    assert any(place.startswith("ledger.db") for place in looked_at)
    assert [place for place in looked_at if FULL_NUMBER.search(places[place])] == []


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
    for place, text in _texts(home, but=("archive", "releases", "returns", "accepted", "truth")):
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
        run.families(home, DAY, 0)
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
            for family in run.families(home, DAY, wave):
                run.check(home, DAY, family)
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
    house = models.read_models(contracts.load().kinds, sql)
    if refused is None:
        house.examine(["warnings.x09"])
        return
    with pytest.raises(ModelError, match="不得使用") as stopped:
        house.examine(["warnings.x09"])
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
    number_as_date = (r"(\w+\.id_number) as id_number", r"cast(cast(\1 as date) as varchar) as id_number")
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
