"""The report on silence and fairness: which places are silent, and which groups are listed more or less often than all.

It reads only the tables `silence` and `warning_rate` of a published release, and the release's night: places and counts, no
person's name or number. Figures that those tables hide stay hidden here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from low_income import warehouse
from low_income.ask import pages
from low_income.lists.words import AGE_TITLES, TOPIC_TITLES
from low_income.model import MonitorError
from low_income.records import seal
from low_income.settings import contracts
from low_income.settings.home import Home

PURPOSE_TITLES = {"assistance": "救助类", "supplement": "补差类", "entitlement_review": "复核类"}
"""Purpose of rules → its Chinese name; the purpose that finds help owed comes first."""
_ASKED = {
    "assistance": "问的是可能该帮而没有帮的。明显低的一组要问一句：是真的少，还是系统看不见他们？",
    "supplement": "问的是在册而该补的没有补、或补得不对的。明显低的一组同样要问一句。",
    "entitlement_review": "问的是在册是否仍然合适。明显高的一组要问一句：是不是对他们问得过多？",
}
DIMENSION_TITLES = {
    "division": "区", "area_type": "城乡", "sex": "性别", "age": "年龄", "disability": "残疾", "list": "名单", "township": "街道（乡镇）",
}  # fmt: skip
"""Dimension by which people are grouped → its Chinese name, in the order of the report."""
_VALUE_TITLES = {
    "yes": "有残疾", "no": "没有残疾", "unknown": "名单上没有写", "all": "全市", "enrolled": "在册", "survey": "摸底排查", "monitoring": "防返贫监测",
    "exited": "退出不久", "temporary_grant": "申请过临时救助",
}  # fmt: skip
_VALUE_ORDER = ["城市", "农村", "男", "女", *AGE_TITLES, *_VALUE_TITLES]
STATE_TITLES = {
    "heard": "有", "partly": "缺一部分", "silent": "没有动静", "cannot_tell": "说不准", "nobody": "没有对象", "not_due": "未到期限",
    "not_expected": "没有规定",
}  # fmt: skip
"""State of a place in `silence` → its Chinese name."""
_AGAINST_TITLES = {"below": "明显低", "above": "明显高", "like": "", None: ""}
_WORTH_A_LOOK = 3
"""When so many people are expected to be listed in a place, it has none by chance only one time in twenty."""
_MOST_NAMED = 5
"""How many places or groups one sentence names at most; the tables have all."""


def report(home_dir: Path, day: date | None) -> dict[str, Any]:
    """What the release of a night says about silence and fairness: plain data, dates ISO, rates from 0 to 1.

    `day` None: the current release. `silence`: lines of that table with names of places and with `expected`, the number of people
    who would be listed if the place had the bureau's rate (rules of assistance; only where none is listed, else None). `rates`:
    lines of `warning_rate` with names of groups, for persons and households. Raises MonitorError when no release of that night is
    kept, or when it is from before this report existed.
    """
    home = Home.open(home_dir)
    keys = seal.release_keys(home)
    path = home.warehouse if day is None else warehouse.release_of(home.releases, day, keys)
    if path is None:
        raise MonitorError(f"没有保留 {day} 这一夜的数据；只保留最近 {warehouse.KEPT} 版，不写日期就是当前的一版")
    divisions = [unit.code for unit in home.units.values() if unit.kind == "division"]
    names = {unit.code: unit.name for unit in home.units.values()}
    titles = {kind.name: kind.title for kind in contracts.load().kinds.values()}
    with closing(warehouse.read(path, keys)) as release:
        night = release.execute("select run_date from release").fetchall()[0][0]
        if len(release.execute("from duckdb_tables() where table_name in ('silence', 'warning_rate')").fetchall()) < 2:
            raise MonitorError(f"{night} 那一版还没有这份报告要用的表；再跑一夜就有")
        silence = _rows(release, "select * from silence")
        rates = [_rate(row, names) for row in _rows(release, "select * from warning_rate")]
    usual = [row["rate"] for row in rates if (row["purpose"], row["counted"], row["dimension"]) == _USUAL]
    topics = list(TOPIC_TITLES)
    least = home.policy.value("smallest_cell", night)
    return {
        "date": night.isoformat(),
        "bureau": next(unit.name for unit in home.units.values() if unit.kind == "bureau"),
        "days": (night - silence[0]["silent_from"]).days,
        "smallest_cell": {"value": int(least.value), "source": least.source},
        "silence": sorted(
            (_place(row, names, titles, usual[0] if usual else None) for row in silence),
            key=lambda row: (
                row["division_code"] not in divisions, row["division_code"], row["township"], topics.index(row["topic"]),
            ),
        ),
        "rates": sorted(rates, key=_order),
    }  # fmt: skip


_USUAL = ("assistance", "persons", "all")


def _rows(release: Any, query: str) -> list[dict[str, Any]]:
    answer = release.execute(query)
    names = [column[0] for column in answer.description or []]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def _place(
    row: dict[str, Any], names: Mapping[str, str], titles: Mapping[str, str], usual: float | None
) -> dict[str, Any]:
    is_expected = row["topic"] == "warnings" and row["state"] == "silent" and row["persons"] and usual
    return {
        "division_code": row["division_code"],
        "division": names.get(row["division_code"], row["division_code"]),
        "township": row["township"],
        "topic": row["topic"],
        "state": row["state"],
        "last_on": row["last_on"].isoformat() if row["last_on"] else None,
        "persons": row["persons"],
        "households": row["households"],
        "kinds_missing": [titles.get(kind, kind) for kind in (row["kinds_missing"] or "").split(",") if kind],
        "expected": round(row["persons"] * usual, 1) if is_expected and usual else None,
    }


def _rate(row: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    numbers = {name: float(value) if isinstance(value, Decimal) else value for name, value in row.items()}
    division = names.get(row["division_code"], row["division_code"])
    value = row["value"]
    title = names.get(value) if row["dimension"] == "division" else AGE_TITLES.get(value) or _VALUE_TITLES.get(value)
    return numbers | {"division": "" if row["division_code"] == "all" else division, "title": title or value}


def _order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """The order of the report: by purpose and dimension; places by code, values as people order them, `unknown` last."""
    dimensions = ["all", *DIMENSION_TITLES, "elsewhere"]
    value = row["value"]
    return (
        list(PURPOSE_TITLES).index(row["purpose"]), row["counted"] != "persons", dimensions.index(row["dimension"]),
        row["division_code"], value == "unknown", _VALUE_ORDER.index(value) if value in _VALUE_ORDER else 0, value,
    )  # fmt: skip


# in words ---------------------------------------------------------------------------------------------------------


def summary(told: Mapping[str, Any]) -> list[str]:
    """The most important points, as Chinese sentences."""
    said = []
    whole = [row for row in told["silence"] if not row["township"]]
    for topic, title in TOPIC_TITLES.items():
        silent = [row["division"] for row in whole if (row["topic"], row["state"]) == (topic, "silent")]
        if silent:
            said.append(f"近 {told['days']} 天没有{title}的区 {len(silent)} 个：{_named(silent)}。")
    if not said:
        said.append(f"近 {told['days']} 天，各区该有的报送、预警和核查结果没有断的。")
    if partly := [row["division"] for row in whole if row["state"] == "partly"]:
        said.append(f"报了、但缺应报种类的区 {len(partly)} 个：{_named(partly)}。")
    if towns := _silent_townships(told):
        worth = [row for row in towns if _is_worth_a_look(row)]
        most = _named([f"{row['division']}{row['township']}（{row['persons']:,} 人）" for row in worth])
        said.append(
            f"没有救助、补差类预警的街道（乡镇）有 {len(towns)} 个，其中照全市的率应有 {_WORTH_A_LOOK} 人以上、值得去看的 {len(worth)} 个"
            + (f"：{most}。" if worth else "。")
        )
    unsure = {(row["division"], row["township"]) for row in told["silence"] if row["state"] == "cannot_tell"}
    if unsure:
        said.append(f"名单没有来、说不准的地方有 {len(unsure)} 处：不等于那里没有人要帮。")
    for purpose, title in PURPOSE_TITLES.items():
        said += _apart_words(told["rates"], purpose, title)
    return said


def _apart_words(rates: Sequence[Mapping[str, Any]], purpose: str, title: str) -> list[str]:
    """Groups of persons whose rate differs from that of all. Lists are left out, since rules ask of some lists more than of others."""
    mine = [row for row in rates if row["purpose"] == purpose and row["counted"] == "persons"]
    whole = next((row for row in mine if row["dimension"] == "all"), None)
    if whole is None or whole["rate"] is None:
        return [f"{title}：列出的人太少，预警率不公布。"] if whole else []
    said = [f"{title}：全市 {whole['known']:,} 人里列出过 {whole['listed']:,} 人（{_percent(whole['rate'])}）"]
    for against in ("below", "above"):
        groups = [
            f"{_full_title(row)}（{_percent(row['rate'])}）"
            for row in mine if row["against_all"] == against and row["dimension"] not in ("township", "list")
        ]  # fmt: skip
        if groups:
            said.append(f"{_AGAINST_TITLES[against]}的：{_named(groups)}")
    return ["；".join(said) + "。"]


def _full_title(row: Mapping[str, Any]) -> str:
    return f"{row['title']}{DIMENSION_TITLES[row['dimension']]}的" if row["value"] == "unknown" else row["title"]


def _named(names: Sequence[str]) -> str:
    return "、".join(names[:_MOST_NAMED]) + (f"等 {len(names)} 个" if len(names) > _MOST_NAMED else "")


def _silent_townships(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Townships without a warning of assistance or supplement, those with most known people first."""
    found = [
        row for row in told["silence"] if row["township"] and (row["topic"], row["state"]) == ("warnings", "silent")
    ]
    return sorted(found, key=lambda row: (-(row["persons"] or 0), row["division_code"], row["township"]))


def _is_worth_a_look(row: Mapping[str, Any]) -> bool:
    return row["expected"] is not None and row["expected"] >= _WORTH_A_LOOK


def _percent(rate: float) -> str:
    return f"{rate * 100:.1f}%"


def _people(row: Mapping[str, Any], told: Mapping[str, Any], unit: str = "persons") -> str:
    """How many people are known in the place. An empty figure means either nobody, or too few to publish."""
    if row[unit] is not None:
        return f"{row[unit]:,}"
    return "无" if row["topic"] == "warnings" and row["state"] == "nobody" else "不公布"


def _since(row: Mapping[str, Any]) -> str:
    """The last day on which something came, when the state makes it meaningful; else ''."""
    if row["state"] in ("nobody", "not_due", "not_expected"):
        return ""
    return row["last_on"] or "从来没有"


# on the screen ----------------------------------------------------------------------------------------------------


def show(told: Mapping[str, Any], console: Console) -> None:
    """Print the report in Chinese: the sentences, the divisions, and the groups of persons that may be published."""
    console.print(Text(f"沉默与公平报告  {told['date']}（近 {told['days']} 天）", style="bold"))
    for sentence in summary(told):
        console.print(Text(f"• {sentence}"))
    table = Table(title=Text("各区有没有动静"), box=box.SIMPLE, title_justify="left")
    for header in ("区", "名单上的人", *TOPIC_TITLES.values()):
        table.add_column(Text(header), justify="right" if header == "名单上的人" else "left")
    for rows in _by_place(told["silence"], township=False):
        cells = [
            Text(STATE_TITLES[row["state"]], style={"silent": "red", "partly": "yellow", "cannot_tell": "yellow"}.get(row["state"], ""))
            for row in rows
        ]  # fmt: skip
        table.add_row(Text(rows[0]["division"]), Text(_people(rows[1], told)), *cells)
    console.print(table)
    for purpose, title in PURPOSE_TITLES.items():
        mine = [
            row for row in told["rates"]
            if (row["purpose"], row["counted"]) == (purpose, "persons") and row["dimension"] in DIMENSION_TITLES
            and row["dimension"] != "township"
        ]  # fmt: skip
        table = Table(title=Text(f"{title}预警率（人）"), box=box.SIMPLE, title_justify="left")
        for header in ("分组", "名单上", "列出过", "预警率", "95%区间", "与全市相比"):
            table.add_column(Text(header), justify="left" if header == "分组" else "right")
        for row in mine:
            if not row["is_hidden"]:
                table.add_row(*map(Text, (
                    f"{DIMENSION_TITLES[row['dimension']]} {row['title']}", f"{row['known']:,}", f"{row['listed']:,}", _percent(row["rate"]),
                    f"{_percent(row['low'])}–{_percent(row['high'])}", _AGAINST_TITLES[row["against_all"]],
                )))  # fmt: skip
        if table.row_count:
            console.print(table)
        if hidden := sum(row["is_hidden"] for row in mine):
            console.print(
                Text(f"{title}另有 {hidden} 组的数不公布（少于 {told['smallest_cell']['value']}，或能由此推出）。")
            )
    console.print(Text("全文（各街道、按户的数、怎么算）：加 --out 文件.html"))


def _by_place(silence: Sequence[Mapping[str, Any]], *, township: bool) -> list[list[Mapping[str, Any]]]:
    """The lines grouped by place, each group in the order of TOPIC_TITLES."""
    chosen = [row for row in silence if bool(row["township"]) == township]
    return [list(rows) for _, rows in groupby(chosen, key=lambda row: (row["division_code"], row["township"]))]


# as a page --------------------------------------------------------------------------------------------------------


def page(told: Mapping[str, Any]) -> str:
    """The report as one printable HTML page in plain Chinese. The same release gives the same bytes."""
    return pages.render(
        "report", told=told, first=summary(told), topics=list(TOPIC_TITLES.values()), divisions=_divisions(told),
        townships=_townships(told), places=len(list(_by_place(told["silence"], township=True))),
        purposes=[_purpose(told, purpose) for purpose in PURPOSE_TITLES], notes=_notes(told),
    )  # fmt: skip


def _divisions(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One line per division: its name, how many people are known there, the state of each topic, and missing lists."""
    return [
        _heard_at(rows, told) | {"missing": "、".join(kind for row in rows for kind in row["kinds_missing"])}
        for rows in _by_place(told["silence"], township=False)
    ]


def _townships(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Townships with a topic `silent` or `cannot_tell`: as `_divisions`, with the number of people expected to be listed."""
    places = {
        (rows[0]["division_code"], rows[0]["township"]): rows for rows in _by_place(told["silence"], township=True)
    }
    order = [(row["division_code"], row["township"]) for row in _silent_townships(told)]
    order += [
        key
        for key, rows in places.items()
        if key not in order and any(row["state"] in ("silent", "cannot_tell") for row in rows)
    ]
    lines = []
    for key in order:
        expected = places[key][1]["expected"]
        lines.append(_heard_at(places[key], told) | {"expected": f"{expected:.0f}" if expected is not None else ""})
    return lines


def _heard_at(rows: Sequence[Mapping[str, Any]], told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": f"{rows[0]['division']}{rows[0]['township']}",
        "people": _people(rows[1], told),
        "households": _people(rows[1], told, "households"),
        "states": [
            {
                "state": row["state"], "title": STATE_TITLES[row["state"]], "since": _since(row),
                "is_mild": row["township"] and row["topic"] == "warnings" and not _is_worth_a_look(row),
            }
            for row in rows
        ],
    }  # fmt: skip


def _purpose(told: Mapping[str, Any], purpose: str) -> dict[str, Any]:
    """The figures for the rules of one purpose: lines of the table, and the notes below it."""
    mine = [row for row in told["rates"] if row["purpose"] == purpose]
    whole = {row["counted"]: row for row in mine if row["dimension"] == "all"}
    found: dict[str, Any] = {
        "title": PURPOSE_TITLES[purpose], "asked": _ASKED[purpose], "is_empty": not whole,
        "is_hidden": all(row["is_hidden"] for row in whole.values()), "lines": [], "hidden": 0, "never": 0, "elsewhere": "",
    }  # fmt: skip
    if found["is_hidden"]:  # also true when there is nothing
        return found
    households = {
        (row["dimension"], row["division_code"], row["value"]): row for row in mine if row["counted"] == "households"
    }
    persons = [row for row in mine if row["counted"] == "persons" and row["dimension"] in ("all", *DIMENSION_TITLES)]
    towns = [row for row in persons if row["dimension"] == "township"]
    persons = [row for row in persons if row not in towns or row["listed"]]
    scale = _scale(persons)
    for dimension, rows in groupby(persons, key=lambda row: row["dimension"]):
        pairs = [(row, households.get((dimension, row["division_code"], row["value"]))) for row in rows]
        name = DIMENSION_TITLES.get(dimension, "")
        if len(pairs) > 1 and all(row["is_hidden"] and (not beside or beside["is_hidden"]) for row, beside in pairs):
            found["lines"].append({"dimension": name, "hidden": len(pairs)})
            continue
        for number, (row, beside) in enumerate(pairs):
            found["lines"].append(_line(row, beside, "" if number else name, scale, whole["persons"]["rate"] or 0.0))
    found["elsewhere"] = "、".join(
        f"{row['listed']:,} {'人' if row['counted'] == 'persons' else '户'}"
        for row in mine if row["dimension"] == "elsewhere" and not row["is_hidden"]
    )  # fmt: skip
    found["hidden"] = sum(row["is_hidden"] for row in towns)
    found["never"] = sum(row["listed"] == 0 for row in towns)
    return found


def _line(
    row: Mapping[str, Any], beside: Mapping[str, Any] | None, dimension: str, scale: float, usual: float
) -> dict[str, Any]:
    """One group's figures as texts; None for a hidden figure."""
    return {
        "dimension": dimension,
        "hidden": 0,
        "is_whole": row["dimension"] == "all",
        "title": f"{row['division']}{row['title']}" if row["dimension"] == "township" else row["title"],
        "known": _figure(row["known"]),
        "listed": None if row["is_hidden"] else _figure(row["listed"]),
        "rate": "" if row["is_hidden"] else _percent(row["rate"]),
        "bar": None if row["is_hidden"] else _bar(row, scale, usual),
        "ratio": "" if row["is_hidden"] or row["ratio"] is None else format(row["ratio"], ".2f"),
        "against": row["against_all"] or "",
        "against_title": _AGAINST_TITLES[row["against_all"]],
        "households": [_figure(beside[name]) for name in ("known", "listed")] if beside else [],
    }


def _figure(count: int | None) -> str | None:
    return None if count is None else f"{count:,}"


def _scale(rows: Sequence[Mapping[str, Any]]) -> float:
    """The rate at the right end of the bars: the highest upper limit, but at most twice the highest rate, since small groups have wide intervals."""
    rates = [row["rate"] for row in rows if row["rate"] is not None]
    return max(
        min(max((row["high"] for row in rows if row["high"] is not None), default=0.0), 2 * max(rates, default=0.0)),
        0.001,
    )


def _bar(row: Mapping[str, Any], scale: float, usual: float) -> dict[str, str]:
    """Positions in per cent of the width: the interval as a bar, the rate as a mark on it, the rate of all as a line."""
    low, rate, high, all_of_it = (
        min(each / scale, 1) * 100 for each in (row["low"], row["rate"], row["high"], usual)
    )  # fmt: skip
    return {
        "left": f"{low:.2f}", "width": f"{max(high - low, 0.4):.2f}", "mark": f"{max(rate - 0.4, 0):.2f}",
        "usual": f"{all_of_it:.2f}", "colour": {"below": "#d9692b", "above": "#2f6fbf"}.get(row["against_all"] or "", "#7b8794"),
    }  # fmt: skip


def _notes(told: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    least, days = told["smallest_cell"]["value"], told["days"]
    return (
        (
            "名单上的人",
            "在册的、摸底排查的、监测中的、近两年退出的、一年内申请过临时救助的人，和还没有号码的家庭成员。"
            "死亡登记不用于统计，所以已去世而名单上还有的也算在内。",
        ),
        (
            "列出过",
            f"近 {days} 天内在预警清单上出现过的，待核查、已办结、已撤回都算，一个人只算一次。按户的规则算全户的人。"
            "只看有没有列出，不看因为什么。",
        ),
        (
            "三类分开",
            "救助、补差、复核是三回事，不能相加：前两类少了要问是不是漏了，后一类多了要问是不是问得过多。",
        ),
        (
            "残疾",
            "按低保名册“是否残疾”一栏。残联的持证名单只用于救助和补差，不用于统计；别的名单不问这一项，算“名单上没有写”。",
        ),
        (
            "名单",
            "每个人只算在第一份上：在册、摸底、监测、退出不久、申请过临时救助。各类规则问的人不同（在册的人多半已有救助），"
            "别的分组里看到高低，先看是不是名单不同的缘故。",
        ),
        (
            "明显低、明显高",
            "95% 区间（威尔逊法）整个在全市的率以下或以上。组数多，每二十组里难免有一组碰巧如此；先看组里有多少人，再下去问。",
        ),
        (
            "不公布",
            f"少于 {least} 人（户）的组，和列出的、没有列出的少于 {least} 的组，都不公布；"
            "同一个合计里再多藏几组，让人不能用合计减出来。区不公布的，它的街道也不公布。",
        ),
        (
            "没有动静",
            f"近 {days} 天内一次也没有。“报送”看收下的名单（街道看名单里有没有它）；“预警”看救助、补差两类；"
            "“核查结果”看有没有人登记过办理情况。",
        ),
        (
            "说不准",
            "名单没有来，就不能说那里没有预警。“没有对象”是名单来了而没有人，或没有预警可办；"
            "“未到期限”是有预警，但没有一条过了期限。",
        ),
    )
