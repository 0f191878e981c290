"""Who is who and in which household, against a plain-Python reading of the rules; and what each rule may reach."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from low_income import warehouse

from tests import sql_kit

pytestmark = pytest.mark.slow

NIGHT = date(2026, 10, 31)
RANK = {"dibao": 1, "tekun": 2, "edge": 3, "survey": 4, "monitoring": 5, "other": 6}
KINDS = {"dibao_person": "dibao", "tekun_person": "tekun", "edge_person": "edge", "survey_person": "survey",
         "poverty_return_monitoring": "monitoring", "medical_expense": "other"}  # fmt: skip
DIVISIONS = ["d01", "d02", "d06", "d11"]


def ask(table: str, rows: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    given_rows = sql_kit.Given(NIGHT)
    for kind, row in rows:
        given_rows.add(kind, row)
    return warehouse.ask(given_rows.inputs(), sql_kit.models_of(sql_kit.SQL), table).to_pylist()


@st.composite
def worlds(draw: st.DrawFn) -> list[tuple[str, dict[str, Any]]]:
    """Rows of a few people on many lists, each person once per list; heads and names disagree at will."""
    people = "甲乙丙丁戊己"
    rows: dict[tuple[Any, ...], tuple[str, dict[str, Any]]] = {}
    for number in range(draw(st.integers(1, 20))):
        kind = draw(st.sampled_from(sorted(KINDS)))
        unit = draw(st.sampled_from(["d01", "d02"]))
        row: dict[str, Any] = {
            "id_number": draw(st.sampled_from(people)), "name": draw(st.sampled_from(["张三", "张三丰", "李四"])),
            "row_number": number, "row_id": f"r{number:02}",
        }  # fmt: skip
        period = None
        if kind in ("dibao_person", "tekun_person", "edge_person"):
            period = row["period"] = draw(st.sampled_from(["2026-07", "2026-08", "2026-10", "2026-11"]))
        if kind in ("dibao_person", "edge_person"):
            row["head_id_number"] = draw(st.sampled_from(people))
        if kind in ("survey_person", "poverty_return_monitoring"):
            row["household_no"] = draw(st.sampled_from(["H1", "H2"]))
            row["relation"] = draw(st.sampled_from(["户主", "子"]))
        if kind in ("poverty_return_monitoring", "medical_expense"):
            unit = "rural_revitalisation" if kind.startswith("poverty") else "medical_insurance"
        row["unit_code"] = unit
        rows[kind, unit, period, row["id_number"]] = (kind, row)
    return list(rows.values())


class Oracle:
    """The rules of docs/identity.md and docs/rules.md, row by row."""

    def __init__(self, rows: list[tuple[str, dict[str, Any]]]) -> None:
        self.rows = rows
        self.latest: dict[tuple[str, str], str] = {}
        for kind, row in rows:
            if (period := row.get("period")) and period <= "2026-10":
                key = (row["unit_code"], KINDS[kind])
                self.latest[key] = max(period, self.latest.get(key, period))
        names: dict[tuple[str, str], set[str]] = defaultdict(set)
        for kind, row in rows:
            if unit := self.own_unit(kind, row):
                names[unit, row["id_number"]].add(row["name"])
        self.guessed = {
            of for of, found in names.items() if any(not _same_name(one, other) for one in found for other in found)
        }
        """Divisions that give one number several names, and the number."""
        self.kept_by: dict[str, str | None] = {}
        """Person → the division whose own row names him; None where a partner's does."""
        self.kept = self._kept()
        self.disputed = {
            row["row_id"] for kind, row in rows if not self._is_his_name(kind, row) or self._is_guess(kind, row)
        }
        self.groups = self._groups()
        self.head = {person: self._head(person) for person in self.kept}

    def in_use(self, kind: str, row: dict[str, Any]) -> bool:
        return row.get("period") is None or row["period"] == self.latest.get((row["unit_code"], KINDS[kind]))

    def own_unit(self, kind: str, row: dict[str, Any]) -> str | None:
        return None if KINDS[kind] in ("monitoring", "other") else str(row["unit_code"])

    def _is_his_name(self, kind: str, row: dict[str, Any]) -> bool:
        """A division whose name does not stand must say the whole name."""
        kept, by = self.kept[row["id_number"]], self.kept_by[row["id_number"]]
        unit = self.own_unit(kind, row)
        return row["name"] == kept or (unit in (None, by) and _same_name(row["name"], kept))

    def _is_guess(self, kind: str, row: dict[str, Any]) -> bool:
        unit, person = self.own_unit(kind, row), row["id_number"]
        return (unit, person) in self.guessed and self.kept_by[person] != unit

    def _is_claimed(self, head: str, unit: str) -> bool:
        """Whether a division ties somebody to a head whom no row of its own names."""
        return not any(
            row["id_number"] == head and self.own_unit(kind, row) == unit and row["row_id"] not in self.disputed
            for kind, row in self.rows
        )  # fmt: skip

    def _may_be_enrolled(self, person: str, registry: str, division: str) -> bool:
        """Whether a list in use ties people to somebody of that division, or of the bureau, who does not stand on it."""
        tying = {
            (row["unit_code"], row["period"])
            for kind, row in self.rows
            if KINDS[kind] == registry and row.get("head_id_number") == person and self.in_use(kind, row)
            and row["period"] >= "2026-08" and division in ("bureau", row["unit_code"])
        }  # fmt: skip
        return any(
            not any(
                KINDS[kind] == registry and row["id_number"] == person and (row["unit_code"], row["period"]) == of
                for kind, row in self.rows
            )
            for of in tying
        )

    def _kept(self) -> dict[str, str]:
        def standing(pair: tuple[str, dict[str, Any]]) -> tuple[Any, ...]:
            kind, row = pair
            rank = RANK[KINDS[kind]] if self.in_use(kind, row) else 6
            is_guess = rank == 6 and (self.own_unit(kind, row), row["id_number"]) in self.guessed
            return (
                is_guess,
                rank,
                not self.in_use(kind, row),
                row.get("period") or "~",
                row["unit_code"],
                kind,
                row["row_number"],
            )

        names: dict[str, str] = {}
        for kind, row in sorted(self.rows, key=standing):
            if row["id_number"] not in names:
                names[row["id_number"]] = row["name"]
                self.kept_by[row["id_number"]] = self.own_unit(kind, row)
        return names

    def _groups(self) -> list[tuple[str, str, int, str, str]]:
        """(person, head, rank, period, division) of lists in use; the lists tied by 户编号 have no division order to test."""
        found, numbered = [], defaultdict(list)
        for kind, row in self.rows:
            if row["row_id"] in self.disputed or not self.in_use(kind, row):
                continue
            rank = RANK[KINDS[kind]]
            if rank in (1, 3):
                who, head = row["id_number"], row["head_id_number"]
                if self._is_claimed(head, row["unit_code"]):
                    head = f"{head}-{row['unit_code']}"
                found.append((who, head, rank, row["period"], row["unit_code"]))
            elif rank in (4, 5):
                numbered[rank, row["unit_code"], row["household_no"]].append(row)
        for (rank, unit, _), rows in numbered.items():
            head = min(rows, key=lambda row: (row["relation"] != "户主", row["row_number"]))["id_number"]
            found += [(row["id_number"], head, rank, "", unit if rank == 4 else "~") for row in rows]
        return found

    def _head(self, person: str) -> str:
        mine = [group for group in self.groups if group[0] == person]
        best = sorted(sorted(mine, key=lambda group: (group[4], group[1])), key=lambda group: group[3], reverse=True)
        return min(best, key=lambda group: group[2])[1] if best else person

    def enrolled(self, person: str, registry: str) -> bool:
        return any(
            KINDS[kind] == registry and row["id_number"] == person and row["row_id"] not in self.disputed
            and row.get("period") and self.in_use(kind, row)
            for kind, row in self.rows
        )  # fmt: skip

    def answer(self, person: str, registry: str, division: str) -> str:
        own = DIVISIONS if division == "bureau" else [division]
        if self.enrolled(person, registry):
            return "enrolled"
        if any(self.latest.get((unit, registry), "") < "2026-08" for unit in own):
            return "not_current"
        if any(
            row["id_number"] == person and row["row_id"] in self.disputed and self.in_use(kind, row)
            and KINDS[kind] != "other"
            for kind, row in self.rows
        ):  # fmt: skip
            return "cannot_tell"
        return "cannot_tell" if self._may_be_enrolled(person, registry, division) else "not_enrolled"


def _same_name(left: str, right: str) -> bool:
    return left.startswith(right) or right.startswith(left)


@given(rows=worlds())
@settings(max_examples=16, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_households_and_answers_are_those_of_the_rules(rows: list[tuple[str, dict[str, Any]]]) -> None:
    oracle = Oracle(rows)
    people = ask("registry.person", rows)
    assert {row["person_id"]: row["name"] for row in people} == oracle.kept
    assert {row["person_id"]: row["head_person_id"] for row in people} == oracle.head
    division = {row["person_id"]: row["division_code"] for row in people}
    answers = {(row["person_id"], row["registry"]): row["answer"] for row in ask("registry.registry_check", rows)}
    assert answers == {
        (person, registry): oracle.answer(person, registry, division[person])
        for person in oracle.kept
        for registry in ("dibao", "tekun", "edge")
    }


@given(rows=worlds(), data=st.data())
@settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_the_order_in_which_files_came_is_no_matter(
    rows: list[tuple[str, dict[str, Any]]], data: st.DataObject
) -> None:
    def state(ordered: list[tuple[str, dict[str, Any]]]) -> list[list[dict[str, Any]]]:
        tables = [
            ask(table, ordered) for table in ("registry.person", "registry.registry_check", "registry.name_conflict")
        ]
        return [sorted(table, key=str) for table in tables]

    assert state(rows) == state(data.draw(st.permutations(rows)))


@given(rows=worlds())
@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_nobody_tied_to_two_heads_is_left_unsaid(rows: list[tuple[str, dict[str, Any]]]) -> None:
    oracle = Oracle(rows)
    said = {
        (row["person_id"], row["kept_head_id"], row["other_head_id"])
        for row in ask("registry.composition_conflict", rows)
    }
    assert said == {(who, oracle.head[who], head) for who, head, *_ in oracle.groups if head != oracle.head[who]}


POLICY_CASES = [("d01", "", 3), ("d01", "农村", 4), ("d01", "城市", 3), ("d06", "", 2), ("d06", "农村", 2)]


@pytest.mark.parametrize(("division", "area", "value"), POLICY_CASES)
def test_the_nearest_policy_value_holds(division: str, area: str, value: int) -> None:
    rows = ask(
        "registry.division_policy",
        [
            ("input.policy", {"key": "roster_fresh", "value": 2}),
            ("input.policy", {"key": "roster_fresh", "policy_region": "北片", "value": 3}),
            ("input.policy", {"key": "roster_fresh", "policy_region": "北片", "area_type": "农村", "value": 4}),
        ],
    )
    held = {(row["division_code"], row["area_type"]): row["value"] for row in rows if row["key"] == "roster_fresh"}
    assert held[division, area] == value


REVIEW = {"dibao_household", "dibao_person", "tekun_person", "edge_household", "edge_person"}


@pytest.mark.parametrize(
    ("rule", "kinds"),
    [
        ("b01", REVIEW | {"death_notice"}),
        ("b02", REVIEW),
        ("c01", REVIEW | {"disability_certificate", "dibao_person.is_seriously_ill"}),
    ],
)
def test_reviews_and_supplements_reach_no_help_record(rule: str, kinds: set[str]) -> None:
    models = sql_kit.models_of(sql_kit.SQL)
    models.validate([f"warnings.{rule}"])
    assert set(models.lineage(f"warnings.{rule}")) <= kinds


def test_models_that_pass_no_purpose_on_are_few() -> None:
    models = sql_kit.models_of(sql_kit.SQL).models
    assert {name for name, model in models.items() if getattr(model.about, "carries", None) == "identity"} == {
        "registry.identity", "registry.name_conflict", "registry.name_difference", "registry.household", "registry.person",
        "registry.addressed_person", "registry.claimed_head", "registry.guessed_person", "registry.returned_person",
    }  # fmt: skip
    assert {name for name, model in models.items() if getattr(model.about, "carries", None) == "warnings"} == {
        "life.listed"
    }
