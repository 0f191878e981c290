"""Puts households on lists: one call writes consistent rows of a household and its members, as a registry would hold them.

By default everything is in order: supplements that are owed are paid, rechecks are recent, benefits add up. A case that
needs something wrong says so in its call. This module knows nothing of the product's rules: the cases themselves say
with `warn` and `silent` what must be found.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from low_income.generate.bureau import Bureau, Place, birthday, months_before
from low_income.generate.people import Folk, Person
from low_income.generate.table import LONG_TERM, Outcome, Table
from low_income.settings import contracts

KINDS = (
    "dibao_household", "dibao_person", "tekun_person", "edge_household", "edge_person", "temporary_grant",
    "survey_household", "survey_person", "poverty_return_monitoring", "medical_expense", "disability_certificate", "death_notice",
    "unemployment", "social_insurance", "pension", "student_status", "real_estate", "vehicle", "business_registration",
    "disaster_loss",
)  # fmt: skip

_HOSPITALS = ("市第一人民医院", "市中医医院", "区人民医院", "镇中心卫生院", "市妇幼保健院", "市第二人民医院")
_ILLNESSES = ("尿毒症", "恶性肿瘤", "脑卒中后遗症", "重性精神病", "再生障碍性贫血")
_CAUSES = ("因病", "因残", "缺劳力", "年老体弱", "因学", "失业")
_DISABILITIES = {"视力": 1, "听力": 2, "言语": 3, "肢体": 4, "智力": 5, "精神": 6, "多重": 7}
_LEVELS = {"一级": 1, "二级": 2, "三级": 3, "四级": 4}
DUE = -1
"""The supplement that is owed: a fifth of the standard, or none when none is owed."""
USUAL = date.min
"""An authorisation of some day within its validity, or none for a part of the households (`_authorise`)."""
VALIDITY = 24
"""Months for which an authorisation is valid."""


@dataclass(frozen=True)
class Member:
    """A person in a household, with what registries say about members."""

    person: Person
    relation: str = "户主"
    supplement: int | None = DUE
    """Fen per month; None: blank; `DUE`: what is owed."""
    is_ill: bool = False
    is_severe: bool = False
    """Holds a certificate of severe disability, so a supplement is owed."""


@dataclass
class Stage:
    """All lists while they are being filled, and the truth about them."""

    bureau: Bureau
    rng: random.Random
    folk: Folk = field(init=False)
    tables: dict[str, Table] = field(init=False)
    warnings: list[tuple[str, str, str, str, str, str]] = field(default_factory=list)
    """rule_code, subject_id_number, subject_name, division_code, level, why."""
    silences: list[tuple[str, str, str]] = field(default_factory=list)
    """rule_code, subject_id_number, why."""
    scope: set[str] = field(default_factory=set)
    """Numbers of people whose partner rows are kept, whatever the rows say (docs/boundaries.md, 3)."""
    authorised: set[str] = field(default_factory=set)
    """Numbers of people whose rows for reviews only are kept too: their household signed an authorisation that is in date."""
    supplemented: set[str] = field(default_factory=set)
    """Numbers of people in dibao who are paid a supplement."""
    counted: dict[str, set[str]] = field(default_factory=lambda: {"dibao": set(), "tekun": set(), "edge": set()})
    """Registry → numbers of the people written there."""
    _serial: int = 0

    def __post_init__(self) -> None:
        self.folk = Folk(self.rng, self.day)
        kinds = contracts.load().kinds
        self.tables = {kind: Table(kind, tuple(kinds[kind].columns)) for kind in KINDS}

    @property
    def day(self) -> date:
        """The night's date D."""
        return self.bureau.day

    def warn(self, code: str, subject: Person, division: str, level: str, why: str) -> None:
        """This rule must list this person on D."""
        self.warnings.append((code, subject.id_number, subject.name, division, level, why))

    def silent(self, code: str, subject: Person, why: str) -> None:
        """This rule must not list this person on D, though it nearly holds."""
        self.silences.append((code, subject.id_number, why))

    def serial(self) -> int:
        """The next of 1, 2, 3, …: for numbers of households and applications."""
        self._serial += 1
        return self._serial

    def is_owed(self, member: Member) -> bool:
        """Whether a supplement is owed to a dibao member: under 18, 60 or older, severely disabled, or seriously ill."""
        born = member.person.birth
        is_adult = born <= birthday(self.day, 18)
        return not is_adult or born <= birthday(self.day, 60) or member.is_ill or member.is_severe

    def dibao(
        self,
        place: Place,
        members: Sequence[Member],
        *,
        share: float = 0.5,
        remote: bool = False,
        authorised_on: date | None = USUAL,
        fragile: bool = False,
    ) -> None:
        """Add a dibao household whose declared income is `share` of the standard; `members[0]` is the head."""
        standard, size, rng = self.bureau.standard(place), len(members), self.rng
        yearly = int(standard * size * share / 100) * 1200
        if place.area == "农村":
            yearly += rng.randrange(0, 1200, 100)
        owed = 12 * standard * size - yearly
        benefit = max(0, -(-owed // 1200)) * 100
        supplements = [
            (standard // 5 if self.is_owed(member) else None) if member.supplement == DUE else member.supplement
            for member in members
        ]
        supplement = sum(amount or 0 for amount in supplements)
        far = remote or place.is_border
        remote_supplement = standard * size // 10 if far else 0
        start = self._start(place)
        head = members[0].person
        self.tables["dibao_household"].add(
            place.division,
            {
                "head_name": head.name, "head_id_number": head.id_number, "household_size": size, "insured_count": size,
                "monthly_income_fen": yearly // 12 if place.area == "城市" else None,
                "yearly_income_fen": yearly if place.area == "农村" else None,
                "income_per_head_fen": yearly // 12 // size if place.area == "城市" else None,
                "monthly_benefit_fen": benefit, "household_supplement_fen": supplement or None,
                "remote_supplement_fen": remote_supplement or None, "total_fen": benefit + supplement + remote_supplement,
                "area_type": place.area, "distance_km": f"{rng.randint(310, 800) / 10 if remote else rng.randint(5, 290) / 10:.1f}",
                "is_border": True if place.is_border and rng.random() < 0.5 else None,
                "township": place.township, "community": f"第{rng.randint(1, 12)}社区", "address": self._address(place),
                "phone": head.phone, "certificate_no": f"DB{place.region_code}{self.serial():07d}", "start_month": start,
                "cause": rng.choice(_CAUSES), "last_recheck_on": self.day - timedelta(days=rng.randint(95, 150)),
                "authorised_on": self._authorise(authorised_on, members, fragile, share=0.8),
                "bank": "样例银行", "bank_account": f"9900{rng.randrange(10**12):012d}",
            },
            **self._notes(place, head, fragile),
        )  # fmt: skip
        for member, amount in zip(members, supplements, strict=True):
            person = member.person
            is_first = member is members[0]
            self.tables["dibao_person"].add(
                place.division,
                {
                    "name": person.name, "id_number": person.id_number, "head_id_number": head.id_number,
                    "relation": member.relation, "sex": person.sex, "birth_date": person.birth,
                    "monthly_income_fen": yearly // 12 if is_first else 0,
                    "is_disabled": member.is_severe, "is_seriously_ill": member.is_ill,
                    "illness": rng.choice(_ILLNESSES) if member.is_ill else None,
                    "work_ability": self._ability(person), "health": "较差" if member.is_ill else "一般",
                    "employment": "灵活就业" if is_first else None, "start_month": start, "supplement_fen": amount,
                    "phone": person.phone,
                },
                **self._notes(place, head, fragile),
            )  # fmt: skip
            self.counted["dibao"].add(person.id_number)
            if not fragile:
                self.scope.add(person.id_number)
            if amount:
                self.supplemented.add(person.id_number)

    def tekun(self, place: Place, person: Person, *, authorised_on: date | None = USUAL, fragile: bool = False) -> None:
        """Add a person in tekun."""
        rng = self.rng
        care = rng.choice(("全自理", "全自理", "半护理", "全护理"))
        mode = "集中" if care == "全护理" else "分散"
        self.tables["tekun_person"].add(
            place.division,
            {
                "name": person.name, "id_number": person.id_number, "sex": person.sex, "birth_date": person.birth,
                "care_mode": mode, "care_home": f"{place.district}福利院" if mode == "集中" else None, "self_care": care,
                "basic_amount_fen": self.bureau.standard(place) * 13 // 1000 * 100,
                "care_amount_fen": {"全自理": None, "半护理": 30_000, "全护理": 60_000}[care],
                "start_month": self._start(place), "township": place.township, "community": f"第{rng.randint(1, 12)}社区",
                "registered_address": self._address(place), "last_recheck_on": self.day - timedelta(days=rng.randint(95, 150)),
                "phone": person.phone, "authorised_on": self._authorise(authorised_on, [Member(person)], fragile, share=0.5),
            },
            **self._notes(place, person, fragile),
        )  # fmt: skip
        self.counted["tekun"].add(person.id_number)
        if not fragile:
            self.scope.add(person.id_number)

    def left(self, registry: str, place: Place, person: Person, back: int) -> None:
        """Add a person who is on the roster of dibao or tekun `back` months before the newest one, and on none since."""
        kinds = ("dibao_household", "dibao_person") if registry == "dibao" else ("tekun_person",)
        before = {kind: len(self.tables[kind]) for kind in kinds}
        if registry == "dibao":
            self.dibao(place, [Member(person)], authorised_on=None)
        else:
            self.tekun(place, person, authorised_on=None)
        for kind, first in before.items():
            columns = self.tables[kind].columns
            for row in range(first, len(self.tables[kind])):
                columns["_back"][row] = back
                columns["start_month"][row] = months_before(columns["start_month"][row], back)
        self.counted[registry].discard(person.id_number)

    def edge(
        self, place: Place, members: Sequence[Member], *, authorised_on: date | None = USUAL, fragile: bool = False
    ) -> None:
        """Add a household on the edge of dibao; its income lies between the two lines."""
        rng, head = self.rng, members[0].person
        until = LONG_TERM if rng.random() < 0.1 else self.day + timedelta(days=rng.randint(30, 300))
        self.tables["edge_household"].add(
            place.division,
            {
                "head_name": head.name, "head_id_number": head.id_number, "household_size": len(members),
                "insured_count": len(members), "income_per_head_fen": self.bureau.standard(place) * rng.randint(102, 148) // 100,
                "area_type": place.area, "start_month": months_before(self.bureau.period(place.division), rng.randint(0, 10)),
                "valid_until": until, "township": place.township, "address": self._address(place), "phone": head.phone,
                "authorised_on": self._authorise(authorised_on, members, fragile, share=1),
            },
            **self._notes(place, head, fragile),
        )  # fmt: skip
        for member in members:
            self.tables["edge_person"].add(
                place.division,
                {
                    "name": member.person.name, "id_number": member.person.id_number, "head_id_number": head.id_number,
                    "relation": member.relation, "monthly_income_fen": self.bureau.standard(place) if member is members[0] else 0,
                    "work_ability": self._ability(member.person), "employment": "务农" if place.area == "农村" else None,
                },
                **self._notes(place, head, fragile),
            )  # fmt: skip
            self.counted["edge"].add(member.person.id_number)
            if not fragile:
                self.scope.add(member.person.id_number)

    def survey(
        self, place: Place, members: Sequence[Member], yearly_fen: int, *,
        size: int | None = None, supporter: bool | None = True, rigid_share: float = 0.0, fragile: bool = False, **said: Any,
    ) -> list[int]:  # fmt: skip
        """Add a surveyed household with its yearly income; `size`: the declared size if it differs; `said`: other cells.

        Returns the members' rows.
        """
        head, number = members[0].person, f"MD{place.division.upper()}{self.serial():07d}"
        part = int(yearly_fen * rigid_share / 3) // 100 * 100
        self.tables["survey_household"].add(
            place.division,
            {
                "household_no": number, "head_name": head.name, "head_id_number": head.id_number,
                "household_size": size or len(members), "area_type": place.area, "yearly_income_fen": yearly_fen,
                "medical_fen": part or None, "education_fen": part or None, "other_rigid_fen": part or None,
                "has_supporter": supporter, "township": place.township, "community": f"第{self.rng.randint(1, 12)}社区",
                "address": self._address(place), "phone": head.phone,
                "surveyed_on": self.day - timedelta(days=self.rng.randint(20, 120)), **said,
            },
            **self._notes(place, head, fragile),
        )  # fmt: skip
        rows = []
        for member in members:
            row = self.tables["survey_person"].add(
                place.division,
                {
                    "household_no": number, "name": member.person.name, "id_number": member.person.id_number,
                    "relation": member.relation, "work_ability": self._ability(member.person), "health": "一般",
                },
                **self._notes(place, head, fragile),
            )  # fmt: skip
            rows.append(row)
            if not fragile:
                self.scope.add(member.person.id_number)
        return rows

    def monitor(self, place: Place, members: Sequence[Member], *, is_eliminated: bool, fragile: bool = False) -> None:
        """Add a household to the list of the rural-revitalisation bureau."""
        rng, number = self.rng, f"JC{place.region_code}{self.serial():07d}"
        category = rng.choice(("脱贫不稳定户", "边缘易致贫户", "突发严重困难户"))
        identified = self.day - timedelta(days=rng.randint(40, 700))
        for member in members:
            self.tables["poverty_return_monitoring"].add(
                "rural_revitalisation",
                {
                    "household_no": number, "name": member.person.name, "id_number": member.person.id_number,
                    "relation": member.relation, "category": category, "identified_on": identified,
                    "risk_type": rng.choice(_CAUSES), "is_risk_eliminated": is_eliminated, "district": place.district,
                    "township": place.township,
                },
                **self._notes(place, members[0].person, fragile),
            )  # fmt: skip
            if not is_eliminated and not fragile:
                self.scope.add(member.person.id_number)

    def grant(
        self, place: Place, person: Person, *, result: str | None = "同意", fragile: bool = False, **said: Any
    ) -> int:
        """Add an application for temporary assistance within the trailing year; `said`: cells that matter."""
        rng, day = self.rng, self.day
        kind = rng.choice(("急难型", "支出型"))
        if result == "办理中":
            kind = "支出型"
            accepted = day - timedelta(days=rng.randint(0, 8))
        else:
            accepted = day - timedelta(days=rng.randint(25, 350))
        amount = rng.randrange(40_000, 400_000, 5_000)
        row = self.tables["temporary_grant"].add(
            place.division,
            {
                "application_no": f"LS{place.division.upper()}{accepted:%Y%m}{self.serial():07d}", "name": person.name,
                "id_number": person.id_number, "type": kind, "size_class": "大额" if amount > 200_000 else "小额",
                "cause": rng.choice(("疾病", "意外", "灾害", "教育", "其他")), "accepted_on": accepted,
                "granted_on": accepted + timedelta(days=rng.randint(1, 20)) if result == "同意" else None,
                "amount_fen": amount if result == "同意" else None, "persons": 1, "registered_address": self._address(person.place),
                "current_address": self._address(place), "township": place.township, "result": result, **said,
            },
            **self._notes(place, person, fragile),
        )  # fmt: skip
        if not fragile:
            self.scope.add(person.id_number)
        return row

    def medical(
        self, person: Person, burden: int, on: date, *, part: int | None = None, is_kept: bool = False, where: str = "full",
        total: int | None = None, hospital: str | None = None, fragile: bool = False,
    ) -> int:  # fmt: skip
        """Add one settlement. `is_kept`: the person is on no list, and his rows in this file list him by themselves."""
        total = total or burden * 3 + 10_000
        return self.tables["medical_expense"].add(
            "medical_insurance",
            {
                "name": person.name, "id_number": person.id_number, "settled_on": on,
                "hospital": hospital or self.rng.choice(_HOSPITALS), "care_type": "住院", "total_fen": total,
                "pooled_fen": (total - burden) // 2, "burden_fen": burden, **self.where(person.place, where),
            },
            outcome=self._outcome(person, is_kept), part=part, fragile=fragile,
        )  # fmt: skip

    def certificate(
        self, person: Person, kind: str, level: str, on: date, *, status: str = "正常", part: int | None = None,
        is_kept: bool = False, where: str = "full", fragile: bool = False,
    ) -> int:  # fmt: skip
        """Add a certificate of disability."""
        suffix = "B1" if self.rng.random() < 0.05 else ""
        return self.tables["disability_certificate"].add(
            "disabled_federation",
            {
                "name": person.name, "id_number": person.id_number,
                "certificate_no": f"{person.id_number}{_DISABILITIES[kind]}{_LEVELS[level]}{suffix}", "disability_type": kind,
                "disability_level": level, "issued_on": on, "certificate_status": status, **self.where(person.place, where),
            },
            outcome=self._outcome(person, is_kept), part=part, fragile=fragile,
        )  # fmt: skip

    def death(self, person: Person, on: date, *, month_only: bool = False) -> None:
        """Add a death notice; `month_only` writes the date as `2026.9`, which means that month's last day."""
        row = self.tables["death_notice"].add(
            "civil_registration",
            {
                "name": person.name, "id_number": person.id_number, "died_on": on,
                "registered_on": min(self.day, on + timedelta(days=5)), **self.where(person.place, "full"),
            },
            outcome=self._outcome(person, False),
        )  # fmt: skip
        if month_only:
            self.tables["death_notice"].columns["_spoilt_field"][row] = "died_on"
            # `2028.1` is refused, since it may be January, or October without its 0: so January is written as 01.
            month = f"{on.month:02d}" if on.month == 1 else f"{on.month}"
            self.tables["death_notice"].columns["_spoilt_cell"][row] = f"{on.year}.{month}"

    def _authorise(self, on: date | None, members: Sequence[Member], fragile: bool, *, share: float) -> date | None:
        """The day of a household's authorisation; with `USUAL`, a `share` of the households has one."""
        if on == USUAL:
            usual = self.day - timedelta(days=self.rng.randint(95, 500))
            on = usual if self.rng.random() < share else None
        if on and on <= self.day <= months_before(on, -VALIDITY) and not fragile:
            self.authorised |= {member.person.id_number for member in members}
        return on

    def _outcome(self, person: Person, is_kept: bool) -> Outcome:
        return "accepted" if is_kept or person.id_number in self.scope else "out_of_scope"

    def _notes(self, place: Place, head: Person, fragile: bool) -> dict[str, Any]:
        return {"area": place.area, "township": place.township, "group": head.id_number, "fragile": fragile}

    def where(self, place: Place, how: str) -> dict[str, str | None]:
        """Cells that say where a person lives.

        `how`: `full`, `address` (in one cell only), `ambiguous` (a township name that several divisions have), `nowhere`.
        """
        return {
            "full": {"current_address": self._address(place), "district": place.district, "township": place.township},
            "address": {"current_address": self._address(place)},
            "ambiguous": {"township": place.township},
            "nowhere": {},
        }[how]  # type: ignore[return-value]

    def _address(self, place: Place) -> str:
        return f"{place.district}{place.township}第{self.rng.randint(1, 12)}社区{self.rng.randint(1, 300)}号"

    def _ability(self, person: Person) -> str:
        if person.birth > birthday(self.day, 16) or person.birth <= birthday(self.day, 65):
            return "无"
        return self.rng.choice(("有", "部分丧失"))

    def _start(self, place: Place) -> date:
        return months_before(self.bureau.period(place.division), self.rng.randint(1, 70))
