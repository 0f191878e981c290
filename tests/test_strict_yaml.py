"""What somebody mistyped in a settings file is told in one Chinese sentence, with its line."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import pytest
from low_income.model import ConfigError
from low_income.settings.strict_yaml import Code, Misplaced, Strict, line_of, read_shape, read_yaml
from pydantic import Field, model_validator


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a：1\nb: 2", "第 1 行用了全角冒号"), ("x：1", "第 1 行用了全角冒号"),
        ("a:\n\tb: 1", "第 2 行开头用了制表符"), ("a: b: c", "第 1 行附近写法不对：冒号的位置或缩进不对"),
        ("a: 1\n b: 2\n", "第 2 行附近"), ("a: 'x", "引号或括号没有结束"), ("a: {b: 1, c", "没有对上"), ("a: [1, 2\nb: 3", "没有对上"),
        ("a: *x", "一个符号不能这样用"), ("a: @x", "一个符号不能这样用"), ("- 1\n- 2", "应是“键: 值”的列表"), ("键值", "应是“键: 值”的列表"),
        ("a: 1\nb: 1\na: 2", "重复的键 a（第 3 行）"),
    ],
)  # fmt: skip
def test_what_is_no_yaml_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "monitor.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        read_yaml(path, ConfigError)
    assert said in str(raised.value) and "\n" not in str(raised.value)
    assert not re.search(r"[a-z]{3,} [a-z]{3,}", str(raised.value)), "no English of the parser"


def test_a_file_that_cannot_be_read_is_told_in_chinese(tmp_path: Path) -> None:
    path = tmp_path / "monitor.yml"
    for make, said in (
        (lambda: None, "没有这个文件"),
        (lambda: path.write_bytes("a: 中文".encode("gbk")), "不是 UTF-8 编码"),
        (lambda: (path.unlink(), path.mkdir()), "是文件夹，不是文件"),
    ):
        make()
        with pytest.raises(ConfigError, match=said):
            read_yaml(path, ConfigError)


class _Shape(Strict):
    area: Literal["城市", "农村"] = "城市"
    amount: Annotated[Decimal, Field(max_digits=4)] = Decimal(1)
    code: Code = "a"
    names: list[str] = []
    day: date | None = None
    level: Literal["红", "蓝"] | list[Literal["红", "蓝"]] = "红"
    example: str | int | None = None

    @model_validator(mode="after")
    def _names_once(self) -> _Shape:
        for at, name in enumerate(self.names):
            if name in self.names[:at]:
                raise Misplaced(f"{name} 写了两次", "names", at)
        return self


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"area": "镇"}, "area：应是 城市、农村 之一"), ({"amount": "12345"}, "amount：数字最多 4 位"), ({"amount": "x"}, "amount：应是数字"),
        ({"code": "A"}, "code：写法不对，应以小写字母开头"), ({"names": "x"}, "names：应是列表"), ({"nmaes": []}, "nmaes：不认识这一项"),
        ({"day": "2026-13-01"}, "day：应是日期，写作 2026-01-01"), ({"day": "昨天"}, "day：应是日期"), ({"day": []}, "day：应是日期"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_shape_is_told_in_chinese(tmp_path: Path, data: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_shape(_Shape, tmp_path / "monitor.yml", data, ConfigError)
    assert said in str(raised.value)
    assert not re.search(r"[a-z]{3,} [a-z]{3,}", str(raised.value))


class _Entries(Strict):
    values: list[_Shape]


@pytest.mark.parametrize(
    ("written", "entry", "said"),
    [
        ("values:\n  - amount: 1\n  - area: 城市\n    amount: 74O\n", "",
         "monitor.yml:values 第 2 项的 amount：应是数字（第 4 行，写的是“74O”）"),
        ("values:\n  - area: 镇\n", "", "monitor.yml:values 第 1 项的 area：应是 城市、农村 之一（第 2 行，写的是“镇”）"),
        ("values:\n  - aera: 镇\n", "", "monitor.yml:values 第 1 项的 aera：不认识这一项，是不是写错了（第 2 行）"),
        ("values:\n  - names: my-secret\n", "", "monitor.yml:values 第 1 项的 names：应是列表（第 2 行）"),
        ("values:\n  - {}\n  - names: [甲, 乙, 甲]\n", "",
         "monitor.yml:values 第 2 项的 names 第 3 项：甲 写了两次（第 3 行）"),
        ("values:\n  - level: 绿\n", "", "monitor.yml:values 第 1 项的 level：应是 红、蓝 之一（第 2 行，写的是“绿”）"),
        ("values:\n  - level: [红, 绿]\n", "", "monitor.yml:values 第 1 项的 level 第 2 项：应是 红、蓝 之一（第 2 行，写的是“绿”）"),
        ("values:\n  - example: [1]\n", "", "monitor.yml:values 第 1 项的 example：应是文字（数字请加引号）（第 2 行）"),
        ("values:\n  - area: 城市\n    12: 3\n", "", "monitor.yml:values 第 1 项的键 12：应是文字（数字请加引号）（第 3 行）"),
        ("one: {}\nanother:\n  values:\n    - {amount: 12345}\n", "another",
         "monitor.yml:another:values 第 1 项的 amount：数字最多 4 位（第 4 行，写的是“12345”）"),
        ("one: {}\nanother: {}\n", "another", "monitor.yml:another:values：缺这一项（第 2 行）"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_with_its_line_and_what_is_written_there(
    tmp_path: Path, written: str, entry: str, said: str
) -> None:
    path = tmp_path / "monitor.yml"
    path.write_text(written, encoding="utf-8")
    data = read_yaml(path, ConfigError)
    with pytest.raises(ConfigError) as raised:
        read_shape(
            _Entries,
            path.with_name(f"{path.name}:{entry}") if entry else path,
            data[entry] if entry else data,
            ConfigError,
        )
    assert str(raised.value) == f"{tmp_path.name}/{said}"


def test_the_line_of_a_value_is_found_by_the_keys_that_lead_to_it(tmp_path: Path) -> None:
    path = tmp_path / "monitor.yml"
    path.write_text("one: 1\nvalues:\n  - area: 城市\n  - area: 农村\n    names: [甲]\n", encoding="utf-8")
    assert line_of(path, "one") == "（第 1 行）"
    assert line_of(path, "values", 1, "names", 0) == "（第 5 行）"
    assert line_of(path, "values", 1, "amount") == "（第 4 行）", "what is missing stands where its entry begins"
    assert line_of(path, "two") == "" and line_of(tmp_path / "none.yml", "one") == ""


def test_what_one_reader_changes_no_other_reader_of_the_same_text_sees(tmp_path):
    path = tmp_path / "a.yml"
    path.write_text("units: [{code: d01}]\n", encoding="utf-8")
    read_yaml(path, ConfigError)["units"][0]["code"] = "d02"
    assert read_yaml(path, ConfigError) == {"units": [{"code": "d01"}]}
