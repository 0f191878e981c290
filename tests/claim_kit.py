"""Nights in which one division's list speaks of another division's people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from low_income import warehouse

from tests.identity_kit import first_of
from tests.life_kit import after
from tests.warehouse_kit import POOR, POOR_CARD, ROSTERS, Nights, models_with, survey

HEADS = {"甲": "张三", "乙": "李四", "丙": "王五", "丁": "赵六"}
"""Heads of four poor households of d01, and how they are called."""


def lists(**more: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What d01 sends, and `more` rows of each kind beside it."""
    own = {
        "survey_household": survey(*({"head_id_number": who, "head_name": name} for who, name in HEADS.items())),
        **ROSTERS,
    }
    return {kind: [*own.get(kind, []), *more.get(kind, [])] for kind in own | more}


def set_aside_in_d02(kind: str, *, period: str | None = None, **row: Any) -> dict[str, list[dict[str, Any]]]:
    """A list that d02 sent, of which one row was set aside; `row`: what is known of it."""
    sent = {"submission_id": "Z", "unit_code": "d02", "kind": kind} | ({"period": period} if period else {})
    return {
        "input__set_aside": [sent | {"row_id": "Z#a#2", "sheet": "a", "row_number": 2, "reason": "x"} | row],
        "input__submission": [
            sent | {"file_name": "z.xlsx", "status": "partly_accepted", "received_seq": 99, "night": str(after(1))}
        ],
    }


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    """The night before any claim, with a rule that lists a household where it lives."""
    living = (
        POOR.replace("survey_household.unit_code", "household.division_code").replace("input.identity", "registry.person")
        .replace("where ", "inner join registry.household as household on identity.household_id = household.household_id where ")
    )  # fmt: skip
    models = models_with(
        tmp_path_factory.mktemp("claims") / "sql", {"x01": (living, POOR_CARD.replace("yields_to: [X02]", ""))}
    )
    yield from first_of(models, lists())


SICK = """
select
    person.person_id as person_id,
    person.household_id as household_id,
    person.division_code as division_code,
    'yellow' as level,
    burden_row.burden_fen as measured,
    burden_row.burden_fen as burden_fen,
    burden_row.row_id as burden_row_id
from registry.burden_row as burden_row
inner join registry.person as person
    on burden_row.person_id = person.person_id
inner join registry.registry_check as dibao
    on person.person_id = dibao.person_id and dibao.registry = 'dibao' and dibao.answer = 'not_enrolled'
"""


SICK_CARD = """
code: X01
title: 医疗费用很高
purpose: assistance
subject: person
level: yellow
condition: 有医疗费用
why: 试验
citation: 试验
caveat: 费用可能有变，可出示票据
not_in: [dibao]
reason: "个人负担{burden_fen}元"
evidence:
  - {fact: 个人负担, kind: medical_expense, field: burden_fen, row: burden_row_id}
examples:
  - name: 有
    night: 2026-10-31
    given:
      dibao_person: [{id_number: 旁甲, unit_code: d01}, {id_number: 旁乙, unit_code: d02}]
      medical_expense: [{id_number: 甲, settled_on: 2026-09-05}]
      input.unit: [{unit_code: bureau, unit_kind: bureau}, {unit_code: d01, unit_kind: division}, {unit_code: d02, unit_kind: division}]
    expect: [甲]
  - {name: 没有, night: 2026-10-31, given: {medical_expense: [{id_number: 甲, settled_on: 2024-09-05}]}, expect: []}
"""


KNOWN = {"戊": ("孙七", "bureau"), "己": ("周八", "d01"), "庚": ("吴九", "d01")}
"""Of whom partners alone know, at no address and at one in d01, and of whom an application in d01 tells: name, and where he is counted."""


BILLS: list[dict[str, Any]] = [
    {"id_number": who, "name": name, "row_id": f"m{who}", "settled_on": "2026-09-05", "burden_fen": 900000}
    for who, (name, _) in KNOWN.items()
]


def known(**more: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What everybody sends without any claim, and `more` rows of each kind beside it."""
    own: dict[str, list[dict[str, Any]]] = {
        "medical_expense": BILLS,
        "input__place": [{"row_id": "m己", "division_code": "d01"}],
        "temporary_grant": [{"id_number": "庚", "name": "吴九", "application_no": "A1", "accepted_on": "2026-03-01"}],
        **ROSTERS,
    }
    return {kind: [*own.get(kind, []), *more.get(kind, [])] for kind in own | more}


def seen_in(nights: Nights, unit: str) -> str:
    """All that a division's file says of anything, as one text."""
    said = []
    for name, about in sorted(nights.models.published.items()):
        if about.by_division is not None:
            mine = about.by_division.replace("$division", f"'{unit}'")
            said += nights.rows(f"select {warehouse._shown_to(unit, about)} from {name} where {mine}")
    return str(said)


def rows_seen_in(nights: Nights, unit: str, table: str) -> list[dict[str, Any]]:
    """The rows of a published table that a division's file holds, as it shows them."""
    about = nights.models.published[f"main.{table}"]
    assert about.by_division is not None
    mine = about.by_division.replace("$division", f"'{unit}'")
    shown = f"select {warehouse._shown_to(unit, about)} from {table} where {mine}"
    names = [name for name, *_ in nights.rows(f"describe {shown}")]
    return [dict(zip(names, row, strict=True)) for row in nights.rows(shown)]


@pytest.fixture(scope="module")
def unlisted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    """The night before any claim, of people whom no roster knows."""
    models = models_with(tmp_path_factory.mktemp("unlisted") / "sql", {"x01": (SICK, SICK_CARD)})
    yield from first_of(models, known())


MONTHLY = ("dibao_household", "dibao_person", "tekun_person", "edge_household", "edge_person")


def of_october(
    lists_now: dict[str, list[dict[str, Any]]],
) -> dict[str, list[dict[str, Any]]]:
    """The same with every list of a month that of October, so that a night in November changes nothing by itself."""
    return {
        kind: [{"period": "2026-10"} | row for row in rows] if kind in MONTHLY else rows
        for kind, rows in lists_now.items()
    }


HIS, SOCK, SMALLER = "990101196001011239", "990101196001015555", "990101196001010017"
"""The number of a person whom d01 names later; numbers of d02's own invention, of which one sorts behind his and one before."""


def of_d02(*numbers: str) -> dict[str, list[dict[str, Any]]]:
    """One invented person of d02 under several numbers, who looks like one person with several."""
    rows = [
        {"id_number": each, "name": "假大名", "unit_code": "d02", "phone": "13811112222", "start_month": "2026-01"}
        for each in numbers
    ]
    return {"dibao_person": rows}


def of_d02_and_set_aside(*numbers: str) -> dict[str, list[dict[str, Any]]]:
    """The same person on d02's edge roster, and a row of its dibao roster whose number has one other digit."""
    where = {"row_id": "R#a#2", "submission_id": "R", "period": "2026-10", "unit_code": "d02"}
    return {
        "edge_person": [{"id_number": each, "name": "假大名", "unit_code": "d02"} for each in numbers],
        "input__set_aside": [where | {
            "kind": "dibao_person", "sheet": "a", "row_number": 2, "name": "假大名", "reason": "x", "number": f"{HIS[:-1]}8",
            "number_state": "invalid", "birth_date": "1960-01-01", "number_birth_date": "1960-01-01", "is_unproven": True,
        }],
        "input__submission": [{
            "submission_id": "R", "unit_code": "d02", "kind": "dibao_person", "file_name": "r.xlsx", "period": "2026-10",
            "status": "partly_accepted", "received_seq": 50, "night": "2026-10-30",
        }],
        "unproven__dibao_person": [where | {
            "name": "假大名", "id_number": HIS, "sheet": "a", "row_number": 2, "start_month": "2026-10",
        }],
    }  # fmt: skip


def named_by_d01(name: str = "张大明") -> dict[str, list[dict[str, Any]]]:
    return {"survey_household": survey({"head_id_number": HIS, "head_name": name, "household_no": "H9"})}


OTHER = f"{HIS[:-1]}7"
"""A number of d02's invention that has one other digit than the one on the partner's row, as his has."""


def a_bill(**more: Any) -> dict[str, list[dict[str, Any]]]:
    """A bill in the name of 张大明 under a number that is nobody's."""
    where = {"row_id": "R#a#2", "submission_id": "R", "unit_code": "medical_insurance"}
    return {
        "input__set_aside": [where | {
            "kind": "medical_expense", "sheet": "a", "row_number": 2, "name": "张大明", "reason": "x", "number": f"{HIS[:-1]}8",
            "number_state": "invalid", "number_birth_date": "1960-01-01", "is_unproven": True, **more,
        }],
        "input__submission": [{
            "submission_id": "R", "unit_code": "medical_insurance", "kind": "medical_expense", "file_name": "r.xlsx",
            "status": "partly_accepted", "received_seq": 50, "night": "2026-10-30",
        }],
        "unproven__medical_expense": [where | {
            "name": "张大明", "id_number": HIS, "sheet": "a", "row_number": 2, "settled_on": "2026-09-05", "burden_fen": 900000,
        }],
    }  # fmt: skip


def asked_of(nights: Nights, unit: str) -> str:
    ((question,),) = nights.rows(
        f"select question_id from identity_question where is_asked and decision is null and division_code = '{unit}'"
    )
    return str(question)
