"""Characters without a shape never matter: in headers, titles, months, names of sheets and files, and in words never received."""

from __future__ import annotations

from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from low_income.folding import INVISIBLE, fold_word, plain_blanks, visible, without_invisible
from low_income.reading.months import month_of_cell, months_in
from low_income.settings.contracts import fold_header, load

from tests.damage_kit import judged, person_number

SHAPELESS = {
    "zero-width space": "\u200b", "soft hyphen": "\u00ad", "byte order mark": "\ufeff", "zero-width joiner": "\u200d",
    "right-to-left mark": "\u200f", "word joiner": "\u2060", "no-break space": "\u00a0", "wide blank": "\u3000",
    "thin space": "\u2009", "narrow no-break space": "\u202f", "line separator": "\u2028", "isolate": "\u2068",
    "variation selector": "\ufe0f", "ideographic selector": "\U000e0100", "hangul filler": "\u3164", "braille blank": "\u2800",
    "escape": "\x1b", "tag": "\U000e0041", "grapheme joiner": "\u034f",
}  # fmt: skip
PERSON = ["姓名", "身份证号", "与户主关系", "户主身份证号"]


def inside(text: str, character: str) -> str:
    """The character at every place of a text."""
    return character + character.join(text) + character


@pytest.mark.parametrize("character", SHAPELESS.values(), ids=SHAPELESS)
def test_python_sql_and_arrow_take_the_same_characters_out(character: str) -> None:
    text = inside("身份证号", character)
    assert visible(text) == plain_blanks(text).replace(" ", "") == fold_word(text) == "身份证号"
    with duckdb.connect() as con:
        assert con.execute(f"select {without_invisible('?')}", [text]).fetchone() == ("身份证号",)
    assert pc.replace_substring_regex(pa.array([text]), f"[{INVISIBLE}]+", "").to_pylist() == ["身份证号"]


@pytest.mark.parametrize("character", SHAPELESS.values(), ids=SHAPELESS)
def test_headers_and_months_are_read_through_them(character: str) -> None:
    assert fold_header(inside("家庭月总收入", character) + "(" + character + "元）") == ("家庭月总收入", "元")
    assert months_in(inside("2026年10月", character)) == ["2026-10"]
    assert month_of_cell(inside("2026-10", character), False) == "2026-10"


@pytest.mark.parametrize("character", SHAPELESS.values(), ids=SHAPELESS)
def test_a_refused_word_with_them_inside_is_still_refused(character: str) -> None:
    assert load().headers.refusal_of(inside("民族", character)) == "民族"


@pytest.mark.parametrize("character", ["\u200b", "\u00ad", "\u00a0", "\ufe0f"])
@pytest.mark.parametrize("place", ["title", "sheet", "file", "column"])
def test_a_list_full_of_them_is_read_like_one_without(tmp_path: Path, character: str, place: str) -> None:
    """The month stands at one of the four places where it is looked for; the sheet beside the list names what is never received."""
    month = inside("2026年10月", character)
    book = openpyxl.Workbook()
    page = book.worksheets[0]
    page.title = (month if place == "sheet" else "") + inside("低保人员", character)
    title = inside("低保人员名单", character) + (month if place == "title" else "")
    header = [inside(name, character) for name in [*PERSON, "民族", "数据月份"]]
    number = person_number(1)
    cells = ["张三", inside(number, character), "户主", number, "绝不能留下", month if place == "column" else None]
    for row in ([title], header, cells, [character], [inside("合计", character), 1]):
        page.append(row)
    other = book.create_sheet("说明")
    other.append([inside("民族", character) + ":绝不能留下"])
    book.save(tmp_path / "x.xlsx")
    outcome = judged(tmp_path / "x.xlsx", "名单" + (month if place == "file" else "") + ".xlsx")
    assert outcome.refusal is None, outcome.refusal
    (reading,) = outcome.readings
    assert (reading.kind, reading.period, len(outcome.accepted)) == ("dibao_person", "2026-10", 1)
    assert outcome.values("id_number") == [number]
    assert outcome.left_out == {"blank": 1, "total": 1}
    assert [name for _, name in reading.sheets[0].refused_columns] == ["民族"]
    assert reading.emptied == {"说明": [(1, 1, 1)]}
