"""The night report for the data officer: deliveries, refusals, how fresh the registries are, and the warnings listed.

`status` gathers it as plain data, `show` prints it, `write` writes it as a message into the outbox. The message has
names of units, kinds and files, counts and dates only. `status` and the screen also have the most urgent warnings, where
of a person's name only the first character stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from low_income import advice
from low_income.lists.words import ANSWER_TITLES, LEVEL_TITLES, TOPIC_TITLES
from low_income.model import legible, mask, month_of
from low_income.night.inbox import PUT_OFF
from low_income.night.rosters import Gap, gaps
from low_income.reading import endings
from low_income.reading.months import months_in
from low_income.records import published, seal
from low_income.records.ledger import COMMAND, TAKEN, Ledger, Submission
from low_income.records.ledger.parts import BROKE, UNREAD
from low_income.settings import contracts
from low_income.settings.home import Home, atomically

if TYPE_CHECKING:
    import duckdb

    from low_income.settings.contracts import Kind

DELIVERY_TITLES = {
    "delivered": "已收",
    "partly": "已收，部分退回",
    "incomplete": "已收，不完整",
    "held": "扣住，待确认",
    "refused": "退回",
    "missing": "没有收到",
}
SENT_BACK_TITLES = {"refused": "整份退回", "held": "扣住，待数据员确认"}
_OTHER_TITLES = SENT_BACK_TITLES | {"superseded": "被后来的代替", "repeated": "与收过的相同", "read": "还没检查完"}
_LEVEL_STYLES = {
    "red": "white on red",
    "orange": "black on dark_orange",
    "yellow": "black on yellow",
    "blue": "white on blue",
}
_DELIVERY_STYLES = {
    "delivered": "green",
    "partly": "yellow",
    "incomplete": "yellow",
    "held": "yellow",
    "refused": "red",
    "missing": "red",
}
_MOST_NAMED = 30
"""How many files of one sort a message names at most."""
_NEVER_TAKEN = endings.WORDS | {"mark": ("传完标记，旁边却没有文件", advice.BRING_THE_FILE)}
"""Why a file in the inbox is never taken → (what it is, what to do), in Chinese."""
CHANGE_TITLES = {
    "added": "新增",
    "withdrawn": "撤回",
    "reopened": "再次出现",
    "closed": "办结",
    "level": "级别有变",
    "reason": "理由有变",
}


def status(home: Home, ledger: Ledger, day: date) -> dict[str, Any]:
    """The state of deliveries on the night of `day`, and of its release, else of the current one: plain data, dates ISO.

    Files of later nights, and replacements by them, are left out, so that an old night can be looked at again.
    """
    kinds = contracts.load().kinds
    submissions = ledger.as_of(day)
    released = _released(home, day)
    if released:
        # A bureau that must send no list is not called silent.
        senders = {unit for unit, _ in home.expected}
        idle = {each.name for each in home.units.values() if each.kind == "bureau" and each.code not in senders}
        silent = released["silent"]["divisions"]
        released["silent"]["divisions"] = {name: topics for name, topics in silent.items() if name not in idle}
        titles = sorted(((name, kind.title) for name, kind in kinds.items()), reverse=True)
        for rule in released["dead_rules"]:
            for name, title in titles:
                rule["because"] = rule["because"].replace(f"{name} ", f"{title}")
    folder = home.lists / day.isoformat()
    missing = gaps(home, ledger, submissions, day)
    return {
        "date": day.isoformat(),
        "databases": _databases(home, ledger, day),
        "expected": _expected(home, kinds, submissions, missing, day),
        "owed": _owed(home, kinds, submissions, day),
        "received": [_received(home, kinds, each) for each in submissions if each.night == day],
        "held": [_received(home, kinds, each) for each in submissions if each.status == "held" and each.night < day],
        "lists_refused": [
            {
                "unit_code": each.unit_code,
                "unit": _called(home, each.unit_code),
                "file_name": mask(each.file_name),
                "reason": mask(each.refusal["reason"]),
                "fix": "" if _is_ours(each.refusal) else mask(each.refusal.get("fix") or ""),
            }
            for each in ledger.decisions.files(night=day)
            if each.refusal
        ],
        "unread": [
            _received(home, kinds, each)
            for each in submissions
            if each.status in TAKEN and each.reason.startswith(UNREAD)
        ],
        "unmarked": [_unmarked(home, name, fault) for name, fault in sorted(published.unmarked(home, day).items())],
        "gaps": _gaps(home, kinds, missing),
        "faults": _faults(home, ledger, submissions, day),
        "registries": _registries(home, kinds, submissions, missing, day),
        "confirmed": _confirmed(ledger, day),
        "released": released,
        "lists": sorted(f"lists/{folder.name}/{path.name}" for path in folder.glob("*.xlsx")),
    }


def _released(home: Home, day: date) -> dict[str, Any] | None:
    """The content of the current release. When that is of a later night: the content of the last kept release of this night.

    `later`: the night of the current release when it is a later one. A night that runs again does not replace a later one.
    """
    from low_income import warehouse  # noqa: PLC0415 - brings duckdb

    if not home.warehouse.exists():
        return None
    keys = seal.release_keys(home)
    with closing(warehouse.read(home.warehouse, keys)) as release:
        found = listed(release)
    if found["run_date"] > day.isoformat():
        kept = [folder for folder in home.releases.glob("*") if folder.name.isdecimal()]
        for folder in sorted(kept, key=lambda folder: -int(folder.name)):
            if (path := folder / home.warehouse.name).exists():
                with closing(warehouse.read(path, keys)) as release:
                    if _one(release, "select max(run_date) from release") == day:
                        return listed(release) | {"later": found["run_date"]}
    return found


def _databases(home: Home, ledger: Ledger, day: date) -> list[dict[str, Any]]:
    asked = ledger.sources(day)
    said = []
    for source in home.settings.databases:
        state, rows, reason = asked.get(source.name, ("not_asked", 0, ""))
        said.append(
            {
                "source": source.name,
                "table": source.table,
                "unit_code": source.unit,
                "unit": home.units[source.unit].name,
                "state": state,
                "rows": rows,
                "reason": mask(reason),
            }
        )
    return said


def _expected(
    home: Home, kinds: Mapping[str, Kind], submissions: list[Submission], missing: Iterable[Gap], day: date
) -> list[dict[str, Any]]:
    said, incomplete = [], {(gap.unit_code, gap.kind, gap.period) for gap in missing if gap.period}
    for unit, name in home.expected:
        kind = kinds[name]
        period = month_of(day) if kind.period == "month" else ""
        due_on = home.due_on(unit, month_of(day))
        of_it = [each for each in submissions if (each.unit_code, each.kind, each.period) == (unit, name, period)]
        taken = [each for each in of_it if each.status in TAKEN]
        set_aside = sum(each.rows_set_aside for each in taken)
        if any(each.status == "held" for each in of_it):
            state = "held"
        elif taken and (unit, name, period) in incomplete:
            state = "incomplete"
        elif taken:
            state = "partly" if set_aside else "delivered"
        else:
            state = "refused" if any(each.outcome == "refused" for each in of_it) else "missing"
        said.append(
            _asked_for(home, unit, kind, period)
            | {
                "state": state,
                "rows_accepted": sum(each.rows_accepted for each in taken),
                "rows_set_aside": set_aside,
                "last_night": max((each.night.isoformat() for each in taken), default=None),
                "due_on": due_on.isoformat(),
                "days_late": 0 if taken else max((day - due_on).days, 0),
            }
        )
    return said


def _asked_for(home: Home, unit: str, kind: Kind, period: str) -> dict[str, Any]:
    """The list that is expected, and its sender."""
    return {
        "unit_code": unit,
        "unit": home.units[unit].name,
        "unit_kind": home.units[unit].kind,
        "kind": kind.name,
        "title": kind.title,
        "period": period,
    }


def _owed(home: Home, kinds: Mapping[str, Kind], submissions: list[Submission], day: date) -> list[dict[str, Any]]:
    """Lists of the last month that never came, until this month's list came or is past its due day. [] when the home had no files then."""
    last_of_before = day.replace(day=1) - timedelta(days=1)
    if not any(each.night <= last_of_before for each in submissions):
        return []
    asked = [
        (unit, name)
        for unit, name in home.expected
        if kinds[name].period == "month" and day <= home.due_on(unit, month_of(day))
    ]
    taken = {
        (each.unit_code, each.kind)
        for each in submissions
        if each.period in (month_of(last_of_before), month_of(day)) and each.status in (*TAKEN, "held")
    }
    refused = {
        (each.unit_code, each.kind)
        for each in submissions
        if each.period == month_of(last_of_before) and each.outcome == "refused"
    }
    return [
        _asked_for(home, unit, kinds[name], month_of(last_of_before))
        | {
            "state": "refused" if (unit, name) in refused else "missing",
            "due_on": (due_on := home.due_on(unit, month_of(last_of_before))).isoformat(),
            "days_late": (day - due_on).days,
        }
        for unit, name in asked
        if (unit, name) not in taken
    ]


def _received(home: Home, kinds: Mapping[str, Kind], each: Submission) -> dict[str, Any]:
    refusal = each.reading.get("refusal") or {}
    return {
        "submission_id": each.submission_id,
        "unit_code": each.unit_code,
        "unit": _called(home, each.unit_code),
        "is_unit": each.unit_code in home.units,
        "kind": each.kind,
        "title": kinds[each.kind].title if each.kind else "",
        "period": each.period,
        "file_name": mask(each.file_name),
        "status": each.status,
        "rows_read": each.rows_read,
        "rows_accepted": each.rows_accepted,
        "rows_set_aside": each.rows_set_aside,
        "rows_out_of_scope": each.rows_out_of_scope,
        "reason": mask(each.reason),
        "fix": _fix(each),
        "fault": refusal.get("fault", ""),
    }


def _fix(each: Submission) -> str:
    """What the data officer or the sender must do about a submission that was not taken, in Chinese."""
    if each.status == "held":
        if each.reason.startswith(BROKE):
            return advice.try_again(each.submission_id)
        return f"核对无误后运行 monitor confirm {each.submission_id} --by 姓名 --because 原因"
    return mask((each.reading.get("refusal") or {}).get("fix", ""))


def _is_ours(refusal: Mapping[str, Any]) -> bool:
    """Whether a filled-in list was refused because of a fault of our program: its sender has nothing to do."""
    return bool(refusal.get("fault")) or refusal.get("fix") == advice.SEND_AGAIN_WHEN_MENDED


def _unmarked(home: Home, name: str, fault: str) -> dict[str, Any]:
    """A copy below returns/ that was not marked. `fault`: where our own program failed; '' when a limit was met."""
    _, unit, *rest = name.split("/")
    return {"unit_code": unit, "unit": _called(home, unit), "file_name": mask("/".join(rest)), "fault": fault}


def _called(home: Home, folder: str) -> str:
    """The name shown for a folder of the inbox: the unit's name, or a text that it belongs to no unit."""
    if folder in home.units:
        return home.units[folder].name
    return f"收件箱文件夹“{mask(folder)}”（不是单位）" if folder else "收件箱（不在任何单位的文件夹里）"


def _gaps(home: Home, kinds: Mapping[str, Kind], missing: Iterable[Gap]) -> list[dict[str, Any]]:
    """Each file (or table) that makes lists incomplete: which lists, why, and what ends it. Held files are reported elsewhere."""
    files: dict[tuple[str, str, str], list[Gap]] = {}
    for gap in missing:
        if gap.sort != "held":
            files.setdefault((gap.unit_code, gap.file_name, gap.submission_id), []).append(gap)
    return [
        {
            "unit_code": unit,
            "unit": home.units[unit].name,
            "file_name": mask(file_name),
            "submission_id": submission_id,
            "sort": found[0].sort,
            "night": found[0].night.isoformat(),
            "rosters": [{"kind": gap.kind, "title": kinds[gap.kind].title, "period": gap.period} for gap in found],
            "reason": mask("；".join(dict.fromkeys(gap.reason for gap in found))),
            "fix": found[0].fix,
        }
        for (unit, file_name, submission_id), found in files.items()
    ]


def _faults(home: Home, ledger: Ledger, submissions: list[Submission], day: date) -> list[dict[str, Any]]:
    """Per unit, the number of error lines in each state, and the five most frequent faults that keep rows out."""
    from low_income.night import issues  # noqa: PLC0415 - brings pandas

    lines = issues.issues_as_of(
        home, [each for each in submissions if each.outcome != "read"], ledger.waivers(day), day
    )
    said = []
    for unit, mine in lines.groupby("unit_code", sort=True):
        states = mine["state"].value_counts().to_dict()
        # Lines about a whole file are reported in full among the refused and held files.
        grave = mine[mine["severity"].eq("must_fix") & mine["row"].notna() & ~mine["state"].isin(["fixed", "excepted"])]
        worst = grave["fix"].value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable")
        said.append(
            {
                "unit_code": str(unit),
                "unit": _called(home, str(unit)),
                "states": {state: int(states.get(state, 0)) for state in issues.STATE_TITLES},
                "worst": {str(fix): int(count) for fix, count in worst.head(5).items()},
            }
        )
    return said


def _confirmed(ledger: Ledger, day: date) -> dict[str, Any]:
    """Counts of confirmations since the night before: held rosters, and faults that are right as written, by senders and by the officer."""
    since = max((each.run_date for each in ledger.nights() if each.run_date < day), default=day)
    before = ledger.confirmed(since - timedelta(days=1))
    excepted = [each for each in ledger.waivers(day).values() if each.decided_on >= since]
    by_officer = sum(each.source == COMMAND for each in excepted)
    return {
        "since": since.isoformat(),
        "rosters": len(ledger.confirmed(day).keys() - before.keys()),
        "issues_by_officer": by_officer,
        "issues_by_senders": len(excepted) - by_officer,
    }


def _registries(
    home: Home, kinds: Mapping[str, Kind], submissions: list[Submission], missing: Iterable[Gap], day: date
) -> list[dict[str, Any]]:
    """Per division and monthly kind: the latest month taken, and whether it is current and whole (docs/rules.md, registries)."""
    gaps_of = {
        (gap.unit_code, gap.kind): gap.latest_period for gap in sorted(missing, key=lambda gap: gap.latest_period)
    }
    months = int(home.policy.value("roster_fresh", day).value)
    held: dict[tuple[str, str], str] = {}
    rows: Counter[tuple[str, str, str]] = Counter()
    for each in submissions:
        if each.status in TAKEN and each.kind and each.period and each.period <= month_of(day):
            held[each.unit_code, each.kind] = max(each.period, held.get((each.unit_code, each.kind), ""))
            rows[each.unit_code, each.kind, each.period] += each.rows_accepted
    said = []
    for unit in sorted(home.units.values(), key=lambda unit: unit.code):
        for name, kind in sorted(kinds.items()):
            if unit.kind != "division" or kind.period != "month":
                continue
            period = held.get((unit.code, name), "")
            said.append(
                {
                    "unit_code": unit.code,
                    "unit": unit.name,
                    "kind": name,
                    "title": kind.title,
                    "period": period,
                    "rows": rows[unit.code, name, period],
                    "state": "absent" if not period else "current" if _age(period, day) <= months else "not_current",
                    "is_whole": gaps_of.get((unit.code, name), "") < (period or month_of(day)),
                }
            )
    return said


def _age(period: str, day: date) -> int:
    """The number of months from a `YYYY-MM` to the month of a day."""
    return (day.year - int(period[:4])) * 12 + day.month - int(period[5:])


def listed(release: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """The content of a published release: its night, households, open warnings by level, and the night's changes.

    New warnings are counted by level, withdrawn ones by reason.
    """
    run_date = _one(release, "select max(run_date) from release")
    changes = dict(release.execute("select change, count(*) from warning_change group by change").fetchall())
    because = release.execute(
        "select split_part(because, '（', 1) as why, count(*) as times from warning_change where change = 'withdrawn'"
        " group by why order by times desc, why"
    ).fetchall()
    return {
        "run_date": run_date.isoformat(),
        "households": _one(release, "select count(*) from household_warning"),
        "open": _by_level(release, "select level, count(*) from warning_list group by level"),
        "overdue": _one(release, "select count(*) from warning_list where due_on < run_date"),
        "carried": _one(release, "select count(*) from warning_list where last_seen_on < run_date"),
        "added": _by_level(
            release,
            "select warning_list.level, count(*) from warning_change"
            " inner join warning_list on warning_change.warning_id = warning_list.warning_id"
            " where warning_change.change = 'added' group by warning_list.level",
        ),
        "overdue_by_division": dict(
            release.execute(
                "select name, overdue_count from division_tally where overdue_count > 0 order by overdue_count desc, division_code"
            ).fetchall()
        ),
        "decided": dict(
            release.execute(
                "select state, count(*) from decision, release where received_on = run_date group by state order by state"
            ).fetchall()
        ),
        "silent": _silent(release),
        "conflicts": _one(
            release, "select count(distinct coalesce(warning_id, sample_id)) from decision where conflict is not null"
        ),
        "judged": dict(
            release.execute(
                "select state, count(*) from identity_decision, release where received_on = run_date group by state order by state"
            ).fetchall()
        ),
        "answers": dict(
            release.execute(
                "select decision, count(*) from identity_decision, release where received_on = run_date"
                " and state not in ('misfit', 'repeated') group by decision order by decision"
            ).fetchall()
        ),
        "identity_conflicts": _one(
            release,
            "select count(distinct question_id) from identity_decision where conflict is not null and contradiction is null",
        ),
        "contradictions": _one(release, "select count(distinct contradiction) from identity_decision"),
        "dead_rules": [
            {"rule_code": code, "title": title, "because": because, "fired_before": before}
            for code, title, because, before in release.execute(
                "select rule_code, title, dead_because, fired_before from rule_tally where is_dead order by rule_code"
            ).fetchall()
        ],
        "most_urgent": _most_urgent(release),
        "changes": {change: changes.get(change, 0) for change in CHANGE_TITLES},
        "withdrawn_because": dict(because),
    }


def _silent(release: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Divisions that are silent about help owed or about outcomes. Missing files are reported with the expected lists."""
    days = _one(release, "select max(date_diff('day', silent_from, run_date)) from silence, release")
    divisions: dict[str, list[str]] = {}
    for name, topic in release.execute(
        "select division_tally.name, silence.topic from silence inner join division_tally using (division_code)"
        " where silence.township = '' and silence.state = 'silent' and silence.topic <> 'files'"
        " order by silence.division_code, silence.topic desc"
    ).fetchall():
        divisions.setdefault(name, []).append(topic)
    return {"days": days, "divisions": divisions}


def _most_urgent(release: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The first few warnings of the list. Of a person only the first character of the name; the list itself has the full name."""
    rows = release.execute(
        "select level, rule_code, title, division_code, township, subject_name, due_on, reason, warning_id"
        " from warning_list order by urgency, warning_id limit 8"
    ).fetchall()
    names = ("level", "rule_code", "title", "division_code", "township", "subject", "due_on", "reason", "warning_id")
    told = [dict(zip(names, row, strict=True)) for row in rows]
    for line in told:
        line["subject"] = f"{line['subject'][:1]}**" if line["subject"] else ""
        line["due_on"] = line["due_on"].isoformat()
        line["reason"] = mask(line["reason"])
    return told


def _one(release: duckdb.DuckDBPyConnection, query: str) -> Any:
    (value,) = release.execute(query).fetchall()[0]
    return value


def _by_level(release: duckdb.DuckDBPyConnection, query: str) -> dict[str, int]:
    counts = dict(release.execute(query).fetchall())
    return {level: counts.get(level, 0) for level in LEVEL_TITLES}


# in words --------------------------------------------------------------------------------------------------------


def write(outbox: Path, day: date, told: Mapping[str, Any]) -> Path:
    """Write the night report `<outbox>/<day>.md` from the result of `status`. The same state gives the same bytes."""
    outbox.mkdir(exist_ok=True, mode=0o700)
    path = outbox / f"{day.isoformat()}.md"
    with atomically(path) as part:
        part.write_text(legible("\n".join(_message(told))) + "\n", encoding="utf-8", newline="\n")
    return path


def headline(told: Mapping[str, Any]) -> str:
    """The night in one line, for the subject of a mail."""
    missing = sum(_is_late(line) for line in _due(told))
    sent_back = sum(line["status"] in ("refused", "held") for line in told["received"])
    parts = [f"收到 {len(told['received'])} 份", f"缺 {missing} 份", f"退回或扣住 {sent_back} 份"]
    if silent := sum(line["state"] == "not_delivered" for line in told["databases"]):
        parts.append(f"没读到的数据库 {silent} 个")
    released = told["released"]
    if _is_tonights(told):
        parts.append(f"待办预警 {sum(released['open'].values())} 条，新增 {released['changes']['added']} 条")
    else:
        parts.append("没有保存这一夜的清单" if _is_past(told) else "今晚的清单没有发布")
    return f"低收入监测 {told['date']}：{'，'.join(parts)}"


def _due(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Lists of the last month that are still missing, then the expected lists of this month."""
    return [*told["owed"], *told["expected"]]


def _is_late(line: Mapping[str, Any]) -> bool:
    """Whether a list is missing and its due day is past."""
    return bool(line["state"] == "missing" and line["days_late"])


def _is_past(told: Mapping[str, Any]) -> bool:
    """Whether the reported release is of a later night, because no release of this night is kept."""
    return bool(told["released"]) and told["released"]["run_date"] > told["date"]


def _is_tonights(told: Mapping[str, Any]) -> bool:
    return bool(told["released"]) and told["released"]["run_date"] == told["date"]


def _message(told: Mapping[str, Any]) -> list[str]:
    """The lines of the message: first what the data officer must do, then the night in three lines, then all details."""
    lines = [f"# {headline(told)}", "", "## 要您办的", ""]
    lines += [f"{number}. {line}" for number, line in enumerate(_one_line_each(_to_do_words(told)), start=1)] or [
        "没有。"
    ]
    lines += ["", "## 这一夜", "", *_bullets(_short_words(told))]
    lines += ["", "## 清单", "", *_bullets(_released_words(told))]
    lines += [
        "",
        "## 应报而没有收下的",
        "",
        *_bullets(_missing_words(_due(told), told["gaps"])),
    ]
    if told["databases"]:
        lines += ["", "## 数据库", "", *_bullets(_database_words(told["databases"]))]
    sent_back = [*told["received"], *told["held"]]
    sent_back_words = [*_sent_back_words(sent_back), *_refused_list_words(told["lists_refused"])]
    lines += ["", "## 今晚整份退回的，和扣住还没有确认的", "", *_bullets(sent_back_words or ["没有。"])]
    if unmarked := _unmarked_words(told["unmarked"]):
        lines += ["", f"## {_UNMARKED_TITLE}", "", *_bullets(unmarked)]
    if unread := _unread_words(told["unread"]):
        lines += ["", f"## {_UNREAD_TITLE}", "", *_bullets(unread)]
    if not_whole := _gap_words(told["gaps"]):
        lines += ["", "## 不完整的名单", "", *_bullets(not_whole)]
    lines += ["", "## 各单位的问题，与上次相比", "", *_bullets(_fault_words(told["faults"]))]
    if left := _left_words(told):
        lines += ["", "## 还在收件箱里的", "", *_bullets(left)]
    lines += ["", "## 今晚收到的", "", *_bullets(_received_words(told["received"]))]
    lines += ["", "## 各区名册有多新", "", *_bullets(_stale_words(told["registries"]))]
    return lines


def _to_do_words(told: Mapping[str, Any]) -> list[str]:
    """What the data officer must do, the most urgent first; [] when there is nothing. Reasons stand further down in the message."""
    said = []
    if told.get("failed"):
        said.append(
            f"没有成功的步骤：{'、'.join(told['failed'])}。看日志最后一句，处理好以后用同一日期再跑一次，会接着处理。"
        )
    elif told["released"] and told["released"]["run_date"] < told["date"]:
        said.append("今晚的清单没有发布，请看夜间任务哪一步没有成功。")
    every = [*told["received"], *told["held"]]
    broken = [line for line in every if line["fault"] or line["reason"].startswith(BROKE)]
    if ours := [*broken, *(line for line in told["unmarked"] if line["fault"])]:
        said.append(
            f"程序自己出错的文件 {len(ours)} 份（{_units_words(ours)}）：不是报送单位的错，请把下面“给开发者”的话转给维护人员。"
        )
    held = [line for line in every if line["status"] == "held" and line not in broken]
    if held:
        said.append(
            f"扣住的名册 {len(held)} 份（{_units_words(held)}）：人数骤减，请核对；没有错的按下面写的命令确认，确认前用以前的。"
        )
    if silent := [line for line in told["databases"] if line["state"] == "not_delivered"]:
        said.append(
            f"没读到的数据库 {len(silent)} 个（{'、'.join(line['source'] for line in silent)}）：原因在下面，以前读到的照用。"
        )
    if told.get("stuck"):
        said.append("收件箱有文件夹没有写权限，收下的文件移不走，请改好权限（哪几个见下面）。")
    late = [line for line in _due(told) if _is_late(line)]
    if late:
        said.append(f"请催过了应报日还没有交的：{_late_words(late)}。")
    refused = [line for line in told["received"] if line["status"] == "refused" and not line["fault"]]
    said += _refused_words(refused)
    if lists := [line for line in told["lists_refused"] if line["fix"]]:
        said.append(f"请提醒填好的清单整份退回的单位重交：{_units_words(lists)}；原因和办法已写在他们的退回件里。")
    named = {line["submission_id"] for line in [*refused, *broken]}
    if others := [line for line in told["gaps"] if line["sort"] != "not_read" and line["submission_id"] not in named]:
        said.append(f"另有 {len(others)} 份文件使名单不完整（{_units_words(others)}）：办法在下面“不完整的名单”里。")
    if unread := told["unread"]:
        said.append(f"以前收下、现在读不出来的 {len(unread)} 份（{_units_words(unread)}）：办法见下面。")
    return said


def _refused_words(refused: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which units to remind of refused files, and which files in wrong folders to ask about."""
    said = []
    if of_units := [line for line in refused if line["is_unit"]]:
        said.append(f"请提醒整份退回的单位改好再交：{_units_words(of_units)}；原因和办法已写在他们的退回件里。")
    if strays := [line for line in refused if not line["is_unit"]]:
        said.append(f"请问清放错地方的文件是哪个单位的，放进那个单位的文件夹：{_units_words(strays)}。")
    return said


def _units_words(lines: Sequence[Mapping[str, Any]]) -> str:
    """Each unit once, with the number of its lines."""
    counts = Counter(line["unit"] for line in sorted(lines, key=lambda line: str(line["unit_code"])))
    return "、".join(f"{unit} {count} 份" for unit, count in counts.items())


def _late_words(late: Sequence[Mapping[str, Any]]) -> str:
    """The number of late lists of each unit, and how many days the latest of them is late."""
    units: dict[str, list[int]] = {}
    for line in late:
        units.setdefault(line["unit"], []).append(line["days_late"])
    return "、".join(f"{unit} {len(days)} 份（晚了 {max(days)} 天）" for unit, days in units.items())


def _short_words(told: Mapping[str, Any]) -> list[str]:
    """The night in three lines: files received, warnings listed, how fresh the rosters are."""
    released = told["released"]
    if _is_tonights(told):
        changes = released["changes"]
        listed = (
            f"清单：待办预警 {sum(released['open'].values())} 条，{released['households']} 户；"
            f"新增 {changes['added']}、撤回 {changes['withdrawn']}、已逾期 {released['overdue']}。"
        )
        if later := released.get("later"):
            listed += f"当前的一版是 {later} 的，比这一夜晚。"
    else:
        listed = (
            f"清单：没有保存这一夜的一版，当前的是 {released['run_date']} 的。"
            if _is_past(told)
            else "清单：今晚没有发布" + (f"，仍用 {released['run_date']} 的。" if released else "。")
        )
    rosters = told["registries"]
    doubtful = {line["unit_code"] for line in rosters if line["state"] != "current" or not line["is_whole"]}
    fresh = "各区都是最近的，也都完整" if not doubtful else f"{len(doubtful)} 个区有过期、缺少或不完整的"
    return [
        f"收件：{_received_words(told['received'])[-1].removeprefix('合计：').rstrip('。')}。",
        listed,
        f"名册：{fresh}。",
    ]


def _left_words(told: Mapping[str, Any]) -> list[str]:
    """The files that a night left in the inbox, and why."""
    said = []
    if moving := told.get("moving"):
        names = "、".join(moving[:5]) + (f" 等 {len(moving)} 份" if len(moving) > 5 else "")
        said.append(
            f"{names}：放进来还不到 {told['settle_seconds']} 秒，怕没有传完，下次再收（或在旁边放一个“文件名.done”表示已传完）"
        )
    for sort, waiting in told.get("put_off", {}).items():
        names = "、".join(mask(name) for name in waiting[:5]) + (f" 等 {len(waiting)} 份" if len(waiting) > 5 else "")
        which, what = ("unit_seconds", "文件本来就大") if sort == "late" else ("files", "文件本来就多")
        if waiting:
            said.append(
                f"{names}：{PUT_OFF[sort].format(**told['limits'])}，其余下一夜再收，也告诉了报送单位；{what}的，"
                f"请在 monitor.yml 里把 limits 的 {which} 改大"
            )
    if stuck := told.get("stuck"):
        said.append(
            f"文件夹 {'、'.join(stuck[:5])}：系统账户没有写权限，收下的文件移不走，每夜会再收一次（内容相同的只算一次）；请改好权限"
        )
    return said + _never_taken_words(told.get("left", []))


def _never_taken_words(left: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence for each sort of file that is never taken: which files, of which unit, for how long, and what to do."""
    said = []
    for sort, (what, to_do) in _NEVER_TAKEN.items():
        of_it = [line for line in left if line["sort"] == sort]
        by_unit: dict[str, list[str]] = {}
        for line in of_it[:_MOST_NAMED]:
            days = f"（已放 {line['days']} 天）" if line["days"] else ""
            by_unit.setdefault(line["unit"], []).append(mask(line["path"]) + days)
        if of_it:
            names = "；".join(f"{unit} {'、'.join(paths)}".strip() for unit, paths in by_unit.items())
            more = f" 等 {len(of_it)} 个（全部见 monitor status --json）" if len(of_it) > _MOST_NAMED else ""
            said.append(f"{what}，没有读，仍在原处：{names}{more}。{to_do}。")
    return said


def _bullets(sentences: Sequence[str]) -> list[str]:
    return [f"- {line}" for line in _one_line_each(sentences)]


def _one_line_each(sentences: Sequence[str]) -> list[str]:
    """Sentences without their line breaks, so that a sender's text cannot become a heading."""
    return [" ".join(sentence.split()) for sentence in sentences]


def _released_words(told: Mapping[str, Any]) -> list[str]:
    released = told["released"]
    if not released:
        return ["还没有发布过清单。"]
    if _is_past(told):
        return [f"没有保存这一夜的一版，当前的是 {released['run_date']} 的。"]
    said = []
    if not _is_tonights(told):
        said.append(f"今晚的清单没有发布，现在用的仍是 {released['run_date']} 的。请看夜间任务哪一步没有成功。")
    said.append(
        f"待办预警 {_levels(released['open'])}，涉及 {released['households']} 户；已逾期 {released['overdue']} 条。"
    )
    if released["carried"]:
        said.append(f"其中 {released['carried']} 条今晚无法核对（名单过期、不完整，或说不准是否在册），保留原样。")
    if released["overdue_by_division"]:
        late = "、".join(f"{name} {count} 条" for name, count in released["overdue_by_division"].items())
        said.append(f"已逾期的分布：{late}。")
    said += [*_decided_words(released), *_confirmed_words(told["confirmed"])]
    changes = released["changes"]
    said.append(
        f"新增 {_levels(released['added'])}；撤回 {changes['withdrawn']} 条；其余变化 {_other_changes(changes)}。"
    )
    said += [f"撤回原因：{because}，{times} 条。" for because, times in released["withdrawn_because"].items()]
    if told["lists"]:
        said.append(f"清单在 {told['lists'][0].rpartition('/')[0]}/，共 {len(told['lists'])} 份。")
    return said


def _decided_words(released: Mapping[str, Any]) -> list[str]:
    """The filled-in lines of tonight, silent divisions, contradictions, and rules that can find nothing."""
    said = []
    if decided := released["decided"]:
        said.append(f"今晚收到核查登记 {_lines_words(decided)}。")
    if released["silent"]["divisions"]:
        by_topics: dict[str, list[str]] = {}
        for name, topics in released["silent"]["divisions"].items():
            by_topics.setdefault("、".join(TOPIC_TITLES[topic] for topic in topics), []).append(name)
        silent = "；".join(f"{'、'.join(names)}（{topics}）" for topics, names in by_topics.items())
        said.append(f"近 {released['silent']['days']} 天没有动静的区：{silent}。各街道（乡镇）见 monitor report。")
    if released["conflicts"]:
        said.append(f"有 {released['conflicts']} 条预警或抽样核查的结论前后不一，以核查日期较晚的为准，双方都已告知。")
    if judged := released["judged"]:
        answers = "、".join(
            f"{title} {released['answers'][answer]}"
            for answer, title in ANSWER_TITLES.items()
            if released["answers"].get(answer)
        )
        said.append(f"今晚收到身份判断 {_lines_words(judged, f'（{answers}）' if answers else '')}。")
    if released["identity_conflicts"]:
        said.append(
            f"有 {released['identity_conflicts']} 条身份疑问的判断前后不一，以判断日期较晚的为准，双方都已告知。"
        )
    if released["contradictions"]:
        said.append(
            f"有 {released['contradictions']} 组身份判断互相矛盾（如同一天又是又不是，或甲是乙、乙是丙、甲不是丙）：其中的“是同一人”都先不生效，"
            "各方都已告知，请商定后改判。"
        )
    if released["dead_rules"]:
        by_list: dict[str, list[str]] = {}
        for rule in released["dead_rules"]:
            for list_words in rule["because"].split("、"):
                by_list.setdefault(list_words, []).append(f"{rule['rule_code']} {rule['title']}")
        said.append(
            f"有 {len(released['dead_rules'])} 条规则因为所依据的名单没有收到或太旧，一条也查不出来，不等于没有这样的家庭（各按名单列在下面）。"
        )
        said += [f"{list_words}：{'、'.join(rules)}。" for list_words, rules in sorted(by_list.items())]
    return said


def _lines_words(states: Mapping[str, int], which: str = "") -> str:
    taken = sum(states.values()) - states.get("repeated", 0) - states.get("misfit", 0)
    return (
        f"{sum(states.values())} 行：登记 {taken} 行{which}，与已登记的相同 {states.get('repeated', 0)} 行，"
        f"对不上而退回 {states.get('misfit', 0)} 行"
    )


def _confirmed_words(confirmed: Mapping[str, Any]) -> list[str]:
    """The confirmations since the night before, as a sentence."""
    said = []
    if confirmed["rosters"]:
        said.append(f"数据员确认放行扣住的名册 {confirmed['rosters']} 份")
    if count := confirmed["issues_by_senders"] + confirmed["issues_by_officer"]:
        said.append(
            f"确认按填写的采用的问题 {count} 处（报送单位 {confirmed['issues_by_senders']}、数据员 {confirmed['issues_by_officer']}）"
        )
    return [f"{confirmed['since']} 以来，{'；'.join(said)}。"] if said else []


def _levels(counts: Mapping[str, int]) -> str:
    by_level = "、".join(f"{LEVEL_TITLES[level]} {count}" for level, count in counts.items() if count)
    return f"{sum(counts.values())} 条" + (f"（{by_level}）" if by_level else "")


def _other_changes(changes: Mapping[str, int]) -> str:
    others = [
        f"{CHANGE_TITLES[change]} {count} 条"
        for change, count in changes.items()
        if count and change not in ("added", "withdrawn")
    ]
    return "、".join(others) or "没有"


def _missing_words(expected: Sequence[Mapping[str, Any]], gaps: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence per unit, state and lateness, so that fourteen absent divisions are fourteen lines; lists not due yet share one line.

    A refused file that may be one of the missing lists is named with them, since it is one task and not two.
    """
    groups: dict[tuple[str, str, str, int], list[Mapping[str, Any]]] = {}
    not_due: dict[str, int] = {}
    for line in expected:
        if line["state"] == "missing" and not line["days_late"]:
            not_due[line["due_on"]] = not_due.get(line["due_on"], 0) + 1
        elif line["state"] in ("missing", "refused", "held"):
            key = (line["unit_code"], line["unit"], line["state"], line["days_late"])
            groups.setdefault(key, []).append(line)
    said = [
        f"{unit}：{'、'.join(map(_kind_words, lines))}（{DELIVERY_TITLES[state]}{f'，晚了 {days} 天' if days else ''}）"
        + (_may_be_words(code, lines, gaps) if state == "missing" else "")
        for (code, unit, state, days), lines in groups.items()
    ]
    if not_due:
        said.append(
            "还没到应报日："
            + "、".join(f"{day} 以前应报的 {count} 份" for day, count in sorted(not_due.items()))
            + "。"
        )
    return said or [f"应报的 {len(expected)} 份都收到了。"]


def _may_be_words(unit: str, lines: Sequence[Mapping[str, Any]], gaps: Sequence[Mapping[str, Any]]) -> str:
    files = [
        f"《{gap['file_name']}》"
        for gap in gaps
        if gap["unit_code"] == unit and any(_may_be_of_month(gap, line) and _may_be_list(gap, line) for line in lines)
    ]
    return f"；没有收下的{'、'.join(files)}可能就在其中，改好再交的就不再缺" if files else ""


def _may_be_list(gap: Mapping[str, Any], line: Mapping[str, Any]) -> bool:
    if gap["sort"] == "unknown":
        return any(roster["kind"] == line["kind"] for roster in gap["rosters"])
    # For other refused files the kind is known, and the month often differs.
    return gap["sort"] == "refused" and any(
        (roster["kind"], roster["period"]) == (line["kind"], line["period"]) for roster in gap["rosters"]
    )


def _may_be_of_month(gap: Mapping[str, Any], line: Mapping[str, Any]) -> bool:
    """Whether a file may be of the month of a missing list: its name says this month, or no month and it came in that month or later."""
    month = line["period"] or line["due_on"][: len("2026-10")]
    named = months_in(PurePath(gap["file_name"]).stem)
    return month in named if named else gap["night"] >= f"{month}-01"


def _database_words(databases: Sequence[Mapping[str, Any]]) -> list[str]:
    """Sources that failed come first; the others share one sentence."""
    said = [
        f"{line['unit']} {line['source']}（{line['table']}）：没有读到。{line['reason'].rstrip('。')}。"
        for line in databases
        if line["state"] == "not_delivered"
    ]
    words = {"delivered": "{rows} 行", "unchanged": "与上次相同", "not_asked": "这一夜还没有读"}
    well = [
        f"{line['unit']} {line['source']} {words[line['state']].format(rows=line['rows'])}"
        for line in databases
        if line["state"] in words
    ]
    return said + (["；".join(well) + "。"] if well else [])


def _kind_words(line: Mapping[str, Any]) -> str:
    return " ".join(part for part in (line["title"], line["period"]) if part)


def _sent_back_words(received: Sequence[Mapping[str, Any]]) -> list[str]:
    said = []
    for line in _sent_back(received):
        name = " ".join(part for part in (line["unit"], line["file_name"], _kind_words(line)) if part)
        said.append(f"{name}（{SENT_BACK_TITLES[line['status']]}）：{_because(line)}")
    return said


def _refused_list_words(refused: Sequence[Mapping[str, Any]]) -> list[str]:
    """Filled-in lists from which nothing could be read, or that our own program cannot get over."""
    return [
        f"{each['unit']} 填好的清单 {each['file_name']}（整份退回）："
        + "".join(f"{part.rstrip('。')}。" for part in (each["reason"], each["fix"]) if part)
        for each in refused
    ]


def _sent_back(received: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Refused and held lines, sorted. The long advice for files of no unit, which names all folders, is given once."""
    found = [line for line in received if line["status"] in SENT_BACK_TITLES]
    found = sorted(found, key=lambda line: (line["unit_code"], line["file_name"], line["title"]))
    told: set[str] = set()
    said: list[Mapping[str, Any]] = []
    for line in found:
        is_again = not line["is_unit"] and line["fix"] in told
        said.append({**line, "fix": line["fix"].partition("。")[0]} if is_again else line)
        told.add(line["fix"])
    return said


def _because(line: Mapping[str, Any]) -> str:
    """The reason, what to do, and, when our own program failed, the information for developers."""
    fault = f"给开发者：{line['fault']}，submission_id {line['submission_id']}" if line["fault"] else ""
    return "".join(f"{part.rstrip('。')}。" for part in (line["reason"], line["fix"], fault) if part)


_UNMARKED_TITLE = "没有标成的退回件"


def _unmarked_words(unmarked: Sequence[Mapping[str, Any]]) -> list[str]:
    """Copies that went back as the sheet 问题清单 alone: our own program failed, or they needed too much time or memory."""
    return [
        f"{line['unit']} 《{line['file_name']}》："
        f"{'标注时程序自己出了错' if line['fault'] else '标注用的时间或内存超过了一份文件的限制'}，"
        "退回的只有问题清单，不是报送单位的错；名单照常检查，收下的照用。"
        + (f"给开发者：{line['fault'].rstrip('。')}。" if line["fault"] else "")
        for line in unmarked
    ]


_UNREAD_TITLE = "以前收下、现在读不出来的"


def _unread_words(unread: Sequence[Mapping[str, Any]]) -> list[str]:
    """Parts in force that could not be read again. Until they can be read, nothing of their deliveries is judged."""
    return [
        f"{line['unit']} {_kind_words(line)}：《{line['file_name']}》{line['reason']}。"
        "请报送单位改好后用原来的文件名再交；单位没有做错的，请看软件或约定（expectations/）是否刚改过。"
        for line in unread
    ]


def _gap_words(missing: Sequence[Mapping[str, Any]]) -> list[str]:
    said = []
    for line in missing:
        lists = "、".join(map(_kind_words, line["rosters"]))
        said.append(f"{line['unit']} {lists}：《{line['file_name']}》{line['reason']}。{line['fix']}。")
    have_month = {bool(roster["period"]) for line in missing for roster in line["rosters"]}
    return [*said, *(words for has_month, words in _NOT_WHOLE.items() if has_month in have_month)]


_NOT_WHOLE = {
    True: "名册不完整期间，不在上面的人不算“不在册”：有关预警不因此新增，也不撤回，原有的保留。",
    False: "台账和没有月份的名单不完整期间，上面没有的记录不算“没有”（没有救助、没有结果、没有缴费、没有复学、家里没有别人）："
    "有关预警不因此新增，也不撤回，原有的保留。",
}
"""Whether the list has a month (a roster) → what its gaps cause, in Chinese."""


def _fault_words(faults: Sequence[Mapping[str, Any]]) -> list[str]:
    from low_income.night.issues import STATE_TITLES  # noqa: PLC0415 - brings pandas

    said = []
    for line in faults:
        states = "、".join(
            f"{title} {line['states'][state]}" for state, title in STATE_TITLES.items() if line["states"][state]
        )
        worst = "；".join(f"{fix} {count} 处" for fix, count in line["worst"].items())
        said.append(f"{line['unit']}：{states}。" + (f"最多的：{worst}。" if worst else ""))
    return said or ["没有。"]


def _received_words(received: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence per unit: the number of files, and what became of their rows; then the total."""
    units: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for line in received:
        units.setdefault((line["unit_code"], line["unit"]), []).append(line)
    said = [f"{unit}：{_counts(lines)}" for (_, unit), lines in sorted(units.items())]
    if len(said) > 1:
        said.append(f"合计：{_counts(received)}")
    return said or ["今晚没有收到文件。"]


def _counts(lines: Sequence[Mapping[str, Any]]) -> str:
    taken = [line for line in lines if line["status"] in TAKEN]
    rows = {
        key: sum(line[f"rows_{key}"] for line in taken) for key in ("read", "accepted", "set_aside", "out_of_scope")
    }
    text = f"收下 {len(taken)} 份"
    if taken:
        text += f"（读 {rows['read']} 行 = 收 {rows['accepted']} + 退 {rows['set_aside']} + 不在范围 {rows['out_of_scope']}）"
    statuses = Counter(line["status"] for line in lines)
    others = [f"{title} {statuses[status]} 份" for status, title in _OTHER_TITLES.items() if statuses[status]]
    return "、".join([text, *others])


def _stale_words(registries: Sequence[Mapping[str, Any]]) -> list[str]:
    stale: dict[tuple[str, str], list[str]] = {}
    for line in registries:
        if line["state"] != "current" or not line["is_whole"]:
            last = (
                f"（最近 {line['period']}，{'不完整' if line['state'] == 'current' else '已过期'}）"
                if line["period"]
                else "（没有）"
            )
            stale.setdefault((line["unit_code"], line["unit"]), []).append(line["title"] + last)
    said = [f"{unit}：{'、'.join(kinds)}" for (_, unit), kinds in stale.items()]
    if said:
        said.append("过期、缺少或不完整的名册不会新增或撤回“不在册”的预警，原有的保留。")
    return said or ["判断“在册”用的各区名册（每种最近收下的一个月）都没有过期，也都完整。"]


# on the screen ---------------------------------------------------------------------------------------------------


def show(told: Mapping[str, Any], console: Console) -> None:
    """Print a status in Chinese. File names are never read as markup."""
    console.print(Text(headline(told), style="bold"))
    divisions = [line for line in told["expected"] if line["unit_kind"] == "division"]
    console.print(_grid("各区应报和已报（收下的行数；退：退回的行数）", divisions, _delivery_text))
    others = _table("其他单位应报和已报", ("单位", "名单", "结果"))
    for line in told["expected"]:
        if line["unit_kind"] != "division":
            others.add_row(Text(line["unit"]), Text(_kind_words(line)), _delivery_text(line))
    console.print(others)
    for sentence in _database_words(told["databases"]):
        console.print(Text(f"数据库：{sentence}", style="red" if "没有读到" in sentence else ""))
    if sent_back := _sent_back([*told["received"], *told["held"]]):
        table = _table("今晚整份退回的，和扣住还没有确认的", ("单位", "文件", "名单", "结果", "原因和办法"))
        for line in sent_back:
            title = SENT_BACK_TITLES[line["status"]]
            table.add_row(*map(Text, (line["unit"], line["file_name"], _kind_words(line), title, _because(line))))
        console.print(table)
    console.print(Text(f"今晚{_received_words(told['received'])[-1].removeprefix('今晚')}"))
    doubts = [f"{_UNMARKED_TITLE}：{sentence}" for sentence in _unmarked_words(told["unmarked"])]
    doubts += [f"{_UNREAD_TITLE}：{sentence}" for sentence in _unread_words(told["unread"])]
    doubts += [f"不完整的名单：{sentence}" for sentence in _gap_words(told["gaps"])]
    for sentence in [*doubts, *(f"还在收件箱里的：{sentence}" for sentence in _left_words(told))]:
        console.print(Text(sentence, style="yellow"))
    if told["faults"]:
        console.print(Text("各单位的问题，与上次相比", style="bold"))
        for sentence in _fault_words(told["faults"]):
            console.print(Text(f"· {sentence}"))
    console.print(_registry_table(told["registries"]))
    for sentence in _released_words(told):
        console.print(Text(sentence))
    if told["released"] and told["released"]["most_urgent"]:
        units = {line["unit_code"]: line["unit"] for line in told["expected"]}
        console.print(Text("最急的几条（全部在清单里；看依据：monitor explain 预警编号）", style="bold"))
        for number, line in enumerate(told["released"]["most_urgent"], start=1):
            where = f"{units.get(line['division_code'], line['division_code'])}{line['township'] or ''}"
            level = Text(f" {LEVEL_TITLES[line['level']]} ", style=_LEVEL_STYLES[line["level"]])
            what = f" {line['rule_code']} {line['title']}  {where} {line['subject']}  期限 {line['due_on']}"
            console.print(Text(f"{number}. "), level, Text(f"{what}  编号 {line['warning_id'][:12]}"), sep="")
            console.print(Text(f"   {line['reason']}"))


def _table(title: str, headings: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _delivery_text(line: Mapping[str, Any]) -> Text:
    short = {
        "delivered": "",
        "partly": f" 退{line['rows_set_aside']}",
        "incomplete": " 不完整",
        "held": "扣住",
        "refused": "退回",
        "missing": "缺",
    }
    rows = str(line["rows_accepted"]) if line["state"] in ("delivered", "partly", "incomplete") else ""
    if line["state"] == "missing" and not line["days_late"]:
        return Text("未到期", style="dim")
    return Text(rows + short[line["state"]], style=_DELIVERY_STYLES[line["state"]])


def _registry_table(registries: Sequence[Mapping[str, Any]]) -> Table:
    styles = {"current": "green", "not_current": "yellow", "absent": "red"}
    return _grid(
        "各区名册：最近一期",
        registries,
        lambda line: Text(
            (line["period"] or "没有") + _doubt(line),
            style=styles["not_current" if line["state"] == "current" and not line["is_whole"] else line["state"]],
        ),
    )


def _doubt(line: Mapping[str, Any]) -> str:
    if line["state"] == "not_current":
        return " 过期"
    return " 不完整" if line["state"] == "current" and not line["is_whole"] else ""


def _grid(title: str, lines: Sequence[Mapping[str, Any]], cell: Callable[[Mapping[str, Any]], Text]) -> Table:
    """A table with a row per unit and a column per kind."""
    kinds = list(dict.fromkeys(line["title"] for line in lines))
    units: dict[str, dict[str, Mapping[str, Any]]] = {}
    for line in lines:
        units.setdefault(line["unit"], {})[line["title"]] = line
    table = _table(title, ("单位", *kinds))
    for unit, by_kind in units.items():
        table.add_row(Text(unit), *(cell(by_kind[kind]) if kind in by_kind else Text("—") for kind in kinds))
    return table
