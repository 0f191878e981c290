"""The cells of a returned workbook, as a person sees them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from low_income.reading.grid import Grid


def grid(*rows: tuple[str, ...], merges: list[tuple[int, int, int, int]] | None = None) -> Grid:
    width = max(map(len, rows))
    columns = [pa.array([(*row, *[""] * width)[at] or None for row in rows], pa.string()) for at in range(width)]
    return Grid("附表", columns, np.arange(1, len(rows) + 1), merges=merges or [])
