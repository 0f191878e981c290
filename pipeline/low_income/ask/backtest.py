"""Says what a changed rule or policy would have listed on past nights, compared with what people found since.

Old and changed rules get the same rows: those in force on that night, with the answers about who is who up to then. Nothing
is published; no warning begins or ends.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from low_income import warehouse
from low_income.model import ModelError, MonitorError
from low_income.night import build_inputs
from low_income.records import access, journal, seal
from low_income.records.ledger import Ledger
from low_income.settings import contracts, policy
from low_income.settings.home import Home
from low_income.warehouse import examples
from low_income.warehouse.models import SQL, Models, read_models

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Step = Callable[[str, int, int], None]
FOUND_TITLES = {
    "right": "查实或已帮到",
    "wrong": "查后不符",
    "source": "数据有误",
    "helped": "后来得到救助",
    "unknown": "还不知道",
}
"""What became of a subject that was, or would have been, listed. `helped`: no finding, but on a roster or granted assistance since."""
_STANDING = {
    "life.standing": "select rule_code, subject_id, household_id, division_code, level from life.standing order by all"
}
_KNOWN_HELP = {
    "registry.enrolment": "select distinct person_id, registry as what from registry.enrolment",
    "registry.temporary_grant": "select distinct person_id, division_code || ' ' || application_no as what"
    " from registry.temporary_grant where is_granted",
}


@dataclass(frozen=True)
class _Listed:
    """A subject that a rule lists; `night` is the first such night."""

    rule_code: str
    subject_id: str
    household_id: str
    division_code: str
    level: str
    night: date

    @property
    def key(self) -> tuple[str, str]:
        return self.rule_code, self.subject_id


@dataclass(frozen=True)
class _Help:
    """Help that a person got, from the current release: an enrolment, or a grant of temporary assistance."""

    household_id: str
    person_id: str
    what: str
    """The registry, or the application's division and number."""
    begins_on: date
    is_month: bool
    """Whether only the month of its beginning is known."""

    def came_after(self, night: date, known: set[tuple[str, str]]) -> bool:
        """Whether it began on or after that night (for a month: not before its month), and was not known then."""
        earliest = night.replace(day=1) if self.is_month else night
        return self.begins_on >= earliest and (self.person_id, self.what) not in known


def backtest(home_dir: Path, folder: Path, first: date, last: date, on_step: Step | None = None) -> dict[str, Any]:
    """Run the rules in force and the changed ones for every published night from `first` to `last`.

    `folder` holds the changed files as they would be put in place: `<code>.sql` and `<code>.yml` of a rule (one of the two
    may be missing: then the one in force is used), and `policy/*.yml`, each instead of the home's file of that name. A
    changed value with a later date is tried on these nights too, as if it had held since `first`.

    Returns a dict. Counts are of subjects, each counted once however many nights list it.

    - `changes`: rules and policy files; `tried_early`: values with a later date;
    - `unsound`: changed rules that miss their canary (no night would publish with them) or whose examples fail;
    - `nights`: date, before, after, added, dropped; `not_run`: days of the range that published nothing, and why;
    - `rules`: per rule and division: before, after, added, dropped, other_level, found_of_added, found_of_dropped,
      precision_before, precision_after;
    - `shown`: all subjects that would be new or gone, without names.

    Holds the home as a step of a night does: no night begins meanwhile. Raises MonitorError for an empty folder, a wrong
    range, and for anything that would stop such a night from starting.
    """
    say = on_step or (lambda name, done, total: None)
    if first > last:
        raise MonitorError("--from 不能晚于 --to")
    home, ledger = access.open_whole(home_dir)
    known = contracts.load().kinds
    now = read_models(known)
    with tempfile.TemporaryDirectory(prefix="backtest-") as scratch:
        then, new_policy, changes = _changed(home, folder, Path(scratch))
        then_models = read_models(known, then)
        then_models.validate(then_models.everything())
    new_policy, early = new_policy.brought_forward(home.policy, first)
    with access.shared(home_dir):
        told_by = past(home)
        nights = sorted(night for night in told_by.published if first <= night <= last)
        if not nights:
            raise MonitorError(f"{first} 到 {last} 之间没有发布过清单的夜间任务，没有可以比的")
        before: dict[tuple[str, str], _Listed] = {}
        after: dict[tuple[str, str], _Listed] = {}
        told, helped = [], set[tuple[str, str]]()
        with closing(warehouse.read(home.warehouse, seal.release_keys(home))) as release:
            helps = _helps(release, first)
            found = _found(release, then_models)
            for done, night in enumerate(nights):
                say("重问过去的夜", done, len(nights))
                given = _as_it_stood(
                    build_inputs.gather(home, ledger, night, judged_on=told_by.judged_on), release, told_by
                )
                changed = replace(
                    given, given_tables={**given.given_tables, **build_inputs.of_policy(new_policy, night)}
                )
                mine, had = _ask(given, now, night, _KNOWN_HELP)
                theirs, _ = _ask(changed, then_models, night, {})
                for key, each in {**theirs, **mine}.items():
                    if (
                        key not in before
                        and key not in after
                        and any(help.came_after(night, had) for help in helps.get(each.household_id, ()))
                    ):
                        helped.add(key)
                before, after = {**mine, **before}, {**theirs, **after}
                told.append(
                    {
                        "date": night.isoformat(), "before": len(mine), "after": len(theirs),
                        "added": len(theirs.keys() - mine.keys()), "dropped": len(mine.keys() - theirs.keys()),
                    }
                )  # fmt: skip
        not_run = list(_not_run(ledger, told_by, first, last))
    verdicts = {
        key: found.get(key) or ("helped" if key in helped else "unknown") for key in before.keys() | after.keys()
    }
    titles = {card.code: card.title for models in (now, then_models) for card in models.cards.values()}
    return {
        "changes": changes,
        "tried_early": [
            {
                "key": value.key, "title": new_policy.titles[value.key], "region": value.policy_region,
                "area": value.area_type, "value": f"{value.value.normalize():f}", "unit": value.unit,
                "valid_from": value.valid_from.isoformat(),
            }
            for value in early
        ],
        "unsound": _unsound(now, then_models, {code for code, _ in after}),
        "nights": told,
        "not_run": not_run,
        "rules": _tally(before, after, verdicts, titles, {code: unit.name for code, unit in home.units.items()}),
        "shown": _shown(before, after, verdicts),
    }  # fmt: skip


def _unsound(now: Models, then: Models, finding: set[str]) -> list[dict[str, Any]]:
    """The changed rules that miss their canary, or whose own examples fail. `finding`: codes of rules that list anybody."""
    told = []
    for name, card in then.cards.items():
        before = now.models.get(name)
        if before is None or (before.sql, before.about) != (then.models[name].sql, card):
            is_silent, wrong = examples.unsound(then, name)
            if is_silent or wrong:
                told.append(
                    {
                        "rule_code": card.code, "title": card.title, "is_silent": is_silent,
                        "finds_nobody": card.code not in finding, "examples": wrong,
                    }
                )  # fmt: skip
    return told


# the nights as they were ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Past:
    """The nights as the journal knows them."""

    published: set[date]
    begun: set[date]
    judged_on: dict[str, date]
    """submission_id → the night on which it was first judged; for a held roster later than the night on which it came."""


def past(home: Home) -> Past:
    """Read the nights from the journal. Raises MonitorError when the journal is damaged."""
    told = Past(set(), set(), {})
    for entry in journal.read(home):
        if entry.what == "broken":  # judged, but then held
            told.judged_on.pop(entry.about.get("submission_id", ""), None)
        elif entry.what in ("night", "published", "judged"):
            night = date.fromisoformat(entry.about["run_date"])
            if entry.what == "judged":
                for part, digest in entry.about["parts"].items():
                    if digest:
                        told.judged_on.setdefault(Path(part).stem, night)
            else:
                (told.begun if entry.what == "night" else told.published).add(night)
    return told


def _not_run(ledger: Ledger, past: Past, first: date, last: date) -> Iterator[dict[str, str]]:
    """The days of the range on which nothing was published, each with the reason."""
    states = {each.run_date: each.state for each in ledger.nights()}
    for night in (first + timedelta(days=at) for at in range((last - first).days + 1)):
        if night in past.published:
            continue
        if night not in past.begun:
            because = "没有运行过夜间任务"
        elif states.get(night) == "failed":
            because = "夜间任务没有成功，没有发布"
        else:
            because = "夜间任务没有跑完，没有发布"
        yield {"date": night.isoformat(), "because": because}


def _as_it_stood(given: warehouse.Inputs, release: duckdb.DuckDBPyConnection, past: Past) -> warehouse.Inputs:
    """The inputs of a night with the state before it: from the release before it if it is kept, else from the current release.

    The current release remembers all answers, and open warnings except those withdrawn since.
    """
    earlier = [night for night in past.published if night < given.day]
    if not earlier:
        return replace(given, previous=None)
    if given.previous is not None:
        with closing(warehouse.read(given.previous, given.keys)) as kept:
            if kept.execute("select run_date from release").fetchall() == [(max(earlier),)]:
                return given
    remembered: dict[str, pa.Table] = {
        table: release.sql(query, params=[given.day]).to_arrow_table() for table, query in _REMEMBERED.items()
    }
    return replace(given, previous=None, given_tables={**given.given_tables, **remembered})


_REMEMBERED = {
    "previous_answer": "select * from identity_decision where received_on <= $1 order by decision_id",
    "previous_decision": "select * from decision where received_on <= $1 order by decision_id",
    "previous_warning": "select * replace ('open' as status, cast(null as varchar) as outcome, cast(null as varchar) as decision_id)"
    " from warning where first_seen_on < $1 order by warning_id",
}
"""Each line is judged once, on the night on which it came, and later releases keep the answer. So they tell what stood on a
night in between. Warnings are open here; `life.before` then applies what people wrote up to that night."""


def _changed(home: Home, folder: Path, scratch: Path) -> tuple[Path, policy.Policy, list[str]]:
    """(folder sql/ with the changes, policy with the changes, names of changed files). Read as strictly as our own files."""
    if not folder.is_dir():
        raise MonitorError(f"{folder} 不是文件夹")
    rules = sorted(path for path in folder.iterdir() if path.suffix in (".sql", ".yml") and path.is_file())
    values = sorted(path for path in (folder / "policy").glob("*") if path.is_file())
    strange = sorted({path.name for path in folder.iterdir()} - {path.name for path in rules} - {"policy"})
    if strange:
        raise MonitorError(f"{folder}：不认识 {'、'.join(strange)}；放规则（a01.sql、a01.yml）和 policy/ 文件夹")
    if not rules and not values:
        raise MonitorError(f"{folder} 里没有要试的规则（a01.sql、a01.yml），也没有 policy/")
    sql, own = scratch / "sql", scratch / "policy"
    shutil.copytree(SQL, sql)
    shutil.copytree(home.policy.folder, own)
    for path in rules:
        shutil.copyfile(path, sql / "warnings" / path.name)
    for path in values:
        shutil.copyfile(path, own / path.name)
    regions = {unit.policy_region for unit in home.units.values() if unit.policy_region}
    changes = [*(path.name for path in rules), *(f"policy/{path.name}" for path in values)]
    changed = policy.load(own, regions)
    if missing := sorted(set(policy.load().titles) - set(changed.titles)):
        files = "、".join(sorted({f"policy/{home.policy.files[key]}" for key in missing}))
        raise MonitorError(f"{files}：少了 {'、'.join(missing)}；这样换上，夜间任务不会开始。没有改的值也要留在文件里")
    return sql, changed, changes


def _ask(
    given: warehouse.Inputs, models: Models, night: date, also: Mapping[str, str]
) -> tuple[dict[tuple[str, str], _Listed], set[tuple[str, str]]]:
    """(subjects listed, help known from the queries `also`: person_id and registry or application)."""
    try:
        found = warehouse.ask_for(given, models, {**_STANDING, **also}, is_trial=True)
    except ModelError as problem:
        raise MonitorError(f"{night}：{problem}") from problem
    listed = [_Listed(**row, night=night) for row in found["life.standing"].to_pylist()]
    had = {(row["person_id"], row["what"]) for table in also for row in found[table].to_pylist()}
    return {each.key: each for each in listed}, had


# findings and counts ---------------------------------------------------------------------------------------------


def _found(release: duckdb.DuckDBPyConnection, models: Models) -> dict[tuple[str, str], str]:
    """(rule, subject) → what people found in the end: right, wrong or source (`sql/published/verdict.csv`).

    Found for a warning of the rule, or for the random sample of subjects that it did not list. The later finding holds.
    """
    counts = {(row["purpose"], row["outcome"]): row["counts_as"] for row in models.lists["verdict"].to_pylist()}
    closed = release.execute(
        "select rule_code, subject_id, purpose, outcome, decided_on, warning_id from warning where status = 'closed' union all"
        " select rule_code, subject_id, 'sample', outcome, decided_on, sample_id from sample_check where state = 'checked'"
        " order by decided_on, warning_id"
    ).fetchall()
    return {
        (rule, subject): counts[purpose, outcome]
        for rule, subject, purpose, outcome, *_ in closed
        if (purpose, outcome) in counts
    }


def _helps(release: duckdb.DuckDBPyConnection, first: date) -> dict[str, list[_Help]]:
    """Household → the help that its members got since the month of `first`, from the current release."""
    rows = release.execute(
        """select member.household_id, helped.person_id, helped.what, helped.begins_on, helped.is_month from (
            select person_id, registry as what, start_month as begins_on, true as is_month from enrolment
            where start_month >= date_trunc('month', cast($1 as date))
            union
            select person_id, division_code || ' ' || application_no, granted_on, false from temporary_grant
            where result = '同意' and granted_on >= $1
        ) as helped inner join household_member as member on helped.person_id = member.person_id order by all""",
        [first],
    ).fetchall()
    helps: dict[str, list[_Help]] = {}
    for row in rows:
        helps.setdefault(row[0], []).append(_Help(*row))
    return helps


def _tally(
    before: dict[tuple[str, str], _Listed], after: dict[tuple[str, str], _Listed], verdicts: dict[tuple[str, str], str],
    titles: dict[str, str], names: dict[str, str],
) -> list[dict[str, Any]]:  # fmt: skip
    """One line per rule and division, and one for all divisions, for rules with any change."""
    moved = {key[0] for key in before.keys() ^ after.keys()} | {
        key[0] for key in before.keys() & after.keys() if before[key].level != after[key].level
    }
    lines = []
    for rule in sorted(moved):
        old = {key: each for key, each in before.items() if key[0] == rule}
        new = {key: each for key, each in after.items() if key[0] == rule}
        divisions = sorted({each.division_code for each in [*old.values(), *new.values()]})
        for division in ["all", *divisions]:
            is_here = {key for key, each in {**old, **new}.items() if division in ("all", each.division_code)}
            was, would = old.keys() & is_here, new.keys() & is_here
            added, dropped = would - was, was - would
            lines.append(
                {
                    "rule_code": rule, "title": titles[rule], "division_code": division,
                    "division": "全市" if division == "all" else names.get(division, division),
                    "before": len(was), "after": len(would), "added": len(added), "dropped": len(dropped),
                    "other_level": sum(old[key].level != new[key].level for key in was & would),
                    "found_of_added": dict(Counter(verdicts[key] for key in sorted(added))),
                    "found_of_dropped": dict(Counter(verdicts[key] for key in sorted(dropped))),
                    "precision_before": precision([verdicts[key] for key in was]),
                    "precision_after": precision([verdicts[key] for key in would]),
                }
            )  # fmt: skip
    return lines


def precision(verdicts: Sequence[str]) -> dict[str, float | int | None]:
    """The share of right warnings among closed ones (0 to 1), with its 95 % interval, as in `rule_precision`.

    Wrong source data and subjects without a finding are not counted.
    """
    right, closed = verdicts.count("right"), verdicts.count("right") + verdicts.count("wrong")
    if not closed:
        return {"closed": 0, "precision": None, "low": None, "high": None}
    low, high = _interval(right, closed)
    return {"closed": closed, "precision": round(right / closed, 4), "low": round(low, 4), "high": round(high, 4)}


@cache
def _interval(right: int, closed: int) -> tuple[float, float]:
    with warehouse.in_memory() as con:
        for macro in warehouse.MACROS:
            con.execute(macro)
        [(low, high)] = con.execute("select wilson_low($1, $2), wilson_high($1, $2)", [right, closed]).fetchall()
    return float(low), float(high)


def _shown(
    before: dict[tuple[str, str], _Listed], after: dict[tuple[str, str], _Listed], verdicts: dict[tuple[str, str], str]
) -> list[dict[str, str]]:
    """The subjects that would be new or gone, by their keyed ids, which only the warehouse can resolve."""
    moved = [("added", after[key]) for key in sorted(after.keys() - before.keys())]
    moved += [("dropped", before[key]) for key in sorted(before.keys() - after.keys())]
    return [
        {
            "change": change, "rule_code": each.rule_code, "subject_id": each.subject_id, "household_id": each.household_id,
            "division_code": each.division_code, "night": each.night.isoformat(), "found": verdicts[each.key],
        }
        for change, each in moved
    ]  # fmt: skip


def show(result: Mapping[str, Any], console: Console) -> None:
    """Print the result of `backtest` in Chinese."""
    nights = result["nights"]
    console.print(f"试的是：{'、'.join(result['changes'])}", markup=False)
    for value in result["tried_early"]:
        where = f"（{value['region']}{value['area']}）" if value["region"] or value["area"] else ""
        console.print(
            f"{value['title']}{where} {value['value']} {value['unit']}：{value['valid_from']} 起才生效，"
            "这里当作那些夜里已经生效来试。",
            markup=False, style="yellow",
        )  # fmt: skip
    for rule in result["unsound"]:
        called = f"{rule['rule_code']} {rule['title']}"
        if rule["is_silent"]:
            nobody = "，这些夜里也一个都没有列出，规则可能失效了" if rule["finds_nobody"] else ""
            console.print(
                f"注意：改后的 {called} 找不出卡片里为它虚构的样例户{nobody}；这样换上，夜里不会发布。",
                style="red", markup=False,
            )  # fmt: skip
        if rule["examples"]:
            console.print(
                f"改后的 {called} 与卡片里的例子对不上：{'、'.join(rule['examples'])}。换上以前，规则或例子要改好一个。",
                style="red", markup=False,
            )  # fmt: skip
    console.print(
        f"重问了 {len(nights)} 夜（{nights[0]['date']} 到 {nights[-1]['date']}），每个对象只计一次。", markup=False
    )
    reasons = Counter(each["because"] for each in result["not_run"])
    for because, days in sorted(reasons.items()):
        console.print(f"其间 {days} 天不在其中：{because}。是哪几天：加 --json。", markup=False)
    if not result["rules"]:
        console.print("每一夜列出的都和现在的规则一样：这样改不会改变任何清单。")
        return
    table = Table("规则、区", "现在列出", "改后列出", "多列", "少列", "级别变")
    for line in result["rules"]:
        called = _rule_of(line) if line["division_code"] == "all" else f"　{line['division']}"
        counts = [line[name] for name in ("before", "after", "added", "dropped", "other_level")]
        table.add_row(*(Text(str(cell)) for cell in (called, *counts)))
    console.print(table)
    for line in result["rules"]:
        console.print(Text(f"{_rule_of(line)}，{line['division']}：{_later_words(line)}"))
    everywhere = [line["found_of_dropped"] for line in result["rules"] if line["division_code"] == "all"]
    if missed := sum(found.get("right", 0) + found.get("helped", 0) for found in everywhere):
        console.print(f"注意：改后会漏掉 {missed} 个已经查实或帮到的对象。", style="red")
    console.print(
        f"这只是试算：清单、预警和发布的数据都没有动。变动的 {len(result['shown'])} 个对象逐个列在 --json 里。"
    )


def _rule_of(line: Mapping[str, Any]) -> str:
    return f"{line['rule_code']} {line['title']}"


def _later_words(line: Mapping[str, Any]) -> str:
    """What became of the subjects added and dropped, and how often the rule is right."""
    return (
        f"多列的后来：{_words(line['found_of_added'])}；少列的后来：{_words(line['found_of_dropped'])}；"
        f"准确率 {_share(line['precision_before'])} → {_share(line['precision_after'])}。"
    )


def _words(found: dict[str, int]) -> str:
    return "、".join(f"{title} {found[name]}" for name, title in FOUND_TITLES.items() if found.get(name)) or "—"


def _share(told: dict[str, Any]) -> str:
    if not told["closed"]:
        return "没有办结的"
    return f"{told['precision']:.0%}（{told['low']:.0%}—{told['high']:.0%}，办结 {told['closed']}）"
