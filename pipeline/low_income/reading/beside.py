"""Finds cells outside the lists of a workbook (titles, footnotes, other sheets) with content that is never received.

A cell whose text names such content is emptied. When the text is only the name of a fact (`民族`, `政治面貌:`), the value is
in a cell next to it: below, when the row is a table's header; to the right, in a form; both when that is not clear.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from low_income.folding import INVISIBLE
from low_income.model import NEVER_RECEIVED, Area, column_letter
from low_income.reading.grid import Grid, Numbers, Texts, filled, mask
from low_income.settings.contracts import Contracts, fold_header

_LONGEST_NAME = 12
"""The most characters of a text that may be only the name of a fact."""
_ROWS_LOOKED_AT = 20
_MOST_NAMED = 6


def areas_to_empty(grid: Grid, agreed: Contracts, ours: Numbers) -> list[Area]:
    """Areas, sorted, outside the rows of a list (`ours`, positions) that name or contain what is never received."""
    named = _named(grid, agreed, ours)
    if not named:
        return []
    sheet = _Beside(grid, agreed, ours)
    areas: set[tuple[int, int, int]] = set()
    tall: dict[int, list[tuple[int, int]]] = {}
    of_forms: set[tuple[int, int]] = set()
    for row, column in sorted(named, key=lambda cell: (not sheet.heads_table(cell[0]), cell)):
        if (row, column) in of_forms or any(first <= row <= last for first, last in tall.get(column, ())):
            continue  # a value
        if not (sheet.heads_table(row) and sheet.says_no_more(row, column)):
            areas.add((row, row, column))
        if sheet.is_name(row, column):
            for first, last, each in sheet.values_of(row, column):
                areas.add((first, last, each))
                if last > first:
                    tall.setdefault(each, []).append((first, last))
                elif sheet.is_form(row, column):
                    of_forms.add((first, each))
    return joined(
        [(int(grid.row_numbers[first]), int(grid.row_numbers[last]), column + 1) for first, last, column in areas]
    )


def joined(areas: Iterable[Area]) -> list[Area]:
    """The same cells as sorted areas that neither touch nor overlap within a column."""
    kept: list[Area] = []
    for first, last, column in sorted(areas, key=lambda area: (area[2], area[0], -area[1])):
        if kept and kept[-1][2] == column and first <= kept[-1][1] + 1:
            kept[-1] = (kept[-1][0], max(last, kept[-1][1]), column)
        else:
            kept.append((first, last, column))
    return sorted(kept)


def in_words(sheet: str, areas: list[Area]) -> str:
    """A sentence for the sender: which cells of one sheet were emptied."""
    named = [
        f"{column_letter(column)}{first}" + (f"至{column_letter(column)}{last}" if last > first else "")
        for first, last, column in areas
    ]
    shown = "、".join(named[:_MOST_NAMED]) + (f"等{len(named)}处" if len(named) > _MOST_NAMED else "")
    where = f"工作表“{sheet}”的" if sheet else "文件的"
    return f"{where}{shown}里有{NEVER_RECEIVED}的内容，没有读取，退回件里只清空了这些单元格"


def _named(grid: Grid, agreed: Contracts, ours: Numbers) -> list[tuple[int, int]]:
    """(position, column) of cells outside a list whose text names what is never received."""
    is_other = np.ones(grid.height, bool)
    is_other[ours] = False
    others = np.flatnonzero(is_other)
    if not len(others):
        return []
    words = {fold_header(word)[0] for group in agreed.headers.never.values() for word in group}
    pattern = "|".join(sorted(words))
    found = []
    for column, cells in enumerate(grid.columns):
        texts: Texts = cells.take(pa.array(others))
        if texts.null_count == len(texts):
            continue
        folded = pc.utf8_lower(pc.call_function("utf8_normalize", [texts], pc.Utf8NormalizeOptions("NFKC")))
        folded = pc.replace_substring_regex(folded, f"[{INVISIBLE}*]+", "")
        likely = np.flatnonzero(mask(pc.match_substring_regex(folded, pattern)))
        answers: dict[str, bool] = {}
        for at in likely.tolist():
            text = texts[at].as_py()
            if text not in answers:
                # Our own words in blank workbooks and returned copies are not a value.
                said = NEVER_RECEIVED not in text
                answers[text] = said and agreed.headers.refusal_of(text, is_header=False) is not None
            if answers[text]:
                found.append((int(others[at]), column))
    return sorted(found)


class _Beside:
    """A sheet, asked where the values of a named fact are."""

    def __init__(self, grid: Grid, agreed: Contracts, ours: Numbers) -> None:
        self.grid = grid
        self.headers = agreed.headers
        self.is_ours = np.zeros(grid.height, bool)
        self.is_ours[ours] = True
        self.full = np.array([filled(column) for column in grid.columns])
        words = [*agreed.headers.ignored, *agreed.headers.period, *agreed.headers.footnotes]
        self.names = {fold_header(word)[0] for word in words}
        self.names.update(header for kind in agreed.kinds.values() for header in kind.header_fields())
        self.words = {fold_header(word)[0] for group in agreed.headers.never.values() for word in group}
        self._heads: dict[int, bool] = {}

    def is_name(self, row: int, column: int) -> bool:
        """Whether a cell is only the name of a fact: a known name, or a short text that names what is never received."""
        folded = self._label(row, column)
        if not folded or len(folded) > _LONGEST_NAME or ":" in folded:
            return False
        return folded in self.names or self.headers.refusal_of(folded, is_header=False) is not None

    def _is_known(self, row: int, column: int) -> bool:
        return self._label(row, column) in self.names

    def says_no_more(self, row: int, column: int) -> bool:
        """Whether the text is exactly one of the refused words, so that it contains no value."""
        return self._label(row, column) in self.words

    def _label(self, row: int, column: int) -> str:
        """The text of a cell in the form for looking up a name: folded, without colons around it."""
        return fold_header(self.grid.text(row, column).strip(" :"))[0].strip(":")

    def values_of(self, row: int, column: int) -> list[tuple[int, int, int]]:
        """(first row, last row, column) of the values of a name: below it, to its right, or both."""
        below = self._below(row, column)
        right = [] if self.heads_table(row) else self._right(row, column)
        if not below or self._continues(row, column) or (right and self.is_form(row, column)):
            return right
        return right + [(below[0], below[1], each) for each in self._merged(row, column)]

    def is_form(self, row: int, column: int) -> bool:
        """Whether another name is below this one, so that the value can only be to the right."""
        below = self._below(row, column)
        return below is not None and not self.heads_table(row) and self.is_name(below[0], column)

    def _continues(self, row: int, column: int) -> bool:
        """Whether a row of a table or form is directly above, so that this row is not a header."""
        above = row - 1
        is_row = above >= 0 and not self.is_ours[above] and self.full[column, above] and self.full[:, above].sum() > 1
        return bool(is_row) and not self.heads_table(row)

    def heads_table(self, row: int) -> bool:
        """Whether the row is a table's header: most of its cells are names, and the cells below them are not."""
        if row not in self._heads:
            self._heads[row] = self._is_head(row)
        return self._heads[row]

    def _is_head(self, row: int) -> bool:
        columns = np.flatnonzero(self.full[:, row])
        names = [column for column in columns.tolist() if self.is_name(row, column)]
        if len(names) < 2 or 2 * len(names) <= len(columns):
            return False
        rows = row + 1 + np.flatnonzero(self.full[columns, row + 1 :].any(axis=0) & ~self.is_ours[row + 1 :])
        has_row = False
        for at in rows[:_ROWS_LOOKED_AT].tolist():
            under = [column for column in names if self.full[column, at]]
            if 2 * sum(self.is_name(at, column) for column in under) > len(under) > 0:
                return False  # a form: there are names below names
            has_row |= bool(self.full[columns, at].sum() > 1)
        return has_row

    def _right(self, row: int, column: int) -> list[tuple[int, int, int]]:
        """The next filled cell of the row, as values_of gives it; nothing when it is a known header."""
        more = np.flatnonzero(self.full[column + 1 :, row])
        if not len(more) or self._is_known(row, at := column + 1 + int(more[0])):
            return []
        return [(row, row, at)]

    def _below(self, row: int, column: int) -> tuple[int, int] | None:
        """(first, last) row of the column from its next filled cell to the next list or the end; None when there is no such cell."""
        ends = np.flatnonzero(self.is_ours[row + 1 :])
        end = row + 1 + int(ends[0]) if len(ends) else self.grid.height
        more = np.flatnonzero(self.full[column, row + 1 : end])
        return (row + 1 + int(more[0]), end - 1) if len(more) else None

    def _merged(self, row: int, column: int) -> list[int]:
        """The columns that a name covers, by merged cells."""
        for top, left, bottom, right in self.grid.merges:
            if top <= row <= bottom and left <= column <= right:
                return list(range(left, min(right + 1, len(self.grid.columns))))
        return [column]
