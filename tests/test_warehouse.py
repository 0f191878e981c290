"""A release: built whole or not at all, examined, swapped in by one rename; and the life of its warnings."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot
from hypothesis import HealthCheck, settings, strategies
from hypothesis import given as given_strategy
from low_income import warehouse
from low_income.model import ModelError, PublishRefused
from low_income.settings import contracts
from low_income.warehouse import contract_models
from low_income.warehouse import models as models_module
from low_income.warehouse.models import SQL, Models

from tests import sql_kit
from tests.warehouse_kit import (
    LIMITS,
    NIGHT,
    NOTE,
    OVERDUE,
    OVERDUE_CARD,
    POOR,
    POOR_CARD,
    ROSTERS,
    RULES,
    Nights,
    given,
    models_with,
    only,
    survey,
)

pytestmark = pytest.mark.slow

NEXT = date(2026, 10, 31)


class Home:
    """A home as far as releases go."""

    def __init__(self, root: Path, models: Models) -> None:
        self.root, self.models = root, models
        self.releases, self.link, self.work = root / "releases", root / "warehouse.duckdb", root / "work"
        self.given: dict[date, warehouse.Inputs] = {}
        self.work.mkdir(parents=True, exist_ok=True)
        self.releases.mkdir(exist_ok=True)

    def night(self, inputs: warehouse.Inputs, models: Models | None = None) -> Path:
        inputs = replace(
            inputs,
            previous=warehouse.previous_release(self.releases, inputs.day),
            earlier=lambda night: self.given[night],
        )
        self.given[inputs.day] = inputs
        built = self.work / "ready"
        warehouse.build(inputs, models or self.models, built, work=self.work, limits=LIMITS)
        return warehouse.publish(built, self.releases, self.link, warehouse.plan(built, self.releases, self.link))

    def rows(self, query: str, path: Path | None = None) -> list[tuple[Any, ...]]:
        with duckdb.connect(str((path or self.link).resolve()), read_only=True) as con:
            return con.execute(query).fetchall()


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut is not played here, and two hundred builds would wait for fsync most of the time."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def home(tmp_path: Path, models: Models) -> Home:
    return Home(tmp_path / "home", models)


# --- the tree of models ---------------------------------------------------------------------------------------------


def test_models_are_built_in_the_order_of_what_they_read(tmp_path: Path) -> None:
    models = only(
        tmp_path,
        registry__a=(
            "with b as (select person_id as person_id from registry.c) select person_id as person_id from b",
            NOTE,
        ),
        registry__c=("select person_id as person_id from accepted.dibao_person", NOTE),
    )
    assert models.order(["registry.a"]) == ["accepted.dibao_person", "registry.c", "registry.a"]


def test_a_circle_is_named(tmp_path: Path) -> None:
    models = only(
        tmp_path,
        registry__a=("select person_id as person_id from registry.b", NOTE),
        registry__b=("select person_id as person_id from registry.a", NOTE),
    )
    with pytest.raises(
        ModelError, match=r"registry\.a → registry\.b → registry\.a|registry\.b → registry\.a → registry\.b"
    ):
        models.order(["registry.a"])


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select person_id as person_id from registry.nobody", "没有 registry.nobody"),
        ("select person_id as person_id from accepted.nobody", "没有 accepted.nobody"),
        ("select person_id as person_id from nobody", "要写明在哪个 schema"),
        ("select person_id as person_id from read_parquet('/etc/passwd')", "不能读文件"),
        ("select person_id as person_id from 'x.parquet'", "要写明在哪个 schema"),
    ],
)
def test_what_is_not_there_may_not_be_read(tmp_path: Path, sql: str, said: str) -> None:
    models = only(tmp_path, registry__a=(sql, NOTE))
    with pytest.raises(ModelError, match=said):
        models.order(["registry.a"])


@pytest.mark.parametrize(
    ("name", "sql", "yml", "said"),
    [
        ("registry__a", "select 1 as x; select 2 as y", NOTE, "正好是一个 select"),
        ("registry__a", "drop table x", NOTE, "正好是一个 select"),
        ("registry__a", "select from where", NOTE, r"registry/a\.sql"),
        ("registry__a", "select 1 as person_id", NOTE + "kay: [x]\n", r"registry/a\.yml:kay"),
        ("published__a", "select 1 as person_id", NOTE, r"published/a\.yml:comment"),
        ("warnings__x01", POOR, POOR_CARD.replace("code: X01", "code: X09"), r"warnings/x01\.yml:code"),
        ("warnings__x01", POOR, POOR_CARD.replace("kind: survey_household", "kind: survey_house"), "没有 survey_house"),
        ("warnings__x01", POOR, POOR_CARD[: POOR_CARD.index("  - {name: 不低")], "examples：要两种都有"),
        ("warnings__x01", POOR, POOR_CARD.replace("not_in: [dibao]", "not_in: [dibau]"), r"warnings/x01\.yml:not_in"),
        (
            "warnings__x01",
            POOR,
            POOR_CARD.replace("{medical_fen}", "{medical_fen"),
            "yml:reason：花括号没有对上.*第 14 行",
        ),
        (
            "warnings__x01",
            POOR,
            POOR_CARD.replace("red, yellow", "red, pink"),
            "yml:level 第 2 项：应是 red、orange.*第 6 行",
        ),
        (
            "warnings__x01",
            POOR,
            POOR_CARD.replace("row: survey_row_id", "rows: registry.no, by: household_id"),
            "warnings/x01.yml:evidence 第 1 项的 rows：没有 registry.no 这张表（第 16 行）",
        ),
        (
            "warnings__x01",
            POOR,
            POOR_CARD.replace("2026-10-31", "2026-10-32", 1),
            "第 1 项的 night：应是日期.*第 19 行",
        ),
        (
            "warnings__x01",
            POOR,
            POOR_CARD.replace("purpose: assistance", "purpose: curiosity"),
            r"warnings/x01\.yml:purpose",
        ),
    ],
)
def test_a_malformed_pair_stops_us_by_name(tmp_path: Path, name: str, sql: str, yml: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        only(tmp_path, **{name: (sql, yml)})


def test_a_model_without_its_yml_and_a_yml_without_its_model(tmp_path: Path) -> None:
    only(tmp_path)
    (tmp_path / "registry" / "a.sql").write_text("select 1 as x", encoding="utf-8")
    with pytest.raises(ModelError, match=r"registry/a\.sql.*a\.yml"):
        only(tmp_path)
    (tmp_path / "registry" / "a.sql").rename(tmp_path / "registry" / "b.txt")
    (tmp_path / "registry" / "a.yml").write_text(NOTE, encoding="utf-8")
    with pytest.raises(ModelError, match=r"registry/a\.yml"):
        only(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("yields_to: [X02]", "yields_to: [X77]"), "warnings/x01.yml:yields_to：没有 X77 这条规则（第 13 行）"),
        (("{surveyed_on}", "{seen_on}"), "缺少这些列：seen_on"),
        (("row: survey_row_id", "row: other_row_id"), "缺少这些列：other_row_id"),
        (
            ("field: yearly_income_fen", "field: yearly_income"),
            "warnings/x01.yml:evidence 第 1 项的 field：survey_household 没有 yearly_income 这一列（第 16 行）",
        ),
    ],
)
def test_a_card_that_its_query_cannot_serve(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    models = models_with(tmp_path / "sql", warnings__x01=(POOR, POOR_CARD.replace(*change)))
    with pytest.raises(ModelError, match=said):
        models.validate(models.everything())


# --- purposes (docs/boundaries.md, 2) ---------------------------------------------------------------------------------

SPENT = (
    "select person_id as person_id, sum(burden_fen) as burden_fen from accepted.medical_expense group by person_id",
    NOTE,
)
REVIEW = OVERDUE.replace(
    "where enrolment", "inner join registry.spent as spent on enrolment.person_id = spent.person_id where enrolment"
)


def test_a_review_may_not_reach_medical_bills_through_the_registry(tmp_path: Path) -> None:
    models = models_with(tmp_path / "sql", warnings__x03=(REVIEW, OVERDUE_CARD), registry__spent=SPENT)
    path = r"warnings/x03\.sql.*medical_expense.*warnings\.x03 ← registry\.spent ← accepted\.medical_expense"
    with pytest.raises(ModelError, match=path):
        models.validate(models.everything())
    with pytest.raises(ModelError, match="medical_expense"):
        warehouse.build(given(NIGHT), models, tmp_path / "ready", work=tmp_path, limits=LIMITS)
    assert not (tmp_path / "ready").exists()


def test_assistance_may(tmp_path: Path) -> None:
    card = OVERDUE_CARD.replace("purpose: entitlement_review", "purpose: assistance")
    models = models_with(tmp_path / "sql", warnings__x03=(REVIEW, card), registry__spent=SPENT)
    models.validate(models.everything())


def test_nor_show_them_as_evidence(tmp_path: Path) -> None:
    evidence = (
        "evidence:\n  - {fact: 自付, kind: medical_expense, field: burden_fen, rows: registry.spent_row, by: person_id}"
    )
    rows = ("select person_id as person_id, row_id as row_id from accepted.medical_expense", NOTE)
    card = OVERDUE_CARD.replace("evidence:", evidence)
    models = models_with(tmp_path / "sql", warnings__x03=(OVERDUE, card), registry__spent_row=rows)
    with pytest.raises(ModelError, match="medical_expense"):
        models.validate(models.everything())


def test_models_are_validated_once_and_anew_as_soon_as_a_file_says_something_else(tmp_path, monkeypatch) -> None:
    who = ("select person_id as person_id from registry.person_row", NOTE + "carries: identity\n")
    models = models_with(tmp_path / "sql", registry__spent=who)
    models.validate(models.everything())
    assert models_with(tmp_path / "sql") is models
    with monkeypatch.context() as patch:
        patch.delattr(models_module.provenance, "follow")  # by which it is asked where columns come from
        models.validate(models.everything())
    models = models_with(tmp_path / "sql", registry__spent=(SPENT[0], who[1]))
    with pytest.raises(ModelError, match=r"registry/spent\.sql.*burden_fen"):
        models.validate(models.everything())


def test_a_model_that_carries_identity_passes_no_purpose_on_but_may_hold_no_fact(tmp_path: Path) -> None:
    who = ("select person_id as person_id from registry.person_row", NOTE + "carries: identity\n")
    models = models_with(tmp_path / "sql", warnings__x03=(REVIEW, OVERDUE_CARD), registry__spent=who)
    models.validate(models.everything())
    told = (SPENT[0], NOTE + "carries: identity\n")
    models = models_with(tmp_path / "sql", registry__spent=told)
    with pytest.raises(ModelError, match=r"registry/spent\.sql.*burden_fen"):
        models.validate(models.everything())
    for listed in ("", " where burden_fen > 1000000"):
        one = (f"select person_id as person_id from accepted.medical_expense{listed}", who[1])
        models = models_with(tmp_path / "sql", registry__spent=one)
        with pytest.raises(ModelError, match=r"registry/spent\.sql.*medical_expense"):
            models.validate(models.everything())
    hidden = ("select * from accepted.medical_expense", NOTE + "carries: identity\n")
    models = models_with(tmp_path / "sql", registry__spent=hidden)
    with pytest.raises(ModelError, match=r"registry/spent\.sql.*\*"):
        models.validate(models.everything())


@pytest.mark.parametrize("purpose", ["entitlement_review", "supplement"])
@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("dibao_person", "illness"), ("dibao_person", "is_disabled"), ("dibao_person", "disability_level"), ("dibao_person", "health__text"),
        ("dibao_person", "is_seriously_ill__unreadable"), ("dibao_person", "ILLNESS"), ("dibao_person", "*"), ("tekun_person", "self_care"),
    ],
)  # fmt: skip
def test_illness_and_disability_on_our_own_rosters_serve_no_review(
    tmp_path: Path, kind: str, column: str, purpose: str
) -> None:
    card = OVERDUE_CARD.replace("purpose: entitlement_review", f"purpose: {purpose}")
    told = (f"select {column} from accepted.{kind}", NOTE)
    sql = OVERDUE.replace("where enrolment", "cross join registry.spent as spent where enrolment")
    models = models_with(tmp_path / "sql", warnings__x03=(sql, card), registry__spent=told)
    if purpose == "supplement":
        models.validate(models.everything())
        return
    with pytest.raises(ModelError, match=rf"x03\.sql.*不得使用 {kind}\..*registry\.spent"):
        models.validate(models.everything())


def test_nor_are_they_a_review_s_evidence(tmp_path: Path) -> None:
    evidence = "evidence:\n  - {fact: 病, kind: dibao_person, field: illness, rows: registry.spent_row, by: person_id}"
    rows = ("select person_id as person_id, row_id as row_id from accepted.dibao_person", NOTE)
    models = models_with(
        tmp_path / "sql", warnings__x03=(OVERDUE, OVERDUE_CARD.replace("evidence:", evidence)), registry__spent_row=rows
    )
    with pytest.raises(ModelError, match=r"不得使用 dibao_person\.illness"):
        models.validate(models.everything())


@pytest.mark.parametrize("table", ["input.previous_warning", "main.person", "warnings.every"])
def test_a_rule_may_not_read_what_is_concluded(tmp_path: Path, table: str) -> None:
    sql = OVERDUE + f" and enrolment.person_id in (select person_id from {table})"
    models = models_with(tmp_path / "sql", warnings__x03=(sql, OVERDUE_CARD))
    with pytest.raises(ModelError, match=r"不能读|互相引用"):
        models.validate(models.everything())


def test_a_policy_value_that_is_not_in_force_stops_the_build(tmp_path: Path, home: Home) -> None:
    card = POOR_CARD.replace("reads_policy: [dibao_standard]", "reads_policy: [dibao_standard, gold_standard]")
    models = models_with(tmp_path / "sql", warnings__x01=(POOR, card))
    with pytest.raises(ModelError, match="X01 需要 gold_standard"):
        home.night(given(NIGHT), models)


# --- reasons, evidence, policy, freshness ---------------------------------------------------------------------------


def test_what_a_warning_says(models: Models) -> None:
    inputs = given(
        NIGHT,
        survey_household=survey(
            {
                "head_id_number": "甲",
                "yearly_income_fen": 12345,
                "yearly_income_fen__text": "0.012345万",
                "medical_fen": None,
            }
        ),
        input__column=[
            {
                "submission_id": "d01-survey_household",
                "sheet": "Sheet1",
                "field": "yearly_income_fen",
                "header": "家庭年总收入(万元)",
                "letter": "F",
            }
        ],
        **ROSTERS,
    )
    (row,) = warehouse.ask(inputs, models, "warnings.every", limits=LIMITS).to_pylist()
    assert row["reason"] == "年收入123.45元,医疗未知元,2026-09-20调查,赡养人:未知"
    assert json.loads(row["evidence"]) == [
        {
            "fact": "家庭年总收入", "value": "123.45", "original_text": "0.012345万", "file_name": "d01-survey_household.xlsx",
            "sheet": "Sheet1", "row": 2, "column": "F", "header": "家庭年总收入(万元)",
            "submission_id": "d01-survey_household", "as_of": "2026-10-30",
        }
    ]  # fmt: skip
    assert json.loads(row["policy"]) == [
        {"key": "dibao_standard", "value": "600", "unit": "元/人/月", "source": "样例值，非官方标准"}
    ]
    assert json.loads(row["freshness"]) == {
        "registries": [
            {
                "registry": "dibao", "unit_code": "d01", "unit_name": "青禾区", "period": "2026-10", "is_current": True,
                "is_whole": True, "is_evidence": False,
            }
        ],
        "oldest_evidence": "2026-10-30", "newest_evidence": "2026-10-30", "household_size": 2, "members_listed": 1,
    }  # fmt: skip


def test_fen_are_written_as_yuan(models: Models) -> None:
    fen = {0: "0.00", 5: "0.05", -5: "-0.05", -12345: "-123.45", 99999: "999.99", 100: "1.00"}
    rows = survey(*({"head_id_number": f"人{value}", "yearly_income_fen": value} for value in fen))
    found = warehouse.ask(given(NIGHT, survey_household=rows, **ROSTERS), models, "warnings.every", limits=LIMITS)
    said = {row["person_id"]: row["reason"].split(",")[0] for row in found.to_pylist()}
    assert said == {f"人{value}": f"年收入{yuan}元" for value, yuan in fen.items()}


def test_a_quote_in_a_card_is_text(tmp_path: Path) -> None:
    card = POOR_CARD.replace("年收入{", "'年'收入{").replace("fact: 家庭年总收入", 'fact: "家\'庭"')
    models = models_with(tmp_path / "sql", warnings__x01=(POOR, card))
    inputs = given(NIGHT, survey_household=survey({"head_id_number": "甲"}), **ROSTERS)
    (row,) = warehouse.ask(inputs, models, "warnings.every", limits=LIMITS).to_pylist()
    assert row["reason"].startswith("'年'收入600.00元")
    assert json.loads(row["evidence"])[0]["fact"] == "家'庭"


def test_a_level_that_the_card_does_not_list(tmp_path: Path) -> None:
    models = models_with(tmp_path / "sql", warnings__x01=(POOR, POOR_CARD.replace("[red, yellow]", "red")))
    inputs = given(NIGHT, survey_household=survey({"head_id_number": "甲"}), **ROSTERS)
    with pytest.raises(ModelError, match=r"warnings\.x01：有 1 行的级别"):
        warehouse.ask(inputs, models, "warnings.every", limits=LIMITS)


# --- the life of a warning ------------------------------------------------------------------------------------------

WARNINGS = "select rule_code, subject_id, level, first_seen_on::varchar, last_seen_on::varchar, due_on::varchar from warning order by all"
CHANGES = "select rule_code, change, because from warning_change order by all"


def test_it_stays_the_same_warning(nights: Nights) -> None:
    rows = {"survey_household": survey({"head_id_number": "甲"}), **ROSTERS}
    nights.night(given(NIGHT, **rows))
    assert nights.rows(WARNINGS) == [("X01", "户甲", "yellow", "2026-10-30", "2026-10-30", "2026-11-20")]
    assert nights.rows(CHANGES) == [("X01", "added", "新符合条件（青禾区《d01-survey_household.xlsx》）")]
    first = nights.rows("select warning_id from warning")
    nights.night(given(NEXT, **rows))
    assert nights.rows(WARNINGS) == [("X01", "户甲", "yellow", "2026-10-30", "2026-10-31", "2026-11-20")]
    assert nights.rows("select warning_id from warning") == first
    assert nights.rows(CHANGES) == []
    assert nights.rows("select change from household_warning") == [("same",)]


@pytest.mark.parametrize(
    ("days", "due"),
    [
        ([], "2026-11-04"),
        ([("2026-11-02", False)], "2026-11-05"),
        ([("2026-10-31", True)], "2026-11-03"),
        ([("2026-10-31", True), ("2026-11-02", False)], "2026-11-04"),
        ([("2026-10-30", False)], "2026-11-04"),
    ],
)
def test_due_days_are_working_days(models: Models, days: list[tuple[str, bool]], due: str) -> None:
    """Three working days after Friday 30 October, holidays and make-up days counted; the first day itself is not."""
    calendar = [{"day": day, "is_working": is_working} for day, is_working in days]
    rows = survey({"head_id_number": "甲", "yearly_income_fen": 1})
    inputs = given(NIGHT, survey_household=rows, input__calendar=calendar, **ROSTERS)
    (warning,) = warehouse.ask(inputs, models, "main.warning", limits=LIMITS).to_pylist()
    assert str(warning["due_on"]) == due


@pytest.mark.parametrize(
    ("tomorrow", "because"),
    [
        ({"dibao_person": [{"id_number": "甲", "submission_id": "S2"}]}, "已在册：低保（青禾区《S2.xlsx》）"),
        ({"death_notice": [{"id_number": "甲", "died_on": "2026-10-30"}]},
         "对象已登记死亡（civil_registration《civil_registration-death_notice.xlsx》）"),
        ({"survey_household": survey({"head_id_number": "甲", "household_size": 1, "submission_id": "S2"})},
         "同一对象已有更急的预警 X02（青禾区《S2.xlsx》）"),
        ({"survey_household": survey({"head_id_number": "甲", "yearly_income_fen": 100000})},
         "条件不再成立"),  # no file came, so none is named
        ({"survey_household": survey({"head_id_number": "甲", "yearly_income_fen": 100000, "submission_id": "S2"})},
         "所依据的文件已更正（青禾区《S2.xlsx》）"),
    ],
)  # fmt: skip
def test_it_is_withdrawn_with_the_reason(nights: Nights, tomorrow: dict[str, Any], because: str) -> None:
    rows: dict[str, Any] = {"survey_household": survey({"head_id_number": "甲"}), **ROSTERS}
    nights.night(given(NIGHT, **rows))
    nights.night(given(NEXT, **{**rows, **{name: [*ROSTERS.get(name, []), *more] for name, more in tomorrow.items()}}))
    assert nights.rows("select count(*) from warning where rule_code = 'X01'") == [(0,)]
    assert nights.rows("select because from warning_change where rule_code = 'X01'") == [(because,)]


def test_a_row_set_aside_that_may_be_his_neither_creates_nor_clears(nights: Nights) -> None:
    one = {"head_id_number": "甲", "id_birth_date": "1960-01-01"}
    nights.night(given(NIGHT, survey_household=survey(one), **ROSTERS))
    aside = {"row_id": "X#y#2", "kind": "dibao_person", "unit_code": "d01", "period": "2026-10", "name": "甲"}
    unsure = [aside | {"birth_date": "1960-01-01"}, aside | {"row_id": "X#y#3", "name": "乙"}]
    both = survey(one, {"head_id_number": "乙"})
    nights.night(given(NEXT, survey_household=both, input__set_aside=unsure, **ROSTERS))
    assert nights.rows("select subject_id, status, remark from warning") == [
        ("户甲", "open", "说不准是否在册（低保），今晚无法核对，保留原预警")
    ]
    assert nights.rows(CHANGES) == []


def test_a_rule_that_is_gone_withdraws_its_warnings(nights: Nights, tmp_path: Path) -> None:
    rows = {"survey_household": survey({"head_id_number": "甲"}), **ROSTERS}
    nights.night(given(NIGHT, **rows))
    nights.night(given(NEXT, **rows), models_with(tmp_path / "sql", {"x03": RULES["x03"]}))
    assert nights.rows(CHANGES) == [("X01", "withdrawn", "规则已停用")]


def test_a_roster_that_is_not_current_neither_creates_nor_clears(nights: Nights) -> None:
    old = {**ROSTERS, "dibao_person": [{"id_number": "丁", "start_month": "2024-01", "period": "2026-10"}]}
    nights.night(given(NIGHT, survey_household=survey({"head_id_number": "甲"}), **old))
    assert nights.rows("select rule_code from warning order by all") == [("X01",), ("X03",)]
    before = nights.rows("select warning_id, reason, first_seen_on, due_on from warning order by all")
    later = survey({"head_id_number": "甲", "yearly_income_fen": 900000}, {"head_id_number": "乙"})
    nights.night(given(date(2026, 12, 31), survey_household=survey({"head_id_number": "甲"}), **old))
    assert nights.rows("select count(*) from warning where remark is not null") == [(0,)]
    nights.night(given(date(2027, 1, 1), survey_household=later, **old))
    assert nights.rows("select rule_code, subject_id, remark from warning order by all") == [
        ("X01", "户甲", "名单不是最新（低保），今晚无法核对，保留原预警"),
        ("X03", "丁", "名单不是最新（低保），今晚无法核对，保留原预警"),
    ]
    kept = "select warning_id, reason, first_seen_on, due_on from warning order by all"
    assert nights.rows(kept) == before
    fresh = [json.loads(text) for (text,) in nights.rows("select freshness from warning order by rule_code")]
    assert [(each["period"], each["is_current"]) for of in fresh for each in of["registries"]] == [
        ("2026-10", False)
    ] * 2
    assert fresh[0]["newest_evidence"] == "2026-12-31", "the evidence is that of the night on which it last held"
    assert nights.rows("select last_seen_on from warning") == [(date(2026, 12, 31),)] * 2
    assert nights.rows(CHANGES) == []
    tally = "select rule_code, asked, fired, could_not_be_asked, reason from rule_tally where rule_code = 'X01'"
    assert nights.rows(tally) == [("X01", 0, 0, 5, "名单不是最新：d01")]


def test_only_the_roster_that_a_warning_stands_on_must_be_current(nights: Nights) -> None:
    on = {
        "dibao_person": [{"id_number": "丁", "start_month": "2024-01"}, {"id_number": "戊", "start_month": "2026-01"}]
    }
    left = {"dibao_person": [{"id_number": "戊", "start_month": "2026-01", "submission_id": "S2"}]}
    old = {"tekun_person": [{"id_number": "己", "period": "2026-01"}]}
    nights.night(given(NIGHT, **on, **old))
    assert nights.rows("select rule_code, subject_id from warning") == [("X03", "丁")]
    nights.night(given(NEXT, **left, **old))
    assert nights.rows(CHANGES) == [("X03", "withdrawn", "所依据的文件已更正（青禾区《S2.xlsx》）")]
    assert nights.rows("select rule_code, could_not_be_asked from rule_tally where rule_code = 'X03'") == [("X03", 0)]


def test_the_dead_are_asked_only_by_the_rule_of_the_dead(nights: Nights, tmp_path: Path) -> None:
    rows: dict[str, Any] = {"dibao_person": [{"id_number": "丁", "start_month": "2024-01"}]}
    notice = [{"id_number": "丁", "died_on": "2026-10-30"}]
    nights.night(given(NIGHT, **rows))
    assert nights.rows("select rule_code from warning") == [("X03",)]
    nights.night(given(NEXT, death_notice=notice, **rows))
    assert nights.rows("select rule_code from warning") == []
    card = OVERDUE_CARD.replace("level: blue", "level: blue\nof_the_dead: true")
    nights.night(
        given(date(2026, 11, 1), death_notice=notice, **rows),
        models_with(tmp_path / "sql", warnings__x03=(OVERDUE, card)),
    )
    assert nights.rows("select rule_code from warning") == [("X03",)]
    assert nights.rows("select death_date from person where person_id = '丁'") == [(date(2026, 10, 30),)]


def test_worse_better_and_another_reason(nights: Nights) -> None:
    rows = survey(
        {"head_id_number": "甲"}, {"head_id_number": "乙", "yearly_income_fen": 40000}, {"head_id_number": "丙"}
    )
    nights.night(given(NIGHT, survey_household=rows, **ROSTERS))
    rows = survey(
        {"head_id_number": "甲", "yearly_income_fen": 49999}, {"head_id_number": "乙", "yearly_income_fen": 50000},
        {"head_id_number": "丙"}, {"head_id_number": "丁"},
    )  # fmt: skip
    nights.night(given(NEXT, survey_household=rows, **ROSTERS))
    assert nights.rows(
        "select household_id, change, before, after from warning_change where change = 'level' order by all"
    ) == [
        ("户乙", "level", "red", "yellow"),
        ("户甲", "level", "yellow", "red"),
    ]
    assert nights.rows("select household_id, change from household_warning order by all") == [
        ("户丁", "new"), ("户丙", "same"), ("户乙", "same"), ("户甲", "worse"),
    ]  # fmt: skip
    assert nights.rows("select household_id, colour from household_warning where level = 'red'") == [("户甲", "赤")]
    assert nights.rows("select urgency, household_id from warning_list order by urgency")[0] == (1, "户甲")
    order = [row[0] for row in nights.rows("select urgency from warning_list")]
    assert order == sorted(order), "the list lies in the file in its order"


def test_one_line_per_household_with_colour_and_services(nights: Nights) -> None:
    rows: dict[str, Any] = {
        "survey_household": survey({"head_id_number": "甲", "id_birth_date": "1950-01-01"}),
        "survey_person": [
            {"id_number": "乙", "household_no": "H0", "relation": "孙子女", "id_birth_date": "2015-01-01"}
        ],
        "dibao_person": [{"id_number": "丁", "start_month": "2024-01"}, {"id_number": "戊", "start_month": "2026-01"}],
        "tekun_person": [{"id_number": "旁乙"}],
        "edge_person": [{"id_number": "旁丙"}],
        "temporary_grant": [
            {"id_number": "己", "granted_on": "2026-05-01", "result": "同意"},
            {"id_number": "庚", "application_no": "A2", "granted_on": None, "result": "办理中"},
        ],
        "disability_certificate": [
            {"id_number": who, "certificate_no": who, "disability_level": "一级"} for who in ("丁", "辛")
        ],
        "death_notice": [{"id_number": "辛", "died_on": "2026-10-01"}],
    }
    rows["survey_person"].append({"id_number": "辛", "household_no": "H0", "id_birth_date": "1948-01-01"})
    nights.night(given(NIGHT, **rows))
    assert nights.rows(
        "select household_id, colour, codes, open_count, referrals from household_warning order by all"
    ) == [
        ("户丁", "紫", "X03", 1, "残疾人帮扶"),
        ("户甲", "黄", "X01", 1, "养老服务与适老化改造,儿童关爱服务"),  # nothing for 辛, who died
    ]
    assert nights.rows("select household_id, colour from household order by all") == [
        ("户丁", "紫"), ("户己", "蓝"), ("户庚", None), ("户戊", "绿"), ("户旁丙", "青"), ("户旁乙", "绿"), ("户甲", "黄"),
    ]  # fmt: skip


def test_a_division_sees_its_own_rows_only(home: Home) -> None:
    rows = survey({"head_id_number": "甲"}, {"head_id_number": "乙", "unit_code": "d02"})
    release = home.night(given(NIGHT, survey_household=rows, **ROSTERS))
    own = release / "divisions" / "d02.duckdb"
    assert home.rows("select person_id, division_code from person order by all", own) == [
        ("乙", "d02"),
        ("旁丁", "d02"),
    ]
    assert home.rows("select distinct division_code from warning", own) == [("d02",)]
    assert home.rows("select distinct unit_code from submission", own) == [("d02",)]
    tables = [row[0] for row in home.rows("select table_name from duckdb_tables()", own)]
    for table in tables:
        columns = [row[0] for row in home.rows(f"describe {table}", own)]
        assert not any("甲" in str(row) for row in home.rows(f"select * from {table}", own)), (table, columns)


# --- built whole or not at all --------------------------------------------------------------------------------------


ROWS = "select row_id as row_id from accepted.survey_household"


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"registry__bad": (f"{ROWS} union all {ROWS}", "grain: x\nkey: [row_id]\n")},
         r"registry\.bad：主键（row_id）重复：1 行，如 d01-survey_household#Sheet1#2"),
        ({"registry__bad": ("select cast(null as varchar) as row_id", "grain: x\nkey: [row_id]\n")}, r"registry\.bad：主键（row_id）有空值：1 行"),
        ({"registry__bad": ("select 1 as x", "grain: x\nkey: [x]\nmust_hold: {never: select head_name from accepted.survey_household}\n")},
         r"registry\.bad\.never：1 行$"),
        ({"published__bad": ("select 1 as x, 2 as y", "grain: x\nkey: [x]\ncomment: 坏\ncolumns: {x: 一}\n")}, r"main\.bad：列与说明不符：y"),
        ({"published__bad": ("select 'x' as x", "grain: x\nkey: [x]\nreferences: {x: person.person_id}\ncomment: 坏\ncolumns: {x: 一}\n")},
         r"main\.bad\.x：在 person\.person_id 里没有：1 行$"),
    ],
)  # fmt: skip
def test_a_failed_examination_publishes_nothing(home: Home, tmp_path: Path, others: dict[str, Any], said: str) -> None:
    rows = {"survey_household": survey({"head_id_number": "甲", "head_name": "密张三"}), **ROSTERS}
    home.night(given(NIGHT, **rows))
    before = home.link.readlink()
    with pytest.raises(PublishRefused, match=said) as caught:
        home.night(given(NEXT, **rows), models_with(tmp_path / "sql", **others))
    assert "密张三" not in str(caught.value), "positions only"
    assert home.link.readlink() == before
    assert sorted(path.name for path in home.work.iterdir()) == []


def test_a_row_read_twice_is_noticed(home: Home) -> None:
    inputs = given(NIGHT, **ROSTERS)
    lost = dict(inputs.accepted)
    lost["dibao_person"] = pa.concat_tables([lost["dibao_person"], lost["dibao_person"].slice(1)])
    with pytest.raises(PublishRefused, match="读入的行数与登记的不同"):
        home.night(replace(inputs, accepted=lost))


def test_read_is_accepted_set_aside_and_out_of_scope(home: Home) -> None:
    odd = [
        {
            "submission_id": "S9",
            "unit_code": "d01",
            "kind": "vehicle",
            "rows_read": 5,
            "rows_accepted": 1,
            "rows_set_aside": 1,
            "rows_out_of_scope": 2,
            "status": "partly_accepted",
        }
    ]
    with pytest.raises(PublishRefused, match=r"main\.submission\.no_row_is_lost：1 行，如 S9"):
        home.night(given(NIGHT, input__submission=odd, **ROSTERS))


POOR_HOUSEHOLD: dict[str, Any] = {"survey_household": survey({"head_id_number": "甲"}), **ROSTERS}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, models: Models) -> tuple[Home, Home]:
    """A home after its first night, and one after two nights."""
    root = tmp_path_factory.mktemp("undisturbed")
    one = Home(root / "one", models)
    one.night(given(NIGHT, **POOR_HOUSEHOLD))
    shutil.copytree(one.root, root / "two", symlinks=True)
    two = Home(root / "two", models)
    two.night(given(NEXT, **POOR_HOUSEHOLD))
    return one, two


@pytest.mark.parametrize("step", ["_make", "verify_release", "_write", "_read_back", "sync", "_swap", "rename"])
def test_a_crash_leaves_yesterday_and_the_next_run_ends_the_same(
    undisturbed: tuple[Home, Home], tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    yesterday, today = undisturbed
    shutil.copytree(yesterday.root, tmp_path / "home", symlinks=True)
    home = Home(tmp_path / "home", yesterday.models)

    def crash(*_: Any, **__: Any) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path if step == "rename" else warehouse, step, crash)
        with pytest.raises(OSError, match="no space"):
            home.night(given(NEXT, **POOR_HOUSEHOLD))
    assert home.rows("select run_date from release") == [(NIGHT,)]
    home.night(given(NEXT, **POOR_HOUSEHOLD))
    assert differences(home.link, today.link) == {}


def test_the_last_rename_is_the_only_moment(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link half made is not the link."""
    home.night(given(NIGHT, **ROSTERS))
    with monkeypatch.context() as patched:

        def crash(self: Path, target: Path) -> None:
            raise OSError("killed")

        patched.setattr(Path, "replace", crash)
        with pytest.raises(OSError, match="killed"):
            home.night(given(NEXT, **ROSTERS))
    assert home.rows("select run_date from release") == [(NIGHT,)]
    home.night(given(NEXT, **ROSTERS))
    assert home.rows("select run_date from release") == [(NEXT,)]
    assert sorted(path.name for path in home.root.iterdir()) == ["releases", "warehouse.duckdb", "work"]


def test_a_reader_during_the_swap_sees_one_release_or_the_other(home: Home) -> None:
    home.night(given(NIGHT, survey_household=survey({"head_id_number": "甲"}), **ROSTERS))
    with warehouse.read(home.link) as yesterday:
        assert yesterday.execute("select run_date from release").fetchall() == [(NIGHT,)]
        home.night(given(NEXT, survey_household=survey({"head_id_number": "乙"}), **ROSTERS))
        assert yesterday.execute("select run_date from release").fetchall() == [(NIGHT,)]
        assert yesterday.execute("select subject_id from warning").fetchall() == [("户甲",)]
        with warehouse.read(home.link) as today:
            assert today.execute("select run_date from release").fetchall() == [(NEXT,)]
            assert today.execute("select subject_id from warning").fetchall() == [("户乙",)]


def test_a_release_file_is_closed_read_only_and_described(home: Home) -> None:
    release = home.night(given(NIGHT, survey_household=survey({"head_id_number": "甲"}), **ROSTERS))
    assert not list(home.root.rglob("*.wal"))
    assert {path.stat().st_mode & 0o777 for path in release.rglob("*.duckdb")} == {0o400}
    assert sorted(path.name for path in (release / "divisions").iterdir()) == ["d01.duckdb", "d02.duckdb"]
    said = home.rows("select table_name, comment from duckdb_tables()")
    said += home.rows("select table_name || '.' || column_name, comment from duckdb_columns() where not internal")
    assert len(said) > 100
    assert [name for name, comment in said if not comment] == []
    assert home.rows("select distinct schema_name from duckdb_tables()") == [("main",)], "accepted rows stay behind"


def test_nothing_published_yet(home: Home) -> None:
    with pytest.raises(PublishRefused, match="还没有"):
        warehouse.read(home.link)


def release_of(home: Home, night: date, *, kept: int = warehouse.KEPT) -> Path:
    """A release as far as its place on disk goes."""
    built = home.work / "ready"
    built.mkdir()
    with duckdb.connect(str(built / "warehouse.duckdb")) as con:
        con.execute("create table release as select cast(? as date) as run_date", [night])
    return warehouse.publish(
        built, home.releases, home.link, warehouse.plan(built, home.releases, home.link, kept=kept)
    )


def test_as_many_stay_as_the_bureau_keeps(home: Home) -> None:
    for _ in range(4):
        release_of(home, NIGHT, kept=2)
    assert sorted(int(path.name) for path in home.releases.iterdir()) == [3, 4]


def test_seven_releases_stay_and_yesterday_however_often_today_is_run_again(home: Home) -> None:
    release_of(home, NIGHT)
    for _ in range(9):
        release_of(home, NEXT)
    assert sorted(int(path.name) for path in home.releases.iterdir()) == [1, 4, 5, 6, 7, 8, 9, 10]
    assert warehouse.previous_release(home.releases, NEXT) == home.releases / "1" / "warehouse.duckdb"
    assert str(home.link.readlink()) == "releases/10/warehouse.duckdb"


def test_an_earlier_night_is_kept_but_never_takes_the_place_of_a_later_one(home: Home) -> None:
    release_of(home, NEXT)
    release_of(home, NIGHT)
    assert home.rows("select run_date from release") == [(NEXT,)]
    assert warehouse.previous_release(home.releases, NIGHT) is None
    assert warehouse.previous_release(home.releases, NEXT) == home.releases / "2" / "warehouse.duckdb"


def test_a_broken_release_is_named(home: Home) -> None:
    (release_of(home, NIGHT) / "warehouse.duckdb").write_bytes(b"not a database")
    with pytest.raises(PublishRefused, match="releases/1 打不开"):
        warehouse.previous_release(home.releases, NEXT)


# --- the same inputs, the same tables -------------------------------------------------------------------------------


def differences(left: Path, right: Path) -> dict[str, int]:
    """Table → rows that one release has and the other has not."""
    found = {}
    with duckdb.connect() as con:
        con.execute(f"attach '{left.resolve()}' as a (read_only)")
        con.execute(f"attach '{right.resolve()}' as b (read_only)")
        for (table,) in con.execute("select table_name from duckdb_tables() where database_name = 'a'").fetchall():
            query = f"select count(*) from ((from a.{table} except all from b.{table}) union all (from b.{table} except all from a.{table}))"
            if count := con.execute(query).fetchall()[0][0]:
                found[table] = count
    return found


def crowd(numbers: list[int]) -> dict[str, Any]:
    people = [f"人{number:02d}" for number in numbers]
    return {
        "survey_household": [
            {"head_id_number": person, "household_no": person, "household_size": 1 + index % 3, "yearly_income_fen": 20000 * (index % 7),
             "row_id": f"s-{person}", "submission_id": f"s{index % 2}"}
            for person, index in zip(people, numbers, strict=True)
        ],
        "dibao_person": [
            {"id_number": person, "start_month": f"20{20 + index % 7}-01", "row_id": f"d-{person}", "unit_code": f"d0{1 + index % 2}"}
            for person, index in zip(people, numbers, strict=True)
            if index % 5 == 0
        ],
    }  # fmt: skip


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given_strategy(strategies.permutations(list(range(20))))
def test_the_order_of_rows_is_no_matter(models: Models, order: list[int]) -> None:
    straight, mixed = Nights(models), Nights(models)
    straight.night(given(NIGHT, **crowd(list(range(20)))))
    mixed.night(given(NIGHT, **crowd(order)))
    for table in ("warning_list", "household_warning", "warning_change", "rule_tally", "household", "registry_check"):
        columns = "columns(* exclude (evidence))" if table == "warning_list" else "*"  # it names the row's number
        query = f"select {columns} from {table} order by all"
        assert straight.rows(query) == mixed.rows(query), table


def test_twice_the_same_build_is_the_same(home: Home) -> None:
    rows = crowd(list(range(20)))
    home.night(given(NIGHT, **rows))
    one, two = home.night(given(NEXT, **rows)), home.night(given(NEXT, **rows))
    assert differences(one / "warehouse.duckdb", two / "warehouse.duckdb") == {}
    assert home.rows("select count(*) > 5 from warning") == [(True,)]
    for table in ("warning", "person", "enrolment"):
        query = f"select * from {table}"
        assert home.rows(query, one / "warehouse.duckdb") == home.rows(query, two / "warehouse.duckdb"), (
            "order of rows too"
        )


def test_parquet_files_are_read_by_column_name(home: Home, tmp_path: Path) -> None:
    """An old file may lack a column that the contract has now, and hold one that it no longer has."""
    inputs = given(NIGHT, **ROSTERS)
    table = inputs.accepted["dibao_person"]
    new, old = tmp_path / "it's new.parquet", tmp_path / "old.parquet"
    pq.write_table(table.slice(0, 1), new)
    pq.write_table(table.slice(1).drop_columns(["health", "health__text"]).append_column("gone", pa.array(["x"])), old)
    inputs = replace(inputs, accepted={**inputs.accepted, "dibao_person": [new, old]})
    home.night(inputs)
    assert home.rows("select count(*) from enrolment where registry = 'dibao'") == [(2,)]


CARE = {"id_number": "甲", "self_care": "全护理"}
CARE_OPEN = "select status, first_seen_on, last_seen_on, remark from warning where rule_code = 'C06'"


@pytest.fixture
def care_nights() -> Iterator[Nights]:
    nights = Nights(sql_kit.models_of())
    yield nights
    if nights.con:
        nights.con.close()


@pytest.mark.slow
def test_an_unreadable_cell_neither_begins_nor_ends_a_warning(care_nights: Nights) -> None:
    """Blank, then unreadable, then unreadable for another one, then given."""
    said = "照料护理费用写着“约五百”，认不出来，今晚无法核对，保留原预警"
    unread = {"care_amount_fen__text": "约五百", "care_amount_fen__unreadable": True}
    second = NIGHT + timedelta(days=1)
    care_nights.night(given(NIGHT, tekun_person=[CARE]))
    assert care_nights.rows(CARE_OPEN) == [("open", NIGHT, NIGHT, None)]
    care_nights.night(given(second, tekun_person=[CARE | unread, CARE | unread | {"id_number": "乙"}]))
    assert care_nights.rows(CARE_OPEN) == [("open", NIGHT, NIGHT, said)]
    assert care_nights.rows("select count(*) from warning_change where rule_code = 'C06'") == [(0,)]
    assert care_nights.rows("select could_not_be_asked, reason from rule_tally where rule_code = 'C06'") == [
        (2, "名单里有认不出来的格或退回的行：2")
    ]
    care_nights.night(given(second + timedelta(days=1), tekun_person=[CARE | {"care_amount_fen": 50000}]))
    assert care_nights.rows(CARE_OPEN) == []


@pytest.mark.parametrize(
    ("text", "value", "is_listed"),
    [
        (None, None, True),
        ("/", None, True),
        (r"\N", None, True),
        ("0", 0, True),
        ("约五百", None, False),
        ("500", 50000, False),
    ],
)
def test_in_files_of_before_what_gave_no_value_and_is_not_blank_is_unreadable(
    tmp_path: Path, text: str | None, value: int | None, is_listed: bool
) -> None:
    inputs = given(NIGHT, tekun_person=[CARE | {"care_amount_fen": value, "care_amount_fen__text": text}])
    old, now = tmp_path / "old.parquet", inputs.accepted["tekun_person"]
    assert isinstance(now, pa.Table)
    pq.write_table(now.drop_columns([name for name in now.column_names if name.endswith("__unreadable")]), old)
    inputs = replace(inputs, accepted={"tekun_person": [old]})
    found = warehouse.ask(inputs, sql_kit.models_of(), "warnings.c06").to_pylist()
    assert [row["unreadable"] is None for row in found] == ([is_listed] if is_listed or text == "约五百" else [])


# --- the same text elsewhere ----------------------------------------------------------------------------------------

QUERIES = {
    **{f"{path.parent.name}/{path.name}": path.read_text(encoding="utf-8") for path in sorted(SQL.glob("*/*.sql"))},
    **{name: write(contracts.load().kinds) for name, write in contract_models.QUERIES.items()},
}


@pytest.mark.parametrize("name", QUERIES)
def test_every_model_can_be_said_in_spark(name: str) -> None:
    said = sqlglot.transpile(QUERIES[name], read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)
    assert len(said) == 1
    assert sqlglot.parse_one(said[0], read="spark")


# what does not fit into memory -------------------------------------------------------------------------------------------

MORE_THAN_FITS = "create table many as select md5(cast(i as varchar)) as word from range(4000000) as line(i)"


def test_what_exceeds_the_memory_goes_into_a_folder_of_its_own_in_work_and_is_gone_afterwards(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    with warehouse.in_memory(work, warehouse.Limits("64MB", threads=1)) as con:
        con.execute(MORE_THAN_FITS)
        assert any(path.is_file() for path in work.rglob("*"))
    assert list(tmp_path.rglob("*")) == [work]


def test_without_a_folder_nothing_goes_to_a_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with (
        warehouse.in_memory(limits=warehouse.Limits("64MB", threads=1)) as con,
        pytest.raises(duckdb.OutOfMemoryException),
    ):
        con.execute(MORE_THAN_FITS)
    assert list(tmp_path.rglob("*")) == []
