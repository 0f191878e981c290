"""A night of damage: every list of every unit as some other program would have written it. Nobody is listed for what was lost.

The lists take the kinds of damage in turn, so that all kinds occur in one night, and each unit sends many of them.
What is lost, refused, hidden or not understood may end warnings. It never makes one of the rules that ask who is on no roster.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml
from low_income.generate import programs
from low_income.model import ROOT
from low_income.night import run
from low_income.reading import layout, readers
from low_income.settings import contracts

from tests.night_kit import DAY, ask, generated, new_home, still

pytestmark = pytest.mark.slow

KINDS = sorted(programs.PROGRAMS)
ASKED = "select rule_code, subject_id_number, division_code from warning"


def _lists(inbox: Path, work: Path) -> list[tuple[str, str, programs.Lines]]:
    """(unit, path in its folder without the ending, list) of each generated file of one sheet with a header of one row, sorted."""
    senders = {sender for kind in contracts.load().kinds.values() for sender in kind.senders}
    found = []
    for path in sorted(path for path in inbox.rglob("*") if path.is_file()):
        unit = path.relative_to(inbox).parts[0]
        book = readers.read(path, path.name)
        readings = layout.read_submissions(path, path.name, "", senders, work)
        if not isinstance(book, readers.Book) or len(book.grids) != 1 or len(readings) != 1 or readings[0].refusal:
            continue
        grid, (first, last) = book.grids[0], readings[0].sheets[0].header_rows
        if first == last and not grid.merges:
            rows = [[grid.text(row, column) for column in range(len(grid.columns))] for row in range(grid.height)]
            header = [int(number) for number in grid.row_numbers].index(first)
            found.append(
                (
                    unit,
                    path.relative_to(inbox / unit).with_suffix("").as_posix(),
                    programs.Lines(rows[:header], rows[header], rows[header + 1 :]),
                )
            )
    return found


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, programs.Lines]]:
    return _lists(generated(tmp_path_factory) / "inbox", tmp_path_factory.mktemp("work"))


def _night(home: Path, files: list[tuple[str, str, programs.Written]]) -> Path:
    new_home(home)
    for unit, stem, written in files:
        path = home / "inbox" / unit / f"{stem}{written.suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written.data)
        still(path)
    run.night(home, DAY)
    return home


@pytest.fixture(scope="module")
def clean(lists: list[tuple[str, str, programs.Lines]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home after a night in which every list comes as plain text."""
    return _night(
        tmp_path_factory.mktemp("clean") / "home", [(unit, stem, programs.plain(each)) for unit, stem, each in lists]
    )


@pytest.fixture(scope="module")
def damaged(lists: list[tuple[str, str, programs.Lines]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = random.Random(1)
    files = [
        (unit, stem, programs.PROGRAMS[KINDS[at % len(KINDS)]](rng, each))
        for at, (unit, stem, each) in enumerate(lists)
    ]
    return _night(tmp_path_factory.mktemp("damaged") / "home", files)


def test_all_kinds_of_damage_are_in_one_night(lists: list[tuple[str, str, programs.Lines]]) -> None:
    assert len(lists) >= len(KINDS)


def test_nobody_is_listed_as_being_on_no_roster_because_of_what_was_lost(clean: Path, damaged: Path) -> None:
    cards = [yaml.safe_load(card.read_text(encoding="utf-8")) for card in (ROOT / "sql/warnings").glob("*.yml")]
    asks_who_is_missing = {card["code"] for card in cards if card.get("not_in")}
    before, after = ({line for line in ask(home, ASKED) if line[0] in asks_who_is_missing} for home in (clean, damaged))
    assert len(before) > 20
    assert not after - before


def test_no_row_is_lost_and_nobody_unknown_is_on_a_roster(clean: Path, damaged: Path) -> None:
    balance = "rows_read = rows_accepted + rows_set_aside + rows_out_of_scope"
    assert ask(damaged, f"select count(*) from submission where not ({balance})") == [(0,)]
    people = "select distinct p.id_number, e.registry from enrolment e join person p using (person_id)"
    assert set(ask(damaged, people)) <= set(ask(clean, people))
