"""Database sources on whole nights: taken like any file, unchanged is a repeat, one that fails is named and stops nobody."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from low_income.night import databases, notify, run

from tests import night_kit as kit

HEADER = ("姓名", "身份证号", "户主身份证号", "与户主关系", "月收入", "数据月份")
SECRET = "hunter2"


def partner(path: Path, people: int) -> None:
    """The roster of one division as it stands in its own database."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("drop table if exists 边缘人员")
        connection.execute(f"create table 边缘人员 ({', '.join(f'{name} text' for name in HEADER)})")
        rows = [kit.person(serial) for serial in range(1, people + 1)]
        connection.executemany("insert into 边缘人员 values (?, ?, ?, ?, ?, ?)", rows)


def configured(home: Path, *sources: dict[str, Any]) -> None:
    settings = home / "monitor.yml"
    told = yaml.safe_load(settings.read_text(encoding="utf-8")) | {"databases": list(sources)}
    settings.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")


GOOD = {"name": "二区库", "unit": "d02", "url": "env:PARTNER_D02", "table": "边缘人员"}
DOWN = {"name": "三区库", "unit": "d03", "url": "env:PARTNER_D03", "table": "x"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = kit.new_home(tmp_path / "home")
    configured(home, GOOD, DOWN)
    partner(tmp_path / "d02.db", 4)
    monkeypatch.setenv("PARTNER_D02", f"sqlite:///{tmp_path / 'd02.db'}")
    monkeypatch.setenv("PARTNER_D03", f"postgresql://reader:{SECRET}@127.0.0.1:1/x")
    monkeypatch.setattr("low_income.night.fetch.PAUSE_SECONDS", 0.0)
    return home


@pytest.mark.slow
def test_nights_with_a_database_that_stays_that_changes_and_that_changes_back(home: Path, tmp_path: Path) -> None:
    kit.book(home / "inbox/d01/边缘人员.xlsx", kit.PERSON, [kit.person(21), kit.person(22)])
    night = kit.DAY
    run.night(home, night)
    asked = "select unit_code, file_name, status, rows_read, rows_accepted from submission order by 1, 3"
    assert kit.ask(home, asked) == [
        ("d01", "边缘人员.xlsx", "accepted", 2, 2), ("d02", "二区库/边缘人员", "accepted", 4, 4),
    ]  # fmt: skip
    rows = kit.ask(
        home,
        "select row from record_link where submission_id = (select submission_id from submission where unit_code = 'd02') order by 1",
    )
    assert rows == [(2,), (3,), (4,), (5,)]
    told = {line["source"]: line for line in notify.status(home, night)["databases"]}
    assert (told["二区库"]["state"], told["二区库"]["rows"]) == ("delivered", 4)
    assert told["三区库"]["state"] == "not_delivered"
    message = (home / "outbox/2026-10-31.md").read_text(encoding="utf-8")
    assert "没读到的数据库 1 个" in message
    assert "三区库（x）：没有读到。连不上数据库" in message
    assert not list(home.glob(".part-*"))
    for path in home.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path

    # The same night again reads nothing again, though the table is another now; what failed is asked once more.
    partner(tmp_path / "d02.db", 6)
    assert run.sources(home, night) == ["三区库"]
    run.night(home, night)
    assert kit.ask(home, "select sum(rows_accepted) from submission where unit_code = 'd02'") == [(4,)]

    partner(tmp_path / "d02.db", 4)
    run.night(home, night + timedelta(days=1))
    assert notify.status(home, night + timedelta(days=1))["databases"][0]["state"] == "unchanged"
    assert ("repeated", 0) in kit.ask(home, "select status, rows_read from submission where unit_code = 'd02'")

    partner(tmp_path / "d02.db", 6)
    run.night(home, night + timedelta(days=2))
    assert kit.ask(home, "select count(*) from enrolment where division_code = 'd02'") == [(6,)]
    partner(tmp_path / "d02.db", 4)
    run.night(home, night + timedelta(days=3))
    assert kit.ask(home, "select count(*) from enrolment where division_code = 'd02'") == [(4,)], "back to what it was"


def test_a_source_may_be_asked_for_by_its_unit_alone(home: Path) -> None:
    assert run.sources(home, kit.DAY) == ["二区库", "三区库"]
    assert run.sources(home, kit.DAY, units=["d03"]) == ["三区库"]


def test_what_may_pass_is_tried_again_and_what_may_not_is_not(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []

    def failing(code: str) -> Any:
        def read(*arguments: Any) -> int:
            tries.append(code)
            raise databases.NotRead(code)

        return read

    monkeypatch.setattr(databases, "read", failing("lost"))
    told = run.fetch(home, kit.DAY, "二区库", attempts=3)
    assert (told["state"], told["may_pass"], tries) == ("not_delivered", True, ["lost"] * 3)
    tries.clear()
    monkeypatch.setattr(databases, "read", failing("login"))
    assert run.fetch(home, kit.DAY, "二区库", attempts=3)["may_pass"] is False
    assert tries == ["login"]


def test_a_source_that_comes_back_is_delivered(home: Path, tmp_path: Path) -> None:
    shutil.move(tmp_path / "d02.db", tmp_path / "away")
    assert run.fetch(home, kit.DAY, "二区库")["state"] == "not_delivered"
    shutil.move(tmp_path / "away", tmp_path / "d02.db")
    assert run.fetch(home, kit.DAY, "二区库") == {
        "source": "二区库", "state": "delivered", "rows": 4, "reason": "", "may_pass": False,
    }  # fmt: skip
    assert run.sources(home, kit.DAY) == ["三区库"]
    assert run.collect(home, kit.DAY) == ["d02"]


def test_an_airflow_connection_needs_airflow_or_its_resolver(home: Path, tmp_path: Path) -> None:
    configured(home, GOOD | {"url": "airflow:partner_d02"})
    told = run.fetch(home, kit.DAY, "二区库")
    assert "Airflow 连接 partner_d02" in told["reason"]
    url = f"sqlite:///{tmp_path / 'd02.db'}"
    assert run.fetch(home, kit.DAY, "二区库", resolve=lambda reference: url)["state"] == "delivered"


def test_an_address_that_is_not_set_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARTNER_D02")
    assert "环境变量 PARTNER_D02 没有设置" in run.fetch(home, kit.DAY, "二区库")["reason"]


def test_a_full_disk_is_no_fault_of_the_partner(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("low_income.records.archive.keep", full)
    with pytest.raises(OSError, match="No space"):
        run.fetch(home, kit.DAY, "二区库")
    assert run.sources(home, kit.DAY) == ["二区库", "三区库"]
