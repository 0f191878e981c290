"""Rules for parts, corrections and repeats: what a delivery is to those already taken. Pure functions.

Files of one unit, kind and period are the parts of one roster. `period` is '' for kinds without one, so survey and
monitoring have one list per unit. "Later" means by (night, order within the night), which `received_seq` holds.

    the same bytes again, whichever the name        repeated: counted once
    kinds that add by key                           a further part, always
    the same name, received later                   replaces the part of that name
    the same name, received earlier                 superseded: the older never replaces the newer
    another name, the same night                    a further part
    another name, a later night, people in common    more than half: refused, with the question which of the two holds
                                                    half or less: a further part

Another period is another roster: both stay. See docs/sources.md (parts and corrections), docs/identity.md (duplicates).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Literal

from low_income import advice

Replace = Literal["period", "unit", "key"]
"""As `Kind.replace`: `key` adds row by row and never replaces a delivery, the others replace part by part."""

HALF = Fraction(1, 2)
UNREAD = "以前收下过"
"""First words of the reason of a part in force that could not be read again: its rows stay as they were accepted."""
BROKE = "我们的程序处理不了这一份"
"""First words of the reason of a submission that is held because judging or building fails on it: our fault, not the sender's."""
_ENDING = re.compile(
    r"(?:\.(?:f?ods|ots|ett?|xlsb|xl[tm]|xltx|xltm|xlam|numbers|docx?|wps|odt|rtf|pdf|ofd|html?|mht|mhtml|xml|jpe?g|png|bmp|tiff?))?"
    r"(?:\.(?:xlsx|xlsm|xls|csv|txt|dbf))?$"
)
"""File name endings that `part_name` drops: of files that their sender must save as .xlsx (it may be added), and of lists that are read."""


@dataclass(frozen=True)
class Delivery:
    """One submission as the rules see it: an earlier one (accepted, in part or whole, or waiting), or the new one."""

    submission_id: str
    unit_code: str
    kind: str
    period: str
    night: date
    received_seq: int
    file_name: str
    sha256: str
    is_held: bool = False
    """It waits for the data officer, or to be judged: it is known, but no part yet."""


@dataclass(frozen=True)
class Arrangement:
    """What a new delivery is, the ids of the deliveries that this is about, and what its sender is told (Chinese, or '')."""

    outcome: Literal["repeated", "part", "replaces", "superseded", "asks"]
    ids: tuple[str, ...] = ()
    reason: str = ""
    fix: str = ""


def part_name(file_name: str) -> str:
    """The name that makes files versions of one part: without ending and case, since .xls, .csv and .ods may come again as .xlsx."""
    return _ENDING.sub("", unicodedata.normalize("NFKC", file_name).casefold())


def superseded_by(deliveries: Iterable[Delivery], replace: Replace) -> dict[str, str]:
    """Superseded submission → the one that replaced it: among parts of one name, the next later one."""
    names: dict[tuple[str, str, str, str], list[Delivery]] = {}
    if replace != "key":
        for delivery in deliveries:
            if not delivery.is_held:
                names.setdefault((*_roster(delivery), part_name(delivery.file_name)), []).append(delivery)
    later_of: dict[str, str] = {}
    for same_name in names.values():
        same_name.sort(key=_order)
        later_of |= {old.submission_id: new.submission_id for old, new in pairwise(same_name)}
    return later_of


def answered_by(held: Iterable[Delivery], taken: Sequence[Delivery]) -> dict[str, str]:
    """Held delivery → the first later one of the same name that was taken."""
    found = {}
    for waiting in held:
        name = part_name(waiting.file_name)
        later = [each for each in taken if part_name(each.file_name) == name and _order(each) > _order(waiting)]
        if later:
            found[waiting.submission_id] = min(later, key=_order).submission_id
    return found


def is_shrunken(rows: int, before: int, *, more_than_share: Decimal, more_than_rows: int) -> bool:
    """Whether a roster lost so many rows since the last one that it must be asked about; both limits must be exceeded (docs/bad_input.md)."""
    gone = before - rows
    return gone > more_than_rows and gone > before * more_than_share


def is_asked_about(question: str, file_name: str) -> bool:
    """Whether a question of `arrange` about which of two files holds names this file."""
    return f"《{file_name}》" in question


def rivals(new: Delivery, existing: Sequence[Delivery], replace: Replace) -> list[Delivery]:
    """The parts in force for which `arrange` needs the overlap, sorted; none when hash, name and night decide."""
    roster = _others_of_roster(new, existing)
    if (
        replace == "key"
        or any(delivery.sha256 == new.sha256 for delivery in roster)
        or any(
            part_name(delivery.file_name) == part_name(new.file_name) and not delivery.is_held for delivery in roster
        )
    ):
        return []
    gone = superseded_by(roster, replace)
    return [
        delivery
        for delivery in roster
        if not delivery.is_held and delivery.submission_id not in gone and delivery.night < new.night
    ]


def arrange(
    new: Delivery, existing: Sequence[Delivery], replace: Replace, overlaps: Mapping[str, float | Fraction]
) -> Arrangement:
    """What `new` is to the deliveries already taken.

    `overlaps`: submission_id of each of `rivals(…)` → people in common as a share (0…1) of the smaller of the two
    lists. Raises KeyError when one is missing.
    """
    roster = _others_of_roster(new, existing)
    for old in roster:
        if old.sha256 == new.sha256:
            return Arrangement("repeated", (old.submission_id,), f"与{_called(old)}内容完全相同，只计一次")
    if replace == "key":
        return Arrangement("part")
    same_name = [old for old in roster if part_name(old.file_name) == part_name(new.file_name) and not old.is_held]
    for later in same_name:
        if _order(later) > _order(new):
            return Arrangement("superseded", (later.submission_id,), f"之后收到的{_called(later)}已替换它")
    if same_name:
        return Arrangement("replaces", (same_name[-1].submission_id,), f"替换{_called(same_name[-1])}")
    asks = [old for old in rivals(new, existing, replace) if overlaps[old.submission_id] > HALF]
    if asks:
        called = "、".join(_called(old) for old in asks)
        return Arrangement(
            "asks",
            tuple(old.submission_id for old in asks),
            f"与{called}有一半以上的人员相同，文件名却不同，分不清以哪一份为准",
            advice.name_which_holds([_in_place_of(old, new) for old in asks]),
        )
    return Arrangement("part")


def _roster(delivery: Delivery) -> tuple[str, str, str]:
    return delivery.unit_code, delivery.kind, delivery.period


def _order(delivery: Delivery) -> tuple[int, str]:
    return delivery.received_seq, delivery.submission_id


def _others_of_roster(new: Delivery, existing: Iterable[Delivery]) -> list[Delivery]:
    others = (old for old in existing if _roster(old) == _roster(new) and old.submission_id != new.submission_id)
    return sorted(others, key=_order)


def _in_place_of(old: Delivery, new: Delivery) -> str:
    """The name under which the new file replaces the old one: the old name with the new file's ending."""
    own = PurePosixPath(new.file_name).suffix or PurePosixPath(old.file_name).suffix
    return re.sub(_ENDING.pattern, "", old.file_name, flags=re.IGNORECASE) + own


def _called(delivery: Delivery) -> str:
    return f"{delivery.night.isoformat()}收到的《{delivery.file_name}》"
