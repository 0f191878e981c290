"""What the build is given: where the addresses in partners' rows say that people live."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from low_income.night.build_inputs import _places
from low_income.settings.home import Home


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ({"current_address": "松涧区柳园镇第3社区"}, ("d06", "柳园镇")),
        ({"district": "松涧区"}, ("d06", "")),
        ({"district": "松涧区", "township": "柳园镇"}, ("d06", "柳园镇")),  # this name stands in three divisions
        ({"township": "柳园镇", "registered_address": "松涧区第3社区"}, ("d06", "柳园镇")),
        ({"district": "松涧区", "registered_address": "松涧区石井镇第3社区"}, ("d06", "石井镇")),
        ({"district": "松涧区", "registered_address": "青禾区北营镇第3社区"}, ("d06", "")),
        ({"township": "柳园镇"}, None),
        ({"current_address": "某市某区"}, None),
    ],
)
def test_a_row_lives_in_the_one_division_and_township_that_it_names(
    home: Home, cells: dict[str, str], found: tuple[str, str] | None
) -> None:
    fields = ("district", "township", "current_address", "registered_address")
    folder = home.accepted / "medical_expense"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.table({"row_id": ["r1"]} | {field: pa.array([cells.get(field)], pa.string()) for field in fields}),
        folder / "s1.parquet",
    )
    sent: Any = SimpleNamespace(kind="medical_expense", submission_id="s1", rows_accepted=1)
    expected = [{"row_id": "r1", "division_code": found[0], "township": found[1]}] if found else []
    assert _places(home, [sent]) == expected
