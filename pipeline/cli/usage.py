"""What the command line says of itself, in Chinese: pages of help, and what is wrong in a line that was typed.

Made of what click offers for it: classes of commands, of parameter types and of the formatter. Nothing of click's own words is
shown: a page is written from the parameters, and `wrong_use` tells an error from what it knows, not from what it says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.cells import cell_len

_PIECE = re.compile(r" +|[（“《]*(?:[!-~]+|[^!-~])[，。；：、？！）”》]*")
"""What stays on one line: a word in Latin letters, or one Chinese character, with the marks that belong to it."""


class Day(click.ParamType[date]):
    """A date as YYYY-MM-DD."""

    name = "日期"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Raises BadParameter in Chinese."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value} 不是日期，请写成 2026-10-31", param, ctx)


class Whole(click.IntRange):
    """A whole number, of `min` at least where that is given."""

    name = "整数"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Raises BadParameter in Chinese."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value} 不行，请写{'' if self.min is None else f' {self.min} 或更大的'}整数", param, ctx)


class Positive(click.FloatRange):
    """A number above nothing."""

    name = "数"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Raises BadParameter in Chinese."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value} 不行，请写大于 0 的数", param, ctx)


class Place(click.Path):
    """A file or a folder: one that is there, where `is_there` says which of the two, or any."""

    def __init__(self, is_there: str | None = None):
        super().__init__(
            exists=is_there is not None, file_okay=is_there != "文件夹", dir_okay=is_there != "文件", path_type=Path
        )
        self.name = is_there or "路径"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Raises BadParameter in Chinese."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(self._trouble(value), param, ctx)

    def _trouble(self, value: Any) -> str:
        try:
            there = "文件夹" if Path(value).is_dir() else "文件" if Path(value).exists() else ""
        except (OSError, ValueError):  # a folder on the way that is closed to us; a name that can be none
            there = ""
        if not there:
            return f"没有 {value} 这个{self.name}"
        return f"没有读取 {value} 的权限" if self.name in (there, "路径") else f"{value} 是{there}，这里要写{self.name}"


class _Page(click.HelpFormatter):
    """A page in columns of the terminal, of which a Chinese character takes two, and which needs no blanks to break a line."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, "用法：" if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        self.write(f"{'':>{self.current_indent}}{heading}：\n")

    def write_text(self, text: str) -> None:
        for line in _broken(text, self.width - self.current_indent):
            self.write(f"{'':>{self.current_indent}}{line}\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        rows = list(rows)
        left = min(max(cell_len(first) for first, _ in rows), col_max) + col_spacing
        for first, second in rows:
            lines = _broken(second, max(self.width - self.current_indent - left, 20))
            gap = left - cell_len(first)
            self.write(f"{'':>{self.current_indent}}{first}")
            self.write(" " * gap if gap >= col_spacing else f"\n{'':>{self.current_indent + left}}")
            self.write(f"\n{'':>{self.current_indent + left}}".join(lines) + "\n")


def _broken(text: str, width: int) -> list[str]:
    """The lines of a text, each of which takes so many columns at most."""
    lines = [""]
    for piece in _PIECE.findall(" ".join(text.split())):
        if cell_len(lines[-1] + piece.rstrip()) > width and lines[-1].strip():
            lines.append(piece.lstrip())
        else:
            lines[-1] += piece
    return [line.rstrip() for line in lines]


class _Context(click.Context):
    formatter_class = _Page


class Command(click.Command):
    """A command whose page is Chinese; what is typed too much is told by us."""

    context_class = _Context
    allow_extra_args = True

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Options in a word, then the arguments."""
        return ["[选项]", *(piece for each in self.get_params(ctx) for piece in each.get_usage_pieces(ctx))]

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Click's own, with our words."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = "显示这一页"
        return option

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each option with what it takes, whether it must be there, and what stands for it where it is not."""
        options = [each for each in self.get_params(ctx) if isinstance(each, click.Option) and not each.hidden]
        with formatter.section("选项"):
            formatter.write_dl([(_spelling(each), _meaning(each, ctx)) for each in options])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Raises UsageError, which knows its command, for what does not belong here."""
        try:
            rest = super().parse_args(ctx, args)
        except click.UsageError as problem:
            problem.ctx = problem.ctx or ctx
            raise
        if rest and not isinstance(self, click.Group) and not ctx.resilient_parsing:
            raise click.UsageError(f"多写了 {' '.join(rest)}", ctx)
        return rest


class Group(Command, click.Group):
    """Commands on one page. Its own function is called with no command, too, and says what is missing."""

    command_class = Command

    def __init__(self, name: str, **more: Any):
        super().__init__(name, **{**more, "invoke_without_command": True, "no_args_is_help": True})

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """A command follows."""
        return [*super().collect_usage_pieces(ctx), "命令", "…"]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options and the commands."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each command with the first sentence of what it is for."""
        rows = [
            (name, f"{(command.help or '').partition('。')[0]}。")
            for name, command in sorted(self.commands.items())
            if not command.hidden
        ]
        with formatter.section("命令"):
            formatter.write_dl(rows)


def _spelling(option: click.Option) -> str:
    names = ", ".join(sorted(option.opts, key=len))
    return names if option.is_flag else f"{names} {_takes(option)}"


def _takes(option: click.Option) -> str:
    return option.metavar or ("文字" if option.type is click.STRING else option.type.name)


def _meaning(option: click.Option, ctx: click.Context) -> str:
    more = ["必填"] if option.required else []
    if default := option.get_help_extra(ctx).get("default"):
        more.append(f"不写就是 {default}")
    return f"{option.help or ''}（{'，'.join(more)}）" if more else option.help or ""


def wrong_use(problem: click.ClickException) -> str:
    """What is wrong in a line that was typed, and what to type."""
    said = problem.message  # ours, where none of click's own kinds is
    match problem:
        case click.MissingParameter(param=click.Option() as option):
            said = f"没有写 {option.opts[0]}：{option.help}"
        case click.MissingParameter(param=click.Parameter() as argument):
            said = f"没有写{argument.human_readable_name.removeprefix('[-] ')}"
        case click.BadParameter(param=click.Option() as option):
            said = f"{option.opts[0]}：{problem.message}"
        case click.NoSuchOption():
            said = f"没有 {problem.option_name} 这个选项{_or_rather(problem.possibilities)}"
        case click.exceptions.NoSuchCommand():
            said = f"没有 {problem.command_name} 这个命令{_or_rather(problem.possibilities)}"
        case click.BadOptionUsage():
            said = f"{problem.option_name} 后面{_must_follow(problem)}"
    return said


def _or_rather(names: Iterable[str] | None) -> str:
    return f"，是不是 {'、'.join(names)}？" if names else ""


def _must_follow(problem: click.BadOptionUsage) -> str:
    known = problem.ctx.command.get_params(problem.ctx) if problem.ctx else []
    for each in known:
        if isinstance(each, click.Option) and problem.option_name in each.opts:
            return "什么都不写" if each.is_flag else f"要写{_takes(each)}"
    return "写得不对"
