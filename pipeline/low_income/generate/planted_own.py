"""Plants cases about our own lists: incomes, people alone, two registries at once, supplements.

The expected answer of each case is known, because the case is built from the wording of the rules. There are cases on
both sides of each edge, and for the exclusions between rules. Other cases give no warning, because a roster is too old, a
row on it cannot be read, or a person died.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from low_income.generate.bureau import Place, birthday
from low_income.generate.people import Person
from low_income.generate.stage import Member
from low_income.generate.table import Spoilt
from low_income.generate.turn import ONE_DAY, Turn, one_digit_wrong


def plant_own(here: Turn) -> None:
    """Write every case once, with the expected warnings and silences."""
    for cases in (_incomes, _incomes_excluded, _elderly_alone, _two_registries, _supplements):
        cases(here)


def _incomes(here: Turn) -> None:
    """A01 and A02 at i and 1.5 i."""
    stage = here.stage

    def survey(code: str, level: str, why: str, size: int, cents: Callable[[Place], int], declared: int | None = None) -> None:  # fmt: skip
        place = here.place()
        members = here.household(place, size)
        stage.survey(place, members, cents(place), size=declared)
        stage.warn(code, members[0].person, place.division, level, why)

    survey("A01", "red", "income one cent below i", 2, lambda place: here.line(place, 2) - 1)
    survey("A01", "red", "no income at all", 3, lambda place: 0)
    survey("A01", "red", "income far below i", 1, lambda place: here.line(place, 1, 4))
    survey("A01", "red", "below i for the declared size, above it for the members listed", 2,
           lambda place: here.line(place, 2, 12), declared=3)  # fmt: skip
    survey("A02", "yellow", "income exactly i", 2, lambda place: here.line(place, 2))
    survey("A02", "yellow", "income one cent below 1.5 i", 3, lambda place: here.line(place, 3, 15) - 1)

    place = here.place()
    members = here.household(place)
    stage.survey(place, members, here.line(place, 2))
    stage.warn("A02", members[0].person, place.division, "yellow", "income exactly i")
    stage.silent("A01", members[0].person, "income exactly i is not below it")

    place = here.place()
    members = here.household(place)
    stage.survey(place, members, here.line(place, 2, 15))
    stage.silent("A02", members[0].person, "income exactly 1.5 i is not below it")

    place = here.place()
    members = here.household(place)
    rows = stage.survey(place, members, here.line(place, 2, 5))
    stage.tables["survey_person"].spoil(rows[1], one_digit_wrong(members[1].person))
    stage.warn("A01", members[0].person, place.division, "red", "a member's row was set aside, the others still count")

    place = here.place(stage.bureau.aging)
    members = here.household(place)
    stage.survey(place, members, here.line(place, 2, 5))
    stage.warn("A01", members[0].person, place.division, "red", "rosters of two months ago are current")

    place = here.place()
    members = here.household(place)
    stage.edge(place, members)
    stage.survey(place, members, here.line(place, 2, 8))
    stage.warn(
        "A01", members[0].person, place.division, "red", "being on the edge roster does not excuse income below i"
    )


def _incomes_excluded(here: Turn) -> None:
    """A01 and A02 where there is no warning: enrolled, cannot be told, or a death."""
    stage = here.stage

    place = here.place()
    members = here.household(place)
    stage.dibao(place, members)
    stage.survey(place, members, here.line(place, 2, 5))
    stage.silent("A01", members[0].person, "household is in dibao")

    place = here.place()
    members = here.household(place)
    stage.dibao(place, members)
    stage.survey(place, members, here.line(place, 2, 12))
    stage.silent("A02", members[0].person, "household is in dibao")

    place = here.place()
    head, parent = here.adult(place), here.adult(place, (66, 80))
    stage.tekun(place, parent)
    stage.survey(place, [Member(head), Member(parent, "其他")], here.line(place, 2, 5))
    stage.silent("A01", head, "a member is in tekun")

    place = here.place()
    members = here.household(place)
    stage.edge(place, members)
    stage.survey(place, members, here.line(place, 2, 12))
    stage.silent("A02", members[0].person, "household is in edge")

    place, elsewhere = here.place(), here.place()
    members = here.household(place, 1)
    stage.dibao(replace(elsewhere, area=place.area), members)
    stage.survey(place, members, here.line(place, 1, 5))
    stage.silent("A01", members[0].person, "on the dibao roster of another division")

    place = here.place()
    head = here.adult(place, (40, 58))
    stage.dibao(place, [Member(head)])
    roster = stage.tables["dibao_person"]
    roster.spoil(len(roster) - 1, Spoilt("id_number", head.id_number[:6] + head.id_number[8:17], None))
    stage.survey(place, [Member(head)], here.line(place, 1, 5))
    stage.silent("A01", head, "on the dibao roster with the 15-digit form of the number")

    for tenths, code in ((5, "A01"), (12, "A02")):
        place = here.place(stage.bureau.stale)
        members = here.household(place)
        stage.survey(place, members, here.line(place, 2, tenths))
        stage.silent(code, members[0].person, "the division's rosters are not current")

    place = here.place()
    other, person = here.adult(place), here.adult(place)
    stage.dibao(place, [Member(other), Member(person, "其他")])
    roster.spoil(len(roster) - 1, one_digit_wrong(person))
    stage.survey(place, [Member(person)], here.line(place, 1, 5))
    stage.silent("A01", person, "cannot tell: a dibao row with the same name and birth date was set aside")

    place = here.place()
    head, spouse = here.adult(place, (66, 80)), here.adult(place, (61, 70))
    stage.survey(place, [Member(head), Member(spouse, "配偶")], here.line(place, 2, 5))
    stage.death(head, here.day - timedelta(days=20))
    stage.silent("A01", head, "the head died")


def _elderly_alone(here: Turn) -> None:
    """A12: alone, 60 or older, below i, no supporter; and A01 where one of these fails."""
    stage = here.stage
    sixty = birthday(here.day, 60)

    def alone(birth: date, tenths: int, supporter: bool | None) -> tuple[Place, Person]:
        place = here.place()
        person = here.adult(place, birth=birth)
        stage.survey(place, [Member(person)], here.line(place, 1, tenths), supporter=supporter)
        return place, person

    place, person = alone(sixty, 5, False)
    stage.warn("A12", person, place.division, "red", "sixty years old today")
    stage.silent("A01", person, "A12 stands over A01")
    place, person = alone(sixty + ONE_DAY, 5, False)
    stage.warn("A01", person, place.division, "red", "sixty only tomorrow")
    stage.silent("A12", person, "sixty only tomorrow")
    for supporter in (True, None):
        place, person = alone(sixty - 3000 * ONE_DAY, 5, supporter)
        stage.warn("A01", person, place.division, "red", "a supporter, or not known whether there is one")
        stage.silent("A12", person, "a supporter, or not known whether there is one")
    place, person = alone(sixty - 3000 * ONE_DAY, 10, False)
    stage.warn("A02", person, place.division, "yellow", "alone and old, income exactly i")
    stage.silent("A12", person, "income exactly i is not below it")

    place = here.place()
    pair = [Member(here.adult(place, (66, 80))), Member(here.adult(place, (66, 80)), "配偶")]
    stage.survey(place, pair, here.line(place, 2, 5), supporter=False)
    stage.warn("A01", pair[0].person, place.division, "red", "two old people are not alone")
    stage.silent("A12", pair[0].person, "not a household of one")

    place = here.place()
    person = here.adult(place, (66, 80))
    stage.tekun(place, person)
    stage.survey(place, [Member(person)], here.line(place, 1, 5), supporter=False)
    stage.silent("A12", person, "already in tekun")

    place = here.place()
    person = here.adult(place, (66, 80))
    stage.edge(place, [Member(person)])
    stage.survey(place, [Member(person)], here.line(place, 1, 5), supporter=False)
    stage.warn("A12", person, place.division, "red", "being on the edge roster does not excuse it")


def _two_registries(here: Turn) -> None:
    """B02, the pair that is allowed, and B02 going before C01."""
    stage = here.stage

    place = here.place()
    person = here.adult(place, (66, 80))
    stage.dibao(place, [Member(person)])
    stage.tekun(place, person)
    stage.warn("B02", person, place.division, "orange", "dibao and tekun")

    place = here.place()
    person = here.adult(place, (66, 80))
    stage.dibao(place, [Member(person, supplement=None)])
    stage.tekun(place, person)
    stage.warn("B02", person, place.division, "orange", "dibao and tekun, supplement owed")
    stage.silent("C01", person, "B02 stands over C01")

    place = here.place()
    person = here.adult(place)
    stage.dibao(place, [Member(person)])
    stage.edge(place, [Member(person)])
    stage.warn("B02", person, place.division, "orange", "alone on both dibao and edge")

    place = here.place()
    pair = here.household(place)
    stage.dibao(place, pair)
    stage.edge(place, [Member(here.adult(place)), Member(pair[1].person, "其他")])
    stage.warn("B02", pair[1].person, place.division, "orange", "in edge, and one of two in a dibao household")

    place = here.place()
    person = here.adult(place, (66, 80))
    stage.tekun(place, person)
    stage.edge(place, [Member(here.adult(place)), Member(person, "父")])
    stage.warn("B02", person, place.division, "orange", "tekun and edge")

    place = here.place()
    pair = here.household(place)
    for member in pair:
        stage.dibao(place, [Member(member.person)])
        stage.warn("B02", member.person, place.division, "orange", "every member of the edge household is in dibao")
    stage.edge(place, pair)

    place = here.place()
    person = here.adult(place)
    stage.dibao(place, [Member(person)])
    stage.edge(place, [*here.household(place), Member(person, "其他")])
    stage.silent("B02", person, "alone in dibao, the other members of the edge household in edge only")


def _supplements(here: Turn) -> None:
    """C01 at 18 and 60, by illness and certificate, and by the content of the supplement's cell."""
    stage, day = here.stage, here.day
    long_ago = day - timedelta(days=2000)
    eighteen, sixty = birthday(day, 18), birthday(day, 60)

    def member(holds: bool, why: str, *, birth: date | None = None, supplement: int | None = None, is_ill: bool = False,
               division: str | None = None) -> tuple[Place, Person]:  # fmt: skip
        place = here.place(division)
        person = here.adult(place, birth=birth)
        other = Member(here.adult(place, (40, 58)))
        stage.dibao(place, [other, Member(person, "其他", supplement=supplement, is_ill=is_ill)])
        if holds:
            stage.warn("C01", person, place.division, "yellow", why)
        else:
            stage.silent("C01", person, why)
        return place, person

    member(True, "eighteen only tomorrow", birth=eighteen + ONE_DAY)
    member(False, "eighteen today", birth=eighteen)
    member(False, "sixty only tomorrow", birth=sixty + ONE_DAY)
    member(True, "sixty today", birth=sixty)
    member(True, "a child, supplement 0", birth=eighteen + 2000 * ONE_DAY, supplement=0)
    member(
        False,
        "a child, supplement paid",
        birth=eighteen + 2000 * ONE_DAY,
        supplement=stage.bureau.standard(here.place()) // 5,
    )
    member(True, "seriously ill", is_ill=True)
    member(False, "not ill")
    member(False, "roster not current", birth=sixty - 900 * ONE_DAY, division=stage.bureau.stale)
    member(True, "roster of two months ago is current", birth=sixty - 900 * ONE_DAY, division=stage.bureau.aging)
    for kind, level, status, holds in (
        ("肢体", "二级", "正常", True), ("精神", "三级", "正常", True), ("肢体", "三级", "正常", False), ("肢体", "一级", "注销", False),
    ):  # fmt: skip
        _, person = member(holds, f"certificate {kind}{level}{status} of years ago")
        stage.certificate(person, kind, level, long_ago, status=status)
