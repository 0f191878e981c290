"""Explains a warning down to the cell: rule, policy, compared values with their source, and whether it still holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from low_income.lists import freshness_text, place_text
from low_income.lists.words import LEVEL_TITLES, OUTCOME_TITLES, STATE_TITLES
from low_income.model import MonitorError, mask
from low_income.records import access, seal
from low_income.settings import contracts

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from low_income.warehouse.models import Card

_FROM_A_FILE = ("value", "original_text", "file_name", "sheet", "header")
"""Fields with a sender's text, which may hold an ID number. Our own ids are never masked."""
_STILL = {
    "holds": "仍然成立", "changed": "仍然成立，但轻重有变", "gone": "已不成立", "stopped": "规则已停用，不能重算",
    "unreadable": "现在无法核对",
}  # fmt: skip
_STILL_STYLE = {"holds": "green", "changed": "yellow", "gone": "red", "stopped": "red", "unreadable": "yellow"}


def explain(home_dir: Path, warning_id: str, day: date | None = None) -> dict[str, Any]:
    """All evidence of one warning of the current release, and whether its rule still holds on the rows in force.

    The rule is asked again for the release's own night, or for another `day`.

    Raises MonitorError when nothing is published yet, or the release does not hold the warning.
    """
    from low_income import warehouse  # noqa: PLC0415 - brings duckdb
    from low_income.night import build_inputs  # noqa: PLC0415 - brings duckdb
    from low_income.warehouse import models  # noqa: PLC0415 - brings duckdb

    home, ledger = access.open_whole(home_dir)
    if not home.warehouse.exists():
        raise MonitorError("还没有发布过预警清单，请先运行 monitor run")
    sql_models = models.read_models(contracts.load().kinds)
    with closing(warehouse.read(home.warehouse, seal.release_keys(home))) as release:
        asked_on = day or release.execute("select run_date from release").fetchall()[0][0]
        given = build_inputs.gather(home, ledger, asked_on)
        return explain_in(
            release,
            warning_id,
            cards=sql_models.cards,
            policy_titles=home.policy.titles,
            unit_names={code: unit.name for code, unit in home.units.items()},
            ask_rule=lambda code: warehouse.ask(given, sql_models, f"warnings.{code.lower()}"),
            ask_unanswered=lambda: {
                row["warning_id"]: row["said"]
                for row in warehouse.ask(given, sql_models, "life.unanswered").to_pylist()
            },
            asked_on=asked_on,
        )


def explain_in(
    release: duckdb.DuckDBPyConnection,
    warning_id: str,
    *,
    cards: Mapping[str, Card],
    policy_titles: Mapping[str, str],
    unit_names: Mapping[str, str],
    ask_rule: Callable[[str], pa.Table],
    ask_unanswered: Callable[[], Mapping[str, str]],
    asked_on: date,
) -> dict[str, Any]:
    """All evidence of one warning of a release, as plain data (dates ISO, numbers masked).

    `warning_id`: the whole id, or a beginning that no other id has. `cards`: as `Models.cards`.
    `ask_rule(code)` runs that rule on the rows accepted now, for the night `asked_on`, and gives its table (`person_id`,
    `household_id`, `level`, `measured`, …). `ask_unanswered()` gives warning_id → why, for open warnings that cannot be asked about
    on that night; it is called when the rule does not give the subject. Raises MonitorError for a warning that the release
    does not hold, with the reason when it was withdrawn.
    """
    answer = release.execute("select * from warning where starts_with(warning_id, ?) order by warning_id", [warning_id])
    names = [column[0] for column in answer.description or []]
    rows = answer.fetchall()
    if not rows:
        raise MonitorError(_not_there(release, warning_id))
    if len(rows) > 1:
        raise MonitorError(f"有 {len(rows)} 条预警的编号以 {warning_id} 开头，请把编号多写几位")
    warning = dict(zip(names, rows[0], strict=True))
    card = next((card for card in cards.values() if card.code == warning["rule_code"]), None)
    senders = dict(release.execute("select submission_id, unit_code from submission").fetchall())
    evidence = [
        {key: mask(value) if key in _FROM_A_FILE and value else value for key, value in fact.items()}
        | {"unit": unit_names.get(senders.get(fact["submission_id"], ""), "")}
        for fact in json.loads(warning["evidence"])
    ]
    return {
        "warning_id": warning["warning_id"],
        "run_date": warning["run_date"].isoformat(),
        "status": warning["status"],
        "outcome": warning["outcome"],
        "level": warning["level"],
        "subject": {
            "name": warning["subject_name"],
            "id_number": mask(warning["subject_id_number"]),
            "unit": unit_names.get(warning["division_code"], warning["division_code"]),
            "township": warning["township"],
        },
        "reason": mask(warning["reason"]),
        "remark": warning["remark"],
        "decided": {
            "by": warning["decided_by"],
            "on": warning["decided_on"].isoformat(),
            "measure": warning["measure"],
            "note": mask(warning["note"]),
            "silent_until": warning["silent_until"].isoformat() if warning["silent_until"] else None,
        }
        if warning["decided_on"]
        else None,
        "first_seen_on": warning["first_seen_on"].isoformat(),
        "last_seen_on": warning["last_seen_on"].isoformat(),
        "due_on": warning["due_on"].isoformat(),
        "rule": {"code": warning["rule_code"], "title": warning["title"], "purpose": warning["purpose"]}
        | _card_says(card),
        "caveat": warning["caveat"],
        "policy": [
            {"title": policy_titles.get(value["key"], value["key"])} | value for value in json.loads(warning["policy"])
        ],
        "evidence": evidence,
        "freshness": json.loads(warning["freshness"]),
        "freshness_text": freshness_text(warning["freshness"], warning["remark"]),
        "again": {"asked_on": asked_on.isoformat()} | _again(warning, card, ask_rule, ask_unanswered),
    }


def _not_there(release: duckdb.DuckDBPyConnection, warning_id: str) -> str:
    gone = release.execute(
        "select withdrawn_on, because from warning_withdrawn where starts_with(warning_id, ?) order by all",
        [warning_id],
    ).fetchone()
    if gone:
        return f"预警 {warning_id} 已于 {gone[0].isoformat()} 撤回：{gone[1]}"
    return f"没有编号为 {warning_id} 的预警。编号在清单“预警”页最后一列"


def _card_says(card: Card | None) -> dict[str, Any]:
    if card is None:
        return {"condition": None, "why": None, "citation": None, "exclusions": [], "assumptions": []}
    return {
        "condition": card.condition,
        "why": card.why,
        "citation": card.citation,
        "exclusions": card.exclusions,
        "assumptions": card.assumptions,
    }


_NOTHING = {"level": None, "measured": None, "unreadable": None}


def _again(
    warning: Mapping[str, Any],
    card: Card | None,
    ask_rule: Callable[[str], pa.Table],
    ask_unanswered: Callable[[], Mapping[str, str]],
) -> dict[str, Any]:
    """The rule's answer on the same subject now. When a roster is not current or not whole, a missing subject is no answer."""
    before = {"level_before": warning["level"], "measured_before": warning["measured"]}
    if card is None:
        return before | _NOTHING | {"answer": "stopped"}
    key = "household_id" if card.subject == "head" else "person_id"
    table = ask_rule(card.code)
    found = table.filter(pc.equal(table[key], warning[key])).to_pylist()
    said = found[0].get("unreadable") if found else ask_unanswered().get(warning["warning_id"])
    if not found and not said:
        return before | _NOTHING | {"answer": "gone"}
    if said:
        return before | _NOTHING | {"answer": "unreadable", "unreadable": mask(said)}
    same = (found[0]["level"], found[0]["measured"]) == (warning["level"], warning["measured"])
    return (
        before
        | _NOTHING
        | {
            "answer": "holds" if same else "changed",
            "level": found[0]["level"],
            "measured": found[0]["measured"],
        }
    )


def show(result: Mapping[str, Any], console: Console) -> None:
    """Print an explanation in Chinese. Text from files is never read as markup."""
    rule, subject = result["rule"], result["subject"]
    level = LEVEL_TITLES.get(result["level"], result["level"])
    state = STATE_TITLES.get(result["status"], result["status"])
    if result["outcome"]:
        state += f"（{OUTCOME_TITLES.get(result['outcome'], result['outcome'])}）"
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    for word, text in (
        ("对象", f"{subject['name']} {subject['id_number']} {subject['unit']} {subject['township'] or ''}".strip()),
        ("级别和状态", f"{level}，{state}；首次发现 {result['first_seen_on']}，期限 {result['due_on']}"),
        ("为什么列出", result["reason"]),
        ("核查", _decided_text(result["decided"])),
        ("条件", rule["condition"] or "（规则已停用）"),
        ("为什么要问", rule["why"]),
        ("政策依据", rule["citation"]),
        ("不预警的情形", "\n".join(rule["exclusions"])),
        ("假定", "\n".join(rule["assumptions"])),
        ("可能不准的情形", result["caveat"]),
        ("依据有多新", result["freshness_text"]),
    ):
        if text:
            facts.add_row(Text(word), Text(text))
    still = result["again"]
    console.print(
        Group(
            Panel(
                facts, title=Text(f"{rule['code']} {rule['title']}"), subtitle=Text(f"预警编号 {result['warning_id']}")
            ),
            *([_policy_table(result)] if result["policy"] else []),
            _evidence(result),
            Text(
                f"按 {still['asked_on']} 已收到的数据重新核算：{_again_text(still)}",
                style=_STILL_STYLE[still["answer"]],
            ),
            Text("预警是提问，不是结论：是否帮、怎么帮，由人核实后决定。", style="bold"),
        ),
        crop=False,
    )


def _decided_text(decided: Mapping[str, Any] | None) -> str:
    if not decided:
        return ""
    said = "。".join(part.rstrip("。") for part in (decided["note"], decided["measure"]) if part)
    silent = f"；{decided['silent_until']} 以前除非加重不再提示" if decided["silent_until"] else ""
    return f"{decided['by']} {decided['on']}：{said}{silent}"


def _again_text(again: Mapping[str, Any]) -> str:
    text = _STILL[again["answer"]]
    if again["answer"] == "changed":
        before, now = (LEVEL_TITLES.get(level, level) for level in (again["level_before"], again["level"]))
        text += f"（级别 {before} → {now}，衡量值 {again['measured_before']} → {again['measured']}）"
    if again["answer"] == "unreadable":
        text += f"：{again['unreadable']}"
    return text + "。"


def _policy_table(result: Mapping[str, Any]) -> Table:
    table = Table(title="用到的政策值", title_justify="left", expand=True)
    for heading in ("项目", "值", "出处"):
        table.add_column(heading, overflow="fold")
    for value in result["policy"]:
        table.add_row(Text(value["title"]), Text(f"{value['value']} {value['unit']}"), Text(value["source"]))
    return table


def _evidence(result: Mapping[str, Any]) -> Group:
    """Each fact on two lines, so that no file name is broken: the fact and its value, then its place."""
    lines = [Text("比较的数值和来源", style="italic")]
    for fact in result["evidence"]:
        original = "" if fact["original_text"] in (None, "", fact["value"]) else f"（原文：{fact['original_text']}）"
        value = "" if fact["value"] is None else str(fact["value"])
        lines.append(Text.assemble("• ", (f"{fact['fact']} {value}", "bold"), original))
        source = "/".join(part for part in (fact["unit"], place_text(fact)) if part)
        header = f"，列名“{fact['header']}”" if fact["header"] else ""
        lines.append(Text(f"  {source}{header}，数据时间 {fact['as_of']}", overflow="ignore", no_wrap=True))
    return Group(*lines)
