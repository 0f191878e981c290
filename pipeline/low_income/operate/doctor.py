"""`monitor doctor`: checks whether this machine is fit to hold data of real people. It changes nothing and says what to do.

Each finding is good, advice, mend, or unclear. What cannot be seen from here is unclear, never good.
See docs/boundaries.md (7) and docs/bad_input.md; docs/security.md says why each check matters.
"""

from __future__ import annotations

import configparser
import fcntl
import importlib.metadata
import importlib.util
import os
import re
import shutil
import stat
import struct
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from low_income.model import ROOT, MonitorError
from low_income.records import agreement, archive, journal, seal
from low_income.records.ledger import Ledger
from low_income.records.ledger.tables import how_reached
from low_income.settings import contracts
from low_income.settings.home import Home, forbidden_mode, is_drop_folder, is_dropped

State = Literal["good", "advice", "mend", "unclear"]
STATE_TITLES: dict[State, str] = {"good": "好", "advice": "建议", "mend": "要改", "unclear": "看不出"}


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    area: str
    state: State
    said: str
    """What was found, as one Chinese sentence without full stop."""
    to_do: str = ""


@dataclass(frozen=True)
class Machine:
    """The root folder with the kernel's files (/proc, /sys), and the environment. Tests give others."""

    root: Path = Path("/")
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def text(self, path: str) -> str:
        """The text of a kernel file; '' when it is missing or cannot be read."""
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return ""


def diagnose(folder: Path, now: datetime, machine: Machine | None = None) -> list[Finding]:
    """All findings about a home and its machine, in the order in which they are worth reading.

    `now`: the clock to be examined, UTC. A home that cannot be opened is a finding too.
    """
    machine = machine or Machine()
    home = Home(folder)
    found = [*_files(home), *_umask(machine), *_disk(home), *_telemetry(machine), *_libraries()]
    found += _airflow(folder, machine)
    try:
        Home.open(folder)
    except MonitorError as problem:
        said = f"数据目录打不开：{problem}"
        return [Finding("配置", "mend", said, "照提示改好，再运行一次"), *found]
    first = [
        Finding("配置", "good", "monitor.yml、policy/ 和密钥都读得通"),
        *_sources(home),
        *_volume(home, machine),
        *_swap(home, machine),
    ]
    return [
        *first, *_keys(home), *_ledger(home), *_release(home, now), *_lock(home), *_clock(home, now, machine),
        *_zone(home, machine), *_engine(home), *found,
    ]  # fmt: skip


def _sources(home: Home) -> Iterator[Finding]:
    """What expectations/sources/ says about units that this home does not have: it has no effect here."""
    known = contracts.load()
    strange = [f"{each.unit}_{each.kind}.yml" for each in known.sources if each.unit not in home.units]
    if strange:
        yield Finding(
            "单位自己的列名", "advice",
            f"expectations/sources/ 里有 {len(strange)} 个文件说的单位不在 monitor.yml 里，不起作用：{_some(strange)}",
            "单位代码写错的，改文件名和里面的 unit；单位漏了的，加在 monitor.yml 的 units 下；不再需要的，删去文件",
        )  # fmt: skip


# files -----------------------------------------------------------------------------------------------------------

_SHOWN = 5


def _files(home: Home) -> Iterator[Finding]:
    if not home.root.is_dir():
        return
    owner = home.root.stat().st_uid
    open_to_others: list[str] = []
    foreign: list[str] = []
    seen = 0
    for folder, folders, files in os.walk(home.root):
        for name in (".", *folders, *files) if Path(folder) == home.root else (*folders, *files):
            path = Path(folder) / name
            told = path.lstat()
            if stat.S_ISLNK(told.st_mode):
                continue
            seen += 1
            place = "" if name == "." else path.relative_to(home.root).as_posix()
            if stat.S_IMODE(told.st_mode) & forbidden_mode(place):
                open_to_others.append(f"{place or '数据目录'}（{stat.S_IMODE(told.st_mode):04o}）")
            if told.st_uid != owner and not (is_drop_folder(place) or is_dropped(place)):
                foreign.append(place)
    if open_to_others:
        yield Finding(
            "文件权限", "mend", f"{len(open_to_others)} 个文件或文件夹别人也能读写：{_some(open_to_others)}",
            f"chmod -R go-rwx {home.root}（收件箱里各单位的文件夹随后再改回 2770）",
        )  # fmt: skip
    else:
        yield Finding("文件权限", "good", f"{seen} 个文件和文件夹都只有属主能读写")
    if foreign:
        yield Finding(
            "文件属主", "mend", f"{len(foreign)} 个文件不属于数据目录的属主：{_some(foreign)}",
            f"find {home.root} -not -path '*/inbox/*' -exec chown -h {owner} {{}} +，并只用这一个账户运行",
        )  # fmt: skip
    if owner != os.geteuid():
        yield Finding(
            "文件属主", "mend", f"数据目录属于账户 {owner}，现在运行的是账户 {os.geteuid()}", "用同一个专用账户运行"
        )
    elif owner == 0:
        yield Finding("文件属主", "advice", "数据目录属于 root", "另建一个专用账户，只让它拥有数据目录和密钥")


def _some(names: list[str]) -> str:
    rest = " 等" if len(names) > _SHOWN else ""
    return "、".join(sorted(names)[:_SHOWN]) + rest


def _umask(machine: Machine) -> Iterator[Finding]:
    found = re.search(r"^Umask:\s*([0-7]+)", machine.text("proc/self/status"), flags=re.M)
    if found is None:
        yield Finding("umask", "unclear", "看不到这个账户的 umask", "在账户的登录脚本和服务里设 umask 077")
    elif int(found[1], 8) & 0o077 != 0o077:
        yield Finding(
            "umask", "advice", f"umask 是 {found[1]}；夜间任务自己会用 077，手工放进去的文件不会",
            "在账户的登录脚本里写 umask 077，systemd 服务写 UMask=0077",
        )  # fmt: skip
    else:
        yield Finding("umask", "good", f"umask 是 {found[1]}")


# volumes ---------------------------------------------------------------------------------------------------------

_FLAGS, _ENCRYPTED = 0x80086601, 0x800
"""FS_IOC_GETFLAGS and FS_ENCRYPT_FL: by these a file system with its own keys (fscrypt) reports that a folder is encrypted."""
_ENCRYPTING = ("ecryptfs", "fuse.gocryptfs", "fuse.encfs", "fuse.cryfs", "fuse.securefs")
_REMOTE = re.compile(r"nfs|cifs|smb|9p|virtiofs|fuse|ceph|gluster|lustre|overlay|aufs|vboxsf")
_IN_MEMORY = ("tmpfs", "ramfs")


@dataclass(frozen=True)
class Volume:
    """Whether the storage below a path is encrypted; None when this cannot be seen from here."""

    encrypted: bool | None
    how: str


def volume_of(path: Path, machine: Machine) -> Volume:
    """The volume of a path, as the kernel reports it: dm-crypt (LUKS), fscrypt, ZFS, or a file system that encrypts."""
    if _has_fscrypt(path):
        return Volume(True, "文件夹由 fscrypt 加密")
    mount = _mount_of(path.resolve(), machine)
    if mount is None:
        return Volume(None, "系统没有说明它在哪个卷上")
    number, kind, source = mount
    if kind == "zfs":
        return _zfs(source)
    if kind in _ENCRYPTING:
        known = Volume(True, f"文件系统 {kind} 自己加密")
    elif kind in _IN_MEMORY:
        known = Volume(None, f"在内存里（{kind}），关机就没有了")
    elif _REMOTE.match(kind):
        known = Volume(None, f"文件系统 {kind} 的下面看不到")
    elif device := _number_of(source, machine) if number.startswith("0:") else number:
        known = _device(device, machine)
    else:
        known = Volume(None, f"{kind} 在哪个设备上看不到")
    return known


def _mount_of(path: Path, machine: Machine) -> tuple[str, str, str] | None:
    """(major:minor, file system, source) of the mount of a path: the deepest one; of several at one place the last."""
    best: tuple[int, tuple[str, str, str]] | None = None
    for line in machine.text("proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        fields, what = before.split(), after.split()
        if len(fields) < 5 or len(what) < 2:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4]))
        if path.is_relative_to(point) and (best is None or len(point.parts) >= best[0]):
            best = (len(point.parts), (fields[2], what[0], what[1]))
    return best[1] if best else None


def _has_fscrypt(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            flags = fcntl.ioctl(handle, _FLAGS, struct.pack("l", 0))
        finally:
            os.close(handle)
    except OSError:
        return False
    return bool(struct.unpack("l", flags)[0] & _ENCRYPTED)


def _zfs(dataset: str) -> Volume:
    zfs = shutil.which("zfs")
    done = zfs and subprocess.run(  # noqa: S603 - the program that PATH names, on the kernel's own word for the volume
        [zfs, "get", "-H", "-o", "value", "encryption", dataset], capture_output=True, text=True, check=False
    )
    told = done.stdout.strip() if done else ""
    if not told or told == "-":
        return Volume(None, f"ZFS {dataset} 没有说是否加密")
    return Volume(told != "off", f"ZFS {dataset} encryption={told}")


def _number_of(source: str, machine: Machine) -> str | None:
    """major:minor of the device that a mount names by its path; None when it is unknown."""
    if not source.startswith("/dev/"):
        return None
    node = machine.root / source.lstrip("/")
    name = node.readlink().name if node.is_symlink() else node.name
    return machine.text(f"sys/class/block/{name}/dev") or None


def _device(number: str, machine: Machine) -> Volume:
    """A block device is encrypted when it is dm-crypt, or when all devices below it are encrypted."""
    folder = machine.root / "sys/dev/block" / number
    if not folder.exists():
        return Volume(None, f"设备 {number} 在 /sys 里看不到")
    uuid = machine.text(f"sys/dev/block/{number}/dm/uuid")
    if uuid.startswith("CRYPT-"):
        return Volume(True, f"dm-crypt（{uuid.split('-')[1]}）")
    if backing := machine.text(f"sys/dev/block/{number}/loop/backing_file"):
        return volume_of(Path(backing), machine)
    beneath = sorted((folder / "slaves").iterdir()) if (folder / "slaves").is_dir() else []
    volumes = [_device(machine.text(f"sys/class/block/{slave.name}/dev"), machine) for slave in beneath]
    if not volumes:
        return Volume(False, f"设备 {folder.resolve().name} 上没有 dm-crypt")
    worst = min(volumes, key=lambda volume: {False: 0, None: 1, True: 2}[volume.encrypted])
    return worst


def _volume(home: Home, machine: Machine) -> Iterator[Finding]:
    declared = home.settings.encrypted_by
    for area, path, holds, what in (
        ("数据所在的卷", home.root, "已接收的数据、预警库、清单", "数据目录"),
        ("密钥所在的卷", home.keys, "密钥", "密钥的文件夹"),
    ):
        if path == home.keys and path.is_relative_to(home.root):
            continue
        volume = volume_of(path, machine)
        if volume.encrypted:
            yield Finding(area, "good", f"已加密：{volume.how}")
        elif declared:
            yield Finding(
                area, "advice", f"这里看不到加密（{volume.how}）；monitor.yml 写明由 {declared} 加密", "每年核实一次"
            )
        elif volume.encrypted is None:
            yield Finding(
                area, "unclear", volume.how, "问管理这台机器的人下面是否加密；确认以后写进 monitor.yml 的 encrypted_by"
            )
        else:
            yield Finding(
                area, "mend", f"没有加密：{volume.how}；{holds}都是明文",
                f"把{what}移到 LUKS 加密的卷；硬件或虚拟化平台已加密的，写进 monitor.yml 的 encrypted_by",
            )  # fmt: skip


def _swap(home: Home, machine: Machine) -> Iterator[Finding]:
    lines = machine.text("proc/swaps").splitlines()
    if not lines:
        yield Finding("交换区", "unclear", "看不到有没有交换区", "swapon --show 看一看；要么加密，要么关掉")
        return
    plain = []
    for line in lines[1:]:
        name, kind = line.split()[:2]
        if Path(name).name.startswith("zram"):
            continue
        number = _number_of(name, machine) if kind == "partition" else None
        volume = _device(number, machine) if number else volume_of(Path(name), machine)
        if not volume.encrypted:
            plain.append(f"{name}（{volume.how}）")
    if plain and not home.settings.encrypted_by:
        yield Finding(
            "交换区", "mend", f"没有加密的交换区：{'、'.join(plain)}；内存里的数据会写到上面",
            "swapoff 关掉，或在 /etc/crypttab 里用随机密钥加密（swap 选项）",
        )  # fmt: skip
    else:
        yield Finding("交换区", "good", "没有交换区，或者已加密" if not plain else "由 encrypted_by 所写的加密")


# keys, ledger, release -------------------------------------------------------------------------------------------


def _keys(home: Home) -> Iterator[Finding]:
    keys = home.keys
    if keys.is_relative_to(home.root):
        yield Finding(
            "密钥的位置", "mend", "密钥就在数据目录里：复制走数据目录，加密就不起作用了",
            f"把 {keys} 移到别处（如 /etc/monitor/keys，0700），再改 monitor.yml 的 keys",
        )  # fmt: skip
    elif keys.stat().st_dev == home.root.stat().st_dev:
        yield Finding(
            "密钥的位置", "advice", f"密钥在 {keys}，与数据在同一个卷上", "备份和快照会一起带走：换一个卷更好"
        )
    else:
        yield Finding("密钥的位置", "good", f"密钥在 {keys}，不在数据目录里")
    wrong = []
    for path in [keys, *sorted(keys.iterdir())]:
        told = path.stat()
        if stat.S_IMODE(told.st_mode) & 0o077:
            wrong.append(f"{path.name}（{stat.S_IMODE(told.st_mode):04o}）")
        elif told.st_uid != home.root.stat().st_uid:
            wrong.append(f"{path.name}（属于账户 {told.st_uid}）")
    if wrong:
        yield Finding(
            "密钥的权限", "mend", f"不是只有属主能读：{'、'.join(wrong)}", f"chmod 700 {keys}; chmod 600 {keys}/*.key"
        )
    else:
        yield Finding("密钥的权限", "good", "密钥只有属主能读")
    readers: dict[str, Callable[[Home], object]] = {
        "archive.key": agreement.verify_archive_key,
        "ledger.key": seal.Seal.of,
        seal.RELEASE_KEY: seal.release_keys,
    }
    for name, read in readers.items():
        try:
            if (keys / name).exists():
                read(home)
            elif _was_used(home) and name != seal.RELEASE_KEY:
                yield Finding(name, "mend", f"{keys / name} 不见了", "从备份恢复；没有它，已加密的内容谁也打不开")
        except MonitorError as problem:
            yield Finding(name, "mend", str(problem), "从备份恢复密钥")


def _was_used(home: Home) -> bool:
    """Whether the home was ever used. In an unused home nothing may be created by this check."""
    return journal.path(home).exists() or bool(archive.kept(home)) or (home.root / "ledger.db").exists()


_SAFE_TLS = ("verify-full", "verify-ca")


def _ledger(home: Home) -> Iterator[Finding]:
    try:
        reached = how_reached(home.ledger_url)
        if _was_used(home):
            agreement.verify_agreement(home, Ledger.of(home))
    except MonitorError as problem:
        yield Finding("运行记录库", "mend", str(problem), "照提示改好；运行记录库丢了用 monitor recover 重建")
        return
    if reached.is_sqlite:
        yield Finding("运行记录库", "good", "SQLite，在数据目录里；一台机器够用，多台机器同时跑才要 PostgreSQL")
        return
    if reached.has_password and not home.settings.ledger.startswith("env:"):
        yield Finding(
            "运行记录库的密码", "mend", "数据库密码写在 monitor.yml 里", "改成 ledger: env:变量名，密码放进服务的环境"
        )
    if reached.is_on_this_machine:
        yield Finding("运行记录库", "good", "PostgreSQL，在本机")
    elif reached.tls in _SAFE_TLS:
        yield Finding("运行记录库", "good", f"PostgreSQL，经 TLS（sslmode={reached.tls}）")
    else:
        said = f"PostgreSQL 在别的机器上，连接没有核对对方证书（sslmode={reached.tls}）"
        yield Finding("运行记录库", "mend", said, "地址里加 sslmode=verify-full")


def _release(home: Home, now: datetime) -> Iterator[Finding]:
    from low_income import warehouse  # noqa: PLC0415 - brings duckdb

    if not home.warehouse.is_symlink():
        state: State = "mend" if home.warehouse.exists() else "advice"
        yield Finding(
            "预警库", state, "warehouse.duckdb 不是链接" if state == "mend" else "还没有发布过", "运行一夜：monitor run"
        )
        return
    target = home.warehouse.resolve()
    try:
        with closing(warehouse.read(home.warehouse, seal.release_keys(home))) as con:
            night: date = con.execute("select run_date from release").fetchall()[0][0]
    except Exception as problem:  # noqa: BLE001 - whatever it says, the file cannot be read
        yield Finding(
            "预警库",
            "mend",
            f"当前一版打不开（{type(problem).__name__}）",
            "monitor rollback 退回上一版，或 monitor recover 重建",
        )
        return
    if target.parent.parent != home.releases.resolve() or list(target.parent.glob("*.wal")):
        yield Finding(
            "预警库", "mend", "warehouse.duckdb 指向的不是 releases/ 里写完整的一版", "monitor verify 看是哪里不对"
        )
    age = (now.astimezone(home.time_zone).date() - night).days
    if age > 2:
        yield Finding(
            "预警库", "advice", f"当前一版是 {night} 的，已有 {age} 天", "看夜间任务有没有在跑：monitor status"
        )
    else:
        yield Finding("预警库", "good", f"指向 {target.parent.name} 号版本，{night} 这一夜")


def _lock(home: Home) -> Iterator[Finding]:
    path = home.root / ".lock"
    if path.exists():
        with path.open("r+b") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = handle.read(200).decode(errors="replace") or "进程不明"
                yield Finding("夜间任务", "good", f"正在运行（{owner}）")
                return
    try:
        nights = Ledger.of(home).nights() if _was_used(home) else []
    except MonitorError:
        return  # `_ledger` has reported it already
    unfinished = [night for night in nights if night.state == "running"]
    if unfinished:
        days = "、".join(night.run_date.isoformat() for night in unfinished[-_SHOWN:])
        yield Finding(
            "夜间任务", "advice", f"没有跑完就断了：{days}", "对每一夜再运行 monitor run --date 日期，会接着做完"
        )
    else:
        yield Finding("夜间任务", "good", "没有任务在运行，也没有跑了一半的")


def _clock(home: Home, now: datetime, machine: Machine) -> Iterator[Finding]:
    try:
        last = max((entry.at for entry in journal.read(home)), default=now)
    except MonitorError as problem:
        lost = "ledger.key" if isinstance(problem, seal.Unopened) else "journal.jsonl"
        yield Finding("日志", "mend", str(problem), f"先从备份恢复 {lost}，再运行 monitor verify")
        return
    if last > now:
        yield Finding(
            "时钟", "mend", f"日志里有比现在还晚的一行（{last:%Y-%m-%d %H:%M} UTC）", "校准时钟（timedatectl）"
        )
    elif (
        machine.text("run/systemd/timesync/synchronized")
        or (machine.root / "run/systemd/timesync/synchronized").exists()
    ):
        yield Finding("时钟", "good", f"现在 {now:%Y-%m-%d %H:%M} UTC，已与时间服务器对准")
    else:
        yield Finding(
            "时钟",
            "unclear",
            f"现在 {now:%Y-%m-%d %H:%M} UTC；看不出有没有自动对时",
            "timedatectl 或 chronyc tracking 看一看",
        )


def _zone(home: Home, machine: Machine) -> Iterator[Finding]:
    ours, airflows = str(home.time_zone), machine.environ.get("MONITOR_TIME_ZONE")
    if airflows and airflows != ours:
        yield Finding(
            "时区",
            "mend",
            f"monitor.yml 是 {ours}，Airflow 的 MONITOR_TIME_ZONE 是 {airflows}",
            "改成一样，否则夜间任务的日期会差一天",
        )
    else:
        yield Finding("时区", "good", f"{ours}")


# machine ---------------------------------------------------------------------------------------------------------

_LEAST_FREE = 2 << 30


def _disk(home: Home) -> Iterator[Finding]:
    if not home.root.is_dir():
        return
    free = shutil.disk_usage(home.root).free
    release = (
        sum(path.stat().st_size for path in home.warehouse.resolve().parent.rglob("*") if path.is_file())
        if home.warehouse.exists()
        else 0
    )
    needed = max(_LEAST_FREE, 3 * release)
    inodes = os.statvfs(home.root).f_favail
    state: State = "mend" if free < needed or 0 < inodes < 10_000 else "good"
    yield Finding(
        "磁盘", state, f"还有 {free / (1 << 30):.1f} GB（一夜至少要 {needed / (1 << 30):.1f} GB）",
        "" if state == "good" else "腾出空间：monitor purge，或换大一点的卷",
    )  # fmt: skip


def _engine(home: Home) -> Iterator[Finding]:
    from low_income import warehouse  # noqa: PLC0415 - brings duckdb

    is_wanted = home.settings.encrypt_releases
    try:
        warehouse.verify_encryption()
    except MonitorError as problem:
        if is_wanted:
            yield Finding("库文件加密", "mend", str(problem), "装好以前夜间任务不会开始")
        else:
            yield Finding("库文件加密", "good", "没有要求（encrypt_releases: false），库文件靠卷加密保护")
    else:
        said = (
            "预警库和各区的库文件由 DuckDB 加密"
            if is_wanted
            else "DuckDB 的加密扩展已装好，没有要求用（encrypt_releases: false）"
        )
        yield Finding("库文件加密", "good", said)


def _telemetry(machine: Machine) -> Iterator[Finding]:
    sends = [
        package
        for package, module, switch in (
            ("great-expectations", "great_expectations.analytics", "GX_ANALYTICS_ENABLED"),
            ("apache-airflow", "airflow.utils.usage_data_collection", "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"),
        )
        if _is_there(module) and machine.environ.get(switch, "").lower() != "false"
    ]
    if sends:
        yield Finding("用量上报", "mend", f"{'、'.join(sends)} 会向外发送用量", "在服务的环境里关掉")
    else:
        yield Finding("用量上报", "good", "装着的版本都不向外发送用量")


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


_SIMPLE = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
_ASK_THERE = "在运行 Airflow 的账户和环境变量下再运行一次 monitor doctor，才看得准"
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - Airflow's default, which is warned of
_HERE = ("127.0.0.1", "localhost", "::1")


def _airflow(home_dir: Path, machine: Machine) -> Iterator[Finding]:
    """Airflow's settings that are too open, from its file and the environment. Defaults are those of 3.3."""
    folder = Path(machine.environ.get("AIRFLOW_HOME", home_dir / "airflow"))
    config = configparser.ConfigParser(interpolation=None, strict=False)
    named = folder / "airflow.cfg"
    is_told = any(name.startswith("AIRFLOW__") for name in machine.environ)
    if not named.exists() and not is_told:
        yield Finding("Airflow", "unclear", f"{folder} 里没有 airflow.cfg", _ASK_THERE)
        return
    config.read(named, encoding="utf-8")

    def setting(section: str, name: str, default: str) -> str:
        variable = f"AIRFLOW__{section}__{name}".upper()
        for elsewhere in ("_cmd", "_secret"):
            if variable + elsewhere.upper() in machine.environ or config.has_option(section, name + elsewhere):
                return "(elsewhere)"
        value = machine.environ.get(variable)
        return (value if value is not None else config.get(section, name, fallback=default)).strip()

    modes = [
        setting("logging", f"file_task_handler_new_{what}_permissions", default)
        for what, default in (("file", "0o664"), ("folder", "0o775"))
    ]
    wrong: list[tuple[bool, str, State, str, str]] = [
        (setting("core", "simple_auth_manager_all_admins", "False").lower() == "true", "登录", "mend",
         "谁都不用登录就是管理员", "core.simple_auth_manager_all_admins 改回 False"),
        (setting("core", "auth_manager", _SIMPLE) == _SIMPLE, "登录", "advice",
         "用的是自带的简单登录，没有锁定和单点登录", "多人使用时换成 FAB 或单位的单点登录"),
        (setting("api", "host", _EVERYWHERE) not in _HERE, "页面", "mend",
         "页面对所有网卡开放", "api.host 写 127.0.0.1，前面放 TLS 反向代理"),
        (setting("api", "expose_config", "False").lower() != "false", "配置", "mend",
         "页面上能看到 Airflow 的配置", "api.expose_config 改成 False"),
        (not setting("core", "fernet_key", ""), "密钥", "mend",
         "没有 fernet_key，连接里的密码以明文存在它的库里", "core.fernet_key 写一个密钥（放在环境变量里）"),
        (any(int(mode, 8) & 0o077 for mode in modes), "日志", "mend", f"任务日志别人也能读（{'、'.join(modes)}）",
         "logging.file_task_handler_new_file_permissions 写 0o600，new_folder_permissions 写 0o700"),
        (setting("database", "sql_alchemy_conn", "sqlite").startswith("sqlite"), "元数据库", "advice",
         "用的是 SQLite", "只在一台机器上试用；正式使用换 PostgreSQL"),
    ]  # fmt: skip
    found = [Finding(f"Airflow {area}", state, said, to_do) for is_so, area, state, said, to_do in wrong if is_so]
    if not is_told:  # the environment of the service cannot be seen from here
        found = [
            replace(each, state="unclear", said=f"airflow.cfg 里{each.said}", to_do=f"{each.to_do}；{_ASK_THERE}")
            if each.state == "mend"
            else each
            for each in found
        ]
    yield from found or [Finding("Airflow", "good", "登录、页面、日志、密钥的设置都收紧了")]


def _libraries() -> Iterator[Finding]:
    lock = ROOT / "requirements.lock"
    if not lock.exists():
        yield Finding("程序库", "unclear", "没有 requirements.lock，不知道应是哪些版本", "用源码目录里的 make 安装")
        return
    wanted: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock.read_text(encoding="utf-8"), flags=re.M):
        wanted.setdefault(re.sub(r"[-_.]+", "-", name).lower(), set()).add(version)
    others = [
        f"{name} {each.version}"
        for each in importlib.metadata.distributions()
        if (name := re.sub(r"[-_.]+", "-", each.metadata["Name"] or "").lower()) in wanted
        and each.version not in wanted[name]
    ]
    if others:
        yield Finding(
            "程序库", "mend", f"{len(others)} 个库不是锁定的版本：{_some(others)}",
            f"用这个环境的 pip 重装：pip install --no-deps --require-hashes -r {lock}",
        )  # fmt: skip
    else:
        yield Finding("程序库", "good", "装着的库都是 requirements.lock 里的版本")


def as_json(found: list[Finding]) -> dict[str, Any]:
    """The findings as plain data for `--json`."""
    lines = [{"area": each.area, "state": each.state, "said": each.said, "to_do": each.to_do} for each in found]
    return {"must_mend": sum(each.state == "mend" for each in found), "findings": lines}
