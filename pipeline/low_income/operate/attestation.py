"""Signs a statement of where a home stands. Kept elsewhere, it shows when an older copy of the whole home was put back.

Journal, ledger, archive and releases of one earlier day agree with each other. Only something outside the home can show
that they are old. The statement is JSON, signed with Ed25519. The key is derived from identity.key. A change of keys does not
replace this one, so old statements can be examined as long as the home exists. See docs/bad_input.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from low_income.model import MonitorError
from low_income.records import keyed_ids, published
from low_income.records.journal import Entry
from low_income.settings.home import Home

FORM = "monitor-head-1"
_FIELDS = {"form", "at", "journal", "release", "night", "counts", "public_key", "signature"}
_NEW_RELEASE = {"published", "rolled_back", "recovering", "recovered"}
"""Journal lines after which another release may be the current one."""


def sign(home: Home, entries: Sequence[Entry], counts: Mapping[str, int], at: datetime) -> str:
    """The signed statement of a home with the journal `entries`, as text. `counts` are written as given."""
    key = _key(home)
    nights = [entry.about for entry in entries if entry.what in ("night", "finished")]
    told = {
        "form": FORM, "at": at.astimezone(UTC).isoformat(timespec="seconds"), "release": _current(home),
        "journal": {"lines": len(entries), "hash": entries[-1].hash if entries else ""},
        "night": {"run_date": nights[-1]["run_date"], "state": nights[-1].get("state", "running")} if nights else None,
        "counts": dict(counts), "public_key": key.public_key().public_bytes_raw().hex(),
    }  # fmt: skip
    return json.dumps(told | {"signature": key.sign(_signed(told)).hex()}, ensure_ascii=False, indent=2) + "\n"


def compare(home: Home, entries: Sequence[Entry], statement: bytes) -> list[str]:
    """Chinese sentences when the home is neither in the state of the statement nor a later state of it; [] when it is."""
    try:
        told = _opened(home, statement)
    except MonitorError as problem:
        return [str(problem)]
    lines, when = told["journal"]["lines"], told["at"]
    if lines > len(entries):
        return [
            f"数据目录是更早的一份：{when} 写这份说明时日志有 {lines} 行，现在只有 {len(entries)} 行。请找回那以后的备份"
        ]
    if lines and entries[lines - 1].hash != told["journal"]["hash"]:
        return [
            f"日志换过：第 {lines} 行不是 {when} 写这份说明时的那一行，数据目录放回过更早的一份，或整个另写过。请找回那以后的备份"
        ]
    later = entries[lines:]
    if any(entry.what in _NEW_RELEASE or "releases" in entry.about for entry in later):
        return []
    return [] if told["release"] == _current(home) else [f"当前的一版不是 {when} 写这份说明时的那一版"]


def _opened(home: Home, statement: bytes) -> dict[str, Any]:
    """The content of a statement. Raises MonitorError when it is of another home, or was changed after it was signed."""
    try:
        told = json.loads(statement)
        is_whole = isinstance(told, dict) and set(told) == _FIELDS and told["form"] == FORM
        signature = bytes.fromhex(told.pop("signature")) if is_whole else b""
    except (ValueError, TypeError):
        is_whole = False
    if not is_whole:
        raise MonitorError("这份说明不是 monitor verify --head 写的，或者不完整；请用当时存下的原样")
    key = _key(home).public_key()
    if told["public_key"] != key.public_bytes_raw().hex():
        raise MonitorError(
            "这份说明不是这个数据目录的（或者 identity.key 换过）；请核对拿的是哪一个数据目录的说明，再运行 monitor verify"
        )
    try:
        key.verify(signature, _signed(told))
    except InvalidSignature:
        raise MonitorError("这份说明被改过：签名对不上") from None
    return dict(told)


def _key(home: Home) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(keyed_ids.signing_seed(home.identity_key()))


def _signed(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _current(home: Home) -> dict[str, Any] | None:
    """The number of the current release, and one digest over all its files; None without a release."""
    if not home.warehouse.exists():
        return None
    release = home.warehouse.resolve().parent
    files = json.dumps(published.files_of(release), sort_keys=True).encode()
    return {"number": int(release.name), "digest": hashlib.sha256(files).hexdigest()}
