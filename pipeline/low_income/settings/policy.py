"""Reads policy/ → the values in force on a day, with unit and source, and the working-day calendar.

Years that holidays.csv does not name follow the State Council's announcements, as the library `holidays` has them.

There is a file per topic and a key per value; `values` of a key are only ever added to. The caller gives the day. A
value that could be misread (undated, without source, out of bounds, for an unknown region) raises PolicyError. The
error names the file, the key and what is expected. See docs/rules.md (notation).
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import holidays as announced
from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from low_income.model import ROOT, PolicyError, why_of_system
from low_income.settings import contracts
from low_income.settings.strict_yaml import Misplaced, Strict, line_of, read_shape, read_yaml

POLICY = ROOT / "policy"
HOLIDAYS = "holidays.csv"

Area = Literal["城市", "农村"]
Unit = Literal[
    "元", "元/年", "元/人/月", "万元", "倍", "比例", "占标准比例",
    "天", "工作日", "月", "次/年", "个/周", "行", "公里", "人或户",
]  # fmt: skip
"""The unit decides how a value is used in calculations, so no other unit is allowed."""


_KEY = re.compile(r"[a-z][a-z0-9_]*")


def _exact(value: Any) -> Any:
    """The exact Decimal of a number. Raises ValueError for what YAML read as true, false or text."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("应是数字")  # noqa: TRY004 - pydantic turns ValueError into a message with the key
    return Decimal(str(value))


def _day(value: Any) -> Any:
    """A date, written only as `2026-01-01`: pydantic alone would read a number as seconds since 1970."""
    try:
        if isinstance(value, str) and len(value) == 10:
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise ValueError("应是日期，写作 2026-01-01")


Number = Annotated[Decimal, BeforeValidator(_exact), Field(max_digits=18, decimal_places=4)]
Day = Annotated[date, BeforeValidator(_day)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Value(Strict):
    valid_from: Day
    region: Text | None = None
    area: Area | None = None
    value: Number
    source: Text


class _Entry(Strict):
    """One key: its title, unit and bounds, when a person last checked it, and its values."""

    title: Text
    unit: Unit
    minimum: Number
    maximum: Number
    checked_on: Day
    values: Annotated[list[_Value], Field(min_length=1)]

    @model_validator(mode="after")
    def _sound(self) -> _Entry:
        seen = set()
        for at, value in enumerate(self.values):
            where = f"{value.region or ''}{value.area or ''}{value.valid_from} 起的值"
            if not self.minimum <= value.value <= self.maximum:
                limits = f"{self.minimum} 到 {self.maximum} {self.unit}"
                raise Misplaced(f"{where} {value.value} 应在 {limits} 之间", "values", at, "value")
            if (place := (value.region, value.area, value.valid_from)) in seen:
                raise Misplaced(f"{where}写了两次", "values", at)
            seen.add(place)
            if self.unit.startswith("元") and value.value * 100 % 1:
                raise Misplaced(f"{where}应精确到分（最多两位小数）", "values", at, "value")
        if len({(value.region is None, value.area is None) for value in self.values}) > 1:
            raise ValueError("有的值分片区或城乡，有的不分；应当一致")
        return self


@dataclass(frozen=True, order=True)
class PolicyValue:
    """One dated value. `policy_region` and `area_type` are '' when it applies to all."""

    key: str
    policy_region: str
    area_type: str
    valid_from: date
    value: Decimal
    value_fen: int | None
    """value × 100 for units that begin with 元, else None."""
    value_x10000: int
    """value × 10000, an integer for exact comparison of ratios by cross-multiplication."""
    unit: str
    source: str


@dataclass(frozen=True)
class Policy:
    """Everything in one policy folder. Frozen: one night uses one Policy throughout."""

    folder: Path
    values: tuple[PolicyValue, ...]
    """Every value of every day, sorted."""
    titles: dict[str, str]
    files: dict[str, str]
    """Key → name of its file."""
    holidays: dict[date, bool]
    """Day → is it a working day, from holidays.csv. For a year that this file names, no other source counts."""

    def on(self, day: date) -> list[PolicyValue]:
        """Values in force on `day`, sorted: per key, region and area the one with the latest `valid_from` up to `day`."""
        latest = {
            (value.key, value.policy_region, value.area_type): value for value in self.values if value.valid_from <= day
        }
        return sorted(latest.values())

    def value(self, key: str, day: date, region: str = "", area: str = "") -> PolicyValue:
        """The value of `key` on `day` in a policy region and area type; a value for all applies to each of them.

        Raises PolicyError, which names what is missing, when there is no such value.
        """
        if key not in self.titles:
            raise PolicyError(f"policy/：没有 {key} 这一项政策值")
        found = [
            value
            for value in self._of_key[key]
            if value.valid_from <= day and value.policy_region in ("", region) and value.area_type in ("", area)
        ]
        if not found:
            raise PolicyError(
                f"policy/{self.files[key]}：{key}：{region}{area}在 {day} 没有值，要写明从哪天起、多少、依据"
            )
        return found[-1]

    def brought_forward(self, before: Policy, first: date) -> tuple[Policy, list[PolicyValue]]:
        """This policy as if its changes against `before` had been in force since `first`; and the values moved to that day.

        A value is a change when `before` has no such amount from the same day. Of several changes of one key, region and
        area, only the first is moved. This is for trials: a night uses what was in force (`on`).
        """
        known = {(*_place(value), value.valid_from, value.value) for value in before.values}
        first_changed: dict[tuple[str, str, str], PolicyValue] = {}
        for value in self.values:
            if (*_place(value), value.valid_from, value.value) not in known:
                first_changed.setdefault(_place(value), value)
        early = {place: value for place, value in first_changed.items() if value.valid_from > first}
        values = [
            value
            for value in self.values
            if (later := early.get(_place(value))) is None or not first <= value.valid_from <= later.valid_from
        ]
        values += [replace(value, valid_from=first) for value in early.values()]
        return replace(self, values=tuple(sorted(values))), sorted(early.values())

    def calendar(self, first: date, last: date) -> list[tuple[date, bool]]:
        """(day, is it a working day) from `first` to `last`, both included. Weekends are days off unless marked 班.

        For a year that holidays.csv names, only that file counts; every other year follows `_announced`.
        """
        own_years = {day.year for day in self.holidays}
        usual = {
            day: is_worked for day, is_worked in _announced(first.year, last.year).items() if day.year not in own_years
        }
        special = usual | self.holidays
        days = (first + timedelta(days=n) for n in range((last - first).days + 1))
        return [(day, special.get(day, day.weekday() < 5)) for day in days]

    def digest(self) -> str:
        """SHA-256 over every value and holiday. It does not depend on how the files are written."""
        content = {
            "values": [
                [value.key, value.policy_region, value.area_type, str(value.valid_from), value.value_x10000, value.unit,
                 value.source] for value in self.values
            ],
            "holidays": sorted((str(day), is_working) for day, is_working in self.holidays.items()),
            "announced": version("holidays"),
        }  # fmt: skip
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()

    @cached_property
    def _of_key(self) -> dict[str, list[PolicyValue]]:
        of_key: dict[str, list[PolicyValue]] = {key: [] for key in self.titles}
        for value in sorted(self.values, key=lambda value: value.valid_from):
            of_key[value.key].append(value)
        return of_key


def _place(value: PolicyValue) -> tuple[str, str, str]:
    return value.key, value.policy_region, value.area_type


def load(folder: Path = POLICY, regions: Collection[str] | None = None) -> Policy:
    """Read a policy folder: `*.yml` by topic and holidays.csv.

    `regions` are the policy regions of monitor.yml. With them, a value for another region is an error. A key by region
    that has no value for one of them is an error too. Raises PolicyError, which names the file, the key and what is expected.
    """
    entries: dict[str, _Entry] = {}
    files: dict[str, str] = {}
    for path in sorted(folder.glob("*.yml")):
        for key, data in read_yaml(path, PolicyError).items():
            if key in entries:
                raise PolicyError(f"policy/{path.name}：{key}：{files[key]} 里已经有这一项{line_of(path, key)}")
            if not isinstance(key, str) or not _KEY.fullmatch(key):
                raise PolicyError(f"policy/{path.name}：“{key}”：键应由小写字母、数字和下划线组成{line_of(path, key)}")
            entries[key] = read_shape(_Entry, path.with_name(f"{path.name}:{key}"), data, PolicyError)
            files[key] = path.name
            _refuse_profiling(key, entries[key], f"policy/{path.name}:{key}")
            if regions is not None:
                _validate_regions(entries[key], path, key, set(regions))
    if not entries:
        raise PolicyError(f"{folder}：没有任何政策值（*.yml）")
    values = sorted(_as_value(key, entry, value) for key, entry in entries.items() for value in entry.values)
    titles = {key: entry.title for key, entry in entries.items()}
    return Policy(folder, tuple(values), titles, files, _holidays(folder / HOLIDAYS))


@cache
def needed() -> frozenset[str]:
    """The keys that every home's policy must have: those of the product's sample policy."""
    return frozenset(load().titles)


def _as_value(key: str, entry: _Entry, value: _Value) -> PolicyValue:
    fen = int(value.value * 100) if entry.unit.startswith("元") else None
    return PolicyValue(
        key, value.region or "", value.area or "", value.valid_from, value.value, fen, int(value.value * 10000),
        entry.unit, value.source,
    )  # fmt: skip


def _refuse_profiling(key: str, entry: _Entry, where: str) -> None:
    """Raise PolicyError when a word of an entry names what is never stored (docs/boundaries.md, 1)."""
    headers = contracts.load().headers
    for text in (key, entry.title, *sorted({value.region or "" for value in entry.values})):
        if group := headers.refusal_of(text):
            raise PolicyError(f"{where}：“{text}”说的是按规定不接收的内容（{group}），不得用作政策值")


def _validate_regions(entry: _Entry, path: Path, key: str, regions: set[str]) -> None:
    where = f"policy/{path.name}:{key}"
    places = {(value.region, value.area) for value in entry.values}
    named = {region for region, _ in places if region is not None}
    if unknown := sorted(named - regions):
        raise PolicyError(
            f"{where}：monitor.yml 里没有片区 {'、'.join(unknown)}，应是 {'、'.join(sorted(regions))} 之一{line_of(path, key)}"
        )
    areas = {area for _, area in places}
    for region in sorted(regions) if named else []:
        for area in sorted(areas, key=str):
            if (region, area) not in places:
                raise PolicyError(f"{where}：缺 {region}{area or ''} 的值{line_of(path, key)}")


@cache
def _announced(first_year: int, last_year: int) -> dict[date, bool]:
    """Day → is it a working day, for the days off and the working weekends of these years, both included.

    A year that is not announced yet has only its statutory holidays. A working weekend in December may make
    up for a day in January; the library lists it under the year of that January. So one more year is asked for.
    """
    china = announced.country_holidays("CN", years=range(first_year, last_year + 2))
    return dict.fromkeys(china, False) | dict.fromkeys(china.weekend_workdays, True)


def _holidays(path: Path) -> dict[date, bool]:
    """Read holidays.csv (date, kind 休 or 班, name): day → is it a working day."""
    holidays: dict[date, bool] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if reader.fieldnames != ["date", "kind", "name"]:
                raise PolicyError(f"policy/{path.name}：第1行应是 date,kind,name")
            for row in reader:
                where = f"policy/{path.name}：第{reader.line_num}行"
                try:
                    day = _day(row["date"])
                except ValueError as problem:
                    raise PolicyError(f"{where}：{problem}") from problem
                if None in row or None in row.values():
                    raise PolicyError(f"{where}：应是三格：date,kind,name")
                if row["kind"] not in ("休", "班"):
                    raise PolicyError(f"{where}：kind 应是 休 或 班")
                if day in holidays:
                    raise PolicyError(f"{where}：{day} 写了两次")
                holidays[day] = row["kind"] == "班"
    except OSError as problem:
        raise PolicyError(f"policy/{path.name}：读不了：{why_of_system(problem)}") from problem
    except (UnicodeDecodeError, csv.Error) as problem:
        raise PolicyError(f"policy/{path.name}：读不了：应是用 UTF-8 保存的文本，格与格之间用半角逗号") from problem
    return holidays
