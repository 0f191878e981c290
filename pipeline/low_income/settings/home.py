"""A home: the folders of one bureau, its monitor.yml, its units and townships, its keys.

`Home.create` is `monitor init`; `Home.open` reads and checks everything before a night may start. A setting that cannot
be read raises ConfigError, which names the file, the key and what is expected. See docs/outputs.md (the home).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import secrets
import shutil
import stat
import tempfile
from calendar import monthrange
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from low_income.model import ROOT, ConfigError, MonitorError, PolicyError, tell_failure, why_of_system
from low_income.settings import contracts, policy
from low_income.settings.places import Gazetteer, Place, fold_place
from low_income.settings.policy import Policy
from low_income.settings.strict_yaml import Code, Misplaced, Strict, line_of, read_shape, read_yaml, written

SAMPLE = ROOT / "data_samples" / "monitor.yml"
"""The file that `monitor init` copies to monitor.yml."""
KEY_BYTES = 32
PART = ".part-"
"""Start of the name of an unfinished file or folder, in folders that only we write."""
BLANKS = "空白模板"
"""The folder in a unit's returns/ with the blank workbooks of what the unit may send."""

UnitKind = Literal["bureau", "division", "partner"]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Whole = Annotated[int, Field(strict=True, ge=1)]
_ENV = r"env:[A-Za-z_]\w*"
_NAME = r"[^\s./\x00-\x1f]{1,64}"


_zones = cache(available_timezones)
"""Names of all time zones: finding them walks through hundreds of files."""


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("应是时区名，如 Asia/Shanghai")
    return name


class Township(Strict):
    """A township of one division. Several divisions may have townships of the same name."""

    name: Text
    aliases: list[Text] = []
    is_border: bool = False


class Unit(Strict):
    """Who sends: the bureau, a division, or a partner bureau. `code` is also its folder's name."""

    code: Code
    name: Text
    kind: UnitKind
    aliases: list[Text] = []
    policy_region: Text | None = None
    """None for partners."""
    townships: list[Township] = []

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Unit:
        if self.code == "all":
            raise ValueError("all 表示全部单位，不能作单位代码")
        if (self.kind == "partner") != (self.policy_region is None):
            raise ValueError("本级和各区要写 policy_region，外部门不写")
        if self.townships and self.kind != "division":
            raise ValueError("只有区（division）有 townships")
        return self


class Limits(Strict):
    """What reading one small file may use: MiB of memory, and seconds of clock time. A large file gets more, by its size."""

    memory_mb: Whole = 1024
    seconds: Whole = 60
    files: Whole = 500
    """The most files taken from one unit in one night, the oldest first; counted apart for its inbox and its filled-in lists.
    The others wait for the next night."""
    unit_seconds: Whole = 3600
    """After this many seconds of clock time no further file of one unit is read that night; they wait. One is always read."""


class Retention(Strict):
    """How many or how long our own outputs are kept. How long people's records are kept is set in policy/."""

    releases: Whole = 7
    workbook_days: Whole = 180


class Notify(Strict):
    """Where the night's message goes in addition to outbox/, which always gets it."""

    webhook: (
        Annotated[Text, written(rf"https?://.+|{_ENV}", "应是 http:// 或 https:// 开头的网址，或 env:环境变量名")]
        | None
    ) = None
    """An address, or `env:NAME` where the address contains a secret."""
    smtp: Annotated[Text, written(r"[^\s:]+:\d{1,5}", "应是 主机:端口，如 mail.example.cn:465")] | None = None
    """`host:port`; account and password are in environment variables (`low_income.night.post`)."""
    sender: Text | None = None
    recipients: list[Text] = []

    @model_validator(mode="after")
    def _mail_is_whole(self) -> Notify:
        if len({self.smtp is None, self.sender is None, not self.recipients}) > 1:
            raise ValueError("发邮件要同时写 smtp、sender 和 recipients")
        return self


def _is_reference(url: str) -> str:
    if not re.fullmatch(r"(?:env:[A-Za-z_]\w*|airflow:[\w.-]+)", url):
        raise ValueError("写 env:环境变量名 或 airflow:连接名；数据库的地址和密码不写在这个文件里")
    return url


class Database(Strict):
    """A table of a partner's database, read every night as if the partner had sent it."""

    name: Annotated[str, written(r"[\w-]{1,40}", "只用文字、数字、下划线和横线，最多 40 个")]
    unit: str
    url: Annotated[str, AfterValidator(_is_reference)]
    """A reference to its SQLAlchemy address (`env:` or `airflow:`); never the address itself, which contains a password."""
    table: Annotated[
        str, written(rf"{_NAME}(\.{_NAME})?", "应是表名或 模式名.表名，名字里没有空格、点和斜线，各最多 64 个字")
    ]
    """Table or view; `schema.table` where the schema is not the account's own."""
    columns: dict[Text, Text] = {}
    """Column of the table → header as in a list. Empty: the columns have the names of a list."""
    chunk_rows: Whole = 50_000
    """Rows held in memory at a time."""
    seconds: Whole = 600
    """The most seconds that reading it may take."""

    @property
    def file_name(self) -> str:
        """What is shown in place of a file name."""
        return f"{self.name}/{self.table}"


class Settings(Strict):
    """The content of monitor.yml."""

    settle_seconds: Annotated[int, Field(strict=True, ge=0)] = 60
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "Asia/Shanghai"
    keys: Annotated[str, written(rf"keys|/\S.*|{_ENV}", "应是 keys、以 / 开头的文件夹，或 env:环境变量名")] = "keys"
    """The folder of the keys: `keys` in the home, or, for real data, a folder outside it: a path, or `env:` and a variable's name."""
    encrypted_by: Text | None = None
    """What encrypts the volume where this machine cannot see it (hardware, the virtualisation platform), and who said so."""
    encrypt_releases: Annotated[bool, Field(strict=True)] = False
    """Whether DuckDB encrypts the warehouse and the divisions' files with release.key (`low_income.records.seal`)."""
    ledger: Annotated[
        str, written(rf"sqlite|{_ENV}|[a-z0-9+]+://\S+", "应是 sqlite、数据库的地址，或 env:环境变量名")
    ] = "sqlite"
    limits: Limits = Limits()
    retention: Retention = Retention()
    notify: Notify = Notify()
    expected: dict[str, list[str]] = {}
    """Unit kind or unit code → kinds that it must deliver every month."""
    due_days: dict[str, Annotated[int, Field(strict=True, ge=1, le=31)]] = {}
    """Unit kind or unit code (the code wins) → day of the month: its night is the last in time for what is expected of the unit."""
    databases: list[Database] = []
    units: Annotated[list[Unit], Field(min_length=1)]

    @model_validator(mode="after")
    def _unambiguous(self) -> Settings:
        codes: set[str] = set()
        words: dict[str, str] = {}
        for at, unit in enumerate(self.units):
            if unit.code in codes:
                raise Misplaced(f"代码 {unit.code} 写了两次", "units", at, "code")
            codes.add(unit.code)
            for word in [unit.name, *unit.aliases]:
                if (other := words.setdefault(fold_place(word), unit.code)) != unit.code:
                    raise Misplaced(f"{unit.code} 的名称 {word} 也是 {other} 的，分不清", "units", at)
            townships: dict[str, str] = {}
            for township in unit.townships:
                for word in [township.name, *township.aliases]:
                    if township.name != (other := townships.setdefault(fold_place(word), township.name)):
                        raise Misplaced(f"{unit.code} 的 {word} 也是 {other} 的，分不清", "units", at, "townships")
            if len({township.name for township in unit.townships}) < len(unit.townships):
                raise Misplaced(f"{unit.code} 有同名的街道（乡镇）写了两次", "units", at, "townships")
        if sum(unit.kind == "bureau" for unit in self.units) != 1:
            raise Misplaced("本级（kind: bureau）应恰好有一个", "units")
        senders = {unit.kind for unit in self.units} | codes
        for key, named in (("expected", self.expected), ("due_days", self.due_days)):
            if unknown := sorted(set(named) - senders):
                raise Misplaced(f"{'、'.join(unknown)} 不是单位代码，也不是单位类别", key, unknown[0])
        return self

    @model_validator(mode="after")
    def _sources_are_known(self) -> Settings:
        codes = {unit.code for unit in self.units}
        for at, source in enumerate(self.databases):
            if source.unit not in codes:
                raise Misplaced(f"没有 {source.unit} 这个单位", "databases", at, "unit")
            if sum(other.name == source.name for other in self.databases) > 1:
                raise Misplaced(f"名称 {source.name} 写了两次", "databases", at, "name")
        return self


def _what_policy_lacks(folder: Path, missing: list[str]) -> str:
    """Which values a policy folder lacks, grouped by the file of the sample that contains them, and what to do."""
    files: dict[str, list[str]] = {}
    for key in missing:
        files.setdefault(policy.load().files[key], []).append(key)
    said = []
    for name, keys in sorted(files.items()):
        if (folder / name).exists():
            said.append(f"policy/{name} 里缺 {'、'.join(keys)}；照样例 {policy.POLICY / name} 补上")
        elif set(keys) == set(read_yaml(policy.POLICY / name, PolicyError)):
            said.append(f"缺 policy/{name}（{'、'.join(keys)}）；运行 monitor init 补上样例，再改成本局的值")
        else:
            said.append(f"policy/ 里缺 {'、'.join(keys)}；照样例 {policy.POLICY / name} 补上")
    return "。".join(said)


class Home:
    """The folders of one bureau. Settings, units and policy are read at first use.

    `Home(path)` only names folders. A night begins with `Home.open(path)`, which reads and checks all of it.
    """

    def __init__(self, root: Path):
        self.root = root.absolute()
        self.inbox = self.root / "inbox"
        self.archive = self.root / "archive"
        self.accepted = self.root / "accepted"
        self.returns = self.root / "returns"
        self.lists = self.root / "lists"
        self.decisions = self.root / "decisions"
        self.releases = self.root / "releases"
        self.work = self.root / "work"
        self.outbox = self.root / "outbox"
        self.policy_folder = self.root / "policy"
        self.config = self.root / "monitor.yml"
        self.warehouse = self.root / "warehouse.duckdb"
        """The link to the current release's warehouse."""

    @cached_property
    def keys(self) -> Path:
        """The folder of the keys, as monitor.yml says. Raises ConfigError when its variable is not set or is no full path."""
        named = self.settings.keys if self.config.is_file() else "keys"
        if named.startswith("env:"):
            named = os.environ.get(variable := named.removeprefix("env:"), "")
            if not Path(named).is_absolute():
                raise ConfigError(
                    f"monitor.yml:keys：环境变量 {variable} 没有设置，或不是完整路径；请设成密钥文件夹的完整路径，再运行一次"
                )
        return self.root / named

    @staticmethod
    def create(root: Path, keys: Path | None = None) -> list[str]:
        """`monitor init`: make what is missing in a home, and change nothing that is there.

        `keys`: the folder for a new home's keys, when it is not to be in the home; monitor.yml will name it. Returns the
        paths made, relative to the home, sorted; empty when nothing was missing. Only the owner can open the folders
        (0700). Raises ConfigError when an existing monitor.yml is not usable, or when a home that was in use lost its
        identity key: with a new key every person would get another person_id.
        """
        home = Home(root)
        if keys is not None:
            if home.config.exists() and home.keys != keys:
                raise ConfigError(f"monitor.yml:keys 写的是 {home.keys}；要换地方，先移走密钥文件，再改这一行")
            home.keys = keys.absolute()
        try:
            return sorted(home._create())
        except OSError as problem:
            raise ConfigError(f"{home.root}：建不了数据目录：{tell_failure(problem)}") from problem

    def _create(self) -> Iterator[str]:
        for folder in (
            self.root, self.inbox, self.archive, self.accepted, self.returns, self.lists, self.decisions,
            self.releases, self.work, self.outbox, self.keys,
        ):  # fmt: skip
            yield from self._make_folder(folder)
        if not self.identity_key_path.exists():
            if self.config.exists():
                raise ConfigError(
                    f"{self.identity_key_path}：密钥不见了；请从备份恢复，换新密钥会使以前的人员和预警全部对不上"
                )
            with atomically(self.identity_key_path, only_new=True) as part:
                part.write_bytes(secrets.token_bytes(KEY_BYTES))
            yield self._named(self.identity_key_path)
        if not self.policy_folder.exists():
            part_folder = Path(tempfile.mkdtemp(dir=self.root, prefix=PART))
            for path in sorted([*policy.POLICY.glob("*.yml"), policy.POLICY / policy.HOLIDAYS]):
                shutil.copyfile(path, part_folder / path.name)
                (part_folder / path.name).chmod(0o600)
            part_folder.rename(self.policy_folder)
            yield "policy/"
        else:
            yield from self._restore_policy()
        if not self.config.exists():
            with atomically(self.config, only_new=True) as part:
                shutil.copyfile(SAMPLE, part)
                if self.keys != self.root / "keys":
                    text = part.read_text(encoding="utf-8")
                    part.write_text(
                        text.replace("\nkeys: keys\n", f"\nkeys: {json.dumps(str(self.keys))}\n"), encoding="utf-8"
                    )
            yield "monitor.yml"
        for code in self.units:
            yield from self._make_folder(self.inbox / code)
            yield from self._make_folder(self.decisions / "inbox" / code)

    def _restore_policy(self) -> Iterator[str]:
        """Restore missing files of the sample policy, except a file of which a value is in another file of the home."""
        gone = [
            path for path in sorted([*policy.POLICY.glob("*.yml"), policy.POLICY / policy.HOLIDAYS])
            if not (self.policy_folder / path.name).exists()
        ]  # fmt: skip
        if not gone:
            return
        there = {key for path in self.policy_folder.glob("*.yml") for key in read_yaml(path, PolicyError)}
        for path in gone:
            if path.suffix == ".yml" and there & set(read_yaml(path, PolicyError)):
                continue
            with atomically(self.policy_folder / path.name, only_new=True) as part:
                shutil.copyfile(path, part)
                part.chmod(0o600)
            yield f"policy/{path.name}"

    def _make_folder(self, folder: Path) -> Iterator[str]:
        if not folder.is_dir():
            if not folder.parent.is_dir():
                yield from self._make_folder(folder.parent)
            folder.mkdir(mode=0o700)
            folder.chmod(0o700)  # mkdir alone depends on the umask
            if folder == self.keys or folder.is_relative_to(self.root):
                yield f"{self._named(folder)}/"

    def _named(self, path: Path) -> str:
        return str(path.relative_to(self.root) if path.is_relative_to(self.root) else path)

    @staticmethod
    def open(root: Path) -> Home:
        """A home on which a night may start: configuration, policy and key are read and checked.

        Raises ConfigError or PolicyError, which names the file, the key, and what is expected.
        """
        home = Home(root)
        known = contracts.load().kinds
        for sender, kinds in home.settings.expected.items():
            if unknown := sorted(set(kinds) - set(known)):
                raise ConfigError(
                    f"monitor.yml:expected.{sender}：没有 {'、'.join(unknown)} 这种数据；请照名词表（docs/glossary.md）的名称写"
                    f"{line_of(home.config, 'expected', sender)}"
                )
        if missing := sorted(policy.needed() - set(home.policy.titles)):
            raise PolicyError(_what_policy_lacks(home.policy_folder, missing))
        home.identity_key()
        return home

    @cached_property
    def settings(self) -> Settings:
        """The content of monitor.yml. Raises ConfigError."""
        if not self.config.is_file():
            raise ConfigError(f"{self.root}：这里还没有 monitor.yml，请先运行 monitor init")
        return read_shape(Settings, self.config, read_yaml(self.config, ConfigError), ConfigError)

    @cached_property
    def units(self) -> dict[str, Unit]:
        """Code → unit, in the order of monitor.yml. Raises ConfigError."""
        return {unit.code: unit for unit in self.settings.units}

    @cached_property
    def policy(self) -> Policy:
        """This home's own policy values. Raises PolicyError."""
        for path in (self.policy_folder, self.policy_folder / policy.HOLIDAYS):
            if not path.exists():
                raise PolicyError(f"缺 {path.relative_to(self.root)}；运行 monitor init 补上样例，再改成本局的")
        return policy.load(
            self.policy_folder, {unit.policy_region for unit in self.settings.units if unit.policy_region}
        )

    @cached_property
    def time_zone(self) -> ZoneInfo:
        """The time zone of the bureau's days."""
        return ZoneInfo(self.settings.time_zone)

    @property
    def ledger_url(self) -> str:
        """SQLAlchemy URL of the ledger. Raises ConfigError when its environment variable is not set."""
        ledger = self.settings.ledger
        if ledger == "sqlite":
            return f"sqlite:///{self.root / 'ledger.db'}"
        if ledger.startswith("env:"):
            url = os.environ.get(ledger.removeprefix("env:"))
            if not url:
                raise ConfigError(
                    f"monitor.yml:ledger：没有设置环境变量 {ledger.removeprefix('env:')}；请设成运行记录库的数据库地址，再运行一次"
                )
            return url
        return ledger

    @property
    def identity_key_path(self) -> Path:
        """Path of identity.key in the folder of the keys."""
        return self.keys / "identity.key"

    def identity_key(self) -> bytes:
        """The deployment's key for person_id (32 bytes). Raises ConfigError when it is missing, has another length, or others can read it."""
        key = read_key(self.identity_key_path)
        if len(key) != KEY_BYTES:
            raise ConfigError(f"{self.identity_key_path}：长度是 {len(key)} 字节，应是 {KEY_BYTES}；请从备份恢复")
        return key

    @cached_property
    def expected(self) -> list[tuple[str, str]]:
        """(unit code, kind) of each list that must be delivered every month, sorted."""
        return sorted(
            {
                (unit.code, kind)
                for sender, kinds in self.settings.expected.items()
                for unit in self.settings.units
                if sender in (unit.code, unit.kind)
                for kind in kinds
            }
        )

    def due_day(self, unit: str) -> int:
        """Day of the month whose night is the last in time for the unit's lists; 31 (the last day of any month) where none is set."""
        days = self.settings.due_days
        return days.get(unit, days.get(self.units[unit].kind, 31))

    def due_on(self, unit: str, month: str) -> date:
        """The last night in time for the unit's lists of a month (`YYYY-MM`), the same as in `registry.delivery`."""
        year, number = int(month[:4]), int(month[5:7])
        return date(year, number, min(self.due_day(unit), monthrange(year, number)[1]))

    def places(self, texts: Iterable[str], division: str | None = None) -> dict[str, list[Place]]:
        """Each distinct text (township cell, address) → the (division code, township name) pairs that it may mean, sorted.

        The township is '' when the text names only a division. More than one pair means that the text is ambiguous. When
        some candidates are in the sending `division`, only these are given.
        """
        return self.gazetteer.places(texts, division)

    @cached_property
    def gazetteer(self) -> Gazetteer:
        """The places of all divisions."""
        divisions = [unit for unit in self.settings.units if unit.kind == "division"]
        return Gazetteer(
            {unit.code: [unit.name, *unit.aliases] for unit in divisions},
            {unit.code: {place.name: [place.name, *place.aliases] for place in unit.townships} for unit in divisions},
        )


_DOORS = ("", "inbox", "decisions", "decisions/inbox")
"""Folders on the path to a sender's drop folder: the sender's account may enter them, but not read or write them."""


def forbidden_mode(place: str) -> int:
    """The mode bits that a file or folder of a home may not have; `place` is its path below the home, '' for the home itself."""
    if place in _DOORS:
        return 0o066
    if is_dropped(place):
        return 0  # the sender sets the mode; the folder around it is closed to others
    # A drop folder belongs to its sender's account. Its group or an access list lets our account in.
    return 0o007 if is_drop_folder(place) else 0o077


def is_drop_folder(place: str) -> bool:
    """Whether the path is the drop folder of one sender."""
    return bool(re.fullmatch(r"(?:decisions/)?inbox/[^/]+", place))


def is_dropped(place: str) -> bool:
    """Whether the path is inside a sender's drop folder."""
    return bool(re.match(r"(?:decisions/)?inbox/[^/]+/.", place))


def verify_modes(home: Home) -> None:
    """Raise ConfigError, with what to do, when others may read or write the home, its folders, journal, ledger or keys.

    Files inside a closed folder are not checked here; `monitor doctor` checks them.
    """
    names = ("", "monitor.yml", "journal.jsonl", "ledger.db", "decisions/inbox", *(
        folder.name for folder in (
            home.inbox, home.archive, home.accepted, home.returns, home.lists, home.decisions, home.releases, home.work,
            home.outbox, home.policy_folder,
        )
    ))  # fmt: skip
    places = {home.root / name: forbidden_mode(name) for name in names} | {home.keys: 0o077}
    places |= dict.fromkeys(home.keys.glob("*.key"), 0o077)
    for path, forbidden in places.items():
        with suppress(FileNotFoundError):
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & forbidden:
                raise ConfigError(
                    f"{path}：权限是 {mode:04o}，别人也能读写；这一次没有开始。请运行 chmod -R go-rwx {path}"
                    "（收件箱里各单位的文件夹随后再改回 2770），再看 monitor doctor"
                )


def read_key(path: Path) -> bytes:
    """The bytes of a key file. Raises ConfigError when it cannot be read, or when others can read it too."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            key = file.read()
    except OSError as problem:
        raise ConfigError(f"{path}：读不了密钥：{why_of_system(problem)}；请从备份恢复") from problem
    if mode & 0o077:
        raise ConfigError(f"{path}：权限是 {mode:04o}，别人也能读；应是 0600（chmod 600）")
    return key


def validate_day(day: date, today: date, *, really: bool = False, insist: str = "") -> None:
    """Raise MonitorError for a day later than the one after `today`, unless `really` is set.

    What is written or removed for such a day cannot be undone. `insist` tells the user how to insist; '' where that is not possible.
    """
    if day > today + timedelta(days=1) and not really:
        raise MonitorError(
            f"{day} 还没有到（今天是 {today}）：按将来的日期做，名单会被当作过期，该保存的会被清除，以后的夜晚也成不了当前的一版。"
            f"核对日期{f'；确实要这样做，{insist}' if insist else ''}"
        )


def keep_to_owner() -> None:
    """From now on, files of this process and its children are for the owner only, and a crash writes no core dump.

    This also covers files that DuckDB writes, whatever the umask at the start. A core dump would contain people's rows unencrypted.
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextmanager
def atomically(path: Path, *, mode: int = 0o600, only_new: bool = False) -> Iterator[Path]:
    """Write a file whole or not at all: write to the path given; at the end of the block it is synced and renamed.

    When the block raises an error, the part is removed; after a crash a `.part-*` file may remain (`sweep`). `only_new`: raise
    FileExistsError instead of replacing a file.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=PART)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(mode)
        sync(part)
        if only_new:
            os.link(part, path)
        else:
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sync(path.parent)


def sweep(home: Home) -> list[str]:
    """Remove the unfinished files of a process that died; returns their paths below the home, sorted.

    The caller must hold the home alone. Folders in which people put files (inbox/, decisions/) are left as they are.
    """
    ours = (home.archive, home.accepted, home.returns, home.lists, home.releases, home.outbox, home.keys)
    left = [*home.root.glob(f"{PART}*"), *(path for folder in ours for path in folder.rglob(f"{PART}*"))]
    for path in left:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)  # it may be inside one that is already removed
        else:
            path.unlink(missing_ok=True)
    return sorted(str(path.relative_to(home.root)) for path in left)


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Force a file's content, or a folder's list of names, to the disk (fsync)."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
