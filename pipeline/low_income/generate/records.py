"""Adds rows of the smaller partner lists about people on our lists: one call writes one row, as that bureau would.

Whether a row is kept follows from the person: people in help scope, and for kinds that serve only reviews, people of
households that signed an authorisation (docs/boundaries.md, 3). Only `in_scope_records` chooses people at random; its rows
give no rule a reason to ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from low_income.generate.bureau import birthday, months_before
from low_income.generate.crowd import FRAGILE, Household
from low_income.generate.people import Person
from low_income.generate.stage import Member, Stage
from low_income.generate.table import Outcome
from low_income.settings import contracts

SCHOOL_AGES = (6, 15)
EMPLOYERS = ("样例纺织厂", "样例物业公司", "样例果品公司", "样例建筑劳务公司")
DISASTERS = ("洪涝", "风雹", "低温冷冻", "火灾", "地震")


def unemployment(stage: Stage, person: Person, on: date, *, fragile: bool = False) -> int:
    """Add a registration as unemployed."""
    row = {"registered_on": on, "cause": stage.rng.choice(("合同期满", "单位裁员", "个人离职")), "status": "失业登记"}
    return _add(stage, "unemployment", person, row, fragile=fragile)


def contribution(
    stage: Stage, person: Person, month: date, *, base: int = 420_000, status: str = "参保缴费", employer: str | None = None,
    fragile: bool = False,
) -> int:  # fmt: skip
    """Add a month of social insurance; `base` in fen, `month` any day of that month."""
    row = {
        "employer": employer or stage.rng.choice(EMPLOYERS), "insurance_status": status, "pay_month": month.replace(day=1),
        "base_fen": base,
    }  # fmt: skip
    return _add(stage, "social_insurance", person, row, fragile=fragile)


def pension(
    stage: Stage, person: Person, month: date, amount: int, *, scheme: str | None = "企业职工", status: str | None = "正常",
    fragile: bool = False,
) -> int:  # fmt: skip
    """Add a month of pension; `amount` in fen, `month` any day of that month."""
    row = {"scheme": scheme, "benefit_status": status, "pay_month": month.replace(day=1), "pension_fen": amount}
    return _add(stage, "pension", person, row, fragile=fragile)


def schooling(
    stage: Stage, person: Person, status: str, on: date | None, *, level: str | None = None, fragile: bool = False
) -> int:
    """Add a pupil's status since `on`; the level of schooling follows from the age unless it is given."""
    age = stage.day.year - person.birth.year
    level = level or ("小学" if age < 12 else "初中" if age < 16 else "高中")
    row = {"school": f"{person.place.district}第一{level}", "stage": level, "enrolment_status": status, "status_on": on}
    return _add(stage, "student_status", person, row, fragile=fragile)


def dwelling(
    stage: Stage, person: Person, *, unit_no: str | None = None, usage: str | None = "住宅", fragile: bool = False
) -> int:
    """Add a registered property; the same `unit_no` for two people means that they own it together."""
    row = {
        "unit_no": unit_no or f"{person.place.region_code}001001GB{stage.serial():05d}F00010001", "usage": usage,
        "area_m2": f"{stage.rng.randint(400, 1200) / 10:.1f}", "registered_on": stage.day - timedelta(days=stage.rng.randint(200, 5_000)),
        "shared_ownership": "共同共有" if unit_no else "单独所有",
    }  # fmt: skip
    return _add(stage, "real_estate", person, row, fragile=fragile)


def vehicle(
    stage: Stage, person: Person, *, sort: str | None = "小型轿车", status: str = "正常", fragile: bool = False
) -> int:
    """Add a registered vehicle."""
    row = {
        "plate_no": f"样A{stage.serial():05d}", "vehicle_type": sort, "status": status,
        "first_registered_on": stage.day - timedelta(days=stage.rng.randint(200, 4_000)),
    }  # fmt: skip
    return _add(stage, "vehicle", person, row, fragile=fragile)


def business(
    stage: Stage, person: Person, *, capital: int | None, sort: str = "有限责任公司", role: str | None = "法定代表人",
    status: str = "存续", fragile: bool = False,
) -> int:  # fmt: skip
    """Add a registered business and the person's office in it; `capital` in fen."""
    serial = stage.serial()
    row = {
        "credit_code": f"91{person.place.region_code}MA{serial:08d}", "business_name": f"{person.place.district}样例{serial}号",
        "business_type": sort, "role": role, "capital_fen": capital, "status": status,
        "established_on": stage.day - timedelta(days=stage.rng.randint(200, 4_000)),
    }  # fmt: skip
    return _add(stage, "business_registration", person, row, fragile=fragile)


def disaster(
    stage: Stage, person: Person, on: date, *, loss: int, rooms: int | None = None, sort: str | None = None,
    is_kept: bool = False, where: str = "full", fragile: bool = False,
) -> int:  # fmt: skip
    """Add a household's loss by a disaster, `loss` in fen. `is_kept`: the person is on no list, and the loss itself lists him."""
    row = {
        "disaster_type": sort or stage.rng.choice(DISASTERS), "happened_on": on, "affected_count": stage.rng.randint(1, 4),
        "damaged_rooms": rooms, "loss_fen": loss,
    }  # fmt: skip
    return _add(stage, "disaster_loss", person, row, is_kept=is_kept, where=where, fragile=fragile)


def _add(
    stage: Stage, kind: str, person: Person, row: Mapping[str, Any], *, is_kept: bool = False, where: str = "full",
    fragile: bool = False,
) -> int:  # fmt: skip
    contract = contracts.load().kinds[kind]
    who = {"name": person.name, "id_number": person.id_number, **stage.where(person.place, where)}
    kept = stage.scope if contract.scopes[0] == "help" else stage.authorised
    outcome: Outcome = "accepted" if is_kept or person.id_number in kept else "out_of_scope"
    # A fault in a row about a person out of scope is never looked at.
    fragile = fragile and outcome == "accepted"
    return stage.tables[kind].add(contract.senders[0], who | dict(row), outcome=outcome, fragile=fragile)


def in_scope_records(stage: Stage, firm: Sequence[Household], wanted: Mapping[str, int]) -> None:
    """Add about `wanted` rows of each kind about ordinary people of our lists; none gives a rule a reason to ask.

    People registered as unemployed long ago; contributions that ended or are old, except for surveyed people; the basic
    pension; pupils at school; one dwelling; vehicles, businesses and losses of a type or age that no rule names.
    """
    people = [(household, member) for household in firm for member in household.members]
    makers = {
        "unemployment": _long_unemployed, "social_insurance": _insured, "pension": _pensioner, "student_status": _pupil,
        "real_estate": _owner, "vehicle": _driver, "business_registration": _trader, "disaster_loss": _struck,
    }  # fmt: skip
    for kind, make in makers.items():
        left = wanted[kind]
        for household, member in stage.rng.sample(people, len(people)):
            if left <= 0:
                break
            left -= make(stage, household, member, stage.rng.random() < FRAGILE)


def _is_aged(stage: Stage, person: Person, first: int, last: int) -> bool:
    return birthday(stage.day, last + 1) < person.birth <= birthday(stage.day, first)


def _back(stage: Stage, first: int, last: int) -> date:
    return stage.day - timedelta(days=stage.rng.randint(first, last))


def _long_unemployed(stage: Stage, household: Household, member: Member, fragile: bool) -> int:
    if not _is_aged(stage, member.person, 18, 58):
        return 0
    unemployment(stage, member.person, _back(stage, 120, 700), fragile=fragile)
    return 1


def _insured(stage: Stage, household: Household, member: Member, fragile: bool) -> int:
    if not _is_aged(stage, member.person, 18, 58):
        return 0
    is_ours = household.list_name in ("dibao", "tekun", "edge")
    first, status = (6, "参保缴费") if is_ours else (0, "参保缴费")
    if is_ours and stage.rng.random() < 0.5:
        first, status = 0, stage.rng.choice(("暂停", "终止"))
    base, employer = stage.rng.randrange(300_000, 700_000, 1_000), stage.rng.choice(EMPLOYERS)
    for back in range(first, first + 2):
        month = months_before(stage.day.replace(day=1), back)
        contribution(
            stage, member.person, month, base=base, status=status, employer=employer, fragile=fragile and back == first
        )
    return 2


def _pensioner(stage: Stage, household: Household, member: Member, fragile: bool) -> int:
    if not _is_aged(stage, member.person, 61, 95):
        return 0
    for back in range(2):
        month = months_before(stage.day.replace(day=1), back)
        pension(
            stage,
            member.person,
            month,
            stage.rng.randrange(16_000, 30_000, 500),
            scheme="城乡居民",
            fragile=fragile and not back,
        )
    return 2


def _pupil(stage: Stage, household: Household, member: Member, fragile: bool) -> int:
    if not _is_aged(stage, member.person, *SCHOOL_AGES):
        return 0
    # Were the later row spoilt, the child would be out of school.
    if not fragile and stage.rng.random() < 0.1:
        schooling(stage, member.person, "休学", _back(stage, 300, 600))
    schooling(stage, member.person, "在读", _back(stage, 30, 200), fragile=fragile)
    return 1


def _owner(stage: Stage, household: Household, member: Member, fragile: bool) -> int:
    if member is not household.members[0]:
        return 0
    dwelling(stage, member.person, usage=stage.rng.choice(("住宅", "住宅", "商业", "其他")), fragile=fragile)
    return 1


def _driver(stage: Stage, household: Household, member: Member, fragile: bool) -> int:
    if not _is_aged(stage, member.person, 18, 80):
        return 0
    sorts = (
        ("摩托车", "正常"),
        ("三轮车", "正常"),
        ("残疾人专用车", "正常"),
        ("拖拉机", "正常"),
        ("小型轿车", "报废"),
        ("货车", "注销"),
    )
    sort, status = stage.rng.choice(sorts)
    vehicle(stage, member.person, sort=sort, status=status, fragile=fragile)
    return 1


def _trader(stage: Stage, household: Household, member: Member, fragile: bool) -> int:
    if not _is_aged(stage, member.person, 18, 70):
        return 0
    sort, role, status = stage.rng.choice(
        (("个体工商户", "经营者", "存续"), ("农民专业合作社", "成员", "存续"), ("有限责任公司", "股东", "注销"))
    )
    business(
        stage,
        member.person,
        capital=stage.rng.randint(1, 50) * 1_000_000,
        sort=sort,
        role=role,
        status=status,
        fragile=fragile,
    )
    return 1


def _struck(stage: Stage, household: Household, member: Member, fragile: bool) -> int:
    if member is not household.members[0]:
        return 0
    is_old = stage.rng.random() < 0.5
    on = _back(stage, 90, 400) if is_old else _back(stage, 5, 50)
    loss = stage.rng.randrange(50_000, 3_000_000 if is_old else 450_000, 1_000)
    disaster(stage, member.person, on, loss=loss, rooms=stage.rng.randint(0, 2) if is_old else 0, fragile=fragile)
    return 1
