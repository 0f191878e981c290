"""Policy: dated values with unit and source; whoever asks says the day."""

from __future__ import annotations

import csv
import re
import shutil
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from low_income.model import PolicyError
from low_income.settings import policy

OF_OURS = {
    "benefit_tolerance",
    "exception_validity",
    "report_window",
    "sample_per_week",
    "sample_valid",
    "smallest_cell",
}
"""Numbers that the rules need and the samples do not list, and those of our own."""
REGIONS = {"北片", "中片", "南片"}
LOADED = policy.load(regions=REGIONS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(policy.POLICY, tmp_path / "policy"))


def edit(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")


def refusal(folder: Path) -> str:
    with pytest.raises(PolicyError) as refused:
        policy.load(folder, REGIONS)
    return str(refused.value)


def test_a_value_holds_from_its_first_day_and_not_the_day_before() -> None:
    assert LOADED.value("dibao_standard", date(2025, 12, 31), "北片", "城市").value_fen == 70_000
    assert LOADED.value("dibao_standard", date(2026, 1, 1), "北片", "城市").value_fen == 74_000


def test_what_is_changed_is_tried_from_the_first_day_and_all_else_stands(folder: Path) -> None:
    """A value dated later takes the place of all that would hold from then on; values in force by themselves are left alone."""
    line = "    - {valid_from: 2026-01-01, region: 北片, area: 城市, value: 740"
    edit(folder, "dibao.yml", line, f"{line.replace('2026', '2027').replace('740', '800')}, source: 试}}\n{line}")
    changed = policy.load(folder, REGIONS)
    for first, before in ((date(2025, 12, 1), 70_000), (date(2026, 1, 1), 74_000), (date(2026, 10, 1), 74_000)):
        tried, early = changed.brought_forward(LOADED, first)
        assert [(value.valid_from, value.value_fen) for value in early] == [(date(2027, 1, 1), 80_000)]
        for day in (first, date(2026, 5, 1), date(2026, 12, 31), date(2027, 1, 1)):
            if day >= first:
                assert tried.value("dibao_standard", day, "北片", "城市").value_fen == 80_000
        assert tried.value("dibao_standard", first - timedelta(days=1), "北片", "城市").value_fen in (70_000, before)
        assert tried.value("dibao_standard", first, "北片", "农村") == LOADED.value(
            "dibao_standard", first, "北片", "农村"
        )
    assert changed.brought_forward(LOADED, date(2027, 1, 1)) == (changed, [])
    assert LOADED.brought_forward(LOADED, date(2020, 1, 1)) == (LOADED, [])


def test_asking_before_the_first_value_stops_by_name() -> None:
    LOADED.value("edge_multiple", date(2020, 1, 1))
    with pytest.raises(PolicyError, match=r"dibao\.yml：edge_multiple"):
        LOADED.value("edge_multiple", date(2019, 12, 31))


def test_a_value_by_region_needs_the_region() -> None:
    with pytest.raises(PolicyError, match="disposable_income_per_head"):
        LOADED.value("disposable_income_per_head", date(2026, 5, 1))
    assert LOADED.value("disposable_income_per_head", date(2026, 5, 1), "南片").value == 29_400


def test_a_value_for_all_answers_for_each_region() -> None:
    answer = LOADED.value("edge_multiple", date(2026, 5, 1), "南片", "农村")
    assert (answer.value, answer.value_x10000, answer.value_fen) == (Decimal("1.5"), 15_000, None)


def test_an_unknown_key_stops() -> None:
    with pytest.raises(PolicyError, match="no_such_key"):
        LOADED.value("no_such_key", date(2026, 5, 1))


def test_only_yuan_has_fen() -> None:
    for value in LOADED.values:
        assert (value.value_fen is not None) == value.unit.startswith("元")
        assert value.value_x10000 == value.value * 10_000


@given(st.dates(date(2019, 1, 1), date(2030, 1, 1)))
def test_exactly_one_value_on_any_day_since_the_first(day: date) -> None:
    on = LOADED.on(day)
    assert on == sorted(on)
    counts = Counter((value.key, value.policy_region, value.area_type) for value in on)
    begun = {(value.key, value.policy_region, value.area_type) for value in LOADED.values if value.valid_from <= day}
    assert counts == Counter(begun)
    for value in on:
        assert LOADED.value(value.key, day, value.policy_region, value.area_type) == value


def test_holidays_rest_and_make_up_days_work() -> None:
    calendar = dict(LOADED.calendar(date(2026, 9, 19), date(2026, 10, 12)))
    assert len(calendar) == 24
    assert not calendar[date(2026, 9, 19)]  # an ordinary Saturday
    assert calendar[date(2026, 9, 20)]  # a Sunday made up
    assert calendar[date(2026, 9, 30)]
    assert not calendar[date(2026, 10, 1)]  # a Thursday off
    assert not calendar[date(2026, 10, 11)]
    assert calendar[date(2026, 10, 12)]


def test_years_that_the_home_does_not_name_follow_what_was_announced() -> None:
    calendar = dict(LOADED.calendar(date(2019, 1, 1), date(2025, 12, 31)))
    assert not calendar[date(2025, 1, 28)]  # New Year's Eve of the lunar year, a Tuesday
    assert calendar[date(2025, 1, 26)]  # a Sunday made up for it
    assert calendar[date(2025, 1, 24)]
    assert not calendar[date(2025, 10, 8)]  # a Wednesday off
    assert calendar[date(2025, 10, 11)]  # a Saturday made up for it
    assert not calendar[date(2025, 10, 12)]
    assert not calendar[date(2020, 1, 31)]  # the Friday by which the festival was prolonged


def test_a_year_not_announced_yet_has_its_statutory_holidays() -> None:
    calendar = dict(LOADED.calendar(date(2030, 1, 1), date(2030, 12, 31)))
    assert not calendar[date(2030, 1, 1)]
    assert not calendar[date(2030, 10, 2)]
    assert calendar[date(2030, 10, 9)]
    assert not any(calendar[day] for day in calendar if day.weekday() > 4)


def test_a_year_that_the_home_names_is_the_homes_alone(folder: Path) -> None:
    """The sample says nothing of the spring festival of 2026, so there it is none; 2027 begins with the announced."""
    calendar = dict(LOADED.calendar(date(2026, 1, 1), date(2027, 1, 4)))
    assert calendar[date(2026, 2, 17)]
    assert not calendar[date(2026, 2, 14)]
    assert not calendar[date(2027, 1, 1)]
    with (folder / policy.HOLIDAYS).open("a", encoding="utf-8") as file:
        file.write("2025-03-03,休,本地节日\n")
    own = dict(policy.load(folder).calendar(date(2025, 1, 1), date(2025, 12, 31)))
    assert not own[date(2025, 3, 3)]
    assert own[date(2025, 10, 1)]
    assert not own[date(2025, 10, 11)]


def test_a_day_made_up_in_december_for_the_next_january_is_worked(folder: Path) -> None:
    calendar = dict(LOADED.calendar(date(2011, 12, 1), date(2011, 12, 31)))
    assert calendar[date(2011, 12, 31)]


def test_samples_are_all_there() -> None:
    assert {value.key for value in LOADED.values} == set(LOADED.titles)
    assert set(LOADED.titles) >= OF_OURS
    with (policy.POLICY / policy.HOLIDAYS).open(encoding="utf-8") as file:
        assert len(LOADED.holidays) == len(list(csv.DictReader(file))) == 19


EXPLAINED = {
    "due_red", "due_orange", "due_yellow", "due_blue",  # `due_` and the level, put together in sql/
    "retention_out_of_scope",  # bound to 0: the door writes nothing of those rows anywhere
    "retention_facts", "retention_archive",  # what the purge goes by
}  # fmt: skip


def test_every_value_is_asked_for_somewhere() -> None:
    """A number that nobody reads would promise something; those that no text names in full are explained above."""
    places = [
        path
        for folder, ends in (("sql", ("sql", "yml")), ("expectations", ("yml",)), ("pipeline", ("py",)))
        for end in ends
        for path in (policy.ROOT / folder).rglob(f"*.{end}")
    ]
    words = {word for path in places for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))}
    unread = {key for key in LOADED.titles if not {key, f"{key}_fen"} & words}
    assert unread <= EXPLAINED
    assert set(LOADED.titles) >= EXPLAINED


def test_digest_follows_meaning_not_layout(folder: Path) -> None:
    assert policy.load(folder).digest() == LOADED.digest()
    edit(folder, "dibao.yml", "valid_from: 2020-01-01, value: 1.5,", "value: 1.5,   valid_from: 2020-01-01,")
    assert policy.load(folder).digest() == LOADED.digest()
    edit(folder, "dibao.yml", "value: 1.5,", "value: 1.6,")
    assert policy.load(folder).digest() != LOADED.digest()


def test_a_new_value_and_a_new_key_touch_one_file(folder: Path) -> None:
    edit(
        folder, "events.yml", "death_tolerance:",
        "flood_window:\n  {title: 汛期, unit: 天, minimum: 1, maximum: 90, checked_on: 2026-06-01,"
        ' values: [{valid_from: 2026-06-01, value: 30, source: "样例"}]}\n\ndeath_tolerance:',
    )  # fmt: skip
    assert policy.load(folder, REGIONS).value("flood_window", date(2026, 6, 1)).value == 30


VALUE = '{valid_from: 2020-01-01, value: 1.5, source: "样例值，非官方标准"}'


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ("{value: 1.5, source: 样例}", "valid_from"),
        ("{valid_from: 2020-01-01, value: 1.5}", "source"),
        ("{valid_from: 2020-01-01, value: 1.5, source: ' '}", "source"),
        ("{valid_from: 2020-13-01, value: 1.5, source: 样例}", "应是日期"),
        ("{valid_from: 20200101, value: 1.5, source: 样例}", "应是日期"),
        ("{valid_from: 2020-01-01, value: 3.01, source: 样例}", "1 到 3"),
        ("{valid_from: 2020-01-01, value: 0.9, source: 样例}", "1 到 3"),
        ("{valid_from: 2020-01-01, value: true, source: 样例}", "应是数字"),
        ("{valid_from: 2020-01-01, value: .inf, source: 样例}", "应是数字"),
        ("{valid_from: 2020-01-01, value: 1.23456, source: 样例}", "value"),
        ("{valid_from: 2020-01-01, value: 1.5, source: 样例, regoin: 北片}", "regoin"),
        ("{valid_from: 2020-01-01, value: 1.5, source: 样例, area: 镇区}", "area"),
        ("{valid_from: 2020-01-01, value: 1.5, source: 样例, region: 东片}", "东片"),
        ("{valid_from: 2020-01-01, value: 1.5, source: 样例, region: 北片}", "缺 中片"),
        (f"{VALUE}\n    - {VALUE}", "写了两次"),
        (f"{VALUE}\n    - {{valid_from: 2020-01-01, region: 北片, value: 1.5, source: 样例}}", "应当一致"),
    ],
)  # fmt: skip
def test_a_value_that_could_mislead_stops_naming_file_and_key(folder: Path, new: str, says: str) -> None:
    edit(folder, "dibao.yml", VALUE, new)
    message = refusal(folder)
    assert "policy/dibao.yml:edge_multiple" in message
    assert says in message


@pytest.mark.parametrize("number", ["1", "3"])
def test_bounds_themselves_are_allowed(folder: Path, number: str) -> None:
    edit(folder, "dibao.yml", "value: 1.5", f"value: {number}")
    assert policy.load(folder).value("edge_multiple", date(2026, 1, 1)).value == int(number)


def test_money_finer_than_a_fen_stops(folder: Path) -> None:
    edit(folder, "dibao.yml", "value: 700,", "value: 700.05,")
    assert policy.load(folder).value("dibao_standard", date(2025, 6, 1), "北片", "城市").value_fen == 70_005
    edit(folder, "dibao.yml", "value: 700.05,", "value: 700.055,")
    assert "精确到分" in refusal(folder)


def test_a_unit_nobody_computes_with_stops(folder: Path) -> None:
    edit(folder, "dibao.yml", "unit: 元/人/月", "unit: 圆/人/月")
    assert "dibao_standard:unit" in refusal(folder)


def test_a_key_in_two_files_stops(folder: Path) -> None:
    shutil.copyfile(folder / "grants.yml", folder / "more.yml")
    assert "grants.yml" in refusal(folder) and "more.yml" in refusal(folder)


def test_a_key_written_twice_stops(folder: Path) -> None:
    text = (folder / "grants.yml").read_text(encoding="utf-8")
    (folder / "grants.yml").write_text(text + text, encoding="utf-8")
    assert "重复的键" in refusal(folder)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("dibao_standard:", "12:", "policy/dibao.yml：“12”：键应由小写字母、数字和下划线组成（第 3 行）"),
        ("dibao_standard:", "~:", "“None”：键应由小写字母、数字和下划线组成"),
        ("dibao_standard:", "标准:", "policy/dibao.yml：“标准”：键应由小写字母、数字和下划线组成（第 3 行）"),
        ("value: 700,", "value: 7000,", "北片城市2025-01-01 起的值 7000 应在 100 到 5000 元/人/月 之间（第 10 行，写的是“7000”）"),
        ("2026-01-01, region: 北片", "2025-01-01, region: 北片", "values 第 2 项：北片城市2025-01-01 起的值写了两次（第 11 行）"),
        ("region: 北片", "region: 东片", "monitor.yml 里没有片区 东片，应是 中片、北片、南片 之一（第 3 行）"),
        ("valid_from: 2025-01-01", "valid_from: 2025/1/1", "valid_from：应是日期，写作 2026-01-01（第 10 行，写的是“2025/1/1”）"),
    ],
)  # fmt: skip
def test_a_wrong_edit_is_told_with_its_place(folder: Path, old: str, new: str, said: str) -> None:
    edit(folder, "dibao.yml", old, new)
    assert refusal(folder).endswith(said)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("2026-10-01,休,又一次", "写了两次"),
        ("2026-02-30,休,没有这天", "应是日期"),
        ("2026-02-20,半,半天", "kind"),
        ("2026-02-20,休,春节,多一格", "三格"),
        ("2026-02-20,休", "三格"),
    ],
)
def test_a_holiday_line_that_could_mislead_stops(folder: Path, line: str, says: str) -> None:
    with (folder / policy.HOLIDAYS).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    message = refusal(folder)
    assert "holidays.csv：第21行" in message and says in message


def test_no_holidays_file_stops(folder: Path) -> None:
    (folder / policy.HOLIDAYS).unlink()
    assert "holidays.csv" in refusal(folder)


def test_a_long_calendar_has_every_day_once() -> None:
    first = date(2024, 8, 1)
    days = [day for day, _ in LOADED.calendar(first, first + timedelta(days=1180))]
    assert days == sorted(set(days)) and len(days) == 1181
