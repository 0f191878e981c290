"""One file per household (一户一档): its people, where they stand, every warning with its evidence, and what became of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from low_income.lists import freshness_text, place_text
from low_income.lists.words import (
    LEVEL_TITLES,
    OUTCOME_TITLES,
    REGISTRY_CHECK_TITLES,
    REGISTRY_TITLES,
    STATE_TITLES,
)
from low_income.model import mask
from low_income.night.night_report import CHANGE_TITLES
from low_income.review.release import Row, rows

if TYPE_CHECKING:
    import duckdb

PURPOSE_TITLES = {"assistance": "救助", "supplement": "待遇落实", "entitlement_review": "资格复核"}


def read_household(
    con: duckdb.DuckDBPyConnection,
    household_id: str,
    *,
    unit_names: Mapping[str, str],
    policy_titles: Mapping[str, str],
) -> dict[str, Any] | None:
    """All that the open release tells of a household, as plain data with numbers masked; None when it is not in the release."""
    found = rows(
        con,
        "select household.*, household_warning.level, household_warning.change, household_warning.referrals"
        " from household left join household_warning using (household_id) where household.household_id = ?",
        [household_id],
    )
    if not found:
        return None
    household = found[0]
    members = _members(con, household_id)
    senders = {
        row["submission_id"]: row["unit_code"] for row in rows(con, "select submission_id, unit_code from submission")
    }
    warnings = [
        _warning(row, senders, unit_names, policy_titles)
        for row in rows(
            con,
            "select warning.* from warning where household_id = ? order by status = 'closed',"
            " list_position(['red', 'orange', 'yellow', 'blue'], level), due_on, warning_id",
            [household_id],
        )
    ]
    contacts = rows(con, "select address, phone from visit_contact where household_id = ? order by all", [household_id])
    history = rows(
        con,
        "select run_date, warning_id, rule_code, change, before, after, because from warning_history where household_id = ?"
        " order by run_date desc, warning_id, change",
        [household_id],
    )
    return {
        "household_id": household_id,
        "head": next((each["name"] for each in members if each["person_id"] == household["head_person_id"]), "") or "",
        "unit": unit_names.get(household["division_code"], household["division_code"]),
        "township": household["township"] or "",
        "area_type": household["area_type"] or "",
        "size": household["size"],
        "colour": household["colour"] or "",
        "level": household["level"] or "",
        "services": [each for each in (household["referrals"] or "").split(",") if each],
        "members": members,
        "warnings": warnings,
        "contacts": contacts,
        "history": [
            {
                "on": each["run_date"].isoformat(), "rule_code": each["rule_code"], "change": CHANGE_TITLES[each["change"]],
                "before": _in_words(each["before"]), "after": _in_words(each["after"]), "because": mask(each["because"] or "").rstrip("。"),
            }
            for each in history
        ],
    }  # fmt: skip


def _in_words(value: str | None) -> str:
    """A level, state or outcome of the history in Chinese; other text as it is, masked."""
    known = LEVEL_TITLES | STATE_TITLES | OUTCOME_TITLES | {"withdrawn": "已撤回"}
    return known.get(value or "", mask(value or "")).rstrip("。")


def _members(con: duckdb.DuckDBPyConnection, household_id: str) -> list[Row]:
    found = rows(
        con,
        "select member.person_id, member.relation, person.name, person.id_number, person.sex, person.death_date,"
        " date_diff('year', person.birth_date, release.run_date)"
        " - cast(strftime(person.birth_date, '%m%d') > strftime(release.run_date, '%m%d') as integer) as age"
        " from household_member as member inner join person using (person_id) cross join release"
        " where member.household_id = ? order by member.relation <> '户主', age desc nulls last, member.person_id",
        [household_id],
    )
    answers = rows(
        con,
        "select person_id, registry, answer, registry_period from registry_check"
        " where person_id in (select person_id from household_member where household_id = ?)"
        " order by list_position(['dibao', 'tekun', 'edge'], registry)",
        [household_id],
    )
    for each in found:
        each["id_number"] = each["id_number"] or ""
        each["standing"] = [
            {
                "registry": REGISTRY_TITLES[answer["registry"]], "answer": answer["answer"],
                "said": REGISTRY_CHECK_TITLES[answer["answer"]], "period": answer["registry_period"] or "",
            }
            for answer in answers
            if answer["person_id"] == each["person_id"]
        ]  # fmt: skip
    return found


def _warning(
    row: Row, senders: Mapping[str, str], unit_names: Mapping[str, str], policy_titles: Mapping[str, str]
) -> dict[str, Any]:
    state = STATE_TITLES[row["status"]]
    return {
        "warning_id": row["warning_id"],
        "code": row["rule_code"],
        "title": row["title"],
        "purpose": PURPOSE_TITLES[row["purpose"]],
        "level": row["level"],
        "level_title": LEVEL_TITLES[row["level"]],
        "is_open": row["status"] != "closed",
        "state": f"{state}（{OUTCOME_TITLES[row['outcome']]}）" if row["outcome"] else state,
        "subject": row["subject_name"] or "",
        "first_seen_on": row["first_seen_on"].isoformat(),
        "due_on": row["due_on"].isoformat(),
        "is_overdue": row["is_overdue"],
        "reason": mask(row["reason"]),
        "caveat": row["caveat"],
        "freshness": freshness_text(row["freshness"], row["remark"]),
        "decided": f"{row['decided_by']} {row['decided_on'].isoformat()}" if row["decided_on"] else "",
        "measure": row["measure"] or "",
        "note": mask(row["note"] or ""),
        "policy": [
            {
                "title": policy_titles.get(value["key"], value["key"]), "value": f"{value['value']} {value['unit']}",
                "source": value["source"],
            }
            for value in json.loads(row["policy"])
        ],
        "evidence": [_fact(fact, senders, unit_names) for fact in json.loads(row["evidence"])],
    }  # fmt: skip


def _fact(fact: Mapping[str, Any], senders: Mapping[str, str], unit_names: Mapping[str, str]) -> dict[str, str]:
    """A fact of the evidence: what, which value, the sender's text where it differs, and the cell."""
    value = "" if fact["value"] is None else mask(str(fact["value"]))
    original = mask(str(fact["original_text"] or ""))
    unit = unit_names.get(senders.get(fact["submission_id"], ""), "")
    header = f"，列名“{fact['header']}”" if fact["header"] else ""
    return {
        "fact": fact["fact"],
        "value": value,
        "original": "" if original == value else original,
        "place": mask("/".join(part for part in (unit, place_text(fact)) if part) + header),
        "as_of": str(fact["as_of"] or ""),
    }
