"""A small bureau whose rosters come in several files."""

from __future__ import annotations

from pathlib import Path

from tests.decision_kit import HOUSEHOLD, MEMBER, TEKUN
from tests.night_kit import PERSON, book, few_divisions, new_home, number, person

POOR = {"甲": 11, "乙": 13, "丙": 15}


NOT_IN = "select subject_name from warning where rule_code = 'A01' and status <> 'closed' order by subject_name"


def dibao(*serials: int, month: str = "2026-10") -> list[tuple[str, ...]]:
    return [(person(serial)[0], number(serial), number(serial), "户主", "100", month) for serial in serials]


def bureau(root: Path) -> Path:
    """A division with three poor surveyed households, and rosters of tekun and edge on which none of them stands."""
    home = few_divisions(new_home(root))
    inbox = home / "inbox/d01"
    who = [(f"H{serial}", f"某{name}", number(serial)) for name, serial in POOR.items()]
    book(inbox / "摸底户.xlsx", HOUSEHOLD, [(*each, "1", "城市", "3000", "是", "2026-10-12") for each in who])
    book(inbox / "摸底人.xlsx", MEMBER, [(*each, "户主") for each in who])
    book(inbox / "特困.xlsx", TEKUN, [("某丑", number(903), "集中", "全自理", "900", "2020-01", "2026-10")])
    book(inbox / "边缘.xlsx", PERSON, [person(905)])
    return home
