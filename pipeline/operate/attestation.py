"""A signed statement of where a home stood: kept elsewhere, it shows that a whole older copy of the home was put back.

Journal, ledger, archive and releases of one earlier day agree with each other; only what lies outside can tell that they are
old. The statement is JSON, signed with Ed25519; the key is drawn from identity.key, which no change of keys replaces, so
that an old statement can be examined as long as the home lives. See docs/bad_input.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipeline.model import MonitorError
from pipeline.records import keyed_ids, published
from pipeline.records.journal import Entry
from pipeline.settings.home import Home

FORM = "monitor-head-1"
_FIELDS = {"form", "at", "journal", "release", "night", "counts", "public_key", "signature"}
_NEW_RELEASE = {"published", "rolled_back", "recovering", "recovered"}
"""Lines after which another release may be the current one."""


def sign(home: Home, entries: Sequence[Entry], counts: Mapping[str, int], at: datetime) -> str:
    """The statement of a home whose journal is `entries`, as text; `counts` are told as they are."""
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
    """How a home is not what it was, or has not become from it, when the statement was signed; Chinese sentences."""
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
    """What a statement says. Raises MonitorError for one that is another home's, or not as it was signed."""
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
    """Number of the current release, and one digest over all its files."""
    if not home.warehouse.exists():
        return None
    release = home.warehouse.resolve().parent
    files = json.dumps(published.files_of(release), sort_keys=True).encode()
    return {"number": int(release.name), "digest": hashlib.sha256(files).hexdigest()}
