"""Commands for people who send files: check, template."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from low_income.cli import usage
from low_income.cli.command import Context, day_option, json_option, monitor
from low_income.model import (
    SEVERITY_TITLES,
    mask,
)


@monitor.command()
@click.argument("file", metavar="文件", type=usage.Place("文件"))
@click.option("--unit", help="按哪个单位的文件来检查（代码）；不写则不核对发送单位和所属街道")
@day_option
@json_option
@click.pass_obj
def check(obj: Context, file: Path, unit: str | None, day: date | None) -> None:
    """检查一个文件但不收：屏幕上看结果，标注好的副本放在文件旁边。没有数据目录也能用。"""
    from low_income.ask.check_file import check_file

    result = check_file(obj.folder if obj.has_home else None, file, unit, obj.day(day))
    obj.tell(result, lambda console: _show_check(result, console))
    if result["must_fix"] or result["refused"]:
        raise SystemExit(1)


@monitor.command()
@click.argument("kind", metavar="名单种类")
@click.option("--out", type=usage.Place(), help="写到哪里；默认当前文件夹的 <种类名>.xlsx")
@json_option
@click.pass_obj
def template(obj: Context, kind: str, out: Path | None) -> None:
    """生成一种名单的空白表：表头、下拉选项、填报说明。"""
    from low_income.folding import fold_word
    from low_income.returns import templates
    from low_income.settings import contracts

    kinds = contracts.load().kinds
    found = kinds.get(kind) or next((each for each in kinds.values() if fold_word(each.title) == fold_word(kind)), None)
    if found is None:
        names = "、".join(f"{each.name}（{each.title}）" for each in kinds.values())
        raise click.UsageError(f"没有“{kind}”这种名单。可选：{names}")
    target = out or Path(f"{found.title}.xlsx")
    templates.write(found, target)
    obj.tell({"kind": found.name, "file": str(target)}, lambda console: console.print(f"已生成 {target}"))


def _show_check(result: dict[str, Any], console: Console) -> None:
    for each in result["recognised"]:
        where = f"工作表“{each['sheet']}”" if each["sheet"] else "文件"
        month = f"，{each['period']} 的" if each["period"] else ""
        console.print(f"{where}认作“{each['title']}”{month}：{mask(each['why'])}。", markup=False)
        by_alias = [f"“{use['header']}”就是{use['title']}" for use in each["columns"] if use["alias"]]
        units = [f"“{use['header']}”按{use['unit']}读" for use in each["columns"] if use["unit"] not in (None, "元")]
        for told in (by_alias, units):
            if told:
                console.print(f"  {'、'.join(told)}", markup=False)
    for each in result["refused"]:
        console.print(f"不能接收：{mask(each['reason'])}", markup=False)
        console.print(f"怎么办：{each['fix']}", markup=False)
    for each in result["kinds"]:
        console.print(
            f"{each['title']}：读到 {each['read']} 行，可接收 {each['accepted']} 行，要退回 {each['set_aside']} 行"
        )
    asked = [each for each in result["to_do"] if each["severity"] != "notice"]
    if asked:
        console.print(f"您需要做的 {len(asked)} 件事：")
    elif result["not_examined"]:
        console.print(f"{result['not_examined']}。", markup=False)
    elif not result["refused"]:
        console.print("没有发现要改的，可以上报。与别的名单的核对，收下以后当夜才做。")
    for number, each in enumerate(result["to_do"], start=1):
        mark = f"{number}." if number <= len(asked) else "·"  # notices need no work and come last
        title = SEVERITY_TITLES[each["severity"]]
        console.print(f"{mark}【{title}】{each['what']}（{each['cells']} 处）", markup=False)
    for notice in result["notices"]:
        console.print(f"说明：{mask(notice)}", markup=False)
    if result["annotated"]:
        console.print(f"标注好的副本：{mask(result['annotated'])}", markup=False)
    console.print("只是检查，什么都没有收下：放进收件箱才算报送。")
