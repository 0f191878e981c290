"""Chinese that a user reads has Chinese punctuation: no half-width mark beside a Chinese character, in no text of the product."""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from low_income.model import ROOT

HALF = re.compile(r"[一-鿿”’》）…][,;:?!(]|[,;:?!)][一-鿿“‘《（]")
WHAT_SENDERS_WRITE = (
    "pipeline/low_income/generate/",
    "pipeline/low_income/settings/floor.py",
    "expectations/headers.yml",
)
"""Lists as other programs write them, and words that are searched for in them: either form."""
PATTERN = re.compile(
    r"\(\?|\[0-9|\[\^|\\[dwsux(]|\]\{|\]\+|\]\*|regexp_|replace\(|coalesce\(|case when|is distinct from"
)
"""A pattern, or SQL: no text that anybody reads."""
ENGLISH = re.compile(r"[a-z]{3,} [a-z]{2,} [a-z]{2,}")
"""English that names a Chinese word."""
TYPED = ("键: 值", "用户:密码@主机", "env:环境变量名", "airflow:连接名", "主机:端口", "env:变量名")
"""Written like this by whoever follows the advice."""


def texts_of_python(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of what may be shown: no words of ours to each other (docstrings)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    in_pieces = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    ours = set()
    if path.name != "cli.py" and path.parent.name != "dags":  # there they are what is printed
        ours = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in ours:
            continue
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "\ufffc" for part in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in in_pieces:
            yield node.lineno, node.value


def texts_of_yaml(path: Path) -> Iterator[tuple[int, str]]:
    def walk(node: Any) -> Iterator[tuple[int, str]]:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                yield from walk(key)
                yield from walk(value)
        elif isinstance(node, yaml.SequenceNode):
            for each in node.value:
                yield from walk(each)
        elif node is not None:
            yield node.start_mark.line + 1, node.value

    yield from walk(yaml.compose(path.read_text(encoding="utf-8")))


def texts_of_sql(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        for text in re.findall(r"'((?:[^']|'')*)'", line):
            yield number, text


def texts_of_csv(path: Path) -> Iterator[tuple[int, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        for row in lines:
            for cell in row:
                yield lines.line_num, cell


HOW = {".csv": texts_of_csv, ".py": texts_of_python, ".yml": texts_of_yaml, ".sql": texts_of_sql}
FILES = sorted(
    path
    for folder in ("pipeline", "trials", "docs_site", "dags", "expectations", "policy", "sql", "data_samples")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in HOW and not str(path.relative_to(ROOT)).startswith(WHAT_SENDERS_WRITE)
)


def half_width(path: Path) -> list[str]:
    found = []
    for number, text in HOW[path.suffix](path):
        shown = text
        for each in TYPED:
            shown = shown.replace(each, "")
        if not re.search("[一-鿿]", shown) or PATTERN.search(shown) or ENGLISH.search(shown):
            continue
        found += [
            f"{path.relative_to(ROOT)}:{number}: …{shown[max(0, m.start() - 8) : m.end() + 8]}…"
            for m in HALF.finditer(shown)
        ]
    return found


def test_chinese_has_chinese_marks() -> None:
    assert len(FILES) > 200
    assert [line for path in FILES for line in half_width(path)] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", 'said = f"已收,{n} 份"'), ("a.py", 'said = "退回(部分)"'), ("a.yml", "title: 名册(户)"),
        ("a.csv", 'a,"退回,改好"'), ("a.sql", "select '已在册:低保' as said"),
    ],
)  # fmt: skip
def test_a_half_width_mark_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert half_width(tmp_path / name)
