"""Whose rows of partners' lists come in, what of them, and when they go again (docs/boundaries.md, 3)."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from low_income.night import run
from low_income.settings import contracts

from tests.check_kit import Desk, faults, settlement
from tests.night_kit import DAY, MEDICAL, PERSON, ask, book, differences, few_divisions, new_home, number, person

pytestmark = pytest.mark.slow

REVIEWS: dict[str, dict[str, Any]] = {
    "pension": {"scheme": "企业职工", "benefit_status": "正常", "pay_month": "2026-09", "pension_fen": "2600"},
    "real_estate": {"unit_no": "U1", "usage": "住宅", "area_m2": "80"},
    "vehicle": {"plate_no": "样A00001", "vehicle_type": "小型轿车", "status": "正常"},
    "business_registration": {
        "credit_code": "92990101MA00000010", "business_name": "某店", "business_type": "有限责任公司", "role": "股东",
        "capital_fen": "50", "status": "存续",
    },
}  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def of(serial: int, **row: Any) -> dict[str, Any]:
    return {"name": "某人", "id_number": number(serial), **row}


def written(desk: Desk) -> str:
    return "".join(str(pq.read_table(path).to_pylist()) for path in sorted(desk.accepted.rglob("*.parquet")))


def counts(verdict: Any) -> tuple[int, int, int, int]:
    return verdict.rows_read, verdict.rows_accepted, verdict.rows_set_aside, verdict.rows_out_of_scope


def test_every_review_only_kind_is_tried_here():
    assert set(REVIEWS) == {name for name, kind in contracts.load().kinds.items() if kind.scopes == ["authorised"]}


@pytest.mark.parametrize("kind", sorted(REVIEWS))
def test_review_only_rows_are_kept_for_the_authorised_alone_and_the_rest_is_counted(desk, kind):
    row = REVIEWS[kind]
    broken = number(4)[:-1] + ("1" if number(4)[-1] != "1" else "2")
    name = desk.part(kind, [of(1, **row), of(2, **row), of(3, **row), {**of(4, **row), "id_number": broken}])
    # In help scope without an authorisation is outside as well; an unusable number cannot be judged.
    verdict = desk.judge(scope=[number(1), number(2)], authorised=[number(1)])[name]
    assert counts(verdict) == (4, 1, 1, 2)
    assert [each["id_number"] for each in desk.rows(kind, name)] == [number(1)]
    assert faults(verdict) == [(3, "id_number.check_digit", "must_fix")]
    assert not any(number(n) in written(desk) for n in (2, 3))


@pytest.mark.parametrize(
    ("said", "fen"),
    [
        (["50", "12.5", "500000元", None], [50_000_000, 12_500_000, 50_000_000, None]),
        (["50万元", "500000元"], [50_000_000, 50_000_000]),
        # Where some cells say 万元 and some say nothing, nothing may mean either: unknown until somebody says.
        (["50万元", "500000"], [50_000_000, None]),
    ],
)
def test_capital_is_in_ten_thousands_unless_the_cell_says_otherwise(desk, said, fen):
    row = of(1, **REVIEWS["business_registration"])
    rows = [row | {"credit_code": f"C{n}", "capital_fen": capital} for n, capital in enumerate(said)]
    name = desk.part("business_registration", rows)
    assert counts(desk.judge(scope=[number(1)], authorised=[number(1)])[name]) == (len(said), len(said), 0, 0)
    assert [each["capital_fen"] for each in desk.rows("business_registration", name)] == fen


@pytest.mark.parametrize("kind", ["unemployment", "student_status", "social_insurance"])
def test_no_outsider_meets_a_rule_by_himself_where_the_rule_asks_for_a_list_of_ours(desk, kind):
    rows = {
        "unemployment": {"registered_on": "2026-10-30"},
        "student_status": {"stage": "初中", "enrolment_status": "辍学", "status_on": "2026-09-01"},
        "social_insurance": {"insurance_status": "参保缴费", "pay_month": "2026-10", "base_fen": "4000"},
    }
    name = desk.part(kind, [of(1, **rows[kind]), of(2, **rows[kind])])
    assert counts(desk.judge(scope=[number(1)])[name]) == (2, 1, 0, 1)
    assert number(2) not in written(desk)


@pytest.mark.parametrize(
    ("changes", "is_kept"),
    [
        ({}, True),
        ({"loss_fen": "4999.99"}, False),
        ({"loss_fen": "0", "damaged_rooms": "1"}, True),
        ({"loss_fen": "0", "damaged_rooms": "0"}, False),
        ({"loss_fen": "0.5万元"}, True),
        ({"happened_on": "2026-09-02"}, True),
        ({"happened_on": "2026-09-01"}, False),
        ({"happened_on": "2026-11-01"}, False),
        ({"happened_on": "乱"}, False),
    ],
)
def test_a_disaster_brings_in_whom_it_would_list_by_itself(desk, changes, is_kept):
    row = {"disaster_type": "洪涝", "happened_on": "2026-10-31", "loss_fen": "5000"}
    name = desk.part("disaster_loss", [of(1, **row) | changes])
    assert counts(desk.judge(scope=[])[name]) == (1, int(is_kept), 0, int(not is_kept))


def test_rows_told_twice_bring_nobody_in(desk):
    rows = [settlement(n, "9000", hospital=hospital, id_number=number(n)) for n, hospital in
            ((1, "一院"), (1, "一院"), (2, "一院"), (2, "二院"))]  # fmt: skip
    name = desk.part("medical_expense", rows)
    verdict = desk.judge(scope=[])[name]
    assert counts(verdict) == (4, 2, 0, 2)
    assert {row["id_number"] for row in desk.rows("medical_expense", name)} == {number(2)}


# Contributions -------------------------------------------------------------------------------------------------------


def contribution(serial: int, **changes: Any) -> dict[str, Any]:
    row = {"insurance_status": "参保缴费", "pay_month": "2026-10", "base_fen": "4321.09", "employer": "秘密公司"}
    return of(serial, **row) | changes


def test_of_contributions_employer_and_base_are_kept_for_the_authorised_alone(desk):
    rows = [contribution(1), contribution(2), contribution(3)]
    name = desk.part("social_insurance", rows)
    verdict = desk.judge(scope=[number(1), number(2)], authorised=[number(1)])[name]
    assert counts(verdict) == (3, 2, 0, 1)
    kept = {row["id_number"]: row for row in desk.rows("social_insurance", name)}
    fields = ("insurance_status", "employer", "employer__text", "base_fen", "base_fen__text")
    assert [kept[number(1)][field] for field in fields] == ["参保缴费", "秘密公司", "秘密公司", 432_109, "4321.09"]
    assert [kept[number(2)][field] for field in fields] == ["参保缴费", None, None, None, None]
    assert str(kept[number(2)]["pay_month"]) == "2026-10-01"


def test_what_is_not_kept_is_neither_validated_nor_told_and_still_tells_employers_apart(desk):
    rows = [
        contribution(2, base_fen="很多"), contribution(2, employer="别家公司", base_fen=None),
        contribution(2, pay_month="2026-09"), contribution(2, pay_month="2026-09", base_fen="1"),
        contribution(2, pay_month="2026-08"), contribution(2, pay_month="2026-08", insurance_status="终止"),
        contribution(1, base_fen="不少"), contribution(1, pay_month="2026-09", base_fen=None),
        contribution(2, pay_month=None),
    ]  # fmt: skip
    name = desk.part("social_insurance", rows)
    verdict = desk.judge(scope=[number(1), number(2)], authorised=[number(1)])[name]
    told = {(at, rule) for at, rule, _ in faults(verdict)}
    # Two employers are two rows; rows that differ in the base alone are the same row twice; a status that differs is a question.
    assert told == {
        (3, "row.identical_twin"), (4, "row.differing_twin"), (5, "row.differing_twin"),
        (6, "base_fen.unreadable"), (7, "base_fen.blank"), (8, "pay_month.blank"),
    }  # fmt: skip
    assert counts(verdict) == (9, 3, 6, 0)
    everything = written(desk) + str(verdict.issues[verdict.issues["row_number"] != 10].to_dict())
    assert not [word for word in ("秘密公司", "别家公司", "很多", "4321") if word in everything]


# Whole nights --------------------------------------------------------------------------------------------------------

TEKUN = ("姓名", "身份证号", "供养方式", "生活自理能力", "基本生活标准", "纳入月份", "核对授权日期", "数据月份")
VEHICLE = ("所有人", "证件号", "号牌号码", "车辆类型", "状态")
CONTRIBUTIONS = ("姓名", "社会保障号码", "参保单位", "参保状态", "缴费月份", "缴费基数")
KEPT = "select kind, rows_accepted, rows_out_of_scope from submission where unit_code in ('traffic', 'human_resources') order by all"


def tekun(home: Path, month: str, **authorised: str) -> None:
    """A roster of d01 with people _1, _2 …, each with the date of the authorisation."""
    rows = [
        (person(int(serial[1:]))[0], number(int(serial[1:])), "分散", "全自理", "900", "2023-05", on, month)
        for serial, on in authorised.items()
    ]
    book(home / "inbox/d01/特困人员.xlsx", TEKUN, rows)


def partners(home: Path, *serials: int) -> None:
    cars = [(person(n)[0], number(n), f"样A0000{n}", "小型轿车", "正常") for n in serials]
    book(home / "inbox/traffic/机动车.xlsx", VEHICLE, cars)
    paid = [(person(n)[0], number(n), f"单位{n}", "参保缴费", "2026-09", f"4321.0{n}") for n in serials]
    book(home / "inbox/human_resources/参保缴费.xlsx", CONTRIBUTIONS, paid)


def legible(home: Path) -> str:
    paths = [path for path in (home / "accepted").rglob("*.parquet") if "scope" not in path.parts]
    return "".join(str(pq.read_table(path).to_pylist()) for path in paths)


@pytest.mark.slow
def test_an_authorisation_lets_rows_in_to_the_day_and_takes_them_away_after_it(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    tekun(home, "2026-10", _1="2024-10-31", _2="2024-11-01", _3="2024-10-30", _4="")
    partners(home, 1, 2, 3, 4, 5)
    run.night(home, DAY)
    assert ask(home, KEPT) == [("social_insurance", 4, 1), ("vehicle", 2, 3)]
    held = legible(home)
    assert [n for n in range(1, 6) if f"样A0000{n}" in held] == [1, 2]
    assert [n for n in range(1, 6) if f"单位{n}" in held or f"4321.0{n}" in held] == [1, 2]

    run.night(home, date(2026, 11, 1))
    assert ask(home, KEPT) == [("social_insurance", 4, 1), ("vehicle", 1, 4)]
    held = legible(home)
    assert [n for n in range(1, 6) if f"样A0000{n}" in held or f"单位{n}" in held or f"4321.0{n}" in held] == [2]

    # A new authorisation, on the November roster: what was dropped is read again.
    tekun(home, "2026-11", _1="2026-11-01", _2="2024-11-01", _3="", _4="")
    run.night(home, date(2026, 11, 2))
    assert ask(home, KEPT) == [("social_insurance", 4, 1), ("vehicle", 1, 4)]
    assert [n for n in range(1, 6) if f"样A0000{n}" in legible(home)] == [1]
    assert ask(
        home, "select count(*) from submission where rows_read <> rows_accepted + rows_set_aside + rows_out_of_scope"
    ) == [(0,)]

    together = few_divisions(new_home(tmp_path / "together"))
    for month, name in (("2026-10", "十月"), ("2026-11", "十一月")):
        tekun(together, month, **({"_1": "2024-10-31", "_2": "2024-11-01", "_3": "2024-10-30", "_4": ""} if name == "十月" else
                                  {"_1": "2026-11-01", "_2": "2024-11-01", "_3": "", "_4": ""}))  # fmt: skip
        (together / "inbox/d01/特困人员.xlsx").rename(together / f"inbox/d01/特困人员{name}.xlsx")
    partners(together, 1, 2, 3, 4, 5)
    run.night(together, date(2026, 11, 2))
    assert differences(home, together, only=["person", "household", "enrolment", "registry_check"]) == {}
    assert ask(together, KEPT) == ask(home, KEPT)


@pytest.mark.slow
def test_whom_a_help_rule_let_in_may_have_died_and_is_in_no_other_list(tmp_path):
    home = few_divisions(new_home(tmp_path / "home"))
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(1)])
    rows = [(person(2)[0], number(2), "2026-09-15", "一院", "90000", "80000", "青禾区")]
    book(home / "inbox/medical_insurance/高额医疗费用.xlsx", MEDICAL, rows)
    book(home / "inbox/civil_registration/死亡登记.xlsx", ("姓名", "身份证号", "死亡日期"),
         [(person(n)[0], number(n), "2026-10-01") for n in (2, 3)])  # fmt: skip
    book(home / "inbox/human_resources/失业登记.xlsx", ("姓名", "身份证号", "登记日期"),
         [(person(n)[0], number(n), "2026-10-01") for n in (1, 2)])  # fmt: skip
    run.night(home, DAY)
    found = ask(
        home, "select kind, rows_accepted, rows_out_of_scope from submission where unit_code <> 'd01' order by all"
    )
    assert found == [("death_notice", 1, 1), ("medical_expense", 1, 0), ("unemployment", 1, 1)]


@pytest.mark.parametrize(
    ("status", "is_kept"), [("正常", True), (None, True), ("/", True), ("注销", False), ("挂起", False)]
)
def test_a_certificate_whose_state_nobody_can_read_brings_nobody_in(desk, status, is_kept):
    row = {
        "certificate_no": f"{number(1)}41", "disability_type": "肢体", "disability_level": "一级", "issued_on": "2026-10-30",
        "certificate_status": status,
    }  # fmt: skip
    name = desk.part("disability_certificate", [of(1, **row)])
    assert counts(desk.judge(scope=[])[name]) == (1, int(is_kept), 0, int(not is_kept))
