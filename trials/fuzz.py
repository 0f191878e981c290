"""A search for files that the reader does not survive in order: good files, spoilt at random, through the very doors of a night.

Every third file is a good list of text as another program would have written it (`generate.programs`): what is accepted
of it must have stood in the list, cell by cell, and nobody may be lost unsaid. The others are good files with random faults.
A finding is what docs/bad_input.md forbids: an error of ours that reaches the caller, a child that a fault of ours ended, more
time than the limits give, rows that do not add up, somebody or something that the good file does not hold, a reason in
words of ours. A finding's file is kept; its cure is a case in tests/test_findings.py.
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
import unicodedata
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from low_income import checks, generate, returns, warehouse
from low_income.ask.check_file import check_file
from low_income.generate import programs
from low_income.model import ConfigError, MonitorError, Refusal
from low_income.reading import delimited, layout
from low_income.reading.grid import Refused
from low_income.settings import contracts
from low_income.settings.home import Home

LIMIT_SECONDS = 60
WHOLE_EVERY = 4
"""Of the files that are read, one in so many goes on through checks and the annotated copy, which take far longer."""
PROGRAMS_EVERY = 3
"""Of the files, one in so many is a list as another program would have written it."""
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
_LEAST_HEADER = 3
_INTERNAL = re.compile(r"\w*(?:Error|Exception|Panic)\w*|\.(?:py|rs)\b|Traceback|\bNone\b|\bnan\b")
"""Words of ours, which nobody who sends files understands."""
_HAN = re.compile(r"[\u4e00-\u9fff]")
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
        lists = _lists(seeds)
        done = 0
        while time.monotonic() < ends and (most is None or done < most):
            if lists and rng.randrange(PROGRAMS_EVERY) == 0:
                stem, lines, good_list = rng.choice(lists)
                kind = rng.choice(sorted(programs.PROGRAMS))
                written = programs.PROGRAMS[kind](rng, lines)
                spoilt, path = written.data, Path(folder) / f"{done}{written.suffix}"
                path.write_bytes(spoilt)
                started = time.monotonic()
                outcome, fault = compare(path, f"{stem}{written.suffix}", written, good_list(), kind)
            else:
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
            on_step(f"已试 {done} 个文件，发现 {len(findings)} 处", done, most or 0)
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
                told = check_file(home, path, None, _DAY)
                if any(kind["accepted"] + kind["set_aside"] != kind["read"] for kind in told["kinds"]):
                    return "judged", "unbalanced"
                codes = ["judged"]
        except MonitorError as error:
            return "error", f"{type(error).__name__} {_place(error)}"
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            return "error", f"{type(error).__name__} {_place(error)}"
    return "+".join(codes), None


# Lists as other programs write them ------------------------------------------------------------------------------


@dataclass
class _Judged:
    """What became of a file: per kind its month, how many rows were read, and those accepted; and how it was refused."""

    lists: dict[str, tuple[str | None, int, list[dict[str, Any]]]] = field(default_factory=dict)
    refused: list[tuple[str | None, Refusal]] = field(default_factory=list)
    numbers: set[str] = field(default_factory=set)
    """Of people, as they stand in the text of the good list."""
    is_balanced: bool = True
    returned: list[bytes] = field(default_factory=list)
    """The parts of the copy that goes back, where one was asked for."""


def _lists(seeds: Sequence[tuple[str, bytes]]) -> list[tuple[str, programs.Lines, Callable[[], _Judged]]]:
    """(stem of its name, list, what becomes of it as it is) of the seeds that are plain text with a header; judged when first asked."""
    found: list[tuple[str, programs.Lines, Callable[[], _Judged]]] = []
    for name, content in seeds:
        if Path(name).suffix not in (".csv", ".txt"):
            continue
        try:
            grid, _ = delimited.read_delimited(content)
        except Refused:
            continue
        rows = [[grid.text(row, column) for column in range(len(grid.columns))] for row in range(grid.height)]
        header = next((at for at, row in enumerate(rows) if sum(map(bool, row)) >= _LEAST_HEADER), None)
        if header is not None and header + 3 < len(rows):
            lines = programs.Lines(rows[:header], rows[header], rows[header + 1 :])
            found.append((Path(name).stem, lines, cache(partial(judge_good, Path(name).stem, lines))))
    return found


def judge_good(stem: str, lines: programs.Lines) -> _Judged:
    """What becomes of a list that nothing is wrong with."""
    written = programs.plain(lines)
    with tempfile.TemporaryDirectory(prefix="fuzz-good-") as folder:
        path = Path(folder) / f"good{written.suffix}"
        path.write_bytes(written.data)
        judged = _judge(path, f"{stem}{written.suffix}")
    text = "".join(unicodedata.normalize("NFKC", cell) + "\n" for row in lines.all for cell in row)
    judged.numbers |= set(re.findall(r"\d{17}[\dX]", re.sub(r"[ \t']", "", text).upper()))
    return judged


def _judge(path: Path, name: str, *, gives_back: bool = False) -> _Judged:
    """Read and judge one file as on a night, every partner's row included; write its copy that goes back, where that is asked for."""
    known = contracts.load()
    open_doors = known.model_copy(
        update={"kinds": {kind: each.model_copy(update={"door": None}) for kind, each in known.kinds.items()}}
    )
    senders = {sender for kind in known.kinds.values() for sender in kind.senders}
    with tempfile.TemporaryDirectory(dir=path.parent) as folder, warehouse.in_memory() as con:
        work = Path(folder)
        readings = layout.read_file(path, name, "", senders, work)
        judged = _Judged(refused=[(each.kind, each.refusal) for each in readings if each.refusal])
        parts = [
            checks.Part(f"s{at}", "", str(reading.kind), "g", path.name, at, reading)
            for at, reading in enumerate(readings)
            if reading.refusal is None and reading.kind
        ]
        around = checks.CheckContext(_DAY, bytes(32), lambda texts: {text: [("", text)] for text in texts})
        verdicts = checks.judge_parts(con, open_doors, parts, around, work) if parts else []
        for part, verdict in zip(parts, verdicts, strict=True):
            judged.is_balanced &= verdict.rows_accepted + verdict.rows_set_aside == verdict.rows_read
            accepted = work / part.kind / f"{part.submission_id}.parquet"
            rows = pq.read_table(accepted).to_pylist() if accepted.exists() else []
            judged.lists[part.kind] = part.reading.period, verdict.rows_read, rows
        if gives_back:
            summaries = [
                returns.SubmissionSummary(
                    known.kinds[part.kind].title, part.reading, verdict.rows_read, verdict.rows_accepted, verdict.rows_set_aside,
                    verdict.rows_out_of_scope, "accepted",
                )
                for part, verdict in zip(parts, verdicts, strict=True)
            ]  # fmt: skip
            issues = pd.concat([verdict.issues for verdict in verdicts]) if verdicts else pd.DataFrame()
            if summaries:
                returns.write(path, name, work / "copy.xlsx", summaries, issues)
                with zipfile.ZipFile(work / "copy.xlsx") as copy:
                    judged.returned = [copy.read(part) for part in copy.namelist()]
    return judged


def compare(path: Path, name: str, written: programs.Written, good: _Judged, kind: str) -> tuple[str, str | None]:
    """(what became of a good list as some program wrote it, what is wrong with that); the file lies at `path`."""
    try:
        judged = _judge(path, name, gives_back=bool(written.never_returned))
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return "error", f"{type(error).__name__} {_place(error)}"
    fault = wrong(judged, good, written.keeps_rows)
    if any(written.never_returned in part for part in judged.returned):
        fault = fault or "what is never received goes back"
    outcomes = {*judged.lists, *(refusal.code for _, refusal in judged.refused)}
    return "+".join(sorted(outcomes)), fault and f"{kind}: {fault}"


def wrong(judged: _Judged, good: _Judged, keeps_rows: bool) -> str | None:
    """What of a list should not have become of it; None when all is in order. Names no value."""
    for _, refusal in judged.refused:
        said = f"{refusal.reason} {refusal.fix}"
        if _INTERNAL.search(said) or not _HAN.search(refusal.reason) or not _HAN.search(refusal.fix):
            return f"words of ours in a reason ({refusal.code})"
    if not judged.is_balanced:
        return "unbalanced"
    for kind, (period, read, rows) in judged.lists.items():
        if kind not in good.lists:
            return f"another kind ({kind})"
        its_period, its_read, its_rows = good.lists[kind]
        if period != its_period:
            return "another month"
        fault = _wrong_count(read, its_read, keeps_rows) or _wrong_row(kind, rows, its_rows, good.numbers)
        if fault:
            return fault
    return None


def _wrong_count(read: int, good: int, keeps_rows: bool) -> str | None:
    if read > good:
        return "rows invented"
    return "rows lost unsaid" if keeps_rows and read < good else None


def _wrong_row(
    kind: str, rows: Sequence[dict[str, Any]], good: Sequence[dict[str, Any]], numbers: set[str]
) -> str | None:
    """A person, or a value, that the good list does not hold; a cell that became unknown is none."""
    known = contracts.load().kinds[kind]
    of_person: dict[str | None, list[dict[str, Any]]] = {}
    for row in good:
        of_person.setdefault(row[known.person.id_number], []).append(row)
    for row in rows:
        number = row[known.person.id_number]
        if number not in of_person and number not in numbers:
            return "somebody invented"
        differing: list[list[str]] = [
            sorted(name for name in known.columns if row.get(name) not in (None, twin.get(name)))
            for twin in of_person.get(number, [])
        ]
        if differing and all(differing):
            return f"another value ({', '.join(sorted(differing)[0])})"
    return None


def _place(error: BaseException) -> str:
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if {"low_income", "trials"} & set(Path(frame.filename).parts)
    ]
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
