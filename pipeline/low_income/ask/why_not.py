"""Says why a rule does not list a person: the conditions of the rule that do not hold for this person, in words.

The conditions come from the rule's own SQL (`warehouse.why_not`). A new rule needs nothing here. For a new column, a word
in WORDS makes the sentences better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text
from sqlglot import exp

from low_income import warehouse
from low_income.ask.person import person_of
from low_income.lists.words import OUTCOME_TITLES, REGISTRY_TITLES
from low_income.model import MonitorError, mask
from low_income.night import build_inputs
from low_income.records import access, seal
from low_income.settings import contracts
from low_income.warehouse.models import SAID_UNREADABLE, Card, Models, read_models
from low_income.warehouse.why_not import Failing

if TYPE_CHECKING:
    import duckdb

WORDS = {
    "age": "年龄", "age_at_death": "去世时年龄", "annual_income_fen": "家庭年收入", "as_disabled": "重度残疾", "as_elderly": "年满60周岁",
    "as_ill": "重病", "as_minor": "未满18周岁", "average_limit_fen": "按上年人均可支配收入算得的全年", "burden_fen": "一年内个人负担",
    "computed_fen": "按政策应补差金额", "dibao_members": "低保户内人数", "due_on": "到期日", "edge_members": "低保边缘户内人数",
    "edge_x10000": "按低保边缘标准算得的全年", "grants": "一年内发放的临时救助次数", "has_supporter": "有法定赡养抚养人", "is_border": "在边境",
    "is_current": "名册最新", "is_dibao": "在低保", "is_edge": "在低保边缘", "is_far": "偏远", "is_open": "风险未消除",
    "is_severe": "证件有效且为重度", "is_tekun": "在特困", "lacking_fen": "收入与标准的差额", "limit_fen": "按标准算得的全年",
    "limit_x10000": "按标准算得的上限", "ratio_x10000": "比例", "rigid_fen": "刚性支出", "run_date": "今天", "tolerance_fen": "允许的出入",
    "units": "住房套数", "value": "规定的数", "value_fen": "规定的金额", "value_x10000": "规定的比例", "edge_multiple_x10000": "低保边缘倍数",
    "standard_fen": "低保标准（每人每月）", "measured": "比较的数值", "happened_on": "受灾日期", "registered_on": "登记日期",
    "died_on": "死亡日期", "pay_month": "最近缴费月份", "month_start": "本月", "is_in_year": "在一年之内", "covered": "保障人口",
    "registry": "名册", "working_days": "已过的工作日",
    "divisions": "在册的区数", "is_asked_about": "状态和类型属于要问的", "counts": "正常发放且在期内", "is_in_use": "在最新的名册上",
    "period_start": "名册月份", "possible_grants": "认不出来的次数", "possible_units": "连同认不出用途的套数",
    "due_if_able_on": "有劳动能力时的到期日", "supplement_fen": "个人分类施保金额", "is_disputed": "姓名有争议", "row_rank": "先后",
}  # fmt: skip
"""Columns that rules compute → their Chinese words. A column of a list has the name that stands on the list."""

_NOT = {exp.LT: ("不低于", "不早于"), exp.LTE: ("高于", "晚于"), exp.GT: ("不高于", "不晚于"), exp.GTE: ("低于", "早于"),
        exp.EQ: ("不是", "不是"), exp.NEQ: ("正是", "正是")}  # fmt: skip
"""Comparison → its negation in Chinese: for amounts, for days."""
_MOST_NAMED = 3
_DISPUTED = "这一行的姓名与号码的主人不同，存疑，暂不采用"
_ANSWERS = {
    "enrolled": "{who}在{registry}名册上", "not_current": "{registry}名册不是最新，不知道{who}是否在册",
    "cannot_tell": "{who}是否在{registry}名册上，今晚无法确认（本人身份存疑，退回的行里有疑似同一人的，或名册不完整）",
    "not_enrolled": "{who}不在{registry}名册上",
}  # fmt: skip


def why_not(home_dir: Path, id_number: str, rule: str, day: date | None = None) -> dict[str, Any]:
    """The conditions of a rule that do not hold for a person on the night `day` (None: the night of the current release).

    Returns `person` (masked number), `person_id`, `night`, `rule`, `listed` and `reasons` (Chinese sentences). Raises MonitorError for
    an unusable number, for an unknown rule, and when nothing is published yet.
    """
    home, ledger = access.open_whole(home_dir)
    if not home.warehouse.exists():
        raise MonitorError("还没有发布过任何一版数据，请先运行 monitor run")
    models = read_models(contracts.load().kinds)
    known = {card.code: (name, card) for name, card in models.cards.items()}
    if rule.upper() not in known:
        raise MonitorError(f"没有“{rule}”这条规则。可选：{'、'.join(known)}")
    name, card = known[rule.upper()]
    with closing(warehouse.read(home.warehouse, seal.release_keys(home))) as release:
        night = day or release.execute("select run_date from release").fetchall()[0][0]
        person_id = person_of(home, id_number, night)
        told = _listed(release, card, person_id) if day in (None, _night_of(release)) else None
    missing: dict[str, str] = {}
    if told is None:
        given = build_inputs.gather(home, ledger, night)
        failing = warehouse.trace(given, models, name, person_id)
        missing = _missing(given, models, person_id)
        if failing is None:
            not_taken = list(dict.fromkeys(missing.values()))
            told = False, "手上的名单（各区名册、摸底、监测和在范围内的部门名单）里都没有这个人" + _may_be_in(not_taken)
        elif not failing:
            told = _after_the_rule(given, models, name, person_id)
    words = _Words(models, card, missing)
    reasons = [told[1]] if told else list(dict.fromkeys(words.say(each) for each in failing or []))
    return {
        "person": mask("".join(id_number.split())),
        "person_id": person_id,
        "night": night.isoformat(),
        "rule": {"code": card.code, "title": card.title, "condition": card.condition, "citation": card.citation},
        "listed": bool(told and told[0]),
        "reasons": [mask(reason) for reason in reasons],
    }


def _night_of(release: duckdb.DuckDBPyConnection) -> date:
    night: date = release.execute("select run_date from release").fetchall()[0][0]
    return night


def _listed(release: duckdb.DuckDBPyConnection, card: Card, person_id: str) -> tuple[bool, str] | None:
    """(is listed, sentence) from the release itself, when the warning is there or was closed by a person; else None."""
    of_whom = (
        "household_id in (select household_id from household_member where person_id = $2)"
        if card.subject == "head"
        else "person_id = $2"
    )
    found = release.execute(
        f"select warning_id, status, outcome, first_seen_on from warning where rule_code = $1 and {of_whom}"
        " order by first_seen_on desc, warning_id limit 1",
        [card.code, person_id],
    ).fetchall()
    if not found:
        return None
    warning_id, status, outcome, since = found[0]
    if status != "closed":
        return True, f"已经列出：首次发现 {since}。看依据：monitor explain {warning_id[:16]}"
    done = OUTCOME_TITLES.get(outcome, outcome)
    return False, f"{since} 列出过，已办结（{done}）；没有明显加重、静默期没有过，就不再提示"


def _missing(given: warehouse.Inputs, models: Models, person_id: str) -> dict[str, str]:
    """Kind → its file that could not be taken in whole, of the person's division; for an unknown person, of any division."""
    asked = {
        "registry.list_gap": "select division_code, kind, said from registry.list_gap order by all",
        "registry.person": "select person_id, division_code from registry.person",
    }
    found = {table: rows.to_pylist() for table, rows in warehouse.ask_for(given, models, asked).items()}
    lives_in = {row["division_code"] for row in found["registry.person"] if row["person_id"] == person_id}
    return {
        row["kind"]: mask(row["said"])
        for row in found["registry.list_gap"]
        if not lives_in or row["division_code"] in lives_in
    }


def _may_be_in(not_taken: Sequence[str]) -> str:
    """The words to add when a person is not on a list, and a file of this list was not taken in whole."""
    if not not_taken:
        return ""
    more = f"等{len(not_taken)}份" if len(not_taken) > _MOST_NAMED else ""
    return f"。但有名单没有收全，可能在里面：{'；'.join(not_taken[:_MOST_NAMED])}{more}"


def _after_the_rule(given: warehouse.Inputs, models: Models, name: str, person_id: str) -> tuple[bool, str]:
    """(is listed, sentence) when no condition fails: a cell cannot be read, the person died, a stronger rule stands, or it will be listed."""
    card = models.cards[name]
    stronger = "、".join(card.yields_to)
    tables = [name, "registry.death", "registry.household_member", *(["life.standing"] if card.yields_to else [])]
    asked = {table: f"select * from {table}" for table in tables}
    found = {table: rows.to_pylist() for table, rows in warehouse.ask_for(given, models, asked).items()}
    of_whom = "household_id" if card.subject == "head" else "person_id"
    own = {row[of_whom] for row in found["registry.household_member"] if row["person_id"] == person_id}
    unread = [row["unreadable"] for row in found[name] if row[of_whom] in own and row.get("unreadable")]
    if unread:
        return False, f"{unread[0]}。不知道的不当作没有：这条规则暂时答不了，不新增，也不撤回原有的预警"
    if not card.of_the_dead and any(row["person_id"] == person_id for row in found["registry.death"]):
        return False, "本人已有死亡登记：除“死亡后仍在册”外，不再作为任何规则的对象"
    if stronger and not any(
        (row["rule_code"], row["subject_id"]) in {(card.code, one) for one in own} for row in found["life.standing"]
    ):
        return False, f"各项条件都成立，但同一人已有更急的预警（{stronger}），只提示那一条"
    return True, "按现在手上的数据，各项条件都成立；下一次 monitor run 会列出"


class _Words:
    """Writes failing conditions of one rule as Chinese sentences."""

    def __init__(self, models: Models, card: Card, missing: Mapping[str, str] | None = None) -> None:
        """`missing`: kind → its file that could not be taken in whole."""
        self.models, self.card, self.missing = models, card, missing or {}
        self.headers = {
            field: column.header for kind in reversed(models.kinds.values()) for field, column in kind.columns.items()
        }

    def say(self, failing: Failing) -> str:
        if failing.sort == "absent" or failing.condition is None:
            return self._absent(failing.table)
        said = self._condition(failing.condition, failing.values, failing.tables)
        facts = failing.values
        income, size, standard = (facts.get(name) for name in ("yearly_income_fen", "household_size", "standard_fen"))
        if income is not None and size and standard and "yearly_income" in failing.condition.sql():
            per_head = (Decimal(income) / 12 / size / 100).quantize(Decimal("0.01"))
            said += f"（家庭{size}人，人均月收入 {per_head} 元；低保标准每人每月 {_yuan(standard)} 元）"
        return said

    def _absent(self, table: str) -> str:
        subject = "本户" if self.card.subject == "head" else "本人"
        if table == "registry.division_policy":
            return "没有适用的政策值（多半是不知道城乡类别）"
        if kinds := self._kinds_of(table):
            titles = "、".join(self.models.kinds[kind].title for kind in kinds)
            not_taken = [self.missing[kind] for kind in kinds if kind in self.missing]
            return f"{titles}名单里没有{subject}可用的记录{_may_be_in(list(dict.fromkeys(not_taken)))}"
        return f"{subject}不在这条规则所问的范围里"

    def _condition(self, condition: exp.Expr, values: Mapping[str, Any], tables: Mapping[str, str]) -> str:
        match condition.unnest():
            case exp.Or(args={"this": left, "expression": right}):
                # An alternative about unreadable cells failed too, so there is no such cell, and it is not mentioned.
                sides = [side for side in (left, right) if not _is_of_unreadable(side)]
                said = "，也".join(self._condition(side, values, tables) for side in sides)
            case exp.EQ(args={"this": exp.Column() as column}) if column.name == "answer":
                said = self._answer(column, values, tables)
            case exp.LT() | exp.LTE() | exp.GT() | exp.GTE() | exp.EQ() | exp.NEQ() as compared:
                is_day = isinstance(values.get(compared.left.sql("duckdb")), date)
                left, right = self._side(compared.left, values), self._side(compared.right, values)
                said = f"{left}{_NOT[type(compared)][is_day]}{right}"
            case exp.Is(args={"this": column}):
                title = self._title_of(column, tables)
                said = title if title == _DISPUTED else f"已有{title}"
            case exp.Not(args={"this": exp.Expr() as inner}) if isinstance(inner.unnest(), exp.Is):
                said = f"没有{self._title_of(inner.unnest().this, tables)}"
            case exp.Not() as exempt:
                said = f"属于不列出的例外：{self._all_of(exempt, values)}"
            case exp.In() as among:
                words = "、".join(str(each.name) for each in among.expressions)
                said = f"{self._side(among.this, values)}，不在“{words}”之内"
            case exp.Column() as column:
                said = f"不符合：{self._word(column.name)}"
            case other:
                said = f"条件不成立：{self._all_of(other, values)}"
        return said.replace(" ，", "，").strip()

    def _all_of(self, condition: exp.Expr, values: Mapping[str, Any]) -> str:
        columns = {column.sql(): column for column in condition.find_all(exp.Column)}
        named = [column for column in columns.values() if not column.name.endswith("_id")]
        return "、".join(self._side(column, values).strip() for column in named)

    def _answer(self, column: exp.Column, values: Mapping[str, Any], tables: Mapping[str, str]) -> str:
        answer = values.get(column.sql("duckdb"))
        registry = REGISTRY_TITLES.get(column.table, "有关")
        who = "本户有人" if tables.get(column.table) == "registry.household_check" else "本人"
        return _ANSWERS.get(str(answer), "{registry}名册上没有答复").format(who=who, registry=registry)

    def _title_of(self, column: exp.Expr, tables: Mapping[str, str]) -> str:
        """The name of the record or value that is there, or is not."""
        if not isinstance(column, exp.Column):
            return "、".join(dict.fromkeys(self._word(each.name) for each in column.find_all(exp.Column)))
        table = tables.get(column.table, "")
        model = self.models.models.get(table)
        if model and isinstance(model.about, Card):
            return f"更急的预警 {model.about.code} {model.about.title}"
        if table == "registry.name_conflict":
            return _DISPUTED
        if not column.name.endswith("_id"):
            return self._word(column.name)
        titles = "、".join(self.models.kinds[kind].title for kind in self._kinds_of(table))
        return f"{REGISTRY_TITLES.get(column.table) or titles or '相应'}的记录"

    def _kinds_of(self, table: str) -> list[str]:
        """The kinds that a table is made from; [] when they are too many to name."""
        of_table = self.models.lineage(table) if table in self.models.models else {table.removeprefix("accepted."): []}
        kinds = [kind for kind in sorted(of_table) if kind in self.models.kinds]
        return kinds if len(kinds) <= 4 else []

    def _side(self, side: exp.Expr, values: Mapping[str, Any]) -> str:
        side = side.unnest()
        if isinstance(side, exp.Literal):
            return f" {side.name} " if side.is_number else f"“{REGISTRY_TITLES.get(side.name, side.name)}”"
        if isinstance(side, exp.Boolean):
            return "“是”" if side.this else "“否”"
        value = values.get(side.sql("duckdb"))
        names = list(dict.fromkeys(column.name for column in side.find_all(exp.Column)))
        words = [self._word(name) for name in names if not (name.endswith("_x10000") and len(names) > 1)]
        if isinstance(side, exp.Abs):
            word = f"{'与'.join(words)}相差"
        else:
            word = ("、" if side.find(exp.Add, exp.Sub) else "×").join(words) + ("合计" if side.find(exp.Add) else "")
        if isinstance(value, str):
            value = REGISTRY_TITLES.get(value, value)
        return f"{word} {_shown(value, names, side)} " if value is not None else f"{word}（不知道）"

    def _word(self, name: str) -> str:
        return WORDS.get(name) or self.headers.get(name) or name


def _is_of_unreadable(condition: exp.Expr) -> bool:
    return any(column.name.endswith(SAID_UNREADABLE) for column in condition.find_all(exp.Column))


def _shown(value: Any, names: list[str], side: exp.Expr) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (int, Decimal)):
        scaled = any(name.endswith("_x10000") for name in names) or any(
            literal.name == "10000" for literal in side.find_all(exp.Literal)
        )
        number = Decimal(value) / 10000 if scaled else Decimal(value)
        is_money = any(name.endswith("_fen") or name in ("edge_x10000", "limit_x10000") for name in names)
        return f"{_yuan(number)} 元" if is_money else f"{number.normalize():f}"
    return f"“{value}”"


def _yuan(fen: Any) -> Decimal:
    return (Decimal(fen) / 100).quantize(Decimal("0.01"))


def show(result: Mapping[str, Any], console: Console) -> None:
    """Print the answer in Chinese. Text from files is never read as markup."""
    rule = result["rule"]
    lines = [
        Text(f"对象：{result['person']}   数据日期：{result['night']}"),
        Text(f"条件：{rule['condition']}"),
        Text(""),
    ]
    lines.append(Text("已经列出" if result["listed"] else "没有列出，因为：", style="bold"))
    lines += [Text(f"• {reason}") for reason in result["reasons"]]
    console.print(Panel(Group(*lines), title=Text(f"{rule['code']} {rule['title']}")), crop=False)
