"""The command line: arguments in, exit code out. 0 done, 1 refused or failed with its reason, 2 wrong use."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.segment import Segment

from pipeline import usage
from pipeline.model import (
    SEVERITY_TITLES,
    ConfigError,
    ContractError,
    MonitorError,
    PolicyError,
    holds_number,
    legible,
    mask,
    tell_failure,
)
from pipeline.night import confirmations, notify, run
from pipeline.records import journal
from pipeline.settings.home import Home, atomically, examine_day, keep_to_owner

TODAY_NEEDS_ZONE = "默认今天（数据目录所在时区）"


class _Screen(Console):
    """A console that writes out what a sender's text could do to a terminal: ESC, C1 controls, marks of direction."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """As rich renders it, each piece legible."""
        for piece in Console.render(self, renderable, options):
            yield piece if piece.control else Segment(legible(piece.text), piece.style)


class _Commands(usage.Group):
    """The commands; none takes a person's ID number as an argument, which every user of the machine could read."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Raises UsageError, which does not repeat it, where a number stands among the arguments."""
        if any(holds_number(each) for each in args):
            raise click.UsageError(NOT_AS_ARGUMENT)
        return super().parse_args(ctx, args)


NOT_AS_ARGUMENT = (
    "身份证号不写在命令里：同一台机器上的人都看得到，还会留在命令历史里。号码在终端里按提示输入，或写 - 从标准输入读；"
    "原因里不写号码；文件名里有号码的，先改名再检查"
)


def _id_number(source: str | None) -> str:
    """The number that somebody types unseen at the terminal, or that comes on standard input where `source` is `-`.

    Raises UsageError for anything else, which it does not repeat.
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


class _Context:
    """What every command gets: the home's folder, and how to print."""

    def __init__(self, home: Path, *, is_named: bool):
        self.folder = home
        self.is_named = is_named
        self.as_json = False
        self.console = _Screen(highlight=False)

    def day(self, asked: date | None) -> date:
        """The night's date: what was asked for, else today where the bureau is. The only clock of the product's days."""
        return asked or datetime.now(Home(self.folder).time_zone if self.has_home else None).date()

    def night(self, asked: date | None, *, really: bool) -> date:
        """As `day`, for what is written down or removed. Raises MonitorError for a day beyond tomorrow that is not really meant."""
        night = self.day(asked)
        examine_day(night, self.day(None), really=really, insist="加 --really")
        return night

    @property
    def has_home(self) -> bool:
        """Whether there is a home; False only when none was named: what was named must be there."""
        return self.is_named or Home(self.folder).config.exists()

    def tell(self, result: Any, render: Callable[[Console], None]) -> None:
        """Print a result: as JSON for machines, or by `render` for people."""
        if self.as_json:
            click.echo(_NOT_LEGIBLE.sub(_as_json_escape, json.dumps(result, ensure_ascii=False, indent=2, default=str)))
        else:
            render(self.console)

    def progress(self) -> Progress:
        """A progress bar on a terminal; nothing in a log."""
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
def monitor(ctx: click.Context, home: Path) -> None:
    """低收入人口动态监测：每天早上说清哪些家庭有风险、还没有得到救助。"""
    keep_to_owner()
    is_named = ctx.get_parameter_source("home") is not ParameterSource.DEFAULT
    ctx.obj = _Context(home.absolute(), is_named=is_named)
    if ctx.invoked_subcommand is None:
        raise click.UsageError("没有写命令")


@monitor.command()
@click.option("--keys", type=usage.Place(), help="密钥放在哪个文件夹（数据目录以外）；默认在数据目录的 keys/")
@json_option
@click.pass_obj
def init(obj: _Context, keys: Path | None) -> None:
    """建立数据目录：文件夹、样例配置、密钥。已有的内容不动。"""
    from pipeline.records import archive, seal

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


@monitor.command(name="run")
@day_option
@really_option
@json_option
@click.pass_obj
def run_night(obj: _Context, day: date | None, really: bool) -> None:
    """在一个进程里跑完一整夜：收、读、查、退、建、发、告知。建好的一版没有成为当前的一版，退出码是 1。"""
    from pipeline.operate import forgetting

    night = obj.night(day, really=really)
    try:
        forgetting.finish(obj.folder, night, who=journal.NIGHT)
    except (ConfigError, PolicyError, ContractError):
        pass  # whether anybody is half forgotten is not known; the night itself says what is wrong
    except MonitorError as problem:  # it stops no night: what is not whole the night itself refuses
        click.echo(legible(f"中断过的清除（forget）还没有做完：{problem}；改好后运行 monitor purge"), err=True)
    with obj.progress() as progress:
        task = progress.add_task("准备", total=None)

        def step(name: str, done: int, total: int) -> None:
            progress.update(task, description=name, completed=done, total=total)

        result = run.night(obj.folder, night, on_step=step)
    obj.tell(result, lambda console: _show_night(result, console))
    if result["current_night"] != result["date"]:
        raise SystemExit(1)


@monitor.command()
@click.argument("file", metavar="文件", type=usage.Place("文件"))
@click.option("--unit", help="按哪个单位的文件来检查（代码）；不写则不核对发送单位和所属街道")
@day_option
@json_option
@click.pass_obj
def check(obj: _Context, file: Path, unit: str | None, day: date | None) -> None:
    """检查一个文件但不收：屏幕上看结果，标注好的副本放在文件旁边。没有数据目录也能用。"""
    from pipeline.ask.check_file import check_file

    result = check_file(obj.folder if obj.has_home else None, file, unit, obj.day(day))
    obj.tell(result, lambda console: _show_check(result, console))
    if result["must_fix"] or result["refused"]:
        raise SystemExit(1)


@monitor.command()
@click.argument("kind", metavar="名单种类")
@click.option("--out", type=usage.Place(), help="写到哪里；默认当前文件夹的 <种类名>.xlsx")
@json_option
@click.pass_obj
def template(obj: _Context, kind: str, out: Path | None) -> None:
    """生成一种名单的空白表：表头、下拉选项、填报说明。"""
    from pipeline.folding import fold_word
    from pipeline.returns import templates
    from pipeline.settings import contracts

    kinds = contracts.load().kinds
    found = kinds.get(kind) or next((each for each in kinds.values() if fold_word(each.title) == fold_word(kind)), None)
    if found is None:
        names = "、".join(f"{each.name}（{each.title}）" for each in kinds.values())
        raise click.UsageError(f"没有“{kind}”这种名单。可选：{names}")
    target = out or Path(f"{found.title}.xlsx")
    templates.write(found, target)
    obj.tell({"kind": found.name, "file": str(target)}, lambda console: console.print(f"已生成 {target}"))


@monitor.command()
@day_option
@json_option
@click.pass_obj
def status(obj: _Context, day: date | None) -> None:
    """谁该交、谁交了、退回了什么、各类名单新不新。"""
    from pipeline.night import notice

    result = notify.status(obj.folder, obj.day(day))
    obj.tell(result, lambda console: notice.show(result, console))


@monitor.command()
@click.argument("submission_id", metavar="报送编号")
@click.option("--by", "by_whom", required=True, help="谁确认的（姓名）")
@click.option("--because", "reason", required=True, help="为什么可以（例如：整片迁出；退回的不是名单）")
@day_option
@really_option
@json_option
@click.pass_obj
def confirm(obj: _Context, submission_id: str, by_whom: str, reason: str, day: date | None, really: bool) -> None:
    """确认一份扣住的名单（人数骤减，或程序修好以前处理不了它）：下一夜起按它入库；或确认没有人、没有记录因一份退回的报送而漏掉：下一夜起名单按完整的算。"""
    result = confirmations.confirm(
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
    obj: _Context, issue_id: str, by_whom: str, reason: str, until: date | None, day: date | None, really: bool
) -> None:
    """把一条“请确认”的问题记为已知例外：到期以前不再提示，原值照用。"""
    result = confirmations.except_issue(
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


@monitor.command()
@click.argument("warning_id", metavar="预警编号")
@day_option
@json_option
@click.pass_obj
def explain(obj: _Context, warning_id: str, day: date | None) -> None:
    """一条预警的依据：规则、政策值、数值，直到文件、工作表、行、列和原文；并重新核算一次。"""
    from pipeline.ask import explain as explaining
    from pipeline.operate import custody

    result = explaining.explain(obj.folder, warning_id, day)
    custody.looked(obj.folder, "explain", warning_id=result["warning_id"])
    obj.tell(result, lambda console: explaining.show(result, console))


@monitor.command(name="why-not")
@click.argument("words", metavar="[-] 规则编号", nargs=-1, required=True)
@day_option
@json_option
@click.pass_obj
def why_not(obj: _Context, words: tuple[str, ...], day: date | None) -> None:
    """某人为什么没有被某条规则列出：规则的哪一项条件对他不成立。身份证号在终端里询问，或写 - 从标准输入读。"""
    from pipeline.ask import why_not as asking
    from pipeline.operate import custody

    *source, rule = words
    if len(source) > 1 or rule == "-":
        raise click.UsageError("写一条规则的编号，如 monitor why-not A01")
    id_number = _id_number(source[0] if source else None)
    result = asking.why_not(obj.folder, id_number, rule, day)
    custody.looked(obj.folder, "why-not", person_id=result.pop("person_id"), because=f"规则 {result['rule']['code']}")
    obj.tell(result, lambda console: asking.show(result, console))


@monitor.command()
@day_option
@click.option("--out", type=usage.Place(), help="写成可以打印的网页（.html）")
@json_option
@click.pass_obj
def report(obj: _Context, day: date | None, out: Path | None) -> None:
    """沉默与公平报告：哪些区和街道没有报送、没有预警、没有核查结果；预警率按地方、性别、年龄、残疾比。不写日期就是当前的一版。"""
    from pipeline.ask import report as reporting
    from pipeline.operate import custody

    told = reporting.report(obj.folder, day)
    custody.looked(obj.folder, "report", because=f"{told['date']} 的一版")
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
def backtest(obj: _Context, folder: Path, first: date, last: date) -> None:
    """试算：改了的规则或政策值，在过去的夜里会列出谁，和后来查到的比。什么都不改动。"""
    from pipeline.ask import backtest as trying
    from pipeline.operate import custody

    with obj.progress() as progress:
        result = trying.backtest(obj.folder, folder, first, last, _bar(progress))
    custody.looked(obj.folder, "backtest", because=f"{first} 到 {last}，{'、'.join(result['changes'])}")
    obj.tell(result, lambda console: trying.show(result, console))


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
    obj: _Context, target: Path, people: int | None, seed: int, day: date | None, partner_rows: int | None, year: int | None
) -> None:  # fmt: skip
    """虚构一个任意大小的民政局：各单位的文件放进该文件夹的 inbox/，应有的结果放进 truth/。"""
    from pipeline import generate as generating

    if year is not None:
        if day is not None or partner_rows is not None:
            raise click.UsageError(
                "--year 不能和 --date、--partner-rows 一起用：整年的名册从 1 月到 12 月，没有外部门名单"
            )
        with obj.progress() as progress:
            result = generating.generate_year(
                target, year=year, people=people or generating.REAL_YEAR.people, seed=seed, progress=_bar(progress)
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
def verify(obj: _Context, head: bool, against: Path | None) -> None:
    """核对保存的一切是否原样：日志、原始文件、已接收的数据、发布的版本、清单、退回件、信、设置。有被改动的，退出码是 1。"""
    from pipeline.operate import custody

    with obj.progress() as progress:
        result = custody.verify(obj.folder, _bar(progress), statement=against.read_bytes() if against else None)
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
def doctor(obj: _Context) -> None:
    """检查这台机器和数据目录适不适合存放真实数据：权限、加密、密钥、运行记录库、Airflow……逐项说怎么改。有要改的，退出码是 1。"""
    from pipeline.operate import doctor as examining

    found = examining.examine(obj.folder, datetime.now(UTC))

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
def rollback(obj: _Context, release: str | None, because: str) -> None:
    """退回到保留的某一版数据（不写编号就是上一版）；之后的版本搁置，不再使用。"""
    from pipeline.operate import custody

    done = custody.rollback(obj.folder, release, who=custody.login(), because=because)
    obj.tell(
        done._asdict(),
        lambda console: console.print(
            f"已从 {done.night_before}（{done.release_before}）退回到 {done.night}（{done.release}）。"
        ),
    )


@monitor.command()
@json_option
@click.pass_obj
def recover(obj: _Context) -> None:
    """运行记录库丢失或损坏后，由原始文件和日志重建：运行记录库、已接收的数据、发布的版本。"""
    from pipeline.operate import custody

    with obj.progress() as progress:
        result = custody.recover(obj.folder, _bar(progress))
    obj.tell(
        result,
        lambda console: console.print(
            f"已由 {result['files']} 份原始文件重做 {len(result['nights'])} 夜；原来的内容放在 {result['laid_aside']}/，确认无误后可以删除。"
        ),
    )


@monitor.command()
@click.argument("source", metavar="[-]", required=False)
@click.option("--because", default="未写明", help="为什么查询（如：本人申请），写进日志")
@click.option("--out", type=usage.Place(), help="把查询结果写成可以打印的网页（.html）")
@json_option
@click.pass_obj
def subject(obj: _Context, source: str | None, because: str, out: Path | None) -> None:
    """本人的权利：某个人名下保存着什么、来自哪份文件、谁看过、用在哪些预警上。查询本身也记入日志。身份证号在终端里询问，或写 - 从标准输入读。"""
    from pipeline.operate import custody, rights

    told = rights.subject(obj.folder, _id_number(source), obj.day(None), who=custody.login(), because=because)
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
def forget(obj: _Context, source: str | None, because: str, day: date | None, really: bool) -> None:
    """本人的权利：清除某个人名下已没有理由保存的数据；保留的逐条说明理由。身份证号在终端里询问，或写 - 从标准输入读。"""
    from pipeline.operate import custody, forgetting

    night = obj.night(day, really=really)
    told = forgetting.forget(obj.folder, _id_number(source), night, who=custody.login(), because=because)

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
def purge(obj: _Context, day: date | None, really: bool) -> None:
    """按保存期限清除：过期的原始文件和数据，旧的退回件、名单和通知，搁置的旧版本。中断过的 forget 先做完。"""
    from pipeline.operate import custody, forgetting

    told = forgetting.purge(obj.folder, obj.night(day, really=really), who=custody.login())
    releases = Home(obj.folder).settings.retention.releases
    obj.tell(
        told,
        lambda console: console.print(
            f"清除了 {told['files']} 份过期文件（原始文件 {told['archive']} 份、数据 {told['parts']} 份）"
            f"和 {told['outputs']} 份旧的退回件、搁置的版本等。"
            f"保留着的各版数据里还有的，由更新的 {releases} 版代替以后才没有；备份和运行记录库（PostgreSQL）自己的 WAL、备份另外清除。"
        ),
    )


@monitor.command("rotate-keys")
@json_option
@click.pass_obj
def rotate_keys(obj: _Context) -> None:
    """换新密钥：原始文件和日志全部重新加密。人员编号用的密钥不变。"""
    from pipeline.operate import custody

    result = custody.rotate_keys(obj.folder)
    obj.tell(
        result,
        lambda console: console.print(
            f"已换新密钥：{result['archive']} 份原始文件、{result['journal']} 行日志重新加密。请备份 keys/。"
        ),
    )


@monitor.command()
@click.option("--size", default="S", show_default=True, help="S（首个用户的规模）或在册人数")
@click.option("--rounds", type=usage.Whole(min=1), default=3, show_default=True, help="重复几轮，取中位数")
@click.option("--keep", type=usage.Place(), help="把虚构的文件留在这里，下次再用")
@click.option("--write", type=usage.Place(), help="把结果表写进这个 Markdown 文件")
@json_option
@click.pass_obj
def bench(obj: _Context, size: str, rounds: int, keep: Path | None, write: Path | None) -> None:
    """测量：一整夜的用时与“只把同样的文件装进 DuckDB”之比。"""
    benching = _trials("bench")
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
def fuzz(obj: _Context, minutes: float, seed: int, corpus: Path | None, keep: Path, files: int | None) -> None:
    """把好文件随意弄坏再读，找读文件的程序经不起的文件（开发用）。"""
    fuzzing = _trials("fuzz")
    with obj.progress() as progress:
        result = fuzzing.search(minutes, seed=seed, corpus=corpus, keep=keep, most=files, on_step=_bar(progress))

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
    obj: _Context, trials: int, seed: int, only: int | None, kinds: tuple[str, ...], swaps: int, keep: Path
) -> None:
    """故意打断夜间任务（断电、磁盘满、断线、同时两个、换文件），看会不会丢失或重复（开发用）。"""
    disturbing, readers = _trials("fault_injection"), _trials("fault_injection.readers")
    if unknown := sorted(set(kinds) - set(disturbing.KINDS)):
        raise click.UsageError(f"没有 {'、'.join(unknown)} 这种试验。可选：{'、'.join(disturbing.KINDS)}")
    with obj.progress() as progress:
        bar = _bar(progress)
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
    """What only those who build the product use; it stands beside it and is in no wheel."""
    try:
        return importlib.import_module(f"trials.{name}")
    except ModuleNotFoundError as missing:
        if missing.name != "trials":
            raise
        raise MonitorError("这个命令是开发用的，安装包里没有（trials/）；请在源码目录里安装以后再用") from missing


def _bar(progress: Progress) -> Callable[[str, int, int], None]:
    task = progress.add_task("准备", total=None)
    return lambda name, done, total: progress.update(task, description=name, completed=done, total=total)


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
    """Whose files came on the night in all, and how many of them this run found."""
    came = f"收到 {len(result['came'])} 个单位的文件"
    if result["came"] and not result["came_now"]:
        return f"{came}，都是以前运行时收的，这一次没有新的"
    if result["came_now"] != result["came"]:
        return f"{came}，其中这一次 {len(result['came_now'])} 个"
    return came


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
        mark = f"{number}." if number <= len(asked) else "·"  # what may stay as it is comes last
        title = SEVERITY_TITLES[each["severity"]]
        console.print(f"{mark}【{title}】{each['what']}（{each['cells']} 处）", markup=False)
    for notice in result["notices"]:
        console.print(f"说明：{mask(notice)}", markup=False)
    if result["annotated"]:
        console.print(f"标注好的副本：{mask(result['annotated'])}", markup=False)
    console.print("只是检查，什么都没有收下：放进收件箱才算报送。")


def main() -> None:
    """Entry point of `monitor`: every failure ends in one Chinese sentence that quotes no row, and exit code 1."""
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
