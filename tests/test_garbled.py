"""Names whose bytes were read in another encoding: the column is held with that reason, and no good name is taken for one."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from low_income import advice
from low_income.reading import layout
from low_income.reading.garbled import garbled, is_garbled

from tests.damage_kit import judged, person_number, sheet

NAMES = [
    "张三",
    "李四光",
    "王小明",
    "欧阳修",
    "买买提·艾力江",
    "阿依古丽·吐尔逊",
    "朱镕基",
    "司马相如",
    "陈喆",
    "濮阳娅",
]
GOOD = [
    *NAMES, "滕子京", "逄蒙", "José", "Müller", "Ångström", "Иван", "玛丽·José", "张?", "张锟斤拷", "?", "李𠮷", "瑜瑶", "玲", "",
    "丽\ue000", "Ñandú", "ＡＢ", "·",
]  # fmt: skip
PERSON = ["姓名", "身份证号", "与户主关系", "户主身份证号"]


@pytest.mark.parametrize(
    ("real", "taken_for"),
    [
        ("utf-8", "gbk"), ("utf-8", "gb18030"), ("gbk", "cp1252"), ("gbk", "latin-1"), ("utf-8", "cp1252"), ("utf-8", "latin-1"),
        ("gbk", "cp437"), ("gbk", "cp850"), ("utf-8", "cp437"), ("gbk", "utf-8"), ("utf-8", "ascii"),
    ],
)  # fmt: skip
def test_names_read_in_the_wrong_encoding_are_known(real: str, taken_for: str) -> None:
    read = [name.encode(real).decode(taken_for, "replace") for name in NAMES]
    assert [text for text in read if not is_garbled(text)] == []
    assert garbled(pa.array([*read, None])).tolist() == [True] * len(read) + [False]
    asked = [name.encode(real).decode(taken_for, "replace").replace("\ufffd", "?") for name in NAMES]
    if taken_for in ("gbk", "gb18030", "latin-1", "ascii"):
        assert garbled(pa.array(asked)).all()


def test_lost_twice_and_lost_altogether() -> None:
    twice = [
        name.encode("gbk").decode("utf-8", "replace").encode().decode("gbk", "replace") for name in ("张三", "王芳")
    ]
    assert garbled(pa.array([*twice, "???", "??·???", "\ufffd\ufffd"])).all()


def test_a_mark_of_a_lost_character_makes_a_name_nobody_s() -> None:
    lost = ["\ufffd\ufffd赵", "王\ufffd明", "王\x1a明", "\xbf赵", "张\u2426", "买买提\ufffd艾力江"]
    assert [name for name in lost if not is_garbled(name)] == []
    assert garbled(pa.array([*lost, *NAMES])).tolist() == [True] * len(lost) + [False] * len(NAMES)


def test_good_names_are_good() -> None:
    assert [name for name in GOOD if is_garbled(name)] == []
    assert not garbled(pa.array(GOOD)).any()


def rows(names: list[str]) -> list[list[object]]:
    people = [[name, person_number(at), "户主", person_number(at)] for at, name in enumerate(names)]
    return [["2026年10月低保人员名单"], PERSON, *people]


def test_a_garbled_column_holds_the_list_with_one_reason(tmp_path: Path) -> None:
    names = [name.encode().decode("gbk", "replace") for name in NAMES]
    outcome = judged(sheet(tmp_path / "x.xlsx", rows([*names, "张三"])))
    assert outcome.refusal and (outcome.refusal.code, outcome.refusal.fix) == ("garbled", advice.CHECK_ENCODING)
    assert "“姓名”一列是乱码（第3行起，共10行）" in outcome.refusal.reason
    assert not [name for name in names if name in outcome.refusal.reason]
    assert outcome.accepted == {} and outcome.issues == []


def test_a_single_garbled_name_takes_its_row_alone(tmp_path: Path) -> None:
    outcome = judged(sheet(tmp_path / "x.xlsx", rows([*NAMES, "寮犱笁"])))
    assert outcome.refusal is None
    assert outcome.aside == {("Sheet1", 13): "name.garbled"}
    assert [line["rule"] for line in outcome.issues] == ["name.garbled"]


@pytest.mark.parametrize("bad", [1, 2, 3])
def test_of_a_small_list_a_few_garbled_names_take_their_rows_alone(tmp_path: Path, bad: int) -> None:
    names = ["寮犱笁", "\ufffd\ufffd赵", "王\x1a明"][:bad]
    path = tmp_path / "x.csv"
    path.write_text("\n".join(",".join(map(str, row)) for row in rows([*names, "张三"])), encoding="utf-8")
    outcome = judged(path)
    if bad < 3:
        assert outcome.refusal is None and set(outcome.aside.values()) == {"name.garbled"}
        assert (len(outcome.aside), outcome.values("name")) == (bad, ["张三"])
    else:
        assert outcome.refusal and outcome.refusal.code == "garbled"


def test_torn_bytes_of_many_names_are_said_by_row(tmp_path: Path) -> None:
    """The text was cut, not converted: the column is no garbled one."""
    lines = [",".join(map(str, row)).encode("gb18030") for row in rows(NAMES)]
    lines[2:7] = [line.replace(b",", b"\xff,", 1) for line in lines[2:7]]
    (tmp_path / "x.csv").write_bytes(b"\r\n".join([*lines, b""]))
    outcome = judged(tmp_path / "x.csv")
    assert outcome.refusal is None and len(outcome.accepted) == 5
    assert set(outcome.aside.values()) == {"name.unreadable_bytes"}


@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
def test_a_garbled_header_is_said_as_such(tmp_path: Path, suffix: str) -> None:
    lines = [[str(cell).encode().decode("gbk", "replace") for cell in row] for row in rows(NAMES)]
    path = tmp_path / f"x.{suffix}"
    if suffix == "xlsx":
        sheet(path, lines)
    else:
        path.write_text("\n".join(",".join(line) for line in lines), encoding="utf-8")
    (reading,) = layout.read_submissions(path, path.name, "d01", {"division"}, tmp_path / "work")
    assert reading.refusal and reading.refusal.code == "garbled" and "乱码" in reading.refusal.reason
