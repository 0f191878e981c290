"""Makes the other households: no rule lists them; proportions of one real year (docs/performance.md, one real year).

Incomes are far from every line, what is owed is paid, nobody is on two lists that exclude each other. A few
households are *fragile*: their rows may be damaged later, so nothing else may depend on them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from low_income.generate.bureau import AREAS, Place
from low_income.generate.figures import REAL_YEAR
from low_income.generate.stage import Member, Stage
from low_income.model import ConfigError

MINIMUM = 300
"""The least number of people in the registries; with fewer the planted cases do not fit in."""

_GRANTS = REAL_YEAR.grants / 30_000
FRAGILE = 0.05


@dataclass(frozen=True)
class Household:
    """Members of a household that stands on a list and is not fragile."""

    list_name: str
    place: Place
    members: tuple[Member, ...]


def fill(stage: Stage, people: int) -> list[Household]:
    """Fill the registries up to `people` people, then survey, monitoring list and ledger in proportion.

    A small bureau gets more than `people`: beside the planted cases each division needs a few ordinary households.

    Returns the households about which partner rows may be made. Raises ConfigError when `people` is below `MINIMUM`.
    """
    if people < MINIMUM:
        raise ConfigError(f"--people 至少 {MINIMUM}，否则放不下各种样例")
    counted = {registry: len(numbers) for registry, numbers in stage.counted.items()}
    already = len(set[str]().union(*stage.counted.values()))
    divisions = len(stage.bureau.delivering)
    tekun = max(round(people * REAL_YEAR.tekun_persons / REAL_YEAR.people) - counted["tekun"], 2 * divisions)
    edge = max(round(people * REAL_YEAR.edge_entered / REAL_YEAR.people) - counted["edge"], 3 * divisions)
    dibao = max(people - already - tekun - edge, 8 * divisions)
    firm = _dibao(stage, dibao) + _tekun(stage, tekun) + _edge(stage, edge)
    firm += _survey(stage, firm, people // 6)
    _monitoring(stage, firm, people // 20)
    firm += _grants(stage, firm, round(people * _GRANTS))
    return firm


def _dibao(stage: Stage, persons: int) -> list[Household]:
    rng, firm = stage.rng, []
    cells = [(code, area) for code in stage.bureau.delivering for area in AREAS]
    households = max(round(persons * REAL_YEAR.dibao_households / REAL_YEAR.dibao_persons), 2 * len(cells))
    chosen = zip(spread(rng, cells, households), sizes(rng, persons, households), strict=True)
    for number, (cell, size) in enumerate(chosen):
        place = rng.choice(stage.bureau.places[cell])
        members = family(stage, place, size)
        fragile = _is_fragile(rng, number, len(cells), 30)
        remote = rng.random() < 0.04
        stage.dibao(place, members, share=rng.uniform(0.05, 0.85), remote=remote, fragile=fragile)
        if not fragile:
            firm.append(Household("dibao", place, members))
    return firm


def _tekun(stage: Stage, persons: int) -> list[Household]:
    rng, firm = stage.rng, []
    cells = [(code, "农村") for code in stage.bureau.delivering]
    for number, cell in enumerate(spread(rng, cells, persons)):
        place = rng.choice(stage.bureau.places[cell])
        person = stage.folk.person(place, (61, 90))
        fragile = _is_fragile(rng, number, len(cells), 8)
        stage.tekun(place, person, fragile=fragile)
        if not fragile:
            firm.append(Household("tekun", place, (Member(person),)))
    return firm


def _edge(stage: Stage, persons: int) -> list[Household]:
    rng, firm = stage.rng, []
    cells = [(code, "城市") for code in stage.bureau.delivering]
    households = max(round(persons * 0.6), len(cells) + len(cells) // 2)
    for number, (cell, size) in enumerate(
        zip(spread(rng, cells, households), sizes(rng, persons, households), strict=True)
    ):
        place = rng.choice(stage.bureau.places[cell[0], rng.choice(AREAS)])
        members = family(stage, place, size)
        fragile = _is_fragile(rng, number, len(cells), 6)
        stage.edge(place, members, fragile=fragile)
        if not fragile:
            firm.append(Household("edge", place, members))
    return firm


def _survey(stage: Stage, firm: Sequence[Household], households: int) -> list[Household]:
    """Surveyed households: some are helped already and have a low income, most are well above the lines."""
    rng, own = stage.rng, []
    for household in rng.sample(firm, min(len(firm), households // 4)):
        place, size = household.place, len(household.members)
        tenths = {"dibao": (2, 9), "tekun": (2, 9), "edge": (11, 14)}[household.list_name]
        income = stage.bureau.standard(place) * 12 * size * rng.randint(*tenths) // 10
        stage.survey(place, household.members, income, supporter=household.list_name != "tekun")
    cells = [(code, area) for code in stage.bureau.delivering for area in AREAS]
    planted = len(stage.tables["survey_household"])
    for number, cell in enumerate(spread(rng, cells, max(households - planted, 2 * len(cells)))):
        place = rng.choice(stage.bureau.places[cell])
        members = family(stage, place, rng.choice((1, 2, 2, 3, 3, 4)))
        income = stage.bureau.standard(place) * 12 * len(members) * rng.randint(26, 60) // 10
        fragile = _is_fragile(rng, number, len(cells), 20)
        stage.survey(
            place, members, income, supporter=rng.random() < 0.7, rigid_share=rng.choice((0, 0.1, 0.2)), fragile=fragile
        )
        if not fragile:
            own.append(Household("survey", place, members))
    return own


def _monitoring(stage: Stage, firm: Sequence[Household], persons: int) -> None:
    """People whose risk stands are enrolled in a registry; for people on no list of ours the risk is eliminated."""
    rng = stage.rng
    for household in rng.sample(firm, len(firm)):
        if len(stage.tables["poverty_return_monitoring"]) >= persons * 3 // 4:
            break
        if household.list_name in ("dibao", "edge"):
            stage.monitor(household.place, household.members, is_eliminated=rng.random() < 0.1)
    places = [place for places in stage.bureau.places.values() for place in places]
    while len(stage.tables["poverty_return_monitoring"]) < max(persons, 20):
        place = rng.choice(places)
        stage.monitor(place, family(stage, place, rng.randint(1, 3)), is_eliminated=True, fragile=rng.random() < 0.3)


def _grants(stage: Stage, firm: Sequence[Household], grants: int) -> list[Household]:
    """Applications. Households in no registry have at most two, so that none counts as frequent (A10)."""
    rng, table, asked = stage.rng, stage.tables["temporary_grant"], []
    enrolled = [household for household in firm if household.list_name != "survey"]
    for household in firm:
        if household.list_name == "survey" and rng.random() < 0.15:
            for _ in range(rng.randint(1, 2)):
                stage.grant(household.place, household.members[0].person)
    for code in stage.bureau.delivering:
        for area in AREAS:
            for _ in range(max(1, grants // 250)):
                place = rng.choice(stage.bureau.places[code, area])
                person = stage.folk.person(place, (20, 70))
                for _ in range(rng.randint(1, 2)):
                    stage.grant(place, person)
                asked.append(Household("asked", place, (Member(person),)))
    fragile_left = max(12, round(grants * FRAGILE / 5))
    while len(table) < grants:
        household = rng.choice(enrolled)
        result = rng.choices(("同意", "办理中", "不予救助", "撤回"), (95, 1, 3, 1))[0]
        stage.grant(household.place, rng.choice(household.members).person, result=result, fragile=fragile_left > 0)
        fragile_left -= 1
    return asked


def family(stage: Stage, place: Place, size: int) -> tuple[Member, ...]:
    """`size` people of one household, the head first."""
    rng, folk = stage.rng, stage.folk
    head = folk.person(place, rng.choice(((26, 58), (26, 58), (40, 58), (61, 84))))
    members = [Member(head, "户主", is_ill=rng.random() < 0.05)]
    for _ in range(size - 1):
        if len(members) == 1 and rng.random() < 0.5:
            spouse = folk.person(place, (26, 75), sex="女" if head.sex == "男" else "男")
            members.append(Member(spouse, "配偶", is_ill=rng.random() < 0.05))
        elif rng.random() < 0.8:
            child = folk.person(place, rng.choice(((1, 16), (1, 16), (18, 24))))
            members.append(Member(child, "子" if child.sex == "男" else "女"))
        else:
            parent = folk.person(place, (61, 88))
            members.append(Member(parent, "父" if parent.sex == "男" else "母"))
    return tuple(members)


def _is_fragile(rng: random.Random, number: int, firm_first: int, at_least: int) -> bool:
    """The first household of each file is never fragile, most of the next `at_least` are, then a few."""
    if number < firm_first:
        return False
    return rng.random() < (0.8 if number < firm_first + at_least else FRAGILE)


def spread(rng: random.Random, cells: Sequence[tuple[str, str]], count: int) -> list[tuple[str, str]]:
    """`count` cells: each once, in order; then at random, some cells more often than others."""
    weights = [1 + (7 * position % 5) / 4 for position in range(len(cells))]
    return [*cells, *rng.choices(cells, weights, k=count - len(cells))]


def sizes(rng: random.Random, persons: int, households: int) -> list[int]:
    """Sizes of `households` households that have `persons` people together; each has at least one."""
    found = [1] * households
    for _ in range(persons - households):
        found[rng.randrange(households)] += 1
    return found


def in_scope_rows(stage: Stage, firm: Sequence[Household], medical: int, certificates: int) -> None:
    """Add about `medical` settlements and `certificates` certificates of ordinary people whose partner rows are kept.

    Burdens stay far below the threshold of the person's standing; recent certificates are mild.
    """
    rng, day = stage.rng, stage.day
    limits = {"dibao": 150_000, "tekun": 30_000, "edge": 300_000, "survey": 20_000, "asked": 300_000}
    people = [(household, member) for household in firm for member in household.members]
    for household, member in rng.sample(people, min(len(people), medical * 2 // 3)):
        for _ in range(rng.randint(1, 2)):
            burden = rng.randrange(2_000, limits[household.list_name])
            on = day - timedelta(days=rng.randint(1, 360))
            stage.medical(member.person, burden, on, fragile=rng.random() < FRAGILE)
    for household, member in rng.sample(people, min(len(people), certificates)):
        person = member.person
        if household.list_name == "dibao" and person.id_number in stage.supplemented:
            kind, level = rng.choice((("肢体", "二级"), ("精神", "三级"), ("视力", "一级"), ("肢体", "四级")))
        else:
            kind, level = rng.choice((("肢体", "三级"), ("听力", "四级"), ("多重", "三级"), ("智力", "四级")))
        on = day - timedelta(days=rng.randint(10, 3_000))
        stage.certificate(person, kind, level, on, fragile=rng.random() < FRAGILE)
