"""The command `monitor`: its options, and how all commands print."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.segment import Segment

from low_income.cli import usage
from low_income.model import (
    holds_number,
    legible,
)
from low_income.settings.home import Home, keep_to_owner, validate_day

TODAY_NEEDS_ZONE = "默认今天（数据目录所在时区）"


class Screen(Console):
    """A console that makes control characters in a sender's text visible: ESC, C1 controls, marks of direction."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Render as rich does, each piece made legible."""
        for piece in Console.render(self, renderable, options):
            yield piece if piece.control else Segment(legible(piece.text), piece.style)


class _Commands(usage.Group):
    """The commands. None takes an ID number as an argument, since every user of the machine could read it there."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Raises UsageError when an ID number is among the arguments; the message does not repeat it."""
        if any(holds_number(each) for each in args):
            raise click.UsageError(NOT_AS_ARGUMENT)
        return super().parse_args(ctx, args)


NOT_AS_ARGUMENT = (
    "身份证号不写在命令里：同一台机器上的人都看得到，还会留在命令历史里。号码在终端里按提示输入，或写 - 从标准输入读；"
    "原因里不写号码；文件名里有号码的，先改名再检查"
)


class Context:
    """The object that every command gets: the home's folder, and how to print."""

    def __init__(self, home_dir: Path, *, is_named: bool):
        self.folder = home_dir
        self.is_named = is_named
        self.as_json = False
        self.console = Screen(highlight=False)

    def day(self, asked: date | None) -> date:
        """The night's date: the one asked for, else today in the bureau's time zone. Commands get the day only from here."""
        return asked or datetime.now(Home(self.folder).time_zone if self.has_home else None).date()

    def night(self, asked: date | None, *, really: bool) -> date:
        """As `day`, for commands that write or remove. Raises MonitorError for a day after tomorrow without `really`."""
        night = self.day(asked)
        validate_day(night, self.day(None), really=really, insist="加 --really")
        return night

    @property
    def has_home(self) -> bool:
        """Whether to use a home. True when one was named, since it must then exist; else when the default folder is one."""
        return self.is_named or Home(self.folder).config.exists()

    def tell(self, result: Any, render: Callable[[Console], None]) -> None:
        """Print a result: as JSON for machines, or with `render` for people."""
        if self.as_json:
            click.echo(_NOT_LEGIBLE.sub(_as_json_escape, json.dumps(result, ensure_ascii=False, indent=2, default=str)))
        else:
            render(self.console)

    def progress(self) -> Progress:
        """A progress bar on a terminal; in a log it prints nothing."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)


_NOT_LEGIBLE = re.compile(r"[^\n\x20-\x7e\u4e00-\u9fff]")


def _as_json_escape(found: re.Match[str]) -> str:
    return found[0] if legible(found[0]) == found[0] else json.dumps(found[0])[1:-1]


really_option = click.option("--really", is_flag=True, help="日期确实是明天以后的")


day_option = click.option("--date", "day", type=usage.Day(), help=f"夜间任务的日期 D（{TODAY_NEEDS_ZONE}）")


def _as_json(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.obj.as_json = True


json_option = click.option("--json", is_flag=True, expose_value=False, callback=_as_json, help="输出机器可读的 JSON")


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home",
    "home_dir",
    type=usage.Place(),
    envvar="MONITOR_HOME",
    default=Path("var"),
    show_default=True,
    help="数据目录",
)
@click.version_option(
    package_name="low-income-monitoring", prog_name="monitor", message="%(prog)s %(version)s", help="显示版本"
)
@click.pass_context
def monitor(ctx: click.Context, home_dir: Path) -> None:
    """低收入人口动态监测：每天早上说清哪些家庭有风险、还没有得到救助。"""
    keep_to_owner()
    is_named = ctx.get_parameter_source("home_dir") is not ParameterSource.DEFAULT
    ctx.obj = Context(home_dir.absolute(), is_named=is_named)
    if ctx.invoked_subcommand is None:
        raise click.UsageError("没有写命令")


def show_progress(progress: Progress) -> Callable[[str, int, int], None]:
    """The function that shows the progress of long work (name of the step, number done, total) as one bar."""
    task = progress.add_task("准备", total=None)
    return lambda name, done, total: progress.update(task, description=name, completed=done, total=total)
