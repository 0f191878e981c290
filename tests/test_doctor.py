"""monitor doctor: each thing that it looks at, good and bad, on machines made up as the kernel would tell of them."""

import fcntl
import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyrage
import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet
from low_income.cli import monitor
from low_income.operate import doctor
from low_income.operate.doctor import Machine
from low_income.records import archive, journal
from low_income.records.ledger import Ledger
from low_income.settings import contracts
from low_income.settings.home import Home

from tests.night_kit import DAY, copy_home, night_of_the_bureau

pytestmark = pytest.mark.slow

NOW = datetime(2026, 10, 31, 3, 0, tzinfo=UTC)
MOUNTS = """22 27 0:21 / /proc rw - proc proc rw
27 1 {number} / / rw,relatime shared:1 - {kind} {source} rw
30 27 0:40 / /tmp/a\\040b rw - tmpfs tmpfs rw
"""


def machine(
    root: Path,
    *,
    kind: str = "ext4",
    number: str = "253:0",
    source: str = "/dev/mapper/data",
    swaps: str = "",
    **environ: str,
) -> Machine:
    """A machine of its own under `root`: nvme partition 259:2, dm-crypt 253:0 on it, LVM 253:1 on that, LVM 253:2 on the bare partition."""
    files = {
        "proc/self/mountinfo": MOUNTS.format(number=number, kind=kind, source=source),
        "proc/self/status": "Name:\tmonitor\nUmask:\t0077\n",
        "proc/swaps": "Filename Type Size Used Priority\n" + swaps,
        "run/systemd/timesync/synchronized": "",
    }
    devices = {"259:2": ("nvme0n1p2", "", ""), "253:0": ("dm-0", "CRYPT-LUKS2-0a1b-data", "nvme0n1p2"),
               "253:1": ("dm-1", "LVM-abc", "dm-0"), "253:2": ("dm-2", "LVM-def", "nvme0n1p2"),
               "253:3": ("dm-3", "LVM-ghi", "dm-0 nvme0n1p2")}  # fmt: skip
    for device, (name, uuid, slaves) in devices.items():
        files[f"sys/dev/block/{device}/dev"] = files[f"sys/class/block/{name}/dev"] = f"{device}\n"
        if uuid:
            files[f"sys/dev/block/{device}/dm/uuid"] = f"{uuid}\n"
        for slave in slaves.split():
            files[f"sys/dev/block/{device}/slaves/{slave}/x"] = ""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "dev/mapper").mkdir(parents=True, exist_ok=True)
    (root / "dev/mapper/data").unlink(missing_ok=True)
    (root / "dev/mapper/data").symlink_to("../dm-0")
    return Machine(root, environ)


@pytest.mark.parametrize(
    ("told", "encrypted"),
    [
        ({"number": "253:0"}, True),
        ({"number": "253:1"}, True),
        ({"number": "253:2"}, False),
        ({"number": "253:3"}, False),
        ({"number": "259:2"}, False),
        ({"number": "8:99"}, None),
        ({"kind": "btrfs", "number": "0:30"}, True),
        ({"kind": "btrfs", "number": "0:30", "source": "/dev/nvme0n1p2"}, False),
        ({"kind": "btrfs", "number": "0:30", "source": "nothing"}, None),
        ({"kind": "overlay", "number": "0:50", "source": "overlay"}, None),
        ({"kind": "nfs4", "number": "0:51", "source": "host:/x"}, None),
        ({"kind": "fuse.gocryptfs", "number": "0:52", "source": "/x"}, True),
        ({"kind": "tmpfs", "number": "0:53", "source": "tmpfs"}, None),
        ({"kind": "zfs", "number": "0:54", "source": "no/such/dataset"}, None),
    ],
)
def test_whether_a_volume_is_encrypted(tmp_path, told, encrypted):
    assert doctor.volume_of(Path("/srv/home"), machine(tmp_path, **told)).encrypted is encrypted


def test_the_deepest_mount_holds_a_path_and_nothing_told_is_not_known(tmp_path):
    assert doctor.volume_of(Path("/tmp/a b/c"), machine(tmp_path)).how.startswith("在内存里")
    assert doctor.volume_of(Path("/srv"), Machine(tmp_path / "empty")).encrypted is None


@pytest.fixture
def safe(tmp_path) -> Home:
    """A home as it should be before real data come."""
    Home.create(tmp_path / "home", tmp_path / "keys")
    return Home(tmp_path / "home")


def findings(home: Path, told: Machine, now: datetime = NOW) -> dict[str, doctor.Finding]:
    return {each.area: each for each in doctor.diagnose(home, now, told)}


def states(found: dict[str, doctor.Finding]) -> dict[str, str]:
    return {area: each.state for area, each in found.items()}


AIRFLOW = {
    "AIRFLOW__CORE__FERNET_KEY": "x", "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.Fab",
    "AIRFLOW__API__HOST": "127.0.0.1", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD": "cat /etc/x",
    "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
    "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
}  # fmt: skip


def test_a_machine_that_is_fit_has_nothing_to_mend_and_nothing_unclear(safe, tmp_path):
    found = states(findings(safe.root, machine(tmp_path / "m", **AIRFLOW)))
    assert not [area for area, state in found.items() if state in ("mend", "unclear")], found
    assert len(found) >= 15
    assert not (safe.root / "ledger.db").exists() and not (safe.keys / "ledger.key").exists(), "it only looks"


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def _open_to_the_group(path: Path) -> None:
    path.touch()
    path.chmod(0o640)  # whatever the umask


_LOST = {"run_date": DAY.isoformat(), "files": {}}
"""A night that published, of which the ledger knows nothing."""


def _other_key(home: Home) -> None:
    path = home.root / "file"
    path.write_text("kept")
    with path.open("rb") as file:
        archive.keep(home, file, "file")
    other = pyrage.x25519.Identity.generate()
    (home.keys / "archive.key").write_text(f"{other}\n")
    (home.keys / "archive.key").chmod(0o600)


def _unfinished(home: Home) -> None:
    journal.write(home, "night", {"run_date": DAY.isoformat()}, who="x", at=NOW)
    Ledger.of(home).begin_night(DAY, owner="x", at=NOW)


@pytest.mark.parametrize(
    ("spoil", "area", "state"),
    [
        (lambda home: (home.root / "lists").chmod(0o750), "文件权限", "mend"),
        (lambda home: (home.inbox / "d01").chmod(0o770), "文件权限", "good"),
        (lambda home: (home.inbox / "d01").chmod(0o777), "文件权限", "mend"),
        (lambda home: home.root.chmod(0o711), "文件权限", "good"),
        (lambda home: home.root.chmod(0o755), "文件权限", "mend"),
        (lambda home: _replace(home.config, "settle_seconds", "settle_second"), "配置", "mend"),
        (lambda home: (home.keys / "identity.key").unlink(), "配置", "mend"),
        (lambda home: home.keys.chmod(0o755), "密钥的权限", "mend"),
        (lambda home: _open_to_the_group(home.keys / "old.key"), "密钥的权限", "mend"),
        (lambda home: _replace(home.config, "ledger: sqlite", "ledger: env:NOT_SET"), "运行记录库", "mend"),
        (lambda home: _replace(home.config, "ledger: sqlite", "ledger: postgresql://u@db.example/x"), "运行记录库", "mend"),
        (lambda home: _replace(home.config, "ledger: sqlite", "ledger: postgresql://u@db.example/x?sslmode=verify-full"), "运行记录库", "good"),
        (lambda home: _replace(home.config, "ledger: sqlite", "ledger: postgresql://u:p@/x?host=/run"), "运行记录库的密码", "mend"),
        (lambda home: home.warehouse.write_text("no link"), "预警库", "mend"),
        (lambda home: home.warehouse.symlink_to("releases/9/warehouse.duckdb"), "预警库", "mend"),
        (lambda home: journal.write(home, "looked", {}, who="x", at=NOW + timedelta(hours=1)), "时钟", "mend"),
        (lambda home: journal.path(home).write_text("{}\n"), "日志", "mend"),
        (lambda home: journal.write(home, "published", _LOST, who="x", at=NOW), "运行记录库", "mend"),
        (_other_key, "archive.key", "mend"),
        (_unfinished, "夜间任务", "advice"),
        (lambda home: _replace(home.config, "encrypt_releases: false", "encrypt_releases: true"), "库文件加密", "mend"),
        (lambda home: None, "库文件加密", "good"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_home_is_found(safe, tmp_path, spoil, area, state):
    spoil(safe)
    found = findings(safe.root, machine(tmp_path / "m", **AIRFLOW))
    assert found[area].state == state, found[area]
    assert found[area].to_do or state == "good"


def test_what_lies_open_on_a_volume_is_told_as_it_is(safe, tmp_path):
    found = findings(safe.root, machine(tmp_path / "m", number="259:2", **AIRFLOW))
    data, keys = found["数据所在的卷"], found["密钥所在的卷"]
    assert "已接收的数据、预警库、清单都是明文" in data.said and "数据目录" in data.to_do
    assert "密钥都是明文" in keys.said and "已接收" not in keys.said and "密钥的文件夹" in keys.to_do


@pytest.mark.parametrize(
    ("told", "area", "state"),
    [
        ({"number": "259:2"}, "数据所在的卷", "mend"),
        ({"number": "259:2"}, "密钥所在的卷", "mend"),
        ({"kind": "overlay", "number": "0:9"}, "数据所在的卷", "unclear"),
        ({"swaps": "/dev/nvme0n1p2 partition 1 0 -2\n"}, "交换区", "mend"),
        ({"swaps": "/dev/mapper/data partition 1 0 -2\n"}, "交换区", "good"),
        ({"swaps": "/dev/zram0 partition 1 0 -2\n"}, "交换区", "good"),
        ({"swaps": "/swapfile file 1 0 -2\n", "number": "259:2"}, "交换区", "mend"),
        ({"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True"}, "Airflow 登录", "mend"),
        ({"AIRFLOW__API__HOST": "0.0.0.0"}, "Airflow 页面", "mend"),
        ({"AIRFLOW__API__EXPOSE_CONFIG": "True"}, "Airflow 配置", "mend"),
        ({"AIRFLOW__CORE__FERNET_KEY": ""}, "Airflow 密钥", "mend"),
        ({"AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o664"}, "Airflow 日志", "mend"),
        ({"MONITOR_TIME_ZONE": "UTC"}, "时区", "mend"),
    ],
)
def test_what_is_wrong_with_a_machine_is_found(safe, tmp_path, told, area, state):
    found = findings(safe.root, machine(tmp_path / "m", **(AIRFLOW | told)))
    assert found[area].state == state, found[area]


def test_what_somebody_answers_for_is_advice(safe, tmp_path):
    _replace(safe.config, "ledger: sqlite", "ledger: sqlite\nencrypted_by: 云平台(张工 2026-10-01 书面确认)")
    found = findings(
        safe.root, machine(tmp_path / "m", number="259:2", swaps="/dev/nvme0n1p2 partition 1 0 -2\n", **AIRFLOW)
    )
    assert (found["数据所在的卷"].state, found["交换区"].state) == ("advice", "good")
    assert "张工" in found["数据所在的卷"].said


def test_what_cannot_be_seen_is_said_to_be_unclear(safe, tmp_path):
    found = findings(safe.root, Machine(tmp_path / "nothing", {}))
    for area in ("umask", "数据所在的卷", "交换区", "时钟", "Airflow"):
        assert found[area].state == "unclear", found[area]
    (safe.root / "airflow").mkdir(mode=0o700)
    (safe.root / "airflow/airflow.cfg").write_text("[core]\nfernet_key =\n[api]\nhost = 127.0.0.1\n")
    found = findings(safe.root, Machine(tmp_path / "nothing", {}))
    assert found["Airflow 密钥"].state == "unclear" and "Airflow 页面" not in found


@pytest.mark.slow
def test_a_home_after_a_night_and_who_holds_it(tmp_path_factory, tmp_path):
    home = copy_home(night_of_the_bureau(tmp_path_factory), tmp_path / "home")
    shutil.rmtree(home / "truth")  # the generator's, not the night's
    told = machine(tmp_path / "m", **AIRFLOW)
    now = datetime.now(UTC)
    found = findings(home, told, now)
    assert (
        found["预警库"].state == ("good" if (now.date() - DAY).days < 2 else "advice")
        and DAY.isoformat() in found["预警库"].said
    )
    assert found["文件权限"].state == "good", found["文件权限"]
    assert found["夜间任务"].said.startswith("没有任务在运行")
    with (home / ".lock").open("r+b") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert "正在运行" in findings(home, told, now)["夜间任务"].said


def test_another_ledger_key_is_named_and_not_a_line_of_the_journal(safe, tmp_path):
    journal.write(safe, "looked", {}, who="x", at=NOW)
    (safe.keys / "ledger.key").write_text(Fernet.generate_key().decode() + "\n")
    found = findings(safe.root, machine(tmp_path / "m", **AIRFLOW))["日志"]
    assert found.state == "mend" and "一行也打不开" in found.said and "恢复 ledger.key" in found.to_do


def test_a_library_of_another_version_is_named_with_the_command_that_mends_it(safe, tmp_path, monkeypatch):
    lock = tmp_path / "requirements.lock"
    lock.write_text("duckdb==0.0.1 \\\n    --hash=sha256:00\n")
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    found = findings(safe.root, machine(tmp_path / "m", **AIRFLOW))["程序库"]
    assert found.state == "mend" and "duckdb" in found.said
    assert f"pip install --no-deps --require-hashes -r {lock}" in found.to_do


def test_a_file_about_a_unit_that_is_not_there_is_named(safe, tmp_path, monkeypatch):
    known = contracts.load()
    sources = [
        contracts.Source(unit=unit, kind="dibao_person", reason="x", headers={"民政对象证号": "id_number"})
        for unit in ("d02", "d99")
    ]
    monkeypatch.setattr(contracts, "load", lambda: known.model_copy(update={"sources": sources}))
    found = findings(safe.root, machine(tmp_path / "m", **AIRFLOW))["单位自己的列名"]
    assert found.state == "advice" and "d99_dibao_person.yml" in found.said and "d02" not in found.said
    monkeypatch.setattr(contracts, "load", lambda: known.model_copy(update={"sources": sources[:1]}))
    assert "单位自己的列名" not in findings(safe.root, machine(tmp_path / "m", **AIRFLOW))


def test_the_command_says_how_many_must_be_mended_and_ends_with_1(safe):
    asked = CliRunner().invoke(monitor, ["--home", str(safe.root), "doctor", "--json"])
    told = json.loads(asked.output)
    assert told["must_mend"] == sum(each["state"] == "mend" for each in told["findings"])
    (safe.root / "lists").chmod(0o777)
    asked = CliRunner().invoke(monitor, ["--home", str(safe.root), "doctor"])
    assert asked.exit_code == 1 and "[要改] 文件权限：1 个文件或文件夹别人也能读写：lists（0777）" in asked.output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another account")
def test_a_drop_folder_may_belong_to_its_sender_and_nothing_else_may(safe, tmp_path):
    def foreign() -> list[doctor.Finding]:
        found = doctor.diagnose(safe.root, NOW, machine(tmp_path / "m"))
        return [each for each in found if each.area == "文件属主" and "不属于数据目录的属主" in each.said]

    senders = (safe.inbox / "d01", safe.root / "decisions/inbox/d01")
    for folder in senders:
        os.chown(folder, 7002, 7002)
    assert foreign() == []
    os.chown(safe.root / "lists", 7002, 7002)
    [found] = foreign()
    assert found.said.startswith("1 个")
    subprocess.run(found.to_do.partition("，")[0], shell=True, check=True)
    assert foreign() == [] and {folder.stat().st_uid for folder in senders} == {7002}
