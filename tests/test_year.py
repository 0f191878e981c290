"""A generated year carries the table of one real year, and the night says it from the files alone."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from low_income import warehouse
from low_income.generate import REAL_YEAR, generate_year
from low_income.model import ConfigError
from low_income.night import run
from low_income.night.build_inputs import gather
from low_income.records.ledger import Ledger
from low_income.settings.home import Home

from tests.night_kit import copy_home, new_home, truth
from tests.sql_kit import models_of

pytestmark = pytest.mark.slow

PEOPLE, DAY = 100, date(2025, 12, 31)
COLUMNS = ("month", "division_code", "registry", "households", "persons", "persons_entered", "grants", "amount")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = new_home(tmp_path_factory.mktemp("year"))
    generate_year(home, year=2025, people=PEOPLE)
    return home


def said(home: Path) -> dict[tuple[str, str, str], dict[str, str]]:
    return {(row["month"], row["division_code"], row["registry"]): row for row in truth(home, "statistics")}


def test_the_real_year_is_the_missions_and_scales() -> None:
    assert REAL_YEAR.at(REAL_YEAR.people) == REAL_YEAR
    figures = REAL_YEAR
    assert (figures.dibao_households, figures.dibao_persons) == (19_000, 26_000)
    assert (figures.tekun_households, figures.tekun_persons, figures.tekun_entered) == (1_548, 1_573, 1_636)
    assert (figures.edge_entered, figures.grants, figures.paid_fen) == (2_295, 81_000, 290_000_000 * 100)


def test_the_truth_carries_the_figures_of_its_size(home: Path) -> None:
    year = {registry: row for (month, unit, registry), row in said(home).items() if (month, unit) == ("2025", "all")}
    share = PEOPLE / (26_000 + 1_573 + 2_295)
    assert Decimal(year["dibao"]["households"]) == round(19_000 * share) == 64
    assert Decimal(year["dibao"]["persons"]) == int(year["dibao"]["persons_entered"]) == round(26_000 * share)
    assert Decimal(year["tekun"]["persons"]) == round(1_573 * share)
    assert Decimal(year["tekun"]["households"]) == round(1_573 * share) - 1, "one household of two"
    assert int(year["tekun"]["persons_entered"]) == round(1_573 * share) + 1, "two who came late"
    assert int(year["edge"]["persons_entered"]) == round(2_295 * share)
    assert int(year["temporary"]["grants"]) == round(81_000 * share)
    assert sum(Decimal(row["amount"] or 0) for row in year.values()) == round(290_000_000 * share)


def test_the_files_hold_what_a_careless_count_gets_wrong(home: Path) -> None:
    rows = said(home)
    units = {unit for _, unit, _ in rows} - {"all"}
    year = rows["2025", "all", "dibao"]
    months = [rows[f"2025-{month:02d}", "all", "dibao"] for month in range(1, 13)]
    assert sum(int(rows["2025", unit, "dibao"]["persons_entered"]) for unit in units) > int(year["persons_entered"]), (
        "families that moved stand in two divisions"
    )
    assert len({row["households"] for row in months}) > 1, "households split and join"
    assert int(rows["2025", "all", "temporary"]["grants"]) > int(rows["2025", "all", "temporary"]["persons_entered"])
    assert rows["2024", "all", "temporary"], "grants of the year before stand in the ledger too"
    # Two of the two files of persons of d01 in December say the household's money on each row.
    repeated, by_head = Decimal(0), {}
    for path in sorted((home / "inbox/d01").glob("*低保人员查询.xlsx")):
        sheet = openpyxl.load_workbook(path, read_only=True).active
        header, *body = [list(row) for row in sheet.iter_rows(values_only=True)]
        at = {name: place for place, name in enumerate(header)}
        for row in body:
            repeated += Decimal(str(row[at["户月保障金额"]]))
            by_head[row[at["户主身份证号"]]] = Decimal(str(row[at["户月保障金额"]]))
    assert repeated > sum(by_head.values()) > 0


@pytest.mark.slow
def test_the_night_says_the_same_from_the_files_alone(home: Path, tmp_path: Path) -> None:
    home = copy_home(home, tmp_path / "night")
    for unit in run.collect(home, DAY):
        run.read(home, DAY, unit)
    for family in run.dataset_groups(home, DAY, 0):
        run.check(home, DAY, family)
    place = Home.open(home)
    given = gather(place, Ledger.of(place), DAY)
    found = warehouse.ask(given, models_of(), "main.monthly_statistics").to_pylist()
    shown = {tuple("" if row[name] is None else str(row[name]) for name in COLUMNS) for row in found}
    assert shown == {tuple(row[name] for name in COLUMNS) for row in truth(home, "statistics")}
    assert {(row["without_amount"], row["counted_on"]) for row in found if row["registry"] != "edge"} == {(0, DAY)}


def test_the_same_arguments_give_the_same_year(home: Path, tmp_path: Path) -> None:
    generate_year(tmp_path, year=2025, people=PEOPLE)
    assert _files(home) == _files(tmp_path)


def _files(root: Path) -> dict[Path, bytes]:
    found = [path for name in ("inbox", "truth") for path in (root / name).rglob("*") if path.is_file()]
    return {path.relative_to(root): path.read_bytes() for path in found}


def test_a_year_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="太少"):
        generate_year(tmp_path, year=2025, people=50)
    assert not list(tmp_path.rglob("*.csv"))
