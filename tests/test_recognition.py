"""Recognition explains itself: the kind taken and why; for a refused sheet the nearest kinds, what they lack, what was meant."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.model import Reading
from tests.damage_kit import EVERYBODY, judged, one_column, person_number, sheet, sheets
from tests.night_kit import DAY, new_home

PERSON = ["姓名", "身份证号码", "与户主关系", "月收入（万元）", "民族", "特长"]


def roster(*headers: str) -> list[list[Any]]:
    cells = {"姓名": "张三", "与户主关系": "户主", "月收入（万元）": "0.06", "民族": "某", "特长": "无"}
    return [["2026年10月低保人员"], list(headers), [cells.get(header, person_number(1)) for header in headers]]


def refusal_of(path: Path, senders: Any = EVERYBODY) -> Any:
    refusal = judged(path, senders=senders).refusal
    assert refusal
    return refusal


def test_each_use_says_by_which_name_and_in_which_unit(tmp_path: Path) -> None:
    (reading,) = judged(sheet(tmp_path / "x.xlsx", roster(*PERSON))).readings
    (found,) = reading.sheets
    assert [(use.field, use.header, use.alias, use.unit) for use in found.columns] == [
        ("name", "姓名", None, None), ("id_number", "身份证号码", "身份证号码", None),
        ("relation", "与户主关系", None, None), ("monthly_income_fen", "月收入（万元）", None, "万元"),
    ]  # fmt: skip
    assert (
        "第2行是表头" in found.why
        and "必填列齐全(姓名、身份证号、与户主关系)" in found.why
        and "“低保人员”" in found.why
    )
    assert Reading.from_json(json.loads(json.dumps(reading.as_json()))) == reading


def test_a_title_that_decides_between_kinds_of_the_same_columns_is_named(tmp_path: Path) -> None:
    rows = one_column("edge_household", "start_month", ["2024-01"])
    rows[0][0] = "2026年10月低收入家庭名单"
    (reading,) = judged(sheet(tmp_path / "x.xlsx", rows)).readings
    assert reading.kind == "edge_household" and "“低收入家庭”" in reading.sheets[0].why


def test_nearest_kinds_with_what_is_missing_and_what_was_meant(tmp_path: Path) -> None:
    refusal = refusal_of(sheet(tmp_path / "x.xlsx", roster("姓名", "身份证", "关系", "民族")))
    assert refusal.nearest[0].kind == "dibao_person"
    assert dict(refusal.nearest[0].missing) == {"身份证号": "身份证", "与户主关系": "关系"}
    assert len(refusal.nearest) >= 1 and all(near.missing for near in refusal.nearest)
    assert (
        "像“低保人员”,但缺少必填列:身份证号(文件中的“身份证”是不是它?)、与户主关系(文件中的“关系”是不是它?)"
        in refusal.reason
    )


def test_a_header_that_no_name_is_like_is_not_suggested(tmp_path: Path) -> None:
    refusal = refusal_of(sheet(tmp_path / "x.xlsx", roster("姓名", "身份证号", "特长", "备注")))
    near = next(near for near in refusal.nearest if near.kind == "dibao_person")
    assert dict(near.missing) == {"与户主关系": None}


def test_only_kinds_that_the_unit_may_send_are_near(tmp_path: Path) -> None:
    path = sheet(tmp_path / "x.xlsx", roster("姓名", "身份证", "结算日期", "医疗总费用", "个人负担金额"))
    assert refusal_of(path, {"medical_insurance"}).nearest[0].kind == "medical_expense"
    assert all(near.kind != "medical_expense" for near in refusal_of(path, {"division"}).nearest)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([["某某情况统计"], ["名字", "证件号码", "关系"], ["甲", "乙", "丙"]], "身份证号"),
        ([["品名", "数量"], ["大米", 3]], "本单位可以报送"),
        ([[1, 2], [3, 4]], "前20行(空行不计)里没有找到表头"),
    ],
)
def test_without_any_header_the_likeliest_row_is_looked_at(tmp_path: Path, rows: list[list[Any]], says: str) -> None:
    refusal = refusal_of(sheet(tmp_path / "x.xlsx", rows))
    assert refusal.code == "unrecognised" and says in refusal.reason and refusal.fix


def test_a_person_in_the_likeliest_row_is_not_quoted(tmp_path: Path) -> None:
    """A list without any header: its rows are people, and a reason goes into ledger and messages."""
    rows = [["户主张三", person_number(1), "户主", "北营镇"], ["张四", person_number(2), "子", "北营镇"]]
    refusal = refusal_of(sheet(tmp_path / "x.xlsx", rows))
    assert person_number(1) not in refusal.reason and "北营镇" not in refusal.reason and "张三" not in refusal.reason


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    home = new_home(tmp_path / "home")

    def call(*arguments: Any) -> tuple[int, str]:
        monkeypatch.setattr(
            sys, "argv", ["monitor", "--home", str(home), "check", "--date", str(DAY), *map(str, arguments)]
        )
        try:
            cli.main()
            code: Any = 0
        except SystemExit as end:
            code = end.code
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return int(code or 0), printed.out

    return call


def test_check_prints_what_was_taken_for_what_and_why(tmp_path: Path, check: Any) -> None:
    path = sheets(tmp_path / "x.xlsx", {"北营镇": roster(*PERSON), "说明": [["填表要求"]]})
    code, text = check(path)
    flat = text.replace("\n", "")
    assert code == 0
    assert "工作表“北营镇”认作“低保人员”,2026-10 的:第2行是表头" in flat
    assert "“身份证号码”就是身份证号" in flat and "“月收入（万元）”按万元读" in flat
    assert "没有使用的列:特长" in flat and "按规定不接收的列,没有读取:民族" in flat and "没有读取的工作表:说明" in flat
    _, text = check(path, "--json")
    (told,) = json.loads(text)["recognised"]
    assert (told["sheet"], told["kind"], told["period"], told["never_received"]) == (
        "北营镇",
        "dibao_person",
        "2026-10",
        ["民族"],
    )
    assert told["columns"][1] == {
        "column": "B", "header": "身份证号码", "field": "id_number", "title": "身份证号", "alias": "身份证号码", "unit": None,
    }  # fmt: skip


def test_check_of_a_refused_file_gives_the_nearest_kinds(tmp_path: Path, check: Any) -> None:
    path = sheet(tmp_path / "x.xlsx", roster("姓名", "身份证", "关系"))
    code, text = check(path)
    assert code == 1 and "像“低保人员”" in text.replace("\n", "")
    code, text = check(path, "--json")
    (refused,) = json.loads(text)["refused"]
    assert (code, refused["code"], refused["nearest"][0]["title"]) == (1, "unrecognised", "低保人员")
    assert refused["nearest"][0]["missing"] == [["身份证号", "身份证"], ["与户主关系", "关系"]]
