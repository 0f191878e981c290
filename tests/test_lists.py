"""What a warning list shows, to whom, and that nothing in it comes alive."""

import json
from datetime import date, datetime
from pathlib import Path

import duckdb
import openpyxl
import pytest

from pipeline import list_book, lists
from pipeline.home import Unit
from pipeline.list_words import FILLED_IN, OUTCOME_TITLES, WARNING_NUMBER

DAY = date(2026, 10, 31)
UNITS = {
    "bureau": Unit(code="bureau", name="民政局(本级)", kind="bureau", policy_region="北片"),
    "d01": Unit(code="d01", name="青禾区", kind="division", policy_region="北片"),
    "d02": Unit(code="d02", name="云岫区", kind="division", policy_region="北片"),
    "medical_insurance": Unit(code="medical_insurance", name="医疗保障局", kind="partner"),
}
KIND_TITLES = {
    "dibao_person": "低保人员",
    "survey_household": "低收入人口摸底排查(户)",
    "medical_expense": "高额医疗费用",
}

SCHEMA = """
create table warning_list (
    warning_id varchar, rule_code varchar, title varchar, level varchar, status varchar, household_id varchar,
    person_id varchar, subject_name varchar, subject_id_number varchar, division_code varchar, township varchar,
    first_seen_on date, due_on date, reason varchar, caveat varchar, remark varchar, evidence varchar, freshness varchar
);
create table household_warning (
    household_id varchar, head_name varchar, head_id_number varchar, division_code varchar, township varchar, size bigint,
    level varchar, colour varchar, codes varchar, open_count bigint, oldest_on date, referrals varchar, change varchar
);
create table submission (submission_id varchar, unit_code varchar);
create table record_link (submission_id varchar, person_id varchar);
create table coverage (unit_code varchar, kind varchar, period varchar, rows bigint, state varchar);
insert into submission values ('s-survey', 'd01'), ('s-dibao2', 'd02'), ('s-medical', 'medical_insurance');
insert into coverage values
    ('d01', 'dibao_person', '2026-10', 812, 'fresh'), ('d01', 'dibao_person', '2026-09', 800, 'absent'),
    ('d02', 'dibao_person', '2026-07', 640, 'late'), ('medical_insurance', 'medical_expense', '', null, 'absent');
"""
FRESHNESS = {
    "registries": [
        {"registry": "dibao", "period": "2026-10", "is_current": True},
        {"registry": "edge", "period": "2026-05", "is_current": False},
        {"registry": "tekun", "period": None, "is_current": False},
    ],
    "oldest_evidence": "2026-09-02",
    "newest_evidence": "2026-10-28",
    "household_size": 3,
    "members_listed": 2,
}
INCOME = {
    "fact": "家庭年总收入", "value": "6000.00", "original_text": "6,000元", "file_name": "摸底排查10月.xlsx", "sheet": "北营镇",
    "row": 12, "column": "F", "header": "家庭年总收入(元)", "submission_id": "s-survey", "as_of": "2026-10-12",
}  # fmt: skip
BURDEN = {
    "fact": "个人负担", "value": "8600.00", "original_text": "8600", "file_name": "医保.csv", "sheet": "", "row": 70210,
    "column": "", "header": "个人负担总金额", "submission_id": "s-medical", "as_of": "2026-10-28",
}  # fmt: skip
ROSTER = {
    "fact": "开始享受月份", "value": "2025-04", "original_text": "2025.4", "file_name": "云岫低保人员.xls", "sheet": "Sheet1",
    "row": 45, "column": "K", "header": "最初享受月份", "submission_id": "s-dibao2", "as_of": "2026-10",
}  # fmt: skip


def number(place: int) -> str:
    return f"9901011980010{place:02d}01X"


def warning(place, code, level, **more):
    row = {
        "warning_id": f"{place:04x}a7c3e9d1b2f4", "rule_code": code, "title": "收入低于低保标准未纳入", "level": level,
        "status": "open", "household_id": f"h{place:02d}", "person_id": f"p{place:02d}", "subject_name": f"某{place}",
        "subject_id_number": number(place), "division_code": "d01", "township": "北营镇", "first_seen_on": date(2026, 10, 20),
        "due_on": date(2026, 11, 4), "reason": "家庭3人年总收入6000.00元,人均每月166.67元,低于当地低保标准720.00元。",
        "caveat": "收入可能漏报或已变化;当事人可出示工资流水、土地流转合同。", "remark": None,
        "evidence": [INCOME], "freshness": FRESHNESS,
    } | more  # fmt: skip
    return row | {"evidence": json.dumps(row["evidence"]), "freshness": json.dumps(row["freshness"])}


def household(place, level, colour, codes, **more):
    return {
        "household_id": f"h{place:02d}", "head_name": f"户主{place}", "head_id_number": number(place), "division_code": "d01",
        "township": "北营镇", "size": 3, "level": level, "colour": colour, "codes": codes,
        "open_count": codes.count(",") + 1, "oldest_on": date(2026, 10, 20), "referrals": "医疗救助,社工站", "change": "new",
    } | more  # fmt: skip


def release(warnings=(), households=(), links=(("s-survey", "p01"),)):
    con = duckdb.connect()
    con.execute(SCHEMA)
    for table, rows in (("warning_list", warnings), ("household_warning", households)):
        for row in rows:
            names = ", ".join(row)
            con.execute(f"insert into {table} ({names}) values ({', '.join('?' * len(row))})", list(row.values()))
    con.executemany("insert into record_link values (?, ?)", [list(link) for link in links])
    return con


@pytest.fixture
def usual():
    return release(
        [
            warning(3, "A02", "yellow", title="收入低于边缘标准未认定", due_on=date(2026, 10, 28)),
            warning(1, "A01", "red"),
            warning(11, "A04", "orange", household_id="h01", title="大额医疗自付", evidence=[BURDEN] * 8, status="verifying"),
            warning(2, "A01", "red", due_on=date(2026, 10, 29), subject_name="=HYPERLINK(\"http://x\")", person_id="p02"),
            warning(5, "A01", "red", division_code="d02", township="南营镇"),
            warning(6, "B03", "orange", title="同一保障多地在册", household_id="h05", evidence=[ROSTER, INCOME]),
            warning(7, "A04", "orange", division_code="bureau", household_id="h07", evidence=[BURDEN]),
        ],
        [
            household(3, "yellow", "黄", "A02", change="worse"),
            household(1, "red", "赤", "A01,A04", change="same"),
            household(2, "red", "赤", "A01"),
            household(5, "red", "赤", "A01,B03", division_code="d02", township="南营镇"),
            household(7, "orange", "橙", "A04", division_code="bureau"),
        ],
    )  # fmt: skip


def written(con, tmp_path, units=UNITS):
    paths = lists.write(con, tmp_path, units, DAY, KIND_TITLES)
    return {path.stem: openpyxl.load_workbook(path) for path in paths}


def table(book, sheet):
    rows = list(book[sheet].iter_rows(min_row=2, values_only=True))
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def test_one_book_per_division_and_one_for_all(usual, tmp_path):
    paths = lists.write(usual, tmp_path, UNITS, DAY, KIND_TITLES)
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "2026-10-31/bureau.xlsx", "2026-10-31/d01.xlsx", "2026-10-31/d02.xlsx"
    ]  # fmt: skip
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "bureau.xlsx",
        "d01.xlsx",
        "d02.xlsx",
    ]
