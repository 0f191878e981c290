"""Commands for the data officer's nights: run, status, confirm, except."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from low_income.cli import usage
from low_income.cli.command import Context, day_option, json_option, monitor, really_option, show_progress
from low_income.model import (
    ConfigError,
    ContractError,
    MonitorError,
    PolicyError,
    legible,
)
from low_income.night import confirmations, notify, run
from low_income.records import journal


@monitor.command(name="run")
@day_option
@really_option
@json_option
@click.pass_obj
def run_night(obj: Context, day: date | None, really: bool) -> None:
    """在一个进程里跑完一整夜：收、读、查、退、建、发、告知。建好的一版没有成为当前的一版，退出码是 1。"""
    from low_income.operate import forgetting

    night = obj.night(day, really=really)
    try:
        forgetting.finish(obj.folder, night, who=journal.NIGHT)
    except (ConfigError, PolicyError, ContractError):
        pass  # an unfinished forgetting cannot be looked for; the night itself reports the wrong settings
    except MonitorError as problem:  # this stops no night: the night itself refuses a damaged home
        click.echo(legible(f"中断过的清除（forget）还没有做完：{problem}；改好后运行 monitor purge"), err=True)
    with obj.progress() as progress:
        result = run.night(obj.folder, night, on_step=show_progress(progress))
    obj.tell(result, lambda console: _show_night(result, console))
    if result["current_night"] != result["date"]:
        raise SystemExit(1)


@monitor.command()
@day_option
@json_option
@click.pass_obj
def status(obj: Context, day: date | None) -> None:
    """谁该交、谁交了、退回了什么、各类名单新不新。"""
    from low_income.night import night_report

    result = notify.status(obj.folder, obj.day(day))
    obj.tell(result, lambda console: night_report.show(result, console))


@monitor.command()
@click.argument("submission_id", metavar="报送编号")
@click.option("--by", "by_whom", required=True, help="谁确认的（姓名）")
@click.option("--because", "reason", required=True, help="为什么可以（例如：整片迁出；退回的不是名单）")
@day_option
@really_option
@json_option
@click.pass_obj
def confirm(obj: Context, submission_id: str, by_whom: str, reason: str, day: date | None, really: bool) -> None:
    """确认一份扣住的名单（人数骤减，或程序修好以前处理不了它）：下一夜起按它入库；或确认没有人、没有记录因一份退回的报送而漏掉：下一夜起名单按完整的算。"""
    result = confirmations.confirm_submission(
        obj.folder, submission_id, by_whom=by_whom, reason=reason, day=obj.night(day, really=really)
    )
    since = f"运行 {result['night']} 或以后的一夜（monitor run）"
    what = {
        "confirmed": f"（{result['rows']} 行）经确认可以收，{since}时入库",
        "confirmed_gap": f"经确认没有漏掉的人和记录，{since}，名单不再因为它算作不完整",
    }[result["what"]]
    said = f"已记下：{result['unit']}《{result['file_name']}》（{'、'.join(result['lists'])}）{what}。"
    obj.tell(result, lambda console: console.print(said, markup=False))


@monitor.command(name="except")
@click.argument("issue_id", metavar="问题编号")
@click.option("--by", "by_whom", required=True, help="谁确认的（姓名）")
@click.option("--because", "reason", required=True, help="为什么就是这样（例如：新生儿还没有上户口）")
@click.option("--until", type=usage.Day(), help="到哪一天为止（不含）；默认按政策值 exception_validity")
@day_option
@really_option
@json_option
@click.pass_obj
def except_(
    obj: Context, issue_id: str, by_whom: str, reason: str, until: date | None, day: date | None, really: bool
) -> None:
    """把一条“请确认”的问题记为已知例外：到期以前不再提示，原值照用。"""
    result = confirmations.waive_issue(
        obj.folder, issue_id, by_whom=by_whom, reason=reason, until=until, day=obj.night(day, really=really)
    )
    obj.tell(
        result,
        lambda console: console.print(
            f"已记为例外：{result['unit']}《{result['file_name']}》（{result['rule']}），"
            f"有效到 {result['expires_on']} 之前，下一次 monitor run 起生效。",
            markup=False,
        ),
    )


def _show_night(result: dict[str, Any], console: Console) -> None:
    rows = {table.removeprefix("main."): count for table, count in result["rows"].items()}
    console.print(f"{result['date']} 这一夜已完成：{_came_words(result)}。")
    console.print(
        f"待办预警 {rows['warning_list']} 条，涉及 {rows['household_warning']} 户；问题单元格 {rows['validation_issue']} 处。"
    )
    if result["current_night"] == result["date"]:
        console.print(
            f"已发布 {result['release']}/，清单在 lists/{result['date']}/，给数据员的信在 {result['message']}"
        )
    else:
        console.print(
            f"建好的一版 {result['release']}/ 没有成为当前的一版：当前的是 {result['current_night']} 这一夜的，比它晚。"
            f"清单写在 lists/{result['date']}/，信在 {result['message']}；要用回这一版，运行 monitor rollback {Path(result['release']).name}。"
        )
    if result["moving"]:
        console.print(
            f"收件箱里有 {len(result['moving'])} 份文件刚放进来、这次没有收，稍等再运行：{result['moving'][0]}…",
            markup=False,
        )
    for problem in result["not_sent"]:
        console.print(f"{problem}；信仍在 {result['message']}", markup=False)
    console.print("谁没交、退回了什么：monitor status")


def _came_words(result: dict[str, Any]) -> str:
    """How many units' files came on the night in all, and how many this run found, in Chinese."""
    came = f"收到 {len(result['came'])} 个单位的文件"
    if result["came"] and not result["came_now"]:
        return f"{came}，都是以前运行时收的，这一次没有新的"
    if result["came_now"] != result["came"]:
        return f"{came}，其中这一次 {len(result['came_now'])} 个"
    return came
