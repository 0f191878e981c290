"""Plants cases for reviews: two divisions at once, rechecks and terms that ran out, what people with an authorisation own or earn.

planted_own.py says how the cases are built.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from low_income.generate import records
from low_income.generate.bureau import Place, months_before
from low_income.generate.people import Person
from low_income.generate.stage import Member
from low_income.generate.table import LONG_TERM
from low_income.generate.turn import ONE_DAY, Turn

_WAN = 1_000_000
"""10,000 yuan in fen."""


def plant_review(here: Turn) -> None:
    """Write every case once, with the expected warnings and silences."""
    for cases in (_two_divisions, _same_cause, _rechecks, _terms, _vehicles, _dwellings, _businesses, _incomes):
        cases(here)


def _two_divisions(here: Turn) -> None:
    """B03: which division is asked, and rosters that are too old."""
    stage = here.stage
    month = here.day.replace(day=1)

    def both(registry: str, starts: tuple[int, int], second: str | None = None) -> tuple[Place, Place, Person]:
        places = sorted((here.place(), here.place(second)), key=lambda place: place.division)
        person = here.adult(places[0])
        for place, back in zip(places, starts, strict=True):
            getattr(stage, registry)(place, person if registry == "tekun" else [Member(person)])
            for kind in (f"{registry}_household", f"{registry}_person"):
                if "start_month" in getattr(stage.tables.get(kind), "columns", {}):
                    stage.tables[kind].change(-1, start_month=months_before(month, back))
        return places[0], places[1], person

    for registry in ("dibao", "tekun", "edge"):
        first, second, person = both(registry, (9, 4))
        stage.warn("B03", person, second.division, "orange", f"{registry}: the later start asks")
        first, second, person = both(registry, (4, 9))
        stage.warn("B03", person, first.division, "orange", f"{registry}: the later start asks")
    first, _, person = both("dibao", (6, 6))
    stage.warn("B03", person, first.division, "orange", "the same start: the lower code asks")
    _, _, person = both("dibao", (6, 8), stage.bureau.stale)
    stage.silent("B03", person, "one of the two rosters is not current")

    one, two = here.place(), here.place()
    person = here.adult(one)
    stage.dibao(one, [Member(person)])
    stage.edge(two, [*here.household(two), Member(person, "其他")])
    stage.silent("B03", person, "two divisions, but two registries")
    stage.silent("B02", person, "alone in dibao, the other members of the edge household in edge only")


def _same_cause(here: Turn) -> None:
    """B10: two grants, by days apart, cause, division, result and age."""
    stage, day = here.stage, here.day
    year_ago = months_before(day, 12)

    def twice(first: date, second: date, *, causes: tuple[str, str] = ("疾病", "疾病"), elsewhere: bool = True,
              result: str = "同意") -> tuple[Place, Person]:  # fmt: skip
        place, other = here.place(), here.place()
        person = here.adult(place)
        stage.dibao(place, [Member(person)])
        for where, on, cause, outcome in (
            (place, first, causes[0], "同意"), (other if elsewhere else place, second, causes[1], result)
        ):  # fmt: skip
            row = stage.grant(where, person, result=outcome)
            granted_on = on if outcome == "同意" else None
            stage.tables["temporary_grant"].change(
                row, cause=cause, accepted_on=on - 5 * ONE_DAY, granted_on=granted_on
            )
        return place, person

    recent = day - timedelta(days=60)
    place, person = twice(recent, recent + 30 * ONE_DAY)
    stage.warn("B10", person, place.division, "yellow", "thirty days apart")
    place, person = twice(day, day)
    stage.warn("B10", person, place.division, "yellow", "both granted today")
    place, person = twice(year_ago + ONE_DAY, year_ago + 3 * ONE_DAY)
    stage.warn("B10", person, place.division, "yellow", "at the beginning of the trailing year")
    _, person = twice(year_ago, year_ago + 3 * ONE_DAY)
    stage.silent("B10", person, "one of them on the day twelve months ago")
    _, person = twice(recent, recent + 31 * ONE_DAY)
    stage.silent("B10", person, "thirty-one days apart")
    _, person = twice(recent, recent + ONE_DAY, causes=("疾病", "意外"))
    stage.silent("B10", person, "two causes")
    _, person = twice(recent, recent + ONE_DAY, elsewhere=False)
    stage.silent("B10", person, "one division")
    _, person = twice(recent, recent, result="不予救助")
    stage.silent("B10", person, "one of them refused")


def _rechecks(here: Turn) -> None:
    """B08: a year, half a year where a member can work, and the start month where there was no recheck."""
    stage = here.stage
    month = here.day.replace(day=1)

    def checked(
        on: date | None, ability: str, start: int | None = None, division: str | None = None
    ) -> tuple[Place, Person]:
        place = here.place(division)
        person = here.adult(place)
        stage.dibao(place, [Member(person)])
        stage.tables["dibao_household"].change(-1, last_recheck_on=on)
        if start is not None:
            stage.tables["dibao_household"].change(-1, start_month=months_before(month, start))
        stage.tables["dibao_person"].change(-1, work_ability=ability)
        return place, person

    for months, ability in ((12, "完全丧失"), (12, "无"), (6, "部分丧失"), (6, "有")):
        edge = _first_that_holds(here.day, months)
        _, person = checked(edge, ability)
        stage.silent("B08", person, f"{ability}: {months} months are not over")
        place, person = checked(edge - ONE_DAY, ability)
        stage.warn("B08", person, place.division, "blue", f"{ability}: {months} months ended yesterday")
    place, person = checked(None, "无", start=13)
    stage.warn("B08", person, place.division, "blue", "never rechecked, in dibao for over a year")
    _, person = checked(None, "无", start=11)
    stage.silent("B08", person, "never rechecked, in dibao for less than a year")
    long_ago = here.day - timedelta(days=800)
    _, person = checked(long_ago, "有", division=stage.bureau.stale)
    stage.silent("B08", person, "roster not current")
    place, person = checked(long_ago, "有", division=stage.bureau.aging)
    stage.warn("B08", person, place.division, "blue", "roster of two months ago is current")


def _terms(here: Turn) -> None:
    """B09: the last day of validity, no date, no end."""
    stage = here.stage
    month, yesterday = here.day.replace(day=1), here.day - ONE_DAY

    def valid(until: date | None, start: int, division: str | None = None) -> tuple[Place, Person]:
        place = here.place(division)
        person = here.adult(place)
        stage.edge(place, [Member(person)])
        stage.tables["edge_household"].change(-1, valid_until=until, start_month=months_before(month, start))
        return place, person

    place, person = valid(yesterday, 9)
    stage.warn("B09", person, place.division, "blue", "valid until yesterday")
    _, person = valid(here.day, 30)
    stage.silent("B09", person, "valid until today")
    place, person = valid(None, 13)
    stage.warn("B09", person, place.division, "blue", "no date, on the roster for over a year")
    _, person = valid(None, 11)
    stage.silent("B09", person, "no date, on the roster for less than a year")
    _, person = valid(LONG_TERM, 40)
    stage.silent("B09", person, "valid without end")
    _, person = valid(yesterday, 9, stage.bureau.stale)
    stage.silent("B09", person, "roster not current")


def _signed(here: Turn, own: Callable[[Person], object], registry: str = "edge", *, on: date | None = None, signed: bool = True,
            division: str | None = None) -> tuple[Place, Person]:  # fmt: skip
    """Put a person alone on a roster, with an authorisation of `on` or without one; `own` writes the person's partner rows."""
    place = here.place(division)
    person = here.adult(place)
    authorised_on = (on or here.day - timedelta(days=200)) if signed else None
    if registry == "tekun":
        here.stage.tekun(place, person, authorised_on=authorised_on)
    elif registry == "dibao":
        here.stage.dibao(place, [Member(person)], authorised_on=authorised_on)
    else:
        here.stage.edge(place, [Member(person)], authorised_on=authorised_on)
    own(person)
    return place, person


def _vehicles(here: Turn) -> None:
    """B04 by type and status, and at the end of an authorisation."""
    stage = here.stage

    def owning(sort: str | None, status: str = "正常") -> Callable[[Person], object]:
        return lambda person: records.vehicle(stage, person, sort=sort, status=status)

    for registry, sort in (("dibao", "小型客车"), ("tekun", "货车"), ("edge", "小型轿车")):
        place, person = _signed(here, owning(sort), registry)
        stage.warn("B04", person, place.division, "yellow", f"{registry}: {sort}")
    for harmless, status in (("摩托车", "正常"), ("残疾人专用车", "正常"), ("货车", "报废"), (None, "正常")):
        _, person = _signed(here, owning(harmless, status))
        stage.silent("B04", person, f"vehicle {harmless} {status}")
    edge = _first_that_holds(here.day, 24)
    place, person = _signed(here, owning("小型轿车"), on=edge)
    stage.warn("B04", person, place.division, "yellow", "the last day of the authorisation")
    _, person = _signed(here, owning("小型轿车"), on=edge - ONE_DAY)
    stage.silent("B04", person, "the authorisation ended yesterday: the row is not even kept")
    _, person = _signed(here, owning("小型轿车"), "dibao", signed=False)
    stage.silent("B04", person, "no authorisation: the row is not even kept")
    _, person = _signed(here, owning("小型轿车"), division=stage.bureau.stale)
    stage.silent("B04", person, "roster not current")


def _dwellings(here: Turn) -> None:
    """B05: two dwellings in one household, a shared one, and a shop beside a dwelling."""
    stage = here.stage

    def couple(*, signed: bool = True) -> tuple[Place, Person, Person]:
        place = here.place()
        pair = here.household(place)
        stage.dibao(place, pair, authorised_on=here.day - timedelta(days=200) if signed else None)
        return place, pair[0].person, pair[1].person

    place, head, spouse = couple()
    records.dwelling(stage, head)
    records.dwelling(stage, spouse)
    stage.warn("B05", head, place.division, "yellow", "a home each")
    _, head, spouse = couple()
    records.dwelling(stage, head, unit_no=f"{head.id_number[:6]}009009GB{stage.serial():05d}F00010001")
    records.dwelling(stage, spouse, unit_no=stage.tables["real_estate"].columns["unit_no"][-1])
    stage.silent("B05", head, "one home that two own together")
    _, head, _ = couple()
    records.dwelling(stage, head)
    records.dwelling(stage, head, usage="商业")
    stage.silent("B05", head, "a home and a shop")
    _, head, _ = couple(signed=False)
    records.dwelling(stage, head)
    records.dwelling(stage, head)
    stage.silent("B05", head, "no authorisation: the rows are not even kept")


def _businesses(here: Turn) -> None:
    """B06 by capital, type, office and status."""
    stage = here.stage
    cases: tuple[tuple[bool, int | None, str, str, str], ...] = (
        (True, 10 * _WAN + _WAN // 100, "有限责任公司", "法定代表人", "存续"), (True, 50 * _WAN, "股份有限公司", "股东", "存续"),
        (False, 10 * _WAN, "有限责任公司", "法定代表人", "存续"), (False, None, "有限责任公司", "股东", "存续"),
        (False, 50 * _WAN, "个体工商户", "经营者", "存续"), (False, 50 * _WAN, "农民专业合作社", "法定代表人", "存续"),
        (False, 50 * _WAN, "有限责任公司", "成员", "存续"), (False, 50 * _WAN, "有限责任公司", "股东", "吊销"),
    )  # fmt: skip
    for holds, capital, sort, role, status in cases:

        def own(
            person: Person, capital: int | None = capital, sort: str = sort, role: str = role, status: str = status
        ) -> None:
            records.business(stage, person, capital=capital, sort=sort, role=role, status=status)

        place, person = _signed(here, own, "dibao")
        why = f"{sort} {role} {status}, capital {capital}"
        if holds:
            stage.warn("B06", person, place.division, "yellow", why)
        else:
            stage.silent("B06", person, why)


def _incomes(here: Turn) -> None:
    """B07 at the line of each registry, by month and status."""
    stage = here.stage
    month = here.day.replace(day=1)

    def earn(
        registry: str, extra: int, *, back: int = 1, status: str = "参保缴费", pays: str = "work"
    ) -> tuple[Place, Person]:
        def own(person: Person) -> None:
            line = stage.bureau.standard(_place_of[-1]) * (3 if registry == "edge" else 2) // 2 + extra
            if pays == "work":
                records.contribution(stage, person, months_before(month, back), base=line, status=status)
            elif pays == "two employers":
                for number, part in enumerate((line // 2, line - line // 2)):
                    records.contribution(
                        stage, person, months_before(month, back), base=part, employer=records.EMPLOYERS[number]
                    )
            else:
                records.pension(stage, person, months_before(month, back), line, scheme=pays)

        place = here.place()
        _place_of.append(place)
        person = here.adult(place)
        put = stage.dibao if registry == "dibao" else stage.edge
        put(place, [Member(person)], authorised_on=here.day - timedelta(days=200))
        own(person)
        return place, person

    _place_of: list[Place] = []
    for registry in ("dibao", "edge"):
        _, person = earn(registry, 0)
        stage.silent("B07", person, f"{registry}: exactly the line")
        place, person = earn(registry, 1)
        stage.warn("B07", person, place.division, "yellow", f"{registry}: one cent above the line")
    place, person = earn("dibao", 1, back=3)
    stage.warn("B07", person, place.division, "yellow", "three months before")
    _, person = earn("dibao", 100_000, back=4)
    stage.silent("B07", person, "four months before")
    place, person = earn("dibao", 1, pays="two employers")
    stage.warn("B07", person, place.division, "yellow", "two employers together")
    place, person = earn("edge", 1, pays="机关事业")
    stage.warn("B07", person, place.division, "yellow", "a pension")
    _, person = earn("dibao", 100_000, pays="城乡居民")
    stage.silent("B07", person, "the basic pension is left out")
    _, person = earn("dibao", 100_000, status="终止")
    stage.silent("B07", person, "contributions ended")


def _first_that_holds(day: date, months: int) -> date:
    """The earliest day that plus `months` months (at most the month's last day) is not before `day`."""
    first = months_before(day, months) - 3 * ONE_DAY
    while months_before(first, -months) < day:
        first += ONE_DAY
    return first
