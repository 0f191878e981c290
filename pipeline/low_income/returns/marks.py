"""Plans which cell gets which fill and note, from the issues. Works by columns: a file may have hundreds of thousands of issues."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    placed = issues[issues["row_number"].notna() & issues["sheet"].isin(list(merges))]
    by_sheet = dict(list(placed.groupby("sheet", sort=True)))
    for sheet, areas in merges.items():
        own = marks[sheet] = SheetMarks(
            refused=refused.get(sheet, {}),
            emptied=emptied.get(sheet, []),
            text_columns=text_columns.get(sheet, frozenset()),
        )
        heads = _heads(own, areas)
        own.heads = len(heads)
        if sheet not in by_sheet and not heads:
            continue  # most sheets of most workbooks
        found = _place(by_sheet[sheet] if sheet in by_sheet else placed.iloc[:0], areas)
        if heads:
            found = found[~_keys(found).isin([row * _STRIDE + column for row, column in heads])]
        _fill(own, found, heads)
        _write_notes(own, found, heads)
    return marks


def _keys(frame: pd.DataFrame) -> pd.Series[int]:
    keys: pd.Series[int] = frame["row"].astype("int64").mul(_STRIDE).add(frame["column"])
    return keys


def _place(issues: pd.DataFrame, areas: list[tuple[tuple[int, int], tuple[int, int]]]) -> pd.DataFrame:
    """Rule, message, `rank`, and `row`, `column` of the cell to mark, for each issue; sorted by row, column, rank."""
    frame = pd.DataFrame(
        {
            "rule": issues["rule"].astype(str).to_numpy(),
            "message": issues["message"].astype(str).to_numpy(),
            "rank": pd.Categorical(issues["severity"], categories=list(SEVERITIES)).codes.astype("int64"),
            "row": issues["row_number"].astype("int64").to_numpy(),
            "column": issues["column"].fillna(0).astype("int64").to_numpy(),
        }
    )
    whole_row = frame["column"].eq(0)
    frame.loc[whole_row, "column"] = 1
    if areas:
        hidden = _hidden_cells(areas)
        while (step := whole_row & _keys(frame).isin(hidden.index)).any():
            frame.loc[step, "column"] += 1
        anchor = _keys(frame).map(hidden)
        moved = anchor.notna()
        frame.loc[moved, "row"] = anchor[moved].astype("int64") // _STRIDE
        frame.loc[moved, "column"] = anchor[moved].astype("int64") % _STRIDE
    return frame.sort_values(["row", "column", "rank"], kind="stable", ignore_index=True)


def _hidden_cells(areas: list[tuple[tuple[int, int], tuple[int, int]]]) -> pd.Series[int]:
    """Key of each cell hidden by a merged area → key of the area's first cell. Huge areas hold no data, and are left out."""
    keys: list[np.ndarray] = []
    anchors: list[np.ndarray] = []
    for (top, left), (bottom, right) in areas:
        if (bottom - top + 1) * (right - left + 1) > 200_000:
            continue
        rows, columns = np.mgrid[top : bottom + 1, left : right + 1]
        covered = (rows * _STRIDE + columns).ravel()[1:]
        keys.append(covered)
        anchors.append(np.full(len(covered), top * _STRIDE + left))
    if not keys:
        keys = anchors = [np.zeros(0, np.int64)]
    hidden: pd.Series[int] = pd.Series(np.concatenate(anchors), index=np.concatenate(keys))
    return hidden[~hidden.index.duplicated()]


def _heads(own: SheetMarks, areas: list[tuple[tuple[int, int], tuple[int, int]]]) -> list[tuple[int, int]]:
    """(row, column) of the visible cells to mark as never received: each refused column's header, each emptied area's first cell."""
    cells = [(row, column) for column, row in own.refused.items()]
    cells += [(first, column) for first, _, column in own.emptied[:_AREAS_NOTED]]
    hidden = _hidden_cells(areas) if cells else None
    heads = set()
    for row, column in cells:
        key = row * _STRIDE + column
        if hidden is not None and key in hidden.index:
            key = int(hidden[key])
        heads.add(divmod(key, _STRIDE))
    return sorted(heads)


def _fill(own: SheetMarks, found: pd.DataFrame, heads: list[tuple[int, int]]) -> None:
    cells = found.drop_duplicates(["row", "column"])[["row", "column", "rank"]]
    if heads:
        more = pd.DataFrame([(row, column, NOTICE) for row, column in heads], columns=["row", "column", "rank"])
        cells = pd.concat([cells, more]).sort_values(["row", "column"])
    own.rows, own.columns, own.ranks = (cells[name].tolist() for name in ("row", "column", "rank"))


def _write_notes(own: SheetMarks, found: pd.DataFrame, heads: list[tuple[int, int]]) -> None:
    """Write notes on at most NOTES_PER_SHEET cells: of each rule first its first cells, at most NOTES_PER_RULE."""
    cells = found.drop_duplicates(["row", "column"])
    turn = cells.groupby("rule").cumcount()
    chosen = turn[turn < NOTES_PER_RULE].sort_values(kind="stable").index[:NOTES_PER_SHEET]
    noted = found[_keys(found).isin(_keys(cells.loc[chosen]))].drop_duplicates(["row", "column", "message"])
    for row, column, rank, message in noted[["row", "column", "rank", "message"]].itertuples(index=False):
        text = f"{NOTE_SIGN}{SEVERITY_TITLES[SEVERITIES[rank]]}\n{message}"
        before = own.notes.get((row, column))
        own.notes[row, column] = f"{before}\n{text}" if before else text
    own.cells_without_note = len(cells) - len(own.notes)
    for head in heads:
        own.notes[head] = f"{NOTE_SIGN}{SEVERITY_TITLES['notice']}\n{NEVER_RECEIVED}"
