"""Helpers for the planted cases: places in turn, people, incomes at a line."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from low_income.generate.bureau import AREAS, Place
from low_income.generate.people import Person
from low_income.generate.stage import Member, Stage
from low_income.generate.table import Spoilt

ONE_DAY = timedelta(days=1)


@dataclass
class Turn:
    """One turn through all cases. It gives out places so that divisions and areas alternate."""

    stage: Stage
    number: int
    _next: int = field(init=False)

    def __post_init__(self) -> None:
        self._next = self.number * 5

    @property
    def day(self) -> date:
        """The night's date D."""
        return self.stage.day

    @property
    def turned(self) -> int:
        """The number of the place given out last."""
        return self._next

    def place(self, division: str | None = None, area: str | None = None) -> Place:
        """The next place, of a division with current rosters, or of `division`."""
        self._next += 1
        current = self.stage.bureau.current
        code = division or current[self._next % len(current)]
        places = self.stage.bureau.places[code, area or AREAS[self._next // len(current) % 2]]
        return places[self._next % len(places)]

    def adult(self, place: Place, ages: tuple[int, int] = (25, 58), birth: date | None = None) -> Person:
        """A person who is owed no supplement, unless ages or birth say otherwise."""
        return self.stage.folk.person(place, ages, birth=birth)

    def household(self, place: Place, size: int = 2) -> list[Member]:
        """Members of working age who are owed no supplement."""
        return [Member(self.adult(place), "户主" if n == 0 else "其他") for n in range(size)]

    def line(self, place: Place, size: int, tenths: int = 10) -> int:
        """Yearly income of a household whose income per head is exactly `tenths` tenths of the standard."""
        return self.stage.bureau.standard(place) * 12 * size * tenths // 10

    def well_off(self, place: Place, size: int) -> int:
        """A yearly income above every line of the rules."""
        return self.stage.bureau.income_line(place) * size * 11 // 10

    def of_standing(self, standing: str, place: Place) -> Person:
        """A person of working age with this standing and no other."""
        stage, person = self.stage, self.adult(place)
        if standing == "tekun":
            stage.tekun(place, person)
        elif standing == "dibao":
            stage.dibao(place, [Member(person)])
        elif standing == "edge":
            stage.edge(place, [Member(person)])
        elif standing == "monitored":
            head = self.adult(place)
            stage.edge(
                place, [Member(head)]
            )  # the household is helped already, so the monitoring list alone gives no warning (A11)
            stage.monitor(place, [Member(head), Member(person, "其他")], is_eliminated=False)
        elif standing == "surveyed":
            stage.survey(place, [Member(person)], self.well_off(place, 1))
        return person


def one_digit_wrong(person: Person) -> Spoilt:
    """The person's number with one digit of its sequence changed, so that the check character is wrong."""
    number = person.id_number
    return Spoilt(
        "id_number", number[:15] + str((int(number[15]) + 1) % 10) + number[16:], "id_number.check_digit", "set_aside"
    )
