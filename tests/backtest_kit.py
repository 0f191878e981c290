"""A candidate rule for a backtest."""

from __future__ import annotations

from pathlib import Path

import yaml
from low_income.model import ModelError
from low_income.settings.strict_yaml import read_yaml
from low_income.warehouse.models import SQL

WHERE = "where surveyed.yearly_income_fen < surveyed.limit_fen"


def rule(folder: Path, where: str, *, card_too: bool = False) -> Path:
    """A folder in which A01 has another condition; of the examples of its card, when it is changed too, the first of each sort."""
    folder.mkdir()
    sql = (SQL / "warnings/a01.sql").read_text(encoding="utf-8")
    assert WHERE in sql
    (folder / "a01.sql").write_text(sql.replace(WHERE, where), encoding="utf-8")
    if card_too:
        card = read_yaml(SQL / "warnings/a01.yml", ModelError)
        both = [next(each for each in card["examples"] if bool(each["expect"]) is fires) for fires in (True, False)]
        (folder / "a01.yml").write_text(yaml.safe_dump(card | {"examples": both}, allow_unicode=True), encoding="utf-8")
    return folder
