"""The list that comes back: read wherever its columns stand, each file once, who and why sealed; misfits go back marked."""

from __future__ import annotations

import io
import zipfile
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from low_income import advice
from low_income.lists.words import FILLED_IN, OUTCOME_TITLES, SAMPLE_NUMBER, WARNING_NUMBER
from low_income.model import Refusal
from low_income.night import decisions, rosters, run
from low_income.operate import forgetting, rights
from low_income.reading import layout, sandbox
from low_income.records.ledger import Ledger
from low_income.settings.home import Home

from tests.decision_kit import NEXT, fill_in, lines_of, listed_home
from tests.night_kit import DAY, ask, book, few_divisions, new_home, still

pytestmark = pytest.mark.slow

HEADER = ("姓名", *FILLED_IN, WARNING_NUMBER)
ID = "ab" * 32
GOOD = ("某甲", "已纳入保障", "已协助申请低保", "张三", "2026-10-31", "已批准", ID)


def drop(home: Path, unit: str, rows: list[tuple[Any, ...]], name: str = "清单.xlsx", header: Any = HEADER) -> None:
    texts = [tuple("" if cell is None else cell for cell in row) for row in rows]
    book(home / "decisions/inbox" / unit / name, header, texts, sheet="预警")


def taken(home: Path, day: date = DAY) -> list[dict[str, Any]]:
    """What the ledger holds for the build after the files of all units were read."""
    for unit in run.collect(home, day):
        run.read(home, day, unit)
    place = Home.open(home)
    return decisions.rows(Ledger.of(place), day)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return few_divisions(new_home(tmp_path / "home"))


def test_a_line_says_what_who_when_and_why(small: Path) -> None:
    drop(small, "d01", [GOOD, ("某乙", None, None, None, None, None, "cd" * 32)])
    (line,) = taken(small)
    wanted = {
        "about": "warning", "subject": ID, "result": "enrolled", "measure": "已协助申请低保", "decided_by": "张三",
        "decided_on": date(2026, 10, 31), "note": "已批准", "unit_code": "d01", "file_name": "清单.xlsx", "sheet": "预警",
        "row_number": 2, "night": DAY, "problem": None,
    }  # fmt: skip
    assert {name: line[name] for name in wanted} == wanted
    assert not [path for path in (small / "decisions").rglob("*") if path.is_file()]


def test_what_people_wrote_is_sealed(small: Path) -> None:
    drop(small, "d01", [GOOD])
    assert taken(small)
    bytes_of_ledger = b"".join(path.read_bytes() for path in small.glob("ledger.db*"))
    assert b"d01" in bytes_of_ledger and b"enrolled" in bytes_of_ledger
    for said in (ID, "张三", "已批准", "清单.xlsx"):
        assert said.encode() not in bytes_of_ledger


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"说明": None}, "没有写“说明”"),
        ({"说明": "  "}, "没有写“说明”"),
        ({"核查人": None}, "没有写“核查人”"),
        ({"核查结果": None}, "没有选“核查结果”"),
        ({"核查结果": "办好了"}, "“办好了”不在选项内"),
        ({"核查日期": "2026-13-01"}, "没有这一天"),
        ({WARNING_NUMBER: None}, "没有预警编号"),
        ({"核查结果": "已 纳入保障"}, None),
        ({"核查结果": "enrolled"}, None),
        ({"核查结果": "核查中", "处置措施": "自己写的措施"}, None),
        ({"核查日期": "2026年10月30日"}, None),
        ({"核查日期": 46326}, None),
        ({"核查日期": None}, None),
        ({WARNING_NUMBER: f" {ID.upper()} "}, None),
    ],
)
def test_a_line_by_itself(small: Path, changes: dict[str, Any], said: str | None) -> None:
    drop(small, "d01", [tuple((dict(zip(HEADER, GOOD, strict=True)) | changes).values())])
    (line,) = taken(small)
    assert (said or "") in (line["problem"] or "") and bool(line["problem"]) == bool(said)
    if not said:
        assert line["subject"] == ID and line["result"] in OUTCOME_TITLES
        assert line["decided_on"] == {None: DAY, 46326: date(2026, 10, 31), "2026年10月30日": date(2026, 10, 30)}.get(
            changes.get("核查日期", ""), date(2026, 10, 31)
        )


def test_columns_are_found_wherever_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    header = [WARNING_NUMBER, "说 明", "核查日期", "核查人", "核查结果"]
    lines = [["青禾区 预警清单"], header, [ID, "看过", "2026-10-30", "李四", "数据有误"]]
    path.write_text("\n".join(",".join(line) for line in lines), encoding="gb18030")
    found = decisions.read_sheets(path, "a.csv")
    assert not isinstance(found, Refusal)
    ((number_of_row, texts, _),) = found[0].lines
    assert number_of_row == 3 and found[0].header_row == 2
    assert (texts["result"], texts["note"], texts["decided_by"]) == ("数据有误", "看过", "李四")


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7 x", "姓名,说明\n某甲,看过\n".encode()])
def test_what_is_no_list_goes_back_with_the_reason(small: Path, content: bytes) -> None:
    path = small / "decisions/inbox/d01/x.csv"
    path.write_bytes(content)
    still(path)
    assert taken(small) == []
    place = Home.open(small)
    (file,) = Ledger.of(place).decisions.files()
    assert file.refusal and file.refusal["reason"] and file.refusal["fix"]


def test_what_names_no_line_is_to_be_filled_in_on_our_list_with_its_numbers(small: Path) -> None:
    drop(small, "d01", [(*GOOD[:-1],)], header=HEADER[:-1])
    assert taken(small) == []
    (file,) = Ledger.of(Home.open(small)).decisions.files()
    assert file.refusal and (file.refusal["code"], file.refusal["fix"]) == ("no_form", advice.USE_OUR_LIST)
    drop(small, "d01", [GOOD])
    (line,) = taken(small, NEXT)
    assert (line["subject"], line["problem"]) == (ID, None)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (("姓名", *FILLED_IN, "号"), "没有“预警编号”或“抽样编号”这一列，看不出填的是哪一条"),
        (("姓名", "结果", *FILLED_IN[1:], WARNING_NUMBER), "没有“核查结果”这一列，看不出结果是什么"),
    ],
)
def test_a_filled_in_sheet_that_lost_a_column_is_not_passed_over(
    tmp_path: Path, header: tuple[str, ...], said: str
) -> None:
    """Beside sheets that are whole nothing of it would be registered, and all said to be well."""
    both = openpyxl.Workbook()
    both.worksheets[0].append(HEADER)
    lost = both.create_sheet("预警")
    for row in (header, GOOD):
        lost.append(row)
    both.save(path := tmp_path / "清单.xlsx")
    refused = decisions.read_sheets(path, path.name)
    assert isinstance(refused, Refusal) and said in refused.reason and refused.fix == advice.USE_OUR_LIST
    lost.delete_rows(2)
    both.save(path)
    assert not isinstance(decisions.read_sheets(path, path.name), Refusal)


def test_a_list_among_the_data_files_is_refused_as_what_it_is_and_nobody_is_missing_for_it(small: Path) -> None:
    drop(small, "d01", [GOOD])
    at_right, wrong = small / "decisions/inbox/d01/清单.xlsx", small / "inbox/d01/低保人员清单.xlsx"
    wrong.parent.mkdir(parents=True, exist_ok=True)
    at_right.rename(wrong)
    assert taken(small) == []
    place = Home.open(small)
    ledger = Ledger.of(place)
    [came] = ledger.submissions(unit_code="d01")
    refusal = came.reading["refusal"]
    assert (came.kind, refusal["code"], refusal["fix"]) == (None, "filled_list", advice.use_inbox_of_lists("d01"))
    assert came.submission_id not in {gap.submission_id for gap in rosters.gaps(place, ledger, ledger.as_of(DAY), DAY)}
    drop(small, "d01", [GOOD])
    (line,) = taken(small, NEXT)
    assert (line["subject"], line["problem"]) == (ID, None)


def test_the_readers_of_data_files_know_our_lists_by_the_heads_that_they_have() -> None:
    assert (
        tuple((form.key, form.headers["result"], form.headers["decided_by"]) for form in decisions.FORMS)
        == layout.FORMS
    )


@pytest.mark.parametrize("reason", ["memory", "time"])
def test_a_list_that_takes_too_much_is_taken_when_it_is_saved_anew(
    small: Path, monkeypatch: pytest.MonkeyPatch, reason: sandbox.Reason
) -> None:
    """What takes too much here is a piece that a program left in it, and that goes when the list is saved."""
    drop(small, "d01", [GOOD])
    path = small / "decisions/inbox/d01/清单.xlsx"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/calcChain9.xml", "<x/>")
    sent = path.read_bytes()
    still(path)
    call = sandbox.call

    def stumble(function: Any, *words: Any, **limits: Any) -> Any:
        if function is decisions.read_sheets and "xl/calcChain9.xml" in zipfile.ZipFile(words[0]).namelist():
            raise sandbox.Killed(reason)
        return call(function, *words, **limits)

    monkeypatch.setattr(sandbox, "call", stumble)
    assert taken(small) == []
    (file,) = Ledger.of(Home.open(small)).decisions.files()
    assert file.refusal and (file.refusal["code"], file.refusal["fix"]) == (reason, advice.SAVE_LIST_AGAIN)
    openpyxl.load_workbook(io.BytesIO(sent)).save(path)
    still(path)
    (line,) = taken(small, NEXT)
    assert (line["subject"], line["problem"]) == (ID, None)


def test_the_same_file_again_counts_once_and_is_answered_again(small: Path) -> None:
    drop(small, "d01", [GOOD])
    first = taken(small)
    ledger = Ledger.of(Home.open(small))
    ledger.decisions.answered(ledger.decisions.files()[0].file_id)
    drop(small, "d01", [GOOD], name="清单 副本.xlsx")
    assert taken(small, NEXT) == first
    (file,) = ledger.decisions.files()
    assert (file.state, file.came_again, file.night) == ("read", NEXT, DAY)


def test_lines_of_later_nights_are_not_seen_by_an_earlier_one(small: Path) -> None:
    drop(small, "d01", [GOOD])
    assert taken(small, NEXT)
    place = Home.open(small)
    assert decisions.rows(Ledger.of(place), DAY) == []


# whole nights --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_list_filled_in_closes_advances_and_comes_back_marked(tmp_path: Path) -> None:
    home = listed_home(tmp_path / "home")
    run.night(home, DAY)
    own = home / f"lists/{DAY}/d01.xlsx"
    assert len(lines_of(own)) == 4
    (reading,) = layout.read_submissions(own, own.name, "d01", {"division", "d01"}, tmp_path)
    assert reading.refusal and reading.refusal.code == "filled_list" and not reading.comes_back
    done = {"核查结果": "已纳入保障", "核查人": "张三", "核查日期": DAY, "说明": "已批准"}
    begun = {
        "核查结果": "核查中",
        "处置措施": "已安排服务或探访",
        "核查人": "张三",
        "核查日期": DAY,
        "说明": "约了周五",
    }
    fill_in(
        home,
        own,
        "d01/d01.xlsx",
        {"某甲": done, "某乙": begun, "某丙": done | {"说明": None}, "某丁": done | {"核查日期": "2026-12-01"}},
    )
    sampled = lines_of(own, "抽样核查")
    in_need, fine, forgotten = sorted({line["姓名"] for line in sampled})[:3]
    of_whom = {line[SAMPLE_NUMBER]: line["姓名"] for line in sampled}
    looked = {"核查结果": "核实后不符合条件", "核查人": "张三", "核查日期": DAY, "说明": "家里过得去"}
    found = {in_need: looked | {"核查结果": "已给予救助"}, fine: looked, forgotten: looked | {"说明": None}}
    fill_in(home, own, "d01/抽样.xlsx", found, "抽样核查")
    run.night(home, NEXT)
    states = ask(home, "select subject_name, status, outcome from warning order by all")
    assert [row[1:] for row in states if row[0] == "某甲"] == [("closed", "enrolled")]
    assert sorted(row[1] for row in states) == ["closed", "open", "open", "verifying"]
    next_list = {line["姓名"]: line for line in lines_of(home / f"lists/{NEXT}/d01.xlsx")}
    assert set(next_list) == {"某乙", "某丙", "某丁"}
    shown = next_list["某乙"]
    assert (shown["核查结果"], shown["处置措施"], shown["核查人"], shown["说明"]) == (
        "核查中",
        "已安排服务或探访",
        "张三",
        "约了周五",
    )
    assert shown["核查日期"].date() == DAY and shown["状态"] == "核查中"
    marked = home / "returns/d01/d01.xlsx"
    with closing(openpyxl.load_workbook(marked)) as workbook:
        text = "\n".join(
            str(cell) for row in workbook.worksheets[0].iter_rows(values_only=True) for cell in row if cell
        )
        notes = [cell.comment.text for row in workbook["预警"].iter_rows() for cell in row if cell.comment]
    assert "登记 2 行，退回 2 行" in text and "没有写“说明”" in text
    assert "请把整份文件再放进 decisions/inbox/d01/。" in text and "收件箱" not in text and "入库" not in text
    assert any("核查日期在将来" in note for note in notes) and len(notes) == 2

    # What was found in the sample counts for what the rules miss, and for no warning.
    outcomes = ask(home, "select sample_id, subject_name, coalesce(outcome, state) from sample_check order by all")
    assert {sample: name for sample, name, _ in outcomes} == of_whom
    results = {name: {result for _, other, result in outcomes if other == name} for name in found}
    assert results == {in_need: {"granted"}, fine: {"not_eligible"}, forgotten: {"open"}}
    need, looked_at = (sum(of_whom[sample] in who for sample in of_whom) for who in ({in_need}, {in_need, fine}))
    whole = (
        "select cast(sum(checked) as integer), cast(sum(found) as integer) from rule_missed where division_code = 'all'"
    )
    assert ask(home, whole) == [(looked_at, need)]
    left = lines_of(home / f"lists/{NEXT}/d01.xlsx", "抽样核查")
    assert {line["姓名"] for line in left} == set(of_whom.values()) - {in_need, fine}
    assert {line["这是什么"] for line in left} == {"随机抽样\n不是预警"}
    figures = lines_of(home / f"lists/{NEXT}/bureau.xlsx", "规则成效")
    assert {line["漏查比例"] for line in figures if line["其中已核查\n（人或户）"] == 0} == {"—"}
    assert sum(line["其中需要帮助\n（人或户）"] for line in figures if line["单位"] == "全市") == need
    with closing(openpyxl.load_workbook(home / "returns/d01/抽样.xlsx")) as workbook:
        notes = [cell.comment.text for row in workbook["抽样核查"].iter_rows() for cell in row if cell.comment]
    assert notes and all("没有写“说明”" in note for note in notes)
    assert len(notes) == list(of_whom.values()).count(forgotten)
    [(whose,)] = ask(home, "select distinct subject_id_number from sample_check where subject_name = ?", in_need)
    told = rights.subject(home, whose, NEXT, who="数据员", because="本人申请")
    assert "granted" in {each["outcome"] for each in told["published"]["抽样核查"]}
    assert any("抽样核查" in line for line in told["lists"]) and "sample" not in rights.page(told, "民政局（本级）")

    # The bureau found something else about a household: both are told, the later day holds.
    other = {"核查结果": "本人放弃或不愿申请", "核查人": "李四", "核查日期": NEXT, "说明": "当面说不办"}
    fill_in(home, home / f"lists/{DAY}/bureau.xlsx", "bureau/bureau.xlsx", {"某甲": other, "某丙": done})
    run.night(home, NEXT + timedelta(days=1))
    assert ask(home, "select outcome from warning where subject_name = '某甲'") == [("declined",)]
    for unit in ("d01/d01.xlsx", "bureau/bureau.xlsx"):
        with closing(openpyxl.load_workbook(home / "returns" / unit)) as workbook:
            notes = [cell.comment.text for row in workbook["预警"].iter_rows() for cell in row if cell.comment]
        assert any("李四" in note and "张三" in note and "较晚的为准" in note for note in notes), unit
    assert ask(home, "select change from warning_change where change = 'closed'") == [("closed",)] * 2
    # A list about samples alone is kept as long as they are.
    assert forgetting.purge(home, NEXT + timedelta(days=36 * 31), who="数据员")["lists"] == 0
