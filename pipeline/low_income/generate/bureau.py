"""The sample bureau on one night: its divisions and townships, and the policy values on which its people are built.

The only module of this package that reads the product's sample home and policy/; others read only its contracts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from low_income.model import ConfigError
from low_income.settings import policy
from low_income.settings.home import SAMPLE, Settings, Unit
from low_income.settings.policy import Policy
from low_income.settings.strict_yaml import read_shape, read_yaml

AREAS = ("城市", "农村")
AGING, MISSING, STALE = 4, 8, 11
"""Positions of three divisions in the configuration: one with a newest roster that is barely current, one that
delivers nothing, one with a roster that is too old."""


@dataclass(frozen=True)
class Place:
    """Where a household lives."""

    division: str
    district: str
    township: str
    is_border: bool
    area: str
    region: str
    region_code: str
    """The first six digits of the ID numbers of its people: 99, division, township."""


@dataclass(frozen=True)
class Bureau:
    """Divisions, places and standards on `day`."""

    day: date
    divisions: tuple[Unit, ...]
    policy: Policy
    is_punctual: bool = False
    """True: every division delivers the month of `day`. False: one delivers nothing and two are late."""

    @staticmethod
    def on(day: date) -> Bureau:
        """The sample configuration. Raises ConfigError or PolicyError when it cannot be read."""
        settings = read_shape(Settings, SAMPLE, read_yaml(SAMPLE, ConfigError), ConfigError)
        divisions = tuple(unit for unit in settings.units if unit.kind == "division")
        return Bureau(day, divisions, policy.load())

    @property
    def missing(self) -> str:
        """The division that delivers nothing."""
        return self.divisions[MISSING].code

    @property
    def stale(self) -> str:
        """The division whose newest roster is of three months ago: its registries answer not_current."""
        return self.divisions[STALE].code

    @property
    def aging(self) -> str:
        """The division whose newest roster is of two months ago: the oldest that is still current."""
        return self.divisions[AGING].code

    @cached_property
    def delivering(self) -> list[str]:
        """Codes of the divisions that send files."""
        return [unit.code for unit in self.divisions if self.is_punctual or unit.code != self.missing]

    @cached_property
    def current(self) -> list[str]:
        """Codes of the divisions whose rosters are current on `day`."""
        return [code for code in self.delivering if code != self.stale]

    @cached_property
    def places(self) -> dict[tuple[str, str], list[Place]]:
        """(division, area) → one place per township, in the order of the configuration."""
        places: dict[tuple[str, str], list[Place]] = {}
        for number, unit in enumerate(self.divisions, 1):
            for area in AREAS:
                places[unit.code, area] = [
                    Place(
                        unit.code, unit.name, township.name, township.is_border, area, unit.policy_region or "",
                        f"99{number:02d}{position:02d}",
                    )
                    for position, township in enumerate(unit.townships, 1)
                ]  # fmt: skip
        return places

    @cached_property
    def districts(self) -> dict[str, str]:
        """Division → its name."""
        return {unit.code: unit.name for unit in self.divisions}

    def style_number(self, division: str) -> int:
        """Position of a division in the configuration; it decides how the division writes files."""
        return [unit.code for unit in self.divisions].index(division)

    def period(self, division: str) -> date:
        """First day of the month of the division's newest roster."""
        back = 0 if self.is_punctual else {self.stale: 3, self.aging: 2}.get(division, 0)
        return months_before(self.day.replace(day=1), back)

    def working_days_before(self, days: int) -> date:
        """The latest day such that `days` working days lie in (that day, D]."""
        calendar = dict(self.policy.calendar(self.day - timedelta(days=60 + 3 * days), self.day))
        day = self.day
        while days > 0:
            days -= calendar[day]
            day -= timedelta(days=1)
        return day

    def standard(self, place: Place) -> int:
        """The dibao standard i of a place on `day`, fen per person and month."""
        return self._fen("dibao_standard", place.region, place.area)

    def income_line(self, place: Place) -> int:
        """Last year's disposable income per head G of a place's region, fen per year."""
        return self._fen("disposable_income_per_head", place.region)

    def threshold(self, standing: str) -> int:
        """Yearly medical burden above which a person of this standing is listed, fen."""
        return self._fen(f"medical_threshold_{standing}")

    @property
    def least_loss(self) -> int:
        """Loss by a disaster from which on a household is listed, fen."""
        return self._fen("disaster_loss_minimum")

    def _fen(self, key: str, region: str = "", area: str = "") -> int:
        value = self.policy.value(key, self.day, region, area).value_fen
        if value is None:
            raise ConfigError(f"policy/：{key} 不是金额")
        return value


def months_before(day: date, months: int) -> date:
    """The same day of an earlier month (or later, when negative), clamped to the month's end."""
    index = day.year * 12 + day.month - 1 - months
    year, month = index // 12, index % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(day.day, last))


def birthday(day: date, age: int) -> date:
    """The latest birth date of a person who is `age` years old on `day`; born one day later, the person is younger."""
    return months_before(day, age * 12)
