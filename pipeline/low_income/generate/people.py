"""Invents people. Their ID numbers begin with 99, which no region has, so they cannot belong to a real person."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from low_income.generate.bureau import Place, birthday

Array = NDArray[Any]

_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶余潘杜戴夏钟汪田任姜范方石姚谭"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰涛明超兰霞平刚桂英华玉秀春梅建国志红文斌海燕波荣德福生贵林清云凤珍香月莲宝成金龙庆祥永昌安宁"
_DOTTED_FIRST = ("阿依", "古丽", "努尔", "艾山", "热依", "帕提", "库尔", "吐尔", "赛里", "祖丽", "麦尔", "伊力")
_DOTTED_LAST = ("夏提", "买提", "江木", "克孜", "巴依", "木汗", "别克", "哈提", "娜孜", "兰木", "丁汗", "塔依")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"


@dataclass(frozen=True, slots=True)
class Person:
    """One invented person of a list of ours."""

    id_number: str
    name: str
    sex: str
    birth: date
    place: Place
    phone: str


def check_character(first: str) -> str:
    """The check character of the first 17 digits (ISO 7064 MOD 11-2, weights of GB 11643)."""
    return _CHECKS[sum(int(digit) * weight for digit, weight in zip(first, _WEIGHTS, strict=True)) % 11]


class Folk:
    """Invents people one at a time; no two share a number, nor a name together with a birth date."""

    def __init__(self, rng: random.Random, day: date) -> None:
        self._rng = rng
        self._day = day
        self._numbers: set[str] = set()
        self._names: set[tuple[str, date]] = set()

    def person(
        self, place: Place, ages: tuple[int, int] = (25, 58), *, birth: date | None = None, sex: str | None = None
    ) -> Person:
        """A person of `place`, aged within `ages` (both included, never on a birthday), or born on `birth`."""
        rng = self._rng
        born = birth or birthday(self._day, rng.randint(*ages)) - timedelta(days=rng.randint(3, 360))
        sex = sex or rng.choice("男女")
        while True:
            first = f"{place.region_code}{born:%Y%m%d}{rng.randrange(500) * 2 + (sex == '男'):03d}"
            if first not in self._numbers:
                break
        while (name := self._name()) and (name, born) in self._names:
            pass
        self._numbers.add(first)
        self._names.add((name, born))
        phone = f"199000{rng.randrange(100_000):05d}"
        return Person(first + check_character(first), name, sex, born, place, phone)

    def _name(self) -> str:
        rng = self._rng
        if rng.random() < 0.03:
            return f"{rng.choice(_DOTTED_FIRST)}{rng.choice(_GIVEN)}·{rng.choice(_DOTTED_LAST)}{rng.choice(_GIVEN)}"
        given = rng.choice(_GIVEN) + (rng.choice(_GIVEN) if rng.random() < 0.7 else "")
        return rng.choice(_SURNAMES) + given


def crowd_firsts(rng: np.random.Generator, count: int) -> Array:
    """The first 17 digits of `count` distinct numbers as integers, of regions that `Folk` never uses (9920.. to 9998..)."""
    days = np.array([int(f"{date(1936, 1, 1) + timedelta(days=n):%Y%m%d}") for n in range(365 * 86)], dtype=np.int64)
    wanted = count + count // 20 + 100
    regions = 990000 + rng.integers(2000, 9899, wanted)
    firsts = regions * 10**11 + rng.choice(days, wanted) * 1000 + rng.integers(1, 1000, wanted)
    return rng.permutation(np.unique(firsts))[:count]


def with_check(firsts: Array) -> Array:
    """17-digit integers → 18-character numbers with their check character."""
    total = np.zeros(len(firsts), dtype=np.int64)
    for position, weight in enumerate(_WEIGHTS):
        total += firsts // 10 ** (16 - position) % 10 * weight
    checks = np.array(list(_CHECKS), dtype=object)[total % 11]
    numbers: Array = np.array(firsts.astype(str), dtype=object) + checks
    return numbers


def crowd_names(rng: np.random.Generator, count: int) -> Array:
    """`count` names: many repeat, a few have a dot."""
    pool = _name_pool()
    names: Array = pool[rng.integers(0, len(pool), count)]
    return names


@cache
def _name_pool() -> Array:
    plain = [surname + first + second for surname in _SURNAMES for first in _GIVEN for second in ("", *_GIVEN)]
    dotted = [
        f"{first}{x}·{last}{y}"
        for first in _DOTTED_FIRST
        for last in _DOTTED_LAST
        for x in _GIVEN[:6]
        for y in _GIVEN[:6]
    ]
    return np.array(plain + dotted, dtype=object)
