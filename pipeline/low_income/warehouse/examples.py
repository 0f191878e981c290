"""Completes the examples beside the models and cards of sql/ into the inputs of a night, and runs them.

The examples are sparse: they name only the columns that matter. Before a release is built, the first positive example of every
rule is a canary: an invented household in an engine of its own, in memory, with nothing else in it. So it never stands in a published
table, a list or a count. A rule that does not find its canary may miss real people without a sign: the release is refused.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

import low_income
from low_income import warehouse
from low_income.model import PROVISIONAL, ModelError, MonitorError
from low_income.settings import contracts, policy
from low_income.settings.contracts import Kind
from low_income.warehouse import engines
from low_income.warehouse.models import About, Card, Example, Models

LIMITS = warehouse.Limits("1GB", threads=1)
UNITS = [
    {"unit_code": "bureau", "name": "民政局（本级）", "unit_kind": "bureau", "policy_region": "北片"},
    {"unit_code": "d01", "name": "青禾区", "unit_kind": "division", "policy_region": "北片"},
    {"unit_code": "d02", "name": "云岫区", "unit_kind": "division", "policy_region": "北片"},
    {"unit_code": "d06", "name": "松涧区", "unit_kind": "division", "policy_region": "中片"},
    {"unit_code": "d11", "name": "红柳区", "unit_kind": "division", "policy_region": "南片"},
]
MADE_ROOMS = ("registry.", "warnings.", "life.", "main.")
"""Beginnings of the names of tables that a build makes."""
TOWNSHIPS = [
    {"division_code": "d01", "name": "北营镇", "is_border": False},
    {"division_code": "d01", "name": "向阳镇", "is_border": True},
]


def version(models: Models) -> str:
    """Digest of all on which the answer of `silent_rules` depends: sql/, the contracts, the policy, the program, the engines.

    Of what this process loaded; of the program, the text on the disk.
    """
    kinds = "".join(kind.model_dump_json() for kind in models.kinds.values())
    told = [
        models.version, warehouse.INPUT, warehouse.CARD_TABLES, kinds, _policies().digest(), sorted(_policies().titles.items()), _program(),
        engines.VERSIONS, sys.version,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()


def _program() -> str:
    """Digest of the text of this package, so that a changed line counts before it has a number of its own."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        digest.update(f"{path.relative_to(_PACKAGE)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    return digest.hexdigest()


_PACKAGE = Path(low_income.__file__).parent


def silent_rules(models: Models) -> list[str]:
    """Codes of the rules that do not find their canary, sorted; [] when all do. A process asks once for each `version`."""
    lane = version(models)
    with _asking:
        if lane not in _asked:
            _asked[lane] = sorted(card.code for name, card in models.cards.items() if not _finds(models, name, card))
        return _asked[lane]


_asked: dict[str, list[str]] = {}
_asking = threading.Lock()
"""A night asks beside its other work, and asks again where it needs the answer."""


def _finds(models: Models, name: str, card: Card) -> bool:
    example = next(example for example in card.examples if example.expect)
    wanted = {row if isinstance(row, str) else row.get("person_id") for row in example.expect} - {None}
    given = _inputs_of(models, name, example)
    try:
        found = _ask(models, name, example, given)
    except MonitorError:
        return False
    return wanted <= set(found.column("person_id").to_pylist()) and found.num_rows >= len(example.expect)


def unsound(models: Models, name: str) -> tuple[bool, list[str]]:
    """Whether a rule (`warnings.<code>`) misses its canary, and the names of its examples that do not hold.

    Raises ModelError when its SQL cannot be run at all.
    """
    card = models.cards[name]
    return not _finds(models, name, card), [each.name for each in card.examples if differences(models, name, each)]


def differences(models: Models, table: str, example: Example) -> list[str]:
    """Differences, in words, between a model's result on an example's rows and the expected result; [] when there are none."""
    found = _ask(models, table, example, _inputs_of(models, table, example)).to_pylist()
    return compare(models.models[table].about, example, found)


def compare(about: About | Card, example: Example, found: list[dict[str, Any]]) -> list[str]:
    """Differences, in words, between the rows of a result and what an example expects; [] when there are none."""
    left = [row for row in found if all(_same(row[key], value) for key, value in example.only.items())]
    subject = "person_id" if isinstance(about, Card) else about.key[0]
    wanted = [{subject: row} if isinstance(row, str) else row for row in example.expect]
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
    return problems + [f"found, but not expected: { {key: str(row.get(key)) for key in shown or row} }" for row in left]


def _inputs_of(models: Models, name: str, example: Example) -> warehouse.Inputs:
    try:
        return inputs(example, None if isinstance(models.models[name].about, Card) else models)
    except ModelError as problem:
        raise ModelError(f"{_place(models, name, example)}：{problem}") from problem


def _ask(models: Models, name: str, example: Example, given: warehouse.Inputs) -> pa.Table:
    with engines.plainly(_place(models, name, example)):
        return warehouse.ask(given, models, name, limits=LIMITS)


def _place(models: Models, name: str, example: Example) -> str:
    return f"{engines.place(models.models[name].path.with_suffix('.yml'))}:examples（{example.name}）"


def _same(found: Any, wanted: Any) -> bool:
    if found is None or wanted is None:
        return found is wanted
    if isinstance(found, bool):
        return bool(found == wanted)
    if isinstance(found, (int, float, Decimal)):
        return Decimal(str(found)) == Decimal(str(wanted))
    return str(found) == str(wanted)


def inputs(example: Example, models: Models | None = None) -> warehouse.Inputs:
    """The example as inputs of a night. `models` is needed when the example gives rows of a table that a build makes."""
    given = Given(example.night)
    made = {table: rows for table, rows in example.given.items() if table.startswith(MADE_ROOMS)}
    for table, rows in example.given.items():
        for row in rows if table not in made else ():
            given.add(table, row)
    if not made:
        return given.inputs()
    if models is None:
        raise ModelError(f"规则的例子只能给名单和 input.* 的行，不能给建库时才有的表：{'、'.join(sorted(made))}")
    return replace(given.inputs(), made=_made(models, example.night, made))


def _made(models: Models, night: date, tables: dict[str, list[dict[str, Any]]]) -> dict[str, pa.Table]:
    """Completes sparse rows of tables that a build makes to all their columns; what a row does not name is NULL."""
    version = models.version
    unknown = [table for table in tables if (version, table) not in _schemas]
    if unknown:
        nothing = {table: f"select * from {table}" for table in unknown}
        for table, empty in warehouse.ask_for(Given(night).inputs(), models, nothing, limits=LIMITS).items():
            _schemas[version, table] = empty.schema
    made = {}
    for table, rows in tables.items():
        schema = _schemas[version, table]
        strange = {name for row in rows for name in row} - set(schema.names)
        if strange:
            raise ModelError(f"{table} 没有这些列：{'、'.join(sorted(strange))}")
        made[table] = _table(dict.fromkeys(schema.names, "VARCHAR"), rows).cast(schema)
    return made


_schemas: dict[tuple[str, str], pa.Schema] = {}
"""(Version of the models, table) → its columns; known by building the table once, without rows."""


class Given:
    """Collects and completes sparse rows. It keeps state, since row numbers and submissions are counted across rows."""

    def __init__(self, night: date) -> None:
        self.night = night
        self.kinds = contracts.load().kinds
        self.accepted: dict[str, list[dict[str, Any]]] = {}
        self.given_tables: dict[str, list[dict[str, Any]]] = {
            "unit": list(UNITS),
            "township": list(TOWNSHIPS),
            "policy": list(_policy(night)),
            "draw": [{"salt": f"{night - timedelta(days=night.weekday())}"}],
            "release": [
                {
                    "built_at": f"{night} 02:00:00",
                    "code_version": "test",
                    "policy_version": "test",
                    "settings_version": "test",
                    "input_digest": "",
                }
            ],
        }
        self.unproven: dict[str, list[dict[str, Any]]] = {}
        self.submissions: dict[str, dict[str, Any]] = {}
        self.people: set[str] = set()
        self.replaced: set[str] = set()

    def add(self, table: str, row: dict[str, Any]) -> None:
        """Add one sparse row of a kind or of `input.<table>`."""
        if table.startswith("input."):
            name = table.removeprefix("input.")
            if name not in warehouse.INPUT:
                raise ModelError(f"没有 {table} 这张表")
            _refuse_unknown(table, row, warehouse.INPUT[name])
            if name == "policy":
                row = _policy_row(row)
                same = ("key", "policy_region", "area_type")
                self.given_tables[name] = [
                    other for other in self.given_tables[name] if any(other[key] != row[key] for key in same)
                ]
            if name in ("unit", "township") and name not in self.replaced:
                self.replaced.add(name)
                self.given_tables[name] = []
            self.given_tables.setdefault(name, []).append(row)
            return
        if table.startswith("unproven."):
            kind = self._kind(table.removeprefix("unproven."))
            full = self._complete(kind, row, accepted=False)
            nobody = {"person_id": None, "identity_state": "damaged", kind.person.id_number: None}
            self.unproven.setdefault(kind.name, []).append(full | nobody)
            return
        kind = self._kind(table)
        _refuse_unknown(table, row, [*kind.accepted_columns(), "received_seq", "file_name"])
        self.accepted.setdefault(table, []).append(self._complete(kind, row))

    def _kind(self, name: str) -> Kind:
        if name not in self.kinds:
            raise ModelError(f"没有 {name} 这个数据种类")
        return self.kinds[name]

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
            if name in kind.optional:
                full[f"{name}__unreadable"] = False
        person = kind.person
        number = row.get(person.id_number) or row.get("person_id")
        if number is None:
            raise ModelError(f"{kind.name}：要写 {person.id_number}（或 person_id），说明是谁的一行")
        full["person_id"] = number
        has_none = row.get("identity_state") == PROVISIONAL
        full[person.id_number] = full[f"{person.id_number}__text"] = None if has_none else number
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
        """The collected rows as inputs of a build; warning ids are readable texts."""
        given_tables = dict(self.given_tables)
        told = {row["submission_id"]: row for row in given_tables.get("submission", [])}
        given_tables["submission"] = [
            *(entry | told.pop(name, {}) for name, entry in self.submissions.items()),
            *told.values(),
        ]
        given_tables["identity"] = [
            {"person_id": person, "household_id": f"户{person}"} for person in sorted(self.people)
        ]
        calendar = _calendar(self.night)
        if named := given_tables.pop("calendar", []):
            others = [row for row in calendar.to_pylist() if row["day"] not in {row["day"] for row in named}]
            calendar = _table(warehouse.INPUT["calendar"], [*named, *others])
        accepted = {name: _table(self.kinds[name].accepted_columns(), rows) for name, rows in self.accepted.items()}
        return warehouse.Inputs(
            day=self.night,
            accepted=accepted,
            unproven={name: _table(self.kinds[name].accepted_columns(), rows) for name, rows in self.unproven.items()},
            given_tables={
                **{name: _table(warehouse.INPUT[name], rows) for name, rows in given_tables.items()},
                "calendar": calendar,
            },
            warning_id=lambda code, subject, first_seen_on: f"{code}-{subject}-{first_seen_on}",
        )


def _refuse_unknown(table: str, row: dict[str, Any], columns: Iterable[str]) -> None:
    if unknown := sorted(set(row) - set(columns)):
        raise ModelError(f"{table} 没有 {'、'.join(unknown)} 这一列")


def _table(columns: dict[str, str], rows: list[dict[str, Any]]) -> pa.Table:
    def text(value: Any) -> str | None:
        return None if value is None else str(value)

    return pa.table({name: pa.array([text(row.get(name)) for row in rows], pa.string()) for name in columns})


@cache
def _calendar(night: date) -> pa.Table:
    days = [night + timedelta(days=offset) for offset in range(-800, 401)]
    rows = [{"day": str(day), "is_working": day.weekday() < 5} for day in days]
    return _table(warehouse.INPUT["calendar"], rows)


@cache
def _policy(night: date) -> list[dict[str, Any]]:
    return [asdict(value) | {"title": _policies().titles[value.key]} for value in _policies().on(night)]


@cache
def _policies() -> policy.Policy:
    return policy.load()


def _policy_row(row: dict[str, Any]) -> dict[str, Any]:
    value = Decimal(str(row["value"]))
    full = {
        "policy_region": "",
        "area_type": "",
        "valid_from": "2020-01-01",
        "unit": "",
        "source": "样例",
        "title": row["key"],
        **row,
    }
    return {
        **full,
        "value_fen": int(value * 100) if full["unit"].startswith("元") else None,
        "value_x10000": int(value * 10000),
    }
