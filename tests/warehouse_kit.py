"""What tests of the warehouse share: three small rules, nights in memory, rows given sparsely."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from low_income import warehouse
from low_income.settings import contracts
from low_income.warehouse.models import SQL, Models, read_models

from tests import sql_kit

NIGHT = date(2026, 10, 30)  # a Friday


LIMITS = warehouse.Limits("1GB", threads=1)


POOR = """
select
    survey_household.person_id as person_id,
    identity.household_id as household_id,
    survey_household.unit_code as division_code,
    case when survey_household.yearly_income_fen < 50000 then 'red' else 'yellow' end as level,
    survey_household.yearly_income_fen as measured,
    survey_household.yearly_income_fen as yearly_income_fen,
    survey_household.medical_fen as medical_fen,
    survey_household.surveyed_on as surveyed_on,
    survey_household.has_supporter as has_supporter,
    survey_household.row_id as survey_row_id
from accepted.survey_household as survey_household
inner join input.identity as identity
    on survey_household.person_id = identity.person_id
inner join registry.household_check as dibao
    on identity.household_id = dibao.household_id and dibao.registry = 'dibao' and dibao.answer = 'not_enrolled'
where survey_household.yearly_income_fen < 100000
"""


POOR_CARD = """
code: X01
title: 收入很低
purpose: assistance
subject: head
level: [red, yellow]
condition: 年收入低于1000元
why: 试验
citation: 试验
caveat: 收入可能有变,可出示收入证明
reads_policy: [dibao_standard]
not_in: [dibao]
yields_to: [X02]
reason: "年收入{yearly_income_fen}元,医疗{medical_fen}元,{surveyed_on}调查,赡养人:{has_supporter}"
evidence:
  - {fact: 家庭年总收入, kind: survey_household, field: yearly_income_fen, row: survey_row_id}
examples:
  - name: 低
    night: 2026-10-31
    given: {dibao_person: [{id_number: 旁}], survey_household: [{head_id_number: 甲, yearly_income_fen: 1}]}
    expect: [甲]
  - {name: 不低, night: 2026-10-31, given: {survey_household: [{head_id_number: 甲, yearly_income_fen: 100000}]}, expect: []}
"""


ALONE = POOR.replace(
    "where survey_household.yearly_income_fen < 100000",
    "where survey_household.yearly_income_fen < 100000 and survey_household.household_size = 1",
)


ALONE_CARD = (
    POOR_CARD.replace("code: X01", "code: X02")
    .replace("subject: head", "subject: person")
    .replace("yields_to: [X02]", "")
)


OVERDUE = """
select
    enrolment.person_id as person_id,
    enrolment.household_id as household_id,
    enrolment.division_code as division_code,
    'blue' as level,
    1 as measured,
    enrolment.start_month as start_month,
    enrolment.row_id as roster_row_id
from registry.enrolment as enrolment
cross join input.night as night
where enrolment.registry = 'dibao' and enrolment.is_current and enrolment.start_month < night.month_start - interval 12 month
"""


OVERDUE_CARD = """
code: X03
title: 复核逾期
purpose: entitlement_review
subject: person
level: blue
condition: 享受超过一年
why: 试验
citation: 试验
caveat: 可能已复核
reason: "{start_month}起享受"
evidence:
  - {fact: 最初享受月份, kind: dibao_person, field: start_month, row: roster_row_id}
examples:
  - {name: 早, night: 2026-10-31, given: {dibao_person: [{id_number: 甲, start_month: 2024-01}]}, expect: [甲]}
  - {name: 晚, night: 2026-10-31, given: {dibao_person: [{id_number: 甲, start_month: 2026-01}]}, expect: []}
"""


RULES = {"x01": (POOR, POOR_CARD), "x02": (ALONE, ALONE_CARD), "x03": (OVERDUE, OVERDUE_CARD)}


def models_with(folder: Path, rules: dict[str, tuple[str, str]] = RULES, **others: tuple[str, str]) -> Models:
    """The real registry and published models with these rules only, and others given as room__name=(sql, yml)."""
    if not folder.exists():
        for room in ("registry", "life", "published"):
            shutil.copytree(SQL / room, folder / room)
        (folder / "warnings").mkdir()
    for name, pair in rules.items():
        write(folder, f"warnings__{name}", pair)
    for name, pair in others.items():
        write(folder, name, pair)
    return read_models(contracts.load().kinds, folder)


def write(folder: Path, name: str, pair: tuple[str, str]) -> None:
    room, _, stem = name.partition("__")
    (folder / room / f"{stem}.sql").write_text(pair[0], encoding="utf-8")
    (folder / room / f"{stem}.yml").write_text(pair[1], encoding="utf-8")


def given(night: date, **rows: list[dict[str, Any]]) -> warehouse.Inputs:
    collected = sql_kit.Given(night)
    for unit in sql_kit.UNITS[:3]:
        collected.add("input.unit", unit)
    for table, entries in rows.items():
        for row in entries:
            collected.add(table.replace("__", ".", 1), row)
    return collected.inputs()


def survey(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"household_no": f"H{at}", "household_size": 2, "yearly_income_fen": 60000, **row}
        for at, row in enumerate(rows)
    ]


ROSTERS: dict[str, list[dict[str, Any]]] = {
    "dibao_person": [{"id_number": "旁甲", "start_month": "2026-01"}, {"id_number": "旁丁", "unit_code": "d02"}],
    "tekun_person": [{"id_number": "旁乙"}],
    "edge_person": [{"id_number": "旁丙"}],
}


def merged(
    one: dict[str, list[dict[str, Any]]], more: dict[str, list[dict[str, Any]]]
) -> dict[str, list[dict[str, Any]]]:
    return {kind: [*one.get(kind, []), *more.get(kind, [])] for kind in one | more}


CASES = "ABCDEFGHIJ"
NUMBERS = ("id_number", "head_id_number", "person_id", "number")
NAMES = ("name", "head_name")
REFERENCES = ("household_no", "application_no", "submission_id")
"""Fields that `apart` changes: numbers of people, names of people, and numbers by which rows are told apart."""


def apart_number(number: str, at: int) -> str:
    """The number of somebody else, for each `at`; one of 18 characters gets another birthday, so no number of another case is near it."""
    return f"{number[:10]}{at + 1:02d}{at + 1:02d}{number[14:]}" if len(number) == 18 else f"{number}{CASES[at]}"


def apart_name(name: str, at: int) -> str:
    """A name of somebody else, for each `at`; its beginning stays one, and a surname alone stays as it is."""
    return f"{name[0]}{'一二三四五六七八九十'[at]}{name[1:]}" if len(name) > 1 else name


def apart(rows: dict[str, list[dict[str, Any]]], at: int) -> dict[str, list[dict[str, Any]]]:
    """The same rows about other people, for each `at`, so that several cases can be tried in one night."""
    letter = CASES[at]

    def other(field: str, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if field in NUMBERS:
            return apart_number(value, at)
        if field in NAMES:
            return apart_name(value, at)
        if field in REFERENCES:
            return f"{value}{letter}"
        if field == "row_id":
            submission, hash_sign, place = value.partition("#")
            return f"{submission}{letter}{hash_sign}{place}"
        if field == "phone":
            return f"{value[:-2]}{at}{at}"
        if field in ("birth_date", "number_birth_date"):
            return f"{value[:5]}{at + 1:02d}-{at + 1:02d}"
        return value

    return {kind: [{field: other(field, row[field]) for field in row} for row in each] for kind, each in rows.items()}


def each_apart(cases: Iterable[dict[str, list[dict[str, Any]]]]) -> dict[str, list[dict[str, Any]]]:
    """The rows of all cases, each about people of its own."""
    together: dict[str, list[dict[str, Any]]] = {}
    for at, rows in enumerate(cases):
        together = merged(together, apart(rows, at))
    return together


class Nights:
    """One night after the other, in memory: all tables, no files. The same two verbs as a home."""

    def __init__(self, models: Models) -> None:
        self.models = models
        self.con: duckdb.DuckDBPyConnection | None = None
        self.given: dict[date, warehouse.Inputs] = {}

    def night(self, inputs: warehouse.Inputs, models: Models | None = None) -> None:
        models = models or self.models
        if self.con:
            before = {
                table: self.con.sql(f"select * from main.{source}").to_arrow_table()
                for table, source in warehouse.PREVIOUS.items()
            }
            inputs = replace(
                inputs, given_tables={**inputs.given_tables, **before}, earlier=lambda night: self.given[night]
            )
            self.con.close()
        self.given[inputs.day] = inputs
        models.validate(models.everything())
        self.con = warehouse._connect(None, LIMITS)
        warehouse._make(self.con, inputs, models, models.everything())
        assert warehouse.verify_release(self.con, models) == []

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        assert self.con
        return self.con.execute(query).fetchall()


def only(folder: Path, **files: tuple[str, str]) -> Models:
    for room in ("registry", "warnings", "published"):
        (folder / room).mkdir(parents=True, exist_ok=True)
    for name, pair in files.items():
        write(folder, name, pair)
    return read_models(contracts.load().kinds, folder)


NOTE = "grain: one row\nkey: [person_id]\n"
