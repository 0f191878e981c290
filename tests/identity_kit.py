"""Answers about who is who, and a first night that many tests go on from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from low_income.warehouse.models import Models

from tests.life_kit import said
from tests.warehouse_kit import NIGHT, Nights, given


def answer(question_id: str, decision: str = "not_same", on: date = NIGHT, **more: Any) -> dict[str, Any]:
    return said(question_id, decision, on, about="identity", note="看了户口簿") | more


def first_of(models: Models, lists: dict[str, Any]) -> Iterator[Nights]:
    nights = Nights(models)
    nights.night(given(NIGHT, **lists))
    yield nights
    assert nights.con
    nights.con.close()


def after_the_first(first: Nights) -> Nights:
    """What comes after a first night that several tests begin with; the first one stays as it is."""
    assert first.con
    nights = Nights(first.models)
    nights.con, nights.given = first.con.cursor(), dict(first.given)
    return nights
