"""What stands beside the lists of a workbook (titles, footnotes, sheets that are none) and is never received: which cells.

A text that names it is emptied itself. Where the text is no more than the name of a fact (`民族`, `政治面貌:`), the fact
stands next to it: below, when the row heads a table; to the right, in a form; where that cannot be told, both.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.folding import INVISIBLE
from pipeline.model import NEVER_RECEIVED, Area, column_letter
from pipeline.reading.grid import Grid, Numbers, Texts, filled, mask
from pipeline.settings.contracts import Contracts, fold_header

_LONGEST_NAME = 12
"""Characters of a text that may be no more than the name of a fact."""
_ROWS_LOOKED_AT = 20
_MOST_NAMED = 6


def areas_to_empty(grid: Grid, agreed: Contracts, ours: Numbers) -> list[Area]:
    """Areas, sorted, outside the rows of a list (`ours`, positions) that name what is never received, or hold it."""
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
    """The same cells as areas that neither touch nor overlap, sorted."""
    kept: list[Area] = []
    for first, last, column in sorted(areas, key=lambda area: (area[2], area[0], -area[1])):
        if kept and kept[-1][2] == column and first <= kept[-1][1] + 1:
            kept[-1] = (kept[-1][0], max(last, kept[-1][1]), column)
        else:
            kept.append((first, last, column))
    return sorted(kept)


def in_words(sheet: str, areas: list[Area]) -> str:
    """What was emptied in one sheet, as a sentence for the sender."""
    named = [
        f"{column_letter(column)}{first}" + (f"至{column_letter(column)}{last}" if last > first else "")
        for first, last, column in areas
    ]
    shown = "、".join(named[:_MOST_NAMED]) + (f"等{len(named)}处" if len(named) > _MOST_NAMED else "")
    where = f"工作表“{sheet}”的" if sheet else "文件的"
    return f"{where}{shown}里有{NEVER_RECEIVED}的内容，没有读取，退回件里只清空了这些单元格"


def _named(grid: Grid, agreed: Contracts, ours: Numbers) -> list[tuple[int, int]]:
    """(position, column) of the cells outside a list whose text names what is never received."""
    others = np.setdiff1d(np.arange(grid.height), ours)
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
                # What we say ourselves, in blank workbooks and returned copies, is no value.
                said = NEVER_RECEIVED not in text
                answers[text] = said and agreed.headers.refusal_of(text, is_header=False) is not None
            if answers[text]:
                found.append((int(others[at]), column))
    return sorted(found)


class _Beside:
    """The cells of a sheet around those that name something."""

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
        """A cell that is no more than the name of a fact: known, or short and of what is never received."""
        folded = self._label(row, column)
        if not folded or len(folded) > _LONGEST_NAME or ":" in folded:
            return False
        return folded in self.names or self.headers.refusal_of(folded, is_header=False) is not None

    def _is_known(self, row: int, column: int) -> bool:
        return self._label(row, column) in self.names

    def says_no_more(self, row: int, column: int) -> bool:
        """A name that is one of the words themselves, so that no value can stand in it."""
        return self._label(row, column) in self.words

    def _label(self, row: int, column: int) -> str:
        """The text of a cell as a name is looked up: folded, without the colon behind it."""
        return fold_header(self.grid.text(row, column).strip(" :"))[0].strip(":")

    def values_of(self, row: int, column: int) -> list[tuple[int, int, int]]:
        """(first, last row, column) of where the values of a name stand: below it, to its right, or both."""
        below = self._below(row, column)
        right = [] if self.heads_table(row) else self._right(row, column)
        if not below or self._continues(row, column) or (right and self.is_form(row, column)):
            return right
        return right + [(below[0], below[1], each) for each in self._merged(row, column)]

    def is_form(self, row: int, column: int) -> bool:
        """Another name stands below a name, so that its value can only stand beside it."""
        below = self._below(row, column)
        return below is not None and not self.heads_table(row) and self.is_name(below[0], column)

    def _continues(self, row: int, column: int) -> bool:
        """A row of a table or a form stands right above, so that this one is no header."""
        above = row - 1
        is_row = above >= 0 and not self.is_ours[above] and self.full[column, above] and self.full[:, above].sum() > 1
        return bool(is_row) and not self.heads_table(row)

    def heads_table(self, row: int) -> bool:
        """Most cells of the row are names, and below them, where cells of the same columns stand, are none."""
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
                return False  # a form: names stand below names
            has_row |= bool(self.full[columns, at].sum() > 1)
        return has_row

    def _right(self, row: int, column: int) -> list[tuple[int, int, int]]:
        """The next filled cell of the row, unless it is a known header."""
        more = np.flatnonzero(self.full[column + 1 :, row])
        if not len(more) or self._is_known(row, at := column + 1 + int(more[0])):
            return []
        return [(row, row, at)]

    def _below(self, row: int, column: int) -> tuple[int, int] | None:
        """Rows of the column from its next filled cell to a list or the end; None where nothing stands there."""
        ends = np.flatnonzero(self.is_ours[row + 1 :])
        end = row + 1 + int(ends[0]) if len(ends) else self.grid.height
        more = np.flatnonzero(self.full[column, row + 1 : end])
        return (row + 1 + int(more[0]), end - 1) if len(more) else None

    def _merged(self, row: int, column: int) -> list[int]:
        """The columns over which a name stands."""
        for top, left, bottom, right in self.grid.merges:
            if top <= row <= bottom and left <= column <= right:
                return list(range(left, min(right + 1, len(self.grid.columns))))
        return [column]
