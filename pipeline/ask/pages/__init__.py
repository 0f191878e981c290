"""Printable pages: a template beside this file, filled with plain data; whatever a sender wrote is escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True, keep_trailing_newline=True,
)  # fmt: skip


def render(name: str, **values: Any) -> str:
    """The page `<name>.html.j2` with these values. Raises jinja2.UndefinedError for a value that the template misses."""
    return _TEMPLATES.get_template(f"{name}.html.j2").render(values)
