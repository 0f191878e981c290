"""Great Expectations behind its door: whatever is not carried out in full stops the file."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from low_income.checks import validation
from low_income.checks.validation import Expectation, failing_rows
from low_income.model import CheckError

NOT_NULL = Expectation("filled", "expect_column_values_to_not_be_null", {"column": "a"})
NULL = Expectation("no problem", "expect_column_values_to_be_null", {"column": "b"})


def frame() -> pd.DataFrame:
    return pd.DataFrame({"a": ["x", None, "y", None], "b": [None, None, "bad", None]}, index=[7, 7, 8, 9])


def test_every_failing_row_is_given_by_position_in_the_order_asked():
    first, second = failing_rows(frame(), [NOT_NULL, NULL])
    assert first.tolist() == [1, 3]
    assert second.tolist() == [2]


def test_more_rows_than_great_expectations_lists_values():
    many = pd.DataFrame({"a": [None] * 5000 + ["x"] * 10})
    assert failing_rows(many, [NOT_NULL])[0].tolist() == list(range(5000))


def test_no_rows_and_no_expectations_ask_nothing():
    assert [rows.tolist() for rows in failing_rows(frame().iloc[:0], [NOT_NULL])] == [[]]
    assert failing_rows(frame(), []) == []


def test_an_expectation_that_does_not_exist_stops_the_file():
    with pytest.raises(CheckError, match="校验“odd”的 expect 写法不对：没有 expect_the_unexpected 这种要求"):
        failing_rows(frame(), [NOT_NULL, Expectation("odd", "expect_the_unexpected", {})])


@pytest.mark.parametrize("kwargs", [{"column": "a", "min": 1}, {"column": "a", "min_value": ["x"]}])
def test_arguments_that_an_expectation_does_not_take_are_told_with_the_name_of_the_check(kwargs):
    odd = Expectation("odd", "expect_column_values_to_be_between", kwargs)
    with pytest.raises(CheckError, match="校验“odd”的 kwargs 写法不对"):
        failing_rows(frame(), [NOT_NULL, odd])


def test_a_missing_column_stops_the_file_and_is_named():
    with pytest.raises(CheckError, match="“lost”没有执行成功"):
        failing_rows(frame(), [NOT_NULL, Expectation("lost", "expect_column_values_to_not_be_null", {"column": "zz"})])


def test_an_expectation_that_raises_on_mixed_values_stops_the_file():
    mixed = pd.DataFrame({"a": [1, "two", None]}, dtype="object")
    between = Expectation("range", "expect_column_values_to_be_between", {"column": "a", "min_value": 0})
    with pytest.raises(CheckError, match="“range”"):
        failing_rows(mixed, [between])


@pytest.mark.parametrize(
    "result",
    [
        {"unexpected_count": 3, "unexpected_index_list": [1, 2]},
        {"unexpected_count": 2, "unexpected_index_list": [1, 1]},
        {"unexpected_count": 1, "unexpected_index_list": None},
        {"unexpected_index_list": []},
        {},
    ],
)
def test_a_result_that_does_not_name_all_its_rows_stops_the_file(result):
    with pytest.raises(CheckError):
        validation._positions(NOT_NULL, SimpleNamespace(result=result))
