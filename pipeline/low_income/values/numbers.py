"""Reads ID numbers and the numbers of disability certificates. See docs/identity.md (the ID number).

An ID number is first rewritten in one of two shapes: its 18 characters, or the 17 digits of a 15-digit number with
"19" inserted. Every other text becomes `!<problem>`.
"""

from __future__ import annotations

from datetime import date

from low_income.folding import NO_VALUE, literal, matches_fully, translate, without_invisible
from low_income.values.fields import Field, Layers, day

DAMAGED = ("stored_as_number", "one_digit_missing", "digits_extra", "disability_number")
"""Problems that make a number `damaged`: digits were lost or added. All others make it `invalid`."""

_FOLDED = {chr(ord(char) + 0xFEE0): char for char in "0123456789XxEeBb.+'"}
_APOSTROPHES = "'‘’`´"
QUICK_ID = _NUMBER = "[0-9]{17}[0-9X]"
_EXPONENT = r"[0-9](\.[0-9]+)?E\+?[0-9]{1,2}"
QUICK_CERTIFICATE = _CERTIFICATE = "[0-9]{17}[0-9X][1-7][1-4](B[0-9]{1,2})?"


def read_id(field: Field) -> Layers:
    """ID number: value (18 characters, only when verified or upgraded), `__state`, `__problem`, `__sex`, `__birth_date`."""
    shape, problem = field.at("#shape"), field.at("__problem")
    folded = field.at("#folded")
    to_shape = f"""case
        when {folded} is null then {field.text}
        when {folded} = '' or {matches_fully(folded, NO_VALUE)} then null
        when {field.numeric} then '!stored_as_number'
        when {matches_fully(folded, _NUMBER)} then {folded}
        when {matches_fully(folded, "[0-9]{15}")} then substr({folded}, 1, 6) || '19' || substr({folded}, 7, 9)
        when {matches_fully(folded, _CERTIFICATE)} then '!disability_number'
        when {_from_number(folded)} then '!stored_as_number'
        else {_not_a_number(folded)} end"""
    valid = f"{shape} is not null and {problem} is null"
    return [
        {"#folded": _folded(field)},
        {"#shape": to_shape},
        *_inner_number(field, shape),
        {"__problem": _inner_problem(field, shape)},
        {
            "": f"case when {valid} then {shape} || case when strlen({shape}) = 17 then {field.at('#check')} else '' end end",
            "__state": f"""case when {shape} is null then 'missing'
                when {problem} is null then case when strlen({shape}) = 17 then 'upgraded' else 'verified' end
                when {problem} in {DAMAGED} then 'damaged' else 'invalid' end""",
            "__sex": f"case when {valid} then case when {field.at('#digits')} % 2 = 1 then '男' else '女' end end",
            "__birth_date": f"case when {valid} then {field.at('#birth')} end",
        },
    ]


def read_certificate(field: Field) -> Layers:
    """Disability certificate: value (20 characters and the reissue suffix), `__problem`."""
    shape, problem = field.at("#shape"), field.at("__problem")
    folded = field.at("#folded")
    to_shape = f"""case
        when {folded} is null then {field.text}
        when {folded} = '' or {matches_fully(folded, NO_VALUE)} then null
        when {field.numeric} then '!stored_as_number'
        when {matches_fully(folded, _CERTIFICATE)} then {folded}
        when {matches_fully(folded, "[0-9]{17}[0-9X][0-9]{2}(B[0-9]{1,2})?")} then '!type_or_level'
        when {_from_number(folded)} then '!stored_as_number'
        when {matches_fully(folded, "[0-9]{1,17}(?:[0-9X][0-9]?)?")} then '!digits_missing'
        when {matches_fully(folded, "[0-9]{17}[0-9X][0-9]+")} then '!digits_extra'
        else '!characters' end"""
    return [
        {"#folded": _folded(field)},
        {"#shape": to_shape},
        *_inner_number(field, shape),
        {"__problem": _inner_problem(field, shape)},
        {"": f"case when {problem} is null then {shape} end"},
    ]


def _folded(field: Field) -> str:
    """NULL for a clean text, else the folded text (half-width, no blanks, upper case, no apostrophe)."""
    return f"case when {field.numeric} or not {field.quick} then {folded_number(field.text)} end"


def folded_number(column: str) -> str:
    """SQL over a text column: the number as written, but half-width, upper case, without blanks and leading apostrophe."""
    return f"ltrim(upper({without_invisible(translate(column, _FOLDED))}), {literal(_APOSTROPHES)})"


def _from_number(folded: str) -> str:
    return f"{matches_fully(folded, _EXPONENT)} or {matches_fully(folded, r'[0-9]{14,21}[.]0*')}"


def _not_a_number(folded: str) -> str:
    return f"""case
        when not {matches_fully(folded, "[0-9]+X?")} or strlen({folded}) = 15 then '!characters'
        when strlen({folded}) = 17 then '!one_digit_missing'
        when strlen({folded}) < 17 then '!digits_missing'
        when strlen({folded}) > 18 then '!digits_extra'
        else '!characters' end"""


def _inner_number(field: Field, shape: str) -> Layers:
    """The 17 digits as a number, the birth date, and the right check character for the digits (ISO 7064 MOD 11-2).

    The check needs the sum of digit × 2^place. With q_k = v // 10^k the k-th digit is q_k - 10 q_(k+1), so the sum is
    v - 8 × sum of q_k × 2^(k-1): half the divisions of the textbook form.
    """
    digits = field.at("#digits")
    quotients = {
        k: " + ".join(f"{digits} // {10**j}" for j in range(k, 17, 10)) for k in range(1, 11)
    }  # powers of two come back every ten places, modulo 11
    terms = "".join(f" + ({sum_of}) * {-(2 ** (k + 2)) % 11}" for k, sum_of in quotients.items())
    return [
        {
            "#digits": f"try_cast(substr({shape}, 1, 17) as bigint)",
            "#birth": f"cast(try_strptime(substr({shape}, 7, 8), '%Y%m%d') as date)",
        },
        {"#check": f"substr('10X98765432', cast(({digits}{terms}) % 11 * 2 % 11 as integer) + 1, 1)"},
    ]


def _inner_problem(field: Field, shape: str) -> str:
    birth = field.at("#birth")
    return f"""case
        when {shape} is null then null
        when {shape} < '0' then substr({shape}, 2)
        when {birth} is null or {birth} > {day(field.night)} or {birth} < {day(_oldest(field.night))} then 'birth_date'
        when strlen({shape}) = 17 or substr({shape}, 18, 1) = {field.at("#check")} then null
        when strlen({shape}) = 18 and substr({shape}, 16) = '000' then 'stored_as_number'
        else 'check_digit' end"""


def _oldest(night: date) -> date:
    """The earliest birth date that is not more than 120 years before the night."""
    try:
        return night.replace(year=night.year - 120)
    except ValueError:
        return date(night.year - 120, 3, 1)
