"""Lists on a desk: what the checks say of their rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from low_income import checks
from low_income.checks import door
from low_income.model import ColumnUse, Reading, SheetReading
from low_income.settings import contracts
from low_income.settings.contracts import NUMBER_SENSITIVE

NIGHT = date(2026, 10, 31)


KEY = b"k" * 32


def number(serial: int, born: str = "19860501", *, male: bool = True) -> str:
    """A valid invented number; `serial` up to 499."""
    first = f"990101{born}{serial * 2 + male:03d}"
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    return first + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(first, weights, strict=True)) % 11]


def places(texts: Any) -> dict[str, list[tuple[str, str]]]:
    known = {
        "北营镇": [("d01", "北营镇")],
        "北营": [("d01", "北营镇")],
        "东湾镇": [("d02", "东湾镇"), ("d03", "东湾镇")],
    }
    return {text: known.get(text, []) for text in texts}


POLICY = {
    "medical_threshold_other_fen": 1_500_000, "severe_disability_window": 90, "disaster_window": 60,
    "disaster_loss_minimum_fen": 500_000,
}  # fmt: skip


class Desk:
    """Puts rows into raw Parquet as the reader does, and has them judged."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.accepted = folder / "accepted"
        self.parts: list[checks.Part] = []

    def part(
        self,
        kind: str,
        rows: Sequence[dict[str, Any]],
        unit: str = "d01",
        group: str = "g",
        numeric: Sequence[str] = (),
    ) -> str:
        known = contracts.load().kinds[kind]
        name = f"s{len(self.parts) + 1}"
        fields = [field for field in known.columns if any(field in row for row in rows)]
        columns: dict[str, Any] = {
            "sheet": pa.array(["表"] * len(rows), pa.string()),
            "row_number": pa.array(range(4, 4 + len(rows)), pa.int32()),
        }
        for field in fields:
            columns[field] = pa.array([row.get(field) for row in rows], pa.string())
            if known.columns[field].type in NUMBER_SENSITIVE:
                flags = [f"{field}@{at}" in numeric for at in range(len(rows))]
                columns[f"{field}__numeric"] = pa.array(flags, pa.bool_())
        path = self.folder / f"{name}.parquet"
        pq.write_table(pa.table(columns), path)
        uses = [ColumnUse(field, known.columns[field].header, at) for at, field in enumerate(fields, start=1)]
        reading = Reading(kind, [SheetReading("表", (3, 3), uses)], "2026-10", str(path), len(rows))
        self.parts.append(checks.Part(name, unit, kind, group, f"{name}.xlsx", len(self.parts), reading))
        return name

    def judge(
        self,
        scope: Sequence[str] | None = None,
        known: contracts.Contracts | None = None,
        authorised: Sequence[str] = (),
    ) -> dict[str, checks.Verdict]:
        with duckdb.connect() as con:
            tonight = None
            if scope is not None:
                for name, numbers in (("help", scope), ("authorised", authorised)):
                    con.register(f"scope_{name}", pa.table({"id_number": pa.array(numbers, pa.string())}))
                tonight = door.Scope({"help": "scope_help", "authorised": "scope_authorised"}, POLICY)
            around = checks.CheckContext(NIGHT, KEY, places, tonight)
            verdicts = checks.judge_parts(con, known or contracts.load(), self.parts, around, self.accepted)
        return {verdict.submission_id: verdict for verdict in verdicts}

    def rows(self, kind: str, name: str) -> list[dict[str, Any]]:
        part = self.accepted / kind / f"{name}.parquet"
        return pq.read_table(part).to_pylist() if part.exists() else []  # no part: no row was good

    def aside(self, name: str) -> list[dict[str, Any]]:
        return pq.read_table(self.accepted / "set_aside" / f"{name}.parquet").to_pylist()


def faults(verdict: checks.Verdict) -> list[tuple[int, str, str]]:
    return [
        (row - 4, rule, severity)
        for row, rule, severity in zip(
            verdict.issues["row_number"], verdict.issues["rule"], verdict.issues["severity"], strict=True
        )
    ]


def settlement(serial: int, burden: str, **changes: Any) -> dict[str, Any]:
    row = {"name": "王五", "id_number": number(serial), "settled_on": "2026-09-15", "hospital": "人民医院"}
    return row | {"total_fen": "99999", "burden_fen": burden} | changes
