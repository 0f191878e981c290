"""The ledger: what a new delivery is to the earlier ones, and that writing it down is safe to repeat and to share."""

from __future__ import annotations

import base64
import itertools
import multiprocessing
import stat
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from low_income import advice
from low_income.model import BalanceError, ConfigError, MonitorError, Reading, Refusal, SheetReading
from low_income.records.ledger import Ledger, ReadBy, ReceivedFile, Submission, file_id, parts, shown_name
from low_income.records.ledger import tables as ledger_tables
from low_income.records.ledger.decisions import DecisionLine
from low_income.records.ledger.parts import Delivery, Replace, arrange, part_name, rivals, superseded_by
from low_income.records.seal import Seal

pytestmark = pytest.mark.slow

FIRST, SECOND, THIRD = date(2026, 10, 30), date(2026, 10, 31), date(2026, 11, 1)
AT = datetime(2026, 10, 30, 18, 0, tzinfo=UTC)
SEAL = Seal([base64.urlsafe_b64encode(bytes(32)).decode()])
BY = {
    "dibao_person": ReadBy("c1", "period"),
    "survey_person": ReadBy("c1", "unit"),
    "medical_expense": ReadBy("c1", "key"),
}

# ---- the rules, by themselves


def delivery(
    name: str, night: date, content: str = "", *, period: str = "2026-10", unit: str = "d01", is_held: bool = False
) -> Delivery:
    seq = night.toordinal() * 100 + len(name)
    ident = f"{unit}/{name}/{night}/{period}"
    return Delivery(ident, unit, "dibao_person", period, night, seq, name, content or ident, is_held)


TOWN = delivery("城区.xlsx", FIRST)


def outcome(new: Delivery, existing: list[Delivery], share: float | Fraction = 0, replace: Replace = "period") -> str:
    overlaps = {rival.submission_id: share for rival in rivals(new, existing, replace)}
    return arrange(new, existing, replace, overlaps).outcome


@pytest.mark.parametrize("replace", ["period", "unit"])
def test_files_of_one_night_are_parts_however_much_they_overlap(replace: Replace) -> None:
    new = delivery("乡镇.xlsx", FIRST)
    assert rivals(new, [TOWN], replace) == []
    assert outcome(new, [TOWN], 1, replace) == "part"


@pytest.mark.parametrize("replace", ["period", "unit"])
def test_the_same_name_on_a_later_night_replaces_the_part_of_that_name_only(replace: Replace) -> None:
    country = delivery("乡镇.xlsx", FIRST)
    decision = arrange(delivery("城区.xlsx", SECOND), [TOWN, country], replace, {})
    assert (decision.outcome, decision.ids) == ("replaces", (TOWN.submission_id,))
    assert "城区.xlsx" in decision.reason


def test_the_annotated_copy_that_comes_back_has_the_name_of_its_original() -> None:
    assert outcome(delivery("名册.XLSX", SECOND), [delivery("名册.csv", FIRST)]) == "replaces"
    assert part_name("名册.ods") == part_name("名册.xlsx") and part_name("名册.et.xlsx") == part_name("名册.et")
    assert part_name("名册2026.10.xlsx") != part_name("名册2026.11.xlsx")
    assert part_name("城区/名册.xlsx") != part_name("乡镇/名册.xlsx")


@pytest.mark.parametrize(
    ("share", "expected"), [(Fraction(1, 2), "part"), (0.5, "part"), (Fraction(501, 1000), "asks"), (1, "asks")]
)
@pytest.mark.parametrize("replace", ["period", "unit"])
def test_another_name_on_a_later_night_asks_when_more_than_half_are_the_same(
    share: Fraction, expected: str, replace: Replace
) -> None:
    new = delivery("城区(修改).xlsx", SECOND)
    assert [rival.submission_id for rival in rivals(new, [TOWN], replace)] == [TOWN.submission_id]
    assert outcome(new, [TOWN], share, replace) == expected


def test_the_question_names_the_file_and_what_to_do() -> None:
    decision = arrange(delivery("别的.xlsx", SECOND), [TOWN], "period", {TOWN.submission_id: 0.9})
    assert "城区.xlsx" in decision.reason and "2026-10-30" in decision.reason
    assert decision.fix == advice.name_which_holds(["城区.xlsx"])
    assert decision.ids == (TOWN.submission_id,)


def test_only_parts_in_force_are_asked_about() -> None:
    corrected = delivery("城区.xlsx", SECOND)
    held = delivery("压下的.xlsx", FIRST, is_held=True)
    found = rivals(delivery("别的.xlsx", THIRD), [TOWN, corrected, held], "period")
    assert [rival.submission_id for rival in found] == [corrected.submission_id]


def test_the_same_bytes_again_count_once_whatever_the_name() -> None:
    twin = delivery("另存.xlsx", SECOND, TOWN.sha256)
    assert outcome(twin, [TOWN]) == "repeated"
    assert outcome(delivery("城区.xlsx", SECOND, TOWN.sha256), [TOWN]) == "repeated"
    assert outcome(twin, [delivery("城区.xlsx", FIRST, TOWN.sha256, is_held=True)]) == "repeated"
    assert outcome(twin, [TOWN], replace="key") == "repeated"


def test_old_bytes_again_do_not_undo_their_correction() -> None:
    corrected = delivery("城区.xlsx", SECOND)
    assert outcome(delivery("城区.xlsx", THIRD, TOWN.sha256), [TOWN, corrected]) == "repeated"


def test_the_same_bytes_for_another_month_or_from_another_unit_are_no_repeat() -> None:
    assert outcome(delivery("城区.xlsx", SECOND, TOWN.sha256, period="2026-11"), [TOWN]) == "part"
    assert outcome(delivery("城区.xlsx", SECOND, TOWN.sha256, unit="d02"), [TOWN]) == "part"


def test_another_period_stays_beside_whichever_comes_first() -> None:
    november = delivery("城区.xlsx", FIRST, period="2026-11")
    assert rivals(delivery("别的.xlsx", SECOND), [november], "period") == []
    assert outcome(delivery("城区.xlsx", SECOND), [november]) == "part"


def test_the_older_never_replaces_the_newer() -> None:
    newer = delivery("城区.xlsx", SECOND)
    decision = arrange(TOWN, [newer], "period", {})
    assert (decision.outcome, decision.ids) == ("superseded", (newer.submission_id,))


def test_partner_kinds_add_and_replace_nothing() -> None:
    assert rivals(delivery("别的.xlsx", SECOND), [TOWN], "key") == []
    assert outcome(delivery("城区.xlsx", SECOND), [TOWN], replace="key") == "part"
    assert superseded_by([TOWN, delivery("城区.xlsx", SECOND)], "key") == {}


def test_a_held_correction_replaces_nothing_yet() -> None:
    assert superseded_by([TOWN, delivery("城区.xlsx", SECOND, is_held=True)], "period") == {}
    assert outcome(delivery("城区.xlsx", THIRD), [delivery("城区.xlsx", SECOND, is_held=True)]) == "part"


@given(st.lists(st.tuples(st.sampled_from("甲乙丙"), st.integers(0, 5), st.sampled_from(["2026-09", "2026-10"]))))
def test_the_latest_of_each_name_and_period_holds_in_any_order(drawn: list[tuple[str, int, str]]) -> None:
    deliveries = [delivery(f"{n}.xlsx", FIRST + timedelta(days=d), period=p) for n, d, p in sorted(set(drawn))]
    gone = superseded_by(deliveries, "period")
    assert gone == superseded_by(reversed(deliveries), "period")
    holding = {(one.file_name, one.period): one.night for one in deliveries if one.submission_id not in gone}
    latest = {(one.file_name, one.period): one.night for one in sorted(deliveries, key=lambda one: one.night)}
    assert holding == latest
    assert len(deliveries) - len(gone) == len(holding)


# ---- written down


def arrive(
    ledger: Ledger, name: str = "城区.xlsx", night: date = FIRST, content: str = "", unit: str = "d01"
) -> ReceivedFile:
    sha = (content or f"{name}{night}").encode().hex().ljust(64, "0")[:64]
    return ledger.record_file(
        unit, name, sha256=sha, size=10, received_at=AT, night=night, archived=f"archive/{sha[:2]}/{sha}"
    )


def read(ledger: Ledger, file: ReceivedFile, kind: str = "dibao_person", period: str | None = "2026-10") -> Submission:
    [submission] = ledger.record_readings(file.file_id, [Reading(kind=kind, period=period, rows_read=10)], BY)
    return submission


def take(ledger: Ledger, name: str = "城区.xlsx", night: date = FIRST, content: str = "", **how: str) -> Submission:
    submission = read(ledger, arrive(ledger, name, night, content), **how)
    decision = ledger.arrange(submission, {rival.submission_id: 0 for rival in ledger.rivals(submission)})
    if decision.outcome == "repeated":
        return ledger.settle(submission.submission_id, "repeated", reason=decision.reason)
    return ledger.settle(submission.submission_id, "accepted", accepted=10)


def names_in_force(ledger: Ledger) -> list[tuple[str, date]]:
    return [(submission.file_name, submission.night) for submission in ledger.in_force()]


def test_a_file_waits_to_be_read_then_to_be_checked_then_is_in_force(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    file = arrive(ledger)
    assert ledger.files(state="received") == [file]
    submission = read(ledger, file)
    assert ledger.files(state="received") == []
    assert ledger.submissions(outcome="read") == [submission]
    assert ledger.in_force() == []
    settled = ledger.settle(
        submission.submission_id, "partly_accepted", accepted=7, set_aside=2, out_of_scope=1, reason="搁置2行"
    )
    assert ledger.submissions(outcome="read") == []
    assert ledger.in_force() == ledger.in_force(kind="dibao_person", unit_code="d01") == [settled]
    assert (settled.status, settled.reason, settled.received_at) == ("partly_accepted", "搁置2行", AT)
    assert ledger.in_force(kind="tekun_person") == ledger.in_force(unit_code="d02") == []


def test_recording_the_same_arrival_again_changes_nothing(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    first = arrive(ledger)
    assert arrive(ledger) == first
    read(ledger, first)
    assert arrive(ledger).state == "read"
    assert ledger.files(state="received") == []
    assert len(ledger.files()) == len(ledger.submissions()) == 1


def test_the_same_file_on_a_later_night_is_a_receipt_and_counts_no_rows(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    taken = take(ledger, content="x")
    for _ in range(2):
        arrive(ledger, night=SECOND, content="x")
    assert ledger.files(state="received") == []
    [receipt] = ledger.submissions(night=SECOND)
    assert (receipt.status, receipt.rows_read, receipt.kind) == ("repeated", 0, None)
    assert "2026-10-30" in receipt.reason
    assert ledger.in_force() == [taken]


def test_the_same_bytes_under_another_name_count_once(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    taken = take(ledger, content="x")
    twin = take(ledger, "另存.xlsx", content="x")
    assert (twin.status, twin.rows_read) == ("repeated", 0)
    assert ledger.in_force() == [taken]


def test_two_copies_that_wait_together_count_once(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    copies = [arrive(ledger, name, content="x") for name in ("城区.xlsx", "另存.xlsx")]
    first, twin = [read(ledger, file) for file in copies]
    assert ledger.arrange(first, {}).outcome == "part"
    assert ledger.arrange(twin, {}).ids == (first.submission_id,)
    # Had the first been refused, the twin would stand by itself.
    ledger.settle(first.submission_id, "refused", set_aside=10)
    assert ledger.arrange(twin, {}).outcome == "part"


def test_a_file_of_a_night_that_died_is_read_once_more(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    old = take(ledger)
    file = arrive(ledger, night=SECOND)
    read(ledger, file)
    ledger.read_again(file.file_id)
    assert ledger.files(state="received") == [file]
    assert ledger.submissions() == [old]
    read(ledger, file)
    assert len(ledger.submissions(outcome="read")) == 1


def test_a_file_that_waited_over_night_is_no_repeat(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    file = arrive(ledger, content="x")
    assert arrive(ledger, night=SECOND, content="x") == file
    assert ledger.submissions() == []


def test_a_refused_file_that_comes_again_is_read_anew(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    file = arrive(ledger, content="x")
    refused = Reading(kind=None, refusal=Refusal("unrecognised", "认不出是什么名单", "请用模板"))
    [submission] = ledger.record_readings(file.file_id, [refused], BY)
    assert (submission.status, submission.reason) == ("refused", "认不出是什么名单")
    arrive(ledger, content="x")
    assert ledger.files(state="received") == []
    again = arrive(ledger, night=SECOND, content="x")
    assert ledger.files(state="received") == [again]
    assert (again.file_id, again.night) == (file.file_id, SECOND)
    assert again.received_seq > file.received_seq
    read(ledger, again)
    assert len(ledger.submissions()) == 1


def test_a_refused_reading_sets_all_its_rows_aside(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    reading = Reading(kind="dibao_person", rows_read=5, refusal=Refusal("no_period", "没有月份", "补上"))
    [submission] = ledger.record_readings(arrive(ledger).file_id, [reading], BY)
    assert (submission.status, submission.rows_read, submission.rows_set_aside) == ("refused", 5, 5)


def test_two_kinds_in_a_file_are_two_submissions(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    file = arrive(ledger)
    readings = [Reading(kind="dibao_person", period="2026-10"), Reading(kind="survey_person")]
    both = ledger.record_readings(file.file_id, readings, BY)
    assert {submission.kind for submission in both} == {"dibao_person", "survey_person"}
    assert len({submission.submission_id for submission in both}) == 2
    assert ledger.record_readings(file.file_id, readings, BY) == both


@pytest.mark.parametrize(("kind", "period"), [("dibao_person", "2026-10"), ("survey_person", "")])
def test_a_correction_supersedes_and_a_further_part_stands_beside(ledger_url: str, kind: str, period: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    old = take(ledger, kind=kind, period=period)
    take(ledger, "乡镇.xlsx", kind=kind, period=period)
    new = take(ledger, night=SECOND, kind=kind, period=period)
    assert names_in_force(ledger) == [("乡镇.xlsx", FIRST), ("城区.xlsx", SECOND)]
    [gone] = [one for one in ledger.submissions() if one.status == "superseded"]
    assert (gone.submission_id, gone.superseded_by) == (old.submission_id, new.submission_id)


def test_partner_files_of_one_name_all_stay(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    for night in (FIRST, SECOND, THIRD):
        take(ledger, night=night, kind="medical_expense", period="")
    assert len(ledger.in_force()) == 3


def test_each_period_is_kept(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    take(ledger, night=FIRST, period="2026-11")
    take(ledger, night=SECOND, period="2026-10")
    assert [submission.period for submission in ledger.in_force()] == ["2026-11", "2026-10"]


def test_a_held_roster_replaces_the_last_good_one_only_when_confirmed(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    take(ledger)
    shrunken = read(ledger, arrive(ledger, night=SECOND))
    ledger.settle(shrunken.submission_id, "held", accepted=10, reason="人数骤减")
    assert names_in_force(ledger) == [("城区.xlsx", FIRST)]
    ledger.settle(shrunken.submission_id, "accepted", accepted=10)
    assert names_in_force(ledger) == [("城区.xlsx", SECOND)]


def test_when_a_correction_falls_the_part_before_holds_again(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    for night in (FIRST, SECOND, THIRD):
        take(ledger, night=night)
    last = ledger.in_force()[0]
    assert last.night == THIRD
    ledger.settle(last.submission_id, "refused", set_aside=10, reason="撤回")
    assert names_in_force(ledger) == [("城区.xlsx", SECOND)]
    # And when the file is found to be of another month on reading it again.
    second = ledger.in_force()[0]
    ledger.record_readings(second.file_id, [Reading(kind="dibao_person", period="2026-09", rows_read=10)], BY)
    assert names_in_force(ledger) == [("城区.xlsx", FIRST)]


def test_rows_must_balance(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    submission = read(ledger, arrive(ledger))
    for accepted in (9, 11):
        with pytest.raises(BalanceError, match="城区"):
            ledger.settle(submission.submission_id, "accepted", accepted=accepted)
    assert ledger.submissions(outcome="read") == [submission]


STEPS = [
    ("城区.xlsx", FIRST, "a"), ("乡镇.xlsx", FIRST, "b"), ("城区.xlsx", SECOND, "c"), ("另存.xlsx", SECOND, "b"),
    ("城区.xlsx", THIRD, "a"), ("乡镇.xlsx", THIRD, "d"),
]  # fmt: skip


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(STEPS), max_size=6))
def test_recording_a_sequence_twice_changes_nothing(
    new_ledger_url: Callable[[], str], steps: list[tuple[str, date, str]]
) -> None:
    ledger = Ledger(new_ledger_url(), SEAL)

    def a_night_run() -> None:
        for name, night, content in sorted(set(steps), key=lambda step: (step[1], step[0])):
            file = arrive(ledger, name, night, content)
            if file.state == "received":
                take(ledger, name, night, content)

    a_night_run()
    once = ledger.submissions()
    a_night_run()
    assert ledger.submissions() == once
    contents = [submission.sha256 for submission in ledger.in_force()]
    assert len(contents) == len(set(contents))


def test_the_order_in_which_units_and_files_settle_does_not_matter(new_ledger_url: Callable[[], str]) -> None:
    seen = set()
    for order in itertools.permutations(range(3)):
        ledger = Ledger(new_ledger_url(), SEAL)
        read_ones = [read(ledger, arrive(ledger, night=night)) for night in (FIRST, SECOND, THIRD)]
        for n in order:
            ledger.settle(read_ones[n].submission_id, "accepted", accepted=10)
        seen.add(tuple((one.night, one.status, one.superseded_by) for one in ledger.submissions()))
    [only] = seen
    assert [status for _, status, _ in only] == ["superseded", "superseded", "accepted"]


def test_order_of_receipt_is_by_night_then_within_the_unit(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    late = arrive(ledger, "三.xlsx", SECOND)
    files = [arrive(ledger, "一.xlsx"), arrive(ledger, "二.xlsx"), arrive(ledger, "一.xlsx", unit="d02")]
    assert [file.file_name for file in ledger.files(unit_code="d01")] == ["一.xlsx", "二.xlsx", "三.xlsx"]
    # Units are collected side by side, so no unit's order may depend on another's.
    assert files[0].received_seq == files[2].received_seq < files[1].received_seq < late.received_seq


# ---- two at once, and trouble


def _arrive_in_a_process(url: str, barrier: object, results: object) -> None:
    barrier.wait()  # type: ignore[attr-defined]
    ledger = Ledger(url, SEAL)
    files = [arrive(ledger, f"{n}.xlsx") for n in range(10)]
    submissions = [read(ledger, file) for file in files]
    for submission in submissions:
        ledger.settle(submission.submission_id, "accepted", accepted=10)
    results.put([(file.file_id, file.received_seq) for file in files])  # type: ignore[attr-defined]


def test_two_processes_recording_the_same_files_at_once(ledger_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    both = [context.Process(target=_arrive_in_a_process, args=(ledger_url, barrier, results)) for _ in range(2)]
    for process in both:
        process.start()
    found = [results.get(timeout=600) for _ in both]
    for process in both:
        process.join(60)
        assert process.exitcode == 0
    ledger = Ledger(ledger_url, SEAL)
    assert len(ledger.files()) == len(ledger.in_force()) == 10
    assert [file.received_seq - FIRST.toordinal() * 1_000_000 for file in ledger.files()] == [*range(1, 11)]
    assert found[0] == found[1]


def test_a_writer_that_waits_too_long_says_so(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_tables, "BUSY_SECONDS", 1)
    ledger, other = Ledger(ledger_url, SEAL), Ledger(ledger_url, SEAL)
    with ledger_tables.writing(other._engine):
        assert ledger.files() == []  # readers do not wait
        with pytest.raises(MonitorError, match="运行记录库现在用不了"):
            arrive(ledger)
    arrive(ledger)
    assert len(ledger.files()) == 1


def test_a_failure_in_the_middle_leaves_nothing_behind(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(ledger_url, SEAL)
    old = take(ledger)
    submission = read(ledger, arrive(ledger, night=SECOND))
    before = ledger.submissions()

    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(parts, "superseded_by", fail)
    with pytest.raises(RuntimeError):
        ledger.settle(submission.submission_id, "accepted", accepted=10)
    assert ledger.submissions() == before
    assert ledger.in_force() == [old]


def test_where_the_driver_of_postgresql_is_not_installed_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match="没有安装 PostgreSQL 的驱动"):
        Ledger("postgresql://x@127.0.0.1:1/x", SEAL)


def test_an_unreachable_database_is_said_in_chinese(tmp_path: Path) -> None:
    with pytest.raises(
        MonitorError, match=r"^运行记录库现在用不了；本次改动没有写入，稍后再运行。数据库的原话：.+\Z"
    ) as raised:
        Ledger(f"postgresql://someone:secret@/none?host={tmp_path}", SEAL)
    assert "\n" not in str(raised.value) and "secret" not in str(raised.value)
    with pytest.raises(ConfigError, match="建不了运行记录库"):
        Ledger(f"sqlite:///{tmp_path}/nowhere/ledger.db", SEAL)
    for url in ("nonsense", "mysql+pymysql://h/db", "sqlite://"):
        with pytest.raises(ConfigError, match="ledger"):
            Ledger(url, SEAL)


def test_a_ledger_of_a_newer_version_is_left_alone(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    with ledger_tables.writing(ledger._engine) as connection:
        connection.execute(sa.update(ledger_tables.version_table).values(version=ledger_tables.SCHEMA_VERSION + 1))
    with pytest.raises(ConfigError, match="版本"):
        Ledger(ledger_url, SEAL)


OPEN = {
    "file_id", "submission_id", "decision_id", "issue_id", "superseded_by", "sha256", "hash", "contract_digest",
    "scope_digest", "archived", "unit_code", "kind", "period", "state", "outcome", "replace", "about", "result", "source",
    "owner", "counts", "left_id", "sort",
}  # fmt: skip
"""Columns of text that lie open: ids and digests, codes of ours and of monitor.yml, months, hosts, counts."""
WRITTEN = "某丙的名单"


def test_every_column_of_text_is_sealed_or_named_here() -> None:
    texts = {
        column.name
        for table in ledger_tables.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, sa.String | sa.JSON | ledger_tables._Counts)
    }
    assert texts == OPEN


def write_everything(ledger: Ledger) -> None:
    file = arrive(ledger, f"{WRITTEN}.xlsx")
    sheet = SheetReading(WRITTEN, (1, 1), [], why=WRITTEN, unused=[WRITTEN])
    reading = Reading(kind="dibao_person", sheets=[sheet], period="2026-10", rows_read=10, notices=[WRITTEN])
    [held] = ledger.record_readings(file.file_id, [reading], BY)
    ledger.settle(held.submission_id, "held", set_aside=10, reason=WRITTEN)
    ledger.confirm(held.submission_id, by_whom=WRITTEN, reason=WRITTEN, decided_on=FIRST)
    ledger.confirm_gap(held.submission_id, by_whom=WRITTEN, reason=WRITTEN, decided_on=FIRST)
    ledger.add_waiver(
        "i1", unit_code="d01", kind="dibao_person", by_whom=WRITTEN, reason=WRITTEN, decided_on=FIRST, expires_on=THIRD,
        source=file.file_id,
    )  # fmt: skip
    ledger.record_source(FIRST, "人社", "not_delivered", reason=WRITTEN, at=AT)
    ledger.record_left(FIRST, [("d01", f"{WRITTEN}.xlsx.part", "unfinished")])
    came = {"received_at": AT, "night": FIRST, "archived": "archive/aa/aa"}
    for unit, refusal in (("d01", None), ("d02", Refusal("no_form", WRITTEN, WRITTEN))):
        filled = ledger.decisions.record_file(unit, f"{WRITTEN}.xlsx", sha256="a" * 64, **came)
        words = {"measure": WRITTEN, "decided_by": WRITTEN, "note": None}
        line = DecisionLine("warning", WRITTEN, "enrolled", FIRST, words, WRITTEN, 2, 1, WRITTEN)
        ledger.decisions.record_lines(filled.file_id, [line], [{"sheet": WRITTEN}], refusal)


def told_by(ledger: Ledger) -> str:
    told = [
        ledger.files(), ledger.submissions(), ledger.confirmed(FIRST), ledger.confirmed_gaps(FIRST), ledger.waivers(FIRST), ledger.sources(FIRST),
        ledger.left(FIRST),
        ledger.decisions.files(), ledger.decisions.lines(FIRST),
    ]  # fmt: skip
    return repr(told)


def test_what_people_wrote_lies_sealed_and_a_new_key_seals_it_anew(ledger_url: str) -> None:
    write_everything(ledger := Ledger(ledger_url, SEAL))
    told = told_by(ledger)
    assert told.count(WRITTEN) > 15

    def as_it_lies() -> str:
        with ledger_tables.looking(ledger._engine) as connection:
            rows = [
                list(connection.exec_driver_sql(f'select * from "{name}"'))
                for name in ledger_tables.metadata.tables
                if name not in ("schema_version", "night", "journal_head")
            ]
        assert all(rows), "every table holds something"
        return repr(rows)

    before = as_it_lies()
    assert WRITTEN not in before and WRITTEN.encode("unicode_escape").decode() not in before
    fresh = base64.urlsafe_b64encode(bytes([7] * 32)).decode()
    Ledger(ledger_url, Seal([fresh, base64.urlsafe_b64encode(bytes(32)).decode()])).seal_anew()
    assert told_by(Ledger(ledger_url, Seal([fresh]))) == told
    with pytest.raises(MonitorError, match="打不开"):
        Ledger(ledger_url, SEAL).files()


def test_the_ledger_file_is_for_the_owner_alone(tmp_path: Path) -> None:
    arrive(Ledger(f"sqlite:///{tmp_path}/ledger.db", SEAL))
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_moment_without_zone_is_refused_and_any_zone_is_kept_in_utc(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    beijing = datetime(2026, 10, 31, 2, 0, tzinfo=timezone(timedelta(hours=8)))
    ledger.begin_night(FIRST, owner="host:1", at=beijing)
    assert ledger.nights()[0].started_at == AT
    with pytest.raises(sa.exc.StatementError, match="time zone"):
        ledger.begin_night(FIRST, owner="host:1", at=AT.replace(tzinfo=None))


def test_nights(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    for night in (SECOND, FIRST):
        ledger.begin_night(night, owner="host:1", at=AT)
    ledger.finish_night(FIRST, "done", at=AT + timedelta(minutes=5), counts={"files": 3})
    first, second = ledger.nights()
    assert (first.run_date, first.state, first.counts) == (FIRST, "done", {"files": 3})
    assert (second.state, second.finished_at) == ("running", None)
    ledger.begin_night(FIRST, owner="host:2", at=AT)
    assert (ledger.nights()[0].state, ledger.nights()[0].owner) == ("running", "host:2")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("低保 名册(1).xlsx", "低保 名册(1).xlsx"),
        ("a\nb\x1b[0m.xlsx", "a\\nb\\x1b[0m.xlsx"),
        ("bad\udcff.csv", "bad\\udcff.csv"),
        ("\u202exslx.名册", "\\u202exslx.名册"),
        ("😀.xlsx", "😀.xlsx"),
        ("全 角　空.xlsx", "全 角　空.xlsx"),
    ],
)
def test_odd_file_names_are_written_out(ledger_url: str, name: str, shown: str) -> None:
    assert shown_name(name) == shown
    file = arrive(Ledger(ledger_url, SEAL), name, content="x")
    assert file.file_name == shown
    assert file.file_id == file_id("d01", file.sha256, name)


# what was not taken from the inbox --------------------------------------------------------------------------------------


def test_what_lies_on_every_night_is_one_and_what_came_back_is_another(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    half, spare = ("d01", "名单.csv.part", "unfinished"), ("d01", "名单.csv.bak", "backup")
    for night, there in ((FIRST, [half, spare]), (SECOND, [half]), (SECOND, [half]), (THIRD, [half, spare])):
        ledger.begin_night(night, owner="host:1", at=AT)
        ledger.record_left(night, there)
    told = [(each.sort, each.first_on, each.last_on) for each in ledger.left(THIRD)]
    assert sorted(told) == [("backup", FIRST, FIRST), ("backup", THIRD, THIRD), ("unfinished", FIRST, THIRD)]
    assert {each.sort for each in ledger.left(FIRST)} == {"backup", "unfinished"} and len(ledger.left(SECOND)) == 2


def _pages(url: str) -> bytes:
    """Every byte of the files in which a database keeps its tables and their indexes."""
    place = sa.make_url(url)
    if place.database and place.drivername.startswith("sqlite"):
        path = Path(place.database)
        return b"".join(each.read_bytes() for each in sorted(path.parent.glob(f"{path.name}*")))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("checkpoint")
        found = connection.execute(
            "select pg_read_binary_file(pg_relation_filepath(oid)) from pg_class"
            " where relnamespace = current_schema()::regnamespace and relkind in ('r', 'i', 't')"
        )
        return b"".join(bytes(each) for (each,) in found.fetchall())


def test_what_is_removed_stands_in_no_page_once_the_tables_are_written_anew(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, SEAL)
    gone, kept = (take(ledger, name).file_id for name in ("城区.xlsx", "南营.xlsx"))
    ledger.forget([gone])
    ledger.write_anew()
    assert gone.encode() not in _pages(ledger_url) and kept.encode() in _pages(ledger_url)
    assert [each.file_id for each in ledger.submissions()] == [kept]


def test_a_ledger_that_somebody_reads_all_the_time_is_not_said_to_be_clean(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_tables, "BUSY_SECONDS", 1)
    ledger, other = Ledger(ledger_url, SEAL), Ledger(ledger_url, SEAL)
    gone = take(ledger).file_id
    with ledger_tables.looking(other._engine) as reader:
        reader.execute(sa.select(ledger_tables.received_file)).all()
        ledger.forget([gone])
        with pytest.raises(MonitorError, match="运行记录库"):
            ledger.write_anew()
    ledger.write_anew()
    assert gone.encode() not in _pages(ledger_url)
