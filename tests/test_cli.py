"""Every command as its user types it: what it prints, in Chinese, and how it exits."""

import errno
import fcntl
import io
import json
import os
import re
import subprocess
import sys
from datetime import timedelta

import pytest
from low_income import cli
from low_income.cli import nights
from low_income.cli.command import Context, Screen
from low_income.model import CORRECTION_HEADS, CORRECTION_SHEET, ROOT, MonitorError
from low_income.settings import contracts
from openpyxl import Workbook, load_workbook
from rich.cells import cell_len
from rich.panel import Panel
from rich.text import Text

from tests.night_kit import DAY, PERSON, ask, book, copy_home, new_home, night_of_the_bureau, number, person


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


NAMES = re.compile(r"(?<![\w-])--?[a-z][a-z-]*|\b[\w.-]*/[\w./-]*|\w*\.(?:xlsx|html|yml)\b")
"""Options, folders and files."""
NOUNS = {"monitor", "JSON", "DuckDB", "Airflow", "Markdown", "D", "S", *cli.monitor.commands}


def foreign(text):
    """Words of a text that are not Chinese and no names."""
    return set(re.findall(r"[A-Za-z]+(?:[-_][A-Za-z]+)*", NAMES.sub("", text))) - NOUNS


@pytest.mark.parametrize("command", [(), *((name,) for name in cli.monitor.commands)])
def test_help_is_chinese_for_every_command(monitor, command):
    code, text, err = monitor(*command, "--help")
    assert (code, err) == (0, "")
    assert foreign(text.replace("就是 var", "").replace("是 fuzz", "").replace("exception_validity", "")) == set()
    lines = text.splitlines()
    assert lines[0].startswith(f"用法：{' '.join(('monitor', *command))} [选项]") and "选项：" in lines
    assert re.search(r"[\u4e00-\u9fff]{4}", lines[2])
    assert max(map(cell_len, lines)) <= 80, "a terminal has 80 columns, and a Chinese character takes two"
    assert re.search(r"^  -h, --help +显示这一页$", text, re.MULTILINE)


def test_the_first_page_says_of_each_command_what_it_is_for(monitor):
    code, text, _ = monitor("--help")
    told = dict(re.findall(r"^  ([a-z][a-z-]+)  +(\S.*)$", text, re.MULTILINE))
    assert code == 0 and set(told) == {name for name, each in cli.monitor.commands.items() if not each.hidden}
    assert all(re.search(r"[\u4e00-\u9fff]{4}", each) for each in told.values())
    code, out, err = monitor()
    assert (code, out) == (2, "") and err == text


def test_help_says_what_an_option_takes_and_what_stands_for_it(monitor):
    _, text, _ = monitor("confirm", "--help")
    assert re.search(r"^  --by 文字 .*（必填）$", text, re.MULTILINE) and "monitor confirm [选项] 报送编号" in text
    _, text, _ = monitor("fuzz", "--help")
    assert "--minutes 数" in text and "（不写就是 5）" in text and "--corpus 文件夹" in text and "--keep 路径" in text
    _, text, _ = monitor("--version")
    assert re.fullmatch(r"monitor [\d.]+\n", text)


GENERATE = ("generate", "--date", "2026-10-31", "x")
WRONG = [
    (("nothing",), "没有 nothing 这个命令"),
    (("rnu",), "没有 rnu 这个命令，是不是 run？"),
    ((), "没有写命令"),
    (("run", "--no-such"), "没有 --no-such 这个选项"),
    (("run", "--dat"), "没有 --dat 这个选项，是不是 --date？"),
    (("run", "-x"), "没有 -x 这个选项"),
    (("run", "--date", "2026-13-01"), "--date：2026-13-01 不是日期，请写成 2026-10-31"),
    (("run", "--date"), "--date 后面要写日期"),
    (("run", "--json=3"), "--json 后面什么都不写"),
    (("run", "many", "words"), "多写了 many words"),
    (("check",), "没有写文件"),
    (("check", "/no/such/file.xlsx"), "没有 /no/such/file.xlsx 这个文件"),
    (("check", "/"), "/ 是文件夹，这里要写文件"),
    (("verify", "--against", "/no/such"), "--against：没有 /no/such 这个文件"),
    (("backtest", "--from", "2026-10-30", "--to", "2026-10-31", __file__), f"{__file__} 是文件，这里要写文件夹"),
    (("template", "no_such_kind"), "没有“no_such_kind”这种名单。可选："),
    (("explain",), "没有写预警编号"),
    (("why-not",), "没有写规则编号"),
    (("confirm", "x", "--because", "x"), "没有写 --by：谁确认的（姓名）"),
    ((*GENERATE, "--people", "299"), "--people：299 不行，请写 300 或更大的整数"),
    ((*GENERATE, "--people", "many"), "--people：many 不行，请写 300 或更大的整数"),
    ((*GENERATE, "--seed", "1.5"), "--seed：1.5 不行，请写整数"),
    (("fuzz", "--minutes", "0"), "--minutes：0 不行，请写大于 0 的数"),
    (("why-not", "-"), "写一条规则的编号，如 monitor why-not A01"),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG)
def test_wrong_use_exits_2_and_says_why_in_chinese(monitor, home, wrong, said):
    code, out, err = monitor("--home", home, *wrong)
    assert (code, out) == (2, "")
    assert err.startswith(f"用法不对：{said}")
    shown = re.sub(r"可选：.*", "", err)
    for word in sorted({str(home), *wrong, "A01"} - {"-", "/"}, key=len, reverse=True):
        shown = re.sub(rf"{re.escape(word)}(?![\w-])", "", shown)
    assert foreign(shown) == set()


def test_wrong_use_names_the_page_that_explains_it(monitor, home):
    _, _, err = monitor("--home", home, "confirm")
    assert err.splitlines()[1:] == ["用法：monitor confirm [选项] 报送编号", "说明：monitor confirm --help"]
    _, _, err = monitor("--home", home, "nothing")
    assert err.splitlines()[1:] == ["用法：monitor [选项] 命令 …", "说明：monitor --help"]


def test_init_makes_a_home_once(monitor, tmp_path):
    code, text, _ = monitor("--home", tmp_path / "new", "init")
    assert code == 0 and "建好" in text
    code, text, _ = monitor("--home", tmp_path / "new", "init", "--json")
    assert code == 0 and json.loads(text) == {"home": str(tmp_path / "new"), "made": []}


def test_new_keys_are_to_be_backed_up_where_they_lie(monitor, tmp_path):
    home, keys = tmp_path / "home", tmp_path / "elsewhere"
    assert monitor("--home", home, "init", "--keys", keys)[0] == 0
    code, text, said = monitor("--home", home, "rotate-keys")
    told = "".join(text.split())
    assert code == 0, said
    assert f"请备份{keys}/；以前的备份要用旧密钥才读得出。" in told


@pytest.mark.parametrize("command", [("run",), ("status",), ("explain", "ab12"), ("run", "--json")])
def test_without_a_home_each_command_says_what_to_do(monitor, tmp_path, command):
    (tmp_path / "empty").mkdir()
    code, out, err = monitor("--home", tmp_path / "empty", *command, "--date", DAY)
    assert (code, out) == (1, "")
    assert "monitor init" in err


def test_a_key_that_is_not_known_stops_the_night_by_name(monitor, home):
    with (home / "monitor.yml").open("a", encoding="utf-8") as file:
        file.write("setle_seconds: 3\n")
    code, _, err = monitor("--home", home, "run", "--really", "--date", DAY)
    assert code == 1
    assert "monitor.yml" in err and "setle_seconds" in err


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("confirmed", "（80 行）经确认可以收，运行 2026-10-30 或以后的一夜（monitor run）时入库。"),
        (
            "confirmed_gap",
            "经确认没有漏掉的人和记录，运行 2026-10-30 或以后的一夜（monitor run），名单不再因为它算作不完整。",
        ),
    ],
)
def test_a_confirmation_says_from_which_night_it_holds(monitor, home, monkeypatch, what, said):
    """Said for a past night, it does not wait for the next one."""
    told = {"what": what, "rows": 80, "unit": "青禾区", "file_name": "低保.xlsx", "lists": ["低保人员 2026-10"]}
    monkeypatch.setattr(
        "low_income.night.confirmations.confirm_submission", lambda *_, day, **__: told | {"night": day.isoformat()}
    )
    code, text, _ = monitor("--home", home, "confirm", "x", "--by", "某", "--because", "某", "--date", "2026-10-30")
    assert code == 0 and text.replace("\n", "") == f"已记下：青禾区《低保.xlsx》（低保人员 2026-10）{said}"


@pytest.mark.parametrize(
    ("came", "now", "said"),
    [
        (["d01", "d02"], ["d01", "d02"], "收到 2 个单位的文件"),
        (["d01", "d02"], ["d02"], "收到 2 个单位的文件，其中这一次 1 个"),
        (["d01", "d02"], [], "收到 2 个单位的文件，都是以前运行时收的，这一次没有新的"),
        ([], [], "收到 0 个单位的文件"),
    ],
)
def test_a_night_that_is_run_again_says_what_it_has_in_all(came, now, said):
    assert nights._came_words({"came": came, "came_now": now}) == said


@pytest.mark.slow
def test_a_night_says_what_it_did_and_status_says_how_it_stands(monitor, home):
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(n) for n in range(1, 4)])
    code, text, err = monitor("--home", home, "run", "--really", "--date", DAY)
    assert (code, err) == (0, "")
    assert "2026-10-31 这一夜已完成" in text and "releases/1" in text
    code, text, _ = monitor("--home", home, "run", "--really", "--date", DAY, "--json")
    told = json.loads(text)
    assert code == 0 and told["date"] == "2026-10-31" and told["rows"]["main.submission"] == 1
    assert (told["came"], told["came_now"]) == (["d01"], [])
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
        code, out, err = monitor("--home", home, "run", "--really", "--date", DAY)
    assert (code, out) == (1, "")
    assert "正在运行" in err and "office:4711" in err


# check -----------------------------------------------------------------------------------------------------------------


def test_check_of_a_good_file(monitor, home, tmp_path):
    path = book(tmp_path / "边缘人员.xlsx", PERSON, [person(1), person(2)])
    code, text, _ = monitor("--home", home, "check", path, "--unit", "d01", "--date", DAY)
    assert code == 0 and "读到 2 行，可接收 2 行" in text
    assert text.rstrip().endswith("只是检查，什么都没有收下：放进收件箱才算报送。")
    assert (tmp_path / "边缘人员.检查结果.xlsx").exists()
    assert not list((home / "archive").iterdir()) and not (home / "warehouse.duckdb").exists()


def test_check_of_a_bad_file_marks_a_copy_and_exits_1(monitor, home, tmp_path):
    path = book(tmp_path / "边缘人员.xlsx", PERSON, [person(1), (person(2)[0], number(2)[:-1], *person(2)[2:])])
    before = path.read_bytes()
    code, text, _ = monitor("--home", home, "check", path, "--unit", "d01", "--date", DAY)
    assert code == 1 and "要退回 1 行" in text and "1.【退回】" in text
    assert number(2)[:-1] not in text
    marked = load_workbook(tmp_path / "边缘人员.检查结果.xlsx")
    said = "".join(str(cell) for row in marked["问题清单"].iter_rows(values_only=True) for cell in row if cell)
    assert "只是检查，没有收下" in said and "入库" not in said
    assert marked["Sheet1"]["B3"].comment is not None and marked["Sheet1"]["B2"].comment is None
    assert path.read_bytes() == before
    code, text, _ = monitor("--home", home, "check", path, "--json", "--date", DAY)
    told = json.loads(text)
    assert code == 1 and told["must_fix"] >= 1 and told["kinds"][0]["set_aside"] == 1


def test_what_may_stay_as_it_is_comes_last_and_is_no_thing_to_do(monitor, home, tmp_path):
    path = book(tmp_path / "边缘人员.xlsx", PERSON, [person(1), person(1), person(2)])
    _, text, _ = monitor("--home", home, "check", path, "--unit", "d01", "--date", DAY)
    assert "没有发现要改的，可以上报" in text and "·【提醒】" in text and "件事" not in text
    path = book(tmp_path / "边缘人员.xlsx", PERSON, [person(1), person(1), ("", *person(2)[1:])])
    _, text, _ = monitor("--home", home, "check", path, "--unit", "d01", "--date", DAY)
    assert "您需要做的 1 件事：" in text and text.index("1.【退回】") < text.index("·【提醒】")


def test_files_that_differ_in_their_ending_only_have_each_a_copy_of_its_own(monitor, home, tmp_path):
    path = book(tmp_path / "边缘人员.xlsx", PERSON, [person(1)])
    other = tmp_path / "边缘人员.csv"
    other.write_text("\n".join(",".join(row) for row in (PERSON, person(2))) + "\n", encoding="utf-8")
    for each in (path, other):
        _, text, _ = monitor("--home", home, "check", each, "--unit", "d01", "--date", DAY)
        assert (
            f"{each.name}.检查结果.xlsx" in text.replace("\n", "")
            and (tmp_path / f"{each.name}.检查结果.xlsx").exists()
        )


def test_check_says_of_a_correction_workbook_what_it_is_and_not_that_it_may_be_sent(monitor, home, tmp_path):
    path = tmp_path / "边缘人员.更正.xlsx"
    made = Workbook()
    made.active.title = "更正1"
    for row in (["说明"], [*CORRECTION_HEADS, "姓名"], ["Sheet1", "2", "", "某甲"]):
        made.active.append(row)
    reference = made.create_sheet(CORRECTION_SHEET)
    reference.append([CORRECTION_SHEET, "b1"])
    reference.append(["更正1", "Sheet1", "1", '["姓名"]', "2"])
    made.save(path)
    code, text, _ = monitor("--home", home, "check", path, "--unit", "d01", "--date", DAY)
    assert code == 0 and "这是更正表，这里不能检查" in text
    assert "可以上报" not in text and "副本" not in text and list(tmp_path.glob("*.检查结果.xlsx")) == []


def test_a_policy_typo_is_told_once_and_nothing_of_a_forgetting(monitor, home):
    policy = home / "policy/dibao.yml"
    policy.write_text(policy.read_text(encoding="utf-8").replace("value: ", "valeu: ", 1), encoding="utf-8")
    code, _, said = monitor("--home", home, "run", "--date", DAY)
    assert code == 1 and said.strip().count("\n") == 0 and "清除" not in said
    assert "缺这一项；旁边不认识的“valeu”是不是写错了" in said


def test_check_of_what_is_no_list_says_why(monitor, home, tmp_path):
    path = book(tmp_path / "库存.xlsx", ("品名", "数量"), [("大米", "3")])
    code, text, _ = monitor("--home", home, "check", path, "--date", DAY)
    assert code == 1 and "不能接收" in text and "怎么办" in text and "什么都没有收下" in text
    path = book(tmp_path / "台账.xlsx", ("姓名", "民族", "与户主关系"), [("某甲", "某族", "户主")])
    assert monitor("--home", home, "check", path, "--date", DAY)[0] == 1
    copy = load_workbook(tmp_path / "台账.检查结果.xlsx")
    assert [cell.value for cell in copy.worksheets[1][2]] == ["某甲", None, "户主"], "it comes back with its data"
    said = [str(cell.value) for row in copy["问题清单"].iter_rows() for cell in row if cell.value]
    assert said[0] == "您需要做的 1 件事" and any("只是检查，什么都没有收下" in one for one in said)
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


# numbers ---------------------------------------------------------------------------------------------------------------

WRITTEN = [
    ("subject", number(1)),
    ("subject", "--because", "本人申请", number(1)),
    ("forget", f"{number(1)[:6]} {number(1)[6:14]} {number(1)[14:]}"),
    ("why-not", number(1), "A01"),
    ("why-not", "A01", number(1)),
    ("subject", "-", "--because", f"核对{number(1)}"),
    ("check", f"{number(1)}.xlsx"),
    ("template", number(1)),
    ("subject", f"{number(1)[:6]}{number(1)[8:17]}"),  # 15 digits, of the last century
    ("subject", number(1)[:17]),  # one digit short, yet somebody's
    (number(1),),
    ("explain", number(1), "x", "y"),
]


@pytest.mark.parametrize("words", WRITTEN)
def test_a_number_in_the_arguments_is_refused_and_not_repeated(monitor, home, words):
    code, out, err = monitor("--home", home, *words)
    assert (code, out) == (2, "") and "身份证号不写在命令里" in err
    assert not re.search(r"9901\d\d|19860501", err)


@pytest.mark.parametrize("command", [("subject", "-"), ("forget", "-"), ("why-not", "-", "A01")])
def test_a_number_comes_on_standard_input(monitor, home, monkeypatch, command):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{number(1)[:17]}\n"))
    code, out, err = monitor("--home", home, *command)
    assert (code, out) == (1, "") and ("不是可用的身份证号" in err or "还没有发布过" in err)
    assert number(1)[:17] not in err
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    code, _, err = monitor("--home", home, *command)
    assert code == 2 and "没有读到身份证号" in err


@pytest.mark.parametrize("command", [("subject",), ("forget",), ("why-not", "A01")])
def test_a_number_is_asked_for_at_a_terminal_alone_and_not_shown(monitor, home, monkeypatch, command):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    code, _, err = monitor("--home", home, *command)
    assert code == 2 and "写 -，从标准输入读" in err
    asked = []

    def prompt(text, *, hide_input):
        asked.append((text, hide_input))
        return number(1)[:17]

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.prompt", prompt)
    code, _, err = monitor("--home", home, *command)
    assert code == 1 and asked == [("身份证号（输入时不显示）", True)] and number(1)[:17] not in err


def test_the_rights_of_a_person_go_by_standard_input(monitor, home, monkeypatch):
    for command in (("subject", "-"), ("forget", "-", "--really", "--date", DAY)):
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{number(1)}\n"))
        code, out, err = monitor("--home", home, *command)
        assert (code, err) == (0, "") and number(1) not in out


# what is printed -------------------------------------------------------------------------------------------------------


def test_a_failure_of_ours_quotes_nothing_and_says_where(monitor, home, monkeypatch):
    def break_down(*_, **__):
        raise ValueError(f"Could not convert string '{number(1)} 张三丰' to INT32")

    monkeypatch.setattr("low_income.night.notify.status", break_down)
    code, out, err = monitor("--home", home, "status", "--date", DAY)
    assert (code, out) == (1, "") and "程序出错（ValueError" in err
    assert "张三丰" not in err and number(1)[6:14] not in err


def test_a_system_failure_is_told_with_its_file_masked_and_legible(monitor, home, monkeypatch):
    def break_down(*_, **__):
        raise PermissionError(13, "Permission denied", f"/x/\x1b[2J{number(1)[:6]} {number(1)[6:]}\u202e.xlsx")

    monkeypatch.setattr("low_income.night.notify.status", break_down)
    code, _, err = monitor("--home", home, "status", "--date", DAY)
    assert code == 1 and "\\x1b[2J990101********015\\u202e.xlsx" in err
    assert "\x1b" not in err and "\u202e" not in err


@pytest.mark.parametrize("failure", [
    (errno.ENOSPC, "磁盘满了"), (errno.EACCES, "没有权限"), (errno.ENOENT, "没有这个文件或文件夹"), (errno.EROFS, "磁盘只能读，不能写"),
    (errno.EISDIR, "是文件夹，不是文件"), (errno.ENOTDIR, "路径中间有一段不是文件夹"), (errno.EEXIST, "已经有同名的文件或文件夹"),
    (errno.EMFILE, "打开的文件太多"), (errno.EXFULL, f"系统错误 {errno.EXFULL}，原话：Exchange full"),
])  # fmt: skip
def test_what_the_system_refuses_is_told_in_chinese(monitor, home, monkeypatch, failure):
    number_of, said = failure

    def break_down(*_, **__):
        raise OSError(number_of, os.strerror(number_of), "/x/a", None, "/x/b")

    monkeypatch.setattr("low_income.night.notify.status", break_down)
    code, _, err = monitor("--home", home, "status", "--date", DAY)
    assert (code, err) == (1, f"没有完成：{said}（/x/a、/x/b）；已发布的仍是上一版，处理好以后再运行一次\n")


def test_what_a_library_calls_a_failure_of_the_system_keeps_its_words(monitor, home, monkeypatch):
    def break_down(*_, **__):
        raise OSError(f"Tried {number(1)}")

    monkeypatch.setattr("low_income.night.notify.status", break_down)
    _, _, err = monitor("--home", home, "status", "--date", DAY)
    assert err.startswith("没有完成：读写没有成功，原话：Tried 990101********015；")


HOSTILE = "\x1b]0;owned\x07\x9b31m\u202e\u2066gpj\x85"


def test_what_a_sender_wrote_does_nothing_to_a_terminal(monitor, home, tmp_path):
    """Sheet names, headers, titles: all that `check` and `status` print of a file, on the screen and as JSON."""
    header = (*PERSON[:5], "数据月份", "备注\u202e\u2066gpj\x85")
    rows = [(*person(n), "x") for n in range(1, 3)]
    path = book(tmp_path / "边缘\u202e人员\x1b[31m\x85.xlsx", header, rows, sheet="边缘\u202e人员\x85")
    said = []
    for more in ((), ("--json",)):
        _, out, err = monitor("--home", home, "check", path, "--date", DAY, *more)
        said.append(out + err)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", "".join(said))
    assert "\\u202e" in said[0]
    assert json.loads(said[1])["file"] == str(path)


def test_every_console_of_ours_writes_controls_out():
    screen = Screen(file=io.StringIO(), width=100)
    screen.print(f"《{HOSTILE}》", markup=False)
    screen.print(Panel(Text(HOSTILE), title=HOSTILE))
    printed = screen.file.getvalue()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", printed)
    assert printed.count("\\x1b") == 3


# the future ------------------------------------------------------------------------------------------------------------

FAR = "2999-01-01"


@pytest.mark.parametrize(
    "command",
    [
        ("run",), ("purge",), ("forget", "-"), ("confirm", "ab12", "--by", "某", "--because", "某"),
        ("except", "ab12", "--by", "某", "--because", "某"),
    ],
)  # fmt: skip
def test_what_is_dated_beyond_tomorrow_is_refused_unless_really_meant(monitor, home, monkeypatch, command):
    monkeypatch.setattr(sys, "stdin", io.StringIO(number(1)))
    before = {path: path.stat().st_mtime_ns for path in sorted(home.rglob("*"))}
    code, out, err = monitor("--home", home, *command, "--date", FAR)
    assert (code, out) == (1, "") and "2999-01-01 还没有到" in err and "--really" in err
    assert {path: path.stat().st_mtime_ns for path in sorted(home.rglob("*"))} == before


@pytest.mark.parametrize(("ahead", "is_refused"), [(0, False), (1, False), (2, True)])
def test_tomorrow_is_near_and_the_day_after_is_far(home, ahead, is_refused):
    context = Context(home, is_named=True)
    day = context.day(None) + timedelta(days=ahead)
    if is_refused:
        with pytest.raises(MonitorError, match="还没有到"):
            context.night(day, really=False)
        assert context.night(day, really=True) == day
    else:
        assert context.night(day, really=False) == day


@pytest.mark.slow
def test_a_release_that_does_not_become_current_is_said_and_exits_1(monitor, home):
    book(home / "inbox/d01/边缘人员.xlsx", PERSON, [person(1)])
    code, _, _ = monitor("--home", home, "run", "--really", "--date", DAY)
    assert code == 0
    code, text, _ = monitor("--home", home, "run", "--really", "--date", "2026-10-30")
    flat = text.replace("\n", "")
    assert code == 1 and "没有成为当前的一版" in flat and "2026-10-31 这一夜的" in flat
    assert ask(home, "select cast(run_date as varchar) from release") == [("2026-10-31",)]
    # What it says works: the earlier night becomes the current one.
    number_of = re.findall(r"monitor rollback (\d+)", flat)
    code, text, _ = monitor("--home", home, "rollback", *number_of)
    assert "已从 2026-10-31（releases/1）退回到 2026-10-30（releases/2）。" in text.replace("\n", "")
    assert code == 0 and ask(home, "select cast(run_date as varchar) from release") == [("2026-10-30",)]


def test_python_m_pipeline_is_monitor(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "low_income", "--version"], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT / "pipeline")},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"monitor \d+\.\d+\.\d+\n", done.stdout)
