"""Reads words: yes and no, codes, free text, names of people. See docs/sources.md (how real files are damaged)."""

from __future__ import annotations

from collections.abc import Iterable

from low_income.folding import (
    COMPATIBLE,
    DOTS,
    HAN,
    LETTERS_AND_DIGITS,
    NO_NAME,
    NO_VALUE,
    PLAIN_HAN,
    PRIVATE_USE,
    contains,
    fold_word,
    fold_word_sql,
    literal,
    matches_fully,
    replace_all,
    translate,
    without_control,
)
from low_income.settings.contracts import Column
from low_income.values.fields import Field, Layers

_TRUE = ["是", "有", "对", "√", "✓", "✔", "☑", "1", "1.0", "y", "yes", "t", "true"]
_FALSE = ["否", "无", "错", "没有", "不是", "×", "✕", "✖", "✗", "✘", "x", "0", "0.0", "n", "no", "f", "false"]
_DOT = f"[{DOTS}]"
_LOST = "[?？\ufffd]|锟斤拷"
"""Pattern of what replaces a character that was lost in transfer."""
_IN_GBK = r"\x{4E00}-\x{9FA5}"
_RARE = r"[\x{3400}-\x{4DBF}\x{9FA6}-\x{9FFF}\x{20000}-\x{3FFFF}]"
"""Han characters outside GBK; some programs cannot show them."""

QUICK_WORD = f"[{PLAIN_HAN}0-9a-z]+"
QUICK_NAME = f"[{_IN_GBK}]+(?:·[{_IN_GBK}]+)*"
QUICK_TEXT = f"[{PLAIN_HAN}A-Za-z0-9-]+"


def read_boolean(field: Field) -> Layers:
    """Yes or no: value, `__problem`."""
    column = field.column
    true = {fold_word(word) for word in [*_TRUE, *column.true_words]}
    false = {fold_word(word) for word in [*_FALSE, *column.false_words]}
    answers = {**dict.fromkeys(false, "false"), **dict.fromkeys(true, "true")}
    return [
        {"#folded": f"case when {field.quick} then {field.text} else {fold_word_sql(field.text)} end"},
        {"": _look_up(field.at("#folded"), answers, "null")},
        {"__problem": f"case when {_says_something(field)} and {field.at('')} is null then 'not_yes_or_no' end"},
    ]


def read_code(field: Field) -> Layers:
    """Code: value is the canonical word, or the contract's `others` for a word that is not in the list; `__problem`."""
    words = {word: literal(code) for word, code in spellings(field.column).items()}
    others = literal(field.column.others) if field.column.others else "null"
    return [
        {"#folded": f"case when {field.quick} then {field.text} else {fold_word_sql(field.text)} end"},
        {"": _look_up(field.at("#folded"), words, f"case when {_says_something(field)} then {others} end")},
        {"__problem": f"case when {_says_something(field)} and {field.at('')} is null then 'not_in_list' end"},
    ]


def _says_something(field: Field) -> str:
    """SQL condition: neither blank nor a mark for "no value". Such a mark may still be a spelling of a code."""
    return f"{field.text} is not null and not {matches_fully(field.at('#folded'), NO_VALUE)}"


def spellings(column: Column) -> dict[str, str]:
    """Folded spelling → canonical word. A code of digits also matches without its leading zero, which a number cell loses."""
    found: dict[str, str] = {}
    pairs = [(word, code) for code, others in column.codes.items() for word in [code, *others]]
    for word, code in pairs:
        found.setdefault(fold_word(word), code)
    for word, code in pairs:
        if word.isdecimal():
            for variant in (word.lstrip("0") or "0", word.zfill(2), f"{int(word)}.0"):
                found.setdefault(variant, code)
    if column.others:
        found.setdefault(fold_word(column.others), column.others)
    return found


def read_text(field: Field) -> Layers:
    """Free text: trimmed, without control characters, with half-width letters and digits. All other characters stay."""
    text, read = field.text, field.at("#read")
    untidy = f"[\\p{{Cc}}\\p{{Cf}}{''.join(LETTERS_AND_DIGITS)}]|^[\\p{{Z}}']|\\p{{Z}}$"
    # Each run of line breaks becomes one blank, also with control characters between them.
    tidy = replace_all(translate(text, LETTERS_AND_DIGITS), r"[\t\n\v\f\r][\p{Cc}\p{Cf}]*", " ")
    tidy = replace_all(without_control(tidy), r"^\p{Z}+|\p{Z}+$")
    # In a spreadsheet, an apostrophe before a number marks it as text.
    tidy = f"regexp_replace({tidy}, '^''+([0-9A-Za-z])', '\\1')"
    # Marks for "no value" are short; testing only short texts saves time on the addresses of millions of rows.
    nothing = f"strlen({read}) < 16 and {matches_fully(read, NO_VALUE)}"
    return [
        {"#read": f"case when not {field.quick} and {contains(text, untidy)} then {tidy} else {text} end"},
        {"": f"case when not ({nothing}) then {read} end", "__problem": "cast(null as varchar)"},
    ]


def read_name(field: Field) -> Layers:
    """Name of a person: value, `__problem`, `__flag` (a character was lost, or some programs cannot show it).

    The dot of a name is always written `·`. Blanks inside a Chinese name are removed, unless every part between them has
    at least two characters and all parts together have at least five: then the blank becomes the dot (`买买提 艾力江`;
    but `欧阳 小明` is one name of four characters). Blanks between Latin words stay.
    """
    text, plain, spaced, joined = field.text, field.quick, field.at("#spaced"), field.at("#joined")
    tidy = replace_all(
        f"nfc_normalize({translate(text, COMPATIBLE)})", r"[\p{Z}\t\n\v\f\r\x{85}][\p{Z}\p{Cc}\p{Cf}]*", " "
    )
    tidy = f"trim({without_control(tidy)})"
    odd = f"[{DOTS}']"
    dotted = replace_all(spaced, f"({HAN}) ?{_DOT}+ ?", r"\1·")
    dotted = replace_all(dotted, f"^[{DOTS} ']+|[{DOTS} ']+$")
    dotted = f"case when {contains(spaced, odd)} then {dotted} else {spaced} end"
    without = replace_all(replace_all(joined, f"({HAN}) ", r"\1"), f" ({HAN})", r"\1")
    letters = rf"[\p{{L}}{PRIVATE_USE}〇?]"
    long_parts = f"{matches_fully(joined, f'{HAN}{{2,}}(?: {HAN}{{2,}})+')} and length(replace({joined}, ' ', '')) >= 5"
    return [
        {"#spaced": f"case when not {plain} then {tidy} end"},
        {"#joined": f"case when not {plain} then {dotted} end"},
        {
            "#read": f"""case when {plain} then {text}
                when not contains({joined}, ' ') then {joined}
                when {long_parts} then replace({joined}, ' ', '·')
                else {without} end"""
        },
        {"#nothing": f"strlen({field.at('#read')}) < 16 and {matches_fully(field.at('#read'), NO_NAME)}"},
        {
            "__problem": f"""case when not {plain} and not {field.at("#nothing")} and not {contains(field.at("#read"), letters)}
                then 'unreadable' end""",
            "__flag": f"""case when {plain} or {field.at("#nothing")} then null when {contains(text, _LOST)} then 'lost_character'
                when {contains(text, PRIVATE_USE)} then 'private_use'
                when {contains(text, _RARE)} then 'rare_character' end""",
        },
        {"": f"case when {field.at('__problem')} is null and not {field.at('#nothing')} then {field.at('#read')} end"},
    ]


def _look_up(folded: str, answers: dict[str, str], otherwise: str) -> str:
    if not answers:
        return otherwise
    return f"case {folded} {_branches(answers.items())} else {otherwise} end"


def _branches(answers: Iterable[tuple[str, str]]) -> str:
    return " ".join(f"when {literal(word)} then {answer}" for word, answer in answers)
