"""The command line: takes arguments and gives an exit code: 0 done, 1 refused or failed with its reason, 2 wrong use."""

from __future__ import annotations

import sys

import click

from low_income.cli import answers, developers, files, home, nights, people, usage
from low_income.cli.command import monitor
from low_income.model import MonitorError, legible, mask, tell_failure

__all__ = ["main", "monitor"]
GROUPS = (answers, developers, files, home, nights, people)
"""Modules with the commands of `monitor`: each adds its commands when it is loaded."""


def main() -> None:
    """Entry point of `monitor`. A failure ends in a Chinese sentence that quotes no row, and exit code 1; wrong use in 2."""
    try:
        monitor.main(prog_name="monitor", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.exceptions.NoArgsIsHelpError as problem:
        click.echo(problem.message, err=True)
        sys.exit(2)
    except click.ClickException as problem:
        click.echo(mask(legible(f"用法不对：{usage.wrong_use(problem)}")), err=True)
        if isinstance(problem, click.UsageError) and problem.ctx:
            click.echo(f"{problem.ctx.get_usage()}\n说明：{problem.ctx.command_path} --help", err=True)
        sys.exit(2)
    except MonitorError as problem:
        click.echo(f"没有完成：{tell_failure(problem)}", err=True)
        sys.exit(1)
    except OSError as problem:
        click.echo(f"没有完成：{tell_failure(problem)}；已发布的仍是上一版，处理好以后再运行一次", err=True)
        sys.exit(1)
    except Exception as problem:  # noqa: BLE001 - whatever it is, its words may be somebody's
        click.echo(f"没有完成：{tell_failure(problem)}。已发布的仍是上一版；请把这一句告诉维护人员", err=True)
        sys.exit(1)
