"""The Chinese words of the site: rooms of tables, tables that the program makes, and what an example shows."""

from __future__ import annotations

from datetime import date
from typing import Any

from low_income.lists.words import LEVEL_TITLES
from low_income.warehouse import models

ROOMS = {
    "accepted": ("收下的行", "各单位名单里通过检查的行，一种名单一张表。"),
    "input": ("夜间任务给的表", "单位、政策值、日历、上一版的结果等。其中 input.rule 等几张由规则的卡片写成。"),
    "registry": ("登记", "谁是谁，在不在册，属于哪一户，有哪些事实。"),
    "warnings": ("规则", "每条规则一张表，一行是一个对象；另有几张由程序汇总。"),
    "life": ("预警的经过", "一条预警从出现、核查到办结或撤回，和人们填回来的答复。"),
    "main": ("公布的表", "预警库 warehouse.duckdb 里的表，分析员查的就是这些。"),
}
"""Room → its title, and what stands in it; in the order in which data pass through them."""

MADE_BY_PROGRAM = {
    models.EVERY: "各条规则的结果合在一起，附上依据、政策值和新旧程度。",
    models.SOURCE: "每条规则、每个对象的结果出自哪几次报送。",
    models.UNREADABLE: "规则本来会列出、只因某个单元格认不出来而没有列出的对象。",
    models.EPISODE: "今晚新出现的预警的编号。",
    models.SUGGESTION: "请人判断是不是同一人的成对记录。",
    models.CONTRADICTION: "互相矛盾、不能同时成立的答复。",
    models.NAMED_IN: "答复里说到的人，出现在谁的哪些行里。",
    models.WHAT_IF: "一个“是不是同一人”的判断会改变什么。",
    models.FRESHNESS: "沿用下来的预警，今晚的名册新旧程度如何。",
    models.WITHDRAWAL: "不再成立的预警，是今晚的哪一项变化使它撤回的。",
    models.TURNED: "今晚收下的哪些报送改动了这些预警所依据的行。",
}
"""Tables that the builder makes without a query in sql/ → what stands in them."""

SENDERS = {"division": "各区", "bureau": "民政局本级"}

SUBJECTS = {"head": "按户（户主）", "person": "按人"}
RULE_COLUMNS = {
    "person_id": "对象", "household_id": "家庭", "division_code": "区划", "level": "级别", "measured": "轻重",
    models.SAID_UNREADABLE: "认不出来而说不准的",
}  # fmt: skip
"""Column of a rule's result → its name in the example tables."""

EMPTY = "无"
"""What a cell shows that an example gives as NULL. A cell that it does not name stays blank."""


def value(column: str, given: Any) -> str:
    """One value of an example as text: amounts in fen as yuan, yes and no, levels by their Chinese name."""
    if given is None:
        return EMPTY
    if isinstance(given, bool):
        return "是" if given else "否"
    if isinstance(given, int) and column.endswith("_fen"):
        sign, fen = "-" if given < 0 else "", abs(given)
        return f"{sign}{fen // 100}.{fen % 100:02}元"
    if isinstance(given, date):
        return given.isoformat()
    return LEVEL_TITLES.get(given, given) if column == "level" and isinstance(given, str) else str(given)
