"""Folds characters that look alike, and removes characters that nobody sees: one table for Python, SQL and Arrow.

DuckDB has no NFKC function. So the SQL translates only the compatibility characters that occur in real files, and skips
a clean text. See docs/sources.md (how real files are damaged). Nothing here depends on a kind, a field or a file.
"""

from __future__ import annotations

import unicodedata

_SHAPELESS = [
    (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2800, 0x2800), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF),
]  # fmt: skip
"""Joiners, fillers and variation selectors: Unicode counts them as letters and marks, but nobody sees them."""
SHAPELESS = "".join(rf"\x{{{first:X}}}-\x{{{last:X}}}" for first, last in _SHAPELESS)
"""The same, for use inside a regex class of DuckDB or Arrow."""
INVISIBLE = rf"\p{{Z}}\p{{Cc}}\p{{Cf}}{SHAPELESS}"
"""For use inside a regex class of DuckDB or Arrow: every blank, control and formatting character (no-break, zero-width,
direction marks, BOM), and SHAPELESS."""
HAN = r"[\p{Han}\p{Co}]"
"""One character of a Chinese name: Han, or a private-use code point that stands for a rare one."""
PRIVATE_USE = r"\p{Co}"
PLAIN_HAN = r"\x{3400}-\x{4DBF}\x{4E00}-\x{9FFF}"
"""For use inside a regex class: Han characters that no folding changes."""
_NULL = r"null|none|nil|nan|na"
_DASHES = r"[-－/／\\—–―]+"
NO_VALUE = rf"(?i:{_DASHES}|无|空值?|{_NULL}|nat|n/a|undefined|\\n|[(（<\[](?:{_NULL})[)）>\]])"
"""Pattern of a folded text that means "no value": what people write, and what programs write for a missing value.

pandas `nan NaT None <NA>`, Hive and MySQL `\\N`, SQL Developer and Navicat `(null)`, DBeaver `[NULL]`, DataGrip `<null>`, R `NA`.
Words for a value that exists but is not known (不详, #N/A of a formula) do not match.
"""
NO_NAME = rf"{_DASHES}|无|空值?|\\N|nan|NaN|NaT|null|NULL|None|[(（<\[](?i:{_NULL})[)）>\]]"
"""The same for a cell of a name: only as programs spell it, since a person may be called Nan, NAN or Null."""
DOTS = "·•・．.‧∙●･⋅"
"""The middle dot of a name, in all forms that occur in files."""

HALF_WIDTH = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
"""Full-width ASCII → ASCII."""
LETTERS_AND_DIGITS = {full: half for full, half in HALF_WIDTH.items() if half.isalnum()}
_RADICALS_APART = dict(
    zip(
        "⺠⻁⻄⻅⻆⻉⻋⻑⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻬⻰",
        "民虎西见角贝车長长门青韦页风飞食马骨鬼鱼鸟卤麦黄齐龙",
        strict=True,
    )
)
"""Radicals that look like a character but that NFKC does not change → that character."""
RADICALS = {
    **{chr(code): unicodedata.normalize("NFKC", chr(code)) for code in [*range(0x2F00, 0x2FD6), 0x2E9F, 0x2EF3]},
    **_RADICALS_APART,
}
"""Radicals pasted from PDF files → the characters they look like."""

_INVISIBLE = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
_SHAPELESS_CHARS = frozenset(chr(code) for first, last in _SHAPELESS for code in range(first, last + 1))
_TO_HALF_WIDTH = {ord(full): half for full, half in HALF_WIDTH.items()}
_APART = str.maketrans(_RADICALS_APART)
COMPATIBLE = {**HALF_WIDTH, **RADICALS}


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def matches_fully(sql: str, pattern: str) -> str:
    """SQL condition: the whole text matches."""
    return f"regexp_full_match({sql}, {literal(pattern)})"


def contains(sql: str, pattern: str) -> str:
    """SQL condition: the pattern occurs somewhere."""
    return f"regexp_matches({sql}, {literal(pattern)})"


def replace_all(sql: str, pattern: str, by: str = "") -> str:
    r"""SQL: every occurrence of the pattern replaced; `\1` names a group."""
    return f"regexp_replace({sql}, {literal(pattern)}, {literal(by)}, 'g')"


def translate(sql: str, table: dict[str, str]) -> str:
    """SQL: characters mapped one to one. `sql` occurs three times in the result, so pass a column name."""
    guard = "[" + "".join(sorted(table)) + "]"
    mapped = f"translate({sql}, {literal(''.join(table))}, {literal(''.join(table.values()))})"
    return f"case when {contains(sql, guard)} then {mapped} else {sql} end"


def without_invisible(sql: str) -> str:
    """SQL: all blanks, control and formatting characters removed."""
    return replace_all(sql, f"[{INVISIBLE}]+")


def without_control(sql: str) -> str:
    """SQL: control, formatting and shapeless characters removed, blanks kept."""
    return replace_all(sql, rf"[\p{{Cc}}\p{{Cf}}{SHAPELESS}]+")


def fold_word_sql(column: str) -> str:
    """SQL: the comparison form of a code word (half-width, lower case, no blanks). The same as `fold_word`."""
    return f"lower({without_invisible(translate(column, HALF_WIDTH))})"


def says_something(sql: str) -> str:
    """SQL condition: the cell is neither blank nor a mark for "no value". `sql` occurs several times, so pass a column name."""
    return f"coalesce(not {matches_fully(fold_word_sql(sql), f'(?:{NO_VALUE})?')}, false)"


def fold_word(word: str) -> str:
    """The comparison form of a code word: half-width, lower case, no blanks."""
    return visible(word.translate(_TO_HALF_WIDTH)).lower()


def compatible(text: str) -> str:
    """The text with compatibility characters replaced by the common ones: NFKC, and the radicals that NFKC does not change."""
    return unicodedata.normalize("NFKC", text).translate(_APART)


def visible(text: str) -> str:
    """The text without the characters of INVISIBLE. Headers, titles, sheet names and file names are compared in this form."""
    # Almost all texts are such already: what is no blank and can be printed is of no category of INVISIBLE.
    if text.isprintable() and " " not in text and _SHAPELESS_CHARS.isdisjoint(text):
        return text
    return "".join(
        char for char in text if unicodedata.category(char) not in _INVISIBLE and char not in _SHAPELESS_CHARS
    )


def plain_blanks(text: str) -> str:
    """The text with each run of blanks as one blank, and without the other characters of INVISIBLE."""
    spaced = "".join(" " if char.isspace() else char for char in text)
    return " ".join(word for each in spaced.split(" ") if (word := visible(each)))
