"""Makes tables for people out of published counts, for sheets of the list.

Each table gives its units of counting and its date. A division sees its own figures only; the bureau sees all, with totals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from low_income.lists.words import REGISTRY_TITLES
from low_income.settings.home import Unit

if TYPE_CHECKING:
    import duckdb

Sort = Literal["text", "centre", "count", "average", "yuan", "share", "date"]


@dataclass(frozen=True)
class Column:
    """A column of a table; `field` is its name in JSON."""

    field: str
    header: str
    width: int
    sort: Sort = "text"


@dataclass(frozen=True)
class Table:
    """A table of counts; its rows are in reading order."""

    name: str
    says: str
    """What the rows are, in one sentence."""
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Any]]
    """Values by `field`; None where there is no figure."""
    if_empty: str


_STATISTICS = """
select
    monthly_statistics.month as month,
    monthly_statistics.division_code as division_code,
    monthly_statistics.registry as registry,
    monthly_statistics.households as households,
    monthly_statistics.persons as persons,
    monthly_statistics.persons_entered as persons_entered,
    monthly_statistics.grants as grants,
    monthly_statistics.amount as amount,
    monthly_statistics.without_amount as without_amount,
    monthly_statistics.months as months,
    monthly_statistics.divisions as divisions,
    monthly_statistics.unit_notes as unit_notes,
    monthly_statistics.counted_on as counted_on
from monthly_statistics
order by
    substr(monthly_statistics.month, 1, 4) desc,
    length(monthly_statistics.month),
    monthly_statistics.month desc,
    monthly_statistics.division_code <> 'all',
    monthly_statistics.division_code,
    case monthly_statistics.registry when 'dibao' then 1 when 'tekun' then 2 when 'edge' then 3 else 4 end
"""
_STATISTICS_COLUMNS = (
    Column("time", "时间", 15),
    Column("unit", "单位", 13),
    Column("registry", "类别", 10),
    Column("households", "户数\n（户）", 11, "average"),
    Column("persons", "人数\n（人）", 11, "average"),
    Column("persons_entered", "期内进入平台\n（人）", 12, "count"),
    Column("grants", "已发放临时救助\n（人次）", 14, "count"),
    Column("amount", "金额\n（元）", 16, "yuan"),
    Column("without_amount", "没有金额的\n（户、人或人次）", 14, "count"),
    Column("months", "计入的月\n（个）", 9, "count"),
    Column("divisions", "报数的区\n（个）", 9, "count"),
    Column("unit_notes", "单位和口径", 61),
    Column("counted_on", "统计日期", 12, "date"),
)


def statistics(release: duckdb.DuckDBPyConnection, unit: Unit, units: Mapping[str, Unit]) -> Table:
    """The rows of `monthly_statistics` in a published release that `unit` may see; newest first, each year before its months."""
    rows = []
    for row in _rows(release, _STATISTICS):
        if unit.kind != "bureau" and row["division_code"] != unit.code:
            continue
        year, _, month = row["month"].partition("-")
        rows.append(
            row
            | {
                "time": f"{year}年{int(month)}月" if month else f"{year}年（月均）",
                "unit": "全市" if row["division_code"] == "all" else units[row["division_code"]].name,
                "registry": REGISTRY_TITLES[row["registry"]],
            }
        )
    return Table(
        "月度统计",
        "年度行的户数、人数是各月平均，期内进入平台的同一人只算一次，人次和金额是期内合计",
        _STATISTICS_COLUMNS,
        rows,
        "还没有收到任何月份的名册，没有可统计的数。",
    )


_RULES = """
with place as (
    select rule_code, title, division_code from rule_precision
    union
    select rule_code, title, division_code from rule_missed
)
select
    place.rule_code as rule_code,
    place.title as title,
    place.division_code as division_code,
    rule_precision.closed as closed,
    rule_precision.helped_or_confirmed as helped_or_confirmed,
    case when rule_precision.closed > 0 then rule_precision."precision" end as "precision",
    case when rule_precision.closed > 0 then rule_precision.low end as precision_low,
    case when rule_precision.closed > 0 then rule_precision.high end as precision_high,
    rule_missed.population as population,
    rule_missed.sampled as sampled,
    rule_missed.checked as checked,
    rule_missed.found as found,
    rule_missed.share as share,
    rule_missed.low as share_low,
    rule_missed.high as share_high,
    rule_missed.missed as missed,
    rule_missed.missed_low as missed_low,
    rule_missed.missed_high as missed_high,
    release.run_date as counted_on
from place
cross join release
left join rule_precision
    on place.rule_code = rule_precision.rule_code and place.division_code = rule_precision.division_code
left join rule_missed
    on place.rule_code = rule_missed.rule_code and place.division_code = rule_missed.division_code
order by place.rule_code, place.division_code <> 'all', place.division_code
"""
_RULES_COLUMNS = (
    Column("rule", "规则", 30),
    Column("unit", "单位", 13),
    Column("closed", "办结的预警\n（条）", 11, "count"),
    Column("helped_or_confirmed", "其中查实\n或帮到（条）", 11, "count"),
    Column("precision", "准确率", 9, "share"),
    Column("precision_between", "准确率的\n95%区间", 15, "centre"),
    Column("population", "问过没有列出\n（人或户）", 13, "count"),
    Column("sampled", "一年内抽中\n（人或户）", 11, "count"),
    Column("checked", "其中已核查\n（人或户）", 11, "count"),
    Column("found", "其中需要帮助\n（人或户）", 12, "count"),
    Column("share", "漏查比例", 9, "share"),
    Column("share_between", "漏查比例的\n95%区间", 15, "centre"),
    Column("missed", "估计漏查\n（人或户）", 11, "count"),
    Column("missed_between", "估计漏查的\n95%区间", 15, "centre"),
    Column("counted_on", "统计日期", 12, "date"),
)


def rules(release: duckdb.DuckDBPyConnection, unit: Unit, units: Mapping[str, Unit]) -> Table:
    """The rows of `rule_precision` and `rule_missed` that `unit` may see: how precise each rule is, and how much it may miss."""
    rows = []
    for row in _rows(release, _RULES):
        if unit.kind != "bureau" and row["division_code"] != unit.code:
            continue
        named = units.get(row["division_code"])
        rows.append(
            row
            | {
                "rule": f"{row['rule_code']} {row['title'] or ''}".rstrip(),
                "unit": "全市" if row["division_code"] == "all" else named.name if named else row["division_code"],
                "precision_between": _between(row["precision_low"], row["precision_high"], "share"),
                "share_between": _between(row["share_low"], row["share_high"], "share"),
                "missed_between": _between(row["missed_low"], row["missed_high"], "count"),
            }
        )
    return Table(
        "规则成效",
        "准确率：办结的预警里查实或帮到的；漏查：由每周随机抽样核查的结果推算，没有核查过的写“—”，不是零；各规则的数不能相加",
        _RULES_COLUMNS,
        rows,
        "还没有可统计的数：没有办结的预警，也没有问过谁。",
    )


def _between(low: Any, high: Any, sort: Sort) -> str | None:
    return None if low is None or high is None else f"{text_of(low, sort)} 至 {text_of(high, sort)}"


def text_of(value: Any, sort: Sort) -> str:
    """A value as people write it; — for None."""
    if value is None:
        return "—"
    if sort == "count":
        return f"{value:,}"
    if sort == "average":
        return f"{value:,.2f}".removesuffix(".00")
    if sort == "share":
        return f"{value:.1%}"
    return f"{value:,.2f}" if sort == "yuan" else str(value)


def _rows(release: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    answer = release.execute(query)
    names = [column[0] for column in answer.description or []]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
