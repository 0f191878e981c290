"""YAML files that people edit, read strictly: an unknown key, a key written twice or a wrong type stops us, by name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.model import MonitorError


class Strict(BaseModel):
    """A shape that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


S = TypeVar("S", bound=Strict)


# The parser in C reads a home ten times faster; where PyYAML was built without it, the other says the same.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc]  # which of the two it is, shows at run time
    """YAML without its traps: a key written twice is refused, and `no`, `010`, `12:30`, `2026-01-01` are text."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise yaml.YAMLError(f"重复的键 {'、'.join(twice)}（第{node.start_mark.line + 1}行）")
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9]\d*)$"), list("-0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^-?(?:0|[1-9]\d*)\.\d+$"), list("-0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^<<$"), ["<"])


def read_yaml(path: Path, error: type[MonitorError]) -> dict[str, Any]:
    """The mapping in a YAML file. Raises `error`, naming the file, when it is no YAML or no mapping."""
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - _Loader is a SafeLoader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise error(f"{_short(path)}：读不了：{problem}") from problem
    if not isinstance(data, dict):
        raise error(f"{_short(path)}：应是“键：值”的列表")
    return data


def read_shape(shape: type[S], path: Path, data: dict[str, Any], error: type[MonitorError]) -> S:
    """Data as a shape. Raises `error` naming the file, the key, and what is expected there."""
    try:
        return shape.model_validate(data)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "（整个文件）"
        raise error(f"{_short(path)}:{key}：{_in_chinese(first)}") from problem


_CHINESE = {
    "missing": "缺这一项",
    "extra_forbidden": "不认识这一项，是不是写错了",
    "string_type": "应是文字（数字请加引号）",
    "int_type": "应是整数", "int_parsing": "应是整数", "int_from_float": "应是整数",
    "bool_type": "应是 true 或 false", "bool_parsing": "应是 true 或 false",
    "list_type": "应是列表", "dict_type": "应是“键：值”的列表", "model_type": "应是“键：值”的列表",
    "literal_error": "应是 {expected} 之一",
    "greater_than_equal": "不能小于 {ge}", "less_than_equal": "不能大于 {le}",
    "too_short": "不能是空的", "string_too_short": "不能是空的", "string_pattern_mismatch": "写法不对，应符合 {pattern}",
    "decimal_max_places": "小数位数不能超过 {decimal_places}",
}  # fmt: skip


def _in_chinese(problem: Any) -> str:
    """What pydantic found, in the words of the person who edits the file; our own validators speak Chinese already."""
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    words = _CHINESE.get(problem["type"])
    return words.format(**problem.get("ctx", {})) if words else str(problem["msg"])


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
