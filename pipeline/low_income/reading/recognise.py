"""Recognises a sheet: where its header is, which kind it is, which column is which field.

It uses the headers, then the title and the sheet name. The file name counts only where the headers fit two kinds equally.
See docs/sources.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations

import pyarrow.compute as pc

from low_income.folding import visible
from low_income.model import ColumnUse, column_letter
from low_income.reading.dbf import cut
from low_income.reading.grid import Grid
from low_income.settings.contracts import MONEY_UNIT, Contracts, Kind, fold_header

HEADER_ROWS = 20
"""The header begins in one of the first so many non-empty rows."""
DEEPEST_HEADER = 4
"""The most rows of a header, with its rows of groups."""
LOOKED_AT = 200
"""Number of rows, from the first filled one, in which the header is searched."""
_SYSTEM = "低收入人口"
"""The name of the whole programme, which occurs in titles of every kind."""
_OFFICE = re.compile(r"(低保|社会救助)(工作|管理|服务|事务)*(中心|办公室|科|股|办|局|处|站)")
"""An office in a title: it says who sends the list, not which list it is."""
_DATA = re.compile(r"\d{6}|^[\d.,]+$")
"""What never occurs in the upper rows of a header: a month, an ID number, an amount."""
_TITLE_UNIT = re.compile(rf"单位\s*[:：]\s*(?:[人户]\s*[、，,/]\s*)*(?:人民币)?({MONEY_UNIT})(?![\u4e00-\u9fff])")


@dataclass(frozen=True)
class Header:
    """A header of one or more rows. Rows and columns count from 0; lists have one entry per column."""

    first: int
    last: int
    names: list[str]
    """As the sender wrote them, without line breaks; '' where the column has no header."""
    folded: list[str]
    """The names in the form for looking them up in a kind's headers."""
    units: list[str | None]
    texts: list[frozenset[str]]
    """The folded texts of the column's header cells, to recognise a repeated header further down."""
    titles: list[str]
    """Texts above the header."""
    over: list[list[str]]
    """Other texts that name a column: groups over it, in the header and directly above, and a name of never stored data below it."""
    cut_names: str = ""
    """See `Grid.cut_names`."""

    @property
    def title(self) -> str:
        """Texts above the header, joined by blanks."""
        return " ".join(self.titles)


@dataclass(frozen=True)
class Match:
    """A kind compared with a header: which columns are its fields."""

    kind: Kind
    uses: list[ColumnUse]
    missing: list[list[str]]
    """Required groups of fields without a column in the header."""
    why: str = ""
    """Why the sheet is of this kind, as a Chinese sentence; '' when it is not."""

    @property
    def fields(self) -> set[str]:
        """Fields that have a column."""
        return {use.field for use in self.uses}

    def twice(self) -> list[ColumnUse]:
        """Columns for a field that another column has too."""
        fields = [use.field for use in self.uses]
        return [use for use in self.uses if fields.count(use.field) > 1]


@dataclass(frozen=True)
class Undecided:
    """Kinds that a sheet's headers fit equally, when title, sheet name and file name do not decide."""

    matches: list[Match]
    """Sorted by the kind's name."""
    told: dict[str, set[str]]
    """Place (标题, 工作表名, 文件名) → names of the kinds that it names; empty when no place names one."""


class Recogniser:
    """Recognises sheets of one unit, by the headers of all kinds as this unit writes them."""

    def __init__(self, contracts: Contracts, unit_code: str, sender_kinds: set[str]) -> None:
        self.agreed = contracts
        self.headers = contracts.headers
        self.kinds = [contracts.for_unit(name, unit_code) for name in sorted(contracts.kinds)]
        self.sendable = [kind for kind in self.kinds if sender_kinds & set(kind.senders)]
        self.may_send = {kind.name for kind in self.sendable}
        self._fields = {kind.name: kind.header_fields() for kind in self.kinds}
        self._cut_fields: dict[tuple[str, str], dict[str, str]] = {}
        self.known = {header for fields in self._fields.values() for header in fields}
        self.period = {fold_header(word)[0] for word in self.headers.period}
        self._ignored = {fold_header(word)[0] for word in self.headers.ignored}
        self._never = {fold_header(word)[0] for words in self.headers.never.values() for word in words}

    def header(self, grid: Grid) -> Header | None:
        """The row or rows in which the most columns have a known header; None when there are never two.

        The header of a table (`Grid.is_table`) is its first row, whatever the names are.
        """
        head = _Head(grid)
        if grid.is_table:
            return self._header_at(head, 0, 0)
        found: list[tuple[tuple[int, int, int], Header]] = []
        for first in head.filled[:HEADER_ROWS]:
            for last in range(first, first + DEEPEST_HEADER):
                # Rows above the last row of a header contain groups or nothing, never data.
                if last > first and any(map(_DATA.search, head.rows.get(last - 1, ()))):
                    break
                if last not in head.filled:
                    continue
                header = self._header_at(head, first, last)
                known = [column for column, name in enumerate(header.folded) if name in self.known]
                distinct = len({header.folded[column] for column in known})
                used = [self._parts(head, column, first, last) for column in known]
                joined = sum(len(rows) > 1 for rows in used)
                # Several rows are one header when the first and the last name a column; a title above does not.
                if distinct >= 2 and all(any(row in rows for rows in used) for row in (first, last)):
                    found.append(((distinct, joined, first - last), header))
        if not found:
            return None
        best = max(found, key=lambda candidate: candidate[0])[1]  # the first of equals
        for (known_names, _, _), header in found:
            # The header of a first table above a table with more columns; the second header is found among the rows.
            if known_names >= 3 and known_names * 2 >= sum(map(bool, header.names)) and header.last < best.first:
                return self._with_groups(head, header)
        return self._with_groups(head, best)

    def _parts(self, head: _Head, column: int, first: int, last: int) -> list[int]:
        """The rows whose joined texts name a column: 户主 over 姓名 is 户主姓名; 个人情况 over 姓名 is 姓名."""
        own = next((row for row in range(last, first - 1, -1) if head.text(row, column)), None)
        if own is None:
            return []
        above = [row for row in range(first, own) if head.groups(row)[column]]
        for count in range(len(above), 0, -1):
            for rows in combinations(above, count):
                name = "".join(head.groups(row)[column] for row in rows) + head.text(own, column)
                if fold_header(name)[0] in self.known:
                    return [*rows, own]
        return [own]

    def _header_at(self, head: _Head, first: int, last: int) -> Header:
        grid = head.grid
        names = []
        for column in range(head.width):
            *above, own = self._parts(head, column, first, last) or [first]
            names.append("".join(head.groups(row)[column] for row in above) + head.text(own, column))
        below = last
        if last == first:
            # A header row with cells that are several rows high.
            ends = [end for row, column, end, _ in grid.merges if row == first and head.text(row, column)]
            below = max([first, *(end for end in ends if end < first + DEEPEST_HEADER)])
        folds = [_fold_cut(name) if grid.cut_names else fold_header(name) for name in names]
        rows = range(first, below + 1)
        units = [
            unit or next((said for row in rows if (said := fold_header(head.groups(row)[column])[1])), None)
            for column, (_, unit) in enumerate(folds)
        ]
        texts = [frozenset(fold_header(head.text(row, column))[0] for row in rows) for column in range(head.width)]
        above_it = [text for row in head.filled if row < first for text in head.rows[row] if text]
        titles = list(dict.fromkeys(above_it))
        if of_title := _TITLE_UNIT.search(" ".join(titles)):
            units = [unit or of_title[1] for unit in units]
        alone: list[list[str]] = [[] for _ in names]
        return Header(first, below, names, [folded for folded, _ in folds], units, texts, titles, alone, grid.cut_names)

    def _with_groups(self, head: _Head, header: Header) -> Header:
        """The header with `over`: texts in or over its columns, from the header's rows and the rows next to it."""
        first, last, names = header.first, header.last, header.names
        rows = [head.groups(row) for row in range(first, last + 1)]
        rows += [head.spread(row, head.texts_of(range(row + 1, last + 1))) for row in range(first, last)]
        named = {column for column, name in enumerate(names) if name}
        for row in range(first - 1, max(first - DEEPEST_HEADER, -1), -1):
            if row not in head.filled:
                break
            rows.append([text if self._is_group(text) else "" for text in head.spread(row, named, within=named)])
        for row in range(last + 1, last + DEEPEST_HEADER):
            if row not in head.filled or any(map(_DATA.search, head.rows[row])):
                break
            rows.append([text if fold_header(text)[0] in self._never else "" for text in head.rows[row]])
        over = [list(dict.fromkeys(row[column] for row in rows if row[column])) for column in range(head.width)]
        return replace(header, over=over)

    def _is_group(self, text: str) -> bool:
        """Whether a text above a header names a group of columns: it is not a title of a list and contains no value."""
        if ":" in fold_header(text)[0] or re.search(r"\d", text):
            return False
        return all(_title_match(kind, _heading(text)) == (0, 0) for kind in self.kinds)

    def refused(self, header: Header, column: int) -> bool:
        """Whether a column is never stored (docs/boundaries.md, 1), by its own name or the name of its group."""
        name = header.names[column]
        return (
            self.headers.refusal_of(name) is not None
            or (bool(header.cut_names) and bool(name) and self._refused_word_begins(name))
            or any(self.headers.refusal_of(text, is_header=False) for text in header.over[column])
        )

    def refused_columns(self, header: Header) -> list[tuple[int, str]]:
        """(column from 1, name) of the columns that are never stored; a column without a name gets its group's name."""
        return [
            (
                column + 1,
                name or next(text for text in header.over[column] if self.headers.refusal_of(text, is_header=False)),
            )
            for column, name in enumerate(header.names)
            if self.refused(header, column)
        ]

    def _refused_word_begins(self, name: str) -> bool:
        """Whether a cut name ends with the beginning of a refused word."""
        words = [word for group in self.headers.never.values() for word in group if not word.isascii()]
        return any(name.endswith(word[:size]) for word in words for size in range(2, len(word)))

    def _field(self, kind: Kind, folded: str, cut_names: str) -> str | None:
        """The field that a header names. A cut name counts when only one field has a header that is cut to this name."""
        if (field := self._fields[kind.name].get(folded)) or not cut_names:
            return field
        if (kind.name, cut_names) not in self._cut_fields:
            meant: dict[str, set[str]] = {}
            for known, field in self._fields[kind.name].items():
                meant.setdefault(cut(known, cut_names), set()).add(field)
            unique = {short: fields.pop() for short, fields in meant.items() if len(fields) == 1}
            self._cut_fields[kind.name, cut_names] = unique
        return self._cut_fields[kind.name, cut_names].get(folded)

    def match(self, kind: Kind, header: Header) -> Match:
        """Compare a kind with a header."""
        uses = []
        for column, (name, folded, unit) in enumerate(zip(header.names, header.folded, header.units, strict=True)):
            field = self._field(kind, folded, header.cut_names)
            if folded and field and not self.refused(header, column):
                known = kind.columns[field]
                own_unit = unit if known.type == "money" else fold_header(name)[1]
                alias = next((word for word in known.aliases if fold_header(word)[0] == folded), None)
                own = fold_header(known.header)[0] == folded  # a cut name is neither: then alias is None
                uses.append(ColumnUse(field, name, column + 1, own_unit, None if own else alias))
        present = {use.field for use in uses}
        return Match(kind, uses, [group for group in kind.required_groups() if not present & set(group)])

    def recognise(
        self, grid: Grid, header: Header, file_name: str
    ) -> tuple[Match | None, list[Match], Undecided | None]:
        """(match of the sheet's kind, matches of all kinds by nearness, the kinds between which nothing decides).

        The kind may be one that this unit may not send. It is None where the sheet is of no kind or undecided.
        """
        heading = _heading(header.title + grid.sheet)
        matches = [self.match(kind, header) for kind in self.kinds]

        def preference(match: Match) -> tuple[bool, tuple[int, int], int, float]:
            share = len(match.fields) / len(match.kind.columns)
            return match.kind.name in self.may_send, _title_match(match.kind, heading), len(match.fields), share

        def nearness(match: Match) -> tuple[bool, float, int, float]:
            groups = len(match.kind.required_groups())
            share = len(match.fields) / len(match.kind.columns)
            return match.kind.name in self.may_send, (groups - len(match.missing)) / groups, len(match.fields), share

        complete = [match for match in matches if not match.missing]
        best = max(complete, key=preference, default=None)
        by_nearness = sorted(matches, key=nearness, reverse=True)
        titled = max(matches, key=lambda match: (self.is_near(match), _title_match(match.kind, heading)))
        if best and self.is_near(titled) and _title_match(titled.kind, heading) > _title_match(best.kind, heading):
            # The title names a kind that lacks a column; so the sheet is not another kind that does not need this column.
            return None, [titled, *(match for match in by_nearness if match is not titled)], None
        if best is None:
            return None, by_nearness, None
        alike, told = self._alike(complete), {}
        if len(alike) > 1 and best in alike:
            told = _told(alike, {"标题": header.title, "工作表名": grid.sheet, "文件名": file_name})
            named = set().union(*told.values())
            if len(named) != 1:
                richest = max(alike, key=lambda match: len(match.fields))
                if named or all(_columns(match) == _columns(richest) for match in alike):
                    return None, by_nearness, Undecided(sorted(alike, key=lambda match: match.kind.name), told)
                best = richest
            else:
                best = next(match for match in alike if match.kind.name in named)
        others = [each for each in complete if each is not best]
        return replace(best, why=self._why(best, header, grid, heading, others, list(told))), by_nearness, None

    def _alike(self, complete: list[Match]) -> list[Match]:
        """The kinds that this unit sends and that fit as well as the one with the most columns.

        A column that only one kind has tells it apart; a column of several kinds, like 性别 or 联系电话, does not.
        """
        sent = [match for match in complete if match.kind.name in self.may_send]
        if not sent:
            return []
        richest = max(sent, key=lambda match: len(match.fields))
        return [
            match for match in sent if not self._tells_apart(richest, match) and not self._tells_apart(match, richest)
        ]

    def _tells_apart(self, one: Match, other: Match) -> bool:
        """Whether `one` uses a column that `other` does not, and that is required or that no third kind has."""
        extra = [use for use in one.uses if use.column not in _columns(other)]
        required = {field for group in one.kind.required_groups() for field in group}
        known = {
            name
            for kind, fields in self._fields.items()
            if kind not in (one.kind.name, other.kind.name)
            for name in fields
        }
        return any(use.field in required or fold_header(use.header)[0] not in known | self._ignored for use in extra)

    def _why(
        self, match: Match, header: Header, grid: Grid, heading: str, complete: list[Match], told: list[str]
    ) -> str:
        """The sentence why: the header's row, the required columns, the word in the title, and other kinds that also fit.

        `told` are the places that decided between the kinds: title, sheet name, file name.
        """
        groups = match.kind.required_groups()
        named = "、".join(
            match.kind.columns[field].header for group in groups for field in group if field in match.fields
        )
        first, last = (int(grid.row_numbers[row]) for row in (header.first, header.last))
        said = [f"第{first}行是表头" if first == last else f"第{first}至{last}行是表头", f"必填列齐全（{named}）"]
        words = [word for word in match.kind.titles if fold_header(word)[0] in heading]
        if words:
            said.append(f"标题或工作表名里有“{max(words, key=len)}”")
        rivals = [each for each in complete if each.kind.name in self.may_send]
        if rivals:
            by_title = any(_title_match(match.kind, heading) > _title_match(each.kind, heading) for each in rivals)
            ground = "按标题取了这一种" if by_title else "这一种对得上的列最多"
            if told:
                ground = f"按{'、'.join(told)}取了这一种"
            said.append(f"列名也合于{'、'.join(f'“{each.kind.title}”' for each in rivals[:3])}，{ground}")
        return "，".join(said)

    def tables(self, grid: Grid, header: Header, match: Match) -> list[int]:
        """The first column of each table under this header, when tables are side by side; one column when there is one table.

        Two tables of one kind repeat most of its columns. Two tables of different kinds are each complete, and share a column
        or have an empty one between them. A single repeated name is not a second table.
        """
        begins, seen = [0], set[str]()
        for use in match.uses:
            if use.field in seen:
                begins.append(use.column - 1)
                seen = set()
            seen.add(use.field)
        parts = [
            _part(header, first, last) for first, last in zip(begins, [*begins[1:], len(header.names)], strict=True)
        ]
        first, *others = [self.match(match.kind, part) for part in parts]
        if others and all(self._repeats(first, other) for other in others):
            return begins
        gaps = [
            column
            for column, name in enumerate(header.names[1:-1], start=1)
            if not name and grid.columns[column].null_count == grid.height
        ]
        for column in range(1, len(header.names)) if others else gaps:
            sizes = [self._complete(_part(header, *part)) for part in ((0, column), (column, None))]
            # The name, number and relation of a relative beside a person are not a table: one of two tables needs more than three columns.
            if all(sizes) and max(sizes) > 3:
                begin = next((at for at in range(column, len(header.names)) if header.names[at]), column)
                return [0, begin]
        return [0]

    @staticmethod
    def _repeats(first: Match, other: Match) -> bool:
        groups = len(other.kind.required_groups())
        same = len(first.fields & other.fields)
        return len(other.missing) * 2 <= groups and same >= 3 and same * 2 >= len(first.fields)

    def _complete(self, part: Header) -> int:
        """The number of required columns of the largest kind that is complete in these columns; 0 without one."""
        found = [match for kind in self.sendable if not (match := self.match(kind, part)).missing]
        return max((len(match.kind.required_groups()) for match in found), default=0)

    def likeliest_row(self, grid: Grid) -> Header | None:
        """For a sheet without a header: the row with the most texts among the possible header rows; None without any text."""
        head = _Head(grid)
        words = {
            row: sum(any(character.isalpha() for character in text) for text in head.rows[row])
            for row in head.filled[:HEADER_ROWS]
        }
        if not any(words.values()):
            return None
        at = max(words, key=lambda row: words[row])  # the first of equals
        return self._header_at(head, at, at)

    def titled(self, grid: Grid, header: Header) -> list[str]:
        """Names of the kinds that the title or the sheet name names."""
        heading = _heading(header.title + grid.sheet)
        return [kind.name for kind in self.kinds if _title_match(kind, heading) > (0, 0)]

    def is_near(self, match: Match) -> bool:
        """Whether the sheet is a list of this kind with a wrong header: the unit sends it, half of its required columns are there."""
        groups = len(match.kind.required_groups())
        return match.kind.name in self.may_send and len(match.missing) * 2 <= groups and len(match.fields) >= 3

    def unused(self, header: Header, match: Match, filled: set[int]) -> list[str]:
        """Headers that are neither mapped nor ignored, in order; `filled`: the columns with content below the header."""
        mapped = {use.column - 1 for use in match.uses}
        ignored = self._ignored | self.period | {fold_header(word)[0] for word in match.kind.ignore}
        unused = []
        for column, (name, folded) in enumerate(zip(header.names, header.folded, strict=True)):
            if column in mapped or folded in ignored or self.refused(header, column):
                continue
            if name and (column in filled or any(map(str.isalnum, name))):
                unused.append(name)
            elif not name and column in filled:
                unused.append(f"{column_letter(column + 1)}列（无列名）")
        return unused


def _fold_cut(name: str) -> tuple[str, str | None]:
    """`fold_header` of a cut name: an opening bracket that is never closed, and the text after it, are removed."""
    folded, unit = fold_header(name)
    bare, bracket, inside = folded.partition("(")
    if not bare or not bracket or ")" in inside:
        return folded, unit
    return bare, next((whole for whole in ("万元", "千元", "元") if inside and whole.startswith(inside)), None)


def _part(header: Header, first: int, last: int | None) -> Header:
    """The columns from `first` up to, but without, `last` as a header; its columns count from 0 again."""
    part = slice(first, last)
    return replace(
        header,
        names=header.names[part],
        folded=header.folded[part],
        units=header.units[part],
        texts=header.texts[part],
        over=header.over[part],
    )


class _Head:
    """The first rows of a sheet, with the header among them; texts are without blanks."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.width = len(grid.columns)
        starts = [at for column in grid.columns if (at := pc.index(column.is_valid(), True).as_py()) >= 0]
        start = min(starts, default=0)
        cells = [[_clean(text) for text in column.slice(start, LOOKED_AT).to_pylist()] for column in grid.columns]
        self.rows = {start + at: list(row) for at, row in enumerate(zip(*cells, strict=True))} if cells else {}
        self.filled = [row for row, texts in self.rows.items() if any(texts)]
        self._groups: dict[int, list[str]] = {}

    def text(self, row: int, column: int) -> str:
        """The text of a cell; '' for an empty cell and for one outside these rows."""
        return self.rows[row][column] if row in self.rows and column < self.width else ""

    def texts_of(self, rows: range) -> set[int]:
        """Columns with a text in one of these rows."""
        return {column for row in rows for column in range(self.width) if self.text(row, column)}

    def spread(self, row: int, below: set[int], within: set[int] | None = None) -> list[str]:
        """Per column, the text of the row that names it together with others: a merged cell, or a text followed by blank cells.

        `below`: columns with a text further down in the header. `within`: given for a row above the header, where a single
        text, or a merged one over all these columns, is a title.
        """
        spread = [""] * self.width
        own = [column for column in range(self.width) if self.text(row, column)]
        merged = {
            left: min(right, self.width - 1)
            for top, left, _, right in self.grid.merges
            if top == row and left < right and left < self.width
        }
        for at, left in enumerate(own):
            end = own[at + 1] - 1 if at + 1 < len(own) else self.width - 1
            if left in merged:
                columns = range(left, merged[left] + 1)
            elif left in below and (within is None or (len(own) > 1 and self._is_apart(own, at, merged))):
                columns = range(left, next((each for each in range(left + 1, end + 1) if each not in below), end + 1))
            else:
                continue
            if len(columns) > 1 and not (within and within <= set(columns)):
                for column in columns:
                    spread[column] = self.text(row, left)
        return spread

    @staticmethod
    def _is_apart(own: list[int], at: int, merged: dict[int, int]) -> bool:
        """Whether the cell before this text is empty or merged. Otherwise the text may be the value of a name in a form."""
        return at == 0 or own[at - 1] < own[at] - 1 or own[at - 1] in merged

    def groups(self, row: int) -> list[str]:
        """The texts of a row; the text of a merged cell is repeated in all its columns."""
        if row not in self._groups:
            spread = list(self.rows.get(row, [""] * self.width))
            for first_row, first_column, _, last_column in self.grid.merges:
                if first_row == row and first_column < self.width:
                    for column in range(first_column, min(last_column + 1, self.width)):
                        spread[column] = self.rows[row][first_column]
            self._groups[row] = spread
        return self._groups[row]


def _clean(text: str | None) -> str:
    return visible(text) if text else ""


def _heading(text: str) -> str:
    return fold_header(text)[0].replace("最低生活保障", "低保")


def _columns(match: Match) -> set[int]:
    return {use.column for use in match.uses}


def _told(matches: list[Match], places: dict[str, str]) -> dict[str, set[str]]:
    """Place → the kinds of these that its text names, without places that name none.

    A file name that names several kinds is left out: it describes all sheets together, not one of them.
    """
    told = {place: _spoken_of([match.kind for match in matches], text) for place, text in places.items()}
    if len(told["文件名"]) > 1:
        del told["文件名"]
    return {place: kinds for place, kinds in told.items() if kinds}


def _spoken_of(kinds: list[Kind], text: str) -> set[str]:
    """Names of the kinds that a text names. The longest words are searched first, so that 低保边缘 is not also 低保."""
    words: dict[str, set[str]] = {}
    for kind in kinds:
        for word in {kind.name, fold_header(kind.title)[0], *(word for word, _ in kind.called())}:
            words.setdefault(word, set()).add(kind.name)
    left, spoken = _OFFICE.sub(" ", _heading(visible(text)).replace(_SYSTEM, " ")), set[str]()
    for word in sorted(words, key=lambda word: (-len(word), word)):
        if word in left:
            spoken |= words[word]
            left = left.replace(word, " ")
    return spoken


def _title_match(kind: Kind, heading: str) -> tuple[int, int]:
    """(length of the kind's longest title in the heading, the same for titles without words that all lists share)."""
    called, bare = kind.called(), heading.replace(_SYSTEM, "")
    titles, stems = ([word for word, is_whole in called if is_whole is whole] for whole in (True, False))
    return _longest(titles, heading), _longest(stems, bare)


def _longest(words: Iterable[str], text: str) -> int:
    return max((len(word) for word in words if word in text), default=0)
