"""People who are like each other, and households that are whole."""

from __future__ import annotations

from typing import Any

from tests.night_kit import number

BORN = "1986-05-01"


ME, TWIN = number(1), number(5)


def wrong(text: str, at: int = 17) -> str:
    """The number with one other digit."""
    return text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]


def aside(at: int = 3, **changes: Any) -> tuple[str, dict[str, Any]]:
    """A row set aside from d01's dibao roster for its number."""
    row = {
        "row_id": f"S#x#{at}", "submission_id": "S", "unit_code": "d01", "kind": "dibao_person", "period": "2026-10",
        "sheet": "x", "row_number": at, "name": "张三", "birth_date": BORN, "number_state": "invalid", "number": wrong(ME),
        "is_unproven": True,
    }  # fmt: skip
    return "input.set_aside", row | changes


def whole(at: int = 3, **changes: Any) -> tuple[str, dict[str, Any]]:
    """The same row as it lies in accepted/unproven."""
    row = {
        "row_id": f"S#x#{at}",
        "submission_id": "S",
        "unit_code": "d01",
        "sheet": "x",
        "row_number": at,
        "name": "张三",
    }
    return "unproven.dibao_person", {**row, "id_number": "-", **changes}
