"""Every night: take in what arrived, judge it, give it back, build, publish, tell.

This file says when; what each step means stands in `pipeline/run.py`, and `monitor run` calls the very same functions.

**When something is red** (for the data officer)

* `read` / `check` of one unit or family: the others went on; its files are still in the archive and are taken up by the next
  run. Look at the log for the step's own words, then *Clear* the red task, or trigger the DAG again with the same date.
* `build`: yesterday's list is still the published one. The log says which table did not pass its examination.
* Nothing red, but a unit is missing: `monitor status`, or the message in the home's `outbox/`.
"""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import Param, dag, get_current_context, task

HOME = Path(os.environ.get("MONITOR_HOME", "var")).absolute()
ZONE = pendulum.timezone(os.environ.get("MONITOR_TIME_ZONE", "Asia/Shanghai"))
DEFAULTS = {
    "owner": "data officer",
    "retries": int(os.environ.get("MONITOR_RETRIES", "2")),
    "retry_delay": timedelta(seconds=int(os.environ.get("MONITOR_RETRY_SECONDS", "60"))),
}
WRITER = "warehouse_writer"
"""Pool of one: DuckDB has one writing process (`make airflow` creates it)."""


def night() -> date:
    """The night's date D: what the run was asked for, else the local day on which the run is due."""
    context: Any = get_current_context()
    asked = context["params"].get("date")
    if asked:
        return date.fromisoformat(asked)
    due = context["dag_run"].run_after
    return pendulum.instance(due).in_timezone(ZONE).date()


def units() -> list[str] | None:
    """The units that the run was asked for; None means all."""
    context: Any = get_current_context()
    return context["params"].get("units") or None


@dag(
    schedule="0 2 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz=ZONE),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    dagrun_timeout=timedelta(hours=5),
    tags=["monitoring"],
    doc_md=__doc__,
    params={
        "date": Param(
            None, type=["null", "string"], format="date", title="日期", description="这一夜的日期;不填就是今天"
        ),
        "units": Param(
            None,
            type=["null", "array"],
            items={"type": "string"},
            title="单位",
            description="只收这些单位的文件;不填就是全部",
        ),
    },
)
def nightly() -> None:
    """The night, end to end."""

    @task
    def collect() -> list[str]:
        from pipeline import run

        return run.collect(HOME, night(), units=units())

    @task(map_index_template="{{ unit }}", trigger_rule="none_failed")
    def read(unit: str) -> dict[str, int]:
        from pipeline import run

        get_current_context()["unit"] = unit
        return run.read(HOME, night(), unit)

    @task(trigger_rule="all_done")
    def families(wave: int) -> list[str]:
        from pipeline import run

        return run.families(HOME, night(), wave)

    @task(map_index_template="{{ family }}", trigger_rule="none_failed")
    def check(family: str) -> dict[str, int]:
        from pipeline import run

        get_current_context()["family"] = family
        return run.check(HOME, night(), family)

    @task(map_index_template="{{ unit }}", trigger_rule="all_done")
    def give_back(unit: str) -> int:
        from pipeline import run

        get_current_context()["unit"] = unit
        return run.give_back(HOME, night(), unit)

    @task(pool=WRITER, trigger_rule="all_done")
    def build() -> dict[str, int]:
        from pipeline import run

        return run.build(HOME, night())

    @task(pool=WRITER)
    def publish() -> str:
        from pipeline import run

        return run.publish(HOME, night())

    @task(trigger_rule="all_done")
    def notify() -> str:
        from pipeline import run

        return run.notify(HOME, night())

    @task(trigger_rule="one_failed", retries=0)
    def say_that_something_failed() -> None:
        raise RuntimeError("有步骤没有成功:其余照常完成,请看变红的任务")

    received = collect()
    readings = read.expand(unit=received)
    checked: Any = readings
    for wave in range(3):
        wanted = families.override(task_id=f"families_{wave + 1}")(wave)
        checked >> wanted
        checked = check.override(task_id=f"check_{wave + 1}").expand(family=wanted)
    returned = give_back.expand(unit=received)
    built = build()
    told = notify()
    checked >> [returned, built]
    built >> publish() >> told
    returned >> told
    [readings, checked, returned, built] >> say_that_something_failed()


dag_of_the_night = nightly()

if __name__ == "__main__":
    dag_of_the_night.test(run_conf={"date": os.environ["MONITOR_DATE"]} if "MONITOR_DATE" in os.environ else None)
