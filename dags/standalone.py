"""`make airflow`: runs Airflow's pages, scheduler and tasks on this machine alone, for one home. Ctrl-C stops all of it.

The settings here are for a small machine. A variable that is already in the environment keeps its value, except those that
`main` must set.

Airflow's parts are started one by one, not by `airflow standalone`, which also starts two log servers that answer on every
address of the machine (3.3.2). The page reads the logs from the disk and needs neither.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import IO

DAGS = Path(__file__).resolve().parent
SETTINGS = {
    "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    # Airflow sets these modes itself, whatever the umask. Its defaults let the group write and others read.
    "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
    "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
    # The night must run on a new home, and a missed night is made up for at once.
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    # Twice the cores of the smallest machine. More tasks would wait inside the executor, where priorities do not count.
    "AIRFLOW__CORE__PARALLELISM": "4",
    "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "4",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    # A busy machine answers late; the default of 5 seconds fails tasks.
    "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",
    # A supervisor that misses the end of its task sleeps this long and keeps its slot meanwhile (3.3.2); the default is 5.
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
}
ADDRESS = "127.0.0.1"
PORT = 8080
PARTS = (
    ("api-server",),
    ("dag-processor",),
    ("scheduler", "--skip-serve-logs"),
    ("triggerer", "--skip-serve-logs"),
)
PATIENCE = 60
"""Seconds after which a part that does not end by itself is killed."""


def main() -> int:
    """Prepare Airflow's own database in its folder and run Airflow until a signal stops it; 0 when a signal did."""
    from low_income.settings.home import Home, keep_to_owner

    home = Path(os.environ.get("MONITOR_HOME", "var")).absolute()
    if not (home / "monitor.yml").exists():
        sys.stderr.write(f"{home} 不是数据目录，请先运行：monitor --home {home} init\n")
        return 1
    asked = os.environ.get("PORT") or os.environ.get("AIRFLOW__API__PORT") or str(PORT)
    if said := _why_not(asked):
        sys.stderr.write(f"{said}：make airflow MONITOR_HOME={home} PORT=端口\n")
        return 1
    keep_to_owner()
    environment = SETTINGS | {"AIRFLOW_HOME": str(home / "airflow")} | os.environ
    environment |= {
        "MONITOR_HOME": str(home),
        "MONITOR_TIME_ZONE": str(Home(home).time_zone),
        "AIRFLOW__API__HOST": ADDRESS,
        "AIRFLOW__API__PORT": asked,
        # Without this, tasks use the port 8080 (3.3.2), whatever port the server has.
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://{ADDRESS}:{asked}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
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
        f"Airflow 约半分钟后可用：http://{ADDRESS}:{asked}\n"
        f"用户名 admin，密码在 {folder / 'simple_auth_manager_passwords.json.generated'}\n"
        f"日志在 {folder / 'standalone.log'}；按 Ctrl-C 停止\n"
    )
    with (folder / "standalone.log").open("ab") as log:
        return _run(airflow, environment, log)


def _why_not(port: str) -> str:
    """Why Airflow cannot use this port, in Chinese, with what to do; '' when it can."""
    if not (port.isdecimal() and 0 < int(port) < 1 << 16):
        return f"{port} 不是端口号（1 至 65535），请换一个"
    with socket.socket() as asking:
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was just released is free
        try:
            asking.bind((ADDRESS, int(port)))
        except PermissionError:
            return f"本账户不能用 {port} 这个端口（1024 以下的归系统），请换一个"
        except OSError:
            return f"{port} 这个端口已被别的程序占用（也可能 Airflow 已经在运行），请换一个"
    return ""


def _run(airflow: str, environment: dict[str, str], log: IO[bytes]) -> int:
    """Run Airflow's parts, each in its own session, until a signal comes or one of them ends.

    In its own session, a part gets the signal of Ctrl-C only from here. A scheduler that gets it from the terminal and from
    its parent at the same time may wait for itself for ever (3.3.2).
    """
    told = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal told
        told = True

    for each in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores Ctrl-C; here it works
        signal.signal(each, stop)
    parts = {
        words[0]: subprocess.Popen(  # noqa: S603 - our own words
            [airflow, *words], env=environment, stdout=log, stderr=log, start_new_session=True
        )
        for words in PARTS
    }
    while not told and all(part.poll() is None for part in parts.values()):
        time.sleep(0.2)
    ended = [name for name, part in parts.items() if part.poll() is not None]
    for part in parts.values():
        part.terminate()
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and any(part.poll() is None for part in parts.values()):
        time.sleep(0.1)
    for part in parts.values():
        with suppress(ProcessLookupError):
            os.killpg(part.pid, signal.SIGKILL)  # with the child processes of the part
        part.wait()
    if not told:
        sys.stderr.write(f"Airflow 的 {'、'.join(ended)} 自己停了，其余的也已停止；原因在日志末尾\n")
    return 0 if told else 1


if __name__ == "__main__":
    sys.exit(main())
