"""Keyed hashes: stable ids of persons, households, warnings and error lines, which say nothing without the key.

HMAC-SHA256 with the home's identity key. Each sort of thing has its own domain, so hashes of two sorts are never equal.
An id is the same every night and in every rebuild. See docs/identity.md (joining), docs/rules.md (the life of a warning).
"""

from __future__ import annotations

import hmac
import json
import re
import unicodedata
from collections.abc import Iterable
from datetime import date

from low_income.folding import COMPATIBLE, DOTS, INVISIBLE, PLAIN_HAN, matches_fully, replace_all, translate, visible
from low_income.model import ConfigError

_NUMBER = re.compile(r"[0-9]{17}[0-9X]")


def person_id(key: bytes, id_number: str) -> str:
    """64 hex digits for a verified or upgraded 18-character number. Raises ValueError for another shape."""
    return person_ids(key, [id_number])[id_number]


def person_ids(key: bytes, numbers: Iterable[str]) -> dict[str, str]:
    """Number → person_id, for verified or upgraded numbers. Raises ValueError when one has another shape."""
    _validate_key(key)
    found = {}
    for number in numbers:
        if not _NUMBER.fullmatch(number):
            raise ValueError("only an 18-character number identifies a person")
        found[number] = hmac.digest(key, b"person\0" + number.encode(), "sha256").hex()
    return found


def household_id(key: bytes, head_person_id: str) -> str:
    """64 hex digits for the household that a person heads."""
    return _keyed(key, "household", head_person_id)


def provisional_id(
    key: bytes, dataset_group: str, unit_code: str, household: str, name: str, birth_date: str | None, turn: int
) -> str:
    """64 hex digits for a member without a number; valid in one household, of one unit and dataset group, only.

    `household` is the head's number, or the list's own household number; `name` is a `name_key`; `turn` tells apart
    members for whom all else is equal. No other dataset group or unit, and no ID number, ever gives the same id.
    """
    return _keyed(key, "provisional", dataset_group, unit_code, household, name, birth_date, turn)


def warning_id(key: bytes, rule_code: str, subject_id: str, first_seen_on: date) -> str:
    """64 hex digits for one episode of a warning, which is named by the night on which it began."""
    return _keyed(key, "warning", rule_code, subject_id, first_seen_on.isoformat())


def key_check(key: bytes) -> str:
    """64 hex digits that differ from key to key, and say nothing else about the key."""
    return _keyed(key, "check")


def signing_seed(key: bytes) -> bytes:
    """32 bytes from which the signing key of attestations is made (`low_income.operate.attestation`)."""
    return bytes.fromhex(_keyed(key, "statement"))


def draw_salt(key: bytes, week_start: date) -> str:
    """64 hex digits by which the random sample of a week is drawn. Without the key nobody can predict the sample."""
    return _keyed(key, "draw", week_start.isoformat())


def issue_id(key: bytes, unit_code: str, kind: str, rule: str, *about: str | int | None) -> str:
    """64 hex digits for one fault, the same on every night that finds it.

    `about` names what is at fault, so that a moved row or a corrected file keeps the id: for a cell its field and a hash
    of whose row it is; for a whole file its period and part name. The hash is keyed, since `about` may be personal.
    """
    return _keyed(key, "issue", unit_code, kind, rule, *about)


def _keyed(key: bytes, domain: str, *parts: str | int | None) -> str:
    _validate_key(key)
    return hmac.digest(key, f"{domain}\0{_written(parts)}".encode(), "sha256").hex()


_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""One encoder for all calls: `json.dumps` would make one each time, and a bad list has a hundred thousand lines."""


def _validate_key(key: bytes) -> None:
    if len(key) < 16:
        raise ConfigError("身份密钥太短（至少16字节），请检查 keys 文件夹")


# Names, for comparison only ---------------------------------------------------------------------------------------

_DROPPED = frozenset(DOTS)
_COMPATIBLE = str.maketrans(COMPATIBLE)


def name_key(name: str) -> str:
    """A name without dots and blanks, half-width, upper case (A to Z): equal for two spellings of one name."""
    # Twice: composing may produce a dot, and the characters on its two sides may then compose.
    folded = name.translate(_COMPATIBLE)
    for _ in range(2):
        kept = "".join(char for char in visible(folded) if char not in _DROPPED)
        folded = unicodedata.normalize("NFC", kept)
    return folded.translate(_UPPER)


def name_key_sql(column: str) -> str:
    """The same as `name_key`, as an SQL expression over a VARCHAR column (quoted by the caller where needed)."""
    folded = translate(column, COMPATIBLE)
    for _ in range(2):
        folded = f"nfc_normalize({replace_all(folded, f'[{INVISIBLE}{DOTS}]+')})"
    slow = f"translate({folded}, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')"
    return f"case when {matches_fully(column, f'[{PLAIN_HAN}]+')} then {column} else {slow} end"


_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
