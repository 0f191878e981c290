"""Makes partner bureaus' lists: a few rows about people on our lists, among very many about unknown people.

The rows about unknown people are made column by column. They are far from what would list a person of no list:
at most four small settlements each, mild or old certificates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from low_income.generate.files import File, Sheet
from low_income.generate.people import Array, crowd_firsts, crowd_names, with_check
from low_income.generate.stage import Stage
from low_income.generate.styles import PARTNER_STYLES
from low_income.settings import contracts

SHARES = {
    "medical_expense": 0.64, "disability_certificate": 0.12, "death_notice": 0.03, "unemployment": 0.02,
    "social_insurance": 0.06, "pension": 0.04, "student_status": 0.03, "real_estate": 0.02, "vehicle": 0.02,
    "business_registration": 0.01, "disaster_loss": 0.01,
}  # fmt: skip
"""Kind → its share of all partner rows."""
_IN_PARTS = ("medical_expense", "disability_certificate", "death_notice")
"""Kinds that always come as several files, even with few rows."""
_WORKBOOK, _TEXT = 30_000, 1_000_000
"""The most rows of a workbook, and of a text file."""
_DAMAGED = 0.002
_FAMILIAR_PARTS = 3
"""Rows about people we know go to the first three files, or to the only one."""


@dataclass
class _Crowd:
    """Makes rows about people on no list of ours."""

    rng: np.random.Generator
    day: date
    districts: list[tuple[str, str]]
    """(district, township) of every division."""
    firsts: Array
    """Numbers without check character; as integers they take a tenth of the memory."""
    used: int = 0

    def people(self, count: int) -> Array:
        """The next `count` unused numbers."""
        self.used += count
        return with_check(self.firsts[self.used - count : self.used])

    def days(self, count: int, first: int, last: int) -> Array:
        """`count` random days, `first` to `last` days before D."""
        calendar = np.array([self.day - timedelta(days=back) for back in range(last + 1)], dtype=object)
        return calendar[self.rng.integers(first, last + 1, count)]

    def pick(self, count: int, *choices: str | None) -> Array:
        """`count` random picks from the choices."""
        return np.array(choices, dtype=object)[self.rng.integers(0, len(choices), count)]

    def where(self, count: int) -> dict[str, Array]:
        """Places; about one in ten is left empty."""
        chosen = self.rng.integers(0, len(self.districts) + len(self.districts) // 10, count)
        blank = [(None, None)] * (len(self.districts) // 10)
        districts = np.array([district for district, _ in (*self.districts, *blank)], dtype=object)
        townships = np.array([township for _, township in (*self.districts, *blank)], dtype=object)
        addresses = np.array(
            [district and f"{district}{township}" for district, township in (*self.districts, *blank)], dtype=object
        )
        return {"district": districts[chosen], "township": townships[chosen], "current_address": addresses[chosen]}

    def medical(self, count: int) -> dict[str, Array]:
        """Settlements: up to four for each person, below 3,000 yuan each."""
        repeats = self.rng.integers(1, 5, max(count, 1))
        persons = int(np.searchsorted(np.cumsum(repeats), count)) + 1
        owner = np.repeat(np.arange(persons), repeats[:persons])[:count]
        burden = self.rng.integers(1_000, 299_900, count)
        total = burden * 3 + 10_000
        return {
            "name": crowd_names(self.rng, persons)[owner], "id_number": self.people(persons)[owner],
            "settled_on": self.days(count, 1, 600), "hospital": self.pick(count, "市第一人民医院", "市中医医院", "区人民医院", "镇中心卫生院"),
            "care_type": self.pick(count, "住院", "门诊慢特病"), "total_fen": total, "pooled_fen": (total - burden) // 2,
            "burden_fen": burden, **{name: column[owner] for name, column in self.where(persons).items()},
        }  # fmt: skip

    def certificates(self, count: int) -> dict[str, Array]:
        """Certificates: mild ones of any day, severe ones from before the window, cancelled ones."""
        numbers = self.people(count)
        sort = self.rng.integers(0, 10, count)
        severe, withdrawn = sort < 3, sort == 9
        kinds = self.rng.integers(1, 8, count)
        levels = np.where(severe, self.rng.integers(1, 3, count), 4)
        issued = np.where(severe & ~withdrawn, self.days(count, 120, 6_000), self.days(count, 1, 6_000))
        words = np.array(("", "视力", "听力", "言语", "肢体", "智力", "精神", "多重"), dtype=object)
        return {
            "name": crowd_names(self.rng, count), "id_number": numbers,
            "certificate_no": numbers + np.array((kinds * 10 + levels).astype(str), dtype=object), "disability_type": words[kinds],
            "disability_level": np.array(("", "一级", "二级", "三级", "四级"), dtype=object)[levels], "issued_on": issued,
            "certificate_status": np.where(withdrawn, "注销", "正常").astype(object), **self.where(count),
        }  # fmt: skip

    def deaths(self, count: int) -> dict[str, Array]:
        """Deaths of the last two years."""
        died = self.days(count, 10, 700)
        return {
            "name": crowd_names(self.rng, count), "id_number": self.people(count), "died_on": died,
            "registered_on": died + timedelta(days=6), **self.where(count),
        }  # fmt: skip

    def others(self, count: int, **columns: Array) -> dict[str, Array]:
        """One row for each of `count` people, with the columns of the list."""
        return {"name": crowd_names(self.rng, count), "id_number": self.people(count), **columns, **self.where(count)}

    def serials(self, count: int, before: str, after: str = "") -> Array:
        """Distinct texts that no row about people on our lists has."""
        numbers = np.arange(self.used, self.used + count) + 10_000_000
        return before + np.array(numbers.astype(str), dtype=object) + after

    def unemployed(self, count: int) -> dict[str, Array]:
        """Registrations of any day."""
        cause = self.pick(count, "合同期满", "单位裁员", "个人离职", None)
        return self.others(count, registered_on=self.days(count, 1, 600), cause=cause)

    def insured(self, count: int) -> dict[str, Array]:
        """Contributions of the last year."""
        return self.others(
            count, employer=self.pick(count, *(f"样例企业{n}" for n in range(40)), None), base_fen=self.rng.integers(3_000, 20_000, count) * 100,
            insurance_status=self.pick(count, *["参保缴费"] * 5, "暂停", "终止"), pay_month=self.days(count, 1, 360),
        )  # fmt: skip

    def pensioners(self, count: int) -> dict[str, Array]:
        """Pensions of the last half year."""
        return self.others(
            count, scheme=self.pick(count, "城乡居民", "企业职工", "机关事业"), benefit_status=self.pick(count, "正常", "正常", "暂停"),
            pay_month=self.days(count, 1, 180), pension_fen=self.rng.integers(200, 6_000, count) * 100,
        )  # fmt: skip

    def pupils(self, count: int) -> dict[str, Array]:
        """Pupils, a few of them not at school."""
        return self.others(
            count, school=self.pick(count, *(f"第{n}学校" for n in range(1, 30))), stage=self.pick(count, "小学", "初中", "高中", "中职"),
            enrolment_status=self.pick(count, *["在读"] * 9, "休学", "辍学"), status_on=self.days(count, 1, 400),
        )  # fmt: skip

    def owners(self, count: int) -> dict[str, Array]:
        """Dwellings and shops."""
        return self.others(
            count, unit_no=self.serials(count, "992000001001GB", "F00010001"), usage=self.pick(count, "住宅", "住宅", "商业", "其他"),
            area_m2=self.rng.integers(30, 200, count), registered_on=self.days(count, 30, 7_000),
        )  # fmt: skip

    def drivers(self, count: int) -> dict[str, Array]:
        """Vehicles of every sort."""
        return self.others(
            count, plate_no=self.serials(count, "样B"), vehicle_type=self.pick(count, "小型轿车", "小型客车", "货车", "摩托车", "三轮车", "拖拉机"),
            first_registered_on=self.days(count, 30, 5_000), status=self.pick(count, *["正常"] * 8, "注销", "报废"),
        )  # fmt: skip

    def traders(self, count: int) -> dict[str, Array]:
        """Businesses of every sort."""
        return self.others(
            count, credit_code=self.serials(count, "92992000MB"), business_name=self.serials(count, "样例商行"),
            business_type=self.pick(count, "个体工商户", "有限责任公司", "股份有限公司", "农民专业合作社"),
            role=self.pick(count, "法定代表人", "股东", "经营者", "成员"), capital_fen=self.rng.integers(1, 500, count) * 1_000_000,
            status=self.pick(count, *["存续"] * 6, "注销", "吊销"), established_on=self.days(count, 30, 5_000),
        )  # fmt: skip

    def struck(self, count: int) -> dict[str, Array]:
        """Losses: long ago, or too small to list anybody by themselves."""
        is_old = self.rng.integers(0, 2, count) == 1
        loss = np.where(is_old, self.rng.integers(500, 80_000, count), self.rng.integers(500, 4_900, count)) * 100
        return self.others(
            count, disaster_type=self.pick(count, "洪涝", "风雹", "低温冷冻", "火灾"), loss_fen=loss,
            happened_on=np.where(is_old, self.days(count, 70, 500), self.days(count, 1, 60)),
            affected_count=self.rng.integers(1, 6, count), damaged_rooms=np.where(is_old, self.rng.integers(0, 4, count), 0),
        )  # fmt: skip


def partner_files(stage: Stage, rows: int, seed: int) -> Iterator[File]:
    """Every partner file, `rows` rows in all, or as many as there are about people we know."""
    rng = np.random.default_rng([seed, 99])
    counts = {kind: round(rows * share) for kind, share in SHARES.items()}
    # Kinds of which more was planted than is their part take it from the largest.
    counts = {kind: max(count, len(stage.tables[kind])) for kind, count in counts.items()}
    counts["medical_expense"] += rows - sum(counts.values())
    districts = sorted(
        {(place.district, place.township) for places in stage.bureau.places.values() for place in places}
    )
    crowd = _Crowd(rng, stage.day, districts, crowd_firsts(rng, rows))
    makers: dict[str, Callable[[int], dict[str, Array]]] = {
        "medical_expense": crowd.medical, "disability_certificate": crowd.certificates, "death_notice": crowd.deaths,
        "unemployment": crowd.unemployed, "social_insurance": crowd.insured, "pension": crowd.pensioners,
        "student_status": crowd.pupils, "real_estate": crowd.owners, "vehicle": crowd.drivers,
        "business_registration": crowd.traders, "disaster_loss": crowd.struck,
    }  # fmt: skip
    for position, (kind, maker) in enumerate(makers.items()):
        contract = contracts.load().kinds[kind]
        familiar = stage.tables[kind].arrays()
        unknown = max(0, counts[kind] - len(stage.tables[kind]))
        sizes = _sizes(unknown) if kind in _IN_PARTS or unknown > _WORKBOOK else [unknown]
        first = 0 if len(sizes) > 1 else position
        parts = familiar["_part"]
        homeless = np.flatnonzero(parts == None)  # noqa: E711 - elementwise
        parts[homeless] = _settle(homeless, familiar["id_number"], rng, min(len(sizes), _FAMILIAR_PARTS))
        for number, size in enumerate(sizes):
            chosen = np.flatnonzero(parts == number)
            known = {name: column[chosen] for name, column in familiar.items()}
            columns = _mixed(known, _as_rows(kind, maker(size), size, tuple(familiar), rng), rng)
            turn = first % len(PARTNER_STYLES) + number
            style = PARTNER_STYLES[turn if turn < len(PARTNER_STYLES) else 1 + number % 2]
            name = f"{contract.title}_{number + 1:02d}{style.suffix}"
            yield File(contract.senders[0], name, style, [Sheet(kind, "Sheet1", contract.title, columns)])


def _sizes(rows: int) -> list[int]:
    """Rows of unknown people per file: a workbook, then text files, at least two."""
    workbook = min(_WORKBOOK, rows // 3)
    left = rows - workbook
    texts = max(_FAMILIAR_PARTS - 1, -(-left // _TEXT))
    return [workbook, *(left // texts + (number < left % texts) for number in range(texts))]


def _settle(homeless: Array, numbers: Array, rng: np.random.Generator, parts: int) -> Array:
    """A file number for each row that has none; the rows of one person stay together."""
    file_of: dict[str, int] = {}
    return np.array([file_of.setdefault(numbers[n], int(rng.integers(0, parts))) for n in homeless], dtype=object)


def _as_rows(
    kind: str, made: dict[str, Array], count: int, names: tuple[str, ...], rng: np.random.Generator
) -> dict[str, Array]:  # fmt: skip
    """The rows about unknown people, with the notes; a few numbers are spoilt, so that these rows are set aside."""
    rows = {name: made[name] if name in made else np.full(count, None, dtype=object) for name in names}
    rows["_outcome"] = np.full(count, "out_of_scope", dtype=object)
    if count == 0:
        return rows
    damaged = rng.choice(count, min(count, max(6, int(count * _DAMAGED))), replace=False)
    for turn, position in enumerate(np.sort(damaged)):
        number = rows["id_number"][position]
        cell, fault = (
            (number[:16] + str((int(number[16]) + 4) % 10) + number[17], "id_number.check_digit"),
            (float(number[:15] + "000"), "id_number.digits_lost"),
            (number[:17], "id_number.length"),
            ("", "id_number.missing"),
            ("-", None),
            (number + "42", "id_number.length"),
        )[turn % 6]
        # A fault in another cell of a row about an unknown person is never looked at: the row is only counted.
        rows["_spoilt_field"][position] = (
            "id_number" if fault else {"death_notice": "registered_on"}.get(kind, "district")
        )
        rows["_spoilt_cell"][position], rows["_fault"][position] = cell, fault
        if fault:
            rows["_outcome"][position] = "set_aside"
    return rows


def _mixed(known: dict[str, Array], crowd: dict[str, Array], rng: np.random.Generator) -> dict[str, Array]:
    """The known rows at random places among the unknown ones, in their own order."""
    few, many = len(known["_unit"]), len(crowd["_unit"])
    places = np.zeros(few + many, dtype=bool)
    places[rng.choice(few + many, few, replace=False)] = True
    mixed = {}
    for name, column in known.items():
        mixed[name] = np.empty(few + many, dtype=object)
        mixed[name][places] = column
        mixed[name][~places] = crowd[name]
    return mixed
