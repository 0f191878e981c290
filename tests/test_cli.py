"""Every command as its user types it: what it prints, in Chinese, and how it exits."""

import fcntl
import json
import re
import sys

import pytest
from openpyxl import load_workbook

from pipeline import cli, contracts
from tests.night_kit import DAY, PERSON, ask, book, copy_home, new_home, night_of_the_bureau, number, person

COMMANDS = ("init", "run", "check", "template", "status", "explain", "generate", "bench")


@pytest.fixture
def monitor(monkeypatch, capsys):
    """Runs `monitor …`; gives (exit code, stdout, stderr)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["monitor", *map(str, arguments)])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return code, printed.out, printed.err

    return call


@pytest.fixture(scope="module")
def bureau(tmp_path_factory):
    return night_of_the_bureau(tmp_path_factory)


@pytest.fixture
def home(tmp_path):
    return new_home(tmp_path / "home")


def test_help_is_chinese_for_every_command(monitor):
    code, text, _ = monitor("--help")
    assert code == 0
    assert set(re.findall(r"^  ([a-z]+)  ", text, re.MULTILINE)) >= set(COMMANDS)
    for command in COMMANDS:
        code, text, _ = monitor(command, "--help")
        said = [line for line in text.splitlines() if line.strip() and not line.startswith(("Usage", "Options"))]
        assert code == 0
        assert re.search(r"[\u4e00-\u9fff]{4}", said[0]), command


@pytest.mark.parametrize(
    "wrong",
    [
        ("nothing",), ("run", "--date", "2026-13-01"), ("run", "--no-such"), ("check",), ("check", "/no/such/file.xlsx"),
        ("template", "no_such_kind"), ("explain",), ("generate", "--people", "299", "--date", "2026-10-31", "x"),
    ],
)  # fmt: skip
def test_wrong_use_exits_2_and_says_why(monitor, home, wrong):
    code, out, err = monitor("--home", home, *wrong)
    assert (code, out) == (2, "")
    assert err.strip()


def test_init_makes_a_home_once(monitor, tmp_path):
    code, text, _ = monitor("--home", tmp_path / "new", "init")
    assert code == 0 and "建好" in text
    code, text, _ = monitor("--home", tmp_path / "new", "init", "--json")
    assert code == 0 and json.loads(text) == {"home": str(tmp_path / "new"), "made": []}


@pytest.mark.parametrize("command", [("run",), ("status",), ("explain", "ab12"), ("run", "--json")])
def test_without_a_home_each_command_says_what_to_do(monitor, tmp_path, command):
    (tmp_path / "empty").mkdir()
    code, out, err = monitor("--home", tmp_path / "empty", *command, "--date", DAY)
    assert (code, out) == (1, "")
    assert "monitor init" in err


def test_a_key_that_is_not_known_stops_the_night_by_name(monitor, home):
    with (home / "monitor.yml").open("a", encoding="utf-8") as file:
        file.write("setle_seconds: 3\n")
    code, _, err = monitor("--home", home, "run", "--date", DAY)
    assert code == 1
    assert "monitor.yml" in err and "setle_seconds" in err


@pytest.mark.slow
def test_a_night_says_what_it_did_and_status_says_how_it_stands(monitor, home):
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(n) for n in range(1, 4)])
    code, text, err = monitor("--home", home, "run", "--date", DAY)
    assert (code, err) == (0, "")
    assert "2026-10-31 这一夜已完成" in text and "releases/1" in text
    code, text, _ = monitor("--home", home, "run", "--date", DAY, "--json")
    told = json.loads(text)
    assert code == 0 and told["date"] == "2026-10-31" and told["rows"]["main.submission"] == 1
    code, text, _ = monitor("--home", home, "status", "--date", DAY)
    assert code == 0 and "青禾" in text and "收到 1 份" in text
    code, text, _ = monitor("--home", home, "status", "--date", DAY, "--json")
    [received] = json.loads(text)["received"]
    assert code == 0 and (received["unit_code"], received["rows_read"]) == ("d01", 3)


def test_a_second_run_names_the_owner_of_the_first(monitor, home):
    with (home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("office:4711")
        lock.flush()
        code, out, err = monitor("--home", home, "run", "--date", DAY)
    assert (code, out) == (1, "")
    assert "正在运行" in err and "office:4711" in err


# check -----------------------------------------------------------------------------------------------------------------


def test_check_of_a_good_file(monitor, home, tmp_path):
    path = book(tmp_path / "边缘人员.xlsx", PERSON, [person(1), person(2)])
    code, text, _ = monitor("--home", home, "check", path, "--unit", "d01", "--date", DAY)
    assert code == 0 and "读到 2 行,可接收 2 行" in text
    assert (tmp_path / "边缘人员.检查结果.xlsx").exists()
    assert not list((home / "archive").iterdir()) and not (home / "warehouse.duckdb").exists()


def test_check_of_a_bad_file_marks_a_copy_and_exits_1(monitor, home, tmp_path):
    path = book(tmp_path / "边缘人员.xlsx", PERSON, [person(1), (person(2)[0], number(2)[:-1], *person(2)[2:])])
    before = path.read_bytes()
    code, text, _ = monitor("--home", home, "check", path, "--unit", "d01", "--date", DAY)
    assert code == 1 and "要退回 1 行" in text and "[退回]" in text
    assert number(2)[:-1] not in text
    marked = load_workbook(tmp_path / "边缘人员.检查结果.xlsx")
    assert marked["Sheet1"]["B3"].comment is not None and marked["Sheet1"]["B2"].comment is None
    assert path.read_bytes() == before
    code, text, _ = monitor("--home", home, "check", path, "--json", "--date", DAY)
    told = json.loads(text)
    assert code == 1 and told["must_fix"] >= 1 and told["kinds"][0]["set_aside"] == 1


def test_check_of_what_is_no_list_says_why(monitor, home, tmp_path):
    path = book(tmp_path / "库存.xlsx", ("品名", "数量"), [("大米", "3")])
    code, text, _ = monitor("--home", home, "check", path, "--date", DAY)
    assert code == 1 and "不能接收" in text and "怎么办" in text
    code, _, err = monitor("--home", home, "check", path, "--unit", "d99", "--date", DAY)
    assert code == 1 and "没有“d99”这个单位" in err


def test_check_on_a_computer_without_a_home_leaves_out_only_the_places(monitor, tmp_path, monkeypatch):
    monkeypatch.delenv("MONITOR_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    path = book(tmp_path / "边缘人员.xlsx", PERSON, [person(1), (person(2)[0], number(2)[:-1], *person(2)[2:])])
    code, text, _ = monitor("check", path, "--date", DAY)
    assert code == 1 and "要退回 1 行" in text and "没有核对" in text
    assert {each.name for each in tmp_path.iterdir()} == {"边缘人员.检查结果.xlsx", "边缘人员.xlsx"}
    code, _, err = monitor("check", path, "--unit", "d01", "--date", DAY)
    assert code == 1 and "不写 --unit" in err
    code, _, err = monitor("--home", tmp_path / "no such", "check", path, "--date", DAY)
    assert code == 1 and "monitor init" in err


# template, explain, generate -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(contracts.load().kinds))
def test_a_template_of_each_kind_by_name_and_by_title(monitor, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    code, text, _ = monitor("template", kind, "--out", tmp_path / "blank.xlsx", "--json")
    assert code == 0 and json.loads(text) == {"kind": kind, "file": str(tmp_path / "blank.xlsx")}
    title = contracts.load().kinds[kind].title
    code, text, _ = monitor("template", title)
    assert code == 0 and title in text
    cells = {
        str(cell)
        for sheet in load_workbook(f"{title}.xlsx")
        for row in sheet.iter_rows(values_only=True)
        for cell in row
    }
    required = [column.header for column in contracts.load().kinds[kind].columns.values() if column.required is True]
    assert required and all(any(header in cell for cell in cells) for header in required)


@pytest.mark.slow
def test_explain_reaches_file_sheet_row_and_column(monitor, bureau, tmp_path):
    home = copy_home(bureau, tmp_path / "home")
    [(warning_id, evidence)] = ask(
        home, "select warning_id, cast(evidence as varchar) from warning where rule_code = 'A04' order by 1 limit 1"
    )
    fact = next(each for each in json.loads(evidence) if each["row"])
    code, text, _ = monitor("--home", home, "explain", warning_id)
    assert code == 0
    flat = re.sub(r"[\s│]", "", text)
    for word in (fact["file_name"], fact["sheet"], str(fact["row"]), fact["column"], fact["header"], "A04"):
        assert re.sub(r"\s", "", str(word)) in flat
    assert not re.search(r"(?<!\d)99\d{15}[\dX]", text)
    code, text, _ = monitor("--home", home, "explain", warning_id[:10], "--json")
    assert code == 0 and json.loads(text)
    code, out, err = monitor("--home", home, "explain", "ffff0000ffff")
    assert (code, out) == (1, "") and re.search(r"[\u4e00-\u9fff]{4}", err)


def test_explain_before_anything_is_published(monitor, home):
    code, _, err = monitor("--home", home, "explain", "ab12", "--date", DAY)
    assert code == 1 and "还没有发布过" in err


def test_generate_fills_an_empty_folder_only(monitor, tmp_path):
    target = tmp_path / "invented"
    arguments = ("generate", "--people", 300, "--partner-rows", 0, "--date", DAY, target)
    code, text, _ = monitor(*arguments, "--json")
    assert code == 0 and json.loads(text)["files"] == sum(path.is_file() for path in (target / "inbox").rglob("*"))
    code, _, err = monitor(*arguments)
    assert code == 1 and "请换一个空的文件夹" in err
