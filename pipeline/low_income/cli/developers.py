"""Commands for developers: generate, bench, fuzz, faults."""

from __future__ import annotations

import importlib
from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from low_income.cli import usage
from low_income.cli.command import Context, json_option, monitor, show_progress
from low_income.model import (
    MonitorError,
)


@monitor.command()
@click.argument("target", metavar="文件夹", type=usage.Place())
@click.option("--people", type=usage.Whole(min=300), help="在册人数（低保+特困+边缘）；--year 默认为一个真实年度的规模")
@click.option("--seed", type=usage.Whole(), default=1, show_default=True, help="随机种子：同样的种子，同样的文件")
@click.option("--date", "day", type=usage.Day(), help="夜间任务的日期 D")
@click.option("--partner-rows", type=usage.Whole(min=0), help="外部门名单的总行数；默认约为人数的 4 倍")
@click.option(
    "--year",
    type=usage.Whole(),
    help="改为虚构一整年：每区十二个月的名册和全年临时救助台账，夜间日期为该年 12 月 31 日",
)
@json_option
@click.pass_obj
def generate(
    obj: Context, target: Path, people: int | None, seed: int, day: date | None, partner_rows: int | None, year: int | None
) -> None:  # fmt: skip
    """虚构一个任意大小的民政局：各单位的文件放进该文件夹的 inbox/，应有的结果放进 truth/。"""
    from low_income import generate as generating

    if year is not None:
        if day is not None or partner_rows is not None:
            raise click.UsageError(
                "--year 不能和 --date、--partner-rows 一起用：整年的名册从 1 月到 12 月，没有外部门名单"
            )
        with obj.progress() as progress:
            result = generating.generate_year(
                target,
                year=year,
                people=people or generating.REAL_YEAR.people,
                seed=seed,
                progress=show_progress(progress),
            )
        obj.tell(
            result,
            lambda console: console.print(
                f"已在 {target} 虚构一个民政局的 {year} 年：inbox/ 有 {result['files']} 个文件；truth/statistics.csv 是应有的"
                f"月度统计。夜间任务：monitor run --date {year}-12-31",
                markup=False,
            ),
        )
        return
    if people is None or day is None:
        raise click.UsageError("请写明 --people 和 --date（或用 --year 虚构一整年）")

    with obj.progress() as progress:
        task = progress.add_task("虚构", total=None)

        def step(name: str, done: int, total: int) -> None:
            progress.update(task, description=name, completed=done, total=total)

        result = generating.generate(
            target, people=people, seed=seed, day=day, partner_rows=partner_rows, progress=step
        )
    rows, warnings = sum(result["rows"].values()), sum(result["warnings"].values())
    obj.tell(
        result,
        lambda console: console.print(
            f"已在 {target} 虚构一个民政局：inbox/ 有 {result['files']} 个文件、{rows} 行，带着真实文件常有的毛病；"
            f"truth/ 里是应有的结果（{warnings} 条预警）。",
            markup=False,
        ),
    )


@monitor.command()
@click.option("--size", default="S", show_default=True, help="S（首个用户的规模）或在册人数")
@click.option("--rounds", type=usage.Whole(min=1), default=3, show_default=True, help="重复几轮，取中位数")
@click.option("--keep", type=usage.Place(), help="把虚构的文件留在这里，下次再用")
@click.option("--write", type=usage.Place(), help="把结果表写进这个 Markdown 文件")
@click.option(
    "--quick", is_flag=True, help="只测一次，规模是 S 的二十分之一：各步的计算量是地板的几倍，比上一次多了没有"
)
@click.option("--figures", type=usage.Place(), help="--quick 拿来比较的上一次")
@click.option("--keep-figures", type=usage.Place(), help="--quick 把这一次写进这个文件")
@json_option
@click.pass_obj
def bench(
    obj: Context, size: str, rounds: int, keep: Path | None, write: Path | None, quick: bool, figures: Path | None,
    keep_figures: Path | None,
) -> None:  # fmt: skip
    """测量：一整夜的用时与“只把同样的文件装进 DuckDB”之比。"""
    benching = _trials("bench")
    if (figures or keep_figures) and not quick:
        raise click.UsageError("--figures 和 --keep-figures 要和 --quick 一起用")
    if quick:
        steps = _trials("bench.steps")
        kept = steps.read_kept(figures) if figures else {}
        with obj.progress() as progress:
            ratios = benching.measure_quick(on_step=show_progress(progress))
        if keep_figures:
            steps.keep(keep_figures, ratios)
        obj.tell(
            {"ratios": ratios, "kept": kept, "grown": steps.grown(ratios, kept)},
            lambda console: console.print(steps.as_text(ratios, kept), markup=False),
        )
        return
    with obj.progress() as progress:
        task = progress.add_task("准备", total=None)

        def step(name: str, done: int, total: int) -> None:
            progress.update(task, description=name, completed=done, total=total)

        result = benching.measure(size, rounds=rounds, keep=keep, on_step=step)
    if write:
        benching.write_page(result, write)
    obj.tell(result, lambda console: console.print(benching.as_text(result)))


@monitor.command(hidden=True)
@click.option("--minutes", type=usage.Positive(), default=5, show_default=True, help="试多少分钟")
@click.option("--seed", type=usage.Whole(), default=1, show_default=True, help="随机种子：同样的种子，同样的文件")
@click.option(
    "--corpus",
    type=usage.Place("文件夹"),
    help="拿这个文件夹里的文件来损坏；默认用虚构的民政局",
)
@click.option("--keep", type=usage.Place(), default=Path("fuzz"), show_default=True, help="出了问题的文件留在这里")
@click.option("--files", type=usage.Whole(min=1), help="最多试多少个文件")
@json_option
@click.pass_obj
def fuzz(obj: Context, minutes: float, seed: int, corpus: Path | None, keep: Path, files: int | None) -> None:
    """把好文件随意弄坏再读，找读文件的程序经不起的文件（开发用）。"""
    fuzzing = _trials("fuzz")
    with obj.progress() as progress:
        result = fuzzing.search(
            minutes, seed=seed, corpus=corpus, keep=keep, most=files, on_step=show_progress(progress)
        )

    def render(console: Console) -> None:
        console.print(
            f"用 {result['seeds']} 个好文件弄坏了 {result['files']} 个，最慢的一个 {result['slowest_seconds']} 秒。"
        )
        for outcome, count in result["outcomes"].items():
            console.print(f"  {outcome}：{count}", markup=False)
        for each in result["findings"]:
            console.print(f"发现：{each['fault']}（文件 {keep / each['file']}，{each['seconds']} 秒）", markup=False)

    obj.tell(result, render)
    if result["findings"]:
        raise SystemExit(1)


@monitor.command(hidden=True)
@click.option("--trials", type=usage.Whole(min=1), default=20, show_default=True, help="做多少次试验")
@click.option("--seed", type=usage.Whole(), default=1, show_default=True, help="随机种子：同样的种子，同样的试验")
@click.option("--only", type=usage.Whole(min=0), help="只做其中的第几次（从 0 数），重现一次失败用")
@click.option("--kind", "kinds", multiple=True, help="只做这几种；默认全部")
@click.option("--swaps", type=usage.Whole(min=0), default=0, help="另外：边读边换版，换多少版")
@click.option("--keep", type=usage.Place(), default=Path("faults"), show_default=True, help="失败的试验留在这里")
@json_option
@click.pass_obj
def faults(
    obj: Context, trials: int, seed: int, only: int | None, kinds: tuple[str, ...], swaps: int, keep: Path
) -> None:
    """故意打断夜间任务（断电、磁盘满、断线、同时两个、换文件），看会不会丢失或重复（开发用）。"""
    disturbing, readers = _trials("fault_injection"), _trials("fault_injection.readers")
    if unknown := sorted(set(kinds) - set(disturbing.KINDS)):
        raise click.UsageError(f"没有 {'、'.join(unknown)} 这种试验。可选：{'、'.join(disturbing.KINDS)}")
    with obj.progress() as progress:
        bar = show_progress(progress)
        result = disturbing.search(
            trials, seed=seed, only=only, kinds=kinds or tuple(disturbing.KINDS), keep=keep, on_step=bar
        )
        if swaps:
            result["readers"] = readers.search(swaps, seed=seed, on_step=bar)
            result["findings"] += [{"problems": [each]} for each in result["readers"]["findings"]]

    def render(console: Console) -> None:
        done = "，".join(f"{kind} {count}" for kind, count in result["kinds"].items())
        console.print(f"做了 {result['trials']} 次（{done}），其中 {result['struck']} 次打断在夜间任务结束以前。")
        console.print(
            f"期间读已发布的数据 {result['reads']} 次；用时 {result['seconds']} 秒，处理器 {result['cpu_seconds']} 秒。"
        )
        for reason, count in result["skipped"].items():
            console.print(f"没有做 {count} 次：{reason}", markup=False)
        if swaps:
            console.print(f"换了 {swaps} 版，读了 {result['readers']['reads']} 次。")
        for each in result["findings"]:
            console.print(
                f"发现：{each.get('kind', 'readers')} {each.get('what', '')}：{'；'.join(each['problems'])}",
                markup=False,
            )
            console.print(f"  重现：{each.get('again', '')}", markup=False)

    obj.tell(result, render)
    if result["findings"]:
        raise SystemExit(1)


def _trials(name: str) -> Any:
    """Import a module of `trials`, which only developers use and no wheel contains. Raises MonitorError when it is missing."""
    try:
        return importlib.import_module(f"trials.{name}")
    except ModuleNotFoundError as missing:
        if missing.name != "trials":
            raise
        raise MonitorError("这个命令是开发用的，安装包里没有（trials/）；请在源码目录里安装以后再用") from missing
