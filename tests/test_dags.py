"""The DAG: what it promises in the UI, that it runs whole nights, that one failure stays one, that it keeps no person's data."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from low_income.model import ROOT, CheckError, mask
from low_income.night import run
from low_income.settings.home import Home

from tests import night_kit as kit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # nights through Airflow, beside other tests

DAGS = ROOT / "dags"
BIN = Path(sys.executable).parent
PERSONAL = re.compile(r"(?<!\d)99\d{4}(?:19|20)\d{2}[01]\d[0-3]\d\d{3}[\dXx](?!\d)")
"""An invented person's number. Airflow's own long numbers (durations, seconds) are none: they hold no date there."""
AN_ID = kit.number(7)
HEAVY = {"pandas", "duckdb", "great_expectations", "pyarrow", "openpyxl", "lxml", "xlsxwriter", "python_calamine"}


# the DAG as Airflow reads it --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def quiet_airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Airflow in this process, with a home of its own and without the defaults of this machine's environment."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("airflow")
        patch.setenv("AIRFLOW_HOME", str(home))
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
        for name in ("MONITOR_RETRY_SECONDS", "MONITOR_TIME_ZONE"):
            patch.delenv(name, raising=False)
        yield home


def load(folder: Path) -> dict[str, Any]:
    """DAG id → DAG of every file of a folder. Fails when one cannot be imported, or there is none."""
    from airflow.dag_processing.dagbag import BundleDagBag

    bag = BundleDagBag(folder, bundle_path=folder)  # as Airflow itself reads it: the files find those beside them
    assert not bag.import_errors, bag.import_errors
    assert bag.dags, f"no DAG in {folder}"
    return dict(bag.dags)


@pytest.fixture(scope="module")
def nightly(quiet_airflow: Path) -> Any:
    """The DAG of the night."""
    return load(DAGS)["nightly"]


@pytest.fixture(scope="module")
def module(nightly: Any) -> ModuleType:
    """The DAG's file as a module."""
    return sys.modules[nightly.get_task("collect").python_callable.__module__]


def test_an_empty_or_broken_folder_is_noticed(quiet_airflow: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no DAG"):
        load(tmp_path)
    (tmp_path / "broken.py").write_text("from airflow.sdk import dag\nimport no_such_module\n")
    with pytest.raises(AssertionError, match="no_such_module"):
        load(tmp_path)


def test_every_dag_says_whose_it_is_and_what_to_do_when_it_is_red(quiet_airflow: Path) -> None:
    for dag in load(DAGS).values():
        assert dag.tags, dag.dag_id
        assert "红色" in dag.doc_md
        assert "怎么办" in dag.doc_md
        assert dag.catchup is False
        assert dag.max_active_runs == 1
        for task in dag.tasks:
            assert task.owner == "数据员", task.task_id
            assert re.search("[一-鿿]", task.task_display_name), task.task_id
            if task.task_id != "sum_up":
                assert task.retries >= 1, task.task_id
                assert task.retry_delay >= timedelta(minutes=1), task.task_id


def test_the_pages_name_every_red_task(nightly: Any) -> None:
    for task in nightly.tasks:
        title = task.task_display_name.partition("（")[0]
        assert title in nightly.doc_md or title == "找出要检查的" or title == "告知", title


def test_one_writer(nightly: Any) -> None:
    writers = {task.task_id for task in nightly.tasks if task.pool == "warehouse_writer"}
    assert writers == {"build", "publish"}
    assert {nightly.get_task(name).pool_slots for name in writers} == {1}


def test_checks_in_as_many_waves_as_there_are(nightly: Any) -> None:
    assert [name for name in nightly.task_dict if name.startswith("check_")] == [
        f"check_{wave + 1}" for wave in range(run.WAVES)
    ]


def test_no_failure_passes_unseen(nightly: Any) -> None:
    """A run's state is that of its leaves: the only leaf has to be below everything."""
    watcher = nightly.get_task("sum_up")
    assert watcher.upstream_task_ids == set(nightly.task_dict) - {watcher.task_id}
    assert [task.task_id for task in nightly.leaves] == [watcher.task_id]


@pytest.mark.parametrize(("zone", "utc"), [("Asia/Shanghai", 18), ("Asia/Urumqi", 20)])
def test_the_night_is_at_two_where_the_bureau_is(
    quiet_airflow: Path, monkeypatch: pytest.MonkeyPatch, zone: str, utc: int
) -> None:
    """A new home waits for its first; a machine that slept through some makes up for the last of them."""
    monkeypatch.setenv("MONITOR_TIME_ZONE", zone)
    now = datetime.now(UTC)
    first = _next_night(load(DAGS)["nightly"], after=None)
    assert (first.hour, first.minute) == (utc, 0)
    assert now < first <= now + timedelta(days=1)
    assert _next_night(load(DAGS)["nightly"], after=first - timedelta(days=9)) == first - timedelta(days=1)


@pytest.mark.parametrize(("dag_id", "expected"), [("nightly", ["2026-10-31", "2026-11-01"]), ("purge", ["2026-11-01"])])
def test_a_run_bears_its_night_in_its_name_and_the_form_asks_for_one_date(
    quiet_airflow: Path, dag_id: str, expected: list[str]
) -> None:
    """A backfill is asked for days as they are where the bureau is."""
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.utils.types import DagRunType

    dag = load(DAGS)[dag_id]
    timetable: Any = coerce_to_core_timetable(dag.timetable)
    assert timetable.partitioned, "the page offers no logical date to trigger it"
    assert [name for name in dag.params if dag.params.get_param(name).schema.get("format") == "date"] == ["date"]
    first, last = datetime(2026, 10, 31, tzinfo=UTC), datetime(2026, 11, 1, 23, 59, tzinfo=UTC)
    nights = list(timetable.iter_partition_dagrun_infos(earliest=first, latest=last))
    assert [each.partition_key for each in nights] == expected
    name = timetable.generate_run_id(
        run_type=DagRunType.SCHEDULED, run_after=nights[0].run_after, data_interval=None, partition_key=expected[0]
    )
    assert f"__{expected[0]}__" in name


def _next_night(dag: Any, after: datetime | None) -> datetime:
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction

    told = coerce_to_core_timetable(dag.timetable).next_dagrun_info_v2(
        last_dagrun_info=after and DagRunInfo(after, DataInterval(after, after), None, None),
        restriction=TimeRestriction(earliest=dag.start_date, latest=None, catchup=dag.catchup),
    )
    assert told is not None
    due: datetime = told.run_after
    return due


@pytest.mark.parametrize(
    ("name", "value", "is_fine"),
    [
        ("date", None, True),
        ("date", "2026-10-31", True),
        ("date", "2026-10-32", False),
        ("date", "31.10.2026", False),
        ("date", 20261031, False),
        ("units", None, True),
        ("units", ["d01", "medical_insurance"], True),
        ("units", "d01", False),
        ("units", ["../d01"], False),
        ("units", [AN_ID], False),
    ],
)
def test_the_form_takes_dates_and_unit_codes_only(nightly: Any, name: str, value: Any, is_fine: bool) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    param = nightly.params.get_param(name)
    assert re.search("[一-鿿]", param.schema["title"])
    if is_fine:
        assert param.resolve(value) == value
    else:
        with pytest.raises(ParamValidationError):
            param.resolve(value)


def test_reading_the_file_loads_nothing_heavy() -> None:
    """Airflow reads it every half minute."""
    found = _python(
        "import sys, airflow.sdk; before = set(sys.modules); import time; start = time.process_time(); import nightly\n"
        "print(time.process_time() - start, *(set(sys.modules) - before))",
        PYTHONPATH=str(DAGS),
    )
    seconds, *modules = found.stdout.split()
    assert not {name.partition(".")[0] for name in modules} & HEAVY
    assert float(seconds) < 2


@pytest.mark.slow
@pytest.mark.parametrize(("command", "switch", "is_loaded"), [("scheduler", "1", 1), ("scheduler", "0", 0), ("tasks", "1", 0)])  # fmt: skip
def test_the_scheduler_alone_loads_the_libraries_beforehand(command: str, switch: str, is_loaded: int) -> None:
    found = _python(
        f"import sys, threading; sys.argv = ['airflow', '{command}']; import airflow_local_settings as settings\n"
        "print(int('great_expectations' in sys.modules), threading.active_count(), len(settings.__all__))",
        PYTHONPATH=str(DAGS), MONITOR_PRELOAD=switch,
    )  # fmt: skip
    assert found.stdout.split() == [str(is_loaded), "1", "0"]


def _python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, check=True, timeout=600
    )  # fmt: skip


# what the tasks share ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "logical", "partition", "after", "expected"),
    [
        ("2026-10-31", None, None, datetime(2027, 1, 1, tzinfo=UTC), date(2026, 10, 31)),
        (None, None, None, datetime(2026, 10, 30, 15, 59, tzinfo=UTC), date(2026, 10, 30)),
        (None, None, None, datetime(2026, 10, 30, 16, 0, tzinfo=UTC), date(2026, 10, 31)),
        # Made up for later: the day on which it was due; as runs were named before there were partitions, too.
        (None, datetime(2026, 10, 30, 18, tzinfo=UTC), None, datetime(2026, 11, 5, tzinfo=UTC), date(2026, 10, 31)),
        (None, None, datetime(2026, 10, 30, 18, tzinfo=UTC), datetime(2026, 11, 5, tzinfo=UTC), date(2026, 10, 31)),
        # Its partition given by hand: the beginning of that day.
        (
            "2026-10-31",
            None,
            datetime(2026, 10, 30, 16, tzinfo=UTC),
            datetime(2026, 11, 5, tzinfo=UTC),
            date(2026, 10, 31),
        ),
    ],
)
def test_which_night(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    asked: str | None, logical: datetime | None, partition: datetime | None, after: datetime, expected: date,
) -> None:  # fmt: skip
    context = {
        "params": {"date": asked, "really": False},
        "dag_run": SimpleNamespace(partition_date=partition, logical_date=logical, run_after=after),
    }
    monkeypatch.setattr(module, "get_current_context", lambda: context)
    monkeypatch.setattr(module, "HOME", kit.new_home(tmp_path / "home"))
    assert module.night() == expected


@pytest.mark.parametrize("partition", [datetime(2026, 10, 30, 18, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)])
def test_a_run_of_another_night_than_was_asked_for_or_of_one_to_come_does_nothing(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, partition: datetime
) -> None:
    """A backfill with one date for all its nights; a night far ahead that was named by hand."""
    from airflow.sdk.exceptions import AirflowFailException

    is_far = partition.year > 2026
    context = {
        "params": {"date": None if is_far else "2026-10-30", "really": False},
        "dag_run": SimpleNamespace(
            partition_date=partition, logical_date=None, run_after=datetime(2026, 11, 5, tzinfo=UTC)
        ),
    }
    monkeypatch.setattr(module, "get_current_context", lambda: context)
    monkeypatch.setattr(module, "HOME", kit.new_home(tmp_path / "home"))
    said = "2999-01-01 还没有到" if is_far else "这一次运行是 2026-10-31 这一夜的，“哪一夜”却填了 2026-10-30"
    with pytest.raises(AirflowFailException, match=said):
        module.night()


@pytest.mark.parametrize(("ahead", "really", "is_refused"), [(1, False, False), (2, False, True), (2, True, False)])
def test_a_night_beyond_tomorrow_is_refused_unless_really_meant(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ahead: int, really: bool, is_refused: bool
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    after = datetime(2026, 10, 31, 2, tzinfo=UTC)
    asked = (after.date() + timedelta(days=ahead)).isoformat()
    context = {
        "params": {"date": asked, "really": really},
        "dag_run": SimpleNamespace(partition_date=None, logical_date=None, run_after=after),
    }
    monkeypatch.setattr(module, "get_current_context", lambda: context)
    monkeypatch.setattr(module, "HOME", kit.new_home(tmp_path / "home"))
    if is_refused:
        with pytest.raises(AirflowFailException, match="还没有到"):  # not tried again
            module.step(lambda home, day: None)
    else:
        assert module.night().isoformat() == asked


@pytest.mark.parametrize(("ahead", "is_refused"), [(0, False), (1, False), (2, True), (3650, True)])
def test_nothing_is_purged_as_of_a_day_beyond_tomorrow(
    quiet_airflow: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ahead: int, is_refused: bool
) -> None:
    from airflow.sdk.exceptions import AirflowFailException
    from low_income.operate import forgetting

    dag = load(DAGS)["purge"]
    remove = dag.get_task("remove").python_callable
    after = datetime(2026, 10, 31, 2, tzinfo=UTC)
    day = after.date() + timedelta(days=ahead)
    purged: list[date] = []
    monkeypatch.setattr(forgetting, "purge", lambda home, day, who: purged.append(day))
    context = {"params": {"date": day.isoformat()}, "dag_run": SimpleNamespace(run_after=after)}
    monkeypatch.setitem(remove.__globals__, "get_current_context", lambda: context)
    monkeypatch.setitem(remove.__globals__, "HOME", kit.new_home(tmp_path / "home"))
    if is_refused:
        with pytest.raises(AirflowFailException, match="还没有到"):  # not tried again
            remove()
    else:
        remove()
    assert purged == ([] if is_refused else [day])


@pytest.mark.parametrize("dag_id", ["nightly", "purge"])
def test_a_failed_task_ends_its_log_with_the_sentence(
    quiet_airflow: Path, monkeypatch: pytest.MonkeyPatch, dag_id: str
) -> None:
    """Behind it there are dozens of frames, and a group of lines that the page shows closed: it ends first."""
    for task in load(DAGS)[dag_id].tasks:
        assert task.on_failure_callback == task.on_retry_callback != []
    [say] = task.on_failure_callback
    lines: list[str] = []
    logger = SimpleNamespace(info=lines.append, error=lines.append)
    monkeypatch.setitem(say.__globals__, "logging", SimpleNamespace(getLogger={"airflow.task": logger}.__getitem__))
    for problem, said in (
        (RuntimeError("磁盘满了"), "磁盘满了"),
        (ValueError(f"about {AN_ID}"), "程序出错（ValueError）；原话可能引用名单里的内容，不显示"),
    ):
        lines.clear()
        say({"exception": problem})
        assert lines == ["::endgroup::", said]
    lines.clear()
    say({})
    assert not lines


def _library() -> None:
    raise ValueError(f"could not convert {AN_ID} of 张三丰")


def _ours() -> None:
    try:
        _library()
    except ValueError as problem:
        raise CheckError("姓名检查没有执行完") from problem


def _system() -> None:
    raise PermissionError(13, "Permission denied", f"/home/lists/{AN_ID}.xlsx")


@pytest.mark.parametrize(
    ("do", "said"),
    [
        (_library, "程序出错（ValueError）；原话可能引用名单里的内容，不显示"),
        (_ours, "姓名检查没有执行完"),
        (_system, f"没有权限（/home/lists/{mask(AN_ID)}.xlsx）"),
    ],
)
def test_a_failure_is_told_without_the_words_of_a_library(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, do: Callable[[], None], said: str
) -> None:
    monkeypatch.setattr(module, "night", lambda: kit.DAY)
    monkeypatch.setattr(module, "HOME", kit.new_home(tmp_path / "home"))
    monkeypatch.setattr(module, "run_id", lambda: "a run")
    from airflow.sdk.exceptions import AirflowFailException

    final = do is _ours  # somebody has to mend it: not tried again
    with pytest.raises(AirflowFailException if final else RuntimeError) as raised:
        module.step(lambda home, day: do())
    written = "".join(traceback.format_exception(raised.value))
    assert written.endswith(f"{'AirflowFailException' if final else 'RuntimeError'}: {said}\n")
    assert do.__name__ in written
    assert AN_ID not in written
    assert "张三丰" not in written.replace(_QUOTED, "")


_QUOTED = 'raise ValueError(f"could not convert {AN_ID} of 张三丰")'
"""A frame shows the line of code, which here holds the name."""


# whole nights -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An AIRFLOW_HOME with its database, to copy."""
    home = tmp_path_factory.mktemp("migrated")
    done = subprocess.run(
        [BIN / "airflow", "db", "migrate"], check=False, env=_environment(home), capture_output=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return home


def _environment(airflow: Path, home: Path | None = None) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "MONITOR", "PYTHONDONT"))
    }
    kept |= {
        "AIRFLOW_HOME": str(airflow),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{airflow / 'airflow.db'}",
        "MONITOR_RETRY_SECONDS": "0",
    }
    return (
        kept | {"MONITOR_HOME": str(home), "MONITOR_DATE": kit.DAY.isoformat(), "MONITOR_REALLY": "1"} if home else kept
    )


class Night:
    """A night through Airflow in a process of its own: exit code, what it printed, its database."""

    def __init__(self, migrated: Path, home: Path, *command: str) -> None:
        self.home = home
        self.airflow = home / "airflow"
        if not self.airflow.exists():
            shutil.copytree(migrated, self.airflow)
        self.log = self.airflow / "night.log"
        with self.log.open("ab") as log:
            done = subprocess.run(
                [sys.executable, *(command or (str(DAGS / "nightly.py"),))], check=False,
                env=_environment(self.airflow, home), stdout=log, stderr=subprocess.PIPE, text=True, timeout=900,
            )  # fmt: skip
        self.code, self.shown = done.returncode, done.stderr

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.airflow / "airflow.db")) as con:
            return con.execute(query).fetchall()

    def states(self, run_id: str | None = None) -> dict[str, set[str]]:
        """Task → states of its instances, in one run or in all."""
        found: dict[str, set[str]] = {}
        for task, state, of_run in self.ask("select task_id, state, run_id from task_instance"):
            if run_id in (None, of_run):
                found.setdefault(task, set()).add(state)
        return found

    def written(self) -> str:
        """All that Airflow keeps: every value of every table, every file of its home, what was printed."""
        parts = [self.shown]
        for (table,) in self.ask("select name from sqlite_master where type = 'table'"):
            for row in self.ask(f'select * from "{table}"'):
                parts += [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in row]
        for path in self.airflow.rglob("*"):
            if path.is_file():
                parts.append(path.read_bytes().decode("utf-8", "replace"))
        return "\n".join(parts)


UNITS = ("d01", "d02", "d05", "civil_registration", "disabled_federation", "medical_insurance")
"""Enough of the bureau for every wave of checks."""


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home before its first night, to copy: the same keys, the same files."""
    home = kit.new_home(tmp_path_factory.mktemp("untouched") / "home")
    for unit in UNITS:
        shutil.copytree(kit.generated(tmp_path_factory) / "inbox" / unit, home / "inbox" / unit, dirs_exist_ok=True)
    return home


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory, untouched: Path) -> Path:
    """After the night of the command line."""
    home = kit.copy_home(untouched, tmp_path_factory.mktemp("by_hand") / "home")
    run.night(home, kit.DAY)
    return home


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, untouched: Path, migrated: Path) -> Night:
    """A whole night."""
    return Night(migrated, kit.copy_home(untouched, tmp_path_factory.mktemp("good") / "home"))


@pytest.mark.slow
def test_a_night_through_airflow_ends_well(good: Night) -> None:
    assert good.code == 0, good.shown
    states = good.states()
    assert set(states) == {
        "take_turn", "finish", "sources", "fetch", "collect", "read", "give_back", "build", "publish", "notify", "sum_up",
        *(f"{task}_{wave + 1}" for task in ("dataset_groups", "check") for wave in range(run.WAVES)),
    }  # fmt: skip
    assert set().union(*states.values()) == {"success"}, "nothing of a good night is shown as failed or skipped"
    assert (good.home / ".turn").read_bytes() == b"[]"
    assert good.ask("select state from dag_run") == [("success",)]


@pytest.mark.slow
def test_it_is_the_night_of_the_command_line(good: Night, by_hand: Path) -> None:
    assert kit.differences(by_hand, good.home, without=_CLOCKS) == {}
    assert len(kit.ask(good.home, "select * from warning_list")) > 10
    for folder, least in (("lists", 5), ("returns", 40)):
        written = [
            sorted(path.relative_to(home) for path in (home / folder).rglob("*.*")) for home in (by_hand, good.home)
        ]
        assert written[0] == written[1]
        assert len(written[0]) > least
    assert not list((good.home / "work").iterdir())


_CLOCKS = {"release": ["built_at"], "submission": ["received_at"]}


@pytest.mark.slow
def test_units_and_families_are_seen_by_name(good: Night) -> None:
    rendered = dict(good.ask("select rendered_map_index, task_id from task_instance where map_index >= 0"))
    names = {Home.open(good.home).units[unit].name for unit in UNITS}
    assert {*names, "低保家庭、低保人员", "死亡登记", "持证残疾人"} <= set(rendered)
    assert None not in rendered and not {name for name in rendered if re.fullmatch("[a-z_0-9]+", name)}
    lines = good.shown.splitlines()
    assert lines[:5] == ["排队", "做完中断的清除", "找出要读的数据库", "读数据库 没有", "收文件"]
    assert set(lines[5].split()) == {"读文件", *names}
    assert lines[-2:] == ["告知", "汇总"]
    assert len(lines) < 20


@pytest.mark.slow
def test_what_airflow_keeps_is_small_and_nobodys(good: Night) -> None:
    kept = good.ask("select task_id, key, length(value), value from xcom")
    assert {key for _, key, _, _ in kept} == {"return_value"}
    assert max(size for _, _, size, _ in kept) < 10_000
    written = good.written()
    assert "medical_insurance" in written
    assert not PERSONAL.findall(written)
    people = kit.ask(good.home, "select subject_name, subject_id_number from warning")
    assert people
    assert all(PERSONAL.fullmatch(number) for _, number in people), "the scanner would not see them"
    assert not {name for name, _ in people if len(name) > 2 and name in written}


REFUSED_THEN_AGAIN = """
import pathlib, sys
sys.path.insert(0, {folder!r})
import nightly

settings = nightly.HOME / "policy" / "medical.yml"
kept = settings.read_bytes()
settings.write_text("values: three")
refused = nightly.run_here("2026-10-31")
settings.write_bytes(kept)
sys.exit(10 * refused + nightly.run_here("2026-10-31"))
"""


@pytest.fixture(scope="module")
def repeated(tmp_path_factory: pytest.TempPathFactory, good: Night, migrated: Path) -> Night:
    """After the good night the same one twice: once with policy values that cannot be read, once as it was."""
    folder = tmp_path_factory.mktemp("repeated")
    (folder / "nights.py").write_text(REFUSED_THEN_AGAIN.format(folder=str(DAGS)))
    return Night(migrated, kit.copy_home(good.home, folder / "home"), str(folder / "nights.py"))


@pytest.mark.slow
def test_the_same_night_again_changes_nothing(good: Night, repeated: Night) -> None:
    assert repeated.code == 10, repeated.shown
    assert kit.differences(good.home, repeated.home, without=_CLOCKS) == {}
    assert sorted(path.name for path in (repeated.home / "releases").iterdir()) == ["1", "2"]


@pytest.mark.slow
def test_nothing_follows_a_night_that_did_not_begin(repeated: Night) -> None:
    runs = repeated.ask("select run_id, state from dag_run order by id")
    assert [state for _, state in runs] == ["success", "failed", "success"]
    (_, refused, _) = [run_id for run_id, _ in runs]
    states = repeated.states(refused)
    refused_tries = repeated.ask(
        f"select try_number from task_instance where task_id = 'take_turn' and run_id = '{refused}'"
    )
    assert states["take_turn"] == {"failed"}
    assert refused_tries == [(1,)], "what somebody has to mend is not tried again"
    assert states["collect"] == {"skipped"}
    assert states["build"] == states["publish"] == {"skipped"}
    assert states["notify"] == {"failed"}
    said = repeated.log.read_text(encoding="utf-8")
    assert "这一夜没有开始，昨天的清单照用：policy/medical.yml:values：应是" in said
    assert "。没有成功的步骤：排队、告知；请看第一个变红的任务" in said and "其余照常完成" not in said


BREAKS = """
import sys
sys.path.insert(0, {folder!r})
import nightly
from low_income.night import run

read = run.read
secret, name = {secret!r}, "张三丰"

def broken(home, day, unit):
    if unit == "d05":
        raise ValueError("cannot read " + secret)
    return read(home, day, unit)

def fails_at_first(do):
    tried = set()

    def step(home, day, *arguments, **keywords):
        if repr(arguments) not in tried:
            tried.add(repr(arguments))
            raise KeyError(secret, name, do.__name__)
        return do(home, day, *arguments, **keywords)

    return step

run.read = broken
for each in {failing!r}:
    setattr(run, each, fails_at_first(getattr(run, each)))
sys.exit(nightly.run_here("2026-10-31"))
"""


FAILS_AT_FIRST = ("sources", "collect", "dataset_groups", "check", "give_back", "build", "publish", "notify")


@pytest.fixture(scope="module")
def wounded(tmp_path_factory: pytest.TempPathFactory, untouched: Path, migrated: Path) -> Night:
    """A night on which one unit cannot be read, and every other step fails once before it succeeds."""
    folder = tmp_path_factory.mktemp("wounded")
    text = BREAKS.format(folder=str(DAGS), secret=AN_ID, failing=FAILS_AT_FIRST)
    (folder / "night.py").write_text(text, encoding="utf-8")
    return Night(migrated, kit.copy_home(untouched, folder / "home"), str(folder / "night.py"))


@pytest.mark.slow
def test_one_broken_unit_leaves_the_others_alone_and_the_run_fails(wounded: Night) -> None:
    assert wounded.code == 1
    assert wounded.ask("select state from dag_run") == [("failed",)]
    states = wounded.states()
    failed = {task for task, found in states.items() if found & {"failed", "upstream_failed"}}
    assert failed == {"read", "sum_up"}
    assert states["read"] == {"success", "failed"}
    tries = dict(wounded.ask("select rendered_map_index, try_number from task_instance where task_id = 'read'"))
    names = {unit: Home.open(wounded.home).units[unit].name for unit in UNITS}
    assert tries == dict.fromkeys(names.values(), 1) | {names["d05"]: 3}
    taken = kit.ask(wounded.home, "select distinct unit_code from submission where rows_accepted > 0")
    assert {unit for (unit,) in taken} == set(UNITS) - {"d05"}
    assert (wounded.home / "lists" / "2026-10-31" / "bureau.xlsx").exists()
    assert f"{names['d05']}✗" in wounded.shown


@pytest.mark.slow
def test_the_morning_message_names_what_failed(wounded: Night) -> None:
    message = (wounded.home / "outbox" / "2026-10-31.md").read_text(encoding="utf-8")
    assert f"\n1. 没有成功的步骤：读文件 {Home.open(wounded.home).units['d05'].name}。" in message


@pytest.mark.slow
def test_a_failure_leaves_no_trace_of_a_person(wounded: Night) -> None:
    written = wounded.written()
    said = re.findall(r"程序出错（(\w+)[^）]*）；原话可能引用名单里的内容", written)
    assert "ValueError" in said and said.count("KeyError") >= len(FAILS_AT_FIRST)
    assert set(wounded.ask("select distinct task_id from task_instance where try_number = 2")) >= {
        ("sources",), ("collect",), ("build",), ("publish",), ("notify",),
    }  # fmt: skip
    assert not PERSONAL.findall(written)
    assert "张三丰" not in written
    people = {name for (name,) in kit.ask(wounded.home, "select distinct subject_name from warning") if len(name) > 2}
    assert people and not {name for name in people if name in written}


@pytest.mark.slow
def test_no_name_of_a_file_and_no_message_holds_a_full_number(wounded: Night) -> None:
    names = [str(path.relative_to(wounded.home)) for path in wounded.home.rglob("*")]
    told = [path.read_text(encoding="utf-8") for path in (wounded.home / "outbox").iterdir()]
    assert len(names) > 100 and told
    assert not PERSONAL.findall("\n".join([*names, *told]))


@pytest.mark.slow
def test_the_same_date_again_takes_up_what_was_left(
    wounded: Night, by_hand: Path, migrated: Path, tmp_path: Path
) -> None:
    home = kit.copy_home(wounded.home, tmp_path / "home")
    assert Night(migrated, home).code == 0
    assert kit.differences(by_hand, home, without=_CLOCKS) == {}


# make airflow -----------------------------------------------------------------------------------------------------


def test_airflow_does_not_start_where_no_home_is(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(DAGS / "standalone.py")], check=False, env=os.environ | {"MONITOR_HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 1
    assert "不是数据目录" in done.stderr
    assert not list(tmp_path.iterdir())


STAND_IN = """#!{python}
import os, pathlib, signal, subprocess, sys, time
here, name = pathlib.Path({folder!r}), sys.argv[1]
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])

def end(number, frame):
    if not {is_stubborn}:
        child.terminate()
        child.wait()
        (here / f"{{name}}.ended").touch()
        sys.exit(0)

signal.signal(signal.SIGTERM, end)
made = here / f"{{name}}.made"
made.write_text(f"{{os.getpid()}} {{child.pid}}")
made.rename(here / f"{{name}}.there")
while True:
    time.sleep(600)
"""
"""Stands for each of Airflow's parts: has a child, says who both are, and ends when told, or does not."""


@contextmanager
def _standing_in(tmp_path: Path, *, is_stubborn: bool) -> Iterator[tuple[subprocess.Popen[bytes], list[list[int]]]]:
    """A launcher of stand-ins, and of each part the processes, itself first; from a job in the background, where the shell
    has SIGINT ignored."""
    stand_in = tmp_path / "airflow"
    stand_in.write_text(STAND_IN.format(python=sys.executable, folder=str(tmp_path), is_stubborn=is_stubborn))
    stand_in.chmod(0o700)
    code = (
        f"import os, sys, standalone; standalone.PATIENCE = {1 if is_stubborn else 900}\n"
        f"with open(os.devnull, 'wb') as log: sys.exit(standalone._run({str(stand_in)!r}, dict(os.environ), log))"
    )
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.executable, sys.argv[1:])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", ignoring, sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(DAGS)}
    ) as launcher:
        yield launcher, [[int(each) for each in _when_there(tmp_path / f"{name}.there").split()] for name in PARTS]


PARTS = ("api-server", "dag-processor", "scheduler", "triggerer")


@pytest.mark.parametrize("word", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("is_stubborn", [False, True])
def test_all_of_airflow_stops_when_told(tmp_path: Path, word: signal.Signals, is_stubborn: bool) -> None:
    with _standing_in(tmp_path, is_stubborn=is_stubborn) as (launcher, parts):
        launcher.send_signal(word)
        launcher.send_signal(word)
        assert launcher.wait(timeout=900) == 0
    assert len(list(tmp_path.glob("*.ended"))) == (0 if is_stubborn else len(PARTS))
    assert not [each for part in parts for each in part if _is_running(each)]


def test_a_part_that_ends_by_itself_ends_all_of_it(tmp_path: Path) -> None:
    with _standing_in(tmp_path, is_stubborn=False) as (launcher, parts):
        os.kill(parts[2][0], signal.SIGKILL)
        assert launcher.wait(timeout=900) == 1
    assert {path.stem for path in tmp_path.glob("*.ended")} == set(PARTS) - {"scheduler"}
    assert not [each for part in parts for each in part if _is_running(each)], "its child, too"


def _when_there(path: Path) -> str:
    while not (path.exists() and (text := path.read_text())):  # pytest's own limit ends a wait that has no end
        time.sleep(0.05)
    return text


def _is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
