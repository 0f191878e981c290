"""A home: made once, never changed by making it again, refused when it could be misread; and places in free text."""

from __future__ import annotations

import csv
import os
import re
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from low_income.model import ConfigError, PolicyError
from low_income.settings import home as home_module
from low_income.settings import policy
from low_income.settings.home import SAMPLE, Home, atomically
from low_income.settings.places import Gazetteer, fold_place


def everything(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Path → mode, modification time, content of all that a home holds."""
    return {
        str(path.relative_to(root)): (
            path.stat().st_mode,
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(root.rglob("*"))
    }


def edit(home: Home, old: str, new: str) -> Home:
    text = home.config.read_text(encoding="utf-8")
    assert old in text
    home.config.write_text(text.replace(old, new, 1), encoding="utf-8")
    return Home(home.root)


def refusal(home: Home, old: str, new: str) -> str:
    with pytest.raises(ConfigError) as refused:
        Home.open(edit(home, old, new).root)
    return str(refused.value)


# ---- init


def test_init_makes_the_sample_bureau(home: Home) -> None:
    assert [unit.code for unit in home.units.values() if unit.kind == "division"] == [f"d{n:02}" for n in range(1, 15)]
    assert {path.name for path in home.inbox.iterdir()} == set(home.units)
    assert {path.name for path in (home.decisions / "inbox").iterdir()} == set(home.units)
    assert sum(len(unit.townships) for unit in home.units.values()) == 71
    assert {(unit.code, place.name) for unit in home.units.values() for place in unit.townships if place.is_border} == {
        ("d04", "新河镇"),
        ("d11", "柳园镇"),
        ("d14", "大桥镇"),
    }


def test_init_is_for_the_owner_alone(home: Home) -> None:
    for path in [home.root, *home.root.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert stat.S_IMODE((home.keys / "identity.key").stat().st_mode) == 0o600
    assert len(home.identity_key()) == 32


def test_init_again_changes_nothing_and_says_so(home: Home) -> None:
    before = everything(home.root)
    assert Home.create(home.root) == []
    assert everything(home.root) == before


def test_init_again_makes_only_what_is_missing(home: Home) -> None:
    (home.inbox / "d07").rmdir()
    edit(home, "units:\n", "units:\n  - {code: tax, name: 税务局, kind: partner}\n")
    assert Home.create(home.root) == ["decisions/inbox/tax/", "inbox/d07/", "inbox/tax/"]


def test_init_again_restores_a_policy_file_that_is_gone_and_every_command_says_so(home: Home) -> None:
    for name in ("grants.yml", "holidays.csv"):
        (home.policy_folder / name).unlink()
    assert Home.create(home.root) == ["policy/grants.yml", "policy/holidays.csv"]
    for name in ("grants.yml", "holidays.csv"):
        assert (home.policy_folder / name).read_bytes() == (policy.POLICY / name).read_bytes()
    Home.open(home.root)
    (home.policy_folder / "grants.yml").unlink()
    with pytest.raises(PolicyError, match=r"缺 policy/grants\.yml（.*grant_deadline.*）；运行 monitor init 补上样例"):
        Home.open(home.root)
    (home.policy_folder / "holidays.csv").unlink()
    with pytest.raises(PolicyError, match=r"缺 policy/holidays\.csv；运行 monitor init"):
        Home.open(home.root)


def test_init_restores_no_policy_file_whose_values_stand_in_another_one(home: Home) -> None:
    (home.policy_folder / "grants.yml").rename(home.policy_folder / "own.yml")
    assert Home.create(home.root) == []
    Home.open(home.root)


def test_two_homes_have_different_keys(tmp_path: Path) -> None:
    for name in ("a", "b"):
        Home.create(tmp_path / name)
    assert Home(tmp_path / "a").identity_key() != Home(tmp_path / "b").identity_key()


def test_a_lost_key_is_never_replaced(home: Home) -> None:
    (home.keys / "identity.key").unlink()
    with pytest.raises(ConfigError, match="备份"):
        Home.create(home.root)
    with pytest.raises(ConfigError, match=r"identity\.key"):
        Home.open(home.root)


def test_init_interrupted_before_the_configuration_is_completed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home_module, "SAMPLE", tmp_path / "nowhere")
    with pytest.raises(ConfigError):
        Home.create(tmp_path / "home")
    key = Home(tmp_path / "home").identity_key()
    monkeypatch.setattr(home_module, "SAMPLE", SAMPLE)
    Home.create(tmp_path / "home")
    assert Home.open(tmp_path / "home").identity_key() == key
    assert not list((tmp_path / "home").rglob(".p*"))


def test_init_where_a_file_stands_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(ConfigError, match="建不了"):
        Home.create(tmp_path / "home")


# ---- strictness


def test_a_folder_without_configuration_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="monitor init"):
        Home.open(tmp_path)


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o601])
def test_a_key_that_others_may_touch_is_refused(home: Home, mode: int) -> None:
    home.identity_key_path.chmod(mode)
    with pytest.raises(ConfigError, match="0600"):
        home.identity_key()


def test_a_key_for_reading_only_is_fine(home: Home) -> None:
    home.identity_key_path.chmod(0o400)
    assert len(home.identity_key()) == 32


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_is_refused(home: Home, length: int) -> None:
    home.identity_key_path.write_bytes(b"k" * length)
    with pytest.raises(ConfigError, match=f"{length} 字节"):
        home.identity_key()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("settle_seconds: 60", "settle_seconds: 60\nsettle_second: 5", "settle_second"),
        ("settle_seconds: 60", "settle_seconds: 60\nsettle_seconds: 5", "重复的键"),
        ("settle_seconds: 60", "settle_seconds: -1", "settle_seconds"),
        ("settle_seconds: 60", "settle_seconds: true", "settle_seconds"),
        ("Asia/Shanghai", "Asia/Beijing", "time_zone"),
        ("ledger: sqlite", "ledger: sqlight", "ledger"),
        ("memory_mb: 1024", "memory_mb: 0", "limits.memory_mb"),
        ("notify: {}", "notify: {smtp: 'localhost:25'}", "notify"),
        ("kind: bureau", "kind: office", "units 第 1 项的 kind"),
        ("code: d02", "code: d01", "d01 写了两次"),
        ("code: d02", "code: ../d02", "units 第 3 项的 code"),
        ("code: d02", "code: all", "all"),
        ("aliases: [云岫, 云岫区民政局]", "aliases: [云岫, 青禾]", "青禾 也是 d01 的"),
        ("aliases: [云岫, 云岫区民政局]", "aliases: [云岫, 青 禾 区]", "也是 d01 的"),
        ("name: 向阳镇, aliases: [向阳,", "name: 向阳镇, aliases: [北营,", "北营 也是 北营镇 的"),
        ("name: 向阳镇,", "name: 北营镇,", "townships：d01 有同名"),
        ("name: 民政局（本级）\n    kind: bureau", "name: 民政局（本级）\n    kind: division", "恰好有一个"),
        ("  - code: d02\n", "  - code: d02\n    color: red\n", "units 第 3 项的 color"),
        ("kind: partner", "kind: partner\n    policy_region: 北片", "policy_region"),
        ("policy_region: 中片\n", "\n", "policy_region"),
        ("expected:\n", "expected:\n  d99: [dibao_person]\n", "d99"),
        ("[medical_expense]", "[medical_expanse]", "没有 medical_expanse 这种数据"),
        ("[medical_expense]", "[medical_expanse]", "（第 22 行）"),
        ("code: d02", "code: d01", "units 第 3 项的 code：代码 d01 写了两次（第 52 行）"),
        ("  education: [", "  eduction: [", "expected.eduction：eduction 不是单位代码，也不是单位类别（第 26 行）"),
        ("    name: 青禾区", "\tname: 青禾区", "第 42 行开头用了制表符"),
    ],
)
def test_a_configuration_that_could_be_misread_is_refused_by_name(home: Home, old: str, new: str, says: str) -> None:
    message = refusal(home, old, new)
    assert "monitor.yml" in message
    assert says in message


SOURCE = "databases: [{name: %s, unit: d01, url: 'env:X', table: %s}]"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("ledger: sqlite", "ledger: sqlight", "ledger：写法不对，应是 sqlite、数据库的地址，或 env:环境变量名"),
        ("ledger: sqlite", "ledger: env:1", "ledger：写法不对，应是 sqlite"),
        (
            "keys: keys",
            "keys: ../keys",
            "keys：写法不对，应是 keys、以 / 开头的文件夹，或 env:环境变量名",
        ),
        ("notify: {}", "notify: {webhook: 'ftp://x'}", "notify.webhook：写法不对，应是 http:// 或 https:// 开头的网址"),
        ("notify: {}", "notify: {smtp: mail}", "notify.smtp：写法不对，应是 主机:端口，如 mail.example.cn:465"),
        (
            "databases: []",
            SOURCE % ("a/b", "t"),
            "databases 第 1 项的 name：写法不对，只用文字、数字、下划线和横线，最多 40 个",
        ),
        ("databases: []", SOURCE % ("a", "a.b.c"), "databases 第 1 项的 table：写法不对，应是表名或 模式名.表名"),
        (
            "code: d02",
            "code: D02",
            "units 第 3 项的 code：写法不对，应以小写字母开头，只用小写字母、数字和下划线，最多 40 个",
        ),
    ],
)
def test_how_something_is_written_is_told_in_words_and_not_as_a_pattern(
    home: Home, old: str, new: str, says: str
) -> None:
    message = refusal(home, old, new)
    assert says in message
    assert not re.search(r"[\[\]\\^$*]", message)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ledger: sqlite", "ledger: postgresql+psycopg://u:p@h/d"), ("ledger: sqlite", "ledger: env:MONITOR_LEDGER"),
        ("notify: {}", "notify: {webhook: 'https://example.cn/x'}"), ("notify: {}", "notify: {webhook: 'env:HOOK'}"),
        ("databases: []", SOURCE % ("医保-1", "hr.v_pay")),
    ],
)  # fmt: skip
def test_what_is_written_as_it_should_be_is_taken(home: Home, old: str, new: str) -> None:
    text = home.config.read_text(encoding="utf-8")
    assert old in text
    home.config.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert Home(home.root).settings


def test_a_policy_value_for_a_region_nobody_has_is_refused(home: Home) -> None:
    text = home.config.read_text(encoding="utf-8").replace("policy_region: 南片", "policy_region: 中片")
    home.config.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=r"policy/dibao\.yml:dibao_standard.*南片"):
        Home.open(home.root)


def test_a_policy_key_that_the_rules_ask_for_must_be_there(home: Home) -> None:
    path = home.policy_folder / "grants.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("grant_deadline:", "grant_dedline:", 1), encoding="utf-8")
    with pytest.raises(PolicyError, match="grant_deadline"):
        Home.open(home.root)


def test_the_homes_own_policy_is_what_holds(home: Home) -> None:
    path = home.policy_folder / "lists.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("value: 180", "value: 90"), encoding="utf-8")
    opened = Home.open(home.root)
    assert opened.policy.digest() != home.policy.digest()


# ---- what is asked of a home


def test_ledger_urls(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert home.ledger_url == f"sqlite:///{home.root}/ledger.db"
    named = edit(home, "ledger: sqlite", "ledger: env:LEDGER_URL")
    with pytest.raises(ConfigError, match="LEDGER_URL"):
        _ = named.ledger_url
    monkeypatch.setenv("LEDGER_URL", "postgresql://h/db")
    assert named.ledger_url == "postgresql://h/db"
    assert edit(home, "ledger: env:LEDGER_URL", "ledger: postgresql://h/x").ledger_url == "postgresql://h/x"


def test_expected_names_each_unit_of_a_kind(home: Home) -> None:
    assert ("d14", "dibao_person") in home.expected
    assert ("medical_insurance", "medical_expense") in home.expected
    assert not [unit for unit, _ in home.expected if unit == "bureau"]
    assert home.expected == sorted(set(home.expected))


def test_sample_policy_values_reach_every_division(home: Home) -> None:
    day = home.policy.values[-1].valid_from.replace(year=2026)
    for unit in home.units.values():
        if unit.policy_region:
            assert home.policy.value("dibao_standard", day, unit.policy_region, "农村").value_fen


def test_atomic_files_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), atomically(path) as part:
        part.write_bytes(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    with atomically(path) as part:
        part.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError), atomically(path, only_new=True) as part:
        part.write_bytes(b"newer")
    assert path.read_bytes() == b"new"
    assert [*tmp_path.iterdir()] == [path]


def disk_orders(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | int]]:
    """A list that grows: each file synced, with its size or "folder", and each new name, in the order in which it happened."""
    orders: list[tuple[str, str | int]] = []
    fsync, replace, link = os.fsync, os.replace, os.link

    def synced(handle: int) -> None:
        fsync(handle)
        found = os.fstat(handle)
        orders.append(("fsync", "folder" if stat.S_ISDIR(found.st_mode) else found.st_size))

    def named(do: Callable[..., None], *paths: Path) -> None:
        do(*paths)
        orders.append(("name", Path(paths[-1]).name))

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", partial(named, replace))
    monkeypatch.setattr(os, "link", partial(named, link))
    return orders


@pytest.mark.parametrize("only_new", [False, True])
def test_an_atomic_file_is_on_the_disk_before_its_name_and_its_name_before_the_call_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, only_new: bool
) -> None:
    orders = disk_orders(monkeypatch)
    with atomically(tmp_path / "book.xlsx", only_new=only_new) as part:
        part.write_bytes(b"whole")
    assert orders == [("fsync", len(b"whole")), ("name", "book.xlsx"), ("fsync", "folder")]


def test_atomic_files_may_have_the_longest_names(tmp_path: Path) -> None:
    path = tmp_path / ("名" * 83 + ".xlsx")
    with atomically(path) as part:
        part.write_bytes(b"")
    assert path.exists()


# ---- places


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Home:
    Home.create(tmp_path_factory.mktemp("places") / "home")
    return Home.open(next(tmp_path_factory.getbasetemp().glob("places*/home")))


NORTH_CAMPS = [(code, "北营镇") for code in ("d01", "d04", "d07", "d10", "d11", "d13", "d14")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("青禾区北营镇xx路3号", [("d01", "北营镇")]),
        ("青禾北营镇", [("d01", "北营镇")]),
        ("青 禾 区 北营镇", [("d01", "北营镇")]),
        ("青禾区民政局", [("d01", "")]),
        ("青禾", [("d01", "")]),
        # The trap: one division's name inside another's.
        ("小望山区北营镇", [("d14", "北营镇")]),
        ("望山区北营镇", [("d13", "北营镇")]),
        ("某市小望山区南渠镇5号", [("d14", "南渠镇")]),
        ("某市望山区南渠镇5号", [("d13", "南渠镇")]),
        ("小望山北营镇", [("d14", "北营镇")]),
        ("小望山区", [("d14", "")]),
        ("望山", [("d13", "")]),
        ("大望山区北营镇", []),
        ("老青禾区", []),
        # A township name alone is ambiguous where several divisions have it.
        ("北营", NORTH_CAMPS),
        ("北营镇", NORTH_CAMPS),
        ("北营镇东庄村3组", NORTH_CAMPS),
        # Short names are also the names of streets and villages.
        ("青禾区团结路5号", [("d01", "")]),
        ("青禾区向阳新村2栋", [("d01", "")]),
        ("青禾区大桥东路1号", [("d01", "")]),
        ("青禾区北营镇团结路5号", [("d01", "北营镇")]),
        ("青禾区北营东庄村", [("d01", "北营镇")]),
        ("团结路5号", []),
        ("青禾路5号", []),
        # Known division, unknown township; a township of another district; nothing at all.
        ("青禾区柳园镇", [("d01", "")]),
        ("外省某县石井镇", []),
        ("外省某区石井镇", []),
        ("上石井镇", []),
        ("", []),
        ("不详", []),
        # Two divisions named: whoever asks sees both.
        ("青禾区北营镇,现住望山区南渠镇", [("d01", "北营镇"), ("d13", "南渠镇")]),
        ("青禾区 望山区", [("d01", ""), ("d13", "")]),
    ],
)
def test_places_in_free_text(sample: Home, text: str, found: list[tuple[str, str]]) -> None:
    assert sample.places([text]) == {text: found}


def test_the_sending_division_decides_between_its_own_and_others(sample: Home) -> None:
    assert sample.places(["北营"], "d04") == {"北营": [("d04", "北营镇")]}
    others = sample.places(["柳园镇"], "d04")["柳园镇"]
    assert others and "d04" not in {division for division, _ in others}
    assert sample.places(["望山区北营镇"], "d14") == {"望山区北营镇": [("d13", "北营镇")]}


def test_every_sample_name_and_alias_is_found(sample: Home) -> None:
    for unit in sample.units.values():
        for place in unit.townships:
            for word in [place.name, *place.aliases, f"{unit.name}{place.name}东街1号"]:
                assert sample.places([word], unit.code)[word] == [(unit.code, place.name)], word


def test_the_sample_equals_the_list_of_townships(sample: Home) -> None:
    text = SAMPLE.read_text(encoding="utf-8")
    assert text.count("is_border: true") == 3
    assert len(list(csv.reader(line for line in text.splitlines() if line.startswith("      - {name")))) == 71


@given(
    st.lists(st.sampled_from(["小望山区", "望山区", "青禾", "北营镇", "团结", "路", "村", "市", "县", "住", " ", "x"]))
)
def test_what_is_found_is_ours_and_asking_twice_gives_the_same(words: list[str]) -> None:
    gazetteer = Gazetteer(
        {"d01": ["青禾区", "青禾"], "d13": ["望山区", "望山"], "d14": ["小望山区", "小望山"]},
        {"d01": {"北营镇": ["北营镇", "北营"], "团结镇": ["团结镇", "团结"]}, "d14": {"北营镇": ["北营镇"]}},
    )
    text = "".join(words)
    found = gazetteer.places([text, text])
    assert list(found) == [text]
    assert found == gazetteer.places([text])
    assert found[text] == sorted(set(found[text]))
    for division, _ in found[text]:
        name = {"d01": "青禾", "d13": "望山", "d14": "小望山"}[division]
        assert name in text or "北营镇" in text or fold_place(text) == "团结"
    if "望山区" not in text.replace("小望山区", ""):
        assert not [division for division, _ in found[text] if division == "d13"]
