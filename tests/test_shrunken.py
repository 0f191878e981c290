"""A roster that lost too many people is held until the data officer's word; the last good one goes on answering."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from low_income.ask import backtest
from low_income.cli import monitor
from low_income.model import MonitorError
from low_income.night import confirmations, deliveries, run
from low_income.records.ledger import Ledger, Submission
from low_income.records.ledger.parts import is_shrunken
from low_income.settings.home import Home

from tests.night_kit import DAY, PERSON, ask, book, few_divisions, new_home, person

pytestmark = pytest.mark.slow

STATUS = "select file_name, status, rows_accepted, rows_set_aside from submission order by received_at, file_name"


MONTH = (
    'select state, received, "rows" from coverage'
    " where period = '2026-10' and unit_code = 'd01' and kind = 'edge_person'"
)


def later(nights: int) -> date:
    return DAY + timedelta(days=nights)


def roster(home: Path, name: str, serials: range, month: str = "2026-10") -> None:
    book(home / "inbox/d01" / name, PERSON, [person(serial, month) for serial in serials])


@pytest.mark.parametrize(
    ("before", "rows", "held"),
    [
        (100, 70, False),
        (100, 69, True),
        (60, 40, False),
        (60, 39, True),
        (71, 50, False),
        (100, 100, False),
        (0, 5, False),
    ],
)
def test_more_than_thirty_in_a_hundred_and_more_than_twenty_rows(before, rows, held):
    assert is_shrunken(rows, before, more_than_share=Decimal("0.3"), more_than_rows=20) is held


@pytest.mark.parametrize(
    ("read", "usable", "others", "said"),
    [
        ([39], [39], 0, "这一份只有 39 行"),
        ([39], [35], 0, "这一份读了 39 行，能收下的只有 35 行"),
        ([5], [5], 30, "这一份有 5 行，连同其余各份只有 35 行"),
        ([5], [4], 30, "这一份读了 5 行、能收下 4 行，连同其余各份只有 34 行"),
        ([5, 6], [5, 6], 20, "这一夜的 2 份有 11 行，连同其余各份只有 31 行"),
    ],
)
def test_it_says_what_the_new_parts_have_and_what_the_roster_has_with_them(
    read: list[int], usable: list[int], others: int, said: str
) -> None:
    news = [
        Submission(
            submission_id=f"{at}",
            file_id=f"{at}",
            unit_code="d01",
            kind="edge_person",
            file_name=f"{at}.xlsx",
            sha256=f"{at:064d}",
            received_at=datetime(2026, 10, 31, tzinfo=UTC),
            night=DAY,
            received_seq=at,
            period="2026-10",
            rows_read=rows,
            rows_accepted=0,
            rows_set_aside=0,
            rows_out_of_scope=0,
            outcome="read",
            reason="",
            superseded_by=None,
            replace="period",
            reading={},
            contract_digest="",
            scope_digest=None,
        )
        for at, rows in enumerate(read)
    ]
    accepted = {each.submission_id: rows for each, rows in zip(news, usable, strict=True)}
    assert deliveries._only(news, sum(usable) + others, accepted) == said


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """September whole, October with 39 of 60: the night after it came."""
    home = few_divisions(new_home(tmp_path_factory.mktemp("held") / "home"))
    roster(home, "九月.xlsx", range(1, 61), "2026-09")
    run.night(home, DAY)
    roster(home, "十月.xlsx", range(1, 40))
    run.night(home, later(1))
    return home


def test_it_is_held_and_the_last_good_roster_answers(held):
    assert ask(held, STATUS) == [("九月.xlsx", "accepted", 60, 0), ("十月.xlsx", "held", 0, 39)]
    assert ask(held, "select count(*), min(period) from enrolment where registry = 'edge'") == [(60, "2026-09")]
    answers = ask(held, "select distinct answer, registry_period from registry_check where registry = 'edge'")
    assert answers == [("enrolled", "2026-09")]
    coverage = ask(
        held,
        "select period, received, \"rows\", state from coverage where kind = 'edge_person' and unit_code = 'd01' and period < '2026-11'",
    )
    assert sorted(coverage) == [("2026-09", True, 60, "fresh"), ("2026-10", False, 0, "shrunken")]
    lines = ask(held, 'select rule, level, severity, state, "row" from validation_issue')
    assert lines == [("file.shrunken", "across_time", "confirm", "new", None)]


def test_officer_and_sender_are_told_how_many_and_what_to_do(held):
    status = CliRunner().invoke(
        monitor, ["--home", str(held), "status", "--date", later(1).isoformat()], terminal_width=200
    )
    [(submission_id,)] = ask(held, "select submission_id from submission where status = 'held'")
    letter = (held / "outbox" / f"{later(1)}.md").read_text(encoding="utf-8")
    assert f"monitor confirm {submission_id}" in letter
    assert "2026-09的名单有 60 行，这一份只有 39 行，少了 21 行（35%）" in letter
    assert "扣住" in status.output
    assert "## 各单位的问题，与上次相比" in letter and "：新出现 1。" in letter
    assert (held / "returns/d01/十月.xlsx").exists()


@pytest.mark.slow
def test_confirmed_with_name_and_reason_it_is_taken_the_next_night(held, tmp_path):
    import shutil

    home = tmp_path / "home"
    shutil.copytree(held, home, symlinks=True)
    [(submission_id,)] = ask(home, "select submission_id from submission where status = 'held'")
    nameless = CliRunner().invoke(
        monitor, ["--home", str(home), "confirm", submission_id, "--by", " ", "--because", "迁出"]
    )
    assert nameless.exit_code != 0
    with pytest.raises(MonitorError, match="没有扣住"):
        confirmations.confirm_submission(home, "0" * 16, by_whom="某人", reason="迁出", day=later(1))
    confirmations.confirm_submission(home, submission_id, by_whom="数据员甲", reason="整片迁出", day=later(2))
    run.night(home, later(2))
    assert ask(home, STATUS)[1] == ("十月.xlsx", "accepted", 39, 0)
    assert ask(home, "select count(*), min(period) from enrolment where registry = 'edge'") == [(39, "2026-10")]
    assert ask(home, "select rule, state from validation_issue") == [("file.shrunken", "fixed")]
    assert ask(home, MONTH) == [("fresh", True, 39)]
    ledger = Ledger.of(Home.open(home))
    assert [[each.status for each in ledger.as_of(later(day))] for day in (1, 2)] == [
        ["accepted", "held"], ["accepted", "accepted"],
    ]  # fmt: skip


@pytest.mark.slow
def test_a_further_part_makes_it_whole_and_a_whole_one_takes_its_place(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    roster(home, "九月.xlsx", range(1, 61), "2026-09")
    run.night(home, DAY)
    roster(home, "十月北片.xlsx", range(1, 31))
    run.night(home, later(1))
    roster(home, "十月南片.xlsx", range(31, 61))
    run.night(home, later(2))
    assert ask(home, STATUS)[1:] == [("十月北片.xlsx", "accepted", 30, 0), ("十月南片.xlsx", "accepted", 30, 0)]
    place = Home.open(home)
    ledger, judged_on = Ledger.of(place), backtest.past(place).judged_on
    [north] = [each for each in ledger.as_of(later(1), judged_on) if each.file_name == "十月北片.xlsx"]
    assert (north.status, north.rows_accepted, north.rows_set_aside) == ("held", 0, 30), "as it stood that night"
    assert {each.status for each in ledger.as_of(later(2), judged_on)} == {"accepted"}

    # The same month once more, halved under the old name: what was taken stays in force.
    roster(home, "十月南片.xlsx", range(31, 36))
    run.night(home, later(3))
    assert ask(home, "select count(*) from enrolment where registry = 'edge'") == [(60,)]
    assert ask(home, MONTH) == [("shrunken", True, 60)]
    letter = (home / "outbox" / f"{later(3)}.md").read_text(encoding="utf-8")
    assert "2026-10的名单有 60 行，这一份有 5 行，连同其余各份只有 35 行，少了 25 行（41%）" in letter
    roster(home, "十月南片.xlsx", range(31, 59))
    run.night(home, later(4))
    assert sorted(status for _, status, *_ in ask(home, STATUS)) == ["accepted"] * 3 + ["superseded"] * 2
    assert ask(home, "select count(*) from enrolment where registry = 'edge'") == [(58,)]
