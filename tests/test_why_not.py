"""Why a rule does not list somebody: each rule's own examples are asked, on both sides."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from click.testing import CliRunner
from low_income import warehouse
from low_income.ask.why_not import _after_the_rule, _missing, _Words, why_not
from low_income.cli import monitor
from low_income.model import MonitorError
from low_income.night import run
from low_income.warehouse.models import Card, Example

from tests.night_kit import DAY, MEDICAL, book, few_divisions, new_home, number, person
from tests.sql_kit import examples, inputs, models_of

pytestmark = pytest.mark.slow

RULES = [(table, example) for table, example in examples() if table.startswith("warnings.")]
WORDED = re.compile(r"[a-z]+_[a-z]+")


def said(table: str, person_id: str, example) -> list[str] | None:
    card = models_of().models[table].about
    assert isinstance(card, Card)
    found = warehouse.trace(inputs(example), models_of(), table, person_id)
    return None if found is None else [_Words(models_of(), card).say(each) for each in found]


def reasons(code: str, name: str, person_id: str = "甲") -> list[str] | None:
    table = f"warnings.{code.lower()}"
    example = next(each for known, each in RULES if known == table and name in each.name)
    return said(table, person_id, example)


# One of each side of every rule: the tracer reads their SQL, so a rule written otherwise is noticed here.
FIRST = {
    (table, bool(example.expect)): example for table, example in reversed(RULES) if "甲" in str(example.given)
}  # fmt: skip


@pytest.mark.parametrize(("table", "fires"), sorted(FIRST))
def test_every_rule_tells_why_not_and_only_then(table: str, fires: bool) -> None:
    example = FIRST[table, fires]
    listed = warehouse.ask(inputs(example), models_of(), table).to_pylist()
    who = listed[0]["person_id"] if listed else "甲"
    told = said(table, who, example)
    if listed:
        assert told == []
    else:
        assert told
        assert not [reason for reason in told if WORDED.search(reason)], "a column has no word in WORDS"


@pytest.mark.parametrize(
    ("code", "name", "expected"),
    [
        ("A01", "正好等于标准", ["家庭年总收入 17760.00 元 不低于按标准算得的全年 17760.00 元"
                          "（家庭2人，人均月收入 740.00 元；低保标准每人每月 740.00 元）"]),
        ("A01", "户主已在低保", ["本户有人在低保名册上"]),
        ("A01", "家里一个人在特困", ["本户有人在特困名册上"]),
        ("A01", "低保名册是三个月前的", ["低保名册不是最新，不知道本户有人是否在册"]),
        ("A01", "户主另在别家的低保户里", ["低收入人口摸底排查（户）名单里没有本户可用的记录"]),
    ],
)  # fmt: skip
def test_the_true_reason_in_words(code: str, name: str, expected: list[str]) -> None:
    assert reasons(code, name) == expected


@pytest.mark.parametrize(
    ("code", "name", "person", "expected"),
    [
        ("C06", "写着而认不出来", "甲", "照料护理费用写着“约五百”，认不出来"),
        ("C06", "写着而认不出来", "戊", "照料护理费用认不出来"),
        ("A14", "处理结果或发放日期认不出来", "乙", "发放日期写着“上周”，认不出来"),
        ("C03", "是否边境认不出来", "甲", "是否边境写着“不清楚”，认不出来"),
    ],
)
def test_what_cannot_be_read_is_never_said_to_be_blank(code: str, name: str, person: str, expected: str) -> None:
    table = f"warnings.{code.lower()}"
    example = next(each for known, each in RULES if known == table and name in each.name)
    assert said(table, person, example) == [], "no condition fails"
    is_listed, told = _after_the_rule(inputs(example), models_of(), table, person)
    assert (is_listed, told.startswith(f"{expected}。不知道的不当作没有")) == (False, True)


@pytest.mark.parametrize(
    ("is_outdone", "told"), [(True, "已有更急的预警（B02）"), (False, "下一次 monitor run 会列出")]
)
def test_a_stronger_warning_is_named_only_where_there_is_one(is_outdone: bool, told: str) -> None:
    """What came since the release may hold and not be listed yet."""
    child = {"id_number": "甲", "id_birth_date": "2015-01-01"}
    lists: dict[str, Any] = {
        "dibao_person": [child],
        "tekun_person": [child] if is_outdone else [{"id_number": "旁人"}],
    }
    example = Example(name="", night="2026-10-31", given=lists, expect=[])  # type: ignore[arg-type]
    is_listed, said = _after_the_rule(inputs(example), models_of(), "warnings.c01", "甲")
    assert (is_listed, told in said) == (not is_outdone, True)


def test_whose_cell_is_given_hears_nothing_of_unreadable_ones() -> None:
    assert reasons("C06", "写着而认不出来", "丙") == ["照料护理费用 500.00 元 不是 0"]


def test_what_may_have_been_granted_and_is_not_is_no_list_that_somebody_lacks() -> None:
    """Who stands on the dibao roster is not told that it has no record of his."""
    assert reasons("A10", "家里有人在低保", "甲") is not None
    for table, example in RULES:
        if table == "warnings.a10":
            for who in ("旁人甲", "旁人乙", "旁人丙"):
                assert "没有低保人员" not in "".join(said(table, who, example) or [])
            break


def test_a_list_that_is_silent_and_not_whole_is_said_so() -> None:
    """Of the person's own division, or a partner's; not of another division's."""
    gaps = [
        {"unit_code": unit, "kind": "dibao_person", "file_name": f"{unit}.xlsx", "reason": "整份退回", "night": "2026-10-31",
         "latest_period": "2026-10"}
        for unit in ("d01", "d02")
    ]  # fmt: skip
    example = Example(
        name="", night="2026-10-31", given={"tekun_person": [{"id_number": "甲"}], "input.gap": gaps}, expect=[]
    )  # type: ignore[arg-type]
    missing = _missing(inputs(example), models_of(), "甲")
    assert missing == {"dibao_person": "青禾区《d01.xlsx》整份退回"}
    card = models_of().cards["warnings.c01"]
    failing = warehouse.trace(inputs(example), models_of(), "warnings.c01", "甲")
    told = [_Words(models_of(), card, missing).say(each) for each in failing or []]
    assert "低保人员名单里没有本人可用的记录。但有名单没有收全，可能在里面：青禾区《d01.xlsx》整份退回" in told
    assert "dibao_person" in _missing(inputs(example), models_of(), "谁也不是"), "whoever nobody knows may stand in any"


def test_all_conditions_that_fail_are_told() -> None:
    both = reasons("A01", "家人的号码在我们自己的另一份名单上是别的名字")
    assert both == [
        f"本户有人是否在{registry}名册上，今晚无法确认（本人身份存疑，退回的行里有疑似同一人的，或名册不完整）"
        for registry in ("低保", "特困")
    ]


def test_somebody_whom_no_list_names() -> None:
    assert reasons("A01", "户主已在低保", "谁也不是") is None


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    place = few_divisions(new_home(tmp_path_factory.mktemp("why") / "home"))
    book(
        place / "inbox/d01/边缘.xlsx",
        ("姓名", "身份证号", "户主身份证号", "与户主关系", "月收入", "数据月份"),
        [person(1), person(2)],
    )
    paid = [
        (f"某{'乙子' if serial == 1 else '丙子'}", number(serial), "2026-09-01", "市一院", amount, amount, "青禾区")
        for serial, amount in ((1, "9999.99"), (2, "10000.01"))
    ]
    book(place / "inbox/medical_insurance/费用.xlsx", MEDICAL, paid)
    run.night(place, DAY)
    return place


def test_the_command_masks_the_number_and_leaves_a_trace(home) -> None:
    result = CliRunner().invoke(monitor, ["--home", str(home), "why-not", "-", "a04", "--json"], input=number(1))
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["listed"] is False
    assert told["reasons"] == ["一年内个人负担 9999.99 元 不高于规定的金额 10000.00 元"]
    assert number(1) not in result.output
    assert "person_id" not in told
    shown = CliRunner().invoke(monitor, ["--home", str(home), "why-not", "-", "A04"], input=f"{number(2)}\n")
    assert "已经列出" in shown.output
    assert number(2) not in shown.output


def test_what_cannot_be_asked(home) -> None:
    with pytest.raises(MonitorError, match="没有“A99”这条规则"):
        why_not(home, number(1), "A99")
    with pytest.raises(MonitorError, match="不是可用的身份证号") as problem:
        why_not(home, number(1)[:17], "A01")
    assert number(1)[:17] not in str(problem.value)
    told = why_not(home, number(9), "A01")
    assert told["reasons"] == ["手上的名单（各区名册、摸底、监测和在范围内的部门名单）里都没有这个人"]
