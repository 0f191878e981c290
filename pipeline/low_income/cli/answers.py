"""Commands for the analyst's questions: explain, why-not, report, backtest, review."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from low_income.cli import usage
from low_income.cli.command import Context, day_option, json_option, monitor, show_progress
from low_income.cli.people import _id_number
from low_income.model import MonitorError
from low_income.settings.home import atomically


@monitor.command()
@click.argument("warning_id", metavar="预警编号")
@day_option
@json_option
@click.pass_obj
def explain(obj: Context, warning_id: str, day: date | None) -> None:
    """一条预警的依据：规则、政策值、数值，直到文件、工作表、行、列和原文；并重新核算一次。"""
    from low_income.ask import explain as explaining
    from low_income.operate import integrity

    result = explaining.explain(obj.folder, warning_id, day)
    integrity.looked(obj.folder, "explain", warning_id=result["warning_id"])
    obj.tell(result, lambda console: explaining.show(result, console))


@monitor.command(name="why-not")
@click.argument("words", metavar="[-] 规则编号", nargs=-1, required=True)
@day_option
@json_option
@click.pass_obj
def why_not(obj: Context, words: tuple[str, ...], day: date | None) -> None:
    """某人为什么没有被某条规则列出：规则的哪一项条件对他不成立。身份证号在终端里询问，或写 - 从标准输入读。"""
    from low_income.ask import why_not as asking
    from low_income.operate import integrity

    *source, rule = words
    if len(source) > 1 or rule == "-":
        raise click.UsageError("写一条规则的编号，如 monitor why-not A01")
    id_number = _id_number(source[0] if source else None)
    result = asking.why_not(obj.folder, id_number, rule, day)
    integrity.looked(obj.folder, "why-not", person_id=result.pop("person_id"), because=f"规则 {result['rule']['code']}")
    obj.tell(result, lambda console: asking.show(result, console))


@monitor.command()
@day_option
@click.option("--out", type=usage.Place(), help="写成可以打印的网页（.html）")
@json_option
@click.pass_obj
def report(obj: Context, day: date | None, out: Path | None) -> None:
    """沉默与公平报告：哪些区和街道没有报送、没有预警、没有核查结果；预警率按地方、性别、年龄、残疾比。不写日期就是当前的一版。"""
    from low_income.ask import report as reporting
    from low_income.operate import integrity

    told = reporting.report(obj.folder, day)
    integrity.looked(obj.folder, "report", because=f"{told['date']} 的一版")
    if out:
        with atomically(out) as part:
            part.write_text(reporting.page(told), encoding="utf-8")
    obj.tell(told, lambda console: reporting.show(told, console))
    if out and not obj.as_json:
        obj.console.print(f"全文写在 {out}。", markup=False)


@monitor.command()
@click.argument("folder", metavar="文件夹", type=usage.Place("文件夹"))
@click.option("--from", "first", type=usage.Day(), required=True, help="从哪一夜起")
@click.option("--to", "last", type=usage.Day(), required=True, help="到哪一夜止")
@json_option
@click.pass_obj
def backtest(obj: Context, folder: Path, first: date, last: date) -> None:
    """试算：改了的规则或政策值，在过去的夜里会列出谁，和后来查到的比。什么都不改动。"""
    from low_income.ask import backtest as trying
    from low_income.operate import integrity

    with obj.progress() as progress:
        result = trying.backtest(obj.folder, folder, first, last, show_progress(progress))
    integrity.looked(obj.folder, "backtest", because=f"{first} 到 {last}，{'、'.join(result['changes'])}")
    obj.tell(result, lambda console: trying.show(result, console))


@monitor.command()
@click.option("--port", type=usage.Whole(0, 65535), default=8070, show_default=True, help="端口；0 表示任意空着的")
@click.option("--unit", metavar="单位代码", help="只看一个单位的；不写就是市局，看全部")
@click.pass_obj
def review(obj: Context, port: int, unit: str | None) -> None:
    """在浏览器里看：预警清单和一户一档、各单位的报送、早报。只在这台机器上，只能看。"""
    from low_income.operate import integrity

    try:
        from low_income.review import serve
    except ModuleNotFoundError as problem:
        raise MonitorError(f"没有装网页部分（缺 {problem.name}）；请照 docs/operate.md 装上 [page] 这一组") from problem

    def ready(link: str) -> None:
        obj.console.print(f"请在这台机器的浏览器里打开（只能用一次）：\n{link}", markup=False, soft_wrap=True)
        obj.console.print("按 Ctrl-C 结束。", markup=False)

    serve.serve(obj.folder, integrity.login(), unit, port, ready)
