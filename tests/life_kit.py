"""Days after the first night, and what a unit says of a warning."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tests.warehouse_kit import NIGHT


def after(days: int) -> date:
    return NIGHT + timedelta(days=days)


def said(warning_id: str, result: str = "not_eligible", on: date = NIGHT, **more: Any) -> dict[str, Any]:
    return {
        "decision_id": "一", "about": "warning", "subject": warning_id, "result": result, "decided_by": "张三",
        "decided_on": str(on), "note": "上门看过", "unit_code": "d01", "file_name": "d01.xlsx", "sheet": "预警", "row_number": 3,
        "night": str(after(1)), "received_seq": 1,
    } | more  # fmt: skip
