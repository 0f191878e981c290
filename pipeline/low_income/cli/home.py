"""Commands for the home as a whole: init, verify, doctor, rollback, recover, rotate-keys."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from low_income.cli import usage
from low_income.cli.command import Context, json_option, monitor, show_progress
from low_income.settings.home import Home


@monitor.command()
@click.option("--keys", type=usage.Place(), help="密钥放在哪个文件夹（数据目录以外）；默认在数据目录的 keys/")
@json_option
@click.pass_obj
def init(obj: Context, keys: Path | None) -> None:
    """建立数据目录：文件夹、样例配置、密钥。已有的内容不动。"""
    from low_income.records import archive, seal

    made = Home.create(obj.folder, keys)
    home = Home(obj.folder)
    made += [
        str(home.keys / name)
        for name, make in (("archive.key", archive.make_key), ("ledger.key", seal.make_key))
        if make(home)
    ]
    result = {"home": str(obj.folder), "made": made}

    def render(console: Console) -> None:
        if not made:
            console.print(f"{obj.folder} 已经是完整的数据目录，什么都没有改。")
            return
        console.print(f"已在 {obj.folder} 建好数据目录（{len(made)} 项）。")
        console.print(
            "下一步：把各单位的文件放进 inbox/<单位代码>/，再运行 monitor run。单位和街道在 monitor.yml 里改。"
        )

    obj.tell(result, render)


@monitor.command()
@click.option(
    "--head",
    is_flag=True,
    help="全部原样时打印一份签了名的说明（日志末行、当前的一版、哪一夜、各有多少），存到这台机器以外",
)
@click.option(
    "--against", metavar="文件", type=usage.Place("文件"),
    help="和以前存的说明比：整个数据目录放回了更早的一份也看得出",
)  # fmt: skip
@json_option
@click.pass_obj
def verify(obj: Context, head: bool, against: Path | None) -> None:
    """核对保存的一切是否原样：日志、原始文件、已接收的数据、发布的版本、清单、退回件、信、设置。有被改动的，退出码是 1。"""
    from low_income.operate import integrity

    with obj.progress() as progress:
        result = integrity.verify(
            obj.folder, show_progress(progress), statement=against.read_bytes() if against else None
        )
    if head and result["statement"]:
        click.echo(result["statement"], nl=False)
        click.echo("核对过了，全部原样。请把这份说明存到这台机器以外。", err=True)
        return

    def render(console: Console) -> None:
        for problem in result["problems"]:
            console.print(f"✗ {problem}", style="red", markup=False)
        for note in result["notes"]:
            console.print(f"• {note}", markup=False)
        console.print(
            f"核对了日志 {result['journal']} 行、原始文件 {result['archive']} 份、已接收数据 {result['accepted']} 份、"
            f"发布版本 {result['releases']} 个、清单和退回件等 {result['outputs']} 份："
            + (f"{len(result['problems'])} 处不对。" if result["problems"] else "全部原样。")
        )
        if result["swept"]:
            console.print(
                f"另有 {result['swept']} 份原始文件，归档后还没登记夜间任务就断了，发送人又换成了后来的一份：已从归档里取走（日志 swept）。"
            )
        if result["head"]:
            console.print(
                f"日志最后一行的校验码：{result['head']}（要能看出整个数据目录放回了旧的一份，用 monitor verify --head 存一份说明）",
                soft_wrap=True,
            )

    obj.tell(result, render)
    if result["problems"]:
        sys.exit(1)


@monitor.command()
@json_option
@click.pass_obj
def doctor(obj: Context) -> None:
    """检查这台机器和数据目录适不适合存放真实数据：权限、加密、密钥、运行记录库、Airflow……逐项说怎么改。有要改的，退出码是 1。"""
    from low_income.operate import doctor as examining

    found = examining.diagnose(obj.folder, datetime.now(UTC))

    def render(console: Console) -> None:
        styles = {"good": "green", "advice": "yellow", "mend": "red", "unclear": "magenta"}
        for each in found:
            console.print(
                f"[{examining.STATE_TITLES[each.state]}] {each.area}：{each.said}。",
                style=styles[each.state],
                markup=False,
            )
            if each.to_do:
                console.print(f"    怎么办：{each.to_do}", markup=False)
        count = sum(each.state == "mend" for each in found)
        console.print(f"{count} 处要改。" if count else "没有必须改的。")

    told = examining.as_json(found)
    obj.tell(told, render)
    if told["must_mend"]:
        sys.exit(1)


@monitor.command()
@click.argument("release", metavar="[版本编号]", required=False)
@click.option("--because", default="未写明", help="为什么退回，写进日志")
@json_option
@click.pass_obj
def rollback(obj: Context, release: str | None, because: str) -> None:
    """退回到保留的某一版数据（不写编号就是上一版）；之后的版本搁置，不再使用。"""
    from low_income.operate import integrity

    done = integrity.rollback(obj.folder, release, who=integrity.login(), because=because)
    obj.tell(
        done._asdict(),
        lambda console: console.print(
            f"已从 {done.night_before}（{done.release_before}）退回到 {done.night}（{done.release}）。"
        ),
    )


@monitor.command()
@json_option
@click.pass_obj
def recover(obj: Context) -> None:
    """运行记录库丢失或损坏后，由原始文件和日志重建：运行记录库、已接收的数据、发布的版本。"""
    from low_income.operate import integrity

    with obj.progress() as progress:
        result = integrity.recover(obj.folder, show_progress(progress))
    obj.tell(
        result,
        lambda console: console.print(
            f"已由 {result['files']} 份原始文件重做 {len(result['nights'])} 夜；原来的内容放在 {result['laid_aside']}/，确认无误后可以删除。"
        ),
    )


@monitor.command("rotate-keys")
@json_option
@click.pass_obj
def rotate_keys(obj: Context) -> None:
    """换新密钥：原始文件和日志全部重新加密。人员编号用的密钥不变。"""
    from low_income.operate import integrity

    result = integrity.rotate_keys(obj.folder)
    keys = Home.open(obj.folder).keys
    obj.tell(
        result,
        lambda console: console.print(
            f"已换新密钥：{result['archive']} 份原始文件、{result['journal']} 行日志重新加密。"
            f"请备份 {keys}/；以前的备份要用旧密钥才读得出。"
        ),
    )
