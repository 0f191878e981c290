"""Plants cases about partner lists: burdens, certificates, deaths. planted_own.py says how the cases are built."""

from __future__ import annotations

from datetime import timedelta

from low_income.generate.bureau import Place, months_before
from low_income.generate.people import Person
from low_income.generate.stage import DUE, Member
from low_income.generate.table import Spoilt
from low_income.generate.turn import ONE_DAY, Turn, one_digit_wrong


def plant_partner(here: Turn) -> None:
    """Write every case once, with the expected warnings and silences."""
    for cases in (_burdens, _burdens_unkept, _certificates, _certificates_excluded, _deaths):
        cases(here)


def _burdens(here: Turn) -> None:
    """A04 on both sides of the threshold of each standing, and at both ends of the trailing year."""
    stage, recent = here.stage, here.day - timedelta(days=40)

    for standing, level in (("tekun", "yellow"), ("dibao", "yellow"), ("edge", "orange"), ("monitored", "orange"),
                            ("surveyed", "orange"), ("unknown", "orange")):  # fmt: skip
        for cents in (0, 1):
            place = here.place()
            person = here.of_standing(standing, place)
            threshold = stage.bureau.threshold(
                {"monitored": "edge", "surveyed": "other", "unknown": "other"}.get(standing, standing)
            )
            is_kept = standing == "unknown" and cents == 1
            part = 0 if standing == "unknown" else None
            stage.medical(person, threshold - 60_000, recent, part=part, is_kept=is_kept)
            stage.medical(person, 60_000 + cents, recent - 30 * ONE_DAY, part=part, is_kept=is_kept)
            if cents:
                stage.warn("A04", person, place.division, level, f"{standing}: one cent above the threshold")
            else:
                stage.silent("A04", person, f"{standing}: exactly the threshold")

    year_ago = months_before(here.day, 12)
    for on, holds in ((year_ago, False), (year_ago + ONE_DAY, True), (here.day, True)):
        place = here.place()
        person = here.of_standing("dibao", place)
        stage.medical(person, 600_000, on)
        if holds:
            stage.warn("A04", person, place.division, "yellow", "settled on a day of the trailing year")
        else:
            stage.silent("A04", person, "settled on the day twelve months ago, which is before the trailing year")

    place = here.place()
    person = here.of_standing("dibao", place)
    stage.medical(person, 300_000, recent, part=0)
    stage.medical(person, 200_001, recent, part=1)
    stage.warn("A04", person, place.division, "yellow", "settlements in two files count together")

    place = here.place()
    person = here.of_standing("dibao", place)
    stage.medical(person, 300_000, recent, part=0, hospital="市第一人民医院")
    table = stage.tables["medical_expense"]
    twin = table.copy_row(len(table) - 1)
    table.spoil(twin, Spoilt("id_number", person.id_number, "duplicate.identical", "set_aside"))
    stage.silent("A04", person, "the same settlement twice counts once")

    place = here.place(stage.bureau.stale)
    person = here.of_standing("dibao", place)
    stage.medical(person, 500_001, recent)
    stage.warn("A04", person, place.division, "yellow", "without a 'not in' the latest roster holds, whatever its age")

    place = here.place()
    person = here.of_standing("dibao", place)
    spouse = here.adult(place)
    stage.edge(place, [Member(spouse), Member(person, "配偶")])
    stage.medical(person, 600_000, recent)
    stage.warn("A04", person, place.division, "yellow", "in dibao and edge: the threshold of dibao comes first")
    stage.silent("B02", person, "alone in dibao, listed with the edge household whose other members are in edge only")

    place = here.place()
    person = here.adult(place, (66, 80))
    stage.dibao(place, [Member(person)])
    stage.medical(person, 900_000, recent)
    stage.death(person, here.day.replace(day=1))
    stage.silent("A04", person, "died")


def _burdens_unkept(here: Turn) -> None:
    """A04 for people on no list of ours: which rows are kept, which are dropped at the door, and where the people live."""
    stage, recent = here.stage, here.day - timedelta(days=40)

    for division, where, named in (
        (stage.bureau.missing, "full", stage.bureau.missing),
        (stage.bureau.divisions[-1].code, "address", stage.bureau.divisions[-1].code),
        (stage.bureau.divisions[-2].code, "address", stage.bureau.divisions[-2].code),
        (stage.bureau.current[0], "ambiguous", "bureau"),
        (stage.bureau.current[0], "nowhere", "bureau"),
    ):
        person = here.adult(here.place(division))
        stage.medical(person, 1_500_001, recent, is_kept=True, where=where)
        stage.warn("A04", person, named, "orange", f"on no list; place named: {where}")

    person = here.adult(here.place())
    stage.medical(person, 1_000_000, recent, part=0)
    stage.medical(person, 800_000, recent, part=1)
    stage.silent("A04", person, "on no list: neither file alone would list him")

    person = here.adult(here.place())
    stage.medical(person, 1_400_000, months_before(here.day, 14), part=0)
    stage.medical(person, 200_000, recent, part=0)
    stage.silent("A04", person, "on no list: the large settlement is older than a year")

    place = here.place()
    person = here.adult(place)
    stage.monitor(place, [Member(person)], is_eliminated=True)
    stage.medical(person, 1_200_000, recent)
    stage.silent("A04", person, "monitored once, risk eliminated: the threshold is that of everybody else")

    person = here.adult(here.place())
    stage.medical(person, 900_000, recent, part=0)
    row = stage.medical(person, 900_000, recent - ONE_DAY, part=0)
    stage.tables["medical_expense"].spoil(row, one_digit_wrong(person))
    stage.silent("A04", person, "on no list: one of two rows has an unusable number")


def _certificates(here: Turn) -> None:
    """A05 at the window's edge, by type, level and status, and by what is known of the person."""
    stage, day = here.stage, here.day
    recent = day - timedelta(days=30)

    for standing in ("surveyed", "unknown", "edge"):
        for back, holds in ((89, True), (90, False)):
            place = here.place()
            person = here.of_standing(standing, place)
            is_kept = standing == "unknown" and holds
            stage.certificate(person, "肢体", "二级", day - timedelta(days=back), is_kept=is_kept)
            if holds:
                stage.warn("A05", person, place.division, "orange", f"{standing}: issued {back} days before")
            else:
                stage.silent("A05", person, f"{standing}: issued {back} days before")

    for kind, level, on, holds in (
        ("视力", "一级", day, True), ("智力", "三级", recent, True), ("精神", "三级", recent, True), ("多重", "二级", recent, True),
        ("多重", "三级", recent, False), ("肢体", "三级", recent, False), ("精神", "四级", recent, False),
    ):  # fmt: skip
        place = here.place()
        person = here.adult(place)
        stage.certificate(person, kind, level, on, is_kept=holds)
        if holds:
            stage.warn("A05", person, place.division, "orange", f"{kind}{level}")
        else:
            stage.silent("A05", person, f"{kind}{level} is not severe")


def _certificates_excluded(here: Turn) -> None:
    """A05 by the certificate's status, by what is known of the person, and by where he lives."""
    stage, day = here.stage, here.day
    recent = day - timedelta(days=30)

    for status in ("注销", "冻结"):
        place = here.place()
        person = here.of_standing("surveyed", place)
        stage.certificate(person, "肢体", "一级", recent, status=status)
        stage.silent("A05", person, f"certificate {status}")

    for standing in ("dibao", "tekun"):
        place = here.place()
        person = here.adult(place)
        if standing == "dibao":
            stage.dibao(place, [Member(person, is_severe=True)])
        else:
            stage.tekun(place, person)
        stage.certificate(person, "肢体", "一级", recent)
        stage.silent("A05", person, f"already in {standing}")

    place = here.place()
    head, person = here.adult(place), here.adult(place)
    stage.dibao(place, [Member(head)])
    stage.survey(place, [Member(head), Member(person, "其他")], here.line(place, 2, 5))
    stage.certificate(person, "听力", "一级", recent)
    stage.warn("A05", person, place.division, "orange", "the head is in dibao, the person is not")
    stage.silent("A01", head, "the head is in dibao")

    for division, where, why in (
        (stage.bureau.missing, "full", "the division has no roster at all"),
        (stage.bureau.stale, "full", "the division's rosters are not current"),
        (stage.bureau.current[0], "nowhere", "place unknown, and one division has no roster"),
        (stage.bureau.current[1], "ambiguous", "place unknown, and one division has no roster"),
    ):
        person = here.adult(here.place(division))
        stage.certificate(person, "肢体", "一级", recent, is_kept=True, where=where)
        stage.silent("A05", person, why)
    for unit in stage.bureau.divisions[-2:]:
        person = here.adult(here.place(unit.code))
        stage.certificate(person, "肢体", "一级", recent, is_kept=True, where="address")
        stage.warn("A05", person, unit.code, "orange", "place named in one cell only")

    place = here.place()
    other, person = here.adult(place), here.adult(place)
    stage.dibao(place, [Member(other), Member(person, "其他")])
    roster = stage.tables["dibao_person"]
    roster.spoil(len(roster) - 1, one_digit_wrong(person))
    stage.scope.discard(person.id_number)
    stage.certificate(person, "肢体", "一级", recent, is_kept=True)
    stage.silent("A05", person, "cannot tell: a dibao row with the same name and birth date was set aside")

    place = here.place()
    person = here.adult(place, (66, 80))
    stage.edge(place, [Member(person)])
    stage.certificate(person, "肢体", "一级", recent)
    stage.death(person, day.replace(day=1))
    stage.silent("A05", person, "died")


def _deaths(here: Turn) -> None:
    """B01 on both sides of the first day of the roster's month."""
    stage = here.stage

    def dead(registry: str, division: str | None, back: int, month_only: bool = False) -> tuple[Place, Person]:
        place = here.place(division)
        person = here.adult(place, (66, 85))
        if registry == "dibao":
            spouse = here.adult(place, (61, 65))
            stage.dibao(place, [Member(spouse), Member(person, "配偶", supplement=None if back == 1 else DUE)])
        elif registry == "tekun":
            stage.tekun(place, person)
        else:
            stage.edge(place, [Member(here.adult(place)), Member(person, "父")])
        stage.death(person, stage.bureau.period(place.division) - back * ONE_DAY, month_only=month_only)
        return place, person

    for registry in ("dibao", "tekun", "edge"):
        place, person = dead(registry, None, 1)
        stage.warn("B01", person, place.division, "red", f"{registry}: died on the last day before the roster's month")
        if registry == "dibao":
            stage.silent("C01", person, "died: subject of B01 only")
        _, person = dead(registry, None, 0)
        stage.silent("B01", person, f"{registry}: died on the first day of the roster's month")
    place, person = dead("dibao", None, 1, month_only=True)
    stage.warn("B01", person, place.division, "red", "date of death given as a month: its last day")
    place, person = dead("dibao", None, 400)
    stage.warn("B01", person, place.division, "red", "died more than a year ago")
    place, person = dead("dibao", stage.bureau.aging, 1)
    stage.warn("B01", person, place.division, "red", "roster of two months ago, died before that month")
    _, person = dead("dibao", stage.bureau.aging, -1)
    stage.silent("B01", person, "died after the roster's month began")
    _, person = dead("dibao", stage.bureau.stale, 30)
    stage.silent("B01", person, "roster not current")
