"""Spoils cells of fragile rows, each in one of the ways in which real files are damaged.

The expected result of each fault follows from docs/sources.md and docs/identity.md; the product is not asked. Some
spellings only look odd and must be read right: they count as no fault.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from low_income.generate.bureau import Bureau
from low_income.generate.stage import Stage
from low_income.generate.table import BLANK, Spoilt, Table

Row = dict[str, Any]
Recipe = Callable[[Row, random.Random], Spoilt | None]
"""Spoils a row; gives None when the row cannot be spoilt in this way."""

FULL_WIDTH = {ord(plain): ord(plain) - 0x21 + 0xFF01 for plain in "0123456789X"}
FAMILIES = (
    ("dibao_household", "dibao_person"),
    ("edge_household", "edge_person"),
    ("survey_household", "survey_person"),
)
SINGLE = (
    "tekun_person", "temporary_grant", "poverty_return_monitoring", "medical_expense", "disability_certificate", "unemployment",
    "social_insurance", "pension", "student_status", "real_estate", "vehicle", "business_registration", "disaster_loss",
)  # fmt: skip


def disguises(field: str) -> list[Recipe]:
    """Odd ways of writing a number; all must be read right."""
    return [
        lambda row, rng: Spoilt(field, row[field].lower(), None) if row[field].endswith("X") else None,
        lambda row, rng: Spoilt(field, row[field].translate(FULL_WIDTH), None),
        lambda row, rng: Spoilt(field, f"{row[field][:6]} {row[field][6:14]} {row[field][14:]}", None),
        lambda row, rng: Spoilt(field, "'" + row[field], None),
        lambda row, rng: Spoilt(field, row[field] + "\u3000", None),
    ]


def old_number(row: Row, rng: random.Random) -> Spoilt | None:
    """The 15-digit form, which only people born before 2000 have."""
    number = row["id_number"]
    return Spoilt("id_number", number[:6] + number[8:17], None) if number[6:8] == "19" else None


def number_faults(field: str) -> list[Recipe]:
    """Ways of spoiling a number; each sets the row aside."""

    def ruined(fault: str, cell: Callable[[str, random.Random], str | float | None]) -> Recipe:
        def recipe(row: Row, rng: random.Random) -> Spoilt | None:
            spoilt = cell(row[field], rng)
            return None if spoilt is None else Spoilt(field, spoilt, f"id_number.{fault}", "set_aside")

        return recipe

    def wrong_check(number: str, rng: random.Random) -> str:
        return number[:16] + str((int(number[16]) + rng.choice((2, 4, 6, 8))) % 10) + number[17]

    return [
        ruined("check_digit", wrong_check),
        ruined("digits_lost", lambda number, rng: float(number[:15] + "000")),
        ruined("digits_lost", lambda number, rng: None if number.endswith("X") else float(number)),
        ruined("length", lambda number, rng: number[:9] + number[10:]),
        ruined("length", lambda number, rng: number + "42"),
        ruined("birth_date", lambda number, rng: number[:10] + "1332" + number[14:]),
        ruined("missing", lambda number, rng: BLANK),
        ruined("characters", lambda number, rng: number[:4] + "O" + number[5:]),
    ]


def missing(field: str) -> Recipe:
    """A required cell left empty."""
    return lambda row, rng: Spoilt(field, BLANK, "required.missing", "set_aside")


def unreadable(field: str, cell: str | float, fault: str, *, required: bool = False) -> Recipe:
    """A cell that cannot be read; when it is optional the row is accepted."""
    return lambda row, rng: Spoilt(field, cell, fault, "set_aside" if required else "accepted")


def _sex(row: Row, rng: random.Random) -> Spoilt:
    return Spoilt("sex", "女" if row["sex"] == "男" else "男", "sex.contradicts")


def _birth(row: Row, rng: random.Random) -> Spoilt:
    return Spoilt("birth_date", f"{row['birth_date'] - timedelta(days=400):%Y-%m-%d}", "birth_date.contradicts")


def _one_too_many(least: int) -> Recipe:
    """Declare a household one larger than it is, if it has `least` members: so income per head stays clear of every line."""

    def recipe(row: Row, rng: random.Random) -> Spoilt | None:
        size = row["household_size"]
        return Spoilt("household_size", str(size + 1), "members_listed") if size >= least else None

    return recipe


def _head_unknown(row: Row, rng: random.Random) -> Spoilt | None:
    is_head = row["relation"] == "户主"
    return None if is_head else Spoilt("head_id_number", BLANK, "head.unknown", "set_aside")


def _future(bureau: Bureau, field: str) -> Recipe:
    return lambda row, rng: Spoilt(field, f"{bureau.day + timedelta(days=200):%Y-%m-%d}", "date.future")


def _other_township(bureau: Bureau) -> Recipe:
    """A township that only other divisions have."""

    def recipe(row: Row, rng: random.Random) -> Spoilt:
        own = {place.township for place in bureau.places[row["_unit"], "城市"]}
        others = sorted(
            f"{place.district}{place.township}"
            for (code, area), places in bureau.places.items()
            for place in places
            if area == "城市" and code != row["_unit"] and place.township not in own
        )
        return Spoilt("township", rng.choice(others), "township.other_division", "set_aside")

    return recipe


DUPLICATES: dict[str, str] = {
    "dibao_household": "monthly_benefit_fen", "dibao_person": "supplement_fen", "tekun_person": "basic_amount_fen",
    "edge_household": "income_per_head_fen", "edge_person": "monthly_income_fen", "survey_household": "yearly_income_fen",
    "survey_person": "health", "temporary_grant": "current_address", "poverty_return_monitoring": "risk_type",
    "disability_certificate": "district",
}  # fmt: skip
"""Kind → the field in which a differing duplicate differs."""


KEYS = {
    "dibao_household": "head_id_number", "edge_household": "head_id_number", "survey_household": "household_no",
    "temporary_grant": "application_no", "disability_certificate": "certificate_no",
}  # fmt: skip
"""Kind → the field that duplicates share, where it is not the person's number."""


def _from(found: Sequence[Recipe], start: int) -> list[Recipe]:
    """The same ways, starting at another one, so that short lists of different kinds show different faults."""
    return [*found[start:], *found[:start]]


def recipes(bureau: Bureau) -> dict[str, list[Recipe]]:
    """Kind → the ways in which its rows are spoilt, taken in turn."""
    other = _other_township(bureau)
    person = [*number_faults("id_number"), old_number, *disguises("id_number"), missing("name")]
    head = [*number_faults("head_id_number"), *disguises("head_id_number"), missing("head_name")]
    bad_date = "date.unreadable"
    return {
        "dibao_household": [
            _one_too_many(1), other, missing("monthly_benefit_fen"), unreadable("start_month", "不详", bad_date, required=True),
            unreadable("household_supplement_fen", "约五百", "amount.unreadable"), _future(bureau, "authorised_on"),
            unreadable("authorised_on", "2025-13-45", bad_date), lambda row, rng: Spoilt("phone", "/", None), *head,
        ],
        "dibao_person": [
            _head_unknown, _sex, _birth, unreadable("birth_date", 1986.1, bad_date), missing("relation"),
            unreadable("is_seriously_ill", "待查", "boolean.unreadable"), unreadable("work_ability", "看情况", "code.unreadable"), *person,
        ],
        "tekun_person": [_sex, *_from(person, 3), other, unreadable("self_care", "待评估", "code.unreadable", required=True), _birth],
        "edge_household": [other, unreadable("valid_until", "以后再说", bad_date), *head, missing("start_month")],
        "edge_person": [_head_unknown, unreadable("monthly_income_fen", "不清楚", "amount.unreadable"), *person],
        "survey_household": [
            unreadable("yearly_income_fen", "不清楚", "amount.unreadable", required=True), other, _one_too_many(3),
            unreadable("surveyed_on", "上个月", bad_date, required=True), unreadable("medical_fen", "很多", "amount.unreadable"), *head,
        ],
        "survey_person": [*_from(person, 5), missing("relation")],
        "temporary_grant": [
            unreadable("amount_fen", "若干", "amount.unreadable"), other, unreadable("accepted_on", "2026-02-30", bad_date, required=True),
            missing("application_no"), unreadable("type", "特别型", "code.unreadable", required=True), *person,
        ],
        "poverty_return_monitoring": [missing("category"), *_from(person, 2), unreadable("identified_on", "前年", bad_date, required=True)],
        "medical_expense": [
            unreadable("settled_on", "2026-00-00", bad_date, required=True), *number_faults("id_number"), old_number,
            *disguises("id_number"), missing("name"), unreadable("burden_fen", "见附件", "amount.unreadable", required=True),
            unreadable("pooled_fen", "见附件", "amount.unreadable"),
        ],
        "disability_certificate": [
            unreadable("issued_on", "不详", bad_date, required=True), *number_faults("id_number"), old_number,
            *disguises("id_number"), missing("name"), unreadable("disability_level", "五级", "code.unreadable", required=True),
        ],
        "unemployment": [unreadable("registered_on", "去年", bad_date, required=True), *_from(person, 1)],
        "social_insurance": [unreadable("pay_month", "上月", bad_date, required=True), *_from(person, 4)],
        "pension": [unreadable("benefit_status", "待核", "code.unreadable"), *_from(person, 6), missing("pension_fen")],
        "student_status": [unreadable("enrolment_status", "待查", "code.unreadable", required=True), *_from(person, 2)],
        "real_estate": [unreadable("registered_on", "不详", bad_date), *_from(person, 3), missing("unit_no")],
        "vehicle": [unreadable("status", "待查", "code.unreadable", required=True), *_from(person, 5)],
        "business_registration": [unreadable("capital_fen", "若干", "amount.unreadable"), *_from(person, 7), missing("business_name")],
        "disaster_loss": [unreadable("loss_fen", "很大", "amount.unreadable", required=True), *_from(person, 1)],
    }  # fmt: skip


def damage(stage: Stage) -> None:
    """Spoil the fragile rows: one row of each fragile household, every fragile row of other kinds; and add duplicates."""
    rng = stage.rng
    ways = {kind: _with_twins(kind, found) for kind, found in recipes(stage.bureau).items()}
    lost: list[int] = []
    for kinds in FAMILIES:
        for number, chosen in enumerate(_of_households(stage, kinds)):
            if kinds[0] == "dibao_household" and number % 10 == 5:
                lost += _orphan(stage, chosen)
            else:
                kind = kinds[number % 2]
                _spoil_one(stage.tables[kind], chosen[kind][-1], ways[kind], rng)
    for kind in SINGLE:
        table = stage.tables[kind]
        for position in [n for n, fragile in enumerate(table.columns["_fragile"]) if fragile]:
            _spoil_one(table, position, ways[kind], rng)
    stage.tables["dibao_household"].drop(lost)


def _with_twins(kind: str, found: Sequence[Recipe]) -> list[Recipe | str]:
    ways: list[Recipe | str] = [*found]
    if kind in DUPLICATES:
        ways[2:2] = ["identical", "differing"]
    return ways


def _of_households(stage: Stage, kinds: tuple[str, str]) -> list[dict[str, list[int]]]:
    """Fragile households: kind → positions of their rows."""
    found: dict[str, dict[str, list[int]]] = {}
    for kind in kinds:
        columns = stage.tables[kind].columns
        for position, (fragile, group) in enumerate(zip(columns["_fragile"], columns["_group"], strict=True)):
            if fragile:
                found.setdefault(group, {name: [] for name in kinds})[kind].append(position)
    return list(found.values())


def _spoil_one(table: Table, position: int, ways: list[Recipe | str], rng: random.Random) -> None:
    """Apply the first way that fits this row, and move that way to the end: so every way gets its turn."""
    row = {name: column[position] for name, column in table.columns.items()}
    for number, way in enumerate(ways):
        if isinstance(way, str):
            _twin(table, position, way)
        else:
            spoilt = way(row, rng)
            if spoilt is None or row[spoilt.field] is None:
                continue
            table.spoil(position, spoilt)
        ways.append(ways.pop(number))
        return


def _twin(table: Table, position: int, sort: str) -> None:
    """Add the same row again, or with one value changed: then neither row can be taken."""
    twin = table.copy_row(position)
    field = DUPLICATES[table.kind]
    if sort == "differing":
        value = table.columns[field][position]
        changed = value + 100 if isinstance(value, int) else 100 if field.endswith("_fen") else f"{value or ''}差"
        table.columns[field][twin] = changed
    for where in (twin,) if sort == "identical" else (position, twin):
        table.spoil(where, Spoilt(KEYS.get(table.kind, "id_number"), None, f"duplicate.{sort}", "set_aside"))


def _orphan(stage: Stage, chosen: dict[str, list[int]]) -> list[int]:
    """Leave a household out of the household file: its members' rows are accepted, with an issue. Returns its row there."""
    for position in chosen["dibao_person"]:
        stage.tables["dibao_person"].spoil(position, Spoilt("head_id_number", None, "head_listed"))
    return chosen["dibao_household"]
