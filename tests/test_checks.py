"""Rows + contract → accepted, set aside, and one message per cell. Numbers here are invented (prefix 99)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from low_income import checks
from low_income.model import BalanceError, CellProblem
from low_income.settings import contracts

from tests.check_kit import Desk, faults, number, settlement


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def household(serial: int = 1, **changes: Any) -> dict[str, Any]:
    row = {
        "head_name": "张三", "head_id_number": number(serial), "household_size": "1", "insured_count": "1",
        "monthly_income_fen": "600", "monthly_benefit_fen": "140", "start_month": "2024-03", "township": "北营镇",
    }  # fmt: skip
    return row | changes


def member(serial: int = 1, **changes: Any) -> dict[str, Any]:
    row = {"name": "张三", "id_number": number(serial), "relation": "户主", "sex": "男", "birth_date": "1986-05-01"}
    return row | {"head_id_number": None} | changes


def test_a_clean_roster_is_accepted_whole_with_values_and_the_senders_text(desk):
    name = desk.part("dibao_household", [household(monthly_benefit_fen="1,500.00元", start_month="2024年3月")])
    verdict = desk.judge()[name]
    assert (verdict.rows_read, verdict.rows_accepted, verdict.rows_set_aside) == (1, 1, 0)
    assert verdict.issues.empty
    [row] = desk.rows("dibao_household", name)
    assert row["row_id"] == f"{name}#表#4"
    assert (row["monthly_benefit_fen"], row["monthly_benefit_fen__text"]) == (150000, "1,500.00元")
    assert (row["start_month"], row["start_month__text"]) == (date(2024, 3, 1), "2024年3月")
    assert row["identity_state"] == "verified"
    assert len(row["person_id"]) == 64


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"household_size": None}, "household_size.blank"),
        ({"household_size": " 　"}, "household_size.blank"),
        ({"monthly_income_fen": None}, "monthly_income_fen.blank"),
        ({"monthly_income_fen": "/"}, "monthly_income_fen.blank"),
        ({"start_month": "1986.1"}, "start_month.ambiguous_month"),
        ({"head_id_number": number(1)[:-1] + ("1" if number(1)[-1] != "1" else "2")}, "head_id_number.check_digit"),
        ({"township": "东湾镇"}, "township.other_division"),
    ],
)
def test_a_required_cell_that_cannot_be_read_sets_the_row_aside(desk, changes, rule):
    name = desk.part("dibao_household", [household(**changes), household(2)])
    verdict = desk.judge()[name]
    assert (verdict.rows_accepted, verdict.rows_set_aside) == (1, 1)
    assert (0, rule, "must_fix") in faults(verdict)
    assert [row["reason"] for row in desk.aside(name)] == [rule]


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"last_recheck_on": "2024-02-30"}, "last_recheck_on", "last_recheck_on.no_such_day"),
        ({"distance_km": "很远"}, "distance_km", "distance_km.unreadable"),
        ({"township": "火星镇"}, "township", "township.unknown_township"),
    ],
)
def test_an_optional_cell_that_cannot_be_read_is_unknown_and_asked_about(desk, changes, field, rule):
    name = desk.part("dibao_household", [household(**changes)])
    verdict = desk.judge()[name]
    assert (verdict.rows_accepted, verdict.rows_set_aside) == (1, 0)
    assert faults(verdict) == [(0, rule, "confirm")]
    [row] = desk.rows("dibao_household", name)
    assert (row[field], row[f"{field}__unreadable"]) == (None, True)
    assert row[f"{field}__text"] == changes[field]


@pytest.mark.parametrize("mark", [None, " ", "/", "-", "无", r"\N", "nan", "(null)", "None", "NaT"])
@pytest.mark.parametrize(
    "field", ["last_recheck_on", "distance_km", "remote_supplement_fen", "area_type", "township", "cause"]
)
def test_a_blank_cell_is_blank_however_a_program_writes_it(desk, field, mark):
    name = desk.part("dibao_household", [household(**{field: mark})])
    verdict = desk.judge()[name]
    assert (verdict.rows_accepted, faults(verdict)) == (1, [])
    [row] = desk.rows("dibao_household", name)
    assert (row[field], row[f"{field}__text"], row[f"{field}__unreadable"]) == (None, mark, False)


def test_a_cell_that_holds_something_is_given(desk):
    name = desk.part("dibao_household", [household(distance_km="0", remote_supplement_fen="0", is_border="否")])
    desk.judge()
    [row] = desk.rows("dibao_household", name)
    assert (row["distance_km__unreadable"], row["remote_supplement_fen__unreadable"], row["is_border__unreadable"]) == (
        False, False, False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"sex": "女"}, "sex"),
        ({"birth_date": "1990-01-01"}, "birth_date"),
        ({"birth_date": "2099-01-01"}, "birth_date"),
    ],
)
def test_a_cell_that_contradicts_the_number_counts_as_unreadable(desk, changes, field):
    name = desk.part("dibao_person", [member(**changes)])
    desk.judge()
    [row] = desk.rows("dibao_person", name)
    assert (row[field], row[f"{field}__unreadable"]) == (None, True)


def test_an_error_cell_is_not_blank(desk):
    """A formula without a result leaves no text behind, and yet something stood there."""
    name = desk.part("dibao_person", [member(supplement_fen=None)])
    problem = CellProblem("表", 4, 7, "supplement_fen", "error_value")
    desk.parts[0] = replace(desk.parts[0], reading=replace(desk.parts[0].reading, cell_problems=[problem]))
    verdict = desk.judge()[name]
    assert faults(verdict) == [(0, "supplement_fen.error_value", "confirm")]
    [row] = desk.rows("dibao_person", name)
    assert (row["supplement_fen"], row["supplement_fen__unreadable"]) == (None, True)


def test_who_has_a_relation_that_nobody_can_read_is_not_taken_for_a_head(desk):
    blank = desk.part(
        "edge_person", [{"name": "张三", "id_number": number(1), "head_id_number": None, "relation": None}]
    )
    broken = desk.part(
        "edge_person", [{"name": "李四", "id_number": number(2), "head_id_number": None, "relation": None}]
    )
    problem = CellProblem("表", 4, 4, "relation", "error_value")
    desk.parts[1] = replace(desk.parts[1], reading=replace(desk.parts[1].reading, cell_problems=[problem]))
    verdicts = desk.judge()
    assert verdicts[blank].rows_accepted == 1
    assert verdicts[broken].rows_set_aside == 1
    assert [row["reason"] for row in desk.aside(broken)] == ["head_id_number.household_unknown"]


def test_yearly_income_serves_where_monthly_is_missing(desk):
    name = desk.part("dibao_household", [household(monthly_income_fen=None, yearly_income_fen="7200")])
    assert desk.judge()[name].rows_accepted == 1


def test_a_number_cell_never_identifies_even_when_its_digits_would_pass(desk):
    name = desk.part("dibao_household", [household()], numeric=["head_id_number@0"])
    verdict = desk.judge()[name]
    assert faults(verdict) == [(0, "head_id_number.stored_as_number", "must_fix")]
    [aside] = desk.aside(name)
    assert (aside["name"], aside["birth_date"]) == ("张三", date(1986, 5, 1))


def test_sex_and_birth_date_that_contradict_the_number_count_as_unknown(desk):
    name = desk.part("dibao_person", [member(sex="女", birth_date="1987-05-01"), member(2, name="李四")])
    verdict = desk.judge()[name]
    assert faults(verdict) == [(0, "sex.sex_contradicts", "confirm"), (0, "birth_date.birth_contradicts", "confirm")]
    first, second = desk.rows("dibao_person", name)
    assert (first["sex"], first["birth_date"], first["id_sex"]) == (None, None, "男")
    assert (second["sex"], second["birth_date"]) == ("男", date(1986, 5, 1))


def test_a_blank_head_is_the_person_himself_only_where_he_is_the_head(desk):
    rows = [member(1), member(2, relation="配偶"), member(3, relation="子", head_id_number=number(1))]
    name = desk.part("dibao_person", rows)
    verdict = desk.judge()[name]
    assert (1, "head_id_number.household_unknown", "must_fix") in faults(verdict)
    head, child = desk.rows("dibao_person", name)
    assert head["head_person_id"] == head["person_id"] == child["head_person_id"]


def test_identical_twins_count_once_and_differing_ones_not_at_all(desk):
    rows = [household(1), household(1), household(2), household(2, household_size="2"), household(3)]
    name = desk.part("dibao_household", rows)
    verdict = desk.judge()[name]
    assert (verdict.rows_accepted, verdict.rows_set_aside) == (2, 3)
    told = {
        (row, rule): message for (row, rule, _), message in zip(faults(verdict), verdict.issues["message"], strict=True)
    }
    assert "第4行" in told[1, "row.identical_twin"]
    assert "第7行" in told[2, "row.differing_twin"] and "家庭人口" in told[2, "row.differing_twin"]
    assert "第6行" in told[3, "row.differing_twin"]


def test_rows_that_read_alike_differ_in_no_column_and_only_the_first_is_asked_about(desk):
    odd = household(1, last_recheck_on="去年")
    rows = [odd, odd | {"head_id_number": f"'{number(1)}"}, household(2), household(2, household_size="2")]
    name = desk.part("dibao_household", rows)
    reading = desk.parts[0].reading
    uses = [
        replace(use, header="户内人数") if use.field == "household_size" else use for use in reading.sheets[0].columns
    ]
    desk.parts[0] = replace(desk.parts[0], reading=replace(reading, sheets=[replace(reading.sheets[0], columns=uses)]))
    verdict = desk.judge()[name]
    told = {
        (row, rule): message for (row, rule, _), message in zip(faults(verdict), verdict.issues["message"], strict=True)
    }
    assert "这一行与“表”第4行完全相同，只计一次" in told[1, "row.identical_twin"]
    assert "不同的栏：户内人数" in told[2, "row.differing_twin"]
    assert [row for row, _, severity in faults(verdict) if severity == "confirm"] == [0]


def test_twins_are_found_across_the_parts_of_one_delivery_and_not_across_deliveries(desk):
    first = desk.part("dibao_household", [household(1), household(2)])
    second = desk.part("dibao_household", [household(1, household_size="3")])
    other = desk.part("dibao_household", [household(1)], group="another month")
    verdicts = desk.judge()
    assert [verdicts[name].rows_accepted for name in (first, second, other)] == [1, 0, 1]
    assert "《s1.xlsx》“表”第4行" in verdicts[second].issues["message"].iloc[0]


def test_household_size_is_held_against_the_members_listed(desk):
    homes = desk.part("dibao_household", [household(1, household_size="2"), household(5, household_size="1")])
    desk.part(
        "dibao_person",
        [
            member(1),
            member(2, relation="配偶", head_id_number=number(1)),
            member(5),
            member(6, relation="子", head_id_number=number(5)),
        ],
    )
    verdict = desk.judge()[homes]
    assert faults(verdict) == [(1, "members_listed", "confirm")]
    assert verdict.rows_accepted == 2


def test_a_head_whom_the_household_file_does_not_list_is_asked_about(desk):
    desk.part("dibao_household", [household(1)])
    people = desk.part("dibao_person", [member(1), member(2, relation="子", head_id_number=number(9))])
    assert faults(desk.judge()[people]) == [(1, "head_listed", "confirm")]


def test_where_the_other_file_was_not_sent_nothing_is_asked_across_files(desk):
    homes = desk.part("dibao_household", [household(1, household_size="4")])
    assert desk.judge()[homes].issues.empty


def test_where_something_of_the_other_list_is_not_here_nothing_is_asked_across_files(desk):
    homes = desk.part("dibao_household", [household(1, household_size="3")])
    people = desk.part("dibao_person", [member(1), member(2, relation="子", head_id_number=number(9))])
    desk.parts = [replace(part, lacks=frozenset({"dibao_household", "dibao_person"})) for part in desk.parts]
    verdicts = desk.judge()
    assert verdicts[homes].issues.empty and verdicts[people].issues.empty


def wrong(serial: int) -> str:
    """His number with a check character that does not fit."""
    good = number(serial)
    return good[:17] + ("0" if good[17] != "0" else "1")


def test_a_household_whose_own_row_lost_its_number_is_not_missing_from_the_list(desk):
    """By the name of its head, else by a number that is nearly his."""
    desk.part(
        "dibao_household",
        [
            household(1),
            household(3, head_name="李四", head_id_number="9.90101E+17"),
            household(5, head_name="王五", head_id_number=wrong(5)),
        ],
    )
    people = desk.part(
        "dibao_person",
        [
            member(1),
            member(3, name="李四"),
            member(4, name="李五", relation="子", head_id_number=number(3)),
            member(6, name="王六", relation="子", head_id_number=number(5)),
            member(7, name="赵七"),
        ],
    )
    assert faults(desk.judge()[people]) == [(4, "head_listed", "confirm")]


def test_members_whose_own_row_lost_its_household_may_be_those_that_are_missing(desk):
    homes = desk.part(
        "dibao_household",
        [
            household(1, household_size="2"),
            household(3, household_size="3", head_name="李四"),
            household(5, head_name="王五"),
            household(7, head_name="赵七", household_size="2"),
        ],
    )
    desk.part(
        "dibao_person",
        [
            member(1),
            member(2, relation="子", head_id_number=wrong(1)),
            member(3, name="李四"),
            member(4, relation="子", head_id_number=wrong(3)),
            member(5, name="王五", id_number=wrong(5)),
            member(7, name="赵七"),
            member(8, relation="子", head_id_number=number(7)),
            member(8, relation="子", head_id_number=number(7)),
        ],
    )
    assert faults(desk.judge()[homes]) == [(1, "members_listed", "confirm")], "of three one is there, one may be"


def test_outsiders_are_counted_and_never_written_unless_their_rows_together_meet_the_rule(desk):
    rows = [
        settlement(1, "10"),
        settlement(2, "15000.00"),
        settlement(3, "9000"),
        settlement(3, "6000.01", hospital="中医院"),
        settlement(4, "15000.01", settled_on="2025-10-31"),
        settlement(5, "15000.01", settled_on="2025-11-01"),
        settlement(6, "乱"),
    ]
    name = desk.part("medical_expense", rows)
    verdict = desk.judge(scope=[number(1)])[name]
    assert (verdict.rows_read, verdict.rows_accepted, verdict.rows_out_of_scope) == (7, 4, 3)
    assert verdict.issues.empty
    kept = {row["id_number"] for row in desk.rows("medical_expense", name)}
    assert kept == {number(1), number(3), number(5)}
    written = b"".join(path.read_bytes() for path in desk.accepted.rglob("*.parquet"))
    assert number(2).encode() not in written


def test_a_partner_row_without_usable_number_is_set_aside_for_that_reason_alone(desk):
    broken = number(1)[:-1] + ("1" if number(1)[-1] != "1" else "2")
    name = desk.part("medical_expense", [settlement(1, "乱", id_number=broken, settled_on="??"), settlement(2, "10")])
    verdict = desk.judge(scope=[number(2)])[name]
    assert (verdict.rows_accepted, verdict.rows_set_aside, verdict.rows_out_of_scope) == (1, 1, 0)
    assert faults(verdict) == [(0, "id_number.check_digit", "must_fix")]


def test_identical_settlements_count_once(desk):
    name = desk.part(
        "medical_expense", [settlement(1, "10"), settlement(1, "10"), settlement(1, "10", hospital="中医院")]
    )
    verdict = desk.judge(scope=[number(1)])[name]
    assert (verdict.rows_accepted, verdict.rows_set_aside) == (2, 1)


def test_one_message_per_cell(desk):
    name = desk.part("dibao_person", [member(1, head_id_number=number(8), relation="子")])
    desk.part("dibao_household", [household(1, head_id_number="990101")])
    verdict = desk.judge()[name]
    assert not verdict.issues.duplicated(["row_number", "header"]).any()


def test_a_check_of_one_unit_alone_touches_one_file_and_holds_for_that_unit_only(desk):
    extra = contracts.Check(
        rule="benefit_cap", expect="expect_column_values_to_be_between", marks="monthly_benefit_fen", severity="confirm",
        kwargs={"column": "monthly_benefit_fen", "max_value": 10000}, message="高于本区上限", fix="核对金额",
    )  # fmt: skip
    source = contracts.Source(unit="d02", kind="dibao_household", reason="local cap", checks=[extra])
    known = contracts.load().model_copy(update={"sources": [source]})
    mine = desk.part("dibao_household", [household(1, township=None)], unit="d01")
    theirs = desk.part(
        "dibao_household",
        [household(2, township=None), household(3, township=None, monthly_benefit_fen="100")],
        unit="d02",
        group="h",
    )
    verdicts = desk.judge(known=known)
    assert verdicts[mine].issues.empty
    assert faults(verdicts[theirs]) == [(0, "benefit_cap", "confirm")]


def test_a_verdict_that_does_not_add_up_cannot_be_made():
    import pandas as pd

    with pytest.raises(BalanceError):
        checks.Verdict("s", 10, 5, 3, 1, pd.DataFrame())


@pytest.mark.slow
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000))
def test_no_row_is_lost_whatever_the_damage_and_the_order(tmp_path_factory, seed):
    """read = accepted + set aside, and the same rows are accepted however the file is sorted."""
    dice = random.Random(seed)
    rows = []
    for serial in range(1, 12):
        damage = dice.choice(
            [{}, {}, {"household_size": "x"}, {"start_month": None}, {"head_id_number": "12"}, {"township": "东湾镇"}]
        )
        rows += [household(serial, **damage)] * dice.choice([1, 1, 2])
    accepted = []
    for order in (rows, dice.sample(rows, len(rows))):
        desk = Desk(tmp_path_factory.mktemp("desk"))
        name = desk.part("dibao_household", order)
        verdict = desk.judge()[name]
        assert verdict.rows_accepted + verdict.rows_set_aside == len(rows)
        assert verdict.rows_accepted == len(desk.rows("dibao_household", name))
        assert verdict.rows_set_aside == len(desk.aside(name))
        accepted.append(sorted(row["head_id_number"] for row in desk.rows("dibao_household", name)))
    assert accepted[0] == accepted[1]


# Across time ---------------------------------------------------------------------------------------------------------


def then_now(
    desk: Desk,
    kind: str,
    before: Sequence[dict[str, Any]],
    now: Sequence[dict[str, Any]],
    beside: tuple[str, Sequence[dict[str, Any]]] | None = None,
) -> checks.Verdict:
    """Judge last month's rows, then this month's held against what was accepted of them.

    `beside`: the kind and the rows of another list of this month's delivery.
    """
    desk.folder = desk.folder / "again"
    desk.folder.mkdir()
    desk.accepted, desk.parts = desk.folder / "accepted", []
    old = desk.part(kind, before, group="last month")
    desk.judge()
    new = desk.part(kind, now)
    if beside:
        desk.part(*beside)
    _, mine, *others = desk.parts
    desk.parts = [replace(mine, before=(desk.accepted / kind / f"{old}.parquet",)), *others]
    return desk.judge()[new]


def in_time(verdict: checks.Verdict) -> list[tuple[int, str, str]]:
    lines = verdict.issues[verdict.issues["level"] == "across_time"]
    return [
        (-1 if pd.isna(row) else int(row) - 4, rule, severity)
        for row, rule, severity in zip(lines["row_number"], lines["rule"], lines["severity"], strict=True)
    ]


def test_sex_and_birth_date_other_than_last_month_are_asked_about(desk):
    now = [member(1, sex="女", birth_date="1987-05-01"), member(2, name="李四")]
    verdict = then_now(desk, "dibao_person", [member(1), member(2, name="李四")], now)
    assert in_time(verdict) == [(0, "sex.changed", "confirm"), (0, "birth_date.changed", "confirm")]
    assert verdict.rows_accepted == 2


def test_a_new_number_for_the_same_name_in_the_same_household_is_asked_about(desk):
    child = {"relation": "子", "head_id_number": number(1), "name": "小张", "birth_date": None, "sex": None}
    kept = member(5, **child)
    for serial, born, asked in ((6, "20120501", True), (7, "19860501", False)):
        changed = member(**child) | {"id_number": number(serial, born)}
        verdict = then_now(desk, "dibao_person", [member(1), kept], [member(1), changed])
        assert in_time(verdict) == ([(1, "id_number.changed", "confirm")] if asked else [])
    both = member(**child) | {"id_number": number(6, "20120501")}
    assert in_time(then_now(desk, "dibao_person", [member(1), kept], [member(1), kept, both])) == []


@pytest.mark.parametrize(
    ("before", "now", "asked"), [("600", "5999.99", False), ("600", "6000", True), ("0", "6000", False)]
)
def test_ten_times_last_months_income_is_asked_about(desk, before, now, asked):
    verdict = then_now(
        desk, "dibao_household", [household(monthly_income_fen=before)], [household(monthly_income_fen=now)]
    )
    assert in_time(verdict) == ([(0, "monthly_income_fen.jumped", "confirm")] if asked else [])
    assert desk.rows("dibao_household", verdict.submission_id)[0]["monthly_income_fen"] == int(float(now) * 100)


def test_households_of_last_month_that_are_on_no_list_now_are_counted_in_one_line(desk):
    before = [household(1), household(2, head_name="李四"), household(3, head_name="王五")]
    verdict = then_now(desk, "dibao_household", before, [household(1)])
    assert in_time(verdict) == [(-1, "household.vanished", "notice")]
    [message] = verdict.issues["message"]
    # Whose rows are forgotten later must not live on by name in what was said of their absence.
    assert "2 户" in message and "李四" not in message and "王五" not in message
    assert f"户主身份证号末四位：{'、'.join(sorted([number(2)[-4:], number(3)[-4:]]))}" in message
    assert in_time(then_now(desk, "dibao_household", before, before)) == []
    now = [household(1), household(2, head_name="李四", head_id_number=wrong(2)), before[2]]
    assert in_time(then_now(desk, "dibao_household", before, now)) == []


@pytest.mark.parametrize("group", ["dibao", "edge"])
def test_a_household_whose_head_is_still_on_the_list_of_people_of_its_group_is_not_gone(desk, group):
    homes = [household(serial, income_per_head_fen="600") for serial in (1, 2)]
    fields = contracts.load().kinds[f"{group}_household"].columns
    before = [{field: text for field, text in home.items() if field in fields} for home in homes]

    def told(*people: dict[str, Any]) -> list[str]:
        verdict = then_now(desk, f"{group}_household", before, before[:1], (f"{group}_person", people))
        return [rule for _, rule, _ in in_time(verdict)]

    rows = [
        {key: text for key, text in member(serial).items() if key not in ("sex", "birth_date")} for serial in (1, 2)
    ]
    assert told(*rows) == []
    assert told(rows[0]) == ["household.vanished"]


def test_rows_that_lack_only_a_usable_number_are_kept_beside_for_people_to_decide(desk):
    good = number(1)
    bad = good[:17] + ("0" if good[17] != "0" else "1")
    family = desk.part("dibao_household", [household(1), household(3, head_id_number=bad, phone="19900012345")])
    rows = [
        member(1),
        member(3, id_number=bad, head_id_number=bad),
        member(5, id_number=f"{good[:15]}000", head_id_number=good, relation="子"),
        member(7, id_number=bad, head_id_number=good, relation=None),
        member(9, name=None),
    ]
    people_ = desk.part("dibao_person", rows, numeric=("id_number@2",))
    desk.judge()
    kept = desk.rows("unproven", people_)
    assert [row["row_number"] for row in kept] == [5, 6], (
        "a head's own wrong number is one fault, a missing relation another"
    )
    assert [(row["person_id"], row["head_person_id"] is None) for row in kept] == [(None, True), (None, False)]
    told = {row["row_number"]: row for row in desk.aside(people_)}
    assert [told[at]["is_unproven"] for at in (5, 6, 7, 8)] == [True, True, False, False]
    assert (told[6]["number_state"], told[6]["number"]) == ("damaged", f"{good[:15]}000")
    assert (told[8]["number_state"], told[8]["number"]) == (None, None), "his number is good, the name is missing"
    assert [row["phone"] for row in desk.aside(family)] == ["19900012345"]


def test_of_lists_that_only_reviews_read_nothing_is_kept_without_a_number(desk):
    row = {
        "name": "张三",
        "id_number": number(1)[:17],
        "plate_no": "样A00001",
        "vehicle_type": "小型轿车",
        "vehicle_status": "正常",
    }
    fields = contracts.load().kinds["vehicle"].columns
    name = desk.part("vehicle", [{field: text for field, text in row.items() if field in fields}], unit="traffic")
    desk.judge(scope=[])
    assert not (desk.accepted / "unproven" / f"{name}.parquet").exists()
    assert [(each["number_state"], each["number"], each["is_unproven"]) for each in desk.aside(name)] == [
        (None, None, False)
    ]
