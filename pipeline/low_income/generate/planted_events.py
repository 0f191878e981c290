"""Plants cases about events on partner lists: lost work, children out of school, disasters.

planted_own.py says how the cases are built.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from low_income.generate import records
from low_income.generate.bureau import Place, birthday, months_before
from low_income.generate.people import Person
from low_income.generate.stage import Member
from low_income.generate.turn import ONE_DAY, Turn


def plant_events(here: Turn) -> None:
    """Write every case once, with the expected warnings and silences."""
    for cases in (_out_of_work, _earners_at_home, _out_of_school, _struck, _struck_and_helped):
        cases(here)


def _out_of_work(here: Turn) -> None:
    """A06 at the window's edge, at 16 and 60, at 1.5 i, and by list."""
    stage, day = here.stage, here.day

    def lost_work(
        why: str, *, back: int = 30, birth: date | None = None, listed: str = "edge", holds: bool = True
    ) -> None:
        place = here.place()
        person, other = here.adult(place, birth=birth), here.adult(place)
        members = [Member(other), Member(person, "其他")]
        if listed == "edge":
            stage.edge(place, members)
        elif listed == "dibao":
            stage.dibao(place, members)
        elif listed == "monitored":
            stage.monitor(place, members, is_eliminated=True)
            stage.scope |= {other.id_number, person.id_number}
            stage.grant(place, person)
        else:
            income = here.line(place, 2, 15) - (1 if listed == "below" else 0)
            stage.survey(place, members, income)
        records.unemployment(stage, person, day - back * ONE_DAY)
        if listed == "below":
            stage.warn("A02", other, place.division, "yellow", "a cent short of 1.5 i, a member out of work")
        if listed == "exactly":
            stage.silent("A02", other, "income at 1.5 i, a member out of work")
        if holds:
            stage.warn("A06", person, place.division, "yellow", why)
        else:
            stage.silent("A06", person, why)

    lost_work("registered 89 days before", back=89)
    lost_work("registered 90 days before", back=90, holds=False)
    lost_work("registered today", back=0)
    lost_work("sixteen today", birth=birthday(day, 16))
    lost_work("sixteen only tomorrow", birth=birthday(day, 16) + ONE_DAY, holds=False)
    lost_work("sixty only tomorrow", birth=birthday(day, 60) + ONE_DAY)
    lost_work("sixty today", birth=birthday(day, 60), holds=False)
    lost_work("surveyed one cent below 1.5 i", listed="below")
    lost_work("surveyed with exactly 1.5 i", listed="exactly", holds=False)
    lost_work("in dibao, neither in edge nor surveyed", listed="dibao", holds=False)
    lost_work("on no list that the rule names", listed="monitored", holds=False)


def _earners_at_home(here: Turn) -> None:
    """A06 by the contributions of a member: month and status."""
    stage, month = here.stage, here.day.replace(day=1)

    for back, status, holds in (
        (0, "参保缴费", False), (2, "参保缴费", False), (3, "参保缴费", True), (1, "暂停", True), (1, "终止", True),
    ):  # fmt: skip
        for place in (here.place(), here.place(stage.bureau.stale)):
            members = here.household(place)
            # Without an authorisation, what is paid is not compared with what was declared (B07).
            stage.edge(place, members, authorised_on=None)
            records.unemployment(stage, members[1].person, here.day - 30 * ONE_DAY)
            records.contribution(stage, members[0].person, months_before(month, back), base=60_000, status=status)
            why = f"a member's social insurance of {back} months before: {status}"
            if holds:
                stage.warn("A06", members[1].person, place.division, "yellow", why)
            else:
                stage.silent("A06", members[1].person, why)


def _out_of_school(here: Turn) -> None:
    """A07 at 6 and 16, by the latest status, and by the household's lists."""
    stage, day = here.stage, here.day
    ten = birthday(day, 10) - 100 * ONE_DAY

    def child(
        why: str, *statuses: tuple[str, int], birth: date = ten, listed: str = "dibao", holds: bool = True
    ) -> None:
        place = here.place(stage.bureau.stale if listed == "stale" else None)
        parent, pupil = here.adult(place), here.adult(place, birth=birth)
        members = [Member(parent), Member(pupil, "子" if pupil.sex == "男" else "女")]
        if listed in ("dibao", "stale"):
            stage.dibao(place, members)
        elif listed == "edge":
            stage.edge(place, members)
        elif listed == "survey":
            stage.survey(place, members, here.well_off(place, 2))
        elif listed == "tekun":
            stage.tekun(place, pupil)
        elif listed == "monitored":
            stage.monitor(place, members, is_eliminated=False)
            stage.warn("A11", parent, place.division, "yellow", "monitored, a child out of school")
        else:
            stage.grant(place, pupil)
        for status, back in statuses or (("辍学", 20),):
            records.schooling(stage, pupil, status, day - back * ONE_DAY)
        if holds:
            stage.warn("A07", pupil, place.division, "orange", why)
        else:
            stage.silent("A07", pupil, why)

    child("six today", birth=birthday(day, 6))
    child("six only tomorrow", birth=birthday(day, 6) + ONE_DAY, holds=False)
    child("sixteen only tomorrow", birth=birthday(day, 16) + ONE_DAY)
    child("sixteen today", birth=birthday(day, 16), holds=False)
    child("suspended", ("休学", 20))
    child("left school", ("退学", 20))
    child("finished school", ("毕业", 20), holds=False)
    child("dropped out, then back at school", ("辍学", 100), ("在读", 20), holds=False)
    child("at school, then dropped out", ("辍学", 20), ("在读", 100))
    for listed in ("tekun", "edge", "survey", "monitored", "stale"):
        child(f"household in {listed}", listed=listed)
    child("household on no list", listed="asked", holds=False)


def _struck(here: Turn) -> None:
    """A08 at the window's edge, by loss and rooms, for people on our lists and on none."""
    stage, day = here.stage, here.day
    least = stage.bureau.least_loss

    def struck(why: str, level: str | None, *, loss: int = least, rooms: int | None = None, back: int = 20) -> None:
        place = here.place()
        members = here.household(place)
        stage.survey(place, members, here.well_off(place, 2))
        records.disaster(stage, members[1].person, day - back * ONE_DAY, loss=loss, rooms=rooms)
        if level:
            stage.warn("A08", members[0].person, place.division, level, why)
        else:
            stage.silent("A08", members[0].person, why)

    struck("loss exactly the line", "orange")
    struck("loss one cent below the line, no room damaged", None, loss=least - 1, rooms=0)
    struck("one room damaged, no loss", "red", loss=0, rooms=1)
    struck("59 days before", "orange", back=59)
    struck("60 days before", None, back=60, rooms=3)
    struck("today", "orange", back=0, rooms=0)

    place = here.place()
    members = here.household(place)
    stage.edge(place, members)
    records.disaster(stage, members[0].person, day - 10 * ONE_DAY, loss=least * 40, rooms=0, sort="洪涝")
    records.disaster(stage, members[1].person, day - 30 * ONE_DAY, loss=least // 10, rooms=2, sort="风雹")
    stage.warn("A08", members[0].person, place.division, "red", "of two disasters the one with damaged rooms stands")

    for loss, holds in ((least, True), (least - 1, False)):
        person = here.adult(here.place())
        records.disaster(stage, person, day - 10 * ONE_DAY, loss=loss, is_kept=holds)
        if holds:
            stage.warn("A08", person, person.place.division, "orange", "on no list, the loss lists him")
        else:
            stage.silent("A08", person, "on no list, and the loss too small to list him")


def _struck_and_helped(here: Turn) -> None:
    """A08 by grants on and before the day of the disaster, and with the head dead."""
    stage, day = here.stage, here.day
    on, least = day - timedelta(days=20), stage.bureau.least_loss

    def helped(why: str, holds: bool, place: Place, members: Sequence[Member], to: Person, granted: date | None, result: str) -> None:  # fmt: skip
        stage.dibao(place, members)
        records.disaster(stage, members[0].person, on, loss=least * 2, rooms=0)
        accepted = (granted or day) - 3 * ONE_DAY
        amount = 100_000 if granted else None
        stage.grant(
            place, to, type="支出型", result=result, accepted_on=accepted, granted_on=granted, amount_fen=amount
        )
        if holds:
            stage.warn("A08", members[0].person, place.division, "orange", why)
        else:
            stage.silent("A08", members[0].person, why)

    for why, holds, granted, result in (
        ("granted on the day of the disaster", False, on, "同意"),
        ("granted the day before", True, on - ONE_DAY, "同意"),
        ("granted today", False, day, "同意"),
        ("still being handled", True, None, "办理中"),
    ):
        place = here.place()
        members = here.household(place)
        helped(why, holds, place, members, members[1].person, granted, result)

    place = here.place()
    dead, left, old = here.adult(place, (66, 80)), here.adult(place), here.adult(place, (66, 80))
    stage.survey(place, [Member(dead), Member(left, "其他"), Member(old, "其他")], here.well_off(place, 3))
    records.disaster(stage, dead, on, loss=least, rooms=1)
    stage.death(dead, on)
    stage.warn("A08", old, place.division, "red", "the head died, the eldest is asked")
