"""Measures with rapidfuzz how alike two records of one name are, and says it in words.

It decides nothing. A person decides, and must see at a glance why the pair was offered.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist

GROUNDS = {
    "number": "姓名、出生日期相同",
    "beginning": "姓名和号码前15位相同，只有这一个人",
    "phone": "姓名、出生日期、联系电话都相同",
}
"""Ground of a pair (registry.suggestion_pair) → what it says."""
_WEIGHT = {"number": Decimal("0.30"), "beginning": Decimal("0.30"), "phone": Decimal("0.25")}
_NUMBER_WEIGHT = Decimal("0.45")
_FAR = 3


def edits(left: Sequence[str | None], right: Sequence[str]) -> np.ndarray:
    """Number of edits between the two numbers of each pair: a character added, left out or changed, or two neighbours swapped.

    Gives an array of integers; 3 stands for more than two edits, and for an unknown number.
    """
    if not left:
        return np.empty(0, dtype=np.int64)
    texts = [text or "" for text in left]
    found = cpdist(texts, right, scorer=OSA.distance, score_cutoff=_FAR - 1, dtype=np.int64)
    return np.where([text == "" for text in texts], _FAR, np.minimum(found, _FAR))


def score(grounds: Collection[str], distance: int) -> Decimal:
    """A score from 0 to 1 with two decimals: what agrees beside the name, and how near the numbers are (`edits`)."""
    near = {0: Decimal(1), 1: Decimal("0.9"), 2: Decimal("0.5")}.get(distance, Decimal(0))
    agreed = sum((_WEIGHT[ground] for ground in grounds), Decimal(0))
    return min(Decimal(1), agreed + _NUMBER_WEIGHT * near).quantize(Decimal("0.01"))


def reason(grounds: Collection[str], left: str | None, right: str) -> str:
    """One Chinese sentence without a digit of either number."""
    # A pair that agrees in the telephone number agrees in name and birth date too.
    told = set(grounds) - ({"number"} if "phone" in grounds else set())
    said = "；".join(text for ground, text in GROUNDS.items() if ground in told)
    return f"{said}；{_difference(left, right)}"


def _difference(left: str | None, right: str) -> str:
    if not left:
        return "这一行没有号码"
    if left == right:
        return "号码逐位相同，但单元格存成了数字，不能作准"
    if len(left) != len(right):
        word = "少了一位" if len(left) < len(right) else "多了一位"
        return f"号码{word}" if OSA.distance(left, right) == 1 else f"号码长短不同（{len(left)}位和{len(right)}位）"
    apart = [at for at in range(len(left)) if left[at] != right[at]]
    if len(apart) == 1:
        return f"号码只有第{apart[0] + 1}位不同"
    if len(apart) == 2 and OSA.distance(left, right) == 1:
        return f"号码第{apart[0] + 1}、{apart[1] + 1}位互换了"
    return f"号码有{len(apart)}位不同"
