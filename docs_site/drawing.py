"""A small layered layout: tables and arrows → boxes and curves with coordinates, for an SVG.

A box stands in the column of its layer, arrows go from left to right. Within a column the boxes are ordered by the
mean place of their neighbours, so that few arrows cross. Equal input gives equal coordinates.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HEIGHT, GAP, COLUMN_GAP, MARGIN = 26, 10, 70, 8
"""Of a box, between two boxes of a column, between two columns, and around the drawing, in pixels."""

_NARROW, _WIDE, _PADDING = 7.2, 13.0, 20
_SWEEPS = 4


@dataclass(frozen=True)
class Box:
    """One table in the drawing. Coordinates in pixels, of the upper left corner."""

    name: str
    label: str
    x: int
    y: int
    width: int
    height: int = HEIGHT


@dataclass(frozen=True)
class Drawing:
    """Boxes, and arrows as SVG paths; `width` and `height` of the whole in pixels."""

    boxes: tuple[Box, ...]
    arrows: tuple[str, ...]
    width: int
    height: int


def draw(layers: Mapping[str, int], reads: Sequence[tuple[str, str]], labels: Mapping[str, str]) -> Drawing:
    """Lay out the names of `layers` (name → column, from 0) with an arrow for each (reader, what it reads).

    An arrow leads from what is read to its reader. Each name needs a label. Where the arrows leave it open, boxes stand
    in the order of `layers`.
    """
    columns: list[list[str]] = [[] for _ in range(max(layers.values()) + 1)]
    for name, layer in layers.items():
        columns[layer].append(name)
    for sweep in range(_SWEEPS):
        for column in columns if sweep % 2 == 0 else columns[::-1]:
            _order(column, columns, reads)
    widths = [max((_width(labels[name]) for name in column), default=0) for column in columns]
    tallest = max(len(column) for column in columns)
    height = 2 * MARGIN + tallest * (HEIGHT + GAP) - GAP
    boxes, x = {}, MARGIN
    for column, width in zip(columns, widths, strict=True):
        y = (height - len(column) * (HEIGHT + GAP) + GAP) // 2
        for name in column:
            boxes[name] = Box(name, labels[name], x, y, width)
            y += HEIGHT + GAP
        x += width + COLUMN_GAP
    arrows = tuple(_curve(boxes[read], boxes[reader]) for reader, read in sorted(reads))
    return Drawing(tuple(boxes.values()), arrows, x - COLUMN_GAP + MARGIN, height)


def _order(column: list[str], columns: Sequence[Sequence[str]], reads: Sequence[tuple[str, str]]) -> None:
    place = {name: at / max(1, len(each) - 1) for each in columns for at, name in enumerate(each)}
    neighbours: dict[str, list[float]] = {name: [] for name in column}
    for reader, read in reads:
        if reader in neighbours:
            neighbours[reader].append(place[read])
        if read in neighbours:
            neighbours[read].append(place[reader])
    mean = {name: sum(near) / len(near) if near else place[name] for name, near in neighbours.items()}
    column.sort(key=lambda name: mean[name])


def _curve(start: Box, end: Box) -> str:
    x1, y1 = start.x + start.width, start.y + start.height // 2
    x2, y2 = end.x, end.y + end.height // 2
    middle = (x1 + x2) // 2
    return f"M{x1},{y1} C{middle},{y1} {middle},{y2} {x2 - 4},{y2}"


def _width(label: str) -> int:
    wide = sum(1 for character in label if unicodedata.east_asian_width(character) in "WF")
    return round(_PADDING + wide * _WIDE + (len(label) - wide) * _NARROW)
