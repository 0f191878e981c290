"""A person can be told what is held and have removed what nothing justifies; what is old goes by itself, and nothing else."""

import os
import re
from datetime import UTC, date, datetime, time, timedelta

import pytest
from low_income.model import MonitorError, Refusal
from low_income.night import run
from low_income.operate import forgetting, integrity, rights
from low_income.records import archive, journal
from low_income.records.ledger import Ledger
from low_income.settings.home import Home

from tests.night_kit import DAY, MEDICAL, PERSON, ask, book, copy_home, new_home, number, person

pytestmark = pytest.mark.slow
WHO = {"who": "数据员", "because": "本人申请"}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    home = new_home(tmp_path_factory.mktemp("rights") / "home")
    medical = [(person(n)[0], number(n), "2026-09-15", "一院", "90000", "80000", "青禾区") for n in (1, 2)]
    book(
        home / "inbox/medical_insurance/高额医疗费用.xlsx",
        MEDICAL,
        [*medical, ("外人", number(90), "2026-09-15", "一院", "9", "9", "青禾区")],
    )
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(n) for n in range(1, 6)])
    run.night(home, DAY)
    return home


@pytest.fixture
def home(kept, tmp_path):
    return copy_home(kept, tmp_path / "home")


def test_somebody_is_told_all_that_is_held_with_its_source_and_who_looked(home):
    [(warning_id,)] = ask(home, "select warning_id from warning where subject_id_number like '%' || ?", number(1)[-3:])
    integrity.looked(home, "explain", warning_id=warning_id)
    told = rights.subject(home, number(1).lower(), DAY, **WHO)
    assert [(row["种类"], row["文件"], row["行"]) for row in told["rows"]] == [
        ("低保边缘人员", "边缘人员.xlsx", 2), ("高额医疗费用", "高额医疗费用.xlsx", 2)]  # fmt: skip
    assert told["rows"][1]["内容"]["个人负担总金额"] == "80000"
    assert {"本人", "预警", "在册情况"} <= set(told["published"])
    assert [each["做了什么"] for each in told["looked"]] == ["查看预警依据", "查询本人全部数据"]
    assert told["lists"]
    page = rights.page(told, "民政局（本级）")
    assert not re.search(r"dibao|not_enrolled|verified|_id|d01", page), "no code of ours stands in it"
    assert "《高额医疗费用.xlsx》" in page and "名单不是最新" in page and "已核验" in page
    assert "80000" in page and "高额医疗费用.xlsx" in page and "您的权利" in page
    assert number(2) not in page and person(2)[0] not in page
    assert "table,tr{break-inside:avoid}" in page, "printed, a record stands on one page where it fits"


def test_a_row_that_went_back_is_told_and_numbers_of_others_are_masked(home):
    rows = [person(8), person(6), person(9, head=8), person(6)]
    book(home / "inbox/d02/边缘人员.xlsx", PERSON, rows)
    run.night(home, DAY)
    told = rights.subject(home, number(6), DAY, **WHO)
    [row] = [each for each in told["rows"] if each["退回"]]
    assert (row["行"], row["仍在使用"]) == (5, False) and len(told["rows"]) == 2
    assert "完全相同" in row["内容"]["退回的原因"] or "重复" in row["内容"]["退回的原因"]
    assert "没有采用" in rights.page(told, "民政局（本级）")
    of_head = rights.subject(home, number(8), DAY, **WHO)
    assert [each["行"] for each in of_head["rows"]] == [2, 4]
    assert number(9) not in str(of_head["rows"]) and number(8) in str(of_head["rows"][0])


def test_nobody_known_has_nothing_and_a_wrong_number_is_refused_without_being_repeated(home):
    told = rights.subject(home, number(90), DAY, **WHO)
    assert (told["rows"], told["published"]) == ([], {})
    wrong = number(1)[:-1] + ("1" if number(1)[-1] != "1" else "2")
    with pytest.raises(MonitorError, match="不是可用的身份证号") as refused:
        rights.subject(home, wrong, DAY, **WHO)
    assert wrong not in str(refused.value)


def test_markup_in_a_senders_text_is_text(home, tmp_path):
    book(home / "inbox/d02/边缘人员.xlsx", PERSON, [("<script>x</script>", *person(7)[1:])])
    run.night(home, DAY)
    page = rights.page(rights.subject(home, number(7), DAY, **WHO), "民政局（本级）")
    assert "<script>" not in page


def test_who_left_the_scope_is_forgotten_but_for_what_a_rule_keeps(home):
    told = forgetting.forget(home, number(1), DAY, **WHO)
    assert told["removed"] == 0
    assert {row["种类"] for row in told["kept"]} == {"低保边缘人员", "高额医疗费用"}
    assert all(row["因为"] for row in told["kept"])
    # He is struck off, and the roster and the window of those who left are long past.
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(n, "2029-05") for n in range(2, 6)])
    later = date(2029, 5, 31)
    run.night(home, later)
    assert rights.subject(home, number(1), DAY, **WHO)["rows"]
    told = forgetting.forget(home, number(1), later, **WHO)
    assert told["removed"] == 1
    assert [row["种类"] for row in told["kept"]] == ["低保边缘人员"]
    assert ask(
        home, "select count(*) from submission where rows_read <> rows_accepted + rows_set_aside + rows_out_of_scope"
    ) == [(0,)]
    assert integrity.verify(home)["problems"] == []
    said = [entry.about for entry in journal.read(Home(home)) if entry.what == "forgot"]
    assert [each["rows"] for each in said] == [0, 1]
    assert not re.search(r"99\d{15}[\dX]", str(said))


@pytest.mark.parametrize(("after", "goes"), [(timedelta(0), False), (timedelta(days=1), True)])
def test_facts_go_on_the_day_after_their_time_and_the_latest_roster_stays(home, after, goes):
    """The medical list came on DAY; 36 months later its last day is over."""
    day = date(2029, 10, 30) + after
    before = archive.kept(Home(home))
    told = forgetting.purge(home, day, who="数据员")
    assert (told["files"], told["archive"]) == ((1, 1) if goes else (0, 0))
    assert len(before) - len(archive.kept(Home(home))) == told["archive"]
    assert bool(list((home / "accepted/medical_expense").glob("*"))) != goes
    assert list((home / "accepted/edge_person").glob("*"))
    assert integrity.verify(home)["problems"] == []
    run.night(home, day)
    assert ask(home, "select count(*) from submission where kind = 'medical_expense'") == [(0 if goes else 1,)]


def test_files_with_columns_that_are_never_stored_go_first(home):
    refused = (*PERSON, "民族")
    path = book(home / "inbox/d03/边缘人员.xlsx", refused, [(*person(n), "某族") for n in (21, 22)])
    run.night(home, DAY + timedelta(days=1))
    book(path, PERSON, [person(n) for n in (21, 22)])
    run.night(home, DAY + timedelta(days=2))
    assert forgetting.purge(home, DAY + timedelta(days=2), who="数据员")["archive"] == 1
    assert integrity.verify(home)["problems"] == []
    run.night(home, DAY + timedelta(days=2))  # the night that cured what the purged file lacked
    assert integrity.verify(home)["problems"] == []
    told = integrity.recover(home)
    assert told["files"] == 3
    assert ask(home, "select count(*) from submission where unit_code = 'd03'") == [(1,)]


def test_old_copies_lists_and_messages_go(home):
    day = DAY + timedelta(days=400)
    for path in (home / "returns").rglob("*.xlsx"):
        os.utime(path, (1_767_200_000, 1_767_200_000))
    assert forgetting.purge(home, day, who="数据员")["outputs"] >= 4
    assert not list((home / "returns").rglob("*.xlsx")) and not list((home / "lists").iterdir())


@pytest.mark.parametrize(("after", "goes"), [(180, False), (181, True)])
def test_copies_lists_messages_and_what_was_laid_aside_stay_for_all_of_their_days(home, after, goes):
    """Written on DAY; `workbook_days` is 180."""
    place = Home(home)
    written = datetime.combine(DAY, time(12), place.time_zone).timestamp()
    paths = [
        place.returns / "d01/旧.xlsx", place.lists / f"{DAY}/d01.xlsx", place.outbox / f"{DAY}旧.txt",
        home / "before-recovery-1/ledger.db", place.releases / "1.laid_aside/release.json",
    ]  # fmt: skip
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
        os.utime(path, (written, written))
        os.utime(path.parent, (written, written))
    forgetting.purge(home, DAY + timedelta(days=after), who="数据员")
    assert [path.exists() for path in paths] == [not goes] * len(paths)


@pytest.mark.parametrize(
    ("day", "refusal", "goes"),
    [
        (date(2029, 10, 30), None, False), (date(2029, 10, 31), None, True),
        (date(2029, 10, 30), Refusal("not_a_list", "不是清单", "交清单"), False),
        (date(2029, 10, 31), Refusal("not_a_list", "不是清单", "交清单"), True),
    ],
    ids=["a day early", "36 months", "refused: a day early", "refused: 36 months"],
)  # fmt: skip
def test_a_filled_in_list_stays_for_all_of_its_months(home, day, refusal, goes):
    """It came on DAY and decides on nothing that is published."""
    place = Home(home)
    ledger = Ledger.of(place)
    at = datetime(2026, 10, 31, 12, tzinfo=UTC)
    file = ledger.decisions.record_file("d01", "d01.xlsx", sha256="ab" * 32, received_at=at, night=DAY, archived="")
    ledger.decisions.record_lines(file.file_id, [], [], refusal)
    ledger.decisions.answered(file.file_id)
    found = forgetting._old_lists(place, ledger, forgetting._Limits.on(place, day))
    assert [each.file_id for each in found] == ([file.file_id] if goes else [])


@pytest.mark.parametrize(
    ("day", "months", "earlier"),
    [(date(2026, 10, 31), 36, date(2023, 10, 31)), (date(2026, 3, 31), 1, date(2026, 2, 28)), (date(2026, 1, 15), 1, date(2025, 12, 15)),
     (date(2028, 2, 29), 12, date(2027, 2, 28))],
)  # fmt: skip
def test_months_before(day, months, earlier):
    assert forgetting.months_before(day, months) == earlier
