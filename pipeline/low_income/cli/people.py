"""Commands for one person's rights and for retention: subject, forget, purge."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import click
from rich.console import Console

from low_income.cli import usage
from low_income.cli.command import NOT_AS_ARGUMENT, Context, day_option, json_option, monitor, really_option
from low_income.settings.home import Home, atomically


def _id_number(source: str | None) -> str:
    """Read an ID number: typed without echo at the terminal, or from standard input when `source` is `-`.

    Raises UsageError for any other source, and does not repeat it.
    """
    if source == "-":
        told = sys.stdin.readline().strip()
    elif source is not None:
        raise click.UsageError(NOT_AS_ARGUMENT)
    elif sys.stdin.isatty():
        told = click.prompt("身份证号（输入时不显示）", hide_input=True).strip()
    else:
        raise click.UsageError("没有终端可以询问：号码写 -，从标准输入读")
    if not told:
        raise click.UsageError("没有读到身份证号")
    return told


@monitor.command()
@click.argument("source", metavar="[-]", required=False)
@click.option("--because", default="未写明", help="为什么查询（如：本人申请），写进日志")
@click.option("--out", type=usage.Place(), help="把查询结果写成可以打印的网页（.html）")
@json_option
@click.pass_obj
def subject(obj: Context, source: str | None, because: str, out: Path | None) -> None:
    """本人的权利：某个人名下保存着什么、来自哪份文件、谁看过、用在哪些预警上。查询本身也记入日志。身份证号在终端里询问，或写 - 从标准输入读。"""
    from low_income.operate import integrity, rights

    told = rights.subject(obj.folder, _id_number(source), obj.day(None), who=integrity.login(), because=because)
    if out:
        bureau = next(unit.name for unit in Home(obj.folder).units.values() if unit.kind == "bureau")
        with atomically(out) as part:
            part.write_text(rights.page(told, bureau), encoding="utf-8")

    def render(console: Console) -> None:
        console.print(f"{told['person']} 名下有 {len(told['rows'])} 条记录：")
        for row in told["rows"]:
            place = f"{row['来自']}《{row['文件']}》{row['工作表']} 第 {row['行']} 行，{row['收到']} 收到"
            console.print(
                f"• {row['种类']}：{place}{'（退回，没有采用）' if row['退回'] else '' if row['仍在使用'] else '（已被代替）'}",
                markup=False,
            )
        for title, lines in told["published"].items():
            console.print(f"{title}：{len(lines)} 条")
        for line in told["looked"]:
            console.print(f"{line['时间']} {line['谁']} {line['做了什么']}：{line['为什么']}", markup=False)
        console.print(f"全文写在 {out}。" if out else "要给本人看全文，加 --out 文件.html。")

    obj.tell(told, render)


@monitor.command()
@click.argument("source", metavar="[-]", required=False)
@click.option("--because", default="未写明", help="为什么清除（如：本人申请），写进日志")
@day_option
@really_option
@json_option
@click.pass_obj
def forget(obj: Context, source: str | None, because: str, day: date | None, really: bool) -> None:
    """本人的权利：清除某个人名下已没有理由保存的数据；保留的逐条说明理由。身份证号在终端里询问，或写 - 从标准输入读。"""
    from low_income.operate import forgetting, integrity

    night = obj.night(day, really=really)
    told = forgetting.forget(obj.folder, _id_number(source), night, who=integrity.login(), because=because)

    def render(console: Console) -> None:
        console.print(
            f"清除了 {told['removed']} 条，保留 {len(told['kept'])} 条；另清除退回件、清单、信等 {len(told['outputs'])} 份，"
            f"以前的版本 {len(told['releases'])} 版。"
        )
        for row in told["kept"]:
            console.print(f"• {row['种类']}《{row['文件']}》第 {row['行']} 行：{row['因为']}", markup=False)
        console.print("还可能留有本人内容的地方：")
        for each in told["remains"]:
            console.print(f"• {each['在哪里']}：{each['为什么']}。{each['到什么时候']}。", markup=False)

    obj.tell(told, render)


@monitor.command()
@day_option
@really_option
@json_option
@click.pass_obj
def purge(obj: Context, day: date | None, really: bool) -> None:
    """按保存期限清除：过期的原始文件和数据，旧的退回件、名单和通知，搁置的旧版本。中断过的 forget 先做完。"""
    from low_income.operate import forgetting, integrity

    told = forgetting.purge(obj.folder, obj.night(day, really=really), who=integrity.login())
    releases = Home(obj.folder).settings.retention.releases
    obj.tell(
        told,
        lambda console: console.print(
            f"清除了 {told['files']} 份过期文件（原始文件 {told['archive']} 份、数据 {told['parts']} 份）"
            f"和 {told['outputs']} 份旧的退回件、搁置的版本等。"
            f"保留着的各版数据里还有的，由更新的 {releases} 版代替以后才没有；备份和运行记录库（PostgreSQL）自己的 WAL、备份另外清除。"
        ),
    )
