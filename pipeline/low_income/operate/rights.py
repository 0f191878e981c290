"""The person's right to be told: what is held about a person, from which file, and who looked at it.

See docs/boundaries.md (6). Each such question is written into the journal, with the person_id only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from low_income.ask import pages
from low_income.ask.person import person_of
from low_income.lists.words import OUTCOME_TITLES
from low_income.model import mask
from low_income.records import accepted_store, access, bookkeeping, journal, seal
from low_income.records.ledger import Submission
from low_income.settings import contracts
from low_income.settings.contracts import Kind
from low_income.settings.home import Home


def subject(home_dir: Path, id_number: str, day: date, *, who: str, because: str) -> dict[str, Any]:
    """All that is held about a person, as plain data: rows with their source, warnings, decisions, and who looked.

    The question itself is written into the journal. Raises MonitorError for an unusable number.
    """
    home, ledger = access.open_whole(home_dir)
    person_id = person_of(home, id_number, day)
    with access.shared(home_dir):
        at = datetime.now(UTC)
        about = {"command": "subject", "person_id": person_id, "because": because}
        bookkeeping.audit(home, ledger, "looked", about, who=who)
        names = {unit.code: unit.name for unit in home.units.values()}
        joined = joined_rows(home, person_id)
        held = [row for each in ledger.submissions() for row in rows_of(home, each, person_id, names, joined)]
        published, in_words = _published(home, person_id, names)
        warnings = {line["warning_id"] for line in published.get("预警", [])}
        households = {line["household_id"] for line in published.get("家庭", [])}
        looked = [
            {"时间": entry.at.astimezone(home.time_zone).strftime("%Y-%m-%d %H:%M"), "谁": entry.who,
             "做了什么": _DONE.get(entry.about.get("command", ""), entry.what), "为什么": entry.about.get("because", "")}
            for entry in journal.read(home)
            if entry.what in ("looked", "forgot")
            and (
                entry.about.get("person_id") == person_id
                or entry.about.get("warning_id") in warnings
                or entry.about.get("household_id") in households
            )
        ]  # fmt: skip
    return {
        "person": mask(id_number), "asked_at": at.astimezone(home.time_zone).isoformat(), "rows": held, "published": published, "in_words": in_words,
        "looked": looked, "lists": _lists(published, names),
    }  # fmt: skip


_DONE = {
    "subject": "查询本人全部数据",
    "explain": "查看预警依据",
    "why-not": "查询为什么没有预警",
    "forget": "清除数据",
    "review": "在网页上查看一户一档",
}


def rows_of(
    home: Home, submission: Submission, person_id: str, names: dict[str, str], joined: set[str]
) -> Iterator[dict[str, Any]]:
    """A submission's rows about the person. `joined`: row_ids of set-aside rows that people decided are about this person."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    from low_income.night import issues  # noqa: PLC0415 - brings pandas

    kind = contracts.load().kinds.get(submission.kind or "")
    if kind is None:
        return
    asked = pa.array([person_id], pa.string())
    found: list[tuple[dict[str, Any], dict[str, Any], bool]] = []
    path = accepted_store.rows_path(home, kind.name, submission.submission_id)
    if path.exists():
        rows = pq.read_table(path)
        is_his = pc.or_(pc.is_in(rows["person_id"], value_set=asked), pc.is_in(rows["head_person_id"], value_set=asked))
        for row in rows.filter(is_his).to_pylist():
            found.append((row, _cells(row, kind, person_id), True))
    if joined and (path := accepted_store.rows_path(home, "unproven", submission.submission_id)).exists():
        rows = pq.read_table(path)
        for row in rows.filter(pc.is_in(rows["row_id"], value_set=pa.array(sorted(joined), pa.string()))).to_pylist():
            found.append((row, _cells(row, kind, person_id), True))
    path = accepted_store.rows_path(home, "set_aside", submission.submission_id)
    if path.exists():
        rows, said = pq.read_table(path), issues.said_of(home, submission)
        for row in rows.filter(pc.is_in(rows["person_id"], value_set=asked)).to_pylist():
            why = said.get((row["row_number"], row["reason"]), row["reason"])
            told = {"姓名": row["name"], "出生日期": row["birth_date"], "退回的原因": why}
            found.append((row, {name: str(value) for name, value in told.items() if value}, False))
    for row, values, is_accepted in found:
        yield {
            "submission_id": submission.submission_id, "kind": submission.kind, "种类": kind.title,
            "来自": names.get(submission.unit_code, submission.unit_code),
            "文件": submission.file_name, "工作表": row["sheet"], "行": row["row_number"], "月份": row["period"] or "",
            "收到": submission.night.isoformat(), "退回": not is_accepted,
            "仍在使用": is_accepted and submission.status in ("accepted", "partly_accepted"),
            "依据": kind.legal_basis, "内容": values,
        }  # fmt: skip


def _cells(row: dict[str, Any], kind: Kind, person_id: str) -> dict[str, Any]:
    """Header → the sender's text of a row. ID numbers are masked in rows of other household members."""
    is_own = row["person_id"] in (person_id, None)
    told = {column.header: row.get(f"{field}__text") for field, column in kind.columns.items()}
    return {header: text if is_own else mask(text) for header, text in told.items() if text}


def joined_rows(home: Home, person_id: str) -> set[str]:
    """row_ids of set-aside rows that people decided are about this person."""
    from low_income import warehouse  # noqa: PLC0415 - brings duckdb

    if not home.warehouse.exists():
        return set()
    query = "select left_ref from identity_question where right_ref = ? and decision = 'same' and about = 'pair'"
    with closing(warehouse.read(home.warehouse, seal.release_keys(home))) as con:
        return {row_id for (row_id,) in con.execute(query, [person_id]).fetchall()}


def decided_about(home: Home, person_id: str, names: dict[str, str]) -> list[dict[str, Any]]:
    """Decisions about who the person is, in the same form as `rows_of`."""
    return [
        {
            "kind": "identity", "种类": "身份判断", "来自": names.get(line["unit_code"], line["unit_code"]),
            "文件": line["file_name"], "工作表": line["sheet"], "行": int(line["row"]), "月份": "", "收到": line["received_on"],
            "仍在使用": line["state"] == "stands", "退回": False,
        }
        for line in _published(home, person_id, names)[0].get("身份判断", [])
    ]  # fmt: skip


_Tables = dict[str, list[dict[str, Any]]]


def _published(home: Home, person_id: str, units: dict[str, str]) -> tuple[_Tables, _Tables]:
    """What the current release holds about the person: (title of the table → its rows, the same in words)."""
    from low_income import warehouse  # noqa: PLC0415 - brings duckdb

    if not home.warehouse.exists():
        return {}, {}
    asked = {
        "本人": "select * from person where person_id = $1",
        "家庭": "select h.* from household as h inner join household_member as m using (household_id) where m.person_id = $1",
        "在册情况": "select * from enrolment where person_id = $1",
        "名册核对": "select * from registry_check where person_id = $1",
        "临时救助": "select * from temporary_grant where person_id = $1",
        "预警": """select * from warning where person_id = $1
            or household_id in (select household_id from household_member where person_id = $1)""",
        "预警的变化": """select * from warning_history
            where household_id in (select household_id from household_member where person_id = $1)""",
        "上门联系": """select * from visit_contact
            where household_id in (select household_id from household_member where person_id = $1)""",
        "抽样核查": """select * from sample_check where person_id = $1
            or household_id in (select household_id from household_member where person_id = $1)""",
        "姓名争议": "select * from name_conflict where person_id = $1",
        "疑似同一人": "select * from duplicate_suggestion where left_ref = $1 or right_ref = $1",
        "身份判断": "select * from identity_decision where left_ref = $1 or right_ref = $1",
    }
    told: _Tables = {}
    in_words: _Tables = {}
    with closing(warehouse.read(home.warehouse, seal.release_keys(home))) as con:
        about = "select column_name, comment from duckdb_columns() where schema_name = 'main' and table_name = ?"
        for title, query in asked.items():
            answer = con.execute(f"{query} order by all", [person_id])
            columns = [column[0] for column in answer.description or []]
            rows = [dict(zip(columns, row, strict=True)) for row in answer.fetchall()]
            if rows:
                told[title] = [
                    {name: "" if value is None else str(value) for name, value in row.items()} for row in rows
                ]
                comments = dict(con.execute(about, [re.findall(r"from (\w+)", query)[0]]).fetchall())
                in_words[title] = [_in_words(row, comments, units, home.policy.titles) for row in told[title]]
    return told, in_words


_YES_OR_NO = {"True": "是", "False": "否"}
_NOT_TOLD = re.compile(r".*_(?:id|ref)|measured|freshness|weight|score|episode_before|run_date")
"""Columns that mean nothing to the person: keys, and columns that only order lines."""


def _in_words(
    row: dict[str, Any], comments: dict[str, str], units: dict[str, str], titles: dict[str, str]
) -> dict[str, str]:
    """A published row in words. The comments of its columns give titles and the meaning of codes (`open 待核查,closed 已办结`)."""
    told = {}
    for name, value in row.items():
        comment = comments.get(name) or name
        title, codes = re.split("[：（；。，]", comment)[0], dict(re.findall(r"([a-z_]{3,}) ([^\s，；（）]+)", comment))
        if not value or _NOT_TOLD.fullmatch(name):
            continue
        if name == "evidence":
            text = "；".join(_as_evidence(each) for each in json.loads(value))
        elif name == "policy":
            text = "；".join(
                f"{titles.get(each['key'], each['key'])} {each['value']}{each['unit']}（{each['source']}）"
                for each in json.loads(value)
            )
        else:
            text = _YES_OR_NO.get(value) or codes.get(value) or units.get(value) or OUTCOME_TITLES.get(value) or value
        told[title.removesuffix("代码") if value in units else title] = mask(text)
    return told


def _as_evidence(each: dict[str, Any]) -> str:
    where = f"《{each['file_name']}》{each['sheet'] or ''}第{each['row']}行"
    return f"{each['fact']} {each['value']}（{where}，{each['as_of']}）"


def _lists(published: dict[str, list[dict[str, Any]]], names: dict[str, str]) -> list[str]:
    """The lists on which the person stood, and the units that got them."""
    return sorted(
        {
            f"{line['first_seen_on']} 至 {line['last_seen_on']} 的预警清单：{names.get(line['division_code'], '')}和民政局本级"
            for line in published.get("预警", [])
        }
        | {
            f"{line['sampled_on']} 起的抽样核查：{names.get(line['division_code'], '')}和民政局本级"
            for line in published.get("抽样核查", [])
        }
    )


def page(told: dict[str, Any], bureau: str) -> str:
    """The answer to a person's question as one printable HTML page in plain Chinese."""
    return pages.render("rights", told=told, bureau=bureau, asked_at=told["asked_at"][:16].replace("T", " "))
