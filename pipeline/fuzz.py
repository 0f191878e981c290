"""A search for files that the reader does not survive in order: good files, spoilt at random, through the very doors of a night.

A finding is what bad-input.md forbids: an error of ours that reaches the caller, a child that a fault of ours ended, more
time than the limits give, rows that do not add up. A finding's file is kept; its cure is a case in tests/test_findings.py.
Equal seed and corpus give equal files in equal order, however fast the machine.
"""

from __future__ import annotations

import hashlib
import io
import random
import re
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pipeline import contracts, generate, run
from pipeline.home import Home
from pipeline.model import ConfigError, MonitorError
from pipeline.reading import layout

LIMIT_SECONDS = 60
WHOLE_EVERY = 4
"""Of the files that are read, one in so many goes on through checks and the annotated copy, which take far longer."""
_PEOPLE = 300
_DAY = date(2026, 10, 31)
_LARGEST = 400_000
"""Bytes of a file worth spoiling: larger ones only cost time."""
_NASTY = (
    b"", b"\0", b"\xff", b"-1", b"0", b"1048577", b"2147483648", b"99999999999999999999", b"1e309", b"NaN", b"XFD1048576",
    b"A0", b"A1:XFD1048576", b"<", b"&", b"]]>", b"&#0;", b"&#x110000;", b"\xed\xa0\x80", b"\xc0\x80", b"=1+1", b"'", b'"',
    b"\xef\xbb\xbf", b"\xff\xfe", "姓名".encode(), "姓名".encode("gb18030"), b"../../x", b"r:id", b"true", b" " * 5000,
)  # fmt: skip
_VALUE = re.compile(rb'(="[^"]{0,40}")|(>[^<]{1,40}<)')
_TAG = re.compile(rb"<[^>]{1,200}>")


def search(
    minutes: float, *, seed: int = 1, corpus: Path | None = None, keep: Path, most: int | None = None,
    on_step: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> dict[str, Any]:  # fmt: skip
    """Spoil and read files for so many minutes, or `most` of them; returns counts by outcome and the findings.

    Args:
        minutes: how long.
        seed: of the spoiling.
        corpus: a folder of files to spoil; without one, those of an invented bureau.
        keep: where the files of findings are put; made when there are any.
        most: end after so many files.
        on_step: (what is done, files so far, files in all or 0).

    Raises ConfigError when the corpus holds no file.
    """
    rng = random.Random(seed)  # noqa: S311 - no secret: the same files again
    ends = time.monotonic() + minutes * 60
    outcomes: Counter[str] = Counter()
    findings: dict[str, dict[str, Any]] = {}
    slowest = 0.0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        home = Path(folder) / "home"
        Home.create(home)
        seeds = _seeds(corpus, Path(folder) / "bureau")
        done = 0
        while time.monotonic() < ends and (most is None or done < most):
            name, good = rng.choice(seeds)
            spoilt = _spoil(rng, good, [content for _, content in seeds])
            whole = rng.randrange(WHOLE_EVERY) == 0
            path = Path(folder) / f"{done}{Path(name).suffix}"
            path.write_bytes(spoilt)
            started = time.monotonic()
            outcome, fault = _try(home, path, whole)
            took = time.monotonic() - started
            slowest = max(slowest, took)
            if took > LIMIT_SECONDS:
                fault = fault or "slow"
            outcomes[outcome] += 1
            if fault and fault not in findings:
                digest = hashlib.sha256(spoilt).hexdigest()[:12]
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{digest}{path.suffix}").write_bytes(spoilt)
                findings[fault] = {"fault": fault, "file": f"{digest}{path.suffix}", "seconds": round(took, 1)}
            for left in Path(folder).glob(f"{done}*"):
                left.unlink()
            done += 1
            on_step(f"已试 {done} 个文件,发现 {len(findings)} 处", done, most or 0)
    return {
        "files": done, "seeds": len(seeds), "seed": seed, "slowest_seconds": round(slowest, 1),
        "outcomes": dict(sorted(outcomes.items())), "findings": [findings[fault] for fault in sorted(findings)],
    }  # fmt: skip


def _seeds(corpus: Path | None, made: Path) -> list[tuple[str, bytes]]:
    if corpus is None:
        generate.generate(made, people=_PEOPLE, seed=1, day=_DAY)
        corpus = made
    paths = sorted(path for path in corpus.rglob("*") if path.is_file() and 0 < path.stat().st_size <= _LARGEST)
    if not paths:
        raise ConfigError(f"{corpus} 里没有可以用的文件")
    return [(path.name, path.read_bytes()) for path in paths]


def _try(home: Path, path: Path, whole: bool) -> tuple[str, str | None]:
    """(what became of the file, what is wrong with that)."""
    known = contracts.load().kinds.values()
    senders = {sender for kind in known for sender in kind.senders}
    with tempfile.TemporaryDirectory(dir=path.parent) as work:
        try:
            readings = layout.read_file(path, path.name, "", senders, Path(work))
            codes = sorted({reading.refusal.code if reading.refusal else "read" for reading in readings})
            broken = [
                reading.refusal.fault
                for reading in readings
                if reading.refusal and reading.refusal.code == "unreadable"
            ]
            if broken:
                # The name of an exception and its place in our code: the parser's own death by signal is what the child is for.
                named = re.search(r"^(\w*(?:Error|Exception|Iteration)\b.*)$", broken[0])
                return "unreadable", named[1] if named else None
            if whole and "read" in codes:
                told = run.check_file(home, path, None, _DAY)
                if any(kind["accepted"] + kind["set_aside"] != kind["read"] for kind in told["kinds"]):
                    return "judged", "unbalanced"
                codes = ["judged"]
        except MonitorError as error:
            return "error", f"{type(error).__name__} {_place(error)}"
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            return "error", f"{type(error).__name__} {_place(error)}"
    return "+".join(codes), None


def _place(error: BaseException) -> str:
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "pipeline" in frame.filename]
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""


# Spoiling --------------------------------------------------------------------------------------------------------


def _spoil(rng: random.Random, good: bytes, others: Sequence[bytes]) -> bytes:
    """One to four faults; a workbook mostly inside its parts, so that the fault gets past its checksums."""
    if good.startswith(b"PK") and rng.random() < 0.85:
        try:
            return _spoil_zip(rng, good)
        except zipfile.BadZipFile:
            pass  # a seed that is no whole zip is spoilt as bytes
    spoilt = good
    for _ in range(rng.randint(1, 4)):
        spoilt = _spoil_bytes(rng, spoilt, others)
    return spoilt


def _spoil_bytes(rng: random.Random, good: bytes, others: Sequence[bytes]) -> bytes:
    """Bits flipped, or a stretch cut off, cut out, repeated, or replaced."""
    at, size = rng.randrange(len(good) + 1), rng.choice((0, 1, 2, 7, 64, 500))
    way = rng.choice(("flip", "cut", "drop", "repeat", "splice", "marks", "nasty"))
    if way == "flip" and good:
        flipped = bytearray(good)
        for _ in range(rng.choice((1, 3, 20))):
            flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
        return bytes(flipped)
    other = rng.choice(others)
    start = rng.randrange(len(other) + 1)
    new = {
        "repeat": good[at : at + size] * rng.choice((2, 3, 50)),
        "splice": other[start : start + rng.choice((10, 500, 5000))],
        "marks": bytes(rng.choice(b',;\t"\r\n\0=') for _ in range(rng.choice((1, 4, 300)))),
        "nasty": rng.choice(_NASTY),
    }.get(way, b"")
    return good[:at] if way == "cut" else good[:at] + new + good[at + size :]


def _spoil_zip(rng: random.Random, good: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(good)) as package:
        parts = [(entry.filename, package.read(entry)) for entry in package.infolist()]
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(parts))
        name, body = parts[at]
        way = rng.randrange(10)
        if way < 6:
            parts[at] = name, _spoil_xml(rng, body)
        elif way == 6 and len(parts) > 1:
            del parts[at]
        elif way == 7:
            parts.append((rng.choice((name, name.upper(), name.replace("/", "\\"), "/" + name)), body))
        elif way == 8:
            parts[at] = parts[rng.randrange(len(parts))][0], body
        else:
            parts[at] = name, _spoil_bytes(rng, body, [each for _, each in parts])
    made = io.BytesIO()
    with (
        warnings.catch_warnings(action="ignore"),  # of parts written twice, which is what is wanted
        zipfile.ZipFile(made, "w", rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED))) as package,
    ):
        for name, body in parts:
            package.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), body, package.compression)
    return made.getvalue()


def _spoil_xml(rng: random.Random, body: bytes) -> bytes:
    """A value replaced, or a tag dropped, doubled, moved or nested a thousand deep."""
    found = list((_VALUE if rng.random() < 0.6 else _TAG).finditer(body))
    if not found:
        return _spoil_bytes(rng, body, [body])
    hit = rng.choice(found)
    text = hit[0]
    if hit.re is _VALUE:
        new = text[:1] + (b'"' if text.startswith(b"=") else b"") + rng.choice(_NASTY) + text[-1:]
    else:
        new = rng.choice((b"", text * 2, text * 1000, rng.choice(found)[0], b"<!DOCTYPE x [<!ENTITY a 'a'>]>" + text))
    return body[: hit.start()] + new + body[hit.end() :]
