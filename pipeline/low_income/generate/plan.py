"""Plans which files each division sends: by kind, by urban and rural, or one workbook with sheets per township."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from low_income.generate.bureau import AREAS, months_before
from low_income.generate.files import File, Sheet
from low_income.generate.people import Array
from low_income.generate.stage import Stage
from low_income.generate.styles import DIVISION_STYLES, PARTNER_STYLES, Style
from low_income.settings import contracts

_TITLES = {
    "dibao_household": "低保家庭", "dibao_person": "低保人员", "tekun_person": "特困人员", "edge_household": "低保边缘家庭",
    "edge_person": "低保边缘人员", "temporary_grant": "临时救助台账", "survey_household": "低收入人口摸底排查(户)",
    "survey_person": "低收入人口摸底排查(人)",
}  # fmt: skip


def division_files(stage: Stage) -> Iterator[File]:
    """Every file of every division that delivers."""
    arrays = {kind: stage.tables[kind].arrays() for kind in _TITLES}
    for code in stage.bureau.delivering:
        style = style_of(stage, code)
        newest = {
            kind: in_order(columns, np.flatnonzero((columns["_unit"] == code) & (columns["_back"] == 0)))
            for kind, columns in arrays.items()
        }
        yield from files_of(stage, code, style, newest)
        for kind, columns in arrays.items():
            for back in sorted({back for back in columns["_back"][columns["_unit"] == code] if back}):
                own = in_order(columns, np.flatnonzero((columns["_unit"] == code) & (columns["_back"] == back)))
                for area in AREAS:
                    if len(chosen := np.flatnonzero(own["_area"] == area)):
                        yield _one(stage, code, style, kind, _take(own, chosen), area, back)


def style_of(stage: Stage, code: str) -> Style:
    """The way of writing of a division."""
    return DIVISION_STYLES[stage.bureau.style_number(code) % len(DIVISION_STYLES)]


def files_of(stage: Stage, code: str, style: Style, own: dict[str, dict[str, Array]], back: int = 0) -> Iterator[File]:
    """The files of one division with the rows `own` (kind → columns, in the order of the file), `back` months before the newest."""
    for kind, columns in own.items():
        if kind == "dibao_household" and style.by_township:
            yield _by_township(stage, code, style, own, back)
        elif kind.startswith("dibao") and not style.by_township:
            for area in AREAS:
                yield _one(
                    stage, code, style, kind, _take(columns, np.flatnonzero(columns["_area"] == area)), area, back
                )
        elif not kind.startswith("dibao"):
            yield _one(stage, code, style, kind, columns, "", back)


def monitoring_file(stage: Stage) -> File:
    """The list of the rural-revitalisation bureau."""
    columns = stage.tables["poverty_return_monitoring"].arrays()
    sheet = Sheet(
        "poverty_return_monitoring",
        "监测对象",
        "防返贫监测对象名单",
        in_order(columns, np.arange(len(columns["_unit"]))),
    )
    style = replace(PARTNER_STYLES[0], words=("已消除", "未消除"))
    return File("rural_revitalisation", "防返贫监测对象.xlsx", style, [sheet])


def _one(stage: Stage, code: str, style: Style, kind: str, columns: dict[str, Array], area: str, back: int = 0) -> File:
    """One kind (of one area) in one file; `back` months before the newest roster."""
    is_monthly = contracts.load().kinds[kind].period == "month"
    period = months_before(stage.bureau.period(code), back) if is_monthly else None
    district, words = stage.bureau.districts[code], f"{area}{_TITLES[kind]}"
    month = f"{period.year}年{period.month}月" if period else ""
    sheet_name = month if period and style.period == "sheet" else "Sheet1"
    name = f"{words}查询" if period else words
    if period and style.period == "file":
        name += f"_{month}" if style.suffix == ".csv" else f"_{period:%Y%m}"
    folder = month if style.name == "numbers_as_text" else ""
    if back:
        folder = _earlier(period) if period else ""
    title = f"{district}{words}名册" + (f"({month})" if period and style.period == "title" else "")
    sheet = Sheet(kind, sheet_name, title, columns, period)
    return File(code, name + style.suffix, style, [sheet], district, folder)


def _by_township(stage: Stage, code: str, style: Style, own: dict[str, dict[str, Array]], back: int) -> File:
    """Households and persons of dibao in one workbook, two sheets per township."""
    period, district = months_before(stage.bureau.period(code), back), stage.bureau.districts[code]
    sheets = []
    for place in stage.bureau.places[code, AREAS[0]]:
        for kind, word in (("dibao_household", "家庭"), ("dibao_person", "人员")):
            chosen = np.flatnonzero(own[kind]["_township"] == place.township)
            if len(chosen):
                title = f"{district}{place.township}低保{word}名册({period.year}年{period.month}月)"
                sheets.append(Sheet(kind, f"{place.township}{word}", title, _take(own[kind], chosen), period))
    return File(code, f"低保家庭和人员_分乡镇{style.suffix}", style, sheets, district, _earlier(period) if back else "")


def _earlier(period: date) -> str:
    """The folder for a month that is over."""
    return f"往月/{period.year}年{period.month}月"


def in_order(columns: dict[str, Array], chosen: Array) -> dict[str, Array]:
    """The chosen rows by township, members of a household together, otherwise in their order."""
    townships, groups = columns["_township"][chosen], columns["_group"][chosen]
    order: Sequence[int] = sorted(range(len(chosen)), key=lambda n: (townships[n], groups[n]))
    return _take(columns, chosen[np.array(order, dtype=np.int64)])


def _take(columns: dict[str, Array], positions: Array) -> dict[str, Array]:
    return {name: column[positions] for name, column in columns.items()}
