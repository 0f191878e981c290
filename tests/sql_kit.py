"""Runs the examples that stand beside the models and cards of sql/.

An example gives accepted rows, sparsely, and says what the model must answer that night:

    - name: 人均收入等于标准时不预警
      night: 2026-10-31
      given:
        survey_household: [{head_id_number: 甲, household_no: H1, yearly_income_fen: 1440000, household_size: 2}]
        survey_person: [{id_number: 甲, household_no: H1}, {id_number: 乙, household_no: H1, relation: 女}]
        house.policy: [{key: dibao_standard, policy_region: 北片, area_type: 城市, value: 700}]   # beside the sample policy
      expect: []                       # or [甲], or [{person_id: 甲, level: red}]: one entry per row of the result

Given rows: any column of `accepted.<kind>` or `house.<table>` may be named; the rest is filled so that the row is valid:
sender d01 (partners: themselves), one submission per (unit, kind, period), period = month of the night for monthly
kinds, row_id `<submission_id>#<sheet>#<row>`, `<field>__text` = the value as text, identity_state verified.
A required field that is not named takes the contract's example. A person is whoever the kind's id_number field says: `甲`,
or a number of 18 characters, from which sex and birth date are read; person_id is that same text, head_person_id that of
the head field (or oneself), household_id of 甲 is `户甲`. Money is in fen, as the column name says.
`unproven.<kind>` rows are set aside for their number alone; `house.set_aside` does not follow from them.
`house.policy` always holds the sample policy in force on the night (policy/); rows given replace those of
the same key, region and area. `house.calendar`: Monday to Friday are working days, but for days given. Units and townships are
UNITS and TOWNSHIPS below; given ones take their place. `only: {column: value}` looks at a part of the result.
For `warnings.*`, an expected text is the person_id of a row; for other models, the value of the first key column.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline import contracts, policy, warehouse
from pipeline.contracts import Kind
from pipeline.warehouse.models import SQL, Card, Example, Models, read_models

LIMITS = warehouse.Limits("1GB", threads=1)
UNITS = [
    {"unit_code": "bureau", "name": "民政局(本级)", "unit_kind": "bureau", "policy_region": "北片"},
    {"unit_code": "d01", "name": "青禾区", "unit_kind": "division", "policy_region": "北片"},
    {"unit_code": "d02", "name": "云岫区", "unit_kind": "division", "policy_region": "北片"},
    {"unit_code": "d06", "name": "松涧区", "unit_kind": "division", "policy_region": "中片"},
    {"unit_code": "d11", "name": "红柳区", "unit_kind": "division", "policy_region": "南片"},
]
TOWNSHIPS = [
    {"division_code": "d01", "name": "北营镇", "is_border": False},
    {"division_code": "d01", "name": "向阳镇", "is_border": True},
]


@cache
def models_of(sql: Path = SQL) -> Models:
    """The models in a folder, read once."""
    return read_models(contracts.load().kinds, sql)


def examples(sql: Path = SQL) -> list[tuple[str, Example]]:
    """Every example beside every model, as (table, example)."""
    models = read_models(contracts.load().kinds, sql)
    return [
        (name, example)
        for name, model in sorted(models.models.items())
        for example in getattr(model.about, "examples", [])
    ]


def run(table: str, example: Example, sql: Path = SQL) -> list[str]:
    """Build the model on the example's rows; the differences from what is expected, in words; [] when there is none."""
    models = models_of(sql)
    about = models.models[table].about
    found = warehouse.ask(inputs(example), models, table, limits=LIMITS).to_pylist()
    found = [row for row in found if all(_same(row[key], value) for key, value in example.only.items())]
    subject = "person_id" if isinstance(about, Card) else about.key[0]
    wanted = [{subject: row} if isinstance(row, str) else row for row in example.expect]
    left = list(found)
    problems = []
    for row in wanted:
        match = next(
            (other for other in left if all(key in other and _same(other[key], value) for key, value in row.items())),
            None,
        )
        if match is None:
            problems.append(f"expected, but not found: {row}")
        else:
            left.remove(match)
    shown = sorted({key for row in wanted for key in row} | {subject}) if wanted else None
    problems += [f"found, but not expected: { {key: str(row.get(key)) for key in shown or row} }" for row in left]
    return problems


def _same(found: Any, wanted: Any) -> bool:
    if found is None or wanted is None:
        return found is wanted
    if isinstance(found, bool):
        return found == wanted
    if isinstance(found, (int, float, Decimal)):
        return Decimal(str(found)) == Decimal(str(wanted))
    return str(found) == str(wanted)


def inputs(example: Example) -> warehouse.Inputs:
    """The example as what a night is built from."""
    given = Given(example.night)
    for table, rows in example.given.items():
        for row in rows:
            given.add(table, row)
    return given.inputs()


class Given:
    """Sparse rows, collected and completed. A collector, since row numbers and submissions are counted across rows."""

    def __init__(self, night: date) -> None:
        self.night = night
        self.kinds = contracts.load().kinds
        self.accepted: dict[str, list[dict[str, Any]]] = {}
        self.house: dict[str, list[dict[str, Any]]] = {
            "unit": list(UNITS),
            "township": list(TOWNSHIPS),
            "policy": _policy(night),
            "release": [
                {"built_at": f"{night} 02:00:00", "code_version": "test", "policy_version": "test", "input_digest": ""}
            ],
        }
        self.unproven: dict[str, list[dict[str, Any]]] = {}
        self.submissions: dict[str, dict[str, Any]] = {}
        self.people: set[str] = set()
        self.replaced: set[str] = set()

    def add(self, table: str, row: dict[str, Any]) -> None:
        """One sparse row of a kind or of `house.<table>`."""
        if table.startswith("house."):
            name = table.removeprefix("house.")
            unknown = set(row) - set(warehouse.HOUSE[name])
            assert not unknown, f"{table} has no column {sorted(unknown)}"
            if name == "policy":
                row = _policy_row(row)
                same = ("key", "policy_region", "area_type")
                self.house[name] = [other for other in self.house[name] if any(other[key] != row[key] for key in same)]
            if name in ("unit", "township") and name not in self.replaced:
                self.replaced.add(name)
                self.house[name] = []
            self.house.setdefault(name, []).append(row)
            return
        if table.startswith("unproven."):
            kind = self.kinds[table.removeprefix("unproven.")]
            full = self._complete(kind, row, accepted=False)
            nobody = {"person_id": None, "identity_state": "damaged", kind.person.id_number: None}
            self.unproven.setdefault(kind.name, []).append(full | nobody)
            return
        kind = self.kinds[table]
        columns = {**kind.accepted_columns(), "received_seq": "BIGINT", "file_name": "VARCHAR"}
        unknown = set(row) - set(columns)
        assert not unknown, f"{table} has no column {sorted(unknown)}"
        self.accepted.setdefault(table, []).append(self._complete(kind, row))

    def _complete(self, kind: Kind, row: dict[str, Any], *, accepted: bool = True) -> dict[str, Any]:
        full: dict[str, Any] = {}
        for name, column in kind.columns.items():
            value = row.get(name)
            if name not in row and column.required is True and column.type not in ("id_number", "name"):
                value = column.example
                if column.type == "money" and value is not None:
                    value = int(Decimal(str(value)) * 100)
                if column.type == "boolean":
                    value = {"是": True, "否": False}[str(value)]
            if column.type == "month" and value is not None and len(str(value)) == 7:
                value = f"{value}-01"
            full[name] = value
            full[f"{name}__text"] = None if value is None else str(value)
        person = kind.person
        number = row.get(person.id_number) or row.get("person_id")
        assert number is not None, f"{kind.name}: {person.id_number} (or person_id) says whose row it is"
        full["person_id"] = number
        full[person.id_number] = full[f"{person.id_number}__text"] = number
        if full.get(person.name) is None:
            full[person.name] = full[f"{person.name}__text"] = str(number)
        if person.head:
            full["head_person_id"] = row.get(person.head) or row.get("head_person_id") or number
            full[person.head] = full[f"{person.head}__text"] = full["head_person_id"]
        if number and len(str(number)) == 18:
            full["id_sex"] = "男" if int(str(number)[16]) % 2 else "女"
            full["id_birth_date"] = f"{str(number)[6:10]}-{str(number)[10:12]}-{str(number)[12:14]}"
        unit = row.get("unit_code") or ("d01" if "division" in kind.senders else kind.senders[0])
        period = row.get("period") or (f"{self.night:%Y-%m}" if kind.period == "month" else None)
        submission = str(row.get("submission_id") or "-".join(filter(None, [unit, kind.name, period])))
        number_in_sheet = len(self.accepted.get(kind.name, ())) + len(self.unproven.get(kind.name, ())) + 2
        full |= {
            "unit_code": unit, "period": period, "submission_id": submission, "sheet": "Sheet1", "row_number": number_in_sheet,
            "row_id": f"{submission}#Sheet1#{number_in_sheet}", "identity_state": "verified",
        }  # fmt: skip
        full |= {key: value for key, value in row.items() if key not in ("received_seq", "file_name", *kind.columns)}
        named = ("person_id", "head_person_id") if accepted else ("head_person_id",)
        self.people |= {str(full[key]) for key in named if full.get(key)}
        entry = self.submissions.setdefault(
            submission,
            {
                "submission_id": submission, "unit_code": unit, "kind": kind.name, "file_name": f"{submission}.xlsx",
                "sha256": "", "received_at": f"{self.night} 01:00:00", "night": self.night, "period": period, "rows_read": 0, "rows_accepted": 0,
                "rows_set_aside": 0, "rows_out_of_scope": 0, "status": "accepted", "reason": None,
                "received_seq": len(self.submissions) + 1,
            },
        )  # fmt: skip
        entry |= {key: row[key] for key in ("received_seq", "file_name") if key in row}
        entry["rows_read"] += 1
        entry["rows_accepted" if accepted else "rows_set_aside"] += 1
        return full

    def inputs(self) -> warehouse.Inputs:
        """What was collected, as inputs of a build; warning ids are readable texts."""
        house = dict(self.house)
        house["submission"] = [*self.submissions.values(), *house.get("submission", [])]
        house["identity"] = [{"person_id": person, "household_id": f"户{person}"} for person in sorted(self.people)]
        named = {row["day"] for row in house.get("calendar", [])}
        days = [self.night + timedelta(days=offset) for offset in range(-800, 401)]
        house["calendar"] = [
            *house.get("calendar", []),
            *({"day": str(day), "is_working": day.weekday() < 5} for day in days if str(day) not in named),
        ]
        accepted = {name: _table(self.kinds[name].accepted_columns(), rows) for name, rows in self.accepted.items()}
        return warehouse.Inputs(
            day=self.night,
            accepted=accepted,
            unproven={name: _table(self.kinds[name].accepted_columns(), rows) for name, rows in self.unproven.items()},
            house={name: _table(warehouse.HOUSE[name], rows) for name, rows in house.items()},
            warning_id=lambda code, subject, first_seen_on: f"{code}-{subject}-{first_seen_on}",
        )


def _table(columns: dict[str, str], rows: list[dict[str, Any]]) -> pa.Table:
    def text(value: Any) -> str | None:
        return None if value is None else str(value)

    return pa.table({name: pa.array([text(row.get(name)) for row in rows], pa.string()) for name in columns})


def _policy(night: date) -> list[dict[str, Any]]:
    return [asdict(value) for value in _policies().on(night)]


@cache
def _policies() -> policy.Policy:
    return policy.load()


def _policy_row(row: dict[str, Any]) -> dict[str, Any]:
    value = Decimal(str(row["value"]))
    full = {"policy_region": "", "area_type": "", "valid_from": "2020-01-01", "unit": "", "source": "样例", **row}
    return {
        **full,
        "value_fen": int(value * 100) if full["unit"].startswith("元") else None,
        "value_x10000": int(value * 10000),
    }
