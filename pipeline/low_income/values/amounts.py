"""Reads money, counts and measures, as exact decimals. See docs/sources.md (how real files are damaged).

A clean number takes the quick way. Every other text is folded and matched in full before it is cast, because DuckDB's
casts accept `1e3`, `0x1f` and `1_000`. A mark for "no value" gives NULL without a problem: not known is not zero.
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
    without_invisible,
)
from low_income.settings.contracts import MONEY_UNIT, MONEY_UNITS
from low_income.values.fields import Field, Layers

QUICK_MONEY = r"[0-9]{1,12}(\.[0-9]{1,2})?"
QUICK_INTEGER = "[0-9]{1,9}"
QUICK_DECIMAL = r"[0-9]{1,9}(\.[0-9]{1,3})?"
_NOT_MONEY = -1
_FOLDED = {**HALF_WIDTH, "−": "-"}
_APOSTROPHES = "^['‘’`´]+"
_CURRENCY = "(?:￥|¥|rmb|cny|人民币)"
_UNKNOWN = f"{_CURRENCY}?{NO_VALUE}"
_WHOLE = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)"
_NUMBER = rf"(?:{_WHOLE}(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]{{1,2}})?"
_COUNTED = "人|户|个|口|间|次|名|项"
_MEASURED = "公里|千米|km|平方米|m2|㎡|平米"
_TOO_LARGE = 10**12
"""Numbers from here on, in the unit written, are no amounts; so the arithmetic stays within BIGINT and 38 digits."""
_MOST = 10**13
"""Highest amount in fen where the contract names no bound. Sums over millions of rows, and products with a policy's ratio,
then stay within the integer types of the warehouse."""
_LIKELY_MOST = 100_000_000
"""In fen: no amount of a household is likely to exceed it. Used where the contract names no maximum."""
_FLOAT_NOISE = "0.001"
"""In fen: a smaller difference is a rounding error of a spreadsheet, e.g. 1234.5600000001 for 1234.56."""


def read_money(field: Field) -> Layers:
    """Money: value in fen, `__problem`. The unit is the cell's, else the header's, else the contract's."""
    exact, fen, cell, header = field.at("#exact"), field.at("#fen"), field.at("#cell"), _header_factor(field)
    unsaid = MONEY_UNITS[field.column.unit]
    factor = f"coalesce({cell}, {header}, {unsaid})"
    by_length = sorted(MONEY_UNITS.items(), key=lambda item: -len(item[0]))
    factors = "".join(f" when suffix({field.at('#words')}, {literal(name)}) then {yuan}" for name, yuan in by_length)
    number = f"(?:-?{_CURRENCY}?|{_CURRENCY}-){_NUMBER}"
    return [
        {"#words": f"regexp_replace({_words(field)}, '元[整正]$', '元')"},
        {"#number": _number(field, number, MONEY_UNIT), "#cell": f"case{factors} end"},
        {
            "#exact": f"case when abs({field.at('#number')}) < {_TOO_LARGE} then {field.at('#number')} * ({factor} * 100) end"
        },
        {
            "#fen": f"""case when {field.quick}
                then cast(cast({field.text} as decimal(15, 2)) * 100 as bigint) * coalesce({header}, {unsaid})
                else cast(round({exact}, 0) as bigint) end"""
        },
        {
            "__problem": f"""case
                when {_is_unknown(field)} then null
                when {header} = {_NOT_MONEY} and {cell} is null then 'unit_conflict'
                when {_is_unreadable(field)} then 'unreadable'
                {_unit_unsaid(field, cell, fen)}
                when {fen} is null then 'too_large'
                when abs({exact} - {fen}) >= {_FLOAT_NOISE} then 'too_many_decimals'
                {_bounds(field, fen, _MOST)} end"""
        },
        {"": f"case when {field.at('__problem')} is null then {fen} end"},
    ]


def names_large_unit(sql: str) -> str:
    """SQL condition: the cell is an amount in a unit larger than 元."""
    blanks = f"[{INVISIBLE}]*"
    return contains(sql, f"[0-9０-９]{blanks}[百千万]{blanks}(?:[元圆]{blanks}[整正]?)?{blanks}$")


def _unit_unsaid(field: Field, cell: str, fen: str) -> str:
    """SQL branch: where some cells say 万元, an amount with neither unit nor currency is ambiguous, unless it is 0.

    It is not ambiguous either when it would be impossibly large as 万元: 3000 beside 0.3万元 is yuan.
    """
    if not field.mixed_sheets:
        return ""
    sheets = ", ".join(literal(sheet) for sheet in sorted(field.mixed_sheets))
    said = f"coalesce({cell} is not null or {contains(field.at('#words'), _CURRENCY)}, false)"
    may_be = (
        f"abs({fen}) * {MONEY_UNITS['万元']} <= {field.column.maximum or _LIKELY_MOST}"
        if field.column.unit == "元"
        else "true"
    )
    return f"when sheet in ({sheets}) and {fen} <> 0 and {may_be} and not {said} then 'unit_unsaid'"


def read_integer(field: Field) -> Layers:
    """Count: value BIGINT, `__problem`. `3人` and `3.0` are 3; 3.5 is refused."""
    number, read = field.at("#number"), field.at("#read")
    return [
        {"#words": _words(field)},
        {"#number": _number(field, rf"-?{_WHOLE}(?:\.[0-9]*)?", _COUNTED)},
        {
            "#read": f"""case when {field.quick} then cast({field.text} as bigint)
                when abs({number}) < {_TOO_LARGE} then cast(round({number}, 0) as bigint) end"""
        },
        {
            "__problem": f"""case
                when {_is_unknown(field)} then null
                when {_is_unreadable(field)} then 'unreadable'
                when {read} is null then 'too_large'
                when {number} <> {read} then 'not_whole'
                {_bounds(field, read)} end"""
        },
        {"": f"case when {field.at('__problem')} is null then {read} end"},
    ]


def read_decimal(field: Field) -> Layers:
    """Measure: value DECIMAL(14,3), rounded half up; `__problem`."""
    number, read = field.at("#number"), field.at("#read")
    return [
        {"#words": _words(field)},
        {"#number": _number(field, f"-?{_NUMBER}", _MEASURED)},
        {
            "#read": f"""case when {field.quick} then cast({field.text} as decimal(14, 3))
                when abs({number}) < 10000000000 then cast(round({number}, 3) as decimal(14, 3)) end"""
        },
        {
            "__problem": f"""case
                when {_is_unknown(field)} then null
                when {_is_unreadable(field)} then 'unreadable'
                when {read} is null then 'too_large'
                {_bounds(field, read)} end"""
        },
        {"": f"case when {field.at('__problem')} is null then {read} end"},
    ]


def _words(field: Field) -> str:
    """The folded text (half-width, no blanks, lower case, no leading apostrophe); NULL where the quick way applies."""
    folded = f"lower({replace_all(without_invisible(translate(field.text, _FOLDED)), _APOSTROPHES)})"
    return f"case when not {field.quick} then {folded} end"


def _number(field: Field, pattern: str, units: str) -> str:
    words = field.at("#words")
    digits = replace_all(words, "[^-0-9.e+]+")
    return f"case when {matches_fully(words, f'{pattern}(?:{units})?')} then try_cast({digits} as decimal(38, 16)) end"


def _is_unknown(field: Field) -> str:
    return f"{field.text} is null or {matches_fully(field.at('#words'), _UNKNOWN)}"


def _is_unreadable(field: Field) -> str:
    return f"not {field.quick} and {field.at('#number')} is null"


def _bounds(field: Field, value: str, most: int | None = None) -> str:
    """SQL branches for the bounds; `most` is the bound on both sides of zero where the contract names none."""
    lowest = field.column.minimum if field.column.minimum is not None else -most if most else None
    highest = field.column.maximum if field.column.maximum is not None else most
    low = f"when {value} < {lowest} then 'too_small'" if lowest is not None else ""
    high = f"when {value} > {highest} then 'too_large'" if highest is not None else ""
    return f"{low} {high}"


def _header_factor(field: Field) -> str:
    """SQL: yuan per unit of the sheet's header; NULL when it names no unit; `_NOT_MONEY` when the unit is none of money."""
    factors = {
        sheet: MONEY_UNITS.get(unit.partition("/")[0], _NOT_MONEY) for sheet, unit in sorted(field.header_units.items())
    }
    if not factors:
        return "cast(null as integer)"
    cases = " ".join(f"when {literal(sheet)} then {factor}" for sheet, factor in factors.items())
    return f"case sheet {cases} end"
