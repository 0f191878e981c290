"""Reads an ID number that a person typed, and gives its person_id."""

from __future__ import annotations

from datetime import date

from low_income.model import MonitorError
from low_income.records import keyed_ids
from low_income.settings.home import Home


def person_of(home: Home, id_number: str, day: date) -> str:
    """The person_id of a typed ID number. Raises MonitorError as `read_number` does."""
    return keyed_ids.person_id(home.identity_key(), read_number(id_number, day))


def read_number(typed: str, day: date) -> str:
    """A typed ID number in the form that lists have. Raises MonitorError for an unusable number; the message never repeats it."""
    from low_income import values, warehouse  # noqa: PLC0415 - brings duckdb

    with warehouse.in_memory() as con:
        con.execute(
            "create temp table asked (sheet varchar, row_number integer, number varchar, number__numeric boolean)"
        )
        con.execute("insert into asked values ('', 1, ?, false)", [typed])
        table = values.parse_ids(con, "asked", "number", day)
        [(number, problem)] = con.execute(f"select number, number__problem from {table}").fetchall()
    if number is None or problem:
        raise MonitorError("这不是可用的身份证号（位数、日期或校验位不对），请核对后再输入")
    return str(number)
