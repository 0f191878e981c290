"""Makes suites from contracts: what Great Expectations is asked of a kind's rows, and what the clerk reads when a cell fails.

Nothing is written twice: required cells, types, allowed words, numbers, twins and household references follow from the
contract's columns. Only what the contract says under `checks:` is added.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from low_income import values
from low_income.checks.validation import Expectation
from low_income.model import IDENTICAL_TWIN, NO_NUMBER_YET, CheckLevel, Severity
from low_income.settings.contracts import Check, Kind


@dataclass(frozen=True)
class Fault:
    """One expectation of a kind, and what the clerk reads when a cell fails it."""

    expectation: Expectation
    rule: str
    marks: str
    """The field whose cell is marked."""
    severity: Severity
    message: str | None
    """None: message and fix depend on the problem in the expectation's column (`<field>__problem`, `<field>__flag`)."""
    fix: str
    level: CheckLevel = "value"
    unknown_after: bool = False
    """The cell counts as unknown afterwards (docs/sources.md, what sets a row aside)."""


def suite(kind: Kind, there: Collection[str]) -> list[Fault]:
    """All that is expected of a kind's rows, the most telling first: of several faults in one cell the clerk reads the first.

    `there`: fields for which some file has a column. The other fields have no cells, so nothing is asked about reading them.
    """
    return [*_of_columns(kind, there), *_of_rows(kind, there), *of_checks(kind.checks)]


def _of_columns(kind: Kind, there: Collection[str]) -> list[Fault]:
    faults = []
    groups = [group for group in kind.required_groups() if len(group) > 1]
    for group in groups:
        name = "__or__".join(group)
        expectation = Expectation(
            f"{kind.name}.{name}.filled", "expect_column_values_to_not_be_null", {"column": f"{name}__given"}
        )
        faults.append(
            Fault(
                expectation, f"{group[0]}.blank", group[0], "must_fix", *values.explain("blank", kind.columns[group[0]])
            )
        )
    for field, column in kind.columns.items():
        must = field not in kind.optional
        if column.required is True:
            expectation = Expectation(
                f"{kind.name}.{field}.filled", "expect_column_values_to_not_be_null", {"column": f"{field}__given"}
            )
            faults.append(Fault(expectation, f"{field}.blank", field, "must_fix", *values.explain("blank", column)))
            if kind.member and field == kind.person.id_number:
                expectation = Expectation(
                    f"{kind.name}.{field}.known",
                    "expect_column_values_to_not_be_null",
                    {"column": f"{NO_NUMBER_YET}__given"},
                )
                words = values.explain(NO_NUMBER_YET, column)
                faults.append(Fault(expectation, f"{field}.{NO_NUMBER_YET}", field, "must_fix", *words))
        if field not in there:
            continue
        if column.type == "township":
            expectation = Expectation(f"{kind.name}.{field}.own", "expect_column_values_to_not_be_in_set",
                                      {"column": f"{field}__problem", "value_set": ["other_division"]})  # fmt: skip
            faults.append(
                Fault(
                    expectation, f"{field}.other_division", field, "must_fix", *values.explain("other_division", column)
                )
            )
        expectation = Expectation(
            f"{kind.name}.{field}.readable", "expect_column_values_to_be_null", {"column": f"{field}__problem"}
        )
        severity: Severity = "must_fix" if must else "confirm"
        faults.append(Fault(expectation, f"{field}.unreadable", field, severity, None, "", unknown_after=not must))
        if column.type == "name":
            faults += _of_flags(kind, field)
    return faults


def _of_flags(kind: Kind, field: str) -> list[Fault]:
    """Expectations for names that are kept as written, but get an error line."""
    levels: list[tuple[Severity, list[str]]] = [
        ("confirm", ["lost_character"]),
        ("notice", ["private_use", "rare_character"]),
    ]
    return [
        Fault(
            Expectation(
                f"{kind.name}.{field}.{severity}", "expect_column_values_to_not_be_in_set",
                {"column": f"{field}__flag", "value_set": flags},
            ),
            f"{field}.flag", field, severity, None, "",
        )
        for severity, flags in levels
    ]  # fmt: skip


def _of_rows(kind: Kind, there: Collection[str]) -> list[Fault]:
    person = kind.person
    faults: list[Fault] = []
    for field, truth, problem in (
        (person.sex, "who_sex", "sex_contradicts"),
        (person.birth_date, "who_birth_date", "birth_contradicts"),
    ):
        if field and field in there:
            expectation = Expectation(
                f"{kind.name}.{field}.{problem}", "expect_column_pair_values_to_be_equal",
                {"column_A": field, "column_B": truth, "ignore_row_if": "either_value_is_missing"},
            )  # fmt: skip
            words = values.explain(problem, kind.columns[field])
            faults.append(
                Fault(expectation, f"{field}.{problem}", field, "confirm", *words, level="row", unknown_after=True)
            )
    if person.head:
        expectation = Expectation(
            f"{kind.name}.household_known", "expect_column_values_to_be_null", {"column": "head_missing"}
        )
        words = values.explain("household_unknown", kind.columns[person.head])
        name = f"{person.head}.household_unknown"
        faults.append(Fault(expectation, name, person.head, "must_fix", *words, level="household"))
    key = kind.columns[kind.key[0]]
    expectation = Expectation(f"{kind.name}.key_once", "expect_column_values_to_be_unique", {"column": "differing_key"})
    words = values.explain("differing_twin", key)
    faults.append(Fault(expectation, "row.differing_twin", kind.key[0], "must_fix", *words, level="row"))
    expectation = Expectation(
        f"{kind.name}.row_once", "expect_column_values_to_be_in_set", {"column": "twin", "value_set": [False]}
    )
    words = values.explain("identical_twin", key)
    faults.append(Fault(expectation, IDENTICAL_TWIN, kind.key[0], "notice", *words, level="row"))
    return faults


def of_checks(checks: Sequence[Check]) -> list[Fault]:
    """What a contract, or one unit's source file, expects under `checks:`."""
    faults = []
    for check in checks:
        kwargs = dict(check.kwargs)
        if "column_A" in kwargs:
            kwargs.setdefault("ignore_row_if", "either_value_is_missing")
        message = f"“{{header}}”{{said}}，{check.message}。请{check.fix.removeprefix('请')}。"
        faults.append(
            Fault(
                Expectation(check.rule, check.expect, kwargs),
                check.rule,
                check.marks,
                check.severity,
                message,
                check.fix,
                check.looks_at,
            )
        )
    return faults
