"""Before a night: checks whether it may begin, and takes up what an earlier night that was cut off left to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from low_income.night import work_folder
from low_income.records import accepted_store, access, agreement, archive, journal, published, seal
from low_income.records.ledger import Ledger
from low_income.settings import contracts
from low_income.settings.home import BLANKS, PART, Home, verify_modes


def begin(home: Home, ledger: Ledger) -> Sequence[journal.Entry]:
    """Refuse a night that must not begin, before anything is done; returns the lines of the journal as they stood.

    It is refused when others may read the home, when a release could not be encrypted, or when journal, ledger and keys do
    not belong together. A night that holds the home from its first step to its last is checked only once.
    """
    if (begun := access.begun.get(home.root)) is not None:
        return begun
    verify_modes(home)
    if seal.closing_key(home):
        _verify_encryption()
    entries = agreement.verify_agreement(home, ledger)
    agreement.verify_archive_key(home)
    agreement.leave_check_value(home, entries, who=journal.NIGHT, at=datetime.now(UTC))
    if home.root in access.begun:
        access.begun[home.root] = entries
    return entries


def _verify_encryption() -> None:
    from low_income import warehouse  # noqa: PLC0415 - brings duckdb

    warehouse.verify_encryption()


def lay_blanks(home: Home, day: date, entries: Sequence[journal.Entry]) -> None:
    """Write blank workbooks of the lists that each unit may send into its returns/, when they changed or differ from the journal.

    `entries`: the journal as it stood. Its last line about blank workbooks gives their version and digests.
    """
    from low_income.returns import templates  # noqa: PLC0415 - brings openpyxl

    known = contracts.load()
    wanted = {
        f"returns/{unit.code}/{BLANKS}/{templates.file_name(kind)}": known.for_unit(kind.name, unit.code)
        for unit in home.units.values()
        for kind in known.kinds.values()
        if {unit.kind, unit.code} & set(kind.senders)
    }
    version = templates.version(wanted)
    nothing: dict[str, Any] = {"outputs": {}}
    told = next((entry.about for entry in reversed(entries) if "blanks" in entry.about), nothing)
    there = published.digests(home, [home.root / name for name in wanted])
    if told.get("blanks") == version and there == {name: told["outputs"].get(name) for name in wanted}:
        return
    for name, kind in wanted.items():
        target = home.root / name
        for folder in (target.parent.parent, target.parent):
            folder.mkdir(exist_ok=True, mode=0o700)  # `parents=True` would leave the folders above readable by all
        part = target.with_name(f"{PART}{target.name}")  # a half-written one has another digest, and is written anew
        part.write_bytes(templates.content(kind))
        part.chmod(0o600)
        part.replace(target)
    gone = [home.root / name for name in told["outputs"] if name not in wanted]
    for path in gone:
        path.unlink(missing_ok=True)
    outputs = published.digests(home, [*(home.root / name for name in wanted), *gone])
    about = {"run_date": day.isoformat(), "outputs": outputs, "blanks": version}
    journal.write(home, "returned", about, who=journal.NIGHT, at=datetime.now(UTC))


def take_up_unfinished(home: Home, ledger: Ledger, day: date, entries: Sequence[journal.Entry]) -> set[str]:
    """Let files be read again that a night read but did not give back, because it died or failed.

    Returns the units that wait for a copy. The work of that night is removed, except the marks of files given back. What was
    judged is judged again too: the copy shows error lines and rows, and these may be missing though the ledger has a result.
    """
    unfinished = work_folder.unfinished_nights(ledger, day)
    given_back = {path.stem for path in home.work.glob(f"*{work_folder.GIVEN_BACK}")}
    units = set()
    again = {
        submission.file_id
        for submission in [*ledger.submissions(outcome="read"), *accepted_store.half_judged(home, ledger, entries)]
    }
    for submission in ledger.submissions():
        is_judged = work_folder.issues_path(home, submission).exists()
        if (submission.night in unfinished or is_judged) and submission.file_id not in given_back:
            units.add(submission.unit_code)
            if submission.kind and submission.outcome != "repeated":
                again.add(submission.file_id)
    for file_id in sorted(again):
        ledger.read_again(file_id)
    work_folder.clear_work(home)
    return units


def sweep_archive(home: Home, ledger: Ledger, now: datetime) -> None:
    """Remove archived files that neither ledger nor journal knows: a night was cut off before it recorded them.

    Nobody knows any more whose they were. A file that still lay in the inbox was archived again and recorded. So what is
    left was replaced or taken back by its sender.
    """
    told = {each.sha256 for each in ledger.files()} | {each.sha256 for each in ledger.decisions.files()}
    if not set(archive.kept(home)) - told:
        return
    told |= {each.about["sha256"] for each in journal.read(home) if each.what in journal.ARRIVALS}
    if nobodys := sorted(set(archive.kept(home)) - told):
        journal.write(home, "swept", {"archive": nobodys}, who=journal.NIGHT, at=now)
        for sha256 in nobodys:
            archive.drop(home, sha256)
