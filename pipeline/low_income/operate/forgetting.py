"""Removes data that nothing justifies any more from every part of a home: old data (`purge`), and data of one person (`forget`).

See docs/boundaries.md (6). Retention values are policy (`retention_facts`, `retention_archive`, months) and monitor.yml
(`retention.workbook_days`). Each removal is written into the journal before it is done, with the person_id only. So the next
`forget`, `purge` or night (`finish`) can finish a forgetting that was cut off. What stays is reported, with reason and end.
"""

from __future__ import annotations

import codecs
import html
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from low_income.ask.person import read_number
from low_income.folding import fold_word
from low_income.model import Reading, mask
from low_income.night import run, work_folder
from low_income.night.publish import current_night
from low_income.night.read import read_file
from low_income.operate import rights
from low_income.records import (
    accepted_store,
    access,
    agreement,
    archive,
    bookkeeping,
    journal,
    keyed_ids,
    published,
    seal,
)
from low_income.records.ledger import Ledger, Submission
from low_income.records.ledger.decisions import DecisionFile, DecisionLine
from low_income.settings import contracts
from low_income.settings.contracts import Kind
from low_income.settings.home import PART, Home, atomically, digest_of, sweep

if TYPE_CHECKING:
    from low_income.warehouse import LeftOut

# purge ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Limits:
    facts: date
    archive: date
    workbooks: date

    @staticmethod
    def on(home: Home, day: date) -> _Limits:
        months = _months(home, day)
        days = timedelta(days=home.settings.retention.workbook_days)
        return _Limits(
            months_before(day, months["retention_facts"]), months_before(day, months["retention_archive"]), day - days
        )


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier. If that month has no such day: its last day."""
    first = day.year * 12 + day.month - 1 - months
    year, month = divmod(first, 12)
    for last in (day.day, 30, 29, 28):
        with suppress(ValueError):
            return date(year, month + 1, last)
    raise AssertionError


def purge(home_dir: Path, day: date, *, who: str) -> dict[str, int]:
    """Remove what the retention rules no longer justify; returns counts by sort.

    Received files and their rows are removed when they are older than their retention, and not the latest month in use of
    their unit and kind. Files with columns that are never stored are removed as soon as they are not in use. Filled-in lists
    are removed when they are as old and nothing that they decide on is published any more. Returned copies, lists and
    messages are removed after `workbook_days`. So is what was laid aside: at once when it may hold rows that are removed
    now. The journal keeps names and hashes of what was removed. A forgetting that was cut off is finished first.
    """
    with access.alone(home_dir):
        home, ledger = access.open_whole(home_dir)
        _finish(home, ledger, day, who=who)
        return _purge(home, ledger, day, who=who)


def _purge(home: Home, ledger: Ledger, day: date, *, who: str) -> dict[str, int]:
    limits = _Limits.on(home, day)
    expired = _expired(ledger.submissions(), limits)
    by_file: dict[str, list[Submission]] = {}
    for submission in ledger.submissions():
        by_file.setdefault(submission.file_id, []).append(submission)
    files = {file.file_id: file for file in ledger.files()}
    gone = [file for file in files.values() if by_file.get(file.file_id) and {
        each.submission_id for each in by_file[file.file_id]} <= expired]  # fmt: skip
    lists = _old_lists(home, ledger, limits)
    kept_hashes = {file.sha256 for file in files.values() if file not in gone}
    kept_hashes |= {file.sha256 for file in ledger.decisions.files() if file not in lists}
    ids = {each.submission_id for file in gone for each in by_file[file.file_id]}
    parts = [
        str(path.relative_to(home.root)) for each in sorted(ids) for path in sorted(home.accepted.glob(f"*/{each}.parquet"))
    ]  # fmt: skip
    archived = sorted(
        ({file.sha256 for file in gone if file.archived} | {file.sha256 for file in lists if file.archived})
        - kept_hashes
    )
    aside = [path for path in _laid_aside(home) if gone or lists or _day_of(home, path) < limits.workbooks]
    outputs = [*_old_outputs(home, limits.workbooks), *aside]
    if gone or lists or outputs:
        about = {
            "run_date": day.isoformat(), "archive": archived, "parts": parts,
            "outputs": [str(path.relative_to(home.root)) for path in outputs],
            "files": [[file.unit_code, file.file_name, file.sha256] for file in gone],
            "lists": [[file.unit_code, file.file_name, file.sha256] for file in lists],
        }  # fmt: skip
        bookkeeping.audit(home, ledger, "purged", about, who=who)
    for sha256 in archived:
        archive.drop(home, sha256)
    for name in parts:
        (home.root / name).unlink(missing_ok=True)
    _remove(outputs)
    _forget_lines(home, (), ids)
    ledger.forget([file.file_id for file in gone])
    ledger.decisions.forget([file.file_id for file in lists])
    _leave_no_trace(home, ledger)
    if gone or lists or outputs:
        bookkeeping.audit(home, ledger, "counted", {"kept": accepted_store.side_store_digests(home, ledger)}, who=who)
    return {
        "files": len(gone),
        "lists": len(lists),
        "archive": len(archived),
        "parts": len(parts),
        "outputs": len(outputs),
    }


def _laid_aside(home: Home) -> list[Path]:
    """What `recover` and `rollback` laid aside: whole copies of rows, ledger and releases."""
    return sorted([*home.root.glob("before-recovery-*"), *home.releases.glob("*.laid_aside")])


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        shutil.rmtree(path, ignore_errors=not path.exists()) if path.is_dir() else path.unlink(missing_ok=True)


def _forget_lines(home: Home, rows: Collection[tuple[str, str, int]], submissions: Collection[str] = ()) -> None:
    from low_income.night import issues  # noqa: PLC0415 - brings pandas

    if rows or submissions:
        issues.forget(home, rows, submissions)


def _leave_no_trace(home: Home, ledger: Ledger) -> None:
    """Remove plain copies in work/, half-made files, and free pages in the ledger's files."""
    work_folder.clear_work(home)
    sweep(home)
    ledger.write_anew()


def _expired(submissions: list[Submission], limits: _Limits) -> set[str]:
    known = contracts.load().kinds
    latest: dict[tuple[str, str], str] = {}
    in_use = [each for each in submissions if each.status in ("accepted", "partly_accepted")]
    for each in in_use:
        key = (each.unit_code, each.kind or "")
        latest[key] = max(latest.get(key, ""), each.period)
    expired = set()
    for each in submissions:
        is_waiting = each.status in ("read", "held")
        is_used = each in in_use
        is_latest = (
            is_used
            and known[each.kind or ""].period == "month"
            and latest[(each.unit_code, each.kind or "")] == each.period
        )
        carries_refused = any(sheet.refused_columns for sheet in _sheets(each))
        if is_waiting or is_latest:
            continue
        since = date.fromisoformat(f"{each.period}-01") if is_used and each.period else each.night
        if since <= (limits.facts if is_used else limits.archive) or (carries_refused and not is_used):
            expired.add(each.submission_id)
    return expired


def _old_lists(home: Home, ledger: Ledger, limits: _Limits) -> list[DecisionFile]:
    """Filled-in lists past their retention, when the current release has none of the warnings, samples and questions in them."""
    from low_income import warehouse  # noqa: PLC0415 - brings duckdb

    old = [
        file
        for file in ledger.decisions.files(state="answered")
        if file.night <= (limits.archive if file.refusal else limits.facts)
    ]
    if not old or not home.warehouse.exists():
        return []
    with closing(warehouse.read(home.warehouse, seal.release_keys(home))) as con:
        found = con.execute(
            "select warning_id from warning union select warning_id from warning_withdrawn"
            " union select question_id from identity_question union select sample_id from sample_check"
        ).fetchall()
    in_use = {subject for (subject,) in found}
    used = {file.file_id for file, _, line in ledger.decisions.lines(limits.facts) if line.subject in in_use}
    return [file for file in old if file.file_id not in used]


def _sheets(submission: Submission) -> list[Any]:
    return Reading.from_json(submission.reading).sheets if submission.reading else []


def _old_outputs(home: Home, before: date) -> Iterator[Path]:
    for path in sorted(home.returns.rglob("*")):
        if path.is_file() and _day_of(home, path) < before:
            yield path
    for path in [*sorted(home.lists.iterdir()), *sorted(home.outbox.iterdir())]:
        with suppress(ValueError):
            if date.fromisoformat(path.name[:10]) < before:
                yield path


def _day_of(home: Home, path: Path) -> date:
    """The day on which a file was written, in the bureau's time zone."""
    return datetime.fromtimestamp(path.stat().st_mtime, home.time_zone).date()


# forget -----------------------------------------------------------------------------------------------------------

Row = tuple[str, str, int]
"""(submission_id, sheet, row)."""


def forget(home_dir: Path, id_number: str, day: date, *, who: str, because: str) -> dict[str, Any]:
    """Remove what nothing justifies any more about one person; returns what stays, why, and until when.

    Partners' rows of a person who is no longer in scope are removed now. Rows of our own lists stay for their retention. When
    rows are removed, or the person has none left, the rest is removed too: error lines, returned copies, lists, letters, what
    was laid aside, kept releases, free pages. The current release is built again for its night; the one before it is copied
    without the person. Raises MonitorError for an unusable number.
    """
    home = Home.open(home_dir)
    number = read_number(id_number, day)
    person_id = keyed_ids.person_id(home.identity_key(), number)
    with access.alone(home_dir):
        home, ledger = access.open_whole(home_dir)
        _finish(home, ledger, day, who=who)
        # This comes before the purge, which may remove the rows that hold telephone and address.
        begun = _begin(home, ledger, person_id, because, day, who=who, number=number)
        purged = _purge(home, ledger, day, who=who)
        told = _forget(home, ledger, begun, day, who=who)
    return told | {"purged": purged}


def finish(home_dir: Path, day: date, *, who: str) -> int:
    """Finish each forgetting that was cut off; returns how many there were."""
    home = Home.open(home_dir)
    if not agreement.open_forgettings(journal.read(home)):
        return 0
    with access.alone(home_dir):
        home, ledger = access.open_whole(home_dir)
        return _finish(home, ledger, day, who=who)


def again(
    home: Home, ledger: Ledger, person_id: str, day: date, *, who: str, because: str, lines: Sequence[dict[str, Any]]
) -> None:
    """Repeat a forgetting while a home is rebuilt from its journal (`recover`). The caller holds the home.

    `lines`: what the journal tells about that forgetting, since the rows with the person's telephone may not be here again.
    """
    found = [{name: told for name, told in each.items() if name in ("said", "decisions", "cases")} for each in lines]
    begun = _begin(home, ledger, person_id, because, day, who=who, lines=found)
    _forget(home, ledger, begun, day, who=who)


def _finish(home: Home, ledger: Ledger, day: date, *, who: str) -> int:
    entries = list(journal.read(home))
    cut_off = agreement.open_forgettings(entries)
    for person_id, lines in sorted(cut_off.items()):
        about = [each.about for each in lines]
        _forget(
            home,
            ledger,
            _begin(home, ledger, person_id, about[0]["because"], day, who=who, lines=about, is_cut_off=True),
            day,
            who=who,
        )
    return len(cut_off)


@dataclass(frozen=True)
class _Begun:
    """A forgetting, with all that was found when it began. It is new, or was cut off and is finished now."""

    person_id: str
    because: str
    words: _Words
    outputs: frozenset[str]
    """Paths below the home of returned copies, lists and letters in which the person is named."""
    said: frozenset[Row]
    """Places of error lines about the person."""
    decisions: frozenset[str]
    """decision_ids of filled-in lines in which people wrote about the person."""
    cases: frozenset[str]
    rows: frozenset[Row]
    """Rows of the person, from the journal lines of a forgetting that was cut off."""
    is_cut_off: bool


def _begin(
    home: Home, ledger: Ledger, person_id: str, because: str, day: date, *, who: str, number: str = "",
    lines: Sequence[dict[str, Any]] = (), is_cut_off: bool = False,
) -> _Begun:  # fmt: skip
    """Find all that is about the person and write it into the journal, while the rows with the person's words still exist.

    `number`: the typed ID number, or ''. `lines`: what the journal tells about this forgetting when it was cut off or is repeated.
    """
    words = _Words.of(home, ledger, person_id, number)
    said = _said_of(home, ledger, person_id, words) | _held_rows(home, ledger, words) | _rows_told(lines, "said")
    outputs = {str(path.relative_to(home.root)) for path in _outputs_about(home, words)}
    written = {each for each, line in _lines(ledger) if words.stand_in(_wrote(line))}
    of_cases = {each for each, line in _lines(ledger) if line.subject in words.cases}
    begun = _Begun(
        person_id, because, words,
        frozenset(outputs.union(*(each.get("named", []) for each in lines))), frozenset(said),
        frozenset(written.union(*(each.get("decisions", []) for each in lines))),
        frozenset(of_cases.union(*(each.get("cases", []) for each in lines))),
        _rows_told(lines, "rows"), is_cut_off,
    )  # fmt: skip
    about = {
        "person_id": person_id, "because": because, "run_date": day.isoformat(), "said": sorted(begun.said),
        "named": sorted(begun.outputs), "decisions": sorted(begun.decisions), "cases": sorted(begun.cases),
    }  # fmt: skip
    bookkeeping.audit(home, ledger, "forgetting", about, who=who)
    return begun


def _rows_told(lines: Iterable[dict[str, Any]], key: str) -> frozenset[Row]:
    return frozenset((str(of), str(sheet), int(row)) for each in lines for of, sheet, row in each.get(key, []))


def _lines(ledger: Ledger) -> Iterator[tuple[str, DecisionLine]]:
    return ((decision_id, line) for _, decision_id, line in ledger.decisions.lines(date.max))


def _forget(home: Home, ledger: Ledger, begun: _Begun, day: date, *, who: str) -> dict[str, Any]:
    known, person_id = contracts.load(), begun.person_id
    about: dict[str, Any] = {"person_id": person_id, "because": begun.because, "run_date": day.isoformat()}
    before = _held(home, ledger, person_id)
    rows = {_place_of(row) for row in before} | begun.rows
    originals = {row["submission_id"] for row in before} | {of for of, _, _ in rows}
    # Before anything changes: after a crash this line says that the last digests are out of date, and which rows there were.
    bookkeeping.audit(home, ledger, "forgetting", about | {"rows": sorted(rows)}, who=who)
    dataset_groups = {known.kinds[row["kind"]].dataset_group for row in before if known.kinds[row["kind"]].door}
    dataset_groups |= _read_half_judged(home, ledger, day)
    for dataset_group in sorted(dataset_groups):
        run.check(home.root, day, dataset_group, left=(person_id,))
    for dataset_group in sorted(dataset_groups):
        _leave_replaced(home, ledger, dataset_group, person_id, day, who=who)
    after = _held(home, ledger, person_id)
    gone = rows - {_place_of(row) for row in after}
    outputs: list[str] = []
    releases: list[str] = []
    if is_whole := bool(gone or not after or begun.is_cut_off):
        outputs = [*sorted(begun.outputs), *(path.name for path in home.root.glob("before-recovery-*"))]
        bookkeeping.audit(home, ledger, "forgetting", about | {"outputs": outputs}, who=who)
        _remove(home.root / name for name in outputs)
        told_of = gone | (begun.said - {_place_of(row) for row in after})
        _forget_lines(home, told_of)
        decisions = begun.decisions | (begun.cases if not after else frozenset())
        ledger.decisions.take_out_words(sorted(decisions))
        left_out = partial(_of_him, home, ledger, begun, told_of, decisions, is_known=bool(after))
        releases = _leave_out(home, ledger, left_out, who=who)
    decided = rights.decided_about(home, person_id, _names(home))
    _leave_no_trace(home, ledger)
    about |= {
        "command": "forget", "rows": len(gone), "kept": accepted_store.side_store_digests(home, ledger),
    }  # fmt: skip
    bookkeeping.audit(home, ledger, "forgot", about, who=who)
    months = _months(home, day)["retention_facts"]
    return {
        "removed": len(gone),
        "outputs": outputs,
        "releases": releases,
        "kept": [
            *(row | {"因为": _why(known.kinds[row["kind"]], months)} for row in after),
            *(
                row | {"因为": f"谁判断、何时、为什么，要能查考；保存 {months} 个月，两方还有数据时不清除"}
                for row in decided
            ),
        ],
        "remains": [*_remains(home, ledger, originals, day, is_whole=is_whole)],
    }


def _names(home: Home) -> dict[str, str]:
    return {unit.code: unit.name for unit in home.units.values()}


def _held(home: Home, ledger: Ledger, person_id: str) -> list[dict[str, Any]]:
    joined, names = rights.joined_rows(home, person_id), _names(home)
    return [row for each in ledger.submissions() for row in rights.rows_of(home, each, person_id, names, joined)]


def _place_of(row: dict[str, Any]) -> Row:
    return row["submission_id"], row["工作表"], int(row["行"])


def _why(kind: Kind, months: int) -> str:
    if kind.door:
        return "本人在救助、核对或监测范围内，数据仍在使用"
    return f"本级和各区的名单，保存 {months} 个月；依据：{kind.legal_basis}"


# rows


def _read_half_judged(home: Home, ledger: Ledger, day: date) -> set[str]:
    """Read again what a forgetting that was cut off had half judged; returns the dataset groups to be checked."""
    half = accepted_store.half_judged(home, ledger, list(journal.read(home)))
    for file_id in sorted({each.file_id for each in half}):
        ledger.read_again(file_id)
    for unit in sorted({each.unit_code for each in half}):
        run.read(home.root, day, unit)
    kinds = contracts.load().kinds
    return {kinds[str(each.kind)].dataset_group for each in half}


def _leave_replaced(home: Home, ledger: Ledger, dataset_group: str, person_id: str, day: date, *, who: str) -> None:
    """Remove the person's rows, when out of scope, from superseded files of partners, since such files are not judged again."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    from low_income import warehouse  # noqa: PLC0415 - brings duckdb
    from low_income.night import build_inputs, scope  # noqa: PLC0415 - brings duckdb

    kinds = contracts.load().dataset_groups()[dataset_group]
    replaced = [
        (each, path)
        for kind in kinds
        for each in ledger.submissions(kind=kind)
        if each.status == "superseded" and (path := accepted_store.rows_path(home, kind, each.submission_id)).exists()
    ]
    if not replaced:
        return
    with warehouse.in_memory() as con:
        if scope.tonight(con, home, day, dataset_group, lambda: build_inputs.of_lists(home, ledger, day)).holds(
            person_id
        ):
            return
    written: dict[str, str | None] = {}
    for each, path in replaced:
        table = pq.read_table(path)
        stays = table.filter(pc.invert(pc.is_in(table["person_id"], value_set=pa.array([person_id], pa.string()))))
        if stays.num_rows < table.num_rows:
            if stays.num_rows:
                with atomically(path) as part:
                    pq.write_table(stays, part, compression="zstd")
            else:
                path.unlink()
        if stays.num_rows != each.rows_accepted:  # also when a forgetting was cut off at this point
            gone = each.rows_accepted - stays.num_rows
            ledger.settle(
                each.submission_id, each.outcome, accepted=stays.num_rows, set_aside=each.rows_set_aside,
                out_of_scope=each.rows_out_of_scope + gone, reason=each.reason, scope_digest=each.scope_digest,
            )  # fmt: skip
        written[str(path.relative_to(home.root))] = digest_of(path) if path.exists() else None
    bookkeeping.audit(
        home, ledger, "judged", {"run_date": day.isoformat(), "family": dataset_group, "parts": written}, who=who
    )


# outputs and releases


@dataclass(frozen=True)
class _Words:
    """The words by which a person is recognised in a text."""

    numbers: frozenset[str]
    names: frozenset[str]
    telephones: frozenset[str]
    """Telephone numbers and bank accounts."""
    addresses: frozenset[str] = frozenset()
    cases: frozenset[str] = frozenset()
    """Ids of warnings, samples and questions that are about this person alone."""

    @staticmethod
    def of(home: Home, ledger: Ledger, person_id: str, number: str) -> _Words:
        """Gather the words from rows and the current release, and the typed ID number (may be '')."""
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.compute as pc  # noqa: PLC0415
        import pyarrow.parquet as pq  # noqa: PLC0415

        from low_income import warehouse  # noqa: PLC0415 - brings duckdb

        asked = pa.array([person_id], pa.string())
        found: dict[str, set[str]] = {"number": {number}, "name": set(), "telephone": set(), "address": set()}
        cases = set[str]()
        for path in sorted(home.accepted.glob("*/*.parquet")):
            kind = contracts.load().kinds.get(path.parent.name)
            person = kind.person if kind else None
            columns = _SAYS_WHO | {
                person.name if person else "name": "name",
                person.id_number if person else "number": "number",
            }
            there = set(pq.read_schema(path).names)
            if "person_id" not in there:
                continue
            table = pq.read_table(path, columns=sorted({"person_id", *columns} & there))
            his = table.filter(pc.is_in(table["person_id"], value_set=asked))
            for column in sorted(columns.keys() & there):
                found[columns[column]] |= {str(value) for value in his.column(column).to_pylist() if value}
        if home.warehouse.exists():
            with closing(warehouse.read(home.warehouse, seal.release_keys(home))) as con:
                for sort, query in _ASKS_WHO.items():
                    found[sort] |= {str(value) for (value,) in con.execute(query, [person_id]).fetchall() if value}
                cases = {of_case for (of_case,) in con.execute(_CASES, [person_id]).fetchall()}
        long = {one for one in found["number"] if len(one) == _LONG}
        numbers = long | {one.lower() for one in long} | {f"{one[:6]}{one[8:17]}" for one in long}
        names, telephones, addresses = (frozenset(found[sort] - {""}) for sort in ("name", "telephone", "address"))
        return _Words(frozenset(numbers), names, telephones, addresses, frozenset(cases))

    def stand_in(self, text: str) -> bool:
        """Whether a text is about the person, however it is written.

        Recognised by number, telephone, account or case; by name only together with the masked number or the address.
        """
        told = _folded(text)
        beside = {mask(one) for one in self.numbers if len(one) == _LONG} | self.addresses
        return any(_folded(word) in told for word in self.numbers | self.telephones | self.cases) or (
            any(_folded(word) in told for word in beside) and any(_folded(name) in told for name in self.names)
        )


_LONG = 18
_SAYS_WHO = {
    "phone": "telephone", "bank_account": "telephone", "address": "address", "registered_address": "address",
    "current_address": "address",
}  # fmt: skip
"""Column of accepted rows → the sort of word that it holds; name and number are found by the contract."""
_HEADED = "select household_id from household where head_person_id = $1"
_ALONE = f"""{_HEADED} and household_id not in (select household_id from household_member where person_id <> $1)"""
_ASKS_WHO = {
    "number": "select id_number from person where person_id = $1",
    "name": "select name from person where person_id = $1",
    "telephone": f"select phone from visit_contact where household_id in ({_HEADED})",
    "address": f"select address from visit_contact where household_id in ({_HEADED})",
}
_CASES = f"""select warning_id from warning where person_id = $1 or subject_id in ({_ALONE})
    union select warning_id from warning_withdrawn where subject_id = $1 or subject_id in ({_ALONE})
    union select sample_id from sample_check where subject_id = $1 or subject_id in ({_ALONE})
    union select question_id from identity_question where left_ref = $1 or right_ref = $1"""
_TAG = re.compile(r"<[^>]*>")
_ENCODING = re.compile(rb"<\?xml[^>]*encoding=[\"']([\w.-]+)")


def _folded(text: str) -> str:
    """Half-width, lower case, no blanks: lists compare words like this, and a copy has them as the sender wrote them."""
    return text.translate({ord(each): fold_word(each) for each in set(text)})


def _outputs_about(home: Home, words: _Words) -> list[Path]:
    """Returned copies, lists and letters in which the person is named."""
    files = (path for folder in (home.returns, home.lists, home.outbox) for path in sorted(folder.rglob("*")))
    return [path for path in files if path.is_file() and words.stand_in(f"{path.name}\n{_text_of(path)}")]


def _text_of(path: Path) -> str:
    """The whole text of one of our workbooks or letters. A word that is styled in pieces is also given as one word."""
    if not zipfile.is_zipfile(path):
        return path.read_text(encoding="utf-8", errors="replace")
    with zipfile.ZipFile(path) as book:
        told = [_decoded(book.read(name)) for name in book.namelist()]
    # Name and masked number may stand in different parts of the file (comments, texts).
    return "\n".join(html.unescape(each) for each in [*told, *(_TAG.sub("", text) for text in told)])


def _decoded(part: bytes) -> str:
    """A part of a workbook as text. Unchanged parts still have the encoding of the sender's program."""
    if part[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return part.decode("utf-16", errors="replace")
    says = _ENCODING.match(part)
    with suppress(LookupError):
        return part.decode(says[1].decode() if says else "utf-8", errors="replace")
    return part.decode("utf-8", errors="replace")


def _said_of(home: Home, ledger: Ledger, person_id: str, words: _Words) -> set[Row]:
    """Places of error lines about the person, without rows of other people. Such rows may not be kept, as in a file that is held."""
    from low_income.night import issues  # noqa: PLC0415 - brings pandas

    said = issues.rows_about(home, words.stand_in)
    kinds = {each.submission_id: str(each.kind) for each in ledger.submissions()}
    return said - {
        place
        for of in {of for of, _, _ in said} & kinds.keys()
        for folder in (kinds[of], *accepted_store.BESIDE_ACCEPTED)
        for place in _others_rows(accepted_store.rows_path(home, folder, of), person_id)
    }


def _held_rows(home: Home, ledger: Ledger, words: _Words) -> set[Row]:
    """Places of the person in held files. These are read again, since none of their rows is kept, while error lines may be."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    found = set[Row]()
    there = set(archive.kept(home))
    for each in ledger.submissions():
        if each.status != "held" or each.sha256 not in there:
            continue
        for reading in read_file(home, each):
            if reading.kind == each.kind and reading.rows_path:
                for row in pq.read_table(reading.rows_path).to_pylist():
                    if words.stand_in("\n".join(str(cell) for cell in row.values())):
                        found.add((each.submission_id, row["sheet"] or "", int(row["row_number"])))
    return found


def _others_rows(path: Path, person_id: str) -> Iterator[Row]:
    """Places of other people's rows in a file of accepted/."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    if path.exists():
        for row in pq.read_table(path, columns=["sheet", "row_number", "person_id"]).to_pylist():
            if row["person_id"] not in (None, person_id):
                yield path.stem, row["sheet"] or "", int(row["row_number"])


def _wrote(line: DecisionLine) -> str:
    return "\n".join(word for word in line.words.values() if word)


def _leave_out(home: Home, ledger: Ledger, left_out: Callable[[Path], LeftOut], *, who: str) -> list[str]:
    """Remove every release that was built on removed rows; returns the names of removed releases.

    The current one is built again for its night. The one before it, with which that night is compared, is copied without the
    content about removed rows.
    """
    from low_income import warehouse  # noqa: PLC0415 - brings duckdb

    night = current_night(home.root)
    kept = set[str]()
    if night is not None:
        if previous := warehouse.previous_release(home.releases, night, seal.release_keys(home)):
            fresh = home.work / "left-out"
            shutil.rmtree(fresh, ignore_errors=not fresh.exists())
            if warehouse.without(previous.parent, left_out(previous), fresh, seal.release_keys(home)):
                number = warehouse.next_number(home.releases)
                about = {"releases": {str(number): published.files_of(fresh)}}
                bookkeeping.audit(home, ledger, "left_out", about, who=who)
                kept.add(warehouse.keep(fresh, home.releases, number).name)
            else:
                kept.add(previous.parent.name)
        run.build(home.root, night)
        kept.add(Path(run.publish(home.root, night)).name)
    others = warehouse.others(home.releases, kept)
    whole = [name for name in others if not name.startswith(PART)]
    bookkeeping.audit(home, ledger, "left_out", {"releases": {name.split(".")[0]: None for name in whole}}, who=who)
    warehouse.drop(home.releases, others)
    return whole


def _of_him(
    home: Home,
    ledger: Ledger,
    begun: _Begun,
    gone: Collection[Row],
    decisions: frozenset[str],
    release: Path,
    *,
    is_known: bool,
) -> LeftOut:
    """What a release holds about removed rows: issues, and warnings on the person or household with evidence from such a row.

    When no row of the person `is_known` any more, also the person, and issues of purged files, which may quote the person. When
    others live in the household, its row in `household` stays, so that references of theirs stay valid.
    """
    from low_income import warehouse  # noqa: PLC0415 - brings duckdb

    told = """select warning_id, coalesce(person_id, '') = $1, evidence from warning where person_id = $1
        or household_id in (select household_id from household_member where person_id = $1)"""
    said = "select issue_id, submission_id, sheet, row from validation_issue"
    beside = """select count(*) from household_member where person_id <> $1
        and household_id in (select household_id from household where head_person_id = $1)"""
    withdrawn = """select warning_id from warning_withdrawn where subject_id = $1
        or household_id in (select household_id from household where head_person_id = $1)"""
    lives_in = "select household_id from household_member where person_id = $1"
    there = {each.submission_id for each in ledger.submissions()}
    person_id = begun.person_id
    with closing(warehouse.read(release, seal.release_keys(home))) as con:
        warnings = {
            warning_id
            for warning_id, is_his, evidence in con.execute(told, [person_id]).fetchall()
            if (is_his and not is_known)
            or any((each["submission_id"], each["sheet"] or "", each["row"]) in gone for each in json.loads(evidence))
        }
        issues = {
            issue_id
            for issue_id, of, sheet, row in con.execute(said).fetchall()
            if (of, sheet, row) in gone or (of not in there and not is_known)
        }
        [(others,)] = con.execute(beside, [person_id]).fetchall()
        if not is_known:  # warning_history names these on the night of their withdrawal
            warnings |= {warning_id for (warning_id,) in con.execute(withdrawn, [person_id]).fetchall()}
        contacts = {household_id for (household_id,) in con.execute(lives_in, [person_id]).fetchall()}
    strange = set() if is_known else {*begun.words.numbers, person_id}
    return warehouse.LeftOut(
        frozenset(warnings | strange),
        frozenset(issues),
        frozenset(contacts),
        decisions,
        frozenset({"household"} if others else ()),
    )


# what stays


def _months(home: Home, day: date) -> dict[str, int]:
    return {value.key: int(value.value) for value in home.policy.on(day) if value.key.startswith("retention_")}


def _remains(
    home: Home, ledger: Ledger, originals: Collection[str], day: date, *, is_whole: bool
) -> Iterator[dict[str, str]]:
    """Places where data of the person may remain, why, and until when; in Chinese."""
    months, kept_for = _months(home, day), home.settings.retention
    there = set(archive.kept(home))
    files = {each.sha256 for each in ledger.submissions() if each.submission_id in originals and each.sha256 in there}
    yield {
        "在哪里": f"收到的原始文件（加密，archive/）：读出过本人的 {len(files)} 份，搁置、退回的文件和填好交回的清单里也可能有",
        "为什么": "报送的依据，里面也有别人；只在读取和标注时打开",
        "到什么时候": f"采用过的满 {months['retention_facts']} 个月、没有采用的满 {months['retention_archive']} 个月，并且有了更新的一份以后",
    }  # fmt: skip
    yield {
        "在哪里": "日志（journal.jsonl，密封）",
        "为什么": "谁在什么时候为什么清除，要能查考；本人只写人员编号，没有号码、姓名、住址和电话；收到的文件的名称和经办人写的理由照原样保存",
        "到什么时候": "和日志一起一直保存",
    }  # fmt: skip
    yield {
        "在哪里": "人员编号（accepted/scope/）", "为什么": "记着谁曾经在范围内，好知道谁重新进入；没有钥匙（identity.key）变不回号码",
        "到什么时候": "下一次按范围核对以后只剩在范围内的人",
    }  # fmt: skip
    if not is_whole:
        yield {
            "在哪里": "退回件、清单、信和保留着的各版数据", "为什么": "名下的数据都还有理由保存，见上",
            "到什么时候": f"退回件、清单和信满 {kept_for.workbook_days} 天；各版数据由更新的 {kept_for.releases} 版代替以后",
        }  # fmt: skip
    yield {
        "在哪里": "交回的清单里登记的结果（运行记录库密封保存，各版数据里也有）"
        if is_whole else "交回的清单里登记的结果和写的话（运行记录库、各版数据）",
        "为什么": "谁核查、哪天、结果怎样，要能查考" + ("；写到本人的措施和说明已抹去" if is_whole else ""),
        "到什么时候": f"满 {months['retention_facts']} 个月，并且有关的预警和判断不再公布以后",
    }  # fmt: skip
    yield {
        "在哪里": "没有写证件号、证件号写错的行，单独写的姓名、住址或电话，文件和工作表的名称",
        "为什么": "名下没有数据能说明写的是本人，按号码查不到",
        "到什么时候": f"和所在的文件、清单一样：收到的满 {months['retention_facts']} 个月以后，退回件、清单和信满 {kept_for.workbook_days} 天",
    }  # fmt: skip
    if home.settings.ledger != "sqlite":
        yield {
            "在哪里": "运行记录库（PostgreSQL）的 WAL、归档的 WAL、备库和备份",
            "为什么": "本程序只能重写自己的表；那里的文字是密封的",
            "到什么时候": "由数据库管理员按备份的保存期限清除",
        }  # fmt: skip
    yield {
        "在哪里": "数据目录的备份、收件箱（inbox/、decisions/inbox/）里还没有收的文件、已经取走的退回件和清单",
        "为什么": "不在本程序手里", "到什么时候": "由保管的人清除",
    }  # fmt: skip
    yield {
        "在哪里": "磁盘的空闲块", "为什么": "删除的文件要到被覆盖才没有", "到什么时候": "靠卷加密保护",
    }  # fmt: skip
