"""Makes a bureau's whole year: twelve monthly rosters of every division, the ledger of grants, and their figures.

Nothing is damaged and no case is planted; the difficulty is the counting. Households split and join, so that there are
more heads in the year than in any month. Families move, and are paid twice in the month of the move. People come into
tekun and leave it. Some files repeat the household's money on each member's row; one leaves 合计 empty. The ledger also
has applications that were refused, that still wait, and that were paid the year before.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

import numpy as np

from low_income.generate.bureau import AREAS, Bureau, Place, months_before
from low_income.generate.crowd import family, sizes, spread
from low_income.generate.figures import REAL_YEAR, Figures
from low_income.generate.files import File
from low_income.generate.people import Array, Person
from low_income.generate.plan import files_of, in_order, style_of
from low_income.generate.stage import Member, Stage
from low_income.generate.styles import PLAIN, Style
from low_income.model import ConfigError

MONTHS = range(1, 13)
_ROSTERS = ("dibao_household", "dibao_person", "tekun_person", "edge_household", "edge_person")
_ONCE = ("temporary_grant", "survey_household", "survey_person")
_PEOPLE_PER_DIVISION = 500
"""A small bureau has fewer divisions, since each division needs twelve months of files."""
_LEAST_GRANT_FEN = 100_00
_REPEATS_MONEY = replace(PLAIN, unused=("年龄", "户月保障金额"))
"""Person files with the household's benefit on each row, as in some exports."""

Span = tuple[int, int]
"""First and last month of the year, both included."""
WHOLE: Span = (1, 12)


@dataclass(frozen=True)
class _Counted:
    """People who are counted in one month; `paid` in fen (None: this registry pays nothing)."""

    registry: str
    month: str
    division: str
    persons: tuple[str, ...]
    head: str
    paid: int | None
    grants: int = 0


@dataclass
class Year:
    """The lists of a year while they are filled, and what must be counted in them."""

    stage: Stage
    figures: Figures
    spans: dict[str, list[Span]] = field(default_factory=lambda: defaultdict(list))
    """Kind of roster → for each row of its table, the months in which it is on the roster."""
    counted: list[_Counted] = field(default_factory=list)
    heads: dict[str, str] = field(default_factory=dict)
    """Person → head of the household in which he is counted at the end of the year."""
    people: list[tuple[Place, Person]] = field(default_factory=list)
    """People who are on a roster all year; the ledger takes applicants from them."""

    @property
    def number(self) -> int:
        """The calendar year."""
        return self.stage.day.year

    def figure_rows(self) -> list[tuple[str | int, ...]]:
        """month, division_code, registry, households, persons, persons_entered, grants, amount: the rows that the table must have."""
        cells: dict[tuple[str, str, str], list[_Counted]] = defaultdict(list)
        for one in self.counted:
            for division in (one.division, "all"):
                cells[one.month, division, one.registry].append(one)
        rows: list[tuple[str | int, ...]] = []
        years: dict[tuple[str, str, str], list[tuple[int, int]]] = defaultdict(list)
        for (month, division, registry), found in cells.items():
            persons, heads = _distinct(found)
            rows.append((month, division, registry, f"{heads}.00", f"{persons}.00", persons, *_money(registry, found)))
            years[month[:4], division, registry].append((heads, persons))
        for (year, division, registry), months in years.items():
            found = [one for month in MONTHS for one in cells.get((f"{year}-{month:02d}", division, registry), ())]
            averages = [_average([pair[at] for pair in months]) for at in (0, 1)]
            rows.append((year, division, registry, *averages, _distinct(found)[0], *_money(registry, found)))
        return rows

    def files(self) -> Iterator[File]:
        """Every file of every division, month by month, the newest last."""
        stage = self.stage
        arrays = {kind: stage.tables[kind].arrays() for kind in (*_ROSTERS, *_ONCE)}
        first = {kind: np.array([span[0] for span in self.spans[kind]]) for kind in _ROSTERS}
        last = {kind: np.array([span[1] for span in self.spans[kind]]) for kind in _ROSTERS}
        for code in stage.bureau.delivering:
            style = self._style(code)
            for month in MONTHS:
                own = {}
                for kind in _ROSTERS:
                    stands = (arrays[kind]["_unit"] == code) & (first[kind] <= month) & (month <= last[kind])
                    own[kind] = self._as_of(in_order(arrays[kind], np.flatnonzero(stands)), month)
                yield from files_of(stage, code, style, own, 12 - month)
            once = {kind: in_order(arrays[kind], np.flatnonzero(arrays[kind]["_unit"] == code)) for kind in _ONCE}
            yield from files_of(
                stage, code, style, {kind: columns for kind, columns in once.items() if len(columns["_unit"])}
            )

    def _style(self, code: str) -> Style:
        return _REPEATS_MONEY if code == self.stage.bureau.delivering[0] else style_of(self.stage, code)

    def _as_of(self, columns: dict[str, Array], month: int) -> dict[str, Array]:
        """The rows as that month's roster has them: dates after the end of the month are moved back a year."""
        end = months_before(date(self.number, month, 1), -1) - timedelta(days=1)
        for name in ("last_recheck_on", "authorised_on"):
            if name in columns:
                columns[name] = np.array(
                    [on if on is None or on <= end else months_before(on, 12) for on in columns[name]], dtype=object
                )
        return columns

    def during(self, span: Span, put: Callable[[], None]) -> dict[str, list[int]]:
        """Let `put` write rows for the rosters of these months. Returns their positions by kind."""
        before = {kind: len(self.stage.tables[kind]) for kind in _ROSTERS}
        put()
        written = {}
        for kind in _ROSTERS:
            table = self.stage.tables[kind]
            written[kind] = list(range(before[kind], len(table)))
            self.spans[kind] += [span] * len(written[kind])
            for row in written[kind]:
                start = table.columns["start_month"][row] if "start_month" in table.fields else None
                if start:
                    table.change(row, start_month=min(start, date(self.number, span[0], 1)))
        return written

    def count(self, registry: str, span: Span, place: Place, members: Sequence[Member], paid: int | None) -> None:
        """Count a household (in tekun: a person) in these months; it is paid `paid` in each."""
        persons = tuple(member.person.id_number for member in members)
        head = self.heads.get(persons[0], persons[0]) if registry == "tekun" else persons[0]
        for month in range(span[0], span[1] + 1):
            self.counted.append(_Counted(registry, f"{self.number}-{month:02d}", place.division, persons, head, paid))
        if span[1] == 12:
            self.heads.update((person, head) for person in persons)
        if span == WHOLE:
            self.people += [(place, member.person) for member in members]


def bureau_of(day: date, people: int) -> Bureau:
    """The bureau with as many divisions as `people` fill, at least two; each delivers every month."""
    bureau = Bureau.on(day)
    most = max(2, min(len(bureau.divisions), people // _PEOPLE_PER_DIVISION))
    return replace(bureau, divisions=bureau.divisions[:most], is_punctual=True)


def invent(bureau: Bureau, rng: random.Random, people: int) -> Year:
    """Make the year that ends on the bureau's day, with the real year's figures at this size. Raises ConfigError when they do not fit."""
    year = Year(Stage(bureau, rng), REAL_YEAR.at(people))
    _dibao(year)
    _tekun(year)
    _edge(year)
    _grants(year)
    return year


def _dibao(year: Year) -> None:
    """Everybody stays all year, but households split, join and move, so that months and divisions differ."""
    stage, rng, figures = year.stage, year.stage.rng, year.figures
    halves = max(1, figures.dibao_households // 200)
    whole = figures.dibao_households - halves
    extra = _absences(rng, 2 * halves)
    cells = [(code, area) for code in stage.bureau.delivering for area in AREAS]
    how_many = sorted(sizes(rng, figures.dibao_persons, whole), reverse=True)
    # The largest households split and join; the next largest move; the rest are spread over the cells at random.
    moves = max(2, whole // 300)
    rest = how_many[len(extra) + moves :]
    rng.shuffle(rest)
    chosen = spread(rng, cells, whole)
    for number, (cell, size) in enumerate(zip(chosen, [*rest, *how_many[: len(extra) + moves]], strict=True)):
        place = rng.choice(stage.bureau.places[cell])
        members = family(stage, place, size)
        share = rng.uniform(0.05, 0.85)
        turn = number - len(rest)
        if turn < 0:
            _dibao_household(year, WHOLE, place, members, share)
        elif turn < len(extra):
            _split_or_join(year, place, members, share, extra[turn], is_split=turn % 4 < 2)
        else:
            _move(year, place, members, share)


def _dibao_household(year: Year, span: Span, place: Place, members: Sequence[Member], share: float) -> None:
    stage = year.stage
    written = year.during(span, lambda: stage.dibao(place, members, share=share, remote=stage.rng.random() < 0.04))
    table, row = stage.tables["dibao_household"], written["dibao_household"][0]
    paid, benefit = table.columns["total_fen"][row], table.columns["monthly_benefit_fen"][row]
    if place.division == stage.bureau.delivering[-1]:
        table.change(row, total_fen=None)  # this division leaves 合计 empty: the sum of the parts is the same
    for person in written["dibao_person"]:
        stage.tables["dibao_person"].change(person, _household_fen=benefit)
    year.count("dibao", span, place, members, paid)


def _split_or_join(
    year: Year, place: Place, members: Sequence[Member], share: float, months_apart: int, *, is_split: bool
) -> None:
    """The last member has his own household in `months_apart` months of the year: the last ones (split) or the first ones (join)."""
    together, alone = members[:-1], [replace(members[-1], relation="户主")]
    if len(members) < 2:
        raise ConfigError("--people 太少：家庭太小，放不下分户和合户")
    apart = (13 - months_apart, 12) if is_split else (1, months_apart)
    as_one = (1, 12 - months_apart) if is_split else (months_apart + 1, 12)
    _dibao_household(year, as_one, place, members, share)
    _dibao_household(year, apart, place, together, share)
    _dibao_household(year, apart, place, alone, share)


def _move(year: Year, place: Place, members: Sequence[Member], share: float) -> None:
    """A family moves to another division; in the month of the move both divisions list it and pay it."""
    rng, stage = year.stage.rng, year.stage
    month = rng.randint(2, 11)
    other = rng.choice([code for code in stage.bureau.delivering if code != place.division])
    _dibao_household(year, (1, month), place, members, share)
    _dibao_household(year, (month, 12), rng.choice(stage.bureau.places[other, place.area]), members, share)


def _tekun(year: Year) -> None:
    """Some people share a household (the joint census says which), some come, some leave."""
    stage, rng, figures = year.stage, year.stage.rng, year.figures
    coming = figures.tekun_entered - figures.tekun_persons
    absences = _absences(rng, 2 * coming)
    steady = figures.tekun_entered - len(absences)
    pairs = figures.tekun_persons - figures.tekun_households
    cells = [(code, "农村") for code in stage.bureau.delivering]
    if steady < 2 * pairs + len(cells):
        raise ConfigError("--people 太少：特困人员放不下进出和同住的情形")
    lives = [WHOLE] * (steady - pairs) + [
        (1 + months, 12) if number % 4 < 2 else (1, 12 - months) for number, months in enumerate(absences)
    ]
    for number, (cell, span) in enumerate(zip(spread(rng, cells, len(lives)), lives, strict=True)):
        place = rng.choice(stage.bureau.places[cell])
        person = stage.folk.person(place, (61, 90))
        if number < pairs:
            sibling = stage.folk.person(place, (61, 90))
            income = stage.bureau.standard(place) * 12
            stage.survey(place, [Member(person), Member(sibling, "兄弟姐妹")], income, supporter=False)
            year.heads[sibling.id_number] = person.id_number
            _tekun_person(year, WHOLE, place, person)
            _tekun_person(year, WHOLE, place, sibling)
        else:
            _tekun_person(year, span, place, person)


def _tekun_person(year: Year, span: Span, place: Place, person: Person) -> None:
    written = year.during(span, lambda: year.stage.tekun(place, person))
    columns, row = year.stage.tables["tekun_person"].columns, written["tekun_person"][0]
    paid = columns["basic_amount_fen"][row] + (columns["care_amount_fen"][row] or 0)
    year.count("tekun", span, place, [Member(person)], paid)


def _edge(year: Year) -> None:
    """Whole households come and go; this registry pays nothing."""
    stage, rng, persons = year.stage, year.stage.rng, year.figures.edge_entered
    cells = [(code, "城市") for code in stage.bureau.delivering]
    households = max(round(persons * 0.6), len(cells))
    chosen = zip(spread(rng, cells, households), sizes(rng, persons, households), strict=True)
    for number, (cell, size) in enumerate(chosen):
        place = rng.choice(stage.bureau.places[cell[0], rng.choice(AREAS)])
        members = family(stage, place, size)
        stays = number < len(cells) or rng.random() < 0.9
        month = rng.randint(1, 11)
        span = WHOLE if stays else rng.choice([(1, month), (month + 1, 12)])
        year.during(span, lambda place=place, members=members: stage.edge(place, members))  # type: ignore[misc]
        year.count("edge", span, place, members, None)


def _grants(year: Year) -> None:
    """The ledger: the year's number of grants, with amounts such that all four registries together paid the year's sum."""
    stage, rng, figures, number = year.stage, year.stage.rng, year.figures, year.number
    left = figures.paid_fen - sum(one.paid or 0 for one in year.counted)
    if left < _LEAST_GRANT_FEN * figures.grants:
        raise ConfigError("--people 太少：临时救助放不进全年的总额")
    days = (date(number + 1, 1, 1) - date(number, 1, 1)).days
    for amount in _amounts(rng, figures.grants, left):
        place, person = _applicant(year)
        granted = date(number, 1, 1) + timedelta(days=rng.randrange(days))
        _grant(year, place, person, granted, amount)
    for _ in range(max(3, figures.grants // 100)):
        place, person = _applicant(year)
        stage.grant(place, person, result=rng.choice(("办理中", "不予救助", "撤回")))
        place, person = _applicant(year)
        _grant(year, place, person, date(number - 1, 12, rng.randint(1, 31)), rng.randrange(40_000, 400_000, 5_000))


def _applicant(year: Year) -> tuple[Place, Person]:
    """An applicant: mostly people in the registries, some of them several times; one in ten is on no list."""
    stage, rng = year.stage, year.stage.rng
    if rng.random() < 0.9:
        return rng.choice(year.people)
    place = rng.choice(stage.bureau.places[rng.choice(stage.bureau.delivering), rng.choice(AREAS)])
    return place, stage.folk.person(place, (20, 70))


def _grant(year: Year, place: Place, person: Person, granted: date, amount: int) -> None:
    accepted = granted - timedelta(days=year.stage.rng.randint(1, 20))
    serial = f"LS{place.division.upper()}{accepted:%Y%m}{year.stage.serial():07d}"
    year.stage.grant(
        place, person, accepted_on=accepted, granted_on=granted, amount_fen=amount, application_no=serial,
        size_class="大额" if amount > 200_000 else "小额",
    )  # fmt: skip
    head = year.heads.get(person.id_number, person.id_number)
    year.counted.append(
        _Counted("temporary", f"{granted:%Y-%m}", place.division, (person.id_number,), head, amount, grants=1)
    )


def _amounts(rng: random.Random, count: int, total: int) -> list[int]:
    """`count` amounts in fen that add up to `total`; all but the last are whole tens of yuan."""
    weights = [rng.randint(4, 16) for _ in range(count)]
    whole = sum(weights)
    amounts = [total * weight // whole // 1000 * 1000 for weight in weights]
    tens, rest = divmod(total - sum(amounts), 1000)
    for position in range(tens):
        amounts[position % count] += 1000
    amounts[-1] += rest
    return amounts


def _absences(rng: random.Random, count: int) -> list[int]:
    """Months of absence for `count` people who come or go: 1 to 11 each, six on average."""
    found = [rng.randint(1, 11) for _ in range(count)]
    while (over := sum(found) - 6 * count) != 0:
        step = -1 if over > 0 else 1
        found[rng.choice([at for at, months in enumerate(found) if 1 <= months + step <= 11])] += step
    return found


def _distinct(found: Sequence[_Counted]) -> tuple[int, int]:
    """Number of different persons, and of different heads."""
    return len({person for one in found for person in one.persons}), len({one.head for one in found})


def _money(registry: str, found: Sequence[_Counted]) -> tuple[str | int, ...]:
    """Grants and yuan of a line; '' where this registry has none."""
    grants = sum(one.grants for one in found) if registry == "temporary" else ""
    if registry == "edge":
        return grants, ""
    paid = sum(one.paid or 0 for one in found)
    return grants, f"{paid // 100}.{paid % 100:02d}"


def _average(months: Sequence[int]) -> str:
    return str((Decimal(sum(months)) / len(months)).quantize(Decimal("0.01"), ROUND_HALF_UP))
