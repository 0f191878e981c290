"""A row that our program cannot get over holds its own submission, and nobody else's; what nobody's rows explain stays a failure.

The faults are planted in a copy of sql/ and in what judges rows, since values that would break the real ones are refused in their cells.
"""

from __future__ import annotations

import shutil
from collections import namedtuple
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from click.testing import CliRunner
from low_income import advice, checks, returns, warehouse
from low_income.ask.check_file import check_file
from low_income.cli import monitor
from low_income.model import ROOT, MonitorError, Reading
from low_income.night import build_inputs, decisions, isolation, notify, run
from low_income.night import give_back as step_give_back
from low_income.night import read as step_read
from low_income.night.check import sent_tonight
from low_income.night.give_back import tell_returned
from low_income.operate.integrity import recover, verify
from low_income.reading import sandbox
from low_income.records import access, published
from low_income.records.ledger import Ledger, ReadBy
from low_income.records.ledger.decisions import DecisionLine
from low_income.settings.home import Home
from low_income.warehouse import models

from tests.decision_kit import DIBAO, fill_in, lines_of
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
from tests.roster_kit import NOT_IN, POOR, bureau, dibao

NEXT = DAY + timedelta(days=1)
AT = datetime(2026, 10, 31, 18, 0, tzinfo=UTC)
POISON = "7777"
"""An amount in yuan that the planted faults stumble over."""
ROSTER = "registry/roster_person.sql"
FINE = "select file_name, status from submission where unit_code = 'd01' and kind = 'dibao_person' order by received_at"
LISTED = [(f"某{name}",) for name in sorted(POOR)]


def poisoned(serial: int) -> tuple[str, ...]:
    return (*dibao(serial)[0][:4], POISON, "2026-10")


def plant(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, old: str, new: str) -> None:
    """The night is built from a copy of sql/ with a fault in it."""
    copy = shutil.copytree(ROOT / "sql", folder / "sql")
    said = (copy / name).read_text(encoding="utf-8")
    assert old in said
    (copy / name).write_text(said.replace(old, new, 1), encoding="utf-8")
    monkeypatch.setattr(models, "read_models", partial(models.read_models, folder=copy))


def plant_in_model(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    stumbles = (
        "supplement_fen + cast(case when supplement_fen = 777700 then 'x' else '0' end as bigint) as supplement_fen"
    )
    plant(monkeypatch, folder, ROSTER, "start_month, supplement_fen,", f"start_month, {stumbles},")


def plant_in_must_hold(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    rule = "must_hold:\n  no_such_amount: select row_id from registry.roster_person where supplement_fen = 777700\n"
    name = ROSTER.replace(".sql", ".yml")
    said = (ROOT / "sql" / name).read_text(encoding="utf-8")
    old = "must_hold:\n" if "must_hold:\n" in said else said
    plant(monkeypatch, folder, name, old, rule if old == "must_hold:\n" else said.rstrip("\n") + f"\n{rule}")


def plant_in_published(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """In a table that nobody asks before the build: partners' lists were judged when it fails."""
    stumbles = (
        "enrolment.supplement_fen + cast(case when enrolment.supplement_fen = 777700 then 'x' else '0' end as bigint)"
    )
    plant(monkeypatch, folder, "published/enrolment.sql", "cast(enrolment.supplement_fen as", f"cast({stumbles} as")


def plant_in_check(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    ask_all = checks._failing_cells

    def stumble(con: Any, kind: Any, rows: str, *more: Any) -> Any:
        if kind.name == "dibao_person" and con.execute(f"from {rows} where supplement_fen = 777700").fetchall():
            raise ZeroDivisionError
        return ask_all(con, kind, rows, *more)

    monkeypatch.setattr(checks, "_failing_cells", stumble)


# the search ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [{0}, {4}, {9}, {3, 7}])
def test_the_first_bad_one_is_found_by_halves(bad):
    asked = []

    def fails(some):
        asked.append(len(some))
        return bool(bad & set(some))

    assert isolation.first_bad(range(10), fails) == min(bad)
    assert len(asked) <= 4


# nights ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good night: three households are listed since they stand on no roster."""
    home = bureau(tmp_path_factory.mktemp("before") / "home")
    book(home / "inbox/d01/低保.xlsx", DIBAO, dibao(901, 907))
    run.night(home, DAY)
    assert ask(home, NOT_IN) == LISTED
    return home


def second_night(home: Path) -> None:
    """Another division's list, so that there is something to lose."""
    book(home / "inbox/d02/低保.xlsx", DIBAO, dibao(921, 923))


@pytest.fixture(scope="module")
def without(before: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The second night on which the bad file never came."""
    home = copy_home(before, tmp_path_factory.mktemp("without") / "home")
    second_night(home)
    run.night(home, NEXT)
    return home


@pytest.mark.slow
@pytest.mark.parametrize("fault", [plant_in_model, plant_in_must_hold, plant_in_check])
def test_a_row_that_breaks_the_build_holds_its_own_submission_and_nothing_else_changes(
    before, without, tmp_path, monkeypatch, fault
):
    fault(monkeypatch, tmp_path)
    home = copy_home(before, tmp_path / "home")
    second_night(home)
    book(home / "inbox/d01/低保.xlsx", DIBAO, [*dibao(901), poisoned(907), *dibao(909)])
    run.night(home, NEXT)
    assert ask(home, FINE) == [("低保.xlsx", "accepted"), ("低保.xlsx", "held")]
    assert ask(home, "select count(*) from enrolment where division_code = 'd02'") == [(2,)]
    assert ask(home, NOT_IN) == LISTED, "open warnings are carried over"
    odd = differences(home, without, without={"submission": ["received_at"]})
    ours = {"d01", "all", *(one for (one,) in ask(home, "select person_id from person where division_code = 'd01'"))}
    told = {table: [row for row in rows if not ours & set(map(str, row))] for table, rows in odd.items()}
    assert {table for table, rows in told.items() if rows} <= {"release", "rule_tally"}, (
        "but for counts of the whole bureau"
    )

    letter = (home / f"outbox/{NEXT}.md").read_text(encoding="utf-8")
    [(held,)] = ask(home, "select submission_id from submission where status = 'held'")
    [line] = [each for each in letter.splitlines() if "处理不了" in each and "低保.xlsx" in each and held in each]
    assert "青禾区" in line and "第 3 行" in line and f"monitor confirm {held}" in line
    assert number(907) not in letter and "不是报送单位的错" in line
    cells = " ".join(str(cell) for row in lines_of(home / "returns/d01/低保.xlsx", "问题清单") for cell in row.values())
    assert "您暂时不" in cells and "第 3 行" in cells
    assert not (home / f"accepted/dibao_person/{held}.parquet").exists()
    assert verify(home)["problems"] == []


@pytest.mark.slow
def test_held_with_nothing_before_it_the_list_is_missing_and_its_silence_says_nothing(tmp_path, monkeypatch):
    plant_in_published(monkeypatch, tmp_path)
    home = bureau(tmp_path / "home")
    book(home / "inbox/d01/低保.xlsx", DIBAO, [*dibao(901), poisoned(907)])
    spent = ("2026-09-10", "人民医院", "900", "600", "青禾区")
    book(home / "inbox/medical_insurance/医疗.xlsx", MEDICAL, [(person(907)[0], number(907), *spent)])
    run.night(home, DAY)
    assert ask(home, FINE) == [("低保.xlsx", "held")]
    assert ask(home, NOT_IN) == []
    answers = ask(home, "select distinct answer from registry_check where registry = 'dibao'")
    assert "not_enrolled" not in {answer for (answer,) in answers}
    assert ask(home, "select count(*) from person where name = ?", person(907)[0]) == [(0,)], (
        "whom it alone let in is gone"
    )

    # The advice is followed. Sent once more without the row, or tried again with a mended program: it counts.
    [(held,)] = ask(home, "select submission_id from submission where status = 'held'")
    assert advice.try_again(held) in (home / f"outbox/{DAY}.md").read_text(encoding="utf-8")
    mended = copy_home(home, tmp_path / "mended")
    book(mended / "inbox/d01/低保.xlsx", DIBAO, dibao(901))
    run.night(mended, NEXT)
    assert ask(mended, FINE) == [("低保.xlsx", "superseded"), ("低保.xlsx", "accepted")]
    assert ask(mended, NOT_IN) == LISTED
    typed = advice.try_again(held).partition("运行 monitor ")[2].partition("，")[0].split()
    said = CliRunner().invoke(monitor, ["--home", str(home), *typed, "--date", str(NEXT), "--really"])
    assert said.exit_code == 0, said.output
    run.night(home, NEXT)
    assert ask(home, FINE) == [("低保.xlsx", "held")], "the program is as before"
    monkeypatch.undo()
    run.night(home, NEXT + timedelta(days=1))
    assert ask(home, FINE) == [("低保.xlsx", "accepted")]
    assert ask(home, NOT_IN) == LISTED


@pytest.mark.slow
def test_a_unit_with_many_of_them_is_laid_aside_and_the_others_stay(tmp_path, monkeypatch):
    plant_in_model(monkeypatch, tmp_path)
    home = bureau(tmp_path / "home")
    for part in range(6):
        book(home / f"inbox/d01/低保{part}.xlsx", DIBAO, [poisoned(901 + 2 * part)])
    second_night(home)
    tried = []
    attempt = warehouse.attempt
    monkeypatch.setattr(warehouse, "attempt", lambda *given, **more: tried.append(1) or attempt(*given, **more))
    run.night(home, DAY)
    assert {status for _, status in ask(home, FINE)} == {"held"}
    assert ask(home, "select count(*) from enrolment where division_code = 'd02'") == [(2,)]
    assert len(tried) < 40


@pytest.mark.slow
def test_what_no_submission_explains_fails_the_night_at_once_and_blames_nobody(before, tmp_path, monkeypatch):
    plant(
        monkeypatch,
        tmp_path,
        ROSTER,
        "start_month, supplement_fen,",
        "start_month, cast('x' as bigint) as supplement_fen,",
    )
    monkeypatch.setattr("low_income.warehouse.examples.silent_rules", lambda _: [])
    home = copy_home(before, tmp_path / "home")
    second_night(home)
    tried = []
    attempt = warehouse.attempt
    monkeypatch.setattr(warehouse, "attempt", lambda *given, **more: tried.append(1) or attempt(*given, **more))
    with pytest.raises(MonitorError, match="roster_person"):
        run.night(home, NEXT)
    assert len(tried) == 1
    assert {each.outcome for each in access.open_home(home)[1].submissions()} == {"accepted"}

    def fail(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.undo()
    monkeypatch.setattr(checks, "_failing_cells", fail)
    home = copy_home(before, tmp_path / "other")
    second_night(home)
    with pytest.raises(ZeroDivisionError):
        run.night(home, NEXT)
    assert "held" not in {each.outcome for each in access.open_home(home)[1].submissions()}


@pytest.mark.slow
def test_taken_up_after_it_was_cut_off_and_rebuilt_from_the_journal_it_is_held_again(before, tmp_path, monkeypatch):
    plant_in_published(monkeypatch, tmp_path)
    home = copy_home(before, tmp_path / "home")
    book(home / "inbox/d01/低保.xlsx", DIBAO, [poisoned(901)])
    second_night(home)
    spent = ("2026-09-10", "人民医院", "900", "600", "白石区")
    book(home / "inbox/medical_insurance/医疗.xlsx", MEDICAL, [(person(921)[0], number(921), *spent)])
    with monkeypatch.context() as cut_off, pytest.raises(KeyboardInterrupt):
        cut_off.setattr(run, "build", interrupted)
        run.night(home, NEXT)
    run.night(home, NEXT)
    assert ask(home, FINE) == [("低保.xlsx", "accepted"), ("低保.xlsx", "held")]
    assert ask(home, "select rows_accepted from submission where kind = 'medical_expense'") == [(1,)]
    other = copy_home(home, tmp_path / "other")
    recover(other)
    assert differences(home, other, without={"release": ["built_at"], "submission": ["received_at"]}) == {}
    assert verify(other)["problems"] == []


@pytest.mark.slow
def test_a_filled_in_list_whose_line_breaks_the_build_is_sent_back_and_the_others_hold(before, tmp_path, monkeypatch):
    stumbles = "case when cast(case when heard.note = '怪话' then 'x' else '0' end as bigint) = 0 then heard.note end"
    plant(monkeypatch, tmp_path, "published/decision.sql", "heard.note,", f"{stumbles} as note,")
    home = copy_home(before, tmp_path / "home")
    second_night(home)
    said = {"核查结果": "已纳入保障", "核查人": "张三", "核查日期": DAY, "说明": "已批准"}
    listed = home / f"lists/{DAY}/d01.xlsx"
    [at] = [row for row, line in enumerate(lines_of(listed), start=3) if line["姓名"] == "某丙"]
    fill_in(home, listed, "d01/甲.xlsx", {"某甲": said})
    fill_in(home, listed, "d01/乙丙.xlsx", {"某乙": said, "某丙": said | {"说明": "怪话"}})
    odd = home / "decisions/inbox/d01/乙丙.xlsx"
    sent = odd.read_bytes()
    run.night(home, NEXT)
    heard = "select file_name, note from decision order by all"
    assert ask(home, heard) == [("甲.xlsx", "已批准")]
    assert ask(home, "select count(*) from enrolment where division_code = 'd02'") == [(2,)]
    letter = (home / f"outbox/{NEXT}.md").read_text(encoding="utf-8")
    [line] = [each for each in letter.splitlines() if "处理不了" in each]
    assert "青禾区" in line and "乙丙.xlsx" in line and f"工作表“预警”第 {at} 行" in line and "main.decision" in line
    with closing(openpyxl.load_workbook(home / "returns/d01/乙丙.xlsx")) as answer:
        told = " ".join(str(cell) for page in answer for row in page.iter_rows(values_only=True) for cell in row)
    assert "这不是您填错了" in told and f"第 {at} 行" in told and advice.SEND_AGAIN_WHEN_MENDED in told
    assert verify(home)["problems"] == []
    monkeypatch.undo()
    odd.write_bytes(sent)
    still(odd)
    run.night(home, NEXT + timedelta(days=1))
    assert ask(home, heard) == [("乙丙.xlsx", "已批准"), ("乙丙.xlsx", "怪话"), ("甲.xlsx", "已批准")]


@pytest.mark.slow
def test_a_failure_of_ours_over_one_file_or_unit_stops_nobody_else(before, tmp_path, monkeypatch):
    home = copy_home(before, tmp_path / "home")
    second_night(home)
    book(home / "inbox/d01/边缘.xlsx", PERSON, [person(905), person(909)])
    listed = home / f"decisions/inbox/d01/{DAY}.xlsx"
    shutil.copy(home / f"lists/{DAY}/d01.xlsx", listed)
    still(filled(listed))
    read, mark = step_read._read_by_a_name, step_give_back.mark

    def stumble_over_file(home: Any, ledger: Any, file: Any, readings: Any) -> Any:
        return 1 / 0 if file.file_name == "边缘.xlsx" else read(home, ledger, file, readings)

    def stumble_over_unit(copies: Any) -> Any:
        if any("d02" in str(copy[2]) for copy in copies):
            raise ZeroDivisionError
        return mark(copies)

    monkeypatch.setattr(step_read, "_read_by_a_name", stumble_over_file)
    monkeypatch.setattr(step_give_back, "mark", stumble_over_unit)
    monkeypatch.setattr(decisions, "_judge_alone", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run.night(home, NEXT)
    assert ask(home, "select count(*) from enrolment where division_code = 'd02'") == [(2,)]
    [*_, (status, reason)] = ask(
        home, "select status, reason from submission where file_name = '边缘.xlsx' order by received_at"
    )
    assert status == "refused" and "我们的程序的问题" in reason
    [answer] = [each for each in access.open_home(home)[1].decisions.files() if each.refusal]
    assert "我们的程序的问题" in answer.refusal["reason"] and "test_isolation.py" not in str(answer.refusal)
    assert answer.refusal["fix"] == advice.OURS_TO_MEND
    letter = (home / f"outbox/{NEXT}.md").read_text(encoding="utf-8")
    assert "退回 d02" in letter and "ZeroDivisionError" in letter
    assert {each.run_date: each.state for each in access.open_home(home)[1].nights()}[NEXT] == "failed"
    monkeypatch.undo()
    run.night(home, NEXT)
    assert (home / "returns/d02/低保.xlsx").exists()
    assert {each.run_date: each.state for each in access.open_home(home)[1].nights()}[NEXT] == "done"


@pytest.mark.parametrize("limit", ["time", "memory"])
def test_a_copy_that_meets_a_limit_is_told_and_leaves_no_older_correction_workbook(tmp_path, monkeypatch, limit):
    home = few_divisions(new_home(tmp_path / "home"))
    wrong = number(2)[:-1] + ("1" if number(2)[-1] != "1" else "2")
    bad = (person(2)[0], wrong, *person(1)[2:3], "子", "900", "2026-10")
    book(home / "inbox/d01/边缘.xlsx", PERSON, [person(1), bad])
    run.night(home, DAY)
    older = home / "returns/d01/边缘.更正.xlsx"
    assert older.exists()
    call = sandbox.call

    def exceed(function: Any, *words: Any, **limits: Any) -> Any:
        if function in (returns.write, returns.write_all):
            raise sandbox.Killed(limit)
        return call(function, *words, **limits)

    monkeypatch.setattr(sandbox, "call", exceed)
    book(home / "inbox/d01/边缘.xlsx", PERSON, [person(1), person(4), bad])
    run.night(home, NEXT)
    to_do, _, rest = (home / f"outbox/{NEXT}.md").read_text(encoding="utf-8").partition("## 这一夜")
    assert (
        "青禾区 《边缘.xlsx》：标注用的时间或内存超过了一份文件的限制，退回的只有问题清单，不是报送单位的错；" in rest
    )
    assert "程序自己出错" not in to_do and "给开发者" not in rest
    assert not older.exists(), "it would correct rows of the file before"
    assert openpyxl.load_workbook(home / "returns/d01/边缘.xlsx").sheetnames == ["问题清单"]
    assert verify(home)["problems"] == []


def test_a_copy_that_we_fail_to_mark_is_told_to_the_data_officer_and_not_blamed_on_its_sender(tmp_path, monkeypatch):
    home = few_divisions(new_home(tmp_path / "home"))
    wrong = number(2)[:-1] + ("1" if number(2)[-1] != "1" else "2")
    bad = (person(2)[0], wrong, *person(1)[2:3], "子", "900", "2026-10")
    book(home / "inbox/d01/边缘.xlsx", PERSON, [person(1), bad])
    book(home / "inbox/d02/边缘.xlsx", PERSON, [person(3)])
    call = sandbox.call

    def stumble(function: Any, *words: Any, **limits: Any) -> Any:
        copies = words[0] if function is returns.write_all else [words]
        if function in (returns.write, returns.write_all) and any("d01" in str(copy[2]) for copy in copies):
            raise sandbox.Killed("crash", "ZeroDivisionError sheet.py:10")
        return call(function, *words, **limits)

    monkeypatch.setattr(sandbox, "call", stumble)
    run.night(home, DAY)
    letter = (home / f"outbox/{DAY}.md").read_text(encoding="utf-8")
    to_do, _, rest = letter.partition("## 这一夜")
    assert "程序自己出错的文件 1 份（青禾区 1 份）：不是报送单位的错" in to_do
    assert "青禾区 《边缘.xlsx》：标注时程序自己出了错" in rest and "给开发者：ZeroDivisionError sheet.py:10。" in rest
    assert [each["unit_code"] for each in notify.status(home, DAY)["unmarked"]] == ["d01"]
    copy = openpyxl.load_workbook(home / "returns/d01/边缘.xlsx")
    told = " ".join(str(cell.value) for row in copy["问题清单"].iter_rows() for cell in row if cell.value is not None)
    assert copy.sheetnames == ["问题清单"] and "读取 2 行 = 接收 1 行 + 退回 1 行 + 不在范围 0 行" in told
    assert "不是您的文件写错了" in told and "太大" not in told and "整份退回" not in told and "sheet.py" not in told
    assert len(openpyxl.load_workbook(home / "returns/d02/边缘.xlsx").sheetnames) == 2
    assert verify(home)["problems"] == []

    checked = check_file(home, book(tmp_path / "d01/边缘.xlsx", PERSON, [person(1), bad]), "d01", DAY)
    assert any("给开发者：ZeroDivisionError" in notice for notice in checked["notices"])
    monkeypatch.undo()
    place = Home.open(home)
    tell_returned(place, DAY, published.digests(place, [home / "returns/d01/边缘.xlsx"]))
    assert notify.status(home, DAY)["unmarked"] == [], "the copy that was written since is the one that counts"


def interrupted(*_: Any) -> Any:
    """As a night that is cut off."""
    raise KeyboardInterrupt


def filled(path: Path) -> Path:
    """The first line of a list, filled in."""
    workbook = openpyxl.load_workbook(path)
    page = workbook["预警"]
    for cell in next(page.iter_rows(min_row=1, max_row=1)):
        said = {"核查结果": "属实,已救助", "处置措施": "已办", "核查人": "某人", "核查日期": str(DAY), "说明": "看过"}
        if cell.value in said:
            page.cell(2, cell.column, said[cell.value])
    workbook.save(path)
    return path


@pytest.mark.parametrize(
    ("blamed", "sent", "is_ours"),
    [(1, 1, False), (1, 2, False), (2, 2, True), (2, 4, False), (3, 5, True)],
)
def test_what_fails_with_more_than_half_of_the_units_is_no_sender_s_file(blamed, sent, is_ours):
    tonight = [isolation.Sent(f"s{n}", f"d{n:02d}") for n in range(sent)]
    assert isolation._is_ours({each.unit_code for each in tonight[:blamed]}, tonight) is is_ours


# what the search is given ---------------------------------------------------------------------------------------------


def test_the_line_of_a_filled_in_list_is_found_by_leaving_out_the_others(tmp_path, monkeypatch):
    given = namedtuple("given", "without accepted")
    rows = {"a": isolation.Row("预警", 3), "b": isolation.Row("预警", 4), "c": isolation.Row("预警", 5)}

    def attempt(home: Any, sql_models: Any, inputs: Any, wanted: Any) -> warehouse.Failure | None:
        return None if "b" in inputs.without else warehouse.Failure("main.decision", "x")

    monkeypatch.setattr(isolation, "_attempt", attempt)
    sql_models: Any = namedtuple("input", "models")({"main.decision": None})
    found = isolation.of_build(
        Home(tmp_path),
        sql_models,
        [isolation.Sent("list", "d01", lines=rows)],
        lambda without: given(set(without), {"dibao_person": ["x"]}),  # type: ignore[arg-type, return-value]
    )
    assert "第 4 行" in found["list"].reason


@pytest.mark.parametrize("problem", [OSError("full"), MemoryError(), duckdb.OutOfMemoryException("x")])
def test_a_full_disk_or_memory_while_parts_are_judged_again_is_no_file_s_fault(tmp_path, problem):
    def fail(*_: Any) -> Any:
        raise problem

    parts = [checks.Part(f"s{n}", "d01", "dibao_person", "g", "x.xlsx", n, Reading("dibao_person")) for n in range(2)]
    with pytest.raises(type(problem)):
        isolation.of_check(parts, fail, tmp_path)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Of a new home: a roster and a filled-in list that came on DAY, each accepted."""
    home = Home.open(new_home(tmp_path / "home"))
    ledger = Ledger.of(home)
    ledger.begin_night(DAY, owner="x", at=AT)
    told = {"sha256": "0" * 64, "size": 1, "received_at": AT, "night": DAY, "archived": "archive/00/0"}
    file = ledger.record_file("d01", "低保.xlsx", **told)
    by = {"dibao_person": ReadBy("c1", "period")}
    [sent] = ledger.record_readings(file.file_id, [Reading("dibao_person", period="2026-10", rows_read=1)], by)
    ledger.settle(sent.submission_id, "accepted", accepted=1)
    del told["size"]
    list_ = ledger.decisions.record_file("d01", "清单.xlsx", **told)
    line = DecisionLine("warning", "w1", "已纳入保障", DAY, {}, "预警", 2, 1, None)
    ledger.decisions.record_lines(list_.file_id, [line], [])
    return ledger


@pytest.mark.parametrize(("state", "asked"), [("failed", ["d01", "d01"]), ("done", [])])
def test_what_came_on_a_night_that_failed_is_looked_at_on_the_next(tmp_path, ledger, state, asked):
    """It was read then, and is built tonight for the first time."""
    ledger.finish_night(DAY, state, at=AT, counts={})
    found = sent_tonight(Home.open(tmp_path / "home"), ledger, NEXT)
    assert [each.unit_code for each in found] == asked
    assert [bool(each.lines) for each in found] == ([False, True] if asked else [])


def test_a_night_that_is_made_again_leaves_nothing_in_work_for_the_next(tmp_path, ledger, monkeypatch):
    """Who was in scope on it, say: the next one would take it for its own."""
    home = tmp_path / "home"
    (home / "work").mkdir(exist_ok=True)
    (home / "work/scope.parquet").touch()
    for step in ("read", "check", "build", "publish"):
        monkeypatch.setattr(run, step, lambda *_, **__: {})
    monkeypatch.setattr(run, "dataset_groups", lambda *_: [])
    run.replay_night(home, DAY)
    assert list((home / "work").iterdir()) == []


def test_who_lived_where_on_the_night_before_is_known_at_the_door(tmp_path, ledger, monkeypatch):
    """Else the list of another division could move somebody, and with him whose partners' rows are let in."""
    home = Home.open(tmp_path / "home")
    asked = []
    monkeypatch.setattr(warehouse, "previous_release", lambda *about: asked.append(about[:2]) or tmp_path / "earlier")
    assert build_inputs.of_lists(home, ledger, NEXT, without=["x"]).previous == tmp_path / "earlier"
    assert asked == [(home.releases, NEXT)]
