"""From a clean roster, at random: whatever happens to cells and layout, an accepted value is the clean one or unknown and said."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.damage_kit import judged, person_number, sheet

PEOPLE = 6
HEADERS = {
    "name": ["姓名", "*姓 名"], "id_number": ["身份证号", "公民身份号码", "身份证\n号码"], "relation": ["与户主关系"],
    "head_id_number": ["户主身份证号", "户主身份证号码"], "sex": ["性别"], "birth_date": ["出生日期", "出生年月日"],
    "monthly_income_fen": ["月收入", "月收入(元)", "月收入（元）"], "start_month": ["最初享受月份", "最初享受月"],
}  # fmt: skip
NUMERALS = str.maketrans("0123456789", "〇一二三四五六七八九")
WIDE = {ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789X"}


def clean(serial: int) -> dict[str, Any]:
    """One person of the roster; his own head."""
    born = date(1950 + serial * 7, serial % 12 + 1, serial * 3 + 1)
    number = person_number(serial + 1, f"{born:%Y%m%d}")
    return {
        "name": ["张三", "买买提·艾力江", "欧阳小明", "李𠮷", "阿依古丽", "王〇"][serial], "id_number": number, "head_id_number": number,
        "relation": "户主", "sex": "男", "birth_date": born, "monthly_income_fen": 10_000 * serial + 1234,
        "start_month": date(2020, serial % 12 + 1, 1),
    }  # fmt: skip


def _number(draw: Any, number: str) -> Any:
    at, by = draw(st.integers(0, 16)), draw(st.integers(1, 9))
    changed = number[:at] + str((int(number[at]) + by) % 10) + number[at + 1 :]
    swapped = number[:at] + number[at + 1] + number[at] + number[at + 2 :] if number[at + 1] != number[at] else changed
    ways = [
        number, number, number.lower(), number.translate(WIDE), f"'{number}", f" {number[:6]} {number[6:]}\t",
        number[:6] + number[8:17], changed, swapped, number[:at] + number[at + 1 :], number + str(by), number + "42",
        float(number[:17] + "0"), f"{float(number[:17] + '0'):.5E}", None,
    ]  # fmt: skip
    return draw(st.sampled_from(ways))


def _day(draw: Any, day: date) -> Any:
    numerals = f"{day.year}".translate(NUMERALS)
    ways = [
        f"{day}", f"{day:%Y/}{day.month}/{day.day}", f"{day:%Y.%m.%d}", f"{day:%Y%m%d}", f"{day.year}年{day.month}月{day.day}日",
        f"{numerals}年{day.month}月{day.day}日", day, (day - date(1899, 12, 30)).days, f" {day} ",
        f"{day:%d/%m/%Y}", f"{day:%y-%m-%d}", f"{day:%Y.%m}", f"{day:%Y}-{day.month:02d}-00", "不详", "/", None, float(f"{day.year}.1"),
    ]  # fmt: skip
    return draw(st.sampled_from(ways))


def _month(draw: Any, day: date) -> Any:
    ways = [
        f"{day:%Y-%m}", f"{day:%Y.%m}", f"{day:%Y%m}", f"{day.year}年{day.month}月", f"{day:%Y-%m-%d}", int(f"{day:%Y%m}"), day,
        f"{day.month}/{day.year}", "2020", "2020.1", f"{day:%y.%m}", None,
    ]  # fmt: skip
    return draw(st.sampled_from(ways))


def _money(draw: Any, fen: int) -> Any:
    yuan = f"{fen / 100:.2f}"
    ways = [
        yuan, float(yuan), f"￥{fen / 100:,.2f}", f"{yuan}元", yuan.translate({**WIDE, ord("."): "．"}), f"'{yuan}", float(yuan) + 1e-9,
        f"约{yuan}", f"{yuan}-{yuan}", "无", "/", "-", "", "=1+", yuan + "5",
    ]  # fmt: skip
    return draw(st.sampled_from(ways))


def _name(draw: Any, name: str) -> Any:
    dot = draw(st.sampled_from("·•・．.‧∙●･"))
    spread = name[0] + "\u3000" + name[1] if len(name) == 2 else name
    return draw(
        st.sampled_from([name, name.replace("·", dot), f" {spread}\n", name[:1] + "\u200b" + name[1:], None, "123"])
    )


@st.composite
def files(draw: Any) -> tuple[list[list[Any]], dict[int, dict[str, Any]], list[str]]:
    """(rows of a sheet, clean person by row number, fields by column)."""
    fields = draw(st.permutations(list(HEADERS)))
    header = [draw(st.sampled_from(HEADERS[field])) for field in fields]
    rows: list[list[Any]] = [["青禾区2026年10月低保人员名单"], *([[None]] * draw(st.integers(0, 5)))]
    rows.append([*header, "特长", "民族"])
    people: dict[int, dict[str, Any]] = {}
    for serial in range(PEOPLE):
        if draw(st.integers(0, 4)) == 0:
            rows.append(draw(st.sampled_from([[None], ["小计", 3], [*header], ["合计:", None, 7]])))
        person = clean(serial)
        cells = {
            "name": _name(draw, person["name"]), "id_number": _number(draw, person["id_number"]),
            "head_id_number": _number(draw, person["id_number"]), "relation": draw(st.sampled_from(["户主", "本人", " 户主 ", "/"])),
            "sex": draw(st.sampled_from(["男", "1", 1, "男 ", "女", "?", None])), "birth_date": _day(draw, person["birth_date"]),
            "monthly_income_fen": _money(draw, person["monthly_income_fen"]), "start_month": _month(draw, person["start_month"]),
        }  # fmt: skip
        rows.append([*(cells[field] for field in fields), "某", "某"])
        people[len(rows)] = person
    rows += draw(st.sampled_from([[], [["合计", 6]], [["填表人:某甲  审核人:某乙"]], [[None], ["说明:每月报送"]]]))
    return rows, people, fields


@settings(
    max_examples=12,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(made=files())
def test_an_accepted_value_is_the_clean_one_or_unknown_and_said(
    tmp_path_factory: Any, made: tuple[list[list[Any]], dict[int, dict[str, Any]], list[str]]
) -> None:
    rows, people, fields = made
    path: Path = sheet(tmp_path_factory.mktemp("x") / "x.xlsx", rows)
    outcome = judged(path)
    assert outcome.refusal is None, outcome.refusal
    # A row without a word in it is nobody's: every other row is accepted or set aside, and stands where it stood.
    assert {row for _, row in (*outcome.accepted, *outcome.aside)} == set(people)
    for (_, row), accepted in outcome.accepted.items():
        for field in fields:
            sent = rows[row - 1][fields.index(field)]
            if accepted[field] is None:
                blank = sent is None or str(sent).strip() in ("", "/", "-", "无")
                assert blank or outcome.said(row, field), (field, sent)
            else:
                assert accepted[field] == people[row][field], (field, sent)
        assert accepted["id_birth_date"] == people[row]["birth_date"] and accepted["id_sex"] == "男"
    for _, row in outcome.aside:
        assert outcome.said(row), "a row is never set aside without a line"
