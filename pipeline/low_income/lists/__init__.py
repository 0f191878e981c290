"""Writes warning lists as workbooks, which a division's staff take on visits, fill in and send back.

Reads a published release only. A division's workbook holds that division's people only (docs/boundaries.md, 7).
Numbers are masked. A full number is only in the workbook of the person's own unit, and only when no list of that unit
names the person: the staff cannot find this person without it, and know the others from their own rosters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from low_income.lists import book as list_book
from low_income.lists import figures
from low_income.lists.words import (
    ANSWER_TITLES,
    CHANGE_TITLES,
    LEVEL_TITLES,
    OUTCOME_TITLES,
    QUESTION_TITLES,
    REGISTRY_TITLES,
    STATE_TITLES,
)  # fmt: skip
from low_income.model import mask
from low_income.settings.home import Unit, atomically

if TYPE_CHECKING:
    import duckdb

_MOST_EVIDENCE = 6
"""How many facts of one warning a list shows; `monitor explain` shows all."""
_NO_SUCH_DAY = date.max

_HOUSEHOLDS = """
with due as (
    select household_id, min(due_on) as due_on
    from warning_list
    group by household_id
)
select
    household_warning.household_id as household_id,
    household_warning.division_code as division_code,
    household_warning.township as township,
    household_warning.head_name as head_name,
    household_warning.head_id_number as head_id_number,
    household_warning.size as size,
    household_warning.level as level,
    household_warning.colour as colour,
    household_warning.codes as codes,
    household_warning.open_count as open_count,
    household_warning.oldest_on as oldest_on,
    household_warning.referrals as referrals,
    household_warning.change as change,
    due.due_on as due_on
from household_warning
left join due on household_warning.household_id = due.household_id
"""

_LISTED = """
with listed as (
    select distinct record_link.person_id as person_id, submission.unit_code as unit_code
    from record_link
    inner join submission on record_link.submission_id = submission.submission_id
)
"""
"""CTE `listed`: the people whom each unit's own lists name."""

_WARNINGS = f"""{_LISTED}
select
    warning_list.warning_id as warning_id,
    warning_list.rule_code as rule_code,
    warning_list.title as title,
    warning_list.level as level,
    warning_list.status as status,
    warning_list.household_id as household_id,
    warning_list.subject_name as subject_name,
    warning_list.subject_id_number as subject_id_number,
    warning_list.division_code as division_code,
    warning_list.township as township,
    warning_list.first_seen_on as first_seen_on,
    warning_list.due_on as due_on,
    warning_list.reason as reason,
    warning_list.caveat as caveat,
    warning_list.remark as remark,
    warning_list.decided_on as decided_on,
    warning_list.decided_by as decided_by,
    warning_list.measure as measure,
    warning_list.note as note,
    cast(warning_list.evidence as varchar) as evidence,
    cast(warning_list.freshness as varchar) as freshness,
    listed.person_id is not null as listed_by_own_unit,
    visit_contact.address as address,
    visit_contact.phone as phone
from warning_list
left join listed
    on warning_list.person_id = listed.person_id and warning_list.division_code = listed.unit_code
left join visit_contact
    on warning_list.household_id = visit_contact.household_id and warning_list.division_code = visit_contact.division_code
"""

_SAMPLES = f"""{_LISTED}
select
    sample_check.sample_id as sample_id,
    sample_check.rule_code as rule_code,
    sample_check.title as title,
    sample_check.question as question,
    sample_check.state as state,
    sample_check.household_id as household_id,
    sample_check.subject_name as subject_name,
    sample_check.subject_id_number as subject_id_number,
    sample_check.division_code as division_code,
    sample_check.township as township,
    sample_check.week_start as week_start,
    sample_check.valid_until as valid_until,
    sample_check.decided_on as decided_on,
    sample_check.decided_by as decided_by,
    sample_check.measure as measure,
    sample_check.note as note,
    listed.person_id is not null as listed_by_own_unit,
    visit_contact.address as address,
    visit_contact.phone as phone
from sample_check
left join listed
    on sample_check.person_id = listed.person_id and sample_check.division_code = listed.unit_code
left join visit_contact
    on sample_check.household_id = visit_contact.household_id and sample_check.division_code = visit_contact.division_code
where sample_check.state in ('open', 'verifying')
"""

_QUESTIONS = "select * from identity_question where is_asked order by question_id"
_HEAVY = 100
"""Weight from which a consequence is highlighted: an orange warning is added or withdrawn."""

_COVERAGE = """
with latest as (
    select
        coverage.unit_code as unit_code,
        coverage.kind as kind,
        coverage.period as period,
        coverage.rows as rows,
        coverage.state as state,
        coverage.received as received,
        coverage.due_on as due_on,
        coverage.days_late as days_late,
        row_number() over (partition by coverage.unit_code, coverage.kind order by coverage.period desc) as place
    from coverage
    where coverage.expected or coverage.received
),

used as (
    select
        coverage.unit_code as unit_code,
        coverage.kind as kind,
        coverage.period as period,
        coverage.state as state,
        row_number() over (partition by coverage.unit_code, coverage.kind order by coverage.period desc) as place
    from coverage
    where coverage.received
)

select
    latest.unit_code as unit_code,
    latest.kind as kind,
    latest.period as period,
    latest.rows as rows,
    latest.state as state,
    latest.received as received,
    latest.due_on as due_on,
    latest.days_late as days_late,
    used.period as used_period,
    used.state as used_state
from latest
left join used
    on latest.unit_code = used.unit_code and latest.kind = used.kind and used.place = 1
where latest.place = 1
order by latest.unit_code, latest.kind
"""


def write(
    release: duckdb.DuckDBPyConnection,
    target_dir: Path,
    units: Mapping[str, Unit],
    day: date,
    kind_titles: Mapping[str, str],
) -> list[Path]:
    """Write `<target_dir>/<day>/<unit>.xlsx` for each division in `units`, and for the bureau, which gets all rows.

    `release`: a connection to a published warehouse, which is only read. `kind_titles`: kind → Chinese title. A unit
    without warnings gets a list that says so and why. Same release, same bytes; a list of the same day is replaced as a
    whole. Gives the files in the order of unit codes.
    """
    households = _rows(release, _HOUSEHOLDS)
    warnings = _rows(release, _WARNINGS)
    questions = _rows(release, _QUESTIONS)
    samples = _rows(release, _SAMPLES)
    coverage = _rows(release, _COVERAGE)
    senders = dict(release.execute("select submission_id, unit_code from submission").fetchall())
    rule_titles = {row["rule_code"]: row["title"] for row in warnings}
    folder = target_dir / day.isoformat()
    folder.mkdir(exist_ok=True, mode=0o700)
    paths = []
    for unit in sorted(units.values(), key=lambda unit: unit.code):
        if unit.kind not in ("division", "bureau"):
            continue
        reader = _Reader(unit, units, senders, rule_titles, day)
        own_households = reader.households([dict(row) for row in households if reader.may_see(row)])
        content = list_book.Content(
            name=unit.name,
            code=unit.code,
            day=day,
            households=own_households,
            warnings=reader.warnings([dict(row) for row in warnings if reader.may_see(row)], own_households),
            questions=reader.questions([dict(row) for row in questions if reader.may_see(row)], kind_titles),
            samples=reader.samples([dict(row) for row in samples if reader.may_see(row)]),
            coverage=[reader.coverage(row, kind_titles) for row in coverage if reader.rests_on(row)],
            with_units=reader.sees_all,
            figures=[figures.statistics(release, unit, units), figures.rules(release, unit, units)],
        )
        path = folder / f"{unit.code}.xlsx"
        with atomically(path) as part:
            list_book.write(part, content)
        paths.append(path)
    return paths


def _rows(release: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    answer = release.execute(query)
    names = [column[0] for column in answer.description or []]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


@dataclass(frozen=True)
class _Reader:
    """The unit that a workbook is for: which rows it may see, and how they are shown."""

    unit: Unit
    units: Mapping[str, Unit]
    senders: Mapping[str, str]
    """submission_id → unit code."""
    rule_titles: Mapping[str, str]
    day: date

    @property
    def sees_all(self) -> bool:
        return self.unit.kind == "bureau"

    def may_see(self, row: Mapping[str, Any]) -> bool:
        return self.sees_all or row["division_code"] == self.unit.code

    def rests_on(self, row: Mapping[str, Any]) -> bool:
        """Whether a row of coverage matters to this unit's list: it is about its own files or a partner's."""
        return self.may_see({"division_code": row["unit_code"]}) or self._kind_of(row["unit_code"]) == "partner"

    def households(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Rows of sheet 户, most urgent first: by level, due date, age, number of warnings; then by place and name."""
        rows.sort(
            key=lambda row: (
                _urgency(row["level"]),
                row["due_on"] or _NO_SUCH_DAY,
                row["oldest_on"] or _NO_SUCH_DAY,
                -(row["open_count"] or 0),
                row["division_code"],
                row["township"] or "",
                row["head_name"] or "",
                row["household_id"],
            )
        )
        for place, row in enumerate(rows, start=1):
            row.update(
                self._shown(row)
                | {
                    "place": place,
                    "group": row["household_id"],
                    "matters": "\n".join(f"{code} {self.rule_titles[code]}" for code in row["codes"].split(",")),
                    "head_number": mask(row["head_id_number"] or ""),
                    "referrals": (row["referrals"] or "").replace(",", "、"),
                    "change": CHANGE_TITLES.get(row["change"], ""),
                }
            )
        return rows

    def warnings(self, rows: list[dict[str, Any]], households: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Rows of sheet 预警, in the order of their households, and the most urgent first in each.

        A warning whose household belongs to another division (rule B03) is at the end, without the name of that
        household's head.
        """
        homes = {row["household_id"]: row for row in households}
        rows.sort(
            key=lambda row: (
                homes[row["household_id"]]["place"] if row["household_id"] in homes else len(homes) + 1,
                _urgency(row["level"]),
                row["due_on"] or _NO_SUCH_DAY,
                row["rule_code"],
                row["warning_id"],
            )
        )
        for row in rows:
            home = homes.get(row["household_id"], {})
            row.update(
                self._shown(row)
                | {
                    "place": home.get("place"),
                    "group": row["household_id"],
                    "head_name": home.get("head_name"),
                    "subject_number": self._number(row),
                    "rule": f"{row['rule_code']} {row['title']}",
                    "state": STATE_TITLES.get(row["status"], ""),
                    "result": OUTCOME_TITLES.get(row["status"]),
                    "evidence": self._evidence(row["evidence"]),
                    "freshness": freshness_text(row["freshness"], row["remark"]),
                }
            )
        return rows

    def samples(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Rows of sheet 抽样核查; those first that will be listed for the shortest time."""
        rows.sort(
            key=lambda row: (
                row["valid_until"],
                row["division_code"],
                row["township"] or "",
                row["rule_code"],
                row["sample_id"],
            )
        )
        for place, row in enumerate(rows, start=1):
            row.update(
                place=place,
                group=row["week_start"],
                is_what="随机抽样\n不是预警",
                unit=self._name_of(row["division_code"]),
                subject_number=self._number(row),
                rule=f"{row['rule_code']} {row['title']}",
                result=OUTCOME_TITLES.get(row["state"]),
            )
        return rows

    def _number(self, row: Mapping[str, Any]) -> str:
        """The subject's number: in full where the unit's staff could not find the person otherwise, else masked."""
        number = row["subject_id_number"] or ""
        must_be_found = row["division_code"] == self.unit.code and not row["listed_by_own_unit"]
        return number if must_be_found else mask(number)

    def questions(self, rows: list[dict[str, Any]], kind_titles: Mapping[str, str]) -> list[dict[str, Any]]:
        """Rows of sheet 身份疑问: first the open questions, those that change most at the top; then the answered ones."""
        rows.sort(
            key=lambda row: (
                row["decision"] is not None,
                -row["weight"],
                -(row["score"] or 0),
                row["division_code"],
                row["left_name"] or "",
                row["question_id"],
            )
        )
        for place, row in enumerate(rows, start=1):
            row.update(
                place=place,
                group=row["decision"] is not None,
                about=QUESTION_TITLES[row["about"]],
                unit=self._name_of(row["division_code"]),
                likeness=f"{row['score'] * 100:.0f}%" if row["score"] is not None else "号码相同",
                left_number=row["left_number_masked"] or "（没有）",
                right_number=row["right_number_masked"],
                left_place=self._stands_at(row, "left", kind_titles),
                right_place=self._stands_at(row, "right", kind_titles),
                consequence=(row["consequence"] or "").replace("。若不是：", "。\n若不是："),
                is_heavy=row["weight"] >= _HEAVY and row["decision"] is None,
                result=ANSWER_TITLES.get(row["decision"]),
            )
        return rows

    def _stands_at(self, row: Mapping[str, Any], side: str, kind_titles: Mapping[str, str]) -> str:
        kind, unit = row[f"{side}_kind"], row[f"{side}_unit_code"]
        if not unit:
            return ""
        where = (row[f"{side}_file_name"], row[f"{side}_sheet"], row[f"{side}_row"] and f"第{row[f'{side}_row']}行")
        return "\n".join(
            part
            for part in (
                f"{self._name_of(unit)}·{kind_titles.get(kind, kind)}",
                "/".join(str(part) for part in where if part),
            )
            if part
        )

    def coverage(self, row: dict[str, Any], kind_titles: Mapping[str, str]) -> dict[str, Any]:
        return row | {"unit": self._name_of(row["unit_code"]), "title": kind_titles.get(row["kind"], row["kind"])}

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        late = (self.day - row["due_on"]).days if row["due_on"] else 0
        return {"unit": self._name_of(row["division_code"]), "overdue": late if late > 0 else None}

    def _kind_of(self, code: str) -> str:
        return self.units[code].kind if code in self.units else ""

    def _name_of(self, code: str) -> str:
        return self.units[code].name if code in self.units else code

    def _evidence(self, text: str | None) -> str:
        facts = json.loads(text or "[]")
        lines = [f"{fact['fact']}：{fact['value']}（{self._source(fact)}）" for fact in facts[:_MOST_EVIDENCE]]
        if len(facts) > _MOST_EVIDENCE:
            lines.append(f"……另有 {len(facts) - _MOST_EVIDENCE} 项依据，可请市局按预警编号查全部来源")
        return "\n".join(lines)

    def _source(self, fact: Mapping[str, Any]) -> str:
        sender = self.senders.get(fact["submission_id"], "")
        if not self.sees_all and sender != self.unit.code and self._kind_of(sender) == "division":
            # A division may not see the name of another division's file, or where a row is in it.
            return self._name_of(sender)
        return "/".join(part for part in (self._name_of(sender), place_text(fact)) if part)


def _urgency(level: str) -> int:
    return list(LEVEL_TITLES).index(level)


def place_text(fact: Mapping[str, Any]) -> str:
    """Where a fact of the evidence is: file, sheet, row and column, as a clerk names them."""
    cell = f"第{fact['row']}行" + (f"{fact['column']}列" if fact["column"] else "")
    return "/".join(part for part in (fact["file_name"], fact["sheet"], cell) if part)


def freshness_text(text: str | None, remark: str | None) -> str:
    """The `freshness` of a warning (JSON, pipeline/low_income/warehouse/evidence.py) and its remark, as lines in Chinese."""
    said = json.loads(text or "{}")
    lines = [remark] if remark else []
    for title, is_evidence in (("依据的名册", True), ("核对过的名册", False)):
        asked = [roster for roster in said.get("registries", []) if roster.get("is_evidence", False) is is_evidence]
        if asked:
            lines.append(f"{title}：{'、'.join(_roster_text(roster) for roster in asked)}")
    oldest, newest = said.get("oldest_evidence"), said.get("newest_evidence")
    if newest:
        lines.append(f"依据截至 {newest}" if oldest == newest else f"依据的日期：最早 {oldest}，最近 {newest}")
    size, listed = said.get("household_size"), said.get("members_listed")
    if size is not None and listed is not None and listed < size:
        lines.append(f"家庭 {size} 人，名单中只有 {listed} 人可用")
    return "\n".join(lines)


def _roster_text(roster: Mapping[str, Any]) -> str:
    title = (roster.get("unit_name") or "") + REGISTRY_TITLES.get(roster["registry"], roster["registry"])
    if roster["period"] is None:
        return f"{title}没有可用的"
    faults = [] if roster["is_current"] else ["已过期"]
    if not roster.get("is_whole", True):
        faults.append("不完整")
    return f"{title} {roster['period']}" + (f"（{'、'.join(faults)}）" if faults else "")
