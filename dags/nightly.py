"""The DAG of the night: take in what arrived, judge it, give it back, build, publish, notify.

This file says when steps run and in which order. `pipeline/low_income/night/run.py` holds the steps, and `monitor run` calls the same
functions. `python dags/nightly.py` runs one night in this process, without a scheduler (`make demo`).

Airflow keeps the arguments, results and logs of tasks: they hold unit codes, names of dataset groups, counts and paths only.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from airflow.sdk import CronPartitionTimetable, Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, AirflowSkipException
from failures import TELLING, plain_failures
from low_income.model import MonitorError, legible, mask
from low_income.night import run
from low_income.records import journal, turns
from low_income.settings import contracts
from low_income.settings.home import Home, validate_day

P = ParamSpec("P")
R = TypeVar("R")
HOME = Path(os.environ.get("MONITOR_HOME", "var")).absolute()
TWO_O_CLOCK = CronPartitionTimetable(
    "0 2 * * *", timezone=os.environ.get("MONITOR_TIME_ZONE", "Asia/Shanghai"), run_immediately=timedelta(0),
    key_format="%Y-%m-%d",
)  # fmt: skip
"""In the home's time zone, which the environment gives, since parsing this file opens no other file. A new home waits for its
first two o'clock. With `run_immediately=False` a run would still begin at once during the two hours after it (3.3.2).

A partition is a night. So each scheduled or missed run has its night in its name. A backfill asks for nights and not for
moments of UTC. The form to trigger a run shows no logical date beside our own."""
WRITER = "warehouse_writer"
"""A pool with one slot, since DuckDB has one writing process (`make airflow` creates the pool)."""
BY_NAME = "{{ called }}"
"""The name that the pages show for an instance of a task mapped over units or dataset groups; `call` sets it."""
NOTHING = ""
"""The only item in the list of a mapped task when there is nothing to do: mapped over an empty list, the task is shown as skipped."""
ASK_AGAIN = timedelta(seconds=int(os.environ.get("MONITOR_TURN_SECONDS", "30")))
"""How long a night that waits for another one sleeps before it asks again. It occupies no worker slot meanwhile."""
RETRY_DELAY = timedelta(seconds=int(os.environ.get("MONITOR_RETRY_SECONDS", "300")))
"""Set here because the serialised DAG ignores Airflow's default `core.default_task_retry_delay` (3.3.2)."""

FOR_THE_DATA_OFFICER = """
每天 02:00 收下各单位送来的文件，逐格检查、退回标注，建好新的预警清单并发布，最后在 `outbox/` 留一封信。
与命令行 `monitor run` 是同一套步骤。漏跑的一夜，开机后会自动补上。

**看到红色怎么办**

先点红色的任务看日志最后一句（中文）。处理好原因以后，用右上角 **触发**（Trigger）在“哪一夜”填同一天，再跑一次即可：
做过的不会重做，也不会重复计数。几夜一起跑（补跑、手工、到点的）不会混在一起：在“排队”里等，日期早的先做，一夜发布完再做下一夜。

| 红色的任务 | 意思 | 怎么办 |
|---|---|---|
| 排队、收文件 | 这一夜没有开始，昨天的清单照用 | 常见原因：政策值或 `monitor.yml` 写错、运行记录库和日志不是一套、权限太松、磁盘满、别的命令在运行 |
| 做完中断的清除 | 有一次 `monitor forget` 中断了，还没有做完；这一夜照做 | 看日志最后一句，改好后运行 `monitor purge`，它会接着做完 |
| 找出要读的数据库、读数据库（某个来源） | 这一夜没有它的数据，以前读到的照用；其余照常 | 日志最后一句写明原因；修好后再跑同一日期 |
| 读文件、检查、退回（某个单位或某类名单） | 其余单位照常完成，清单已发布；它的文件仍在归档里 | 再跑同一日期，会接着处理 |
| 建库 | 新清单没有通过自检，昨天的清单照用 | 日志写明是哪张表；请找维护人员 |
| 发布 | 清单已建好但没有换上，昨天的清单照用 | 多为磁盘满或权限；再跑同一日期 |
| 汇总 | 只是把这一夜标成失败，写明哪几步没有成功 | 看别的红色任务 |

**没有红色，却少了某个单位**：它没有交，或整份退回。看 `outbox/` 里的信，或运行 `monitor status --date 日期`。

**哪一次运行是哪一夜**：到点的和补跑的，运行编号（Run ID）和“分区键”里写着那一夜，如 `…__2026-10-31__…`（前面的时刻是世界时）；
手工触发的，“哪一夜”填的日期写在那次运行的“配置”里，没有填的就是当天。

**重跑过去的一夜**：触发，“哪一夜”填那一天。**补跑连着的几夜**：触发，选“回填”（Backfill），填起止日期，是当地的日期。

**只收某几个单位**：在“单位”里填单位代码，如 `d01`。
"""


def night() -> date:
    """The night's date D: the date given to the run, else the day in the bureau's time zone on which the run is due.

    Fails, without another try, when a run of one night was given another date, and for a date after the run's tomorrow
    without `really`.
    """
    context: Any = get_current_context()
    this, zone, asked = context["dag_run"], Home(HOME).time_zone, context["params"]["date"]
    due: date = (this.partition_date or this.logical_date or this.run_after).astimezone(zone).date()
    day = date.fromisoformat(asked) if asked else due
    if this.partition_date and day != due:
        raise AirflowFailException(f"这一次运行是 {due} 这一夜的，“哪一夜”却填了 {day}；不填它，再触发一次")
    try:
        latest = this.run_after.astimezone(zone).date()
        validate_day(day, latest, really=context["params"]["really"], insist="把“确实是将来的一夜”打开")
    except MonitorError as problem:
        raise AirflowFailException(str(problem)) from None
    return day


def step(do: Callable[Concatenate[Path, date, P], R], *arguments: P.args, **keywords: P.kwargs) -> R:
    """Do a step of the night while the run has its turn in the home."""
    with plain_failures():
        day = night()
        turns.hold(HOME, day, run_id())
        return do(HOME, day, *arguments, **keywords)


def run_id() -> str:
    """Airflow's name of this run."""
    context: Any = get_current_context()
    name: str = context["dag_run"].run_id
    return name


def is_running(name: str) -> bool:
    """Whether another run of this DAG is queued or running. A run that Airflow no longer knows is not."""
    instance: Any = get_current_context()["ti"]
    count: int = instance.get_dr_count(instance.dag_id, run_ids=[name], states=["queued", "running"])
    return count > 0


def call(one: str) -> None:
    """Give this instance of a mapped task the name of its unit or dataset group."""
    context: Any = get_current_context()
    with plain_failures():
        context["called"] = called(one) or "没有"


def called(one: str) -> str:
    """The name of a unit, or of the kinds of a dataset group. Anything else, such as a folder of no unit, keeps its own name."""
    units, known = Home(HOME).units, contracts.load()
    if one in units:
        return units[one].name
    titles = [known.kinds[kind].title for kind in known.dataset_groups().get(one, ())]
    return "、".join(titles) or legible(mask(one))


def or_nothing(names: list[str]) -> list[str]:
    """The list to map a task over, never empty."""
    return names or [NOTHING]


def address(reference: str) -> str:
    """The address of a database source: from an Airflow connection, which Airflow masks in its logs, or from an environment variable."""
    from airflow.sdk import Connection
    from low_income.night import databases

    kind, _, name = reference.partition(":")
    if kind != "airflow":
        return databases.from_environment(reference)
    try:
        found = Connection.get(name)
    except Exception:  # noqa: BLE001 - none of that name, or a backend of secrets that does not answer
        found = None
    if found is None:
        raise databases.NotRead("no_address", f"没有 Airflow 连接 {name}")
    return databases.address(
        found.conn_type or "", found.login, found.password, found.host, found.port, found.schema, found.extra_dejson
    )


NO_TURN = "排队没有成功，后面的步骤不做"
NOT_BEGUN = "收文件没有成功，后面的步骤不做"


def need(told: str | list[str] | None, otherwise: str) -> None:
    """Skip the step, with the reason, when an earlier step gave no result (it failed or was skipped)."""
    if told is None:
        raise AirflowSkipException(otherwise)


def failed_steps(mapped: dict[str, list[str] | None]) -> list[str]:
    """The failed steps of this run, as `读文件 青禾区`, in the order of the night. `mapped`: task_id → the list that it was mapped over."""
    context: Any = get_current_context()
    instance = context["ti"]
    states = instance.get_task_states(dag_id=instance.dag_id, run_ids=[run_id()])[run_id()]
    failed = []
    for each in context["dag"].topological_sort():
        task_id = each.task_id
        keys = {task_id: NOTHING} | {f"{task_id}_{n}": one for n, one in enumerate(mapped.get(task_id) or [])}
        # Names come from the settings, so they are looked up for failed steps only.
        failed += [
            f"{each.task_display_name} {called(one)}" if one else str(each.task_display_name)
            for key, one in keys.items()
            if states.get(key) == "failed"
        ]
    return failed


def why_not_begun() -> str:
    """The first sentence of what is wrong with the settings, after a colon; '' when they are right (by now)."""
    try:
        Home.open(HOME)
    except MonitorError as problem:
        return "：" + re.split("[。\n]", str(problem))[0]
    return ""


@task(task_display_name="排队", multiple_outputs=False)
def take_turn() -> str:
    """Wait until no other night is at work in this home. Of waiting nights the earliest goes first.

    When the turn has come, wrong settings fail here, before any step has begun.
    """
    with plain_failures():
        day = night()
        waits_for = turns.take(HOME, day, run_id(), is_running)
    if waits_for:
        print(f"{waits_for}。")  # noqa: T201 - into the log of the task
        raise AirflowRescheduleException(datetime.now(UTC) + ASK_AGAIN)  # type: ignore[no-untyped-call]
    with plain_failures():
        Home.open(HOME)
    return day.isoformat()


@task(task_display_name="做完中断的清除", multiple_outputs=False)
def finish(turn: str) -> int:
    """Finish forgettings that were cut off."""
    from low_income.operate import forgetting

    return step(forgetting.finish, who=journal.NIGHT)


@task(task_display_name="找出要读的数据库", trigger_rule="all_done")
def sources(turn: str | None) -> list[str]:
    need(turn, NO_TURN)
    context: Any = get_current_context()
    return or_nothing(step(run.sources, units=context["params"]["units"]))


@task(
    task_display_name="读数据库", map_index_template="{{ task.op_kwargs['source'] or '没有' }}", multiple_outputs=False
)
def fetch(source: str) -> dict[str, Any]:
    if source == NOTHING:
        return {}
    told = step(run.fetch, source, resolve=address)
    if told["state"] == "not_delivered":
        # A wrong password is not tried again, since accounts get locked.
        raise (RuntimeError if told["may_pass"] else AirflowFailException)(f"{source}：{told['reason']}")
    return told


@task(task_display_name="读文件", map_index_template=BY_NAME, multiple_outputs=False)
def read(unit: str) -> dict[str, int]:
    call(unit)
    return {} if unit == NOTHING else step(run.read, unit)


@task(task_display_name="退回", map_index_template=BY_NAME, trigger_rule="all_done")
def give_back(unit: str) -> int:
    call(unit)
    return 0 if unit == NOTHING else step(run.give_back, unit)


@task(task_display_name="汇总", trigger_rule="all_done", retries=0)
def sum_up(mapped: dict[str, list[str] | None]) -> None:
    """The last task. It fails when any step failed, so that the run is failed, and it gives the turn to the next night."""
    turns.give_up(HOME, run_id())
    failed = failed_steps(mapped)
    if failed and mapped["read"] is None:
        raise AirflowFailException(
            f"这一夜没有开始，昨天的清单照用{why_not_begun()}。没有成功的步骤：{'、'.join(failed)}；请看第一个变红的任务"
        )
    if failed:
        raise AirflowFailException(f"没有成功的步骤：{'、'.join(failed)}。其余照常完成，请看变红的任务")


@dag(
    dag_display_name="夜间任务",
    description="收文件、检查、退回、建库、发布预警清单",
    schedule=TWO_O_CLOCK,  # no start_date: with one, a home's first night would begin when Airflow is started
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(days=1),  # waiting for other nights counts too
    default_args={"owner": "数据员", "retries": 2, "retry_delay": RETRY_DELAY, **TELLING},
    tags=["低收入监测"],
    doc_md=FOR_THE_DATA_OFFICER,
    params={
        "date": Param(
            None,
            type=["null", "string"],
            format="date",
            title="哪一夜（日期）",
            description="重跑哪一夜就填哪一天；不填就是今天。几夜一起补跑的（回填）不填，由起止日期定",
        ),
        "really": Param(
            False, type="boolean", title="确实是将来的一夜", description="日期在明天以后的，不打开这一项就不做"
        ),
        "units": Param(
            None,
            type=["null", "array"],
            items={"type": "string", "pattern": "^[a-z][a-z0-9_]{0,39}$"},
            title="单位",
            description="只收这些单位的文件，每行一个单位代码，如 d01；不填就是全部",
        ),
    },
)
def nightly() -> None:
    """The whole night."""

    @task(task_display_name="收文件", trigger_rule="all_done")
    def collect(turn: str | None) -> list[str]:
        need(turn, NO_TURN)
        context: Any = get_current_context()
        return or_nothing(step(run.collect, units=context["params"]["units"]))

    @task(trigger_rule="all_done")
    def dataset_groups(wave: int, received: list[str] | None) -> list[str]:
        need(received, NOT_BEGUN)
        return or_nothing(step(run.dataset_groups, wave))

    @task(map_index_template=BY_NAME, multiple_outputs=False)
    def check(dataset_group: str) -> dict[str, int]:
        call(dataset_group)
        return {} if dataset_group == NOTHING else step(run.check, dataset_group)

    @task(task_display_name="建库", pool=WRITER, trigger_rule="all_done", multiple_outputs=False)
    def build(received: list[str] | None) -> dict[str, int]:
        need(received, NOT_BEGUN)
        return step(run.build)

    @task(task_display_name="发布", pool=WRITER, priority_weight=100)
    def publish() -> str:
        return step(run.publish)

    @task(task_display_name="告知", trigger_rule="all_done")
    def notify(mapped: dict[str, list[str] | None]) -> str:
        message = step(run.notify, failed=failed_steps(mapped))
        if not_sent := step(run.send):
            raise RuntimeError("；".join(not_sent))
        return message

    turn: Any = take_turn()
    wanted_sources: Any = sources(turn)
    finished: Any = finish(turn)
    finished >> wanted_sources
    fetched = fetch.expand(source=wanted_sources)
    received: Any = collect(turn)
    fetched >> received
    readings = read.expand(unit=received)
    steps: list[Any] = [turn, finished, wanted_sources, fetched, received, readings]
    mapped = {"fetch": wanted_sources, "read": received, "give_back": received}
    before: Any = readings
    for number in range(1, run.WAVES + 1):
        wanted: Any = dataset_groups.override(
            task_id=f"dataset_groups_{number}", task_display_name=f"找出要检查的（{number}）"
        )(number - 1, received)
        checked = check.override(task_id=f"check_{number}", task_display_name=f"检查（{number}）").expand(
            dataset_group=wanted
        )
        before >> wanted
        steps += [wanted, checked]
        mapped[f"check_{number}"] = wanted
        before = checked
    returned = give_back.expand(unit=received)
    built = build(received)
    published = publish()
    before >> [returned, built]
    built >> published
    told: Any = notify(mapped)
    [returned, published] >> told
    [*steps, returned, built, published, told] >> sum_up(mapped)


dag_of_the_night = nightly()


def run_here(day: str | None) -> int:
    """Run one night in this process. Finished tasks go to standard error, Airflow's own output to standard output."""
    from airflow.listeners import hookimpl
    from airflow.sdk.listener import get_listener_manager

    class Progress:
        last = ""

        def say(self, instance: Any, mark: str = "") -> None:
            if instance.task_id != self.last:
                sys.stderr.write(("\n" if self.last else "") + instance.task.task_display_name)
                self.last = instance.task_id
            sys.stderr.write(f"{' ' + legible(each) if (each := instance.rendered_map_index) else ''}{mark}")
            sys.stderr.flush()

        @hookimpl
        def on_task_instance_success(self, task_instance: Any) -> None:
            self.say(task_instance)

        @hookimpl
        def on_task_instance_failed(self, task_instance: Any) -> None:
            self.say(task_instance, "✗")

    get_listener_manager().add_listener(Progress())  # type: ignore[no-untyped-call]
    really = os.environ.get("MONITOR_REALLY") == "1"  # a fixed date may be later than the machine's clock
    ended = dag_of_the_night.test(run_conf={"date": day, "really": really} if day else None)
    sys.stderr.write("\n")
    return 0 if ended.state == "success" else 1


if __name__ == "__main__":
    sys.exit(run_here(os.environ.get("MONITOR_DATE")))
