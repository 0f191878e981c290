"""What the build is given: where the addresses in partners' rows say that people live."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from low_income.night.build_inputs import _places
from low_income.settings.home import Home

FIELDS = ("district", "township", "current_address", "registered_address")
CASES: list[tuple[dict[str, str], tuple[str, str] | None]] = [
    ({"current_address": "松涧区柳园镇第3社区"}, ("d06", "柳园镇")),
    ({"district": "松涧区"}, ("d06", "")),
    ({"district": "松涧区", "township": "柳园镇"}, ("d06", "柳园镇")),  # this name stands in three divisions
    ({"township": "柳园镇", "registered_address": "松涧区第3社区"}, ("d06", "柳园镇")),
    ({"district": "松涧区", "registered_address": "松涧区石井镇第3社区"}, ("d06", "石井镇")),
    ({"district": "松涧区", "registered_address": "青禾区北营镇第3社区"}, ("d06", "")),
    ({"district": "", "current_address": "松涧区"}, ("d06", "")),
    ({"township": "柳园镇"}, None),
    ({"current_address": "某市某区"}, None),
    ({}, None),
]


def places(home: Home, rows: list[tuple[str, dict[str, str]]]) -> list[dict[str, str]]:
    """What `_places` gives for a partner's list of these rows: (row_id, field → text)."""
    folder = home.accepted / "medical_expense"
    folder.mkdir(parents=True, exist_ok=True)
    texts = {field: pa.array([cells.get(field) for _, cells in rows], pa.string()) for field in FIELDS}
    pq.write_table(pa.table({"row_id": [row_id for row_id, _ in rows]} | texts), folder / "s1.parquet")
    sent: Any = SimpleNamespace(kind="medical_expense", submission_id="s1", rows_accepted=len(rows))
    return _places(home, [sent]).to_pylist()


def placed(row_id: str, found: tuple[str, str] | None) -> list[dict[str, str]]:
    return [{"row_id": row_id, "division_code": found[0], "township": found[1]}] if found else []


@pytest.mark.parametrize(("cells", "found"), CASES)
def test_a_row_lives_in_the_one_division_and_township_that_it_names(
    home: Home, cells: dict[str, str], found: tuple[str, str] | None
) -> None:
    assert places(home, [("r1", cells)]) == placed("r1", found)


def test_rows_of_one_list_live_where_each_of_them_alone_would(home: Home) -> None:
    rows = [(f"r{at:02}", *case) for at, case in enumerate([*CASES, *reversed(CASES)])]
    expected = [place for row_id, _, found in rows for place in placed(row_id, found)]
    assert places(home, [(row_id, cells) for row_id, cells, _ in reversed(rows)]) == expected
