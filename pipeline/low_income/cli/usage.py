"""Writes the Chinese help pages of the command line, and the Chinese messages for wrong use.

It extends click's classes of commands, parameter types and the help formatter. No text of click itself is shown: a page is
written from the parameters, and `wrong_use` makes its message from an error's fields, not from its text.
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
"""A piece that is never broken over lines: a Latin word or one Chinese character, with its punctuation marks."""


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
    """A whole number, at least `min` when that is given."""

    name = "整数"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Raises BadParameter in Chinese."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value} 不行，请写{'' if self.min is None else f' {self.min} 或更大的'}整数", param, ctx)


class Positive(click.FloatRange):
    """A number above 0."""

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
    """A file or a folder. `is_there` says which of the two must exist; None accepts any path."""

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
        except (OSError, ValueError):  # a folder on the way cannot be read, or the name is impossible
            there = ""
        if not there:
            return f"没有 {value} 这个{self.name}"
        return f"没有读取 {value} 的权限" if self.name in (there, "路径") else f"{value} 是{there}，这里要写{self.name}"


class _Page(click.HelpFormatter):
    """A help page in terminal columns: a Chinese character takes two, and a line may break without a blank."""

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
    """The lines of a text, each at most `width` columns wide."""
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
    """A command with a Chinese help page. We report surplus arguments ourselves."""

    context_class = _Context
    allow_extra_args = True

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """One word for all options, then the arguments."""
        return ["[选项]", *(piece for each in self.get_params(ctx) for piece in each.get_usage_pieces(ctx))]

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Click's own help option, with our Chinese words."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = "显示这一页"
        return option

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each option with its value, whether it is required, and its default."""
        options = [each for each in self.get_params(ctx) if isinstance(each, click.Option) and not each.hidden]
        with formatter.section("选项"):
            formatter.write_dl([(_spelling(each), _meaning(each, ctx)) for each in options])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Raises UsageError, with the context of its command, for surplus arguments."""
        try:
            rest = super().parse_args(ctx, args)
        except click.UsageError as problem:
            problem.ctx = problem.ctx or ctx
            raise
        if rest and not isinstance(self, click.Group) and not ctx.resilient_parsing:
            raise click.UsageError(f"多写了 {' '.join(rest)}", ctx)
        return rest


class Group(Command, click.Group):
    """A group of commands. Its function also runs without a command, and says that one is missing."""

    command_class = Command

    def __init__(self, name: str, **more: Any):
        super().__init__(name, **{**more, "invoke_without_command": True, "no_args_is_help": True})

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """As `Command`, followed by a command."""
        return [*super().collect_usage_pieces(ctx), "命令", "…"]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options and the commands."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each command with the first sentence of its help."""
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
    """What is wrong in the typed line, and what to type, in Chinese."""
    said = problem.message  # our own message, unless it is one of click's kinds below
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
