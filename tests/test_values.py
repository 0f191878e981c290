"""Raw text → typed values: each format on both sides of its edge, and what holds for every number, date and amount."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from low_income import values
from low_income.settings import contracts
from low_income.settings.contracts import Column, Kind
from low_income.values.numbers import DAMAGED
from low_income.values.wording import PROBLEMS

NIGHT = date(2026, 10, 31)
QUICKLY = settings(max_examples=20, deadline=None)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set threads = 1")
        yield connection


def kind(**columns: dict[str, Any]) -> Kind:
    """A kind of columns only: `parse` asks for nothing else."""
    return Kind.model_construct(columns={name: Column(header=name, **column) for name, column in columns.items()})


def read(
    con: duckdb.DuckDBPyConnection,
    type_: str,
    texts: Sequence[str | None],
    *,
    numeric: bool = False,
    night: date = NIGHT,
    result: Sequence[str] = ("", "__problem"),
    unit: str | None = None,
    default: str | None = None,
    date1904: bool = False,
    **column: Any,
) -> list[tuple[Any, ...]]:
    """Texts → (value, problem), in order."""
    field = "f_fen" if type_ == "money" else "f"
    con.execute(
        f"create or replace temp table raw (sheet varchar, row_number integer, {field} varchar, {field}__numeric boolean)"
    )
    con.execute(
        "insert into raw select 'S', row_number, text, $numeric from (select unnest($texts) as text, unnest(range($n)) as row_number)",
        {"texts": list(texts), "n": len(texts), "numeric": numeric},
    )
    table = values.parse(
        con, "raw", kind(**{field: {"type": type_, **column}}), night,
        units={("S", field): unit} if unit else {}, defaults={("S", field): default} if default else {},
        date1904_sheets=["S"] if date1904 else [],
    )  # fmt: skip
    wanted = ", ".join(f'"{field}{suffix}"' for suffix in result)
    return con.execute(f"select {wanted} from {table} order by row_number").fetchall()


def one(con: duckdb.DuckDBPyConnection, type_: str, text: str | None, **rest: Any) -> Any:
    """The value when there is no problem, else `!problem`."""
    [(value, problem)] = read(con, type_, [text], **rest)
    assert value is None or problem is None
    return f"!{problem}" if problem else value


Example = tuple[str | None, Any]


def answers(con: duckdb.DuckDBPyConnection, type_: str, examples: Sequence[Example], **rest: Any) -> list[Example]:
    """Each example's text with what it is read as: the value, or `!problem`."""
    texts = [text for text, _ in examples]
    found = read(con, type_, texts, **rest)
    return [(text, f"!{problem}" if problem else value) for text, (value, problem) in zip(texts, found, strict=True)]


# The ID number ----------------------------------------------------------------------------------------------------

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def with_check(first17: str) -> str:
    return first17 + "10X98765432"[sum(int(d) * w for d, w in zip(first17, WEIGHTS, strict=True)) % 11]


def oracle(text: str | None, night: date) -> tuple[str, str | None]:
    """(state, number) as docs/identity.md says it, digit by digit."""
    folded = unicodedata.normalize("NFKC", text or "").upper()
    folded = "".join(c for c in folded if unicodedata.category(c) not in ("Zs", "Zl", "Zp", "Cc", "Cf")).lstrip("'‘’`´")
    plain = folded.removesuffix("X")
    digits = plain != "" and all(c in string.digits for c in plain)
    if not folded:
        return "missing", None
    if digits and len(folded) in (15, 18) and (len(folded) == 18 or plain == folded):
        number = folded if len(folded) == 18 else folded[:6] + "19" + folded[6:]
        try:
            birth = datetime.strptime(number[6:14], "%Y%m%d").date()  # noqa: DTZ007 - a day, no time
        except ValueError:
            return "invalid", None
        age = night.year - birth.year - ((night.month, night.day) < (birth.month, birth.day))
        too_old = age > 120 or (age == 120 and (night.month, night.day) != (birth.month, birth.day))
        if birth > night or too_old:
            return "invalid", None
        if len(folded) == 15:
            return "upgraded", with_check(number)
        if with_check(number[:17]) == number:
            return "verified", number
        return ("damaged" if number.endswith("000") else "invalid"), None
    mantissa, e, exponent = folded.partition("E")
    if e and all(c in string.digits + ".+" for c in mantissa + exponent):
        return "damaged", None
    if digits and (len(folded) == 17 or len(folded) >= 19):
        return "damaged", None
    return "invalid", None


birth_dates = st.dates(date(1905, 1, 1), date(2028, 12, 31))


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """A well-formed invented number; its birth date may lie outside of what is believed."""
    return with_check(f"99{draw(st.integers(0, 9999)):04d}{draw(birth_dates):%Y%m%d}{draw(st.integers(0, 999)):03d}")


@st.composite
def written_numbers(draw: st.DrawFn) -> str:
    """A number as files hold it: right, spelled oddly, or spoiled."""
    number = draw(numbers())
    spoil = draw(st.integers(0, 9))
    at = draw(st.integers(0, 17))
    if spoil == 0:
        number = number[:at] + draw(st.sampled_from("0123456789X")) + number[at + 1 :]
    elif spoil == 1:
        number = number[:at] + number[at + 1 :]
    elif spoil == 2:
        number = number[:at] + draw(st.sampled_from("0123456789")) + number[at:]
    elif spoil == 3:
        number = number[:6] + number[8:17]
    elif spoil == 4:
        number = number[:15] + "000"
    elif spoil == 5:
        number = number[0] + "." + number[1:6] + "E+17"
    if draw(st.booleans()):
        number = number.lower()
    if draw(st.booleans()):
        number = "".join(chr(ord(c) + 0xFEE0) if draw(st.booleans()) else c for c in number)
    blank = draw(st.sampled_from(["", " ", "\t", "\u00a0", "\u200b", "\u3000", "\ufeff", "\u202d"]))
    number = number[:at] + blank + number[at:]
    return draw(st.sampled_from(["", "", "'", "''", "＇", "‘"])) + number + draw(st.sampled_from(["", " ", "\r\n"]))


@QUICKLY
@given(st.lists(written_numbers() | st.text(alphabet="0123456789Xx '", max_size=22), min_size=1, max_size=40))
def test_a_number_is_judged_as_the_oracle_judges_it(con: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    found = read(con, "id_number", texts, result=("__state", ""))
    for text, (state, number) in zip(texts, found, strict=True):
        expected = oracle(text, NIGHT)
        if expected[0] == "damaged" and state == "invalid":
            pytest.fail(f"{text!r}: {expected}")
        assert (state, number) == expected, text


@QUICKLY
@given(numbers(), st.data())
def test_one_wrong_digit_or_two_swapped_never_identifies(
    con: duckdb.DuckDBPyConnection, number: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, 17))
    alphabet = "0123456789X" if at == 17 else "0123456789"
    changed = [number[:at] + c + number[at + 1 :] for c in alphabet if c != number[at]]
    swapped = [
        number[:k] + number[k + 1] + number[k] + number[k + 2 :] for k in range(17) if number[k] != number[k + 1]
    ]
    assert {value for value, _ in read(con, "id_number", changed + swapped)} == {None}


@QUICKLY
@given(st.lists(numbers(), min_size=1, max_size=20))
def test_a_number_cell_never_identifies_even_when_its_check_is_right(
    con: duckdb.DuckDBPyConnection, texts: list[str]
) -> None:
    assert set(read(con, "id_number", texts, numeric=True, result=("", "__state", "__problem"))) == {
        (None, "damaged", "stored_as_number")
    }


RIGHT = with_check("99010119860501123")


def test_id_number(con: duckdb.DuckDBPyConnection) -> None:
    examples: list[Example] = [
        (RIGHT, RIGHT),
        (with_check("99010119860501125"), with_check("99010119860501125")),
        ("990101860501123", RIGHT),
        (RIGHT[:17], "!one_digit_missing"),
        (RIGHT[:16], "!digits_missing"),
        ("1234", "!digits_missing"),
        (RIGHT[:14] + "X", "!characters"),
        (RIGHT + "1", "!digits_extra"),
        (RIGHT + "42", "!disability_number"),
        (RIGHT + "42B1", "!disability_number"),
        (RIGHT + "92", "!digits_extra"),
        (RIGHT + ".0", "!stored_as_number"),
        ("9.90101E+17", "!stored_as_number"),
        ("9.90101E17", "!stored_as_number"),
        (RIGHT[:15] + "000", "!stored_as_number"),
        ("没有", "!characters"),
        ("A" + RIGHT[1:], "!characters"),
        (RIGHT[:10] + "1332" + RIGHT[14:], "!birth_date"),
        (with_check("99010120240230123"), "!birth_date"),
        (with_check("99010119061031123"), with_check("99010119061031123")),
        (with_check("99010119061030123"), "!birth_date"),
        (with_check("99010120261031123"), with_check("99010120261031123")),
        (with_check("99010120261101123"), "!birth_date"),
        (RIGHT[:17] + ("0" if RIGHT[17] != "0" else "1"), "!check_digit"),
        ("", None),
        (None, None),
        (" \u3000\t\u200b", None),
    ]  # fmt: skip
    assert answers(con, "id_number", examples) == examples


def test_a_century_and_twenty_years_before_a_leap_day(con: duckdb.DuckDBPyConnection) -> None:
    texts = [with_check("99010119000228123"), with_check("99010119000301123")]
    found = read(con, "id_number", texts, night=date(2020, 2, 29))
    assert [problem for _, problem in found] == ["birth_date", None]


def test_a_seventeenth_zero_twice_may_be_right_in_a_text(con: duckdb.DuckDBPyConnection) -> None:
    ending = next(n for region in range(100) if (n := with_check(f"9901{region:02d}19860501100")).endswith("000"))
    assert read(con, "id_number", [ending], result=("", "__state")) == [(ending, "verified")]
    assert read(con, "id_number", [ending], result=("", "__state"), numeric=True) == [(None, "damaged")]


def test_sex_and_birth_come_from_usable_numbers_only(con: duckdb.DuckDBPyConnection) -> None:
    man, woman = RIGHT, with_check("99010119860501124")
    found = read(
        con, "id_number", [man, woman, "990101860501123", man[:17]], result=("__sex", "__birth_date", "__state")
    )
    born = date(1986, 5, 1)
    assert found == [
        ("男", born, "verified"),
        ("女", born, "verified"),
        ("男", born, "upgraded"),
        (None, None, "damaged"),
    ]


def test_damaged_and_invalid_are_told_apart(con: duckdb.DuckDBPyConnection) -> None:
    found = read(
        con, "id_number", [RIGHT[:17], RIGHT[:16], RIGHT + "1", RIGHT + "42", "x"], result=("__state", "__problem")
    )
    assert [state for state, _ in found] == ["damaged", "invalid", "damaged", "damaged", "invalid"]
    assert {problem for state, problem in found if state == "damaged"} <= set(DAMAGED)


def test_ids_alone_are_judged_as_with_everything_else(con: duckdb.DuckDBPyConnection) -> None:
    texts = [RIGHT, "'" + RIGHT.lower(), RIGHT[:17], None]
    expected = read(con, "id_number", texts, result=("", "__state", "__problem"))
    con.execute("create or replace temp table lot as select *, '2026/5/1' as other, true as other__numeric from raw")
    table = values.parse_ids(con, "lot", "f", NIGHT)
    assert con.execute(f"select f, f__state, f__problem from {table} order by row_number").fetchall() == expected
    columns = [name for name, *_ in con.execute(f"describe {table}").fetchall()]
    assert columns == ["sheet", "row_number", "other", "other__numeric", "f", "f__problem", "f__state"]


def test_disability_number(con: duckdb.DuckDBPyConnection) -> None:
    examples: list[Example] = [
        (RIGHT + "42", RIGHT + "42"),
        (RIGHT + "42b1", RIGHT + "42B1"),
        (f" {RIGHT} 74 B2", RIGHT + "74B2"),
        (RIGHT + "82", "!type_or_level"),
        (RIGHT + "45", "!type_or_level"),
        (RIGHT, "!digits_missing"),
        (RIGHT + "4", "!digits_missing"),
        (RIGHT + "423", "!digits_extra"),
        (RIGHT[:15] + "99942", "!check_digit"),
        (RIGHT[:10] + "1332" + RIGHT[14:] + "42", "!birth_date"),
        ("9.90101E+19", "!stored_as_number"),
        ("残44", "!characters"),
        (" ", None),
    ]  # fmt: skip
    assert answers(con, "disability_number", examples) == examples


# Dates and months --------------------------------------------------------------------------------------------------

CHINESE = str.maketrans("0123456789", "〇一二三四五六七八九")


def chinese_number(n: int) -> str:
    """1 to 31 as people say it."""
    tens, ones = divmod(n, 10)
    return ("", "十", "二十", "三十")[tens] + ("" if ones == 0 else str(ones).translate(CHINESE))


PRINTED = {
    "iso": lambda d: d.isoformat(),
    "slash": lambda d: f"{d.year}/{d.month}/{d.day}",
    "slash_padded": lambda d: f"{d:%Y/%m/%d}",
    "dot": lambda d: f"{d.year}.{d.month}.{d.day}",
    "dot_padded": lambda d: f"{d:%Y.%m.%d}",
    "digits": lambda d: f"{d:%Y%m%d}",
    "han": lambda d: f"{d.year}年{d.month}月{d.day}日",
    "han_padded": lambda d: f"{d:%Y年%m月%d日}",
    "han_blanks": lambda d: f" {d.year} 年 {d.month} 月 {d.day} 日 ",
    "chinese": lambda d: f"{str(d.year).translate(CHINESE)}年{chinese_number(d.month)}月{chinese_number(d.day)}日",
    "chinese_zero": lambda d: f"{str(d.year).translate(CHINESE).replace('〇', '零')}年{chinese_number(d.month)}月{chinese_number(d.day)}号",
    "full_width": lambda d: "".join(chr(ord(c) + 0xFEE0) for c in d.isoformat()),
    "with_time": lambda d: f"{d.isoformat()} 13:05:59",
    "with_minutes": lambda d: f"{d.year}/{d.month}/{d.day} 0:00",
    "with_t": lambda d: f"{d.isoformat()}T08:00:00.000",
    "han_time": lambda d: f"{d.year}年{d.month}月{d.day}日 上午8:30",
    "trailing": lambda d: d.isoformat() + " \u3000\u00a0",
}  # fmt: skip


@pytest.mark.parametrize("style", sorted(PRINTED))
@settings(max_examples=6, deadline=None)
@given(days=st.lists(st.dates(date(1900, 1, 1), date(2099, 12, 31)), min_size=1, max_size=60))
def test_any_day_printed_is_read_back(con: duckdb.DuckDBPyConnection, style: str, days: list[date]) -> None:
    texts = [PRINTED[style](day) for day in days]
    assert read(con, "date", texts) == [(day, None) for day in days]
    assert read(con, "month", texts) == [(day.replace(day=1), None) for day in days]


@QUICKLY
@given(st.lists(st.dates(date(1905, 10, 1), date(2099, 12, 31)), min_size=1, max_size=60))
def test_any_day_counted_by_a_spreadsheet_is_read_back(con: duckdb.DuckDBPyConnection, days: list[date]) -> None:
    since_1900 = [str((day - date(1899, 12, 30)).days) for day in days]
    assert read(con, "date", since_1900, numeric=True) == [(day, None) for day in days]
    assert read(con, "date", [f"{text}.75" for text in since_1900], numeric=True) == [(day, None) for day in days]
    assert {problem for _, problem in read(con, "date", since_1900)} <= {"unreadable", "no_month"}
    recent = [max(day, date(1910, 1, 1)) for day in days]
    since_1904 = [str((day - date(1904, 1, 1)).days) for day in recent]
    assert read(con, "date", since_1904, numeric=True, date1904=True) == [(day, None) for day in recent]


MONTHS = {
    "dash": lambda d: f"{d:%Y-%m}",
    "short_dash": lambda d: f"{d.year}-{d.month}",
    "slash": lambda d: f"{d.year}/{d.month}",
    "dot_padded": lambda d: f"{d:%Y.%m}",
    "han": lambda d: f"{d.year}年{d.month}月",
    "han_part": lambda d: f"{d:%Y年%m月份}",
    "chinese": lambda d: f"{str(d.year).translate(CHINESE)}年{chinese_number(d.month)}月",
}  # fmt: skip


@pytest.mark.parametrize("style", sorted(MONTHS))
@settings(max_examples=6, deadline=None)
@given(days=st.lists(st.dates(date(1900, 1, 1), date(2099, 12, 31)), min_size=1, max_size=60))
def test_any_month_printed_is_read_back(con: duckdb.DuckDBPyConnection, style: str, days: list[date]) -> None:
    texts = [MONTHS[style](day) for day in days]
    assert read(con, "month", texts) == [(day.replace(day=1), None) for day in days]
    assert {problem for _, problem in read(con, "date", texts)} == {"no_day"}
    last = [(day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1) for day in days]
    assert read(con, "date", texts, month_means_last_day=True) == [(day, None) for day in last]


def test_date(con: duckdb.DuckDBPyConnection) -> None:
    examples: list[Example] = [
        ("2024-02-29", date(2024, 2, 29)),
        ("2024-02-30", "!no_such_day"),
        ("2023-02-29", "!no_such_day"),
        ("2024-13-01", "!no_such_day"),
        ("20241301", "!no_such_day"),
        ("2024-13", "!no_such_day"),
        ("2024-00-10", "!zero_day_or_month"),
        ("2024-01-00", "!zero_day_or_month"),
        ("2024年1月0日", "!zero_day_or_month"),
        ("20240100", "!zero_day_or_month"),
        ("202400", "!zero_day_or_month"),
        ("1986.1", "!ambiguous_month"),
        ("1986.10", "!no_day"),
        ("1986.01", "!no_day"),
        ("1986.2", "!no_day"),
        ("198605", "!no_day"),
        ("200105", "!no_day"),
        ("190512", "!ambiguous_date"),
        ("860501", "!ambiguous_date"),
        ("86-5-1", "!ambiguous_date"),
        ("86年5月1日", "!ambiguous_date"),
        ("01/02/2023", "!ambiguous_date"),
        ("二〇二三年", "!no_month"),
        ("2023", "!no_month"),
        ("长期", "!no_end"),
        ("至今", "!no_end"),
        ("1899-12-31", "!unreadable"),
        ("1900-01-01", date(1900, 1, 1)),
        ("5月1日", "!unreadable"),
        ("2024-1-5Z", "!unreadable"),
        ("2024-01-05T16:00:00Z", "!unreadable"),
        ("45296", "!unreadable"),
        ("1e3", "!unreadable"),
        ("今天", "!unreadable"),
        ("二〇二三年廿一日", "!unreadable"),
        ("二〇二三年一月廿一日", date(2023, 1, 21)),
        ("", None),
        ("\u3000", None),
    ]  # fmt: skip
    assert answers(con, "date", examples) == examples


def test_date_in_a_number_cell(con: duckdb.DuckDBPyConnection) -> None:
    examples: list[Example] = [
        ("1986.1", "!ambiguous_month"),
        ("1986.5", "!no_day"),
        ("1986", "!no_month"),
        ("2100", "!unreadable"),
        ("2101", date(1905, 10, 1)),
        ("366", "!unreadable"),
        ("73050", date(2099, 12, 31)),
        ("73051", "!unreadable"),
        ("19860501", date(1986, 5, 1)),
        ("19860501.0", date(1986, 5, 1)),
        ("1986-05-01", date(1986, 5, 1)),
    ]  # fmt: skip
    assert answers(con, "date", examples, numeric=True) == examples


def test_date_of_death(con: duckdb.DuckDBPyConnection) -> None:
    examples: list[Example] = [
        ("2018.5", date(2018, 5, 31)),
        ("2016年2月", date(2016, 2, 29)),
        ("2018-05-00", date(2018, 5, 31)),
        ("20180500", date(2018, 5, 31)),
        ("2018-05-20", date(2018, 5, 20)),
        ("2018-00-00", "!zero_day_or_month"),
        ("2018.1", "!ambiguous_month"),
        ("2018", "!no_month"),
        ("2026.10", date(2026, 10, 31)),
        ("2026-10-31", date(2026, 10, 31)),
        ("2026-11-01", "!in_future"),
        ("2026.11", "!in_future"),
    ]  # fmt: skip
    assert answers(con, "date", examples, month_means_last_day=True, not_after="night") == examples


def test_the_month_that_runs_is_not_in_the_future(con: duckdb.DuckDBPyConnection) -> None:
    early = date(2026, 10, 1)
    assert one(con, "date", "2026.10", month_means_last_day=True, not_after="night", night=early) == date(2026, 10, 31)
    assert one(con, "month", "2026-10", not_after="night", night=early) == date(2026, 10, 1)
    assert one(con, "month", "2026-11", not_after="night", night=early) == "!in_future"
    assert one(con, "date", "2026-10-02", not_after="night", night=early) == "!in_future"
    assert one(con, "date", "2026-10-02", night=early) == date(2026, 10, 2)


@pytest.mark.parametrize("text", ["长期", "至今", " 长 期 "])
def test_no_end_is_no_problem_where_an_end_may_be_missing(con: duckdb.DuckDBPyConnection, text: str) -> None:
    assert read(con, "date", [text, ""], open_end=True) == [(date.max, None), (None, None)]


@pytest.mark.parametrize(
    ("text", "numeric", "expected"),
    [
        ("202610", True, date(2026, 10, 1)),
        ("2026.1", True, "!ambiguous_month"),
        ("2026.1", False, "!ambiguous_month"),
        ("2026年", False, "!no_month"),
        ("2024-02-30", False, "!no_such_day"),
        ("45292", True, date(2024, 1, 1)),
    ],
)
def test_month(con: duckdb.DuckDBPyConnection, text: str, numeric: bool, expected: Any) -> None:
    assert one(con, "month", text, numeric=numeric) == expected


# Amounts ------------------------------------------------------------------------------------------------------------


def yuan(fen: int) -> str:
    return f"{Decimal(fen) / 100:.2f}"


MONEY = {
    "plain": yuan,
    "short": lambda fen: f"{(Decimal(fen) / 100).normalize():f}",
    "grouped": lambda fen: f"￥{Decimal(fen) / 100:,.2f}",
    "yen": lambda fen: f"¥ {yuan(fen)}",
    "yuan": lambda fen: f"{yuan(fen)} 元",
    "ten_thousands": lambda fen: f"{Decimal(fen) / 1_000_000:f}万元",
    "thousands": lambda fen: f"{Decimal(fen) / 100_000:f}千元",
    "full_width": lambda fen: "".join(chr(ord(c) + 0xFEE0) for c in yuan(fen)),
    "zeros": lambda fen: yuan(fen) + "0000",
    "blanks": lambda fen: f"{Decimal(fen) / 100:,.2f}".replace(",", " "),
}  # fmt: skip


@pytest.mark.parametrize("style", sorted(MONEY))
@settings(max_examples=6, deadline=None)
@given(amounts=st.lists(st.integers(0, 10**13), min_size=1, max_size=60))
def test_any_amount_printed_is_read_back(con: duckdb.DuckDBPyConnection, style: str, amounts: list[int]) -> None:
    texts = [MONEY[style](fen) for fen in amounts]
    assert read(con, "money", texts) == [(fen, None) for fen in amounts]


@QUICKLY
@given(st.lists(st.integers(0, 10**11), min_size=1, max_size=60))
def test_a_float_of_an_amount_is_that_amount(con: duckdb.DuckDBPyConnection, amounts: list[int]) -> None:
    texts = [format(Decimal(fen / 100), ".10f") for fen in amounts] + [repr(fen / 100) for fen in amounts]
    assert read(con, "money", texts) == [(fen, None) for fen in amounts * 2]


def test_money(con: duckdb.DuckDBPyConnection) -> None:
    examples: list[Example] = [
        ("0", 0),
        ("0.01", 1),
        ("0.005", "!too_many_decimals"),
        ("1.234", "!too_many_decimals"),
        ("1.230", 123),
        ("1234.5600000001", 123456),
        ("1234.559999999", 123456),
        ("1234.56001", "!too_many_decimals"),
        ("1e3", 100_000),
        ("1.5E+2", 15_000),
        ("1E-13", 0),
        ("1e-3", "!too_many_decimals"),
        ("1e99", "!unreadable"),
        (".5", 50),
        ("5.", 500),
        ("1,234", 123_400),
        ("234,567.8", 23_456_780),
        ("1,23", "!unreadable"),
        ("12,34.5", "!unreadable"),
        ("0x1f", "!unreadable"),
        ("1_000", "!unreadable"),
        ("1.2.3", "!unreadable"),
        ("5%", "!unreadable"),
        ("(500)", "!unreadable"),
        ("500元/年", "!unreadable"),
        ("五百", "!unreadable"),
        ("元", "!unreadable"),
        ("--5", "!unreadable"),
        ("-0.01", "!too_small"),
        ("￥-5", "!too_small"),
        ("-￥5", "!too_small"),
        ("1000000", 100_000_000),
        ("1000000.01", "!too_large"),
        ("999999999999999", "!too_large"),
        ("1e15", "!too_large"),
        ("9999999999万元", "!too_large"),
        ("=1+1", "!unreadable"),
        ("5,000元整", 500_000), ("1.2 万", 1_200_000), ("3千元", 300_000), ("３.５万元正", 3_500_000), ("人民币200元", 20_000),
        ("3万5千", "!unreadable"),
        ("不详", "!unreadable"),
        ("#N/A", "!unreadable"),
        ("inf", "!unreadable"),
        *[(unknown, None) for unknown in ["/", "-", "—", "--", "－", "无", "空", "NULL", "null", "￥-", "", " "]],
    ]  # fmt: skip
    assert answers(con, "money", examples, minimum=0, maximum=100_000_000) == examples


@pytest.mark.parametrize(
    ("unit", "text", "expected"),
    [
        ("元", "1.5", 150),
        ("万元", "1.5", 1_500_000),
        ("万元", "1.23456", 1_234_560),
        ("万元", "1.2345678", "!too_many_decimals"),
        ("万元", "1.5万元", 1_500_000),
        ("万元", "1.5万", 1_500_000),
        ("万元", "15000元", 1_500_000),
        ("万元", "1.5元", 150),
        ("千元", "2", 200_000),
        ("千元", "2万元", 2_000_000),
        ("百元", "2", 20_000),
        ("元/月", "600", 60_000),
        ("元/人/月", "600元", 60_000),
        ("元", "2万元", 2_000_000),
        (None, "2万元", 2_000_000),
        ("人", "600", "!unit_conflict"),
        ("人", "600元", 60_000),
        ("人", "", None),
        ("万元", "/", None),
        # Whatever the unit, no amount is beyond a thousand 亿, so that no sum is either.
        ("万元", "10000000", 10**13),
        ("万元", "10000000.01", "!too_large"),
        ("元", "100000000000", 10**13),
        ("元", "100000000000.01", "!too_large"),
        ("元", "-100000000000.01", "!too_small"),
        ("万元", "99999999999", "!too_large"),
        ("元", "99999999999万元", "!too_large"),
    ],
)
def test_money_by_unit(con: duckdb.DuckDBPyConnection, unit: str | None, text: str, expected: Any) -> None:
    assert one(con, "money", text, unit=unit) == expected


NOTHING = [
    "", " ", "/", "//", "-", "--", "—", "－", "\\", "无", "空", "空值", "\\N", "nan", "NaN", "NAN", "-", "NaT", "null", "NULL", "None", "nil",
    "NA", "N/A", "n/a", "<NA>", "(null)", "（null）", "[NULL]", "<null>", "(None)", "undefined", " nan ",
]  # fmt: skip
"""What people write where there is nothing to say, and what pandas, R, psql, Hive, SQL Developer, Navicat, DBeaver and JavaScript do."""


@pytest.mark.parametrize(
    "type_",
    ["id_number", "disability_number", "date", "month", "money", "integer", "decimal", "text", "township", "place"],
)
def test_what_a_program_writes_for_nothing_is_blank(con: duckdb.DuckDBPyConnection, type_: str) -> None:
    assert read(con, type_, NOTHING) == [(None, None)] * len(NOTHING)


def test_what_a_program_writes_for_nothing_is_no_word(con: duckdb.DuckDBPyConnection) -> None:
    """无 is an answer where it is one of the answers, and nothing but that."""
    expected: list[Any] = [(None, None)] * len(NOTHING)
    assert read(con, "code", NOTHING, codes={"城市": [], "农村": []}, others="其他") == expected
    expected[NOTHING.index("无")] = (False, None)
    assert read(con, "boolean", NOTHING) == expected
    expected[NOTHING.index("无")] = ("无", None)
    assert read(con, "code", NOTHING, codes={"有": [], "无": []}) == expected


def test_somebody_may_be_called_nan_and_nobody_none(con: duckdb.DuckDBPyConnection) -> None:
    called = ["Nan", "NAN", "Null", "Nil", "Nat", "Na", "NA", "Nan Thida", "无名"]
    assert read(con, "name", called) == [(name, None) for name in called]
    nothing = [
        "\\N",
        "nan",
        "NaN",
        "NaT",
        "null",
        "NULL",
        "None",
        "(null)",
        "<NA>",
        "[NULL]",
        "/",
        "-",
        "—",
        "无",
        "",
        " ",
    ]
    assert read(con, "name", nothing) == [(None, None)] * len(nothing)


def test_what_stands_for_a_blank_stands_for_a_mark_of_nothing_too(con: duckdb.DuckDBPyConnection) -> None:
    texts = ["/", "\\N", "无", "农村", "不详"]
    found = read(con, "code", texts, codes={"城市": [], "农村": []}, default="城市")
    assert found == [*[("城市", None)] * 3, ("农村", None), (None, "not_in_list")]


def test_a_sheet_with_another_unit_is_read_by_its_own(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "create or replace temp table raw as select unnest(['甲', '乙''--', '丙']) as sheet, 1 as row_number, '2' as a_fen"
    )
    units = {("甲", "a_fen"): "万元", ("乙'--", "a_fen"): "千元", ("甲", "b_fen"): "元"}
    table = values.parse(con, "raw", kind(a_fen={"type": "money"}), NIGHT, units=units)
    found = con.execute(f"select sheet, a_fen from {table}").fetchall()
    assert sorted(found) == [("丙", 200), ("乙'--", 200_000), ("甲", 2_000_000)]


def test_an_amount_without_a_unit_is_ambiguous_where_other_cells_of_its_column_and_sheet_say_ten_thousands(
    con: duckdb.DuckDBPyConnection,
) -> None:
    """Not 0, not with a unit or a currency of its own, and not what would be impossibly large in 万元."""
    texts = ["5", "0", "5元", "¥5", "0.3万元", "100", "100.01"]
    for sheet, column in (("S", "a_fen"), ("T", "a_fen"), ("S", "b_fen")):
        con.execute(
            "create or replace temp table raw as select $sheet as sheet, row_number, text as a_fen, text as b_fen"
            " from (select unnest($texts) as text, unnest(range($n)) as row_number)",
            {"sheet": sheet, "texts": texts, "n": len(texts)},
        )
        columns = kind(a_fen={"type": "money"}, b_fen={"type": "money"})
        table = values.parse(con, "raw", columns, NIGHT, mixed_units=[("S", "a_fen")])
        found = con.execute(f"select {column}, {column}__problem from {table} order by row_number").fetchall()
        plain: list[Any] = [
            (500, None),
            (0, None),
            (500, None),
            (500, None),
            (300_000, None),
            (10_000, None),
            (10_001, None),
        ]
        if (sheet, column) == ("S", "a_fen"):
            plain[0] = plain[5] = (None, "unit_unsaid")
        assert found == plain, (sheet, column)


def test_columns_of_mixed_units_are_those_with_a_large_unit_in_a_cell_and_none_in_the_header(
    con: duckdb.DuckDBPyConnection,
) -> None:
    con.execute(
        "create or replace temp table raw as select * from (values ('S', '1', '2 万 元', '3千元'), ('S', '0.3万元', '5', '6'),"
        " ('T', '1', '2', '3')) as rows(sheet, a_fen, b_fen, c_fen)"
    )
    columns = kind(a_fen={"type": "money"}, b_fen={"type": "money"}, c_fen={"type": "money"}, d_fen={"type": "money"})
    found = values.mixed_units(con, "raw", columns, {("S", "c_fen"): "千元", ("T", "a_fen"): "元"})
    assert found == {("S", "a_fen"), ("S", "b_fen")}


def test_a_number_may_have_twelve_digits_and_no_more(con: duckdb.DuckDBPyConnection) -> None:
    expected = [("999999999999", 999_999_999_999), ("1000000000000", "!too_large")]
    assert answers(con, "integer", expected) == expected


def test_integer(con: duckdb.DuckDBPyConnection) -> None:
    examples: list[Example] = [
        ("3", 3), ("3人", 3), ("３ 人", 3), ("3.0", 3), ("3.5", "!not_whole"), ("0", "!too_small"), ("30", 30),
        ("31", "!too_large"), ("-1", "!too_small"), ("三", "!unreadable"), ("3e1", "!unreadable"), ("0x3", "!unreadable"),
        ("99999999999999", "!too_large"), ("/", None), ("", None),
    ]  # fmt: skip
    assert answers(con, "integer", examples, minimum=1, maximum=30) == examples


def test_decimal(con: duckdb.DuckDBPyConnection) -> None:
    examples: list[Example] = [
        ("30", Decimal("30.000")), ("30.001", Decimal("30.001")), ("30.0005", Decimal("30.001")), ("30公里", Decimal("30.000")),
        ("30 KM", Decimal("30.000")), ("30米", "!unreadable"), ("2000", Decimal("2000.000")), ("2000.001", "!too_large"),
        ("-0.001", "!too_small"), ("1e30", "!unreadable"), ("无", None),
    ]  # fmt: skip
    assert answers(con, "decimal", examples, minimum=0, maximum=2000) == examples


# Words --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["是", "有", "√", "1", "Y", "y", "Ｙ", "true", "TRUE", "对", " 是 ", "已消除"], True),
        (["否", "无", "×", "0", "N", "false", "错", "未消除"], False),
        (["可能", "2", "是否", "?"], "!not_yes_or_no"),
        (["", " ", None], None),
    ],
)
def test_boolean(con: duckdb.DuckDBPyConnection, words: list[str | None], expected: Any) -> None:
    found = read(con, "boolean", words, true_words=["已消除"], false_words=["未消除"])
    assert {f"!{problem}" if problem else value for value, problem in found} == {expected}


def test_codes(con: duckdb.DuckDBPyConnection) -> None:
    relation = contracts.load().kinds["dibao_person"].columns["relation"]
    words = ["户主", "本 人", "01", "1", "长子", "之妻", "表叔", "其他", None]
    found = read(con, "code", words, codes=relation.codes, others=relation.others)
    assert found == [(code, None) for code in ["户主", "户主", "户主", "户主", "子", "配偶", "其他", "其他", None]]
    level = contracts.load().kinds["dibao_person"].columns["disability_level"]
    words = ["一级", "１", "一", "壹级", "1 级", "1.0", "5", "五级", "一级二级"]
    found = read(con, "code", words, codes=level.codes)
    assert found == [("一级", None)] * 6 + [(None, "not_in_list")] * 3


def test_every_spelling_of_every_contract_is_read(con: duckdb.DuckDBPyConnection) -> None:
    for each in contracts.load().kinds.values():
        for column in each.columns.values():
            pairs = [(word, code) for code, others in column.codes.items() for word in [code, *others]]
            if pairs:
                found = read(con, "code", [word for word, _ in pairs], codes=column.codes, others=column.others)
                assert found == [(code, None) for _, code in pairs], (each.name, column.header)


def test_text(con: duckdb.DuckDBPyConnection) -> None:
    examples: list[Example] = [
        ("北营镇三连", "北营镇三连"),
        (" \u3000北营镇\t三连\r\n", "北营镇 三连"),
        ("北营镇１２号（甲），Ａ座", "北营镇12号（甲），A座"),
        ("Ａ座", "A座"),
        ("'0012", "0012"),
        ("a\x01b\u200bc", "abc"),
        ("=cmd()", "=cmd()"),
        ("O'Neil 'x'", "O'Neil 'x'"),
        ("\U00020000村", "\U00020000村"),
    ]
    for type_ in ("text", "township", "place"):
        assert answers(con, type_, examples) == examples


def test_name(con: duckdb.DuckDBPyConnection) -> None:
    examples: list[Example] = [
        ("张三", "张三"),
        *[(f"买买提{dot}艾力", "买买提·艾力") for dot in "·•・．.‧∙●･"],
        ("买买提 · 艾力", "买买提·艾力"),
        ("买·买·提·江", "买·买·提·江"),
        ("买•买•提•江", "买·买·提·江"),
        ("买买提 艾力江", "买买提·艾力江"),
        ("阿卜杜拉 买买提 艾力", "阿卜杜拉·买买提·艾力"),
        ("欧阳 小明", "欧阳小明"),
        ("张 三", "张三"),
        ("张\u3000三\u00a0丰", "张三丰"),
        ("王 小 二 麻 子", "王小二麻子"),
        ("王\u200b五", "王五"),
        ("ＪＯＨＮ　ＳＭＩＴＨ", "JOHN SMITH"),
        ("John  Smith Jr", "John Smith Jr"),
        ("'张三", "张三"),
        ("张三.", "张三"),
        ("⽯三", "石三"),
        ("\uf900三", "\u8c48三"),
        ("\U00020000三", "\U00020000三"),
        ("㐀三", "㐀三"),
        ("张?三", "张?三"),
        ("···", "!unreadable"),
        ("123", "!unreadable"),
        ("", None),
    ]  # fmt: skip
    assert answers(con, "name", examples) == examples


def test_characters_that_not_every_program_shows_are_kept_and_flagged(con: duckdb.DuckDBPyConnection) -> None:
    texts = ["张\ue123", "张 \U000f0001", "张三", None, "张𠮷", "㛃兰", "张?", "\ufffd三", "王〇", "买买提·䶮"]
    found = read(con, "name", texts, result=("", "__flag"))
    assert found == [
        ("张\ue123", "private_use"), ("张\U000f0001", "private_use"), ("张三", None), (None, None),
        ("张𠮷", "rare_character"), ("㛃兰", "rare_character"), ("张?", "lost_character"), ("\ufffd三", "lost_character"),
        ("王〇", None), ("买买提·䶮", "rare_character"),
    ]  # fmt: skip


# The whole table ----------------------------------------------------------------------------------------------------


def test_everything_else_passes_and_the_senders_text_stays(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "create or replace temp table raw as select 'S' as sheet, 7 as row_number, ' 张 三 ' as name, 'abc' as bad, 5 as extra, 'x' as own_sheet"
    )
    table = values.parse(
        con, "raw", kind(name={"type": "name"}, bad={"type": "integer"}, absent_fen={"type": "money"}), NIGHT
    )
    columns = {name: type_ for name, type_, *_ in con.execute(f"describe {table}").fetchall()}
    assert columns == {
        "sheet": "VARCHAR", "row_number": "INTEGER", "extra": "INTEGER", "own_sheet": "VARCHAR",
        "name": "VARCHAR", "name__text": "VARCHAR", "name__problem": "VARCHAR", "name__flag": "VARCHAR",
        "bad": "BIGINT", "bad__text": "VARCHAR", "bad__problem": "VARCHAR",
        "absent_fen": "BIGINT", "absent_fen__text": "VARCHAR", "absent_fen__problem": "VARCHAR",
    }  # fmt: skip
    row = con.execute(
        f"select name, name__text, bad, bad__text, bad__problem, absent_fen, absent_fen__text, extra from {table}"
    ).fetchall()
    assert row == [("张三", " 张 三 ", None, "abc", "unreadable", None, None, 5)]


def test_blank_cells_and_absent_columns_take_what_stands_for_them(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "create or replace temp table raw as select unnest(['A', 'B']) as sheet, 1 as row_number, '\u3000' as area, '农村' as given"
    )
    area = {"type": "code", "codes": {"城市": [], "农村": []}, "else": "城市"}
    table = values.parse(
        con, "raw", kind(area=area, absent=area, given=area, plain={**area, "else": None}), NIGHT,
        defaults={("A", "area"): "农村", ("A", "absent"): "农村", ("A", "given"): "城市"},
    )  # fmt: skip
    found = con.execute(
        f"select sheet, area, area__text, area__problem, absent, absent__text, given, plain from {table} order by 1"
    ).fetchall()
    assert found == [
        ("A", "农村", "\u3000", None, "农村", None, "农村", None),
        ("B", "城市", "\u3000", None, "城市", None, "农村", None),
    ]


def test_what_stands_for_a_blank_is_read_like_a_text(con: duckdb.DuckDBPyConnection) -> None:
    assert read(con, "date", [None, "2024-01-05"], default="2023/5/1") == [
        (date(2023, 5, 1), None),
        (date(2024, 1, 5), None),
    ]
    assert read(con, "money", [None, "3"], default="1.5万元") == [(1_500_000, None), (300, None)]


def test_every_kind_is_typed_as_its_contract_says(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("create or replace temp table empty_sheet as select 'S' as sheet, 1 as row_number")
    for each in contracts.load().kinds.values():
        table = values.parse(con, "empty_sheet", each, NIGHT)
        types = {name: type_ for name, type_, *_ in con.execute(f"describe {table}").fetchall()}
        expected = {
            name: type_
            for name, type_ in each.accepted_columns().items()
            if name.removesuffix("__text") in each.columns
        }
        assert {name: types[name] for name in expected} == expected
        problems = ", ".join(f'"{field}__problem"' for field in each.columns)
        assert set(con.execute(f"select {problems} from {table}").fetchall()[0]) == {None}


JUNK = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30) | st.text(
    alphabet="0123456789.-/年月日元万eE+,x '\t\u3000", max_size=24
)


@pytest.mark.parametrize("type_", contracts.Type.__args__)  # type: ignore[attr-defined]
@settings(max_examples=12, deadline=None)
@given(texts=st.lists(JUNK, min_size=1, max_size=40), numeric=st.booleans())
def test_no_text_whatever_breaks_the_reading(
    con: duckdb.DuckDBPyConnection, type_: str, texts: list[str], numeric: bool
) -> None:
    """Nothing raises; a text is kept; a value or a problem but never both; each problem has words."""
    found = read(
        con,
        type_,
        texts,
        numeric=numeric,
        result=("", "__problem", "__text"),
        unit="万元" if type_ == "money" else None,
    )
    assert [text for _, _, text in found] == texts
    for value, problem, _ in found:
        assert value is None or problem is None
        assert problem is None or problem in PROBLEMS


@QUICKLY
@given(st.lists(JUNK, min_size=1, max_size=30))
def test_reading_again_what_was_read_changes_nothing(con: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    for type_ in ("name", "text"):
        once = [value for value, _ in read(con, type_, texts)]
        assert [value for value, _ in read(con, type_, once)] == [value or None for value in once]


# Words for problems -------------------------------------------------------------------------------------------------


def test_every_problem_is_said_in_short_plain_chinese() -> None:
    assert {"blank", "identical_twin", "unreadable", "not_in_list"} <= PROBLEMS  # of both sorts of messages
    for each in contracts.load().kinds.values():
        for column in each.columns.values():
            for problem in sorted(PROBLEMS):
                message, fix = values.explain(problem, column)
                filled = (
                    message.replace("{header}", column.header)
                    .replace("{value}", RIGHT)
                    .replace("{others}", "第112行、第2013行")
                    .replace("{said}", "没有填")
                )
                assert len(filled) < 120, filled
                assert "{" not in filled + fix
                assert "“" + column.header in filled or problem in (
                    "identical_twin",
                    "ragged_line",
                    "cut_line",
                )  # of the whole row
                assert fix
                assert not [word for word in ("null", "None", "VARCHAR", "fen", "_") if word in filled + fix]


def test_no_message_tells_a_check_character() -> None:
    column = contracts.load().kinds["dibao_person"].columns["id_number"]
    message, _ = values.explain("check_digit", column)
    assert not any(character.isdigit() for character in message)


def test_a_blank_choice_names_what_may_be_chosen() -> None:
    """The sender's own workbook has no list to choose from."""
    column = contracts.load().kinds["edge_household"].columns["area_type"]
    assert "请填其中一种：城市、农村" in values.explain("blank", column)[0]


def test_a_mark_for_nothing_is_said_as_it_is_written() -> None:
    """Somebody wrote 无: it is not told that the cell is blank."""
    column = contracts.load().kinds["dibao_person"].columns["head_id_number"]
    for problem in ("blank", "no_number_yet", "household_unknown"):
        message, _ = values.explain(problem, column)
        assert message.startswith("“{header}”{said}") and "没有填" not in message


def test_bounds_are_said_in_the_unit_people_write() -> None:
    amount = Column(header="金额", type="money", minimum=0, maximum=10_050)
    assert "大于100.5元" in values.explain("too_large", amount)[0]
    assert "小于0元" in values.explain("too_small", amount)[0]
    assert "太大" in values.explain("too_large", Column(header="金额", type="money"))[0]


def test_the_consequence_depends_on_what_the_cell_is_for() -> None:
    columns = contracts.load().kinds["dibao_person"].columns
    assert "这一行不收" in values.explain("check_digit", columns["head_id_number"])[0]
    assert "这一行不收" in values.explain("not_in_list", columns["relation"])[0]
    assert "这一格不作数，也不当作没有填" in values.explain("no_day", columns["birth_date"])[0]


def test_a_month_that_is_none_is_not_called_a_day() -> None:
    message, fix = values.explain("no_such_day", Column(header="最初享受月份", type="month"))
    assert "没有这个月" in message and fix == "改成真实存在的月份"
    message, fix = values.explain("no_such_day", Column(header="出生日期", type="date"))
    assert "没有这一天" in message and "没有这个月" not in message and fix == "改成真实存在的日期"


def test_an_unknown_problem_is_ours_to_mend() -> None:
    with pytest.raises(KeyError):
        values.explain("no_such_problem", Column(header="x", type="text"))
