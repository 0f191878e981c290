"""Plans which cell gets which fill and note, from the issues. Works by columns: a file may have hundreds of thousands of issues."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from low_income.model import NEVER_RECEIVED, SEVERITIES, SEVERITY_TITLES, Area

NOTE_SIGN = "〔检查结果〕"
"""Each of our notes begins with it, so that our notes can be removed from a returned file that comes again."""
NOTES_PER_SHEET = 2_000
NOTES_PER_RULE = 200
NOTICE = SEVERITIES.index("notice")

_STRIDE = 1 << 16  # more than a sheet's 16,384 columns: row × stride + column is a cell's key


_LAST_ROW = 1_048_576
_AREAS_NOTED = 200
"""How many of the emptied areas beside a list get a mark in their first cell; further ones are emptied without a mark."""


_Numbers = np.ndarray[Any, np.dtype[Any]]


class Gone:
    """The cells of a sheet that must be emptied, as areas of one column each."""

    def __init__(self, areas: list[Area]) -> None:
        self.areas = areas
        self._tall = [area for area in areas if area[1] > area[0]]
        self._single: dict[int, set[int]] = {}
        for first, last, column in areas:
            if first == last:
                self._single.setdefault(first, set()).add(column)
        self.columns = frozenset(column for _, _, column in self._tall)
        """Columns with an area of several cells: nothing that is made from their values may stay."""

    def __bool__(self) -> bool:
        return bool(self.areas)

    def in_row(self, row: int) -> frozenset[int]:
        """Columns whose cell in this row is emptied."""
        tall = (column for first, last, column in self._tall if first <= row <= last)
        return frozenset(tall) | self._single.get(row, set())

    def covers(self, top: int, left: int, bottom: int, right: int) -> bool:
        """Whether every cell of a rectangle is emptied, each column of it by one area."""
        whole = {column for first, last, column in self.areas if first <= top and last >= bottom}
        return whole.issuperset(range(left, right + 1))

    def touches(self, top: int, left: int, bottom: int, right: int) -> bool:
        """Whether any cell of a rectangle is emptied."""
        return any(left <= column <= right and first <= bottom and last >= top for first, last, column in self.areas)


@dataclass
class SheetMarks:
    """What is to be done in one sheet. `rows`, `columns`, `ranks` are parallel lists, sorted by row, then by column."""

    rows: list[int] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)
    """Position in SEVERITIES: 0 is the gravest."""
    notes: dict[tuple[int, int], str] = field(default_factory=dict)
    """(row, column) → text. At most NOTES_PER_SHEET, and one for each of the `heads`."""
    cells_without_note: int = 0
    refused: dict[int, int] = field(default_factory=dict)
    """Column that is never received → last row of its header; all cells below are emptied."""
    emptied: list[Area] = field(default_factory=list)
    """Areas outside the list that are emptied."""
    heads: int = 0
    """How many cells have our mark and note that something is never received."""
    text_columns: frozenset[int] = frozenset()
    """Columns of ID and disability numbers: marked cells get the text format, so that a number typed again stays whole."""

    @property
    def is_empty(self) -> bool:
        """True when the sheet stays as it is."""
        return not (self.rows or self.refused or self.emptied)

    @property
    def gone(self) -> Gone:
        """All cells that are emptied."""
        return Gone([*((last + 1, _LAST_ROW, column) for column, last in self.refused.items()), *self.emptied])


Merges = dict[str, list[tuple[tuple[int, int], tuple[int, int]]]]
"""Sheet → merged areas as ((first row, first column), (last row, last column)), 1-based."""


def plan(
    issues: pd.DataFrame,
    merges: Merges,
    refused: dict[str, dict[int, int]],
    emptied: dict[str, list[Area]],
    text_columns: dict[str, frozenset[int]],
) -> dict[str, SheetMarks]:
    """Sheet → marks, for the sheets in `merges` (all sheets of the workbook, also those without merged cells).

    An issue inside a merged area marks the area's first cell, since only that one is visible. An issue of a whole row
    marks the row's first cell that no merged area hides. `issues` needs the columns rule, severity, message, sheet,
    row_number, column; issues of the whole file mark nothing.
    """
    marks: dict[str, SheetMarks] = {}
    lines = _Lines(issues)
    for sheet, areas in merges.items():
        own = marks[sheet] = SheetMarks(
            refused=refused.get(sheet, {}),
            emptied=emptied.get(sheet, []),
            text_columns=text_columns.get(sheet, frozenset()),
        )
        heads = _heads(own, areas)
        own.heads = len(heads)
        if sheet not in lines.of_sheet and not heads:
            continue  # most sheets of most workbooks
        found = _place(lines, lines.of_sheet.get(sheet, []), areas)
        if heads:
            found = found.only(~np.isin(found.keys, [row * _STRIDE + column for row, column in heads]))
        _fill(own, found, heads)
        _write_notes(own, found, lines, heads)
    return marks


class _Lines:
    """The issues that have a row, as arrays: pandas costs too much for the few of most files, plain objects for very many."""

    def __init__(self, issues: pd.DataFrame) -> None:
        rank_of = {severity: rank for rank, severity in enumerate(SEVERITIES)}
        self.rows: _Numbers = issues["row_number"].fillna(0).astype("int64").to_numpy()
        self.columns: _Numbers = issues["column"].fillna(0).astype("int64").to_numpy()
        self.ranks: _Numbers = np.array([rank_of[one] for one in issues["severity"].tolist()], np.int64)
        self.of_sheet: dict[str, list[int]] = {}
        """Sheet → positions of its issues."""
        for at, (sheet, has_row) in enumerate(zip(issues["sheet"].tolist(), (self.rows > 0).tolist(), strict=True)):
            if has_row:
                self.of_sheet.setdefault(sheet, []).append(at)
        self._issues = issues

    def texts(self, name: str, at: _Numbers) -> list[str]:
        """Rules or messages, at these positions."""
        return [str(text) for text in self._issues[name].take(at).tolist()]


@dataclass
class _Found:
    """Where each issue of a sheet is shown: parallel arrays, sorted by row, column, rank."""

    keys: _Numbers
    """Row and column of the cell."""
    ranks: _Numbers
    positions: _Numbers
    """Which issue it is."""

    def only(self, chosen: np.ndarray[Any, Any]) -> _Found:
        """Those at these places, or where a mask is true."""
        return _Found(self.keys[chosen], self.ranks[chosen], self.positions[chosen])

    def gravest(self) -> _Found:
        """The first issue of each cell."""
        return self.only(np.diff(self.keys, prepend=-1) != 0)


def _place(lines: _Lines, own: list[int], areas: list[tuple[tuple[int, int], tuple[int, int]]]) -> _Found:
    """The cell to mark for each issue of a sheet."""
    positions = np.array(own, np.int64)
    columns = lines.columns[positions]
    whole_row = columns == 0
    keys = lines.rows[positions] * _STRIDE + np.where(whole_row, 1, columns)
    if areas:
        hidden, anchors = _hidden_cells(areas)
        while (step := whole_row & np.isin(keys, hidden)).any():
            keys[step] += 1
        moved = np.isin(keys, hidden)
        keys[moved] = anchors[np.searchsorted(hidden, keys[moved])]
    ranks = lines.ranks[positions]
    return _Found(keys, ranks, positions).only(np.lexsort((ranks, keys)))


def _hidden_cells(areas: list[tuple[tuple[int, int], tuple[int, int]]]) -> tuple[_Numbers, _Numbers]:
    """(key of each cell hidden by a merged area, sorted; key of that area's first cell). Huge areas hold no data, and are left out."""
    keys: list[_Numbers] = [np.zeros(0, np.int64)]
    anchors: list[_Numbers] = [np.zeros(0, np.int64)]
    for (top, left), (bottom, right) in areas:
        if (bottom - top + 1) * (right - left + 1) > 200_000:
            continue
        covered = np.arange(top, bottom + 1)[:, None] * _STRIDE + np.arange(left, right + 1)
        keys.append(covered.ravel()[1:])
        anchors.append(np.full(covered.size - 1, top * _STRIDE + left))
    hidden, first = np.unique(np.concatenate(keys), return_index=True)
    return hidden, np.concatenate(anchors)[first]


def _heads(own: SheetMarks, areas: list[tuple[tuple[int, int], tuple[int, int]]]) -> list[tuple[int, int]]:
    """(row, column) of the visible cells to mark as never received: each refused column's header, each emptied area's first cell."""
    cells = [(row, column) for column, row in own.refused.items()]
    cells += [(first, column) for first, _, column in own.emptied[:_AREAS_NOTED]]
    if not cells:
        return []
    anchor_of = dict(zip(*(keys.tolist() for keys in _hidden_cells(areas)), strict=True))
    keys = (row * _STRIDE + column for row, column in cells)
    return sorted({divmod(anchor_of.get(key, key), _STRIDE) for key in keys})


def _fill(own: SheetMarks, found: _Found, heads: list[tuple[int, int]]) -> None:
    cells = found.gravest()
    keys, ranks = cells.keys, cells.ranks
    if heads:
        keys = np.concatenate([keys, [row * _STRIDE + column for row, column in heads]])
        order = np.argsort(keys)
        keys, ranks = keys[order], np.concatenate([ranks, np.full(len(heads), NOTICE)])[order]
    own.rows, own.columns, own.ranks = (keys // _STRIDE).tolist(), (keys % _STRIDE).tolist(), ranks.tolist()


def _write_notes(own: SheetMarks, found: _Found, lines: _Lines, heads: list[tuple[int, int]]) -> None:
    """Write notes on at most NOTES_PER_SHEET cells: of each rule first its first cells, at most NOTES_PER_RULE."""
    cells = found.gravest()
    of_rule: Counter[str] = Counter()
    turns = []
    for rule in lines.texts("rule", cells.positions):
        turns.append(of_rule[rule])
        of_rule[rule] += 1
    in_turn = np.argsort(turns, kind="stable")[: sum(turn < NOTES_PER_RULE for turn in turns)]
    noted = found.only(np.isin(found.keys, cells.keys[in_turn[:NOTES_PER_SHEET]]))
    said: set[tuple[int, str]] = set()
    for key, rank, message in zip(
        noted.keys.tolist(), noted.ranks.tolist(), lines.texts("message", noted.positions), strict=True
    ):
        if (key, message) in said:
            continue
        said.add((key, message))
        cell = divmod(key, _STRIDE)
        text = f"{NOTE_SIGN}{SEVERITY_TITLES[SEVERITIES[rank]]}\n{message}"
        before = own.notes.get(cell)
        own.notes[cell] = f"{before}\n{text}" if before else text
    own.cells_without_note = len(cells.keys) - len(own.notes)
    for head in heads:
        own.notes[head] = f"{NOTE_SIGN}{SEVERITY_TITLES['notice']}\n{NEVER_RECEIVED}"
