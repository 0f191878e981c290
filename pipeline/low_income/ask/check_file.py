"""Judges one file without taking it in (`monitor check`)."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from low_income.model import SEVERITIES, MonitorError, Reading, column_letter, legible, mask
from low_income.night.give_back import join_issues, mark
from low_income.night.read import places_of_others
from low_income.reading.endings import READ
from low_income.records.ledger import shown_name
from low_income.settings import contracts
from low_income.settings.home import KEY_BYTES, Home, Limits

_LONGEST_NAME = 255


def check_file(home_dir: Path | None, file: Path, unit_code: str | None, day: date) -> dict[str, Any]:
    """Judge one file without taking it in. The marked copy is written beside it.

    Without a unit, neither the sender nor its townships are checked. Without a home (a clerk's own computer), townships are
    not known at all. All rows of a partner are judged, without a door, since nothing is kept.

    Raises MonitorError for an unknown unit, for a path that is no readable file, and for a folder that cannot be written.
    """
    from low_income import checks, returns, warehouse  # noqa: PLC0415 - brings pandas, lxml and the readers
    from low_income.reading import layout  # noqa: PLC0415 - brings pandas, lxml and the readers

    home = Home.open(home_dir) if home_dir else None
    units = home.units if home else {}
    if unit_code is not None and unit_code not in units:
        choice = f"可选：{'、'.join(units)}" if units else "这里没有数据目录（--home），不写 --unit 就能检查"
        raise MonitorError(f"没有“{unit_code}”这个单位。{choice}")
    if not file.is_file() or not os.access(file, os.R_OK) or not os.access(file.parent, os.W_OK):
        raise MonitorError(f"“{shown_name(file.name)}”不是可以读取的文件，或者它所在的文件夹不能写入检查结果")
    known = contracts.load()
    senders = {sender for kind in known.kinds.values() for sender in kind.senders}
    if unit_code:
        senders = {unit_code, units[unit_code].kind}
    target = file.with_name(_cut_to_fit(_apart_from_its_like(file), ".检查结果.xlsx"))
    if home:
        home.work.mkdir(mode=0o700, exist_ok=True)
    scratch = home.work if home else None
    with tempfile.TemporaryDirectory(dir=scratch, prefix="check-") as folder, warehouse.in_memory(Path(folder)) as con:
        work = Path(folder)
        allowed = home.settings.limits if home else Limits()
        readings = layout.read_file(
            file, file.name, unit_code or "", senders, work,
            places=places_of_others(home, units[unit_code]) if home and unit_code else None,
            memory_mb=allowed.memory_mb, seconds=allowed.seconds,
        )  # fmt: skip
        taken = [reading for reading in readings if reading.refusal is None and reading.kind]
        parts = [
            checks.Part(f"check{n}", unit_code or "", str(reading.kind), "check", file.name, n, reading)
            for n, reading in enumerate(taken)
        ]
        open_doors = known.model_copy(
            update={"kinds": {name: kind.model_copy(update={"door": None}) for name, kind in known.kinds.items()}}
        )
        # Ids only tell people apart within this one file, so without a home any key will do.
        key = home.identity_key() if home else secrets.token_bytes(KEY_BYTES)
        context = checks.CheckContext(day, key, home.places if home and unit_code else _anywhere(home))
        verdicts = checks.judge_parts(con, open_doors, parts, context, work) if parts else []
        found = {part.submission_id: part.reading for part in parts}
        summaries = [
            returns.SubmissionSummary(
                kind_title=known.kinds[str(found[each.submission_id].kind)].title, reading=found[each.submission_id],
                rows_read=each.rows_read, rows_accepted=each.rows_accepted, rows_set_aside=each.rows_set_aside,
                rows_out_of_scope=each.rows_out_of_scope, reason="", notices=found[each.submission_id].notices,
                status="checked",
            )
            for each in verdicts
        ]  # fmt: skip
        refusals = [reading.refusal for reading in readings if reading.refusal]
        only_asked = ["只是检查，什么都没有收下。"] if not verdicts else []
        told = [
            returns.SubmissionSummary(
                kind_title=known.kinds[reading.kind].title if reading.kind else "", reading=reading, rows_read=0,
                rows_accepted=0, rows_set_aside=0, rows_out_of_scope=0, status="refused", notices=only_asked,
            )
            for reading in readings if reading.refusal
        ]  # fmt: skip
        faults = [each.issues for each in verdicts]
        not_marked: list[str] = []
        if verdicts or any(reading.comes_back for reading in readings):
            not_marked += mark([(file, file.name, target, [*summaries, *told], join_issues(faults), None)]).values()
        elif refusals:
            returns.write_receipt(target, file.name, refusals[0], is_taken=False)
    unknown = [
        f"标注时我们的程序出了错，检查结果里只有问题清单；请告诉数据员（给开发者：{fault}）"
        for fault in not_marked
        if fault
    ]
    unknown += [] if home else ["这里没有数据目录：街道（乡镇）是不是本地的没有核对，其余都检查了"]
    all_faults = join_issues(faults)
    groups = all_faults.groupby(["severity", "rule", "fix"], sort=True)
    to_do = [
        {
            "severity": severity, "fix": fix, "cells": len(group), "header": group["header"].iloc[0],
            "what": mask(legible(returns.what_to_do(group["header"].iloc[0], group["value"].tolist(), str(fix), str(rule)))),
        }
        for (severity, rule, fix), group in groups
    ]  # fmt: skip
    return {
        "file": str(file),
        "annotated": str(target) if verdicts or refusals else "",
        "not_examined": "" if verdicts or refusals else _not_examined(readings),
        "recognised": [
            line for reading in readings if reading.kind for line in _recognised(reading, known.kinds[reading.kind])
        ],
        "refused": [asdict(each) for each in refusals],
        "kinds": [
            {
                "title": each.kind_title,
                "read": each.rows_read,
                "accepted": each.rows_accepted,
                "set_aside": each.rows_set_aside,
            }
            for each in summaries
        ],
        "notices": sorted({notice for reading in readings for notice in reading.notices} | set(unknown)),
        "must_fix": int(all_faults["severity"].eq("must_fix").sum()),
        "to_do": sorted(to_do, key=lambda one: (SEVERITIES.index(one["severity"]), -one["cells"], one["what"])),
    }


def _apart_from_its_like(file: Path) -> str:
    """The beginning of the copy's name: the file's name without ending, or with it when a file beside differs only in the ending."""
    like = [file.with_suffix(ending).name.casefold() for ending in READ if ending != file.suffix.lower()]
    return file.name if any(each.name.casefold() in like for each in file.parent.iterdir()) else file.stem


def _not_examined(readings: Sequence[Reading]) -> str:
    """For a file of ours that is no list by itself: what it is, and when it is examined, in Chinese."""
    if any(reading.correction for reading in readings):
        return "这是更正表，这里不能检查：放进收件箱，当夜并进原来的名单以后才查"
    return "这里面只有“问题清单”，没有名单可以检查：填好的确认放进收件箱，当夜采用"


def _cut_to_fit(stem: str, ending: str) -> str:
    """A name of at most 255 bytes, the longest that a folder allows."""
    room = _LONGEST_NAME - len(ending.encode())
    return os.fsencode(stem)[:room].decode("utf-8", "ignore") + ending


def _recognised(reading: Reading, kind: contracts.Kind) -> list[dict[str, Any]]:
    """Per sheet: the kind and why, and for each column its header, field, alias and unit."""
    return [
        {
            "sheet": sheet.sheet, "kind": kind.name, "title": kind.title, "period": reading.period, "why": sheet.why,
            "columns": [
                {
                    "column": column_letter(use.column), "header": use.header, "field": use.field,
                    "title": kind.columns[use.field].header, "alias": use.alias, "unit": use.unit,
                }
                for use in sheet.columns
            ],
            "unused": sheet.unused, "never_received": [header for _, header in sheet.refused_columns],
            "rows": sheet.rows_read, "rows_left_out": sheet.rows_left_out, "hidden_rows": sheet.hidden_rows,
        }
        for sheet in reading.sheets
    ]  # fmt: skip


def _anywhere(home: Home | None) -> Callable[[Iterable[str]], dict[str, list[tuple[str, str]]]]:
    """Lookup of places when the sender is not known: a known township of any division is right; without a home, any text is."""

    def places(texts: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
        if home is None:
            return {text: [("", text)] for text in texts}
        return {text: [("", found[0][1])] if found else [] for text, found in home.places(texts).items()}

    return places
