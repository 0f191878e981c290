"""The step `check`: judges a dataset group over all units, wave by wave."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from low_income import advice
from low_income.model import Refusal
from low_income.night import work_folder
from low_income.night.read import read_file
from low_income.records import accepted_store, access, journal
from low_income.records.ledger import Ledger, Submission
from low_income.settings import contracts
from low_income.settings.home import Home

if TYPE_CHECKING:
    from low_income.checks import Verdict
    from low_income.night import isolation


WAVES = 3
"""Dataset groups are checked in three waves: our own lists; partners' lists; lists whose door depends on people that others let in."""


def dataset_groups(home_dir: Path, day: date, wave: int) -> list[str]:
    """Dataset groups that have something to check in a wave, sorted.

    Partners' dataset groups are checked again in two more cases (docs/boundaries.md, 3). When somebody entered the scope
    since their files were last read, rows dropped at the door are wanted now; so the order of arrival never matters. When
    an authorisation ended, rows that were kept must go.
    """
    from low_income.night import build_inputs, scope  # noqa: PLC0415 - brings duckdb

    home, ledger = access.open_home(home_dir)
    waiting = {submission.kind for submission in [*ledger.submissions(outcome="read"), *ledger.let_go_on(day)]}
    waiting |= {kind for _, kind in ledger.waivers_changed(day)}
    touched = []
    if wave:
        _ask_scope(home_dir, day)
    with access.shared(home_dir):
        for dataset_group, kinds in contracts.load().dataset_groups().items():
            if wave_of(dataset_group) != wave:
                continue
            if waiting & set(kinds) or (
                wave and scope.has_changed(home, dataset_group, lambda: build_inputs.of_lists(home, ledger, day))
            ):
                touched.append(dataset_group)
    return touched


def _ask_scope(home_dir: Path, day: date) -> None:
    """Ask our own lists who is in scope, before partners' lists are judged. Submissions that our program cannot get over are held first."""
    from low_income import warehouse  # noqa: PLC0415 - brings duckdb
    from low_income.night import build_inputs, isolation, scope  # noqa: PLC0415 - brings duckdb
    from low_income.warehouse import models  # noqa: PLC0415 - brings duckdb

    home, ledger = access.open_home(home_dir)
    broken: dict[str, isolation.Broken] = {}
    with access.shared(home_dir):
        while True:
            try:
                scope.ask(home, lambda: build_inputs.of_lists(home, ledger, day))
            except warehouse.OF_THE_MACHINE:
                raise
            except Exception:
                found = isolation.of_build(
                    home, models.read_sound_models(contracts.load().kinds), sent_tonight(home, ledger, day),
                    lambda without: build_inputs.of_lists(home, ledger, day, without), [scope.PEOPLE],
                )  # fmt: skip
                if not found:
                    raise
                broken |= found
                judge_without(home_dir, day, broken, found, waves=1)
            else:
                return


def wave_of(dataset_group: str) -> int:
    """The wave in which a dataset group is judged, from 0 (see `WAVES`)."""
    known = contracts.load()
    doors = [known.kinds[kind].door for kind in known.dataset_groups()[dataset_group]]
    if not any(doors):
        return 0
    return 2 if any(door and door.or_let_in for door in doors) else 1


def check(
    home_dir: Path, day: date, dataset_group: str, *, left: Sequence[str] = (), broken: Mapping[str, str] | None = None
) -> dict[str, int]:
    """Judge all waiting submissions of one dataset group, over all units; write accepted rows and issues.

    Returns counts of submissions and rows. When a part of a delivery arrives or is corrected, all its parts in force are
    read again from the archive and judged together (decision 0005). `left`: person_ids whose rows must go when they are no
    longer in scope. `broken`: submission_id → why it is held, for submissions that our program cannot get over. The
    others are judged without them, and without those on which judging itself fails.
    """
    from low_income import checks, warehouse  # noqa: PLC0415 - brings pandas
    from low_income.night import build_inputs, deliveries, isolation, issues, scope  # noqa: PLC0415 - brings pandas

    home, ledger = access.open_home(home_dir)
    faults: dict[str, str] = {}

    def isolate(parts: Sequence[checks.Part]) -> dict[str, str]:
        found = isolation.of_check(
            parts, lambda some, out: checks.judge_parts(con, contracts.load(), some, context, out), home.work
        )
        faults.update({of_submission: each.fault for of_submission, each in found.items()})
        return {of_submission: each.reason for of_submission, each in found.items()}

    with access.shared(home_dir), warehouse.in_memory(home.work) as con:
        kinds = contracts.load().dataset_groups()[dataset_group]
        waiting = [each for each in ledger.submissions(outcome="read") if each.kind in kinds]
        fresh = deliveries.arrange(con, home, ledger, day, kinds)
        known = scope.tonight(con, home, day, dataset_group, lambda: build_inputs.of_lists(home, ledger, day), left)
        context = checks.CheckContext(day, home.identity_key(), home.places, known.door, frozenset(ledger.waivers(day)))
        outcome = deliveries.judge(
            home, ledger, day, fresh, kinds,
            lambda judged, dropped: deliveries.together(
                home, ledger, judged, dataset_group, day, dropped=dropped,
                reads_again=known.reads_again, read_again=lambda old: read_file(home, old),
            ),
            lambda parts: checks.judge_parts(con, contracts.load(), parts, context, home.accepted) if parts else [],
            isolate, broken or {},
        )  # fmt: skip
        parts, verdicts = outcome.parts, outcome.verdicts
        _tell(home, ledger, [*verdicts, *outcome.faults_of_held])
        _settle(ledger, verdicts)
        written: dict[str, str | None] = {}
        settled = [(part.kind, part.submission_id) for part in parts]
        for kind, of_submission in settled + [(str(held.kind), held.submission_id) for held in outcome.broken]:
            written |= accepted_store.digests_of_parts(home, kind, of_submission)
        if written:
            about = {"run_date": day.isoformat(), "family": dataset_group, "parts": written}
            journal.write(home, "judged", about, who=journal.NIGHT, at=datetime.now(UTC))
        for held in outcome.broken:
            if held.submission_id in faults:
                _tell_broken(home, day, held, faults[held.submission_id])
        if broken:  # copies were given back before, or are being written now: `notify` writes them again at the end
            for unit in {each.unit_code for each in parts} | {each.unit_code for each in outcome.broken}:
                (home.work / f"{unit}{work_folder.GIVE_BACK_AGAIN}").touch(0o600)
        judged: list[Submission | checks.Part] = [*waiting, *parts, *outcome.broken]
        whose = {part.submission_id: (part.unit_code, part.kind) for part in parts}
        unasked = {(*whose[each.submission_id], rule) for each in verdicts for rule in each.unasked}
        issues.remember(home, ledger, day, [(each.unit_code, each.kind) for each in judged], unasked)
        if outcome.is_whole:  # else people who entered the scope are looked for again tomorrow
            known.remember()
    return {
        "submissions": len(verdicts),
        "read": sum(verdict.rows_read for verdict in verdicts),
        "accepted": sum(verdict.rows_accepted for verdict in verdicts),
        "set_aside": sum(verdict.rows_set_aside for verdict in verdicts),
        "out_of_scope": sum(verdict.rows_out_of_scope for verdict in verdicts),
    }


def _tell_broken(home: Home, day: date, each: Submission, fault: str) -> None:
    """Write into the journal that a submission is held because of a fault of our program."""
    about = {
        "run_date": day.isoformat(), "submission_id": each.submission_id, "unit_code": each.unit_code,
        "file_name": each.file_name, "reason": each.reason, "fault": fault,
    }  # fmt: skip
    journal.write(home, "broken", about, who=journal.NIGHT, at=datetime.now(UTC))


def _settle(ledger: Ledger, verdicts: list[Verdict]) -> None:
    """Write all verdicts with their counts into the ledger at once. Their issues must be written before (`_tell`)."""
    from low_income import returns  # noqa: PLC0415 - brings pandas

    with ledger.at_once():
        for verdict in verdicts:
            outcome: Any = "accepted" if not verdict.rows_set_aside else "partly_accepted"
            alike = returns.counted_once(verdict.issues)
            aside = verdict.rows_set_aside - alike
            said = [f"{aside} 行退回" if aside else "", f"{alike} 行与别的行完全相同，只计一次" if alike else ""]
            reason = "；".join(filter(None, said))
            if aside and not alike and not verdict.rows_accepted and not verdict.rows_out_of_scope:
                outcome, reason = "refused", returns.NO_ROW
            ledger.settle(
                verdict.submission_id, outcome, accepted=verdict.rows_accepted, set_aside=verdict.rows_set_aside,
                out_of_scope=verdict.rows_out_of_scope, reason=reason,
            )  # fmt: skip


def _tell(home: Home, ledger: Ledger, verdicts: list[Verdict]) -> None:
    """Write issues down: in work/ for the sender, masked ones for the warehouse."""
    from low_income.night import issues  # noqa: PLC0415 - brings pandas

    known = {each.submission_id: each for each in ledger.submissions()}
    for verdict in verdicts:
        verdict.issues.to_parquet(work_folder.issues_path(home, known[verdict.submission_id]))
        issues.keep(home, known[verdict.submission_id], verdict.issues)


def sent_tonight(home: Home, ledger: Ledger, day: date) -> list[isolation.Sent]:
    """Submissions in force that came or were judged tonight, then filled-in lists that came; each in order of receipt."""
    from low_income.night import isolation  # noqa: PLC0415 - brings duckdb

    nights = {day, *work_folder.unfinished_nights(ledger, day)}
    sent = [
        isolation.Sent(each.submission_id, each.unit_code, each)
        for each in ledger.in_force()
        if each.night in nights or (each.night <= day and work_folder.issues_path(home, each).exists())
    ]
    lines: dict[str, dict[str, isolation.Row]] = {}
    for file, decision_id, line in ledger.decisions.lines(day):
        lines.setdefault(file.file_id, {})[decision_id] = isolation.Row(line.sheet, line.row_number)
    return sent + [
        isolation.Sent(file.file_id, file.unit_code, lines=lines[file.file_id])
        for file in ledger.decisions.files()
        if file.night in nights and file.file_id in lines
    ]


def judge_without(
    home_dir: Path, day: date, broken: Mapping[str, isolation.Broken], found: Collection[str], *, waves: int
) -> None:
    """Hold submissions that a build cannot get over. Judge again what was judged with them or let in by them.

    A filled-in list is answered like one that could not be read: its lines are removed, and its unit may send it again.

    `broken`: all that were found tonight. `found`: those that are not held yet. `waves`: how many waves were judged when the
    build failed.
    """
    from low_income.night import scope  # noqa: PLC0415 - brings duckdb

    home, ledger = access.open_home(home_dir)
    known = contracts.load()
    reasons = {of_submission: each.reason for of_submission, each in broken.items()}
    new = [each for each in ledger.in_force() if each.submission_id in found]
    touched = {known.kinds[str(each.kind)].dataset_group for each in new}
    people = accepted_store.people_of(home, new)
    for list_ in (file for file in ledger.decisions.files() if file.file_id in found):
        refusal = Refusal("unreadable", reasons[list_.file_id], advice.SEND_AGAIN_WHEN_MENDED)
        ledger.decisions.record_lines(list_.file_id, [], [], refusal)
        about = {
            "run_date": day.isoformat(), "file_id": list_.file_id, "unit_code": list_.unit_code,
            "file_name": list_.file_name, "reason": refusal.reason, "fault": broken[list_.file_id].fault,
        }  # fmt: skip
        journal.write(home, "broken", about, who=journal.NIGHT, at=datetime.now(UTC))
    scope.forget(home)
    for wave in range(waves):
        mine = [dataset_group for dataset_group in known.dataset_groups() if wave_of(dataset_group) == wave]
        for dataset_group in sorted(
            {*dataset_groups(home_dir, day, wave), *(each for each in mine if wave or each in touched)}
        ):
            check(home_dir, day, dataset_group, left=people, broken=reasons)
    for each in new:
        [now] = [one for one in ledger.submissions(file_id=each.file_id) if one.submission_id == each.submission_id]
        _tell_broken(home, day, now, broken[each.submission_id].fault)
