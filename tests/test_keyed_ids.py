"""Keyed hashes tell nothing, stay the same, and never meet across sorts; a name's comparison form is one in Python and SQL."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from datetime import date

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from low_income.folding import COMPATIBLE
from low_income.model import ConfigError
from low_income.records import keyed_ids

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
NUMBER = "990101198605011237"


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def test_a_person_is_the_keyed_hash_of_the_number() -> None:
    expected = hmac.new(KEY, b"person\0" + NUMBER.encode(), hashlib.sha256).hexdigest()
    assert keyed_ids.person_id(KEY, NUMBER) == expected
    assert keyed_ids.person_ids(KEY, [NUMBER, NUMBER, "99010119860501124X"]) == {
        NUMBER: expected,
        "99010119860501124X": keyed_ids.person_id(KEY, "99010119860501124X"),
    }


def test_another_key_knows_nobody() -> None:
    assert keyed_ids.person_id(OTHER_KEY, NUMBER) != keyed_ids.person_id(KEY, NUMBER)


@pytest.mark.parametrize(
    "number", ["", "990101860501123", NUMBER.lower() + " ", "99010119860501123x", NUMBER + "42", "９" * 18]
)
def test_only_a_whole_number_identifies_and_the_error_does_not_tell_it(number: str) -> None:
    with pytest.raises(ValueError, match="18-character") as error:
        keyed_ids.person_id(KEY, number)
    assert not number or number not in str(error.value)


@pytest.mark.parametrize("key", [b"", b"short", bytes(15)])
def test_a_short_key_is_refused(key: bytes) -> None:
    with pytest.raises(ConfigError):
        keyed_ids.person_id(key, NUMBER)
    with pytest.raises(ConfigError):
        keyed_ids.household_id(key, "a")


def test_a_key_of_sixteen_bytes_will_do() -> None:
    assert len(keyed_ids.person_id(bytes(16), NUMBER)) == 64


def test_sorts_never_meet() -> None:
    person = keyed_ids.person_id(KEY, NUMBER)
    hashes = [
        person,
        keyed_ids.household_id(KEY, person),
        keyed_ids.household_id(KEY, NUMBER),
        keyed_ids.warning_id(KEY, "A01", person, date(2026, 10, 31)),
        keyed_ids.issue_id(KEY, "A01", person, "2026-10-31"),
    ]
    assert len(set(hashes)) == len(hashes)
    assert all(len(each) == 64 and set(each) <= set("0123456789abcdef") for each in hashes)


def test_an_episode_is_a_warning_of_its_own() -> None:
    first = keyed_ids.warning_id(KEY, "A01", "p", date(2026, 10, 1))
    assert first == keyed_ids.warning_id(KEY, "A01", "p", date(2026, 10, 1))
    assert (
        len(
            {
                first,
                keyed_ids.warning_id(KEY, "A01", "p", date(2026, 10, 2)),
                keyed_ids.warning_id(KEY, "A02", "p", date(2026, 10, 1)),
            }
        )
        == 3
    )


@given(
    st.lists(
        st.lists(st.text(max_size=3) | st.integers(0, 20) | st.none(), max_size=4),
        min_size=2,
        max_size=6,
        unique_by=repr,
    )
)
@settings(max_examples=60, deadline=None)
def test_different_faults_have_different_ids(places: list[list[str | int | None]]) -> None:
    """However the parts are cut: ("ab", "c") is not ("a", "bc"), 1 is not "1", nothing is not ""."""
    assert len({keyed_ids.issue_id(KEY, "d01", "dibao_person", "rule", *place) for place in places}) == len(places)


SAME = [
    ["买买提·艾力", "买买提•艾力", "买买提 艾力", "买买提艾力", "买 买 提．艾力", "买买提\u00a0艾力\u200b"],
    ["JOHN SMITH", "John Smith", "ＪＯＨＮ　ｓｍｉｔｈ", "johnsmith"],
    ["石三", "⽯三", " 石\u3000三 "],
    ["\u8c48三", "\uf900三"],
]


@pytest.mark.parametrize("names", SAME)
def test_spellings_of_one_name_are_equal(names: list[str]) -> None:
    assert len({keyed_ids.name_key(name) for name in names}) == 1


def test_different_names_stay_different() -> None:
    names = ["张三", "张山", "张三丰", "张\ue000三", "张\ue001三", "ZHANG SAN"]
    assert len({keyed_ids.name_key(name) for name in names}) == len(names)


names = st.text(
    alphabet=st.sampled_from(
        "张三买提艾力·•・．.‧∙●･ \t\u3000\u00a0\u200b\ufeffABab Ａｂ１⽯豈\u0301e\ue000\U00020000'"
    ),
    max_size=12,
) | st.text(alphabet=st.characters(exclude_categories=["Cs", "Cn"]), max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.lists(names, min_size=1, max_size=60))
def test_python_and_sql_agree(con: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    found = con.execute(
        f"select {keyed_ids.name_key_sql('name')} from (select unnest($names) as name, unnest(range($n)) as n) order by n",
        {"names": texts, "n": len(texts)},
    ).fetchall()
    assert [key for (key,) in found] == [keyed_ids.name_key(text) for text in texts]
    assert all(keyed_ids.name_key(key) == key for (key,) in found)


def test_python_and_sql_agree_on_every_character_of_names(con: duckdb.DuckDBPyConnection) -> None:
    ranges = [
        range(0x20, 0x250),
        range(0x2000, 0x2070),
        range(0x2E80, 0x3130),
        range(0x3400, 0xA000, 7),
        range(0xF900, 0xFB00),
        range(0x115A, 0x1165),
        range(0x17B0, 0x17B8),
        range(0x1800, 0x1810),
        range(0xFE00, 0xFFE7),
        range(0xE0100, 0xE0110),
    ]
    characters = [chr(code) for each in ranges for code in each] + list(COMPATIBLE)
    found = con.execute(
        f"select {keyed_ids.name_key_sql('name')} from (select unnest($names) as name, unnest(range($n)) as n) order by n",
        {"names": characters, "n": len(characters)},
    ).fetchall()
    different = [
        f"U+{ord(character):04X}"
        for character, (key,) in zip(characters, found, strict=True)
        if key != keyed_ids.name_key(character)
    ]
    assert different == []


def test_no_name_has_no_key(con: duckdb.DuckDBPyConnection) -> None:
    assert con.execute(
        f"select {keyed_ids.name_key_sql('name')} from (select cast(null as varchar) as name)"
    ).fetchall() == [(None,)]
