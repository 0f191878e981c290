"""Turns values of workbook cells into text as a sheet shows it, one column at a time."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import compress

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from low_income.reading.grid import Mask, Texts


def column(cells: Sequence[object]) -> tuple[Texts, Mask | None]:
    """(text of one column's cells, which of them contained a number; None when none did)."""
    types = list(map(type, cells))
    kinds = set(types)
    if kinds <= {str}:
        return _without_empty(pa.array(cells, pa.string())), None
    if kinds <= _NUMBERS:
        return number_texts(np.array(cells, dtype=np.float64)), np.ones(len(cells), bool)
    texts: list[object] = [
        cell if kind is str else None if kind in _NUMBERS else _WORDS[kind](cell)
        for cell, kind in zip(cells, types, strict=True)
    ]
    shown = _without_empty(pa.array(texts, pa.string()))
    if not kinds & _NUMBERS:
        return shown, None
    numeric = np.fromiter(map(_NUMBERS.__contains__, types), bool, len(cells))
    numbers = np.array(list(compress(cells, numeric.tolist())), dtype=np.float64)
    return pc.replace_with_mask(shown, pa.array(numeric), number_texts(numbers)), numeric


def _without_empty(texts: Texts) -> Texts:
    return pc.if_else(pc.equal(texts, pa.scalar("")), pa.scalar(None, pa.string()), texts)


def number_texts(numbers: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Texts:
    """Numbers as a sheet shows them: whole ones without a decimal point, others with at most 15 significant digits."""
    whole = (np.abs(numbers) < 1e15) & (numbers == np.trunc(numbers))
    texts = pc.cast(pa.array(np.where(whole, numbers, 0).astype(np.int64)), pa.string())
    if not whole.all():
        texts = pc.replace_with_mask(
            texts, pa.array(~whole), pa.array([number_text(number) for number in numbers[~whole].tolist()], pa.string())
        )
    return texts


def number_text(number: float) -> str:
    """One number with 15 significant digits, without exponent up to 21 digits: `990003199001011000`, `0.3`, `1E+25`."""
    text = f"{number:.15g}"
    if "e" in text and 1e-7 <= abs(number) < 1e21:
        return f"{Decimal(text):f}"
    return text.upper()


def _moment(value: datetime.datetime) -> str:
    return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ", "seconds")


def _duration(value: datetime.timedelta) -> str:
    minutes, seconds = divmod(round(value.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


_NUMBERS = {int, float}
_WORDS: dict[type, Callable[..., str]] = {
    bool: lambda value: "TRUE" if value else "FALSE",
    datetime.date: datetime.date.isoformat,
    datetime.datetime: _moment,
    datetime.time: lambda value: value.isoformat("seconds"),
    datetime.timedelta: _duration,
}
