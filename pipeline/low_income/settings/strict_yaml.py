"""Reads YAML files that people edit, strictly: an unknown key, a repeated key or a wrong type is an error that names it."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from low_income.model import MonitorError, why_of_system


class Strict(BaseModel):
    """A data model that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


S = TypeVar("S", bound=Strict)


class Misplaced(ValueError):
    """Raised by a validator of a whole model, with the keys and positions that lead to the wrong value."""

    def __init__(self, words: str, *way: str | int) -> None:
        super().__init__(words)
        self.way = way


def written(pattern: str, words: str) -> AfterValidator:
    """Validator: the whole text must match `pattern`; `words` say the same to the person who edits the file."""

    def validate(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"写法不对，{words}")
        return text

    return AfterValidator(validate)


Code = Annotated[str, written(r"[a-z][a-z0-9_]{0,39}", "应以小写字母开头，只用小写字母、数字和下划线，最多 40 个")]
"""Codes of units, sources and kinds."""


# The C parser reads a home ten times faster; the Python parser gives the same result where PyYAML was built without C.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc]  # which of the two it is, shows at run time
    """YAML without its traps: a repeated key is an error, and `no`, `010`, `12:30`, `2026-01-01` are text."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            lines = [key.start_mark.line + 1 for key, _ in node.value if key.value == twice[0]]
            raise yaml.YAMLError(f"重复的键 {'、'.join(twice)}（第 {lines[1]} 行）")
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9]\d*)$"), list("-0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^-?(?:0|[1-9]\d*)\.\d+$"), list("-0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^<<$"), ["<"])


def read_yaml(path: Path, error: type[MonitorError]) -> dict[str, Any]:
    """The mapping in a YAML file. Raises `error`, which names the file, when it is not YAML or not a mapping."""
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        data = copy.deepcopy(_parsed(text))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise error(f"{_short(path)}：读不了：{_why_unread(problem, text)}") from problem
    if not isinstance(data, dict):
        raise error(f"{_short(path)}：{_wide_colon(text) or _OF_PAIRS}")
    return data


@lru_cache(maxsize=64)
def _parsed(text: str) -> Any:
    """What a YAML text says; never changed. A process reads the same texts many times, and parsing is slow."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - _Loader is a SafeLoader


_OF_PAIRS = "应是“键: 值”的列表（半角冒号，后面空一格）"
_CAUSES = (
    ("could not find expected ':'", "少了半角冒号，冒号后面要空一格"),
    ("mapping values are not allowed", "冒号的位置或缩进不对；文字里有冒号的，整段加引号"),
    ("unexpected end of stream", "引号或括号没有结束"),
    ("did not find expected|expected <block end>|flow sequence|flow mapping", "缩进、括号、引号或逗号没有对上"),
    ("found undefined alias|found character", "有一个符号不能这样用，文字请加引号"),
)
"""Pattern of PyYAML's message → what the person who edits the file should look for."""
_WIDE_COLON = re.compile(r"^\s*(?:- )?[\w.]+：", re.MULTILINE | re.ASCII)


def _why_unread(problem: Exception, text: str) -> str:
    """Why a file could not be read as YAML, in Chinese, with the line where it is known."""
    if isinstance(problem, UnicodeDecodeError):
        return "不是 UTF-8 编码，请用 UTF-8 另存"
    if isinstance(problem, OSError):
        return why_of_system(problem)
    mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
    if mark is None:
        return str(problem)  # raised by our own loader
    if wide := _wide_colon(text):
        return wide
    if tab := re.search(r"^ *\t", text, re.MULTILINE):
        return f"第 {_line_at(text, tab.end())} 行开头用了制表符，缩进请用空格"
    said = f"{getattr(problem, 'context', '')} {getattr(problem, 'problem', '')}"
    cause = next((words for pattern, words in _CAUSES if re.search(pattern, said)), "请核对缩进、半角冒号、括号和引号")
    return f"第 {mark.line + 1} 行附近写法不对：{cause}"


def _wide_colon(text: str) -> str:
    found = _WIDE_COLON.search(text)
    return f"第 {_line_at(text, found.end())} 行用了全角冒号，请改成半角冒号，后面空一格" if found else ""


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def read_shape(shape: type[S], path: Path, data: dict[str, Any], error: type[MonitorError]) -> S:
    """The data as a model. Raises `error`, which names the file, the key, what is expected there, and the line.

    `path` is the path of the file, or `<file>:<key>` where the data are one entry of it.
    """
    try:
        return shape.model_validate(data)
    except ValidationError as problem:
        first, *others = _as_written(problem.errors(include_url=False, include_input=False), data)
        names = _place(first["loc"])
        key = f":{names}" if names else "" if ":" in path.name else "（整个文件）"
        where = _where(path, first)
        said = _not_parted(first, data) or _in_chinese(first)
        raise error(f"{_short(path)}{key}：{said}{_misspelt(first, others)}{where}") from problem


def line_of(path: Path, *way: str | int) -> str:
    """`（第 N 行）`: the line of the value to which the keys and positions lead in a file; '' when it is not known."""
    return _where(path, {"loc": way, "type": ""})


_KEY = "[key]"
"""The last part of pydantic's location when the key itself is wrong."""


def _as_written(problems: Sequence[Any], data: Any) -> list[Any]:
    """Errors with locations as in the file: without the type names that pydantic adds for a union.

    Where a value may be of several types, the error deepest inside the value is the most exact, and comes first.
    """
    found = []
    for problem in problems:
        said = problem.get("ctx", {}).get("error")
        value: Any = data
        way: list[str | int] = []
        for part in (*problem["loc"], *(said.way if isinstance(said, Misplaced) else ())):
            is_key = isinstance(value, dict) and part in value
            is_position = isinstance(value, list) and isinstance(part, int) and part < len(value)
            if part == _KEY and way[-1:] == [_KEY]:
                continue
            if is_key or is_position:
                value = value[part]
            elif isinstance(part, str) and re.fullmatch(r"[a-z-]+(\[.*\])?", part) and value is not data:
                is_missing = isinstance(value, dict) and problem["type"] == "missing"
                if not is_missing:
                    continue  # the name of a type
            way += [str(part), _KEY] if is_key and not isinstance(part, str) else [part]
        found.append({**problem, "loc": tuple(way)})
    start = found[0]["loc"]
    inner = [each for each in found if each["loc"][: len(start)] == start and each["type"] != "missing"]
    first = max(inner, key=lambda each: len(each["loc"]), default=found[0]) if _is_union(problems) else found[0]
    return [first, *(each for each in found if each is not first)]


def _is_union(problems: Sequence[Any]) -> bool:
    """Whether the first wrong value may be of several types."""
    return any("[" in str(part) and part != _KEY for part in problems[0]["loc"])


def _place(way: Sequence[str | int]) -> str:
    """The location of a value, counted from 1: `values 第 2 项的 amount`."""
    if way and way[-1] == _KEY:
        above = _place(way[:-2])
        return f"{above}{'' if above.endswith(' 项') else ' '}的键 {way[-2]}"
    said = ""
    for part in way:
        is_after_entry = said.endswith(" 项")
        if isinstance(part, int):
            said += f"{'的' if is_after_entry else ' ' if said else ''}第 {part + 1} 项"
        else:
            said += f"{'的 ' if is_after_entry else '.' if said else ''}{part}"
    return said


_SHOWN = re.compile(r"int_|decimal_|bool_|finite_number|literal_error|greater_|less_")
"""Types of errors whose message shows the value: such a value is never a secret."""
_MOST_SHOWN = 20


def _where(path: Path, problem: Any) -> str:
    """The line of a wrong value, and what is written there where it may be shown; '' when the line is not known."""
    name, _, entry = path.name.partition(":")
    way = [*([entry] if entry else []), *problem["loc"]]
    try:
        node: Any = yaml.compose(path.with_name(name).read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return ""
    line, left = 0, way[:-1] if way[-1:] == [_KEY] else way
    while left:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(left[0])), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(left[0], int) and left[0] < len(node.value):
            found = node.value[left[0]], node.value[left[0]]
        else:
            found = None
        if not found:
            break
        line, node = found[0].start_mark.line + 1, found[1]
        left.pop(0)
    if not line:
        return ""
    # Only policy files have an entry, and nothing in them is secret.
    is_open = _SHOWN.match(problem["type"]) or (entry and problem["type"] == "value_error")
    if left or not is_open or not isinstance(node, yaml.ScalarNode):
        return f"（第 {line} 行）"
    text = node.value if len(node.value) <= _MOST_SHOWN else f"{node.value[:_MOST_SHOWN]}…"
    return f"（第 {line} 行，写的是“{text}”）"


def _misspelt(missing: Any, others: Sequence[Any]) -> str:
    """For a missing key: the unknown key beside it, which is often the same key misspelt."""
    beside = [
        str(each["loc"][-1])
        for each in others
        if each["type"] == "extra_forbidden" and each["loc"][:-1] == missing["loc"][:-1]
    ]
    return f"；旁边不认识的“{beside[0]}”是不是写错了" if missing["type"] == "missing" and beside else ""


_COLON = re.compile("[:：]")


def _not_parted(problem: Any, data: Any) -> str:
    """What to write where key and value were read as one key without a value, as in `{名称：name}`; '' elsewhere."""
    value = data
    for part in problem["loc"]:
        is_there = part in value if isinstance(value, dict) else isinstance(value, list) and isinstance(part, int)
        if not is_there:
            return ""
        value = value[part]
    is_one = value is None and _COLON.search(str(problem["loc"][-1])) if problem["loc"] else None
    return "键和值没有分开：中间要用半角冒号，后面空一格" if is_one else ""


_A_DAY = "应是日期，写作 2026-01-01"
_CHINESE = {
    "missing": "缺这一项",
    "extra_forbidden": "不认识这一项，是不是写错了",
    "string_type": "应是文字（数字请加引号）", "invalid_key": "应是文字（数字请加引号）",
    "int_type": "应是整数", "int_parsing": "应是整数", "int_from_float": "应是整数",
    "bool_type": "应是 true 或 false", "bool_parsing": "应是 true 或 false",
    "list_type": "应是列表", "dict_type": _OF_PAIRS, "model_type": _OF_PAIRS, "tuple_type": "应是列表",
    "decimal_type": "应是数字", "decimal_parsing": "应是数字", "decimal_max_digits": "数字最多 {max_digits} 位",
    "decimal_whole_digits": "整数部分最多 {whole_digits} 位", "finite_number": "应是数字",
    "too_long": "最多 {max_length} 项", "string_too_long": "最多 {max_length} 个字", "set_type": "应是列表",
    "literal_error": "应是 {expected} 之一",
    "greater_than_equal": "不能小于 {ge}", "less_than_equal": "不能大于 {le}",
    "date_type": _A_DAY, "date_parsing": _A_DAY, "date_from_datetime_parsing": _A_DAY, "date_from_datetime_inexact": _A_DAY,
    "too_short": "不能是空的", "string_too_short": "不能是空的",
    "decimal_max_places": "小数位数不能超过 {decimal_places}",
}  # fmt: skip


def _in_chinese(problem: Any) -> str:
    """Pydantic's error in Chinese, for the person who edits the file; errors of our own validators are Chinese already."""
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    told = dict(problem.get("ctx", {}))
    if problem["type"] == "literal_error":  # it looks like "'城市', '农村' or '全部'"
        told["expected"] = "、".join(re.findall(r"'([^']*)'", told["expected"]))
    words = _CHINESE.get(problem["type"])
    return words.format(**told) if words else f"写法不对（{problem['type']}）"


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
