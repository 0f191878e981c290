"""Finds the data rows below a header: totals, footnotes, examples, blanks and repeated headers are left out and counted.

A row with something like an ID number is data, whatever its first word is, unless it is marked as an example. Only the
few other rows are tested further; for a large clean list, one search over its number column is enough.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from low_income.folding import INVISIBLE
from low_income.reading.grid import Grid, Mask, Numbers, Texts, filled, mask
from low_income.reading.recognise import Header, Match, Recogniser
from low_income.settings.contracts import NUMBER_SENSITIVE, Headers, fold_header

_DIGIT = r"[0-9０-９]"
_ID_LIKE = rf"{_DIGIT}{{8}}|(?:{_DIGIT}[{INVISIBLE}]*){{15}}|\d\.?\d*[eE]\+1\d"
_NUMBER_ONLY = r"^[0-9０-９.,，%+\-()（）]{0,10}$"
"""A running number or a count, which is not a text; in text files all cells are text."""
_COLUMN_NUMBER = r"^(?:[甲乙丙丁戊己庚辛壬癸]|[A-Z]|栏次|\(?[0-9]{1,2}\)?(?:=[0-9+\-*/()×÷]+)?)$"
"""A cell of the row under a header that numbers the columns of a form: 甲 乙 1 2 3=1+2."""
_LABEL = r"^[^:0-9]{2,14}:"
"""单位负责人:…; the row is a footnote when nothing else makes it data."""
_NOTE = r"^(?:\(?[0-9]{1,2}[.、)]|[一二三四五六七八九十]{1,3}、|.*[,，。;；、].*[,，。;；、])"
"""A numbered remark or a sentence; the row is a footnote when it has no other cell."""
_RULER = r"^[-=_+|*~─━│┃┄┈┼╋├┤┌┐└┘═║╬╠╣╔╗╚╝—–]+$"
"""A cell of a line drawn between rows, as by sqlcmd, psql, mysql, SQL*Plus and in printed lists."""
_DRAWN = r"[-=_+─━═—–┼]{3}"
"""At least one cell of such a line has three marks: shorter ones mean "no value"."""
_COUNTED = r"(?:rows?|records?|行记录|条记录|行数据|行|条|笔)"
_ROW_COUNT = (
    rf"^\(?(?:(?:已|共|总共|合计)?(?:选择|检索|查询|返回|导出|影响|受影响)?了?(?:的?{_COUNTED}数?)?:?[0-9,]+(?:个|{_COUNTED})+"
    rf"(?:受影响|被选择|已选择|selected|affected|fetched|got|exported|retrieved|returned|inset)?"
    rf"|(?:{_COUNTED}|记录)(?:总)?数:?[0-9,]+|受影响的{_COUNTED}数?:?[0-9,]+|[0-9,]+record\(s\)selected"
    rf"|norowsselected|未选定行|emptyset)[。.]?\)?(?:\([0-9.]+(?:sec|秒|seconds?|ms|毫秒)\))?[。.]?$"
)
"""A database program's message below its rows: (4 rows), (4 行受影响), 4 rows selected., 已选择4行。, 4 rows in set (0.00 sec)."""
_PROMPT = r"^(?:sql>|mysql>|[0-9]+>$|completiontime:|完成时间:|已用时间|elapsed:|spooloff)"
_COUNT = "(?:[0-9０-９一二三四五六七八九十百]+)"
_PAGE = (
    rf"(?:[第共]{_COUNT}页|[0-9]+/[0-9]+页?|[-—–－~·]+[0-9]+[-—–－~·]+|page:?[0-9]+(?:[of/]+[0-9]+)?|p\.?[0-9]{{1,3}}"
    rf"|页[码次]:?[0-9/]+|总页数:?[0-9]+)"
)
_OVERLEAF = f"续表{_COUNT}?|续|续上表|接上表|接上页|续上页|转下页|接下页|续下页|下页续|未完待续|此页续前"
_PAGE_LINE = rf"^[(\[]?(?:{_OVERLEAF}|{_PAGE}(?:[,,、;;/|(]?{_PAGE})*)[)\]]*$|^\(续{_COUNT}\)$"
"""Text at the top or bottom of a printed page: 续表，第2页 共5页，接上页."""
_CONTINUED = rf"\((?:续表?|续?{_COUNT}|(?:续|接)(?:上|前)(?:表|页)|(?:接|续)?第?{_COUNT}页?)\)$|[-—]?续(?:表{_COUNT}?|{_COUNT})?$"
"""The end of a title that is repeated on a further page."""
_TITLE_CONTINUED = (
    rf".\((?:续表?|续{_COUNT}|(?:续|接)(?:上|前)(?:表|页))\)$|.续表{_COUNT}?$|^(?:\(续表?\)|续表{_COUNT}?[::、.])."
)
"""The same with words that never begin or end a person's name, so it is recognised without knowing the title."""
_LONG = r".{7}"
FEW_COLUMNS = 300
"""Only so many first columns are searched for the words that show that a row is not data."""


@dataclass
class DataRows:
    """The data rows (`keep`: positions in the grid, from 0), and how many other rows were left out, by sort."""

    keep: Numbers
    left_out: dict[str, int]
    other_header: int | None
    """Position of a row that is another table's header; None without one."""


def data_rows(grid: Grid, header: Header, match: Match, recogniser: Recogniser) -> DataRows:
    """Sort the rows below the header. `left_out` and `keep` together cover every row down to the last non-empty one."""
    begin = header.last + 1
    end = _last_filled(grid) + 1
    body = [column.slice(begin, max(end - begin, 0)) for column in grid.columns]
    count = max(end - begin, 0)
    mapped = [use.column - 1 for use in match.uses]
    words = recogniser.headers
    with_number = np.zeros(count, bool)
    for use in match.uses:
        if match.kind.columns[use.field].type in ("id_number", "disability_number"):
            with_number |= _id_like(body[use.column - 1], words)
    candidates = ~with_number
    for column in mapped:
        candidates |= mask(pc.starts_with(body[column], words.example))
    suspects = np.flatnonzero(candidates)
    sort = np.full(count, "", dtype="<U16")
    other_header = None
    if len(suspects):
        texts = [column.take(pa.array(suspects)) for column in body[:FEW_COLUMNS]]
        numbers = {column: mask[begin:end][suspects] for column, mask in grid.numeric.items() if column < FEW_COLUMNS}
        sort[suspects], headers = _sort_suspects(texts, numbers, header, mapped, recogniser, with_number[suspects])
        if headers.any():
            other_header = begin + int(suspects[np.argmax(headers)])
    left_out = {str(name): int((sort == name).sum()) for name in sorted(set(sort.tolist())) if name}
    return DataRows(np.flatnonzero(sort == "") + begin, left_out, other_header)


def header_beside(grid: Grid, header: Header, recogniser: Recogniser) -> tuple[int, int] | None:
    """(row, first column), from 0, of another table's header in columns without a name in this header; None without one."""
    known_words = pa.array(sorted(recogniser.known))
    known = np.zeros(grid.height, np.int64)
    first = np.full(grid.height, -1)
    for column, (name, texts) in enumerate(zip(header.names, grid.columns, strict=True)):
        if not name and texts.null_count < grid.height:
            hits = mask(pc.is_in(pc.utf8_lower(_folded(texts)), known_words))
            first = np.where(hits & (first < 0), column, first)
            known += hits
    at = int(np.argmax(known >= 3)) if len(known) else 0
    return (at, int(first[at])) if len(known) and known[at] >= 3 else None


def _last_filled(grid: Grid) -> int:
    """Position of the last non-empty row; -1 without one."""
    last = -1
    for column in grid.columns:
        if column.null_count < len(column):
            valid = np.asarray(pc.is_valid(column.slice(last + 1)))
            if valid.any():
                last += len(valid) - int(np.argmax(valid[::-1]))
    return last


def _id_like(column: Texts, words: Headers) -> Mask:
    """Cells with digits like an ID number that do not begin like a footnote or a total."""
    begins = "|".join(re.escape(word) for word in [*words.footnotes, *words.totals])
    return mask(pc.match_substring_regex(column, _ID_LIKE)) & ~mask(
        pc.match_substring_regex(column, rf"^[{INVISIBLE}]*(?:{begins})")
    )


def _folded(column: Texts) -> Texts:
    """The texts without blanks and `*`, with half-width brackets and colons: enough to compare them with our words."""
    for pattern, replacement in [(f"[{INVISIBLE}*]+", ""), ("（", "("), ("）", ")"), ("：", ":")]:
        column = pc.replace_substring_regex(column, pattern, replacement)
    return column


def _sort_suspects(
    texts: list[Texts],
    numbers: dict[int, Mask],
    header: Header,
    mapped: list[int],
    recogniser: Recogniser,
    with_number: Mask,
) -> tuple[np.ndarray, Mask]:
    """(sort of each row, '' for data; mask of rows that are another table's header)."""
    words = recogniser.headers
    count = len(with_number)
    full = np.array([filled(column) for column in texts])
    folded = [_folded(column) for column in texts]
    first: Texts = pa.nulls(count, pa.string())
    exact_total, hits, known = np.zeros(count, bool), np.zeros(count, np.int64), np.zeros(count, np.int64)
    own_words = {
        column: pa.array(sorted(header.texts[column]), pa.string()) for column in mapped if column < len(texts)
    }
    totals, known_words = pa.array(words.totals), pa.array(sorted(recogniser.known))
    for column, text in enumerate(folded):
        is_text = full[column] & ~mask(pc.match_substring_regex(text, _NUMBER_ONLY))
        if column in numbers:
            is_text &= ~numbers[column]
        if is_text.any():
            first = pc.coalesce(first, pc.if_else(pa.array(is_text), text, pa.scalar(None, pa.string())))
            exact_total |= mask(pc.is_in(text, totals))
            bare = pc.replace_substring_regex(pc.utf8_lower(text), r"\((元|万元|千元|公里|元/月)\)$", "")
            known += mask(pc.is_in(bare, known_words))
            if column in own_words:
                hits += mask(pc.is_in(bare, own_words[column]))
    total_words = "|".join(re.escape(word) for word in words.totals)
    footnote_words = "|".join(re.escape(fold_header(word)[0]) for word in words.footnotes)
    above = _above(folded, header)
    cells = full.sum(axis=0)
    inside = full[[column for column in mapped if column < len(texts)]].any(axis=0)
    has_text = np.asarray(pc.is_valid(first))
    is_total = exact_total | mask(pc.match_substring_regex(first, rf"^(?:{total_words})|(?:{total_words}):?$"))
    numbering = _numberings(folded, full)
    ruler, page, count_said = _lines_of_programs(folded, full, above)
    remark = mask(pc.match_substring_regex(first, _LABEL)) | (cells == 1) & mask(pc.match_substring_regex(first, _NOTE))
    # Names and relations above a second header are not a title: one of several cells must be as long as a title.
    long = np.array([mask(pc.match_substring_regex(text, _LONG)) for text in folded])
    is_above = (~full | above).all(axis=0) & ((cells == 1) | (above & long).any(axis=0))
    repeated = (hits >= 2) & (hits * 2 >= cells) | (cells > 0) & is_above
    other = (known >= 3) & (known * 2 >= cells) & ~repeated & ~with_number
    sort = np.select(
        [
            cells == 0,
            mask(pc.starts_with(first, words.example)),
            with_number,
            ruler,
            repeated,
            page,
            count_said,
            numbering,
            is_total,
            mask(pc.match_substring_regex(first, rf"^(?:{footnote_words})")) | remark | ~inside & has_text,
            ~inside,
        ],
        [
            "blank",
            "example",
            "",
            "ruler",
            "repeated_header",
            "page_line",
            "row_count",
            "column_numbers",
            "total",
            "footnote",
            "blank",
        ],
        default="",
    )
    return sort, other


def _above(folded: list[Texts], header: Header) -> np.ndarray:
    """Mask (column, row) of cells that repeat a text from above the header, exactly or with a mark of continuation."""
    titles = pa.array([fold_header(title)[0] for title in header.titles], pa.string())
    plain = [pc.utf8_lower(text) for text in folded]
    return np.array(
        [
            mask(pc.is_in(text, titles)) | mask(pc.is_in(pc.replace_substring_regex(text, _CONTINUED, ""), titles))
            for text in plain
        ]
    )


def _lines_of_programs(folded: list[Texts], full: np.ndarray, above: np.ndarray) -> tuple[Mask, Mask, Mask]:
    """Rows that programs add: (drawn lines, page lines, row counts and other messages of a session).

    At the top of a further page, the texts `above` the header may be repeated beside the page number.
    """
    cells = full.sum(axis=0)
    ruler, drawn, page = cells > 0, np.zeros(len(cells), bool), cells > 0
    has_mark = np.zeros(len(cells), bool)
    for column, text in enumerate(folded):
        ruler &= ~full[column] | mask(pc.match_substring_regex(text, _RULER))
        drawn |= mask(pc.match_substring_regex(text, _DRAWN))
        printed = mask(pc.match_substring_regex(text, _PAGE_LINE, ignore_case=True))
        printed |= mask(pc.match_substring_regex(text, _TITLE_CONTINUED))
        has_mark |= printed
        page &= ~full[column] | above[column] | printed
    few = np.flatnonzero((cells > 0) & (cells <= 3))
    whole: Texts = pc.binary_join_element_wise(*(pc.fill_null(text.take(pa.array(few)), "") for text in folded), "")
    said = np.zeros(len(cells), bool)
    said[few] = mask(pc.match_substring_regex(whole, _ROW_COUNT, ignore_case=True)) | mask(
        pc.match_substring_regex(whole, _PROMPT, ignore_case=True)
    )
    return ruler & drawn, page & has_mark, said


def _numberings(folded: list[Texts], full: np.ndarray) -> Mask:
    """Rows that number the columns: at least three cells, nothing else in them, numbers rising from left to right."""
    cells = full.sum(axis=0)
    rows: Mask = np.asarray(cells >= 3)
    last = np.zeros(len(cells), np.int64)
    for column, text in enumerate(folded):
        rows &= ~full[column] | mask(pc.match_substring_regex(text, _COLUMN_NUMBER))
        if not rows.any():
            return rows
        plain = mask(pc.match_substring_regex(text, r"^[0-9]{1,2}$"))
        number = np.zeros(len(cells), np.int64)
        number[plain] = pc.cast(text.filter(pa.array(plain)), pa.int64()).to_numpy(zero_copy_only=False)
        rows &= ~plain | (number > last)
        last = np.where(plain, number, last)
    return rows


def filled_down(grid: Grid, column: int, header: Header) -> tuple[Texts, Mask | None]:
    """A column's text and number mask, where each merged cell's value fills the empty rows of the merged range."""
    text, numeric = grid.columns[column], grid.numeric.get(column)
    merges = [
        (first_row, last_row)
        for first_row, first_column, last_row, _ in grid.merges
        if first_column == column and last_row > first_row > header.last
    ]
    if not merges:
        return text, numeric
    source = np.arange(grid.height)
    for first_row, last_row in merges:
        source[first_row : last_row + 1] = first_row
    spread = text.take(pa.array(source))
    empty = np.asarray(pc.is_null(text))
    if numeric is not None:
        numeric = np.where(empty, numeric[source], numeric)
    return pc.coalesce(text, spread), numeric


def raw_table(grid: Grid, header: Header, match: Match, keep: Numbers) -> pa.Table:
    """The data rows as `model.Reading` describes them: sheet, row_number, raw text per field, `<field>__numeric`."""
    whole = len(keep) and keep[-1] - keep[0] + 1 == len(keep)
    positions = pa.array(keep)

    def pick(array: Texts) -> Texts:
        return array.slice(int(keep[0]), len(keep)) if whole else array.take(positions)

    columns: dict[str, Texts] = {
        "sheet": pa.repeat(pa.scalar(grid.sheet, pa.string()), len(keep)),
        "row_number": pa.array(grid.row_numbers[keep].astype(np.int32)),
    }
    by_field = {use.field: use.column - 1 for use in match.uses}
    for field, column in match.kind.columns.items():
        if field in by_field:
            text, numeric = filled_down(grid, by_field[field], header)
            columns[field] = pick(text)
            if column.type in NUMBER_SENSITIVE:
                flags = np.zeros(len(keep), bool) if numeric is None else numeric[keep]
                columns[f"{field}__numeric"] = pa.array(flags)
    return pa.table(columns)
