"""Renders printable HTML pages from the templates beside this file and plain data. All text of senders is escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def read_templates(folder: Path) -> Environment:
    """The templates in a folder: every value is escaped, and a value that is missing is an error."""
    return Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip


_TEMPLATES = read_templates(Path(__file__).parent)


def render(name: str, **values: Any) -> str:
    """Render the page `<name>.html.j2` with these values. Raises jinja2.UndefinedError when the template needs a missing value."""
    return _TEMPLATES.get_template(f"{name}.html.j2").render(values)
