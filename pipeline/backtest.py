"""What a changed rule or policy would have listed on past nights, against what people found since.

Both are asked of the same rows: those in force on that night. Nothing is published, no warning begins or ends by it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from math import sqrt
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline import contracts, inputs, policy, warehouse
from pipeline.home import Home
from pipeline.ledger import Ledger
from pipeline.model import ModelError, MonitorError
from pipeline.warehouse.models import SQL, Models, read_models

Step = Callable[[str, int, int], None]
FOUND_TITLES = {
    "right": "查实或已帮到",
    "wrong": "查后不符",
    "source": "数据有误",
    "helped": "未列出,后来得到救助",
    "unknown": "还不知道",
}
"""What became of somebody who was, or would have been, listed. `helped`: never listed by the rule, yet on a roster or granted since."""
MOST_SHOWN = 20
_STANDING = "select rule_code, subject_id, person_id, household_id, division_code, level from life.standing"
_Z = 1.959964


@dataclass(frozen=True)
class _Listed:
    """Somebody listed by a rule on some night; of several nights the first."""

    rule_code: str
    subject_id: str
    household_id: str
    division_code: str
    level: str
    night: date

    @property
    def key(self) -> tuple[str, str]:
        return self.rule_code, self.subject_id


def backtest(home: Path, folder: Path, first: date, last: date, on_step: Step | None = None) -> dict[str, Any]:
    """Ask the rules in force and the changed ones of every night from `first` to `last` that was run.

    `folder` holds what would change, as it would be put in place: `<code>.sql` and `<code>.yml` of a rule (the other of
    the pair may be left to the one in force), and `policy/*.yml`, each file in place of the home's own of that name.

    Gives `changes` (rules and policy files), `nights` (date, before, after, added, dropped), `not_run` (days of the range
    without a night), `rules` (per rule and division: before, after, added, dropped, found_of_added, found_of_dropped,
    precision_before, precision_after) and `shown` (the first that would be new or gone, without names). Counts are of
    subjects, each once however many nights list it.

    Raises MonitorError for an empty folder, a wrong range, and whatever would not let such a night start.
    """
    say = on_step or (lambda name, done, total: None)
    place = Home.open(home)
    ledger = Ledger.of(place)
    if first > last:
        raise MonitorError("--from 不能晚于 --to")
    known = contracts.load().kinds
    now = read_models(known)
    with tempfile.TemporaryDirectory(prefix="backtest-") as scratch:
        then, new_policy, changes = _changed(place, folder, Path(scratch))
        then_models = read_models(known, then)
        then_models.examine(then_models.everything())
    nights = [each.run_date for each in ledger.nights() if first <= each.run_date <= last and each.state == "done"]
    if not nights:
        raise MonitorError(f"{first} 到 {last} 之间没有跑完的夜间任务,没有可以比的")
    before: dict[tuple[str, str], _Listed] = {}
    after: dict[tuple[str, str], _Listed] = {}
    told = []
    for done, night in enumerate(nights):
        say("重问过去的夜", done, len(nights))
        given = inputs.gather(place, ledger, night)
        changed = replace(given, house={**given.house, **inputs.of_policy(new_policy, night)})
        mine, theirs = _ask(given, now, night), _ask(changed, then_models, night)
        before, after = {**mine, **before}, {**theirs, **after}
        told.append(
            {
                "date": night.isoformat(), "before": len(mine), "after": len(theirs),
                "added": len(theirs.keys() - mine.keys()), "dropped": len(mine.keys() - theirs.keys()),
            }
        )  # fmt: skip
    found = _found(place, then_models)
    helped = _helped_since(place, [*before.values(), *after.values()])
    verdicts = {
        key: found.get(key) or ("helped" if key not in before and helped.get(each.household_id, date.min) > each.night else "unknown")
        for key, each in {**before, **after}.items()
    }  # fmt: skip
    titles = {card.code: card.title for models in (now, then_models) for card in models.cards.values()}
    span = [date.fromordinal(day) for day in range(first.toordinal(), last.toordinal() + 1)]
    return {
        "changes": changes,
        "nights": told,
        "not_run": [day.isoformat() for day in span if day not in nights],
        "rules": _tally(before, after, verdicts, titles, {code: unit.name for code, unit in place.units.items()}),
        "shown": _shown(before, after, verdicts),
    }


def _changed(home: Home, folder: Path, scratch: Path) -> tuple[Path, policy.Policy, list[str]]:
    """(sql/ with the changes in it, the policy with them, what changes), all as strictly read as the house's own."""
    if not folder.is_dir():
        raise MonitorError(f"{folder} 不是文件夹")
    rules = sorted(path for path in folder.iterdir() if path.suffix in (".sql", ".yml") and path.is_file())
    values = sorted(path for path in (folder / "policy").glob("*") if path.is_file())
    strange = sorted({path.name for path in folder.iterdir()} - {path.name for path in rules} - {"policy"})
    if strange:
        raise MonitorError(f"{folder}:不认识 {'、'.join(strange)};放规则(a01.sql、a01.yml)和 policy/ 文件夹")
    if not rules and not values:
        raise MonitorError(f"{folder} 里没有要试的规则(a01.sql、a01.yml),也没有 policy/")
    sql, own = scratch / "sql", scratch / "policy"
    shutil.copytree(SQL, sql)
    shutil.copytree(home.policy.folder, own)
    for path in rules:
        shutil.copyfile(path, sql / "warnings" / path.name)
    for path in values:
        shutil.copyfile(path, own / path.name)
    regions = {unit.policy_region for unit in home.units.values() if unit.policy_region}
    changes = [*(path.name for path in rules), *(f"policy/{path.name}" for path in values)]
    return sql, policy.load(own, regions), changes


def _ask(given: warehouse.Inputs, models: Models, night: date) -> dict[tuple[str, str], _Listed]:
    try:
        rows = warehouse.ask_for(given, models, {"life.standing": _STANDING}, is_trial=True)[
            "life.standing"
        ].to_pylist()
    except ModelError as problem:
        raise MonitorError(f"{night}:{problem}") from problem
    listed = [
        _Listed(row["rule_code"], row["subject_id"], row["household_id"], row["division_code"], row["level"], night)
        for row in rows
    ]
    return {each.key: each for each in sorted(listed, key=lambda each: each.key)}


def _found(home: Home, models: Models) -> dict[tuple[str, str], str]:
    """(rule, subject) → what people found in the end: right, wrong or source (`sql/published/verdict.csv`)."""
    if not home.warehouse.exists():
        return {}
    counts = {(row["purpose"], row["outcome"]): row["counts_as"] for row in models.lists["verdict"].to_pylist()}
    with closing(warehouse.read(home.warehouse)) as release:
        closed = release.execute(
            "select rule_code, subject_id, purpose, outcome from warning where status = 'closed' order by decided_on, warning_id"
        ).fetchall()
    return {
        (rule, subject): counts[purpose, outcome]
        for rule, subject, purpose, outcome in closed
        if (purpose, outcome) in counts
    }


def _helped_since(home: Home, listed: Iterable[_Listed]) -> dict[str, date]:
    """Household → the last day on which a member came on a roster or was granted assistance, as the release in use knows."""
    if not home.warehouse.exists():
        return {}
    wanted = sorted({each.household_id for each in listed})
    with closing(warehouse.read(home.warehouse)) as release:
        rows = release.execute(
            """select member.household_id, max(helped.helped_on) from (
                select person_id, start_month as helped_on from enrolment where start_month is not null
                union all
                select person_id, granted_on from temporary_grant where result = '同意' and granted_on is not null
            ) as helped inner join household_member as member on helped.person_id = member.person_id
            where member.household_id in (select unnest($1)) group by all""",
            [wanted],
        ).fetchall()
    return dict(rows)


def _tally(
    before: dict[tuple[str, str], _Listed], after: dict[tuple[str, str], _Listed], verdicts: dict[tuple[str, str], str],
    titles: dict[str, str], names: dict[str, str],
) -> list[dict[str, Any]]:  # fmt: skip
    """One line per rule and division, and one for all divisions, of the rules that change anything."""
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
    """Share that was right of those that people closed, with Wilson's interval at 95 %; as `rule_precision` has it.

    Wrong data counts against the source; who was never asked about counts for nothing.
    """
    right, closed = verdicts.count("right"), verdicts.count("right") + verdicts.count("wrong")
    if not closed:
        return {"closed": 0, "precision": None, "low": None, "high": None}
    share, square = right / closed, _Z * _Z
    middle = (share + square / 2 / closed) / (1 + square / closed)
    half = _Z * sqrt(share * (1 - share) / closed + square / 4 / closed**2) / (1 + square / closed)
    low, high = (0.0 if right == 0 else middle - half), (1.0 if right == closed else middle + half)
    return {"closed": closed, "precision": round(share, 4), "low": round(low, 4), "high": round(high, 4)}


def _shown(
    before: dict[tuple[str, str], _Listed], after: dict[tuple[str, str], _Listed], verdicts: dict[tuple[str, str], str]
) -> list[dict[str, str]]:
    """The first subjects that would be new, or gone: by their keyed ids, which the warehouse knows and nobody else."""
    moved = [("added", after[key]) for key in sorted(after.keys() - before.keys())]
    moved += [("dropped", before[key]) for key in sorted(before.keys() - after.keys())]
    return [
        {
            "change": change, "rule_code": each.rule_code, "subject_id": each.subject_id, "household_id": each.household_id,
            "division_code": each.division_code, "night": each.night.isoformat(), "found": verdicts[each.key],
        }
        for change, each in moved
    ][: MOST_SHOWN * 10]  # fmt: skip


def show(result: dict[str, Any], console: Console) -> None:
    """Print what `backtest` gave."""
    nights = result["nights"]
    console.print(f"试的是:{'、'.join(result['changes'])}", markup=False)
    console.print(
        f"重问了 {len(nights)} 夜({nights[0]['date']} 到 {nights[-1]['date']}),每个对象只计一次。", markup=False
    )
    if result["not_run"]:
        console.print(f"其间 {len(result['not_run'])} 天没有跑过夜间任务,不在其中。", markup=False)
    if not result["rules"]:
        console.print("每一夜列出的都和现在的规则一样:这样改不会改变任何清单。")
        return
    table = Table(
        "规则", "区", "现在列出", "改后列出", "多列", "少列", "级别变", "多列的后来", "少列的后来", "准确率 现在→改后"
    )
    for line in result["rules"]:
        cells = [
            f"{line['rule_code']} {line['title']}" if line["division_code"] == "all" else "", line["division"],
            str(line["before"]), str(line["after"]), str(line["added"]), str(line["dropped"]), str(line["other_level"]),
            _words(line["found_of_added"]), _words(line["found_of_dropped"]),
            f"{_share(line['precision_before'])} → {_share(line['precision_after'])}",
        ]  # fmt: skip
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
    missed = sum(line["found_of_dropped"].get("right", 0) for line in result["rules"] if line["division_code"] == "all")
    if missed:
        console.print(f"注意:改后会漏掉 {missed} 个已经查实或帮到的对象。", style="red")
    console.print("这只是试算:清单、预警和发布的数据都没有动。具体是哪些对象:加 --json。")


def _words(found: dict[str, int]) -> str:
    return "、".join(f"{title} {found[name]}" for name, title in FOUND_TITLES.items() if found.get(name)) or "—"


def _share(told: dict[str, Any]) -> str:
    if not told["closed"]:
        return "没有办结的"
    return f"{told['precision']:.0%}({told['low']:.0%}—{told['high']:.0%},办结 {told['closed']})"
