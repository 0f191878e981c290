"""Airflow as `make airflow` runs it, with a real scheduler: nights that come together take turns, and nothing listens to others."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from low_income.model import ROOT

from tests import night_kit as kit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

DAGS = ROOT / "dags"
BIN = Path(sys.executable).parent
NIGHTS = 2
"""Of the backfill."""


class Machine:
    """`make airflow` on a home, on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.home = kit.few_divisions(kit.new_home(folder / "home"))
        dags = folder / "dags"
        dags.mkdir()
        self.dag = dags / "nightly.py"
        self.dag.write_bytes((DAGS / "nightly.py").read_bytes())
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "MONITOR"))}
        self.environment = kept | {
            "MONITOR_HOME": str(self.home), "PORT": str(self.port), "MONITOR_RETRY_SECONDS": "5", "MONITOR_TURN_SECONDS": "5",
            "AIRFLOW_HOME": str(self.home / "airflow"), "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5", "MONITOR_PRELOAD": "0",
        }  # fmt: skip
        # The zone is the home's; what is due is told in it.
        settings = self.home / "monitor.yml"
        text = settings.read_text(encoding="utf-8")
        settings.write_text(re.sub("(?m)^time_zone:.*$", "time_zone: UTC", text), encoding="utf-8")
        self.log = (folder / "standalone").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, str(DAGS / "standalone.py")], env=self.environment, stdout=self.log, stderr=self.log
        )

    def airflow(self, *words: str) -> str:
        done = subprocess.run(
            [BIN / "airflow", *words], env=self.environment, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        path = self.home / "airflow" / "airflow.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)) as con:
            return con.execute(query).fetchall()

    def wait(self, query: str) -> None:
        """Until the query gives true; the test's own timeout ends what never does."""
        while True:
            assert self.process.poll() is None, (self.home / "airflow" / "standalone.log").read_text()[-3000:]
            try:
                if self.ask(query)[0][0]:
                    return
            except sqlite3.OperationalError:  # not made yet
                pass
            time.sleep(1)

    def wait_until_a_night_is_due(self) -> None:
        """The night is set two minutes ahead, again and again: a slow machine may have read the file too late."""
        text = self.dag.read_text(encoding="utf-8")
        assert "0 2 * * *" in text
        due = datetime.now(UTC) - timedelta(minutes=2)
        while not self.ask("select count(*) from dag_run where run_type = 'scheduled'")[0][0]:
            if (now := datetime.now(UTC)) > due + timedelta(minutes=1):
                due = now + timedelta(minutes=2)
                self.dag.write_text(text.replace("0 2 * * *", f"{due.minute} {due.hour} * * *"), encoding="utf-8")
            time.sleep(1)

    def listening(self) -> set[tuple[str, int]]:
        parts = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        found = set()
        for part in parts:
            try:
                found |= {each.laddr for each in part.net_connections("inet") if each.status == psutil.CONN_LISTEN}
            except psutil.NoSuchProcess:
                continue
        return {(each.ip, each.port) for each in found}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    made = Machine(tmp_path_factory.mktemp("machine"))
    yield made
    made.process.send_signal(signal.SIGINT)
    try:
        assert made.process.wait(timeout=300) == 0
    finally:
        made.process.kill()
        made.log.close()


def test_a_backfill_a_night_by_hand_and_the_night_that_is_due_are_each_published(machine: Machine) -> None:
    machine.wait("select count(*) from dag where dag_id = 'nightly'")
    today = datetime.now(UTC).date()
    past = [today - timedelta(days=days) for days in range(NIGHTS + 1, 1, -1)]
    rows = [kit.person(each, today.isoformat()[:7]) for each in range(1, 21)]
    kit.book(machine.home / "inbox" / "d01" / "边缘人员.xlsx", kit.PERSON, rows)
    by_hand = today - timedelta(days=1)
    machine.airflow(
        "backfill", "create", "--dag-id", "nightly", "--from-date", f"{past[0]}", "--to-date", f"{past[-1]}T23:59:59",
        "--max-active-runs", str(NIGHTS),
    )  # fmt: skip
    machine.airflow("dags", "trigger", "nightly", "--conf", json.dumps({"date": by_hand.isoformat()}))
    machine.wait_until_a_night_is_due()
    machine.wait("select count(*) = 0 from dag_run where state in ('queued', 'running')")

    runs = machine.ask("select run_type, state from dag_run where dag_id = 'nightly' order by run_type")
    assert runs == [("backfill", "success")] * NIGHTS + [("manual", "success"), ("scheduled", "success")]
    named = machine.ask("select run_type, run_id, partition_key, run_after from dag_run where run_type <> 'manual'")
    assert {night for kind, _, night, _ in named if kind == "backfill"} == {each.isoformat() for each in past}
    for _, run_id, night, due in named:
        assert f"__{night}__" in run_id and due.startswith(night), "each bears its night in its name"
    assert machine.ask("select distinct timetable_partitioned from dag") == [(1,)], "the form has no logical date"
    told = {path.stem: path.read_text(encoding="utf-8") for path in (machine.home / "outbox").glob("*.md")}
    due = {night.isoformat() for night in (*past, by_hand)}
    assert due <= set(told), "each night has its letter"
    for night, letter in told.items():
        assert letter.startswith(f"# 低收入监测 {night}"), letter[:200]
        assert "没有成功的步骤" not in letter
    releases = sorted(int(path.name) for path in (machine.home / "releases").iterdir() if path.name.isdecimal())
    assert len(releases) == NIGHTS + 2, "one release for each night, and none lost"
    assert not list((machine.home / "work").iterdir())
    assert (machine.home / ".turn").read_bytes() == b"[]"
    assert machine.ask("select count(*) from task_instance where state = 'skipped'") == [(0,)]


def test_a_setting_that_is_wrong_fails_at_once_and_its_sentence_is_the_last_line_of_the_log(machine: Machine) -> None:
    settings = machine.home / "monitor.yml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("settle_seconds:", "setle_seconds:"), encoding="utf-8")
    machine.airflow("dags", "trigger", "nightly", "--run-id", "mistaken")
    machine.wait("select count(*) = 1 from dag_run where run_id = 'mistaken' and state = 'failed'")
    settings.write_text(text, encoding="utf-8")
    [log] = (machine.home / "airflow" / "logs").glob("dag_id=nightly/run_id=mistaken/task_id=take_turn/*.log")
    told = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    while told[-1]["event"] == "::endgroup::":  # ends nothing, and the page shows nothing of it
        told.pop()
    assert told[-1]["level"] == "error"
    line = text[: text.index("settle_seconds:")].count("\n") + 1
    assert told[-1]["event"] == f"home/monitor.yml:setle_seconds：不认识这一项，是不是写错了（第 {line} 行）"
    assert told[-2]["event"] == "::endgroup::", "no group of lines is open, which the page would show closed"


def test_nothing_listens_but_the_page_and_it_listens_to_this_machine_alone(machine: Machine) -> None:
    assert machine.listening() == {("127.0.0.1", machine.port)}


def test_a_port_that_is_taken_is_said_before_anything_is_made(machine: Machine, tmp_path: Path) -> None:
    home = kit.new_home(tmp_path / "home")
    done = subprocess.run(
        [sys.executable, str(DAGS / "standalone.py")], env=os.environ | {"MONITOR_HOME": str(home), "PORT": str(machine.port)},
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"{machine.port} 这个端口已被别的程序占用" in done.stderr and "PORT=" in done.stderr
    assert not (home / "airflow").exists()
