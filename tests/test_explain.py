"""An explanation reaches the cell, says whether the rule still holds, and takes nothing of a file for markup."""

import io
import json
from datetime import date

import duckdb
import pyarrow as pa
import pytest
from low_income.ask import explain
from low_income.model import MonitorError
from low_income.warehouse.models import Card
from rich.console import Console

DAY = date(2026, 11, 1)
NUMBER = "99010119800101001X"
CARD = Card(
    code="A01", title="收入低于低保标准未纳入", purpose="assistance", subject="head", level=["red", "orange"],
    condition="人均月收入低于当地低保标准。", why="可能没有申请。", citation="社会救助暂行办法第九条",
    exclusions=["已在低保"], assumptions=["人口以摸底表为准"], caveat="收入可能变化。", reason="家庭{household_size}人",
    evidence=[{"fact": "家庭年总收入", "kind": "survey_household", "field": "yearly_income_fen", "row": "survey_row_id"}],
    examples=[{"name": "是", "night": DAY, "expect": ["甲"]}, {"name": "否", "night": DAY, "expect": []}],
)  # fmt: skip
EVIDENCE = [
    {"fact": "家庭年总收入", "value": "6000.00", "original_text": "6,000元[/bold]", "file_name": "[red]摸底.xlsx",
     "sheet": "北营镇", "row": 12, "column": "F", "header": "家庭年总收入(元)", "submission_id": "123456789012345a", "as_of": "2026-10-12"},
    {"fact": "户主", "value": NUMBER, "original_text": NUMBER, "file_name": f"{NUMBER}.csv", "sheet": "", "row": 3,
     "column": None, "header": None, "submission_id": "123456789012345a", "as_of": "2026-10-12"},
]  # fmt: skip
FRESHNESS = {"registries": [{"registry": "dibao", "period": "2026-10", "is_current": True}]}
POLICY = [{"key": "dibao_standard", "value": "740", "unit": "元/人/月", "source": "样例文件〔2026〕1号"}]


@pytest.fixture
def release():
    con = duckdb.connect()
    con.execute("create table submission as select '123456789012345a' as submission_id, 'd01' as unit_code")
    con.execute(
        "create table warning_withdrawn as select date '2026-11-01' as withdrawn_on, 'w9' as warning_id,"
        " '已在册：低保' as because"
    )
    values = {
        "warning_id": "w1", "run_date": date(2026, 10, 31), "rule_code": "A01", "title": "收入低于低保标准未纳入",
        "purpose": "assistance", "level": "red", "status": "open", "outcome": None, "household_id": "h1", "person_id": "p1",
        "subject_name": "某甲", "subject_id_number": NUMBER, "division_code": "d01", "township": "北营镇",
        "first_seen_on": date(2026, 10, 20), "last_seen_on": date(2026, 10, 31), "due_on": date(2026, 10, 23),
        "measured": 2664000, "reason": "家庭3人年总收入6000.00元。", "caveat": "收入可能变化。", "remark": None,
        "evidence": json.dumps(EVIDENCE), "freshness": json.dumps(FRESHNESS), "policy": json.dumps(POLICY),
        "decided_on": date(2026, 10, 30), "decided_by": "李四", "measure": "继续关注", "note": "上门看过，已交材料。",
        "silent_until": None,
    }  # fmt: skip
    con.execute("create table warning as select " + ", ".join(f"? as {name}" for name in values), list(values.values()))
    return con


def asked(*rows):
    def ask_rule(code):
        assert code == "A01"
        names = ("person_id", "household_id", "level", "measured")
        return pa.table({name: [row[at] for row in rows] for at, name in enumerate(names)}) if rows else pa.table(
            {name: pa.array([], pa.int64() if name == "measured" else pa.string()) for name in names}
        )  # fmt: skip

    return ask_rule


SAME = asked(("p1", "h1", "red", 2664000))


def explained(release, ask_rule=SAME, warning_id="w1", cards=None, unanswered=None):
    return explain.explain_in(
        release, warning_id, cards={"warnings.a01": CARD} if cards is None else cards,
        policy_titles={"dibao_standard": "低保标准"}, unit_names={"d01": "青禾区"}, ask_rule=ask_rule, ask_unanswered=lambda: unanswered or {},
        asked_on=DAY,
    )  # fmt: skip


def shown(result):
    out = io.StringIO()
    explain.show(result, Console(file=out, width=200, highlight=False, color_system=None))
    return out.getvalue()


def test_it_reaches_the_cell_and_its_original_text(release):
    fact = explained(release)["evidence"][0]
    where = ("unit", "file_name", "sheet", "row", "column", "original_text", "value")
    assert fact["submission_id"] == "123456789012345a", "an id of ours is not masked, even when it looks like a number"
    assert [fact[key] for key in where] == ["青禾区", "[red]摸底.xlsx", "北营镇", 12, "F", "6,000元[/bold]", "6000.00"]
    screen = shown(explained(release))
    assert "青禾区/[red]摸底.xlsx/北营镇/第12行F列" in screen
    assert "6,000元[/bold]" in screen


def test_rule_policy_and_caveat_are_said(release):
    result = explained(release)
    assert result["rule"]["citation"] == "社会救助暂行办法第九条"
    assert result["policy"][0]["title"] == "低保标准"
    screen = shown(result)
    for text in (
        "人均月收入低于当地低保标准",
        "740 元/人/月",
        "样例文件〔2026〕1号",
        "收入可能变化",
        "低保 2026-10",
        "不是结论",
        "李四 2026-10-30：上门看过，已交材料。继续关注",
    ):
        assert text in screen


@pytest.mark.parametrize(
    ("rows", "answer", "said"),
    [
        ([("p1", "h1", "red", 2664000)], "holds", "仍然成立。"),
        ([("p1", "h1", "orange", 2664000)], "changed", "级别 红色 → 橙色"),
        ([("p1", "h1", "red", 2664001)], "changed", "衡量值 2664000 → 2664001"),
        ([("p1", "h2", "red", 2664000)], "gone", "已不成立"),
        ([], "gone", "已不成立"),
        ([("p2", "h1", "red", 2664000)], "holds", "仍然成立。"),
    ],
)
def test_the_rule_is_asked_again_of_the_same_household(release, rows, answer, said):
    result = explained(release, asked(*rows))
    assert result["again"]["answer"] == answer
    assert said in shown(result)


def test_a_rule_that_meets_a_cell_nobody_can_read_says_so(release):
    def ask_rule(code):
        said = "是否重病写着“待查”，认不出来"
        return asked(("p1", "h1", "red", 2664000))(code).append_column("unreadable", pa.array([said]))

    result = explained(release, ask_rule)
    assert (result["again"]["answer"], result["again"]["level"]) == ("unreadable", None)
    assert "现在无法核对：是否重病写着“待查”，认不出来。" in shown(result).replace("\n", "")


def test_a_roster_that_cannot_be_asked_is_no_answer(release):
    """The rule lists nobody then, whom it would list on a whole roster."""
    result = explained(release, asked(), unanswered={"w1": "名单不完整（低保）", "w2": "名单不是最新（特困）"})
    assert result["again"]["answer"] == "unreadable"
    assert "现在无法核对：名单不完整（低保）。" in shown(result)
    assert explained(release, asked(), unanswered={"w2": "名单不是最新（特困）"})["again"]["answer"] == "gone"


def test_a_rule_about_a_person_is_asked_of_the_person(release):
    card = CARD.model_copy(update={"subject": "person"})
    gone = explained(release, asked(("p2", "h1", "red", 2664000)), cards={"warnings.a01": card})
    assert gone["again"]["answer"] == "gone"


def test_a_rule_that_no_longer_exists_is_said_so(release):
    result = explained(release, cards={})
    assert result["again"]["answer"] == "stopped"
    assert "规则已停用" in shown(result)


def test_a_rule_without_policy_values_shows_no_empty_table(release):
    result = explained(release)
    assert "用到的政策值" in shown(result) and "用到的政策值" not in shown(result | {"policy": []})


def test_numbers_are_masked_everywhere(release):
    result = explained(release)
    assert NUMBER not in json.dumps(result, ensure_ascii=False) + shown(result)
    assert "990101********01X" in shown(result)


def test_an_unknown_or_withdrawn_warning_is_named(release):
    with pytest.raises(MonitorError, match="没有编号为 w7"):
        explained(release, warning_id="w7")
    with pytest.raises(MonitorError, match="已于 2026-11-01 撤回：已在册：低保"):
        explained(release, warning_id="w9")


def test_the_result_is_plain_data(release):
    result = explained(release)
    assert json.loads(json.dumps(result)) == result
