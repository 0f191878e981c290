"""The weekly random sample of those whom a rule did not list: who may be drawn, what becomes of it, what it says of the rule. Never a warning.

The sheet that goes out and comes back: test_lists, test_decisions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from low_income.warehouse import INPUT, MACROS

from tests.life_kit import said
from tests.sql_kit import UNITS, models_of
from tests.warehouse_kit import NIGHT, ROSTERS, Nights, given, models_with, survey

pytestmark = pytest.mark.slow

MONDAY = date(2026, 11, 2)  # after NIGHT, a Friday


def after(days: int) -> date:
    return NIGHT + timedelta(days=days)


# the drawing alone ---------------------------------------------------------------------------------------------------

MADE = (
    "life.unlisted_candidates",
    "life.said",
    "life.heard",
    "main.decision",
    "life.finding",
    "main.sample_check",
    "main.rule_missed",
)
GIVEN = """
create schema input; create schema life; create schema registry; create schema warnings;
create table input.night as select date '{day}' as run_date;
create table input.rule (rule_code varchar, title varchar, purpose varchar, subject varchar, condition varchar, not_in_of varchar);
insert into input.rule values ('A', '甲类', 'assistance', 'person', '收入低', 'person'), ('H', '户类', 'assistance', 'head', '受灾', 'household'),
    ('S', '更急', 'assistance', 'person', '收入很低', 'person'), ('B', '复核', 'entitlement_review', 'person', '有车', 'person');
create table input.rule_not_in as select * from (values ('A', 'dibao'), ('H', 'dibao')) as t(rule_code, registry);
create table input.rule_yields as select * from (values ('A', 'S'), ('H', 'S')) as t(rule_code, stronger_code);
create table registry.night_policy as select {per_week} as sample_per_week, 60 as sample_valid_days, 180 as snooze_days;
create table registry.horizon as select cast(date '{day}' - interval 12 month as date) as year_start,
    cast(date '{day}' - interval 36 month as date) as retention_start;
create table registry.registry_check (person_id varchar, registry varchar, answer varchar);
create table registry.household_check (household_id varchar, registry varchar, answer varchar);
create table registry.household_fact (household_id varchar, township varchar);
create table warnings.every (rule_code varchar, subject_id varchar, person_id varchar);
create table warnings.unreadable (rule_code varchar, subject_id varchar, unreadable varchar);
create table warning (
    warning_id varchar, run_date date default date '{day}', rule_code varchar, subject_id varchar, person_id varchar, status varchar,
    silent_until date, purpose varchar, outcome varchar, division_code varchar
);
create table life.subject (
    subject_kind varchar, subject_id varchar, person_id varchar, household_id varchar, division_code varchar, death_date date,
    is_provisional boolean default false
);
create table life.asleep (decision_id varchar);
"""


class Desk:
    """One night after the other with only what the sample is made from, given by hand: a person 甲 heads the household 户甲."""

    def __init__(self) -> None:
        self.con = duckdb.connect()
        self.carried: dict[str, Any] = {}

    def night(
        self, day: date, people: Sequence[str], *decisions: dict[str, Any], per_week: int = 2, answers: dict[str, str] | None = None,
        **tables: list[dict[str, Any]],
    ) -> None:  # fmt: skip
        """`answers`: person → answer of dibao, not_enrolled unless said; `tables`: rows beside those, `room__name`."""
        self.con.close()
        con = self.con = duckdb.connect(config={"threads": 1})
        con.execute(GIVEN.format(day=day, per_week=per_week))
        for macro in MACROS:
            con.execute(macro)
        for name in (
            "decision",
            "previous_sample",
            "previous_decision",
            "previous_warning",
            "previous_withdrawn",
            "previous_question",
            "previous_answer",
            "unit",
            "draw",
        ):
            con.execute(
                f"create table input.{name} ({', '.join(f'{column} {kind}' for column, kind in INPUT[name].items())})"
            )
        for name in ("outcome", "verdict", "answer"):
            con.register("rows", models_of().lists[name])
            con.execute(f"create table input.{name} as select * from rows")
        for table, held in self.carried.items():
            con.register("rows", held)
            con.execute(f"insert into input.{table} by name select {', '.join(INPUT[table])} from rows")
        week = day - timedelta(days=day.weekday())
        self.insert("input.draw", [{"salt": f"{week}"}])
        self.insert("input.unit", UNITS)
        self.insert("input.decision", list(decisions))
        who = [
            {"subject_id": one, "person_id": one, "household_id": f"户{one}", "division_code": "d01"} for one in people
        ]
        self.insert("life.subject", [{"subject_kind": "person"} | one for one in who])
        self.insert(
            "life.subject", [{"subject_kind": "head"} | one | {"subject_id": one["household_id"]} for one in who]
        )
        for one in people:
            answer = {"registry": "dibao", "answer": (answers or {}).get(one, "not_enrolled")}
            self.insert("registry.registry_check", [{"person_id": one} | answer])
            self.insert("registry.household_check", [{"household_id": f"户{one}"} | answer])
        for name, rows in tables.items():
            self.insert(name.replace("__", "."), rows)
        con.execute(
            "create table person as select person_id, person_id || division_code as name, person_id as id_number, division_code"
            " from life.subject where subject_kind = 'person'"
        )
        for name in MADE:
            model = models_of().models[name]
            con.execute(f"create table {name} as {model.sql}")
            key = ", ".join(model.about.key)
            assert con.execute(f"select {key} from {name} group by all having count(*) > 1").fetchall() == []
            for rule, query in model.about.must_hold.items():
                assert con.execute(query).fetchall() == [], rule
        self.carried = {
            "previous_sample": con.sql("from sample_check").to_arrow_table(),
            "previous_decision": con.sql("from decision").to_arrow_table(),
        }

    def insert(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        for row in rows:
            columns = ", ".join(f'? as "{name}"' for name in row)
            self.con.execute(f"insert into {table} by name select {columns}", list(row.values()))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.con.execute(query).fetchall()

    def drawn(self, rule: str = "A", what: str = "subject_id") -> list[Any]:
        return [row[0] for row in self.rows(f"select {what} from sample_check where rule_code = '{rule}' order by all")]


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.con.close()


def below(desk: Desk, rule: str) -> list[str]:
    return [
        row[0]
        for row in desk.rows(f"select subject_id from life.unlisted_candidates where rule_code = '{rule}' order by all")
    ]


def listed(subject: str, rule: str = "A", **more: Any) -> dict[str, Any]:
    return {
        "warning_id": f"{rule}{subject}",
        "rule_code": rule,
        "subject_id": subject,
        "person_id": subject,
        "status": "open",
    } | more


CROWD = [f"人{n:02d}" for n in range(14)]


def test_only_who_was_asked_and_not_found_alive_with_a_number_and_not_enrolled(desk: Desk) -> None:
    others = [
        {
            "subject_kind": "person",
            "subject_id": "亡",
            "person_id": "亡",
            "household_id": "户亡",
            "division_code": "d01",
            "death_date": NIGHT,
        },
        {
            "subject_kind": "person",
            "subject_id": "无号",
            "person_id": "无号",
            "household_id": "户甲",
            "division_code": "d01",
            "is_provisional": True,
        },
    ]
    answers = {"在册": "enrolled", "说不准": "cannot_tell", "过期": "not_current"}
    desk.night(NIGHT, ["甲", *answers], answers=answers, life__subject=others)
    assert below(desk, "A") == ["甲"] and below(desk, "H") == ["户甲"]
    assert below(desk, "S") == sorted(["甲", *answers]), "a rule that asks about no roster takes all"
    assert below(desk, "B") == [] and desk.drawn("B") == [], "no review"
    assert desk.rows("select distinct rule_code from rule_missed order by all") == [("A",), ("H",), ("S",)]


@pytest.mark.parametrize(
    ("tables", "left"),
    [
        ({"warnings__every": [{"rule_code": "A", "subject_id": "甲", "person_id": "甲"}]}, {"H", "S"}),
        ({"warnings__every": [{"rule_code": "S", "subject_id": "甲", "person_id": "甲"}]}, set()),  # stronger than both
        ({"warning": [listed("甲", status="verifying")]}, {"H", "S"}),
        ({"warning": [listed("甲", status="closed", silent_until=after(1))]}, {"H", "S"}),
        ({"warning": [listed("甲", status="closed", silent_until=NIGHT)]}, {"A", "H", "S"}),
        ({"warning": [listed("户甲", "H", person_id="甲")]}, {"A", "S"}),
    ],
)
def test_who_is_listed_or_silent_was_not_missed(desk: Desk, tables: dict[str, Any], left: set[str]) -> None:
    desk.night(NIGHT, ["甲"], **tables)
    assert {rule for (rule,) in desk.rows("select rule_code from life.unlisted_candidates")} == left
    assert {rule for (rule,) in desk.rows("select rule_code from sample_check")} == left


def test_the_same_all_week_whoever_came_first_and_others_the_next(desk: Desk) -> None:
    desk.night(NIGHT, CROWD)
    first, table = desk.drawn(), "select * from sample_check order by all"
    assert len(first) == 2 and len(desk.drawn("H")) == 2
    turned = Desk()
    turned.night(NIGHT, CROWD[::-1])
    assert turned.rows(table) == desk.rows(table)
    # More came, some of whom would have been drawn had they been there: what was drawn stays.
    more = [*CROWD, *(f"新{n}" for n in range(40))]
    turned.con.close()
    fresh = Desk()
    fresh.night(after(1), more)
    assert fresh.drawn() != first
    fresh.con.close()
    for day in (after(1), MONDAY - timedelta(days=1)):
        desk.night(day, more)
        assert desk.drawn() == first, day
    desk.night(MONDAY, CROWD)
    assert len(desk.drawn()) == 4 and set(first) < set(desk.drawn())
    weeks = (
        "select week_start, count(*), min(sampled_on), min(valid_until), max(population) from sample_check"
        " where rule_code = 'A' group by 1 order by 1"
    )
    assert desk.rows(weeks) == [
        (date(2026, 10, 26), 2, NIGHT, after(60), 14), (MONDAY, 2, MONDAY, MONDAY + timedelta(days=60), 14),
    ]  # fmt: skip
    desk.night(MONDAY, CROWD)
    assert desk.rows(weeks)[1][1] == 2, "run again on the release that has them"


def test_another_word_of_the_week_draws_others(desk: Desk) -> None:
    """What the key and the week make of it: nobody without the key knows beforehand."""
    desk.night(NIGHT, CROWD)
    other = Desk()
    other.night(MONDAY, CROWD)
    assert other.drawn() != desk.drawn()
    other.con.close()


def test_free_places_are_filled_in_the_week_and_none_is_drawn_when_none_is_wanted(desk: Desk) -> None:
    desk.night(NIGHT, ["甲"], per_week=0)
    assert desk.drawn() == []
    desk.night(after(1), ["甲"], per_week=4)
    assert desk.drawn() == ["甲"]
    desk.night(after(2), [*CROWD, "甲"], per_week=4)
    assert len(desk.drawn()) == 4 and "甲" in desk.drawn()


def test_who_was_drawn_is_left_alone_for_half_a_year(desk: Desk) -> None:
    desk.night(NIGHT, ["甲"])
    for days, times in ((179, 1), (180, 2)):
        desk.night(after(days), ["甲"])
        assert desk.drawn().count("甲") == times, days
    desk.night(date(2029, 10, 30), [], per_week=0)
    assert desk.drawn() == ["甲"], "after 36 months what is older is gone"


STATE = "select state, because, lapsed_on from sample_check where subject_id = '甲' and rule_code = 'A'"
DEAD = {
    "subject_kind": "person",
    "subject_id": "甲",
    "person_id": "甲",
    "household_id": "户甲",
    "division_code": "d01",
    "death_date": NIGHT,
}


@pytest.mark.parametrize(
    ("days", "people", "changed", "state", "because"),
    [
        (1, ["甲"], {}, "open", None),
        (1, [], {"life__subject": [DEAD]}, "lapsed", "对象已登记死亡"),
        (1, ["甲"], {"warning": [listed("甲")]}, "lapsed", "这条规则后来列出了预警，按预警核查"),
        (1, ["甲"], {"warning": [listed("甲", status="closed", silent_until=NIGHT)]}, "open", None),
        (1, ["乙"], {}, "lapsed", "数据里已经没有这个对象"),
        (60, ["甲"], {}, "open", None),
        (61, ["甲"], {}, "lapsed", "到期没有核查结果"),
    ],
)
def test_it_lapses_with_the_reason(
    desk: Desk, days: int, people: list[str], changed: dict[str, Any], state: str, because: str | None
) -> None:
    desk.night(NIGHT, ["甲"])
    day = after(days)
    desk.night(day, people, **changed)
    assert desk.rows(STATE) == [(state, because, day if because else None)]
    if because:
        desk.night(day + timedelta(days=1), ["甲"])
        assert desk.rows(STATE) == [(state, because, day)], "and stays so"


def test_it_moves_with_the_person_until_it_is_checked(desk: Desk) -> None:
    desk.night(NIGHT, ["甲"])
    moved = [
        {
            "subject_kind": "person",
            "subject_id": "甲",
            "person_id": "甲",
            "household_id": "户甲",
            "division_code": "d02",
        }
    ]
    desk.night(after(1), [], life__subject=moved)
    assert desk.drawn(what="division_code || subject_name") == ["d02甲d02"]
    (sample,) = desk.drawn(what="sample_id")
    done = checked(sample, "granted", on=after(1), night=str(after(2)), unit_code="d02")
    desk.night(after(2), ["甲"], done)
    what = "select division_code, subject_name, state from sample_check where rule_code = 'A'"
    assert desk.rows(what) == [("d02", "甲d02", "checked")], "where he lives now he may have another name"


# what was found ------------------------------------------------------------------------------------------------------


def checked(sample_id: str, result: str, on: date = NIGHT, **more: Any) -> dict[str, Any]:
    return said(sample_id, result, on, **{"about": "sample", "sheet": "抽样核查", **more})


def test_what_is_found_counts_and_is_scaled_to_all_who_were_not_listed(desk: Desk) -> None:
    """Of six looked at two are in need, one had help already, two need none, and about one the data were wrong."""
    desk.night(NIGHT, CROWD, per_week=8)
    missed = (
        "select division_code, population, sampled, waiting, checked, found, wrong_data, share, low, high, missed, missed_low,"
        " missed_high from rule_missed where rule_code = 'A' order by all"
    )
    unknown = (14, 8, 8, 0, 0, 0, None, None, None, None, None, None)
    assert desk.rows(missed) == [("all", *unknown), ("d01", *unknown)], "nothing checked: nothing known"
    results = ("granted", "declined", "already_helped", "not_eligible", "not_eligible", "wrong_data", "verifying")
    told = [
        checked(sample, result, decision_id=f"{at}")
        for at, (sample, result) in enumerate(zip(desk.drawn(what="sample_id"), results, strict=False))
    ]
    desk.night(after(1), CROWD, *told, per_week=8)
    # Wilson 95 %: 2 of 5 is 0.1176 … 0.7693.
    known = (14, 8, 2, 5, 2, 1, Decimal("0.4000"), Decimal("0.1176"), Decimal("0.7693"), 6, 1, 11)
    assert desk.rows(missed) == [("all", *known), ("d01", *known)]
    states = desk.rows("select state, count(*) from sample_check where rule_code = 'A' group by 1 order by 1")
    assert states == [("checked", 6), ("open", 1), ("verifying", 1)]
    # A year later it says nothing of tonight any more, but is still known.
    desk.night(date(2027, 10, 30), CROWD, *told, per_week=0)
    assert desk.rows(missed)[0] == ("all", 14, 0, 0, 0, 0, 0, None, None, None, None, None, None)
    assert desk.rows("select count(*) from sample_check where outcome = 'granted'") == [(1,)]


def test_lines_are_judged_as_those_about_warnings_are(desk: Desk) -> None:
    desk.night(NIGHT, ["甲", "乙"])
    one, other = (
        desk.rows(f"select sample_id from sample_check where rule_code = 'A' and subject_id = '{who}'")[0][0]
        for who in "甲乙"
    )
    desk.night(after(1), ["甲"])
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"subject": "nothing"}, "没有这个编号的抽样核查"),
        ({"about": "warning"}, "没有这个编号的预警"),
        ({"subject": other}, f"这条抽样核查已于 {after(1)} 失效，不用再核查"),
        ({"unit_code": "d02"}, "这条抽样核查不在本单位的清单里"),
        ({"unit_code": "traffic"}, "只有各区和市局"),
        ({"decided_on": after(3)}, "核查日期在将来"),
        ({"decided_on": after(-1)}, f"早于这条抽样核查抽中的日期（{NIGHT}）"),
        ({"problem": "没有写“说明”"}, "没有写“说明”"),
    ]
    lines = [
        checked(one, "granted", night=str(after(2)), decision_id=f"{at}") | changes
        for at, (changes, _) in enumerate(wrong)
    ]
    desk.night(after(2), ["甲"], *lines)
    judged = desk.rows(
        "select state, problem, coalesce(warning_id, sample_id) is not null from decision order by decision_id"
    )
    for (state, why, is_named), (_, told) in zip(judged, wrong, strict=True):
        assert state == "misfit" and told in why and is_named
    assert desk.rows(STATE)[0][0] == "open"
    # Found by two: the later day holds, both are told; the same twice counts once.
    good = [
        checked(one, "not_eligible", after(1), night=str(after(3)), decision_id="甲"),
        checked(one, "granted", after(2), night=str(after(3)), decision_id="乙", decided_by="李四", unit_code="bureau"),
        checked(one, "granted", after(2), night=str(after(3)), decision_id="丙", decided_by="李四", unit_code="bureau", row_number=9),
    ]  # fmt: skip
    desk.night(after(3), ["甲"], *lines, *good)
    told = desk.rows(
        "select decision_id, state, about, sample_id, conflict from decision where state <> 'misfit' order by all"
    )
    assert [line[:4] for line in told] == [
        (who, state, "sample", one) for who, state in (("丙", "repeated"), ("乙", "stands"), ("甲", "replaced"))
    ]
    assert all("李四" in line[4] and "张三" in line[4] for line in told)
    found = "select state, outcome, decided_by, note from sample_check where sample_id is not distinct from '{}'"
    assert desk.rows(found.format(one)) == [("checked", "granted", "李四", "上门看过")]
    # The lines go one day, as old files do; what was found stays.
    desk.night(after(4), ["甲"])
    assert desk.rows(found.format(one)) == [("checked", "granted", "李四", "上门看过")]


# within a release ----------------------------------------------------------------------------------------------------


def test_of_a_whole_release_the_sample_is_no_warning(tmp_path: Path) -> None:
    nights = Nights(models_with(tmp_path / "sql"))
    well_off = [
        {
            "head_id_number": one,
            "household_no": f"H{one}",
            "household_size": 2,
            "yearly_income_fen": 20_000_000,
            "unit_code": unit,
        }
        for one, unit in (("好", "d01"), ("在册", "d01"), ("亡故", "d01"), ("过期", "d02"))
    ]
    lists: dict[str, Any] = {
        "survey_household": [*survey({"head_id_number": "穷"}), *well_off], **ROSTERS,
        "dibao_person": [{"id_number": "在册"}, {"id_number": "旁丁", "unit_code": "d02", "period": "2026-06"}],
        "edge_person": [{"id_number": "旁丙"}, {"id_number": "无号", "head_id_number": "旁丙", "relation": "子", "identity_state": "provisional"}],
        "death_notice": [{"id_number": "亡故", "died_on": "2026-10-29"}],
    }  # fmt: skip
    nights.night(given(NIGHT, **lists))
    sampled = "select subject_id from sample_check where rule_code = '{}' order by all"
    assert nights.rows(sampled.format("X01")) == [("户好",), ("户旁丙",), ("户旁乙",)]
    frame = "select subject_id from life.unlisted_candidates where rule_code = 'X02' order by all"
    assert nights.rows(frame) == [("好",), ("旁丙",), ("旁乙",), ("穷",)]
    assert nights.rows("select count(*) from person where person_id = '无号'") == [(1,)]
    assert nights.rows("select distinct rule_code from sample_check order by all") == [("X01",), ("X02",)], "no review"
    assert nights.rows("select subject_id from warning_list") == [("户穷",)]
    assert nights.rows("select household_id, codes from household_warning") == [("户穷", "X01")]
    assert nights.rows("select sum(open_count) from division_tally") == [(1,)]
    assert nights.con
    nights.con.close()
