"""Plants cases of amounts that are owed or wrong, beside C01: shares, remote places, benefits up to the standard, care."""

from __future__ import annotations

from typing import Any

from low_income.generate.bureau import Place
from low_income.generate.people import Person
from low_income.generate.stage import Member
from low_income.generate.turn import Turn


def plant_supplement(here: Turn) -> None:
    """Write every case once, with the expected warnings and silences."""
    for cases in (_shares, _remote, _remote_limit, _benefits, _care):
        cases(here)


def _say(here: Turn, holds: bool, code: str, level: str, place: Place, person: Person, why: str) -> None:
    if holds:
        here.stage.warn(code, person, place.division, level, why)
    else:
        here.stage.silent(code, person, why)


def _shares(here: Turn) -> None:
    """C02 at a tenth and three tenths of the standard, and B02 going before it."""
    stage = here.stage
    for tenths, cents, holds in ((1, 0, False), (1, -1, True), (3, 0, False), (3, 1, True)):
        place = here.place()
        head, person = here.adult(place), here.adult(place)
        amount = stage.bureau.standard(place) * tenths // 10 + cents
        stage.dibao(place, [Member(head), Member(person, "其他", supplement=amount)])
        _say(here, holds, "C02", "blue", place, person, f"{tenths} tenths of the standard and {cents} cents")
    place = here.place(stage.bureau.stale)
    person = here.adult(place)
    stage.dibao(place, [Member(person, supplement=100)])
    stage.silent("C02", person, "roster not current")
    place = here.place()
    person = here.adult(place)
    stage.dibao(place, [Member(person, supplement=100)])
    stage.tekun(place, person)
    stage.warn("B02", person, place.division, "orange", "dibao and tekun, supplement too small")
    stage.silent("C02", person, "B02 stands over C02")


def _remote(here: Turn) -> None:
    """C03 at 30 km; what the roster says about the border goes before the township's flag."""
    stage = here.stage
    cases: tuple[tuple[bool, bool, dict[str, Any], str], ...] = (
        (False, False, {"distance_km": "30.0"}, "exactly 30 km"),
        (True, False, {"distance_km": "30.1"}, "above 30 km"),
        (True, False, {"distance_km": "45.0", "remote_supplement_fen": 0}, "above 30 km, supplement 0"),
        (False, False, {"distance_km": "45.0", "remote_supplement_fen": 1}, "above 30 km, something is paid"),
        (False, False, {"distance_km": None}, "distance unknown"),
        (True, True, {"is_border": None}, "a border township"),
        (False, True, {"is_border": False}, "a border township, but the roster says that the household is not there"),
        (True, False, {"is_border": True}, "the roster says border"),
    )
    for holds, is_border, said, why in cases:
        place = _township(here, is_border)
        person = here.adult(place)
        stage.dibao(place, [Member(person)])
        stage.tables["dibao_household"].change(
            -1, **{"distance_km": "3.0", "is_border": None, "remote_supplement_fen": None} | said
        )
        _say(here, holds, "C03", "yellow", place, person, why)


def _township(here: Turn, is_border: bool) -> Place:
    """The next place, at the border or not, of a division with current rosters."""
    places = [
        place
        for (division, _), places in here.stage.bureau.places.items()
        if division in here.stage.bureau.current
        for place in places
        if place.is_border == is_border
    ]
    here.place()
    return places[here.turned % len(places)]


def _remote_limit(here: Turn) -> None:
    """C04 at a fifth of the standard times the people covered."""
    stage = here.stage
    for cents in (0, 1):
        place = here.place()
        members = here.household(place)
        stage.dibao(place, members, remote=True)
        limit = stage.bureau.standard(place) * 2 // 5
        stage.tables["dibao_household"].change(-1, remote_supplement_fen=limit + cents)
        _say(here, cents > 0, "C04", "blue", place, members[0].person, f"a fifth for two, and {cents} cents")


def _benefits(here: Turn) -> None:
    """C05 at one yuan more or less, in both areas, and where nothing is owed."""
    stage = here.stage
    for area in ("城市", "农村"):
        for cents, holds in ((100, False), (101, True), (-101, True)):
            place = here.place(area=area)
            members = here.household(place)
            stage.dibao(place, members)
            benefits = stage.tables["dibao_household"].columns["monthly_benefit_fen"]
            benefits[-1] += cents
            _say(here, holds, "C05", "blue", place, members[0].person, f"{area}: {cents} cents more than owed")
    for benefit in (0, 5_000):
        place = here.place()
        person = here.adult(place)
        stage.dibao(place, [Member(person)], share=1.3)
        stage.tables["dibao_household"].change(-1, monthly_benefit_fen=benefit)
        _say(here, benefit > 0, "C05", "blue", place, person, f"income above the standard, benefit {benefit}")


def _care(here: Turn) -> None:
    """C06 by the person's ability to care for himself, and by the content of the cell."""
    stage = here.stage
    for self_care, amount, holds in (
        ("半护理", None, True), ("全护理", 0, True), ("全护理", 1, False), ("全自理", None, False),
    ):  # fmt: skip
        place = here.place()
        person = here.adult(place, (66, 80))
        stage.tekun(place, person)
        stage.tables["tekun_person"].change(-1, self_care=self_care, care_amount_fen=amount)
        _say(here, holds, "C06", "yellow", place, person, f"{self_care}, {amount} cents for care")
    place = here.place(stage.bureau.stale)
    person = here.adult(place, (66, 80))
    stage.tekun(place, person)
    stage.tables["tekun_person"].change(-1, self_care="全护理", care_amount_fen=None)
    stage.silent("C06", person, "roster not current")
