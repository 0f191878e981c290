"""Whole nights: what was planted is found and nothing else, and neither order, repeats nor crashes change the end."""

import fcntl
import hashlib
import re
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from low_income import advice, cli
from low_income.model import ROOT, MonitorError, Reading, Refusal
from low_income.night import notify, run
from low_income.reading import layout
from low_income.records.ledger import Ledger
from low_income.settings import contracts
from low_income.settings.home import BLANKS, Home
from openpyxl import load_workbook

from tests.night_kit import (
    DAY,
    MEDICAL,
    PERSON,
    ask,
    book,
    copy_home,
    differences,
    generated,
    new_home,
    night_of_the_bureau,
    number,
    person,
    still,
    truth,
)  # fmt: skip

NEXT = DAY + timedelta(days=1)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bureau(tmp_path_factory):
    return night_of_the_bureau(tmp_path_factory)


# What the pages print ----------------------------------------------------------------------------------------------


def _lines(*pages):
    return [
        re.sub(r"\s+", "", line) for page in pages for line in (ROOT / page).read_text(encoding="utf-8").splitlines()
    ]


def test_the_figures_of_the_pages_are_what_the_commands_print(bureau, monkeypatch):
    """Those that hang on what is planted, which is the same in a bureau of any size; rows are checked in test_generate.py."""
    monkeypatch.setenv("COLUMNS", "400")
    done = CliRunner().invoke(cli.monitor, ["--home", str(bureau), "status", "--date", str(DAY)])
    assert done.exit_code == 0, done.output
    printed = {re.sub(r"\s+", "", line) for line in done.output.splitlines()}
    shown = _lines("README.md", "README.zh.md")
    for start in ("低收入监测2026", "待办预警"):
        told = [line for line in shown if line.startswith(start)]
        assert len(told) >= 2 and set(told) <= printed, start
    [(units,)] = ask(bureau, "select count(distinct unit_code) from submission")
    listed, households, cells = (
        ask(bureau, f"select count(*) from {table}")[0][0]
        for table in ("warning_list", "household_warning", "validation_issue")
    )
    run_lines = (
        f"{DAY}这一夜已完成：收到{units}个单位的文件。",
        f"待办预警{listed}条，涉及{households}户；问题单元格{cells}处。",
    )
    assert [line for line in run_lines if line not in _lines("docs/manual.md")] == []


# What was planted --------------------------------------------------------------------------------------------------


def test_the_questions_of_the_manual_are_answered_by_one_query_each(bureau):
    manual = (Path(__file__).resolve().parents[1] / "docs" / "manual.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sql\n(.*?)^```$", manual, re.S | re.M)
    asked = [query for block in blocks for query in block.split(";") if query.strip().startswith(("select", "--"))]
    assert len(asked) >= 8
    silent = [query.strip() for query in asked if not ask(bureau, query)]
    assert silent == [], "a night of a whole bureau has something to say to each"


def test_the_night_lists_whom_it_must_and_nobody_else(bureau):
    planted = {tuple(line[name] for name in ("rule_code", "subject_id_number", "division_code", "level"))
               for line in truth(bureau, "warnings")}  # fmt: skip
    listed = ask(bureau, "select rule_code, subject_id_number, division_code, level from warning_list")
    assert not Counter(listed) - Counter(planted)
    # Among the bureau's files are some that are refused: absence from a roster that is not whole lists nobody.
    not_whole = {unit for (unit,) in ask(bureau, "select unit_code from coverage where state = 'incomplete'")}
    asks_absence = {"A01", "A02", "A03", "A05", "A10", "A11", "A12", "A13"}
    missing = Counter(planted) - Counter(listed)
    assert {line for line in missing if line[0] not in asks_absence or line[2] not in not_whole} == set()
    assert len(listed) > 50


def test_near_misses_stay_silent(bureau):
    silent = {(line["rule_code"], line["subject_id_number"]) for line in truth(bureau, "silent")}
    assert len(silent) > 50
    assert not silent & set(ask(bureau, "select rule_code, subject_id_number from warning"))


def test_every_row_of_every_file_is_accounted_for(bureau):
    """Files are named by the truth; one with two kinds has two lines."""
    names = ("rows_read", "rows_accepted", "rows_set_aside", "rows_out_of_scope")
    planted = Counter(
        (line["unit_code"], line["file_name"], line["kind"], line["status"], *(int(line[name]) for name in names))
        for line in truth(bureau, "submissions")
        if line["kind"]
    )
    found = ask(
        bureau,
        f"select unit_code, file_name, kind, status, {', '.join(names)} from submission"
        " where status not in ('refused', 'repeated')",
    )
    assert Counter(found) == planted
    balance = "rows_read = rows_accepted + rows_set_aside + rows_out_of_scope"
    assert ask(bureau, f"select count(*) from submission where not ({balance})") == [(0,)]
    linked = ask(bureau, "select submission_id, count(*) from record_link group by all")
    assert dict(linked) == dict(
        ask(bureau, "select submission_id, rows_accepted from submission where rows_accepted > 0")
    )


def test_what_cannot_be_taken_is_refused_and_what_came_twice_counts_once(bureau):
    planted = Counter(
        (line["unit_code"], line["file_name"], line["status"])
        for line in truth(bureau, "submissions")
        if not line["kind"]
    )
    found = ask(bureau, "select unit_code, file_name, status from submission where status in ('refused', 'repeated')")
    assert Counter(found) == planted
    assert all((bureau / "returns" / unit / f"{Path(name).stem}.xlsx").exists() for unit, name, _ in found
               if not name.endswith((".et",)))  # fmt: skip


def test_each_planted_fault_has_its_error_line(bureau):
    lines = set(ask(bureau, 'select unit_code, file_name, sheet, "row", header from validation_issue'))
    rows = {line[:4] for line in lines}
    missing = []
    for fault in truth(bureau, "issues"):
        row = (fault["unit_code"], fault["file_name"], fault["sheet"], int(fault["row"]))
        if not ((*row, fault["header"]) in lines or (fault["fault"].startswith("duplicate") and row in rows)):
            missing.append(fault)
    assert not missing
    assert ask(bureau, "select count(*) from validation_issue group by issue_id having count(*) > 1") == []


def test_nothing_is_left_in_the_inbox_and_every_file_is_in_the_archive(bureau):
    assert not [path for path in (bureau / "inbox").rglob("*") if path.is_file()]
    kept = {path.name for path in (bureau / "archive").rglob("*") if path.is_file()}
    assert {sha for (sha,) in ask(bureau, "select sha256 from submission")} == kept


# Again ---------------------------------------------------------------------------------------------------------------


def test_the_same_night_again_changes_nothing_and_the_next_keeps_ids_and_first_days(bureau, tmp_path):
    home = copy_home(bureau, tmp_path / "home")
    run.night(home, DAY)
    assert differences(bureau, home, without={"release": ["built_at"]}) == {}
    run.night(home, NEXT)
    columns = "warning_id, rule_code, subject_id, level, first_seen_on, due_on"
    before, after = (set(ask(each, f"select {columns} from warning")) for each in (bureau, home))
    changes = dict(ask(home, "select warning_id, change from warning_change"))
    # A day later some turned sixty and some amounts left their window; each of these is told, all others are as they were.
    assert {line[0]: "withdrawn" for line in before - after} | {line[0]: "added" for line in after - before} == changes
    assert len(before & after) > 50 > len(changes)
    assert all(line[4] == NEXT for line in after - before)
    # Rosters of two divisions ran out with the month: what rests on them stays as it was seen last, and says so.
    carried = ask(
        home,
        "select distinct division_code, last_seen_on, left(remark, 7) from warning where last_seen_on < run_date order by all",
    )
    assert carried == [("d04", DAY, "名单不是最新（"), ("d05", DAY, "名单不是最新（")]
    assert all(because for (because,) in ask(home, "select because from warning_change"))


# Order of arrival ----------------------------------------------------------------------------------------------------

STATE = ("person", "household", "household_member", "enrolment", "registry_check", "temporary_grant", "name_conflict",
         "composition_conflict", "record_link", "warning")  # fmt: skip
ARRIVED = {"warning": ("warning_id", "first_seen_on", "due_on", "evidence", "freshness")}
"""What tells on which night something was first seen."""
EVIDENCE = (
    r"""select rule_code, subject_id, regexp_replace(evidence::varchar, '"as_of":"[\d-]*"', '', 'g') from warning"""
)
"""All but the night on which it came."""
FEW = {
    "d01",
    "d02",
    "d04",
    "d06",
    "medical_insurance",
    "disabled_federation",
    "civil_registration",
    "rural_revitalisation",
}


def test_neither_order_nor_spread_over_nights_changes_where_it_ends(tmp_path, tmp_path_factory):
    source = generated(tmp_path_factory) / "inbox"
    files = sorted(path.relative_to(source) for path in source.rglob("*")
                   if path.is_file() and path.relative_to(source).parts[0] in FEW and "再发" not in path.name)  # fmt: skip
    partners_first = [path for path in files if not path.parts[0].startswith("d0")]
    every_other = files[1::2]
    ends = [
        _in_turns(tmp_path / name, source, first, [path for path in files if path not in first])
        for name, first in (("together", []), ("partners", partners_first), ("mixed", every_other))
    ]
    assert ask(ends[0], "select count(*) > 15 from warning") == [(True,)]
    for other in ends[1:]:
        assert differences(ends[0], other, only=STATE, without=ARRIVED) == {}
        assert Counter(ask(ends[0], EVIDENCE)) == Counter(ask(other, EVIDENCE))
    first_seen = dict(ask(ends[1], "select first_seen_on, count(*) from warning group by all"))
    assert set(first_seen) == {DAY - timedelta(days=1), DAY}


def _in_turns(home: Path, source: Path, *turns: list[Path]) -> Path:
    new_home(home)
    for day, files in zip((DAY - timedelta(days=1), DAY), turns, strict=True):
        for path in files:
            target = home / "inbox" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((source / path).read_bytes())
            still(target)
        run.night(home, day)
    return home


def test_partner_rows_dropped_at_the_door_are_read_again_when_people_enter_the_scope(tmp_path):
    def medical(home):
        rows = [(person(n)[0], number(n), "2026-09-15", "一院", "3000", "2000", "青禾区") for n in range(1, 6)]
        book(home / "inbox/medical_insurance/高额医疗费用.xlsx", MEDICAL, rows)

    def roster(home):
        book(home / "inbox/d01/低保边缘人员.xlsx", PERSON, [person(n) for n in (2, 3, 9)])

    late, together = new_home(tmp_path / "late"), new_home(tmp_path / "together")
    medical(late)
    run.night(late, DAY)
    kept = "select rows_accepted, rows_out_of_scope from submission where kind = 'medical_expense'"
    assert ask(late, kept) == [(0, 5)]
    roster(late)
    run.night(late, NEXT)
    assert ask(late, kept) == [(2, 3)]
    medical(together), roster(together)
    run.night(together, NEXT)
    same = {"warning": ARRIVED["warning"]}
    assert differences(late, together, only=STATE, without=same) == {}
    # Who left the roster stays within the exited window; nobody is read again without need.
    run.night(late, NEXT)
    assert ask(late, kept) == [(2, 3)]


# Parts, corrections, repeats -----------------------------------------------------------------------------------------


def test_what_the_question_of_two_files_advises_is_accepted(tmp_path):
    def taken(home, day, name, serials):
        book(home / "inbox/d01" / name, PERSON, [person(n) for n in serials])
        assert run.collect(home, day) == ["d01"]
        run.read(home, day, "d01")
        run.check(home, day, "edge")
        run.give_back(home, day, "d01")
        return {(each.file_name, each.status, each.rows_accepted) for each in Ledger.of(Home(home)).submissions()}

    home, again = new_home(tmp_path / "home"), (*range(1, 7), *range(20, 24))
    first = taken(home, DAY, "边缘人员.xlsx", range(1, 11))
    asked = taken(home, NEXT, "边缘人员新.xlsx", again) - first
    assert asked == {("边缘人员新.xlsx", "refused", 0)}
    [question] = [each.reason for each in Ledger.of(Home(home)).submissions() if each.status == "refused"]
    assert question.endswith(advice.name_which_holds(["边缘人员.xlsx"]))
    other = copy_home(home, tmp_path / "other")
    corrected = taken(home, NEXT + timedelta(days=1), "边缘人员.xlsx", again)
    assert corrected == asked | {("边缘人员.xlsx", "superseded", 10), ("边缘人员.xlsx", "accepted", 10)}
    parted = taken(other, NEXT + timedelta(days=1), "边缘人员新.xlsx", again[6:])
    assert parted == asked | first | {("边缘人员新.xlsx", "accepted", 4)}


def test_repeats_corrections_older_months_and_unclear_names(tmp_path):
    home = new_home(tmp_path / "home")
    folder = home / "inbox/d01"
    on_roster = "select count(*), min(period), max(period) from enrolment where registry = 'edge'"
    days = [date(2026, 10, day) for day in (20, 21, 22, 23)]

    original = book(folder / "边缘人员.xlsx", PERSON, [person(n) for n in range(1, 11)]).read_bytes()
    still(_bytes(folder / "边缘人员_再发.xlsx", original))
    run.night(home, days[0])
    assert _arrived(home, days[0]) == [("边缘人员.xlsx", "accepted", 10), ("边缘人员_再发.xlsx", "repeated", 0)]
    assert ask(home, on_roster) == [(10, "2026-10", "2026-10")]
    assert (home / "returns/d01/边缘人员_再发.xlsx").exists()

    still(_bytes(folder / "边缘人员.xlsx", original))
    still(_bytes(folder / "又发一次.xlsx", original))
    book(folder / "边缘人员9月.xlsx", PERSON, [person(n, "2026-09") for n in range(1, 13)])
    book(folder / "边缘人员新.xlsx", PERSON, [person(n) for n in (*range(1, 7), *range(20, 24))])
    book(folder / "边缘人员另一半.xlsx", PERSON, [person(n) for n in (*range(1, 6), *range(30, 35))])
    run.night(home, days[1])
    assert _arrived(home, days[1]) == [
        ("又发一次.xlsx", "repeated", 0), ("边缘人员.xlsx", "repeated", 0), ("边缘人员9月.xlsx", "accepted", 12),
        ("边缘人员另一半.xlsx", "partly_accepted", 10), ("边缘人员新.xlsx", "refused", 10),
    ]  # fmt: skip
    [(question,)] = ask(home, "select reason from submission where status = 'refused'")
    assert (
        "一半以上" in question
        and "边缘人员.xlsx" in question
        and question.endswith(advice.name_which_holds(["边缘人员.xlsx"]))
    )
    # Five people stand in both parts, word for word: they count once. September never becomes current.
    assert ask(home, on_roster) == [(15, "2026-10", "2026-10")]

    book(folder / "边缘人员.xlsx", PERSON, [person(n) for n in (*range(6, 11), 40)])
    run.night(home, days[2])
    states = [status for day in days[:3] for name, status, _ in _arrived(home, day) if name == "边缘人员.xlsx"]
    assert states == ["superseded", "repeated", "accepted"]
    assert ask(home, "select rows_accepted from submission where file_name = '边缘人员另一半.xlsx'") == [(10,)]
    assert ask(home, on_roster) == [(16, "2026-10", "2026-10")]

    # The same bytes as were replaced, on a later night: a repeat, and the correction holds.
    still(_bytes(folder / "边缘人员.xlsx", original))
    run.night(home, days[3])
    assert ask(home, on_roster) == [(16, "2026-10", "2026-10")]
    balance = "rows_read = rows_accepted + rows_set_aside + rows_out_of_scope"
    assert ask(home, f"select count(*) from submission where not ({balance})") == [(0,)]


def test_a_part_that_a_stricter_reader_cannot_read_stops_its_own_delivery_only(tmp_path, monkeypatch):
    """After an upgrade: what was accepted stays, what came to it waits for a readable copy, other divisions go on."""
    home = new_home(tmp_path / "home")
    folder = home / "inbox/d01"
    on_roster = "select division_code, count(*) from enrolment where registry = 'edge' group by all order by all"
    first, second, third = date(2026, 10, 20), date(2026, 10, 21), date(2026, 10, 22)
    book(folder / "甲乡.xlsx", PERSON, [person(n) for n in range(1, 11)])
    run.night(home, first)

    strict = Refusal("unreadable", "表尾不合新的规定", "请去掉表尾")
    read, old = layout.read_file, Ledger.of(Home.open(home)).files()[0].sha256

    def read_strictly(path, *rest, **more):
        is_old = hashlib.sha256(path.read_bytes()).hexdigest() == old
        return [Reading(None, refusal=strict)] if is_old else read(path, *rest, **more)

    monkeypatch.setattr(layout, "read_file", read_strictly)
    new = book(folder / "乙乡.xlsx", PERSON, [person(n) for n in range(20, 25)]).read_bytes()
    book(home / "inbox/d02/边缘人员.xlsx", PERSON, [person(n) for n in range(30, 34)])
    run.night(home, second)
    arrived = "select file_name, status, rows_accepted from submission order by unit_code, received_at, file_name"
    assert ask(home, arrived) == [
        ("甲乡.xlsx", "accepted", 10), ("乙乡.xlsx", "refused", 0), ("边缘人员.xlsx", "accepted", 4),
    ]  # fmt: skip
    assert ask(home, on_roster) == [("d01", 10), ("d02", 4)]
    told = notify.status(home, second)
    (unread,) = told["unread"]
    assert (unread["unit_code"], unread["file_name"]) == ("d01", "甲乡.xlsx")
    assert strict.reason in unread["reason"] and "仍然有效" in unread["reason"]
    (message,) = (home / "outbox").glob(f"*{second.isoformat()}*.md")
    assert f"《甲乡.xlsx》{unread['reason']}" in message.read_text(encoding="utf-8")
    assert [gap["file_name"] for gap in told["gaps"]] == ["乙乡.xlsx"]  # who is not on the roster may be in there
    answer = load_workbook(home / "returns/d01/乙乡.xlsx")["问题清单"]
    assert any("请把“甲乡.xlsx”改好" in str(cell) for row in answer.iter_rows(values_only=True) for cell in row)

    # What the answer asks for works.
    book(folder / "甲乡.xlsx", PERSON, [person(n) for n in range(1, 12)])
    still(_bytes(folder / "乙乡.xlsx", new))
    run.night(home, third)
    assert ask(home, on_roster) == [("d01", 16), ("d02", 4)]
    told = notify.status(home, third)
    assert (told["unread"], told["gaps"]) == ([], [])


def test_a_faulty_file_sent_again_comes_back_with_its_marks_until_its_correction_holds(tmp_path):
    home = new_home(tmp_path / "home")
    folder, back = home / "inbox/d01", home / "returns/d01"
    faulty = [*(person(n) for n in range(1, 4)), ("某丁子", number(4)[:-1], *person(4)[2:])]
    original = book(folder / "边缘人员.xlsx", PERSON, faulty).read_bytes()
    run.night(home, DAY)
    first = load_workbook(back / "边缘人员.xlsx")
    for name in ("边缘人员.xlsx", "又发一次.xlsx"):
        still(_bytes(folder / name, original))
    run.night(home, NEXT)
    assert _arrived(home, NEXT) == [("又发一次.xlsx", "repeated", 0), ("边缘人员.xlsx", "repeated", 0)]
    for name in ("边缘人员.xlsx", "又发一次.xlsx"):
        copy = load_workbook(back / name)
        assert copy["问题清单"]["A1"].value == first["问题清单"]["A1"].value == "您需要做的 1 件事"
        assert "少了一位" in copy["Sheet1"]["B5"].comment.text
        assert copy["Sheet1"]["B4"].comment is None

    # A correction of either copy is one of the file that holds.
    mending = load_workbook(back / "又发一次.更正.xlsx")
    page = mending["更正1"]
    (wrong,) = [cell for row in page.iter_rows() for cell in row if cell.value == number(4)[:-1]]
    wrong.value = number(4)
    mending.save(folder / "又发一次.更正.xlsx")
    still(folder / "又发一次.更正.xlsx")
    run.night(home, NEXT + timedelta(days=1))
    assert ask(home, "select count(*) from enrolment where registry = 'edge'") == [(4,)]
    assert ask(home, "select state from validation_issue") == [("fixed",)]

    still(_bytes(folder / "边缘人员.xlsx", original))
    run.night(home, NEXT + timedelta(days=2))
    copy = load_workbook(back / "边缘人员.xlsx")
    assert copy["问题清单"]["A1"].value == "这份文件以前已经收到过，您不需要做任何事"


def _arrived(home: Path, day: date) -> list[tuple[str, str, int]]:
    found = Ledger.of(Home.open(home)).submissions(night=day)
    return sorted((each.file_name, each.status, each.rows_read) for each in found)


def _bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


# What lies in an inbox -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """One night on an inbox full of oddities and bad files; a good file of each sort of sender must come through."""
    home = new_home(tmp_path_factory.mktemp("odd") / "home")
    secret = home.parent / "secret.xlsx"
    book(secret, PERSON, [person(700)])
    inbox_, good = home / "inbox", [person(n) for n in range(1, 4)]
    book(inbox_ / "d01/好的.xlsx", PERSON, good, "边缘人员")
    book(inbox_ / "nobody/边缘人员.xlsx", PERSON, [person(701)])
    (inbox_ / "d01/链接.xlsx").symlink_to(secret)
    (inbox_ / "linked_unit").symlink_to(home.parent, target_is_directory=True)
    for name in ("~$好的.xlsx", ".hidden.xlsx", "上传.xlsx.tmp", "上传.part", "Thumbs.db"):
        book(inbox_ / "d01" / name, PERSON, [person(702)])
    (inbox_ / "d01/还在传.xlsx").write_bytes(b"half")
    book(inbox_ / "d02/传完了.xlsx", PERSON, [person(n) for n in range(11, 14)], "边缘人员").touch()
    (inbox_ / "d02/传完了.xlsx.done").touch()
    book(
        inbox_ / "d03/名\u202e字\n怪😀'; drop table submission; --.xlsx",
        PERSON,
        [person(n) for n in range(21, 24)],
        "边缘人员",
    )
    book(inbox_ / f"d04/{'长' * 80}.xlsx", PERSON, [person(n) for n in range(31, 34)], "边缘人员")
    book(inbox_ / f"d05/{number(44)}.xlsx", PERSON, [person(n) for n in range(41, 44)], "边缘人员")
    bad = inbox_ / "d06"
    still(_bytes(bad / "空.xlsx", b""))
    book(bad / "只有表头.xlsx", PERSON, [], "边缘人员")
    book(bad / "不认识.xlsx", ("品名", "数量", "单价"), [("大米", "3", "5")])
    whole = book(bad / "半截.xlsx", PERSON, good).read_bytes()
    still(_bytes(bad / "半截.xlsx", whole[: len(whole) // 2]))
    still(_bytes(bad / "其实是pdf.xlsx", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"))
    still(_bytes(bad / "文档.docx", whole[:50]))
    book(bad / "没有月份.xlsx", PERSON[:-1], [row[:-1] for row in good], "边缘人员")
    book(bad / "两列同名.xlsx", (*PERSON, "公民身份号码"), [(*row, row[1]) for row in good])
    rows = [list(person(n)) for n in range(51, 61)]
    rows[1][1] = 990101198605010520.0
    rows[2][1] = rows[2][1][:-1]
    rows[3][1] = "990101198613450021"
    rows[4][1] = ""
    rows += [rows[5], [*rows[6][:4], "1200", rows[6][5]], ["=1+1", *rows[7][1:]]]
    book(bad / "有毛病.xlsx", PERSON, rows, "边缘人员")
    household = ("户主姓名", "户主身份证号", "家庭人口", "家庭月均收入", "纳入月份", "所属街道", "数据月份")
    of = [(person(n)[0], number(n), "1", "900", "2026-01", place, "2026-10")
          for n, place in ((1, "北营镇"), (2, "石井镇"), (3, "月球镇"), (4, ""))]  # fmt: skip
    book(inbox_ / "d01/户.xlsx", household, of)
    run.night(home, DAY)
    return home


@pytest.mark.parametrize(
    ("unit", "name", "says"),
    [
        ("d06", "空.xlsx", "空"), ("d06", "只有表头.xlsx", "只有表头"), ("d06", "不认识.xlsx", "没有找到表头"),
        ("d06", "半截.xlsx", "没有传完"), ("d06", "其实是pdf.xlsx", "PDF"), ("d06", "文档.docx", ""),
        ("d06", "没有月份.xlsx", "月"), ("d06", "两列同名.xlsx", "身份证号"), ("nobody", "边缘人员.xlsx", "不是任何已配置的单位"),
        ("d01", "链接.xlsx", "链接"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_its_reason_and_its_receipt(odd, unit, name, says):
    [(status, reason, accepted)] = ask(
        odd, "select status, reason, rows_accepted from submission where unit_code = ? and file_name = ?", unit, name
    )
    assert status == "refused" and accepted == 0
    assert reason and says in reason
    assert (odd / "returns" / unit / Path(name).with_suffix(".xlsx")).exists()
    assert name in next((odd / "outbox").glob("*.md")).read_text(encoding="utf-8")


def test_a_folder_that_is_no_units_is_not_called_a_unit(odd):
    letter = next((odd / "outbox").glob("*.md")).read_text(encoding="utf-8")
    assert "收件箱文件夹“nobody”（不是单位）：" in letter and "- nobody" not in letter


def test_the_other_files_go_on(odd):
    assert ask(odd, "select unit_code, rows_accepted from submission where status = 'accepted' order by all") == [
        ("d01", 3), ("d02", 3), ("d03", 3), ("d04", 3), ("d05", 3)]  # fmt: skip


def test_what_is_no_submission_stays_and_what_still_moves_waits(odd):
    left = {path.relative_to(odd / "inbox").as_posix() for path in (odd / "inbox").rglob("*") if path.is_file()}
    assert left == {
        f"d01/{name}"
        for name in ("~$好的.xlsx", ".hidden.xlsx", "上传.xlsx.tmp", "上传.part", "Thumbs.db", "还在传.xlsx")
    }
    assert notify.status(odd, DAY)["moving"] == ["d01/还在传.xlsx"]
    assert ask(odd, "select count(*) from submission where file_name like '%还在传%'") == [(0,)]


def test_a_link_is_never_followed(odd):
    assert (odd.parent / "secret.xlsx").exists()
    assert ask(odd, "select count(*) from person where id_number in (?, ?, ?)", *map(number, (700, 701, 702))) == [(0,)]
    assert not (odd / "inbox/linked_unit").exists()


def test_odd_names_are_shown_and_stored_harmlessly(odd):
    names = [name for (name,) in ask(odd, "select file_name from submission where unit_code in ('d03', 'd04', 'd05')")]
    assert all(name.isprintable() for name in names)
    assert any("drop table" in name for name in names)
    assert not any(number(44) in name for name in names)
    copies = [
        [path.name for path in (odd / f"returns/{unit}").iterdir() if path.name != BLANKS] for unit in ("d03", "d05")
    ]
    assert [len(each) for each in copies] == [1, 1]


def test_bad_rows_are_set_aside_each_for_its_reason(odd):
    [(read, accepted, aside)] = ask(
        odd, "select rows_read, rows_accepted, rows_set_aside from submission where file_name = '有毛病.xlsx'"
    )
    assert (read, accepted, aside) == (13, 4, 9)
    lines = ask(
        odd, "select \"row\", rule from validation_issue where file_name = '有毛病.xlsx' and severity = 'must_fix'"
    )
    rules = {row: rule for row, rule in lines if row in (3, 4, 5, 6)}
    assert rules == {
        3: "id_number.stored_as_number", 4: "id_number.one_digit_missing", 5: "id_number.birth_date", 6: "id_number.blank"
    }  # fmt: skip
    twins = {row for row, rule in ask(
        odd, "select \"row\", rule from validation_issue where file_name = '有毛病.xlsx' and rule like 'row.%'")}  # fmt: skip
    assert twins >= {12, 8, 13, 9, 14}


def test_a_township_of_another_division_is_set_aside_and_an_unknown_one_is_asked_about(odd):
    lines = ask(
        odd,
        'select "row", rule, severity from validation_issue'
        " where file_name = '户.xlsx' and rule like 'township%' order by all",
    )
    assert lines[0][:2] == (3, "township.other_division")
    assert {row for row, _, _ in lines} == {3, 4}
    assert ask(odd, "select rows_read, rows_accepted + rows_set_aside from submission where file_name = '户.xlsx'") == [
        (4, 4)
    ]


# Crashes -------------------------------------------------------------------------------------------------------------

EVE = DAY - timedelta(days=1)


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """A home after an empty night, with files for the next."""
    home = new_home(tmp_path_factory.mktemp("before") / "home")
    run.night(home, EVE)
    return home


@pytest.fixture(scope="module")
def undisturbed(before, tmp_path_factory):
    home = copy_home(before, tmp_path_factory.mktemp("undisturbed") / "home")
    _fill(home)
    run.night(home, DAY)
    return home


def _fill(home: Path) -> None:
    rows = [person(n) for n in range(1, 6)]
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [*rows, (*rows[0][:4], "100", "2026-10")])
    book(home / "inbox/d02/边缘人员.xlsx", PERSON, [person(n) for n in range(11, 15)])
    medical = [(person(n)[0], number(n), "2026-09-15", "一院", "60000", "50000", "青禾区") for n in (3, 4, 90)]
    book(home / "inbox/medical_insurance/高额医疗费用.xlsx", MEDICAL, medical)


def test_an_empty_night_is_published_and_says_so(before):
    assert ask(before, "select run_date from release") == [(EVE,)]
    assert ask(before, "select count(*) from submission") == [(0,)]
    message = (before / f"outbox/{EVE}.md").read_text(encoding="utf-8")
    assert "收到 0 份" in message
    assert {path.name for path in (before / "lists" / EVE.isoformat()).iterdir()} >= {"d01.xlsx", "d14.xlsx"}


def test_a_second_night_at_the_same_time_is_refused_and_a_dead_one_holds_up_nobody(before, tmp_path):
    home = copy_home(before, tmp_path / "home")
    with (home / ".lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("elsewhere:4711")
        lock.flush()
        for step in (lambda: run.night(home, DAY), lambda: run.collect(home, DAY), lambda: run.notify(home, DAY)):
            with pytest.raises(MonitorError, match=r"另一个夜间任务或命令正在运行.*elsewhere:4711"):
                step()
        assert ask(home, "select run_date from release") == [(EVE,)]
    assert run.collect(home, DAY) == []


# The ledger elsewhere ------------------------------------------------------------------------------------------------


def test_a_night_with_its_ledger_on_postgresql_ends_the_same(undisturbed, postgres, tmp_path, monkeypatch):
    home = new_home(tmp_path / "home")
    settings = (home / "monitor.yml").read_text(encoding="utf-8")
    (home / "monitor.yml").write_text(settings.replace("ledger: sqlite", "ledger: env:TEST_LEDGER"), encoding="utf-8")
    monkeypatch.setenv("TEST_LEDGER", postgres)
    run.night(home, EVE)
    _fill(home)
    run.night(home, DAY)
    without = {"release": ["built_at"], "submission": ["received_at"]}
    assert differences(undisturbed, home, without=without) == {}
    assert not (home / "ledger.db").exists()
    assert {each.run_date for each in Ledger.of(Home.open(home)).nights()} == {EVE, DAY}
    assert contracts.load().kinds["edge_person"].replace == "period"
