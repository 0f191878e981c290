"""Why a warning went: time, a value of the policy, an answer about who is who, or rows of a file that came tonight; never what merely came."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from low_income import warehouse

from tests import sql_kit
from tests.warehouse_kit import Nights, given

pytestmark = pytest.mark.slow

FIRST, SECOND = date(2026, 10, 31), date(2026, 11, 2)
PASSED = "期限已过，条件不再成立"
GONE = "select rule_code, because, submission_id from warning_withdrawn order by all"
LISTED = {"A06", "A07", "A09", "A10", "A13", "B07", "C01"}
Rows = dict[str, list[dict[str, Any]]]


def dibao(month: str, **of_child: Any) -> Rows:
    named = {"period": month, "submission_id": f"低保{month}"}
    return {
        "dibao_household": [{"head_id_number": "户甲", "area_type": "城市", "household_size": 2, "authorised_on": "2026-01-01",
                             "period": month, "submission_id": f"低保户{month}"}],
        "dibao_person": [
            {"id_number": "户甲", "supplement_fen": 1, **named},
            {"id_number": "小甲", "head_id_number": "户甲", "relation": "子", "id_birth_date": "2008-11-01", **named, **of_child},
        ],
    }  # fmt: skip


def lists(
    paid: str = "2026-07", student: str = "辍学", burden: int = 600000, died: str = "2026-08-04", **dates: str
) -> Rows:
    """Everybody that the first night lists; days are such that they pass by the second night, unless said otherwise."""
    born, registered, granted, left = (
        dates.get(name, default)
        for name, default in (("born", "2010-11-01"), ("registered", "2026-08-03"), ("granted", "2025-11-01"), ("left", "2024-11"))
    )  # fmt: skip
    edge = {"period": "2026-10"}
    return {
        "edge_person": [
            {"id_number": "失业", "id_birth_date": "1980-01-01", **edge},
            {"id_number": "学生", "id_birth_date": born, **edge},
            {"id_number": "遗属", "id_birth_date": "1980-01-01", **edge},
            {"id_number": "亡人", "head_id_number": "遗属", "relation": "配偶", "id_birth_date": "1980-01-01", **edge},
        ],
        "tekun_person": [{"id_number": "旁人", "period": "2026-10"}],
        "unemployment": [{"id_number": "失业", "registered_on": registered}],
        "student_status": [{"id_number": "学生", "enrolment_status": student, "status_on": "2026-09-10"}],
        "death_notice": [{"id_number": "亡人", "died_on": died}],
        "temporary_grant": [
            {"id_number": "常客", "application_no": f"G{at}", "result": "同意", "granted_on": day}
            for at, day in enumerate((granted, "2026-05-10", "2026-06-10"))
        ],
        "medical_expense": [{"id_number": "病人", "burden_fen": burden, "settled_on": dates.get("settled", "2025-11-01")}],
        "social_insurance": [{"id_number": "户甲", "pay_month": paid, "base_fen": 200000}],
        "dibao_person": [{"id_number": "病人", "period": left, "submission_id": f"低保{left}"}],
    }  # fmt: skip


def both(*parts: Rows) -> Rows:
    return {table: [row for part in parts for row in part.get(table, [])] for part in parts for table in part}


STILL: dict[str, str] = {"born": "2012-01-01", "registered": "2026-10-01", "granted": "2026-04-10", "died": "2026-10-01",
                         "settled": "2026-09-01", "left": "2026-03"}  # fmt: skip
"""Days that pass much later."""


@pytest.fixture
def nights() -> Nights:
    return Nights(sql_kit.models_of())


def codes(nights: Nights) -> set[str]:
    return {code for (code,) in nights.rows("select distinct rule_code from warning_list")} & LISTED


def gone(nights: Nights) -> dict[str, tuple[str, str | None]]:
    return {code: (because, file) for code, because, file in nights.rows(GONE) if code in LISTED}


def test_when_only_time_passed_no_file_of_that_night_is_blamed(nights: Nights) -> None:
    """New rosters with the same people, and a file about somebody else, came that night."""
    first = both(dibao("2026-10"), lists())
    nights.night(given(FIRST, **first))
    assert codes(nights) == LISTED
    other: Rows = {
        "medical_expense": [{"id_number": "外人", "burden_fen": 1, "submission_id": "医2"}],
        "edge_person": [row | {"period": "2026-11", "submission_id": "边缘11"} for row in first["edge_person"]],
        "unemployment": [{"id_number": "失业", "registered_on": "2026-08-03", "submission_id": "失业又一份"}],
    }
    nights.night(given(SECOND, **both(first, dibao("2026-11"), other)))
    assert gone(nights) == dict.fromkeys(LISTED, (PASSED, None))


def test_when_rows_changed_the_file_that_changed_them_is_named(nights: Nights) -> None:
    """And no other one that came that night, though it be about the same people."""
    first = both(dibao("2026-10", id_birth_date="2012-01-01"), lists("2026-09", **STILL))
    nights.night(given(FIRST, **first))
    assert codes(nights) == LISTED
    again = both(dibao("2026-11", id_birth_date="2012-01-01", supplement_fen=100), {
        "social_insurance": [
            {"id_number": "失业", "pay_month": "2026-10", "base_fen": 1, "submission_id": "社保2"},
            {"id_number": "户甲", "pay_month": "2026-10", "base_fen": 1, "submission_id": "社保2"},
        ],
        "student_status": [{"id_number": "学生", "enrolment_status": "在读", "status_on": "2026-10-20", "submission_id": "学籍2"}],
        "edge_person": [{"id_number": name, "period": "2026-11", "submission_id": "边缘11"} for name in ("失业", "学生", "常客")],
        "medical_expense": [{"id_number": "外人", "burden_fen": 1, "submission_id": "医2"}],
        "tekun_person": [{"id_number": name, "period": "2026-11", "submission_id": "特困11"} for name in ("病人", "旁人")],
    })  # fmt: skip
    nights.night(given(SECOND, **both(first, again)))
    assert {code: file for code, (_, file) in gone(nights).items()} == {
        "A06": "社保2", "A07": "学籍2", "A09": "边缘11", "A10": "边缘11", "A13": "特困11", "B07": "社保2", "C01": "低保2026-11",
    }  # fmt: skip
    assert not [because for because, _ in gone(nights).values() if "期限" in because]


def test_when_both_happen_time_is_the_reason_and_a_new_value_is_named(nights: Nights) -> None:
    first = both(dibao("2026-10", id_birth_date="2012-01-01"), lists("2026-09", **STILL | {"registered": "2026-08-03"}))
    nights.night(given(FIRST, **first))
    assert codes(nights) == LISTED
    more: Rows = {
        "social_insurance": [{"id_number": "失业", "pay_month": "2026-10", "base_fen": 1, "submission_id": "社保2"}],
        "input__policy": [
            {"key": "dibao_standard", "policy_region": "北片", "area_type": "城市", "value": 9000, "unit": "元/人·月",
             "valid_from": str(SECOND), "title": "最低生活保障标准（i）"},
        ],
    }  # fmt: skip
    nights.night(given(SECOND, **both(first, more)))
    assert gone(nights) == {"A06": (PASSED, None), "B07": ("标准调整（最低生活保障标准（i）），条件不再成立", None)}


def test_what_is_new_with_a_new_standard_says_so(nights: Nights) -> None:
    of = {"insured_count": 2, "monthly_income_fen": 50000, "yearly_income_fen": 600000, "period": "2026-10"}
    rosters: Rows = {
        "dibao_household": [
            {"head_id_number": "甲", "area_type": "城市", "monthly_benefit_fen": 98000, **of},
            {"head_id_number": "乙", "area_type": "城市", "monthly_benefit_fen": 98000, **of},
        ],
        "dibao_person": [{"id_number": name, "period": "2026-10"} for name in ("甲", "乙")],
        "input__submission": [
            {"submission_id": f"d01-{kind}-2026-10", "night": str(FIRST)}
            for kind in ("dibao_household", "dibao_person")
        ],
    }
    said = "select because, submission_id from warning_change where rule_code = 'C05' and change = 'added'"
    nights.night(given(FIRST, **rosters))
    assert nights.rows(said) == []
    more: Rows = {
        "input__policy": [
            {"key": "dibao_standard", "policy_region": "北片", "area_type": "城市", "value": 9000, "unit": "元/人·月",
             "valid_from": str(SECOND), "title": "最低生活保障标准（i）"},
        ],
    }  # fmt: skip
    nights.night(given(SECOND, **both(rosters, more)))
    assert nights.rows(said) == [("新符合条件，其间标准有调整（最低生活保障标准（i））", None)] * 2


@pytest.mark.parametrize(
    ("versions", "because"),
    [
        ({"settings_version": "new"}, "单位设置有调整（monitor.yml），条件不再成立"),
        ({"policy_version": "new"}, "标准有调整（改动了以前的值），条件不再成立"),
        ({"settings_version": "new", "policy_version": "new"}, "标准或单位设置有调整，条件不再成立"),
    ],
)
def test_a_setting_that_was_changed_is_neither_time_nor_a_standard(
    nights: Nights, versions: dict[str, str], because: str
) -> None:
    """A township that is no border any more. What the night before was like is gathered with the settings of today."""

    def of(night: date, *, is_border: bool) -> warehouse.Inputs:
        township = [{"division_code": "d01", "name": "向阳镇", "is_border": is_border}]
        home: Rows = {
            "dibao_household": [{"head_id_number": "户甲", "township": "向阳镇"}],
            "dibao_person": [{"id_number": "户甲"}],
        }
        return given(night, input__township=township, **home)

    nights.night(of(FIRST, is_border=True))
    assert nights.rows("select rule_code from warning_list where rule_code = 'C03'") == [("C03",)]
    nights.given[FIRST] = of(FIRST, is_border=False)
    tonight = of(SECOND, is_border=False)
    [release] = tonight.given_tables["release"].to_pylist()
    changed = pa.Table.from_pylist([{**release, **versions}])
    nights.night(replace(tonight, given_tables={**tonight.given_tables, "release": changed}))
    assert nights.rows("select because, submission_id from warning_withdrawn where rule_code = 'C03'") == [
        (because, None)
    ]


def review(authorised_on: str | None, period: str = "2026-10", *, is_held: bool = True) -> Rows:
    """Somebody with a car; without `is_held` the door has taken the car's row out again."""
    submission = f"低保户{authorised_on}{period}"
    named: Rows = {
        "dibao_household": [
            {"head_id_number": "户甲", "authorised_on": authorised_on, "period": period, "submission_id": submission}
        ],
        "dibao_person": [{"id_number": "户甲", "period": period}],
        "vehicle": [{"id_number": "别人", "plate_no": "A2"}],
    }
    if is_held:
        named["vehicle"].append({"id_number": "户甲", "plate_no": "A1", "vehicle_type": "小型轿车", "status": "正常"})
    return named


@pytest.mark.parametrize(
    ("signed", "tonight", "because"),
    [
        ("2026-01-05", review(None, is_held=False), ("所依据的文件已更正（青禾区《低保户None2026-10.xlsx》）", "低保户None2026-10")),
        ("2024-11-01", review("2024-11-01", is_held=False), (PASSED, None)),
        ("2024-11-01", review(None, is_held=False), (PASSED, None)),
        ("2026-01-05", review("2026-01-05", is_held=False), ("条件不再成立", None)),
    ],
    ids=["the authorisation is no longer there", "it has run out", "both: time is the reason", "nobody knows"],
)  # fmt: skip
def test_what_the_door_takes_out_again_is_gone_with_the_authorisation(
    nights: Nights, signed: str, tonight: Rows, because: tuple[str, str | None]
) -> None:
    """Rows of partners are held for authorised people alone, so the night before cannot be asked again whole."""
    nights.night(given(FIRST, **review(signed)))
    assert nights.rows("select rule_code from warning_list where rule_code = 'B04'") == [("B04",)]
    nights.given[FIRST] = given(FIRST, **review(signed, is_held=False))
    nights.night(given(SECOND, **tonight))
    assert nights.rows("select because, submission_id from warning_withdrawn where rule_code = 'B04'") == [because]
