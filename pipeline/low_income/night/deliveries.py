"""Deliveries: which submissions are judged together tonight, and what a new one is to those already taken.

The rules themselves are in `parts.py`. This module applies them to the ledger, the archive and the people in the files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from low_income import values, warehouse
from low_income.checks import Part, Verdict
from low_income.model import Reading
from low_income.night.rosters import gaps, shrinks
from low_income.records import accepted_store
from low_income.records.ledger import TAKEN, Ledger, Submission
from low_income.records.ledger.parts import BROKE, UNREAD, part_name, superseded_by
from low_income.settings import contracts
from low_income.settings.home import Home

if TYPE_CHECKING:
    import duckdb

ReadAgain = Callable[[Submission], list[Reading]]
"""Reads a submission's file from the archive once more."""


def arrange(
    con: duckdb.DuckDBPyConnection, home: Home, ledger: Ledger, day: date, kinds: list[str]
) -> list[Submission]:
    """Give the waiting submissions that must be judged. Repeats, and files that raise a question, are settled here."""
    fresh = []
    for submission in [each for kind in kinds for each in ledger.submissions(kind=kind, outcome="read")]:
        rivals = ledger.rivals(submission)
        overlaps = {rival.submission_id: _overlap(con, home, submission, rival, day) for rival in rivals}
        arrangement = ledger.arrange(submission, overlaps)
        if arrangement.outcome == "repeated":
            ledger.settle(submission.submission_id, "repeated", reason=arrangement.reason)
        elif arrangement.outcome == "asks":
            reason = f"{arrangement.reason}。{arrangement.fix}" if arrangement.fix else arrangement.reason
            ledger.settle(submission.submission_id, "refused", set_aside=submission.rows_read, reason=reason)
        else:
            fresh.append(submission)
    return fresh


@dataclass(frozen=True)
class Together:
    """What can be judged tonight, and the deliveries that cannot be."""

    parts: list[Part]
    unread: dict[str, str]
    """submission_id of a part in force that cannot be read again → why. No part of its delivery is judged."""
    waits_for: dict[str, str]
    """submission_id of a new part of such a delivery → the name of the file that cannot be read."""


@dataclass(frozen=True)
class Judgement:
    """What became of a dataset group's waiting submissions."""

    parts: list[Part]
    verdicts: list[Verdict]
    faults_of_held: list[Verdict]
    """Verdicts on submissions that were judged and then held, for their senders."""
    broken: list[Submission]
    """Submissions that our program cannot get over."""
    is_whole: bool
    """Whether every part in force that was needed could be read again."""


def judge(
    home: Home,
    ledger: Ledger,
    day: date,
    fresh: list[Submission],
    kinds: list[str],
    together: Callable[[list[Submission], list[Submission]], Together],
    judge_parts: Callable[[list[Part]], list[Verdict]],
    isolate: Callable[[list[Part]], Mapping[str, str]],
    broken: Mapping[str, str],
) -> Judgement:
    """Judge the fresh submissions and those held before. Hold a roster when too few of its rows can be accepted.

    Submissions that our program cannot get over are held as well, and the others are judged without them: those in `broken`
    (submission_id → reason), and those that `isolate` finds when `judge_parts` fails. A failure that it does not explain is
    raised again.

    How many rows can be accepted is known only after judging. Parts are judged together. So when a part is held after all,
    or a held part makes a roster whole, the others are judged again. `together` gives the parts of (submissions, those judged
    before that are held now), `judge_parts` their verdicts.
    """
    seen: dict[str, Verdict] = {}
    was_judged: dict[str, Submission] = {}
    broken = dict(broken)
    kept_out = _keep_out(ledger, kinds, broken)
    judged, told = _hold_back(home, ledger, day, fresh, kinds, {}, broken)
    while True:
        dropped = [*kept_out, *(each for name, each in sorted(was_judged.items()) if each not in judged)]
        gathered = together(judged, dropped)
        try:
            verdicts = judge_parts(gathered.parts)
        except warehouse.OF_THE_MACHINE:
            raise
        except Exception:
            found = isolate(gathered.parts)
            if not found:
                raise
            broken |= found
            kept_out = _keep_out(ledger, kinds, broken)
            judged, told = _hold_back(home, ledger, day, fresh, kinds, {}, broken)
            continue
        seen |= {verdict.submission_id: verdict for verdict in verdicts}
        was_judged |= {each.submission_id: each for each in judged}
        counts = {name: verdict.rows_accepted for name, verdict in seen.items()}
        again, told = _hold_back(home, ledger, day, fresh, kinds, counts, broken)
        if {each.submission_id for each in again} == {each.submission_id for each in judged}:
            break
        judged = again
    for submission, outcome, reason in told:
        ledger.settle(submission.submission_id, outcome, set_aside=submission.rows_read, reason=reason)
    _tell_unread(ledger, judged, gathered)
    waiting = [each for each in judged if each.submission_id in gathered.waits_for]
    for each in [*dropped, *waiting]:
        for folder in (str(each.kind), "set_aside", "unproven"):
            accepted_store.rows_path(home, folder, each.submission_id).unlink(missing_ok=True)
    faults_of_held = [seen[each.submission_id] for each in dropped if each.submission_id in seen]
    return Judgement(gathered.parts, verdicts, faults_of_held, kept_out, is_whole=not gathered.unread)


def _keep_out(ledger: Ledger, kinds: list[str], broken: Mapping[str, str]) -> list[Submission]:
    """Hold the broken submissions of these kinds, whatever their outcome was. Returns them as they then stand."""
    found = [each for each in ledger.submissions() if each.kind in kinds and each.submission_id in broken]
    return [
        ledger.settle(each.submission_id, "held", set_aside=each.rows_read, reason=broken[each.submission_id])
        for each in found
    ]


def _tell_unread(ledger: Ledger, judged: list[Submission], gathered: Together) -> None:
    """Write into the ledger why a delivery was not judged. Parts in force stay in force; new parts must come again with a readable file."""
    for each in judged:
        if name := gathered.waits_for.get(each.submission_id):
            # Without 《》, which mark a question between two files: the other file alone does not settle this one.
            reason = (
                f"同一份名单里的“{name}”{UNREAD}，现在读不出来了，两份不能一起核对，所以这一份没有用；已经收下的仍然有效。"
                f"请把“{name}”改好，和这一份一起重新报送"
            )
            ledger.settle(each.submission_id, "refused", set_aside=each.rows_read, reason=reason)
    for each in ledger.in_force():
        if why := gathered.unread.get(each.submission_id):
            ledger.settle(
                each.submission_id, each.outcome, accepted=each.rows_accepted, set_aside=each.rows_set_aside,
                out_of_scope=each.rows_out_of_scope, scope_digest=each.scope_digest,
                reason=f"{UNREAD}，现在读不出来了（{why}）；上次收下的行仍然有效",
            )  # fmt: skip


_Told = list[tuple[Submission, Literal["held", "refused"], str]]
"""(submission that is not judged, its outcome, the reason)."""


def _hold_back(
    home: Home, ledger: Ledger, day: date, fresh: list[Submission], kinds: list[str], accepted: Mapping[str, int],
    broken: Mapping[str, str],
) -> tuple[list[Submission], _Told]:  # fmt: skip
    """Divide the fresh submissions and those held before: (those to judge, those not to judge). Shrunken rosters are held.

    A roster is all parts of a unit, kind and month. It is compared with the same month's roster in force, else with the
    newest month before it. A further part that makes it whole, or the data officer's word, releases held parts.
    `accepted`: submission_id → rows accepted, of those already judged. For others all rows read count, as an upper limit.
    A submission that our program could not get over on an earlier night is judged on the data officer's word alone; one
    that is `broken` tonight is not judged.
    """
    fresh = [each for each in fresh if each.submission_id not in broken]
    known = contracts.load().kinds
    monthly = [kind for kind in kinds if known[kind].period == "month"]
    confirmed = ledger.confirmed(day)
    shrunken = shrinks(home, day)
    told: _Told = []
    judged = [each for each in fresh if each.kind not in monthly or accepted.get(each.submission_id) == 0]
    waits = [
        each
        for kind in kinds
        for each in ledger.submissions(kind=kind, outcome="held")
        if each.status == "held"
        and each.submission_id not in broken
        and (each.submission_id in confirmed or not each.reason.startswith(BROKE))
    ]
    judged += [each for each in waits if each.kind not in monthly and each.submission_id in confirmed]
    rosters: dict[tuple[str, str, str], list[Submission]] = {}
    for kind in monthly:
        for each in [*waits, *fresh]:
            if each.kind == kind and each.night <= day and each not in judged:
                rosters.setdefault((each.unit_code, kind, each.period), []).append(each)
    for (unit, kind, period), waiting in sorted(rosters.items()):
        in_force = [each for each in ledger.in_force(kind=kind, unit_code=unit) if each.night <= day]
        taken = [each for each in in_force if each.period == period]
        trusted = [each for each in waiting if each.submission_id in confirmed]
        news = [each for each in waiting if each not in trusted and each.outcome == "read"]
        before, of_month = _rows_before(in_force, taken + trusted, period, accepted)
        taken += trusted
        judged += trusted
        held = [each for each in waiting if each not in trusted and each.outcome == "held"]
        if not shrunken(_rows(taken + news, accepted), before):
            judged += news
            names = {part_name(each.file_name) for each in news}  # the ledger knows what replaces a same name
            reason = "之后收到了完整的一份，以那一份为准"
            told += [(old, "refused", reason) for old in held if names and part_name(old.file_name) not in names]
        elif not shrunken(now := _rows(taken + news + held, accepted), before):
            judged += news + held
        else:
            gone = before - now
            reason = (
                f"{of_month}的名单有 {before} 行，{_only(news, now, accepted)}，少了 {gone} 行（{gone * 100 // before}%），"
                "先扣住不用；上一份仍然有效"
            )
            told += [(each, "held", reason) for each in news]
    return judged, told


def _only(news: list[Submission], now: int, accepted: Mapping[str, int]) -> str:
    """How many rows the new parts bring, and how many, `now`, the roster has with them: its other parts stay in use."""
    these = "这一份" if len(news) == 1 else f"这一夜的 {len(news)} 份"
    read = sum(each.rows_read for each in news)
    usable = sum(accepted.get(each.submission_id, each.rows_read) for each in news)
    if _rows(news, accepted) == now:
        return f"{these}只有 {now} 行" if usable == read else f"{these}读了 {read} 行，能收下的只有 {now} 行"
    brought = f"有 {read} 行" if usable == read else f"读了 {read} 行、能收下 {usable} 行"
    return f"{these}{brought}，连同其余各份只有 {now} 行"


def _rows_before(
    in_force: list[Submission], taken: list[Submission], period: str, accepted: Mapping[str, int]
) -> tuple[int, str]:
    """(rows accepted, month) of the roster with which the month's new one is compared; 0 rows when there is none."""
    if taken:
        settled = {each.submission_id: each.rows_accepted for each in taken if each.outcome != "held"}
        return _rows(taken, {**accepted, **settled}), period
    earlier = max((each.period for each in in_force if each.period < period), default="")
    return sum(each.rows_accepted for each in in_force if each.period == earlier), earlier


def _rows(parts_of_roster: list[Submission], accepted: Mapping[str, int]) -> int:
    """Rows of a roster's parts, of each name only the last part. For parts not judged yet, all rows read count."""
    gone = superseded_by([replace(each.delivery, is_held=False) for each in parts_of_roster], "period")
    return sum(
        accepted.get(each.submission_id, each.rows_accepted if each.outcome in TAKEN else each.rows_read)
        for each in parts_of_roster
        if each.submission_id not in gone
    )


def _overlap(con: duckdb.DuckDBPyConnection, home: Home, new: Submission, old: Submission, day: date) -> float:
    """The share of people that two files of one kind have in common (0 to 1), relative to the smaller file."""
    kind = contracts.load().kinds[new.kind or ""]
    number = kind.person.id_number
    con.execute(
        f"create or replace temp view new_rows as select * from {_parquet(Path(str(new.reading['rows_path'])))}"
    )
    ids = values.parse_ids(con, "new_rows", number, day)
    old_rows = _parquet(accepted_store.rows_path(home, kind.name, old.submission_id))
    found = con.execute(
        f"""with new_people as (select distinct {number} as id_number from {ids} where {number} is not null),
            old_people as (select distinct {number} as id_number from {old_rows})
        select (select count(*) from new_people semi join old_people using (id_number)),
            least((select count(*) from new_people), (select count(*) from old_people))"""
    ).fetchall()
    common, smaller = found[0]
    return common / smaller if smaller else 0.0


def together(
    home: Home,
    ledger: Ledger,
    fresh: list[Submission],
    dataset_group: str,
    day: date,
    *,
    reads_again: Callable[[str, str], bool],
    read_again: ReadAgain,
    dropped: Sequence[Submission] = (),
) -> Together:
    """Gather what is to be judged: the fresh submissions, and every other part in force of their deliveries.

    A delivery is not judged when one of its parts in force cannot be read any more and nothing new replaces this part.

    `reads_again` says of (kind, submission id) in force whether it must be judged again, because the people whose rows may be
    kept have changed. The other parts of its delivery are then judged with it. `dropped`: submissions that were judged and are
    now held; the other parts of their deliveries are judged without them.
    """
    known = contracts.load()
    kinds = known.dataset_groups()[dataset_group]
    settled = [each for kind in kinds for each in ledger.in_force(kind=kind) if each.night <= day]
    touched = {_group(each) for each in [*fresh, *dropped]}
    for pair in ledger.waivers_changed(day):  # waivers change a verdict, so the newest roster is judged again
        mine = [each for each in settled if (each.unit_code, each.kind) == pair]
        newest = max((each.period for each in mine), default="")
        touched |= {_group(each) for each in mine if each.period == newest}
    touched |= {_group(each) for each in settled if reads_again(each.kind or "", each.submission_id)}
    again = [each for each in settled if _group(each) in touched]
    judged = sorted({each.submission_id: each for each in [*again, *fresh]}.values(), key=_order)
    replaced = superseded_by([each.delivery for each in judged], known.kinds[kinds[0]].replace)
    readings = {
        each.submission_id: Reading.from_json(each.reading) if each.outcome == "read" else _again(each, read_again)
        for each in judged
    }
    unread = {
        each.submission_id: reading
        for each in judged
        if isinstance(reading := readings[each.submission_id], str) and each.submission_id not in replaced
    }
    stopped = {_group(each): each.file_name for each in judged if each.submission_id in unread}
    waits_for = {
        each.submission_id: stopped[_group(each)] for each in judged if each not in again and _group(each) in stopped
    }
    lacks = _lacks(home, ledger, day, kinds, settled, judged, replaced)
    parts = []
    for order, submission in enumerate(judged):
        reading = readings[submission.submission_id]
        if isinstance(reading, str) or _group(submission) in stopped:
            continue
        group, before = _group(submission), _before(home, settled, submission)
        if submission.submission_id in replaced:
            # Replaced in the same night: judged alone, so that its rows are counted and are duplicates of no other part.
            group, before = f"{group}|{submission.submission_id}", ()
        parts.append(
            Part(
                submission.submission_id, submission.unit_code, submission.kind or "", group, submission.file_name,
                order, reading, part_name(submission.file_name) if submission.replace == "key" else "",
                before, lacks.get(_group(submission), frozenset()),
            )
        )  # fmt: skip
    return Together(parts, unread, waits_for)


def _lacks(
    home: Home, ledger: Ledger, day: date, kinds: list[str], settled: list[Submission], judged: list[Submission],
    replaced: Collection[str],
) -> dict[str, frozenset[str]]:  # fmt: skip
    """Delivery → kinds with rows that are missing, or may be. Checks across lists then ask no sender why somebody is not on them.

    Rows are missing when something of a list was refused, held, left out or not taken. Rows may be missing when it has fewer
    parts than the list of the month before (or, without one, than another list of the same delivery).
    """
    known = contracts.load().kinds
    if not any(known[kind].checks and any(check.across for check in known[kind].checks) for kind in kinds):
        return {}
    came = ledger.as_of(day)
    here = {each.submission_id for each in judged}
    order = {each.submission_id: each.received_seq for each in came}
    comes_now = {
        (each.unit_code, each.kind, each.period, part_name(each.file_name)): each.received_seq for each in judged
    }
    found_missing = gaps(home, ledger, came, day)
    dataset_groups: dict[str, set[str]] = {}
    for gap in found_missing:
        dataset_groups.setdefault(gap.submission_id, set()).add(known[gap.kind].dataset_group)
    missing = [
        (gap.unit_code, gap.kind, gap.period, gap.latest_period)
        for gap in found_missing
        # Rows that were set aside are here. A file that is judged tonight, or replaced tonight by one of its name, is not missing.
        # A file that may be of several dataset groups, since its name tells nothing, counts for none of them.
        if gap.kind in kinds and gap.sort != "set_aside" and gap.submission_id not in here
        and (gap.sort != "unknown" or len(dataset_groups[gap.submission_id]) == 1)
        and order.get(gap.submission_id, 0)
        >= comes_now.get((gap.unit_code, gap.kind, gap.period, part_name(gap.file_name)), -1)
    ]  # fmt: skip
    missing += [
        (each.unit_code, str(each.kind), each.period, each.period)
        for each in judged
        if each.submission_id not in replaced and each.reading.get("gaps")
    ]
    missing += [
        (each.unit_code, str(each.kind), each.period, each.period)
        for each in came
        if each.kind in kinds and not known[each.kind].has_gaps and each.status in ("refused", "held")
        and each.submission_id not in here and not any(_comes_again(each, later) for later in came)
    ]  # fmt: skip
    found: dict[str, set[str]] = {}
    for part in judged:
        mine = found.setdefault(_group(part), set())
        for unit, kind, first, last in missing:
            if unit == part.unit_code and (first <= part.period <= last or not first):
                mine.add(kind)
    of_month: dict[tuple[str, str], dict[str, int]] = {}
    for part in judged:
        if part.submission_id not in replaced:
            counts = of_month.setdefault((part.unit_code, part.period), {})
            counts[str(part.kind)] = counts.get(str(part.kind), 0) + 1
    for (unit, period), counts in of_month.items():
        for kind in counts:
            older = [
                each.period for each in settled if (each.unit_code, each.kind) == (unit, kind) and each.period < period
            ]
            usual = older.count(max(older)) if older else max(counts.values())
            if counts[kind] < usual:
                found[f"{unit}|{known[kind].dataset_group}|{period}"].add(kind)
    return {group: frozenset(those) for group, those in found.items()}


def _comes_again(refused: Submission, later: Submission) -> bool:
    return (
        later.received_seq > refused.received_seq
        and later.unit_code == refused.unit_code
        and part_name(later.file_name) == part_name(refused.file_name)
    )


def _before(home: Home, in_force: list[Submission], new: Submission) -> tuple[Path, ...]:
    """Files with accepted rows of the newest earlier month, of the same unit and kind."""
    older = [
        each for each in in_force
        if (each.unit_code, each.kind) == (new.unit_code, new.kind) and each.period < new.period and each.rows_accepted
    ]  # fmt: skip
    last = max((each.period for each in older), default="")
    found = {accepted_store.rows_path(home, str(new.kind), each.submission_id) for each in older if each.period == last}
    return tuple(sorted(found))


def _order(submission: Submission) -> tuple[str, str, str]:
    """The order of parts within a night: by unit and name, not by time of receipt."""
    return submission.unit_code, part_name(submission.file_name), submission.submission_id


def _group(submission: Submission) -> str:
    """The key of a submission's delivery: parts with one key are one delivery."""
    kind = contracts.load().kinds[submission.kind or ""]
    if kind.replace == "key":
        return f"{submission.unit_code}|{kind.dataset_group}|{submission.night.isoformat()}"
    return f"{submission.unit_code}|{kind.dataset_group}|{submission.period}"


def _again(submission: Submission, read_again: ReadAgain) -> Reading | str:
    """The reading of a part that was judged before, or the reason why today's rules cannot read its file."""
    readings = read_again(submission)
    for reading in readings:
        if reading.kind == submission.kind and reading.refusal is None:
            return reading
    refusals = [reading.refusal.reason for reading in readings if reading.refusal]
    return refusals[0] if refusals else "里面认不出这种名单了"


def _parquet(path: Path) -> str:
    return f"read_parquet('{str(path).replace(chr(39), chr(39) * 2)}')"
