"""Before a night: whether it may begin, and what an earlier one that was cut off left to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from pipeline.night import work_folder
from pipeline.records import accepted_store, access, agreement, archive, journal, published, seal
from pipeline.records.ledger import Ledger
from pipeline.settings import contracts
from pipeline.settings.home import BLANKS, PART, Home, verify_modes


def begin(home: Home, ledger: Ledger) -> Sequence[journal.Entry]:
    """Refuse what must not begin, before anything is done; the lines of the journal as they stood.

    A home that others may read, a release that could not be closed, journal, ledger and keys that do not belong together.
    A night that holds the home from its first step to its last is asked once.
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
    from pipeline import warehouse  # noqa: PLC0415 - brings duckdb

    warehouse.verify_encryption()


def lay_blanks(home: Home, day: date, entries: Sequence[journal.Entry]) -> None:
    """Blank workbooks of what each unit may send lie in its returns/; they are written where the last line about them is not so.

    `entries`: the journal as it stood.
    """
    from pipeline.returns import templates  # noqa: PLC0415 - brings openpyxl

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
            folder.mkdir(exist_ok=True, mode=0o700)  # `parents=True` would leave those above open to all
        part = target.with_name(f"{PART}{target.name}")  # half of one is noticed by its digest, and written anew
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
    """Files that a night which died, or failed, read but did not give back are read again; the units that wait for a copy.

    Its work is thrown away but for the marks of what was given back. What was judged is judged again as well: between
    the ledger's word and the copy stand the error lines, the journal and the rows that the copy shows.
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
    """Bytes that a night which was cut off archived and told nobody of: whose they were nobody knows any more.

    What still lay in the inbox was archived once more and recorded, so what is left was replaced or taken back by its sender.
    """
    told = {each.sha256 for each in ledger.files()} | {each.sha256 for each in ledger.decisions.files()}
    if not set(archive.kept(home)) - told:
        return
    told |= {each.about["sha256"] for each in journal.read(home) if each.what in journal.ARRIVALS}
    if nobodys := sorted(set(archive.kept(home)) - told):
        journal.write(home, "swept", {"archive": nobodys}, who=journal.NIGHT, at=now)
        for sha256 in nobodys:
            archive.drop(home, sha256)
