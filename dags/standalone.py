"""`make airflow`: Airflow's pages, scheduler and tasks on this machine alone, on one home; Ctrl-C stops all of it.

What is set here is what a small machine needs; anything that stands in the environment already is left as it is.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import IO

DAGS = Path(__file__).resolve().parent
SETTINGS = {
    "AIRFLOW__API__HOST": "127.0.0.1",
    "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    # Airflow sets these modes itself, whatever the umask; its own defaults let the group write and others read.
    "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
    "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
    # A home has one DAG that matters, and a missed night is made up for at once.
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    # Twice the cores of the smallest machine. No more of them wait inside the executor, where no priority counts.
    "AIRFLOW__CORE__PARALLELISM": "4",
    "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "4",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    # A busy machine answers late; the default of 5 seconds fails tasks.
    "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",
    # A task's watcher that misses its end sleeps this long, and holds its place meanwhile (3.3.2); the default is 5.
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
}
PATIENCE = 60
"""Seconds after which what does not end by itself is killed."""


def main() -> int:
    """Prepare Airflow's own database beside the home, run it until told to stop; 0 when it was told."""
    from pipeline.home import Home, keep_to_owner

    home = Path(os.environ.get("MONITOR_HOME", "var")).absolute()
    if not (home / "monitor.yml").exists():
        sys.stderr.write(f"{home} 不是数据目录，请先运行：monitor --home {home} init\n")
        return 1
    keep_to_owner()
    environment = SETTINGS | {"AIRFLOW_HOME": str(home / "airflow")} | os.environ
    environment |= {
        "MONITOR_HOME": str(home),
        "MONITOR_TIME_ZONE": str(Home(home).time_zone),
        # Airflow starts its parts by name, and looks for airflow_local_settings.py on Python's path.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]]),
        "PYTHONPATH": str(DAGS),
    }
    airflow = str(Path(sys.executable).with_name("airflow"))
    for words in (
        ["db", "migrate"],
        ["pools", "set", "warehouse_writer", "1", "DuckDB has one writing process"],
    ):
        done = subprocess.run(  # noqa: S603 - our own words
            [airflow, *words], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.stderr.write(f"{done.stdout}{done.stderr}\nairflow {words[0]} 没有成功\n")
            return 1
    folder = Path(environment["AIRFLOW_HOME"])
    sys.stderr.write(
        f"Airflow 约半分钟后可用：http://127.0.0.1:{environment.get('AIRFLOW__API__PORT', '8080')}\n"
        f"用户名 admin，密码在 {folder / 'simple_auth_manager_passwords.json.generated'}\n"
        f"日志在 {folder / 'standalone.log'}；按 Ctrl-C 停止\n"
    )
    with (folder / "standalone.log").open("ab") as log:
        return _run(airflow, environment, log)


def _run(airflow: str, environment: dict[str, str], log: IO[bytes]) -> int:
    """Airflow in a session of its own, so that Ctrl-C reaches its parent alone.

    A scheduler that gets Ctrl-C and its parent's word at the same time may wait for itself for ever, and SIGTERM to the
    parent would leave the parts running (both seen in 3.3.2).
    """
    told = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal told
        if not told:
            told = True
            process.send_signal(signal.SIGINT)
            signal.alarm(PATIENCE)

    def kill(number: int, frame: FrameType | None) -> None:
        os.killpg(process.pid, signal.SIGKILL)

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job ignores it, and would pass that on
    with subprocess.Popen(  # noqa: S603 - our own words
        [airflow, "standalone"], env=environment, stdout=log, stderr=log, start_new_session=True
    ) as process:
        signal.signal(signal.SIGALRM, kill)
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, stop)
        code = process.wait()
    return 0 if told else code


if __name__ == "__main__":
    sys.exit(main())
