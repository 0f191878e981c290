"""Plants cases of people who may be owed help: expenditure, grants, monitoring, leaving, waiting, deaths of earners.

planted_own.py says how the cases are built.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from low_income.generate.bureau import Place, birthday, months_before
from low_income.generate.people import Person
from low_income.generate.stage import Member
from low_income.generate.turn import ONE_DAY, Turn, one_digit_wrong


def plant_help(here: Turn) -> None:
    """Write every case once, with the expected warnings and silences."""
    for cases in (_rigid, _rigid_excluded, _many_grants, _monitored, _left, _left_and_back, _waiting, _earners_died):
        cases(here)


def _rigid(here: Turn) -> None:
    """A03 at 1.5 i, at G and at 60 % of the income."""
    stage = here.stage

    def survey(code: str | None, why: str, size: int, income: int, place: Place, **said: Any) -> list[Member]:
        members = here.household(place, size)
        stage.survey(place, members, income, **said)
        if code:
            stage.warn(code, members[0].person, place.division, {"A02": "yellow"}.get(code, "orange"), why)
        if code != "A03":
            stage.silent("A03", members[0].person, why)
        return members

    place = here.place()
    income = here.line(place, 2, 15)
    survey(
        "A03", "income exactly 1.5 i, one cent above the share", 2, income, place, education_fen=income * 6 // 10 + 1
    )
    place = here.place()
    income = here.line(place, 2, 15)
    survey(None, "rigid expenditure exactly the share", 2, income, place, education_fen=income * 6 // 10)
    place = here.place()
    income = here.line(place, 2, 15) - 1
    survey("A02", "a cent short of 1.5 i", 2, income, place, education_fen=income)
    place = here.place()
    income = stage.bureau.income_line(place) * 3 - 1
    survey("A03", "income per head one cent below G", 3, income, place, other_rigid_fen=income * 7 // 10)
    place = here.place()
    income = stage.bureau.income_line(place) * 3
    survey(None, "income per head exactly G", 3, income, place, other_rigid_fen=income * 7 // 10)

    place = here.place()
    income = here.line(place, 1, 20)
    share = income * 2 // 10
    survey("A03", "four parts together", 1, income, place, medical_fen=share, education_fen=share,
           rehabilitation_fen=share, other_rigid_fen=share)  # fmt: skip
    place = here.place()
    income = here.line(place, 2, 20)
    members = survey(
        "A03", "the members' settlements, more than the declared", 2, income, place, medical_fen=income // 10
    )
    for member in members:
        stage.medical(member.person, income * 3 // 10 + 1, here.day - timedelta(days=40))
    place = here.place()
    income = here.line(place, 2, 20)
    members = survey(None, "declared and settled are not added up", 2, income, place, medical_fen=income * 5 // 10)
    stage.medical(members[0].person, income * 4 // 10, here.day - timedelta(days=40))


def _rigid_excluded(here: Turn) -> None:
    """A03 for households that are helped already or cannot be judged."""
    stage = here.stage
    for why in ("household is in edge", "the division's rosters are not current", "cannot tell"):
        place = here.place(stage.bureau.stale if "current" in why else None)
        members = here.household(place)
        income = here.line(place, 2, 20)
        if why == "household is in edge":
            stage.edge(place, members)
        if why == "cannot tell":
            stage.edge(place, [Member(here.adult(place)), Member(members[1].person, "其他")])
            roster = stage.tables["edge_person"]
            roster.spoil(len(roster) - 1, one_digit_wrong(members[1].person))
        stage.survey(place, members, income, education_fen=income * 9 // 10)
        stage.silent("A03", members[0].person, why)


def _many_grants(here: Turn) -> None:
    """A10 at three grants, at both ends of the trailing year, by result, and by what is known of the household."""
    stage, day = here.stage, here.day
    year_ago = months_before(day, 12)

    def granted(place: Place, person: Person, *days: date) -> None:
        for number, on in enumerate(days):
            cause = ("疾病", "意外", "教育", "灾害")[number % 4]
            stage.grant(place, person, accepted_on=on - 5 * ONE_DAY, granted_on=on, cause=cause)

    for why, days, holds in (
        ("three grants", (day - 200 * ONE_DAY, day - 100 * ONE_DAY, day), True),
        ("two grants", (day - 200 * ONE_DAY, day - 100 * ONE_DAY), False),
        ("the first on the first day of the trailing year", (year_ago + ONE_DAY, day - 100 * ONE_DAY, day - 50 * ONE_DAY), True),
        ("the first on the day twelve months ago", (year_ago, day - 100 * ONE_DAY, day - 50 * ONE_DAY), False),
    ):  # fmt: skip
        place = here.place()
        person = here.adult(place)
        granted(place, person, *days)
        if holds:
            stage.warn("A10", person, place.division, "orange", why)
        else:
            stage.silent("A10", person, why)

    place = here.place()
    person = here.adult(place)
    granted(place, person, day - 200 * ONE_DAY, day - 100 * ONE_DAY)
    stage.grant(place, person, result="不予救助", granted_on=None, amount_fen=None, accepted_on=day - 60 * ONE_DAY)
    stage.silent("A10", person, "two grants and a refusal")

    place = here.place()
    members = here.household(place)
    stage.survey(place, members, here.well_off(place, 2))
    granted(place, members[0].person, day - 200 * ONE_DAY)
    granted(place, members[1].person, day - 150 * ONE_DAY, day - 90 * ONE_DAY)
    stage.warn("A10", members[0].person, place.division, "orange", "two members together")

    for registry, division in (("dibao", None), ("tekun", None), ("edge", None), ("none", stage.bureau.stale)):
        place = here.place(division)
        person = here.of_standing(registry, place) if registry != "none" else here.adult(place)
        granted(place, person, day - 200 * ONE_DAY, day - 150 * ONE_DAY, day - 90 * ONE_DAY)
        stage.silent(
            "A10", person, f"in {registry}" if registry != "none" else "the division's rosters are not current"
        )


def _monitored(here: Turn) -> None:
    """A11: by whether the risk stands, by who is the head, and by who is helped already."""
    stage = here.stage

    place = here.place()
    members = here.household(place)
    stage.monitor(place, members, is_eliminated=False)
    stage.warn("A11", members[0].person, place.division, "yellow", "on the monitoring list and on no roster")

    place = here.place()
    members = here.household(place)
    stage.monitor(place, members, is_eliminated=True)
    stage.silent("A11", members[0].person, "risk eliminated")

    place = here.place()
    members = here.household(place)
    stage.survey(place, members, here.well_off(place, 2))
    stage.monitor(place, [Member(members[1].person)], is_eliminated=False)
    stage.warn("A11", members[0].person, place.division, "yellow", "a member of a surveyed household is monitored")

    place = here.place()
    members = here.household(place)
    stage.monitor(place, members, is_eliminated=False)
    stage.tekun(place, members[1].person)
    stage.silent("A11", members[0].person, "a member is in tekun")

    for division, why in (
        (stage.bureau.stale, "the division's rosters are not current"),
        (stage.bureau.missing, "the division has no roster at all"),
    ):
        place = here.place(division)
        members = here.household(place)
        stage.monitor(place, members, is_eliminated=False)
        stage.silent("A11", members[0].person, why)


def _left(here: Turn) -> None:
    """A13 at the threshold, and at the end of the window."""
    stage, day = here.stage, here.day
    threshold, recent = stage.bureau.threshold("exited"), day - timedelta(days=40)

    for registry in ("dibao", "tekun"):
        for cents in (0, 1):
            place = here.place()
            person = here.adult(place)
            stage.left(registry, place, person, 2)
            stage.medical(person, threshold + cents, recent)
            if cents:
                stage.warn("A13", person, place.division, "orange", f"left {registry}, one cent above the threshold")
            else:
                stage.silent("A13", person, f"left {registry}, exactly the threshold")

    # A month is in the window when its last day is.
    place = here.place(stage.bureau.current[0])
    newest, start = stage.bureau.period(place.division), months_before(day, 24)
    last = next(n for n in range(1, 40) if months_before(newest, n - 1) - ONE_DAY <= start)
    for back in (last - 1, last):
        person = here.adult(place)
        stage.left("dibao", place, person, back)
        if back == last:
            stage.scope.discard(person.id_number)
        stage.medical(person, threshold + 100, recent)
        if back == last:
            stage.silent("A13", person, "the last roster's month ended before the window")
        else:
            stage.warn("A13", person, place.division, "orange", "the last roster's month ended within the window")

    place = here.place()
    person = here.adult(place)
    stage.left("dibao", place, person, 2)
    stage.medical(person, threshold + 100, months_before(day, 12))
    stage.silent("A13", person, "settled before the trailing year")


def _left_and_back(here: Turn) -> None:
    """A13 for people who are on a roster again."""
    stage = here.stage
    burden, recent = stage.bureau.threshold("exited") + 100, here.day - timedelta(days=40)

    place = here.place()
    person = here.adult(place)
    stage.left("dibao", place, person, 2)
    stage.edge(place, [Member(person)])
    stage.medical(person, burden, recent)
    stage.warn("A13", person, place.division, "orange", "in edge now")

    place = here.place()
    person = here.adult(place, (66, 80))
    stage.left("dibao", place, person, 2)
    stage.tekun(place, person)
    stage.medical(person, burden, recent)
    stage.silent("A13", person, "in tekun now")
    stage.warn("A04", person, place.division, "yellow", "in tekun, above its threshold")


def _waiting(here: Turn) -> None:
    """A14 at both deadlines, by result, and with several applications."""
    stage = here.stage

    def waiting(why: str, level: str | None, *applications: tuple[str, int, dict[str, Any]]) -> None:
        place = here.place()
        person = here.adult(place)
        for kind, days, said in applications:
            accepted = stage.bureau.working_days_before(days)
            cells = {"granted_on": None, "amount_fen": None, "result": None, **said}
            stage.grant(place, person, type=kind, accepted_on=accepted, **cells)
        if level:
            stage.warn("A14", person, place.division, level, why)
        else:
            stage.silent("A14", person, why)

    waiting("urgent, two working days", None, ("急难型", 2, {}))
    waiting("urgent, three working days", "red", ("急难型", 3, {}))
    waiting("not urgent, fifteen working days", None, ("支出型", 15, {}))
    waiting("not urgent, sixteen working days", "yellow", ("支出型", 16, {}))
    waiting("still being handled", "yellow", ("支出型", 30, {"result": "办理中"}))
    waiting("withdrawn", None, ("急难型", 30, {"result": "撤回"}))
    waiting("paid, though no result is written down", None, ("急难型", 30, {"granted_on": here.day - 3 * ONE_DAY}))
    waiting("the urgent one stands", "red", ("支出型", 40, {}), ("急难型", 5, {"result": "办理中"}))


def _earners_died(here: Turn) -> None:
    """A09 at the window's edge, at 18 and 60 on the day of death, by who is left, and by list."""
    stage, day = here.stage, here.day

    def died(why: str, *, on: date, age: int = 40, days_older: int = 0, head_dies: bool = False, holds: bool = True,
             others: tuple[tuple[int, int], ...] = ((25, 58),), listed: str = "survey") -> None:  # fmt: skip
        place = here.place()
        birth = birthday(on, age) - days_older * ONE_DAY
        dead = here.adult(place, birth=birth)
        left = [here.adult(place, ages) for ages in others]
        people = [dead, *left] if head_dies else [*left, dead]
        members = [Member(person, "其他" if number else "户主") for number, person in enumerate(people)]
        if listed == "survey":
            stage.survey(place, members, here.well_off(place, len(members)))
        elif listed == "edge":
            stage.edge(place, members)
        else:
            stage.monitor(place, members, is_eliminated=listed == "eliminated")
            stage.scope |= {person.id_number for person in people}
        stage.death(dead, on)
        subject = max(left, key=lambda person: day - person.birth) if head_dies and left else people[0]
        if holds:
            stage.warn("A09", subject, place.division, "orange", why)
        else:
            stage.silent("A09", subject, why)

    died("died 89 days before", on=day - 89 * ONE_DAY)
    died("died 90 days before", on=day - 90 * ONE_DAY, holds=False)
    died("died at 18 to the day", on=day - 20 * ONE_DAY, age=18)
    died("died a day before 18", on=day - 20 * ONE_DAY, age=18, days_older=-1, holds=False)
    died("died a day before 60", on=day - 20 * ONE_DAY, age=60, days_older=-1)
    died("died at 60 to the day", on=day - 20 * ONE_DAY, age=60, holds=False)
    died("the head died, the eldest is asked", on=day - 20 * ONE_DAY, head_dies=True, others=((25, 40), (62, 80)))
    died("nobody is left", on=day - 20 * ONE_DAY, head_dies=True, others=(), holds=False)
    died("in edge, died today", on=day, listed="edge")
