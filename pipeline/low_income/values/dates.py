"""Reads dates and months as people write them. See docs/sources.md (how real files are damaged).

Each text is first rewritten as one of: `Y-M-D`, `~Y-M` (no day given), `*` (no end), `!<problem>`.
A text with two possible readings is a problem; the program never guesses.
"""

from __future__ import annotations

from low_income.folding import (
    HALF_WIDTH,
    INVISIBLE,
    NO_VALUE,
    contains,
    literal,
    matches_fully,
    replace_all,
    translate,
)
from low_income.values.fields import Field, Layers, day

_YEAR = "(?:19|[2-9][0-9])[0-9]{2}"
_ONE_OR_TWO = "[0-9]{1,2}"
_CLOCK = "[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]+)?)?"
_DIGITS = dict(zip("〇○零一二三四五六七八九—–−‐", "0001234" + "56789----", strict=True))
QUICK_DATE = f"{_YEAR}-[0-9]{{2}}-[0-9]{{2}}"
_DAY, _MONTH = r"\1-\2-\3", r"~\1-\2\3"
_NO_END = ("长期", "长期有效", "至今", "永久")
_NEVER = "date '9999-12-31'"
"""The value of a date without end: there is no end, while a blank means that the end is not known."""


def read_date(field: Field) -> Layers:
    """Date: value, `__problem`."""
    reading, read, problem = field.at("#reading"), field.at("#read"), field.at("__problem")
    last_day = field.column.month_means_last_day
    # The current month is not in the future, although its last day is.
    future = f"when {read} > {day(field.night)} then 'in_future'" if field.column.not_after else ""
    problems = f"""case
        when {reading} is null then null
        when {reading} like '!%' then substr({reading}, 2)
        when {reading} = '*' then {"null" if field.column.open_end else "'no_end'"}
        when {read} is null then {_impossible(reading)}
        {"" if last_day else f"when {reading} like '~%' then 'no_day'"}
        {future} end"""
    value = f"case when {reading} like '~%' then last_day({read}) else {read} end" if last_day else read
    return [
        *_reading(field),
        {"#read": _as_date(reading)},
        {"__problem": problems},
        {"": f"case when {problem} is null then case when {reading} = '*' then {_NEVER} else {value} end end"},
    ]


def read_month(field: Field) -> Layers:
    """Month: value is its first day; `__problem`."""
    reading, read, problem = field.at("#reading"), field.at("#read"), field.at("__problem")
    first = f"cast(date_trunc('month', {read}) as date)"
    future = f"when {first} > {day(field.night)} then 'in_future'" if field.column.not_after else ""
    problems = f"""case
        when {reading} is null then null
        when {reading} like '!%' then substr({reading}, 2)
        when {reading} = '*' then {"null" if field.column.open_end else "'no_end'"}
        when {read} is null then {_impossible(reading)}
        {future} end"""
    return [
        *_reading(field),
        {"#read": _as_date(reading)},
        {"__problem": problems},
        {"": f"case when {problem} is null then case when {reading} = '*' then {_NEVER} else {first} end end"},
    ]


def _reading(field: Field) -> Layers:
    text, usual, words = field.text, field.at("#usual"), field.at("#words")
    # The forms that most files use; other texts take the slow way.
    to_usual = f"""case
        when {field.quick} then {text}
        when {matches_fully(text, f"{_YEAR}[-/.]{_ONE_OR_TWO}[-/.]{_ONE_OR_TWO}")}
            then replace(replace({text}, '/', '-'), '.', '-')
        when {matches_fully(text, f"{_YEAR}[0-9]{{4}}")}
            then substr({text}, 1, 4) || '-' || substr({text}, 5, 2) || '-' || substr({text}, 7, 2)
        when {matches_fully(text, f"{QUICK_DATE}[ T]{_CLOCK}")} then substr({text}, 1, 10)
        when {matches_fully(text, f"{_YEAR}年{_ONE_OR_TWO}月{_ONE_OR_TWO}日")}
            then replace(replace(replace({text}, '年', '-'), '月', '-'), '日', '') end"""
    reading = f"coalesce({usual}, {_from_words(field, words)})"
    if field.column.month_means_last_day:
        reading = f"regexp_replace({reading}, '^({_YEAR}-{_ONE_OR_TWO})-0{{1,2}}$', '~\\1')"
    folded = field.at("#folded")
    return [
        {"#usual": to_usual},
        {"#folded": _folded(text, usual)},
        {"#words": _without_tens(folded)},
        {"#reading": reading},
    ]


def _folded(text: str, usual: str) -> str:
    """The text with Chinese digits as 0 to 9, half-width, without clock time and blanks; NULL where a usual form matched."""
    sql = translate(text, {**HALF_WIDTH, **_DIGITS})
    sql = replace_all(sql, rf"([{INVISIBLE}T日号])[{INVISIBLE}]*(?:上午|下午)?{_CLOCK}[{INVISIBLE}]*$", r"\1")
    sql = replace_all(sql, f"[{INVISIBLE}]+|T$|^['‘’]+")
    return f"case when {usual} is null then {sql} end"


def _without_tens(words: str) -> str:
    """`3十1` → `31`, `十` → `10`: removes the tens (十, 廿, 卅) of Chinese numerals whose digits are already 0 to 9."""
    sql = f"replace(replace({words}, '廿', '2十'), '卅', '3十')"
    for pattern, by in (
        ("([0-9])十([0-9])", r"\1\2"),
        ("([0-9])十", r"\10"),
        ("十([0-9])", r"1\1"),
        ("十", "10"),
    ):
        sql = replace_all(sql, pattern, by)
    return f"case when {contains(words, '[十廿卅]')} then {sql} else {words} end"


def _from_words(field: Field, words: str) -> str:
    month = f"((?:19|20)[0-9]{{2}})(?:[-/.]({_ONE_OR_TWO})|年({_ONE_OR_TWO})月份?)"
    full = f"({_YEAR})[-/.年]({_ONE_OR_TWO})[-/.月]({_ONE_OR_TWO})[日号]?"
    eight = rf"({_YEAR})([0-9]{{2}})([0-9]{{2}})(?:[.]0+)?"
    two_digit_year = f"[0-9]{{2}}[-/.年]{_ONE_OR_TWO}(?:[-/.月](?:{_ONE_OR_TWO}[日号]?)?)?"
    year_last = f"{_ONE_OR_TWO}[-/.]{_ONE_OR_TWO}[-/.](?:{_YEAR}|[0-9]{{2}})"
    # 860501 lacks the century. 190512 may be 2019-05-12 or December 1905, but 198605 has only one reading.
    short_day = "[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
    return f"""case
        when {words} is null or {matches_fully(words, NO_VALUE)} then null
        when {matches_fully(words, full)} then {_rewrite(words, full, _DAY)}
        when {matches_fully(words, "(?:19|20)[0-9]{2}[.]1")} then '!ambiguous_month'
        when {matches_fully(words, month)} then {_rewrite(words, month, _MONTH)}
        when {matches_fully(words, eight)} then {_rewrite(words, eight, _DAY)}
        when {matches_fully(words, "(?:19|20)[0-9]{2}(?:0[0-9]|1[0-2])(?:[.]0+)?")}
            and not {matches_fully(words, "19(?:0[1-9]|1[0-2])(?:0[1-9]|1[0-2])(?:[.]0+)?")}
            then '~' || substr({words}, 1, 4) || '-' || substr({words}, 5, 2)
        when {matches_fully(words, short_day)} then '!ambiguous_date'
        when {matches_fully(words, "(?:19|20)[0-9]{2}(?:[.]0+|年)?")} then '!no_month'
        when {field.numeric} and {matches_fully(words, "[0-9]{4,5}(?:[.][0-9]+)?")} then {_from_serial(field, words)}
        when {matches_fully(words, f"{two_digit_year}|{year_last}")} then '!ambiguous_date'
        when {words} in {_NO_END} then '*'
        else '!unreadable' end"""


def _rewrite(words: str, pattern: str, by: str) -> str:
    return f"regexp_replace({words}, {literal(f'^{pattern}$')}, {literal(by)})"


def _from_serial(field: Field, words: str) -> str:
    """A spreadsheet's number for a date: days since 1899-12-30, or since 1904-01-01 in old Mac workbooks."""
    days = f"cast(split_part({words}, '.', 1) as integer)"
    if field.date1904_sheets:
        sheets = ", ".join(literal(sheet) for sheet in sorted(field.date1904_sheets))
        days = f"({days} + case when sheet in ({sheets}) then 1462 else 0 end)"
    # 2101 to 73050 are the years 1905 to 2099. Smaller numbers were read as years before.
    return f"case when {days} between 2101 and 73050 then cast(date '1899-12-30' + {days} as varchar) else '!unreadable' end"


def _as_date(reading: str) -> str:
    return f"""case
        when {reading} >= '0' and {reading} < ':' then try_cast({reading} as date)
        when {reading} like '~%' then try_cast(substr({reading}, 2) || '-1' as date) end"""


def _impossible(reading: str) -> str:
    return f"case when regexp_matches({reading}, '-0{{1,2}}(-|$)') then 'zero_day_or_month' else 'no_such_day' end"
