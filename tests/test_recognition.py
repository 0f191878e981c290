"""Recognition explains itself: the kind taken and why; for a refused sheet the nearest kinds, what they lack, what was meant."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pyarrow as pa
import pytest
from low_income import advice, cli
from low_income.model import Reading
from low_income.reading import stored

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
        and "必填列齐全（姓名、身份证号、与户主关系）" in found.why
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
        "像“低保人员”，但缺少必填列：身份证号（文件中的“身份证”是不是它？）、与户主关系（文件中的“关系”是不是它？）"
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
        ([[1, 2], [3, 4]], "前20行（空行不计）里没有找到表头"),
    ],
)
def test_without_any_header_the_likeliest_row_is_looked_at(tmp_path: Path, rows: list[list[Any]], says: str) -> None:
    refusal = refusal_of(sheet(tmp_path / "x.xlsx", rows))
    assert refusal.code == "unrecognised" and says in refusal.reason and refusal.fix


def test_a_person_in_the_likeliest_row_is_not_quoted(tmp_path: Path) -> None:
    """A list without any header: its rows are people, and a reason goes into ledger and messages."""
    rows = [["户主张三", person_number(1), "户主", "北营镇"], ["张四", person_number(2), "子", "北营镇"]]
    refusal = refusal_of(sheet(tmp_path / "x.xlsx", rows))
    assert refusal.fix == advice.WRITE_HEADER  # naming the cells of the first row as columns would lose that person
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
    assert "工作表“北营镇”认作“低保人员”，2026-10 的：第2行是表头" in flat
    assert "“身份证号码”就是身份证号" in flat and "“月收入（万元）”按万元读" in flat
    assert (
        "没有使用的列：特长" in flat and "按规定不接收的列，没有读取：民族" in flat and "没有读取的工作表：说明" in flat
    )
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


# Headers that fit two kinds alike ----------------------------------------------------------------------------------

ALIKE = ["姓名", "身份证号", "户主身份证号", "与户主关系"]


def members(*, title: str = "", extra: str = "") -> list[list[Any]]:
    """A list of people whose columns are those of 低保人员 and of 低保边缘人员 alike; `extra` is one column more."""
    header = [*ALIKE, "数据月份", *([extra] if extra else [])]
    row = ["张三", person_number(1), person_number(1), "户主", "2026-10", *([""] if extra else [])]
    return [*([[title]] if title else []), header, row]


def text_file(path: Path, rows: list[list[Any]]) -> Path:
    path.write_text("\r\n".join(",".join(row) for row in rows), encoding="utf-8")
    return path


@pytest.fixture(params=[".xlsx", ".csv"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """(name without ending, rows) → the file, as a workbook and as text."""
    make = sheet if request.param == ".xlsx" else text_file
    return lambda name, rows: make(tmp_path / f"{name}{request.param}", rows)


@pytest.mark.parametrize(
    ("title", "name", "kind", "place"),
    [
        ("", "低保人员2026年10月", "dibao_person", "文件名"),
        ("", "2026年10月城市低保", "dibao_person", "文件名"),
        ("", "低保边缘人员2026年10月", "edge_person", "文件名"),
        ("", "低收入家庭成员", "edge_person", "文件名"),
        ("", "低边家庭", "edge_person", "文件名"),
        ("", "edge_person", "edge_person", "文件名"),
        ("2026年10月农村最低生活保障人员", "x", "dibao_person", "标题"),
        ("最低生活保障边缘家庭成员花名册", "x", "edge_person", "标题"),
        ("北营区低保中心 边缘人员名单", "x", "edge_person", "标题"),
        ("低收入人口监测平台导出:低保", "x", "dibao_person", "标题"),
        ("低保人员", "低保", "dibao_person", "标题、文件名"),
        ("低保人员", "低保和低保边缘2026年10月", "dibao_person", "标题"),
    ],
)
def test_where_the_headers_fit_two_kinds_title_or_file_name_decides(
    write: Any, title: str, name: str, kind: str, place: str
) -> None:
    (reading,) = judged(write(name, members(title=title))).readings
    assert (reading.kind, reading.refusal) == (kind, None)
    assert f"按{place}取了这一种" in reading.sheets[0].why


@pytest.mark.parametrize(
    ("title", "name", "says"),
    [
        ("", "2026年10月名单", "都没有写明"),
        ("", "低收入人口2026年10月", "都没有写明"),
        ("", "低保和低保边缘人员", "都没有写明"),
        ("2026年10月低保边缘人员", "低保人员", "标题说是“低保边缘人员”，文件名说是“低保人员”，说法不一"),
        ("低保及边缘人员名单", "低保人员", "标题说是“低保人员”和“低保边缘人员”"),
    ],
)
def test_where_nothing_says_which_the_file_is_refused_with_the_question(
    write: Any, title: str, name: str, says: str
) -> None:
    (reading,) = judged(write(name, members(title=title))).readings
    assert reading.kind is None and reading.refusal and reading.refusal.code == "which_kind"
    assert says in reading.refusal.reason and "是哪一种？" in reading.refusal.reason
    assert [(near.kind, near.missing) for near in reading.refusal.nearest] == [
        ("dibao_person", ()),
        ("edge_person", ()),
    ]
    is_said = "说法不一" in says or "标题" in says
    assert reading.refusal.fix == advice.say_which_kind(
        ["“低保人员”", "“低保边缘人员”"], is_table=False, is_said=is_said
    )
    for word, kind in (("低保人员", "dibao_person"), ("低保边缘人员", "edge_person")):
        followed = [write(word, members(title=word if title else ""))]
        if not is_said:
            followed += [write(name, members(title=word)), *_with_sheet(write("又一份", members()), name, word)]
        for path in followed:
            outcome = judged(path)
            assert [each.kind for each in outcome.readings] == [kind] and len(outcome.accepted) == 1, path


def _with_sheet(path: Path, name: str, word: str) -> list[Path]:
    """A workbook whose sheet says which kind it is, under a name; nothing of a text."""
    if path.suffix != ".xlsx":
        return []
    book = openpyxl.load_workbook(path)
    book.active.title = word
    book.save(path.with_stem(name))
    return [path.with_stem(name)]


@pytest.mark.parametrize(("word", "kind"), [("低保人员", "dibao_person"), ("低保边缘人员", "edge_person")])
def test_the_kind_may_stand_in_words_around_it_as_well(write: Any, word: str, kind: str) -> None:
    said = [write(f"2026年10月{word}名单", members()), write(f"{word}(2)", members(title=f"青禾区{word}"))]
    for path in said:
        outcome = judged(path)
        assert [reading.kind for reading in outcome.readings] == [kind] and len(outcome.accepted) == 1


def test_a_column_of_one_kind_alone_decides_and_no_file_name_against_it(write: Any) -> None:
    assert (
        "文件名"
        not in judged(path := write("低保边缘人员", members(extra="个人分类施保金额"))).readings[0].sheets[0].why
    )
    assert judged(path).readings[0].kind == "dibao_person"


def test_a_column_that_any_list_may_carry_decides_only_where_the_names_are_silent(write: Any) -> None:
    assert judged(write("低保边缘人员", members(extra="联系电话"))).readings[0].kind == "edge_person"
    assert judged(write("名单", members(extra="性别"))).readings[0].kind == "dibao_person"


def test_the_name_of_a_file_makes_no_kind_of_headers_that_lack_its_columns(write: Any) -> None:
    rows = [[cell for at, cell in enumerate(row) if at != 2] for row in members()]
    assert judged(write("低保边缘人员", rows)).readings[0].kind == "dibao_person"


def test_each_sheet_says_which_it_is_by_itself(tmp_path: Path) -> None:
    pages = {"低保": members(), "低保边缘": members()}
    readings = judged(sheets(tmp_path / "名单.xlsx", pages)).readings
    assert [(reading.kind, reading.refusal) for reading in readings] == [("dibao_person", None), ("edge_person", None)]
    assert "按工作表名取了这一种" in readings[0].sheets[0].why


def test_a_sheet_of_an_unknown_kind_keeps_back_the_list_that_it_may_belong_to(tmp_path: Path) -> None:
    pages = {
        "北营镇": members(title="低保人员"),
        "向阳镇": members(),
        "特困": one_column("tekun_person", "name", ["甲"]),
    }
    readings = judged(sheets(tmp_path / "10月.xlsx", pages)).readings
    said = [(reading.kind, reading.refusal and reading.refusal.code) for reading in readings]
    assert said == [("dibao_person", "which_kind"), ("tekun_person", None), (None, "which_kind")]
    assert "工作表“向阳镇”" in str(readings[0].refusal)
    (reading,) = judged(sheets(tmp_path / "10月低保.xlsx", dict(list(pages.items())[:2]))).readings
    assert reading.kind == "dibao_person" and reading.rows_read == 2


def test_a_hidden_sheet_of_an_unknown_kind_asks_nothing(tmp_path: Path) -> None:
    path = sheets(tmp_path / "10月.xlsx", {"北营镇": members(title="低保人员"), "旧": members()})
    book = openpyxl.load_workbook(path)
    book["旧"].sheet_state = "hidden"
    book.save(path)
    (reading,) = judged(path).readings
    assert (reading.kind, reading.refusal, reading.rows_read) == ("dibao_person", None, 1)


def test_a_table_of_a_database_is_told_apart_by_its_name(tmp_path: Path) -> None:
    header, row = members()
    with stored.writer(path := tmp_path / "table.parquet", header) as put:
        put([(pa.array([cell]), np.zeros(1, bool)) for cell in row])
    (reading,) = judged(path, "二区库/people").readings
    assert reading.refusal and reading.refusal.code == "which_kind"
    assert reading.refusal.fix == advice.say_which_kind(["“低保人员”", "“低保边缘人员”"], is_table=True, is_said=False)
    for name, kind in (("二区低保人员/people", "dibao_person"), ("二区库/public.edge_person", "edge_person")):
        assert [reading.kind for reading in judged(path, name).readings] == [kind]
