"""The weekly DAG that removes what retention no longer justifies. The work is done by `low_income.operate.forgetting`."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import CronPartitionTimetable, Param, dag, get_current_context, task
from failures import TELLING, plain_failures

HOME = Path(os.environ.get("MONITOR_HOME", "var")).absolute()
SUNDAYS = CronPartitionTimetable(
    "0 6 * * 0", timezone=os.environ.get("MONITOR_TIME_ZONE", "Asia/Shanghai"), run_immediately=timedelta(0),
    key_format="%Y-%m-%d",
)  # fmt: skip
"""It starts hours after that day's night. A partition is a Sunday, as it is a night in `nightly.py`."""
FOR_THE_DATA_OFFICER = """
每周日清晨按 `policy/retention.yml` 的保存期限清除过期的原始文件和数据，以及旧的退回件、名单和信。清除了什么记在日志里。

**任务变成红色怎么办**：多半是另一个夜间任务正在运行，或磁盘有问题。看任务的日志，然后在这里重新运行；晚清除一天没有妨碍，清除到一半再运行也会接着做完。
"""


@dag(
    dag_display_name="按保存期限清除",
    description="清除过期的原始文件和数据、旧的退回件、名单和通知",
    schedule=SUNDAYS,
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "数据员", "retries": 2, "retry_delay": timedelta(minutes=30), **TELLING},
    tags=["低收入监测"],
    doc_md=FOR_THE_DATA_OFFICER,
    params={
        "date": Param(
            None,
            type=["null", "string"],
            format="date",
            title="到哪一天（日期）",
            description="按哪一天算过期；不填就是今天",
        )
    },
)
def purge() -> None:
    """Weekly retention."""

    @task(task_display_name="清除", multiple_outputs=False)
    def remove() -> dict[str, int]:
        from low_income.operate import forgetting
        from low_income.settings.home import Home, validate_day

        with plain_failures():
            context: Any = get_current_context()
            asked = context["params"]["date"]
            today = context["dag_run"].run_after.astimezone(Home(HOME).time_zone).date()
            day = date.fromisoformat(asked) if asked else today
            validate_day(day, today)
            return forgetting.purge(HOME, day, who="按保存期限清除")

    remove()


dag_of_retention = purge()
