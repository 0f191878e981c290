"""Finds the kinds that an unrecognised sheet resembles, the columns that it lacks, and headers that may be meant."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rapidfuzz import fuzz

from low_income import advice
from low_income.model import Near, Refusal
from low_income.reading.garbled import is_garbled
from low_income.reading.recognise import HEADER_ROWS, Header, Match
from low_income.settings.contracts import Kind, fold_header

_NUMBER = re.compile(r"\d{15}|\d{17}[\dXx]")
SHOWN = 3
"""The most kinds that a refusal names."""
ALIKE = 50.0
"""Two headers with at most this similarity, in percent, are not related."""
APART = (("总", "均"), ("年", "月"), ("户", "人"))
"""Pairs of words that must not be confused, however similar the rest: a total read as a mean would make every row wrong."""
TITLED = 0.5
"""Weight of a kind's name in the title; all required columns together have the weight 1."""


def unrecognised(
    header: Header | None, matches: Sequence[Match], titled: Sequence[str], sheet: str, sendable: Sequence[Kind], *,
    is_row: bool = False,
) -> Refusal:  # fmt: skip
    """The refusal of a sheet of no kind. It names the nearest kinds, the columns that each lacks, and a similar header for each.

    Args:
        header: the sheet's header, or the row most like a header; None when the sheet has no text.
        matches: kinds compared with it, from which the nearest are chosen.
        titled: names of kinds that the title names, or the one kind that it must be.
        sheet: the sheet's name, '' for a text file.
        sendable: the kinds that the unit may send.
        is_row: `header` is only the row most like a header.
    """
    where = f"工作表“{sheet}”" if sheet else "文件"
    if header and is_row and any(_NUMBER.fullmatch(name) for name in header.names):
        header = None  # the row of a person: its cells must not be read as column names
    if header and _is_garbled(header):
        reason = f"{where}里的文字是乱码，列名认不出来：转换文件时文字编码弄错了"
        return Refusal("garbled", reason, advice.CHECK_ENCODING)
    nearest = _nearest(header, matches, titled) if header else ()
    said = [
        f"像“{near.title}”，但缺少必填列：{'、'.join(_in_words(column, meant) for column, meant in near.missing)}"
        for near in nearest
        if near.missing
    ]
    if header is None or is_row:
        reason = f"{where}的前{HEADER_ROWS}行（空行不计）里没有找到表头"
        if header and said:
            reason += f"，最像表头的是第{header.first + 1}行"
    else:
        reason = f"{where}没有认出是哪一种名单"
    known = "、".join(kind.title for kind in sendable)
    last = f"没有一列像本单位报送的名单。本单位可以报送：{known}" if known else "没有本单位可以报送的种类"
    if header and (above := _written_above(header, matches)):
        return Refusal(
            "unrecognised",
            f"{reason}。{'；'.join(said)}。列名写在好几行里：{'、'.join(above)}写在第{header.first + 1}行的上面",
            advice.JOIN_HEADER,
            nearest,
        )
    return Refusal(
        "unrecognised",
        reason + "。" + ("；".join(said) or last),
        advice.NAME_COLUMNS if said else advice.WRITE_HEADER,
        nearest,
    )


def _written_above(header: Header, matches: Sequence[Match]) -> list[str]:
    """Names of missing columns that are above the row taken as the header."""
    if not matches:
        return []
    kind = matches[0].kind
    columns = [kind.columns[field] for group in matches[0].missing for field in group]
    names = {fold_header(word)[0] for column in columns for word in (column.header, *column.aliases)}
    return [f"“{title}”" for title in header.titles if fold_header(title)[0] in names]


def _is_garbled(header: Header) -> bool:
    """Whether most names with characters outside ASCII are garbled."""
    words = [name for name in header.names if name and not name.isascii()]
    return sum(map(is_garbled, words)) * 2 > len(words)


def _in_words(column: str, meant: str | None) -> str:
    return f"{column}（文件中的“{meant}”是不是它？）" if meant else column


def _nearest(header: Header, matches: Sequence[Match], titled: Sequence[str]) -> tuple[Near, ...]:
    found = []
    for match in matches:
        groups = match.kind.required_groups()
        missing = [(group, *_meant(match, group, header)) for group in match.missing]
        likeness = (len(groups) - len(missing) + sum(share for _, _, share in missing) / 200) / len(groups)
        if likeness > 0 or match.fields:
            lacks = tuple(
                ("或".join(match.kind.columns[field].header for field in group), meant) for group, meant, _ in missing
            )
            rank = likeness + TITLED * (match.kind.name in titled)
            found.append((rank, len(match.fields), Near(match.kind.name, match.kind.title, lacks)))
    found.sort(key=lambda each: (-each[0], -each[1], each[2].kind))
    best = found[0][0] if found else 0.0
    return tuple(near for rank, _, near in found[:SHOWN] if rank * 2 >= best)


def _differ(word: str, name: str) -> bool:
    """Whether one text has the first word of a pair of APART, and the other text has the second."""
    return any(
        (one in word and other in name and one not in name and other not in word)
        or (other in word and one in name and other not in name and one not in word)
        for one, other in APART
    )


def _meant(match: Match, group: Sequence[str], header: Header) -> tuple[str | None, float]:
    """(unused header of the file that is most similar to a name of the missing group, similarity in percent)."""
    taken = {use.column - 1 for use in match.uses}
    free = [
        (name, folded)
        for at, (name, folded) in enumerate(zip(header.names, header.folded, strict=True))
        if folded and at not in taken and not any(map(str.isdigit, folded))
    ]
    best: tuple[str | None, float] = (None, 0.0)
    for field in group:
        column = match.kind.columns[field]
        for word in (column.header, *column.aliases):
            for name, folded in free:
                alike = fuzz.ratio(fold_header(word)[0], folded) if not _differ(word, name) else 0.0
                if alike > max(ALIKE, best[1]):
                    best = (name, alike)
    return best
