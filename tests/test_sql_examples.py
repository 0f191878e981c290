"""Every example beside every model and card of sql/."""

import pytest
import sql_kit

from pipeline.models import Example


@pytest.mark.parametrize(
    ("table", "example"), [pytest.param(*pair, id=f"{pair[0]}: {pair[1].name}") for pair in sql_kit.examples()]
)
def test_example(table: str, example: Example) -> None:
    assert sql_kit.run(table, example) == []
